//! How artifacts were built: what signed statements of SLSA provenance say of each.

use super::requirement::{Requirements, RuleContext, age_of_roots, each};
use crate::attest::chain::{self, ChainRefusal, NamedKey};
use crate::attest::dsse::AttestationDocument;
use crate::attest::provenance::{Form, Material};
use crate::attest::statement::digest_hex;
use crate::attest::{CertificateFacts, InTotoStatement, Provenance};
use crate::finding::clean_line;
use crate::policy::{
    CertificateClaim, DocumentKind, IdentityGlob, PathGlob, PredicateKind, ProvenanceRule, is_placeholder,
};

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &ProvenanceRule, world: RuleContext<'_>) -> Requirements {
    match world.keys(&rule.signed_by) {
        Ok(keys) => each(&rule.subjects, |subject| of_subject(rule, &keys, world, subject)),
        Err(undecided) => Requirements { undecided, ..Requirements::default() },
    }
}

/// Placeholders that have still to be filled in.
pub(super) fn placeholders(rule: &ProvenanceRule) -> Option<String> {
    let all = rule.builder.iter().map(IdentityGlob::text).chain(rule.source.iter().map(String::as_str));
    let found = all.filter(|text| is_placeholder(text)).map(clean_line).collect::<Vec<_>>();
    let are = if found.len() == 1 { "is a placeholder" } else { "are placeholders" };
    (!found.is_empty()).then(|| {
        format!(
            "{} {are}: put your own builder and source there, as the provenance names them",
            found.join(", ")
        )
    })
}

/// A statement about the artifact.
struct ProvenanceStatement {
    place: String,
    signed_by: Vec<String>,
    provenance: Provenance,
    /// Where the statement and a certificate say different things.
    contradictions: Vec<String>,
}

fn of_subject(
    rule: &ProvenanceRule,
    keys: &[NamedKey],
    world: RuleContext<'_>,
    subject: Option<&str>,
) -> Requirements {
    let Some(artifact) = world.context.artifact(subject) else {
        return Requirements::undecided(
            "the run does not say which artifact it is about; give --subject NAME@sha256:HEX",
        );
    };
    if rule.commit && world.context.commits.is_empty() {
        return Requirements::undecided("the run does not say which commit it is about; give --commit SHA");
    }
    // Who built an index has built what is in it; else there is a statement about the image of each platform.
    let context = world.context;
    let mut whole = vec![artifact.digest.as_str()];
    whole.extend(context.indexes_with(&artifact.digest));
    let platforms = context.platforms(&artifact.digest);
    let of_whole = of_digests(rule, keys, world, subject, &whole);
    if of_whole.unmet.is_empty() || platforms.is_empty() {
        return of_whole;
    }
    let mut of_platforms = Requirements::default();
    for image in platforms {
        let demands = of_digests(rule, keys, world, subject, &[&image.digest]);
        of_platforms.extend(demands.of_subject(&clean_line(&image.platform)));
    }
    if of_platforms.unmet.len() < of_whole.unmet.len() + platforms.len() { of_platforms } else { of_whole }
}

/// What statements about an artifact with one of these digests meet.
fn of_digests(
    rule: &ProvenanceRule,
    keys: &[NamedKey],
    world: RuleContext<'_>,
    subject: Option<&str>,
    digests: &[&str],
) -> Requirements {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for (place, document) in world.statements(DocumentKind::Provenance, subject) {
        let opened = document.and_then(|document| open(rule, keys, &place, document));
        let (statement, signed_by, certificates) = match opened {
            Ok(opened) => opened,
            Err(refused) => {
                others.push(format!("{} {}", refused.place, refused.why));
                continue;
            }
        };
        if !digests.iter().any(|digest| statement.is_about(digest_hex(digest))) {
            others.push(format!("{place} is about another artifact"));
        } else if let Some(mut provenance) = Provenance::from_statement(&statement) {
            let contradictions =
                certificates.iter().flat_map(|certificate| certify(&mut provenance, certificate)).collect();
            found.push(ProvenanceStatement { place, signed_by, provenance, contradictions });
        } else {
            others.push(format!("{place} is not provenance but {}", clean_line(&statement.predicate_type)));
        }
    }
    let mut demands = Requirements::default();
    let old_root = age_of_roots(keys, world.context.now);
    // One statement that says all is enough; of several that do not, the nearest is told.
    let mut judged: Vec<(Vec<String>, &ProvenanceStatement)> =
        found.iter().map(|one| (faults(rule, world, one), one)).collect();
    judged.sort_by(|(a, first), (b, second)| a.len().cmp(&b.len()).then(first.place.cmp(&second.place)));
    match judged.into_iter().next() {
        None => {
            let why = if others.is_empty() { String::new() } else { format!(": {}", others.join("; ")) };
            let signed = if keys.is_empty() { "" } else { "signed " };
            demands.unmet(format!(
                "there is no {signed}provenance of {}{why}",
                digests.first().copied().unwrap_or_default()
            ));
        }
        Some((faults, one)) if faults.is_empty() => {
            demands.met.push(describe_statement(one));
            demands.met.extend(old_root);
        }
        Some((faults, one)) => {
            for fault in faults {
                demands.unmet(format!("{}: {fault}", one.place));
            }
            // Who has filled in the keys and nothing else is told what else there is.
            if let (Some(last), Some(fill_in)) = (demands.unmet.last_mut(), placeholders(rule)) {
                last.text = format!("{}; {fill_in}", last.text);
            }
        }
    }
    demands
}

/// A statement, the names of its signers, and what their certificates say.
type OpenedStatement = (InTotoStatement, Vec<String>, Vec<CertificateFacts>);

/// Opens a document; without `signed_by` no signature counts.
fn open(
    rule: &ProvenanceRule,
    keys: &[NamedKey],
    place: &str,
    document: AttestationDocument,
) -> Result<OpenedStatement, ChainRefusal> {
    if !rule.signed_by.is_empty() {
        let signed = chain::open(place, &document, keys)?;
        return Ok((signed.statement, signed.keys, signed.certificates));
    }
    let refuse = |why: String| ChainRefusal { place: place.to_owned(), why };
    let text = match document {
        AttestationDocument::Bare(text) => text,
        AttestationDocument::Signed(envelope) => envelope.payload,
        AttestationDocument::OfFile(_) => return Err(refuse(chain::OF_FILE.to_owned())),
    };
    let statement = InTotoStatement::parse(&text).map_err(|error| refuse(error.to_string()))?;
    Ok((statement, Vec::new(), Vec::new()))
}

/// Adds to provenance what the certificate of its signer says, which whoever runs the job cannot choose; returns where
/// the two contradict each other.
fn certify(provenance: &mut Provenance, certificate: &CertificateFacts) -> Vec<String> {
    let mut contradictions = Vec::new();
    let claim = |claim: CertificateClaim| certificate.claims.get(&claim).map(String::as_str);
    let mut differ = |what: &str, stated: &str, certified: &str| {
        contradictions.push(format!(
            "its statement and the certificate of its signer contradict each other: {what} {} and {}",
            clean_line(stated),
            clean_line(certified)
        ));
    };
    if let Some(repository) = claim(CertificateClaim::SourceRepositoryUri) {
        let (commit, reference) =
            (claim(CertificateClaim::SourceRepositoryDigest), claim(CertificateClaim::SourceRepositoryRef));
        let commit = commit.map(str::to_ascii_lowercase);
        if provenance.sources.is_empty() {
            let digest = commit.iter().map(|commit| ("gitCommit".to_owned(), commit.clone())).collect();
            let reference = reference.map(str::to_owned);
            provenance.sources.push(Material { uri: repository.to_owned(), reference, digest });
        } else if !provenance.sources.iter().any(|source| source.is_of(repository)) {
            let stated: Vec<&str> = provenance.sources.iter().map(|source| source.uri.as_str()).collect();
            differ("the sources are", &stated.join(", "), repository);
        } else {
            for source in provenance.sources.iter_mut().filter(|source| source.is_of(repository)) {
                match (&source.reference, reference) {
                    (Some(stated), Some(certified)) if stated != certified => {
                        differ("the refs are", stated, certified);
                    }
                    (None, Some(certified)) => source.reference = Some(certified.to_owned()),
                    _ => {}
                }
                let Some(certified) = &commit else { continue };
                let stated: Vec<String> = source.commits().map(str::to_owned).collect();
                match stated.first() {
                    Some(first) if !stated.contains(certified) => differ("the commits are", first, certified),
                    Some(_) => {}
                    None => {
                        source.digest.insert("gitCommit".to_owned(), certified.clone());
                    }
                }
            }
        }
    }
    let Some(signer) = claim(CertificateClaim::BuildSignerUri) else { return contradictions };
    let is_workflow = |id: &str| id.contains("/.github/workflows/");
    match provenance.builder.as_deref() {
        None => provenance.builder = Some(signer.to_owned()),
        // A builder that is a workflow signs as that workflow.
        Some(stated) if is_workflow(stated) && is_workflow(signer) && stated != signer => {
            differ("the builders are", stated, signer);
        }
        Some(stated) => {
            let hosted = stated.strip_prefix("https://github.com/actions/runner/");
            if let (Some(hosted), Some(certified)) = (hosted, claim(CertificateClaim::RunnerEnvironment))
                && hosted != certified
            {
                differ("the runners are", hosted, certified);
            }
        }
    }
    contradictions
}

/// Requirements that a statement does not meet.
fn faults(rule: &ProvenanceRule, world: RuleContext<'_>, found: &ProvenanceStatement) -> Vec<String> {
    let provenance = &found.provenance;
    let mut faults = found.contradictions.clone();
    let form = match provenance.form {
        Form::SlsaV1 => PredicateKind::SlsaV1,
        Form::SlsaV02 => PredicateKind::SlsaV02,
        Form::SlsaV01 => PredicateKind::SlsaV01,
        Form::Witness => PredicateKind::Witness,
    };
    if !rule.predicate.is_empty() && !rule.predicate.contains(&form) {
        faults.push(format!("it is {}, which the rule does not accept", provenance.form.as_str()));
    }
    match &provenance.builder {
        _ if rule.builder.is_empty() => {}
        None => faults.push("it does not say who built it".to_owned()),
        Some(builder) if rule.builder.iter().any(|glob| glob.matches(builder)) => {}
        Some(builder) => faults.push(format!("it was built by {}", clean_line(builder))),
    }
    if rule.source.is_empty() && rule.r#ref.is_empty() && !rule.commit {
        return faults;
    }
    match sources(rule, provenance) {
        Err(fault) => faults.push(fault),
        Ok(sources) => {
            for source in sources {
                faults.extend(reference_fault(&rule.r#ref, source));
                faults.extend(commit_fault(rule, world, source));
            }
        }
    }
    faults.dedup();
    faults
}

/// Materials of the build, as far as the rule asks about them.
fn sources<'p>(rule: &ProvenanceRule, provenance: &'p Provenance) -> Result<Vec<&'p Material>, String> {
    let all: Vec<&Material> = provenance.sources.iter().collect();
    let Some(first) = all.first() else {
        return Err("it does not say from which source it was built".to_owned());
    };
    if rule.source.is_empty() {
        return if all.iter().all(|source| source.is_of(&first.uri)) {
            Ok(all)
        } else {
            Err("it names several sources; say in the rule which are meant: `source: [git+https://…]`"
                .to_owned())
        };
    }
    let other = |source: &&&Material| !rule.source.iter().any(|wanted| source.is_of(wanted));
    let others: Vec<String> =
        all.iter().filter(other).map(|source| clean_line(&source.uri).into_owned()).collect();
    if others.is_empty() { Ok(all) } else { Err(format!("it was built from {}", others.join(" and "))) }
}

fn reference_fault(wanted: &[PathGlob], source: &Material) -> Option<String> {
    if wanted.is_empty() {
        return None;
    }
    match &source.reference {
        None => Some("it does not say from which branch or tag it was built".to_owned()),
        Some(reference) if wanted.iter().any(|glob| glob.matches_path(reference)) => None,
        Some(reference) => Some(format!("it was built from {}", clean_line(reference))),
    }
}

fn commit_fault(rule: &ProvenanceRule, world: RuleContext<'_>, source: &Material) -> Option<String> {
    if !rule.commit {
        return None;
    }
    let ours = &world.context.commits;
    let theirs: Vec<&str> = source.commits().collect();
    match theirs.first() {
        None => Some("it does not say from which commit it was built".to_owned()),
        Some(_) if theirs.iter().any(|commit| ours.iter().any(|ours| ours == commit)) => None,
        Some(first) => {
            Some(format!("it was built from commit {}, not {}", clean_line(first), ours.join(" or ")))
        }
    }
}

fn describe_statement(found: &ProvenanceStatement) -> String {
    let builder = found.provenance.builder.as_deref().map_or("somebody".into(), clean_line);
    match found.signed_by.as_slice() {
        [] => format!("{} says that {builder} built it; nobody signed that for this rule", found.place),
        keys => format!("built by {builder}, signed by {} ({})", keys.join(" and "), found.place),
    }
}

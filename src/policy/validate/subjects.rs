//! Subject of the gate, whose signatures count, and the demands of rules about images, SBOMs, provenance,
//! approvals and earlier verdicts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::error::{PolicyProblems, SourcePosition, nearest, quoted};
use super::super::identity::{
    CertificateClaim, CertificateIdentity, EmbeddedRoot, IdentityGlob, TrustedRootSource,
};
use super::super::license::{LicenseList, LicenseTerms};
use super::super::subject::{
    ApprovalsRule, DecidedOn, GateSubject, ImageGlob, ImageRule, LicenseException, LicenseRule, PinnedFile,
    ProvenanceRule, SbomRule, SignerKey, SignerMaterial, SignerValidity, SummaryDemand, SummaryPredicateKind,
    VerdictClock, VerdictWord, VerdictsRule,
};
use super::super::written::{self, At, Many, Name, Table};
use super::super::{Action, PathGlob, PurlGlob};
use super::{LONGEST_ID, keep_compiled, path_globs};
use crate::finding::is_sha256;
use crate::policy::diagnostics::PolicyDiagnostic;

/// The word that stands for every subject.
const EACH: &str = "each";

/// Subject of the gate, in the order written.
pub(super) fn subjects(
    written: Option<At<Table<written::GateSubject>>>,
    problems: &mut PolicyProblems,
) -> Vec<GateSubject> {
    let table = written.map(|table| table.value.0).unwrap_or_default();
    table
        .into_iter()
        .filter_map(|(name, subject)| {
            // The name stands in names of files.
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if !name.value.chars().all(fits)
                || name.value.starts_with('.')
                || name.value.len() > LONGEST_ID
                || name.value == EACH
            {
                problems.add(name.at, PolicyDiagnostic::InvalidSubjectName { shown: quoted(&name.value) });
                return None;
            }
            Some(GateSubject { name: name.value, line: name.at.line, kind: subject.value.kind?.value })
        })
        .collect()
}

/// Those whose signatures count, with what their files hold.
pub(super) fn keys(
    written: Option<At<Table<written::Key>>>,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
    problems: &mut PolicyProblems,
) -> Vec<SignerKey> {
    let table = written.map(|table| table.value.0).unwrap_or_default();
    table.into_iter().filter_map(|(name, key)| self::key(name, key.value, files, problems)).collect()
}

fn key(
    name: At<Name>,
    written: written::Key,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
    problems: &mut PolicyProblems,
) -> Option<SignerKey> {
    let user = written.user.as_ref().map(|user| {
        let plain = super::user_name(&user.value).map(str::to_owned);
        if plain.is_none() {
            problems.add(user.at, PolicyDiagnostic::InvalidUser { shown: quoted(&user.value) });
        }
        plain.unwrap_or_default()
    });
    let keyless =
        ["trusted_root", "issuer", "identity", "claims"].iter().any(|key| written.given.contains(key));
    let validity = validity(&name, &written, files, problems);
    let signer = match (written.given.contains(&"file"), keyless) {
        (true, false) => public_key(&name, written, files, problems).map(SignerMaterial::PublicKey),
        (false, true) => identity(&name, written, files, problems)
            .map(|identity| SignerMaterial::Identity(Box::new(identity))),
        (true, true) => {
            problems.add(name.at, PolicyDiagnostic::KeyAndIdentity { shown: quoted(&name.value) });
            None
        }
        (false, false) => {
            problems.add(name.at, PolicyDiagnostic::KeyWithoutKind);
            None
        }
    };
    Some(SignerKey { line: name.at.line, name: name.value, user, signer: signer?, validity })
}

/// Until when the signatures of a key count.
fn validity(
    name: &At<Name>,
    written: &written::Key,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
    problems: &mut PolicyProblems,
) -> Option<SignerValidity> {
    let mut time = |text: Option<&At<Name>>| -> Option<Timestamp> {
        let text = text?;
        let time = text.value.parse().ok();
        if time.is_none() {
            let shown = quoted(&text.value);
            problems.add(text.at, PolicyDiagnostic::InvalidKeyTime { shown });
        }
        time
    };
    let (not_after, revoked) = (time(written.not_after.as_ref()), time(written.revoked.as_ref()));
    let timestamps = written.timestamps.as_ref().and_then(|root| {
        let digest = written.timestamps_sha256.as_ref();
        match (EmbeddedRoot::from_word(&root.value), digest) {
            (Some(embedded), None) => Some(TrustedRootSource::Embedded(embedded)),
            (Some(embedded), Some(digest)) => {
                let root = embedded.as_str().to_owned();
                problems.add(digest.at, PolicyDiagnostic::EmbeddedRootPinned { root });
                None
            }
            (None, Some(digest)) => {
                let sha256 = hex(digest, &digest.value, "`timestamps_sha256`", problems)?;
                let what = "the trusted root of the time stamps";
                Some(TrustedRootSource::File(pinned(name, root.value.clone(), sha256, what, files)))
            }
            (None, None) => {
                missing(name, "timestamps_sha256", problems);
                None
            }
        }
    });
    if written.timestamps.is_none() && written.given.contains(&"timestamps_sha256") {
        missing(name, "timestamps", problems);
    }
    let until = not_after.into_iter().chain(revoked).min();
    if until.is_none() {
        if written.timestamps.is_some() && !written.given.contains(&"not_after") {
            missing(name, "not_after", problems);
        }
        return None;
    }
    Some(SignerValidity { until: until?, revoked: revoked.is_some() && revoked == until, timestamps })
}

/// A key that has to be there beside another.
fn missing(name: &At<Name>, key: &'static str, problems: &mut PolicyProblems) {
    problems.add(name.at, PolicyDiagnostic::KeyWithout { key, shown: quoted(&name.value) });
}

fn public_key(
    name: &At<Name>,
    written: written::Key,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
    problems: &mut PolicyProblems,
) -> Option<PinnedFile> {
    if written.sha256.is_none() && !written.given.contains(&"sha256") {
        missing(name, "sha256", problems);
    }
    let sha256 = written.sha256.and_then(|digest| hex(&digest, &digest.value, "`sha256`", problems));
    Some(pinned(name, written.file?.value, sha256?, "the public key", files))
}

/// A file with the digest that it must have.
fn pinned(
    name: &At<Name>,
    file: String,
    sha256: String,
    what: &str,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
) -> PinnedFile {
    let shown = crate::finding::clean(&file).into_owned();
    let place = format!("keys.{}", crate::finding::clean(&name.value));
    let bytes = if sha256.bytes().all(|b| b == b'0') {
        Err(format!("{place} is a placeholder: put {what} into {shown} and its SHA-256 into `sha256`"))
    } else {
        match files.get(&file) {
            Some(Ok(bytes)) => {
                let is = super::super::load::sha256(bytes);
                if is == sha256 {
                    Ok(bytes.clone())
                } else {
                    Err(format!("{place}: {shown} has sha256:{is}, and the policy demands sha256:{sha256}"))
                }
            }
            Some(Err(why)) => Err(format!("{place}: {why}")),
            None => Err(format!("{place}: {shown} was not read")),
        }
    };
    PinnedFile { file, sha256, bytes }
}

/// Whoever a certificate must have been issued to.
fn identity(
    name: &At<Name>,
    written: written::Key,
    files: &BTreeMap<String, Result<Vec<u8>, String>>,
    problems: &mut PolicyProblems,
) -> Option<CertificateIdentity> {
    for key in ["issuer", "identity"].into_iter().filter(|key| !written.given.contains(key)) {
        missing(name, key, problems);
    }
    let named = written.trusted_root.as_ref().map(|root| root.value.as_str());
    let embedded = match named {
        None => Some(EmbeddedRoot::Sigstore),
        Some(word) => EmbeddedRoot::from_word(word),
    };
    let root = match (embedded, written.trusted_root, written.sha256) {
        (Some(embedded), _, None) => Some(TrustedRootSource::Embedded(embedded)),
        (Some(embedded), _, Some(digest)) => {
            problems
                .add(digest.at, PolicyDiagnostic::EmbeddedRootPinned { root: embedded.as_str().to_owned() });
            None
        }
        (None, Some(file), Some(digest)) => hex(&digest, &digest.value, "`sha256`", problems).map(|sha256| {
            TrustedRootSource::File(pinned(name, file.value, sha256, "the trusted root", files))
        }),
        (None, _, None) => {
            if !written.given.contains(&"sha256") {
                missing(name, "sha256", problems);
            }
            None
        }
        (None, None, Some(_)) => None,
    };
    let issuer = written.issuer.and_then(|issuer| {
        if issuer.value.contains('*') {
            problems.add(issuer.at, PolicyDiagnostic::WildcardInIssuer { shown: quoted(&issuer.value) });
            return None;
        }
        Some(issuer.value)
    });
    let claims = written.claims.map(|table| table.value.0).unwrap_or_default();
    let claims = claims
        .into_iter()
        .filter_map(|(word, wanted)| {
            let Some(claim) = CertificateClaim::from_word(&word.value) else {
                let known: Vec<&str> = CertificateClaim::ALL.iter().map(|claim| claim.as_str()).collect();
                let diagnostic = PolicyDiagnostic::UnknownClaim { shown: quoted(&word.value) };
                problems.unknown(word.at, diagnostic, &word.value, &known);
                return None;
            };
            Some((claim, identity_globs(&wanted.value.0, word.value.as_str(), problems)))
        })
        .collect();
    let identity = identity_globs(&written.identity?.value.0, "identity", problems);
    Some(CertificateIdentity { root: root?, issuer: issuer?, identity, claims })
}

fn identity_globs(list: &[At<Name>], key: &str, problems: &mut PolicyProblems) -> Vec<IdentityGlob> {
    list.iter()
        .filter_map(|glob| keep_compiled(IdentityGlob::new(&glob.value), glob, key, problems))
        .collect()
}

/// 64 hexadecimal digits in lower case.
fn hex(at: &At<Name>, text: &str, what: &'static str, problems: &mut PolicyProblems) -> Option<String> {
    if is_sha256(text) {
        return Some(text.to_ascii_lowercase());
    }
    problems.add(at.at, PolicyDiagnostic::InvalidDigest { what, shown: quoted(&at.value) });
    None
}

/// The subjects that `subject` names; without it the one that the policy has, or the run's one artifact.
pub(in super::super) fn which(
    written: Option<&At<Many<Name>>>,
    subjects: &[GateSubject],
    at: SourcePosition,
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let all = || subjects.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let Some(list) = written else {
        if subjects.len() > 1 {
            problems.add(at, PolicyDiagnostic::SubjectNotSaid { count: subjects.len() });
        }
        return all();
    };
    let mut named = Vec::new();
    for one in &list.value.0 {
        if one.value == EACH {
            if subjects.is_empty() {
                problems.add(one.at, PolicyDiagnostic::NoSubjects);
            }
            return all();
        }
        if subjects.iter().any(|s| s.name == one.value) {
            named.push(one.value.clone());
        } else {
            let known: Vec<&str> = subjects.iter().map(|s| s.name.as_str()).collect();
            let diagnostic = PolicyDiagnostic::UnknownSubject { shown: quoted(&one.value) };
            problems.add_near(one.at, diagnostic, nearest(&one.value, &known));
        }
    }
    named
}

/// Requirements of an `image` rule.
pub(super) fn image(
    written: At<written::ImageRule>,
    subjects: &[GateSubject],
    problems: &mut PolicyProblems,
) -> ImageRule {
    let At { at, value: written } = written;
    let demands = ["registry", "digest", "created_within", "base", "base_created_within", "os_end_of_life"];
    if !demands.iter().any(|key| written.given.contains(key)) {
        problems.add(at, PolicyDiagnostic::ImageWithoutDemand { demands: listed(&demands) });
    }
    if let Some(At { at, value: true }) = written.os_end_of_life {
        problems.add(at, PolicyDiagnostic::EndOfLifeDemanded);
    }
    ImageRule {
        subjects: which(written.subject.as_ref(), subjects, at, problems),
        registry: images(written.registry, "registry", problems),
        digest: written.digest.is_some(),
        created_within: written.created_within.map(|age| age.value.0),
        base: images(written.base, "base", problems),
        base_created_within: written.base_created_within.map(|age| age.value.0),
        os_maintained: written.os_end_of_life.is_some(),
    }
}

fn listed(words: &[&str]) -> String {
    super::super::error::listed(words)
}

/// Globs of image names. One without `/` would be compared with the last part of the name only, whatever the registry.
fn images(written: Option<At<Many<Name>>>, key: &str, problems: &mut PolicyProblems) -> Vec<ImageGlob> {
    let list = written.map(|list| list.value.0).unwrap_or_default();
    list.iter()
        .filter_map(|glob| {
            if !glob.value.contains('/') || glob.value.contains('@') {
                problems.add(
                    glob.at,
                    PolicyDiagnostic::InvalidImageGlob { key: key.to_owned(), shown: quoted(&glob.value) },
                );
                return None;
            }
            keep_compiled(PathGlob::new(&glob.value), glob, key, problems).map(ImageGlob)
        })
        .collect()
}

/// Rules about licences.
fn license_rule(written: At<written::LicenseRule>, problems: &mut PolicyProblems) -> LicenseRule {
    let At { at, value } = written;
    if !["allow", "deny", "unknown"].iter().any(|key| value.given.contains(key)) {
        problems.add(at, PolicyDiagnostic::LicensesWithoutDemand);
    }
    let mut except = Vec::new();
    for At { value: one, .. } in value.except.map(|list| list.value.0).unwrap_or_default() {
        let license = LicenseList::check(one.license, "license", problems);
        let (Some(purl), Some(reason), Some(expires)) = (one.purl, one.reason, one.expires) else { continue };
        let Some(purl) = keep_compiled(PurlGlob::new(&purl.value), &purl, "purl", problems) else { continue };
        let (reason, expires) = (reason.value.0, expires.value.0);
        except.push(LicenseException { purl, license, reason, expires });
    }
    LicenseRule {
        terms: LicenseTerms {
            allow: LicenseList::check(value.allow, "allow", problems),
            deny: LicenseList::check(value.deny, "deny", problems),
        },
        except,
        unknown: value.unknown.map(|action| action.value),
    }
}

/// Requirements of an `sbom` rule.
pub(super) fn sbom(
    written: At<written::SbomRule>,
    subjects: &[GateSubject],
    problems: &mut PolicyProblems,
) -> SbomRule {
    let At { at, value: written } = written;
    let licenses = written.licenses.map(|licenses| license_rule(licenses, problems));
    SbomRule {
        subjects: which(written.subject.as_ref(), subjects, at, problems),
        format: values(written.format),
        components_at_least: written.components_at_least.map_or(1, |n| u64::from(n.value.0)),
        names_subject: written.names_subject.is_none_or(|flag| flag.value),
        licenses,
    }
}

/// Requirements of a `provenance` rule.
pub(super) fn provenance(
    written: At<written::ProvenanceRule>,
    then: Option<Action>,
    subjects: &[GateSubject],
    keys: &[SignerKey],
    problems: &mut PolicyProblems,
) -> ProvenanceRule {
    let At { at, value: written } = written;
    if !written.given.contains(&"signed_by") && then.is_some_and(|then| then != Action::Warn) {
        problems.add(at, PolicyDiagnostic::ProvenanceUnsigned);
    }
    ProvenanceRule {
        subjects: which(written.subject.as_ref(), subjects, at, problems),
        signed_by: signers(written.signed_by.as_ref(), keys, problems),
        predicate: values(written.predicate),
        builder: written
            .builder
            .map(|list| identity_globs(&list.value.0, "builder", problems))
            .unwrap_or_default(),
        source: values(written.source),
        r#ref: written.r#ref.map(|list| path_globs(&list.value.0, "ref", problems)).unwrap_or_default(),
        commit: written.commit.is_some(),
    }
}

/// Who must have approved.
pub(super) fn approvals(
    written: At<written::ApprovalsRule>,
    people: &BTreeMap<String, Vec<super::super::Person>>,
    problems: &mut PolicyProblems,
) -> Option<ApprovalsRule> {
    let written = written.value;
    let mut from = values(written.from);
    from.sort_unstable();
    from.dedup();
    let reviewers = written::Reviewers {
        given: Vec::new(),
        any_of: written.any_of,
        at_least: written.at_least,
        not: written.not,
    };
    let reviewers = super::reviewers(reviewers, people, problems)?;
    Some(ApprovalsRule { from, reviewers, max_age: written.max_age.map(|age| age.value.0) })
}

/// Requirements of a `verdicts` rule.
pub(super) fn verdicts(
    written: At<written::WrittenVerdictsRule>,
    subjects: &[GateSubject],
    keys: &[SignerKey],
    problems: &mut PolicyProblems,
) -> VerdictsRule {
    let At { at, value: written::WrittenVerdictsRule { gates, common } } = written;
    if gates.is_empty() {
        problems.add(at, PolicyDiagnostic::VerdictsWithoutGate);
    }
    let (of_secgate, others): (Vec<_>, Vec<_>) =
        gates.into_iter().partition(|(_, gate)| !is_of_another_tool(&gate.value));
    let gates: Vec<(String, DecidedOn)> =
        of_secgate.into_iter().filter_map(|(name, gate)| Some((name.value, gate.value.on?.value))).collect();
    let summaries: Vec<SummaryDemand> =
        others.into_iter().filter_map(|(name, gate)| summary(name.value, gate, problems)).collect();
    let about_subjects = gates.iter().map(|(_, on)| on).chain(summaries.iter().map(|one| &one.on));
    let about_subjects = about_subjects.into_iter().any(|on| *on == DecidedOn::Subject);
    let subjects = if about_subjects || common.subject.is_some() {
        // Of several subjects each must have its verdict, unless the rule names some.
        match &common.subject {
            None => subjects.iter().map(|s| s.name.clone()).collect(),
            given => which(given.as_ref(), subjects, at, problems),
        }
    } else {
        Vec::new()
    };
    let policy = common.policy.map(|list| list.value.0).unwrap_or_default();
    let policy = policy
        .iter()
        .filter_map(|digest| {
            let hex = digest.value.strip_prefix("sha256:").unwrap_or_default();
            self::hex(digest, hex, "`policy`: `sha256:` and what follows it", problems)
        })
        .collect();
    VerdictsRule {
        subjects,
        gates,
        summaries,
        signed_by: signers(common.signed_by.as_ref(), keys, problems),
        verdict: common.verdict.map_or_else(|| vec![VerdictWord::Pass], |list| values(Some(list))),
        policy,
        project: common.project.map(|project| project.value),
        parameters: common
            .parameters
            .map(|table| table.value.0.into_iter().map(|(name, value)| (name.value, value.value)).collect())
            .unwrap_or_default(),
        max_age: common.max_age.map(|age| age.value.0),
        machine_clock: common.clock.is_some_and(|clock| clock.value == VerdictClock::Machine),
    }
}

/// Whether a gate is asked for what only statements of other tools have.
fn is_of_another_tool(gate: &written::EarlierGate) -> bool {
    gate.predicate.is_some()
        || gate.verifier.is_some()
        || gate.levels.is_some()
        || gate.resource.is_some()
        || gate.policy_uri.is_some()
}

/// What a gate of another tool must have stated. Whoever signs for one verifier may sign for another, and a summary of one
/// resource may be put beside another, so that both are named.
fn summary(
    name: String,
    gate: At<written::EarlierGate>,
    problems: &mut PolicyProblems,
) -> Option<SummaryDemand> {
    let At { at, value: gate } = gate;
    let (predicate, verifier) = (gate.predicate.map(|one| one.value), gate.verifier.map(|one| one.value));
    let levels: Vec<String> = values(gate.levels);
    let mut resource = Vec::new();
    for glob in gate.resource.map(|list| list.value.0).unwrap_or_default() {
        match IdentityGlob::new(&glob.value) {
            Ok(read) => resource.push(read),
            Err(why) => problems
                .add(glob.at, PolicyDiagnostic::IncompleteSummary { why: format!("`resource` {why}") }),
        }
    }
    let lacks = match predicate {
        None => Some("`predicate`: `vsa` or `svr`"),
        Some(_) if verifier.is_none() => Some("`verifier`, the URI of whoever must have stated it"),
        Some(SummaryPredicateKind::Vsa) if resource.is_empty() => {
            Some("`resource`, what the summary must be about")
        }
        // It says nothing else.
        Some(SummaryPredicateKind::Svr) if levels.is_empty() => {
            Some("`levels`, the properties that must be stated")
        }
        Some(SummaryPredicateKind::Svr) if !resource.is_empty() => {
            Some("nothing to compare `resource` with: a Simple Verification Result names none")
        }
        Some(SummaryPredicateKind::Vsa | SummaryPredicateKind::Svr) => None,
    };
    if let Some(lacks) = lacks {
        problems.add(at, PolicyDiagnostic::IncompleteSummary { why: format!("lacks {lacks}") });
        return None;
    }
    Some(SummaryDemand {
        gate: name,
        on: gate.on?.value,
        predicate: predicate?,
        verifier: verifier?,
        levels,
        resource,
        policy_uri: gate.policy_uri.map(|uri| uri.value),
    })
}

/// Names of keys; each has to be one that the policy has.
pub(super) fn signers(
    written: Option<&At<Many<Name>>>,
    keys: &[SignerKey],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let known: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let list = written.map(|list| list.value.0.as_slice()).unwrap_or_default();
    for name in list.iter().filter(|name| !known.contains(&name.value.as_str())) {
        let diagnostic = PolicyDiagnostic::UnknownSigner { shown: quoted(&name.value) };
        problems.add_near(name.at, diagnostic, nearest(&name.value, &known));
    }
    list.iter().map(|name| name.value.clone()).collect()
}

fn values<T>(list: Option<At<Many<T>>>) -> Vec<T> {
    list.map(|list| list.value.0.into_iter().map(|item| item.value).collect()).unwrap_or_default()
}

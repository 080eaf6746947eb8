//! Contents of SBOMs: format, number of components, the subject's digest, licences.

use std::collections::{BTreeMap, BTreeSet};

use super::requirement::{Requirements, RuleContext, UnmetRequirement, each};
use super::tally::MatchCounts;
use super::{Document, Evidence, Matched, Tally};
use crate::finding::{
    Category, Finding, Fingerprint, FingerprintBuilder, Package, Severity, Text, clean_line, plural,
};
use crate::policy::{
    DocumentKind, LicenseDecision, LicenseException, LicenseRule, SbomFormat, SbomRule, Subject,
};
use crate::relate::Relater;
use crate::report::{LicensedComponent, Sbom};

/// Components that a message names.
const NAMED: usize = 3;

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &SbomRule, world: RuleContext<'_>) -> Requirements {
    each(&rule.subjects, |subject| of_subject(rule, subject, world))
}

/// An SBOM with the document that it is.
type SbomDocument<'w> = (&'w Document, &'w Sbom);

/// The SBOMs that count for a subject, and those about something else. One of an entry without subject may be about
/// another one of them.
fn about<'w>(
    rule: &SbomRule,
    subject: Option<&'w str>,
    world: RuleContext<'w>,
) -> (Vec<SbomDocument<'w>>, Vec<SbomDocument<'w>>) {
    let digest = digest_of(subject, world);
    let digests = digest.map(|digest| world.context.covering(digest)).unwrap_or_default();
    let documents =
        world.documents(DocumentKind::Sbom, subject).filter_map(|d| Some((d, d.sbom.as_deref()?)));
    documents.partition(|(d, sbom)| d.subject.is_some() || names(sbom, &digests) || !rule.names_subject)
}

fn digest_of<'w>(subject: Option<&str>, world: RuleContext<'w>) -> Option<&'w str> {
    world.context.artifact(subject).map(|artifact| artifact.digest.as_str())
}

/// Whether an SBOM says that it is about an image of one of these digests.
fn names(sbom: &Sbom, digests: &[&str]) -> bool {
    sbom.digests.iter().any(|d| digests.contains(&d.as_str()))
}

fn of_subject(rule: &SbomRule, subject: Option<&str>, world: RuleContext<'_>) -> Requirements {
    let mut demands = Requirements::default();
    let digest = digest_of(subject, world);
    if rule.names_subject && digest.is_none() {
        let flag = subject.map_or_else(String::new, |subject| format!("{subject}="));
        return Requirements::undecided(format!("which image? say it with --subject {flag}NAME@sha256:HEX"));
    }
    let digests = digest.map(|digest| world.context.covering(digest)).unwrap_or_default();
    let (ours, others) = about(rule, subject, world);
    let mut refused = false;
    for document in world.documents(DocumentKind::Sbom, subject) {
        if let Some(why) = &document.refused {
            demands.unmet(format!("{} {why}", clean_line(&document.path)));
            refused = true;
        }
    }
    if ours.is_empty() && !refused {
        let which = others.iter().map(|(d, sbom)| format!("{} {}", clean_line(&d.path), stated(sbom)));
        demands.unmet(match which.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "there is no SBOM".to_owned(),
            some => format!("no SBOM is about {}: {some}", digest.unwrap_or_default()),
        });
    }
    for (document, sbom) in ours {
        if rule.names_subject && !names(sbom, &digests) {
            let path = clean_line(&document.path);
            demands.unmet(format!("{path} {}, not {}", stated(sbom), digest.unwrap_or_default()));
        }
        contents(rule, document, sbom, &mut demands);
        let of = (subject, document, sbom);
        demands.met.extend(rule.licenses.as_ref().and_then(|licenses| exceptions_used(licenses, of, world)));
    }
    demands
}

/// Components that pass by an exception, in words.
fn exceptions_used(
    rule: &LicenseRule,
    of: (Option<&str>, &Document, &Sbom),
    world: RuleContext<'_>,
) -> Option<String> {
    let mut excepted = 0;
    for (texts, components) in &of.2.licenses {
        if !rule.except.is_empty() && rule.terms.weigh(texts) != LicenseDecision::Allowed {
            let is = |one: &&LicensedComponent| is_excepted(rule, one, texts, of, world);
            excepted += components.iter().filter(is).count() as u64;
        }
    }
    (excepted > 0).then(|| {
        let used: Vec<&str> = rule
            .except
            .iter()
            .filter(|one| one.holds(world.context.now))
            .map(|one| one.purl.text())
            .collect();
        let verb = if excepted == 1 { "passes" } else { "pass" };
        format!("{} {verb} by exception ({})", plural(excepted, "component"), used.join(", "))
    })
}

/// Which image an SBOM says it is about.
fn stated(sbom: &Sbom) -> String {
    match sbom.digests.first() {
        Some(digest) => format!("is about {digest}"),
        None => "states the digest of no image".to_owned(),
    }
}

fn contents(rule: &SbomRule, document: &Document, sbom: &Sbom, demands: &mut Requirements) {
    let path = clean_line(&document.path);
    let formats: Vec<&str> = rule.format.iter().copied().map(SbomFormat::as_str).collect();
    if !formats.is_empty() && !formats.contains(&sbom.format) {
        demands.unmet(format!("{path} is {}, not {}", sbom.format, formats.join(" or ")));
    }
    if sbom.components < rule.components_at_least {
        let (is, least) = (sbom.components, rule.components_at_least);
        demands.unmet(format!("{path} lists {is} components, at least {least} demanded"));
    } else {
        demands.met.push(format!("{path} lists {} components", sbom.components));
    }
}

/// The licence of a component that at least one rule does not let pass, as a finding.
#[derive(Debug)]
struct LicenseFinding {
    finding: Finding,
    source: LicenseSource,
}

/// Where such a finding comes from.
#[derive(Debug)]
pub(super) struct LicenseSource {
    /// The SBOM's index in the evidence.
    pub(super) evidence: usize,
    /// The entry that the SBOM is for.
    pub(super) entry: String,
    /// The rules, each with whether it is known what the licence binds to.
    pub(super) rules: Vec<(usize, bool)>,
}

/// Subject, document, licences and component, by which two rules speak of one finding.
type LicenseKey<'w> = (Option<&'w str>, usize, &'w [String], usize);

/// Counts the licences that rules do not let pass; gives the rules and findings of which nobody knows what the licence
/// binds to.
pub(super) fn count_licenses(
    world: RuleContext<'_>,
    related: &Relater<'_>,
    tally: &mut Tally<'_>,
) -> BTreeSet<(usize, Fingerprint)> {
    let mut unknown = BTreeSet::new();
    for LicenseFinding { finding, source } in license_findings(world) {
        let rules = source.rules.iter().filter(|(_, known)| !known);
        unknown.extend(rules.map(|(rule, _)| (*rule, finding.fingerprint)));
        tally.add_license(related.relate_derived(finding), source);
    }
    unknown
}

/// The licences that rules do not let pass: for each component of each SBOM a finding, in the order of the SBOMs.
fn license_findings(world: RuleContext<'_>) -> Vec<LicenseFinding> {
    let mut all: BTreeMap<LicenseKey<'_>, LicenseFinding> = BTreeMap::new();
    for (index, rule) in world.policy.rules.iter().enumerate() {
        let Subject::Sbom(sbom_rule) = &rule.subject else { continue };
        let Some(licenses) = &sbom_rule.licenses else { continue };
        let world = RuleContext { fed_by: &rule.fed_by, ..world };
        let named = sbom_rule.subjects.iter().map(|subject| Some(subject.as_str()));
        let alone = sbom_rule.subjects.is_empty().then_some(None);
        for subject in named.chain(alone) {
            if sbom_rule.names_subject && digest_of(subject, world).is_none() {
                continue;
            }
            for (document, sbom) in about(sbom_rule, subject, world).0 {
                let at = world.documents.iter().position(|d| std::ptr::eq(d, document)).unwrap_or_default();
                for (texts, components) in &sbom.licenses {
                    let license = licenses.terms.weigh(texts);
                    if license == LicenseDecision::Allowed {
                        continue;
                    }
                    for (number, component) in components.iter().enumerate() {
                        if is_excepted(licenses, component, texts, (subject, document, sbom), world) {
                            continue;
                        }
                        let found = all.entry((subject, at, texts.as_slice(), number)).or_insert_with(|| {
                            LicenseFinding {
                                finding: finding(component, texts, subject, document, sbom),
                                source: LicenseSource {
                                    evidence: evidence_of(document, world),
                                    entry: document.entry.clone(),
                                    rules: Vec::new(),
                                },
                            }
                        });
                        found.source.rules.push((index, license == LicenseDecision::Denied));
                    }
                }
            }
        }
    }
    all.into_values().collect()
}

/// Whether a rule does not let the licence of a component pass.
pub(super) fn stops_license(rule: &SbomRule, finding: &Finding, now: jiff::Timestamp) -> bool {
    let weighed = rule.licenses.as_ref().map(|licenses| licenses.weigh(finding, now));
    finding.category == Category::License && weighed.is_some_and(|l| l != LicenseDecision::Allowed)
}

/// Whether an exception of the rule lets the licence of a component pass today.
fn is_excepted(
    rule: &LicenseRule,
    component: &LicensedComponent,
    texts: &[String],
    (subject, document, sbom): (Option<&str>, &Document, &Sbom),
    world: RuleContext<'_>,
) -> bool {
    !rule.except.is_empty() && {
        let finding = finding(component, texts, subject, document, sbom);
        rule.weigh(&finding, world.context.now) == LicenseDecision::Allowed
    }
}

/// The document's index in the evidence.
fn evidence_of(document: &Document, world: RuleContext<'_>) -> usize {
    let is = |e: &Evidence| {
        e.entry.as_ref() == Some(&document.entry)
            && e.path.as_ref().is_some_and(|path| path.real() == document.path)
    };
    world.evidence.iter().position(is).unwrap_or_default()
}

fn finding(
    component: &LicensedComponent,
    texts: &[String],
    subject: Option<&str>,
    document: &Document,
    sbom: &Sbom,
) -> Finding {
    let LicensedComponent { name, version, purl } = component;
    let license = license_name(texts);
    let mut finding = Finding::new(Category::License, sbom.format, &license, Severity::Unknown);
    let component = format!("{name} {version}");
    finding.title = Text::line(&format!("{}: {}", component.trim_end(), finding.rule_id));
    finding.target = subject.map(Text::line);
    let id = FingerprintBuilder::new(Category::License.as_str()).part(&license);
    let id = id.part(name.real()).part(version.real()).part(purl.as_ref().map_or("", Text::real));
    finding.package = Some(Package {
        name: name.clone(),
        version: version.clone(),
        purl: purl.clone(),
        ..Package::default()
    });
    finding.identify_at(id, subject.unwrap_or(&document.path));
    finding
}

/// The licences that bind, as one SPDX expression; `NOASSERTION`, as SPDX says it, where none is stated.
fn license_name(texts: &[String]) -> String {
    let stated: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
    match stated.as_slice() {
        [] => "NOASSERTION".to_owned(),
        [one] => (*one).clone(),
        several => several.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" AND "),
    }
}

/// Unmet requirements on licences, of those that nothing lifts; `shown` are the worst of them.
pub(super) fn unmet_licenses(
    rule: &SbomRule,
    counts: MatchCounts,
    shown: &[&Matched],
    is_unknown: &dyn Fn(&Matched) -> bool,
    now: jiff::Timestamp,
) -> Vec<UnmetRequirement> {
    let unknown = counts.unknown_license;
    // Without `unknown` and with `deny` a licence that is not known could be a denied one.
    let then = rule.licenses.as_ref().and_then(|licenses| licenses.unknown);
    let allows = rule.licenses.as_ref().is_some_and(|licenses| !licenses.terms.allow.is_empty());
    let known = if allows { "with a licence that is not allowed" } else { "with a denied licence" };
    let classes = [
        (false, counts.open.saturating_sub(unknown), known, None),
        (true, unknown, "without a known licence", then),
    ];
    let there = classes.into_iter().filter(|(_, count, ..)| *count > 0);
    there
        .map(|(of_unknown, count, words, then)| {
            let examples = shown.iter().filter(|matched| is_unknown(matched) == of_unknown).take(NAMED);
            let examples: Vec<String> =
                examples.map(|matched| example(&matched.finding, rule, now)).collect();
            let such_as = if examples.is_empty() {
                String::new()
            } else {
                format!(", such as {}", examples.join(", "))
            };
            let text = format!("{} {words}{such_as}", plural(count, "component"));
            UnmetRequirement { text, then }
        })
        .collect()
}

/// `name version (licence)`, and which exception has ended.
fn example(finding: &Finding, rule: &SbomRule, now: jiff::Timestamp) -> String {
    let package = finding.package.as_ref();
    let name = package.map(|p| format!("{} {}", p.name, p.version)).unwrap_or_default();
    let ended = rule.licenses.as_ref().and_then(|licenses| {
        let ended = |one: &&LicenseException| !one.holds(now) && one.is_about(finding, &licenses.terms);
        licenses.except.iter().filter(ended).map(|one| one.expires).max()
    });
    let ended = ended.map(|day| format!(", whose exception ended on {day}")).unwrap_or_default();
    format!("{} ({}{ended})", name.trim_end(), finding.rule_id)
}

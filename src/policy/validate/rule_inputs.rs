//! A rule that no evidence can feed would pass for ever without having looked at anything.

use super::super::error::{PolicyProblems, listed, nearest, quoted};
use super::super::written::{At, Name};
use super::super::{
    ApprovalSource, ApprovalsRule, DocumentKind, EntryKind, EvidenceEntry, Feed, Mapping, Selector, Subject,
};
use super::rules::ValidatedRule;
use crate::finding::Category;
use crate::policy::diagnostics::PolicyDiagnostic;

/// Fills `fed_by` of each rule; a rule that nothing feeds is an error.
pub(super) fn feed(
    rules: &mut [ValidatedRule],
    entries: &[EvidenceEntry],
    map: &[Mapping],
    problems: &mut PolicyProblems,
) {
    for checked in rules {
        if let Subject::Findings(selector) = &mut checked.rule.subject {
            if !names_exist(&checked.names, entries, problems) {
                continue;
            }
            resolve(selector, entries);
        }
        let fed_by = match &checked.rule.subject {
            Subject::Findings(selector) => by_reports(checked, selector, entries, map, problems),
            Subject::Document(_) => by_document(checked, entries, problems),
            Subject::Image(rule) => by_images(checked, &rule.subjects, entries, problems),
            Subject::Sbom(rule) => by_kind(checked, &[DocumentKind::Sbom], &rule.subjects, entries, problems),
            Subject::Provenance(rule) => {
                by_kind(checked, &[DocumentKind::Provenance], &rule.subjects, entries, problems)
            }
            Subject::Verdicts(_) => by_kind(checked, &[DocumentKind::Verdict], &[], entries, problems),
            Subject::Approvals(rule) => by_approvals(checked, rule, entries, problems),
        };
        checked.rule.fed_by = fed_by;
    }
}

/// Puts the entries that are meant in the place of their names: an entry for each subject has several.
fn resolve(selector: &mut Selector, entries: &[EvidenceEntry]) {
    for inner in selector.nested_mut() {
        resolve(inner, entries);
    }
    if selector.evidence.is_empty() && selector.subject.is_empty() {
        return;
    }
    let named =
        |e: &EvidenceEntry| selector.evidence.is_empty() || selector.evidence.iter().any(|n| e.is_called(n));
    let about = |e: &EvidenceEntry| {
        selector.subject.is_empty() || e.subject.as_ref().is_some_and(|s| selector.subject.contains(s))
    };
    let reports = entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_)));
    let meant: Vec<String> = reports.filter(|e| named(e) && about(e)).map(|e| e.name.clone()).collect();
    // What means no entry keeps its name, which no report has.
    if !meant.is_empty() || selector.evidence.is_empty() {
        selector.evidence = meant;
    }
    if selector.evidence.is_empty() {
        selector.evidence.push(NO_ENTRY.to_owned());
    }
}

/// The name of no entry: names are trimmed.
const NO_ENTRY: &str = " ";

fn by_reports(
    checked: &ValidatedRule,
    selector: &Selector,
    entries: &[EvidenceEntry],
    map: &[Mapping],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let asked =
        |entry: &&EvidenceEntry| selector.evidence.is_empty() || selector.evidence.contains(&entry.name);
    let reports = || entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_))).filter(asked);
    // A line of `severity.map` moves findings of any report into its category.
    let mapped = |category: Category| map.iter().any(|line| line.category == Some(category));
    let feeds = |entry: &EvidenceEntry, category: Category| {
        entry.kind == EntryKind::Report(category) || mapped(category)
    };
    let id = quoted(&checked.rule.id);
    for feed in [Feed::Kev, Feed::Epss].into_iter().filter(|feed| selector.needs(*feed)) {
        if !entries.iter().any(|entry| entry.kind == EntryKind::Feed(feed)) {
            let name = feed.as_str();
            problems.add(checked.at, PolicyDiagnostic::RuleWithoutFeed { rule: id.clone(), feed: name });
        }
    }
    let categories = selector.categories();
    for category in &categories {
        if !reports().any(|entry| feeds(entry, *category)) {
            problems.add(
                checked.at,
                PolicyDiagnostic::RuleWithoutCategory { rule: id.clone(), category: *category },
            );
        }
    }
    let fed_by: Vec<String> = reports()
        .filter(|entry| categories.is_empty() || categories.iter().any(|c| feeds(entry, *c)))
        .map(|entry| entry.name.clone())
        .collect();
    if fed_by.is_empty() && categories.is_empty() {
        problems.add(checked.at, PolicyDiagnostic::RuleWithoutReport { rule: id });
    }
    fed_by
}

/// Whether each name of the selector `evidence` is an entry of reports.
pub(super) fn names_exist(
    names: &[At<Name>],
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
) -> bool {
    let known: Vec<&str> =
        entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_))).map(|e| e.name.as_str()).collect();
    let mut all = true;
    let reports = || entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_)));
    for name in names.iter().filter(|name| !reports().any(|e| e.is_called(&name.value))) {
        all = false;
        if entries.iter().any(|entry| entry.is_called(&name.value)) {
            problems.add(name.at, PolicyDiagnostic::EntryWithoutReports { shown: quoted(&name.value) });
        } else {
            problems.unknown(
                name.at,
                PolicyDiagnostic::UnknownEntry { shown: quoted(&name.value) },
                &name.value,
                &known,
            );
        }
    }
    all
}

fn by_document(
    checked: &ValidatedRule,
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let Some(name) = checked.names.first() else { return Vec::new() };
    let documents = || entries.iter().filter(|e| e.kind == EntryKind::Document(DocumentKind::Json));
    let fed_by: Vec<String> =
        documents().filter(|e| e.is_called(&name.value)).map(|e| e.name.clone()).collect();
    if !fed_by.is_empty() {
        return fed_by;
    }
    let known: Vec<&str> = documents().map(|e| e.name.as_str()).collect();
    let instead = if known.is_empty() {
        "add it: `{document: json, files: […]}`".to_owned()
    } else {
        format!("documents are {}", listed(&known))
    };
    let (rule, shown) = (quoted(&checked.rule.id), quoted(&name.value));
    let diagnostic = PolicyDiagnostic::RuleWithoutDocument { rule, shown, instead };
    problems.add_near(name.at, diagnostic, nearest(&name.value, &known));
    Vec::new()
}

/// True for an entry that can speak of one of the subjects; one that is about no subject in particular can.
fn speaks_of(entry: &EvidenceEntry, subjects: &[String]) -> bool {
    subjects.is_empty() || entry.subject.as_ref().is_none_or(|s| subjects.contains(s))
}

/// Entries with documents of these kinds; each subject must have one.
fn by_kind(
    checked: &ValidatedRule,
    kinds: &[DocumentKind],
    subjects: &[String],
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let fits = |e: &EvidenceEntry| matches!(e.kind, EntryKind::Document(kind) if kinds.contains(&kind));
    each_is_fed(checked, &fits, subjects, entries, problems, || {
        let kind = kinds.first().map_or("json", |kind| kind.as_str());
        format!("add an entry to `evidence`: `{{document: {kind}, files: […]}}`")
    })
}

/// Image facts come from scans for vulnerabilities, SBOMs and provenance.
fn by_images(
    checked: &ValidatedRule,
    subjects: &[String],
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let fits = |e: &EvidenceEntry| {
        matches!(
            e.kind,
            EntryKind::Report(Category::Vulnerability)
                | EntryKind::Document(DocumentKind::Sbom | DocumentKind::Provenance)
        )
    };
    each_is_fed(checked, &fits, subjects, entries, problems, || {
        "add an entry to `evidence`: `{category: vulnerability, target: image, files: […]}`".to_owned()
    })
}

fn each_is_fed(
    checked: &ValidatedRule,
    fits: &dyn Fn(&EvidenceEntry) -> bool,
    subjects: &[String],
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
    help: impl Fn() -> String,
) -> Vec<String> {
    let id = quoted(&checked.rule.id);
    let fed_by: Vec<String> =
        entries.iter().filter(|e| fits(e) && speaks_of(e, subjects)).map(|e| e.name.clone()).collect();
    if fed_by.is_empty() {
        problems.add(checked.at, PolicyDiagnostic::RuleWithoutEvidence { rule: id, instead: help() });
        return fed_by;
    }
    let fed = |subject: &&String| {
        entries.iter().any(|e| fits(e) && e.subject.as_ref().is_none_or(|s| s == *subject))
    };
    for subject in subjects.iter().filter(|subject| !fed(subject)) {
        problems.add(
            checked.at,
            PolicyDiagnostic::RuleWithoutEvidenceForSubject {
                rule: id.clone(),
                subject: quoted(subject),
                instead: help(),
            },
        );
    }
    fed_by
}

/// Each source of approvals must have a document, and what tells who may not approve must be there as well.
fn by_approvals(
    checked: &ValidatedRule,
    rule: &ApprovalsRule,
    entries: &[EvidenceEntry],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let id = quoted(&checked.rule.id);
    let kinds = |e: &EvidenceEntry| match e.kind {
        EntryKind::Document(kind) => Some(kind),
        _ => None,
    };
    let there = |kinds_wanted: &[DocumentKind]| {
        entries.iter().filter_map(kinds).any(|kind| kinds_wanted.contains(&kind))
    };
    for source in &rule.from {
        if !there(source.documents()) {
            let kind = source.documents().first().map_or("json", |kind| kind.as_str());
            problems
                .add(checked.at, PolicyDiagnostic::RuleWithoutApprovals { rule: id.clone(), document: kind });
        }
    }
    let mut needed = Vec::new();
    if rule.from.contains(&ApprovalSource::MergeRequest) {
        needed.push((DocumentKind::GitlabVersions, "when the commit came to the server"));
    }
    for barred in &rule.reviewers.not {
        match barred.as_str() {
            "committers" => needed.push((DocumentKind::GitlabCommits, "who committed")),
            "deployer" => needed.push((DocumentKind::GitlabDeployment, "who deploys")),
            _ => {}
        }
    }
    for (kind, what) in needed {
        if !there(&[kind]) {
            problems.add(
                checked.at,
                PolicyDiagnostic::RuleWithoutPeople { rule: id.clone(), what, document: kind.as_str() },
            );
        }
    }
    let feeds = |kind: DocumentKind| {
        rule.from.iter().any(|source| source.documents().contains(&kind))
            || matches!(
                kind,
                DocumentKind::GitlabMergeRequest
                    | DocumentKind::GitlabVersions
                    | DocumentKind::GitlabCommits
                    | DocumentKind::GitlabDeployment
            )
    };
    entries.iter().filter(|e| kinds(e).is_some_and(feeds)).map(|e| e.name.clone()).collect()
}

//! A rule that no evidence can feed would pass for ever without having looked at anything.

use super::super::error::{Problems, listed, nearest, quoted};
use super::super::written::{At, Name};
use super::super::{Entry, EntryKind, Feed, Mapping, Selector, Subject};
use super::rules::Checked;
use crate::finding::Category;

/// Fills `fed_by` of each rule; a rule that nothing feeds is an error.
pub(super) fn feed(rules: &mut [Checked], entries: &[Entry], map: &[Mapping], problems: &mut Problems) {
    for checked in rules {
        let fed_by = match &checked.rule.subject {
            Subject::Findings(selector) => by_reports(checked, selector, entries, map, problems),
            Subject::Document(_) => by_document(checked, entries, problems),
        };
        checked.rule.fed_by = fed_by;
    }
}

fn by_reports(
    checked: &Checked,
    selector: &Selector,
    entries: &[Entry],
    map: &[Mapping],
    problems: &mut Problems,
) -> Vec<String> {
    if !names_exist(&checked.names, entries, problems) {
        return Vec::new();
    }
    let asked = |entry: &&Entry| selector.evidence.is_empty() || selector.evidence.contains(&entry.name);
    let reports = || entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_))).filter(asked);
    // A line of `severity.map` moves findings of any report into its category.
    let mapped = |category: Category| map.iter().any(|line| line.category == Some(category));
    let feeds =
        |entry: &Entry, category: Category| entry.kind == EntryKind::Report(category) || mapped(category);
    let id = quoted(&checked.rule.id);
    for feed in [Feed::Kev, Feed::Epss].into_iter().filter(|feed| selector.needs(*feed)) {
        if !entries.iter().any(|entry| entry.kind == EntryKind::Feed(feed)) {
            let name = feed.as_str();
            let message =
                format!("rule {id} asks for `{name}`, and no evidence entry is a feed that tells it");
            let help =
                format!("add an entry to `evidence`: `{name}: {{feed: {name}, files: […], max_age: 7d}}`");
            problems.help(checked.at, message, help);
        }
    }
    for category in &selector.category {
        if !reports().any(|entry| feeds(entry, *category)) {
            let message = format!("rule {id} looks at `{category}`, and no evidence entry can feed it");
            let help = format!("add an entry to `evidence`: `{{category: {category}, files: […]}}`");
            problems.help(checked.at, message, help);
        }
    }
    let fed_by: Vec<String> = reports()
        .filter(|entry| selector.category.is_empty() || selector.category.iter().any(|c| feeds(entry, *c)))
        .map(|entry| entry.name.clone())
        .collect();
    if fed_by.is_empty() && selector.category.is_empty() {
        problems.help(
            checked.at,
            format!("rule {id} looks at findings, and no evidence entry is a report"),
            "add an entry to `evidence`, such as `sast: {category: sast, files: [semgrep.json]}`",
        );
    }
    fed_by
}

/// Whether each name of the selector `evidence` is an entry of reports.
fn names_exist(names: &[At<Name>], entries: &[Entry], problems: &mut Problems) -> bool {
    let known: Vec<&str> =
        entries.iter().filter(|e| matches!(e.kind, EntryKind::Report(_))).map(|e| e.name.as_str()).collect();
    let mut all = true;
    for name in names.iter().filter(|name| !known.contains(&name.value.as_str())) {
        all = false;
        if entries.iter().any(|entry| entry.name == name.value) {
            let message = format!("`evidence`: {} holds no reports", quoted(&name.value));
            problems.add(name.at, message);
        } else {
            problems.unknown(name.at, "`evidence`: no entry is called", &name.value, &known);
        }
    }
    all
}

fn by_document(checked: &Checked, entries: &[Entry], problems: &mut Problems) -> Vec<String> {
    let Some(name) = checked.names.first() else { return Vec::new() };
    let documents: Vec<&str> =
        entries.iter().filter(|e| e.kind == EntryKind::Document).map(|e| e.name.as_str()).collect();
    if documents.contains(&name.value.as_str()) {
        return vec![name.value.clone()];
    }
    let message = format!(
        "rule {} looks at the document {}, and no evidence entry with `document: json` has that name",
        quoted(&checked.rule.id),
        quoted(&name.value)
    );
    match nearest(&name.value, &documents) {
        Some(near) => problems.add(name.at, format!("{message}; did you mean `{near}`?")),
        None if documents.is_empty() => {
            problems.help(name.at, message, "add it: `{document: json, files: […]}`");
        }
        None => problems.help(name.at, message, format!("documents are {}", listed(&documents))),
    }
    Vec::new()
}

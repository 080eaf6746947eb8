//! Evidence entries: each is of one kind, and says only what belongs to that kind.

use super::super::error::{Problems, quoted};
use super::super::written::{self, At, DocumentKind, Name, Table};
use super::super::{Action, Entry, EntryKind, Problems as ProblemActions};
use super::{LONGEST_ID, path_globs};

/// The entries, in the order written.
pub(super) fn entries(table: Table<written::Entry>, problems: &mut Problems) -> Vec<Entry> {
    table.0.into_iter().filter_map(|(name, written)| entry(&name, written.value, problems)).collect()
}

fn entry(name: &At<Name>, written: written::Entry, problems: &mut Problems) -> Option<Entry> {
    if name.value.chars().count() > LONGEST_ID {
        problems.add(name.at, format!("the name of an entry may have {LONGEST_ID} characters"));
    }
    let kind = kind(name, &written, problems);
    if matches!(kind, Some(EntryKind::Document | EntryKind::Feed(_))) {
        only_for_reports(name, &written, problems);
    }
    let files = written.files.map(|files| path_globs(&files.value.0, "files", problems));
    let action = |given: Option<At<Action>>, default| given.map_or(default, |action| action.value);
    Some(Entry {
        name: name.value.clone(),
        line: name.at.line,
        kind: kind?,
        files: files?,
        count: written.count.map_or(1, |count| count.value.0),
        required: written.required.is_none_or(|required| required.value),
        format: written.format.map(|format| format.value),
        target: written.target.map(|target| target.value),
        max_age: written.max_age.map(|age| age.value.0),
        age_unknown: written.age_unknown.map(|action| action.value),
        bound: written.bound.is_some(),
        receipt: written.receipt.is_some(),
        run: written.run.and_then(|words| super::run::run(words, problems)),
        nothing_scanned: action(written.nothing_scanned, Action::Review),
        stale: action(written.stale, Action::Fail),
        problems: problem_actions(written.problems.map(|given| given.value)),
    })
}

/// The one of `category`, `feed` and `document` that an entry has.
fn kind(name: &At<Name>, written: &written::Entry, problems: &mut Problems) -> Option<EntryKind> {
    let category = written.category.as_ref().map(|c| EntryKind::Report(c.value));
    let feed = written.feed.as_ref().map(|f| EntryKind::Feed(f.value));
    let document = written.document.as_ref().map(|_| EntryKind::Document);
    let kinds: Vec<EntryKind> = [category, feed, document].into_iter().flatten().collect();
    if let Some(At { at, value }) = &written.document
        && *value != DocumentKind::Json
    {
        problems.help(
            *at,
            "this build reads documents of the kind `json` only",
            "take the entry out, or use a build that reads it",
        );
    }
    match kinds.as_slice() {
        [kind] => Some(*kind),
        [] => {
            // A word that was refused is reported already; a key that is missing is not.
            if !["category", "feed", "document"].iter().any(|key| written.given.contains(key)) {
                let message =
                    format!("evidence {} needs `category`, `feed` or `document`", quoted(&name.value));
                problems.help(name.at, message, "a scanner's report has a category: `category: sast`");
            }
            None
        }
        _ => {
            let message =
                format!("evidence {} is of one kind: `category`, `feed` or `document`", quoted(&name.value));
            problems.add(name.at, message);
            None
        }
    }
}

/// Reports keys that mean nothing for feeds and documents.
fn only_for_reports(name: &At<Name>, written: &written::Entry, problems: &mut Problems) {
    let given = [
        ("format", written.format.as_ref().map(|v| v.at)),
        ("target", written.target.as_ref().map(|v| v.at)),
        ("nothing_scanned", written.nothing_scanned.as_ref().map(|v| v.at)),
        ("problems", written.problems.as_ref().map(|v| v.at)),
        ("bound", written.bound.as_ref().map(|v| v.at)),
        ("receipt", written.receipt.as_ref().map(|v| v.at)),
        ("run", written.run.as_ref().map(|v| v.at)),
    ];
    for (key, at) in given {
        if let Some(at) = at {
            problems.add(at, format!("`{key}` is for reports, and {} is none", quoted(&name.value)));
        }
    }
}

fn problem_actions(written: Option<written::ProblemActions>) -> ProblemActions {
    let action = |given: Option<At<Action>>| given.map_or(Action::Review, |action| action.value);
    match written {
        None => ProblemActions {
            parse: Action::Review,
            timeout: Action::Review,
            rule: Action::Review,
            scan: Action::Review,
        },
        Some(given) => ProblemActions {
            parse: action(given.parse),
            timeout: action(given.timeout),
            rule: action(given.rule),
            scan: action(given.scan),
        },
    }
}

//! Evidence entries: each is of one kind, and says only what belongs to that kind.

use super::super::error::{PolicyProblems, quoted};
use super::super::written::{self, At, Many, Name, Table};
use super::super::{
    Action, ActionsByProblem as ProblemActions, DocumentKind, EntryKind, EvidenceEntry, Feed, GateSubject,
    SignerKey,
};
use super::{LONGEST_ID, path_globs, subjects};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Stands in `files` for the name of the subject.
const SUBJECT: &str = "${subject}";

/// The entries, in the order written; one for each subject where it says `subject: each`.
pub(super) fn entries(
    table: Table<written::Entry>,
    about: &[GateSubject],
    keys: &[SignerKey],
    problems: &mut PolicyProblems,
) -> Vec<EvidenceEntry> {
    let mut entries: Vec<EvidenceEntry> = Vec::new();
    for (name, written) in table.0 {
        for entry in entry(&name, &written.value, (about, keys), problems) {
            if entries.iter().any(|known| known.name == entry.name) {
                problems.add(name.at, PolicyDiagnostic::DuplicateEntry { shown: quoted(&entry.name) });
            }
            entries.push(entry);
        }
    }
    entries
}

fn entry(
    name: &At<Name>,
    written: &written::Entry,
    (about, keys): (&[GateSubject], &[SignerKey]),
    problems: &mut PolicyProblems,
) -> Vec<EvidenceEntry> {
    if name.value.chars().count() > LONGEST_ID {
        problems
            .add(name.at, PolicyDiagnostic::NameTooLong { what: "the name of an entry", most: LONGEST_ID });
    }
    let kind = kind(name, written, problems);
    if let Some(kind @ (EntryKind::Document(_) | EntryKind::Feed(_))) = kind {
        only_for_reports(name, kind, written, problems);
    }
    let signed_by = signed_by(name, kind, written, keys, problems);
    let of: Vec<Option<String>> = match &written.subject {
        None => vec![None],
        given => {
            let named = subjects::which(given.as_ref(), about, name.at, problems);
            named.into_iter().map(Some).collect()
        }
    };
    let Some(files) = &written.files else { return Vec::new() };
    placeholders(files, &of, problems);
    let several = of.len() > 1;
    let run = written.run.clone().and_then(|words| super::scanner_command::run(words, problems));
    let action = |given: &Option<At<Action>>, default| given.as_ref().map_or(default, |action| action.value);
    of.into_iter()
        .filter_map(|subject| {
            let files: Vec<At<Name>> =
                files.value.0.iter().map(|file| filled(file, subject.as_deref())).collect();
            Some(EvidenceEntry {
                name: match &subject {
                    Some(subject) if several => format!("{}/{subject}", name.value),
                    _ => name.value.clone(),
                },
                line: name.at.line,
                subject,
                kind: kind?,
                files: path_globs(&files, "files", problems),
                count: written.count.as_ref().map_or(1, |count| count.value.0),
                required: written.required.as_ref().is_none_or(|required| required.value),
                format: written.format.as_ref().map(|format| format.value.clone()),
                target: written.target.as_ref().map(|target| target.value),
                max_age: written.max_age.as_ref().map(|age| age.value.0),
                age_unknown: written.age_unknown.as_ref().map(|action| action.value),
                bound: written.bound.is_some(),
                receipt: written.receipt.is_some(),
                signed_by: signed_by.clone(),
                run: run.clone(),
                extent: crate::policy::ScanExtent::default(),
                nothing_scanned: action(&written.nothing_scanned, Action::Review),
                stale: action(&written.stale, Action::Fail),
                problems: problem_actions(written.problems.as_ref().map(|given| &given.value)),
            })
        })
        .collect()
}

/// Who must have signed its files; of what is signed by its nature, the rule about it says who.
fn signed_by(
    name: &At<Name>,
    kind: Option<EntryKind>,
    written: &written::Entry,
    keys: &[SignerKey],
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let at = written.signed_by.as_ref().map(|list| list.at);
    let takes = [EntryKind::Feed(Feed::Vex), EntryKind::Document(DocumentKind::Sbom)];
    if let (Some(at), Some(kind)) = (at, kind)
        && !takes.contains(&kind)
    {
        problems.add(at, PolicyDiagnostic::SignedByMisplaced { shown: quoted(&name.value) });
    }
    subjects::signers(written.signed_by.as_ref(), keys, problems)
}

/// A file's name with that of the subject.
fn filled(file: &At<Name>, subject: Option<&str>) -> At<Name> {
    let value = subject.map_or_else(|| file.value.clone(), |subject| file.value.replace(SUBJECT, subject));
    At { at: file.at, value }
}

/// Reports `${…}` that stands for nothing, and its absence where each subject has files of its own.
fn placeholders(files: &At<Many<Name>>, of: &[Option<String>], problems: &mut PolicyProblems) {
    for file in &files.value.0 {
        if file.value.replace(SUBJECT, "").contains("${") {
            problems.add(
                file.at,
                PolicyDiagnostic::UnknownPlaceholderInFiles { known: SUBJECT, shown: quoted(&file.value) },
            );
        } else if file.value.contains(SUBJECT) && of.iter().any(Option::is_none) {
            problems.add(file.at, PolicyDiagnostic::SubjectPlaceholder { known: SUBJECT });
        }
    }
    if of.len() > 1 && !files.value.0.iter().any(|file| file.value.contains(SUBJECT)) {
        problems.add(files.at, PolicyDiagnostic::SubjectsShareFiles { known: SUBJECT });
    }
}

/// The one of `category`, `feed` and `document` that an entry has.
fn kind(name: &At<Name>, written: &written::Entry, problems: &mut PolicyProblems) -> Option<EntryKind> {
    let category = written.category.as_ref().map(|c| EntryKind::Report(c.value));
    let feed = written.feed.as_ref().map(|f| EntryKind::Feed(f.value));
    let document = written.document.as_ref().map(|d| EntryKind::Document(d.value));
    let kinds: Vec<EntryKind> = [category, feed, document].into_iter().flatten().collect();
    match kinds.as_slice() {
        [kind] => Some(*kind),
        [] => {
            // A word that was refused is reported already; a key that is missing is not.
            if !["category", "feed", "document"].iter().any(|key| written.given.contains(key)) {
                problems.add(name.at, PolicyDiagnostic::EntryWithoutKind { shown: quoted(&name.value) });
            }
            None
        }
        _ => {
            problems.add(name.at, PolicyDiagnostic::EntryOfSeveralKinds { shown: quoted(&name.value) });
            None
        }
    }
}

/// Reports keys that mean nothing for feeds and documents.
fn only_for_reports(
    name: &At<Name>,
    kind: EntryKind,
    written: &written::Entry,
    problems: &mut PolicyProblems,
) {
    // Of the documents only an SBOM says when it was made; a rule about one of the others has an age of its own.
    let dated = matches!(kind, EntryKind::Feed(_) | EntryKind::Document(DocumentKind::Sbom));
    let ages = [
        ("max_age", written.max_age.as_ref().map(|v| v.at)),
        ("age_unknown", written.age_unknown.as_ref().map(|v| v.at)),
        ("stale", written.stale.as_ref().map(|v| v.at)),
    ];
    for (key, at) in ages.into_iter().filter(|_| !dated) {
        if let Some(at) = at {
            problems.add(at, PolicyDiagnostic::AgeNotTold { key, shown: quoted(&name.value) });
        }
    }
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
            problems.add(at, PolicyDiagnostic::KeyForReports { key, shown: quoted(&name.value) });
        }
    }
}

fn problem_actions(written: Option<&written::ProblemActions>) -> ProblemActions {
    let action = |given: &Option<At<Action>>| given.as_ref().map_or(Action::Review, |action| action.value);
    match written {
        None => ProblemActions {
            parse: Action::Review,
            timeout: Action::Review,
            rule: Action::Review,
            scan: Action::Review,
        },
        Some(given) => ProblemActions {
            parse: action(&given.parse),
            timeout: action(&given.timeout),
            rule: action(&given.rule),
            scan: action(&given.scan),
        },
    }
}

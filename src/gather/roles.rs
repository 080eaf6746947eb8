//! Roles of the files. A file serves every entry that names it: it is read as a report for those with a
//! category, and as a document or feed for the others.

use super::entry;
use super::plan::PlannedFile;
use crate::finding::Finding;
use crate::policy::{EntryKind, Policy};
use crate::report::{self, Hint, Options, ReadError, Sink};

/// The files by what they are read as: first those read as documents and feeds, then those read as reports. One that
/// is both stands in both, with the entries of each.
pub(super) fn by_role(
    policy: &Policy,
    items: Vec<PlannedFile>,
    options: &Options,
) -> (Vec<PlannedFile>, Vec<PlannedFile>) {
    let (mut documents, mut reports) = (Vec::new(), Vec::new());
    for item in items {
        let is_report = |name: &String| {
            !entry(policy, name)
                .is_some_and(|e| matches!(e.kind, EntryKind::Document(_) | EntryKind::Feed(_)))
        };
        let (as_report, as_document): (Vec<String>, Vec<String>) =
            item.entries.iter().cloned().partition(is_report);
        if as_document.is_empty() {
            reports.push(item);
            continue;
        }
        if !as_report.is_empty() || is_given_report(&item, options) {
            reports.push(PlannedFile { entries: as_report, ..item.clone() });
        }
        documents.push(PlannedFile { entries: as_document, ..item });
    }
    (documents, reports)
}

/// Whether a file that only documents and feeds name was given as a report, and says something as one: then an entry
/// more of the policy must not take away what it says.
fn is_given_report(item: &PlannedFile, options: &Options) -> bool {
    if !item.given {
        return false;
    }
    if item.format.is_some() {
        return true;
    }
    let mut counted = Counted::default();
    let outcome =
        report::read_source(&item.source, Hint { format: None, category: None }, options, &mut counted);
    match &outcome.error {
        None => counted.0 > 0 || outcome.report.failed.is_some() || outcome.report.problems_total > 0,
        // An empty list, and what no reader claims: the document's reader says what it is.
        Some(ReadError::Unknown { .. } | ReadError::Ambiguous { .. }) => false,
        Some(_) => outcome.format.is_some(),
    }
}

/// How many findings a report has.
#[derive(Default)]
struct Counted(u64);

impl Sink for Counted {
    fn finding(&mut self, _: Finding) {
        self.0 += 1;
    }
    fn restart(&mut self) {
        self.0 = 0;
    }
}

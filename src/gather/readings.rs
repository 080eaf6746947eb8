//! Reports of a run that several policies decide on: each is read once, and handed to the others from memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::PlannedFile;
use super::report_reader::{hint, read_into};
use crate::finding::{Category, Finding};
use crate::policy::Policy;
use crate::report::{self, HeldValues, HiddenFindings, Options, Sink};

/// What tells one reading of a file from another: its name, and what was known of it before.
type ReadingKey = (String, Option<String>, Option<Category>);

/// The reports of one run as they were read. The next run has its own.
#[derive(Default)]
pub struct Readings {
    held: HeldValues,
    reports: Mutex<BTreeMap<ReadingKey, Arc<ReportReading>>>,
}

/// A report that was read to its end.
struct ReportReading {
    outcome: report::ReadOutcome,
    said: ReportEvents,
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings(…)")
    }
}

impl Readings {
    /// Values of secrets in all that was read.
    pub(super) fn held(&self) -> HeldValues {
        self.held.clone()
    }

    /// Reads a report, unless it was read before under the same conditions. What could not be read is read again.
    pub(super) fn read(
        &self,
        policy: &Policy,
        item: &PlannedFile,
        options: &Options,
        sink: &mut dyn Sink,
    ) -> report::ReadOutcome {
        let hint = hint(policy, item);
        if hint.format.is_some_and(|id| policy.mapping(id).is_some()) {
            // Another policy may call another mapping so.
            return read_into(policy, item, options, sink);
        }
        let key = (item.name.clone(), hint.format.map(str::to_owned), hint.category);
        let known = self.reports.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(reading) = known {
            reading.said.hand_to(sink);
            return reading.outcome.of_whole_report();
        }
        let mut both = ReportSplitter { sink, said: ReportEvents::default() };
        let outcome = read_into(policy, item, options, &mut both);
        if outcome.error.is_none() {
            let reading = ReportReading { outcome: outcome.of_whole_report(), said: both.said };
            self.reports.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(reading));
        }
        outcome
    }
}

/// What a reader said of a report.
#[derive(Default)]
struct ReportEvents {
    findings: Vec<Finding>,
    hidden: Vec<HiddenFindings>,
}

impl ReportEvents {
    fn hand_to(&self, sink: &mut dyn Sink) {
        self.findings.iter().for_each(|finding| sink.finding(finding.clone()));
        self.hidden.iter().for_each(|hidden| sink.hidden(hidden.clone()));
    }
}

/// Hands on what it is told, and keeps it.
struct ReportSplitter<'s> {
    sink: &'s mut dyn Sink,
    said: ReportEvents,
}

impl Sink for ReportSplitter<'_> {
    fn finding(&mut self, finding: Finding) {
        self.said.findings.push(finding.clone());
        self.sink.finding(finding);
    }

    fn hidden(&mut self, hidden: HiddenFindings) {
        self.said.hidden.push(hidden.clone());
        self.sink.hidden(hidden);
    }

    fn restart(&mut self) {
        self.said = ReportEvents::default();
        self.sink.restart();
    }
}

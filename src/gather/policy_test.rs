//! Reports that a case of the policy writes out: made by nobody, about this run.

use std::collections::BTreeMap;

use super::entry;
use super::report_reader::CountingContext;
use crate::decide::{Context, Evidence, Gathered};
use crate::finding::Text;
use crate::policy::EntryKind;
use crate::policy::testing::{Flaw, WrittenReport};
use crate::report::{self, Sink};

/// Evidence written out in a case of the policy.
#[derive(Debug, Clone, Copy)]
pub struct TestReports<'p> {
    /// Reports without files.
    pub reports: &'p [WrittenReport],
    /// The states of their findings stand for a base, of whose findings rules match so many, by their ids.
    pub base: Option<&'p BTreeMap<String, u64>>,
}

/// Reports written out: made by nobody, about this run.
pub(super) fn read_written_reports<'p>(
    to: &CountingContext<'p>,
    written: &'p [WrittenReport],
    context: &Context,
    gathered: &mut Gathered<'p>,
) {
    for report in written {
        read_written_report(to, report, context, gathered);
    }
}

fn read_written_report<'p>(
    to: &CountingContext<'p>,
    written: &'p WrittenReport,
    context: &Context,
    gathered: &mut Gathered<'p>,
) {
    let policy = to.counting.policy;
    let mut counted = to.counted(&written.entries, gathered.evidence.len());
    for finding in &written.findings {
        counted.finding(finding.clone());
    }
    for entry in written.entries.iter().filter_map(|name| entry(policy, name)) {
        let EntryKind::Report(category) = entry.kind else { continue };
        let mut made = report::Report {
            categories: [category].into(),
            scanned: [category].into(),
            generated: report::Generated::At(written.made),
            commit: context.commits.first().map(|commit| Text::line(commit)),
            digests: context.digests(entry.subject.as_deref()).into_iter().map(Text::line).collect(),
            target: written.target,
            ..report::Report::default()
        };
        let why = || Some(Text::line("the case says so"));
        match written.flaw {
            Some(Flaw::NothingScanned) => made.nothing_scanned = why(),
            Some(Flaw::Failed) => made.failed = why(),
            Some(Flaw::Incomplete) => {
                let message = Text::line("the case says so");
                made.problems.push(report::ScanProblem {
                    kind: report::ProblemKind::Scan,
                    message,
                    path: None,
                });
                made.problems_total = 1;
            }
            None => {}
        }
        let outcome = report::ReadOutcome { format: None, report: made, digest: None, error: None };
        let name = format!("{} of the case", entry.name);
        let (counts, categories) = (counted.tally.counts, &counted.tally.categories);
        gathered.evidence.push(Evidence::judged(
            &name,
            Some(entry),
            &outcome,
            counts,
            categories,
            context,
            None,
        ));
    }
    gathered.counted.merge(counted);
}

//! Keeping the evidence of a run as it was read, for a bundle.

use std::collections::BTreeSet;

use super::plan::PlannedFile;
use crate::decide::GivenBase;
use crate::diagnostic::SaidDiagnostic;
use crate::evidence_snapshot::{EvidenceSnapshot, SavedBase, SavedDocument, SavedReport, Secrets};
use crate::finding::Finding;
use crate::relate::{Diff, Relater};
use crate::report;

/// Keeps the evidence of a run as it was read.
#[derive(Default)]
pub(super) struct SnapshotRecorder {
    saved: EvidenceSnapshot,
    secrets: Secrets,
    left_alone: BTreeSet<String>,
}

impl SnapshotRecorder {
    pub(super) fn report(
        &mut self,
        item: &PlannedFile,
        read: &report::ReadOutcome,
        ignored: Option<&String>,
        findings: Vec<Finding>,
        change: Option<&Diff>,
    ) {
        if let Some(diff) = change {
            let paths = read.report.problems.iter().filter_map(|problem| problem.path.as_ref());
            let alone = paths.filter(|path| diff.leaves_file(path.real()));
            self.left_alone.extend(alone.map(ToString::to_string));
        }
        self.saved.reports.push(SavedReport {
            name: item.name.clone(),
            entries: item.entries.clone(),
            ignored: ignored.cloned(),
            format: read.format.as_ref().map(ToString::to_string),
            digest: read.digest.clone(),
            error: read.error.as_ref().map(|error| SaidDiagnostic::of(error)),
            report: read.report.clone(),
            findings: findings.into_iter().map(|finding| self.secrets.save(finding)).collect(),
        });
    }

    /// A line of what was left out.
    pub(super) fn left_out(&mut self, path: &str, why: &str) {
        self.saved.reports.push(SavedReport {
            name: path.to_owned(),
            entries: Vec::new(),
            ignored: Some(why.to_owned()),
            format: None,
            digest: None,
            error: None,
            report: report::Report::default(),
            findings: Vec::new(),
        });
    }

    pub(super) fn all(
        mut self,
        documents: &[PlannedFile],
        compared: Option<(&GivenBase, &Relater<'_>)>,
        change: Option<&Diff>,
    ) -> EvidenceSnapshot {
        self.saved.documents = documents
            .iter()
            .map(|item| SavedDocument {
                name: item.name.clone(),
                entries: item.entries.clone(),
                source: item.source.clone(),
            })
            .collect();
        self.saved.base = compared.map(|(comparison, related)| SavedBase {
            sources: comparison.sources.clone(),
            fixed: comparison.base.fixed(&related.heads),
            more_suppressed: comparison.base.more_suppressed(&related.silenced),
        });
        self.saved.left_alone = change.map(|_| self.left_alone.into_iter().collect());
        self.saved
    }
}

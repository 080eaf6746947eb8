//! Evidence as it was read, without secrets: what a bundle holds, and from which the same decision can be made again.
//!
//! A report is kept as its reader understood it and not as its scanner wrote it, because reports hold values of secrets
//! and lines of source. Documents and feeds are kept byte for byte.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decide::BaseComparison;
use crate::diagnostic::SaidDiagnostic;
use crate::finding::{Finding, SecretDigest};
use crate::relate::{BaseEntry, MoreSuppressed};
use crate::report::{ReadError, ReadOutcome, Report, Source};

/// A report as it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedReport {
    /// Its path as outputs name it.
    pub name: String,
    /// The evidence entries that it is for.
    pub entries: Vec<String>,
    /// Why it is no report: it lay in a directory that was given.
    pub ignored: Option<String>,
    /// Its format.
    pub format: Option<String>,
    /// SHA-256 of the file and its size.
    pub digest: Option<(String, u64)>,
    /// Why it could not be read.
    pub error: Option<SaidDiagnostic>,
    /// Statement about itself.
    pub report: Report,
    /// Its findings in their order, with their states.
    pub findings: Vec<SavedFinding>,
}

/// A finding, and which others of the run hold the same secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedFinding {
    /// Content of the report.
    #[serde(flatten)]
    pub finding: Finding,
    /// The number of the secret's value: the same for the same value, and made of nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<usize>,
}

/// A document or feed.
#[derive(Debug, Clone)]
pub struct SavedDocument {
    /// Its path as outputs name it.
    pub name: String,
    /// The evidence entries that it is for.
    pub entries: Vec<String>,
    /// Its contents.
    pub source: Source,
}

/// Result of the comparison with a base.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedBase {
    /// Sources of the base.
    pub sources: Vec<BaseComparison>,
    /// Contents of the base and the change does not.
    pub fixed: Vec<BaseEntry>,
    /// Of what more is suppressed than in the base.
    #[serde(default)]
    pub more_suppressed: Vec<MoreSuppressed>,
}

/// All evidence of a run.
#[derive(Debug, Clone, Default)]
pub struct EvidenceSnapshot {
    /// Reports, in the order of their names.
    pub reports: Vec<SavedReport>,
    /// Documents and feeds, in the order of their names.
    pub documents: Vec<SavedDocument>,
    /// Result of the comparison with a base, where there was one.
    pub base: Option<SavedBase>,
    /// Files of which a problem speaks and that the change leaves alone; none where there is no diff.
    pub left_alone: Option<Vec<String>>,
}

impl SavedReport {
    /// The outcome of reading it.
    pub(crate) fn outcome(&self) -> ReadOutcome {
        ReadOutcome {
            format: self.format.clone().map(Cow::Owned),
            report: self.report.clone(),
            digest: self.digest.clone(),
            error: self.error.clone().map(ReadError::Saved),
        }
    }

    /// Its findings, those with the same secret marked alike.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.findings.iter().map(|saved| {
            let mark = saved.secret.map(|number| SecretDigest::of_value(&number.to_string()));
            Finding { mark, ..saved.finding.clone() }
        })
    }
}

/// Numbers values of secrets in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeMap<String, usize>);

impl Secrets {
    /// A finding with the number of its secret.
    pub(crate) fn save(&mut self, finding: Finding) -> SavedFinding {
        let secret = finding.mark.map(|mark| {
            let next = self.0.len();
            *self.0.entry(mark.digits()).or_insert(next)
        });
        SavedFinding { finding, secret }
    }
}

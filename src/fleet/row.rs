//! The columns of rows that the fleet is told from. A column that a row lacks is an error: nothing is guessed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::decide::{Outcome, Status, WaiverStatus};
use crate::finding::{Category, Fingerprint, Fix, Severity, State};

/// A row of any table, as it is read back.
pub(super) trait TableRow: DeserializeOwned {
    /// The policy that it is about.
    fn label(&self) -> &str;
}

/// Reads a row type with its label.
macro_rules! rows {
    ($($name:ident),+) => {
        $(impl TableRow for $name {
            fn label(&self) -> &str {
                &self.policy_label
            }
        })+
    };
}

rows!(ReadRun, ReadRule, ReadEvidence, ReadFinding, ReadWaiver, ReadRecall);

/// A row of `run`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReadRun {
    pub(super) id: Option<String>,
    policy_label: String,
    pub(super) policy_source: String,
    pub(super) policy_sha256: String,
    pub(super) policy_gate: String,
    pub(super) project: Option<String>,
    pub(super) team: Option<String>,
    pub(super) commit_sha: Option<String>,
    pub(super) merge_request: Option<u64>,
    pub(super) git_ref: Option<String>,
    pub(super) gate: Option<String>,
    ran_at: Option<Timestamp>,
    evaluated_at: Option<Timestamp>,
    pub(super) verdict: Outcome,
    pub(super) enforced: bool,
    pub(super) stopped_by: Vec<String>,
    pub(super) reviewers: Vec<String>,
    pub(super) clears_with: String,
    pub(super) findings_total: u64,
    pub(super) error_text: Option<String>,
}

impl ReadRun {
    /// When it ran, else when it was judged.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.ran_at.or(self.evaluated_at)
    }

    pub(super) fn project(&self) -> &str {
        self.project.as_deref().unwrap_or(super::UNNAMED)
    }

    pub(super) fn team(&self) -> &str {
        self.team.as_deref().unwrap_or(super::UNNAMED)
    }
}

/// A row of `run_rule`.
#[derive(Debug, Deserialize)]
pub(super) struct ReadRule {
    policy_label: String,
    pub(super) rule: String,
    pub(super) outcome: Outcome,
    pub(super) blind: bool,
    pub(super) match_count: u64,
    pub(super) waived_count: u64,
    pub(super) shown_count: u64,
    pub(super) message: String,
}

impl ReadRule {
    /// It stops the run by what it matched.
    pub(super) fn stops(&self) -> bool {
        self.outcome >= Outcome::Review && !self.blind
    }
}

/// A row of `run_evidence`.
#[derive(Debug, Deserialize)]
pub(super) struct ReadEvidence {
    policy_label: String,
    pub(super) entry: Option<String>,
    pub(super) path: Option<String>,
    pub(super) status: Status,
    pub(super) outcome: Outcome,
    pub(super) tool: Option<String>,
    pub(super) tool_version: Option<String>,
    pub(super) distrust: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) finding_count: u64,
    pub(super) message: String,
}

/// A row of `run_finding`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReadFinding {
    policy_label: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) rule: Option<String>,
    pub(super) category: Category,
    pub(super) check_id: String,
    pub(super) severity: Severity,
    pub(super) state: State,
    pub(super) suppressed: bool,
    pub(super) fix: Fix,
    pub(super) advisory: Option<String>,
    pub(super) package: Option<String>,
    pub(super) package_version: Option<String>,
    pub(super) upgrade_to: Option<String>,
    pub(super) path: Option<String>,
    pub(super) line_number: Option<u32>,
    pub(super) tool: String,
    pub(super) owners: Vec<String>,
    pub(super) waiver: Option<String>,
    pub(super) age_days: Option<i64>,
    pub(super) due_at: Option<Timestamp>,
}

/// A row of `run_waiver`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReadWaiver {
    policy_label: String,
    pub(super) waiver: String,
    pub(super) waived_rules: Vec<String>,
    pub(super) waiver_owner: String,
    pub(super) approved_by: String,
    pub(super) created_at: String,
    pub(super) expires_at: String,
    pub(super) kind: Option<String>,
    pub(super) status: WaiverStatus,
    pub(super) hidden_count: u64,
    pub(super) hidden_findings: Vec<Fingerprint>,
}

/// A row of `run_recall`.
#[derive(Debug, Deserialize)]
pub(super) struct ReadRecall {
    policy_label: String,
    pub(super) tool: String,
    pub(super) tool_version: Option<String>,
    pub(super) let_through: bool,
}

/// The rows of a run and a policy.
#[derive(Debug)]
pub(super) struct RunRows {
    pub(super) run: ReadRun,
    pub(super) rules: Vec<ReadRule>,
    pub(super) evidence: Vec<ReadEvidence>,
    pub(super) findings: Vec<ReadFinding>,
    pub(super) waivers: Vec<ReadWaiver>,
    pub(super) recalls: Vec<ReadRecall>,
}

impl RunRows {
    /// Rules that fail by what they matched.
    fn failing(&self) -> BTreeMap<&str, &ReadRule> {
        let failing = self.rules.iter().filter(|rule| rule.outcome == Outcome::Fail && !rule.blind);
        failing.map(|rule| (rule.rule.as_str(), rule)).collect()
    }

    /// Findings that a rule which failed counted, a row for each rule.
    pub(super) fn blockers(&self) -> Vec<(&str, &ReadFinding)> {
        let failing = self.failing();
        let blocker = |finding: &'_ ReadFinding| {
            let rule = finding.rule.as_deref()?;
            failing.get_key_value(rule).map(|(rule, _)| *rule)
        };
        self.findings.iter().filter_map(|finding| Some((blocker(finding)?, finding))).collect()
    }
}

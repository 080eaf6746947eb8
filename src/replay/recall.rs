//! Recall: verdicts that rested on a scanner that a policy does not trust (any more), and the artifacts that they let through.

use serde::Serialize;

use super::rows::{RowSubject, RowTexts};
use crate::decide::{Decision, Outcome};
use crate::finding::Text;

/// A verdict, and whether the pipeline went on after it.
#[derive(Debug, Clone, Copy)]
pub struct PastVerdict {
    /// The verdict.
    pub verdict: Outcome,
    /// The exit code was 0.
    pub let_through: bool,
}

impl PastVerdict {
    /// Of a decision.
    pub fn of_decision(decision: &Decision) -> Self {
        Self { verdict: decision.verdict, let_through: decision.exit_code == crate::exit::PASS }
    }
}

/// A report of a scanner that the policy does not trust.
#[derive(Debug, Clone)]
pub struct RecalledReport {
    entry: Option<String>,
    path: Option<Text>,
    tool: Text,
    tool_version: Option<Text>,
    reason: String,
    digests: Vec<Text>,
}

/// A run whose verdict rested on such reports.
#[derive(Debug, Clone)]
pub struct Recall {
    /// The reports, never empty.
    pub reports: Vec<RecalledReport>,
    /// The verdict of the same policy if it trusted every scanner.
    pub trusting: PastVerdict,
    /// The verdict that was kept with the run.
    pub recorded: Option<PastVerdict>,
}

/// Reports of a decision that its policy does not trust, each entry that it is for by itself.
pub fn recalled_reports(decision: &Decision) -> Vec<RecalledReport> {
    let recalled = decision.evidence.iter().filter_map(|one| {
        let (tool, reason) = (one.tool.as_ref()?, one.distrust.as_ref()?);
        Some(RecalledReport {
            entry: one.entry.clone(),
            path: one.path.clone(),
            tool: tool.name.clone(),
            tool_version: tool.version.clone(),
            reason: crate::finding::clean_line(reason).into_owned(),
            digests: one.about.digests.clone(),
        })
    });
    recalled.collect()
}

/// A row of a verdict and a report of a scanner that the policy does not trust, on which it rested.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunRecallRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_recall`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy.
    pub policy_label: &'static str,
    /// The project.
    pub project: Option<&'d str>,
    /// The team that answers for it.
    pub team: Option<&'d str>,
    /// The commit.
    pub commit_sha: Option<&'d str>,
    /// When it ran, as it says, RFC 3339.
    pub ran_at: Option<&'d str>,
    /// The entry of the policy that the report is for.
    pub entry: Option<&'d str>,
    /// The report.
    pub path: Option<&'d Text>,
    /// The scanner.
    pub tool: &'d Text,
    /// Its version.
    pub tool_version: Option<&'d Text>,
    /// Why it is not trusted, or may not be where the report does not say its version.
    pub reason: &'d str,
    /// The verdict of the policy.
    pub verdict: Outcome,
    /// The verdict of the policy if it trusted every scanner.
    pub verdict_trusting: Outcome,
    /// The verdict that was kept with the run; null where none was.
    pub verdict_recorded: Option<Outcome>,
    /// The pipeline went on: the recorded verdict did not stop it; where there is none, that of the trusting policy.
    pub let_through: bool,
    /// The artifacts that the run was about, and digests of images that the report states.
    pub artifacts: Vec<String>,
}

impl Recall {
    /// The pipeline went on.
    pub fn let_through(&self) -> bool {
        self.recorded.unwrap_or(self.trusting).let_through
    }
}

impl RecalledReport {
    fn artifacts(&self, decision: &Decision) -> Vec<String> {
        let subjects = &decision.context.subjects;
        let known = |digest: &&Text| !subjects.iter().any(|subject| subject.digest == digest.as_str());
        let stated = self.digests.iter().filter(known).map(ToString::to_string);
        subjects.iter().map(|subject| format!("{}@{}", subject.name, subject.digest)).chain(stated).collect()
    }
}

impl RowSubject<'_> {
    /// Rows of a recalled verdict: one for each report.
    pub fn recalled<'d>(
        &'d self,
        label: &'static str,
        decision: &'d Decision,
        recall: &'d Recall,
    ) -> impl Iterator<Item = RunRecallRow<'d>> {
        recall.reports.iter().map(move |report| RunRecallRow {
            seq: self.seq,
            row_type: "run_recall",
            id: self.id,
            policy_label: label,
            project: self.about.project.as_deref(),
            team: self.about.team.as_deref(),
            commit_sha: self.about.commit.as_deref(),
            ran_at: self.about.time.as_deref(),
            entry: report.entry.as_deref(),
            path: report.path.as_ref(),
            tool: &report.tool,
            tool_version: report.tool_version.as_ref(),
            reason: &report.reason,
            verdict: decision.verdict,
            verdict_trusting: recall.trusting.verdict,
            verdict_recorded: recall.recorded.map(|recorded| recorded.verdict),
            let_through: recall.let_through(),
            artifacts: report.artifacts(decision),
        })
    }

    /// Adds them.
    pub fn add_recall(
        &self,
        label: &'static str,
        decision: &Decision,
        recall: &Recall,
        rows: &mut RowTexts,
    ) -> serde_json::Result<()> {
        self.recalled(label, decision, recall).try_for_each(|row| rows.put("run_recall", &row))
    }
}

/// A verdict that rested on a scanner that the first policy does not trust.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RecalledRun {
    /// The run: its id, or its path as it was given.
    pub path: String,
    /// The project.
    pub project: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The verdict of the policy.
    pub verdict: Outcome,
    /// The verdict of the policy if it trusted every scanner.
    pub verdict_trusting: Outcome,
    /// The verdict that was kept with the run; null where none was.
    pub verdict_recorded: Option<Outcome>,
    /// The pipeline went on.
    pub let_through: bool,
    /// Reports and why each is not trusted.
    pub reasons: Vec<String>,
    /// The artifacts that the run was about, and digests of images that the reports state.
    pub artifacts: Vec<String>,
}

impl RecalledRun {
    /// What is told of it.
    pub fn new(path: String, subject: &RowSubject<'_>, decision: &Decision, recall: &Recall) -> Self {
        let mut reasons = Vec::new();
        let mut artifacts: Vec<String> = Vec::new();
        for row in subject.recalled("A", decision, recall) {
            let file = row.path.map_or("-", Text::as_str);
            let reason = format!("{file}: {}", row.reason);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
            let more: Vec<String> =
                row.artifacts.into_iter().filter(|artifact| !artifacts.contains(artifact)).collect();
            artifacts.extend(more);
        }
        Self {
            path,
            project: subject.about.project.clone(),
            commit: subject.about.commit.clone(),
            verdict: decision.verdict,
            verdict_trusting: recall.trusting.verdict,
            verdict_recorded: recall.recorded.map(|recorded| recorded.verdict),
            let_through: recall.let_through(),
            reasons,
            artifacts,
        }
    }
}

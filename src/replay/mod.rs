//! REPLAY: what policies would have said to saved runs, put side by side.

mod difference;
mod flip;
mod recall;
mod row_folder;
mod rows;
mod run_description;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::decide::{Decision, Outcome};

pub use difference::{PolicyDifference, RunDifferenceRow};
pub use flip::{
    ComparedRun, DIFF_SCHEMA, FlipCause, FlipEffect, FlipExplanation, FlipKind, RunComparison, flip_effects,
};
pub use recall::{PastVerdict, Recall, RecalledReport, RecalledRun, RunRecallRow, recalled_reports};
pub use row_folder::{
    DoneRuns, RowError, RowFolder, RowsEnd, RowsFolder, RowsHead, RunShard, file_of, merge,
};
pub use rows::{
    LABELS, ROWS_SCHEMA, RowSubject, RowTexts, RunEvidenceRow, RunFindingRow, RunRow, RunRuleRow,
    RunWaiverRow, TABLES,
};
pub use run_description::{FileReference, RUN_SCHEMA, RunDescription};

/// Results of one policy for all runs.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Column {
    /// Where the policy comes from.
    pub source: String,
    /// Its digest.
    pub sha256: String,
    /// Runs by verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Its rules, in their order.
    pub rules: Vec<Row>,
    /// Runs that evidence stopped, by the name of its entry.
    pub evidence: BTreeMap<String, u64>,
    /// Rules that said nothing in any run.
    pub never: Vec<String>,
}

/// Outcomes of a rule in all runs.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its line in the policy.
    pub line: u64,
    /// Runs in which it failed.
    pub fail: u64,
    /// Runs in which it asked for a review.
    pub review: u64,
    /// Runs in which it could not decide.
    pub error: u64,
    /// Runs in which it warned.
    pub warn: u64,
    /// Runs in which it looked and said nothing.
    pub pass: u64,
    /// Runs in which it had nothing to look at, or its evidence was missing.
    pub blind: u64,
    /// Runs that it alone stopped.
    pub alone: u64,
    /// Matches that counted, in all.
    pub count: u64,
}

/// Results of all policies for one run.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ReplayedRun {
    /// The run: its id, or its path as it was given.
    pub path: String,
    /// The clock that it was judged by, RFC 3339.
    pub evaluated_at: String,
    /// By policy.
    pub said: Vec<PolicyVerdict>,
}

/// Results of one policy for one run.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PolicyVerdict {
    /// The verdict.
    pub verdict: Outcome,
    /// Blocking rules and evidence: rules with what counted, and entries of evidence.
    pub stopped_by: Vec<Stop>,
    /// Why no decision was reached.
    pub errors: Vec<String>,
}

/// A rule or an entry that stopped a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Stop {
    /// The rule's id, or `evidence ENTRY`.
    pub what: String,
    /// Its statement.
    pub outcome: Outcome,
    /// Matches that counted.
    pub count: u64,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Replay {
    /// One policy or two.
    pub policies: Vec<Column>,
    /// In the order in which they came.
    pub runs: Vec<ReplayedRun>,
    /// How many there are, listed or not.
    pub runs_total: u64,
    /// Runs of which the policies say different things.
    pub differ: u64,
    /// Verdicts that rested on a scanner that the first policy does not trust.
    pub recalled: Vec<RecalledRun>,
    /// How many there are, listed or not.
    pub recalled_total: u64,
    /// Of them, those after which the pipeline went on.
    pub recalled_let_through: u64,
    /// Most runs that are listed; none for all.
    #[serde(skip)]
    listed: Option<usize>,
}

/// The schema of [`ReplayOutput`].
pub const SCHEMA: &str = "secgate/replay/v1";

/// A replay as JSON; its keys are the schema `secgate/replay/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ReplayOutput<'r> {
    schema: &'static str,
    #[serde(flatten)]
    replay: &'r Replay,
}

impl<'r> ReplayOutput<'r> {
    /// The JSON of a replay.
    pub fn of_replay(replay: &'r Replay) -> Self {
        Self { schema: SCHEMA, replay }
    }
}

impl Replay {
    /// A table for these policies: source and digest of each.
    pub fn new(policies: &[(String, String)]) -> Self {
        let column = |(source, sha256): &(String, String)| Column {
            source: source.clone(),
            sha256: sha256.clone(),
            verdicts: ["pass", "review", "fail", "error"].map(|word| (word, 0)).into(),
            ..Column::default()
        };
        Self { policies: policies.iter().map(column).collect(), ..Self::default() }
    }

    /// Lists no more runs than these; all are counted.
    pub fn list_at_most(&mut self, runs: usize) {
        self.listed = Some(runs);
    }

    /// Adds a run with a decision of each policy.
    pub fn add(&mut self, path: String, decisions: &[&Decision]) {
        let said: Vec<PolicyVerdict> = decisions.iter().map(|decision| policy_verdict(decision)).collect();
        for ((column, decision), said) in self.policies.iter_mut().zip(decisions).zip(&said) {
            column.add(decision, said);
        }
        let differs = matches!(said.as_slice(), [first, second] if first.verdict != second.verdict);
        self.differ += u64::from(differs);
        self.runs_total += 1;
        // Of two policies those are listed on which they disagree.
        let is_listed = differs || said.len() < 2 || self.listed.is_none();
        if is_listed && self.listed.is_none_or(|most| self.runs.len() < most) {
            let evaluated_at = decisions.first().map(|d| d.evaluated_at.to_string()).unwrap_or_default();
            self.runs.push(ReplayedRun { path, evaluated_at, said });
        }
    }

    /// Adds a verdict that rested on a scanner that the first policy does not trust.
    pub fn add_recalled(&mut self, run: RecalledRun) {
        self.recalled_total += 1;
        self.recalled_let_through += u64::from(run.let_through);
        if self.listed.is_none_or(|most| self.recalled.len() < most) {
            self.recalled.push(run);
        }
    }

    /// Fills in what is known when all runs were added.
    pub fn finish(&mut self) {
        for column in &mut self.policies {
            let silent = |row: &&Row| row.fail + row.review + row.warn + row.error == 0;
            column.never = column.rules.iter().filter(silent).map(|row| row.id.clone()).collect();
        }
    }
}

impl Column {
    fn add(&mut self, decision: &Decision, said: &PolicyVerdict) {
        *self.verdicts.entry(decision.verdict.as_str()).or_default() += 1;
        for rule in &decision.rules {
            if !self.rules.iter().any(|row| row.id == rule.id) {
                self.rules.push(Row { id: rule.id.clone(), line: rule.line, ..Row::default() });
            }
            let Some(row) = self.rules.iter_mut().find(|row| row.id == rule.id) else { continue };
            row.count += rule.count;
            match (rule.outcome, rule.blind) {
                (Outcome::NotApplicable, _) | (_, true) => row.blind += 1,
                (Outcome::Pass, _) => row.pass += 1,
                (Outcome::Warn, _) => row.warn += 1,
                (Outcome::Review, _) => row.review += 1,
                (Outcome::Error, _) => row.error += 1,
                (Outcome::Fail, _) => row.fail += 1,
            }
            if let [only] = said.stopped_by.as_slice() {
                row.alone += u64::from(only.what == rule.id);
            }
        }
        for stop in &said.stopped_by {
            if let Some(entry) = stop.what.strip_prefix(EVIDENCE) {
                *self.evidence.entry(entry.to_owned()).or_default() += 1;
            }
        }
    }
}

/// Stands before the name of an entry.
const EVIDENCE: &str = "evidence ";

/// Blocking rules and evidence of a run; a rule that is only blind is told by its evidence.
fn policy_verdict(decision: &Decision) -> PolicyVerdict {
    let rules = decision.rules.iter().filter(|rule| rule.outcome >= Outcome::Review && !rule.blind);
    let mut stopped_by: Vec<Stop> =
        rules.map(|rule| Stop { what: rule.id.clone(), outcome: rule.outcome, count: rule.count }).collect();
    for evidence in decision.evidence.iter().filter(|evidence| evidence.outcome >= Outcome::Review) {
        let entry = evidence.entry.as_deref().or(evidence.path.as_ref().map(crate::finding::Text::as_str));
        let what = format!("{EVIDENCE}{}", entry.unwrap_or("-"));
        match stopped_by.iter_mut().find(|stop| stop.what == what) {
            Some(stop) => stop.outcome = stop.outcome.max(evidence.outcome),
            None => stopped_by.push(Stop { what, outcome: evidence.outcome, count: 0 }),
        }
    }
    let errors = decision.errors.iter().map(|fault| {
        let path = fault.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        format!("{path}{}", fault.message)
    });
    PolicyVerdict { verdict: decision.verdict, stopped_by, errors: errors.collect() }
}

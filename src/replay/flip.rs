//! Why two runs have different verdicts: the inputs that make the difference, and nothing else.

use serde::Serialize;

use super::{Stop, policy_verdict};
use crate::decide::{Decision, Outcome};
use crate::finding::Fingerprint;

/// The schema of [`RunComparison`].
pub const DIFF_SCHEMA: &str = "secgate/diff/v1";

/// The comparison of two runs; its keys are the schema `secgate/diff/v1`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RunComparison {
    /// `secgate/diff/v1`.
    pub schema: &'static str,
    /// The two runs, as given.
    #[schemars(with = "Vec<ComparedRun>")]
    pub runs: [ComparedRun; 2],
    /// They have one verdict.
    pub same_verdict: bool,
    /// Explanations of the difference; each of them by itself is enough to undo it, and nothing can be left out of it.
    pub explanations: Vec<FlipExplanation>,
    /// Rules, and evidence that stops, of which the two say different things.
    pub changes: Vec<FlipEffect>,
    /// Inputs that differ and have no part in it.
    pub other_inputs: Vec<String>,
    /// What has to be known besides.
    pub remarks: Vec<String>,
}

/// A run of a comparison.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ComparedRun {
    /// Its id, or its path as it was given.
    pub id: String,
    /// Its verdict.
    pub verdict: Outcome,
    /// The clock that it is judged by, RFC 3339.
    pub evaluated_at: String,
    /// The commit.
    pub commit: Option<String>,
    /// Where its policy comes from.
    pub policy_source: String,
    /// The digest of that.
    pub policy_sha256: String,
    /// Rules and evidence that stop it.
    pub stopped_by: Vec<Stop>,
}

/// Causes that make the difference together.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct FlipExplanation {
    /// The causes.
    pub causes: Vec<FlipCause>,
    /// Nothing can be left out. False where so much differs that not everything was tried.
    pub minimal: bool,
}

/// A difference between two runs that their verdicts rest on.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct FlipCause {
    /// Its kind.
    pub kind: FlipKind,
    /// The input that differs: a file of the run, or `clock`, `policy`, `commit` …
    pub input: String,
    /// What differs in it, in words, the first run first.
    pub text: String,
    /// The finding, where it is one.
    pub fingerprint: Option<Fingerprint>,
    /// What it changes by itself, beside the other causes.
    pub effects: Vec<FlipEffect>,
}

/// A rule, or evidence, of which two runs say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FlipEffect {
    /// The rule's id, or `evidence ENTRY`.
    pub what: String,
    /// Its statement in the first run; null where there is none.
    pub outcome_1: Option<Outcome>,
    /// The same in the second.
    pub outcome_2: Option<Outcome>,
}

/// Kinds of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlipKind {
    /// The code: a finding came or went with it.
    Code,
    /// An advisory about what was there before.
    AdvisoryDisclosed,
    /// The same finding has another severity.
    SeverityRescored,
    /// The same finding is, or is no longer, known to be exploited or likely to be.
    Exploitation,
    /// The same finding has, or has no longer, a version with the fix.
    FixKnown,
    /// The same finding is switched off in one of the runs.
    Suppression,
    /// The scanner or its database: another version, or the same code and another result.
    ToolOrDatabase,
    /// A waiver's time is over.
    WaiverExpired,
    /// A waiver ended because one of its triggers holds.
    WaiverTriggered,
    /// A waiver was written, edited or taken away.
    WaiverEdited,
    /// The policy.
    PolicyEdited,
    /// A report is there in one of the runs only.
    ReportMissing,
    /// A report cannot be read, or its scan failed or is incomplete.
    ReportUnusable,
    /// When a report was made.
    ReportTime,
    /// The commit or image that a report is about.
    ReportSubject,
    /// Time went by.
    Clock,
    /// The baseline.
    Baseline,
    /// The diff of the change.
    Diff,
    /// What the change is compared with.
    Base,
    /// More is suppressed than in the base.
    Suppressions,
    /// The value of a parameter.
    Parameter,
    /// CODEOWNERS.
    Codeowners,
    /// A feed: KEV, EPSS or VEX.
    Feed,
    /// Approvals.
    Approvals,
    /// Another document.
    Document,
    /// The commit.
    Commit,
    /// The artifacts.
    Artifacts,
    /// The author.
    Author,
    /// The project.
    Project,
}

impl FlipKind {
    /// Its name in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::AdvisoryDisclosed => "newly disclosed advisory",
            Self::SeverityRescored => "re-scored severity",
            Self::Exploitation => "exploitation",
            Self::FixKnown => "known fix",
            Self::Suppression => "suppressed finding",
            Self::ToolOrDatabase => "tool or database",
            Self::WaiverExpired => "expired waiver",
            Self::WaiverTriggered => "triggered waiver",
            Self::WaiverEdited => "edited waivers",
            Self::PolicyEdited => "edited policy",
            Self::ReportMissing => "missing report",
            Self::ReportUnusable => "unusable report",
            Self::ReportTime => "time of a report",
            Self::ReportSubject => "subject of a report",
            Self::Clock => "clock",
            Self::Baseline => "baseline",
            Self::Diff => "diff",
            Self::Base => "base",
            Self::Suppressions => "suppressions",
            Self::Parameter => "parameter",
            Self::Codeowners => "CODEOWNERS",
            Self::Feed => "feed",
            Self::Approvals => "approvals",
            Self::Document => "document",
            Self::Commit => "commit",
            Self::Artifacts => "artifacts",
            Self::Author => "author",
            Self::Project => "project",
        }
    }
}

impl ComparedRun {
    /// A run with its decision.
    pub fn new(id: String, commit: Option<String>, decision: &Decision) -> Self {
        let (policy_source, policy_sha256) = decision.policy.clone().unwrap_or_default();
        Self {
            id,
            verdict: decision.verdict,
            evaluated_at: decision.evaluated_at.to_string(),
            commit,
            policy_source,
            policy_sha256,
            stopped_by: policy_verdict(decision).stopped_by,
        }
    }
}

/// Rules, and evidence that stops, of which two decisions say different things.
pub fn flip_effects(first: &Decision, second: &Decision) -> Vec<FlipEffect> {
    let said = [first, second].map(|decision| {
        let rules = decision.rules.iter().map(|rule| (rule.id.clone(), rule.outcome));
        let stops = policy_verdict(decision).stopped_by.into_iter().map(|stop| (stop.what, stop.outcome));
        let mut said: Vec<(String, Outcome)> = rules.collect();
        let evidence: Vec<_> = stops.filter(|(what, _)| !said.iter().any(|(id, _)| id == what)).collect();
        said.extend(evidence);
        said
    });
    let [one, other] = &said;
    let of = |said: &[(String, Outcome)], what: &str| said.iter().find(|(id, _)| id == what).map(|(_, o)| *o);
    let mut effects: Vec<FlipEffect> = Vec::new();
    for (what, _) in one.iter().chain(other) {
        let effect = FlipEffect { what: what.clone(), outcome_1: of(one, what), outcome_2: of(other, what) };
        if effect.outcome_1 != effect.outcome_2 && !effects.contains(&effect) {
            effects.push(effect);
        }
    }
    effects
}

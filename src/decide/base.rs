//! Base that the change is compared with, and what came of it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Evidence, Obligation, Outcome, States, Status};
use crate::finding::{Category, Text};
use crate::policy::{self, BaseSource};
use crate::relate::{Base, BaseEntry, Heads};

/// A base that was given, with the files it was read from.
#[derive(Debug)]
pub struct GivenBase {
    /// Its known findings.
    pub base: Base,
    /// Where that is from.
    pub sources: Vec<BaseComparison>,
}

/// One source of a base; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BaseComparison {
    /// `base-report`, `baseline` or `diff`.
    pub kind: Cow<'static, str>,
    /// The file; of a diff that git made, the revision.
    pub path: Text,
    /// SHA-256 of what was read.
    pub sha256: String,
    /// Its findings, or the files that a diff touches.
    pub holds: u64,
    /// Of a report, what its scanner says of the scan.
    pub status: Option<Status>,
}

/// Base that the change was compared with; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize)]
pub struct BaseResult {
    /// Line of `base` in the policy.
    pub line: u64,
    /// Consequence: what the policy says where no base was given.
    pub outcome: Outcome,
    /// In words.
    pub message: String,
    /// Approvals that resolve the review that it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// The given sources.
    pub sources: Vec<BaseComparison>,
    /// Active findings by state; null where no base was given.
    pub findings: Option<States>,
    /// Findings of the base that are gone.
    pub fixed: u64,
    /// Kinds of them that are listed.
    pub fixed_shown: usize,
}

impl BaseResult {
    /// `1 new, 14 known, 2 fixed`, where there was a base.
    pub fn story(&self) -> Option<String> {
        let states = self.findings?;
        let disclosed = match states.newly_disclosed {
            0 => String::new(),
            n => format!("{n} newly disclosed, "),
        };
        let by_diff = match states.unchanged_lines {
            0 => String::new(),
            n => format!("; {n} on unchanged lines of touched files: existing by the diff alone"),
        };
        let (new, known, fixed) = (states.new, states.existing, self.fixed);
        Some(format!("{new} new, {disclosed}{known} known, {fixed} fixed{by_diff}"))
    }
}

/// Result of the comparison, and the findings that are gone, at most `cap` kinds, worst first.
pub(super) fn judge(
    policy: &policy::BaseSettings,
    comparison: Option<&GivenBase>,
    states: States,
    heads: &Heads,
    evidence: &[Evidence],
    cap: usize,
) -> (BaseResult, Vec<BaseEntry>) {
    let mut result = BaseResult {
        line: policy.line,
        outcome: policy.without.into(),
        message: "no base was given, so every finding counts as new".to_owned(),
        obligations: Vec::new(),
        sources: Vec::new(),
        findings: None,
        fixed: 0,
        fixed_shown: 0,
    };
    let Some(comparison) = comparison else { return (result, Vec::new()) };
    // Where nothing looked, nothing is known to be gone.
    let looked = |entry: &BaseEntry| evidence.iter().any(|e| covers(e, &entry.tool, entry.category));
    let mut fixed: Vec<BaseEntry> = comparison.base.fixed(heads).into_iter().filter(looked).collect();
    let known = |entry: &BaseEntry| entry.severity.rank(crate::finding::Severity::Critical);
    // Stable: of one severity they stay sorted by path.
    fixed.sort_by_key(|entry| std::cmp::Reverse(known(entry)));
    result.outcome = Outcome::Pass;
    result.sources.clone_from(&comparison.sources);
    result.findings = Some(states);
    result.fixed = fixed.iter().map(|entry| u64::from(entry.count)).sum();
    fixed.truncate(cap);
    result.fixed_shown = fixed.len();
    let sources: Vec<String> = result.sources.iter().map(|s| format!("{} {}", s.kind, s.path)).collect();
    let story = result.story().unwrap_or_default();
    result.message = match sources.as_slice() {
        [one, two, three, .., last] => format!("{one}, {two}, {three} … {last}: {story}"),
        few => format!("{}: {story}", few.join(", ")),
    };
    (result, fixed)
}

/// True if a report is whole and its tool looks for findings of the category.
fn covers(evidence: &Evidence, tool: &str, category: Category) -> bool {
    evidence.status == Status::Complete
        && evidence.categories.contains(&category)
        && evidence.tool.as_ref().is_some_and(|t| t.name.as_str().eq_ignore_ascii_case(tool))
}

/// The word of the policy for a source.
pub const fn source_word(source: BaseSource) -> &'static str {
    match source {
        BaseSource::BaseReport => "base-report",
        BaseSource::Baseline => "baseline",
        BaseSource::Diff => "diff",
    }
}

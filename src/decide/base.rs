//! Base that the change is compared with, and what came of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::matched_problem::CountedProblem;
use super::{Evidence, Obligation, Outcome, States, Status};
use crate::finding::{Category, Finding, State, Text};
use crate::policy::{self, Allowance, BaseSource, Rule, Selector, SelectorContext, Subject};
use crate::relate::{Base, BaseEntry, Heads, corrected};

/// A base that was given, with the files it was read from.
#[derive(Debug)]
pub struct GivenBase {
    /// Its known findings.
    pub base: Base,
    /// Where that is from.
    pub sources: Vec<BaseComparison>,
    /// Files left out of given folders: each a path with the reason.
    pub left_out: Vec<(String, String)>,
}

/// One source of a base; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Of a report, which kind of scan it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanKind>,
    /// Of a report, the one of the change that says the same in another layout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<Text>,
    /// Of a report, how many findings each rule with `allow: {base: same}` matches, by its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matched: BTreeMap<String, u64>,
}

/// Facts that tell apart the scans of which one report replaces another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanKind {
    /// Format id.
    pub format: String,
    /// The scanner, in small letters.
    pub tool: String,
    /// The repositories of the image that it looked at, sorted; none of anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Categories of its findings that nothing but reports of the base could call existing, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<Category>,
}

impl ScanKind {
    /// The scan that a report is of; nothing is known by it alone as yet.
    pub(crate) fn of_report(evidence: &Evidence) -> Option<Self> {
        let (format, tool) = evidence.format.as_ref().zip(evidence.tool.as_ref())?;
        let mut images: Vec<String> =
            evidence.image.names.iter().map(|(name, _)| name.real().to_owned()).collect();
        images.sort_unstable();
        images.dedup();
        Some(Self {
            format: format.to_string(),
            tool: tool.name.real().to_ascii_lowercase(),
            images,
            alone: Vec::new(),
        })
    }

    /// Whether a report of one can stand where one of the other stood.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        (&self.format, &self.tool, &self.images) == (&other.format, &other.tool, &other.images)
    }
}

/// Base that the change was compared with; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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

/// How many findings of a report of the base each rule that allows as many matches: by the corrections of the policy, and
/// by what the report itself says.
pub fn matches_in_base(policy: &policy::Policy, findings: &[Finding], now: i64) -> BTreeMap<String, u64> {
    let mut rules: Vec<(&Rule, &Selector, u64)> = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.allow == Allowance::Base) {
        if let Subject::Findings(selector) = &rule.subject {
            rules.push((rule, selector, 0));
        }
    }
    if rules.is_empty() {
        return BTreeMap::new();
    }
    for finding in findings {
        let finding = corrected(finding.clone(), policy);
        for (rule, selector, count) in &mut rules {
            let around = SelectorContext {
                now,
                unknown: Some(&rule.unknown),
                ..SelectorContext::without_report(policy.unknown_severity)
            };
            *count += u64::from(selector.selects(&finding, around));
        }
    }
    rules.into_iter().map(|(rule, _, count)| (rule.id.clone(), count)).collect()
}

/// Result of the comparison, and the findings that are gone, at most `cap` kinds, worst first.
pub(super) fn judge(
    policy: &policy::BaseSettings,
    entries: &[policy::EvidenceEntry],
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
    let in_part = |e: &Evidence| {
        let changed = |entry: &&policy::EvidenceEntry| entry.extent == policy::ScanExtent::Changed;
        entries.iter().filter(changed).any(|entry| e.entry.as_ref() == Some(&entry.name))
    };
    let looked =
        |entry: &BaseEntry| evidence.iter().any(|e| !in_part(e) && covers(e, &entry.tool, entry.category));
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
    let doubts = doubts(&comparison.sources, states, evidence);
    if !doubts.is_empty() {
        result.outcome = Outcome::from(policy.without).max(Outcome::Review);
        result.message = format!("{}; {}", doubts.join("; "), result.message);
    }
    (result, fixed)
}

/// Why findings that a rule takes for new may be old: nothing that is given can tell of one like them.
pub(super) fn untold<'m>(
    rule: &Rule,
    comparison: Option<&GivenBase>,
    problems: impl Iterator<Item = &'m CountedProblem>,
) -> Option<String> {
    let comparison = comparison.filter(|_| rule.waivable)?;
    let Subject::Findings(selector) = &rule.subject else { return None };
    if !selector.state.contains(&State::New) || selector.state.contains(&State::Existing) {
        return None;
    }
    let new = problems.filter_map(|(problem, _)| Some(&problem.lead()?.finding));
    let untold = new.filter(|finding| finding.state == State::New && !finding.is_malware());
    let categories: BTreeSet<Category> =
        untold.filter(|finding| !comparison.base.tells_of(finding)).map(|finding| finding.category).collect();
    let mut kinds: Vec<&str> = comparison.sources.iter().map(|source| source.kind.as_ref()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let given: Vec<&str> = kinds
        .into_iter()
        .map(|kind| match kind {
            "diff" => "a diff",
            "base-report" => "the base report",
            _ => "the baseline",
        })
        .collect();
    let (secrets, others): (Vec<Category>, Vec<Category>) =
        categories.into_iter().partition(|category| *category == Category::Secret);
    let mut why = Vec::new();
    if !others.is_empty() {
        let what: Vec<&str> = others.into_iter().map(told_of).collect();
        let (given, what) = (given.join(" and "), what.join(" and "));
        why.push(format!("{given} cannot tell about {what}; give a base report or a baseline"));
    }
    if !secrets.is_empty() {
        why.push(if comparison.base.has_key() {
            "the report does not hold the values of these secrets, so that no base can know them".to_owned()
        } else {
            "secrets are compared with a base only with --secret-key".to_owned()
        });
    }
    (!why.is_empty()).then(|| why.join("; "))
}

/// What findings of a category are about.
const fn told_of(category: Category) -> &'static str {
    match category {
        Category::Sast => "code",
        Category::Secret => "secrets",
        Category::Vulnerability => "dependencies",
        Category::Misconfiguration => "configuration",
        Category::License => "licences",
        Category::Dast => "the running application",
        Category::Contract => "the API's description",
        Category::Quality => "tests and quality",
    }
}

/// Why what reports of the base call known may not have been in the base: one that is the head's own knows all of the
/// head, and several of one scan know more than it ever found. What another source vouches for is not looked at.
fn doubts(sources: &[BaseComparison], states: States, evidence: &[Evidence]) -> Vec<String> {
    let reports: Vec<(&BaseComparison, &ScanKind)> = sources
        .iter()
        .filter_map(|source| Some((source, source.scan.as_ref()?)))
        .filter(|(_, scan)| !scan.alone.is_empty())
        .collect();
    let mut doubts = Vec::new();
    for source in sources.iter().filter(|source| source.kind == "base-report") {
        // What it lists was there before the change, by the change's own word.
        let lists = states.newly_disclosed > 0;
        let makes_room = source.matched.values().any(|count| *count > 0);
        if !lists && !makes_room && !reports.iter().any(|(known, _)| known.sha256 == source.sha256) {
            continue;
        }
        let same = evidence.iter().find(|own| own.sha256.as_ref() == Some(&source.sha256));
        let same = same.and_then(|own| own.path.as_ref()).map(|own| (own, "byte for byte"));
        let same = same.or_else(|| Some((source.copy_of.as_ref()?, "in another layout")));
        if let Some((own, how)) = same {
            doubts.push(format!(
                "base-report {} is {how} the report {own} of the change itself, so that it knows every finding of it; \
                 give the report of the target branch",
                source.path
            ));
        }
    }
    let mut told: Vec<&ScanKind> = Vec::new();
    for (_, scan) in &reports {
        if told.iter().any(|known| known.replaces(scan)) {
            continue;
        }
        told.push(scan);
        let is_same = |own: &&Evidence| ScanKind::of_report(own).is_some_and(|own| own.replaces(scan));
        let heads: BTreeSet<_> = evidence.iter().filter(is_same).map(|own| &own.sha256).collect();
        let of_category = |category: &Category| -> Vec<String> {
            let same = reports.iter().filter(|(_, other)| other.replaces(scan));
            let same = same.filter(|(_, other)| other.alone.contains(category));
            same.map(|(source, _)| source.path.to_string()).collect()
        };
        let categories: BTreeSet<Category> = reports
            .iter()
            .filter(|(_, other)| other.replaces(scan))
            .flat_map(|(_, other)| other.alone.iter().copied())
            .collect();
        let most = categories.iter().map(of_category).max_by_key(Vec::len).unwrap_or_default();
        if !heads.is_empty() && most.len() > heads.len().max(1) {
            doubts.push(format!(
                "{} reports of {} are added up to one base ({}), and the change has {}: more is known than one scan \
                 of the target branch found; give one for each report of the change",
                most.len(),
                scan.tool,
                most.join(", "),
                heads.len()
            ));
        }
    }
    doubts
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

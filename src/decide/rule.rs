//! Outcome of one rule: of what it found, and of what it could look at.

use serde::Serialize;

use super::allowance::{self, AllowanceDetail, AllowedMatches};
use super::matched_problem::CountedProblem;
use super::requirement::{Requirements, RuleContext};
use super::{
    Context, Evidence, GivenBase, Obligation, Outcome, Status, approvals, base, document, feed, image,
    provenance, sbom, verdicts,
};
use crate::finding::{Category, Fingerprint, Severity, State};
use crate::policy::{Action, Allowance, EntryKind, EvidenceEntry, Feed, Policy, Rule, Subject};

/// Outcome of one rule; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RuleResult {
    /// Its id.
    pub id: String,
    /// Its line in the policy.
    pub line: u64,
    /// The policy that it is inherited from, where the line is; none for a rule of the policy itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// One line for people.
    pub title: String,
    /// Its statement.
    pub outcome: Outcome,
    /// Matches that are allowed, in each group where there are groups.
    pub allow: u64,
    /// More about what is allowed, where that is more than a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowance: Option<AllowanceDetail>,
    /// Matches beside what is allowed.
    #[serde(skip)]
    pub(super) allowed: AllowedMatches,
    /// Matches that count: findings that no waiver covers, or unmet demands on a document.
    pub count: u64,
    /// Of them, new ones.
    pub new: u64,
    /// Matches that a waiver covers; they do not count.
    pub waived: u64,
    /// Matches that a VEX statement lifts; they do not count.
    pub vexed: u64,
    /// Problems of which details are shown.
    pub shown: usize,
    /// Why it says so.
    pub message: String,
    /// Who approved, of a rule about approvals that is met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// Action to take.
    pub fix: Option<String>,
    /// Who can resolve its review.
    pub obligations: Vec<Obligation>,
    /// Fingerprints of the problems that are shown.
    pub findings: Vec<Fingerprint>,
    /// The same as indexes into [`Decision::findings`](super::Decision::findings).
    #[serde(skip)]
    pub problems: Vec<usize>,
    /// Its outcome is that of missing evidence, not of anything it matched.
    #[serde(skip)]
    pub blind: bool,
    /// Demands that are not met, of a rule that matches findings besides.
    #[serde(skip)]
    pub unmet: Vec<String>,
    /// Matches, in the words of its selectors: `3 new findings of high severity or worse`; empty where it counted
    /// no finding.
    #[serde(skip)]
    pub counted: String,
    /// The last line of the log where it decides, if the policy says one.
    #[serde(skip)]
    pub log: Option<String>,
}

/// Matches of a rule.
pub(super) struct RuleMatches {
    pub(super) count: u64,
    pub(super) new: u64,
    /// Matches only in case that they are new, which a diff alone cannot rule out.
    pub(super) in_doubt: u64,
    /// Matches only because nobody knows an attribute, which the rule has people look at.
    pub(super) unanswered: u64,
    pub(super) waived: u64,
    pub(super) vexed: u64,
    /// Of a rule that does not look at findings.
    pub(super) demands: Option<Requirements>,
    pub(super) problems: Vec<usize>,
    /// Demands that are not met, of a rule that matches findings besides.
    pub(super) unmet: Vec<String>,
    /// The same beside what the rule allows.
    pub(super) allowed: AllowedMatches,
}

impl RuleMatches {
    /// Matches of a rule that does not look at findings.
    pub(super) fn of_demands(demands: Requirements, allow: Allowance) -> Self {
        let count = demands.unmet.len() as u64;
        Self {
            allowed: allowance::of_demands(count, allow),
            count,
            new: 0,
            in_doubt: 0,
            unanswered: 0,
            waived: 0,
            vexed: 0,
            demands: Some(demands),
            problems: Vec::new(),
            unmet: Vec::new(),
        }
    }
}

/// Content of a rule about anything but findings. What has still to be filled in comes first, so that it is told before
/// there is any evidence. Of evidence that is not there it says nothing: that is told by the
/// evidence itself.
pub(super) fn evaluate_requirements(rule: &Rule, world: RuleContext<'_>) -> Requirements {
    let fill_in = match &rule.subject {
        Subject::Image(image) => image::placeholders(image).into_iter().collect(),
        Subject::Approvals(approvals) => {
            approvals::placeholders(&approvals.reviewers, world.policy).into_iter().collect()
        }
        Subject::Provenance(rule) => {
            let mut fill_in = world.keys(&rule.signed_by).err().unwrap_or_default();
            if !fill_in.is_empty() {
                fill_in.extend(provenance::placeholders(rule));
            }
            fill_in
        }
        Subject::Verdicts(verdicts) => world.keys(&verdicts.signed_by).err().unwrap_or_default(),
        Subject::Findings(_) | Subject::Document(_) | Subject::Sbom(_) => Vec::new(),
    };
    if !fill_in.is_empty() {
        return Requirements { undecided: fill_in, ..Requirements::default() };
    }
    let there = |e: &Evidence| {
        !matches!(e.status, Status::Absent | Status::Unreadable)
            && e.entry.as_ref().is_some_and(|name| rule.fed_by.contains(name))
    };
    if !world.evidence.iter().any(there) {
        return Requirements::default();
    }
    match &rule.subject {
        Subject::Findings(_) => Requirements::default(),
        Subject::Document(document) => document::judge(document, world),
        Subject::Image(image) => image::judge(image, world),
        Subject::Sbom(sbom) => sbom::judge(sbom, world),
        Subject::Provenance(provenance) => provenance::judge(provenance, world),
        Subject::Approvals(approvals) => approvals::judge(approvals, world),
        Subject::Verdicts(verdicts) => verdicts::judge(verdicts, world),
    }
}

pub(super) fn judge_rule(
    rule: &Rule,
    policy: &Policy,
    context: &Context,
    evidence: &[Evidence],
    found: RuleMatches,
    problems: &[CountedProblem],
    comparison: Option<&GivenBase>,
) -> RuleResult {
    let (outcome, mut message) = rule_outcome(rule, policy, context, evidence, &found);
    if found.allowed.over > 0 {
        let matched = found.problems.iter().filter_map(|&at| problems.get(at));
        let untold = base::untold(rule, comparison, matched);
        message.extend(untold.map(|why| format!(", old or new: {why}")));
    }
    let decided = found.demands.as_ref().is_none_or(|demands| demands.undecided.is_empty());
    let blind = found.allowed.over == 0 && outcome >= Outcome::Review && decided;
    let lead = |&at: &usize| problems.get(at).and_then(|(p, _)| Some(p.lead()?.finding.fingerprint));
    RuleResult {
        id: rule.id.clone(),
        line: rule.line,
        policy: policy.inherited_from(rule),
        title: rule.title.clone(),
        outcome,
        allow: found.allowed.allow,
        allowance: found.allowed.detail.clone(),
        allowed: found.allowed,
        count: found.count,
        new: found.new,
        waived: found.waived,
        vexed: found.vexed,
        shown: found.problems.len(),
        message,
        approved_by: found.demands.as_ref().map(|demands| demands.approved_by.clone()).unwrap_or_default(),
        fix: rule.fix.clone(),
        obligations: Vec::new(),
        findings: found.problems.iter().filter_map(lead).collect(),
        problems: found.problems,
        blind,
        unmet: found.unmet,
        counted: counted(&rule.subject, found.count),
        log: rule.log.clone(),
    }
}

/// Message of a rule that found nothing.
const NO_FINDINGS: &str = "no findings";

/// Findings that a rule counted, in the words of its selectors.
fn counted(subject: &Subject, count: u64) -> String {
    let Subject::Findings(selector) = subject else { return String::new() };
    if count == 0 {
        return String::new();
    }
    let noun = match selector.category.as_slice() {
        [Category::Secret] => ("secret", "secrets"),
        [Category::Vulnerability] => ("vulnerability", "vulnerabilities"),
        [Category::Misconfiguration] => ("misconfiguration", "misconfigurations"),
        [Category::License] => ("licence finding", "licence findings"),
        _ => ("finding", "findings"),
    };
    let noun = if count == 1 { noun.0 } else { noun.1 };
    let state = match selector.state.as_slice() {
        [State::New] => "new ",
        [State::Existing] => "existing ",
        [State::NewlyDisclosed] => "newly disclosed ",
        _ => "",
    };
    match selector.severity {
        None => format!("{count} {state}{noun}"),
        Some(Severity::Critical) => format!("{count} {state}critical {noun}"),
        Some(severity) => format!("{count} {state}{noun} of {severity} severity or worse"),
    }
}

pub(super) fn rule_outcome(
    rule: &Rule,
    policy: &Policy,
    context: &Context,
    evidence: &[Evidence],
    found: &RuleMatches,
) -> (Outcome, String) {
    if let Some((name, values)) = rule
        .when
        .iter()
        .find(|(name, values)| !policy.parameter_is(name, context.parameters.get(name), values))
    {
        return (Outcome::NotApplicable, format!("only where {name} is {}", values.join(" or ")));
    }
    let sight = sight(rule, policy, evidence);
    let (outcome, message) = by_sight(rule, context, found, sight);
    let Some(lacks) = lacks(rule, policy, evidence).filter(|_| outcome != Outcome::NotApplicable) else {
        return (outcome, message);
    };
    // As with other evidence, a rule that only warns cannot be made to gate by it.
    let least = if rule.then == Action::Warn { Outcome::Warn } else { Outcome::Review };
    // That nothing was found says nothing where it could not be told.
    let message =
        if message.is_empty() || message == NO_FINDINGS { lacks } else { format!("{message}; {lacks}") };
    (outcome.max(least), message)
}

/// Why a feed that the rule asks for cannot be relied on, so that nobody knows what it would have matched.
fn lacks(rule: &Rule, policy: &Policy, evidence: &[Evidence]) -> Option<String> {
    let Subject::Findings(selector) = &rule.subject else { return None };
    let feeds = [Feed::Kev, Feed::Epss].into_iter().filter(|feed| selector.needs(*feed));
    let why: Vec<String> = feeds.filter_map(|feed| feed::lacking(policy, evidence, feed)).collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// Outcome of a rule of what it found and of what it could look at.
fn by_sight(rule: &Rule, context: &Context, found: &RuleMatches, sight: RuleCoverage) -> (Outcome, String) {
    if let Some(demands) = found.demands.as_ref().filter(|demands| !demands.undecided.is_empty()) {
        return no_telling(rule, demands);
    }
    if found.allowed.over > 0 {
        let count = match (&found.demands, found.count) {
            (Some(demands), _) => describe_unmet(demands),
            (None, 1) => "1 finding".to_owned(),
            (None, n) => format!("{n} findings"),
        };
        let allowed = found.allowed.describe();
        let waived = if found.waived > 0 { format!(", {} more waived", found.waived) } else { String::new() };
        let vexed = match found.vexed {
            0 => String::new(),
            n => format!(", {n} more not affected (VEX)"),
        };
        let count = format!("{count}{allowed}{waived}{vexed}");
        let count = match found.in_doubt {
            0 => count,
            n => format!("{count}, {n} on unchanged lines of touched files: existing by the diff alone"),
        };
        let count = match found.unanswered {
            0 => count,
            n => format!("{count}, {n} of which nobody knows enough"),
        };
        let (outcome, message) = match rule.from {
            Some(day) if jiff::tz::Offset::UTC.to_datetime(context.now).date() < day => {
                (Outcome::Warn, format!("{count}; warns until {day}"))
            }
            _ => {
                let of_demands = found.demands.as_ref().and_then(|demands| demands.worst(rule.then));
                let outcome = of_demands.unwrap_or(rule.then.into());
                // What may be new is for people to look at.
                (if found.allowed.surely { outcome } else { outcome.min(Outcome::Review) }, count)
            }
        };
        // What was found cannot make up for what is missing.
        return match sight {
            RuleCoverage::Blind(missing, names) | RuleCoverage::InPart(missing, names)
                if missing > outcome =>
            {
                (missing, format!("{message}; evidence {names}"))
            }
            _ => (outcome, message),
        };
    }
    match sight {
        RuleCoverage::Clear => {
            let (n, waived) = (found.count, found.waived);
            let waived = (waived > 0).then(|| format!("{waived} waived"));
            if let Some(demands) = found.demands.as_ref().filter(|_| n == 0) {
                let met = demands.met.iter().cloned().chain(waived);
                return (Outcome::Pass, met.collect::<Vec<_>>().join("; "));
            }
            let allowed = (n > 0).then(|| found.allowed.describe_allowed(n));
            let vexed = (found.vexed > 0).then(|| format!("{} not affected (VEX)", found.vexed));
            let none = (n == 0 && waived.is_none() && vexed.is_none()).then(|| NO_FINDINGS.to_owned());
            let parts = none.into_iter().chain(allowed).chain(waived).chain(vexed);
            (Outcome::Pass, parts.collect::<Vec<_>>().join(", "))
        }
        RuleCoverage::NotApplicable => (
            Outcome::NotApplicable,
            format!(
                "not evaluated: optional evidence {} {} missing",
                rule.fed_by.join(", "),
                if rule.fed_by.len() > 1 { "are" } else { "is" }
            ),
        ),
        RuleCoverage::Blind(outcome, names) => (outcome, format!("nothing to look at: evidence {names}")),
        RuleCoverage::InPart(outcome, names) => {
            (outcome, format!("nothing in what could be looked at, but evidence {names}"))
        }
    }
}

/// There is no telling; a demand that is known not to be met and that stops the change is worse.
fn no_telling(rule: &Rule, demands: &Requirements) -> (Outcome, String) {
    let worst = demands.worst(rule.then).unwrap_or(Outcome::Error).max(Outcome::Error);
    let mut said = demands.undecided.clone();
    said.extend(demands.unmet.iter().map(|unmet| unmet.text.clone()));
    (worst, said.join("; "))
}

/// Unmet requirements, in words.
fn describe_unmet(demands: &Requirements) -> String {
    demands.unmet.iter().map(|unmet| unmet.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// Whether a rule that found nothing had anything to look at.
enum RuleCoverage {
    Clear,
    NotApplicable,
    Blind(Outcome, String),
    /// It could look at some of what it needs.
    InPart(Outcome, String),
}

fn sight(rule: &Rule, policy: &Policy, evidence: &[Evidence]) -> RuleCoverage {
    let feeds = |e: &&Evidence| e.entry.as_ref().is_some_and(|name| rule.fed_by.contains(name));
    let fed: Vec<&Evidence> = evidence.iter().filter(feeds).collect();
    // A rule that only warns cannot be made to gate by its evidence; the entry itself does.
    let capped = |outcome: Outcome| if rule.then == Action::Warn { Outcome::Warn } else { outcome };
    let shown = |e: &Evidence| format!("{} is {}", e.entry.as_deref().unwrap_or_default(), e.status.as_str());
    let unread = |e: &&&Evidence| matches!(e.status, Status::Absent | Status::Unreadable);
    let missing: Vec<&&Evidence> =
        fed.iter().filter(unread).filter(|e| needs(rule, policy, e.entry.as_deref())).collect();
    if let Some(worst) = missing.iter().map(|e| e.outcome).max().filter(|_| missing.len() < fed.len()) {
        let mut names: Vec<String> = missing.iter().map(|e| shown(e)).collect();
        names.dedup();
        return RuleCoverage::InPart(capped(worst), names.join(", "));
    }
    if fed.iter().any(|e| matches!(e.outcome, Outcome::Pass | Outcome::Warn)) {
        // What one entry could look at says nothing of what another could not.
        let held = || {
            fed.iter()
                .filter(|e| e.outcome >= Outcome::Review)
                .filter(|e| needs(rule, policy, e.entry.as_deref()))
        };
        let Some(worst) = held().map(|e| e.outcome).max() else { return RuleCoverage::Clear };
        let mut names: Vec<String> = held().filter(|e| e.outcome == worst).map(|e| shown(e)).collect();
        names.dedup();
        return RuleCoverage::InPart(capped(worst), names.join(", "));
    }
    let optional = |name: &str| policy.evidence.iter().any(|e: &EvidenceEntry| e.name == name && !e.required);
    // Whoever gathers says of each entry what became of it; of one that it forgot nobody knows anything.
    let told = |name: &String| fed.iter().any(|e| e.entry.as_ref() == Some(name));
    if let Some(name) = rule.fed_by.iter().find(|name| !told(name) && !optional(name)) {
        return RuleCoverage::Blind(Outcome::Error, format!("{name} was not read"));
    }
    let present_or_required: Vec<&&Evidence> = fed
        .iter()
        .filter(|e| e.status != Status::Absent || !e.entry.as_deref().is_some_and(optional))
        .collect();
    let Some(worst) = present_or_required.iter().map(|e| e.outcome).max() else {
        return RuleCoverage::NotApplicable;
    };
    let mut names: Vec<String> =
        present_or_required.iter().filter(|e| e.outcome == worst).map(|e| shown(e)).collect();
    names.dedup();
    let (outcome, names) = (capped(worst), names.join(", "));
    let in_part = |e: &&Evidence| matches!(e.status, Status::Incomplete | Status::Stale);
    if present_or_required.iter().any(|e| in_part(e)) {
        return RuleCoverage::InPart(outcome, names);
    }
    RuleCoverage::Blind(outcome, names)
}

/// Whether a rule about findings rests on an entry: one of a category that it names, or one that it names itself, and not
/// one of which `severity.map` may move some finding into its category.
fn needs(rule: &Rule, policy: &Policy, name: Option<&str>) -> bool {
    let Subject::Findings(selector) = &rule.subject else { return false };
    let entry = policy.evidence.iter().find(|entry| Some(entry.name.as_str()) == name);
    entry.is_some_and(|entry| {
        let asked = match entry.kind {
            EntryKind::Report(category) => {
                selector.category.is_empty() || selector.category.contains(&category)
            }
            EntryKind::Document(_) | EntryKind::Feed(_) => false,
        };
        entry.required && (asked || selector.evidence.contains(&entry.name))
    })
}

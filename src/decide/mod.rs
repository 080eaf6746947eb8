//! DECIDE: rules over what was read, one file per kind of rule; the verdict is the worst of their outcomes.

mod acceptance;
mod approvals;
mod base;
mod clauses;
mod context;
mod demand;
mod document;
mod documents;
#[cfg(test)]
mod doubts;
mod evidence;
pub mod explain;
mod feed;
mod image;
mod outcome;
mod own_gate;
mod problem;
#[cfg(test)]
mod properties;
mod provenance;
mod resolve;
mod sbom;
mod selector;
#[cfg(test)]
mod stricter;
mod tally;
mod unblock;
mod verdicts;
mod waiver;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::finding::{Category, Fingerprint};
use crate::policy::{Action, Enforcement, Entry, Feed, Policy, PolicyFile, Rule, Subject};
use crate::relate::BaseEntry;
use crate::report::hex;

pub use base::{BaseResult, Compared, Comparison, source_word};
pub use clauses::{Clause, Surrounding, clauses, describe, looks_at};
pub use context::{Artifact, CodeownersFile, Context, Shown};
pub use documents::Document;
pub(crate) use documents::DocumentLimits;
pub(crate) use evidence::duration;
pub use evidence::{About, Evidence, Status};
pub use outcome::{Outcome, exit_code};
pub use own_gate::{GateComparison, OwnGate, baseline_grown};
pub use problem::Problem;
pub use resolve::Obligation;
pub use tally::{Counts, Matched, Relations, States, Tally, Watched};
pub use unblock::{Step, StepKind, Unblock};
pub use waiver::{WaiverResult, WaiverStatus};

use demand::{Demands, World};
use problem::{Hits, Shared, problems, shown};
use tally::Counted;

/// Everything a run decided, ready to be told in any format.
#[derive(Debug)]
pub struct Decision {
    /// The gate, such as `merge`.
    pub gate: String,
    /// The policy's title.
    pub title: String,
    /// Pass, review, error or fail.
    pub verdict: Outcome,
    /// What the process ends with.
    pub exit_code: u8,
    /// False under advisory enforcement.
    pub enforced: bool,
    /// The run's clock.
    pub evaluated_at: Timestamp,
    /// Source and SHA-256 of the policy; `None` where it could not be read.
    pub policy: Option<(String, String)>,
    /// Other files that are part of the policy.
    pub policy_files: Vec<PolicyFile>,
    /// The policies that it extends, the nearest first.
    pub policy_extends: Vec<PolicyFile>,
    /// The surroundings.
    pub context: Shown,
    /// What was on the table.
    pub evidence: Vec<Evidence>,
    /// What the change was compared with, where the policy has a base.
    pub base: Option<BaseResult>,
    /// Findings of the base that are gone, worst first, up to a cap.
    pub fixed: Vec<BaseEntry>,
    /// What the change does to the gate itself, where something says what it was.
    pub own_gate: Option<OwnGate>,
    /// The rules in the policy's order.
    pub rules: Vec<RuleResult>,
    /// Active findings of all reports.
    pub counts: Counts,
    /// Problems that rules matched, worst first, up to a cap a rule.
    pub findings: Vec<Problem>,
    /// SHA-256 over the sorted fingerprints of all findings that stop the change.
    pub findings_digest: String,
    /// Active findings that no rule looked at, by category.
    pub unmatched: Vec<(Category, Counts)>,
    /// Suppressed findings that no rule looked at, worst first, up to a cap; [`Counts::suppressed`] counts all.
    pub suppressed: Vec<Arc<Matched>>,
    /// Active findings that were there before and that no rule looked at, worst first, up to a cap.
    pub known: Vec<Arc<Matched>>,
    /// The waivers of this gate, sorted by id.
    pub waivers: Vec<WaiverResult>,
    /// Emergency waivers that hold, a line each, which every output shows.
    pub emergencies: Vec<String>,
    /// What kept the run from deciding.
    pub errors: Vec<Fault>,
    /// The findings that somebody asks about.
    pub watched: Vec<Watched>,
    /// The smallest set of actions that lets the change through.
    pub unblock: Unblock,
}

/// Something that kept the run from deciding.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// The file concerned.
    pub path: Option<String>,
    /// One line first, detail below.
    pub message: String,
}

/// What one rule says; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Serialize)]
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
    /// What it says.
    pub outcome: Outcome,
    /// Matches that are allowed.
    pub allow: u64,
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
    /// What to do.
    pub fix: Option<String>,
    /// Who can resolve its review.
    pub obligations: Vec<Obligation>,
    /// Fingerprints of the problems that are shown.
    pub findings: Vec<Fingerprint>,
    /// The same as indexes into [`Decision::findings`].
    #[serde(skip)]
    pub problems: Vec<usize>,
    /// Its outcome is that of missing evidence, not of anything it matched.
    #[serde(skip)]
    pub blind: bool,
}

/// What the run gathered, given to [`decide`].
#[derive(Debug)]
pub struct Gathered<'p> {
    /// Evidence as judged: files first, in the order of their index, then absent entries.
    pub evidence: Vec<Evidence>,
    /// Counts over all readable reports.
    pub tally: Tally<'p>,
    /// Documents and feeds.
    pub documents: Vec<Document>,
    /// What the change is compared with.
    pub comparison: Option<&'p Comparison>,
    /// The states of the findings stand for a base (a case of the policy).
    pub base_given: bool,
}

/// Applies the policy to what was gathered.
pub fn decide(policy: &Policy, context: &Context, gathered: Gathered<'_>) -> Decision {
    let Gathered { mut evidence, mut tally, documents, comparison, base_given } = gathered;
    let (coverage, mut waivers) = waiver::judge(policy, context, &tally, &evidence, &documents);
    let details = (0..policy.rules.len()).map(|rule| tally.details(rule, &coverage)).collect();
    let (problems, hidden) = problems(policy, &waivers, &tally.to.vex, &context.owners, details);
    waiver::name_hidden(&mut waivers, hidden);
    let found = |index: usize| {
        let Counted { open, new, waived, vexed } = tally.counted(index, &coverage);
        Found { count: open, new, waived, vexed, demands: None, problems: shown(&problems, index) }
    };
    // Which findings need an answer does not depend on who has answered.
    let findings_digest = {
        let stops = |(index, rule): (usize, &Rule)| {
            matches!(rule.subject, Subject::Findings(_))
                && matches!(
                    rule_outcome(rule, policy, context, &evidence, &found(index)).0,
                    Outcome::Fail | Outcome::Review
                )
        };
        let stops: Vec<bool> = policy.rules.iter().enumerate().map(stops).collect();
        digest(&tally.fingerprints(&stops, &coverage))
    };
    let answers = resolve::of_evidence(World {
        policy,
        decides: policy,
        context,
        evidence: &evidence,
        documents: &documents,
        waivers: &waivers,
        findings_digest: &findings_digest,
        fed_by: &[],
    });
    resolve::answer(&mut evidence, answers);
    let world = World {
        policy,
        decides: policy,
        context,
        evidence: &evidence,
        documents: &documents,
        waivers: &waivers,
        findings_digest: &findings_digest,
        fed_by: &[],
    };
    let of_rule = |(index, rule): (usize, &Rule)| {
        let world = World { fed_by: &rule.fed_by, ..world };
        let found = if let Subject::Findings(_) = &rule.subject {
            found(index)
        } else {
            let demands = demands(rule, world);
            let count = demands.unmet.len() as u64;
            Found { count, new: 0, waived: 0, vexed: 0, demands: Some(demands), problems: Vec::new() }
        };
        resolve::rule(rule, judge_rule(rule, policy, context, &evidence, found, &problems), world)
    };
    let rules: Vec<RuleResult> = policy.rules.iter().enumerate().map(of_rule).collect();
    let judged =
        policy.base.as_ref().filter(|_| !base_given).map(|policy| {
            base::judge(policy, comparison, tally.states, &tally.heads, &evidence, tally.to.cap)
        });
    let (mut base, fixed) = judged.map_or((None, Vec::new()), |(base, fixed)| (Some(base), fixed));
    if let Some(base) = &mut base {
        resolve::base(base, world);
    }
    let stops: Vec<bool> =
        rules.iter().map(|r| matches!(r.outcome, Outcome::Fail | Outcome::Review)).collect();
    let stopping = tally.fingerprints(&stops, &coverage).len() as u64;
    let (findings, hits): (Vec<Problem>, Vec<Hits>) = problems.into_iter().unzip();
    let own_gate = context.own_gate.as_ref().map(|comparison| own_gate::judge(comparison, world));
    let mut decision = Decision {
        gate: policy.gate.clone(),
        title: policy.title.clone(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        // A change that takes the gate's force away is decided on by the gate that had it.
        enforced: policy.enforcement == Enforcement::Blocking
            || context.own_gate.as_ref().is_some_and(|gate| gate.enforced),
        evaluated_at: context.now,
        policy: Some((policy.source.clone(), policy.sha256.clone())),
        policy_files: policy.files.clone(),
        policy_extends: policy.ancestors.clone(),
        context: context.shown.clone(),
        evidence,
        own_gate,
        base,
        fixed,
        rules,
        counts: tally.counts,
        findings,
        findings_digest,
        suppressed: tally.suppressed(),
        known: tally.old(),
        unmatched: tally.unmatched.into_iter().collect(),
        emergencies: waivers.iter().filter_map(WaiverResult::emergency).collect(),
        waivers,
        errors: Vec::new(),
        watched: tally.watched,
        unblock: Unblock::default(),
    };
    decision.errors.extend(vacuous(&decision.rules));
    decision.settle();
    decision.unblock = Unblock::of(&decision, &hits, stopping);
    decision
}

/// Where no rule applies there is nothing to pass.
fn vacuous(rules: &[RuleResult]) -> Option<Fault> {
    let message = "no rule applies: there is no evidence for any of them, so there is nothing to decide on";
    let none = rules.iter().all(|r| r.outcome == Outcome::NotApplicable);
    none.then(|| Fault { path: None, message: message.to_owned() })
}

/// SHA-256 over identities, one a line.
fn digest(fingerprints: &[Fingerprint]) -> String {
    let mut digest = Sha256::new();
    for id in fingerprints {
        digest.update(format!("{id}\n"));
    }
    hex(&digest.finalize())
}

/// A run that could not begin to decide.
pub fn undecided(gate: &str, now: Timestamp, context: Shown, errors: Vec<Fault>) -> Decision {
    let mut decision = Decision {
        gate: gate.to_owned(),
        title: gate.to_owned(),
        verdict: Outcome::Error,
        exit_code: crate::exit::ERROR,
        enforced: true,
        evaluated_at: now,
        policy: None,
        policy_files: Vec::new(),
        policy_extends: Vec::new(),
        context,
        evidence: Vec::new(),
        own_gate: None,
        base: None,
        fixed: Vec::new(),
        rules: Vec::new(),
        counts: Counts::default(),
        findings: Vec::new(),
        findings_digest: hex(&Sha256::digest(b"")),
        unmatched: Vec::new(),
        suppressed: Vec::new(),
        known: Vec::new(),
        waivers: Vec::new(),
        emergencies: Vec::new(),
        errors,
        watched: Vec::new(),
        unblock: Unblock::default(),
    };
    decision.settle();
    decision.unblock = Unblock::of(&decision, &[], 0);
    decision
}

impl Decision {
    /// Verdict and exit code from all outcomes: the worst wins.
    fn settle(&mut self) {
        let errors = self.errors.iter().map(|_| Outcome::Error);
        let all = self
            .rules
            .iter()
            .map(|r| r.outcome)
            .chain(self.evidence.iter().map(|e| e.outcome))
            .chain(self.own_gate.iter().map(|gate| gate.outcome))
            .chain(self.base.iter().map(|b| b.outcome))
            .chain(errors);
        let has_error = all.clone().any(|o| o == Outcome::Error);
        self.verdict = all.max().unwrap_or(Outcome::Error).gating();
        let enforcement = if self.enforced { Enforcement::Blocking } else { Enforcement::Advisory };
        self.exit_code = exit_code(self.verdict, enforcement, has_error);
    }

    /// Adds trouble that came after the decision, such as an output that could not be written.
    pub fn add_error(&mut self, fault: Fault) {
        self.unblock.add_error(&fault);
        self.errors.push(fault);
        self.settle();
    }

    /// Number of active findings that met no rule.
    pub fn unmatched_total(&self) -> u64 {
        self.unmatched.iter().map(|(_, counts)| counts.total).sum()
    }

    /// What decided, for a log's last line: the first rule in the policy's order that stopped the change by what
    /// it matched, else the first piece of evidence, else the base.
    pub fn decisive(&self) -> String {
        if self.verdict == Outcome::Pass {
            return format!("{} satisfied", self.title);
        }
        let decided = |outcome: Outcome| outcome == self.verdict;
        let rule = || self.rules.iter().find(|r| decided(r.outcome) && !r.blind).map(|r| r.title.clone());
        let evidence = || {
            self.evidence.iter().find(|e| decided(e.outcome)).map(|e| {
                let name = e
                    .path
                    .as_ref()
                    .map(crate::finding::Text::as_str)
                    .or(e.entry.as_deref())
                    .unwrap_or_default();
                format!("evidence {name}: {}", e.message)
            })
        };
        let gate = || self.own_gate.as_ref().filter(|g| decided(g.outcome)).map(|g| g.message.clone());
        let base = || self.base.as_ref().filter(|b| decided(b.outcome)).map(|b| b.message.clone());
        let error = self.errors.first().filter(|_| self.verdict == Outcome::Error).map(|e| {
            let first = e.message.lines().next().unwrap_or_default();
            e.path.as_ref().map_or_else(|| first.to_owned(), |path| format!("{path}: {first}"))
        });
        error
            .or_else(rule)
            .or_else(gate)
            .or_else(evidence)
            .or_else(base)
            .unwrap_or_else(|| self.title.clone())
    }
}

/// What a rule found.
struct Found {
    count: u64,
    new: u64,
    waived: u64,
    vexed: u64,
    /// Of a rule that does not look at findings.
    demands: Option<Demands>,
    problems: Vec<usize>,
}

/// What a rule about anything but findings says. What has still to be filled in comes first, so that it is told before
/// there is any evidence. Of evidence that is not there it says nothing: that is told by the
/// evidence itself.
fn demands(rule: &Rule, world: World<'_>) -> Demands {
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
        return Demands { undecided: fill_in, ..Demands::default() };
    }
    let there = |e: &Evidence| {
        !matches!(e.status, Status::Absent | Status::Unreadable)
            && e.entry.as_ref().is_some_and(|name| rule.fed_by.contains(name))
    };
    if !world.evidence.iter().any(there) {
        return Demands::default();
    }
    match &rule.subject {
        Subject::Findings(_) => Demands::default(),
        Subject::Document(document) => document::judge(document, world),
        Subject::Image(image) => image::judge(image, world),
        Subject::Sbom(sbom) => sbom::judge(sbom, world),
        Subject::Provenance(provenance) => provenance::judge(provenance, world),
        Subject::Approvals(approvals) => approvals::judge(approvals, world),
        Subject::Verdicts(verdicts) => verdicts::judge(verdicts, world),
    }
}

fn judge_rule(
    rule: &Rule,
    policy: &Policy,
    context: &Context,
    evidence: &[Evidence],
    found: Found,
    problems: &[Shared],
) -> RuleResult {
    let (outcome, message) = rule_outcome(rule, policy, context, evidence, &found);
    let decided = found.demands.as_ref().is_none_or(|demands| demands.undecided.is_empty());
    let blind = found.count <= rule.allow && outcome >= Outcome::Review && decided;
    let lead = |&at: &usize| problems.get(at).and_then(|(p, _)| Some(p.lead()?.finding.fingerprint));
    RuleResult {
        id: rule.id.clone(),
        line: rule.line,
        policy: policy.inherited_from(rule),
        title: rule.title.clone(),
        outcome,
        allow: rule.allow,
        count: found.count,
        new: found.new,
        waived: found.waived,
        vexed: found.vexed,
        shown: found.problems.len(),
        message,
        fix: rule.fix.clone(),
        obligations: Vec::new(),
        findings: found.problems.iter().filter_map(lead).collect(),
        problems: found.problems,
        blind,
    }
}

fn rule_outcome(
    rule: &Rule,
    policy: &Policy,
    context: &Context,
    evidence: &[Evidence],
    found: &Found,
) -> (Outcome, String) {
    if let Some((name, values)) = rule
        .when
        .iter()
        .find(|(name, values)| context.parameters.get(name).is_none_or(|value| !values.contains(value)))
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
    let message = if message.is_empty() { lacks } else { format!("{message}; {lacks}") };
    (outcome.max(least), message)
}

/// Why a feed that the rule asks for cannot be relied on, so that nobody knows what it would have matched.
fn lacks(rule: &Rule, policy: &Policy, evidence: &[Evidence]) -> Option<String> {
    let Subject::Findings(selector) = &rule.subject else { return None };
    let feeds = [Feed::Kev, Feed::Epss].into_iter().filter(|feed| selector.needs(*feed));
    let why: Vec<String> = feeds.filter_map(|feed| feed::lacking(policy, evidence, feed)).collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// What a rule says of what it found and of what it could look at.
fn by_sight(rule: &Rule, context: &Context, found: &Found, sight: Sight) -> (Outcome, String) {
    if let Some(demands) = found.demands.as_ref().filter(|demands| !demands.undecided.is_empty()) {
        return no_telling(rule, demands);
    }
    if found.count > rule.allow {
        let count = match (&found.demands, found.count) {
            (Some(demands), _) => told(demands),
            (None, 1) => "1 finding".to_owned(),
            (None, n) => format!("{n} findings"),
        };
        let allowed = if rule.allow > 0 { format!(", {} allowed", rule.allow) } else { String::new() };
        let waived = if found.waived > 0 { format!(", {} more waived", found.waived) } else { String::new() };
        let vexed = match found.vexed {
            0 => String::new(),
            n => format!(", {n} more not affected (VEX)"),
        };
        let count = format!("{count}{allowed}{waived}{vexed}");
        let (outcome, message) = match rule.from {
            Some(day) if jiff::tz::Offset::UTC.to_datetime(context.now).date() < day => {
                (Outcome::Warn, format!("{count}; warns until {day}"))
            }
            _ => {
                let of_demands = found.demands.as_ref().and_then(|demands| demands.worst(rule.then));
                (of_demands.unwrap_or(rule.then.into()), count)
            }
        };
        // What was found cannot make up for what is missing.
        return match sight {
            Sight::Blind(missing, names) if missing > outcome => {
                (missing, format!("{message}; evidence {names}"))
            }
            _ => (outcome, message),
        };
    }
    match sight {
        Sight::Clear => {
            if let Some(demands) = found.demands.as_ref().filter(|_| found.count == 0) {
                return (Outcome::Pass, demands.met.join("; "));
            }
            let (n, waived) = (found.count, found.waived);
            let allowed = (n > 0).then(|| format!("{n} of {} allowed", rule.allow));
            let waived = (waived > 0).then(|| format!("{waived} waived"));
            let vexed = (found.vexed > 0).then(|| format!("{} not affected (VEX)", found.vexed));
            let parts = allowed.into_iter().chain(waived).chain(vexed);
            (Outcome::Pass, parts.collect::<Vec<_>>().join(", "))
        }
        Sight::NotApplicable => (Outcome::NotApplicable, "its evidence is optional and absent".to_owned()),
        Sight::Blind(outcome, names) => (outcome, format!("nothing to look at: evidence {names}")),
    }
}

/// There is no telling; a demand that is known not to be met and that stops the change is worse.
fn no_telling(rule: &Rule, demands: &Demands) -> (Outcome, String) {
    let worst = demands.worst(rule.then).unwrap_or(Outcome::Error).max(Outcome::Error);
    let mut said = demands.undecided.clone();
    said.extend(demands.unmet.iter().map(|unmet| unmet.text.clone()));
    (worst, said.join("; "))
}

/// What is not met, in words.
fn told(demands: &Demands) -> String {
    demands.unmet.iter().map(|unmet| unmet.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// Whether a rule that found nothing had anything to look at.
enum Sight {
    Clear,
    NotApplicable,
    Blind(Outcome, String),
}

fn sight(rule: &Rule, policy: &Policy, evidence: &[Evidence]) -> Sight {
    let feeds = |e: &&Evidence| e.entry.as_ref().is_some_and(|name| rule.fed_by.contains(name));
    let fed: Vec<&Evidence> = evidence.iter().filter(feeds).collect();
    if fed.iter().any(|e| matches!(e.outcome, Outcome::Pass | Outcome::Warn)) {
        return Sight::Clear;
    }
    let optional = |name: &str| policy.evidence.iter().any(|e: &Entry| e.name == name && !e.required);
    let present_or_required: Vec<&&Evidence> = fed
        .iter()
        .filter(|e| e.status != Status::Absent || !e.entry.as_deref().is_some_and(optional))
        .collect();
    let Some(worst) = present_or_required.iter().map(|e| e.outcome).max() else {
        return Sight::NotApplicable;
    };
    let mut names: Vec<String> = present_or_required
        .iter()
        .filter(|e| e.outcome == worst)
        .map(|e| format!("{} is {}", e.entry.as_deref().unwrap_or_default(), e.status.as_str()))
        .collect();
    names.dedup();
    // A rule that only warns cannot be made to gate by its evidence; the entry itself does.
    let outcome = if rule.then == Action::Warn { Outcome::Warn } else { worst };
    Sight::Blind(outcome, names.join(", "))
}

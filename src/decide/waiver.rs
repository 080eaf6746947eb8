//! Coverage of each waiver today, and why it is not more.
//!
//! Findings stream by, and a waiver that starts to cover too much covers nothing: so that is decided at the end, over
//! what was counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approvals::{Accounts, plain};
use super::diagnostics::DecisionDiagnostic;
use super::{Context, Document, Evidence, RunError, Tally, feed};
use crate::finding::{
    Category, Finding, Fingerprint, FingerprintBuilder, Fix, PackageName, Severity, clean, is_of_system,
    plural,
};
use crate::policy::waiver::{Trigger, Waiver, persons};
use crate::policy::{DocumentKind, Feed, Policy};

/// A waiver that ends within this many seconds is said to end soon.
const SOON: i64 = 14 * 86_400;

/// Matches of a waiver, whether it covers them or not.
#[derive(Debug, Default)]
pub(super) struct Use {
    /// Matches of each tool, in all its reports together. Tools name the same thing differently, so that those of two
    /// tools are not added.
    held: BTreeMap<String, Held>,
    /// The worst severity with how it counts.
    worst: Option<(u8, Severity)>,
    /// A finding has a fix, or does not say that there is none.
    fix: Option<Fix>,
    /// The first id of a finding that is known to be exploited.
    exploited: Option<String>,
    /// A finding of which KEV does not speak.
    without_kev: bool,
    /// The highest EPSS of those that have one.
    epss: f64,
    /// A finding has no EPSS.
    without_epss: bool,
    /// Findings of which nothing says whether they are what it was written for, secrets and others.
    doubtful: [u64; 2],
}

/// Contents of the reports of one tool.
#[derive(Debug, Default)]
struct Held {
    /// Ids with package, version and file.
    pairs: BTreeSet<Fingerprint>,
    /// Findings without package, each as often as the report holds it that holds most: a file may be scanned twice.
    alone: BTreeMap<Fingerprint, u64>,
}

impl Use {
    /// Counts a finding.
    pub(super) fn add(&mut self, finding: &Finding, rank: u8) {
        let held = self.held.entry(finding.tool.real().to_ascii_lowercase()).or_default();
        if let Some(package) = &finding.package {
            let id = finding.rule_id.real().to_ascii_uppercase();
            // Another folder and another version are other matches; what the system's own database lists is in one place.
            let PackageName { ecosystem, name } = PackageName::new(package, finding.path());
            let system = ecosystem.as_deref().is_some_and(is_of_system);
            let path = finding.path().filter(|_| !system).unwrap_or_default();
            let pair =
                FingerprintBuilder::new("pair").part(&id).part(&ecosystem.unwrap_or_default()).part(&name);
            let pair = pair.part(package.version.real()).part(path);
            held.pairs.insert(pair.finish());
        } else {
            let line = finding.location.as_ref().and_then(|at| at.line).unwrap_or_default();
            *held.alone.entry(finding.fingerprint.at(&line.to_string())).or_default() += 1;
        }
        self.raise(Some((rank, finding.severity)));
        self.unfix(finding.fix);
        if finding.kev == Some(true) {
            let named = finding.cves().min().map(|cve| cve.to_string());
            self.exploit(named.or_else(|| Some(finding.rule_id.to_string())));
        }
        self.without_kev |= finding.kev.is_none();
        self.epss = self.epss.max(finding.epss.unwrap_or_default());
        self.without_epss |= finding.epss.is_none();
    }

    /// Counts a finding of which nothing says whether it is the one that was meant.
    pub(super) fn doubt(&mut self, finding: &Finding) {
        let [secrets, others] = &mut self.doubtful;
        *(if finding.category == Category::Secret { secrets } else { others }) += 1;
    }

    /// Why it covers nothing although its selectors match.
    fn doubts(&self) -> Option<String> {
        let [secrets, others] = self.doubtful;
        let again = "write it again with `secgate waiver new";
        let reports = match (secrets, others) {
            (0, 0) => return None,
            (0, n) => format!(
                "{} of its rule and place, and nothing says that it is the code it was written for: {again}`, where the \
                 code is at hand",
                plural(n, "finding")
            ),
            (n, _) => format!(
                "{} of its rule and place, and nothing says that it is the value it was written for: {again} \
                 --secret-key FILE`, and check with that key",
                plural(n, "secret")
            ),
        };
        Some(format!("covers nothing: there is {reports}"))
    }

    /// Of several ids the first stays, whatever the order.
    fn exploit(&mut self, id: Option<String>) {
        self.exploited = self.exploited.take().into_iter().chain(id).min();
    }

    fn raise(&mut self, other: Option<(u8, Severity)>) {
        if other.map(|(rank, _)| rank) > self.worst.map(|(rank, _)| rank) {
            self.worst = other;
        }
    }

    /// A fix that is available outweighs one that is not known, which outweighs one that is not there.
    fn unfix(&mut self, fix: Fix) {
        let weight = |fix: Option<Fix>| match fix {
            Some(Fix::Available) => 3,
            Some(Fix::Unknown) => 2,
            Some(Fix::None) => 1,
            None => 0,
        };
        if weight(Some(fix)) > weight(self.fix) {
            self.fix = Some(fix);
        }
    }

    /// Adds what another report held.
    pub(super) fn merge(&mut self, other: Self) {
        for (tool, theirs) in other.held {
            let mine = self.held.entry(tool).or_default();
            mine.pairs.extend(theirs.pairs);
            for (id, count) in theirs.alone {
                let known = mine.alone.entry(id).or_default();
                *known = count.max(*known);
            }
        }
        self.raise(other.worst);
        other.fix.into_iter().for_each(|fix| self.unfix(fix));
        self.exploit(other.exploited);
        self.without_kev |= other.without_kev;
        self.epss = self.epss.max(other.epss);
        self.without_epss |= other.without_epss;
        self.doubtful.iter_mut().zip(other.doubtful).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// The largest number of matches that the reports of one tool hold together.
    fn matches(&self) -> u64 {
        let of = |held: &Held| held.pairs.len() as u64 + held.alone.values().sum::<u64>();
        self.held.values().map(of).max().unwrap_or(0)
    }
}

/// Whether a waiver covers, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverStatus {
    /// It covers what it matches.
    Active,
    /// It would cover, and matches nothing.
    Unused,
    /// Its last day is over.
    Expired,
    /// A trigger holds, or cannot be evaluated.
    Triggered,
    /// It matches more than it may.
    OverMatching,
    /// The policy lets it cover nothing.
    Refused,
}

impl WaiverStatus {
    /// The word used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unused => "unused",
            Self::Expired => "expired",
            Self::Triggered => "triggered",
            Self::OverMatching => "over_matching",
            Self::Refused => "refused",
        }
    }
}

/// Effect of a waiver in this run; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct WaiverResult {
    /// Unique.
    pub id: String,
    /// Its rules, GATE/RULE.
    pub rule: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Who allowed it.
    pub approved_by: String,
    /// Day or time it was written.
    pub created: String,
    /// Its last day, or the time at which it ends.
    pub expires: String,
    /// It covers and ends within 14 days.
    pub expires_soon: bool,
    /// `emergency`, or null.
    pub kind: Option<&'static str>,
    /// Whether it covers.
    pub status: WaiverStatus,
    /// Why.
    pub message: String,
    /// Its matches as they are counted: an id with package, version and file, or a finding without package; the largest number that the reports of one
    /// tool hold.
    pub matches: u64,
    /// How many it may have.
    pub max_matches: u64,
    /// Findings that it hides from a rule today.
    pub hides: u64,
    /// Fingerprints of those that are shown.
    pub findings: Vec<Fingerprint>,
    /// The reason as written.
    pub reason: String,
    /// Compensating controls.
    pub compensating_controls: Vec<String>,
    /// Triggers that end it early.
    pub review_trigger: Vec<String>,
    /// For people.
    pub review_note: Option<String>,
    /// The file it stands in.
    pub file: String,
    /// Its line there.
    pub line: u64,
    /// It is for other projects.
    #[serde(skip)]
    pub(super) elsewhere: bool,
}

impl WaiverResult {
    /// An emergency that still holds, on one line.
    pub fn emergency(&self) -> Option<String> {
        let holds = matches!(self.status, WaiverStatus::Active | WaiverStatus::Unused);
        (holds && self.kind.is_some()).then(|| {
            let hides = match self.hides {
                1 => "1 finding".to_owned(),
                n => format!("{n} findings"),
            };
            format!(
                "EMERGENCY WAIVER {} hides {hides} until {}: {} (owner {}, approved by {})",
                clean(&self.id),
                self.expires,
                clean(&self.reason),
                clean(&self.owner),
                clean(&self.approved_by)
            )
        })
    }
}

/// Why a finding does not count for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lift {
    /// This waiver covers it.
    Waiver(u32),
    /// This VEX claim says that it cannot be exploited.
    Vex(u32),
}

impl Lift {
    pub(super) const fn waiver(self) -> Option<u32> {
        match self {
            Self::Waiver(at) => Some(at),
            Self::Vex(_) => None,
        }
    }

    pub(super) const fn vex(self) -> Option<u32> {
        match self {
            Self::Vex(at) => Some(at),
            Self::Waiver(_) => None,
        }
    }
}

/// Which waivers cover, and under which rules.
#[derive(Debug)]
pub(super) struct Coverage {
    /// For each waiver the rules under which it covers; none if it does not cover.
    rules: Vec<Vec<usize>>,
    /// Of each rule, whether anything may lift a finding from it.
    waivable: Vec<bool>,
}

impl Coverage {
    /// Waiver or VEX statement that lifts a finding from a rule: its VEX claim, else the first of these waivers that covers under it.
    pub(super) fn lift(&self, waivers: Option<&[u32]>, vex: Option<u32>, rule: usize) -> Option<Lift> {
        let waivable = self.waivable.get(rule).copied().unwrap_or_default();
        if let Some(claim) = vex.filter(|_| waivable) {
            return Some(Lift::Vex(claim));
        }
        let covers = |&&at: &&u32| self.rules.get(at as usize).is_some_and(|rules| rules.contains(&rule));
        waivers?.iter().find(covers).copied().map(Lift::Waiver)
    }
}

/// Says of every waiver whether it covers.
pub(super) fn judge(
    policy: &Policy,
    context: &Context,
    tally: &Tally<'_>,
    evidence: &[Evidence],
    documents: &[Document],
) -> (Coverage, Vec<WaiverResult>) {
    let waivers = tally.to.waivers.list();
    let project = context.shown.project.as_deref();
    let waivable = policy.rules.iter().map(|rule| rule.waivable).collect();
    let mut coverage = Coverage { rules: Vec::with_capacity(waivers.len()), waivable };
    let mut results = Vec::with_capacity(waivers.len());
    let lacking = |feed| feed::lacking(policy, evidence, feed);
    let feeds = Feeds { kev: lacking(Feed::Kev), epss: lacking(Feed::Epss) };
    let nothing = Use::default();
    let authors = authors(context, documents);
    for (waiver, at) in waivers.iter().zip(0..) {
        let used = tally.uses.get(&at).unwrap_or(&nothing);
        let elsewhere = waiver.is_for(project) == Some(false);
        let (status, message) = status(waiver, used, policy, context, &authors, &feeds);
        let covers = status == WaiverStatus::Active && !elsewhere;
        let waivable = |rule: &&usize| policy.rules.get(**rule).is_some_and(|r| r.waivable);
        let rules = waiver.applies_to.iter().filter(waivable).copied();
        coverage.rules.push(if covers { rules.collect() } else { Vec::new() });
        results.push(WaiverResult { elsewhere, ..result(waiver, used, status, message, context) });
    }
    for (at, hides) in tally.hidden(&coverage) {
        if let Some(result) = results.get_mut(at as usize) {
            result.hides = hides;
        }
    }
    (coverage, results)
}

fn result(
    waiver: &Waiver,
    used: &Use,
    status: WaiverStatus,
    message: String,
    context: &Context,
) -> WaiverResult {
    let left = waiver.ends.as_second() - context.now.as_second();
    let holds = matches!(status, WaiverStatus::Active | WaiverStatus::Unused);
    WaiverResult {
        id: waiver.id.clone(),
        rule: waiver.rules.clone(),
        owner: waiver.owner.clone(),
        approved_by: waiver.approved_by.clone(),
        created: waiver.created.clone(),
        expires: waiver.expires.clone(),
        expires_soon: holds && left <= SOON,
        kind: waiver.emergency.then_some("emergency"),
        status,
        message,
        matches: used.matches(),
        max_matches: waiver.max_matches,
        hides: 0,
        findings: Vec::new(),
        reason: waiver.reason.clone(),
        compensating_controls: waiver.compensating_controls.clone(),
        review_trigger: waiver.triggers.iter().map(ToString::to_string).collect(),
        review_note: waiver.review_note.clone(),
        file: waiver.file.clone(),
        line: waiver.line,
        elsewhere: false,
    }
}

/// Why there are more waivers than the policy lets hold at a time. A file with too many is at fault as one with a waiver
/// that lasts too long is: nobody can say which of them was meant.
pub(super) fn over_budget(policy: &Policy, results: &[WaiverResult]) -> Vec<RunError> {
    let Some(limits) = &policy.waivers else { return Vec::new() };
    let holding = || {
        let holds = |one: &&WaiverResult| matches!(one.status, WaiverStatus::Active | WaiverStatus::Unused);
        results.iter().filter(holds).filter(|one| !one.elsewhere)
    };
    let mut errors = Vec::new();
    let all = holding().count() as u64;
    if let Some(most) = limits.max_active.filter(|most| all > *most) {
        let diagnostic = DecisionDiagnostic::TooManyWaivers { all, most };
        errors.push(RunError::of(Some(policy.source.clone()), &diagnostic));
    }
    for rule in &policy.rules {
        let name = format!("{}/{}", policy.gate, rule.id);
        let of_rule = holding().filter(|one| one.rule.contains(&name)).count() as u64;
        if let Some(most) = limits.max_per_rule.filter(|most| of_rule > *most) {
            let diagnostic = DecisionDiagnostic::TooManyWaiversOfRule { rule: name, all: of_rule, most };
            errors.push(RunError::of(Some(policy.source.clone()), &diagnostic));
        }
    }
    errors
}

/// Why feeds cannot be relied on, for those that cannot.
struct Feeds {
    kev: Option<String>,
    epss: Option<String>,
}

/// The first reason not to cover, those that nobody can wait out first.
fn status(
    waiver: &Waiver,
    used: &Use,
    policy: &Policy,
    context: &Context,
    authors: &Result<Vec<String>, String>,
    feeds: &Feeds,
) -> (WaiverStatus, String) {
    let project = context.shown.project.as_deref();
    if waiver.is_for(project).is_none() {
        let why =
            "it is for projects by their path, and nothing says which project this is (CI_PROJECT_PATH)";
        return (WaiverStatus::Refused, why.to_owned());
    }
    if let Some(why) = refused(waiver, policy, authors) {
        return (WaiverStatus::Refused, why);
    }
    if context.now >= waiver.ends {
        return (WaiverStatus::Expired, format!("expired: {} was its end", waiver.expires));
    }
    let matches = used.matches();
    if matches > waiver.max_matches {
        let message = format!(
            "covers nothing: it matches {matches}, and {} are allowed (`max_matches`)",
            waiver.max_matches
        );
        return (WaiverStatus::OverMatching, message);
    }
    if matches == 0 {
        let why = used.doubts().unwrap_or_else(|| "unused: it matches no finding of its rule".to_owned());
        return (WaiverStatus::Unused, why);
    }
    let ended = waiver.triggers.iter().find_map(|trigger| triggered(*trigger, waiver, used, policy, feeds));
    match ended {
        Some(why) => (WaiverStatus::Triggered, why),
        None => (WaiverStatus::Active, String::new()),
    }
}

/// Who made the change: the author of the merge request, where a document tells; else as the surroundings say, who may
/// be somebody that only started the pipeline.
fn authors(context: &Context, documents: &[Document]) -> Result<Vec<String>, String> {
    let mut requests = documents.iter().filter(|d| d.is(DocumentKind::GitlabMergeRequest));
    match (requests.next(), requests.next()) {
        (None, _) if context.authors.is_empty() => {
            Err("nothing says who made the change (GITLAB_USER_LOGIN or CI_COMMIT_AUTHOR)".to_owned())
        }
        (None, _) => Ok(context.authors.clone()),
        (Some(request), None) => {
            let user = request.value().get("author").and_then(|a| a.get("username")).and_then(Value::as_str);
            let user = user.map(plain).filter(|user| !user.is_empty());
            let user =
                user.ok_or_else(|| format!("{} does not say who the author is", clean(&request.path)))?;
            let accounts = Accounts::of_run(documents);
            Ok(accounts.names(&user).into_iter().map(str::to_owned).collect())
        }
        (Some(_), Some(second)) => {
            Err(format!("{}: there are several documents of merge requests", clean(&second.path)))
        }
    }
}

/// Why the policy lets a waiver cover nothing.
fn refused(waiver: &Waiver, policy: &Policy, authors: &Result<Vec<String>, String>) -> Option<String> {
    let Some(limits) = &policy.waivers else { return Some("the policy has no `waivers:`".to_owned()) };
    let rules = || waiver.applies_to.iter().filter_map(|&rule| policy.rules.get(rule));
    if rules().all(|rule| !rule.waivable) {
        return Some("its rule says `waivable: false`".to_owned());
    }
    if rules().all(|rule| !rule.subject.matches_findings()) {
        return Some("its rule does not look at findings".to_owned());
    }
    let approvers = policy.users_of(&limits.approvers);
    if !limits.approvers.is_empty() && persons(&waiver.approved_by, policy).is_disjoint(&approvers) {
        return Some(format!(
            "{} approved it, and the policy lets only {} approve one (`waivers.approvers`)",
            waiver.approved_by,
            limits.approvers.join(", ")
        ));
    }
    if limits.not_author {
        let authors = match authors {
            Ok(authors) => authors,
            Err(why) => return Some(format!("the policy says `not_author: true`, and {why}")),
        };
        let authors: BTreeSet<String> = authors.iter().flat_map(|author| persons(author, policy)).collect();
        for (role, name) in [("owner", &waiver.owner), ("approver", &waiver.approved_by)] {
            if !authors.is_disjoint(&persons(name, policy)) {
                return Some(format!(
                    "its {role} {name} made this change, and the policy says `not_author: true`"
                ));
            }
        }
    }
    None
}

/// Why a trigger ends a waiver. What cannot be evaluated ends it too.
fn triggered(
    trigger: Trigger,
    waiver: &Waiver,
    used: &Use,
    policy: &Policy,
    feeds: &Feeds,
) -> Option<String> {
    let rank = |severity: Severity| severity.rank(policy.unknown_severity);
    match trigger {
        Trigger::FixAvailable => match used.fix {
            Some(Fix::None) => None,
            Some(Fix::Available) => Some("ended by fix_available: a fixed version exists".to_owned()),
            Some(Fix::Unknown) | None => {
                Some("ended by fix_available: the report does not say that there is no fix".to_owned())
            }
        },
        Trigger::SeverityRaised => match (waiver.seen.severity, used.worst) {
            (Some(seen), Some((now, _))) if now <= rank(seen) => None,
            (Some(seen), Some((_, now))) => Some(format!(
                "ended by severity_raised: {now}, and it was {seen} when the waiver was written"
            )),
            _ => Some("ended by severity_raised: nothing says what the severity was".to_owned()),
        },
        Trigger::Kev => match (&feeds.kev, &used.exploited) {
            (Some(why), _) => Some(format!("ended by kev: {why}")),
            (None, Some(cve)) => Some(format!("ended by kev: {cve} is known to be exploited")),
            (None, None) => used
                .without_kev
                .then(|| "ended by kev: a finding has no CVE id to look up in the catalogue".to_owned()),
        },
        Trigger::Epss(least) => match &feeds.epss {
            Some(why) => Some(format!("ended by epss>={least}: {why}")),
            None if used.epss >= least => Some(format!("ended by epss>={least}: EPSS is {}", used.epss)),
            None => used.without_epss.then(|| format!("ended by epss>={least}: a finding has no EPSS score")),
        },
    }
}

/// Puts the fingerprints of the shown findings that each waiver hides into the results.
pub(super) fn name_hidden(results: &mut [WaiverResult], hidden: BTreeMap<u32, BTreeSet<Fingerprint>>) {
    for (at, fingerprints) in hidden {
        if let Some(result) = results.get_mut(at as usize) {
            result.findings = fingerprints.into_iter().collect();
        }
    }
}

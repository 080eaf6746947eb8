//! Why a finding stops the change or does not: the clause of the policy, its selectors one by one, the waiver, and
//! what would change the outcome.
//!
//! Works on the JSON output of a run, so that a saved verdict is explained by the same code as a fresh one.

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::clauses::{Clause, Surrounding, clauses, describe, looks_at};
use crate::finding::{
    Category, Confidence, Finding, Fingerprint, Fix, Location, Package, Scope, Severity, Stage, State, Text,
    clean_line,
};
use crate::policy::{Action, PathGlob, Policy, Rule, Selector, Subject};

/// Rules that are shown for a finding that met none.
const NEAREST: usize = 3;

/// A verdict as its JSON output tells it, as far as an explanation needs it.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    schema: String,
    /// The gate.
    pub gate: String,
    /// The verdict.
    pub verdict: String,
    /// The policy; null where it could not be read.
    pub policy: Option<PolicyRef>,
    /// What was on the table.
    pub evidence: Vec<EvidenceSaid>,
    /// What the rules said.
    pub rules: Vec<Said>,
    /// The findings that rules matched.
    pub findings: Vec<Seen>,
    /// What became of the waivers.
    pub waivers: Vec<WaiverSaid>,
    /// What kept the run from deciding.
    pub errors: Vec<ErrorSaid>,
    /// The run's clock, RFC 3339.
    pub evaluated_at: String,
}

/// Which policy decided.
#[derive(Debug, Deserialize)]
pub struct PolicyRef {
    /// Where it came from.
    pub source: String,
    /// Its digest.
    pub sha256: String,
}

/// A file that was read.
#[derive(Debug, Deserialize)]
pub struct EvidenceSaid {
    /// Its path; null for what is absent.
    pub path: Option<String>,
    /// The entry it is for.
    pub entry: Option<String>,
    /// Its state.
    pub status: String,
    /// Why.
    pub message: String,
}

/// What a rule said.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// Its id.
    pub id: String,
    /// Its line in the policy.
    pub line: u64,
    /// The policy that it is inherited from, where the line is.
    #[serde(default)]
    pub policy: Option<String>,
    /// For people.
    pub title: String,
    /// What it said.
    pub outcome: Outcome,
    /// How many are allowed.
    pub allow: u64,
    /// How many counted.
    pub count: u64,
    /// Why.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
    /// Who resolves its review.
    pub obligations: Vec<ObligationSaid>,
    /// Fingerprints of what it matched and shows.
    pub findings: Vec<String>,
}

/// What resolves a review.
#[derive(Debug, Deserialize)]
pub struct ObligationSaid {
    any_of: Vec<String>,
    at_least: u32,
    not: Vec<String>,
}

/// A waiver and what became of it.
#[derive(Debug, Deserialize)]
pub struct WaiverSaid {
    /// Its id.
    pub id: String,
    /// GATE/RULE.
    pub rule: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Its end.
    pub expires: String,
    /// Whether it covers.
    pub status: String,
    /// Why.
    pub message: String,
    /// What it hides.
    pub findings: Vec<String>,
    /// Where it stands.
    pub file: String,
    /// Its line there.
    pub line: u64,
}

/// What kept a run from deciding.
#[derive(Debug, Deserialize)]
pub struct ErrorSaid {
    /// What.
    pub message: String,
}

/// A finding of the JSON output.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Its identity.
    pub fingerprint: String,
    category: Category,
    rule_id: String,
    severity: Severity,
    native_severity: Option<String>,
    confidence: Option<Confidence>,
    title: String,
    ids: Vec<String>,
    cwes: Vec<u32>,
    location: Option<Place>,
    target: Option<String>,
    package: Option<PackageSaid>,
    fix: Fix,
    kev: Option<bool>,
    epss: Option<f64>,
    /// The tools that saw it.
    pub tools: Vec<String>,
    /// Where in the evidence it stands.
    pub evidence: Vec<usize>,
    state: State,
    /// The waiver that covers it.
    pub waiver: Option<String>,
    scope: Option<Scope>,
    verified: Option<bool>,
    #[serde(default)]
    suppressed: bool,
    /// Why several tools' findings are shown as one.
    pub joined: Option<JoinedSaid>,
    suppression: Option<String>,
    matched: Option<Stage>,
    /// The statement that says that it cannot be exploited.
    pub vex: Option<VexSaid>,
}

#[derive(Debug, Clone, Deserialize)]
struct Place {
    path: String,
    line: Option<u32>,
    end_line: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
struct PackageSaid {
    name: String,
    version: String,
    purl: Option<String>,
    fixed: Vec<String>,
}

/// A statement that a vulnerability cannot be exploited.
#[derive(Debug, Clone, Deserialize)]
pub struct VexSaid {
    /// What it says.
    pub status: String,
    /// Why.
    pub justification: String,
    /// Who says it.
    pub author: String,
    /// The file it stands in.
    pub file: String,
}

/// Why several tools' findings are shown as one.
#[derive(Debug, Clone, Deserialize)]
pub struct JoinedSaid {
    /// In words.
    pub why: String,
    /// Their fingerprints.
    pub fingerprints: Vec<String>,
}

impl Seen {
    /// What a person may call it: its check, its advisories, its package.
    pub fn names(&self) -> Vec<String> {
        let package = self.package.as_ref().map(|package| package.name.clone());
        std::iter::once(self.rule_id.clone()).chain(self.ids.iter().cloned()).chain(package).collect()
    }
}

impl Verdict {
    /// The verdict of a JSON output.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
            return Err(
                "is no JSON object; a verdict is what `secgate check --output json=PATH` writes".to_owned()
            );
        }
        let verdict: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!("is no verdict that `secgate check --output json=PATH` wrote: {error}")
        })?;
        if verdict.schema != "secgate/verdict/v1" {
            return Err(format!("has the schema `{}`, not secgate/verdict/v1", clean_line(&verdict.schema)));
        }
        Ok(verdict)
    }

    /// The findings that an id means, by themselves or by a witness; see [`is_meant`].
    pub fn meant<'v>(&'v self, id: &'v str) -> impl Iterator<Item = &'v Seen> {
        let begin = beginning(id);
        self.findings.iter().filter(move |seen| {
            let mut joined = seen.joined.iter().flat_map(|j| &j.fingerprints);
            is_meant(&seen.finding(), id)
                || begin.as_ref().is_some_and(|begin| joined.any(|f| f.starts_with(begin.as_str())))
        })
    }
}

impl Seen {
    /// As the rules saw it; what the JSON output leaves out is not known.
    pub fn finding(&self) -> Finding {
        let text = |text: &String| Text::line(text);
        let tool = self.tools.first().map(String::as_str).unwrap_or_default();
        let plain = Finding::new(self.category, tool, &self.rule_id, self.severity);
        Finding {
            native_severity: self.native_severity.as_ref().map(text),
            confidence: self.confidence,
            title: Text::line(&self.title),
            ids: self.ids.iter().map(text).collect(),
            cwes: self.cwes.clone(),
            location: self.location.as_ref().map(|place| Location {
                path: Text::whole(&place.path),
                line: place.line,
                end_line: place.end_line,
            }),
            target: self.target.as_ref().map(text),
            package: self.package.as_ref().map(|package| Package {
                name: Text::line(&package.name),
                version: Text::line(&package.version),
                purl: package.purl.as_ref().map(text),
                fixed: package.fixed.iter().map(text).collect(),
            }),
            fix: self.fix,
            scope: self.scope,
            verified: self.verified,
            kev: self.kev,
            epss: self.epss,
            suppressed: self.suppressed,
            state: self.state,
            suppression: self.suppression.as_ref().map(text),
            stage: self.matched,
            fingerprint: Fingerprint::parse(&self.fingerprint).unwrap_or_default(),
            ..plain
        }
    }
}

/// What a rule makes of a finding.
#[derive(Debug, Serialize)]
pub struct RuleExplained {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// Its line in the policy.
    pub line: u64,
    /// The policy that it is inherited from, where the line is; none for a rule of the policy itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether it looks at the finding.
    pub looks: bool,
    /// What it said in this run.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
    /// Its selectors; none where the policy of the verdict is not at hand.
    pub clauses: Vec<Clause>,
    /// The waivers that speak of the finding under this rule.
    pub waivers: Vec<WaiverExplained>,
    /// What would change the outcome, each by itself.
    pub changes: Vec<String>,
    /// Who decides.
    pub decides: String,
}

/// A waiver that speaks of the finding.
#[derive(Debug, Serialize)]
pub struct WaiverExplained {
    /// Its id.
    pub id: String,
    /// Whether it covers the finding under this rule.
    pub covers: bool,
    /// Why, or why not.
    pub why: String,
    /// Who answers for it.
    pub owner: String,
    /// The file and the line where it stands.
    pub place: String,
}

/// What explains a finding besides itself.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// What the run said.
    pub verdict: &'a Verdict,
    /// The policy of the run, if it is at hand.
    pub policy: Option<&'a Policy>,
    /// Ids of the waivers whose `match` fits the finding; `None` where that is not known.
    pub speaking: Option<&'a [String]>,
    /// The entries that the finding's report was given for.
    pub entries: &'a [String],
    /// The report's index in the evidence.
    pub evidence: usize,
    /// Seconds since 1970.
    pub now: i64,
}

/// The rules that look at a finding; for one that met no rule those that came nearest.
pub fn explain(finding: &Finding, world: World<'_>) -> Vec<RuleExplained> {
    let fingerprint = finding.fingerprint.to_string();
    let Some(policy) = world.policy else {
        let of_rule = |said: &&Said| said.findings.contains(&fingerprint);
        let rules = world.verdict.rules.iter().filter(of_rule);
        return rules.map(|said| explained(said, None, Vec::new(), finding, world)).collect();
    };
    let around = Surrounding {
        unknown_severity: policy.unknown_severity,
        now: world.now,
        entries: world.entries,
        evidence: world.evidence,
    };
    let mut looking = Vec::new();
    let mut others: Vec<(usize, RuleExplained)> = Vec::new();
    for rule in &policy.rules {
        let Subject::Findings(selector) = &rule.subject else { continue };
        let Some(said) = world.verdict.rules.iter().find(|said| said.id == rule.id) else { continue };
        let clauses = clauses(selector, finding, around);
        if looks_at(selector, finding, around) {
            looking.push(explained(said, Some((rule, policy)), clauses, finding, world));
        } else {
            let fails = clauses.iter().filter(|c| !c.holds).count();
            // A rule about another kind of problem is not near, whatever else fits.
            let kind = clauses.iter().any(|c| matches!(c.name, "category" | "suppressed") && !c.holds);
            let mut rule = explained(said, None, clauses, finding, world);
            rule.looks = false;
            others.push((fails + if kind { 100 } else { 0 }, rule));
        }
    }
    if looking.is_empty() {
        others.sort_by_key(|(fails, _)| *fails);
        return others.into_iter().take(NEAREST).map(|(_, rule)| rule).collect();
    }
    looking
}

fn explained(
    said: &Said,
    rule: Option<(&Rule, &Policy)>,
    clauses: Vec<Clause>,
    finding: &Finding,
    world: World<'_>,
) -> RuleExplained {
    let waivers = waivers(said, finding, world);
    let changes = match rule {
        Some((rule, policy)) if said.outcome >= Outcome::Warn => {
            changes(rule, policy, said, &clauses, finding, &waivers)
        }
        _ => Vec::new(),
    };
    RuleExplained {
        id: said.id.clone(),
        title: said.title.clone(),
        line: said.line,
        policy: said.policy.clone(),
        looks: true,
        outcome: said.outcome,
        message: said.message.clone(),
        clauses,
        waivers,
        changes,
        decides: decides(said, rule.is_some_and(|(rule, policy)| rule.waivable && policy.waivers.is_some())),
    }
}

/// The waivers that speak of the finding under this rule.
fn waivers(said: &Said, finding: &Finding, world: World<'_>) -> Vec<WaiverExplained> {
    let fingerprint = finding.fingerprint.to_string();
    let name = format!("{}/{}", world.verdict.gate, said.id);
    let speaks = |waiver: &&WaiverSaid| {
        waiver.rule.contains(&name)
            && (waiver.findings.contains(&fingerprint)
                || world.speaking.is_some_and(|ids| ids.contains(&waiver.id)))
    };
    let told = |waiver: &WaiverSaid| {
        let covers = waiver.status == "active";
        let why = match (covers, waiver.message.is_empty()) {
            (true, true) => format!("covers it until {}", waiver.expires),
            (true, false) => waiver.message.clone(),
            (false, true) => format!("does not cover: it is {}", waiver.status),
            (false, false) => format!("does not cover: {}", waiver.message),
        };
        WaiverExplained {
            id: waiver.id.clone(),
            covers,
            why,
            owner: waiver.owner.clone(),
            place: format!("{}:{}", waiver.file, waiver.line),
        }
    };
    world.verdict.waivers.iter().filter(speaks).map(told).collect()
}

/// What would change the outcome of a rule, each by itself, the best first.
fn changes(
    rule: &Rule,
    policy: &Policy,
    said: &Said,
    clauses: &[Clause],
    finding: &Finding,
    waivers: &[WaiverExplained],
) -> Vec<String> {
    let mut changes = Vec::new();
    if waivers.iter().any(|waiver| waiver.covers) {
        changes.push("nothing has to: a waiver covers it".to_owned());
        return changes;
    }
    let others = said.count.saturating_sub(rule.allow);
    if others > 1 {
        changes.push(format!(
            "{} matches count and {} may: with this one gone, {} would still have to go",
            said.count,
            rule.allow,
            others - 1
        ));
    }
    changes.extend(correction(finding, rule));
    let Subject::Findings(selector) = &rule.subject else { return changes };
    changes.extend(clauses.iter().filter_map(|clause| otherwise(clause, selector, policy)));
    changes.push(if !rule.waivable {
        "no waiver: the rule says `waivable: false`".to_owned()
    } else if policy.waivers.is_none() {
        "no waiver: the policy has no `waivers:`".to_owned()
    } else {
        format!(
            "a waiver for {}/{}: `secgate waiver new --finding {}` writes it",
            policy.gate, rule.id, finding.fingerprint
        )
    });
    if rule.then == Action::Warn {
        changes.push("nothing has to: the rule only warns".to_owned());
    }
    changes
}

/// What takes the problem away.
fn correction(finding: &Finding, rule: &Rule) -> Option<String> {
    let package = finding.package.as_ref().filter(|p| !p.fixed.is_empty());
    let Some(package) = package else { return rule.fix.clone() };
    let versions: Vec<&str> = package.fixed.iter().map(Text::as_str).collect();
    Some(format!(
        "{} in another version: {} {} fixed in {}",
        package.name,
        finding.ids.first().unwrap_or(&finding.rule_id),
        if versions.len() == 1 { "is" } else { "was" },
        versions.join(" and ")
    ))
}

/// What the finding would have to be so that this selector no longer holds.
fn otherwise(clause: &Clause, selector: &Selector, policy: &Policy) -> Option<String> {
    match clause.name {
        "severity" if clause.unknown => Some(format!(
            "a severity from the scanner, below {}: without one it counts as {} (`severity.unknown`)",
            selector.severity?, policy.unknown_severity
        )),
        "severity" => Some(format!("a severity below {} (it is {})", selector.severity?, clause.is)),
        "state" if policy.base.is_some() && !selector.state.contains(&State::Existing) => Some(
            "the same finding in the base: it would be `existing`, and the rule looks at other states"
                .to_owned(),
        ),
        _ if clause.unknown => Some(format!(
            "`{}` known and not {}: the report does not say, and what is not known holds",
            clause.name, clause.wanted
        )),
        _ => None,
    }
}

/// What would change the outcome of a rule as a whole, the best first.
pub fn rule_changes(
    said: &Said,
    rule: Option<&Rule>,
    policy: Option<&Policy>,
    verdict: &Verdict,
) -> Vec<String> {
    let mut changes = Vec::new();
    if said.outcome == Outcome::NotApplicable {
        // Where its `when` does not hold, that is what it says.
        if rule.is_some_and(|rule| !rule.when.is_empty()) {
            return changes;
        }
        let absent = |name: &String| {
            verdict.evidence.iter().any(|e| e.entry.as_ref() == Some(name) && e.status == "absent")
        };
        let entries =
            rule.map(|rule| rule.fed_by.as_slice()).unwrap_or_default().iter().filter(|name| absent(name));
        for entry in entries.filter_map(|name| policy?.entry(name)) {
            let files: Vec<&str> = entry.files.iter().map(PathGlob::text).collect();
            changes.push(format!("a report for `{}`: {}", entry.name, files.join(" or ")));
        }
        return changes;
    }
    if said.outcome < Outcome::Warn {
        return changes;
    }
    let findings = rule.is_none_or(|rule| matches!(rule.subject, Subject::Findings(_)));
    if findings && said.count > said.allow {
        let count = if said.count == 1 {
            "1 match counts".to_owned()
        } else {
            format!("{} matches count", said.count)
        };
        changes.push(format!("{count} and {} may: {} would have to go", said.allow, said.count - said.allow));
    }
    changes.extend(said.fix.clone());
    if let (Some(rule), Some(policy)) = (rule, policy) {
        if findings && said.count > said.allow {
            changes.push(if !rule.waivable {
                "no waiver: the rule says `waivable: false`".to_owned()
            } else if policy.waivers.is_none() {
                "no waiver: the policy has no `waivers:`".to_owned()
            } else {
                format!(
                    "waivers for {}/{}: `secgate waiver new --finding FINGERPRINT` writes one",
                    policy.gate, rule.id
                )
            });
        }
        if said.outcome == Outcome::Warn {
            changes.push(match rule.from {
                Some(day) if rule.then != Action::Warn => {
                    format!("nothing has to yet: the rule only warns until {day}")
                }
                _ => "nothing has to: it only warns".to_owned(),
            });
        }
    }
    changes
}

/// Who decides about a rule.
pub fn decided_by(said: &Said, rule: Option<&Rule>, policy: Option<&Policy>) -> String {
    let waivable = rule.is_some_and(|rule| rule.waivable && matches!(rule.subject, Subject::Findings(_)));
    decides(said, waivable && policy.is_some_and(|policy| policy.waivers.is_some()))
}

/// The beginning of a fingerprint that an id is; the version may be left out.
fn beginning(id: &str) -> Option<String> {
    let lower = id.to_ascii_lowercase();
    let digits = lower.strip_prefix("sg1:").unwrap_or(&lower);
    let hex = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| format!("sg1:{digits}"))
}

/// Whether a finding is meant: by the beginning of its fingerprint, its check, an advisory, its package, or its place as
/// PATH or PATH:LINE.
pub fn is_meant(finding: &Finding, id: &str) -> bool {
    let same = |text: &Text| text.as_str().eq_ignore_ascii_case(id);
    let line = finding.location.as_ref().and_then(|location| location.line);
    beginning(id).is_some_and(|begin| finding.fingerprint.to_string().starts_with(&begin))
        || same(&finding.rule_id)
        || finding.rule_aliases.iter().any(same)
        || finding.ids.iter().any(same)
        || finding.package.as_ref().is_some_and(|package| same(&package.name))
        || finding.path().is_some_and(|path| {
            let rest = id.strip_prefix("./").unwrap_or(id).strip_prefix(path);
            rest == Some("")
                || rest
                    .and_then(|rest| rest.strip_prefix(':')?.parse().ok())
                    .is_some_and(|n: u32| line == Some(n))
        })
}

fn decides(said: &Said, waivable: bool) -> String {
    match (said.outcome, said.obligations.first()) {
        (Outcome::Review, Some(o)) => {
            let not = if o.not.is_empty() { String::new() } else { format!(" (not {})", o.not.join(", ")) };
            format!("{} of {}{not} can approve", o.at_least, o.any_of.join(", "))
        }
        (Outcome::Review, None) => "nobody is named: only a waiver or better evidence resolves it".to_owned(),
        (Outcome::Fail, _) if waivable => {
            "whoever makes the change; for a waiver its owner and a second person".to_owned()
        }
        (Outcome::Fail, _) => "whoever makes the change".to_owned(),
        (Outcome::Error, _) => "whoever provides the evidence".to_owned(),
        _ => "nobody has to".to_owned(),
    }
}

/// What a rule asks for, in the policy's words.
pub fn asks(rule: &Rule) -> String {
    if let Subject::Findings(selector) = &rule.subject {
        return format!("findings with {}", describe(selector));
    }
    format!("facts of {}", rule.fed_by.join(", "))
}

/// The lines of a policy that hold what begins at `line`: the item and what is indented below it.
pub fn lines(text: &str, line: u64) -> Vec<(u64, &str)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut shown: Vec<(u64, &str)> = Vec::new();
    for (number, text) in (1..).zip(text.lines()).skip_while(|(number, _)| *number < line) {
        let first = shown.first().map(|(_, first)| indent(first));
        if first.is_some_and(|first| text.trim().is_empty() || indent(text) <= first) {
            break;
        }
        shown.push((number, text.trim_end()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_the_policy_ends_where_the_next_begins() {
        let text = "rules:\n  # why\n  - id: a\n    then: fail\n\n  - {id: b, then: fail}\n  - {id: c}\n";
        assert_eq!(lines(text, 3), [(3, "  - id: a"), (4, "    then: fail")]);
        assert_eq!(lines(text, 6), [(6, "  - {id: b, then: fail}")]);
        assert!(lines(text, 99).is_empty());
    }

    #[test]
    fn only_a_verdict_is_one() {
        for (text, says) in [("[]", "no JSON object"), ("{}", "missing field"), ("", "no JSON object")] {
            let error = Verdict::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

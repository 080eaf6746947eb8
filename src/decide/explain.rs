//! Why a finding stops the change or does not: the clause of the policy, its selectors one by one, the waiver, and
//! what would change the outcome.
//!
//! Works on the JSON output of a run, so that a saved verdict is explained by the same code as a fresh one.

mod changes;
mod verdict;

use serde::Serialize;

pub use changes::{decided_by, rule_changes};
pub use verdict::{
    DecidingPolicy, SavedError, SavedEvidence, SavedObligation, SavedRuleResult, SavedVex, SavedWaiver,
    SavedWitness, Verdict, VerdictFinding,
};

use changes::{changes, decides};

use super::Outcome;
use super::sbom::stops_license;
use crate::finding::{Finding, State, clean, duration_text};
use crate::policy::{Clause, DecidedOn, Policy, Rule, SelectorContext, Subject, VerdictsRule};
use crate::relate::corrected;

/// Rules that are shown for a finding that met none.
const NEAREST: usize = 3;

/// Results of a rule for a finding.
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
    /// Its outcome in this run.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
    /// Its selectors; none where the policy of the verdict is not at hand.
    pub clauses: Vec<Clause>,
    /// The waivers that speak of the finding under this rule.
    pub waivers: Vec<WaiverExplained>,
    /// Changes that would alter the outcome, each by itself.
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

/// Context of an explanation.
#[derive(Debug, Clone, Copy)]
pub struct ExplanationContext<'a> {
    /// Content of the run.
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

/// The rules that look at a finding; for one that matched no rule those that came nearest.
pub fn explain(finding: &Finding, world: ExplanationContext<'_>) -> Vec<RuleExplained> {
    let fingerprint = finding.fingerprint.to_string();
    let Some(policy) = world.policy else {
        let of_rule = |said: &&SavedRuleResult| said.findings.contains(&fingerprint);
        let rules = world.verdict.rules.iter().filter(of_rule);
        return rules.map(|said| explained(said, None, Vec::new(), finding, world)).collect();
    };
    let around = SelectorContext {
        unknown_severity: policy.unknown_severity,
        now: world.now,
        entries: world.entries,
        evidence: world.evidence,
        inside_not: false,
        unknown: None,
        sure: false,
    };
    let before = finding.before_rename().map(|before| corrected(before, policy));
    let as_new = Finding { state: State::New, ..finding.clone() };
    let mut looking = Vec::new();
    let mut others: Vec<(usize, RuleExplained)> = Vec::new();
    for rule in &policy.rules {
        let Some(said) = world.verdict.rules.iter().find(|said| said.id == rule.id) else { continue };
        if let Subject::Sbom(sbom) = &rule.subject
            && world.entries.iter().any(|entry| rule.fed_by.contains(entry))
            && stops_license(sbom, finding, jiff::Timestamp::from_second(world.now).unwrap_or_default())
        {
            looking.push(explained(said, Some((rule, policy)), Vec::new(), finding, world));
        }
        let Subject::Findings(selector) = &rule.subject else { continue };
        let around = SelectorContext { unknown: Some(&rule.unknown), ..around };
        // To a rule that did not look at it before a rename it is new.
        let came = before.as_ref().is_some_and(|before| !selector.selects(before, around));
        let finding = if came { &as_new } else { finding };
        let clauses = selector.explain(finding, around);
        if selector.selects(finding, around) {
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
    said: &SavedRuleResult,
    rule: Option<(&Rule, &Policy)>,
    clauses: Vec<Clause>,
    finding: &Finding,
    world: ExplanationContext<'_>,
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
fn waivers(said: &SavedRuleResult, finding: &Finding, world: ExplanationContext<'_>) -> Vec<WaiverExplained> {
    let fingerprint = finding.fingerprint.to_string();
    let name = format!("{}/{}", world.verdict.gate, said.id);
    let speaks = |waiver: &&SavedWaiver| {
        waiver.rule.contains(&name)
            && (waiver.findings.contains(&fingerprint)
                || world.speaking.is_some_and(|ids| ids.contains(&waiver.id)))
    };
    let told = |waiver: &SavedWaiver| {
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

/// Requirements of a rule, in the policy's words.
pub fn asks(rule: &Rule) -> String {
    if let Subject::Findings(selector) = &rule.subject {
        return format!("findings with {}", selector.describe());
    }
    if let Subject::Verdicts(verdicts) = &rule.subject {
        return asks_of_verdicts(verdicts);
    }
    format!("facts of {}", rule.fed_by.join(", "))
}

/// Which verdicts of earlier gates will do.
fn asks_of_verdicts(rule: &VerdictsRule) -> String {
    let VerdictsRule {
        subjects,
        gates,
        summaries,
        signed_by,
        verdict,
        policy,
        project,
        parameters,
        max_age,
        machine_clock,
    } = rule;
    let gates = gates.iter().map(|(gate, on)| match on {
        DecidedOn::Commit => format!("{} (on this commit)", clean(gate)),
        DecidedOn::Subject if subjects.is_empty() => format!("{} (on this artifact)", clean(gate)),
        DecidedOn::Subject => format!("{} (on {})", clean(gate), clean(&subjects.join(", "))),
    });
    let words: Vec<&str> = verdict.iter().map(|word| word.as_str()).collect();
    let gates: Vec<String> = gates.collect();
    let mut parts = Vec::new();
    if !gates.is_empty() {
        parts.push(format!("verdicts {} of {}", words.join(" or "), gates.join(" and ")));
    }
    parts.extend(summaries.iter().map(|one| {
        let levels = if one.levels.is_empty() {
            String::new()
        } else {
            format!(" with {}", clean(&one.levels.join(", ")))
        };
        format!("{} of {}{levels}", one.predicate.as_str(), clean(&one.verifier))
    }));
    parts.push(format!("signed by {}", clean(&signed_by.join(" or "))));
    parts.push(match project {
        Some(project) => format!("of the project {}", clean(project)),
        None => "of the run's own project".to_owned(),
    });
    parts.push(if policy.is_empty() {
        "under any policy".to_owned()
    } else {
        let digests: Vec<String> = policy.iter().map(|digest| format!("sha256:{}", clean(digest))).collect();
        format!("under the policy {}", digests.join(" or "))
    });
    if !parameters.is_empty() {
        let values = parameters.iter().map(|(name, value)| format!("{} {}", clean(name), clean(value)));
        parts.push(format!("decided with {}", values.collect::<Vec<_>>().join(", ")));
    }
    parts.extend(max_age.map(|age| format!("at most {} old", duration_text(age))));
    parts.extend(machine_clock.then(|| "by the machine's clock".to_owned()));
    parts.join(", ")
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
    fn a_rule_about_verdicts_says_which_will_do() {
        let policy = |verdicts: &str| {
            let text = format!(
                "version: 1\ngate: g\nkeys: {{gate: {{file: g.pub, sha256: \"{}\"}}}}\nevidence: {{v: {{document: verdict, files: [v.jsonl]}}}}\n\
                 rules: [{{id: r, then: fail, verdicts: {{merge: {{on: commit}}, package: {{on: subject}}, signed_by: [gate]{verdicts}}}}}]\n",
                "1".repeat(64)
            );
            crate::policy::load("p.yaml", text.as_bytes()).unwrap()
        };
        assert_eq!(
            asks(&policy("").rules[0]),
            "verdicts pass of merge (on this commit) and package (on this artifact), signed by gate, \
             of the run's own project, under any policy"
        );
        let digest = "2".repeat(64);
        let pinned = format!(
            ", project: team/app, parameters: {{environment: production}}, policy: [\"sha256:{digest}\"], max_age: 72h"
        );
        let said = asks(&policy(&pinned).rules[0]);
        let end = format!(
            "of the project team/app, under the policy sha256:{digest}, decided with environment production, at most 3d old"
        );
        assert!(said.ends_with(&end), "{said}");
    }

    #[test]
    fn an_item_of_the_policy_ends_where_the_next_begins() {
        let text = "rules:\n  # why\n  - id: a\n    then: fail\n\n  - {id: b, then: fail}\n  - {id: c}\n";
        assert_eq!(lines(text, 3), [(3, "  - id: a"), (4, "    then: fail")]);
        assert_eq!(lines(text, 6), [(6, "  - {id: b, then: fail}")]);
        assert!(lines(text, 99).is_empty());
    }
}

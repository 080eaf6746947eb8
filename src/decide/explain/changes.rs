//! Changes that would alter the outcome of a rule, and who decides.

use super::WaiverExplained;
use super::verdict::{SavedRuleResult, Verdict};
use crate::decide::Outcome;
use crate::finding::{Finding, State, Text};
use crate::policy::{Action, Allowance, Clause, PathGlob, Policy, Rule, Selector, Subject};

/// Changes that would alter the outcome of a rule, each by itself, the best first.
pub(super) fn changes(
    rule: &Rule,
    policy: &Policy,
    said: &SavedRuleResult,
    clauses: &[Clause],
    finding: &Finding,
    waivers: &[WaiverExplained],
) -> Vec<String> {
    let mut changes = Vec::new();
    if waivers.iter().any(|waiver| waiver.covers) {
        changes.push("nothing has to change: a waiver covers it".to_owned());
        return changes;
    }
    let others = said.over();
    if others > 1 {
        changes.push(format!(
            "{} findings match; the rule allows {}: with this one gone, {} more would have to go",
            said.count,
            said.allowed_in_words(),
            others - 1
        ));
    }
    changes.extend(correction(finding, rule));
    if !rule.subject.matches_findings() {
        return changes;
    }
    if let Subject::Findings(selector) = &rule.subject {
        changes.extend(clauses.iter().filter_map(|clause| otherwise(clause, selector, policy)));
    }
    let not_lifted = || {
        (!rule.may_lift(finding))
            .then(|| "no waiver: it is malware, and the rule does not say `waive_malware: true`".to_owned())
    };
    changes.push(no_waiver(rule, policy).or_else(not_lifted).unwrap_or_else(|| {
        format!(
            "a waiver for {}/{}: `secgate waiver new --finding {}` writes it",
            policy.gate, rule.id, finding.fingerprint
        )
    }));
    if rule.then == Action::Warn {
        changes.push("nothing has to change: the rule only warns".to_owned());
    }
    changes
}

/// Changes that would alter the outcome of a rule as a whole, the best first.
pub fn rule_changes(
    said: &SavedRuleResult,
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
    let findings = rule.is_none_or(|rule| rule.subject.matches_findings());
    if findings && said.over() > 0 {
        let count = if said.count == 1 {
            "1 finding matches".to_owned()
        } else {
            format!("{} findings match", said.count)
        };
        let allowed = said.allowed_in_words();
        changes.push(format!("{count}; the rule allows {allowed}: {} would have to go", said.over()));
    }
    changes.extend(said.fix.clone());
    if let (Some(rule), Some(policy)) = (rule, policy) {
        if findings && said.over() > 0 {
            changes.push(no_waiver(rule, policy).unwrap_or_else(|| {
                format!(
                    "waivers for {}/{}: `secgate waiver new --finding FINGERPRINT` writes one",
                    policy.gate, rule.id
                )
            }));
        }
        if said.outcome == Outcome::Warn {
            changes.push(match rule.from {
                Some(day) if rule.then != Action::Warn => {
                    format!("nothing has to change yet: the rule only warns until {day}")
                }
                _ => "nothing has to change: it only warns".to_owned(),
            });
        }
    }
    changes
}

/// Why no waiver can cover what a rule matched.
fn no_waiver(rule: &Rule, policy: &Policy) -> Option<String> {
    if rule.allow == Allowance::Base {
        return Some("no waiver: the rule counts as many as the base has, waived or not".to_owned());
    }
    if !rule.waivable {
        return Some("no waiver: the rule says `waivable: false`".to_owned());
    }
    policy.waivers.is_none().then(|| "no waiver: the policy has no `waivers:`".to_owned())
}

/// Action that removes the problem.
fn correction(finding: &Finding, rule: &Rule) -> Option<String> {
    let package = finding.package.as_ref().filter(|p| !p.fixed.is_empty());
    let Some(package) = package else { return rule.fix.clone() };
    let versions: Vec<&str> = package.fixed.iter().map(Text::as_str).collect();
    let other =
        finding.version_to_take().map_or_else(|| "another version".to_owned(), |v| format!("version {v}"));
    Some(format!(
        "{} in {other}: {} {} fixed in {}",
        package.name,
        finding.ids.first().unwrap_or(&finding.rule_id),
        if versions.len() == 1 { "is" } else { "was" },
        versions.join(" and ")
    ))
}

/// Change to the finding after which this selector no longer holds.
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

/// Who decides about a rule.
pub fn decided_by(said: &SavedRuleResult, rule: Option<&Rule>, policy: Option<&Policy>) -> String {
    let waivable = rule.is_some_and(|rule| rule.waivable && rule.subject.matches_findings());
    decides(said, waivable && policy.is_some_and(|policy| policy.waivers.is_some()))
}

pub(super) fn decides(said: &SavedRuleResult, waivable: bool) -> String {
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

//! Rules that look at nothing of their own.

use super::{LintRun, rule_in_words};
use crate::policy::{Action, Allowance, Rule, Selector, Subject};

/// Says if another rule stops all that this one looks at, at least as hard.
pub(super) fn lint_overlap(found: &mut LintRun<'_>, rule: &Rule) {
    let policy = found.policy;
    // What is inherited cannot be taken out; that a policy is stricter than its parent is what it is for.
    if policy.inherited_from(rule).is_some() {
        return;
    }
    let earlier = |other: &Rule| {
        let place = |rule: &Rule| policy.rules.iter().position(|r| r.id == rule.id);
        place(other) < place(rule)
    };
    let shadows = |other: &&Rule| {
        other.id != rule.id
            && covers(other, rule)
            // Of two that cover each other the later is said to be too much.
            && (!covers(rule, other) || earlier(other))
    };
    let Some(other) = policy.rules.iter().find(shadows) else { return };
    let same = other.then == rule.then;
    let message = format!(
        "{} never decides: rule `{}` (line {}) {} all that it looks at{}",
        rule_in_words(rule),
        other.id,
        other.line,
        verb(other.then),
        if same { "" } else { ", which is stronger" }
    );
    let see = Some(policy.places.spot(&["rules", &other.id]));
    let lint = found.lint_of_rule("shadowed", rule, &[], message);
    found.lints.push(super::Lint { see, ..lint });
}

const fn verb(then: Action) -> &'static str {
    match then {
        Action::Warn => "warns of",
        Action::Review => "holds up",
        Action::Fail => "stops",
    }
}

/// Whether `wider` looks at all that `rule` looks at, whenever it does, and what follows is no milder.
fn covers(wider: &Rule, rule: &Rule) -> bool {
    let selects = match (&rule.subject, &wider.subject) {
        (Subject::Findings(this), Subject::Findings(that)) => this.is_within(that),
        (this, that) => {
            std::mem::discriminant(this) == std::mem::discriminant(that)
                && format!("{this:?}") == format!("{that:?}")
        }
    };
    selects && as_strict(wider, rule) && (rule.then != Action::Review || answered_alike(wider, rule))
}

/// Two reviews that different people answer are two.
fn answered_alike(wider: &Rule, rule: &Rule) -> bool {
    wider.then == Action::Fail || wider.reviewers == rule.reviewers
}

/// Whether a rule holds whenever another does, allows no more, and what follows is no milder.
fn as_strict(this: &Rule, than: &Rule) -> bool {
    let holds = |(name, values): &(String, Vec<String>)| {
        than.when.iter().any(|(other, few)| other == name && few.iter().all(|v| values.contains(v)))
    };
    let unknown = |key: &&str| this.unknown.of(key) >= than.unknown.of(key);
    this.then >= than.then
        && Selector::lackable().iter().all(unknown)
        // A count of the base speaks of what the rule itself looks at.
        && this.allow != Allowance::Base
        && this.allow.is_within(than.allow)
        && (!this.waivable || than.waivable)
        && (!this.waive_malware || than.waive_malware)
        && this.from.is_none_or(|from| than.from.is_some_and(|than| from <= than))
        && this.when.iter().all(holds)
}

/// Whether a rule as strict as this one looks at all that a selector selects.
pub(super) fn caught(found: &LintRun<'_>, rule: &Rule, selector: &Selector) -> bool {
    found.policy.rules.iter().any(|other| {
        let Subject::Findings(of_other) = &other.subject else { return false };
        // A waiver of the other is another's; what counts is that the finding is not let go of.
        let same_terms = |other: &Rule| {
            other.then >= rule.then
                && other.allow != Allowance::Base
                && other.allow.is_within(rule.allow)
                && other.from.is_none_or(|from| rule.from.is_some_and(|than| from <= than))
        };
        other.id != rule.id
            && same_terms(other)
            && other.when.iter().all(|condition| rule.when.contains(condition))
            && selector.is_within(of_other)
    })
}

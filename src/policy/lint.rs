//! What is legal in a policy but most often not meant.

use super::{Action, EntryKind, Feed, Policy, Rule, Selector, Subject};
use crate::finding::{Category, State};

/// One doubtful thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The rule, or `None` for the policy as a whole.
    pub rule: Option<String>,
    /// Line in the file.
    pub line: u64,
    /// Name of the check, in kebab-case.
    pub code: &'static str,
    /// What is doubtful and why, on one line.
    pub message: String,
}

/// Everything doubtful in a policy, in the order of the file.
pub fn lint(policy: &Policy) -> Vec<Lint> {
    let mut lints = Vec::new();
    whole(policy, &mut lints);
    for (index, rule) in policy.rules.iter().enumerate() {
        let earlier = policy.rules.get(..index).unwrap_or_default();
        shadowed(rule, earlier, &mut lints);
        one_rule(policy, rule, &mut lints);
    }
    lints.sort_by_key(|l| l.line);
    lints
}

fn whole(policy: &Policy, lints: &mut Vec<Lint>) {
    let mut add = |line, code, message: &str| {
        lints.push(Lint { rule: None, line, code, message: message.to_owned() });
    };
    if policy.rules.iter().all(|rule| rule.then == Action::Warn) {
        add(1, "only-warns", "every rule only warns: this gate passes whatever is found");
    }
    if policy.evidence.iter().all(|entry| !entry.required) {
        add(
            1,
            "nothing-required",
            "no evidence is required: whoever leaves all reports out is not stopped by their absence",
        );
    }
    let statements = policy.evidence.iter().find(|entry| entry.kind == EntryKind::Feed(Feed::Vex));
    match (&policy.vex, statements) {
        (Some(vex), None) => add(
            vex.line,
            "vex-without-feed",
            "`vex:` accepts statements, and no evidence entry `feed: vex` says where they are",
        ),
        (None, Some(entry)) => add(
            entry.line,
            "feed-without-vex",
            "VEX statements change nothing until the policy says whose count: `vex: {accept: [AUTHOR]}`",
        ),
        _ => {}
    }
    for entry in
        policy.evidence.iter().filter(|e| matches!(e.kind, EntryKind::Feed(_)) && e.max_age.is_none())
    {
        add(
            entry.line,
            "feed-without-age",
            &format!("the feed `{}` has no `max_age`: one of last year would do", entry.name),
        );
    }
}

fn shadowed(rule: &Rule, earlier: &[Rule], lints: &mut Vec<Lint>) {
    // The checked form holds everything that decides what a rule looks at; equal forms look at the same.
    let looks_at = |r: &Rule| format!("{:?} {:?}", r.subject, r.when);
    let this = looks_at(rule);
    if let Some(first) = earlier.iter().find(|other| looks_at(other) == this) {
        lints.push(Lint {
            rule: Some(rule.id.clone()),
            line: rule.line,
            code: "same-selector",
            message: format!("looks at exactly what rule `{}` (line {}) looks at", first.id, first.line),
        });
    }
}

fn one_rule(policy: &Policy, rule: &Rule, lints: &mut Vec<Lint>) {
    let mut add = |code, message: &str| {
        lints.push(Lint { rule: Some(rule.id.clone()), line: rule.line, code, message: message.to_owned() });
    };
    if rule.then == Action::Review && rule.reviewers.is_none() {
        add(
            "review-without-reviewers",
            "nobody is named who could approve: only a waiver or better evidence resolves it",
        );
    }
    if let Some(reviewers) = &rule.reviewers
        && u64::from(reviewers.at_least) > reachable(policy, &reviewers.any_of)
    {
        add("too-few-reviewers", "more approvals are needed than there are people who can give them");
    }
    let Subject::Findings(selector) = &rule.subject else { return };
    if selector.r#where.is_some() {
        add(
            "where-is-yours",
            "`where` is not checked for monotonicity: make sure that a worse finding does not escape it",
        );
    }
    if selector.not.is_some() {
        add(
            "not-is-yours",
            "`not` excludes findings: make sure that a worse finding does not become excluded",
        );
    }
    states(policy, rule, selector, &mut add);
}

fn states(policy: &Policy, rule: &Rule, selector: &Selector, add: &mut impl FnMut(&'static str, &str)) {
    let vulnerabilities =
        selector.category.is_empty() || selector.category.contains(&Category::Vulnerability);
    let disclosed = policy.rules.iter().any(|other| match &other.subject {
        Subject::Findings(s) => {
            (s.category.is_empty() || s.category.contains(&Category::Vulnerability))
                && (s.state.is_empty() || s.state.contains(&State::NewlyDisclosed))
        }
        _ => false,
    });
    if selector.state == [State::New] && vulnerabilities && !disclosed {
        add(
            "newly-disclosed-unseen",
            "looks at new vulnerabilities, and no rule looks at `newly_disclosed` ones",
        );
    }
    if !selector.state.is_empty() && policy.base.is_none() {
        add("state-without-base", "`state` without `base:`: every finding is `new`");
    }
    if rule.then != Action::Warn
        && selector.state.contains(&State::Existing)
        && !selector.state.contains(&State::New)
    {
        add(
            "existing-without-new",
            "looks at known findings and not at new ones: whoever takes one out of the base takes it out of the rule",
        );
    }
    if rule.then == Action::Fail && selector.state.is_empty() && policy.base.is_some() {
        add(
            "blocks-old-debt",
            "fails on findings that were there before the change; `state: new` looks at the change only",
        );
    }
}

/// How many people a list of reviewers names, each once.
fn reachable(policy: &Policy, any_of: &[String]) -> u64 {
    let mut users: Vec<String> = Vec::new();
    for word in any_of {
        match word.strip_prefix("role:") {
            Some(role) => {
                users.extend(policy.people.get(role).into_iter().flatten().map(|p| p.user.to_lowercase()));
            }
            None => users.push(word.trim_start_matches('@').to_lowercase()),
        }
    }
    users.sort();
    users.dedup();
    users.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load;

    fn codes(text: &str) -> Vec<&'static str> {
        lint(&load("p.yaml", text.as_bytes()).unwrap()).into_iter().map(|l| l.code).collect()
    }

    #[test]
    fn doubtful_things_are_named() {
        let head = "version: 1\ngate: merge\nbase: {from: diff}\nevidence:\n  d: {category: vulnerability, files: d.json, required: false}\nrules:\n";
        let rule = |text: &str| codes(&format!("{head}{text}"));
        assert_eq!(
            rule("  - {id: a, findings: {state: new}, then: warn}\n"),
            ["only-warns", "nothing-required", "newly-disclosed-unseen"]
        );
        assert_eq!(
            rule(
                "  - {id: a, findings: {severity: high}, then: fail}\n  - {id: b, findings: {severity: high}, then: review}\n"
            ),
            ["nothing-required", "blocks-old-debt", "same-selector", "review-without-reviewers"]
        );
        assert_eq!(
            rule(
                "  - {id: a, findings: {state: [new, existing, newly_disclosed], not: {scope: development}, where: \"@.severity != 'low'\"}, then: fail}\n"
            ),
            ["nothing-required", "where-is-yours", "not-is-yours"]
        );
        assert_eq!(
            rule("  - {id: a, findings: {state: [existing, newly_disclosed]}, then: fail}\n"),
            ["nothing-required", "existing-without-new"]
        );
    }

    #[test]
    fn shipped_policies_are_not_empty_shells() {
        for (name, text) in crate::policy::EMBEDDED {
            let lints = codes(text);
            assert!(
                !lints.contains(&"only-warns") && !lints.contains(&"nothing-required"),
                "{name}: {lints:?}"
            );
        }
    }
}

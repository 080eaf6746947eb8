//! Subject of a rule: nothing, old debt, what nobody can tell, less of what is worse.

use super::overlap::caught;
use super::{LintRun, rule_in_words, severity_map};
use crate::finding::{Attribute, Category, Fix, Severity, State};
use crate::policy::selector::Escape;
use crate::policy::{Action, BaseSource, DocumentRule, Policy, Rule, Selector, Subject, UnknownAction};

/// Looks at a rule; false if it never fires, so that nothing else is worth saying.
pub(super) fn lint_selectors(found: &mut LintRun<'_>, rule: &Rule) -> bool {
    match &rule.subject {
        Subject::Findings(selector) => {
            if let Some((key, why)) = never(found, rule, selector) {
                let message = format!("{} never fires: {why}", rule_in_words(rule));
                found.of_rule("never-fires", rule, &["findings", key], message);
                return false;
            }
            states(found, rule, selector);
            unknown(found, rule, selector);
            worse(found, rule, selector);
            listed(found, rule, selector);
            ignored(found, rule);
        }
        Subject::Document(document) => contradictions(found, rule, document),
        Subject::Image(_)
        | Subject::Sbom(_)
        | Subject::Provenance(_)
        | Subject::Approvals(_)
        | Subject::Verdicts(_) => {}
    }
    true
}

/// The key that nothing can meet, and why.
fn never(found: &LintRun<'_>, rule: &Rule, selector: &Selector) -> Option<(&'static str, String)> {
    let policy = found.policy;
    let states = &selector.state;
    // What can be of no other state than `new`.
    let without_new = !states.is_empty() && !states.contains(&State::New);
    let said = || states.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(" or ");
    if without_new {
        let Some(base) = &policy.base else {
            return Some((
                "state",
                format!("without `base:` every finding is `new`, and none is {}", said()),
            ));
        };
        if selector.suppressed == Some(true) {
            let why = "what is suppressed is always `new`: it is never put into a base";
            return Some(("state", why.to_owned()));
        }
        if only_diff(&base.from) && silent(&selector.category) {
            let why = "a diff does not speak of these findings, so every one of them is `new`";
            return Some(("state", why.to_owned()));
        }
        if *states == [State::NewlyDisclosed] {
            if !base.from.contains(&BaseSource::BaseReport) {
                let why = "only a report of the base shows that a package was there: `base: {from: [base-report, …]}`";
                return Some(("state", why.to_owned()));
            }
            if !selector.category.is_empty() && !selector.category.contains(&Category::Vulnerability) {
                let why = "only a vulnerability is ever `newly_disclosed`";
                return Some(("category", why.to_owned()));
            }
        }
    }
    let plain = Selector { not: Vec::new(), ..selector.clone() };
    if selector.not.iter().any(|not| not.always_known() && plain.narrower_than(not).is_empty()) {
        return Some(("not", "`not` leaves out all that the rest selects".to_owned()));
    }
    if let Some(least) = selector.severity {
        let reaches = |level: &Severity| level.rank(policy.unknown_severity) >= severity_map::rank(least);
        if !severity_map::possible(&policy.severity_map).iter().any(reaches) {
            return Some(("severity", format!("`severity.map` makes every finding milder than {least}")));
        }
    }
    if !selector.package.is_empty() && !attribute_may_be_reported(found, Attribute::Package, rule, selector) {
        return Some(("package", "no report of this rule names packages".to_owned()));
    }
    None
}

fn only_diff(from: &[BaseSource]) -> bool {
    from.iter().all(|source| *source == BaseSource::Diff)
}

/// Whether a diff speaks of none of these categories.
fn silent(categories: &[Category]) -> bool {
    let spoken = [Category::Sast, Category::Secret, Category::Misconfiguration];
    !categories.is_empty() && !categories.iter().any(|category| spoken.contains(category))
}

/// Whether any report that feeds a rule may tell an attribute: one of the entries' formats, where all of them say
/// which they have, else any format of the category.
fn attribute_may_be_reported(
    found: &LintRun<'_>,
    attribute: Attribute,
    rule: &Rule,
    selector: &Selector,
) -> bool {
    let entries = found.policy.evidence.iter().filter(|entry| rule.fed_by.contains(&entry.name));
    let formats: Option<Vec<&str>> = entries.map(|entry| entry.format.as_deref()).collect();
    match formats {
        // A report that no entry names feeds the rule as well, unless it asks for entries.
        Some(formats) if !selector.evidence.is_empty() => {
            found.attribute_is_reported(attribute, &selector.category, Some(&formats))
        }
        _ => found.attribute_is_reported(attribute, &selector.category, None),
    }
}

/// Lints about existing findings.
fn states(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    let policy = found.policy;
    let vulnerabilities =
        selector.category.is_empty() || selector.category.contains(&Category::Vulnerability);
    let new_only = selector.state.contains(&State::New) && !selector.state.contains(&State::Existing);
    let secrets_only = selector.category == [Category::Secret];
    let Some(base) = &policy.base else {
        if !selector.state.is_empty() {
            let message =
                format!("{} looks at old findings too: without `base:` all are `new`", rule_in_words(rule));
            found.of_rule("state-without-base", rule, &["findings", "state"], message);
        }
        return;
    };
    let of_code = !silent(&selector.category) && !secrets_only;
    if base.from.contains(&BaseSource::Diff) && base.said_of_unchanged_lines.is_none() && new_only && of_code
    {
        let message = format!(
            "{} lets go of code that a diff alone calls old, in files that the change touches",
            rule_in_words(rule)
        );
        found.of_rule("diff-vouches-for-code", rule, &["findings", "state"], message);
    }
    let disclosed = policy.rules.iter().any(|other| match &other.subject {
        Subject::Findings(s) => {
            (s.category.is_empty() || s.category.contains(&Category::Vulnerability))
                && (s.state.is_empty() || s.state.contains(&State::NewlyDisclosed))
        }
        _ => false,
    });
    if selector.state == [State::New] && vulnerabilities && !disclosed {
        let message = format!(
            "{} looks at new vulnerabilities, and no rule looks at those disclosed since the base",
            rule_in_words(rule)
        );
        found.of_rule("newly-disclosed-unseen", rule, &["findings", "state"], message);
    }
    if rule.then == Action::Warn {
        return;
    }
    if new_only && !rule.waivable && !secrets_only {
        let message = format!(
            "{} stops old findings too: it may not be waived, so it takes no base",
            rule_in_words(rule)
        );
        found.of_rule("state-not-waivable", rule, &["findings", "state"], message);
    } else if new_only && only_diff(&base.from) && silent(&selector.category) {
        let message =
            format!("{} stops old findings too: a diff does not speak of them", rule_in_words(rule));
        found.of_rule("base-cannot-tell", rule, &["findings", "state"], message);
    }
    if !selector.state.is_empty() && !selector.state.contains(&State::New) {
        let new = Selector { state: vec![State::New], ..selector.clone() };
        if !caught(found, rule, &new) {
            let message = format!("{} looks at known findings and not at new ones", rule_in_words(rule));
            found.of_rule("existing-without-new", rule, &["findings", "state"], message);
        }
    }
    old_debt(found, rule, selector);
}

/// A `fail` on whatever is there. A secret, what is being exploited and what is overdue stop however old they are, and
/// an allowance is a budget; tests and quality gates have no memory.
fn old_debt(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    if rule.then != Action::Fail || !selector.state.is_empty() || !rule.allow.is_none() {
        return;
    }
    let quality_only = selector.category == [Category::Quality];
    let secrets_only = selector.category == [Category::Secret];
    let urgent = selector.kev == Some(true) || selector.age.is_some() || selector.verified == Some(true);
    if quality_only || secrets_only || urgent {
        return;
    }
    let message = format!("{} fails on what was there before the change", rule_in_words(rule));
    let waivable = rule.waivable;
    let vulnerabilities =
        selector.category.is_empty() || selector.category.contains(&Category::Vulnerability);
    let secrets = selector.category.is_empty() || selector.category.contains(&Category::Secret);
    let mut lint = found.lint_of_rule("blocks-old-debt", rule, &["findings"], message);
    if !waivable {
        lint.instead.push_str("; and take out `waivable: false`, under which every finding is new");
    }
    if secrets {
        lint.instead.push_str("; give secrets a rule of their own, because an old one is live");
    }
    if vulnerabilities {
        lint.instead.push_str("; with `state: new`, let another rule warn of `state: newly_disclosed`");
    }
    found.lints.push(lint);
}

/// Selectors on what no report of the rule says.
fn unknown(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    // A baseline tells since when it knows a finding, to rules that heed it.
    let dated = rule.waivable
        && found.policy.base.as_ref().is_some_and(|base| base.from.contains(&BaseSource::Baseline));
    for (key, attribute) in selector.attributes() {
        if dated && attribute == Attribute::Age {
            continue;
        }
        if !attribute_may_be_reported(found, attribute, rule, selector) {
            let message =
                format!("no report of {} tells `{key}`, so every finding meets it", rule_in_words(rule));
            found.of_rule("always-unknown", rule, &["findings", key], message);
        }
    }
}

/// Selectors that let go of a finding when it gets worse.
fn worse(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    if rule.then == Action::Warn {
        return;
    }
    if selector.fix == [Fix::None] {
        let available = Selector { fix: vec![Fix::Available], ..selector.clone() };
        if !caught(found, rule, &available) {
            let message = format!(
                "{} looks at what has no fix, and nothing as strict at what has one",
                rule_in_words(rule)
            );
            found.of_rule("fix-none-alone", rule, &["findings", "fix"], message);
        }
    }
    let of_rule = selector.escapes().into_iter().map(|escape| (strings(&["findings"]), escape));
    let mut left_out: Vec<(Vec<String>, Escape)> = of_rule.collect();
    // What else `not` says only makes what is left out smaller.
    for (index, not) in selector.not.iter().enumerate() {
        let keys = in_list(found.policy, rule, "not", index);
        left_out.extend(selector.escapes_not(not).into_iter().map(|escape| (keys.clone(), escape)));
    }
    for (mut keys, (key, what, worse)) in left_out {
        if !caught(found, rule, &worse) {
            keys.push(key.to_owned());
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let message = format!("{} lets go of a finding that {what}", rule_in_words(rule));
            found.of_rule("worse-escapes", rule, &keys, message);
        }
    }
}

/// `where` and `not` are the author's: they are listed.
fn listed(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    if rule.then == Action::Warn {
        return;
    }
    let mut conditions = vec![(selector.r#where.as_ref(), strings(&["findings", "where"]))];
    for (index, not) in selector.not.iter().enumerate() {
        let mut keys = in_list(found.policy, rule, "not", index);
        keys.push("where".to_owned());
        conditions.push((not.r#where.as_ref(), keys));
    }
    for (condition, keys) in conditions {
        let Some(condition) = condition else { continue };
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let graded = Selector::graded();
        let named_parts: Vec<String> =
            graded.iter().filter(|part| condition.names(part)).map(|part| format!("`{part}`")).collect();
        let message = if named_parts.is_empty() {
            format!("{} has a `where`, which nobody checks", rule_in_words(rule))
        } else {
            format!(
                "{} has a `where` on {}, which has a selector",
                rule_in_words(rule),
                named_parts.join(", ")
            )
        };
        found.of_rule("where-unchecked", rule, &keys, message);
    }
    if !selector.not.is_empty() {
        let message = if selector.not.iter().all(|not| not.r#where.is_none()) {
            format!(
                "{} leaves findings out by `not`; what is not known is never left out",
                rule_in_words(rule)
            )
        } else {
            format!("{} leaves findings out by `not`", rule_in_words(rule))
        };
        found.of_rule("not-unchecked", rule, &["findings", "not"], message);
    }
}

/// Attributes that nobody knows are let go.
fn ignored(found: &mut LintRun<'_>, rule: &Rule) {
    if rule.then != Action::Warn && rule.unknown.has(UnknownAction::Ignore) {
        let keys: Vec<String> = Selector::lackable()
            .into_iter()
            .filter(|key| rule.unknown.of(key) == UnknownAction::Ignore)
            .map(|key| format!("`{key}`"))
            .collect();
        let what = if rule.unknown.otherwise == UnknownAction::Ignore {
            "an attribute that it asks for".to_owned()
        } else {
            keys.join(" or ")
        };
        let message = format!("{} lets go of a finding of which nobody knows {what}", rule_in_words(rule));
        found.of_rule("unknown-ignored", rule, &["unknown"], message);
    }
}

fn strings(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// The keys of a rule that lead to one of the selectors in a list, which stands by itself where it is the only one.
pub(super) fn in_list(policy: &Policy, rule: &Rule, key: &str, index: usize) -> Vec<String> {
    let number = index.to_string();
    let of_list = ["rules", rule.id.as_str(), "findings", key, number.as_str()];
    let keys = ["findings", key, number.as_str()];
    strings(if policy.places.has(&of_list) { &keys } else { &keys[..2] })
}

/// A fact that must be there and must not.
fn contradictions(found: &mut LintRun<'_>, rule: &Rule, document: &DocumentRule) {
    let DocumentRule { require, forbid, at_least, .. } = document;
    let mut wanted = require
        .iter()
        .map(|(path, _)| (path.text(), "require"))
        .chain(at_least.iter().filter(|(_, count)| *count > 0).map(|(path, _)| (path.text(), "at_least")));
    let both = wanted.find(|(path, _)| forbid.iter().any(|never| never.text() == *path));
    if let Some((path, key)) = both {
        let message = format!(
            "{} can never be met: `{}` stands in `{key}` and in `forbid`",
            rule_in_words(rule),
            crate::finding::clean(path)
        );
        found.of_rule("never-passes", rule, &["document", "forbid"], message);
    }
}

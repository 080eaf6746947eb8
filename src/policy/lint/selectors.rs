//! Subject of a rule: nothing, old debt, what nobody can tell, less of what is worse.

use super::overlap::caught;
use super::{LintRun, rule_in_words, severity_map};
use crate::finding::{Attribute, Category, Confidence, Fix, Reachability, Severity, State};
use crate::policy::compare::selector::narrower;
use crate::policy::{Action, BaseSource, DocumentRule, Rule, Selector, Subject};

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
    if let Some(not) = &selector.not
        && always_known(not)
        && narrower(&Selector { not: None, ..selector.clone() }, not).is_empty()
    {
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

/// Whether a selector asks only for what is known of every finding, so that inside `not` it excludes whatever it says.
fn always_known(not: &Selector) -> bool {
    not.fix.is_empty()
        && not.scope.is_empty()
        && not.confidence.is_none()
        && not.verified.is_none()
        && not.kev.is_none()
        && not.epss.is_none()
        && not.cvss.is_none()
        && not.reachable.is_empty()
        && not.direct.is_none()
        && not.age.is_none()
        && not.r#where.is_none()
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
    if rule.then != Action::Fail || !selector.state.is_empty() || rule.allow > 0 {
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
    let asked = [
        (Attribute::Confidence, selector.confidence.is_some()),
        (Attribute::Verified, selector.verified.is_some()),
        (Attribute::Scope, !selector.scope.is_empty()),
        (Attribute::Fix, !selector.fix.is_empty()),
        (Attribute::Age, selector.age.is_some()),
    ];
    // A baseline tells since when it knows a finding, to rules that heed it.
    let dated = rule.waivable
        && found.policy.base.as_ref().is_some_and(|base| base.from.contains(&BaseSource::Baseline));
    for (attribute, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        if dated && attribute == Attribute::Age {
            continue;
        }
        if !attribute_may_be_reported(found, attribute, rule, selector) {
            let key = attribute.as_str();
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
    let plain = Selector { not: None, ..selector.clone() };
    let mut left_out: Vec<(&[&str], String, Selector)> = Vec::new();
    if selector.kev == Some(false) {
        let worse = Selector { kev: Some(true), ..selector.clone() };
        left_out.push((&["findings", "kev"], "has begun to be exploited".to_owned(), worse));
    }
    if selector.verified == Some(false) {
        let worse = Selector { verified: Some(true), ..selector.clone() };
        left_out.push((&["findings", "verified"], "is found to be live".to_owned(), worse));
    }
    if selector.reachable == [Reachability::No] {
        let worse = Selector { reachable: vec![Reachability::Yes], ..selector.clone() };
        left_out.push((&["findings", "reachable"], "can be reached".to_owned(), worse));
    }
    if let Some(not) = &selector.not {
        // What else `not` says only makes what is left out smaller.
        if let Some(level) = not.severity
            && selector.severity.is_none_or(|least| severity_map::rank(least) < severity_map::rank(level))
        {
            let worse = Selector { severity: Some(level), ..plain.clone() };
            left_out.push((&["findings", "not", "severity"], format!("is {level} or worse"), worse));
        }
        if not.kev == Some(true) {
            let worse = Selector { kev: Some(true), ..plain.clone() };
            left_out.push((&["findings", "not", "kev"], "has begun to be exploited".to_owned(), worse));
        }
        if not.verified == Some(true) {
            let worse = Selector { verified: Some(true), ..plain.clone() };
            left_out.push((&["findings", "not", "verified"], "is found to be live".to_owned(), worse));
        }
        if let Some(least) = not.epss {
            let worse = Selector { epss: Some(least), ..plain.clone() };
            left_out.push((&["findings", "not", "epss"], format!("has an EPSS of {least} or more"), worse));
        }
        if let Some(least) = not.cvss {
            let worse = Selector { cvss: Some(least), ..plain.clone() };
            left_out.push((&["findings", "not", "cvss"], format!("has a score of {least} or more"), worse));
        }
        if not.reachable.contains(&Reachability::Yes) {
            let worse = Selector { reachable: vec![Reachability::Yes], ..plain.clone() };
            left_out.push((&["findings", "not", "reachable"], "can be reached".to_owned(), worse));
        }
        if let Some(level) =
            not.confidence.filter(|level| selector.confidence.is_none_or(|c: Confidence| c < *level))
        {
            let worse = Selector { confidence: Some(level), ..plain.clone() };
            left_out.push((&["findings", "not", "confidence"], format!("is sure ({level} or surer)"), worse));
        }
        if not.state.contains(&State::New) && !not.state.contains(&State::Existing) {
            let worse = Selector { state: vec![State::New], ..plain.clone() };
            left_out.push((&["findings", "not", "state"], "is new".to_owned(), worse));
        }
    }
    for (keys, what, worse) in left_out {
        if !caught(found, rule, &worse) {
            let message = format!("{} lets go of a finding that {what}", rule_in_words(rule));
            found.of_rule("worse-escapes", rule, keys, message);
        }
    }
}

/// `where` and `not` are the author's: they are listed.
fn listed(found: &mut LintRun<'_>, rule: &Rule, selector: &Selector) {
    if rule.then == Action::Warn {
        return;
    }
    let inner = selector.not.as_deref();
    let conditions = [
        (selector.r#where.as_ref(), &["findings", "where"][..]),
        (inner.and_then(|not| not.r#where.as_ref()), &["findings", "not", "where"][..]),
    ];
    for (condition, keys) in conditions {
        let Some(condition) = condition else { continue };
        let graded = [
            "severity",
            "confidence",
            "epss",
            "kev",
            "fix",
            "scope",
            "verified",
            "state",
            "cvss",
            "reachable",
            "direct",
        ];
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
        found.of_rule("where-unchecked", rule, keys, message);
    }
    if let Some(not) = inner {
        let message = if always_known(not) || not.r#where.is_none() {
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

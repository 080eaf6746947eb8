//! What `policy lint` says is certain is so, over generated policies and findings: a rule that never fires never does, and a
//! rule that is shadowed changes no verdict.

use proptest::prelude::*;

use super::monotonicity::{finding, known, names, run_based};
use crate::policy::lint::{FormatFacts, lint};
use crate::policy::{self, Policy};
use crate::relate::Vex;
use crate::report::FORMATS;

fn formats() -> Vec<FormatFacts> {
    FORMATS
        .iter()
        .map(|f| FormatFacts {
            id: f.id,
            tool: f.tool,
            categories: f.categories,
            tells: f.attributes,
            dates_database: f.dates_database,
        })
        .collect()
}

/// A rule without its id.
fn rule() -> impl Strategy<Value = String> {
    let part = |parts: &'static [&'static str]| prop::option::weighted(0.5, prop::sample::select(parts));
    let selectors = (
        part(&["category: sast", "category: [sast, secret]", "category: vulnerability"]),
        part(&["severity: critical", "severity: high", "severity: medium", "severity: info"]),
        part(&["state: new", "state: existing", "state: [new, existing]", "state: newly_disclosed"]),
        part(&[
            "fix: none",
            "fix: available",
            "kev: true",
            "confidence: high",
            "package: p0",
            "scope: production",
            "any: [{severity: critical}, {kev: true}]",
            "any: [{category: sast}, {category: secret}]",
            "reachable: [yes, unknown]",
            "cwe: injection",
            "ecosystem: npm",
            "path: \"**\"",
        ]),
        part(&[
            "not: {severity: high}",
            "not: {severity: low, category: sast}",
            "not: {category: sast}",
            "not: {category: [sast, secret, vulnerability]}",
            "not: {package: p0}",
            "not: {state: existing}",
            "not: {fix: none}",
            "not: {scope: production}",
            "not: [{category: sast}, {severity: high}]",
            "not: [{package: p0}, {category: secret}]",
            "not: {ecosystem: npm}",
            "not: {path: \"**\"}",
        ]),
    );
    let then = prop::sample::select(&["fail", "review", "warn"][..]);
    let more = part(&[
        "waivable: false",
        "from: 2026-05-01",
        "from: 2026-07-01",
        "when: {environment: a}",
        "when: {environment: b}",
        "unknown: review",
        "unknown: {kev: ignore}",
    ]);
    (selectors, then, prop::sample::select(&["0", "0", "1", "{per: path, count: 1}"][..]), more).prop_map(
        |((a, b, c, d, e), then, allow, more)| {
            let parts: Vec<&str> = [a, b, c, d, e].into_iter().flatten().collect();
            let parts = if parts.is_empty() { "category: sast".to_owned() } else { parts.join(", ") };
            let more = more.map(|more| format!(", {more}")).unwrap_or_default();
            format!("findings: {{{parts}}}, then: {then}, allow: {allow}{more}")
        },
    )
}

fn policy(head: &str, rules: &[(usize, &String)]) -> Policy {
    let rules: Vec<String> = rules.iter().map(|(i, rule)| format!("  - {{id: r{i}, {rule}}}\n")).collect();
    let text = format!(
        "version: 1\ngate: merge\n{head}\nparameters: {{environment: {{one_of: [a, b]}}}}\n\
         evidence:\n  a: {{category: sast, files: [a.json]}}\n  b: {{category: secret, files: [b.json]}}\n  \
         c: {{category: vulnerability, files: [c.json]}}\n  k: {{feed: kev, files: [k.json]}}\nrules:\n{}",
        rules.concat()
    );
    policy::load("policy.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_lint_is_certain_of_is_so(
        rules in prop::collection::vec(rule(), 1..5),
        head in prop::sample::select(&[
            "",
            "base: {from: baseline, without: warn}",
            "base: {from: [base-report, baseline], without: fail}",
            "severity: {map: [{severity: critical, as: low}, {severity: high, as: low}], unknown: low}",
            "severity: {map: [{tool: tool, severity: high, as: info}, {severity: medium, category: secret}]}",
        ][..]),
        old in prop::collection::vec(finding(), 0..6), new in prop::collection::vec(finding(), 0..6),
    ) {
        let all: Vec<(usize, &String)> = rules.iter().enumerate().collect();
        let whole = policy(head, &all);
        let (findings, entries) = ([&old[..], &new].concat(), names(&[true; 3]));
        let base = head.starts_with("base").then(|| known(&old));
        let decided = |policy: &Policy| {
            run_based(policy, &[], &findings, &entries, &["k"], base.as_ref(), Vex::default())
        };
        let decision = decided(&whole);
        for lint in lint(&whole, &formats()) {
            let Some(at) = whole.rules.iter().position(|rule| Some(&rule.id) == lint.rule.as_ref()) else { continue };
            if lint.id == "never-fires" {
                prop_assert_eq!(decision.rules[at].count, 0, "{}", lint.message);
            }
            if lint.id == "shadowed" {
                let others: Vec<(usize, &String)> = all.iter().copied().filter(|(i, _)| *i != at).collect();
                let without = decided(&policy(head, &others));
                // Where the rest does not apply, there is no decision at all.
                let nothing = without.rules.iter().all(|rule| rule.outcome == crate::decide::Outcome::NotApplicable);
                prop_assert!(nothing || without.verdict == decision.verdict, "{}", lint.message);
            }
        }
    }
}

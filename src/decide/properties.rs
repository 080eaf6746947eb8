//! Promise 2 over generated findings and policies: nothing that is worse, or less known, improves the verdict.

use proptest::prelude::*;

use super::{Context, Decision, Evidence, Gathered, Outcome, Tally, decide};
use crate::finding::{Category, Confidence, Finding, FingerprintBuilder, Fix, Scope, Severity};
use crate::policy::{self, Policy};
use crate::relate::Waivers;
use crate::report::{self, Sink};

/// The order in which severity is raised. `unknown` stands apart: how it counts is the policy's word.
const SCALE: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

fn finding() -> impl Strategy<Value = Finding> {
    let severity = prop::sample::select(&Severity::ALL[..]);
    let category = prop::sample::select(&[Category::Sast, Category::Secret, Category::Vulnerability][..]);
    let fix = prop::sample::select(&[Fix::Available, Fix::None, Fix::Unknown][..]);
    let confidence = prop::option::of(prop::sample::select(Confidence::ALL));
    let scope = prop::option::of(prop::sample::select(Scope::ALL));
    let facts =
        (prop::option::of(any::<bool>()), prop::option::of(0.0..1.0f64), prop::option::of(0..2_000_000i64));
    (severity, category, fix, confidence, scope, facts, 0..20u8).prop_map(
        |(severity, category, fix, confidence, scope, (kev, epss, published), n)| {
            let mut finding = Finding::new(category, "tool", &format!("rule-{n}"), severity);
            finding.fingerprint = FingerprintBuilder::new("test").part(&n.to_string()).finish();
            Finding { confidence, fix, scope, kev, epss, published, ..finding }
        },
    )
}

/// One selector of each kind whose monotonicity is secgate's own business, alone or inside `not`.
fn selector() -> impl Strategy<Value = String> {
    let severity = prop::sample::select(&["critical", "high", "medium", "low", "info"][..]);
    let attribute = prop::sample::select(
        &[
            "fix: available",
            "fix: none",
            "confidence: high",
            "confidence: low",
            "scope: production",
            "kev: true",
            "epss: 0.5",
            "age: 10d",
            "category: secret",
            "category: [sast, vulnerability]",
            "not: {scope: development}",
            "not: {kev: false}",
            "not: {fix: none}",
            "not: {confidence: low}",
            "where: \"@.category == 'sast'\"",
        ][..],
    );
    (prop::option::of(severity), prop::option::of(attribute)).prop_map(|(severity, attribute)| {
        let severity = severity.map(|s| format!("severity: {s}"));
        let parts: Vec<String> = severity.into_iter().chain(attribute.map(str::to_owned)).collect();
        if parts.is_empty() { "category: sast".to_owned() } else { parts.join(", ") }
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let then = prop::sample::select(&["fail", "review", "warn"][..]);
    let unknown = prop::sample::select(&["critical", "high", "low"][..]);
    (prop::collection::vec((selector(), then, 0..3u8), 1..4), unknown).prop_map(|(rules, unknown)| {
        let rules: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(i, (selector, then, allow))| {
                format!("  - {{id: r{i}, findings: {{{selector}}}, allow: {allow}, then: {then}}}\n")
            })
            .collect();
        let rules = rules.concat();
        let text = format!(
            "version: 1\ngate: merge\nseverity: {{unknown: {unknown}}}\nevidence:\n  \
             a: {{category: sast, files: [a.json]}}\n  b: {{category: secret, files: [b.json]}}\n  \
             c: {{category: vulnerability, files: [c.json]}}\nrules:\n{rules}"
        );
        policy::load("policy.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
    })
}

/// Decides on one whole report that is given for every entry in `entries`.
fn run(policy: &Policy, findings: &[Finding], entries: &[String]) -> Decision {
    let context = Context::at("2026-06-01T12:00:00Z".parse().unwrap());
    let waivers = Waivers::default();
    let mut tally = Tally::new(policy, &waivers, entries, 0, 3_000_000, 10);
    for finding in findings {
        tally.finding(finding.clone());
    }
    let mut outcome = report::Outcome {
        format: Some("test".into()),
        report: report::Report::default(),
        digest: Some((String::new(), 0)),
        error: None,
    };
    outcome.report.categories = Category::ALL.iter().copied().collect();
    let evidence = policy
        .evidence
        .iter()
        .map(|entry| {
            if entries.contains(&entry.name) {
                Evidence::judged("a.json", Some(entry), &outcome, tally.counts, &[], &context)
            } else {
                Evidence::absent(entry, 0)
            }
        })
        .collect();
    decide(policy, &context, Gathered { evidence, tally, documents: Vec::new() })
}

fn names(which: &[bool]) -> Vec<String> {
    ["a", "b", "c"]
        .iter()
        .zip(which)
        .filter(|(_, there)| **there)
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

fn worsened(before: &Decision, after: &Decision) -> Result<(), TestCaseError> {
    prop_assert!(after.verdict >= before.verdict, "{:?} became {:?}", before.verdict, after.verdict);
    for (was, is) in before.rules.iter().zip(&after.rules) {
        prop_assert!(is.outcome >= was.outcome, "rule {}: {:?} became {:?}", was.id, was.outcome, is.outcome);
        prop_assert!(is.count >= was.count, "rule {}: {} became {}", was.id, was.count, is.count);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_finding_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..6), more in finding(),
        there in prop::array::uniform3(any::<bool>()),
    ) {
        let entries = names(&there);
        let before = run(&policy, &findings, &entries);
        let after = run(&policy, &[&findings[..], &[more]].concat(), &entries);
        worsened(&before, &after)?;
    }

    #[test]
    fn a_worse_severity_never_helps(policy in policy(), findings in prop::collection::vec(finding(), 1..6), step in 1..5usize) {
        let entries = names(&[true; 3]);
        let before = run(&policy, &findings, &entries);
        let mut raised = findings;
        if let Some(at) = SCALE.iter().position(|s| *s == raised[0].severity) {
            raised[0].severity = SCALE[(at + step).min(SCALE.len() - 1)];
        }
        worsened(&before, &run(&policy, &raised, &entries))?;
    }

    #[test]
    fn knowing_less_never_helps(policy in policy(), findings in prop::collection::vec(finding(), 1..6), which in 0..6u8) {
        let entries = names(&[true; 3]);
        let before = run(&policy, &findings, &entries);
        let mut less = findings;
        let first = &mut less[0];
        match which {
            0 => first.fix = Fix::Unknown,
            1 => first.epss = None,
            2 => first.kev = None,
            3 => first.published = None,
            4 => first.confidence = None,
            _ => first.scope = None,
        }
        worsened(&before, &run(&policy, &less, &entries))?;
    }

    #[test]
    fn missing_evidence_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..6),
        there in prop::array::uniform3(any::<bool>()), lost in 0..3usize,
    ) {
        let before = run(&policy, &findings, &names(&there));
        let mut fewer = there;
        fewer[lost] = false;
        let after = run(&policy, &findings, &names(&fewer));
        prop_assert!(after.verdict >= before.verdict);
        prop_assert!(fewer == [true; 3] || after.verdict == Outcome::Fail);
    }
}

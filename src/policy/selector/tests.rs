//! Matches of selectors, and how each is explained.

use super::{CvssThreshold, Selector, SelectorContext};
use crate::finding::{
    Category, Confidence, CvssRating, Finding, Fix, Location, Reachability, Scope, Severity, Text,
};
use crate::policy::load;

const AROUND: SelectorContext<'static> = SelectorContext {
    unknown_severity: Severity::Critical,
    now: 1_000_000,
    entries: &[],
    evidence: 0,
    inside_not: false,
    unknown: None,
    sure: false,
};

fn finding(severity: Severity) -> Finding {
    Finding::new(Category::Sast, "semgrep", "rule", severity)
}

#[test]
fn severity_means_that_bad_or_worse() {
    let high = Selector { severity: Some(Severity::High), ..Selector::default() };
    assert!(high.selects(&finding(Severity::Critical), AROUND));
    assert!(high.selects(&finding(Severity::High), AROUND));
    assert!(!high.selects(&finding(Severity::Medium), AROUND));
    assert!(high.selects(&finding(Severity::Unknown), AROUND));
}

#[test]
fn scores_and_reachability_of_a_package() {
    let rating = |score| Some(Box::new(CvssRating { score, ..CvssRating::default() }));
    let of = |cvss, reachable, direct| Finding { cvss, reachable, direct, ..finding(Severity::High) };
    let severe =
        Selector { cvss: Some(CvssThreshold { at_least: 7.0, versions: [false; 4] }), ..Selector::default() };
    let unreached = Selector { reachable: vec![Reachability::No], ..Selector::default() };
    let direct = Selector { direct: Some(true), ..Selector::default() };
    let told = of(rating(7.0), Reachability::No, Some(true));
    let other = of(rating(6.9), Reachability::Yes, Some(false));
    let silent = of(None, Reachability::Unknown, None);
    for selector in [severe, unreached, direct] {
        let not = Selector { not: vec![selector.clone()], ..Selector::default() };
        assert_eq!([&told, &other, &silent].map(|f| selector.selects(f, AROUND)), [true, false, true]);
        assert_eq!([&told, &other, &silent].map(|f| not.selects(f, AROUND)), [false, true, true]);
    }
}

#[test]
fn what_is_not_known_is_never_excluded() {
    let plain = finding(Severity::Low);
    let top = Selector {
        fix: vec![Fix::None],
        scope: vec![Scope::Production],
        confidence: Some(Confidence::High),
        kev: Some(true),
        epss: Some(0.5),
        age: Some(60),
        ..Selector::default()
    };
    assert!(top.selects(&plain, AROUND));
    let not = Selector { scope: vec![Scope::Development], ..Selector::default() };
    let without = Selector { not: vec![not], ..Selector::default() };
    assert!(without.selects(&plain, AROUND));
    let development = Finding { scope: Some(Scope::Development), ..plain };
    assert!(!without.selects(&development, AROUND));
}

#[test]
fn suppressed_findings_are_seen_only_when_asked_for() {
    let hidden = Finding { suppressed: true, ..finding(Severity::High) };
    assert!(!Selector::default().selects(&hidden, AROUND));
    let asked = Selector { suppressed: Some(true), ..Selector::default() };
    assert!(asked.selects(&hidden, AROUND));
    assert!(!asked.selects(&finding(Severity::High), AROUND));
}

fn selector(text: &str) -> Selector {
    let policy = format!(
        "version: 1\ngate: m\nevidence: {{s: {{category: sast, files: a.json}}, kev: {{feed: kev, files: k, max_age: 7d}}, \
         epss: {{feed: epss, files: e, max_age: 7d}}}}\n\
         rules: [{{id: r, findings: {{{text}}}, then: fail}}]\n"
    );
    let subject = load("p", policy.as_bytes()).unwrap().rules.remove(0).subject;
    let crate::policy::Subject::Findings(selector) = subject else { panic!("{subject:?}") };
    selector
}

#[test]
fn all_clauses_hold_where_the_rule_looks() {
    let texts = [
        "category: sast",
        "severity: high, state: new",
        "severity: [critical, medium], confidence: high",
        "cwe: [79], not: {confidence: low}",
        "not: {confidence: high}, tool: semgrep",
        "suppressed: true",
        "where: \"@.severity == 'low'\", fix: none, kev: true, epss: 0.5, age: 30d",
        "path: [\"src/**\"], package: x, scope: development, verified: true",
        "cvss: {at_least: 7}, reachable: yes, direct: true",
        "not: {reachable: no}",
    ];
    let mut findings = Vec::new();
    for severity in Severity::ALL {
        for confidence in [None, Some(Confidence::Low), Some(Confidence::High)] {
            for suppressed in [false, true] {
                let plain = Finding::new(Category::Sast, "semgrep", "r", severity);
                findings.push(Finding { confidence, suppressed, cwes: vec![79], ..plain });
            }
        }
    }
    let mut both = (0, 0);
    for text in texts {
        let selector = selector(text);
        for finding in &findings {
            let all = selector.explain(finding, AROUND).iter().all(|c| c.holds);
            assert_eq!(all, selector.selects(finding, AROUND), "{text}: {finding:?}");
            if all { both.0 += 1 } else { both.1 += 1 }
        }
    }
    assert!(both.0 > 10 && both.1 > 10, "{both:?}");
}

#[test]
fn what_is_not_known_is_said() {
    let finding = Finding::new(Category::Sast, "semgrep", "r", Severity::Unknown);
    let found = selector("severity: high, fix: available").explain(&finding, AROUND);
    let told: Vec<_> = found.iter().map(|c| (c.name, c.is.as_str(), c.holds, c.unknown)).collect();
    assert_eq!(
        told,
        [
            ("severity", "unknown, which counts as critical", true, true),
            ("fix", "unknown", true, true),
            ("suppressed", "false", true, false)
        ]
    );
    assert_eq!(
        selector("severity: high, fix: available").describe(),
        "severity: high or worse, fix: available"
    );
}

/// A path that is not there, or that leads out of the project, can be anywhere in it; an image has none.
#[test]
fn a_place_that_nobody_knows_is_never_excluded() {
    let at = |paths: &[&str]| {
        let mut places = paths.iter().filter_map(|path| Location::new(path, None, None, &[]));
        Finding { location: places.next(), also_at: places.collect(), ..finding(Severity::High) }
    };
    let of_image = |target: &str| Finding { target: Some(Text::whole(target)), ..at(&[]) };
    let policy = load(
        "p.yaml",
        b"version: 1\ngate: g\nevidence: {e: {category: sast, files: [e.json]}}\nrules:\n  \
          - {id: a, findings: {path: \"src/**\"}, then: fail}\n  - {id: b, findings: {not: {path: \"src/**\"}}, then: fail}\n",
    )
    .unwrap();
    let selects = |finding: &Finding| {
        let mut selectors = policy.rules.iter().filter_map(|rule| match &rule.subject {
            crate::policy::Subject::Findings(selector) => Some(selector.selects(finding, AROUND)),
            _ => None,
        });
        [selectors.next().unwrap(), selectors.next().unwrap()]
    };
    assert_eq!(selects(&at(&["src/a.py"])), [true, false]);
    assert_eq!(selects(&at(&["lib/a.py"])), [false, true]);
    assert_eq!(selects(&of_image("registry/app:1")), [false, true]);
    for unknown in
        [at(&[]), at(&[""]), at(&["."]), at(&["../../x.py"]), at(&[".."]), of_image("."), of_image("../x")]
    {
        assert_eq!(selects(&unknown), [true, true], "{unknown:?}");
    }
    // One place of several makes a rule look at it, and only all of them leave it out.
    assert_eq!(selects(&at(&["lib/a.py", "src/a.py"])), [true, true]);
    assert_eq!(selects(&at(&["src/a.py", "src/b.py"])), [true, false]);
    assert_eq!(selects(&at(&["lib/a.py", "../a.py"])), [true, true]);
}

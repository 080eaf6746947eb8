//! Promise 2 over generated findings and policies: nothing that is worse, or less known, improves the verdict.

use std::sync::Arc;

use proptest::prelude::*;

use crate::decide::{
    Context, CountedReport, Decision, Evidence, Gathered, Outcome, TallyContext, decide, matches_in_base,
};
use crate::finding::{
    Category, Confidence, Finding, Fingerprint, FingerprintBuilder, Fix, Package, Product, Scope, SecretKey,
    Severity, Text, VexStatement, VexStatus,
};
use crate::policy::waiver::{self, Waiver};
use crate::policy::{self, Policy, Selector};
use crate::relate::{Base, BaseEntry, BaselineFile, Relations, SeverityBars, Vex, VexTrust, Waivers};
use crate::report::{self, FeedFile, Sink};

/// The order in which severity is raised. `unknown` stands apart: how it counts is the policy's word.
const SCALE: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

const NOW: &str = "2026-06-01T12:00:00Z";

fn identity(n: u8) -> Fingerprint {
    FingerprintBuilder::new("test").part(&n.to_string()).finish()
}

pub(super) fn finding() -> impl Strategy<Value = Finding> {
    let severity = prop::sample::select(&Severity::ALL[..]);
    let category = prop::sample::select(&[Category::Sast, Category::Secret, Category::Vulnerability][..]);
    let fix = prop::sample::select(&[Fix::Available, Fix::None, Fix::Unknown][..]);
    let confidence = prop::option::of(prop::sample::select(Confidence::ALL));
    let scope = prop::option::of(prop::sample::select(Scope::ALL));
    let facts =
        (prop::option::of(any::<bool>()), prop::option::of(0.0..1.0f64), prop::option::of(0..2_000_000i64));
    let seen = prop::option::of((4..7i8).prop_map(|month| jiff::civil::date(2026, month, 25)));
    let facts = (facts, seen);
    let variations = prop::collection::vec(any::<u8>(), Selector::variations(false).len());
    (severity, category, fix, confidence, scope, facts, 0..20u8, variations).prop_map(
        |(
            severity,
            category,
            fix,
            confidence,
            scope,
            ((kev, epss, published), first_seen),
            n,
            variations,
        )| {
            let mut finding = Finding::new(category, "tool", &format!("rule-{n}"), severity);
            finding.fingerprint = identity(n);
            // Some are counted by package, several findings in one.
            finding.package = (n % 2 == 0)
                .then(|| Package { name: Text::line(&format!("p{}", n % 3)), ..Package::default() });
            finding = Finding { confidence, fix, scope, kev, epss, published, first_seen, ..finding };
            for (vary, seed) in Selector::variations(false).into_iter().zip(variations) {
                vary(&mut finding, seed);
            }
            finding
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
            "not: {epss: 0.5}",
            "where: \"@.category == 'sast'\"",
            "where: \"@.kev == true || @.kev == null\"",
        ][..],
    );
    let attribute = prop_oneof![attribute.prop_map(str::to_owned), any_selector()];
    (prop::option::of(severity), prop::option::of(attribute)).prop_map(|(severity, attribute)| {
        let severity =
            severity.filter(|_| attribute.as_ref().is_none_or(|text| !text.starts_with("severity")));
        let severity = severity.map(|s| format!("severity: {s}"));
        let parts: Vec<String> = severity.into_iter().chain(attribute).collect();
        if parts.is_empty() { "category: sast".to_owned() } else { parts.join(", ") }
    })
}

/// A selector from the table, by itself, in `any` or in `not`, there without what is the policy author's business: what
/// is worse is left out by its severity or a condition.
fn any_selector() -> impl Strategy<Value = String> {
    let examples = || prop::sample::select(Selector::examples());
    let inner = || {
        let outer = |text: &String| ["any:", "not:", "suppressed:"].iter().any(|key| text.starts_with(key));
        let inside: Vec<String> = Selector::examples().into_iter().filter(|text| !outer(text)).collect();
        prop::sample::select(inside)
    };
    let excluded = || {
        let graded = |text: &String| ["severity:", "where:", "set:"].iter().any(|key| text.starts_with(key));
        let refused = |text: &String| text.starts_with("due:") || text.contains("unknown");
        inner().prop_filter("author's own or refused", move |text| !graded(text) && !refused(text))
    };
    prop_oneof![
        examples(),
        (inner(), inner()).prop_map(|(one, other)| format!("any: [{{{one}}}, {{{other}}}]")),
        (inner(), excluded()).prop_map(|(one, other)| format!("any: [{{{one}}}, {{not: {{{other}}}}}]")),
        (excluded(), excluded()).prop_map(|(one, other)| format!("not: [{{{one}}}, {{{other}}}]")),
        excluded().prop_map(|one| format!("not: {{{one}}}")),
    ]
}

/// How many matches a rule of the generated policies allows.
pub(super) const ALLOW: &[&str] = &[
    "0",
    "0",
    "1",
    "2",
    "{per: path, count: 1}",
    "{per: owner, count: 1}",
    "{per: tool, count: 2}",
    "{base: same}",
    "{base: same}",
];

/// Loads a policy; rules that allow what the base has and ask for what no report of it tells allow 1 instead.
pub(super) fn load_allowing(text: &str) -> Policy {
    policy::load("policy.yaml", text.as_bytes()).unwrap_or_else(|error| {
        assert!(error.to_string().contains("{base: same}"), "{error}\n{text}");
        let instead: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(at, line)| {
                let refused = error.problems().iter().any(|problem| problem.line == at as u64 + 1);
                if refused { line.replace("{base: same}", "1") } else { line.to_owned() }
            })
            .collect();
        let text = instead.join("\n");
        policy::load("policy.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let then = prop::sample::select(&["fail", "review", "warn"][..]);
    let unknown = prop::sample::select(&["critical", "high", "low"][..]);
    let allow = prop::sample::select(ALLOW);
    (prop::collection::vec((selector(), then, allow), 1..4), unknown).prop_map(|(rules, unknown)| {
        let rules: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(i, (selector, then, allow))| {
                format!("  - {{id: r{i}, findings: {{{selector}}}, allow: {allow}, then: {then}}}\n")
            })
            .collect();
        let rules = rules.concat();
        let text = format!(
            "version: 1\ngate: merge\nwaivers: {{max_duration: 90d}}\n\
             sets: {{exploited: {{kev: true}}, in-code: {{category: sast}}}}\n\
             severity: {{unknown: {unknown}}}\nevidence:\n  \
             a: {{category: sast, files: [a.json]}}\n  b: {{category: secret, files: [b.json]}}\n  \
             c: {{category: vulnerability, files: [c.json]}}\n  k: {{feed: kev, files: [k.json]}}\n  \
             e: {{feed: epss, files: [e.csv], required: false}}\nbase: {{from: base-report, without: warn}}\n\
             rules:\n{rules}"
        );
        load_allowing(&text)
    })
}

/// A waiver as [`exception`] makes it.
pub(super) type Exception = (bool, Vec<u8>, &'static str, u8, &'static str);

/// One waiver as text: for the first rule and perhaps the second, of one to five findings.
pub(super) fn exception() -> impl Strategy<Value = Exception> {
    let trigger = prop::sample::select(
        &[
            "severity_raised",
            "severity_raised",
            "fix_available",
            "epss>=0.5",
            "kev",
            "severity_raised, fix_available",
        ][..],
    );
    let severity = prop::sample::select(&["critical", "medium", "unknown"][..]);
    (any::<bool>(), prop::collection::vec(0..20u8, 1..6), trigger, 1..5u8, severity)
}

/// The waivers of these texts; those of a rule that the policy lacks are left out.
fn waivers(policy: &Policy, written: &[Exception]) -> Vec<Waiver> {
    try_waivers(policy, written).unwrap_or_else(|| panic!("waivers that the policy refuses: {written:?}"))
}

/// The same, or `None` if the policy refuses them.
pub(super) fn try_waivers(policy: &Policy, written: &[Exception]) -> Option<Vec<Waiver>> {
    let entries: Vec<String> = written
        .iter()
        .enumerate()
        .map(|(i, (both, which, trigger, most, severity))| {
            let rules = if *both && policy.rules.len() > 1 { "[merge/r0, merge/r1]" } else { "merge/r0" };
            let ids: Vec<String> = which.iter().map(|n| format!("\"{}\"", identity(*n))).collect();
            format!(
                "  - {{id: W-{i}, rule: {rules}, match: {{fingerprint: [{}]}}, reason: why, owner: \"@a\", \
                 approved_by: \"@b\", compensating_controls: [c], created: 2026-05-01, expires: 2026-06-30, \
                 review_trigger: [{trigger}], max_matches: {most}, seen: {{severity: {severity}}}}}\n",
                ids.join(", ")
            )
        })
        .collect();
    let text = format!("version: 1\nwaivers:\n{}", entries.concat());
    let text = if entries.is_empty() { "version: 1\nwaivers: []\n".to_owned() } else { text };
    waiver::load("w.yaml", text.as_bytes(), policy, NOW.parse().unwrap()).ok().map(|file| file.waivers)
}

/// Decides on one whole report that is given for every entry in `entries`. The feeds are there; what they know stands
/// on the findings.
pub(super) fn run(policy: &Policy, waivers: &[Waiver], findings: &[Finding], entries: &[String]) -> Decision {
    run_with(policy, waivers, findings, entries, &["k", "e"], Vex::default())
}

/// Images that the report is about.
const IMAGE: &str = "sha256:aa";

/// One statement: of one finding's rule, by one of two accepted authors or a third, at one of three times.
fn statement() -> impl Strategy<Value = VexStatement> {
    let status = prop::sample::select(
        &[
            VexStatus::NotAffected,
            VexStatus::NotAffected,
            VexStatus::NotAffected,
            VexStatus::Fixed,
            VexStatus::UnderInvestigation,
            VexStatus::Affected,
        ][..],
    );
    let author = prop::sample::select(&["a", "a", "b", "c"][..]);
    let day = prop::sample::select(&["2026-05-01", "2026-05-20", "2025-01-01"][..]);
    let image = prop::sample::select(&[IMAGE, IMAGE, IMAGE, "sha256:bb"][..]);
    (0..20u8, status, author, day, image, prop::bool::weighted(0.9)).prop_map(
        |(n, status, author, day, image, justified)| VexStatement {
            authors: vec![Text::line(author)],
            time: format!("{day}T00:00:00Z").parse().ok(),
            ids: vec![format!("RULE-{n}")],
            status,
            justification: justified.then_some("component_not_present"),
            note: None,
            products: vec![Product { package: None, images: vec![image.to_owned()] }],
        },
    )
}

/// VEX statements of accepted authors.
fn vex(said: &[VexStatement]) -> Vex {
    let authors = ["a".to_owned(), "b".to_owned()];
    let accept = VexTrust { authors: &authors, max_age: 90 * 86_400, now: NOW.parse().unwrap() };
    let mut vex = Vex::default();
    vex.add("vex.json", said.to_vec(), accept);
    vex
}

fn run_with(
    policy: &Policy,
    waivers: &[Waiver],
    findings: &[Finding],
    entries: &[String],
    feeds: &[&str],
    vex: Vex,
) -> Decision {
    run_based(policy, waivers, findings, entries, feeds, None, vex)
}

pub(super) fn run_based(
    policy: &Policy,
    waivers: &[Waiver],
    findings: &[Finding],
    entries: &[String],
    feeds: &[&str],
    base: Option<&Base>,
    vex: Vex,
) -> Decision {
    let mut context = Context::at(NOW.parse().unwrap());
    context.parameters.insert("environment".to_owned(), "a".to_owned());
    let waivers = Waivers::new(waivers.to_vec());
    let vex = Arc::new(vex);
    let counted = |bars: SeverityBars| {
        let exploitation = Arc::default();
        let (vex, bars) = (Arc::clone(&vex), Arc::new(bars));
        let waivers = &waivers;
        let relations =
            Relations { policy, waivers, exploitation, vex, secret_key: None, base, bars, keep: false };
        let compared = base.is_some();
        let rules = Arc::new(policy::RuleIndex::new(&policy.rules));
        let counting =
            TallyContext { policy, rules, waivers, compared, now: 3_000_000, cap: 10, watch: None };
        let mut counted = CountedReport::new(relations, counting, entries, 0);
        for finding in findings {
            counted.finding(finding.clone());
        }
        counted
    };
    let mut counted_report = counted(base.map(Base::initial_bars).unwrap_or_default());
    if let Some(base) = base {
        counted_report = counted(base.bars(&counted_report.related.heads));
    }
    counted_report.about(&[Text::line(IMAGE)]);
    let mut outcome = report::ReadOutcome {
        format: Some("test".into()),
        report: report::Report::default(),
        digest: Some((String::new(), 0)),
        error: None,
    };
    outcome.report.categories = Category::ALL.iter().copied().collect();
    outcome.report.scanned.clone_from(&outcome.report.categories);
    let evidence = policy
        .evidence
        .iter()
        .map(|entry| {
            if feeds.contains(&entry.name.as_str()) {
                let feed = FeedFile {
                    holds: (),
                    generated: report::Generated::Unknown,
                    edition: String::new(),
                    sha256: String::new(),
                    bytes: 0,
                };
                Evidence::feed("feed", entry, &feed, &context)
            } else if entries.contains(&entry.name) {
                Evidence::judged(
                    "a.json",
                    Some(entry),
                    &outcome,
                    counted_report.tally.counts,
                    &[],
                    &context,
                    None,
                )
            } else {
                Evidence::absent(entry, 0)
            }
        })
        .collect();
    let in_base = matches_in_base(policy, &findings_of_base(), 3_000_000);
    decide(
        policy,
        &context,
        Gathered {
            indexes: Vec::new(),
            evidence,
            counted: counted_report,
            documents: Vec::new(),
            comparison: None,
            base_of_case: base.is_none().then_some(&in_base),
        },
    )
}

/// Findings of a report of the base, for rules that allow as many.
fn findings_of_base() -> Vec<Finding> {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Unknown];
    let of = |category| severities.map(|severity| Finding::new(category, "tool", "rule-1", severity));
    [of(Category::Sast), of(Category::Secret), of(Category::Vulnerability)].concat()
}

pub(super) fn names(which: &[bool]) -> Vec<String> {
    ["a", "b", "c"]
        .iter()
        .zip(which)
        .filter(|(_, there)| **there)
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

/// A rule that asks for what is milder: the policy author's own business.
fn is_odd(rule: &policy::Rule) -> bool {
    let policy::Subject::Findings(selector) = &rule.subject else { return false };
    let odd = |one: &Selector| {
        one.kev == Some(false)
            || one.not.iter().any(|not| not.epss.is_some() || not.kev == Some(true))
            || one.not.iter().chain(&one.any).any(|inner| inner.kev == Some(false))
    };
    odd(selector) || selector.any.iter().any(odd)
}

fn worsened(before: &Decision, after: &Decision) -> Result<(), TestCaseError> {
    prop_assert!(after.verdict >= before.verdict, "{:?} became {:?}", before.verdict, after.verdict);
    for (was, is) in before.rules.iter().zip(&after.rules) {
        prop_assert!(is.outcome >= was.outcome, "rule {}: {:?} became {:?}", was.id, was.outcome, is.outcome);
        prop_assert!(is.count >= was.count, "rule {}: {} became {}", was.id, was.count, is.count);
    }
    Ok(())
}

/// A policy whose rules look at new findings, and at others besides.
fn stateful_policy() -> impl Strategy<Value = Policy> {
    let state = prop::sample::select(
        &[
            "state: new",
            "state: [new, existing]",
            "state: [new, newly_disclosed]",
            "category: [sast, secret, vulnerability], age: 20d",
            "category: [sast, secret, vulnerability], not: {age: 20d}",
            "category: [sast, secret]",
        ][..],
    );
    let then = prop::sample::select(&["fail", "review", "warn"][..]);
    prop::collection::vec((state, then, 0..3u8, any::<bool>(), any::<bool>()), 1..4).prop_map(|rules| {
        let rule = |(i, (state, then, allow, high, waivable)): (usize, (&str, &str, u8, bool, bool))| {
            let severity = if high { ", severity: high" } else { "" };
            format!(
                "  - {{id: r{i}, findings: {{{state}{severity}}}, allow: {allow}, then: {then}, waivable: {waivable}}}\n"
            )
        };
        let rules: String = rules.into_iter().enumerate().map(rule).collect();
        let text = format!(
            "version: 1\ngate: merge\nwaivers: {{max_duration: 90d}}\nbase: {{from: baseline, without: fail}}\n\
             evidence:\n  a: {{category: sast, files: [a.json]}}\n  b: {{category: secret, files: [b.json]}}\n  \
             c: {{category: vulnerability, files: [c.json]}}\nrules:\n{rules}"
        );
        policy::load("policy.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"))
    })
}

pub(super) fn known(findings: &[Finding]) -> Base {
    let mut base = Base::new(Severity::Critical, None, Some(&SecretKey::new(b"a key")));
    let dated = |finding: &Finding| BaseEntry {
        first_seen: finding.first_seen,
        ..BaseEntry::from_finding(finding, 0)
    };
    let entries = findings.iter().map(dated).collect();
    base.set_baseline(BaselineFile::new(None, entries));
    base
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_finding_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..6), more in finding(),
        there in prop::array::uniform3(any::<bool>()), written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&there), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let after = run(&policy, &waivers, &[&findings[..], &[more]].concat(), &entries);
        worsened(&before, &after)?;
    }

    /// Neither does a base that knows less, nor a finding more beside it.
    #[test]
    fn a_smaller_base_never_helps(
        policy in stateful_policy(), old in prop::collection::vec(finding(), 1..8), which in any::<prop::sample::Index>(),
        new in prop::collection::vec(finding(), 0..3), written in prop::collection::vec(exception(), 0..3),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let head = [&old[..], &new].concat();
        let decided = |base: &[Finding], head: &[Finding]| {
            run_based(&policy, &waivers, head, &entries, &[], Some(&known(base)), Vex::default())
        };
        let before = decided(&old, &head);
        let mut less = old.clone();
        less.remove(which.index(old.len()));
        worsened(&before, &decided(&less, &head))?;
        worsened(&before, &decided(&old, &[&head[..], &[old[which.index(old.len())].clone()]].concat()))?;
    }

    #[test]
    fn a_worse_severity_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 1..6), step in 1..5usize,
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let mut raised = findings;
        if let Some(at) = SCALE.iter().position(|s| *s == raised[0].severity) {
            raised[0].severity = SCALE[(at + step).min(SCALE.len() - 1)];
        }
        worsened(&before, &run(&policy, &waivers, &raised, &entries))?;
    }

    #[test]
    fn knowing_less_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 1..6), which in any::<prop::sample::Index>(),
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let mut less = findings;
        let first = &mut less[0];
        match Selector::variations(true).get(which.index(Selector::variations(true).len() + 1)) {
            Some(vary) => vary(first, 0),
            None => first.first_seen = None,
        }
        worsened(&before, &run(&policy, &waivers, &less, &entries))?;
    }

    #[test]
    fn missing_evidence_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..6),
        there in prop::array::uniform3(any::<bool>()), lost in 0..3usize,
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let waivers = waivers(&policy, &written);
        let before = run(&policy, &waivers, &findings, &names(&there));
        let mut fewer = there;
        fewer[lost] = false;
        let after = run(&policy, &waivers, &findings, &names(&fewer));
        prop_assert!(after.verdict >= before.verdict);
        prop_assert!(fewer == [true; 3] || after.verdict == Outcome::Fail);
    }

    #[test]
    fn a_lost_feed_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..6), kev in any::<bool>(),
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let blind: Vec<Finding> = findings
            .iter()
            .cloned()
            .map(|finding| if kev { Finding { kev: None, ..finding } } else { Finding { epss: None, ..finding } })
            .collect();
        let lost = if kev { ["e"] } else { ["k"] };
        let after = run_with(&policy, &waivers, &blind, &entries, &lost, Vex::default());
        worsened(&before, &after)?;
        // Whoever asks what nobody knows is never at ease.
        for (rule, is) in policy.rules.iter().zip(&after.rules) {
            let policy::Subject::Findings(selector) = &rule.subject else { continue };
            let asks = selector.needs(if kev { policy::Feed::Kev } else { policy::Feed::Epss });
            let least = if rule.then == policy::Action::Warn { Outcome::Warn } else { Outcome::Review };
            prop_assert!(!asks || is.outcome >= least);
        }
    }

    #[test]
    fn a_worse_feed_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 1..6), more in 0.0..1.0f64,
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let mut worse = findings;
        worse[0].epss = worse[0].epss.map(|epss| epss.max(more));
        worse[0].kev = Some(true);
        let after = run(&policy, &waivers, &worse, &entries);
        prop_assert!(after.verdict >= before.verdict || policy.rules.iter().any(is_odd));
    }

    #[test]
    fn a_statement_less_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..8),
        said in prop::collection::vec(statement(), 1..12), lost in any::<prop::sample::Index>(),
        written in prop::collection::vec(exception(), 0..4),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let all = |said: &[VexStatement]| run_with(&policy, &waivers, &findings, &entries, &["k", "e"], vex(said));
        let before = all(&said);
        let mut fewer = said.clone();
        let gone = fewer.remove(lost.index(said.len()));
        // Whoever takes back that a product is affected lifts nothing, but another may then.
        if gone.status == VexStatus::NotAffected {
            worsened(&before, &all(&fewer))?;
        } else {
            worsened(&all(&fewer), &before)?;
        }
        // Whatever is lifted is still there.
        let none = run(&policy, &[], &findings, &entries);
        for (rule, bare) in before.rules.iter().zip(&none.rules) {
            prop_assert_eq!(rule.count + rule.waived + rule.vexed, bare.count);
        }
        prop_assert_eq!(
            before.findings.iter().map(|p| p.witnesses.len()).sum::<usize>(),
            none.findings.iter().map(|p| p.witnesses.len()).sum::<usize>()
        );
    }

    #[test]
    fn what_the_steps_clear_unblocks(
        policy in policy(), findings in prop::collection::vec(finding(), 0..9),
        written in prop::collection::vec(exception(), 0..3),
    ) {
        let (entries, waivers) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &waivers, &findings, &entries);
        let plan = &before.unblock;
        prop_assert_eq!(plan.steps.is_empty(), before.verdict == Outcome::Pass);
        prop_assert!(plan.clears <= plan.stops, "{:?}", plan);
        let cleared: Vec<Fingerprint> = plan.steps.iter().flat_map(|step| step.findings.clone()).collect();
        let left: Vec<Finding> =
            findings.iter().filter(|f| !cleared.contains(&f.fingerprint)).cloned().collect();
        let after = run(&policy, &waivers, &left, &entries);
        prop_assert_eq!(after.verdict, Outcome::Pass, "{:?}", plan);
    }

    #[test]
    fn a_waiver_less_never_helps(
        policy in policy(), findings in prop::collection::vec(finding(), 0..8),
        written in prop::collection::vec(exception(), 1..5), lost in any::<prop::sample::Index>(),
    ) {
        let (entries, all) = (names(&[true; 3]), waivers(&policy, &written));
        let before = run(&policy, &all, &findings, &entries);
        let mut fewer = all.clone();
        fewer.remove(lost.index(all.len()));
        worsened(&before, &run(&policy, &fewer, &findings, &entries))?;
        // Whatever is waived is still there: counted or waived, never gone.
        let none = run(&policy, &[], &findings, &entries);
        for (rule, bare) in before.rules.iter().zip(&none.rules) {
            prop_assert_eq!(rule.count + rule.waived, bare.count);
            prop_assert_eq!(bare.waived, 0);
        }
        prop_assert_eq!(
            before.findings.iter().map(|p| p.witnesses.len()).sum::<usize>(),
            none.findings.iter().map(|p| p.witnesses.len()).sum::<usize>()
        );
    }
}

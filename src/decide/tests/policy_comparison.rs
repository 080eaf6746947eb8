//! What is called stricter never improves a verdict: over generated policies, changes of them, children that extend
//! them, findings and waivers.

use std::fmt::Write as _;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::monotonicity::{ALLOW, Exception, exception, finding, load_allowing, names, run, try_waivers};
use crate::decide::{Decision, Outcome};
use crate::finding::Finding;
use crate::finding::hex;
use crate::policy::{self, Policy, compare};

/// Parts of a policy, as texts; `None` leaves the key out.
#[derive(Debug, Clone)]
struct Plan {
    enforcement: Option<&'static str>,
    unknown: &'static str,
    map: Vec<&'static str>,
    entries: [(Option<&'static str>, Option<&'static str>); 3],
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    selectors: [Option<&'static str>; 4],
    then: &'static str,
    allow: &'static str,
    waivable: bool,
    from: Option<&'static str>,
    when: Option<&'static str>,
    unknown: Option<&'static str>,
}

const ENFORCEMENT: &[Option<&str>] = &[None, None, Some("blocking"), Some("advisory")];
const UNKNOWN: &[&str] = &["critical", "high", "low"];
const MAP: &[&str] = &[
    "{tool: tool, severity: unknown, as: medium}",
    "{tool: tool, severity: low, as: high}",
    "{rule_id: rule-1*, as: info}",
    "{rule_id: rule-3, category: secret}",
];
const REQUIRED: &[Option<&str>] = &[None, Some("true"), Some("false")];
const SCANNED: &[Option<&str>] = &[None, Some("fail"), Some("warn")];
const SEVERITY: &[Option<&str>] = &[
    None,
    Some("severity: critical"),
    Some("severity: high"),
    Some("severity: low"),
    Some("severity: [high, low]"),
];
const CATEGORY: &[Option<&str>] =
    &[None, Some("category: sast"), Some("category: [sast, secret]"), Some("category: vulnerability")];
const ATTRIBUTE: &[Option<&str>] = &[
    None,
    Some("fix: available"),
    Some("fix: [available, none]"),
    Some("kev: true"),
    Some("epss: 0.5"),
    Some("epss: 0.2"),
    Some("age: 10d"),
    Some("confidence: high"),
    Some("confidence: low"),
    Some("scope: production"),
    Some("rule_id: rule-1*"),
    Some("rule_id: [rule-1*, rule-2]"),
    Some("package: p1"),
    Some("where: \"@.category == 'sast'\""),
    Some("any: [{severity: critical}, {kev: true}]"),
    Some("any: [{severity: high}, {kev: true}, {fix: none}]"),
    Some("reachable: yes"),
    Some("reachable: [yes, unknown]"),
    Some("cwe: injection"),
    Some("cwe: [79, 89]"),
    Some("owasp: A03"),
    Some("cvss: {at_least: 7.0}"),
    Some("cvss: {at_least: 9.0, version: [4.0, 3.1]}"),
    Some("published_within: 30d"),
    Some("published_within: 7d"),
    Some("fix_available_for: 14d"),
    Some("fix_available_for: 20d"),
    Some("ecosystem: [npm, pypi]"),
    Some("ecosystem: npm"),
    Some("purl: \"pkg:npm/*\""),
    Some("end_of_life: true"),
    Some("maintained: false"),
];
const ASIDE: &[Option<&str>] = &[
    None,
    None,
    None,
    Some("match"),
    Some("review"),
    Some("ignore"),
    Some("{fix: ignore}"),
    Some("{kev: review}"),
];
const NOT: &[Option<&str>] = &[
    None,
    None,
    Some("not: {scope: development}"),
    Some("not: {scope: development, kev: false}"),
    Some("not: {fix: none}"),
    Some("not: {rule_id: [rule-4, rule-5]}"),
    Some("not: {rule_id: rule-4}"),
    Some("not: {severity: medium}"),
    Some("not: [{rule_id: rule-4}, {scope: development}]"),
    Some("not: [{scope: development}, {rule_id: [rule-4, rule-5]}]"),
    Some("not: {reachable: no}"),
    Some("not: {ecosystem: npm}"),
];
const THEN: &[&str] = &["fail", "review", "warn"];
const FROM: &[Option<&str>] = &[None, None, Some("2026-01-01"), Some("2027-01-01")];
const WHEN: &[Option<&str>] = &[None, None, Some("[a, b]"), Some("a"), Some("b")];

fn of<T: Clone + std::fmt::Debug + 'static>(list: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(list)
}

fn rule() -> impl Strategy<Value = Rule> {
    let selectors = (of(SEVERITY), of(CATEGORY), of(ATTRIBUTE), of(NOT));
    (selectors, of(THEN), of(ALLOW), any::<bool>(), of(FROM), of(WHEN), of(ASIDE)).prop_map(
        |((severity, category, attribute, not), then, allow, waivable, from, when, unknown)| Rule {
            selectors: [severity, category, attribute, not],
            then,
            allow,
            waivable,
            from,
            when,
            unknown,
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let entry = || (of(REQUIRED), of(SCANNED));
    let entries = [entry(), entry(), entry()];
    (
        of(ENFORCEMENT),
        of(UNKNOWN),
        prop::sample::subsequence(MAP.to_vec(), 0..3),
        entries,
        prop::collection::vec(rule(), 1..4),
    )
        .prop_map(|(enforcement, unknown, map, entries, rules)| Plan {
            enforcement,
            unknown,
            map,
            entries,
            rules,
        })
}

/// A plan, and the same with a few parts taken from another.
fn change() -> impl Strategy<Value = (Plan, Plan)> {
    (plan(), plan(), prop::collection::vec((0..12u8, any::<prop::sample::Index>()), 1..4)).prop_map(
        |(before, other, parts)| {
            let mut after = before.clone();
            for (part, index) in parts {
                let from = index.get(&other.rules).clone();
                let at = index.index(after.rules.len());
                let rule = &mut after.rules[at];
                match part {
                    0 => after.enforcement = other.enforcement,
                    1 => after.unknown = other.unknown,
                    2 => after.map = other.map.clone(),
                    3 => after.entries[at % 3] = other.entries[at % 3],
                    4 => after.rules.push(from),
                    5 => rule.then = from.then,
                    6 => rule.allow = from.allow,
                    7 => rule.waivable = from.waivable,
                    8 => (rule.from, rule.when, rule.unknown) = (from.from, from.when, from.unknown),
                    part => rule.selectors[usize::from(part) - 9] = from.selectors[usize::from(part) - 9],
                }
            }
            (before, after)
        },
    )
}

fn text(plan: &Plan) -> String {
    let mut text = String::from("version: 1\ngate: merge\nwaivers: {max_duration: 90d}\n");
    text += "parameters: {environment: {one_of: [a, b, c]}}\nbase: {from: base-report, without: warn}\n";
    text += &plan.enforcement.map_or_else(String::new, |word| format!("enforcement: {word}\n"));
    let map = if plan.map.is_empty() { String::new() } else { format!(", map: [{}]", plan.map.join(", ")) };
    let _ = writeln!(text, "severity: {{unknown: {}{map}}}\nevidence:", plan.unknown);
    let kinds = [("a", "sast"), ("b", "secret"), ("c", "vulnerability")];
    for ((name, category), (required, scanned)) in kinds.iter().zip(plan.entries) {
        let required = required.map_or_else(String::new, |word| format!(", required: {word}"));
        let scanned = scanned.map_or_else(String::new, |word| format!(", nothing_scanned: {word}"));
        let _ = writeln!(text, "  {name}: {{category: {category}, files: [{name}.json]{required}{scanned}}}");
    }
    text += "  k: {feed: kev, files: [k.json]}\n  e: {feed: epss, files: [e.csv]}\n";
    text += "rules:\n  - {id: always, findings: {category: sast, severity: info}, then: warn}\n";
    for (index, rule) in plan.rules.iter().enumerate() {
        let selectors: Vec<&str> = rule.selectors.iter().copied().flatten().collect();
        let Rule { then, allow, waivable, .. } = rule;
        let waivable = *waivable && *allow != "{base: same}";
        let from = rule.from.map_or_else(String::new, |day| format!(", from: {day}"));
        let when = rule.when.map_or_else(String::new, |values| format!(", when: {{environment: {values}}}"));
        let unknown = rule.unknown.map_or_else(String::new, |word| format!(", unknown: {word}"));
        let findings = selectors.join(", ");
        let _ = writeln!(
            text,
            "  - {{id: r{index}, findings: {{{findings}}}, then: {then}, allow: {allow}, waivable: {waivable}{from}{when}{unknown}}}"
        );
    }
    text
}

fn load(text: &str) -> Policy {
    load_allowing(text)
}

/// A change that passes the one may pass the other; never the other way round.
fn no_better(before: &Decision, after: &Decision) -> Result<(), TestCaseError> {
    // Where nothing could be looked at there is no verdict that another rule could improve.
    if before.errors.is_empty() {
        prop_assert!(after.verdict >= before.verdict, "{:?} became {:?}", before.verdict, after.verdict);
        prop_assert!(before.exit_code == 0 || after.exit_code != 0, "{} became 0", before.exit_code);
    }
    Ok(())
}

fn same_inputs(
    before: &Policy,
    after: &Policy,
    findings: &[Finding],
    there: [bool; 3],
    written: &[Exception],
) -> Result<(), TestCaseError> {
    let entries = names(&there);
    let Some(was) = try_waivers(before, written) else { return Ok(()) };
    let first = run(before, &was, findings, &entries);
    // Waivers that the stricter policy refuses are an error of the run.
    let Some(is) = try_waivers(after, written) else { return Ok(()) };
    no_better(&first, &run(after, &is, findings, &entries))
}

/// Clauses of a child, stricter or not, about rule `r0` and an entry; the texts stand for themselves.
const OVER: &[&str] = &[
    "then: fail",
    "then: review",
    "then: warn",
    "allow: 0",
    "allow: 1",
    "allow: 5",
    "allow: {base: same}",
    "allow: {per: path, count: 1}",
    "allow: {per: path, count: 0}",
    "waivable: false",
    "waivable: true",
    "from: 2026-02-01",
    "when: {environment: [a, b, c]}",
    "unknown: match",
    "unknown: review",
    "unknown: ignore",
];
const ENTRY: &[&str] = &[
    "required: true",
    "required: false",
    "nothing_scanned: fail",
    "nothing_scanned: review",
    "nothing_scanned: warn",
    "count: 2",
];
const TOP: &[&str] = &[
    "",
    "",
    "enforcement: blocking\n",
    "enforcement: advisory\n",
    "severity: {unknown: critical}\n",
    "severity: {map: [{severity: low, as: high}]}\n",
    "severity: {map: [{tool: tool, as: info}]}\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_looser_never_improves_a_verdict(
        (before, after) in change(), findings in prop::collection::vec(finding(), 0..8),
        there in prop::array::uniform3(any::<bool>()), written in prop::collection::vec(exception(), 0..3),
    ) {
        let (before, after) = (load(&text(&before)), load(&text(&after)));
        if compare::policies(&before, &after).is_empty() {
            same_inputs(&before, &after, &findings, there, &written)?;
        }
    }

    #[test]
    fn a_child_that_is_accepted_never_improves_a_verdict(
        parent in plan(), over in of(OVER), entry in of(ENTRY), top in of(TOP), own in prop::option::of(rule()),
        findings in prop::collection::vec(finding(), 0..8), there in prop::array::uniform3(any::<bool>()),
        written in prop::collection::vec(exception(), 0..3),
    ) {
        let parent = text(&parent);
        let digest = hex(&Sha256::digest(&parent));
        let own = own.map_or_else(String::new, |rule| {
            let selectors: Vec<&str> = rule.selectors.iter().copied().flatten().collect();
            format!("  - {{id: own, findings: {{{}}}, then: {}}}\n", selectors.join(", "), rule.then)
        });
        let child = format!(
            "version: 1\ngate: merge\nextends: {{file: p.yaml, sha256: {digest}}}\n{top}evidence: {{a: {{{entry}}}}}\n\
             rules:\n  - {{id: r0, {over}}}\n{own}"
        );
        let read = policy::load_with("c.yaml", child.as_bytes(), &mut |_| Ok(("p.yaml".to_owned(), parent.clone().into_bytes())));
        if let Ok(child) = read {
            same_inputs(&load(&parent), &child, &findings, there, &written)?;
        }
    }
}

#[test]
fn half_of_the_changes_are_told_apart() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let stricter = (0..200)
        .filter(|_| {
            let (before, after) = change().new_tree(&mut runner).unwrap().current();
            compare::policies(&load(&text(&before)), &load(&text(&after))).is_empty()
        })
        .count();
    // Neither test above would say anything if nearly all, or hardly any, were called looser.
    assert!((40..160).contains(&stricter), "{stricter} of 200");
    assert!(Outcome::Fail > Outcome::Review);
}

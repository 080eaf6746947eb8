//! Rules: bad blockers, what has a fix, and what is old; advisories, and the upgrade that clears most.

use std::cmp::Reverse;

use super::many;
use crate::fleet::{Fleet, RuleUse, UpgradeUse};
use crate::render::fleet::table::{FleetBar, FleetCell, FleetTable, bars};

/// Bars of a chart.
const BARS: usize = 15;
/// Runs in which a rule has to have looked before it is called one that always fires.
const ENOUGH: u64 = 5;

/// What is odd about a rule.
fn remark(used: &RuleUse) -> &'static str {
    match (used.looked(), used.fired()) {
        (0, _) => "never_looked",
        (_, 0) => "never_fires",
        (looked, fired) if looked == fired && looked >= ENOUGH => "always_fires",
        _ => "",
    }
}

pub(super) fn tables(fleet: &Fleet) -> Vec<FleetTable> {
    let mut rules: Vec<_> = fleet.rules.rules.iter().collect();
    rules.sort_by_key(|((gate, rule), used)| (gate.clone(), Reverse(used.fail), rule.clone()));
    let row = |((gate, rule), used): &(&(String, String), &RuleUse)| {
        vec![
            FleetCell::Name(gate.clone()),
            FleetCell::Name(rule.clone()),
            FleetCell::Colored(remark(used)),
            FleetCell::count(used.looked()),
            FleetCell::count(used.fail),
            FleetCell::count(used.review),
            FleetCell::count(used.warn),
            FleetCell::count(used.error),
            FleetCell::count(used.blind),
            FleetCell::Share(used.fired(), used.looked()),
            FleetCell::count(used.alone),
        ]
    };
    let several = fleet.verdicts.gates.len() > 1;
    let chart =
        rules.iter().filter(|(_, used)| used.looked() > 0).take(BARS).map(|((gate, rule), used)| FleetBar {
            name: if several { format!("{gate}/{rule}") } else { rule.clone() },
            parts: vec![used.fail, used.review, used.error, used.warn, used.pass],
        });
    let parts = [
        ("fail", "fail"),
        ("review", "review"),
        ("error", "error"),
        ("warn", "warn"),
        ("pass", "said nothing"),
    ];
    vec![
        FleetTable {
            id: "rules",
            heading: "How each is used",
            about: "A rule that never fires, or always does, decides nothing. It is alone in runs that \
             no other rule stops."
                .to_owned(),
            columns: vec![
                "gate",
                "rule",
                "note",
                "looked",
                "fail",
                "review",
                "warn",
                "error",
                "nothing to look at",
                "share that fires",
                "alone",
            ],
            rows: rules.iter().map(row).collect(),
            shown: 100,
            chart: bars(false, &parts, chart.collect()),
            empty: "No rule looked at anything.",
        },
        blockers(&rules),
        pairs(fleet),
    ]
}

/// What rules block.
fn blockers(rules: &[(&(String, String), &RuleUse)]) -> FleetTable {
    let row = |((gate, rule), used): &&(&(String, String), &RuleUse)| {
        let days = i64::try_from(used.different).ok().and_then(|different| used.days.checked_div(different));
        vec![
            FleetCell::Name(gate.clone()),
            FleetCell::Name(rule.clone()),
            FleetCell::count(used.blockers),
            FleetCell::Share(used.with_fix, used.blockers),
            FleetCell::Share(used.old, used.of_request),
            FleetCell::count(used.different),
            FleetCell::Count(Some(used.days)),
            FleetCell::Count(days),
            FleetCell::count(used.waived),
        ]
    };
    let blocking: Vec<_> = rules.iter().filter(|(_, used)| used.blockers + used.waived > 0).collect();
    let bar = |((_, rule), used): &&&(&(String, String), &RuleUse)| FleetBar {
        name: rule.clone(),
        parts: vec![used.with_fix, used.blockers - used.with_fix],
    };
    FleetTable {
        id: "rules-blockers",
        heading: "What each blocks",
        about: "A blocker is a finding that a failing rule counted, once a run. It is old debt where an \
         earlier merge request of the repository had it. Days are between the first and the last \
         run that a finding blocked."
            .to_owned(),
        columns: vec![
            "gate",
            "rule",
            "blockers",
            "with a fix",
            "old debt",
            "different",
            "days in all",
            "days each",
            "waived",
        ],
        chart: bars(
            false,
            &[("pass", "with a fix"), ("fail", "without")],
            blocking.iter().take(BARS).map(|one| bar(&one)).collect(),
        ),
        rows: blocking.iter().map(row).collect(),
        shown: 100,
        empty: "No rule blocked anything.",
    }
}

/// Rules that fail together.
fn pairs(fleet: &Fleet) -> FleetTable {
    let fails = |gate: &str, rule: &str| {
        fleet.rules.rules.get(&(gate.to_owned(), rule.to_owned())).map_or(0, |used| used.fail)
    };
    let mut all: Vec<_> = fleet
        .rules
        .pairs
        .iter()
        .map(|(pair, together)| {
            let either = fails(&pair.gate, &pair.one) + fails(&pair.gate, &pair.other) - together;
            (pair, *together, either)
        })
        .collect();
    // Shares are compared without division.
    all.sort_by(|(a, a_both, a_either), (b, b_both, b_either)| {
        let (left, right) =
            (u128::from(*b_both) * u128::from(*a_either), u128::from(*a_both) * u128::from(*b_either));
        left.cmp(&right).then(b_both.cmp(a_both)).then_with(|| a.cmp(b))
    });
    FleetTable {
        id: "rules-together",
        heading: "Rules that fail together",
        about: "Two rules that only ever fail in the same runs are one rule. The share is of the runs in \
         which either fails."
            .to_owned(),
        columns: vec!["gate", "one", "other", "runs", "share", "note"],
        rows: all
            .iter()
            .map(|(pair, together, either)| {
                vec![
                    FleetCell::Name(pair.gate.clone()),
                    FleetCell::Name(pair.one.clone()),
                    FleetCell::Name(pair.other.clone()),
                    FleetCell::count(*together),
                    FleetCell::Share(*together, *either),
                    FleetCell::Colored(if together == either && *together >= ENOUGH {
                        "always_together"
                    } else {
                        ""
                    }),
                ]
            })
            .collect(),
        shown: 20,
        chart: None,
        empty: "No two rules ever failed in the same run.",
    }
}

/// The upgrade that clears most, in a sentence; the first is the best.
fn best_upgrade(upgrades: &[(&String, &UpgradeUse)]) -> String {
    if let Some((package, used)) = upgrades.first().filter(|(_, used)| !used.now.is_empty()) {
        let versions: Vec<&str> = used.versions.iter().map(String::as_str).collect();
        let to = if versions.is_empty() { String::new() } else { format!(" to {}", versions.join(" or ")) };
        return format!(
            "The one upgrade that clears most is that of {package}{to}: it alone lets the latest run of {} through.",
            many(used.now.len() as u64, "repository", "repositories")
        );
    }
    let most = upgrades.iter().max_by_key(|(_, used)| used.only_blocker).map(|(package, used)| {
        let runs = many(used.only_blocker, "run", "runs");
        format!("; that of {package} would clear every finding that failed in {runs}")
    });
    format!("No upgrade of one package alone lets a latest run through{}.", most.unwrap_or_default())
}

/// Advisories that block most, and upgrades.
pub(super) fn advisories(fleet: &Fleet) -> Vec<FleetTable> {
    let mut upgrades: Vec<_> = fleet.advisories.upgrades.iter().collect();
    upgrades.sort_by_key(|(package, used)| {
        (Reverse((used.now.len(), used.lets_through, used.only_blocker)), (*package).clone())
    });
    let best = best_upgrade(&upgrades);
    let mut advisories: Vec<_> = fleet.advisories.advisories.iter().collect();
    advisories.sort_by_key(|(key, used)| (Reverse((used.runs, used.now.len())), (*key).clone()));
    let bar = |((advisory, package), used): &(&(String, String), &crate::fleet::AdvisoryUse)| FleetBar {
        name: format!("{advisory} {package}"),
        parts: vec![used.runs],
    };
    vec![
        FleetTable {
            id: "advisories",
            heading: "Advisories that block most runs",
            about: "Runs with a rule that failed and counted the advisory.".to_owned(),
            columns: vec!["advisory", "package", "runs", "repositories", "block now", "runs with a fix"],
            chart: bars(false, &[("fail", "runs")], advisories.iter().take(BARS).map(bar).collect()),
            rows: advisories
                .iter()
                .map(|((advisory, package), used)| {
                    vec![
                        FleetCell::Name(advisory.clone()),
                        FleetCell::Name(package.clone()),
                        FleetCell::count(used.runs),
                        FleetCell::number(used.projects.len()),
                        FleetCell::number(used.now.len()),
                        FleetCell::Share(used.fixable, used.runs),
                    ]
                })
                .collect(),
            shown: 30,
            empty: "No advisory blocked a run.",
        },
        FleetTable {
            id: "upgrades",
            heading: "Upgrades of one package",
            about: best,
            columns: vec![
                "package",
                "lets through now",
                "to",
                "let through",
                "only package that blocks",
                "repositories now, up to five",
            ],
            chart: bars(
                false,
                &[("pass", "repositories now"), ("none", "runs earlier")],
                upgrades
                    .iter()
                    .take(BARS)
                    .map(|(package, used)| {
                        let now = used.now.len() as u64;
                        FleetBar {
                            name: (*package).clone(),
                            parts: vec![now, used.lets_through.saturating_sub(now)],
                        }
                    })
                    .collect(),
            ),
            rows: upgrades
                .iter()
                .map(|(package, used)| {
                    let now: Vec<&str> = used.now.iter().map(String::as_str).take(5).collect();
                    let versions: Vec<&str> = used.versions.iter().map(String::as_str).collect();
                    vec![
                        FleetCell::Name((*package).clone()),
                        FleetCell::number(used.now.len()),
                        FleetCell::Name(versions.join(", ")),
                        FleetCell::count(used.lets_through),
                        FleetCell::count(used.only_blocker),
                        FleetCell::Name(now.join(", ")),
                    ]
                })
                .collect(),
            shown: 30,
            empty: "No run was blocked by one package with a fix alone.",
        },
    ]
}

//! Verdicts by repository, team, gate and month; and how long reviews wait.

use std::collections::BTreeMap;

use crate::decide::Outcome;
use crate::fleet::{Fleet, LatestRun, ReviewSpan, VerdictCounts};
use crate::render::fleet::table::{FleetBar, FleetCell, FleetTable, bars};

/// Parts of a chart of verdicts, in the order of their columns.
const PARTS: [(&str, &str); 4] =
    [("fail", "fail"), ("error", "error"), ("review", "review"), ("pass", "pass")];
/// Bars of a chart.
const BARS: usize = 15;

fn parts(counts: VerdictCounts) -> Vec<u64> {
    vec![counts.fail, counts.error, counts.review, counts.pass]
}

fn cells(name: FleetCell, counts: VerdictCounts) -> Vec<FleetCell> {
    let mut row = vec![name, FleetCell::count(counts.total())];
    row.extend(parts(counts).into_iter().map(FleetCell::count));
    row.push(FleetCell::Share(counts.fail, counts.total()));
    row
}

pub(super) fn tables(fleet: &Fleet) -> Vec<FleetTable> {
    let columns = |first| vec![first, "runs", "fail", "error", "review", "pass", "share that fails"];
    let chart = |upright, named: Vec<(&String, VerdictCounts)>| {
        let all =
            named.into_iter().map(|(name, counts)| FleetBar { name: name.clone(), parts: parts(counts) });
        bars(upright, &PARTS, all.collect())
    };
    let verdicts = &fleet.verdicts;
    let months: Vec<_> = verdicts.months.iter().map(|(month, counts)| (month, *counts)).collect();
    let mut teams: Vec<_> = verdicts.teams.iter().collect();
    teams.sort_by_key(|(name, team)| (std::cmp::Reverse(team.counts.fail), (*name).clone()));
    let gates: Vec<_> = verdicts.gates.iter().map(|(gate, counts)| (gate, *counts)).collect();
    let team_row = |(name, team): &(&String, &crate::fleet::TeamVerdicts)| {
        let mut row = cells(FleetCell::Words((*name).clone()), team.counts);
        row.push(FleetCell::number(team.projects.len()));
        row.push(FleetCell::number(team.projects.values().filter(|blocked| **blocked).count()));
        row
    };
    vec![
        FleetTable {
            id: "verdicts-by-month",
            heading: "By month",
            about: "Runs by the month in which they ran.".to_owned(),
            columns: columns("month"),
            rows: months
                .iter()
                .rev()
                .map(|(name, counts)| cells(FleetCell::Written((*name).clone()), *counts))
                .collect(),
            shown: 24,
            chart: chart(true, months.iter().rev().take(24).rev().copied().collect()),
            empty: "No run has a time.",
        },
        FleetTable {
            id: "verdicts-by-team",
            heading: "By team",
            about: "The teams whose runs fail most come first.".to_owned(),
            columns: [&columns("team")[..], &["repositories", "repositories that failed"]].concat(),
            rows: teams.iter().map(team_row).collect(),
            shown: 30,
            chart: chart(false, teams.iter().take(BARS).map(|(name, team)| (*name, team.counts)).collect()),
            empty: "No run names a team.",
        },
        FleetTable {
            id: "verdicts-by-gate",
            heading: "By gate",
            about: "The gates that the policies are for.".to_owned(),
            columns: columns("gate"),
            rows: gates
                .iter()
                .map(|(name, counts)| cells(FleetCell::Name((*name).clone()), *counts))
                .collect(),
            shown: 20,
            chart: chart(false, gates.clone()),
            empty: "There is no gate.",
        },
    ]
}

/// Repositories, the worst first.
pub(super) fn repositories(fleet: &Fleet) -> FleetTable {
    let mut latest: BTreeMap<&str, Vec<&LatestRun>> = BTreeMap::new();
    for run in &fleet.latest {
        latest.entry(&run.of.project).or_default().push(run);
    }
    let now = |project: &str| latest.get(project).map(Vec::as_slice).unwrap_or_default();
    let mut projects: Vec<_> = fleet.verdicts.projects.iter().collect();
    projects.sort_by_cached_key(|(name, told)| {
        let worst = now(name).iter().map(|run| run.verdict).max();
        (std::cmp::Reverse(worst), std::cmp::Reverse(told.counts.fail), (*name).clone())
    });
    let rows = projects.iter().map(|(name, told)| {
        let runs = now(name);
        let worst = runs.iter().map(|run| run.verdict).max();
        let blocking = runs.iter().flat_map(|run| &run.open).filter(|finding| finding.blocks()).count();
        let old: u64 = runs.iter().map(|run| run.states[0]).sum();
        let counts = told.counts;
        vec![
            FleetCell::Repository((*name).clone()),
            FleetCell::Words(told.team.clone()),
            worst.map_or(FleetCell::Words(String::new()), |word| FleetCell::Colored(word.as_str())),
            FleetCell::Day(runs.iter().filter_map(|run| run.time).max()),
            FleetCell::number(blocking),
            FleetCell::count(old),
            FleetCell::Count(runs.iter().filter_map(|run| run.oldest_days).max()),
            FleetCell::count(counts.total()),
            FleetCell::Share(counts.fail, counts.total()),
            FleetCell::Day(told.last_pass),
        ]
    });
    FleetTable {
        id: "verdicts-by-repository",
        heading: "Verdicts by repository",
        about: "The latest run of each gate, the worst first. Old debt is what was there before the \
         change; the age is that of the oldest finding, since a baseline or its advisory knew it."
            .to_owned(),
        columns: vec![
            "repository",
            "team",
            "latest",
            "on",
            "block now",
            "old debt",
            "oldest, days",
            "runs",
            "share that fails",
            "last pass",
        ],
        rows: rows.collect(),
        shown: 1000,
        chart: bars(
            false,
            &PARTS,
            projects
                .iter()
                .take(BARS)
                .map(|(name, told)| FleetBar { name: (*name).clone(), parts: parts(told.counts) })
                .collect(),
        ),
        empty: "There is no repository.",
    }
}

/// Reviews by who is asked, and those that wait.
pub(super) fn reviews(fleet: &Fleet) -> Vec<FleetTable> {
    let mut by: BTreeMap<String, Vec<&ReviewSpan>> = BTreeMap::new();
    for span in &fleet.reviews.spans {
        let who = if span.reviewers.is_empty() {
            "(nobody is named)".to_owned()
        } else {
            span.reviewers.join(", ")
        };
        by.entry(who).or_default().push(span);
    }
    let hours = |seconds: i64| FleetCell::Count(Some(seconds / 3600));
    let rows: Vec<Vec<FleetCell>> = by
        .iter()
        .map(|(who, spans)| {
            let mut ended: Vec<i64> =
                spans.iter().filter(|span| span.ended.is_some()).map(|span| span.seconds).collect();
            ended.sort_unstable();
            let waiting = spans.iter().filter(|span| span.ended.is_none());
            let answered = spans.iter().filter(|span| span.answered).count();
            vec![
                FleetCell::Name(who.clone()),
                FleetCell::number(spans.len()),
                FleetCell::number(answered),
                FleetCell::number(ended.len() - answered),
                FleetCell::number(waiting.clone().count()),
                FleetCell::Count(ended.get(ended.len() / 2).map(|seconds| seconds / 3600)),
                FleetCell::Count(ended.last().map(|seconds| seconds / 3600)),
                FleetCell::Count(waiting.map(|span| span.seconds / 3600).max()),
            ]
        })
        .collect();
    let chart = by.iter().map(|(who, spans)| {
        let answered = spans.iter().filter(|span| span.answered).count() as u64;
        let ended = spans.iter().filter(|span| span.ended.is_some()).count() as u64;
        FleetBar { name: who.clone(), parts: vec![spans.len() as u64 - ended, ended - answered, answered] }
    });
    let parts = [("review", "waiting"), ("none", "ended otherwise"), ("pass", "answered")];
    let span_row = |span: &ReviewSpan| {
        vec![
            FleetCell::Repository(span.of.project.clone()),
            FleetCell::Name(span.of.gate.clone()),
            FleetCell::Name(span.subject.clone()),
            FleetCell::Name(span.reviewers.join(", ")),
            FleetCell::Day(Some(span.since)),
            span.ended
                .map_or(FleetCell::Colored("waiting"), |(_, verdict)| FleetCell::Colored(verdict.as_str())),
            FleetCell::Words(match (span.ended, span.answered) {
                (None, _) => String::new(),
                (Some(_), true) => "yes".to_owned(),
                (Some(_), false) => "no".to_owned(),
            }),
            hours(span.seconds),
        ]
    };
    let (waiting, ended): (Vec<&ReviewSpan>, Vec<&ReviewSpan>) =
        fleet.reviews.spans.iter().partition(|span| span.ended.is_none());
    vec![
        FleetTable {
            id: "reviews",
            heading: "By who is asked",
            about: "A merge request, or a commit without one, waits from the first run that asks for a \
             review to the first that does not. It was answered where the same commit passed; \
             otherwise another commit came, or something else stopped it."
                .to_owned(),
            columns: vec![
                "asked",
                "reviews",
                "answered",
                "ended otherwise",
                "waiting",
                "median, hours",
                "longest, hours",
                "waits longest, hours",
            ],
            rows,
            shown: 30,
            chart: bars(false, &parts, chart.take(BARS).collect()),
            empty: "No run asked for a review.",
        },
        FleetTable {
            id: "review-waits",
            heading: "One by one",
            about: "Those that wait come first, the longest first.".to_owned(),
            columns: vec!["repository", "gate", "change", "asked", "since", "now", "answered", "hours"],
            rows: waiting.into_iter().chain(ended).map(span_row).collect(),
            shown: 30,
            chart: None,
            empty: "No run asked for a review.",
        },
    ]
}

/// A word of an outcome.
pub(super) fn outcome(outcome: Outcome) -> FleetCell {
    FleetCell::Colored(outcome.as_str())
}

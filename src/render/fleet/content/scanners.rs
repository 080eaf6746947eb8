//! Scanners by version; those that are dead, missing, silent or not trusted.

use std::cmp::Reverse;

use super::verdicts::outcome;
use crate::decide::Status;
use crate::fleet::{EntryFault, Fleet, ScannerUse};
use crate::render::fleet::table::{FleetBar, FleetCell, FleetTable, bars};

/// Versions of a chart.
const BARS: usize = 20;

/// A scanner's name and version.
type ScannerVersion = (String, String);

pub(super) fn tables(fleet: &Fleet) -> Vec<FleetTable> {
    let mut scanners: Vec<(&ScannerVersion, &ScannerUse)> = fleet.evidence.scanners.iter().collect();
    scanners
        .sort_by_key(|((tool, version), used)| (tool.clone(), Reverse(used.last), Reverse(version.clone())));
    let version = |version: &String| if version.is_empty() { "not said".to_owned() } else { version.clone() };
    let row = |((tool, of), used): &(&ScannerVersion, &ScannerUse)| {
        let silent = used.findings == 0;
        vec![
            FleetCell::Name(tool.clone()),
            FleetCell::Name(version(of)),
            FleetCell::count(used.runs),
            FleetCell::number(used.projects.len()),
            FleetCell::number(used.now.len()),
            FleetCell::count(used.findings),
            FleetCell::Day(used.first),
            FleetCell::Day(used.last),
            match (&used.distrust, silent) {
                (Some(_), _) => FleetCell::Colored("denied"),
                (None, true) => FleetCell::Colored("found_nothing_ever"),
                (None, false) => FleetCell::Words(String::new()),
            },
        ]
    };
    let denied = |((tool, of), used): &(&ScannerVersion, &ScannerUse)| {
        let why = used.distrust.clone()?;
        let repositories: Vec<&str> = used.now.iter().map(String::as_str).take(5).collect();
        Some(vec![
            FleetCell::Name(tool.clone()),
            FleetCell::Name(version(of)),
            FleetCell::Words(why),
            FleetCell::count(used.runs),
            FleetCell::count(used.let_through),
            FleetCell::number(used.projects.len()),
            FleetCell::number(used.now.len()),
            FleetCell::Day(used.last),
            FleetCell::Name(repositories.join(", ")),
        ])
    };
    let chart = scanners.iter().take(BARS).map(|((tool, of), used)| {
        let (now, all) = (used.now.len() as u64, used.projects.len() as u64);
        FleetBar { name: format!("{tool} {}", version(of)), parts: vec![now, all - now] }
    });
    let parts = [("pass", "repositories now"), ("none", "repositories earlier")];
    vec![
        FleetTable {
            id: "scanners",
            heading: "By version",
            about: "A repository uses what its latest run has a report of. A scanner that found nothing \
             in any run may not be looking."
                .to_owned(),
            columns: vec![
                "scanner",
                "version",
                "runs",
                "repositories",
                "now",
                "findings",
                "first run",
                "last run",
                "note",
            ],
            rows: scanners.iter().map(row).collect(),
            shown: 60,
            chart: bars(false, &parts, chart.collect()),
            empty: "No report names its scanner.",
        },
        FleetTable {
            id: "scanners-denied",
            heading: "Not trusted",
            about: "Scanners and versions that the policy denies, or that are too old for it (trust). Runs that \
                    rested on one and went on are let through; of a run without a recorded verdict, the policy says \
                    what it would have been.".to_owned(),
            columns: vec![
                "scanner",
                "version",
                "why",
                "runs",
                "let through",
                "repositories",
                "now",
                "last run",
                "repositories now, up to five",
            ],
            rows: scanners.iter().filter_map(denied).collect(),
            shown: 30,
            chart: None,
            empty: "Every scanner is one that the policy trusts.",
        },
        faults(&fleet.evidence.faults()),
        stopping(fleet),
    ]
}

/// What is dead or missing now.
fn faults(faults: &[EntryFault]) -> FleetTable {
    let row = |fault: &EntryFault| {
        let life = match (fault.status, fault.whole) {
            (_, 0) => "never_whole",
            (Status::Absent, _) => "missing",
            _ => "not_whole",
        };
        vec![
            FleetCell::Repository(fault.of.project.clone()),
            FleetCell::Name(fault.of.gate.clone()),
            FleetCell::Name(fault.entry.clone()),
            FleetCell::Colored(life),
            FleetCell::Words(fault.status.as_str().replace('_', " ")),
            outcome(fault.outcome),
            FleetCell::count(fault.whole),
            FleetCell::count(fault.runs),
            FleetCell::Day(fault.last_whole),
            FleetCell::Words(fault.message.clone()),
        ]
    };
    FleetTable {
        id: "evidence-missing",
        heading: "Dead and missing",
        about: "Evidence that the latest run of a repository lacks or could not use. What was whole in \
         no run comes first: that scanner is dead."
            .to_owned(),
        columns: vec![
            "repository",
            "gate",
            "evidence",
            "state",
            "status",
            "outcome",
            "whole in runs",
            "of runs",
            "last whole",
            "why",
        ],
        rows: faults.iter().map(row).collect(),
        shown: 40,
        chart: None,
        empty: "The evidence of every latest run is whole.",
    }
}

/// What evidence stops runs.
fn stopping(fleet: &Fleet) -> FleetTable {
    let mut all: Vec<_> = fleet.evidence.stopping.iter().collect();
    all.sort_by_key(|(key, runs)| (Reverse(**runs), (*key).clone()));
    let bar = |((gate, entry, status), runs): &(&(String, String, &'static str), &u64)| FleetBar {
        name: format!("{gate}: {entry} {}", status.replace('_', " ")),
        parts: vec![**runs],
    };
    FleetTable {
        id: "evidence-that-stops",
        heading: "Runs that evidence stopped",
        about: "Missing, broken or foreign evidence, by entry of the policy.".to_owned(),
        columns: vec!["gate", "evidence", "status", "times"],
        chart: bars(false, &[("fail", "runs")], all.iter().take(BARS).map(bar).collect()),
        rows: all
            .iter()
            .map(|((gate, entry, status), runs)| {
                vec![
                    FleetCell::Name(gate.clone()),
                    FleetCell::Name(entry.clone()),
                    FleetCell::Words(status.replace('_', " ")),
                    FleetCell::count(**runs),
                ]
            })
            .collect(),
        shown: 30,
        empty: "Evidence stopped no run.",
    }
}

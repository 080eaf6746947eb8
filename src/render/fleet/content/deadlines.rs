//! Deadlines: the oldest that are over, and the nearest.

use jiff::Timestamp;

use crate::fleet::{Fleet, LatestRun, OpenFinding, days_between};
use crate::render::fleet::table::{FleetBar, FleetCell, FleetTable, bars};

/// Whether the time of a finding that nothing lifts is over.
pub(super) fn is_overdue(finding: &OpenFinding, as_of: Option<Timestamp>) -> bool {
    finding.waiver.is_none() && finding.due_at.zip(as_of).is_some_and(|(due, now)| due < now)
}

/// Days until a deadline, negative where it is over.
fn days_left(due: Timestamp, as_of: Timestamp) -> i64 {
    days_between(as_of, due)
}

/// Where a deadline stands: name and first day that no longer belongs.
const BUCKETS: [(&str, i64); 6] = [
    ("over for more than 30 days", -30),
    ("over", 0),
    ("within 7 days", 7),
    ("within 14 days", 14),
    ("within 30 days", 30),
    ("later", i64::MAX),
];

pub(super) fn tables(fleet: &Fleet) -> Vec<FleetTable> {
    let mut all: Vec<(&LatestRun, &OpenFinding, Timestamp)> = Vec::new();
    for run in &fleet.latest {
        let open = run.open.iter().filter(|finding| finding.waiver.is_none());
        all.extend(open.filter_map(|finding| Some((run, finding, finding.due_at?))));
    }
    all.sort_by(|a, b| (a.2, &a.0.of, &a.1.check_id).cmp(&(b.2, &b.0.of, &b.1.check_id)));
    let now = fleet.as_of.unwrap_or_default();
    let mut counts = [0_u64; BUCKETS.len()];
    for (.., due) in &all {
        // One of today is over, or not.
        let left = days_left(*due, now);
        let left = if *due < now { left.min(-1) } else { left };
        let place = BUCKETS.iter().position(|(_, end)| left < *end).unwrap_or(BUCKETS.len() - 1);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let rows: Vec<Vec<FleetCell>> = all
        .iter()
        .map(|(run, finding, due)| {
            vec![
                FleetCell::Day(Some(*due)),
                FleetCell::Count(Some(days_left(*due, now))),
                FleetCell::Repository(run.of.project.clone()),
                FleetCell::Colored(finding.severity.as_str()),
                FleetCell::Name(finding.check_id.clone()),
                FleetCell::Name(place(finding)),
                FleetCell::Name(finding.rules.join(", ")),
                FleetCell::Name(finding.owners.join(", ")),
            ]
        })
        .collect();
    let bar =
        |((name, _), count): (&(&str, i64), u64)| FleetBar { name: (*name).to_owned(), parts: vec![count] };
    let classes = [("fail", "findings")];
    let table = |id, heading, about: &str, rows, chart, empty| FleetTable {
        id,
        heading,
        about: about.to_owned(),
        columns: vec!["due", "days left", "repository", "severity", "finding", "place", "rules", "owners"],
        rows,
        shown: 25,
        chart,
        empty,
    };
    let (over, ahead): (Vec<_>, Vec<_>) = rows.into_iter().zip(&all).partition(|(_, (.., due))| *due < now);
    let rows_of = |rows: Vec<(Vec<FleetCell>, _)>| rows.into_iter().map(|(row, _)| row).collect();
    vec![
        table(
            "deadlines-over",
            "The oldest",
            "Findings of latest runs whose time by the policy (due) is over; those that a waiver \
             lifts are left out.",
            rows_of(over),
            bars(false, &classes, BUCKETS.iter().zip(counts).map(bar).collect()),
            "No deadline is over.",
        ),
        table(
            "deadlines-next",
            "The nearest",
            "Findings whose time is not over yet, the next first.",
            rows_of(ahead),
            None,
            "No finding has a deadline ahead; the policy sets none, or all are over.",
        ),
    ]
}

/// The package with its version, else the file with its line.
pub(in crate::render::fleet) fn place(finding: &OpenFinding) -> String {
    match (&finding.package, &finding.package_version, &finding.path, finding.line) {
        (Some(package), Some(version), ..) => format!("{package} {version}"),
        (Some(package), None, ..) => package.clone(),
        (None, _, Some(path), Some(line)) => format!("{path}:{line}"),
        (None, _, Some(path), None) => path.clone(),
        (None, _, None, _) => String::new(),
    }
}

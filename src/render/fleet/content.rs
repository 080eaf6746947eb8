//! What the page of a fleet says: its figures, its parts, and their tables.

pub(super) mod deadlines;
mod rules;
mod scanners;
mod verdicts;
mod waivers;

use jiff::Timestamp;

use super::table::{FleetCell, FleetTable, day};
use crate::decide::Outcome;
use crate::finding::{clean_line, plural};
use crate::fleet::{Fleet, LatestRun};

/// What a page says.
pub(super) struct FleetContent<'f> {
    pub(super) title: String,
    pub(super) summary: String,
    /// Names and values, the most pressing first.
    pub(super) figures: Vec<(&'static str, String)>,
    /// What a reader must know of the figures.
    pub(super) notes: Vec<String>,
    /// Headings, each with its tables.
    pub(super) parts: Vec<(&'static str, Vec<FleetTable>)>,
    /// The latest runs, those that are stopped first.
    pub(super) latest: Vec<&'f LatestRun>,
}

impl<'f> FleetContent<'f> {
    pub(super) fn of_fleet(fleet: &'f Fleet) -> Self {
        let repositories = fleet.verdicts.projects.len() as u64;
        let time = |time: Option<Timestamp>| time.map_or_else(|| "an unknown time".to_owned(), day);
        let summary = format!(
            "{}, {} from {} to {}. Everything is told as of the last run.",
            many(repositories, "repository", "repositories"),
            plural(fleet.runs, "run"),
            time(fleet.first),
            time(fleet.as_of)
        );
        let mut latest: Vec<&LatestRun> = fleet.latest.iter().collect();
        let rank = |run: &LatestRun| (std::cmp::Reverse(run.verdict), run.of.clone());
        latest.sort_by_cached_key(|run| rank(run));
        Self {
            title: "Security gates of the fleet".to_owned(),
            summary,
            figures: figures(fleet),
            notes: notes(fleet),
            parts: vec![
                ("Verdicts", verdicts::tables(fleet)),
                ("Deadlines", deadlines::tables(fleet)),
                ("Advisories and upgrades", rules::advisories(fleet)),
                ("Waivers", waivers::tables(fleet)),
                ("Scanners", scanners::tables(fleet)),
                ("Rules", rules::tables(fleet)),
                ("Reviews", verdicts::reviews(fleet)),
                ("Repositories", vec![verdicts::repositories(fleet)]),
            ],
            latest,
        }
    }

    /// Every table, in the order of the page.
    pub(super) fn tables(&self) -> impl Iterator<Item = &FleetTable> {
        self.parts.iter().flat_map(|(_, tables)| tables)
    }
}

fn many(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// A few figures of now, for whoever reads no further.
fn figures(fleet: &Fleet) -> Vec<(&'static str, String)> {
    let count =
        |is: &dyn Fn(&LatestRun) -> bool| fleet.latest.iter().filter(|run| is(run)).count().to_string();
    let open = fleet.latest.iter().flat_map(|run| &run.open);
    let overdue = open.clone().filter(|finding| deadlines::is_overdue(finding, fleet.as_of)).count();
    let waivers = fleet.waivers.waivers.values().filter(|waiver| waiver.current);
    let waiting = fleet.reviews.spans.iter().filter(|span| span.ended.is_none()).count();
    let distrusted =
        fleet.evidence.scanners.values().filter(|one| one.distrust.is_some() && !one.now.is_empty());
    vec![
        ("stopped in the latest run", count(&|run| run.verdict == Outcome::Fail)),
        ("not decided in the latest run", count(&|run| run.verdict == Outcome::Error)),
        ("findings that block now", open.filter(|finding| finding.blocks()).count().to_string()),
        ("deadlines that are over", overdue.to_string()),
        ("waivers in the latest runs", waivers.count().to_string()),
        ("evidence missing or broken now", fleet.evidence.faults().len().to_string()),
        ("scanners in use that are not trusted", distrusted.count().to_string()),
        ("reviews that wait", waiting.to_string()),
    ]
}

fn notes(fleet: &Fleet) -> Vec<String> {
    let mut notes = vec![
        "What is open is what the latest decided run of a repository and gate tells, whichever its branch."
            .to_owned(),
    ];
    let policies: Vec<String> = fleet
        .policies
        .iter()
        .map(|(source, sha256)| format!("{} sha256:{sha256}", clean_line(source)))
        .collect();
    notes.push(format!("Decided by {}.", policies.join("; ")));
    if fleet.label != "A" {
        notes.push(format!("This is what the policy with the label {} says.", fleet.label));
    }
    for (number, what) in [
        (fleet.of_other_gate, "saved for another gate than the policy's; the policy's gate is told"),
        (fleet.unnamed, "without the name of a repository; all such are told as one"),
        (fleet.without_time, "without a time: counted, and never the latest of a repository"),
    ] {
        if number > 0 {
            let were = if number == 1 { "was" } else { "were" };
            notes.push(format!("{} {were} {what}.", plural(number, "run")));
        }
    }
    let not_shown = fleet.latest.iter().map(|run| run.not_shown).fold(0, u64::saturating_add);
    if not_shown > 0 {
        notes.push(format!(
            "Of {} the rows hold no details: `secgate replay --max-findings` keeps more.",
            many(not_shown, "match", "matches")
        ));
    }
    notes
}

/// Findings that are open in latest runs, whole.
pub(super) fn open_findings(fleet: &Fleet) -> FleetTable {
    let mut rows = Vec::new();
    for run in &fleet.latest {
        for one in &run.open {
            let name = |text: &Option<String>| FleetCell::Name(text.clone().unwrap_or_default());
            rows.push(vec![
                FleetCell::Name(run.of.project.clone()),
                FleetCell::Name(run.of.gate.clone()),
                FleetCell::Name(run.team.clone()),
                FleetCell::Name(run.decided_run.0.clone()),
                FleetCell::Name(one.fingerprint.to_string()),
                FleetCell::Name(one.rules.join(" ")),
                FleetCell::Colored(one.outcome.as_str()),
                FleetCell::Colored(one.category.as_str()),
                FleetCell::Colored(one.severity.as_str()),
                FleetCell::Colored(one.state.as_str()),
                FleetCell::Name(one.check_id.clone()),
                name(&one.advisory),
                name(&one.package),
                name(&one.package_version),
                name(&one.upgrade_to),
                FleetCell::Colored(one.fix.as_str()),
                name(&one.path),
                FleetCell::Count(one.line.map(i64::from)),
                FleetCell::Name(one.tool.clone()),
                FleetCell::Name(one.owners.join(" ")),
                name(&one.waiver),
                FleetCell::Count(one.age_days),
                FleetCell::Day(one.due_at),
            ]);
        }
    }
    FleetTable {
        id: "open-findings",
        heading: "Open findings",
        about: String::new(),
        columns: vec![
            "repository",
            "gate",
            "team",
            "run",
            "fingerprint",
            "rules",
            "outcome",
            "category",
            "severity",
            "state",
            "finding",
            "advisory",
            "package",
            "version",
            "to",
            "fix",
            "path",
            "line",
            "scanner",
            "owners",
            "waiver",
            "age, days",
            "due",
        ],
        rows,
        shown: 0,
        chart: None,
        empty: "",
    }
}

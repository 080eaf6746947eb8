//! FLEET: what months of runs of many repositories say together.
//!
//! The rows of `secgate replay` are read twice, run by run: first which run of each repository is its latest, then everything
//! else. What is kept grows with repositories, rules, waivers, scanners, and different findings; not with runs.

mod advisories;
mod evidence_life;
mod latest;
mod review_waits;
mod row;
mod rule_use;
mod source;
mod survey;
mod verdict_counts;
mod waiver_cost;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use thiserror::Error;

use crate::finding::clean;

pub use advisories::{AdvisoryUse, BlockingAdvisories, UpgradeUse};
pub use evidence_life::{EntryFault, EvidenceLife, ScannerUse};
pub use latest::{LatestRun, OpenFinding, RuleStatement, RunProof};
pub use review_waits::{ReviewSpan, ReviewWaits};
pub use rule_use::{RulePair, RuleUse, RuleUses, days_between};
pub use verdict_counts::{RepositoryVerdicts, TeamVerdicts, VerdictCounts, VerdictTables};
pub use waiver_cost::{HiddenFinding, WaiverCost, WaiverCosts};

use review_waits::WaitsReader;
use source::RowSource;
use survey::RunSurvey;

/// What stands for a project or a team that no run names.
pub const UNNAMED: &str = "(not named)";

/// Errors of reading a fleet.
#[derive(Debug, Error)]
pub enum FleetError {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The rows are not whole, or none.
    #[error("{0}")]
    Refused(String),
    /// A line is not what it has to be.
    #[error("{place}:{line}: {why}")]
    Row {
        /// The file.
        place: String,
        /// The line, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// The folder of rows is not as it was written.
    #[error(transparent)]
    Rows(#[from] crate::replay::RowError),
}

impl FleetError {
    fn file(place: &Path, error: io::Error) -> Self {
        Self::File(clean(&place.to_string_lossy()).into_owned(), error)
    }

    fn refused(place: &Path, why: &str) -> Self {
        Self::Refused(format!("{}: {why}", clean(&place.to_string_lossy())))
    }
}

/// A repository and a gate: what has a latest run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GateOfProject {
    /// The repository.
    pub project: String,
    /// The gate.
    pub gate: String,
}

/// All that rows say of a fleet.
#[derive(Debug)]
pub struct Fleet {
    /// Runs, each counted once.
    pub runs: u64,
    /// When the first ran.
    pub first: Option<Timestamp>,
    /// When the last ran: the time that the fleet is told as of.
    pub as_of: Option<Timestamp>,
    /// Sources and digests of the policies that decided.
    pub policies: BTreeSet<(String, String)>,
    /// The label of the policies, `A` or `B`.
    pub label: String,
    /// Runs that were saved for another gate than the policy's.
    pub of_other_gate: u64,
    /// Runs that do not say which repository they are of.
    pub unnamed: u64,
    /// Runs without a time.
    pub without_time: u64,
    /// Verdicts by repository, team, gate and month.
    pub verdicts: VerdictTables,
    /// Advisories that block, and upgrades that clear.
    pub advisories: BlockingAdvisories,
    /// Rules: how often each says something, and with whom.
    pub rules: RuleUses,
    /// Scanners and evidence.
    pub evidence: EvidenceLife,
    /// Waivers.
    pub waivers: WaiverCosts,
    /// Reviews and how long each waited.
    pub reviews: ReviewWaits,
    /// The latest runs, with what is open in each.
    pub latest: Vec<LatestRun>,
}

impl Fleet {
    /// Reads the rows of these places, of the policy of this label.
    ///
    /// # Errors
    /// Rows that are not whole, broken, or counted twice.
    pub fn read(paths: &[PathBuf], label: &str) -> Result<Self, FleetError> {
        let sources = paths.iter().map(|path| RowSource::open(path)).collect::<Result<Vec<_>, _>>()?;
        let survey = RunSurvey::of_sources(&sources, label)?;
        let mut fleet = Self {
            runs: survey.runs,
            first: survey.first,
            as_of: survey.last,
            policies: survey.policies.clone(),
            label: label.to_owned(),
            of_other_gate: survey.of_other_gate,
            unnamed: survey.unnamed,
            without_time: survey.without_time,
            verdicts: VerdictTables::default(),
            advisories: BlockingAdvisories::default(),
            rules: RuleUses::default(),
            evidence: EvidenceLife::default(),
            waivers: WaiverCosts::default(),
            reviews: ReviewWaits::default(),
            latest: Vec::new(),
        };
        let mut waits = WaitsReader::default();
        let mut latest: BTreeMap<GateOfProject, LatestRun> = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            source.each(label, |seq, rows| {
                let run = &rows.run;
                let key = GateOfProject { project: run.project().to_owned(), gate: run.policy_gate.clone() };
                let place = survey.places(&key, (at, seq));
                fleet.verdicts.add(run, place.latest);
                fleet.advisories.add(rows, place.decided);
                fleet.rules.add(rows);
                fleet.evidence.add(rows, &key, place.latest);
                fleet.waivers.add(rows, &key, place);
                waits.add(run, &survey);
                if place.latest || place.decided {
                    let of_key = latest.entry(key.clone()).or_insert_with(|| LatestRun::new(key));
                    of_key.add(rows, place);
                }
                Ok(())
            })?;
        }
        fleet.reviews = waits.finish(fleet.as_of);
        fleet.waivers.finish(fleet.as_of);
        fleet.rules.finish();
        fleet.latest = latest.into_values().collect();
        Ok(fleet)
    }
}

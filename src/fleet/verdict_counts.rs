//! Verdicts by repository, team, gate and month.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::row::ReadRun;
use crate::decide::Outcome;

/// Runs by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// Let through.
    pub pass: u64,
    /// A person has to look.
    pub review: u64,
    /// Stopped.
    pub fail: u64,
    /// Not decided.
    pub error: u64,
}

impl VerdictCounts {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.pass + self.review + self.fail + self.error
    }

    fn add(&mut self, verdict: Outcome) {
        match verdict {
            Outcome::Pass | Outcome::Warn | Outcome::NotApplicable => self.pass += 1,
            Outcome::Review => self.review += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Error => self.error += 1,
        }
    }
}

/// A repository.
#[derive(Debug, Clone, Default)]
pub struct RepositoryVerdicts {
    /// The team that its latest run names.
    pub team: String,
    /// Its runs.
    pub counts: VerdictCounts,
    /// When it last passed.
    pub last_pass: Option<Timestamp>,
}

/// A team.
#[derive(Debug, Clone, Default)]
pub struct TeamVerdicts {
    /// Its runs.
    pub counts: VerdictCounts,
    /// Its repositories, each with whether a run of it was stopped.
    pub projects: BTreeMap<String, bool>,
}

/// The tables.
#[derive(Debug, Default)]
pub struct VerdictTables {
    /// By repository.
    pub projects: BTreeMap<String, RepositoryVerdicts>,
    /// By team.
    pub teams: BTreeMap<String, TeamVerdicts>,
    /// By gate.
    pub gates: BTreeMap<String, VerdictCounts>,
    /// By month, `2026-05`.
    pub months: BTreeMap<String, VerdictCounts>,
}

impl VerdictTables {
    pub(super) fn add(&mut self, run: &ReadRun, latest: bool) {
        let project = self.projects.entry(run.project().to_owned()).or_default();
        project.counts.add(run.verdict);
        if latest || project.team.is_empty() {
            run.team().clone_into(&mut project.team);
        }
        if run.verdict == Outcome::Pass {
            project.last_pass = project.last_pass.max(run.time());
        }
        let team = self.teams.entry(run.team().to_owned()).or_default();
        team.counts.add(run.verdict);
        *team.projects.entry(run.project().to_owned()).or_default() |= run.verdict == Outcome::Fail;
        self.gates.entry(run.policy_gate.clone()).or_default().add(run.verdict);
        self.months.entry(month(run.time())).or_default().add(run.verdict);
    }
}

/// The month of a time in UTC.
fn month(time: Option<Timestamp>) -> String {
    time.map_or_else(|| super::UNNAMED.to_owned(), |time| time.strftime("%Y-%m").to_string())
}

//! Scanners by version, and evidence that is missing, dead or not trusted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::GateOfProject;
use super::row::{ReadEvidence, ReadRecall, RunRows};
use crate::decide::{Outcome, Status};

/// A version of a scanner.
#[derive(Debug, Default)]
pub struct ScannerUse {
    /// Runs with a report of it.
    pub runs: u64,
    /// Of them, those that rested on it though the policy does not trust it, and went on.
    pub let_through: u64,
    /// Findings of its reports, in all.
    pub findings: u64,
    /// Repositories with a report of it.
    pub projects: BTreeSet<String>,
    /// Repositories whose latest run has a report of it.
    pub now: BTreeSet<String>,
    /// The first run with it.
    pub first: Option<Timestamp>,
    /// The last.
    pub last: Option<Timestamp>,
    /// Why the policy does not trust it.
    pub distrust: Option<String>,
}

/// An entry of evidence that is not whole in the latest run of a repository.
#[derive(Debug, Clone)]
pub struct EntryFault {
    /// The repository and the gate.
    pub of: GateOfProject,
    /// The entry of the policy.
    pub entry: String,
    /// Its state in the latest run.
    pub status: Status,
    /// The consequence.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
    /// Runs in which it was whole.
    pub whole: u64,
    /// All runs.
    pub runs: u64,
    /// When it was last whole.
    pub last_whole: Option<Timestamp>,
}

/// What an entry was in the runs of a repository.
#[derive(Debug, Default)]
struct EntryLife {
    whole: u64,
    runs: u64,
    last_whole: Option<Timestamp>,
    now: Option<(Status, Outcome, String)>,
}

/// Scanners and evidence of all runs.
#[derive(Debug, Default)]
pub struct EvidenceLife {
    /// By name and version; an empty version is one that the report does not say.
    pub scanners: BTreeMap<(String, String), ScannerUse>,
    /// Runs that evidence stops, by gate, entry and state.
    pub stopping: BTreeMap<(String, String, &'static str), u64>,
    entries: BTreeMap<(GateOfProject, String), EntryLife>,
}

impl EvidenceLife {
    pub(super) fn add(&mut self, rows: &RunRows, key: &GateOfProject, latest: bool) {
        let time = rows.run.time();
        let mut of_run: BTreeMap<(&str, &str), (u64, Option<&str>)> = BTreeMap::new();
        let mut files: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut entries: BTreeMap<&str, &ReadEvidence> = BTreeMap::new();
        for one in &rows.evidence {
            if let Some(tool) = &one.tool {
                let known =
                    of_run.entry((tool, one.tool_version.as_deref().unwrap_or_default())).or_default();
                // A file may be evidence of several entries.
                if files.insert((tool, one.path.as_deref().unwrap_or_default())) {
                    known.0 = known.0.saturating_add(one.finding_count);
                }
                known.1 = known.1.or(one.distrust.as_deref());
            }
            if let Some(entry) = &one.entry {
                if one.outcome >= Outcome::Review {
                    let key = (key.gate.clone(), entry.clone(), one.status.as_str());
                    *self.stopping.entry(key).or_default() += 1;
                }
                // Of several files the worst speaks for the entry.
                let worst = entries.entry(entry).or_insert(one);
                if one.outcome > worst.outcome {
                    *worst = one;
                }
            }
        }
        for ((tool, version), (findings, distrust)) in of_run {
            let known = self.scanners.entry((tool.to_owned(), version.to_owned())).or_default();
            known.runs += 1;
            let of_it = |row: &&ReadRecall| {
                row.tool == tool && row.tool_version.as_deref().unwrap_or_default() == version
            };
            known.let_through += u64::from(rows.recalls.iter().filter(of_it).any(|row| row.let_through));
            known.findings = known.findings.saturating_add(findings);
            known.projects.insert(key.project.clone());
            if latest {
                known.now.insert(key.project.clone());
            }
            known.first = [known.first, time].into_iter().flatten().min();
            known.last = known.last.max(time);
            if let (None, Some(why)) = (&known.distrust, distrust) {
                known.distrust = Some(why.to_owned());
            }
        }
        for (entry, worst) in entries {
            // What is optional and not there is missed by nobody.
            if worst.status == Status::Absent && worst.outcome < Outcome::Warn {
                continue;
            }
            let life = self.entries.entry((key.clone(), entry.to_owned())).or_default();
            life.runs += 1;
            if worst.status == Status::Complete {
                life.whole += 1;
                life.last_whole = life.last_whole.max(time);
            }
            if latest {
                life.now = Some((worst.status, worst.outcome, worst.message.clone()));
            }
        }
    }

    /// Entries that are not whole in the latest runs; those that never were come first.
    pub fn faults(&self) -> Vec<EntryFault> {
        let mut faults: Vec<EntryFault> = self
            .entries
            .iter()
            .filter_map(|((of, entry), life)| {
                let (status, outcome, message) = life.now.clone()?;
                (status != Status::Complete).then(|| EntryFault {
                    of: of.clone(),
                    entry: entry.clone(),
                    status,
                    outcome,
                    message,
                    whole: life.whole,
                    runs: life.runs,
                    last_whole: life.last_whole,
                })
            })
            .collect();
        faults
            .sort_by_key(|fault| (fault.whole > 0, fault.last_whole, fault.of.clone(), fault.entry.clone()));
        faults
    }
}

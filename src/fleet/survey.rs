//! The first look at the rows: which runs there are, and which of them is the latest of its repository and gate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::row::ReadRun;
use super::source::RowSource;
use super::{FleetError, GateOfProject};
use crate::decide::Outcome;
use crate::finding::{clean, clean_line};

/// Where a run stands: the place of its source among the sources, and its own in it.
type RunPlace = (usize, u64);

/// What a run is to its repository and gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceOfRun {
    /// Its latest run.
    pub(super) latest: bool,
    /// Its latest run that was decided, whose findings are the open ones.
    pub(super) decided: bool,
}

#[derive(Debug)]
struct LatestPlaces {
    latest: (Timestamp, RunPlace),
    decided: Option<(Timestamp, RunPlace)>,
}

/// What the first look finds.
#[derive(Debug, Default)]
pub(super) struct RunSurvey {
    pub(super) runs: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) policies: BTreeSet<(String, String)>,
    pub(super) of_other_gate: u64,
    pub(super) unnamed: u64,
    pub(super) without_time: u64,
    latest: BTreeMap<GateOfProject, LatestPlaces>,
    /// Merge requests and commits that waited for a review at some time.
    reviewed: BTreeSet<ReviewSubject>,
}

/// What a review is about: the merge request of a repository, else the commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReviewSubject {
    pub(super) of: GateOfProject,
    pub(super) subject: String,
}

impl ReviewSubject {
    /// The subject of a run; none where it names neither.
    pub(super) fn of_run(run: &ReadRun) -> Option<Self> {
        let subject = match (run.merge_request, &run.commit_sha) {
            (Some(number), _) => format!("!{number}"),
            (None, Some(commit)) => commit.clone(),
            (None, None) => return None,
        };
        let of = GateOfProject { project: run.project().to_owned(), gate: run.policy_gate.clone() };
        Some(Self { of, subject })
    }
}

impl RunSurvey {
    pub(super) fn of_sources(sources: &[RowSource], label: &str) -> Result<Self, FleetError> {
        let mut survey = Self::default();
        let mut seen: BTreeMap<[u8; 16], usize> = BTreeMap::new();
        for (at, source) in sources.iter().enumerate() {
            source.each_run(label, |seq, run| {
                // One replay refuses an id that comes twice; of several, nobody else looks.
                if sources.len() > 1 && run.error_text.is_none() {
                    let id = run.id.as_deref().unwrap_or_default();
                    let first = *seen.entry(short_digest(id, &run.policy_gate)).or_insert(at);
                    if first != at {
                        let other = sources.get(first).map(|source| source.path().to_string_lossy());
                        return Err(FleetError::refused(
                            source.path(),
                            &format!(
                                "has the run `{}`, and so has {}: it would be counted twice",
                                clean_line(id),
                                clean(&other.unwrap_or_default())
                            ),
                        ));
                    }
                }
                survey.add((at, seq), &run);
                Ok(())
            })?;
        }
        if survey.runs == 0 {
            let path = sources.first().map_or(Path::new(""), RowSource::path);
            return Err(FleetError::refused(path, &format!("has no run of a policy with the label {label}")));
        }
        Ok(survey)
    }

    fn add(&mut self, place: RunPlace, run: &ReadRun) {
        self.runs += 1;
        self.policies.insert((run.policy_source.clone(), run.policy_sha256.clone()));
        self.of_other_gate += u64::from(run.gate.as_ref().is_some_and(|gate| *gate != run.policy_gate));
        self.unnamed += u64::from(run.project.is_none());
        if run.verdict == Outcome::Review {
            self.reviewed.extend(ReviewSubject::of_run(run));
        }
        let Some(time) = run.time() else {
            self.without_time += 1;
            return;
        };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        let key = GateOfProject { project: run.project().to_owned(), gate: run.policy_gate.clone() };
        let new = (time, place);
        let known = self.latest.entry(key).or_insert(LatestPlaces { latest: new, decided: None });
        known.latest = known.latest.max(new);
        if run.verdict != Outcome::Error {
            known.decided = known.decided.max(Some(new));
        }
    }

    /// What a run is to its repository and gate.
    pub(super) fn places(&self, key: &GateOfProject, place: RunPlace) -> PlaceOfRun {
        let known = self.latest.get(key);
        PlaceOfRun {
            latest: known.is_some_and(|known| known.latest.1 == place),
            decided: known.and_then(|known| known.decided).is_some_and(|decided| decided.1 == place),
        }
    }

    /// Whether it waited for a review at some time.
    pub(super) fn was_reviewed(&self, subject: &ReviewSubject) -> bool {
        self.reviewed.contains(subject)
    }
}

fn short_digest(id: &str, gate: &str) -> [u8; 16] {
    let digest = Sha256::new_with_prefix(id).chain_update([0]).chain_update(gate).finalize();
    let mut short = [0; 16];
    short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    short
}

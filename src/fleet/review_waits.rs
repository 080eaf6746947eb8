//! Reviews: how long merge requests waited until their gate said something else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::GateOfProject;
use super::row::ReadRun;
use super::survey::{ReviewSubject, RunSurvey};
use crate::decide::Outcome;

/// A time in which a merge request or commit needed a review.
#[derive(Debug, Clone)]
pub struct ReviewSpan {
    /// The repository and the gate.
    pub of: GateOfProject,
    /// The merge request, `!17`, or the commit.
    pub subject: String,
    /// Who was asked.
    pub reviewers: Vec<String>,
    /// The first run that asked.
    pub since: Timestamp,
    /// The first run after it that did not ask, with what it said; none while it waits.
    pub ended: Option<(Timestamp, Outcome)>,
    /// Whether the same commit passed: somebody answered. Otherwise another commit ended it, or something else stops it now.
    pub answered: bool,
    /// Seconds that it waited, or waits as of the last run of the fleet.
    pub seconds: i64,
}

/// All reviews.
#[derive(Debug, Default)]
pub struct ReviewWaits {
    /// The longest first.
    pub spans: Vec<ReviewSpan>,
}

/// A run of something that was reviewed at some time.
#[derive(Debug)]
struct AwaitedRun {
    time: Timestamp,
    verdict: Outcome,
    commit: Option<String>,
    reviewers: Vec<String>,
}

/// Collects the runs of merge requests that were reviewed at some time.
#[derive(Debug, Default)]
pub(super) struct WaitsReader {
    runs: BTreeMap<ReviewSubject, Vec<AwaitedRun>>,
}

impl WaitsReader {
    pub(super) fn add(&mut self, run: &ReadRun, survey: &RunSurvey) {
        let (Some(subject), Some(time)) = (ReviewSubject::of_run(run), run.time()) else { return };
        if survey.was_reviewed(&subject) {
            self.runs.entry(subject).or_default().push(AwaitedRun {
                time,
                verdict: run.verdict,
                commit: run.commit_sha.clone(),
                reviewers: run.reviewers.clone(),
            });
        }
    }

    pub(super) fn finish(self, as_of: Option<Timestamp>) -> ReviewWaits {
        let mut spans = Vec::new();
        for (subject, mut runs) in self.runs {
            runs.sort_by_key(|run| run.time);
            let mut open: Option<(&AwaitedRun, &AwaitedRun)> = None;
            for run in &runs {
                match (open, run.verdict) {
                    (None, Outcome::Review) => open = Some((run, run)),
                    (Some((first, _)), Outcome::Review) => open = Some((first, run)),
                    // What could not be decided answers nothing.
                    (_, Outcome::Error) | (None, _) => {}
                    (Some((first, last)), _) => {
                        spans.push(span(&subject, first, last, Some(run), as_of));
                        open = None;
                    }
                }
            }
            if let Some((first, last)) = open {
                spans.push(span(&subject, first, last, None, as_of));
            }
        }
        spans.sort_by(|a, b| (b.seconds, &a.of, &a.subject).cmp(&(a.seconds, &b.of, &b.subject)));
        ReviewWaits { spans }
    }
}

fn span(
    subject: &ReviewSubject,
    first: &AwaitedRun,
    last: &AwaitedRun,
    end: Option<&AwaitedRun>,
    as_of: Option<Timestamp>,
) -> ReviewSpan {
    let until = end.map(|run| run.time).or(as_of).unwrap_or(first.time);
    ReviewSpan {
        of: subject.of.clone(),
        subject: subject.subject.clone(),
        reviewers: last.reviewers.clone(),
        since: first.time,
        ended: end.map(|run| (run.time, run.verdict)),
        answered: end.is_some_and(|run| {
            run.verdict == Outcome::Pass && run.commit.is_some() && run.commit == last.commit
        }),
        seconds: until.as_second() - first.time.as_second(),
    }
}

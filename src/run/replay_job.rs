//! A replay of many runs: what is decided, counted and written of each, in their order.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::diagnostics::RunDiagnostic;
use super::replay_stream::in_order;
use super::replayed::{ReplayedDecision, RunReplayer};
use super::saved_run::{FoundRuns, RunContent, SavedRun, UnreadRun};
use crate::decide::{Outcome, RunError};
use crate::finding::clean_line;
use crate::replay::{
    DoneRuns, LABELS, PolicyDifference, RecalledRun, Replay, RowFolder, RowSubject, RowTexts, RowsEnd,
    RunDescription, RunShard,
};

/// Where rows go.
pub(crate) enum RowTarget {
    /// A file a table.
    Folder(RowFolder),
    /// One stream.
    Stream(Box<dyn Write + Send + Sync>),
}

/// A replay that was asked for.
pub(crate) struct ReplayJob<'j> {
    /// The policies and how they decide.
    pub(crate) replayer: &'j RunReplayer,
    /// Where contents lie that runs name by their digests.
    pub(crate) store: Option<&'j Path>,
    /// Runs that are decided at once.
    pub(crate) workers: usize,
    /// The part of the runs that is decided.
    pub(crate) shard: Option<RunShard>,
    /// Where rows go.
    pub(crate) target: Option<RowTarget>,
    /// Runs that have rows already.
    pub(crate) done: DoneRuns,
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplayTotals {
    /// Runs that came in, of this shard.
    pub(crate) read: u64,
    /// Those that could not be decided.
    pub(crate) undecided: u64,
    /// A line is no run at all.
    pub(crate) broken: bool,
}

/// A run on its way to the rows.
enum ReplayStep {
    /// Of another shard, or done already.
    Passed,
    /// The last run that has rows already, as it is now.
    Known(Option<String>),
    Decided(Box<DecidedRun>),
}

struct DecidedRun {
    seq: u64,
    id: Option<String>,
    about: RunDescription,
    decided: Vec<ReplayedDecision>,
    rows: RowTexts,
    protocol: bool,
}

impl ReplayJob<'_> {
    /// Decides on all runs. `progress` is told how many came in.
    pub(crate) fn run(
        mut self,
        runs: FoundRuns,
        replay: &mut Replay,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ReplayTotals> {
        let target = self.target.take();
        let with_rows = target.is_some();
        let policies: Vec<_> = self.replayer.policies.iter().map(|policy| &policy.policy).collect();
        let difference = match policies.as_slice() {
            [a, b] => PolicyDifference::of_policies(a, b),
            _ => PolicyDifference::default(),
        };
        let mut output = RowOutput { target, difference: &difference, replayer: self.replayer };
        let done = std::mem::take(&mut self.done);
        let mut known: BTreeSet<[u8; 8]> = done.ids.iter().map(|id| short_digest(id)).collect();
        let mut totals =
            ReplayTotals { read: done.count, undecided: done.undecided, ..ReplayTotals::default() };
        let job = &self;
        let work =
            |seq: u64, run: Box<dyn UnreadRun>| job.step(seq, run, &done, with_rows.then_some(&difference));
        let total = in_order(runs.unread(), self.workers, work, |step| {
            match step {
                ReplayStep::Passed => {}
                ReplayStep::Known(id) => {
                    if done.last.as_ref().is_some_and(|(_, known)| *known != id) {
                        bail!(RunDiagnostic::ResumedOtherRuns);
                    }
                }
                ReplayStep::Decided(mut run) => {
                    if run.id.as_ref().is_some_and(|id| !known.insert(short_digest(id))) {
                        output.refuse_twice(&mut run)?;
                    }
                    let decisions: Vec<_> = run.decided.iter().map(|one| &one.decision).collect();
                    totals.read += 1;
                    totals.undecided +=
                        u64::from(decisions.iter().any(|decision| decision.verdict == Outcome::Error));
                    totals.broken |= run.protocol;
                    let name = run.id.clone().unwrap_or_else(|| format!("run {}", run.seq + 1));
                    let name = clean_line(&name).into_owned();
                    if let Some((first, recall)) =
                        run.decided.first().and_then(|one| Some((one, one.recall.as_ref()?)))
                    {
                        let recalled =
                            RecalledRun::new(name.clone(), &run.subject(), &first.decision, recall);
                        replay.add_recalled(recalled);
                    }
                    replay.add(name, &decisions);
                    output.write(&run.rows)?;
                    progress(totals.read);
                }
            }
            Ok(())
        })?;
        if total < done.next {
            bail!(RunDiagnostic::ResumedOtherRuns);
        }
        let (read, out) = (totals.read, totals.read);
        output.end(&RowsEnd { end: true, read, out, total: self.shard.map(|_| total) })?;
        Ok(totals)
    }

    fn step(
        &self,
        seq: u64,
        run: Box<dyn UnreadRun>,
        done: &DoneRuns,
        rows: Option<&PolicyDifference>,
    ) -> ReplayStep {
        let is_last = done.last.as_ref().is_some_and(|(last, _)| *last == seq);
        if seq < done.next && !is_last {
            return ReplayStep::Passed;
        }
        let run = run.read(self.store);
        if is_last {
            return ReplayStep::Known(run.id);
        }
        if self.shard.is_some_and(|shard| !shard.holds(run.id.as_deref(), seq)) {
            return ReplayStep::Passed;
        }
        let decided = self.replayer.decide(&run);
        let SavedRun { id, about, content } = run;
        let protocol = matches!(content, RunContent::Broken { protocol: true, .. });
        let mut run = DecidedRun { seq, id, about, decided, rows: RowTexts::default(), protocol };
        if let Some(difference) = rows {
            run.fill_rows(difference);
        }
        ReplayStep::Decided(Box::new(run))
    }
}

impl DecidedRun {
    fn subject(&self) -> RowSubject<'_> {
        RowSubject { seq: self.seq, id: self.id.as_deref(), about: &self.about }
    }

    fn fill_rows(&mut self, difference: &PolicyDifference) {
        let mut rows = RowTexts::default();
        let subject = self.subject();
        for (label, one) in LABELS.into_iter().zip(&self.decided) {
            // Nothing that is written into memory fails.
            let _ = subject.add(label, &one.decision, one.evidence.as_ref(), &mut rows);
            if let Some(recall) = &one.recall {
                let _ = subject.add_recall(label, &one.decision, recall, &mut rows);
            }
        }
        if let [a, b] = self.decided.as_slice() {
            let _ = subject.add_difference([&a.decision, &b.decision], difference, &mut rows);
        }
        self.rows = rows;
    }
}

/// Where rows go, and what they need.
struct RowOutput<'o> {
    target: Option<RowTarget>,
    difference: &'o PolicyDifference,
    replayer: &'o RunReplayer,
}

impl RowOutput<'_> {
    /// A run of an id that was there before is decided by nobody: what is counted twice is counted wrong.
    fn refuse_twice(&self, run: &mut DecidedRun) -> Result<()> {
        let id = run.id.as_deref().map(|id| clean_line(id).into_owned()).context("it has an id")?;
        let fault = RunError::of(None, &RunDiagnostic::RunTwice { id });
        run.decided = self.replayer.undecided(Timestamp::UNIX_EPOCH, &fault);
        if self.target.is_some() {
            run.fill_rows(self.difference);
        }
        Ok(())
    }

    fn write(&mut self, rows: &RowTexts) -> Result<()> {
        match &mut self.target {
            None => Ok(()),
            Some(RowTarget::Folder(folder)) => Ok(folder.write(rows)?),
            Some(RowTarget::Stream(stream)) => write_flushed(stream.as_mut(), &rows.tables.concat()),
        }
    }

    fn end(self, end: &RowsEnd) -> Result<()> {
        match self.target {
            None => Ok(()),
            Some(RowTarget::Folder(folder)) => Ok(folder.end(end)?),
            Some(RowTarget::Stream(mut stream)) => {
                let text = serde_json::to_string(end)? + "\n";
                write_flushed(stream.as_mut(), text.as_bytes())
            }
        }
    }
}

fn write_flushed(stream: &mut dyn Write, text: &[u8]) -> Result<()> {
    stream.write_all(text).and_then(|()| stream.flush()).context("the rows cannot be written")
}

/// Enough of a digest to tell ids apart: of 10 million, two are taken for one by a chance of 1 in 300,000.
fn short_digest(id: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.iter_mut().zip(Sha256::digest(id)).for_each(|(to, from)| *to = from);
    short
}

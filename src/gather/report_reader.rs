//! Reading the reports: in parallel above a size, and a second time where only their counts told what is new.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::entry;
use super::plan::PlannedFile;
use super::readings::Readings;
use crate::decide::{CountedReport, TallyContext};
use crate::policy::{EntryKind, Policy, RuleIndex};
use crate::relate::{Base, Heads, Relations};
use crate::report::{self, Hint, Options, ReadError, Sink, ValueMask};

/// Below this many bytes in all, starting threads costs more than it gains.
const PARALLEL_FROM: u64 = 4 << 20;

/// How many files can be read at once.
pub(super) fn cores_for(items: &[PlannedFile]) -> usize {
    let total: u64 = items.iter().map(|item| item.bytes).sum();
    // Asked only where it matters: to find out takes longer than to read a small file.
    if total < PARALLEL_FROM { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
}

/// Context in which findings are related and counted; the same for all reports of a run.
#[derive(Debug, Clone)]
pub(super) struct CountingContext<'p> {
    pub(super) relations: Relations<'p>,
    pub(super) counting: TallyContext<'p>,
    /// Reports that another policy had read before.
    pub(super) readings: Option<&'p Readings>,
}

impl<'p> CountingContext<'p> {
    /// Counts at `now`, seconds since 1970, with details of `cap` findings per rule; `watch` is asked about.
    pub(super) fn new(relations: Relations<'p>, now: i64, cap: usize, watch: Option<&'p str>) -> Self {
        let (policy, waivers, compared) = (relations.policy, relations.waivers, relations.base.is_some());
        let rules = Arc::new(RuleIndex::new(&policy.rules));
        let counting = TallyContext { policy, rules, waivers, compared, now, cap, watch };
        Self { relations, counting, readings: None }
    }

    /// Nothing yet of the report at index `evidence`, given for `entries`.
    pub(super) fn counted(&self, entries: &'p [String], evidence: usize) -> CountedReport<'p> {
        CountedReport::new(self.relations.clone(), self.counting.clone(), entries, evidence)
    }
}

/// A report, the entries it is for, and its index in the evidence.
type Work<'i, 'p> = (&'i PlannedFile, &'p [String], usize);

fn work<'i, 'p>(items: &'i [PlannedFile], names: &'p [Vec<String>]) -> Vec<Work<'i, 'p>> {
    let mut index = 0;
    let mut work: Vec<Work<'i, 'p>> = Vec::new();
    for (item, entries) in items.iter().zip(names) {
        work.push((item, entries, index));
        index += entries.len().max(1);
    }
    work
}

/// Reads the reports, each with counts of its own; where there is a base, those twice whose states were not known.
pub(super) fn read_all<'p>(
    to: &CountingContext<'p>,
    items: &[PlannedFile],
    names: &'p [Vec<String>],
    options: &Options,
    cores: usize,
) -> Vec<(report::ReadOutcome, CountedReport<'p>)> {
    let mut read = read_once(to, items, names, options, cores);
    if let Some(base) = to.relations.base {
        read_again(base, to, items, names, options, &mut read);
    }
    read
}

/// Lets nothing of a report be told that is the value of a secret of any; gives what masks such values.
pub(super) fn withhold(
    options: &Options,
    read: &mut [(report::ReadOutcome, CountedReport<'_>)],
) -> Option<ValueMask> {
    let held = options.held.mask()?;
    for (outcome, counted) in read {
        outcome.report.withhold(&held);
        counted.withhold(&held);
    }
    Some(held)
}

/// Reads each report, in parallel where it pays.
fn read_once<'p>(
    to: &CountingContext<'p>,
    items: &[PlannedFile],
    names: &'p [Vec<String>],
    options: &Options,
    cores: usize,
) -> Vec<(report::ReadOutcome, CountedReport<'p>)> {
    let work = work(items, names);
    let read_one = |one: &Work<'_, 'p>| read_one(to, one, options);
    // More threads than cores, so that three files of one size keep two cores busy to the end.
    let threads = cores.saturating_mul(2).min(items.len());
    if cores < 2 || threads < 2 {
        return work.iter().map(read_one).collect();
    }
    // The largest first, so that no thread is left alone with it at the end.
    let mut order: Vec<usize> = (0..work.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(items.get(i).map_or(0, |item| item.bytes)));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let read_on = || {
            while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(job) = work.get(i) {
                    let read = read_one(job);
                    done.lock().unwrap_or_else(PoisonError::into_inner).insert(i, read);
                }
            }
        };
        // Where no more threads can be had, those that there are do it all; at last this one.
        let mut others = (1..threads).map(|_| std::thread::Builder::new().spawn_scoped(scope, read_on));
        while others.next().is_some_and(|thread| thread.is_ok()) {}
        read_on();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Once all findings were counted it is known of which there are more than the base has: those are new, and the reports
/// in which they were called existing are read a second time. Nothing else could tell their details apart, because
/// which findings are shown depends on which are new.
fn read_again<'p>(
    base: &Base,
    to: &CountingContext<'p>,
    items: &[PlannedFile],
    names: &'p [Vec<String>],
    options: &Options,
    read: &mut [(report::ReadOutcome, CountedReport<'p>)],
) {
    let mut heads = Heads::default();
    for (_, counted) in read.iter() {
        heads.merge(&counted.related.heads);
    }
    let bars = base.bars(&heads);
    let relations = Relations { bars: Arc::new(bars), ..to.relations.clone() };
    let now = CountingContext { relations, ..to.clone() };
    for (work, (outcome, counted)) in work(items, names).iter().zip(read) {
        let heads = &counted.related.heads;
        if !base.overturned(heads, &to.relations.bars, &now.relations.bars) {
            continue;
        }
        let (mut again, mut recounted) = read_one(&now, work, options);
        if again.digest != outcome.digest {
            recounted.restart();
            again = report::ReadOutcome { digest: None, error: Some(ReadError::Changed), ..again };
        }
        (*outcome, *counted) = (again, recounted);
    }
}

fn read_one<'p>(
    to: &CountingContext<'p>,
    &(item, entries, evidence): &Work<'_, 'p>,
    options: &Options,
) -> (report::ReadOutcome, CountedReport<'p>) {
    let mut counted = to.counted(entries, evidence);
    let policy = to.counting.policy;
    let outcome = match to.readings {
        Some(readings) => readings.read(policy, item, options, &mut counted),
        None => read_into(policy, item, options, &mut counted),
    };
    counted.about(&outcome.report.digests);
    (outcome, counted)
}

/// Facts about a file before it is opened.
pub(super) fn hint<'h>(policy: &'h Policy, item: &'h PlannedFile) -> Hint<'h> {
    let entry = item.entries.iter().find_map(|name| entry(policy, name));
    let category = entry.and_then(|e| match e.kind {
        EntryKind::Report(category) => Some(category),
        EntryKind::Document(_) | EntryKind::Feed(_) => None,
    });
    let format = item.format.as_deref().or(entry.and_then(|e| e.format.as_deref()));
    Hint { format, category }
}

pub(super) fn read_into(
    policy: &Policy,
    item: &PlannedFile,
    options: &Options,
    sink: &mut dyn Sink,
) -> report::ReadOutcome {
    let hint = hint(policy, item);
    let mut outcome = match hint.format.and_then(|id| policy.mapping(id)) {
        Some(mapping) => report::read_mapped(&item.source, mapping, options, sink),
        None => report::read_source(&item.source, hint, options, sink),
    };
    if let Some(receipt) = item.receipt() {
        report::receipt::apply_receipt(&mut outcome.report, &receipt, outcome.digest.as_ref());
    }
    outcome
}

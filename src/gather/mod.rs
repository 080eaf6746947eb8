//! Finds all evidence of a run and has it read, in an order of its own: feeds, reports, documents, what is absent.

pub mod diagnostics;
mod documents;
mod files;
mod hidden_report;
mod left_out;
mod listing;
mod nearby;
mod plan;
mod policy_test;
mod readings;
mod report_reader;
mod roles;
mod saved_files;
mod snapshot_recorder;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use files::{Expanded, expand, look_for};
pub use left_out::{LeftOut, no_report};
pub use listing::{BaseListing, BaseReport, Findings, base_reports, findings, findings_of_policy};
pub use nearby::{NearbyReport, REPORT_FOLDERS, is_called_like_a_report, nearby, report_at};
pub use policy_test::TestReports;
pub use readings::Readings;
pub use saved_files::SavedFile;

use documents::{MAX_DOCUMENT, feeds, image_indexes, read_document};
use plan::{PlannedFile, ReadingPlan, plan};
pub(crate) use plan::{evidence_files, standard_input};
use policy_test::read_written_reports;
use report_reader::{CountingContext, cores_for, read_all, withhold};
use roles::by_role;
use saved_files::plan_saved;
use snapshot_recorder::SnapshotRecorder;

use crate::decide::{Context, CountedReport, DocumentLimits, Evidence, Gathered, GivenBase, RunError, Tally};
use crate::evidence_snapshot::{EvidenceSnapshot, SavedReport};
use crate::finding::SecretKey;
use crate::policy::testing::WrittenReport;
use crate::policy::{EvidenceEntry, Policy};
use crate::relate::{Base, Diff, Relations, Waivers};
use crate::report::{self, Options, ReadError, Sink, Source, ValueMask};

/// A file given on the command line.
#[derive(Debug, Clone)]
pub struct GivenFile {
    /// The path as given; `-` is standard input.
    pub path: PathBuf,
    /// The format it must have.
    pub format: Option<String>,
    /// The evidence entry it is for.
    pub entry: Option<String>,
}

/// Limits of a run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest report, in bytes.
    pub max_report: u64,
    /// Most bytes that are taken from standard input.
    pub max_stdin: u64,
    /// Maximum number of findings kept in detail per rule.
    pub max_findings: usize,
}

/// Inputs of a run.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'p> {
    /// The deciding policy.
    pub policy: &'p Policy,
    /// Exceptions to its rules.
    pub waivers: &'p Waivers,
    /// Where the evidence comes from.
    pub source: EvidenceSource<'p>,
    /// Prefixes that scanners put before paths of the project.
    pub roots: &'p [String],
    /// Base that the change is compared with.
    pub comparison: Option<&'p GivenBase>,
    /// The change, which tells the files that it leaves alone whatever findings are compared with.
    pub change: Option<&'p Diff>,
    /// The key under which values of secrets are compared with those of the base.
    pub secret_key: Option<&'p SecretKey>,
}

/// Placeholder for files, for a decision on evidence that was read once already or as it was at another time.
#[derive(Debug, Clone, Default)]
pub struct Instead {
    /// Standard input.
    pub standard_input: Option<Source>,
    /// Feeds by their paths; none where there is no such file.
    pub feeds: BTreeMap<PathBuf, Option<Source>>,
}

/// Where the evidence of a run comes from.
#[derive(Debug, Clone, Copy)]
pub enum EvidenceSource<'p> {
    /// Files: those given, and those that the policy's evidence names.
    Files {
        /// Files of the command line.
        given: &'p [GivenFile],
        /// Id that somebody asks about, as `explain` takes it.
        watch: Option<&'p str>,
        /// Where the evidence is kept as it was read.
        keep: Option<&'p OnceCell<EvidenceSnapshot>>,
        /// Placeholder for files.
        instead: Option<&'p Instead>,
    },
    /// Reports written out in a case of the policy, and files that it names; nothing is looked for.
    Case {
        /// Files that the case names.
        given: &'p [GivenFile],
        /// Reports that it writes out.
        written: TestReports<'p>,
    },
    /// Files of a saved run, wherever their bytes lie; nothing is looked for.
    Run {
        /// Its files, but for those that are no evidence.
        files: &'p [SavedFile],
        /// Its reports as another policy had them read.
        readings: Option<&'p Readings>,
        /// Where the evidence is kept as it was read.
        keep: Option<&'p OnceCell<EvidenceSnapshot>>,
    },
    /// Evidence of an earlier run.
    Saved(&'p EvidenceSnapshot),
}

impl<'p> EvidenceSource<'p> {
    /// Files, of which nothing is kept and about which nobody asks.
    pub fn files(given: &'p [GivenFile]) -> Self {
        Self::Files { given, watch: None, keep: None, instead: None }
    }
}

/// Finds and reads all evidence. `names` is filled with the names of the entries that each report is for, which the counts
/// borrow.
pub fn gather<'p>(
    inputs: Inputs<'p>,
    context: &Context,
    limits: Limits,
    names: &'p mut Vec<Vec<String>>,
) -> Result<Gathered<'p>, Vec<RunError>> {
    let Inputs { policy, waivers, source, roots, comparison, change, secret_key } = inputs;
    let now = context.now.as_second();
    let (roots, secret_key) = (roots.to_vec(), secret_key.cloned());
    let max_report = limits.max_report;
    let mut options = Options { max_report, roots, secret_key, now: Some(now), ..Options::default() };
    let mut shared = None;
    let (mut watch, mut keep, mut rehearsal, mut of_saved) = (None, None, None, &[][..]);
    let change_then;
    let mut change = change;
    let ReadingPlan { items, left_out } = match source {
        EvidenceSource::Files { given, watch: asked, keep: kept, instead } => {
            (watch, keep) = (asked, kept);
            let mut planned = plan(policy, given, limits, instead, true)?;
            planned.left_out.extend(comparison.iter().flat_map(|base| base.left_out.iter().cloned()));
            planned
        }
        EvidenceSource::Case { given, written } => {
            rehearsal = Some(written);
            plan(policy, given, limits, None, false)?
        }
        EvidenceSource::Run { files, readings, keep: kept } => {
            (keep, shared) = (kept, readings);
            options.held = readings.map(Readings::held).unwrap_or_default();
            plan_saved(policy, files)?
        }
        EvidenceSource::Saved(saved) => {
            of_saved = saved.reports.as_slice();
            change_then = saved.left_alone.as_deref().map(Diff::leaving_alone);
            change = change_then.as_ref();
            let items = saved.documents.iter().map(PlannedFile::of_saved).collect();
            ReadingPlan { items, left_out: Vec::new() }
        }
    };
    let (documents, reports) = by_role(policy, items, &options);
    let indexes = image_indexes(policy, &documents);
    let context = &Context { indexes, ..context.clone() };
    let (told, exploitation, vex) = feeds(policy, &documents, context, limits);
    let base = comparison.map(|comparison| &comparison.base);
    let bars = Arc::new(base.map(Base::initial_bars).unwrap_or_default());
    let relations = Relations {
        policy,
        waivers,
        exploitation,
        vex,
        secret_key: options.secret_key.clone(),
        base,
        bars,
        keep: keep.is_some(),
    };
    let to = CountingContext {
        readings: shared,
        ..CountingContext::new(relations, now, limits.max_findings, watch)
    };
    let of_files = reports.iter().map(|item| &item.entries);
    *names = of_files.chain(of_saved.iter().map(|report| &report.entries)).cloned().collect();
    let cores = cores_for(&reports);
    let options = Options { read_ahead: cores > reports.len(), ..options };
    let mut read = read_all(&to, &reports, names, &options, cores);
    let held = withhold(&options, &mut read);

    let counted = to.counted(&[], 0);
    let base_of_case = rehearsal.and_then(|rehearsal| rehearsal.base);
    let mut gathered = nothing_as_yet(counted, context, comparison, base_of_case);
    let mut kept = SnapshotRecorder::default();
    for (item, (outcome, mut counted)) in reports.iter().zip(read) {
        let ignored = ignored(item, &outcome, &options);
        if keep.is_some() {
            kept.report(item, &outcome, ignored.as_ref(), std::mem::take(&mut counted.related.kept), change);
        }
        judge_report(
            policy,
            (&item.name, &item.entries),
            ignored,
            &outcome,
            &counted.tally,
            (context, change),
            &mut gathered.evidence,
        );
        gathered.counted.merge(counted);
    }
    for (path, why) in left_out {
        kept.left_out(&path, &why);
        gathered.evidence.push(Evidence::ignored(&path, why));
    }
    let of_saved = of_saved.iter().zip(names.iter().skip(reports.len()));
    of_saved.for_each(|(report, of)| replay_report(&to, report, of, (context, change), &mut gathered));
    let written = rehearsal.map_or(&[][..], |rehearsal| rehearsal.reports);
    read_written_reports(&to, written, context, &mut gathered);
    gathered.evidence.extend(told);
    for item in &documents {
        let limits = DocumentLimits { document: MAX_DOCUMENT, report: limits.max_report };
        read_document(policy, item, limits, context, &mut gathered);
    }
    settle((policy, context), &mut gathered.evidence, held.as_ref(), written);
    if let Some(keep) = keep {
        let related = &gathered.counted.related;
        let compared = comparison.map(|comparison| (comparison, related));
        let _ = keep.set(kept.all(&documents, compared, change));
    }
    Ok(gathered)
}

/// What is gathered before anything was judged.
fn nothing_as_yet<'p>(
    counted: CountedReport<'p>,
    context: &Context,
    comparison: Option<&'p GivenBase>,
    base_of_case: Option<&'p BTreeMap<String, u64>>,
) -> Gathered<'p> {
    let indexes = context.indexes.clone();
    Gathered { evidence: Vec::new(), counted, documents: Vec::new(), indexes, comparison, base_of_case }
}

/// What is known of the evidence once all of it was read.
fn settle(
    (policy, context): (&Policy, &Context),
    evidence: &mut Vec<Evidence>,
    held: Option<&ValueMask>,
    written: &[WrittenReport],
) {
    Evidence::demand_platforms(evidence, policy, context);
    Evidence::refuse_changed(evidence);
    Evidence::withhold_all(evidence, held);
    let absent = absent(policy, evidence, written);
    evidence.extend(absent);
    Evidence::name_copies(evidence);
}

/// Counts and judges a report of an earlier run as if it had been read now.
fn replay_report<'p>(
    to: &CountingContext<'p>,
    report: &'p SavedReport,
    entries: &'p [String],
    around: (&Context, Option<&Diff>),
    gathered: &mut Gathered<'p>,
) {
    let mut counted = to.counted(entries, gathered.evidence.len());
    report.findings().for_each(|finding| counted.finding(finding));
    let outcome = report.outcome();
    counted.about(&outcome.report.digests);
    let name = (report.name.as_str(), report.entries.as_slice());
    let ignored = report.ignored.clone();
    let policy = to.counting.policy;
    judge_report(policy, name, ignored, &outcome, &counted.tally, around, &mut gathered.evidence);
    gathered.counted.merge(counted);
}

/// The entries for which nothing was read, or less than they demand.
fn absent(policy: &Policy, evidence: &[Evidence], written: &[WrittenReport]) -> Vec<Evidence> {
    let mut absent = Vec::new();
    for entry in &policy.evidence {
        let demanded = entry.count as usize;
        // A report written out stands for as many as the entry demands.
        let there = if written.iter().any(|report| report.entries.contains(&entry.name)) {
            demanded
        } else {
            evidence.iter().filter(|read| read.entry.as_ref() == Some(&entry.name)).count()
        };
        if there == 0 || there < demanded {
            absent.push(Evidence::absent(entry, there));
        }
    }
    absent
}

/// Why a file in a directory that was given is no report, and need not be one.
fn ignored(item: &PlannedFile, outcome: &report::ReadOutcome, options: &Options) -> Option<String> {
    match &outcome.error {
        Some(ReadError::Unknown { looks_like })
            if item.in_directory
                && item.entries.is_empty()
                && report::is_whole_document(&item.source, options) =>
        {
            Some(looks_like.clone())
        }
        _ => None,
    }
}

fn judge_report(
    policy: &Policy,
    (name, entries): (&str, &[String]),
    ignored: Option<String>,
    outcome: &report::ReadOutcome,
    tally: &Tally<'_>,
    (context, change): (&Context, Option<&Diff>),
    evidence: &mut Vec<Evidence>,
) {
    if let Some(looks_like) = ignored {
        evidence.push(Evidence::ignored(name, looks_like));
        return;
    }
    let judge = |entry| {
        Evidence::judged(name, entry, outcome, tally.counts, &tally.categories, context, change)
            .of_trusted_tool(&policy.trust, outcome.report.database, context)
    };
    if entries.is_empty() {
        evidence.push(judge(None));
    }
    evidence.extend(entries.iter().map(|name| judge(entry(policy, name))));
}

fn entry<'p>(policy: &'p Policy, name: &str) -> Option<&'p EvidenceEntry> {
    policy.evidence.iter().find(|e| e.name == name)
}

//! Which files are read for which evidence entry, and the reading itself: files in parallel above a size.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::decide::{
    Comparison, Context, Counts, Document, DocumentLimits, Evidence, Fault, Gathered, Relations, Status,
    Tally,
};
use crate::finding::{Finding, Package, Purl, SecretKey, Severity, Statement, Text, clean};
use crate::policy::testing::{Flaw, Written};
use crate::policy::{Entry, EntryKind, Feed, PathGlob, Policy, ReportMapping};
use crate::relate::{Acceptance, Base, Exploitation, Heads, Vex, Waivers};
use crate::report::{self, Hint, Options, ReadError, Sink, Source};
use crate::saved::{Saved, SavedBase, SavedDocument, SavedReport, Secrets};

/// Below this many bytes in all, starting threads costs more than it gains.
const PARALLEL_FROM: u64 = 4 << 20;
/// Largest JSON document of a `document` rule.
const MAX_DOCUMENT: u64 = 16 << 20;
/// Deepest directory that is walked.
const MAX_WALK: usize = 128;

/// A file given on the command line.
#[derive(Debug, Clone)]
pub struct Given {
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
    /// Findings a rule whose details are kept.
    pub max_findings: usize,
}

/// A file to read.
#[derive(Debug)]
struct Item {
    /// Its path as outputs name it.
    name: String,
    source: Source,
    bytes: u64,
    format: Option<String>,
    /// Names of the entries it is for, in the policy's order.
    entries: Vec<String>,
    /// Found by walking a directory that was given.
    in_directory: bool,
}

impl Item {
    fn of_saved(document: &SavedDocument) -> Self {
        Self {
            name: document.name.clone(),
            source: document.source.clone(),
            bytes: document.source.size(),
            format: None,
            entries: document.entries.clone(),
            in_directory: false,
        }
    }
}

/// What a run is given.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'p> {
    /// What decides.
    pub policy: &'p Policy,
    /// Exceptions to its rules.
    pub waivers: &'p Waivers,
    /// Files of the command line.
    pub given: &'p [Given],
    /// Prefixes that scanners put before paths of the project.
    pub roots: &'p [String],
    /// What the change is compared with.
    pub comparison: Option<&'p Comparison>,
    /// The key under which values of secrets are compared with those of the base.
    pub secret_key: Option<&'p SecretKey>,
    /// What somebody asks about, as `explain` takes it.
    pub watch: Option<&'p str>,
    /// Reports written out in a case of the policy; then nothing is looked for.
    pub rehearsal: Option<Rehearsal<'p>>,
    /// Evidence of an earlier run, which takes the place of all files.
    pub saved: Option<&'p Saved>,
    /// Where the evidence of this run is kept.
    pub keep: Option<&'p OnceCell<Saved>>,
}

/// What a case of the policy lays on the table.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal<'p> {
    /// Reports without files.
    pub reports: &'p [Written],
    /// The states of their findings stand for a base.
    pub base_given: bool,
}

/// Finds and reads all evidence.
pub fn gather<'p>(
    inputs: Inputs<'p>,
    context: &Context,
    limits: Limits,
    names: &'p mut Vec<Vec<String>>,
) -> Result<Gathered<'p>, Vec<Fault>> {
    let Inputs { policy, waivers, given, roots, comparison, secret_key, watch, rehearsal, saved, keep } =
        inputs;
    let items = match saved {
        Some(saved) => saved.documents.iter().map(Item::of_saved).collect(),
        None => plan(policy, given, limits, rehearsal.is_none())?,
    };
    let (documents, reports): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| is_document(policy, item));
    let (told, exploitation, vex) = feeds(policy, &documents, context, limits);
    let now = context.now.as_second();
    let base = comparison.map(|comparison| &comparison.base);
    let bars = Arc::new(base.map(Base::first_bars).unwrap_or_default());
    let to = Relations {
        policy,
        waivers,
        exploitation,
        vex,
        now,
        cap: limits.max_findings,
        base,
        bars,
        watch,
        keep: keep.is_some(),
    };
    let of_saved = saved.map_or(&[][..], |saved| saved.reports.as_slice());
    *names = reports
        .iter()
        .map(|item| &item.entries)
        .chain(of_saved.iter().map(|r| &r.entries))
        .cloned()
        .collect();
    let total: u64 = reports.iter().map(|item| item.bytes).sum();
    // Asked only where it matters: to find out takes longer than to read a small file.
    let cores = if total < PARALLEL_FROM { 1 } else { cores() };
    let read_ahead = cores > reports.len();
    let secret_key = secret_key.cloned();
    let options = Options { max_report: limits.max_report, read_ahead, roots: roots.to_vec(), secret_key };
    let mut read = read_all(&to, &reports, names, &options, cores);
    if let Some(base) = base {
        read_again(base, &to, &reports, names, &options, &mut read);
    }

    let tally = Tally::new(to.clone(), &[], 0);
    let base_given = rehearsal.is_some_and(|rehearsal| rehearsal.base_given);
    let mut gathered =
        Gathered { evidence: Vec::new(), tally, documents: Vec::new(), comparison, base_given };
    let mut kept = Keeping::default();
    for (item, (outcome, mut tally)) in reports.iter().zip(read) {
        let ignored = ignored(item, &outcome, &options);
        if keep.is_some() {
            kept.report(item, &outcome, ignored.as_ref(), std::mem::take(&mut tally.kept), base);
        }
        judge_report(
            policy,
            (&item.name, &item.entries),
            ignored,
            &outcome,
            &tally,
            context,
            &mut gathered.evidence,
        );
        gathered.tally.merge(tally);
    }
    for (report, entries) in of_saved.iter().zip(names.iter()) {
        let mut tally = Tally::new(to.clone(), entries, gathered.evidence.len());
        report.findings().for_each(|finding| Sink::finding(&mut tally, finding));
        let outcome = report.outcome();
        tally.about(&outcome.report.digests);
        let name = (report.name.as_str(), report.entries.as_slice());
        judge_report(policy, name, report.ignored.clone(), &outcome, &tally, context, &mut gathered.evidence);
        gathered.tally.merge(tally);
    }
    let written = rehearsal.map_or(&[][..], |rehearsal| rehearsal.reports);
    for report in written {
        rehearse(&to, report, context, &mut gathered);
    }
    gathered.evidence.extend(told);
    for item in &documents {
        let limits = DocumentLimits { document: MAX_DOCUMENT, report: limits.max_report };
        read_document(policy, item, limits, context, &mut gathered);
    }
    for entry in &policy.evidence {
        let files = reports.iter().chain(&documents).map(|item| &item.entries);
        let there =
            files.chain(of_saved.iter().map(|r| &r.entries)).filter(|e| e.contains(&entry.name)).count();
        // A report written out stands for as many as the entry demands.
        let written = written.iter().any(|report| report.entries.contains(&entry.name));
        let there = if written { entry.count as usize } else { there };
        if there == 0 || there < entry.count as usize {
            gathered.evidence.push(Evidence::absent(entry, there));
        }
    }
    Evidence::name_copies(&mut gathered.evidence);
    if let Some(keep) = keep {
        let heads = &gathered.tally.heads;
        let _ = keep.set(kept.all(&documents, comparison.map(|comparison| (comparison, heads))));
    }
    Ok(gathered)
}

/// A report written out: made by nobody, about this run.
fn rehearse<'p>(to: &Relations<'p>, written: &'p Written, context: &Context, gathered: &mut Gathered<'p>) {
    let policy = to.policy;
    let mut tally = Tally::new(to.clone(), &written.entries, gathered.evidence.len());
    for finding in &written.findings {
        Sink::finding(&mut tally, finding.clone());
    }
    for entry in written.entries.iter().filter_map(|name| entry(policy, name)) {
        let EntryKind::Report(category) = entry.kind else { continue };
        let mut made = report::Report {
            categories: [category].into(),
            generated: report::Generated::At(written.made),
            commit: context.commits.first().map(|commit| Text::line(commit)),
            digests: context.digests(entry.subject.as_deref()).into_iter().map(Text::line).collect(),
            target: written.target,
            ..report::Report::default()
        };
        let why = || Some(Text::line("the case says so"));
        match written.flaw {
            Some(Flaw::NothingScanned) => made.nothing_scanned = why(),
            Some(Flaw::Failed) => made.failed = why(),
            Some(Flaw::Incomplete) => {
                let message = Text::line("the case says so");
                made.problems.push(report::Problem { kind: report::ProblemKind::Scan, message, path: None });
                made.problems_total = 1;
            }
            None => {}
        }
        let outcome = report::Outcome { format: None, report: made, digest: None, error: None };
        let name = format!("{} of the case", entry.name);
        let (counts, categories) = (tally.counts, &tally.categories);
        gathered.evidence.push(Evidence::judged(
            &name,
            Some(entry),
            &outcome,
            counts,
            categories,
            context,
            None,
        ));
    }
    gathered.tally.merge(tally);
}

fn is_document(policy: &Policy, item: &Item) -> bool {
    item.entries
        .iter()
        .filter_map(|name| entry(policy, name))
        .any(|e| !matches!(e.kind, EntryKind::Report(_)))
}

fn entry<'p>(policy: &'p Policy, name: &str) -> Option<&'p Entry> {
    policy.evidence.iter().find(|e| e.name == name)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A report, the entries it is for, and its index in the evidence.
type Work<'i, 'p> = (&'i Item, &'p [String], usize);

fn work<'i, 'p>(items: &'i [Item], names: &'p [Vec<String>]) -> Vec<Work<'i, 'p>> {
    let mut index = 0;
    let mut work: Vec<Work<'i, 'p>> = Vec::new();
    for (item, entries) in items.iter().zip(names) {
        work.push((item, entries, index));
        index += entries.len().max(1);
    }
    work
}

fn read_one<'p>(
    to: &Relations<'p>,
    &(item, entries, evidence): &Work<'_, 'p>,
    options: &Options,
) -> (report::Outcome, Tally<'p>) {
    let mut tally = Tally::new(to.clone(), entries, evidence);
    let outcome = read_into(to.policy, item, options, &mut tally);
    tally.about(&outcome.report.digests);
    (outcome, tally)
}

fn read_into(policy: &Policy, item: &Item, options: &Options, sink: &mut dyn Sink) -> report::Outcome {
    let entry = item.entries.iter().find_map(|name| entry(policy, name));
    let category = entry.and_then(|e| match e.kind {
        EntryKind::Report(category) => Some(category),
        EntryKind::Document(_) | EntryKind::Feed(_) => None,
    });
    let format = item.format.as_deref().or(entry.and_then(|e| e.format.as_deref()));
    let mut outcome = match format.and_then(|id| policy.mapping(id)) {
        Some(mapping) => report::read_mapped(&item.source, mapping, options, sink),
        None => report::read(&item.source, Hint { format, category }, options, sink),
    };
    let sha256 = outcome.digest.as_ref().map(|(sha256, _)| sha256.as_str());
    report::receipt::tell(&mut outcome.report, &item.source, sha256);
    outcome
}

/// Once all findings were counted it is known of which there are more than the base has: those are new, and the reports
/// in which they were called existing are read a second time. Nothing else could tell their details apart, because
/// which findings are shown depends on which are new.
fn read_again<'p>(
    base: &Base,
    to: &Relations<'p>,
    items: &[Item],
    names: &'p [Vec<String>],
    options: &Options,
    read: &mut [(report::Outcome, Tally<'p>)],
) {
    let mut heads = Heads::default();
    for (_, tally) in read.iter() {
        heads.merge(&tally.heads);
    }
    let bars = base.bars(&heads);
    let now = Relations { bars: Arc::new(bars), ..to.clone() };
    for (work, (outcome, tally)) in work(items, names).iter().zip(read) {
        if !base.overturned(&tally.heads, &to.bars, &now.bars) {
            continue;
        }
        let (mut again, mut counted) = read_one(&now, work, options);
        if again.digest != outcome.digest {
            counted.restart();
            again = report::Outcome { digest: None, error: Some(ReadError::Changed), ..again };
        }
        (*outcome, *tally) = (again, counted);
    }
}

/// Reads reports of the base: the findings of each with its path, outcome and status.
pub fn base_reports(
    policy: &Policy,
    paths: &[PathBuf],
    limits: Limits,
    roots: &[String],
    secret_key: Option<&SecretKey>,
) -> Result<Vec<BaseReport>, Fault> {
    let given = paths.iter().map(|path| Given { path: path.clone(), format: None, entry: None });
    let mut items = Vec::new();
    for one in given {
        for (path, in_directory) in expand(&one) {
            items.push(item(policy, &one, &path, in_directory, limits)?);
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    let options = Options {
        max_report: limits.max_report,
        read_ahead: true,
        roots: roots.to_vec(),
        secret_key: secret_key.cloned(),
    };
    let context = Context::at(jiff::Timestamp::UNIX_EPOCH);
    let read = |item: Item| {
        let mut keep = Keep::default();
        let outcome = read_into(policy, &item, &options, &mut keep);
        let evidence = Evidence::judged(&item.name, None, &outcome, keep.counts, &[], &context, None);
        if evidence.status == Status::Unreadable {
            let path = Some(clean(&item.name).into_owned());
            return Err(Fault { path, message: format!("--base-report: {}", evidence.message) });
        }
        let (format, sha256) = (evidence.format.as_deref(), evidence.sha256.as_deref());
        let packages = match (format, sha256) {
            (Some(format), Some(sha256)) => report::listed_packages(&item.source, format, &options, sha256),
            _ => Vec::new(),
        };
        let inventory = match (format, sha256) {
            (Some(format), Some(sha256)) => {
                let listed = report::inventory(&item.source, format, &options, sha256);
                listed.into_iter().map(|listed| (listed.path, listed.purl)).collect()
            }
            _ => Vec::new(),
        };
        Ok(BaseReport { evidence, findings: keep.findings, packages, inventory })
    };
    let mut reports: Vec<BaseReport> = Vec::new();
    for item in items {
        let report = read(item)?;
        // Given twice, under whatever names, it does not show twice as many findings.
        let known = |other: &BaseReport| other.evidence.sha256 == report.evidence.sha256;
        if !reports.iter().any(known) {
            reports.push(report);
        }
    }
    Ok(reports)
}

/// A report of the base.
#[derive(Debug)]
pub struct BaseReport {
    /// The file and what it says of the scan.
    pub evidence: Evidence,
    /// Its findings, suppressed ones too.
    pub findings: Vec<Finding>,
    /// The packages that it lists, vulnerable or not, with the path of each.
    pub packages: Vec<(String, Package)>,
    /// The same of an SBOM: of each the file, where it says so.
    pub inventory: Vec<(Option<String>, Purl)>,
}

/// Keeps all findings of a report.
#[derive(Default)]
struct Keep {
    findings: Vec<Finding>,
    counts: Counts,
}

impl Sink for Keep {
    fn finding(&mut self, finding: Finding) {
        self.counts.add(&finding);
        self.findings.push(finding);
    }
    fn restart(&mut self) {
        *self = Self::default();
    }
}

/// Reads the reports, each with counts of its own; in parallel where it pays.
fn read_all<'p>(
    to: &Relations<'p>,
    items: &[Item],
    names: &'p [Vec<String>],
    options: &Options,
    cores: usize,
) -> Vec<(report::Outcome, Tally<'p>)> {
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
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(job) = work.get(i) {
                        let read = read_one(job);
                        done.lock().unwrap_or_else(PoisonError::into_inner).insert(i, read);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Why a file in a directory that was given is no report, and need not be one.
fn ignored(item: &Item, outcome: &report::Outcome, options: &Options) -> Option<String> {
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

/// Keeps the evidence of a run as it was read.
#[derive(Default)]
struct Keeping {
    saved: Saved,
    secrets: Secrets,
    left_alone: BTreeSet<String>,
}

impl Keeping {
    fn report(
        &mut self,
        item: &Item,
        read: &report::Outcome,
        ignored: Option<&String>,
        findings: Vec<Finding>,
        base: Option<&Base>,
    ) {
        if let Some(diff) = base.and_then(Base::diff) {
            let paths = read.report.problems.iter().filter_map(|problem| problem.path.as_ref());
            let alone = paths.filter(|path| diff.leaves_file(path.as_str()));
            self.left_alone.extend(alone.map(ToString::to_string));
        }
        self.saved.reports.push(SavedReport {
            name: item.name.clone(),
            entries: item.entries.clone(),
            ignored: ignored.cloned(),
            format: read.format.as_ref().map(ToString::to_string),
            digest: read.digest.clone(),
            error: read.error.as_ref().map(ToString::to_string),
            report: read.report.clone(),
            findings: findings.into_iter().map(|finding| self.secrets.save(finding)).collect(),
        });
    }

    fn all(mut self, documents: &[Item], compared: Option<(&Comparison, &Heads)>) -> Saved {
        self.saved.documents = documents
            .iter()
            .map(|item| SavedDocument {
                name: item.name.clone(),
                entries: item.entries.clone(),
                source: item.source.clone(),
            })
            .collect();
        self.saved.base = compared.map(|(comparison, heads)| SavedBase {
            sources: comparison.sources.clone(),
            fixed: comparison.base.fixed(heads),
            left_alone: comparison.base.diff().map(|_| self.left_alone.into_iter().collect()),
        });
        self.saved
    }
}

fn judge_report(
    policy: &Policy,
    (name, entries): (&str, &[String]),
    ignored: Option<String>,
    outcome: &report::Outcome,
    tally: &Tally<'_>,
    context: &Context,
    evidence: &mut Vec<Evidence>,
) {
    if let Some(looks_like) = ignored {
        evidence.push(Evidence::ignored(name, looks_like));
        return;
    }
    let diff = tally.base().and_then(Base::diff);
    let judge =
        |entry| Evidence::judged(name, entry, outcome, tally.counts, &tally.categories, context, diff);
    if entries.is_empty() {
        evidence.push(judge(None));
    }
    evidence.extend(entries.iter().map(|name| judge(entry(policy, name))));
}

/// Reads the feeds, which come before the reports: what they know is put onto findings before a rule looks. A kind
/// of which one entry is absent, old or unreadable is not known at all.
fn feeds(
    policy: &Policy,
    items: &[Item],
    context: &Context,
    limits: Limits,
) -> (Vec<Evidence>, Arc<Exploitation>, Arc<Vex>) {
    let mut told = Vec::new();
    let (mut known, mut vex) = (Exploitation::default(), Vex::default());
    for item in items {
        for entry in item.entries.iter().filter_map(|name| entry(policy, name)) {
            let unreadable =
                |error: ReadError| Evidence::unreadable(&item.name, Some(entry), error.to_string());
            let max = limits.max_report;
            told.push(
                match entry.kind {
                    EntryKind::Feed(Feed::Kev) => report::read_kev(&item.source, max).map(|feed| {
                        let judged = Evidence::feed(&item.name, entry, &feed, context);
                        known.add_kev(feed.holds.cves);
                        judged
                    }),
                    EntryKind::Feed(Feed::Epss) => report::read_epss(&item.source, max).map(|feed| {
                        let judged = Evidence::feed(&item.name, entry, &feed, context);
                        known.add_epss(feed.holds.0);
                        judged
                    }),
                    EntryKind::Feed(Feed::Vex) => report::read_vex(&item.source, max).map(|feed| {
                        let mut judged = Evidence::feed(&item.name, entry, &feed, context);
                        if judged.status == Status::Complete {
                            judged.message = accept(policy, &item.name, feed.holds.0, context, &mut vex);
                        }
                        judged
                    }),
                    EntryKind::Report(_) | EntryKind::Document(_) => continue,
                }
                .unwrap_or_else(unreadable),
            );
        }
    }
    let files = |entry: &Entry| items.iter().filter(|i| i.entries.contains(&entry.name)).count();
    for entry in &policy.evidence {
        let of_entry = |e: &&Evidence| e.entry.as_ref() == Some(&entry.name);
        let sound = files(entry) > 0
            && files(entry) >= entry.count as usize
            && told.iter().filter(of_entry).all(|e| e.status == Status::Complete);
        match entry.kind {
            EntryKind::Feed(Feed::Kev) if !sound => known.drop_kev(),
            EntryKind::Feed(Feed::Epss) if !sound => known.drop_epss(),
            _ => {}
        }
    }
    (told, Arc::new(known), Arc::new(vex))
}

/// Takes the statements that the policy accepts; says what becomes of them.
fn accept(policy: &Policy, file: &str, said: Vec<Statement>, context: &Context, vex: &mut Vex) -> String {
    let Some(rules) = &policy.vex else {
        return "they change nothing: the policy accepts none (`vex: {accept: [AUTHOR]}`)".to_owned();
    };
    let accept = Acceptance { authors: &rules.accept, max_age: rules.max_age, now: context.now };
    let (useful, idle) = vex.add(&clean(file), said, accept);
    let idle: Vec<String> = idle.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let rest =
        if idle.is_empty() { String::new() } else { format!("; changing nothing: {}", idle.join(", ")) };
    format!("{useful} accepted as not affected{rest}")
}

fn read_document(
    policy: &Policy,
    item: &Item,
    limits: DocumentLimits,
    context: &Context,
    gathered: &mut Gathered<'_>,
) {
    let is_document = |entry: &&Entry| matches!(entry.kind, EntryKind::Document(_));
    for entry in item.entries.iter().filter_map(|name| entry(policy, name)).filter(is_document) {
        match Document::read(&item.name, &item.source, entry, limits, context) {
            Ok((document, evidence)) => {
                gathered.evidence.push(evidence);
                gathered.documents.push(document);
            }
            Err(error) => {
                gathered.evidence.push(Evidence::unreadable(&item.name, Some(entry), error.to_string()));
            }
        }
    }
}

/// The files to read, sorted by name, each once.
fn plan(policy: &Policy, given: &[Given], limits: Limits, look: bool) -> Result<Vec<Item>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    let (given, unknown) = resolve(policy, given);
    faults.extend(unknown);
    for one in &given {
        for (path, in_directory) in expand(one) {
            match item(policy, one, &path, in_directory, limits) {
                Ok(item) => items.push(item),
                Err(fault) => faults.push(fault),
            }
        }
    }
    let reports_given = given.iter().any(|g| {
        let kind = g.entry.as_ref().and_then(|name| entry(policy, name)).map(|e| e.kind);
        !matches!(kind, Some(EntryKind::Document(_) | EntryKind::Feed(_)))
    });
    for entry in policy.evidence.iter().filter(|_| look) {
        let is_report = matches!(entry.kind, EntryKind::Report(_));
        let filled = given.iter().any(|g| g.entry.as_ref() == Some(&entry.name));
        if !(is_report && reports_given || filled) {
            for path in entry.files.iter().flat_map(look_for) {
                let found = Given { path: path.clone(), format: None, entry: Some(entry.name.clone()) };
                items.extend(item(policy, &found, &path, false, limits));
            }
        }
    }
    if faults.is_empty() { unite(policy, items) } else { Err(faults) }
}

/// Reports and all their findings, suppressed ones too, each with the index of its report.
pub type Findings = (Vec<Evidence>, Vec<(Finding, usize)>);

/// Reads reports without a policy, but for `mappings` of formats of its own: their evidence as it would be judged
/// without an entry, and all findings, worst first.
pub fn findings(
    given: &[Given],
    mappings: &[ReportMapping],
    limits: Limits,
    roots: &[String],
    secret_key: Option<&SecretKey>,
) -> Result<Findings, Fault> {
    // They are read one after the other.
    let options = Options {
        max_report: limits.max_report,
        read_ahead: true,
        roots: roots.to_vec(),
        secret_key: secret_key.cloned(),
    };
    let context = Context::at(jiff::Timestamp::UNIX_EPOCH);
    let mut evidence = Vec::new();
    let mut all = Vec::new();
    for one in given {
        for (path, in_directory) in expand(one) {
            let name = path.to_string_lossy().into_owned();
            let source = if name == "-" { standard_input(limits.max_stdin)? } else { Source::File(path) };
            let mut keep = Keep::default();
            let hint = Hint { format: one.format.as_deref(), category: None };
            let outcome = match mappings.iter().find(|m| hint.format == Some(m.id.as_str())) {
                Some(mapping) => report::read_mapped(&source, mapping, &options, &mut keep),
                None => report::read(&source, hint, &options, &mut keep),
            };
            if in_directory
                && let Some(ReadError::Unknown { looks_like }) = &outcome.error
                && report::is_whole_document(&source, &options)
            {
                evidence.push(Evidence::ignored(&name, looks_like.clone()));
                continue;
            }
            let index = evidence.len();
            evidence.push(Evidence::judged(&name, None, &outcome, keep.counts, &[], &context, None));
            all.extend(keep.findings.into_iter().map(|finding| (finding, index)));
        }
    }
    Evidence::name_copies(&mut evidence);
    let rank = |finding: &Finding| std::cmp::Reverse(finding.severity.rank(Severity::Critical));
    // Stable, so that findings of one place stay in their report's order.
    all.sort_by(|(a, _), (b, _)| {
        (rank(a), a.path(), a.location.as_ref().and_then(|l| l.line), a.fingerprint).cmp(&(
            rank(b),
            b.path(),
            b.location.as_ref().and_then(|l| l.line),
            b.fingerprint,
        ))
    });
    Ok((evidence, all))
}

/// One item a file: a file that is named twice is read once, for all the entries that name it.
fn unite(policy: &Policy, items: Vec<Item>) -> Result<Vec<Item>, Vec<Fault>> {
    let mut united: BTreeMap<(PathBuf, String), Item> = BTreeMap::new();
    let mut faults = Vec::new();
    for item in items {
        let key = match &item.source {
            Source::File(path) => (fs::canonicalize(path).unwrap_or_else(|_| path.clone()), String::new()),
            Source::Bytes(_) => (PathBuf::new(), item.name.clone()),
        };
        let Some(known) = united.get_mut(&key) else {
            united.insert(key, item);
            continue;
        };
        if known.format.is_some() && item.format.is_some() && known.format != item.format {
            faults.push(Fault {
                path: Some(clean(&item.name).into_owned()),
                message: "is given twice, as two different formats".to_owned(),
            });
        }
        known.name = known.name.clone().min(item.name);
        known.format = known.format.take().or(item.format);
        known.in_directory &= item.in_directory;
        known.entries.extend(item.entries);
    }
    let mut items: Vec<Item> = united.into_values().collect();
    let position = |name: &String| policy.evidence.iter().position(|e| e.name == *name);
    for item in &mut items {
        item.entries.sort_by_key(position);
        item.entries.dedup();
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    if faults.is_empty() { Ok(items) } else { Err(faults) }
}

/// Given files with the full names of their entries: `scan` is `scan/api` where there is no other.
fn resolve(policy: &Policy, given: &[Given]) -> (Vec<Given>, Vec<Fault>) {
    let (mut named, mut faults) = (Vec::new(), Vec::new());
    for one in given {
        let Some(name) = &one.entry else {
            named.push(one.clone());
            continue;
        };
        let called: Vec<&str> =
            policy.evidence.iter().filter(|e| e.is_called(name)).map(|e| e.name.as_str()).collect();
        match called.as_slice() {
            [full] => named.push(Given { entry: Some((*full).to_owned()), ..one.clone() }),
            [] => faults.push(Fault { path: None, message: no_such_entry(policy, name) }),
            several => faults.push(Fault {
                path: None,
                message: format!(
                    "--evidence {}: there is one for each subject; say which: {}",
                    clean(name),
                    several.join(", ")
                ),
            }),
        }
    }
    (named, faults)
}

fn no_such_entry(policy: &Policy, name: &str) -> String {
    let known: Vec<&str> = policy.evidence.iter().map(|e| e.name.as_str()).collect();
    format!("--evidence {}: the policy has no such entry; it has {}", clean(name), known.join(", "))
}

fn item(
    policy: &Policy,
    given: &Given,
    path: &Path,
    in_directory: bool,
    limits: Limits,
) -> Result<Item, Fault> {
    let name = path.to_string_lossy().into_owned();
    let (source, bytes) = if name == "-" {
        let source = standard_input(limits.max_stdin)?;
        let bytes = if let Source::Bytes(bytes) = &source { bytes.len() as u64 } else { 0 };
        (source, bytes)
    } else {
        let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
        (Source::File(path.to_owned()), bytes)
    };
    let relative = relative(path);
    let entries = match &given.entry {
        Some(name) => vec![name.clone()],
        None => policy
            .evidence
            .iter()
            .filter(|e| e.files.iter().any(|glob| glob.matches_file(&relative)))
            .map(|e| e.name.clone())
            .collect(),
    };
    Ok(Item { name, source, bytes, format: given.format.clone(), entries, in_directory })
}

/// Standard input, held in memory because it may have to be read twice.
pub fn standard_input(max: u64) -> Result<Source, Fault> {
    let mut bytes = Vec::new();
    let fault = |message: String| Fault { path: Some("-".to_owned()), message };
    io::stdin()
        .lock()
        .take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| fault(format!("standard input cannot be read: {e}")))?;
    if bytes.len() as u64 > max {
        return Err(fault(format!("standard input is over the limit of {max} bytes (--max-stdin)")));
    }
    Ok(Source::Bytes(bytes.into()))
}

/// A path relative to the current directory, `/` only, as globs of a policy see it.
fn relative(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let parts: Vec<String> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

/// A given path itself, or the files of a given directory in name order.
pub fn expand(given: &Given) -> Vec<(PathBuf, bool)> {
    let is_directory = given.path.is_dir();
    if !is_directory || given.format.is_some() || given.entry.is_some() {
        return vec![(given.path.clone(), false)];
    }
    let mut files = Vec::new();
    // A directory that was not looked into is handed on as a file, and reported as unreadable.
    walk(&given.path, MAX_WALK, &mut |path, _| files.push((path.to_owned(), true)));
    files.sort();
    files
}

/// What a walk comes upon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// A file.
    File,
    /// A directory that cannot be read.
    Closed,
    /// A directory deeper than was asked for.
    Deeper,
}

/// Calls `met` for each file below `directory`, and for each directory that was not looked into. Hidden files and linked
/// directories are left out: `.gitkeep` is no report, and a link can lead back.
fn walk(directory: &Path, depth: usize, met: &mut dyn FnMut(&Path, Met)) {
    let Ok(entries) = fs::read_dir(directory) else {
        met(directory, Met::Closed);
        return;
    };
    for entry in entries {
        let Ok(entry) = entry else {
            met(directory, Met::Closed);
            continue;
        };
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if report::receipt::is_receipt(&path) {
            continue;
        }
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && depth > 0 {
            walk(&path, depth - 1, met);
        } else if is_directory {
            met(&path, Met::Deeper);
        } else if !path.is_dir() {
            met(&path, Met::File);
        }
    }
}

/// The files below the current directory that a glob of the policy names.
pub fn look_for(glob: &PathGlob) -> Vec<PathBuf> {
    let text = glob.text();
    let magic = |part: &str| part.contains(['*', '?', '[', '{']);
    if !magic(text) {
        let path = PathBuf::from(text);
        // A dangling link is there, and unreadable.
        return if path.symlink_metadata().is_ok() { vec![path] } else { Vec::new() };
    }
    let fixed: PathBuf = text.split('/').take_while(|part| !magic(part)).collect();
    let below = text.split('/').count() - fixed.components().count();
    let endless = text.contains("**");
    let depth = if endless { MAX_WALK } else { below.saturating_sub(1) };
    let start = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
    let mut found = Vec::new();
    if start.is_dir() {
        walk(start, depth, &mut |path, met| {
            let name = relative(path);
            let found_here = match met {
                Met::File => glob.matches_file(&name),
                // There could be one in it: as a file of the entry it is reported as unreadable.
                Met::Closed => true,
                Met::Deeper => endless,
            };
            if found_here {
                found.push(if name.is_empty() { PathBuf::from(".") } else { PathBuf::from(name) });
            }
        });
    }
    found.sort();
    found
}

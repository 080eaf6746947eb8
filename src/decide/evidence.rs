//! Whether the given evidence meets the policy's requirements.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Context, Counts, Obligation, Outcome};
use crate::decide::diagnostics::EvidenceDiagnostic;
use crate::diagnostic::{Diagnostic, SaidDiagnostic};
use crate::finding::{CLOCK_SKEW, Category, Text, clean, clean_line, duration_text};
use crate::policy::{Action, ActionsByProblem, EntryKind, EvidenceEntry, PathGlob, Policy, TrustRules};
use crate::relate::Diff;
use crate::report::{
    self, DatabaseDate, FeedFile, Format, Generated, ImageFacts, ProblemKind, ReadError, Report, Sbom,
    ScanProblem, Tool, ValueMask,
};

/// The state of one piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Read in full, and the tool says that it did its work.
    Complete,
    /// The tool says that part of the scan failed.
    Incomplete,
    /// The tool says that the scan failed.
    Failed,
    /// Nothing was scanned that the entry asks about.
    NothingScanned,
    /// Older than the policy allows, or without a time that shows otherwise.
    Stale,
    /// About another commit, image or kind of target.
    Foreign,
    /// Not there.
    Absent,
    /// There, but no whole report.
    Unreadable,
    /// In a directory, whole, and of a kind that no reader claims.
    Ignored,
}

impl Status {
    /// The word used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::NothingScanned => "nothing_scanned",
            Self::Stale => "stale",
            Self::Foreign => "foreign",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Ignored => "ignored",
        }
    }
}

/// One piece of evidence as judged; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Evidence {
    /// The file; null where there is none.
    pub path: Option<Text>,
    /// The entry of the policy that it is for.
    pub entry: Option<String>,
    /// SHA-256 of the file, where it was read to its end.
    pub sha256: Option<String>,
    /// Number of bytes.
    pub bytes: Option<u64>,
    /// Format id.
    pub format: Option<Cow<'static, str>>,
    /// The scanner.
    pub tool: Option<Tool>,
    /// Categories that it covers.
    pub categories: Vec<Category>,
    /// Its state.
    pub status: Status,
    /// Problems that made the scan incomplete.
    pub problems: Vec<ScanProblem>,
    /// When it was made, RFC 3339.
    pub generated_at: Option<String>,
    /// Commit and digests that it states.
    pub about: EvidenceTarget,
    /// Active findings by severity, as the report gives them.
    pub findings: Counts,
    /// Consequence of its state.
    pub outcome: Outcome,
    /// Why, in words; empty where nothing is to say.
    pub message: String,
    /// The code of the first reason, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The action to take, where there is one to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// How long the scan took, in seconds, where a receipt or the report tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<i64>,
    /// Approvals that resolve the review that it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// Why the policy does not trust the scanner.
    #[serde(skip)]
    pub distrust: Option<String>,
    /// Facts about the image that it scanned.
    #[serde(skip)]
    pub image: ImageFacts,
    /// The first file before it with the same SHA-256. Both count; whoever reads the verdict should know.
    pub copy_of: Option<Text>,
}

/// Commit and digests that a report states.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct EvidenceTarget {
    /// Commit.
    pub commit: Option<Text>,
    /// Image manifest digests.
    pub digests: Vec<Text>,
}

impl Evidence {
    /// An entry for which there are no files, or fewer than it demands.
    pub(crate) fn absent(entry: &EvidenceEntry, there: usize) -> Self {
        let names: Vec<&str> = entry.files.iter().map(PathGlob::text).collect();
        let names = names.join(" or ");
        let diagnostic = match there {
            0 => EvidenceDiagnostic::Absent { files: names },
            there => EvidenceDiagnostic::IncompleteSet { demanded: entry.count, files: names, there },
        };
        let outcome = if entry.required || there > 0 { Outcome::Fail } else { Outcome::NotApplicable };
        let mut absent =
            Self { entry: Some(entry.name.clone()), ..Self::nothing(Status::Absent, outcome, String::new()) };
        absent.explain(&diagnostic);
        absent
    }

    /// A document that was read.
    pub(crate) fn document(path: &str, entry: &EvidenceEntry, sha256: &str, bytes: u64) -> Self {
        Self {
            path: Some(Text::whole(path)),
            entry: Some(entry.name.clone()),
            sha256: Some(sha256.to_owned()),
            bytes: Some(bytes),
            format: Some("json".into()),
            ..Self::nothing(Status::Complete, Outcome::Pass, String::new())
        }
    }

    /// An index of images that was read: it is of an artifact of the run, or holds one.
    pub(crate) fn of_index(mut self, context: &Context) -> Self {
        let is = format!("sha256:{}", self.sha256.as_deref().unwrap_or_default());
        let ours: Vec<&str> = context.artifacts.iter().map(|artifact| artifact.digest.as_str()).collect();
        let known = context.indexes.iter().any(|index| index.digest == is);
        let is_ours = |digest: &&str| **digest == is || context.indexes_with(digest).contains(&is.as_str());
        if !known || !ours.iter().any(is_ours) {
            let ours = if ours.is_empty() { "an artifact of the run".to_owned() } else { ours.join(" or ") };
            let mut faults = EvidenceFaults::default();
            faults.add(Status::Foreign, Outcome::Fail, EvidenceDiagnostic::OtherIndex { is, ours });
            faults.apply_to(&mut self);
        }
        self
    }

    /// Where evidence of an entry is about one platform of an image, some of that entry must be about each other one.
    pub(crate) fn demand_platforms(all: &mut [Self], policy: &Policy, context: &Context) {
        for artifact in &context.artifacts {
            let platforms = context.platforms(&artifact.digest);
            let covering = context.covering(&artifact.digest);
            let mut stated: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
            for (at, one) in all.iter().enumerate() {
                let digests: BTreeSet<String> =
                    one.about.digests.iter().map(|digest| digest.as_str().to_owned()).collect();
                let of = one.entry.as_ref().and_then(|name| policy.entry(name)?.subject.as_ref());
                let fits = artifact.subject.is_none() || of.is_none() || of == artifact.subject.as_ref();
                if platforms.is_empty() || !fits || !covering.iter().any(|digest| digests.contains(*digest)) {
                    continue;
                }
                // What no entry names is told apart by its tool.
                let tool = || one.tool.as_ref().map(|tool| format!("a report of {}", tool.name));
                let name = one.entry.clone().or_else(tool).unwrap_or_default();
                stated.entry(name).or_insert_with(|| (at, BTreeSet::new())).1.extend(digests);
            }
            for (at, digests) in stated.into_values() {
                let alone = platforms.len() == 1 && digests.contains(&artifact.digest);
                let missing = platforms.iter().filter(|image| !alone && !digests.contains(&image.digest));
                let missing: Vec<String> = missing
                    .map(|image| format!("{} ({})", clean_line(&image.platform), image.digest))
                    .collect();
                if let Some(one) = all.get_mut(at).filter(|_| !missing.is_empty()) {
                    let (missing, index) = (missing.join(", "), artifact.digest.clone());
                    if one.status == Status::Complete {
                        one.status = Status::Incomplete;
                    }
                    one.outcome = one.outcome.max(Outcome::Fail);
                    one.explain(&EvidenceDiagnostic::PlatformNotCovered { missing, index });
                }
            }
        }
    }

    /// A feed that was read.
    pub(crate) fn feed<T>(path: &str, entry: &EvidenceEntry, read: &FeedFile<T>, context: &Context) -> Self {
        let mut judged = Self {
            path: Some(Text::whole(path)),
            entry: Some(entry.name.clone()),
            sha256: Some(read.sha256.clone()),
            bytes: Some(read.bytes),
            format: Some(read.edition.clone().into()),
            generated_at: display_time(&read.generated),
            ..Self::nothing(Status::Complete, Outcome::Pass, String::new())
        };
        let mut faults = EvidenceFaults::default();
        faults.of_age(Some(entry), &read.generated, context);
        faults.apply_to(&mut judged);
        judged
    }

    /// An SBOM that was read, judged by its age.
    pub(crate) fn sbom(
        path: &str,
        entry: &EvidenceEntry,
        sha256: &str,
        bytes: u64,
        sbom: &Sbom,
        context: &Context,
    ) -> Self {
        let mut judged = Self {
            format: Some(sbom.format.into()),
            generated_at: display_time(&sbom.generated),
            about: EvidenceTarget { commit: None, digests: sbom.digests.clone() },
            image: sbom.image.clone(),
            ..Self::document(path, entry, sha256, bytes)
        };
        let mut faults = EvidenceFaults::default();
        faults.of_age(Some(entry), &sbom.generated, context);
        faults.apply_to(&mut judged);
        judged
    }

    /// Who signed it, of those whom its entry demands.
    pub(crate) fn signed_by(&mut self, signers: &[String]) {
        self.say(&format!("signed by {}", signers.join(", ")));
    }

    /// It is of another signer than its entry demands: what it says of an image is not known.
    pub(crate) fn refuse(&mut self, why: &str, outcome: Outcome) {
        if self.status == Status::Complete {
            self.status = Status::Foreign;
        }
        self.outcome = self.outcome.max(outcome);
        (self.about, self.image) = (EvidenceTarget::default(), ImageFacts::default());
        self.say(why);
    }

    /// The policy does not trust the scanner that made it; where its version alone is not known, people look at it.
    /// Neither does it trust one with an old vulnerability database.
    pub(crate) fn of_trusted_tool(
        mut self,
        trust: &TrustRules,
        database: Option<DatabaseDate>,
        context: &Context,
    ) -> Self {
        let Some(tool) = &self.tool else { return self };
        let (name, version) = (tool.name.real(), tool.version.as_ref().map(Text::real));
        let format = self.format.as_deref().and_then(|id| Format::by_id(id).ok());
        let dated = format.filter(|format| format.dates_database).and_then(|_| {
            let (at, of_change) =
                (database.map(|date| date.at.as_second()), database.map(|date| date.of_change));
            trust.distrusts_database(name, at, of_change.unwrap_or_default(), context.now.as_second())
        });
        let distrusts = [(Status::Foreign, trust.distrusts(name, version)), (Status::Stale, dated)];
        for (status, distrust) in distrusts {
            let Some(distrust) = distrust else { continue };
            let outcome = if distrust.certain { Outcome::Fail } else { Outcome::Review };
            if self.status == Status::Complete && distrust.certain {
                self.status = status;
            }
            self.outcome = self.outcome.max(outcome);
            let why = clean(&distrust.why).into_owned();
            self.say(&why);
            self.distrust = Some(match self.distrust.take() {
                Some(first) => format!("{first}; {why}"),
                None => why,
            });
        }
        self
    }

    /// Tells nothing of all of them that is a value of a secret in one of them.
    pub(crate) fn withhold_all(evidence: &mut [Self], held: Option<&ValueMask>) {
        let Some(held) = held else { return };
        for one in evidence {
            one.withhold(held);
        }
    }

    /// Tells nothing of it that is a value of a secret in another report.
    fn withhold(&mut self, held: &ValueMask) {
        let Self { path, tool, problems, about, copy_of, .. } = self;
        let tool = tool.iter_mut().flat_map(|Tool { name, version }| [name].into_iter().chain(version));
        let problems = problems
            .iter_mut()
            .flat_map(|problem| [&mut problem.message].into_iter().chain(&mut problem.path));
        let about = about.commit.iter_mut().chain(&mut about.digests);
        held.mask(path.iter_mut().chain(copy_of).chain(tool).chain(problems).chain(about));
        if let Some(told) = held.masked(&self.message) {
            self.message = told;
        }
        if let Some(told) = self.suggestion.as_ref().and_then(|suggestion| held.masked(suggestion)) {
            self.suggestion = Some(told);
        }
    }

    /// Says why, where it is the first reason with its code.
    fn explain(&mut self, diagnostic: &dyn Diagnostic) {
        self.say(&diagnostic.to_string());
        if self.code.is_none() {
            (self.code, self.suggestion) = (Some(diagnostic.code().to_owned()), diagnostic.suggestion());
        }
    }

    /// Adds to what is said of it.
    fn say(&mut self, words: &str) {
        let more = if self.message.is_empty() { "" } else { "; " };
        self.message = format!("{}{more}{words}", self.message);
    }

    /// A file in a given directory that is no report.
    pub(crate) fn ignored(path: &str, why: String) -> Self {
        Self { path: Some(Text::whole(path)), ..Self::nothing(Status::Ignored, Outcome::NotApplicable, why) }
    }

    /// A file that could not be read.
    pub(crate) fn unreadable(path: &str, entry: Option<&EvidenceEntry>, why: &dyn Diagnostic) -> Self {
        let mut unreadable = Self {
            path: Some(Text::whole(path)),
            entry: entry.map(|e| e.name.clone()),
            ..Self::nothing(Status::Unreadable, Outcome::Error, String::new())
        };
        unreadable.explain(why);
        unreadable
    }

    /// A report of a run of which rows tell.
    pub(crate) fn of_rows(path: &str, tool: Option<Tool>, status: Status, message: String) -> Self {
        let outcome = if status == Status::Complete { Outcome::Pass } else { Outcome::Error };
        Self { path: Some(Text::whole(path)), tool, ..Self::nothing(status, outcome, message) }
    }

    fn nothing(status: Status, outcome: Outcome, message: String) -> Self {
        Self {
            path: None,
            entry: None,
            sha256: None,
            bytes: None,
            format: None,
            tool: None,
            categories: Vec::new(),
            status,
            problems: Vec::new(),
            generated_at: None,
            about: EvidenceTarget::default(),
            findings: Counts::default(),
            outcome,
            message,
            code: None,
            suggestion: None,
            took: None,
            obligations: Vec::new(),
            distrust: None,
            image: ImageFacts::default(),
            copy_of: None,
        }
    }

    /// A file that is read as a report and as a document must be the same both times.
    pub(crate) fn refuse_changed(all: &mut [Self]) {
        let mut first: BTreeMap<String, String> = BTreeMap::new();
        for evidence in all {
            let Some((path, sha256)) = evidence.path.as_ref().zip(evidence.sha256.as_ref()) else { continue };
            let known = first.entry(path.as_str().to_owned()).or_insert_with(|| sha256.clone());
            if known != sha256 {
                evidence.status = Status::Unreadable;
                evidence.outcome = Outcome::Error;
                evidence.message = String::new();
                evidence.code = None;
                evidence.explain(&ReadError::Changed);
            }
        }
    }

    /// Names the first of several files that are the same byte for byte in each of the others.
    pub(crate) fn name_copies(all: &mut [Self]) {
        let mut first: BTreeMap<String, (Option<Text>, Option<String>)> = BTreeMap::new();
        for evidence in all {
            let Some(sha256) = &evidence.sha256 else { continue };
            match first.get(sha256) {
                None => {
                    first.insert(sha256.clone(), (evidence.path.clone(), evidence.entry.clone()));
                }
                // One file that serves several entries is no copy of itself.
                Some((path, entry)) if *path == evidence.path && *entry != evidence.entry => {}
                Some((path, _)) => evidence.copy_of.clone_from(path),
            }
        }
    }

    /// A report that was read, judged by the entry it is for, or by the defaults of an entry where none names it.
    pub(crate) fn judged(
        path: &str,
        entry: Option<&EvidenceEntry>,
        read: &report::ReadOutcome,
        counts: Counts,
        categories: &[Category],
        context: &Context,
        diff: Option<&Diff>,
    ) -> Self {
        let report = &read.report;
        let mut covered: Vec<Category> = report.categories.iter().chain(categories).copied().collect();
        covered.sort_unstable();
        covered.dedup();
        let mut judged = Self {
            path: Some(Text::whole(path)),
            entry: entry.map(|e| e.name.clone()),
            sha256: read.digest.as_ref().map(|(sha256, _)| sha256.clone()),
            bytes: read.digest.as_ref().map(|(_, bytes)| *bytes),
            format: read.format.clone(),
            tool: read.format.is_some().then(|| report.tool.clone()),
            problems: report.problems.clone(),
            generated_at: display_time(&report.generated),
            about: EvidenceTarget { commit: report.commit.clone(), digests: report.digests.clone() },
            findings: counts,
            image: report.image.clone(),
            took: took(report),
            ..Self::nothing(
                Status::Complete,
                Outcome::Pass,
                report.note.as_ref().map(ToString::to_string).unwrap_or_default(),
            )
        };
        let mut faults = EvidenceFaults::default();
        if let Some(error) = &read.error {
            faults.unreadable(error);
        } else {
            faults.of_kind(entry, read.format.as_deref(), &covered);
            faults.of_report(entry, report, &covered, diff);
            faults.of_age(entry, &report.generated, context);
            faults.of_subject(entry, report, context);
            faults.of_receipt(entry, report, context);
        }
        judged.categories = covered;
        faults.apply_to(&mut judged);
        judged
    }
}

/// A receipt saw the whole run of the scanner, a report what the scanner itself has counted.
fn took(report: &Report) -> Option<i64> {
    let receipt = report.receipt.as_ref().and_then(|receipt| Some(receipt.as_ref().ok()?.took()));
    receipt.or_else(|| i64::try_from(report.lasted?.saturating_add(500) / 1000).ok())
}

fn display_time(generated: &Generated) -> Option<String> {
    match generated {
        Generated::At(time) => Some(time.to_string()),
        Generated::Unknown | Generated::Unreadable => None,
    }
}

/// Unmet requirements; the first decides the status that is shown, the worst the outcome.
#[derive(Default)]
struct EvidenceFaults(Vec<(Status, Outcome, Box<dyn Diagnostic>)>);

impl EvidenceFaults {
    fn add(&mut self, status: Status, outcome: impl Into<Outcome>, diagnostic: EvidenceDiagnostic) {
        self.0.push((status, outcome.into(), Box::new(diagnostic)));
    }

    /// Whether it is a report of the kind that the entry asks for: another scanner's clean report is no evidence, and
    /// no action of the entry makes it one.
    fn of_kind(&mut self, entry: Option<&EvidenceEntry>, format: Option<&str>, covered: &[Category]) {
        let (Some(entry), Some(format)) = (entry, format) else { return };
        if let Some(wanted) = entry.format.as_deref().filter(|wanted| *wanted != format) {
            let (wanted, is) = (wanted.to_owned(), format.to_owned());
            self.add(Status::Unreadable, Outcome::Error, EvidenceDiagnostic::OtherFormat { wanted, is });
        }
        if let EntryKind::Report(category) = entry.kind
            && let Ok(known) = Format::by_id(format)
            && !known.categories.contains(&category)
            && !covered.contains(&category)
        {
            let diagnostic = EvidenceDiagnostic::OtherCategory { format: format.to_owned(), category };
            self.add(Status::Foreign, Outcome::Fail, diagnostic);
        }
    }

    /// Statements of the report about its own completeness.
    fn of_report(
        &mut self,
        entry: Option<&EvidenceEntry>,
        report: &Report,
        covered: &[Category],
        diff: Option<&Diff>,
    ) {
        let nothing_scanned = entry.map_or(Action::Review, |e| e.nothing_scanned);
        if let Some(why) = &report.failed {
            self.add(Status::Failed, Outcome::Fail, EvidenceDiagnostic::ScanFailed { why: why.clone() });
        }
        if let Some(why) = &report.nothing_scanned {
            let diagnostic = EvidenceDiagnostic::NothingScanned { why: why.clone() };
            self.add(Status::NothingScanned, nothing_scanned, diagnostic);
        } else if let Some(EvidenceEntry { kind: EntryKind::Report(category), .. }) = entry
            && !report.scanned.contains(category)
        {
            let category = *category;
            let diagnostic = if covered.contains(&category) {
                EvidenceDiagnostic::CategoryNotShownScanned { category }
            } else {
                EvidenceDiagnostic::CategoryNotScanned { category, covered: list(covered) }
            };
            self.add(Status::NothingScanned, nothing_scanned, diagnostic);
        }
        if report.problems_total > 0 {
            let actions = entry.map_or(
                ActionsByProblem {
                    parse: Action::Review,
                    timeout: Action::Review,
                    rule: Action::Review,
                    scan: Action::Review,
                },
                |e| e.problems,
            );
            let worst = report.problems.iter().map(|p| problem_action(p, actions, diff)).max();
            let more = match report.problems_total {
                0 | 1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            let first = report.problems.first().map(ToString::to_string).unwrap_or_default();
            // What a problem that was not kept is about, nobody can say.
            let unseen = report.problems_total > report.problems.len() as u64;
            let action = worst.max(unseen.then_some(Action::Review)).unwrap_or(Action::Review);
            self.add(Status::Incomplete, action, EvidenceDiagnostic::ScanIncomplete { first, more });
        }
        if let Some(wanted) = entry.and_then(|e| e.target) {
            match report.target {
                Some(is) if is == wanted => {}
                Some(is) => {
                    self.add(Status::Foreign, Outcome::Fail, EvidenceDiagnostic::OtherTarget { wanted, is });
                }
                None => self.add(
                    Status::NothingScanned,
                    nothing_scanned,
                    EvidenceDiagnostic::TargetNotSaid { wanted },
                ),
            }
        }
    }

    /// A receipt that is demanded has to be there, of this report, and of this run's commit.
    fn of_receipt(&mut self, entry: Option<&EvidenceEntry>, report: &Report, context: &Context) {
        if !entry.is_some_and(|e| e.receipt) {
            return;
        }
        let why = match &report.receipt {
            None => EvidenceDiagnostic::ReceiptAbsent,
            Some(Err(why)) => EvidenceDiagnostic::ReceiptInvalid { why: why.clone() },
            Some(Ok(receipt)) => match &receipt.commit {
                _ if receipt.started_at.as_second() > context.now.as_second() + CLOCK_SKEW => {
                    EvidenceDiagnostic::ReceiptInFuture { time: receipt.started_at }
                }
                _ if receipt.ended_at.as_second() > context.now.as_second() + CLOCK_SKEW => {
                    EvidenceDiagnostic::ReceiptEndsInFuture { time: receipt.ended_at }
                }
                _ if context.commits.is_empty() => return,
                Some(commit) if context.commits.contains(commit) => return,
                Some(commit) => {
                    EvidenceDiagnostic::ReceiptOfOtherCommit { commit: clean_line(commit).into_owned() }
                }
                None => EvidenceDiagnostic::ReceiptWithoutCommit,
            },
        };
        self.add(Status::Foreign, Outcome::Fail, why);
    }

    fn of_age(&mut self, entry: Option<&EvidenceEntry>, generated: &Generated, context: &Context) {
        let Some((entry, max_age)) = entry.and_then(|e| Some((e, e.max_age?))) else { return };
        match generated {
            Generated::At(time) => {
                let age = context.now.as_second() - time.as_second();
                if age > max_age {
                    let (age, most) = (duration_text(age), duration_text(max_age));
                    self.add(Status::Stale, entry.stale, EvidenceDiagnostic::Stale { age, most });
                } else if age < -CLOCK_SKEW {
                    self.add(Status::Stale, entry.stale, EvidenceDiagnostic::InFuture { time: *time });
                }
            }
            Generated::Unknown => {
                let action = entry.age_unknown.unwrap_or(entry.stale);
                self.add(Status::Stale, action, EvidenceDiagnostic::AgeUnknown);
            }
            Generated::Unreadable => {
                self.add(Status::Stale, entry.stale, EvidenceDiagnostic::TimeUnreadable);
            }
        }
    }

    fn of_subject(&mut self, entry: Option<&EvidenceEntry>, report: &Report, context: &Context) {
        let mut bound = false;
        if let Some(commit) = &report.commit
            && !context.commits.is_empty()
        {
            let is = commit.as_str();
            bound = context.commits.iter().any(|c| c == is || (is.len() >= 12 && c.starts_with(is)));
            if !bound {
                let (is, ours) = (is.to_owned(), context.commits.join(" or "));
                self.add(Status::Foreign, Outcome::Fail, EvidenceDiagnostic::OtherCommit { is, ours });
            }
        }
        let digests = context.digests(entry.and_then(|e| e.subject.as_deref()));
        let digests: Vec<&str> = digests.into_iter().flat_map(|digest| context.covering(digest)).collect();
        if !digests.is_empty() {
            let of_image = report.target == Some(crate::finding::Target::Image);
            if report.digests.iter().any(|d| digests.contains(&d.as_str())) {
                bound = true;
            } else if let Some(first) = report.digests.first() {
                let ours = digests.join(" or ");
                self.add(
                    Status::Foreign,
                    Outcome::Fail,
                    EvidenceDiagnostic::OtherImage { is: first.clone(), ours },
                );
            } else if of_image {
                self.add(Status::Foreign, Outcome::Fail, EvidenceDiagnostic::ImageNotStated);
            }
        }
        if entry.is_some_and(|e| e.bound) && !bound && !self.0.iter().any(|(s, ..)| *s == Status::Foreign) {
            self.add(Status::Foreign, Outcome::Fail, EvidenceDiagnostic::Unbound);
        }
        if let Some(unbound) = report.unbound.as_ref().filter(|_| entry.is_some_and(|e| e.bound)) {
            let diagnostic = EvidenceDiagnostic::PartlyUnbound { what: unbound.clone() };
            self.add(Status::Foreign, Outcome::Fail, diagnostic);
        }
    }

    /// The file could not be read to its end.
    fn unreadable(&mut self, error: &ReadError) {
        let mut said = SaidDiagnostic::of(error);
        said.message = clean(&said.message).into_owned();
        self.0.push((Status::Unreadable, Outcome::Error, Box::new(said)));
    }

    fn apply_to(self, evidence: &mut Evidence) {
        let Some((status, ..)) = self.0.first() else { return };
        evidence.status = *status;
        evidence.outcome = self.0.iter().map(|(_, outcome, _)| *outcome).max().unwrap_or(Outcome::Error);
        // What the report itself notes is no reason.
        evidence.message = String::new();
        self.0.iter().for_each(|(.., diagnostic)| evidence.explain(diagnostic.as_ref()));
    }
}

/// `parse: warn` holds only for files that the change leaves alone; without a diff every file counts as touched.
fn problem_action(problem: &ScanProblem, actions: ActionsByProblem, diff: Option<&Diff>) -> Action {
    let untouched =
        || problem.path.as_ref().zip(diff).is_some_and(|(path, diff)| diff.leaves_file(path.real()));
    match problem.kind {
        ProblemKind::Parse if untouched() => actions.parse,
        ProblemKind::Parse => actions.parse.max(Action::Review),
        ProblemKind::Timeout => actions.timeout,
        ProblemKind::Rule => actions.rule,
        ProblemKind::Scan => actions.scan,
    }
}

fn list(categories: &[Category]) -> String {
    match categories {
        [] => "nothing".to_owned(),
        some => some.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", "),
    }
}

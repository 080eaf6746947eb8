//! Output of a reader: findings one by one, and what the report says about itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::conceal::{
    conceal, conceal_place, conceal_tool, is_rule_on_credentials, leaves_value_out, literals,
    speaks_of_credentials, without_credential_values,
};
use super::credential_rule::is_about_secrets;
use super::receipt::Receipt;
use super::secret::{SecretValues, ValueMask};
use super::{ImageFacts, Source};
use crate::finding::{Category, Finding, Location, SecretKey, Target, Text, clean_line};

/// Most problems that are kept of one report; their number stays exact.
const MAX_PROBLEMS: usize = 10_000;

/// Bytes at the end of a file that a reader may look at.
const TAIL: u64 = 64 << 10;

/// Where findings go while a report is read.
pub trait Sink {
    /// Takes one finding.
    fn finding(&mut self, finding: Finding);
    /// Forgets all that came from this report: it is read again, or it turned out unreadable.
    fn restart(&mut self);
    /// Takes the number of findings that the report leaves out.
    fn hidden(&mut self, _: HiddenFindings) {}
}

/// Findings that a tool was told to leave out of its report, where it still says how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenFindings {
    /// The tool.
    pub tool: Text,
    /// Things that it counts, in its own word.
    pub counted: &'static str,
    /// The file; empty for all that was scanned.
    pub path: Text,
    /// How many.
    pub count: u64,
}

/// Metadata of a report.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The tool that wrote it.
    pub tool: Tool,
    /// Categories that it covers: those its format always scans, and those of which it names a scanned target or
    /// holds a finding.
    pub categories: BTreeSet<Category>,
    /// Of them, those that it shows to have been scanned whatever was found: a finding by itself is no proof of a scan,
    /// or one finding more would make a report better.
    #[serde(default)]
    pub scanned: BTreeSet<Category>,
    /// The tool says that the scan failed.
    pub failed: Option<Text>,
    /// The report shows that nothing was scanned.
    pub nothing_scanned: Option<Text>,
    /// The tool says that part of the scan failed.
    pub problems: Vec<ScanProblem>,
    /// Number of problems, also beyond those kept.
    pub problems_total: u64,
    /// When it was made.
    pub generated: Generated,
    /// Of when the vulnerability database is that it was made with, where it says.
    #[serde(default)]
    pub database: Option<DatabaseDate>,
    /// How long the scan took, in milliseconds, where the report says.
    pub lasted: Option<u64>,
    /// The commit it says it is about, in lower-case hexadecimal.
    pub commit: Option<Text>,
    /// Manifest digests of the image it says it is about, `sha256:…`.
    pub digests: Vec<Text>,
    /// Parts of it that say neither, where others do.
    pub unbound: Option<Text>,
    /// Facts about that image.
    pub image: ImageFacts,
    /// Kind of target that was scanned, where it says.
    pub target: Option<Target>,
    /// The receipt beside it, or why that is none of this report; `None` where there is none.
    pub receipt: Option<Result<Receipt, String>>,
    /// Remarks for readers of the verdict, although nothing is wrong.
    pub note: Option<Text>,
}

impl Report {
    /// Tells nothing of it that is a value of a secret in another report.
    pub fn withhold(&mut self, held: &ValueMask) {
        held.mask(self.texts());
    }

    /// Every text in it that a secret scanner may have written a value into.
    fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let Self { tool, failed, nothing_scanned, problems, commit, digests, unbound, note, image, .. } =
            self;
        [&mut tool.name]
            .into_iter()
            .chain(&mut tool.version)
            .chain(failed)
            .chain(nothing_scanned)
            .chain(
                problems
                    .iter_mut()
                    .flat_map(|problem| [&mut problem.message].into_iter().chain(&mut problem.path)),
            )
            .chain(commit)
            .chain(digests)
            .chain(unbound)
            .chain(note)
            .chain(image.texts())
    }
}

/// A scanner.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Tool {
    /// Its name.
    pub name: Text,
    /// Its version, where the report says.
    pub version: Option<Text>,
}

/// Something that kept a scan from being whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ScanProblem {
    /// Its kind.
    pub kind: ProblemKind,
    /// Message of the tool, one line.
    pub message: Text,
    /// The file concerned, relative to the project root, where the tool says.
    pub path: Option<Text>,
}

/// Kinds of problems, as policies name them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ProblemKind {
    /// A file could not be parsed.
    Parse,
    /// Time or memory ran out.
    Timeout,
    /// A rule could not be run.
    Rule,
    /// Anything else.
    Scan,
}

/// When a report was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Generated {
    /// It does not say.
    #[default]
    Unknown,
    /// At this time.
    At(Timestamp),
    /// It says something that is no time.
    Unreadable,
}

/// Of when a scanner's vulnerability database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DatabaseDate {
    /// That time.
    pub at: Timestamp,
    /// It is when an entry last changed, and nothing may have changed since; otherwise when all of it was put together
    /// or asked for.
    pub of_change: bool,
}

/// Context in which a report is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReportContext<'r> {
    /// Prefixes that are removed from paths.
    pub(super) roots: &'r [String],
    /// The key under which values of secrets are compared across runs.
    pub(super) key: Option<&'r SecretKey>,
    /// Values of secrets that the report holds.
    pub(super) values: Option<&'r SecretValues>,
    /// The run's clock, in seconds since 1970 UTC.
    pub(super) now: Option<i64>,
}

/// One reading of one report.
pub struct Reading<'s> {
    pub(super) report: Report,
    sink: &'s mut dyn Sink,
    around: ReportContext<'s>,
    known: &'s BTreeMap<String, String>,
    source: &'s Source,
    late: BTreeMap<String, String>,
    entry_category: Option<Category>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(
        tool: &str,
        sink: &'s mut dyn Sink,
        around: ReportContext<'s>,
        known: &'s BTreeMap<String, String>,
        entry_category: Option<Category>,
        source: &'s Source,
    ) -> Self {
        let tool = Tool { name: Text::line(tool), version: None };
        Self {
            report: Report { tool, ..Report::default() },
            sink,
            around,
            known,
            source,
            late: BTreeMap::new(),
            entry_category,
        }
    }

    /// The run's clock, in seconds since 1970 UTC; without one every time has come.
    pub(super) fn now(&self) -> i64 {
        self.around.now.unwrap_or(i64::MAX)
    }

    /// Prefixes that are removed from paths.
    pub fn roots(&self) -> &'s [String] {
        self.around.roots
    }

    /// Context of the report.
    pub(super) fn context(&self) -> ReportContext<'s> {
        self.around
    }

    /// The category of the evidence entries that name the file: what its findings are if nothing else tells.
    pub fn entry_category(&self) -> Option<Category> {
        self.entry_category
    }

    /// Says in which code the finding is that is handed over next: where that is about a credential, its value is told
    /// nowhere else.
    pub(super) fn in_code(&self, finding: &Finding, code: &str) {
        let mut names = [&finding.rule_id].into_iter().chain(&finding.rule_aliases);
        let is_about = |name: &Text| is_about_secrets(name.real(), &finding.cwes);
        if let Some(values) = self.around.values
            && (finding.may_hold_secret || names.any(is_about))
        {
            values.of_finding(&literals(code));
        }
    }

    /// Hands over a finding; its category is then covered.
    pub fn finding(&mut self, mut finding: Finding) {
        finding.may_hold_secret |= finding.category == Category::Secret
            || is_about_secrets(finding.rule_id.real(), &finding.cwes)
            || finding.rule_aliases.iter().any(|alias| is_about_secrets(alias.real(), &[]))
            || is_rule_on_credentials(finding.rule_id.real())
            // Where lines of code tell a finding apart, they may be what its message is about.
            || finding.told_by_code && speaks_of_credentials(finding.title.as_str());
        if leaves_value_out(&finding) && !finding.told_by_code {
            finding.bind_to_code();
        }
        if finding.exploit.is_none() {
            finding.exploit = finding.cvss.as_ref().and_then(|cvss| cvss.exploit());
        }
        conceal(&mut finding);
        if let Some(values) = self.around.values {
            values.mask_finding(&mut finding);
        }
        if !finding.suppressed {
            self.report.categories.insert(finding.category);
        }
        self.sink.finding(finding);
    }

    /// Forgets the findings handed over so far: a document that must be whole has a fault. The driver does so by
    /// itself, but for formats of lines, whose complete lines stay.
    pub fn forget(&mut self) {
        self.sink.restart();
    }

    /// Hands over how many findings the tool leaves out, of one file or of all.
    pub fn hidden(&mut self, tool: &str, counted: &'static str, path: Option<&str>, count: u64) {
        if count > 0 {
            let path = path.and_then(|path| Location::new(path, None, None, self.around.roots));
            let path = path.map(|at| at.path).unwrap_or_default();
            self.sink.hidden(HiddenFindings { tool: Text::line(tool), counted, path, count });
        }
    }

    /// The report has looked for this category.
    pub fn covers(&mut self, category: Category) {
        self.report.scanned.insert(category);
        self.report.categories.insert(category);
    }

    /// The tool's name, where the format is not one tool's own.
    pub fn tool(&mut self, name: &str) {
        self.report.tool.name = Text::line(name);
    }

    /// The tool's version.
    pub fn version(&mut self, version: &str) {
        self.report.tool.version = Some(Text::line(version)).filter(|v| !v.is_empty());
    }

    /// Part of the scan failed.
    pub fn problem(&mut self, kind: ProblemKind, message: &str, path: Option<&str>) {
        self.report.problems_total += 1;
        if self.report.problems.len() < MAX_PROBLEMS {
            let path = path.and_then(|p| Location::new(p, None, None, self.around.roots)).map(|at| at.path);
            let message = Text::line(&without_credential_values(message));
            self.report.problems.push(ScanProblem { kind, message, path });
        }
    }

    /// The scan failed as a whole.
    pub fn failed(&mut self, why: &str) {
        self.report.failed.get_or_insert_with(|| Text::line(&without_credential_values(why)));
    }

    /// Nothing was scanned.
    pub fn nothing_scanned(&mut self, why: &str) {
        self.report.nothing_scanned.get_or_insert_with(|| Text::line(&without_credential_values(why)));
    }

    /// Something that a reader of the verdict should know, although nothing is wrong.
    pub fn note(&mut self, note: &str) {
        self.report.note.get_or_insert_with(|| Text::line(&without_credential_values(note)));
    }

    /// When the report was made; RFC 3339, or without a zone, which then is UTC.
    pub fn generated(&mut self, text: &str) {
        self.report.generated = parse_time(text).map_or(Generated::Unreadable, Generated::At);
    }

    /// The report's time has a shape that is no time.
    pub fn generated_unreadable(&mut self) {
        self.report.generated = Generated::Unreadable;
    }

    /// When the vulnerability database was put together, or when an entry of it last changed; of several the oldest
    /// counts. What is no time tells nothing.
    pub fn database(&mut self, text: &str, of_change: bool) {
        let Some(at) = parse_time(text) else { return };
        if self.report.database.is_none_or(|known| at < known.at) {
            self.report.database = Some(DatabaseDate { at, of_change });
        }
    }

    /// How long a part of the scan took, in milliseconds.
    pub fn lasted(&mut self, milliseconds: u64) {
        self.report.lasted = Some(self.report.lasted.unwrap_or(0).saturating_add(milliseconds));
    }

    /// From when to when a part of the scan was run; what ends before it begins tells nothing.
    pub fn ran(&mut self, from: Option<Timestamp>, to: Option<Timestamp>) {
        let between = from.zip(to).map(|(from, to)| to.as_millisecond() - from.as_millisecond());
        if let Some(milliseconds) = between.and_then(|ms| u64::try_from(ms).ok()) {
            self.lasted(milliseconds);
        }
    }

    /// The commit the report is about.
    pub fn commit(&mut self, commit: &str) {
        self.report.commit = Some(Text::line(&commit.to_ascii_lowercase())).filter(|c| !c.is_empty());
    }

    /// A manifest digest, alone or after `NAME@`.
    pub fn image_digest(&mut self, reference: &str) {
        self.report.image.name(reference);
        let digest = reference.rsplit('@').next().unwrap_or_default();
        let digest = Text::line(&digest.to_ascii_lowercase());
        if digest.as_str().starts_with("sha256:") && !self.report.digests.contains(&digest) {
            self.report.digests.push(digest);
        }
    }

    /// Some parts of the report say neither commit nor image, though others do.
    pub fn partly_bound(&mut self, why: &str) {
        self.report.unbound = Some(Text::line(&without_credential_values(why)));
    }

    /// Facts about the image that was scanned.
    pub fn image(&mut self) -> &mut ImageFacts {
        &mut self.report.image
    }

    /// Kind of target that was scanned.
    pub fn target(&mut self, target: Target) {
        self.report.target = Some(target);
    }

    /// A fact that an earlier reading of the same file found behind the findings that need it.
    pub fn known(&self, place: &str) -> Option<&'s str> {
        self.known.get(place).map(String::as_str)
    }

    /// The last bytes of the file: where facts stand that findings before them need, a reader may guess them from
    /// here and note them as [`Self::late`] only if the guess turns out wrong.
    pub fn tail(&self) -> Vec<u8> {
        self.source.tail(TAIL)
    }

    /// Notes a fact that came after findings that need it: the file is read once more, and [`Self::known`]
    /// tells then.
    pub fn late(&mut self, place: String, fact: &str) {
        if self.known(&place) != Some(fact) {
            self.late.insert(place, fact.to_owned());
        }
    }

    pub(super) fn finish(mut self) -> (Report, BTreeMap<String, String>) {
        let Tool { name, version } = &mut self.report.tool;
        [name].into_iter().chain(version).for_each(conceal_tool);
        self.report.problems.iter_mut().filter_map(|problem| problem.path.as_mut()).for_each(conceal_place);
        let Report { image, commit, digests, .. } = &mut self.report;
        image.texts().chain(commit).chain(digests).for_each(conceal_place);
        if let Some(values) = self.around.values.filter(|values| !values.is_empty()) {
            self.report.texts().for_each(|text| values.mask(text));
        }
        (self.report, self.late)
    }
}

/// A time as scanners write it: RFC 3339, or a date and time without a zone, taken as UTC.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil: jiff::civil::DateTime = text.parse().ok().filter(|_| text.contains(':'))?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok()
}

impl ProblemKind {
    /// The word used in policies and outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Timeout => "timeout",
            Self::Rule => "rule",
            Self::Scan => "scan",
        }
    }
}

impl std::fmt::Display for ScanProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), clean_line(self.message.as_str()))?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, " ({path})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_scanners() {
        let at = |text| parse_time(text).map(Timestamp::as_second);
        let noon = at("2026-06-01T12:00:00Z");
        assert!(noon.is_some());
        assert_eq!(at("2026-06-01T14:00:00+02:00"), noon);
        assert_eq!(at("2026-06-01T12:00:00.123456789+00:00"), noon);
        assert_eq!(at("2026-06-01T12:00:00"), noon);
        assert_eq!(at("yesterday"), None);
        assert_eq!(at("2026-06-01"), None);
        assert_eq!(at("10000-01-01T00:00:00Z"), None);
    }
}

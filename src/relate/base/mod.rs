//! New findings: comparison with a base, which is a baseline file, the reports of the target branch, the diff of
//! the change, or several of them.
//!
//! - A finding of the base is recognised by its fingerprint and, where the report shows no code, by the code itself.
//! - Equal findings are counted. If there are more of them now than in the base, nobody can say which is the new one,
//!   so all of them are new. The same holds for those of a severity or worse: what was `low` does not excuse `high`.
//! - Of several sources all that can speak of a finding must know it.
//! - Whether a finding is existing depends on the base and on how many equal ones there are, and on nothing else.

mod baseline_file;
mod diff;
mod known_findings;
mod source_lines;
mod suppressed_findings;
#[cfg(test)]
mod tests;
mod tracked;
mod untracked;
mod work_tree;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use baseline_file::{BaseEntry, BaselineFile, summary};
use diff::Vouched;
pub use diff::{Diff, FileBefore, Replaced, TouchedFile, UnshownFile};
pub use source_lines::SourceTree;
use source_lines::together;
use suppressed_findings::SuppressedBefore;
pub use suppressed_findings::{MoreSuppressed, SuppressedFindings};
pub use tracked::{Conversion, TrackedFile};
pub(super) use work_tree::tells_its_letters;

use crate::finding::{
    Category, Finding, Fingerprint, Location, Package, Purl, Scope, SecretKey, Severity, Sighting, Stage,
    State, Text,
};
use crate::report::HiddenFindings;
use jiff::civil::Date;
use known_findings::{GONE, GroupMember, KnownFindings, NarrowGroup, RANKS, Ranked};

/// Errors in a file of the base, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseError {
    /// From 1.
    pub line: u64,
    /// From 1.
    pub column: u64,
    /// Problem, and what to do.
    pub message: String,
}

impl fmt::Display for BaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for BaseError {}

/// Base that the change is compared with.
#[derive(Debug)]
pub struct Base {
    baseline: Option<KnownFindings>,
    reports: Option<KnownFindings>,
    diff: Option<Arc<Diff>>,
    /// Where source files are, for findings that only code can tell apart.
    root: Option<PathBuf>,
    /// How an unknown severity counts.
    unknown: Severity,
    /// Key that values of secrets are compared under; `None` compares none.
    key: Option<SecretKey>,
    /// Suppressed findings that its reports tell of.
    suppressed: SuppressedBefore,
    /// Findings that are gone, as an earlier run found; then findings have their states already.
    settled: Option<Vec<BaseEntry>>,
    /// Of what more was suppressed, as an earlier run found.
    settled_suppressed: Vec<MoreSuppressed>,
    /// The baseline's lines that may hold a credential are written under a key.
    baseline_is_keyed: bool,
    /// A diff does not vouch for the lines that it leaves alone in files that it touches.
    lines_are_new: bool,
}

/// How bad a finding of each group may be to count as known, 0 for not at all: its rank must be below the bar.
pub type SeverityBars = Vec<u8>;

/// How many findings of each group the head holds, by rank.
#[derive(Debug, Clone, Default)]
pub struct Heads {
    counts: Vec<Ranked>,
    /// Findings that no source could be asked for: their lines may hold a credential, and no key is there to compare them.
    not_compared: BTreeSet<Fingerprint>,
}

impl Heads {
    fn add(&mut self, group: u32, rank: usize) {
        let at = group as usize;
        if self.counts.len() <= at {
            self.counts.resize(at + 1, Ranked::default());
        }
        if let Some(count) = self.counts.get_mut(at).and_then(|ranked| ranked.get_mut(rank)) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds those of another report.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), Ranked::default());
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.iter_mut().zip(theirs).for_each(|(to, from)| *to = to.saturating_add(*from));
        }
        self.not_compared.extend(&other.not_compared);
    }

    fn for_group(&self, group: u32) -> Ranked {
        self.counts.get(group as usize).copied().unwrap_or_default()
    }
}

/// How one source knows a finding.
#[derive(Debug, Clone, Copy)]
struct KnownAs {
    stage: Stage,
    /// Since when, where that is known.
    day: Option<Date>,
    /// By the path that its file had before the change, and not by its own.
    by_old_path: bool,
}

/// Answer to whether a finding is new.
#[derive(Debug, Clone, Copy)]
struct Judged {
    state: State,
    stage: Option<Stage>,
    first_seen: Option<Date>,
    /// A source knows it only by the path that its file had before the change.
    is_renamed: bool,
}

const NEW: Judged = Judged { state: State::New, stage: None, first_seen: None, is_renamed: false };

impl Base {
    /// A base that knows nothing. Source lines are read below `root`.
    pub fn new(unknown: Severity, root: Option<PathBuf>, key: Option<&SecretKey>) -> Self {
        Self {
            baseline: None,
            reports: None,
            diff: None,
            root,
            unknown,
            key: key.cloned(),
            suppressed: SuppressedBefore::default(),
            settled: None,
            settled_suppressed: Vec::new(),
            baseline_is_keyed: false,
            lines_are_new: false,
        }
    }

    /// A base of which an earlier run told what became: the findings have their states, `fixed` are gone, and the change
    /// suppresses more of these.
    pub fn settled(fixed: Vec<BaseEntry>, settled_suppressed: Vec<MoreSuppressed>) -> Self {
        let nothing = Self::new(Severity::Critical, None, None);
        Self { settled: Some(fixed), settled_suppressed, ..nothing }
    }

    /// Takes the diff of the change. To be called before any report is added.
    pub fn set_diff(&mut self, diff: impl Into<Arc<Diff>>) {
        self.diff = Some(diff.into());
    }

    /// Says that the lines that a diff leaves alone in files that it touches are new, where nothing else speaks of them.
    pub fn set_unchanged_lines_new(&mut self) {
        self.lines_are_new = true;
    }

    /// Takes the findings of a baseline.
    pub fn set_baseline(&mut self, file: BaselineFile) {
        self.baseline_is_keyed = file.key.is_some();
        let mut known = KnownFindings::default();
        for entry in file.entries {
            known.add(entry, self.unknown, None);
        }
        self.baseline = Some(known);
        self.number();
    }

    /// Takes the findings of one report of the base, with the tool, the categories that it covers and the packages that
    /// it lists. Only a `complete` one shows that something was not there.
    pub fn add_report<'f>(
        &mut self,
        tool: &str,
        covers: impl IntoIterator<Item = Category>,
        complete: bool,
        findings: impl IntoIterator<Item = &'f Finding> + Clone,
        packages: &[(String, Package, Option<Scope>)],
    ) {
        self.suppressed.report(tool, findings.clone(), &[]);
        let mut known = self.reports.take().unwrap_or_else(KnownFindings::of_reports);
        for category in covers {
            known.cover(tool, category);
        }
        for (path, package, scope) in packages.iter().filter(|_| complete) {
            known.listed(tool, path, package, *scope);
        }
        let mut code = self.code();
        for finding in findings {
            known.package(finding, complete);
            if finding.suppressed {
                continue;
            }
            known.cover(finding.tool.real(), finding.category);
            let content = self.content_before(finding, &mut code);
            let line = finding.location.as_ref().and_then(|at| at.line);
            known.add(BaseEntry::from_finding(finding, content), self.unknown, line);
        }
        self.reports = Some(known);
        self.number();
    }

    /// Whether a finding of a report of the base can be existing, and nothing besides such reports has to know it: no
    /// baseline, and no diff that leaves it alone.
    pub fn knows_by_reports_alone(&self, finding: &Finding) -> bool {
        let secret = finding.category == Category::Secret;
        let never = finding.suppressed
            || finding.is_malware()
            || secret && !(self.key.is_some() && finding.trace.is_some())
            || self.baseline.is_some();
        let left =
            || self.diff.as_ref().zip(finding.path()).is_some_and(|(diff, path)| diff.leaves_file(path));
        !never && self.vouched(finding) == Vouched::Nothing && !left()
    }

    /// Whether anything that is given could know a finding of this category, and of a secret one like this.
    pub fn tells_of(&self, finding: &Finding) -> bool {
        let secret = finding.category == Category::Secret;
        let by_diff = self.diff.is_some() && shown_by_files(finding);
        if secret && !(self.key.is_some() && finding.trace.is_some()) {
            return finding.sighting.is_in_file() && (by_diff || self.key.is_some());
        }
        by_diff
            || self.settled.is_some()
            || self.known().any(|known| known.speaks(finding.tool.real(), finding.category))
    }

    /// Whether values of secrets can be compared with those of another run.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Takes the packages that an SBOM of the base lists, each with its file where that is known.
    pub fn add_inventory(&mut self, packages: &[(Option<String>, Purl)]) {
        if packages.is_empty() {
            return;
        }
        let known = self.reports.get_or_insert_with(KnownFindings::of_reports);
        for (path, purl) in packages {
            known.inventoried(path.as_deref(), purl);
        }
        self.number();
    }

    /// Numbers the groups of all sources.
    fn number(&mut self) {
        let mut next = 0;
        for known in [&mut self.baseline, &mut self.reports].into_iter().flatten() {
            known.offset = next;
            next += u32::try_from(known.counts.len()).unwrap_or(u32::MAX);
        }
    }

    fn known(&self) -> impl Iterator<Item = &KnownFindings> {
        [&self.baseline, &self.reports].into_iter().flatten()
    }

    /// A reader of source lines, for one report at a time.
    pub fn code(&self) -> SourceTree {
        SourceTree::below(self.root.as_deref())
    }

    /// Digest that tells a finding of the base apart besides its fingerprint. The code before the change is read from the
    /// files after it, where the diff says that it is the same; without a diff it is not known.
    fn content_before(&self, finding: &Finding, code: &mut SourceTree) -> u64 {
        if let Some(trace) = finding.trace.filter(|_| finding.category == Category::Secret) {
            return trace.number();
        }
        let Some(diff) = self.diff.as_ref().filter(|_| told_by_lines(finding)) else { return 0 };
        together(places(finding).map(|(path, lines)| {
            if diff.leaves_file(path) {
                return self.number_of(finding, path, lines, code);
            }
            match diff.forward(path, lines) {
                Some((path, lines)) => self.number_of(finding, path, lines, code),
                None => GONE,
            }
        }))
    }

    /// The bars as long as each finding is thought to be the only one of its kind.
    pub fn initial_bars(&self) -> SeverityBars {
        let bar = |base: &Ranked| base.iter().rposition(|&count| count > 0).map_or(0, |rank| rank + 1);
        let all = self.known().flat_map(|known| known.counts.iter().map(bar));
        all.map(|bar| u8::try_from(bar).unwrap_or(0)).collect()
    }

    /// The bars once it is known how many there are: for each rank up to that of a finding, the head may hold no more
    /// findings that bad or worse than the base.
    pub fn bars(&self, heads: &Heads) -> SeverityBars {
        let counts = self.known().flat_map(|known| known.counts.iter());
        let bar = |(base, group): (&Ranked, u32)| {
            let head = heads.for_group(group);
            let from = |counts: &Ranked, rank: usize| -> u64 {
                counts.iter().skip(rank).map(|&count| u64::from(count)).sum()
            };
            let holds = |rank: &usize| from(&head, *rank) <= from(base, *rank) && from(base, *rank) > 0;
            u8::try_from((0..RANKS).take_while(holds).count()).unwrap_or(0)
        };
        counts.zip(0..).map(bar).collect()
    }

    /// Whether a finding among `heads` was called existing under the bars `then` and is not under `now`.
    pub fn overturned(&self, heads: &Heads, then: &SeverityBars, now: &SeverityBars) -> bool {
        heads.counts.iter().zip(then.iter().zip(now)).any(|(ranked, (&then, &now))| {
            let between = usize::from(now)..usize::from(then.max(now));
            ranked.get(between).is_some_and(|counts| counts.iter().any(|&count| count > 0))
        })
    }

    /// Says of a finding, as its report has it, whether it is new, and counts it.
    pub fn judge(
        &self,
        finding: &mut Finding,
        bars: &SeverityBars,
        heads: &mut Heads,
        code: &mut SourceTree,
    ) {
        if self.settled.is_some() {
            return;
        }
        let judged = self.state(finding, bars, heads, code);
        // It is counted, so that it is not called fixed; but nobody lives with what does harm.
        let judged = if finding.is_malware() { NEW } else { judged };
        (finding.state, finding.stage, finding.first_seen) = (judged.state, judged.stage, judged.first_seen);
        finding.renamed_from = self.renamed_from(finding, judged.is_renamed);
        let may_become_secret = finding.sighting == Sighting::InFile && finding.category != Category::Secret;
        if may_become_secret && finding.state == State::Existing && self.knows_lines(finding, code) {
            finding.sighting = Sighting::OnItsLines;
        }
    }

    /// Whether the lines that a source knows can be compared with a finding's: those of credentials are under a key.
    fn compares_lines(&self, known: &KnownFindings, finding: &Finding) -> bool {
        let under_key = finding.may_hold_secret && finding.told_by_code && self.baseline_is_keyed;
        known.is_reports() || !under_key || self.key.is_some()
    }

    /// Whether all that know an existing finding know it by its lines, and a secret on them would be the same.
    fn knows_lines(&self, finding: &Finding, code: &mut SourceTree) -> bool {
        let at = finding.path().zip(lines(finding));
        if !at.is_some_and(|(path, lines)| code.holds_whole_secret(path, lines)) {
            return false;
        }
        let old_path = finding.path().and_then(|path| self.diff.as_ref()?.old_path(path));
        let content = if finding.told_by_code { self.content(finding, code) } else { 0 };
        let by_lines = |known: &KnownFindings| {
            let fingerprints = [Some(finding.fingerprint), old_path.map(|path| finding.body.at(path))];
            // Without a digest of its own the code is part of the fingerprint, but for its literals.
            let compared = if finding.told_by_code { content != 0 } else { !finding.may_hold_secret };
            compared && fingerprints.into_iter().flatten().any(|id| known.group(id, content).is_some())
        };
        let mut asked = self.known().filter(|known| {
            self.compares_lines(known, finding) && known.speaks(finding.tool.real(), finding.category)
        });
        match self.vouched(finding) {
            Vouched::Nothing => asked.next().is_some_and(by_lines) && asked.all(by_lines),
            Vouched::File | Vouched::Lines => asked.all(by_lines),
        }
    }

    /// The places of an existing finding before the change, where its file, if the base knows it by its old path, or that
    /// of another place of it was renamed; else nothing.
    fn renamed_from(&self, finding: &Finding, is_renamed: bool) -> Vec<Location> {
        let Some(diff) = self.diff.as_ref().filter(|_| finding.state == State::Existing) else {
            return Vec::new();
        };
        let old = |at: &Location| diff.old_path(at.path.real()).map(Text::whole);
        let moved =
            |at: &Location| Location { path: old(at).unwrap_or_else(|| at.path.clone()), ..at.clone() };
        if !is_renamed && finding.also_at.iter().all(|at| old(at).is_none()) {
            return Vec::new();
        }
        let own = finding.location.iter().map(|at| if is_renamed { moved(at) } else { at.clone() });
        own.chain(finding.also_at.iter().map(moved)).collect()
    }

    fn state(
        &self,
        finding: &Finding,
        bars: &SeverityBars,
        heads: &mut Heads,
        code: &mut SourceTree,
    ) -> Judged {
        let secret = finding.category == Category::Secret;
        let content = if secret || told_by_lines(finding) { self.content(finding, code) } else { 0 };
        let comparable = !secret || content != 0;
        // What its value is nobody can say, so nobody can say that it is the same, but for whoever shows its file.
        if finding.suppressed || !comparable && !finding.sighting.is_in_file() {
            return NEW;
        }
        let old_path = finding.path().and_then(|path| self.diff.as_ref()?.old_path(path));
        // What the first that speaks of it says, unless another does not know it.
        let mut told: Option<Option<Stage>> = None;
        let mut first_seen = None;
        let mut is_renamed = false;
        let mut settled = false;
        let mut tell = |said: Option<Stage>| {
            told = Some(told.map_or(said, |before| before.and_then(|stage| said.map(|_| stage))));
        };
        for known in self.known() {
            // What cannot be compared with its secrets says nothing of one.
            let compares_lines = self.compares_lines(known, finding);
            if !compares_lines {
                heads.not_compared.insert(finding.fingerprint);
            }
            if comparable && compares_lines && known.speaks(finding.tool.real(), finding.category) {
                let found = self.find(known, finding, old_path, content, bars, heads);
                first_seen = first_seen.max(found.and_then(|found| found.day));
                is_renamed |= found.is_some_and(|found| found.by_old_path);
                tell(found.map(|found| found.stage));
                settled = true;
            }
        }
        match self.vouched(finding) {
            Vouched::File => tell(Some(Stage::Unchanged)),
            Vouched::Lines if secret && hides_value(finding, code) => {}
            Vouched::Lines if settled || !self.lines_are_new => tell(Some(Stage::UnchangedLines)),
            Vouched::Lines | Vouched::Nothing => {}
        }
        // Data that comes from a file that was not there takes another way, whoever knows where it ends.
        let comes_from_new = |diff: &Arc<Diff>| finding.passes.iter().any(|at| diff.adds(at.path.real()));
        if self.diff.as_ref().is_some_and(comes_from_new) {
            return NEW;
        }
        if let Some(Some(stage)) = told {
            return Judged { state: State::Existing, stage: Some(stage), first_seen, is_renamed };
        }
        let path = finding.path().unwrap_or_default();
        let shown = |known: &KnownFindings| {
            known.disclosed(finding, path) || old_path.is_some_and(|old| known.disclosed(finding, old))
        };
        if self.reports.as_ref().is_some_and(shown) {
            return Judged { state: State::NewlyDisclosed, ..NEW };
        }
        NEW
    }

    /// Counts a suppressed finding of the head, but for a vulnerability of a package that was there, which nobody reported
    /// then: an exception that was there already may be what hides it.
    pub fn count_suppressed(&self, finding: &Finding, counts: &mut SuppressedFindings) {
        if !finding.suppressed || self.reports.is_none() {
            return;
        }
        let old_path = finding.path().and_then(|path| self.diff.as_ref()?.old_path(path));
        let path = old_path.or_else(|| finding.path()).unwrap_or_default();
        let disclosed = self.reports.as_ref().is_some_and(|known| known.disclosed(finding, path));
        if !disclosed || self.suppressed.was_active(finding, old_path) {
            counts.add(finding, old_path);
        }
    }

    /// Takes what a report of the base only counts.
    pub fn add_hidden(&mut self, tool: &str, hidden: &[HiddenFindings]) {
        self.suppressed.report(tool, [], hidden);
    }

    /// Counts what a report of the head only counts.
    pub fn count_hidden(&self, hidden: &HiddenFindings, counts: &mut SuppressedFindings) {
        if self.reports.is_some() && self.settled.is_none() {
            counts.add_hidden(hidden, self.diff.as_ref().and_then(|diff| diff.old_path(hidden.path.real())));
        }
    }

    /// Of what more is suppressed than reports of the base show.
    pub fn more_suppressed(&self, head: &SuppressedFindings) -> Vec<MoreSuppressed> {
        if self.settled.is_some() { self.settled_suppressed.clone() } else { self.suppressed.more(head) }
    }

    /// Statements of the diff about a finding: of all its places what it says of the one that it knows least of.
    fn vouched(&self, finding: &Finding) -> Vouched {
        let diff = self.diff.as_ref().filter(|_| shown_by_files(finding));
        let Some((diff, path)) = diff.zip(finding.path()) else { return Vouched::Nothing };
        let first = diff.vouches(path, lines(finding));
        let others = finding.also_at.iter().map(|at| diff.vouches(at.path.real(), lines_of(at)));
        // Steps in what a scanner took from elsewhere (libraries of the system) are no files of the project.
        let altered = |at: &Location| at.project_path().is_none_or(|path| diff.alters(path, lines_of(at)));
        if finding.passes.iter().any(altered) {
            return Vouched::Nothing;
        }
        others.fold(first, Ord::min)
    }

    /// The digest of a finding's code, zero if it cannot be had. Of code that may hold a credential it is made under the
    /// key; without one it may be compared, and not written. Of a secret it is that of its value or, where the report
    /// has none, of the lines on which it stands.
    pub fn content(&self, finding: &Finding, code: &mut SourceTree) -> u64 {
        if finding.category == Category::Secret {
            match finding.trace {
                _ if self.key.is_none() => return 0,
                Some(trace) => return trace.number(),
                None if !told_by_lines(finding) => return 0,
                None => {}
            }
        }
        together(places(finding).map(|(path, lines)| self.number_of(finding, path, lines, code)))
    }

    /// A number for the lines at which a finding is or was.
    fn number_of(&self, finding: &Finding, path: &str, lines: (u32, u32), code: &mut SourceTree) -> u64 {
        match &self.key {
            Some(key) if finding.category == Category::Secret => code.secret_number(path, lines, key),
            None if finding.category == Category::Secret => 0,
            key => code.number(finding, path, lines, key.as_ref()),
        }
    }

    /// How one source knows a finding, and since when; counts it for every group that it could be of.
    fn find(
        &self,
        known: &KnownFindings,
        finding: &Finding,
        old_path: Option<&str>,
        content: u64,
        bars: &SeverityBars,
        heads: &mut Heads,
    ) -> Option<KnownAs> {
        let rank = finding.severity.rank(self.unknown);
        let line = finding.location.as_ref().and_then(|at| at.line);
        let mut found: Option<KnownAs> = None;
        // Counts it for the groups of an identity, and says whether all of them know it, and the first group.
        let mut count = |fingerprint: Fingerprint, content: u64| {
            let (group, narrow) = known.groups_for(finding, fingerprint, content)?;
            let mut holds = |group: u32| {
                let at = known.offset + group;
                heads.add(at, usize::from(rank));
                bars.get(at as usize).is_some_and(|&bar| rank < bar)
            };
            let holds_all = holds(group)
                & match narrow {
                    None => true,
                    Some(NarrowGroup::Absent) => false,
                    Some(NarrowGroup::At(group)) => holds(group),
                };
            Some((group, holds_all))
        };
        let old = old_path.map(|path| (finding.body.at(path), Stage::Renamed));
        for (fingerprint, stage) in [(finding.fingerprint, Stage::Exact)].into_iter().chain(old) {
            // Without content on both sides the fingerprint has to do; of a secret it never does.
            let without = (content != 0 && finding.category != Category::Secret).then_some(0);
            for content in [content].into_iter().chain(without) {
                if let Some((group, true)) = count(fingerprint, content) {
                    let moved = stage == Stage::Exact && !known.has_line(group, line);
                    let by_old_path = stage == Stage::Renamed;
                    let stage = if moved { Stage::Moved } else { stage };
                    let first = found.unwrap_or(KnownAs { stage, day: None, by_old_path });
                    found = Some(KnownAs { day: first.day.max(known.day(group)), ..first });
                }
            }
        }
        // In another version it is the same advisory, and as old.
        if finding.category == Category::Vulnerability {
            let package = baseline_file::package_of(finding);
            let named = baseline_file::named_of(finding);
            let own = (finding.path().unwrap_or_default(), false);
            for (path, by_old_path) in [own].into_iter().chain(old_path.map(|path| (path, true))) {
                let parts = [finding.tool.real(), path, finding.rule_id.real(), package.as_str()];
                // What does not tell its ecosystem may be of any.
                let mut groups = [named.as_str(), ""].into_iter().filter_map(|named| {
                    count(baseline_file::in_any_version(finding.category, parts, named)?, 0)
                });
                if let Some((group, true)) = groups.next() {
                    let day = known.day(group);
                    found = found.or(Some(KnownAs { stage: Stage::Version, day, by_old_path }));
                }
            }
        }
        found
    }

    /// Contents of the base and the head does not, with how many, sorted. Of secrets nothing is said without a key.
    pub fn fixed(&self, heads: &Heads) -> Vec<BaseEntry> {
        if let Some(fixed) = &self.settled {
            return fixed.clone();
        }
        let mut all = Vec::new();
        for known in self.known() {
            let mut left: Vec<Ranked> = Vec::with_capacity(known.counts.len());
            // Of all ranks together, because an advisory may have become worse with the version.
            let mut in_any_version: Vec<u64> = Vec::with_capacity(known.counts.len());
            for (base, group) in known.counts.iter().zip(known.offset..) {
                let gone = left_over(base, &heads.for_group(group));
                in_any_version.push(gone.iter().map(|&count| u64::from(count)).sum());
                left.push(gone);
            }
            for GroupMember { entry, group, versions } in &known.members {
                let rank = usize::from(entry.severity.rank(self.unknown));
                let secret =
                    entry.category == Category::Secret && !(self.key.is_some() && entry.content != 0);
                let by_reports = !known.is_reports()
                    && self.reports.as_ref().is_some_and(|r| r.speaks(&entry.tool, entry.category));
                let Some(count) = left.get_mut(*group as usize).and_then(|ranked| ranked.get_mut(rank))
                else {
                    continue;
                };
                let mut gone = (*count).min(entry.count);
                if let Some(all) = versions.and_then(|group| in_any_version.get_mut(group as usize)) {
                    gone = gone.min(u32::try_from(*all).unwrap_or(u32::MAX));
                    *all -= u64::from(gone);
                }
                let not_compared = !known.is_reports() && heads.not_compared.contains(&entry.fingerprint);
                if gone > 0 && !secret && !by_reports && !not_compared {
                    *count -= gone;
                    all.push(BaseEntry { count: gone, ..entry.clone() });
                }
            }
        }
        BaselineFile::new(None, all).entries
    }
}

/// Of a group's findings in the base those that are gone, the worst first.
fn left_over(base: &Ranked, head: &Ranked) -> Ranked {
    let sum = |counts: &Ranked| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
    let mut gone = sum(base).saturating_sub(sum(head));
    let mut left = Ranked::default();
    for (to, from) in left.iter_mut().zip(base).rev() {
        *to = u32::try_from(gone).unwrap_or(u32::MAX).min(*from);
        gone -= u64::from(*to);
    }
    left
}

/// Categories that a diff of source files can speak of.
const fn spoken_of(category: Category) -> bool {
    matches!(category, Category::Sast | Category::Secret | Category::Misconfiguration)
}

/// Whether a diff of source files can speak of a finding. What was found in the history may not be in them any more.
fn shown_by_files(finding: &Finding) -> bool {
    spoken_of(finding.category) && finding.sighting != Sighting::InHistory
}

/// Whether the same lines do not show the same secret.
fn hides_value(finding: &Finding, code: &mut SourceTree) -> bool {
    let at = finding.path().zip(lines(finding));
    finding.sighting == Sighting::InFile
        && !at.is_some_and(|(path, lines)| code.holds_whole_secret(path, lines))
}

/// Whether the code at its place tells a finding from others of its fingerprint.
fn told_by_lines(finding: &Finding) -> bool {
    if finding.category == Category::Secret { finding.sighting.is_in_file() } else { finding.told_by_code }
}

fn lines(finding: &Finding) -> Option<(u32, u32)> {
    lines_of(finding.location.as_ref()?)
}

/// The lines of a finding and of its other places; none where those of the finding itself are not known.
fn places(finding: &Finding) -> impl Iterator<Item = (&str, (u32, u32))> {
    let first = finding.path().zip(lines(finding));
    let others = finding.also_at.iter().filter_map(|at| Some((at.path.real(), lines_of(at)?)));
    first.into_iter().chain(others.filter(move |_| first.is_some()))
}

fn lines_of(at: &Location) -> Option<(u32, u32)> {
    let first = at.line?;
    Some((first, at.end_line.unwrap_or(first).max(first)))
}

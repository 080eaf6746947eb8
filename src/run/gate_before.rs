//! The gate before the change that it decides on: as `--base-policy` and `--base-waivers` say, else as the
//! project was before the diff.

mod evidence;
mod others;
mod previous_project;
mod scanner_settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::base::{BaselineFrom, BaselineText, GivenDiff};
use super::beside::{self, OtherGate};
use super::codeowners::{CodeownersText, OwnersFrom};
use super::policy_source::{PolicyRequest, PolicySource, PolicyText, policy_folders};
use super::waiver_files::{once, parse, text, texts};
use super::{ResolvedRun, RunRequest};
use crate::decide::GateComparison;
use crate::finding::clean;
use crate::gather::look_for;
use crate::policy::compare::LoosenedClause;
use crate::policy::waiver::{self, Waiver};
use crate::policy::{Allowance, EntryKind, Feed, GroupedBy, Policy, PolicyLine, compare};
use crate::relate::{BaselineFile, CODEOWNERS};
use crate::run::diagnostics::RunDiagnostic;
use previous_project::{PreviousFile, PreviousProject};

/// Remarks on the gate before this change; else git or the diff shows it.
#[derive(Debug, Clone, Default)]
pub struct GateBeforeRequest {
    /// The policy before this change: a file, or the name of an embedded policy.
    pub base_policy: Option<PathBuf>,
    /// The waiver files before this change.
    pub base_waivers: Vec<PathBuf>,
}

/// The gate that a run is about, as it is now.
#[derive(Clone, Copy)]
pub(crate) struct Present<'p> {
    pub(crate) request: &'p PolicyRequest,
    pub(crate) policy: &'p Policy,
    /// Files of `--waivers`.
    pub(crate) given: &'p [PathBuf],
    /// That of `--baseline`.
    pub(crate) baseline: Option<&'p BaselineText>,
    /// That of `--codeowners`.
    pub(crate) given_owners: Option<&'p Path>,
    /// The owners of files, where a file says who they are.
    pub(crate) owners: Option<&'p CodeownersText>,
    /// The files that it decides on, reports of the base too.
    pub(crate) evidence: &'p [PathBuf],
    pub(crate) now: Timestamp,
}

/// Names and bytes of files.
type Texts = Vec<(String, Vec<u8>)>;

/// The gate before the change, as it was read; a bundle of evidence holds the same bytes.
#[derive(Debug)]
pub(crate) struct GateBefore {
    /// The policy, where it was another.
    pub(crate) policy: Option<PolicyText>,
    /// Names and bytes of the waiver files, where they may have been others.
    pub(crate) waivers: Option<Texts>,
    /// Files of the project before the change; none where flags alone say what was.
    pub(crate) seen: Option<PriorFindings>,
    /// Baseline and feeds as they were, where the change alters them.
    pub(crate) files: FilesBefore,
}

/// Feeds of the project that the change alters, by their paths: what they held, or that they were not there.
pub(crate) type FeedsBefore = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Files of the project that findings are compared with or told apart by, as they were before the change.
#[derive(Debug, Default)]
pub(crate) struct FilesBefore {
    pub(crate) baseline: BaselineFrom,
    pub(crate) feeds: FeedsBefore,
    pub(crate) owners: OwnersFrom,
}

/// The gate that decided before the change, where it was another.
pub(crate) struct FormerGate {
    /// Where its policy comes from.
    pub(crate) source: String,
    text: PolicyText,
    /// Names and bytes of its waiver files; none where they are those of now.
    waivers: Option<Texts>,
    files: FilesBefore,
}

impl FormerGate {
    /// The gate, for a run that another policy decides.
    pub(crate) fn gate(self, request: &RunRequest, own: &ResolvedRun) -> Result<OtherGate> {
        let Self { source: _, text, waivers, files } = self;
        let policy = text.load()?;
        let texts = match waivers {
            Some(texts) => texts,
            None if policy.waivers.is_none() => Vec::new(),
            None => texts(&policy, &request.waivers)?,
        };
        let waivers = beside::held(&texts, &policy, own);
        let FilesBefore { baseline, feeds, owners } = files;
        Ok(OtherGate { policy, text: Some(text), waivers, waiver_texts: texts, baseline, feeds, owners })
    }
}

/// Facts about the project before a change whose files are not kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorFindings {
    /// Why no policy could decide.
    no_policy: Option<String>,
    /// There was a policy, and it was not valid.
    #[serde(default)]
    broken: bool,
    /// The embedded policy that decided, where the project had no gate of its own.
    #[serde(default)]
    embedded: Option<String>,
    /// The waivers were found and not given: faults in them are no error.
    found_waivers: bool,
    /// The compared policies.
    compared: Vec<String>,
    /// Further remarks.
    notes: Vec<String>,
    /// Where the gate is looser.
    clauses: Vec<LoosenedClause>,
}

impl GateBeforeRequest {
    /// Reads what the gate was; `None` if nothing says it.
    pub(crate) fn read_gate_before(
        &self,
        is: Present<'_>,
        change: Option<&GivenDiff>,
    ) -> Result<Option<GateBefore>> {
        let policy = self.policy()?;
        let waivers = match self.base_waivers.as_slice() {
            [] => None,
            paths => Some(read_texts(paths).context("--base-waivers")?),
        };
        let Some(change) = change else {
            let given = policy.is_some() || waivers.is_some();
            let files = FilesBefore::default();
            return Ok(given.then_some(GateBefore { policy, waivers, seen: None, files }));
        };
        let before = PreviousProject::from_change(change)?;
        let mut search = Search { is, seen: PriorFindings::default(), files: FilesBefore::default() };
        let policy = match policy {
            Some(policy) => Some(policy),
            None => match search.predecessor(&before)? {
                Predecessor::Same => None,
                Predecessor::Policy(text) => Some(text),
                Predecessor::Nothing(why) => {
                    search.seen.no_policy = Some(why);
                    None
                }
                Predecessor::Broken(why) => {
                    search.seen.no_policy = Some(why);
                    search.seen.broken = true;
                    None
                }
            },
        };
        let waivers = match waivers {
            Some(waivers) => Some(waivers),
            None => search.waivers(&before, policy.as_ref())?,
        };
        search.baseline(&before)?;
        search.statements(&before)?;
        search.feeds(&before, policy.as_ref())?;
        search.owners(&before, policy.as_ref())?;
        let own = is.request.source()?.file;
        others::look(&before, own.as_deref(), is.now, &mut search.seen)?;
        scanner_settings::compare_scanner_settings(&before, &mut search.seen)?;
        evidence::look(&before, is.evidence, &mut search.seen);
        let Search { is: _, seen, files } = search;
        Ok(Some(GateBefore { policy, waivers, seen: Some(seen), files }))
    }

    fn policy(&self) -> Result<Option<PolicyText>> {
        let Some(path) = &self.base_policy else { return Ok(None) };
        if path.as_os_str().is_empty() {
            bail!(RunDiagnostic::EmptyFlag { flag: "--base-policy".to_owned() });
        }
        let source = PolicySource::from_flag("--base-policy", path)?;
        Ok(Some(source.text().context("--base-policy")?))
    }
}

/// Names and bytes of files, each once, in the order of their names.
fn read_texts(paths: &[PathBuf]) -> Result<Texts> {
    once(paths.iter().cloned())?.iter().map(|path| text(path)).collect()
}

impl GateBefore {
    /// The gate of before, where its decision can be another; `present` is the text of the policy as it is.
    pub(crate) fn former(&mut self, present: &PolicyText) -> Option<FormerGate> {
        let nobody_decided = self.seen.as_ref().is_some_and(|seen| seen.no_policy.is_some());
        let files = std::mem::take(&mut self.files);
        let same = self.policy.is_none()
            && self.waivers.is_none()
            && matches!(files.baseline, BaselineFrom::Given)
            && matches!(files.owners, OwnersFrom::Given)
            && files.feeds.is_empty();
        if nobody_decided || same {
            return None;
        }
        let text = self.policy.as_ref().unwrap_or(present).clone();
        Some(FormerGate { source: text.source.clone(), text, waivers: self.waivers.clone(), files })
    }

    /// Compares the gate of a run with what it was.
    pub(crate) fn compare(
        &self,
        policy: &Policy,
        waivers: &[Waiver],
        now: Timestamp,
    ) -> Result<GateComparison> {
        let mut comparison = GateComparison::default();
        let before = self.policy.as_ref().map(PolicyText::load).transpose().context("--base-policy")?;
        if let Some(before) = &before {
            comparison.compared.push(format!("policy {} sha256:{}", before.source, before.sha256));
            comparison.clauses.extend(compare::policies(before, policy));
        }
        let old = before.as_ref().unwrap_or(policy);
        // It gated whatever came, also if it was to be advisory: that could not be told.
        comparison.enforced |= self.seen.as_ref().is_some_and(|seen| seen.broken);
        if let Some(why) = self.seen.as_ref().and_then(|seen| seen.no_policy.as_ref()) {
            let place = PolicyLine { file: policy.source.clone(), line: 1 };
            let after = "the first, and nothing tells whether it is strict enough";
            let clause = format!("policy of gate `{}`", policy.gate);
            comparison.clauses.push(LoosenedClause::outside_policy(&clause, why, after, None, Some(place)));
            let note = "no policy decided before this change, so that nobody is named who could allow it";
            comparison.notes.push(note.to_owned());
        } else {
            comparison.under(old, policy);
        }
        if let Some(texts) = &self.waivers {
            let found = self.seen.as_ref().is_some_and(|seen| seen.found_waivers);
            let known = if found {
                valid_waivers(texts, old, now, &mut comparison)
            } else {
                let files = parse(texts, old, now).context("--base-waivers")?;
                let named =
                    files.iter().map(|file| format!("waivers {} sha256:{}", file.source, file.sha256));
                comparison.compared.extend(named);
                waiver::unite(files)
                    .map_err(|why| RunDiagnostic::DuplicateWaiverId { why })
                    .context("--base-waivers")?
            };
            comparison.clauses.extend(compare::waivers(&known, waivers));
        }
        if let Some(seen) = &self.seen {
            let PriorFindings {
                no_policy: _,
                broken: _,
                embedded,
                found_waivers: _,
                compared,
                notes,
                clauses,
            } = seen;
            if embedded.is_some() {
                // Nobody of the project is named in it.
                comparison.embedded_before.clone_from(embedded);
                comparison.reviewers = None;
            }
            comparison.compared.extend(compared.iter().cloned());
            comparison.notes.extend(notes.iter().cloned());
            comparison.clauses.extend(clauses.iter().cloned());
        }
        comparison.before = before.map(Arc::new);
        Ok(comparison)
    }
}

/// The waivers that were found; those of a file that was not valid held none, and a change may correct it.
fn valid_waivers(
    texts: &[(String, Vec<u8>)],
    old: &Policy,
    now: Timestamp,
    comparison: &mut GateComparison,
) -> Vec<Waiver> {
    // Where none were allowed, none held.
    if old.waivers.is_none() {
        return Vec::new();
    }
    let mut files = Vec::new();
    let mut broken = |said: &str| {
        let first = said.lines().next().unwrap_or_default();
        comparison.notes.push(format!("waivers that were not valid count as none: {first}"));
    };
    for (name, bytes) in texts {
        match waiver::load(name, bytes, old, now) {
            Ok(file) => files.push(file),
            Err(error) => broken(&error.to_string()),
        }
    }
    let named: Vec<String> =
        files.iter().map(|file| format!("waivers {} sha256:{}", file.source, file.sha256)).collect();
    let known = waiver::unite(files).unwrap_or_else(|message| {
        broken(&message);
        Vec::new()
    });
    comparison.compared.extend(named);
    known
}

/// Policy that decided before the change.
enum Predecessor {
    /// The same policy.
    Same,
    /// Another.
    Policy(PolicyText),
    /// None that could decide, for this reason.
    Nothing(String),
    /// One that was not valid, for this reason: whatever it was given, it let nothing through.
    Broken(String),
}

/// A look at the project before the change.
struct Search<'p> {
    is: Present<'p>,
    seen: PriorFindings,
    files: FilesBefore,
}

impl Search<'_> {
    /// Policy that decided before the change: the policy that the same flags led to.
    fn predecessor(&mut self, before: &PreviousProject<'_>) -> Result<Predecessor> {
        let source = self.is.request.source()?;
        let gate = &self.is.request.gate;
        // Of the folders that a policy is taken from, the first that was there before.
        let folder = policy_folders().into_iter().find(|folder| before.has_folder(folder));
        let asked = self.is.request.policy.is_some();
        let (path, was) = match &source.file {
            // An embedded policy asked for by name.
            None if asked => return Ok(Predecessor::Same),
            Some(path) if asked => (path.clone(), before.read_or_moved(path)?),
            // By the name of a gate: a file of the folder, or an embedded policy where there was no folder.
            _ if let Some(folder) = &folder => {
                let path = folder.join(format!("{gate}.yaml"));
                let was = before.read_or_moved(&path)?;
                (path, was)
            }
            _ => {
                return Ok(match PolicySource::from_flag("--gate", Path::new(gate)) {
                    Ok(_) if source.file.is_none() => Predecessor::Same,
                    Ok(embedded) => {
                        let text = embedded.text()?;
                        let note = format!(
                            "no .secgate was there, so that {} decided; once this is merged, it is what the next \
                             change is compared with",
                            text.source
                        );
                        self.seen.notes.push(note);
                        self.seen.embedded = Some(text.source.clone());
                        Predecessor::Policy(text)
                    }
                    Err(_) => Predecessor::Nothing("not there".to_owned()),
                });
            }
        };
        let shown = clean(&path.to_string_lossy()).into_owned();
        Ok(match was {
            PreviousFile::There(name, bytes) => self.written_before(before, &path, name, bytes)?,
            PreviousFile::Absent => Predecessor::Nothing("not there".to_owned()),
            PreviousFile::Untold(why) => {
                Predecessor::Nothing(format!("not told: {why}; give it with --base-policy"))
            }
            PreviousFile::Outside => {
                let note = format!(
                    "the policy {shown} is not a file of the project, so that no change of it loosens it"
                );
                self.seen.notes.push(note);
                Predecessor::Same
            }
        })
    }

    /// A policy as it was written before the change, unless it was the same.
    fn written_before(
        &mut self,
        before: &PreviousProject<'_>,
        path: &Path,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<Predecessor> {
        let text = match before.policy(path, name, bytes)? {
            Ok(text) => text,
            // A change may correct what was wrong; nobody decided by it.
            Err(why) => return Ok(Predecessor::Broken(format!("not valid: {why}"))),
        };
        let loaded = text.load().map(|policy| (policy.sha256, text));
        Ok(match loaded {
            Ok((sha256, text)) if sha256 == self.is.policy.sha256 => {
                self.seen.compared.push(format!("policy {} sha256:{sha256}", text.source));
                Predecessor::Same
            }
            Ok((_, text)) => Predecessor::Policy(text),
            Err(error) => {
                // A change may correct what was wrong; nobody decided by it.
                let said = format!("{error:#}");
                Predecessor::Broken(format!("not valid: {}", said.lines().next().unwrap_or_default()))
            }
        })
    }

    /// Reads the waiver files that the policy of before named, and those given, as they were; `None` if they and the
    /// policy were the same.
    fn waivers(&mut self, before: &PreviousProject<'_>, old: Option<&PolicyText>) -> Result<Option<Texts>> {
        self.seen.found_waivers = true;
        let other = old.map(PolicyText::load).transpose()?;
        let policy = match (&other, &self.seen.no_policy) {
            (Some(policy), _) => Some(policy),
            (None, None) => Some(self.is.policy),
            (None, Some(_)) => None,
        };
        let named = policy.and_then(|old| old.waivers.as_ref()).map_or(&[][..], |limits| &limits.files);
        let mut paths: Vec<PathBuf> = named.iter().flat_map(|glob| before.matching(glob)).collect();
        if policy.is_some() {
            paths.extend(self.is.given.iter().cloned());
        }
        paths.sort();
        paths.dedup();
        let mut was: Texts = Vec::new();
        for path in &paths {
            let name = clean(&path.to_string_lossy()).into_owned();
            match before.read_or_moved(path)? {
                // Asked for by its place before the change and by that after it.
                PreviousFile::There(name, _) if was.iter().any(|(known, _)| *known == name) => {}
                PreviousFile::There(name, bytes) => was.push((name, bytes)),
                PreviousFile::Absent => {}
                PreviousFile::Outside => {
                    let bytes = previous_project::bytes(path)?;
                    was.extend(bytes.map(|bytes| (name, bytes)));
                }
                PreviousFile::Untold(why) => {
                    let note = format!("the waivers {name}: {why}; give them with --base-waivers");
                    self.seen.notes.push(note);
                }
            }
        }
        let same_policy = other.is_none() && self.seen.no_policy.is_none();
        if same_policy && same_bytes(&was, &texts(self.is.policy, self.is.given)?) {
            self.seen.compared.extend(was.iter().map(|(name, _)| format!("waivers {name}")));
            return Ok(None);
        }
        Ok(Some(was))
    }

    /// Compares the baseline with what it was.
    fn baseline(&mut self, before: &PreviousProject<'_>) -> Result<()> {
        let Some(BaselineText { path, bytes: present }) = self.is.baseline else { return Ok(()) };
        let shown = clean(&path.to_string_lossy()).into_owned();
        let was = before.read_or_moved(path)?;
        let (name, bytes) = match was {
            PreviousFile::Outside => return Ok(()),
            PreviousFile::There(name, bytes) => (Some(name), Some(bytes)),
            PreviousFile::Absent => (None, None),
            PreviousFile::Untold(why) => {
                self.seen.notes.push(format!("the baseline {shown}: {why}"));
                (None, None)
            }
        };
        let compared = format!("baseline {}", name.as_deref().unwrap_or("that was not there"));
        self.seen.compared.push(compared);
        if bytes.as_deref() == Some(&**present) {
            return Ok(());
        }
        let valid = bytes.as_deref().filter(|bytes| BaselineFile::parse(bytes).is_ok());
        self.files.baseline = match valid {
            None => BaselineFrom::Nowhere,
            Some(bytes) => BaselineFrom::Before(BaselineText {
                path: PathBuf::from(name.clone().unwrap_or_default()),
                bytes: bytes.into(),
            }),
        };
        // What is wrong with the present one is said where it is read.
        let Ok(file) = BaselineFile::parse(present) else { return Ok(()) };
        let known = match bytes.map(|bytes| BaselineFile::parse(&bytes)) {
            None => BaselineFile::default(),
            Some(Ok(known)) => known,
            Some(Err(error)) => {
                self.seen.notes.push(format!("a baseline that was not valid counts as empty: {error}"));
                BaselineFile::default()
            }
        };
        let unknown = self.is.policy.unknown_severity;
        let grown = crate::decide::baseline_grown(&shown, name.as_deref(), &known, &file, unknown);
        self.seen.clauses.extend(grown);
        Ok(())
    }

    /// The feeds that the policy of before named, as they were.
    fn feeds(&mut self, before: &PreviousProject<'_>, old: Option<&PolicyText>) -> Result<()> {
        let other = old.map(PolicyText::load).transpose()?;
        let policy = other.as_ref().unwrap_or(self.is.policy);
        let feeds = policy.evidence.iter().filter(|entry| matches!(entry.kind, EntryKind::Feed(_)));
        for glob in feeds.flat_map(|entry| &entry.files) {
            let mut paths = look_for(glob);
            paths.extend(before.matching(glob));
            for path in paths {
                match before.read_or_moved(&path)? {
                    PreviousFile::There(_, was) if previous_project::bytes(&path)?.as_ref() != Some(&was) => {
                        self.files.feeds.insert(path, Some(was));
                    }
                    PreviousFile::Absent if before.is_brought(&path) => {
                        self.files.feeds.insert(path, None);
                    }
                    // What is no part of the project does not change with it.
                    PreviousFile::There(..)
                    | PreviousFile::Absent
                    | PreviousFile::Outside
                    | PreviousFile::Untold(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Who owned which file, where a rule of either policy counts by owners.
    fn owners(&mut self, before: &PreviousProject<'_>, old: Option<&PolicyText>) -> Result<()> {
        let other = old.map(PolicyText::load).transpose()?;
        let mut rules = other.iter().chain([self.is.policy]).flat_map(|policy| &policy.rules);
        if !rules.any(|rule| matches!(rule.allow, Allowance::Each { per: GroupedBy::Owner, .. })) {
            return Ok(());
        }
        let places: Vec<&Path> = match self.is.given_owners {
            Some(given) => vec![given],
            None => CODEOWNERS.iter().map(Path::new).collect(),
        };
        self.files.owners = OwnersFrom::Nowhere;
        for path in places {
            match before.read_or_moved(path)? {
                PreviousFile::Absent => continue,
                PreviousFile::Outside => self.files.owners = OwnersFrom::Given,
                PreviousFile::There(name, bytes) => {
                    let same = self.is.owners.is_some_and(|file| file.bytes == bytes);
                    let was = || OwnersFrom::Before(CodeownersText { name, bytes });
                    self.files.owners = if same { OwnersFrom::Given } else { was() };
                }
                PreviousFile::Untold(why) => {
                    let shown = clean(&path.to_string_lossy()).into_owned();
                    self.seen.notes.push(format!("owners by {shown}: {why}"));
                }
            }
            return Ok(());
        }
        if self.is.owners.is_none() {
            self.files.owners = OwnersFrom::Given;
        }
        Ok(())
    }

    /// Statements that lift findings, and that the change brings or alters.
    fn statements(&mut self, before: &PreviousProject<'_>) -> Result<()> {
        if self.is.policy.vex.is_none() {
            return Ok(());
        }
        let feeds = self.is.policy.evidence.iter().filter(|entry| entry.kind == EntryKind::Feed(Feed::Vex));
        for path in feeds.flat_map(|entry| &entry.files).flat_map(look_for) {
            let was = match before.read_or_moved(&path)? {
                PreviousFile::Outside => continue,
                PreviousFile::Absent => "not there",
                PreviousFile::There(_, bytes) if previous_project::bytes(&path)?.as_ref() == Some(&bytes) => {
                    continue;
                }
                PreviousFile::There(..) | PreviousFile::Untold(_) => "as they were",
            };
            let file = clean(&path.to_string_lossy()).into_owned();
            let place = PolicyLine { file: file.clone(), line: 1 };
            let clause = format!("VEX statements `{file}`");
            let after = "others, which may lift findings";
            self.seen.clauses.push(LoosenedClause::outside_policy(&clause, was, after, None, Some(place)));
        }
        Ok(())
    }
}

/// Whether files hold the same, whatever they are called.
fn same_bytes(some: &[(String, Vec<u8>)], others: &[(String, Vec<u8>)]) -> bool {
    let sorted = |files: &[(String, Vec<u8>)]| {
        let mut all: Vec<Vec<u8>> = files.iter().map(|(_, bytes)| bytes.clone()).collect();
        all.sort();
        all
    };
    sorted(some) == sorted(others)
}

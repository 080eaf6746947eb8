//! Waivers: exceptions to rules, each exact, explained, owned, approved and limited in time.
//!
//! A waiver file is read by the machinery of the policy, and a file with a fault is never used: every error names
//! file, line, column and the waiver. What a waiver covers today is decided in `decide`.

mod check;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::error::{PolicyProblems, SourcePosition, quoted};
use super::glob::matches_parameter;
use super::load::yaml::{YamlFileKind, tree};
use super::load::{sha256, utf8};
use super::written::FromNode as _;
use super::written::node::{Node, NodeKind as Shape};
use super::{Policy, PolicyError};
use crate::finding::{Fingerprint, Fix, Severity, clean_line};
use crate::policy::diagnostics::PolicyDiagnostic;

/// 5,000 waivers have about 2 MiB.
const WAIVERS: YamlFileKind = YamlFileKind {
    one: "waiver file",
    many: "waiver files",
    begin: "start with `version: 1`",
    bytes: 32 * 1024 * 1024,
    events: 4_000_000,
};

/// Most bytes that are read of a waiver file, one more than it may have.
pub const READ_AT_MOST: u64 = WAIVERS.bytes as u64 + 1;

/// A checked waiver of the present gate.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Unique in a run.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// Its line there.
    pub line: u64,
    /// Its rules as written, GATE/RULE.
    pub rules: Vec<String>,
    /// Those of the present gate, as indexes into the policy's rules.
    pub applies_to: Vec<usize>,
    /// Globs of the projects that it is for; empty: all.
    pub projects: Vec<String>,
    /// Which findings it is about.
    pub matches: WaiverMatch,
    /// Why a finding does not affect the project, as `OpenVEX` words it.
    pub justification: Option<VexJustification>,
    /// Why the risk can be taken.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Who allowed it.
    pub approved_by: String,
    /// Compensating controls.
    pub compensating_controls: Vec<String>,
    /// Day or time it was written, as outputs show it.
    pub created: String,
    /// Last day or time, as outputs show it.
    pub expires: String,
    /// The first moment at which it holds no more.
    pub ends: Timestamp,
    /// Triggers that end it early.
    pub triggers: Vec<Trigger>,
    /// For people.
    pub review_note: Option<String>,
    /// The state when it was written.
    pub seen: WaiverSnapshot,
    /// How much it may cover before it stops covering.
    pub max_matches: u64,
    /// 72 hours at most, and loud.
    pub emergency: bool,
}

impl Waiver {
    /// Whether it is for a project; `None` where it is for some and nothing says which project this is.
    pub fn is_for(&self, project: Option<&str>) -> Option<bool> {
        if self.projects.is_empty() {
            return Some(true);
        }
        project.map(|project| self.projects.iter().any(|glob| matches_parameter(glob, project)))
    }
}

/// Why a finding does not affect a project: a status justification of `OpenVEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VexJustification {
    /// The component is not in the product.
    ComponentNotPresent,
    /// The vulnerable code is not in the component as it is shipped.
    VulnerableCodeNotPresent,
    /// The vulnerable code is never run.
    VulnerableCodeNotInExecutePath,
    /// Nobody who attacks controls what reaches the vulnerable code.
    VulnerableCodeCannotBeControlledByAdversary,
    /// Something in the product already prevents it.
    InlineMitigationsAlreadyExist,
}

impl VexJustification {
    /// Every justification.
    pub const ALL: [Self; 5] = [
        Self::ComponentNotPresent,
        Self::VulnerableCodeNotPresent,
        Self::VulnerableCodeNotInExecutePath,
        Self::VulnerableCodeCannotBeControlledByAdversary,
        Self::InlineMitigationsAlreadyExist,
    ];

    /// The word of `OpenVEX`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ComponentNotPresent => "component_not_present",
            Self::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Self::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Self::VulnerableCodeCannotBeControlledByAdversary => {
                "vulnerable_code_cannot_be_controlled_by_adversary"
            }
            Self::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }
}

/// Which findings a waiver is about. What is given must hold; of `fingerprints` and of `ids` one.
#[derive(Debug, Clone, Default)]
pub struct WaiverMatch {
    /// Identities of findings.
    pub fingerprints: Vec<Fingerprint>,
    /// Vulnerability ids in capitals.
    pub ids: Vec<String>,
    /// The scanner's id of the check.
    pub rule_id: Option<String>,
    /// The path of the file.
    pub path: Option<String>,
    /// The name or URL of the package.
    pub package: Option<String>,
    /// The version of the package.
    pub version: Option<String>,
    /// The code, or the value of a secret under a key; never zero.
    pub content: Option<u64>,
    /// The name of the scanner.
    pub tool: Option<String>,
}

/// Triggers that end a waiver before its last day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// A fixed version exists, or nothing says that none does.
    FixAvailable,
    /// It is listed in CISA's catalogue of exploited vulnerabilities.
    Kev,
    /// Worse than it was when the waiver was written.
    SeverityRaised,
    /// EPSS is at least this.
    Epss(f64),
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FixAvailable => f.write_str("fix_available"),
            Self::Kev => f.write_str("kev"),
            Self::SeverityRaised => f.write_str("severity_raised"),
            Self::Epss(least) => write!(f, "epss>={least}"),
        }
    }
}

/// The state when a waiver was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaiverSnapshot {
    /// The worst severity.
    pub severity: Option<Severity>,
    /// Whether a fix was available.
    pub fix: Option<Fix>,
    /// How many matches it had.
    pub matches: Option<u32>,
}

/// A waiver file that was read.
#[derive(Debug, Clone)]
pub struct WaiverFile {
    /// Its name in messages and outputs.
    pub source: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The waivers of the present gate.
    pub waivers: Vec<Waiver>,
    /// Every id with its line, also those of other gates.
    pub ids: Vec<(String, u64)>,
}

/// Reads and checks a waiver file under a policy. Entries of other gates are read and then left alone.
pub fn load(source: &str, bytes: &[u8], policy: &Policy, now: Timestamp) -> Result<WaiverFile, PolicyError> {
    let mut problems = PolicyProblems::default();
    let Some(text) = utf8(bytes, WAIVERS, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let root = tree(text, WAIVERS, &mut problems);
    let written = root.as_ref().and_then(|root| written::File::from_node(root, "waiver file", &mut problems));
    let mut file =
        WaiverFile { source: source.to_owned(), sha256: String::new(), waivers: Vec::new(), ids: Vec::new() };
    let entries = written.and_then(|file| file.waivers);
    match entries {
        Some(entries) => check::waivers(entries.value.0, policy, now, &mut file, &mut problems),
        None if problems.is_empty() => {
            problems.add(SourcePosition::START, PolicyDiagnostic::WrongFileKind { what: "a waiver file" });
        }
        None => {}
    }
    if problems.is_empty() {
        file.sha256 = sha256(bytes);
        return Ok(file);
    }
    let names = root.as_ref().map(entry_names).unwrap_or_default();
    problems.name(|at| names.range(..=at).next_back()?.1.clone());
    Err(PolicyError::new(source, text, problems))
}

/// Where each entry begins, with what to call it in a message; an entry without an id has none.
fn entry_names(root: &Node) -> BTreeMap<SourcePosition, Option<String>> {
    let Shape::Map(pairs) = &root.kind else { return BTreeMap::new() };
    let mut names = BTreeMap::new();
    for (key, value) in pairs {
        names.insert(key.at, None);
        let Shape::List(entries) = &value.kind else { continue };
        for entry in entries {
            let Shape::Map(fields) = &entry.kind else { continue };
            let id = fields.iter().find(|(key, _)| key.text == "id").and_then(|(_, id)| id.text());
            names.insert(entry.at, id.map(|id| format!("waiver {}", quoted(&clean_line(id)))));
        }
    }
    names
}

/// All waivers of several files, sorted by id; two with one id are an error.
pub fn unite(files: Vec<WaiverFile>) -> Result<Vec<Waiver>, String> {
    let mut known: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for file in &files {
        for (id, line) in &file.ids {
            if let Some((first, at)) = known.insert(id.to_lowercase(), (file.source.clone(), *line)) {
                return Err(format!(
                    "{}:{line}: duplicate waiver id {}; {first}:{at} has it already",
                    file.source,
                    quoted(id)
                ));
            }
        }
    }
    let mut all: Vec<Waiver> = files.into_iter().flat_map(|file| file.waivers).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// Everybody that a name can mean, in one spelling: without `@`, in small letters, and of an address each user name that
/// `people` gives it.
pub fn persons(text: &str, policy: &Policy) -> BTreeSet<String> {
    let bare = text.trim().trim_start_matches('@').trim().to_lowercase();
    let same = |email: &String| email.to_lowercase() == bare;
    let known = policy.people.values().flatten().filter(|person| person.emails.iter().any(same));
    let users: BTreeSet<String> = known.map(|person| person.user.to_lowercase()).collect();
    if users.is_empty() { BTreeSet::from([bare]) } else { users }
}

/// Why a waiver will never cover anything under this policy; `secgate waiver lint` calls it an error.
pub fn futile(waiver: &Waiver, policy: &Policy) -> Vec<String> {
    check::futile(waiver, policy)
}

#[cfg(test)]
mod tests;

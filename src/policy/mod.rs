//! The policy: what one gate requires, as checked and ready to decide with.
//!
//! A team writes YAML; `written` is that text as types, `load` reads it, `validate` turns it into the types of
//! this module, and every error names file, line, column and the nearest right word. Nothing here knows reports.

mod allowance;
pub mod compare;
pub mod diagnostics;
mod embedded;
mod error;
mod glob;
mod identity;
pub mod ignore;
mod license;
pub mod lint;
mod load;
mod mapping;
mod query;
mod rule_index;
mod scanner_command;
mod schema;
mod selector;
mod source_line;
mod subject;
pub mod testing;
mod trust;
mod validate;
pub mod waiver;
mod written;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::finding::{Category, Finding, Severity, Target};

pub use allowance::{Allowance, GroupedBy};
pub use embedded::{EMBEDDED, embedded};
pub use error::{PolicyError, PolicyProblem};
pub use glob::{PathGlob, RuleGlob, canonical_rule_id};
pub use identity::{CertificateClaim, CertificateIdentity, EmbeddedRoot, IdentityGlob, TrustedRootSource};
pub use license::{LicenseCategory, LicenseDecision, LicenseList, LicenseTerms, license_categories};
pub use load::{NeighbourFiles, effective, load, load_mappings, load_with, yaml::foreign_tree};
pub use mapping::{Field, FieldPath, Origin, ReportMapping};
pub use query::{DocumentPath, PathStep, PathStepKind, QueryError, Where};
pub use rule_index::RuleIndex;
pub use scanner_command::{ScannerCommand, inert};
pub use schema::schema;
pub use selector::{
    Answer, Clause, CvssThreshold, Deadlines, PurlGlob, Selector, SelectorContext, SelectorSet, SharedCheck,
    UnknownAction, UnknownMeaning, WeaknessGroup, shared_checks,
};
pub use source_line::{PolicyLine, PolicySpot};
pub use subject::{
    ApprovalSource, ApprovalsRule, DecidedOn, DocumentKind, GateSubject, ImageGlob, ImageRule,
    LicenseException, LicenseRule, PinnedFile, PredicateKind, ProvenanceRule, SbomFormat, SbomRule,
    SignerKey, SignerMaterial, SignerValidity, SubjectKind, SummaryDemand, SummaryPredicateKind,
    VerdictClock, VerdictWord, VerdictsRule, is_placeholder,
};
pub use trust::{DeniedTool, Distrust, TrustRules};
pub use written::DeadlineStart;

/// A checked policy: defaults applied, globs and queries compiled, every name resolved.
#[derive(Debug)]
pub struct Policy {
    /// Where it came from: a path as given, or `embedded:NAME`.
    pub source: String,
    /// SHA-256 of the file's bytes, 64 hexadecimal digits. Where the policy names other files, that of the list of
    /// digests, one a line: of the policy itself and then of [`Self::files`].
    pub sha256: String,
    /// The files that it names and that are part of it, in the order written, each once; first the policy that it
    /// extends, whose digest covers its own.
    pub files: Vec<PolicyFile>,
    /// The policies that it extends, the nearest first, each with its digest.
    pub ancestors: Vec<PolicyFile>,
    /// The gate it is for, such as `merge`.
    pub gate: String,
    /// A name for people; the gate's name where the policy gives none.
    pub title: String,
    /// Whether the verdict gates.
    pub enforcement: Enforcement,
    /// The level an unknown severity counts as; never `unknown`.
    pub unknown_severity: Severity,
    /// Corrections of severity or category; the first that matches a finding holds.
    pub severity_map: Vec<Mapping>,
    /// Base that newness is measured against; `None` compares with nothing.
    pub base: Option<BaseSettings>,
    /// Parameters of `when`, in the order written.
    pub parameters: Vec<Parameter>,
    /// Subject of the gate, in the order written; without any it is about one artifact at most.
    pub subjects: Vec<GateSubject>,
    /// Those whose signatures count, in the order written.
    pub keys: Vec<SignerKey>,
    /// Required evidence, in the order written.
    pub evidence: Vec<EvidenceEntry>,
    /// Waiver files and limits; `None` where the policy allows no waiver.
    pub waivers: Option<WaiverSettings>,
    /// Which VEX statements count; `None` where they change nothing.
    pub vex: Option<VexRules>,
    /// What it asks of scanners themselves.
    pub trust: TrustRules,
    /// Who resolves a review that names nobody.
    pub reviewers: Option<Reviewers>,
    /// Roles, by name.
    pub people: BTreeMap<String, Vec<Person>>,
    /// Selectors with a name, in the order written; the rules that use them have them.
    pub sets: Vec<SelectorSet>,
    /// The rules, in the order written; never empty.
    pub rules: Vec<Rule>,
    /// Report formats of its own, in the order written.
    pub mappings: Vec<ReportMapping>,
    /// Where each clause stands.
    pub(crate) places: source_line::PolicyLines,
}

impl Policy {
    /// Where a clause stands, by its keys, a rule by its id, such as `["rules", "no-secrets", "then"]`; or else the
    /// nearest that holds it.
    pub fn place(&self, clause: &[&str]) -> PolicyLine {
        self.places.place(clause)
    }

    /// The file of a rule, if it is not the policy's own.
    pub fn inherited_from(&self, rule: &Rule) -> Option<String> {
        let file = self.place(&["rules", &rule.id]).file;
        (file != self.source && !file.is_empty()).then_some(file)
    }

    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&SignerKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The evidence entry of that name.
    pub fn entry(&self, name: &str) -> Option<&EvidenceEntry> {
        self.evidence.iter().find(|entry| entry.name == name)
    }

    /// The user names, in small letters, of these roles and people.
    pub fn users_of(&self, names: &[String]) -> std::collections::BTreeSet<String> {
        let mut users = std::collections::BTreeSet::new();
        for name in names {
            match name.strip_prefix("role:") {
                Some(role) => {
                    users.extend(self.people.get(role).into_iter().flatten().map(|p| p.user.to_lowercase()));
                }
                None => {
                    users.insert(name.trim_start_matches('@').to_lowercase());
                }
            }
        }
        users
    }

    /// Whether a parameter has one of these values in a run.
    pub fn parameter_is(&self, name: &str, value: Option<&String>, values: &[String]) -> bool {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        let is = |value: &String, wanted: &String| parameter.map_or(value == wanted, |p| p.is(value, wanted));
        value.is_some_and(|value| values.iter().any(|wanted| is(value, wanted)))
    }

    /// The mapping of that name.
    pub fn mapping(&self, id: &str) -> Option<&ReportMapping> {
        self.mappings.iter().find(|mapping| mapping.id == id)
    }
}

/// A file that is part of a policy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct PolicyFile {
    /// Its path as the policy names it.
    pub path: String,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
}

/// Whether the verdict gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// The exit code says the verdict.
    Blocking,
    /// Fail and review exit 0; errors still exit 2.
    Advisory,
}

/// Consequence when something is not as the policy wants it. Ordered from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Say it, never gate.
    Warn,
    /// A named person has to look.
    Review,
    /// Stop.
    Fail,
}

/// One line of `severity.map`: the conditions and what they make of a finding.
#[derive(Debug)]
pub struct Mapping {
    /// Tool name, compared without letter case.
    pub tool: Option<String>,
    /// Rule ids.
    pub rule_id: Option<RuleGlob>,
    /// Exactly this severity as the scanner gave it.
    pub severity: Option<Severity>,
    /// Further conditions: paths, weaknesses, scores, reachability.
    pub conditions: Selector,
    /// Why it may make a severity milder, where the policy says.
    pub reason: Option<String>,
    /// The severity it becomes.
    pub becomes: Option<Severity>,
    /// The category it becomes.
    pub category: Option<Category>,
}

impl Mapping {
    /// Whether it may make a severity milder that a scanner gave.
    pub fn may_lower(&self) -> bool {
        let rank = |severity: Severity| severity.rank(Severity::Critical);
        self.becomes.is_some_and(|to| match self.severity {
            Some(Severity::Unknown) => false,
            Some(from) => rank(to) < rank(from),
            None => to != Severity::Critical,
        })
    }
}

/// Where newness comes from.
#[derive(Debug)]
pub struct BaseSettings {
    /// Line of `base:` in the file.
    pub line: u64,
    /// The sources, in the order written.
    pub from: Vec<BaseSource>,
    /// Consequence when no base is given.
    pub without: Action,
    /// State of findings on unchanged lines of touched files, where only a diff speaks of them; none if the policy does
    /// not say.
    pub said_of_unchanged_lines: Option<UnchangedLines>,
}

impl BaseSettings {
    /// State of findings on unchanged lines of touched files, where only a diff speaks of them.
    pub fn unchanged_lines(&self) -> UnchangedLines {
        self.said_of_unchanged_lines.unwrap_or_default()
    }
}

/// Description of a finding on a line that a change leaves alone, in a file that it touches, where only a diff speaks of it:
/// what made it harmless may have been taken away above. The stricter is the greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnchangedLines {
    /// Existing.
    #[default]
    Existing,
    /// Existing, and a review where a rule would stop it if it were new.
    Review,
    /// New.
    New,
}

/// A source of newness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseSource {
    /// The same scanners' reports on the target branch.
    BaseReport,
    /// A reviewed file of known fingerprints.
    Baseline,
    /// The diff of the change.
    Diff,
}

/// A parameter that rules can depend on.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// The values it may have; never empty.
    pub one_of: Vec<String>,
    /// The values are globs.
    pub globs: bool,
    /// The value that holds where none is given, or one that is not listed.
    pub default: Option<String>,
    /// The environment variable that gives its value.
    pub env: Option<String>,
}

impl Parameter {
    /// Whether a value of a run is this one of the listed.
    pub fn is(&self, value: &str, listed: &str) -> bool {
        value == listed || self.globs && glob::matches_parameter(listed, value)
    }

    /// Whether a value of a run is one of the listed.
    pub fn lists(&self, value: &str) -> bool {
        self.one_of.iter().any(|listed| self.is(value, listed))
    }
}

/// One entry of `evidence`.
#[derive(Debug)]
pub struct EvidenceEntry {
    /// Its name.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// The subject that it is about; with `subject: each` there is one entry for each, called `ENTRY/SUBJECT`.
    pub subject: Option<String>,
    /// Kind of evidence.
    pub kind: EntryKind,
    /// Globs of the files it is looked for in; all that exist are read.
    pub files: Vec<PathGlob>,
    /// How many files must be there; 1 unless the policy says.
    pub count: u32,
    /// Whether its absence fails.
    pub required: bool,
    /// The format its files must have, an id of the report registry; not checked here.
    pub format: Option<String>,
    /// Target that the report must have scanned.
    pub target: Option<Target>,
    /// Oldest age, in seconds.
    pub max_age: Option<i64>,
    /// Meaning of a report without a time under `max_age`; `None`: stale.
    pub age_unknown: Option<Action>,
    /// The report must state the commit or the digest it is about.
    pub bound: bool,
    /// A receipt must fit the report.
    pub receipt: bool,
    /// Names of keys, any of which must have signed its files; empty where no signature is demanded.
    pub signed_by: Vec<String>,
    /// The scanner that `secgate scan` starts for it.
    pub run: Option<ScannerCommand>,
    /// How much its scanner was handed; no policy says so.
    pub extent: ScanExtent,
    /// Meaning of an empty scan.
    pub nothing_scanned: Action,
    /// Meaning of an old report.
    pub stale: Action,
    /// Meaning of each kind of problem of an incomplete scan.
    pub problems: ActionsByProblem,
}

impl EvidenceEntry {
    /// Whether it is the entry that the policy calls `name`, or that entry for one of the subjects.
    pub fn is_called(&self, name: &str) -> bool {
        let of_subject = || {
            let subject = self.subject.as_deref()?;
            self.name.strip_suffix(subject)?.strip_suffix('/')
        };
        self.name == name || of_subject() == Some(name)
    }
}

/// Files that a scanner looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScanExtent {
    /// All of the project, as far as anybody says.
    #[default]
    Whole,
    /// Only the files that changed: `secgate scan` of a part.
    Changed,
}

/// Kind of evidence of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Reports whose findings are of this category.
    Report(Category),
    /// A document that rules look at.
    Document(DocumentKind),
    /// Exploitation data: `kev`, `epss` or `vex`.
    Feed(Feed),
}

/// Exploitation data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// CISA's catalogue of exploited vulnerabilities.
    Kev,
    /// Exploit prediction scores.
    Epss,
    /// Exploitability statements.
    Vex,
}

impl Feed {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Vex => "vex",
        }
    }
}

/// Meaning of each kind of problem of an incomplete scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionsByProblem {
    /// A file could not be parsed.
    pub parse: Action,
    /// Time or memory ran out.
    pub timeout: Action,
    /// A rule could not be run.
    pub rule: Action,
    /// Anything else.
    pub scan: Action,
}

/// The policy's word on waivers.
#[derive(Debug)]
pub struct WaiverSettings {
    /// Where they are looked for, relative to the current directory.
    pub files: Vec<PathGlob>,
    /// Longest time a waiver may hold, in seconds.
    pub max_duration: i64,
    /// The author of the change may not own or approve one.
    pub not_author: bool,
    /// Who may approve one, `role:NAME` or `@user`; empty: anybody but its owner.
    pub approvers: Vec<String>,
    /// Digests that files must have, by their path.
    pub pinned: Vec<(String, String)>,
    /// How many may hold at a time.
    pub max_active: Option<u64>,
    /// How many may hold at a time for one rule.
    pub max_per_rule: Option<u64>,
}

/// The policy's word on VEX statements.
#[derive(Debug)]
pub struct VexRules {
    /// Line in the file.
    pub line: u64,
    /// Authors, exactly as their documents give them; never empty.
    pub accept: Vec<String>,
    /// Longest time since a statement was known to be true, in seconds.
    pub max_age: i64,
}

/// Who resolves a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewers {
    /// `role:NAME` or `@user`, as written.
    pub any_of: Vec<String>,
    /// How many of them.
    pub at_least: u32,
    /// Who may not: `author`, `committers`, `deployer`, `waiver_owners`.
    pub not: Vec<String>,
}

/// A person in a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// GitLab user name without `@`.
    pub user: String,
    /// Addresses that commits of this person carry.
    pub emails: Vec<String>,
}

impl Person {
    /// True for one that stands for somebody who is still to be filled in.
    pub fn is_example(&self) -> bool {
        self.user.trim_start_matches('@').to_lowercase().starts_with(EXAMPLE_USER)
    }
}

/// User names that begin like this stand for people that are still to be filled in.
pub const EXAMPLE_USER: &str = "example-";

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Unique in the policy.
    pub id: String,
    /// Line in the file.
    pub line: u64,
    /// One line for people; the id where the policy gives none.
    pub title: String,
    /// Its subject.
    pub subject: Subject,
    /// Meaning of attributes that a finding lacks.
    pub unknown: UnknownMeaning,
    /// How many matches are allowed.
    pub allow: Allowance,
    /// Consequence beyond that.
    pub then: Action,
    /// Whether waivers, baselines and VEX can apply.
    pub waivable: bool,
    /// Whether they can apply to malware, too.
    pub waive_malware: bool,
    /// Who resolves its review; the policy's reviewers where the rule names none.
    pub reviewers: Option<Reviewers>,
    /// Action to take, for people.
    pub fix: Option<String>,
    /// The last line of the log where this rule decides; `None` for its id and what it counted.
    pub log: Option<String>,
    /// Warns until this day, UTC.
    pub from: Option<Date>,
    /// Holds only where every parameter has one of these values.
    pub when: Vec<(String, Vec<String>)>,
    /// Names of the evidence entries that can feed it; never empty.
    pub fed_by: Vec<String>,
}

/// Subject of a rule.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a policy has few rules, and nearly all are of the larger kind"
)]
pub enum Subject {
    /// Findings of reports.
    Findings(Selector),
    /// Facts of a JSON document.
    Document(DocumentRule),
    /// Facts of an image.
    Image(ImageRule),
    /// Contents of an SBOM.
    Sbom(SbomRule),
    /// How an artifact was built.
    Provenance(ProvenanceRule),
    /// Who approved.
    Approvals(ApprovalsRule),
    /// Decisions of earlier gates.
    Verdicts(VerdictsRule),
}

impl Subject {
    /// The selector of a rule about findings of reports.
    pub const fn findings(&self) -> Option<&Selector> {
        match self {
            Self::Findings(selector) => Some(selector),
            Self::Document(_)
            | Self::Image(_)
            | Self::Sbom(_)
            | Self::Provenance(_)
            | Self::Approvals(_)
            | Self::Verdicts(_) => None,
        }
    }

    /// Whether what it matches are findings, each of which a waiver can cover: those of reports, and the licences of an
    /// SBOM's components.
    pub const fn matches_findings(&self) -> bool {
        match self {
            Self::Findings(_) => true,
            Self::Sbom(rule) => rule.licenses.is_some(),
            Self::Document(_)
            | Self::Image(_)
            | Self::Provenance(_)
            | Self::Approvals(_)
            | Self::Verdicts(_) => false,
        }
    }
}

impl Rule {
    /// Whether a waiver or a VEX statement can lift this finding from it.
    pub fn may_lift(&self, finding: &Finding) -> bool {
        self.waivable && (self.waive_malware || !finding.is_malware())
    }
}

/// Requirements of a `document` rule. Each fact must be there; a missing one fails the rule.
#[derive(Debug)]
pub struct DocumentRule {
    /// The evidence entry.
    pub name: String,
    /// One node each, equal to the expectation.
    pub require: Vec<(DocumentPath, Expect)>,
    /// No node; its container must exist.
    pub forbid: Vec<DocumentPath>,
    /// At least so many nodes.
    pub at_least: Vec<(DocumentPath, u64)>,
}

/// Condition on a required fact of a document.
#[derive(Debug)]
pub enum Expect {
    /// This value.
    Equals(serde_json::Value),
    /// Anything but null.
    Present,
    /// A time not older than this many seconds, and not in the future.
    Within(i64),
}

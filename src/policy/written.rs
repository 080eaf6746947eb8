//! The policy as written: every map of the YAML with its keys.
//!
//! One list of keys a map gives the type, the reader with its errors, and the JSON Schema for editors; the texts
//! are what an editor shows. What the values mean together is checked in `validate`.

mod from_node;
pub(crate) mod map;
pub(crate) mod node;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::error::PolicyProblems;
use super::subject::{
    ApprovalSource, DecidedOn, DocumentKind, PredicateKind, SbomFormat, SubjectKind, SummaryPredicateKind,
    VerdictClock, VerdictWord,
};
use super::{Action, Allowance, BaseSource, Enforcement, Feed, GroupedBy, UnchangedLines, UnknownAction};
use crate::finding::{Category, Reachability, Severity, Target, is_sha256};
use crate::policy::diagnostics::PolicyDiagnostic;
use map::{described, key, known_keys, needed, unknown_key, written};
use node::{Node, NodeKind};

pub(crate) use super::selector::CweOrGroup;
pub(crate) use super::selector::as_written::Selector;
pub(crate) use from_node::{
    At, Boxed, CvssScore, Day, Duration, FromNode, Lenient, Many, Name, PositiveCount, Probability, Prose,
    Seq, Table,
};
pub(crate) use from_node::{Vocabulary, words, wrong};

words! {
    Enforcement { "blocking" = Blocking, "advisory" = Advisory }
    Action { "fail" = Fail, "review" = Review, "warn" = Warn }
    UnchangedLines { "existing" = Existing, "review" = Review, "new" = New }
    BaseSource { "base-report" = BaseReport, "baseline" = Baseline, "diff" = Diff }
    Feed { "kev" = Kev, "epss" = Epss, "vex" = Vex }
    Demanded { "required" = Required }
    SameAsBase { "same" = Same }
    DeadlineStart { "first_seen" = FirstSeen, "published" = Published, "fix_available" = FixAvailable }
    UnknownAction { "match" = Match, "review" = Review, "ignore" = Ignore }
    SubjectKind { "image" = Image }
    SbomFormat { "cyclonedx" = Cyclonedx, "spdx" = Spdx }
    PredicateKind { "slsa-v1" = SlsaV1, "slsa-v0.2" = SlsaV02, "slsa-v0.1" = SlsaV01, "witness" = Witness }
    ApprovalSource { "merge_request" = MergeRequest, "deployment" = Deployment, "acceptance" = Acceptance }
    DecidedOn { "commit" = Commit, "subject" = Subject }
    SummaryPredicateKind { "vsa" = Vsa, "svr" = Svr }
    VerdictWord { "pass" = Pass, "review" = Review }
    VerdictClock { "any" = Any, "machine" = Machine }
    OfContext { "context" = Context }
    BoundTo { "commit" = Commit }
    Barred {
        "author" = Author, "committers" = Committers, "deployer" = Deployer, "waiver_owners" = WaiverOwners,
    }
}

/// The one word of `bound` and `receipt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demanded {
    Required,
}

/// The one word of `allow: {base: …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameAsBase {
    Same,
}

/// The one word of `commit` in a `provenance` rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfContext {
    Context,
}

/// From when the time of a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineStart {
    /// The day on which the baseline first knew it.
    FirstSeen,
    /// The day on which its advisory was published.
    Published,
    /// The day on which the first version with the fix came out.
    FixAvailable,
}

impl DeadlineStart {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstSeen => "first_seen",
            Self::Published => "published",
            Self::FixAvailable => "fix_available",
        }
    }
}

/// Subject that an approval is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoundTo {
    Commit,
}

impl Vocabulary for GroupedBy {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|by| (by.as_str(), *by)).collect()
    }
}

impl Vocabulary for DocumentKind {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect()
    }
}

/// Who may not resolve a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Barred {
    Author,
    Committers,
    Deployer,
    WaiverOwners,
}

written! {
    /// Requirements of one gate.
    Policy as "the policy" {
        /// Version of the policy language: 1.
        must version: PolicyVersion,
        /// The gate it is for, such as `merge`; waivers name its rules as GATE/RULE.
        must gate: Name,
        /// The policy that this one makes stricter; a rule or an entry that is inherited gives only what it tightens.
        may extends: Extends,
        /// A name for people.
        may title: Prose,
        /// `blocking` (default): the exit code says the verdict. `advisory`: fail and review exit 0.
        may enforcement: Enforcement,
        /// How an unknown severity counts, and corrections of severity or category.
        may severity: SeverityRules,
        /// Where newness comes from. Without it nothing is compared and every finding is `new`.
        may base: Base,
        /// Parameters that `when` of a rule can name.
        may parameters: Table<Parameter>,
        /// Required evidence, by names of your own.
        must evidence: Table<Entry>,
        /// Where waivers are, and their limits. Without it there are none.
        may waivers: Waivers,
        /// Roles: lists of GitLab user names, or of `{user, emails}`.
        may people: Table<Many<WrittenPerson>>,
        /// Who resolves a review of a rule that names nobody.
        may reviewers: Reviewers,
        /// Scanners, and versions of them, whose reports are no evidence.
        may trust: WrittenTrust,
        /// Selectors of findings by a name of your own; rules use them by `set: NAME`.
        may sets: Table<Selector>,
        /// Rules that the gate decides by.
        must rules: Lenient<Rule>,
        /// The artifacts that the gate is about, by a name of your own.
        may subjects: Table<GateSubject>,
        /// Those whose signatures count, by public keys or certified identities, by a name of your own.
        may keys: Table<Key>,
        /// Which exploitability statements are accepted.
        may vex: VexRules,
        /// Report formats of your own, by the name that `format` and `--input` give them.
        may mappings: Table<ReportMapping>,
    }

    /// The policy that is extended: all of it holds, and may only be made stricter.
    Extends as "`extends`" {
        /// Its file, relative to this one; `..` may lead to it.
        must file: Name,
        /// Its digest as `secgate policy lint` prints it: SHA-256 of the file, or of the list of its files.
        must sha256: Digest,
    }

    /// A file of mappings, for several policies and for `findings --mappings`.
    MappingFile as "a file of mappings" {
        /// Version of the policy language: 1.
        must version: PolicyVersion,
        /// Report formats by name.
        must mappings: Table<ReportMapping>,
    }

    /// How reports of a format become findings, by `JSONPath`: `$` is the report, `@` one finding or one group.
    ReportMapping as "a mapping" {
        /// A file of mappings, relative to the policy, that holds the mapping of this name; then no other key is given.
        may file: Name,
        /// The category of all its findings.
        may category: Category,
        /// The scanner's name; default: the name of the mapping.
        may tool: Name,
        /// The tool and what of it is read, for people.
        may title: Prose,
        /// Path to each thing that holds findings, such as a file, where they do not stand in one list.
        may groups: Name,
        /// Path to each finding, such as `$.issues[*]`; with `groups` from one group, such as `@.messages[*]`. Several paths where findings stand in several lists.
        may findings: Many<Name>,
        /// `true`: the file holds one JSON value after the other, such as one a line; `$[*]` is each of them.
        may lines: bool,
        /// Signs by which such a report is told from others: `a.b` for keys, `a.b=text` for what stands there, `[]` for a list, `<root>` for XML. All of them must hold.
        may looks_like: Many<Name>,
        /// Path to what was scanned, a number or a list; 0, empty or missing: nothing. `$`: that there is a report is the proof. Without it a report without findings counts as nothing scanned.
        may scanned: Name,
        /// Path to each finding that the tool lists apart because it is suppressed, or several, as in `findings`; it may find nothing.
        may suppressed_findings: Many<Name>,
        /// Path to the number of findings that the report says it has, or several that are added; more than are listed makes the scan incomplete.
        may total: Many<Name>,
        /// Words by which a status says that the scan was completed, by the path to it: `{"$.status": [success]}`. Any other word makes the scan incomplete.
        may completed: Table<Many<Name>>,
        /// Path to what the tool could not do, or several; anything there makes the scan incomplete.
        may errors: Many<Name>,
        /// Path to the time when the report was made.
        may generated_at: Name,
        /// Path to the commit that it is about.
        may commit: Name,
        /// Path to the manifest digest of the image that it is about.
        may image_digest: Name,
        /// Path to the scanner's version.
        may tool_version: Name,
        /// How the tool's severities are read.
        may severity: MappingSeverity,
        /// Paths to the parts of a finding; `@` is the finding.
        may fields: MappingFields,
        /// Paths to parts that stand in the group of a finding; `@` is the group.
        may group_fields: MappingFields,
        /// Keys whose path may find nothing in a whole report; for any other that is an error. With `findings` a list may be missing, or `null`.
        may optional: Many<Name>,
    }

    /// How a tool's severities are read.
    MappingSeverity as "`severity` of a mapping" {
        /// The tool's words; others are read as critical, high, medium (moderate), low, info, and are unknown beyond that.
        may words: Table<Severity>,
        /// The severity of a finding that gives none; default `unknown`.
        may missing: Severity,
    }

    /// Paths to the parts of a finding; of several the first that finds something counts.
    MappingFields as "`fields`" {
        /// Id of the rule, or of the advisory; every finding needs one.
        may rule_id: Many<Name>,
        /// The tool's word or number for the severity.
        may severity: Many<Name>,
        /// One line for people.
        may title: Many<Name>,
        /// The file.
        may path: Many<Name>,
        /// The first line.
        may line: Many<Name>,
        /// The last line.
        may end_line: Many<Name>,
        /// Vulnerability ids, a text or a list; of an address the CVE and GHSA ids in it.
        may ids: Many<Name>,
        /// CWE numbers, such as `CWE-79` or 79, one or a list.
        may cwes: Many<Name>,
        /// CVSS score or vector; it is the severity where the tool gives none.
        may cvss: Many<Name>,
        /// Name of the package.
        may package: Many<Name>,
        /// Its installed version.
        may version: Many<Name>,
        /// Versions that hold the fix, a text or a list; empty means that there is none.
        may fixed: Many<Name>,
        /// Package URL.
        may purl: Many<Name>,
        /// How sure the tool is: low, medium or high.
        may confidence: Many<Name>,
        /// The image or file system that was scanned.
        may target: Many<Name>,
        /// Parts that tell it from others of its rule, as a namespace, a port or a method does: each path adds one.
        may identity: Many<Name>,
        /// true: switched off by the tool or in the code.
        may suppressed: Many<Name>,
        /// true: a secret that was found to be live.
        may verified: Many<Name>,
    }

    /// How severities are corrected.
    SeverityRules as "`severity`" {
        /// The level an unknown severity counts as; default `critical`.
        may unknown: Severity,
        /// Corrections; the first whose conditions all hold is used.
        may map: Seq<Mapping>,
    }

    /// One correction of severity or category.
    Mapping as "a line of `severity.map`" {
        /// Condition: the scanner's name.
        may tool: Name,
        /// Condition: the rule id, a glob.
        may rule_id: Name,
        /// Condition: exactly this severity as the scanner gave it.
        may severity: Severity,
        /// Condition: globs of paths of files.
        may path: Many<Name>,
        /// Condition: CWE numbers, or groups of them.
        may cwe: Many<CweOrGroup>,
        /// Condition: a CVSS base score.
        may cvss: CvssSelector,
        /// Condition: whether the vulnerable code can be reached.
        may reachable: Many<Reachability>,
        /// Why it may make a severity milder; needed where `path`, `cwe`, `cvss` or `reachable` decides.
        may reason: Prose,
        /// Result: the severity it becomes.
        may r#as: Severity,
        /// Result: the category it becomes.
        may category: Category,
    }

    /// Where newness comes from.
    Base as "`base`" {
        /// `base-report`, `baseline`, `diff`, or a list: existing is what all that can speak of it call so.
        must from: Many<BaseSource>,
        /// Consequence of a missing base; default `review`.
        may without: Action,
        /// State of a finding on an unchanged line of a touched file, where only a diff speaks of it; default `existing`.
        may unchanged_lines: UnchangedLines,
    }

    /// A parameter of the run.
    Parameter as "a parameter" {
        /// The values it may have.
        must one_of: Many<Name>,
        /// `true`: the values are globs, in which `*` stays between two `/`, such as `release/*`.
        may globs: bool,
        /// The value that holds where none is given, or one that is not listed; without it that is an error.
        may default: Name,
        /// The environment variable that gives it, unless `--param` does.
        may env: Name,
    }

    /// Evidence that must be given; required unless the entry says otherwise.
    Entry as "an evidence entry" {
        /// Reports whose findings are of this category.
        may category: Category,
        /// Exploitation data.
        may feed: Feed,
        /// A document of this kind.
        may document: DocumentKind,
        /// File names or globs; all that exist are read.
        must files: Many<Name>,
        /// How many files must be there; default 1.
        may count: PositiveCount,
        /// `false`: its absence is no failure.
        may required: bool,
        /// The format its files must have.
        may format: Name,
        /// Kind of target that the report must have scanned.
        may target: Target,
        /// `each` repeats the entry for each subject, a name limits it to one; `${subject}` in `files` is its name.
        may subject: Many<Name>,
        /// Oldest age, such as `24h`.
        may max_age: Duration,
        /// Consequence of a report without a time under `max_age`; without it such a report is stale.
        may age_unknown: Action,
        /// `required`: the report must state the commit or the digest it is about.
        may bound: Demanded,
        /// `required`: a receipt must fit the report.
        may receipt: Demanded,
        /// Of `feed: vex` and `document: sbom`: names of `keys`, any of which must have signed each file.
        may signed_by: Many<Name>,
        /// The scanner that `secgate scan` starts for it: a program and its words, no shell. `{report}` is the file it writes, else its standard output is the report; `{changed}` stands for the files to look at.
        may run: Seq<Name>,
        /// Consequence of an empty scan; default `review`.
        may nothing_scanned: Action,
        /// Consequence of an old report; default `fail`.
        may stale: Action,
        /// Consequence of each kind of problem of an incomplete scan.
        may problems: ProblemActions,
    }

    /// Consequences of an incomplete scan; each is `review` by default.
    ProblemActions as "`problems`" {
        /// A file could not be parsed; `warn` holds only for files that the change leaves alone.
        may parse: Action,
        /// Time or memory ran out.
        may timeout: Action,
        /// A rule could not be run.
        may rule: Action,
        /// Anything else.
        may scan: Action,
    }

    /// Where waivers are, and their limits.
    Waivers as "`waivers`" {
        /// Waiver files; one that does not exist holds no waiver.
        may files: Many<Name>,
        /// Longest time a waiver may hold; default `90d`.
        may max_duration: Duration,
        /// `true`: the author of the change may not own or approve one.
        may not_author: bool,
        /// Roles whose people may approve one, `role:NAME`; default anybody but its owner.
        may approvers: Many<Name>,
        /// Digests that files of `files` must have, by their path: a file that several projects share.
        may pinned: Table<Digest>,
        /// How many may hold at a time; more are an error.
        may max_active: u64,
        /// How many may hold at a time for one rule; more are an error.
        may max_per_rule: u64,
    }

    /// Scanners, and versions of them, whose reports are no evidence. One of which the report does not say the version is a review.
    WrittenTrust as "`trust`" {
        /// Scanners that are not trusted.
        may deny: Seq<WrittenDeniedTool>,
        /// Oldest version of a scanner that is trusted, by the scanner's name, such as `{semgrep: "1.150"}`.
        may at_least: Table<Name>,
        /// Longest age of the vulnerability database that a report was made with, where its format can tell (Grype,
        /// Dependency-Check, Xeol, govulncheck): an older one is no evidence, and a report that does not tell is a review.
        may database_max_age: Duration,
    }

    /// A scanner that is not trusted.
    WrittenDeniedTool as "a scanner of `deny`" {
        /// Its name.
        must tool: Name,
        /// Globs of its versions; default all.
        may version: Many<Name>,
        /// Why, for people.
        must reason: Prose,
    }

    /// Which exploitability statements are accepted; without it they change nothing.
    VexRules as "`vex`" {
        /// Authors, exactly as their documents give them.
        must accept: Many<Name>,
        /// Longest time since a statement was known to be true; default `90d`.
        may max_age: Duration,
    }

    /// Who resolves a review.
    Reviewers as "`reviewers`" {
        /// `role:NAME` or `@user`.
        must any_of: Many<Name>,
        /// How many of them; default 1.
        may at_least: PositiveCount,
        /// Who may not.
        may not: Many<Barred>,
    }

    /// One rule: what it looks at, how much it allows, what follows.
    Rule as "a rule" {
        /// Unique in the policy.
        must id: Name,
        /// One line for people.
        may title: Prose,
        /// Looks at findings; all selectors must hold.
        may findings: Selector,
        /// Looks at facts of a JSON document.
        may document: DocumentRule,
        /// Looks at an image.
        may image: ImageRule,
        /// Looks at an SBOM.
        may sbom: SbomRule,
        /// Looks at build provenance.
        may provenance: ProvenanceRule,
        /// Looks at approvals.
        may approvals: ApprovalsRule,
        /// Looks at verdicts of earlier gates.
        may verdicts: WrittenVerdictsRule,
        /// Meaning of a finding that matches only because nobody knows an attribute: `match` (default), `review` or `ignore`; for all, or by the key of the selector: `{kev: review}`.
        may unknown: WrittenUnknownMeaning,
        /// How many matches are allowed; default 0. `{base: same}`: as many as the reports of the base have; `{per: path, count: 5}`: so many for each `path`, `owner` or `tool`.
        may allow: WrittenAllowance,
        /// Consequence: `fail`, `review` or `warn`.
        must then: Action,
        /// `false`: no waiver, baseline or VEX statement applies.
        may waivable: bool,
        /// `true`: a waiver or a VEX statement may lift malware, too, which none does by default.
        may waive_malware: bool,
        /// Who resolves its review.
        may reviewers: Reviewers,
        /// Advice for people.
        may fix: Prose,
        /// The last line of the log where this rule decides; the default is its id and what it counted.
        may log: Prose,
        /// Warns until this day, UTC.
        may from: Day,
        /// Holds only where each of these parameters has this value, or one of these.
        may when: Table<Many<Name>>,
    }

    /// An allowance that is more than a number: `base`, or `per` with `count`.
    AllowanceParts as "`allow`" {
        /// `same`: as many as the rule finds in the reports of the base. No waiver, baseline or VEX statement applies to such a rule.
        may base: SameAsBase,
        /// Group whose findings are counted together: those of one `path`, of one `owner` (by CODEOWNERS) or of one `tool`.
        may per: GroupedBy,
        /// How many are allowed in each group.
        may count: u64,
    }

    /// Facts that a document must hold. Each fact must be there; a missing one fails the rule.
    DocumentRule as "`document`" {
        /// The evidence entry.
        must name: Name,
        /// A path to one fact, and what it must be: a value, `present`, or `{within: 30d}`.
        may require: Table<ExpectedFact>,
        /// Paths that must find nothing, in something that is there.
        may forbid: Many<Name>,
        /// Paths and how many nodes they must find at least.
        may at_least: Table<PositiveCount>,
    }

    /// An artifact that the gate is about.
    GateSubject as "a subject" {
        /// Kind of subject: `image`.
        must kind: SubjectKind,
    }

    /// Somebody whose signature counts: by a public key (`file`, `sha256`), or by an identity that a certificate of
    /// Sigstore proves (`issuer`, `identity`).
    Key as "a key" {
        /// A public key in a PEM file, relative to the policy.
        may file: Name,
        /// SHA-256 of that file, or of the file of `trusted_root`: 64 hexadecimal digits.
        may sha256: Name,
        /// Root of the certificates: a `trusted_root.json`, relative to the policy, or `sigstore` (default) or `github`,
        /// which come with secgate.
        may trusted_root: Name,
        /// The OpenID provider that vouched for the identity, exactly as the certificate has it, such as
        /// `https://gitlab.com`.
        may issuer: Name,
        /// Globs of the identity in the certificate: `*` stays between two `/`, `**` crosses them.
        may identity: Many<Name>,
        /// Further claims of the certificate, such as `{source_repository_ref: refs/heads/main}`, with the same globs.
        may claims: Table<Many<Name>>,
        /// The person whose key it is; only such a key can sign an acceptance.
        may user: Name,
        /// Signatures count that were made before, such as `2027-01-01T00:00:00Z`: by a time that is proven, else by the
        /// run's clock.
        may not_after: Name,
        /// The key is revoked since then: as `not_after`, and told as such.
        may revoked: Name,
        /// Authorities whose time stamps (RFC 3161) beside a signature prove when it was made: a `trusted_root.json`,
        /// relative to the policy, or `sigstore` or `github`, which come with secgate.
        may timestamps: Name,
        /// SHA-256 of the file of `timestamps`.
        may timestamps_sha256: Name,
    }

    /// Requirements for an image. Each fact must be there; a missing one fails the rule.
    ImageRule as "`image`" {
        /// `each`, or names of subjects.
        may subject: Many<Name>,
        /// Globs of image names: where it may come from.
        may registry: Many<Name>,
        /// `required`: the manifest digest must be stated, and be that of the subject.
        may digest: Demanded,
        /// Built not longer ago than this.
        may created_within: Duration,
        /// Globs of image names: what it may be built on.
        may base: Many<Name>,
        /// The base image is not older than this.
        may base_created_within: Duration,
        /// `false`: the operating system must still be maintained.
        may os_end_of_life: bool,
    }

    /// Requirements for an SBOM.
    SbomRule as "`sbom`" {
        /// `each`, or names of subjects.
        may subject: Many<Name>,
        /// Formats that will do.
        may format: Many<SbomFormat>,
        /// How many components it must list; default 1.
        may components_at_least: PositiveCount,
        /// `true` (default): it must state the digest of the subject.
        may names_subject: bool,
        /// Licences that do not pass; each component under one is a finding of category `license`.
        may licenses: LicenseRule,
    }

    /// Licences that do not pass; each component under one is a finding of category `license`.
    LicenseRule as "`licenses`" {
        /// Licences that components may be bound to and no others: SPDX ids, also `ID WITH EXCEPTION`, or categories such as `permissive`.
        may allow: Many<Name>,
        /// Licences that no component may be bound to, allowed or not, written the same way.
        may deny: Many<Name>,
        /// Components that may have a licence all the same, until a day.
        may except: Seq<WrittenLicenseException>,
        /// Consequence of a component whose licence cannot be told; default: what the rule says.
        may unknown: Action,
    }

    /// Components whose licence passes all the same, until a day.
    WrittenLicenseException as "an exception of `except`" {
        /// Globs of their package URLs, such as `pkg:npm/left-pad@*`.
        must purl: Name,
        /// The licences that pass; without it every one does.
        may license: Many<Name>,
        /// Why.
        must reason: Prose,
        /// Its last day, UTC.
        must expires: Day,
    }

    /// Requirements for build provenance.
    ProvenanceRule as "`provenance`" {
        /// `each`, or names of subjects.
        may subject: Many<Name>,
        /// Names of `keys`, any of which must have signed.
        may signed_by: Many<Name>,
        /// Forms of provenance that will do.
        may predicate: Many<PredicateKind>,
        /// Globs of the ids of builders, any of these: `*` stays between two `/`, `**` crosses them.
        may builder: Many<Name>,
        /// The repository that it must be built from, such as `git+https://…`; of several each source must be one of them.
        may source: Many<Name>,
        /// Globs of the Git ref that it must be built from.
        may r#ref: Many<Name>,
        /// `context`: it must be built from the commit of the run.
        may commit: OfContext,
    }

    /// Who must have approved.
    ApprovalsRule as "`approvals`" {
        /// Where approvals are taken from.
        must from: Many<ApprovalSource>,
        /// `role:NAME` or `@user`.
        must any_of: Many<Name>,
        /// How many of them; default 1.
        may at_least: PositiveCount,
        /// Who may not.
        may not: Many<Barred>,
        /// Subject that an approval must be bound to: `commit`, which is always demanded.
        may r#for: BoundTo,
        /// Oldest approval that counts.
        may max_age: Duration,
    }

    /// Verdicts of earlier gates that must be there: each gate by its name, with `{on: commit}` or `{on: subject}`.
    VerdictsCommon as "`verdicts`" {
        /// `each`, or names of subjects, for verdicts about artifacts.
        may subject: Many<Name>,
        /// Names of `keys`, any of which must have signed.
        must signed_by: Many<Name>,
        /// Verdicts that will do; default `pass`.
        may verdict: Many<VerdictWord>,
        /// Digests `sha256:…` of policies, any of which must have decided; `secgate policy digest` prints them.
        may policy: Many<Name>,
        /// The project whose gates must have decided; default the run's own.
        may project: Name,
        /// Values of parameters that the gates must have decided with, such as `{environment: production}`.
        may parameters: Table<Name>,
        /// Oldest verdict that counts.
        may max_age: Duration,
        /// Clock that must have decided: `machine` refuses a verdict whose time was pinned by `--now`; default `any`.
        may clock: VerdictClock,
    }

    /// Which verdict of a gate is demanded.
    EarlierGate as "a gate of `verdicts`" {
        /// Subject that the verdict must be about: `commit` or `subject`. In YAML 1.1 an `on` without quotes is `true`.
        must on: DecidedOn,
        /// Statement of a gate that is not secgate's: `vsa` (SLSA's Verification Summary Attestation 0.2 and 1), which must say
        /// `PASSED`, or `svr` (in-toto's Simple Verification Result 0.1). Without it a verdict of secgate is demanded.
        may predicate: SummaryPredicateKind,
        /// URI of the verifier that must have stated it, exactly; with `predicate`.
        may verifier: Name,
        /// Levels of a summary (a higher one of its track will do) or properties of a result that must all be stated.
        may levels: Many<Name>,
        /// Globs of the resource that a summary must be about, its `resourceUri`; `*` never crosses a `/` unless written `**`.
        may resource: Many<Name>,
        /// URI of the policy that must have been verified against, exactly.
        may policy_uri: Name,
    }

    /// A person with the addresses that their commits carry.
    FullPerson as "a person" {
        /// GitLab user name.
        must user: Name,
        /// Addresses of commits.
        may emails: Many<Name>,
    }

    /// A CVSS base score.
    CvssSelector as "`cvss`" {
        /// This or higher.
        must at_least: CvssScore,
        /// Versions of CVSS whose score counts, such as `[4.0, 3.1]`; default any. A score of another is not known.
        may version: Many<CvssVersionName>,
    }

    /// Licences that do not let a finding be: those of `deny`, and all that are not in `allow`.
    LicenseSelector as "`licenses`" {
        /// Licences that are not looked for: SPDX ids, also `ID WITH EXCEPTION`, or categories such as `permissive`.
        may allow: Many<Name>,
        /// Licences that are looked for, allowed or not, written the same way.
        may deny: Many<Name>,
    }

    /// How long a finding may stay; what has no deadline here may stay for ever.
    WrittenDeadlines as "`due`" {
        /// A published rule instead of levels: `pci-dss-6.3.3`, `fedramp-conmon`.
        may preset: Name,
        /// Time for a finding of this severity.
        may critical: Duration,
        /// Time for a finding of this severity.
        may high: Duration,
        /// Time for a finding of this severity.
        may medium: Duration,
        /// Time for a finding of this severity.
        may low: Duration,
        /// Time for a finding of this severity.
        may info: Duration,
        /// Time for what is known to be exploited, where that is sooner.
        may kev: Duration,
        /// From when it counts: `first_seen` (default; a baseline tells it), `published`, or `fix_available`.
        may from: DeadlineStart,
        /// So long before its deadline a finding counts already, such as for a rule that warns.
        may within: Duration,
    }

    /// A fact that is a time.
    Recent as "a fact that is a time" {
        /// Not older than this, and not in the future.
        must within: Duration,
    }
}

/// Verdicts that must be there: `GATE: {on: commit|subject}` for each gate, and what holds for all of them.
#[derive(Debug)]
pub(crate) struct WrittenVerdictsRule {
    pub(crate) gates: Vec<(At<Name>, At<EarlierGate>)>,
    pub(crate) common: VerdictsCommon,
}

impl FromNode for WrittenVerdictsRule {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let NodeKind::Map(pairs) = &node.kind else {
            wrong(node, key, "a map of gates, such as `{merge: {on: commit}, signed_by: [gate]}`", problems);
            return None;
        };
        let known = VerdictsCommon::keys();
        let mut gates = Vec::new();
        let mut common = Vec::new();
        for (word, value) in pairs {
            let copy = || (node::NodeKey { at: word.at, text: word.text.clone() }, value.clone());
            if known.contains(&word.text.as_str()) {
                common.push(copy());
            } else if matches!(value.kind, NodeKind::Map(_)) {
                let name = NodeKind::Scalar { text: word.text.clone(), plain: false };
                let name = At::from_node(&Node { at: word.at, kind: name }, key, problems);
                gates.extend(name.zip(At::from_node(value, &word.text, problems)));
            } else {
                // Not a gate, which has a map: one of the other keys, misspelt.
                common.push(copy());
            }
        }
        let common = Node { at: node.at, kind: NodeKind::Map(common) };
        Some(Self { gates, common: VerdictsCommon::from_node(&common, key, problems)? })
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let gate = EarlierGate::schema(generator).to_value();
        let mut schema = <VerdictsCommon as schemars::JsonSchema>::json_schema(generator);
        schema.insert("additionalProperties".to_owned(), gate);
        schema
    }
}

/// `unknown` of a rule: one word, or a word for each attribute.
#[derive(Debug)]
pub(crate) enum WrittenUnknownMeaning {
    All(UnknownAction),
    Each(Table<UnknownAction>),
}

impl FromNode for WrittenUnknownMeaning {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match node.kind {
            NodeKind::Map(_) => Table::from_node(node, key, problems).map(Self::Each),
            _ => UnknownAction::from_node(node, key, problems).map(Self::All),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let word = UnknownAction::schema(generator);
        let each = Table::<UnknownAction>::schema(generator);
        json_schema!({"anyOf": [word, each]})
    }
}

/// `allow` of a rule: a number, or a map.
#[derive(Debug)]
pub(crate) struct WrittenAllowance(pub(crate) Allowance);

impl FromNode for WrittenAllowance {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        if !matches!(node.kind, NodeKind::Map(_)) {
            return u64::from_node(node, key, problems).map(|count| Self(Allowance::Count(count)));
        }
        let faults = problems.len();
        let AllowanceParts { given: _, base, per, count } = AllowanceParts::from_node(node, key, problems)?;
        let allowance = match (base, per, count) {
            (Some(_), None, None) => Some(Allowance::Base),
            (None, Some(per), Some(count)) => Some(Allowance::Each { per: per.value, count: count.value }),
            _ => None,
        };
        if allowance.is_none() && problems.len() == faults {
            problems.add(node.at, PolicyDiagnostic::AllowanceInPart);
        }
        allowance.map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let (count, parts) = (u64::schema(generator), AllowanceParts::schema(generator));
        json_schema!({"anyOf": [count, parts]})
    }
}

/// `version: 1`.
#[derive(Debug)]
pub(crate) struct PolicyVersion;

impl FromNode for PolicyVersion {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        if node.plain() == Some("1") {
            return Some(Self);
        }
        wrong(node, key, "1, the version of the policy language that this build reads", problems);
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": 1})
    }
}

/// A SHA-256 digest in small letters.
#[derive(Debug, Clone)]
pub(crate) struct Digest(pub(crate) String);

impl FromNode for Digest {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let text = node.text().map(|text| text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase());
        let hex = text.filter(|text| is_sha256(text));
        if hex.is_none() {
            wrong(node, key, "64 hexadecimal digits", problems);
        }
        hex.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(sha256:)?[0-9a-fA-F]{64}$"})
    }
}

/// A version of CVSS, which YAML takes for a number unless it is quoted.
#[derive(Debug, Clone)]
pub(crate) struct CvssVersionName(pub(crate) String);

impl FromNode for CvssVersionName {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        Name::from_node(node, key, problems).map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "number", "minimum": 2, "maximum": 4},
            {"type": "string", "pattern": "^(4\\.0|3\\.[01]|2\\.0)$"},
        ]})
    }
}

/// A CWE number, as `79` or `CWE-79`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cwe(pub(crate) u32);

impl FromNode for Cwe {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let number = node.text().and_then(|text| {
            let digits = match text.split_at_checked(4) {
                Some((prefix, rest)) if prefix.eq_ignore_ascii_case("CWE-") => rest,
                _ => node.plain()?,
            };
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok().filter(|n| *n > 0))?
        });
        if number.is_none() {
            wrong(node, key, "a CWE number such as `79`", problems);
        }
        number.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^CWE-[0-9]+$"}]})
    }
}

/// A person of a role: a user name, or more.
#[derive(Debug)]
pub(crate) enum WrittenPerson {
    User(String),
    Full(Box<FullPerson>),
}

impl FromNode for WrittenPerson {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match node.kind {
            NodeKind::Map(_) => {
                FullPerson::from_node(node, key, problems).map(|full| Self::Full(Box::new(full)))
            }
            _ => Name::from_node(node, key, problems).map(Self::User),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let (user, full) = (Name::schema(generator), FullPerson::schema(generator));
        json_schema!({"anyOf": [user, full]})
    }
}

/// Expected value of a required fact.
#[derive(Debug)]
pub(crate) enum ExpectedFact {
    Present,
    Within(i64),
    Equals(Value),
}

impl FromNode for ExpectedFact {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match &node.kind {
            NodeKind::Scalar { text, .. } if text == "present" => Some(Self::Present),
            NodeKind::Map(_) => {
                Recent::from_node(node, key, problems)?.within.map(|d| Self::Within(d.value.0))
            }
            _ => json(node, key, problems).map(Self::Equals),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let recent = Recent::schema(generator);
        json_schema!({"anyOf": [{"type": ["string", "number", "boolean", "array"]}, recent]})
    }
}

/// A value that a fact is compared with.
fn json(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Value> {
    match &node.kind {
        NodeKind::Scalar { text, plain: false } => Some(Value::String(text.clone())),
        NodeKind::Scalar { text, plain: true } if !node.is_null() => Some(core_schema(text)),
        NodeKind::List(items) => {
            let values: Vec<_> = items.iter().map(|item| json(item, key, problems)).collect();
            values.into_iter().collect::<Option<_>>().map(Value::Array)
        }
        _ => {
            wrong(node, key, "a value, `present` or `{within: 30d}`", problems);
            None
        }
    }
}

/// Text without quotes as YAML 1.2 reads it: true, false, a number of JSON's, else text.
fn core_schema(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match serde_json::from_str(text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => Value::String(text.to_owned()),
        },
    }
}

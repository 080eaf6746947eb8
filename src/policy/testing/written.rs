//! The file of cases as written, read by the machinery of the policy.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::error::PolicyProblems;
use super::super::written::map::{described, key, known_keys, needed, unknown_key, written};
use super::super::written::node::{Node, NodeKind};
use super::super::written::{
    At, CvssScore, Cwe, Day, Duration, FromNode, Lenient, Many, Name, PolicyVersion, PositiveCount,
    Probability, Prose, Table, Vocabulary, words, wrong,
};
use crate::finding::{Category, Confidence, Fix, Reachability, Scope, Severity, State, Target};
use crate::policy::diagnostics::PolicyDiagnostic;

words! {
    ExpectedOutcome {
        "pass" = Pass, "warn" = Warn, "review" = Review, "fail" = Fail, "error" = Error,
        "not_applicable" = NotApplicable,
    }
    ReportCondition {
        "clean" = Clean, "absent" = Absent, "nothing_scanned" = NothingScanned, "incomplete" = Incomplete, "failed" = Failed,
    }
    BasePresence { "given" = Given, "missing" = Missing }
}

/// Outcome that is expected of a rule, or of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedOutcome {
    Pass,
    Warn,
    Review,
    Fail,
    Error,
    NotApplicable,
}

/// Report in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportCondition {
    Clean,
    Absent,
    NothingScanned,
    Incomplete,
    Failed,
}

/// Whether the run has a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BasePresence {
    Given,
    Missing,
}

written! {
    /// Cases of a policy: the evidence, and the expected outcome.
    File as "the file of cases" {
        /// Version of the file: 1.
        must version: PolicyVersion,
        /// The policy: a path relative to this file, or the name of an embedded one. Default: X.yaml beside X.test.yaml.
        may policy: Name,
        /// The clock of every case, RFC 3339; default 2026-01-01T00:00:00Z.
        may now: Name,
        /// The cases.
        must cases: Lenient<Case>,
    }

    /// One case.
    Case as "a case" {
        /// Statement that the case shows, unique in the file.
        must name: Prose,
        /// Evidence, by the names of the policy's entries. A required entry for reports that is not named has a whole report without findings; any other that is not named is absent.
        may evidence: Table<CaseEvidence>,
        /// Values of the policy's parameters.
        may parameters: Table<Name>,
        /// Waiver files besides those that the policy names, relative to this file.
        may waivers: Many<Name>,
        /// The commit that the run is about.
        may commit: Name,
        /// The artifacts that the run is about, as `--subject` takes them.
        may subjects: Many<Name>,
        /// The clock of this case, RFC 3339.
        may now: Name,
        /// `missing`: the run has no base, which `base.without` of the policy answers. Default `given`: `state` of each finding says what it is.
        may base: BasePresence,
        /// How many findings of the base rules with `allow: {base: same}` match, by their ids; default 0.
        may base_counts: Table<u64>,
        /// Expected outcomes.
        must expect: Expect,
    }

    /// Expected outcomes; what is not named may be anything.
    Expect as "`expect`" {
        /// The verdict.
        must verdict: ExpectedOutcome,
        /// Outcomes of rules, by their ids.
        may rules: Table<ExpectedOutcome>,
        /// How many matches count, by the ids of rules.
        may counts: Table<u64>,
    }

    /// A report with these findings, made now and about this run.
    Inline as "a report of a case" {
        /// Its findings; none if it has none.
        may findings: Many<Inlined>,
        /// A report or document in this file, relative to the file of cases, instead of findings written out.
        may file: Name,
        /// `nothing_scanned`, `incomplete`, `failed`: what is wrong with it; `absent`: it is not there; `clean`: nothing is wrong.
        may status: ReportCondition,
        /// How old it is.
        may age: Duration,
    }

    /// A finding; what is not given is not known.
    Inlined as "a finding" {
        /// Default: that of the entry.
        may category: Category,
        /// The scanner's id of the check, or of the advisory.
        may rule_id: Name,
        /// Its severity; `unknown` if the scanner gives none.
        must severity: Severity,
        /// One line for people.
        may title: Prose,
        /// Relative to the base; default `new`.
        may state: State,
        /// Vulnerability ids.
        may ids: Many<Name>,
        /// CWE numbers.
        may cwe: Many<Cwe>,
        /// The file.
        may path: Name,
        /// Its line.
        may line: PositiveCount,
        /// The package.
        may package: Name,
        /// Whether a fixed version exists.
        may fix: Fix,
        /// Kind of dependency.
        may scope: Scope,
        /// How sure the scanner is.
        may confidence: Confidence,
        /// A secret that was found to be live.
        may verified: bool,
        /// Switched off by the scanner or in the code.
        may suppressed: bool,
        /// Known to be exploited.
        may kev: bool,
        /// EPSS.
        may epss: Probability,
        /// CVSS base score.
        may cvss: CvssScore,
        /// The version of CVSS that the score is of.
        may cvss_version: Name,
        /// Whether the vulnerable code can be reached.
        may reachable: Reachability,
        /// The project itself asks for the package.
        may direct: bool,
        /// Package URL.
        may purl: Name,
        /// How long ago the first version with the fix came out.
        may fix_available_for: Duration,
        /// The system that the package is part of is no longer maintained.
        may end_of_life: bool,
        /// The day on which the baseline first knew it.
        may first_seen: Day,
        /// How long ago it was published.
        may age: Duration,
        /// The scanner.
        may tool: Name,
        /// How often it is there; default 1.
        may times: PositiveCount,
        /// Target that was scanned.
        may target: Target,
    }
}

/// Evidence of an entry in a case: a report written out, a file, or a word.
#[derive(Debug)]
pub(crate) enum CaseEvidence {
    Word(ReportCondition),
    Inline(Box<Inline>),
}

impl FromNode for CaseEvidence {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match node.kind {
            NodeKind::Map(_) => {
                let inline = Inline::from_node(node, key, problems)?;
                if inline.file.is_some() && inline.given.len() > 1 {
                    problems.add(node.at, PolicyDiagnostic::CaseFileAndKeys);
                }
                Some(Self::Inline(Box::new(inline)))
            }
            _ => ReportCondition::from_node(node, key, problems).map(Self::Word),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let (word, inline) = (ReportCondition::schema(generator), Inline::schema(generator));
        json_schema!({"anyOf": [word, inline]})
    }
}

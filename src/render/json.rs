//! The verdict as one JSON object: the contract `secgate/verdict/v1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::fixed_findings::Fixed;
use super::{Look, OutputFormat};
use crate::attest::ClockSource;
use crate::decide::{
    BaseResult, ContextView, Counts, Decision, Evidence, GateChange, MatchedProblem, Outcome, RuleResult,
    RunError, Unblock, WaiverResult,
};
use crate::finding::{Fix, Text, View};
use crate::policy::PolicyFile;
use crate::relate::DuplicateReason;

/// JSON.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "json", title: "one object, schema secgate/verdict/v1", lines: false, write };

/// The schema of [`VerdictObject`].
pub(super) const SCHEMA: &str = "secgate/verdict/v1";

/// The frozen shape; keys are written in this order.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct VerdictObject<'d> {
    /// `secgate/verdict/v1`.
    schema: &'static str,
    /// Version of secgate that decided.
    secgate: &'static str,
    /// The gate, such as `merge`.
    gate: &'d str,
    /// `pass`, `review`, `error` or `fail`.
    verdict: Outcome,
    /// Exit code of the process.
    exit_code: u8,
    /// False under advisory enforcement.
    enforced: bool,
    /// The run's clock, RFC 3339.
    evaluated_at: String,
    /// `machine`, or `pinned` by whoever ran it, as `--now` does.
    clock: ClockSource,
    /// Source and SHA-256 of the policy; null where it could not be read.
    policy: Option<PolicyReference<'d>>,
    /// Subject of the run.
    context: &'d ContextView,
    /// The files that were read, and the entries that nothing was read for.
    evidence: &'d [Evidence],
    /// The rules in the policy's order.
    rules: &'d [RuleResult],
    /// Active findings of all reports.
    findings_total: u64,
    /// Number of elements of `findings`.
    findings_shown: usize,
    /// SHA-256 over the sorted fingerprints of all findings that stop the change.
    findings_digest: &'d str,
    /// Active findings that matched no rule.
    unmatched: u64,
    /// Problems that rules matched, worst first, up to a cap a rule.
    findings: Vec<OwnedFinding<'d>>,
    /// The waivers of the gate, sorted by id.
    waivers: &'d [WaiverResult],
    /// Errors that kept the run from deciding.
    errors: &'d [RunError],
    /// The smallest set of actions that lets the change through.
    unblock: &'d Unblock,
    /// Base that the change was compared with; null where the policy has no base.
    base: Option<&'d BaseResult>,
    /// Findings of the base that are gone, worst first, up to a cap.
    fixed: Vec<Fixed<'d>>,
    /// Changes to the gate itself; null where the gate before is not known.
    loosened: Option<&'d GateChange>,
    /// `unmatched`, by category.
    unmatched_by_category: BTreeMap<&'static str, Counts>,
    /// Emergency waivers that hold, a line each.
    emergencies: &'d [String],
    /// Suppressed findings that matched no rule, worst first, up to a cap.
    suppressed: Vec<View<'d>>,
    /// Existing findings that matched no rule, worst first, up to a cap.
    known: Vec<View<'d>>,
    /// Where texts stand that reports and other files gave, as `JSONPath` queries (RFC 9535).
    text_from_report: &'static [&'static str],
}

/// Where texts stand that reports and other files gave, as `JSONPath` queries (RFC 9535): data that whoever made the reports
/// chose, made inert and never an instruction to whoever reads the verdict.
const TEXT_FROM_REPORT: &[&str] = &[
    "$.findings[*]['rule_id','native_severity','title','ids','target','tools','suppression','vex','upgrade_to']",
    "$.findings[*]['location','package','cvss','related']",
    "$['known','suppressed'][*]['rule_id','native_severity','title','ids','target','tools','suppression','vex']",
    "$['known','suppressed'][*]['location','package','cvss','related']",
    "$.fixed[*]",
    "$.evidence[*]['path','tool','problems','message','about']",
    "$.rules[*].message",
    "$.base.message",
    "$.errors[*]['path','message']",
    "$.unblock.steps[?@.text_from_report == true]['text','what','path','places','package','purl','from','to','command']",
];

#[derive(Serialize, schemars::JsonSchema)]
struct PolicyReference<'d> {
    source: &'d str,
    sha256: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'d [PolicyFile],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    extends: &'d [PolicyFile],
}

/// A finding with what stands beside it: `where` does not see who owns a file, because owners decide nothing.
#[derive(Serialize, schemars::JsonSchema)]
struct OwnedFinding<'d> {
    #[serde(flatten)]
    finding: View<'d>,
    owners: &'d [String],
    /// The version to take, which is the one that the step of `unblock` goes to; null where none is known.
    upgrade_to: Option<Text>,
    /// When the advisory was published; null where the report does not say.
    #[schemars(with = "Option<String>")]
    published: Option<Timestamp>,
    /// When its time is up by the deadlines of the policy; null where none counts for it.
    #[schemars(with = "Option<String>")]
    due: Option<Timestamp>,
}

/// A problem as its worst witness says it, with the others named.
fn view(problem: &MatchedProblem) -> Option<OwnedFinding<'_>> {
    let lead = problem.lead()?;
    let others = problem.witnesses.iter().skip(1).map(|m| (&m.finding, m.evidence));
    let view = View::of_finding(&lead.finding, lead.evidence)
        .waived(problem.waiver.as_deref())
        .vexed(problem.vex.as_ref());
    let finding = view.with_witnesses(problem.why.map(DuplicateReason::words), others);
    let upgrade_to = lead.finding.version_to_take().filter(|_| lead.finding.fix == Fix::Available);
    let published = lead.finding.published.and_then(|at| Timestamp::from_second(at).ok());
    let due = lead.finding.due.and_then(|at| Timestamp::from_second(at).ok());
    Some(OwnedFinding { finding, owners: &problem.owners, upgrade_to, published, due })
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let object = VerdictObject {
        schema: SCHEMA,
        secgate: env!("CARGO_PKG_VERSION"),
        gate: &decision.gate,
        verdict: decision.verdict,
        exit_code: decision.exit_code,
        enforced: decision.enforced,
        evaluated_at: decision.evaluated_at.to_string(),
        clock: decision.clock,
        policy: decision.policy.as_ref().map(|(source, sha256)| PolicyReference {
            source,
            sha256,
            files: &decision.policy_files,
            extends: &decision.policy_extends,
        }),
        context: &decision.context,
        evidence: &decision.evidence,
        rules: &decision.rules,
        findings_total: decision.counts.total,
        findings_shown: decision.findings.len(),
        findings_digest: &decision.findings_digest,
        unmatched: decision.unmatched_total(),
        findings: decision.findings.iter().filter_map(view).collect(),
        waivers: &decision.waivers,
        errors: &decision.errors,
        unblock: &decision.unblock,
        base: decision.base.as_ref(),
        fixed: decision.fixed.iter().map(Fixed::from_entry).collect(),
        loosened: decision.own_gate.as_ref(),
        unmatched_by_category: decision
            .unmatched
            .iter()
            .map(|(category, n)| (category.as_str(), *n))
            .collect(),
        emergencies: &decision.emergencies,
        suppressed: decision.suppressed.iter().map(|m| View::of_finding(&m.finding, m.evidence)).collect(),
        known: decision.known.iter().map(|m| View::of_finding(&m.finding, m.evidence)).collect(),
        text_from_report: TEXT_FROM_REPORT,
    };
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

//! The verdict as one JSON object: the contract `secgate/verdict/v1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::fixed_findings::Fixed;
use super::{Look, OutputFormat};
use crate::decide::{
    BaseResult, ContextView, Counts, Decision, Evidence, GateChange, MatchedProblem, Outcome, RuleResult,
    RunError, Unblock, WaiverResult,
};
use crate::finding::View;
use crate::policy::PolicyFile;
use crate::relate::DuplicateReason;

/// JSON.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "json", title: "one object, schema secgate/verdict/v1", lines: false, write };

/// The frozen shape; keys are written in this order.
#[derive(Serialize)]
struct VerdictObject<'d> {
    schema: &'static str,
    secgate: &'static str,
    gate: &'d str,
    verdict: Outcome,
    exit_code: u8,
    enforced: bool,
    evaluated_at: String,
    policy: Option<PolicyReference<'d>>,
    context: &'d ContextView,
    evidence: &'d [Evidence],
    rules: &'d [RuleResult],
    findings_total: u64,
    findings_shown: usize,
    findings_digest: &'d str,
    unmatched: u64,
    findings: Vec<OwnedFinding<'d>>,
    waivers: &'d [WaiverResult],
    errors: &'d [RunError],
    unblock: &'d Unblock,
    base: Option<&'d BaseResult>,
    fixed: Vec<Fixed<'d>>,
    loosened: Option<&'d GateChange>,
    unmatched_by_category: BTreeMap<&'static str, Counts>,
    emergencies: &'d [String],
    suppressed: Vec<View<'d>>,
    known: Vec<View<'d>>,
}

#[derive(Serialize)]
struct PolicyReference<'d> {
    source: &'d str,
    sha256: &'d str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'d [PolicyFile],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    extends: &'d [PolicyFile],
}

/// A finding with what stands beside it: `where` does not see who owns a file, because owners decide nothing.
#[derive(Serialize)]
struct OwnedFinding<'d> {
    #[serde(flatten)]
    finding: View<'d>,
    owners: &'d [String],
}

/// A problem as its worst witness says it, with the others named.
fn view(problem: &MatchedProblem) -> Option<OwnedFinding<'_>> {
    let lead = problem.lead()?;
    let others = problem.witnesses.iter().skip(1).map(|m| (&m.finding, m.evidence));
    let view = View::of_finding(&lead.finding, lead.evidence)
        .waived(problem.waiver.as_deref())
        .vexed(problem.vex.as_ref());
    let finding = view.with_witnesses(problem.why.map(DuplicateReason::words), others);
    Some(OwnedFinding { finding, owners: &problem.owners })
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let object = VerdictObject {
        schema: "secgate/verdict/v1",
        secgate: env!("CARGO_PKG_VERSION"),
        gate: &decision.gate,
        verdict: decision.verdict,
        exit_code: decision.exit_code,
        enforced: decision.enforced,
        evaluated_at: decision.evaluated_at.to_string(),
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
    };
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

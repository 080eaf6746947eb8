//! The verdict as variables for later jobs: `artifacts:reports:dotenv` of GitLab.
//!
//! GitLab (`parse_dotenv_artifact_service.rb`) refuses a file of 5 KB or more and, unless configured otherwise, more than
//! 20 variables; blank lines, comments, quotes and values over several lines are not understood. So every value is a word
//! of the gate's own, a number or a digest.

use std::io::{self, Write};

use super::{Look, OutputFormat, word};
use crate::decide::{Decision, Outcome};
use crate::finding::Severity;

/// Dotenv.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "dotenv", title: "variables for later jobs of GitLab", lines: true, write };

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let rules = |outcome: Outcome| decision.rules.iter().filter(|r| r.outcome == outcome).count().to_string();
    let demanded = decision.evidence.iter().filter(|e| e.outcome >= Outcome::Review).count();
    let waived = decision.findings.iter().filter(|problem| problem.lifted_by().is_some()).count();
    let sha256 = decision.policy.as_ref().map_or("none", |(_, sha256)| sha256.as_str());
    let mut lines = vec![
        ("VERDICT", decision.verdict.as_str().to_owned()),
        ("GATE", word(&decision.gate)),
        ("EXIT_CODE", decision.exit_code.to_string()),
        ("ENFORCED", decision.enforced.to_string()),
        ("POLICY_SHA256", sha256.to_owned()),
        ("FINDINGS_DIGEST", decision.findings_digest.clone()),
        ("RULES_FAIL", rules(Outcome::Fail)),
        ("RULES_REVIEW", rules(Outcome::Review)),
        ("RULES_ERROR", rules(Outcome::Error)),
        ("RULES_WARN", rules(Outcome::Warn)),
        ("EVIDENCE_MISSING", demanded.to_string()),
        ("WAIVED", waived.to_string()),
        ("EMERGENCY_WAIVERS", decision.emergencies.len().to_string()),
        ("FINDINGS", decision.counts.total.to_string()),
    ];
    let of = |severity: Severity| decision.counts.by_severity(severity).to_string();
    lines.extend([
        ("FINDINGS_CRITICAL", of(Severity::Critical)),
        ("FINDINGS_HIGH", of(Severity::High)),
        ("FINDINGS_MEDIUM", of(Severity::Medium)),
        ("FINDINGS_LOW", of(Severity::Low)),
        ("FINDINGS_INFO", of(Severity::Info)),
        ("FINDINGS_UNKNOWN", of(Severity::Unknown)),
    ]);
    for (name, value) in lines {
        writeln!(out, "SECGATE_{name}={value}")?;
    }
    Ok(())
}

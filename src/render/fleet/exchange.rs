//! The fleet for other systems: SARIF of what blocks now, and OSCAL of the latest decisions.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::decide::{Evidence, Outcome, Status};
use crate::finding::{Finding, Location, Package, Text, hex};
use crate::fleet::{Fleet, LatestRun, OpenFinding, RunProof};
use crate::render::record::{AuditRecord, RecordProof, RecordedDecision};
use crate::render::{ListedFindings, Look, sarif};
use crate::report::Tool;

use super::content::deadlines::place;

/// One run a repository and report with a finding that blocks, named `REPOSITORY/REPORT`; a repository whose latest run was not
/// decided has one that says so.
pub(super) fn sarif(fleet: &Fleet, out: &mut dyn Write) -> io::Result<()> {
    let several = fleet.verdicts.gates.len() > 1;
    let (mut evidence, mut findings) = (Vec::new(), Vec::new());
    for run in &fleet.latest {
        let name =
            if several { format!("{}/{}", run.of.project, run.of.gate) } else { run.of.project.clone() };
        if run.verdict == Outcome::Error {
            let why = format!("the latest run was not decided: {}", run.clears_with);
            evidence.push(Evidence::of_rows(&name, None, Status::Unreadable, why));
        }
        let mut reports: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in run.open.iter().filter(|finding| finding.blocks()) {
            let at = *reports.entry(&finding.tool).or_insert_with(|| {
                let proof = run.evidence.iter().find(|proof| proof.tool.as_deref() == Some(&finding.tool));
                evidence.push(report(&name, &finding.tool, proof));
                evidence.len() - 1
            });
            findings.push((finding_of(finding), at));
        }
    }
    let listed = ListedFindings { evidence: &evidence, findings: &findings };
    (sarif::LISTING.write)(&listed, Look::PLAIN, out)
}

fn report(name: &str, tool: &str, proof: Option<&RunProof>) -> Evidence {
    let path = proof.map_or(tool, |proof| proof.path.as_str());
    let version = proof.and_then(|proof| proof.tool_version.as_deref()).map(Text::line);
    let tool = Tool { name: Text::line(tool), version };
    let status = proof.map_or(Status::Complete, |proof| proof.status);
    let told = Evidence::of_rows(&format!("{name}/{path}"), Some(tool), status, String::new());
    Evidence { sha256: proof.and_then(|proof| proof.sha256.clone()), ..told }
}

/// A finding as far as its row tells.
fn finding_of(row: &OpenFinding) -> Finding {
    let mut finding = Finding::new(row.category, &row.tool, &row.check_id, row.severity);
    let to = row.upgrade_to.as_ref().map(|version| format!("; take {version}")).unwrap_or_default();
    finding.title = Text::line(&format!("{} in {}{to}", row.check_id, place(row)));
    finding.ids = row.advisory.iter().map(|id| Text::line(id)).collect();
    finding.location = row.path.as_ref().and_then(|path| Location::new(path, row.line, None, &[]));
    finding.package = row.package.as_ref().map(|name| Package {
        name: Text::whole(name),
        version: Text::whole(row.package_version.as_deref().unwrap_or_default()),
        purl: None,
        ecosystem: None,
        fixed: row.upgrade_to.iter().map(|version| Text::whole(version)).collect(),
    });
    (finding.fix, finding.state, finding.fingerprint) = (row.fix, row.state, row.fingerprint);
    finding
}

pub(super) fn oscal(fleet: &Fleet, out: &mut dyn Write) -> io::Result<()> {
    let decided = fleet.latest.iter().filter(|run| run.decided.is_some());
    let decisions: Vec<RecordedDecision> = decided.map(decision).collect();
    out.write_all(AuditRecord::new(decisions, Vec::new()).to_oscal().as_bytes())
}

/// A latest decision in the words of a verdict, as far as rows tell.
fn decision(run: &LatestRun) -> RecordedDecision {
    let rules: Vec<Value> = run
        .rules
        .iter()
        .map(|rule| json!({"id": rule.rule, "title": rule.rule, "outcome": rule.outcome.as_str(), "message": rule.message}))
        .collect();
    let evidence: Vec<Value> = run
        .evidence
        .iter()
        .map(|one| {
            json!({
                "path": one.path, "status": one.status.as_str(), "sha256": one.sha256,
                "tool": {"name": one.tool, "version": one.tool_version},
            })
        })
        .collect();
    let verdict = json!({
        "gate": run.of.gate,
        "verdict": run.decided_verdict.as_str(),
        "evaluated_at": run.decided.map(|time| time.to_string()),
        "policy": {"source": run.policy.0, "sha256": run.policy.1},
        "context": {"project": run.of.project, "commit": run.decided_run.1},
        "rules": rules,
        "evidence": evidence,
    });
    let sha256 = hex(&Sha256::digest(verdict.to_string()));
    RecordedDecision {
        place: run.decided_run.0.clone(),
        verdict,
        sha256,
        bundle: None,
        signers: Vec::new(),
        trees: Vec::new(),
        proof: RecordProof::File,
    }
}

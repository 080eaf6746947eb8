//! Rows of a replay, for engines that read NDJSON: of each run, its rules, its evidence and its findings.
//!
//! Every row begins with `seq`, the run's place in the input, and `row_type`. No name is a reserved word of `DuckDB`, Spark
//! or `PostgreSQL`. Nothing in a row depends on when, where or by how many workers it was made.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Serialize;

use super::{RunDescription, Stop, policy_verdict};
use crate::decide::{Decision, Evidence, GateVerdict, Outcome, Status, WaiverResult, WaiverStatus};
use crate::evidence_snapshot::EvidenceSnapshot;
use crate::finding::{Category, Finding, Fingerprint, Fix, Severity, State, Text};

/// The schema of the rows.
pub const ROWS_SCHEMA: &str = "secgate/rows/v1";

/// The tables, in the order in which the rows of a run are written: the row of the run comes last and says that it is whole.
pub const TABLES: [&str; 7] =
    ["run_rule", "run_evidence", "run_finding", "run_waiver", "run_difference", "run_recall", "run"];

/// A row of a run and a policy.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy: `A`, or `B` for that of `--against`.
    pub policy_label: &'static str,
    /// Where the policy comes from.
    pub policy_source: &'d str,
    /// Its digest.
    pub policy_sha256: &'d str,
    /// The gate that the policy is for.
    pub policy_gate: &'d str,
    /// The project.
    pub project: Option<&'d str>,
    /// The team that answers for it.
    pub team: Option<&'d str>,
    /// The commit.
    pub commit_sha: Option<&'d str>,
    /// Who made the change.
    pub author: Option<&'d str>,
    /// The number of the merge request.
    pub merge_request: Option<u64>,
    /// The number of the pipeline.
    pub pipeline: Option<u64>,
    /// The branch or tag.
    pub git_ref: Option<&'d str>,
    /// The gate that the run was saved for.
    pub gate: Option<&'d str>,
    /// When it ran, as it says, RFC 3339 in UTC.
    pub ran_at: Option<String>,
    /// The clock that it was judged by, RFC 3339; null where it could not be decided for want of one.
    pub evaluated_at: Option<String>,
    /// `pass`, `review`, `fail` or `error`.
    pub verdict: Outcome,
    /// False under advisory enforcement.
    pub enforced: bool,
    /// Rules and evidence that stop it.
    pub stopped_by: Vec<String>,
    /// Who is asked for an approval that is missing: roles and people, any of whom can give it.
    pub reviewers: Vec<String>,
    /// The entry or file of the worst evidence, where any needs at least a review.
    pub worst_evidence: Option<String>,
    /// Its state.
    pub worst_evidence_status: Option<Status>,
    /// Its consequence.
    pub worst_evidence_outcome: Option<Outcome>,
    /// Findings that stop it.
    pub stops: u64,
    /// Of them, those that the steps clear.
    pub clears: u64,
    /// The steps that clear it, in one line.
    pub clears_with: &'d str,
    /// Active findings of all reports.
    pub findings_total: u64,
    /// SHA-256 over the identities of the findings that stop it.
    pub findings_digest: &'d str,
    /// How long its scans took, in seconds, where receipts or reports tell.
    pub scan_seconds: Option<i64>,
    /// Why no decision was reached.
    pub error_text: Option<String>,
    /// The code of that.
    pub error_code: Option<&'d str>,
}

/// A row of a rule.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunRuleRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_rule`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy.
    pub policy_label: &'static str,
    /// The rule's id.
    pub rule: &'d str,
    /// Its line in the policy.
    pub rule_line: u64,
    /// The policy that it is inherited from.
    pub inherited_from: Option<&'d str>,
    /// Its statement.
    pub outcome: Outcome,
    /// Its outcome is that of missing evidence.
    pub blind: bool,
    /// Matches that count.
    pub match_count: u64,
    /// Of them, new ones.
    pub new_count: u64,
    /// Matches that a waiver covers.
    pub waived_count: u64,
    /// Matches that a VEX statement lifts.
    pub vexed_count: u64,
    /// Matches that are allowed.
    pub allowed_count: u64,
    /// Of the matches, those that have rows of findings.
    pub shown_count: u64,
    /// Why it says so.
    pub message: &'d str,
}

/// A row of a piece of evidence and an entry that it is for.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunEvidenceRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_evidence`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy.
    pub policy_label: &'static str,
    /// The entry of the policy.
    pub entry: Option<&'d str>,
    /// The file in the run.
    pub path: Option<&'d Text>,
    /// Its state.
    pub status: Status,
    /// Its consequence.
    pub outcome: Outcome,
    /// Its format.
    pub format: Option<&'d str>,
    /// The scanner.
    pub tool: Option<&'d Text>,
    /// Its version.
    pub tool_version: Option<&'d Text>,
    /// Why the policy does not trust that scanner or that version.
    pub distrust: Option<&'d str>,
    /// SHA-256 of the file.
    pub sha256: Option<&'d str>,
    /// Its size.
    pub byte_count: Option<u64>,
    /// When it was made, RFC 3339.
    pub generated_at: Option<&'d str>,
    /// How long the scan took, in seconds.
    pub scan_seconds: Option<i64>,
    /// Active findings that it holds.
    pub finding_count: u64,
    /// Why it is judged so.
    pub message: &'d str,
    /// The code of that.
    pub code: Option<&'d str>,
}

/// A row of a finding and a rule that counted it; one row where no rule did.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RunFindingRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_finding`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy.
    pub policy_label: &'static str,
    /// What it is known by in all runs of the project.
    pub fingerprint: Fingerprint,
    /// The rule that counted it; null where none did.
    pub rule: Option<&'d str>,
    /// Its category.
    pub category: Category,
    /// The scanner's id of the check, or of the advisory.
    pub check_id: &'d Text,
    /// Severity on the common scale.
    pub severity: Severity,
    /// The scanner's own word for it.
    pub native_severity: Option<&'d Text>,
    /// New, existing or newly disclosed.
    pub state: State,
    /// Switched off by the scanner or by a comment.
    pub suppressed: bool,
    /// Whether a fixed version exists.
    pub fix: Fix,
    /// The first id of the vulnerability.
    pub advisory: Option<&'d Text>,
    /// The package.
    pub package: Option<&'d Text>,
    /// Its version.
    pub package_version: Option<&'d Text>,
    /// The first version with the fix that the report names.
    pub fixed_version: Option<&'d Text>,
    /// The version to take, as the verdict advises.
    pub upgrade_to: Option<Text>,
    /// The file.
    pub path: Option<&'d Text>,
    /// The line.
    pub line_number: Option<u32>,
    /// The scanner.
    pub tool: &'d Text,
    /// Who owns the file, by CODEOWNERS.
    pub owners: &'d [String],
    /// The waiver that lifts it.
    pub waiver: Option<&'d str>,
    /// Days since the baseline first knew it, else since its advisory was published.
    pub age_days: Option<i64>,
    /// When its time is up by the policy, RFC 3339.
    pub due_at: Option<String>,
}

/// A row of a waiver that the policy's gate has for the project.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RunWaiverRow<'d> {
    /// The run's place in the input, from 0.
    pub seq: u64,
    /// `run_waiver`.
    pub row_type: &'static str,
    /// The run.
    pub id: Option<&'d str>,
    /// Which policy.
    pub policy_label: &'static str,
    /// Its id.
    pub waiver: &'d str,
    /// Its rules, GATE/RULE.
    pub waived_rules: &'d [String],
    /// Who answers for it.
    pub waiver_owner: &'d str,
    /// Who allowed it.
    pub approved_by: &'d str,
    /// Day or time it was written.
    pub created_at: &'d str,
    /// Its last day, or the time at which it ends.
    pub expires_at: &'d str,
    /// `emergency`, or null.
    pub kind: Option<&'static str>,
    /// Whether it covers.
    pub status: WaiverStatus,
    /// Why.
    pub message: &'d str,
    /// Matches as they are counted.
    pub match_count: u64,
    /// How many it may have.
    pub match_limit: u64,
    /// Findings that it hides from a rule.
    pub hidden_count: u64,
    /// Of them, those of which details were kept.
    pub hidden_findings: &'d [Fingerprint],
    /// The file it stands in.
    pub path: &'d str,
    /// Its line there.
    pub line_number: u64,
}

/// Lines of the rows of one run, by table.
#[derive(Debug, Default)]
pub struct RowTexts {
    /// The texts, in the order of [`TABLES`].
    pub tables: [Vec<u8>; TABLES.len()],
}

impl RowTexts {
    /// Adds a row.
    pub(super) fn put(&mut self, table: &'static str, row: &impl Serialize) -> serde_json::Result<()> {
        if let Some((_, text)) = TABLES.iter().zip(&mut self.tables).find(|(name, _)| **name == table) {
            serde_json::to_writer(&mut *text, row)?;
            text.push(b'\n');
        }
        Ok(())
    }
}

/// A run of which rows are made.
#[derive(Debug, Clone, Copy)]
pub struct RowSubject<'r> {
    /// Its place in the input, from 0.
    pub seq: u64,
    /// Its id; none where its line has none.
    pub id: Option<&'r str>,
    /// What it says of itself.
    pub about: &'r RunDescription,
}

/// Labels of the policies.
pub const LABELS: [&str; 2] = ["A", "B"];

impl RowSubject<'_> {
    /// Adds the rows of one policy's decision.
    pub fn add(
        &self,
        label: &'static str,
        decision: &Decision,
        evidence: Option<&EvidenceSnapshot>,
        rows: &mut RowTexts,
    ) -> serde_json::Result<()> {
        for rule in &decision.rules {
            rows.put(
                "run_rule",
                &RunRuleRow {
                    seq: self.seq,
                    row_type: "run_rule",
                    id: self.id,
                    policy_label: label,
                    rule: &rule.id,
                    rule_line: rule.line,
                    inherited_from: rule.policy.as_deref(),
                    outcome: rule.outcome,
                    blind: rule.blind,
                    match_count: rule.count,
                    new_count: rule.new,
                    waived_count: rule.waived,
                    vexed_count: rule.vexed,
                    allowed_count: rule.allow,
                    shown_count: rule.shown as u64,
                    message: &rule.message,
                },
            )?;
        }
        for one in &decision.evidence {
            rows.put("run_evidence", &self.evidence(label, one))?;
        }
        self.findings(label, decision, evidence, rows)?;
        for waiver in &decision.waivers {
            rows.put("run_waiver", &self.waiver(label, waiver))?;
        }
        rows.put("run", &self.run(label, decision))
    }

    fn run<'d>(&'d self, label: &'static str, decision: &'d Decision) -> RunRow<'d> {
        let about = self.about;
        let time = about.time.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
        let stops = policy_verdict(decision).stopped_by;
        let worst = decision.evidence.iter().filter(|one| one.outcome >= Outcome::Review);
        let worst = worst.reduce(|worst, one| if one.outcome > worst.outcome { one } else { worst });
        let name = |one: &Evidence| one.entry.clone().or(one.path.as_ref().map(ToString::to_string));
        let took = decision.evidence.iter().filter_map(|one| one.took).reduce(|a, b| a + b);
        let error = decision
            .errors
            .first()
            .map(|error| (error.path.as_deref(), error.message.as_str(), Some(error.code.as_str())));
        let unread = decision.evidence.iter().find(|one| one.outcome == Outcome::Error);
        let unread = unread
            .map(|one| (one.path.as_ref().map(Text::as_str), one.message.as_str(), one.code.as_deref()));
        let why = error.or(unread.filter(|_| decision.verdict == Outcome::Error));
        let (source, sha256) = decision.policy.as_ref().map_or(("", ""), |(a, b)| (a.as_str(), b.as_str()));
        let clock = Some(decision.evaluated_at).filter(|at| *at != Timestamp::UNIX_EPOCH);
        RunRow {
            seq: self.seq,
            row_type: "run",
            id: self.id,
            policy_label: label,
            policy_source: source,
            policy_sha256: sha256,
            policy_gate: &decision.gate,
            project: about.project.as_deref(),
            team: about.team.as_deref(),
            commit_sha: about.commit.as_deref(),
            author: about.author.as_deref(),
            merge_request: about.merge_request,
            pipeline: about.pipeline,
            git_ref: about.git_ref.as_deref(),
            gate: about.gate.as_deref(),
            ran_at: time.map(|time| time.to_string()),
            evaluated_at: clock.map(|at| at.to_string()),
            verdict: decision.verdict,
            enforced: decision.enforced,
            stopped_by: stops.into_iter().map(|Stop { what, .. }| what).collect(),
            reviewers: missing_reviewers(decision),
            worst_evidence: worst.and_then(name),
            worst_evidence_status: worst.map(|one| one.status),
            worst_evidence_outcome: worst.map(|one| one.outcome),
            stops: decision.unblock.stops,
            clears: decision.unblock.clears,
            clears_with: &decision.unblock.summary,
            findings_total: decision.counts.total,
            findings_digest: &decision.findings_digest,
            scan_seconds: took,
            error_text: why.map(|(path, message, _)| {
                path.map_or(message.to_owned(), |path| format!("{path}: {message}"))
            }),
            error_code: why.and_then(|(.., code)| code),
        }
    }

    fn evidence<'d>(&'d self, label: &'static str, one: &'d Evidence) -> RunEvidenceRow<'d> {
        RunEvidenceRow {
            seq: self.seq,
            row_type: "run_evidence",
            id: self.id,
            policy_label: label,
            entry: one.entry.as_deref(),
            path: one.path.as_ref(),
            status: one.status,
            outcome: one.outcome,
            format: one.format.as_deref(),
            tool: one.tool.as_ref().map(|tool| &tool.name),
            tool_version: one.tool.as_ref().and_then(|tool| tool.version.as_ref()),
            distrust: one.distrust.as_deref(),
            sha256: one.sha256.as_deref(),
            byte_count: one.bytes,
            generated_at: one.generated_at.as_deref(),
            scan_seconds: one.took,
            finding_count: one.findings.total,
            message: &one.message,
            code: one.code.as_deref(),
        }
    }

    fn waiver<'d>(&'d self, label: &'static str, one: &'d WaiverResult) -> RunWaiverRow<'d> {
        RunWaiverRow {
            seq: self.seq,
            row_type: "run_waiver",
            id: self.id,
            policy_label: label,
            waiver: &one.id,
            waived_rules: &one.rule,
            waiver_owner: &one.owner,
            approved_by: &one.approved_by,
            created_at: &one.created,
            expires_at: &one.expires,
            kind: one.kind,
            status: one.status,
            message: &one.message,
            match_count: one.matches,
            match_limit: one.max_matches,
            hidden_count: one.hides,
            hidden_findings: &one.findings,
            path: &one.file,
            line_number: one.line,
        }
    }

    /// Rows of findings: first those that rules matched, as the policy corrects them, then all others.
    fn findings(
        &self,
        label: &'static str,
        decision: &Decision,
        evidence: Option<&EvidenceSnapshot>,
        rows: &mut RowTexts,
    ) -> serde_json::Result<()> {
        let mut told: BTreeSet<Fingerprint> = BTreeSet::new();
        for (at, problem) in decision.findings.iter().enumerate() {
            told.extend(problem.witnesses.iter().map(|matched| matched.finding.fingerprint));
            let Some(lead) = problem.lead() else { continue };
            let row = RunFindingRow {
                owners: &problem.owners,
                waiver: problem.waiver.as_deref(),
                ..self.finding(label, &lead.finding, decision.evaluated_at)
            };
            let mut rules = decision.rules.iter().filter(|rule| rule.problems.contains(&at)).peekable();
            if rules.peek().is_none() {
                rows.put("run_finding", &row)?;
            }
            for rule in rules {
                rows.put("run_finding", &RunFindingRow { rule: Some(&rule.id), ..row.clone() })?;
            }
        }
        let reports = evidence.map(|evidence| evidence.reports.as_slice()).unwrap_or_default();
        for saved in
            reports.iter().filter(|report| report.ignored.is_none()).flat_map(|report| &report.findings)
        {
            if told.insert(saved.finding.fingerprint) {
                rows.put("run_finding", &self.finding(label, &saved.finding, decision.evaluated_at))?;
            }
        }
        Ok(())
    }

    fn finding<'d>(&'d self, label: &'static str, finding: &'d Finding, now: Timestamp) -> RunFindingRow<'d> {
        let package = finding.package.as_ref();
        let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
        let known = finding.first_seen.and_then(midnight);
        let since = known.map(Timestamp::as_second).or(finding.published);
        RunFindingRow {
            seq: self.seq,
            row_type: "run_finding",
            id: self.id,
            policy_label: label,
            fingerprint: finding.fingerprint,
            rule: None,
            category: finding.category,
            check_id: &finding.rule_id,
            severity: finding.severity,
            native_severity: finding.native_severity.as_ref(),
            state: finding.state,
            suppressed: finding.suppressed,
            fix: finding.fix,
            advisory: finding.ids.first(),
            package: package.map(|package| &package.name),
            package_version: package.map(|package| &package.version),
            fixed_version: package.and_then(|package| package.fixed.first()),
            upgrade_to: finding.version_to_take().filter(|_| finding.fix == Fix::Available),
            path: finding.location.as_ref().map(|location| &location.path),
            line_number: finding.location.as_ref().and_then(|location| location.line),
            tool: &finding.tool,
            owners: &[],
            waiver: None,
            age_days: since.map(|since| (now.as_second() - since).div_euclid(86_400)),
            due_at: finding.due.and_then(|due| Timestamp::from_second(due).ok()).map(|due| due.to_string()),
        }
    }
}

/// Whom the reviews ask that nobody has answered, each once.
fn missing_reviewers(decision: &Decision) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    let obligations = GateVerdict::of_decision(decision).obligations;
    for who in obligations.into_iter().filter(|one| !one.is_met()).flat_map(|one| one.any_of) {
        if !asked.contains(&who) {
            asked.push(who);
        }
    }
    asked
}

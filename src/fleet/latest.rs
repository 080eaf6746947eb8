//! The latest run of each repository and gate, and the findings that are open in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::GateOfProject;
use super::row::{ReadFinding, RunRows};
use super::survey::PlaceOfRun;
use crate::decide::{Outcome, Status};
use crate::finding::{Category, Fingerprint, Fix, Severity, State};

/// A finding of a latest run that a rule counted, or that has a deadline.
#[derive(Debug, Clone)]
pub struct OpenFinding {
    /// What it is known by.
    pub fingerprint: Fingerprint,
    /// Rules that counted it.
    pub rules: Vec<String>,
    /// The worst outcome of these rules.
    pub outcome: Outcome,
    /// Its category.
    pub category: Category,
    /// The check or the advisory.
    pub check_id: String,
    /// Its severity.
    pub severity: Severity,
    /// New, existing or newly disclosed.
    pub state: State,
    /// Whether a fixed version exists.
    pub fix: Fix,
    /// The first id of the vulnerability.
    pub advisory: Option<String>,
    /// The package.
    pub package: Option<String>,
    /// Its version.
    pub package_version: Option<String>,
    /// The version to take.
    pub upgrade_to: Option<String>,
    /// The file.
    pub path: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// The scanner.
    pub tool: String,
    /// Who owns the file.
    pub owners: Vec<String>,
    /// The waiver that lifts it.
    pub waiver: Option<String>,
    /// How old it is.
    pub age_days: Option<i64>,
    /// When its time is up.
    pub due_at: Option<Timestamp>,
}

impl OpenFinding {
    /// A rule stops the run by it.
    pub fn blocks(&self) -> bool {
        self.outcome >= Outcome::Review
    }

    /// Place among the findings of a repository: what blocks first, then the worst.
    fn order(&self) -> (bool, bool, u8, Option<Timestamp>, &str, &str) {
        let rank = 4 - self.severity.rank(Severity::Critical);
        let place = self.path.as_deref().unwrap_or_default();
        (!self.blocks(), self.waiver.is_some(), rank, self.due_at, &self.check_id, place)
    }
}

/// A statement of a rule in a latest run.
#[derive(Debug, Clone)]
pub struct RuleStatement {
    /// The rule.
    pub rule: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why.
    pub message: String,
}

/// A piece of evidence of a latest run.
#[derive(Debug, Clone)]
pub struct RunProof {
    /// The file.
    pub path: String,
    /// The entry.
    pub entry: Option<String>,
    /// The scanner.
    pub tool: Option<String>,
    /// Its version.
    pub tool_version: Option<String>,
    /// Its state.
    pub status: Status,
    /// SHA-256 of the file.
    pub sha256: Option<String>,
}

/// The latest run of a repository and gate.
#[derive(Debug, Clone)]
pub struct LatestRun {
    /// The repository and gate.
    pub of: GateOfProject,
    /// The team.
    pub team: String,
    /// The verdict of the latest run.
    pub verdict: Outcome,
    /// False under advisory enforcement.
    pub enforced: bool,
    /// When it ran.
    pub time: Option<Timestamp>,
    /// Its id.
    pub id: String,
    /// The branch or tag.
    pub git_ref: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Rules and evidence that stop it.
    pub stopped_by: Vec<String>,
    /// The steps that clear it, in one line; of a run without a decision, why.
    pub clears_with: String,
    /// When the run ran whose findings are told: the latest that was decided. None where no run was.
    pub decided: Option<Timestamp>,
    /// Source and digest of the policy of that run.
    pub policy: (String, String),
    /// Id and commit of that run.
    pub decided_run: (String, Option<String>),
    /// The verdict of that run.
    pub decided_verdict: Outcome,
    /// What its rules say.
    pub rules: Vec<RuleStatement>,
    /// What it rests on.
    pub evidence: Vec<RunProof>,
    /// Findings that a rule counted, that a waiver lifts, or that have a deadline: what blocks first, then the worst.
    pub open: Vec<OpenFinding>,
    /// Active findings of all its reports.
    pub findings_total: u64,
    /// Findings that rules counted and that have no row.
    pub not_shown: u64,
    /// Known findings by age and state, whether a rule counted them or not: [existing, newly disclosed, new].
    pub states: [u64; 3],
    /// The age of the oldest active finding, in days.
    pub oldest_days: Option<i64>,
}

impl LatestRun {
    pub(super) fn new(of: GateOfProject) -> Self {
        Self {
            of,
            team: String::new(),
            verdict: Outcome::Error,
            enforced: true,
            time: None,
            id: String::new(),
            git_ref: None,
            commit: None,
            stopped_by: Vec::new(),
            clears_with: String::new(),
            decided: None,
            policy: (String::new(), String::new()),
            decided_run: (String::new(), None),
            decided_verdict: Outcome::Error,
            rules: Vec::new(),
            evidence: Vec::new(),
            open: Vec::new(),
            findings_total: 0,
            not_shown: 0,
            states: [0; 3],
            oldest_days: None,
        }
    }

    pub(super) fn add(&mut self, rows: &RunRows, place: PlaceOfRun) {
        if place.latest {
            self.tell(rows);
        }
        if place.decided {
            self.tell_findings(rows);
        }
    }

    fn tell(&mut self, rows: &RunRows) {
        let run = &rows.run;
        run.team().clone_into(&mut self.team);
        (self.verdict, self.enforced, self.time) = (run.verdict, run.enforced, run.time());
        self.id = run.id.clone().unwrap_or_default();
        (self.git_ref, self.commit) = (run.git_ref.clone(), run.commit_sha.clone());
        self.stopped_by.clone_from(&run.stopped_by);
        let why = run.error_text.as_ref().filter(|_| run.verdict == Outcome::Error);
        let why = why.and_then(|text| text.lines().next());
        why.unwrap_or(&run.clears_with).clone_into(&mut self.clears_with);
    }

    fn tell_findings(&mut self, rows: &RunRows) {
        let run = &rows.run;
        self.decided = run.time();
        self.decided_run = (run.id.clone().unwrap_or_default(), run.commit_sha.clone());
        self.decided_verdict = run.verdict;
        self.policy = (run.policy_source.clone(), run.policy_sha256.clone());
        self.findings_total = run.findings_total;
        let statement = |rule: &super::row::ReadRule| RuleStatement {
            rule: rule.rule.clone(),
            outcome: rule.outcome,
            message: rule.message.clone(),
        };
        self.rules = rows.rules.iter().map(statement).collect();
        let unseen = rows.rules.iter().map(|rule| rule.match_count.saturating_sub(rule.shown_count));
        self.not_shown = unseen.fold(0, u64::saturating_add);
        let proof = |one: &super::row::ReadEvidence| {
            Some(RunProof {
                path: one.path.clone()?,
                entry: one.entry.clone(),
                tool: one.tool.clone(),
                tool_version: one.tool_version.clone(),
                status: one.status,
                sha256: one.sha256.clone(),
            })
        };
        self.evidence = rows.evidence.iter().filter_map(proof).collect();
        let outcomes: BTreeMap<&str, Outcome> = rows
            .rules
            .iter()
            .filter(|rule| !rule.blind)
            .map(|rule| (rule.rule.as_str(), rule.outcome))
            .collect();
        let mut open: BTreeMap<Fingerprint, OpenFinding> = BTreeMap::new();
        let mut counted: BTreeSet<Fingerprint> = BTreeSet::new();
        for finding in &rows.findings {
            if !finding.suppressed && counted.insert(finding.fingerprint) {
                let [existing, disclosed, new] = &mut self.states;
                *match finding.state {
                    State::Existing => existing,
                    State::NewlyDisclosed => disclosed,
                    State::New => new,
                } += 1;
                self.oldest_days = self.oldest_days.max(finding.age_days);
            }
            if finding.rule.is_none() && finding.waiver.is_none() && finding.due_at.is_none() {
                continue;
            }
            let known = open.entry(finding.fingerprint).or_insert_with(|| OpenFinding::of_row(finding));
            if let Some(rule) = &finding.rule {
                known.rules.push(rule.clone());
                let outcome = outcomes.get(rule.as_str()).copied().unwrap_or(Outcome::NotApplicable);
                known.outcome = known.outcome.max(outcome);
            }
            known.due_at = [known.due_at, finding.due_at].into_iter().flatten().min();
        }
        self.open = open.into_values().collect();
        self.open.sort_by(|a, b| a.order().cmp(&b.order()));
    }
}

impl OpenFinding {
    fn of_row(row: &ReadFinding) -> Self {
        Self {
            fingerprint: row.fingerprint,
            rules: Vec::new(),
            outcome: Outcome::NotApplicable,
            category: row.category,
            check_id: row.check_id.clone(),
            severity: row.severity,
            state: row.state,
            fix: row.fix,
            advisory: row.advisory.clone(),
            package: row.package.clone(),
            package_version: row.package_version.clone(),
            upgrade_to: row.upgrade_to.clone(),
            path: row.path.clone(),
            line: row.line_number,
            tool: row.tool.clone(),
            owners: row.owners.clone(),
            waiver: row.waiver.clone(),
            age_days: row.age_days,
            due_at: row.due_at,
        }
    }
}

//! A person's word that a set of findings is accepted, signed: `secgate/acceptance/v1`.
//!
//! It binds to the findings of one verdict by their digest, to the policy that asked, and to the commit, so that it
//! cannot be carried over to findings that nobody has seen.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::InTotoStatement;
use super::statement::V1;
use super::verdict::{NamedSubject, VerdictFacts, subjects};
use crate::finding::is_lower_sha256;

/// Type of the predicate.
pub const PREDICATE: &str = "secgate:acceptance/v1";
/// The schema of the predicate.
const SCHEMA: &str = "secgate/acceptance/v1";

/// Why a statement is no acceptance.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is not an acceptance: {0}")]
pub struct AcceptanceError(pub String);

/// Findings that a person accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskAcceptance {
    /// The gate that asked.
    pub gate: String,
    /// Digest of what was to be answered for.
    pub findings_digest: String,
    /// Digest of the policy that asked.
    pub policy_sha256: String,
    /// The commit that it is about.
    pub commit: Option<String>,
    /// SHA-256 of the artifacts that it is about.
    pub artifacts: Vec<String>,
    /// Who accepts: a GitLab user name without `@`.
    pub person: String,
    /// Why.
    pub reason: String,
    /// When.
    pub accepted_at: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

#[derive(Serialize)]
struct WrittenAcceptance<'a> {
    #[serde(rename = "_type")]
    version: &'static str,
    subject: Vec<NamedSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: AcceptancePredicate<'a>,
}

#[derive(Serialize)]
struct AcceptancePredicate<'a> {
    schema: &'static str,
    gate: &'a str,
    findings_digest: &'a str,
    policy: AcceptedPolicy<'a>,
    commit: Option<&'a str>,
    person: &'a str,
    reason: &'a str,
    accepted_at: String,
    expires: String,
}

#[derive(Serialize)]
struct AcceptedPolicy<'a> {
    sha256: &'a str,
}

/// Writes the statement by which `person` accepts what a verdict asked for, from `now` until `expires`.
pub fn write(
    facts: &VerdictFacts,
    person: &str,
    reason: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<Vec<u8>, AcceptanceError> {
    let statement = WrittenAcceptance {
        version: V1,
        subject: subjects(facts, None),
        predicate_type: PREDICATE,
        predicate: AcceptancePredicate {
            schema: SCHEMA,
            gate: &facts.gate,
            findings_digest: &facts.findings_digest,
            policy: AcceptedPolicy { sha256: &facts.policy_sha256 },
            commit: facts.commit.as_deref(),
            person,
            reason,
            accepted_at: now.to_string(),
            expires: expires.to_string(),
        },
    };
    let bytes = serde_json::to_vec(&statement).map_err(|error| AcceptanceError(error.to_string()))?;
    // What cannot be read back would be signed for nothing.
    let statement = InTotoStatement::parse(&bytes).map_err(|error| AcceptanceError(error.to_string()))?;
    RiskAcceptance::from_statement(&statement).map(|_| bytes)
}

impl RiskAcceptance {
    /// Whether a statement is an acceptance.
    pub fn is(statement: &InTotoStatement) -> bool {
        statement.predicate_type == PREDICATE
    }

    /// Content of a statement. Nothing here tells whether it holds: see [`Self::holds`].
    pub fn from_statement(statement: &InTotoStatement) -> Result<Self, AcceptanceError> {
        let fault = |why: &str| AcceptanceError(why.to_owned());
        if !Self::is(statement) {
            return Err(fault("`predicateType` is another"));
        }
        let text = |key: &str| statement.predicate.get(key).and_then(Value::as_str);
        let must = |key: &str| {
            let text = text(key).map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| AcceptanceError(format!("`{key}` is not there")))
        };
        let time =
            |key: &str| must(key)?.parse().map_err(|_| AcceptanceError(format!("`{key}` is not a time")));
        if text("schema") != Some(SCHEMA) {
            return Err(fault("`schema` is not secgate/acceptance/v1"));
        }
        let policy = statement.predicate.get("policy").and_then(|p| p.get("sha256")).and_then(Value::as_str);
        let policy_sha256 = policy.unwrap_or_default().to_owned();
        let findings_digest = must("findings_digest")?;
        if !is_lower_sha256(&policy_sha256) || !is_lower_sha256(&findings_digest) {
            return Err(fault("a digest is not 64 hexadecimal digits"));
        }
        let commit = text("commit").map(str::to_owned);
        if statement.digests("gitCommit").ne(commit.as_deref()) {
            return Err(fault("its subject is another commit than the one it names"));
        }
        let artifacts: Vec<String> = statement.artifacts().map(str::to_owned).collect();
        let acceptance = Self {
            gate: must("gate")?,
            findings_digest,
            policy_sha256,
            commit,
            artifacts,
            person: must("person")?.trim_start_matches('@').to_owned(),
            reason: must("reason")?,
            accepted_at: time("accepted_at")?,
            expires: time("expires")?,
        };
        if acceptance.expires <= acceptance.accepted_at {
            return Err(fault("it expires before it begins"));
        }
        Ok(acceptance)
    }

    /// Whether it holds for a run of `gate` at `now` under this policy, about one of these commits or all of these
    /// artifacts, whose findings to be answered for have this digest; else why not.
    pub fn holds(&self, run: &AcceptanceRun<'_>) -> Result<(), String> {
        let AcceptanceRun { gate, policy_sha256, findings_digest, commits, artifacts, now } = run;
        if self.gate != *gate {
            return Err(format!("it is for gate {}, and this is gate {gate}", self.gate));
        }
        if self.findings_digest != *findings_digest {
            return Err("it is about other findings than those that are to be answered for now".to_owned());
        }
        if self.policy_sha256 != *policy_sha256 {
            return Err("it was given under another policy".to_owned());
        }
        match &self.commit {
            Some(commit) if !commits.contains(commit) => {
                return Err(format!("it is about commit {commit}"));
            }
            None if !commits.is_empty() => return Err("it names no commit".to_owned()),
            _ => {}
        }
        if let Some(missing) = artifacts.iter().find(|digest| !self.artifacts.contains(digest)) {
            let algorithm = super::statement::digest_algorithm(missing);
            return Err(format!("it is not about the artifact {algorithm}:{missing}"));
        }
        if self.accepted_at > *now {
            return Err(format!("it is dated {}, which is in the future", self.accepted_at));
        }
        if self.expires <= *now {
            return Err(format!("it expired at {}", self.expires));
        }
        Ok(())
    }
}

/// The run that an acceptance is to hold for.
#[derive(Debug, Clone, Copy)]
pub struct AcceptanceRun<'r> {
    /// The gate.
    pub gate: &'r str,
    /// Digest of its policy.
    pub policy_sha256: &'r str,
    /// Digest of what is to be answered for.
    pub findings_digest: &'r str,
    /// The commits that the run is about.
    pub commits: &'r [String],
    /// SHA-256 of the artifacts that it is about, in hexadecimal.
    pub artifacts: &'r [String],
    /// The clock.
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::super::verdict::GateDecision;
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn facts() -> VerdictFacts {
        VerdictFacts {
            secgate: "0.1.0".to_owned(),
            gate: "release".to_owned(),
            verdict: GateDecision::Review,
            clock: None,
            enforced: true,
            evaluated_at: time("2026-06-01T12:00:00Z"),
            policy: "p.yaml".to_owned(),
            policy_sha256: A.to_owned(),
            findings_digest: B.to_owned(),
            commit: Some("c0".to_owned()),
            project: None,
            parameters: std::collections::BTreeMap::new(),
            artifacts: vec![("app".to_owned(), A.to_owned())],
        }
    }

    fn acceptance() -> RiskAcceptance {
        let (from, to) = (time("2026-06-01T13:00:00Z"), time("2026-06-08T00:00:00Z"));
        let bytes = write(&facts(), "@lead", "seen", from, to).unwrap();
        RiskAcceptance::from_statement(&InTotoStatement::parse(&bytes).unwrap()).unwrap()
    }

    #[test]
    fn it_holds_for_its_own_run_only() {
        let commits = ["c0".to_owned()];
        let artifacts = [A.to_owned()];
        let run = AcceptanceRun {
            gate: "release",
            policy_sha256: A,
            findings_digest: B,
            commits: &commits,
            artifacts: &artifacts,
            now: time("2026-06-02T00:00:00Z"),
        };
        assert_eq!(acceptance().person, "lead");
        assert_eq!(acceptance().holds(&run), Ok(()));
        let others = [
            (AcceptanceRun { gate: "merge", ..run }, "gate release"),
            (AcceptanceRun { findings_digest: A, ..run }, "other findings"),
            (AcceptanceRun { policy_sha256: B, ..run }, "another policy"),
            (AcceptanceRun { commits: &["c1".to_owned()], ..run }, "commit c0"),
            (AcceptanceRun { commits: &[], ..run }, "commit c0"),
            (AcceptanceRun { artifacts: &[B.to_owned()], ..run }, "not about the artifact"),
            (AcceptanceRun { now: time("2026-06-01T12:59:59Z"), ..run }, "future"),
            (AcceptanceRun { now: time("2026-06-08T00:00:00Z"), ..run }, "expired"),
        ];
        for (run, why) in others {
            let said = acceptance().holds(&run).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn what_cannot_hold_is_not_written() {
        let (from, to) = (time("2026-06-01T13:00:00Z"), time("2026-06-08T00:00:00Z"));
        assert!(write(&facts(), " ", "seen", from, to).is_err());
        assert!(write(&facts(), "@lead", "", from, to).is_err());
        assert!(write(&facts(), "@lead", "seen", to, from).is_err());
    }
}

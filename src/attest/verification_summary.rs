//! SLSA Verification Summary Attestation v1: the verdict in the words that deployment tools know.

use serde::Serialize;

use super::statement::{V1, digest_algorithm};
use super::verdict::{GateDecision, NamedSubject, VerdictFacts, subjects};

/// Type of the predicate.
pub const PREDICATE: &str = "https://slsa.dev/verification_summary/v1";

/// The statement about a verdict, or `None` where there is none to make: a review is not decided yet, and a policy
/// that only watches stops nothing. `verifier` and `resource` are URIs; without `resource` it is the one artifact, or
/// the commit.
pub fn write(
    facts: &VerdictFacts,
    tree: Option<&str>,
    verifier: &str,
    resource: Option<&str>,
) -> Option<Vec<u8>> {
    let passed = match (facts.enforced, facts.verdict) {
        (true, GateDecision::Pass) => true,
        (true, GateDecision::Fail) => false,
        _ => return None,
    };
    let default = match (facts.artifacts.as_slice(), &facts.commit) {
        ([(name, digest)], _) => format!("oci://{name}@{}:{digest}", digest_algorithm(digest)),
        (_, Some(commit)) => format!("git:{}@{commit}", facts.project.as_deref().unwrap_or_default()),
        _ => return None,
    };
    // A level of our own: which gate let it pass. Names with SLSA_ are for those that looked at the build.
    let level: String = facts.gate.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let level = format!("SECGATE_{}", level.to_ascii_uppercase());
    let statement = WrittenSummary {
        version: V1,
        subject: subjects(facts, tree),
        predicate_type: PREDICATE,
        predicate: SummaryPredicate {
            verifier: Verifier { id: verifier, version: VerifierVersion { secgate: &facts.secgate } },
            time_verified: facts.evaluated_at.to_string(),
            resource_uri: resource.map_or(default, str::to_owned),
            policy: Descriptor { uri: &facts.policy, digest: Sha256Of { sha256: &facts.policy_sha256 } },
            verification_result: if passed { "PASSED" } else { "FAILED" },
            verified_levels: [if passed { &level } else { "FAILED" }],
            slsa_version: "1.0",
        },
    };
    serde_json::to_vec(&statement).ok()
}

#[derive(Serialize)]
struct WrittenSummary<'f> {
    #[serde(rename = "_type")]
    version: &'static str,
    subject: Vec<NamedSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: SummaryPredicate<'f>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryPredicate<'f> {
    verifier: Verifier<'f>,
    time_verified: String,
    resource_uri: String,
    policy: Descriptor<'f>,
    verification_result: &'static str,
    verified_levels: [&'f str; 1],
    slsa_version: &'static str,
}

#[derive(Serialize)]
struct Verifier<'f> {
    id: &'f str,
    version: VerifierVersion<'f>,
}

#[derive(Serialize)]
struct VerifierVersion<'f> {
    secgate: &'f str,
}

#[derive(Serialize)]
struct Descriptor<'f> {
    uri: &'f str,
    digest: Sha256Of<'f>,
}

#[derive(Serialize)]
struct Sha256Of<'f> {
    sha256: &'f str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(verdict: GateDecision, enforced: bool) -> VerdictFacts {
        VerdictFacts {
            secgate: "0.1.0".to_owned(),
            gate: "package".to_owned(),
            verdict,
            enforced,
            evaluated_at: "2026-06-01T12:00:00Z".parse().unwrap(),
            clock: None,
            policy: "p.yaml".to_owned(),
            policy_sha256: "aa".to_owned(),
            findings_digest: "bb".to_owned(),
            commit: Some("c0".to_owned()),
            project: None,
            parameters: std::collections::BTreeMap::new(),
            artifacts: vec![("registry.invalid/app".to_owned(), "dd".to_owned())],
        }
    }

    #[test]
    fn pass_and_fail_have_a_summary() {
        for (verdict, result, level) in
            [(GateDecision::Pass, "PASSED", "SECGATE_PACKAGE"), (GateDecision::Fail, "FAILED", "FAILED")]
        {
            let text = write(&facts(verdict, true), None, "urn:x", None).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(value["predicate"]["verificationResult"], result);
            assert_eq!(value["predicate"]["verifiedLevels"][0], level);
            assert_eq!(value["predicate"]["resourceUri"], "oci://registry.invalid/app@sha256:dd");
            assert_eq!(value["predicate"]["policy"]["digest"]["sha256"], "aa");
        }
    }

    #[test]
    fn what_is_not_decided_has_none() {
        assert_eq!(write(&facts(GateDecision::Review, true), None, "urn:x", None), None);
        for verdict in [GateDecision::Pass, GateDecision::Review, GateDecision::Fail] {
            assert_eq!(write(&facts(verdict, false), None, "urn:x", None), None);
        }
    }
}

//! SLSA Verification Summary Attestation: the verdict in the words that deployment tools know, and what other tools say by one
//! or by a Simple Verification Result of in-toto.
//!
//! Sources: <https://slsa.dev/spec/v1.0/verification_summary>, <https://slsa.dev/verification_summary/v0.2>, whose keys are in
//! snake case, and <https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md>.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::InTotoStatement;
use super::statement::{V1, digest_algorithm};
use super::verdict::{GateDecision, NamedSubject, VerdictFacts, subjects};

/// Type of the predicate.
pub const PREDICATE: &str = "https://slsa.dev/verification_summary/v1";

/// Type of the predicate before it.
const PREDICATE_V02: &str = "https://slsa.dev/verification_summary/v0.2";
/// Type of the predicate of a Simple Verification Result.
pub const SVR: &str = "https://in-toto.io/attestation/svr/v0.1";

/// What another tool says that it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierSummary {
    /// True for a Simple Verification Result, which names what passed and nothing else.
    pub simple: bool,
    /// URI of whoever verified it.
    pub verifier: String,
    /// When, where it says.
    pub time: Option<Timestamp>,
    /// What it was verified as; none in a Simple Verification Result.
    pub resource: Option<String>,
    /// URI of the policy.
    pub policy_uri: Option<String>,
    /// SHA-256 of the policy.
    pub policy_sha256: Option<String>,
    /// `PASSED`, and nothing else will do; none in a Simple Verification Result.
    pub result: Option<String>,
    /// Levels or properties.
    pub levels: Vec<String>,
}

impl VerifierSummary {
    /// Reads a statement; `None` where it is one of another kind, an error where it is not whole.
    pub fn from_statement(statement: &InTotoStatement) -> Option<Result<Self, String>> {
        let predicate = &statement.predicate;
        match statement.predicate_type.as_str() {
            PREDICATE => {
                Some(Self::of_summary(predicate, ["timeVerified", "resourceUri", "verificationResult"]))
            }
            PREDICATE_V02 => {
                Some(Self::of_summary(predicate, ["time_verified", "resource_uri", "verification_result"]))
            }
            SVR => Some(Self::of_result(predicate)),
            _ => None,
        }
    }

    fn of_summary(predicate: &Map<String, Value>, keys: [&str; 3]) -> Result<Self, String> {
        let [time, resource, result] = keys;
        let policy = predicate.get("policy").and_then(Value::as_object).ok_or("names no `policy`")?;
        let levels = match predicate.get("verifiedLevels") {
            Some(list) => texts(list).ok_or("`verifiedLevels` is not a list of texts")?,
            None => vec![text(predicate, "policy_level").ok_or("states no level")?],
        };
        let result = text(predicate, result).ok_or_else(|| format!("has no `{result}`"))?;
        if result == "PASSED" && levels.iter().any(|level| level == "FAILED") {
            return Err("says both that it passed and that it failed".to_owned());
        }
        Ok(Self {
            simple: false,
            verifier: verifier(predicate)?,
            time: self::time(predicate, time)?,
            resource: Some(text(predicate, resource).ok_or_else(|| format!("has no `{resource}`"))?),
            policy_uri: text(policy, "uri"),
            policy_sha256: sha256(policy),
            result: Some(result),
            levels,
        })
    }

    fn of_result(predicate: &Map<String, Value>) -> Result<Self, String> {
        let properties = predicate.get("properties").and_then(texts).ok_or("has no list of `properties`")?;
        // The policy is an extension that verifiers may write.
        let policy = predicate.get("verifier").and_then(|verifier| verifier.get("policy")?.as_object());
        let time = time(predicate, "timeCreated")?;
        Ok(Self {
            simple: true,
            verifier: verifier(predicate)?,
            time: Some(time.ok_or("has no `timeCreated`")?),
            resource: None,
            policy_uri: policy.and_then(|policy| text(policy, "uri")),
            policy_sha256: policy.and_then(sha256),
            result: None,
            levels: properties,
        })
    }

    /// Whether it states a level, or of the same track a higher one; a property only by its name.
    pub fn states(&self, wanted: &str) -> bool {
        let level = |text: &str| {
            let (track, level) = text.rsplit_once("LEVEL_")?;
            let plain = !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_digit());
            Some((track.to_owned(), level.parse::<u32>().ok().filter(|_| plain)?))
        };
        let higher = |stated: &String| {
            let ((track, stated), (wanted_track, wanted)) = (level(stated)?, level(wanted)?);
            Some(track == wanted_track && track.starts_with("SLSA_") && stated >= wanted)
        };
        self.levels.iter().any(|stated| stated == wanted || higher(stated) == Some(true))
    }
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect()
}

fn verifier(predicate: &Map<String, Value>) -> Result<String, String> {
    let id = predicate.get("verifier").and_then(|verifier| verifier.get("id")?.as_str());
    id.map(str::to_owned).ok_or_else(|| "names no `verifier.id`".to_owned())
}

fn sha256(policy: &Map<String, Value>) -> Option<String> {
    policy.get("digest").and_then(|digest| digest.get("sha256")?.as_str()).map(str::to_ascii_lowercase)
}

fn time(predicate: &Map<String, Value>, key: &str) -> Result<Option<Timestamp>, String> {
    match predicate.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(time) => {
            let read = time.as_str().and_then(|time| time.parse().ok());
            read.map(Some).ok_or_else(|| format!("`{key}` is not a time"))
        }
    }
}

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
    fn a_higher_level_of_a_track_holds_the_lower_ones() {
        let statement = |kind: &str, predicate: Value| {
            let subject = serde_json::json!([{"digest": {"sha256": "aa"}}]);
            let text = serde_json::json!({"_type": V1, "predicateType": kind, "subject": subject, "predicate": predicate});
            VerifierSummary::from_statement(&InTotoStatement::parse(text.to_string().as_bytes()).unwrap())
        };
        let v1 = serde_json::json!({"verifier": {"id": "v"}, "resourceUri": "r", "policy": {"uri": "p"}, "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3", "ORG_LEVEL_3", "ORG_REVIEWED"]});
        let read = statement(PREDICATE, v1.clone()).unwrap().unwrap();
        for (wanted, is) in [
            ("SLSA_BUILD_LEVEL_3", true),
            ("SLSA_BUILD_LEVEL_1", true),
            ("SLSA_BUILD_LEVEL_4", false),
            ("SLSA_SOURCE_LEVEL_1", false),
            ("ORG_LEVEL_3", true),
            ("ORG_LEVEL_1", false),
            ("ORG_REVIEWED", true),
            ("ORG", false),
        ] {
            assert_eq!(read.states(wanted), is, "{wanted}");
        }
        let v02 = serde_json::json!({"verifier": {"id": "v"}, "resource_uri": "r", "policy": {"uri": "p"}, "time_verified": "2026-01-01T00:00:00Z",
            "verification_result": "PASSED", "policy_level": "SLSA_LEVEL_3"});
        assert!(statement(PREDICATE_V02, v02.clone()).unwrap().unwrap().states("SLSA_LEVEL_2"));
        // One version's keys are none of the other's.
        assert!(statement(PREDICATE_V02, v1.clone()).unwrap().is_err());
        assert!(statement(PREDICATE, v02).unwrap().is_err());
        assert_eq!(statement("https://slsa.dev/verification_summary/v2", v1), None);
    }

    #[test]
    fn pass_and_fail_have_a_summary() {
        for (verdict, result, level) in
            [(GateDecision::Pass, "PASSED", "SECGATE_PACKAGE"), (GateDecision::Fail, "FAILED", "FAILED")]
        {
            let text = write(&facts(verdict, true), None, "urn:x", None).unwrap();
            let value: Value = serde_json::from_slice(&text).unwrap();
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

//! The decision in the words of in-toto's own predicates: a Simple Verification Result
//! (<https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md>) and a Test Result
//! (<https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>), both of version 0.1.

use serde_json::{Value, json};

use super::statement::V1;
use super::verdict::{GateDecision, VerdictFacts, subjects};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultForm {
    /// Simple Verification Result
    Svr,
    /// Test Result
    TestResult,
}

impl ResultForm {
    /// The statement about a verdict, whose file is `file`; `None` where there is none to make: a review is not decided yet, a
    /// policy that only watches stops nothing, and a Simple Verification Result says nothing of what failed.
    pub fn write(
        self,
        facts: &VerdictFacts,
        file: &[u8],
        tree: Option<&str>,
        verifier: &str,
    ) -> Option<Vec<u8>> {
        let passed = match (facts.enforced, facts.verdict) {
            (true, GateDecision::Pass) => true,
            (true, GateDecision::Fail) => false,
            _ => return None,
        };
        let verdict: Value = serde_json::from_slice(file).ok()?;
        let rules = verdict.get("rules")?.as_array()?;
        let of = |outcomes: &[&str]| {
            let is = |rule: &&Value| {
                rule.get("outcome").and_then(Value::as_str).is_some_and(|is| outcomes.contains(&is))
            };
            let ids = rules.iter().filter(is).filter_map(|rule| rule.get("id")?.as_str().map(str::to_owned));
            ids.collect::<Vec<String>>()
        };
        let policy =
            json!({"name": facts.policy, "uri": facts.policy, "digest": {"sha256": facts.policy_sha256}});
        let (predicate_type, predicate) = match self {
            Self::Svr if !passed => return None,
            Self::Svr => {
                let gate = property(&facts.gate);
                let of_rules = of(&["pass"]).into_iter().map(|rule| format!("{gate}_{}", word(&rule)));
                let properties: Vec<String> = std::iter::once(gate.clone()).chain(of_rules).collect();
                let predicate = json!({
                    "verifier": {"id": verifier, "policy": policy},
                    "timeCreated": facts.evaluated_at.to_string(),
                    "properties": properties,
                });
                (super::verification_summary::SVR, predicate)
            }
            Self::TestResult => {
                let warned = of(&["warn"]);
                let result = match (passed, warned.is_empty()) {
                    (true, true) => "PASSED",
                    (true, false) => "WARNED",
                    (false, _) => "FAILED",
                };
                let mut predicate = json!({
                    "result": result,
                    "configuration": [policy],
                    "passedTests": of(&["pass"]),
                    "warnedTests": warned,
                    "failedTests": of(&["fail", "review", "error"]),
                });
                let url = verdict.pointer("/context/pipeline_url").filter(|url| url.is_string());
                if let Some((url, predicate)) = url.zip(predicate.as_object_mut()) {
                    predicate.insert("url".to_owned(), url.clone());
                }
                ("https://in-toto.io/attestation/test-result/v0.1", predicate)
            }
        };
        let statement = json!({
            "_type": V1,
            "subject": subjects(facts, tree),
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        serde_json::to_vec(&statement).ok()
    }
}

fn property(gate: &str) -> String {
    format!("SECGATE_{}", word(gate))
}

/// A name in capital letters.
fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(plain).collect()
}

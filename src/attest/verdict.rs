//! A verdict as a statement: what is signed, and what a signed one says.
//!
//! The predicate holds the whole verdict, byte for byte as `secgate check --format json` wrote it, so that the file
//! and the statement can be compared by digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::InTotoStatement;
use super::statement::{V1, digest_algorithm};
use crate::finding::{clean_line, hex, is_lower_sha256};
use crate::report::{self, Source};

/// Type of the predicate that holds a verdict.
pub const PREDICATE: &str = "secgate:verdict/v1";
/// The schema of verdicts.
const SCHEMA: &str = "secgate/verdict/v1";
/// Largest verdict.
pub const MAX_BYTES: u64 = 64 << 20;

/// Why a file is no verdict that can be signed, or a statement holds none.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum VerdictError {
    /// It is not a whole verdict of this schema.
    #[error("is not a verdict as `secgate check --format json` writes it: {0}")]
    Shape(String),
    /// It says something that cannot be.
    #[error("contradicts itself: {0}")]
    Contradiction(String),
    /// A run that reached no decision.
    #[error("is an error, which is not a decision; nothing is signed")]
    Undecided,
    /// A run that was about nothing.
    #[error(
        "is about no commit and no artifact; nothing is signed: run check with --commit SHA or --subject \
         NAME@sha256:HEX"
    )]
    AboutNothing,
}

/// Decisions of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateDecision {
    /// Passed.
    Pass,
    /// A named person has to look.
    Review,
    /// Failed.
    Fail,
}

impl GateDecision {
    /// The word used in verdicts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
            Self::Fail => "fail",
        }
    }
}

/// Where the time of a run comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockSource {
    /// The clock of the machine that decided.
    Machine,
    /// Whoever ran it said so.
    #[default]
    Pinned,
}

/// The facts of a verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictFacts {
    /// The version of secgate that reached it.
    pub secgate: String,
    /// The gate.
    pub gate: String,
    /// The decision.
    pub verdict: GateDecision,
    /// False where the policy only watches.
    pub enforced: bool,
    /// When.
    pub evaluated_at: Timestamp,
    /// Where that time is from; none in verdicts of versions that did not say.
    pub clock: Option<ClockSource>,
    /// Where the policy came from.
    pub policy: String,
    /// Its digest.
    pub policy_sha256: String,
    /// Obligations of the review.
    pub findings_digest: String,
    /// The commit that it is about.
    pub commit: Option<String>,
    /// The project that it is about.
    pub project: Option<String>,
    /// Values of the policy's parameters that it was reached with.
    pub parameters: BTreeMap<String, String>,
    /// The artifacts that it is about: name and SHA-256 or SHA-512.
    pub artifacts: Vec<(String, String)>,
}

impl VerdictFacts {
    /// Reads a verdict and checks that it holds together.
    pub fn parse(text: &[u8]) -> Result<Self, VerdictError> {
        let shape = |why: &str| VerdictError::Shape(why.to_owned());
        let (value, ..) = report::read_document(&Source::Bytes(text.into()), MAX_BYTES)
            .map_err(|error| VerdictError::Shape(error.to_string()))?;
        if value.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
            return Err(shape("`schema` is not secgate/verdict/v1"));
        }
        let text = |path: &str| value.pointer(path).and_then(Value::as_str);
        let must = |path: &str| text(path).ok_or_else(|| shape(&format!("`{path}` is not there")));
        let word = must("/verdict")?;
        check_outcomes(&value, word)?;
        let verdict = match word {
            "pass" => GateDecision::Pass,
            "review" => GateDecision::Review,
            "fail" => GateDecision::Fail,
            "error" => return Err(VerdictError::Undecided),
            _ => return Err(shape("`verdict` is none of pass, review, fail and error")),
        };
        let enforced =
            value.get("enforced").and_then(Value::as_bool).ok_or_else(|| shape("no `enforced`"))?;
        let evaluated_at =
            must("/evaluated_at")?.parse().map_err(|_| shape("`evaluated_at` is not a time"))?;
        let clock = match value.get("clock").map(Value::as_str) {
            None => None,
            Some(Some("machine")) => Some(ClockSource::Machine),
            Some(Some("pinned")) => Some(ClockSource::Pinned),
            Some(_) => return Err(shape("`clock` is neither `machine` nor `pinned`")),
        };
        let policy_sha256 = must("/policy/sha256")?.to_owned();
        let findings_digest = must("/findings_digest")?.to_owned();
        if !is_lower_sha256(&policy_sha256) || !is_lower_sha256(&findings_digest) {
            return Err(shape("a digest is not 64 hexadecimal digits"));
        }
        Ok(Self {
            secgate: must("/secgate")?.to_owned(),
            gate: must("/gate")?.to_owned(),
            verdict,
            enforced,
            evaluated_at,
            clock,
            policy: must("/policy/source")?.to_owned(),
            policy_sha256,
            findings_digest,
            commit: text("/context/commit").map(str::to_owned),
            project: text("/context/project").map(str::to_owned),
            parameters: parameters(&value)
                .ok_or_else(|| shape("`context.parameters` is not a map of texts"))?,
            artifacts: artifacts(&value).ok_or_else(|| shape("`context.subjects` has no digests"))?,
        })
    }

    /// True if it is about nothing that could be named as a subject.
    pub fn is_about_nothing(&self) -> bool {
        self.commit.is_none() && self.artifacts.is_empty()
    }
}

/// The artifacts of the run: `context.subjects`.
fn artifacts(verdict: &Value) -> Option<Vec<(String, String)>> {
    let Some(list) = verdict.pointer("/context/subjects").filter(|list| !list.is_null()) else {
        return Some(Vec::new());
    };
    let artifact = |value: &Value| {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
        let (algorithm, digest) = value.get("digest")?.as_str()?.split_once(':')?;
        let fits = is_artifact_digest(digest) && algorithm == digest_algorithm(digest);
        fits.then(|| (name.to_owned(), digest.to_owned()))
    };
    list.as_array()?.iter().map(artifact).collect()
}

/// The values of parameters: `context.parameters`.
fn parameters(verdict: &Value) -> Option<BTreeMap<String, String>> {
    let Some(map) = verdict.pointer("/context/parameters").filter(|map| !map.is_null()) else {
        return Some(BTreeMap::new());
    };
    map.as_object()?.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The verdict must be the worst of what stands below it, and the exit code must be its own: a verdict that somebody
/// wrote over is not signed.
fn check_outcomes(value: &Value, verdict: &str) -> Result<(), VerdictError> {
    let list = |key: &str| {
        let list = value.get(key).and_then(Value::as_array);
        list.ok_or_else(|| VerdictError::Shape(format!("`{key}` is no list")))
    };
    let outcome = |value: &'_ Value| value.get("outcome").and_then(Value::as_str).map(str::to_owned);
    let rank = |word: &str| match word {
        "pass" | "warn" | "not_applicable" => Some(0),
        "review" => Some(1),
        "error" => Some(2),
        "fail" => Some(3),
        _ => None,
    };
    let mut worst = 0;
    // What the change is compared with, and what the gate was before it.
    let compared = ["base", "loosened"].into_iter().filter_map(|key| value.get(key)).filter(|v| !v.is_null());
    for item in list("rules")?.iter().chain(list("evidence")?).chain(compared) {
        let rank = outcome(item).and_then(|word| rank(&word));
        worst = worst.max(rank.ok_or_else(|| VerdictError::Shape("an `outcome` is not there".to_owned()))?);
    }
    if !list("errors")?.is_empty() {
        worst = worst.max(2);
    }
    let says = rank(verdict).ok_or_else(|| VerdictError::Shape("`verdict` is not a verdict".to_owned()))?;
    if says < worst {
        return Err(VerdictError::Contradiction(format!(
            "the verdict is {}, and an outcome in it is worse",
            clean_line(verdict)
        )));
    }
    if list("rules")?.is_empty() {
        return Err(VerdictError::Shape("it has no rules".to_owned()));
    }
    let code = value.get("exit_code").and_then(Value::as_u64);
    let enforced = value.get("enforced").and_then(Value::as_bool).unwrap_or_default();
    let codes: &[u64] = match (verdict, enforced) {
        ("pass", _) => &[0],
        ("review", true) => &[10],
        ("fail", true) => &[1],
        ("review" | "fail", false) => &[0, 2],
        _ => &[2],
    };
    if code.is_none_or(|code| !codes.contains(&code)) {
        return Err(VerdictError::Contradiction("`exit_code` is not that of the verdict".to_owned()));
    }
    Ok(())
}

/// 64 or 128 hexadecimal digits in lower case: the SHA-256 or SHA-512 of an artifact.
pub fn is_artifact_digest(text: &str) -> bool {
    matches!(text.len(), 64 | 128) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// One subject, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedSubject {
    /// Name.
    pub name: String,
    /// Digest by algorithm.
    pub digest: BTreeMap<&'static str, String>,
}

impl NamedSubject {
    fn new(name: &str, algorithm: &'static str, digest: &str) -> Self {
        Self { name: name.to_owned(), digest: BTreeMap::from([(algorithm, digest.to_owned())]) }
    }
}

/// Subject of a verdict, as subjects of a statement: the artifacts, the commit, and the tree of the commit.
pub fn subjects(facts: &VerdictFacts, tree: Option<&str>) -> Vec<NamedSubject> {
    let artifacts = facts
        .artifacts
        .iter()
        .map(|(name, digest)| NamedSubject::new(name, digest_algorithm(digest), digest));
    let repository = facts.project.as_deref().unwrap_or("commit");
    let commit = facts.commit.iter().map(|commit| NamedSubject::new(repository, "gitCommit", commit));
    let tree = tree.map(|tree| NamedSubject::new("tree", "gitTree", tree));
    artifacts.chain(commit).chain(tree).collect()
}

/// What a statement names beside its verdict.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedEvidence<'e> {
    /// The tree of the commit.
    pub tree: Option<&'e str>,
    /// Digest of the evidence bundle's list of checksums.
    pub bundle: Option<&'e str>,
    /// SHA-256 of the binary that derived the verdict or took it over.
    pub binary: Option<&'e str>,
}

/// Writes the statement about a verdict, which is the whole file of `secgate check --format json`.
pub fn write(
    file: &[u8],
    SignedEvidence { tree, bundle, binary }: SignedEvidence<'_>,
) -> Result<(Vec<u8>, VerdictFacts), VerdictError> {
    #[derive(Serialize)]
    struct WrittenVerdict<'v> {
        #[serde(rename = "_type")]
        version: &'static str,
        subject: Vec<NamedSubject>,
        #[serde(rename = "predicateType")]
        predicate_type: &'static str,
        predicate: VerdictPredicate<'v>,
    }
    #[derive(Serialize)]
    struct VerdictPredicate<'v> {
        verdict_sha256: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        bundle_sha256: Option<&'v str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        secgate_sha256: Option<&'v str>,
        verdict: &'v RawValue,
    }
    let shape = |why: &str| VerdictError::Shape(why.to_owned());
    let Some(text) = file.strip_suffix(b"\n") else { return Err(shape("its last line is cut off")) };
    let text = std::str::from_utf8(text).map_err(|_| shape("it is not UTF-8"))?;
    if !(text.starts_with('{') && text.ends_with('}')) {
        return Err(shape("something stands around the object"));
    }
    let facts = VerdictFacts::parse(file)?;
    if facts.is_about_nothing() {
        return Err(VerdictError::AboutNothing);
    }
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| shape(&error.to_string()))?;
    let statement = WrittenVerdict {
        version: V1,
        subject: subjects(&facts, tree),
        predicate_type: PREDICATE,
        predicate: VerdictPredicate {
            verdict_sha256: hex(&Sha256::digest(file)),
            bundle_sha256: bundle,
            secgate_sha256: binary,
            verdict: raw,
        },
    };
    let bytes = serde_json::to_vec(&statement).map_err(|error| shape(&error.to_string()))?;
    Ok((bytes, facts))
}

/// A statement that a verdict was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictStatement {
    /// Its statement.
    pub facts: VerdictFacts,
    /// SHA-256 of the verdict's file.
    pub sha256: String,
    /// SHA-256 of the list of checksums in its bundle of evidence, if there is one.
    pub bundle_sha256: Option<String>,
    /// Commits among its subjects.
    pub commits: Vec<String>,
    /// Trees among its subjects.
    pub trees: Vec<String>,
    /// SHA-256 or SHA-512 of the artifacts among its subjects.
    pub artifacts: Vec<String>,
    /// The verdict's file.
    pub file: Vec<u8>,
}

impl VerdictStatement {
    /// Whether a statement is one about a verdict.
    pub fn is(statement: &InTotoStatement) -> bool {
        statement.predicate_type == PREDICATE
    }

    /// Content of a statement, of which `payload` are the signed bytes. Its subjects must be those of the verdict in it.
    pub fn from_statement(statement: &InTotoStatement, payload: &[u8]) -> Result<Self, VerdictError> {
        #[derive(Deserialize)]
        struct Whole<'p> {
            #[serde(borrow)]
            predicate: Held<'p>,
        }
        #[derive(Deserialize)]
        struct Held<'p> {
            #[serde(borrow)]
            verdict: &'p RawValue,
        }
        let shape = |why: &str| VerdictError::Shape(why.to_owned());
        let whole: Whole<'_> =
            serde_json::from_slice(payload).map_err(|_| shape("there is no verdict in it"))?;
        let mut file = whole.predicate.verdict.get().as_bytes().to_vec();
        file.push(b'\n');
        let facts = VerdictFacts::parse(&file)?;
        let text = |key: &str| statement.predicate.get(key).and_then(Value::as_str).map(str::to_owned);
        let sha256 = hex(&Sha256::digest(&file));
        if text("verdict_sha256").as_ref() != Some(&sha256) {
            return Err(VerdictError::Contradiction(
                "the verdict in it is not the one whose digest it states".to_owned(),
            ));
        }
        let digests = |algorithm| statement.digests(algorithm).map(str::to_owned).collect::<Vec<_>>();
        let (commits, trees) = (digests("gitCommit"), digests("gitTree"));
        let mut artifacts: Vec<String> = statement.artifacts().map(str::to_owned).collect();
        let mut ours: Vec<String> = facts.artifacts.iter().map(|(_, digest)| digest.clone()).collect();
        artifacts.sort();
        ours.sort();
        if artifacts != ours || commits.iter().ne(facts.commit.iter()) {
            return Err(VerdictError::Contradiction(
                "the statement is about another commit or artifact than the verdict in it".to_owned(),
            ));
        }
        if facts.is_about_nothing() {
            return Err(VerdictError::AboutNothing);
        }
        Ok(Self { facts, sha256, bundle_sha256: text("bundle_sha256"), commits, trees, artifacts, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn verdict(with: impl Fn(&mut Value)) -> Vec<u8> {
        let mut value = serde_json::json!({
            "schema": SCHEMA, "secgate": "0.1.0", "gate": "merge", "verdict": "pass", "exit_code": 0,
            "enforced": true, "evaluated_at": "2026-06-01T12:00:00Z",
            "policy": {"source": "p.yaml", "sha256": HEX}, "context": {"commit": "c0", "project": "team/app"},
            "evidence": [{"outcome": "pass"}], "rules": [{"outcome": "pass"}], "findings_digest": HEX,
            "errors": [], "base": null,
        });
        with(&mut value);
        format!("{value}\n").into_bytes()
    }

    #[test]
    fn a_verdict_is_carried_byte_for_byte() {
        let file = verdict(|_| {});
        let (payload, _) =
            write(&file, SignedEvidence { tree: Some("e0"), bundle: Some(HEX), binary: None }).unwrap();
        let statement = InTotoStatement::parse(&payload).unwrap();
        let read = VerdictStatement::from_statement(&statement, &payload).unwrap();
        assert_eq!(read.file, file);
        assert_eq!(read.sha256, hex(&Sha256::digest(&file)));
        assert_eq!(
            (read.commits, read.trees, read.artifacts),
            (vec!["c0".into()], vec!["e0".into()], vec![])
        );
        assert_eq!(read.bundle_sha256.as_deref(), Some(HEX));
    }

    #[test]
    fn what_is_no_verdict_is_not_signed() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 11] = [
            (|v| v["schema"] = "secgate/findings/v1".into(), "schema"),
            (|v| v["verdict"] = "error".into(), "exit_code"),
            (|v| v["rules"][0]["outcome"] = "fail".into(), "worse"),
            (|v| v["evidence"][0]["outcome"] = "error".into(), "worse"),
            (|v| v["base"] = serde_json::json!({"outcome": "review"}), "worse"),
            (|v| v["loosened"] = serde_json::json!({"outcome": "review"}), "worse"),
            (|v| v["rules"] = serde_json::json!([]), "no rules"),
            (|v| v["exit_code"] = 1.into(), "exit_code"),
            (|v| v["policy"] = Value::Null, "policy"),
            (|v| v["context"]["commit"] = Value::Null, "no commit"),
            (|v| v["rules"][0]["outcome"] = "fine".into(), "outcome"),
        ];
        for (change, why) in cases {
            let error = write(&verdict(change), SignedEvidence::default()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = verdict(|v| {
            v["verdict"] = "error".into();
            v["exit_code"] = 2.into();
        });
        assert_eq!(write(&error, SignedEvidence::default()).unwrap_err(), VerdictError::Undecided);
        for text in ["", "{}\n", "[]\n", "{\"schema\":\"secgate/verdict/v1\"}", "x"] {
            assert!(write(text.as_bytes(), SignedEvidence::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_statement_is_about_what_its_verdict_is_about() {
        let (payload, _) = write(&verdict(|_| {}), SignedEvidence::default()).unwrap();
        let other =
            String::from_utf8(payload).unwrap().replacen("\"gitCommit\":\"c0\"", "\"gitCommit\":\"c1\"", 1);
        let statement = InTotoStatement::parse(other.as_bytes()).unwrap();
        let error = VerdictStatement::from_statement(&statement, other.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("another commit"), "{error}");
        let (payload, _) = write(&verdict(|_| {}), SignedEvidence::default()).unwrap();
        let other =
            String::from_utf8(payload).unwrap().replacen("\"gate\":\"merge\"", "\"gate\":\"other\"", 1);
        let statement = InTotoStatement::parse(other.as_bytes()).unwrap();
        let error = VerdictStatement::from_statement(&statement, other.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("digest"), "{error}");
    }
}

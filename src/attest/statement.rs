//! in-toto statements, v1 and v0.1: what they are about, and what they say of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::report::{self, Source};

/// `_type` of the statements that secgate writes.
pub const V1: &str = "https://in-toto.io/Statement/v1";
/// `_type` of the older form, which is read too.
pub(super) const V01: &str = "https://in-toto.io/Statement/v0.1";

/// Most subjects of a statement.
const MAX_SUBJECTS: usize = 100_000;

/// Why bytes are no statement.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is not an in-toto statement: {0}")]
pub struct StatementError(pub String);

/// Subject of something, and what it says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct InTotoStatement {
    /// Its subject; never empty.
    pub subjects: Vec<StatementSubject>,
    /// Which kind of predicate it holds.
    pub predicate_type: String,
    /// Its statement.
    pub predicate: Map<String, Value>,
}

/// One thing that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementSubject {
    /// Its name, which identifies nothing.
    pub name: String,
    /// Digests by algorithm, in lower-case hexadecimal.
    pub digest: BTreeMap<String, String>,
}

impl InTotoStatement {
    /// Reads a statement. Keys that it does not know are ignored, as in-toto wants it; keys given twice are not.
    pub fn parse(text: &[u8]) -> Result<Self, StatementError> {
        let fault = |why: &str| StatementError(why.to_owned());
        let (value, ..) = report::read_document(&Source::Bytes(text.into()), text.len() as u64)
            .map_err(|error| StatementError(error.to_string()))?;
        let Value::Object(mut object) = value else { return Err(fault("it is not a JSON object")) };
        match object.get("_type").and_then(Value::as_str) {
            Some(V1 | V01) => {}
            Some(_) => return Err(fault("`_type` is neither Statement/v1 nor Statement/v0.1")),
            None => return Err(fault("it has no `_type`")),
        }
        let Some(Value::String(predicate_type)) = object.remove("predicateType") else {
            return Err(fault("it has no `predicateType`"));
        };
        let Some(Value::Array(list)) = object.remove("subject") else {
            return Err(fault("it has no `subject`"));
        };
        if list.is_empty() || list.len() > MAX_SUBJECTS {
            return Err(fault("`subject` is empty or too long"));
        }
        let subjects = list.iter().map(subject).collect::<Result<_, _>>()?;
        let predicate = match object.remove("predicate") {
            Some(Value::Object(predicate)) => predicate,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(fault("`predicate` is not an object")),
        };
        Ok(Self { subjects, predicate_type, predicate })
    }

    /// The digests of its subjects under one algorithm.
    pub fn digests(&self, algorithm: &str) -> impl Iterator<Item = &str> {
        self.subjects.iter().filter_map(move |s| s.digest.get(algorithm)).map(String::as_str)
    }

    /// The digests of artifacts among its subjects: SHA-256, and SHA-512 as npm writes it, in hexadecimal.
    pub fn artifacts(&self) -> impl Iterator<Item = &str> {
        self.digests("sha256").chain(self.digests("sha512"))
    }

    /// Whether it is about the artifact with this SHA-256 or SHA-512, in hexadecimal.
    pub fn is_about(&self, digest: &str) -> bool {
        self.digests(digest_algorithm(digest)).any(|one| one == digest)
    }
}

/// The algorithm of an artifact's digest in hexadecimal, by its length.
pub fn digest_algorithm(hex: &str) -> &'static str {
    if hex.len() == 128 { "sha512" } else { "sha256" }
}

/// The hexadecimal part of `sha256:…` or `sha512:…`.
pub fn digest_hex(digest: &str) -> &str {
    digest.split_once(':').map_or(digest, |(_, hex)| hex)
}

fn subject(value: &Value) -> Result<StatementSubject, StatementError> {
    let fault = |why: &str| StatementError(why.to_owned());
    let Some(object) = value.as_object() else { return Err(fault("a subject is not an object")) };
    let name = object.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(digests) = object.get("digest").and_then(Value::as_object) else {
        return Err(fault("a subject has no `digest`"));
    };
    let mut digest = BTreeMap::new();
    for (algorithm, value) in digests {
        let Some(text) = value.as_str() else { return Err(fault("a digest is not a string")) };
        digest.insert(algorithm.clone(), text.to_ascii_lowercase());
    }
    if digest.is_empty() {
        return Err(fault("a subject has an empty `digest`"));
    }
    Ok(StatementSubject { name, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        for version in [V1, V01] {
            let text = format!(
                r#"{{"_type":"{version}","subject":[{{"name":"a","digest":{{"sha256":"AB"}}}},
                    {{"name":"b","digest":{{"gitCommit":"cd","x":"y"}},"uri":"z"}}],
                    "predicateType":"p","predicate":{{"k":1}},"more":true}}"#
            );
            let read = InTotoStatement::parse(text.as_bytes()).unwrap();
            assert!(read.is_about("ab") && !read.is_about("cd"));
            assert_eq!(read.digests("gitCommit").collect::<Vec<_>>(), ["cd"]);
            assert_eq!((read.predicate_type.as_str(), read.predicate["k"].as_u64()), ("p", Some(1)));
        }
    }

    #[test]
    fn what_is_no_statement_is_an_error() {
        for (text, why) in [
            ("[]", "not a JSON object"),
            ("{}", "`_type`"),
            (r#"{"_type":"https://in-toto.io/Statement/v2"}"#, "neither"),
            (r#"{"_type":"https://in-toto.io/Statement/v1"}"#, "predicateType"),
            (r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p"}"#, "no `subject`"),
            (r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":[]}"#, "empty"),
            (
                r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":[{"name":"a"}]}"#,
                "digest",
            ),
            (
                r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p",
                    "subject":[{"name":"a","digest":{"sha256":"a","sha256":"b"}}]}"#,
                "duplicate",
            ),
            (
                r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p",
                    "subject":[{"name":"a","digest":{"sha256":"a"}}],"predicate":[]}"#,
                "not an object",
            ),
        ] {
            let error = InTotoStatement::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}

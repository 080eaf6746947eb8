//! VEX: what somebody says of a vulnerability in a product, in `OpenVEX` or `CycloneDX`. Whether it counts is not
//! decided here.

mod cyclonedx;
mod openvex;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::{Generated, ReadError, Source, read_document};
use super::FeedFile;
use crate::finding::VexStatement;

/// The statements of a file.
#[derive(Debug, Default)]
pub struct Statements(pub Vec<VexStatement>);

/// Most bytes of a VEX file: they are small, and held as a tree.
const MAX_VEX: u64 = 16 << 20;

/// Reads a file of statements.
pub fn read_vex(source: &Source, max: u64) -> Result<FeedFile<Statements>, ReadError> {
    let (document, sha256, bytes) = read_document(source, max.min(MAX_VEX))?;
    let Value::Object(document) = &document else {
        return Err(unknown("a VEX document is a JSON object"));
    };
    let openvex = text(document, "@context").is_some_and(|c| c.starts_with("https://openvex.dev/ns"));
    let (statements, generated, name) = if openvex {
        openvex::statements(document).map(|(said, time)| (said, time, "OpenVEX"))
    } else if text(document, "bomFormat") == Some("CycloneDX") {
        cyclonedx::statements(document).map(|(said, time)| (said, time, "CycloneDX VEX"))
    } else {
        Err("it is neither OpenVEX nor CycloneDX".to_owned())
    }
    .map_err(|message| unknown(&message))?;
    let edition = match statements.len() {
        1 => format!("{name}, 1 statement"),
        n => format!("{name}, {n} statements"),
    };
    Ok(FeedFile { holds: Statements(statements), generated, edition, sha256, bytes })
}

fn unknown(message: &str) -> ReadError {
    ReadError::WrongFormat { asked: "VEX".to_owned(), looks_like: message.to_owned() }
}

/// Output of a format, or what is wrong with the document.
type VexReading = Result<(Vec<VexStatement>, Generated), String>;

type VexObject = Map<String, Value>;

fn text<'v>(object: &'v VexObject, key: &str) -> Option<&'v str> {
    object.get(key)?.as_str()
}

/// The objects of a list; a list that is not there is empty.
fn objects<'v>(object: &'v VexObject, key: &str) -> Result<Vec<&'v VexObject>, String> {
    match object.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_object().ok_or_else(|| format!("`{key}` holds something that is no object")))
            .collect(),
        Some(_) => Err(format!("`{key}` is no list")),
    }
}

/// The time of a key that may be missing.
fn time(object: &VexObject, key: &str) -> Result<Option<Timestamp>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match super::generated(text) {
            Generated::At(time) => Ok(Some(time)),
            _ => Err(format!("`{key}` is no time")),
        },
        Some(_) => Err(format!("`{key}` is no time")),
    }
}

fn made(time: Option<Timestamp>) -> Generated {
    time.map_or(Generated::Unknown, Generated::At)
}

/// The label of a closed list; a word that it does not have would be a guess.
fn label(
    object: &VexObject,
    key: &str,
    known: &'static [&'static str],
) -> Result<Option<&'static str>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if word.is_empty() => Ok(None),
        Some(Value::String(word)) => match known.iter().find(|label| *label == word) {
            Some(label) => Ok(Some(label)),
            None => Err(format!(
                "`{key}` is `{}`; there are {}",
                crate::finding::clean_line(word),
                known.join(", ")
            )),
        },
        Some(_) => Err(format!("`{key}` is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Text, VexStatus};

    fn vex(text: &str) -> Result<Vec<VexStatement>, String> {
        let source = Source::Bytes(text.as_bytes().into());
        read_vex(&source, 1 << 20).map(|feed| feed.holds.0).map_err(|error| error.to_string())
    }

    fn openvex(statements: &str) -> Result<Vec<VexStatement>, String> {
        vex(&format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","author":"Acme","timestamp":"2026-05-01T00:00:00Z","statements":[{statements}]}}"#
        ))
    }

    #[test]
    fn openvex_of_both_shapes() {
        let said = openvex(
            r#"{"vulnerability":{"@id":"https://nvd/x","name":"CVE-2026-1","aliases":["ghsa-x"]},"status":"not_affected",
                "justification":"component_not_present","impact_statement":"gone\nsecond","last_updated":"2026-05-20T00:00:00Z",
                "products":[{"@id":"pkg:apk/alpine/zlib@1.2.11-r1","subcomponents":[]},
                            {"@id":"https://acme/app","identifiers":{"purl":"pkg:oci/app@sha256%3Aab"},"hashes":{"sha-256":"CD"},
                             "subcomponents":[{"@id":"pkg:npm/a@1"},{"identifiers":{"purl":"pkg:npm/b"}}]}]},
               {"vulnerability":"CVE-2026-2","status":"affected","products":["pkg:apk/a@1"],"subcomponents":["pkg:apk/b@2"]}"#,
        )
        .unwrap();
        let first = &said[0];
        assert_eq!(first.ids, ["CVE-2026-1", "GHSA-X"]);
        assert_eq!(
            (first.status, first.justification),
            (VexStatus::NotAffected, Some("component_not_present"))
        );
        assert_eq!(first.note.as_ref().unwrap().as_str(), "gone");
        assert_eq!(first.time.unwrap().to_string(), "2026-05-20T00:00:00Z");
        let shown: Vec<_> = first
            .products
            .iter()
            .map(|p| {
                (p.package.as_ref().map(|p| p.name.as_str()), p.images.iter().map(String::as_str).collect())
            })
            .collect::<Vec<(Option<&str>, Vec<&str>)>>();
        let image = vec!["sha256:ab", "sha256:cd"];
        assert_eq!(shown, [(Some("zlib"), vec![]), (Some("a"), image.clone()), (Some("b"), image)]);
        // A package in a product that is no image cannot be recognised in a report, so that it lifts nothing; that it
        // is affected counts wherever it is.
        assert_eq!((said[1].status, said[1].products.len()), (VexStatus::Affected, 1));
        assert_eq!(said[1].products[0].package.as_ref().unwrap().name, "b");
        let lifts = r#"{"vulnerability":"CVE-2026-2","status":"not_affected","products":["pkg:apk/a@1"],"subcomponents":["pkg:apk/b@2"]}"#;
        assert!(openvex(lifts).unwrap()[0].products.is_empty());
        assert_eq!(said[1].time.unwrap().to_string(), "2026-05-01T00:00:00Z");
    }

    #[test]
    fn cyclonedx_with_an_analysis() {
        let said = vex(
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2026-05-01T00:00:00Z",
                "authors":[{"name":"Acme","email":"psirt@acme.example"}],
                "component":{"type":"container","bom-ref":"root","name":"app","purl":"pkg:oci/app@sha256%3Aab"}},
                "components":[{"bom-ref":"c1","name":"zlib","purl":"pkg:apk/alpine/zlib@1.2"}],
                "vulnerabilities":[
                 {"id":"CVE-2026-1","references":[{"id":"GHSA-x"}],"affects":[{"ref":"c1"},{"ref":"root"},{"ref":"urn:cdx:x/1#pkg:npm/a@1"},{"ref":"other"}],
                  "analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"why","lastUpdated":"2026-05-20T00:00:00Z"}},
                 {"id":"CVE-2026-2","affects":[{"ref":"c1"}],"analysis":{"state":"exploitable"}},
                 {"id":"CVE-2026-3","affects":[{"ref":"c1"}]}]}"#,
        )
        .unwrap();
        assert_eq!(said.len(), 2);
        assert_eq!(
            (said[0].status, said[0].justification),
            (VexStatus::NotAffected, Some("code_not_reachable"))
        );
        assert_eq!(said[0].authors.iter().map(Text::as_str).collect::<Vec<_>>(), ["Acme"]);
        assert_eq!(said[0].ids, ["CVE-2026-1", "GHSA-X"]);
        let names: Vec<_> =
            said[0].products.iter().map(|p| p.package.as_ref().map(|p| p.name.as_str())).collect();
        assert_eq!(names, [Some("zlib"), None, Some("a")]);
        assert!(said[0].products.iter().all(|p| p.images == ["sha256:ab"]));
        assert_eq!(said[1].status, VexStatus::Affected);
    }

    #[test]
    fn a_range_lifts_nothing_and_contradicts_all() {
        let of = |state: &str| {
            let said = vex(&format!(
                r#"{{"bomFormat":"CycloneDX","metadata":{{"component":{{"type":"container","bom-ref":"r","name":"app"}}}},
                "vulnerabilities":[{{"id":"CVE-2026-1","affects":[{{"ref":"pkg:npm/a@1.2","versions":[{{"range":"vers:npm/<2"}},
                {{"version":"1.2","status":"unknown"}}]}}],"analysis":{{"state":"{state}"}}}}]}}"#
            ));
            let said = said.unwrap().remove(0).products;
            said.into_iter().map(|p| p.package.unwrap().version).collect::<Vec<_>>()
        };
        // Of an image that nothing identifies, nothing is lifted at all.
        assert_eq!(of("not_affected"), [""; 0]);
        assert_eq!(of("exploitable"), ["", "1.2"]);
        assert_eq!(of("in_triage"), ["", "1.2"]);
    }

    #[test]
    fn what_is_no_vex_or_says_something_unknown_is_an_error() {
        for text in [
            "[]",
            "{}",
            r#"{"@context":"https://openvex.dev/ns"}"#,
            r#"{"bomFormat":"CycloneDX","components":[]}"#,
            r#"{"bomFormat":"CycloneDX","vulnerabilities":[]}"#,
            r#"{"bomFormat":"CycloneDX","vulnerabilities":[{"id":"CVE-1","analysis":{"state":"fine"}}]}"#,
        ] {
            assert!(vex(text).is_err(), "{text}");
        }
        for statement in [
            "1",
            r#"{"status":"fixed"}"#,
            r#"{"vulnerability":{"name":""},"status":"fixed"}"#,
            r#"{"vulnerability":"CVE-2026-1"}"#,
            r#"{"vulnerability":"CVE-2026-1","status":"not affected"}"#,
            r#"{"vulnerability":"CVE-2026-1","status":"not_affected","justification":"trust_me"}"#,
            r#"{"vulnerability":"CVE-2026-1","status":"fixed","timestamp":"soon"}"#,
            r#"{"vulnerability":"CVE-2026-1","status":"fixed","products":"pkg:npm/a@1"}"#,
        ] {
            assert!(openvex(statement).is_err(), "{statement}");
        }
    }
}

//! `OpenVEX` JSON: what somebody says of vulnerabilities. It holds no finding and covers nothing, and as a report it
//! changes none: that is a matter of feeds.

use serde::Deserialize;

use super::field::text;
use super::json::{Json, JsonKind, shapes};
use super::value::{Loose, ReportWord};
use super::{Format, Opening, ReadError, Reading};

/// `OpenVEX` JSON.
pub(super) static FORMAT: Format = Format {
    id: "openvex",
    title: "OpenVEX JSON: statements about vulnerabilities, no findings",
    tool: "openvex",
    tried: "0.0.1, 0.2.0",
    categories: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.get("@context").and_then(|m| m.text.as_deref()).is_some_and(is_context)
}

fn is_context(context: &str) -> bool {
    context.starts_with("https://openvex.dev/ns")
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let (mut context, mut statements) = (false, false);
    json.object(|json, key| match key {
        "@context" => {
            context = is_context(&text(json)?);
            Ok(())
        }
        "timestamp" if json.kind()? == JsonKind::String => {
            reading.generated(&text(json)?);
            Ok(())
        }
        "statements" => {
            statements = true;
            json.array(|json, _| {
                if json.item::<OpenVexStatement<'static>, _>(|statement| statement.says_something())? {
                    Ok(())
                } else {
                    Err(json.shape("a statement has `vulnerability` and `status`"))
                }
            })
        }
        _ => json.skip(),
    })?;
    match (context, statements) {
        (true, true) => Ok(()),
        (false, _) => Err(json.shape("no `@context` says that it is OpenVEX")),
        (true, false) => Err(json.shape("an OpenVEX document has the key `statements`")),
    }
}

shapes!(OpenVexStatement);

#[derive(Deserialize)]
struct OpenVexStatement<'a> {
    // An object, and a string in version 0.0.1.
    #[serde(default)]
    vulnerability: Loose<serde::de::IgnoredAny>,
    #[serde(borrow, default)]
    status: ReportWord<'a>,
}

impl OpenVexStatement<'_> {
    fn says_something(&self) -> bool {
        self.vulnerability.given && !self.status.as_str().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn statements_are_read_and_cover_nothing() {
        for text in [
            r#"{"@context":"https://openvex.dev/ns/v0.2.0","timestamp":"2026-11-20T09:00:00Z","statements":[
                {"vulnerability":{"name":"CVE-2024-1"},"products":[{"@id":"pkg:apk/a@1"}],"status":"not_affected"}]}"#,
            r#"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"CVE-2024-1","status":"fixed"}]}"#,
        ] {
            let read = read_text(text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!((read.format, read.findings.len()), (Some("openvex"), 0));
            assert!(read.report.categories.is_empty());
        }
    }

    #[test]
    fn what_is_no_openvex_is_an_error() {
        for text in [
            "{}",
            r#"{"@context":"https://openvex.dev/ns"}"#,
            r#"{"@context":"https://openvex.dev/ns","statements":null}"#,
            r#"{"@context":"https://openvex.dev/ns","statements":[{"status":"fixed"}]}"#,
            r#"{"@context":"https://example.invalid","statements":[]}"#,
        ] {
            assert!(read_as("openvex", text).error.is_some(), "{text}");
        }
    }
}

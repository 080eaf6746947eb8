//! SPDX, versions 2 and 3 in JSON and version 2 in tag-value: an inventory. It holds no finding and covers nothing; what it lists is the business
//! of rules about SBOMs.

use super::field::text;
use super::json::{Json, JsonKind};
use super::{Format, Opening, ReadError, Reading};

/// SPDX JSON.
pub(super) static FORMAT: Format = Format {
    id: "spdx",
    title: "SPDX JSON and tag-value: an inventory, no findings",
    tool: "spdx",
    tried: "2.3",
    categories: &[],
    inventory: Some(super::sbom::listed),
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.has("spdxVersion")
        || super::spdx_tags::looks_like(&opening.head)
        || opening.has("@graph")
            && opening.get("@context").and_then(|m| m.text.as_deref()).is_some_and(is_context)
}

/// The context of version 3.
fn is_context(context: &str) -> bool {
    context.starts_with("https://spdx.org/rdf/")
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.begins(super::spdx_tags::STARTS)? {
        return read_document(&mut super::spdx_tags::converted(json)?, reading);
    }
    read_document(json, reading)
}

fn read_document(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let (mut version, mut graph) = (false, false);
    json.object(|json, key| match key {
        "spdxVersion" => {
            version |= text(json)?.starts_with("SPDX-");
            Ok(())
        }
        "@context" => {
            version |= is_context(&text(json)?);
            Ok(())
        }
        "creationInfo" if json.kind()? == JsonKind::Object => json.object(|json, key| {
            if key == "created" && json.kind()? == JsonKind::String {
                reading.generated(&text(json)?);
                return Ok(());
            }
            json.skip()
        }),
        "packages" | "@graph" => {
            graph = true;
            json.array(|json, _| match json.kind()? {
                JsonKind::Object => json.skip(),
                other => Err(json.shape(&format!("expected an object, found {}", other.words()))),
            })
        }
        "SPDXID" => {
            graph = true;
            json.skip()
        }
        _ => json.skip(),
    })?;
    match (version, graph) {
        (true, true) => Ok(()),
        (false, _) => Err(json.shape("no `spdxVersion` says that it is SPDX")),
        (true, false) => Err(json.shape("an SPDX document has the key `SPDXID`")),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::Generated;
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn an_inventory_is_read_and_covers_nothing() {
        for text in [
            r#"{"SPDXID":"SPDXRef-DOCUMENT","spdxVersion":"SPDX-2.3","creationInfo":{"created":"2026-11-20T09:00:00Z"},"packages":[{}]}"#,
            r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo"}]}"#,
        ] {
            let read = read_text(text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!((read.format, read.findings.len()), (Some("spdx"), 0));
            assert!(read.report.categories.is_empty());
        }
        let text = r#"{"SPDXID":"x","spdxVersion":"SPDX-2.3","creationInfo":{"created":"then"}}"#;
        assert_eq!(read_text(text).report.generated, Generated::Unreadable);
    }

    #[test]
    fn what_is_no_spdx_is_an_error() {
        for text in [
            "{}",
            "[]",
            r#"{"spdxVersion":"2.3","SPDXID":"x"}"#,
            r#"{"spdxVersion":"SPDX-2.3"}"#,
            r#"{"spdxVersion":"SPDX-2.3","packages":null}"#,
            r#"{"spdxVersion":"SPDX-2.3","packages":[1]}"#,
        ] {
            assert!(read_as("spdx", text).error.is_some(), "{text}");
        }
    }
}

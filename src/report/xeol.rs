//! Xeol's JSON (`xeol … --output json`): packages whose release is, or will soon be, at the end of its life.
//!
//! Source of the shapes: `xeol/presenter/models` of the xeol repository, which took Grype's shape with a product's cycle
//! in place of a vulnerability (`Cycle`). There is no severity. What is listed depends on `lookahead`: also what ends later.

use super::field::{first_of, text};
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Finding, FingerprintBuilder, Location, Package, Severity, Target, Text,
};

/// Xeol JSON.
pub(super) static FORMAT: Format = Format {
    id: "xeol",
    title: "Xeol JSON: packages at the end of their life, without severities",
    tool: "xeol",
    tried: "0.10.8",
    unrated: true,
    categories: &[Category::Quality],
    attributes: &[Attribute::Package, Attribute::EndOfLife],
    dates_database: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

pub(super) fn looks_like(opening: &Opening) -> bool {
    let name = opening.get("descriptor").and_then(|d| d.get("name")).and_then(|name| name.text.as_deref());
    name.is_some_and(|name| name.eq_ignore_ascii_case("xeol"))
        || opening
            .get("matches")
            .is_some_and(|first| first.lists_objects() && (first.has("cycle") || first.has("Cycle")))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Quality);
    let (mut listed, mut named) = (false, true);
    json.object(|json, key| match key {
        "matches" => {
            listed = true;
            findings(json, reading, |entry, reading| {
                end_of_life(entry, reading.roots()).map(|finding| vec![finding])
            })
            .map(|_| ())
        }
        "source" if json.kind()? == JsonKind::Object => super::tree::object(json, |source| {
            match source.text("type") {
                "image" => reading.target(Target::Image),
                "directory" | "file" => reading.target(Target::Filesystem),
                _ => {}
            }
            reading.image_digest(source.text("target.manifestDigest"));
            for digest in source.texts("target.repoDigests") {
                reading.image_digest(digest);
            }
            Ok(())
        }),
        "descriptor" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "name" => text(json).map(|name| named = name.is_empty() || name.eq_ignore_ascii_case("xeol")),
            "version" => text(json).map(|version| reading.version(&version)),
            "db" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
                "built" => text(json).map(|built| reading.database(&built, false)),
                _ => json.skip(),
            }),
            _ => json.skip(),
        }),
        _ => unknown(json, reading),
    })?;
    match (listed, named) {
        (true, true) => Ok(()),
        (false, _) => Err(json.shape("a report of Xeol has a list `matches`")),
        (true, false) => Err(json.shape("`descriptor.name` is not `xeol`")),
    }
}

/// Use of unmaintained components.
pub(super) const UNMAINTAINED: u32 = 1104;

fn end_of_life(entry: Tree<'_>, roots: &[String]) -> Result<Finding, &'static str> {
    let cycle = if entry.has("Cycle") { entry.at("Cycle") } else { entry.at("cycle") };
    let package = if entry.at("artifact").is_object() { entry.at("artifact") } else { entry.at("Package") };
    if !cycle.is_object() {
        return Err("no match of Xeol: it has no object `Cycle`");
    }
    let (product, release) = (cycle.text("ProductName"), cycle.text("ReleaseCycle"));
    let name = first_of(&[package.text("name"), product]);
    let rule = format!("{product} {release}");
    let mut finding = Finding::new(Category::Quality, FORMAT.tool, rule.trim(), Severity::Unknown);
    finding.title = Text::line(&match cycle.text("Eol") {
        "" => format!("{product} {release} is at the end of its life"),
        day => format!("{product} {release} is at the end of its life since or on {day}"),
    });
    let place = package.list("locations").next().map_or("", |place| place.text("path"));
    finding.location = Location::new(place, None, None, roots);
    finding.package = Some(Package {
        name: Text::line(name),
        version: Text::line(package.text("version")),
        purl: Some(Text::whole(package.text("purl"))).filter(|purl| !purl.is_empty()),
        ..Package::default()
    });
    finding.end_of_life = Some(true);
    finding.cwes = vec![UNMAINTAINED];
    finding.identify(FingerprintBuilder::new("end-of-life").part(rule.trim()).part(name));
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    #[test]
    fn what_is_at_its_end() {
        let text = r#"{"matches":[{"Cycle":{"ProductName":"Perl","ReleaseCycle":"5.38","Eol":"2026-07-02"},"artifact":{"name":"perl","version":"5.38.2-r0","type":"apk","locations":[{"path":"/lib/apk/db/installed"}],"purl":"pkg:apk/alpine/perl@5.38.2-r0"}}],
            "source":{"type":"image","target":{"manifestDigest":"sha256:6615ba1a15f08d3d2d94c500cb35716ecfc9dacff2d4f06a0c84bda3a0b454eb"}},"descriptor":{"name":"xeol","version":"0.10"}}"#;
        let read = read_sound("xeol", text);
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("Perl 5.38", Severity::Unknown));
        assert_eq!((finding.package.as_ref().unwrap().name.as_str(), read.report.digests.len()), ("perl", 1));
        let clean = r#"{"matches":[],"source":{"type":"image"},"descriptor":{"name":"xeol"}}"#;
        assert_eq!(read_sound("xeol", clean).findings.len(), 0);
        for text in [
            text.replace("\"xeol\"", "\"grype\""),
            text.replace("\"matches\"", "\"match\""),
            text.replace("\"Cycle\"", "\"vulnerability\""),
            "{}".to_owned(),
        ] {
            assert!(read_as("xeol", &text).error.is_some(), "{text}");
        }
        assert!(read_as("grype", clean).error.is_some());
    }
}

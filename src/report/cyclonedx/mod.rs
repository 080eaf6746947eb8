//! `CycloneDX` with vulnerabilities (from 1.4 on, and VEX); XML is read as the JSON that it stands for.
//!
//! Source of the shapes: the JSON schemas 1.2 to 1.7 of the `CycloneDX` specification. A vulnerability names what it
//! affects by `bom-ref`; the component of that name may stand before or behind it, among very many. So the document
//! is read twice, and of the components only those are kept that a vulnerability names.
//!
//! A document without vulnerabilities is an inventory, and says nothing about them. Nor does an empty list: Trivy
//! writes `"vulnerabilities": []` into an inventory for which it looked for none.

mod entry;
mod xml;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::advisory::{PurlParts, full_name};
use super::field::text;
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::ReportWord;
use super::xml_tree::converted;
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Attribute, Category, Target};
use entry::CycloneDxVulnerability;

pub(super) use xml::from_xml;

/// `CycloneDX` JSON.
pub(super) static FORMAT: Format = Format {
    id: "cyclonedx",
    title: "CycloneDX JSON and XML: vulnerabilities, where it lists any",
    tool: "cyclonedx",
    tried: "specification 1.0 to 1.7",
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package],
    inventory: Some(super::sbom::listed),
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let affects = |key: &str| opening.get(key).is_some_and(|m| m.lists_objects() && m.has("affects"));
    opening.root.as_deref() == Some("bom")
        || opening.has("bomFormat")
        || opening.has("specVersion") && (opening.has("components") || opening.has("vulnerabilities"))
        || affects("vulnerabilities")
}

/// Other keys of a document under which objects are listed.
const LISTS: &[&str] = &[
    "services",
    "externalReferences",
    "dependencies",
    "compositions",
    "annotations",
    "formulation",
    "properties",
    "citations",
];

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.begins(b"<")? {
        return read_document(&mut converted(json, from_xml)?, reading);
    }
    read_document(json, reading)
}

fn read_document(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut document = CycloneDxDocument {
        target: reading.known(TARGET).unwrap_or_default().to_owned(),
        ..CycloneDxDocument::default()
    };
    let mut named = false;
    json.object(|json, key| match key {
        "bomFormat" => {
            named = text(json)? == "CycloneDX";
            Ok(())
        }
        "metadata" if json.kind()? == JsonKind::Object => metadata(json, reading, &mut document),
        "components" | "services" if json.kind()? == JsonKind::Array => {
            json.array(|json, _| component(json, reading, &mut document).map(|_| ()))
        }
        "vulnerabilities" => vulnerabilities(json, reading, &mut document),
        key if LISTS.contains(&key) => json.skip(),
        _ => unknown(json, reading),
    })?;
    if named { Ok(()) } else { Err(json.shape("`bomFormat` is not `CycloneDX`")) }
}

/// The place of a fact that findings need and that may stand behind them.
const TARGET: &str = "metadata.component.name";

#[derive(Default)]
struct CycloneDxDocument {
    /// Subject of the document.
    target: String,
    /// Findings handed over.
    found: u64,
    /// Names of components that vulnerabilities affect and that were not seen before.
    wanted: HashSet<String>,
    /// Components that an earlier reading found to be affected.
    affected: HashMap<String, CycloneDxComponent>,
}

/// Input that a finding needs of a component.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize, Deserialize)]
struct CycloneDxComponent {
    group: String,
    name: String,
    version: String,
    purl: String,
    scope: String,
    development: bool,
}

impl CycloneDxComponent {
    /// Its name as its own tools write it.
    fn full_name(&self) -> String {
        full_name(PurlParts::parse(&self.purl).map_or("", |purl| purl.kind), &self.group, &self.name)
    }
}

/// Where the component of a `bom-ref` is noted for the second reading.
fn place(bom_ref: &str) -> String {
    format!("bom-ref {bom_ref}")
}

impl CycloneDxDocument {
    /// Notes a component, if a vulnerability names it.
    fn note(&mut self, reading: &mut Reading<'_>, bom_ref: &str, component: &CycloneDxComponent) {
        if bom_ref.is_empty() {
            return;
        }
        let place = place(bom_ref);
        if reading.known(&place).is_some() {
            self.affected.entry(bom_ref.to_owned()).or_insert_with(|| component.clone());
        } else if self.wanted.remove(bom_ref) {
            reading.late(place, &serde_json::to_string(component).unwrap_or_default());
        }
    }

    /// The component of that name; if it is not known yet, it will be in the second reading.
    fn component(&mut self, reading: &mut Reading<'_>, bom_ref: &str) -> Option<CycloneDxComponent> {
        if let Some(component) = self.affected.get(bom_ref) {
            return Some(component.clone());
        }
        let place = place(bom_ref);
        if let Some(noted) = reading.known(&place) {
            return serde_json::from_str(noted).ok();
        }
        if self.wanted.insert(bom_ref.to_owned()) {
            reading.late(place, "");
        }
        None
    }
}

fn metadata(
    json: &mut Json,
    reading: &mut Reading<'_>,
    document: &mut CycloneDxDocument,
) -> Result<(), ReadError> {
    json.object(|json, key| match key {
        "timestamp" if json.kind()? == JsonKind::String => {
            reading.generated(&text(json)?);
            Ok(())
        }
        "timestamp" if json.kind()? != JsonKind::Null => {
            reading.generated_unreadable();
            json.skip()
        }
        "component" if json.kind()? == JsonKind::Object => {
            let (component, kind, digests) = component(json, reading, document)?;
            if kind == "container" {
                reading.target(Target::Image);
            }
            for digest in digests {
                reading.image_digest(&digest);
            }
            if let Some(image) = PurlParts::parse(&component.purl).filter(|purl| purl.kind == "oci") {
                reading.image_digest(&image.version);
            }
            if document.found > 0 && !component.name.is_empty() {
                reading.late(TARGET.to_owned(), &component.name);
            }
            document.target = component.name;
            Ok(())
        }
        _ => json.skip(),
    })
}

/// A component or service with its type and the digests that Trivy writes, and those below it.
fn component(
    json: &mut Json,
    reading: &mut Reading<'_>,
    document: &mut CycloneDxDocument,
) -> Result<(CycloneDxComponent, String, Vec<String>), ReadError> {
    let mut component = CycloneDxComponent::default();
    let (mut bom_ref, mut kind, mut digests) = (String::new(), String::new(), Vec::new());
    json.object(|json, key| {
        match key {
            "bom-ref" => bom_ref = text(json)?,
            "type" => kind = text(json)?,
            "group" => component.group = text(json)?,
            "name" => component.name = text(json)?,
            "version" => component.version = text(json)?,
            "purl" => component.purl = text(json)?,
            "scope" => component.scope = text(json)?,
            "properties" if json.kind()? == JsonKind::Array => json.array(|json, _| {
                if json.kind()? != JsonKind::Object {
                    return json.skip();
                }
                json.item::<Property<'static>, _>(|property| match property.name.as_str() {
                    "cdx:npm:package:development" => {
                        component.development |= property.value.as_str() == "true";
                    }
                    "aquasecurity:trivy:RepoDigest" => digests.push(property.value.as_str().to_owned()),
                    _ => {}
                })
            })?,
            "components" | "services" if json.kind()? == JsonKind::Array => {
                json.array(|json, _| self::component(json, reading, document).map(|_| ()))?;
            }
            key if key.eq_ignore_ascii_case("vulnerabilities") => unknown(json, reading)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    document.note(reading, &bom_ref, &component);
    Ok((component, kind, digests))
}

shapes!(Property);

#[derive(Deserialize)]
struct Property<'a> {
    #[serde(borrow, default)]
    name: ReportWord<'a>,
    #[serde(borrow, default)]
    value: ReportWord<'a>,
}

fn vulnerabilities(
    json: &mut Json,
    reading: &mut Reading<'_>,
    document: &mut CycloneDxDocument,
) -> Result<(), ReadError> {
    json.array(|json, _| {
        reading.covers(Category::Vulnerability);
        let findings = json.item::<CycloneDxVulnerability<'static>, _>(|vulnerability| {
            vulnerability.is_named().then(|| vulnerability.findings(document, reading))
        })?;
        let Some(findings) = findings else {
            return Err(json.shape("a vulnerability has neither `id`, `bom-ref` nor `affects`"));
        };
        for finding in findings {
            document.found += 1;
            reading.finding(finding);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;

//! `CycloneDX` VEX: vulnerabilities with an `analysis`, of the components that the document holds or names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{VexObject, VexReading, label, made, objects, text, time};
use crate::finding::{Product, Purl, Text, VexStatement, VexStatus};

const STATES: &[&str] =
    &["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"];

const JUSTIFICATIONS: &[&str] = &[
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
];

pub(super) fn statements(document: &VexObject) -> VexReading {
    let nothing = VexObject::new();
    let metadata = document.get("metadata").and_then(Value::as_object).unwrap_or(&nothing);
    let made_at = time(metadata, "timestamp")?;
    let mut about = BomContext::default();
    if let Some(root) = metadata.get("component").and_then(Value::as_object) {
        about.root = text(root, "bom-ref").map(str::to_owned);
        about.images = images(root);
        about.is_image = text(root, "type") == Some("container");
        about.note(root)?;
    }
    for component in objects(document, "components")? {
        about.note(component)?;
    }
    let authors = authors(metadata)?;
    let mut statements = Vec::new();
    for (index, vulnerability) in objects(document, "vulnerabilities")?.into_iter().enumerate() {
        let said =
            statement(vulnerability, &about).map_err(|why| format!("vulnerabilities[{index}]: {why}"))?;
        statements.extend(said.map(|statement| VexStatement {
            authors: authors.clone(),
            time: statement.time.or(made_at),
            ..statement
        }));
    }
    if statements.is_empty() {
        return Err("no vulnerability in it has an `analysis`".to_owned());
    }
    Ok((statements, made(made_at)))
}

/// Who says it: the authors of the document, else its supplier or manufacturer. Of an author the name counts, and the
/// address where there is none.
fn authors(metadata: &VexObject) -> Result<Vec<Text>, String> {
    let named = |object: &VexObject| text(object, "name").or(text(object, "email")).map(Text::exact);
    let authors: Vec<Text> = objects(metadata, "authors")?.into_iter().filter_map(named).collect();
    if !authors.is_empty() {
        return Ok(authors);
    }
    let organisations = ["supplier", "manufacturer", "manufacture"];
    let first = organisations.iter().find_map(|key| metadata.get(*key)?.as_object().and_then(named));
    Ok(first.into_iter().collect())
}

/// Subject of the document, and its components by `bom-ref`.
#[derive(Default)]
struct BomContext {
    root: Option<String>,
    is_image: bool,
    images: Vec<String>,
    components: BTreeMap<String, Purl>,
}

impl BomContext {
    fn note(&mut self, component: &VexObject) -> Result<(), String> {
        if let (Some(bom_ref), Some(purl)) =
            (text(component, "bom-ref"), text(component, "purl").and_then(Purl::parse))
        {
            self.components.insert(bom_ref.to_owned(), purl);
        }
        objects(component, "components")?.into_iter().try_for_each(|inner| self.note(inner))
    }

    /// Product that a `ref` leads to; `None` for something that no report can be shown to be about.
    fn product(&self, bom_ref: &str, contradicts: bool) -> Option<Product> {
        if self.root.as_deref() == Some(bom_ref) && !self.images.is_empty() {
            return Some(Product { package: None, images: self.images.clone() });
        }
        if self.is_image && self.images.is_empty() && !contradicts {
            return None;
        }
        let tail =
            bom_ref.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#')).map_or(bom_ref, |l| l.1);
        let package = self.components.get(bom_ref).cloned().or_else(|| Purl::parse(tail))?;
        Some(Product { package: Some(package), images: self.images.clone() })
    }
}

/// Manifest digests of an image: of its package URL, and those that Trivy writes.
fn images(component: &VexObject) -> Vec<String> {
    let named =
        text(component, "purl").and_then(Purl::parse).and_then(|purl| purl.digest().map(str::to_owned));
    let properties = component.get("properties").and_then(Value::as_array);
    let digests = properties.into_iter().flatten().filter_map(Value::as_object).filter_map(|property| {
        let digest = (text(property, "name") == Some("aquasecurity:trivy:RepoDigest"))
            .then(|| text(property, "value"))??;
        Some(digest.rsplit('@').next().unwrap_or_default().to_lowercase())
    });
    named.into_iter().chain(digests.filter(|digest| digest.starts_with("sha256:"))).collect()
}

fn statement(vulnerability: &VexObject, about: &BomContext) -> Result<Option<VexStatement>, String> {
    let Some(analysis) = vulnerability.get("analysis").and_then(Value::as_object) else { return Ok(None) };
    let status = match label(analysis, "state", STATES)? {
        None => return Ok(None),
        Some("not_affected") => VexStatus::NotAffected,
        Some("exploitable") => VexStatus::Affected,
        Some("in_triage") => VexStatus::UnderInvestigation,
        Some(_) => VexStatus::Fixed,
    };
    let references = objects(vulnerability, "references")?;
    let ids =
        text(vulnerability, "id").into_iter().chain(references.into_iter().filter_map(|r| text(r, "id")));
    let ids: Vec<String> = ids.map(|id| id.trim().to_uppercase()).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Err("it has no `id`".to_owned());
    }
    let mut products = Vec::new();
    for affected in objects(vulnerability, "affects")? {
        let bom_ref = text(affected, "ref").unwrap_or_default();
        let Some(product) = about.product(bom_ref, contradicts(status)) else { continue };
        products.extend(versions(affected, product, status)?);
    }
    Ok(Some(VexStatement {
        authors: Vec::new(),
        time: time(analysis, "lastUpdated")?.or(time(analysis, "firstIssued")?),
        ids,
        status,
        justification: label(analysis, "justification", JUSTIFICATIONS)?,
        note: text(analysis, "detail").map(Text::line),
        products,
    }))
}

/// Whether a status keeps others from lifting anything, so that in doubt it counts.
const fn contradicts(status: VexStatus) -> bool {
    matches!(status, VexStatus::Affected | VexStatus::UnderInvestigation)
}

/// The product in the versions of which the statement speaks. A range is never guessed at: it lifts nothing.
fn versions(affected: &VexObject, product: Product, status: VexStatus) -> Result<Vec<Product>, String> {
    let versions = objects(affected, "versions")?;
    if versions.is_empty() {
        return Ok(vec![product]);
    }
    let contrary = if status == VexStatus::NotAffected { "affected" } else { "unaffected" };
    let named = versions.into_iter().filter(|version| text(version, "status") != Some(contrary));
    let with = |version: &str| {
        let package = product.package.clone()?;
        (package.version.is_empty() || package.version == version).then(|| Product {
            package: Some(Purl { version: version.to_owned(), ..package }),
            images: product.images.clone(),
        })
    };
    let one = |version: &VexObject| match text(version, "version") {
        Some(exact) => with(exact),
        // What contradicts within a range holds for each version: which are in it nobody says here.
        None => contradicts(status).then(|| Product {
            package: product.package.clone().map(|package| Purl { version: String::new(), ..package }),
            images: product.images.clone(),
        }),
    };
    Ok(named.filter_map(one).collect())
}

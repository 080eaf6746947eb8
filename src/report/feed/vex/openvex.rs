//! `OpenVEX` 0.2.0 and 0.0.1, whose vulnerabilities and products are texts.

use serde_json::Value;

use super::{VexObject, VexReading, label, made, objects, text, time};
use crate::finding::{Product, Purl, Text, VexStatement, VexStatus};

const STATUSES: &[&str] = &["not_affected", "affected", "fixed", "under_investigation"];

const JUSTIFICATIONS: &[&str] = &[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

pub(super) fn statements(document: &VexObject) -> VexReading {
    let made_at = time(document, "last_updated")?.or(time(document, "timestamp")?);
    let authors: Vec<Text> =
        text(document, "author").map(Text::exact).filter(|author| !author.is_empty()).into_iter().collect();
    if !document.contains_key("statements") {
        return Err("an OpenVEX document has the key `statements`".to_owned());
    }
    let statements: Result<Vec<VexStatement>, String> = objects(document, "statements")?
        .into_iter()
        .enumerate()
        .map(|(index, object)| {
            statement(object, &authors, document).map_err(|why| format!("statements[{index}]: {why}"))
        })
        .collect();
    Ok((statements?, made(made_at)))
}

fn statement(object: &VexObject, authors: &[Text], document: &VexObject) -> Result<VexStatement, String> {
    let status = match label(object, "status", STATUSES)? {
        Some("not_affected") => VexStatus::NotAffected,
        Some("affected") => VexStatus::Affected,
        Some("fixed") => VexStatus::Fixed,
        Some(_) => VexStatus::UnderInvestigation,
        None => return Err("it has no `status`".to_owned()),
    };
    // Time cascades from the document to its statements.
    let own = time(object, "last_updated")?.or(time(object, "timestamp")?);
    Ok(VexStatement {
        authors: authors.to_vec(),
        time: own.or(time(document, "timestamp")?),
        ids: ids(object)?,
        status,
        justification: label(object, "justification", JUSTIFICATIONS)?,
        note: text(object, "impact_statement").or(text(object, "status_notes")).map(Text::line),
        products: products(object, status)?,
    })
}

fn ids(object: &VexObject) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    match object.get("vulnerability") {
        Some(Value::String(name)) => ids.push(name.as_str()),
        Some(Value::Object(vulnerability)) => {
            ids.extend(text(vulnerability, "name"));
            let aliases = vulnerability.get("aliases").and_then(Value::as_array);
            ids.extend(aliases.into_iter().flatten().filter_map(Value::as_str));
        }
        _ => {}
    }
    let ids: Vec<String> =
        ids.into_iter().map(|id| id.trim().to_uppercase()).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() { Err("it names no vulnerability".to_owned()) } else { Ok(ids) }
}

/// Identifiers of a product, or of a part of one.
#[derive(Default)]
struct OpenVexComponent {
    package: Option<Purl>,
    images: Vec<String>,
}

fn products(object: &VexObject, status: VexStatus) -> Result<Vec<Product>, String> {
    let list = |object: &VexObject, key: &str| match object.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list.clone()),
        Some(_) => Err(format!("`{key}` is no list")),
    };
    // In 0.0.1 the parts stand beside the products.
    let beside = list(object, "subcomponents")?;
    let mut products = Vec::new();
    for product in list(object, "products")? {
        let whole = component(&product)?;
        let mut parts = beside.clone();
        if let Value::Object(product) = &product {
            parts.extend(list(product, "subcomponents")?);
        }
        if parts.is_empty() {
            // An image is a package too, which no report names as one.
            let package = whole.package.filter(|_| whole.images.is_empty());
            if package.is_some() || !whole.images.is_empty() {
                products.push(Product { package, images: whole.images });
            }
            continue;
        }
        // A part of something that no report can be shown to be about lifts nothing; that it is affected counts.
        if whole.images.is_empty() && matches!(status, VexStatus::NotAffected | VexStatus::Fixed) {
            continue;
        }
        for part in &parts {
            if let Some(package) = component(part)?.package {
                products.push(Product { package: Some(package), images: whole.images.clone() });
            }
        }
    }
    Ok(products)
}

fn component(value: &Value) -> Result<OpenVexComponent, String> {
    let mut component = OpenVexComponent::default();
    let object = match value {
        Value::String(id) => {
            component.package = Purl::parse(id);
            None
        }
        Value::Object(object) => Some(object),
        _ => return Err("a product is neither a text nor an object".to_owned()),
    };
    if let Some(object) = object {
        let identifier = object.get("identifiers").and_then(|i| i.get("purl")).and_then(Value::as_str);
        component.package = identifier.or(text(object, "@id")).and_then(Purl::parse);
        let hashes = object.get("hashes").and_then(|hashes| hashes.get("sha-256")).and_then(Value::as_str);
        let named = component.package.as_ref().and_then(Purl::digest).map(str::to_owned);
        component.images.extend(named);
        component.images.extend(hashes.map(|hex| format!("sha256:{}", hex.to_lowercase())));
    } else {
        component.images.extend(component.package.as_ref().and_then(Purl::digest).map(str::to_owned));
    }
    Ok(component)
}

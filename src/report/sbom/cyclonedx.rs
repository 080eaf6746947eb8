//! `CycloneDX` JSON.

use serde_json::Value;

use super::{Sbom, bounded, list, text};
use crate::report::document::value;
use crate::report::{Json, JsonKind, ReadError};

/// Types of components that are no dependency. A licence that one of them states counts.
const NOT_COUNTED: [&str; 4] = ["operating-system", "file", "container", "data"];

pub(super) fn read_cyclonedx(json: &mut Json) -> Result<Sbom, ReadError> {
    let mut sbom = Sbom { format: "cyclonedx", ..Sbom::default() };
    let (mut named, mut versioned) = (false, false);
    json.object(|json, key| match key {
        "bomFormat" => {
            named = value(json)?.as_str() == Some("CycloneDX");
            Ok(())
        }
        "specVersion" => {
            let version = value(json)?;
            versioned = version.is_string();
            sbom.version = version.as_str().map(crate::finding::Text::line);
            Ok(())
        }
        "metadata" if json.kind()? == JsonKind::Object => {
            let metadata = value(json)?;
            sbom.made(metadata.get("timestamp"));
            if let Some(component) = metadata.get("component") {
                subject(component, &mut sbom);
            }
            Ok(())
        }
        "components" => json.array(|json, _| {
            component(&value(json)?, &mut sbom);
            bounded(json, &sbom)
        }),
        _ => json.skip(),
    })?;
    match (named, versioned) {
        (true, true) => Ok(sbom),
        (false, _) => Err(json.shape("`bomFormat` is not `CycloneDX`")),
        (true, false) => Err(json.shape("a CycloneDX document has the key `specVersion`")),
    }
}

/// Subject of the SBOM.
fn subject(component: &Value, sbom: &mut Sbom) {
    if text(component, "type") == Some("container") {
        if let Some(version) = text(component, "version") {
            sbom.digest(version);
        }
        for hash in list(component, "hashes").filter(|hash| text(hash, "alg") == Some("SHA-256")) {
            sbom.digest(&format!("sha256:{}", text(hash, "content").unwrap_or_default()));
        }
        sbom.purl(text(component, "purl").unwrap_or_default());
        for property in list(component, "properties") {
            let (name, value) = (text(property, "name"), text(property, "value").unwrap_or_default());
            match name.unwrap_or_default() {
                "aquasecurity:trivy:RepoDigest" => {
                    sbom.digest(value);
                    sbom.image.name(value);
                }
                name => {
                    let label = ["aquasecurity:trivy:Labels:", "syft:image:labels:"];
                    if let Some(key) = label.iter().find_map(|prefix| name.strip_prefix(prefix)) {
                        sbom.image.label(key, value);
                    }
                }
            }
        }
    }
    for inner in list(component, "components") {
        self::component(inner, sbom);
    }
}

fn component(component: &Value, sbom: &mut Sbom) {
    let kind = text(component, "type").unwrap_or_default();
    let name = text(component, "name").unwrap_or_default();
    let version = text(component, "version").unwrap_or_default();
    let purl = text(component, "purl").unwrap_or_default();
    let licenses = licenses(component);
    if !NOT_COUNTED.contains(&kind) && !name.is_empty() {
        sbom.component(name, version, purl, licenses);
    } else if !licenses.is_empty() {
        sbom.licensed(name, version, purl, licenses);
    }
    for inner in list(component, "components") {
        self::component(inner, sbom);
    }
}

/// The licences of a component. What stands there without a name is kept as an empty one: it is not known. Of an entry that
/// has an expression and a licence, which is none of the specification, both count.
fn licenses(component: &Value) -> Vec<String> {
    let of_entry = |choice: &Value| {
        let license = choice.get("license").filter(|license| !license.is_null());
        let named = |key: &str| license.and_then(|l| text(l, key)).filter(|name| !name.trim().is_empty());
        let expression = choice.get("expression").filter(|expression| !expression.is_null());
        let expression = expression.map(|expression| expression.as_str().unwrap_or_default().to_owned());
        let license = license.map(|_| named("id").or_else(|| named("name")).unwrap_or_default().to_owned());
        let all: Vec<String> = expression.into_iter().chain(license).collect();
        if all.is_empty() { vec![String::new()] } else { all }
    };
    match component.get("licenses") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(all)) => all.iter().flat_map(of_entry).collect(),
        Some(odd) => of_entry(odd),
    }
}

//! The packages that an SBOM lists, by their package URLs: proof that they were there.

use serde_json::Value;

use super::{InventoryJson, list, text};
use crate::finding::{Purl, Text, project_path};
use crate::report::document::value;
use crate::report::{JsonKind, Options, ReadError, Source};

/// A package of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPackage {
    /// The package with its version.
    pub purl: Purl,
    /// The file that names it, where the inventory says so.
    pub path: Option<String>,
}

/// Properties that tell the file in which a component was found: of Trivy, of cdxgen, and the beginning and end of
/// Syft's.
const FILE: [&str; 2] = ["aquasecurity:trivy:FilePath", "SrcFile"];
const LOCATION: (&str, &str) = ("syft:location:", ":path");

/// The packages listed in the file with this SHA-256; nothing if it is not the same file any more, or of another shape
/// than is read here.
pub(in crate::report) fn listed(source: &Source, options: &Options, sha256: &str) -> Vec<ListedPackage> {
    let mut all = Vec::new();
    match read_packages(source, options, &mut all) {
        Ok(digest) if digest == sha256 => all,
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn read_packages(
    source: &Source,
    options: &Options,
    all: &mut Vec<ListedPackage>,
) -> Result<String, ReadError> {
    let mut file = InventoryJson::open(source, options.max_report)?;
    file.json.object(|json, key| match key {
        // CycloneDX.
        "components" => json.array(|json, _| {
            component(&value(json)?, options, all);
            Ok(())
        }),
        "metadata" if json.kind()? == JsonKind::Object => {
            let metadata = value(json)?;
            let inner = metadata.get("component").into_iter().flat_map(|subject| list(subject, "components"));
            inner.for_each(|inner| component(inner, options, all));
            Ok(())
        }
        // SPDX 2.
        "packages" => json.array(|json, _| {
            let package = value(json)?;
            let purls = list(&package, "externalRefs").filter(|r| text(r, "referenceType") == Some("purl"));
            all.extend(purls.filter_map(|r| listed_package(text(r, "referenceLocator")?, None)));
            Ok(())
        }),
        // SPDX 3.
        "@graph" => json.array(|json, _| {
            let element = value(json)?;
            if text(&element, "type") == Some("software_Package") {
                let by_id = list(&element, "externalIdentifier").filter_map(|id| text(id, "identifier"));
                let purls = text(&element, "software_packageUrl").into_iter().chain(by_id);
                all.extend(purls.filter_map(|purl| listed_package(purl, None)));
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(file.finish()?.1)
}

fn listed_package(purl: &str, path: Option<String>) -> Option<ListedPackage> {
    let purl = Purl::parse(purl).filter(|purl| !purl.version.is_empty())?;
    Some(ListedPackage { purl, path })
}

fn component(component: &Value, options: &Options, all: &mut Vec<ListedPackage>) {
    let purl = text(component, "purl").unwrap_or_default();
    // What is excluded is named because it is not there.
    if text(component, "scope") != Some("excluded") {
        let path = |property: &Value| {
            let name = text(property, "name")?;
            let syft = name.strip_prefix(LOCATION.0).is_some_and(|rest| rest.ends_with(LOCATION.1));
            let value = text(property, "value").filter(|value| !value.is_empty())?;
            (syft || FILE.contains(&name))
                .then(|| Text::whole(&project_path(value, &options.roots)).to_string())
        };
        let paths: Vec<String> = list(component, "properties").filter_map(path).collect();
        if paths.is_empty() {
            all.extend(listed_package(purl, None));
        } else {
            all.extend(paths.into_iter().filter_map(|path| listed_package(purl, Some(path))));
        }
    }
    for inner in list(component, "components") {
        self::component(inner, options, all);
    }
}

//! SPDX JSON 2.2 and 2.3, and the JSON-LD of SPDX 3.0.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{InventoryJson, Sbom, bounded, list, text};
use crate::finding::Text;
use crate::report::document::value;
use crate::report::{Json, JsonKind, ReadError, Source};

/// Purposes of packages that are no dependency.
const NOT_COUNTED: [&str; 3] = ["CONTAINER", "OPERATING-SYSTEM", "FILE"];

/// Ids of the packages that the document describes, and the file's digest: they may stand before or after the packages.
pub(super) fn described(source: &Source, max: u64) -> Result<(BTreeSet<String>, String), ReadError> {
    let mut file = InventoryJson::open(source, max)?;
    let mut ids = BTreeSet::new();
    file.json.object(|json, key| match key {
        "documentDescribes" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            ids.extend(value(json)?.as_str().map(str::to_owned));
            Ok(())
        }),
        "relationships" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            let relation = value(json)?;
            let (from, to) = (text(&relation, "spdxElementId"), text(&relation, "relatedSpdxElement"));
            match (text(&relation, "relationshipType"), from, to) {
                (Some("DESCRIBES"), Some("SPDXRef-DOCUMENT"), Some(id))
                | (Some("DESCRIBED_BY"), Some(id), Some("SPDXRef-DOCUMENT")) => {
                    ids.insert(id.to_owned());
                }
                _ => {}
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok((ids, file.finish()?.1))
}

pub(super) fn read_2(json: &mut Json, described: &BTreeSet<String>) -> Result<Sbom, ReadError> {
    let mut sbom = Sbom { format: "spdx", ..Sbom::default() };
    json.object(|json, key| match key {
        "spdxVersion" => {
            let version = value(json)?;
            sbom.version = version.as_str().filter(|v| v.starts_with("SPDX-2.")).map(Text::line);
            Ok(())
        }
        "creationInfo" if json.kind()? == JsonKind::Object => {
            sbom.made(value(json)?.get("created"));
            Ok(())
        }
        "packages" => json.array(|json, _| {
            package(&value(json)?, described, &mut sbom);
            bounded(json, &sbom)
        }),
        _ => json.skip(),
    })?;
    if sbom.version.is_some() {
        Ok(sbom)
    } else {
        Err(json.shape("`spdxVersion` is not one of version 2, which is read"))
    }
}

fn package(package: &Value, described: &BTreeSet<String>, sbom: &mut Sbom) {
    let purpose = text(package, "primaryPackagePurpose").unwrap_or_default();
    if text(package, "SPDXID").is_some_and(|id| described.contains(id)) {
        for reference in list(package, "externalRefs").filter(|r| text(r, "referenceType") == Some("purl")) {
            sbom.purl(text(reference, "referenceLocator").unwrap_or_default());
        }
        if purpose == "CONTAINER" {
            for sum in list(package, "checksums").filter(|sum| text(sum, "algorithm") == Some("SHA256")) {
                sbom.digest(&format!("sha256:{}", text(sum, "checksumValue").unwrap_or_default()));
            }
            let notes = list(package, "annotations").filter_map(|note| text(note, "comment"));
            let texts = list(package, "attributionTexts").filter_map(Value::as_str).chain(notes);
            for reference in texts.filter_map(|text| text.strip_prefix("RepoDigest: ")) {
                sbom.digest(reference);
                sbom.image.name(reference);
            }
        }
        return;
    }
    if let Some(name) = text(package, "name").filter(|name| !name.is_empty()) {
        let says = |key: &str| text(package, key).filter(|l| !matches!(*l, "" | "NOASSERTION" | "NONE"));
        // What somebody concluded and what the package declares both bind.
        let licenses =
            ["licenseConcluded", "licenseDeclared"].into_iter().filter_map(says).map(str::to_owned);
        let mut purls = list(package, "externalRefs").filter(|r| text(r, "referenceType") == Some("purl"));
        let purl = purls.find_map(|r| text(r, "referenceLocator")).unwrap_or_default();
        let version = text(package, "versionInfo").unwrap_or_default();
        let licenses: Vec<String> = licenses.collect();
        if !NOT_COUNTED.contains(&purpose) {
            sbom.component(name, version, purl, licenses);
        } else if !licenses.is_empty() {
            sbom.licensed(name, version, purl, licenses);
        }
    }
}

/// Retained part of the elements of SPDX 3 until all have been seen.
#[derive(Default)]
struct Graph {
    /// Package: name, version, purpose, package URLs, digests.
    packages: BTreeMap<String, SpdxPackage>,
    /// Text of a licence expression.
    expressions: BTreeMap<String, String>,
    /// Licences of a package, by their ids.
    bound: BTreeMap<String, Vec<String>>,
    /// Subject of a document or an SBOM.
    roots: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct SpdxPackage {
    name: String,
    version: String,
    purpose: String,
    purls: Vec<String>,
    digests: Vec<String>,
}

pub(super) fn read_3(json: &mut Json) -> Result<Sbom, ReadError> {
    let mut sbom = Sbom { format: "spdx", ..Sbom::default() };
    let mut graph = Graph::default();
    json.object(|json, key| match key {
        "@context" => {
            let context = value(json)?;
            let of_spdx = |v: &Value| v.as_str().is_some_and(|c| c.starts_with("https://spdx.org/rdf/3."));
            let spdx = of_spdx(&context) || context.as_array().is_some_and(|all| all.iter().any(of_spdx));
            sbom.version = spdx.then(|| Text::line("SPDX-3.0"));
            Ok(())
        }
        "@graph" => json.array(|json, _| {
            element(&value(json)?, &mut graph, &mut sbom);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    if sbom.version.is_none() {
        return Err(json.shape("no `@context` says that it is SPDX 3"));
    }
    settle(&graph, &mut sbom);
    bounded(json, &sbom)?;
    Ok(sbom)
}

fn element(element: &Value, graph: &mut Graph, sbom: &mut Sbom) {
    let id = || text(element, "spdxId").or_else(|| text(element, "@id")).unwrap_or_default().to_owned();
    let texts =
        |key: &str| list(element, key).filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    match text(element, "type").unwrap_or_default() {
        "CreationInfo" => sbom.made(element.get("created")),
        "SpdxDocument" | "software_Sbom" | "Bom" => {
            graph.roots.insert(id(), texts("rootElement"));
        }
        "software_Package" => {
            let mut package = SpdxPackage {
                name: text(element, "name").unwrap_or_default().to_owned(),
                version: text(element, "software_packageVersion").unwrap_or_default().to_owned(),
                purpose: text(element, "software_primaryPurpose").unwrap_or_default().to_owned(),
                ..SpdxPackage::default()
            };
            package.purls.extend(text(element, "software_packageUrl").map(str::to_owned));
            let outer = list(element, "externalIdentifier");
            let purls = outer.filter(|i| {
                text(i, "externalIdentifierType").is_some_and(|kind| kind.eq_ignore_ascii_case("packageUrl"))
            });
            package.purls.extend(purls.filter_map(|i| text(i, "identifier")).map(str::to_owned));
            let sums = list(element, "verifiedUsing").filter(|h| text(h, "algorithm") == Some("sha256"));
            package
                .digests
                .extend(sums.filter_map(|h| text(h, "hashValue")).map(|hex| format!("sha256:{hex}")));
            graph.packages.insert(id(), package);
        }
        "simplelicensing_LicenseExpression" => {
            let expression = text(element, "simplelicensing_licenseExpression").unwrap_or_default();
            graph.expressions.insert(id(), expression.to_owned());
        }
        "Relationship"
            if matches!(
                text(element, "relationshipType"),
                Some("hasConcludedLicense" | "hasDeclaredLicense")
            ) =>
        {
            let from = text(element, "from").unwrap_or_default().to_owned();
            graph.bound.entry(from).or_default().extend(texts("to"));
        }
        _ => {}
    }
}

fn settle(graph: &Graph, sbom: &mut Sbom) {
    // The root of a document may be an SBOM, whose root is the package.
    let direct = graph.roots.values().flatten();
    let roots: BTreeSet<&String> =
        direct.clone().chain(direct.filter_map(|id| graph.roots.get(id)).flatten()).collect();
    for (id, package) in &graph.packages {
        let container = package.purpose == "container";
        if roots.contains(id) {
            package.purls.iter().for_each(|purl| sbom.purl(purl));
            if container {
                package.digests.iter().for_each(|digest| sbom.digest(digest));
            }
        } else {
            let licenses = graph.bound.get(id).into_iter().flatten();
            let text = |id: &String| graph.expressions.get(id).cloned().unwrap_or_default();
            let licenses: Vec<String> = licenses.map(text).collect();
            let purl = package.purls.first().map_or("", String::as_str);
            let counted = !container && !matches!(package.purpose.as_str(), "operatingSystem" | "file");
            if counted {
                sbom.component(&package.name, &package.version, purl, licenses);
            } else if !licenses.is_empty() {
                sbom.licensed(&package.name, &package.version, purl, licenses);
            }
        }
    }
}

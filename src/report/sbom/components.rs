//! The components of an SBOM with what tells their advisories: version, package URL, source package and system.

use serde_json::Value;

use super::{InventoryJson, list, text};
use crate::finding::Purl;
use crate::report::document::value;
use crate::report::{JsonKind, ReadError, Source};

/// A component that was shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShippedComponent {
    /// Its name as the SBOM writes it.
    pub name: String,
    /// Its version, with the epoch where there is one; empty where none is stated.
    pub version: String,
    /// The version that the SBOM states beside the package URL, where that is another.
    pub stated_version: Option<String>,
    /// The SBOM names it as one that is not there.
    pub excluded: bool,
    /// Its package URL; `None` where there is none that can be read.
    pub purl: Option<Purl>,
    /// The same as it is written.
    pub purl_text: String,
    /// Name and version of the source package that it was built from, where the SBOM says it.
    pub source: Option<(String, String)>,
    /// Id and version of the system that it is a package of, such as `debian` and `12.4`, where the package URL does not say.
    pub system: Option<(String, String)>,
}

/// Components of these types are no packages, unless one has a package URL.
const NO_PACKAGES: [&str; 4] = ["operating-system", "file", "container", "data"];

/// Reads the components of an SBOM of at most `max` bytes, nested ones as well.
pub fn read_components(source: &Source, max: u64) -> Result<Vec<ShippedComponent>, ReadError> {
    let mut file = InventoryJson::open(source, max)?;
    let mut all = Vec::new();
    let mut system = None;
    file.json.object(|json, key| match key {
        // CycloneDX.
        "components" => json.array(|json, _| {
            of_cyclonedx(&value(json)?, &mut system, &mut all);
            Ok(())
        }),
        "metadata" if json.kind()? == JsonKind::Object => {
            if let Some(subject) = value(json)?.get("component") {
                of_subject(subject, &mut system, &mut all);
            }
            Ok(())
        }
        // SPDX 2.
        "packages" => json.array(|json, _| {
            of_spdx_2(&value(json)?, &mut system, &mut all);
            Ok(())
        }),
        // SPDX 3.
        "@graph" => json.array(|json, _| {
            of_spdx_3(&value(json)?, &mut all);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    file.finish()?;
    for component in &mut all {
        component.system.clone_from(&system);
    }
    Ok(all)
}

impl ShippedComponent {
    fn new(name: &str, version: &str, purl_text: &str) -> Self {
        let purl = Purl::parse(purl_text);
        let of_purl = purl.as_ref().map_or("", |purl| purl.version.as_str());
        let epoch = purl.as_ref().and_then(|purl| purl.qualifiers.get("epoch")).map_or("", String::as_str);
        let stated = Some(version.trim()).filter(|version| !matches!(*version, "" | "NOASSERTION" | "NONE"));
        let version = if of_purl.is_empty() { stated.unwrap_or_default() } else { of_purl };
        let version = with_epoch(version, epoch);
        let stated = stated.map(|stated| with_epoch(stated, epoch)).filter(|stated| *stated != version);
        let source = purl.as_ref().and_then(|purl| {
            let written = purl.qualifiers.get("upstream").or_else(|| purl.qualifiers.get("source"))?;
            let (name, of_source) = written.split_once('@').unwrap_or((written, ""));
            // An RPM is named by the file of its source.
            let name = name
                .strip_suffix(".src.rpm")
                .map_or(name, |file| file.rsplitn(3, '-').nth(2).unwrap_or(file));
            (!name.is_empty()).then(|| (name.to_owned(), of_source.to_owned()))
        });
        Self {
            name: name.to_owned(),
            version,
            stated_version: stated,
            excluded: false,
            purl,
            purl_text: purl_text.to_owned(),
            source,
            system: None,
        }
    }
}

/// A version behind its epoch.
fn with_epoch(version: &str, epoch: &str) -> String {
    if matches!(epoch, "" | "0") || version.contains(':') || version.is_empty() {
        version.to_owned()
    } else {
        format!("{epoch}:{version}")
    }
}

/// What an SBOM of `CycloneDX` describes: a package if it has the package URL of one, and what it is made of.
fn of_subject(subject: &Value, system: &mut Option<(String, String)>, all: &mut Vec<ShippedComponent>) {
    let purl = text(subject, "purl").unwrap_or_default();
    if purl.is_empty() || is_image(purl) {
        list(subject, "components").for_each(|inner| of_cyclonedx(inner, system, all));
    } else {
        of_cyclonedx(subject, system, all);
    }
}

fn is_image(purl: &str) -> bool {
    purl.starts_with("pkg:oci/") || purl.starts_with("pkg:docker/")
}

fn of_cyclonedx(component: &Value, system: &mut Option<(String, String)>, all: &mut Vec<ShippedComponent>) {
    let (name, version) =
        (text(component, "name").unwrap_or_default(), text(component, "version").unwrap_or_default());
    let kind = text(component, "type").unwrap_or_default();
    if kind == "operating-system" {
        *system = Some((name.to_owned(), version.to_owned()));
    }
    let purl = text(component, "purl").unwrap_or_default();
    if !purl.is_empty() || !NO_PACKAGES.contains(&kind) && !name.is_empty() {
        let mut shipped = ShippedComponent::new(name, version, purl);
        shipped.excluded = text(component, "scope") == Some("excluded");
        let property = |names: [&str; 2]| {
            let named = |one: &&Value| names.iter().any(|name| text(one, "name") == Some(name));
            list(component, "properties").find(named).and_then(|one| text(one, "value"))
        };
        if let Some(source) = property(["aquasecurity:trivy:SrcName", "syft:metadata:source"]) {
            let version = property(["aquasecurity:trivy:SrcVersion", "syft:metadata:sourceVersion"]);
            let mut version = version.unwrap_or_default().to_owned();
            if let Some(release) =
                property(["aquasecurity:trivy:SrcRelease", ""]).filter(|_| !version.is_empty())
            {
                version = format!("{version}-{release}");
            }
            let epoch = property(["aquasecurity:trivy:SrcEpoch", ""]).unwrap_or_default();
            shipped.source = Some((source.to_owned(), with_epoch(&version, epoch)));
        }
        all.push(shipped);
    }
    for inner in list(component, "components") {
        of_cyclonedx(inner, system, all);
    }
}

/// The package of each of the package URLs, or the one without any.
fn each_purl(
    (name, version): (&str, &str),
    purls: &[&str],
    no_package: bool,
    all: &mut Vec<ShippedComponent>,
) {
    // What the document describes is no package of itself.
    let packages = purls.iter().filter(|purl| !is_image(purl));
    all.extend(packages.map(|purl| ShippedComponent::new(name, version, purl)));
    if purls.is_empty() && !no_package && !name.is_empty() {
        all.push(ShippedComponent::new(name, version, ""));
    }
}

fn of_spdx_2(package: &Value, system: &mut Option<(String, String)>, all: &mut Vec<ShippedComponent>) {
    let of = |key: &str| text(package, key).unwrap_or_default();
    let (name, version, purpose) = (of("name"), of("versionInfo"), of("primaryPackagePurpose"));
    if purpose == "OPERATING-SYSTEM" {
        *system = Some((name.to_owned(), version.to_owned()));
    }
    let mut purls: Vec<&str> = Vec::new();
    for reference in list(package, "externalRefs") {
        let locator = text(reference, "referenceLocator").unwrap_or_default();
        let named = text(reference, "referenceType") == Some("purl") || has_scheme(locator);
        if named && !locator.is_empty() && !purls.contains(&locator) {
            purls.push(locator);
        }
    }
    let from = all.len();
    let no_package = matches!(purpose, "CONTAINER" | "OPERATING-SYSTEM" | "FILE");
    each_purl((name, version), &purls, no_package, all);
    // Trivy: `built package from: openssl 3.0.11-1`
    let built = text(package, "sourceInfo").and_then(|info| info.strip_prefix("built package from: "));
    if let Some((source, version)) = built.and_then(|built| built.split_once(' ')) {
        for shipped in all.iter_mut().skip(from) {
            shipped.source = Some((source.to_owned(), version.to_owned()));
        }
    }
}

fn of_spdx_3(element: &Value, all: &mut Vec<ShippedComponent>) {
    let of = |key: &str| text(element, key).unwrap_or_default();
    if of("type") != "software_Package" {
        return;
    }
    let no_package = matches!(of("software_primaryPurpose"), "container" | "operatingSystem" | "file");
    let mut purls: Vec<&str> = Vec::new();
    let outer = list(element, "externalIdentifier").filter_map(|id| text(id, "identifier"));
    let own = Some(of("software_packageUrl")).filter(|purl| !purl.is_empty());
    for purl in own.into_iter().chain(outer.filter(|id| has_scheme(id))) {
        if !purls.contains(&purl) {
            purls.push(purl);
        }
    }
    each_purl((of("name"), of("software_packageVersion")), &purls, no_package, all);
}

fn has_scheme(text: &str) -> bool {
    text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("pkg:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<ShippedComponent> {
        read_components(&Source::Bytes(text.as_bytes().into()), 1 << 20).unwrap()
    }

    #[test]
    fn source_and_system_are_told_where_they_are_written() {
        let trivy = read(
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[
              {"type":"operating-system","name":"debian","version":"12.4"},
              {"type":"library","name":"libssl3","version":"3.0.11-1","purl":"pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&epoch=1",
               "properties":[{"name":"aquasecurity:trivy:SrcName","value":"openssl"},{"name":"aquasecurity:trivy:SrcVersion","value":"3.0.11"},
                             {"name":"aquasecurity:trivy:SrcRelease","value":"1"},{"name":"aquasecurity:trivy:SrcEpoch","value":"1"}]},
              {"type":"library","scope":"excluded","name":"x","purl":"pkg:npm/x@1"},
              {"type":"file","name":"/etc/passwd"}]}"#,
        );
        assert_eq!(trivy.iter().map(|one| one.excluded).collect::<Vec<_>>(), [false, true]);
        assert_eq!(trivy[0].version, "1:3.0.11-1");
        assert_eq!(trivy[0].source, Some(("openssl".to_owned(), "1:3.0.11-1".to_owned())));
        assert_eq!(trivy[0].system, Some(("debian".to_owned(), "12.4".to_owned())));
        let syft = read(
            r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"image","primaryPackagePurpose":"CONTAINER"},
              {"name":"openssl-libs","versionInfo":"3.0.7","externalRefs":[{"referenceType":"purl",
               "referenceLocator":"pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm"}]},
              {"name":"curl","versionInfo":"8.1","sourceInfo":"built package from: curl-src 8.1-2"}]}"#,
        );
        assert_eq!(syft.len(), 2);
        assert_eq!(syft[0].version, "1:3.0.7-24.el9");
        assert_eq!(syft[0].source.as_ref().unwrap().0, "openssl");
        assert_eq!(syft[1].source, Some(("curl-src".to_owned(), "8.1-2".to_owned())));
    }
}

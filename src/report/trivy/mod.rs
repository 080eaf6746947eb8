//! Trivy's own JSON (`trivy … --format json`): images, file systems, repositories, configuration, SBOMs, virtual
//! machines and Kubernetes.
//!
//! Source of the shapes: `pkg/types` and `pkg/k8s/report` of the trivy repository. Three generations are read:
//! a bare array of results (to 0.19), `SchemaVersion` 2 (since 0.20), and Kubernetes reports, whose results hang
//! below resources: `Resources` (`--report all`), `Findings` (`--report summary`), and until 2022 the lists
//! `Vulnerabilities` and `Misconfigurations`, names that mean something else one level down.
//!
//! The report does not say which severities, statuses or scanners were asked for. A result of class `os-pkgs` or
//! `lang-pkgs` without a vulnerability counts as looked at, as Trivy itself prints it.

mod entry;
mod needed;
pub(super) mod package_list;
mod walk;

use serde::Deserialize;

use super::asff::is_asff;
use super::conceal::told_value;
use super::image::image_config;
use super::json::{BorrowedShape, Json, JsonKind, shapes};
use super::value::{Loose, RawJson, ReportWord};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Target, Text, clean_line};
use entry::{Misconfiguration, Modified, Secret, Site, TrivyLicense, TrivyVulnerability};
use needed::{ListedPackages, TrivyNeededPackage};
use walk::{fact, list, other, text};

/// Trivy JSON.
pub(super) static FORMAT: Format = Format {
    id: "trivy",
    title: "Trivy JSON: vulnerabilities, misconfigurations, credentials, licences",
    tool: "trivy",
    tried: "to 0.19, 0.20 to 0.74.0",
    signals: &[
        "no `Results`: nothing scanned",
        "`Error` of a resource",
        "more failed checks counted than listed",
    ],
    categories: &[Category::Vulnerability, Category::Misconfiguration, Category::Secret, Category::License],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package, Attribute::EndOfLife],
    // The old schema's report of nothing scanned. Its other word for it, `null`, says even less.
    empty_array: true,
    packages: Some(package_list::packages),
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys of a report.
const REPORT: &[&str] = &[
    "SchemaVersion",
    "Trivy",
    "ReportID",
    "CreatedAt",
    "ArtifactID",
    "ArtifactName",
    "ArtifactType",
    "Metadata",
    "Results",
    "ClusterName",
];
/// Keys of a Kubernetes report under which resources are listed.
const RESOURCES: &[&str] = &["Resources", "Findings", "Vulnerabilities", "Misconfigurations"];
/// Keys of a resource.
const RESOURCE: &[&str] = &["Namespace", "Kind", "Name", "Metadata", "Results", "Error"];
/// Keys of a result under which findings are listed.
const FINDINGS: &[&str] =
    &["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "ExperimentalModifiedFindings"];
/// Other keys of a result.
const RESULT: &[&str] = &["Target", "Class", "Type", "Packages", "MisconfSummary", "CustomResources"];

fn looks_like(opening: &Opening) -> bool {
    if let Some(first) = opening.first_element() {
        return is_result(first);
    }
    if is_asff(&opening.top) {
        return false;
    }
    let any = |keys: &[&str]| keys.iter().any(|key| opening.has(key));
    let lists = |key: &str| opening.get(key).filter(|m| m.lists_objects());
    let report = opening.has("SchemaVersion")
        && any(&[
            "ArtifactName",
            "ArtifactType",
            "ArtifactID",
            "Results",
            "Trivy",
            "ReportID",
            "ClusterName",
        ]);
    report
        || opening.has("ArtifactName") && opening.has("ArtifactType")
        || lists("Results").is_some_and(is_result)
        || opening.has("ClusterName")
            && opening
                .top
                .members
                .iter()
                .all(|(k, _)| REPORT.contains(&k.as_str()) || RESOURCES.contains(&k.as_str()))
        || RESOURCES.iter().any(|key| lists(key).is_some_and(|m| m.has("Kind") && m.has("Results")))
}

/// True for what a list of results begins with.
fn is_result(first: &Member) -> bool {
    if is_asff(first) {
        return false;
    }
    first.has_kind("Target", JsonKind::String)
        && FINDINGS.iter().chain(RESULT).filter(|key| first.has(key)).count() > 1
        || FINDINGS.iter().any(|key| first.get(key).is_some_and(Member::lists_objects))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut seen = TrivySections::default();
    if json.kind()? == JsonKind::Array {
        let root = Root::default();
        json.array(|json, _| result(json, reading, &mut seen, &root))?;
    } else {
        report(json, reading, &mut seen)?;
    }
    let image = reading.image();
    // Trivy says only that the end has come, and only if it looked at the system's packages.
    if image.os.is_some() && (seen.system.packages || seen.system.ended) {
        image.os_maintained = Some(!seen.system.ended);
    }
    if seen.results == 0 {
        reading.nothing_scanned("the report has no `Results`, so Trivy found nothing to scan");
    }
    Ok(())
}

/// Parts of the report that were read so far.
#[derive(Default)]
struct TrivySections {
    /// `SchemaVersion` 2.
    version: bool,
    /// A Kubernetes report, which has no `SchemaVersion`.
    cluster: bool,
    /// Results, with findings or without.
    results: u64,
    /// Findings handed over.
    found: u64,
    system: Maintenance,
}

/// Operating system of the target, as far as it was read.
#[derive(Default)]
struct Maintenance {
    /// The report has said which it is, and so whether it is maintained.
    named: bool,
    /// A result about its packages.
    packages: bool,
    /// It is no longer maintained.
    ended: bool,
}

/// Input that findings need to know of the levels above their result.
#[derive(Default)]
struct Root {
    artifact: String,
    image: bool,
    resource: String,
}

/// A report of schema 2, or of a cluster.
fn report(json: &mut Json, reading: &mut Reading<'_>, seen: &mut TrivySections) -> Result<(), ReadError> {
    let known = |key: &str| reading.known(key).unwrap_or_default().to_owned();
    let mut root = Root {
        artifact: known("ArtifactName"),
        image: is_image(&known("ArtifactType")),
        resource: String::new(),
    };
    let mut wrong_version = None;
    json.object(|json, key| match key {
        "SchemaVersion" => {
            seen.version = true;
            // Told at the end: a key given twice is the better reason.
            wrong_version = schema_version(json)?;
            Ok(())
        }
        "Trivy" if json.kind()? == JsonKind::Object => json.object(|json, key| {
            if key == "Version" {
                reading.version(&text(json)?);
                return Ok(());
            }
            json.skip()
        }),
        "CreatedAt" => created(json, reading),
        "ArtifactName" => {
            root.artifact = fact(json, reading, seen.found > 0)?;
            Ok(())
        }
        "ArtifactType" => {
            let kind = fact(json, reading, seen.found > 0)?;
            root.image = is_image(&kind);
            match kind.as_str() {
                "container_image" => reading.target(Target::Image),
                "filesystem" | "repository" => reading.target(Target::Filesystem),
                // A virtual machine, an account or an SBOM is neither.
                _ => {}
            }
            Ok(())
        }
        "Metadata" if json.kind()? == JsonKind::Object => metadata(json, reading, seen),
        "Results" => results(json, reading, seen, &root),
        "ClusterName" => {
            seen.cluster = true;
            json.skip()
        }
        key if RESOURCES.contains(&key) => {
            seen.cluster = true;
            json.unless_null(|json| json.array(|json, _| resource(json, reading, seen)))
        }
        key => other(json, reading, key, &[REPORT, RESOURCES]),
    })?;
    match wrong_version {
        Some(error) => Err(error),
        None if seen.version || seen.cluster => Ok(()),
        None => Err(json.shape("`SchemaVersion` is missing: schema version 2 is read")),
    }
}

fn is_image(artifact_type: &str) -> bool {
    artifact_type == "container_image"
}

/// The error that a version other than 2 is.
fn schema_version(json: &mut Json) -> Result<Option<ReadError>, ReadError> {
    let found = json.kind()?;
    let version = match found {
        JsonKind::Number => json.with_value::<RawJson<'static>, _>(|version| version.0.to_owned())?,
        _ => json.skip().map(|()| found.words().to_owned())?,
    };
    Ok(match version.as_str() {
        "2" => None,
        other => {
            Some(json.shape(&format!("`SchemaVersion` is {}: schema version 2 is read", told_value(other))))
        }
    })
}

fn created(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::String {
        reading.generated_unreadable();
        return json.skip();
    }
    let time = text(json)?;
    // Go's zero time is how a converted older report says that it does not know.
    if !time.starts_with("0001-01-01T") {
        reading.generated(&time);
    }
    Ok(())
}

fn metadata(json: &mut Json, reading: &mut Reading<'_>, seen: &mut TrivySections) -> Result<(), ReadError> {
    json.object(|json, key| match key {
        // `ImageID` is the digest of the configuration, not of the manifest.
        "RepoDigests" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            reading.image_digest(&text(json)?);
            Ok(())
        }),
        "Commit" => {
            reading.commit(&text(json)?);
            Ok(())
        }
        "OS" if json.kind()? == JsonKind::Object => json
            .item::<System<'static>, _>(|system| {
                seen.system.named = true;
                seen.system.ended = system.eosl.value == Some(true);
                let name = format!("{} {}", system.family.as_str(), system.name.as_str());
                Some(Text::line(name.trim())).filter(|name| !name.is_empty())
            })
            .map(|os| reading.image().os = os),
        "ImageConfig" if json.kind()? == JsonKind::Object => image_config(json, reading.image()),
        _ => json.skip(),
    })
}

shapes!(System);

#[derive(Deserialize)]
struct System<'a> {
    #[serde(borrow, default, rename = "Family")]
    family: ReportWord<'a>,
    #[serde(borrow, default, rename = "Name")]
    name: ReportWord<'a>,
    #[serde(default, rename = "EOSL")]
    eosl: Loose<bool>,
}

/// A resource of a cluster.
fn resource(json: &mut Json, reading: &mut Reading<'_>, seen: &mut TrivySections) -> Result<(), ReadError> {
    let place = json.path_text();
    let known = |key: &str| reading.known(&format!("{place}.{key}")).unwrap_or_default().to_owned();
    let (mut namespace, mut kind, mut name) = (known("Namespace"), known("Kind"), known("Name"));
    let before = seen.found;
    let (mut named, mut scanned) = (false, false);
    let mut error = String::new();
    json.object(|json, key| {
        let late = seen.found > before;
        match key {
            "Namespace" => namespace = fact(json, reading, late)?,
            "Kind" => (named, kind) = (true, fact(json, reading, late)?),
            "Name" => (named, name) = (true, fact(json, reading, late)?),
            "Results" => {
                scanned = true;
                let parts = [&namespace, &kind, &name].map(String::as_str);
                let resource = parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/");
                results(json, reading, seen, &Root { resource, ..Root::default() })?;
            }
            "Error" => match json.kind()? {
                JsonKind::String => error = text(json)?,
                JsonKind::Null => json.skip()?,
                _ => {
                    "the scan failed".clone_into(&mut error);
                    json.skip()?;
                }
            },
            "Metadata" => json.skip()?,
            key => other(json, reading, key, &[RESOURCE])?,
        }
        Ok(())
    })?;
    if !named && !scanned {
        return Err(json.shape("a resource has neither `Kind`, `Name` nor `Results`"));
    }
    if !error.is_empty() {
        reading.problem(ProblemKind::Scan, &format!("{kind}/{name}: {error}"), None);
    }
    Ok(())
}

fn results(
    json: &mut Json,
    reading: &mut Reading<'_>,
    seen: &mut TrivySections,
    root: &Root,
) -> Result<(), ReadError> {
    json.unless_null(|json| json.array(|json, _| result(json, reading, seen, root)))
}

/// A result: what was scanned, and what was found in it.
fn result(
    json: &mut Json,
    reading: &mut Reading<'_>,
    seen: &mut TrivySections,
    root: &Root,
) -> Result<(), ReadError> {
    seen.results += 1;
    let place = json.path_text();
    let known = |key: &str| reading.known(&format!("{place}.{key}")).unwrap_or_default().to_owned();
    let mut site = Site {
        target: known("Target"),
        class: known("Class"),
        artifact: if root.image { root.artifact.clone() } else { String::new() },
        resource: root.resource.clone(),
        roots: reading.roots(),
        end_of_life: seen.system.named.then_some(seen.system.ended),
        listed: ListedPackages::decode(&known("Packages")).unwrap_or_default(),
    };
    let before = seen.found;
    let (mut named, mut listed, mut vulnerabilities) = (false, false, false);
    let (mut failures, mut failed, mut secrets) = (0, 0, 0);
    json.object(|json, key| {
        let late = seen.found > before;
        listed |= FINDINGS.contains(&key);
        match key {
            "Target" => (named, site.target) = (true, fact(json, reading, late)?),
            "Class" => {
                site.class = fact(json, reading, late)?;
                seen.system.packages |= site.class == "os-pkgs";
                // A target of secrets is listed for the sake of those in it: it shows no scan that could have found none.
                if let Some(category) = scanned_category(&site.class).filter(|c| *c != Category::Secret) {
                    reading.covers(category);
                }
            }
            "Vulnerabilities" => {
                vulnerabilities = true;
                list::<TrivyVulnerability<'static>>(json, reading, seen, &site)?;
            }
            "Misconfigurations" => {
                let before = seen.found;
                list::<Misconfiguration<'static>>(json, reading, seen, &site)?;
                failed = seen.found - before;
            }
            "MisconfSummary" if json.kind()? == JsonKind::Object => {
                failures =
                    json.item::<MisconfSummary, _>(|summary| summary.failures.value)?.unwrap_or_default();
            }
            "Secrets" => {
                let before = seen.found;
                list::<Secret<'static>>(json, reading, seen, &site)?;
                secrets = seen.found - before;
            }
            "Licenses" => {
                list::<TrivyLicense<'static>>(json, reading, seen, &site)?;
            }
            "ExperimentalModifiedFindings" => {
                list::<Modified<'static>>(json, reading, seen, &site)?;
            }
            "Packages" if json.kind()? == JsonKind::Array => {
                let mut packages = ListedPackages::default();
                json.array(|json, _| {
                    if json.kind()? != JsonKind::Object {
                        return json.skip();
                    }
                    json.item::<TrivyNeededPackage<'static>, _>(|package| packages.add(&package))
                })?;
                if late && packages.says_anything() {
                    reading.late(json.path_text(), &packages.encode());
                }
                site.listed = packages;
            }
            "Type" | "Packages" | "MisconfSummary" | "CustomResources" => json.skip()?,
            key => other(json, reading, key, &[RESULT, FINDINGS])?,
        }
        Ok(())
    })?;
    // Of a cluster they were counted before those of other severities were left out.
    if failures > failed && root.resource.is_empty() {
        let target = clean_line(&site.target);
        let message = format!("{target}: the report counts {failures} failed checks and lists {failed}");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if secrets == 0 && scanned_category(&site.class) == Some(Category::Secret) {
        reading.covers(Category::Secret);
    }
    if vulnerabilities && site.class.is_empty() {
        // Until 0.18 there was no class, and the list was there even if empty.
        reading.covers(Category::Vulnerability);
    }
    if named || listed {
        Ok(())
    } else {
        Err(json.shape("a result has neither `Target` nor a list of findings"))
    }
}

/// How many checks of a result failed. Trivy counts those that it lists.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MisconfSummary {
    #[serde(default)]
    failures: Loose<u64>,
}

impl BorrowedShape for MisconfSummary {
    type As<'de> = Self;
}

/// Category of a class of results.
fn scanned_category(class: &str) -> Option<Category> {
    match class {
        "os-pkgs" | "lang-pkgs" => Some(Category::Vulnerability),
        "config" => Some(Category::Misconfiguration),
        "secret" => Some(Category::Secret),
        "license" | "license-file" => Some(Category::License),
        // `unknown`, `custom`, or a class that is yet to come: its findings count, but it covers nothing.
        _ => None,
    }
}

#[cfg(test)]
mod tests;

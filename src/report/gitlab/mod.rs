//! GitLab security reports (`gl-*-report.json`) of schema versions 2 to 15, and the older bare array.
//!
//! Source of the shapes: GitLab's published schemas (14.0.0 to 15.0.1 as vendored in GitLab itself, 15.2.4 by its
//! reports) and GitLab's own parsers (`lib/gitlab/ci/parsers/security`). One document shape serves every kind of
//! scan; `scan.type` tells which, and each kind is a format here. `category`, `cve`, `message`, `confidence` and
//! the scanner of a vulnerability belong to version 14 and older; from 15 on only `scan` names the scanner, and it
//! may stand after the vulnerabilities. `flags` mark likely false positives; they switch nothing off.

mod detect;
mod entry;
mod scan;
mod scan_type;
mod text;

use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::{Format, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Target};
use entry::{GitlabFinding, GitlabVulnerability};
use scan::Scan;
use scan_type::ScanType;

/// Declares the format of one kind of scan.
macro_rules! scan_format {
    ($name:ident, $scan:ident, $id:literal, $title:literal, $categories:expr) => {
        #[doc = $title]
        pub(super) static $name: Format = Format {
            id: $id,
            title: $title,
            tool: "gitlab",
            tried: "schemas 2.3 to 15.2.4",
            signals: &[
                "`scan.status` not `success`: failed",
                "no `scan.status`",
                "`scan.messages` of level warn or worse",
                "`scan.partial_scan`",
                "`dependency_files` or `scanned_resources` empty: nothing scanned",
            ],
            categories: &$categories,
            attributes: &[Attribute::Confidence, Attribute::Fix, Attribute::Package],
            // Old reports are arrays, but an empty one shows neither that it is GitLab's nor of which kind.
            empty_array: false,
            looks_like: |opening| detect::scan_types(opening).contains(&ScanType::$scan),
            read_report: |json, reading| read_report(json, reading, ScanType::$scan),
            ..Format::PLAIN
        };
    };
}

scan_format!(
    SAST,
    Sast,
    "gitlab-sast",
    "GitLab SAST report: code and infrastructure findings",
    [Category::Sast, Category::Misconfiguration]
);
scan_format!(
    SECRET_DETECTION,
    SecretDetection,
    "gitlab-secret-detection",
    "GitLab secret detection report: credentials in code",
    [Category::Secret]
);
scan_format!(
    DEPENDENCY_SCANNING,
    DependencyScanning,
    "gitlab-dependency-scanning",
    "GitLab dependency scanning report: vulnerable packages",
    [Category::Vulnerability]
);
scan_format!(
    CONTAINER_SCANNING,
    ContainerScanning,
    "gitlab-container-scanning",
    "GitLab container or cluster image scanning report: vulnerable packages of an image",
    [Category::Vulnerability]
);
scan_format!(
    DAST,
    Dast,
    "gitlab-dast",
    "GitLab DAST report: weaknesses of a running application",
    [Category::Dast]
);
scan_format!(
    API_FUZZING,
    ApiFuzzing,
    "gitlab-api-fuzzing",
    "GitLab API fuzzing report: faults of a running API",
    [Category::Dast]
);
scan_format!(
    COVERAGE_FUZZING,
    CoverageFuzzing,
    "gitlab-coverage-fuzzing",
    "GitLab coverage fuzzing report: crashes of fuzzed code",
    [Category::Dast]
);

/// Most image digests that are kept of one report, which names one image as a rule.
const MAX_DIGESTS: usize = 16;
/// Keys of a report that hold no finding. `site` and `spider` are what DAST reports of version 13 kept of ZAP's.
const OTHER: &[&str] = &["schema", "$schema", "remediations", "dependency_files", "site", "spider"];
/// Keys whose loss would change what a report says.
const NEEDED: &[&str] = &["vulnerabilities", "scan", "version"];

/// Parts of the report that were read so far.
#[derive(Default)]
struct GitlabSections {
    /// The list of vulnerabilities, or null in its place.
    listed: bool,
    /// Findings handed over.
    found: u64,
    /// Some of them were attributed to `scanner`, for want of one of their own.
    attributed: bool,
    /// Id of the scanner that `scan` names, of this reading or of the one before.
    scanner: String,
    /// `scan` named a scanner or an analyzer.
    named: bool,
    /// Presence of the object `scan`.
    scan: GitlabScanSections,
    /// Number of the files that list dependencies, and of addresses that were requested, where given.
    files: Option<usize>,
    resources: Option<usize>,
}

/// Presence of `scan` in a report.
#[derive(Default, PartialEq, Eq)]
enum GitlabScanSections {
    /// Nothing, or null.
    #[default]
    Missing,
    /// The object, without a `status`.
    Silent,
    /// The object with a `status`.
    WithStatus,
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>, scan_type: ScanType) -> Result<(), ReadError> {
    let scanner = match reading.known(scan::SCANNER) {
        Some(known) => known.to_owned(),
        None => scan::foreseen(&reading.tail()).unwrap_or_default(),
    };
    let guessed = reading.known(scan::SCANNER).is_none() && !scanner.is_empty();
    let mut seen = GitlabSections { scanner, ..GitlabSections::default() };
    if scan_type == ScanType::ContainerScanning {
        reading.target(Target::Image);
    }
    if json.kind()? == JsonKind::Array {
        vulnerabilities(json, reading, scan_type, &mut seen)?;
    } else {
        report(json, reading, scan_type, &mut seen)?;
    }
    if guessed && !seen.named {
        // The end of the file only looked as if it named one.
        seen.scanner.clear();
        if seen.attributed {
            reading.late(scan::SCANNER.to_owned(), "");
        }
    }
    // Findings cover their category by themselves: what one scanner looked for, another may not have.
    if seen.found == 0 || !seen.scanner.is_empty() {
        reading.covers(scan_type.category(&seen.scanner));
    }
    Ok(())
}

fn report(
    json: &mut Json,
    reading: &mut Reading<'_>,
    scan_type: ScanType,
    seen: &mut GitlabSections,
) -> Result<(), ReadError> {
    let mut version = Ok(None);
    json.object(|json, key| match key {
        "version" => {
            // Told at the end: a key given twice is the better reason.
            version = major_version(json)?;
            Ok(())
        }
        "scan" if json.kind()? == JsonKind::Null => json.skip(),
        "scan" => Scan::read_scan(json, reading, scan_type, seen),
        "vulnerabilities" => {
            seen.listed = true;
            if json.kind()? == JsonKind::Null {
                return json.skip();
            }
            vulnerabilities(json, reading, scan_type, seen)
        }
        "dependency_files" if json.kind()? == JsonKind::Array => {
            seen.files = Some(0);
            json.array(|json, index| {
                seen.files = Some(index + 1);
                json.skip()
            })
        }
        key if OTHER.contains(&key) => json.skip(),
        key => {
            // ZAP's `@version` is its own.
            if !key.starts_with('@') {
                misspelt(reading, key, NEEDED);
            }
            unknown(json, reading)
        }
    })?;
    let version = version.map_err(|message| json.shape(&message))?;
    if !seen.listed {
        return Err(json.shape("a GitLab report has a list `vulnerabilities`"));
    }
    if seen.found == 0 && scan_type == ScanType::DependencyScanning && seen.files == Some(0) {
        reading.nothing_scanned("no file that lists dependencies was found (dependency_files is empty)");
    }
    if seen.found == 0 && scan_type == ScanType::Dast && seen.resources == Some(0) {
        reading.nothing_scanned("no address was requested (scan.scanned_resources is empty)");
    }
    let since = |major: u32| version.is_some_and(|version| version >= major);
    if seen.scan == GitlabScanSections::Missing && since(15) {
        let message = "the report has no `scan`, which schema version 15 demands: it does not say whether the scan succeeded";
        reading.problem(ProblemKind::Scan, message, None);
    }
    if seen.scan == GitlabScanSections::Silent && since(14) {
        let message = "`scan.status` is missing: the report does not say whether the scan succeeded";
        reading.problem(ProblemKind::Scan, message, None);
    }
    Ok(())
}

/// The first number of `version`, `None` where it is null; or why it cannot be read.
fn major_version(json: &mut Json) -> Result<Result<Option<u32>, String>, ReadError> {
    let text = match json.kind()? {
        JsonKind::Null => return json.skip().map(|()| Ok(None)),
        JsonKind::String => json.with_value::<String, _>(|text| text)?,
        JsonKind::Number => json.with_value::<serde_json::Value, _>(|number| number.to_string())?,
        _ => json.skip().map(|()| String::new())?,
    };
    Ok(detect::major(&text).map(Some).ok_or_else(|| {
        "`version` is no schema version of GitLab's reports that is known, 1 to 15".to_owned()
    }))
}

fn vulnerabilities(
    json: &mut Json,
    reading: &mut Reading<'_>,
    scan_type: ScanType,
    seen: &mut GitlabSections,
) -> Result<(), ReadError> {
    json.array(|json, _| {
        let listed = json.item::<GitlabVulnerability<'static>, _>(|vulnerability| {
            vulnerability
                .to_finding(scan_type, &seen.scanner, reading.roots())
                .map(|found| hand_over(found, reading, seen))
        })?;
        listed.ok_or_else(|| json.shape("a vulnerability has nothing that says what or where it is"))
    })
}

fn hand_over(found: GitlabFinding, reading: &mut Reading<'_>, seen: &mut GitlabSections) {
    if found.digest && reading.report.digests.len() < MAX_DIGESTS {
        let image = found.finding.target.as_ref().map_or("", crate::finding::Text::as_str);
        if !reading.report.digests.iter().any(|known| image.ends_with(known.as_str())) {
            reading.image_digest(image);
        }
    }
    seen.found += 1;
    seen.attributed |= found.attributed;
    if let Some(values) = reading.context().values {
        values.of_finding(&found.values.iter().map(String::as_str).collect::<Vec<_>>());
    }
    reading.finding(found.finding);
}

/// A key that is nearly one of those that matter: a report that was changed, or written by hand, may say by it
/// that the scan failed.
fn misspelt(reading: &mut Reading<'_>, key: &str, needed: &[&str]) {
    let near =
        |right: &&&str| key.len() <= right.len() + 1 && strsim::osa_distance(&key.to_lowercase(), right) <= 1;
    if let Some(right) = needed.iter().find(near) {
        reading.problem(
            ProblemKind::Scan,
            &format!("a key is nearly `{right}`, and what it says was not read"),
            None,
        );
    }
}

#[cfg(test)]
mod tests;

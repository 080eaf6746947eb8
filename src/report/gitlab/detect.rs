//! Which kind of scan a report is of, by its opening.

use super::scan_type::ScanType;
use crate::report::json::JsonKind;
use crate::report::{Member, Opening};

/// The newest schema version that is read.
const NEWEST: u32 = 15;

/// The types that the report can be of: one as a rule; several where it does not say; none if it is no GitLab
/// report, or if more of it must be seen.
pub(super) fn scan_types(opening: &Opening) -> &'static [ScanType] {
    if let Some(first) = opening.first_element() {
        return of_vulnerability(first).filter(|_| first.has("category")).map_or(&[], only);
    }
    if ["bomFormat", "specVersion", "SchemaVersion", "auditReportVersion"].iter().any(|k| opening.has(k)) {
        return &[];
    }
    let scan = opening.get("scan").filter(|m| m.kind == Some(JsonKind::Object));
    if let Some(scan_type) = scan.and_then(|s| s.get("type")) {
        let real = ["scanner", "analyzer", "status", "start_time", "end_time"];
        let known = scan_type.text.as_deref().and_then(ScanType::of_word);
        return known
            .filter(|_| opening.has("vulnerabilities") || real.iter().any(|k| scan.is_some_and(|s| s.has(k))))
            .map_or(&[], only);
    }
    let Some(list) = opening.get("vulnerabilities") else { return &[] };
    if !matches!(list.kind, Some(JsonKind::Array | JsonKind::Null)) {
        return &[];
    }
    if list.lists_objects()
        && let Some(scan_type) = of_vulnerability(list)
    {
        return only(scan_type);
    }
    let version = opening.get("version").and_then(|v| v.text.as_deref()).and_then(major);
    if !opening.whole || scan.is_none() && version.is_none() {
        return &[];
    }
    match list.get("location") {
        Some(place) if place.has("hostname") => &[ScanType::Dast, ScanType::ApiFuzzing],
        Some(place) if place.has("start_line") => &[ScanType::Sast, ScanType::SecretDetection],
        _ => ScanType::ALL,
    }
}

/// The type that a vulnerability shows: by its `category`, or by a location that only one type has.
fn of_vulnerability(first: &Member) -> Option<ScanType> {
    if !["identifiers", "location", "scanner", "cve"].iter().any(|k| first.has(k)) {
        return None;
    }
    let word = first.get("category").and_then(|c| c.text.as_deref());
    if let Some(scan_type) = word.and_then(ScanType::of_word) {
        return Some(scan_type);
    }
    let place = first.get("location").filter(|_| first.has_kind("identifiers", JsonKind::Array))?;
    let has = |key: &str| place.has(key);
    if has("crash_type") || has("crash_state") {
        Some(ScanType::CoverageFuzzing)
    } else if has("image") || has("kubernetes_resource") {
        Some(ScanType::ContainerScanning)
    } else if has("dependency") && has("file") && !has("start_line") && !has("commit") {
        Some(ScanType::DependencyScanning)
    } else if has("commit") && has("start_line") {
        Some(ScanType::SecretDetection)
    } else {
        None
    }
}

fn only(scan_type: ScanType) -> &'static [ScanType] {
    let at = ScanType::ALL.iter().position(|t| *t == scan_type);
    at.and_then(|at| ScanType::ALL.get(at..=at)).unwrap_or_default()
}

/// The first number of a schema version that is read: `15` of `15.0.4`.
pub(super) fn major(version: &str) -> Option<u32> {
    let mut parts = version.split('.');
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    let major: u32 = parts.next().and_then(number)?;
    // The last part may go on: `15.0.0-rc1`.
    let rest = parts.all(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    (rest && (1..=NEWEST).contains(&major)).then_some(major)
}

//! Wiz CLI's JSON (`wizcli dir|docker|iac scan … --format json`).
//!
//! Source of the shapes: the CLI's documentation and public reports of its versions 0.x and 1.x; results are of three
//! kinds (`__typename`): `CICDDiskScanResult` of folders and images, `CICDIACScanResult` of configuration. A list that was
//! not filled is `null`. `status.state` says whether the scan came to its end, statistics say what was looked at.

use super::advisory::{Advisory, WorstSeverity};
use super::cvss::rating;
use super::field::first_of;
use super::json::{Json, JsonKind};
use super::secret::Leak;
use super::tree::{Tree, object};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, ExploitMaturity, Finding, FingerprintBuilder, Fix, Location, Severity, Target, Text,
};

/// Wiz CLI.
pub(super) static FORMAT: Format = Format {
    id: "wiz-cli",
    title: "Wiz CLI JSON: vulnerabilities, credentials, misconfigurations",
    tool: "wiz-cli",
    signals: &[
        "`status.state` not a success: failed",
        "`filesParsed` below `filesFound`, queries that failed",
        "no file found or scanned: nothing scanned",
        "analytics above what is listed",
        "a list of `result` that is not read",
    ],
    categories: &[Category::Vulnerability, Category::Secret, Category::Misconfiguration],
    attributes: &[Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let named = |key: &str| {
        let name = opening.get(key).and_then(|m| m.get("__typename")).and_then(|name| name.text.as_deref());
        name.is_some_and(|name| name.starts_with("CICD"))
    };
    named("result") || named("scanOriginResource")
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut resulted = false;
    json.object(|json, key| match key {
        "createdAt" => super::field::text(json).map(|time| reading.generated(&time)),
        "status" if json.kind()? == JsonKind::Object => object(json, |status| {
            let state = status.text("state");
            if state != "SUCCESS" {
                reading.failed(&format!("Wiz says that the scan ended as {state} (status.state)"));
            }
            Ok(())
        }),
        "scanOriginResource" if json.kind()? == JsonKind::Object => object(json, |origin| {
            match origin.text("__typename") {
                "CICDScanOriginContainerImage" => reading.target(Target::Image),
                "CICDScanOriginDirectory" => reading.target(Target::Filesystem),
                // Of configuration and what may come.
                _ => {}
            }
            reading.image_digest(origin.text("digest"));
            Ok(())
        }),
        "result" if json.kind()? == JsonKind::Object => {
            resulted = true;
            let found = object(json, |result| read_result(result, reading))?;
            for finding in found {
                reading.finding(finding);
            }
            Ok(())
        }
        _ => json.skip(),
    })?;
    if resulted { Ok(()) } else { Err(json.shape("a report of Wiz CLI has an object `result`")) }
}

/// Lists of packages with their vulnerabilities.
const PACKAGES: [&str; 4] = ["osPackages", "libraries", "applications", "cpes"];

fn read_result(result: Tree<'_>, reading: &mut Reading<'_>) -> Result<Vec<Finding>, String> {
    let known = PACKAGES.into_iter().chain(["secrets", "ruleMatches", "analytics", "scanStatistics"]);
    if !known.into_iter().any(|key| result.has(key)) {
        return Err("`result` has none of the lists of Wiz CLI".into());
    }
    let configuration = result.has("ruleMatches") || result.text("__typename") == "CICDIACScanResult";
    reading.covers(Category::Secret);
    reading.covers(if configuration { Category::Misconfiguration } else { Category::Vulnerability });
    let mut found = Vec::new();
    for key in PACKAGES {
        list(result, key)?;
        for package in result.list(key) {
            list(package, "vulnerabilities")?;
            found.extend(package.list("vulnerabilities").map(|v| vulnerability(v, package, reading.roots())));
        }
    }
    let vulnerabilities = found.len() as u64;
    list(result, "secrets")?;
    found.extend(result.list("secrets").map(|entry| secret(entry, reading)));
    list(result, "ruleMatches")?;
    for rule in result.list("ruleMatches") {
        list(rule, "matches")?;
        let before = found.len();
        found.extend(rule.list("matches").map(|entry| misconfiguration(rule, Some(entry), reading.roots())));
        if found.len() == before {
            found.push(misconfiguration(rule, None, reading.roots()));
        }
    }
    unread(result, found.is_empty(), reading);
    statistics(result, vulnerabilities, reading);
    Ok(found)
}

/// Tells of lists that hold something and are not read. Those of policies only name findings that other lists hold.
fn unread(result: Tree<'_>, none_found: bool, reading: &mut Reading<'_>) {
    for (key, value) in result.value().as_object().into_iter().flatten() {
        let read = PACKAGES.contains(&key.as_str())
            || matches!(key.as_str(), "secrets" | "ruleMatches")
            || key == "failedPolicyMatches" && !none_found;
        let some = value.as_array().is_some_and(|list| !list.is_empty())
            || value.is_object() && matches!(key.as_str(), "hostConfiguration" | "malware");
        if some && !read {
            let message = format!("`{}` lists something that is not read", Text::line(key));
            reading.problem(ProblemKind::Scan, &message, None);
        }
    }
}

/// A list, or nothing.
fn list(of: Tree<'_>, key: &str) -> Result<(), String> {
    let there = of.at(key);
    if there.is_null() || there.is_list() { Ok(()) } else { Err(format!("`{key}` is no list")) }
}

fn statistics(result: Tree<'_>, vulnerabilities: u64, reading: &mut Reading<'_>) {
    let counts = result.at("analytics.vulnerabilities");
    let each = ["infoCount", "lowCount", "mediumCount", "highCount", "criticalCount"];
    let counted = each.iter().filter_map(|key| counts.count(key)).fold(0, u64::saturating_add);
    if counted > vulnerabilities {
        let message = format!("analytics counts {counted} vulnerabilities, and {vulnerabilities} are listed");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if result.at("analytics").count("filesScannedCount") == Some(0) {
        reading.nothing_scanned("no file was scanned (analytics.filesScannedCount is 0)");
    }
    let scan = result.at("scanStatistics");
    let (files, parsed) = (scan.count("filesFound"), scan.count("filesParsed"));
    if files == Some(0) {
        reading.nothing_scanned("no file was found (scanStatistics.filesFound is 0)");
    }
    if let (Some(files), Some(parsed)) = (files, parsed)
        && parsed < files
    {
        reading.problem(ProblemKind::Parse, &format!("{parsed} of {files} files were parsed"), None);
    }
    if let Some(failed) = scan.count("queriesExecutionFailed").filter(|failed| *failed > 0) {
        reading.problem(ProblemKind::Rule, &format!("{failed} queries could not be run"), None);
    }
}

fn severity(word: &str) -> Severity {
    if word.trim().eq_ignore_ascii_case("informational") { Severity::Info } else { Severity::plain(word) }
}

fn vulnerability(entry: Tree<'_>, package: Tree<'_>, roots: &[String]) -> Finding {
    let fixed = entry.text("fixedVersion");
    let id = entry.text("name");
    let source = super::npm_audit::advisory_id(entry.text("source")).unwrap_or_default();
    let fix = match entry.at("fixedVersion") {
        _ if !fixed.is_empty() => Fix::Available,
        none if none.is_null() && entry.has("fixedVersion") => Fix::None,
        _ => Fix::Unknown,
    };
    let advisory = Advisory {
        tool: FORMAT.tool,
        id,
        ids: vec![source],
        severity: WorstSeverity::only(severity(entry.text("severity"))),
        native_severity: entry.native("severity"),
        title: entry.text("description"),
        published: entry.text("publishDate"),
        exploited: entry.flag("hasCisaKevExploit") == Some(true),
        exploit: (entry.flag("hasExploit") == Some(true)).then_some(ExploitMaturity::ProofOfConcept),
        name: package.text("name"),
        version: package.text("version"),
        fix: Some(fix),
        fixed: [fixed].into_iter().filter(|version| !version.is_empty()).map(Text::line).collect(),
        path: package.text("path"),
        cvss: rating(entry.score("score"), "", "").filter(|rating| rating.score > 0.0),
        ..Advisory::default()
    };
    advisory.finding(roots)
}

fn secret(entry: Tree<'_>, reading: &Reading<'_>) -> Finding {
    let leak = Leak {
        tool: FORMAT.tool,
        rule: first_of(&[entry.text("type"), "secret"]),
        title: entry.text("description"),
        path: entry.text("path"),
        lines: (entry.line("lineNumber"), None),
        values: &[],
        text: "",
    };
    let mut finding = leak.finding(reading.context());
    if !entry.text("severity").is_empty() {
        finding.severity = severity(entry.text("severity"));
        finding.native_severity = entry.native("severity");
    }
    finding
}

fn misconfiguration(rule: Tree<'_>, entry: Option<Tree<'_>>, roots: &[String]) -> Finding {
    let (id, name) = (rule.text("rule.id"), rule.text("rule.name"));
    let mut finding = Finding::new(
        Category::Misconfiguration,
        FORMAT.tool,
        first_of(&[id, name]),
        severity(rule.text("severity")),
    );
    finding.native_severity = rule.native("severity");
    finding.title = Text::line(first_of(&[name, id]));
    let text = |key: &str| entry.map_or("", |entry| entry.text(key));
    let line = entry.and_then(|entry| entry.line("lineNumber"));
    finding.location = Location::new(text("fileName"), line, None, roots);
    let print = FingerprintBuilder::new(Category::Misconfiguration.as_str());
    finding.identify(print.part(first_of(&[id, name])).part(text("resourceName")));
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    fn report(state: &str, result: &str) -> String {
        format!(
            r#"{{"id":"8001","createdAt":"2024-07-22T05:45:06.8Z","status":{{"state":"{state}","verdict":"WARN_BY_POLICY"}},"policies":[],"scanOriginResource":{{"__typename":"CICDScanOriginDirectory","name":"/src"}},"result":{{{result}}}}}"#
        )
    }

    const DISK: &str = r#""__typename":"CICDDiskScanResult","osPackages":null,"libraries":[{"name":"golang.org/x/net","version":"0.14.0","path":"/go.mod","vulnerabilities":[{"name":"CVE-2023-44487","severity":"MEDIUM","fixedVersion":"0.17.0","source":"https://github.com/advisories/GHSA-qppj-fm5r-hxr3","score":7.5}]}],
        "secrets":[{"description":"Password in URL","path":"/a.go","lineNumber":35,"type":"PASSWORD"}],"analytics":{"vulnerabilities":{"mediumCount":1},"filesScannedCount":34}"#;
    const CONFIGURATION: &str = r#""__typename":"CICDIACScanResult","ruleMatches":[{"rule":{"id":"4ac8","name":"Apk Add"},"severity":"INFORMATIONAL","matches":[{"resourceName":"FROM=a","fileName":"Dockerfile","lineNumber":8,"matchContent":"RUN"}]}],"secrets":null,"scanStatistics":{"filesFound":2,"filesParsed":2,"queriesExecutionFailed":0}"#;

    #[test]
    fn folders_images_and_configuration() {
        let read = read_sound("wiz-cli", &report("SUCCESS", DISK));
        let told: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity)).collect();
        assert_eq!(
            told,
            [(Category::Vulnerability, Severity::Medium), (Category::Secret, Severity::Critical)]
        );
        assert_eq!((read.findings[0].fix, read.report.problems_total), (Fix::Available, 0));
        let read = read_sound("wiz-cli", &report("SUCCESS", CONFIGURATION));
        assert_eq!(
            (read.findings[0].category, read.findings[0].severity),
            (Category::Misconfiguration, Severity::Info)
        );
        assert_eq!(read.findings[0].location.as_ref().unwrap().line, Some(8));
    }

    #[test]
    fn what_was_not_looked_at_is_told() {
        assert!(read_sound("wiz-cli", &report("FAILED", DISK)).report.failed.is_some());
        let nothing = DISK.replace(r#""filesScannedCount":34"#, r#""filesScannedCount":0"#);
        assert!(read_sound("wiz-cli", &report("SUCCESS", &nothing)).report.nothing_scanned.is_some());
        for (from, to) in [
            (r#""mediumCount":1"#, r#""mediumCount":3"#),
            (r#""osPackages":null"#, r#""dataFindings":[{}]"#),
            (r#""osPackages":null"#, r#""hostConfiguration":{}"#),
            (r#""osPackages":null"#, r#""malware":[{"name":"x"}]"#),
            (r#""osPackages":null"#, r#""sastFindings":[{"id":"x"}]"#),
        ] {
            let read = read_sound("wiz-cli", &report("SUCCESS", &DISK.replace(from, to)));
            assert_eq!(read.report.problems_total, 1, "{to}");
        }
        let policies = r#""osPackages":null,"failedPolicyMatches":[{}]"#;
        let listed = DISK.replace(r#""osPackages":null"#, policies);
        assert_eq!(read_sound("wiz-cli", &report("SUCCESS", &listed)).report.problems_total, 0);
        let alone = format!(r#""__typename":"CICDDiskScanResult",{policies}"#);
        assert_eq!(read_sound("wiz-cli", &report("SUCCESS", &alone)).report.problems_total, 1);
        for (from, to) in [(r#""filesParsed":2"#, r#""filesParsed":1"#), (r#"Failed":0"#, r#"Failed":2"#)] {
            let read = read_sound("wiz-cli", &report("SUCCESS", &CONFIGURATION.replace(from, to)));
            assert_eq!(read.report.problems_total, 1, "{to}");
        }
        for text in [
            "{}".to_owned(),
            "[]".to_owned(),
            report("SUCCESS", ""),
            report("SUCCESS", &DISK.replace("\"secrets\":[", "\"secrets\":{},\"x\":[")),
            report("SUCCESS", DISK).replace("\"result\"", "\"results\""),
        ] {
            assert!(read_as("wiz-cli", &text).error.is_some(), "{text}");
        }
    }
}

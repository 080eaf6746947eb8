//! OWASP Dependency-Check's JSON (`--format JSON`), report schema 1.1.
//!
//! Source of the shapes: `core/src/main/resources/templates/jsonReport.vsl`. One vulnerability of one dependency is a
//! finding. What could not be analysed stands in `scanInfo.analysisExceptions`; what a suppression file switched off in
//! `suppressedVulnerabilities`. A severity without a score (`unscored`) may be any text.

use serde::Deserialize;

use super::advisory::{Advisory, PurlParts, WorstSeverity};
use super::cvss::{StatedScore, rating};
use super::field::{first_of, suppress, text};
use super::json::{Json, JsonKind, shapes};
use super::reading::parse_time;
use super::secret::unknown;
use super::value::{Loose, OptionalObject, OptionalObjects, ReportWord, Strings, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, CvssRating, Finding, Fix, Text};

/// Dependency-Check JSON.
pub(super) static FORMAT: Format = Format {
    id: "dependency-check",
    title: "OWASP Dependency-Check JSON: vulnerabilities",
    tool: "dependency-check",
    tried: "12.1.0",
    signals: &["`scanInfo.analysisExceptions`", "`dependencies` empty: nothing scanned"],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Fix, Attribute::Package],
    dates_database: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.has("reportSchema")
        && ["scanInfo", "projectInfo", "dependencies"].iter().filter(|key| opening.has(key)).count() >= 1
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut dependencies = None;
    json.object(|json, key| match key {
        "scanInfo" if json.kind()? == JsonKind::Object => scan(json, reading),
        "projectInfo" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "reportDate" => text(json).map(|date| reading.generated(&date)),
            _ => json.skip(),
        }),
        "dependencies" => {
            let mut count = 0_u64;
            json.array(|json, _| {
                count += 1;
                let found = json.item::<CheckedDependency<'static>, _>(|dependency| {
                    dependency.findings(reading.roots())
                })?;
                let Some(found) = found else {
                    return Err(json.shape("a vulnerability of a dependency has no `name`"));
                };
                for finding in found {
                    reading.finding(finding);
                }
                Ok(())
            })?;
            dependencies = Some(count);
            Ok(())
        }
        _ => unknown(json, reading),
    })?;
    match dependencies {
        None => Err(json.shape("a report of Dependency-Check has a list `dependencies`")),
        Some(0) => {
            reading.nothing_scanned("no dependency was looked at (dependencies is empty)");
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn scan(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    json.object(|json, key| match key {
        "engineVersion" => text(json).map(|version| reading.version(&version)),
        "dataSource" if json.kind()? == JsonKind::Array => sources(json, reading),
        "analysisExceptions" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            let message = json.with_value::<Loose<AnalysisException<'static>>, _>(|fault| {
                let exception = fault.value.and_then(|fault| fault.exception.0);
                exception.map(|exception| exception.message.as_str().to_owned()).unwrap_or_default()
            })?;
            let message =
                format!("scanInfo.analysisExceptions: {}", first_of(&[&message, "an analysis failed"]));
            reading.problem(ProblemKind::Scan, &message, None);
            Ok(())
        }),
        _ => json.skip(),
    })
}

/// When the database last asked its source for news: the API of the NVD, or a mirror of its data (`NVD Cache`). Of both
/// the one in use is asked last.
fn sources(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut asked = None;
    json.array(|json, _| {
        super::tree::object(json, |source| {
            if matches!(source.text("name"), "NVD API Last Checked" | "NVD Cache Last Checked") {
                asked = asked.max(parse_time(source.text("timestamp")));
            }
            Ok(())
        })
    })?;
    if let Some(asked) = asked {
        reading.database(&asked.to_string(), false);
    }
    Ok(())
}

shapes!(CheckedDependency);

impl super::json::BorrowedShape for Loose<AnalysisException<'static>> {
    type As<'de> = Loose<AnalysisException<'de>>;
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AnalysisException<'a> {
    #[serde(borrow)]
    exception: OptionalObject<ExceptionMessage<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ExceptionMessage<'a> {
    #[serde(borrow)]
    message: ReportWord<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct CheckedDependency<'a> {
    #[serde(borrow)]
    file_name: ReportWord<'a>,
    #[serde(borrow)]
    file_path: ReportWord<'a>,
    #[serde(borrow)]
    packages: OptionalObjects<SoftwareIdentifier<'a>>,
    // Lists of objects, so that what is none is an error of the file.
    #[serde(borrow)]
    vulnerabilities: Option<Vec<CheckedVulnerability<'a>>>,
    #[serde(borrow)]
    suppressed_vulnerabilities: Option<Vec<CheckedVulnerability<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SoftwareIdentifier<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CheckedVulnerability<'a> {
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    description: ReportWord<'a>,
    #[serde(borrow)]
    notes: ReportWord<'a>,
    #[serde(borrow)]
    cwes: Strings<'a>,
    #[serde(borrow)]
    cvssv2: OptionalObject<CheckedScore<'a>>,
    #[serde(borrow)]
    cvssv3: OptionalObject<CheckedScore<'a>>,
    #[serde(borrow)]
    cvssv4: OptionalObject<CheckedScore<'a>>,
    // An entry of CISA's catalogue.
    #[serde(rename = "knownExploitedVulnerability")]
    exploited: OptionalObject<Exploited>,
    #[serde(borrow, rename = "vulnerableSoftware")]
    software: OptionalObjects<SoftwareEntry<'a>>,
}

#[derive(Deserialize)]
struct Exploited {}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct CheckedScore<'a> {
    // `score` in version 2.
    #[serde(alias = "score")]
    base_score: StatedScore,
    #[serde(borrow)]
    version: ReportWord<'a>,
    #[serde(borrow)]
    vector_string: ReportWord<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SoftwareEntry<'a> {
    #[serde(borrow)]
    software: OptionalObject<VulnerableRange<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct VulnerableRange<'a> {
    #[serde(borrow)]
    vulnerability_id_matched: ReportWord<'a>,
    #[serde(borrow)]
    version_end_excluding: ReportWord<'a>,
}

impl CheckedDependency<'_> {
    /// `None` if one of its vulnerabilities says nothing.
    fn findings(&self, roots: &[String]) -> Option<Vec<Finding>> {
        let active = self.vulnerabilities.iter().flatten().map(|v| (v, false));
        let suppressed = self.suppressed_vulnerabilities.iter().flatten().map(|v| (v, true));
        active.chain(suppressed).map(|(v, suppressed)| v.finding(self, suppressed, roots)).collect()
    }
}

impl CheckedVulnerability<'_> {
    fn finding(&self, of: &CheckedDependency<'_>, suppressed: bool, roots: &[String]) -> Option<Finding> {
        let id = self.name.as_str();
        if id.is_empty() {
            return None;
        }
        let purl = of.packages.iter().map(|package| package.id.as_str()).find(|id| id.starts_with("pkg:"));
        let parts = purl.and_then(PurlParts::parse);
        // A dependency of a lock file is `package-lock.json?lodash`.
        let path = first_of(&[of.file_path.as_str(), of.file_name.as_str()]);
        let cvss = self.cvss();
        let mut severity = WorstSeverity::default();
        severity.word(self.severity.as_str());
        if severity.is_silent()
            && let Some(rating) = &cvss
        {
            severity.score(rating.score);
        }
        let fixed: Vec<Text> = self.fixed();
        let advisory = Advisory {
            tool: FORMAT.tool,
            id,
            severity,
            native_severity: self.severity.native(),
            title: self.description.as_str(),
            cwes: cwe_numbers(self.cwes.0.iter().map(AsRef::as_ref)),
            name: parts.as_ref().map_or(of.file_name.as_str(), |parts| &parts.name),
            version: parts.as_ref().map_or("", |parts| &parts.version),
            purl: purl.unwrap_or_default(),
            fix: Some(if fixed.is_empty() { Fix::Unknown } else { Fix::Available }),
            fixed,
            path: path.split('?').next().unwrap_or_default(),
            exploited: self.exploited.0.is_some(),
            cvss,
            ..Advisory::default()
        };
        let mut finding = advisory.finding(roots);
        if suppressed {
            suppress(&mut finding, "suppression file", &[self.notes.as_str()]);
        }
        Some(finding)
    }

    /// Of the newest version of CVSS that is given, with the others beside it.
    fn cvss(&self) -> Option<CvssRating> {
        let of = |score: &OptionalObject<CheckedScore<'_>>, version: &'static str| {
            let score = score.0.as_ref()?;
            let version = first_of(&[score.version.as_str(), version]);
            rating(score.base_score, version, score.vector_string.as_str())
        };
        let all = [of(&self.cvssv4, "4.0"), of(&self.cvssv3, ""), of(&self.cvssv2, "2.0")];
        all.into_iter().flatten().reduce(|mut newest, older| {
            newest.add_other(older);
            newest
        })
    }

    /// The end of the range that the dependency lies in.
    fn fixed(&self) -> Vec<Text> {
        let ranges = self.software.iter().filter_map(|entry| entry.software.0.as_ref());
        ranges
            .filter(|range| range.vulnerability_id_matched.as_str() == "true")
            .map(|range| Text::line(range.version_end_excluding.as_str()))
            .filter(|version| !version.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_sound};

    #[test]
    fn all_scores_and_the_catalogue_are_told() {
        let text = VULNERABILITY.replacen('{', r#"{"cvssv2":{"score":7.5,"version":"2.0"},"knownExploitedVulnerability":{"vendorProject":"Apache"},"#, 1);
        let vulnerability: CheckedVulnerability<'_> = serde_json::from_str(&text).unwrap();
        let cvss = vulnerability.cvss().unwrap();
        assert_eq!((cvss.score, cvss.others.len(), cvss.others[0].score), (9.8, 1, 7.5));
        assert!(vulnerability.exploited.0.is_some());
        let vulnerability: CheckedVulnerability<'_> = serde_json::from_str(VULNERABILITY).unwrap();
        assert!(vulnerability.exploited.0.is_none());
    }

    const VULNERABILITY: &str = r#"{"source":"NVD","name":"CVE-2022-42889","severity":"CRITICAL","cvssv3":{"baseScore":9.8,"version":"3.1"},
        "cwes":["CWE-94"],"description":"Interpolation of untrusted text","vulnerableSoftware":[{"software":{"id":"cpe:2.3:a:x","vulnerabilityIdMatched":"true","versionEndExcluding":"1.10.0"}}]}"#;

    fn report(vulnerability: &str) -> String {
        format!(
            r#"{{"reportSchema":"1.1","scanInfo":{{"engineVersion":"12.1.0","dataSource":[{{"name":"NVD","timestamp":"x"}}]}},"projectInfo":{{"name":"shop","reportDate":"2026-11-20T09:00:00.000Z"}},
            "dependencies":[{{"isVirtual":false,"fileName":"commons-text-1.9.jar","filePath":"/builds/shop/lib/commons-text-1.9.jar",
            "packages":[{{"id":"pkg:maven/org.apache.commons/commons-text@1.9","confidence":"HIGH"}}]{vulnerability}}}]}}"#
        )
    }

    #[test]
    fn a_vulnerability_of_a_dependency() {
        let read =
            read_sound("dependency-check", &report(&format!(r#","vulnerabilities":[{VULNERABILITY}]"#)));
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("CVE-2022-42889", Severity::Critical));
        let package = finding.package.as_ref().unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("org.apache.commons:commons-text", "1.9")
        );
        assert_eq!(
            (package.fixed.len(), finding.fix, finding.cwes.as_slice()),
            (1, Fix::Available, &[94][..])
        );
        assert_eq!(finding.path(), Some("builds/shop/lib/commons-text-1.9.jar"));
        assert!(finding.cvss.is_some() && read.report.tool.version.is_some());
    }

    #[test]
    fn severities_without_a_score_and_scores_without_a_word() {
        for (from, to, severity) in [
            (r#""severity":"CRITICAL","#, "", Severity::Critical),
            ("\"CRITICAL\"", "\"moderate\"", Severity::Medium),
            ("\"CRITICAL\"", "\"Unknown\"", Severity::Critical),
            ("\"CRITICAL\"", "\"somewhat bad\"", Severity::Unknown),
        ] {
            let text = report(&format!(r#","vulnerabilities":[{}]"#, VULNERABILITY.replace(from, to)));
            assert_eq!(read_sound("dependency-check", &text).findings[0].severity, severity, "{to}");
        }
    }

    #[test]
    fn suppressed_failed_and_empty() {
        let read = read_sound(
            "dependency-check",
            &report(&format!(r#","suppressedVulnerabilities":[{VULNERABILITY}]"#)),
        );
        assert_eq!((read.findings.len(), read.active().count()), (1, 0));
        let failed = report("").replacen(
            r#""timestamp":"x"}]"#,
            r#""timestamp":"x"}],"analysisExceptions":[{"exception":{"message":"UpdateException: no connection"}}]"#,
            1,
        );
        let read = read_sound("dependency-check", &failed);
        assert!(read.report.problems[0].message.as_str().contains("no connection"));
        let none = r#"{"reportSchema":"1.1","scanInfo":{},"projectInfo":{},"dependencies":[]}"#;
        assert!(read_sound("dependency-check", none).report.nothing_scanned.is_some());
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in [
            "{}".to_owned(),
            "[]".to_owned(),
            r#"{"reportSchema":"1.1","scanInfo":{}}"#.to_owned(),
            report(r#","vulnerabilities":[1]"#),
            report(r#","vulnerabilities":{"a":1}"#),
            report(r#","vulnerabilities":[{}]"#),
        ] {
            assert!(read_as("dependency-check", &text).error.is_some(), "{text}");
        }
    }
}

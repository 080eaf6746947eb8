//! SonarQube's quality gate (`api/qualitygates/project_status`), 5.3 and later.
//!
//! Source of the shapes: `ProjectStatusAction` and `QualityGateDetailsFormatter` of the sonarqube repository. The
//! server has decided already: each condition that does not hold is a finding, on new code where the metric begins
//! with `new_`.

use serde::Deserialize;

use super::json::{Json, shapes};
use super::secret::unknown;
use super::value::ReportWord;
use super::{Format, Opening, ReadError, Reading, field};
use crate::finding::{Category, Finding, FingerprintBuilder, Severity, Text};

/// The status of a quality gate.
pub(super) static FORMAT: Format = Format {
    id: "sonarqube-qualitygate",
    title: "SonarQube quality gate (project_status): conditions that do not hold",
    tool: "sonarqube",
    signals: &["`NONE`: failed"],
    categories: &[Category::Quality],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.get("projectStatus").is_some_and(|status| status.has("status") || status.has("conditions"))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Quality);
    let mut given = false;
    json.object(|json, key| match key {
        "projectStatus" => {
            given = true;
            project_status(json, reading)
        }
        _ => unknown(json, reading),
    })?;
    if given { Ok(()) } else { Err(json.shape("a quality gate has an object `projectStatus`")) }
}

fn project_status(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut status = String::new();
    let mut found = false;
    json.object(|json, key| match key {
        "status" => {
            status = field::text(json)?.trim().to_ascii_uppercase();
            Ok(())
        }
        "conditions" => json.array(|json, _| {
            let finding = json.item::<QualityGateCondition<'static>, _>(|condition| condition.finding())?;
            if let Some(finding) = finding {
                found = true;
                reading.finding(finding);
            }
            Ok(())
        }),
        "period" | "periods" => json.skip(),
        _ => unknown(json, reading),
    })?;
    let severity = match status.as_str() {
        "OK" => return Ok(()),
        "ERROR" => Severity::High,
        "WARN" => Severity::Medium,
        "NONE" => {
            reading.failed("no quality gate was computed (projectStatus.status is NONE)");
            return Ok(());
        }
        _ => return Err(json.shape("`projectStatus.status` is none of OK, WARN, ERROR and NONE")),
    };
    if !found {
        let mut finding = Finding::new(Category::Quality, FORMAT.tool, "quality-gate", severity);
        finding.native_severity = Some(Text::line(&status));
        finding.title = Text::line(&format!("The quality gate says {status} and names no condition"));
        finding.identify(FingerprintBuilder::new(Category::Quality.as_str()).part("quality-gate"));
        reading.finding(finding);
    }
    Ok(())
}

shapes!(QualityGateCondition);

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct QualityGateCondition<'a> {
    #[serde(borrow)]
    status: ReportWord<'a>,
    #[serde(borrow)]
    metric_key: ReportWord<'a>,
    #[serde(borrow)]
    comparator: ReportWord<'a>,
    #[serde(borrow)]
    error_threshold: ReportWord<'a>,
    #[serde(borrow)]
    warning_threshold: ReportWord<'a>,
    #[serde(borrow)]
    actual_value: ReportWord<'a>,
}

impl QualityGateCondition<'_> {
    /// `None` if it holds.
    fn finding(&self) -> Option<Finding> {
        let status = self.status.as_str().trim();
        let is = |word: &str| status.eq_ignore_ascii_case(word);
        let (severity, threshold) = if is("OK") {
            return None;
        } else if is("ERROR") {
            (Severity::High, &self.error_threshold)
        } else if is("WARN") {
            (Severity::Medium, &self.warning_threshold)
        } else {
            (Severity::Unknown, &self.error_threshold)
        };
        let metric = self.metric_key.as_str();
        let mut finding = Finding::new(Category::Quality, FORMAT.tool, metric, severity);
        finding.native_severity = self.status.native();
        let limit = match (self.comparator.as_str().trim(), threshold.as_str()) {
            (_, "") => String::new(),
            ("LT", threshold) => format!(" and must be at least {threshold}"),
            ("GT", threshold) => format!(" and must be at most {threshold}"),
            (_, threshold) => format!(" against a threshold of {threshold}"),
        };
        let (metric, actual) = match (metric, self.actual_value.as_str()) {
            ("", actual) => ("a condition", actual),
            said => said,
        };
        let actual = if actual.is_empty() { "not met".to_owned() } else { actual.to_owned() };
        finding.title = Text::line(&format!("{metric} is {actual}{limit}"));
        let id = FingerprintBuilder::new(Category::Quality.as_str()).part(finding.rule_id.as_str());
        finding.identify(id);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{ReadText, read_as, read_text};

    fn gate(inside: &str) -> ReadText {
        read_text(&format!(r#"{{"projectStatus":{{{inside}}}}}"#))
    }

    #[test]
    fn conditions_that_do_not_hold() {
        let read = gate(
            r#""conditions":[{"status":"ERROR","metricKey":"new_coverage","comparator":"LT","errorThreshold":"80","actualValue":"71.5"},
                {"status":"WARN","metricKey":"bugs","comparator":"GT","warningThreshold":"3","actualValue":"4"},
                {"status":"OK","metricKey":"x"},{"status":"ERR","metricKey":"y"},{}],"status":"ERROR","periods":[{"index":1}]"#,
        );
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!(read.format, Some("sonarqube-qualitygate"));
        let said: Vec<_> = read.findings.iter().map(|f| (f.rule_id.as_str(), f.severity)).collect();
        assert_eq!(
            said,
            [
                ("new_coverage", Severity::High),
                ("bugs", Severity::Medium),
                ("y", Severity::Unknown),
                ("", Severity::Unknown)
            ]
        );
        assert_eq!(read.findings[0].title.as_str(), "new_coverage is 71.5 and must be at least 80");
        assert_eq!(read.findings[1].title.as_str(), "bugs is 4 and must be at most 3");
        assert!(read.report.problems.is_empty());
    }

    #[test]
    fn the_status_counts_also_without_a_condition() {
        let high = gate(r#""status":"ERROR","conditions":[{"status":"OK","metricKey":"a"}]"#);
        assert_eq!(high.findings.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::High]);
        assert_eq!(gate(r#""status":"error""#).findings.len(), 1);
        let ok = gate(r#""status":"OK","conditions":[]"#);
        assert!(ok.error.is_none() && ok.findings.is_empty() && ok.report.problems.is_empty());
        assert!(gate(r#""status":"NONE","conditions":[]"#).report.failed.is_some());
    }

    #[test]
    fn what_says_no_status_is_refused() {
        for inside in [
            r#""status":"FINE""#,
            r#""status":null"#,
            r#""conditions":[]"#,
            r#""status":"OK","conditions":null"#,
            r#""status":"OK","conditions":["ERROR"]"#,
            r#""status":"OK","status":"OK""#,
        ] {
            assert!(gate(inside).error.is_some(), "{inside}");
        }
        for text in [r#"{"projectStatus":[]}"#, "{}", r#"{"errors":[{"msg":"x"}]}"#, "[]"] {
            assert!(read_as("sonarqube-qualitygate", text).error.is_some(), "{text}");
        }
        assert_eq!(gate(r#""status":"OK","condition":[{"status":"ERROR"}]"#).report.problems.len(), 1);
    }
}

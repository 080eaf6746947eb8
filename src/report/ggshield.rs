//! ggshield's `secret scan … --json` (`GitGuardian`), 1.x.
//!
//! Source of the shapes: `verticals/secret/output/schemas.py` and `secret_json_output_handler.py`. A scan holds
//! files with incidents, further scans (one for each commit), and since 1.3x what could not be scanned. Lists
//! that would be empty are left out, the totals never. One incident is one value in one file, however often it
//! occurs. `ggshield iac scan` writes similar keys without `total_occurrences`; it is refused.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::field::suppress;
use super::json::{Json, JsonKind, shapes};
use super::reading::ReportContext;
use super::secret::{Leak, unknown, without_credentials};
use super::value::{LineNumber, Loose, ReportWord};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding};

/// ggshield JSON.
pub(super) static FORMAT: Format = Format {
    id: "ggshield",
    title: "ggshield secret scan JSON: credentials in code and history",
    tool: "ggshield",
    tried: "1",
    signals: &[
        "`errors`",
        "`total_incidents` above what is listed, or missing",
        "`scans` empty: nothing scanned",
    ],
    unrated: true,
    categories: &[Category::Secret],
    attributes: &[Attribute::Verified],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let scan = |m: &Member| {
        m.has_kind("entities_with_incidents", JsonKind::Array)
            || m.has_kind("total_incidents", JsonKind::Number)
                && m.has_kind("total_occurrences", JsonKind::Number)
    };
    opening.is_object() && (scan(&opening.top) || opening.get("scans").is_some_and(scan))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    let seen = scan(json, reading)?;
    if seen.no_scan && seen.incidents == 0 {
        reading.nothing_scanned("nothing was scanned (scans is empty)");
    }
    if seen.occurrences {
        Ok(())
    } else {
        Err(json.shape("a ggshield secret scan says its `total_occurrences`"))
    }
}

struct GgshieldSections {
    /// Incidents in this scan and in those within.
    incidents: u64,
    /// The scan gives the number of occurrences.
    occurrences: bool,
    /// It was to hold further scans, and holds none.
    no_scan: bool,
}

fn scan(json: &mut Json, reading: &mut Reading<'_>) -> Result<GgshieldSections, ReadError> {
    let mut seen = GgshieldSections { incidents: 0, occurrences: false, no_scan: false };
    let mut stated = None;
    let place = json.path_text();
    json.object(|json, key| match key {
        "entities_with_incidents" => json.array(|json, _| {
            seen.incidents += entity(json, reading)?;
            Ok(())
        }),
        "scans" => {
            seen.no_scan = true;
            json.array(|json, _| {
                seen.no_scan = false;
                seen.incidents += scan(json, reading)?.incidents;
                Ok(())
            })
        }
        "errors" => {
            json.array(|json, _| json.item::<GgshieldError<'static>, _>(|fault| fault.add_problem(reading)))
        }
        "total_incidents" => json.with_value::<Value, _>(|total| stated = total.as_u64()),
        "total_occurrences" => json.with_value::<Value, _>(|total| seen.occurrences = total.is_u64()),
        "id" | "type" | "extra_info" | "secrets_engine_version" => json.skip(),
        _ => unknown(json, reading),
    })?;
    agree(stated, seen.incidents, &place, reading);
    Ok(seen)
}

/// Reads a file's incidents and gives their number.
fn entity(json: &mut Json, reading: &mut Reading<'_>) -> Result<u64, ReadError> {
    let place = json.path_text();
    let known = reading.known(&place).map(str::to_owned);
    let mut file: Option<String> = None;
    let mut path = String::new();
    let mut stated = None;
    let mut incidents = None;
    json.object(|json, key| match key {
        "filename" => json.with_value::<Value, _>(|name| file = name.as_str().map(str::to_owned)),
        "incidents" => {
            let count = incidents.insert(0);
            path = file.clone().or_else(|| known.clone()).unwrap_or_default();
            json.array(|json, _| {
                match json
                    .item::<Incident<'static>, _>(|incident| incident.finding(&path, reading.context()))?
                {
                    Some(finding) => reading.finding(finding),
                    None => {
                        return Err(json.shape(
                            "no incident of a secret scan: it has no `type`, and `ggshield iac` is not read",
                        ));
                    }
                }
                *count += 1;
                Ok(())
            })
        }
        "total_incidents" => json.with_value::<Value, _>(|total| stated = total.as_u64()),
        "mode" | "total_occurrences" => json.skip(),
        _ => unknown(json, reading),
    })?;
    let Some(count) = incidents else {
        return Err(json.shape("a file with incidents has a list `incidents`"));
    };
    if let Some(file) = file.filter(|file| *file != path) {
        reading.late(place.clone(), &file);
    }
    agree(stated, count, &place, reading);
    Ok(count)
}

/// The number that the report states must be the number that it holds.
fn agree(stated: Option<u64>, counted: u64, place: &str, reading: &mut Reading<'_>) {
    let place = if place.is_empty() { "the report" } else { place };
    match stated {
        Some(total) if total == counted => {}
        Some(total) => {
            let message = format!("{place} holds {counted} incidents, its total_incidents is {total}");
            reading.problem(ProblemKind::Scan, &message, None);
        }
        None => {
            reading.problem(ProblemKind::Scan, &format!("{place} does not say its total_incidents"), None);
        }
    }
}

shapes!(Incident, GgshieldError);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Incident<'a> {
    #[serde(borrow, rename = "type")]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    policy: ReportWord<'a>,
    policy_id: Loose<IgnoredAny>,
    #[serde(borrow)]
    validity: ReportWord<'a>,
    #[serde(borrow)]
    occurrences: Loose<Vec<Occurrence<'a>>>,
    ignore_reason: Loose<Value>,
    is_ignored: Loose<bool>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Occurrence<'a> {
    #[serde(borrow, rename = "match")]
    matched: ReportWord<'a>,
    line_start: LineNumber,
    line_end: LineNumber,
}

impl Incident<'_> {
    /// `None` if it is no incident of a secret scan.
    fn finding(&self, path: &str, around: ReportContext<'_>) -> Option<Finding> {
        if self.policy_id.given || self.kind.0.is_none() && self.policy.0.is_none() && !self.occurrences.given
        {
            return None;
        }
        let occurrences = self.occurrences.value.as_deref().unwrap_or_default();
        let values: Vec<&str> = occurrences.iter().map(|o| o.matched.as_str()).collect();
        let leak = Leak {
            tool: FORMAT.tool,
            rule: self.kind.as_str(),
            title: if self.kind.as_str().is_empty() { self.policy.as_str() } else { "" },
            path,
            lines: occurrences.first().map_or((None, None), |o| (o.line_start.0, o.line_end.0)),
            values: &values,
            text: "",
        };
        let mut finding = leak.finding(around);
        finding.verified = match self.validity.as_str() {
            "valid" => Some(true),
            "invalid" => Some(false),
            // no_checker, failed_to_check, not_checked, unknown
            _ => None,
        };
        // An object `{kind, detail}`, or null; nothing else takes a finding away.
        let ignored = match &self.ignore_reason.value {
            Some(Value::Object(reason)) if !reason.is_empty() => {
                Some(reason.get("kind").and_then(Value::as_str).unwrap_or_default())
            }
            Some(Value::String(reason)) if !reason.trim().is_empty() => Some(""),
            _ => self.is_ignored.value.filter(|&ignored| ignored).map(|_| ""),
        };
        if let Some(kind) = ignored {
            let plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' ');
            let kind = Some(kind).filter(|kind| kind.chars().all(plain)).unwrap_or_default();
            suppress(&mut finding, format!("ignored by ggshield {kind}").trim_end(), &[]);
        }
        Some(finding)
    }
}

/// Files that could not be scanned.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GgshieldError<'a> {
    #[serde(borrow)]
    description: ReportWord<'a>,
    #[serde(borrow)]
    files: Loose<Vec<GgshieldFile<'a>>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct GgshieldFile<'a> {
    #[serde(borrow)]
    filename: ReportWord<'a>,
}

impl GgshieldError<'_> {
    fn add_problem(&self, reading: &mut Reading<'_>) {
        let message = format!("errors: {}", without_credentials(self.description.as_str()));
        let files = self.files.value.as_deref().unwrap_or_default();
        for file in files {
            reading.problem(
                ProblemKind::Scan,
                &message,
                Some(file.filename.as_str()).filter(|f| !f.is_empty()),
            );
        }
        if files.is_empty() {
            reading.problem(ProblemKind::Scan, &message, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_sound, read_text};

    const INCIDENT: &str = r#"{"policy":"Secrets detection","occurrences":[{"match":"&dtz*****ji5","type":"apikey","line_start":23,"line_end":24}],
        "type":"Django Secret Key","validity":"valid","ignore_sha":"06b15f","total_occurrences":1,"ignore_reason":null}"#;

    fn file(incidents: &str, total: u64) -> String {
        format!(
            r#"{{"mode":"NEW","filename":"web/settings.py","incidents":[{incidents}],"total_incidents":{total},"total_occurrences":1}}"#
        )
    }

    fn report(body: &str, total: u64) -> String {
        format!(
            r#"{{"id":"x","type":"path_scan",{body}"total_incidents":{total},"total_occurrences":{total}}}"#
        )
    }

    #[test]
    fn incidents_at_every_depth() {
        let direct = format!(r#""entities_with_incidents":[{}],"#, file(INCIDENT, 1));
        let nested = format!(r#""scans":[{},{}],"#, report(&direct, 1), report("", 0));
        for text in [
            report(&direct, 1),
            report(&nested, 1),
            report(&format!(r#""scans":[{}],"#, report(&nested, 1)), 1),
        ] {
            let read = read_sound("ggshield", &text);
            assert!(read.report.problems.is_empty(), "{:?}", read.report.problems);
            let [finding] = read.findings.as_slice() else { panic!("{text}") };
            assert_eq!(
                (finding.rule_id.as_str(), finding.path()),
                ("Django Secret Key", Some("web/settings.py"))
            );
            assert_eq!(finding.location.as_ref().unwrap().line, Some(23));
            assert_eq!((finding.verified, finding.suppressed), (Some(true), false));
            let shown = format!("{:?}", read.findings);
            assert!(!shown.contains("dtz") && !shown.contains("06b15f"));
        }
        let clean = read_sound("ggshield", &report("", 0)).report;
        assert!(clean.problems.is_empty() && clean.nothing_scanned.is_none());
        assert!(read_sound("ggshield", &report(r#""scans":[],"#, 0)).report.nothing_scanned.is_some());
    }

    #[test]
    fn the_files_name_may_come_after_its_incidents() {
        let entity = format!(r#"{{"incidents":[{INCIDENT}],"total_incidents":1,"filename":"late.py"}}"#);
        let read = read_sound("ggshield", &report(&format!(r#""entities_with_incidents":[{entity}],"#), 1));
        assert_eq!(read.findings.len(), 1);
        assert_eq!(read.findings[0].path(), Some("late.py"));
    }

    #[test]
    fn ignored_incidents_are_suppressed() {
        for (from, to, suppressed) in [
            ("\"ignore_reason\":null", r#""ignore_reason":{"kind":"known_secret"}"#, true),
            ("\"ignore_reason\":null", r#""is_ignored":true"#, true),
            ("\"ignore_reason\":null", r#""ignore_reason":"""#, false),
            ("\"ignore_reason\":null", r#""ignore_reason":true"#, false),
            ("\"ignore_reason\":null", r#""is_ignored":"true""#, false),
        ] {
            let text = report(
                &format!(r#""entities_with_incidents":[{}],"#, file(&INCIDENT.replace(from, to), 1)),
                1,
            );
            let read = read_sound("ggshield", &text);
            assert_eq!(read.findings[0].suppressed, suppressed, "{to}");
            assert!(read.report.problems.is_empty());
        }
    }

    #[test]
    fn what_was_not_scanned_or_does_not_add_up_is_told() {
        let direct = format!(r#""entities_with_incidents":[{}],"#, file(INCIDENT, 1));
        for (text, problems) in [
            (report(&direct, 2), 1),
            (report(&direct.replace("entities_with_incidents", "entities_with_incidentt"), 1), 2),
            (report(&format!(r#""entities_with_incidents":[{}],"#, file(INCIDENT, 3)), 1), 1),
            (
                report(&direct, 1).replacen(
                    "total_incidents\":1,\"total_occurrences\":1}",
                    "total\":1,\"total_occurrences\":1}",
                    1,
                ),
                1,
            ),
            (
                report(
                    r#""errors":[{"files":[{"filename":"big.bin","mode":"FILE"}],"description":"too large"}],"#,
                    0,
                ),
                1,
            ),
        ] {
            assert_eq!(read_text(&text).report.problems.len(), problems, "{text}");
        }
    }

    #[test]
    fn an_iac_scan_and_broken_lists_are_refused() {
        for body in [
            r#""entities_with_incidents":[{"filename":"a.tf","incidents":[{"policy":"x","policy_id":"GG_IAC_0001"}],"total_incidents":1}],"#,
            r#""entities_with_incidents":null,"#,
            r#""entities_with_incidents":{"new":[]},"#,
            r#""entities_with_incidents":[{"filename":"a"}],"#,
            r#""entities_with_incidents":[{"filename":"a","incidents":[{}]}],"#,
            r#""scans":{},"#,
        ] {
            assert!(read_as("ggshield", &report(body, 1)).error.is_some(), "{body}");
        }
        assert!(
            read_as(
                "ggshield",
                r#"{"id":"x","type":"path_scan","total_incidents":0,"entities_with_incidents":[]}"#
            )
            .error
            .is_some()
        );
    }
}

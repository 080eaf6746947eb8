//! KICS's JSON report (Checkmarx, `kics scan --report-formats json`), 1.x and 2.x.
//!
//! Source of the shapes: `pkg/model/summary.go`. One finding is one file of one query. `bill_of_materials` lists
//! resources, not findings. Keys, values and similarity ids of a finding may hold what the file says, so they are
//! used for the fingerprint only, and of queries about secrets not at all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::credential_rule::is_about_secrets;
use super::field::{first_of, number, text};
use super::json::{Json, JsonKind, shapes};
use super::reading::parse_time;
use super::secret::unknown;
use super::value::{LineNumber, ReportWord, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// KICS JSON.
pub(super) static FORMAT: Format = Format {
    id: "kics",
    title: "KICS JSON: misconfigurations of infrastructure as code",
    tool: "kics",
    tried: "2.1.10",
    signals: &[
        "`files_failed_to_scan`, `queries_failed_to_execute`, `queries_failed_to_compute_similarity_id`",
        "`files_parsed` below `files_scanned`",
        "counters above what is listed",
        "`queries_total` or `files_scanned` 0: nothing scanned",
    ],
    categories: &[Category::Misconfiguration, Category::Secret],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys of a report, beside `queries`.
const KEYS: [&str; 12] = [
    "kics_version",
    "files_scanned",
    "files_parsed",
    "files_failed_to_scan",
    "lines_scanned",
    "lines_parsed",
    "queries_total",
    "queries_failed_to_execute",
    "queries_failed_to_compute_similarity_id",
    "severity_counters",
    "total_counter",
    "total_bom_resources",
];

fn looks_like(opening: &Opening) -> bool {
    let own = KEYS.iter().filter(|key| opening.has(key)).count();
    match opening.get("queries") {
        Some(queries) if queries.lists_objects() => {
            own >= 2
                || queries.has_kind("files", JsonKind::Array)
                    && (queries.has("query_id") || queries.has("query_name"))
        }
        Some(queries) => queries.kind == Some(JsonKind::Array) && own >= 2,
        // A list of resources may stand before it.
        None => !opening.whole && own >= 2,
    }
}

#[derive(Default)]
struct KicsSections {
    queries: bool,
    found: u64,
    /// Absolute paths that were scanned.
    paths: Vec<String>,
    scanned: Option<u64>,
    parsed: Option<u64>,
    total: Option<u64>,
    /// Queries that were to be run.
    run: Option<u64>,
    /// Findings by the severity of their query, in capitals: as counted, and as listed.
    counters: Option<BTreeMap<String, u64>>,
    listed: BTreeMap<String, u64>,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Misconfiguration);
    let mut seen =
        KicsSections { paths: lines(reading.known("paths").unwrap_or_default()), ..KicsSections::default() };
    json.object(|json, key| match key {
        "queries" => {
            seen.queries = true;
            json.array(|json, _| {
                let (word, count) = query(json, reading, &seen.paths)?;
                seen.found += count;
                *seen.listed.entry(word).or_default() += count;
                Ok(())
            })
        }
        "paths" if json.kind()? == JsonKind::Array => {
            let mut paths = String::new();
            json.array(|json, index| {
                let path = text(json)?;
                if index < MAX_PATHS {
                    paths.push_str(&path.replace('\n', " "));
                    paths.push('\n');
                }
                Ok(())
            })?;
            seen.paths = lines(&paths);
            if seen.found > 0 && !seen.paths.is_empty() {
                reading.late("paths".to_owned(), &paths);
            }
            Ok(())
        }
        "files_scanned" => number(json).map(|n| seen.scanned = n),
        "files_parsed" => number(json).map(|n| seen.parsed = n),
        "total_counter" => number(json).map(|n| seen.total = n),
        "queries_total" => number(json).map(|n| seen.run = n),
        // Lines that a comment `kics-scan ignore…` switches off.
        "lines_ignored" => {
            number(json).map(|n| reading.hidden(FORMAT.tool, "lines_ignored", None, n.unwrap_or_default()))
        }
        "severity_counters" if json.kind()? == JsonKind::Object => {
            let counters = seen.counters.insert(BTreeMap::new());
            json.object(|json, word| {
                counters.insert(word.trim().to_ascii_uppercase(), number(json)?.unwrap_or_default());
                Ok(())
            })
        }
        "files_failed_to_scan" => failures(json, reading, ProblemKind::Parse),
        "queries_failed_to_execute" | "queries_failed_to_compute_similarity_id" => {
            failures(json, reading, ProblemKind::Rule)
        }
        "kics_version" => text(json).map(|version| reading.version(&version)),
        // Go's zero time is how a scan says that it noted none.
        "start" => {
            seen.began = parse_time(&text(json)?).filter(|time| time.as_second() > 0);
            Ok(())
        }
        "end" => {
            let end = text(json)?;
            if !end.starts_with("0001-01-01T") {
                reading.generated(&end);
                seen.ended = parse_time(&end);
            }
            Ok(())
        }
        "bill_of_materials" => json.skip(),
        _ => unknown(json, reading),
    })?;
    reading.ran(seen.began, seen.ended);
    if !seen.queries {
        return Err(json.shape("a KICS report has a list `queries`"));
    }
    if let (Some(scanned), Some(parsed)) = (seen.scanned, seen.parsed)
        && parsed < scanned
    {
        let message = format!("files_parsed is {parsed}, files_scanned is {scanned}");
        reading.problem(ProblemKind::Parse, &message, None);
    }
    if let Some(total) = seen.total.filter(|total| *total != seen.found) {
        let message = format!("total_counter is {total}, and the report lists {}", seen.found);
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if let Some((word, counted, listed)) = seen.miscounted() {
        let message = format!("severity_counters: {word} is {counted}, and the report lists {listed}");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if seen.scanned == Some(0) && seen.found == 0 {
        reading.nothing_scanned("no file was scanned (files_scanned is 0)");
    } else if seen.run == Some(0) && seen.found == 0 {
        reading.nothing_scanned("nothing was looked for (queries_total is 0)");
    }
    Ok(())
}

impl KicsSections {
    /// A severity of which another number is counted than is listed. What is no severity of findings (`TRACE`, the bill
    /// of materials) is counted elsewhere.
    fn miscounted(&self) -> Option<(&str, u64, u64)> {
        let counters = self.counters.as_ref()?;
        let of = |counts: &BTreeMap<String, u64>, word| counts.get(word).copied().unwrap_or_default();
        ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]
            .into_iter()
            .filter(|_| !counters.is_empty())
            .map(|word| (word, of(counters, word), of(&self.listed, word)))
            .find(|(_, counted, listed)| counted != listed)
    }
}

/// Most scanned paths that are remembered.
const MAX_PATHS: usize = 64;

/// The absolute paths of a list.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|path| path.trim_end_matches('/').to_owned())
        .filter(|path| path.starts_with('/'))
        .collect()
}

/// A file's path, which KICS writes relative to the folder that it was started in: `../../path/main.tf` in its
/// container. What lies below a scanned path is told relative to the project's root or to that path.
fn below<'f>(file: &'f str, scanned: &[String], roots: &[String]) -> Cow<'f, str> {
    let mut rest = file;
    while let Some(parent) = rest.strip_prefix("../") {
        rest = parent;
    }
    let inside = |folder: &str| {
        let left = rest.strip_prefix(folder.trim_matches('/'))?;
        (left.is_empty() || left.starts_with('/')).then_some(left)
    };
    let Some(left) = scanned.iter().filter(|_| rest != file).find_map(|folder| inside(folder)) else {
        return Cow::Borrowed(file);
    };
    if roots.iter().any(|root| root.starts_with('/') && inside(root).is_some()) {
        return Cow::Owned(format!("/{rest}"));
    }
    // A single file that was scanned.
    Cow::Borrowed(if left.is_empty() { rest.rsplit('/').next().unwrap_or(rest) } else { left })
}

/// A count that is 0 in a whole scan.
fn failures(json: &mut Json, reading: &mut Reading<'_>, kind: ProblemKind) -> Result<(), ReadError> {
    let name = json.path_text();
    match number(json)? {
        Some(0) => {}
        Some(count) => reading.problem(kind, &format!("{name} is {count}"), None),
        None => reading.problem(kind, &format!("{name} is no number"), None),
    }
    Ok(())
}

/// Parts shared by all findings of a query.
#[derive(Default)]
struct Query {
    id: String,
    name: String,
    severity: String,
    category: String,
    description: String,
    cwe: String,
}

/// Reads a query and gives the word of its severity, in capitals, and the number of its findings.
fn query(json: &mut Json, reading: &mut Reading<'_>, scanned: &[String]) -> Result<(String, u64), ReadError> {
    let place = json.path_text();
    let known = |key: &str| reading.known(&format!("{place}.{key}")).unwrap_or_default().to_owned();
    let mut query = Query {
        id: known("query_id"),
        name: known("query_name"),
        severity: known("severity"),
        category: known("category"),
        description: known("description"),
        cwe: known("cwe"),
    };
    let mut count = None;
    json.object(|json, key| {
        let fact = match key {
            "query_id" => &mut query.id,
            "query_name" => &mut query.name,
            "severity" => &mut query.severity,
            "category" => &mut query.category,
            "description" => &mut query.description,
            "cwe" => &mut query.cwe,
            "files" => {
                let count = count.insert(0);
                return json.array(|json, _| {
                    let finding = json.item::<KicsResult<'static>, _>(|item| {
                        item.finding(&query, scanned, reading.roots())
                    })?;
                    reading.finding(finding);
                    *count += 1;
                    Ok(())
                });
            }
            _ => return unknown(json, reading),
        };
        *fact = text(json)?;
        if count.is_some() && !fact.is_empty() {
            reading.late(json.path_text(), fact);
        }
        Ok(())
    })?;
    let Some(count) = count else {
        return Err(json.shape("a query has a list `files`"));
    };
    if query.id.is_empty() && query.name.is_empty() {
        return Err(json.shape("no KICS query: it has neither `query_id` nor `query_name`"));
    }
    Ok((query.severity.trim().to_ascii_uppercase(), count))
}

fn severity(word: &str) -> Severity {
    if word.trim().eq_ignore_ascii_case("TRACE") { Severity::Info } else { Severity::plain(word) }
}

shapes!(KicsResult);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct KicsResult<'a> {
    #[serde(borrow)]
    file_name: ReportWord<'a>,
    line: LineNumber,
    #[serde(borrow)]
    similarity_id: ReportWord<'a>,
    #[serde(borrow)]
    resource_type: ReportWord<'a>,
    #[serde(borrow)]
    resource_name: ReportWord<'a>,
    #[serde(borrow)]
    search_key: ReportWord<'a>,
    #[serde(borrow)]
    search_value: ReportWord<'a>,
}

impl KicsResult<'_> {
    fn finding(&self, query: &Query, scanned: &[String], roots: &[String]) -> Finding {
        let rule = first_of(&[&query.id, &query.name]);
        let of_secrets = query.category.trim().eq_ignore_ascii_case("Secret Management");
        let category = if of_secrets { Category::Secret } else { Category::Misconfiguration };
        let mut finding = Finding::new(category, FORMAT.tool, rule, severity(&query.severity));
        finding.native_severity = Some(Text::line(&query.severity)).filter(|word| !word.is_empty());
        if rule != query.name && !query.name.is_empty() {
            finding.rule_aliases.push(Text::line(&query.name));
        }
        finding.cwes = cwe_numbers([query.cwe.as_str()]);
        finding.title = Text::line(first_of(&[&query.name, &query.description, &query.id]));
        finding.location =
            Location::new(&below(self.file_name.as_str(), scanned, roots), self.line.0, None, roots);
        let secret = of_secrets || is_about_secrets(&query.name, &finding.cwes);
        finding.may_hold_secret |= secret;
        let build = FingerprintBuilder::new(category.as_str()).part(rule);
        let (key, value) = (self.search_key.as_str(), self.search_value.as_str());
        if !secret && key.is_empty() && self.similarity_id.as_str().is_empty() {
            finding.bind_to_code();
        }
        finding.identify(if secret {
            build
        } else {
            let build = build.part(self.resource_type.as_str()).part(self.resource_name.as_str());
            // The similarity id depends on the folder that the scan was started in.
            if key.is_empty() { build.part(self.similarity_id.as_str()) } else { build.part(key).part(value) }
        });
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Generated;
    use crate::report::testing::{read_as, read_sound};

    const FILE: &str = r#"{"file_name":"../../src/s3.tf","similarity_id":"da14","line":36,"resource_type":"aws_s3_bucket_policy","resource_name":"logs",
        "issue_type":"IncorrectValue","search_key":"aws_s3_bucket_policy[logs].policy","search_line":36,"search_value":"","expected_value":"e","actual_value":"a"}"#;

    fn query(files: &str) -> String {
        format!(
            r#"{{"query_name":"S3 Bucket Open","query_id":"7af43613","query_url":"https://kics.invalid","severity":"HIGH","platform":"Terraform",
                "cwe":"284","category":"Access Control","experimental":false,"description":"d","files":[{files}]}}"#
        )
    }

    fn report(queries: &str, total: u64) -> String {
        format!(
            r#"{{"kics_version":"v2.1.3","files_scanned":3,"lines_scanned":90,"files_parsed":3,"files_failed_to_scan":0,"queries_total":800,
                "queries_failed_to_execute":0,"scan_id":"console","severity_counters":{{"HIGH":{total}}},"total_counter":{total},
                "total_bom_resources":0,"start":"2026-06-01T10:00:00.1Z","end":"2026-06-01T10:00:09.1Z","paths":["/path"],"queries":[{queries}]}}"#
        )
    }

    #[test]
    fn without_a_query_nothing_was_looked_for() {
        let none = report("", 0).replace("\"queries_total\":800", "\"queries_total\":0");
        assert!(read_sound("kics", &none).report.nothing_scanned.is_some());
        assert!(read_sound("kics", &report("", 0)).report.nothing_scanned.is_none());
    }

    #[test]
    fn counters_agree_with_what_is_listed() {
        let one = report(&query(FILE), 1);
        let said = |text: &str| read_sound("kics", text).report.problems_total;
        assert_eq!(said(&one), 0);
        for counters in [r#"{"HIGH":2}"#, r#"{"HIGH":1,"CRITICAL":1}"#, r#"{"LOW":1}"#, r#"{"HIGH":0}"#] {
            assert_eq!(said(&one.replace(r#"{"HIGH":1}"#, counters)), 1, "{counters}");
        }
        for counters in ["{}", r#"{"high":1,"TRACE":4}"#, r#"{"HIGH":1,"LOW":0}"#] {
            assert_eq!(said(&one.replace(r#"{"HIGH":1}"#, counters)), 0, "{counters}");
        }
    }

    #[test]
    fn one_finding_for_each_file_of_a_query() {
        let read = read_sound("kics", &report(&query(&format!("{FILE},{FILE}")), 2));
        assert!(read.report.problems.is_empty(), "{:?}", read.report.problems);
        assert!(matches!(read.report.generated, Generated::At(_)));
        assert_eq!(read.findings.len(), 2);
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("7af43613", Severity::High));
        assert_eq!((finding.title.as_str(), finding.cwes.as_slice()), ("S3 Bucket Open", &[284][..]));
        assert_eq!(finding.location.as_ref().unwrap().line, Some(36));
        let trace = report(&query(FILE).replace("HIGH", "TRACE"), 1);
        assert_eq!(read_sound("kics", &trace).findings[0].severity, Severity::Info);
    }

    #[test]
    fn what_a_query_says_may_come_after_its_files() {
        let sorted: serde_json::Value = serde_json::from_str(&report(&query(FILE), 1)).unwrap();
        let (one, two) =
            (read_sound("kics", &report(&query(FILE), 1)), read_sound("kics", &sorted.to_string()));
        assert_eq!(one.findings, two.findings);
        let paths = r#""paths":["/path"],"#;
        let text = report(&query(&FILE.replace("/src", "/path")), 1).replace(paths, "");
        let text = format!("{},{}}}", text.trim_end_matches('}'), paths.trim_end_matches(','));
        assert_eq!(read_sound("kics", &text).findings[0].path(), Some("s3.tf"));
    }

    #[test]
    fn paths_are_those_of_the_project() {
        let scanned = ["/path".to_owned(), "/builds/api/deploy".to_owned(), "/x/Dockerfile".to_owned()];
        let roots = ["/builds/api".to_owned()];
        for (file, is) in [
            ("../../path/deploy/main.tf", "/deploy/main.tf"),
            ("../../builds/api/deploy/main.tf", "/builds/api/deploy/main.tf"),
            ("../../x/Dockerfile", "Dockerfile"),
            ("../../paths/main.tf", "../../paths/main.tf"),
            ("path/main.tf", "path/main.tf"),
        ] {
            assert_eq!(below(file, &scanned, &roots), is, "{file}");
        }
        let text = report(&query(&FILE.replace("../../src", "../../path/src")), 1);
        assert_eq!(read_sound("kics", &text).findings[0].path(), Some("src/s3.tf"));
    }

    #[test]
    fn what_was_not_scanned_or_does_not_add_up_is_told() {
        let whole = report(&query(FILE), 1);
        for (from, to, kind) in [
            ("\"files_parsed\":3", "\"files_parsed\":2", ProblemKind::Parse),
            ("\"files_failed_to_scan\":0", "\"files_failed_to_scan\":1", ProblemKind::Parse),
            ("\"files_failed_to_scan\":0", "\"files_failed_to_scan\":0.5", ProblemKind::Parse),
            ("\"queries_failed_to_execute\":0", "\"queries_failed_to_execute\":2", ProblemKind::Rule),
            (
                "\"queries_failed_to_execute\":0",
                "\"queries_failed_to_compute_similarity_id\":1",
                ProblemKind::Rule,
            ),
            ("\"total_counter\":1", "\"total_counter\":2", ProblemKind::Scan),
            ("\"paths\":[", "\"queriet\":[{}],\"paths\":[", ProblemKind::Scan),
        ] {
            let problems = read_sound("kics", &whole.replace(from, to)).report.problems;
            assert_eq!(problems.iter().map(|p| p.kind).collect::<Vec<_>>(), [kind], "{to}");
        }
        let empty = report("", 0).replace("\"files_scanned\":3", "\"files_scanned\":0");
        assert!(read_sound("kics", &empty).report.nothing_scanned.is_some());
        assert!(read_sound("kics", &report("", 0)).report.nothing_scanned.is_none());
    }

    #[test]
    fn nothing_of_a_secret_is_kept() {
        let of = |value: &str| {
            let file = FILE.replace("[logs].policy", &format!("={{{{{value}}}}}")).replace("da14", value);
            let text = report(&query(&file).replace("Access Control", "Secret Management"), 1);
            read_sound("kics", &text).findings.remove(0)
        };
        assert_eq!(of("hunter2").fingerprint, of("correct horse").fingerprint);
        assert_eq!(of("hunter2").category, Category::Secret);
        assert!(!format!("{:?}", of("hunter2")).contains("hunter2"));
    }

    #[test]
    fn broken_lists_are_refused() {
        for text in [
            report("null", 0),
            report("{}", 0),
            report(&query("null"), 1),
            report(&query(FILE), 1).replace("\"files\":[", "\"filet\":["),
            report("", 0).replace("\"queries\":[]", "\"queries\":null"),
            report("", 0).replace("\"queries\":[]", "\"querie\":[]"),
            report(&query(FILE), 1).replace("query_", "Query_"),
        ] {
            assert!(read_as("kics", &text).error.is_some(), "{text}");
        }
    }
}

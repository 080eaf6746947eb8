//! Checkov's JSON report (`checkov -o json`), 1.x to 3.x.
//!
//! Source of the shapes: `common/output/report.py`, `record.py`, `common/runners/runner_registry.py`,
//! `common/sca/output.py`, `secrets/runner.py`. One framework gives an object, several give an array of them, none gives
//! a bare summary. `--quiet` lists failed checks alone. A `resource` of a secrets check is a digest of the secret;
//! `code_block`, `evaluations` and `fixed_definition` hold source. None of them is kept.

use serde::Deserialize;

use super::excerpt::without_quotes;
use super::field::{first_of, number, suppress, text};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, OptionalObject, ReportWord};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Finding, FingerprintBuilder, Fix, Location, Package, Severity, Sighting, Text,
    is_hex,
};

/// Checkov JSON.
pub(super) static FORMAT: Format = Format {
    id: "checkov",
    title: "Checkov JSON: misconfigurations of infrastructure as code, credentials, vulnerable packages",
    tool: "checkov",
    tried: "1.0.467 to 3.3.30",
    signals: &[
        "`parsing_errors`",
        "no check of any outcome: nothing scanned",
        "`summary.failed` differs from what is listed",
    ],
    categories: &[Category::Misconfiguration, Category::Secret, Category::Vulnerability],
    attributes: &[Attribute::Fix, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Lists of checks.
const CHECKS: [&str; 3] = ["failed_checks", "passed_checks", "skipped_checks"];

fn looks_like(opening: &Opening) -> bool {
    if let Some(first) = opening.first_element() {
        return is_report(first, opening.whole);
    }
    let counts = ["passed", "failed", "skipped"].iter().all(|key| opening.has(key));
    opening.is_object()
        && (is_report(&opening.top, opening.whole) || counts && opening.has("checkov_version"))
}

fn is_report(member: &Member, whole: bool) -> bool {
    match member.get("results") {
        Some(results) => CHECKS.iter().any(|key| results.has_kind(key, JsonKind::Array)),
        None => !whole && member.get("summary").is_some_and(|m| m.has("checkov_version")),
    }
}

/// Category of the findings of a framework.
fn category(check_type: &str) -> Category {
    match check_type.trim().to_ascii_lowercase().as_str() {
        "secrets" => Category::Secret,
        "sca_package" | "sca_image" => Category::Vulnerability,
        _ => Category::Misconfiguration,
    }
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut checked = 0;
    match json.kind()? {
        JsonKind::Array => json.array(|json, _| {
            checked += report(json, reading)?;
            Ok(())
        })?,
        _ => checked += report(json, reading)?,
    }
    if checked == 0 {
        reading.nothing_scanned("no check was made (no passed, failed or skipped check)");
    }
    Ok(())
}

/// Content of a summary; `None` where it says nothing, or no number.
#[derive(Default)]
struct CheckovSummary {
    given: bool,
    passed: Option<u64>,
    failed: Option<u64>,
    skipped: Option<u64>,
    parsing_errors: Option<u64>,
}

impl CheckovSummary {
    /// Takes one of its keys; false for a key that it does not have.
    fn take_key(&mut self, json: &mut Json, reading: &mut Reading<'_>, key: &str) -> Result<bool, ReadError> {
        match key {
            "passed" => self.passed = number(json)?,
            "failed" => self.failed = number(json)?,
            "skipped" => self.skipped = number(json)?,
            // Without underscores in versions around 2.1.
            "parsing_errors" | "parsingerrors" => self.parsing_errors = number(json)?,
            "resource_count" | "resourcecount" => json.skip()?,
            "checkov_version" => reading.version(&text(json)?),
            _ => return Ok(false),
        }
        self.given = true;
        Ok(true)
    }
}

/// Lists of a report.
#[derive(Default)]
struct CheckovLists {
    failed: Option<u64>,
    passed: u64,
    skipped: u64,
    parsing_errors: Option<u64>,
}

/// One framework's report, or a bare summary; gives the number of checks that were made.
fn report(json: &mut Json, reading: &mut Reading<'_>) -> Result<u64, ReadError> {
    let place = json.path_text();
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let fact = format!("{place}check_type");
    let mut check_type = reading.known(&fact).unwrap_or_default().to_owned();
    let mut listed = None;
    let mut summary = CheckovSummary::default();
    let mut bare = CheckovSummary::default();
    json.object(|json, key| match key {
        "results" => {
            listed = Some(results(json, reading, category(&check_type))?);
            Ok(())
        }
        "check_type" => {
            let said = text(json)?;
            // It may stand behind the results, which need it.
            if listed.is_some() && category(&said) != category(&check_type) {
                reading.late(fact.clone(), &said);
            }
            check_type = said;
            Ok(())
        }
        "summary" => {
            json.object(|json, key| if summary.take_key(json, reading, key)? { Ok(()) } else { json.skip() })
        }
        "url" | "support_path" => json.skip(),
        key => {
            if bare.take_key(json, reading, key)? {
                Ok(())
            } else {
                unknown(json, reading)
            }
        }
    })?;
    reading.covers(category(&check_type));
    let Some(listed) = listed else {
        return if bare.given && bare.failed == Some(0) {
            not_parsed(reading, &place, bare.parsing_errors, 0);
            Ok(0)
        } else if bare.given {
            Err(json.shape("a summary without `results` that does not say that 0 checks failed"))
        } else {
            Err(json.shape("a Checkov report has an object `results`"))
        };
    };
    let Some(failed) = listed.failed else {
        return Err(json.shape("the results of a Checkov report have a list `failed_checks`"));
    };
    if let Some(stated) = summary.failed.filter(|stated| *stated > failed) {
        let message = format!("{place}summary.failed is {stated}, and the report lists {failed}");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if listed.parsing_errors.is_none() && summary.parsing_errors.is_none() {
        let message = format!("{place}the report does not say what could not be parsed (parsing_errors)");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    not_parsed(reading, &place, summary.parsing_errors, listed.parsing_errors.unwrap_or_default());
    let made = |stated: Option<u64>, listed: u64| stated.unwrap_or_default().max(listed);
    Ok(failed + made(summary.passed, listed.passed) + made(summary.skipped, listed.skipped))
}

/// Files that could not be parsed and are only counted: `--quiet` does not list them.
fn not_parsed(reading: &mut Reading<'_>, place: &str, stated: Option<u64>, listed: u64) {
    if let Some(stated) = stated.filter(|stated| *stated > listed) {
        let message = format!("{place}{stated} files could not be parsed (parsing_errors)");
        reading.problem(ProblemKind::Parse, &message, None);
    }
}

fn results(
    json: &mut Json,
    reading: &mut Reading<'_>,
    category: Category,
) -> Result<CheckovLists, ReadError> {
    let mut listed = CheckovLists::default();
    json.object(|json, key| match key {
        "failed_checks" => checks(json, reading, category, false).map(|count| listed.failed = Some(count)),
        "skipped_checks" => checks(json, reading, category, true).map(|count| listed.skipped = count),
        "passed_checks" => json.array(|json, _| {
            listed.passed += 1;
            json.skip()
        }),
        "parsing_errors" => {
            let mut count = 0;
            json.array(|json, _| {
                count += 1;
                let file = text(json)?;
                let path = Some(file.as_str()).filter(|file| !file.is_empty());
                reading.problem(ProblemKind::Parse, "parsing_errors: the file could not be parsed", path);
                Ok(())
            })?;
            listed.parsing_errors = Some(count);
            Ok(())
        }
        _ => unknown(json, reading),
    })?;
    Ok(listed)
}

fn checks(
    json: &mut Json,
    reading: &mut Reading<'_>,
    category: Category,
    skipped: bool,
) -> Result<u64, ReadError> {
    let mut count = 0;
    json.array(|json, _| {
        count += 1;
        match json
            .item::<CheckovRecord<'static>, _>(|record| record.listed(reading.roots(), category, skipped))?
        {
            Some(finding) => {
                reading.finding(finding);
                Ok(())
            }
            None => Err(json.shape("no Checkov check: it has neither `check_id` nor `check_name`")),
        }
    })?;
    Ok(count)
}

shapes!(CheckovRecord);

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct CheckovRecord<'a> {
    #[serde(borrow)]
    check_id: ReportWord<'a>,
    #[serde(borrow)]
    bc_check_id: ReportWord<'a>,
    #[serde(borrow)]
    check_name: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    file_path: ReportWord<'a>,
    #[serde(borrow)]
    repo_file_path: ReportWord<'a>,
    file_line_range: Loose<Vec<LineNumber>>,
    #[serde(borrow)]
    resource: ReportWord<'a>,
    #[serde(borrow)]
    short_description: ReportWord<'a>,
    #[serde(borrow)]
    vulnerability_details: Loose<CheckovVulnerability<'a>>,
    #[serde(borrow)]
    check_result: OptionalObject<CheckResult<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CheckResult<'a> {
    #[serde(borrow)]
    suppress_comment: ReportWord<'a>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct CheckovVulnerability<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
    #[serde(borrow)]
    package_name: ReportWord<'a>,
    #[serde(borrow)]
    package_version: ReportWord<'a>,
    #[serde(borrow)]
    lowest_fixed_version: ReportWord<'a>,
}

impl CheckovRecord<'_> {
    /// A check that failed, or one that a comment skips.
    fn listed(&self, roots: &[String], category: Category, skipped: bool) -> Option<Finding> {
        let mut finding = self.finding(roots, category)?;
        if skipped {
            let said = self.check_result.0.as_ref().map_or("", |result| result.suppress_comment.as_str());
            suppress(&mut finding, "checkov skip", &[said]);
        }
        Some(finding)
    }

    /// `None` if it is an entry of something else.
    fn finding(&self, roots: &[String], category: Category) -> Option<Finding> {
        let (id, name) = (self.check_id.as_str(), self.check_name.as_str());
        let rule = first_of(&[id, self.bc_check_id.as_str(), name]);
        if rule.is_empty() {
            return None;
        }
        let severity = Severity::plain(self.severity.as_str());
        let category = if is_secret_check(rule) { Category::Secret } else { category };
        let mut finding = Finding::new(category, FORMAT.tool, rule, severity);
        finding.native_severity = self.severity.native();
        let other = self.bc_check_id.as_str();
        if !other.is_empty() && other != rule {
            finding.rule_aliases.push(Text::line(other));
        }
        let path = first_of(&[self.file_path.as_str(), self.repo_file_path.as_str()]);
        let mut lines = self.file_line_range.value.iter().flatten().map(|line| line.0);
        let (first, last) = (lines.next().flatten(), lines.next().flatten());
        finding.location =
            Location::new(path, first, last.filter(|last| first.is_some_and(|f| f <= *last)), roots);
        finding.title = Text::line(first_of(&[name, rule]));

        let resource = self.resource.as_str();
        let resource = if is_digest(resource) { "" } else { resource };
        let mut build = FingerprintBuilder::new(category.as_str()).part(rule).part(resource);
        if let Some(details) =
            self.vulnerability_details.value.as_ref().filter(|d| !d.package_name.as_str().is_empty())
        {
            self.package(details, &mut finding);
            build = build.part(details.package_name.as_str()).part(details.package_version.as_str());
        }
        if category == Category::Secret {
            finding.sighting = Sighting::InFile;
        } else if resource.is_empty() {
            finding.bind_to_code();
        }
        finding.identify(build);
        Some(finding)
    }

    /// A check of a package's vulnerabilities or licence.
    fn package(&self, details: &CheckovVulnerability<'_>, finding: &mut Finding) {
        let fixed = details.lowest_fixed_version.as_str();
        finding.fix = match fixed {
            "" => Fix::Unknown,
            "N/A" => Fix::None,
            _ => Fix::Available,
        };
        finding.ids = [details.id.as_str()].into_iter().filter(|id| !id.is_empty()).map(Text::line).collect();
        finding.package = Some(Package {
            name: Text::line(details.package_name.as_str()),
            version: Text::line(details.package_version.as_str()),
            purl: None,
            fixed: if finding.fix == Fix::Available { vec![Text::line(fixed)] } else { Vec::new() },
            ecosystem: None,
        });
        // `CVE-… - PACKAGE: VERSION`; the check's name is the same for all of them.
        if !self.short_description.as_str().is_empty() {
            finding.title = Text::line(&without_quotes(self.short_description.as_str()));
        }
    }
}

/// A check for credentials, by its id.
pub(super) fn is_secret_check(id: &str) -> bool {
    id.get(..11).is_some_and(|head| head.eq_ignore_ascii_case("CKV_SECRET_"))
}

/// The digest of a secret, alone or behind a commit.
fn is_digest(resource: &str) -> bool {
    let last = resource.rsplit(':').next().unwrap_or_default();
    last.len() >= 32 && is_hex(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const CHECK: &str = r#"{"check_id":"CKV_K8S_16","bc_check_id":"BC_K8S_15","check_name":"Container should not be privileged","check_result":{"result":"FAILED"},
        "code_block":[[1,"password: hunter2\n"]],"file_path":"/deploy/shop.yaml","file_line_range":[1,21],"resource":"Deployment.shop.shop",
        "evaluations":null,"severity":null,"vulnerability_details":null}"#;

    fn report(failed: &str, skipped: &str) -> String {
        format!(
            r#"{{"check_type":"kubernetes","results":{{"passed_checks":[{{"check_id":"CKV_K8S_1"}}],"failed_checks":[{failed}],
                "skipped_checks":[{skipped}],"parsing_errors":[]}},
                "summary":{{"passed":1,"failed":0,"skipped":0,"parsing_errors":0,"resource_count":1,"checkov_version":"3.3.30"}},"url":"x"}}"#
        )
    }

    #[test]
    fn failed_and_skipped_checks_of_one_or_several_frameworks() {
        let one = report(CHECK, CHECK);
        let read = read_sound("checkov", &one);
        assert_eq!((read.findings.len(), read.active().count()), (2, 1));
        assert!(read.report.problems.is_empty() && read.report.nothing_scanned.is_none());
        assert_eq!(read.report.tool.version.as_ref().unwrap().as_str(), "3.3.30");
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.severity), ("CKV_K8S_16", Severity::Unknown));
        let place = finding.location.as_ref().unwrap();
        assert_eq!(
            (place.path.as_str(), place.line, place.end_line),
            ("deploy/shop.yaml", Some(1), Some(21))
        );
        assert!(!format!("{finding:?}").contains("hunter2"));
        let several = format!("[{one},{}]", report("", ""));
        assert_eq!(read_sound("checkov", &several).findings, read.findings);
        // Two documents, one behind the other, as two `-d` arguments give them.
        assert!(read_text(&format!("{one}\n{one}")).error.is_some());
        let quiet = one.replace("\"passed_checks\":[{\"check_id\":\"CKV_K8S_1\"}],", "");
        assert!(read_sound("checkov", &quiet).report.problems.is_empty());
    }

    #[test]
    fn a_bare_summary_is_nothing_scanned() {
        for text in [
            r#"{"passed":0,"failed":0,"skipped":0,"parsing_errors":0,"resource_count":0,"checkov_version":"3.3.30"}"#,
            r#"{"passed":0,"failed":0,"skipped":0,"parsingerrors":0,"resourcecount":0,"checkov_version":"2.1.269"}"#,
        ] {
            let read = read_sound("checkov", text);
            assert!(read.report.nothing_scanned.is_some() && read.report.problems.is_empty());
            assert_eq!(
                read_sound("checkov", &text.replacen("errors\":0", "errors\":2", 1)).report.problems.len(),
                1
            );
            assert!(read_text(&text.replace("\"failed\":0", "\"failed\":2")).error.is_some());
        }
    }

    #[test]
    fn what_could_not_be_parsed_is_told() {
        let listed = report(CHECK, "").replace("\"parsing_errors\":[]", "\"parsing_errors\":[\"/a.tf\"]");
        let read = read_sound("checkov", &listed);
        assert_eq!(read.report.problems.len(), 1);
        assert_eq!(read.report.problems[0].path.as_ref().unwrap().as_str(), "a.tf");
        let both = listed.replace("\"parsing_errors\":0", "\"parsing_errors\":1");
        assert_eq!(read_sound("checkov", &both).report.problems.len(), 1);
        let counted = report(CHECK, "")
            .replace(",\"parsing_errors\":[]", "")
            .replace("\"parsing_errors\":0", "\"parsing_errors\":3");
        assert_eq!(read_sound("checkov", &counted).report.problems.len(), 1);
        assert_eq!(
            read_sound("checkov", &report("", "").replace("\"failed\":0", "\"failed\":4"))
                .report
                .problems
                .len(),
            1
        );
        let renamed =
            report(CHECK, "").replace("\"skipped_checks\":[", &format!("\"failed_check\":[{CHECK}"));
        assert_eq!(read_sound("checkov", &renamed).report.problems.len(), 1);
    }

    #[test]
    fn the_digest_of_a_secret_is_not_used() {
        let of = |digest: &str| {
            let check = CHECK.replace("CKV_K8S_16", "CKV_SECRET_6").replace("Deployment.shop.shop", digest);
            read_sound("checkov", &report(&check, "")).findings[0].fingerprint
        };
        let digests =
            ["25910f981e85ca04baf359199dd0bd4a3ae738b6", "7d42cfbbd8b7a1d2c3e4f5a6b7c8d9e0f1a2b3c4"];
        assert_eq!(of(digests[0]), of(digests[1]));
        assert_eq!(of(digests[0]), of(&format!("{}:{}", digests[1], digests[0])));
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn a_package_is_named() {
        let check = CHECK.replace(
            "\"vulnerability_details\":null",
            r#""short_description":"CVE-2020-1747 - pyyaml: 5.3","vulnerability_details":{"id":"CVE-2020-1747","package_name":"pyyaml","package_version":"5.3","lowest_fixed_version":"5.3.1"}"#,
        );
        let finding = read_sound("checkov", &report(&check, "")).findings.remove(0);
        assert_eq!((finding.ids[0].as_str(), finding.fix), ("CVE-2020-1747", Fix::Available));
        assert_eq!(finding.package.unwrap().name.as_str(), "pyyaml");
    }

    #[test]
    fn the_framework_says_what_its_findings_are() {
        let of = |kind: &str, id: &str, last: bool| {
            let text = report(&CHECK.replace("CKV_K8S_16", id), "");
            let text = text.replace("\"check_type\":\"kubernetes\",", "");
            let text = if last {
                text.replace("\"url\":\"x\"", &format!("\"check_type\":\"{kind}\""))
            } else {
                text.replacen('{', &format!("{{\"check_type\":\"{kind}\","), 1)
            };
            let read = read_sound("checkov", &text);
            assert!(read.report.categories.contains(&category(kind)));
            (read.findings[0].category, read.report.categories.len())
        };
        for last in [false, true] {
            assert_eq!(of("kubernetes", "CKV_K8S_16", last), (Category::Misconfiguration, 1));
            assert_eq!(of("secrets", "CKV_SECRET_6", last), (Category::Secret, 1));
            assert_eq!(of("secrets", "BC_GIT_2", last), (Category::Secret, 1));
            assert_eq!(of("sca_package", "CKV_CVE_2021_1", last), (Category::Vulnerability, 1));
            assert_eq!(of("sca_image", "BC_CVE_2021_1", last), (Category::Vulnerability, 1));
            assert_eq!(of("terraform", "CKV_SECRET_6", last), (Category::Secret, 2));
        }
    }

    #[test]
    fn broken_lists_are_refused() {
        for text in [
            report("null", ""),
            report("{}", ""),
            report("[]", ""),
            report(CHECK, "").replace("failed_checks", "failed_check"),
            report(CHECK, "").replace("\"results\"", "\"result\""),
            report("", "").replace("\"failed_checks\":[]", "\"failed_checks\":null"),
            format!("[{},null]", report(CHECK, "")),
            "[]".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(read_as("checkov", &text).error.is_some(), "{text}");
        }
    }
}

//! Snyk's own JSON (`snyk test --json`, `snyk container test --json`): dependencies and images.
//!
//! Source of the shapes: `src/lib/snyk-test/legacy.ts` of the snyk CLI (`LegacyVulnApiResult`, `AnnotatedIssue`), its
//! documentation of `--json`, and public reports of 1.675 to 1.1291. A result is an object; of several projects
//! (`--all-projects`) there is an array of them, and of an image the applications in it lie in `applications`. A
//! vulnerability stands once for each path that leads to it. What `.snyk` ignores or patches is listed in `filtered`.
//! A project that could not be tested has `error` in place of a list.

use std::collections::HashSet;

use serde::Deserialize;

use super::advisory::{Advisory, WorstSeverity};
use super::cvss::{StatedScore, rating};
use super::field::{first_of, number, suppress, text};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{CweNumbers, Loose, OptionalObject, OptionalObjects, RawJson, ReportWord, Strings};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, EMBEDDED_MALICIOUS_CODE, ExploitMaturity, Finding, FingerprintBuilder, Fix, Package,
    Reachability, Severity, Target, Text,
};

/// Snyk JSON.
pub(super) static FORMAT: Format = Format {
    id: "snyk",
    title: "Snyk JSON of dependencies and images: vulnerabilities, licences",
    tool: "snyk",
    tried: "1.675 to 1.1291",
    signals: &[
        "`error` of a project",
        "`uniqueCount` above what is listed, `ok: false` with nothing listed",
        "`dependencyCount` 0: nothing scanned",
    ],
    categories: &[Category::Vulnerability, Category::License],
    attributes: &[Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let facts = |result: &Member| {
        let keys = ["dependencyCount", "packageManager", "licensesPolicy", "ignoreSettings"];
        keys.iter().filter(|key| result.has(key)).count() >= 2
    };
    let of_snyk = |result: &Member| {
        let issue = |list: &Member| list.lists_objects() && list.has("isUpgradable") && list.has("from");
        result.get("vulnerabilities").is_some_and(|list| issue(list) || facts(result))
            || result.has_kind("ok", JsonKind::Bool) && result.has("error") && result.has("path")
    };
    (opening.is_object() || opening.first_element().is_some()) && of_snyk(&opening.top)
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut totals = SnykTotals::default();
    if json.kind()? == JsonKind::Array {
        json.array(|json, index| result(json, reading, &index.to_string(), &mut totals))?;
    } else {
        result(json, reading, "", &mut totals)?;
    }
    if totals.failed > 0 && totals.failed == totals.results {
        return Err(json.shape("Snyk reports an error instead of a list: the test did not take place"));
    }
    if totals.listed == 0 && totals.dependencies == Some(0) {
        reading.nothing_scanned("no dependency was looked at (dependencyCount is 0)");
    }
    Ok(())
}

/// Sums over all results of a report.
#[derive(Default)]
struct SnykTotals {
    results: u64,
    failed: u64,
    listed: u64,
    dependencies: Option<u64>,
}

/// Statements of one result about itself, most of which stand behind its findings.
#[derive(Default)]
struct SnykProject {
    listed: bool,
    ids: HashSet<String>,
    active: u64,
    ok: Option<bool>,
    unique: Option<u64>,
    error: bool,
    path: String,
    file: String,
    display: String,
}

fn result(
    json: &mut Json,
    reading: &mut Reading<'_>,
    place: &str,
    totals: &mut SnykTotals,
) -> Result<(), ReadError> {
    let known = format!("project {place}");
    let file = reading.known(&known).unwrap_or_default().to_owned();
    let mut project = SnykProject::default();
    json.object(|json, key| match key {
        "vulnerabilities" => {
            project.listed = true;
            issues(json, reading, &file, &mut project, false)
        }
        "filtered" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "ignore" | "patch" if json.kind()? == JsonKind::Array => {
                issues(json, reading, &file, &mut project, true)
            }
            _ => unknown(json, reading),
        }),
        "applications" if json.kind()? == JsonKind::Array => {
            json.array(|json, index| result(json, reading, &format!("{place}.{index}"), totals))
        }
        "ok" if json.kind()? == JsonKind::Bool => {
            json.with_value::<Loose<bool>, _>(|ok| project.ok = ok.value)
        }
        "error" if json.kind()? != JsonKind::Null => {
            project.error = true;
            json.skip()
        }
        "dependencyCount" => {
            if let Some(count) = number(json)? {
                totals.dependencies = Some(totals.dependencies.unwrap_or(0).saturating_add(count));
            }
            Ok(())
        }
        "uniqueCount" => number(json).map(|count| project.unique = count),
        "docker" if json.kind()? == JsonKind::Object => {
            reading.target(Target::Image);
            json.skip()
        }
        "path" => text(json).map(|path| project.path = path),
        "targetFile" => text(json).map(|file| project.file = file),
        "displayTargetFile" => text(json).map(|file| project.display = file),
        "severityThreshold" => {
            let level = Severity::plain(&text(json)?);
            if level != Severity::Unknown {
                reading
                    .note(&format!("Snyk left out what is below the severity {level} (severityThreshold)"));
            }
            Ok(())
        }
        _ => unknown(json, reading),
    })?;
    totals.results += 1;
    totals.listed += project.active;
    if project.error {
        totals.failed += 1;
        let path = Some(project.path.as_str()).filter(|path| !path.is_empty());
        reading.problem(ProblemKind::Scan, "a project could not be tested (error)", path);
    } else if !project.listed {
        return Err(json.shape("a result of Snyk has a list `vulnerabilities`"));
    }
    project.compare(reading);
    let file = first_of(&[&project.display, &project.file]);
    if !project.ids.is_empty() && !file.is_empty() {
        reading.late(known, file);
    }
    Ok(())
}

fn issues(
    json: &mut Json,
    reading: &mut Reading<'_>,
    file: &str,
    project: &mut SnykProject,
    filtered: bool,
) -> Result<(), ReadError> {
    json.array(|json, _| {
        let read = json.item::<SnykIssue<'static>, _>(|issue| {
            issue.finding(file, reading.roots(), filtered).map(|found| (issue.id.as_str().to_owned(), found))
        })?;
        let Some((id, finding)) = read else {
            return Err(json.shape("no vulnerability of Snyk: it has neither `id` nor `title`"));
        };
        if !filtered {
            project.active += 1;
        }
        project.ids.insert(id);
        reading.finding(finding);
        Ok(())
    })
}

impl SnykProject {
    /// Counts above the list, and a verdict that the list does not bear out.
    fn compare(&self, reading: &mut Reading<'_>) {
        let ids = self.ids.len() as u64;
        if let Some(unique) = self.unique.filter(|unique| *unique > ids) {
            let message =
                format!("uniqueCount is {unique}, and the report lists {ids} different vulnerabilities");
            reading.problem(ProblemKind::Scan, &message, None);
        } else if self.ok == Some(false) && ids == 0 && !self.error {
            reading.problem(ProblemKind::Scan, "`ok` is false, and no vulnerability is listed", None);
        }
    }
}

shapes!(SnykIssue);

impl super::json::BorrowedShape for Loose<bool> {
    type As<'de> = Self;
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SnykIssue<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
    #[serde(borrow)]
    r#type: ReportWord<'a>,
    #[serde(borrow)]
    title: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    // While `severity` ended at high.
    #[serde(borrow)]
    severity_with_critical: ReportWord<'a>,
    cvss_score: StatedScore,
    #[serde(borrow, rename = "CVSSv3")]
    vector: ReportWord<'a>,
    #[serde(borrow)]
    identifiers: OptionalObject<SnykIdentifiers<'a>>,
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    package_name: ReportWord<'a>,
    #[serde(borrow)]
    version: ReportWord<'a>,
    #[serde(borrow)]
    package_manager: ReportWord<'a>,
    #[serde(borrow)]
    language: ReportWord<'a>,
    #[serde(borrow)]
    license: ReportWord<'a>,
    #[serde(borrow)]
    fixed_in: Loose<Strings<'a>>,
    #[serde(borrow)]
    nearest_fixed_in_version: ReportWord<'a>,
    is_upgradable: Loose<bool>,
    is_patchable: Loose<bool>,
    malicious: Loose<bool>,
    /// The path from the project to the package; the first element is the project itself.
    #[serde(borrow)]
    from: Loose<Vec<RawJson<'a>>>,
    #[serde(borrow)]
    publication_time: ReportWord<'a>,
    #[serde(borrow)]
    modification_time: ReportWord<'a>,
    #[serde(borrow)]
    exploit: ReportWord<'a>,
    epss_details: OptionalObject<SnykEpss>,
    #[serde(borrow)]
    reachability: ReportWord<'a>,
    #[serde(borrow)]
    filtered: OptionalObject<SnykFiltered<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SnykEpss {
    probability: StatedScore,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SnykIdentifiers<'a> {
    #[serde(borrow, rename = "CVE")]
    cve: Strings<'a>,
    #[serde(rename = "CWE")]
    cwe: CweNumbers,
    #[serde(borrow, rename = "GHSA")]
    ghsa: Strings<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SnykFiltered<'a> {
    #[serde(borrow)]
    ignored: OptionalObjects<SnykIgnore<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SnykIgnore<'a> {
    #[serde(borrow)]
    reason: ReportWord<'a>,
}

/// Snyk's words for how far exploits are.
fn exploit(word: &str) -> Option<ExploitMaturity> {
    match word.trim().to_ascii_lowercase().as_str() {
        "unproven" | "no known exploit" => Some(ExploitMaturity::Unproven),
        "proof of concept" => Some(ExploitMaturity::ProofOfConcept),
        "functional" => Some(ExploitMaturity::Functional),
        "high" | "mature" | "attacked" => Some(ExploitMaturity::High),
        _ => None,
    }
}

impl SnykIssue<'_> {
    /// `None` if it is an entry of something else.
    fn finding(&self, file: &str, roots: &[String], filtered: bool) -> Option<Finding> {
        if self.id.as_str().is_empty() && self.title.as_str().is_empty() {
            return None;
        }
        let mut finding =
            if self.is_license() { self.license(file, roots) } else { self.vulnerability(file, roots) };
        if filtered {
            let reasons = self.filtered.0.iter().flat_map(|filtered| filtered.ignored.iter());
            let reason = reasons.map(|ignore| ignore.reason.as_str()).find(|reason| !reason.is_empty());
            suppress(&mut finding, "filtered by Snyk's policy", &[reason.unwrap_or_default()]);
        }
        Some(finding)
    }

    fn is_license(&self) -> bool {
        self.r#type.as_str() == "license" || self.id.as_str().starts_with("snyk:lic:")
    }

    /// The installed package. Of a Linux distribution it is written `SOURCE/BINARY`.
    fn package(&self) -> &str {
        let name = first_of(&[self.name.as_str(), self.package_name.as_str()]);
        match self.language.as_str() {
            "linux" => name.rsplit_once('/').map_or(name, |(_, binary)| binary),
            _ => name,
        }
    }

    /// The worse of the two words: one of them may end at high.
    fn severity(&self) -> Severity {
        let mut worst = WorstSeverity::only(Severity::plain(self.severity.as_str()));
        if !self.severity_with_critical.as_str().is_empty() {
            worst.merge(WorstSeverity::only(Severity::plain(self.severity_with_critical.as_str())));
        }
        worst.get()
    }

    fn native(&self) -> Option<Text> {
        let word = first_of(&[self.severity_with_critical.as_str(), self.severity.as_str()]);
        Some(Text::line(word)).filter(|word| !word.is_empty())
    }

    fn vulnerability(&self, file: &str, roots: &[String]) -> Finding {
        let none = SnykIdentifiers::default();
        let ids = self.identifiers.0.as_ref().unwrap_or(&none);
        let package = self.package();
        let title = format!("{} in {package}", self.title.as_str());
        let (fix, fixed) = self.fix();
        let malicious = (self.malicious.value == Some(true)).then_some(EMBEDDED_MALICIOUS_CODE);
        let ecosystem = self.package_manager.as_str().split(':').next().unwrap_or_default();
        let advisory = Advisory {
            tool: FORMAT.tool,
            id: self.id.as_str(),
            ids: ids.cve.0.iter().chain(&ids.ghsa.0).map(AsRef::as_ref).collect(),
            severity: WorstSeverity::only(self.severity()),
            native_severity: self.native(),
            title: if self.title.as_str().is_empty() { "" } else { &title },
            cwes: ids.cwe.0.iter().copied().chain(malicious).collect(),
            published: self.publication_time.as_str(),
            modified: self.modification_time.as_str(),
            exploit: exploit(self.exploit.as_str()),
            epss: self.epss_details.0.as_ref().and_then(|epss| epss.probability.number()),
            name: package,
            version: self.version.as_str(),
            ecosystem,
            fix: Some(fix),
            fixed,
            path: file,
            cvss: rating(self.cvss_score, "", self.vector.as_str()),
            reachable: match self.reachability.as_str().to_ascii_lowercase().as_str() {
                "function" | "package" | "reachable" => Reachability::Yes,
                "not-reachable" | "notreachable" => Reachability::No,
                _ => Reachability::Unknown,
            },
            direct: self.from.value.as_ref().filter(|path| path.len() > 1).map(|path| path.len() == 2),
            ..Advisory::default()
        };
        advisory.finding(roots)
    }

    /// An empty `fixedIn` says that no version has the fix; one that is missing says nothing.
    fn fix(&self) -> (Fix, Vec<Text>) {
        let mut fixed: Vec<Text> = self
            .fixed_in
            .value
            .iter()
            .flat_map(|versions| versions.0.iter())
            .map(|v| Text::line(v))
            .collect();
        let nearest = self.nearest_fixed_in_version.as_str();
        if fixed.is_empty() && !nearest.is_empty() {
            fixed.push(Text::line(nearest));
        }
        let another_way = self.is_upgradable.value == Some(true) || self.is_patchable.value == Some(true);
        let fix = match fixed.is_empty() {
            false => Fix::Available,
            true if another_way => Fix::Available,
            true if self.fixed_in.value.is_some() => Fix::None,
            true => Fix::Unknown,
        };
        (fix, fixed)
    }

    fn license(&self, file: &str, roots: &[String]) -> Finding {
        let rule = first_of(&[self.license.as_str(), self.id.as_str()]);
        let mut finding = Finding::new(Category::License, FORMAT.tool, rule, self.severity());
        finding.native_severity = self.native();
        if rule != self.id.as_str() && !self.id.as_str().is_empty() {
            finding.rule_aliases.push(Text::line(self.id.as_str()));
        }
        let package = self.package();
        finding.title = Text::line(&format!("{package}: {}", first_of(&[self.title.as_str(), rule])));
        finding.location = crate::finding::Location::new(file, None, None, roots);
        finding.package = (!package.is_empty()).then(|| Package {
            name: Text::line(package),
            version: Text::line(self.version.as_str()),
            ..Package::default()
        });
        finding.identify(FingerprintBuilder::new(Category::License.as_str()).part(rule).part(package));
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const ISSUE: &str = r#"{"id":"SNYK-JS-LODASH-1","title":"Prototype Pollution","severity":"high","severityWithCritical":"critical",
        "cvssScore":9.8,"CVSSv3":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","identifiers":{"CVE":["CVE-2019-10744"],"CWE":["CWE-1321"],"GHSA":["GHSA-jf85-cpcp-j695"]},
        "name":"lodash","packageName":"lodash","version":"4.17.4","packageManager":"npm","language":"js","fixedIn":["4.17.12"],"isUpgradable":true,"isPatchable":false,
        "from":["shop@1.0.0","lodash@4.17.4"],"upgradePath":[false,"lodash@4.17.12"],"publicationTime":"2019-07-10T00:00:00Z"}"#;

    fn project(issues: &str, facts: &str) -> String {
        format!(
            r#"{{"vulnerabilities":[{issues}],"ok":false,"dependencyCount":12,"org":"shop","policy":"","packageManager":"npm","licensesPolicy":null,"ignoreSettings":null,{facts}"displayTargetFile":"web/package-lock.json","path":"/builds/shop"}}"#
        )
    }

    #[test]
    fn a_malicious_package_is_malware() {
        for (malicious, malware) in [("true", true), ("false", false), ("null", false)] {
            let issue = ISSUE.replacen('{', &format!(r#"{{"malicious":{malicious},"#), 1);
            let read = read_sound("snyk", &project(&issue, ""));
            assert_eq!(read.findings[0].is_malware(), malware, "{malicious}");
        }
    }

    #[test]
    fn a_vulnerability_with_its_ids_and_its_way_out() {
        let read = read_sound("snyk", &project(ISSUE, r#""uniqueCount":1,"#));
        assert_eq!((read.findings.len(), read.report.problems_total), (1, 0));
        let finding = &read.findings[0];
        assert_eq!((finding.severity, finding.rule_id.as_str()), (Severity::Critical, "SNYK-JS-LODASH-1"));
        assert!(finding.ids.iter().any(|id| id.as_str() == "CVE-2019-10744"));
        assert_eq!((finding.cwes.as_slice(), finding.fix), (&[1321][..], Fix::Available));
        assert_eq!((finding.path(), finding.direct), (Some("web/package-lock.json"), Some(true)));
        assert_eq!(finding.package.as_ref().map(|p| p.fixed.len()), Some(1));
        assert!(finding.published.is_some() && finding.cvss.is_some());
    }

    #[test]
    fn how_far_exploits_are() {
        let told = |facts: &str| {
            let issue = ISSUE.replacen('{', &format!("{{{facts},"), 1);
            let read = read_sound("snyk", &project(&issue, r#""uniqueCount":1,"#));
            (read.findings[0].exploit, read.findings[0].epss, read.findings[0].modified.is_some())
        };
        let facts = r#""exploit":"Proof of Concept","epssDetails":{"probability":"0.00046"},"modificationTime":"2024-03-11T09:53:57Z""#;
        assert_eq!(told(facts), (Some(ExploitMaturity::ProofOfConcept), Some(0.00046), true));
        assert_eq!(
            told(r#""exploit":"Mature","epssDetails":null"#),
            (Some(ExploitMaturity::High), None, false)
        );
        assert_eq!(told(r#""exploit":"Not Defined""#), (None, None, false));
    }

    #[test]
    fn several_projects_and_the_applications_of_an_image() {
        let image = project(
            &ISSUE
                .replace("\"js\"", "\"linux\"")
                .replace(r#""name":"lodash""#, r#""name":"gcc-10/libgcc-s1""#),
            r#""docker":{"baseImage":"debian:11"},"applications":[{"vulnerabilities":[],"ok":true,"dependencyCount":3}],"#,
        );
        let read = read_sound("snyk", &format!("[{},{image}]", project(ISSUE, "")));
        assert_eq!((read.findings.len(), read.report.target), (2, Some(Target::Image)));
        assert_eq!(read.findings[1].package.as_ref().map(|p| p.name.as_str()), Some("libgcc-s1"));
    }

    #[test]
    fn licences_and_what_the_policy_ignores() {
        let license = r#"{"id":"snyk:lic:npm:colors:GPL-3.0","type":"license","license":"GPL-3.0","title":"GPL-3.0 license","severity":"high","name":"colors","version":"1.0.0","from":[]}"#;
        let ignored = ISSUE.replacen('{', r#"{"filtered":{"ignored":[{"reason":"not used"}]},"#, 1);
        let facts = format!(r#""filtered":{{"ignore":[{ignored}],"patch":[]}},"#);
        let read = read_sound("snyk", &project(license, &facts));
        assert_eq!((read.findings.len(), read.active().count()), (2, 1));
        assert_eq!(
            (read.findings[0].category, read.findings[0].rule_id.as_str()),
            (Category::License, "GPL-3.0")
        );
        assert!(read.findings[1].suppression.as_ref().unwrap().as_str().contains("not used"));
    }

    #[test]
    fn what_was_not_tested_is_told() {
        let failed = r#"{"ok":false,"error":"could not detect package manager","path":"/builds/shop/old"}"#;
        assert!(read_text(failed).error.unwrap().to_string().contains("error instead of a list"));
        let read = read_sound("snyk", &format!("[{},{failed}]", project(ISSUE, "")));
        assert_eq!((read.findings.len(), read.report.problems_total), (1, 1));
        let read = read_sound("snyk", &project("", r#""uniqueCount":3,"#));
        assert_eq!(read.report.problems_total, 1);
        assert_eq!(read_sound("snyk", &project("", "")).report.problems_total, 1, "ok is false");
        let nothing = project("", "").replace(":false,\"dependencyCount\":12", ":true,\"dependencyCount\":0");
        assert!(read_sound("snyk", &nothing).report.nothing_scanned.is_some());
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for text in [
            "[]".to_owned(),
            "{}".to_owned(),
            project("1", ""),
            project("{}", ""),
            project("", "").replace("[]", "null"),
            project("", "").replace("\"vulnerabilities\"", "\"issues\""),
        ] {
            assert!(read_as("snyk", &text).error.is_some(), "{text}");
        }
    }
}

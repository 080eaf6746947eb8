//! `npm audit --json`: version 2 (npm 7 and later) and version 1 (npm 6, pnpm, `yarn npm audit`).
//!
//! Source of the shapes: npm's `workspaces/arborist/lib/audit-report.js` and `vuln.js`, pnpm's
//! `deps/compliance/audit/src/types.ts`. Version 2 lists packages: one entry may stand for several advisories, or for
//! none of its own if the package only depends on a vulnerable one. Version 1 lists advisories. Where the registry
//! does not answer, npm writes an object with `error` instead; that is no report.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::advisory::{Advisory, WorstSeverity, word_or_none};
use super::cvss::{ScoreAndVector, highest};
use super::json::{Json, JsonKind, parse, shapes};
use super::secret::unknown;
use super::value::{Loose, OptionalObject, OptionalObjects, RawJson, ReportWord, Str, Strings, cwe_numbers};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, FingerprintBuilder, Fix, Scope, Text};

/// `npm audit`.
pub(super) static FORMAT: Format = Format {
    id: "npm-audit",
    title: "npm audit and pnpm audit JSON: vulnerabilities",
    tool: "npm-audit",
    tried: "npm 6 to 11, pnpm",
    signals: &[
        "`error`: no report",
        "`metadata.dependencies` 0, or missing in version 2 with nothing listed: nothing scanned",
        "`metadata.vulnerabilities` above what is listed",
    ],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let object = |key: &str| opening.get(key).filter(|m| m.kind == Some(JsonKind::Object));
    let first_has = |list: &Member, keys: &[&str]| {
        list.members.first().is_some_and(|(_, first)| keys.iter().any(|key| first.has(key)))
    };
    let counts = |key: &str| object("metadata").is_some_and(|m| m.has_kind(key, JsonKind::Object));
    let version_1 = object("advisories").is_some_and(|advisories| {
        object("metadata").is_some()
            || opening.has("actions")
            || first_has(advisories, &["module_name", "vulnerable_versions"])
    });
    let version_2 = object("vulnerabilities").is_some_and(|packages| {
        counts("vulnerabilities") || counts("dependencies") || first_has(packages, &["via", "fixAvailable"])
    });
    // What npm writes in place of a report is recognised, and refused.
    let failed = object("error").is_some_and(|error| error.has("summary") && error.has("detail"));
    opening.has("auditReportVersion") || version_1 || version_2 || failed
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let (mut listed, mut packages) = (false, None);
    let mut by_word = BTreeMap::new();
    let mut counts = AuditCounts::default();
    json.object(|json, key| match key {
        "error" if json.kind()? != JsonKind::Null => {
            Err(json.shape("npm reports an error instead of a list: the audit did not take place"))
        }
        "vulnerabilities" => {
            listed = true;
            let mut count = 0_u64;
            json.object(|json, key| {
                count += 1;
                let (word, finding) = json
                    .item::<NpmVulnerablePackage<'static>, _>(|v| (word_of(&v.severity), v.finding(key)))?;
                *by_word.entry(word).or_insert(0) += 1;
                reading.finding(finding);
                Ok(())
            })?;
            packages = Some(count);
            Ok(())
        }
        "advisories" => {
            listed = true;
            json.object(|json, key| {
                let (word, finding) = json.item::<NpmAdvisory<'static>, _>(|a| {
                    (word_of(&a.severity), a.finding(FORMAT.tool, key))
                })?;
                *by_word.entry(word).or_insert(0) += 1;
                let Some(finding) = finding else {
                    return Err(json.shape("an advisory has neither `module_name`, `title` nor `severity`"));
                };
                reading.finding(finding);
                Ok(())
            })
        }
        "metadata" if json.kind()? == JsonKind::Object => {
            counts = json.item::<NpmMetadata<'static>, _>(|metadata| metadata.counts())?;
            Ok(())
        }
        // What to do about the advisories (version 1).
        "actions" | "muted" => json.skip(),
        _ => unknown(json, reading),
    })?;
    counts.compare(packages, &by_word, reading);
    if counts.dependencies == Some(0) && by_word.is_empty() {
        reading.nothing_scanned("no dependency was looked at (metadata.dependencies counts 0)");
    } else if counts.dependencies.is_none() && packages == Some(0) {
        // npm has written it in each report of version 2.
        reading.nothing_scanned(
            "the report does not say that a dependency was looked at (metadata.dependencies)",
        );
    }
    if listed {
        Ok(())
    } else {
        Err(json.shape("an npm audit report has the key `vulnerabilities`, or `advisories` in version 1"))
    }
}

/// The word of a severity, as `metadata.vulnerabilities` counts it.
fn word_of(severity: &ReportWord<'_>) -> String {
    severity.as_str().trim().to_ascii_lowercase()
}

/// Counts of `metadata`.
#[derive(Default)]
struct AuditCounts {
    /// Packages that were looked at.
    dependencies: Option<u64>,
    /// Vulnerable packages in version 2, paths to them in version 1, all severities together.
    total: u64,
    by_word: BTreeMap<String, u64>,
}

impl AuditCounts {
    /// Whatever is counted must be listed: in version 2 as often, in version 1, where one advisory may lie on many
    /// paths, once at least.
    fn compare(&self, packages: Option<u64>, listed: &BTreeMap<String, u64>, reading: &mut Reading<'_>) {
        let all = listed.values().sum::<u64>();
        let above = |counted: u64, listed: u64| {
            if packages.is_some() { counted > listed } else { counted > 0 && listed == 0 }
        };
        let what = if packages.is_some() { "vulnerable packages" } else { "vulnerable paths" };
        let message = if above(self.total, all) {
            format!("the report counts {} {what} and lists {all}", self.total)
        } else if let Some((word, counted)) = self
            .by_word
            .iter()
            .find(|(word, counted)| above(**counted, listed.get(*word).copied().unwrap_or_default()))
        {
            let listed = listed.get(word).copied().unwrap_or_default();
            format!("the report counts {counted} {what} of severity {word} and lists {listed}")
        } else {
            return;
        };
        reading.problem(ProblemKind::Scan, &message, None);
    }
}

shapes!(NpmVulnerablePackage, NpmAdvisory, NpmMetadata);

#[derive(Deserialize)]
struct NpmMetadata<'a> {
    #[serde(borrow, default)]
    vulnerabilities: Loose<RawJson<'a>>,
    /// Numbers by kind in version 2, a number in version 1.
    #[serde(borrow, default)]
    dependencies: Loose<RawJson<'a>>,
    #[serde(default, rename = "devDependencies")]
    development: Loose<u64>,
    #[serde(default, rename = "optionalDependencies")]
    optional: Loose<u64>,
    #[serde(default, rename = "totalDependencies")]
    total: Loose<u64>,
}

impl NpmMetadata<'_> {
    fn counts(&self) -> AuditCounts {
        let numbers = |raw: RawJson<'_>| parse::<BTreeMap<String, Loose<u64>>>(raw.0).ok();
        let mut by_word: BTreeMap<String, u64> = self
            .vulnerabilities
            .value
            .and_then(numbers)
            .into_iter()
            .flatten()
            .filter_map(|(word, count)| count.value.map(|count| (word.to_ascii_lowercase(), count)))
            .collect();
        let stated = by_word.remove("total").unwrap_or_default();
        let total = by_word.values().copied().fold(0, u64::saturating_add).max(stated);
        AuditCounts { dependencies: self.dependencies(), total, by_word }
    }

    /// Number of the packages that were looked at. npm counts the project itself as one of `prod`, but not in `total`.
    fn dependencies(&self) -> Option<u64> {
        if let Some(total) = self.total.value {
            return Some(total);
        }
        let raw = self.dependencies.value?.0;
        if let Ok(production) = raw.parse::<u64>() {
            let others = [&self.development, &self.optional].map(|count| count.value.unwrap_or_default());
            return Some(others.into_iter().fold(production, u64::saturating_add));
        }
        let kinds = parse::<BTreeMap<String, Loose<u64>>>(raw).ok()?;
        let total = kinds.get("total").and_then(|total| total.value);
        total.or_else(|| kinds.values().filter_map(|count| count.value).reduce(u64::saturating_add))
    }
}

/// A package of version 2.
#[derive(Deserialize)]
struct NpmVulnerablePackage<'a> {
    #[serde(borrow, default)]
    name: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    via: Loose<Vec<RawJson<'a>>>,
    #[serde(borrow, default)]
    range: ReportWord<'a>,
    #[serde(borrow, default, rename = "fixAvailable")]
    fix_available: Option<RawJson<'a>>,
    #[serde(default, rename = "isDirect")]
    is_direct: Loose<bool>,
}

/// An advisory of a package of version 2.
#[derive(Deserialize)]
struct Via<'a> {
    #[serde(borrow, default)]
    title: ReportWord<'a>,
    #[serde(borrow, default)]
    url: ReportWord<'a>,
    #[serde(borrow, default)]
    cwe: Strings<'a>,
    #[serde(borrow, default)]
    cvss: OptionalObject<ScoreAndVector<'a>>,
}

/// Package to install at the top of the tree.
#[derive(Deserialize)]
struct Upgrade<'a> {
    #[serde(borrow, default)]
    name: ReportWord<'a>,
    #[serde(borrow, default)]
    version: ReportWord<'a>,
}

impl NpmVulnerablePackage<'_> {
    fn finding(&self, key: &str) -> Finding {
        let name = Some(self.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(key);
        let via = || self.via.value.iter().flatten().map(|raw| raw.0);
        let own: Vec<Via<'_>> =
            via().filter(|raw| raw.starts_with('{')).filter_map(|raw| parse(raw).ok()).collect();
        let through: Vec<Str<'_>> = via().filter_map(|raw| parse(raw).ok()).collect();
        let title = own.iter().map(|a| a.title.as_str()).find(|title| !title.is_empty());
        let title = match (title, through.as_slice()) {
            (Some(title), _) => format!("{title} ({name} {})", self.range.as_str()),
            (None, [first, ..]) => {
                format!("{name} {} depends on a vulnerable version of {}", self.range.as_str(), &**first)
            }
            (None, []) => format!("{name} {}: vulnerability", self.range.as_str()),
        };
        let ids: Vec<&str> = own.iter().filter_map(|a| advisory_id(a.url.as_str())).collect();
        let (fix, fixed) = self.fix(name);
        let advisory = Advisory {
            tool: FORMAT.tool,
            id: ids.first().copied().unwrap_or_default(),
            ids,
            severity: WorstSeverity::only(word_or_none(self.severity.as_str())),
            native_severity: self.severity.native(),
            title: &title,
            cwes: cwe_numbers(own.iter().flat_map(|a| a.cwe.0.iter().map(AsRef::as_ref))),
            name,
            ecosystem: "npm",
            fix: Some(fix),
            fixed,
            cvss: highest(own.iter().filter_map(|a| a.cvss.0.as_ref()?.rating())),
            direct: self.is_direct.value,
            ..Advisory::default()
        };
        let mut finding = advisory.finding(&[]);
        // One advisory more of a package is something else, whichever npm names first.
        if finding.ids.len() > 1 {
            let mut ids: Vec<&str> = finding.ids.iter().map(Text::as_str).collect();
            ids.sort_unstable();
            let id = FingerprintBuilder::new(finding.category.as_str()).part(name).part("npm");
            let id = ids.into_iter().fold(id, FingerprintBuilder::part);
            finding.identify(id);
        }
        finding
    }

    fn fix(&self, name: &str) -> (Fix, Vec<Text>) {
        match self.fix_available.map(|raw| raw.0) {
            Some("true") => (Fix::Available, Vec::new()),
            Some("false") => (Fix::None, Vec::new()),
            Some(raw) if raw.starts_with('{') => {
                // The package to install is often not this one, but one that depends on it.
                let upgrade: Option<Upgrade<'_>> = parse(raw).ok();
                let same = upgrade.filter(|u| u.name.as_str() == name && !u.version.as_str().is_empty());
                (Fix::Available, same.iter().map(|u| Text::line(u.version.as_str())).collect())
            }
            Some(_) | None => (Fix::Unknown, Vec::new()),
        }
    }
}

/// The GHSA id in an advisory's address.
pub(super) fn advisory_id(url: &str) -> Option<&str> {
    let last = url.rsplit('/').next()?;
    let last = last.split(['?', '#']).next().unwrap_or_default();
    last.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("GHSA-")).then_some(last)
}

/// An advisory of version 1.
#[derive(Deserialize)]
pub(super) struct NpmAdvisory<'a> {
    #[serde(borrow, default)]
    module_name: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    title: ReportWord<'a>,
    #[serde(borrow, default)]
    cves: Strings<'a>,
    #[serde(borrow, default)]
    cwe: Strings<'a>,
    #[serde(borrow, default)]
    github_advisory_id: ReportWord<'a>,
    #[serde(borrow, default)]
    url: ReportWord<'a>,
    #[serde(borrow, default)]
    created: ReportWord<'a>,
    #[serde(borrow, default)]
    vulnerable_versions: ReportWord<'a>,
    #[serde(borrow, default)]
    patched_versions: ReportWord<'a>,
    #[serde(default)]
    patched_versions_unpublished: Loose<bool>,
    #[serde(borrow, default)]
    findings: OptionalObjects<Installed<'a>>,
    #[serde(borrow, default)]
    cvss: OptionalObject<ScoreAndVector<'a>>,
}

/// A version of the package that is installed.
#[derive(Deserialize)]
struct Installed<'a> {
    #[serde(borrow, default)]
    version: ReportWord<'a>,
    #[serde(default)]
    dev: Loose<bool>,
}

impl NpmAdvisory<'_> {
    /// The finding of `tool`; `key` is its number. `None` if it says nothing.
    pub(super) fn finding(&self, tool: &str, key: &str) -> Option<Finding> {
        let name = self.module_name.as_str();
        if [&self.module_name, &self.title, &self.severity].iter().all(|word| word.as_str().is_empty()) {
            return None;
        }
        let ghsa = [self.github_advisory_id.as_str()].into_iter().chain(advisory_id(self.url.as_str()));
        let ids: Vec<&str> =
            ghsa.chain(self.cves.0.iter().map(AsRef::as_ref)).filter(|id| !id.is_empty()).collect();
        // Before npm took over GitHub's advisories, an advisory had a number of its own and perhaps a CVE.
        let number = format!("npm-{key}");
        let mut versions: Vec<&str> = Vec::new();
        for version in self.findings.iter().map(|f| f.version.as_str()).filter(|v| !v.is_empty()) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        let (fix, fixed) = self.fix();
        let title = match self.title.as_str() {
            "" => format!("{name} {}: {key}", self.vulnerable_versions.as_str()),
            title => format!("{title} ({name} {})", self.vulnerable_versions.as_str()),
        };
        let advisory = Advisory {
            tool,
            id: ids.first().copied().unwrap_or(&number),
            ids,
            severity: WorstSeverity::only(word_or_none(self.severity.as_str())),
            native_severity: self.severity.native(),
            title: &title,
            cwes: cwe_numbers(self.cwe.0.iter().flat_map(|cwe| cwe.split(','))),
            published: self.created.as_str(),
            name,
            version: &versions.join(", "),
            ecosystem: "npm",
            fix: Some(fix),
            fixed,
            scope: self.scope(),
            cvss: self.cvss.0.as_ref().and_then(ScoreAndVector::rating),
            ..Advisory::default()
        };
        Some(advisory.finding(&[]))
    }

    /// `<0.0.0` is how npm says that no version is patched; pnpm says in a key of its own that none is published.
    fn fix(&self) -> (Fix, Vec<Text>) {
        match self.patched_versions.as_str().trim() {
            "<0.0.0" => (Fix::None, Vec::new()),
            "" if self.patched_versions_unpublished.value == Some(true) => (Fix::None, Vec::new()),
            "" => (Fix::Unknown, Vec::new()),
            range => (Fix::Available, vec![Text::line(range)]),
        }
    }

    fn scope(&self) -> Option<Scope> {
        let mut scope = None;
        for installed in &self.findings.0 {
            let development = installed.0.as_ref().and_then(|i| i.dev.value)?;
            if !development {
                return Some(Scope::Production);
            }
            scope = Some(Scope::Development);
        }
        scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_text};

    const V2: &str = r#"{"auditReportVersion":2,"vulnerabilities":{
      "lodash":{"name":"lodash","severity":"critical","isDirect":true,"via":[
          {"source":1,"name":"lodash","title":"Prototype pollution","url":"https://github.com/advisories/GHSA-jf85-cpcp-j695",
           "severity":"critical","cwe":["CWE-1321","CWE-20"],"range":"<4.17.12"},
          {"source":2,"title":"Other","url":"https://github.com/advisories/GHSA-p6mc-m468-83gw","cwe":[]}],
        "effects":["grunt"],"range":"<=4.17.20","nodes":["node_modules/lodash"],
        "fixAvailable":{"name":"lodash","version":"4.17.21","isSemVerMajor":false}},
      "grunt":{"name":"grunt","severity":null,"via":["lodash"],"range":"*","fixAvailable":false}},
     "metadata":{"vulnerabilities":{"critical":1,"total":2},"dependencies":{"prod":2,"total":2}}}"#;

    const V1: &str = r#"{"actions":[],"advisories":{"577":{"findings":[
         {"version":"4.17.4","paths":["lodash"],"dev":true},{"version":"4.17.4","paths":["a>lodash"],"dev":true}],
       "id":577,"title":"Prototype Pollution","module_name":"lodash","cves":["CVE-2018-3721"],
       "vulnerable_versions":"<4.17.5","patched_versions":">=4.17.5","severity":"moderate","cwe":"CWE-471, CWE-20",
       "created":"2018-04-24T14:27:02.796Z","url":"https://npmjs.com/advisories/577"},
      "1091087":{"module_name":"x","github_advisory_id":"GHSA-1111-2222-3333","findings":[{"version":"1","dev":false}],
       "patched_versions":"<0.0.0","cwe":["CWE-1"]}},
     "muted":[],"metadata":{"vulnerabilities":{"moderate":2},"totalDependencies":3}}"#;

    #[test]
    fn version_2_lists_packages() {
        let read = read_text(V2);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.format, read.findings.len()), (Some("npm-audit"), 2));
        let lodash = &read.findings[0];
        let ids: Vec<&str> = lodash.ids.iter().map(Text::as_str).collect();
        assert_eq!(ids, ["GHSA-jf85-cpcp-j695", "GHSA-p6mc-m468-83gw"]);
        assert_eq!((lodash.severity, lodash.fix), (Severity::Critical, Fix::Available));
        assert_eq!(lodash.cwes, [1321, 20]);
        assert_eq!(lodash.package.as_ref().unwrap().fixed, [Text::line("4.17.21")]);
        let grunt = &read.findings[1];
        assert_eq!((grunt.severity, grunt.fix, grunt.ids.len()), (Severity::Unknown, Fix::None, 0));
        assert_eq!(grunt.title.as_str(), "grunt * depends on a vulnerable version of lodash");
        assert_eq!(read.report.problems_total, 0);
    }

    #[test]
    fn version_1_lists_advisories() {
        let read = read_text(V1);
        assert!(read.error.is_none(), "{:?}", read.error);
        let first = &read.findings[0];
        assert_eq!((first.rule_id.as_str(), first.severity), ("CVE-2018-3721", Severity::Medium));
        assert_eq!((first.scope, first.fix), (Some(Scope::Development), Fix::Available));
        assert_eq!((first.cwes.as_slice(), first.published.is_some()), (&[471, 20][..], true));
        assert_eq!(first.package.as_ref().unwrap().version.as_str(), "4.17.4");
        let second = &read.findings[1];
        assert_eq!((second.severity, second.fix), (Severity::Unknown, Fix::None));
        assert_eq!((second.scope, second.rule_id.as_str()), (Some(Scope::Production), "GHSA-1111-2222-3333"));
    }

    #[test]
    fn clean_reports_cover_vulnerabilities() {
        for text in [
            r#"{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0}}}"#,
            r#"{"actions":[],"advisories":{},"muted":[],"metadata":{}}"#,
            r#"{"metadata":{"dependencies":{"prod":1}},"vulnerabilities":{}}"#,
        ] {
            let read = read_text(text);
            assert!(read.error.is_none() && read.findings.is_empty(), "{text}: {:?}", read.error);
            assert!(read.report.categories.contains(&Category::Vulnerability));
        }
    }

    #[test]
    fn without_a_dependency_nothing_was_scanned() {
        let v2 = |dependencies: &str| {
            read_text(&format!(
                r#"{{"auditReportVersion":2,"vulnerabilities":{{}},"metadata":{{"vulnerabilities":{{"total":0}},"dependencies":{dependencies}}}}}"#
            ))
        };
        assert!(v2(r#"{"prod":1,"dev":0,"total":0}"#).report.nothing_scanned.is_some());
        for some in [r#"{"prod":2,"total":1}"#, r#"{"prod":1}"#] {
            assert!(v2(some).report.nothing_scanned.is_none(), "{some}");
        }
        for none in ["{}", "null", "\"x\""] {
            assert!(v2(none).report.nothing_scanned.is_some(), "{none}");
        }
        let v1 = |counts: &str| {
            read_text(&format!(
                r#"{{"actions":[],"advisories":{{}},"muted":[],"metadata":{{"vulnerabilities":{{}},{counts}}}}}"#
            ))
        };
        assert!(
            v1(r#""dependencies":0,"devDependencies":0,"totalDependencies":0"#)
                .report
                .nothing_scanned
                .is_some()
        );
        for (text, nothing) in [
            (
                r#"{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0}}}"#,
                true,
            ),
            (r#"{"auditReportVersion":2,"vulnerabilities":{}}"#, true),
            (r#"{"metadata":{"dependencies":{"prod":1}},"vulnerabilities":{}}"#, false),
            (r#"{"auditReportVersion":2,"vulnerabilities":{"a":{"name":"a","severity":"low"}}}"#, false),
        ] {
            assert_eq!(read_text(text).report.nothing_scanned.is_some(), nothing, "{text}");
        }
        assert!(v1(r#""dependencies":0,"devDependencies":0"#).report.nothing_scanned.is_some());
        assert!(v1(r#""dependencies":0,"devDependencies":7"#).report.nothing_scanned.is_none());
        assert!(v1(r#""totalDependencies":7"#).report.nothing_scanned.is_none());
    }

    #[test]
    fn what_is_counted_is_listed() {
        let v2 = |counts: &str| {
            let text = format!(
                r#"{{"auditReportVersion":2,"vulnerabilities":{{"a":{{"name":"a","severity":"low"}}}},"metadata":{{"vulnerabilities":{counts}}}}}"#
            );
            read_text(&text).report.problems_total
        };
        assert_eq!(v2(r#"{"low":1,"total":1}"#), 0);
        for counts in [r#"{"high":1,"low":0,"total":1}"#, r#"{"low":1,"high":1}"#, r#"{"low":2,"total":0}"#] {
            assert_eq!(v2(counts), 1, "{counts}");
        }
    }

    #[test]
    fn an_error_of_npm_is_no_report() {
        for text in [
            r#"{"error":{"code":"ENOAUDIT","summary":"x","detail":""}}"#,
            r#"{"message":"405","method":"POST","statusCode":405,"body":"","error":{"summary":"","detail":""}}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":{},"error":{"code":"E"}}"#,
        ] {
            for read in [read_text(text), read_as("npm-audit", text)] {
                let error = read.error.unwrap().to_string();
                assert!(error.contains("npm reports an error"), "{error}");
            }
        }
    }

    #[test]
    fn scores_and_directness() {
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let text = format!(
            r#"{{"auditReportVersion":2,"vulnerabilities":{{"a":{{"name":"a","severity":"high","isDirect":true,
                "via":[{{"title":"x","cvss":{{"score":0,"vectorString":null}}}},{{"title":"y","cvss":{{"score":7.5,"vectorString":"{vector}"}}}}]}},
                "b":{{"severity":"low","isDirect":false,"via":[{{"cvss":{{"score":0,"vectorString":null}}}}]}}}},"metadata":{{}}}}"#
        );
        let read = read_text(&text);
        let cvss = read.findings[0].cvss.as_ref().unwrap();
        assert!((cvss.score - 7.5).abs() < 0.01);
        assert_eq!((cvss.vector.is_some(), read.findings[0].direct), (true, Some(true)));
        assert_eq!((read.findings[1].cvss.is_none(), read.findings[1].direct), (true, Some(false)));
    }

    #[test]
    fn what_is_no_list_is_an_error_and_what_is_missing_a_problem() {
        for text in [
            r#"{"auditReportVersion":2}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":null}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":[]}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":{"a":1}}"#,
            r#"{"auditReportVersion":2,"vulnerabilities":{"a":{},"a":{}}}"#,
            r#"{"advisories":{"1":{}},"metadata":{}}"#,
        ] {
            assert!(read_as("npm-audit", text).error.is_some(), "{text}");
        }
        let text = r#"{"auditReportVersion":2,"vulnerabilities":{"a":{}},"metadata":{"vulnerabilities":{"total":2}}}"#;
        let read = read_text(text);
        assert_eq!((read.findings.len(), read.report.problems_total), (1, 1));
        let text =
            r#"{"actions":[],"advisories":{},"muted":[],"metadata":{"vulnerabilities":{"low":0,"high":3}}}"#;
        let read = read_text(text);
        assert_eq!((read.findings.len(), read.report.problems_total), (0, 1));
    }
}

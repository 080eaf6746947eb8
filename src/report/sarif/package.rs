//! Packages of vulnerabilities, which SARIF has no keys for and each tool writes elsewhere.
//!
//! - Dependency-Check (`templates/sarifReport.vsl`): a package URL as `logicalLocations[].fullyQualifiedName`.
//! - Snyk (`formatters/get-sarif-result.ts`, `open-source-sarif-output.ts`): `name@version` there, `fixes[].description` of
//!   the upgrade that helps, and the CVE ids at the beginning of the rule's full description.
//! - Grype (`presenter/sarif/presenter.go`): the message, `purls` of the rule, and `Fix Version:` in its help.
//! - Trivy (`pkg/report/sarif.go`): lines `KEY: VALUE` of the message.
//! - OSV-Scanner (`internal/output/sarif.go`): the message, which names aliases too, and a table of fixed versions in the
//!   rule's help.
//! - Checkmarx One (`ast-cli`, `internal/commands/result.go`): the message, `PackageIdentifier (CVE)`.
//! - `JFrog` (`jfrog-cli-security`, `sarifparser.go`): the rule's short description; the message names the direct dependency.
//! - govulncheck (`internal/sarif/handler.go`): the message tells reachability, tags of the rule its CVE ids.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::driver::advisories;
use super::facts::{RuleItem, SarifRule};
use crate::finding::{Category, Finding, Fix, Package, Purl, Reachability, Text};
use crate::report::json::parse;
use crate::report::value::ReportWord;

/// Rows of a table of fixed versions that are kept of one rule.
const MAX_FIXES: usize = 64;

/// Statements of a rule about packages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PackageOfRule {
    /// Its package URL, if there is just one.
    purl: Option<Box<str>>,
    /// Ids of the advisory beside the rule's own.
    ids: Vec<Box<str>>,
    /// Versions with the fix.
    fixes: Vec<FixOfPackage>,
    /// Its short description without the cut of a title.
    headline: Box<str>,
}

/// Versions of a package that hold the fix.
#[derive(Debug, Serialize, Deserialize)]
struct FixOfPackage {
    package: Box<str>,
    /// The version that is installed, where that is told.
    installed: Option<Box<str>>,
    /// Separated by commas; empty where there is none.
    versions: Box<str>,
}

/// Texts of a result that a tool may tell a package in.
pub(super) struct PackageTexts<'t> {
    pub(super) tool: &'t str,
    pub(super) message: &'t str,
    /// `logicalLocations[].fullyQualifiedName` of its first place.
    pub(super) logical: &'t str,
    /// Description of its first fix.
    pub(super) fix: &'t str,
    /// `fixedVersion` of its properties.
    pub(super) fixed_version: Option<&'t str>,
}

impl PackageOfRule {
    /// Those of a rule; `None` if it makes none.
    pub(super) fn from_rule(rule: &RuleItem<'_>) -> Option<Box<Self>> {
        let [purl] = rule.properties.purls.0.as_slice() else { return Self::without_purl(rule, None) };
        Self::without_purl(rule, Some(purl.as_ref().into()))
    }

    fn without_purl(rule: &RuleItem<'_>, purl: Option<Box<str>>) -> Option<Box<Self>> {
        let full = rule.full.text.as_str();
        let listed = full.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("", |(ids, _)| ids);
        let tags = rule.properties.tags.0.iter().filter(|tag| tag.starts_with("CVE-"));
        let mut ids = advisories(listed);
        for id in tags.flat_map(|tag| advisories(tag)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let short = rule.short.text.as_str();
        let headline = if is_headline(short) { short } else { "" };
        let of = Self {
            purl,
            ids: ids.into_iter().map(String::into_boxed_str).collect(),
            fixes: rule.help.fixes(),
            headline: headline.into(),
        };
        let told = of.purl.is_some() || !of.ids.is_empty() || !of.fixes.is_empty() || !headline.is_empty();
        told.then(|| Box::new(of))
    }

    fn fix(&self, package: &str, installed: &str) -> Option<&FixOfPackage> {
        let same = |fix: &&FixOfPackage| {
            *fix.package == *package && fix.installed.as_ref().is_none_or(|version| **version == *installed)
        };
        self.fixes.iter().find(same)
    }
}

/// `help` of a rule as it is written: long, and looked into only where it may hold a fixed version.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RuleHelp<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for RuleHelp<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::report::value::RawJson::deserialize(deserializer).map(|raw| Self(raw.0))
    }
}

impl RuleHelp<'_> {
    fn fixes(self) -> Vec<FixOfPackage> {
        let has = |words: &str| memmem::find(self.0.as_bytes(), words.as_bytes()).is_some();
        let (lines, table) = (has("Fix Version: "), has("| Fixed Version |"));
        if !lines && !table {
            return Vec::new();
        }
        let Ok(help) = parse::<HelpTexts<'_>>(self.0) else { return Vec::new() };
        let text = [help.text.as_str(), help.markdown.as_str()].into_iter().find(|text| !text.is_empty());
        let text = text.unwrap_or_default();
        if table { fixes_of_table(text) } else { fix_of_lines(text).into_iter().collect() }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HelpTexts<'a> {
    #[serde(borrow)]
    text: ReportWord<'a>,
    #[serde(borrow)]
    markdown: ReportWord<'a>,
}

/// Grype's lines.
fn fix_of_lines(text: &str) -> Option<FixOfPackage> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    Some(FixOfPackage {
        package: value("Package: ")?.into(),
        installed: Some(value("Version: ")?.into()),
        versions: value("Fix Version:")?.into(),
    })
}

/// OSV-Scanner's table: advisory, package, versions.
fn fixes_of_table(text: &str) -> Vec<FixOfPackage> {
    let rows = text.lines().skip_while(|line| !line.contains("| Fixed Version |")).skip(2);
    let cells = rows.map_while(|line| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.split('|').map(str::trim).collect();
        let [_, package, versions, ..] = cells.as_slice() else { return None };
        Some(FixOfPackage { package: (*package).into(), installed: None, versions: (*versions).into() })
    });
    cells.take(MAX_FIXES).collect()
}

/// Sets package, fix, ids and reachability of a finding from where its tool writes them.
pub(super) fn tell(texts: &PackageTexts<'_>, rule: Option<&SarifRule>, finding: &mut Finding) {
    let of_rule = rule.and_then(|rule| rule.package.as_deref());
    match (texts.tool, finding.category) {
        ("trivy", Category::Vulnerability | Category::License) => trivy(texts.message, finding),
        (_, Category::Vulnerability) => {
            match texts.tool {
                "snyk-open-source" | "snyk-container" => snyk(texts, of_rule, finding),
                "grype" => grype(texts.message, of_rule, finding),
                "osv-scanner" => osv_scanner(texts.message, of_rule, finding),
                "checkmarx-one" => checkmarx(texts.message, finding),
                "jfrog" => jfrog(texts, of_rule, finding),
                "govulncheck" => govulncheck(texts.message, of_rule, finding),
                _ => {}
            }
            // Whoever writes a package URL there means the package.
            if finding.package.is_none() {
                let of_rule = of_rule.and_then(|of| of.purl.as_deref());
                let purls = [texts.logical, of_rule.unwrap_or_default()];
                finding.package = purls.into_iter().find_map(package_of_purl);
            }
        }
        _ => {}
    }
}

fn package_of_purl(written: &str) -> Option<Package> {
    let purl = Purl::parse(written)?;
    Some(Package {
        name: Text::line(&purl.full_name()),
        version: Text::line(&purl.version),
        purl: Some(Text::line(written)),
        ..Package::default()
    })
}

fn package(name: &str, version: &str) -> Option<Package> {
    let package = Package { name: Text::line(name), version: Text::line(version), ..Package::default() };
    (!package.name.is_empty()).then_some(package)
}

/// Adds ids that it does not have yet.
fn add_ids<'i>(finding: &mut Finding, ids: impl IntoIterator<Item = &'i str>) {
    for id in ids.into_iter().map(Text::line) {
        if !id.is_empty() && !finding.ids.contains(&id) {
            finding.ids.push(id);
        }
    }
}

/// Versions in a text, separated by commas.
fn versions(text: &str) -> Vec<Text> {
    text.split(',').map(|version| Text::line(version.trim())).filter(|version| !version.is_empty()).collect()
}

/// Says that these versions of the finding's package hold the fix; without any, that there is no fix.
fn fixed_in(finding: &mut Finding, written: &str) {
    let fixed = versions(written);
    finding.fix = if fixed.is_empty() { Fix::None } else { Fix::Available };
    if let Some(package) = &mut finding.package {
        package.fixed = fixed;
    }
}

/// Of a licence the message names the package alone.
fn trivy(message: &str, finding: &mut Finding) {
    let value = |key: &str| message.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    if finding.category == Category::License {
        finding.package = value("PkgName:").and_then(|name| package(name, ""));
        return;
    }
    let Some(name) = value("Package:") else { return };
    finding.package = package(name, value("Installed Version:").unwrap_or_default());
    if let Some(fixed) = value("Fixed Version:") {
        fixed_in(finding, fixed);
    }
}

fn snyk(texts: &PackageTexts<'_>, rule: Option<&PackageOfRule>, finding: &mut Finding) {
    add_ids(finding, rule.into_iter().flat_map(|of| of.ids.iter().map(AsRef::as_ref)));
    let Some((name, version)) = texts.logical.rsplit_once('@').filter(|(name, _)| !name.is_empty()) else {
        return;
    };
    finding.package = package(name, version);
    // The upgrade is that of the direct dependency, which may be another package.
    let upgrade = texts.fix.strip_prefix("Upgrade to ").and_then(|to| to.trim().rsplit_once('@'));
    if let Some((upgraded, to)) = upgrade {
        finding.fix = Fix::Available;
        if let Some(package) = finding.package.as_mut().filter(|_| upgraded == name) {
            package.fixed = versions(to);
        }
    }
}

/// `A high vulnerability in npm package: lodash, version 4.17.15 was found at: /package-lock.json`; older$
/// `The path /x reports lodash at version 4.17.15  which is a vulnerable (npm) package …`.
fn grype(message: &str, rule: Option<&PackageOfRule>, finding: &mut Finding) {
    let new = || {
        let (name, rest) = message.split_once(" package: ")?.1.split_once(", version ")?;
        Some((name, rest.split_once(" was found ")?.0))
    };
    let old = || {
        let (name, rest) = message.split_once(" reports ")?.1.split_once(" at version ")?;
        Some((name, rest.split_whitespace().next()?))
    };
    let Some((name, version)) = new().or_else(old) else { return };
    finding.package = package(name, version);
    let Some(rule) = rule else { return };
    // A rule is shared by all versions of the package.
    let url = rule.purl.as_deref().filter(|url| Purl::parse(url).is_some_and(|url| url.version == version));
    if let Some((package, url)) = finding.package.as_mut().zip(url) {
        package.purl = Some(Text::line(url));
    }
    // The versions are empty where there is no fix, and where none is known.
    if let Some(fix) = rule.fix(name, version)
        && !fix.versions.is_empty()
    {
        fixed_in(finding, &fix.versions);
    }
}

/// `Package 'lodash@4.17.15' is vulnerable to 'CVE-2020-8203' (also known as 'GHSA-p6mc-m468-83gw').`
fn osv_scanner(message: &str, rule: Option<&PackageOfRule>, finding: &mut Finding) {
    let Some((name, rest)) =
        message.strip_prefix("Package '").and_then(|rest| rest.split_once("' is vulnerable to "))
    else {
        return;
    };
    add_ids(finding, rest.split('\'').skip(1).step_by(2));
    let (name, version) = name.rsplit_once('@').filter(|(name, _)| !name.is_empty()).unwrap_or((name, ""));
    finding.package = package(name, version);
    if let Some(fix) = rule.and_then(|rule| rule.fix(name, version))
        && !fix.versions.is_empty()
    {
        fixed_in(finding, &fix.versions);
    }
}

/// `Npm-lodash-4.17.15 (CVE-2020-8203)`. A hyphen before a digit begins the version; where there are several, nothing tells
/// which, and all of it is the name.
fn checkmarx(message: &str, finding: &mut Finding) {
    let Some((identifier, _)) = message.rsplit_once(" (") else { return };
    let Some((_, rest)) = identifier.split_once('-') else { return };
    let begins = |(at, _): &(usize, &str)| rest.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
    let mut ends = rest.match_indices('-').filter(begins);
    let (name, version) = match (ends.next(), ends.next()) {
        (Some((at, _)), None) => (rest.get(..at), rest.get(at + 1..)),
        (Some(_), Some(_)) | (None, _) => (Some(rest), None),
    };
    finding.package = package(name.unwrap_or_default(), version.unwrap_or_default());
}

/// True of `[CVE-2024-1, CVE-2024-2] name version`, with words before or behind.
fn is_headline(text: &str) -> bool {
    text.contains('[') && text.contains("] ")
}

/// Package and version of such a text.
fn of_headline(text: &str) -> Option<(&str, &str)> {
    let rest = text.split_once('[')?.1.split_once("] ")?.1;
    let mut words = rest.split_whitespace().filter(|word| *word != "in");
    Some((words.next()?, words.next().filter(|word| !word.starts_with('('))?))
}

fn jfrog(texts: &PackageTexts<'_>, rule: Option<&PackageOfRule>, finding: &mut Finding) {
    let impacted = rule.and_then(|rule| of_headline(&rule.headline));
    let direct = of_headline(texts.message);
    let Some((name, version)) = impacted.or(direct) else { return };
    finding.package = package(name, version);
    finding.direct = impacted.and(direct).map(|direct| direct == (name, version));
    match texts.fixed_version.map(str::trim) {
        Some("No fix available") => finding.fix = Fix::None,
        Some(fixed) if !fixed.is_empty() => fixed_in(finding, fixed),
        Some(_) | None => {}
    }
}

fn govulncheck(message: &str, rule: Option<&PackageOfRule>, finding: &mut Finding) {
    add_ids(finding, rule.into_iter().flat_map(|of| of.ids.iter().map(AsRef::as_ref)));
    finding.reachable = if message.starts_with("Your code calls ") {
        Reachability::Yes
    } else if message.contains("appear to call any") || message.contains("appear to import any") {
        Reachability::No
    } else {
        Reachability::Unknown
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::read_text;

    /// The one finding of a run of a tool with one rule and one result.
    fn found(driver: &str, rule: &str, result: &str) -> Finding {
        let run = format!(
            r#"{{"tool":{{"driver":{{"name":"{driver}","rules":[{{{rule}}}]}}}},"results":[{{{result}}}]}}"#
        );
        let read = read_text(&format!(r#"{{"version":"2.1.0","runs":[{run}]}}"#));
        assert!(read.error.is_none() && read.report.problems.is_empty(), "{:?}", read.report.problems);
        let [finding] = read.findings.as_slice() else { panic!("{} findings", read.findings.len()) };
        finding.clone()
    }

    /// Name, version, package URL, fixed versions and whether there is a fix.
    fn told(finding: &Finding) -> (String, String, Option<String>, Vec<String>, Fix) {
        let package = finding.package.clone().unwrap_or_default();
        let fixed = package.fixed.iter().map(ToString::to_string).collect();
        let purl = package.purl.map(|purl| purl.to_string());
        (package.name.to_string(), package.version.to_string(), purl, fixed, finding.fix)
    }

    fn ids(finding: &Finding) -> Vec<&str> {
        finding.ids.iter().map(Text::as_str).collect()
    }

    fn expected(
        name: &str,
        version: &str,
        purl: Option<&str>,
        fixed: &[&str],
        fix: Fix,
    ) -> (String, String, Option<String>, Vec<String>, Fix) {
        let fixed = fixed.iter().map(|v| (*v).to_owned()).collect();
        (name.to_owned(), version.to_owned(), purl.map(str::to_owned), fixed, fix)
    }

    #[test]
    fn dependency_check_names_the_package_as_a_logical_place() {
        let purl = "pkg:maven/org.apache.struts/struts2-core@2.3.30";
        let place = format!(
            r#""physicalLocation":{{"artifactLocation":{{"uri":"lib/struts2-core-2.3.30.jar"}}}},"logicalLocations":[{{"fullyQualifiedName":"{purl}"}}]"#
        );
        let result = format!(
            r#""ruleId":"CVE-2017-5638","level":"error","message":{{"text":"CVE-2017-5638"}},"locations":[{{{place}}}]"#
        );
        let rule = r#""id":"CVE-2017-5638","properties":{"cvssv3_baseScore":10.0,"security-severity":"10.0","cvssv3_version":"3.0","cvssv2_score":"9.3"}"#;
        let finding = found("dependency-check", rule, &result);
        let is = expected("org.apache.struts/struts2-core", "2.3.30", Some(purl), &[], Fix::Unknown);
        assert_eq!(told(&finding), is);
        let cvss = finding.cvss.unwrap();
        assert_eq!((cvss.score, cvss.version.unwrap().as_str()), (10.0, "3.0"));
        // What is no package URL names no package.
        let other = result.replace(purl, "cpe:2.3:a:apache:struts:2.3.30:*:*:*:*:*:*:*");
        assert_eq!(found("dependency-check", rule, &other).package, None);
    }

    #[test]
    fn snyk_names_package_upgrade_and_ids() {
        let rule = r#""id":"SNYK-JS-LODASH-590103","fullDescription":{"text":"(CVE-2020-8203,CVE-2021-23337) lodash@4.17.15"}"#;
        let result = |upgrade: &str| {
            format!(
                r#""ruleId":"SNYK-JS-LODASH-590103","level":"error","message":{{"text":"This file introduces a vulnerable lodash package with a high severity vulnerability."}},
                "locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"package.json"}}}},"logicalLocations":[{{"fullyQualifiedName":"lodash@4.17.15"}}]}}],
                "fixes":[{{"description":{{"text":"Upgrade to {upgrade}"}}}}]"#
            )
        };
        let finding = found("Snyk Open Source", rule, &result("lodash@4.17.21"));
        assert_eq!(told(&finding), expected("lodash", "4.17.15", None, &["4.17.21"], Fix::Available));
        assert_eq!(ids(&finding), ["SNYK-JS-LODASH-590103", "CVE-2020-8203", "CVE-2021-23337"]);
        // An upgrade of the package that asks for it helps as well, and is no version of this one.
        let finding = found("Snyk Open Source", rule, &result("express@4.19.0"));
        assert_eq!(told(&finding), expected("lodash", "4.17.15", None, &[], Fix::Available));
    }

    #[test]
    fn grype_tells_the_version_of_a_rule_that_versions_share() {
        let rule = r#""id":"GHSA-p6mc-m468-83gw-lodash","help":{"text":"Vulnerability GHSA-p6mc-m468-83gw\nSeverity: high\nPackage: lodash\nVersion: 4.17.15\nFix Version: 4.17.20,4.17.21\nType: npm"},
            "properties":{"security-severity":"7.4","purls":["pkg:npm/lodash@4.17.15"]}"#;
        let result = |version: &str| {
            format!(
                r#""ruleId":"GHSA-p6mc-m468-83gw-lodash","message":{{"text":"A high vulnerability in npm package: lodash, version {version} was found at: /package-lock.json"}}"#
            )
        };
        let finding = found("grype", rule, &result("4.17.15"));
        let purl = Some("pkg:npm/lodash@4.17.15");
        assert_eq!(
            told(&finding),
            expected("lodash", "4.17.15", purl, &["4.17.20", "4.17.21"], Fix::Available)
        );
        let finding = found("grype", rule, &result("4.0.0"));
        assert_eq!(told(&finding), expected("lodash", "4.0.0", None, &[], Fix::Unknown));
        let old = r#""ruleId":"ANCHOREVULN_CVE-2020-1_npm_lodash_4.17.15","message":{"text":"The path /app reports lodash at version 4.17.15  which would result in a vulnerable (npm) package installed","id":"default"}"#;
        let finding = found("Grype", r#""id":"ANCHOREVULN_CVE-2020-1_npm_lodash_4.17.15""#, old);
        assert_eq!(told(&finding), expected("lodash", "4.17.15", None, &[], Fix::Unknown));
        assert_eq!(ids(&finding), ["CVE-2020-1"]);
    }

    #[test]
    fn osv_scanner_tells_aliases_and_fixed_versions() {
        let rule = r###""id":"CVE-2022-24713","help":{"markdown":"## Remediation\n\n### Fixed Versions\n\n| Vulnerability ID | Package Name | Fixed Version |\n| --- | --- | --- |\n| GHSA-m5pq-gvj9-9vr8 | regex | 1.5.5 |\n\nIf you"}"###;
        let result = r#""ruleId":"CVE-2022-24713","level":"warning","message":{"text":"Package 'regex@1.5.1' is vulnerable to 'CVE-2022-24713' (also known as 'RUSTSEC-2022-0013', 'GHSA-m5pq-gvj9-9vr8')."}"#;
        let finding = found("osv-scanner", rule, result);
        assert_eq!(told(&finding), expected("regex", "1.5.1", None, &["1.5.5"], Fix::Available));
        assert_eq!(ids(&finding), ["CVE-2022-24713", "RUSTSEC-2022-0013", "GHSA-m5pq-gvj9-9vr8"]);
        let scoped = result.replace("regex@1.5.1", "@scope/name@2.0.0");
        let finding = found("osv-scanner", rule, &scoped);
        assert_eq!(told(&finding), expected("@scope/name", "2.0.0", None, &[], Fix::Unknown));
    }

    #[test]
    fn checkmarx_tells_kind_and_package() {
        let of = |id: &str, tag: &str, message: &str| {
            let rule = format!(
                r#""id":"{id}","properties":{{"security-severity":"7.0","tags":["security","checkmarx","{tag}"]}}"#
            );
            found(
                "Checkmarx One",
                &rule,
                &format!(r#""ruleId":"{id}","level":"error","message":{{"text":"{message}"}}"#),
            )
        };
        let sca = of("CVE-2020-8203 (sca)", "sca", "Npm-lodash-4.17.15 (CVE-2020-8203)");
        assert_eq!((sca.category, sca.tool.as_str()), (Category::Vulnerability, "checkmarx-one"));
        assert_eq!(told(&sca), expected("lodash", "4.17.15", None, &[], Fix::Unknown));
        assert_eq!(ids(&sca), ["CVE-2020-8203"]);
        let unclear = of("CVE-1-1 (sca)", "sca", "Maven-org.x:log4j-1.2-api-2.17.1 (CVE-2021-1)");
        assert_eq!(told(&unclear), expected("org.x:log4j-1.2-api-2.17.1", "", None, &[], Fix::Unknown));
        for (tag, category) in [
            ("sast", Category::Sast),
            ("kics", Category::Misconfiguration),
            ("containers", Category::Vulnerability),
            ("sscs-secret-detection", Category::Secret),
        ] {
            assert_eq!(of("X - 1 (x)", tag, "X").category, category, "{tag}");
        }
    }

    #[test]
    fn jfrog_tells_the_impacted_package_and_the_direct_one() {
        let rule = r#""id":"CVE-2020-8203_lodash_4.17.0","shortDescription":{"text":"[CVE-2020-8203] lodash 4.17.0"},"properties":{"security-severity":"7.4"}"#;
        let result = |direct: &str, fixed: &str| {
            format!(
                r#""ruleId":"CVE-2020-8203_lodash_4.17.0","level":"error","message":{{"text":"[CVE-2020-8203] {direct}"}},"properties":{{"applicability":"Applicable","fixedVersion":"{fixed}"}}"#
            )
        };
        let finding = found("JFrog Xray Scanner", rule, &result("grunt 1.0.0", "[4.17.19], [4.17.21]"));
        assert_eq!(
            told(&finding),
            expected("lodash", "4.17.0", None, &["[4.17.19]", "[4.17.21]"], Fix::Available)
        );
        assert_eq!((finding.direct, finding.reachable), (Some(false), Reachability::Yes));
        let finding = found("JFrog Xray Scanner", rule, &result("lodash 4.17.0", "No fix available"));
        assert_eq!((finding.direct, finding.fix), (Some(true), Fix::None));
    }

    #[test]
    fn govulncheck_tells_whether_the_code_calls_it() {
        let rule = r#""id":"GO-2024-3333","properties":{"tags":["CVE-2024-45338","GHSA-w32m-9786-jp63"]}"#;
        for (message, reachable) in [
            ("Your code calls vulnerable functions in 1 package (p).", Reachability::Yes),
            (
                "Your code imports 1 vulnerable package (p), but doesn’t appear to call any of the vulnerable symbols.",
                Reachability::No,
            ),
            (
                "Your code imports 1 vulnerable package (p). Run the call-level analysis to understand it.",
                Reachability::Unknown,
            ),
        ] {
            let result =
                format!(r#""ruleId":"GO-2024-3333","level":"error","message":{{"text":"{message}"}}"#);
            let finding = found("govulncheck", rule, &result);
            assert_eq!(finding.reachable, reachable, "{message}");
            assert_eq!(ids(&finding), ["GO-2024-3333", "CVE-2024-45338"]);
        }
    }

    #[test]
    fn whoever_writes_one_package_url_means_it() {
        let rule = r#""id":"CVE-2024-1","properties":{"purls":["pkg:npm/left-pad@1.0.0"],"tags":["sca"]}"#;
        let result = r#""ruleId":"CVE-2024-1","level":"error","message":{"text":"x"}"#;
        let finding = found("Some Scanner", rule, result);
        assert_eq!(
            told(&finding),
            expected("left-pad", "1.0.0", Some("pkg:npm/left-pad@1.0.0"), &[], Fix::Unknown)
        );
        let several = rule.replace(r#""pkg:npm/left-pad@1.0.0""#, r#""pkg:npm/a@1","pkg:npm/b@1""#);
        assert_eq!(found("Some Scanner", &several, result).package, None);
    }
}

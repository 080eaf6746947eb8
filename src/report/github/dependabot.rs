//! Dependabot alerts, of the REST API and of the GraphQL API (`vulnerabilityAlerts`). The installed version is told by
//! GraphQL alone, and only where the manifest pins it.

use super::super::advisory::{Advisory, WorstSeverity};
use super::super::cvss::{highest, rating};
use super::super::document::value;
use super::super::json::{Json, JsonKind};
use super::super::value::cwe_numbers;
use super::{Format, Opening, ProblemKind, ReadError, Reading, Tree, alerts, is_alert};
use crate::finding::{Attribute, Category, EMBEDDED_MALICIOUS_CODE, Finding, Fix, Scope, Severity, Text};

/// Dependabot alerts.
pub(in crate::report) static FORMAT: Format = Format {
    id: "github-dependabot",
    title: "Dependabot alerts of GitHub's API (REST, GraphQL): vulnerabilities",
    tool: "dependabot",
    signals: &["one page of more", "`errors` of a query"],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let graph = opening.get("data").is_some_and(|data| {
        ["repository", "search", "organization", "viewer", "node"].iter().any(|key| data.has(key))
    });
    is_alert(opening, &["security_advisory"]) || is_alert(opening, &["security_vulnerability"]) || graph
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    if json.kind()? == JsonKind::Array {
        return alerts(json, reading, |entry, reading| alert(entry, reading.roots()));
    }
    let (mut lists, mut errors) = (0, false);
    json.object(|json, key| match key {
        "data" => {
            let data = value(json)?;
            graph(Tree::of(&data), reading, &mut lists).map_err(|message| json.shape(message))
        }
        "errors" => {
            errors = true;
            json.skip()
        }
        _ => json.skip(),
    })?;
    if errors {
        reading.problem(ProblemKind::Scan, "GitHub reports errors of the query (errors)", None);
    }
    if lists == 0 {
        return Err(json.shape("no list `vulnerabilityAlerts` is in the answer"));
    }
    Ok(())
}

/// Looks for the lists of alerts, however deep they lie.
fn graph(node: Tree<'_>, reading: &mut Reading<'_>, lists: &mut u64) -> Result<(), &'static str> {
    if node.flag("pageInfo.hasNextPage") == Some(true) {
        reading.problem(ProblemKind::Scan, "the answer is one page of more (hasNextPage)", None);
    }
    for (key, member) in node.members("").chain(node.list("").map(|element| ("", element))) {
        if key == "vulnerabilityAlerts" {
            *lists += 1;
            if !member.at("nodes").is_list() && !member.at("edges").is_list() {
                return Err("`vulnerabilityAlerts` has neither `nodes` nor `edges`");
            }
            if member.flag("pageInfo.hasNextPage") == Some(true) {
                reading.problem(ProblemKind::Scan, "the alerts are one page of more (hasNextPage)", None);
            }
            for alert in member.list("nodes").chain(member.list("edges").map(|edge| edge.at("node"))) {
                if !alert.text("state").eq_ignore_ascii_case("fixed") {
                    let mut finding = graph_alert(alert, reading.roots())?;
                    let gone = !alert.at("dismissedAt").is_null();
                    if gone || matches!(alert.text("state"), "DISMISSED" | "AUTO_DISMISSED") {
                        super::suppress(&mut finding, "dismissed on GitHub", &[alert.text("dismissReason")]);
                    }
                    reading.finding(finding);
                }
            }
        } else {
            graph(member, reading, lists)?;
        }
    }
    Ok(())
}

fn alert(entry: Tree<'_>, roots: &[String]) -> Result<Finding, &'static str> {
    let (advisory, vulnerability) = (entry.at("security_advisory"), entry.at("security_vulnerability"));
    let package = [entry.at("dependency.package"), vulnerability.at("package")];
    let named =
        |key: &str| package.iter().map(|p| p.text(key)).find(|text| !text.is_empty()).unwrap_or_default();
    let id = [advisory.text("ghsa_id"), advisory.text("cve_id")].into_iter().find(|id| !id.is_empty());
    if id.is_none() && named("name").is_empty() {
        return Err("an alert of Dependabot names neither an advisory nor a package");
    }
    let words = [vulnerability.text("severity"), advisory.text("severity")];
    let word = words.into_iter().find(|word| !word.is_empty()).unwrap_or_default();
    let scores = advisory.members("cvss_severities").map(|(_, score)| score).chain([advisory.at("cvss")]);
    let cvss = scores.filter_map(|s| rating(s.score("score"), "", s.text("vector_string")));
    let patched = vulnerability.text("first_patched_version.identifier");
    let found = Advisory {
        tool: FORMAT.tool,
        id: id.unwrap_or_default(),
        ids: advisory
            .list("identifiers")
            .map(|id| id.text("value"))
            .chain([advisory.text("cve_id")])
            .collect(),
        severity: WorstSeverity::only(Severity::plain(word)),
        native_severity: Some(Text::line(word)).filter(|word| !word.is_empty()),
        title: advisory.text("summary"),
        cwes: cwes(advisory, advisory.list("cwes").map(|cwe| cwe.text("cwe_id"))),
        published: advisory.text("published_at"),
        modified: advisory.text("updated_at"),
        epss: advisory.score("epss.percentage").number(),
        name: named("name"),
        ecosystem: named("ecosystem"),
        fix: Some(match (patched, vulnerability.has("first_patched_version")) {
            ("", true) => Fix::None,
            ("", false) => Fix::Unknown,
            _ => Fix::Available,
        }),
        fixed: [patched].into_iter().filter(|version| !version.is_empty()).map(Text::line).collect(),
        path: entry.text("dependency.manifest_path"),
        scope: scope(entry.text("dependency.scope")),
        direct: match entry.text("dependency.relationship") {
            "direct" => Some(true),
            "transitive" => Some(false),
            _ => None,
        },
        cvss: highest(cvss.filter(|rating| rating.score > 0.0)),
        ..Advisory::default()
    };
    Ok(found.finding(roots))
}

/// Those of the advisory; GitHub tells malware by its classification too.
fn cwes<'t>(advisory: Tree<'_>, told: impl Iterator<Item = &'t str>) -> Vec<u32> {
    let malware = advisory.text("classification").eq_ignore_ascii_case("malware");
    cwe_numbers(told).into_iter().chain(malware.then_some(EMBEDDED_MALICIOUS_CODE)).collect()
}

fn scope(word: &str) -> Option<Scope> {
    match word.to_ascii_lowercase().as_str() {
        "runtime" => Some(Scope::Production),
        "development" => Some(Scope::Development),
        _ => None,
    }
}

fn graph_alert(entry: Tree<'_>, roots: &[String]) -> Result<Finding, &'static str> {
    let vulnerability = entry.at("securityVulnerability");
    let advisory = match vulnerability.at("advisory") {
        none if none.is_null() => entry.at("securityAdvisory"),
        advisory => advisory,
    };
    let ids: Vec<&str> = advisory.list("identifiers").map(|id| id.text("value")).collect();
    let ghsa =
        [advisory.text("ghsaId")].into_iter().chain(ids.iter().copied()).find(|id| id.starts_with("GHSA-"));
    let id = ghsa.or(ids.first().copied()).unwrap_or_default();
    let name = vulnerability.text("package.name");
    if id.is_empty() && name.is_empty() {
        return Err("an alert names neither an advisory nor a package");
    }
    let patched = vulnerability.text("firstPatchedVersion.identifier");
    let pinned = entry.text("vulnerableRequirements").strip_prefix("= ").unwrap_or_default();
    let scores = advisory.members("cvssSeverities").map(|(_, score)| score).chain([advisory.at("cvss")]);
    let cvss = scores.filter_map(|s| rating(s.score("score"), "", s.text("vectorString")));
    let word = vulnerability.text("severity");
    let found = Advisory {
        tool: FORMAT.tool,
        id,
        ids,
        severity: WorstSeverity::only(Severity::plain(word)),
        native_severity: Some(Text::line(word)).filter(|word| !word.is_empty()),
        title: advisory.text("summary"),
        cwes: cwes(advisory, advisory.list("cwes.nodes").map(|cwe| cwe.text("cweId"))),
        published: advisory.text("publishedAt"),
        modified: advisory.text("updatedAt"),
        epss: advisory.score("epss.percentage").number(),
        name,
        version: pinned,
        ecosystem: vulnerability.text("package.ecosystem"),
        fix: Some(match (patched, vulnerability.has("firstPatchedVersion")) {
            ("", true) => Fix::None,
            ("", false) => Fix::Unknown,
            _ => Fix::Available,
        }),
        fixed: [patched].into_iter().filter(|version| !version.is_empty()).map(Text::line).collect(),
        path: entry.text("vulnerableManifestPath"),
        scope: scope(entry.text("dependencyScope")),
        cvss: highest(cvss.filter(|rating| rating.score > 0.0)),
        ..Advisory::default()
    };
    Ok(found.finding(roots))
}

//! `dotnet list package --vulnerable --format json` (.NET 7.0.200 and later), output version 1.
//!
//! Source of the shapes: `ListPackageJsonRenderer.cs` of NuGet.Client and the documentation of `dotnet package list`. Only
//! packages with a vulnerability are listed, below the framework for which they are resolved; a project without any is
//! listed by its path alone. What went wrong stands in `problems`. Without `--include-transitive` only the packages that a
//! project itself asks for are looked at, before .NET 10.

use super::advisory::{Advisory, WorstSeverity};
use super::json::{Json, JsonKind};
use super::npm_audit::advisory_id;
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, Severity};

/// `dotnet list package`.
pub(super) static FORMAT: Format = Format {
    id: "dotnet-list",
    title: "dotnet list package --vulnerable JSON: vulnerabilities of NuGet packages",
    tool: "dotnet-list",
    signals: &["`problems` of level error", "`projects` empty: nothing scanned"],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.has("parameters")
        && (opening.has("projects") || opening.has("problems"))
        && (opening.has("sources") || opening.has("version"))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let (mut projects, mut parameters) = (None, String::new());
    json.object(|json, key| match key {
        "parameters" => super::field::text(json).map(|text| parameters = text),
        "problems" if json.kind()? == JsonKind::Null => json.skip(),
        "problems" => findings(json, reading, |problem, reading| {
            if problem.text("level").eq_ignore_ascii_case("error") {
                let path = Some(problem.text("project")).filter(|path| !path.is_empty());
                reading.problem(ProblemKind::Scan, problem.text("text"), path);
            }
            Ok(Vec::new())
        })
        .map(|_| ()),
        "projects" => {
            projects = Some(findings(json, reading, project)?);
            Ok(())
        }
        "sources" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if !parameters.split_whitespace().any(|parameter| parameter.eq_ignore_ascii_case("--vulnerable")) {
        return Err(json.shape(
            "the list was not made with `--vulnerable`, so that it says nothing about vulnerabilities",
        ));
    }
    match projects {
        None => Err(json.shape("a list of `dotnet list package` has the key `projects`")),
        Some(0) => {
            reading.nothing_scanned("no project was looked at (projects is empty)");
            Ok(())
        }
        Some(_) => {
            if !parameters.contains("--include-transitive") {
                reading.note(
                    "only packages that a project itself asks for were looked at: add --include-transitive",
                );
            }
            Ok(())
        }
    }
}

fn project(project: Tree<'_>, reading: &mut Reading<'_>) -> Result<Vec<Finding>, &'static str> {
    let path = project.text("path");
    let mut found = Vec::new();
    for framework in entries(project, "frameworks")? {
        for (key, direct) in [("topLevelPackages", true), ("transitivePackages", false)] {
            for package in entries(framework, key)? {
                for entry in entries(package, "vulnerabilities")? {
                    found.push(finding(entry, package, direct, path, reading.roots()));
                }
            }
        }
    }
    Ok(found)
}

/// The objects of a list; none where it is missing or `null`.
fn entries<'v>(of: Tree<'v>, key: &str) -> Result<Vec<Tree<'v>>, &'static str> {
    let list = of.at(key);
    let entries: Vec<Tree<'v>> = of.list(key).collect();
    if (list.is_null() || list.is_list()) && entries.iter().all(|entry| entry.is_object()) {
        return Ok(entries);
    }
    Err(match key {
        "frameworks" => "`frameworks` of a project is no list of objects",
        "vulnerabilities" => "`vulnerabilities` of a package is no list of objects",
        _ => "a framework has packages that are no list of objects",
    })
}

fn finding(entry: Tree<'_>, package: Tree<'_>, direct: bool, path: &str, roots: &[String]) -> Finding {
    let url = entry.text("advisoryurl");
    let advisory = Advisory {
        tool: FORMAT.tool,
        id: advisory_id(url).unwrap_or(url),
        severity: WorstSeverity::only(Severity::plain(entry.text("severity"))),
        native_severity: entry.native("severity"),
        name: package.text("id"),
        version: package.text("resolvedVersion"),
        ecosystem: "nuget",
        path,
        direct: Some(direct),
        ..Advisory::default()
    };
    advisory.finding(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    fn list(projects: &str) -> String {
        format!(
            r#"{{"version":1,"parameters":"--vulnerable --include-transitive","sources":["https://nuget.invalid/index.json"],"projects":[{projects}]}}"#
        )
    }

    const PROJECT: &str = r#"{"path":"/builds/shop/shop.csproj","frameworks":[{"framework":"net8.0",
        "topLevelPackages":[{"id":"Newtonsoft.Json","requestedVersion":"12.0.1","resolvedVersion":"12.0.1","vulnerabilities":[{"severity":"High","advisoryurl":"https://github.com/advisories/GHSA-5crp-9r3c-p9vr"}]}],
        "transitivePackages":[{"id":"System.Net.Http","resolvedVersion":"4.1.0","vulnerabilities":[{"severity":"Moderate","advisoryurl":"https://github.com/advisories/GHSA-7jgj-8wvc-jh57"}]}]}]}"#;

    #[test]
    fn packages_that_are_asked_for_and_others() {
        let read = read_sound("dotnet-list", &list(PROJECT));
        let told: Vec<_> = read.findings.iter().map(|f| (f.severity, f.direct, f.rule_id.as_str())).collect();
        assert_eq!(
            told,
            [
                (Severity::High, Some(true), "GHSA-5crp-9r3c-p9vr"),
                (Severity::Medium, Some(false), "GHSA-7jgj-8wvc-jh57")
            ]
        );
        assert!(read.report.note.is_none());
        let alone = list(PROJECT).replace(" --include-transitive", "");
        assert!(read_sound("dotnet-list", &alone).report.note.is_some());
    }

    #[test]
    fn what_was_not_looked_at_is_told() {
        let clean = read_sound("dotnet-list", &list(r#"{"path":"a.csproj"}"#));
        assert_eq!((clean.findings.len(), clean.report.nothing_scanned.is_none()), (0, true));
        assert!(read_sound("dotnet-list", &list("")).report.nothing_scanned.is_some());
        let failed = list(PROJECT).replacen(
            "\"sources\"",
            r#""problems":[{"project":"b.csproj","level":"error","text":"not restored"},{"level":"warning","text":"x"}],"sources""#,
            1,
        );
        assert_eq!(read_sound("dotnet-list", &failed).report.problems_total, 1);
        for text in [
            list(PROJECT).replace("--vulnerable", "--outdated"),
            list(PROJECT).replace("\"projects\"", "\"project\""),
            list("1"),
            list(PROJECT).replace("\"topLevelPackages\":[", "\"topLevelPackages\":{},\"x\":["),
            list(r#"{"path":"a","frameworks":{}}"#),
            list(r#"{"path":"a","frameworks":["net8.0"]}"#),
            list(r#"{"path":"a","frameworks":[{"topLevelPackages":"x"}]}"#),
            list(r#"{"path":"a","frameworks":[{"topLevelPackages":[{"id":"x","vulnerabilities":{}}]}]}"#),
            list(
                r#"{"path":"a","frameworks":[{"topLevelPackages":[{"id":"x","vulnerabilities":["High"]}]}]}"#,
            ),
            list("").replacen("\"sources\"", "\"problems\":{\"level\":\"error\"},\"sources\"", 1),
            "{}".to_owned(),
        ] {
            assert!(read_as("dotnet-list", &text).error.is_some(), "{text}");
        }
    }
}

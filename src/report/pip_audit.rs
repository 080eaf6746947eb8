//! pip-audit's JSON (`pip-audit --format json`): since 2.0 an object with `dependencies`, before that the list itself.
//!
//! Source of the shapes: `pip_audit/_format/json.py`. A dependency that could not be audited has `skip_reason` in place of
//! a version and a list. There is no severity.

use super::advisory::Advisory;
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, Fix, Text};

/// pip-audit JSON.
pub(super) static FORMAT: Format = Format {
    id: "pip-audit",
    title: "pip-audit JSON: vulnerabilities of Python packages, without severities",
    tool: "pip-audit",
    signals: &["`skip_reason` of a dependency", "no dependency audited: nothing scanned"],
    unrated: true,
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Fix, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let list = match opening.first_element() {
        Some(first) => first,
        None => match opening.get("dependencies") {
            Some(list) if list.lists_objects() => list,
            Some(list) => return list.is_empty_array() && opening.has("fixes"),
            None => return false,
        },
    };
    list.has("name") && (list.has("vulns") || list.has("skip_reason"))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let (mut audited, mut listed) = (0_u64, false);
    if json.kind()? == JsonKind::Array {
        listed = true;
        findings(json, reading, |entry, reading| dependency(entry, &mut audited, reading))?;
    } else {
        json.object(|json, key| match key {
            "dependencies" => {
                listed = true;
                findings(json, reading, |entry, reading| dependency(entry, &mut audited, reading)).map(|_| ())
            }
            "fixes" => json.skip(),
            _ => unknown(json, reading),
        })?;
    }
    if !listed {
        return Err(json.shape("a report of pip-audit has a list `dependencies`"));
    }
    if audited == 0 {
        reading.nothing_scanned("no dependency was audited");
    }
    Ok(())
}

fn dependency(
    entry: Tree<'_>,
    audited: &mut u64,
    reading: &mut Reading<'_>,
) -> Result<Vec<Finding>, &'static str> {
    let name = entry.text("name");
    if !entry.at("skip_reason").is_null() {
        let message = format!("{name} was not audited: {}", entry.text("skip_reason"));
        reading.problem(ProblemKind::Scan, &message, None);
        return Ok(Vec::new());
    }
    if !entry.at("vulns").is_list() {
        return Err("a dependency has neither a list `vulns` nor a `skip_reason`");
    }
    *audited += 1;
    let version = entry.text("version");
    entry.list("vulns").map(|vulnerability| finding(vulnerability, name, version, reading.roots())).collect()
}

fn finding(entry: Tree<'_>, name: &str, version: &str, roots: &[String]) -> Result<Finding, &'static str> {
    if entry.text("id").is_empty() {
        return Err("a vulnerability has no `id`");
    }
    let fixed: Vec<Text> = entry.texts("fix_versions").into_iter().map(Text::line).collect();
    let fix = match entry.at("fix_versions").is_list() {
        true if fixed.is_empty() => Fix::None,
        true => Fix::Available,
        false => Fix::Unknown,
    };
    let advisory = Advisory {
        tool: FORMAT.tool,
        id: entry.text("id"),
        ids: entry.texts("aliases"),
        title: entry.text("description"),
        name,
        version,
        ecosystem: "pypi",
        fix: Some(fix),
        fixed,
        ..Advisory::default()
    };
    Ok(advisory.finding(roots))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_sound, read_text};

    const VULNERABLE: &str = r#"{"name":"django","version":"3.2.9","vulns":[{"id":"PYSEC-2021-439","fix_versions":["3.2.10"],"aliases":["CVE-2021-44420"],"description":"x"},{"id":"PYSEC-2","fix_versions":[],"description":"y"}]}"#;

    #[test]
    fn both_generations() {
        for text in [format!(r#"{{"dependencies":[{VULNERABLE}],"fixes":[]}}"#), format!("[{VULNERABLE}]")] {
            let read = read_sound("pip-audit", &text);
            let fixes: Vec<_> = read.findings.iter().map(|f| (f.severity, f.fix)).collect();
            assert_eq!(fixes, [(Severity::Unknown, Fix::Available), (Severity::Unknown, Fix::None)]);
            assert!(read.findings[0].ids.iter().any(|id| id.as_str() == "CVE-2021-44420"));
        }
    }

    #[test]
    fn what_was_not_audited_is_told() {
        let skipped = r#"{"name":"shop","skip_reason":"not on PyPI"}"#;
        let read = read_sound("pip-audit", &format!(r#"{{"dependencies":[{skipped},{VULNERABLE}]}}"#));
        assert_eq!((read.findings.len(), read.report.problems_total), (2, 1));
        assert!(read_sound("pip-audit", &format!("[{skipped}]")).report.nothing_scanned.is_some());
        let none = read_as("pip-audit", r#"{"dependencies":[]}"#);
        assert!(none.report.nothing_scanned.is_some());
        for text in ["[]", "{}", r#"{"dependencies":null}"#, r#"{"dependencies":[{"name":"a"}]}"#, "[1]"] {
            assert!(read_as("pip-audit", text).error.is_some(), "{text}");
        }
        assert!(read_text(r#"{"dependencies":[]}"#).error.is_some());
    }
}

//! `composer audit --format=json` (Composer 2.4 and later).
//!
//! Source of the shapes: `src/Composer/Advisory/Auditor.php` and `SecurityAdvisory.php`. PHP writes an empty map as `[]`.
//! `severity` came with 2.6; packages that are no longer maintained are listed in `abandoned`, by their name and what is
//! suggested in their place.

use super::advisory::{Advisory, WorstSeverity};
use super::field::suppress;
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Finding, FingerprintBuilder, Package, Severity, Text, is_malware_id,
};

/// `composer audit`.
pub(super) static FORMAT: Format = Format {
    id: "composer-audit",
    title: "composer audit JSON: vulnerabilities of PHP packages, abandoned ones",
    tool: "composer-audit",
    signals: &["`unreachable-repositories`"],
    categories: &[Category::Vulnerability, Category::Quality],
    attributes: &[Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let Some(advisories) = opening.get("advisories") else { return false };
    let listed = advisories.members.first().is_some_and(|(_, list)| {
        ["advisoryId", "affectedVersions", "packageName"].iter().any(|key| list.has(key))
    });
    let alone = opening.told && opening.top.members.len() == 1 && advisories.is_empty_array();
    listed || advisories.kind == Some(JsonKind::Array) && opening.has("abandoned") || alone
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut listed = false;
    json.object(|json, key| match key {
        "advisories" => {
            listed = true;
            packages(json, reading, false)
        }
        "ignored-advisories" if json.kind()? != JsonKind::Null => packages(json, reading, true),
        "abandoned" if json.kind()? == JsonKind::Object => json.object(|json, name| {
            let instead = super::field::text(json)?;
            reading.finding(abandoned(name, &instead));
            Ok(())
        }),
        "unreachable-repositories" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            let message = format!("a repository could not be reached: {}", super::field::text(json)?);
            reading.problem(ProblemKind::Scan, &message, None);
            Ok(())
        }),
        "ignored-advisories" | "abandoned" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if listed { Ok(()) } else { Err(json.shape("a report of composer audit has the key `advisories`")) }
}

/// Lists of advisories by the package's name; each of them may be a map by numbers.
fn packages(json: &mut Json, reading: &mut Reading<'_>, ignored: bool) -> Result<(), ReadError> {
    if json.kind()? == JsonKind::Array {
        // PHP's empty map.
        return json.array(|json, _| Err(json.shape("expected lists of advisories by package")));
    }
    json.object(|json, name| {
        if json.kind()? == JsonKind::Object {
            return json.object(|json, _| {
                let found = super::tree::object(json, |entry| {
                    advisory(entry, name, ignored, reading.roots()).map_err(str::to_owned)
                })?;
                reading.finding(found);
                Ok(())
            });
        }
        findings(json, reading, |entry, reading| {
            advisory(entry, name, ignored, reading.roots()).map(|finding| vec![finding])
        })
        .map(|_| ())
    })
}

fn advisory(entry: Tree<'_>, name: &str, ignored: bool, roots: &[String]) -> Result<Finding, &'static str> {
    let (id, cve) = (entry.text("advisoryId"), entry.text("cve"));
    if id.is_empty() && cve.is_empty() && entry.text("title").is_empty() {
        return Err("an advisory has neither `advisoryId`, `cve` nor `title`");
    }
    let remote = entry.list("sources").map(|source| source.text("remoteId"));
    let of_github = |id: &str| id.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("GHSA-"));
    let remote = remote.filter(|id| of_github(id) || is_malware_id(id));
    let mut found = Advisory {
        tool: FORMAT.tool,
        id: if cve.is_empty() { id } else { cve },
        ids: std::iter::once(id).chain(remote).collect(),
        severity: WorstSeverity::only(Severity::plain(entry.text("severity"))),
        native_severity: entry.native("severity"),
        title: entry.text("title"),
        published: entry.text("reportedAt"),
        name,
        ecosystem: "composer",
        ..Advisory::default()
    }
    .finding(roots);
    if ignored {
        suppress(&mut found, "ignored by composer's configuration", &[entry.text("ignoreReason")]);
    }
    Ok(found)
}

fn abandoned(name: &str, instead: &str) -> Finding {
    let mut finding = Finding::new(Category::Quality, FORMAT.tool, "abandoned", Severity::Medium);
    finding.title = Text::line(&match instead {
        "" => format!("{name} is abandoned"),
        instead => format!("{name} is abandoned; use {instead} instead"),
    });
    finding.package = Some(Package { name: Text::line(name), ..Package::default() });
    finding.cwes = vec![super::xeol::UNMAINTAINED];
    finding.identify(FingerprintBuilder::new(Category::Quality.as_str()).part("abandoned").part(name));
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    const ADVISORY: &str = r#"{"advisoryId":"PKSA-1","packageName":"a/b","affectedVersions":"<1.1.4","title":"Race","cve":"CVE-2021-32708","link":"x","reportedAt":"2021-06-23T23:56:59+00:00","sources":[{"name":"GitHub","remoteId":"GHSA-9f46-5r25-5wfm"}],"severity":"critical"}"#;

    #[test]
    fn advisories_by_package() {
        for list in [format!("[{ADVISORY}]"), format!("{{\"2\":{ADVISORY}}}")] {
            let text = format!(r#"{{"advisories":{{"a/b":{list}}},"abandoned":{{"c/d":null,"e/f":"g/h"}}}}"#);
            let read = read_as("composer-audit", &text);
            let told: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity)).collect();
            let quality = (Category::Quality, Severity::Medium);
            assert_eq!(told, [(Category::Vulnerability, Severity::Critical), quality, quality]);
            assert_eq!((read.findings[0].ids.len(), read.findings[0].published.is_some()), (3, true));
        }
    }

    #[test]
    fn malware_is_told_by_the_id_of_a_source() {
        let advisory = ADVISORY.replace("GHSA-9f46-5r25-5wfm", "MAL-2026-1");
        let read = read_as("composer-audit", &format!(r#"{{"advisories":{{"a/b":[{advisory}]}}}}"#));
        assert!(read.findings[0].is_malware());
    }

    #[test]
    fn clean_ignored_and_not_reached() {
        for text in [r#"{"advisories":[],"abandoned":[]}"#, r#"{"advisories":[]}"#] {
            let read = read_sound("composer-audit", text);
            assert_eq!((read.findings.len(), read.report.problems_total), (0, 0));
        }
        let text = format!(
            r#"{{"advisories":[],"ignored-advisories":{{"a/b":[{ADVISORY}]}},"unreachable-repositories":["https://repo.invalid"],"abandoned":[]}}"#
        );
        let read = read_sound("composer-audit", &text);
        assert_eq!((read.active().count(), read.findings.len(), read.report.problems_total), (0, 1, 1));
        for text in
            ["{}", "[]", r#"{"advisories":null}"#, r#"{"advisories":[1]}"#, r#"{"advisories":{"a":[{}]}}"#]
        {
            assert!(read_as("composer-audit", text).error.is_some(), "{text}");
        }
    }
}

//! `OpenSSF` Scorecard's JSON (`scorecard --format json`), version 2 of the format (Scorecard 3 and later).
//!
//! Source of the shapes: `pkg/scorecard/json.go` and `docs/checks.md` of the scorecard repository, which gives each check
//! its risk. A check below the highest score is a finding; its severity is the check's risk. A score of -1 says that there
//! was nothing to judge, or, where the reason is an internal error, that the check could not be made.

use super::field::{first_of, text};
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Severity, Text};

/// `OpenSSF` Scorecard.
pub(super) static FORMAT: Format = Format {
    id: "scorecard",
    title: "OpenSSF Scorecard JSON: practices of a repository",
    tool: "scorecard",
    tried: "5.2.1",
    signals: &["a check that met an internal error", "no check with a score: nothing scanned"],
    categories: &[Category::Misconfiguration],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let checks = opening.get("checks").is_some_and(|first| first.has("score") && first.has("name"));
    opening.has("scorecard") && (opening.has("checks") || opening.has("repo"))
        || checks && opening.has("repo")
}

/// Highest score of a check.
const BEST: f64 = 10.0;

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Misconfiguration);
    let (mut checks, mut judged) = (None, 0_u64);
    json.object(|json, key| match key {
        "date" => text(json).map(|date| {
            // Until version 4 a day alone.
            let day = date.len() == 10;
            reading.generated(&if day { format!("{date}T00:00:00Z") } else { date });
        }),
        "repo" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "commit" => text(json).map(|commit| reading.commit(&commit)),
            _ => json.skip(),
        }),
        "scorecard" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "version" => text(json).map(|version| reading.version(&version)),
            _ => json.skip(),
        }),
        "checks" => {
            checks = Some(findings(json, reading, |check, reading| {
                let found = practice(check, reading)?;
                judged += u64::from(check.score("score").number().is_some_and(|score| score >= 0.0));
                Ok(found.into_iter().collect())
            })?);
            Ok(())
        }
        "metadata" => json.skip(),
        _ => unknown(json, reading),
    })?;
    match checks {
        None => Err(json.shape("a report of Scorecard has a list `checks`")),
        Some(_) if judged == 0 => {
            reading.nothing_scanned("no check came to a score");
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn practice(check: Tree<'_>, reading: &mut Reading<'_>) -> Result<Option<Finding>, &'static str> {
    let (name, reason) = (check.text("name"), check.text("reason"));
    if name.is_empty() || !check.has("score") {
        return Err("no check of Scorecard: it has no `name` and `score`");
    }
    let score = check.score("score").number();
    if score.is_some_and(|score| score >= BEST) {
        return Ok(None);
    }
    if score.is_some_and(|score| score < 0.0) {
        if reason.starts_with("internal error") {
            reading.problem(ProblemKind::Rule, &format!("{name}: {reason}"), None);
        }
        return Ok(None);
    }
    let mut finding = Finding::new(Category::Misconfiguration, FORMAT.tool, name, risk(name));
    let score = check.scalar("score");
    let shown = first_of(&[reason, check.text("documentation.short"), name]);
    finding.title = Text::line(&format!("{name} {score}/10: {shown}"));
    finding.identify(FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(name));
    Ok(Some(finding))
}

/// The risk that the documentation gives to a check.
fn risk(name: &str) -> Severity {
    match name {
        "Dangerous-Workflow" | "Webhooks" => Severity::Critical,
        "Binary-Artifacts"
        | "Branch-Protection"
        | "Code-Review"
        | "Dependency-Update-Tool"
        | "Maintained"
        | "Signed-Releases"
        | "Token-Permissions"
        | "Vulnerabilities" => Severity::High,
        "Fuzzing" | "Packaging" | "Pinned-Dependencies" | "SAST" | "SBOM" | "Security-Policy" => {
            Severity::Medium
        }
        "CI-Tests" | "CII-Best-Practices" | "Contributors" | "License" => Severity::Low,
        _ => Severity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    fn report(checks: &str) -> String {
        format!(
            r#"{{"date":"2026-11-20T09:00:00Z","repo":{{"name":"github.com/shop/web","commit":"ABC0123456789abc0123456789abc0123456789a"}},"scorecard":{{"version":"v5.0.0"}},"score":6.4,"checks":[{checks}],"metadata":null}}"#
        )
    }

    #[test]
    fn checks_below_the_highest_score() {
        let checks = r#"{"name":"Token-Permissions","score":0,"reason":"detected excessive tokens","details":["Warn: x"]},{"name":"License","score":9,"reason":"r"},
            {"name":"Fuzzing","score":10,"reason":"r"},{"name":"Packaging","score":-1,"reason":"packaging workflow not detected"},{"name":"Branch-Protection","score":-1,"reason":"internal error: no token"}"#;
        let read = read_sound("scorecard", &report(checks));
        let told: Vec<_> = read.findings.iter().map(|f| (f.rule_id.as_str(), f.severity)).collect();
        assert_eq!(told, [("Token-Permissions", Severity::High), ("License", Severity::Low)]);
        assert_eq!((read.report.problems_total, read.report.commit.is_some()), (1, true));
        let none = r#"{"name":"Fuzzing","score":-1,"reason":"internal error: x"}"#;
        assert!(read_sound("scorecard", &report(none)).report.nothing_scanned.is_some());
        for text in [report("1"), report("{}"), report("").replace("checks", "check"), "[]".to_owned()] {
            assert!(read_as("scorecard", &text).error.is_some(), "{text}");
        }
    }
}

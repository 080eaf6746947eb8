//! SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format), which many tools write.
//!
//! A result gets its severity from its rule, and tools list their rules before the results (`CodeQL`, Trivy) or after
//! them (Semgrep). In the second case the file is read twice, and the first time over the results only in passing.
//! Results themselves are never kept.
//!
//! Tools disagree about what they may leave out, so nearly everything is optional here but `runs` and, where `$schema`
//! does not say the same, `version`.
//! `results` that are `null` or absent are not an empty list: the run then says nothing about findings.

mod driver;
mod facts;
mod invocation;
mod location;
mod object;
mod package;
mod result;
mod run;
mod walk;

use super::conceal::told_value;
use super::json::{Json, JsonKind};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category};
use run::{RUN, SarifRun};
use walk::{holds_something, other, text};

/// SARIF.
pub(super) static FORMAT: Format = Format {
    id: "sarif",
    title: "SARIF 2.1.0: results of any tool",
    tool: "sarif",
    tried: "2.1.0",
    signals: &[
        "`executionSuccessful: false`: failed",
        "notifications of level error, `exitCode` not 0",
        "`runs` empty or no list `results`: nothing scanned",
    ],
    categories: Category::ALL,
    attributes: &[Attribute::Confidence, Attribute::Fix, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// The version that is read.
const VERSION: &str = "2.1.0";
/// Keys of a log.
const LOG: &[&str] = &["$schema", "version", "runs", "inlineExternalProperties", "properties"];

/// CVE, GHSA and other advisory ids in a text.
pub(super) fn advisories_in(text: &str) -> Vec<String> {
    driver::advisories(text)
}

/// The tool of that name and the category of what it finds, if it is a known one.
pub(super) fn known_tool(name: &str) -> Option<(&'static str, Category)> {
    driver::ToolDriver::by_name(name).map(|known| (known.tool, known.category))
}

fn looks_like(opening: &Opening) -> bool {
    let Some(runs) = opening.get("runs") else { return false };
    opening.has("version")
        || opening.has("$schema")
        || runs.lists_objects() && RUN.iter().filter(|key| **key != "properties").any(|key| runs.has(key))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut seen = SarifSections::default();
    let mut schema = String::new();
    json.object(|json, key| match key {
        "version" => {
            seen.version = true;
            version(json)
        }
        "runs" => {
            seen.runs = Some(0);
            json.array(|json, index| {
                seen.runs = Some(index + 1);
                SarifRun::read_run(json, reading, &mut seen)
            })
        }
        "inlineExternalProperties" => inline(json, reading),
        "$schema" if json.kind()? == JsonKind::String => {
            schema = text(json)?;
            Ok(())
        }
        key => other(json, reading, key, LOG),
    })?;
    // Some tools name it by the schema alone: `…/sarif-2.1.0.json`, `…/sarif-schema-2.1.0.json`.
    let by_schema = schema.to_ascii_lowercase().contains("sarif") && schema.contains("2.1");
    if !seen.version && !by_schema {
        return Err(json.shape(&format!("`version` is missing: SARIF {VERSION} is read")));
    }
    let Some(runs) = seen.runs else { return Err(json.shape("a SARIF log has a list `runs`")) };
    if runs == 0 {
        reading.nothing_scanned("`runs` is empty: no tool has run");
    } else if seen.with_results == 0 {
        reading.nothing_scanned("no run has a list `results`");
    } else if seen.with_results < runs {
        reading.problem(ProblemKind::Scan, "some runs have no list `results`", None);
    }
    if (1..runs).contains(&seen.stating) {
        let silent = runs - seen.stating;
        reading.partly_bound(&format!("{silent} of its {runs} runs say neither commit nor image"));
    }
    match (seen.no_time, seen.ended) {
        (true, _) => reading.generated_unreadable(),
        (false, Some(time)) => reading.generated(&time.to_string()),
        (false, None) => {}
    }
    Ok(())
}

/// External properties that stand in the log itself. Some tools write an entry that only says which run it is about.
fn inline(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    json.unless_null(|json| {
        json.array(|json, _| {
            json.object(|json, key| {
                let about = ["schema", "version", "guid", "runGuid", "properties"].contains(&key);
                if holds_something(json)? && !about && !run::ASIDE.contains(&key) {
                    let message =
                        format!("`{}` are external properties, which are not read", json.path_text());
                    reading.problem(ProblemKind::Scan, &message, None);
                }
                Ok(())
            })
        })
    })
}

/// Parts of the report that were read so far.
#[derive(Default)]
struct SarifSections {
    version: bool,
    /// Number of runs, if there is a list of them.
    runs: Option<usize>,
    with_results: usize,
    /// Number of runs that say which commit or image they are about.
    stating: usize,
    /// The tool is named.
    named: bool,
    /// The first commit that a run says it is about.
    commit: Option<String>,
    /// When the first invocation ended: of several, the oldest part tells the age.
    ended: Option<jiff::Timestamp>,
    no_time: bool,
}

fn version(json: &mut Json) -> Result<(), ReadError> {
    let kind = json.kind()?;
    let version = match kind {
        JsonKind::String => text(json)?,
        _ => json.skip().map(|()| kind.words().to_owned())?,
    };
    if kind == JsonKind::String && version == VERSION {
        return Ok(());
    }
    Err(json.shape(&format!("`version` is {}: SARIF {VERSION} is read", told_value(&version))))
}

#[cfg(test)]
mod tests;

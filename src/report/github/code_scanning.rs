//! Code scanning alerts of the REST API.

use super::super::field::first_of;
use super::super::json::Json;
use super::super::sarif::known_tool;
use super::super::value::cwe_numbers;
use super::{Format, Opening, ReadError, Reading, Tree, alerts, is_alert};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// Code scanning alerts.
pub(in crate::report) static FORMAT: Format = Format {
    id: "github-code-scanning",
    title: "Code scanning alerts of GitHub's API: weaknesses in code, and what else was uploaded there",
    tool: "github-code-scanning",
    signals: &["a list of exactly one page"],
    categories: &[Category::Sast, Category::Secret, Category::Vulnerability, Category::Misconfiguration],
    attributes: &[],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    is_alert(opening, &["rule", "tool"])
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Sast);
    alerts(json, reading, |entry, reading| alert(entry, reading.roots()))
}

fn alert(entry: Tree<'_>, roots: &[String]) -> Result<Finding, &'static str> {
    let rule = entry.at("rule");
    let id = first_of(&[rule.text("id"), rule.text("name")]);
    if id.is_empty() {
        return Err("a code scanning alert has no `rule.id`");
    }
    // A security severity counts; else the level, as in SARIF.
    let security = rule.text("security_severity_level");
    let severity = match (security, rule.text("severity")) {
        ("", "error") => Severity::High,
        ("", "warning") => Severity::Medium,
        ("", "note") => Severity::Low,
        ("", "none") => Severity::Info,
        ("", _) => Severity::Unknown,
        (word, _) => Severity::plain(word),
    };
    let (tool, category) = known_tool(entry.text("tool.name")).unwrap_or((FORMAT.tool, Category::Sast));
    let mut finding = Finding::new(category, tool, id, severity);
    let word = first_of(&[security, rule.text("severity")]);
    finding.native_severity = Some(Text::line(word)).filter(|word| !word.is_empty());
    let tags = rule.texts("tags");
    finding.cwes = cwe_numbers(tags.iter().filter_map(|tag| tag.strip_prefix("external/cwe/")));
    let instance = entry.at("most_recent_instance");
    let message = instance.text("message.text");
    finding.title = Text::line(first_of(&[message, rule.text("description"), id]));
    let place = instance.at("location");
    let lines = (place.line("start_line"), place.line("end_line"));
    finding.location = Location::new(place.text("path"), lines.0, lines.1, roots);
    let print = FingerprintBuilder::new(category.as_str()).part(id);
    // A message about a credential may quote it.
    finding.identify(if category == Category::Secret {
        print
    } else {
        print.folded(&super::super::conceal::comparable(message))
    });
    finding.bind_to_code();
    Ok(finding)
}

//! Secret scanning alerts of the REST API. `secret` holds the value.

use super::super::field::first_of;
use super::super::json::Json;
use super::super::secret::Leak;
use super::{Format, Opening, ReadError, Reading, Tree, alerts, is_alert};
use crate::finding::{Attribute, Category, Finding};

/// Secret scanning alerts.
pub(in crate::report) static FORMAT: Format = Format {
    id: "github-secret-scanning",
    title: "Secret scanning alerts of GitHub's API: credentials, valid or not",
    tool: "github-secret-scanning",
    signals: &["a list of exactly one page"],
    categories: &[Category::Secret],
    attributes: &[Attribute::Verified],
    empty_array: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    is_alert(opening, &["secret_type"])
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Secret);
    alerts(json, reading, alert)
}

fn alert(entry: Tree<'_>, reading: &Reading<'_>) -> Result<Finding, &'static str> {
    let kind = entry.text("secret_type");
    if kind.is_empty() {
        return Err("a secret scanning alert has no `secret_type`");
    }
    let place = entry.at("first_location_detected");
    let leak = Leak {
        tool: FORMAT.tool,
        rule: kind,
        title: first_of(&[entry.text("secret_type_display_name"), kind]),
        path: place.text("path"),
        lines: (place.line("start_line"), place.line("end_line")),
        values: &[entry.text("secret")],
        text: "",
    };
    let mut finding = leak.finding(reading.context());
    finding.verified = match entry.text("validity") {
        "active" => Some(true),
        "inactive" => Some(false),
        _ => None,
    };
    Ok(finding)
}

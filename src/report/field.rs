//! Single values of a report's own keys.

use super::ReadError;
use super::credential_rule::is_about_secrets;
use super::json::{Json, JsonKind, shapes};
use super::value::RawJson;
use crate::finding::{Category, Finding, Text, clean_line};

shapes!(RawJson);

/// A count; `None` for anything that is no natural number.
pub(super) fn number(json: &mut Json) -> Result<Option<u64>, ReadError> {
    match json.kind()? {
        JsonKind::Number => json.with_value::<RawJson<'static>, _>(|number| number.0.parse().ok()),
        _ => json.skip().map(|()| None),
    }
}

/// A string; empty for anything else.
pub(super) fn text(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        JsonKind::String => json.with_value::<String, _>(|text| text),
        _ => json.skip().map(|()| String::new()),
    }
}

/// A string, or a number as text; empty for anything else.
pub(super) fn scalar(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        JsonKind::Number => json.with_value::<RawJson<'static>, _>(|number| number.0.to_owned()),
        _ => text(json),
    }
}

/// Switches a finding off: by what, in words that are the tool's or ours, and why, in a person's. Of a finding about a
/// secret a person's words are not kept: they may quote it.
pub(super) fn suppress(finding: &mut Finding, by: &str, why: &[&str]) {
    finding.suppressed = true;
    let secret =
        finding.category == Category::Secret || is_about_secrets(finding.rule_id.as_str(), &finding.cwes);
    let why: &[&str] = if secret { &[] } else { why };
    let parts = std::iter::once(&by).chain(why).map(|part| clean_line(part)).filter(|part| !part.is_empty());
    let text = parts.collect::<Vec<_>>().join(": ");
    finding.suppression = Some(Text::line(&text)).filter(|text| !text.is_empty());
}

/// The first of the texts that says something.
pub(super) fn first_of<'t>(texts: &[&'t str]) -> &'t str {
    texts.iter().copied().find(|text| !text.trim().is_empty()).unwrap_or_default()
}

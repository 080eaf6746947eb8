//! Single values of a report's own keys.

use super::ReadError;
use super::json::{Json, Kind, shapes};
use super::value::Raw;

shapes!(Raw);

/// A count; `None` for anything that is no natural number.
pub(super) fn number(json: &mut Json) -> Result<Option<u64>, ReadError> {
    match json.kind()? {
        Kind::Number => json.take::<Raw<'static>, _>(|number| number.0.parse().ok()),
        _ => json.skip().map(|()| None),
    }
}

/// A string; empty for anything else.
pub(super) fn text(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        Kind::String => json.take::<String, _>(|text| text),
        _ => json.skip().map(|()| String::new()),
    }
}

/// A string, or a number as text; empty for anything else.
pub(super) fn scalar(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        Kind::Number => json.take::<Raw<'static>, _>(|number| number.0.to_owned()),
        _ => text(json),
    }
}

/// The first of the texts that says something.
pub(super) fn first_of<'t>(texts: &[&'t str]) -> &'t str {
    texts.iter().copied().find(|text| !text.trim().is_empty()).unwrap_or_default()
}

//! Steps that the levels of a log share.

use super::object::{Scalar, resembles};
use crate::report::json::{Json, JsonKind, shapes};
use crate::report::{ProblemKind, ReadError, Reading};

shapes!(Scalar);

/// A string or a number as text; empty for anything else.
pub(super) fn text(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        JsonKind::String | JsonKind::Number => {
            json.with_value::<Scalar<'static>, _>(|text| text.0.into_owned())
        }
        JsonKind::Object | JsonKind::Array | JsonKind::Bool | JsonKind::Null => {
            json.skip().map(|()| String::new())
        }
    }
}

/// A key that nothing is asked of. Where it is none of the format's, and may be one of them under a changed name or
/// may hold findings, the report says so.
pub(super) fn other(
    json: &mut Json,
    reading: &mut Reading<'_>,
    key: &str,
    known: &[&str],
) -> Result<(), ReadError> {
    if known.contains(&key) {
        return json.skip();
    }
    let alike = resembles(key, known);
    if json.skip_and_see_objects()? || alike {
        let place = json.path_text();
        let message = format!("`{place}` is no key of SARIF; what it holds was not read");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    Ok(())
}

/// True for a list or object with something in it; reads over it.
pub(super) fn holds_something(json: &mut Json) -> Result<bool, ReadError> {
    let mut something = false;
    match json.kind()? {
        JsonKind::Array => json.array(|json, _| {
            something = true;
            json.skip()
        })?,
        JsonKind::Object => json.object(|json, _| {
            something = true;
            json.skip()
        })?,
        JsonKind::Null => json.skip()?,
        JsonKind::String | JsonKind::Number | JsonKind::Bool => {
            something = true;
            json.skip()?;
        }
    }
    Ok(something)
}

//! Steps that the levels of a report share.

use super::TrivySections;
use super::entry::{Site, TrivyEntry};
use crate::report::json::{BorrowedShape, Json, JsonKind};
use crate::report::{ProblemKind, ReadError, Reading};

/// A list of findings; `null` is an empty one, as Go writes it.
pub(super) fn list<S: BorrowedShape>(
    json: &mut Json,
    reading: &mut Reading<'_>,
    seen: &mut TrivySections,
    site: &Site<'_>,
) -> Result<(), ReadError>
where
    for<'a> S::As<'a>: TrivyEntry,
{
    json.unless_null(|json| {
        json.array(|json, _| {
            json.item::<S, _>(|entry| {
                if let Some(finding) = entry.to_finding(site) {
                    seen.found += 1;
                    reading.finding(finding);
                }
            })
        })
    })
}

/// A text that findings need. If some were handed over without it, the file is read once more.
pub(super) fn fact(json: &mut Json, reading: &mut Reading<'_>, late: bool) -> Result<String, ReadError> {
    let fact = text(json)?;
    if late && !fact.is_empty() {
        reading.late(json.path_text(), &fact);
    }
    Ok(fact)
}

/// A string; empty for anything else.
pub(super) fn text(json: &mut Json) -> Result<String, ReadError> {
    match json.kind()? {
        JsonKind::String => json.with_value::<String, _>(|text| text),
        _ => json.skip().map(|()| String::new()),
    }
}

/// A key that this level does not have. Where it could hold findings under a changed name, the report says so.
pub(super) fn other(
    json: &mut Json,
    reading: &mut Reading<'_>,
    key: &str,
    known: &[&[&str]],
) -> Result<(), ReadError> {
    let mut known = known.iter().copied().flatten();
    if let Some(right) = known.find(|right| right.eq_ignore_ascii_case(key) && **right != key) {
        return Err(json.shape(&format!("Trivy writes this key as `{right}`")));
    }
    if json.skip_and_see_objects()? {
        let place = json.path_text();
        reading.problem(
            ProblemKind::Scan,
            &format!("`{place}` is no list of Trivy's; it may hold findings"),
            None,
        );
    }
    Ok(())
}

//! Alerts of GitHub's REST API: arrays, as `gh api --paginate repos/OWNER/REPO/…/alerts` saves them.
//!
//! Source of the shapes: GitHub's REST API description, version 2022-11-28 (`dependabot/alerts`, `code-scanning/alerts`,
//! `secret-scanning/alerts`). An alert that is not open was fixed, dismissed or resolved; it counts as suppressed unless
//! it was fixed. A list of exactly 30 or 100 may be a page of a longer one: those are the API's usual page and its
//! largest.

mod code_scanning;
mod dependabot;
mod secret_scanning;

use super::field::suppress;
use super::json::Json;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::Finding;

pub(super) use code_scanning::FORMAT as CODE_SCANNING;
pub(super) use dependabot::FORMAT as DEPENDABOT;
pub(super) use secret_scanning::FORMAT as SECRET_SCANNING;

/// Lengths of a full page.
const PAGES: [u64; 2] = [30, 100];

/// An alert has a number and a state; `keys` are those of its kind.
fn is_alert(opening: &Opening, keys: &[&str]) -> bool {
    opening.first_element().is_some_and(|first| {
        first.has("state") && first.has("number") && keys.iter().all(|key| first.has(key))
    })
}

/// Reads a list of alerts.
fn alerts(
    json: &mut Json,
    reading: &mut Reading<'_>,
    mut alert: impl FnMut(Tree<'_>, &Reading<'_>) -> Result<Finding, &'static str>,
) -> Result<(), ReadError> {
    let count = findings(json, reading, |entry, reading| {
        // What was fixed is not there any more.
        if entry.text("state").eq_ignore_ascii_case("fixed") {
            return Ok(Vec::new());
        }
        let mut finding = alert(entry, reading)?;
        let state = entry.text("state").to_ascii_lowercase();
        if matches!(state.as_str(), "dismissed" | "auto_dismissed" | "resolved") {
            let reason = [entry.text("dismissed_reason"), entry.text("resolution")];
            let by = format!("{state} on GitHub {}", super::field::first_of(&reason));
            let why = [entry.text("dismissed_comment"), entry.text("resolution_comment")];
            suppress(&mut finding, by.trim_end(), &[super::field::first_of(&why)]);
        }
        Ok(vec![finding])
    })?;
    if PAGES.contains(&count) {
        let message =
            format!("the list has exactly {count} alerts: it may be one page of more (use --paginate)");
        reading.problem(ProblemKind::Scan, &message, None);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

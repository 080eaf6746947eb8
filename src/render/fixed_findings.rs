//! Findings of the base that are gone.

use jiff::civil::Date;
use serde::Serialize;

use crate::decide::Decision;
use crate::finding::{Category, Fingerprint, Severity, clean_line};
use crate::relate::BaseEntry;

/// One kind of them; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Fixed<'d> {
    fingerprint: Fingerprint,
    category: Category,
    rule_id: &'d str,
    severity: Severity,
    path: Option<&'d str>,
    package: Option<&'d str>,
    tool: &'d str,
    count: u32,
    #[schemars(with = "Option<String>")]
    first_seen: Option<Date>,
}

impl<'d> Fixed<'d> {
    pub(super) fn from_entry(entry: &'d BaseEntry) -> Self {
        Self {
            fingerprint: entry.fingerprint,
            category: entry.category,
            rule_id: &entry.rule,
            severity: entry.severity,
            path: Some(entry.path.as_str()).filter(|path| !path.is_empty()),
            package: Some(entry.package.as_str()).filter(|package| !package.is_empty()),
            tool: &entry.tool,
            count: entry.count,
            first_seen: entry.first_seen,
        }
    }
}

/// Each kind in a line, the worst first, at most `most`; and how many findings are in none of them.
pub(super) fn lines(decision: &Decision, most: usize) -> (Vec<String>, u64) {
    let line = |entry: &BaseEntry| {
        let at = if entry.path.is_empty() { &entry.package } else { &entry.path };
        let times = if entry.count > 1 { format!(" ({} times)", entry.count) } else { String::new() };
        clean_line(&format!("{} {at}: {}{times}", entry.severity, entry.rule)).into_owned()
    };
    let shown: Vec<&BaseEntry> = decision.fixed.iter().take(most).collect();
    let listed: u64 = shown.iter().map(|entry| u64::from(entry.count)).sum();
    let all = decision.base.as_ref().map_or(0, |base| base.fixed);
    (shown.into_iter().map(line).collect(), all.saturating_sub(listed))
}

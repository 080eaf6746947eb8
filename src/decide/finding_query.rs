//! Which findings a person means by an id.

use crate::finding::{Finding, Text, is_hex};

/// Whether a finding is meant: by the beginning of its fingerprint, its check, an advisory, its package, or its place as
/// PATH or PATH:LINE.
pub(super) fn is_meant(finding: &Finding, id: &str) -> bool {
    let same = |text: &Text| text.real().eq_ignore_ascii_case(id);
    let line = finding.location.as_ref().and_then(|location| location.line);
    beginning(id).is_some_and(|begin| finding.fingerprint.to_string().starts_with(&begin))
        || same(&finding.rule_id)
        || finding.rule_aliases.iter().any(same)
        || finding.ids.iter().any(same)
        || finding
            .package
            .as_ref()
            .is_some_and(|package| same(&package.name) || finding.is_of_package(id) != Some(false))
        || finding.path().is_some_and(|path| {
            let rest = id.strip_prefix("./").unwrap_or(id).strip_prefix(path);
            rest == Some("")
                || rest
                    .and_then(|rest| rest.strip_prefix(':')?.parse().ok())
                    .is_some_and(|n: u32| line == Some(n))
        })
}

/// The beginning of a fingerprint that an id is; the version may be left out.
pub(super) fn beginning(id: &str) -> Option<String> {
    let lower = id.to_ascii_lowercase();
    // A baseline has them in groups.
    let digits = lower.strip_prefix("sg1:").map_or_else(|| lower.clone(), |digits| digits.replace(':', ""));
    let hex = digits.len() >= 4 && is_hex(&digits);
    hex.then(|| format!("sg1:{digits}"))
}

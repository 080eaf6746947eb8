//! Which advisories a finding is about, and whether all of them are meant.

use std::collections::BTreeMap;

use crate::finding::{Category, Finding, Text};

/// The ids of advisories. The rule of a code finding is none: `ids` would then match it in every file.
pub(super) fn advisories(finding: &Finding) -> impl Iterator<Item = &Text> {
    let rule = (finding.category == Category::Vulnerability).then_some(&finding.rule_id);
    finding.ids.iter().chain(rule)
}

/// Whether ids name all that a finding is about. Ids of several authorities, such as CVE and GHSA, are names of the same;
/// two of one authority are two advisories (npm tells all those of a package at once), and what is said of the one does
/// not cover the other.
pub(super) fn names_whole_finding(finding: &Finding, is: impl Fn(&str) -> bool) -> bool {
    let mut all: BTreeMap<String, bool> = BTreeMap::new();
    for id in advisories(finding).map(Text::as_str) {
        let authority = id.split('-').next().unwrap_or_default().to_ascii_uppercase();
        *all.entry(authority).or_insert(true) &= is(id);
    }
    all.values().any(|named| *named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn one_of_two_advisories_is_not_all() {
        let of = |rule: &str, ids: &[&str], said: &[&str]| {
            let mut finding = Finding::new(Category::Vulnerability, "t", rule, Severity::High);
            finding.ids = ids.iter().map(|id| Text::line(id)).collect();
            names_whole_finding(&finding, |id| said.contains(&id))
        };
        assert!(of("CVE-1", &["CVE-1", "GHSA-a"], &["CVE-1"]));
        assert!(of("CVE-1", &["CVE-1", "GHSA-a"], &["GHSA-a"]));
        assert!(!of("GHSA-a", &["GHSA-a", "GHSA-b"], &["GHSA-a"]));
        assert!(of("GHSA-a", &["GHSA-a", "GHSA-b"], &["GHSA-a", "GHSA-b"]));
        // Of an advisory for several CVEs, itself or all of them.
        assert!(of("RHSA-1", &["CVE-1", "CVE-2"], &["RHSA-1"]));
        assert!(!of("RHSA-1", &["CVE-1", "CVE-2"], &["CVE-1"]));
        assert!(!of("", &[], &["CVE-1"]));
    }
}

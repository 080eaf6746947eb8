//! Scanners that a policy does not trust, by name and version.

use std::cmp::Ordering;

use super::glob;
use crate::finding::{CLOCK_SKEW, duration_text};

/// What a policy asks of scanners themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustRules {
    /// Scanners, or versions of them, whose reports are no evidence.
    pub deny: Vec<DeniedTool>,
    /// Oldest versions: each a scanner's name with its version.
    pub at_least: Vec<(String, String)>,
    /// Longest age of the vulnerability database that a report was made with, in seconds.
    pub database_max_age: Option<i64>,
}

/// A scanner whose reports are no evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedTool {
    /// Its name, compared without letter case.
    pub tool: String,
    /// Globs of versions; every version where there is none.
    pub versions: Vec<String>,
    /// Why, for people.
    pub reason: String,
}

/// Why a report of a scanner cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distrust {
    /// In words.
    pub why: String,
    /// It is known to be so; otherwise the report does not say its version.
    pub certain: bool,
}

impl TrustRules {
    /// The first reason not to trust a scanner of this name and version, a certain one before one that may be.
    pub fn distrusts(&self, tool: &str, version: Option<&str>) -> Option<Distrust> {
        let version = version.map(str::trim).filter(|version| !version.is_empty());
        let denied = self.deny.iter().filter(|denied| denied.tool.eq_ignore_ascii_case(tool));
        let denied = denied.filter_map(|denied| denied.distrusts(version));
        let least = self.at_least.iter().filter(|(name, _)| name.eq_ignore_ascii_case(tool));
        let old = least.filter_map(|(_, least)| too_old(tool, version, least));
        let mut all: Vec<Distrust> = denied.chain(old).collect();
        all.sort_by_key(|distrust| !distrust.certain);
        all.into_iter().next()
    }

    /// Why not to trust a report for its vulnerability database, of which its format can tell the date: it is of
    /// `dated`, which may be when an entry last changed (`of_change`).
    pub fn distrusts_database(
        &self,
        tool: &str,
        dated: Option<i64>,
        of_change: bool,
        now: i64,
    ) -> Option<Distrust> {
        let most = self.database_max_age?;
        let uncertain = |why: String| Some(Distrust { why, certain: false });
        let Some(dated) = dated else {
            let most = duration_text(most);
            return uncertain(format!(
                "{tool} does not say of when its vulnerability database is, which may be at most {most} old"
            ));
        };
        let age = now.saturating_sub(dated);
        if age < -CLOCK_SKEW {
            return uncertain(format!("{tool} says that its vulnerability database is of the future"));
        }
        if age <= most {
            return None;
        }
        let (age, most) = (duration_text(age), duration_text(most));
        if of_change {
            return uncertain(format!(
                "no entry of the vulnerability database of {tool} has changed for {age}: it may be older than {most}"
            ));
        }
        let why = format!("the vulnerability database of {tool} is {age} old, more than {most}");
        Some(Distrust { why, certain: true })
    }
}

impl DeniedTool {
    fn distrusts(&self, version: Option<&str>) -> Option<Distrust> {
        let Self { tool, versions, reason } = self;
        let (certain, is) = match version {
            _ if versions.is_empty() => (true, String::new()),
            None => (false, " of unknown version".to_owned()),
            Some(version) => {
                let bare = version.strip_prefix('v').unwrap_or(version);
                let of = |glob: &String| {
                    glob::matches_parameter(glob, bare) || glob::matches_parameter(glob, version)
                };
                if !versions.iter().any(of) {
                    return None;
                }
                (true, format!(" {version}"))
            }
        };
        let word = if certain { "is not trusted" } else { "may be one that is not trusted" };
        Some(Distrust { why: format!("{tool}{is} {word}: {reason}"), certain })
    }
}

fn too_old(tool: &str, version: Option<&str>, least: &str) -> Option<Distrust> {
    match version.map(|version| (version, compare_versions(version, least))) {
        Some((_, Some(Ordering::Greater | Ordering::Equal))) => None,
        Some((version, Some(Ordering::Less))) => {
            Some(Distrust { why: format!("{tool} {version} is older than {least}"), certain: true })
        }
        Some((version, None)) => Some(Distrust {
            why: format!("{tool} {version} may be older than {least}: its version cannot be compared"),
            certain: false,
        }),
        None => Some(Distrust {
            why: format!("{tool} does not say its version, which must be at least {least}"),
            certain: false,
        }),
    }
}

/// The numbers of a version, such as `1.150` or `v0.69.4`; `None` where it is no list of numbers.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let version = version.strip_prefix('v').unwrap_or(version);
    // What follows is a build of the same version; one before its release is not that version yet.
    let version = version.split('+').next().unwrap_or(version);
    version.split('.').map(|part| part.parse().ok()).collect()
}

/// How two versions stand to each other, missing numbers being 0.
fn compare_versions(version: &str, other: &str) -> Option<Ordering> {
    let (mut a, mut b) = (numbers(version)?, numbers(other)?);
    let longest = a.len().max(b.len());
    a.resize(longest, 0);
    b.resize(longest, 0);
    Some(a.cmp(&b))
}

/// Whether one oldest version asks for as much as another.
pub(super) fn is_at_least(version: &str, other: &str) -> bool {
    matches!(compare_versions(version, other), Some(Ordering::Greater | Ordering::Equal))
}

/// Whether a version can be an oldest version.
pub(super) fn is_version(text: &str) -> bool {
    numbers(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_denied_old_or_unknown() {
        let trust = TrustRules {
            deny: vec![DeniedTool {
                tool: "trivy".to_owned(),
                versions: vec!["0.69.4".to_owned(), "0.70.*".to_owned()],
                reason: "compromised".to_owned(),
            }],
            at_least: vec![("semgrep".to_owned(), "1.150".to_owned())],
            database_max_age: None,
        };
        let of = |tool, version| trust.distrusts(tool, version).map(|distrust| distrust.certain);
        for (tool, version, distrusted) in [
            ("Trivy", Some("0.69.4"), Some(true)),
            ("trivy", Some("v0.69.4"), Some(true)),
            ("trivy", Some("0.70.1"), Some(true)),
            ("trivy", Some("0.69.5"), None),
            ("trivy", None, Some(false)),
            ("semgrep", Some("1.150.0"), None),
            ("semgrep", Some("1.9.9"), Some(true)),
            ("semgrep", Some("1.150.0-rc1"), Some(false)),
            ("semgrep", Some(""), Some(false)),
            ("grype", None, None),
        ] {
            assert_eq!(of(tool, version), distrusted, "{tool} {version:?}");
        }
    }

    #[test]
    fn databases_that_are_old_or_of_an_unknown_date() {
        let trust = TrustRules { database_max_age: Some(100), ..TrustRules::default() };
        let now = 1_000_000;
        let of = |dated, of_change| {
            trust.distrusts_database("grype", dated, of_change, now).map(|distrust| distrust.certain)
        };
        for (dated, of_change, distrusted) in [
            (Some(now), false, None),
            (Some(now - 100), false, None),
            (Some(now - 101), false, Some(true)),
            (Some(now - 101), true, Some(false)),
            (Some(now - 100), true, None),
            (Some(now + CLOCK_SKEW + 1), false, Some(false)),
            (None, false, Some(false)),
        ] {
            assert_eq!(of(dated, of_change), distrusted, "{dated:?} {of_change}");
        }
        assert_eq!(TrustRules::default().distrusts_database("grype", None, false, now), None);
    }
}

//! The common severity scale and the plain table of words most scanners share.

use serde::{Deserialize, Serialize};

/// `critical` > `high` > `medium` > `low` > `info`; `unknown` where the scanner gives none that can be trusted.
///
/// There is no `Ord`: how an unknown severity compares is the policy's decision ([`Severity::rank`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Act now.
    Critical,
    /// Act before release.
    High,
    /// Plan a fix.
    Medium,
    /// Fix when convenient.
    Low,
    /// For information.
    Info,
    /// Missing, null, empty or a word that the format's table does not have.
    Unknown,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Severity {
    /// Every level, worst first, `unknown` last: the order of tables and counts.
    pub const ALL: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info, Self::Unknown];

    /// The word used in policies and outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
            Self::Unknown => "unknown",
        }
    }

    /// The level of one of this type's own words, exactly as [`Severity::as_str`] writes it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Position on the scale, 0 for `info` to 4 for `critical`; `unknown` counts as `unknown_as` says, and as
    /// `critical` if that is `unknown` too.
    pub const fn rank(self, unknown_as: Self) -> u8 {
        match self {
            Self::Critical => 4,
            Self::High => 3,
            Self::Medium => 2,
            Self::Low => 1,
            Self::Info => 0,
            Self::Unknown => match unknown_as {
                Self::Unknown => 4,
                known => known.rank(Self::Critical),
            },
        }
    }

    /// The plain table after trim and upper-case: CRITICAL, HIGH, MEDIUM or MODERATE, LOW, INFO; else unknown.
    pub fn plain(word: &str) -> Self {
        let word = word.trim();
        let is = |w: &str| word.eq_ignore_ascii_case(w);
        if is("CRITICAL") {
            Self::Critical
        } else if is("HIGH") {
            Self::High
        } else if is("MEDIUM") || is("MODERATE") {
            Self::Medium
        } else if is("LOW") {
            Self::Low
        } else if is("INFO") {
            Self::Info
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_ignore_case_and_blanks() {
        assert_eq!(Severity::plain(" Moderate\n"), Severity::Medium);
        assert_eq!(Severity::plain("critical"), Severity::Critical);
        assert_eq!(Severity::plain("NEGLIGIBLE"), Severity::Unknown);
        assert_eq!(Severity::plain(""), Severity::Unknown);
    }

    #[test]
    fn unknown_counts_as_the_policy_says_and_never_below_by_accident() {
        assert_eq!(Severity::Unknown.rank(Severity::Low), Severity::Low.rank(Severity::Low));
        assert_eq!(Severity::Unknown.rank(Severity::Unknown), 4);
    }
}

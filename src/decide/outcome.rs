//! Content of a rule, an evidence entry or the whole run.

use serde::{Deserialize, Serialize};

use crate::exit;
use crate::policy::{Action, Enforcement};

/// Ordered so that the greater one wins: a known violation is final, an unreadable neighbour cannot dilute it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its only evidence is optional and absent, or its `when` does not hold.
    NotApplicable,
    /// As the policy wants it.
    Pass,
    /// Worth saying; never gates.
    Warn,
    /// A named person has to look.
    Review,
    /// No decision.
    Error,
    /// Not as the policy wants it.
    Fail,
}

impl Outcome {
    /// The word used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Review => "review",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }

    /// As a verdict: `warn` and `not_applicable` never gate.
    #[must_use]
    pub fn gating(self) -> Self {
        if self < Self::Review { Self::Pass } else { self }
    }
}

impl From<Action> for Outcome {
    fn from(action: Action) -> Self {
        match action {
            Action::Warn => Self::Warn,
            Action::Review => Self::Review,
            Action::Fail => Self::Fail,
        }
    }
}

/// The exit code of a verdict. `has_error`: some outcome is `error`, which advisory enforcement does not excuse.
pub fn exit_code(verdict: Outcome, enforcement: Enforcement, has_error: bool) -> u8 {
    match (verdict, enforcement) {
        (Outcome::Error, _) => exit::ERROR,
        (Outcome::Fail, Enforcement::Blocking) => exit::FAIL,
        (Outcome::Review, Enforcement::Blocking) => exit::REVIEW,
        (_, Enforcement::Advisory) if has_error => exit::ERROR,
        (Outcome::Fail | Outcome::Review, Enforcement::Advisory)
        | (Outcome::Pass | Outcome::Warn | Outcome::NotApplicable, _) => exit::PASS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins() {
        use Outcome::{Error, Fail, NotApplicable, Pass, Review, Warn};
        let mut all = [Review, Fail, Pass, NotApplicable, Error, Warn];
        all.sort();
        assert_eq!(all, [NotApplicable, Pass, Warn, Review, Error, Fail]);
        assert_eq!(Warn.gating(), Pass);
    }

    #[test]
    fn advisory_never_excuses_an_error() {
        use Enforcement::{Advisory, Blocking};
        assert_eq!(exit_code(Outcome::Fail, Blocking, true), 1);
        assert_eq!(exit_code(Outcome::Fail, Advisory, true), 2);
        assert_eq!(exit_code(Outcome::Fail, Advisory, false), 0);
        assert_eq!(exit_code(Outcome::Review, Blocking, false), 10);
        assert_eq!(exit_code(Outcome::Review, Advisory, false), 0);
        assert_eq!(exit_code(Outcome::Error, Advisory, true), 2);
    }
}

//! What SBOMs list.

use super::demand::{Demands, World, each};
use crate::policy::SbomRule;

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &SbomRule, _: World<'_>) -> Demands {
    each(&rule.subjects, |_| Demands::undecided("this build does not decide rules about `sbom`"))
}

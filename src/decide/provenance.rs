//! How artifacts were built.

use super::demand::{Demands, World, each};
use crate::policy::ProvenanceRule;

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &ProvenanceRule, world: World<'_>) -> Demands {
    let mut demands = Demands { undecided: world.unusable_keys(&rule.signed_by), ..Demands::default() };
    if demands.undecided.is_empty() {
        demands.extend(each(&rule.subjects, |_| {
            Demands::undecided("this build does not decide rules about `provenance`")
        }));
    }
    demands
}

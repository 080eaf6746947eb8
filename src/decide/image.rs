//! Facts of images.

use super::demand::{Demands, World, each};
use crate::policy::ImageRule;

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &ImageRule, _: World<'_>) -> Demands {
    each(&rule.subjects, |_| Demands::undecided("this build does not decide rules about `image`"))
}

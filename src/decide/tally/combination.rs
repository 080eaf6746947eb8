//! Which rules matched a finding and what speaks of it, small enough to be kept for every finding.

use std::sync::Arc;

/// Indexes of rules as bits. A policy has few rules, so that one word holds them all as a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct RuleSet {
    first: u64,
    more: Vec<u64>,
}

impl RuleSet {
    pub(super) fn add(&mut self, rule: usize) {
        let bit = 1 << (rule % 64);
        let Some(at) = (rule / 64).checked_sub(1) else {
            self.first |= bit;
            return;
        };
        if self.more.len() <= at {
            self.more.resize(at + 1, 0);
        }
        if let Some(word) = self.more.get_mut(at) {
            *word |= bit;
        }
    }

    pub(super) fn has(&self, rule: usize) -> bool {
        let word = match (rule / 64).checked_sub(1) {
            None => Some(&self.first),
            Some(at) => self.more.get(at),
        };
        word.is_some_and(|word| word & (1 << (rule % 64)) != 0)
    }
}

/// The rules that matched a finding, and the waivers and VEX claims that speak of it. Interned, because few
/// combinations occur.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Combination {
    pub(super) rules: RuleSet,
    pub(super) new: bool,
    /// Of the rules those that match only if it is new, which a diff alone cannot rule out.
    pub(super) in_doubt: RuleSet,
    /// Of the rules those that match it only because nobody knows an attribute, which they have people look at.
    pub(super) unanswered: RuleSet,
    /// Of the rules those that match it only because nobody knows what its licence binds to.
    pub(super) unknown_license: RuleSet,
    pub(super) waivers: Option<Arc<[u32]>>,
    /// Until it is known what the report is about.
    pub(super) claims: Option<Arc<[u32]>>,
    pub(super) vex: Option<u32>,
}

impl Combination {
    pub(super) fn has(&self, rule: usize) -> bool {
        self.rules.has(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_rules_may_be_large() {
        let mut set = RuleSet::default();
        let within = [0, 1, 63, 64, 127, 128, 500];
        for rule in within {
            set.add(rule);
        }
        assert!((0..600).all(|rule| set.has(rule) == within.contains(&rule)));
    }
}

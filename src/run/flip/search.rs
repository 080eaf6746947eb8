//! The smallest sets of inputs that explain something: single ones first, else one set from which nothing can be left out.

use std::collections::BTreeSet;

use anyhow::Result;

/// Inputs up to which each is tried by itself.
const SINGLES: usize = 512;
/// Trials after which a set is taken as it is.
const TRIALS: usize = 1024;

/// Sets of inputs, each of which is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnoughInputs<T> {
    /// The sets: several only where each is a single input.
    pub(super) sets: Vec<Vec<T>>,
    /// Nothing can be left out of any of them.
    pub(super) minimal: bool,
}

/// Looks for the smallest sets for which `is_enough`; all together are known to be.
pub(super) fn smallest_sets<T: Clone + Ord>(
    all: &[T],
    mut is_enough: impl FnMut(&BTreeSet<T>) -> Result<bool>,
) -> Result<EnoughInputs<T>> {
    let mut single = Vec::new();
    if all.len() <= SINGLES {
        for one in all {
            if all.len() == 1 || is_enough(&BTreeSet::from([one.clone()]))? {
                single.push(vec![one.clone()]);
            }
        }
    }
    if !single.is_empty() {
        return Ok(EnoughInputs { sets: single, minimal: true });
    }
    let mut set = all.to_vec();
    let (mut size, mut trials) = (set.len().div_ceil(2), 0);
    loop {
        let (mut at, mut shrunk) = (0, false);
        while at < set.len() && set.len() > 1 {
            if trials == TRIALS {
                return Ok(EnoughInputs { sets: vec![set], minimal: false });
            }
            trials += 1;
            let end = (at + size).min(set.len());
            let rest: Vec<T> = set
                .iter()
                .enumerate()
                .filter(|(i, _)| *i < at || *i >= end)
                .map(|(_, one)| one.clone())
                .collect();
            if !rest.is_empty() && is_enough(&rest.iter().cloned().collect())? {
                (set, shrunk) = (rest, true);
            } else {
                at = end;
            }
        }
        match (size, shrunk) {
            (0 | 1, false) => return Ok(EnoughInputs { sets: vec![set], minimal: true }),
            (1, true) => {}
            _ => size = size.div_ceil(2).min(size - 1).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(count: u32, is_enough: impl Fn(&BTreeSet<u32>) -> bool) -> EnoughInputs<u32> {
        let all: Vec<u32> = (0..count).collect();
        smallest_sets(&all, |set| Ok(is_enough(set))).unwrap()
    }

    #[test]
    fn single_inputs_come_first() {
        assert_eq!(found(9, |set| set.contains(&3) || set.contains(&7)).sets, [[3], [7]]);
        assert_eq!(found(1, |_| true).sets, [[0]]);
        // Also among more than are tried one by one.
        assert_eq!(found(2000, |set| set.contains(&1234)).sets, [[1234]]);
    }

    #[test]
    fn nothing_can_be_left_out_of_a_set() {
        let both = found(40, |set| set.contains(&3) && set.contains(&31));
        assert_eq!(both, EnoughInputs { sets: vec![vec![3, 31]], minimal: true });
        let every = found(17, |set| set.len() == 17);
        assert_eq!((every.sets[0].len(), every.minimal), (17, true));
        // One that need not grow with the set: exactly these, or exactly all.
        let odd = found(8, |set| set.len() == 8 || *set == BTreeSet::from([2, 5]));
        assert!(odd.minimal, "{odd:?}");
    }
}

//! How many matches a rule allows: a number, a number for each group of findings, or as many as the base has.

/// How many matches a rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// So many in all.
    Count(u64),
    /// So many in each group.
    Each {
        /// What makes a group.
        per: GroupedBy,
        /// How many.
        count: u64,
    },
    /// As many as the reports of the base have.
    Base,
}

/// What findings of one group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupedBy {
    /// The file.
    Path,
    /// The owner of the file, by CODEOWNERS; one of several owners counts for each.
    Owner,
    /// The scanner.
    Tool,
}

impl GroupedBy {
    /// Every grouping.
    pub const ALL: [Self; 3] = [Self::Path, Self::Owner, Self::Tool];

    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Owner => "owner",
            Self::Tool => "tool",
        }
    }
}

impl Default for Allowance {
    fn default() -> Self {
        Self::Count(0)
    }
}

impl Allowance {
    /// Whether it certainly allows no more than another, whatever there is.
    pub fn is_within(self, other: Self) -> bool {
        match (self, other) {
            // None at all is no more than anything.
            (Self::Count(0) | Self::Each { count: 0, .. }, _) | (Self::Base, Self::Base) => true,
            (Self::Count(is), Self::Count(was) | Self::Each { count: was, .. }) => is <= was,
            (Self::Each { per, count }, Self::Each { per: by, count: was }) => per == by && count <= was,
            (Self::Each { .. }, Self::Count(_)) | (Self::Base, _) | (_, Self::Base) => false,
        }
    }

    /// Whether it allows none, whatever there is.
    pub const fn is_none(self) -> bool {
        matches!(self, Self::Count(0) | Self::Each { count: 0, .. })
    }

    /// As a policy writes it.
    pub fn describe(self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Each { per, count } => format!("{{per: {}, count: {count}}}", per.as_str()),
            Self::Base => "{base: same}".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_allows_no_more_is_found_by_trying() {
        let each = |per, count| Allowance::Each { per, count };
        let all = [
            Allowance::Count(0),
            Allowance::Count(2),
            Allowance::Count(3),
            each(GroupedBy::Path, 0),
            each(GroupedBy::Path, 2),
            each(GroupedBy::Tool, 2),
            each(GroupedBy::Tool, 3),
            Allowance::Base,
        ];
        // Findings as (path, tool), and how many the base had.
        let worlds = [0, 1, 2, 3, 4].into_iter().flat_map(|base| {
            (0..256_u32).map(move |bits| {
                let findings: Vec<(u32, u32)> =
                    (0..4).map(|at| (bits >> (2 * at)) & 3).map(|word| (word & 1, word >> 1)).collect();
                (base, findings)
            })
        });
        let worlds: Vec<(usize, Vec<(u32, u32)>)> = worlds
            .flat_map(|(base, findings)| (0..=4).map(move |n| (base, findings[..n].to_vec())))
            .collect();
        let allows = |allowance: Allowance, (base, findings): &(usize, Vec<(u32, u32)>)| {
            let most = |key: fn(&(u32, u32)) -> u32| {
                let of = |value| findings.iter().filter(|one| key(one) == value).count() as u64;
                of(0).max(of(1))
            };
            match allowance {
                Allowance::Count(count) => findings.len() as u64 <= count,
                Allowance::Each { per: GroupedBy::Tool, count } => most(|one| one.1) <= count,
                Allowance::Each { per: _, count } => most(|one| one.0) <= count,
                Allowance::Base => findings.len() <= *base,
            }
        };
        for is in all {
            for was in all {
                let holds = worlds.iter().all(|world| !allows(is, world) || allows(was, world));
                // What is called within is; three of a number are within each number that is as large by chance alone.
                assert!(!is.is_within(was) || holds, "{is:?} {was:?}");
            }
        }
    }
}

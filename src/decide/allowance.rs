//! How far the matches of a rule go beyond what it allows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::base::ScanKind;
use super::matched_problem::CountedProblem;
use super::tally::MatchCounts;
use super::{Evidence, GivenBase, MatchedProblem};
use crate::finding::{Finding, plural};
use crate::policy::{Allowance, GroupedBy, Rule};
use crate::relate::Owners;

/// An allowance that is more than a number, as it came out; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AllowanceDetail {
    /// `base`, or the group: `path`, `owner` or `tool`.
    pub by: String,
    /// Matches beyond what is allowed.
    pub over: u64,
    /// Groups that have more than is allowed.
    pub groups_over: u64,
    /// The group that has most; null where it is not listed.
    pub worst: Option<String>,
    /// Matches of that group.
    pub worst_count: u64,
}

/// Matches of a rule beside what it allows.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowedMatches {
    /// How many are allowed, of each group where there are groups.
    pub(super) allow: u64,
    /// Matches beyond that.
    pub(super) over: u64,
    /// Whether there are some beyond it that are neither in doubt nor for want of knowledge.
    pub(super) surely: bool,
    /// Matches of groups that have too many; all where there are no groups.
    pub(super) concerned: u64,
    /// Why it cannot be relied on.
    pub(super) doubt: Option<String>,
    /// Where it is more than a number.
    pub(super) detail: Option<AllowanceDetail>,
    /// Groups that have too many, where there are groups.
    groups: Option<(GroupedBy, BTreeSet<String>)>,
}

impl AllowedMatches {
    /// So many matches beside a number; `sure` of them are neither in doubt nor for want of knowledge.
    pub(super) fn of_number(count: u64, sure: u64, allow: u64) -> Self {
        let over = count.saturating_sub(allow);
        Self { allow, over, surely: sure > allow, concerned: count, ..Self::default() }
    }

    /// The words about what is allowed, behind a count that is too high.
    pub(super) fn describe(&self) -> String {
        match &self.detail {
            None if self.allow > 0 => format!(", {} allowed", self.allow),
            None => String::new(),
            Some(detail) if detail.by == "base" => match &self.doubt {
                None => format!(", {} in the base", self.allow),
                Some(doubt) => format!(", {} in the base: {doubt}", self.allow),
            },
            Some(AllowanceDetail { by, worst, worst_count, .. }) => {
                let worst = worst.as_ref().map_or_else(|| format!("one {by}"), Clone::clone);
                format!(", {} allowed for each {by}: {worst} has {worst_count}", self.allow)
            }
        }
    }

    /// The words about matches that are allowed.
    pub(super) fn describe_allowed(&self, count: u64) -> String {
        match &self.detail {
            None => format!("{count} of {} allowed", self.allow),
            Some(detail) if detail.by == "base" => {
                format!("{}, {} in the base", plural(count, "finding"), self.allow)
            }
            Some(detail) => format!("{count}, {} allowed for each {}", self.allow, detail.by),
        }
    }

    /// Matches that have to go: of groups all of those that have too many, for which of them go is for people to say.
    pub(super) const fn to_clear(&self) -> u64 {
        if self.groups.is_some() { self.concerned } else { self.over }
    }

    /// Whether a witness of a problem is in a group that has too many.
    pub(super) fn concerns(&self, problem: &MatchedProblem, witness: usize) -> bool {
        let Some((by, exceeding)) = &self.groups else { return true };
        let finding = problem.witnesses.get(witness).map(|matched| &matched.finding);
        let keys = finding.map(|finding| keys_of(*by, finding)).unwrap_or_default();
        if keys.is_empty() {
            return !exceeding.is_empty();
        }
        match by {
            GroupedBy::Owner if problem.owners.is_empty() => exceeding.contains(""),
            GroupedBy::Owner => problem.owners.iter().any(|owner| exceeding.contains(owner)),
            GroupedBy::Path | GroupedBy::Tool => keys.iter().any(|key| exceeding.contains(key)),
        }
    }
}

/// What a finding is grouped by before owners are known: each file that it is in, or its tool. None where nobody knows.
pub(super) type GroupKeys = Vec<String>;

/// What a finding is grouped by, in order.
pub(super) fn keys_of(by: GroupedBy, finding: &Finding) -> GroupKeys {
    let mut keys = match by {
        GroupedBy::Path | GroupedBy::Owner => finding.paths().map(str::to_owned).collect(),
        GroupedBy::Tool => vec![finding.tool.real().to_ascii_lowercase()],
    };
    keys.sort();
    keys.dedup();
    keys
}

/// The groups of keys, each once: a path has those of its owners; what nobody owns is one group.
fn groups_of(by: GroupedBy, keys: &GroupKeys, owners: &Owners) -> BTreeSet<String> {
    let owned = |key: &String| {
        let owned = owners.owners_of(key);
        if owned.is_empty() { vec![String::new()] } else { owned }
    };
    match by {
        GroupedBy::Path | GroupedBy::Tool => keys.iter().cloned().collect(),
        GroupedBy::Owner => keys.iter().flat_map(owned).collect(),
    }
}

/// Demands that are not met beside what a rule allows, which is a number: nothing else can be said of them.
pub(super) fn of_demands(count: u64, allow: Allowance) -> AllowedMatches {
    let allow = match allow {
        Allowance::Count(allow) => allow,
        Allowance::Each { .. } | Allowance::Base => 0,
    };
    AllowedMatches::of_number(count, count, allow)
}

/// Context of allowances that are more than a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct AllowanceContext<'w> {
    /// Who owns which file.
    pub(super) owners: &'w Owners,
    /// Reports of the change.
    pub(super) evidence: &'w [Evidence],
    /// Base that the change is compared with.
    pub(super) base: Option<&'w GivenBase>,
    /// Matches in the base by the ids of rules, as a case of the policy says.
    pub(super) of_case: Option<&'w BTreeMap<String, u64>>,
}

/// The matches of a rule about findings beside what it allows.
pub(super) fn judge(
    rule: &Rule,
    counts: MatchCounts,
    groups: &BTreeMap<GroupKeys, MatchCounts>,
    problems: &[&CountedProblem],
    around: AllowanceContext<'_>,
) -> AllowedMatches {
    match rule.allow {
        Allowance::Count(allow) => AllowedMatches::of_number(counts.open, counts.sure(), allow),
        Allowance::Each { per, count } => of_groups(per, count, groups, problems, around.owners),
        Allowance::Base => of_base(rule, counts, around),
    }
}

fn of_groups(
    per: GroupedBy,
    allow: u64,
    counted: &BTreeMap<GroupKeys, MatchCounts>,
    problems: &[&CountedProblem],
    owners: &Owners,
) -> AllowedMatches {
    let mut groups: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut placeless = (0, 0);
    let mut placed: Vec<(u64, BTreeSet<String>)> = Vec::new();
    for (keys, counts) in counted {
        if keys.is_empty() {
            placeless = (counts.open, counts.sure());
            continue;
        }
        let of_key = groups_of(per, keys, owners);
        for group in &of_key {
            let (open, sure) = groups.entry(group.clone()).or_default();
            *open += counts.open;
            *sure += counts.sure();
        }
        placed.push((counts.open, of_key));
    }
    // What nobody knows the place of may be in any group.
    for (open, sure) in groups.values_mut() {
        *open += placeless.0;
        *sure += placeless.1;
    }
    if groups.is_empty() {
        groups.insert(String::new(), placeless);
    }
    let exceeding: BTreeMap<&String, u64> = groups
        .iter()
        .filter(|(_, (open, _))| *open > allow)
        .map(|(group, (open, _))| (group, *open))
        .collect();
    let is_concerned = |of_key: &BTreeSet<String>| of_key.iter().any(|group| exceeding.contains_key(group));
    let mut concerned: u64 =
        placed.iter().filter(|(_, of_key)| is_concerned(of_key)).map(|(open, _)| open).sum();
    if !exceeding.is_empty() {
        concerned += placeless.0;
    }
    // Of equal ones the first.
    let worst = groups.iter().rev().max_by_key(|(_, (open, _))| *open);
    let shown = |group: &String| match per {
        GroupedBy::Owner if group.is_empty() => Some("what nobody owns".to_owned()),
        GroupedBy::Owner => Some(group.clone()),
        GroupedBy::Path if group.is_empty() => Some("what has no path".to_owned()),
        // As it is shown elsewhere, without values of secrets.
        GroupedBy::Path | GroupedBy::Tool => problems.iter().find_map(|(problem, _)| {
            let lead = problem.lead().filter(|lead| keys_of(per, &lead.finding).contains(group))?;
            let Finding { tool, location, also_at, .. } = &lead.finding;
            match per {
                GroupedBy::Tool => Some(tool.to_string()),
                GroupedBy::Path | GroupedBy::Owner => {
                    let mut all = location.iter().chain(also_at);
                    Some(all.find(|at| at.path.real() == *group)?.path.to_string())
                }
            }
        }),
    };
    let detail = AllowanceDetail {
        by: per.as_str().to_owned(),
        over: exceeding.values().map(|open| open - allow).sum::<u64>().min(concerned),
        groups_over: exceeding.len() as u64,
        worst: worst.and_then(|(group, _)| shown(group)),
        worst_count: worst.map_or(0, |(_, (open, _))| *open),
    };
    AllowedMatches {
        allow,
        over: detail.over,
        surely: groups.values().any(|(_, sure)| *sure > allow),
        concerned,
        doubt: None,
        detail: Some(detail),
        groups: Some((per, exceeding.into_keys().cloned().collect())),
    }
}

/// As many as the reports of the base hold, each kind of scan counted as often as the change has it: two reports of one
/// scan, or that of a scanner which the change has not run, make no room.
fn of_base(rule: &Rule, counts: MatchCounts, around: AllowanceContext<'_>) -> AllowedMatches {
    let given = around.base.filter(|base| base.sources.iter().any(|source| source.kind == "base-report"));
    let mut allow = around.of_case.and_then(|known| known.get(&rule.id)).copied().unwrap_or_default();
    let mut doubt = None;
    if let Some(base) = given {
        let (count, surplus) = base_count(rule, base, around.evidence);
        allow += count;
        doubt = (surplus > 0).then(|| {
            format!(
                "{} of the base does not count, the change has no report like it",
                plural(surplus, "report")
            )
        });
    } else if around.of_case.is_none() {
        doubt = Some("no report of the base was given".to_owned());
    }
    let AllowedMatches { allow, over, surely, .. } =
        AllowedMatches::of_number(counts.open, counts.sure(), allow);
    let detail = AllowanceDetail {
        by: "base".to_owned(),
        over,
        groups_over: u64::from(over > 0),
        worst: None,
        worst_count: counts.open,
    };
    AllowedMatches { allow, over, surely, concerned: counts.open, doubt, detail: Some(detail), groups: None }
}

/// How many findings of the base a rule matches, and how many of its reports were left out of that.
fn base_count(rule: &Rule, base: &GivenBase, evidence: &[Evidence]) -> (u64, u64) {
    let mut kinds: Vec<(&ScanKind, Vec<u64>)> = Vec::new();
    for source in &base.sources {
        let (Some(scan), Some(count)) = (&source.scan, source.matched.get(&rule.id)) else { continue };
        match kinds.iter_mut().find(|(kind, _)| kind.replaces(scan)) {
            Some((_, counts)) => counts.push(*count),
            None => kinds.push((scan, vec![*count])),
        }
    }
    let (mut all, mut surplus) = (0, 0);
    for (kind, mut counts) in kinds {
        let own =
            evidence.iter().filter(|own| ScanKind::of_report(own).is_some_and(|own| own.replaces(kind)));
        let heads: BTreeSet<_> = own.map(|own| &own.sha256).collect();
        counts.sort_unstable();
        all += counts.iter().take(heads.len()).sum::<u64>();
        surplus += counts.iter().skip(heads.len()).filter(|count| **count > 0).count() as u64;
    }
    (all, surplus)
}

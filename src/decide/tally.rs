//! Counting while a report streams by: exact numbers, and details of the worst findings up to a cap.

mod combination;
mod counts;
mod worst_findings;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::allowance::{GroupKeys, keys_of};
use super::finding_query::is_meant;
use super::sbom::LicenseSource;
use super::waiver::{Coverage, Lift, Use};
use crate::finding::{Category, Finding, Fingerprint, Stage, State, Text};
use crate::policy::{
    Allowance, Policy, Rule, RuleIndex, Selector, SelectorContext, Subject, UnchangedLines, UnknownAction,
};
use crate::relate::{Certainty, RelatedFinding, Vex, Waivers};
use crate::report::ValueMask;

pub use counts::{Counts, States};
pub use worst_findings::Matched;

use combination::{Combination, RuleSet};
use worst_findings::{WorstFindings, order};

/// Details of what one rule matched. Findings that a waiver speaks of stand apart: whether they count is known only
/// at the end, and they must not take the place of those that do.
#[derive(Debug, Default, Clone)]
struct RuleTally {
    plain: WorstFindings,
    spoken: WorstFindings,
}

/// How many findings a rule matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MatchCounts {
    /// Those that nothing lifts.
    pub(super) open: u64,
    /// New ones among them.
    pub(super) new: u64,
    /// Those among them that match only if they are new, which a diff alone cannot rule out.
    pub(super) in_doubt: u64,
    /// Those among them that are not in doubt for that, and match because nobody knows an attribute, which the rule has
    /// people look at.
    pub(super) unanswered: u64,
    /// Those among them that match because nobody knows what their licence binds to.
    pub(super) unknown_license: u64,
    /// Those that a waiver covers.
    pub(super) waived: u64,
    /// Those that a VEX statement lifts.
    pub(super) vexed: u64,
}

impl MatchCounts {
    /// Those that nothing lifts and that are neither in doubt nor for want of knowledge.
    pub(super) const fn sure(&self) -> u64 {
        self.open.saturating_sub(self.in_doubt).saturating_sub(self.unanswered)
    }

    /// Counts findings of a combination for a rule.
    fn add(&mut self, rule: usize, set: &Combination, count: u64, coverage: &Coverage) {
        match coverage.lift(set.waivers.as_deref(), set.vex, rule) {
            None => {
                self.open += count;
                self.new += if set.new { count } else { 0 };
                self.in_doubt += if set.in_doubt.has(rule) { count } else { 0 };
                let unanswered = set.unanswered.has(rule) && !set.in_doubt.has(rule);
                self.unanswered += if unanswered { count } else { 0 };
                self.unknown_license += if set.unknown_license.has(rule) { count } else { 0 };
            }
            Some(Lift::Waiver(_)) => self.waived += count,
            Some(Lift::Vex(_)) => self.vexed += count,
        }
    }
}

/// A finding with what lifts it from a rule.
pub(super) type CoveredMatches = (Arc<Matched>, Option<Lift>);

/// Context in which findings are counted; the same for all reports of a run.
#[derive(Debug, Clone)]
pub struct TallyContext<'p> {
    /// The deciding policy.
    pub policy: &'p Policy,
    /// Its rules by the names that they ask for.
    pub rules: Arc<RuleIndex>,
    /// Exceptions to its rules.
    pub waivers: &'p Waivers,
    /// The change is compared with a base.
    pub compared: bool,
    /// Seconds since 1970, for ages.
    pub now: i64,
    /// Maximum number of findings kept in detail per rule.
    pub cap: usize,
    /// Id that somebody asks about, as `explain` takes it.
    pub watch: Option<&'p str>,
}

/// A finding that somebody asks about, whether a rule matched it or not.
#[derive(Debug, Clone)]
pub struct WatchedRules {
    /// The finding, corrected by `severity.map`.
    pub finding: Finding,
    /// The report's index in the evidence.
    pub evidence: usize,
    /// The entries that the report was given for.
    pub entries: Vec<String>,
}

/// All that is counted over one report, or over all of them once merged.
#[derive(Debug)]
pub struct Tally<'p> {
    pub(super) to: TallyContext<'p>,
    entries: &'p [String],
    evidence: usize,
    /// As the report says, before any correction by the policy.
    pub counts: Counts,
    /// Categories of active findings after correction.
    pub categories: Vec<Category>,
    rules: Vec<RuleTally>,
    /// Findings that no rule looked at, after correction.
    pub unmatched: BTreeMap<Category, Counts>,
    /// Suppressed findings that no rule looked at.
    suppressed: WorstFindings,
    /// Active findings of the base that no rule looked at.
    old: WorstFindings,
    /// Every combination with the number of findings that have it.
    sets: Vec<(Combination, u64)>,
    // Looked up, never walked through: the order of a hash map cannot reach an output.
    interned: HashMap<Combination, u32>,
    /// The combination of the finding before: findings of one kind come in rows.
    recent: u32,
    /// Every matched finding: its identity and its combination.
    marks: Vec<(Fingerprint, u32)>,
    /// Matches of rules that allow so many of each group: by rule, group and combination.
    groups: BTreeMap<(usize, GroupKeys, u32), u64>,
    /// Matches of each waiver.
    pub(super) uses: BTreeMap<u32, Use>,
    /// Active findings by state; counted only where there is a base.
    pub states: States,
    /// The findings that somebody asks about.
    pub watched: Vec<WatchedRules>,
}

impl<'p> Tally<'p> {
    /// Counts for the report at index `evidence`, given for `entries`.
    pub fn new(to: TallyContext<'p>, entries: &'p [String], evidence: usize) -> Self {
        let rules = vec![RuleTally::default(); to.policy.rules.len()];
        Self {
            to,
            entries,
            evidence,
            counts: Counts::default(),
            categories: Vec::new(),
            rules,
            unmatched: BTreeMap::new(),
            suppressed: WorstFindings::default(),
            old: WorstFindings::default(),
            sets: Vec::new(),
            interned: HashMap::new(),
            recent: 0,
            marks: Vec::new(),
            groups: BTreeMap::new(),
            uses: BTreeMap::new(),
            states: States::default(),
            watched: Vec::new(),
        }
    }

    /// Adds what another report counted.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(&other.counts);
        self.watched.extend(other.watched);
        for (mine, theirs) in self.rules.iter_mut().zip(other.rules) {
            mine.plain.merge(theirs.plain);
            mine.spoken.merge(theirs.spoken);
        }
        for (category, counts) in other.unmatched {
            self.unmatched.entry(category).or_default().merge(&counts);
        }
        self.suppressed.merge(other.suppressed);
        self.old.merge(other.old);
        let renamed: Vec<u32> = other.sets.into_iter().map(|(set, count)| self.intern(set, count)).collect();
        self.marks
            .extend(other.marks.into_iter().filter_map(|(id, set)| Some((id, *renamed.get(set as usize)?))));
        for ((rule, key, set), count) in other.groups {
            if let Some(set) = renamed.get(set as usize) {
                *self.groups.entry((rule, key, *set)).or_default() += count;
            }
        }
        for (waiver, theirs) in other.uses {
            self.uses.entry(waiver).or_default().merge(theirs);
        }
        self.states.merge(other.states);
    }

    /// Tells nothing of the findings that is a value of a secret in another report.
    pub(super) fn withhold(&mut self, held: &ValueMask) {
        self.watched.iter_mut().for_each(|watched| held.mask(watched.finding.texts()));
        // What several rules matched stays one.
        let mut told: BTreeMap<*const Matched, Arc<Matched>> = BTreeMap::new();
        let of_rules = self.rules.iter_mut().flat_map(|rule| [&mut rule.plain, &mut rule.spoken]);
        for list in of_rules.chain([&mut self.suppressed, &mut self.old]) {
            for one in &mut list.kept {
                let masked = told.entry(Arc::as_ptr(one)).or_insert_with(|| {
                    let mut masked = Matched::clone(one);
                    held.mask(masked.finding.texts());
                    Arc::new(masked)
                });
                *one = Arc::clone(masked);
            }
        }
    }

    /// The report is read, and says which images it is about: what was said of them counts.
    pub(super) fn about(&mut self, images: &[Text], vex: &Vex) {
        for (set, _) in &mut self.sets {
            set.vex = set.claims.take().and_then(|claims| vex.lifting(&claims, images));
        }
        for matched in self.rules.iter().flat_map(|rule| &rule.spoken.kept) {
            if let Some(claim) = matched.claims.as_ref().and_then(|claims| vex.lifting(claims, images)) {
                // A finding that several rules matched is met again, and what is said of it is the same.
                let _ = matched.vex.set(claim);
            }
        }
    }

    /// Counts `more` findings of a combination.
    fn intern(&mut self, set: Combination, more: u64) -> u32 {
        if let Some((recent, count)) = self.sets.get_mut(self.recent as usize)
            && *recent == set
        {
            *count += more;
            return self.recent;
        }
        if let Some(&at) = self.interned.get(&set) {
            self.recent = at;
            if let Some((_, count)) = self.sets.get_mut(at as usize) {
                *count += more;
            }
            return at;
        }
        let at = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.interned.insert(set.clone(), at);
        self.sets.push((set, more));
        self.recent = at;
        at
    }

    /// How many findings a rule matched.
    pub(super) fn counted(&self, rule: usize, coverage: &Coverage) -> MatchCounts {
        let mut counted = MatchCounts::default();
        for (set, count) in self.sets.iter().filter(|(set, _)| set.has(rule)) {
            counted.add(rule, set, *count, coverage);
        }
        counted
    }

    /// The same by the groups of a rule that allows so many of each.
    pub(super) fn counted_by_group(
        &self,
        rule: usize,
        coverage: &Coverage,
    ) -> BTreeMap<GroupKeys, MatchCounts> {
        let mut groups: BTreeMap<GroupKeys, MatchCounts> = BTreeMap::new();
        for ((_, key, set), count) in self.groups.iter().filter(|((of, ..), _)| *of == rule) {
            if let Some((set, _)) = self.sets.get(*set as usize) {
                groups.entry(key.clone()).or_default().add(rule, set, *count, coverage);
            }
        }
        groups
    }

    /// How many findings each waiver hides from one rule or more; of several waivers the first has them.
    pub(super) fn hidden(&self, coverage: &Coverage) -> BTreeMap<u32, u64> {
        let mut hidden: BTreeMap<u32, u64> = BTreeMap::new();
        for (set, count) in self.sets.iter().filter(|(set, _)| set.waivers.is_some()) {
            let rules = (0..self.to.policy.rules.len()).filter(|&rule| set.has(rule));
            let lifts = rules.filter_map(|rule| coverage.lift(set.waivers.as_deref(), set.vex, rule));
            let mut by: Vec<u32> = lifts.filter_map(Lift::waiver).collect();
            by.sort_unstable();
            by.dedup();
            for waiver in by {
                *hidden.entry(waiver).or_default() += count;
            }
        }
        hidden
    }

    /// Details of what a rule matched, worst first: up to the cap of those that count, and of those that do not.
    pub(super) fn details(&mut self, rule: usize, coverage: &Coverage) -> Vec<CoveredMatches> {
        let Some(RuleTally { plain, spoken }) = self.rules.get_mut(rule) else { return Vec::new() };
        let (mut open, mut covered) = (std::mem::take(plain), Vec::new());
        let mut spoken = std::mem::take(spoken);
        spoken.settle(usize::MAX);
        for matched in spoken.kept {
            match coverage.lift(matched.waivers.as_deref(), matched.vex.get().copied(), rule) {
                None => open.kept.push(matched),
                by if covered.len() < self.to.cap => covered.push((matched, by)),
                Some(_) => {}
            }
        }
        open.settle(self.to.cap);
        open.kept.into_iter().map(|matched| (matched, None)).chain(covered).collect()
    }

    /// The identities of all findings that count for one of the rules in `which`, as often as they occur, sorted.
    pub(super) fn fingerprints(&self, which: &[bool], coverage: &Coverage) -> Vec<Fingerprint> {
        let counts = |set: &Combination, rule: usize| {
            set.has(rule) && coverage.lift(set.waivers.as_deref(), set.vex, rule).is_none()
        };
        let wanted: Vec<bool> = self
            .sets
            .iter()
            .map(|(set, _)| which.iter().enumerate().any(|(rule, wanted)| *wanted && counts(set, rule)))
            .collect();
        let of_wanted = |set: u32| wanted.get(set as usize).copied().unwrap_or(false);
        let mut all: Vec<Fingerprint> =
            self.marks.iter().filter(|(_, set)| of_wanted(*set)).map(|(id, _)| *id).collect();
        all.sort_unstable();
        all
    }

    /// The rules that look at a finding, `None` if none does, and those of them that do only in case that it is new. To a
    /// rule that cannot be waived every finding is new, and what it is besides; one that came by a rename is new to a rule
    /// that would not have looked at it before that, `before`.
    fn looked_at(&self, finding: &mut Finding, before: Option<&Finding>) -> (Option<RuleSet>, RuleSet) {
        let (mut rules, mut in_doubt) = (RuleSet::default(), RuleSet::default());
        let may = self.to.rules.candidates(finding);
        let mut any = self.add_matching_rules(finding, &may, &mut rules, |_| true);
        let doubtful = finding.stage == Some(Stage::UnchangedLines)
            && self.to.policy.base.as_ref().is_some_and(|b| b.unchanged_lines() == UnchangedLines::Review);
        let state = std::mem::take(&mut finding.state);
        if state != State::New {
            any |= self.add_matching_rules(finding, &may, &mut rules, |rule| !rule.waivable);
            if let Some(before) = before {
                let mut then = RuleSet::default();
                let all: Vec<usize> = (0..self.to.policy.rules.len()).collect();
                self.add_matching_rules(before, &all, &mut then, |_| true);
                let came: Vec<usize> = may.iter().copied().filter(|&at| !then.has(at)).collect();
                any |= self.add_matching_rules(finding, &came, &mut rules, |_| true);
            }
            if doubtful {
                let known = rules.clone();
                let mut as_new = RuleSet::default();
                any |= self.add_matching_rules(finding, &may, &mut as_new, |_| true);
                for rule in (0..self.to.policy.rules.len()).filter(|&at| as_new.has(at) && !known.has(at)) {
                    rules.add(rule);
                    in_doubt.add(rule);
                }
            }
            finding.state = state;
        }
        (any.then_some(rules), in_doubt)
    }

    /// Context of every question about a finding of the report.
    fn around(&self) -> SelectorContext<'p> {
        SelectorContext {
            unknown_severity: self.to.policy.unknown_severity,
            now: self.to.now,
            entries: self.entries,
            evidence: self.evidence,
            inside_not: false,
            unknown: None,
            sure: false,
        }
    }

    /// Adds those of the rules in `which` that look at a finding.
    fn add_matching_rules(
        &self,
        finding: &Finding,
        may: &[usize],
        rules: &mut RuleSet,
        which: impl Fn(&Rule) -> bool,
    ) -> bool {
        let around = self.around();
        let mut any = false;
        for &index in may {
            if let Some(rule) = self.to.policy.rules.get(index)
                && let Subject::Findings(selector) = &rule.subject
                && which(rule)
                && selector.selects(finding, SelectorContext { unknown: Some(&rule.unknown), ..around })
            {
                rules.add(index);
                any = true;
            }
        }
        any
    }

    /// Keeps a finding that no rule asks for and that is suppressed or not new, so that it is shown all the same.
    fn set_aside(&mut self, mut finding: Finding) {
        let rank = finding.severity.rank(self.to.policy.unknown_severity);
        let ordinal = self.counts.total + self.counts.suppressed;
        let aside = if finding.suppressed { &self.suppressed } else { &self.old };
        if !aside.admits(&order(&finding, rank, self.evidence, ordinal)) {
            return;
        }
        let may = self.to.rules.candidates(&finding);
        let state = std::mem::take(&mut finding.state);
        let matches_as_new = self.add_matching_rules(&finding, &may, &mut RuleSet::default(), |_| true);
        finding.state = state;
        let aside = if finding.suppressed { &mut self.suppressed } else { &mut self.old };
        let matched = Matched {
            finding,
            evidence: self.evidence,
            ordinal,
            rank,
            matches_as_new,
            waivers: None,
            claims: None,
            vex: OnceLock::new(),
        };
        aside.push(Arc::new(matched), self.to.cap);
    }

    /// Active findings that are not new and that no rule looked at, worst first, up to the cap.
    pub(super) fn old(&mut self) -> Vec<Arc<Matched>> {
        let mut all = std::mem::take(&mut self.old);
        all.settle(self.to.cap);
        all.kept
    }

    /// Suppressed findings that no rule looked at, worst first, up to the cap.
    pub(super) fn suppressed(&mut self) -> Vec<Arc<Matched>> {
        let mut all = std::mem::take(&mut self.suppressed);
        all.settle(self.to.cap);
        all.kept
    }

    /// Adds the waivers that speak of a finding under one of the rules that look at it, and counts it for them.
    fn speak(
        &mut self,
        set: &mut Combination,
        finding: &Finding,
        mut waivers: Vec<(u32, Certainty)>,
        rank: u8,
    ) {
        let malware = finding.is_malware();
        waivers.retain(|&(at, _)| {
            let rules = self.to.waivers.list().get(at as usize).map(|w| w.applies_to.as_slice());
            let of_set = || rules.unwrap_or_default().iter().copied().filter(|&rule| set.has(rule));
            let lifts = |rule: usize| self.to.policy.rules.get(rule).is_some_and(|r| r.may_lift(finding));
            // What lifts it from one rule would lift it from the others.
            of_set().any(lifts) && (!malware || of_set().all(lifts))
        });
        let mut certain: Vec<u32> = Vec::new();
        for (at, certainty) in waivers {
            let used = self.uses.entry(at).or_default();
            match certainty {
                Certainty::Certain => {
                    used.add(finding, rank);
                    certain.push(at);
                }
                Certainty::Unknown => used.doubt(finding),
            }
        }
        set.waivers = (!certain.is_empty()).then(|| certain.into());
    }
}

impl Tally<'_> {
    /// Forgets all that was counted.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.to.clone(), self.entries, self.evidence);
    }

    /// Counts a finding.
    pub(super) fn count(&mut self, related: RelatedFinding) {
        let RelatedFinding { mut finding, before_rename, reported, waivers, claims } = related;
        self.counts.add_as(reported, finding.suppressed);
        let policy = self.to.policy;
        if !finding.suppressed && !self.categories.contains(&finding.category) {
            self.categories.push(finding.category);
        }
        if self.to.compared && !finding.suppressed {
            self.states.add(&finding);
        }
        if self.to.watch.is_some_and(|id| is_meant(&finding, id)) {
            let entries = self.entries.to_vec();
            self.watched.push(WatchedRules { finding: finding.clone(), evidence: self.evidence, entries });
        }
        let (rules, in_doubt) = self.looked_at(&mut finding, before_rename.as_deref());
        let Some(rules) = rules else {
            if !finding.suppressed {
                self.unmatched.entry(finding.category).or_default().add(&finding);
            }
            if finding.suppressed || finding.state != State::New {
                self.set_aside(finding);
            }
            return;
        };
        let mut unanswered = RuleSet::default();
        for (index, rule) in policy.rules.iter().enumerate() {
            if let Subject::Findings(selector) = &rule.subject
                && rules.has(index)
            {
                let around = SelectorContext { unknown: Some(&rule.unknown), ..self.around() };
                finding.unknown.merge(selector.unknown(&finding, around));
                if rule.unknown.has(UnknownAction::Review) && !surely_selects(selector, &mut finding, around)
                {
                    unanswered.add(index);
                }
            }
        }
        let deadlines = policy.rules.iter().filter_map(|rule| match &rule.subject {
            Subject::Findings(selector) => selector.due,
            _ => None,
        });
        finding.due =
            deadlines.filter_map(|one| one.due(&finding, self.to.now, policy.unknown_severity)).min();
        let rank = finding.severity.rank(policy.unknown_severity);
        let new = finding.state == State::New;
        let unknown_license = RuleSet::default();
        let mut set = Combination {
            rules,
            new,
            in_doubt,
            unanswered,
            unknown_license,
            waivers: None,
            claims: None,
            vex: None,
        };
        if !waivers.is_empty() {
            self.speak(&mut set, &finding, waivers, rank);
        }
        if !claims.is_empty() {
            let lifts = |(index, rule): (usize, &Rule)| !set.has(index) || rule.may_lift(&finding);
            let liftable = !finding.is_malware() || policy.rules.iter().enumerate().all(lifts);
            set.claims = liftable.then(|| claims.into());
        }
        self.keep_matched(finding, self.evidence, set, rank);
    }

    /// Counts the licence of a component for the rules that do not let it pass.
    pub(super) fn add_license(&mut self, related: RelatedFinding, source: LicenseSource) {
        let RelatedFinding { finding, before_rename: _, reported, waivers, claims: _ } = related;
        let LicenseSource { evidence, entry, rules: matching } = source;
        self.counts.add_as(reported, finding.suppressed);
        if self.to.watch.is_some_and(|id| is_meant(&finding, id)) {
            self.watched.push(WatchedRules { finding: finding.clone(), evidence, entries: vec![entry] });
        }
        let (mut rules, mut unknown_license) = (RuleSet::default(), RuleSet::default());
        for (rule, known) in matching {
            rules.add(rule);
            if !known {
                unknown_license.add(rule);
            }
        }
        let rank = finding.severity.rank(self.to.policy.unknown_severity);
        let in_doubt = RuleSet::default();
        let mut set = Combination {
            rules,
            new: true,
            in_doubt,
            unanswered: RuleSet::default(),
            unknown_license,
            waivers: None,
            claims: None,
            vex: None,
        };
        if !waivers.is_empty() {
            self.speak(&mut set, &finding, waivers, rank);
        }
        self.keep_matched(finding, evidence, set, rank);
    }

    /// Counts a finding for its rules, and keeps it where it is among the worst of one.
    fn keep_matched(&mut self, finding: Finding, evidence: usize, set: Combination, rank: u8) {
        let ordinal = self.counts.total + self.counts.suppressed;
        let id = finding.fingerprint;
        let spoken = set.waivers.is_some() || set.claims.is_some();
        let grouped = self.groups_of(&finding, &set);
        let order = order(&finding, rank, evidence, ordinal);
        // Most findings of a large report are not among the worst of any rule.
        let admitted = |(index, tally): (usize, &RuleTally)| set.has(index) && tally.plain.admits(&order);
        if spoken || self.rules.iter().enumerate().any(admitted) {
            let matched = Arc::new(Matched {
                matches_as_new: true,
                finding,
                evidence,
                ordinal,
                rank,
                waivers: set.waivers.clone(),
                claims: set.claims.clone(),
                vex: OnceLock::new(),
            });
            for (_, tally) in self.rules.iter_mut().enumerate().filter(|(index, _)| set.has(*index)) {
                if spoken {
                    tally.spoken.push(Arc::clone(&matched), self.to.cap);
                } else if tally.plain.admits(&matched.order()) {
                    tally.plain.push(Arc::clone(&matched), self.to.cap);
                }
            }
        }
        let set = self.intern(set, 1);
        for (rule, key) in grouped {
            *self.groups.entry((rule, key, set)).or_default() += 1;
        }
        self.marks.push((id, set));
    }

    /// The rules that count a finding within a group, and the key of that.
    fn groups_of(&self, finding: &Finding, set: &Combination) -> Vec<(usize, GroupKeys)> {
        let rules = self.to.policy.rules.iter().enumerate().filter(|(at, _)| set.has(*at));
        let grouped = rules.filter_map(|(at, rule)| match rule.allow {
            Allowance::Each { per, .. } => Some((at, keys_of(per, finding))),
            Allowance::Count(_) | Allowance::Base => None,
        });
        grouped.collect()
    }
}

/// Whether a selector selects a finding by what is known of it, as it is or as a new one.
fn surely_selects(selector: &Selector, finding: &mut Finding, around: SelectorContext<'_>) -> bool {
    let around = SelectorContext { sure: true, ..around };
    let state = finding.state;
    let mut sure = selector.selects(finding, around);
    if !sure && state != State::New {
        finding.state = State::New;
        sure = selector.selects(finding, around);
        finding.state = state;
    }
    sure
}

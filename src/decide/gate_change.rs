//! A change that loosens the gate which is to let it through: at least a review, by those who decided before it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::requirement::RuleContext;
use super::review;
use super::{Document, GateVerdict, Obligation, Outcome};
use crate::finding::{Category, Fingerprint, Severity};
use crate::policy::compare::LoosenedClause;
use crate::policy::{Enforcement, Policy, PolicyLine, Reviewers};
use crate::relate::{BaseEntry, BaselineFile, MoreSuppressed};

/// Policies that were compared, and where it is looser.
#[derive(Debug, Clone, Default)]
pub struct GateComparison {
    /// The compared policies, each in words, such as `policy .secgate/merge.yaml of 1a2b3c`.
    pub compared: Vec<String>,
    /// Further remarks, such as that there was no policy before.
    pub notes: Vec<String>,
    /// Every clause that is looser.
    pub clauses: Vec<LoosenedClause>,
    /// The policy before the change, where it is given.
    pub before: Option<Arc<Policy>>,
    /// Statements of the gate before the change about the same evidence, where it was another.
    pub former: Option<GateVerdict>,
    /// The verdict gated before.
    pub enforced: bool,
    /// The embedded policy that decided before, where the project had no gate of its own.
    pub embedded_before: Option<String>,
    /// Who decided before, every role that the change touches written out; none where nobody did.
    pub reviewers: Option<Reviewers>,
}

impl GateComparison {
    /// Takes over what a policy before the change says about the gate itself.
    pub fn under(&mut self, before: &Policy, after: &Policy) {
        self.enforced |= before.enforcement == Enforcement::Blocking;
        self.reviewers = before.reviewers.clone().map(|reviewers| Reviewers {
            any_of: reviewers.any_of.iter().flat_map(|word| written_out(word, before, after)).collect(),
            ..reviewers
        });
    }
}

/// A role whose members are not those of before is given by name, so that nobody joins it to approve that they do.
fn written_out(word: &str, before: &Policy, after: &Policy) -> Vec<String> {
    let members = |policy: &Policy| {
        let people = word.strip_prefix("role:").and_then(|role| policy.people.get(role));
        people.map(|people| people.iter().map(|person| person.user.clone()).collect::<Vec<_>>())
    };
    match (members(before), members(after)) {
        (Some(was), now) if now.as_ref() != Some(&was) => was.iter().map(|user| format!("@{user}")).collect(),
        _ => vec![word.to_owned()],
    }
}

/// Findings that a baseline knows and did not know before, or not as so bad, with how many they are; an unknown severity
/// counts as `unknown`.
pub fn baseline_grown(
    name: &str,
    old: Option<&str>,
    before: &BaselineFile,
    after: &BaselineFile,
    unknown: Severity,
) -> Vec<LoosenedClause> {
    let rank = |entry: &BaseEntry| entry.severity.rank(unknown);
    let mut known: BTreeMap<(Fingerprint, u64), Vec<&BaseEntry>> = BTreeMap::new();
    for entry in &before.entries {
        known.entry((entry.fingerprint, entry.content)).or_default().push(entry);
    }
    let mut groups: BTreeMap<(Fingerprint, u64), Vec<&BaseEntry>> = BTreeMap::new();
    for entry in &after.entries {
        groups.entry((entry.fingerprint, entry.content)).or_default().push(entry);
    }
    let mut later = 0;
    let mut more: BTreeMap<(Reverse<u8>, &str, Category), u64> = BTreeMap::new();
    for (group, entries) in groups {
        let was = known.get(&group).map_or(&[][..], Vec::as_slice);
        // With a later day, or with one where there was none, it counts as younger.
        let day = |list: &[&BaseEntry]| list.iter().filter_map(|entry| entry.first_seen).max();
        if !was.is_empty() && day(&entries) > day(was) {
            later += 1;
        }
        // As many that bad or worse as were known may stay; the rest is more, the worst of them first.
        let from = |list: &[&BaseEntry], least: u8| -> u64 {
            list.iter().filter(|entry| rank(entry) >= least).map(|entry| u64::from(entry.count)).sum()
        };
        let mut counted = 0;
        let mut worst_first = entries.clone();
        worst_first.sort_by_key(|entry| Reverse(rank(entry)));
        for entry in worst_first {
            let beyond = from(&entries, rank(entry)).saturating_sub(from(was, rank(entry)));
            let here = beyond.saturating_sub(counted);
            counted += here;
            if here > 0 {
                *more.entry((Reverse(rank(entry)), entry.severity.as_str(), entry.category)).or_default() +=
                    here;
            }
        }
    }
    let place = |file: &str| PolicyLine { file: file.to_owned(), line: 1 };
    let told = |what: &str, was: &str, is: &str| {
        LoosenedClause::outside_policy(
            &format!("baseline `{name}`{what}"),
            was,
            is,
            old.map(place),
            Some(place(name)),
        )
    };
    let mut clauses = Vec::new();
    if later > 0 {
        let is = format!("{later} lines count as first seen later, and as younger");
        clauses.push(told(": `first_seen`", "as it was", &is));
    }
    if before.sealed && !after.sealed {
        clauses.push(told(": `sealed`", "each line is tied to its finding", "no line is"));
    }
    if more.is_empty() {
        return clauses;
    }
    let total = |file: &BaselineFile| file.entries.iter().map(|entry| u64::from(entry.count)).sum::<u64>();
    let words: Vec<String> = more
        .iter()
        .map(|((_, severity, category), count)| format!("{count} {severity} {category}"))
        .collect();
    let was = match old {
        Some(_) => format!("{} known findings", total(before)),
        None => "not there".to_owned(),
    };
    let is = format!(
        "{} more are known ({}), {} in all",
        more.values().sum::<u64>(),
        words.join(", "),
        total(after)
    );
    clauses.insert(0, told("", &was, &is));
    clauses
}

/// Rules and files that are told one by one.
const TOLD: usize = 50;

/// A scanner, or a comment in the code, hides more of a rule in a file than in the base.
fn suppression_clause(more: &MoreSuppressed) -> LoosenedClause {
    let MoreSuppressed { tool, rule, path, line, before, after } = more;
    if path.is_empty() {
        let clause = format!("suppressed findings of rule `{rule}` ({tool})");
        return LoosenedClause::outside_policy(&clause, &before.to_string(), &after.to_string(), None, None);
    }
    let clause = format!("suppressed findings of rule `{rule}` in {path} ({tool})");
    let place = PolicyLine { file: path.as_str().to_owned(), line: line.unwrap_or(1).into() };
    LoosenedClause::outside_policy(&clause, &before.to_string(), &after.to_string(), None, Some(place))
}

/// Meaning of the comparison; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GateChange {
    /// `pass`, or `review` if a clause is looser.
    pub outcome: Outcome,
    /// In words.
    pub message: String,
    /// Who decides.
    pub obligations: Vec<Obligation>,
    /// The compared policies.
    pub compared: Vec<String>,
    /// Further remarks.
    pub notes: Vec<String>,
    /// Every clause that is looser.
    pub clauses: Vec<LoosenedClause>,
    /// The embedded policy that decided before, where this change brings the project's first gate of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedded_before: Option<String>,
}

/// Judges a comparison.
///
/// `now` is what the present gate says: what the gate before the change would have stopped and this one does not is a
/// clause, whatever edit it comes from.
/// `hidden` is of what more is suppressed than in the base.
pub(super) fn judge(
    comparison: &GateComparison,
    hidden: &[MoreSuppressed],
    now: &GateVerdict,
    world: RuleContext<'_>,
) -> GateChange {
    let GateComparison { compared, notes, clauses, before, former, enforced: _, embedded_before, reviewers } =
        comparison;
    let mut clauses = clauses.clone();
    clauses.extend(former.iter().flat_map(|former| former.lost(now)));
    clauses.extend(hidden.iter().take(TOLD).map(suppression_clause));
    if let Some(more) = hidden.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let after = format!("more in {more} other rules and files");
        clauses.push(LoosenedClause::outside_policy(
            "suppressed findings",
            "as in the base",
            &after,
            None,
            None,
        ));
    }
    let message = match (clauses.len(), embedded_before) {
        (0, None) => "the gate is as strict as it was before this change".to_owned(),
        (0, Some(embedded)) => format!("the first gate of this project, as strict as {embedded}"),
        (1, None) => "this change loosens its own gate in 1 clause".to_owned(),
        (n, None) => format!("this change loosens its own gate in {n} clauses"),
        (n, Some(embedded)) => {
            let settings = crate::finding::plural(n as u64, "setting");
            format!("the first gate of this project, less strict than {embedded} in {settings}")
        }
    };
    let mut gate = GateChange {
        outcome: if clauses.is_empty() { Outcome::Pass } else { Outcome::Review },
        message,
        obligations: Vec::new(),
        compared: compared.clone(),
        notes: notes.clone(),
        clauses,
        embedded_before: embedded_before.clone(),
    };
    let Some(reviewers) = reviewers.as_ref().filter(|_| gate.outcome == Outcome::Review) else { return gate };
    // Who is who, and what tells of approvals, is what it was before the change.
    let policy = before.as_deref().unwrap_or(world.policy);
    let documents: Vec<Document> =
        world.documents.iter().filter(|d| same_entry(&d.entry, policy, world.policy)).cloned().collect();
    let obligation =
        review::review(reviewers, &gate.message, RuleContext { policy, documents: &documents, ..world });
    if obligation.is_met() {
        gate.outcome = Outcome::Pass;
        gate.message = format!("{}; approved by {}", gate.message, obligation.approved_by.join(", "));
    }
    gate.obligations.push(obligation);
    gate
}

/// True if an entry of the evidence looks where it looked before.
fn same_entry(name: &str, before: &Policy, after: &Policy) -> bool {
    let places = |policy: &Policy| {
        let entry = policy.evidence.iter().find(|entry| entry.name == name)?;
        Some((entry.kind, entry.files.iter().map(|glob| glob.text().to_owned()).collect::<Vec<_>>()))
    };
    places(before).is_some_and(|was| Some(was) == places(after))
}

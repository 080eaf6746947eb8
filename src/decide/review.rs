//! Reviews and what resolves them: approvals of those whom the policy names.
//!
//! Only a review can be resolved. What failed, what is an error, and what is missing stays so whoever approves.

use serde::{Deserialize, Serialize};

use super::approvals::{self, Purpose, Weighed};
use super::requirement::RuleContext;
use super::{BaseResult, Evidence, Outcome, RuleResult};
use crate::policy::{ApprovalSource, ApprovalsRule, EntryKind, Policy, Reviewers, Rule, Subject};

/// Approvals that resolve a review, and how far that is.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Obligation {
    /// Roles and people, any of whom can.
    pub any_of: Vec<String>,
    /// The people behind those roles, by the policy.
    pub people: Vec<String>,
    /// How many of them.
    pub at_least: u32,
    /// Who may not.
    pub not: Vec<String>,
    /// Findings and evidence to look at.
    pub why: String,
    /// Those who have approved, with where.
    pub approved_by: Vec<String>,
    /// How many approvals are missing; 0: the review is resolved.
    pub missing: u32,
    /// Approvals that do not count, and why.
    pub not_counted: Vec<String>,
    /// Text that the comment of a deployment's approval must hold.
    pub comment: Option<String>,
}

impl Obligation {
    /// True if nothing is left to do.
    pub fn is_met(&self) -> bool {
        self.missing == 0
    }

    /// True if the same people can do both at once.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        (&self.any_of, self.at_least, &self.not) == (&other.any_of, other.at_least, &other.not)
            && (self.missing, &self.comment) == (other.missing, &other.comment)
    }

    fn new(
        reviewers: &Reviewers,
        why: &str,
        weighed: Weighed,
        comment: Option<String>,
        policy: &Policy,
    ) -> Self {
        let met = weighed.is_met();
        let mut not_counted = weighed.not_counted;
        not_counted.extend(weighed.rejected);
        Self {
            any_of: reviewers.any_of.clone(),
            people: people(reviewers, policy),
            at_least: reviewers.at_least,
            not: reviewers.not.clone(),
            why: why.to_owned(),
            approved_by: weighed.by,
            // A rejection is answered by nobody's approval.
            missing: if met { 0 } else { weighed.missing.max(1) },
            not_counted,
            comment,
        }
    }
}

impl std::fmt::Display for Obligation {
    /// `2 of role:appsec (not author)`; one of one is named alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at_least != 1 {
            write!(f, "{} of ", self.at_least)?;
        }
        write!(f, "{}", self.any_of.join(" or "))?;
        if self.not.is_empty() { Ok(()) } else { write!(f, " (not {})", self.not.join(", ")) }
    }
}

/// Everybody in the roles that reviewers are asked by, each once and as `@name`.
fn people(reviewers: &Reviewers, policy: &Policy) -> Vec<String> {
    let roles = reviewers.any_of.iter().filter_map(|who| who.strip_prefix("role:"));
    let mut people: Vec<String> = Vec::new();
    for person in roles.filter_map(|role| policy.people.get(role)).flatten() {
        let name = format!("@{}", person.user.trim_start_matches('@'));
        if !people.contains(&name) {
            people.push(name);
        }
    }
    people
}

/// Requirements of a review, and whether its reviewers have answered.
pub(super) fn review(reviewers: &Reviewers, why: &str, world: RuleContext<'_>) -> Obligation {
    let there = |source: &ApprovalSource| {
        let of_source =
            |kind| matches!(kind, EntryKind::Document(kind) if source.documents().contains(&kind));
        world.policy.evidence.iter().any(|entry| of_source(entry.kind))
    };
    let sources: Vec<ApprovalSource> = ApprovalSource::ALL.into_iter().filter(there).collect();
    let comment =
        sources.contains(&ApprovalSource::Deployment).then(|| approvals::comment(world.findings_digest));
    let weighed = match approvals::placeholders(reviewers, world.policy) {
        Some(why) => Weighed { missing: reviewers.at_least, not_counted: vec![why], ..Weighed::default() },
        None if sources.is_empty() => Weighed {
            missing: reviewers.at_least,
            not_counted: vec!["the policy has no evidence entry that holds approvals".to_owned()],
            ..Weighed::default()
        },
        None => approvals::weigh(reviewers, &sources, None, Purpose::Review, world),
    };
    Obligation::new(reviewers, why, weighed, comment, world.policy)
}

/// Requirements of a rule about approvals; nothing but those approvals resolves it.
fn demanded(rule: &ApprovalsRule, world: RuleContext<'_>) -> Obligation {
    let weighed = approvals::weigh(&rule.reviewers, &rule.from, rule.max_age, Purpose::Rule, world);
    let why = weighed.why(&rule.reviewers);
    Obligation::new(&rule.reviewers, &why, weighed, None, world.policy)
}

/// Puts what resolves it to a rule's review, and passes it if that is done.
pub(super) fn rule(rule: &Rule, mut result: RuleResult, world: RuleContext<'_>) -> RuleResult {
    if result.outcome != Outcome::Review {
        return result;
    }
    if let Subject::Approvals(approvals) = &rule.subject {
        result.obligations.push(demanded(approvals, world));
        return result;
    }
    // A review because of the evidence is answered where the evidence is: by the policy's own reviewers.
    let reviewers = if result.blind { &world.policy.reviewers } else { &rule.reviewers };
    let Some(reviewers) = reviewers else { return result };
    let obligation = review(reviewers, &result.message, world);
    if obligation.is_met() && !result.blind {
        result.outcome = Outcome::Pass;
        result.message = format!("{}; approved by {}", result.message, obligation.approved_by.join(", "));
    }
    result.obligations.push(obligation);
    result
}

/// Reviews of evidence by the policy's own reviewers, such as of evidence of nothing
/// scanned; by its place in the evidence.
pub(super) fn of_evidence(world: RuleContext<'_>) -> Vec<(usize, Obligation)> {
    let Some(reviewers) = &world.policy.reviewers else { return Vec::new() };
    let reviews = world.evidence.iter().enumerate().filter(|(_, e)| e.outcome == Outcome::Review);
    reviews.map(|(at, e)| (at, review(reviewers, &e.message, world))).collect()
}

/// A base that is missing makes every finding count as new, which hides none: the policy's own reviewers may let it be.
pub(super) fn base(base: &mut BaseResult, world: RuleContext<'_>) {
    let Some(reviewers) = world.policy.reviewers.as_ref().filter(|_| base.outcome == Outcome::Review) else {
        return;
    };
    let obligation = review(reviewers, &base.message, world);
    if obligation.is_met() {
        base.outcome = Outcome::Pass;
        base.message = format!("{}; approved by {}", base.message, obligation.approved_by.join(", "));
    }
    base.obligations.push(obligation);
}

/// Puts the answers to the evidence.
pub(super) fn answer(evidence: &mut [Evidence], answers: Vec<(usize, Obligation)>) {
    for (at, obligation) in answers {
        let Some(evidence) = evidence.get_mut(at) else { continue };
        if obligation.is_met() {
            evidence.outcome = Outcome::Pass;
            evidence.message =
                format!("{}; approved by {}", evidence.message, obligation.approved_by.join(", "));
        }
        evidence.obligations.push(obligation);
    }
}

//! Who approved: approvals of merge requests, of deployments, and signed acceptances.
//!
//! An approval counts if it is bound to the commit of the run, has a time at which that commit was there, and was
//! given by somebody who may. Who cannot be identified counts as the author of the change.

mod accounts;
mod deployment;
mod merge_request;
mod people;

use jiff::Timestamp;
use serde_json::Value;

use super::requirement::{Requirements, RuleContext};
use super::{Document, acceptance};
use crate::finding::{CLOCK_SKEW, clean_line, duration_text, is_hex};
use crate::policy::{ApprovalSource, ApprovalsRule, DocumentKind, Reviewers};
pub(super) use accounts::Accounts;
pub(super) use deployment::line as comment;
use people::People;
pub(super) use people::placeholders;

/// Purpose that approvals are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A rule demands them.
    Rule,
    /// They answer a review: where a person can say which findings are meant, they must.
    Review,
}

/// An approval as a document states it.
#[derive(Debug, Clone)]
struct Approval {
    /// User name, in lower case and without `@`.
    user: Option<String>,
    /// Number of the account, which stays when it is renamed.
    number: Option<u64>,
    /// The name for people.
    name: Option<String>,
    /// When it was given.
    at: Option<Timestamp>,
    /// Where, for people.
    place: String,
    /// Why it does not count, whoever gave it.
    void: Option<String>,
}

impl Approval {
    /// The approval by a user as GitLab writes one.
    fn by(user: Option<&Value>, at: Option<&Value>, place: &str) -> Self {
        let text = |key: &str| user.and_then(|u| u.get(key)).and_then(Value::as_str);
        let mut approval = Self {
            user: text("username").map(plain).filter(|user| !user.is_empty()),
            number: user.and_then(|u| u.get("id")).and_then(Value::as_u64),
            name: text("name").map(str::to_owned),
            at: time(at),
            place: place.to_owned(),
            void: None,
        };
        // A value of another type than GitLab writes says nothing, least of all that all is well.
        let said = |key: &str| user.and_then(|u| u.get(key)).filter(|value| !value.is_null());
        if said("state").is_some_and(|state| state.as_str() != Some("active")) {
            approval.void = Some("is not an active user".to_owned());
        } else if said("locked").is_some_and(|locked| locked.as_bool() != Some(false)) {
            approval.void = Some("is locked".to_owned());
        } else if said("id").is_some() && approval.number.is_none() {
            approval.void = Some("has an `id` that is not the number of an account".to_owned());
        } else if approval.at.is_none() {
            approval.void = Some("the approval has no time".to_owned());
        }
        approval
    }

    /// How outputs name who gave it.
    fn who(&self) -> String {
        match (&self.user, &self.name) {
            (Some(user), _) => format!("@{}", clean_line(user)),
            (None, Some(name)) => format!("{} (without user name)", clean_line(name)),
            (None, None) => "somebody without a name".to_owned(),
        }
    }
}

/// Content of one source of approvals.
#[derive(Debug, Default)]
struct GivenApprovals {
    approvals: Vec<Approval>,
    /// Who said no, which nobody's yes makes up for.
    rejected: Vec<String>,
    /// Why nothing of the source counts.
    faults: Vec<String>,
}

impl GivenApprovals {
    fn fault(why: impl Into<String>) -> Self {
        Self { faults: vec![why.into()], ..Self::default() }
    }
}

/// Approvals weighed against what is demanded.
#[derive(Debug, Clone, Default)]
pub(super) struct Weighed {
    /// Those whose approval counts, with where it was given.
    pub(super) by: Vec<String>,
    /// Approvals that do not count, and why; and why whole sources do not.
    pub(super) not_counted: Vec<String>,
    /// Who said no.
    pub(super) rejected: Vec<String>,
    /// How many are missing.
    pub(super) missing: u32,
}

impl Weighed {
    /// True if enough people approved and nobody said no.
    pub(super) fn is_met(&self) -> bool {
        self.missing == 0 && self.rejected.is_empty()
    }

    /// The problem, on one line.
    pub(super) fn why(&self, reviewers: &Reviewers) -> String {
        let mut said = self.rejected.clone();
        if self.missing > 0 {
            let who = reviewers.any_of.join(", ");
            let mut text =
                format!("{} of {} approvals by {}", self.by.len(), reviewers.at_least, clean_line(&who));
            if !self.by.is_empty() {
                text = format!("{text}: {}", self.by.join(", "));
            }
            said.push(text);
        }
        if !self.not_counted.is_empty() {
            said.push(format!("not counted: {}", self.not_counted.join(", ")));
        }
        said.join("; ")
    }
}

/// The demands of an `approvals` rule.
pub(super) fn judge(rule: &ApprovalsRule, world: RuleContext<'_>) -> Requirements {
    let mut demands = Requirements::default();
    let weighed = weigh(&rule.reviewers, &rule.from, rule.max_age, Purpose::Rule, world);
    if weighed.is_met() {
        demands.met.push(format!("approved by {}", weighed.by.join(", ")));
        demands.approved_by = weighed.by;
    } else {
        demands.unmet(weighed.why(&rule.reviewers));
    }
    demands
}

/// Weighs the approvals of some sources.
pub(super) fn weigh(
    reviewers: &Reviewers,
    from: &[ApprovalSource],
    max_age: Option<i64>,
    purpose: Purpose,
    world: RuleContext<'_>,
) -> Weighed {
    let people = People::new(world);
    let mut weighed = Weighed::default();
    // What is not known about those who may not approve keeps everybody from approving.
    weighed.not_counted.extend(people.unknown(&reviewers.not));
    let barred_unknown = !weighed.not_counted.is_empty();
    let mut counted: Vec<String> = Vec::new();
    for source in from {
        let given = match source {
            ApprovalSource::MergeRequest => merge_request::merge_request_approvals(world),
            ApprovalSource::Deployment => deployment::all_deployment_approvals(purpose, world),
            ApprovalSource::Acceptance => accepted(world),
        };
        weighed.rejected.extend(given.rejected);
        weighed.not_counted.extend(given.faults);
        for approval in given.approvals {
            let why = approval
                .void
                .clone()
                .or_else(|| too_old(&approval, max_age, world.context.now))
                .or_else(|| people.not_one_of(&approval, &reviewers.any_of))
                .or_else(|| people.barred(&approval, &reviewers.not));
            let who = approval.who();
            match why {
                Some(why) => weighed.not_counted.push(format!("{who}: {why}")),
                None if barred_unknown => {}
                None => {
                    let user = approval.user.unwrap_or_default();
                    // One account is one approval, whatever it was called.
                    if !counted.iter().any(|known| people.are_one(known, &user)) {
                        weighed.by.push(format!("{who} ({})", approval.place));
                        counted.push(user);
                    }
                }
            }
        }
    }
    let there = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    weighed.missing = reviewers.at_least.saturating_sub(there);
    weighed.not_counted.dedup();
    weighed
}

/// Approvals in statements that a person's key has signed.
fn accepted(world: RuleContext<'_>) -> GivenApprovals {
    let mut given = GivenApprovals::default();
    let documents = world.all(DocumentKind::Acceptance);
    for (document, acceptance) in
        documents.flat_map(|d| acceptance::read_acceptances(d, world).into_iter().map(move |a| (d, a)))
    {
        let place = format!("acceptance {}", clean_line(&document.path));
        match acceptance {
            Ok(accepted) => given.approvals.push(Approval {
                user: Some(plain(&accepted.user)),
                number: None,
                name: None,
                at: Some(accepted.at),
                place,
                void: accepted.void,
            }),
            Err(why) => given.faults.push(format!("{place}: {why}")),
        }
    }
    given
}

fn too_old(approval: &Approval, max_age: Option<i64>, now: Timestamp) -> Option<String> {
    let Some(at) = approval.at else { return Some("the approval has no time".to_owned()) };
    let age = now.as_second() - at.as_second();
    if age < -CLOCK_SKEW {
        return Some(format!("the approval is dated {at}, which is in the future"));
    }
    max_age.filter(|most| age > *most).map(|most| {
        let (is, may) = (duration_text(age), duration_text(most));
        format!("the approval is {is} old, {may} allowed")
    })
}

/// A user name without `@`, in lower case.
pub(super) fn plain(user: &str) -> String {
    user.trim().trim_start_matches('@').to_lowercase()
}

/// A time as GitLab writes it.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

/// A commit id, in lower case.
fn commit(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.to_ascii_lowercase();
    (text.len() >= 40 && is_hex(&text)).then_some(text)
}

/// The one document of a kind; of several it is not known which is meant.
fn only(world: RuleContext<'_>, kind: DocumentKind) -> Result<Option<&Document>, String> {
    let mut all = world.all(kind);
    match (all.next(), all.next()) {
        (first, None) => Ok(first),
        (_, Some(second)) => {
            Err(format!("{}: there are several documents {}", clean_line(&second.path), kind.as_str()))
        }
    }
}

/// The commits of the run, or why nothing can be bound to them.
fn commits(world: RuleContext<'_>) -> Result<&[String], String> {
    match world.context.commits.as_slice() {
        [] => Err("the run does not say which commit it is about (--commit)".to_owned()),
        some => Ok(some),
    }
}

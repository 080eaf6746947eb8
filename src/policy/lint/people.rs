//! Who answers reviews, and whose approval proves something.

use super::{LintRun, rule_in_words};
use crate::policy::error::quoted;
use crate::policy::{
    Action, ApprovalSource, EntryKind, EvidenceEntry, Reviewers, Rule, Subject, VerdictsRule,
};

/// Looks at what a rule demands of a verdict's project and parameters, and no verdict can have.
fn lint_demands(found: &mut LintRun<'_>, rule: &Rule, verdicts: &VerdictsRule) {
    let is_address = |project: &&String| project.contains("://") || project.contains('@');
    if let Some(project) = verdicts.project.as_ref().filter(is_address) {
        let message =
            format!("{} wants the project {}, which is not a path", rule_in_words(rule), quoted(project));
        found.of_rule("verdict-of-no-project", rule, &["verdicts", "project"], message);
    }
    for (name, value) in &verdicts.parameters {
        let own = found.policy.parameters.iter().find(|parameter| parameter.name == *name);
        if let Some(own) = own.filter(|own| !own.one_of.contains(value)) {
            let known = own.one_of.join(", ");
            let message = format!(
                "{} wants {name} {}, and here it is one of {known}",
                rule_in_words(rule),
                quoted(value)
            );
            found.of_rule("verdict-of-no-value", rule, &["verdicts", "parameters"], message);
        }
    }
}

/// Looks at whom a rule names.
pub(super) fn lint_people(found: &mut LintRun<'_>, rule: &Rule) {
    match &rule.subject {
        Subject::Approvals(approvals) => {
            let reviewers = &approvals.reviewers;
            if !barred(reviewers) {
                let message = format!("{} is met by the author's own approval", rule_in_words(rule));
                found.of_rule("self-approval", rule, &["approvals"], message);
            }
            enough(found, rule, &["approvals", "at_least"], reviewers);
            return;
        }
        Subject::Verdicts(verdicts) => {
            if verdicts.max_age.is_none() {
                let message = format!("{} takes a verdict of any age", rule_in_words(rule));
                found.of_rule("verdict-without-age", rule, &["verdicts"], message);
            }
            if verdicts.policy.is_empty() {
                let message = format!("{} takes a verdict under any policy", rule_in_words(rule));
                found.of_rule("verdict-of-any-policy", rule, &["verdicts"], message);
            }
            lint_demands(found, rule, verdicts);
        }
        Subject::Findings(_)
        | Subject::Document(_)
        | Subject::Image(_)
        | Subject::Sbom(_)
        | Subject::Provenance(_) => {}
    }
    if rule.then != Action::Review {
        return;
    }
    let Some(reviewers) = &rule.reviewers else {
        // What was suppressed is answered by a waiver, which names an owner.
        let by_waiver = matches!(&rule.subject, Subject::Findings(s) if s.suppressed == Some(true));
        if !(by_waiver && rule.waivable && found.policy.waivers.is_some()) {
            let message =
                format!("{} ends in a review, and nobody is named who could answer it", rule_in_words(rule));
            found.of_rule("review-without-reviewers", rule, &["then"], message);
        }
        return;
    };
    let holds = |kind| ApprovalSource::ALL.iter().any(|source| source.documents().contains(&kind));
    let read = |entry: &EvidenceEntry| matches!(entry.kind, EntryKind::Document(kind) if holds(kind));
    if !found.policy.evidence.iter().any(read) {
        let message = format!("no approval answers the review of {}: none is read", rule_in_words(rule));
        found.of_rule("approvals-unread", rule, &["then"], message);
    }
    let own = found.policy.places.has(&["rules", &rule.id, "reviewers"]);
    if own {
        enough(found, rule, &["reviewers"], reviewers);
        if !barred(reviewers) {
            let message = format!("the author of a change may answer the review of {}", rule_in_words(rule));
            found.of_rule("reviewers-may-be-author", rule, &["reviewers"], message);
        }
    }
}

/// Whether the author is out.
fn barred(reviewers: &Reviewers) -> bool {
    reviewers.not.iter().any(|word| word == "author")
}

fn enough(found: &mut LintRun<'_>, rule: &Rule, clause: &[&str], reviewers: &Reviewers) {
    if let Some(message) = too_few(found, reviewers) {
        let message = format!("{} {message}", rule_in_words(rule));
        found.of_rule("too-few-reviewers", rule, clause, message);
    }
}

/// Says if more are needed than there are.
fn too_few(found: &LintRun<'_>, reviewers: &Reviewers) -> Option<String> {
    let mut users: Vec<String> = Vec::new();
    for word in &reviewers.any_of {
        match word.strip_prefix("role:") {
            Some(role) => {
                let members = found.policy.people.get(role).into_iter().flatten();
                users.extend(members.map(|person| person.user.to_lowercase()));
            }
            None => users.push(word.trim_start_matches('@').to_lowercase()),
        }
    }
    users.sort();
    users.dedup();
    let there = users.len();
    (reviewers.at_least as usize > there).then(|| {
        let people = if there == 1 { "1 person".to_owned() } else { format!("{there} people") };
        format!("needs {} approvals, and names {people}", reviewers.at_least)
    })
}

/// Looks at the reviewers of the policy.
pub(super) fn top(found: &mut LintRun<'_>) {
    let Some(reviewers) = &found.policy.reviewers else { return };
    if let Some(message) = too_few(found, reviewers) {
        found.add("too-few-reviewers", &["reviewers"], format!("a review {message}"));
    }
    if !barred(reviewers) {
        found.add("reviewers-may-be-author", &["reviewers"], "the author of a change may answer its reviews");
    }
}

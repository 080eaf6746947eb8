//! Gates of other tools: Verification Summary Attestations of SLSA and Simple Verification Results of in-toto.

use super::super::requirement::{Requirements, RuleContext};
use crate::attest::chain::Signed;
use crate::attest::statement::{digest_algorithm, digest_hex};
use crate::attest::verification_summary::VerifierSummary;
use crate::finding::{CLOCK_SKEW, clean_line, duration_text};
use crate::policy::{IdentityGlob, SummaryDemand, SummaryPredicateKind, VerdictsRule};

/// The only result of a summary that will do.
const PASSED: &str = "PASSED";

pub(super) fn on_commit(
    rule: &VerdictsRule,
    demand: &SummaryDemand,
    world: RuleContext<'_>,
    signed: &[Signed],
) -> Requirements {
    let commits = &world.context.commits;
    if commits.is_empty() {
        return Requirements::undecided("the run does not say which commit it is about; give --commit SHA");
    }
    let about =
        |one: &Signed| one.statement.digests("gitCommit").any(|id| commits.iter().any(|commit| commit == id));
    judge(rule, demand, world, signed, &about, &format!("commit {}", commits.join(" or ")))
}

pub(super) fn on_subject(
    rule: &VerdictsRule,
    demand: &SummaryDemand,
    world: RuleContext<'_>,
    subject: Option<&str>,
    signed: &[Signed],
) -> Requirements {
    let Some(artifact) = world.context.artifact(subject) else {
        return Requirements::undecided(
            "the run does not say which artifact it is about; give --subject NAME@sha256:HEX",
        );
    };
    // Whoever verified an index verified what is in it.
    let digest = artifact.digest.as_str();
    let mut digests = world.context.indexes_with(digest);
    digests.push(digest);
    let about = |one: &Signed| digests.iter().any(|digest| one.statement.is_about(digest_hex(digest)));
    let words = format!("{}:{}", digest_algorithm(digest_hex(digest)), digest_hex(digest));
    judge(rule, demand, world, signed, &about, &words)
}

fn judge(
    rule: &VerdictsRule,
    demand: &SummaryDemand,
    world: RuleContext<'_>,
    signed: &[Signed],
    about: &dyn Fn(&Signed) -> bool,
    target: &str,
) -> Requirements {
    let mut demands = Requirements::default();
    match last(rule, demand, world.context.now.as_second(), signed, about, target) {
        Ok((one, summary)) => demands.met.push(format!(
            "{}: {} by {}, signed by {} ({})",
            demand.gate,
            clean_line(&summary.levels.join(", ")),
            clean_line(&summary.verifier),
            one.keys.join(" and "),
            one.place
        )),
        Err(why) => demands.unmet(why),
    }
    demands
}

/// The last statement that a verifier made of the target, if it will do; else what is wrong.
fn last<'s>(
    rule: &VerdictsRule,
    demand: &SummaryDemand,
    now: i64,
    signed: &'s [Signed],
    about: &dyn Fn(&Signed) -> bool,
    target: &str,
) -> Result<(&'s Signed, VerifierSummary), String> {
    let SummaryDemand { gate, predicate, verifier, .. } = demand;
    let kind = match predicate {
        SummaryPredicateKind::Vsa => "Verification Summary Attestation",
        SummaryPredicateKind::Svr => "Simple Verification Result",
    };
    let (mut fitting, mut hints) = (Vec::new(), Vec::new());
    for one in signed {
        let Some(read) = VerifierSummary::from_statement(&one.statement) else { continue };
        let why_not = match &read {
            Err(why) => Some(why.clone()),
            Ok(read) => passes_by(demand, read, about(one), target),
        };
        match (read, why_not) {
            (Ok(read), None) => fitting.push((one, read)),
            (_, Some(why)) | (Err(why), None) => hints.push(format!("{} {why}", one.place)),
        }
    }
    let passed = |read: &VerifierSummary| read.simple || read.result.as_deref() == Some(PASSED);
    // One without a time may be the last of all, and of several at one time the worst counts.
    let latest = fitting.into_iter().max_by_key(|(_, read)| {
        let time = read.time.map_or(i64::MAX, jiff::Timestamp::as_second);
        (time, !passed(read), demand.levels.iter().any(|level| !read.states(level)))
    });
    let Some((one, read)) = latest else {
        hints.sort();
        let hints = if hints.is_empty() { String::new() } else { format!("; {}", hints.join("; ")) };
        return Err(format!(
            "there is no signed {kind} of {} about {target} for gate {gate}{hints}",
            clean_line(verifier)
        ));
    };
    let place = &one.place;
    let refuse = |why: String| Err(format!("the last {kind} for gate {gate} about {target} {why} ({place})"));
    if !passed(&read) {
        return refuse(format!("says {}", clean_line(read.result.as_deref().unwrap_or_default())));
    }
    if let Some(level) = demand.levels.iter().find(|level| !read.states(level)) {
        let stated = clean_line(&read.levels.join(", ")).into_owned();
        return refuse(format!("states {stated}, and {} is demanded", clean_line(level)));
    }
    if !rule.policy.is_empty()
        && !read.policy_sha256.as_ref().is_some_and(|sha256| rule.policy.contains(sha256))
    {
        return refuse("was made under none of the policies that are demanded".to_owned());
    }
    if !rule.parameters.is_empty() {
        return refuse("says no parameters, and some are demanded".to_owned());
    }
    if rule.machine_clock {
        return refuse("does not say whether its clock was pinned".to_owned());
    }
    match (read.time, rule.max_age) {
        (None, Some(_)) => return refuse("does not say when it was made".to_owned()),
        (Some(time), max_age) => {
            let age = now - time.as_second();
            if age < -CLOCK_SKEW {
                return refuse(format!("is dated {time}, which is in the future"));
            }
            if let Some(max_age) = max_age.filter(|max_age| age > *max_age) {
                let (age, allowed) = (duration_text(age), duration_text(max_age));
                return refuse(format!("has expired: it is of {time}, {age} ago, and {allowed} is allowed"));
            }
        }
        (None, None) => {}
    }
    Ok((one, read))
}

/// Why a statement is not the one that is asked for; `None` if it is.
fn passes_by(demand: &SummaryDemand, read: &VerifierSummary, about: bool, target: &str) -> Option<String> {
    if read.simple != (demand.predicate == SummaryPredicateKind::Svr) {
        return Some("is of another kind".to_owned());
    }
    if !about {
        return Some(format!("is not about {target}"));
    }
    if read.verifier != demand.verifier {
        return Some(format!("is of the verifier {}", clean_line(&read.verifier)));
    }
    let resource = read.resource.as_deref().unwrap_or_default();
    if !demand.resource.is_empty()
        && !demand.resource.iter().any(|glob| IdentityGlob::matches(glob, resource))
    {
        return Some(format!("is about the resource {}", clean_line(resource)));
    }
    if demand.policy_uri.is_some() && demand.policy_uri != read.policy_uri {
        let is = read.policy_uri.as_deref().unwrap_or("none");
        return Some(format!("is of the policy {}", clean_line(is)));
    }
    None
}

//! Decisions of earlier gates, by signed verdicts, and of other tools, by their summaries.

mod summaries;

use super::requirement::{Requirements, RuleContext, age_of_roots, each};
use crate::attest::chain::{
    self, NamedKey, Project, Signed, SignedVerdict, VerdictRequirement, VerdictTarget,
};
use crate::attest::statement::digest_hex;
use crate::attest::verdict::GateDecision;
use crate::policy::{DecidedOn, DocumentKind, VerdictWord, VerdictsRule};

/// The demands of a rule: of each gate, for the commit of the run or for each of the subjects.
pub(super) fn judge(rule: &VerdictsRule, world: RuleContext<'_>) -> Requirements {
    let keys = match world.keys(&rule.signed_by) {
        Ok(keys) => keys,
        Err(undecided) => return Requirements { undecided, ..Requirements::default() },
    };
    let (verdicts, others, refused) = verdicts(&keys, world);
    let mut demands = Requirements::default();
    let on = |wanted: DecidedOn| rule.gates.iter().filter(move |(_, on)| *on == wanted).map(|(gate, _)| gate);
    if on(DecidedOn::Commit).next().is_some() {
        demands.extend(on_commit(rule, world, on(DecidedOn::Commit), &verdicts));
    }
    if on(DecidedOn::Subject).next().is_some() {
        demands.extend(each(&rule.subjects, |subject| {
            on_subject(rule, world, subject, on(DecidedOn::Subject), &verdicts)
        }));
    }
    for summary in &rule.summaries {
        demands.extend(match summary.on {
            DecidedOn::Commit => summaries::on_commit(rule, summary, world, &others),
            DecidedOn::Subject => {
                each(&rule.subjects, |subject| summaries::on_subject(rule, summary, world, subject, &others))
            }
        });
    }
    if !demands.met.is_empty() {
        demands.met.extend(age_of_roots(&keys, world.context.now));
    }
    // Whoever misses a verdict may find it among those that prove nothing.
    if let Some(last) = demands.unmet.last_mut().filter(|_| !refused.is_empty()) {
        last.text = format!("{}; {}", last.text, refused.join("; "));
    }
    demands
}

/// The verdicts whose signature holds, statements of other kinds, and why others prove nothing.
fn verdicts(keys: &[NamedKey], world: RuleContext<'_>) -> (Vec<SignedVerdict>, Vec<Signed>, Vec<String>) {
    let (mut verdicts, mut others, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (place, document) in world.statements(DocumentKind::Verdict, None) {
        match document.and_then(|document| chain::open(&place, &document, keys)) {
            Ok(signed) => match signed.verdict() {
                Some(Ok(verdict)) => verdicts.push(verdict),
                Some(Err(why)) => refused.push(format!("{} {}", why.place, why.why)),
                None => others.push(signed),
            },
            Err(why) => refused.push(format!("{} {}", why.place, why.why)),
        }
    }
    (verdicts, others, refused)
}

fn on_commit<'r>(
    rule: &VerdictsRule,
    world: RuleContext<'_>,
    gates: impl Iterator<Item = &'r String>,
    verdicts: &[SignedVerdict],
) -> Requirements {
    let commits = &world.context.commits;
    if commits.is_empty() {
        return Requirements::undecided("the run does not say which commit it is about; give --commit SHA");
    }
    // A merge commit has another id than what the merge gate saw; the same tree is the same content.
    let ours = verdicts.iter().filter(|v| v.verdict.commits.iter().any(|c| commits.contains(c)));
    let mut trees: Vec<String> = ours.flat_map(|v| v.verdict.trees.iter().cloned()).collect();
    trees.sort();
    trees.dedup();
    let mut demands = Requirements::default();
    for gate in gates {
        ask(rule, world, gate, VerdictTarget::Commit { commits, trees: &trees }, verdicts, &mut demands);
    }
    demands
}

fn on_subject<'r>(
    rule: &VerdictsRule,
    world: RuleContext<'_>,
    subject: Option<&str>,
    gates: impl Iterator<Item = &'r String>,
    verdicts: &[SignedVerdict],
) -> Requirements {
    let Some(artifact) = world.context.artifact(subject) else {
        return Requirements::undecided(
            "the run does not say which artifact it is about; give --subject NAME@sha256:HEX",
        );
    };
    let digest = artifact.digest.as_str();
    let context = world.context;
    let platforms: Vec<&str> = context.platforms(digest).iter().map(|image| image.digest.as_str()).collect();
    let judged = |gate: &String, digest: &str| {
        let of_gate = verdicts.iter().filter(|v| v.verdict.facts.gate == *gate);
        of_gate.into_iter().any(|v| v.verdict.artifacts.iter().any(|one| one == digest_hex(digest)))
    };
    let mut demands = Requirements::default();
    for gate in gates {
        // A verdict about an index is one about what is in it. Where there are several, none of them may stop it.
        let mut asked: Vec<&str> = context.indexes_with(digest);
        asked.retain(|index| judged(gate, index));
        let of_each = !platforms.is_empty() && platforms.iter().all(|image| judged(gate, image));
        if judged(gate, digest) || asked.is_empty() && !of_each {
            asked.push(digest);
        }
        asked.extend(platforms.iter().filter(|image| judged(gate, image)));
        for digest in asked {
            ask(rule, world, gate, VerdictTarget::Artifact(digest_hex(digest)), verdicts, &mut demands);
        }
    }
    demands
}

fn ask(
    rule: &VerdictsRule,
    world: RuleContext<'_>,
    gate: &str,
    about: VerdictTarget<'_>,
    verdicts: &[SignedVerdict],
    demands: &mut Requirements,
) {
    let words: Vec<GateDecision> = rule
        .verdict
        .iter()
        .map(|word| match word {
            VerdictWord::Pass => GateDecision::Pass,
            VerdictWord::Review => GateDecision::Review,
        })
        .collect();
    let demand = VerdictRequirement {
        gate,
        about,
        words: &words,
        policies: &rule.policy,
        project: Project::Of(rule.project.as_deref().or(world.context.shown.project.as_deref())),
        parameters: &rule.parameters,
        own_parameters: Some(&world.context.parameters),
        max_age: rule.max_age,
        machine_clock: rule.machine_clock,
        now: world.context.now,
    };
    match demand.last(verdicts) {
        Ok(verdict) => demands.met.push(format!(
            "{gate}: {} at {}, signed by {} ({})",
            verdict.verdict.facts.verdict.as_str(),
            verdict.verdict.facts.evaluated_at,
            verdict.keys.join(" and "),
            verdict.place
        )),
        Err(why) => demands.unmet(why),
    }
}

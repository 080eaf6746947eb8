//! What earlier gates decided, by signed verdicts.

use super::demand::{Demands, World, each};
use crate::attest::chain::{self, About, Demand, NamedKey, Project, SignedVerdict};
use crate::attest::verdict::Word;
use crate::policy::{DecidedOn, DocumentKind, VerdictWord, VerdictsRule};

/// The demands of a rule: of each gate, for the commit of the run or for each of the subjects.
pub(super) fn judge(rule: &VerdictsRule, world: World<'_>) -> Demands {
    let keys = match world.keys(&rule.signed_by) {
        Ok(keys) => keys,
        Err(undecided) => return Demands { undecided, ..Demands::default() },
    };
    let (verdicts, refused) = verdicts(&keys, world);
    let mut demands = Demands::default();
    let on = |wanted: DecidedOn| rule.gates.iter().filter(move |(_, on)| *on == wanted).map(|(gate, _)| gate);
    if on(DecidedOn::Commit).next().is_some() {
        demands.extend(on_commit(rule, world, on(DecidedOn::Commit), &verdicts));
    }
    if on(DecidedOn::Subject).next().is_some() {
        demands.extend(each(&rule.subjects, |subject| {
            on_subject(rule, world, subject, on(DecidedOn::Subject), &verdicts)
        }));
    }
    // Whoever misses a verdict may find it among those that prove nothing.
    if let Some(last) = demands.unmet.last_mut().filter(|_| !refused.is_empty()) {
        last.text = format!("{}; {}", last.text, refused.join("; "));
    }
    demands
}

/// The verdicts whose signature holds, and why others prove nothing.
fn verdicts(keys: &[NamedKey], world: World<'_>) -> (Vec<SignedVerdict>, Vec<String>) {
    let (mut verdicts, mut refused) = (Vec::new(), Vec::new());
    for (place, document) in world.statements(DocumentKind::Verdict, None) {
        let signed = document.and_then(|document| chain::open(&place, &document, keys));
        match signed.map(|signed| signed.verdict()) {
            Ok(Some(Ok(verdict))) => verdicts.push(verdict),
            Ok(Some(Err(why))) | Err(why) => refused.push(format!("{} {}", why.place, why.why)),
            // A summary stands beside each verdict.
            Ok(None) => {}
        }
    }
    (verdicts, refused)
}

fn on_commit<'r>(
    rule: &VerdictsRule,
    world: World<'_>,
    gates: impl Iterator<Item = &'r String>,
    verdicts: &[SignedVerdict],
) -> Demands {
    let commits = &world.context.commits;
    if commits.is_empty() {
        return Demands::undecided("the run does not say which commit it is about; give --commit SHA");
    }
    // A merge commit has another id than what the merge gate saw; the same tree is the same content.
    let ours = verdicts.iter().filter(|v| v.verdict.commits.iter().any(|c| commits.contains(c)));
    let mut trees: Vec<String> = ours.flat_map(|v| v.verdict.trees.iter().cloned()).collect();
    trees.sort();
    trees.dedup();
    let mut demands = Demands::default();
    for gate in gates {
        ask(rule, world, gate, About::Commit { commits, trees: &trees }, verdicts, &mut demands);
    }
    demands
}

fn on_subject<'r>(
    rule: &VerdictsRule,
    world: World<'_>,
    subject: Option<&str>,
    gates: impl Iterator<Item = &'r String>,
    verdicts: &[SignedVerdict],
) -> Demands {
    let Some(artifact) = world.context.artifact(subject) else {
        return Demands::undecided(
            "the run does not say which artifact it is about; give --subject NAME@sha256:HEX",
        );
    };
    let digest = artifact.digest.trim_start_matches("sha256:");
    let mut demands = Demands::default();
    for gate in gates {
        ask(rule, world, gate, About::Artifact(digest), verdicts, &mut demands);
    }
    demands
}

fn ask(
    rule: &VerdictsRule,
    world: World<'_>,
    gate: &str,
    about: About<'_>,
    verdicts: &[SignedVerdict],
    demands: &mut Demands,
) {
    let words: Vec<Word> = rule
        .verdict
        .iter()
        .map(|word| match word {
            VerdictWord::Pass => Word::Pass,
            VerdictWord::Review => Word::Review,
        })
        .collect();
    let demand = Demand {
        gate,
        about,
        words: &words,
        policies: &rule.policy,
        project: Project::Of(rule.project.as_deref().or(world.context.shown.project.as_deref())),
        parameters: &rule.parameters,
        own_parameters: Some(&world.context.parameters),
        max_age: rule.max_age,
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

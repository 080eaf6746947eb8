//! Subject, time and author of a verdict, in the same words in every output for people.

use crate::decide::Decision;
use crate::finding::clean;

/// Subject of a verdict, each fact with its name: time, project, commit, images, parameters, and who approved.
pub(super) fn about(decision: &Decision) -> Vec<(&'static str, String)> {
    let context = &decision.context;
    let mut facts = Vec::new();
    let mut fact = |name: &'static str, value: &str| facts.push((name, clean(value).into_owned()));
    fact("time", &decision.evaluated_at.to_string());
    if let Some(project) = &context.project {
        fact("project", project);
    }
    if let Some(commit) = &context.commit {
        fact("commit", commit);
    }
    for artifact in &context.subjects {
        // A name may hold the digest already.
        let name = artifact.name.split('@').next().unwrap_or_default();
        fact("image", &format!("{name}@{}", artifact.digest));
    }
    let environment = context.env.get("CI_ENVIRONMENT_NAME").filter(|name| !name.is_empty());
    if let Some(environment) = environment.filter(|_| !context.parameters.contains_key("environment")) {
        fact("environment", environment);
    }
    for (name, value) in &context.parameters {
        fact("parameter", &format!("{name}={value}"));
    }
    for person in approvers(decision) {
        fact("approved by", person);
    }
    facts
}

/// The facts on one line.
pub(super) fn about_line(decision: &Decision) -> String {
    let facts = about(decision);
    let words = facts.iter().map(|(name, value)| match *name {
        "time" => format!("decided at {value}"),
        "parameter" => value.replacen('=', " ", 1),
        name => format!("{name} {value}"),
    });
    words.collect::<Vec<_>>().join(" · ")
}

/// Everybody whose approval counted, each once, in the order of the rules.
fn approvers(decision: &Decision) -> Vec<&str> {
    let of_rules = decision.rules.iter().flat_map(|rule| {
        rule.approved_by.iter().chain(rule.obligations.iter().flat_map(|one| &one.approved_by))
    });
    let of_evidence = decision.evidence.iter().flat_map(|evidence| &evidence.obligations);
    let of_base = decision.base.iter().flat_map(|base| &base.obligations);
    let of_gate = decision.own_gate.iter().flat_map(|gate| &gate.obligations);
    let others = of_evidence.chain(of_base).chain(of_gate).flat_map(|one| &one.approved_by);
    let mut all: Vec<&str> = Vec::new();
    for person in of_rules.chain(others) {
        if !all.contains(&person.as_str()) {
            all.push(person);
        }
    }
    all
}

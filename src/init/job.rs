//! Jobs for GitLab.

use std::fmt::Write as _;

use super::{Draft, quoted};

/// A `.gitlab-ci.yml` for a project that has none.
pub fn include() -> String {
    format!("include:\n  - local: {}\n", super::JOBS)
}

/// The jobs: the gate, and a scanner for each entry that no job of `existing` scans for.
pub fn jobs(draft: &Draft, existing: Option<&str>) -> String {
    let existing = existing.unwrap_or_default();
    let stage = stage(existing);
    let mut needs = Vec::new();
    let mut text = String::from(
        "# Jobs for GitLab, in .gitlab-ci.yml by `include: [{local: .secgate/gitlab-ci.yml}]`.\n",
    );
    for entry in draft.entries() {
        let (Some(scanner), Some(file)) = (&entry.scanner, entry.files.first()) else { continue };
        let program = scanner.argv.first().map_or("", String::as_str);
        let there = jobs_with(existing, program);
        if !there.is_empty() {
            needs.extend(there);
            continue;
        }
        let job = format!("secgate-{}", entry.name);
        let prints = !scanner.argv.iter().any(|word| word == "{report}");
        let words: Vec<String> = scanner
            .argv
            .iter()
            .map(|word| match word.as_str() {
                "{report}" => shell(file),
                "{changed}" => ".".to_owned(),
                word => shell(word),
            })
            .collect();
        let line = if prints { format!("{} >{}", words.join(" "), shell(file)) } else { words.join(" ") };
        let _ = write!(text, "\n{job}:\n  stage: {stage}\n");
        if scanner.image.is_empty() {
            let _ = writeln!(
                text,
                "  image: python:3.13-slim         # pin its digest\n  before_script: [pip install {program}]"
            );
        } else {
            let _ = writeln!(
                text,
                "  image: {{name: {}, entrypoint: [\"\"]}}      # pin its digest",
                scanner.image
            );
        }
        // What a scanner found is for the gate to judge; without a report the gate fails.
        let _ = write!(
            text,
            "  script:\n    - {}\n  allow_failure: true             # the gate judges the report, and fails without one\n  artifacts: {{when: always, paths: [{}]}}\n",
            quoted(&line),
            quoted(file)
        );
        needs.push(job);
    }
    needs.sort();
    needs.dedup();
    let _ = write!(text, "\nsecurity-gate:\n  stage: {stage}\n");
    if !needs.is_empty() {
        let list: Vec<String> =
            needs.iter().map(|job| format!("{{job: {}, optional: true}}", quoted(job))).collect();
        let _ = writeln!(text, "  needs: [{}]", list.join(", "));
    }
    text.push_str(
        "  image: alpine                   # any image with a shell; pin its digest
  script:                         # the program lies in the repository here; elsewhere say where
    - ./ci/bin/secgate check --output json=verdict.json --output junit=verdict.xml --output codequality=quality.json
      --output dotenv=verdict.env --output annotations=links.json
  artifacts:
    when: always
    paths: [verdict.json]
    reports: {junit: verdict.xml, codequality: quality.json, dotenv: verdict.env, annotations: links.json}
",
    );
    text
}

/// A word for a shell.
fn shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The jobs of a pipeline in which a program is named: blocks that begin at the left edge.
fn jobs_with(text: &str, program: &str) -> Vec<String> {
    let mut jobs = Vec::new();
    let mut current: Option<&str> = None;
    for line in text.lines() {
        let code = line.split(" #").next().unwrap_or_default();
        if code.starts_with('#') {
            continue;
        }
        if !code.starts_with([' ', '\t', '-']) && !code.trim().is_empty() {
            let name = code.split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
            // Dots begin templates; the others are no jobs.
            let job = !name.starts_with('.')
                && !matches!(
                    name,
                    "stages"
                        | "variables"
                        | "include"
                        | "default"
                        | "workflow"
                        | "image"
                        | "cache"
                        | "services"
                );
            current = job.then_some(name);
        }
        let words = || code.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
        if let (Some(name), true) = (current, !program.is_empty() && words().any(|word| word == program)) {
            jobs.push(name.to_owned());
            current = None;
        }
    }
    jobs
}

/// The stage for the gate: `test`, which exists where no others are named, else the first that sounds like it.
fn stage(text: &str) -> String {
    let mut stages: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(rest) = code.strip_prefix("stages:") {
            inside = true;
            stages.extend(rest.trim().trim_matches(['[', ']']).split(',').map(str::to_owned));
        } else if inside && (code.trim_start().starts_with('-')) {
            stages.push(code.trim_start().trim_start_matches('-').to_owned());
        } else if !code.trim().is_empty() {
            inside = false;
        }
    }
    let stages: Vec<&str> =
        stages.iter().map(|stage| stage.trim().trim_matches(['"', '\''])).filter(|s| !s.is_empty()).collect();
    let sounds = |word: &str| stages.iter().find(|stage| stage.to_ascii_lowercase().contains(word));
    let fallback = || stages.iter().rev().nth(1).or(stages.last());
    if stages.is_empty() || stages.contains(&"test") {
        return "test".to_owned();
    }
    quoted(
        sounds("secur")
            .or_else(|| sounds("gate"))
            .or_else(|| sounds("test"))
            .or_else(fallback)
            .map_or("test", |stage| *stage),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_and_stages_of_a_pipeline() {
        let text = "stages: [build, security, deploy]\n.semgrep: {}\nscan code:\n  script:\n    - semgrep scan --json .  # trivy\n\"other\":\n  script: [make]\n";
        assert_eq!(jobs_with(text, "semgrep"), ["scan code"]);
        assert!(jobs_with(text, "trivy").is_empty() && jobs_with(text, "").is_empty());
        assert_eq!(stage(text), "security");
        assert_eq!(stage("stages:\n  - lint\n  - test # it\n"), "test");
        assert_eq!(stage("stages:\n- a\n- b c\n- deploy\nx: {}\n"), "\"b c\"");
        assert_eq!(stage(""), "test");
        assert_eq!(shell("it's"), "'it'\\''s'");
    }
}

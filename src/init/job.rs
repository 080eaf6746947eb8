//! Jobs for GitLab: secgate's own component, put to use, and a job for each scanner that no job runs yet.

use std::fmt::Write as _;

use super::gitlab_scans::GitlabScan;
use super::pipeline::Pipeline;
use super::scanner::ScannerInput;
use super::{COMPONENT, Draft, quoted};

/// A `.gitlab-ci.yml` for a project that has none.
pub fn include() -> String {
    format!("include:\n  - local: {}\n", super::JOBS)
}

/// Where the program may lie in a repository.
const PROGRAM: &str = "ci/bin/secgate";

/// The CI/CD variable that names an image with the program, where the repository holds none.
pub const IMAGE_VARIABLE: &str = "SECGATE_IMAGE";

/// Whether the repository holds the program that its jobs run.
pub fn holds_program(repository: &std::path::Path) -> bool {
    repository.join(PROGRAM).is_file()
}

/// The jobs: the gate, and a scanner for each entry whose report no job of the project's pipeline leaves.
/// With `program` the repository holds the program; else an image does, which a variable names: no job names a program
/// that is not there.
pub fn jobs(draft: &Draft, existing: Option<&Pipeline>, program: bool) -> String {
    let nothing = Pipeline::default();
    let pipeline = existing.unwrap_or(&nothing);
    let stage = quoted(pipeline.stage());
    // Where a project has no pipelines of merge requests, its jobs would be missing in one.
    let pipelines = if existing.is_none() || pipeline.merge_requests { "merge_requests" } else { "branches" };
    let mut needs = Vec::new();
    let mut base: Vec<(String, String)> = Vec::new();
    let mut scans = String::new();
    for entry in draft.entries() {
        let there = pipeline.leaving(&entry.files);
        let scanner = entry.scanner.as_ref().filter(|scanner| scanner.from != ScannerInput::Project);
        let (Some(scanner), Some(file), true) = (scanner, entry.files.first(), there.is_empty()) else {
            needs.extend(there);
            base.extend(pipeline.leaving_each(&entry.files));
            continue;
        };
        let job = format!("secgate-{}", entry.name);
        let prints = !scanner.argv.iter().any(|word| word == "{report}");
        let mut words: Vec<String> = scanner
            .argv
            .iter()
            .map(|word| match word.as_str() {
                "{report}" => shell(file),
                "{changed}" => ".".to_owned(),
                word => shell(word),
            })
            .collect();
        let program = words.first().cloned().unwrap_or_default();
        let (image, before) = match scanner.from {
            ScannerInput::Image(image) => (image, None),
            ScannerInput::ImageAt(image, path) => {
                if let Some(first) = words.first_mut() {
                    path.clone_into(first);
                }
                (image, None)
            }
            ScannerInput::Project => continue,
            ScannerInput::Python => ("python:3.13", Some(format!("pip install --quiet {program}"))),
        };
        let line = if prints { format!("{} >{}", words.join(" "), shell(file)) } else { words.join(" ") };
        let _ = write!(
            scans,
            "\n{job}:\n  extends: \".secgate:merge\"     # when the gate runs\n  stage: {stage}\n  needs: []\n  image: \
             {{name: {}, entrypoint: [\"\"]}}      # pin its digest\n",
            quoted(image)
        );
        if let Some(before) = before {
            let _ = writeln!(scans, "  before_script: [{}]", quoted(&before));
        }
        if let Some((folder, _)) = file.rsplit_once('/') {
            let _ = writeln!(scans, "  script:\n    - {}", quoted(&format!("mkdir -p {}", shell(folder))));
        } else {
            scans.push_str("  script:\n");
        }
        // What a scanner found is for the gate to judge; without a report the gate fails.
        let _ = write!(
            scans,
            "    - {}\n  allow_failure: true             # the gate judges the report, and fails without one\n  artifacts: {{when: always, paths: [{}]}}\n",
            quoted(&line),
            quoted(file)
        );
        base.push((job.clone(), file.clone()));
        needs.push(job);
    }
    let scans_of_gitlab = pipeline.gitlab_scans();
    for scan in &scans_of_gitlab {
        needs.extend(scan.jobs.iter().map(|job| (*job).to_owned()));
        scans.push_str(&completed(scan));
    }
    needs.sort();
    needs.dedup();
    let runs = where_from(program);
    let mut text = format!(
        "# Jobs for GitLab, in .gitlab-ci.yml by `include: [{{local: {}}}]`. The gate is the component of
# {COMPONENT}, which explains how a review is approved, and what SECGATE_API_TOKEN is for.
include:
  - local: {COMPONENT}
    inputs:
      gate: merge
      stage: {stage}
      pipelines: {pipelines}{}# of merge requests, or of branches where the others have no jobs
{runs}",
        super::JOBS,
        " ".repeat(17_usize.saturating_sub(pipelines.len())),
    );
    text.push_str(&base_reports(base));
    if !scans_of_gitlab.is_empty() && pipelines == "merge_requests" {
        text.push_str(
            "\n# GitLab's own scans run in pipelines of merge requests, too (from GitLab 18.0; before, by their templates\n\
             # called .latest).\nvariables: {AST_ENABLE_MR_PIPELINES: \"true\"}\n",
        );
    }
    if !needs.is_empty() {
        text.push_str("\n\"secgate:merge\":                  # what the gate waits for\n  needs:\n");
        for job in needs {
            let _ = writeln!(text, "    - {{job: {}, optional: true}}", quoted(&job));
        }
    }
    text + &scans
}

/// The component's input that fetches what jobs left on the target branch; none for jobs and files that are no words,
/// which the component's list separates by blanks. The file stands first: a scanner of secrets takes `secrets=FILE` for one.
fn base_reports(mut left: Vec<(String, String)>) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !b"@*?[\\\"'$`;&|<>()".contains(&b);
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(plain);
    left.retain(|(job, file)| is_word(job) && is_word(file));
    left.sort();
    left.dedup();
    let pairs: Vec<String> = left.iter().map(|(job, file)| format!("{file}@{job}")).collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!(
        "      # What these jobs left on the target branch is fetched with SECGATE_API_TOKEN: what was there before.\n      \
         base_reports: {}\n",
        quoted(&pairs.join(" "))
    )
}

/// What a job of GitLab's own lacks so that the gate gets its report.
fn completed(scan: &GitlabScan) -> String {
    let mut text = String::new();
    for (at, job) in scan.completed.iter().enumerate() {
        let why = "     # GitLab's: its report is handed to no later job by itself";
        let _ = writeln!(text, "\n{}:{}", quoted(job), if at == 0 { why } else { "" });
        if let Some(written) = scan.written_as {
            let _ = writeln!(
                text,
                "  after_script: [\"cp {written} {} || true\"]     # SAST writes one of that name",
                scan.report
            );
        }
        let more = if scan.kind == "deps" { ", \"**/gl-sbom-*.cdx.json\"" } else { "" };
        let _ = writeln!(text, "  artifacts: {{paths: [{}{more}]}}", scan.report);
    }
    text
}

/// Where the gate's job gets the program from, as inputs of the component.
fn where_from(program: bool) -> String {
    if program {
        format!(
            "      image: alpine               # pin its digest; with curl, git and jq in it, `prepare` can go
      prepare: command -v jq >/dev/null || apk add --no-cache curl git jq
      secgate: ./{PROGRAM}   # the program that lies in the repository
"
        )
    } else {
        format!(
            "      image: ${IMAGE_VARIABLE}       # a CI/CD variable: an image with secgate, curl, git and jq, by digest
      secgate: secgate            # the program in that image; or its path, once it lies in the repository
"
        )
    }
}

/// The jobs that a draft adds.
#[derive(Debug, Default)]
pub struct JobPlan {
    /// The stage of all of them.
    pub stage: String,
    /// The scanners' jobs that are new.
    pub added: Vec<String>,
    /// The project's own jobs that the gate waits for.
    pub waits: Vec<String>,
}

/// Which jobs a draft adds to a pipeline.
pub fn job_plan(draft: &Draft, existing: Option<&Pipeline>) -> JobPlan {
    let nothing = Pipeline::default();
    let pipeline = existing.unwrap_or(&nothing);
    let mut plan = JobPlan { stage: pipeline.stage().to_owned(), ..JobPlan::default() };
    for entry in draft.entries() {
        let there = pipeline.leaving(&entry.files);
        let runs = entry.scanner.as_ref().is_some_and(|scanner| scanner.from != ScannerInput::Project);
        if there.is_empty() && runs && !entry.files.is_empty() {
            plan.added.push(format!("secgate-{}", entry.name));
        }
        plan.waits.extend(there);
    }
    let of_gitlab = pipeline.gitlab_scans().into_iter().flat_map(|scan| scan.jobs);
    plan.waits.extend(of_gitlab.map(|job| (*job).to_owned()));
    plan.waits.sort();
    plan.waits.dedup();
    plan
}

/// The file with the jobs of a later gate, the file with its component, and the component.
pub fn later_jobs(gate: &str) -> (String, &'static str, &'static str) {
    let component = match gate {
        "production" => (".secgate/production-job.yml", super::PRODUCTION),
        _ => (COMPONENT, super::GATE),
    };
    (format!(".secgate/gitlab-ci-{gate}.yml"), component.0, component.1)
}

/// The jobs of a later gate.
pub fn later_include(gate: &str, program: bool) -> String {
    let (file, component, _) = later_jobs(gate);
    let about = match gate {
        "production" => "      deploy: ./deploy.sh         # fill in: the command that deploys\n",
        "package" => {
            "      gate: package\n      stage: test                 # fill in: a stage after the one that builds\n"
        }
        _ => {
            "      gate: release\n      stage: test                 # fill in: a stage after the one that builds\n"
        }
    };
    format!(
        "# The {gate} gate, in .gitlab-ci.yml by `include: [{{local: {file}}}]`. What it needs is in .secgate/{gate}.yaml.
include:
  - local: {component}
    inputs:
{about}{}      arguments: --subject app=$IMAGE     # fill in: NAME@sha256:…, such as a dotenv variable of the job that builds it
",
        where_from(program)
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell("it's"), "'it'\\''s'");
        assert_eq!((shell("a/b.json").as_str(), shell("").as_str()), ("a/b.json", "''"));
    }
}

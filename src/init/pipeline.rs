//! Scanners that a project's `.gitlab-ci.yml` already runs. It is looked at line by line and not as YAML: what GitLab makes of
//! includes, anchors and `extends` is not known here, and a job that is missed is only one job too many.

use super::gitlab_scans::{GitlabScan, included};
use super::scanner::{self, KnownScanner};

/// A pipeline.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    jobs: Vec<PipelineJob>,
    stages: Vec<String>,
    /// Lines under `include`, comments aside.
    includes: Vec<String>,
    /// It has pipelines of merge requests.
    pub(super) merge_requests: bool,
}

/// A block that begins at the left edge.
#[derive(Debug, Clone)]
struct PipelineJob {
    name: String,
    lines: Vec<String>,
}

/// Names at the left edge that are no jobs; those with a dot are templates.
const NO_JOBS: &[&str] = &[
    "stages",
    "variables",
    "include",
    "default",
    "workflow",
    "image",
    "cache",
    "services",
    "spec",
    "before_script",
    "after_script",
];

impl Pipeline {
    /// Reads `.gitlab-ci.yml`.
    pub fn parse(text: &str) -> Self {
        let mut pipeline = Self {
            stages: stages(text),
            merge_requests: text.contains("merge_request_event")
                || text.contains("MergeRequest-Pipelines.gitlab-ci.yml"),
            ..Self::default()
        };
        let (mut inside, mut included) = (false, false);
        for line in text.lines() {
            let code = line.split(" #").next().unwrap_or_default();
            if code.starts_with('#') || code.trim().is_empty() {
                continue;
            }
            if !code.starts_with([' ', '\t', '-']) {
                let name = key(code);
                included = name == "include";
                inside = !name.starts_with('.') && !NO_JOBS.contains(&name);
                if inside {
                    pipeline.jobs.push(PipelineJob { name: name.to_owned(), lines: Vec::new() });
                }
            }
            if included {
                pipeline.includes.push(code.to_owned());
            }
            if let (true, Some(job)) = (inside, pipeline.jobs.last_mut()) {
                job.lines.push(code.to_owned());
            }
        }
        pipeline
    }

    /// Whether it includes this file of the project.
    pub fn includes(&self, file: &str) -> bool {
        let same = |word: &str| word.trim_start_matches("./").trim_start_matches('/') == file;
        self.includes.iter().flat_map(|line| words(line)).any(same)
    }

    /// The scanner that a job runs for a kind of evidence, and the report that it leaves, where that is plain.
    pub(super) fn scanner(&self, kind: &str) -> Option<(&'static KnownScanner, Option<String>)> {
        self.jobs.iter().filter(|job| job.keeps()).find_map(|job| {
            let known = scanner::KNOWN.iter().find(|known| known.kind == kind && job.runs(known))?;
            Some((known, job.report()))
        })
    }

    /// GitLab's own scans that it includes, each once.
    pub(super) fn gitlab_scans(&self) -> Vec<&'static GitlabScan> {
        let mut scans: Vec<&GitlabScan> = Vec::new();
        for scan in self.includes.iter().flat_map(|line| included(line)) {
            if !scans.contains(&scan) {
                scans.push(scan);
            }
        }
        scans
    }

    /// The command line of the job that runs a scanner for a kind of evidence, as words for `run:`, with the scanner.
    /// The words are `None` where the line is more than words.
    pub(super) fn command(&self, kind: &str) -> Option<(&'static KnownScanner, Option<Vec<String>>)> {
        self.jobs.iter().filter(|job| job.keeps()).find_map(|job| {
            let known = scanner::KNOWN.iter().find(|known| known.kind == kind && job.runs(known))?;
            Some((known, job.command(known)))
        })
    }

    /// The jobs that leave one of these files.
    pub(super) fn leaving(&self, files: &[String]) -> Vec<String> {
        let leaves = |job: &&PipelineJob| job.keeps() && files.iter().any(|file| job.names(file));
        self.jobs.iter().filter(leaves).map(|job| job.name.clone()).collect()
    }

    /// The same, each with the file.
    pub(super) fn leaving_each(&self, files: &[String]) -> Vec<(String, String)> {
        let of_job = |job: &PipelineJob| {
            let left = files.iter().filter(|file| job.keeps() && job.names(file));
            left.map(|file| (job.name.clone(), file.clone())).collect::<Vec<_>>()
        };
        self.jobs.iter().flat_map(of_job).collect()
    }

    /// The job that runs a script.
    pub fn running(&self, script: &str) -> Option<&str> {
        self.jobs.iter().find(|job| job.names(script)).map(|job| job.name.as_str())
    }

    /// The stage for the gate: one that sounds like it, else `test`, which exists where no others are named.
    pub(super) fn stage(&self) -> &str {
        let sounds = |word: &str| self.stages.iter().find(|stage| stage.to_ascii_lowercase().contains(word));
        let found = sounds("gate").or_else(|| sounds("secur")).or_else(|| sounds("test"));
        let late = || self.stages.iter().rev().nth(1).or(self.stages.last());
        found.or_else(late).map_or("test", String::as_str)
    }
}

impl PipelineJob {
    /// It leaves something to later jobs.
    fn keeps(&self) -> bool {
        self.lines.iter().any(|line| line.contains("artifacts"))
    }

    fn runs(&self, known: &KnownScanner) -> bool {
        let runs = |line: &String| {
            let words: Vec<&str> = words(line).collect();
            known.words.iter().all(|word| words.contains(word))
        };
        self.lines.iter().skip(1).chain(self.lines.first().filter(|line| line.contains('{'))).any(runs)
    }

    /// The words of the command that runs a scanner, with `{report}` for the file that it writes and `{changed}` for what
    /// it looks at where that is everything here; `None` where a shell makes more of the line than words.
    fn command(&self, known: &KnownScanner) -> Option<Vec<String>> {
        let is_of = |line: &&str| {
            let found: Vec<&str> = words(line).collect();
            known.words.iter().all(|word| found.contains(word)) && !found.contains(&"pip")
        };
        // On one line all of a job stands behind its name.
        let in_one = self.lines.first().and_then(|line| line.split_once("script: ["));
        let in_one = in_one.map_or("", |(_, rest)| rest.split(']').next().unwrap_or_default());
        let lines = in_one.split(", ").chain(self.lines.iter().skip(1).flat_map(|line| line.split(", ")));
        let line = lines.map(|line| line.trim().trim_start_matches("- ")).find(is_of)?;
        let line = line.strip_prefix("script:").map_or(line, |line| line.trim().trim_start_matches("- "));
        let line = line.trim_matches(['[', ']', '\'', '"']).trim();
        let line = line.strip_suffix("|| true").unwrap_or(line).trim();
        let (line, printed) = match line.rsplit_once('>') {
            Some((line, file)) => (line.trim(), Some(file.trim())),
            None => (line, None),
        };
        let plain = |c: char| c.is_alphanumeric() || " -_./=:,*+@%".contains(c);
        if !line.chars().all(plain) || line.starts_with('>') {
            return None;
        }
        let report = self.report();
        let mut argv: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let file = |text: &str| report.as_deref() == Some(text.trim_start_matches("./"));
            argv.push(match word.split_once('=') {
                _ if file(word) && printed.is_none() => "{report}".to_owned(),
                Some((flag, value)) if file(value) && printed.is_none() => format!("{flag}={{report}}"),
                _ => word.to_owned(),
            });
        }
        let tells = printed.is_some() != argv.iter().any(|word| word.contains("{report}"));
        let first = argv.first().map(String::as_str) == known.words.first().copied();
        if !tells || !first {
            return None;
        }
        // These take the files to look at behind all else; without one semgrep and detect-secrets take all.
        if matches!(known.format, "semgrep" | "detect-secrets") {
            match argv.last_mut() {
                Some(last) if last == "." => "{changed}".clone_into(last),
                Some(last)
                    if last.starts_with('-')
                        || last == "{report}"
                        || last.ends_with('/')
                        || last == "scan" =>
                {
                    argv.push("{changed}".to_owned());
                }
                _ => {}
            }
        }
        Some(argv)
    }

    fn names(&self, file: &str) -> bool {
        let file = file.trim_start_matches("./");
        self.lines.iter().flat_map(|line| words(line)).any(|word| word.trim_start_matches("./") == file)
    }

    /// The JSON file that it writes, if it names only one.
    fn report(&self) -> Option<String> {
        let mut files: Vec<&str> = self.lines.iter().flat_map(|line| words(line)).collect();
        files.retain(|word| {
            word.strip_suffix(".json").is_some_and(|stem| !stem.is_empty() && !stem.contains(['$', '*']))
        });
        files.sort_unstable();
        files.dedup();
        match files.as_slice() {
            [one] => Some(one.trim_start_matches("./").to_owned()),
            _ => None,
        }
    }
}

/// Text before the colon; within quotes there may be colons.
fn key(line: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((name, _)) = line.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return name;
        }
    }
    let name = line.split_once(": ").map_or(line, |(name, _)| name);
    name.trim_end_matches([':', ' '])
}

/// Names of programs and files.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && !"-_./$*".contains(c)).filter(|word| !word.is_empty())
}

fn stages(text: &str) -> Vec<String> {
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
    let plain = stages.iter().map(|stage| stage.trim().trim_matches(['"', '\'']).to_owned());
    plain.filter(|stage| !stage.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_files_a_pipeline_includes() {
        let file = ".secgate/gitlab-ci.yml";
        let includes = |text: &str| Pipeline::parse(text).includes(file);
        assert!(includes("include:\n  - local: .secgate/gitlab-ci.yml\nbuild: {script: [make]}\n"));
        assert!(includes("include:\n- local: '/.secgate/gitlab-ci.yml'\n"));
        assert!(includes("include: [{local: .secgate/gitlab-ci.yml}]\n"));
        assert!(!includes("include:\n  # - local: .secgate/gitlab-ci.yml\n  - local: other.yml\n"));
        assert!(!includes("build:\n  script: [cat .secgate/gitlab-ci.yml]\n"));
    }

    #[test]
    fn what_a_pipeline_runs_and_leaves() {
        let text = "\
stages: [build, test, deploy]
.semgrep: {script: [semgrep scan], artifacts: {}}
build:
  script: [npm ci, npm run build]
  artifacts: {paths: [dist]}
\"scan: code\":
  script:
    - semgrep scan --json --output=reports/code.json .  # trivy image
  artifacts:
    paths: [reports/code.json]
no report: {script: [gitleaks dir .]}
image: alpine
images: {script: ['trivy image --format json -o a.json $IMAGE | jq . > b.json'], artifacts: {paths: [a.json, b.json]}}
gate:
  script: [./ci/scripts/security_gate.sh]
";
        let pipeline = Pipeline::parse(text);
        let found =
            |kind| pipeline.scanner(kind).map(|(known, file)| (known.format, file.unwrap_or_default()));
        assert_eq!(found("sast"), Some(("semgrep", "reports/code.json".to_owned())));
        assert_eq!(found("image"), Some(("trivy", String::new())));
        assert_eq!((found("deps"), found("secrets"), found("iac")), (None, None, None));
        let leaving = |file: &str| pipeline.leaving(&[file.to_owned()]);
        assert_eq!(leaving("reports/code.json"), ["scan: code"]);
        assert_eq!(leaving("./b.json"), ["images"]);
        assert!(leaving("code.json").is_empty());
        assert_eq!(pipeline.running("ci/scripts/security_gate.sh"), Some("gate"));
        assert!(!pipeline.merge_requests);
        assert!(
            Pipeline::parse("a: {rules: [if: $CI_PIPELINE_SOURCE == \"merge_request_event\"]}")
                .merge_requests
        );
    }

    #[test]
    fn a_job_keeps_its_arguments() {
        let command = |kind: &str, script: &str| {
            let text = format!("job:\n  script:\n    - {script}\n  artifacts: {{paths: [r.json]}}\n");
            let pipeline = Pipeline::parse(&text);
            let (known, words) = pipeline.command(kind)?;
            assert_eq!(known.kind, kind);
            Some(words?.join(" "))
        };
        for (kind, script, words) in [
            (
                "sast",
                "semgrep scan --config rules/ --metrics off --json --output r.json",
                "semgrep scan --config rules/ --metrics off --json --output {report} {changed}",
            ),
            ("sast", "semgrep --json --output=r.json .", "semgrep --json --output={report} {changed}"),
            ("secrets", "detect-secrets scan > r.json", "detect-secrets scan {changed}"),
            (
                "secrets",
                "gitleaks dir --report-path r.json . || true",
                "gitleaks dir --report-path {report} .",
            ),
        ] {
            assert_eq!(command(kind, script).as_deref(), Some(words), "{script}");
        }
        for script in [
            "semgrep scan --json --output r.json $TARGETS",
            "semgrep scan --json . | tee r.json",
            "cd a && semgrep --json -o r.json",
        ] {
            assert_eq!(command("sast", script), None, "{script}");
        }
    }

    #[test]
    fn the_stage_of_the_gate() {
        for (text, stage) in [
            ("", "test"),
            ("stages:\n  - lint\n  - test # it\n  - gate\n", "gate"),
            ("stages: [build, security, deploy]\n", "security"),
            ("stages: [build, Tests, deploy]\n", "Tests"),
            ("stages:\n- a\n- \"b c\"\n- deploy\nx: {}\n", "b c"),
        ] {
            assert_eq!(Pipeline::parse(text).stage(), stage, "{text}");
        }
    }
}

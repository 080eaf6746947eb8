//! `secgate init`: what it writes loads, lints clean, and decides sensibly on what lies there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::common::{Dir, fixture, root, semgrep};

/// A copy of the sample application with its reports, in a repository.
fn app() -> Dir {
    let dir = Dir::new();
    for name in ["Dockerfile", "package-lock.json", "requirements.txt", "shop/web.py", "deploy/shop.yaml"] {
        dir.copy(&format!("app/{name}"), name);
    }
    for name in ["secrets.json", "semgrep.json", "trivy-fs.json", "trivy-image.json"] {
        dir.copy(&format!("gate/{name}"), name);
    }
    dir
}

fn lint(dir: &Dir) {
    let run = dir.run(&["policy", "lint"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "nothing is doubtful: {}", run.stdout);
}

#[test]
fn a_policy_that_loads_lints_clean_and_decides() {
    let dir = app();
    let run = dir.run(&["init"]);
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!("init_policy", dir.read(".secgate/merge.yaml"));
    insta::assert_snapshot!("init_jobs", dir.read(".secgate/gitlab-ci.yml"));
    let component = fs::read_to_string(root().join("ci/gitlab/templates/gate.yml")).unwrap();
    assert_eq!(dir.read(".secgate/gate.yml"), component);
    assert_eq!(dir.read(".gitlab-ci.yml"), "include:\n  - local: .secgate/gitlab-ci.yml\n");
    lint(&dir);
    // The reports that are there are taken, and what nobody made yet is missing, not passed over.
    let json = dir.check(&["--format", "json"]).json();
    assert_eq!(json["verdict"], "fail");
    let status = |entry: &str| {
        let list = json["evidence"].as_array().unwrap();
        list.iter().find(|e| e["entry"] == entry).unwrap()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        ["sast", "secrets", "deps", "image", "iac"].map(status),
        ["complete", "complete", "complete", "complete", "absent"]
    );
    for rule in json["rules"].as_array().unwrap() {
        assert_ne!(rule["outcome"], "error", "{rule}");
    }
    // No job names a program that is not there.
    assert!(run.stderr.contains("SECGATE_IMAGE") && !dir.read(".secgate/gitlab-ci.yml").contains("ci/bin"));
    let with = app();
    with.write("ci/bin/secgate", "#!/bin/sh\n");
    assert_eq!(with.run(&["init"]).code, 0);
    assert!(with.read(".secgate/gitlab-ci.yml").contains("secgate: ./ci/bin/secgate"));
    // A second time nothing is touched.
    dir.write(".secgate/merge.yaml", "mine");
    let again = dir.run(&["init"]);
    assert_eq!((again.code, dir.read(".secgate/merge.yaml").as_str()), (2, "mine"));
    assert!(again.stderr.contains("was left as it is"), "{}", again.stderr);
    assert!(again.stdout.contains("\n-mine\n") && again.stderr.contains("--force takes it"), "{again:?}");
    let forced = dir.run(&["init", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_eq!(dir.check(&["--format", "json"]).json()["verdict"], "fail");
    let same = dir.run(&["init", "--force"]);
    assert!(same.code == 2 && same.stderr.contains("everything is in place already"), "{same:?}");
}

#[test]
fn the_name_of_a_file_is_no_option_of_a_scanner() {
    let dir = Dir::new();
    dir.write("--ruleset=https:/evil.invalid/openapi.yaml", "openapi: 3.1.0\n");
    assert_eq!(dir.run(&["init"]).code, 0);
    for file in [".secgate/merge.yaml", ".secgate/gitlab-ci.yml"] {
        let text = dir.read(file);
        assert!(text.contains("./--ruleset=https:/evil.invalid/openapi.yaml"), "{text}");
    }
}

#[test]
fn a_clean_repository_passes_once_its_reports_are_there() {
    let dir = Dir::new();
    dir.write("a.py", "print()\n");
    assert_eq!(dir.run(&["init"]).code, 0);
    lint(&dir);
    assert_eq!(dir.check(&[]).code, 1, "absent evidence fails");
    dir.write("semgrep.json", semgrep(&["WARNING"])).write("gitleaks.json", "[]");
    let run = dir.check(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    dir.write("semgrep.json", semgrep(&["ERROR"]));
    assert_eq!(dir.check(&[]).code, 1);
}

#[test]
fn every_kind_of_evidence_has_an_entry_that_loads() {
    let dir = Dir::new();
    dir.write("main.tf", "")
        .write("api/openapi.yaml", "openapi: 3.1.0\n")
        .write("go.sum", "")
        .write("Dockerfile", "");
    for (from, name) in [
        ("bandit/app.json", "bandit.json"),
        ("zap/app.json", "reports/zap.json"),
        ("checkov/app.json", "checkov.json"),
        ("spectral/openapi.json", "spectral.json"),
        ("gitlab/container-scanning.json", "gl-container-scanning-report.json"),
        ("gitlab/secret-detection.json", "gl-secret-detection-report.json"),
        ("osv-scanner/app.json", "osv.json"),
        ("junit/pytest.xml", "junit.xml"),
    ] {
        if root().join("fixtures").join(from).exists() {
            dir.write(name, fs::read(fixture(from)).unwrap());
        }
    }
    let run = dir.run(&["init"]);
    assert_eq!(run.code, 0, "{run:?}");
    lint(&dir);
    let json = dir.check(&["--format", "json"]).json();
    let entries = json["evidence"].as_array().unwrap();
    for name in ["sast", "secrets", "deps", "image", "iac", "api", "dast"] {
        let entry = entries.iter().find(|e| e["entry"] == name).unwrap_or_else(|| panic!("{name}: {json}"));
        assert_ne!(entry["status"], "unreadable", "{entry}");
    }
    let policy = dir.read(".secgate/merge.yaml");
    assert!(policy.contains("files: [reports/zap.json]") && policy.contains("run: [bandit, "), "{policy}");
}

#[test]
fn dry_run_prints_and_writes_nothing() {
    let dir = app();
    let run = dir.run(&["init", "--dry-run"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("==> .secgate/merge.yaml <==\n") && run.stdout.contains("version: 1\n"));
    assert!(!dir.exists(".secgate") && !dir.exists(".gitlab-ci.yml"));
}

#[test]
fn jobs_of_an_existing_pipeline_are_used() {
    let dir = app();
    let pipeline = "stages: [build, security]\nsemgrep-job:\n  script: [semgrep scan --json --output semgrep.json .]\n  artifacts: {paths: [semgrep.json]}\n";
    dir.write(".gitlab-ci.yml", pipeline);
    let run = dir.run(&["init"]);
    assert_eq!((run.code, dir.read(".gitlab-ci.yml").as_str()), (0, pipeline));
    let jobs = dir.read(".secgate/gitlab-ci.yml");
    assert!(jobs.contains("{job: semgrep-job, optional: true}") && !jobs.contains("secgate-sast:"), "{jobs}");
    assert!(jobs.contains("  stage: security\n") && jobs.contains("pipelines: branches "), "{jobs}");
    assert!(run.stderr.contains("include: [{local: .secgate/gitlab-ci.yml}]"), "{}", run.stderr);
}

#[test]
fn the_scanners_of_an_existing_pipeline_are_taken_with_their_reports() {
    let dir = Dir::new();
    dir.write("a.py", "").write(
        ".gitlab-ci.yml",
        "\
code: {script: [bandit -r . -f json -o out/bandit.json], artifacts: {paths: [out/bandit.json]}}
images:
  rules: [{if: $CI_PIPELINE_SOURCE == \"merge_request_event\"}]
  script: [trivy image --format json --output image.json $IMAGE]
  artifacts: {paths: [image.json]}
npm: {script: [npm ci], artifacts: {paths: [node_modules]}}
",
    );
    let run = dir.run(&["init"]);
    assert_eq!(run.code, 0, "{run:?}");
    lint(&dir);
    let policy = dir.read(".secgate/merge.yaml");
    assert!(policy.contains("files: [out/bandit.json]\n    run: [bandit, "), "{policy}");
    assert!(
        policy.contains("files: [image.json]\n    target: image\n\n")
            || policy.contains("files: [image.json]\n    target: image\n  #"),
        "{policy}"
    );
    let jobs = dir.read(".secgate/gitlab-ci.yml");
    for (line, there) in [
        ("    - {job: code, optional: true}\n", true),
        ("    - {job: images, optional: true}\n", true),
        ("      base_reports: \"out/bandit.json@code image.json@images ", true),
        ("npm", false),
        ("pipelines: merge_requests ", true),
    ] {
        assert_eq!(jobs.contains(line), there, "{line}: {jobs}");
    }
}

#[test]
fn each_tool_has_an_entry_of_its_own() {
    let dir = Dir::new();
    dir.copy("gate/semgrep.json", "semgrep.json").copy("bandit/app.json", "bandit.json");
    dir.copy("gate/trivy-fs.json", "trivy-fs.json").copy("osv-scanner/app.json", "osv.json");
    assert_eq!(dir.run(&["init"]).code, 0);
    lint(&dir);
    fs::remove_file(dir.path().join("bandit.json")).unwrap();
    let json = dir.check(&["--format", "json"]).json();
    let entries = json["evidence"].as_array().unwrap();
    let absent: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["status"] == "absent" && entry["entry"] != "secrets")
        .filter_map(|entry| entry["entry"].as_str())
        .filter(|name| name.starts_with("sast") || name.starts_with("deps"))
        .collect();
    assert_eq!(absent, ["sast-bandit"]);
}

#[test]
fn an_api_description_gets_rules_for_its_linter_where_it_has_none() {
    let dir = Dir::new();
    dir.write("api.yaml", "openapi: 3.1.0\n");
    assert_eq!(dir.run(&["init"]).code, 0);
    assert!(dir.read(".spectral.yaml").contains("spectral:oas"));
    let with = Dir::new();
    with.write("api.yaml", "openapi: 3.1.0\n").write(".spectral.yml", "rules: {}\n");
    assert_eq!(with.run(&["init"]).code, 0);
    assert!(!with.exists(".spectral.yaml"));
}

#[test]
fn the_thresholds_of_a_script_are_taken_over() {
    let dir = app();
    dir.write(
        "ci/security_gate.sh",
        r#"#!/bin/bash
set -eu
MAX_CRITICAL="${MAX_CRITICAL:-2}"
errors=$(jq '[.results[]? | select(.extra.severity == "ERROR")] | length' semgrep.json || echo 0)
critical=$(jq '[.Results[]?.Vulnerabilities[]? | select(.Severity == "CRITICAL")] | length' trivy-image.json)
secrets=$(jq '[.findings[]?] | length' secrets.json)
odd=$(jq '[.results[] | select(.path | startswith("src/"))] | length' semgrep.json)
[ "$secrets" -gt 0 ] && { echo "[FAIL] secrets detected"; exit 1; }
if [ "$errors" -gt 20 ]; then echo "[FAIL] too many errors"; exit 1; fi
if (( critical > MAX_CRITICAL )); then echo "[FAIL] critical in image: $critical"; exit 1; fi
if [ "$odd" -gt 0 ]; then exit 1; fi
"#,
    );
    let run = dir.run(&["init", "--from", "ci/security_gate.sh"]);
    assert_eq!(run.code, 1, "a line was not converted: {run:?}");
    insta::assert_snapshot!("init_from_script", dir.read(".secgate/merge.yaml"));
    assert!(
        run.stderr.contains("not converted, line 11:") && run.stderr.contains("startswith"),
        "{}",
        run.stderr
    );
    // The one doubt is the rule that stands for what was not converted.
    let told = dir.run(&["policy", "lint"]);
    assert_eq!((told.code, told.stdout.matches("warning [").count()), (0, 1), "{told:?}");
    assert!(told.stdout.contains("[never-passes]: rule `not-converted-line-11`"), "{told:?}");
    // What the script said: 9 secrets, 10 errors of 20, 6 critical of 2.
    let json = dir.check(&["--format", "json"]).json();
    let outcome = |id: &str| {
        let rules = json["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["id"] == id).unwrap()["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(["secrets", "errors", "critical"].map(outcome), ["fail", "pass", "fail"]);
    // What was not converted fails until a person replaces it, whatever its file says.
    assert_eq!(outcome("not-converted-line-11"), "fail");
    let text = dir.check(&[]).stdout;
    assert!(text.contains("ci/security_gate.sh line 11 is not converted"), "{text}");
    for document in ["{}", "[]", "{\"not_converted\": []}"] {
        dir.write(".secgate/not-converted.json", document);
        let json = dir.check(&["--format", "json"]).json();
        let rules = json["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["id"] == "not-converted-line-11").unwrap();
        assert_ne!(rule["outcome"], "pass", "{document}");
    }
    // Nothing to convert is an error, and nothing is written.
    let other = Dir::new();
    other.write("gate.sh", "#!/bin/sh\nexec secgate check\n");
    let run = other.run(&["init", "--from", "gate.sh"]);
    assert_eq!((run.code, other.exists(".secgate")), (2, false));
    assert!(run.stderr.contains("to call secgate already"), "{}", run.stderr);
    assert_eq!(other.run(&["init", "--from", "nowhere.sh"]).code, 2);
}

#[test]
fn the_hook_goes_where_git_looks_and_replaces_none() {
    let dir = Dir::new();
    // Outside of a repository there is no hook, and then nothing else either.
    let run = dir.command().args(["init", "--hook"]).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!((run.status.code(), dir.exists(".secgate")), (Some(2), false));
    let git = |args: &[&str]| {
        assert!(Command::new("git").args(args).current_dir(dir.path()).status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["config", "core.hooksPath", "hooks"]);
    let run = dir.command().args(["init", "--hook"]).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert_eq!(dir.read("hooks/pre-push"), fs::read_to_string(root().join("ci/hooks/pre-push")).unwrap());
    let mode = fs::metadata(dir.path().join("hooks/pre-push")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    // A link is not written through.
    let linked = Dir::new();
    std::os::unix::fs::symlink(dir.path(), linked.path().join(".secgate")).unwrap();
    assert_eq!(linked.run(&["init"]).code, 2);
    assert!(!dir.exists("merge.yaml"));
}

#[test]
fn beside_a_policy_only_the_hook_is_written_and_reviewers_stay() {
    let dir = app();
    dir.git(&["init", "--quiet"]);
    assert_eq!(dir.run(&["init", "--reviewer", "lead"]).code, 0);
    let policy = dir.read(".secgate/merge.yaml");
    let run = dir.run(&["init", "--hook"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "wrote .git/hooks/pre-push\n"), "{run:?}");
    assert!(
        run.stderr.contains("next: run `secgate scan` once") && !run.stderr.contains("nobody can approve")
    );
    assert_eq!(dir.read(".secgate/merge.yaml"), policy);
    // A later run keeps those who review.
    let run = dir.run(&["init"]);
    assert!(run.stderr.contains("everything is in place already"), "{run:?}");
}

#[test]
fn each_report_that_lies_there_has_the_command_of_its_scanner() {
    let dir = app();
    dir.copy("bandit/app.json", "bandit.json");
    dir.write(
        ".gitlab-ci.yml",
        "semgrep:\n  script: [semgrep scan --config rules/ --json --output semgrep.json]\n  artifacts: {paths: [semgrep.json]}\n",
    );
    assert_eq!(dir.run(&["init"]).code, 0);
    let policy = dir.read(".secgate/merge.yaml");
    let entry =
        |name: &str| policy.split(&format!("  {name}:")).nth(1).unwrap().split("run:").nth(1).unwrap();
    assert!(entry("sast-bandit").starts_with(" [bandit, "), "{policy}");
    assert!(entry("sast-semgrep").starts_with(" [semgrep, scan, --config, rules/,"), "{policy}");
    assert!(dir.read(".secgate/gitlab-ci.yml").contains("\nsecgate-sast-bandit:\n"));
    lint(&dir);
}

/// Each gate says what it needs and what is to be filled in, with the place.
#[test]
fn a_later_gate_lists_what_is_to_be_filled_in_and_where() {
    for gate in ["package", "release", "production"] {
        let dir = Dir::new();
        let run = dir.run(&["init", "--gate", gate]);
        assert_eq!(run.code, 0, "{run:?}");
        let (needs, open_places) = run.stdout.split_once("To be filled in:\n").unwrap();
        assert!(needs.contains(&format!("The gate {gate} needs:\n")), "{needs}");
        let places = |text: &str| -> Vec<(String, usize, String)> {
            let place = |line: &str| {
                let (at, what) = line.strip_prefix("  ")?.split_once("  ")?;
                let (file, number) = at.rsplit_once(':')?;
                Some((file.to_owned(), number.parse().ok()?, what.to_owned()))
            };
            text.lines().filter_map(place).collect()
        };
        let policy = format!(".secgate/{gate}.yaml");
        let line_of = |file: &str, number: usize| dir.read(file).lines().nth(number - 1).unwrap().to_owned();
        let entries = places(needs);
        assert!(entries.len() >= 3, "{needs}");
        for (file, number, what) in entries {
            assert_eq!(file, policy);
            let name = what.split(':').next().unwrap();
            assert!(line_of(&file, number).trim_start().starts_with(name), "{file}:{number} {what}");
        }
        let open = places(open_places);
        for file in [policy.clone(), format!(".secgate/gitlab-ci-{gate}.yml")] {
            assert!(open.iter().any(|(at, ..)| *at == file), "{file}: {open_places}");
        }
        for (file, number, what) in open {
            assert_eq!(line_of(&file, number).trim(), what);
        }
        // Nothing that stands for somebody or something of the project is left out.
        let stands_for = |line: &&str| line.contains("example") || line.contains("0000000000");
        let example = |line: &&str| !line.trim_start().starts_with('#') && stands_for(line);
        for line in dir.read(&policy).lines().filter(example) {
            assert!(open_places.contains(line.trim()), "{gate}: {line}");
        }
        let lint = dir.run(&["lint", "--gate", gate]);
        assert!(lint.code != 2, "{lint:?}");
    }
}

/// A script's thresholds count old findings as the script does, lint clean, and a baseline that changes nothing says so.
#[test]
fn a_converted_script_has_a_base_and_says_how_to_use_it() {
    let dir = app();
    dir.write(
        "gate.sh",
        "n=$(jq '[.results[]? | select(.extra.severity == \"ERROR\")] | length' semgrep.json)\nif [ \"$n\" -gt 0 ]; then exit 1; fi\n",
    );
    assert_eq!(dir.run(&["init", "--from", "gate.sh"]).code, 0);
    lint(&dir);
    // What makes the report is known to the hook, and no job is added for it.
    assert!(dir.read(".secgate/merge.yaml").contains("    run: [semgrep, scan, "));
    assert!(!dir.read(".secgate/gitlab-ci.yml").contains("secgate-sast"));
    let write = || dir.run(&["baseline", "write", "--no-env", "-o", ".secgate/baseline.jsonl"]).stderr;
    let told = write();
    assert!(told.contains("known findings still count in each rule of .secgate/merge.yaml"), "{told}");
    assert_eq!(dir.check(&["--no-env"]).code, 1);
    let policy = dir.read(".secgate/merge.yaml");
    dir.write(".secgate/merge.yaml", policy.replace("state: [new, existing, newly_disclosed]", "state: new"));
    let told = write();
    assert!(!told.contains("still count"), "{told}");
    assert_eq!(dir.check(&["--no-env"]).code, 0);
}

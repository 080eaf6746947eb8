//! The first day with old findings: what a base can tell, what it cannot, and where it says so.

use std::fs;

use crate::common::{Dir, Run};

/// A repository with a policy of `init`'s shape, and reports of real tools of what was always there.
const POLICY: &str = "\
version: 1
gate: merge
base: {from: [base-report, baseline, diff], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  secrets: {category: secret, files: [secrets.json]}
  deps: {category: vulnerability, files: [trivy-fs.json]}
waivers: {files: [.secgate/waivers.yaml]}
rules:
  - {id: sast-high, findings: {category: sast, severity: high, state: new}, then: fail}
  - {id: no-secrets, findings: {category: secret, state: new}, then: fail}
  - {id: deps, findings: {category: vulnerability, severity: high, state: new}, then: fail}
";
const TRIVY: &str = r#"{"SchemaVersion":2,"ArtifactType":"filesystem","Results":[{"Target":"package-lock.json","Class":"lang-pkgs",
"Type":"npm","Vulnerabilities":[{"VulnerabilityID":"CVE-2019-10744","PkgName":"lodash","InstalledVersion":"4.17.11",
"FixedVersion":"4.17.12","Severity":"HIGH"}]}]}"#;
const KEY: &str = "0123456789abcdef0123456789abcdef\n";

/// detect-secrets' report of secrets `(type, hash, line)` in `app.py`.
fn detect_secrets(found: &[(&str, char, u32)]) -> String {
    let found: Vec<String> = found
        .iter()
        .map(|(kind, digit, line)| {
            format!(
                r#"{{"type":"{kind}","filename":"app.py","hashed_secret":"{}","is_verified":false,"line_number":{line}}}"#,
                digit.to_string().repeat(40)
            )
        })
        .collect();
    format!(
        r#"{{"version":"1.5.0","plugins_used":[{{"name":"KeywordDetector"}}],"filters_used":[],"results":{{"app.py":[{}]}},"generated_at":"2026-06-01T10:00:00Z"}}"#,
        found.join(",")
    )
}

/// Semgrep's report of one rule at these lines of `app.py`.
fn semgrep(lines: &[u32]) -> String {
    let result = |line: &u32| {
        format!(
            r#"{{"check_id":"shell","path":"app.py","start":{{"line":{line}}},"end":{{"line":{line}}},"extra":{{"message":"m","severity":"ERROR","metadata":{{}}}}}}"#
        )
    };
    let results: Vec<String> = lines.iter().map(result).collect();
    format!(
        r#"{{"version":"1","results":[{}],"errors":[],"paths":{{"scanned":["app.py"]}}}}"#,
        results.join(",")
    )
}

fn repository() -> Dir {
    let dir = Dir::new();
    dir.git(&["init", "-q", "-b", "main"]);
    dir.write(".gitignore", "*.json\nkey\n").write(".secgate/merge.yaml", POLICY);
    dir.write("app.py", "run(a)\npassword = 'x'\nkey = 'y'\n");
    dir.write("semgrep.json", semgrep(&[1]))
        .write("secrets.json", detect_secrets(&[("Secret Keyword", 'a', 2)]));
    dir.write("trivy-fs.json", TRIVY).write("key", KEY);
    commit(&dir);
    dir
}

fn commit(dir: &Dir) {
    dir.git(&["add", "--all"]);
    dir.git(&["commit", "-qm", "x"]);
    dir.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
}

fn rule(run: &Run, id: &str) -> (String, String) {
    let json = run.json();
    let rule = json["rules"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    let text = |key: &str| rule[key].as_str().unwrap().to_owned();
    (text("outcome"), text("message"))
}

#[test]
fn what_a_diff_cannot_tell_is_said_beside_the_rule() {
    let dir = repository();
    let run = dir.check(&["--format", "json", "--no-env", "--diff-base", "origin/main"]);
    let (outcome, message) = rule(&run, "deps");
    assert_eq!(outcome, "fail");
    assert!(
        message.ends_with(
            ", old or new: a diff cannot tell about dependencies; give a base report or a baseline"
        ),
        "{message}"
    );
    // Of the secret the diff shows the line, and of the code.
    assert_eq!((rule(&run, "no-secrets").0, rule(&run, "sast-high").0), ("pass".into(), "pass".into()));
    // A private key has more lines than the one that the report names.
    dir.write("secrets.json", detect_secrets(&[("Private Key", 'a', 2)]));
    let run = dir.check(&["--format", "json", "--no-env", "--diff-base", "origin/main"]);
    let (outcome, message) = rule(&run, "no-secrets");
    assert_eq!((outcome.as_str(), message.contains("only with --secret-key")), ("fail", true), "{message}");
    // What the change touches is new, and nothing is to be said of it.
    dir.write("secrets.json", detect_secrets(&[("Secret Keyword", 'a', 2)]));
    dir.write("app.py", "run(a)\npassword = 'z'\nkey = 'y'\n");
    let run = dir.check(&["--format", "json", "--no-env", "--diff-base", "origin/main"]);
    assert_eq!(rule(&run, "no-secrets"), ("fail".into(), "1 finding".into()));
}

#[test]
fn secrets_that_detect_secrets_found_are_known_by_their_digest_under_the_key() {
    let dir = repository();
    let known = ["secrets.json", "--secret-key", "key", "--output", ".secgate/known.jsonl"];
    let run = dir.run(&[&["baseline", "write", "--no-env"], &known[..]].concat());
    let says = "secgate: wrote .secgate/known.jsonl: 1 finding known\n";
    assert_eq!((run.code, run.stderr.as_str()), (0, says));
    assert!(!dir.read(".secgate/known.jsonl").contains("aaaa-aaaa"));
    let check = |more: &[&str]| {
        let args = ["--format", "json", "--no-env", "--baseline", ".secgate/known.jsonl"];
        rule(&dir.check(&[&args[..], more].concat()), "no-secrets").0
    };
    assert_eq!(check(&["--secret-key", "key"]), "pass");
    assert_eq!(check(&[]), "fail");
    // Another value of the same kind on the same line.
    dir.write("secrets.json", detect_secrets(&[("Secret Keyword", 'b', 2)]));
    assert_eq!(check(&["--secret-key", "key"]), "fail");
}

#[test]
fn a_rule_whose_evidence_is_absent_does_not_pass_for_what_another_report_could_hold() {
    let dir = repository();
    dir.write(
        ".secgate/merge.yaml",
        POLICY.replace(
            "rules:",
            "severity: {map: [{tool: semgrep, rule_id: \"*secrets*\", category: secret}]}\nrules:",
        ),
    );
    fs::remove_file(dir.path().join("secrets.json")).unwrap();
    let (outcome, message) = rule(&dir.check(&["--format", "json", "--no-env"]), "no-secrets");
    assert_eq!(
        (outcome.as_str(), message.as_str()),
        ("fail", "nothing in what could be looked at, but evidence secrets is absent")
    );
}

#[test]
fn code_quality_shows_the_new_one_of_equal_findings() {
    let dir = repository();
    dir.write("app.py", "run(a)\n\n\nrun(a)\n").write("semgrep.json", semgrep(&[1]));
    commit(&dir);
    let of = |name: &str| {
        let output = format!("codequality={name}");
        dir.check(&["--no-env", "--diff-base", "origin/main", "--output", &output]);
        let entries: serde_json::Value = serde_json::from_str(&dir.read(name)).unwrap();
        let of_shell = |entry: &&serde_json::Value| entry["check_name"] == "shell";
        let told = |entry: &serde_json::Value| {
            (entry["fingerprint"].to_string(), entry["location"]["lines"]["begin"].as_u64().unwrap())
        };
        entries.as_array().unwrap().iter().filter(of_shell).map(told).collect::<Vec<_>>()
    };
    let before = of("before.quality");
    dir.write("app.py", "run(a)\nrun(a)\n\n\nrun(a)\n").write("semgrep.json", semgrep(&[1, 2]));
    let mut after = of("after.quality");
    after.retain(|(fingerprint, _)| !before.iter().any(|(known, _)| known == fingerprint));
    assert_eq!(after.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2]);
}

/// The target branch's own pipeline compares with nothing: what no rule looks at there is not listed in either.
#[test]
fn code_quality_lists_what_no_rule_looks_at_neither_new_nor_known() {
    let dir = repository();
    dir.write("app.py", "run(a)\n").write("semgrep.json", semgrep(&[1]).replace("ERROR", "INFO"));
    commit(&dir);
    for args in [&["--no-env"][..], &["--no-env", "--diff-base", "origin/main"]] {
        dir.check(&[args, &["--output", "codequality=quality.json"]].concat());
        assert!(!dir.read("quality.json").contains("\"shell\""), "{args:?}");
    }
}

#[test]
fn reviewers_where_there_were_none_complete_a_policy() {
    let dir = repository();
    let reviewers =
        "reviewers: {any_of: [\"role:appsec\"], not: [author]}\npeople: {appsec: [\"@a\"]}\nrules:";
    dir.write(".secgate/merge.yaml", POLICY.replace("rules:", reviewers));
    let run = dir.check(&["--format", "json", "--no-env", "--diff-base", "origin/main"]).json();
    assert_eq!(run["loosened"]["clauses"], serde_json::json!([]));
}

#[test]
fn the_baseline_beside_the_policy_is_found_by_itself() {
    let dir = repository();
    // Without a path, what `check` finds is known.
    let run =
        dir.run(&["baseline", "write", "--no-env", "--secret-key", "key", "-o", ".secgate/baseline.jsonl"]);
    let says = "secgate: wrote .secgate/baseline.jsonl: 3 findings known\n";
    assert_eq!((run.code, run.stderr.as_str()), (0, says), "{run:?}");
    let run = dir.check(&["--no-env", "--secret-key", "key"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("baseline .secgate/baseline.jsonl: 0 new"), "{}", run.stdout);
    // From a folder below the policy's as well.
    let mut below = dir.command();
    below.current_dir(dir.path().join(".secgate")).args(["check", "--no-env", "../trivy-fs.json"]);
    assert!(Run::of(&mut below).stdout.contains("baseline ../.secgate/baseline.jsonl"));
    // Another one that is given counts instead, and a policy that compares with none takes none.
    let baseline = dir.read(".secgate/baseline.jsonl");
    let ends = baseline.lines().next().into_iter().chain(baseline.lines().last());
    dir.write("other.jsonl", ends.collect::<Vec<_>>().join("\n") + "\n");
    let run = dir.check(&["--no-env", "--baseline", "other.jsonl"]);
    assert!(run.code == 1 && run.stdout.contains("baseline other.jsonl: "), "{run:?}");
    dir.write(".secgate/merge.yaml", POLICY.replace("[base-report, baseline, diff]", "[diff]"));
    assert!(!dir.check(&["--no-env"]).stdout.contains("baseline.jsonl"));
    // A change that brings it is looser, as one that is given is.
    dir.write(".secgate/merge.yaml", POLICY);
    let args = ["--format", "json", "--no-env", "--diff-base", "origin/main", "--secret-key", "key"];
    let clauses = dir.check(&args).json()["loosened"]["clauses"].clone();
    assert!(clauses[0]["clause"].as_str().unwrap().contains("baseline"), "{clauses}");
}

#[test]
fn reports_that_would_do_for_absent_evidence_are_named() {
    let dir = repository();
    fs::rename(dir.path().join("trivy-fs.json"), dir.path().join("found.json")).unwrap();
    fs::create_dir(dir.path().join("reports")).unwrap();
    fs::rename(dir.path().join("semgrep.json"), dir.path().join("reports/code.json")).unwrap();
    let run = dir.check(&["--no-env"]);
    for flag in ["--evidence deps=found.json", "--evidence sast=reports/code.json"] {
        assert!(run.stderr.contains(flag), "{}", run.stderr);
    }
    let run = dir.check(&["--no-env", "secrets.json", "found.json"]);
    assert!(run.stderr.contains("found.json was given, but no entry names it"), "{}", run.stderr);
    let flags = ["--no-env", "--evidence", "deps=found.json", "--evidence", "sast=reports/code.json"];
    let run = dir.check(&[&flags[..], &["secrets.json"]].concat());
    assert!(!run.stderr.contains("to use it"), "{}", run.stderr);
}

#[test]
fn a_path_that_is_not_there_is_one_line() {
    let dir = repository();
    let run = dir.check(&["--no-env", "semgrp.json", "--output", "json=v.json"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (2, "[ERROR] semgrp.json: there is no such file; did you mean semgrep.json?\n")
    );
    let told: serde_json::Value = serde_json::from_str(&dir.read("v.json")).unwrap();
    assert_eq!((told["verdict"].as_str(), told["exit_code"].as_u64()), (Some("error"), Some(2)));
    for args in [["findings", "nowhere.json"], ["--input", "trivy=nowhere.json"]] {
        assert_eq!(dir.run(&args).code, 2);
    }
}

#[test]
fn what_a_clone_lacks_is_told_with_the_command_that_helps() {
    let dir = repository();
    dir.git(&["checkout", "-qb", "change"]);
    dir.write("more.py", "x = 1\n");
    dir.git(&["add", "--all"]);
    dir.git(&["commit", "-qm", "y"]);
    let shallow = Dir::new();
    let source = format!("file://{}", dir.path().display());
    shallow.git(&["clone", "-q", "--depth", "1", "--branch", "change", &source, "."]);
    let told = |revision: &str| {
        let run = shallow.check(&["-q", "--no-env", "--diff-base", revision]);
        assert_eq!((run.code, run.stdout.lines().count()), (2, 1), "{run:?}");
        run.stdout
    };
    let unknown = told("origin/main");
    assert!(
        unknown.contains("GIT_DEPTH: 0")
            && unknown.contains("git fetch --unshallow origin && git fetch origin")
    );
    shallow.git(&["fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main"]);
    let apart = told("origin/main");
    assert!(
        apart.contains("no common commit in this shallow clone") && apart.contains("git fetch --unshallow"),
        "{apart}"
    );
    // A folder of another user, which only root can make.
    let owned_by = |user: u32| {
        let folders = [shallow.path().to_owned(), shallow.path().join(".git")];
        folders.iter().all(|folder| std::os::unix::fs::chown(folder, Some(user), None).is_ok())
    };
    if owned_by(65_534) {
        let distrusted = told("origin/main");
        assert!(distrusted.contains("git config --global --add safe.directory "), "{distrusted}");
        assert!(owned_by(0));
    }
    shallow.git(&["fetch", "-q", "--unshallow", "origin"]);
    shallow.write("semgrep.json", semgrep(&[])).write("secrets.json", detect_secrets(&[]));
    shallow.write("trivy-fs.json", TRIVY.replace("HIGH", "LOW"));
    assert_eq!(shallow.check(&["--no-env", "--diff-base", "origin/main"]).code, 0);
}

#[test]
fn flags_behave_as_in_other_tools() {
    let dir = repository();
    dir.write("semgrep.json", semgrep(&[])).write("secrets.json", detect_secrets(&[]));
    let base = ["--no-env", "--diff-base", "origin/main"];
    let check = |more: &[&str]| dir.check(&[&base[..], more].concat());
    // The last line, and nothing where it passes.
    assert_eq!(check(&["-q"]).stdout.lines().count(), 1);
    dir.write("trivy-fs.json", r#"{"SchemaVersion":2,"ArtifactType":"filesystem","Results":[{"Target":"a","Class":"lang-pkgs","Type":"pip"}]}"#);
    assert_eq!((check(&["-q"]).code, check(&["-q"]).stdout.as_str()), (0, ""));
    // A path alone: by --format, else by its ending; what is printed is text.
    for (args, key) in
        [(&["-o", "v.json"][..], "\"verdict\":"), (&["-f", "sarif", "-o", "v.txt"], "\"$schema\"")]
    {
        let run = check(args);
        assert!(run.stdout.starts_with("secgate ") && run.code == 0, "{run:?}");
        assert!(dir.read(args[args.len() - 1]).contains(key), "{args:?}");
    }
    // Reports are no outputs.
    assert_eq!(check(&["-o", "semgrep.json"]).code, 2);
    assert!(dir.exists("semgrep.json"));
    let colored = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = dir.command();
        command.arg("check").args(args).envs(environment.iter().copied());
        Run::of(&mut command).stdout.contains('\u{1b}')
    };
    assert!(!colored(&[], &[]) && colored(&["--color", "always"], &[]));
    for name in ["FORCE_COLOR", "CLICOLOR_FORCE"] {
        assert!(
            colored(&[], &[(name, "1")]) && !colored(&[], &[(name, "0")]) && !colored(&[], &[(name, "")])
        );
        assert!(
            !colored(&[], &[(name, "1"), ("NO_COLOR", "1")]) && !colored(&["--color=never"], &[(name, "1")])
        );
    }
    // What stops is the policy's; lists take a severity.
    let run = check(&["--severity", "HIGH"]);
    assert!(run.code == 2 && run.stderr.contains("secgate findings --severity"), "{run:?}");
    dir.copy("gate/trivy-fs.json", "trivy-fs.json");
    let listed = |severity: &str| {
        let run = dir.run(&["findings", "--severity", severity, "-f", "ndjson", "trivy-fs.json"]);
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout.lines().count()
    };
    assert!(listed("info") > listed("HIGH,CRITICAL") && listed("high,critical") == listed("high"));
    assert!(listed("high") > listed("critical") && listed("critical") > 0);
    assert_eq!(dir.run(&["lint"]).stdout, dir.run(&["policy", "lint"]).stdout);
}

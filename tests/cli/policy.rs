//! Where a policy comes from, and what a mistake in it says.

use crate::common::{Dir, SAST_POLICY, semgrep};

#[test]
fn the_folder_of_the_repository_comes_first_and_is_never_skipped() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    let run = dir.check(&["--format", "json"]);
    assert_eq!((run.code, &run.json()["policy"]["source"]), (0, &".secgate/merge.yaml".into()));
    let run = dir.check(&["--gate", "package"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(".secgate/package.yaml"), "{}", run.stderr);
    let run = dir.check(&["--policy", "merge", "--format", "json"]);
    assert_eq!(run.json()["policy"]["source"], "embedded:merge");
}

#[test]
fn a_policy_of_another_gate_does_not_stand_in() {
    let dir = Dir::new();
    dir.write(".secgate/release.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    let run = dir.check(&["--gate", "release"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("is for gate `merge`"), "{}", run.stderr);
}

#[test]
fn a_misspelt_gate_names_the_nearest() {
    let dir = Dir::new();
    for args in [["--gate", "mrege"], ["--policy", "mrege"]] {
        let run = dir.check(&args);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("did you mean `merge`?"), "{}", run.stderr);
    }
}

#[test]
fn every_mistake_is_told_at_once_with_line_and_column() {
    let dir = Dir::new();
    let policy =
        SAST_POLICY.replace("severity: high", "serverity: high").replace("then: review", "then: reviwe");
    dir.write("policy.yaml", policy).write("semgrep.json", semgrep(&[]));
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert_eq!(run.code, 2);
    insta::assert_snapshot!("policy_mistakes", run.stderr);
    let json = dir.check(&["--policy", "policy.yaml", "--format", "json"]).json();
    assert_eq!((&json["verdict"], json["errors"].as_array().map(Vec::len)), (&"error".into(), Some(1)));
}

#[test]
fn lint_show_and_schema() {
    let dir = Dir::new();
    for gate in ["merge", "security_gate"] {
        let run = dir.run(&["policy", "lint", "--gate", gate]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("valid"), "{}", run.stdout);
        let show = dir.run(&["policy", "show", "--gate", gate]);
        dir.write("copy.yaml", &show.stdout);
        assert_eq!(dir.run(&["policy", "lint", "--policy", "copy.yaml"]).code, 0);
    }
    dir.write("policy.yaml", SAST_POLICY.replace("then: fail", "then: fial"));
    assert_eq!(dir.run(&["policy", "lint", "--policy", "policy.yaml"]).code, 2);
    let schema = dir.run(&["policy", "schema"]);
    assert!(
        serde_json::from_str::<serde_json::Value>(&schema.stdout).unwrap()["properties"]["rules"].is_object()
    );
}

#[test]
fn parameters_need_a_listed_value() {
    let dir = Dir::new();
    let policy = format!(
        "{SAST_POLICY}  - {{id: prod, when: {{environment: production}}, findings: {{severity: low}}, then: fail}}\n\
         parameters: {{environment: {{one_of: [staging, production], env: CI_ENVIRONMENT_NAME}}}}\n"
    );
    dir.write("policy.yaml", policy).write("semgrep.json", semgrep(&["LOW"]));
    let with = |args: &[&str]| dir.check(&[&["--policy", "policy.yaml"], args].concat());
    assert_eq!(with(&["--param", "environment=staging"]).code, 0);
    assert_eq!(with(&["--param", "environment=production"]).code, 1);
    for args in [&[][..], &["--param", "environment=prod"], &["--param", "enviroment=production"]] {
        let run = with(args);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("environment"), "{}", run.stderr);
    }
    let mut command = dir.command();
    command.args(["check", "--policy", "policy.yaml"]).env("CI_ENVIRONMENT_NAME", "production");
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    command.arg("--no-env");
    assert_eq!(command.output().unwrap().status.code(), Some(2));
}

#[test]
fn a_policy_that_the_shell_emptied_is_explained() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", "").write(".secgate/own.yaml", "").write("semgrep.json", semgrep(&[]));
    // As in: secgate policy show >.secgate/merge.yaml
    let run = dir.run(&["policy", "show"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    let first = run.stderr.lines().next().unwrap_or_default();
    assert!(
        first.contains(".secgate/merge.yaml: is empty") && first.contains("the shell empties"),
        "{first}"
    );
    let next = "secgate policy show --policy merge >.secgate/merge.yaml";
    assert!(run.stderr.contains(next), "{}", run.stderr);
    let run = dir.run(&["policy", "show", "--gate", "own"]);
    assert!(run.stderr.contains("show --policy merge >.secgate/own.yaml"), "{}", run.stderr);
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`secgate policy show --policy merge` prints it"), "{}", run.stderr);
}

#[test]
fn a_name_that_is_no_embedded_policy_says_how_a_file_is_given() {
    let dir = Dir::new();
    dir.write("gate", SAST_POLICY).write("runs/1/semgrep.json", semgrep(&[]));
    let run = dir.run(&["policy", "lint", "gate"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: gate: no embedded policy has that name"), "{}", run.stderr);
    assert!(run.stderr.contains("write ./gate"), "{}", run.stderr);
    assert_eq!(dir.run(&["policy", "lint", "./gate"]).code, 0);
    let run = dir.run(&["replay", "--against", "other", "runs"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: --against other: no embedded policy"), "{}", run.stderr);
    assert!(run.stderr.contains("such as ./gate.yaml"), "{}", run.stderr);
}

#[test]
fn wrong_words_of_the_command_line_name_what_there_is() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&[]));
    for (args, said) in [
        (["--param", "a=b"], "has no such parameter; it has none"),
        (
            ["--input", "foo=semgrep.json"],
            "`foo` is no format that secgate reads; `secgate formats` lists them",
        ),
        (["--input", "semgrp=semgrep.json"], "did you mean `semgrep`?"),
    ] {
        let run = dir.check(&args);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    for args in [&["explain", "x", "missing.json"][..], &["explain", "x", "--verdict", "missing.json"]] {
        let run = dir.run(args);
        assert_eq!(run.code, 2);
        let said = run.stderr.matches("no such file").count();
        assert!(said == 1 && run.stderr.contains("missing.json: "), "{}", run.stderr);
        assert!(!run.stderr.contains("os error"), "{}", run.stderr);
    }
}

#[test]
fn an_error_of_the_command_line_stands_once_in_the_text() {
    let run = Dir::new().check(&["--output", "xml=out.xml"]);
    assert_eq!(run.code, 2);
    let said = "unknown output format `xml`";
    assert!(run.stdout.starts_with(&format!("[ERROR] {said}")), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
}

#[test]
fn what_is_not_there_is_said_in_plain_words() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&[])).write("empty/.keep", "");
    dir.git(&["init", "--quiet"]);
    dir.git(&["add", "semgrep.json"]);
    dir.git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "a"]);
    std::fs::remove_file(dir.path().join("empty/.keep")).unwrap();
    for (args, said) in [
        (
            &["check", "--diff-base", "nosuch", "semgrep.json"][..],
            "git knows no commit or branch `nosuch` here; a shallow clone",
        ),
        (
            &["record", "--report", "r.json", "--", "no-such-scanner"],
            "no-such-scanner: cannot be started: it is not installed",
        ),
        (&["findings", "empty"], "no report was found there"),
        (&["baseline", "write", "empty"], "no report was found there"),
    ] {
        let run = dir.run(args);
        assert_eq!(run.code, 2, "{args:?}: {run:?}");
        assert!(run.stderr.contains(said) && !run.stderr.contains("os error"), "{}", run.stderr);
    }
}

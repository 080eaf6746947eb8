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

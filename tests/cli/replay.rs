//! `secgate replay`: what policies would have said to saved runs.

use crate::common::{Dir, SAST_POLICY, semgrep};

/// Three runs: one with a weakness of high severity, one of medium, one without a report.
fn history() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", format!("{SAST_POLICY}  - {{id: sast-critical, findings: {{category: sast, severity: critical}}, then: fail}}\n"))
        .write("runs/1/semgrep.json", semgrep(&["ERROR", "WARNING"]))
        .write("runs/2/semgrep.json", semgrep(&["WARNING"]))
        .write("runs/3/notes.json", "{\"a\": 1}");
    dir
}

#[test]
fn one_policy_over_many_runs() {
    let dir = history();
    // What lies in the current directory stands in for no run.
    dir.write("semgrep.json", semgrep(&[]));
    let run = dir.run(&["replay", "--policy", "policy.yaml", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let text = run.stdout.lines().filter(|line| !line.contains("sha256:")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("replay_one", text);
    let named = dir.run(&["replay", "--policy", "policy.yaml", "runs/3", "runs/1", "runs/2", "runs/1"]);
    assert_eq!(named, run, "the order does not matter");
}

#[test]
fn folders_of_folders_are_many_runs_at_every_level() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY);
    for run in ["a/shop/1", "a/shop/2", "a/till/1", "b/web/1"] {
        dir.write(&format!("fleet/{run}/semgrep.json"), semgrep(&["ERROR"]));
    }
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "fleet"]).json();
    assert_eq!(json["runs"].as_array().unwrap().len(), 4, "{json}");
}

#[test]
fn two_policies_side_by_side() {
    let dir = history();
    dir.write(
        "new.yaml",
        SAST_POLICY.replace("severity: medium}, then: review", "severity: medium}, allow: 1, then: review"),
    );
    let run = dir.run(&["replay", "--policy", "policy.yaml", "--against", "new.yaml", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let text = run.stdout.lines().filter(|line| !line.contains("sha256:")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("replay_two", text);
    let json = dir
        .run(&["replay", "--policy", "policy.yaml", "--against", "new.yaml", "--format", "json", "runs"])
        .json();
    assert_eq!(json["schema"], "secgate/replay/v1");
    assert_eq!((&json["differ"], json["runs"].as_array().unwrap().len()), (&1.into(), 3));
    assert_eq!(json["runs"][1]["said"][0]["verdict"], "review");
    assert_eq!(json["runs"][1]["said"][1]["verdict"], "pass");
    assert_eq!(json["policies"][0]["never"][0], "sast-critical");
}

#[test]
fn a_replay_says_what_check_says() {
    let dir = history();
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "runs"]).json();
    for (at, name) in ["1", "2", "3"].iter().enumerate() {
        let check =
            dir.check(&["--policy", "policy.yaml", "--format", "json", &format!("runs/{name}")]).json();
        assert_eq!(json["runs"][at]["said"][0]["verdict"], check["verdict"], "{name}");
    }
}

#[test]
fn a_run_is_judged_as_of_its_reports_and_compared_with_what_was_saved_beside() {
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        "version: 1\ngate: merge\nbase: {from: [baseline, diff], without: review}\nevidence:\n  sast: {category: sast, files: [out/bandit.json], max_age: 1h}\nrules:\n  - {id: new, findings: {category: sast, state: new}, then: fail}\n",
    );
    dir.copy("bandit/app.json", "a/out/bandit.json").copy("bandit/app.json", "b/out/bandit.json");
    assert_eq!(dir.run(&["baseline", "write", "--output", "b/baseline.jsonl", "b/out/bandit.json"]).code, 0);
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "a", "b"]).json();
    let said = |at: usize| json["runs"][at]["said"][0].clone();
    assert_eq!(said(0)["verdict"], "fail", "{json}");
    assert_eq!(said(0)["stopped_by"][0]["what"], "new", "not that it is old: {json}");
    assert_eq!(said(1)["verdict"], "pass", "{json}");
    // With a clock of today it is old.
    let json = dir
        .run(&["replay", "--policy", "policy.yaml", "--format", "json", "--now", "2036-01-01T00:00:00Z", "b"])
        .json();
    assert_eq!(json["runs"][0]["said"][0]["stopped_by"][0]["what"], "evidence sast", "{json}");
}

#[test]
fn mistakes_are_errors() {
    let dir = history();
    for args in [
        &["replay"][..],
        &["replay", "nowhere"],
        &["replay", ""],
        &["replay", "--policy", "no.yaml", "runs"],
        &["replay", "--policy", "policy.yaml", "--against", "no.yaml", "runs"],
        &["replay", "--now", "noon", "runs"],
    ] {
        let run = dir.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?} {run:?}");
    }
}

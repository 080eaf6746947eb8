//! `secgate diff`: why two runs have different verdicts.

use serde_json::json;

use crate::common::{Dir, NOW, Run, SAST_POLICY, semgrep};

const COMMITS: [&str; 2] =
    ["1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"];

/// Two runs of a gate of their own: `a` passes, and `b` has two findings more, another author and another day.
fn two() -> Dir {
    let dir = Dir::new();
    for (at, id) in ["a", "b"].iter().enumerate() {
        let severities: &[&str] = if at == 0 { &["INFO"] } else { &["INFO", "ERROR", "WARNING"] };
        let about =
            json!({"time": format!("2026-05-0{}T08:00:00Z", at + 1), "commit": COMMITS[at], "author": id});
        dir.write(&format!("{id}/semgrep.json"), semgrep(severities))
            .write(&format!("{id}/.secgate/merge.yaml"), SAST_POLICY)
            .write(&format!("{id}/run.json"), about.to_string());
    }
    dir
}

fn diff(dir: &Dir, args: &[&str]) -> Run {
    dir.run(&[&["diff"], args].concat())
}

#[test]
fn what_turned_a_verdict_is_named() {
    let run = diff(&two(), &["a", "b"]);
    assert_eq!(run.code, 1, "{run:?}");
    insta::with_settings!({filters => [("sha256:[0-9a-f]{64}", "sha256:HEX")]}, {
        insta::assert_snapshot!(run.stdout, @"
        1  a  pass    2026-05-01T08:00:00Z
        2  b  fail    2026-05-02T08:00:00Z  by sast-high, sast-medium
        policy .secgate/merge.yaml sha256:HEX

        pass -> fail
        because of these 2 together:
          code [semgrep.json]: rule-1 in src/a1.py:2 (high) is new
              rule sast-high: pass -> fail
              rule sast-medium: pass -> review
          code [semgrep.json]: rule-2 in src/a2.py:3 (medium) is new
              rule sast-medium: pass -> review
        Different, too, and no part of it: clock, commit, author
        ");
    });
    // The same the other way round: what is new there is gone here.
    let back = diff(&two(), &["b", "a"]);
    assert_eq!(back.code, 1, "{back:?}");
    assert!(back.stdout.contains("fail -> pass\nbecause of these 2 together:"), "{back:?}");
    assert!(back.stdout.contains("code [semgrep.json]: rule-1 in src/a1.py:2 (high) is gone"), "{back:?}");
}

#[test]
fn runs_of_one_verdict_are_not_different() {
    let dir = two();
    let run = diff(&dir, &["a", "a"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("The verdict is the same: pass"), "{run:?}");
    // The report is not there.
    dir.write("c/.secgate/merge.yaml", SAST_POLICY)
        .write("c/run.json", r#"{"time": "2026-05-03T08:00:00Z"}"#);
    let run = diff(&dir, &["b", "c"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("evidence sast: - -> fail"), "{run:?}");
    let json = diff(&dir, &["b", "c", "--format", "json"]).json();
    assert_eq!(json["same_verdict"], true);
    assert_eq!(json["explanations"], json!([]));
}

#[test]
fn either_of_two_is_enough_where_it_takes_both() {
    let dir = two();
    // Under a policy that allows nothing below high, and a finding that was raised: each of them undone lets it through.
    let raised = semgrep(&["INFO", "WARNING"]).replace("rule-1", "known");
    dir.write("a/semgrep.json", &raised)
        .write("b/semgrep.json", raised.replace("\"WARNING\"", "\"ERROR\""))
        .write(
            "a/.secgate/merge.yaml",
            SAST_POLICY.replace("category: sast, severity: high}", "severity: critical}"),
        )
        .write("b/.secgate/merge.yaml", SAST_POLICY);
    for id in ["a", "b"] {
        let text = dir.read(&format!("{id}/.secgate/merge.yaml"));
        let end = text.find("  - {id: sast-medium").unwrap();
        dir.write(&format!("{id}/.secgate/merge.yaml"), &text[..end]);
    }
    let json = diff(&dir, &["a", "b", "--format", "json"]).json();
    let kinds: Vec<&str> = json["explanations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert_eq!(one["causes"].as_array().unwrap().len(), 1, "{json}");
            one["causes"][0]["kind"].as_str().unwrap()
        })
        .collect();
    assert_eq!(kinds, ["policy-edited", "severity-rescored"], "{json}");
    let text = diff(&dir, &["a", "b"]).stdout;
    assert!(text.contains("Each of these 2 is enough to undo it."), "{text}");
    assert!(text.contains("rule `sast-high`: `findings.severity`: critical -> high"), "{text}");
}

#[test]
fn a_run_is_a_bundle_a_line_or_a_folder() {
    let dir = two();
    for (id, code) in [("a", 0), ("b", 1)] {
        dir.write("semgrep.json", dir.read(&format!("{id}/semgrep.json"))).write("p.yaml", SAST_POLICY);
        let bundle = format!("{id}.tar");
        let run = dir.run(&["check", "--policy", "p.yaml", "--now", NOW, "--bundle", &bundle]);
        assert_eq!(run.code, code, "{run:?}");
    }
    let causes = |run: &Run| {
        assert_eq!(run.code, 1, "{run:?}");
        let json = run.json();
        let causes = json["explanations"][0]["causes"].as_array().unwrap().clone();
        causes.into_iter().map(|cause| cause["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let folders = causes(&diff(&dir, &["a", "b", "--format", "json"]));
    assert_eq!(causes(&diff(&dir, &["a.tar", "b.tar", "--format", "json"])), folders);
    assert_eq!(causes(&diff(&dir, &["a", "b.tar", "--format", "json"])), folders);
    let line = |id: &str| {
        let path = |name: &str| json!({"path": format!("{id}/{name}")});
        let files =
            json!({"semgrep.json": path("semgrep.json"), ".secgate/merge.yaml": path(".secgate/merge.yaml")});
        json!({"id": format!("shop#{id}"), "time": NOW, "files": files}).to_string()
    };
    dir.write("runs.ndjson", format!("{}\n{}\n", line("a"), line("b")));
    // An id may hold the sign.
    let named = ["runs.ndjson#shop#a", "runs.ndjson#shop#b", "--format", "json"];
    assert_eq!(causes(&diff(&dir, &named)), folders);
}

#[test]
fn the_policy_is_the_run_s_own_or_one_that_is_given() {
    let dir = two();
    dir.write(
        "loose.yaml",
        SAST_POLICY.replace("then: fail", "then: warn").replace("then: review", "then: warn"),
    );
    let run = diff(&dir, &["a", "b", "--policy", "loose.yaml"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = diff(&dir, &["b", "b", "--policy", "b/.secgate/merge.yaml", "--against", "loose.yaml"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("because of:\n  edited policy [policy]: "), "{run:?}");
    // Without a policy in it the embedded one of its gate decides.
    std::fs::remove_dir_all(dir.path().join("a/.secgate")).unwrap();
    let run = diff(&dir, &["a", "a"]);
    assert!(run.stdout.contains("policy embedded:merge"), "{run:?}");
}

#[test]
fn mistakes_are_errors() {
    let dir = two();
    dir.write("c/run.json", r#"{"time": "2026-05-03T08:00:00Z", "gate": "canary"}"#)
        .write("d/run.json", "{}");
    dir.write("runs.ndjson", "{\"id\": \"x\", \"files\": {}}\n{\"id\": \"y\", \"files\": {}}\n");
    for (args, why) in [
        (&["a", "nowhere"][..], "nowhere"),
        (&["a", "runs.ndjson"], "is more than one run"),
        (&["a", "runs.ndjson#z"], "holds no run `z`"),
        (&["a", "c"], "holds no .secgate/canary.yaml, and no embedded policy is called `canary`"),
        (&["a", "d"], "does not say when it ran"),
        (&["a", "b", "--policy", "no.yaml"], "no.yaml"),
        (&["a", "b", "--param", "x"], "--param wants NAME=VALUE"),
        (&["a"], "required"),
    ] {
        let run = diff(&dir, args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?} {run:?}");
        assert!(run.stderr.contains(why), "{args:?} {run:?}");
    }
}

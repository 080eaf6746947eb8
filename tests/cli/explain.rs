//! Why a finding stops the change, told from a run and from a saved verdict.

use crate::common::{Dir, NOW, WAIVED_CODE, semgrep};

const POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json]}
waivers: {files: [waivers.yaml], max_duration: 90d}
reviewers: {any_of: [\"@lead\"], not: [author]}
rules:
  # high or worse stops
  - id: sast-high
    title: No weakness of high severity
    findings: {category: sast, severity: high, confidence: high}
    then: fail
  - {id: sast-medium, findings: {category: sast, severity: medium}, allow: 1, then: review}
  - {id: no-secrets, findings: {category: sast, cwe: 798}, then: fail, waivable: false}
";

fn dir(severities: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("semgrep.json", semgrep(severities));
    dir
}

impl Dir {
    fn explain(&self, args: &[&str]) -> crate::common::Run {
        self.run(&[&["explain", "--now", NOW, "--policy", "policy.yaml"], args].concat())
    }

    fn fingerprints(&self) -> Vec<String> {
        let json = self.run(&["findings", "--format", "json", "semgrep.json"]).json();
        let list = json["findings"].as_array().unwrap().iter();
        list.map(|f| f["fingerprint"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_finding_is_explained_clause_by_clause() {
    let dir = dir(&["ERROR", "INFO"]);
    let prints = dir.fingerprints();
    let run = dir.explain(&[&prints[0]]);
    assert_eq!(run.code, 0, "{run:?}");
    insta::with_settings!({filters => vec![(r"sg1:[0-9a-f]{32}", "sg1:[fingerprint]")]}, {
        insta::assert_snapshot!("explain_finding", run.stdout);
        insta::assert_snapshot!("explain_unmatched", dir.explain(&[&prints[1]]).stdout);
        insta::assert_snapshot!("explain_rule", dir.explain(&["sast-high"]).stdout);
    });
    // The version may be left out, and so may the end.
    assert_eq!(dir.explain(&[&prints[0][4..14], "semgrep.json"]).stdout, run.stdout);
}

#[test]
fn a_saved_verdict_is_explained_by_the_same_code() {
    let dir = dir(&["ERROR", "WARNING"]);
    dir.check(&["--policy", "policy.yaml", "--output", "json=verdict.json"]);
    for id in [dir.fingerprints()[0].as_str(), "sast-high"] {
        let fresh = dir.explain(&[id]);
        std::fs::rename(dir.path().join("semgrep.json"), dir.path().join("away.json")).unwrap();
        let saved = dir.explain(&[id, "--verdict", "verdict.json"]);
        std::fs::rename(dir.path().join("away.json"), dir.path().join("semgrep.json")).unwrap();
        assert_eq!((saved.code, &saved.stdout), (0, &fresh.stdout), "{saved:?}");
    }
    // Another policy's clauses would be a lie.
    dir.write("policy.yaml", POLICY.replace("allow: 1", "allow: 2"));
    let other = dir.explain(&[&dir.fingerprints()[0], "--verdict", "verdict.json"]);
    assert!(
        other.stdout.contains("is not the one at hand") && !other.stdout.contains("because"),
        "{other:?}"
    );
    dir.write("list.json", "[]");
    for args in [&["sast-high", "--verdict", "list.json"][..], &["sast-high", "--verdict", "no.json"]] {
        assert_eq!(dir.explain(args).code, 2);
    }
}

#[test]
fn the_waiver_is_told_whether_it_covers_or_not() {
    let dir = dir(&["ERROR"]);
    let waivers = |expires: &str| {
        format!(
            "version: 1\nwaivers:\n  - id: W-1\n    rule: merge/sast-high\n    match: {{rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}}\n    \
             reason: It is a test\n    owner: \"@a\"\n    approved_by: \"@b\"\n    compensating_controls: [none needed]\n    \
             created: 2026-05-01\n    expires: {expires}\n    review_trigger: [severity_raised]\n    \
             seen: {{severity: high, matches: 1}}\n"
        )
    };
    let id = dir.fingerprints()[0].clone();
    dir.write("src/a0.py", WAIVED_CODE).write("waivers.yaml", waivers("2026-06-30"));
    let run = dir.explain(&[&id]);
    assert!(run.stdout.contains("W-1 of @a covers it until 2026-06-30  (waivers.yaml:3)"), "{}", run.stdout);
    dir.write("waivers.yaml", waivers("2026-05-30"));
    let run = dir.explain(&[&id]);
    assert!(
        run.stdout.contains("W-1 of @a does not cover: expired: 2026-05-30 was its end"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("a waiver for merge/sast-high"), "{}", run.stdout);
}

#[test]
fn an_unknown_id_names_the_nearest_and_is_an_error() {
    let dir = dir(&["ERROR"]);
    let print = dir.fingerprints()[0].clone();
    let nearly = format!("{}0000", &print[..16]);
    for (id, says) in
        [("sast-hgih", "the rule `sast-high`?"), (nearly.as_str(), print.as_str()), ("zzz", "rules are")]
    {
        let run = dir.explain(&[id]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    // A beginning that several have is not guessed at: 300 findings share four digits sooner or later.
    let many = self::dir(&vec!["ERROR"; 300]);
    let mut prints = many.fingerprints();
    prints.sort();
    if let Some(pair) = prints.windows(2).find(|p| p[0][..8] == p[1][..8]) {
        let run = many.explain(&[&pair[0][..8]]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(&pair[0]) && run.stderr.contains(&pair[1]), "{}", run.stderr);
    }
}

#[test]
fn json_says_the_same() {
    let dir = dir(&["ERROR"]);
    let json = dir.explain(&[&dir.fingerprints()[0], "--format", "json"]).json();
    assert_eq!(json["schema"], "secgate/explanation/v1");
    let rule = &json["witnesses"][0]["rules"][0];
    assert_eq!(
        (&rule["id"], &rule["looks"], &rule["outcome"]),
        (&"sast-high".into(), &true.into(), &"fail".into())
    );
    let unknown = rule["clauses"].as_array().unwrap().iter().find(|c| c["name"] == "confidence").unwrap();
    assert_eq!((&unknown["is"], &unknown["holds"]), (&"unknown".into(), &true.into()));
}

#[test]
fn the_stage_of_the_base_is_told() {
    let dir = dir(&["ERROR"]);
    let policy = POLICY.replace("rules:", "base: {from: [baseline], without: warn}\nrules:");
    dir.write("policy.yaml", policy.replace("confidence: high}", "confidence: high, state: new}"));
    assert_eq!(dir.run(&["baseline", "write", "--output", "base.json", "semgrep.json"]).code, 0);
    let id = dir.fingerprints()[0].clone();
    let run = dir.explain(&[&id, "--baseline", "base.json"]);
    assert!(run.stdout.contains("existing: the same finding stands in the base"), "{run:?}");
    assert!(!run.stdout.contains("No weakness of high severity"), "{}", run.stdout);
    let run = dir.explain(&[&id]);
    assert!(run.stdout.contains("the same finding in the base: it would be `existing`"), "{}", run.stdout);
}

#[test]
fn what_the_diff_says_is_told() {
    let dir = dir(&["ERROR", "ERROR"]);
    let policy = POLICY.replace("rules:", "base: {from: [diff], without: warn}\nrules:");
    dir.write("policy.yaml", policy.replace("confidence: high}", "confidence: high, state: new}"));
    dir.write("src/a0.py", "one\n").write("src/a1.py", "one\ntwo\n");
    // The second finding is in the file that the change touches, on the line that it adds.
    dir.write(
        "change.diff",
        "diff --git a/src/a1.py b/src/a1.py\nindex 0000001..0000002 100644\n--- a/src/a1.py\n+++ b/src/a1.py\n\
         @@ -1 +1,2 @@\n one\n+two\n",
    );
    let prints = dir.fingerprints();
    let run = dir.explain(&[&prints[0], "--diff", "change.diff"]);
    assert!(run.stdout.contains("existing: the diff leaves its file alone"), "{run:?}");
    let run = dir.explain(&[&prints[1], "--diff", "change.diff"]);
    assert!(run.stdout.contains("state     new"), "{run:?}");
    let said = |id: &str| {
        let run = dir.explain(&[id, "--diff", "change.diff", "--format", "json"]);
        let json = run.json();
        let witness = &json["witnesses"][0];
        let rule = witness["rules"].as_array().unwrap().iter().find(|r| r["id"] == "sast-high").cloned();
        (witness["finding"]["state"].clone(), rule.map(|rule| rule["looks"].clone()))
    };
    assert_eq!(said(&prints[1]), ("new".into(), Some(true.into())));
    assert_eq!(said(&prints[0]).0, "existing");
    assert_ne!(said(&prints[0]).1, Some(true.into()));
    // Where no waiver applies, none is offered.
    dir.write(
        "policy.yaml",
        POLICY.replace(
            "then: fail\n  - {id: sast-medium",
            "then: fail\n    waivable: false\n  - {id: sast-medium",
        ),
    );
    let run = dir.explain(&[&prints[0]]);
    assert!(run.stdout.contains("decides   whoever makes the change\n"), "{}", run.stdout);
}

#[test]
fn a_rule_is_named_as_waivers_name_it() {
    let dir = dir(&["ERROR"]);
    let plain = dir.explain(&["sast-high"]);
    assert_eq!((plain.code, dir.explain(&["merge/sast-high"]).stdout), (0, plain.stdout.clone()));
    for words in [
        "1 finding matches; the rule allows 0: 1 would have to go",
        "waivers for merge/sast-high",
        "decides   whoever makes the change",
    ] {
        assert!(plain.stdout.contains(words), "{words}: {}", plain.stdout);
    }
    for (id, says) in [
        ("merge/sast-hgih", "did you mean the rule `sast-high`?"),
        (
            "release/approved",
            "is a rule of gate `release`, and this run is of gate `merge`; give --gate release",
        ),
        ("rule-O1", "did you mean `rule-0`?"),
    ] {
        let run = dir.explain(&[id]);
        assert!(run.code == 2 && run.stderr.contains(says), "{says}: {run:?}");
    }
    let json = dir.explain(&["merge/sast-high", "--format", "json"]).json();
    assert_eq!(json["rule"]["id"], "sast-high");
    assert!(
        json["rule"]["changes"].as_array().unwrap().len() >= 2 && json["rule"]["decides"].is_string(),
        "{json}"
    );
}

#[test]
fn a_finding_is_named_by_what_the_output_shows_of_it() {
    let dir = dir(&["ERROR", "WARNING", "INFO"]);
    dir.check(&["--policy", "policy.yaml", "--output", "json=verdict.json"]);
    let by_print = dir.explain(&[&dir.fingerprints()[0]]).stdout;
    for id in ["rule-0", "RULE-0", "src/a0.py", "src/a0.py:1", "./src/a0.py:1"] {
        assert_eq!(dir.explain(&[id]).stdout, by_print, "{id}");
        let saved = dir.explain(&["--verdict", "verdict.json", id]);
        assert!(saved.code == 0 && saved.stdout.contains("src/a0.py:1"), "{id}: {saved:?}");
    }
    // Also one that matched no rule.
    assert!(dir.explain(&["rule-2"]).stdout.contains("It matched no rule."));
    assert_eq!(dir.explain(&["src/a0.py:2"]).code, 2);
    // Several are listed, and none is guessed.
    dir.write("semgrep.json", semgrep(&["ERROR", "ERROR"]).replace("rule-1", "rule-0"));
    let run = dir.explain(&["rule-0"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`rule-0` means 2 findings"), "{}", run.stderr);
    for line in ["high src/a0.py:1  rule-0", "high src/a1.py:2  rule-0"] {
        assert!(run.stderr.contains(line), "{line}: {}", run.stderr);
    }
}

#[test]
fn an_inherited_rule_is_shown_where_it_stands() {
    let dir = dir(&["ERROR"]);
    let lint = dir.run(&["policy", "lint", "policy.yaml"]).stdout;
    let digest = lint.rsplit("sha256:").next().unwrap().trim();
    let child = format!(
        "version: 1\ngate: merge\nextends: {{file: policy.yaml, sha256: {digest}}}\nrules:\n  - {{id: mine, findings: {{severity: info}}, then: fail}}\n"
    );
    dir.write("child.yaml", child);
    let explain = |id: &str| dir.run(&["explain", "--now", NOW, "--policy", "child.yaml", id]).stdout;
    for text in [explain("sast-high"), explain("rule-0")] {
        assert!(text.contains("  policy.yaml:9\n     9 |   - id: sast-high\n"), "{text}");
    }
    assert!(explain("mine").contains("  child.yaml:5\n     5 |   - {id: mine,"));
}

#[test]
fn what_a_rule_lacks_is_told() {
    let dir = dir(&[]);
    let policy = POLICY.replace(
        "  sast:",
        "  deps: {category: vulnerability, files: [trivy.json, grype.json], required: false}\n  sast:",
    );
    dir.write(
        "policy.yaml",
        format!("{policy}  - {{id: deps, findings: {{category: vulnerability}}, then: fail}}\n"),
    );
    let text = dir.explain(&["deps"]).stdout;
    assert!(text.contains("to change - a report for `deps`: trivy.json or grype.json"), "{text}");
}

#[test]
fn equal_findings_each_have_their_place() {
    let dir = dir(&[]);
    let twice = semgrep(&["ERROR", "ERROR"])
        .replace("rule-1", "rule-0")
        .replace("a1.py", "a0.py")
        .replace("message 1", "message 0");
    dir.write("semgrep.json", twice);
    let text = dir.explain(&["sast-high"]).stdout;
    assert!(text.contains("src/a0.py:1") && text.contains("src/a0.py:2"), "{text}");
}

//! Allowances that are more than a number: as many as the base has, and so many for each group.

use crate::common::{Dir, Run};

const BASE: &str = "\
version: 1
gate: merge
base: {from: [base-report, diff], without: warn}
waivers: {max_duration: 90d}
evidence:
  sast: {category: sast, files: [semgrep.json, other.json]}
rules:
  - {id: debt, findings: {category: sast, severity: high}, allow: {base: same}, then: fail}
";

/// A Semgrep report, by one of its versions, of findings `rule` in a file.
fn semgrep(edition: u32, findings: &[(&str, &str)]) -> String {
    let results: Vec<String> = findings
        .iter()
        .enumerate()
        .map(|(at, (rule, path))| {
            format!(
                r#"{{"check_id":"{rule}","path":"{path}","start":{{"line":{0}}},"end":{{"line":{0}}},"extra":{{"message":"m",
                "severity":"ERROR","metadata":{{}},"lines":"requires login","fingerprint":"requires login"}}}}"#,
                at + 1
            )
        })
        .collect();
    format!(
        r#"{{"version":"1.{edition}.0","results":[{}],"errors":[],"paths":{{"scanned":["a.py"]}}}}"#,
        results.join(",")
    )
}

fn check(dir: &Dir, args: &[&str]) -> Run {
    dir.check(&[&["--policy", "policy.yaml", "--format", "json", "--no-env"], args].concat())
}

fn rule(run: &Run) -> (String, u64, u64, String) {
    let json = run.json();
    let rule = &json["rules"][0];
    let text = |key: &str| rule[key].as_str().unwrap().to_owned();
    (text("outcome"), rule["count"].as_u64().unwrap(), rule["allow"].as_u64().unwrap(), text("message"))
}

#[test]
fn debt_may_move_and_not_grow() {
    let dir = Dir::new();
    dir.write("policy.yaml", BASE);
    dir.write("base.json", semgrep(1, &[("a", "a.py"), ("b", "a.py")]));
    // Two others in their place are as many.
    dir.write("semgrep.json", semgrep(2, &[("c", "b.py"), ("d", "b.py")]));
    let run = check(&dir, &["--base-report", "base.json"]);
    assert_eq!(rule(&run), ("pass".into(), 2, 2, "2 findings, 2 in the base".into()));
    dir.write("semgrep.json", semgrep(2, &[("a", "a.py"), ("b", "a.py"), ("c", "b.py")]));
    let run = check(&dir, &["--base-report", "base.json"]);
    assert_eq!(rule(&run), ("fail".into(), 3, 2, "3 findings, 2 in the base".into()));
    assert_eq!(run.json()["rules"][0]["allowance"]["over"], 1);
    // Without a report of the base it allows none, whatever `without` says of newness.
    let run = check(&dir, &[]);
    let message = "3 findings, 0 in the base: no report of the base was given";
    assert_eq!(rule(&run), ("fail".into(), 3, 0, message.into()));
}

#[test]
fn reports_that_stand_beside_make_no_room() {
    let dir = Dir::new();
    dir.write("policy.yaml", BASE);
    dir.write("base/one.json", semgrep(1, &[("a", "a.py")]));
    dir.write("base/two.json", semgrep(1, &[("a", "a.py"), ("b", "a.py"), ("c", "a.py")]));
    dir.write("semgrep.json", semgrep(2, &[("a", "a.py"), ("b", "b.py")]));
    // Two reports of the base beside one of the change: the one with fewer counts.
    let run = check(&dir, &["--base-report", "base"]);
    let (outcome, _, allow, message) = rule(&run);
    assert_eq!((outcome.as_str(), allow), ("fail", 1), "{message}");
    assert!(message.contains("1 report of the base does not count"), "{message}");
    // A report of another scanner, which the change has not run.
    let bandit = r#"{"errors":[],"generated_at":"2026-01-01T00:00:00Z","metrics":{"_totals":{"loc":9}},"results":[
        {"test_id":"B602","test_name":"x","filename":"a.py","line_number":1,"line_range":[1],"issue_severity":"HIGH",
         "issue_confidence":"HIGH","issue_text":"t","code":"1 x","issue_cwe":{"id":78}}]}"#;
    dir.write("bandit.json", bandit);
    let run = check(&dir, &["--base-report", "base/one.json", "--base-report", "bandit.json"]);
    assert_eq!(rule(&run).2, 1, "{:?}", rule(&run));
    // The report of the change itself is no base.
    let run = check(&dir, &["--base-report", "semgrep.json"]);
    assert_eq!(run.json()["base"]["outcome"], "review");
}

#[test]
fn groups_are_counted_each() {
    let dir = Dir::new();
    let policy = |allow: &str| {
        BASE.replace("{base: same}", allow).replace("base: {from: [base-report, diff], without: warn}\n", "")
    };
    dir.write("policy.yaml", policy("{per: path, count: 2}"));
    dir.write("semgrep.json", semgrep(1, &[("a", "a.py"), ("b", "a.py"), ("c", "b.py"), ("d", "b.py")]));
    assert_eq!(check(&dir, &[]).code, 0);
    dir.write("semgrep.json", semgrep(1, &[("a", "a.py"), ("b", "b.py"), ("c", "b.py"), ("d", "b.py")]));
    let run = check(&dir, &[]);
    let message = "4 findings, 2 allowed for each path: b.py has 3";
    assert_eq!(rule(&run), ("fail".into(), 4, 2, message.into()));
    // Only the file that has too many is in the plan.
    let steps = run.json()["unblock"]["steps"].clone();
    assert_eq!((steps[0]["path"].as_str(), steps.as_array().unwrap().len()), (Some("b.py"), 1), "{steps}");
    assert_eq!(steps[0]["verdict_after"], "pass");
    // An owner with two files, and what nobody owns.
    dir.write("policy.yaml", policy("{per: owner, count: 2}"));
    dir.write("CODEOWNERS", "a.py @one\nb.py @one\n");
    dir.write("semgrep.json", semgrep(1, &[("a", "a.py"), ("b", "b.py"), ("c", "b.py"), ("d", "c.py")]));
    let message = "4 findings, 2 allowed for each owner: @one has 3";
    assert_eq!(rule(&check(&dir, &["--codeowners", "CODEOWNERS"])), ("fail".into(), 4, 2, message.into()));
}

#[test]
fn an_allowance_that_cannot_hold_is_refused() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(1, &[]));
    let kev = BASE.replace("severity: high", "not: {kev: false}");
    for (policy, says) in [
        (BASE.replace("[base-report, diff]", "diff"), "does not compare with any"),
        (BASE.replace("severity: high", "state: new"), "cannot count by `state`"),
        (kev, "cannot count by `kev`"),
        (BASE.replace("then: fail", "then: fail, waivable: true"), "would make room"),
        (BASE.replace("{base: same}", "{base: smae}"), "did you mean `same`?"),
        (BASE.replace("{base: same}", "{per: path}"), "`per` with `count`"),
        (BASE.replace("{base: same}", "{base: same, count: 1}"), "`per` with `count`"),
        (BASE.replace("{base: same}", "-1"), "whole number"),
    ] {
        dir.write("policy.yaml", &policy);
        let run = check(&dir, &[]);
        let said = run.stderr.clone() + &run.stdout;
        assert!(run.code == 2 && said.contains(says), "{policy}\n{said}");
    }
}

#[test]
fn a_waiver_takes_nothing_from_a_count_of_the_base() {
    let dir = Dir::new();
    dir.write("policy.yaml", BASE);
    dir.write("base.json", semgrep(1, &[("a", "a.py")]));
    dir.write("semgrep.json", semgrep(2, &[("a", "a.py"), ("b", "a.py")]));
    dir.write(
        "w.yaml",
        "version: 1\nwaivers:\n  - {id: W, rule: merge/debt, match: {rule_id: a, path: a.py}, reason: old code, owner: \"@a\", \
         approved_by: \"@b\", compensating_controls: [none needed], created: 2026-05-01, expires: 2026-06-30, review_trigger: [kev]}\n",
    );
    let args = ["--base-report", "base.json", "--waivers", "w.yaml"];
    let (outcome, count, allow, message) = rule(&check(&dir, &args));
    assert_eq!((outcome.as_str(), count, allow), ("fail", 2, 1), "{message}");
}

#[test]
fn a_finding_of_several_places_counts_at_each() {
    let dir = Dir::new();
    let policy = |allow: &str| {
        BASE.replace("{base: same}", allow).replace("base: {from: [base-report, diff], without: warn}\n", "")
    };
    let result = |places: &[&str]| {
        let place = |path: &&str| serde_json::json!({"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}}});
        let places: Vec<_> = places.iter().map(place).collect();
        serde_json::json!({"ruleId": "r", "level": "error", "message": {"text": "m"}, "locations": places})
    };
    let results = [result(&["a.py", "b.py"]), result(&["c.py", "b.py", "b.py"]), result(&["d.py", "b.py"])];
    let report = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t", "version": "1",
        "rules": [{"id": "r", "properties": {"security-severity": "8.0"}}]}}, "results": results}]});
    dir.write("semgrep.json", report.to_string()).write("CODEOWNERS", "*.py @rest\nb.py @one\nc.py @one\n");
    for (allow, outcome, message) in [
        ("{per: path, count: 2}", "fail", "3 findings, 2 allowed for each path: b.py has 3"),
        ("{per: path, count: 3}", "pass", "3, 3 allowed for each path"),
        ("{per: owner, count: 2}", "fail", "3 findings, 2 allowed for each owner: @one has 3"),
    ] {
        dir.write("policy.yaml", policy(allow));
        let run = check(&dir, &["--codeowners", "CODEOWNERS"]);
        let (told, count, _, said) = rule(&run);
        assert_eq!((told.as_str(), count, said.as_str()), (outcome, 3, message), "{allow}");
        // All of them are in a group that has too many.
        let steps = run.json()["unblock"]["steps"].as_array().unwrap().len();
        assert_eq!(steps, if outcome == "fail" { 3 } else { 0 }, "{run:?}");
    }
}

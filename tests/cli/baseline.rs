//! What is new: baselines, reports of the target branch, diffs.

use crate::common::{Dir, Run, fixture};

const POLICY: &str = "\
version: 1
gate: merge
base: {from: [baseline, base-report, diff], without: review}
evidence:
  sast: {category: sast, files: [semgrep.json], required: false}
  secrets: {category: secret, files: [gitleaks.json], required: false}
  deps: {category: vulnerability, files: [trivy.json], required: false}
rules:
  - {id: sast, findings: {category: sast, state: new}, then: fail}
  - {id: secrets, findings: {category: secret, state: new}, then: fail}
  - {id: deps, findings: {category: vulnerability, state: new}, then: fail}
  - {id: disclosed, findings: {category: vulnerability, state: newly_disclosed}, then: warn}
";
const KEY: &str = "0123456789abcdef0123456789abcdef\n";

/// A Semgrep report of findings `rule path line`, in which the version of the tool and its words are `edition`.
fn semgrep(edition: u32, findings: &[(&str, &str, u32)]) -> String {
    let results: Vec<String> = findings
        .iter()
        .map(|(rule, path, line)| {
            format!(
                r#"{{"check_id":"{rule}","path":"{path}","start":{{"line":{line}}},"end":{{"line":{line}}},
                "extra":{{"message":"words of {edition}","severity":"ERROR","metadata":{{}},"lines":"requires login",
                "fingerprint":"requires login"}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"version":"1.{edition}.0","results":[{}],"errors":[],"paths":{{"scanned":["src/a.py"]}}}}"#,
        results.join(",")
    )
}

fn gitleaks(values: &[&str]) -> String {
    let found: Vec<String> = values
        .iter()
        .map(|value| {
            format!(
                r#"{{"RuleID":"key","File":"a.env","StartLine":1,"Match":"K={value}","Secret":"{value}"}}"#
            )
        })
        .collect();
    format!("[{}]", found.join(","))
}

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY);
    dir
}

fn check(dir: &Dir, args: &[&str]) -> Run {
    dir.check(&[&["--policy", "policy.yaml", "--format", "json", "--no-env"], args].concat())
}

fn write(dir: &Dir, args: &[&str]) -> Run {
    dir.run(&[&["baseline", "write", "--no-env", "--output", "known.jsonl"], args].concat())
}

/// The states of the findings shown, with the stages, in output order.
fn told(run: &Run) -> Vec<String> {
    let json = run.json();
    let findings = json["findings"].as_array().unwrap();
    findings.iter().map(|f| format!("{}/{}", f["state"], f["matched"]).replace('"', "")).collect()
}

#[test]
fn code_is_told_apart_by_the_source_and_not_by_the_line() {
    let dir = dir();
    dir.write("src/a.py", "eval(a)\nprint(1)\neval(b)\n");
    dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", 1), ("r", "src/a.py", 3)]));
    assert_eq!(write(&dir, &["semgrep.json"]).code, 0);
    // Moved and indented, scanned by a later version.
    dir.write("src/a.py", "if x:\n    eval(b)\n\n  eval( a )\n".replace("( a )", "(a)"));
    dir.write("semgrep.json", semgrep(2, &[("r", "src/a.py", 2), ("r", "src/a.py", 4)]));
    let run = check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]);
    assert_eq!((run.code, &run.json()["base"]["findings"]["existing"]), (0, &2.into()), "{run:?}");
    // One was corrected and another made: as many as before.
    dir.write("src/a.py", "if x:\n    eval(b)\n\n  eval(c)\n");
    let run = check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]);
    let json = run.json();
    assert_eq!((run.code, &json["rules"][0]["new"]), (1, &1.into()), "{run:?}");
    assert_eq!(json["findings"][0]["location"]["line"], 4);
    assert_eq!((&json["base"]["fixed"], &json["fixed"][0]["path"]), (&1.into(), &"src/a.py".into()));
    // Without the source nobody can say.
    std::fs::remove_dir_all(dir.path().join("src")).unwrap();
    assert_eq!(check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]).code, 1);
}

#[test]
fn the_story_of_a_change_in_numbers() {
    let dir = dir();
    dir.write(
        "semgrep.json",
        semgrep(1, &[("a", "src/a.py", 1), ("b", "src/b.py", 1), ("c", "src/c.py", 1)]),
    );
    write(&dir, &["semgrep.json"]);
    dir.write("semgrep.json", semgrep(1, &[("a", "src/a.py", 7), ("d", "src/d.py", 1)]));
    let run =
        dir.check(&["--policy", "policy.yaml", "--no-env", "--baseline", "known.jsonl", "semgrep.json"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("baseline known.jsonl: 1 new, 1 known, 2 fixed"), "{}", run.stdout);
    // Where no report looks, nothing is fixed.
    dir.write("semgrep.json", r#"{"version":"1","results":[],"errors":[],"paths":{"scanned":[]}}"#);
    let json = check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]).json();
    assert_eq!(json["base"]["fixed"], 0);
}

#[test]
fn more_than_there_were_are_all_new_and_all_shown() {
    let dir = dir();
    dir.write("policy.yaml", POLICY.replace("from: [baseline, base-report, diff]", "from: baseline"));
    let many: Vec<(&str, &str, u32)> = (1..=300).map(|line| ("r", "src/a.py", line)).collect();
    dir.write("semgrep.json", semgrep(1, &many[..299]));
    write(&dir, &["semgrep.json"]);
    let known = || check(&dir, &["semgrep.json", "--baseline", "known.jsonl", "--max-findings", "100"]);
    assert_eq!(known().code, 0);
    dir.write("semgrep.json", semgrep(1, &many));
    let json = known().json();
    assert_eq!((&json["rules"][0]["count"], &json["rules"][0]["new"]), (&300.into(), &300.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 100);
    // Split over two reports they are as many.
    dir.write("semgrep.json", semgrep(1, &many[..200])).write("b/semgrep.json", semgrep(1, &many[200..]));
    let run = check(&dir, &["semgrep.json", "b/semgrep.json", "--baseline", "known.jsonl"]);
    assert_eq!((run.code, &run.json()["base"]["findings"]["new"]), (1, &300.into()));
}

#[test]
fn a_base_report_tells_what_was_disclosed_since() {
    let dir = dir();
    // The report holds masked secrets too, which are never known.
    dir.write(
        "policy.yaml",
        POLICY.replace("category: secret, state: new}, then: fail", "category: secret}, then: warn"),
    );
    let text = std::fs::read_to_string(fixture("trivy/fs.json")).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    dir.write("trivy.json", &text).write("main/trivy.json", &text);
    let run = check(&dir, &["trivy.json", "--base-report", "main"]);
    assert_eq!(run.code, 0, "{run:?}");
    let existing = run.json()["base"]["findings"]["existing"].as_u64().unwrap();
    // All advisories were published since: the packages are listed.
    let mut listed = report.clone();
    for result in listed["Results"].as_array_mut().unwrap() {
        result.as_object_mut().unwrap().remove("Vulnerabilities");
    }
    dir.write("main/trivy.json", listed.to_string());
    let run = check(&dir, &["trivy.json", "--base-report", "main"]);
    let states = &run.json()["base"]["findings"];
    assert_eq!((run.code, &states["newly_disclosed"], &states["new"]), (0, &6.into(), &4.into()));
    for result in listed["Results"].as_array_mut().unwrap() {
        result.as_object_mut().unwrap().remove("Packages");
    }
    dir.write("main/trivy.json", listed.to_string());
    let run = check(&dir, &["trivy.json", "--base-report", "main"]);
    assert_eq!((run.code, &run.json()["base"]["findings"]["new"]), (1, &10.into()), "no proof");
    // An advisory of a package that has another one.
    let results = report["Results"].as_array_mut().unwrap();
    for result in results.iter_mut() {
        result.as_object_mut().unwrap().remove("Packages");
    }
    let of = |r: &&mut serde_json::Value| r["Vulnerabilities"].as_array().is_some_and(|v| v.len() > 1);
    let found = results.iter_mut().find(of).unwrap()["Vulnerabilities"].as_array_mut().unwrap();
    let package = |v: &serde_json::Value| (v["PkgName"].clone(), v["InstalledVersion"].clone());
    let twice = |v: &serde_json::Value| found.iter().filter(|o| package(o) == package(v)).count() > 1;
    let at = found.iter().position(twice).expect("a package with two advisories");
    found.remove(at);
    dir.write("main/trivy.json", report.to_string());
    let json = check(&dir, &["trivy.json", "--base-report", "main/trivy.json"]).json();
    let states = &json["base"]["findings"];
    assert_eq!(
        (&states["newly_disclosed"], &states["existing"], &states["new"]),
        (&1.into(), &(existing - 1).into(), &4.into())
    );
    assert_eq!(json["rules"][3]["outcome"], "warn");
}

#[test]
fn a_secret_is_known_only_under_a_key_and_by_its_value() {
    let dir = dir();
    dir.write("gitleaks.json", gitleaks(&["hunter2hunter2"])).write("key", KEY).write("other", &KEY[1..]);
    let run = write(&dir, &["gitleaks.json"]);
    assert!(run.code == 0 && run.stderr.contains("1 secrets are left out"), "{run:?}");
    assert_eq!(check(&dir, &["gitleaks.json", "--baseline", "known.jsonl"]).code, 1);
    assert_eq!(write(&dir, &["gitleaks.json", "--secret-key", "key"]).code, 0);
    assert!(!dir.read("known.jsonl").contains("hunter2"));
    let keyed =
        |args: &[&str]| check(&dir, &[&["gitleaks.json", "--baseline", "known.jsonl"], args].concat());
    assert_eq!(keyed(&["--secret-key", "key"]).code, 0);
    assert_eq!(keyed(&[]).code, 1);
    let run = keyed(&["--secret-key", "other"]);
    assert_eq!(run.code, 2, "{run:?}");
    dir.write("short", "0123456789").write("other", KEY.replace('0', "1"));
    for (key, says) in
        [("short", "at least 32"), ("none", "no such file"), ("other", "another key"), (".", "directory")]
    {
        let run = keyed(&["--secret-key", key]);
        assert!(run.code == 2 && run.stderr.contains(says) && !run.all().contains("0123456789"), "{run:?}");
    }
    for value in ["hunter3hunter3", "REDACTED"] {
        dir.write("gitleaks.json", gitleaks(&[value]));
        assert_eq!(keyed(&["--secret-key", "key"]).code, 1, "{value}");
    }
    dir.write("gitleaks.json", gitleaks(&["hunter2hunter2", "hunter2hunter2"]));
    assert_eq!(keyed(&["--secret-key", "key"]).code, 1);
}

#[test]
fn git_shows_what_the_change_leaves_alone() {
    let dir = dir();
    dir.git(&["init", "-q", "-b", "main"]);
    dir.write("src/a.py", "eval(a)\nb\nc\nd\neval(e)\n").write("src/old.py", "1\n2\n3\n4\n5\n6\neval(x)\n");
    dir.write(".gitignore", "*.json\n");
    dir.git(&["add", "."]);
    dir.git(&["commit", "-qm", "base"]);
    dir.git(&["checkout", "-qb", "change"]);
    dir.git(&["mv", "src/old.py", "src/new.py"]);
    dir.write("src/a.py", "more\neval(a)\nb\nc\nd\neval(f)\n").write("src/made.py", "eval(x)\n");
    // What a user's configuration and environment would make of it.
    for (key, value) in [
        ("diff.noprefix", "true"),
        ("diff.external", "false"),
        ("core.pager", "false"),
        ("diff.mnemonicPrefix", "true"),
    ] {
        dir.git(&["config", key, value]);
    }
    let all = [("r", "src/a.py", 2), ("r", "src/a.py", 6), ("r", "src/made.py", 1), ("r", "src/new.py", 7)];
    dir.write("semgrep.json", semgrep(1, &all));
    let run = check(&dir, &["semgrep.json", "--diff-base", "main"]);
    let json = run.json();
    let lines: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{}:{}", f["location"]["path"].as_str().unwrap(), f["location"]["line"]))
        .collect();
    // The last is not in git's eyes yet, and was not there before.
    assert_eq!((run.code, lines), (1, vec!["src/a.py:6".to_owned(), "src/made.py:1".to_owned()]), "{run:?}");
    assert_eq!(json["base"]["findings"]["existing"], 2);
    assert_eq!(json["base"]["sources"][0]["kind"], "diff");
    // The same as a file, with reports of the base.
    dir.git(&["add", "."]);
    let diff = dir.git(&[
        "-c",
        "diff.external=",
        "diff",
        "--no-ext-diff",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "main",
    ]);
    dir.write("change.diff", &diff);
    let base = [("r", "src/a.py", 1), ("r", "src/a.py", 5), ("r", "src/old.py", 7)];
    dir.write("main/semgrep.json", semgrep(1, &base));
    dir.write("policy.yaml", POLICY.replace("category: sast, state: new", "category: sast"));
    let args = ["semgrep.json", "--diff", "change.diff", "--base-report", "main/semgrep.json"];
    let run = check(&dir, &args);
    assert_eq!(told(&run), ["existing/moved", "new/null", "new/null", "existing/renamed"], "{run:?}");
    for (arg, says) in [
        ("--diff-base=nowhere", "nowhere"),
        ("--diff-base=", "is empty"),
        ("--diff-base=--output=x", "--output=x"),
        ("--diff=semgrep.json", "begins no file"),
        ("--diff=.gitignore", "begins no file"),
    ] {
        let run = check(&dir, &["semgrep.json", arg]);
        assert!(run.code == 2 && run.stderr.contains(says), "{arg} {run:?}");
    }
    dir.write("empty.diff", "\n");
    let run = check(&dir, &["semgrep.json", "--diff", "empty.diff"]);
    assert!(run.code == 2 && run.stderr.contains("did git fail"), "{run:?}");
    assert!(!dir.exists("x"));
}

#[test]
fn what_cannot_be_parsed_may_be_left_alone() {
    let dir = dir();
    let policy = POLICY
        .replace("files: [semgrep.json], required: false", "files: [semgrep.json], problems: {parse: warn}");
    dir.write("policy.yaml", policy);
    let error = r#"{"code":3,"level":"warn","type":"Syntax error","message":"m","path":"src/bad.py"}"#;
    let report = r#"{"version":"1","results":[],"errors":[ERROR],"paths":{"scanned":["src/a.py"]}}"#;
    dir.write("semgrep.json", report.replace("ERROR", error));
    let diff = "diff --git a/src/PATH b/src/PATH\nindex 1..2 100644\n--- a/src/PATH\n+++ b/src/PATH\n@@ -1 +1 @@\n-a\n+b\n";
    for (path, code) in [("other.py", 0), ("bad.py", 10)] {
        dir.write("change.diff", diff.replace("PATH", path));
        let run = check(&dir, &["semgrep.json", "--diff", "change.diff"]);
        assert_eq!((run.code, &run.json()["evidence"][0]["status"]), (code, &"incomplete".into()), "{run:?}");
    }
    assert_eq!(check(&dir, &["semgrep.json"]).code, 10);
}

#[test]
fn a_base_is_what_the_policy_says_and_an_input_like_any() {
    let dir = dir();
    dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", 1)]));
    write(&dir, &["semgrep.json"]);
    let run = check(&dir, &["semgrep.json"]);
    assert_eq!((run.code, &run.json()["base"]["outcome"]), (1, &"review".into()));
    let given = ["semgrep.json", "--baseline", "known.jsonl"];
    for (output, args) in
        [("known.jsonl", &given[..]), ("semgrep.json", &["semgrep.json", "--base-report", "semgrep.json"])]
    {
        let before = dir.read(output);
        let run = check(&dir, &[args, &["--output", &format!("json={output}")]].concat());
        assert_eq!((run.code, dir.read(output)), (2, before), "{run:?}");
    }
    dir.write("policy.yaml", POLICY.replace("from: [baseline, base-report, diff]", "from: diff"));
    let run = check(&dir, &given);
    assert!(run.code == 2 && run.stderr.contains("policy.yaml:3 compares with diff"), "{run:?}");
    // A policy without a base compares with nothing.
    let plain = POLICY.replace("base: {from: [baseline, base-report, diff], without: review}\n", "");
    dir.write("policy.yaml", plain);
    let run = check(&dir, &given);
    assert!(run.code == 1 && run.stderr.contains("--baseline is not used"), "{run:?}");
    dir.write(
        "policy.yaml",
        POLICY.replace(
            "category: sast, state: new}, then: fail",
            "category: sast, state: new}, then: fail, waivable: false",
        ),
    );
    assert_eq!(check(&dir, &given).code, 1, "a rule that cannot be waived has no baseline");
    dir.write("known.jsonl", dir.read("known.jsonl").replace("\"tool\"", "\"tools\""));
    let run = check(&dir, &given);
    assert!(run.code == 2 && run.stderr.contains("known.jsonl:2:"), "{run:?}");
}

#[test]
fn a_baseline_is_written_shown_and_pruned() {
    let dir = dir();
    let all = [("a", "src/a.py", 1), ("a", "src/a.py", 4), ("b", "src/b.py", 1)];
    dir.write("semgrep.json", semgrep(1, &all))
        .write("bandit.json", std::fs::read(fixture("bandit/app.json")).unwrap());
    assert_eq!(write(&dir, &["semgrep.json", "bandit.json"]).code, 0);
    let text = dir.read("known.jsonl");
    assert!(
        text.starts_with("{\"schema\":\"secgate/baseline/v1\"}\n") && text.contains("\"count\":2"),
        "{text}"
    );
    assert_eq!(dir.run(&["baseline", "write", "--no-env", "bandit.json", "semgrep.json"]).stdout, text);
    let shown = dir.run(&["baseline", "show", "known.jsonl"]).stdout;
    assert!(shown.contains("src/a.py  a  [semgrep]  (2 times)"), "{shown}");
    dir.write("semgrep.json", semgrep(1, &[("a", "src/a.py", 9), ("c", "src/c.py", 1)]));
    let prune = [
        "baseline",
        "prune",
        "--no-env",
        "--baseline",
        "known.jsonl",
        "--output",
        "known.jsonl",
        "semgrep.json",
    ];
    let run = dir.run(&prune);
    assert!(run.code == 0 && run.stderr.contains("2 findings are gone"), "{run:?}");
    let pruned = dir.read("known.jsonl");
    let gone: Vec<&str> = text.lines().filter(|line| !pruned.contains(line)).collect();
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(
        pruned.contains("bandit") && !pruned.contains("\"count\":2") && !pruned.contains("src/c.py"),
        "{pruned}"
    );
    // Nothing but a baseline is written over, and of nothing comes no baseline.
    for output in ["semgrep.json", "policy.yaml"] {
        let run = dir.run(&["baseline", "write", "--no-env", "--output", output, "semgrep.json"]);
        assert!(run.code == 2 && run.stderr.contains("is no baseline"), "{run:?}");
    }
    dir.write("bad.json", "{").write("semgrep.json", semgrep(1, &[]));
    for args in
        [&["baseline", "write"][..], &["baseline", "write", "bad.json"], &["baseline", "show", "bad.json"]]
    {
        assert_eq!(dir.run(args).code, 2, "{args:?}");
    }
}

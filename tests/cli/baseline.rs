//! What is new: baselines, reports of the target branch, diffs.

use crate::common::{Dir, NOW, Run, fixture};

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
    assert!(
        run.stdout.contains("Fixed since the base: high src/b.py: b, high src/c.py: c\n"),
        "{}",
        run.stdout
    );
    for (format, told) in [
        ("json", r#""rule_id":"b","severity":"high","path":"src/b.py""#),
        ("sarif", r#""rule_id":"b","severity":"high","path":"src/b.py""#),
        ("junit", "fixed: high src/b.py: b"),
        ("markdown", "fixed: `high src/b.py: b`"),
        ("html", "Fixed since the base"),
    ] {
        let args = ["--policy", "policy.yaml", "--no-env", "--baseline", "known.jsonl", "semgrep.json"];
        let run = dir.check(&[&args[..], &["--format", format]].concat());
        assert!(run.code == 1 && run.stdout.contains(told), "{format}: {}", run.stdout);
    }
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
fn a_report_of_the_base_given_twice_shows_no_more_findings() {
    let dir = dir();
    dir.write("src/a.py", "eval(x)\nb\neval(x)\n");
    dir.write("base.json", semgrep(1, &[("r", "src/a.py", 1)]));
    dir.write("again/copy.json", dir.read("base.json"));
    dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", 1), ("r", "src/a.py", 3)]));
    let run = check(
        &dir,
        &["--base-report", "base.json", "--base-report", "./base.json", "--base-report", "again"],
    );
    assert_eq!(run.code, 1, "{run:?}");
    let run = dir.run(&["baseline", "write", "--output", "b.jsonl", "base.json", "again/copy.json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!dir.read("b.jsonl").contains("\"count\""), "{run:?}");
    assert_eq!(run.stderr, "secgate: wrote b.jsonl: 1 finding known\n");
    assert_eq!(check(&dir, &["--baseline", "b.jsonl"]).code, 1);
    // Where the code cannot be read, whoever writes it is told how little it tells.
    std::fs::remove_dir_all(dir.path().join("src")).unwrap();
    let run = dir.run(&["baseline", "write", "--output", "b.jsonl", "base.json"]);
    assert!(run.code == 0 && run.stderr.contains("the lines of 1 finding cannot be read"), "{run:?}");
}

#[test]
fn a_report_of_the_change_is_no_base() {
    let dir = dir();
    let found = [("r", "src/a.py", 1), ("s", "src/a.py", 2)];
    dir.write("src/a.py", "eval(x)\nexec(x)\n").write("README.md", "a\n");
    dir.write("semgrep.json", semgrep(1, &found)).write("main/copy.json", semgrep(1, &found));
    let told = |args: &[&str]| {
        let run = check(&dir, &[&["semgrep.json"], args].concat());
        (run.code, run.json()["base"]["message"].as_str().unwrap_or_default().to_owned())
    };
    for base in ["semgrep.json", "main"] {
        let (code, message) = told(&["--base-report", base]);
        assert!(code == 10 && message.contains("byte for byte the report semgrep.json"), "{base}: {message}");
    }
    // Nor when it is only laid out anew.
    dir.write("main/copy.json", semgrep(1, &found).replace(',', ",\n  "));
    let (code, message) = told(&["--base-report", "main"]);
    assert!(code == 10 && message.contains("semgrep.json"), "{message}");
    dir.write("main/copy.json", semgrep(1, &found));
    // What another source vouches for is known by it.
    write(&dir, &["semgrep.json"]);
    assert_eq!(told(&["--base-report", "main", "--baseline", "known.jsonl"]).0, 0);
    let diff =
        "diff --git a/PATH b/PATH\nindex 1..2 100644\n--- a/PATH\n+++ b/PATH\n@@ -1 +1 @@\n-x\n+LINE\n";
    dir.write("change.diff", diff.replace("PATH", "README.md").replace("LINE", "a"));
    let by_diff = ["--base-report", "main", "--diff", "change.diff"];
    assert_eq!(told(&by_diff).0, 0, "the change leaves the code alone");
    dir.write("change.diff", diff.replace("PATH", "src/a.py").replace("LINE", "eval(x)"));
    assert_eq!(told(&by_diff).0, 1, "the change wrote the line");
    // Two reports of one scan know more than either found.
    dir.write("one.json", semgrep(2, &found[..1])).write("two.json", semgrep(2, &found[1..]));
    let (code, message) = told(&["--base-report", "one.json", "--base-report", "two.json"]);
    assert!(code == 10 && message.contains("added up to one base (one.json, two.json)"), "{message}");
    dir.write("one.json", semgrep(2, &found));
    assert_eq!(told(&["--base-report", "one.json"]).0, 0);
    // As many as the change has are those of its jobs.
    dir.write("b/semgrep.json", semgrep(1, &found[1..])).write("semgrep.json", semgrep(1, &found[..1]));
    dir.write("one.json", semgrep(2, &found[..1]));
    assert_eq!(told(&["b/semgrep.json", "--base-report", "one.json", "--base-report", "two.json"]).0, 0);
    // The policy can be harder, and never softer than a review.
    dir.write("semgrep.json", semgrep(1, &found));
    for (word, code) in [("fail", 1), ("warn", 10)] {
        dir.write("policy.yaml", POLICY.replace("without: review", &format!("without: {word}")));
        assert_eq!(told(&["--base-report", "main"]).0, code, "{word}");
    }
    // Where nothing was found, nothing is known.
    dir.write("semgrep.json", semgrep(1, &[])).write("main/copy.json", semgrep(1, &[]));
    assert_eq!(told(&["--base-report", "main"]).0, 0);
}

#[test]
fn a_line_of_a_baseline_is_tied_to_its_finding() {
    let dir = dir();
    dir.write("src/a.py", "eval(x)\nexec(x)\n");
    dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", 1), ("s", "src/a.py", 2)]));
    write(&dir, &["semgrep.json"]);
    let known = dir.read("known.jsonl");
    let given = ["semgrep.json", "--baseline", "known.jsonl"];
    assert_eq!(check(&dir, &given).code, 0, "{known}");
    for (from, to) in [
        ("\"severity\":\"high\"", "\"severity\":\"critical\""),
        ("\"rule\":\"r\"", "\"rule\":\"q\""),
        ("\"path\":\"src/a.py\"", "\"path\":\"src/b.py\""),
        ("\"tool\":\"semgrep\"", "\"tool\":\"bandit\""),
    ] {
        assert!(known.contains(from), "{from} {known}");
        dir.write("known.jsonl", known.replacen(from, to, 1));
        let run = check(&dir, &given);
        assert!(run.code == 2 && run.stderr.contains("known.jsonl:2:1: was edited"), "{from} {run:?}");
    }
    // A line without a seal is none of a sealed file; a file of before has none, and stays as it is.
    let bare = |text: &str| {
        let line = |line: &str| match line.split_once(",\"seal\":") {
            Some((start, _)) => format!("{start}}}\n"),
            None => format!("{line}\n"),
        };
        text.lines().map(line).collect::<String>()
    };
    let old = bare(&known);
    let second = |text: &str| text.lines().nth(1).unwrap_or_default().to_owned();
    dir.write("known.jsonl", known.replace(&second(&known), &second(&old)));
    let run = check(&dir, &given);
    assert!(run.code == 2 && run.stderr.contains("known.jsonl:2:1: has no `seal`"), "{run:?}");
    dir.write("known.jsonl", &old);
    assert_eq!(check(&dir, &given).code, 0);
    let run = dir.run(&["baseline", "prune", "--baseline", "known.jsonl", "semgrep.json"]);
    assert_eq!((run.code, run.stdout), (0, old));
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
    dir.write("trivy.json", &text).write("main/trivy.json", text.replace("2026-11", "2026-10"));
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
    assert!(run.code == 0 && run.stderr.contains("1 secret is left out"), "{run:?}");
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

/// Semgrep's report holds no value, and a policy may call a finding a secret: its lines tell it, under a key.
#[test]
fn a_secret_without_its_value_is_known_by_its_lines() {
    let dir = Dir::new();
    let map = "severity: {map: [{tool: semgrep, rule_id: \"*.token\", category: secret}]}\n";
    dir.write("policy.yaml", format!("{POLICY}{map}")).write("key", KEY);
    let line = "token = \"ghp_a8Fk2Lw0Qz7Xb4Nm1Vc9Rt5Ys3Hd6Jg8PqWe\"\n";
    dir.write("src/a.py", line).write("semgrep.json", semgrep(1, &[("my.secrets.token", "src/a.py", 1)]));
    let run = write(&dir, &["semgrep.json", "--secret-key", "key"]);
    assert!(run.code == 0 && run.stderr.contains("1 finding known"), "{run:?}");
    let known = |key: &[&str]| {
        check(&dir, &[&["semgrep.json", "--baseline", "known.jsonl"], key].concat()).json()["base"]["findings"]
            ["existing"]
            .clone()
    };
    let code =
        |key: &[&str]| check(&dir, &[&["semgrep.json", "--baseline", "known.jsonl"], key].concat()).code;
    assert_eq!((code(&["--secret-key", "key"]), code(&[])), (0, 1));
    assert_eq!(known(&["--secret-key", "key"]), 1);
    // Without the key nobody can say that it is gone.
    let run = check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]);
    assert_eq!(run.json()["base"]["fixed"], 0);
    // It moved.
    dir.write("src/a.py", format!("import os\n{line}"));
    dir.write("semgrep.json", semgrep(1, &[("my.secrets.token", "src/a.py", 2)]));
    assert_eq!(code(&["--secret-key", "key"]), 0);
    // Another value.
    dir.write("src/a.py", format!("import os\n{}", line.replace("a8", "a9")));
    assert_eq!(code(&["--secret-key", "key"]), 1);
    // Of a private key the first line says nothing about the rest.
    dir.write("src/a.py", "k = '''-----BEGIN RSA PRIVATE KEY-----\nMIIE\n");
    dir.write("semgrep.json", semgrep(1, &[("my.secrets.token", "src/a.py", 1)]));
    assert_eq!(write(&dir, &["semgrep.json", "--secret-key", "key"]).code, 0);
    assert_eq!(code(&["--secret-key", "key"]), 1);
    // A baseline whose lines are under a key says nothing without it, and the diff speaks for itself.
    dir.write("src/a.py", line);
    assert_eq!(write(&dir, &["semgrep.json", "--secret-key", "key"]).code, 0);
    dir.write(".gitignore", "*.json\nkey\n");
    dir.git(&["init", "--quiet", "--initial-branch", "main"]);
    dir.git(&["add", "--all"]);
    dir.git(&["commit", "--quiet", "--message", "one"]);
    assert_eq!(code(&["--diff-base", "main"]), 0);
    assert_eq!(code(&["--diff-base", "main", "--secret-key", "key"]), 0);
    dir.write("src/a.py", line.replace("a8", "a9"));
    assert_eq!(code(&["--diff-base", "main"]), 1);
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
    // Nobody may have looked at what was renamed where it came from.
    let new = ["src/a.py:6", "src/made.py:1", "src/new.py:7"].map(str::to_owned).to_vec();
    assert_eq!((run.code, lines), (1, new), "{run:?}");
    assert_eq!(json["base"]["findings"]["existing"], 1);
    assert_eq!(json["base"]["findings"]["unchanged_lines"], 1);
    let message = json["base"]["message"].as_str().unwrap();
    assert!(
        message.contains("1 on unchanged lines of touched files: existing by the diff alone"),
        "{message}"
    );
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
fn what_a_diff_alone_vouches_for_in_touched_files_is_as_the_policy_says() {
    let dir = dir();
    dir.write("src/a.py", "a\nb\nc\n");
    dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", 3)]));
    dir.write("base.json", semgrep(1, &[("r", "src/a.py", 3)]));
    dir.write(
        "change.diff",
        "diff --git a/src/a.py b/src/a.py\nindex 1..2 100644\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-x\n+a\n",
    );
    for (word, code) in [("existing", 0), ("review", 10), ("new", 1)] {
        let said = format!("without: review, unchanged_lines: {word}");
        assert!(POLICY.contains("without: review"), "{POLICY}");
        dir.write("policy.yaml", POLICY.replace("without: review", &said));
        let run = check(&dir, &["semgrep.json", "--diff", "change.diff"]);
        assert_eq!(run.code, code, "{word} {run:?}");
        // A report of the base settles it.
        let run = check(&dir, &["semgrep.json", "--diff", "change.diff", "--base-report", "base.json"]);
        assert_eq!(run.code, 0, "{word} {run:?}");
    }
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
    dir.write("src/bad.py", "b\n").write("src/other.py", "b\n");
    for (path, code) in [("other.py", 0), ("bad.py", 10)] {
        dir.write("change.diff", diff.replace("PATH", path));
        let run = check(&dir, &["semgrep.json", "--diff", "change.diff"]);
        assert_eq!((run.code, &run.json()["evidence"][0]["status"]), (code, &"incomplete".into()), "{run:?}");
    }
    assert_eq!(check(&dir, &["semgrep.json"]).code, 10);
    // Whatever findings are compared with, and if with nothing at all; a bundle decides the same without the diff.
    let base = "base: {from: [baseline, base-report, diff], without: review}\n";
    let policy = dir.read("policy.yaml");
    assert!(policy.contains(base), "{policy}");
    write(&dir, &["semgrep.json"]);
    for (base_then, known) in [("", &[][..]), ("base: {from: baseline}\n", &["--baseline", "known.jsonl"])] {
        dir.write("policy.yaml", policy.replace(base, base_then));
        for (path, code) in [("other.py", 0), ("bad.py", 10)] {
            dir.write("change.diff", diff.replace("PATH", path));
            let args = [&["semgrep.json", "--diff", "change.diff", "--bundle", "b.tar"], known].concat();
            let run = check(&dir, &args);
            assert_eq!(run.code, code, "{base_then:?} {path} {run:?}");
            std::fs::remove_file(dir.path().join("change.diff")).unwrap();
            let run = dir.run(&["verify", "--recompute", "b.tar"]);
            assert_eq!(run.code, 0, "{base_then:?} {path} {run:?}");
        }
    }
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
        text.starts_with("{\"schema\":\"secgate/baseline/v2\"}\n") && text.contains("\"count\":2"),
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
        assert!(run.code == 2 && run.stderr.contains("is not a baseline"), "{run:?}");
    }
    dir.write("bad.json", "{").write("semgrep.json", semgrep(1, &[]));
    for args in [&["baseline", "write", "bad.json"], &["baseline", "show", "bad.json"]] {
        assert_eq!(dir.run(args).code, 2, "{args:?}");
    }
    // Without a path it is what the policy names, and nothing of nothing.
    assert_eq!(Dir::new().run(&["baseline", "write", "--no-env"]).code, 2);
}

/// The age of a finding is since the baseline first knew it; a later baseline keeps the day.
#[test]
fn debt_has_a_day_by_which_it_is_to_be_gone() {
    let dir = dir();
    let rule = "  - {id: overdue, findings: {category: sast, state: existing, age: 30d}, then: fail}\n";
    dir.write("policy.yaml", format!("{POLICY}{rule}"));
    let write = |now: &str, args: &[&str]| {
        let all =
            [&["baseline", "write", "--no-env", "--now", now, "--output", "known.jsonl"], args].concat();
        let run = dir.run(&all);
        assert_eq!(run.code, 0, "{run:?}");
        dir.read("known.jsonl")
    };
    let days = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("\"rule\""));
        lines
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                format!("{} {}", line["rule"], line["first_seen"]).replace('"', "")
            })
            .collect()
    };
    dir.write("semgrep.json", semgrep(1, &[("a", "src/a.py", 1)]));
    let first = write("2026-05-10T23:00:00Z", &["semgrep.json"]);
    assert_eq!(days(&first), ["a 2026-05-10"]);
    let at = |now: &str| {
        let args = ["check", "--policy", "policy.yaml", "--no-env", "--format", "json", "--now", now];
        let run = dir.run(&[&args[..], &["--baseline", "known.jsonl", "semgrep.json"]].concat());
        let outcome = run.json()["rules"].as_array().unwrap().last().unwrap()["outcome"].to_string();
        (run.code, outcome.replace('"', ""))
    };
    assert_eq!(at("2026-06-08T23:00:00Z"), (0, "pass".to_owned()));
    assert_eq!(at("2026-06-09T00:00:00Z"), (1, "fail".to_owned()));
    // Written again, with one more: the old one stays as old as it is, and so in a file of another name.
    dir.write("semgrep.json", semgrep(2, &[("a", "src/a.py", 5), ("b", "src/b.py", 1)]));
    let second = write("2026-06-05T00:00:00Z", &["semgrep.json"]);
    assert_eq!(days(&second), ["a 2026-05-10", "b 2026-06-05"]);
    let args = ["baseline", "write", "--no-env", "--now", "2026-07-01T00:00:00Z", "semgrep.json"];
    assert_eq!(days(&dir.run(&args).stdout), ["a 2026-07-01", "b 2026-07-01"]);
    let kept = dir.run(&[&args[..], &["--baseline", "known.jsonl"]].concat());
    assert_eq!(days(&kept.stdout), ["a 2026-05-10", "b 2026-06-05"]);
    let shown = dir.run(&["baseline", "show", "known.jsonl"]).stdout;
    assert!(shown.contains("src/a.py  a  [semgrep]  since 2026-05-10"), "{shown}");
    let args =
        ["explain", "src/a.py:5", "--policy", "policy.yaml", "--no-env", "--now", "2026-06-09T00:00:00Z"];
    let told = dir.run(&[&args[..], &["--baseline", "known.jsonl", "semgrep.json"]].concat()).stdout;
    for line in ["first known on 2026-05-10", "age       at least 30d  30d since the baseline first knew it"]
    {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&told).contains(&words(line)), "{line}: {told}");
    }
    assert_eq!(at("2026-06-06T00:00:00Z"), (0, "pass".to_owned()));
    // A day that nobody knows is as old as any, and so is one to come.
    for day in ["", ",\"first_seen\":\"2999-01-01\""] {
        let text = second.replace(",\"first_seen\":\"2026-05-10\"", day);
        dir.write("known.jsonl", &text);
        assert_eq!(at("2026-06-06T00:00:00Z"), (1, "fail".to_owned()), "{day}");
        // To write it anew makes it no younger.
        if day.is_empty() {
            assert_eq!(days(&write("2026-06-06T00:00:00Z", &["semgrep.json"])), ["a null", "b 2026-06-05"]);
        }
    }
    dir.write("known.jsonl", second.replace("2026-05-10", "yesterday"));
    let run = check(&dir, &["semgrep.json", "--baseline", "known.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("known.jsonl:2:"), "{run:?}");
}

/// Of an advisory with a date the later day counts: nobody can answer before it is published, nor before it is there.
#[test]
fn an_advisory_is_as_old_as_the_later_of_its_days() {
    let dir = dir();
    let rule = "  - {id: overdue, findings: {category: vulnerability, age: 30d}, then: fail}\n";
    let policy = POLICY.replace(
        "{category: vulnerability, state: new}, then: fail",
        "{category: vulnerability, state: new}, then: warn",
    );
    dir.write("policy.yaml", format!("{policy}{rule}"));
    let trivy = |published: &str| {
        let published =
            if published.is_empty() { String::new() } else { format!(",\"PublishedDate\":\"{published}\"") };
        format!(
            r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{{"Target":"package-lock.json",
            "Class":"lang-pkgs","Type":"npm","Vulnerabilities":[{{"VulnerabilityID":"CVE-2026-1","PkgName":"a","InstalledVersion":"1",
            "Severity":"HIGH","Title":"t"{published}}}]}}]}}"#
        )
    };
    let count = |published: &str, baseline: &[&str]| {
        dir.write("trivy.json", trivy(published));
        let run = check(&dir, &[&["trivy.json"], baseline].concat());
        run.json()["rules"].as_array().unwrap().last().unwrap()["count"].clone()
    };
    dir.write("trivy.json", trivy(""));
    let known = ["--baseline", "known.jsonl"];
    for (published, seen, overdue) in [
        ("2025-01-01T00:00:00Z", "", 1),
        ("2026-05-20T00:00:00Z", "", 0),
        ("", "", 1),
        ("2025-01-01T00:00:00Z", "2026-05-20T00:00:00Z", 0),
        ("2025-01-01T00:00:00Z", "2026-04-20T00:00:00Z", 1),
        ("2026-05-20T00:00:00Z", "2026-04-20T00:00:00Z", 0),
        ("", "2026-05-20T00:00:00Z", 0),
        ("", "2026-04-20T00:00:00Z", 1),
    ] {
        let _ = std::fs::remove_file(dir.path().join("known.jsonl"));
        let args = if seen.is_empty() { &[][..] } else { &known };
        if !seen.is_empty() {
            dir.write("trivy.json", trivy(published));
            assert_eq!(write(&dir, &["--now", seen, "trivy.json"]).code, 0);
        }
        assert_eq!(count(published, args), overdue, "published {published}, seen {seen}");
    }
}

/// An inventory proves that a package was there; which advisories it had, it does not say.
#[test]
fn an_sbom_of_the_base_proves_what_was_there() {
    let dir = dir();
    dir.copy("trivy/fs.json", "trivy.json");
    let all = "  - {id: all, findings: {category: vulnerability}, then: warn}\n";
    dir.write("policy.yaml", format!("{POLICY}{all}"));
    let states = |args: &[&str]| {
        let run = check(&dir, &[&["trivy.json"], args].concat());
        let json = run.json();
        let of = |package: &str| {
            let found = json["findings"].as_array().unwrap().iter();
            let mut all: Vec<_> =
                found.filter(|f| f["package"]["name"] == package).map(|f| f["state"].clone()).collect();
            all.dedup();
            all.iter().map(|s| s.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        ["lodash", "Flask", "Werkzeug", "Jinja2"].map(of)
    };
    assert_eq!(states(&[]), ["new", "new", "new", "new"]);
    // Made by cyclonedx-py, without the packages of npm; and by Trivy, without Werkzeug.
    dir.copy("cyclonedx/inventory.json", "main/inventory.json");
    assert_eq!(
        states(&["--base-report", "main"]),
        ["new", "newly_disclosed", "newly_disclosed", "newly_disclosed"]
    );
    dir.copy("cyclonedx/inventory-trivy.json", "main/inventory.json");
    assert_eq!(
        states(&["--base-report", "main"]),
        ["newly_disclosed", "newly_disclosed", "new", "newly_disclosed"]
    );
    // What the base's own report held is known, and no SBOM makes it newly disclosed.
    dir.copy("trivy/fs.json", "main/trivy.json");
    assert_eq!(states(&["--base-report", "main"]), ["existing", "existing", "existing", "existing"]);
    dir.copy("grype/directory.json", "main/trivy.json");
    dir.copy("cyclonedx/inventory.json", "main/inventory.json");
    // That another scanner knew it then must not be worse than that nobody did.
    assert_eq!(
        states(&["--base-report", "main"]),
        ["new", "newly_disclosed", "newly_disclosed", "newly_disclosed"]
    );
    std::fs::remove_file(dir.path().join("main/trivy.json")).unwrap();
    // An inventory knows no findings, so it does not say that one was not there.
    assert_eq!(write(&dir, &["trivy.json"]).code, 0);
    let both = ["--base-report", "main", "--baseline", "known.jsonl"];
    assert_eq!(states(&both), ["existing", "existing", "existing", "existing"]);
    // Another version, another file, and what is named because it is left out.
    let written = |component: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library","name":"lodash",{component}}}]}}"#
        )
    };
    let at = |path: &str| {
        format!(
            r#""purl":"pkg:npm/lodash@4.17.11","properties":[{{"name":"syft:location:0:path","value":"{path}"}}]"#
        )
    };
    for (component, state) in [
        (r#""purl":"pkg:npm/lodash@4.17.11""#.to_owned(), "newly_disclosed"),
        (r#""purl":"pkg:npm/lodash@4.17.10""#.to_owned(), "new"),
        (r#""purl":"pkg:pypi/lodash@4.17.11""#.to_owned(), "new"),
        (r#""version":"4.17.11""#.to_owned(), "new"),
        (r#""purl":"pkg:npm/lodash@4.17.11","scope":"excluded""#.to_owned(), "new"),
        (at("/package-lock.json"), "newly_disclosed"),
        (at("/other/package-lock.json"), "new"),
    ] {
        dir.write("main/inventory.json", written(&component));
        assert_eq!(states(&["--base-report", "main"])[0], state, "{component}");
    }
    let spdx = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","creationInfo":{"created":"2026-05-01T00:00:00Z"},
        "packages":[{"name":"lodash","SPDXID":"a","versionInfo":"4.17.11","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER",
        "referenceType":"purl","referenceLocator":"pkg:npm/lodash@4.17.11"}]}]}"#;
    dir.write("main/inventory.json", spdx);
    assert_eq!(states(&["--base-report", "main"]), ["newly_disclosed", "new", "new", "new"]);
}

/// A line that a touched file does not have is none that the change leaves alone.
#[test]
fn a_line_behind_the_end_of_a_touched_file_is_in_doubt() {
    let dir = Dir::new();
    dir.git(&["init", "-q", "-b", "main"]);
    let policy = "version: 1\ngate: merge\nbase: {from: [diff], without: review}\n\
        evidence: {sast: {category: sast, files: [semgrep.json]}}\n\
        rules: [{id: new, findings: {category: sast, state: new}, then: fail}]\n";
    dir.write("policy.yaml", policy).write("src/a.py", "eval(x)\nb\n");
    dir.write(".gitignore", "semgrep.json\n");
    dir.git(&["add", "."]);
    dir.git(&["commit", "-qm", "base"]);
    dir.git(&["checkout", "-qb", "change"]);
    dir.write("src/a.py", "eval(x)\nb\nc\n");
    for (line, code) in [(1, 0), (3, 1), (9_999_999, 1)] {
        dir.write("semgrep.json", semgrep(1, &[("r", "src/a.py", line)]));
        let run = check(&dir, &["--diff-base", "main"]);
        assert_eq!(run.code, code, "line {line} {run:?}");
    }
}

/// Whoever can push a tag or a branch would choose what counts as existing.
#[test]
fn a_name_of_several_refs_is_no_base() {
    let dir = dir();
    dir.git(&["init", "-q", "-b", "main"]);
    dir.write("src/a.py", "a\n").write(".gitignore", "*.json\n");
    dir.git(&["add", "."]);
    dir.git(&["commit", "-qm", "base"]);
    let base = dir.git(&["rev-parse", "HEAD"]).trim().to_owned();
    dir.git(&["update-ref", "refs/remotes/origin/main", &base]);
    dir.git(&["checkout", "-qb", "change"]);
    dir.write("src/a.py", "eval(a)\n").write("semgrep.json", semgrep(1, &[("r", "src/a.py", 1)]));
    dir.git(&["commit", "-qam", "change"]);
    let run = |revision: &str| check(&dir, &["semgrep.json", "--diff-base", revision]);
    assert_eq!(run("origin/main").code, 1);
    let refused = |revision: &str, of: &[&str]| {
        let run = run(revision);
        let told = of.iter().all(|name| run.stderr.contains(name));
        assert!(run.code == 2 && told, "{revision}: {run:?}");
    };
    let remote = "refs/remotes/origin/main";
    dir.git(&["tag", "origin/main", "HEAD"]);
    for name in ["origin/main", "origin/main~0", "origin/main^{commit}"] {
        refused(name, &["refs/tags/origin/main", "write the full ref", remote]);
    }
    for name in [remote, &base, "main"] {
        assert_eq!(run(name).code, 1, "{name}");
    }
    dir.git(&["tag", "-d", "origin/main"]);
    dir.git(&["update-ref", "refs/heads/origin/main", "HEAD"]);
    refused("origin/main", &["refs/heads/origin/main", remote]);
    // The branch was not fetched.
    dir.git(&["update-ref", "-d", remote]);
    refused("origin/main", &["refs/heads/origin/main", remote]);
    dir.git(&["update-ref", &format!("refs/tags/{remote}"), "HEAD"]);
    refused(remote, &["refs/tags/refs/remotes/origin/main"]);
    let short = &base[..8];
    assert_eq!(run(short).code, 1);
    dir.git(&["tag", short, "HEAD"]);
    refused(short, &[&format!("refs/tags/{short}"), &base]);
    dir.git(&["tag", &base, "HEAD"]);
    assert_eq!(run(&base).code, 1);
}

/// A scanner that ran in a folder names its files from there.
#[test]
fn a_line_of_a_touched_namesake_is_in_doubt() {
    let dir = dir();
    dir.git(&["init", "-q", "-b", "main"]);
    let app = "import os\neval(old)\nx = 1\n";
    dir.write("app.py", app).write("sub/app.py", "import os\nx = 1\n").write(".gitignore", "*.json\n");
    dir.git(&["add", "."]);
    dir.git(&["commit", "-qm", "base"]);
    dir.git(&["checkout", "-qb", "change"]);
    dir.write("app.py", format!("{app}# a comment\n"));
    dir.write("semgrep.json", semgrep(1, &[("r", "app.py", 2)]));
    let code = || check(&dir, &["semgrep.json", "--diff-base", "main"]).code;
    assert_eq!(code(), 0);
    dir.write("sub/app.py", "import os\nx = 1\n# another\n");
    assert_eq!(code(), 0);
    dir.write("sub/app.py", "import os\neval(input())\nx = 1\n");
    assert_eq!(code(), 1);
}

/// A Grype report of one vulnerability of a package `foo`, by its package URL.
fn grype(purl: &str) -> String {
    let version = purl.rsplit('@').next().unwrap_or_default();
    format!(
        r#"{{"matches":[{{"vulnerability":{{"id":"CVE-2026-1","severity":"High"}},"artifact":{{"name":"foo",
        "version":"{version}","purl":"{purl}"}}}}],"source":{{"type":"image","target":{{"userInput":"app:1"}}}},
        "descriptor":{{"name":"grype","version":"0.100.0"}}}}"#
    )
}

#[test]
fn a_package_is_known_by_its_ecosystem_and_whole_name() {
    let dir = dir();
    let state = |known: &str, now: &str, old: bool| {
        dir.write("grype.json", grype(known));
        let run = dir.run(&["baseline", "write", "grype.json", "--now", NOW]);
        // A line of an earlier version names no ecosystem and has its own seal; without seals it is read as well.
        let bare = |line: &str| {
            let line = line.split(",\"seal\"").next().unwrap_or_default().trim_end_matches('}').to_owned();
            let (before, after) = line.split_once(",\"named\":").unwrap_or((&line, ""));
            let after = after.split_once(',').map_or(String::new(), |(_, after)| format!(",{after}"));
            format!("{before}{after}}}")
        };
        let text = if old { run.stdout.lines().map(bare).collect::<Vec<_>>().join("\n") } else { run.stdout };
        dir.write("base.jsonl", text).write("grype.json", grype(now));
        let run = check(&dir, &["--baseline", "base.jsonl", "grype.json"]);
        run.json()["findings"][0]["state"].as_str().unwrap_or("existing").to_owned()
    };
    for (known, now, is) in [
        ("pkg:npm/foo@1.0", "pkg:npm/foo@1.0", "existing"),
        ("pkg:npm/foo@1.0", "pkg:npm/foo@1.1", "existing"),
        ("pkg:npm/foo@1.0", "pkg:pypi/foo@1.0", "new"),
        ("pkg:npm/foo@1.0", "pkg:pypi/foo@1.1", "new"),
        ("pkg:maven/org.a/foo@1.0", "pkg:maven/org.a/foo@1.1", "existing"),
        ("pkg:maven/org.a/foo@1.0", "pkg:maven/org.b/foo@1.0", "new"),
    ] {
        assert_eq!(state(known, now, false), is, "{known} {now}");
    }
    assert_eq!(state("pkg:maven/org.a/foo@1.0", "pkg:maven/org.a/foo@1.1", true), "existing");
}

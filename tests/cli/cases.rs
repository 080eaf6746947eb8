//! `secgate policy test`: the cases of a policy, run like tests.

use crate::common::{Dir, SAST_POLICY, fixture, root, semgrep};

const CASES: &str = "\
version: 1
cases:
  - {name: clean, expect: {verdict: pass}}
  - name: high
    evidence: {sast: {findings: {severity: high, times: 2}}}
    expect: {verdict: fail, rules: {sast-high: fail}, counts: {sast-high: 2}}
";

#[test]
fn the_shipped_policies_hold_their_cases() {
    let dir = Dir::new();
    let folder = root().join("policies");
    let mut ran = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".test.yaml") {
            let run = dir.run(&["policy", "test", path.to_str().unwrap()]);
            assert_eq!(run.code, 0, "{}", run.all());
            ran += 1;
        }
    }
    assert!(ran >= 2);
}

#[test]
fn each_case_is_told_and_decides_the_exit_code() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", SAST_POLICY).write(".secgate/merge.test.yaml", CASES);
    let run = dir.run(&["policy", "test"]);
    assert_eq!((run.code, run.last_line()), (0, "2 cases held, 0 failed"), "{run:?}");
    let wrong =
        CASES.replace("{name: clean, expect: {verdict: pass}}", "{name: clean, expect: {verdict: review}}");
    let wrong = wrong.replace("counts: {sast-high: 2}", "counts: {sast-high: 3, sast-medium: 2}");
    dir.write(".secgate/merge.test.yaml", wrong);
    let run = dir.run(&["policy", "test", "--junit", "cases.xml"]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!("policy_test_failed", run.stdout);
    insta::assert_snapshot!("policy_test_junit", dir.read("cases.xml"));
    // A file that cannot be run is an error, whatever the others say.
    dir.write("other.test.yaml", "version: 1\ncases: []\n");
    let run =
        dir.run(&["policy", "test", ".secgate/merge.test.yaml", "other.test.yaml", "--junit", "cases.xml"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.contains("clean") && run.stderr.contains("other.test.yaml:2:"), "{run:?}");
    assert!(dir.read("cases.xml").contains("errors=\"1\""));
}

#[test]
fn a_case_sees_nothing_but_what_it_lays_on_the_table() {
    let dir = Dir::new();
    // A report and waivers lie where the policy looks; the cases do not see them.
    dir.write("semgrep.json", semgrep(&["ERROR"]))
        .write("policy.yaml", format!("{SAST_POLICY}waivers: {{files: [waivers.yaml]}}\n"))
        .write("waivers.yaml", "not even a waiver file")
        .write("policy.test.yaml", "version: 1\ncases:\n  - {name: clean, expect: {verdict: pass}}\n");
    let run = dir.run(&["policy", "test", "policy.test.yaml"]);
    assert_eq!(run.code, 0, "{run:?}");
    // The environment neither: its commit would make `context` another one.
    let mut command = dir.command();
    command.args(["policy", "test", "policy.test.yaml"]).env("CI_COMMIT_SHA", "no commit");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}

#[test]
fn reports_waivers_and_parameters_of_a_case() {
    let dir = Dir::new();
    let semgrep = std::fs::read(fixture("gate/semgrep.json")).unwrap();
    let policy = format!(
        "{SAST_POLICY}  - {{id: prod, when: {{environment: production}}, findings: {{severity: info}}, then: review}}\n\
         parameters: {{environment: {{one_of: [staging, production]}}}}\nwaivers: {{max_duration: 90d}}\n"
    );
    let cases = "\
version: 1
policy: ../p.yaml
now: 2026-06-01T12:00:00Z
cases:
  - name: a real report
    parameters: {environment: staging}
    evidence: {sast: {file: reports/semgrep.json}}
    expect: {verdict: fail, rules: {prod: not_applicable}}
  - name: production
    parameters: {environment: production}
    evidence: {sast: {findings: {severity: info}}}
    expect: {verdict: review, rules: {prod: review}}
  - name: waived
    parameters: {environment: staging}
    waivers: w.yaml
    evidence: {sast: {findings: {severity: high, rule_id: r, path: a.py}}}
    expect: {verdict: pass, rules: {sast-high: pass}, counts: {sast-high: 0}}
  - name: a file that is not there
    parameters: {environment: staging}
    evidence: {sast: {file: nowhere.json}}
    expect: {verdict: error}
  - name: nothing there
    parameters: {environment: staging}
    evidence: {sast: absent}
    expect: {verdict: fail}
";
    let waiver = "version: 1\nwaivers:\n  - {id: W, rule: [merge/sast-high, merge/sast-medium], match: {rule_id: r, path: a.py}, reason: r, owner: \"@a\", \
                  approved_by: \"@b\", compensating_controls: [c], created: 2026-05-20, expires: 2026-06-20, review_trigger: \
                  [severity_raised], seen: {severity: high, matches: 1}}\n";
    dir.write("p.yaml", policy)
        .write("tests/p.test.yaml", cases)
        .write("tests/reports/semgrep.json", semgrep)
        .write("tests/w.yaml", waiver);
    let run = dir.run(&["policy", "test", "tests/p.test.yaml"]);
    assert_eq!(run.code, 0, "{}", run.all());
}

#[test]
fn mistakes_are_errors() {
    let dir = Dir::new();
    assert_eq!(dir.run(&["policy", "test"]).code, 2);
    dir.write("a.test.yaml", CASES).write("b.yaml", CASES);
    for (args, says) in [
        (&["a.test.yaml"][..], "a.yaml"),
        (&["b.yaml"], "say which policy"),
        (&["nowhere.test.yaml"], "nowhere.test.yaml"),
    ] {
        let run = dir.run(&[&["policy", "test"], args].concat());
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    let schema = dir.run(&["policy", "schema", "--cases"]).json();
    assert_eq!(schema["required"], serde_json::json!(["version", "cases"]));
}

#[test]
fn a_directory_means_the_cases_in_it() {
    let dir = Dir::new();
    dir.write("p/merge.yaml", SAST_POLICY).write("p/merge.test.yaml", CASES).write("p/readme.txt", "x");
    dir.write("p/more.test.yaml", format!("policy: merge.yaml\n{CASES}"));
    let run = dir.run(&["policy", "test", "p"]);
    assert_eq!((run.code, run.last_line()), (0, "4 cases held, 0 failed"), "{run:?}");
    // Named twice it is run once.
    let run = dir.run(&["policy", "test", "p/", "p/merge.test.yaml"]);
    assert_eq!(run.last_line(), "4 cases held, 0 failed");
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    for (path, says) in [
        ("empty", "empty holds no file of cases; one is called merge.test.yaml, beside merge.yaml"),
        ("nowhere", "nowhere: cannot be opened"),
        ("p/merge.yaml", "p/merge.yaml: is a policy; its cases are in p/merge.test.yaml"),
    ] {
        let run = dir.run(&["policy", "test", path]);
        assert!(run.code == 2 && run.stderr.contains(says), "{says}: {run:?}");
    }
}

#[test]
fn a_mistake_in_a_file_of_cases_has_its_place() {
    let dir = Dir::new();
    dir.write("merge.yaml", SAST_POLICY);
    for (from, to, says) in [
        ("cases:", "cases: [", "merge.test.yaml:3:"),
        (
            "evidence:",
            "evidenc:",
            "merge.test.yaml:5:5: unknown key in a case: `evidenc`; did you mean `evidence`?\n  |\n5 | ",
        ),
        (
            "{sast: {findings",
            "{sats: {findings",
            "merge.test.yaml:5:16: the policy has no entry `sats`; did you mean `sast`?",
        ),
        (
            "rules: {sast-high",
            "rules: {sast-hihg",
            "merge.test.yaml:6:37: the policy has no rule `sast-hihg`; did you mean `sast-high`?",
        ),
        (
            "{verdict: fail",
            "{verdict: fial",
            "merge.test.yaml:6:23: `verdict`: unknown word `fial`; did you mean `fail`?",
        ),
        ("severity: high", "severity: hihg", "did you mean `high`?"),
    ] {
        dir.write("merge.test.yaml", CASES.replacen(from, to, 1));
        let run = dir.run(&["policy", "test", "merge.test.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(says), "{says}: {run:?}");
    }
}

#[test]
fn junit_goes_where_it_may() {
    let dir = Dir::new();
    dir.write("merge.yaml", SAST_POLICY).write("merge.test.yaml", CASES);
    let junit = |path: &str| dir.run(&["policy", "test", "merge.test.yaml", "--junit", path]);
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for (path, says) in [
        ("folder", "--junit folder: is a directory"),
        ("nowhere/x.xml", "--junit nowhere/x.xml: there is no folder nowhere"),
        // What is no result of an earlier run is never replaced, an input least of all.
        ("merge.test.yaml", "--junit merge.test.yaml: is there and is not JUnit XML; nothing was written"),
        ("merge.yaml", "--junit merge.yaml: is there and is not JUnit XML"),
    ] {
        let run = junit(path);
        assert!(run.code == 2 && run.stdout.is_empty() && run.stderr.contains(says), "{says}: {run:?}");
    }
    assert_eq!(
        (dir.read("merge.test.yaml"), dir.read("merge.yaml")),
        (CASES.to_owned(), SAST_POLICY.to_owned())
    );
    assert_eq!((junit("out.xml").code, junit("out.xml").code, junit("/dev/null").code), (0, 0, 0));
    assert!(dir.read("out.xml").contains("tests=\"2\" failures=\"0\""));
    // Results of an earlier run do not outlive one that did not come to its end.
    dir.write("merge.test.yaml", "version: 1\ncases: [\n");
    assert_eq!(junit("out.xml").code, 2);
    assert!(dir.read("out.xml").contains("errors=\"1\""), "{}", dir.read("out.xml"));
    assert_eq!(dir.run(&["policy", "test", "--junit", "out.xml"]).code, 2);
    assert!(!dir.exists("out.xml"));
}

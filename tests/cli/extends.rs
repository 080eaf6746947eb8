//! A policy over another: what is inherited may only be made stricter.

use sha2::{Digest, Sha256};

use crate::common::{Dir, semgrep};

const ORGANISATION: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json], nothing_scanned: review}
people: {appsec: [\"@ann\", \"@bob\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: review, allow: 1}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: warn}
";

fn digest(text: &str) -> String {
    secgate::report::hex(&Sha256::digest(text))
}

/// A policy of a repository that extends `../organisation/merge.yaml`.
fn child(rest: &str) -> String {
    let digest = digest(ORGANISATION);
    format!(
        "version: 1\ngate: merge\nextends: {{file: ../organisation/merge.yaml, sha256: {digest}}}\n{rest}"
    )
}

fn dir(rest: &str) -> Dir {
    let dir = Dir::new();
    dir.write("organisation/merge.yaml", ORGANISATION).write(".secgate/merge.yaml", child(rest));
    dir
}

#[test]
fn a_child_adds_rules_and_tightens_what_it_inherits() {
    let dir = dir(
        "rules:\n  - {id: sast-high, then: fail, allow: 0}\n  - {id: low, findings: {severity: low}, then: warn}\n",
    );
    dir.write("semgrep.json", semgrep(&["HIGH", "MEDIUM"]));
    let json = dir.check(&["--format", "json"]).json();
    let rules: Vec<(&str, &str)> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["id"].as_str().unwrap(), r["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [("sast-high", "fail"), ("sast-medium", "warn"), ("low", "warn")]);
    // The line is one of the parent, and says so.
    assert_eq!(
        (&json["rules"][1]["line"], &json["rules"][1]["policy"]),
        (&9.into(), &"organisation/merge.yaml".into())
    );
    assert_eq!(json["rules"][2]["policy"], serde_json::Value::Null);
    assert_eq!(json["policy"]["extends"][0]["sha256"], digest(ORGANISATION).as_str());
    let text = dir.check(&[]).stdout;
    assert!(
        text.contains("(organisation/merge.yaml:9)") && text.contains("(.secgate/merge.yaml:6)"),
        "{text}"
    );
}

#[test]
fn loosening_names_both_lines_and_says_what_to_do() {
    let dir = dir("enforcement: advisory\nrules:\n  - {id: sast-high, then: warn, allow: 3}\n");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    insta::assert_snapshot!("extends_loosened", run.stderr);
}

#[test]
fn a_child_brings_no_word_of_its_own_for_who_approved() {
    let dir = dir("evidence:\n  mine: {document: gitlab-approvals, files: [mine.json]}\n");
    dir.write("semgrep.json", semgrep(&["HIGH", "HIGH"])).write("mine.json", "{}");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains(".secgate/merge.yaml:5:3: evidence `mine`: one more file that says who approved"),
        "{run:?}"
    );
}

#[test]
fn what_an_inherited_rule_looks_at_stays() {
    let dir = dir(
        "evidence: {sast: {files: [other.json]}}\nrules:\n  - {id: sast-high, findings: {severity: critical}}\n",
    );
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    for told in [
        "the rule `sast-high` is inherited",
        "the evidence `sast` is inherited",
        "add a rule or an entry of your own",
    ] {
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
}

#[test]
fn the_digest_of_the_parent_is_demanded() {
    let dir = dir("");
    dir.write("semgrep.json", semgrep(&[]));
    assert_eq!(dir.check(&[]).code, 0);
    // Another file is not even quoted.
    dir.write("organisation/merge.yaml", "rules: secret-of-somebody\n");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("another is demanded") && !run.stderr.contains("secret-of"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(dir.path().join("organisation/merge.yaml")).unwrap();
    let run = dir.check(&[]);
    assert!(run.code == 2 && run.stderr.contains("a policy is never skipped"), "{run:?}");
    let without = child("").replace(", sha256: ", ", sha: ");
    dir.write(".secgate/merge.yaml", without);
    assert_eq!(dir.check(&[]).code, 2);
}

#[test]
fn a_policy_that_extends_itself_or_leaves_relative_paths_is_refused() {
    let dir = Dir::new();
    for (file, told) in
        [("merge.yaml", "extends itself"), ("/etc/policy.yaml", "not a path relative"), ("..", "not a path")]
    {
        let digest = "0".repeat(64);
        let text = format!("version: 1\ngate: merge\nextends: {{file: {file}, sha256: \"{digest}\"}}\n");
        dir.write(".secgate/merge.yaml", text);
        let run = dir.check(&[]);
        assert!(run.code == 2 && run.stderr.contains(told), "{file}: {run:?}");
    }
}

#[test]
fn the_pipeline_demands_the_policy_or_an_ancestor() {
    let dir = dir("");
    dir.write("semgrep.json", semgrep(&[]));
    let text = dir.run(&["policy", "lint"]).stdout;
    let own = text.split("sha256:").nth(1).unwrap().lines().next().unwrap().to_owned();
    for (demanded, code) in [(own, 0), (digest(ORGANISATION), 0), ("0".repeat(64), 2)] {
        let run = dir.check(&["--require-policy", &format!("sha256:{demanded}")]);
        assert_eq!(run.code, code, "{run:?}");
    }
    // A policy of the repository's own does not stand in for the organisation's.
    dir.write(".secgate/merge.yaml", ORGANISATION.replace("then: review", "then: warn"));
    let run = dir.check(&["--require-policy", &format!("sha256:{}", digest(ORGANISATION))]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn three_in_a_chain_hold_together() {
    let dir = dir("rules:\n  - {id: sast-high, then: fail}\n");
    dir.write("semgrep.json", semgrep(&["HIGH", "HIGH"]));
    let digest = digest(&child("rules:\n  - {id: sast-high, then: fail}\n"));
    // Its digest covers the policy that it extends.
    let run = dir.run(&["policy", "lint"]);
    let covers = run.stdout.split("sha256:").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_ne!(covers, digest);
    dir.write("team/merge.yaml", format!("version: 1\ngate: merge\nextends: {{file: ../.secgate/merge.yaml, sha256: {covers}}}\nrules:\n  - {{id: sast-high, then: review}}\n"));
    let run = dir.check(&["--policy", "team/merge.yaml"]);
    assert!(
        run.code == 2 && run.stderr.contains("`then` is review, and .secgate/merge.yaml:5 says fail"),
        "{run:?}"
    );
    dir.write("team/merge.yaml", format!("version: 1\ngate: merge\nextends: {{file: ../.secgate/merge.yaml, sha256: {covers}}}\nrules:\n  - {{id: sast-high, allow: 0}}\n"));
    let run = dir.check(&["--policy", "team/merge.yaml", "--format", "json"]);
    assert_eq!((run.code, run.json()["policy"]["extends"].as_array().map(Vec::len)), (1, Some(2)));
}

#[test]
fn the_effective_policy_decides_the_same() {
    let dir = dir(
        "title: Ours\nevidence:\n  sast: {nothing_scanned: fail}\nmappings: {acme: {file: acme.yaml}}\nrules:\n  - {id: sast-high, allow: 0}\n  - {id: low, findings: {severity: low, path: [\"src/**\"], where: \"@.severity == 'low'\"}, then: fail}\n",
    );
    let mapping = "version: 1\nmappings:\n  acme: {category: sast, findings: \"$.issues[*]\", fields: {rule_id: \"@.rule\", severity: \"@.level\"}}\n";
    dir.write(".secgate/acme.yaml", mapping).write("semgrep.json", semgrep(&["HIGH", "LOW"]));
    let show = dir.run(&["policy", "show", "--effective"]);
    insta::assert_snapshot!("extends_effective", show.stdout);
    dir.write("effective.yaml", &show.stdout);
    // The same but for where the policy and its lines stand.
    let decided = |args: &[&str]| {
        let mut json = dir.check(&[args, &["--format", "json"]].concat()).json();
        json["policy"] = "".into();
        for rule in json["rules"].as_array_mut().unwrap() {
            let rule = rule.as_object_mut().unwrap();
            rule.remove("line");
            rule.remove("policy");
        }
        json
    };
    assert_eq!(decided(&[]), decided(&["--policy", "effective.yaml"]));
}

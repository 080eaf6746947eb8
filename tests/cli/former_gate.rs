//! The same evidence under the gate from before the change, and under each policy that one extends.

use secgate::finding::hex;
use sha2::{Digest, Sha256};

use crate::common::{Dir, Run, WAIVED_CODE, semgrep};

const POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json]}
waivers: {files: [waivers.yaml], max_duration: 90d}
people: {appsec: [\"@ann\", \"@bob\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}
rules:
  - {id: high, findings: {category: sast, severity: high}, then: fail}
  - {id: rest, findings: {category: sast, severity: medium}, then: fail}
";

const WAIVERS: &str = "\
version: 1
waivers:
  - {id: W-1, rule: merge/rest, match: {rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}, reason: why, owner: \"@dev\",
     approved_by: \"@ann\", compensating_controls: [tests], created: 2026-05-01, expires: 2026-06-30,
     review_trigger: [severity_raised], seen: {severity: high}}
";

fn dir(before: &str, after: &str) -> Dir {
    let dir = Dir::new();
    dir.write("base.yaml", before).write("policy.yaml", after).write("semgrep.json", semgrep(&["HIGH"]));
    dir.write("src/a0.py", WAIVED_CODE);
    dir
}

fn compared(dir: &Dir, more: &[&str]) -> Run {
    dir.check(
        &[&["--policy", "policy.yaml", "--base-policy", "base.yaml", "--format", "json"], more].concat(),
    )
}

fn clauses(run: &Run) -> Vec<String> {
    let json = run.json();
    let clauses = json["loosened"]["clauses"].as_array().unwrap_or_else(|| panic!("{run:?}"));
    clauses
        .iter()
        .map(|c| format!("{}: {} → {}", c["clause"], c["before"], c["after"]).replace('"', ""))
        .collect()
}

#[test]
fn a_rule_whose_stand_in_is_waived_is_missed_by_the_decision_and_not_by_the_clauses() {
    let without =
        POLICY.lines().filter(|line| !line.contains("id: high")).collect::<Vec<_>>().join("\n") + "\n";
    let dir = dir(POLICY, &without);
    dir.write("waivers.yaml", WAIVERS);
    assert_eq!(dir.check(&["--policy", "base.yaml"]).code, 1);
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
    let run = compared(&dir, &["--base-waivers", "waivers.yaml"]);
    let lost = "rule `high` as before this change: fail: 1 finding → no longer blocks it";
    assert_eq!((run.code, clauses(&run)), (10, vec![lost.to_owned()]), "{run:?}");
    let place = serde_json::json!({"file": "base.yaml", "line": 9});
    assert_eq!(run.json()["loosened"]["clauses"][0]["before_at"], place);
    // Those who decided before the change are asked.
    assert_eq!(run.json()["loosened"]["obligations"][0]["any_of"], serde_json::json!(["role:appsec"]));
}

#[test]
fn what_both_gates_stop_or_let_through_is_no_clause() {
    // Another spelling of the same, and a title.
    let same =
        POLICY.replace("gate: merge\n", "gate: merge\ntitle: Ours\n").replace("id: high", "id: sast-high");
    let dir = dir(POLICY, &same);
    assert_eq!((compared(&dir, &[]).code, clauses(&compared(&dir, &[]))), (1, Vec::new()));
    dir.write("semgrep.json", semgrep(&[]));
    assert_eq!((compared(&dir, &[]).code, clauses(&compared(&dir, &[]))), (0, Vec::new()));
}

#[test]
fn a_renamed_entry_takes_its_file_along() {
    let renamed = POLICY.replace("  sast: {category", "  code: {category").replace("HIGH", "LOW");
    let dir = dir(POLICY, &renamed);
    dir.write("semgrep.json", semgrep(&[]));
    let run = compared(&dir, &["--evidence", "code=semgrep.json"]);
    assert_eq!((run.code, clauses(&run)), (0, Vec::new()), "{run:?}");
}

#[test]
fn a_gate_that_could_not_decide_is_not_turned_into_one_that_passes() {
    let before = "version: 1\ngate: merge\nevidence:\n  sast: {category: sast, files: [none.json], required: false}\n\
                  rules:\n  - {id: high, findings: {category: sast, severity: high}, then: fail}\n";
    let after = before
        .replace(
            "rules:\n",
            "rules:\n  - {id: ours, document: {name: facts, require: {\"$.ok\": true}}, then: warn}\n",
        )
        .replace("evidence:\n", "evidence:\n  facts: {document: json, files: [facts.json]}\n");
    let dir = dir(before, &after);
    std::fs::remove_file(dir.path().join("semgrep.json")).unwrap();
    dir.write("facts.json", r#"{"ok":true}"#);
    assert_eq!(dir.check(&["--policy", "base.yaml"]).code, 2);
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
    let run = compared(&dir, &[]);
    assert_eq!(run.code, 10, "{run:?}");
    assert!(clauses(&run)[0].starts_with("the run as before this change: error: no rule applies"), "{run:?}");
}

/// A repository whose main branch has these files, on a branch of its own.
fn repository(files: &[(&str, &str)]) -> Dir {
    Dir::repository("semgrep.json\ntrivy.json\nb.tar\n", files)
}

const BY_GIT: [&str; 5] = ["--diff-base", "main", "--no-env", "--format", "json"];

#[test]
fn feeds_of_the_project_are_those_of_before_and_a_bundle_holds_them() {
    let policy = "version: 1\ngate: merge\nevidence:\n  deps: {category: vulnerability, files: [trivy.json]}\n  \
                  kev: {feed: kev, files: [kev.json]}\nrules:\n  \
                  - {id: exploited, findings: {category: vulnerability, kev: true}, then: fail}\n";
    let kev = |cve: &str| {
        format!(
            r#"{{"title":"t","catalogVersion":"1","dateReleased":"2026-05-30T00:00:00Z","count":1,"vulnerabilities":[{{"cveID":"{cve}","dateAdded":"2026-05-01"}}]}}"#
        )
    };
    let dir = repository(&[(".secgate/merge.yaml", policy), ("kev.json", &kev("CVE-2026-1111"))]);
    dir.write(
        "trivy.json",
        r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"p.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{"VulnerabilityID":"CVE-2026-1111","PkgName":"a","InstalledVersion":"1","Severity":"LOW"}]}]}"#,
    );
    assert_eq!(dir.check(&BY_GIT).code, 1);
    dir.write("kev.json", kev("CVE-2026-2222"));
    dir.commit();
    let run = dir.check(&BY_GIT);
    assert_eq!(run.code, 10, "{run:?}");
    assert!(
        clauses(&run).iter().any(|c| c.starts_with("rule `exploited` as before this change: fail")),
        "{run:?}"
    );
    let with = dir.check(&[&BY_GIT[..], &["--bundle", "b.tar"]].concat());
    assert_eq!((with.code, &with.stdout, dir.exists("b.tar")), (10, &run.stdout, true), "{with:?}");
}

#[test]
fn the_policies_of_all_gates_are_compared() {
    let package = POLICY.replace("gate: merge", "gate: package").replace("merge/", "package/");
    let dir = repository(&[(".secgate/merge.yaml", POLICY), (".secgate/package.yaml", &package)]);
    dir.write("semgrep.json", semgrep(&[]));
    dir.write(".secgate/package.yaml", package.replace("severity: high}", "severity: critical}"));
    dir.commit();
    let run = dir.check(&BY_GIT);
    let looser = "gate `package`: rule `high`: `findings.severity`: high → critical";
    assert_eq!((run.code, clauses(&run)), (10, vec![looser.to_owned()]), "{run:?}");
    // Its waivers, which this gate does not look at.
    dir.write(".secgate/package.yaml", &package);
    dir.write("waivers.yaml", WAIVERS.replace("merge/", "package/"));
    dir.commit();
    let run = dir.check(&BY_GIT);
    assert_eq!(run.code, 10, "{run:?}");
    assert!(clauses(&run)[0].starts_with("gate `package`: waiver `W-1`"), "{run:?}");
    // A stricter one, cases beside it, and a title are routine.
    std::fs::remove_file(dir.path().join("waivers.yaml")).unwrap();
    dir.write(".secgate/package.yaml", package.replace("gate: package", "gate: package\ntitle: Ours"));
    dir.write(".secgate/package.test.yaml", "version: 1\ncases: []\n");
    dir.commit();
    let run = dir.check(&BY_GIT);
    assert_eq!((run.code, clauses(&run)), (0, Vec::new()), "{run:?}");
}

#[test]
fn what_a_parent_stops_by_itself_stays_stopped() {
    let parent = "version: 1\ngate: merge\nseverity: {unknown: low}\nbase: {from: [base-report], without: review}\n\
                  evidence:\n  deps: {category: vulnerability, files: [trivy.json]}\n\
                  people: {appsec: [\"@example-lead\"]}\nreviewers: {any_of: [\"role:appsec\"]}\nrules:\n  \
                  - {id: high, findings: {category: vulnerability, severity: high, state: [new, newly_disclosed]}, then: fail}\n";
    let child = |rest: &str| {
        let digest = hex(&Sha256::digest(parent));
        format!("version: 1\ngate: merge\nextends: {{file: ../org/merge.yaml, sha256: {digest}}}\n{rest}")
    };
    let report = |severity: &str| {
        format!(
            r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{{"Target":"p.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{{"VulnerabilityID":"CVE-2026-1111","PkgName":"a","InstalledVersion":"1","Severity":"{severity}"}}]}}]}}"#
        )
    };
    let dir = Dir::new();
    // What the base holds without a severity excuses more the more it is thought to be.
    dir.write("org/merge.yaml", parent).write("repo/merge.yaml", child("severity: {unknown: critical}\n"));
    dir.write("main/trivy.json", report("UNKNOWN")).write("trivy.json", report("HIGH"));
    let base = ["--base-report", "main/trivy.json", "--format", "json", "--no-env"];
    assert_eq!(dir.check(&[&["--policy", "org/merge.yaml"][..], &base].concat()).code, 1);
    let run = dir.check(&[&["--policy", "repo/merge.yaml", "--bundle", "b.tar"][..], &base].concat());
    assert_eq!((run.code, dir.exists("b.tar")), (1, true), "{run:?}");
    let json = run.json();
    let row = json["rules"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&row["id"], &row["outcome"]), (&"extends".into(), &"fail".into()), "{run:?}");
    assert!(row["message"].as_str().unwrap().contains("rule `high`: fail"), "{row}");
    // A role that names nobody but examples is left to whoever extends the policy.
    dir.write("repo/merge.yaml", child("people: {appsec: [\"@ann\"]}\n"));
    let run = dir.check(&[&["--policy", "repo/merge.yaml"][..], &base].concat());
    assert_eq!((run.code, run.json()["rules"].as_array().unwrap().len()), (1, 1), "{run:?}");
}

#[test]
fn owners_of_the_change_itself_make_no_room() {
    const POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json]}
rules:
  - {id: debt, findings: {category: sast}, allow: {per: owner, count: 2}, then: fail}
";
    let report = semgrep(&["ERROR", "ERROR", "ERROR"]);
    let sources = [("src/a0.py", "x\n"), ("src/a1.py", "x\n\n"), ("src/a2.py", "x\n\n\n")];
    let of = |owners: &[(&'static str, &'static str)]| {
        let dir = repository(&[&[(".secgate/merge.yaml", POLICY)][..], &sources, owners].concat());
        dir.write("semgrep.json", &report);
        dir
    };
    let dir = of(&[("docs/CODEOWNERS", "* @one\n")]);
    let check = |more: &[&str]| dir.check(&[&["--format", "json", "--no-env"], more].concat());
    assert_eq!(check(&["--diff-base", "main"]).code, 1);
    // Each file its own owner, in the file that there was, and in one that GitLab prefers.
    for path in ["docs/CODEOWNERS", "CODEOWNERS"] {
        dir.write(path, "a0.py @one\na1.py @two\na2.py @three\n");
        dir.commit();
        assert_eq!(check(&[]).code, 0, "{path}");
        for args in [&["--diff-base", "main"][..], &["--diff-base", "main", "--codeowners", path]] {
            let run = check(args);
            assert_eq!(run.code, 10, "{run:?}");
            assert!(clauses(&run)[0].starts_with("rule `debt` as before this change: fail"), "{run:?}");
        }
        let run = check(&["--diff-base", "main", "--bundle", "b.tar"]);
        assert_eq!(run.code, 10, "{run:?}");
        let again = dir.run(&["verify", "--recompute", "b.tar"]);
        assert!(again.all().contains("recomputed"), "{again:?}");
    }
    // Owners that stop nothing more are a routine.
    let dir = of(&[("CODEOWNERS", "a0.py @one\na1.py @two\na2.py @three\n")]);
    dir.write("CODEOWNERS", "a0.py @one\na1.py @two\na2.py @four\n");
    dir.commit();
    let run = dir.check(&["--format", "json", "--no-env", "--diff-base", "main"]);
    assert_eq!((run.code, clauses(&run)), (0, Vec::new()), "{run:?}");
}

//! `secgate policy lint`: what it says, how, and its exit codes.

use crate::common::{Dir, SAST_POLICY};

const DOUBTFUL: &str = "\
version: 1
gate: merge
base: {from: baseline}
evidence:
  sast: {category: sast, files: [semgrep.json]}
rules:
  - id: sast-high
    findings: {category: sast, severity: high}
    then: fail
";

fn lint(dir: &Dir, args: &[&str]) -> crate::common::Run {
    dir.run(&[&["policy", "lint"], args].concat())
}

#[test]
fn a_warning_says_where_why_and_what_to_write() {
    let dir = Dir::new();
    dir.write("p.yaml", DOUBTFUL);
    let run = lint(&dir, &["p.yaml"]);
    let text = run.stdout.rsplit_once("sha256:").unwrap().0.to_owned();
    assert_eq!(
        text,
        "p.yaml:8:5: warning [blocks-old-debt]: rule `sast-high` fails on what was there before the change\n  \
         why: a change is stopped by what was there before it, which teaches people to go around the gate\n  \
         instead: add `state: new`; or, if old findings shall stop changes too, `state: [new, existing]`\n\
         p.yaml: valid: 1 warning, gate merge, 1 rule, 1 evidence entry, "
    );
    // A linter's warning is no failure, unless that is asked for.
    assert_eq!((run.code, lint(&dir, &["p.yaml", "--strict"]).code), (0, 1));
    assert_eq!(lint(&dir, &["--policy", "p.yaml"]).stdout, run.stdout);
    dir.write("good.yaml", DOUBTFUL.replace("severity: high", "severity: high, state: new"));
    assert_eq!(lint(&dir, &["--strict", "good.yaml"]).code, 0);
    // A note is no warning.
    let noted = DOUBTFUL.replace("severity: high", "severity: high, state: new, not: {path: tests/**}");
    dir.write("noted.yaml", noted);
    let run = lint(&dir, &["--strict", "noted.yaml"]);
    assert!(run.code == 0 && run.stdout.contains("noted.yaml:8:60: note [not-unchecked]"), "{run:?}");
}

#[test]
fn json_has_the_same_and_mistakes_too() {
    let dir = Dir::new();
    dir.write("p.yaml", DOUBTFUL).write("broken.yaml", SAST_POLICY.replace("then: fail", "then: fial"));
    let run = lint(&dir, &["p.yaml", "broken.yaml", "--format", "json"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("broken.yaml:6:71: "), "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["schema"], "secgate/policy-lint/v1");
    let [good, bad] = [&json["policies"][0], &json["policies"][1]];
    assert_eq!((&good["valid"], &good["warnings"], &good["notes"]), (&true.into(), &1.into(), &0.into()));
    let lint = &good["lints"][0];
    assert_eq!((&lint["id"], &lint["level"]), (&"blocks-old-debt".into(), &"warning".into()));
    assert_eq!((&lint["file"], &lint["line"], &lint["column"]), (&"p.yaml".into(), &8.into(), &5.into()));
    assert_eq!((&lint["rule"], &lint["see"]), (&"sast-high".into(), &serde_json::Value::Null));
    assert_eq!((&bad["valid"], &bad["sha256"]), (&false.into(), &serde_json::Value::Null));
    let error = &bad["errors"][0];
    assert_eq!(
        (&error["file"], &error["line"], &error["column"]),
        (&"broken.yaml".into(), &6.into(), &71.into())
    );
    assert!(error["message"].as_str().unwrap().contains("did you mean `fail`?"), "{error}");
}

#[test]
fn every_check_is_listed_with_why() {
    let dir = Dir::new();
    let text = lint(&dir, &["--list"]).stdout;
    let json = lint(&dir, &["--list", "--format", "json"]).json();
    let checks = json["checks"].as_array().unwrap();
    assert!(checks.len() > 30, "{}", checks.len());
    for check in checks {
        for key in ["id", "finds", "why", "instead"] {
            let said = check[key].as_str().unwrap();
            assert!(!said.is_empty() && text.contains(said), "{check}");
        }
    }
    assert!(lint(&dir, &["--help"]).stdout.contains("1 a warning under --strict"));
}

#[test]
fn shipped_policies_are_clean() {
    let dir = Dir::new();
    let run = lint(&dir, &["--strict", "merge", "package", "release", "production", "security_gate"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = lint(&dir, &["mrege"]);
    assert!(run.code == 2 && run.stderr.contains("did you mean `merge`?"), "{run:?}");
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/policies");
    for gate in ["merge", "package", "release", "production"] {
        let file = format!("{shared}/{gate}.yaml");
        if std::path::Path::new(&file).exists() {
            let run = lint(&dir, &["--strict", &file]);
            assert_eq!(run.code, 0, "{run:?}");
        } else {
            assert!(std::env::var_os("SECGATE_DEMAND_SHARED").is_none(), "{file} is missing and demanded");
        }
    }
}

#[test]
fn what_a_parent_says_is_told_in_its_file() {
    let dir = Dir::new();
    let digest = lint(dir.write("parent.yaml", DOUBTFUL), &["parent.yaml"]).stdout;
    let digest = digest.rsplit("sha256:").next().unwrap().trim().to_owned();
    // A stricter rule of the child makes the parent's needless, which nobody can take out there.
    dir.write(
        "child.yaml",
        format!(
            "version: 1\ngate: merge\nextends: {{file: parent.yaml, sha256: {digest}}}\nrules:\n  \
             - {{id: all, findings: {{category: sast, state: [new, existing]}}, then: fail}}\n"
        ),
    );
    let run = lint(&dir, &["child.yaml"]);
    assert!(run.stdout.starts_with("parent.yaml:8:5: warning [blocks-old-debt]"), "{run:?}");
    assert!(!run.stdout.contains("shadowed"), "{run:?}");
}

#[test]
fn the_book_lists_every_check() {
    let book = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policy-lint.md")).unwrap();
    let json = lint(&Dir::new(), &["--list", "--format", "json"]).json();
    let row = |check: &serde_json::Value| {
        let cell = |key: &str| check[key].as_str().unwrap().replace('|', "\\|");
        format!("| `{}` | {} | {} | {} |", cell("id"), cell("finds"), cell("why"), cell("instead"))
    };
    let rows = |level: &str| -> Vec<String> {
        json["checks"].as_array().unwrap().iter().filter(|check| check["level"] == level).map(row).collect()
    };
    let expected = [rows("warning"), rows("note")].concat();
    let found: Vec<&str> = book.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(found, expected, "docs/policy-lint.md is made of this:\n{}", expected.join("\n"));
}

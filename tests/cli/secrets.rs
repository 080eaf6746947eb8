//! No output holds a secret's value or a scanner's digest of one.

use std::fs;
use std::path::Path;

use crate::common::{Dir, fixture, root};

/// Every value, masked form and digest that occurs in a fixture.
fn values() -> Vec<String> {
    let values: Vec<String> = fs::read_to_string(fixture("secret-values.txt"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert!(values.len() >= 3);
    values
}

fn reports(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "app") {
            reports(&path, found);
        } else if path.extension().is_some_and(|e| e == "json" || e == "jsonl") {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn no_output_holds_a_secret() {
    let dir = Dir::new();
    let mut files = Vec::new();
    reports(&root().join("fixtures"), &mut files);
    assert!(files.len() >= 20, "{files:?}");
    let (mut leaked, mut held) = (Vec::new(), 0);
    for file in &files {
        let raw = fs::read_to_string(file).unwrap();
        held += usize::from(values().iter().any(|v| raw.contains(v.as_str())));
        for format in ["table", "ndjson", "json", "sarif"] {
            let run = dir.run(&["findings", "--format", format, file]);
            leaked.extend(
                values()
                    .into_iter()
                    .filter(|v| run.all().contains(v.as_str()))
                    .map(|v| format!("{file} {format}: {v}")),
            );
        }
        for format in ["text", "json"] {
            let run = dir.check(&["--policy", "merge", "--format", format, file]);
            leaked.extend(
                values()
                    .into_iter()
                    .filter(|v| run.all().contains(v.as_str()))
                    .map(|v| format!("{file} {format}: {v}")),
            );
        }
        // Cut in the middle of what it holds, an error has to be told without quoting.
        dir.write("cut.json", &raw.as_bytes()[..raw.len() * 2 / 3]);
        let run = dir.check(&["--policy", "merge", "--format", "json", "cut.json"]);
        leaked.extend(
            values()
                .into_iter()
                .filter(|v| run.all().contains(v.as_str()))
                .map(|v| format!("{file} cut: {v}")),
        );
    }
    assert!(held >= 5, "only {held} fixtures hold a listed value");
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
}

#[test]
fn a_file_that_is_no_policy_is_not_quoted() {
    let dir = Dir::new();
    dir.write("prod.env", "API_KEY=hunter2-SUPERSECRET\nTOKEN: [hunter2-SUPERSECRET\n");
    dir.write("leaks.json", r#"[{"RuleID":"r","File":"a","Secret":"hunter2-SUPERSECRET"}]"#);
    for file in ["./prod.env", "leaks.json"] {
        for args in [
            &["check", "--policy", file][..],
            &["policy", "lint", "--policy", file],
            &["check", "--waivers", file],
        ] {
            let run = dir.run(args);
            assert_eq!(run.code, 2, "{run:?}");
            assert!(!run.all().contains("SUPERSECRET"), "{args:?}: {}", run.all());
        }
    }
}

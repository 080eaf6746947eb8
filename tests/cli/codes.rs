//! Diagnostics have codes: listed once, documented, reachable, and beside every error in JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Dir, SAST_POLICY, root, semgrep};

/// The codes that the binary lists, each with its occasion, below the part that says it.
fn listed() -> Vec<(String, Vec<(String, String)>)> {
    let run = Dir::new().run(&["explain", "--codes"]);
    assert_eq!(run.code, 0, "{run:?}");
    let mut parts: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in run.stdout.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ").and_then(|line| line.split_once(' ')) {
            Some((code, about)) => {
                parts.last_mut().unwrap().1.push((code.to_owned(), about.trim().to_owned()));
            }
            None => parts.push((line.trim_end_matches(':').to_owned(), Vec::new())),
        }
    }
    parts
}

#[test]
fn each_code_is_listed_once_and_stands_in_the_book() {
    let parts = listed();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (code, about) in parts.iter().flat_map(|(_, codes)| codes) {
        *times.entry(code).or_default() += 1;
        assert!(code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{code}");
        assert!(!about.is_empty(), "{code}");
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(times.len() > 200, "{} codes", times.len());
    let mut expected = Vec::new();
    for (part, codes) in &parts {
        expected.push(format!("## {part}"));
        expected.extend(codes.iter().map(|(code, about)| format!("| `{code}` | {about} |")));
    }
    let book = fs::read_to_string(root().join("docs/codes.md")).unwrap();
    let found: Vec<&str> =
        book.lines().filter(|line| line.starts_with("## ") || line.starts_with("| `")).collect();
    assert_eq!(found, expected, "docs/codes.md is made of this:\n{}", expected.join("\n"));
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn each_declared_diagnostic_can_be_said() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let text = |path: &PathBuf| fs::read_to_string(path).unwrap();
    // A table declares its variants without the name of the enum.
    let all: String = files.iter().map(text).collect();
    let tables = files.iter().filter(|path| path.ends_with("diagnostics.rs"));
    let mut declared = 0;
    for table in tables.map(text) {
        let mut name = "";
        for line in table.lines().map(str::trim) {
            if let Some(rest) = line.split_once("pub enum ").map(|(_, rest)| rest) {
                name = rest.trim_end_matches(" {");
            }
            // `"code" Variant …`
            let Some((_, rest)) = line.strip_prefix('"').and_then(|rest| rest.split_once("\" ")) else {
                continue;
            };
            let variant: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            if !variant.starts_with(|c: char| c.is_uppercase()) {
                continue;
            }
            declared += 1;
            assert!(all.contains(&format!("{name}::{variant}")), "nothing says {name}::{variant}");
        }
    }
    assert!(declared > 150, "{declared} declared");
}

#[test]
fn errors_have_codes_and_suggestions_in_json() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR"])).write("p.yaml", SAST_POLICY);
    dir.write("typo.yaml", SAST_POLICY.replace("severity: high", "serverity: high"));
    let cases: [(&[&str], &str, Option<&str>); 6] = [
        (&["--policy", "typo.yaml"], "unknown-key", Some("severity")),
        (&["--policy", "missing.yaml"], "file-cannot-be-opened", None),
        (&["--policy", "p.yaml", "--evidence", "other=semgrep.json"], "unknown-evidence-entry", None),
        (&["--policy", "p.yaml", "--param", "a=b"], "no-such-parameter", None),
        (&["--policy", "p.yaml", "--commit", "abc"], "invalid-commit", None),
        (&["--gate", "nothing-of-the-kind"], "no-embedded-policy", None),
    ];
    for (args, code, suggestion) in cases {
        let run = dir.check(&[&["--format", "json"], args].concat());
        let error = &run.json()["errors"][0];
        assert_eq!((run.code, error["code"].as_str()), (2, Some(code)), "{args:?}: {error}");
        assert_eq!(error["suggestion"].as_str(), suggestion, "{args:?}: {error}");
    }
    let run = dir.run(&["policy", "lint", "--format", "json", "typo.yaml"]);
    let error = &run.json()["policies"][0]["errors"][0];
    assert_eq!(
        (error["code"].as_str(), error["suggestion"].as_str()),
        (Some("unknown-key"), Some("severity"))
    );
}

#[test]
fn evidence_says_by_a_code_why_it_is_not_as_demanded() {
    let dir = Dir::new();
    dir.write("p.yaml", SAST_POLICY);
    let of = |dir: &Dir| dir.check(&["--policy", "p.yaml", "--format", "json"]).json()["evidence"][0].clone();
    assert_eq!(of(&dir)["code"], "evidence-absent");
    assert!(of(&dir)["suggestion"].as_str().unwrap().contains("--evidence"));
    dir.write("semgrep.json", "{\"results\":");
    assert_eq!(of(&dir)["code"], "invalid-json");
    dir.write("semgrep.json", "");
    assert_eq!(of(&dir)["code"], "empty-report");
    dir.write("semgrep.json", semgrep(&[]));
    assert!(of(&dir).get("code").is_none());
}

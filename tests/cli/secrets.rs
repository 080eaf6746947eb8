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

#[test]
fn no_output_holds_a_credential_of_an_address() {
    // Written after the documentation of each tool: addresses that a project hands to it come back in its texts.
    let reports = [
        (
            "npm.json",
            r#"{"auditReportVersion":2,"vulnerabilities":{"a":{"name":"git+https://bob:hunter2@git.example/a.git","severity":"high",
            "via":[{"title":"t of https://bob:hunter2@git.example/x?private_token=hunter2","url":"https://u:hunter2@h/GHSA-aaaa-aaaa-aaaa",
            "severity":"high"}],"range":"https://hunter2@h/a.tgz","nodes":[],"fixAvailable":false}},"metadata":{"vulnerabilities":{"total":1}}}"#,
        ),
        (
            "junit.xml",
            r#"<testsuite name="s" tests="1" failures="1"><testcase classname="c" name="GET https://bob:hunter2@h/x?api_key=hunter2">
            <failure message="https://bob:hunter2@h"/></testcase></testsuite>"#,
        ),
        (
            "spectral.json",
            r#"[{"code":"r","path":[],"message":"server https://bob:hunter2@h is not reachable","severity":0,
            "range":{"start":{"line":1,"character":0},"end":{"line":1,"character":1}},"source":"https://bob:hunter2@h/api.yaml?token=hunter2"}]"#,
        ),
        (
            "tool.sarif",
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"r","level":"error",
            "message":{"text":"see https://bob:hunter2@h/x"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"https://bob:hunter2@h/a.py"}}}]}]}]}"#,
        ),
        (
            "grype.json",
            r#"{"matches":[{"vulnerability":{"id":"CVE-2026-1","severity":"High","fix":{"versions":[],"state":"not-fixed"}},"relatedVulnerabilities":[],
            "artifact":{"name":"a","version":"1","type":"npm","locations":[],"purl":"pkg:npm/a@1?vcs_url=git%2Bhttps%3A%2F%2Fbob%3Ahunter2%40h%2Fa"}}],
            "source":{"type":"directory","target":"https://bob:hunter2@h/repo"},"descriptor":{"name":"grype","version":"0.90.0"}}"#,
        ),
    ];
    let dir = Dir::new();
    for (file, text) in reports {
        dir.write(file, text);
        for format in ["table", "ndjson", "json", "sarif"] {
            let run = dir.run(&["findings", "--format", format, file]);
            assert_eq!(run.code, 0, "{file}: {run:?}");
            assert!(!run.all().contains("hunter2"), "{file} {format}: {}", run.all());
        }
        let found = dir.run(&["findings", "--format", "json", file]).json();
        assert_eq!(found["findings"].as_array().map(Vec::len), Some(1), "{file}");
        for format in ["text", "json", "html", "markdown", "sarif", "junit", "codequality"] {
            let run = dir.check(&["--policy", "merge", "--format", format, file]);
            assert!(!run.all().contains("hunter2"), "{file} {format}: {}", run.all());
        }
        let known = dir.run(&["baseline", "write", file]);
        assert!(!known.all().contains("hunter2"), "{file}: {}", known.all());
        // Nor does an identity depend on it.
        dir.write(file, text.replace("hunter2", "hunter3"));
        let other = dir.run(&["findings", "--format", "json", file]).json();
        assert_eq!(other["findings"][0]["fingerprint"], found["findings"][0]["fingerprint"], "{file}");
    }
}

//! Reports of formats that a policy describes.

use sha2::{Digest, Sha256};

use crate::common::Dir;

const MAPPING: &str = r#"{category: sast, tool: acme-scan, findings: "$.issues[*]", severity: {words: {error: high, warn: medium}},
    fields: {rule_id: "@.rule", severity: "@.level", title: "@.message", path: "@.file", line: "@.line"}}"#;

const REPORT: &str =
    r#"{"files":3,"issues":[{"rule":"r1","level":"error","message":"bad","file":"a.py","line":4}]}"#;

fn policy(mapping: &str) -> String {
    format!(
        "version: 1\ngate: merge\nevidence:\n  code: {{category: sast, files: [acme.json], format: acme}}\nrules:\n  \
         - {{id: sast-high, findings: {{category: sast, severity: high}}, then: fail}}\nmappings:\n  acme: {mapping}\n"
    )
}

fn file(mapping: &str) -> String {
    format!("version: 1\nmappings:\n  acme: {mapping}\n")
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    secgate::finding::hex(&Sha256::digest(bytes))
}

#[test]
fn a_report_without_code() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", policy(MAPPING)).write("acme.json", REPORT);
    let run = dir.check(&["--format", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let json = run.json();
    let evidence = &json["evidence"][0];
    assert_eq!((&evidence["format"], &evidence["status"]), (&"acme".into(), &"complete".into()));
    assert_eq!(evidence["tool"]["name"], "acme-scan");
    let finding = &json["findings"][0];
    assert_eq!((&finding["rule_id"], &finding["severity"]), (&"r1".into(), &"high".into()));
    assert_eq!((&finding["location"]["path"], &finding["location"]["line"]), (&"a.py".into(), &4.into()));
    assert!(json["policy"].get("files").is_none());

    // The same with the format said on the command line, and for another entry's file name.
    dir.write("other.json", REPORT);
    let run = dir.check(&["--input", "acme=acme.json", "--input", "acme=other.json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let run = dir.check(&["--input", "acmee=acme.json"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("did you mean `acme`?"), "{}", run.stderr);
}

#[test]
fn an_empty_or_another_report_never_passes() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", policy(MAPPING));
    for (report, code) in [
        (r#"{"issues":[]}"#, 10),
        (r#"{"issues":null}"#, 2),
        ("{}", 2),
        ("[]", 2),
        ("", 2),
        (r#"{"issues":[{"level":"note"}]}"#, 2),
        (r#"{"results":[],"errors":[],"paths":{"scanned":["a"]},"version":"1.0.0"}"#, 2),
    ] {
        dir.write("acme.json", report);
        let run = dir.check(&[]);
        assert_eq!(run.code, code, "{report}: {run:?}");
    }
    let scanned = MAPPING.replace("category: sast,", r#"category: sast, scanned: "$.files","#);
    dir.write(".secgate/merge.yaml", policy(&scanned));
    for (report, code) in [(r#"{"files":3,"issues":[]}"#, 0), (r#"{"files":0,"issues":[]}"#, 10)] {
        dir.write("acme.json", report);
        assert_eq!(dir.check(&[]).code, code, "{report}");
    }
}

#[test]
fn a_mapping_in_a_file_is_part_of_the_policy() {
    let dir = Dir::new();
    let (policy, mapping) = (policy("{file: mappings/acme.yaml}"), file(MAPPING));
    dir.write(".secgate/merge.yaml", &policy)
        .write(".secgate/mappings/acme.yaml", &mapping)
        .write("acme.json", REPORT);
    let run = dir.check(&["--format", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let lines = format!("{}\n{}\n", hex(&policy), hex(&mapping));
    let shown = &run.json()["policy"];
    assert_eq!(shown["sha256"], hex(&lines));
    assert_eq!(shown["files"][0]["path"], "mappings/acme.yaml");
    assert_eq!(shown["files"][0]["sha256"], hex(&mapping));
    let digest = format!("sha256:{}", hex(&lines));
    assert_eq!(dir.check(&["--require-policy", &digest]).code, 1);
    assert_eq!(dir.check(&["--require-policy", &format!("sha256:{}", hex(&policy))]).code, 2);
    let lint = dir.run(&["policy", "lint"]);
    assert!(lint.stdout.contains("names mappings/acme.yaml, sha256:"), "{}", lint.stdout);

    // One word in the mapping, and the demanded policy is another.
    dir.write(".secgate/mappings/acme.yaml", mapping.replace("error: high", "error: info"));
    let run = dir.check(&["--require-policy", &digest]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--require-policy demands"), "{}", run.stderr);

    for (name, text, message) in [
        (
            "mappings/acme.yaml",
            mapping.replace("@.rule", "rule"),
            ".secgate/mappings/acme.yaml:4:23: `rule_id`",
        ),
        ("mappings/acme.yaml", mapping.replace("acme:", "amce:"), "did you mean `amce`?"),
        ("mappings/gone.yaml", mapping.clone(), "cannot be opened"),
        ("../acme.yaml", mapping.clone(), "does not stay below the policy's folder"),
        ("/acme.yaml", mapping.clone(), "does not stay below the policy's folder"),
    ] {
        dir.write(".secgate/merge.yaml", policy.replace("mappings/acme.yaml", name));
        dir.write(".secgate/mappings/acme.yaml", text);
        let run = dir.check(&[]);
        assert_eq!(run.code, 2, "{name}");
        assert!(run.stderr.contains(message), "{name}: {}", run.stderr);
    }
}

#[test]
fn findings_with_a_file_of_mappings() {
    let dir = Dir::new();
    dir.write("m.yaml", file(MAPPING)).write("acme.json", REPORT);
    let run =
        dir.run(&["findings", "--mappings", "m.yaml", "--input", "acme=acme.json", "--format", "ndjson"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 1), "{run:?}");
    for args in
        [&["--input", "acme=acme.json"][..], &["--mappings", "gone.yaml", "--input", "acme=acme.json"]]
    {
        let run = dir.run(&[&["findings"], args].concat());
        assert_eq!(run.code, 2, "{run:?}");
    }
    // Only who says so has a file read by a mapping.
    assert_eq!(dir.run(&["findings", "--mappings", "m.yaml", "acme.json"]).code, 2);
    dir.write("m.yaml", file(MAPPING).replace("acme:", "semgrep:"));
    let run = dir.run(&["findings", "--mappings", "m.yaml", "--input", "semgrep=acme.json"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("m.yaml:3: `semgrep` is a format that secgate reads by itself"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_mapping_may_not_take_the_name_of_a_format() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", policy(MAPPING).replace("acme", "gitleaks"))
        .write("gitleaks.json", "[]");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("give the mapping another name"), "{}", run.stderr);
}

#[test]
fn a_secret_that_a_wrong_path_finds_is_not_shown() {
    let dir = Dir::new();
    let mapping = r#"{category: secret, findings: "$[*]", fields: {rule_id: "@.rule", severity: "@.value", path: "@.file"}}"#;
    let policy = policy(mapping).replace("category: sast", "category: secret");
    dir.write(".secgate/merge.yaml", policy);
    dir.write("acme.json", r#"[{"rule":"aws","value":"hunter2-value","file":"a"}]"#);
    for format in ["text", "json"] {
        let run = dir.check(&["--format", format]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(!run.all().contains("hunter2"), "{}", run.all());
    }
}

//! Files that are not what they should be: one clear line first, what to do next, exit 1 or 2, never 0.

use std::fs;

use crate::common::{Dir, SAST_POLICY, fixture, root, semgrep};

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY);
    dir
}

#[test]
fn broken_files_are_named_and_never_pass() {
    let whole = semgrep(&["INFO"]);
    let cut = &whole[..whole.len() / 2];
    let cases: [(&str, &[u8], &str); 8] = [
        ("empty", b"", "is empty"),
        ("blank", b" \n\t ", "is empty"),
        ("cut", cut.as_bytes(), "ends too early"),
        ("an object", b"{}", "empty JSON object|has a list `results`"),
        ("null", b"null", "bare word null"),
        ("a page", b"<!DOCTYPE html><html>", "HTML"),
        ("two documents", b"{\"results\":[],\"errors\":[]}{}", "follows the end"),
        ("not UTF-8", b"{\"results\":[],\"errors\":[],\"x\":\"\xff\"}", "not UTF-8"),
    ];
    for (name, bytes, words) in cases {
        let dir = dir();
        dir.write("semgrep.json", bytes);
        for args in [
            &["--policy", "policy.yaml"][..],
            &["--policy", "policy.yaml", "--input", "semgrep=semgrep.json"],
        ] {
            let run = dir.check(args);
            assert_eq!(run.code, 2, "{name}: {run:?}");
            assert!(
                run.stdout.contains("semgrep.json") && words.split('|').any(|w| run.stdout.contains(w)),
                "{name}: {}",
                run.stdout
            );
            assert!(run.last_line().starts_with("[ERROR] "), "{name}: {}", run.last_line());
        }
    }
}

#[test]
fn a_missing_file_is_absent_or_an_error() {
    let dir = dir();
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("absent") && run.stdout.contains("semgrep.json"), "{}", run.stdout);
    let run = dir.check(&["--policy", "policy.yaml", "semgrep.json"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stdout.contains("no such file"), "{}", run.stdout);
}

#[test]
fn a_report_under_another_tools_name() {
    let dir = dir();
    dir.copy("trivy/image.json", "semgrep.json");
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("never says anything about sast"), "{}", run.stdout);
    let run = dir.check(&["--policy", "policy.yaml", "--input", "semgrep=semgrep.json"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stdout.contains("it looks like trivy"), "{}", run.stdout);
}

#[test]
fn a_directory_is_read_in_name_order() {
    let dir = dir();
    dir.write("reports/b.json", semgrep(&["ERROR"]))
        .write("reports/a.json", semgrep(&["INFO"]))
        .write("reports/other.json", "{\"some\":\"settings\"}")
        .write("semgrep.json", semgrep(&[]));
    let run = dir.check(&["--policy", "policy.yaml", "--format", "json", "reports", "semgrep.json"]);
    let json = run.json();
    assert_eq!(run.code, 1);
    let evidence: Vec<_> = json["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["path"].as_str().unwrap(), e["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        evidence,
        [
            ("reports/a.json", "complete"),
            ("reports/b.json", "complete"),
            ("reports/other.json", "ignored"),
            ("semgrep.json", "complete")
        ]
    );
    dir.write("reports/broken.json", "{\"some\":");
    assert_eq!(
        dir.check(&["--policy", "policy.yaml", "--format", "json", "reports"]).json()["verdict"],
        "fail"
    );
    dir.write("reports/b.json", semgrep(&[]));
    assert_eq!(dir.check(&["--policy", "policy.yaml", "reports", "semgrep.json"]).code, 2);
}

#[test]
fn packed_reports_and_reports_after_other_lines_are_unreadable_and_other_archives_are_listed() {
    let of = |name: &str, bytes: Vec<u8>| {
        let dir = dir();
        dir.write("semgrep.json", semgrep(&[])).write(&format!("all/{name}"), bytes);
        dir.check(&["--policy", "policy.yaml", "semgrep.json", "all"])
    };
    let xz = || b"\xfd7zXZ\0\0\0".to_vec();
    let report = semgrep(&["ERROR"]);
    for (name, bytes) in [
        ("bandit.json.xz", xz()),
        ("reports/today.json.xz", xz()),
        ("x.sarif.7z", b"7z\xbc\xaf\x27\x1c\0".to_vec()),
        ("x.sarif.zst", b"\x28\xb5\x2f\xfd\0".to_vec()),
        ("scan-report.xml.bz2", b"BZh91AY".to_vec()),
        ("console.txt", format!("INFO scanning\n{report}").into_bytes()),
        ("job", format!(")]}}'\n{report}").into_bytes()),
        ("scan.json", format!("\u{feff}INFO\n{report}").into_bytes()),
    ] {
        let run = of(name, bytes);
        assert_eq!(run.code, 2, "{name}: {run:?}");
        assert!(run.stdout.contains(&format!("all/{name}")), "{name}: {}", run.stdout);
    }
    for (name, bytes) in [
        ("node_modules.zip", b"PK\x03\x04".to_vec()),
        ("measured.json.xz", xz()),
        ("logo.png", b"\x89PNG".to_vec()),
        ("notes.txt", b"To do:\n{\"a\": 1}\n".to_vec()),
    ] {
        let run = of(name, bytes);
        assert_eq!(run.code, 0, "{name}: {run:?}");
        let told =
            if name.contains(".xz") || name.contains(".zip") { "packed, and not" } else { "no reports" };
        assert!(run.stdout.contains(told), "{name}: {}", run.stdout);
    }
}

#[test]
fn an_advisory_is_withdrawn_from_its_time_on() {
    let dir = Dir::new();
    let report = r#"{"results":[{"source":{"path":"a.lock","type":"lockfile"},"packages":[{"package":{"name":"b","version":"1","ecosystem":"npm"},
        "vulnerabilities":[{"id":"OSV-1","withdrawn":"2026-06-01T00:00:00Z","database_specific":{"severity":"CRITICAL"}}],
        "groups":[{"ids":["OSV-1"]}]}]}]}"#;
    dir.write("osv.json", report).write(
        "policy.yaml",
        "version: 1\ngate: merge\nevidence:\n  deps: {category: vulnerability, files: osv.json}\nrules:\n  - {id: critical, findings: {severity: critical}, then: fail}\n",
    );
    for (now, code) in [("2026-05-31T23:59:59Z", 1), ("2026-06-01T00:00:00Z", 0)] {
        let command =
            dir.command().args(["check", "--policy", "policy.yaml", "--now", now]).output().unwrap();
        assert_eq!(command.status.code(), Some(code), "{now}: {}", String::from_utf8_lossy(&command.stdout));
    }
}

#[test]
fn what_the_tool_says_of_its_own_scan() {
    for (file, code, status) in [
        ("semgrep/app-clean.json", 0, "complete"),
        ("semgrep/app-nothing.json", 10, "nothing_scanned"),
        ("semgrep/app-parse-error.json", 10, "incomplete"),
    ] {
        let dir = dir();
        dir.write("semgrep.json", fs::read(fixture(file)).unwrap());
        let policy = SAST_POLICY
            .replace("severity: high", "rule_id: none")
            .replace("severity: medium", "rule_id: none");
        dir.write("policy.yaml", policy);
        let run = dir.check(&["--policy", "policy.yaml", "--format", "json"]);
        let json = run.json();
        assert_eq!((run.code, &json["evidence"][0]["status"]), (code, &status.into()), "{file}: {run:?}");
    }
}

#[test]
fn standard_input_is_a_report() {
    let dir = dir();
    let output = dir
        .command()
        .args(["check", "--policy", "policy.yaml", "--evidence", "sast=-"])
        .write_stdin(semgrep(&["ERROR"]))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let output = dir
        .command()
        .args(["check", "--policy", "policy.yaml", "--evidence", "sast=-"])
        .write_stdin("")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_empty_array_is_what_its_entry_says() {
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        "version: 1\ngate: merge\nevidence:\n  secrets: {category: secret, files: [secrets.json]}\n\
         rules:\n  - {id: no-secrets, findings: {category: secret}, then: fail}\n",
    );
    dir.write("secrets.json", "[]\n").write("other.json", "[]");
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
    assert_eq!(dir.check(&["--policy", "policy.yaml", "secrets.json", "other.json"]).code, 2);
    dir.write("secrets.json", "{\"findings\":[]}");
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
    dir.write("secrets.json", "{}");
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 2);
}

#[test]
fn one_secret_seen_by_two_tools_is_shown_once_and_counted_twice() {
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        "version: 1\ngate: merge\nevidence:\n  secrets: {category: secret, files: [gitleaks.json, trufflehog.json]}\n\
         rules:\n  - {id: no-secrets, findings: {category: secret}, then: fail}\n",
    );
    let gitleaks = |value: &str| {
        format!(
            r#"[{{"RuleID":"key","Description":"d","File":"a.env","StartLine":3,"Secret":"{value}","Match":"K={value}"}}]"#
        )
    };
    let trufflehog = |value: &str| {
        format!(
            r#"{{"SourceMetadata":{{"Data":{{"Filesystem":{{"file":"a.env","line":3}}}}}},"DetectorName":"AWS","DetectorType":2,"Verified":false,"Raw":"{value}"}}"#
        )
    };
    let shown = |first: &str, second: &str| {
        dir.write("gitleaks.json", gitleaks(first)).write("trufflehog.json", trufflehog(second));
        let json = dir.check(&["--policy", "policy.yaml", "--format", "json"]).json();
        (json["rules"][0]["count"].as_u64().unwrap(), json["findings"].as_array().unwrap().len())
    };
    assert_eq!(shown("hunter2-one", "hunter2-one"), (2, 1));
    assert_eq!(shown("hunter2-one", "hunter2-two"), (2, 2));
    // Of values that nobody told, one place is one secret.
    assert_eq!(shown("REDACTED", "REDACTED"), (2, 1));
}

#[test]
fn what_a_glob_is_not_followed_into_is_no_absence_of_reports() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY.replace("[semgrep.json]", "[semgrep.json, \"**/more-*.json\"]"));
    dir.write("semgrep.json", semgrep(&[]));
    let check = || dir.check(&["--policy", "policy.yaml"]);
    assert_eq!(check().code, 0);
    dir.write(&format!("{}more-1.json", "d/".repeat(100)), semgrep(&["HIGH"]));
    assert_eq!(check().code, 1, "it is found");
    dir.write(&format!("{}more-1.json", "e/".repeat(140)), semgrep(&["HIGH"]));
    fs::remove_dir_all(dir.path().join("d")).unwrap();
    let run = check();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stdout.contains("is a directory, not a regular file"), "{run:?}");
}

#[test]
fn the_table_of_formats_is_what_the_registry_says() {
    let dir = Dir::new();
    let book = fs::read_to_string(root().join("docs/formats.md")).unwrap();
    let made = dir.run(&["formats", "--format", "markdown"]);
    assert!(
        book.contains(&made.stdout),
        "put `secgate formats --format markdown` into docs/formats.md again"
    );
    let json = dir.run(&["formats", "--format", "json"]).json();
    let all = json.as_array().unwrap();
    assert_eq!(made.stdout.lines().count(), all.len() + 2);
    // Whoever finds vulnerabilities or secrets says how a scan of nothing or of a part shows, or that it cannot.
    let grype = all.iter().find(|format| format["id"] == "grype").unwrap();
    assert!(!grype["signals"].as_array().unwrap().is_empty() && grype["tried"] == "0.7.0 to 0.100.0");
}

#[test]
fn a_format_tells_all_about_itself() {
    let dir = Dir::new();
    let told = dir.run(&["formats", "bundler-audit"]);
    assert!(
        told.stdout.contains("never says     ") && told.stdout.contains("read by        a mapping"),
        "{}",
        told.stdout
    );
    let unknown = dir.run(&["formats", "gripe"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("the nearest is `grype`"), "{}", unknown.stderr);
}

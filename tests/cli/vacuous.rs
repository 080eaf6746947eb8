//! Reports that say that they looked at nothing or at a part, and files whose bytes take care to be read.

use std::fs;

use crate::common::Dir;

/// A policy that fails on anything of a category.
fn policy(category: &str) -> String {
    format!(
        "version: 1\ngate: merge\nevidence:\n  e: {{category: {category}, files: [\"r.*\"]}}\nrules:\n  \
         - {{id: any, findings: {{category: {category}}}, then: fail}}\n"
    )
}

fn decided(category: &str, name: &str, bytes: &[u8]) -> (i32, String) {
    let dir = Dir::new();
    dir.write("p.yaml", policy(category)).write(name, bytes);
    let run = dir.check(&["--policy", "p.yaml"]);
    (run.code, run.stdout)
}

#[test]
fn what_saw_nothing_or_a_part_is_a_review() {
    for (category, name, text, words) in [
        (
            "secret",
            "r.json",
            r#"{"version":"1.5.0","plugins_used":[],"filters_used":[],"results":{}}"#,
            "plugins_used is empty",
        ),
        (
            "misconfiguration",
            "r.json",
            r#"{"kics_version":"v2","files_scanned":4,"files_parsed":4,"queries_total":0,"total_counter":0,"severity_counters":{},"queries":[]}"#,
            "queries_total is 0",
        ),
        (
            "vulnerability",
            "r.json",
            r#"{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0},"dependencies":{"prod":1,"total":0}}}"#,
            "metadata.dependencies counts 0",
        ),
        (
            "sast",
            "r.json",
            r#"{"version":"1.150.0","results":[],"errors":[],"paths":{"scanned":["a.py"],"skipped":[{"path":"b.py","reason":"exceeded_size_limit"}]}}"#,
            "exceeded_size_limit",
        ),
        (
            "quality",
            "r.xml",
            r#"<testsuites tests="1"><testsuite tests="1"><testcase name="a" status="notrun" result="suppressed"/></testsuite></testsuites>"#,
            "no test was run",
        ),
        (
            "vulnerability",
            "r.json",
            r#"{"results":[{"source":{"path":"a","type":"lockfile"},"packages":[{"package":{"name":"a"}}]}]}"#,
            "says of none",
        ),
    ] {
        let (code, stdout) = decided(category, name, text.as_bytes());
        assert_eq!(code, 10, "{text}: {stdout}");
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn names_that_are_not_utf_8_are_read_and_lose_no_finding() {
    let bandit = r#"{"errors":[],"generated_at":"2026-06-01T00:00:00Z","metrics":{"_totals":{"loc":5,"nosec":0},"caf\udce9.py":{"loc":5,"nosec":0}},
        "results":[{"filename":"caf\udce9.py","issue_severity":"HIGH","issue_confidence":"HIGH","issue_text":"eval","test_id":"B307","test_name":"blacklist","line_number":3,"code":"3 eval(x)\n"}]}"#;
    let (code, stdout) = decided("sast", "r.json", bandit.as_bytes());
    assert_eq!(code, 1, "{stdout}");
    let dir = Dir::new();
    dir.write("p.yaml", policy("sast")).write("reports/bandit.json", bandit);
    let run = dir.check(&["--policy", "p.yaml", "reports"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("B307"), "{}", run.stdout);

    // What ends the look at a file before it tells what it is, never passes it over.
    dir.write("reports/bandit.json", r#"{"odd":1e400,"more":[{"severity":"HIGH"}]}"#);
    let run = dir.check(&["--policy", "p.yaml", "reports"]);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("may be a report"), "{}", run.stdout);
}

#[test]
fn xml_is_read_in_the_encoding_that_it_declares() {
    let xml = |encoding: &str, name: &[u8], inside: &str| {
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"{encoding}\"?><testsuite tests=\"1\"><testcase name=\""
        );
        [head.as_bytes(), name, b"\">", inside.as_bytes(), b"</testcase></testsuite>"].concat()
    };
    let failure = "<failure message=\"&#27;[31mbad&#0;\"/>";
    for (encoding, name, shown) in [
        ("ISO-8859-1", &b"pr\xfcfen"[..], "prüfen"),
        ("windows-1252", b"\x80 pr\xfcfen", "€ prüfen"),
        ("Shift_JIS", b"\x83e\x83X\x83g", "テスト"),
    ] {
        let (code, stdout) = decided("quality", "r.xml", &xml(encoding, name, failure));
        assert_eq!(code, 1, "{encoding}: {stdout}");
        assert!(stdout.contains(shown), "{encoding}: {stdout}");
        assert_eq!(decided("quality", "r.xml", &xml(encoding, name, "")).0, 0, "{encoding}");
    }
    let (code, stdout) = decided("quality", "r.xml", &xml("unheard-of", b"a", ""));
    assert!(code == 2 && stdout.contains("encoding"), "{stdout}");
}

#[test]
fn a_file_that_is_not_read_says_what_to_do() {
    let (code, stdout) = decided("secret", "r.json", b"");
    assert!(code == 2 && stdout.contains("2>&1"), "{stdout}");
    let kube_linter = br#"{"Checks":[],"Reports":[{"Diagnostic":{"Message":"x"},"Check":"y"}],"Summary":{"ChecksStatus":"Failed"}}"#;
    let (code, stdout) = decided("misconfiguration", "r.json", kube_linter);
    assert!(code == 2 && stdout.contains("kube-linter lint --format sarif"), "{stdout}");
}

/// A group of aliases that begins with its GHSA id.
const MALICIOUS: &str = r#"{"results":[{"source":{"path":"package-lock.json","type":"lockfile"},"packages":[
  {"package":{"name":"evil","version":"1.0.0","ecosystem":"npm"},
   "vulnerabilities":[{"id":"GHSA-aaaa-bbbb-cccc","aliases":["MAL-2026-1"],"summary":"Malicious code in evil"}],
   "groups":[{"ids":["GHSA-aaaa-bbbb-cccc","MAL-2026-1"],"aliases":[]}]}]}]}"#;

#[test]
fn malware_is_critical_new_and_not_waived() {
    let rule = |selector: &str, more: &str| {
        format!(
            "version: 1\ngate: merge\nseverity: {{unknown: low}}\nbase: {{from: baseline, without: review}}\nwaivers: {{files: [w.yaml]}}\n\
             evidence:\n  e: {{category: vulnerability, files: [osv.json]}}\nrules:\n  \
             - {{id: any, findings: {{{selector}}}, then: fail{more}}}\n"
        )
    };
    let dir = Dir::new();
    dir.write("osv.json", MALICIOUS)
        .write("p.yaml", rule("malware: true, severity: critical, state: new", ""));
    let written = dir.run(&["baseline", "write", "--no-env", "osv.json"]);
    assert_eq!(written.code, 0, "{written:?}");
    dir.write("known.jsonl", &written.stdout);
    let check = |dir: &Dir| dir.check(&["--policy", "p.yaml", "--baseline", "known.jsonl"]);
    let run = check(&dir);
    assert_eq!(run.code, 1, "a baseline does not make it old: {}", run.stdout);
    assert!(run.stdout.contains("1 new, 0 known, 0 fixed"), "{}", run.stdout);
    for selector in ["rule_id: \"MAL-*\"", "ids: \"MAL-2026-*\"", "ids: mal-2026-1", "rule_id: \"GHSA-*\""] {
        dir.write("p.yaml", rule(selector, ""));
        assert_eq!(check(&dir).code, 1, "{selector}");
    }
    dir.write("p.yaml", rule("malware: false", ""));
    assert_eq!(check(&dir).code, 0);
    let waiver = "version: 1\nwaivers:\n  - id: W-1\n    rule: merge/any\n    match: {ids: [MAL-2026-1], package: evil}\n    \
        reason: Used in a sandbox\n    owner: \"@dev\"\n    approved_by: \"@sec\"\n    compensating_controls: [none needed]\n    \
        created: 2026-05-30\n    expires: 2026-06-20\n    review_trigger: [severity_raised]\n    seen: {severity: critical, fix: unknown, matches: 1}\n";
    dir.write("w.yaml", waiver);
    for (more, code) in [("", 1), (", waive_malware: false", 1), (", waive_malware: true", 0)] {
        dir.write("p.yaml", rule("category: vulnerability", more));
        let run = check(&dir);
        assert_eq!(run.code, code, "{more}: {}", run.stdout);
    }
    // An inherited rule and the gate from before the change see it as a loosening.
    fs::create_dir_all(dir.path().join("before")).unwrap();
    dir.write("before/p.yaml", rule("category: vulnerability", ""));
    let run =
        dir.check(&["--policy", "p.yaml", "--base-policy", "before/p.yaml", "--baseline", "known.jsonl"]);
    assert!(run.code != 0 && run.stdout.contains("waive_malware"), "{}", run.stdout);
}

/// What is taken for secgate's own must be it: a report that says so in passing hides nothing.
#[test]
fn a_report_is_not_taken_for_what_secgate_wrote() {
    let junit = |between: &str, name: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>{between}<testsuites name=\"{name}\"><testsuite name=\"{name}\" tests=\"1\">\
             <testcase name=\"a\"><system-out><![CDATA[<testsuites name=\"secgate\">]]></system-out>\
             <failure message=\"b\">x</failure></testcase></testsuite></testsuites>"
        )
    };
    for text in [
        junit("", "T"),
        junit("<!-- <testsuites name=\"secgate merge\"> -->", "T"),
        junit("", "secgate unit tests"),
    ] {
        let (code, said) = decided("quality", "r.xml", text.as_bytes());
        assert_eq!(code, 1, "{said}");
    }
    let run = |driver: &str, results: &str| {
        format!(r#"{{"tool":{{"driver":{{"name":"{driver}"}}}},"results":[{results}]}}"#)
    };
    let result = r#"{"ruleId":"r","level":"error","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"},"region":{"startLine":1}}}]}"#;
    for runs in [
        [run("secgate", ""), run("Semgrep OSS", result)].join(","),
        run("Semgrep OSS", &result.replacen('{', r#"{"properties":{"driver":{"name":"secgate"}},"#, 1)),
    ] {
        let text = format!(r#"{{"version":"2.1.0","runs":[{runs}]}}"#);
        let (code, said) = decided("sast", "r.sarif", text.as_bytes());
        assert_eq!(code, 1, "{said}");
    }
}

const HIGH: &str = r#"{"version":"1.150.0","results":[{"check_id":"eval","path":"a.py","start":{"line":1,"col":1},"end":{"line":1,"col":2},
    "extra":{"message":"m","severity":"ERROR","metadata":{}}}],"errors":[],"paths":{"scanned":["a.py"]}}"#;
const CLEAN: &str = r#"{"version":"1.150.0","results":[],"errors":[],"paths":{"scanned":["a.py"]}}"#;

/// The exit code where a glob names what lies below `reports`.
fn in_reports(make: impl Fn(&Dir)) -> (i32, String) {
    let dir = Dir::new();
    dir.write("p.yaml", policy("sast").replace("r.*", "reports/**/*.json"));
    dir.write("reports/clean.json", CLEAN);
    make(&dir);
    let run = dir.check(&["--policy", "p.yaml"]);
    (run.code, run.stdout)
}

#[test]
fn no_folder_and_no_name_hides_a_report() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let odd = |bytes: &[u8]| std::path::PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    assert_eq!(in_reports(|_| ()).0, 0);
    let (code, said) = in_reports(|dir| {
        dir.write("reports/s/bundle.json", r#"{"schema":"secgate/x"}"#).write("reports/s/r.json", HIGH);
    });
    assert_ne!(code, 0, "a folder with a file of a bundle: {said}");
    let (code, said) = in_reports(|dir| {
        fs::write(dir.path().join(odd(b"reports/x\xff.json")), HIGH).unwrap();
        dir.write("reports/x\u{fffd}.json", CLEAN);
    });
    assert_ne!(code, 0, "a name that is not UTF-8, with a twin: {said}");
    let (code, said) = in_reports(|dir| {
        symlink("..", dir.path().join("reports/s")).unwrap();
        dir.write("r.json", HIGH);
    });
    assert_ne!(code, 0, "a link out of the folder: {said}");
    let (code, said) = in_reports(|dir| {
        dir.write("elsewhere/r.json", HIGH);
        symlink("../elsewhere", dir.path().join("reports/.git")).unwrap();
    });
    assert_ne!(code, 0, "a link called .git: {said}");
}

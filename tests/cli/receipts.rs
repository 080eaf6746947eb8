//! `secgate record`, and what its receipts tell a check.

use crate::common::{Dir, Run, semgrep};

const HEAD: &str = "1111111111111111111111111111111111111111";

const POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [\"sem*.json\"], receipt: required, max_age: 1h}
rules:
  - {id: high, findings: {category: sast, severity: high}, then: fail}
";

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("made.json", semgrep(&[]));
    dir
}

/// Records a scanner: `cp` makes the report, a shell the rest.
fn record(dir: &Dir, more: &[&str], command: &[&str]) -> Run {
    let mut args = vec!["record", "--report", "semgrep.json", "--commit", HEAD];
    args.extend(more);
    args.push("--");
    args.extend(command);
    dir.run(&args)
}

/// Checks with the machine's clock, by which receipts are written.
fn check(dir: &Dir) -> Run {
    dir.run(&["check", "--policy", "policy.yaml", "--commit", HEAD, "--format", "json"])
}

fn message(run: &Run) -> String {
    run.json()["evidence"][0]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_receipt_tells_age_and_commit_for_a_format_that_cannot() {
    let dir = dir();
    let run = record(&dir, &[], &["cp", "made.json", "semgrep.json"]);
    assert_eq!((run.code, run.all().trim()), (0, ""), "{run:?}");
    let receipt: serde_json::Value = serde_json::from_str(&dir.read("semgrep.json.receipt.json")).unwrap();
    assert_eq!(receipt["schema"], "secgate/receipt/v1");
    assert_eq!(receipt["argv"], serde_json::json!(["cp", "made.json", "semgrep.json"]));
    assert_eq!((&receipt["exit_code"], &receipt["commit"]), (&0.into(), &HEAD.into()));
    let run = check(&dir);
    assert_eq!(run.code, 0, "{run:?}");
    let json = run.json();
    assert_eq!(json["evidence"].as_array().unwrap().len(), 1, "the receipt is no report: {json}");
    assert!(json["evidence"][0]["generated_at"].is_string() && json["evidence"][0]["took"].is_number());
}

#[test]
fn the_scanners_exit_code_is_passed_on_and_judged() {
    let script = |code: &str| format!("cp made.json semgrep.json; exit {code}");
    let dir = dir();
    assert_eq!(record(&dir, &[], &["sh", "-c", &script("1")]).code, 1);
    assert_eq!(check(&dir).code, 0);
    assert_eq!(record(&dir, &[], &["sh", "-c", &script("3")]).code, 3);
    let run = check(&dir);
    assert_eq!((run.code, run.json()["evidence"][0]["status"].as_str()), (1, Some("failed")), "{run:?}");
    assert!(message(&run).contains("the scanner ended with 3"));
    assert_eq!(record(&dir, &["--expect", "0", "--expect", "3"], &["sh", "-c", &script("3")]).code, 3);
    assert_eq!(check(&dir).code, 0);
    assert_eq!(record(&dir, &[], &["sh", "-c", "cp made.json semgrep.json; kill -9 $$"]).code, 2);
    assert!(message(&check(&dir)).contains("a signal ended the scanner"));
    // What an earlier run left does not survive one that makes nothing.
    let run = record(&dir, &[], &["true"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("semgrep.json: the scanner left no report"), "{run:?}");
    assert!(!dir.exists("semgrep.json") && !dir.exists("semgrep.json.receipt.json"));
    assert_eq!(record(&dir, &[], &["no-such-scanner"]).code, 2);
    // Neither a pipe nor a device is taken away from whoever needs it.
    let socket = std::os::unix::net::UnixListener::bind(dir.path().join("semgrep.json")).unwrap();
    let run = record(&dir, &[], &["true"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("semgrep.json: is a pipe, device or socket; nothing was removed"), "{run:?}");
    assert!(dir.exists("semgrep.json"));
    drop(socket);
    std::fs::remove_file(dir.path().join("semgrep.json")).unwrap();
    // A scanner that prints its report.
    assert_eq!(record(&dir, &["--stdout"], &["cat", "made.json"]).code, 0);
    assert_eq!(check(&dir).code, 0);
}

#[test]
fn a_receipt_that_does_not_fit_is_none() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("semgrep.json", "\"1.0.0\"", "\"1.0.1\"", "of other bytes than the report"),
        ("semgrep.json.receipt.json", HEAD, "2222222222222222222222222222222222222222", "about commit 2222"),
        ("semgrep.json.receipt.json", "secgate/receipt/v1", "other", "`schema` is not"),
        (
            "semgrep.json.receipt.json",
            "\"started_at\"",
            "\"begun_at\"",
            "`started_at` of the receipt is no time",
        ),
        ("semgrep.json.receipt.json", "\"commit\"", "\"revision\"", "commit"),
        ("semgrep.json.receipt.json", "{", "[", "expected"),
    ];
    for (file, from, to, why) in cases {
        let dir = dir();
        record(&dir, &[], &["cp", "made.json", "semgrep.json"]);
        let text = dir.read(file);
        assert!(text.contains(from));
        dir.write(file, text.replacen(from, to, 1));
        let run = check(&dir);
        assert_eq!(run.code, 1, "{file}: {from} → {to}: {run:?}");
        assert!(message(&run).contains(why), "{file}: {from} → {to}: {}", message(&run));
    }
    let dir = dir();
    record(&dir, &[], &["cp", "made.json", "semgrep.json"]);
    std::fs::remove_file(dir.path().join("semgrep.json.receipt.json")).unwrap();
    let run = check(&dir);
    assert!(run.code == 1 && message(&run).contains("there is none beside it"), "{run:?}");
}

#[test]
fn outputs_say_how_long_the_scans_took_where_the_reports_tell() {
    let dir = Dir::new();
    dir.copy("sarif/codeql.json", "codeql.json")
        .copy("semgrep/app-clean.json", "semgrep.json")
        .copy("kics/app.json", "kics.json")
        .copy("gosec/clean.json", "gosec.json");
    let scan = |end: &str| {
        format!(
            r#"{{"version":"15.0.7","vulnerabilities":[],"scan":{{"type":"sast","status":"success","start_time":"2026-06-01T11:50:00","end_time":"{end}","scanner":{{"id":"s","name":"s","version":"1","vendor":{{"name":"v"}}}},"analyzer":{{"id":"s","name":"s","version":"1","vendor":{{"name":"v"}}}}}}}}"#
        )
    };
    // One that ends before it begins says nothing.
    dir.write("gl-sast.json", scan("2026-06-01T11:51:30")).write("gl-odd.json", scan("2026-06-01T11:49:00"));
    let files = ["codeql.json", "semgrep.json", "kics.json", "gosec.json", "gl-sast.json", "gl-odd.json"];
    let outputs = ["--output", "json=v.json", "--output", "markdown=v.md", "--output", "html=v.html"];
    let run = dir.check(&[&["--policy", "merge"], &files[..], &outputs].concat());
    let json: serde_json::Value = serde_json::from_str(&dir.read("v.json")).unwrap();
    let took = |name: &str| {
        let all = json["evidence"].as_array().unwrap();
        all.iter().find(|e| e["path"] == name).unwrap().get("took").cloned()
    };
    assert_eq!(took("codeql.json"), Some(240.into()));
    assert_eq!(took("gl-sast.json"), Some(90.into()));
    assert_eq!(took("semgrep.json"), Some(0.into()));
    assert!(run.stdout.contains("took less than 1s"));
    assert_eq!(took("kics.json"), Some(9.into()));
    assert_eq!((took("gosec.json"), took("gl-odd.json")), (None, None));
    for text in [run.stdout.as_str(), &dir.read("v.md"), &dir.read("v.html")] {
        assert!(text.contains("took 4m") && text.contains("took 1m 30s"), "{text}");
        assert!(text.contains("scans took"), "{text}");
    }
    // A receipt saw the whole of it.
    let copy = |to: &str| {
        let args = ["record", "--report", "codeql.json", "--", "cp", "made", to];
        dir.copy("sarif/codeql.json", "made");
        assert_eq!(dir.run(&args).code, 0);
    };
    copy("codeql.json");
    let mut receipt: serde_json::Value = serde_json::from_str(&dir.read("codeql.json.receipt.json")).unwrap();
    receipt["started_at"] = "2026-11-20T08:59:00Z".into();
    receipt["ended_at"] = "2026-11-20T09:04:30Z".into();
    dir.write("codeql.json.receipt.json", receipt.to_string());
    let run = dir.check(&["--policy", "merge", "codeql.json"]);
    assert!(run.stdout.contains("took 5m 30s"), "{run:?}");
}

#[test]
fn evidence_is_of_this_commit_or_of_the_source_of_the_merge_request() {
    let merge = "9999999999999999999999999999999999999999";
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY.replace("receipt: required, max_age: 1h", "bound: required"));
    let sarif = |commit: &str| {
        format!(
            r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"Semgrep OSS"}}}},"results":[],"versionControlProvenance":[{{"repositoryUri":"https://gitlab.invalid/shop","revisionId":"{commit}"}}],"invocations":[{{"executionSuccessful":true}}]}}]}}"#
        )
    };
    let status = |environment: &[(&str, &str)], more: &[&str]| {
        let mut command = dir.command();
        command.envs(environment.iter().copied()).args([
            "check",
            "--policy",
            "policy.yaml",
            "--format",
            "json",
        ]);
        let run = Run::of(command.args(more));
        let evidence = run.json()["evidence"][0].clone();
        (run.code, evidence["status"].as_str().unwrap().to_owned(), evidence["message"].to_string())
    };
    let source = "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA";
    dir.write("semgrep.json", sarif(HEAD));
    assert_eq!(status(&[], &["--commit", HEAD]).0, 0);
    // A pipeline of merged results runs on a commit that no scanner of the branch has seen.
    assert_eq!(status(&[("CI_COMMIT_SHA", merge), (source, HEAD)], &[]).0, 0);
    assert_eq!(status(&[(source, HEAD)], &["--commit", merge]).0, 0);
    for (environment, more) in [
        (&[("CI_COMMIT_SHA", merge)][..], &[][..]),
        (&[], &["--commit", merge]),
        (&[(source, merge)], &["--commit", merge]),
        (&[(source, HEAD)], &["--no-env", "--commit", merge]),
    ] {
        let (code, status, message) = status(environment, more);
        assert_eq!((code, status.as_str()), (1, "foreign"), "{environment:?} {more:?}: {message}");
        assert!(message.contains("1111111111"), "{message}");
    }
    // One run of the right commit does not speak for another.
    let silent = r#"{"tool":{"driver":{"name":"Semgrep OSS"}},"results":[],"invocations":[{"executionSuccessful":true}]}"#;
    dir.write("semgrep.json", sarif(HEAD).replace(r#""runs":["#, &format!(r#""runs":[{silent},"#)));
    let (code, found, message) = status(&[], &["--commit", HEAD]);
    assert_eq!((code, found.as_str()), (1, "foreign"), "{message}");
    assert!(message.contains("1 of its 2 runs"), "{message}");
    // Without a word of the commit, on either side, it is bound to nothing.
    dir.write("semgrep.json", semgrep(&[]));
    assert_eq!(status(&[], &["--commit", HEAD]).0, 1);
    dir.write("semgrep.json", sarif(HEAD));
    assert_ne!(status(&[], &[]).0, 0);
}

//! `secgate replay --rows`: rows of many runs, none lost and none twice.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use crate::common::{Dir, Run, SAST_POLICY, semgrep};
use serde_json::{Value, json};

const TABLES: [&str; 7] =
    ["run", "run_rule", "run_evidence", "run_finding", "run_waiver", "run_difference", "run_recall"];

/// Runs of all sorts as lines, each with its report in it.
fn lines(count: usize) -> String {
    use base64ct::Encoding as _;
    let line = |at: usize| {
        let report = match at % 7 {
            0 => semgrep(&["ERROR", "WARNING"]),
            3 => "{\"version\": \"1.0".to_owned(),
            _ => semgrep(&["WARNING", "INFO"]),
        };
        let data = base64ct::Base64::encode_string(report.as_bytes());
        let run = json!({
            "id": format!("shop/{}-{at}", at % 3), "project": format!("shop/{}", at % 3), "team": "till", "author": "kim",
            "commit": "0123456789012345678901234567890123456789", "merge_request": at, "pipeline": 1, "ref": "x",
            "time": "2026-05-01T08:00:00Z", "gate": "merge", "files": {"semgrep.json": {"data": data}},
        });
        format!("{run}\n")
    };
    (0..count).map(line).collect()
}

fn fleet(count: usize) -> Dir {
    let dir = Dir::new();
    dir.write("a.yaml", SAST_POLICY)
        .write("b.yaml", SAST_POLICY.replace("severity: medium}", "severity: critical}"))
        .write("runs.ndjson", lines(count));
    dir
}

fn rows(dir: &Dir, folder: &str, table: &str) -> Vec<Value> {
    let text = dir.read(&format!("{folder}/{table}.ndjson"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn assert_same_rows(dir: &Dir, one: &str, other: &str) {
    for file in TABLES
        .map(|table| format!("{table}.ndjson"))
        .iter()
        .map(String::as_str)
        .chain(["rows.json", "end.json"])
    {
        let [a, b] = [one, other].map(|folder| dir.read(&format!("{folder}/{file}")));
        assert!(a == b, "{file} of {one} is not that of {other}: {} and {} bytes", a.len(), b.len());
    }
}

#[test]
fn each_run_has_a_row_and_each_row_says_whose_it_is() {
    let dir = fleet(10);
    let args = [
        "replay",
        "--policy",
        "a.yaml",
        "--against",
        "b.yaml",
        "--keep-going",
        "--rows",
        "out",
        "runs.ndjson",
    ];
    let run = dir.run(&args);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(dir.read("out/end.json"), "{\"end\":true,\"in\":10,\"out\":10}\n");
    let runs = rows(&dir, "out", "run");
    let of: Vec<String> = runs
        .iter()
        .map(|row| format!("{}{}", row["id"].as_str().unwrap(), row["policy_label"].as_str().unwrap()))
        .collect();
    let expected: Vec<String> =
        (0..10).flat_map(|at| ["A", "B"].map(|label| format!("shop/{}-{at}{label}", at % 3))).collect();
    assert_eq!(of, expected);
    let mut first = runs[0].clone();
    (first["policy_sha256"], first["findings_digest"]) = ("HEX".into(), "HEX".into());
    insta::assert_json_snapshot!(first, @r#"
    {
      "author": "kim",
      "clears": 2,
      "clears_with": "correct 2 files",
      "commit_sha": "0123456789012345678901234567890123456789",
      "enforced": true,
      "error_code": null,
      "error_text": null,
      "evaluated_at": "2026-05-01T08:00:00Z",
      "findings_digest": "HEX",
      "findings_total": 2,
      "gate": "merge",
      "git_ref": "x",
      "id": "shop/0-0",
      "merge_request": 0,
      "pipeline": 1,
      "policy_gate": "merge",
      "policy_label": "A",
      "policy_sha256": "HEX",
      "policy_source": "a.yaml",
      "project": "shop/0",
      "ran_at": "2026-05-01T08:00:00Z",
      "reviewers": [],
      "row_type": "run",
      "scan_seconds": null,
      "seq": 0,
      "stopped_by": [
        "sast-high",
        "sast-medium"
      ],
      "stops": 2,
      "team": "till",
      "verdict": "fail",
      "worst_evidence": null,
      "worst_evidence_outcome": null,
      "worst_evidence_status": null
    }
    "#);
    // A finding that no rule counted has a row as well.
    let quiet = rows(&dir, "out", "run_finding");
    assert!(quiet.iter().any(|row| row["rule"].is_null() && row["check_id"] == "rule-1"), "{quiet:?}");
    // Rows that are there are not written over.
    let again = dir.run(&args);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("--resume continues them"), "{again:?}");
}

/// A replay of the fleet by two policies, with rows in `out`.
const BOTH_POLICIES: [&str; 9] =
    ["replay", "--policy", "a.yaml", "--against", "b.yaml", "--keep-going", "--rows", "out", "runs.ndjson"];

#[test]
fn findings_and_differences_have_rows() {
    let dir = fleet(10);
    assert_eq!(dir.run(&BOTH_POLICIES).code, 0);
    let mut finding = rows(&dir, "out", "run_finding")[0].clone();
    finding["fingerprint"] = "HEX".into();
    insta::assert_json_snapshot!(finding, @r#"
    {
      "advisory": null,
      "age_days": null,
      "category": "sast",
      "check_id": "rule-0",
      "due_at": null,
      "fingerprint": "HEX",
      "fix": "unknown",
      "fixed_version": null,
      "id": "shop/0-0",
      "line_number": 1,
      "native_severity": "ERROR",
      "owners": [],
      "package": null,
      "package_version": null,
      "path": "src/a0.py",
      "policy_label": "A",
      "row_type": "run_finding",
      "rule": "sast-high",
      "seq": 0,
      "severity": "high",
      "state": "new",
      "suppressed": false,
      "tool": "semgrep",
      "upgrade_to": null,
      "waiver": null
    }
    "#);
    let mut difference = rows(&dir, "out", "run_difference")[0].clone();
    difference["findings_a"] = difference["findings_a"].as_array().unwrap().len().into();
    insta::assert_json_snapshot!(difference, @r#"
    {
      "cause": "rule",
      "clauses": [
        "rule `sast-medium`: `findings.severity`: medium -> critical"
      ],
      "count_a": 2,
      "count_b": 0,
      "findings_a": 2,
      "findings_b": [],
      "id": "shop/0-0",
      "outcome_a": "review",
      "outcome_b": "pass",
      "row_type": "run_difference",
      "seq": 0,
      "subject": "sast-medium",
      "verdict_a": "fail",
      "verdict_b": "fail"
    }
    "#);
}

#[test]
fn a_stream_of_rows_ends_with_its_number() {
    let dir = fleet(0);
    let mut command = dir.command();
    command.args(["replay", "--policy", "a.yaml", "--rows", "-", "-"]);
    let text = lines(4) + "\n{\"id\": \"x\"}\nnonsense\n";
    let run = Run::of(command.write_stdin(text));
    assert_eq!(run.code, 2, "{run:?}");
    let rows: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.last().unwrap(), &json!({"end": true, "in": 6, "out": 6}));
    let runs: Vec<&Value> = rows.iter().filter(|row| row["row_type"] == "run").collect();
    let told: Vec<(&Value, &Value)> = runs.iter().map(|row| (&row["id"], &row["error_code"])).collect();
    assert_eq!(told[4], (&json!("x"), &json!("run-without-time")));
    assert_eq!(told[5], (&Value::Null, &json!("broken-run-line")));
}

/// Words that one of the engines reserves: `duckdb_keywords()` of `DuckDB` 2.0, appendix C of `PostgreSQL` 18, and Spark 4 under
/// ANSI.
const RESERVED: &str = "asof at by columns describe generated pivot_longer pivot_wider try_cast tuple unpack all analyse analyze and any anti array as asc asymmetric authorization between binary both case cast check \
    collate collation column concurrently constraint create cross current_catalog current_date current_role current_schema \
    current_time current_timestamp current_user default deferrable desc distinct do else end escape except exists false fetch \
    filter for foreign freeze from full function glob global grant group having ilike in initially inner intersect interval into is \
    isnull join lambda lateral leading left like limit local localtime localtimestamp map natural not notnull null offset on only \
    or order outer overlaps overlay partition pivot placing position positional primary qualify range recursive references \
    returning right rollup row rows select semi session_user similar some show sql start struct summarize symmetric system_user \
    table tablesample then to trailing true union unique unknown unnest unpivot update user using values variadic verbose when where \
    window with within without";

#[test]
fn no_column_is_a_reserved_word_and_the_schema_knows_each() {
    let dir = fleet(8);
    assert_eq!(dir.run(&BOTH_POLICIES).code, 0);
    let reserved: BTreeSet<&str> = RESERVED.split_whitespace().collect();
    let schema = dir.run(&["schema", "replay-rows"]).json();
    for table in TABLES {
        let known = &schema["$defs"][table]["properties"];
        for row in rows(&dir, "out", table) {
            assert_eq!(row["row_type"], table);
            for name in row.as_object().unwrap().keys() {
                assert!(!reserved.contains(name.as_str()), "{table}: {name} is a reserved word");
                assert!(known.get(name).is_some(), "{table}: {name} is not in the schema");
            }
        }
    }
}

/// The rows say who is asked, which waivers there are, and that a scanner is not trusted.
#[test]
fn waivers_reviewers_and_distrust_have_rows() {
    let dir = Dir::new();
    let trivy = json!({"SchemaVersion": 2, "ArtifactType": "filesystem", "Results": [{"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm",
        "Vulnerabilities": [{"VulnerabilityID": "CVE-2026-1", "PkgName": "http-core", "InstalledVersion": "1.0.0", "Severity": "HIGH", "Status": "affected"}]}]});
    let time =
        |id: &str| json!({"id": id, "time": "2026-06-01T08:00:00Z", "project": "shop/api"}).to_string();
    dir.write("policy.yaml", WAIVER_POLICY)
        .write("runs/1/semgrep.json", semgrep(&["WARNING"]))
        .write("runs/1/run.json", time("1"))
        .write("runs/2/semgrep.json", semgrep(&["WARNING"]).replace("1.0.0", "1.1.0"))
        .write("runs/2/run.json", time("2"));
    for run in 1..=2 {
        dir.write(&format!("runs/{run}/trivy.json"), trivy.to_string())
            .write(&format!("runs/{run}/.secgate/waivers.yaml"), WAIVERS);
    }
    let run = dir.run(&["replay", "--policy", "policy.yaml", "--rows", "out", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let told: Vec<Value> = rows(&dir, "out", "run")
        .iter()
        .map(|row| json!([row["id"], row["verdict"], row["reviewers"]]))
        .collect();
    assert_eq!(told, [json!(["1", "fail", []]), json!(["2", "review", ["@lead"]])]);
    let distrusted: Vec<Value> =
        rows(&dir, "out", "run_evidence").iter().map(|row| row["distrust"].clone()).collect();
    assert_eq!(
        distrusted.iter().filter(|why| !why.is_null()).collect::<Vec<_>>(),
        ["semgrep 1.0.0 is not trusted: it was not theirs"]
    );
    let mut waiver = rows(&dir, "out", "run_waiver")[0].clone();
    waiver["hidden_findings"] = waiver["hidden_findings"].as_array().unwrap().len().into();
    insta::assert_json_snapshot!(waiver, @r#"
    {
      "approved_by": "@lead",
      "created_at": "2026-05-15",
      "expires_at": "2026-06-30",
      "hidden_count": 1,
      "hidden_findings": 1,
      "id": "1",
      "kind": null,
      "line_number": 3,
      "match_count": 1,
      "match_limit": 1,
      "message": "",
      "path": ".secgate/waivers.yaml",
      "policy_label": "A",
      "row_type": "run_waiver",
      "seq": 0,
      "status": "active",
      "waived_rules": [
        "merge/high"
      ],
      "waiver": "W-1",
      "waiver_owner": "@kim"
    }
    "#);
}

/// A policy with waivers, reviewers and a scanner that it does not trust.
const WAIVER_POLICY: &str = "\
version: 1
gate: merge
trust: {deny: [{tool: semgrep, version: [\"1.0.*\"], reason: it was not theirs}]}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  deps: {category: vulnerability, files: [trivy.json]}
waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}
reviewers: {any_of: [\"@lead\"], at_least: 1}
rules:
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review}
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
";

/// A waiver of a vulnerability.
const WAIVERS: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/high
    match: {ids: [CVE-2026-1]}
    reason: the function is not called
    owner: \"@kim\"
    approved_by: \"@lead\"
    compensating_controls: [WAF rule 7]
    created: 2026-05-15
    expires: 2026-06-30
    review_trigger: [severity_raised]
    seen: {severity: high, fix: none, matches: 1}
";

#[test]
fn a_replay_that_is_killed_is_continued_without_a_trace() {
    let dir = fleet(60);
    let args =
        ["replay", "--policy", "a.yaml", "--against", "b.yaml", "--keep-going", "runs.ndjson", "--rows"];
    assert_eq!(dir.run(&[&args[..], &["whole"]].concat()).code, 0);
    // Other moments in each test, and the same when it is run again.
    let mut random = 7_u64;
    let mut killed = 0;
    for _ in 0..40 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = Process::new(env!("CARGO_BIN_EXE_secgate"))
            .args(args)
            .args(["killed", "--resume"])
            .current_dir(dir.path())
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + (random >> 33) % 130));
        let _ = child.kill();
        killed += usize::from(!child.wait().unwrap().success());
        if dir.exists("killed/end.json") {
            break;
        }
    }
    // What a writer that died in the middle of a line leaves.
    for table in TABLES {
        let path = dir.path().join(format!("killed/{table}.ndjson"));
        if let Ok(mut text) = fs::read(&path) {
            text.extend_from_slice(b"{\"seq\":999,\"row_ty");
            fs::write(&path, text).unwrap();
        }
    }
    let run = dir.run(&[&args[..], &["killed", "--resume"]].concat());
    assert_eq!(run.code, 0, "{killed} times killed: {run:?}");
    assert_same_rows(&dir, "whole", "killed");
    // Other runs are not taken for those that were there.
    let more = lines(60).replace("shop/2-59", "shop/2-61");
    dir.write("runs.ndjson", more);
    let run = dir.run(&[&args[..], &["killed", "--resume"]].concat());
    assert_eq!(run.code, 2, "{run:?}");
    let waivers = dir.path().join("whole/run_waiver.ndjson");
    fs::remove_file(&waivers).unwrap();
    let run = dir.run(&[&args[..], &["whole", "--resume"]].concat());
    assert!(run.code == 2 && run.stderr.contains("no run_waiver.ndjson"), "{run:?}");
    let other = dir.run(&["replay", "--policy", "a.yaml", "runs.ndjson", "--rows", "killed", "--resume"]);
    assert!(other.code == 2 && other.stderr.contains("rows of another question"), "{other:?}");
}

#[test]
fn shards_make_the_whole_and_nothing_else_does() {
    let dir = fleet(30);
    let replay = |folder: &str, more: &[&str]| {
        let args = [
            "replay",
            "--policy",
            "a.yaml",
            "--against",
            "b.yaml",
            "--keep-going",
            "runs.ndjson",
            "--rows",
            folder,
        ];
        let run = dir.run(&[&args[..], more].concat());
        assert_eq!(run.code, 0, "{run:?}");
    };
    replay("whole", &[]);
    for (folder, shard) in [("1", "1/3"), ("2", "2/3"), ("3", "3/3"), ("half", "1/2")] {
        replay(folder, &["--shard", shard]);
    }
    let merge =
        |into: &str, shards: &[&str]| dir.run(&[&["replay", "merge", "--rows", into], shards].concat());
    assert_eq!(merge("merged", &["3", "1", "2"]).code, 0);
    assert_same_rows(&dir, "whole", "merged");
    let refused = |shards: &[&str], why: &str| {
        let run = merge("no", shards);
        assert!(run.code == 2 && run.stderr.contains(why), "{shards:?}: {run:?}");
        assert!(!dir.exists("no/end.json"));
        let _ = fs::remove_dir_all(dir.path().join("no"));
    };
    refused(&["1", "2"], "shard 3/3 is missing");
    refused(&["1", "2", "3", "2"], "is shard 2/3, as 2 is");
    refused(&["1", "2", "half"], "is a shard of another question");
    refused(&["whole"], "is no shard");
    // Rows of a foreign shard under the name of another, and a shard that was not ended.
    let original = dir.read("2/run.ndjson");
    dir.write("2/run.ndjson", dir.read("1/run.ndjson"));
    refused(&["1", "2", "3"], "which is part of another shard");
    let cut: String = original.split_inclusive('\n').skip(2).collect();
    dir.write("2/run.ndjson", cut);
    refused(&["1", "2", "3"], "one of them is not whole");
    dir.write("2/run.ndjson", original);
    fs::remove_file(dir.path().join("2/end.json")).unwrap();
    refused(&["1", "2", "3"], "is not whole: it has no end.json");
}

#[test]
fn a_recorded_run_is_whole_without_secrets_and_replayed() {
    let dir = Dir::new();
    let value = "FAKE0000aaaa1111bbbb2222";
    let leak = json!([{"RuleID": "github-pat", "Description": "d", "StartLine": 1, "EndLine": 1, "StartColumn": 1, "EndColumn": 9,
        "Match": format!("k={value}"), "Secret": value, "File": "a.py", "Commit": "", "Entropy": 4.0, "Author": "", "Email": "",
        "Date": "", "Message": "", "Tags": [], "Fingerprint": "f"}]);
    dir.write("policy.yaml", "version: 1\ngate: merge\nevidence: {secrets: {category: secret, files: [secrets.json]}}\nrules:\n  - {id: none, findings: {category: secret}, then: fail}\n")
        .write("secrets.json", leak.to_string());
    for _ in 0..2 {
        let mut command = dir.command();
        command.env("CI_PROJECT_PATH", "shop/api").env("GITLAB_USER_LOGIN", "kim");
        command.args([
            "check",
            "--now",
            "2026-05-01T08:00:00Z",
            "--policy",
            "policy.yaml",
            "--record",
            "store",
        ]);
        assert_eq!(Run::of(&mut command).code, 1);
    }
    let names: Vec<_> =
        fs::read_dir(dir.path().join("store")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        let bytes = fs::read(name).unwrap();
        assert!(!bytes.windows(value.len()).any(|part| part == value.as_bytes()));
    }
    let run = dir.run(&["replay", "--policy", "policy.yaml", "--rows", "out", "store"]);
    assert_eq!(run.code, 0, "{run:?}");
    for row in rows(&dir, "out", "run") {
        let told = [&row["verdict"], &row["project"], &row["author"], &row["ran_at"], &row["gate"]];
        assert_eq!(told, ["fail", "shop/api", "kim", "2026-05-01T08:00:00Z", "merge"]);
    }
    // One that was changed says so, and is nobody's verdict.
    let mut bytes = fs::read(&names[0]).unwrap();
    let at = bytes.windows(6).position(|part| part == b"github").unwrap();
    bytes[at] = b'G';
    fs::write(&names[0], bytes).unwrap();
    let run = dir.run(&["replay", "--policy", "policy.yaml", "store"]);
    assert!(run.code == 2 && run.stdout.contains("1 error"), "{run:?}");
}

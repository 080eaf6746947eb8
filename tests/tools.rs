//! Reports that the real tools make during the test, of a copy of `fixtures/app`, without a network.
//!
//! Each is told by its content alone and compared, finding by finding, with what the test itself reads from the raw
//! report. Tools are looked for in the folders of `SECGATE_TOOLS` (a list as in `PATH`) and on `PATH`; without them a
//! test is skipped with a message, and under `SECGATE_DEMAND_TOOLS` it fails instead. `.ci/run` installs them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where it fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

#[path = "tools/push.rs"]
mod push;

/// Path, line, rule and severity of a finding.
type Row = (String, Option<u64>, String, String);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Past the test harness, which keeps what a test that passes prints.
fn say(message: &str) {
    io::stderr().write_all(format!("{message}\n").as_bytes()).unwrap();
}

fn folders() -> Vec<PathBuf> {
    let list = |name| std::env::var_os(name).unwrap_or_default();
    let both = [list("SECGATE_TOOLS"), list("PATH")];
    both.iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute()).collect()
}

fn find(tool: &str) -> Option<PathBuf> {
    folders().iter().map(|folder| folder.join(tool)).find(|path| path.is_file())
}

/// True if the tool is there; else says what is left out.
fn has(tool: &str) -> bool {
    if find(tool).is_some() {
        return true;
    }
    assert!(
        std::env::var_os("SECGATE_DEMAND_TOOLS").is_none(),
        "{tool} is demanded, and is neither in SECGATE_TOOLS nor on PATH"
    );
    say(&format!("skipped: {tool} is neither in SECGATE_TOOLS nor on PATH"));
    false
}

/// True if secgate reads the format; else says what is left out.
fn is_read(format: &str) -> bool {
    let known = secgate::report::FORMATS.iter().any(|f| f.id == format);
    if !known {
        say(&format!("skipped: {format} by the real tool: the format is not read yet"));
    }
    known
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// A copy of the application, with a home for the tools and a folder for reports beside it.
struct Bench {
    _dir: TempDir,
    root: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        copy(&fixtures().join("app"), &root.join("app"));
        for folder in ["home", "reports"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        Self { _dir: dir, root }
    }

    fn app(&self) -> PathBuf {
        self.root.join("app")
    }

    /// Where a report lies. Its name says nothing.
    fn report(&self, name: &str) -> PathBuf {
        self.root.join("reports").join(name)
    }

    /// Runs a tool in the application's folder, and gives what it prints. A proxy that is not there keeps tools that
    /// look for their own updates from the network.
    fn run(&self, tool: &str, args: &[&str], codes: &[i32]) -> String {
        let nowhere = "http://127.0.0.1:9";
        let output = Command::new(find(tool).unwrap())
            .args(args)
            .current_dir(self.app())
            .env_clear()
            .env("PATH", std::env::join_paths(folders()).unwrap())
            .env("HOME", self.root.join("home"))
            .env("TMPDIR", self.root.join("home"))
            .envs([("LANG", "C.UTF-8"), ("TZ", "UTC"), ("PYTHONDONTWRITEBYTECODE", "1")])
            .envs([("SEMGREP_SEND_METRICS", "off"), ("SCARF_ANALYTICS", "false")])
            .envs(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, nowhere)))
            .output()
            .unwrap();
        let code = output.status.code();
        assert!(
            code.is_some_and(|code| codes.contains(&code)),
            "{tool} {args:?}: {code:?}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, with what it prints as the report of that name.
    fn save(&self, name: &str, tool: &str, args: &[&str], codes: &[i32]) -> Value {
        let text = self.run(tool, args, codes);
        fs::write(self.report(name), &text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn raw(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.report(name)).unwrap()).unwrap()
    }

    /// One Semgrep scan, written as three reports.
    fn semgrep(&self, args: &[&str]) -> [Value; 3] {
        let outputs = ["--json-output=", "--sarif-output=", "--gitlab-sast-output="];
        let outputs: Vec<String> = outputs
            .iter()
            .zip(SEMGREP)
            .map(|(flag, (name, _))| format!("{flag}{}", self.report(name).display()))
            .collect();
        let offline = ["scan", "--metrics", "off", "--disable-version-check", "--quiet"];
        let rules = ["--config", "rules.yaml", "--exclude", "rules.yaml"];
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.run("semgrep", &[&offline[..], &rules, &outputs, args].concat(), &[0]);
        SEMGREP.map(|(name, _)| self.raw(name))
    }

    /// Runs secgate in the folder of the reports; gives exit code and output.
    fn secgate(&self, args: &[&str]) -> (i32, Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_secgate"))
            .args(args)
            .arg("--no-env")
            .args([OsString::from("--root"), self.app().into()])
            .current_dir(self.root.join("reports"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let told = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        let secrets = fs::read_to_string(fixtures().join("secret-values.txt")).unwrap();
        for secret in secrets.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(!told.contains(secret), "{args:?}: {secret} is in the output");
        }
        let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}: {told}"));
        (output.status.code().unwrap(), json)
    }

    /// Reads a report by its content, holds what must be true of any, and gives the evidence and the findings.
    fn read(&self, name: &str, format: &str, status: &str) -> (Value, Vec<Value>) {
        let (code, json) = self.secgate(&["findings", "--format", "json", name]);
        let evidence = json["evidence"][0].clone();
        assert_eq!((code, &evidence["format"]), (0, &format.into()), "{name}: {evidence}");
        assert_eq!(evidence["status"], status, "{name}: {evidence}");
        let findings = json["findings"].as_array().unwrap().clone();
        assert_eq!(evidence["findings"]["total"], findings.len(), "{name}");
        (evidence, findings)
    }

    /// Reads a report and compares all findings with those that the test took from it.
    fn agrees(&self, name: &str, format: &str, status: &str, mut rows: Vec<Row>, suppressed: usize) {
        let (evidence, findings) = self.read(name, format, status);
        rows.sort();
        assert_eq!(rows_of(&findings), rows, "{name}");
        let counts = &evidence["findings"];
        let mut by_severity: BTreeMap<&str, usize> = BTreeMap::new();
        for (.., severity) in &rows {
            *by_severity.entry(severity).or_default() += 1;
        }
        for severity in ["critical", "high", "medium", "low", "info", "unknown"] {
            assert_eq!(
                counts[severity],
                by_severity.remove(severity).unwrap_or_default(),
                "{name} {severity}"
            );
        }
        assert_eq!(by_severity, BTreeMap::new(), "{name}");
        assert_eq!(counts["suppressed"], suppressed, "{name}");
    }
}

/// Names of the reports of a Semgrep scan, and their formats.
const SEMGREP: [(&str, &str); 3] = [("one", "semgrep"), ("two", "sarif"), ("three", "gitlab-sast")];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn rows_of(findings: &[Value]) -> Vec<Row> {
    let row = |f: &Value| {
        let at = &f["location"];
        (text(&at["path"]), at["line"].as_u64(), text(&f["rule_id"]), text(&f["severity"]))
    };
    let mut rows: Vec<Row> = findings.iter().map(row).collect();
    rows.sort();
    rows
}

fn without_severity(rows: &[Row]) -> Vec<(&str, Option<u64>, &str)> {
    let mut places: Vec<_> = rows.iter().map(|(path, line, rule, _)| (&**path, *line, &**rule)).collect();
    places.sort_unstable();
    places
}

fn semgrep_rows(raw: &Value, severity: fn(&str) -> &'static str) -> Vec<Row> {
    let row = |r: &Value| {
        let severity = severity(r["extra"]["severity"].as_str().unwrap());
        (text(&r["path"]), r["start"]["line"].as_u64(), text(&r["check_id"]), severity.to_owned())
    };
    list(&raw["results"]).iter().map(row).collect()
}

/// What Semgrep's words mean in its JSON.
fn in_json(word: &str) -> &'static str {
    match word {
        "CRITICAL" => "critical",
        "ERROR" | "HIGH" => "high",
        "WARNING" | "MEDIUM" => "medium",
        "LOW" => "low",
        "INFO" => "info",
        _ => panic!("{word} is no severity of Semgrep"),
    }
}

/// What is left of them in its SARIF, which has three levels.
fn in_sarif(word: &str) -> &'static str {
    match in_json(word) {
        "critical" => "high",
        "info" => "low",
        other => other,
    }
}

/// Active results of the only run, by the level of their rule, and how many a comment switched off.
fn sarif_rows(raw: &Value) -> (Vec<Row>, usize) {
    let [run] = list(&raw["runs"]) else { panic!("not one run") };
    let level = |id: &Value| {
        let rule = list(&run["tool"]["driver"]["rules"]).iter().find(|rule| &rule["id"] == id).unwrap();
        match rule["defaultConfiguration"]["level"].as_str().unwrap() {
            "error" => "high",
            "warning" => "medium",
            "note" => "low",
            other => panic!("level {other}"),
        }
    };
    let (off, on): (Vec<&Value>, Vec<&Value>) = list(&run["results"])
        .iter()
        .partition(|r| r["suppressions"].as_array().is_some_and(|entries| !entries.is_empty()));
    let row = |r: &&Value| {
        assert!(r["level"].is_null(), "the result has a level of its own: {r}");
        let at = &r["locations"][0]["physicalLocation"];
        let line = at["region"]["startLine"].as_u64();
        (text(&at["artifactLocation"]["uri"]), line, text(&r["ruleId"]), level(&r["ruleId"]).to_owned())
    };
    (on.iter().map(row).collect(), off.len())
}

fn gitlab_rows(raw: &Value) -> Vec<Row> {
    let row = |v: &Value| {
        let (at, rule) = (&v["location"], text(&v["identifiers"][0]["value"]));
        (text(&at["file"]), at["start_line"].as_u64(), rule, text(&v["severity"]).to_lowercase())
    };
    list(&raw["vulnerabilities"]).iter().map(row).collect()
}

/// Of two rows that differ in severity alone, the worse one.
fn worse(one: &Row, two: &Row) -> Row {
    let order = ["critical", "high", "medium", "low", "info"];
    let rank = |row: &Row| order.iter().position(|severity| *severity == row.3).unwrap();
    [one, two].into_iter().min_by_key(|row| rank(row)).unwrap().clone()
}

#[test]
fn one_semgrep_scan_says_the_same_in_three_formats() {
    if !has("semgrep") || !SEMGREP.iter().all(|(_, format)| is_read(format)) {
        return;
    }
    let bench = Bench::new();
    let [json, sarif, gitlab] = bench.semgrep(&["--exclude", "legacy", "."]);
    assert_eq!((list(&json["errors"]).len(), &gitlab["scan"]["status"]), (0, &"success".into()));

    // Each report by itself.
    let rows = semgrep_rows(&json, in_json);
    bench.agrees("one", "semgrep", "complete", rows.clone(), 0);
    let (of_sarif, off) = sarif_rows(&sarif);
    bench.agrees("two", "sarif", "complete", of_sarif, off);
    bench.agrees("three", "gitlab-sast", "complete", gitlab_rows(&gitlab), 0);

    // The three together: the same problems, and the severities that each output leaves.
    let [one, two, three] = SEMGREP.map(|(name, format)| rows_of(&bench.read(name, format, "complete").1));
    assert!(one.len() > 9, "{one:?}");
    assert_eq!(without_severity(&one), without_severity(&two));
    assert_eq!(one, three);
    let mut lowered = semgrep_rows(&json, in_sarif);
    lowered.sort();
    assert_eq!(two, lowered);
    let some = |severity: &str| one.iter().any(|row| row.3 == severity);
    assert!(some("critical") && some("info"), "nothing shows that the outputs differ: {one:?}");
    // A `nosemgrep` comment: not in the JSON, there and suppressed in SARIF.
    assert!(off > 0);

    // A gate that gets all three.
    fs::write(
        bench.report("policy.yaml"),
        "version: 1\ngate: merge\nevidence:\n  sast: {category: sast, files: [one, two, three]}\nrules:\n  \
         - {id: any, findings: {category: sast, severity: info}, then: fail}\n  \
         - {id: worst, findings: {category: sast, severity: critical}, then: fail}\n",
    )
    .unwrap();
    let (code, verdict) = bench.secgate(&["check", "--policy", "policy.yaml", "--format", "json"]);
    assert_eq!((code, &verdict["verdict"]), (1, &"fail".into()), "{verdict}");
    assert_eq!(list(&verdict["evidence"]).len(), 3);
    assert!(list(&verdict["evidence"]).iter().all(|e| e["status"] == "complete"), "{}", verdict["evidence"]);

    // Shown once, as the worst witness says it, with three witnesses.
    let problems = list(&verdict["findings"]);
    let shown: Vec<Row> = one.iter().zip(&two).map(|(one, two)| worse(one, two)).collect();
    assert_eq!(rows_of(problems), shown);
    for problem in problems {
        assert_eq!(problem["tools"], serde_json::json!(["semgrep"]), "{problem}");
        assert_eq!(problem["joined"]["why"], "same file, line and rule", "{problem}");
        assert_eq!(list(&problem["joined"]["fingerprints"]).len(), 3, "{problem}");
        let reports: BTreeSet<u64> = list(&problem["evidence"]).iter().map(|e| e.as_u64().unwrap()).collect();
        assert_eq!(reports, BTreeSet::from([0, 1, 2]), "{problem}");
    }
    // Rules count every witness.
    let counts: Vec<u64> = list(&verdict["rules"]).iter().map(|r| r["count"].as_u64().unwrap()).collect();
    let critical = [&one, &two, &three].map(|rows| rows.iter().filter(|row| row.3 == "critical").count());
    let expected = [3 * one.len(), critical.iter().sum()].map(|n| u64::try_from(n).unwrap());
    assert_eq!(counts, expected);
    assert_eq!(
        (&verdict["findings_total"], &verdict["findings_shown"]),
        (&expected[0].into(), &one.len().into())
    );
}

#[test]
fn a_semgrep_scan_that_parsed_in_part_says_so_where_its_format_can() {
    if !has("semgrep") || !SEMGREP.iter().all(|(_, format)| is_read(format)) {
        return;
    }
    let bench = Bench::new();
    let [json, sarif, gitlab] = bench.semgrep(&["legacy", "pricing"]);
    assert_eq!(json["errors"][0]["type"][0], "PartialParsing");
    bench.agrees("one", "semgrep", "incomplete", semgrep_rows(&json, in_json), 0);
    let (rows, off) = sarif_rows(&sarif);
    bench.agrees("two", "sarif", "incomplete", rows, off);
    // Semgrep's GitLab report does not tell of it.
    assert_eq!((&gitlab["scan"]["status"], &gitlab["scan"]["messages"]), (&"success".into(), &Value::Null));
    bench.agrees("three", "gitlab-sast", "complete", gitlab_rows(&gitlab), 0);
}

#[test]
fn detect_secrets() {
    if !has("detect-secrets") || !is_read("detect-secrets") {
        return;
    }
    let bench = Bench::new();
    for (name, place) in [("app", "."), ("clean", "pricing")] {
        let raw = bench.save(name, "detect-secrets", &["scan", "--no-verify", "--all-files", place], &[0]);
        let entries = raw["results"].as_object().unwrap().iter();
        let entries = entries.flat_map(|(file, entries)| list(entries).iter().map(move |e| (file, e)));
        let row = |(file, e): (&String, &Value)| {
            (file.clone(), e["line_number"].as_u64(), text(&e["type"]), "critical".to_owned())
        };
        let rows: Vec<Row> = entries.map(row).collect();
        assert_eq!(rows.is_empty(), name == "clean");
        bench.agrees(name, "detect-secrets", "complete", rows, 0);
    }
}

/// A baseline is committed, and the next scan looks at it, too.
#[test]
fn a_baseline_is_no_secret_for_detect_secrets() {
    if !has("detect-secrets") {
        return;
    }
    let bench = Bench::new();
    let raw =
        bench.save("secrets.json", "detect-secrets", &["scan", "--no-verify", "--all-files", "."], &[0]);
    assert!(raw["results"].as_object().unwrap().len() > 1, "{raw}");
    fs::copy(fixtures().join("gate/semgrep.json"), bench.report("semgrep.json")).unwrap();
    fs::copy(fixtures().join("gitleaks/v8.json"), bench.report("gitleaks.json")).unwrap();
    let key = bench.root.join("key");
    fs::write(&key, "of the test, and of nothing else").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_secgate"))
        .args(["baseline", "write", "--no-env", "--output", "baseline.jsonl", "--secret-key"])
        .arg(&key)
        .args(["secrets.json", "semgrep.json", "gitleaks.json"].map(|name| bench.report(name)))
        .current_dir(bench.app())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(bench.app().join("baseline.jsonl")).unwrap();
    assert!(
        text.lines().count() > 10 && text.contains("\"traces_under\"") && text.contains("\"value\""),
        "{text}"
    );
    let told = bench.run("detect-secrets", &["scan", "--no-verify", "--all-files", "baseline.jsonl"], &[0]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["results"], serde_json::json!({}), "{text}");
}

#[test]
fn bandit() {
    if !has("bandit") || !is_read("bandit") {
        return;
    }
    let bench = Bench::new();
    let cases = [
        ("app", &[".", "--exclude", "./legacy"][..], "complete"),
        ("clean", &["pricing"], "complete"),
        ("broken", &["legacy", "shop"], "incomplete"),
        ("nothing", &["docs"], "nothing_scanned"),
    ];
    for (name, places, status) in cases {
        let args = [&["--quiet", "--format", "json", "--recursive"], places].concat();
        let raw = bench.save(name, "bandit", &args, &[0, 1]);
        let row = |r: &Value| {
            let path = text(&r["filename"]).trim_start_matches("./").to_owned();
            let severity = text(&r["issue_severity"]).to_lowercase();
            (path, r["line_number"].as_u64(), text(&r["test_id"]), severity)
        };
        let rows: Vec<Row> = list(&raw["results"]).iter().map(row).collect();
        assert_eq!(rows.is_empty(), ["clean", "nothing"].contains(&name), "{name}");
        // Why the status is what it is, in Bandit's words.
        assert_eq!(list(&raw["errors"]).is_empty(), name != "broken");
        assert_eq!(raw["metrics"]["_totals"]["loc"] == 0, name == "nothing");
        bench.agrees(name, "bandit", status, rows, 0);
    }
}

#[test]
fn checkov() {
    if !has("checkov") || !is_read("checkov") {
        return;
    }
    let bench = Bench::new();
    // Several frameworks are an array, one is an object, none a bare summary.
    let cases = [
        ("app", &["--directory", ".", "--quiet", "--compact"][..], "complete"),
        ("one", &["--file", "Dockerfile", "--framework", "dockerfile"], "complete"),
        ("nothing", &["--directory", "docs"], "nothing_scanned"),
    ];
    for (name, args, status) in cases {
        let args = [&["--skip-download", "--output", "json"], args].concat();
        let raw = bench.save(name, "checkov", &args, &[0, 1]);
        let frameworks = if raw.is_array() { list(&raw) } else { std::slice::from_ref(&raw) };
        assert_eq!((raw.is_array(), raw["passed"] == 0), (name == "app", name == "nothing"), "{name}");
        let results = frameworks.iter().filter_map(|f| f.get("results"));
        let (mut rows, mut skipped) = (Vec::new(), 0);
        for result in results {
            skipped += result["skipped_checks"].as_array().map_or(0, Vec::len);
            for check in list(&result["failed_checks"]) {
                assert!(check["severity"].is_null(), "{check}");
                let path = text(&check["file_path"]).trim_start_matches('/').to_owned();
                let line = check["file_line_range"][0].as_u64().filter(|line| *line > 0);
                rows.push((path, line, text(&check["check_id"]), "unknown".to_owned()));
            }
        }
        assert_eq!(rows.is_empty(), name == "nothing");
        bench.agrees(name, "checkov", status, rows, skipped);
    }
}

#[test]
fn spectral() {
    if !has("spectral") {
        return;
    }
    let bench = Bench::new();
    fs::write(bench.report("rules.yaml"), "extends: [\"spectral:oas\"]\n").unwrap();
    let rules = bench.report("rules.yaml");
    fs::copy(fixtures().join("checks/openapi.yaml"), bench.app().join("openapi.yaml")).unwrap();
    // The second is no description of an API.
    for (name, document) in [("api", "openapi.yaml"), ("other", "deploy/shop.yaml")] {
        let args = ["lint", "--quiet", "--format", "json", "--ruleset", rules.to_str().unwrap(), document];
        let raw = bench.save(name, "spectral", &args, &[0, 1]);
        let row = |r: &Value| {
            let path = PathBuf::from(text(&r["source"]));
            let path = path.strip_prefix(bench.app()).unwrap().to_str().unwrap().to_owned();
            let severity =
                ["high", "medium", "low", "info"][usize::try_from(r["severity"].as_u64().unwrap()).unwrap()];
            let line = r["range"]["start"]["line"].as_u64().unwrap() + 1;
            (path, Some(line), text(&r["code"]), severity.to_owned())
        };
        let rows: Vec<Row> = list(&raw).iter().map(row).collect();
        assert!(!rows.is_empty());
        let not_linted = |row: &Row| ["parser", "unrecognized-format", "invalid-ref"].contains(&&*row.2);
        let status = if rows.iter().any(not_linted) { "incomplete" } else { "complete" };
        assert_eq!(status == "incomplete", name == "other", "{rows:?}");
        if is_read("spectral") {
            bench.agrees(name, "spectral", status, rows, 0);
        }
    }
}

/// Of every report by a test runner: one finding for each test that failed, which names it.
fn tests_that_fail(bench: &Bench, name: &str, failing: &[&str]) {
    let raw = fs::read_to_string(bench.report(name)).unwrap();
    assert_eq!(raw.matches("<failure").count() + raw.matches("<error").count(), failing.len(), "{raw}");
    assert!(failing.iter().all(|test| raw.contains(&format!("name=\"{test}\""))), "{raw}");
    if !is_read("junit") {
        return;
    }
    let (evidence, findings) = bench.read(name, "junit", "complete");
    assert_eq!((findings.len(), &evidence["findings"]["high"]), (failing.len(), &failing.len().into()));
    for test in failing {
        let named = |f: &&Value| f["category"] == "quality" && f.to_string().contains(test);
        assert_eq!(findings.iter().filter(named).count(), 1, "{test}: {findings:?}");
    }
}

#[test]
fn junit_by_pytest() {
    if !has("pytest") {
        return;
    }
    let bench = Bench::new();
    let tests = "\
from decimal import Decimal
import pytest
from pricing.totals import total

@pytest.fixture
def till():
    raise RuntimeError('no till')

def test_empty_basket():
    assert total([]) == 0

def test_wrong_total():
    assert total([]) == Decimal('0.01'), 'a < b & \"c\"'

def test_needs_a_till(till):
    pass

@pytest.mark.skip
def test_later():
    assert False

@pytest.mark.xfail
def test_known():
    assert False
";
    fs::write(bench.app().join("pricing/test_totals.py"), tests).unwrap();
    for (name, more, code) in [("some", &[][..], 1), ("none", &["-k", "no_such_test"], 5)] {
        let xml = format!("--junitxml={}", bench.report(name).display());
        let args = ["-q", "-p", "no:cacheprovider", "-o", "pythonpath=.", &*xml, "pricing"];
        bench.run("pytest", &[&args[..], more].concat(), &[code]);
    }
    tests_that_fail(&bench, "some", &["test_wrong_total", "test_needs_a_till"]);
    assert!(fs::read_to_string(bench.report("none")).unwrap().contains("tests=\"0\""));
    if is_read("junit") {
        assert!(bench.read("none", "junit", "nothing_scanned").1.is_empty());
    }
}

#[test]
fn junit_by_node() {
    if !has("node") {
        return;
    }
    let bench = Bench::new();
    let tests = "\
import test from 'node:test';
import assert from 'node:assert';
test('adds', () => assert.equal(1 + 1, 2));
test('subtracts', () => assert.equal(2 - 1, 2));
test('has a till', () => { throw new Error('no <till>'); });
test('comes later', { skip: true }, () => {});
";
    fs::write(bench.app().join("static/cart.test.mjs"), tests).unwrap();
    let xml = bench.run("node", &["--test", "--test-reporter=junit", "static/cart.test.mjs"], &[1]);
    fs::write(bench.report("some"), xml).unwrap();
    tests_that_fail(&bench, "some", &["subtracts", "has a till"]);
}

/// Debt of a file: a function for each of these numbers, in which Semgrep finds something.
fn debt(numbers: impl IntoIterator<Item = u32>, between: &str) -> String {
    let of = |n: u32| format!("{between}def total_{n}(order):\n    return eval(order[\"formula_{n}\"])\n\n");
    numbers.into_iter().map(of).collect()
}

#[test]
fn the_story_of_a_change() {
    if !has("semgrep") || !has("git") {
        return;
    }
    let bench = Bench::new();
    let repository = bench.app();
    fs::remove_dir_all(&repository).unwrap();
    fs::create_dir_all(repository.join(".secgate")).unwrap();
    let write = |name: &str, text: &str| fs::write(repository.join(name), text).unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        bench.run("git", &[&identity[..], args].concat(), &[0])
    };
    let scan = |report: &str| {
        let report = format!("--json-output={report}");
        let rules =
            ["scan", "--metrics", "off", "--disable-version-check", "--quiet", "--config", "rules.yaml"];
        bench.run("semgrep", &[&rules[..], &["--no-git-ignore", &report]].concat(), &[0]);
    };
    let secgate = |args: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_secgate")).args(args).current_dir(&repository).output().unwrap();
        let told =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), told)
    };
    write(
        "rules.yaml",
        "rules: [{id: shop.eval, languages: [python], severity: ERROR, message: eval of data, pattern: eval(...)}]\n",
    );
    let policy = "version: 1\ngate: merge\nbase: {from: [baseline, base-report, diff], without: review}\n\
        evidence: {sast: {category: sast, files: [semgrep.json]}}\n\
        rules: [{id: sast-high, title: No new weakness, findings: {category: sast, severity: high, state: new}, then: fail}]\n";
    write(".secgate/merge.yaml", policy);
    write(".gitignore", "*.json\n");
    // Fifteen old findings of one rule in two files.
    write("old.py", &debt(1..=10, ""));
    write("totals.py", &debt(11..=15, ""));
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "Legacy"]);
    scan("base.json");
    assert_eq!(
        secgate(&["baseline", "write", "--no-env", "--output", ".secgate/known.jsonl", "base.json"]).0,
        0
    );
    git(&["add", "."]);
    git(&["commit", "-qm", "What is known"]);

    // A change: ten move within their file, one is added beside them; of the other file two are corrected.
    git(&["checkout", "-qb", "change"]);
    let moved = format!("{}{}", debt(1..=5, "# a remark\n\n"), debt([99, 6, 7, 8, 9, 10], "\n"));
    write("old.py", &moved);
    write("totals.py", &debt([11, 13, 15], ""));
    git(&["commit", "-qam", "Change"]);
    scan("semgrep.json");
    let diff = ["--base-report", "base.json", "--diff-base", "main"];
    for way in [
        &["--baseline", ".secgate/known.jsonl"][..],
        &["--baseline", ".secgate/known.jsonl", "--diff-base", "main"],
        &diff,
    ] {
        let args = [&["check", "--no-env", "semgrep.json"], way].concat();
        let (code, told) = secgate(&args);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("1 new, 13 known, 2 fixed"), "{told}");
        // The line that names time, project and commit is in every output, however short.
        assert!(told.lines().filter(|line| !line.starts_with("decided at ")).count() < 20, "{told}");
        let line = moved.lines().position(|line| line.contains("formula_99")).unwrap() + 1;
        assert!(told.contains(&format!("old.py:{line}")), "{told}");
        let (_, told) = secgate(&[&args[..], &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        assert_eq!((&json["rules"][0]["count"], &json["rules"][0]["new"]), (&1.into(), &1.into()));
        let fixed = json["fixed"].as_array().unwrap().iter().filter_map(|kind| kind["count"].as_u64());
        assert_eq!(fixed.sum::<u64>(), 2);
    }
    // Without the one it may go in.
    write("old.py", &moved.replace("eval(order[\"formula_99\"])", "order[\"total\"]"));
    scan("semgrep.json");
    let (code, told) = secgate(&["check", "--no-env", "semgrep.json", "--baseline", ".secgate/known.jsonl"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("0 new, 13 known, 2 fixed"), "{told}");
    say(&format!("the story of a change:\n{told}"));
}

//! What is new, over histories: no finding that a change introduces is ever called existing, and old ones that only
//! moved stay existing.
//!
//! The first is tried on generated repositories, through git and the binary. The second on the real reports of
//! `../shared/corpus`, in which every line number is raised; without the corpus it is skipped with a message, and under
//! `SECGATE_DEMAND_SHARED` it fails instead.

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

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use secgate::finding::{Category, Finding, SecretKey, Severity, State};
use secgate::gather::{self, GivenFile, Limits};
use secgate::relate::{Base, BaseEntry, BaselineFile, Heads};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Past the test harness, which keeps what a test that passes prints.
fn say(message: &str) {
    io::stderr().write_all(format!("{message}\n").as_bytes()).unwrap();
}

/// A line of a file. Those with a number are what the scanner finds; two of one number say the same.
#[derive(Debug, Clone)]
struct Line {
    text: Option<u8>,
    indent: u8,
    /// Made by the change.
    made: bool,
}

/// What a change does to the line or file at an index.
#[derive(Debug, Clone)]
enum Edit {
    Fill(usize),
    Indent(usize),
    Remove(usize),
    Change(usize, u8),
    Add(usize, u8),
    Duplicate(usize),
    Move(usize, usize),
    Rename(usize),
    CopyFile(usize),
}

type Files = BTreeMap<String, Vec<Line>>;

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..1000usize;
    prop_oneof![
        3 => at.clone().prop_map(Edit::Fill),
        2 => at.clone().prop_map(Edit::Indent),
        1 => at.clone().prop_map(Edit::Remove),
        1 => (at.clone(), 0..6u8).prop_map(|(at, n)| Edit::Change(at, n)),
        1 => (at.clone(), 0..6u8).prop_map(|(at, n)| Edit::Add(at, n)),
        1 => at.clone().prop_map(Edit::Duplicate),
        1 => (at.clone(), at.clone()).prop_map(|(at, to)| Edit::Move(at, to)),
        1 => at.clone().prop_map(Edit::Rename),
        1 => at.prop_map(Edit::CopyFile),
    ]
}

/// One to three files, of lines that say something harmless and lines that the scanner finds.
fn repository() -> impl Strategy<Value = Files> {
    let line = prop_oneof![2 => Just(None), 1 => (0..6u8).prop_map(Some)];
    let file = prop::collection::vec(line, 3..12);
    prop::collection::vec(file, 1..4).prop_map(|files| {
        let of = |text| Line { text, indent: 0, made: false };
        let name = |n: usize| format!("src/f{n}.py");
        files
            .into_iter()
            .enumerate()
            .map(|(n, lines)| (name(n), lines.into_iter().map(of).collect()))
            .collect()
    })
}

/// The repository after the change. A file is renamed or copied at most once.
fn changed(base: &Files, edits: &[Edit]) -> Files {
    let mut files = base.clone();
    for edit in edits {
        let (Edit::Fill(at)
        | Edit::Indent(at)
        | Edit::Remove(at)
        | Edit::Change(at, _)
        | Edit::Add(at, _)
        | Edit::Duplicate(at)
        | Edit::Move(at, _)
        | Edit::Rename(at)
        | Edit::CopyFile(at)) = edit;
        let name = files.keys().nth(at % files.len()).unwrap().clone();
        let lines = files.get_mut(&name).unwrap();
        let here = if lines.is_empty() { 0 } else { at / 7 % lines.len() };
        let made = |text| Line { text, indent: 0, made: true };
        match edit {
            Edit::Fill(_) => lines.insert(here, made(None)),
            Edit::Add(_, n) => lines.insert(here, made(Some(*n))),
            Edit::Rename(_) | Edit::CopyFile(_) if name.starts_with("src/f") => {
                let lines = lines.clone();
                if matches!(edit, Edit::Rename(_)) {
                    files.remove(&name);
                    files.insert(name.replace("src/f", "lib/renamed"), lines);
                } else {
                    let made = lines.into_iter().map(|line| Line { made: true, ..line }).collect();
                    let kept = files.remove(&name).unwrap();
                    files.insert(name.replace("src/f", "lib/copied"), made);
                    // Under its own name, and not renamed any more.
                    files.insert(name.clone(), kept);
                }
            }
            _ if lines.is_empty() => {}
            Edit::Indent(_) => lines[here].indent += 2,
            Edit::Remove(_) => drop(lines.remove(here)),
            Edit::Change(_, n) => lines[here] = made(Some(*n)),
            Edit::Duplicate(_) => {
                let copy = Line { made: true, ..lines[here].clone() };
                lines.insert(here, copy);
            }
            Edit::Move(_, to) => {
                let line = lines.remove(here);
                let to = to % (lines.len() + 1);
                lines.insert(to, line);
            }
            Edit::Rename(_) | Edit::CopyFile(_) => {}
        }
    }
    files
}

/// The name that a file of the head had in the base, for those that stand for it.
fn origin(path: &str) -> Option<String> {
    (!path.contains("copied")).then(|| path.replace("lib/renamed", "src/f"))
}

/// Paths and lines of what the change introduced: lines that it made, where there are more of that kind in the file
/// than there were. One that was taken away and put back is the same.
fn introduced(base: &Files, head: &Files) -> Vec<(String, usize)> {
    let count = |lines: Option<&Vec<Line>>, text: u8| {
        lines.map_or(0, |lines| lines.iter().filter(|line| line.text == Some(text)).count())
    };
    let mut all = Vec::new();
    for (path, lines) in head {
        let before = origin(path).and_then(|origin| base.get(&origin));
        for (line, number) in lines.iter().zip(1..) {
            let Some(text) = line.text.filter(|_| line.made) else { continue };
            if count(Some(lines), text) > count(before, text) {
                all.push((path.clone(), number));
            }
        }
    }
    all
}

/// The report of a scanner, with the code where `code` says so.
fn report(files: &Files, edition: &str, code: bool) -> String {
    let mut results = Vec::new();
    for (path, lines) in files {
        for (line, number) in lines.iter().zip(1..) {
            let Some(text) = line.text else { continue };
            let shown = if code { written(line) } else { "requires login".to_owned() };
            results.push(json!({"check_id": format!("rule-{}", text % 2), "path": path,
                "start": {"line": number}, "end": {"line": number},
                "extra": {"message": format!("as {edition} words it"), "severity": "ERROR", "metadata": {},
                    "lines": shown, "fingerprint": "requires login"}}));
        }
    }
    let scanned: Vec<&String> = files.keys().collect();
    json!({"version": edition, "results": results, "errors": [], "paths": {"scanned": scanned}}).to_string()
}

fn written(line: &Line) -> String {
    let text = line.text.map_or("harmless()".to_owned(), |n| format!("danger({n})"));
    format!("{}{text}", " ".repeat(line.indent.into()))
}

struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.git(&["init", "-q", "-b", "main"]);
        this
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let output =
            Command::new("git").args(identity).args(args).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Puts the files of a state there, and nothing else below their folders.
    fn put(&self, files: &Files) {
        for folder in ["src", "lib"] {
            let _ = fs::remove_dir_all(self.0.path().join(folder));
        }
        for (path, lines) in files {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text: Vec<String> = lines.iter().map(|line| written(line) + "\n").collect();
            fs::write(path, text.concat()).unwrap();
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn secgate(&self, args: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_secgate"))
            .args(args)
            .arg("--no-env")
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let code = output.status.code().unwrap();
        assert!(code != 2, "{args:?}: {told} {}", String::from_utf8_lossy(&output.stderr));
        (code, told)
    }

    /// Path, line and state of all findings.
    fn states(&self, args: &[&str]) -> Vec<(String, usize, String)> {
        let check = ["check", "--policy", "policy.yaml", "--format", "json", "--now", "2026-06-01T12:00:00Z"];
        let (_, told) = self.secgate(&[&check[..], args, &["semgrep.json"]].concat());
        let told: Value = serde_json::from_str(&told).unwrap();
        let of = |f: &Value| {
            let line = f["location"]["line"].as_u64().unwrap();
            let path = f["location"]["path"].as_str().unwrap().to_owned();
            (path, usize::try_from(line).unwrap(), f["state"].as_str().unwrap().to_owned())
        };
        told["findings"].as_array().unwrap().iter().map(of).collect()
    }
}

const POLICY: &str = "version: 1\ngate: merge\nbase: {from: [baseline, base-report, diff], without: review}\n\
    evidence: {sast: {category: sast, files: [semgrep.json]}}\n\
    rules: [{id: all, findings: {category: sast}, then: fail}]\n";

#[test]
fn nothing_that_a_change_introduces_is_called_existing() {
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let total = std::cell::RefCell::new((0, 0, 0));
    let histories = (repository(), prop::collection::vec(edit(), 1..7), any::<bool>(), any::<bool>());
    let done = runner.run(&histories, |(base, edits, code, upgrade)| {
        let head = changed(&base, &edits);
        let repository = Repository::new();
        repository.write("policy.yaml", POLICY);
        repository.put(&base);
        repository.git(&["add", "src"]);
        repository.git(&["commit", "-qm", "base", "--allow-empty"]);
        repository.write("base.json", &report(&base, "1.0.0", code));
        repository.secgate(&["baseline", "write", "--output", "known.jsonl", "base.json"]);
        repository.put(&head);
        repository.write("semgrep.json", &report(&head, if upgrade { "2.0.0" } else { "1.0.0" }, code));
        let introduced = introduced(&base, &head);
        let mut ways = vec![
            vec!["--baseline", "known.jsonl"],
            vec!["--baseline", "known.jsonl", "--diff-base", "main"],
            vec!["--base-report", "base.json", "--diff-base", "main"],
            vec!["--base-report", "base.json", "--baseline", "known.jsonl", "--diff-base", "main"],
        ];
        if code {
            // Without the code in the report and without a diff nobody can see what stood there.
            ways.push(vec!["--base-report", "base.json"]);
        }
        for way in ways {
            for (path, line, state) in repository.states(&way) {
                let new = introduced.contains(&(path.clone(), line));
                prop_assert!(!(new && state == "existing"), "{path}:{line} by {way:?}");
                let mut total = total.borrow_mut();
                total.0 += usize::from(new);
                total.1 += usize::from(!new);
                total.2 += usize::from(!new && state == "existing");
            }
        }
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
    let (new, old, existing) = *total.borrow();
    assert!(new > 100 && old > 100, "{new} {old}");
    say(&format!("histories: 0 of {new} introduced findings called existing; {existing} of {old} old ones"));
    // Beside one that was added to its kind an old one is new, and so is one that was moved where only a diff tells.
    assert!(existing * 10 > old * 6, "{existing} of {old}");
}

/// Keys of line numbers in the formats of the corpus.
const LINES: [&str; 12] = [
    "line",
    "startLine",
    "endLine",
    "StartLine",
    "EndLine",
    "start_line",
    "end_line",
    "line_number",
    "lineNumber",
    "Line",
    "line_range",
    "file_line_range",
];

/// Raises every line number, also those that Bandit and gosec put before lines of code.
fn shifted(value: &mut Value, by: u64, is_line: bool) {
    match value {
        Value::Number(number) if is_line => {
            if let Some(line) = number.as_u64().filter(|line| (1..1_000_000_000).contains(line)) {
                *value = (line + by).into();
            }
        }
        Value::String(text) if is_line => {
            if let Ok(line) = text.parse::<u64>() {
                *text = (line + by).to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shifted(item, by, is_line)),
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), &mut *value) {
                    ("code", Value::String(code)) => *code = numbered(code, by),
                    // Trufflehog3's lines around a finding, by their numbers.
                    ("context", Value::Object(lines)) => {
                        let moved = |(line, text): (String, Value)| (numbered(&line, by), text);
                        *lines = std::mem::take(lines).into_iter().map(moved).collect();
                    }
                    _ => {}
                }
                shifted(value, by, LINES.contains(&key.as_str()));
            }
        }
        _ => {}
    }
}

fn numbered(code: &str, by: u64) -> String {
    let line = |line: &str| {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        match line[..digits].parse::<u64>() {
            Ok(number) => format!("{}{}", number + by, &line[digits..]),
            Err(_) => line.to_owned(),
        }
    };
    code.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn findings(path: &Path, format: &str, key: &SecretKey) -> Vec<Finding> {
    let given = [GivenFile { path: path.to_owned(), format: Some(format.to_owned()), entry: None }];
    let limits = Limits { max_report: 1 << 30, max_stdin: 0, max_findings: 0 };
    let (_, all) = gather::findings(&given, &[], limits, &[], Some(key)).unwrap();
    all.into_iter().map(|(finding, _)| finding).filter(|finding| !finding.suppressed).collect()
}

#[test]
fn old_findings_of_real_reports_stay_existing_when_lines_move() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Ok(manifest) = fs::read(corpus.join("MANIFEST.json")) else {
        assert!(std::env::var_os("SECGATE_DEMAND_SHARED").is_none(), "../shared/corpus is demanded");
        say("skipped: ../shared/corpus is not there");
        return;
    };
    let manifest: Vec<Value> = serde_json::from_slice(&manifest).unwrap();
    let key = SecretKey::new(&[7; 32]);
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("shifted");
    let (mut all, mut existing, mut comparable) = (0, 0, 0);
    for entry in &manifest {
        let format = entry["format"].as_str().unwrap();
        if entry["expect"] == "refuse" || secgate::report::Format::by_id(format).is_err() {
            continue;
        }
        let path = corpus.join(entry["path"].as_str().unwrap());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let text = text.trim_start_matches('\u{feff}');
        let Ok(mut value) = serde_json::from_str::<Value>(text) else { continue };
        shifted(&mut value, 100, false);
        fs::write(&file, value.to_string()).unwrap();
        let (old, new) = (findings(&path, format, &key), findings(&file, format, &key));
        assert_eq!(old.len(), new.len(), "{}", path.display());
        let content = |f: &Finding| f.trace.map_or(0, secgate::finding::SecretTrace::number);
        let entries = old.iter().map(|f| BaseEntry::from_finding(f, content(f))).collect();
        let mut base = Base::new(Severity::Critical, None, Some(&SecretKey::new(b"a key")));
        base.set_baseline(BaselineFile::new(Some(&key), entries));
        let (bars, mut heads, mut code) = (base.initial_bars(), Heads::default(), base.code());
        let states = |bars: &_, heads: &mut _, code: &mut _| -> Vec<State> {
            let judge = |finding: &Finding| {
                let mut finding = finding.clone();
                base.judge(&mut finding, bars, heads, code);
                finding.state
            };
            new.iter().map(judge).collect()
        };
        states(&bars, &mut heads, &mut code);
        let bars = base.bars(&heads);
        for (state, finding) in states(&bars, &mut Heads::default(), &mut code).iter().zip(&new) {
            // A secret whose value the report does not hold is never known.
            all += 1;
            if finding.category == Category::Secret && finding.trace.is_none() {
                continue;
            }
            comparable += 1;
            existing += usize::from(*state == State::Existing);
        }
    }
    say(&format!(
        "lines moved: {existing} of {comparable} old findings stay existing; {all} with secrets without value"
    ));
    assert!(comparable > 1500, "{comparable}");
    assert!(existing * 100 >= comparable * 99, "{existing} of {comparable}");
}

/// The shortest of some runs, in seconds.
fn seconds(repository: &Repository, args: &[&str], runs: u32) -> f64 {
    let one = |_| {
        let start = std::time::Instant::now();
        assert_eq!(repository.secgate(args).0, 0);
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(one).fold(f64::MAX, f64::min)
}

#[test]
fn a_baseline_of_100_000_entries_is_soon_read() {
    let repository = Repository::new();
    let policy = POLICY.replace("category: sast}", "category: sast, state: new}");
    repository.write("policy.yaml", &policy);
    let line = |n: u8| Line { text: Some(n), indent: 0, made: false };
    let small = Files::from([("src/f0.py".to_owned(), (0..200).map(line).collect())]);
    let report = report(&small, "1.0.0", true);
    repository.write("semgrep.json", &report);
    let key = SecretKey::new(&[7; 32]);
    let mut entries: Vec<BaseEntry> = findings(&repository.0.path().join("semgrep.json"), "semgrep", &key)
        .iter()
        .map(|finding| BaseEntry::from_finding(finding, 0))
        .collect();
    let first = entries[0].clone();
    for n in entries.len()..100_000 {
        let fingerprint = first.fingerprint.at(&n.to_string());
        let path = format!("src/module_{}/file_{}.py", n / 50, n % 50);
        entries.push(BaseEntry { path, fingerprint, ..first.clone() });
    }
    repository.write("known.jsonl", &BaselineFile::new(None, entries).text());
    let check = ["check", "--policy", "policy.yaml", "semgrep.json", "--baseline", "known.jsonl"];
    let runs = if cfg!(debug_assertions) { 1 } else { 5 };
    let with = seconds(&repository, &check, runs);
    repository.write("empty.jsonl", &BaselineFile::new(None, Vec::new()).text());
    repository.write("policy.yaml", &policy.replace("then: fail", "then: warn"));
    let without = seconds(&repository, &[&check[..4], &["--baseline", "empty.jsonl"]].concat(), runs);
    let added = with - without;
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    say(&format!("a baseline of 100,000 entries adds {added:.3} s ({build} build)"));
    assert!(added < if cfg!(debug_assertions) { 20.0 } else { 0.2 }, "{added}");
}

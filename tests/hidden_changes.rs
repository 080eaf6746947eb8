//! Renaming, re-encoding, linking and attributes never make a planted blocker pass under `--diff-base`.
//!
//! Repositories are generated; a scanner of a few lines looks at `src`, through links, and heeds comments. What the change
//! brings there is either reported, and then must be new, or hidden by a comment, and then must be told. The number of
//! cases is that of `SECGATE_HIDDEN_CASES`, 24 without it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops where it fails"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

/// How a blocker gets into what is scanned.
#[derive(Debug, Clone, Copy)]
enum Way {
    Edit,
    AddFile,
    Rename,
    RenameWithin,
    Copy,
    LinkFile,
    LinkFolder,
    EditBehindLink,
    EditBehindFolder,
    Retarget,
    LinkBecomesFile,
    Pointer,
}

/// How its file is written.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Plain,
    Utf16Little,
    Utf16Big,
    ZeroByte,
    CarriageReturns,
}

/// Whether the scanner is made to look away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    No,
    Comment,
    OldComment,
}

const WAYS: [Way; 12] = [
    Way::Edit,
    Way::AddFile,
    Way::Rename,
    Way::RenameWithin,
    Way::Copy,
    Way::LinkFile,
    Way::LinkFolder,
    Way::EditBehindLink,
    Way::EditBehindFolder,
    Way::Retarget,
    Way::LinkBecomesFile,
    Way::Pointer,
];

const ATTRIBUTES: [&str; 9] = [
    "",
    "* -diff",
    "*.py binary",
    "*.py -text -diff",
    "*.py diff=none",
    "*.py filter=lfs diff=lfs merge=lfs -text",
    "*.py ident",
    "*.py linguist-generated -diff",
    "[attr]quiet -diff -merge\n*.py quiet",
];

const POLICY: &str = "version: 1\ngate: merge\nbase: {from: [diff], without: review}\n\
    evidence: {sast: {category: sast, files: [semgrep.json]}}\n\
    rules: [{id: new, findings: {category: sast, state: new}, then: fail}]\n";

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect();
    match encoding {
        Encoding::Plain => text.as_bytes().to_vec(),
        Encoding::Utf16Little => wide(u16::to_le_bytes),
        Encoding::Utf16Big => wide(u16::to_be_bytes),
        Encoding::ZeroByte => format!("# \0\n{text}").into_bytes(),
        Encoding::CarriageReturns => text.replace('\n', "\r\n").into_bytes(),
    }
}

/// A line that the scanner reports, or one that it would but for a comment.
fn blocker(hidden: Hidden) -> &'static str {
    match hidden {
        Hidden::No => "run(eval(x))\n",
        Hidden::Comment => "run(eval(x))  # nosec\n",
        Hidden::OldComment => "# nosemgrep\nrun(eval(x))\n",
    }
}

struct Repository(TempDir);

impl Repository {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(args).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        fs::create_dir_all(self.path().join(path).parent().unwrap()).unwrap();
        symlink(target, self.path().join(path)).unwrap();
    }

    /// What the scanner finds below `src`.
    fn scan(&self, resolved: bool) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        let mut left = vec![self.path().join("src")];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                    continue;
                }
                let text: Vec<u8> = fs::read(&path).unwrap().into_iter().filter(|b| *b != 0).collect();
                let shown = if resolved { path.canonicalize().unwrap() } else { path };
                let top = if resolved { self.path().canonicalize().unwrap() } else { self.path().to_owned() };
                let name = shown.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                let text = String::from_utf8_lossy(&text).into_owned();
                let lines: Vec<&str> = text.lines().collect();
                for (at, line) in lines.iter().enumerate() {
                    let above = at.checked_sub(1).map_or("", |above| lines[above]);
                    let hidden = line.contains("# nosec") || above.trim() == "# nosemgrep";
                    if line.contains("eval(") && !hidden {
                        found.push((name.clone(), at + 1));
                    }
                }
            }
        }
        found
    }

    fn report(&self, resolved: bool) {
        let result = |(path, line): &(String, usize)| {
            json!({"check_id": "eval", "path": path, "start": {"line": line}, "end": {"line": line},
                "extra": {"message": "eval", "severity": "ERROR", "metadata": {}, "lines": "requires login",
                    "fingerprint": "requires login"}})
        };
        let results: Vec<_> = self.scan(resolved).iter().map(result).collect();
        let report =
            json!({"version": "1.0.0", "results": results, "errors": [], "paths": {"scanned": ["src"]}});
        self.put("semgrep.json", report.to_string().as_bytes());
    }
}

/// A repository before a change by which a blocker comes, and the change.
fn planted(way: Way, encoding: Encoding, hidden: Hidden, attributes: &str, early: bool) -> Repository {
    let repository = Repository(tempfile::tempdir().unwrap());
    repository.git(&["init", "-q", "-b", "main"]);
    repository.put(".secgate/merge.yaml", POLICY.as_bytes());
    let harmless = "a = 1\nb = 2\nc = 3\n";
    let bad = encoded(&format!("a = 1\n{}c = 3\n", blocker(hidden)), encoding);
    // For a comment that was there: what stands under it comes with the change.
    let before = match hidden {
        Hidden::OldComment => encoded("a = 1\n# nosemgrep\nc = 3\n", encoding),
        Hidden::No | Hidden::Comment => harmless.as_bytes().to_vec(),
    };
    for path in ["src/app.py", "shared/impl.py", "other/good.py"] {
        repository.put(path, if path == "other/good.py" { harmless.as_bytes() } else { &before });
    }
    // Where nothing is scanned.
    repository.put("docs/notes.txt", &bad);
    repository.put("tests/deep/app.py", &bad);
    match way {
        Way::EditBehindLink => repository.link("../shared/impl.py", "src/linked.py"),
        Way::EditBehindFolder => repository.link("../shared", "src/lib"),
        Way::Retarget | Way::LinkBecomesFile => repository.link("../other/good.py", "src/linked.py"),
        Way::RenameWithin => repository.put("tests/test_app.py", &bad),
        _ => {}
    }
    if early {
        repository.put(".gitattributes", attributes.as_bytes());
    }
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-qm", "base"]);
    repository.git(&["checkout", "-qb", "work"]);
    if !early {
        repository.put(".gitattributes", attributes.as_bytes());
    }
    let at = |path: &str| repository.path().join(path);
    match way {
        Way::Edit => repository.put("src/app.py", &bad),
        Way::AddFile => repository.put("src/added.py", &bad),
        Way::Rename => fs::rename(at("docs/notes.txt"), at("src/notes.py")).unwrap(),
        Way::RenameWithin => fs::rename(at("tests/test_app.py"), at("src/test_app.py")).unwrap(),
        Way::Copy => drop(fs::copy(at("docs/notes.txt"), at("src/copied.py")).unwrap()),
        Way::LinkFile => repository.link("../docs/notes.txt", "src/linked.py"),
        Way::LinkFolder => repository.link("../tests", "src/linked"),
        Way::EditBehindLink | Way::EditBehindFolder => repository.put("shared/impl.py", &bad),
        Way::Retarget => {
            fs::remove_file(at("src/linked.py")).unwrap();
            repository.link("../tests/deep/app.py", "src/linked.py");
        }
        Way::LinkBecomesFile => {
            fs::remove_file(at("src/linked.py")).unwrap();
            repository.put("src/linked.py", &bad);
        }
        Way::Pointer => {
            // What git keeps is a pointer; what the scanner sees was put in its place.
            let oid = "a".repeat(64);
            let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 3\n");
            repository.put("src/app.py", pointer.as_bytes());
            repository.git(&["add", "-A"]);
            repository.git(&["commit", "-qm", "pointer"]);
            repository.put("src/app.py", &bad);
        }
    }
    if !matches!(way, Way::Pointer) {
        repository.git(&["add", "-A"]);
        repository.git(&["commit", "-qm", "change"]);
    }
    repository
}

#[test]
fn no_way_of_bringing_a_blocker_hides_it() {
    let cases = std::env::var("SECGATE_HIDDEN_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let encodings = [
        Encoding::Plain,
        Encoding::Utf16Little,
        Encoding::Utf16Big,
        Encoding::ZeroByte,
        Encoding::CarriageReturns,
    ];
    let hidden = [Hidden::No, Hidden::Comment, Hidden::OldComment];
    let all = (
        prop::sample::select(&WAYS[..]),
        prop::sample::select(encodings.to_vec()),
        prop::sample::select(hidden.to_vec()),
        prop::sample::select(&ATTRIBUTES[..]),
        any::<bool>(),
        any::<bool>(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let done = runner.run(&all, |(way, encoding, hidden, attributes, early, resolved)| {
        let repository = planted(way, encoding, hidden, attributes, early);
        repository.report(resolved);
        let output = Command::new(env!("CARGO_BIN_EXE_secgate"))
            .args([
                "check",
                "--no-env",
                "--now",
                "2026-06-01T12:00:00Z",
                "--diff-base",
                "main",
                "semgrep.json",
            ])
            .current_dir(repository.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = output.status.code().unwrap();
        let wanted: &[i32] = if hidden == Hidden::No { &[1] } else { &[10, 1] };
        prop_assert!(
            wanted.contains(&code),
            "exit {code}\n{told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

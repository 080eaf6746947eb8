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
    clippy::too_many_lines,
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

/// How what lies on disk comes to be other than git shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disguise {
    AssumeUnchanged,
    SkipWorktree,
    SparseCheckout,
    IgnoreStat,
    MinimalStat,
    OwnAttributesFilter,
    InfoAttributesFilter,
    FilterBesidesAChange,
    FilterOfAddedFile,
    Keyword,
    FolderBecomesLink,
    Graft,
    ReplacedCommit,
    OtherWorkTree,
    WorkTreeAbove,
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

const DISGUISES: [Disguise; 15] = [
    Disguise::AssumeUnchanged,
    Disguise::SkipWorktree,
    Disguise::SparseCheckout,
    Disguise::IgnoreStat,
    Disguise::MinimalStat,
    Disguise::OwnAttributesFilter,
    Disguise::InfoAttributesFilter,
    Disguise::FilterBesidesAChange,
    Disguise::FilterOfAddedFile,
    Disguise::Keyword,
    Disguise::FolderBecomesLink,
    Disguise::Graft,
    Disguise::ReplacedCommit,
    Disguise::OtherWorkTree,
    Disguise::WorkTreeAbove,
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

/// A repository whose scanned file holds a blocker on disk, of which git shows nothing, and the directory of the project.
fn disguised(as_it_is: Disguise, hidden: Hidden) -> Repository {
    let repository = Repository(tempfile::tempdir().unwrap());
    let top = repository.path();
    let lines = |third: &str| -> Vec<u8> {
        (1..40)
            .map(|at| if at == 20 { third.to_owned() } else { format!("a{at} = {at}\n") })
            .collect::<String>()
            .into()
    };
    // What git keeps is as long as what is put in its place.
    let harmless = lines(&format!("{:1$}\n", "b = 2", blocker(hidden).len() - 1));
    let bad = lines(blocker(hidden));
    repository.git(&["init", "-q", "-b", "main"]);
    repository.put(".secgate/merge.yaml", POLICY.as_bytes());
    repository.put("src/app.py", &harmless);
    repository.put("src/sub/more.py", b"c = 3\n");
    repository.put("notes.txt", b"one\n");
    // A filter that takes every trace of the blocker away when git looks.
    let clean = format!(
        "sed -e 's/^run(eval(x)).*$/{}/'",
        String::from_utf8(harmless.clone()).unwrap().lines().nth(19).unwrap()
    );
    let configured = || repository.git(&["config", "filter.tidy.clean", &clean]);
    if as_it_is == Disguise::OwnAttributesFilter {
        repository.put(".gitattributes", b"*.py filter=tidy\n");
    }
    if as_it_is == Disguise::Keyword {
        repository.put(".gitattributes", b"*.py ident\n");
        let keyword = |inside: &str| format!("a = 1\n# $Id{inside}$\n");
        repository.put("src/app.py", keyword("").as_bytes());
    }
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-qm", "base"]);
    repository.git(&["checkout", "-qb", "work"]);
    repository.put("notes.txt", b"two\n");
    if as_it_is == Disguise::FilterBesidesAChange {
        let text = [&harmless[..], b"z = 26\n"].concat();
        repository.put("src/app.py", &text);
    }
    if as_it_is == Disguise::FilterOfAddedFile {
        repository.put("src/added.py", &harmless);
    }
    repository.git(&["add", "-A"]);
    repository.git(&["commit", "-qm", "change"]);
    let app = top.join("src/app.py");
    let set = |name: &str, value: &str| repository.git(&["config", name, value]);
    match as_it_is {
        Disguise::AssumeUnchanged => repository.git(&["update-index", "--assume-unchanged", "src/app.py"]),
        Disguise::SkipWorktree => repository.git(&["update-index", "--skip-worktree", "src/app.py"]),
        Disguise::SparseCheckout => {
            repository.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/src/app.py"]);
            assert!(!app.exists());
        }
        Disguise::IgnoreStat => {
            set("core.ignoreStat", "true");
            fs::remove_file(&app).unwrap();
            repository.git(&["checkout", "--", "src/app.py"]);
        }
        Disguise::MinimalStat => {
            set("core.checkStat", "minimal");
            set("core.trustctime", "false");
        }
        Disguise::InfoAttributesFilter | Disguise::FilterBesidesAChange | Disguise::FilterOfAddedFile => {
            configured();
            repository.put(".git/info/attributes", b"*.py filter=tidy\n");
        }
        Disguise::OwnAttributesFilter => configured(),
        Disguise::ReplacedCommit => {
            repository.put("src/app.py", &bad);
            repository.git(&["add", "-A"]);
            repository.git(&["commit", "-qm", "bad"]);
            repository.git(&["replace", "main", "HEAD"]);
        }
        Disguise::Graft => {
            repository.put("src/app.py", &bad);
            repository.git(&["add", "-A"]);
            repository.git(&["commit", "-qm", "bad"]);
            let id = |name: &str| {
                let output = Command::new("git").args(["rev-parse", name]).current_dir(top).output().unwrap();
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            };
            // The base grew from what the change holds.
            let (base, head) = (id("main"), id("HEAD"));
            repository.put(".git/info/grafts", format!("{base} {head}\n").as_bytes());
        }
        Disguise::OtherWorkTree => {
            let other = top.join("other-tree");
            fs::create_dir_all(other.join("src/sub")).unwrap();
            for path in ["src/app.py", "src/sub/more.py", "notes.txt"] {
                fs::copy(top.join(path), other.join(path)).unwrap();
            }
            set("core.worktree", other.to_str().unwrap());
        }
        Disguise::WorkTreeAbove => set("core.worktree", "../.."),
        Disguise::Keyword | Disguise::FolderBecomesLink => {}
    }
    match as_it_is {
        Disguise::Keyword => {
            // Git takes away what stands between the signs in one line.
            repository
                .put("src/app.py", format!("a = 1\n# $Id: \r{} $\n", blocker(hidden).trim_end()).as_bytes());
        }
        Disguise::FolderBecomesLink => {
            repository.put("elsewhere/more.py", &bad);
            repository.git(&["update-index", "--skip-worktree", "src/sub/more.py"]);
            fs::remove_dir_all(top.join("src/sub")).unwrap();
            repository.link("../elsewhere", "src/sub");
        }
        Disguise::FilterBesidesAChange => {
            repository.put("src/app.py", &[&bad[..], b"z = 26\n"].concat());
        }
        Disguise::FilterOfAddedFile => repository.put("src/added.py", &bad),
        Disguise::MinimalStat => {
            let time = fs::metadata(&app).unwrap().modified().unwrap();
            fs::write(&app, &bad).unwrap();
            fs::File::options().write(true).open(&app).unwrap().set_modified(time).unwrap();
        }
        _ => repository.put("src/app.py", &bad),
    }
    repository
}

#[test]
fn no_disguise_from_git_makes_a_blocker_old() {
    for disguise in DISGUISES {
        for hidden in [Hidden::No, Hidden::Comment] {
            let repository = disguised(disguise, hidden);
            repository.report(false);
            let output = gate(&repository);
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let code = output.status.code().unwrap();
            // A working tree elsewhere is no base at all.
            let wanted: &[i32] = match hidden {
                Hidden::No => &[1, 2],
                Hidden::Comment | Hidden::OldComment => &[10, 1, 2],
            };
            assert!(
                wanted.contains(&code) && (code != 2 || disguise == Disguise::OtherWorkTree),
                "{disguise:?} {hidden:?}: exit {code}\n{told}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn what_git_itself_writes_to_disk_is_no_change() {
    let old = "a = 1\nrun(eval(x))\nc = 3  # $Id$\n";
    for (attributes, written) in [
        ("*.py text eol=crlf\n", old.replace('\n', "\r\n").into_bytes()),
        ("*.py ident\n", old.replace("$Id$", &format!("$Id: {} $", "0123456789".repeat(4))).into_bytes()),
        ("*.py working-tree-encoding=UTF-16\n", encoded(&format!("\u{feff}{old}"), Encoding::Utf16Little)),
    ] {
        let repository = Repository(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main"]);
        repository.put(".secgate/merge.yaml", POLICY.as_bytes());
        repository.put(".gitattributes", attributes.as_bytes());
        repository.put("src/app.py", &written);
        repository.git(&["add", "-A"]);
        repository.git(&["commit", "-qm", "base"]);
        repository.git(&["checkout", "-qb", "work"]);
        repository.put("notes.txt", b"two\n");
        repository.git(&["add", "-A"]);
        repository.git(&["commit", "-qm", "change"]);
        repository.report(false);
        let output = gate(&repository);
        assert_eq!(output.status.code(), Some(0), "{attributes}{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn gate(repository: &Repository) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_secgate"))
        .args(["check", "--no-env", "--now", "2026-06-01T12:00:00Z", "--diff-base", "main", "semgrep.json"])
        .current_dir(repository.path())
        .output()
        .unwrap()
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
        let output = gate(&repository);
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

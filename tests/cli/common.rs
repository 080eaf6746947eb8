//! A working directory and a run of the binary in it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The clock of every test run.
pub(crate) const NOW: &str = "2026-06-01T12:00:00Z";

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    let file = root().join("fixtures").join(path);
    assert!(file.exists(), "{} is missing", file.display());
    file
}

/// A working directory of its own.
pub(crate) struct Dir(TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Copies a fixture under a name.
    pub(crate) fn copy(&self, from: &str, name: &str) -> &Self {
        self.write(name, fs::read(fixture(from)).unwrap())
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// The binary, in this directory, with an empty environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::cargo_bin("secgate").unwrap();
        command.env_clear().current_dir(self.path());
        command
    }

    /// A repository whose main branch has these files, on a branch of its own; `ignored` is its `.gitignore`.
    pub(crate) fn repository(ignored: &str, files: &[(&str, &str)]) -> Self {
        let dir = Self::new();
        dir.git(&["init", "-q", "-b", "main"]);
        dir.write(".gitignore", ignored);
        for (path, text) in files {
            dir.write(path, text);
        }
        dir.commit();
        dir.git(&["checkout", "-qb", "change"]);
        dir
    }

    /// Commits all that lies there.
    pub(crate) fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "more", "--allow-empty"]);
    }

    /// Runs git, and gives what it prints.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the binary.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command().args(args))
    }

    /// `check` with the pinned clock.
    pub(crate) fn check(&self, args: &[&str]) -> Run {
        Run::of(self.command().args(["check", "--now", NOW]).args(args))
    }
}

/// What a run of the binary left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    /// Everything that was printed.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// A policy with one SAST entry and one rule, for tests about something else.
pub(crate) const SAST_POLICY: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json]}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: fail}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review}
";

/// The code at the first line that waivers of the tests are bound to: `content: 338b0c861f359a1a`.
pub(crate) const WAIVED_CODE: &str = "x = eval(y)\n";

/// A Semgrep report with one finding a severity given.
pub(crate) fn semgrep(severities: &[&str]) -> String {
    let results: Vec<String> = severities
        .iter()
        .enumerate()
        .map(|(i, severity)| {
            format!(
                r#"{{"check_id":"rule-{i}","path":"src/a{i}.py","start":{{"line":{0}}},"end":{{"line":{0}}},
                "extra":{{"message":"message {i}","severity":"{severity}","metadata":{{}}}}}}"#,
                i + 1
            )
        })
        .collect();
    format!(
        r#"{{"version":"1.0.0","results":[{}],"errors":[],"paths":{{"scanned":["src/a.py"]}}}}"#,
        results.join(",")
    )
}

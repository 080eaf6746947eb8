//! Comments that tell a scanner to look away, and which of them a change adds.

mod reach;

use std::collections::BTreeMap;

use super::base::{Diff, Replaced};
pub use reach::{UnreadFile, covering, unshown};

/// A comment that suppresses findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// As its scanner's documentation writes it.
    pub text: &'static str,
    /// The scanners that heed it.
    pub tools: &'static str,
    /// What may stand around it.
    around: Around,
}

/// What must stand around a mark, so that a word of prose is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// No letter or digit on either side.
    Word,
    /// No letter or digit before it; it is the beginning of more.
    Start,
    /// A comment's `#` before it.
    Hash,
    /// A comment's `//` before it; it names gosec, or nobody.
    Nolint,
}

const fn mark(text: &'static str, tools: &'static str, around: Around) -> Mark {
    Mark { text, tools, around }
}

/// From the documentation of each scanner. All are compared without regard to letter case: some scanners do, and a
/// comment that its scanner does not heed is no harm to look at.
const MARKS: &[Mark] = &[
    mark("nosemgrep", "Semgrep", Around::Word),
    mark("nosem", "Semgrep", Around::Word),
    mark("nosec", "Bandit or gosec", Around::Hash),
    mark("gosec:disable", "gosec", Around::Word),
    mark("nolint", "gosec in golangci-lint", Around::Nolint),
    mark("gitleaks:allow", "gitleaks", Around::Word),
    mark("trufflehog:ignore", "TruffleHog", Around::Word),
    mark("pragma: allowlist", "detect-secrets", Around::Start),
    mark("pragma: whitelist", "detect-secrets", Around::Start),
    mark("pragma:allowlist", "detect-secrets", Around::Start),
    mark("pragma:whitelist", "detect-secrets", Around::Start),
    mark("ggignore", "ggshield", Around::Start),
    mark("checkov:skip", "Checkov", Around::Start),
    mark("checkov.io/skip", "Checkov", Around::Start),
    mark("bridgecrew:skip", "Checkov", Around::Start),
    mark("trivy:ignore", "Trivy", Around::Start),
    mark("tfsec:ignore", "tfsec or Trivy", Around::Start),
    mark("kics-scan", "KICS", Around::Start),
    mark("nosonar", "SonarQube", Around::Word),
    mark("suppressfbwarnings", "SpotBugs", Around::Word),
    mark("codeql[", "CodeQL", Around::Start),
    mark("lgtm[", "CodeQL", Around::Start),
    mark("njsscan-ignore", "njsscan", Around::Start),
];

/// A comment that a change adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppression<'d> {
    /// The file.
    pub path: &'d str,
    /// The line, from 1.
    pub line: u32,
    /// What stands there.
    pub mark: Mark,
}

/// The marks in a line of a file, each once.
pub fn marks(line: &[u8]) -> Vec<Mark> {
    let line = line.to_ascii_lowercase();
    let mut found: Vec<Mark> = MARKS.iter().filter(|mark| mark.is_in(&line)).copied().collect();
    // `nosemgrep` is no second `nosem`.
    found.dedup_by_key(|mark| mark.tools);
    found
}

impl Mark {
    fn is_in(&self, line: &[u8]) -> bool {
        memchr::memmem::find_iter(line, self.text).any(|at| {
            let before = line.get(..at).unwrap_or_default();
            let after = line.get(at + self.text.len()..).unwrap_or_default();
            let letter = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
            let (begins, ends) = (!letter(before.last()), !letter(after.first()));
            match self.around {
                Around::Word => begins && ends,
                Around::Start => begins,
                Around::Hash => ends && blank_end(before).ends_with(b"#"),
                Around::Nolint => {
                    let list = after.strip_prefix(b":").map(|list| {
                        // As far as another comment: names may stand apart.
                        let end = memchr::memmem::find(list, b"//").unwrap_or(list.len());
                        list.get(..end).unwrap_or_default()
                    });
                    let names = |word: &[u8]| {
                        let word = word.trim_ascii();
                        word == b"gosec" || word.starts_with(b"all")
                    };
                    ends && blank_end(before).ends_with(b"//")
                        && list.is_none_or(|list| list.split(|&b| b == b',').any(names))
                }
            }
        })
    }

    /// True if a line holds nothing but the comment, which then speaks of other lines.
    fn is_alone(&self, line: &[u8]) -> bool {
        let lower = line.to_ascii_lowercase();
        let Some(at) = memchr::memmem::find(&lower, self.text.as_bytes()) else { return false };
        !lower.get(..at).unwrap_or_default().iter().any(u8::is_ascii_alphanumeric)
    }
}

/// The comments that suppress findings in lines that a change adds, in the order of paths and lines. What was in its
/// place before, and only moved to the side, is not added; what was moved elsewhere is, because it may cover something
/// else there.
pub fn added(diff: &Diff) -> Vec<Suppression<'_>> {
    let mut found = Vec::new();
    for file in diff.files().filter(|file| !file.is_gone) {
        for edit in file.edits() {
            let marked = edit.added.iter().map(|(line, text)| (*line, *text, marks(text)));
            let marked: Vec<_> = marked.filter(|(_, _, marks)| !marks.is_empty()).collect();
            if marked.is_empty() || is_reindented(&edit) {
                continue;
            }
            let mut old: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
            for line in &edit.removed {
                *old.entry(unindented(line)).or_default() += 1;
            }
            for (line, text, marks) in marked {
                let alone = marks.iter().any(|mark| mark.is_alone(text));
                match old.get_mut(&unindented(text)).filter(|left| **left > 0 && !alone) {
                    Some(left) => *left -= 1,
                    None => found.extend(marks.into_iter().map(|mark| Suppression {
                        path: file.path,
                        line,
                        mark,
                    })),
                }
            }
        }
    }
    found
}

/// A line without the white space at its end; Python's `\s` is that of Unicode.
fn blank_end(line: &[u8]) -> &[u8] {
    match std::str::from_utf8(line) {
        Ok(line) => line.trim_end().as_bytes(),
        Err(_) => line.trim_ascii_end(),
    }
}

/// True if lines differ in the white space around them alone.
fn is_reindented(edit: &Replaced<'_>) -> bool {
    edit.removed.len() == edit.added.len()
        && edit.removed.iter().zip(&edit.added).all(|(old, (_, new))| unindented(old) == unindented(new))
}

/// A line without the white space around it, and with one blank of several before a comment. What stands between its
/// words may make a comment of it.
fn unindented(line: &[u8]) -> Vec<u8> {
    let mut rest = line.trim_ascii();
    let mut kept = Vec::with_capacity(rest.len());
    while let Some(blank) = memchr::memchr(b' ', rest) {
        let (word, from_blank) = rest.split_at(blank);
        kept.extend_from_slice(word);
        let after = from_blank.trim_ascii_start();
        let blanks = from_blank.get(..from_blank.len() - after.len()).unwrap_or_default();
        let before_comment = after.starts_with(b"#") || after.starts_with(b"//");
        kept.extend_from_slice(if before_comment { b" " } else { blanks });
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<&'static str> {
        marks(line.as_bytes()).iter().map(|mark| mark.text).collect()
    }

    #[test]
    fn comments_are_known_as_their_scanners_write_them() {
        for (line, mark) in [
            ("eval(x)  # nosemgrep", "nosemgrep"),
            ("eval(x) // nosemgrep: rule-id", "nosemgrep"),
            ("<!-- nosem -->", "nosem"),
            ("x = yaml.load(y) #nosec B506", "nosec"),
            ("f() // #nosec G104 -- why", "nosec"),
            ("x() # NoSec", "nosec"),
            ("//gosec:disable G101 -- why", "gosec:disable"),
            ("f() //nolint", "nolint"),
            ("f() // nolint:errcheck,gosec // why", "nolint"),
            ("key = \"…\" // gitleaks:allow", "gitleaks:allow"),
            ("key = 1 # trufflehog:ignore", "trufflehog:ignore"),
            ("K = 'x'  # pragma: allowlist secret", "pragma: allowlist"),
            ("# pragma: allowlist nextline secret", "pragma: allowlist"),
            ("// ggignore-start", "ggignore"),
            ("#checkov:skip=CKV_AWS_20:public on purpose", "checkov:skip"),
            ("    checkov.io/skip1: CKV_K8S_20=on purpose", "checkov.io/skip"),
            ("#trivy:ignore:AVD-AWS-0089", "trivy:ignore"),
            ("// tfsec:ignore:aws-s3-enable-versioning", "tfsec:ignore"),
            ("# kics-scan ignore-line", "kics-scan"),
            ("#kics-scan  ignore-block", "kics-scan"),
            ("K = 'x'  # pragma:allowlist secret", "pragma:allowlist"),
            ("x() #\u{a0}nosec", "nosec"),
            ("f() //nolint: gosec", "nolint"),
            ("f() //nolint:errcheck, gosec // why", "nolint"),
            ("# kics-scan disable=e69890e6", "kics-scan"),
            ("doIt(); // NOSONAR", "nosonar"),
            ("@SuppressFBWarnings(\"X\")", "suppressfbwarnings"),
            ("// codeql[js/xss]", "codeql["),
        ] {
            assert_eq!(names(line), [mark], "{line}");
        }
        for line in [
            "nosecret = 1",
            "# nosecrets here",
            "nosec",
            "f() //nolint:errcheck",
            "f() //nolint:errcheck // not gosec",
            "my_nosonar_x",
            "x",
        ] {
            assert!(names(line).is_empty(), "{line}");
        }
    }

    fn told(hunks: &str) -> Vec<(u32, &'static str)> {
        let text = format!("diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n{hunks}");
        let diff = Diff::parse(text.as_bytes()).unwrap();
        added(&diff).iter().map(|found| (found.line, found.mark.text)).collect()
    }

    #[test]
    fn only_what_a_change_adds_is_told() {
        assert_eq!(told("@@ -4,0 +5,2 @@\n+x = 1\n+eval(a) # nosec\n"), [(6, "nosec")]);
        // Taken away, or only moved to the side.
        assert_eq!(told("@@ -5 +5 @@\n-eval(a) # nosec\n+eval(a)\n"), []);
        assert_eq!(told("@@ -5 +5,2 @@\n-eval(a) # nosec\n+if x:\n+    eval(a)  # nosec\n"), []);
        assert_eq!(told("@@ -5,2 +5,2 @@\n-# nosec\n-eval(a)\n+  # nosec\n+  eval(a)\n"), []);
        // The same comment about something else.
        assert_eq!(told("@@ -5 +5 @@\n-eval(a) # nosec\n+eval(b) # nosec\n"), [(5, "nosec")]);
        assert_eq!(told("@@ -5,2 +5,2 @@\n-# nosec\n-eval(a)\n+# nosec\n+eval(b)\n"), [(5, "nosec")]);
        assert_eq!(told("@@ -5 +4,0 @@\n-# nosec\n@@ -9,0 +9 @@\n+# nosec\n"), [(9, "nosec")]);
        // One more than there was.
        assert_eq!(
            told("@@ -5 +5,2 @@\n-eval(a) # nosec\n+eval(a) # nosec\n+eval(a)  # nosec\n"),
            [(6, "nosec")]
        );
    }
}

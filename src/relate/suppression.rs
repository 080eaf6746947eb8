//! Comments that tell a scanner to look away, and which of them a change adds.

mod reach;

use std::collections::BTreeMap;

use super::base::{Diff, Replaced};
pub use reach::{UnreadFile, covering, unshown};

/// A comment that suppresses findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressionMark {
    /// As its scanner's documentation writes it.
    pub text: &'static str,
    /// The scanners that heed it.
    pub tools: &'static str,
    /// Characters that may stand around it.
    around: MarkBoundary,
}

/// What must stand before a mark, so that a word of prose is not taken for it. What follows it never matters: scanners
/// look for the beginning alone, by substring or by a pattern that is open at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkBoundary {
    /// Anything: the word is of no other use.
    Anything,
    /// No letter or digit.
    Word,
    /// A sign that is no letter or digit, such as that of a comment, perhaps with blanks between.
    Comment,
}

const fn mark(text: &'static str, tools: &'static str, around: MarkBoundary) -> SuppressionMark {
    SuppressionMark { text, tools, around }
}

/// The roots of comments and annotations that suppress, from the documentation and sources of each scanner. All are compared
/// without regard to letter case: some scanners do, and a comment that its scanner does not heed is no harm to look at.
const MARKS: &[SuppressionMark] = &[
    mark("nosemgrep", "Semgrep", MarkBoundary::Anything),
    mark("nosem", "Semgrep", MarkBoundary::Anything),
    mark("nosec", "Bandit or gosec", MarkBoundary::Comment),
    mark("gosec:disable", "gosec", MarkBoundary::Anything),
    mark("nolint", "golangci-lint or clang-tidy", MarkBoundary::Word),
    mark("lint:ignore", "Staticcheck", MarkBoundary::Word),
    mark("lint:file-ignore", "Staticcheck", MarkBoundary::Word),
    mark("noqa", "Flake8 or Ruff", MarkBoundary::Comment),
    mark("gitleaks:allow", "gitleaks", MarkBoundary::Anything),
    mark("betterleaks:allow", "Betterleaks", MarkBoundary::Anything),
    mark("trufflehog:ignore", "TruffleHog", MarkBoundary::Anything),
    mark("kingfisher:ignore", "Kingfisher", MarkBoundary::Anything),
    mark("pragma: allowlist", "detect-secrets", MarkBoundary::Anything),
    mark("pragma: whitelist", "detect-secrets", MarkBoundary::Anything),
    mark("pragma:allowlist", "detect-secrets", MarkBoundary::Anything),
    mark("pragma:whitelist", "detect-secrets", MarkBoundary::Anything),
    mark("ggignore", "ggshield", MarkBoundary::Anything),
    mark("talisman-ignore", "Talisman", MarkBoundary::Anything),
    mark("secretlint-disable", "Secretlint", MarkBoundary::Anything),
    mark("checkov:skip", "Checkov", MarkBoundary::Anything),
    mark("bridgecrew:skip", "Checkov", MarkBoundary::Anything),
    mark("cortex:skip", "Checkov", MarkBoundary::Anything),
    mark("checkov.io/skip", "Checkov", MarkBoundary::Anything),
    mark("bridgecrew.io/skip", "Checkov", MarkBoundary::Anything),
    mark("trivy:ignore", "Trivy", MarkBoundary::Anything),
    mark("tfsec:ignore", "tfsec or Trivy", MarkBoundary::Anything),
    mark("tflint-ignore", "TFLint", MarkBoundary::Anything),
    mark("ts:skip", "Terrascan", MarkBoundary::Word),
    mark("regula:disable", "Regula", MarkBoundary::Anything),
    mark("kics-scan", "KICS", MarkBoundary::Anything),
    mark("kics:ignore", "KICS", MarkBoundary::Anything),
    mark("rules_to_suppress", "cfn-nag", MarkBoundary::Anything),
    mark("ignore_checks", "cfn-lint", MarkBoundary::Anything),
    mark("ignore-check.kube-linter.io", "KubeLinter", MarkBoundary::Anything),
    mark("kube-score/ignore", "kube-score", MarkBoundary::Anything),
    mark("polaris.fairwinds.com/", "Polaris", MarkBoundary::Anything),
    mark("datree.skip", "Datree", MarkBoundary::Anything),
    mark("hadolint", "Hadolint", MarkBoundary::Comment),
    mark("nosonar", "SonarQube", MarkBoundary::Anything),
    mark("@suppress", "SpotBugs, PMD or Android Lint", MarkBoundary::Anything),
    mark("suppressfbwarnings", "SpotBugs", MarkBoundary::Anything),
    mark("suppresswarnings", "SpotBugs or PMD", MarkBoundary::Anything),
    mark("nopmd", "PMD", MarkBoundary::Anything),
    mark("suppressmessage", ".NET analyzers", MarkBoundary::Word),
    mark("pragma warning disable", ".NET analyzers", MarkBoundary::Anything),
    mark("codeql[", "CodeQL", MarkBoundary::Anything),
    mark("codeql [", "CodeQL", MarkBoundary::Anything),
    mark("codeql:", "CodeQL", MarkBoundary::Comment),
    mark("lgtm", "CodeQL", MarkBoundary::Comment),
    mark("skipcq", "DeepSource", MarkBoundary::Anything),
    mark("noinspection", "Qodana", MarkBoundary::Anything),
    mark("bearer:disable", "Bearer", MarkBoundary::Anything),
    mark("deepcode ignore", "Snyk Code", MarkBoundary::Anything),
    mark("snyk", "Snyk", MarkBoundary::Comment),
    mark("devskim:", "DevSkim", MarkBoundary::Anything),
    mark("nohorus", "Horusec", MarkBoundary::Anything),
    mark("njsscan-ignore", "njsscan", MarkBoundary::Anything),
    mark("mobsf-ignore", "MobSF", MarkBoundary::Anything),
    mark("eslint-disable", "ESLint", MarkBoundary::Anything),
    mark("eslint-env", "ESLint", MarkBoundary::Anything),
    mark("oxlint-disable", "Oxlint", MarkBoundary::Anything),
    mark("biome-ignore", "Biome", MarkBoundary::Anything),
    mark("tslint:disable", "TSLint", MarkBoundary::Anything),
    mark("brakeman", "Brakeman", MarkBoundary::Comment),
    mark("rubocop:", "RuboCop", MarkBoundary::Anything),
    mark("sobelow_skip", "Sobelow", MarkBoundary::Anything),
    mark("credo:disable", "Credo", MarkBoundary::Anything),
    mark("phpcs:", "PHP_CodeSniffer", MarkBoundary::Anything),
    mark("codingstandardsignore", "PHP_CodeSniffer", MarkBoundary::Anything),
    mark("psalm-suppress", "Psalm", MarkBoundary::Anything),
    mark("psalm-taint-escape", "Psalm", MarkBoundary::Anything),
    mark("phpstan-ignore", "PHPStan", MarkBoundary::Anything),
    mark("phan-suppress", "Phan", MarkBoundary::Anything),
    mark("flawfinder:", "Flawfinder", MarkBoundary::Anything),
    mark("its4:", "Flawfinder", MarkBoundary::Anything),
    mark("cppcheck-suppress", "Cppcheck", MarkBoundary::Anything),
    mark("coverity[", "Coverity", MarkBoundary::Anything),
    mark("slither-disable", "Slither", MarkBoundary::Anything),
    mark("swiftlint:disable", "SwiftLint", MarkBoundary::Anything),
    mark("zizmor:", "zizmor", MarkBoundary::Comment),
    mark("poutine:", "poutine", MarkBoundary::Comment),
    mark("trunk-ignore", "Trunk", MarkBoundary::Anything),
];

/// A comment that a change adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddedSuppression<'d> {
    /// The file.
    pub path: &'d str,
    /// The line, from 1.
    pub line: u32,
    /// Text of the comment.
    pub mark: SuppressionMark,
}

/// The marks in a line of a file, each once.
pub fn marks(line: &[u8]) -> Vec<SuppressionMark> {
    let line = line.to_ascii_lowercase();
    let mut found: Vec<SuppressionMark> = MARKS.iter().filter(|mark| mark.is_in(&line)).copied().collect();
    // `nosemgrep` is no second `nosem`.
    found.dedup_by_key(|mark| mark.tools);
    found
}

impl SuppressionMark {
    fn is_in(&self, line: &[u8]) -> bool {
        memchr::memmem::find_iter(line, self.text).any(|at| {
            let before = line.get(..at).unwrap_or_default();
            let letter = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
            match self.around {
                MarkBoundary::Anything => true,
                MarkBoundary::Word => !letter(before.last()),
                MarkBoundary::Comment => {
                    let before = blank_end(before);
                    !before.is_empty() && !letter(before.last())
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
pub fn added(diff: &Diff) -> Vec<AddedSuppression<'_>> {
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
                    None => found.extend(marks.into_iter().map(|mark| AddedSuppression {
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
            ("// codeql[js/xss]", "codeql["),
        ] {
            assert_eq!(names(line), [mark], "{line}");
        }
        // Scanners look for the beginning: whatever follows, in prose too, it may hide something.
        for (line, mark) in [
            ("eval(x)  #nosecurity", "nosec"),
            ("eval(x)  # nosecrets here", "nosec"),
            ("eval(x)  # nosemantic", "nosem"),
            ("eval(x)  # nosemgrep_", "nosemgrep"),
            ("x = 1  # my_nosonar_x", "nosonar"),
            ("x = 1 # xgitleaks:allowed", "gitleaks:allow"),
            ("#cortex:skip=CKV_AWS_20", "cortex:skip"),
            ("f() //nolint:errcheck", "nolint"),
            ("x = 1  # noqa: S105", "noqa"),
            ("@SuppressWarnings(\"all\")", "@suppress"),
            ("// eslint-disable-next-line security/detect-eval", "eslint-disable"),
            ("# hadolint ignore=DL3006", "hadolint"),
            ("# bearer:disable rule", "bearer:disable"),
            ("# tflint-ignore: all", "tflint-ignore"),
            ("// noinspection SqlInjection", "noinspection"),
            ("/** @psalm-suppress TaintedHtml */", "psalm-suppress"),
            ("# rubocop:todo Security/Eval", "rubocop:"),
            ("x #skipcq: PY-S1", "skipcq"),
        ] {
            assert!(names(line).contains(&mark), "{line}: {:?}", names(line));
        }
        for line in ["nosecret = 1", "nosec", "t = nanoseconds # nanosec", "the hadolint job", "x"] {
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

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

/// Context that a mark needs, so that a word of prose or a scanner's name in a script is not taken for it. What follows
/// matters only where the scanner's own pattern says so: most look for the beginning alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkBoundary {
    /// Anything: the word is of no other use.
    Anything,
    /// No letter or digit.
    Word,
    /// A sign that is no letter or digit, perhaps with blanks between, behind the beginning of a comment: the word names
    /// a program or a package as well.
    Comment,
    /// The same, and behind it a word of looking away: the mark alone is the name of a program.
    Directive,
    /// As a comment, and not only codes behind it of rules that are about style.
    Codes,
    /// The beginning of a word of sections between colons, one of which is `ignore`, in whatever order.
    Sections,
    /// No letter or digit before, and a bracket behind it, perhaps with blanks between.
    Bracket,
    /// The value of a key `id`.
    Id,
    /// As a comment, and a colon behind it, perhaps with blanks between.
    Colon,
    /// No letter or digit before, anywhere within a comment, and a word of looking away behind it.
    Within,
    /// At the beginning of a comment of blocks, or of a line of one, with a blank behind it and settings after that.
    Settings,
    /// An annotation, whatever the name before it: `@kotlin.Suppress`, `@[Suppress]`, `@phan-file-suppress`.
    Annotation,
    /// A digit or a colon behind it.
    Number,
    /// As a comment, and these words behind it.
    Before(&'static str),
}

/// Words of looking away.
const AWAY: &[&str] = &["ignore", "disable", "skip", "suppress", "allow", "exclude", "shell", "off"];

/// Prefixes of codes of Flake8 and Ruff whose rules are about style, types and bugs, none of them about security as those
/// of flake8-bandit (`S`), Dlint (`DUO`) and the like are. Of another prefix nobody can say here what its plugin checks.
const STYLE: &[&str] = &[
    "a", "ann", "arg", "c", "com", "cpy", "d", "dtz", "e", "em", "era", "f", "fa", "fbt", "fix", "furb", "i",
    "icn", "int", "isc", "n", "perf", "pie", "pt", "pth", "pyi", "q", "ret", "rse", "sim", "slf", "slot",
    "t", "tc", "tch", "td", "tid", "up", "w", "yesqa",
];

const fn mark(text: &'static str, tools: &'static str, around: MarkBoundary) -> SuppressionMark {
    SuppressionMark { text, tools, around }
}

/// The roots of comments and annotations that suppress, from the documentation and sources of each scanner. All are compared
/// without regard to letter case: some scanners do, and a comment that its scanner does not heed is no harm to look at.
///
/// How the sources look for them:
/// - Semgrep (`Nosemgrep.ml`): ` nosem(?:grep)?` in any case, anywhere in the line, whatever follows.
/// - Bandit (`bandit/core/manager.py`): `#\s*nosec`, whatever follows. gosec (`analyzer.go`): `#nosec` within a comment.
/// - gitleaks (`detect/detect.go`), `TruffleHog` (`pkg/engine/engine.go`): a substring of the line.
/// - detect-secrets (`filters/allowlist.py`): `pragma: ?(allow|white)list[ -]`, with or without a blank.
/// - Checkov (`common/comment/enum.py`): `checkov:skip=`, `bridgecrew:skip=`, `cortex:skip=`, anywhere; in `CloudFormation`
///   its metadata name checks by `id`.
/// - Trivy (`pkg/iac/ignore/parse.go`): a word that begins with `trivy:` or `tfsec:` behind any of `#/*`, then pairs of
///   sections, so that `trivy:exp:2030-01-01:ignore:ID` is one as well.
/// - KICS (`pkg/model`): `kics-scan` in lower case of what was written, at the beginning of a comment.
/// - Hadolint (`src/Hadolint/Pragma.hs`): `hadolint`, blanks, then `ignore`, `global ignore` or `shell`, and `=`.
/// - `CodeQL` (`AlertSuppression.qll`): `\bcodeql\s*\[` and `\blgtm\s*\[` in any case; `lgtm` alone begins a comment.
/// - Brakeman reads no comments; teams that wrap it write `brakeman:ignore`. Snyk's own are `deepcode ignore`.
/// - `ESLint` (`lib/shared/directives.js`): `eslint-disable` and the like at the beginning of a comment, and `eslint` alone with
///   settings of rules in a comment of blocks.
/// - `SonarQube`'s analyzers: a comment that contains `NOSONAR`, whatever stands around it.
/// - Pylint (`pylint/utils/pragma_parser.py`): `#`, anything, `pylint:`. `RuboCop` (`directive_comment.rb`): `#\s*rubocop\s*:`.
/// - `ShellCheck` takes several keys in any order: `# shellcheck source=a.sh disable=SC2086`.
/// - Generated code is passed over by gosec, golangci-lint and Staticcheck by the line that Go defines, `// Code generated … DO
///   NOT EDIT.`, and by .NET analyzers and `SonarQube` by `<auto-generated`.
/// - `SpotBugs` (`NoteSuppressedWarnings.java`) heeds the annotation `SuppressFBWarnings`, and one of its own that is called `SuppressWarnings`.
const MARKS: &[SuppressionMark] = &[
    mark("nosemgrep", "Semgrep", MarkBoundary::Anything),
    mark("nosem", "Semgrep", MarkBoundary::Anything),
    mark("nosec", "Bandit or gosec", MarkBoundary::Comment),
    mark("gosec:disable", "gosec", MarkBoundary::Anything),
    mark("nolint", "golangci-lint or clang-tidy", MarkBoundary::Word),
    mark("lint:ignore", "Staticcheck", MarkBoundary::Word),
    mark("lint:file-ignore", "Staticcheck", MarkBoundary::Word),
    mark("noqa", "Flake8 or Ruff", MarkBoundary::Codes),
    mark("ruff:", "Ruff", MarkBoundary::Within),
    mark("pylint:", "Pylint", MarkBoundary::Within),
    mark("code generated", "gosec, golangci-lint or Staticcheck", MarkBoundary::Before("do not edit")),
    mark("autogenerated file", "golangci-lint", MarkBoundary::Comment),
    mark("<auto-generated", ".NET analyzers or SonarQube", MarkBoundary::Anything),
    mark("<autogenerated", ".NET analyzers or SonarQube", MarkBoundary::Anything),
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
    mark("ckv", "Checkov", MarkBoundary::Id),
    mark("bridgecrew.io/skip", "Checkov", MarkBoundary::Anything),
    mark("trivy:ignore", "Trivy", MarkBoundary::Anything),
    mark("trivy:", "Trivy", MarkBoundary::Sections),
    mark("tfsec:ignore", "tfsec or Trivy", MarkBoundary::Anything),
    mark("tfsec:", "tfsec or Trivy", MarkBoundary::Sections),
    mark("tflint-ignore", "TFLint", MarkBoundary::Anything),
    mark("ts:skip", "Terrascan", MarkBoundary::Word),
    mark("regula:disable", "Regula", MarkBoundary::Anything),
    mark("kics-scan", "KICS", MarkBoundary::Anything),
    mark("kics:ignore", "KICS", MarkBoundary::Anything),
    mark("rules_to_suppress", "cfn-nag", MarkBoundary::Anything),
    mark("ignore_checks", "cfn-lint", MarkBoundary::Anything),
    mark("ignore-check.kube-linter.io", "KubeLinter", MarkBoundary::Anything),
    mark("kube-linter.io/ignore-all", "KubeLinter", MarkBoundary::Anything),
    mark("kube-score/ignore", "kube-score", MarkBoundary::Anything),
    mark("kube-score/skip", "kube-score", MarkBoundary::Anything),
    mark("polaris.fairwinds.com/", "Polaris", MarkBoundary::Anything),
    mark("datree.skip", "Datree", MarkBoundary::Anything),
    mark("hadolint", "Hadolint", MarkBoundary::Directive),
    mark("nosonar", "SonarQube", MarkBoundary::Anything),
    mark("@suppress", "SpotBugs, PMD or Android Lint", MarkBoundary::Anything),
    mark("@file:suppress", "detekt or Android Lint", MarkBoundary::Anything),
    mark("suppress", "Kotlin, PHP or Java analyzers", MarkBoundary::Annotation),
    mark("clang::suppress", "Clang's analyzer", MarkBoundary::Anything),
    mark("gsl::suppress", "C++ Core Guidelines checkers", MarkBoundary::Anything),
    mark("parasoft-suppress", "Parasoft", MarkBoundary::Anything),
    mark("suppressedrules", "Salesforce Code Analyzer", MarkBoundary::Anything),
    mark("suppressfbwarnings", "SpotBugs", MarkBoundary::Anything),
    mark("suppresswarnings", "SpotBugs or PMD", MarkBoundary::Anything),
    mark("nopmd", "PMD", MarkBoundary::Anything),
    mark("suppressmessage", ".NET analyzers", MarkBoundary::Word),
    mark("pragma warning disable", ".NET analyzers", MarkBoundary::Anything),
    mark("diagnostic ignored", "GCC or Clang", MarkBoundary::Anything),
    mark("//-v", "PVS-Studio", MarkBoundary::Number),
    mark("no-dd-sa", "Datadog", MarkBoundary::Anything),
    mark("deno-lint-ignore", "Deno", MarkBoundary::Anything),
    mark("aderyn-ignore", "Aderyn", MarkBoundary::Anything),
    mark("codeql", "CodeQL", MarkBoundary::Bracket),
    mark("codeql:", "CodeQL", MarkBoundary::Directive),
    mark("lgtm", "CodeQL", MarkBoundary::Comment),
    mark("skipcq", "DeepSource", MarkBoundary::Anything),
    mark("noinspection", "Qodana", MarkBoundary::Anything),
    mark("resharper disable", "Qodana or ReSharper", MarkBoundary::Anything),
    mark("ast-grep-ignore", "ast-grep", MarkBoundary::Anything),
    mark("bearer:disable", "Bearer", MarkBoundary::Anything),
    mark("deepcode ignore", "Snyk Code", MarkBoundary::Anything),
    mark("snyk", "Snyk", MarkBoundary::Directive),
    mark("devskim:", "DevSkim", MarkBoundary::Anything),
    mark("nohorus", "Horusec", MarkBoundary::Anything),
    mark("njsscan-ignore", "njsscan", MarkBoundary::Anything),
    mark("mobsf-ignore", "MobSF", MarkBoundary::Anything),
    mark("eslint-disable", "ESLint", MarkBoundary::Anything),
    mark("eslint-env", "ESLint", MarkBoundary::Anything),
    mark("eslint", "ESLint", MarkBoundary::Settings),
    mark("oxlint-disable", "Oxlint", MarkBoundary::Anything),
    mark("biome-ignore", "Biome", MarkBoundary::Anything),
    mark("tslint:disable", "TSLint", MarkBoundary::Anything),
    mark("brakeman", "Brakeman", MarkBoundary::Directive),
    mark("rubocop:", "RuboCop", MarkBoundary::Anything),
    mark("rubocop", "RuboCop", MarkBoundary::Colon),
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
    mark("shellcheck disable", "ShellCheck", MarkBoundary::Word),
    mark("shellcheck", "ShellCheck", MarkBoundary::Before("disable")),
    mark("standard:disable", "Standard", MarkBoundary::Word),
    mark("solhint-disable", "Solhint", MarkBoundary::Anything),
    mark("codenarc-disable", "CodeNarc", MarkBoundary::Anything),
    mark("no critic", "Perl::Critic", MarkBoundary::Comment),
    mark("nagsuppressions", "cdk-nag", MarkBoundary::Anything),
    mark("__clang_analyzer__", "Clang's analyzer", MarkBoundary::Anything),
];

/// What golangci-lint takes for generated code at the head of a file of Go, in its mode `lax`; of other files it is prose.
const OF_GO: &[SuppressionMark] = &[
    mark("code generated", "golangci-lint", MarkBoundary::Comment),
    mark("do not edit", "golangci-lint", MarkBoundary::Comment),
    mark("autogenerated file", "golangci-lint", MarkBoundary::Comment),
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

/// Scanners that look for secrets or patterns in files of any kind.
const READ_EVERY_FILE: [&str; 11] = [
    "Semgrep",
    "gitleaks",
    "Betterleaks",
    "TruffleHog",
    "Kingfisher",
    "detect-secrets",
    "ggshield",
    "Talisman",
    "Secretlint",
    "Checkov",
    "DevSkim",
];

/// Endings of names of files that hold prose, or names and versions of packages: a scanner of code does not read them.
const NO_CODE: [&str; 21] = [
    ".md",
    ".markdown",
    ".rst",
    ".adoc",
    ".asciidoc",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "composer.json",
    "composer.lock",
    "cargo.lock",
    "gemfile.lock",
    "go.sum",
    "poetry.lock",
    "pipfile.lock",
    "uv.lock",
    "packages.lock.json",
    "gradle.lockfile",
];

/// The marks in a line of the file at a path, each once, but for those of scanners that do not read such a file.
fn marks_at(path: &str, line: &[u8]) -> Vec<SuppressionMark> {
    let mut found = marks(line);
    if path.len() > 3 && path.get(path.len() - 3..).is_some_and(|end| end.eq_ignore_ascii_case(".go")) {
        let line = folded(line);
        let mut lax = OF_GO.iter().filter(|mark| mark.is_in(&line));
        found.extend(lax.next().filter(|_| found.is_empty()));
    }
    if !found.is_empty() {
        let path = path.to_ascii_lowercase();
        if NO_CODE.iter().any(|end| path.ends_with(end)) {
            found.retain(|mark| READ_EVERY_FILE.contains(&mark.tools));
        }
    }
    found
}

/// The marks in a line of a file, each once.
fn marks(line: &[u8]) -> Vec<SuppressionMark> {
    let line = folded(line);
    let mut found: Vec<SuppressionMark> = MARKS.iter().filter(|mark| mark.is_in(&line)).copied().collect();
    // The root is for names that are not listed.
    let is_root = |mark: &SuppressionMark| mark.around == MarkBoundary::Annotation;
    if found.iter().any(|mark| !is_root(mark) && mark.text.contains("suppress")) {
        found.retain(|mark| !is_root(mark));
    }
    // `nosemgrep` is no second `nosem`.
    found.dedup_by_key(|mark| mark.tools);
    found
}

/// A line as marks are compared: in lower case, as Unicode folds it to letters of ASCII, and with one blank for several of
/// whatever kind.
fn folded(line: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(line.len());
    for c in String::from_utf8_lossy(line).chars() {
        match c {
            '\u{17f}' => text.push('s'),
            '\u{212a}' => text.push('k'),
            c if c.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            c => text.push(c.to_ascii_lowercase()),
        }
    }
    text.into_bytes()
}

/// True if what stands before a word makes it an annotation: a sign `@`, and between them names, or what an annotation is
/// of (`@file : Suppress`), or the beginning of a list.
fn is_annotated(before: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'@', before) else { return false };
    let between = before.get(at + 1..).unwrap_or_default();
    let named = between.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-[ ".contains(byte));
    named && (!between.contains(&b' ') || between.iter().any(|byte| b":[".contains(byte)))
}

impl SuppressionMark {
    fn is_in(&self, line: &[u8]) -> bool {
        memchr::memmem::find_iter(line, self.text).any(|at| {
            let before = line.get(..at).unwrap_or_default();
            let after = line.get(at + self.text.len()..).unwrap_or_default();
            let letter = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
            let in_comment = || {
                let before = blank_end(before);
                !before.is_empty() && !letter(before.last()) && begins_comment(before)
            };
            let holds = |text: &[u8], word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
            match self.around {
                MarkBoundary::Anything => true,
                MarkBoundary::Word => !letter(before.last()),
                MarkBoundary::Comment => in_comment(),
                MarkBoundary::Directive => in_comment() && AWAY.iter().any(|word| holds(after, word)),
                MarkBoundary::Codes => in_comment() && !is_of_style(after),
                MarkBoundary::Sections => {
                    let word = after.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                    let begins = |byte: &u8| byte.is_ascii_whitespace() || b"#/*".contains(byte);
                    before.last().is_none_or(begins) && holds(word, "ignore:")
                }
                MarkBoundary::Bracket => !letter(before.last()) && after.trim_ascii_start().starts_with(b"["),
                MarkBoundary::Colon => in_comment() && after.trim_ascii_start().starts_with(b":"),
                MarkBoundary::Within => {
                    !letter(before.last())
                        && begins_comment(before)
                        && AWAY.iter().any(|word| holds(after, word))
                }
                MarkBoundary::Settings => {
                    let begins = blank_end(before);
                    let begins_block = begins.ends_with(b"/*");
                    let begins = begins.is_empty() || begins.ends_with(b"*");
                    let blank = after.first().is_some_and(u8::is_ascii_whitespace);
                    // The settings may follow in the next line.
                    let opens = begins_block && after.trim_ascii().is_empty();
                    opens || begins && blank && memchr::memchr(b':', after).is_some()
                }
                MarkBoundary::Annotation => is_annotated(before),
                MarkBoundary::Number => {
                    after.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b':')
                }
                MarkBoundary::Before(words) => in_comment() && holds(after, words),
                MarkBoundary::Id => {
                    let quoted = |byte: &u8| byte.is_ascii_whitespace() || b"'\"".contains(byte);
                    let end =
                        |text: &[u8]| text.iter().rposition(|byte| !quoted(byte)).map_or(0, |at| at + 1);
                    let before = before.get(..end(before)).unwrap_or_default();
                    let key = before.strip_suffix(b":").unwrap_or_default();
                    let key = key.get(..end(key)).unwrap_or_default();
                    key.strip_suffix(b"id").is_some_and(|rest| !letter(rest.last()))
                }
            }
        })
    }

    /// True if a line holds nothing but the comment, which then speaks of other lines.
    fn is_alone(&self, line: &[u8]) -> bool {
        let lower = folded(line);
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
            let marked = edit.added.iter().map(|(line, text)| (*line, *text, marks_at(file.path, text)));
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

/// Whether what follows `noqa`, in lower case, names codes, and only such of style. Both tools take what they cannot read as
/// codes for nothing, and then every rule is meant.
fn is_of_style(after: &[u8]) -> bool {
    let Some(rest) = after.strip_prefix(b":") else { return false };
    let mut words = rest.split(|byte| byte.is_ascii_whitespace() || *byte == b',').filter(|w| !w.is_empty());
    // The letters of a code and how many digits follow; none of a word that is no code.
    let code = |word: &[u8]| {
        let letters = word.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let (prefix, digits) = word.split_at_checked(letters)?;
        let is_code = !prefix.is_empty() && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        is_code.then(|| STYLE.iter().any(|known| known.as_bytes() == prefix))
    };
    if words.next().and_then(code) != Some(true) {
        return false;
    }
    // Codes may be glued to each other, and prose that holds what looks like one is not told from that.
    words.all(|word| code(word).unwrap_or_else(|| !word.iter().any(u8::is_ascii_digit)))
}

/// True if a comment may begin in this part of a line, or go on from the line before; in an address none does.
fn begins_comment(before: &[u8]) -> bool {
    const SIGNS: [&[u8]; 4] = [b"#", b"/*", b"--", b";"];
    before.trim_ascii_start().starts_with(b"*")
        || SIGNS.iter().any(|sign| memchr::memmem::find(before, sign).is_some())
        || memchr::memmem::find_iter(before, b"//")
            .any(|at| at.checked_sub(1).and_then(|at| before.get(at)) != Some(&b':'))
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
    fn roots_in_settings_and_generated_code_are_known() {
        for (line, mark) in [
            ("x = eval(y)  # noqa: E501 pylint: disable=eval-used", "pylint:"),
            ("# pylint: skip-file", "pylint:"),
            ("# ruff: disable[S307]", "ruff:"),
            ("// Code generated by protoc-gen-go. DO NOT EDIT.", "code generated"),
            ("// <auto-generated/>", "<auto-generated"),
            ("/* eslint no-eval: 0 */", "eslint"),
            ("   eslint no-eval: \"off\"", "eslint"),
            ("# rubocop : disable Security/Eval", "rubocop"),
            ("# shellcheck source=a.sh disable=SC2086", "shellcheck"),
            ("// ReSharper disable once SqlInjection", "resharper disable"),
            ("#pragma \t warning  disable CA2100", "pragma warning disable"),
            ("eval $x; ##  no  critic", "no critic"),
            ("x() # no\u{17f}ec", "nosec"),
            ("x() # no\u{17f}emgrep \u{212a}", "nosemgrep"),
            ("/*\u{a0}eslint no-eval: 0 */", "eslint"),
            ("/* eslint", "eslint"),
            ("@kotlin.Suppress(\"all\")", "suppress"),
            ("@[Suppress(\"all\")]", "suppress"),
            ("@file : Suppress(\"all\")", "suppress"),
            ("@get:Suppress(\"all\")", "suppress"),
            ("@android.annotation.SuppressLint(\"x\")", "suppress"),
            (" * @phan-file-suppress PhanX", "suppress"),
            (" * @phpcsSuppress X", "suppress"),
            ("[[clang::suppress]]", "clang::suppress"),
            ("[[gsl::suppress(\"type\")]]", "gsl::suppress"),
            ("#pragma GCC diagnostic  ignored \"-Wformat\"", "diagnostic ignored"),
            ("x(); //-V501", "//-v"),
            ("# no-dd-sa", "no-dd-sa"),
            ("    kube-linter.io/ignore-all: why", "kube-linter.io/ignore-all"),
        ] {
            assert!(names(line).contains(&mark), "{line}: {:?}", names(line));
        }
        for line in [
            "pylint: [src]",
            "eslint src/",
            "  \"eslint\": \"^9.0.0\",",
            "// the file is code generated by hand",
            "run: shellcheck --exclude-dir x",
            "# shellcheck shell=bash",
            "gem 'rubocop', require: false",
            "with contextlib.suppress(OSError):",
            " * @param suppress whether to",
            "# Do not edit: made by a script",
            "run //-verbose",
        ] {
            assert!(names(line).is_empty(), "{line}: {:?}", names(line));
        }
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
            ("// codeql[js/xss]", "codeql"),
            ("// CodeQL  [js/xss]", "codeql"),
            ("#trivy:exp:2030-01-01:ignore:AVD-AWS-0089", "trivy:"),
            ("      - id: CKV_AWS_18", "ckv"),
            ("  {\"id\" : \"CKV_AWS_18\"}", "ckv"),
            ("x = 1  # noqa", "noqa"),
            ("x = 1  # noqa : E501", "noqa"),
            ("x = 1  # noqa: because", "noqa"),
            ("x = 1  # noqa: E501,S105", "noqa"),
            ("x = 1  # noqa: E501 S105", "noqa"),
            ("x = 1  # noqa: E501S105", "noqa"),
            ("x = 1  # noqa: E501  # noqa", "noqa"),
            ("x = 1  # noqa: DUO105", "noqa"),
            ("# flake8: noqa", "noqa"),
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
            ("# shellcheck disable=SC2086", "shellcheck disable"),
            ("@file:Suppress(\"all\")", "@file:suppress"),
            ("eval $x; ## no critic", "no critic"),
            (" * hadolint ignore=DL3006", "hadolint"),
        ] {
            assert!(names(line).contains(&mark), "{line}: {:?}", names(line));
        }
        for line in [
            "nosecret = 1",
            "nosec",
            "t = nanoseconds # nanosec",
            "the hadolint job",
            "x",
            // Rules of style, and scanners that are run.
            "x = 1  # noqa: E501",
            "x = 1  # NoQA:E501, W291 -- a long address",
            "# ruff: noqa: F401",
            "  - hadolint Dockerfile",
            "image: hadolint/hadolint:latest",
            "  - snyk test",
            "  - brakeman -q",
            "  image: aquasec/trivy:0.70.0",
            "- valid: CKV_AWS_18",
            "  - repo: https://github.com/hadolint/hadolint",
            "flake8-noqa==1.4",
            "gem 'brakeman'",
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
    fn prose_and_lock_files_hide_nothing_from_scanners_of_code() {
        let of = |path: &str, line: &str| marks_at(path, line.as_bytes()).len();
        for path in ["README.md", "docs/a.rst", "CHANGELOG.MD", "yarn.lock", "web/package-lock.json"] {
            assert_eq!(of(path, "Silence Bandit with `# nosec`, ESLint with eslint-disable."), 0, "{path}");
            assert_eq!(of(path, "KEY=1 <!-- gitleaks:allow -->"), 1, "{path}");
            assert_eq!(of(path, "KEY=1 <!-- nosemgrep -->"), 1, "{path}");
        }
        assert_eq!(of("a.py", "eval(x) # nosec"), 1);
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

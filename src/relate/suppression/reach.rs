//! Parts of a change that older comments hide: code that comes under one, and files of which a diff
//! shows no lines.

use std::ops::RangeInclusive;

use super::{AddedSuppression, SuppressionMark, is_reindented, marks_at};
use crate::relate::base::{Diff, Replaced};

/// Lines that a statement is thought to have at most.
const MAX_STATEMENT: usize = 100;
/// Comments of a file beyond which each is thought to cover all of it.
const MAX_COMMENTS: usize = 1000;
/// Comments of one spelling that are told of one file.
const TOLD: usize = 3;

/// A file of which nobody can tell whether it holds such comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadFile {
    /// Its path.
    pub path: String,
}

/// The comments in files whose lines the diff does not show, as many as tell which, and the files that cannot be read.
pub fn unshown(diff: &Diff) -> (Vec<(String, u32, SuppressionMark)>, Vec<UnreadFile>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for file in diff.unshown() {
        let Some(text) = file.text.filter(|text| is_readable(text)) else {
            unread.push(UnreadFile { path: file.path });
            continue;
        };
        // As UTF-16 writes ASCII, but for the zeros.
        let plain: Vec<u8> = text.into_iter().filter(|byte| *byte != 0).collect();
        let mut told: Vec<SuppressionMark> = Vec::new();
        for (line, number) in plain.split(|&byte| byte == b'\n').zip(1..) {
            for mark in marks_at(&file.path, line) {
                if told.iter().filter(|known| **known == mark).count() < TOLD {
                    told.push(mark);
                    found.push((file.path.clone(), number, mark));
                }
            }
        }
    }
    (found, unread)
}

/// False of an encoding in which the letters of a comment are not those of ASCII.
fn is_readable(text: &[u8]) -> bool {
    crate::relate::base::tells_its_letters(text)
}

/// The comments that a change leaves where they are, and brings other code under.
pub fn covering(diff: &Diff) -> Vec<AddedSuppression<'_>> {
    let mut found = Vec::new();
    for file in diff.files().filter(|file| !file.is_gone && !file.is_opaque() && file.old_path().is_some()) {
        let edits: Vec<Replaced<'_>> = file.edits().filter(|edit| !is_reindented(edit)).collect();
        if edits.is_empty() {
            continue;
        }
        let Some(text) = diff.now(file.path) else { continue };
        let lines = SourceLines::new(&text);
        let came: Vec<u32> = file.edits().flat_map(|edit| edit.added).map(|(line, _)| line).collect();
        let comments: Vec<(usize, SuppressionMark)> = (1..=lines.count())
            .filter(|&at| came.binary_search(&u32::try_from(at).unwrap_or(u32::MAX)).is_err())
            .flat_map(|at| marks_at(file.path, lines.at(at)).into_iter().map(move |mark| (at, mark)))
            .collect();
        let all = comments.len() > MAX_COMMENTS;
        for (at, mark) in comments {
            let covered = if all { vec![1..=lines.count()] } else { lines.covered(at, mark, file.path) };
            let next = lines.code_after(at);
            let reached = |edit: &Replaced<'_>| {
                let first = edit.start as usize;
                let last = first + edit.added.len();
                match edit.added.len() {
                    // What follows comes under a comment when what stood between is taken away.
                    0 => lines.is_alone(at, mark) && at < first && first <= next,
                    _ => covered.iter().any(|range| first <= *range.end() && *range.start() < last),
                }
            };
            if edits.iter().any(reached) {
                let line = u32::try_from(at).unwrap_or(u32::MAX);
                found.push(AddedSuppression { path: file.path, line, mark });
            }
        }
        for edit in &edits {
            for mark in edit.removed.iter().flat_map(|line| ended(file.path, line)) {
                // Where the beginning went as well, nothing is hidden any more.
                let begins = |at: &usize| {
                    let line = lines.at(*at);
                    marks_at(file.path, line).contains(&mark) && ended(file.path, line).is_empty()
                };
                if (1..edit.start as usize).any(|at| begins(&at)) {
                    found.push(AddedSuppression { path: file.path, line: edit.start, mark });
                }
            }
        }
    }
    found
}

/// The marks whose region a line ends, if it holds nothing else: most scanners write `enable`, `restore` or `end` there.
fn ended(path: &str, line: &[u8]) -> Vec<SuppressionMark> {
    let text = String::from_utf8_lossy(line).to_lowercase();
    let begin =
        text.replace("enable", "disable").replace("restore", "disable").replace("use critic", "no critic");
    let is_word = |(at, _): (usize, &str)| {
        let after = text.get(at + "end".len()..).and_then(|rest| rest.chars().next());
        let before = text.get(..at).unwrap_or_default();
        let apart = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        !after.is_some_and(char::is_alphanumeric)
            && (apart || ["nolint", "ignore"].iter().any(|word| before.ends_with(word)))
    };
    if begin == text && !text.match_indices("end").any(is_word) {
        return Vec::new();
    }
    let marks = marks_at(path, begin.as_bytes()).into_iter();
    marks.filter(|mark| mark.is_alone(begin.as_bytes())).collect()
}

/// The lines of a file, from 1.
struct SourceLines<'t>(Vec<&'t [u8]>);

impl<'t> SourceLines<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self(text.split(|&byte| byte == b'\n').collect())
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn at(&self, line: usize) -> &'t [u8] {
        line.checked_sub(1).and_then(|at| self.0.get(at)).copied().unwrap_or_default()
    }

    fn is_blank(&self, line: usize) -> bool {
        self.at(line).trim_ascii().is_empty()
    }

    fn indent(&self, line: usize) -> usize {
        self.at(line).iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    /// True of a line that holds nothing but a comment or an annotation.
    fn is_comment(&self, line: usize) -> bool {
        let text = self.at(line).trim_ascii_start();
        [&b"#"[..], b"//", b"--", b"/*", b"*", b"<!--", b"@", b";"].iter().any(|sign| text.starts_with(sign))
    }

    /// True if a line holds nothing but a comment; what closes a bracket before it is code.
    fn is_alone(&self, line: usize, mark: SuppressionMark) -> bool {
        let text = self.at(line);
        mark.is_alone(text) && !matches!(text.trim_ascii_start().first(), Some(b')' | b']' | b'}'))
    }

    /// The next line of code.
    fn code_after(&self, line: usize) -> usize {
        (line + 1..=self.count())
            .find(|&at| !self.is_blank(at) && !self.is_comment(at))
            .unwrap_or(self.count())
    }

    /// Brackets that a line leaves open.
    fn open(&self, line: usize) -> isize {
        let text = self.at(line);
        let count = |signs: &[u8]| text.iter().filter(|byte| signs.contains(byte)).count();
        let goes_on = isize::from(text.trim_ascii_end().ends_with(b"\\"));
        count(b"([").cast_signed() - count(b")]").cast_signed() + goes_on
    }

    /// The lines of the statement that a line is part of, as its brackets tell.
    fn statement(&self, line: usize) -> RangeInclusive<usize> {
        let (mut first, mut last) = (line, line);
        let mut open = 0;
        for at in (line.saturating_sub(MAX_STATEMENT).max(1)..line).rev() {
            open += self.open(at);
            if open > 0 {
                (first, open) = (at, 0);
            }
        }
        let mut open: isize = (first..=line).map(|at| self.open(at)).sum();
        while open > 0 && last < self.count() && last - line < MAX_STATEMENT {
            last += 1;
            open += self.open(last);
        }
        first..=last
    }

    /// The lines that a line stands above, by how far they are indented, with the line that closes them.
    fn block(&self, head: usize) -> RangeInclusive<usize> {
        // A brace may open it in a line of its own.
        let brace = (head + 1..=self.count())
            .find(|&at| !self.is_blank(at))
            .filter(|&at| self.at(at).trim_ascii().starts_with(b"{"))
            .filter(|&at| self.indent(at) == self.indent(head));
        let inside =
            |at: &usize| self.is_blank(*at) || self.indent(*at) > self.indent(head) || brace == Some(*at);
        let last = (head + 1..=self.count()).take_while(inside).last().unwrap_or(head);
        head..=(last + 1).min(self.count())
    }

    /// The lines around one that are indented at least as far.
    fn around(&self, line: usize) -> RangeInclusive<usize> {
        let inside = |at: &usize| self.is_blank(*at) || self.indent(*at) >= self.indent(line);
        let first = (1..line).rev().take_while(inside).last().unwrap_or(line);
        let last = (line + 1..=self.count()).take_while(inside).last().unwrap_or(line);
        first..=last
    }

    /// The lines around one that are not indented at all, which begin and close the block that it is in.
    fn outermost(&self, line: usize) -> RangeInclusive<usize> {
        let inside = |at: &usize| self.is_blank(*at) || self.is_comment(*at) || self.indent(*at) > 0;
        let first = (1..line).rev().take_while(inside).last().unwrap_or(line);
        let last = (line..=self.count()).take_while(inside).last().unwrap_or(line);
        first.saturating_sub(1).max(1)..=(last + 1).min(self.count())
    }

    /// The document or resource that an annotation within its `metadata` speaks of.
    fn annotated(&self, line: usize) -> Option<RangeInclusive<usize>> {
        let mut indent = self.indent(line);
        let metadata = (1..=line).rev().find(|&at| {
            let is_above = !self.is_blank(at) && !self.is_comment(at) && self.indent(at) < indent;
            if is_above {
                indent = self.indent(at);
            }
            let key = self.at(at).trim_ascii().to_ascii_lowercase();
            // In one line with what it holds, it is that line.
            let names = [&b"metadata"[..], b"\"metadata\"", b"'metadata'"];
            (is_above || at == line) && names.iter().any(|name| key.starts_with(name))
        })?;
        let apart = |at: &usize| self.at(*at).starts_with(b"---");
        let (begin, end) = self.around(metadata).into_inner();
        let begin = (begin..metadata).rev().find(apart).unwrap_or(begin);
        Some(begin..=(metadata..=end).find(apart).unwrap_or(end))
    }

    /// True if nothing but comments stands before a line.
    fn is_head(&self, line: usize) -> bool {
        let opens = |at| self.at(at).trim_ascii_start().starts_with(b"<?");
        (1..line).all(|at| self.is_blank(at) || self.is_comment(at) || opens(at))
    }

    /// Whether a comment reaches to its end mark, or to the end of the file: by its words, or because it heads the file. One
    /// that names rules right above the first line of code speaks of that line.
    fn has_no_end(&self, at: usize, mark: SuppressionMark, path: &str) -> bool {
        let text = super::folded(self.at(at));
        let holds = |word: &str| memchr::memmem::find(&text, word.as_bytes()).is_some();
        let one = ["-line", "nextline", "next line", ":next", ":this", ":previous", "disable once"];
        if one.iter().any(|word| holds(word)) {
            return false;
        }
        let (word, rest) = mark.directive(&text);
        let says = |part: &str| memchr::memmem::find(word, part.as_bytes()).is_some();
        let begins = holds("start") || says("begin") || says("disable") && holds("/*");
        if begins || text.trim_ascii_start().starts_with(b"package ") {
            return true;
        }
        let of_docker = || {
            let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            mark.tools.contains("Checkov") && (name.contains("dockerfile") || name.contains("containerfile"))
        };
        let by_word = says("file")
            || says("-all")
            || holds("disable")
            || holds("global")
            || mark.text == "no critic"
            || mark.covers_files(&text)
            || mark.text == "noqa" && ["flake8:", "ruff:"].iter().any(|tool| holds(tool))
            || of_docker();
        let names_nothing = || !rest.iter().any(u8::is_ascii_alphanumeric);
        let heads = || {
            let next = self.code_after(at);
            let apart = (at + 1..next).any(|line| self.is_blank(line));
            self.is_head(at) && (apart || names_nothing() || self.at(next).starts_with(b"package "))
        };
        (self.is_alone(at, mark) || self.is_comment(at)) && (by_word || heads())
    }

    /// The lines that a comment may speak of.
    fn covered(&self, at: usize, mark: SuppressionMark, path: &str) -> Vec<RangeInclusive<usize>> {
        let text = super::folded(self.at(at));
        let holds = |word: &str| memchr::memmem::find(&text, word.as_bytes()).is_some();
        let alone = self.is_alone(at, mark);
        let next = self.code_after(at);
        let mut covered = vec![self.statement(at)];
        if alone {
            let before = (1..at).rev().find(|&line| !self.is_blank(line)).unwrap_or(at);
            covered.extend([before..=before, at..=next, self.statement(next)]);
        }
        let following = ["nextline", "next-line", "next line"].iter().any(|word| holds(word));
        if following {
            covered.push(at..=next);
        }
        if mark.covers_blocks(path) {
            covered.push(self.block(if alone { next } else { at }));
            if alone && self.indent(at) > 0 {
                covered.push(self.around(at));
                if [".tf", ".hcl", ".tofu", ".bicep"].iter().any(|end| path.ends_with(end)) {
                    covered.push(self.outermost(at));
                }
            }
            if mark.is_annotation() || alone && self.indent(at) > 0 {
                covered.extend(self.annotated(at));
            }
        }
        if self.has_no_end(at, mark, path) {
            let closes = |line: &usize| {
                let of_mark = ended(path, self.at(*line)).contains(&mark);
                let line = self.at(*line).to_ascii_lowercase();
                let says = |word: &[u8]| memchr::memmem::find(&line, word).is_some();
                of_mark || !super::marks(&line).is_empty() && (says(b"end") || says(b"enable"))
            };
            covered.push(at..=(at + 1..=self.count()).find(closes).unwrap_or(self.count()));
        }
        covered
    }
}

impl SuppressionMark {
    /// False of comments that speak of one line or statement by their scanners' documentation.
    fn covers_blocks(self, path: &str) -> bool {
        let one =
            ["nosem", "nosonar", "gitleaks", "trufflehog", "pragma"].iter().any(|of| self.text.contains(of));
        // Gosec passes over all that is in a block; Bandit only over the statement.
        let bandit = self.text == "nosec" && path.rsplit_once('.').is_none_or(|(_, end)| end != "go");
        !one && !bandit
    }

    /// True of a key or value of the metadata of a resource, which speaks of all of it.
    fn is_annotation(self) -> bool {
        self.around == super::MarkBoundary::Id
            || self.text.contains(['/', '.'])
            || ["rules_to_suppress", "ignore_checks"].contains(&self.text)
    }

    /// The word of a line, in lower case, that a mark is in, and what follows it.
    fn directive(self, line: &[u8]) -> (&[u8], &[u8]) {
        let Some(at) = memchr::memmem::find(line, self.text.as_bytes()) else { return (&[], &[]) };
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let begin = line.get(..at).and_then(|before| before.iter().rposition(blank)).map_or(0, |at| at + 1);
        let end = at + self.text.len();
        let more = line.get(end..).and_then(|after| after.iter().position(blank));
        let word_end = more.map_or(line.len(), |more| end + more);
        (line.get(begin..word_end).unwrap_or_default(), line.get(end..).unwrap_or_default())
    }

    /// True of a comment that speaks of the whole file.
    fn covers_files(self, line: &[u8]) -> bool {
        let holds = |word: &str| memchr::memmem::find(line, word.as_bytes()).is_some();
        let of_files = ["generated", "do not edit", "file-suppress"].iter().any(|of| self.text.contains(of))
            || self.text == "eslint"
            || holds("skip-file");
        of_files || self.text.contains("kics") && !holds("ignore-line") && !holds("ignore-block")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the file after a change of one line at which an old comment is told to hide it.
    fn told(name: &str, text: &str, changed: usize) -> Vec<u32> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        let line = text.lines().nth(changed - 1).unwrap();
        let hunk = format!("@@ -{changed} +{changed} @@\n-was()\n+{line}\n");
        of_hunk(dir.path(), name, &hunk)
    }

    fn of_hunk(dir: &std::path::Path, name: &str, hunk: &str) -> Vec<u32> {
        let text =
            format!("diff --git a/{name} b/{name}\nindex 1..2 100644\n--- a/{name}\n+++ b/{name}\n{hunk}");
        let mut diff = Diff::parse(text).unwrap();
        diff.set_tree(dir);
        covering(&diff).iter().map(|found| found.line).collect()
    }

    #[test]
    fn code_that_comes_under_an_old_comment_is_told() {
        let alone = "a()\n# nosemgrep: x\n# why\n\neval(b)\nc()\nd()\n";
        for (changed, lines) in [(1, vec![2]), (4, vec![2]), (5, vec![2]), (6, vec![]), (7, vec![])] {
            assert_eq!(told("a.py", alone, changed), lines, "{changed}");
        }
        let statement = "import a\nrun(  # nosec\n  b,\n  c)\nd()\nrun(\n  e,\n)  # nosec\nf(1)\n";
        for (changed, lines) in
            [(1, vec![]), (3, vec![2]), (4, vec![2]), (5, vec![]), (6, vec![8]), (7, vec![8]), (9, vec![])]
        {
            assert_eq!(told("a.py", statement, changed), lines, "{changed}");
        }
        let block = "#trivy:ignore:X\nresource \"a\" \"b\" {\n  acl = 1\n  d {\n    e = 1\n  }\n}\nresource \"f\" {\n  # checkov:skip=Y\n  acl = 2\n  g = 1\n}\nvariable \"h\" {}\n";
        for (changed, lines) in
            [(2, vec![1]), (3, vec![1]), (5, vec![1]), (10, vec![9]), (11, vec![9]), (13, vec![])]
        {
            assert_eq!(told("a.tf", block, changed), lines, "{changed}");
        }
        assert_eq!(told("a.go", "func f() { // #nosec\n\ta()\n\tb()\n}\n\nfunc g() {\n}\n", 3), [1]);
        assert_eq!(told("a.yaml", "# kics-scan ignore\na: 1\nb: 2\nc:\n  d: 1\n", 5), [1]);
        assert_eq!(told("a.py", "K = 1  # pragma: allowlist nextline secret\nL = 2\nM = 3\n", 2), [1]);
        assert_eq!(told("a.py", "K = 1  # pragma: allowlist secret\nL = 2\n", 2), [0; 0]);
    }

    #[test]
    fn a_comment_without_an_end_reaches_to_its_end_mark_or_that_of_the_file() {
        let far = "a()\nb()\n\n\nc()\nd()\ne()\n";
        let count = far.lines().count();
        for (name, before) in [
            ("a.py", "x()\n# flake8: noqa\n"),
            ("a.py", "#!/usr/bin/python3\n# nosemgrep\n"),
            ("a.py", "# nosemgrep: eval\n\n"),
            ("a.py", "# nosec\n"),
            ("a.php", "<?php\n// phpcs:ignoreFile\n"),
            ("a.php", "x();\n// @codingStandardsIgnoreFile\n"),
            ("a.cc", "x();\n// NOLINTBEGIN(cert-err33-c)\n"),
            ("a.cc", "x(); // NOLINTBEGIN\n"),
            ("a.js", "/* eslint-disable */\n"),
            ("a.js", "x(); /* eslint-disable no-eval */\n"),
            ("a.js", "x()\n// biome-ignore-all lint/security: why\n"),
            ("a.go", "// why\n\n//nolint:gosec\npackage a\n"),
            ("a.go", "package a //nolint\n"),
            ("a.go", "x()\n//lint:file-ignore SA1019 why\n"),
            ("Dockerfile", "FROM x\n# checkov:skip=CKV_DOCKER_2: why\n"),
            ("build/Dockerfile.prod", "FROM x\n# hadolint global ignore=DL3006\n"),
            ("a.tf", "x {}\n# tflint-ignore-file: all\n"),
            ("a.kt", "x()\n@file:Suppress(\"all\")\n"),
            ("a.pl", "x();\n## no critic\n"),
        ] {
            let begins = before.lines().count();
            let path = name.rsplit('/').next().unwrap();
            let at: Vec<u32> = told(path, &format!("{before}{far}"), begins + count);
            assert!(!at.is_empty(), "{before}");
        }
        for (name, before) in [
            ("a.py", "x()\n# nosemgrep\n"),
            ("a.py", "# nosemgrep: eval\n"),
            ("a.py", "x()  # flake8: noqa\n"),
            ("a.cc", "// NOLINTBEGIN\nx();\n// NOLINTEND\n"),
            ("a.js", "/* eslint-disable */\nx();\n/* eslint-enable */\n"),
            ("a.js", "x(); // eslint-disable-line\n"),
            ("a.cs", "x();\n// ReSharper disable once SqlInjection\n"),
            ("a.cs", "#pragma warning disable CA2100\nx();\n#pragma warning restore CA2100\n"),
            ("a.swift", "x()\n// swiftlint:disable:next force_cast\n"),
            ("Dockerfile", "# hadolint ignore=DL3006\n"),
            ("a.pl", "## no critic\nx();\n## use critic\n"),
        ] {
            let begins = before.lines().count();
            assert_eq!(told(name, &format!("{before}{far}"), begins + count), [0; 0], "{before}");
        }
    }

    #[test]
    fn a_comment_in_a_resource_speaks_of_all_of_it() {
        let terraform = "resource \"a\" \"b\" {\n  c = 1\n  d {\n    # checkov:skip=Y\n    e = 1\n  }\n  f = 1\n}\nvariable \"g\" {\n  h = 1\n}\n";
        for (changed, lines) in [(2, vec![4]), (5, vec![4]), (7, vec![4]), (10, vec![])] {
            assert_eq!(told("a.tf", terraform, changed), lines, "{changed}");
        }
        let kubernetes = "kind: A\nmetadata:\n  annotations:\n    checkov.io/skip1: X=why\nspec:\n  a: 1\n---\nkind: B\nspec:\n  a: 1\n";
        for (changed, lines) in [(1, vec![4]), (6, vec![4]), (8, vec![]), (10, vec![])] {
            assert_eq!(told("a.yaml", kubernetes, changed), lines, "{changed}");
        }
        let cloud = "Resources:\n  A:\n    Metadata:\n      cfn_nag:\n        rules_to_suppress:\n          - id: W1\n    Properties:\n      a: 1\n  B:\n    Properties:\n      a: 1\n";
        for (changed, lines) in [(8, vec![5]), (11, vec![])] {
            assert_eq!(told("a.yaml", cloud, changed), lines, "{changed}");
        }
        let checks = "Resources:\n  A:\n    Properties:\n      a: 1\n    Metadata:\n      checkov:\n        skip:\n          - id: CKV_1\n    Other:\n      a: 1\n  B:\n    Metadata: {checkov: {skip: [{id: CKV_1}]}}\n    Properties:\n      a: 1\n  C:\n    a: 1\n";
        for (changed, lines) in [(4, vec![8]), (10, vec![8]), (14, vec![12]), (16, vec![])] {
            assert_eq!(told("a.yaml", checks, changed), lines, "{changed}");
        }
        let braces = "[SuppressMessage(\"a\", \"b\")]\nclass A\n{\n    void B()\n    {\n        c();\n    }\n}\nclass D\n{\n    e();\n}\n";
        for (changed, lines) in [(6, vec![1]), (11, vec![])] {
            assert_eq!(told("a.cs", braces, changed), lines, "{changed}");
        }
    }

    #[test]
    fn what_was_between_may_be_taken_away_and_what_is_only_indented_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.py"), "# nosemgrep\n  eval(b)\nc()\n").unwrap();
        assert_eq!(of_hunk(dir.path(), "a.py", "@@ -2 +1,0 @@\n-foo()\n"), [1]);
        assert_eq!(of_hunk(dir.path(), "a.py", "@@ -2 +2 @@\n-eval(b)\n+  eval(b)\n"), [0; 0]);
        assert_eq!(of_hunk(dir.path(), "a.py", "@@ -3 +2,0 @@\n-foo()\n"), [0; 0]);
    }

    #[test]
    fn the_end_of_a_region_that_is_taken_away_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for (name, begin, end) in [
            ("a.py", "# pylint: disable=eval-used", "# pylint: enable=eval-used"),
            ("a.js", "/* eslint-disable no-eval */", "/* eslint-enable no-eval */"),
            ("a.cc", "// NOLINTBEGIN(cert-err33-c)", "// NOLINTEND(cert-err33-c)"),
            ("a.php", "// phpcs:disable Security", "// phpcs:enable Security"),
            ("a.sql", "-- noqa: disable=all", "-- noqa: enable=all"),
            ("a.cs", "#pragma warning disable CA2100", "#pragma warning restore CA2100"),
            ("a.pl", "## no critic", "## use critic"),
        ] {
            let hunk = format!("@@ -8 +7,0 @@\n-{end}\n");
            let body = "a()\nb()\nc()\nd()\ne()\nf()\n";
            std::fs::write(dir.path().join(name), format!("{begin}\n{body}g()\n")).unwrap();
            assert!(of_hunk(dir.path(), name, &hunk).contains(&8), "{end}");
            // Both ends are gone.
            std::fs::write(dir.path().join(name), format!("z()\n{body}g()\n")).unwrap();
            assert_eq!(of_hunk(dir.path(), name, &hunk), [0; 0], "{end}");
        }
        // No end of anything.
        std::fs::write(dir.path().join("a.py"), "a()  # nosec\nb()\nc()\nd()\n").unwrap();
        assert_eq!(of_hunk(dir.path(), "a.py", "@@ -3 +2,0 @@\n-# nosec of the backend\n"), [0; 0]);
    }
}

//! Lines of the project's own files, where a report shows none: they tell findings of one rule in one file apart.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::diff::LineSpan;
use super::known_findings::GONE;
use crate::finding::{Category, Finding, FingerprintBuilder, SecretKey};

/// Largest source file that is read.
const MAX_FILE: u64 = 4 << 20;
/// Longest stretch of lines that is looked at.
const MAX_LINES: u32 = 200;
/// Files whose lines are kept: findings of one file come in rows.
const KEPT: usize = 16;

/// Reads source lines below a directory, and nothing else: regular files, to which no link leads out of it.
#[derive(Debug, Default)]
pub struct SourceTree {
    /// The directory without links; `None` reads nothing.
    root: Option<PathBuf>,
    /// Files that were read, by path; `None` for one that cannot be.
    files: BTreeMap<String, Option<SourceFile>>,
}

#[derive(Debug)]
struct SourceFile {
    text: Vec<u8>,
    /// Where each line begins, and the end.
    starts: Vec<usize>,
}

impl SourceTree {
    /// Files below `root`.
    pub fn below(root: Option<&Path>) -> Self {
        Self { root: root.and_then(|root| fs::canonicalize(root).ok()), files: BTreeMap::new() }
    }

    /// Digest that tells a finding from others of its fingerprint: of a secret the trace of its value, or of its lines under the
    /// same key; of other code a digest of its lines. Zero where that is not known.
    pub fn content(&mut self, finding: &Finding, key: Option<&SecretKey>) -> u64 {
        if let Some(trace) = finding.trace.filter(|_| finding.category == Category::Secret) {
            return trace.number();
        }
        // Without a key no digest of a line that holds a secret is written.
        if finding.may_hold_secret && key.is_none() {
            return 0;
        }
        together(super::places(finding).map(|(path, lines)| self.number(finding, path, lines, key)))
    }

    /// A number for the lines at which a finding is or was: under the key where they may hold a secret. Zero where they
    /// cannot be read.
    pub(super) fn number(
        &mut self,
        finding: &Finding,
        path: &str,
        lines: LineSpan,
        key: Option<&SecretKey>,
    ) -> u64 {
        let Some(key) = key.filter(|_| finding.may_hold_secret) else {
            return self.digest(path, lines).unwrap_or(0);
        };
        self.keyed(path, lines, key)
    }

    /// A number for the lines of a secret whose value the report does not hold, under the key. Zero where they do not hold
    /// the whole value.
    pub(super) fn secret_number(&mut self, path: &str, lines: LineSpan, key: &SecretKey) -> u64 {
        if self.holds_whole_secret(path, lines) { self.keyed(path, lines, key) } else { 0 }
    }

    fn keyed(&mut self, path: &str, lines: LineSpan, key: &SecretKey) -> u64 {
        let text = self.text(path, lines).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        text.map_or(0, |text| key.trace(&format!("line\0{text}")).number())
    }

    /// Whether these lines can be read, and are not only where a private key begins: its value stands below.
    pub(super) fn holds_whole_secret(&mut self, path: &str, lines: LineSpan) -> bool {
        let whole = |text: Cow<'_, str>| {
            let text = text.to_ascii_uppercase();
            !text.contains("PRIVATE KEY") || (text.contains("BEGIN") && text.contains("END"))
        };
        self.text(path, lines).is_some_and(whole)
    }

    /// A digest of these lines, white space aside; never zero.
    pub(super) fn digest(&mut self, path: &str, lines: LineSpan) -> Option<u64> {
        let text = self.text(path, lines)?;
        Some(FingerprintBuilder::new("code").folded(&text).finish().number().max(1))
    }

    /// These lines.
    fn text(&mut self, path: &str, (first, last): LineSpan) -> Option<Cow<'_, str>> {
        let root = self.root.as_deref()?;
        if first == 0 || last < first || last - first >= MAX_LINES {
            return None;
        }
        if !self.files.contains_key(path) {
            if self.files.len() >= KEPT {
                self.files.clear();
            }
            self.files.insert(path.to_owned(), SourceFile::open(root, path));
        }
        let lines = self.files.get(path)?.as_ref()?.lines(first, last)?;
        Some(String::from_utf8_lossy(lines))
    }
}

/// One number for the lines of all places of a finding, whatever their order but for the first: without that one nothing is
/// known. A place that cannot be read is another than any that can.
pub(super) fn together(mut numbers: impl Iterator<Item = u64>) -> u64 {
    let first = numbers.next().unwrap_or(0);
    let mut others: Vec<u64> = numbers.collect();
    if first == 0 || others.is_empty() {
        return first;
    }
    others.push(first);
    if others.contains(&GONE) {
        return GONE;
    }
    others.sort_unstable();
    let id = FingerprintBuilder::new("places");
    others.iter().fold(id, |id, number| id.part(&number.to_string())).finish().number().max(1)
}

impl SourceFile {
    fn open(root: &Path, path: &str) -> Option<Self> {
        let relative = Path::new(path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let real = fs::canonicalize(root.join(relative)).ok()?;
        if !real.starts_with(root) || !fs::metadata(&real).ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        fs::File::open(real).ok()?.take(MAX_FILE + 1).read_to_end(&mut text).ok()?;
        if text.len() as u64 > MAX_FILE {
            return None;
        }
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', &text).map(|at| at + 1));
        if starts.last() != Some(&text.len()) {
            starts.push(text.len());
        }
        Some(Self { text, starts })
    }

    fn lines(&self, first: u32, last: u32) -> Option<&[u8]> {
        let at = |line: u32| self.starts.get(usize::try_from(line).ok()?).copied();
        self.text.get(at(first - 1)?..at(last)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_tell_a_finding_apart() {
        let of = |numbers: &[u64]| together(numbers.iter().copied());
        assert_eq!((of(&[]), of(&[7]), of(&[0, 7]), of(&[7, GONE])), (0, 7, 0, GONE));
        assert_eq!(of(&[7, 8, 9]), of(&[9, 8, 7]));
        let all = [of(&[7, 8]), of(&[7, 9]), of(&[7, 0]), of(&[7, 8, 8]), 7];
        assert!((1..all.len()).all(|n| !all[..n].contains(&all[n])), "{all:?}");
    }

    #[test]
    fn lines_are_compared_without_their_white_space() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/a.py"), "a\nif b:\n    eval(c)\n\n\teval(c)").unwrap();
        fs::write(dir.path().join("secret"), "eval(c)\n").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("src/link")).unwrap();
        let mut code = SourceTree::below(Some(&dir.path().join("src")));
        let same = code.digest("a.py", (3, 3));
        assert!(same.is_some());
        assert_eq!(code.digest("a.py", (5, 5)), same);
        assert_ne!(code.digest("a.py", (2, 3)), same);
        for (path, lines) in [
            ("a.py", (0, 1)),
            ("a.py", (6, 6)),
            ("a.py", (5, 4)),
            ("link", (1, 1)),
            ("../secret", (1, 1)),
            ("b.py", (1, 1)),
            (".", (1, 1)),
        ] {
            assert_eq!(code.digest(path, lines), None, "{path} {lines:?}");
        }
        assert_eq!(SourceTree::default().digest("a.py", (3, 3)), None);
    }
}

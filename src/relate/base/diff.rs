//! The diff of a change: which lines it leaves alone, and which files it renamed. Git's format, and nothing else: what
//! is not understood is an error, because a file that a diff does not name counts as untouched.

mod parse;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::BaseError;
use crate::finding::{clean, decoded, project_path};

/// A diff, read.
#[derive(Debug, Default)]
pub struct Diff {
    /// Its text.
    text: Vec<u8>,
    /// Files that it touches and that are there after it, by their path there.
    files: BTreeMap<String, Change>,
    /// Files that are gone.
    deleted: BTreeMap<String, Change>,
    /// Renamed files: from the old path to the new one.
    renamed: BTreeMap<String, String>,
    /// Touched paths as a scanner may write them, by their last part, so that a path below another directory or in
    /// another spelling is not taken for an untouched file.
    names: HashMap<String, Vec<String>>,
    /// Files that were there before the change, where that is known.
    before: Option<HashSet<String>>,
}

#[derive(Debug, Default)]
struct Change {
    /// Its path before; `None` for a file that is new.
    old: Option<String>,
    /// What it holds is not told line by line.
    opaque: bool,
    /// Runs of lines that differ, in order.
    edits: Vec<Edit>,
}

/// Lines that differ: `old_len` lines from `old` on became `new_len` lines from `new` on. Without lines on one side the
/// number is that of the line that follows.
#[derive(Debug, Clone, Copy)]
struct Edit {
    old: u32,
    old_len: u32,
    new: u32,
    new_len: u32,
    /// Where its lines stand in the diff.
    text: (usize, usize),
}

/// One file that a change touches.
#[derive(Debug, Clone, Copy)]
pub struct TouchedFile<'d> {
    /// Its path after the change; before it, if it is gone.
    pub path: &'d str,
    /// It is gone.
    pub is_gone: bool,
    change: &'d Change,
    text: &'d [u8],
}

/// Lines that take the place of others.
#[derive(Debug, Default)]
pub struct Replaced<'d> {
    /// The lines that are gone, without their ends.
    pub removed: Vec<&'d [u8]>,
    /// The lines that came, with their numbers in the new file.
    pub added: Vec<(u32, &'d [u8])>,
}

/// What a file was before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileBefore {
    /// It was not there.
    Absent,
    /// The change leaves it alone.
    Same,
    /// It was this.
    Was(Vec<u8>),
    /// The diff does not tell, for this reason.
    Untold(&'static str),
}

impl<'d> TouchedFile<'d> {
    /// Its path before the change, if it was there.
    pub fn old_path(&self) -> Option<&'d str> {
        self.change.old.as_deref()
    }

    /// What it holds is not told line by line.
    pub fn is_opaque(&self) -> bool {
        self.change.opaque
    }

    /// The runs of lines that differ, in order.
    pub fn edits(&self) -> impl Iterator<Item = Replaced<'d>> {
        let text = self.text;
        self.change.edits.iter().map(move |edit| edit.lines(text))
    }
}

impl Edit {
    fn lines<'d>(&self, text: &'d [u8]) -> Replaced<'d> {
        let mut replaced = Replaced::default();
        let mut number = self.new;
        for line in text.get(self.text.0..self.text.1).unwrap_or_default().split(|&b| b == b'\n') {
            match line.split_first() {
                Some((b'-', rest)) => replaced.removed.push(rest),
                Some((b'+', rest)) => {
                    replaced.added.push((number, rest));
                    number += 1;
                }
                // No line end at the end of the file; behind the last line end.
                Some(_) | None => {}
            }
        }
        replaced
    }

    /// The lines that are gone, with their ends.
    fn removed(&self, text: &[u8]) -> Vec<u8> {
        let mut old = Vec::new();
        let mut of_old = false;
        for line in text.get(self.text.0..self.text.1).unwrap_or_default().split_inclusive(|&b| b == b'\n') {
            match line.split_first() {
                Some((b'-', rest)) => old.extend_from_slice(rest),
                // The file did not end with a line end.
                Some((b'\\', _)) if of_old => drop(old.pop()),
                Some(_) | None => {}
            }
            of_old = line.first() == Some(&b'-');
        }
        old
    }
}

/// First and last line.
pub(super) type Lines = (u32, u32);

/// True if a run of `len` lines from `start` on touches the lines, or lies between two of them.
fn touches(start: u32, len: u32, (first, last): Lines) -> bool {
    let end = start.saturating_add(len);
    if len == 0 { first < start && start <= last } else { start <= last && first < end }
}

impl Change {
    fn leaves(&self, lines: Lines) -> bool {
        self.old.is_some() && !self.opaque && !self.edits.iter().any(|e| touches(e.new, e.new_len, lines))
    }

    /// What the file was, made from what it is; `None` if the diff is not one of it.
    fn backward(&self, text: &[u8], now: &[u8]) -> Option<Vec<u8>> {
        let mut lines = now.split_inclusive(|&b| b == b'\n');
        let mut old = Vec::with_capacity(now.len());
        let mut at = 1;
        for edit in &self.edits {
            while at < edit.new {
                old.extend_from_slice(lines.next()?);
                at += 1;
            }
            for (_, added) in edit.lines(text).added {
                let line = lines.next()?;
                if line.strip_suffix(b"\n").unwrap_or(line) != added {
                    return None;
                }
                at += 1;
            }
            old.extend_from_slice(&edit.removed(text));
        }
        lines.for_each(|line| old.extend_from_slice(line));
        Some(old)
    }

    /// Where lines of the old file are in the new one, if they are unchanged.
    fn forward(&self, lines: Lines) -> Option<Lines> {
        if self.opaque || self.edits.iter().any(|e| touches(e.old, e.old_len, lines)) {
            return None;
        }
        let before = self.edits.iter().filter(|e| e.old <= lines.0);
        let shift: i64 = before.map(|e| i64::from(e.new_len) - i64::from(e.old_len)).sum();
        let move_by = |line: u32| u32::try_from(i64::from(line) + shift).ok();
        Some((move_by(lines.0)?, move_by(lines.1)?))
    }
}

impl Diff {
    /// Reads a diff. An empty one is one without changes; where that must not be, it is for the caller to say.
    pub fn parse(text: impl Into<Vec<u8>>) -> Result<Self, BaseError> {
        let text = text.into();
        let mut diff = parse::files(&text)?;
        let touched = diff.files.keys().chain(diff.deleted.keys()).chain(diff.renamed.keys());
        let mut names: HashMap<String, Vec<String>> = HashMap::new();
        for path in touched.map(|path| spelled(path)) {
            names.entry(last_part(&path).to_owned()).or_default().push(path);
        }
        diff.names = names;
        diff.text = text;
        Ok(diff)
    }

    /// Says which files were there before the change, `/` only: of any other it does not speak.
    pub fn set_before(&mut self, paths: impl IntoIterator<Item = String>) {
        self.before = Some(paths.into_iter().map(|path| clean(&path).into_owned()).collect());
    }

    /// Number of files that it touches.
    pub fn touched(&self) -> u64 {
        (self.files.len() + self.deleted.len()) as u64
    }

    /// True if the diff shows that a file, or these lines of it, were there before and are unchanged.
    pub(super) fn leaves(&self, path: &str, lines: Option<Lines>) -> bool {
        if let Some(change) = self.files.get(path) {
            return lines.is_some_and(|lines| change.leaves(lines));
        }
        !self.deleted.contains_key(path)
            && self.before.as_ref().is_none_or(|before| before.contains(path))
            && !self.touches_namesake(&spelled(path))
            && !self.touches_above(path)
    }

    /// True if the diff leaves a whole file alone.
    pub fn leaves_file(&self, path: &str) -> bool {
        !self.files.contains_key(path) && self.leaves(path, None)
    }

    /// The files that it touches, those that are gone last.
    pub fn files(&self) -> impl Iterator<Item = TouchedFile<'_>> {
        self.files
            .iter()
            .map(|of| (of, false))
            .chain(self.deleted.iter().map(|of| (of, true)))
            .map(|((path, change), is_gone)| TouchedFile { path, is_gone, change, text: &self.text })
    }

    /// What the file at a path was before the change, where `now` reads what lies at a path.
    pub fn before(&self, path: &str, now: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> FileBefore {
        let backward = |change: &Change, is: Option<Vec<u8>>| {
            if change.opaque {
                return FileBefore::Untold("the diff does not tell its lines");
            }
            let was = is.and_then(|is| change.backward(&self.text, &is));
            was.map_or(FileBefore::Untold("the diff is of another state of it"), FileBefore::Was)
        };
        if let Some(change) = self.deleted.get(path) {
            return backward(change, Some(Vec::new()));
        }
        // Another file may have come in the place of one that was moved away.
        if let Some((new, change)) = self.renamed.get(path).and_then(|new| self.files.get_key_value(new)) {
            return backward(change, now(new));
        }
        match self.files.get(path) {
            Some(change) if change.old.as_deref() == Some(path) => backward(change, now(path)),
            Some(_) => FileBefore::Absent,
            None if self.touches_namesake(&spelled(path)) || self.touches_above(path) => {
                FileBefore::Untold("the diff touches a file that may be this one, by a path from elsewhere")
            }
            None => FileBefore::Same,
        }
    }

    /// A touched file may be this one, named from another directory.
    fn touches_namesake(&self, path: &str) -> bool {
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        self.names
            .get(last_part(path))
            .is_some_and(|touched| touched.iter().any(|other| ends(other, path) || ends(path, other)))
    }

    /// A touched submodule or link: of what lies below it the diff says nothing.
    fn touches_above(&self, path: &str) -> bool {
        let mut above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let touched = |path: &str| {
            self.files.contains_key(path)
                || self.deleted.contains_key(path)
                || self.renamed.contains_key(path)
        };
        above.any(touched)
    }

    /// The path that a renamed file had before.
    pub fn old_path(&self, path: &str) -> Option<&str> {
        let old = self.files.get(path)?.old.as_deref()?;
        (self.renamed.get(old).map(String::as_str) == Some(path)).then_some(old)
    }

    /// Where lines of a file before the change are now, if they are unchanged.
    pub(super) fn forward(&self, path: &str, lines: Lines) -> Option<(&str, Lines)> {
        let new = self.renamed.get_key_value(path).map(|(_, new)| new.as_str());
        let of_path = |(_, change): &(&String, &Change)| change.old.as_deref() == Some(path);
        let (new, change) = self.files.get_key_value(new.unwrap_or(path)).filter(of_path)?;
        Some((new.as_str(), change.forward(lines)?))
    }
}

/// A path of git as a scanner may write it: with `%41` for `A`, which some write and some do not, and with `\` for `/`.
fn spelled(path: &str) -> String {
    project_path(&decoded(path), &[]).into_owned()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

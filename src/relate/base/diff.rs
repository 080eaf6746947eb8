//! The diff of a change: which lines it leaves alone, and which files it renamed. Git's format, and nothing else: what
//! is not understood is an error, because a file that a diff does not name counts as untouched.

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
    pub fn parse(bytes: &[u8]) -> Result<Self, BaseError> {
        let mut parser = Parser { lines: Lined::new(bytes), diff: Self::default() };
        while let Some(line) = parser.lines.next() {
            let Some(names) = line.strip_prefix(b"diff --git ") else { return Err(parser.foreign(line)) };
            parser.file(names)?;
        }
        let mut diff = parser.diff;
        diff.text = bytes.to_vec();
        let touched = diff.files.keys().chain(diff.deleted.keys()).chain(diff.renamed.keys());
        let mut names: HashMap<String, Vec<String>> = HashMap::new();
        for path in touched.map(|path| spelled(path)) {
            names.entry(last_part(&path).to_owned()).or_default().push(path);
        }
        diff.names = names;
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

/// Lines without their ends, counted.
struct Lined<'d> {
    size: usize,
    rest: &'d [u8],
    number: u64,
}

impl<'d> Lined<'d> {
    fn new(rest: &'d [u8]) -> Self {
        Self { size: rest.len(), rest, number: 0 }
    }

    /// Where the next line begins.
    fn at(&self) -> usize {
        self.size - self.rest.len()
    }

    fn next(&mut self) -> Option<&'d [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let (line, rest) = match memchr::memchr(b'\n', self.rest) {
            Some(at) => (self.rest.get(..at)?, self.rest.get(at + 1..)?),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        // A diff that was checked out or mailed with other line ends.
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn starts(&self, with: &[u8]) -> bool {
        self.rest.starts_with(with)
    }
}

struct Parser<'d> {
    lines: Lined<'d>,
    diff: Diff,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Changed,
    Added,
    Deleted,
    Renamed,
    Copied,
}

/// What the lines before the hunks of a file say.
#[derive(Default)]
struct Header {
    kind: Kind,
    opaque: bool,
    from: Option<String>,
    to: Option<String>,
}

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> BaseError {
        BaseError { line: self.lines.number, column: 1, message: message.into() }
    }

    /// A line that begins no file.
    fn foreign(&self, line: &[u8]) -> BaseError {
        let combined = line.starts_with(b"diff --cc ") || line.starts_with(b"diff --combined ");
        let message = if combined {
            "is the combined diff of a merge; compare with one commit: git diff BASE...HEAD".to_owned()
        } else {
            format!(
                "`{}` begins no file of a git diff; make it with: git diff BASE...HEAD",
                crate::finding::clean_line(&String::from_utf8_lossy(line.get(..80).unwrap_or(line)))
            )
        };
        self.error(message)
    }

    /// One file, from behind `diff --git ` to its last hunk.
    fn file(&mut self, names: &[u8]) -> Result<(), BaseError> {
        let mut header = Header::default();
        let mut sides: (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
        while !self.lines.rest.is_empty() && !self.lines.starts(b"diff --") && !self.lines.starts(b"@@") {
            let Some(line) = self.lines.next() else { break };
            if let Some(side) = line.strip_prefix(b"--- ") {
                sides.0 = Some(side.to_vec());
            } else if let Some(side) = line.strip_prefix(b"+++ ") {
                sides.1 = Some(side.to_vec());
            } else if line == b"GIT binary patch" {
                header.opaque = true;
                while !self.lines.rest.is_empty() && !self.lines.starts(b"diff --") {
                    self.lines.next();
                }
            } else {
                self.header_line(line, &mut header)?;
            }
        }
        let (old, new) = self.paths(names, &header, sides)?;
        let mut change = Change { opaque: header.opaque, ..Change::default() };
        if header.kind != Kind::Added {
            change.old = Some(old.clone());
        }
        let mut shift = 0;
        while self.lines.starts(b"@@") {
            self.hunk(&mut change, &mut shift)?;
        }
        if header.kind == Kind::Deleted {
            if self.diff.deleted.insert(old, change).is_some() {
                return Err(self.error(TWICE));
            }
            return Ok(());
        }
        if header.kind == Kind::Copied {
            // A copy is new, whatever it was copied from.
            change.old = None;
        }
        if header.kind == Kind::Renamed && self.diff.renamed.insert(old, new.clone()).is_some() {
            return Err(self.error(TWICE));
        }
        if self.diff.files.insert(new, change).is_some() {
            return Err(self.error(TWICE));
        }
        Ok(())
    }

    fn header_line(&self, line: &[u8], header: &mut Header) -> Result<(), BaseError> {
        let path = |rest: &[u8]| unquoted(rest).ok_or_else(|| self.error("a quoted path does not end"));
        if line.starts_with(b"new file mode ") {
            header.kind = Kind::Added;
        } else if line.starts_with(b"deleted file mode ") {
            header.kind = Kind::Deleted;
        } else if let Some(rest) = line.strip_prefix(b"rename from ") {
            header.kind = Kind::Renamed;
            header.from = Some(path(rest)?);
        } else if let Some(rest) = line.strip_prefix(b"rename to ") {
            header.to = Some(path(rest)?);
        } else if let Some(rest) = line.strip_prefix(b"copy from ") {
            header.kind = Kind::Copied;
            header.from = Some(path(rest)?);
        } else if let Some(rest) = line.strip_prefix(b"copy to ") {
            header.to = Some(path(rest)?);
        } else if line.starts_with(b"Binary files ")
            // A link or a submodule: its line names what stands elsewhere.
            || line.starts_with(b"index ") && (line.ends_with(b" 120000") || line.ends_with(b" 160000"))
        {
            header.opaque = true;
        } else if ![&b"old mode "[..], b"new mode ", b"similarity index ", b"dissimilarity index ", b"index "]
            .iter()
            .any(|known| line.starts_with(known))
        {
            return Err(self.foreign(line));
        }
        Ok(())
    }

    /// Path before and after, without the prefixes that git puts before them. All places that name them must agree:
    /// else a diff without prefixes would be read as one about other files.
    fn paths(
        &self,
        names: &[u8],
        header: &Header,
        sides: (Option<Vec<u8>>, Option<Vec<u8>>),
    ) -> Result<(String, String), BaseError> {
        let prefixes = || {
            self.error(
                "paths must have git's prefixes (`a/` and `b/`); make it with: git diff --src-prefix=a/ --dst-prefix=b/",
            )
        };
        let (old, new) = split_names(names).ok_or_else(prefixes)?;
        let strip = |path: &str| {
            let mut letters = path.chars();
            let letter = letters.next().filter(char::is_ascii_lowercase)?;
            let rest = letters.as_str().strip_prefix('/').filter(|rest| !rest.is_empty())?;
            Some((letter, rest.to_owned()))
        };
        let ((a, old), (b, new)) = strip(&old).zip(strip(&new)).ok_or_else(prefixes)?;
        let moved = matches!(header.kind, Kind::Renamed | Kind::Copied);
        if a == b || (moved && (header.from.as_ref() != Some(&old) || header.to.as_ref() != Some(&new))) {
            return Err(prefixes());
        }
        if !moved && old != new {
            return Err(prefixes());
        }
        for (side, letter, path) in [(sides.0, a, &old), (sides.1, b, &new)] {
            let Some(side) = side else { continue };
            // Git ends a path with a tab where it holds a space.
            let side = unquoted(side.strip_suffix(b"\t").unwrap_or(&side)).ok_or_else(prefixes)?;
            if side != "/dev/null" && side != format!("{letter}/{path}") {
                return Err(prefixes());
            }
        }
        Ok((clean(&old).into_owned(), clean(&new).into_owned()))
    }

    /// `@@ -OLD,LEN +NEW,LEN @@` and its lines.
    fn hunk(&mut self, change: &mut Change, shift: &mut i64) -> Result<(), BaseError> {
        let line = self.lines.next().unwrap_or_default();
        if line.starts_with(b"@@@") {
            return Err(
                self.error("is a hunk of a combined diff; compare with one commit: git diff BASE...HEAD")
            );
        }
        let broken =
            |parser: &Self| parser.error("a hunk's first line is no `@@ -LINE,COUNT +LINE,COUNT @@`");
        let ((old, old_len), (new, new_len)) = hunk_ranges(line).ok_or_else(|| broken(self))?;
        let ends = [(old, old_len), (new, new_len)];
        if ends.iter().any(|(start, len)| start.checked_add(*len).is_none_or(|end| end == u32::MAX)) {
            return Err(broken(self));
        }
        // Without lines on a side, the number is that of the line before.
        let mut at = (old + u32::from(old_len == 0), new + u32::from(new_len == 0));
        let end = (at.0.saturating_add(old_len), at.1.saturating_add(new_len));
        let after = change.edits.last().map_or(1, |e| e.new + e.new_len);
        if i64::from(at.1) - i64::from(at.0) != *shift || at.1 < after || at.0 == 0 {
            return Err(self.error("a hunk does not follow from the ones before it; the diff is not whole"));
        }
        let mut open: Option<Edit> = None;
        while at != end {
            let begins = self.lines.at();
            let Some(line) = self.lines.next() else {
                return Err(self.error("the diff ends within a hunk; it is not whole"));
            };
            change.opaque |= hides_lines(line.get(1..).unwrap_or_default());
            let edit = Edit { old: at.0, old_len: 0, new: at.1, new_len: 0, text: (begins, begins) };
            match line.first() {
                Some(b' ' | b'\t') | None => {
                    change.edits.extend(open.take());
                    at = (at.0 + 1, at.1 + 1);
                }
                Some(b'-') => {
                    open.get_or_insert(edit).old_len += 1;
                    at.0 += 1;
                }
                Some(b'+') => {
                    open.get_or_insert(edit).new_len += 1;
                    at.1 += 1;
                }
                Some(b'\\') => {}
                Some(_) => return Err(self.error("a hunk holds a line that begins with no space, `+`, `-`")),
            }
            if at.0 > end.0 || at.1 > end.1 {
                return Err(self.error("a hunk holds more lines than it says"));
            }
            if let Some(edit) = &mut open {
                edit.text.1 = self.lines.at();
            }
        }
        *shift = i64::from(end.1) - i64::from(end.0);
        while self.lines.starts(b"\\") {
            self.lines.next();
        }
        if let Some(edit) = &mut open {
            edit.text.1 = self.lines.at();
        }
        change.edits.extend(open);
        Ok(())
    }
}

const TWICE: &str = "names a file a second time; give one diff of the whole change: git diff BASE...HEAD";

/// True of a line that stands for others: the pointer that git keeps in the place of a file of Git LFS, or a line with
/// another end of line within it (of Unicode's), which a scanner may count and git does not.
fn hides_lines(line: &[u8]) -> bool {
    let pointer = line.strip_prefix(b"oid sha256:").is_some_and(|oid| oid.len() == 64)
        || line.starts_with(b"version https://git-lfs.github.com/spec/");
    let ends = [&b"\r"[..], b"\x0b", b"\x0c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"];
    pointer || ends.iter().any(|end| memchr::memmem::find(line, end).is_some())
}

/// `-OLD[,LEN] +NEW[,LEN]` between two `@@`.
fn hunk_ranges(line: &[u8]) -> Option<((u32, u32), (u32, u32))> {
    let text = std::str::from_utf8(line.strip_prefix(b"@@ ")?.get(..)?);
    let text = match text {
        Ok(text) => text,
        // Behind the ranges stands code.
        Err(error) => std::str::from_utf8(line.get(3..3 + error.valid_up_to())?).ok()?,
    };
    let (ranges, _) = text.split_once(" @@")?;
    let (old, new) = ranges.split_once(' ')?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, len) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, len.parse().ok()?))
    };
    Some((range(old.strip_prefix('-')?)?, range(new.strip_prefix('+')?)?))
}

/// The two names behind `diff --git `. Where neither is quoted and they hold spaces, they are the halves.
fn split_names(names: &[u8]) -> Option<(String, String)> {
    if names.first() == Some(&b'"') {
        let end = quoted_end(names)?;
        return Some((unquoted(names.get(..end)?)?, unquoted(names.get(end..)?.strip_prefix(b" ")?)?));
    }
    if names.last() == Some(&b'"') {
        let at = memchr::memmem::find(names, b" \"")?;
        return Some((unquoted(names.get(..at)?)?, unquoted(names.get(at + 1..)?)?));
    }
    let text = String::from_utf8_lossy(names);
    let half = text.len() / 2;
    if let (Some(old), Some(new)) = (text.get(..half), text.get(half + 1..))
        && text.as_bytes().get(half) == Some(&b' ')
        && old.get(1..) == new.get(1..)
    {
        return Some((old.to_owned(), new.to_owned()));
    }
    // Renamed: of names with spaces, the place where both have a prefix.
    let mut cuts = text.match_indices(' ').filter(|(at, _)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        rest.as_bytes().get(1) == Some(&b'/')
    });
    let (at, _) = cuts.next()?;
    if cuts.next().is_some() {
        return None;
    }
    Some((text.get(..at)?.to_owned(), text.get(at + 1..)?.to_owned()))
}

/// Where a quoted name ends, behind its last quote.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().enumerate().skip(1).find_map(|(at, byte)| match byte {
        _ if escaped => {
            escaped = false;
            None
        }
        b'\\' => {
            escaped = true;
            None
        }
        b'"' => Some(at + 1),
        _ => None,
    })
}

/// A name as git writes it: as it is, or quoted like a string of C.
fn unquoted(text: &[u8]) -> Option<String> {
    let Some(inside) = text.strip_prefix(b"\"") else {
        return Some(String::from_utf8_lossy(text).into_owned());
    };
    let inside = inside.strip_suffix(b"\"")?;
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            first @ b'0'..=b'3' => {
                let mut digit = || rest.next().filter(|d| (b'0'..=b'7').contains(d)).map(|d| d - b'0');
                (first - b'0') << 6 | digit()? << 3 | digit()?
            }
            other @ (b'"' | b'\\') => other,
            _ => return None,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

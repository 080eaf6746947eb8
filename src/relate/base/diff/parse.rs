//! Git's format, line by line.

use super::super::work_tree::is_plain;
use super::{BaseError, Diff, Edit, FileChange};
use crate::finding::clean;

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

/// Reads file by file into a diff.
struct DiffParser<'d> {
    lines: Lined<'d>,
    diff: Diff,
}

/// The files of a diff; its text and the index by names are not in it yet.
pub(super) fn files(bytes: &[u8]) -> Result<Diff, BaseError> {
    let mut parser = DiffParser { lines: Lined::new(bytes), diff: Diff::default() };
    while let Some(line) = parser.lines.next() {
        let Some(names) = line.strip_prefix(b"diff --git ") else { return Err(parser.foreign(line)) };
        parser.file(names)?;
    }
    Ok(parser.diff)
}

/// Result for a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum FileChangeKind {
    #[default]
    Changed,
    Added,
    Deleted,
    Renamed,
    Copied,
}

impl FileChangeKind {
    const fn is_moved(self) -> bool {
        matches!(self, Self::Renamed | Self::Copied)
    }
}

/// Content of the lines before the hunks of a file.
#[derive(Default)]
struct Header {
    kind: FileChangeKind,
    opaque: bool,
    from: Option<String>,
    to: Option<String>,
}

impl DiffParser<'_> {
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
        let mut change =
            FileChange { opaque: header.opaque, brought: header.kind.is_moved(), ..FileChange::default() };
        if header.kind != FileChangeKind::Added {
            change.old = Some(old.clone());
        }
        let mut shift = 0;
        while self.lines.starts(b"@@") {
            self.hunk(&mut change, &mut shift)?;
        }
        if header.kind == FileChangeKind::Deleted {
            if self.diff.deleted.insert(old, change).is_some() {
                return Err(self.error(TWICE));
            }
            return Ok(());
        }
        if header.kind == FileChangeKind::Copied {
            // A copy is new, whatever it was copied from.
            change.old = None;
        }
        if header.kind == FileChangeKind::Renamed && self.diff.renamed.insert(old, new.clone()).is_some() {
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
            header.kind = FileChangeKind::Added;
        } else if line.starts_with(b"deleted file mode ") {
            header.kind = FileChangeKind::Deleted;
        } else if let Some(rest) = line.strip_prefix(b"rename from ") {
            header.kind = FileChangeKind::Renamed;
            header.from = Some(path(rest)?);
        } else if let Some(rest) = line.strip_prefix(b"rename to ") {
            header.to = Some(path(rest)?);
        } else if let Some(rest) = line.strip_prefix(b"copy from ") {
            header.kind = FileChangeKind::Copied;
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
        let moved = header.kind.is_moved();
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
    fn hunk(&mut self, change: &mut FileChange, shift: &mut i64) -> Result<(), BaseError> {
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

/// True of a line that stands for others: the pointer that git keeps in the place of a file of Git LFS, the commit of a
/// submodule, or a line that a scanner may count or read otherwise than git does.
fn hides_lines(line: &[u8]) -> bool {
    let pointer = line.strip_prefix(b"oid sha256:").is_some_and(|oid| oid.len() == 64)
        || line.starts_with(b"version https://git-lfs.github.com/spec/")
        || line.starts_with(b"Subproject commit ");
    pointer || memchr::memchr(b'\r', line).is_some() || !is_plain(line)
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

//! Files of a commit, held against what lies on disk.
//!
//! Git shows no change of a file whose entry in the index says that there is none (`--assume-unchanged`,
//! `--skip-worktree`, `core.ignoreStat`, times and sizes that were put back), nor of one that a filter of the clone turns
//! into what it was. A scanner reads what is on disk, so that the bytes there are named as git names them and compared.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use encoding_rs::{UTF_16BE, UTF_16LE};
use memchr::memmem;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::finding::hex;

/// Largest file that is held in memory; a larger one is compared byte for byte alone.
const MAX_HELD: u64 = 64 << 20;
/// Bytes of files that are compared at once; what is beyond is compared when a finding names it.
pub(super) const MAX_COMPARED: u64 = 1 << 30;
/// Hexadecimal digits of a name in a repository of SHA-1.
const SHA1_DIGITS: usize = 40;

/// File of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedFile {
    /// It is a symbolic link, and what it holds is where it leads.
    pub is_link: bool,
    /// Git's name of what it holds: SHA-1 or SHA-256, in lower-case hexadecimal digits.
    pub id: String,
}

/// Content that git writes to disk in the place of what a commit holds, where an attribute of the file says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The file that a pointer of Git LFS stands for.
    Pointer,
    /// UTF-16 for UTF-8.
    Utf16,
}

/// State of the path of a file of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// The commit's content, or what git makes of it with ends of lines and `$Id$`.
    Same,
    /// What git makes of it where an attribute says so.
    Converted(Conversion),
    /// Something else, or what cannot be read.
    Other,
    /// Nothing.
    Missing,
}

impl TrackedFile {
    /// State of a path.
    pub(super) fn on_disk(&self, path: &Path) -> OnDisk {
        let Ok(meta) = fs::symlink_metadata(path) else { return OnDisk::Missing };
        let same = if meta.is_symlink() {
            self.is_link && fs::read_link(path).is_ok_and(|target| self.names(target.as_os_str().as_bytes()))
        } else if !meta.is_file() || self.is_link {
            false
        } else if meta.len() > MAX_HELD {
            return self.large_on_disk(path, meta.len());
        } else {
            let text = fs::File::open(path).and_then(|file| {
                let mut text = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
                file.take(MAX_HELD + 1).read_to_end(&mut text).map(|_| text)
            });
            return text.map_or(OnDisk::Other, |text| self.compared(&text));
        };
        if same { OnDisk::Same } else { OnDisk::Other }
    }

    /// State of a path at which this text lies.
    fn compared(&self, text: &[u8]) -> OnDisk {
        if self.holds(text) {
            OnDisk::Same
        } else if self.names(pointer(&hex(&Sha256::digest(text)), text.len() as u64).as_bytes()) {
            OnDisk::Converted(Conversion::Pointer)
        } else if utf8_of_utf16(text).is_some_and(|text| self.holds(&text)) {
            OnDisk::Converted(Conversion::Utf16)
        } else {
            OnDisk::Other
        }
    }

    /// Whether a text is what the commit holds, but for ends of lines and `$Id$`.
    pub(super) fn holds(&self, text: &[u8]) -> bool {
        if self.names(text) {
            return true;
        }
        let folded = without_carriage_returns(text);
        let contracted = contracted_ids(folded.as_deref().unwrap_or(text), self.id.len());
        folded.as_deref().into_iter().chain(contracted.as_deref()).any(|text| self.names(text))
    }

    /// Whether git's name of it is that of these bytes.
    fn names(&self, bytes: &[u8]) -> bool {
        let head = format!("blob {}\0", bytes.len());
        let id = if self.id.len() == SHA1_DIGITS {
            hex(&Sha1::new().chain_update(head).chain_update(bytes).finalize())
        } else {
            hex(&Sha256::new().chain_update(head).chain_update(bytes).finalize())
        };
        id == self.id
    }

    /// State of a path at which a file lies that is not held in memory.
    fn large_on_disk(&self, path: &Path, len: u64) -> OnDisk {
        let head = format!("blob {len}\0");
        let mut short = Sha1::new().chain_update(&head);
        let (mut long, mut content) = (Sha256::new().chain_update(&head), Sha256::new());
        let (mut read, mut buffer) = (0, vec![0; 1 << 16]);
        let Ok(mut file) = fs::File::open(path) else { return OnDisk::Other };
        loop {
            let Ok(got) = file.read(&mut buffer) else { return OnDisk::Other };
            let Some(part) = buffer.get(..got).filter(|part| !part.is_empty()) else { break };
            if self.id.len() == SHA1_DIGITS {
                short.update(part);
            } else {
                long.update(part);
            }
            content.update(part);
            read += got as u64;
        }
        let id = if self.id.len() == SHA1_DIGITS { hex(&short.finalize()) } else { hex(&long.finalize()) };
        if read != len {
            OnDisk::Other
        } else if id == self.id {
            OnDisk::Same
        } else if self.names(pointer(&hex(&content.finalize()), len).as_bytes()) {
            OnDisk::Converted(Conversion::Pointer)
        } else {
            OnDisk::Other
        }
    }
}

/// The pointer of a file of Git LFS (specification 1).
fn pointer(sha256: &str, size: u64) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n")
}

/// A text with `\n` for `\r\n`; `None` if it holds none.
pub(super) fn without_carriage_returns(text: &[u8]) -> Option<Vec<u8>> {
    memmem::find(text, b"\r\n")?;
    let mut lines = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                lines.extend_from_slice(line);
                lines.push(b'\n');
            }
            None => lines.extend_from_slice(line),
        }
    }
    Some(lines)
}

/// A text with `$Id$` for each `$Id: NAME $` that holds a name of git, as the attribute `ident` writes it; `None` if it holds
/// none. Anything else between the signs is text that git would take away unseen.
fn contracted_ids(text: &[u8], digits: usize) -> Option<Vec<u8>> {
    const OPEN: &[u8] = b"$Id: ";
    const CLOSE: &[u8] = b" $";
    let mut contracted = Vec::new();
    let mut from = 0;
    for at in memmem::find_iter(text, OPEN) {
        let name = at + OPEN.len();
        let is_name =
            text.get(name..name + digits).is_some_and(|name| name.iter().all(u8::is_ascii_hexdigit));
        let end = name + digits + CLOSE.len();
        if is_name && text.get(name + digits..end) == Some(CLOSE) {
            contracted.extend_from_slice(text.get(from..at)?);
            contracted.extend_from_slice(b"$Id$");
            from = end;
        }
    }
    contracted.extend_from_slice(text.get(from..)?);
    (from > 0).then_some(contracted)
}

/// A text of UTF-16 in UTF-8, without the mark of its order of bytes; `None` if it is none.
fn utf8_of_utf16(text: &[u8]) -> Option<Vec<u8>> {
    let (encoding, text) = match text {
        [0xff, 0xfe, rest @ ..] => (UTF_16LE, rest),
        [0xfe, 0xff, rest @ ..] => (UTF_16BE, rest),
        [0, _, ..] => (UTF_16BE, text),
        [_, 0, ..] => (UTF_16LE, text),
        _ => return None,
    };
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(text)?;
    Some(decoded.into_owned().into_bytes())
}

/// Files of a commit that are not what lies on disk.
#[derive(Debug, Default)]
pub(super) struct TrackedChanges {
    /// Other than the commit holds them.
    pub(super) other: Vec<String>,
    /// As an attribute may have git write them.
    pub(super) converted: Vec<(String, Conversion)>,
    /// Not there.
    pub(super) missing: Vec<String>,
    /// Too much to look at at once.
    pub(super) unseen: BTreeMap<String, TrackedFile>,
}

/// Compares files with what lies below a directory, in the order of their paths, up to so many bytes.
pub(super) fn compare(
    directory: &Path,
    files: impl IntoIterator<Item = (String, TrackedFile)>,
    max: u64,
) -> TrackedChanges {
    let mut changes = TrackedChanges::default();
    let mut left = max;
    for (path, file) in files {
        let here = directory.join(&path);
        let size = fs::symlink_metadata(&here).map_or(0, |meta| meta.len());
        let Some(rest) = left.checked_sub(size) else {
            changes.unseen.insert(path, file);
            continue;
        };
        left = rest;
        match file.on_disk(&here) {
            OnDisk::Same => {}
            OnDisk::Converted(how) => changes.converted.push((path, how)),
            OnDisk::Other => changes.other.push(path),
            OnDisk::Missing => changes.missing.push(path),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str) -> TrackedFile {
        TrackedFile { is_link: false, id: id.to_owned() }
    }

    /// `printf 'a\nb\n' | git hash-object --stdin`, in both kinds of repositories.
    const NAMES: [&str; 2] = [
        "422c2b7ab3b3c668038da977e4e93a5fc623169c",
        "55531aae34a8648f19a1cde6a3484432efea398cd705d5e4b201fd0fc1f8ded7",
    ];

    #[test]
    fn bytes_are_named_as_git_names_them() {
        for name in NAMES {
            let file = file(name);
            assert_eq!(file.compared(b"a\nb\n"), OnDisk::Same, "{name}");
            assert_eq!(file.compared(b"a\r\nb\r\n"), OnDisk::Same, "{name}");
            let utf16 = OnDisk::Converted(Conversion::Utf16);
            assert_eq!(file.compared(b"\xff\xfea\0\n\0b\0\n\0"), utf16, "{name}");
            assert_eq!(file.compared(b"\0a\0\r\0\n\0b\0\n"), utf16, "{name}");
            for other in [&b"a\nb"[..], b"a\nb\n\n", b"a\rb\n", b"a\n b\n", b""] {
                assert_eq!(file.compared(other), OnDisk::Other, "{name} {other:?}");
            }
        }
    }

    #[test]
    fn what_git_writes_for_a_keyword_or_a_pointer_is_the_same() {
        let name = |text: &[u8]| {
            let head = format!("blob {}\0", text.len());
            hex(&Sha1::new().chain_update(head).chain_update(text).finalize())
        };
        let keyword = file(&name(b"# $Id$\nrun()\n"));
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert!(keyword.holds(format!("# $Id: {id} $\nrun()\n").as_bytes()));
        assert!(!keyword.holds(b"# $Id: eval(x) $\nrun()\n"));
        assert!(!keyword.holds(format!("# $Id: {id} eval(x) $\nrun()\n").as_bytes()));
        let large = b"the file itself\n";
        let stands_for = pointer(&hex(&Sha256::digest(large)), large.len() as u64);
        let file = file(&name(stands_for.as_bytes()));
        assert_eq!(file.compared(large), OnDisk::Converted(Conversion::Pointer));
        assert_eq!(file.compared(b"another file\n"), OnDisk::Other);
    }

    #[test]
    fn what_is_beyond_the_limit_is_left_for_later() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::write(dir.path().join(name), "a\nb\n").unwrap();
        }
        let files = || ["a", "b", "c", "d"].map(|name| (name.to_owned(), file(NAMES[0])));
        let all = compare(dir.path(), files(), 12);
        assert_eq!((all.other, all.missing, all.unseen.len()), (vec![], vec!["d".to_owned()], 0));
        let some = compare(dir.path(), files(), 8);
        assert_eq!((some.other, some.missing), (vec![], vec!["d".to_owned()]));
        assert_eq!(some.unseen.keys().collect::<Vec<_>>(), ["c"]);
    }
}

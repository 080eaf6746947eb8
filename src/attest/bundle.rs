//! A bundle of evidence: files under a list of their checksums, as a directory or as one tar file.
//!
//! Every byte of a bundle is accounted for: a file that is not listed, or is listed and is not there, is an error like
//! one that was changed. The digest of the list stands for all of it, and that is what is signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::finding::{clean, hex};
use crate::report::Source;

/// The list of checksums, as `sha256sum --check` reads it.
pub const LIST: &str = "checksums.sha256";
/// Largest file of a bundle, and largest bundle as one file.
const MAX_BYTES: u64 = 4 << 30;
/// Most files.
const MAX_FILES: usize = 100_000;
const BLOCK: usize = 512;

/// Errors in a bundle.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file of it cannot be read or written.
    #[error("{0}: {1}")]
    File(String, String),
    /// It is not what was written.
    #[error("{0}")]
    Changed(String),
}

fn changed<T>(message: impl Into<String>) -> Result<T, BundleError> {
    Err(BundleError::Changed(message.into()))
}

/// The files of a bundle by their names, its list of checksums not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), bytes);
    }

    /// Contents of a file.
    pub fn file(&self, name: &str) -> Result<&[u8], BundleError> {
        match self.files.get(name) {
            Some(bytes) => Ok(bytes),
            None => changed(format!("{}: the bundle has no such file", clean(name))),
        }
    }

    /// The list of checksums.
    pub fn list(&self) -> String {
        self.files.iter().fold(String::new(), |mut list, (name, bytes)| {
            let _ = writeln!(list, "{}  {name}", hex(&Sha256::digest(bytes)));
            list
        })
    }

    /// SHA-256 of the list of checksums: it stands for the whole bundle.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.list()))
    }

    /// Writes it: one file where the name ends in `.tar`, else a directory. Nothing may be there.
    pub fn write(&self, path: &Path) -> Result<(), BundleError> {
        let failed = |path: &Path, error: &io::Error| {
            BundleError::File(display_path(path), format!("cannot be written: {error}"))
        };
        let put = |path: &Path, bytes: &[u8]| -> Result<(), BundleError> {
            let mut open = fs::File::options();
            let opened = open.write(true).create_new(true).open(path);
            let written = opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
            written.map_err(|error| failed(path, &error))
        };
        if is_tar(path) {
            return put(path, &self.tar());
        }
        fs::create_dir(path).map_err(|error| failed(path, &error))?;
        let list = self.list();
        let mut folders = BTreeSet::from([path.to_owned()]);
        for (name, bytes) in self.all(&list) {
            let to = path.join(name);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
                folders.insert(folder.to_owned());
            }
            put(&to, bytes)?;
        }
        for folder in folders {
            match fs::File::open(&folder).and_then(|open| open.sync_all()) {
                // Some file systems cannot.
                Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                    return Err(failed(&folder, &error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Reads and checks it.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let mut files = BTreeMap::new();
        if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
            walk(path, "", &mut files)?;
        } else {
            let bytes = bytes_of(path)?;
            files = untar(&bytes)?;
        }
        let Some(list) = files.remove(LIST) else {
            return changed(format!("is not a bundle of evidence: it has no {LIST}"));
        };
        let bundle = Self { files };
        bundle.check(&list)?;
        Ok(bundle)
    }

    /// Compares all files with the list.
    fn check(&self, list: &[u8]) -> Result<(), BundleError> {
        let ours = self.list();
        if ours.as_bytes() == list {
            return Ok(());
        }
        let text = String::from_utf8_lossy(list);
        let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
        for line in text.lines() {
            let Some((digest, name)) = line.split_once("  ") else {
                return changed(format!("{LIST}: a line is not a checksum; the list was changed"));
            };
            listed.insert(name, digest);
        }
        for (name, bytes) in &self.files {
            match listed.remove(name.as_str()) {
                None => return changed(format!("{}: is not in {LIST}; it was added", clean(name))),
                Some(digest) if digest != hex(&Sha256::digest(bytes)) => {
                    return changed(format!(
                        "{}: is not what {LIST} says; it was changed or swapped",
                        clean(name)
                    ));
                }
                Some(_) => {}
            }
        }
        match listed.keys().next() {
            Some(name) => changed(format!("{}: is in {LIST} and is not there; it was removed", clean(name))),
            None => changed(format!("{LIST}: is not as it was written; it was changed")),
        }
    }

    /// All files and the list, sorted.
    fn all<'b>(&'b self, list: &'b str) -> BTreeMap<&'b str, &'b [u8]> {
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        files.chain([(LIST, list.as_bytes())]).collect()
    }

    /// A tar file (POSIX ustar) in which nothing depends on when, where and by whom it was made.
    fn tar(&self) -> Vec<u8> {
        let list = self.list();
        let mut tar = Vec::new();
        for (name, bytes) in self.all(&list) {
            tar.extend(header(name, bytes.len()));
            tar.extend(bytes);
            tar.resize(tar.len().next_multiple_of(BLOCK), 0);
        }
        tar.resize(tar.len() + 2 * BLOCK, 0);
        tar
    }
}

/// True for the name of a tar file.
fn is_tar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tar")
}

/// Names at the top of a bundle that is a directory.
const TOP: [&str; 11] = [
    LIST,
    "bundle.json",
    "verdict.json",
    "policy",
    "waivers",
    "base-policy",
    "base-waivers",
    "reports",
    "documents",
    "base",
    "owners",
];

/// True if a bundle is there, or what is left of one: a directory of nothing else than a bundle holds, a tar file that
/// begins like one.
pub fn was_bundle(path: &Path) -> bool {
    if is_bundle(path) {
        return true;
    }
    let known = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| TOP.contains(&name));
    if let Ok(mut entries) = fs::read_dir(path) {
        return entries.all(|entry| entry.is_ok_and(|entry| known(&entry.file_name())));
    }
    let mut head = Vec::new();
    let read = crate::report::open_regular(path).map(|file| file.take(BLOCK as u64).read_to_end(&mut head));
    let name = head.split(|byte| *byte == 0).next().unwrap_or_default();
    let first = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    read.is_ok() && head.get(257..262) == Some(b"ustar") && known(std::ffi::OsStr::from_bytes(first))
}

/// True if a bundle is there, or what once was one.
pub fn is_bundle(path: &Path) -> bool {
    if is_tar(path) {
        return bytes_of(path).is_ok_and(|bytes| untar(&bytes).is_ok_and(|files| files.contains_key(LIST)));
    }
    path.join(LIST).is_file()
}

fn display_path(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, BundleError> {
    let read = Source::File(path.to_owned()).bytes(MAX_BYTES);
    read.map_err(|error| BundleError::File(display_path(path), error.to_string()))
}

/// Reads the files below a directory. A link is no part of a bundle.
fn walk(folder: &Path, under: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let failed = |error: io::Error| BundleError::File(display_path(folder), error.to_string());
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return changed(format!("{}: is not in {LIST}; it was added", display_path(&path)));
        };
        let name = format!("{under}{name}");
        let meta = fs::symlink_metadata(&path).map_err(failed)?;
        if meta.is_dir() {
            walk(&path, &format!("{name}/"), files)?;
        } else if meta.is_file() && files.len() < MAX_FILES {
            files.insert(name, bytes_of(&path)?);
        } else {
            return changed(format!("{}: is not a regular file; it was added", display_path(&path)));
        }
    }
    Ok(())
}

/// The header of a file: owner 0, mode 644, time 0.
fn header(name: &str, size: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(BLOCK);
    let mut field = |bytes: &[u8], width: usize| {
        let to = header.len() + width;
        header.extend(bytes.iter().take(width));
        header.resize(to, 0);
    };
    field(name.as_bytes(), 100);
    field(b"0000644", 8);
    field(b"0000000", 8);
    field(b"0000000", 8);
    field(format!("{size:011o}").as_bytes(), 12);
    field(b"00000000000", 12);
    field(b"        ", 8);
    field(b"0", 1);
    field(b"", 100);
    field(b"ustar", 6);
    field(b"00", 2);
    field(b"", 32 + 32 + 8 + 8 + 155 + 12);
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    for (to, from) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *to = from;
    }
    header
}

/// The files of a tar file as [`Bundle::write`] writes it, byte for byte; any other is refused.
fn untar(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let foreign = || BundleError::Changed("is not a tar file of a bundle as secgate writes it".to_owned());
    let mut files = BTreeMap::new();
    let mut rest = tar;
    loop {
        let (block, after) = rest.split_at_checked(BLOCK).ok_or_else(foreign)?;
        if block.iter().all(|byte| *byte == 0) {
            let whole = after.len() == BLOCK && after.iter().all(|byte| *byte == 0);
            return if whole { Ok(files) } else { Err(foreign()) };
        }
        let text = |from: usize, len: usize| {
            let field = block.get(from..from + len).unwrap_or_default();
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            std::str::from_utf8(field.get(..end).unwrap_or_default()).ok()
        };
        let name = text(0, 100).ok_or_else(foreign)?;
        let size = text(124, 12).and_then(|size| usize::from_str_radix(size, 8).ok()).ok_or_else(foreign)?;
        if header(name, size) != block {
            return changed(format!("the header of `{}` in the tar file was changed", clean(name)));
        }
        let (bytes, after) = after.split_at_checked(size).ok_or_else(foreign)?;
        let padding = size.next_multiple_of(BLOCK) - size;
        let (zeros, after) = after.split_at_checked(padding).ok_or_else(foreign)?;
        let last = files.last_key_value().map(|(last, _): (&String, &Vec<u8>)| last.as_str());
        if zeros.iter().any(|byte| *byte != 0) || last.is_some_and(|last| last >= name) {
            return changed(format!("what follows `{}` in the tar file was changed", clean(name)));
        }
        files.insert(name.to_owned(), bytes.to_vec());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let mut bundle = Bundle::default();
        bundle.add("bundle.json", b"{}\n".to_vec());
        bundle.add("documents/0001", vec![7; 513]);
        bundle.add("empty", Vec::new());
        bundle
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "b.tar"] {
            let path = dir.path().join(name);
            bundle().write(&path).unwrap();
            assert!(is_bundle(&path));
            assert_eq!(Bundle::open(&path).unwrap(), bundle());
            assert!(bundle().write(&path).is_err(), "nothing is written over");
        }
    }

    #[test]
    fn no_bit_of_a_tar_file_flips_unnoticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar");
        let tar = bundle().tar();
        for at in 0..tar.len() {
            let mut flipped = tar.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, flipped).unwrap();
            assert!(Bundle::open(&path).is_err(), "byte {at}");
        }
        for end in 0..tar.len() {
            assert!(untar(&tar[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn what_was_done_to_a_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let says = |what: &dyn Fn(&Path), why: &str| {
            let path = dir.path().join("b");
            bundle().write(&path).unwrap();
            what(&path);
            let error = Bundle::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            fs::remove_dir_all(&path).unwrap();
        };
        says(&|b| fs::write(b.join("empty"), "x").unwrap(), "empty: is not what checksums.sha256 says");
        says(&|b| fs::write(b.join("more"), "x").unwrap(), "more: is not in checksums.sha256");
        says(
            &|b| fs::remove_file(b.join("empty")).unwrap(),
            "empty: is in checksums.sha256 and is not there",
        );
        says(&|b| fs::remove_file(b.join(LIST)).unwrap(), "is not a bundle");
        says(&|b| fs::write(b.join(LIST), bundle().list() + "\n").unwrap(), "a line is not a checksum");
        says(&|b| std::os::unix::fs::symlink("/etc/hosts", b.join("z")).unwrap(), "is not a regular file");
    }
}

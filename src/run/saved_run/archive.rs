//! A run as a tar file, as it is or packed with gzip or zstd. Nothing is written to disk.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result};
use tar::{Archive, EntryType};

use super::description::inside;
use super::folder::of_files;
use super::unpack::{read_all, reader_of};
use super::{DESCRIPTION, MAX_RUN, RunForm, SavedRun, id_of_path, single, unreadable};
use crate::finding::clean_line;
use crate::gather::SavedFile;
use crate::report::Source;

/// Tar files by their names.
pub(super) static FORM: RunForm =
    RunForm { names: ("archive", "archives"), claims: is_archive, open: |path| Ok(single(path, read)) };

/// Endings of names of tar files.
const ENDS: [&str; 5] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"];

pub(super) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    ENDS.iter().any(|end| name.ends_with(end)) && path.is_file()
}

fn read(path: &Path, store: Option<&Path>) -> Result<SavedRun> {
    let bytes = read_all(&mut reader_of(path)?, MAX_RUN)?;
    let files = below_description(untar(&bytes)?)?;
    of_files(id_of_path(path), files, None, store)
}

/// The files of a whole tar file.
fn untar(bytes: &[u8]) -> Result<Vec<SavedFile>> {
    let mut archive = Archive::new(Cursor::new(bytes));
    let broken = |error: std::io::Error| unreadable(format!("is not a whole tar file: {error}"));
    let (mut files, mut names, mut end) = (Vec::new(), BTreeSet::new(), 0);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path_bytes().into_owned();
        let name = std::str::from_utf8(&path).map_err(|_| unreadable("holds a name that is not UTF-8"))?;
        let name = name.strip_prefix("./").unwrap_or(name).to_owned();
        let of_file = || format!("file `{}`", clean_line(&name));
        end = entry.raw_file_position() + entry.size().next_multiple_of(512);
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular | EntryType::Continuous => {}
            _ => return Err(unreadable("is a link, a device or the like")).with_context(of_file),
        }
        inside(&name).with_context(of_file)?;
        if !names.insert(name.clone()) {
            return Err(unreadable("is there twice")).with_context(of_file);
        }
        let content = read_all(&mut entry, MAX_RUN).with_context(of_file)?;
        if content.len() as u64 != entry.size() {
            return Err(unreadable("is cut")).with_context(of_file);
        }
        files.push(SavedFile { name, source: Source::Bytes(content.into()), entry: None, format: None });
    }
    // Two blocks of zeros end it; a file that was cut between two entries has none.
    let rest = usize::try_from(end).ok().and_then(|end| bytes.get(end..)).unwrap_or_default();
    if rest.len() < 1024 || rest.iter().any(|byte| *byte != 0) {
        return Err(unreadable("is not a whole tar file: it was cut, or something follows its end"));
    }
    Ok(files)
}

/// The files of the one run: those of the folder that `run.json` is in, else of the one folder that all are in.
fn below_description(files: Vec<SavedFile>) -> Result<Vec<SavedFile>> {
    let folder = |name: &str| name.rfind('/').and_then(|at| name.get(..=at)).unwrap_or_default().to_owned();
    let described: Vec<String> = files
        .iter()
        .filter(|file| file.name.rsplit('/').next() == Some(DESCRIPTION))
        .map(|file| folder(&file.name))
        .collect();
    let top = match described.as_slice() {
        [] => {
            let mut tops: Vec<&str> =
                files.iter().map(|file| file.name.split_once('/').map_or("", |(top, _)| top)).collect();
            tops.sort_unstable();
            tops.dedup();
            match tops.as_slice() {
                [one] if !one.is_empty() => format!("{one}/"),
                _ => String::new(),
            }
        }
        [one] => one.clone(),
        several => return Err(unreadable(format!("holds {} runs; one archive is one run", several.len()))),
    };
    let move_up = |file: SavedFile| match file.name.strip_prefix(&top) {
        Some(name) => Ok(SavedFile { name: name.to_owned(), ..file }),
        None => {
            Err(unreadable(format!("file `{}` lies outside of the run in {top}", clean_line(&file.name))))
        }
    };
    files.into_iter().map(move_up).collect()
}

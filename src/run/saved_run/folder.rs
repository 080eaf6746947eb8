//! A run as a folder: its reports, documents and all else that it rests on, and `run.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{DESCRIPTION, RunContent, RunForm, SavedRun, id_of_path, single, unreadable};
use crate::finding::{clean, clean_line};
use crate::gather::SavedFile;
use crate::replay::RunDescription;
use crate::report::Source;

/// Folders, and single reports.
pub(super) static FORM: RunForm =
    RunForm { names: ("folder", "folders"), claims: |_| true, open: |path| Ok(single(path, read)) };

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 64;
/// Most files of a run.
const MAX_FILES: usize = 100_000;
/// Largest `run.json`, which may hold contents.
const MAX_DESCRIPTION: u64 = 64 << 20;
/// Folders of version control, which are no part of a run.
const VERSION_CONTROL: [&str; 5] = [".git", ".hg", ".svn", ".bzr", ".jj"];

fn read(path: &Path, store: Option<&Path>) -> Result<SavedRun> {
    let mut files = Vec::new();
    if path.is_dir() {
        let real = path.canonicalize()?;
        walk(path, "", &real, MAX_DEPTH, &mut files)?;
    } else {
        let name = path.file_name().context("has no name")?.to_string_lossy().into_owned();
        files.push(SavedFile { name, source: Source::File(path.to_owned()), entry: None, format: None });
    }
    of_files(id_of_path(path), files, path.is_dir().then_some(path), store)
}

/// A run of these files, one of which may say what it is about.
pub(super) fn of_files(
    id: String,
    mut files: Vec<SavedFile>,
    beside: Option<&Path>,
    store: Option<&Path>,
) -> Result<SavedRun> {
    let at = files.iter().position(|file| file.name == DESCRIPTION);
    let about = match at.map(|at| files.remove(at)) {
        Some(file) => RunDescription::parse(&file.source.bytes(MAX_DESCRIPTION)?).context(DESCRIPTION)?,
        None => RunDescription::default(),
    };
    let files = about.files(files, beside, store)?;
    let id = Some(about.id.clone().unwrap_or(id));
    Ok(SavedRun {
        id,
        about: RunDescription { files: std::collections::BTreeMap::new(), ..about },
        content: RunContent::Files(files),
    })
}

fn walk(folder: &Path, under: &str, real: &Path, depth: usize, files: &mut Vec<SavedFile>) -> Result<()> {
    let shown = || clean(&folder.to_string_lossy()).into_owned();
    let mut entries =
        fs::read_dir(folder).with_context(shown)?.collect::<std::io::Result<Vec<_>>>().with_context(shown)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let Ok(part) = entry.file_name().into_string() else {
            return Err(unreadable(format!("{}: a name that is not UTF-8", clean(&path.to_string_lossy()))));
        };
        let name = format!("{under}{part}");
        let odd = |why: &str| unreadable(format!("{}: {why}", clean_line(&name)));
        let kind = entry.file_type().with_context(shown)?;
        if kind.is_dir() {
            if VERSION_CONTROL.contains(&part.as_str()) {
                continue;
            }
            if depth == 0 {
                return Err(odd("lies too deep"));
            }
            walk(&path, &format!("{name}/"), real, depth - 1, files)?;
            continue;
        }
        // What a link leads to may be of another run, or of nobody's.
        if kind.is_symlink()
            && !path.canonicalize().is_ok_and(|target| target.is_file() && target.starts_with(real))
        {
            return Err(odd("is a link that leads to no file of the run"));
        }
        if files.len() >= MAX_FILES {
            return Err(unreadable(format!("has more than {MAX_FILES} files")));
        }
        files.push(SavedFile { name, source: Source::File(path), entry: None, format: None });
    }
    Ok(())
}

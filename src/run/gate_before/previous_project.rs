//! The project as it was before a change: the files of a commit, or what a diff leaves when it is taken back.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::super::base::{Commit, GivenDiff};
use super::super::git::{self, BlobKind};
use super::super::policy_source::{PolicySource, PolicyText};
use crate::finding::{clean, clean_line};
use crate::gather::look_for;
use crate::policy::PathGlob;
use crate::relate::FileBefore;
use crate::report::{is_absent, open_regular};

/// Largest file of a project that is looked at.
const MAX_FILE: u64 = 512 << 20;
/// Links to links that are followed.
pub(super) const MAX_LINKS: usize = 8;

/// The project before a change.
pub(crate) struct PreviousProject<'c> {
    pub(crate) change: &'c GivenDiff,
    /// Folder that its paths are relative to, without links.
    top: PathBuf,
    /// The current directory, without links.
    here: PathBuf,
}

/// State of a file before the change.
pub(crate) enum PreviousFile {
    /// It was not there.
    Absent,
    /// It was this, under this name.
    There(String, Vec<u8>),
    /// It is no part of the project, so that no change of it can touch it.
    Outside,
    /// Nobody can say, for this reason.
    Untold(String),
}

impl<'c> PreviousProject<'c> {
    pub(crate) fn from_change(change: &'c GivenDiff) -> Result<Self> {
        let real =
            |path: &Path| path.canonicalize().with_context(|| clean(&path.to_string_lossy()).into_owned());
        let top = match &change.commit {
            Some(commit) => commit.top.clone(),
            None => real(&change.directory)?,
        };
        Ok(Self { change, top, here: real(Path::new("."))? })
    }

    /// Short name of the project before the change.
    pub(crate) fn name(&self) -> String {
        match &self.change.commit {
            Some(commit) => short(&commit.id),
            None => clean_line(&self.change.name).into_owned(),
        }
    }

    /// The path from the top; `None` outside of the project.
    fn below_top(&self, path: &Path) -> Option<String> {
        let mut whole = PathBuf::new();
        for part in self.here.join(path).components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
            }
        }
        let inside = |whole: &Path| {
            let below = whole.strip_prefix(&self.top).ok()?;
            Some(
                below
                    .components()
                    .map(|part| part.as_os_str().to_string_lossy())
                    .collect::<Vec<_>>()
                    .join("/"),
            )
        };
        inside(&whole).or_else(|| {
            // A project may be named by a path with links; its file need not be there any more.
            let folder = whole.parent()?.canonicalize().ok()?;
            inside(&folder.join(whole.file_name()?))
        })
    }

    /// The paths of a file relative to the project's directory: as it is called, and without links.
    pub(super) fn project_paths(&self, path: &Path) -> BTreeSet<String> {
        let project = self.change.directory.canonicalize().unwrap_or_default();
        let below = |whole: &Path| Some(whole.strip_prefix(&project).ok()?.to_string_lossy().into_owned());
        let called = self.below_top(path).and_then(|name| below(&self.top.join(name)));
        let real = path.canonicalize().ok().and_then(|real| below(&real));
        called.into_iter().chain(real).filter(|name| !name.is_empty()).collect()
    }

    /// The path from here of what lies at a path from the top.
    fn below_here(&self, path: &str) -> Option<PathBuf> {
        Some(self.top.join(path).strip_prefix(&self.here).ok()?.to_owned())
    }

    /// Content of the file at a path, then.
    pub(crate) fn read_file(&self, path: &Path) -> Result<PreviousFile> {
        let Some(below) = self.below_top(path) else { return Ok(PreviousFile::Outside) };
        match &self.change.commit {
            Some(commit) => self.of_commit(commit, &below),
            None => self.of_diff(&below),
        }
    }

    /// The same; of a file that the change moved here, what it was where it came from.
    pub(crate) fn read_or_moved(&self, path: &Path) -> Result<PreviousFile> {
        let was = self.read_file(path)?;
        if !matches!(was, PreviousFile::Absent) {
            return Ok(was);
        }
        // Paths of the diff are those of the project's directory.
        let directory = self.change.directory.canonicalize().unwrap_or_default();
        let below = self.below_top(path).map(|below| self.top.join(below));
        let of_diff = below.as_ref().and_then(|whole| whole.strip_prefix(&directory).ok()?.to_str());
        match of_diff.and_then(|path| self.change.diff.old_path(path)) {
            Some(old) => self.read_file(&directory.join(old)),
            None => Ok(was),
        }
    }

    /// Whether the change brought a file; one that git does not know came with no change.
    pub(crate) fn is_brought(&self, path: &Path) -> bool {
        let directory = self.change.directory.canonicalize().unwrap_or_default();
        let whole = self.below_top(path).map(|below| self.top.join(below));
        let of_diff = whole.as_ref().and_then(|whole| whole.strip_prefix(&directory).ok()?.to_str());
        of_diff.is_some_and(|path| {
            self.change.diff.files().any(|file| file.path == path && file.old_path().is_none())
        })
    }

    fn of_commit(&self, commit: &Commit, path: &str) -> Result<PreviousFile> {
        let failed = |error: anyhow::Error| {
            anyhow!("{} {}: {error:#}", self.change.flag, clean_line(&self.change.name))
        };
        let mut path = path.to_owned();
        for _ in 0..=MAX_LINKS {
            // The path itself, or a folder that it leads through and that is none.
            let found = ways(&path).find_map(|way| Some((way, commit.files.get(way)?)));
            let Some((way, blob)) = found else { return Ok(PreviousFile::Absent) };
            if blob.kind == BlobKind::Submodule {
                return Ok(PreviousFile::Untold("is in a submodule".to_owned()));
            }
            if blob.kind == BlobKind::File && way != path {
                return Ok(PreviousFile::Absent);
            }
            let bytes = git::read_blob(&self.change.directory, blob).map_err(failed)?;
            if blob.kind == BlobKind::File {
                return Ok(PreviousFile::There(format!("{}:{}", short(&commit.id), clean(&path)), bytes));
            }
            match led(&path, way, &String::from_utf8_lossy(&bytes)) {
                Some(target) => path = target,
                None => return Ok(PreviousFile::Untold("is a link out of the project".to_owned())),
            }
        }
        Ok(PreviousFile::Untold("is a link to links".to_owned()))
    }

    fn of_diff(&self, path: &str) -> Result<PreviousFile> {
        let mut path = path.to_owned();
        for _ in 0..=MAX_LINKS {
            // What the change took away or moved the diff holds itself.
            if self.change.diff.files().any(|file| file.old_path() == Some(path.as_str())) {
                return self.of_diff_at(&path);
            }
            let link = ways(&path).find_map(|way| Some((way, self.top.join(way).read_link().ok()?)));
            let Some((way, target)) = link else { return self.of_diff_at(&path) };
            // Where a link leads the diff says by its own path, which is what was changed, if anything was.
            let touched =
                self.change.diff.files().any(|file| file.path == way || file.old_path() == Some(way));
            if touched {
                return Ok(PreviousFile::Untold("is behind a link that was changed".to_owned()));
            }
            match led(&path, way, &target.to_string_lossy()) {
                Some(target) => path = target,
                None => return Ok(PreviousFile::Untold("is a link out of the project".to_owned())),
            }
        }
        Ok(PreviousFile::Untold("is a link to links".to_owned()))
    }

    /// The same of a path without links.
    fn of_diff_at(&self, path: &str) -> Result<PreviousFile> {
        let now = |path: &str| bytes(&self.top.join(path));
        let mut failed = None;
        let mut read = |path: &str| match now(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                failed = Some(error);
                None
            }
        };
        let was = self.change.diff.before(path, &mut read);
        if let Some(error) = failed {
            return Err(error);
        }
        let name = format!("{} before {}", clean(path), self.name());
        Ok(match was {
            FileBefore::Absent => PreviousFile::Absent,
            FileBefore::Was(bytes) => PreviousFile::There(name, bytes),
            FileBefore::Untold(why) => PreviousFile::Untold(why.to_owned()),
            FileBefore::Same => {
                now(path)?.map_or(PreviousFile::Absent, |bytes| PreviousFile::There(name, bytes))
            }
        })
    }

    /// A policy as it was, with what it names as that was; or why it was none.
    pub(crate) fn policy(
        &self,
        path: &Path,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<Result<PolicyText, String>> {
        let mut failed = None;
        let text = PolicyText::new(name, bytes, &mut |asked| {
            let beside = PolicySource::path_beside(path, asked);
            match self.read_file(&beside) {
                Ok(PreviousFile::There(name, bytes)) => Ok((name, bytes)),
                // What is no part of the project is what it is now.
                Ok(PreviousFile::Outside) => PolicySource::read_beside(&beside),
                Ok(PreviousFile::Absent) => Err("was not there before the change".to_owned()),
                Ok(PreviousFile::Untold(why)) => Err(why),
                Err(error) => {
                    let said = format!("{error:#}");
                    failed = Some(error);
                    Err(said)
                }
            }
        });
        match failed {
            Some(error) => Err(error),
            None => {
                Ok(text.map_err(|error| format!("{error:#}").lines().next().unwrap_or_default().to_owned()))
            }
        }
    }

    /// The files that lay in a folder and in folders of it.
    pub(crate) fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let Some(top) = self.below_top(folder) else { return Vec::new() };
        let top = format!("{top}/");
        let inside = |path: &str| path.strip_prefix(&top).map(|name| folder.join(name));
        match &self.change.commit {
            Some(commit) => commit.files.keys().filter_map(|path| inside(path)).collect(),
            None => self.change.diff.files().filter_map(|file| inside(file.old_path()?)).collect(),
        }
    }

    /// Whether there was anything below a folder.
    pub(crate) fn has_folder(&self, folder: &Path) -> bool {
        let Some(below) = self.below_top(folder) else { return false };
        // A link, or the commit of another repository: what was in it is asked for by its path.
        if self
            .change
            .commit
            .as_ref()
            .is_some_and(|commit| ways(&below).any(|way| commit.files.contains_key(way)))
        {
            return true;
        }
        let below = format!("{below}/");
        if let Some(commit) = &self.change.commit {
            return commit
                .files
                .range(below.clone()..)
                .next()
                .is_some_and(|(path, _)| path.starts_with(&below));
        }
        // What it held and was changed, or what is there and did not come with the change.
        let came = |path: &str| {
            let mut new = self.change.diff.files().filter(|file| file.old_path().is_none());
            new.any(|file| file.path == path || file.path.starts_with(&format!("{path}/")))
        };
        self.change.diff.files().any(|file| file.old_path().is_some_and(|old| old.starts_with(&below)))
            || files_below(&self.top.join(&below)).iter().any(|name| !came(&format!("{below}{name}")))
    }

    /// The links of the project, each with the path that it leads to; those that lead out of it are left out. Without a commit,
    /// links at the top alone.
    pub(super) fn links(&self) -> Vec<(String, String)> {
        let directory = &self.change.directory;
        let mut links: BTreeSet<String> = files_below(directory).into_iter().collect();
        links.extend(self.change.diff.files().map(|file| file.path.to_owned()));
        if let Some(commit) = &self.change.commit {
            let project = directory.canonicalize().unwrap_or_default();
            let of_commit = commit.files.iter().filter(|(_, blob)| blob.kind == BlobKind::Link);
            let inside = of_commit.filter_map(|(path, _)| {
                let path = self.top.join(path).strip_prefix(&project).ok()?.to_owned();
                Some(path.to_string_lossy().into_owned())
            });
            links.extend(inside);
        }
        let target = |path: String| {
            let target = directory.join(&path).read_link().ok()?;
            let target = led(&path, &path, &target.to_string_lossy())?;
            Some((path, target))
        };
        links.into_iter().filter_map(target).collect()
    }

    /// The files that git knew before the change or knows after it, by their paths from the top.
    fn tracked(&self) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        if let Some(commit) = &self.change.commit {
            known.extend(commit.files.keys().cloned());
        }
        let project = self.change.directory.canonicalize().unwrap_or_default();
        let touched = self.change.diff.files().flat_map(|file| [Some(file.path), file.old_path()]);
        known.extend(touched.flatten().filter_map(|path| self.below_top(&project.join(path))));
        known
    }

    /// The path from here of what lies at a path from the top, wherever that is.
    fn relative_to_here(&self, path: &str) -> PathBuf {
        let here = self.here.strip_prefix(&self.top).unwrap_or(Path::new(""));
        let path = Path::new(path);
        let shared = here.components().zip(path.components()).take_while(|(a, b)| a == b).count();
        let up = here.components().skip(shared).map(|_| Component::ParentDir);
        up.chain(path.components().skip(shared)).collect()
    }

    /// The folders of a name, wherever in the project, that held a file before the change or hold one now.
    pub(super) fn folders_called(&self, name: &str) -> Vec<PathBuf> {
        let folder = |path: &String| {
            let mut way = ways(path).filter(|way| way.rsplit('/').next() == Some(name));
            way.next().map(str::to_owned)
        };
        let found: BTreeSet<String> = self.tracked().iter().filter_map(folder).collect();
        found.iter().map(|path| self.relative_to_here(path)).collect()
    }

    /// The files below a folder, wherever in the project, that a glob of a gate of that folder finds, as far as git knows
    /// them; by their paths from here.
    pub(super) fn matching_below(&self, folder: &Path, glob: &PathGlob) -> Vec<PathBuf> {
        let Some(below) = self.below_top(folder) else { return Vec::new() };
        let below = if below.is_empty() { below } else { format!("{below}/") };
        let tracked = self.tracked();
        let inside = tracked.iter().filter_map(|path| Some((path, path.strip_prefix(&below)?)));
        let fits = |name: &str| glob.matches_file(name) && (glob.text().contains('/') || !name.contains('/'));
        inside.filter(|(_, name)| fits(name)).map(|(path, _)| self.relative_to_here(path)).collect()
    }

    /// The files that a glob of the policy found, by their paths from here.
    pub(crate) fn matching(&self, glob: &PathGlob) -> Vec<PathBuf> {
        let mut known: BTreeSet<PathBuf> = BTreeSet::new();
        if let Some(commit) = &self.change.commit {
            known.extend(commit.files.keys().filter_map(|path| self.below_here(path)));
        } else {
            let old = self.change.diff.files().filter_map(|file| self.below_here(file.old_path()?));
            known.extend(old.chain(look_for(glob)));
        }
        // As the files of a run are looked for: a name by itself is a file of this very directory.
        let fits = |path: &PathBuf| {
            let name = path.to_string_lossy();
            glob.matches_file(&name) && (glob.text().contains('/') || !name.contains('/'))
        };
        known.into_iter().filter(fits).collect()
    }
}

/// A path and the folders that it leads through, the outermost first.
pub(super) fn ways(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(move |end| path.get(..end).filter(|way| !way.is_empty()))
}

/// Where a path leads whose part `way` is a link to `target`; `None` out of the project.
fn led(path: &str, way: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = way.split('/').collect();
    parts.pop();
    for part in target.split('/').chain(path.get(way.len()..).unwrap_or_default().split('/')) {
        match part {
            ".." => drop(parts.pop()?),
            "" | "." => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Names of what lies in a folder.
fn files_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Contents of a file; `None` if it is not there.
pub(crate) fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    use std::io::Read as _;

    if is_absent(path) {
        return Ok(None);
    }
    let name = || clean(&path.to_string_lossy()).into_owned();
    let file = open_regular(path).map_err(|error| anyhow!("{}: {error}", name()))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).with_context(name)?;
    Ok(Some(bytes))
}

/// As much of a commit's id as tells it apart for people.
fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

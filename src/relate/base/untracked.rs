//! Files of which a diff says nothing, as the project's own files tell where git is not asked: those that git ignores, those of
//! submodules, and those that attributes of the change turn into something else.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use globset::{GlobBuilder, GlobMatcher};

/// Largest file of patterns that is read.
const MAX_FILE: u64 = 1 << 20;
/// Longest pattern, and patterns of one file.
const MAX_PATTERN: usize = 1000;
const MAX_PATTERNS: usize = 10_000;

/// A pattern as `.gitignore` and `.gitattributes` write it, about paths below their folder.
#[derive(Debug)]
pub(super) struct TrackingPattern {
    matcher: GlobMatcher,
    /// It takes back what an earlier one says.
    negated: bool,
    folders_only: bool,
}

impl TrackingPattern {
    /// `None` of a pattern that matches nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negated, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (folders_only, text) = text.strip_suffix('/').map_or((false, text), |rest| (true, rest));
        if text.is_empty() || text.len() > MAX_PATTERN {
            return None;
        }
        let glob = match text.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None if text.contains('/') => text.to_owned(),
            None => format!("**/{text}"),
        };
        let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build().ok()?;
        Some(Self { matcher: glob.compile_matcher(), negated, folders_only })
    }

    /// Whether it matches a path below its folder; with `/` at its end the path is a folder.
    pub(super) fn matches(&self, path: &str) -> bool {
        let (is_folder, path) = path.strip_suffix('/').map_or((false, path), |folder| (true, folder));
        (is_folder || !self.folders_only) && self.matcher.is_match(path)
    }
}

/// What the files of a project say of what git does not track.
#[derive(Debug)]
pub(super) struct Untracked {
    root: PathBuf,
    /// Folders of submodules.
    submodules: Vec<String>,
    /// By folder, the patterns of its `.gitignore`, and whether it is a repository of its own.
    folders: RwLock<HashMap<String, Arc<UntrackedFolder>>>,
}

#[derive(Debug)]
struct UntrackedFolder {
    ignored: Vec<TrackingPattern>,
    is_repository: bool,
}

impl Untracked {
    pub(super) fn below(root: &Path) -> Self {
        let modules = text(&root.join(".gitmodules"));
        let value = |line: &str| {
            let (key, value) = line.split_once('=')?;
            key.trim().eq_ignore_ascii_case("path").then(|| value.trim().trim_matches(['"', '/']).to_owned())
        };
        let submodules = modules.lines().filter_map(value).filter(|path| !path.is_empty()).collect();
        Self { root: root.to_owned(), submodules, folders: RwLock::default() }
    }

    /// Whether a diff may say nothing of the file at a path, whatever was done to it.
    pub(super) fn holds(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at + 1).chain([path.len()]);
        // Each folder on the way, with `/` at its end, and last the file.
        let ways: Vec<&str> = ends.filter_map(|end| path.get(..end)).collect();
        let mut above: Vec<(usize, Arc<UntrackedFolder>)> = vec![(0, self.folder(""))];
        for way in ways {
            let said = above.iter().rev().find_map(|(length, folder)| {
                let below = way.get(*length..)?;
                folder
                    .ignored
                    .iter()
                    .rev()
                    .find(|pattern| pattern.matches(below))
                    .map(|pattern| !pattern.negated)
            });
            let Some(name) = way.strip_suffix('/') else { return said == Some(true) };
            let folder = self.folder(name);
            if said == Some(true)
                || folder.is_repository
                || self.submodules.iter().any(|module| module == name)
            {
                return true;
            }
            above.push((way.len(), folder));
        }
        false
    }

    fn folder(&self, name: &str) -> Arc<UntrackedFolder> {
        if let Some(known) = self.folders.read().ok().and_then(|folders| folders.get(name).cloned()) {
            return known;
        }
        let here = self.root.join(name);
        let ignored = text(&here.join(".gitignore"));
        let said =
            ignored.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let folder = Arc::new(UntrackedFolder {
            ignored: said.filter_map(TrackingPattern::parse).take(MAX_PATTERNS).collect(),
            is_repository: !name.is_empty() && here.join(".git").symlink_metadata().is_ok(),
        });
        if let Ok(mut folders) = self.folders.write() {
            folders.insert(name.to_owned(), Arc::clone(&folder));
        }
        folder
    }
}

/// Text of a regular file; none of one that is not there, too large, or a link, which git does not follow here either.
fn text(path: &Path) -> String {
    let small = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE);
    if small {
        fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_and_submodules_are_known_without_git() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["src/gen", "lib/sub", "vendor/tool/.git", "a"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at(".gitignore"), "# made\n*.gen.py\nbuild/\n/top.py\n!keep.gen.py\ndocs/**/made\n")
            .unwrap();
        fs::write(at("src/.gitignore"), "gen/*\n!gen/own.py\n").unwrap();
        fs::write(at(".gitmodules"), "[submodule \"s\"]\n\tpath = lib/sub\n\turl = ../s\n\tignore = all\n")
            .unwrap();
        let untracked = Untracked::below(dir.path());
        for path in [
            "x.gen.py",
            "deep/down/x.gen.py",
            "build/a.py",
            "a/build/a.py",
            "top.py",
            "docs/a/b/made",
            "src/gen/a.py",
            "lib/sub/a.py",
            "lib/sub/deep/a.py",
            "vendor/tool/src/a.py",
        ] {
            assert!(untracked.holds(path), "{path}");
        }
        for path in [
            "x.py",
            "keep.gen.py",
            "a/top.py",
            "build",
            "src/gen/own.py",
            "lib/a.py",
            "lib/subs/a.py",
            "gen/a.py",
        ] {
            assert!(!untracked.holds(path), "{path}");
        }
    }
}

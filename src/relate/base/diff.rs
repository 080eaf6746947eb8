//! The diff of a change: which lines it leaves alone, and which files it renamed. Git's format, and nothing else: what
//! is not understood is an error, because a file that a diff does not name counts as untouched.

mod parse;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::RwLock;

use super::BaseError;
use super::tracked::{self, Conversion, OnDisk, TrackedFile, without_carriage_returns};
use super::untracked::{TrackingPattern, Untracked};
use super::work_tree::{WorkTree, is_plain};
use crate::finding::{clean, decoded, project_path};

/// Files behind links and the like that are looked at, of all together.
const MAX_UNSHOWN: usize = 20_000;
const ATTRIBUTES: &str = ".gitattributes";
/// Names of attributes, as they stand alone, that are no macro for others.
const PLAIN_ATTRIBUTES: [&str; 9] =
    ["text", "crlf", "ident", "diff", "merge", "binary", "delta", "export-ignore", "export-subst"];

/// A diff, read.
#[derive(Debug, Default)]
pub struct Diff {
    /// Its text.
    text: Vec<u8>,
    /// Files that it touches and that are there after it, by their path there.
    files: BTreeMap<String, FileChange>,
    /// Files that are gone.
    deleted: BTreeMap<String, FileChange>,
    /// Renamed files: from the old path to the new one.
    renamed: BTreeMap<String, String>,
    /// Touched paths as a scanner may write them, so that a path below another directory or in another spelling is not
    /// taken for an untouched file.
    names: TouchedNames,
    /// The same of the files in folders that it touches as one: submodules, and what links lead to.
    names_below: TouchedNames,
    /// Such folders with more files than are looked at.
    vast: Vec<String>,
    /// Files that were there before the change, where that is known.
    before: Option<HashSet<String>>,
    /// Touched files as they were before it, where git names what they held; by their paths then.
    blobs: Option<HashMap<String, TrackedFile>>,
    /// Files of which it says nothing, where git does not tell.
    untracked: Option<Untracked>,
    /// Files that the diff leaves alone and of which nobody looked yet whether they are what they were.
    unseen: BTreeMap<String, TrackedFile>,
    /// Files that are not there, and of which git shows no change.
    missing: BTreeMap<String, FileChange>,
    /// Of the files that nobody looked at yet, those that attributes had git write otherwise before the change.
    conversions: BTreeMap<String, Conversion>,
    /// The files after the change, where they are at hand.
    tree: Option<WorkTree>,
    /// Files and folders that links of the change lead to.
    linked: BTreeSet<String>,
    /// Touched files, and whether the lines that the diff shows of them are theirs.
    checked: RwLock<HashMap<String, Option<u32>>>,
}

/// Statement of a diff about a finding's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Vouched {
    /// Nothing: it was changed, or nobody can tell.
    Nothing,
    /// The change touches the file, and leaves these lines of it alone.
    Lines,
    /// The change leaves the file alone.
    File,
}

/// A file that came into the project's scanned part, or was changed, in a way that the lines of a diff do not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnshownFile {
    /// Its path.
    pub path: String,
    /// Its contents; `None` if that cannot be told either.
    pub text: Option<Vec<u8>>,
}

/// Paths, found by their last parts in time that does not grow with their number.
#[derive(Debug, Default)]
struct TouchedNames {
    /// The paths, as numbers.
    whole: HashSet<u64>,
    /// Endings of any of them, from its last part to the path itself, as numbers, and how many of them end so.
    ends: HashMap<u64, u32>,
}

impl TouchedNames {
    fn add(&mut self, path: &str) {
        let mut last = 0;
        for end in Self::ends_of(path) {
            let known = self.ends.entry(end).or_default();
            *known = known.saturating_add(1);
            last = end;
        }
        self.whole.insert(last);
    }

    /// True if one of the paths ends in this one, or this one in one of them.
    fn ends_alike(&self, path: &str) -> bool {
        let mut last = 0;
        for end in Self::ends_of(path) {
            if self.whole.contains(&end) {
                return true;
            }
            last = end;
        }
        self.ends.contains_key(&last)
    }

    /// The same of one of the paths and the others.
    fn others_end_alike(&self, path: &str) -> bool {
        let ends: Vec<u64> = Self::ends_of(path).collect();
        let Some((last, shorter)) = ends.split_last() else { return false };
        shorter.iter().any(|end| self.whole.contains(end))
            || self.ends.get(last).is_some_and(|&known| known > 1)
    }

    /// A number for the last part, for the last two, and so on: two that are equal by chance are a file in doubt.
    fn ends_of(path: &str) -> impl Iterator<Item = u64> {
        path.rsplit('/').scan(0_u64, |number, part| {
            let mut hasher = DefaultHasher::new();
            (*number, part).hash(&mut hasher);
            *number = hasher.finish();
            Some(*number)
        })
    }
}

#[derive(Debug, Default)]
struct FileChange {
    /// Its path before; `None` for a file that is new.
    old: Option<String>,
    /// Its content is not told line by line.
    opaque: bool,
    /// It came from another path, where nobody may have looked at it.
    brought: bool,
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
    change: &'d FileChange,
    text: &'d [u8],
}

/// Lines that take the place of others.
#[derive(Debug, Default)]
pub struct Replaced<'d> {
    /// The first line in the new file, or the one that follows where none came.
    pub start: u32,
    /// The lines that are gone, without their ends.
    pub removed: Vec<&'d [u8]>,
    /// The lines that came, with their numbers in the new file.
    pub added: Vec<(u32, &'d [u8])>,
}

/// Content of a file before a change.
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

    /// Its content is not told line by line.
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
        let mut replaced = Replaced { start: self.new, ..Replaced::default() };
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
pub(super) type LineSpan = (u32, u32);

/// True if a run of `len` lines from `start` on touches the lines, or lies between two of them.
fn touches(start: u32, len: u32, (first, last): LineSpan) -> bool {
    let end = start.saturating_add(len);
    if len == 0 { first < start && start <= last } else { start <= last && first < end }
}

impl FileChange {
    fn leaves(&self, lines: LineSpan) -> bool {
        self.old.is_some()
            && !self.opaque
            && !self.brought
            && !self.edits.iter().any(|e| touches(e.new, e.new_len, lines))
    }

    /// True if the lines that came stand where the diff says.
    fn fits(&self, text: &[u8], now: &[u8]) -> bool {
        let trimmed = |line: &[u8]| line.strip_suffix(b"\r").map_or(line.to_vec(), <[u8]>::to_vec);
        let mut lines = now.split(|&byte| byte == b'\n');
        let mut at = 1;
        self.edits.iter().flat_map(|edit| edit.lines(text).added).all(|(number, added)| {
            let skipped = number.saturating_sub(at) as usize;
            at = number.saturating_add(1);
            lines.nth(skipped).is_some_and(|line| trimmed(line) == trimmed(added))
        })
    }

    /// Earlier content of the file, made from the present one; `None` if the diff is not one of it.
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
    fn forward(&self, lines: LineSpan) -> Option<LineSpan> {
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
        let mut names = TouchedNames::default();
        touched.for_each(|path| names.add(&spelled(path)));
        diff.names = names;
        diff.text = text;
        Ok(diff)
    }

    /// Contents of the file at a path after the change, where the files are at hand.
    pub fn now(&self, path: &str) -> Option<Vec<u8>> {
        self.tree.as_ref()?.read(path)
    }

    /// A change of which only these files are known, which it leaves alone.
    pub fn leaving_alone(paths: &[String]) -> Self {
        let mut diff = Self::default();
        diff.set_before(paths);
        diff
    }

    /// Says which files were there before the change, `/` only: of any other it does not speak.
    fn set_before<'p>(&mut self, paths: impl IntoIterator<Item = &'p String>) {
        self.before = Some(paths.into_iter().map(|path| clean(path).into_owned()).collect());
    }

    /// Says what the files were before the change, by their paths, `/` only. Of any other it does not speak; one that lies on
    /// disk otherwise than git shows it counts as touched in all its lines, and so does one whose lines are not those
    /// that the diff makes of what it was. `conversions` tells of files how attributes of the commit had git write
    /// them: what only attributes of the change make of a file is new. To be called after
    /// [`set_tree`](Self::set_tree).
    pub fn set_commit<E>(
        &mut self,
        files: BTreeMap<String, TrackedFile>,
        conversions: impl FnOnce(&BTreeSet<&str>) -> Result<BTreeMap<String, Conversion>, E>,
    ) -> Result<(), E> {
        let was: HashSet<&str> = self.files.values().filter_map(|change| change.old.as_deref()).collect();
        let blobs = files.iter().filter(|(path, _)| was.contains(path.as_str()));
        self.blobs = Some(blobs.map(|(path, file)| (path.clone(), file.clone())).collect());
        self.missing = self.compare(files, conversions)?;
        Ok(())
    }

    /// Says what git tracks after the change, by the paths, where no commit before it is known: of any other file the diff
    /// does not speak, nor of one that lies on disk otherwise. What an attribute that the change adds makes of a file
    /// is new. To be called after [`set_tree`](Self::set_tree).
    pub fn set_head<E>(
        &mut self,
        files: BTreeMap<String, TrackedFile>,
        conversions: impl FnOnce(&BTreeSet<&str>) -> Result<BTreeMap<String, Conversion>, E>,
    ) -> Result<(), E> {
        let added = self.added_attributes();
        let attributed = |path: &str| {
            added.iter().any(|(folder, pattern)| {
                path.strip_prefix(folder).is_some_and(|below| pattern.matches(below))
            })
        };
        self.compare(files, |paths| {
            let mut told = conversions(paths)?;
            told.retain(|path, _| !attributed(path));
            Ok(told)
        })?;
        Ok(())
    }

    /// The patterns of attributes that the change adds and by which git may write files otherwise, with their folders.
    fn added_attributes(&self) -> Vec<(String, TrackingPattern)> {
        let mut found = Vec::new();
        for file in self.files().filter(|file| !file.is_gone) {
            let Some(folder) = file.path.strip_suffix(ATTRIBUTES) else { continue };
            if !folder.is_empty() && !folder.ends_with('/') {
                continue;
            }
            for (_, line) in file.edits().flat_map(|edit| edit.added) {
                let line = String::from_utf8_lossy(line);
                let mut words = line.split_whitespace();
                // A macro may stand for any attribute; it is defined at the top.
                let pattern = words.next().map(|word| if word.starts_with("[attr]") { "*" } else { word });
                let converts = words.any(|word| match word.split_once('=') {
                    Some((name, _)) => matches!(name, "filter" | "working-tree-encoding"),
                    None => !word.starts_with(['-', '!']) && !PLAIN_ATTRIBUTES.contains(&word),
                });
                let pattern = pattern.filter(|_| converts).and_then(TrackingPattern::parse);
                found.extend(pattern.map(|pattern| (folder.to_owned(), pattern)));
            }
        }
        found
    }

    /// Compares the files that the diff leaves alone with what lies on disk; those that do not lie there.
    fn compare<E>(
        &mut self,
        files: BTreeMap<String, TrackedFile>,
        conversions: impl FnOnce(&BTreeSet<&str>) -> Result<BTreeMap<String, Conversion>, E>,
    ) -> Result<BTreeMap<String, FileChange>, E> {
        self.set_before(files.keys());
        let Some(tree) = &self.tree else { return Ok(BTreeMap::new()) };
        let touched = |path: &str| {
            self.files.contains_key(path)
                || self.deleted.contains_key(path)
                || self.renamed.contains_key(path)
        };
        let alone = files.into_iter().filter(|(path, _)| !touched(path));
        let mut changes = tracked::compare(tree.root(), alone, tracked::MAX_COMPARED);
        let asked: BTreeSet<&str> = changes
            .converted
            .iter()
            .map(|(path, _)| path)
            .chain(changes.unseen.keys())
            .map(String::as_str)
            .collect();
        if !asked.is_empty() {
            self.conversions = conversions(&asked)?;
        }
        let is_new = |(path, how): &(String, Conversion)| self.conversions.get(path) != Some(how);
        changes.other.extend(changes.converted.into_iter().filter(is_new).map(|(path, _)| path));
        let unshown =
            |path: &str, opaque| FileChange { old: Some(path.to_owned()), opaque, ..FileChange::default() };
        for path in changes.other {
            self.names.add(&spelled(&path));
            self.files.insert(clean(&path).into_owned(), unshown(&path, true));
        }
        self.unseen = changes.unseen;
        self.find_links();
        Ok(changes.missing.iter().map(|path| (clean(path).into_owned(), unshown(path, false))).collect())
    }

    /// Says where the files are, as they are after the change: then a path that names none is in doubt, a link counts
    /// with what is behind it, and what the diff shows must be what is there.
    pub fn set_tree(&mut self, directory: &Path) {
        self.tree = WorkTree::below(directory);
        self.untracked = self.tree.as_ref().map(|tree| Untracked::below(tree.root()));
        self.find_links();
    }

    fn find_links(&mut self) {
        let Some(tree) = &self.tree else { return };
        self.linked = self.files.keys().filter_map(|path| tree.behind(path)).collect();
        (self.names_below, self.vast) = (TouchedNames::default(), Vec::new());
        let mut left = MAX_UNSHOWN;
        for folder in self.files.keys() {
            let (below, all) = tree.below_folder(folder, left);
            left = left.saturating_sub(below.len());
            for path in &below {
                self.names_below.add(&spelled(&format!("{folder}/{path}")));
            }
            if !all {
                self.vast.push(folder.clone());
            }
        }
    }

    /// Number of files that it touches.
    pub fn touched(&self) -> u64 {
        (self.files.len() + self.deleted.len()) as u64
    }

    /// Whether the diff shows that a file, or these lines of it, were there before and are unchanged.
    pub(super) fn vouches(&self, path: &str, lines: Option<LineSpan>) -> Vouched {
        let Some(tree) = &self.tree else { return self.vouches_at(path, lines) };
        let Some(way) = tree.file(path) else { return Vouched::Nothing };
        let Some((real, passed)) = way.split_last() else { return Vouched::Nothing };
        // What is behind a link is what the link says, and what lies there.
        if passed.iter().any(|link| self.vouches_at(link, None) != Vouched::File) {
            return Vouched::Nothing;
        }
        self.vouches_at(real, lines)
    }

    /// The same of a path without links.
    fn vouches_at(&self, path: &str, lines: Option<LineSpan>) -> Vouched {
        if self.leads_to(path) {
            return Vouched::Nothing;
        }
        if let Some(change) = self.files.get(path) {
            // A line that the file does not have is none that the diff leaves alone.
            let left = lines.is_some_and(|lines| {
                change.leaves(lines)
                    && self.shown_lines(path, change).is_some_and(|last| lines.1 <= last)
                    && self.namesakes_leave(path, lines)
            });
            return if left { Vouched::Lines } else { Vouched::Nothing };
        }
        let left = !self.deleted.contains_key(path)
            && match &self.before {
                Some(before) => before.contains(path),
                None => !self.untracked.as_ref().is_some_and(|untracked| untracked.holds(path)),
            }
            && !self.touches_namesake(&spelled(path))
            && !self.touches_above(path)
            && self.is_as_committed(path);
        if left { Vouched::File } else { Vouched::Nothing }
    }

    /// Whether a file that was not compared yet is what it was.
    fn is_as_committed(&self, path: &str) -> bool {
        let Some((file, tree)) = self.unseen.get(path).zip(self.tree.as_ref()) else { return true };
        if let Some(known) = self.checked.read().ok().and_then(|checked| checked.get(path).copied()) {
            return known.is_some();
        }
        let same = match file.on_disk(&tree.root().join(path)) {
            OnDisk::Same => true,
            OnDisk::Converted(how) => self.conversions.get(path) == Some(&how),
            OnDisk::Other | OnDisk::Missing => false,
        };
        if let Ok(mut checked) = self.checked.write() {
            checked.insert(path.to_owned(), same.then_some(u32::MAX));
        }
        same
    }

    /// Whether the lines of a touched file are those that the diff makes of what it was, where git names that; else
    /// whether the lines that came stand where the diff says.
    fn shows(&self, change: &FileChange, now: &[u8]) -> bool {
        let Some(blobs) = &self.blobs else { return change.fits(&self.text, now) };
        let before = change.old.as_deref().and_then(|old| blobs.get(old));
        let leads_back = |now: &[u8]| {
            let was = change.backward(&self.text, now);
            was.is_some_and(|was| {
                before.map_or(change.old.is_none() && was.is_empty(), |file| file.holds(&was))
            })
        };
        leads_back(now) || without_carriage_returns(now).is_some_and(|now| leads_back(&now))
    }

    /// True if a link of the change leads to a file, or to a folder that it is in.
    fn leads_to(&self, path: &str) -> bool {
        !self.linked.is_empty()
            && (self.linked.contains(path)
                || self.linked.contains("")
                || folders(path).any(|folder| self.linked.contains(folder)))
    }

    /// How many lines a touched file has, if they are those that the diff shows, counted as scanners count them.
    fn shown_lines(&self, path: &str, change: &FileChange) -> Option<u32> {
        let Some(tree) = &self.tree else { return Some(u32::MAX) };
        if let Some(known) = self.checked.read().ok().and_then(|checked| checked.get(path).copied()) {
            return known;
        }
        let now = tree.read(path).filter(|now| is_plain(now) && self.shows(change, now));
        let lines = now.map(|now| {
            let ends = memchr::memchr_iter(b'\n', &now).count();
            u32::try_from(ends).unwrap_or(u32::MAX).saturating_add(1)
        });
        if let Ok(mut checked) = self.checked.write() {
            checked.insert(path.to_owned(), lines);
        }
        lines
    }

    /// Whether the change touches these lines, or a link on the way to them; not so of what is no file of the project.
    pub(super) fn alters(&self, path: &str, lines: Option<LineSpan>) -> bool {
        let touches =
            |path: &str| self.files.contains_key(path) || self.leads_to(path) || self.touches_above(path);
        let Some(tree) = &self.tree else {
            return touches(path) && self.vouches_at(path, lines) == Vouched::Nothing;
        };
        tree.file(path).is_some_and(|way| {
            way.iter().any(|path| touches(path)) && self.vouches(path, lines) == Vouched::Nothing
        })
    }

    /// Whether the file at a path was not there before the change.
    pub(super) fn adds(&self, path: &str) -> bool {
        let is_new = |path: &String| self.files.get(path).is_some_and(|change| change.old.is_none());
        match &self.tree {
            Some(tree) => tree.file(path).is_some_and(|way| way.last().is_some_and(is_new)),
            None => is_new(&path.to_owned()),
        }
    }

    /// True if the diff leaves a whole file alone.
    pub fn leaves_file(&self, path: &str) -> bool {
        self.vouches(path, None) == Vouched::File
    }

    /// Touched files that the lines of the diff do not show: moved and copied files, binary ones and those in
    /// another encoding, submodules, and what its links lead to. None without the files at hand.
    pub fn unshown(&self) -> Vec<UnshownFile> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let mut paths: BTreeSet<&str> = self.linked.iter().map(String::as_str).collect();
        let links = |path: &str| tree.behind(path).is_some();
        let hidden = |(path, change): &(&String, &FileChange)| {
            !links(path) && (change.opaque || change.brought || self.shown_lines(path, change).is_none())
        };
        paths.extend(self.files.iter().filter(hidden).map(|(path, _)| path.as_str()));
        let mut files: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
        let mut walked: Option<&str> = None;
        for path in paths {
            // What a folder holds was looked at with it.
            if walked
                .is_some_and(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
            {
                continue;
            }
            walked = Some(path);
            let (below, all) = tree.files(path, MAX_UNSHOWN.saturating_sub(files.len()));
            if !all {
                files.insert(path.to_owned(), None);
            }
            for file in below {
                files.entry(file).or_insert_with_key(|file| tree.read(file));
            }
        }
        files.into_iter().map(|(path, text)| UnshownFile { path, text }).collect()
    }

    /// The files that it touches, those that are gone last, also those that are gone unseen by git.
    pub fn files(&self) -> impl Iterator<Item = TouchedFile<'_>> {
        self.files
            .iter()
            .map(|of| (of, false))
            .chain(self.deleted.iter().chain(&self.missing).map(|of| (of, true)))
            .map(|((path, change), is_gone)| TouchedFile { path, is_gone, change, text: &self.text })
    }

    /// Content of the file at a path before the change, where `now` reads what lies at a path.
    pub fn before(&self, path: &str, now: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> FileBefore {
        let backward = |change: &FileChange, is: Option<Vec<u8>>| {
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
        self.names.ends_alike(path) || self.may_be_below(path)
    }

    /// A file in a folder that is touched as one may be this one, named from within.
    fn may_be_below(&self, path: &str) -> bool {
        let is_in = |folder: &String| {
            self.tree.as_ref().is_some_and(|tree| tree.root().join(folder).join(path).exists())
        };
        self.names_below.ends_alike(path) || self.vast.iter().any(is_in)
    }

    /// Whether the lines are left alone by each touched file that a touched one may be, named from another directory.
    fn namesakes_leave(&self, path: &str, lines: LineSpan) -> bool {
        let name = spelled(path);
        if self.may_be_below(&name) {
            return false;
        }
        if !self.names.others_end_alike(&name) {
            return true;
        }
        let ends_in = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let namesakes = self.files.iter().filter(|(other, _)| {
            let other_name = spelled(other);
            *other != path && (ends_in(&other_name, &name) || ends_in(&name, &other_name))
        });
        namesakes.into_iter().all(|(other, change)| {
            let is_short = || self.shown_lines(other, change).is_some_and(|last| last < lines.0);
            change.leaves(lines) || is_short()
        })
    }

    /// A touched submodule or link: of what lies below it the diff says nothing.
    fn touches_above(&self, path: &str) -> bool {
        let touched = |path: &str| {
            self.files.contains_key(path)
                || self.deleted.contains_key(path)
                || self.renamed.contains_key(path)
        };
        folders(path).any(touched)
    }

    /// The path that a renamed file had before.
    pub fn old_path(&self, path: &str) -> Option<&str> {
        let old = self.files.get(path)?.old.as_deref()?;
        (self.renamed.get(old).map(String::as_str) == Some(path)).then_some(old)
    }

    /// Where lines of a file before the change are now, if they are unchanged.
    pub(super) fn forward(&self, path: &str, lines: LineSpan) -> Option<(&str, LineSpan)> {
        let new = self.renamed.get_key_value(path).map(|(_, new)| new.as_str());
        let of_path = |(_, change): &(&String, &FileChange)| change.old.as_deref() == Some(path);
        let (new, change) = self.files.get_key_value(new.unwrap_or(path)).filter(of_path)?;
        Some((new.as_str(), change.forward(lines)?))
    }
}

/// A path of git as a scanner may write it: with `%41` for `A`, which some write and some do not, and with `\` for `/`.
fn spelled(path: &str) -> String {
    project_path(&decoded(path), &[]).into_owned()
}

/// The folders that a path leads through, the outermost first.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

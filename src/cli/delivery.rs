//! Delivery of files, whole or not at all.
//!
//! A file is written beside its place under a random name, synced, and moved there while the folder is locked, so that of
//! runs at the same time one delivers all of its files. Links are followed, devices are written to and never replaced. What
//! a dead run left beside the place is swept: a living one holds a lock on it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};

use crate::finding::clean;
use crate::report::is_absent;

/// How often the lock of a folder is tried for, and the pause after each time: 5 s in all. Who holds it longer is no run
/// of secgate, and then nothing but the order of two runs is at stake.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Links that are followed one by one.
const MAX_LINKS: usize = 40;
/// Bytes of a file's name that are part of the name under which it is written; with the rest it stays below 255.
const NAME_BYTES: usize = 200;
/// End of the names of what is not delivered yet.
const PART: &str = ".part";
/// The device number of `/dev/null`: major 1, minor 3.
const NULL_DEVICE: u64 = 0x103;
/// Mode of a file for everybody, before the umask.
pub(super) const FILE_MODE: u32 = 0o666;

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// A regular file, or nothing yet: its path without links.
    File(PathBuf),
    /// A device, or what is open under a number: written to, never replaced.
    Device(PathBuf),
    /// Files that this process prints to.
    Stream(StandardStream),
}

/// Streams of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StandardStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl StandardStream {
    /// A handle of its own, whose errors are all told: the library's takes a stream that cannot be written to for one that
    /// takes everything.
    pub(super) fn file(self) -> io::Result<File> {
        let owned = match self {
            Self::Output => io::stdout().as_fd().try_clone_to_owned(),
            Self::Error => io::stderr().as_fd().try_clone_to_owned(),
        };
        owned.map(File::from)
    }

    /// Writes all of a text, and has it kept where it goes to a file.
    pub(super) fn write(self, text: &[u8]) -> io::Result<()> {
        let mut file = self.file()?;
        file.write_all(text)?;
        if file.metadata()?.is_file() { synced(&file) } else { Ok(()) }
    }

    /// True for `/dev/null` that is open for reading, too, and for a stream that cannot be had.
    fn leads_nowhere(self) -> bool {
        let Ok(stream) = self.file() else { return true };
        let is_null = stream
            .metadata()
            .is_ok_and(|meta| meta.file_type().is_char_device() && meta.rdev() == NULL_DEVICE);
        is_null
            && rustix::fs::fcntl_getfl(&stream).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
    }

    fn is(self, meta: &fs::Metadata) -> bool {
        let own = self.file().and_then(|file| file.metadata());
        own.is_ok_and(|own| (own.dev(), own.ino()) == (meta.dev(), meta.ino()))
    }
}

/// True if standard output was closed when the program began: the library opens `/dev/null` in its place, for reading as
/// well, which no shell does. So do programs that start another one and ignore what it writes; where they ignore standard
/// error, too, they ask for the exit code alone.
pub(super) fn output_leads_nowhere() -> bool {
    StandardStream::Output.leads_nowhere() && !StandardStream::Error.leads_nowhere()
}

/// Why nothing can be delivered at a path.
#[derive(Debug)]
pub(super) enum NoDestination {
    /// Its target cannot be told.
    Unknown(io::Error),
    /// What is there is no place for a file.
    Taken(&'static str),
}

impl std::fmt::Display for NoDestination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(error) => {
                write!(f, "cannot be looked at: {error}; what it says may be an earlier run's")
            }
            Self::Taken(why) => f.write_str(why),
        }
    }
}

impl Destination {
    /// Target of a path, or why nothing can be delivered there.
    pub(super) fn of(path: &Path) -> Result<Self, NoDestination> {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(led_to(path))),
            Err(error) => return Err(NoDestination::Unknown(error)),
        };
        let taken = |why| Err(NoDestination::Taken(why));
        let kind = meta.file_type();
        if is_descriptor(path) {
            let streams = [StandardStream::Output, StandardStream::Error];
            let own = streams.into_iter().find(|stream| stream.is(&meta));
            return Ok(own.map_or_else(|| Self::Device(path.to_owned()), Self::Stream));
        }
        if kind.is_dir() {
            return taken("is a directory");
        }
        if kind.is_fifo() {
            return taken("is a pipe; a reader that is not there would hang the gate");
        }
        if kind.is_socket() {
            return taken("is a socket");
        }
        if !kind.is_file() {
            return Ok(Self::Device(path.to_owned()));
        }
        if StandardStream::Output.is(&meta) {
            return taken("is where standard output goes; give it another path");
        }
        fs::canonicalize(path).map(Self::File).map_err(NoDestination::Unknown)
    }

    /// The place of a file.
    pub(super) fn place(&self) -> Option<&Path> {
        match self {
            Self::File(place) => Some(place),
            Self::Device(_) | Self::Stream(_) => None,
        }
    }

    /// Writes through to what is no file of its own.
    pub(super) fn write_through(&self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.write(text),
            Self::Device(path) | Self::File(path) => {
                let mut file = File::options().write(true).truncate(true).open(path)?;
                file.write_all(text)?;
                synced(&file)
            }
        }
    }
}

/// Where a path leads that names nothing yet: past links that hang, to the name that would be made.
pub(super) fn led_to(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(target);
    }
    match path.file_name() {
        Some(name) => {
            fs::canonicalize(folder_of(&path)).map_or_else(|_| path.clone(), |folder| folder.join(name))
        }
        None => path,
    }
}

/// True of a path that leads to what a process has open: `/dev/stdout`, `/dev/fd/3` and the like.
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(folder) = fs::canonicalize(folder_of(&path)) else { return false };
        if folder.starts_with("/proc") && folder.ends_with("fd") {
            return true;
        }
        let Ok(target) = fs::read_link(&path) else { return false };
        path = folder.join(target);
    }
    false
}

/// The folder that a path is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has what was written kept, where that can be asked for.
fn synced(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // Devices and some file systems know no such thing.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Has the names in a folder kept. One that may be written to and not be looked into cannot be asked.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => synced(&folder),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

/// Locks on folders, held until they are dropped. A folder that cannot be locked is not: some file systems cannot.
pub(super) struct FolderLocks(#[expect(dead_code, reason = "a lock is held by being there")] Vec<File>);

impl FolderLocks {
    /// Locks the folders that paths are in, always in the same order.
    pub(super) fn around<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let real = |path: &Path| fs::canonicalize(folder_of(path)).ok();
        let folders: BTreeSet<PathBuf> = paths.into_iter().filter_map(real).collect();
        Self(folders.iter().filter_map(|folder| locked(File::open(folder).ok()?)).collect())
    }
}

fn locked(file: File) -> Option<File> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// A file, or a bundle, that lies beside its place.
#[derive(Debug)]
struct StagedPart {
    /// File that is moved.
    from: PathBuf,
    /// Where to.
    to: PathBuf,
    /// File that is taken away in the end, if it is still there.
    left: PathBuf,
    /// Locked as long as this run lives.
    _alive: File,
}

/// Files that lie beside their places; dropped, they are removed.
#[derive(Debug, Default)]
pub(super) struct Staged(Vec<StagedPart>);

impl Staged {
    /// Writes a file beside its place, a path without links.
    pub(super) fn file(
        &mut self,
        place: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        // Until it is locked itself, nobody sweeps here.
        let folder = FolderLocks::around([place]);
        let staged = beside(place);
        let file = File::options().write(true).create_new(true).mode(mode).open(&staged)?;
        let file = locked(file.try_clone()?).unwrap_or(file);
        drop(folder);
        let writer = file.try_clone();
        self.0.push(StagedPart { from: staged.clone(), to: place.to_owned(), left: staged, _alive: file });
        let mut writer = BufWriter::new(writer?);
        write(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()
    }

    /// A place for a bundle, which is not there yet, beside the one where it goes.
    pub(super) fn bundle(&mut self, place: &Path) -> io::Result<PathBuf> {
        let folder = FolderLocks::around([place]);
        let staged = beside(place);
        fs::DirBuilder::new().mode(0o700).create(&staged)?;
        let alive = File::open(&staged)?;
        let alive = locked(alive.try_clone()?).unwrap_or(alive);
        drop(folder);
        let mut name = OsString::from("bundle");
        if let Some(extension) = place.extension() {
            name.push(".");
            name.push(extension);
        }
        let from = staged.join(name);
        let to = place.to_owned();
        self.0.push(StagedPart { from: from.clone(), to, left: staged, _alive: alive });
        Ok(from)
    }

    /// Moves all to their places, or none.
    pub(super) fn publish(self) -> Result<()> {
        let lock = FolderLocks::around(self.0.iter().map(|part| part.to.as_path()));
        let mut there: Vec<&Path> = Vec::new();
        // A bundle that could not be packed is not there; the decision says so.
        for part in self.0.iter().filter(|part| !is_absent(&part.from)) {
            let moved = part.clear().and_then(|()| fs::rename(&part.from, &part.to));
            if let Err(error) = moved {
                take_all_away(&there);
                return Err(anyhow!("{}: cannot be written: {error}", clean(&part.to.to_string_lossy())));
            }
            there.push(&part.to);
        }
        let folders: BTreeSet<&Path> = there.iter().map(|path| folder_of(path)).collect();
        for folder in folders {
            if let Err(error) = sync_folder(folder) {
                take_all_away(&there);
                return Err(anyhow!("{}: cannot be synced: {error}", clean(&folder.to_string_lossy())));
            }
        }
        drop(lock);
        Ok(())
    }
}

impl StagedPart {
    /// Makes room where another run has delivered a directory meanwhile, over which nothing can be moved.
    fn clear(&self) -> io::Result<()> {
        if self.from == self.left || is_absent(&self.to) {
            return Ok(());
        }
        fs::rename(&self.to, self.left.join("before"))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.0.iter().for_each(|part| take_away(&part.left));
    }
}

fn take_all_away(paths: &[&Path]) {
    for path in paths {
        take_away(path);
    }
}

/// Removes a file, or a directory with all in it.
fn take_away(path: &Path) {
    // Once more where it fails: what stays is swept by the next run, but there may be none.
    for _ in 0..2 {
        let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        let taken = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if taken.is_ok() || is_absent(path) {
            return;
        }
    }
}

/// Delivers one file.
pub(super) fn deliver(path: &Path, mode: u32, text: &[u8]) -> Result<()> {
    let shown = || clean(&path.to_string_lossy()).into_owned();
    let destination = Destination::of(path).map_err(|why| anyhow!("{}: {why}", shown()))?;
    let failed = |error: io::Error| anyhow!("{}: cannot be written: {error}", shown());
    let Some(place) = destination.place() else { return destination.write_through(text).map_err(failed) };
    sweep(place);
    let mut staged = Staged::default();
    staged.file(place, mode, |file| file.write_all(text)).map_err(failed)?;
    staged.publish()
}

/// Removes what an earlier run left at a place. What cannot be removed is emptied, which is no success either.
pub(super) fn remove(place: &Path) -> Result<(), String> {
    let error = match fs::remove_file(place) {
        Ok(()) => return Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => error,
    };
    let emptied = File::options().write(true).truncate(true).open(place).and_then(|file| file.sync_all());
    Err(match emptied {
        Ok(()) => format!("cannot be replaced: {error}; what an earlier run left in it was emptied"),
        Err(_) => format!("cannot be replaced: {error}; what it says is an earlier run's"),
    })
}

/// Removes what dead runs left beside a place.
pub(super) fn sweep(place: &Path) {
    let prefix = part_prefix(place);
    let folder = folder_of(place);
    let Ok(entries) = fs::read_dir(folder) else { return };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let left: Vec<PathBuf> =
        names.filter(|name| is_part(name, &prefix)).map(|name| folder.join(name)).collect();
    if left.is_empty() {
        return;
    }
    let _lock = FolderLocks::around([place]);
    for part in left {
        // A link is none of ours, and would lead elsewhere.
        if part.symlink_metadata().is_ok_and(|meta| meta.is_file() || meta.is_dir())
            && File::open(&part).is_ok_and(|file| file.try_lock().is_ok())
        {
            take_away(&part);
        }
    }
}

/// Beginning of the names under which a file is written before it is delivered.
fn part_prefix(place: &Path) -> Vec<u8> {
    let name = place.file_name().unwrap_or_default().as_bytes();
    [b".", name.get(..NAME_BYTES).unwrap_or(name), b"."].concat()
}

/// True of a name of what is not delivered: between beginning and end stand digits alone.
fn is_part(name: &OsStr, prefix: &[u8]) -> bool {
    let rest = name.as_bytes().strip_prefix(prefix).and_then(|rest| rest.strip_suffix(PART.as_bytes()));
    rest.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A hidden name in the same folder that no other run has, so that moving it is one step.
fn beside(place: &Path) -> PathBuf {
    let mut name = part_prefix(place);
    name.extend(format!("{:016x}{PART}", unlikely_number()).bytes());
    place.with_file_name(OsString::from_vec(name))
}

/// A number that no other run has. Nothing but a name rests on it, and one that is there already is an error.
fn unlikely_number() -> u64 {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_ok() {
        return u64::from_ne_bytes(bytes);
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(time.subsec_nanos()) << 32 ^ time.as_secs() ^ u64::from(std::process::id()) << 16
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_a_file_a_device_or_a_stream() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(real.join("kept")).unwrap();
        symlink("kept/v.json", real.join("hangs")).unwrap();
        symlink("/dev/null", real.join("null")).unwrap();
        symlink("loop", real.join("loop")).unwrap();
        let of = |name: &str| Destination::of(&real.join(name));
        assert_eq!(of("v.json").unwrap(), Destination::File(real.join("v.json")));
        assert_eq!(of("hangs").unwrap(), Destination::File(real.join("kept/v.json")));
        assert_eq!(of("null").unwrap(), Destination::Device(real.join("null")));
        fs::write(real.join("kept/v.json"), "x").unwrap();
        assert_eq!(of("hangs").unwrap(), Destination::File(real.join("kept/v.json")));
        for name in ["kept", "loop"] {
            assert!(of(name).is_err(), "{name}");
        }
        assert!(matches!(Destination::of(Path::new("/dev/stderr")), Ok(Destination::Stream(_))));
    }

    #[test]
    fn what_dead_runs_left_is_swept_and_what_living_ones_write_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let place = fs::canonicalize(dir.path()).unwrap().join("v.json");
        let at = |name: &str| place.with_file_name(name);
        for name in [".v.json.1.part", ".v.json.0123456789abcdef.part", ".v.json.mine.part", ".w.json.1.part"]
        {
            fs::write(at(name), "x").unwrap();
        }
        fs::create_dir_all(at(".v.json.2.part/bundle")).unwrap();
        let mut living = Staged::default();
        living.file(&place, FILE_MODE, |file| file.write_all(b"new")).unwrap();
        sweep(&place);
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(at(".v.json.mine.part").exists() && at(".w.json.1.part").exists());
        living.publish().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert!(!place.with_file_name(&left[0]).exists());
    }

    #[test]
    fn all_are_delivered_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        let mut staged = Staged::default();
        for name in ["a", "b", "c"] {
            staged.file(&real.join(name), FILE_MODE, |file| file.write_all(b"x")).unwrap();
        }
        // Meanwhile somebody made a folder of it.
        fs::create_dir_all(real.join("b/in")).unwrap();
        assert!(staged.publish().is_err());
        let mut left: Vec<_> = fs::read_dir(&real).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["b"]);
    }
}

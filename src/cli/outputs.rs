//! Output files of a run: removed before anything else is looked at, delivered whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use super::args::pair;
use super::delivery::{Destination, FILE_MODE, FolderLocks, NoDestination, Staged, led_to, remove, sweep};
use crate::attest::{bundle, dsse};
use crate::decide::Decision;
use crate::finding::clean;
use crate::render::{CODEQUALITY_CLEAN, Look, OutputFormat};
use crate::report::{self, Source, open_regular};

/// The files of a run.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    files: Vec<OutputFile>,
    /// Where the bundle goes, without links.
    bundle: Option<PathBuf>,
}

struct OutputFile {
    output: &'static OutputFormat,
    path: PathBuf,
    destination: Destination,
}

impl std::fmt::Debug for OutputFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.output.id, self.path.display())
    }
}

/// State of the place where a bundle is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FormerBundle {
    /// Nothing.
    Nothing,
    /// A bundle, or what is left of one.
    Bundle,
    /// Something else.
    Foreign,
}

impl Outputs {
    /// Removes what an earlier run left, so that yesterday's verdict never survives a run that did not finish, and checks
    /// the flags. Whatever is wrong with one of them, the others are removed. `inputs` may not be written to.
    pub(super) fn prepare(flags: &[OsString], bundle: Option<&Path>, inputs: &[&Path]) -> Result<Self> {
        let mut faults: Vec<String> = Vec::new();
        let mut named: Vec<(String, PathBuf)> = Vec::new();
        for flag in flags {
            match pair("--output", "FORMAT=PATH", flag) {
                Ok(one) => named.push(one),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        let bundle_path = bundle.filter(|path| !path.as_os_str().is_empty());
        let paths: Vec<PathBuf> =
            named.iter().map(|(_, path)| real(path)).chain(bundle_path.map(real)).collect();
        for path in &paths {
            sweep(path);
        }
        // What lies there is looked at and removed while nobody else delivers.
        let _lock = FolderLocks::around(paths.iter().map(PathBuf::as_path));
        let mut files: Vec<OutputFile> = Vec::new();
        let mut old: Vec<(String, PathBuf)> = Vec::new();
        for (format, path) in named {
            let name = format!("--output {}", clean(&path.to_string_lossy()));
            let output = output(&format).map_err(|error| faults.push(format!("{error:#}")));
            let destination = match wanted(&path, inputs) {
                Ok(destination) => destination,
                Err(why) => {
                    faults.push(format!("{name}: {why}"));
                    let is_file = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
                    if matches!(why, Unwanted::Place(NoDestination::Unknown(_))) && is_file {
                        old.push((name, path));
                    }
                    continue;
                }
            };
            if let Some(place) = destination.place() {
                if old.iter().any(|(_, known)| known == place) {
                    faults.push(format!("{name}: two outputs have the same path"));
                }
                old.push((name, place.to_owned()));
            }
            files.extend(output.ok().map(|output| OutputFile { output, path, destination }));
        }
        let mut outputs = Self { files, bundle: None };
        if let Some(path) = bundle {
            match outputs.bundle_place(path, inputs) {
                Ok(place) => outputs.bundle = Some(place),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        for (name, place) in &old {
            if let Err(why) = remove(place) {
                faults.push(format!("{name}: {why}"));
            }
        }
        if let Some(place) = &outputs.bundle
            && let Err(error) = make_room(place)
        {
            faults.push(format!("{error:#}"));
        }
        if faults.is_empty() { Ok(outputs) } else { Err(anyhow!(faults.join("\n"))) }
    }

    /// True if no file is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.bundle.is_none()
    }

    /// Where a bundle goes, and whether it may go there.
    fn bundle_place(&self, path: &Path, inputs: &[&Path]) -> Result<PathBuf> {
        let name = clean(&path.to_string_lossy()).into_owned();
        if path.as_os_str().is_empty() {
            bail!("--bundle is empty; is a variable of the script unset?");
        }
        if let Some(input) = inputs.iter().find(|input| within(input, path)) {
            bail!("--bundle {name}: {} is an input of this run", clean(&input.to_string_lossy()));
        }
        if let Some(output) = self.files.iter().find(|file| within(&file.path, path)) {
            bail!("--bundle {name}: --output {} would lie in it", clean(&output.path.to_string_lossy()));
        }
        let place = fs::canonicalize(path).unwrap_or_else(|_| led_to(path));
        if former_bundle(&place) == FormerBundle::Foreign {
            bail!("--bundle {name}: is there and is not a bundle of evidence; nothing was removed");
        }
        Ok(place)
    }

    /// Makes room for the bundle beside its place; `None` if none is asked for.
    pub(super) fn stage_bundle(&self, staged: &mut Staged) -> Result<Option<PathBuf>> {
        let Some(place) = &self.bundle else { return Ok(None) };
        let failed = || format!("--bundle {}: cannot be written", clean(&place.to_string_lossy()));
        staged.bundle(place).map(Some).with_context(failed)
    }

    /// Writes every file beside its place, ready to be moved there.
    pub(super) fn stage(&self, decision: &Decision, staged: &mut Staged) -> Result<()> {
        for file in &self.files {
            let Some(place) = file.destination.place() else { continue };
            let written = staged
                .file(place, FILE_MODE, |writer| file.output.write(decision, Look::PLAIN, &mut { writer }));
            written.with_context(|| format!("--output {file:?}: cannot be written"))?;
        }
        Ok(())
    }

    /// Writes what goes to devices, before anything is told.
    pub(super) fn write_devices(&self, decision: &Decision) -> Result<()> {
        self.write_through(decision, |destination| matches!(destination, Destination::Device(_)))
    }

    /// Writes what goes to streams of this process, behind what is printed there.
    pub(super) fn write_streams(&self, decision: &Decision) -> Result<()> {
        self.write_through(decision, |destination| matches!(destination, Destination::Stream(_)))
    }

    fn write_through(&self, decision: &Decision, wanted: impl Fn(&Destination) -> bool) -> Result<()> {
        for file in self.files.iter().filter(|file| wanted(&file.destination)) {
            let mut text = Vec::new();
            let written = file.output.write(decision, Look::PLAIN, &mut text);
            let written = written.and_then(|()| file.destination.write_through(&text));
            written.with_context(|| format!("--output {file:?}: cannot be written"))?;
        }
        Ok(())
    }
}

/// Where an output may go: to nothing that is read, nor to a file that looks like what is.
fn wanted(path: &Path, inputs: &[&Path]) -> Result<Destination, Unwanted> {
    if inputs.iter().any(|input| is_same_file(input, path)) {
        return Err(Unwanted::Input("is also an input of this run"));
    }
    if path.is_file() && is_input(path) {
        return Err(Unwanted::Input("is there and is not output of secgate; nothing was removed"));
    }
    Destination::of(path).map_err(Unwanted::Place)
}

/// Why an output may not go to a path.
enum Unwanted {
    /// Something is read there.
    Input(&'static str),
    /// Nothing can be delivered there.
    Place(NoDestination),
}

impl std::fmt::Display for Unwanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input(why) => f.write_str(why),
            Self::Place(why) => why.fmt(f),
        }
    }
}

/// State of the place of a bundle.
fn former_bundle(place: &Path) -> FormerBundle {
    let Ok(meta) = fs::symlink_metadata(place) else { return FormerBundle::Nothing };
    let is_empty_folder = || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    if meta.is_file() && meta.len() == 0 || meta.is_dir() && is_empty_folder() || bundle::was_bundle(place) {
        FormerBundle::Bundle
    } else {
        FormerBundle::Foreign
    }
}

/// Takes away a bundle of an earlier run, also a broken one.
fn make_room(place: &Path) -> Result<()> {
    let name = clean(&place.to_string_lossy()).into_owned();
    if former_bundle(place) == FormerBundle::Nothing {
        return Ok(());
    }
    if !bundle::is_bundle(place) {
        super::note(&format!("--bundle {name}: what was there was no whole bundle and is replaced"));
    }
    remove_bundle(place).with_context(|| format!("--bundle {name}: cannot be replaced"))
}

/// Removes a bundle.
fn remove_bundle(path: &Path) -> std::io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Removes what a command line names that could not be understood, verdicts, bundles and signed statements: a mistyped flag
/// may not leave yesterday's for today's. A path that the line also names otherwise stays, and so does what may be an input.
pub(super) fn forget(args: &[OsString]) {
    let mut named: Vec<(&OsStr, PathBuf)> = Vec::new();
    let mut others: Vec<PathBuf> = Vec::new();
    let mut flag: Option<&OsStr> = None;
    for arg in args.iter().skip(1) {
        let alone = FORGOTTEN.iter().find(|known| arg == *known).map(OsStr::new);
        let joined = FORGOTTEN.iter().find_map(|known| Some((OsStr::new(known), joined(arg, known)?)));
        if let Some(of) = flag.take() {
            named.push((of, PathBuf::from(arg)));
        } else if alone.is_some() {
            flag = alone;
        } else if let Some((of, value)) = joined {
            named.push((of, PathBuf::from(value)));
        } else {
            others.push(PathBuf::from(arg));
            others.extend(after_sign(arg).map(PathBuf::from));
        }
    }
    let verdict = |flag: &OsStr, value: &Path| {
        let pair = after_sign(value.as_os_str()).map(PathBuf::from).filter(|_| flag != "--bundle");
        (pair.clone().unwrap_or_else(|| value.to_owned()), pair.is_some())
    };
    let paths: Vec<PathBuf> = named.iter().map(|(flag, value)| real(&verdict(flag, value).0)).collect();
    let _lock = FolderLocks::around(paths.iter().map(PathBuf::as_path));
    for ((flag, value), place) in named.iter().zip(paths) {
        let (path, is_pair) = verdict(flag, value);
        let is_other = others.iter().any(|other| is_same_file(other, &path));
        let Ok(meta) = fs::metadata(&path) else { continue };
        let is_ours = match (*flag == "--bundle", is_pair) {
            (true, _) => bundle::was_bundle(&path),
            (false, true) => meta.is_file() && !is_input(&path),
            // A statement; of other commands it may be a baseline, which is an input, too.
            (false, false) => meta.is_file() && is_attestation(&path),
        };
        if !is_ours || is_other {
            continue;
        }
        let removed = if meta.is_dir() {
            fs::remove_dir_all(&place).map_err(|error| error.to_string())
        } else {
            remove(&place)
        };
        if let Err(why) = removed {
            super::complain(&format!("{}: {why}", clean(&path.to_string_lossy())));
        }
    }
}

/// Flags that name what a run writes and an auditor reads.
const FORGOTTEN: [&str; 3] = ["--output", "-o", "--bundle"];

/// The value that is joined to a flag by `=`.
fn joined<'a>(arg: &'a OsStr, flag: &str) -> Option<&'a OsStr> {
    use std::os::unix::ffi::OsStrExt as _;
    let rest = arg.as_bytes().strip_prefix(flag.as_bytes())?;
    rest.strip_prefix(b"=").map(OsStr::from_bytes)
}

/// Text behind the first `=`.
fn after_sign(value: &OsStr) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt as _;
    let at = memchr::memchr(b'=', value.as_bytes())?;
    value.as_bytes().get(at + 1..).map(OsStr::from_bytes)
}

/// True of a signed statement.
pub(super) fn is_attestation(path: &Path) -> bool {
    dsse::read_attestations(&Source::File(path.to_owned())).is_ok()
}

fn output(id: &str) -> Result<&'static OutputFormat> {
    let known: Vec<&str> = crate::render::OUTPUTS.iter().map(|o| o.id).collect();
    OutputFormat::by_id(id)
        .with_context(|| format!("unknown output format `{}`; choose one of {}", clean(id), known.join(", ")))
}

/// True for a file that an earlier run of secgate did not write and that could be an input of this one: a report, or
/// YAML. What the gate needs must not go away by the gate's own hand.
fn is_input(path: &Path) -> bool {
    let yaml =
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    yaml || report::claimed(&Source::File(path.to_owned())) && !written_by_secgate(path)
}

/// Every output of secgate names it near its beginning or its end.
fn written_by_secgate(path: &Path) -> bool {
    const NAME: &[u8] = b"secgate";
    // In a code quality report its fingerprints alone do.
    const FINGERPRINT: &[u8] = b"\"fingerprint\":\"sg1:";
    let source = Source::File(path.to_owned());
    let mut head = Vec::new();
    let read = open_regular(path).map(|file| file.take(64 << 10).read_to_end(&mut head));
    read.is_ok()
        && (head == CODEQUALITY_CLEAN
            || memchr::memmem::find(&head, NAME).is_some()
            || memchr::memmem::find(&head, FINGERPRINT).is_some()
            || memchr::memmem::find(&source.tail(64 << 10), NAME).is_some())
}

/// True if both names lead to the same file, also where it does not exist yet.
pub(super) fn is_same_file(a: &Path, b: &Path) -> bool {
    real(a) == real(b)
}

/// True if a name leads to a place below a directory, or to the directory, also where neither exists yet.
pub(super) fn within(path: &Path, directory: &Path) -> bool {
    real(path).starts_with(real(directory))
}

/// A path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent.as_os_str().is_empty() => real(Path::new(".")).join(name),
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

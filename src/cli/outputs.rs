//! Output files: removed before the first input is opened, written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::args::pair;
use crate::attest::bundle;
use crate::decide::Decision;
use crate::finding::clean;
use crate::render::{CODEQUALITY_CLEAN, Look, OutputFormat};
use crate::report::{self, Source, open_regular};

/// The files of a run.
#[derive(Debug, Default)]
pub(super) struct Outputs(Vec<OutputFile>);

struct OutputFile {
    output: &'static OutputFormat,
    path: PathBuf,
    /// A device or pipe, which is written to and never replaced.
    special: bool,
}

impl std::fmt::Debug for OutputFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.output.id, self.path.display())
    }
}

impl Outputs {
    /// Checks the flags and removes what an earlier run left, so that yesterday's verdict never survives a run that
    /// did not finish. `inputs` may not be written to.
    pub(super) fn prepare(flags: &[OsString], inputs: &[&Path]) -> Result<Self> {
        let mut files: Vec<OutputFile> = Vec::new();
        for flag in flags {
            let (format, path) = pair("--output", "FORMAT=PATH", flag)?;
            let output = output(&format)?;
            let shown = clean(&path.to_string_lossy()).into_owned();
            if files.iter().any(|f| is_same_file(&f.path, &path)) {
                bail!("--output {shown}: two outputs have the same path");
            }
            if inputs.iter().any(|input| is_same_file(input, &path)) {
                bail!("--output {shown}: is also an input of this run");
            }
            if path.is_file() && is_input(&path) {
                bail!("--output {shown}: is there and is no output of secgate; nothing was removed");
            }
            let special = match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => bail!("--output {shown}: is a directory"),
                Ok(meta) if is_pipe(&meta) => {
                    bail!("--output {shown}: is a pipe; a reader that is not there would hang the gate")
                }
                Ok(meta) => !(meta.is_file() || meta.is_symlink()),
                Err(_) => false,
            };
            files.push(OutputFile { output, path, special });
        }
        for file in files.iter().filter(|f| !f.special) {
            match fs::remove_file(&file.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("--output {}: cannot be replaced", file.path.display()));
                }
                _ => {}
            }
        }
        Ok(Self(files))
    }

    /// Where they go.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|file| file.path.as_path())
    }

    /// Writes every file beside its place, ready to be moved there.
    pub(super) fn stage(&self, decision: &Decision) -> Result<Staged> {
        let mut staged = Staged(Vec::new());
        for file in &self.0 {
            let name = format!("--output {}={}", file.output.id, clean(&file.path.to_string_lossy()));
            let temporary = if file.special { file.path.clone() } else { beside(&file.path) };
            let written = open(&temporary, file.special).and_then(|opened| {
                if !file.special {
                    staged.0.push((temporary, file.path.clone()));
                }
                let mut writer = BufWriter::new(opened);
                file.output.write(decision, Look::PLAIN, &mut writer)?;
                writer.flush()
            });
            written.with_context(|| format!("{name}: cannot be written"))?;
        }
        Ok(staged)
    }
}

/// Removes the outputs that a command line names which could not be understood: a mistyped flag may not leave
/// yesterday's verdict for today's. A path that the line also names otherwise stays.
pub(super) fn forget(args: &[OsString]) {
    let texts: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let value = |text: &&str| text.split_once('=').map_or((*text).to_owned(), |(_, value)| value.to_owned());
    let flagged =
        texts.iter().zip(texts.iter().skip(1)).filter(|(flag, _)| **flag == "--output").map(|(_, v)| *v);
    let joined = texts.iter().filter_map(|text| text.strip_prefix("--output="));
    for (format, path) in flagged.chain(joined).filter_map(|v| v.split_once('=')) {
        let named = texts.iter().filter(|text| value(text).ends_with(path)).count();
        let file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() || meta.is_symlink());
        if OutputFormat::by_id(format).is_some() && named == 1 && file {
            let _ = fs::remove_file(path);
        }
    }
}

/// Files that lie beside their place; dropped, they are removed.
#[derive(Debug)]
pub(super) struct Staged(Vec<(PathBuf, PathBuf)>);

impl Staged {
    /// No files.
    pub(super) const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Moves the files to their places, all or none.
    pub(super) fn publish(mut self) -> Result<()> {
        let mut there: Vec<PathBuf> = Vec::new();
        for (from, to) in self.0.drain(..) {
            match fs::rename(&from, &to) {
                Ok(()) => there.push(to),
                Err(error) => {
                    let _ = fs::remove_file(&from);
                    for path in there {
                        let _ = fs::remove_file(path);
                    }
                    return Err(error)
                        .with_context(|| format!("--output {}: cannot be written", to.display()));
                }
            }
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (from, _) in &self.0 {
            let _ = fs::remove_file(from);
        }
    }
}

/// Removes the bundle of an earlier run; whatever else is there stays, and is an error.
pub(super) fn prepare_bundle(path: &Path, inputs: &[&Path], outputs: &Outputs) -> Result<()> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if path.as_os_str().is_empty() {
        bail!("--bundle is empty; is a variable of the script unset?");
    }
    if let Some(input) = inputs.iter().find(|input| within(input, path)) {
        bail!("--bundle {name}: {} is an input of this run", clean(&input.to_string_lossy()));
    }
    if let Some(output) = outputs.paths().find(|output| within(output, path)) {
        bail!("--bundle {name}: --output {} would lie in it", clean(&output.to_string_lossy()));
    }
    let meta = fs::symlink_metadata(path);
    let Ok(meta) = meta else { return Ok(()) };
    if !bundle::is_bundle(path) || meta.is_symlink() {
        bail!("--bundle {name}: is there and is no bundle of evidence; nothing was removed");
    }
    remove_bundle(path).with_context(|| format!("--bundle {name}: cannot be replaced"))
}

/// Removes a bundle.
pub(super) fn remove_bundle(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn output(id: &str) -> Result<&'static OutputFormat> {
    let known: Vec<&str> = crate::render::OUTPUTS.iter().map(|o| o.id).collect();
    OutputFormat::by_id(id)
        .with_context(|| format!("unknown output format `{}`; choose one of {}", clean(id), known.join(", ")))
}

fn open(path: &Path, special: bool) -> io::Result<File> {
    if special {
        File::options().write(true).open(path)
    } else {
        File::options().write(true).create_new(true).open(path)
    }
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
    let source = Source::File(path.to_owned());
    let mut head = Vec::new();
    let read = open_regular(path).map(|file| file.take(64 << 10).read_to_end(&mut head));
    read.is_ok()
        && (head == CODEQUALITY_CLEAN
            || memchr::memmem::find(&head, NAME).is_some()
            || memchr::memmem::find(&source.tail(64 << 10), NAME).is_some())
}

/// True for a named pipe.
fn is_pipe(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_fifo()
}

/// A hidden name in the same directory, so that moving it is one step.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
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

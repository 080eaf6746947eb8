//! Runs as lines of JSON (NDJSON): a file, packed or not, or standard input.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::unpack::{reader_of, standard_input};
use super::{MAX_RUN, RunContent, RunForm, SavedRun, UnreadRun, UnreadRuns, unreadable};
use crate::decide::RunError;
use crate::finding::clean;
use crate::replay::RunDescription;
use crate::run::diagnostics::{RunDiagnostic, said};

/// Files of lines by their names, and standard input.
pub(super) static FORM: RunForm =
    RunForm { names: ("file of lines", "files of lines"), claims: is_lines, open };

/// Endings of names of files of lines.
const ENDS: [&str; 3] = [".ndjson", ".ndjson.gz", ".ndjson.zst"];
/// How much of a file is looked at to tell a run from a report.
const HEAD: u64 = 4 << 10;

/// Whether a path is a file of runs. Reports may be called so, too; a line of theirs does not begin like a run.
pub(super) fn is_lines(path: &Path) -> bool {
    if path == Path::new("-") {
        return true;
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if !ENDS.iter().any(|end| name.ends_with(end)) || !path.is_file() {
        return false;
    }
    let Ok(reader) = reader_of(path) else { return true };
    let mut head = Vec::new();
    let _ = reader.take(HEAD).read_to_end(&mut head);
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    line.is_empty() || ["\"id\"", "\"files\"", "\"secgate/run/"].iter().any(|key| line.contains(key))
}

fn open(path: &Path) -> Result<UnreadRuns> {
    let is_stdin = path == Path::new("-");
    let reader = if is_stdin {
        standard_input()
    } else {
        reader_of(path).with_context(|| clean(&path.to_string_lossy()).into_owned())
    }?;
    let beside = path.parent().filter(|_| !is_stdin).unwrap_or_else(|| Path::new("")).to_owned();
    Ok(Box::new(RunLines {
        reader: BufReader::with_capacity(1 << 20, reader),
        beside,
        number: 0,
        ended: false,
    }))
}

/// One line after the other; no more than one is held.
struct RunLines {
    reader: BufReader<Box<dyn Read + Send>>,
    beside: PathBuf,
    number: u64,
    ended: bool,
}

impl Iterator for RunLines {
    type Item = Result<Box<dyn UnreadRun>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let mut text = Vec::new();
            let read = (&mut self.reader).take(MAX_RUN + 1).read_until(b'\n', &mut text);
            self.number += 1;
            let (number, beside) = (self.number, self.beside.clone());
            let fault = match read {
                Ok(0) => return None,
                Ok(_) if text.len() as u64 > MAX_RUN => {
                    self.ended = true;
                    Some(format!("is over the limit of {MAX_RUN} bytes; nothing behind it was read"))
                }
                Ok(_) if text.trim_ascii().is_empty() => continue,
                Ok(_) => None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    Some(format!("cannot be read, and nothing behind it was: {error}"))
                }
            };
            return Some(Ok(Box::new(RunLine { number, text, beside, fault })));
        }
        None
    }
}

/// A line that was not parsed yet.
struct RunLine {
    number: u64,
    text: Vec<u8>,
    beside: PathBuf,
    fault: Option<String>,
}

impl UnreadRun for RunLine {
    fn read(self: Box<Self>, store: Option<&Path>) -> SavedRun {
        let broken = |id: Option<String>, why: &anyhow::Error, protocol: bool| {
            let why = said(why).message;
            let fault = RunError::of(None, &RunDiagnostic::BrokenRunLine { number: self.number, why });
            SavedRun { id, about: RunDescription::default(), content: RunContent::Broken { fault, protocol } }
        };
        if let Some(fault) = &self.fault {
            return broken(None, &unreadable(fault.clone()), true);
        }
        let mut about = match RunDescription::parse(&self.text) {
            Ok(about) => about,
            // An id that can be told is echoed, whatever else is wrong.
            Err(error) => {
                let is_object =
                    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&self.text);
                let id =
                    is_object.as_ref().ok().and_then(|object| object.get("id")?.as_str().map(str::to_owned));
                let protocol = id.is_none();
                return broken(id, &error, protocol);
            }
        };
        let Some(id) = about.id.clone().filter(|id| !id.is_empty()) else {
            return broken(None, &unreadable("has no `id`"), true);
        };
        match about.files(Vec::new(), Some(&self.beside), store) {
            Ok(files) => {
                about.files = BTreeMap::new();
                SavedRun { id: Some(id), about, content: RunContent::Files(files) }
            }
            Err(error) => SavedRun {
                about: RunDescription { files: BTreeMap::new(), ..about },
                ..broken(Some(id), &error, false)
            },
        }
    }
}

//! Saved runs: what one pipeline left, as a folder, an archive, a bundle or a line of JSON.
//!
//! A form is one file of this folder and one line in [`FORMS`]. Whatever the form, a run is the same afterwards: what it says
//! of itself, and its files. Nothing that it rests on is looked for elsewhere.

mod archive;
mod bundle;
mod description;
mod discovery;
mod folder;
mod lines;
mod unpack;

use std::path::{Path, PathBuf};

use anyhow::Result;

pub(crate) use discovery::{FoundRuns, find_runs};

use super::diagnostics::{RunDiagnostic, said};
use crate::attest::bundle::Bundle;
use crate::decide::RunError;
use crate::gather::SavedFile;
use crate::replay::RunDescription;

/// The file in which a run says what it is about.
pub(crate) const DESCRIPTION: &str = "run.json";
/// The diff of a run's change.
pub(crate) const DIFF: &str = "change.diff";
/// Largest run that is held in memory, unpacked.
const MAX_RUN: u64 = 1 << 30;

/// A run as it was saved.
#[derive(Debug)]
pub(crate) struct SavedRun {
    /// Its id: as it says itself, else its path.
    pub(crate) id: Option<String>,
    /// What it says of itself.
    pub(crate) about: RunDescription,
    /// Its evidence.
    pub(crate) content: RunContent,
}

/// The evidence of a saved run.
#[derive(Debug)]
pub(crate) enum RunContent {
    /// Its files, reports and all else.
    Files(Vec<SavedFile>),
    /// The evidence as an earlier run read it.
    Bundle(Box<Bundle>),
    /// It cannot be read.
    Broken {
        /// Why.
        fault: RunError,
        /// Whoever wrote it does not keep to the protocol, so that nobody knows what else is missing.
        protocol: bool,
    },
}

impl SavedRun {
    /// A run of which it is known only why it cannot be read.
    fn broken(id: Option<String>, error: &anyhow::Error) -> Self {
        let fault = RunError::of(None, &said(error));
        let content = RunContent::Broken { fault, protocol: false };
        Self { id, about: RunDescription::default(), content }
    }

    /// A run, or why it cannot be read.
    fn of_result(id: String, read: Result<Self>) -> Self {
        read.unwrap_or_else(|error| Self::broken(Some(id), &error))
    }
}

/// A run that was found and not opened yet.
pub(crate) trait UnreadRun: Send {
    /// Reads it; `store` is where the contents of files lie that a run names by their digests alone.
    fn read(self: Box<Self>, store: Option<&Path>) -> SavedRun;
}

/// Runs that were found, one after the other.
pub(crate) type UnreadRuns = Box<dyn Iterator<Item = Result<Box<dyn UnreadRun>>> + Send>;

/// A form in which runs are kept.
pub(crate) struct RunForm {
    /// Its name, of one and of several.
    pub(crate) names: (&'static str, &'static str),
    /// Whether a path is one; what a folder holds is told by [`discovery`].
    pub(crate) claims: fn(&Path) -> bool,
    /// The runs that it holds.
    pub(crate) open: fn(&Path) -> Result<UnreadRuns>,
}

/// Every form, in the order in which they are asked.
pub(crate) static FORMS: &[&RunForm] = &[&bundle::FORM, &archive::FORM, &lines::FORM, &folder::FORM];

/// A run that is one path.
struct RunAtPath {
    path: PathBuf,
    read: fn(&Path, Option<&Path>) -> Result<SavedRun>,
}

impl UnreadRun for RunAtPath {
    fn read(self: Box<Self>, store: Option<&Path>) -> SavedRun {
        let id = id_of_path(&self.path);
        SavedRun::of_result(id, (self.read)(&self.path, store))
    }
}

/// The one run that is a path.
fn single(path: &Path, read: fn(&Path, Option<&Path>) -> Result<SavedRun>) -> UnreadRuns {
    let run: Box<dyn UnreadRun> = Box::new(RunAtPath { path: path.to_owned(), read });
    Box::new(std::iter::once(Ok(run)))
}

/// The id of a run that does not give one.
fn id_of_path(path: &Path) -> String {
    crate::finding::clean(&path.to_string_lossy()).into_owned()
}

/// Why a run cannot be read.
fn unreadable(why: impl Into<String>) -> anyhow::Error {
    RunDiagnostic::RunUnreadable { why: why.into() }.into()
}

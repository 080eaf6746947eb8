//! A run as a bundle of evidence: as an earlier run read it, without secrets, every byte checked.

use std::path::Path;

use anyhow::Result;

use super::{RunContent, RunForm, SavedRun, id_of_path, single};
use crate::attest::bundle::is_bundle;
use crate::run::bundle::{description_of, read_bundle};

/// Folders and tar files that `--bundle` and `--record` wrote.
pub(super) static FORM: RunForm =
    RunForm { names: ("bundle", "bundles"), claims: is_bundle, open: |path| Ok(single(path, read)) };

fn read(path: &Path, _: Option<&Path>) -> Result<SavedRun> {
    let bundle = read_bundle(path)?;
    let about = description_of(&bundle)?;
    Ok(SavedRun { id: Some(id_of_path(path)), about, content: RunContent::Bundle(Box::new(bundle)) })
}

//! A run as a bundle of evidence: as an earlier run read it, without secrets, every byte checked.

use std::path::Path;

use anyhow::Result;

use super::{DESCRIPTION, RunContent, RunForm, SavedRun, id_of_path, single};
use crate::attest::bundle::is_bundle;
use crate::replay::RunDescription;
use crate::run::bundle::read_bundle;

/// Folders and tar files that `--bundle` and `--record` wrote.
pub(super) static FORM: RunForm =
    RunForm { names: ("bundle", "bundles"), claims: is_bundle, open: |path| Ok(single(path, read)) };

fn read(path: &Path, _: Option<&Path>) -> Result<SavedRun> {
    let bundle = read_bundle(path)?;
    let about = match bundle.file(DESCRIPTION) {
        Ok(text) => RunDescription::parse(text)?,
        Err(_) => RunDescription::default(),
    };
    let id = about.id.clone().unwrap_or_else(|| id_of_path(path));
    Ok(SavedRun { id: Some(id), about, content: RunContent::Bundle(Box::new(bundle)) })
}

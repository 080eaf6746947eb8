//! The project's CODEOWNERS file: given, or where GitLab looks for it below the current directory.

use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};

use crate::decide::{CodeownersFile, Context};
use crate::finding::{clean, hex};
use crate::relate::{CODEOWNERS, Owners};
use crate::report::{is_absent, open_regular};
use crate::run::diagnostics::RunDiagnostic;

/// Largest file; read one byte further to notice.
const MAX: u64 = 1 << 20;

/// A file that was read: what is decided on and packed are these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeownersText {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Who owned which file, before a change.
#[derive(Debug, Clone, Default)]
pub(crate) enum OwnersFrom {
    /// The same as after it.
    #[default]
    Given,
    /// What this file said.
    Before(CodeownersText),
    /// Nobody: there was no file, or nothing tells what it held.
    Nowhere,
}

/// Reads the file. One that is not there owns nothing, unless it was given.
pub(crate) fn read_codeowners(given: Option<&Path>) -> Result<Option<CodeownersText>> {
    let found =
        || CODEOWNERS.iter().map(Path::new).find(|path| path.is_file() || !path.exists() && !is_absent(path));
    let Some(path) = given.or_else(found) else { return Ok(None) };
    let name = clean(&path.to_string_lossy()).into_owned();
    let mut bytes = Vec::new();
    let file = open_regular(path).with_context(|| name.clone())?;
    file.take(MAX + 1).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    if bytes.len() as u64 > MAX {
        bail!(RunDiagnostic::InputTooLarge { what: name, most: MAX, kind: " for a CODEOWNERS file" });
    }
    Ok(Some(CodeownersText { name, bytes }))
}

/// Puts a file that was read into the context.
pub(crate) fn put_codeowners(file: &CodeownersText, context: &mut Context) {
    context.owners = Owners::parse(&String::from_utf8_lossy(&file.bytes));
    let sha256 = hex(&Sha256::digest(&file.bytes));
    context.shown.codeowners = Some(CodeownersFile { path: file.name.clone(), sha256 });
}

//! Bytes to a checked policy, or all that is wrong with them.

mod quote;
pub(super) mod yaml;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::error::{Mark, Problems, quoted};
use super::written::{self, At, Read as _};
use super::{Policy, PolicyError, PolicyFile, ReportMapping, validate};
use crate::finding::clean_line;
use yaml::Kind;

/// The shipped policies have 4 KiB.
const POLICY: Kind = Kind { one: "policy", many: "policies", bytes: 1024 * 1024, events: 50_000 };

/// A file of mappings is part of a policy.
const MAPPINGS: Kind = Kind { one: "file of mappings", many: "mappings", ..POLICY };

/// Gives the name for messages and the bytes of a file that a policy names, by its path relative to the policy, or says
/// why it cannot.
pub type Beside<'f> = dyn FnMut(&str) -> Result<(String, Vec<u8>), String> + 'f;

/// Reads and checks a policy that is one file. `source` is its name in messages and outputs: the path as given, or
/// `embedded:NAME`.
pub fn load(source: &str, bytes: &[u8]) -> Result<Policy, PolicyError> {
    load_with(source, bytes, &mut |_| Err("this policy cannot name files".to_owned()))
}

/// Reads and checks a policy with the files that it names.
pub fn load_with(source: &str, bytes: &[u8], file: &mut Beside<'_>) -> Result<Policy, PolicyError> {
    let mut problems = Problems::default();
    let Some(text) = utf8(bytes, POLICY, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let written = yaml::tree(text, POLICY, &mut problems)
        .and_then(|root| written::Policy::read(&root, "policy", &mut problems));
    let mut files = Files::default();
    if let Some(table) = written.as_ref().and_then(|written| written.mappings.as_ref()) {
        for path in table.value.0.iter().filter_map(|(_, mapping)| mapping.value.file.as_ref()) {
            files.read(path, file, &mut problems)?;
        }
    }
    let policy = written.and_then(|written| validate::policy(written, &files.mappings, &mut problems));
    match policy {
        Some(policy) if problems.is_empty() => {
            let sha256 = files.digest(sha256(bytes));
            Ok(Policy { source: source.to_owned(), sha256, files: files.list, ..policy })
        }
        _ => {
            // Whoever gives up says why; should that ever be forgotten, the policy is still not used.
            if problems.is_empty() {
                problems.add(Mark::START, "this is not a policy");
            }
            Err(PolicyError::new(source, text, problems))
        }
    }
}

/// Reads and checks a file of mappings: `version: 1` and `mappings:`.
pub fn load_mappings(source: &str, bytes: &[u8]) -> Result<Vec<ReportMapping>, PolicyError> {
    let mut problems = Problems::default();
    let Some(text) = utf8(bytes, MAPPINGS, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let written = yaml::tree(text, MAPPINGS, &mut problems)
        .and_then(|root| written::MappingFile::read(&root, "mappings", &mut problems));
    let mappings = written.map(|written| validate::mapping::in_file(written, &mut problems));
    match mappings {
        Some(mappings) if problems.is_empty() && !mappings.is_empty() => Ok(mappings),
        _ => {
            if problems.is_empty() {
                problems.add(Mark::START, "this is not a file of mappings");
            }
            Err(PolicyError::new(source, text, problems))
        }
    }
}

/// The files that a policy names, each read once.
#[derive(Default)]
struct Files {
    list: Vec<PolicyFile>,
    mappings: BTreeMap<String, Vec<ReportMapping>>,
}

impl Files {
    fn read(
        &mut self,
        path: &At<String>,
        file: &mut Beside<'_>,
        problems: &mut Problems,
    ) -> Result<(), PolicyError> {
        if self.mappings.contains_key(&path.value) {
            return Ok(());
        }
        let climbs = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':']);
        if path.value.split('/').any(climbs) {
            let message = format!("`file`: {} does not stay below the policy's folder", quoted(&path.value));
            problems.help(
                path.at,
                message,
                "write a path relative to the policy, such as mappings/acme.yaml",
            );
            return Ok(());
        }
        match file(&path.value) {
            Ok((name, bytes)) => {
                self.mappings.insert(path.value.clone(), load_mappings(&name, &bytes)?);
                self.list.push(PolicyFile { path: path.value.clone(), sha256: sha256(&bytes) });
            }
            Err(why) => {
                problems.add(path.at, format!("`file`: {}: {}", quoted(&path.value), clean_line(&why)));
            }
        }
        Ok(())
    }

    /// The digest of all the policy's files.
    fn digest(&self, policy: String) -> String {
        if self.list.is_empty() {
            return policy;
        }
        let lines = self.list.iter().fold(format!("{policy}\n"), |lines, file| lines + &file.sha256 + "\n");
        sha256(lines.as_bytes())
    }
}

/// The text of a file that is not too large, without its byte-order mark.
pub(super) fn utf8<'b>(bytes: &'b [u8], what: Kind, problems: &mut Problems) -> Option<&'b str> {
    if bytes.len() > what.bytes {
        let message = format!("a {} may have {} bytes; this file has {}", what.one, what.bytes, bytes.len());
        problems.add(Mark::START, message);
        return None;
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = bytes {
        problems.help(Mark::START, "the file is UTF-16 or UTF-32, not UTF-8", "save it as UTF-8");
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let (before, _) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
            let line = before.split(|b| *b == b'\n').count() as u64;
            let tail = before.rsplit(|b| *b == b'\n').next().unwrap_or(before);
            let column = String::from_utf8_lossy(tail).chars().count() as u64 + 1;
            problems.help(Mark { line, column }, "a byte here is not UTF-8", "save the file as UTF-8");
            None
        }
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

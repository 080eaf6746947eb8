//! Bytes to a checked policy, or all that is wrong with them.

mod effective;
mod extends;
mod overlay;
mod quote;
pub(super) mod yaml;

use sha2::{Digest, Sha256};

use super::error::{PolicyProblems, SourcePosition};
use super::written::{self, FromNode as _};
use super::{Policy, PolicyError, ReportMapping, validate};
use crate::finding::hex;
use crate::policy::diagnostics::PolicyDiagnostic;
use yaml::YamlFileKind;

pub use extends::effective;

/// The shipped policies have 4 KiB.
const POLICY: YamlFileKind = YamlFileKind {
    one: "policy",
    many: "policies",
    begin: "start with `version: 1`, or with an embedded policy, as `secgate policy show --policy merge` prints it",
    bytes: 1024 * 1024,
    events: 50_000,
};

/// A file of mappings is part of a policy.
const MAPPINGS: YamlFileKind =
    YamlFileKind { one: "file of mappings", many: "mappings", begin: "start with `version: 1`", ..POLICY };

/// Gives the name for messages and the bytes of a file that a policy names, by its path relative to the policy, or says
/// why it cannot.
pub type NeighbourFiles<'f> = dyn FnMut(&str) -> Result<(String, Vec<u8>), String> + 'f;

/// Reads and checks a policy that is one file. `source` is its name in messages and outputs: the path as given, or
/// `embedded:NAME`.
pub fn load(source: &str, bytes: &[u8]) -> Result<Policy, PolicyError> {
    load_with(source, bytes, &mut |_| Err("this policy cannot name files".to_owned()))
}

/// Reads and checks a policy with the files that it names, the policy that it extends among them.
pub fn load_with(source: &str, bytes: &[u8], file: &mut NeighbourFiles<'_>) -> Result<Policy, PolicyError> {
    extends::load(source, bytes, file).map(|loaded| loaded.policy)
}

/// Reads and checks a file of mappings: `version: 1` and `mappings:`.
pub fn load_mappings(source: &str, bytes: &[u8]) -> Result<Vec<ReportMapping>, PolicyError> {
    let mut problems = PolicyProblems::default();
    let Some(text) = utf8(bytes, MAPPINGS, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let written = yaml::tree(text, MAPPINGS, &mut problems)
        .and_then(|root| written::MappingFile::from_node(&root, "mappings", &mut problems));
    let mappings = written.map(|written| validate::mapping::in_file(written, &mut problems));
    match mappings {
        Some(mappings) if problems.is_empty() && !mappings.is_empty() => Ok(mappings),
        _ => {
            if problems.is_empty() {
                problems.add(
                    SourcePosition::START,
                    PolicyDiagnostic::WrongFileKind { what: "a file of mappings" },
                );
            }
            Err(PolicyError::new(source, text, problems))
        }
    }
}

/// The text of a file that is not too large, without its byte-order mark.
pub(super) fn utf8<'b>(
    bytes: &'b [u8],
    what: YamlFileKind,
    problems: &mut PolicyProblems,
) -> Option<&'b str> {
    if bytes.len() > what.bytes {
        problems.add(
            SourcePosition::START,
            PolicyDiagnostic::FileTooLarge { what: what.one, most: what.bytes, is: bytes.len() },
        );
        return None;
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = bytes {
        problems.add(SourcePosition::START, PolicyDiagnostic::WideEncoding);
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
            problems.add(SourcePosition::at(line, column), PolicyDiagnostic::InvalidByte);
            None
        }
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod subjects;
#[cfg(test)]
mod tests;

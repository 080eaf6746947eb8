//! Bytes to a checked policy, or all that is wrong with them.

mod quote;
mod yaml;

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::error::{Mark, Problems};
use super::written::{self, Read as _};
use super::{Policy, PolicyError, validate};

/// Largest policy. The shipped ones have 3 KiB.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads and checks a policy. `source` is its name in messages and outputs: the path as given, or `embedded:NAME`.
pub fn load(source: &str, bytes: &[u8]) -> Result<Policy, PolicyError> {
    let mut problems = Problems::default();
    let Some(text) = utf8(bytes, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let policy = yaml::tree(text, &mut problems)
        .and_then(|root| written::Policy::read(&root, "policy", &mut problems))
        .and_then(|written| validate::policy(written, &mut problems));
    match policy {
        Some(policy) if problems.is_empty() => {
            Ok(Policy { source: source.to_owned(), sha256: sha256(bytes), ..policy })
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

/// The text of a file that is not too large, without its byte-order mark.
fn utf8<'b>(bytes: &'b [u8], problems: &mut Problems) -> Option<&'b str> {
    if bytes.len() > MAX_BYTES {
        problems
            .add(Mark::START, format!("a policy may have {MAX_BYTES} bytes; this file has {}", bytes.len()));
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

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

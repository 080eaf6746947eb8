//! `--range`: every change that a release contains has its verdict.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::{VerdictRequirements, VerificationOutput, VerifyArgs, line};
use crate::attest::chain::{SignedVerdict, VerdictTarget};
use crate::attest::release_range::{ReleaseRange, merged_requests};
use crate::cli::attest::bytes;
use crate::finding::{clean, plural};

/// Largest list of commits or merge requests.
const MAX_LIST: u64 = 64 << 20;
/// The gate that changes pass.
const GATE: &str = "merge";

/// The changes of a release, of these files.
pub(in crate::cli) fn read(
    ends: (Option<String>, String),
    commits: &Path,
    requests: &[PathBuf],
) -> Result<ReleaseRange> {
    let name = |path: &Path| clean(&path.to_string_lossy()).into_owned();
    let mut merged = Vec::new();
    for path in requests {
        let read = merged_requests(&bytes(path, MAX_LIST)?);
        merged.extend(read.map_err(|why| anyhow!("--merge-requests {}: {why}", name(path)))?);
    }
    ReleaseRange::read(ends, &bytes(commits, MAX_LIST)?, &merged)
        .map_err(|why| anyhow!("--commits {}: {why}", name(commits)))
}

/// Tells of each change whether the merge gate passed it.
pub(super) fn of_release(
    args: &VerifyArgs,
    ends: (Option<String>, String),
    verdicts: &[SignedVerdict],
    demands: &VerdictRequirements,
    told: &mut VerificationOutput,
) {
    let commits = args.commits.as_deref().context("--range wants --commits FILE");
    let range = match commits.and_then(|commits| read(ends, commits, &args.merge_requests)) {
        Ok(range) => range,
        Err(error) => return told.bad(&format!("{error:#}")),
    };
    let mut missing = 0;
    for change in range.changes() {
        let (commits, trees) = (change.commits(), change.trees());
        let target = VerdictTarget::Commit { commits: &commits, trees: &trees };
        match demands.requirement_for(GATE, target).last(verdicts) {
            Ok(verdict) => told.good(&format!("{}: {}", change.describe(), line(verdict))),
            Err(why) => {
                missing += 1;
                told.bad(&format!("{}: {why}", change.describe()));
            }
        }
    }
    let (all, since) = (range.changes().len() as u64, range.from.as_deref().unwrap_or("the beginning"));
    let counted =
        format!("{} since {since}, {missing} without a verdict that will do", plural(all, "change"));
    told.note(&counted);
}

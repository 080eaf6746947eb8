//! What a gate was before the change that it decides on: `--base-policy`, `--base-waivers`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::policy::{PolicySource, PolicyText};
use super::waiver::{once, parse, text};
use crate::decide::GateComparison;
use crate::policy::waiver::{self, Waiver};
use crate::policy::{Policy, compare};

/// The gate before this change.
#[derive(Debug, Args)]
pub(super) struct OwnGateArgs {
    /// The policy before this change; what is looser since needs a review
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) base_policy: Option<PathBuf>,

    /// A waiver file before this change; any number of times. What is waived in addition needs a review
    #[arg(long, value_name = "PATH")]
    pub(super) base_waivers: Vec<PathBuf>,
}

impl OwnGateArgs {
    /// The files, which no output may replace.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.base_policy.iter().chain(&self.base_waivers).map(PathBuf::as_path)
    }

    /// Reads what the gate was; `None` if nothing says it.
    pub(super) fn read(&self) -> Result<Option<GateBefore>> {
        let policy = self.policy()?;
        let waivers = match self.base_waivers.as_slice() {
            [] => None,
            paths => Some(read(paths).context("--base-waivers")?),
        };
        let given = policy.is_some() || waivers.is_some();
        Ok(given.then_some(GateBefore { policy, waivers }))
    }

    fn policy(&self) -> Result<Option<PolicyText>> {
        let Some(path) = &self.base_policy else { return Ok(None) };
        if path.as_os_str().is_empty() {
            bail!("--base-policy is empty; is a variable of the script unset?");
        }
        let source = PolicySource::named("--base-policy", path)?;
        Ok(Some(source.text().context("--base-policy")?))
    }
}

/// Names and bytes of files, each once, in the order of their names.
fn read(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    once(paths.iter().cloned())?.iter().map(|path| text(path)).collect()
}

/// What a gate was before the change, as it was read; a bundle of evidence holds the same bytes.
pub(super) struct GateBefore {
    /// The policy, where it is given.
    pub(super) policy: Option<PolicyText>,
    /// Names and bytes of the waiver files, where any is given.
    pub(super) waivers: Option<Vec<(String, Vec<u8>)>>,
}

impl GateBefore {
    /// Compares the gate of a run with what it was.
    pub(super) fn compare(
        &self,
        policy: &Policy,
        waivers: &[Waiver],
        now: Timestamp,
    ) -> Result<GateComparison> {
        let mut comparison = GateComparison::default();
        let before = self.policy.as_ref().map(PolicyText::load).transpose().context("--base-policy")?;
        if let Some(before) = &before {
            comparison.compared.push(format!("policy {} sha256:{}", before.source, before.sha256));
            comparison.clauses.extend(compare::policies(before, policy));
        }
        comparison.under(before.as_ref().unwrap_or(policy), policy);
        if let Some(texts) = &self.waivers {
            let files = parse(texts, before.as_ref().unwrap_or(policy), now).context("--base-waivers")?;
            for file in &files {
                comparison.compared.push(format!("waivers {} sha256:{}", file.source, file.sha256));
            }
            let before = waiver::unite(files).map_err(|message| anyhow!("--base-waivers: {message}"))?;
            comparison.clauses.extend(compare::waivers(&before, waivers));
        }
        comparison.before = before.map(Arc::new);
        Ok(comparison)
    }
}

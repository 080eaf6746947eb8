//! What a gate was before the change that it decides on: `--base-policy`, `--base-waivers`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::policy::PolicySource;
use super::waiver::read;
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

    /// Compares the gate of a run with what it was; `None` if nothing says what it was.
    pub(super) fn compare(
        &self,
        policy: &Policy,
        waivers: &[Waiver],
        now: Timestamp,
    ) -> Result<Option<GateComparison>> {
        let mut comparison = GateComparison::default();
        let before = self.policy()?;
        if let Some(before) = &before {
            comparison.compared.push(format!("policy {} sha256:{}", before.source, before.sha256));
            comparison.clauses.extend(compare::policies(before, policy));
        }
        comparison.under(before.as_ref().unwrap_or(policy), policy);
        if !self.base_waivers.is_empty() {
            let files = read(self.base_waivers.iter().cloned(), before.as_ref().unwrap_or(policy), now)
                .context("--base-waivers")?;
            for file in &files {
                comparison.compared.push(format!("waivers {} sha256:{}", file.source, file.sha256));
            }
            let before = waiver::unite(files).map_err(|message| anyhow!("--base-waivers: {message}"))?;
            comparison.clauses.extend(compare::waivers(&before, waivers));
        }
        comparison.before = before.map(Arc::new);
        Ok((!comparison.compared.is_empty()).then_some(comparison))
    }

    fn policy(&self) -> Result<Option<Policy>> {
        let Some(path) = &self.base_policy else { return Ok(None) };
        if path.as_os_str().is_empty() {
            bail!("--base-policy is empty; is a variable of the script unset?");
        }
        let source = PolicySource::named("--base-policy", path)?;
        Ok(Some(source.read().context("--base-policy")?))
    }
}

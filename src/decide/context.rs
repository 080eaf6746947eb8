//! What a run is about: the change, the artifact, the clock.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

/// Facts of the run that do not come from evidence.
#[derive(Debug, Clone)]
pub struct Context {
    /// The clock, pinned by `--now`.
    pub now: Timestamp,
    /// Commits that evidence may be about: the commit, and in merge-request pipelines the source commit.
    pub commits: Vec<String>,
    /// Manifest digests of the artifacts the run is about, `sha256:…`.
    pub digests: Vec<String>,
    /// Who made the change: every name and address that the surroundings give.
    pub authors: Vec<String>,
    /// Values of the policy's parameters.
    pub parameters: BTreeMap<String, String>,
    /// What outputs say about the surroundings.
    pub shown: Shown,
}

impl Context {
    /// A run that is about nothing but its time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            commits: Vec::new(),
            digests: Vec::new(),
            authors: Vec::new(),
            parameters: BTreeMap::new(),
            shown: Shown::default(),
        }
    }
}

/// The part of the context that outputs show; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shown {
    /// The commit the run is about.
    pub commit: Option<String>,
    /// The project's path in GitLab.
    pub project: Option<String>,
    /// The pipeline's address.
    pub pipeline_url: Option<String>,
    /// The author of the change, as the environment says.
    pub author: Option<String>,
    /// Every environment variable that was read, with its value.
    pub env: BTreeMap<String, String>,
}

//! Subject of a run: the change, the artifact, the clock.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GateComparison, GateVerdict};
use crate::attest::ClockSource;
use crate::relate::Owners;
use crate::report::{ImageIndex, PlatformImage};

/// Facts of the run that do not come from evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Context {
    /// The time of the run.
    pub now: Timestamp,
    /// Where that is from.
    #[serde(default)]
    pub clock: ClockSource,
    /// Commits that evidence may be about: the commit, and in merge-request pipelines the source commit.
    pub commits: Vec<String>,
    /// The artifacts that the run is about.
    pub artifacts: Vec<Artifact>,
    /// Who made the change: every name and address that the surroundings give.
    pub authors: Vec<String>,
    /// Of them, the GitLab user name.
    pub login: Option<String>,
    /// Values of the policy's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Who owns the project's files.
    #[serde(skip)]
    pub owners: Owners,
    /// The gate before the change that it decides on, where something says so.
    #[serde(skip)]
    pub own_gate: Option<GateComparison>,
    /// Statements of each policy that the present one extends about the same evidence by itself.
    #[serde(skip)]
    pub parents: Vec<GateVerdict>,
    /// Indexes of images among the evidence.
    #[serde(skip)]
    pub indexes: Vec<ImageIndex>,
    /// Context that outputs show.
    pub shown: ContextView,
}

impl Context {
    /// A run that is about nothing but its time, which its caller says.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            clock: ClockSource::Pinned,
            commits: Vec::new(),
            artifacts: Vec::new(),
            authors: Vec::new(),
            login: None,
            parameters: BTreeMap::new(),
            owners: Owners::default(),
            own_gate: None,
            parents: Vec::new(),
            indexes: Vec::new(),
            shown: ContextView::default(),
        }
    }

    /// Manifest digests of the artifacts of a subject; of all where none is named.
    pub fn digests(&self, subject: Option<&str>) -> Vec<&str> {
        let of = |a: &&Artifact| subject.is_none() || a.subject.as_deref() == subject;
        self.artifacts.iter().filter(of).map(|a| a.digest.as_str()).collect()
    }

    /// The images of the platforms of an artifact, where an index with its digest is there.
    pub fn platforms(&self, digest: &str) -> &[PlatformImage] {
        let index = self.indexes.iter().find(|index| index.digest == digest);
        index.map_or(&[], |index| &index.platforms)
    }

    /// Digests that evidence about an artifact may state: its own, and those of the images of its platforms.
    pub fn covering<'c>(&'c self, digest: &'c str) -> Vec<&'c str> {
        let platforms = self.platforms(digest).iter().map(|image| image.digest.as_str());
        std::iter::once(digest).chain(platforms).collect()
    }

    /// Digests of the indexes that an artifact is in: who built or judged one of those, did so with all that is in it.
    pub fn indexes_with(&self, digest: &str) -> Vec<&str> {
        let holds = |index: &&ImageIndex| index.platforms.iter().any(|image| image.digest == digest);
        self.indexes.iter().filter(holds).map(|index| index.digest.as_str()).collect()
    }

    /// The artifact of a subject; where none is named the only one that there is.
    pub fn artifact(&self, subject: Option<&str>) -> Option<&Artifact> {
        let mut of = self.artifacts.iter().filter(|a| subject.is_none() || a.subject.as_deref() == subject);
        of.next().filter(|_| of.next().is_none())
    }
}

/// An artifact that the run is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Artifact {
    /// The subject of the policy that it is; `None` where the policy declares none.
    pub subject: Option<String>,
    /// Its name, such as `registry.example.com/shop/api:1.4`.
    pub name: String,
    /// Its digest: `sha256:` and 64 hexadecimal digits, of an image the manifest's; or `sha512:` and 128.
    pub digest: String,
}

/// The part of the context that outputs show; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ContextView {
    /// The commit the run is about.
    pub commit: Option<String>,
    /// The project's path in GitLab.
    pub project: Option<String>,
    /// The pipeline's address.
    pub pipeline_url: Option<String>,
    /// The author of the change, as the environment says.
    pub author: Option<String>,
    /// The artifacts that the run is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Artifact>,
    /// Values of the policy's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Every environment variable that was read, with its value.
    pub env: BTreeMap<String, String>,
    /// The CODEOWNERS file that gave the owners, if there is one.
    pub codeowners: Option<CodeownersFile>,
}

/// A CODEOWNERS file that was read. It changes what is shown, and no verdict.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CodeownersFile {
    /// Its path.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

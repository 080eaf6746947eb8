//! Subject of a gate, whose signatures count, and what rules demand of images, SBOMs, provenance, approvals and
//! earlier verdicts.

use super::identity::{CertificateIdentity, IdentityGlob, TrustedRootSource};
use super::license::{LicenseDecision, LicenseList, LicenseTerms};
use super::{Action, PathGlob, PurlGlob};
use crate::finding::Finding;
use jiff::Timestamp;
use jiff::civil::Date;

/// An artifact that the gate is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateSubject {
    /// Its name in the policy.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// Its kind.
    pub kind: SubjectKind,
}

/// Kind of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// A container image, named by its manifest digest.
    Image,
}

/// Somebody who signs: by a public key, or by an identity that certificates prove.
#[derive(Debug, Clone)]
pub struct SignerKey {
    /// Its name in the policy.
    pub name: String,
    /// Line in the file.
    pub line: u64,
    /// The person whose key it is, a GitLab user name without `@`: only such a key can sign an acceptance.
    pub user: Option<String>,
    /// How a signature is known to be theirs.
    pub signer: SignerMaterial,
    /// Until when its signatures count; `None`: as long as the policy names it.
    pub validity: Option<SignerValidity>,
}

/// Until when somebody's signatures count.
#[derive(Debug, Clone)]
pub struct SignerValidity {
    /// Those count that were made before.
    pub until: Timestamp,
    /// Whether the key was revoked then.
    pub revoked: bool,
    /// Whose time stamps prove when a signature was made.
    pub timestamps: Option<TrustedRootSource>,
}

/// How a signature is known to be somebody's.
#[derive(Debug, Clone)]
pub enum SignerMaterial {
    /// By their public key, in a PEM file.
    PublicKey(PinnedFile),
    /// By a certificate of Sigstore that was issued to them.
    Identity(Box<CertificateIdentity>),
}

/// A file that the policy pins by its digest.
#[derive(Debug, Clone)]
pub struct PinnedFile {
    /// Its path, relative to the policy.
    pub file: String,
    /// SHA-256 that the file must have, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// The file's bytes, whose digest is the one demanded, or why they cannot be used and what to do.
    pub bytes: Result<Vec<u8>, String>,
}

impl SignerKey {
    /// The file that it rests on.
    pub fn file(&self) -> Option<&PinnedFile> {
        match &self.signer {
            SignerMaterial::PublicKey(file) => Some(file),
            SignerMaterial::Identity(identity) => match &identity.root {
                TrustedRootSource::File(file) => Some(file),
                TrustedRootSource::Embedded(_) => None,
            },
        }
    }

    /// True if it is still to be filled in: a digest of zeros, or an identity that is an example.
    pub fn is_open(&self) -> bool {
        let zeros = self.file().is_some_and(|file| file.sha256.bytes().all(|byte| byte == b'0'));
        let example = match &self.signer {
            SignerMaterial::PublicKey(_) => false,
            SignerMaterial::Identity(identity) => identity.placeholder(&self.name).is_some(),
        };
        zeros || example
    }

    /// Who it is, on one line.
    pub fn describe(&self) -> String {
        match &self.signer {
            SignerMaterial::PublicKey(file) => file.sha256.clone() + &self.validity_words(),
            SignerMaterial::Identity(identity) => identity.describe() + &self.validity_words(),
        }
    }

    fn validity_words(&self) -> String {
        self.validity.as_ref().map_or_else(String::new, |validity| {
            let word = if validity.revoked { "revoked" } else { "not after" };
            format!(", {word} {}", validity.until)
        })
    }

    /// Whether every signature that it lets count is certainly one that `other` lets count.
    pub fn is_within(&self, other: &Self) -> bool {
        let until = |key: &Self| key.validity.as_ref().map_or(Timestamp::MAX, |validity| validity.until);
        until(self) <= until(other) && self.material_is_within(other)
    }

    fn material_is_within(&self, other: &Self) -> bool {
        match (&self.signer, &other.signer) {
            (SignerMaterial::PublicKey(ours), SignerMaterial::PublicKey(theirs)) => {
                ours.sha256 == theirs.sha256
            }
            (SignerMaterial::Identity(ours), SignerMaterial::Identity(theirs)) => ours.is_within(theirs),
            (SignerMaterial::PublicKey(_), SignerMaterial::Identity(_))
            | (SignerMaterial::Identity(_), SignerMaterial::PublicKey(_)) => false,
        }
    }
}

/// Kind of document of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// Any JSON; rules look at it by name.
    Json,
    /// `CycloneDX` or SPDX.
    Sbom,
    /// An OCI image index or Docker's manifest list: which images of platforms an image has.
    ImageIndex,
    /// in-toto statements about how an artifact was built.
    Provenance,
    /// Signed verdicts of earlier gates.
    Verdict,
    /// Signed statements by which a person accepts a set of findings.
    Acceptance,
    /// `GET /projects/:id/merge_requests/:iid/approvals`
    GitlabApprovals,
    /// `GET /projects/:id/merge_requests/:iid/approval_state`
    GitlabApprovalState,
    /// `GET /projects/:id/merge_requests/:iid`
    GitlabMergeRequest,
    /// `GET /projects/:id/merge_requests/:iid/versions`
    GitlabVersions,
    /// `GET /projects/:id/merge_requests/:iid/commits`
    GitlabCommits,
    /// `GET /projects/:id/deployments/:id`
    GitlabDeployment,
}

impl DocumentKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Json,
        Self::Sbom,
        Self::ImageIndex,
        Self::Provenance,
        Self::Verdict,
        Self::Acceptance,
        Self::GitlabApprovals,
        Self::GitlabApprovalState,
        Self::GitlabMergeRequest,
        Self::GitlabVersions,
        Self::GitlabCommits,
        Self::GitlabDeployment,
    ];

    /// The word of the policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sbom => "sbom",
            Self::ImageIndex => "image-index",
            Self::Provenance => "provenance",
            Self::Verdict => "verdict",
            Self::Acceptance => "acceptance",
            Self::GitlabApprovals => "gitlab-approvals",
            Self::GitlabApprovalState => "gitlab-approval-state",
            Self::GitlabMergeRequest => "gitlab-merge-request",
            Self::GitlabVersions => "gitlab-versions",
            Self::GitlabCommits => "gitlab-commits",
            Self::GitlabDeployment => "gitlab-deployment",
        }
    }

    /// True for answers of GitLab's API.
    pub const fn is_of_gitlab(self) -> bool {
        match self {
            Self::GitlabApprovals
            | Self::GitlabApprovalState
            | Self::GitlabMergeRequest
            | Self::GitlabVersions
            | Self::GitlabCommits
            | Self::GitlabDeployment => true,
            Self::Json
            | Self::Sbom
            | Self::Provenance
            | Self::Verdict
            | Self::ImageIndex
            | Self::Acceptance => false,
        }
    }

    /// True for statements in envelopes: one or several a file, one a line.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Provenance | Self::Verdict | Self::Acceptance)
    }
}

/// Requirements of an `image` rule. Each fact must be there; a missing one fails the rule.
#[derive(Debug)]
pub struct ImageRule {
    /// Names of the subjects it looks at; empty: the one artifact of the run.
    pub subjects: Vec<String>,
    /// Where the image may come from.
    pub registry: Vec<ImageGlob>,
    /// Its manifest digest must be stated, and be that of the subject.
    pub digest: bool,
    /// Oldest age, in seconds.
    pub created_within: Option<i64>,
    /// Base images that it may be built on.
    pub base: Vec<ImageGlob>,
    /// Oldest age of the base image, in seconds.
    pub base_created_within: Option<i64>,
    /// Its operating system must still be maintained.
    pub os_maintained: bool,
}

/// A glob of image names, registry first, without tag and digest: `*` stays between two `/`, `**` crosses them.
#[derive(Debug, Clone)]
pub struct ImageGlob(pub(super) PathGlob);

impl ImageGlob {
    /// As written.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether an image of this name, without tag and digest, is one of these.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches_path(name)
    }
}

/// Requirements of an `sbom` rule.
#[derive(Debug)]
pub struct SbomRule {
    /// Names of the subjects it looks at; empty: the one artifact of the run.
    pub subjects: Vec<String>,
    /// Any of these; empty: either.
    pub format: Vec<SbomFormat>,
    /// How many components it must list.
    pub components_at_least: u64,
    /// It must state the digest of the subject.
    pub names_subject: bool,
    /// Rules about licences.
    pub licenses: Option<LicenseRule>,
}

/// A format of SBOMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// `CycloneDX` JSON.
    Cyclonedx,
    /// SPDX JSON.
    Spdx,
}

impl SbomFormat {
    /// The word of the policy, and the format's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cyclonedx => "cyclonedx",
            Self::Spdx => "spdx",
        }
    }
}

/// Rules about licences.
#[derive(Debug)]
pub struct LicenseRule {
    /// Licences that components may, or may not, be bound to.
    pub terms: LicenseTerms,
    /// Components that may have a licence all the same.
    pub except: Vec<LicenseException>,
    /// Meaning of a component without a recognised licence; `None`: as the rule says.
    pub unknown: Option<Action>,
}

/// Components whose licence passes all the same, until a day.
#[derive(Debug, Clone)]
pub struct LicenseException {
    /// The components.
    pub purl: PurlGlob,
    /// The licences that pass; without any every one does.
    pub license: LicenseList,
    /// Why.
    pub reason: String,
    /// Its last day, UTC.
    pub expires: Date,
}

impl LicenseException {
    /// Whether it is about a component, for a licence that binds it, whatever the day; of a component that nothing
    /// tells it is not.
    pub fn is_about(&self, finding: &Finding, terms: &LicenseTerms) -> bool {
        if self.purl.matches(finding) != Some(true) {
            return false;
        }
        let license = [finding.rule_id.real().to_owned()];
        self.license.is_empty() || terms.weigh_except(&license, &self.license) == LicenseDecision::Allowed
    }

    /// Whether its last day is not over.
    pub fn holds(&self, now: Timestamp) -> bool {
        jiff::tz::Offset::UTC.to_datetime(now).date() <= self.expires
    }
}

impl LicenseRule {
    /// Meaning of the licence of a component, which is the rule of a finding: as the terms say, unless an exception holds.
    pub fn weigh(&self, finding: &Finding, now: Timestamp) -> LicenseDecision {
        let license = self.terms.weigh(&[finding.rule_id.real().to_owned()]);
        let excepted = || self.except.iter().any(|one| one.holds(now) && one.is_about(finding, &self.terms));
        if license != LicenseDecision::Allowed && excepted() { LicenseDecision::Allowed } else { license }
    }
}

/// Requirements of a `provenance` rule.
#[derive(Debug)]
pub struct ProvenanceRule {
    /// Names of the subjects it looks at; empty: the one artifact of the run.
    pub subjects: Vec<String>,
    /// Names of `keys`, any of which must have signed; empty only in a rule that warns.
    pub signed_by: Vec<String>,
    /// Any of these; empty: each that is read.
    pub predicate: Vec<PredicateKind>,
    /// Globs of the ids of builders, any of these.
    pub builder: Vec<IdentityGlob>,
    /// The repositories that it may be built from; each source that is named has to be one of them. Empty: not asked.
    pub source: Vec<String>,
    /// Globs of the Git ref that it must be built from.
    pub r#ref: Vec<PathGlob>,
    /// It must be built from the commit of the run.
    pub commit: bool,
}

/// A form of provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredicateKind {
    /// `https://slsa.dev/provenance/v1`
    SlsaV1,
    /// `https://slsa.dev/provenance/v0.2`
    SlsaV02,
    /// `https://slsa.dev/provenance/v0.1`
    SlsaV01,
    /// `https://witness.testifysec.com/attestation-collection/v0.1`
    Witness,
}

/// Requirements of an `approvals` rule.
#[derive(Debug, Clone)]
pub struct ApprovalsRule {
    /// Where approvals are taken from.
    pub from: Vec<ApprovalSource>,
    /// Who, how many, and who may not.
    pub reviewers: super::Reviewers,
    /// Oldest approval, in seconds.
    pub max_age: Option<i64>,
}

/// Where an approval was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApprovalSource {
    /// On the merge request.
    MergeRequest,
    /// On the deployment.
    Deployment,
    /// In a signed statement.
    Acceptance,
}

impl ApprovalSource {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::MergeRequest, Self::Deployment, Self::Acceptance];

    /// The kind of document that holds its approvals.
    pub const fn documents(self) -> &'static [DocumentKind] {
        match self {
            Self::MergeRequest => &[DocumentKind::GitlabApprovals, DocumentKind::GitlabApprovalState],
            Self::Deployment => &[DocumentKind::GitlabDeployment],
            Self::Acceptance => &[DocumentKind::Acceptance],
        }
    }
}

/// Requirements of a `verdicts` rule.
#[derive(Debug)]
pub struct VerdictsRule {
    /// Names of the subjects it looks at, for gates that decide about artifacts; empty: the one artifact of the run.
    pub subjects: Vec<String>,
    /// The gates that must have decided, in the order written.
    pub gates: Vec<(String, DecidedOn)>,
    /// The gates of other tools that must have passed, in the order written.
    pub summaries: Vec<SummaryDemand>,
    /// Names of `keys`, any of which must have signed.
    pub signed_by: Vec<String>,
    /// Verdicts that will do: `pass`, and `review` where the policy says so.
    pub verdict: Vec<VerdictWord>,
    /// Digests of policies, any of which must have decided, 64 hexadecimal digits in lower case; empty: any policy.
    pub policy: Vec<String>,
    /// The project whose gates must have decided; `None`: the run's own.
    pub project: Option<String>,
    /// Values of parameters that the gates must have decided with. Of others a verdict may have no value that differs
    /// from the run's own.
    pub parameters: Vec<(String, String)>,
    /// Oldest verdict, in seconds.
    pub max_age: Option<i64>,
    /// Whether a verdict whose clock was pinned, or that does not say, is refused.
    pub machine_clock: bool,
}

/// What a gate of another tool must have stated: a Verification Summary Attestation of SLSA or a Simple Verification Result
/// of in-toto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryDemand {
    /// The gate's name in the rule.
    pub gate: String,
    /// Its subject.
    pub on: DecidedOn,
    /// Kind of statement.
    pub predicate: SummaryPredicateKind,
    /// URI of the verifier, exactly.
    pub verifier: String,
    /// Levels or properties, each of which must have been verified.
    pub levels: Vec<String>,
    /// Globs of the resource that a summary is about; never empty for one.
    pub resource: Vec<IdentityGlob>,
    /// URI of the policy that it was verified against; `None`: any.
    pub policy_uri: Option<String>,
}

/// Statement by which a gate of another tool says what it decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryPredicateKind {
    /// A Verification Summary Attestation, 0.2 or 1.
    Vsa,
    /// A Simple Verification Result, 0.1.
    Svr,
}

impl SummaryPredicateKind {
    /// The word of the policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vsa => "vsa",
            Self::Svr => "svr",
        }
    }
}

/// Required subject of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedOn {
    /// The commit of the run.
    Commit,
    /// The digest of each subject.
    Subject,
}

/// A verdict that an earlier gate may have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictWord {
    /// Passed.
    Pass,
    /// A named person had to look.
    Review,
}

/// The clock by which an earlier gate may have decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictClock {
    /// Also one that was pinned.
    Any,
    /// The machine's.
    Machine,
}

impl VerdictWord {
    /// The word used in verdicts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
        }
    }
}

/// True for a name that stands for one that is still to be filled in: its host is one that is reserved for examples
/// (RFC 2606).
pub fn is_placeholder(text: &str) -> bool {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = after_scheme.split(['/', ':', '@']).next().unwrap_or_default().to_ascii_lowercase();
    let reserved = ["example.com", "example.org", "example.net"];
    let below = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    reserved.into_iter().any(below) || host.ends_with(".example")
}

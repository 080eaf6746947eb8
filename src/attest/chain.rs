//! The chain of verdicts: which earlier gate said what of a commit or an artifact, and whether that will do.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::dsse::{self, AttestationDocument, Envelope, IN_TOTO};
use super::statement::digest_algorithm;
use super::verdict::{ClockSource, GateDecision};
use super::{
    CertificateFacts, InTotoStatement, KeylessSigner, PublicKey, SigstoreBundle, TrustedRoots,
    VerdictStatement, keyless,
};
use crate::finding::{CLOCK_SKEW, clean, clean_line, duration_text};
use crate::report::Source;

/// Somebody whose signature counts, and what people call them.
#[derive(Debug, Clone)]
pub struct NamedKey {
    /// The name.
    pub name: String,
    /// How a signature is known to be theirs.
    pub signer: TrustedSigner,
    /// Until when their signatures count; `None`: without end.
    pub validity: Option<KeyValidity>,
}

/// Until when signatures count.
#[derive(Debug, Clone)]
pub struct KeyValidity {
    /// Those count that were made before.
    pub until: Timestamp,
    /// Whether the key was revoked then.
    pub revoked: bool,
    /// The run's clock, which counts where nothing proves when it was signed.
    pub now: Timestamp,
    /// Whose time stamps prove it.
    pub authorities: Option<TrustedRoots>,
}

impl KeyValidity {
    /// Whether a signature counts that was made at a proven time, or at some time before the run's clock.
    fn admits(&self, proven: Option<Timestamp>) -> Result<(), String> {
        if proven.unwrap_or(self.now) < self.until {
            return Ok(());
        }
        let until = self.until;
        let since = if self.revoked { "was revoked at" } else { "is not to be used after" };
        Err(match proven {
            Some(at) => format!("was signed at {at}, and the key {since} {until}"),
            None => format!(
                "may have been signed at any time: the key {since} {until}, and no time stamp proves that it was signed before"
            ),
        })
    }
}

/// A known key's signature of an envelope, with a time stamp (RFC 3161) of it, as a bundle of Sigstore in one line; the time
/// stamp has to lead to one of the authorities, and its time is returned.
pub fn stamped(
    envelope: &Envelope,
    key: &PublicKey,
    token: &[u8],
    authorities: &TrustedRoots,
) -> Result<(String, Timestamp), String> {
    let value = keyless::with_time_stamp(envelope, &key.id(), token)?;
    let bundle = SigstoreBundle::from_value(&value);
    let proven = keyless::time_of_signature(&bundle, envelope, key, authorities)?;
    let at = proven.ok_or_else(|| "has no time stamp".to_owned())?;
    Ok((value.to_string(), at))
}

impl NamedKey {
    /// Whether a signature of this public key on an envelope was made in time.
    fn in_time(&self, envelope: &Envelope, public: &PublicKey) -> Result<(), String> {
        let Some(validity) = &self.validity else { return Ok(()) };
        let proven = match (&envelope.bundle, &validity.authorities) {
            (Some(bundle), Some(authorities)) => {
                keyless::time_of_signature(bundle, envelope, public, authorities)?
            }
            _ => None,
        };
        validity.admits(proven)
    }
}

/// How a signature is known to be somebody's.
#[derive(Debug, Clone)]
pub enum TrustedSigner {
    /// By their public key.
    Key(PublicKey),
    /// By a certificate of Sigstore that was issued to them.
    Identity(Box<KeylessSigner>),
}

/// Those who signed something.
#[derive(Debug, Clone, Default)]
pub(super) struct Signers {
    /// Their names; never empty where a signature was asked for.
    pub(super) names: Vec<String>,
    /// Facts of the certificates, of those known by one.
    pub(super) certificates: Vec<CertificateFacts>,
}

/// A statement whose signature was checked.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The file, and which of several statements in it.
    pub place: String,
    /// Names of the keys that signed it; never empty.
    pub keys: Vec<String>,
    /// Facts of the signers' certificates, of those that are known by one.
    pub certificates: Vec<CertificateFacts>,
    /// Its statement.
    pub statement: InTotoStatement,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
}

/// A verdict whose signature was checked.
#[derive(Debug, Clone)]
pub struct SignedVerdict {
    /// The file, and which of several statements in it.
    pub place: String,
    /// Names of the keys that signed it.
    pub keys: Vec<String>,
    /// Its statement.
    pub verdict: VerdictStatement,
}

/// Something that proves nothing, and why.
#[derive(Debug, Clone)]
pub struct ChainRefusal {
    /// The file, and which of several statements in it.
    pub place: String,
    /// Why.
    pub why: String,
}

/// Reads a file of attestations; `name` is what messages call it.
pub fn read_attestations(
    name: &str,
    source: &Source,
) -> Result<Vec<(String, AttestationDocument)>, ChainRefusal> {
    let place = clean(name).into_owned();
    let documents = dsse::read_attestations(source)
        .map_err(|error| ChainRefusal { place: place.clone(), why: error.to_string() })?;
    let several = documents.len() > 1;
    let numbered = |at: usize| if several { format!("{place}#{}", at + 1) } else { place.clone() };
    Ok(documents.into_iter().enumerate().map(|(at, document)| (numbered(at), document)).collect())
}

/// Those who signed an envelope, of the keys asked for; an error where none did.
pub(super) fn signers_of(envelope: &Envelope, keys: &[NamedKey]) -> Result<Signers, String> {
    let mut signers = Signers::default();
    let mut faults = Vec::new();
    for key in keys {
        match &key.signer {
            TrustedSigner::Key(public) => {
                if envelope.signed_by(std::slice::from_ref(public)).is_empty() {
                    continue;
                }
                match key.in_time(envelope, public) {
                    Ok(()) => signers.names.push(key.name.clone()),
                    Err(why) => faults.push(format!("for {} it {why}", clean_line(&key.name))),
                }
            }
            TrustedSigner::Identity(signer) => match signer.verify_envelope(envelope).and_then(|facts| {
                let in_time = key.validity.as_ref().map_or(Ok(()), |known| known.admits(facts.signed_at));
                in_time.map(|()| facts)
            }) {
                Ok(facts) => {
                    signers.names.push(key.name.clone());
                    signers.certificates.push(facts);
                }
                Err(why) => faults.push(format!("for {} it {why}", clean_line(&key.name))),
            },
        }
    }
    if signers.names.is_empty() {
        let known: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let ids: Vec<String> = envelope
            .signatures
            .iter()
            .map(|s| clean_line(&s.keyid).into_owned())
            .filter(|id| !id.is_empty())
            .collect();
        if !ids.is_empty() {
            faults.push(format!("it names the key {}", ids.join(", ")));
        }
        let says = if faults.is_empty() { String::new() } else { format!(" ({})", faults.join("; ")) };
        return Err(format!(
            "is signed by none of the keys {}, or was changed after it was signed{says}",
            known.join(", ")
        ));
    }
    Ok(signers)
}

/// The refusal of a signature where a statement is wanted.
pub(crate) const OF_FILE: &str = "is the signature of a file, which states nothing of it";

/// Names of those who signed an envelope, of the keys asked for; an error where none did.
pub fn signer_names(envelope: &Envelope, keys: &[NamedKey]) -> Result<Vec<String>, String> {
    signers_of(envelope, keys).map(|signers| signers.names)
}

/// Checks who signed a document, then reads what it says.
pub fn open(place: &str, document: &AttestationDocument, keys: &[NamedKey]) -> Result<Signed, ChainRefusal> {
    let refuse = |why: String| ChainRefusal { place: place.to_owned(), why };
    let envelope = match document {
        AttestationDocument::Signed(envelope) => envelope,
        AttestationDocument::Bare(_) => {
            return Err(refuse("is not signed: a statement without an envelope".to_owned()));
        }
        AttestationDocument::OfFile(_) => return Err(refuse(OF_FILE.to_owned())),
    };
    let signers = signers_of(envelope, keys).map_err(refuse)?;
    if envelope.payload_type != IN_TOTO {
        let other = clean_line(&envelope.payload_type);
        return Err(refuse(format!("holds {other}, not an in-toto statement")));
    }
    let statement = InTotoStatement::parse(&envelope.payload).map_err(|error| refuse(error.to_string()))?;
    Ok(Signed {
        place: place.to_owned(),
        keys: signers.names,
        certificates: signers.certificates,
        statement,
        payload: envelope.payload.clone(),
    })
}

impl Signed {
    /// The verdict that it holds; `None` if it is a statement of another kind.
    pub fn verdict(&self) -> Option<Result<SignedVerdict, ChainRefusal>> {
        if !VerdictStatement::is(&self.statement) {
            return None;
        }
        let refuse = |why: String| ChainRefusal { place: self.place.clone(), why };
        let read = VerdictStatement::from_statement(&self.statement, &self.payload);
        Some(read.map_err(|error| refuse(error.to_string())).map(|verdict| SignedVerdict {
            place: self.place.clone(),
            keys: self.keys.clone(),
            verdict,
        }))
    }
}

/// Required subject of a verdict.
#[derive(Debug, Clone, Copy)]
pub enum VerdictTarget<'d> {
    /// One of these commits, or a commit with one of these trees.
    Commit {
        /// Commit ids.
        commits: &'d [String],
        /// Tree ids that a signed verdict gives to one of these commits.
        trees: &'d [String],
    },
    /// The artifact with this SHA-256 or SHA-512.
    Artifact(&'d str),
}

/// Requirements on the verdict of one gate.
#[derive(Debug, Clone, Copy)]
pub struct VerdictRequirement<'d> {
    /// The gate.
    pub gate: &'d str,
    /// Subject of its verdict.
    pub about: VerdictTarget<'d>,
    /// Verdicts that will do.
    pub words: &'d [GateDecision],
    /// Digests of policies that may have decided; empty: any.
    pub policies: &'d [String],
    /// The project whose gate decided.
    pub project: Project<'d>,
    /// Values of parameters that it decided with.
    pub parameters: &'d [(String, String)],
    /// Values that the run itself has: a verdict with another value of the same parameter is of another run.
    pub own_parameters: Option<&'d BTreeMap<String, String>>,
    /// Oldest verdict, in seconds.
    pub max_age: Option<i64>,
    /// Whether a verdict whose clock was pinned, or that does not say, is refused.
    pub machine_clock: bool,
    /// The clock.
    pub now: Timestamp,
}

/// Whose gate must have decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Project<'d> {
    /// Nobody says.
    Any,
    /// That of this project; `None`: of a run that names none.
    Of(Option<&'d str>),
}

impl VerdictRequirement<'_> {
    fn is_met_by(&self, verdict: &VerdictStatement) -> bool {
        match self.about {
            VerdictTarget::Artifact(digest) => verdict.artifacts.iter().any(|d| d == digest),
            VerdictTarget::Commit { commits, trees } => {
                verdict.commits.iter().any(|c| commits.contains(c))
                    || verdict.trees.iter().any(|t| trees.contains(t))
            }
        }
    }

    fn words(&self) -> String {
        match self.about {
            VerdictTarget::Artifact(digest) => {
                format!("the artifact {}:{digest}", digest_algorithm(digest))
            }
            VerdictTarget::Commit { commits, trees } => {
                let trees = trees.iter().map(|tree| format!("the tree {tree}"));
                let all: Vec<String> =
                    commits.iter().map(|commit| format!("commit {commit}")).chain(trees).collect();
                if all.is_empty() { "a commit that nobody named".to_owned() } else { all.join(" or ") }
            }
        }
    }

    /// The verdicts of the gate about this and of this project, the last first; of two at the same time the worse first.
    pub fn all<'s>(&self, verdicts: &'s [SignedVerdict]) -> Vec<&'s SignedVerdict> {
        let of_gate = verdicts.iter().filter(|v| v.verdict.facts.gate == self.gate);
        // Another project's later word is none about this one; where only such are there, the last of them is told. One
        // that names no project may be this one's, and is no pass of it.
        let mut all: Vec<&SignedVerdict> = of_gate.filter(|v| self.is_met_by(&v.verdict)).collect();
        if let Project::Of(project) = self.project
            && all.iter().any(|v| v.verdict.facts.project.as_deref() == project)
        {
            all.retain(|v| v.verdict.facts.project.as_deref().is_none_or(|of| Some(of) == project));
        }
        let rank = |word: GateDecision| match word {
            GateDecision::Pass => 0,
            GateDecision::Review => 1,
            GateDecision::Fail => 2,
        };
        all.sort_by(|a, b| {
            let key = |v: &SignedVerdict| (v.verdict.facts.evaluated_at, rank(v.verdict.facts.verdict));
            key(b).cmp(&key(a)).then_with(|| a.place.cmp(&b.place))
        });
        all
    }

    /// Whether a verdict is of the project and of the values of parameters that are demanded.
    fn made_for_this(&self, one: &SignedVerdict) -> Result<(), String> {
        let (gate, place, facts) = (self.gate, &one.place, &one.verdict.facts);
        if let Project::Of(project) = self.project
            && facts.project.as_deref() != project
        {
            let is = facts
                .project
                .as_deref()
                .map_or_else(|| "no project".to_owned(), |is| format!("the project {}", clean_line(is)));
            let wanted =
                project.map_or_else(|| "none".to_owned(), |project| clean_line(project).into_owned());
            return Err(format!("the verdict of gate {gate} names {is}, and {wanted} is demanded ({place})"));
        }
        let own = self.own_parameters.into_iter().flatten();
        let named = self.parameters.iter().map(|(name, value)| (name, value, true));
        let own = own.filter(|(name, _)| self.parameters.iter().all(|(other, _)| other != *name));
        for (name, value, must) in named.chain(own.map(|(name, value)| (name, value, false))) {
            match facts.parameters.get(name) {
                Some(is) if is == value => {}
                None if !must => {}
                is => {
                    let is =
                        is.map_or_else(|| "without it".to_owned(), |is| format!("with {}", clean_line(is)));
                    let (name, value) = (clean_line(name), clean_line(value));
                    return Err(format!(
                        "gate {gate} decided {is}, and the parameter {name} must be {value} ({place})"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The gate's last word, if it will do; else what is wrong, for people who release.
    pub fn last<'s>(&self, verdicts: &'s [SignedVerdict]) -> Result<&'s SignedVerdict, String> {
        let gate = self.gate;
        let Some(last) = self.all(verdicts).into_iter().next() else {
            let other = verdicts.iter().filter(|v| v.verdict.facts.gate == gate);
            let mut others: Vec<String> =
                other.map(|v| format!("{} is about {}", v.place, about(&v.verdict))).collect();
            others.sort();
            let hint = if others.is_empty() { String::new() } else { format!("; {}", others.join("; ")) };
            return Err(format!("there is no signed verdict of gate {gate} about {}{hint}", self.words()));
        };
        let facts = &last.verdict.facts;
        let place = &last.place;
        if !self.words.contains(&facts.verdict) {
            return Err(format!(
                "the last word of gate {gate} about {} is {}, at {} ({place})",
                self.words(),
                facts.verdict.as_str(),
                facts.evaluated_at
            ));
        }
        if !facts.enforced {
            return Err(format!("gate {gate} only watched: its policy is advisory ({place})"));
        }
        self.made_for_this(last)?;
        if !self.policies.is_empty() && !self.policies.contains(&facts.policy_sha256) {
            return Err(format!(
                "gate {gate} decided under the policy sha256:{}, which is none of those demanded ({place})",
                facts.policy_sha256
            ));
        }
        if self.machine_clock && facts.clock != Some(ClockSource::Machine) {
            let why = match facts.clock {
                Some(_) => "its clock was pinned by whoever ran it",
                None => "it does not say whether its clock was pinned",
            };
            return Err(format!(
                "the verdict of gate {gate} is dated {} and {why} ({place})",
                facts.evaluated_at
            ));
        }
        let age = self.now.as_second() - facts.evaluated_at.as_second();
        if age < -CLOCK_SKEW {
            return Err(format!(
                "the verdict of gate {gate} is dated {}, which is in the future ({place})",
                facts.evaluated_at
            ));
        }
        if let Some(max_age) = self.max_age
            && age > max_age
        {
            return Err(format!(
                "the verdict of gate {gate} has expired: it is of {}, {} ago, and {} is allowed ({place})",
                facts.evaluated_at,
                duration_text(age),
                duration_text(max_age)
            ));
        }
        Ok(last)
    }
}

/// Subject of a verdict, in words.
pub fn about(verdict: &VerdictStatement) -> String {
    let artifacts = verdict.artifacts.iter().map(|digest| format!("{}:{digest}", digest_algorithm(digest)));
    let commits = verdict.commits.iter().map(|commit| format!("commit {commit}"));
    let trees = verdict.trees.iter().map(|tree| format!("tree {tree}"));
    artifacts.chain(commits).chain(trees).collect::<Vec<_>>().join(", ")
}

//! Parts shared by rules about anything but findings: demands that are met, are not, or cannot be decided.

use super::{Context, Document, Evidence, Outcome, WaiverResult};
use jiff::Timestamp;

use crate::attest::chain::{self, ChainRefusal, KeyValidity, NamedKey, TrustedSigner};
use crate::attest::{KeylessSigner, PublicKey, TrustedRoots, dsse};
use crate::policy::{Action, DocumentKind, Policy, SignerKey, SignerMaterial, TrustedRootSource};
use crate::report::Source;

/// Statements of a rule about anything but findings about its demands.
#[derive(Debug, Clone, Default)]
pub(super) struct Requirements {
    /// Demands that are not met.
    pub(super) unmet: Vec<UnmetRequirement>,
    /// Why there is no telling: the policy is not filled in, or the run does not say what it is about.
    pub(super) undecided: Vec<String>,
    /// Facts that meet the requirements.
    pub(super) met: Vec<String>,
    /// Who approved, where approvals are demanded and there.
    pub(super) approved_by: Vec<String>,
}

/// A demand that is not met.
#[derive(Debug, Clone)]
pub(super) struct UnmetRequirement {
    /// Which, and why, on one line.
    pub(super) text: String,
    /// Consequence, where the rule does not say it.
    pub(super) then: Option<Action>,
}

impl Requirements {
    /// There is no telling.
    pub(super) fn undecided(why: impl Into<String>) -> Self {
        Self { undecided: vec![why.into()], ..Self::default() }
    }

    /// A demand that is not met, with what the rule says to that.
    pub(super) fn unmet(&mut self, text: impl Into<String>) {
        self.unmet.push(UnmetRequirement { text: text.into(), then: None });
    }

    /// The same, of one of several subjects: its name stands before what is said.
    pub(super) fn of_subject(mut self, subject: &str) -> Self {
        let named = |text: &mut String| *text = format!("{subject}: {text}");
        self.unmet.iter_mut().for_each(|unmet| named(&mut unmet.text));
        self.undecided.iter_mut().chain(&mut self.met).for_each(named);
        self
    }

    /// Adds those of another subject.
    pub(super) fn extend(&mut self, other: Self) {
        self.unmet.extend(other.unmet);
        self.undecided.extend(other.undecided);
        self.met.extend(other.met);
        self.approved_by.extend(other.approved_by);
    }

    /// The worst that follows, if anything does.
    pub(super) fn worst(&self, then: Action) -> Option<Outcome> {
        self.unmet.iter().map(|unmet| unmet.then.unwrap_or(then).into()).max()
    }
}

/// Context of rules that look at no finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleContext<'w> {
    /// Who is who, and what is asked of them.
    pub(super) policy: &'w Policy,
    /// The policy that decides; another than `policy` only where those are asked who decided before the change.
    pub(super) decides: &'w Policy,
    pub(super) context: &'w Context,
    pub(super) evidence: &'w [Evidence],
    pub(super) documents: &'w [Document],
    /// The waivers of the gate, as judged.
    pub(super) waivers: &'w [WaiverResult],
    /// Digest of the findings that need an answer.
    pub(super) findings_digest: &'w str,
    /// Names of the evidence entries that can feed the rule.
    pub(super) fed_by: &'w [String],
}

impl<'w> RuleContext<'w> {
    /// Every document of a kind.
    pub(super) fn all(self, kind: DocumentKind) -> impl Iterator<Item = &'w Document> {
        self.documents.iter().filter(move |d| d.is(kind))
    }

    /// Documents of a kind that feed the rule and are about the subject, or about none in particular.
    pub(super) fn documents(
        self,
        kind: DocumentKind,
        subject: Option<&'w str>,
    ) -> impl Iterator<Item = &'w Document> {
        self.documents.iter().filter(move |d| {
            d.is(kind)
                && self.fed_by.contains(&d.entry)
                && (subject.is_none() || d.subject.is_none() || d.subject.as_deref() == subject)
        })
    }

    /// The statements of such documents, each with what messages call it, or why they cannot be read.
    pub(super) fn statements(
        self,
        kind: DocumentKind,
        subject: Option<&'w str>,
    ) -> impl Iterator<Item = (String, Result<dsse::AttestationDocument, ChainRefusal>)> {
        self.documents(kind, subject).flat_map(|document| {
            match chain::read_attestations(&document.path, &Source::Bytes(document.bytes.as_slice().into())) {
                Ok(all) => all.into_iter().map(|(place, document)| (place, Ok(document))).collect(),
                Err(refused) => vec![(refused.place.clone(), Err(refused))],
            }
        })
    }

    /// The keys that a rule names, or why they cannot be used and what to do about it.
    pub(super) fn keys(self, names: &[String]) -> Result<Vec<NamedKey>, Vec<String>> {
        signer_keys(self.policy, names, self.context.now)
    }
}

/// The keys of a policy by their names, or why they cannot be used and what to do about it.
pub(super) fn signer_keys(
    policy: &Policy,
    names: &[String],
    now: Timestamp,
) -> Result<Vec<NamedKey>, Vec<String>> {
    let (mut keys, mut unusable) = (Vec::new(), Vec::new());
    for key in names.iter().filter_map(|name| policy.key(name)) {
        match usable(key, now) {
            Ok(key) => keys.push(key),
            Err(why) => unusable.push(why),
        }
    }
    if unusable.is_empty() { Ok(keys) } else { Err(unusable) }
}

/// A key or an identity of the policy, ready to check signatures with at a time.
pub(super) fn usable(key: &SignerKey, now: Timestamp) -> Result<NamedKey, String> {
    let place =
        |file: &str| format!("keys.{}: {}", crate::finding::clean(&key.name), crate::finding::clean(file));
    let roots = |source: &TrustedRootSource| match source {
        TrustedRootSource::Embedded(which) => Ok(TrustedRoots::embedded(*which)),
        TrustedRootSource::File(file) => {
            let bytes = file.bytes.as_ref().map_err(Clone::clone)?;
            TrustedRoots::from_bytes(bytes).map_err(|why| format!("{} {why}", place(&file.file)))
        }
    };
    let validity = key.validity.as_ref().map(|known| {
        let authorities = known.timestamps.as_ref().map(roots).transpose()?;
        Ok::<_, String>(KeyValidity { until: known.until, revoked: known.revoked, now, authorities })
    });
    let signer = match &key.signer {
        SignerMaterial::PublicKey(pem) => {
            let bytes = pem.bytes.as_ref().map_err(Clone::clone)?;
            let place = place(&pem.file);
            let text = std::str::from_utf8(bytes).map_err(|_| format!("{place} is not a key in PEM form"))?;
            TrustedSigner::Key(PublicKey::from_pem(text).map_err(|error| format!("{place} {error}"))?)
        }
        SignerMaterial::Identity(identity) => {
            if let Some(why) = identity.placeholder(&key.name) {
                return Err(why);
            }
            TrustedSigner::Identity(Box::new(KeylessSigner::new(identity, roots(&identity.root)?)))
        }
    };
    Ok(NamedKey { name: key.name.clone(), signer, validity: validity.transpose()? })
}

/// Remark on the age of the embedded roots that keys rest on.
pub(super) fn age_of_roots(keys: &[NamedKey], now: Timestamp) -> Option<String> {
    keys.iter().find_map(|key| match &key.signer {
        TrustedSigner::Identity(signer) => signer.roots.age_warning(now),
        TrustedSigner::Key(_) => None,
    })
}

/// Judges each of the subjects, or the run's one artifact where there are none.
pub(super) fn each<'s>(
    subjects: &'s [String],
    mut judge: impl FnMut(Option<&'s str>) -> Requirements,
) -> Requirements {
    match subjects {
        [] => judge(None),
        [one] => judge(Some(one)),
        several => several.iter().fold(Requirements::default(), |mut all, subject| {
            all.extend(judge(Some(subject)).of_subject(subject));
            all
        }),
    }
}

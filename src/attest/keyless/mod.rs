//! Keyless signatures: bundles of Sigstore, whose certificates lead to a trusted root, checked without a network.
//!
//! The chain of the certificate, its embedded time stamp, the log's proof and promise, RFC 3161 time stamps and the
//! signature itself are the library's work (`sigstore-verify`); this module says which of them an instance owes, who may
//! have signed, and that what was verified is what is read.

mod provider;
mod root;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;
use serde_json::Value;
use sigstore_verify::crypto::{CertificateInfo, parse_certificate_info};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{
    Artifact, ArtifactDigest, Bundle as LibraryBundle, DerPublicKey, HashAlgorithm, MessageSignature,
    Sha256Hash, SignatureBytes, SignatureContent,
};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy};

use root::SigstoreInstance;
pub use root::{EMBEDDED_ON, MAX_ROOT, TrustedRoots};

use super::dsse::{Envelope, IN_TOTO, pae};
use super::{InTotoStatement, PublicKey};
use crate::finding::clean_line;
use crate::policy::{CertificateClaim, CertificateIdentity, IdentityGlob};

/// The issuer of GitHub's workflows.
const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A bundle of Sigstore: a signature with what proves who made it and when. Nothing of it is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreBundle {
    value: Arc<Value>,
}

/// Facts of a certificate that leads to a trusted root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it was issued to: an address or a URI.
    pub identity: String,
    /// The OpenID provider that vouched for them.
    pub issuer: String,
    /// Further facts about the job it was issued to.
    pub claims: BTreeMap<CertificateClaim, String>,
    /// The earliest time at which the signature is proven to have been there.
    pub signed_at: Option<Timestamp>,
}

/// Whoever a trusted instance issued a certificate to, ready to check signatures with.
#[derive(Debug, Clone)]
pub struct KeylessSigner {
    /// Instances that certificates may lead to.
    pub roots: TrustedRoots,
    /// The OpenID provider, exactly.
    pub issuer: String,
    /// Any of these identities.
    pub identity: Vec<IdentityGlob>,
    /// Claims that the certificate has to make.
    pub claims: Vec<(CertificateClaim, Vec<IdentityGlob>)>,
}

/// A file that a bundle is the signature of.
#[derive(Debug, Clone, Copy)]
pub enum SignedFile<'f> {
    /// Its bytes.
    Bytes(&'f [u8]),
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// Its SHA-512, by which npm names packages.
    Sha512([u8; 64]),
}

impl SignedFile<'_> {
    fn artifact(&self) -> Result<Artifact<'_>, Box<dyn std::error::Error>> {
        Ok(match self {
            Self::Bytes(bytes) => Artifact::Blob(bytes),
            Self::Sha256(digest) => Artifact::Digest(ArtifactDigest::sha256(Sha256Hash::new(*digest))),
            Self::Sha512(digest) => {
                Artifact::Digest(ArtifactDigest::new(HashAlgorithm::Sha2512, digest.to_vec())?)
            }
        })
    }
}

impl SigstoreBundle {
    /// The bundle of a JSON object in which no key stands twice.
    pub fn from_value(value: &Value) -> Self {
        Self { value: Arc::new(value.clone()) }
    }

    /// Whether it names a key instead of holding a certificate.
    pub fn names_a_key(&self) -> bool {
        self.value.pointer("/verificationMaterial/publicKey").is_some()
    }

    /// Whether it holds the signature of a file, which states nothing of it.
    pub fn is_of_file(&self) -> bool {
        self.value.get("messageSignature").is_some()
    }

    fn has_log_entries(&self) -> bool {
        let entries = self.value.pointer("/verificationMaterial/tlogEntries").and_then(Value::as_array);
        entries.is_some_and(|entries| !entries.is_empty())
    }

    /// The bundle with one of its signatures: a certificate vouches for one alone.
    fn with_signature(&self, at: usize) -> Result<LibraryBundle, String> {
        let mut value = Value::clone(&self.value);
        if let Some(list) = value.pointer_mut("/dsseEnvelope/signatures").and_then(Value::as_array_mut) {
            let one = list.get(at).cloned();
            *list = one.into_iter().collect();
        }
        library_bundle(&value)
    }
}

/// Keys of a bundle and of its parts, by the messages of Sigstore's protobuf-specs. An unknown one is refused, as by every
/// strict reader of that form: it may be a known one, misspelt.
const BUNDLE_KEYS: [&str; 4] = ["mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"];
const MATERIAL_KEYS: [&str; 5] =
    ["certificate", "x509CertificateChain", "publicKey", "tlogEntries", "timestampVerificationData"];
const ENTRY_KEYS: [&str; 7] = [
    "logIndex",
    "logId",
    "kindVersion",
    "integratedTime",
    "inclusionPromise",
    "inclusionProof",
    "canonicalizedBody",
];

/// Refuses a bundle that could be read in two ways.
fn check_shape(value: &Value) -> Result<(), String> {
    let known = |value: &Value, keys: &[&str]| match value.as_object() {
        Some(object) => match object.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => Err(not_whole(&format!("it has an unknown key `{}`", clean_line(key)))),
            None => Ok(()),
        },
        None => Err(not_whole("a part of it is not an object")),
    };
    let one_of = |value: &Value, keys: &[&str]| {
        let given = keys.iter().filter(|key| value.get(**key).is_some_and(|value| !value.is_null())).count();
        if given == 1 { Ok(()) } else { Err(not_whole(&format!("it needs one of {}", keys.join(", ")))) }
    };
    known(value, &BUNDLE_KEYS)?;
    one_of(value, &["dsseEnvelope", "messageSignature"])?;
    if value.get("mediaType").and_then(Value::as_str).is_none() {
        return Err(not_whole("it has no `mediaType`"));
    }
    let material = value.get("verificationMaterial").unwrap_or(&Value::Null);
    known(material, &MATERIAL_KEYS)?;
    one_of(material, &["certificate", "x509CertificateChain", "publicKey"])?;
    let entries =
        material.get("tlogEntries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries.iter().try_for_each(|entry| known(entry, &ENTRY_KEYS))
}

fn library_bundle(value: &Value) -> Result<LibraryBundle, String> {
    check_shape(value)?;
    let bundle =
        LibraryBundle::from_json(&value.to_string()).map_err(|error| not_whole(&error.to_string()))?;
    if let VerificationMaterialContent::X509CertificateChain { certificates } =
        &bundle.verification_material.content
    {
        // The root is what the verifier has, never what a bundle brings.
        if certificates.iter().skip(1).any(|certificate| is_self_issued(certificate.raw_bytes.as_bytes())) {
            return Err(not_whole("its chain brings a root certificate of its own"));
        }
    }
    Ok(bundle)
}

fn not_whole(why: &str) -> String {
    format!("is not a whole Sigstore bundle: {}", clean_line(why))
}

/// Whether a certificate is its own issuer's; one that cannot be read is the library's to refuse.
fn is_self_issued(der: &[u8]) -> bool {
    use x509_cert::der::Decode as _;
    x509_cert::Certificate::from_der(der)
        .is_ok_and(|certificate| certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject)
}

impl KeylessSigner {
    /// The identity that a policy names, with the roots that were read for it.
    pub fn new(identity: &CertificateIdentity, roots: TrustedRoots) -> Self {
        Self {
            roots,
            issuer: identity.issuer.clone(),
            identity: identity.identity.clone(),
            claims: identity.claims.clone(),
        }
    }

    /// Checks that one of an envelope's signatures is this signer's.
    pub fn verify_envelope(&self, envelope: &Envelope) -> Result<CertificateFacts, String> {
        let Some(bundle) = &envelope.bundle else {
            return Err("carries no certificate of Sigstore".to_owned());
        };
        if bundle.names_a_key() {
            return Err("names a key and holds no certificate".to_owned());
        }
        let mut fault = None;
        for at in 0..envelope.signatures.len() {
            match self.verify_signature(envelope, bundle, at) {
                Ok(facts) => return Ok(facts),
                // The first signature's fault is told: a bundle with several is rare.
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        Err(fault.unwrap_or_else(|| "has no signature".to_owned()))
    }

    fn verify_signature(
        &self,
        envelope: &Envelope,
        bundle: &SigstoreBundle,
        at: usize,
    ) -> Result<CertificateFacts, String> {
        let mut bundle = bundle.with_signature(at)?;
        let same = match &bundle.content {
            SignatureContent::DsseEnvelope(inner) => {
                inner.payload_type == envelope.payload_type
                    && inner.payload.as_bytes() == envelope.payload.as_slice()
                    && envelope.signatures.get(at).is_some_and(|s| s.sig == inner.signature.sig.as_bytes())
            }
            _ => false,
        };
        // What is verified is what is read.
        if !same {
            return Err(not_whole("its envelope cannot be read in one way only"));
        }
        if let Some(subject) = bound_subject(envelope) {
            return self.verify(&bundle, &subject);
        }
        // The library binds statements to an artifact by SHA-256 or SHA-512. Of a statement about a commit, and of a
        // document that is no statement, what was signed is verified as the message that it is.
        let message = pae(&envelope.payload_type, &envelope.payload);
        let signature = envelope.signatures.get(at).map(|s| s.sig.clone()).unwrap_or_default();
        bundle.content =
            SignatureContent::MessageSignature(MessageSignature::new(SignatureBytes::new(signature)));
        self.verify(&bundle, &SignedFile::Bytes(&message))
    }

    /// Checks that a bundle is this signer's signature of a file.
    pub fn verify_file(
        &self,
        bundle: &SigstoreBundle,
        file: SignedFile<'_>,
    ) -> Result<CertificateFacts, String> {
        if bundle.names_a_key() {
            return Err("names a key and holds no certificate".to_owned());
        }
        let bundle = bundle.with_signature(0)?;
        self.verify(&bundle, &file)
    }

    fn verify(&self, bundle: &LibraryBundle, file: &SignedFile<'_>) -> Result<CertificateFacts, String> {
        let mut faults = Vec::new();
        for instance in self.roots.instances().iter().filter(|instance| instance.issues) {
            match certified(instance, bundle, file) {
                Ok(facts) => return self.is_meant(&facts).map(|()| facts),
                Err(why) => faults.push(why),
            }
        }
        faults.dedup();
        if faults.is_empty() {
            faults.push("the trusted root has no authority that issues certificates".to_owned());
        }
        Err(faults.join("; "))
    }

    /// Whether a certificate that leads to a trusted root is this signer's.
    fn is_meant(&self, facts: &CertificateFacts) -> Result<(), String> {
        let texts = |globs: &[IdentityGlob]| {
            globs.iter().map(|g| g.text().to_owned()).collect::<Vec<_>>().join(" or ")
        };
        if facts.issuer != self.issuer {
            return Err(format!(
                "was signed by an identity of {}, not of {}",
                clean_line(&facts.issuer),
                clean_line(&self.issuer)
            ));
        }
        if !self.identity.iter().any(|glob| glob.matches(&facts.identity)) {
            return Err(format!(
                "was signed by {}, not by {}",
                clean_line(&facts.identity),
                clean_line(&texts(&self.identity))
            ));
        }
        for (claim, wanted) in &self.claims {
            let is = facts.claims.get(claim);
            if !is.is_some_and(|is| wanted.iter().any(|glob| glob.matches(is))) {
                let says = is.map_or_else(|| "nothing".to_owned(), |is| clean_line(is).into_owned());
                return Err(format!(
                    "has a certificate that says {says} of `{}`, not {}",
                    claim.as_str(),
                    clean_line(&texts(wanted))
                ));
            }
        }
        Ok(())
    }
}

/// A digest by which the library can bind a statement to one of its own subjects. Which of them an artifact is, is asked
/// later; here it only lets the library look.
fn bound_subject(envelope: &Envelope) -> Option<SignedFile<'static>> {
    if envelope.payload_type != IN_TOTO {
        return None;
    }
    let statement = InTotoStatement::parse(&envelope.payload).ok()?;
    let sha256 = statement.digests("sha256").find_map(bytes_of::<32>).map(SignedFile::Sha256);
    sha256.or_else(|| statement.digests("sha512").find_map(bytes_of::<64>).map(SignedFile::Sha512))
}

/// The bytes of a digest in hexadecimal.
pub fn bytes_of<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn unverified(error: &dyn std::error::Error) -> String {
    format!("is not verified: {}", clean_line(&error.to_string()))
}

/// Checks everything that an instance owes: chain, time, logs, signature.
fn certified(
    instance: &SigstoreInstance,
    bundle: &LibraryBundle,
    file: &SignedFile<'_>,
) -> Result<CertificateFacts, String> {
    let mut policy = VerificationPolicy::any_identity();
    if !instance.has_log {
        policy = policy.skip_tlog_unsafe();
    }
    if !instance.has_certificate_log {
        policy = policy.skip_sct();
    }
    // Of Rekor 2 the library asks the checkpoint alone; an entry that names another log is refused all the same.
    let entries = &bundle.verification_material.tlog_entries;
    if entries.iter().any(|entry| !instance.log_ids.iter().any(|id| id == entry.log_id.key_id.as_bytes()))
        && instance.has_log
    {
        return Err("is not verified: an entry names a log that the trusted root does not have".to_owned());
    }
    let artifact = file.artifact().map_err(|error| unverified(error.as_ref()))?;
    let result = instance.verifier.verify(artifact, bundle, &policy).map_err(|error| unverified(&error))?;
    let complete = result.certificate_verified()
        && result.tlog_verified() == instance.has_log
        && result.sct_verified() == instance.has_certificate_log;
    let (Some(certificate), true) = (bundle.signing_certificate(), complete) else {
        return Err("is not verified in every part".to_owned());
    };
    let info = parse_certificate_info(certificate).map_err(|error| {
        format!("has a certificate that cannot be read: {}", clean_line(&error.to_string()))
    })?;
    let mut facts = facts_of(info)?;
    facts.signed_at = result
        .verified_timestamps()
        .iter()
        .filter_map(|at| Timestamp::from_second(at.as_second()).ok())
        .min();
    Ok(facts)
}

/// Facts of a certificate.
fn facts_of(info: CertificateInfo) -> Result<CertificateFacts, String> {
    use CertificateClaim as Claim;
    let nameless = |what: &str| format!("has a certificate without {what}");
    let identity = info.identity.ok_or_else(|| nameless("an identity"))?.as_str().to_owned();
    let issuer = info.issuer.ok_or_else(|| nameless("an issuer"))?;
    let said = info.ci_claims;
    let older = said.deprecated_github;
    // Before 2023 only GitHub's workflows had claims, with the repository by its short name.
    let repository = older
        .workflow_repository
        .filter(|_| issuer == GITHUB_ISSUER)
        .map(|name| format!("https://github.com/{name}"));
    let mut claims = BTreeMap::new();
    for (claim, value) in [
        (Claim::BuildSignerUri, said.build_signer_uri),
        (Claim::BuildSignerDigest, said.build_signer_digest),
        (Claim::RunnerEnvironment, said.runner_environment),
        (Claim::SourceRepositoryUri, said.source_repository_uri.or(repository)),
        (Claim::SourceRepositoryDigest, said.source_repository_digest.or(older.workflow_sha)),
        (Claim::SourceRepositoryRef, said.source_repository_ref.or(older.workflow_ref)),
        (Claim::SourceRepositoryIdentifier, said.source_repository_identifier),
        (Claim::SourceRepositoryOwnerUri, said.source_repository_owner_uri),
        (Claim::SourceRepositoryOwnerIdentifier, said.source_repository_owner_identifier),
        (Claim::BuildConfigUri, said.build_config_uri),
        (Claim::BuildConfigDigest, said.build_config_digest),
        (Claim::BuildTrigger, said.build_trigger.or(older.workflow_trigger)),
        (Claim::RunInvocationUri, said.run_invocation_uri),
        (Claim::SourceRepositoryVisibility, said.source_repository_visibility_at_signing),
        (Claim::DeploymentEnvironment, said.deployment_environment),
        (Claim::TokenSubject, said.token_subject),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            claims.insert(claim, value);
        }
    }
    Ok(CertificateFacts { identity, issuer, claims, signed_at: None })
}

/// A bundle of an envelope that a known key signed, with a time stamp of its signature.
pub(super) fn with_time_stamp(envelope: &Envelope, hint: &str, token: &[u8]) -> Result<Value, String> {
    let envelope: Value = serde_json::from_str(&envelope.to_json()).map_err(|error| error.to_string())?;
    Ok(serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": {"hint": hint},
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": Base64::encode_string(token)}]},
        },
        "dsseEnvelope": envelope,
    }))
}

/// The earliest time at which the time stamps beside a known key's signature of an envelope prove it to have been there; `None`
/// without time stamps. One that does not verify makes the others worth nothing.
pub(super) fn time_of_signature(
    bundle: &SigstoreBundle,
    envelope: &Envelope,
    key: &PublicKey,
    authorities: &TrustedRoots,
) -> Result<Option<Timestamp>, String> {
    let stamps = bundle.value.pointer("/verificationMaterial/timestampVerificationData/rfc3161Timestamps");
    if stamps.and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Ok(None);
    }
    let message = pae(&envelope.payload_type, &envelope.payload);
    let signed = envelope.signatures.iter().position(|one| key.verifies(&message, &one.sig));
    let at = signed.unwrap_or_default();
    let signature = envelope.signatures.get(at).map(|one| one.sig.clone()).unwrap_or_default();
    let mut one = bundle.with_signature(at)?;
    // A log's entry is of the envelope, and proves no time here.
    one.verification_material.tlog_entries.clear();
    one.content = SignatureContent::MessageSignature(MessageSignature::new(SignatureBytes::new(signature)));
    let der =
        DerPublicKey::from_pem(&key.to_pem()).map_err(|error| clean_line(&error.to_string()).into_owned())?;
    let policy = PublicKeyVerificationPolicy::new(der).skip_tlog_unsafe();
    let (file, mut faults) = (SignedFile::Bytes(&message), Vec::new());
    for instance in authorities.instances() {
        let artifact = file.artifact().map_err(|error| unverified(error.as_ref()))?;
        match instance.verifier.verify(artifact, &one, &policy) {
            Ok(verified) => {
                let times = verified.verified_timestamps().iter();
                return Ok(times.filter_map(|at| Timestamp::from_second(at.as_second()).ok()).min());
            }
            Err(error) => faults.push(unverified(&error)),
        }
    }
    faults.dedup();
    Err(format!("has time stamps that do not hold: {}", faults.join("; ")))
}

/// Checks that a bundle is a known key's signature of a file. The log is asked where the bundle has an entry of one or
/// roots are given; a bundle by a key needs none.
pub fn verify_file_by_key(
    bundle: &SigstoreBundle,
    key: &PublicKey,
    roots: Option<&TrustedRoots>,
    file: SignedFile<'_>,
) -> Result<(), String> {
    let logged = bundle.has_log_entries() || roots.is_some();
    let embedded = TrustedRoots::embedded(crate::policy::EmbeddedRoot::Sigstore);
    let one = bundle.with_signature(0)?;
    let der =
        DerPublicKey::from_pem(&key.to_pem()).map_err(|error| clean_line(&error.to_string()).into_owned())?;
    let mut policy = PublicKeyVerificationPolicy::new(der);
    if !logged {
        policy = policy.skip_tlog_unsafe();
    }
    let mut faults = Vec::new();
    for instance in roots.unwrap_or(&embedded).instances() {
        let artifact = file.artifact().map_err(|error| unverified(error.as_ref()))?;
        match instance.verifier.verify(artifact, &one, &policy) {
            Ok(_) => return Ok(()),
            Err(error) => faults.push(unverified(&error)),
        }
    }
    faults.dedup();
    Err(faults.join("; "))
}

//! Whom `secgate verify` trusts beside public keys, and what else than verdicts it verifies.

use anyhow::{Result, anyhow};
use sha2::{Digest as _, Sha256, Sha512};

use super::{VerificationOutput, VerifyArgs, bytes};
use crate::attest::chain::{self, NamedKey, TrustedSigner};
use crate::attest::dsse::AttestationDocument;
use crate::attest::keyless::{self, MAX_ROOT, TrustedRoots};
use crate::attest::{InTotoStatement, KeylessSigner, SignedFile, SigstoreBundle};
use crate::finding::{clean, clean_line, hex};
use crate::policy::{CertificateClaim, EmbeddedRoot, IdentityGlob};
use crate::report::Source;

/// Largest file that a signature is checked over; of a larger one give the digest.
const MAX_FILE: u64 = 1 << 30;

/// The trusted roots that were named; those of Sigstore's public instance where an identity is asked for.
pub(super) fn roots(args: &VerifyArgs) -> Result<Option<TrustedRoots>> {
    let Some(named) = args.trusted_root.as_deref() else {
        return Ok((!args.identity.is_empty()).then(|| TrustedRoots::embedded(EmbeddedRoot::Sigstore)));
    };
    named_roots(named).map(Some)
}

/// Trusted roots that come with secgate, or are in a file.
pub(super) fn named_roots(named: &str) -> Result<TrustedRoots> {
    if let Some(embedded) = EmbeddedRoot::from_word(named) {
        return Ok(TrustedRoots::embedded(embedded));
    }
    let name = clean(named);
    let text = bytes(std::path::Path::new(named), MAX_ROOT)?;
    TrustedRoots::from_bytes(&text).map_err(|why| anyhow!("--trusted-root {name}: {why}"))
}

/// The identity that was named, with its issuer and claims.
pub(super) fn identity(args: &VerifyArgs, roots: Option<TrustedRoots>) -> Result<Option<NamedKey>> {
    let (Some(issuer), Some(roots)) = (&args.issuer, roots) else { return Ok(None) };
    let glob = |flag: &str, text: &str| {
        IdentityGlob::new(text).map_err(|why| anyhow!("{flag} `{}` {why}", clean_line(text)))
    };
    let identity: Vec<IdentityGlob> =
        args.identity.iter().map(|text| glob("--identity", text)).collect::<Result<_>>()?;
    let claims = args.claim.iter().map(|text| {
        let (word, value) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("--claim wants CLAIM=GLOB, got `{}`", clean_line(text)))?;
        let claim = CertificateClaim::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = CertificateClaim::ALL.iter().map(|claim| claim.as_str()).collect();
            anyhow!("--claim `{}` is none of {}", clean_line(word), known.join(", "))
        })?;
        Ok((claim, vec![glob("--claim", value)?]))
    });
    let claims = claims.collect::<Result<_>>()?;
    let name = clean_line(&args.identity.join(" or ")).into_owned();
    let signer = KeylessSigner { roots, issuer: issuer.clone(), identity, claims };
    Ok(Some(NamedKey { name, signer: TrustedSigner::Identity(Box::new(signer)), validity: None }))
}

/// A file by its digests, and its bytes where they were given.
struct ArtifactDigests {
    name: String,
    bytes: Option<Vec<u8>>,
    sha256: Option<String>,
    sha512: Option<String>,
}

impl ArtifactDigests {
    fn new(text: &str) -> Result<Self> {
        let name = clean_line(text).into_owned();
        let digest = |hex: &str, length: usize| {
            let fits = hex.len() == length && hex.bytes().all(|b| b.is_ascii_hexdigit());
            let wrong = || anyhow!("--artifact {name}: a digest here has {length} hexadecimal digits");
            fits.then(|| hex.to_ascii_lowercase()).ok_or_else(wrong)
        };
        if let Some(hex) = text.strip_prefix("sha256:") {
            let sha256 = Some(digest(hex, 64)?);
            return Ok(Self { name, bytes: None, sha256, sha512: None });
        }
        if let Some(hex) = text.strip_prefix("sha512:") {
            let sha512 = Some(digest(hex, 128)?);
            return Ok(Self { name, bytes: None, sha256: None, sha512 });
        }
        let bytes = bytes(std::path::Path::new(text), MAX_FILE)?;
        let (sha256, sha512) = (hex(&Sha256::digest(&bytes)), hex(&Sha512::digest(&bytes)));
        Ok(Self { name, bytes: Some(bytes), sha256: Some(sha256), sha512: Some(sha512) })
    }

    fn signed_file(&self) -> Option<SignedFile<'_>> {
        if let Some(bytes) = &self.bytes {
            return Some(SignedFile::Bytes(bytes));
        }
        let sha256 = self.sha256.as_deref().and_then(keyless::bytes_of::<32>).map(SignedFile::Sha256);
        sha256.or_else(|| self.sha512.as_deref().and_then(keyless::bytes_of::<64>).map(SignedFile::Sha512))
    }

    fn is_subject_of(&self, statement: &InTotoStatement) -> bool {
        let named = |algorithm: &str, digest: &Option<String>| {
            digest.as_deref().is_some_and(|digest| statement.digests(algorithm).any(|one| one == digest))
        };
        named("sha256", &self.sha256) || named("sha512", &self.sha512)
    }
}

/// Checks that each document of the files is a signature of the artifact, or a signed statement about it.
pub(super) fn of_artifact(
    args: &VerifyArgs,
    text: &str,
    keys: &[NamedKey],
    roots: Option<&TrustedRoots>,
    told: &mut VerificationOutput,
) -> Result<()> {
    let artifact = ArtifactDigests::new(text)?;
    for path in &args.files {
        let name = path.to_string_lossy();
        let documents = match chain::read_attestations(&name, &Source::File(path.clone())) {
            Ok(documents) => documents,
            Err(refused) => {
                told.bad(&format!("{}: {}", refused.place, refused.why));
                continue;
            }
        };
        if documents.is_empty() {
            told.bad(&format!("{}: holds no signature", clean(&name)));
        }
        for (place, document) in documents {
            match one(&place, &document, &artifact, keys, roots) {
                Ok(line) => told.good(&format!("{place}: {line}")),
                Err(why) => told.bad(&format!("{place}: {why}")),
            }
        }
    }
    Ok(())
}

fn one(
    place: &str,
    document: &AttestationDocument,
    artifact: &ArtifactDigests,
    keys: &[NamedKey],
    roots: Option<&TrustedRoots>,
) -> Result<String, String> {
    if let AttestationDocument::OfFile(bundle) = document {
        let file = artifact.signed_file().ok_or("there is no artifact")?;
        return signed_by(bundle, keys, roots, file)
            .map(|name| format!("the signature of {} by {name}", artifact.name));
    }
    let signed = chain::open(place, document, keys).map_err(|refused| refused.why)?;
    if !artifact.is_subject_of(&signed.statement) {
        return Err(format!("is signed, and is not about {}", artifact.name));
    }
    // What stands beside a key's signature is checked as well: a log that does not know it is no witness.
    if let AttestationDocument::Signed(envelope) = document
        && let Some(bundle) = envelope.bundle.as_ref().filter(|bundle| bundle.names_a_key())
    {
        let file = artifact.signed_file().ok_or("there is no artifact")?;
        signed_by(bundle, keys, roots, file)?;
    }
    let kind = clean_line(&signed.statement.predicate_type).into_owned();
    Ok(format!("a statement {kind} about {}, signed by {}", artifact.name, signed.keys.join(" and ")))
}

/// The name of whoever made the signature of a file.
fn signed_by(
    bundle: &SigstoreBundle,
    keys: &[NamedKey],
    roots: Option<&TrustedRoots>,
    file: SignedFile<'_>,
) -> Result<String, String> {
    let mut faults = Vec::new();
    for key in keys {
        let checked = match &key.signer {
            TrustedSigner::Identity(signer) => signer.verify_file(bundle, file).map(|_| ()),
            TrustedSigner::Key(_) if !bundle.names_a_key() => {
                Err("holds a certificate, and a key was given".to_owned())
            }
            TrustedSigner::Key(public) => keyless::verify_file_by_key(bundle, public, roots, file),
        };
        match checked {
            Ok(()) => return Ok(key.name.clone()),
            Err(why) => faults.push(format!("for {} it {why}", key.name)),
        }
    }
    Err(faults.join("; "))
}

//! Keys: Ed25519, and ECDSA P-256 as cosign writes it. Private keys are PKCS#8, public ones SPKI, both in PEM.

use std::fmt::Write as _;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::finding::hex;

/// Longest PEM text that is looked at.
pub const MAX_PEM: usize = 16 << 10;

/// Why a file is no key that can be used. Never holds text of the file.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// A private key where a public one is wanted.
    #[error("is a private key; a public key is wanted here (-----BEGIN PUBLIC KEY-----)")]
    Private,
    /// A public key where a private one is wanted.
    #[error("is a public key; signing needs the private one (-----BEGIN PRIVATE KEY-----)")]
    Public,
    /// Cosign's own encrypted form.
    #[error(
        "is a private key that cosign encrypted; secgate asks for no password: sign with cosign, or make a key with \
         `secgate attest keygen`"
    )]
    Cosign,
    /// PKCS#8 with a password.
    #[error(
        "is an encrypted private key; secgate asks for no password: decrypt it into a protected CI variable of type \
         file with `openssl pkcs8 -in KEY -out PLAIN`"
    )]
    Encrypted,
    /// `openssl ecparam -genkey` and the like.
    #[error(
        "is a private key in the form SEC 1; turn it into PKCS#8 with `openssl pkcs8 -topk8 -nocrypt -in KEY`"
    )]
    Sec1,
    /// RSA in its own form.
    #[error("is an RSA key; use Ed25519 or ECDSA P-256 (`secgate attest keygen`)")]
    Rsa,
    /// A certificate.
    #[error("is a certificate; take its key out with `openssl x509 -pubkey -noout -in CERTIFICATE`")]
    Certificate,
    /// PEM of a kind that can be used, holding something else.
    #[error("holds a key that is neither Ed25519 nor ECDSA P-256, or is damaged")]
    Unknown,
    /// Something else altogether.
    #[error("is not a key in PEM form (-----BEGIN {0}-----)")]
    NotPem(&'static str),
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system: {0}")]
    Random(String),
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256; signatures in ASN.1 DER.
    P256,
}

impl Algorithm {
    /// The word used on the command line and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        }
    }
}

/// A key that signatures are checked with.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicKey(Public);

#[derive(Debug, Clone, PartialEq)]
enum Public {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// The key in a PEM text; text around it is allowed, a second key is not.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = single(text, "PUBLIC KEY")?;
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            // A key of small order verifies signatures that nobody made.
            return if key.is_weak() { Err(KeyError::Unknown) } else { Ok(Self(Public::Ed25519(key))) };
        }
        match p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            Ok(key) => Ok(Self(Public::P256(key))),
            Err(_) => Err(KeyError::Unknown),
        }
    }

    /// Which kind it is.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Public::Ed25519(_) => Algorithm::Ed25519,
            Public::P256(_) => Algorithm::P256,
        }
    }

    /// SPKI in PEM.
    pub fn to_pem(&self) -> String {
        let pem = match &self.0 {
            Public::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Public::P256(key) => key.to_public_key_pem(LineEnding::LF),
        };
        // Encoding a valid key into memory has no way to fail.
        pem.unwrap_or_default()
    }

    /// The id that in-toto's libraries give the key: SHA-256 over its canonical JSON, in hexadecimal.
    pub fn id(&self) -> String {
        let (kind, scheme, public) = match &self.0 {
            Public::Ed25519(key) => ("ed25519", "ed25519", hex(key.as_bytes())),
            Public::P256(_) => ("ecdsa", "ecdsa-sha2-nistp256", self.to_pem()),
        };
        let canonical = format!(
            "{{\"keytype\":\"{kind}\",\"keyval\":{{\"public\":\"{public}\"}},\"scheme\":\"{scheme}\"}}"
        );
        hex(&Sha256::digest(canonical))
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Public::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

/// A key that signs. It has no `Debug` that shows it, and is wiped from memory when dropped.
pub struct PrivateKey(Private);

enum Private {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(Box<p256::ecdsa::SigningKey>),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl PrivateKey {
    /// The key in a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = single(text, "PRIVATE KEY")?;
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self(Private::Ed25519(Box::new(key))));
        }
        match p256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            Ok(key) => Ok(Self(Private::P256(Box::new(key)))),
            Err(_) => Err(KeyError::Unknown),
        }
    }

    /// A new key, from the operating system's randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        loop {
            let mut seed = Zeroizing::new([0; 32]);
            getrandom::fill(seed.as_mut()).map_err(|error| KeyError::Random(error.to_string()))?;
            match algorithm {
                Algorithm::Ed25519 => {
                    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
                    return Ok(Self(Private::Ed25519(Box::new(key))));
                }
                // One in 2^32 seeds is no scalar of the curve.
                Algorithm::P256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_ref()) {
                        return Ok(Self(Private::P256(Box::new(key))));
                    }
                }
            }
        }
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Private::Ed25519(key) => Public::Ed25519(key.verifying_key()),
            Private::P256(key) => Public::P256(*key.verifying_key()),
        })
    }

    /// PKCS#8 in PEM, in the first version of the form, which every library reads.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let pem = match &self.0 {
            Private::Ed25519(key) => {
                KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_pem(LineEnding::LF)
            }
            Private::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        pem.unwrap_or_default()
    }

    /// Signs; the same message gives the same signature (RFC 8032, RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Private::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Private::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
        }
    }
}

/// The one PEM block of `label` in a text, or what else it is.
fn single<'t>(text: &'t str, label: &'static str) -> Result<&'t str, KeyError> {
    let mut begin = String::new();
    let _ = write!(begin, "-----BEGIN {label}-----");
    let end = begin.replace("BEGIN", "END");
    let block = text.find(&begin).and_then(|start| {
        let rest = text.get(start..)?;
        let length = rest.find(&end)? + end.len();
        let (block, after) = rest.split_at_checked(length)?;
        (!after.contains("-----BEGIN")).then_some(block)
    });
    match block {
        Some(block) if block.len() <= MAX_PEM => Ok(block),
        _ => Err(other(text, label)),
    }
}

/// Description of a text without the wanted PEM block.
fn other(text: &str, label: &'static str) -> KeyError {
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if has("ENCRYPTED COSIGN PRIVATE KEY") || has("ENCRYPTED SIGSTORE PRIVATE KEY") {
        KeyError::Cosign
    } else if has("ENCRYPTED PRIVATE KEY") {
        KeyError::Encrypted
    } else if has("EC PRIVATE KEY") {
        KeyError::Sec1
    } else if has("RSA PRIVATE KEY") || has("RSA PUBLIC KEY") {
        KeyError::Rsa
    } else if has("CERTIFICATE") {
        KeyError::Certificate
    } else if label == "PUBLIC KEY" && has("PRIVATE KEY") {
        KeyError::Private
    } else if label == "PRIVATE KEY" && has("PUBLIC KEY") {
        KeyError::Public
    } else if has(label) {
        KeyError::Unknown
    } else {
        KeyError::NotPem(label)
    }
}

#[cfg(test)]
mod tests {
    use base64ct::Encoding as _;

    use super::*;

    #[test]
    fn keys_sign_and_verify_and_survive_pem() {
        for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
            let public = PublicKey::from_pem(&again.public().to_pem()).unwrap();
            assert_eq!(public, key.public());
            assert_eq!(public.algorithm(), algorithm);
            let signature = key.sign(b"message");
            assert_eq!(signature, again.sign(b"message"));
            assert!(public.verifies(b"message", &signature));
            assert!(!public.verifies(b"massage", &signature));
            assert!(!PrivateKey::generate(algorithm).unwrap().public().verifies(b"message", &signature));
            for at in 0..signature.len() {
                let mut flipped = signature.clone();
                flipped[at] ^= 1;
                assert!(!public.verifies(b"message", &flipped), "{at}");
            }
            assert!(!public.verifies(b"message", &[]));
            assert_eq!(format!("{key:?}"), "PrivateKey(…)");
        }
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let private = PrivateKey::generate(Algorithm::P256).unwrap();
        let (secret, public) = (private.to_pem(), private.public().to_pem());
        assert_eq!(PublicKey::from_pem(&secret), Err(KeyError::Private));
        assert_eq!(PrivateKey::from_pem(&public).unwrap_err(), KeyError::Public);
        assert_eq!(PublicKey::from_pem(&format!("{public}{public}")), Err(KeyError::Unknown));
        assert_eq!(PublicKey::from_pem(&public.replace("MF", "MG")), Err(KeyError::Unknown));
        assert_eq!(PublicKey::from_pem("ssh-ed25519 AAAA"), Err(KeyError::NotPem("PUBLIC KEY")));
        assert_eq!(PublicKey::from_pem(""), Err(KeyError::NotPem("PUBLIC KEY")));
        let text = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        for (label, error) in [
            ("ENCRYPTED SIGSTORE PRIVATE KEY", KeyError::Cosign),
            ("ENCRYPTED COSIGN PRIVATE KEY", KeyError::Cosign),
            ("ENCRYPTED PRIVATE KEY", KeyError::Encrypted),
            ("EC PRIVATE KEY", KeyError::Sec1),
            ("RSA PRIVATE KEY", KeyError::Rsa),
            ("PRIVATE KEY", KeyError::Unknown),
        ] {
            assert_eq!(PrivateKey::from_pem(&text(label)).unwrap_err(), error);
        }
        assert_eq!(PublicKey::from_pem(&text("CERTIFICATE")), Err(KeyError::Certificate));
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        // The identity: with it a signature of zeros would verify for any message.
        let mut point = [0; 32];
        point[0] = 1;
        let der =
            [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &point].concat();
        let body = base64ct::Base64::encode_string(&der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        assert_eq!(PublicKey::from_pem(&pem), Err(KeyError::Unknown));
    }
}

//! The cryptography behind the check of Sigstore bundles: the crates that secgate's own keys use.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::PublicKey as RsaKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme};
use sigstore_verify::types::HashAlgorithm;

/// Bits of RSA keys that are accepted.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// Verifies ECDSA on P-256 and P-384, Ed25519, and RSA; signs nothing.
#[derive(Debug)]
pub(super) struct PureProvider;

enum DigestState {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl HashContext for DigestState {
    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(data),
            Self::Sha384(hash) => hash.update(data),
            Self::Sha512(hash) => hash.update(data),
        }
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        match *self {
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha384(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}

impl CryptoProvider for PureProvider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        Ok(Box::new(match algorithm {
            HashAlgorithm::Sha2256 => DigestState::Sha256(Sha256::new()),
            HashAlgorithm::Sha2384 => DigestState::Sha384(Sha384::new()),
            HashAlgorithm::Sha2512 => DigestState::Sha512(Sha512::new()),
            other => return Err(Error::UnsupportedAlgorithm(other.to_string())),
        }))
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        if scheme == SigningScheme::Ed25519 {
            let valid = <&[u8; 32]>::try_from(key)
                .ok()
                .and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok())
                .zip(ed25519_dalek::Signature::from_slice(signature).ok())
                .is_some_and(|(key, signature)| key.verify_strict(data, &signature).is_ok());
            return verdict(scheme, valid);
        }
        let digest = match scheme.hash_algorithm() {
            Some(HashAlgorithm::Sha2256) => Sha256::digest(data).to_vec(),
            Some(HashAlgorithm::Sha2384) => Sha384::digest(data).to_vec(),
            Some(HashAlgorithm::Sha2512) => Sha512::digest(data).to_vec(),
            _ => return Err(Error::UnsupportedAlgorithm(scheme.name().to_owned())),
        };
        self.verify_prehashed(scheme, key, &digest, signature)
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        use SigningScheme as Scheme;
        let valid =
            match scheme {
                Scheme::EcdsaP256Sha256 | Scheme::EcdsaP256Sha384 => {
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(key)
                        .ok()
                        .zip(p256::ecdsa::Signature::from_der(signature).ok())
                        .is_some_and(|(key, signature)| key.verify_prehash(digest, &signature).is_ok())
                }
                Scheme::EcdsaP384Sha256 | Scheme::EcdsaP384Sha384 => {
                    p384::ecdsa::VerifyingKey::from_sec1_bytes(key)
                        .ok()
                        .zip(p384::ecdsa::Signature::from_der(signature).ok())
                        .is_some_and(|(key, signature)| key.verify_prehash(digest, &signature).is_ok())
                }
                Scheme::RsaPkcs1Sha256 => rsa_key(key)
                    .is_some_and(|key| key.pkcs1v15_verify_prehash::<Sha256>(digest, signature).is_ok()),
                Scheme::RsaPkcs1Sha384 => rsa_key(key)
                    .is_some_and(|key| key.pkcs1v15_verify_prehash::<Sha384>(digest, signature).is_ok()),
                Scheme::RsaPkcs1Sha512 => rsa_key(key)
                    .is_some_and(|key| key.pkcs1v15_verify_prehash::<Sha512>(digest, signature).is_ok()),
                Scheme::RsaPssSha256 => rsa_key(key)
                    .is_some_and(|key| key.pss_verify_prehash::<Sha256>(digest, signature).is_ok()),
                Scheme::RsaPssSha384 => rsa_key(key)
                    .is_some_and(|key| key.pss_verify_prehash::<Sha384>(digest, signature).is_ok()),
                Scheme::RsaPssSha512 => rsa_key(key)
                    .is_some_and(|key| key.pss_verify_prehash::<Sha512>(digest, signature).is_ok()),
                other => return Err(Error::UnsupportedAlgorithm(other.name().to_owned())),
            };
        verdict(scheme, valid)
    }
}

fn verdict(scheme: SigningScheme, valid: bool) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::Verification(format!("{} signature is invalid", scheme.name()))) }
}

/// An RSA key in PKCS#1 form, of a size that is accepted.
fn rsa_key(der: &[u8]) -> Option<RsaKey> {
    RsaKey::from_pkcs1_der(der).ok().filter(|key| RSA_BITS.contains(&key.n().bit_width()))
}

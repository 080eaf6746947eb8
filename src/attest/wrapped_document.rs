//! Documents in envelopes: an SBOM or VEX statements as the bytes that were signed, or as the predicate of an in-toto
//! statement about what they describe.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::InTotoStatement;
use super::chain::{NamedKey, signers_of};
use super::dsse::{self, AttestationDocument, IN_TOTO, MAX_BYTES};
use crate::finding::{clean_line, hex};
use crate::report::{Source, is_attestation};

/// Beginnings of the predicate types that are documents.
const PREDICATES: [&str; 3] =
    ["https://openvex.dev/ns", "https://cyclonedx.org/", "https://spdx.dev/Document"];

/// A document, taken out of what it was wrapped in.
#[derive(Debug)]
pub struct UnwrappedDocument {
    /// The document itself.
    pub source: Source,
    /// Subjects of the statement around it, `sha256:…`; empty where there is none.
    pub subjects: Vec<String>,
    /// Names of the keys that signed it, of those asked for.
    pub signers: Vec<String>,
    /// Why the signature that is demanded is not there.
    pub refused: Option<String>,
    /// SHA-256 and number of bytes of the file, where it is another than the document.
    pub file: Option<(String, u64)>,
}

/// Takes a document out of its envelope or statement. With `keys` one of them must have signed it; what is refused is
/// still read. A file that is neither is the document.
pub fn unwrap_document(source: &Source, keys: &[NamedKey], max: u64) -> Result<UnwrappedDocument, String> {
    let demanded = || keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(" or ");
    let unsigned = || (!keys.is_empty()).then(|| format!("is not signed, as by {} demanded", demanded()));
    if !is_attestation(source, max).map_err(|error| error.to_string())? {
        let source = source.clone();
        return Ok(UnwrappedDocument {
            source,
            subjects: Vec::new(),
            signers: Vec::new(),
            refused: unsigned(),
            file: None,
        });
    }
    // Read once, so that what is verified is what is looked at.
    let bytes = source.bytes(max.min(MAX_BYTES)).map_err(|error| error.to_string())?;
    let file = (hex(&Sha256::digest(&bytes)), bytes.len() as u64);
    let mut documents =
        dsse::read_attestations(&Source::Bytes(bytes.into())).map_err(|error| error.to_string())?;
    let several = documents.len();
    let (Some(document), true) = (documents.pop(), documents.is_empty()) else {
        return Err(format!("holds {several} attestations; each needs a file of its own"));
    };
    let (signers, refused, statement) = match document {
        AttestationDocument::Bare(text) => (Vec::new(), unsigned(), text),
        AttestationDocument::OfFile(_) => {
            return Err(format!("{}; give the file that it signs", super::chain::OF_FILE));
        }
        AttestationDocument::Signed(envelope) => {
            let (signers, refused) = match signers_of(&envelope, keys) {
                _ if keys.is_empty() => (Vec::new(), None),
                Ok(signers) => (signers.names, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            if envelope.payload_type != IN_TOTO {
                let source = Source::Bytes(envelope.payload.into());
                return Ok(UnwrappedDocument {
                    source,
                    subjects: Vec::new(),
                    signers,
                    refused,
                    file: Some(file),
                });
            }
            (signers, refused, envelope.payload)
        }
    };
    let statement = InTotoStatement::parse(&statement).map_err(|error| error.to_string())?;
    let subjects = statement.digests("sha256").map(|digest| format!("sha256:{digest}")).collect();
    let source = Source::Bytes(predicate(statement)?.into());
    Ok(UnwrappedDocument { source, subjects, signers, refused, file: Some(file) })
}

/// The document that a statement makes.
fn predicate(statement: InTotoStatement) -> Result<Vec<u8>, String> {
    let InTotoStatement { predicate_type, mut predicate, .. } = statement;
    if !PREDICATES.iter().any(|known| predicate_type.starts_with(known)) {
        let other = clean_line(&predicate_type);
        return Err(format!(
            "is a statement of the type {other}, which is neither OpenVEX, CycloneDX nor SPDX"
        ));
    }
    // As cosign wrote it before version 2: with a time beside it, and the document as an object or as text.
    match predicate.remove("Data") {
        Some(Value::String(text)) => return Ok(text.into_bytes()),
        Some(Value::Object(inner)) => predicate = inner,
        Some(_) => return Err("has a predicate whose `Data` is not a document".to_owned()),
        None => {}
    }
    let to_bytes =
        |object: &Map<String, Value>| serde_json::to_vec(object).map_err(|error| error.to_string());
    to_bytes(&predicate)
}

impl UnwrappedDocument {
    /// Those of these digests that the statement around the document speaks of too; the statement's own where there are
    /// none. An error where the two have nothing in common.
    pub fn agreed(&self, stated: &[String]) -> Result<Vec<String>, String> {
        if self.subjects.is_empty() || stated.is_empty() {
            return Ok(if stated.is_empty() { self.subjects.clone() } else { stated.to_vec() });
        }
        let both: Vec<String> = stated.iter().filter(|one| self.subjects.contains(one)).cloned().collect();
        if both.is_empty() {
            let list =
                |digests: &[String]| digests.iter().map(|d| clean_line(d)).collect::<Vec<_>>().join(", ");
            let (around, within) = (list(&self.subjects), list(stated));
            return Err(format!("is a statement about {around} around a document about {within}"));
        }
        Ok(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::chain::TrustedSigner;
    use crate::attest::{Algorithm, Envelope, PrivateKey};

    const VEX: &str = r#"{"@context":"https://openvex.dev/ns/v0.2.0","statements":[]}"#;

    fn unwrap(text: &str, keys: &[NamedKey]) -> Result<UnwrappedDocument, String> {
        unwrap_document(&Source::Bytes(text.as_bytes().into()), keys, 1 << 20)
    }

    fn content(document: &UnwrappedDocument) -> Value {
        serde_json::from_slice(&document.source.bytes(1 << 20).unwrap()).unwrap()
    }

    fn statement(kind: &str, predicate: &str) -> String {
        let digest = "a".repeat(64);
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{digest}"}}}}],
                "predicateType":"{kind}","predicate":{predicate}}}"#
        )
    }

    #[test]
    fn each_wrapping_gives_the_same_document() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let named =
            [NamedKey { name: "psirt".to_owned(), signer: TrustedSigner::Key(key.public()), validity: None }];
        let sign = |kind: &str, text: &str| Envelope::sign(kind, text.as_bytes().to_vec(), &[&key]).to_json();
        let openvex = "https://openvex.dev/ns/v0.2.0";
        let text = serde_json::to_string(VEX).unwrap();
        for (wrapped, about) in [
            (sign("application/json", VEX), 0),
            (sign(IN_TOTO, &statement(openvex, VEX)), 1),
            (sign(IN_TOTO, &statement(openvex, &format!(r#"{{"Data":{VEX},"Timestamp":"t"}}"#))), 1),
            (sign(IN_TOTO, &statement(openvex, &format!(r#"{{"Data":{text},"Timestamp":"t"}}"#))), 1),
            (
                format!(
                    r#"{{"mediaType":"x","verificationMaterial":{{}},"dsseEnvelope":{}}}"#,
                    sign("x", VEX)
                ),
                0,
            ),
        ] {
            for keys in [&named[..], &[]] {
                let document = unwrap(&wrapped, keys).unwrap();
                assert_eq!(content(&document), serde_json::from_str::<Value>(VEX).unwrap(), "{wrapped}");
                assert_eq!((document.subjects.len(), document.signers.len()), (about, keys.len()));
                assert!(document.refused.is_none() && document.file.is_some());
            }
        }
    }

    #[test]
    fn what_nobody_signed_that_was_asked_for_is_refused_and_read() {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let other = PrivateKey::generate(Algorithm::P256).unwrap();
        let named =
            [NamedKey { name: "psirt".to_owned(), signer: TrustedSigner::Key(key.public()), validity: None }];
        let foreign = Envelope::sign("x", VEX.as_bytes().to_vec(), &[&other]).to_json();
        let bare = statement("https://openvex.dev/ns", VEX);
        for (text, why) in
            [(VEX, "is not signed"), (&bare, "is not signed"), (&foreign, "signed by none of the keys psirt")]
        {
            let document = unwrap(text, &named).unwrap();
            assert!(document.refused.as_ref().is_some_and(|refused| refused.contains(why)), "{document:?}");
            assert_eq!(content(&document), serde_json::from_str::<Value>(VEX).unwrap());
            assert!(unwrap(text, &[]).unwrap().refused.is_none());
        }
    }

    #[test]
    fn what_holds_no_document_is_an_error() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let sign = |text: &str| Envelope::sign(IN_TOTO, text.as_bytes().to_vec(), &[&key]).to_json();
        let one = sign(&statement("https://openvex.dev/ns", VEX));
        for (text, why) in [
            (sign(VEX), "not an in-toto statement"),
            (sign(&statement("https://slsa.dev/provenance/v1", VEX)), "neither OpenVEX, CycloneDX nor SPDX"),
            (sign(&statement("https://openvex.dev/ns", r#"{"Data":7}"#)), "`Data` is not a document"),
            (format!("{one}\n{one}"), "holds 2 attestations"),
            (r#"{"payload":"e30=","payloadType":"x"}"#.to_owned(), "no `signatures`"),
        ] {
            let error = unwrap(&text, &[]).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        // Its size does not hide what it is.
        let long = format!(r#"{{"payload":"{}","payloadType":"x","signatures":[]}}"#, "A".repeat(200 << 10));
        assert!(unwrap(&long, &[]).unwrap_err().contains("`signatures` is empty"));
    }

    #[test]
    fn the_statement_and_the_document_speak_of_the_same() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let text = statement("https://cyclonedx.org/bom", r#"{"bomFormat":"CycloneDX"}"#);
        let wrapped = Envelope::sign(IN_TOTO, text.into_bytes(), &[&key]).to_json();
        let document = unwrap(&wrapped, &[]).unwrap();
        let digest = |c: &str| format!("sha256:{}", c.repeat(64));
        assert_eq!(document.agreed(&[]).unwrap(), [digest("a")]);
        assert_eq!(document.agreed(&[digest("a"), digest("b")]).unwrap(), [digest("a")]);
        assert!(document.agreed(&[digest("b")]).unwrap_err().contains("around a document about"));
    }
}

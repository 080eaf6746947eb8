//! DSSE envelopes: exact bytes, their type, and signatures over both (Dead Simple Signing Envelope 1.0).

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::wrapping;
use super::{PrivateKey, PublicKey, SigstoreBundle};
use crate::report::{self, ReadError, Source};

/// Type of a payload that is an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Largest file of envelopes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Most signatures of an envelope that are looked at.
const MAX_SIGNATURES: usize = 64;
/// Most attestations of a file.
const MAX_ENVELOPES: usize = 10_000;

/// Why a file yields no envelope.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    /// It is not JSON, or not whole.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// JSON of another shape.
    #[error("is not a DSSE envelope{place}: {why}")]
    Shape {
        /// Which of several, ready to follow the words before it.
        place: String,
        /// The missing or odd part.
        why: String,
    },
}

/// Bytes with signatures over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Media type of the bytes.
    pub payload_type: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// The signatures, in the order written.
    pub signatures: Vec<Signature>,
    /// The bundle of Sigstore that it stands in, if it does.
    pub bundle: Option<SigstoreBundle>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// A hint at the key. Nobody signed it.
    pub keyid: String,
    /// The signature's bytes.
    pub sig: Vec<u8>,
}

/// A document of a file of attestations.
#[derive(Debug, Clone)]
pub enum AttestationDocument {
    /// An envelope.
    Signed(Envelope),
    /// A statement that nobody signed.
    Bare(Vec<u8>),
    /// The signature of a file, which states nothing of it.
    OfFile(SigstoreBundle),
}

impl Envelope {
    /// Signs bytes with each of the keys.
    pub fn sign(payload_type: &str, payload: Vec<u8>, keys: &[&PrivateKey]) -> Self {
        let message = pae(payload_type, &payload);
        let signature = |key: &&PrivateKey| Signature { keyid: key.public().id(), sig: key.sign(&message) };
        let signatures = keys.iter().map(signature).collect();
        Self { payload_type: payload_type.to_owned(), payload, signatures, bundle: None }
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Written<'e> {
            #[serde(rename = "payloadType")]
            payload_type: &'e str,
            payload: String,
            signatures: Vec<WrittenSignature<'e>>,
        }
        #[derive(Serialize)]
        struct WrittenSignature<'e> {
            keyid: &'e str,
            sig: String,
        }
        let signature = |s: &'_ Signature| Base64::encode_string(&s.sig);
        let written = Written {
            payload_type: &self.payload_type,
            payload: Base64::encode_string(&self.payload),
            signatures: self
                .signatures
                .iter()
                .map(|s| WrittenSignature { keyid: &s.keyid, sig: signature(s) })
                .collect(),
        };
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// The positions of those keys that signed it. A key id leads to no key and keeps none away.
    pub fn signed_by(&self, keys: &[PublicKey]) -> Vec<usize> {
        let message = pae(&self.payload_type, &self.payload);
        let signed = |key: &PublicKey| self.signatures.iter().any(|s| key.verifies(&message, &s.sig));
        keys.iter().enumerate().filter(|(_, key)| signed(key)).map(|(at, _)| at).collect()
    }
}

/// Pre-authentication encoding: what is signed, in which no two pairs of type and bytes look the same.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// The envelopes and bare statements of a file: one JSON document, or several one after the other (JSON lines), each as it
/// is or in one of the wrappings that registries and tools put around it.
pub fn read_attestations(source: &Source) -> Result<Vec<AttestationDocument>, EnvelopeError> {
    let mut all = Vec::new();
    for (value, text) in report::read_documents(source, MAX_BYTES)? {
        match wrapping::unwrapped(&value) {
            Some(inner) => {
                for value in inner {
                    let text = value.to_string().into_bytes();
                    all.push((value, text));
                }
            }
            None => all.push((value, text)),
        }
    }
    if all.len() > MAX_ENVELOPES {
        let why = format!("it has {} attestations; {MAX_ENVELOPES} is the limit", all.len());
        return Err(EnvelopeError::Shape { place: String::new(), why });
    }
    let several = all.len() > 1;
    let place = |at: usize| if several { format!(" (number {} of the file)", at + 1) } else { String::new() };
    let read = |(at, (value, text)): (usize, (Value, Vec<u8>))| {
        document(&value, text).map_err(|why| EnvelopeError::Shape { place: place(at), why })
    };
    all.into_iter().enumerate().map(read).collect()
}

fn document(value: &Value, text: Vec<u8>) -> Result<AttestationDocument, String> {
    let Some(object) = value.as_object() else { return Err("it is not an object".to_owned()) };
    if let Some(statement) = object.get("_type") {
        let of_in_toto = statement.as_str().is_some_and(|t| t.starts_with("https://in-toto.io/Statement/"));
        return if of_in_toto {
            Ok(AttestationDocument::Bare(text))
        } else {
            Err("`_type` is not an in-toto statement".to_owned())
        };
    }
    // A Sigstore bundle holds the envelope beside what a verifier needs.
    if let Some(inner) = object.get("dsseEnvelope") {
        let envelope = envelope(inner)?;
        let bundle = object.contains_key("verificationMaterial").then(|| SigstoreBundle::from_value(value));
        return Ok(AttestationDocument::Signed(Envelope { bundle, ..envelope }));
    }
    if object.contains_key("messageSignature") {
        return Ok(AttestationDocument::OfFile(SigstoreBundle::from_value(value)));
    }
    if let Some(inner) = object.get("base64Signature") {
        return enclosed(object, inner);
    }
    envelope(value).map(AttestationDocument::Signed)
}

/// The envelope in the bundle that `cosign attest-blob` wrote before there were Sigstore bundles.
fn enclosed(object: &Map<String, Value>, inner: &Value) -> Result<AttestationDocument, String> {
    let bytes = inner.as_str().and_then(base64).ok_or("`base64Signature` is not base64")?;
    let documents = report::read_documents(&Source::Bytes(bytes.into()), MAX_BYTES);
    if let [(value, _)] = documents.unwrap_or_default().as_slice() {
        let bundle = wrapping::of_older_cosign(object, "dsseEnvelope", value);
        let bundle = bundle.as_ref().map(SigstoreBundle::from_value);
        return Ok(AttestationDocument::Signed(Envelope { bundle, ..envelope(value)? }));
    }
    let signature = serde_json::json!({ "signature": inner });
    let bundle = wrapping::of_older_cosign(object, "messageSignature", &signature).ok_or(
        "`base64Signature` is the signature of a file, and nothing shows whose: it has no certificate in the log",
    )?;
    Ok(AttestationDocument::OfFile(SigstoreBundle::from_value(&bundle)))
}

fn envelope(value: &Value) -> Result<Envelope, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or_else(|| format!("it has no `{key}`"));
    let payload_type = text("payloadType")?.to_owned();
    let payload = base64(text("payload")?).ok_or("`payload` is not base64")?;
    let Some(list) = value.get("signatures").and_then(Value::as_array) else {
        return Err("it has no `signatures`".to_owned());
    };
    if list.is_empty() {
        return Err("`signatures` is empty".to_owned());
    }
    if list.len() > MAX_SIGNATURES {
        return Err(format!("it has {} signatures; {MAX_SIGNATURES} is the limit", list.len()));
    }
    let mut signatures = Vec::new();
    for entry in list {
        let sig = entry.get("sig").and_then(Value::as_str).ok_or("a signature has no `sig`")?;
        let sig = base64(sig).ok_or("a `sig` is not base64")?;
        let keyid = entry.get("keyid").and_then(Value::as_str).unwrap_or_default().to_owned();
        signatures.push(Signature { keyid, sig });
    }
    Ok(Envelope { payload_type, payload, signatures, bundle: None })
}

/// Standard or URL-safe base64, padded or not, as DSSE wants it to be read.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let url = text.contains(['-', '_']);
    let decoded = match (url, text.ends_with('=')) {
        (false, true) => Base64::decode_vec(text),
        (false, false) => Base64Unpadded::decode_vec(text),
        (true, true) => Base64Url::decode_vec(text),
        (true, false) => Base64UrlUnpadded::decode_vec(text),
    };
    decoded.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::Algorithm;

    fn read_text(text: &str) -> Result<Vec<AttestationDocument>, EnvelopeError> {
        read_attestations(&Source::Bytes(text.as_bytes().into()))
    }

    fn signed(text: &str) -> Envelope {
        match read_text(text).unwrap().remove(0) {
            AttestationDocument::Signed(envelope) => envelope,
            other => panic!("not signed: {other:?}"),
        }
    }

    #[test]
    fn the_example_of_the_protocol() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn what_was_signed_is_read_back_and_checked() {
        let keys = [Algorithm::Ed25519, Algorithm::P256].map(|a| PrivateKey::generate(a).unwrap());
        let public = [keys[0].public(), keys[1].public()];
        let envelope = Envelope::sign(IN_TOTO, b"{}".to_vec(), &[&keys[0], &keys[1]]);
        let read = signed(&envelope.to_json());
        assert_eq!(read, envelope);
        assert_eq!(read.signed_by(&public), [0, 1]);
        let mut one = read.clone();
        one.signatures.remove(0);
        assert_eq!(one.signed_by(&public), [1]);
        // The type is signed too, and so are the bytes; the key id is not.
        let other = Envelope { payload_type: "text/plain".to_owned(), ..read.clone() };
        assert!(other.signed_by(&public).is_empty());
        let other = Envelope { payload: b"[]".to_vec(), ..read.clone() };
        assert!(other.signed_by(&public).is_empty());
        let mut renamed = read;
        renamed.signatures[0].keyid = "x".to_owned();
        assert_eq!(renamed.signed_by(&public), [0, 1]);
    }

    #[test]
    fn base64_of_every_kind() {
        for text in ["-_-_", "+/+/"] {
            assert_eq!(base64(text).unwrap(), [0xfb, 0xff, 0xbf]);
        }
        for text in ["YQ==", "YQ"] {
            assert_eq!(base64(text).unwrap(), b"a");
        }
        for text in ["YQ=", "Y Q==", "+/-_", "YR==", "é"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_envelope_is_an_error() {
        for (text, why) in [
            ("", "empty"),
            ("[]", "not an object"),
            ("{}", "no `payloadType`"),
            (r#"{"payloadType":"x","payload":"e30=","signatures":[]}"#, "empty"),
            (r#"{"payloadType":"x","payload":"e30=","signatures":[{}]}"#, "no `sig`"),
            (r#"{"payloadType":"x","payload":"e3","payload":"e30=","signatures":[{"sig":""}]}"#, "duplicate"),
            (r#"{"payloadType":"x","payload":"?","signatures":[{"sig":""}]}"#, "not base64"),
            (r#"{"payloadType":"x","payload":"e30=","signatures":[{"sig":""}]} x"#, "JSON"),
            (r#"{"_type":"https://example.com/x"}"#, "not an in-toto statement"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    /// `cosign attest` and `cosign verify-attestation` write envelopes, `--bundle` puts them into one of two others.
    #[test]
    fn envelopes_inside_of_bundles() {
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let text = Envelope::sign(IN_TOTO, b"{}".to_vec(), &[&key]).to_json();
        let sigstore = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"x"}},"tlogEntries":[]}},"dsseEnvelope":{text}}}"#
        );
        let cosign = |inner: &str| {
            format!(
                r#"{{"base64Signature":"{}","cert":"","rekorBundle":null}}"#,
                Base64::encode_string(inner.as_bytes())
            )
        };
        for bundle in [&sigstore, &cosign(&text), &cosign(&format!("{text}\n"))] {
            assert_eq!(Envelope { bundle: None, ..signed(bundle) }, signed(&text));
            assert_eq!(signed(bundle).signed_by(&[key.public()]), [0], "{bundle}");
        }
        for (text, why) in [
            (cosign("a signature"), "nothing shows whose"),
            (cosign(&format!("{text}{text}")), "nothing shows whose"),
            (cosign("{}"), "no `payloadType`"),
            (r#"{"base64Signature":7}"#.to_owned(), "not base64"),
            (sigstore.replace("dsseEnvelope\":{", "dsseEnvelope\":{\"payload\":\"e30=\","), "duplicate"),
        ] {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn several_in_a_file() {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let line = Envelope::sign(IN_TOTO, b"{}".to_vec(), &[&key]).to_json();
        let bare = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[]}"#;
        let read = read_text(&format!("{line}\n{bare}\n{line}\n")).unwrap();
        assert_eq!(read.len(), 3);
        assert!(matches!(&read[1], AttestationDocument::Bare(text) if text == bare.as_bytes()));
        let error = read_text(&format!("{line}\n{{}}")).unwrap_err().to_string();
        assert!(error.contains("number 2 of the file"), "{error}");
    }
}

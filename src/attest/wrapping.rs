//! Wrappings that registries and tools put around attestations, taken off: lists of GitHub and npm, `gcloud`'s
//! descriptions, PyPI's attestations (PEP 740), and the bundles of cosign before Sigstore's own.
//!
//! Only the wrapping is undone here. What comes out is read and checked as if it had been given by itself.

use base64ct::{Base64, Encoding as _};
use serde_json::{Map, Value, json};

use super::dsse::{IN_TOTO, base64};

/// Media type of the bundles that older forms are turned into: with a promise of the log, and without its proof.
const BUNDLE_V01: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
/// Media type of current bundles.
const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The attestations in a wrapping; `None` where there is none.
pub(super) fn unwrapped(value: &Value) -> Option<Vec<Value>> {
    match value {
        // `gcloud container analysis occurrences list`, and lists of bundles.
        Value::Array(items) if !items.is_empty() => {
            let of = |item: &Value| occurrence(item).or_else(|| is_attestation(item).then(|| item.clone()));
            items.iter().map(of).collect()
        }
        Value::Object(object) => {
            // GitHub's and npm's APIs: each with the bundle beside where it came from.
            if let Some(Value::Array(list)) = object.get("attestations") {
                return list
                    .iter()
                    .map(|one| one.get("bundle").filter(|bundle| bundle.is_object()).cloned())
                    .collect();
            }
            // PyPI's integrity API: attestations by publisher.
            if let Some(Value::Array(bundles)) = object.get("attestation_bundles") {
                let mut all = Vec::new();
                for bundle in bundles {
                    for one in bundle.get("attestations")?.as_array()? {
                        all.push(of_pypi(one)?);
                    }
                }
                return Some(all);
            }
            if object.contains_key("verification_material") && object.contains_key("envelope") {
                return of_pypi(value).map(|bundle| vec![bundle]);
            }
            // `gcloud artifacts docker images describe --show-provenance`.
            if let Some(Value::Array(list)) = value.pointer("/provenance_summary/provenance") {
                return list.iter().map(occurrence).collect();
            }
            occurrence(value).map(|envelope| vec![envelope])
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn is_attestation(value: &Value) -> bool {
    ["dsseEnvelope", "payloadType", "base64Signature"].iter().any(|key| value.get(key).is_some())
}

/// The envelope of an occurrence of Google's Container Analysis, which stands beside copies of its content.
fn occurrence(value: &Value) -> Option<Value> {
    let object = value.as_object()?;
    let marks = ["noteName", "resourceUri", "kind", "build"];
    if !marks.iter().any(|mark| object.contains_key(*mark)) {
        return None;
    }
    object.get("envelope").filter(|envelope| envelope.get("payloadType").is_some()).cloned()
}

/// A bundle from an attestation object of PEP 740, which holds the same under other names.
fn of_pypi(value: &Value) -> Option<Value> {
    let envelope = value.get("envelope")?;
    let material = value.get("verification_material")?;
    Some(json!({
        "mediaType": BUNDLE_V03,
        "verificationMaterial": {
            "certificate": {"rawBytes": material.get("certificate")?},
            "tlogEntries": material.get("transparency_entries")?,
        },
        "dsseEnvelope": {
            "payloadType": IN_TOTO,
            "payload": envelope.get("statement")?,
            "signatures": [{"sig": envelope.get("signature")?, "keyid": ""}],
        },
    }))
}

/// A bundle from what `cosign --bundle` wrote until version 2: the certificate in PEM and the log's promise. `None` where
/// it names a key or holds no entry of the log.
pub(super) fn of_older_cosign(object: &Map<String, Value>, content: &str, inner: &Value) -> Option<Value> {
    let certificate = object.get("cert").and_then(Value::as_str).filter(|text| !text.is_empty())?;
    // Some versions encode the PEM text once more.
    let decoded = if certificate.contains("-----BEGIN") {
        certificate.to_owned()
    } else {
        String::from_utf8(base64(certificate)?).ok()?
    };
    let mut chain = Vec::new();
    for block in decoded.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body: String = block.split("-----END").next()?.split_whitespace().collect();
        chain.push(json!({ "rawBytes": body }));
    }
    let log = object.get("rekorBundle")?;
    let payload = log.get("Payload")?;
    let body = payload.get("body").and_then(Value::as_str)?;
    let entry: Value = serde_json::from_slice(&base64(body)?).ok()?;
    let log_id = super::keyless::bytes_of::<32>(payload.get("logID").and_then(Value::as_str)?)?;
    Some(json!({
        "mediaType": BUNDLE_V01,
        "verificationMaterial": {
            "x509CertificateChain": {"certificates": chain},
            "tlogEntries": [{
                "logIndex": payload.get("logIndex")?.as_u64()?.to_string(),
                "logId": {"keyId": Base64::encode_string(&log_id)},
                "kindVersion": {"kind": entry.get("kind")?, "version": entry.get("apiVersion")?},
                "integratedTime": payload.get("integratedTime")?.as_u64()?.to_string(),
                "inclusionPromise": {"signedEntryTimestamp": log.get("SignedEntryTimestamp")?},
                "canonicalizedBody": body,
            }],
        },
        content: inner,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrapping_is_taken_off() {
        let envelope = json!({"payloadType": "t", "payload": "e30=", "signatures": [{"sig": "AA=="}]});
        let bundle = json!({"dsseEnvelope": envelope});
        for (value, inner) in [
            (
                json!({"attestations": [{"bundle": bundle, "repository_id": 1}, {"bundle": bundle}]}),
                vec![&bundle; 2],
            ),
            (json!({"attestations": [{"predicateType": "p", "bundle": bundle}]}), vec![&bundle]),
            (
                json!({"image_summary": {}, "provenance_summary": {"provenance": [{"noteName": "n", "envelope": envelope}]}}),
                vec![&envelope],
            ),
            (json!([{"kind": "BUILD", "envelope": envelope}]), vec![&envelope]),
            (json!([bundle, envelope]), vec![&bundle, &envelope]),
        ] {
            assert_eq!(unwrapped(&value).unwrap().iter().collect::<Vec<_>>(), inner, "{value}");
        }
        // What is none is left alone, and what is half one is not halved.
        for value in [
            envelope.clone(),
            bundle.clone(),
            json!([]),
            json!({}),
            json!([{"kind": "BUILD"}]),
            json!([envelope, {}]),
        ] {
            assert_eq!(unwrapped(&value), None, "{value}");
        }
        assert_eq!(unwrapped(&json!({"attestations": [{"bundle": null}]})), None);
    }

    #[test]
    fn attestations_of_pypi_are_bundles() {
        let one = json!({
            "version": 1,
            "envelope": {"statement": "e30=", "signature": "AA=="},
            "verification_material": {"certificate": "MA==", "transparency_entries": [{"logIndex": "1"}]},
        });
        let listed = json!({"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [one]}]});
        let made = unwrapped(&listed).unwrap();
        assert_eq!(made, unwrapped(&one).unwrap());
        assert_eq!(made[0]["verificationMaterial"]["tlogEntries"][0]["logIndex"], "1");
        assert_eq!(made[0]["dsseEnvelope"]["payload"], "e30=");
    }
}

//! Attacks on bundles that are accepted: every byte counts, and no part of one fits another.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use super::*;
use crate::attest::dsse::{AttestationDocument, read_attestations};
use crate::report::Source;

const PIPELINE: &str = "https://gitlab.invalid/team/api//.gitlab-ci.yml@refs/heads/main";

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keyless").join(name)).unwrap()
}

fn signer(identity: &[&str], issuer: &str, roots: TrustedRoots) -> KeylessSigner {
    let identity = identity.iter().map(|text| IdentityGlob::new(text).unwrap()).collect();
    KeylessSigner { roots, issuer: issuer.to_owned(), identity, claims: Vec::new() }
}

fn pipeline() -> KeylessSigner {
    let roots = TrustedRoots::from_bytes(&fixture("trusted_root.json")).unwrap();
    signer(&[PIPELINE], "https://gitlab.invalid", roots)
}

/// Parts of a file that a signer accepts: the payload with its type, and the certificate's facts; of a signature of a file the
/// facts alone.
type Accepted = (Vec<u8>, String, CertificateFacts);

fn accepted(bytes: &[u8], signer: &KeylessSigner, file: SignedFile<'_>) -> Option<Accepted> {
    let documents = read_attestations(&Source::Bytes(bytes.into())).ok()?;
    match documents.as_slice() {
        [AttestationDocument::Signed(envelope)] => {
            let facts = signer.verify_envelope(envelope).ok()?;
            Some((envelope.payload.clone(), envelope.payload_type.clone(), facts))
        }
        [AttestationDocument::OfFile(bundle)] => {
            let facts = signer.verify_file(bundle, file).ok()?;
            Some((Vec::new(), String::new(), facts))
        }
        _ => None,
    }
}

/// A bundle with whoever may have signed it and the file that it may be the signature of.
struct Case {
    name: String,
    bytes: Vec<u8>,
    signer: KeylessSigner,
    file: Vec<u8>,
}

impl Case {
    fn accepted(&self, bytes: &[u8]) -> Option<Accepted> {
        accepted(bytes, &self.signer, SignedFile::Bytes(&self.file))
    }
}

/// The fixtures that the pipeline signed, and of the conformance suite what is to verify, where it is at hand.
fn cases() -> Vec<Case> {
    let ours = ["provenance", "contradiction", "npm", "file"].map(|name| Case {
        name: name.to_owned(),
        bytes: fixture(&format!("{name}.sigstore.json")),
        signer: pipeline(),
        file: b"a file\n".to_vec(),
    });
    let mut cases: Vec<Case> = ours.into_iter().collect();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sigstore");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&suite).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let bundle = folder.join("bundle.sigstore.json");
        if name.ends_with("_fail") || !bundle.is_file() || folder.join("key.pub").is_file() {
            continue;
        }
        let roots = match fs::read(folder.join("trusted_root.json")) {
            Ok(root) => TrustedRoots::from_bytes(&root).unwrap(),
            Err(_) => TrustedRoots::embedded(crate::policy::EmbeddedRoot::Sigstore),
        };
        let beacon = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                      extremely-dangerous-oidc-beacon.yml@refs/heads/main";
        let own = fs::read(folder.join("artifact"));
        cases.push(Case {
            name,
            bytes: fs::read(bundle).unwrap(),
            signer: signer(&[beacon], GITHUB_ISSUER, roots),
            file: own.unwrap_or_else(|_| fs::read(suite.join("a.txt")).unwrap()),
        });
    }
    cases
}

#[test]
fn what_is_accepted_is_accepted() {
    for case in cases() {
        assert!(case.accepted(&case.bytes).is_some(), "{}", case.name);
    }
}

/// A thousand changed bits of each kind of bundle. Where one is in a part that nobody signs (a hint, a blank), what is
/// accepted is what was signed.
#[test]
fn a_changed_byte_changes_nothing_that_is_accepted() {
    let mut cases = cases();
    cases.truncate(10);
    let each = 1_000 / cases.len() + 1;
    let (mut seed, mut flips, mut unchanged) = (0x5eed_u64, 0, Vec::new());
    for case in &cases {
        let original = case.accepted(&case.bytes);
        for _ in 0..each {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(seed >> 33).unwrap() % case.bytes.len();
            let mut changed = case.bytes.clone();
            changed[at] ^= 1 << ((seed >> 20) % 8);
            flips += 1;
            let found = case.accepted(&changed);
            if found.is_some() {
                let around = String::from_utf8_lossy(
                    &case.bytes[at.saturating_sub(30)..(at + 30).min(case.bytes.len())],
                )
                .into_owned();
                assert_eq!(found, original, "{}: a changed byte at {at} is accepted: {around}", case.name);
                unchanged.push(format!("{} at {at}: {around}", case.name));
            }
        }
    }
    assert!(flips >= 1_000);
    println!("{flips} flips, {} of them in what nobody signs:\n{}", unchanged.len(), unchanged.join("\n"));
}

/// Parts of a bundle that are put into another.
const PARTS: &[&str] = &[
    "/verificationMaterial/certificate",
    "/verificationMaterial/tlogEntries",
    "/verificationMaterial/tlogEntries/0/canonicalizedBody",
    "/verificationMaterial/tlogEntries/0/inclusionPromise",
    "/verificationMaterial/tlogEntries/0/inclusionProof",
    "/verificationMaterial/tlogEntries/0/integratedTime",
    "/verificationMaterial/tlogEntries/0/kindVersion",
    "/verificationMaterial/tlogEntries/0/logId",
    "/verificationMaterial/timestampVerificationData",
    "/dsseEnvelope/payload",
    "/dsseEnvelope/payloadType",
    "/dsseEnvelope/signatures",
    "/messageSignature/signature",
];

#[test]
fn no_part_of_a_bundle_fits_another() {
    let cases = cases();
    let mut attacks = 0;
    for case in &cases {
        let original = case.accepted(&case.bytes);
        let value: Value = serde_json::from_slice(&case.bytes).unwrap();
        for other in cases.iter().filter(|other| other.name != case.name) {
            let donor: Value = serde_json::from_slice(&other.bytes).unwrap();
            for part in PARTS {
                let (Some(theirs), mut attack) = (donor.pointer(part), value.clone()) else { continue };
                let Some(ours) = attack.pointer_mut(part).filter(|ours| *ours != theirs) else { continue };
                *ours = theirs.clone();
                attacks += 1;
                let found = case.accepted(attack.to_string().as_bytes());
                // Two bundles of one signature may have proofs that are both good.
                if found.is_some() {
                    assert_eq!(found, original, "{} with {part} of {}", case.name, other.name);
                    // Which of the root's own logs an entry names is a hint.
                    if part.ends_with("/logId") {
                        continue;
                    }
                    let same = donor.pointer("/dsseEnvelope").or(donor.pointer("/messageSignature"))
                        == value.pointer("/dsseEnvelope").or(value.pointer("/messageSignature"));
                    assert!(same, "{} with {part} of {} is accepted", case.name, other.name);
                }
            }
        }
    }
    println!("{attacks} attacks");
    assert!(attacks >= 40);
}

#[test]
fn what_is_taken_away_is_missed() {
    for case in cases() {
        let value: Value = serde_json::from_slice(&case.bytes).unwrap();
        let without = |part: &str| {
            let (folder, key) = part.rsplit_once('/').unwrap();
            let mut value = value.clone();
            value.pointer_mut(folder)?.as_object_mut()?.remove(key)?;
            Some(value)
        };
        let parts = ["/mediaType", "/verificationMaterial", "/dsseEnvelope", "/messageSignature"];
        for part in parts.iter().chain(PARTS) {
            let Some(attack) = without(part).filter(|attack| *attack != value) else { continue };
            let found = case.accepted(attack.to_string().as_bytes());
            // A time stamp beside the log's own time is one witness more, and the proof beside the promise of old bundles.
            let spare = part.ends_with("/timestampVerificationData") || part.ends_with("/inclusionProof");
            let content = |found: &Option<Accepted>| found.as_ref().map(|(payload, ..)| payload.clone());
            let original = case.accepted(&case.bytes);
            assert!(
                found.is_none() || spare && content(&found) == content(&original),
                "{} without {part}",
                case.name
            );
        }
    }
}

#[test]
fn one_thing_wrong_is_enough() {
    let signer = pipeline();
    let refused = |name: &str| {
        let bytes = fixture(name);
        let documents = read_attestations(&Source::Bytes(bytes.as_slice().into())).unwrap();
        let [AttestationDocument::Signed(envelope)] = documents.as_slice() else { panic!("{name}") };
        signer.verify_envelope(envelope).expect_err(name)
    };
    for (name, why) in [
        ("bad-late", "certificate chain"),
        ("bad-early", "certificate chain"),
        ("bad-usage", "certificate chain"),
        ("bad-authority", "certificate chain"),
        ("bad-lookalike", "was signed by https://gitlab.invalid/team/xn--ap"),
        ("branch", "was signed by"),
        ("elsewhere", "is not verified"),
        ("person", "was signed by an identity of https://login.invalid"),
    ] {
        let error = refused(&format!("{name}.sigstore.json"));
        assert!(error.contains(why), "{name}: {error}");
    }
}

/// A way to change a bundle.
type Attack<'a> = Box<dyn Fn(&mut Value) + 'a>;

#[test]
#[allow(clippy::too_many_lines, reason = "a list")]
fn structured_attacks_on_a_statement() {
    let case = cases().into_iter().find(|case| case.name == "provenance").unwrap();
    let value: Value = serde_json::from_slice(&case.bytes).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = value.clone();
        change(&mut value);
        case.accepted(value.to_string().as_bytes())
    };
    let stranger: Value = serde_json::from_slice(&fixture("elsewhere.sigstore.json")).unwrap();
    let root: Value = serde_json::from_slice(&fixture("elsewhere_root.json")).unwrap();
    let certificate = "/verificationMaterial/certificate";
    let attacks: Vec<(&str, Attack<'_>)> = vec![
        (
            "a key in place of the certificate",
            Box::new(|v| {
                let material = v["verificationMaterial"].as_object_mut().unwrap();
                material.remove("certificate");
                material.insert("publicKey".into(), serde_json::json!({"hint": "x"}));
            }),
        ),
        (
            "a key beside the certificate",
            Box::new(|v| v["verificationMaterial"]["publicKey"] = serde_json::json!({"hint": "x"})),
        ),
        (
            "a chain that brings its root",
            Box::new(|v| {
                let leaf = v.pointer(certificate).unwrap().clone();
                let root = root["certificateAuthorities"][0]["certChain"]["certificates"][0].clone();
                let material = v["verificationMaterial"].as_object_mut().unwrap();
                material.remove("certificate");
                material
                    .insert("x509CertificateChain".into(), serde_json::json!({"certificates": [leaf, root]}));
                v["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
            }),
        ),
        (
            "another instance's everything but the payload",
            Box::new(|v| {
                let payload = v["dsseEnvelope"]["payload"].clone();
                *v = stranger.clone();
                v["dsseEnvelope"]["payload"] = payload;
            }),
        ),
        (
            "no entry of the log",
            Box::new(|v| v["verificationMaterial"]["tlogEntries"] = serde_json::json!([])),
        ),
        (
            "an entry of another log",
            Box::new(|v| {
                v["verificationMaterial"]["tlogEntries"] =
                    stranger["verificationMaterial"]["tlogEntries"].clone();
            }),
        ),
        (
            "a second entry, of another log",
            Box::new(|v| {
                let other = stranger["verificationMaterial"]["tlogEntries"][0].clone();
                v["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(other);
            }),
        ),
        (
            "no promise",
            Box::new(|v| {
                v["verificationMaterial"]["tlogEntries"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("inclusionPromise");
            }),
        ),
        (
            "another size of the log",
            Box::new(|v| {
                v["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["treeSize"] = "2".into();
            }),
        ),
        (
            "a later time",
            Box::new(|v| v["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1748779261".into()),
        ),
        (
            "a negative index",
            Box::new(|v| v["verificationMaterial"]["tlogEntries"][0]["logIndex"] = "-1".into()),
        ),
        ("no signature", Box::new(|v| v["dsseEnvelope"]["signatures"] = serde_json::json!([]))),
        ("a signature of nothing", Box::new(|v| v["dsseEnvelope"]["signatures"][0]["sig"] = "".into())),
        (
            "another type of payload",
            Box::new(|v| v["dsseEnvelope"]["payloadType"] = "application/json".into()),
        ),
        (
            "another version of bundles",
            Box::new(|v| v["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.9+json".into()),
        ),
        ("two contents", Box::new(|v| v["messageSignature"] = serde_json::json!({"signature": "AA=="}))),
        (
            "a statement in place of the bundle",
            Box::new(|v| *v = serde_json::json!({"_type": super::super::statement::V1})),
        ),
    ];
    for (what, attack) in &attacks {
        assert_eq!(changed(attack.as_ref()), None, "{what}");
    }
    // A signature more, by nobody, takes nothing away: one that holds is enough.
    let more = changed(&|v| {
        v["dsseEnvelope"]["signatures"].as_array_mut().unwrap().insert(0, serde_json::json!({"sig": "AA=="}));
    });
    assert_eq!(more, case.accepted(&case.bytes));
}

/// A way to change a bundle of any kind; false where it has no such part.
type Change = fn(&mut Value) -> bool;

fn replaced(value: &mut Value, pointer: &str, by: Value) -> bool {
    value.pointer_mut(pointer).filter(|part| **part != by).map(|part| *part = by).is_some()
}

/// Changes the text at a place.
fn reworded(value: &mut Value, pointer: &str, by: fn(&str) -> String) -> bool {
    let text = value.pointer(pointer).and_then(Value::as_str).map(by);
    text.is_some_and(|text| replaced(value, pointer, text.into()))
}

/// Changes the statement that an envelope holds.
fn restated(value: &mut Value, change: fn(&mut Value)) -> bool {
    let Some(payload) = value.pointer("/dsseEnvelope/payload").and_then(Value::as_str) else { return false };
    let Ok(mut statement) = serde_json::from_slice(&Base64::decode_vec(payload).unwrap()) else {
        return false;
    };
    change(&mut statement);
    let text = Base64::encode_string(statement.to_string().as_bytes());
    replaced(value, "/dsseEnvelope/payload", text.into())
}

/// Bytes in base64 with the last one changed, one less, or one more.
fn rebased(text: &str, change: fn(&mut Vec<u8>)) -> String {
    let mut bytes = Base64::decode_vec(text).unwrap_or_default();
    change(&mut bytes);
    Base64::encode_string(&bytes)
}

const CERTIFICATE: &str = "/verificationMaterial/certificate/rawBytes";
const LEAF: &str = "/verificationMaterial/x509CertificateChain/certificates/0/rawBytes";
const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// What somebody can do to a bundle without a key.
const CHANGES: &[(&str, Change)] = &[
    ("the certificate of another instance", |v| {
        let other: Value = serde_json::from_slice(&fixture("elsewhere.sigstore.json")).unwrap();
        let leaf = other.pointer(CERTIFICATE).unwrap().clone();
        replaced(v, CERTIFICATE, leaf.clone()) || replaced(v, LEAF, leaf)
    }),
    ("a certificate that is cut", |v| {
        let cut = |text: &str| rebased(text, |bytes| bytes.truncate(bytes.len() / 2));
        reworded(v, CERTIFICATE, cut) || reworded(v, LEAF, cut)
    }),
    ("a certificate with another signature", |v| {
        let last = |text: &str| rebased(text, |bytes| *bytes.last_mut().unwrap() ^= 1);
        reworded(v, CERTIFICATE, last) || reworded(v, LEAF, last)
    }),
    ("a certificate with something behind it", |v| {
        let more = |text: &str| rebased(text, |bytes| bytes.push(0));
        reworded(v, CERTIFICATE, more) || reworded(v, LEAF, more)
    }),
    ("a certificate without its proof of the log", |v| {
        // The bytes of the extension for it, 1.3.6.1.4.1.11129.2.4.2, stand for another one then.
        let without = |text: &str| {
            rebased(text, |bytes| {
                let id = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
                let at = memchr::memmem::find(bytes, &id).unwrap_or_default();
                *bytes.get_mut(at + id.len() - 1).unwrap() = 9;
            })
        };
        reworded(v, CERTIFICATE, without) || reworded(v, LEAF, without)
    }),
    ("no certificate", |v| replaced(v, CERTIFICATE, "".into()) || replaced(v, LEAF, "".into())),
    ("a chain the other way round", |v| {
        let list = v.pointer_mut("/verificationMaterial/x509CertificateChain/certificates");
        list.and_then(Value::as_array_mut).filter(|list| list.len() > 1).map(|list| list.reverse()).is_some()
    }),
    ("no entry of the log", |v| replaced(v, "/verificationMaterial/tlogEntries", serde_json::json!([]))),
    ("neither promise nor proof of the log", |v| {
        let entry = v.pointer_mut(ENTRY).and_then(Value::as_object_mut);
        entry.is_some_and(|entry| {
            entry.remove("inclusionPromise").is_some() | entry.remove("inclusionProof").is_some()
        })
    }),
    ("the log's entry of another artifact", |v| {
        let other: Value = serde_json::from_slice(&fixture("npm.sigstore.json")).unwrap();
        let body = other.pointer(&format!("{ENTRY}/canonicalizedBody")).unwrap().clone();
        replaced(v, &format!("{ENTRY}/canonicalizedBody"), body)
    }),
    ("an entry of nothing", |v| replaced(v, &format!("{ENTRY}/canonicalizedBody"), "e30=".into())),
    ("an entry of another kind", |v| replaced(v, &format!("{ENTRY}/kindVersion/kind"), "rekord".into())),
    ("an entry of another version", |v| replaced(v, &format!("{ENTRY}/kindVersion/version"), "9.9.9".into())),
    ("a time before the certificate", |v| replaced(v, &format!("{ENTRY}/integratedTime"), "1".into())),
    ("a time behind the certificate", |v| {
        replaced(v, &format!("{ENTRY}/integratedTime"), "4102444800".into())
    }),
    ("an hour later", |v| {
        reworded(v, &format!("{ENTRY}/integratedTime"), |time| {
            (time.parse::<i64>().unwrap() + 3600).to_string()
        })
    }),
    ("another promise", |v| {
        reworded(v, &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), |text| {
            rebased(text, |bytes| *bytes.last_mut().unwrap() ^= 1)
        })
    }),
    ("another root of the log's tree", |v| {
        reworded(v, &format!("{ENTRY}/inclusionProof/rootHash"), |_| Base64::encode_string(&[0; 32]))
    }),
    ("a proof of another entry", |v| {
        reworded(v, &format!("{ENTRY}/inclusionProof/logIndex"), |at| {
            (at.parse::<u64>().unwrap() ^ 1).to_string()
        })
    }),
    ("a proof without its hashes", |v| {
        replaced(v, &format!("{ENTRY}/inclusionProof/hashes"), serde_json::json!([]))
    }),
    ("a checkpoint of another log", |v| {
        reworded(v, &format!("{ENTRY}/inclusionProof/checkpoint/envelope"), |text| {
            text.replacen(text.lines().next().unwrap_or_default(), "log.invalid", 1)
        })
    }),
    ("a checkpoint that nobody signed", |v| {
        reworded(v, &format!("{ENTRY}/inclusionProof/checkpoint/envelope"), |text| {
            text.split("\n\n").next().unwrap_or_default().to_owned() + "\n\n"
        })
    }),
    ("another time stamp", |v| {
        let at = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
        reworded(v, at, |text| rebased(text, |bytes| *bytes.last_mut().unwrap() ^= 1))
    }),
    ("a time stamp that is cut", |v| {
        let at = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
        reworded(v, at, |text| rebased(text, |bytes| bytes.truncate(bytes.len() / 2)))
    }),
    ("another type of payload", |v| replaced(v, "/dsseEnvelope/payloadType", "application/json".into())),
    ("the same type in capitals", |v| reworded(v, "/dsseEnvelope/payloadType", str::to_uppercase)),
    ("another artifact in the statement", |v| {
        restated(v, |statement| {
            statement["subject"][0]["digest"] = serde_json::json!({"sha256": "0".repeat(64)});
        })
    }),
    ("an artifact more in the statement", |v| {
        restated(v, |statement| {
            let more = serde_json::json!({"name": "x", "digest": {"sha256": "0".repeat(64)}});
            statement["subject"].as_array_mut().unwrap().push(more);
        })
    }),
    ("another predicate", |v| {
        restated(v, |statement| {
            statement["predicateType"] = "x".into();
        })
    }),
    ("another key in the statement", |v| {
        restated(v, |statement| {
            statement["extra"] = true.into();
        })
    }),
    ("an empty payload", |v| replaced(v, "/dsseEnvelope/payload", "".into())),
    ("no signature", |v| replaced(v, "/dsseEnvelope/signatures", serde_json::json!([]))),
    ("a signature of another bundle", |v| {
        let other: Value = serde_json::from_slice(&fixture("elsewhere.sigstore.json")).unwrap();
        let theirs = other["dsseEnvelope"]["signatures"][0]["sig"].clone();
        replaced(v, "/dsseEnvelope/signatures/0/sig", theirs.clone())
            || replaced(v, "/messageSignature/signature", theirs)
    }),
    ("two signatures of others", |v| {
        let other: Value = serde_json::from_slice(&fixture("elsewhere.sigstore.json")).unwrap();
        let theirs = other["dsseEnvelope"]["signatures"][0].clone();
        replaced(v, "/dsseEnvelope/signatures", serde_json::json!([theirs, theirs]))
    }),
    ("a signature that is cut", |v| {
        let cut = |text: &str| rebased(text, |bytes| bytes.truncate(bytes.len() - 1));
        reworded(v, "/dsseEnvelope/signatures/0/sig", cut) || reworded(v, "/messageSignature/signature", cut)
    }),
    ("a signature with something behind it", |v| {
        let more = |text: &str| rebased(text, |bytes| bytes.push(0));
        reworded(v, "/dsseEnvelope/signatures/0/sig", more)
            || reworded(v, "/messageSignature/signature", more)
    }),
    ("another digest of the file", |v| {
        reworded(v, "/messageSignature/messageDigest/digest", |_| Base64::encode_string(&[0; 32]))
    }),
    ("a version of bundles that nobody knows", |v| {
        replaced(v, "/mediaType", "application/vnd.dev.sigstore.bundle.v0.9+json".into())
    }),
    ("no version of bundles", |v| {
        v.as_object_mut().is_some_and(|object| object.remove("mediaType").is_some())
    }),
];

/// Identities that look like the one that signed, or hold it.
fn lookalikes(identity: &str) -> Vec<String> {
    let (before, after) = identity.rsplit_once('/').unwrap();
    vec![
        identity.replacen('o', "0", 1),
        identity.replacen('a', "\u{430}", 1),
        identity.replacen('e', "\u{435}", 1),
        identity.replacen('o', "\u{43e}", 1),
        identity.replacen('.', "\u{2024}", 1),
        identity.replacen('/', "\u{2215}", 1),
        identity.replacen("https", "http", 1),
        identity.replacen("heads", "tags", 1),
        identity.to_uppercase(),
        format!("{identity}/"),
        format!("{identity} "),
        format!("{identity}\u{200b}"),
        format!("{identity}x"),
        format!("{before}/{after}/*"),
        format!("{before}/x{after}"),
        identity.trim_end_matches(after).to_owned(),
    ]
}

/// At least two hundred attacks, none of which is accepted. An attack that touches nothing that is signed (a hint, the proof beside a
/// promise) leaves what was accepted as it was, and does not count.
#[test]
fn two_hundred_attacks_and_none_is_accepted() {
    let (mut refused, mut unchanged) = (0, Vec::new());
    let mut cases = cases();
    cases.truncate(12);
    let elsewhere = TrustedRoots::from_bytes(&fixture("elsewhere_root.json")).unwrap();
    for case in &cases {
        let original = case.accepted(&case.bytes);
        assert!(original.is_some(), "{}", case.name);
        let mut judge = |what: &str, found: Option<Accepted>| {
            if found.is_some() {
                assert_eq!(found, original, "{}: {what} is accepted as something else", case.name);
                unchanged.push(format!("{}: {what}", case.name));
            } else {
                refused += 1;
            }
        };
        for (what, change) in CHANGES {
            let mut value: Value = serde_json::from_slice(&case.bytes).unwrap();
            if change(&mut value) {
                judge(what, case.accepted(value.to_string().as_bytes()));
            }
        }
        let file = SignedFile::Bytes(&case.file);
        let identity = case.signer.identity.first().unwrap().text().to_owned();
        let issuer = case.signer.issuer.clone();
        let mut signers = Vec::new();
        for other in lookalikes(&identity).into_iter().filter(|other| *other != identity) {
            signers.push((other.clone(), signer(&[other.as_str()], &issuer, case.signer.roots.clone())));
        }
        for other in
            [format!("{issuer}/"), issuer.replacen('a', "\u{430}", 1), issuer.to_uppercase(), String::new()]
        {
            signers.push((other.clone(), signer(&[identity.as_str()], &other, case.signer.roots.clone())));
        }
        signers.push(("another root".to_owned(), signer(&[identity.as_str()], &issuer, elsewhere.clone())));
        let github = TrustedRoots::embedded(crate::policy::EmbeddedRoot::Github);
        signers.push(("GitHub's root".to_owned(), signer(&[identity.as_str()], &issuer, github)));
        for (what, other) in signers {
            let found = accepted(&case.bytes, &other, file);
            assert_eq!(found, None, "{}: {what}", case.name);
            judge(&what, found);
        }
        let mut other = case.file.clone();
        other.push(b' ');
        if original.as_ref().is_some_and(|(payload, ..)| payload.is_empty()) {
            judge("another file", accepted(&case.bytes, &case.signer, SignedFile::Bytes(&other)));
        }
    }
    println!(
        "{refused} attacks refused; {} change nothing that is signed:\n{}",
        unchanged.len(),
        unchanged.join("\n")
    );
    assert!(refused >= 200, "{refused}");
}

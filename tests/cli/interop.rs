//! Attestations against software that has nothing to do with secgate: Python's securesystemslib, in-toto,
//! in-toto-attestation and cryptography (tests/interop/peer.py). `SECGATE_VERIFIERS` is a Python that has them;
//! without one the tests are skipped, unless `SECGATE_DEMAND_TOOLS` is set.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::attest::{COMMIT, verdict_in};
use crate::common::{Dir, NOW, root};

/// The Python that has the packages.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SECGATE_VERIFIERS").map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let imports = "import securesystemslib, in_toto, in_toto_attestation, cryptography";
    let there = Command::new(&python).args(["-c", imports]).output().is_ok_and(|o| o.status.success());
    if !there {
        let demanded = named.is_some() || std::env::var_os("SECGATE_DEMAND_TOOLS").is_some();
        assert!(!demanded, "{} lacks a package of tests/interop/peer.py", python.display());
        println!("skipped: no Python with securesystemslib, in-toto, in-toto-attestation and cryptography");
    }
    there.then_some(python)
}

fn peer(python: &PathBuf, dir: &Dir, args: &[&str]) -> String {
    let script = root().join("tests/interop/peer.py");
    let output = Command::new(python).arg(script).args(args).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The signed bytes of the first envelope of a file.
fn payload(dir: &Dir, name: &str) -> Vec<u8> {
    use base64ct::Encoding as _;
    let line: Value = serde_json::from_str(dir.read(name).lines().next().unwrap()).unwrap();
    base64ct::Base64::decode_vec(line["payload"].as_str().unwrap()).unwrap()
}

#[test]
fn others_verify_what_secgate_signs_and_secgate_what_others_sign() {
    let Some(python) = python() else { return };
    for algorithm in ["ed25519", "p256"] {
        let dir = Dir::new();
        verdict_in(&dir, "verdict.json", &[]);
        assert_eq!(dir.run(&["attest", "keygen", "--algorithm", algorithm]).code, 0);
        let sign = ["attest", "--verdict", "verdict.json", "--output", "ours.jsonl", "--key"];
        assert_eq!(dir.run(&[&sign[..], &["secgate.key"]].concat()).code, 0);
        assert_eq!(
            peer(&python, &dir, &["verify", "secgate.pub", "ours.jsonl"]),
            "secgate:verdict/v1\nhttps://slsa.dev/verification_summary/v1\n"
        );
        // Their key and envelope around our statement.
        dir.write("payload", payload(&dir, "ours.jsonl"));
        peer(&python, &dir, &["sign", algorithm, "payload", "."]);
        let verify = ["verify", "--now", NOW, "--commit", COMMIT];
        let theirs = dir.run(&[&verify[..], &["signed.json", "--key", "key.pub"]].concat());
        assert_eq!(theirs.code, 0, "{theirs:?}");
        // Our key in their hands, and theirs in ours.
        peer(&python, &dir, &["resign", "secgate.key", "payload", "again.json"]);
        let again = dir.run(&[&verify[..], &["again.json", "--key", "secgate.pub"]].concat());
        assert_eq!(again.code, 0, "{again:?}");
        let signed = dir.run(&[&sign[..], &["key.pem"]].concat());
        assert_eq!(signed.code, 0, "{signed:?}");
        peer(&python, &dir, &["verify", "key.pub", "ours.jsonl"]);
        // A rule takes provenance that they make.
        let (digest, other) = ("a".repeat(64), "b".repeat(64));
        peer(&python, &dir, &["provenance", "key.pem", &digest, COMMIT, "provenance.json"]);
        let sha256 = secgate::finding::hex(&Sha256::digest(dir.read("key.pub")));
        dir.write(
            "policy.yaml",
            format!(
                "version: 1\ngate: package\nkeys: {{builder: {{file: key.pub, sha256: \"{sha256}\"}}}}\n\
                 evidence: {{slsa: {{document: provenance, files: [provenance.json]}}}}\nrules:\n  \
                 - {{id: built, then: fail, provenance: {{signed_by: [builder], predicate: [slsa-v1], commit: context, \
                 source: \"git+https://gitlab.shop.invalid/shop/web\", ref: [refs/heads/main], \
                 builder: [\"https://gitlab.shop.invalid/-/runners/7\"]}}}}\n"
            ),
        );
        for (digest, code) in [(digest, 0), (other, 1)] {
            let subject = format!("web@sha256:{digest}");
            let run = dir.check(&["--policy", "policy.yaml", "--commit", COMMIT, "--subject", &subject]);
            assert_eq!(run.code, code, "{run:?}");
        }
    }
}

//! Statements that somebody else signs, time stamps of signatures, and keys that end.

use base64ct::{Base64, Encoding as _};
use secgate::finding::hex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::attest::{COMMIT, verdict_in};
use crate::common::{Dir, NOW, SAST_POLICY, semgrep};

#[test]
fn what_somebody_else_signed_is_taken_back() {
    let dir = Dir::new();
    assert_eq!(dir.run(&["attest", "keygen"]).code, 0);
    assert_eq!(verdict_in(&dir, "verdict.json", &["--bundle", "b.tar"]).code, 0);
    let unsigned = |form: &str, output: &str| {
        let run = dir.run(&["attest", "--bundle", "b.tar", form, "--output", output]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        std::fs::read(dir.path().join(output)).unwrap()
    };
    let statement = unsigned("--unsigned", "statement.json");
    let bytes = unsigned("--unsigned=pae", "statement.pae");
    assert_eq!(
        bytes,
        [format!("DSSEv1 28 application/vnd.in-toto+json {} ", statement.len()).as_bytes(), &statement]
            .concat()
    );
    assert_eq!(unsigned("--unsigned=pae", "statement.pae"), bytes);
    // A key management service signs those bytes; here secgate's own key does.
    let pem = dir.read("secgate.key");
    let key = secgate::attest::PrivateKey::from_pem(&pem).unwrap();
    let signature = key.sign(&bytes);
    let back = |name: &str, text: &[u8], more: &[&str]| {
        dir.write(name, text);
        let args = ["attest", "--signature", name, "--public-key", "secgate.pub", "--output", "back.jsonl"];
        dir.run(&[&args[..], more].concat())
    };
    let with_statement = ["--statement", "statement.json"];
    let verified =
        || dir.run(&["verify", "--key", "secgate.pub", "--now", NOW, "--recompute", "b.tar", "back.jsonl"]);
    for (name, text) in
        [("s.bin", signature.clone()), ("s.txt", Base64::encode_string(&signature).into_bytes())]
    {
        let run = back(name, &text, &with_statement);
        assert_eq!(run.code, 0, "{run:?}");
        assert_eq!((verified().code, dir.read("back.jsonl").lines().count()), (0, 1), "{:?}", verified());
    }
    // An envelope needs no statement.
    let envelope = dir.read("back.jsonl");
    assert_eq!(back("e.json", envelope.as_bytes(), &[]).code, 0);
    assert_eq!(verified().code, 0);
    // What is not this key's, or not a verdict, is not taken, and what was there is gone.
    assert_eq!(dir.run(&["attest", "keygen", "--output", "other"]).code, 0);
    let refused = |name: &str, text: &[u8], more: &[&str], why: &str| {
        let run = back(name, text, more);
        assert!(run.code == 2 && run.stderr.contains(why) && !dir.exists("back.jsonl"), "{why}: {run:?}");
    };
    refused("s.bin", &signature, &[], "give the statement that was signed");
    let mut flipped = signature.clone();
    flipped[7] ^= 1;
    refused("s.bin", &flipped, &with_statement, "is no signature of the statement by that key");
    refused("s.bin", b"", &with_statement, "is no signature of the statement by that key");
    let raw = key.sign(&statement);
    refused("s.bin", &raw, &with_statement, "is no signature of the statement by that key");
    refused("e.json", envelope.as_bytes(), &["--public-key", "other.pub"], "cannot be used multiple times");
    refused("e.json", b"{}", &[], "--signature e.json");
    let mut changed: Value = serde_json::from_str(&envelope).unwrap();
    changed["payload"] = Base64::encode_string(&[&statement[..statement.len() - 1], b" }"].concat()).into();
    refused("e.json", changed.to_string().as_bytes(), &[], "signed by none of the keys");
    refused("e.json", changed.to_string().as_bytes(), &with_statement, "holds no signature of the statement");
    dir.write("other.json", r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"aa"}}],"predicateType":"x"}"#);
    let of_other = key.sign(
        format!(
            "DSSEv1 28 application/vnd.in-toto+json {} {}",
            dir.read("other.json").len(),
            dir.read("other.json")
        )
        .as_bytes(),
    );
    refused("s.bin", &of_other, &["--statement", "other.json"], "a statement that is not a verdict");
    let run = dir.run(&[
        "attest",
        "--unsigned",
        "--key",
        "secgate.key",
        "--verdict",
        "verdict.json",
        "--output",
        "x",
    ]);
    assert_eq!(run.code, 2);
}

#[test]
fn a_time_stamp_lets_a_signature_outlive_its_key() {
    let dir = Dir::new();
    for name in ["statement.json", "signature.txt", "key.pub", "token.tsr", "trusted_root.json"] {
        dir.write(name, std::fs::read(crate::common::fixture(&format!("timestamps/{name}"))).unwrap());
    }
    let args = [
        "attest",
        "--signature",
        "signature.txt",
        "--statement",
        "statement.json",
        "--public-key",
        "key.pub",
    ];
    let stamp = |token: &str, root: &str| {
        let more = ["--timestamp", token, "--trusted-root", root, "--output", "v.jsonl"];
        dir.run(&[&args[..], &more].concat())
    };
    let run = stamp("token.tsr", "trusted_root.json");
    assert!(run.code == 0 && run.stdout.contains("there at 2026-12-01T13:53:11Z"), "{run:?}");
    let stamped = dir.read("v.jsonl");
    assert_eq!(dir.run(&[&args[..], &["--output", "plain.jsonl"]].concat()).code, 0);
    // Another authority's, one of another signature, and none at all.
    let refused =
        |run: crate::common::Run| assert!(run.code == 2 && run.stderr.contains("--timestamp"), "{run:?}");
    refused(stamp("token.tsr", "sigstore"));
    let mut token = std::fs::read(dir.path().join("token.tsr")).unwrap();
    let imprint = hex(&Sha256::digest(Base64::decode_vec(&dir.read("signature.txt")).unwrap()));
    let at = token.windows(2).position(|two| hex(two) == imprint[..4]).unwrap();
    token[at] ^= 1;
    dir.write("flipped.tsr", &token);
    refused(stamp("flipped.tsr", "trusted_root.json"));
    refused(stamp("key.pub", "trusted_root.json"));
    // The policy says until when the key counts, and whose time stamps prove it.
    let sha256 = |name: &str| hex(&Sha256::digest(std::fs::read(dir.path().join(name)).unwrap()));
    let (key, root) = (sha256("key.pub"), sha256("trusted_root.json"));
    let decide = |verdict: &str, more: &str, now: &str| {
        dir.write("verdicts.jsonl", verdict).write(
            "policy.yaml",
            format!(
                "version: 1\ngate: release\nkeys: {{gate: {{file: key.pub, sha256: \"{key}\"{more}}}}}\n\
                 evidence: {{verdicts: {{document: verdict, files: [verdicts.jsonl]}}}}\n\
                 rules: [{{id: merged, verdicts: {{merge: {{on: commit}}, signed_by: [gate]}}, then: fail}}]\n"
            ),
        );
        let run = dir.run(&[
            "check",
            "--no-env",
            "--policy",
            "policy.yaml",
            "--commit",
            COMMIT,
            "--now",
            now,
            "--format",
            "json",
        ]);
        let rule = run.json()["rules"][0].clone();
        (
            rule["outcome"].as_str().unwrap_or_default().to_owned(),
            rule["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let plain = dir.read("plain.jsonl");
    let stamps = format!(", timestamps: trusted_root.json, timestamps_sha256: \"{root}\"");
    let (before, after) = ("2026-12-02T00:00:00Z", "2027-06-01T00:00:00Z");
    let ends = ", not_after: \"2027-01-01T00:00:00Z\"";
    assert_eq!(decide(&plain, "", after).0, "pass");
    assert_eq!(decide(&plain, ends, before).0, "pass");
    let (outcome, why) = decide(&plain, ends, after);
    assert!(
        outcome == "fail"
            && why.contains("not to be used after 2027-01-01T00:00:00Z, and no time stamp proves"),
        "{why}"
    );
    assert_eq!(decide(&stamped, &format!("{ends}{stamps}"), after).0, "pass");
    // Without authorities a time stamp proves nothing, nor does one that is not theirs.
    assert_eq!(decide(&stamped, ends, after).0, "fail");
    let (outcome, why) = decide(&stamped, &format!("{ends}, timestamps: sigstore"), after);
    assert!(outcome == "fail" && why.contains("time stamps that do not hold"), "{why}");
    let (outcome, why) = decide(&plain, &format!("{ends}{stamps}"), after);
    assert!(outcome == "fail" && why.contains("no time stamp proves"), "{why}");
    // Revoked before and after the time of the signature.
    let revoked = |at: &str| decide(&stamped, &format!(", revoked: \"{at}\"{stamps}"), after);
    assert_eq!(revoked("2026-12-01T14:00:00Z").0, "pass");
    let (outcome, why) = revoked("2026-12-01T13:00:00Z");
    assert!(
        outcome == "fail" && why.contains("was signed at 2026-12-01T13:53:11Z, and the key was revoked at"),
        "{why}"
    );
    // The earlier of the two counts.
    assert_eq!(decide(&plain, &format!("{ends}, revoked: \"2026-12-01T13:00:00Z\""), before).0, "fail");
    for (more, why) in [
        (", not_after: soon", "`soon` is not an RFC 3339 time"),
        (", not_after: \"2027-01-01T00:00:00Z\", timestamps: trusted_root.json", "timestamps_sha256"),
        (", timestamps: sigstore", "not_after"),
    ] {
        decide_fault(&dir, &key, more, why);
    }
}

/// A policy whose key is not valid.
fn decide_fault(dir: &Dir, key: &str, more: &str, why: &str) {
    dir.write(
        "fault.yaml",
        format!("{SAST_POLICY}keys: {{gate: {{file: key.pub, sha256: \"{key}\"{more}}}}}\n"),
    )
    .write("semgrep.json", semgrep(&["INFO"]));
    let run = dir.check(&["--policy", "fault.yaml"]);
    assert!(run.code == 2 && run.all().contains(why), "{why}: {run:?}");
}

#[test]
fn the_decision_in_the_words_of_in_toto() {
    let dir = Dir::new();
    assert_eq!(dir.run(&["attest", "keygen"]).code, 0);
    let signed = |verdict: &str, also: &str| {
        let args =
            ["attest", "--verdict", verdict, "--key", "secgate.key", "--also", also, "--output", "v.jsonl"];
        let run = dir.run(&args);
        assert_eq!(run.code, 0, "{run:?}");
        let payload = |line: &str| {
            let envelope: Value = serde_json::from_str(line).unwrap();
            let payload = Base64::decode_vec(envelope["payload"].as_str().unwrap()).unwrap();
            serde_json::from_slice::<Value>(&payload).unwrap()
        };
        dir.read("v.jsonl").lines().skip(2).map(payload).collect::<Vec<Value>>()
    };
    assert_eq!(verdict_in(&dir, "verdict.json", &[]).code, 0);
    let both = signed("verdict.json", "svr,test-result");
    assert_eq!(both[0]["predicateType"], "https://in-toto.io/attestation/svr/v0.1");
    assert_eq!(
        both[0]["predicate"]["properties"],
        serde_json::json!(["SECGATE_MERGE", "SECGATE_MERGE_SAST_HIGH", "SECGATE_MERGE_SAST_MEDIUM"])
    );
    assert_eq!(
        (&both[0]["predicate"]["timeCreated"], &both[0]["predicate"]["verifier"]["id"]),
        (&NOW.into(), &"secgate:verifier".into())
    );
    assert_eq!(both[1]["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
    assert_eq!(
        (&both[1]["predicate"]["result"], &both[1]["subject"][0]["digest"]["gitCommit"]),
        (&"PASSED".into(), &COMMIT.into())
    );
    assert_eq!(both[1]["predicate"]["configuration"][0]["digest"]["sha256"].as_str().unwrap().len(), 64);
    // Of a failure there is no result that says passed; a review is none as yet.
    dir.write("semgrep.json", semgrep(&["ERROR"]));
    let check = ["--policy", "policy.yaml", "--commit", COMMIT, "--output", "json=verdict.json"];
    assert_eq!(dir.check(&check).code, 1);
    let one = signed("verdict.json", "svr,test-result");
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["predicate"]["result"], "FAILED");
    assert_eq!(one[0]["predicate"]["failedTests"], serde_json::json!(["sast-high", "sast-medium"]));
    dir.write("semgrep.json", semgrep(&["WARNING"]));
    assert_eq!(dir.check(&check).code, 10);
    assert!(signed("verdict.json", "svr,test-result").is_empty());
    // Whoever verifies the file is told of them and takes none for a verdict.
    let run = dir.run(&["verify", "--key", "secgate.pub", "--now", NOW, "--verdict", "review", "v.jsonl"]);
    assert_eq!(run.code, 0, "{run:?}");
}

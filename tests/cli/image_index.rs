//! An index of images binds the digest that is deployed to those of the platforms, which were scanned and built.

use secgate::attest::dsse::IN_TOTO;
use secgate::attest::{Algorithm, Envelope, PrivateKey};
use secgate::finding::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, Run, fixture};

const NOW: &str = "2026-11-21T09:00:00Z";
/// The image that `trivy/image.json` is about; the other one is made of it.
const AMD: &str = "sha256:f4b79af37e35be06b438a44515ffdd3687746a77dd4d584ac5b6c0f980550b98";

fn arm() -> String {
    format!("sha256:{}", "b".repeat(64))
}

/// An index of two platforms and of what `BuildKit` attaches; its digest.
fn index(dir: &Dir) -> String {
    let manifest = |digest: &str, architecture: &str| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": digest,
               "platform": {"os": "linux", "architecture": architecture}})
    };
    let mut attached = manifest(&format!("sha256:{}", "c".repeat(64)), "unknown");
    attached["platform"]["os"] = "unknown".into();
    attached["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let text = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                      "manifests": [manifest(AMD, "amd64"), manifest(&arm(), "arm64"), attached]});
    let text = text.to_string();
    dir.write("index.json", &text);
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

fn scans(dir: &Dir) {
    let amd = std::fs::read_to_string(fixture("trivy/image.json")).unwrap();
    dir.write("scan-amd64.json", &amd).write("scan-arm64.json", amd.replace(AMD, &arm()));
}

fn check(dir: &Dir, digest: &str, more: &[&str]) -> Run {
    let subject = format!("registry.shop.invalid/shop/web:1.4.2@{digest}");
    let args = ["check", "--now", NOW, "--policy", "policy.yaml", "--format", "json", "--subject", &subject];
    dir.run(&[&args[..], more].concat())
}

const SCANNED: &str = "version: 1\ngate: package\nevidence:\n  index: {document: image-index, files: [index.json]}\n  \
    scan: {category: vulnerability, files: [\"scan-*.json\"], bound: required}\nrules:\n  \
    - {id: image, image: {digest: required, registry: [\"registry.shop.invalid/shop/*\"], created_within: 2d}, then: fail}\n";

fn entry<'v>(verdict: &'v Value, name: &str) -> Vec<&'v Value> {
    verdict["evidence"].as_array().unwrap().iter().filter(|one| one["entry"] == name).collect()
}

#[test]
fn what_was_scanned_is_what_is_deployed() {
    let dir = Dir::new();
    let digest = index(&dir);
    scans(&dir);
    dir.write("policy.yaml", SCANNED);
    let run = check(&dir, &digest, &["--bundle", "b.tar"]);
    assert_eq!((run.code, run.json()["rules"][0]["outcome"].as_str()), (0, Some("pass")), "{run:?}");
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
    // Without the index nothing says that they belong together.
    dir.write("policy.yaml", SCANNED.replace("  index: {document: image-index, files: [index.json]}\n", ""));
    let run = check(&dir, &digest, &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("evidence-of-other-image"), "{run:?}");
    // One platform was not scanned.
    dir.write("policy.yaml", SCANNED).write("scan-arm64.json", dir.read("scan-amd64.json"));
    let run = check(&dir, &digest, &[]);
    let verdict = run.json();
    let scan = entry(&verdict, "scan")[0];
    assert_eq!((run.code, scan["code"].as_str()), (1, Some("platform-not-covered")), "{scan}");
    assert!(scan["message"].as_str().unwrap().contains(&format!("linux/arm64 ({})", arm())), "{scan}");
    // A scan of the index itself does not say which of the two it looked at.
    dir.write("scan-amd64.json", dir.read("scan-amd64.json").replace(AMD, &digest));
    std::fs::remove_file(dir.path().join("scan-arm64.json")).unwrap();
    let run = check(&dir, &digest, &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("linux/amd64") && run.stdout.contains("platform-not-covered"), "{run:?}");
}

#[test]
fn an_index_of_something_else_is_no_evidence() {
    let dir = Dir::new();
    let digest = index(&dir);
    scans(&dir);
    dir.write("policy.yaml", SCANNED);
    let fails = |text: &str, why: &str| {
        dir.write("index.json", text);
        let run = check(&dir, &digest, &[]);
        let verdict = run.json();
        let index = entry(&verdict, "index")[0];
        assert!(run.code == 1 && index.to_string().contains(why), "{why}: {index}");
        // Nor does it make the scans evidence.
        assert!(run.stdout.contains("evidence-of-other-image"), "{run:?}");
    };
    let whole = dir.read("index.json");
    // One more platform than the index that is deployed, and the same in another layout.
    fails(&whole.replace(&"b".repeat(64), &"d".repeat(64)), "which neither is nor holds");
    fails(&(whole.clone() + "\n"), "which neither is nor holds");
    fails("{}", "no image index");
    fails("[", "not valid JSON");
    std::fs::remove_file(dir.path().join("index.json")).unwrap();
    let run = check(&dir, &digest, &[]);
    assert_eq!((run.code, entry(&run.json(), "index")[0]["status"].as_str()), (1, Some("absent")));
    // A deployed image of one platform is in its index, and a scan of the index is none of it.
    dir.write("index.json", &whole)
        .write("scan-amd64.json", dir.read("scan-amd64.json").replace(AMD, &digest));
    std::fs::remove_file(dir.path().join("scan-arm64.json")).unwrap();
    let run = check(&dir, AMD, &[]);
    assert_eq!((run.code, entry(&run.json(), "index")[0]["outcome"].as_str()), (1, Some("pass")), "{run:?}");
    assert!(run.stdout.contains("evidence-of-other-image"), "{run:?}");
}

/// A key with the lines of a policy that pins it.
fn key(dir: &Dir) -> (PrivateKey, String) {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let pem = key.public().to_pem();
    dir.write("builder.pub", &pem);
    let sha256 = hex(&Sha256::digest(&pem));
    (key, format!("keys:\n  builder: {{file: builder.pub, sha256: \"{sha256}\"}}\n"))
}

#[test]
fn what_was_built_is_what_is_deployed() {
    let dir = Dir::new();
    let digest = index(&dir);
    let (key, keys) = key(&dir);
    dir.write(
        "policy.yaml",
        format!(
            "version: 1\ngate: package\n{keys}evidence:\n  index: {{document: image-index, files: [index.json]}}\n  \
             slsa: {{document: provenance, files: [p.jsonl]}}\nrules:\n  \
             - {{id: built, provenance: {{signed_by: [builder], builder: [\"https://builder.invalid\"]}}, then: fail}}\n"
        ),
    );
    let built = |digest: &str, builder: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{"name": "app", "digest": {"sha256": digest.trim_start_matches("sha256:")}}],
            "predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": builder}}},
        });
        Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[&key]).to_json() + "\n"
    };
    let decide = |deployed: &str, statements: &[String], outcome: &str, why: &str| {
        dir.write("p.jsonl", statements.concat());
        let run = check(&dir, deployed, &[]);
        let rule = run.json()["rules"][0].clone();
        assert_eq!(rule["outcome"], outcome, "{why}: {rule}");
        assert!(rule["message"].as_str().unwrap().contains(why), "{why}: {rule}");
    };
    let (ours, theirs) = ("https://builder.invalid", "https://evil.invalid");
    decide(&digest, &[built(&digest, ours)], "pass", "built by https://builder.invalid");
    decide(&digest, &[built(AMD, ours), built(&arm(), ours)], "pass", "linux/arm64: built by");
    decide(&digest, &[built(AMD, ours)], "fail", "linux/arm64: there is no signed provenance");
    decide(
        &digest,
        &[built(AMD, ours), built(&arm(), theirs)],
        "fail",
        "it was built by https://evil.invalid",
    );
    // Who built the index has built what is in it.
    decide(AMD, &[built(&digest, ours)], "pass", "built by");
    decide(AMD, &[built(&arm(), ours)], "fail", "about another artifact");
    decide(&format!("sha256:{}", "c".repeat(64)), &[built(&digest, ours)], "fail", "about another artifact");
}

#[test]
fn an_earlier_gate_may_have_judged_the_index_or_each_platform() {
    let dir = Dir::new();
    let digest = index(&dir);
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    let sha256 = hex(&Sha256::digest(dir.read("gate.pub")));
    dir.write(
        "before.yaml",
        "version: 1\ngate: package\nevidence:\n  ready: {document: json, files: [ready.json]}\nrules:\n  \
               - {id: ready, document: {name: ready, require: {\"$.ready\": true}}, then: fail}\n",
    );
    let policy = format!(
        "version: 1\ngate: production\nkeys: {{gate: {{file: gate.pub, sha256: \"{sha256}\"}}}}\nevidence:\n  \
         index: {{document: image-index, files: [index.json]}}\n  verdicts: {{document: verdict, files: [\"verdicts/*.jsonl\"]}}\n\
         rules:\n  - {{id: gates, verdicts: {{package: {{on: subject}}, signed_by: [gate]}}, then: fail}}\n"
    );
    dir.write("policy.yaml", policy);
    let judged = |name: &str, digest: &str, ready: bool| {
        dir.write("ready.json", format!("{{\"ready\": {ready}}}"));
        let subject = format!("app@{digest}");
        let args = ["check", "--now", NOW, "--policy", "before.yaml", "--subject", &subject];
        dir.run(&[&args[..], &["--output", "json=v.json"]].concat());
        let output = format!("verdicts/{name}.jsonl");
        let args = ["attest", "--verdict", "v.json", "--key", "gate.key", "--output", &output];
        assert_eq!(dir.run(&args).code, 0);
    };
    let decide = |deployed: &str, outcome: &str, why: &str| {
        let run = check(&dir, deployed, &[]);
        let rule = run.json()["rules"][0].clone();
        assert_eq!(rule["outcome"], outcome, "{why}: {rule}");
        assert!(rule["message"].as_str().unwrap().contains(why), "{why}: {rule}");
    };
    dir.write("verdicts/.keep", "");
    judged("amd", AMD, true);
    decide(&digest, "fail", "no signed verdict of gate package about the artifact");
    judged("arm", &arm(), true);
    decide(&digest, "pass", "package: pass");
    // Whatever one of them says against it counts.
    judged("index", &digest, true);
    decide(&digest, "pass", "package: pass");
    decide(AMD, "pass", "package: pass");
    judged("arm", &arm(), false);
    decide(&digest, "fail", "is fail");
    judged("arm", &arm(), true);
    judged("index", &digest, false);
    decide(&digest, "fail", "is fail");
    decide(AMD, "fail", "is fail");
    // The same from outside: each image needs its chain.
    let chain = |subject: &str, more: &[&str]| {
        let files = ["amd", "arm", "index"].map(|name| format!("verdicts/{name}.jsonl"));
        let files = files.iter().map(String::as_str).filter(|file| dir.exists(file));
        let subject = format!("app@{subject}");
        let args = ["verify", "--key", "gate.pub", "--now", NOW, "--chain", "package", "--subject", &subject];
        dir.run(&[&args[..], more, &files.collect::<Vec<_>>()].concat())
    };
    let given = ["--image-index", "index.json"];
    let stops = |subject: &str, more: &[&str], why: &str| {
        let run = chain(subject, more);
        assert!(run.code == 1 && run.stdout.contains(why), "{why}: {run:?}");
    };
    stops(&digest, &given, "is fail");
    stops(AMD, &given, "is fail");
    judged("index", &digest, true);
    for subject in [digest.as_str(), AMD, &arm()] {
        let run = chain(subject, &given);
        assert_eq!(run.code, 0, "{run:?}");
    }
    assert!(chain(&digest, &given).stdout.contains("linux/arm64 (sha256:bbbb"));
    judged("arm", &arm(), false);
    stops(&digest, &given, "is fail");
    assert_eq!(chain(AMD, &given).code, 0);
    std::fs::remove_file(dir.path().join("verdicts/index.jsonl")).unwrap();
    std::fs::remove_file(dir.path().join("verdicts/arm.jsonl")).unwrap();
    stops(&digest, &given, "no signed verdict of gate package");
    stops(&digest, &[], "no signed verdict of gate package");
    let run = chain(&format!("sha256:{}", "9".repeat(64)), &given);
    assert!(run.code == 2 && run.stderr.contains("which neither is nor holds"), "{run:?}");
}

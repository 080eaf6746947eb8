//! Rules about provenance and earlier verdicts: each fact has to be there, signed by a key that the policy pins.

use base64ct::{Base64, Encoding as _};
use secgate::attest::dsse::IN_TOTO;
use secgate::attest::{Algorithm, Envelope, PrivateKey};
use secgate::finding::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, NOW, Run, SAST_POLICY, root, semgrep};

const COMMIT: &str = "1111111111111111111111111111111111111111";
const OTHER: &str = "4444444444444444444444444444444444444444";
const TREE: &str = "2222222222222222222222222222222222222222";

fn image(digit: &str) -> String {
    format!("registry.invalid/app@sha256:{}", digit.repeat(64))
}

/// A key whose public half lies in `keys/NAME.pub`, with the line of the policy that pins it.
fn key(dir: &Dir, name: &str, algorithm: Algorithm) -> (PrivateKey, String) {
    let key = PrivateKey::generate(algorithm).unwrap();
    let pem = key.public().to_pem();
    dir.write(&format!("keys/{name}.pub"), &pem);
    let sha256 = hex(&Sha256::digest(&pem));
    (key, format!("  {name}: {{file: keys/{name}.pub, sha256: \"{sha256}\"}}\n"))
}

fn provenance() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": "a".repeat(64)}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://example.com/build/v1",
                "externalParameters": {"repository": "https://gitlab.example.com/team/api", "ref": "refs/heads/main"},
                "resolvedDependencies": [
                    {"uri": "git+https://gitlab.example.com/team/api@refs/heads/main", "digest": {"gitCommit": COMMIT}},
                    {"uri": "git+https://gitlab.example.com/team/tools", "digest": {"gitCommit": OTHER}},
                ],
            },
            "runDetails": {"builder": {"id": "https://gitlab.example.com/-/runners/42"}},
        },
    })
}

const RULE: &str = "signed_by: [builder], predicate: [slsa-v1], builder: [\"https://gitlab.example.com/-/runners/42\"], \
                    source: \"git+https://gitlab.example.com/team/api\", ref: [\"refs/heads/main\", \"refs/tags/v*\"], \
                    commit: context";

fn policy(keys: &str, rule: &str) -> String {
    format!(
        "version: 1\ngate: package\nkeys:\n{keys}evidence:\n  slsa: {{document: provenance, files: [p.jsonl]}}\n\
         rules:\n  - {{id: built-by-us, provenance: {{{rule}}}, then: fail}}\n"
    )
}

fn check(dir: &Dir, more: &[&str]) -> (Run, Value) {
    let run = dir.check(&[&["--policy", "policy.yaml", "--format", "json"], more].concat());
    let rule = run.json()["rules"][0].clone();
    (run, rule)
}

#[test]
fn provenance_has_to_say_all_that_the_rule_asks() {
    for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
        let dir = Dir::new();
        let (builder, pinned) = key(&dir, "builder", algorithm);
        dir.write("policy.yaml", policy(&pinned, RULE));
        let signed = |statement: &Value, key: &PrivateKey| {
            Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[key]).to_json()
        };
        let subject = image("a");
        let about = ["--commit", COMMIT, "--subject", subject.as_str()];
        dir.write("p.jsonl", signed(&provenance(), &builder));
        let (run, rule) = check(&dir, &about);
        assert_eq!((run.code, rule["outcome"].as_str()), (0, Some("pass")), "{rule}");
        assert!(rule["message"].as_str().unwrap().contains("signed by builder"), "{rule}");
        // As `cosign attest --bundle` writes it, and as `cosign attest-blob --bundle` did before.
        let bundle = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{}},"dsseEnvelope":{}}}"#,
            signed(&provenance(), &builder)
        );
        let inner = Base64::encode_string(signed(&provenance(), &builder).as_bytes());
        let older = format!(r#"{{"base64Signature":"{inner}","cert":""}}"#);
        for text in [&bundle, &older] {
            dir.write("p.jsonl", text);
            let (run, rule) = check(&dir, &about);
            assert_eq!((run.code, rule["outcome"].as_str()), (0, Some("pass")), "{text}: {rule}");
        }

        let fails = |text: String, about: &[&str], why: &str| {
            dir.write("p.jsonl", text);
            let (run, rule) = check(&dir, about);
            assert_eq!(run.code, 1, "{rule}");
            assert!(rule["message"].as_str().unwrap().contains(why), "{why}: {rule}");
        };
        let stranger = PrivateKey::generate(algorithm).unwrap();
        fails(signed(&provenance(), &stranger), &about, "signed by none of the keys builder");
        fails(provenance().to_string(), &about, "is not signed");
        let plain = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{"signature":"AA=="}}"#;
        fails(plain.to_owned(), &about, "the signature of a file, which states nothing of it");
        let (dead, other) = (image("b"), OTHER);
        fails(signed(&provenance(), &builder), &["--commit", COMMIT, "--subject", &dead], "another artifact");
        fails(
            signed(&provenance(), &builder),
            &["--commit", other, "--subject", &subject],
            "from commit 1111",
        );
        let changed = |pointer: &str, value: Value, why: &str| {
            let mut statement = provenance();
            *statement.pointer_mut(pointer).unwrap() = value;
            fails(signed(&statement, &builder), &about, why);
        };
        let definition = "/predicate/buildDefinition";
        changed(
            "/predicate/runDetails/builder/id",
            json!("https://evil.invalid"),
            "built by https://evil.invalid",
        );
        changed("/predicate/runDetails", json!({}), "does not say who built it");
        changed("/predicateType", json!("https://slsa.dev/provenance/v0.2"), "slsa-v0.2");
        changed("/predicateType", json!("https://example.com/other"), "is not provenance");
        changed(
            &format!("{definition}/externalParameters/repository"),
            json!("https://evil.invalid/api"),
            "built from https://evil",
        );
        changed(
            &format!("{definition}/externalParameters/ref"),
            json!("refs/heads/evil"),
            "from refs/heads/evil",
        );
        changed(&format!("{definition}/resolvedDependencies"), json!([]), "from which commit");
        changed(
            &format!("{definition}/resolvedDependencies/0/digest"),
            json!({"gitCommit": OTHER}),
            "from commit 4444",
        );
        changed("/predicate", Value::Null, "does not say");
    }
}

/// An image with one vulnerability, which the VEX statements say does not affect it.
fn vulnerable_image(dir: &Dir) {
    let digest = "a".repeat(64);
    dir.write(
        "trivy.json",
        json!({
            "SchemaVersion": 2, "ArtifactName": "app:1", "ArtifactType": "container_image",
            "Metadata": {"RepoDigests": [format!("registry.invalid/app@sha256:{digest}")]},
            "Results": [{"Target": "app", "Class": "os-pkgs", "Vulnerabilities": [{
                "VulnerabilityID": "CVE-2026-1", "PkgName": "xz", "InstalledVersion": "1.0", "Severity": "HIGH",
                "PkgIdentifier": {"PURL": "pkg:apk/alpine/xz@1.0"},
            }]}],
        })
        .to_string(),
    );
}

const BOM: &str = "https://cyclonedx.org/bom";
const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";

/// A policy that takes VEX statements and an SBOM; `sbom` and `vex` are more keys of their entries.
fn signed_policy(pinned: &str, sbom: &str, vex: &str) -> String {
    format!(
        "version: 1\ngate: package\nkeys:\n{pinned}evidence:\n  image: {{category: vulnerability, files: [trivy.json]}}\n  \
         sbom: {{document: sbom, files: [sbom.json]{sbom}}}\n  vex: {{feed: vex, files: [vex.json, more.json]{vex}}}\n\
         vex: {{accept: [Acme], max_age: 60d}}\nrules:\n  - {{id: high, findings: {{severity: high}}, then: fail}}\n  \
         - {{id: listed, sbom: {{names_subject: true, components_at_least: 1}}, then: fail}}\n"
    )
}

fn sbom() -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.5",
           "components": [{"type": "library", "name": "xz", "version": "1.0"}]})
}

fn not_affected() -> Value {
    json!({
        "@context": OPENVEX, "author": "Acme", "timestamp": "2026-05-20T00:00:00Z", "version": 1,
        "statements": [{"vulnerability": "CVE-2026-1", "products": [{"@id": "pkg:apk/alpine/xz@1.0"}],
                        "status": "not_affected", "justification": "component_not_present"}],
    })
}

/// A statement about the image of this digest.
fn about(digit: &str, kind: &str, predicate: &Value) -> Value {
    json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "predicate": predicate,
           "subject": [{"name": "app", "digest": {"sha256": digit.repeat(64)}}]})
}

fn sign(statement: &Value, key: &PrivateKey) -> String {
    Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[key]).to_json()
}

/// The exit code, the outcomes of the two rules, the verdict, and the text.
fn outcomes(dir: &Dir, sbom: &str, vex: &str) -> (i32, [String; 2], Value, String) {
    dir.write("sbom.json", sbom).write("vex.json", vex);
    let image = image("a");
    let args = ["--policy", "policy.yaml", "--subject", image.as_str()];
    let run = dir.check(&[&args[..], &["--format", "json"]].concat());
    let verdict = run.json();
    let outcome = |at: usize| verdict["rules"][at]["outcome"].as_str().unwrap_or_default().to_owned();
    (run.code, [outcome(0), outcome(1)], verdict, dir.check(&args).all())
}

fn entry(verdict: &Value, name: &str) -> Value {
    verdict["evidence"].as_array().unwrap().iter().find(|e| e["entry"] == name).unwrap().clone()
}

const DEMANDED: &str = ", signed_by: [psirt]";

#[test]
fn vex_and_sboms_can_be_demanded_signed() {
    let dir = Dir::new();
    let (psirt, pinned) = key(&dir, "psirt", Algorithm::P256);
    let stranger = PrivateKey::generate(Algorithm::P256).unwrap();
    vulnerable_image(&dir);
    dir.write("policy.yaml", signed_policy(&pinned, DEMANDED, DEMANDED));
    let (sbom, vex) = (sbom(), not_affected());
    let signed_sbom = sign(&about("a", BOM, &sbom), &psirt);
    let signed_vex = sign(&about("a", OPENVEX, &vex), &psirt);
    let (code, rules, verdict, _) = outcomes(&dir, &signed_sbom, &signed_vex);
    assert_eq!((code, rules), (0, ["pass", "pass"].map(str::to_owned)), "{verdict:#}");
    for name in ["sbom", "vex"] {
        let told = entry(&verdict, name);
        assert!(told["message"].as_str().unwrap().contains("signed by psirt"), "{told}");
    }
    assert_eq!(entry(&verdict, "sbom")["sha256"], hex(&Sha256::digest(&signed_sbom)));
    // The document itself as the bytes that were signed.
    let raw = Envelope::sign("application/json", vex.to_string().into_bytes(), &[&psirt]).to_json();
    assert_eq!(outcomes(&dir, &signed_sbom, &raw).0, 0);

    let bare = (about("a", BOM, &sbom).to_string(), about("a", OPENVEX, &vex).to_string());
    let foreign = (sign(&about("a", BOM, &sbom), &stranger), sign(&about("a", OPENVEX, &vex), &stranger));
    for (sbom, vex, why) in [
        (sbom.to_string(), vex.to_string(), "is not signed, as by psirt demanded"),
        (bare.0, bare.1, "is not signed"),
        (foreign.0, foreign.1, "is signed by none of the keys psirt"),
    ] {
        for (more, worse) in [("", "fail"), (", required: false", "warn")] {
            dir.write("policy.yaml", signed_policy(&pinned, DEMANDED, &format!("{DEMANDED}{more}")));
            let (code, rules, verdict, text) = outcomes(&dir, &signed_sbom, &vex);
            assert_eq!((code, rules), (1, ["fail", "pass"].map(str::to_owned)), "{verdict:#}");
            let told = entry(&verdict, "vex");
            assert_eq!((&told["status"], &told["outcome"]), (&"foreign".into(), &worse.into()), "{told}");
            assert!(told["message"].as_str().unwrap().contains(why), "{told}");
            assert!(text.contains("psirt"), "{text}");
        }
        let (code, rules, verdict, text) = outcomes(&dir, &sbom, &signed_vex);
        assert_eq!((code, rules), (1, ["pass", "fail"].map(str::to_owned)), "{verdict:#}");
        assert!(verdict["rules"][1]["message"].as_str().unwrap().contains(why), "{verdict:#}");
        assert!(text.contains("psirt"), "{text}");
    }
}

#[test]
fn what_is_wrapped_is_about_the_subject_of_its_statement() {
    let dir = Dir::new();
    let (psirt, pinned) = key(&dir, "psirt", Algorithm::Ed25519);
    vulnerable_image(&dir);
    dir.write("policy.yaml", signed_policy(&pinned, DEMANDED, DEMANDED));
    let (sbom, vex) = (sbom(), not_affected());
    let signed_sbom = sign(&about("a", BOM, &sbom), &psirt);
    let signed_vex = sign(&about("a", OPENVEX, &vex), &psirt);
    let (code, rules, ..) = outcomes(&dir, &signed_sbom, &sign(&about("b", OPENVEX, &vex), &psirt));
    assert_eq!((code, rules), (1, ["fail", "pass"].map(str::to_owned)));
    let (code, rules, ..) = outcomes(&dir, &sign(&about("b", BOM, &sbom), &psirt), &signed_vex);
    assert_eq!((code, rules), (1, ["pass", "fail"].map(str::to_owned)));
    // Who says against counts whoever signed it, beside one that is signed.
    dir.write("policy.yaml", signed_policy(&pinned, DEMANDED, &format!("{DEMANDED}, required: false")));
    assert_eq!(outcomes(&dir, &signed_sbom, &signed_vex).0, 0);
    dir.write("more.json", vex.to_string().replace("not_affected", "affected"));
    assert_eq!(outcomes(&dir, &signed_sbom, &signed_vex).1[0], "fail");
    std::fs::remove_file(dir.path().join("more.json")).unwrap();
    // Not demanded, a wrapped one is read like any other.
    dir.write("policy.yaml", signed_policy(&pinned, "", ""));
    assert_eq!(outcomes(&dir, &about("a", BOM, &sbom).to_string(), &vex.to_string()).0, 0);
    // A key that is not there, an entry that takes none.
    for (from, to, why) in [
        ("signed_by: [psirt]", "signed_by: [psrit]", "did you mean `psirt`?"),
        ("[trivy.json]", "[trivy.json], signed_by: [psirt]", "is for `feed: vex` and `document: sbom`"),
    ] {
        dir.write("policy.yaml", signed_policy(&pinned, DEMANDED, DEMANDED).replacen(from, to, 1));
        let run = dir.check(&["--policy", "policy.yaml"]);
        assert_eq!(run.code, 2);
        assert!(run.all().contains(why), "{}", run.all());
    }
}

#[test]
fn a_run_that_says_nothing_about_itself_cannot_be_decided() {
    let dir = Dir::new();
    let (builder, pinned) = key(&dir, "builder", Algorithm::Ed25519);
    dir.write("policy.yaml", policy(&pinned, RULE));
    dir.write(
        "p.jsonl",
        Envelope::sign(IN_TOTO, provenance().to_string().into_bytes(), &[&builder]).to_json(),
    );
    let subject = image("a");
    for (about, why) in [
        (vec!["--commit", COMMIT], "--subject"),
        (vec!["--subject", subject.as_str()], "--commit"),
        (vec![], "--subject"),
    ] {
        let (run, rule) = check(&dir, &about);
        assert_eq!((run.code, rule["outcome"].as_str()), (2, Some("error")), "{rule}");
        assert!(rule["message"].as_str().unwrap().contains(why), "{rule}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_an_error_that_says_what_to_fill_in() {
    let dir = Dir::new();
    let (builder, pinned) = key(&dir, "builder", Algorithm::Ed25519);
    dir.write(
        "p.jsonl",
        Envelope::sign(IN_TOTO, provenance().to_string().into_bytes(), &[&builder]).to_json(),
    );
    let subject = image("a");
    let about = ["--commit", COMMIT, "--subject", subject.as_str()];
    let errs = |keys: &str, why: &str| {
        dir.write("policy.yaml", policy(keys, RULE));
        let (run, rule) = check(&dir, &about);
        assert_eq!((run.code, rule["outcome"].as_str()), (2, Some("error")), "{rule}");
        assert!(rule["message"].as_str().unwrap().contains(why), "{why}: {rule}");
    };
    let zeros = "0".repeat(64);
    errs(&format!("  builder: {{file: keys/builder.pub, sha256: \"{zeros}\"}}\n"), "placeholder");
    errs(&pinned.replace("keys/builder.pub", "keys/absent.pub"), "keys/absent.pub");
    dir.write("keys/builder.pub", builder.public().to_pem() + "\n");
    errs(&pinned, "the policy demands sha256:");
    // A private key where a public one belongs is refused, and never shown.
    let secret = builder.to_pem();
    dir.write("keys/builder.pub", secret.as_bytes());
    let sha256 = hex(&Sha256::digest(secret.as_bytes()));
    errs(&format!("  builder: {{file: keys/builder.pub, sha256: \"{sha256}\"}}\n"), "is a private key");
    let (run, _) = check(&dir, &about);
    assert!(!run.all().contains(secret.lines().nth(1).unwrap()));
}

#[test]
fn without_signed_by_a_rule_may_only_warn() {
    let dir = Dir::new();
    let rule = "builder: [\"https://gitlab.example.com/-/runners/42\"]";
    let text = policy("", rule).replace("keys:\n", "");
    dir.write("policy.yaml", &text).write("p.jsonl", provenance().to_string());
    let subject = image("a");
    let about = ["--policy", "policy.yaml", "--subject", subject.as_str(), "--format", "json"];
    let run = dir.check(&about);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("an unsigned statement proves nothing"), "{run:?}");
    dir.write("policy.yaml", text.replace("then: fail", "then: warn"));
    let run = dir.check(&about);
    assert_eq!((run.code, run.json()["rules"][0]["outcome"].as_str()), (0, Some("pass")), "{run:?}");
}

/// A folder in which merge and package have passed, each signed by the gate's key.
fn earlier(dir: &Dir, gates: &[(&str, &str, bool)]) {
    for (gate, now, on_image) in gates {
        dir.write("before.yaml", SAST_POLICY.replace("gate: merge", &format!("gate: {gate}")));
        dir.write("semgrep.json", semgrep(&["INFO"]));
        let (commit, subject) = (if *on_image { OTHER } else { COMMIT }, image("a"));
        let mut args = vec![
            "check",
            "--now",
            now,
            "--policy",
            "before.yaml",
            "--commit",
            commit,
            "--output",
            "json=v.json",
        ];
        if *on_image {
            args.extend(["--subject", &subject]);
        }
        assert_eq!(dir.run(&args).code, 0);
        let output = format!("verdicts/{gate}.jsonl");
        let signed = dir.run(&[
            "attest",
            "--verdict",
            "v.json",
            "--key",
            "gate.key",
            "--tree",
            TREE,
            "--output",
            &output,
        ]);
        assert_eq!(signed.code, 0, "{signed:?}");
    }
}

fn verdicts_policy(dir: &Dir, rule: &str) {
    let pem = dir.read("gate.pub");
    let sha256 = hex(&Sha256::digest(&pem));
    dir.write(
        "policy.yaml",
        format!(
            "version: 1\ngate: production\nkeys: {{gate: {{file: gate.pub, sha256: \"{sha256}\"}}}}\n\
             evidence:\n  verdicts: {{document: verdict, files: [\"verdicts/*.jsonl\"]}}\n\
             rules:\n  - {{id: all-gates, verdicts: {{{rule}}}, then: fail}}\n"
        ),
    );
}

#[test]
fn earlier_gates_must_have_passed_for_this_commit_and_this_artifact() {
    let dir = Dir::new();
    dir.run(&["attest", "keygen", "--output", "gate"]);
    dir.write("verdicts/.keep", "");
    earlier(&dir, &[("merge", "2026-06-01T09:00:00Z", false), ("package", "2026-06-01T10:00:00Z", true)]);
    let rule = "merge: {on: commit}, package: {on: subject}, signed_by: [gate], max_age: 72h";
    verdicts_policy(&dir, rule);
    let subject = image("a");
    // The merge gate saw another commit with the same tree.
    let about = ["--commit", OTHER, "--subject", subject.as_str()];
    let (run, said) = check(&dir, &about);
    assert_eq!(run.code, 0, "{said}");
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("merge: pass at 2026-06-01T09:00:00Z, signed by gate"), "{said}");
    let fails = |about: &[&str], why: &str| {
        let (run, said) = check(&dir, about);
        assert_eq!(run.code, 1, "{said}");
        assert!(said["message"].as_str().unwrap().contains(why), "{why}: {said}");
    };
    fails(&["--commit", TREE, "--subject", &subject], "no signed verdict of gate merge about commit 2222");
    let dead = image("b");
    fails(&["--commit", OTHER, "--subject", &dead], "verdicts/package.jsonl#1 is about sha256:aaaa");
    verdicts_policy(&dir, &rule.replace("72h", "2h"));
    fails(&about, "has expired");
    verdicts_policy(&dir, &format!("{rule}, policy: [\"sha256:{}\"]", "f".repeat(64)));
    fails(&about, "none of those demanded");
    // Another project's gate, and a gate that knows nothing of the environment.
    verdicts_policy(&dir, &format!("{rule}, project: other/project"));
    fails(&about, "names no project, and other/project is demanded");
    verdicts_policy(&dir, &format!("{rule}, parameters: {{environment: production}}"));
    fails(&about, "the parameter environment must be production");
    // A release gate that never ran.
    verdicts_policy(&dir, &rule.replace("signed_by", "release: {on: subject}, signed_by"));
    fails(&about, "no signed verdict of gate release");
    verdicts_policy(&dir, rule);
    // The last word counts.
    dir.write("semgrep.json", semgrep(&["ERROR"]));
    let args =
        ["check", "--now", NOW, "--policy", "before.yaml", "--commit", OTHER, "--output", "json=v.json"];
    assert_eq!(dir.run(&[&args[..], &["--subject", &subject]].concat()).code, 1);
    let args = ["attest", "--verdict", "v.json", "--key", "gate.key", "--output", "verdicts/late.jsonl"];
    assert_eq!(dir.run(&args).code, 0);
    fails(&about, "is fail");
    // By a key that the policy does not pin it is no word at all.
    dir.run(&["attest", "keygen", "--output", "evil"]);
    let args = ["attest", "--verdict", "v.json", "--key", "evil.key", "--output", "verdicts/late.jsonl"];
    assert_eq!(dir.run(&args).code, 0);
    assert_eq!(check(&dir, &about).0.code, 0);
    std::fs::remove_file(dir.path().join("verdicts/package.jsonl")).unwrap();
    fails(&about, "verdicts/late.jsonl#1 is signed by none of the keys gate");
}

#[test]
fn a_verdict_whose_clock_was_pinned_can_be_refused() {
    let dir = Dir::new();
    dir.run(&["attest", "keygen", "--output", "gate"]);
    let sign = |name: &str| {
        let args = ["attest", "--verdict", "v.json", "--key", "gate.key", "--output", name];
        assert_eq!(dir.run(&args).code, 0);
    };
    dir.write("before.yaml", SAST_POLICY)
        .write("semgrep.json", semgrep(&["INFO"]))
        .write("verdicts/.keep", "");
    let decide = ["check", "--policy", "before.yaml", "--commit", COMMIT, "--output", "json=v.json"];
    let check = |rule: &str, outcome: &str, why: &str| {
        verdicts_policy(&dir, &format!("merge: {{on: commit}}, signed_by: [gate]{rule}"));
        let run = dir.run(&["check", "--policy", "policy.yaml", "--commit", COMMIT, "--format", "json"]);
        let said = run.json();
        let said = &said["rules"][0];
        assert_eq!(said["outcome"], outcome, "{said}");
        assert!(said["message"].as_str().unwrap().contains(why), "{why}: {said}");
    };
    assert_eq!(dir.run(&[&decide[..], &["--now", NOW]].concat()).code, 0);
    assert!(dir.read("v.json").contains(r#""clock":"pinned""#));
    sign("verdicts/v.jsonl");
    check("", "pass", "merge: pass at");
    check(", clock: any", "pass", "merge: pass at");
    check(", clock: machine", "fail", "its clock was pinned by whoever ran it");
    let verify = ["verify", "--key", "gate.pub", "verdicts/v.jsonl"];
    let run = dir.run(&verify);
    assert!(run.code == 0 && run.stdout.contains("(clock pinned)"), "{run:?}");
    let run = dir.run(&[&verify[..], &["--machine-clock"]].concat());
    assert!(run.code == 1 && run.stdout.contains("its clock was pinned"), "{run:?}");
    // A verdict of a version that did not say.
    let unsaid = dir.read("v.json").replace(r#""clock":"pinned","#, "");
    dir.write("v.json", unsaid);
    sign("verdicts/v.jsonl");
    check("", "pass", "merge: pass at");
    check(", clock: machine", "fail", "does not say whether its clock was pinned");
    let odd = dir.read("v.json").replacen("\"enforced\"", "\"clock\":\"sundial\",\"enforced\"", 1);
    dir.write("odd.json", odd);
    let run = dir.run(&["attest", "--verdict", "odd.json", "--key", "gate.key", "--output", "odd.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("`clock` is neither"), "{run:?}");
    assert_eq!(dir.run(&decide).code, 0);
    assert!(dir.read("v.json").contains(r#""clock":"machine""#));
    sign("verdicts/v.jsonl");
    check(", clock: machine", "pass", "merge: pass at");
    assert_eq!(dir.run(&[&verify[..], &["--machine-clock"]].concat()).code, 0);
    verdicts_policy(&dir, "merge: {on: commit}, signed_by: [gate], clock: sundial");
    let run = dir.run(&["policy", "lint", "policy.yaml"]);
    assert!(run.code == 2 && run.all().contains("`clock`"), "{run:?}");
}

/// Published examples of SLSA provenance and of an attestation that is none.
#[test]
fn published_examples_are_read() {
    let examples = root().join("../shared/corpus/provenance");
    if !examples.is_dir() {
        assert!(
            std::env::var_os("SECGATE_DEMAND_SHARED").is_none(),
            "../shared/corpus is missing and demanded"
        );
        println!("skipped: ../shared/corpus is not there");
        return;
    }
    let dir = Dir::new();
    let example = |name: &str| std::fs::read(examples.join(name)).unwrap();
    let facts = "predicate: [slsa-v0.2], source: \"git+https://github.com/slsa-framework/slsa-verifier\", \
                 ref: [\"refs/tags/v*\"], commit: context, builder: [\"https://github.com/slsa-framework/\
                 slsa-github-generator/.github/workflows/builder_go_slsa3.yml@refs/tags/v0.0.1\"]";
    let text = policy("", facts).replace("keys:\n", "").replace("then: fail", "then: warn");
    dir.write("policy.yaml", text).write("p.jsonl", example("slsa-sharded.intoto.jsonl"));
    let subject = "slsa-verifier@sha256:e14616a4eec58f082fd6bea05de02dd9eba193379ddb15b5eb7e7e3880d0ccec";
    let about = |commit: &str| check(&dir, &["--commit", commit, "--subject", subject]).1;
    let rule = about("eea3a5d3af9370a6a35946fa24e47a426c3f4576");
    assert_eq!(rule["outcome"], "pass", "{rule}");
    let rule = about(COMMIT);
    assert_eq!(rule["outcome"], "warn", "{rule}");
    assert!(rule["message"].as_str().unwrap().contains("from commit eea3a5d3"), "{rule}");
    // A statement of another kind, and what is no statement: never provenance.
    for (name, why) in [
        ("chainloop-cosign.json", "there is no provenance of"),
        ("cosign-verify.json", "there is no provenance of"),
    ] {
        dir.write("p.jsonl", example(name));
        let rule = about("eea3a5d3af9370a6a35946fa24e47a426c3f4576");
        assert_eq!(rule["outcome"], "warn", "{rule}");
        assert!(rule["message"].as_str().unwrap().contains(why), "{name}: {rule}");
    }
}

/// Sources that a statement names are all sources of what was built.
#[test]
fn a_statement_of_two_sources_wants_both_allowed() {
    let dir = Dir::new();
    let (builder, pinned) = key(&dir, "builder", Algorithm::Ed25519);
    let subject = image("a");
    let about = ["--commit", COMMIT, "--subject", subject.as_str()];
    let (api, ci) = ("git+https://gitlab.example.com/team/api", "git+https://gitlab.example.com/team/ci");
    let of = |uri: &str| json!({"uri": uri, "digest": {"sha1": COMMIT}});
    let with = |parameters: &Value, materials: &Value| {
        let mut statement = provenance();
        statement["predicate"]["buildDefinition"]["externalParameters"] = parameters.clone();
        statement["predicate"]["buildDefinition"]["resolvedDependencies"] = materials.clone();
        statement
    };
    let older = json!({
        "_type": "https://in-toto.io/Statement/v0.1", "subject": provenance()["subject"],
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {"builder": {"id": "b"}, "buildType": "t", "materials": [of(api), of(ci)]},
    });
    let one = with(&json!({"source": of(api)}), &json!([of(api)]));
    let two = [
        with(&json!({"source": of(api), "configSource": of(ci)}), &json!([of(api), of(ci)])),
        with(&json!({"configSource": of(api), "source": of(ci)}), &json!([of(api)])),
        with(
            &json!({"source": of(api), "workflow": {"repository": "https://gitlab.example.com/team/ci", "ref": "main"}}),
            &json!([]),
        ),
        // Nothing was asked for that is known, so that all of the code is a source.
        with(&json!({}), &json!([of(ci), of(api)])),
        older,
    ];
    let outcome = |statement: &Value, allowed: &str| {
        let rule = format!("signed_by: [builder], source: [{allowed}]");
        dir.write("policy.yaml", policy(&pinned, &rule));
        let signed = Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[&builder]);
        dir.write("p.jsonl", signed.to_json());
        let (run, rule) = check(&dir, &about);
        (run.code, rule["message"].to_string())
    };
    assert_eq!(outcome(&one, &format!("\"{api}\"")).0, 0);
    for statement in &two {
        for allowed in [api, ci] {
            let (code, message) = outcome(statement, &format!("\"{allowed}\""));
            let other = if allowed == api { "team/ci" } else { "team/api" };
            assert!(
                code == 1 && message.contains("built from") && message.contains(other),
                "{statement}: {message}"
            );
        }
        let (code, message) = outcome(statement, &format!("\"{api}\", \"{ci}\""));
        assert_eq!(code, 0, "{statement}: {message}");
    }
}

const VERIFIER: &str = "https://verifier.example.com/source";
const REPOSITORY: &str = "git+https://gitlab.example.com/team/api";

fn summary(levels: &[&str], time: &str) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "api", "digest": {"gitCommit": COMMIT}}, {"name": "app", "digest": {"sha256": "a".repeat(64)}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": VERIFIER}, "timeVerified": time, "resourceUri": REPOSITORY,
            "policy": {"uri": "https://example.com/source-policy", "digest": {"sha256": "d".repeat(64)}},
            "verificationResult": "PASSED", "verifiedLevels": levels, "slsaVersion": "1.1",
        },
    })
}

fn older_summary() -> Value {
    let mut statement = summary(&[], "2026-06-01T09:00:00Z");
    statement["predicateType"] = json!("https://slsa.dev/verification_summary/v0.2");
    statement["predicate"] = json!({
        "verifier": {"id": VERIFIER}, "time_verified": "2026-06-01T09:00:00Z", "resource_uri": REPOSITORY,
        "policy": {"uri": "https://example.com/source-policy"},
        "verification_result": "PASSED", "policy_level": "SLSA_SOURCE_LEVEL_3", "dependency_levels": {},
    });
    statement
}

fn result(properties: &[&str]) -> Value {
    let mut statement = summary(&[], "2026-06-01T09:00:00Z");
    statement["predicateType"] = json!("https://in-toto.io/attestation/svr/v0.1");
    statement["predicate"] = json!({
        "verifier": {"id": VERIFIER}, "timeCreated": "2026-06-01T09:00:00Z", "properties": properties,
    });
    statement
}

/// Changes of a summary by which it is none that will do.
fn wrong_summaries() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/predicate/verificationResult", json!("FAILED"), "says FAILED"),
        ("/predicate/verificationResult", json!("passed"), "says passed"),
        ("/predicate/verificationResult", json!("PASSED "), "says PASSED"),
        ("/predicate/verificationResult", json!(true), "has no `verificationResult`"),
        ("/predicate/verificationResult", Value::Null, "has no `verificationResult`"),
        ("/predicate/verifiedLevels", json!(["SLSA_SOURCE_LEVEL_1"]), "SLSA_SOURCE_LEVEL_2 is demanded"),
        ("/predicate/verifiedLevels", json!(["SLSA_BUILD_LEVEL_3"]), "SLSA_SOURCE_LEVEL_2 is demanded"),
        ("/predicate/verifiedLevels", json!(["SLSA_SOURCE_LEVEL_3", "FAILED"]), "both that it passed"),
        ("/predicate/verifiedLevels", json!("SLSA_SOURCE_LEVEL_3"), "is not a list of texts"),
        ("/predicate/verifier/id", json!("https://verifier.example.com/source/"), "is of the verifier"),
        ("/predicate/verifier", json!({}), "names no `verifier.id`"),
        (
            "/predicate/resourceUri",
            json!("git+https://gitlab.example.com/team/api/fork"),
            "is about the resource",
        ),
        ("/predicate/resourceUri", Value::Null, "has no `resourceUri`"),
        ("/predicate/policy", Value::Null, "names no `policy`"),
        ("/predicate/timeVerified", json!("2026-05-01T09:00:00Z"), "has expired"),
        ("/predicate/timeVerified", json!("2026-07-01T09:00:00Z"), "in the future"),
        ("/predicate/timeVerified", json!("yesterday"), "is not a time"),
        ("/predicate/timeVerified", Value::Null, "does not say when"),
        ("/predicateType", json!("https://slsa.dev/verification_summary/v0.2"), "has no"),
        (
            "/predicateType",
            json!("https://slsa.dev/verification_summary/v2"),
            "there is no signed Verification Summary",
        ),
        ("/predicateType", json!("https://in-toto.io/attestation/svr/v0.1"), "has no list of `properties`"),
    ]
}

/// Gates of other tools, by what they state.
#[test]
fn summaries_of_other_tools_are_verdicts_of_theirs() {
    let dir = Dir::new();
    dir.run(&["attest", "keygen", "--output", "gate"]);
    let keys = [dir.read("gate.key"), {
        dir.run(&["attest", "keygen", "--output", "evil"]);
        dir.read("evil.key")
    }];
    let [gate, evil] = keys.map(|pem| PrivateKey::from_pem(&pem).unwrap());
    let subject = image("a");
    let about = ["--commit", COMMIT, "--subject", subject.as_str()];
    let says = |statements: &[Value], key: &PrivateKey, about: &[&str]| {
        let lines: Vec<String> = statements
            .iter()
            .map(|one| Envelope::sign(IN_TOTO, one.to_string().into_bytes(), &[key]).to_json())
            .collect();
        dir.write("verdicts/v.jsonl", lines.join("\n"));
        let (run, rule) = check(&dir, about);
        (run.code, rule["message"].as_str().unwrap_or_default().to_owned())
    };
    let demand = format!(
        "source: {{on: commit, predicate: vsa, verifier: \"{VERIFIER}\", resource: [\"git+https://gitlab.example.com/team/*\"], \
         levels: [SLSA_SOURCE_LEVEL_2]}}"
    );
    let rule = |more: &str| verdicts_policy(&dir, &format!("{demand}, signed_by: [gate]{more}"));
    rule(", max_age: 72h");
    let good = summary(&["SLSA_SOURCE_LEVEL_3", "ORG_REVIEWED"], "2026-06-01T09:00:00Z");
    let (code, message) = says(std::slice::from_ref(&good), &gate, &about);
    assert!(
        code == 0 && message.contains("source: SLSA_SOURCE_LEVEL_3, ORG_REVIEWED by https://verifier"),
        "{message}"
    );
    assert_eq!(says(&[older_summary()], &gate, &about).0, 0);
    let fails = |statements: &[Value], key: &PrivateKey, about: &[&str], why: &str| {
        let (code, message) = says(statements, key, about);
        assert!(code == 1 && message.contains(why), "{why}: {code} {message}");
    };
    fails(std::slice::from_ref(&good), &evil, &about, "signed by none of the keys");
    fails(
        std::slice::from_ref(&good),
        &gate,
        &["--commit", OTHER, "--subject", &subject],
        "is not about commit 4444",
    );
    for (pointer, value, why) in wrong_summaries() {
        let mut statement = good.clone();
        *statement.pointer_mut(pointer).unwrap() = value;
        fails(&[statement], &gate, &about, why);
    }
    // The last word counts, whatever the order of the file.
    let mut later = summary(&["FAILED"], "2026-06-01T10:00:00Z");
    later["predicate"]["verificationResult"] = json!("FAILED");
    fails(&[good.clone(), later.clone()], &gate, &about, "says FAILED");
    fails(&[later, good.clone()], &gate, &about, "says FAILED");
    // What the rule asks beyond that.
    rule(&format!(", policy: [\"sha256:{}\"]", "d".repeat(64)));
    assert_eq!(says(std::slice::from_ref(&good), &gate, &about).0, 0);
    fails(&[older_summary()], &gate, &about, "none of the policies");
    rule(", clock: machine");
    fails(std::slice::from_ref(&good), &gate, &about, "whether its clock was pinned");
    verdicts_policy(
        &dir,
        &format!(
            "{}, signed_by: [gate]",
            demand.replace("levels:", "policy_uri: \"https://example.com/other\", levels:")
        ),
    );
    fails(std::slice::from_ref(&good), &gate, &about, "is of the policy https://example.com/source-policy");
    // About the artifact, and a Simple Verification Result.
    verdicts_policy(&dir, &format!("{}, signed_by: [gate]", demand.replace("on: commit", "on: subject")));
    assert_eq!(says(std::slice::from_ref(&good), &gate, &about).0, 0);
    fails(&[good], &gate, &["--commit", COMMIT, "--subject", &image("b")], "is not about sha256:bbbb");
    verdicts_policy(
        &dir,
        &format!(
            "scan: {{on: subject, predicate: svr, verifier: \"{VERIFIER}\", levels: [ORG_SCANNED, ORG_REVIEWED]}}, signed_by: [gate], max_age: 1d"
        ),
    );
    assert_eq!(says(&[result(&["ORG_REVIEWED", "ORG_SCANNED"])], &gate, &about).0, 0);
    fails(&[result(&["ORG_REVIEWED"])], &gate, &about, "ORG_SCANNED is demanded");
    let mut without = result(&["ORG_REVIEWED", "ORG_SCANNED"]);
    without["predicate"].as_object_mut().unwrap().remove("timeCreated");
    fails(&[without], &gate, &about, "has no `timeCreated`");
}

#[test]
fn a_gate_of_another_tool_is_named_with_its_verifier() {
    let dir = Dir::new();
    dir.run(&["attest", "keygen", "--output", "gate"]);
    for (gate, why) in [
        ("{on: commit, predicate: vsa, resource: [r]}", "lacks `verifier`"),
        ("{on: commit, predicate: vsa, verifier: v}", "lacks `resource`"),
        ("{on: commit, predicate: vsa, verifier: v, resource: ['**']}", "matches everybody"),
        ("{on: commit, verifier: v}", "lacks `predicate`"),
        ("{on: commit, predicate: svr, verifier: v}", "lacks `levels`"),
        (
            "{on: commit, predicate: svr, verifier: v, levels: [A], resource: [r]}",
            "nothing to compare `resource` with",
        ),
        ("{on: commit, predicate: slsa}", "slsa"),
    ] {
        verdicts_policy(&dir, &format!("source: {gate}, signed_by: [gate]"));
        let run = dir.check(&["--policy", "policy.yaml"]);
        assert!(run.code == 2 && run.all().contains(why), "{gate}: {}", run.all());
    }
}

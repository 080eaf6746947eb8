//! One image from the merge request to production: four gates, the shipped policies filled in, one signed chain.

use std::fs;

use secgate::attest::dsse::IN_TOTO;
use secgate::attest::{Algorithm, Envelope, PrivateKey};
use secgate::finding::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, Run, fixture, root};

pub(crate) const COMMIT: &str = "1111111111111111111111111111111111111111";
const TREE: &str = "3333333333333333333333333333333333333333";
pub(crate) const HEX: &str = "47d450279e8c4e3c7dcdaf8ca4cbcbfe38e693cf6786b5061c528aadd66514f4";
pub(crate) const GATES: [&str; 4] = ["merge", "package", "release", "production"];

pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(fixture(path)).unwrap()
}

pub(crate) fn value(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

pub(crate) fn image() -> String {
    format!("registry.shop.invalid/shop/web:1.4.3@sha256:{HEX}")
}

/// A shipped policy with all that is marked "fill in".
fn filled(gate: &str, keys: &[(&str, String)]) -> String {
    let mut policy = fs::read_to_string(root().join(format!("policies/{gate}.yaml"))).unwrap();
    for (name, sha256) in keys {
        let line = policy
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{name}: {{file")))
            .map(str::to_owned);
        if let Some(line) = line {
            policy = policy.replace(&line, &line.replace(&"0".repeat(64), sha256));
        }
    }
    let people = "people:\n  developers: [{user: dev, emails: [dev@shop.invalid]}, {user: pat, emails: [pat@shop.invalid]}]";
    let lines = policy.lines().map(|line| if line.starts_with("people:") { people } else { line });
    (lines.collect::<Vec<_>>().join("\n") + "\n")
        .replace("registry.example.com/prod/**", "registry.shop.invalid/shop/**")
        .replace("registry.example.com/base/**", "docker.io/library/*")
        .replace("gitlab.example.com/-/runners/42", "gitlab.shop.invalid/-/runners/7")
        .replace("gitlab.example.com/team/app", "gitlab.shop.invalid/shop/web")
        .replace("@example-appsec-lead", "@appsec-lead")
        .replace("[\"@example-release-lead\", \"@example-platform-lead\"]", "[\"@release-lead\"]")
}

/// What the builder says, signed.
pub(crate) fn provenance(key: &PrivateKey) -> String {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "registry.shop.invalid/shop/web", "digest": {"sha256": HEX}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://shop.invalid/build/v1",
                "externalParameters": {"repository": "https://gitlab.shop.invalid/shop/web", "ref": "refs/heads/main"},
                "resolvedDependencies": [
                    {"uri": "git+https://gitlab.shop.invalid/shop/web@refs/heads/main", "digest": {"gitCommit": COMMIT}},
                ],
            },
            "runDetails": {"builder": {"id": "https://gitlab.shop.invalid/-/runners/7"}},
        },
    });
    Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[key]).to_json()
}

/// A folder with everything that the four gates ask for.
pub(crate) fn ground() -> Dir {
    let dir = Dir::new();
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    let builder = PrivateKey::generate(Algorithm::P256).unwrap();
    dir.write(".secgate/keys/builder.pub", builder.public().to_pem());
    dir.write(".secgate/keys/secgate.pub", dir.read("gate.pub"));
    let sha256 = |name: &str| hex(&Sha256::digest(dir.read(name)));
    let keys =
        [("builder", sha256(".secgate/keys/builder.pub")), ("gate", sha256(".secgate/keys/secgate.pub"))];
    for gate in GATES {
        dir.write(&format!(".secgate/{gate}.yaml"), filled(gate, &keys));
    }
    // Merge: reports of what the change left of the sample application.
    dir.copy("semgrep/app-clean.json", "semgrep.json").copy("detect-secrets/clean.json", "secrets.json");
    let mut packages = value("trivy/fs.json");
    for result in packages["Results"].as_array_mut().unwrap() {
        let result = result.as_object_mut().unwrap();
        for found in ["Vulnerabilities", "Secrets", "Misconfigurations", "Licenses"] {
            result.remove(found);
        }
    }
    dir.write("trivy-fs.json", packages.to_string());
    // Package: the image, its SBOM, its provenance, its manifests.
    dir.write("trivy-app.json", text("trivy/image-clean.json").replace("2026-11-20T", "2026-11-25T"));
    let mut sbom: Value = serde_json::from_str(
        &text("cyclonedx/image.json")
            .replace("f6e9a196a0c5e108e1c3328d45c36a3d01a7fa2747365334a294058eb2aa422b", HEX),
    )
    .unwrap();
    for component in sbom["components"].as_array_mut().unwrap() {
        component["licenses"] = json!([{"license": {"id": "MIT"}}]);
    }
    dir.write("sbom-app.cdx.json", sbom.to_string());
    dir.write("provenance-app.intoto.jsonl", provenance(&builder));
    let mut manifests = value("trivy/config.json");
    for result in manifests["Results"].as_array_mut().unwrap() {
        if let Some(checks) = result["Misconfigurations"].as_array_mut() {
            checks.retain(|check| check["Status"] == "PASS");
            result["MisconfSummary"]["Failures"] = json!(0);
        }
    }
    dir.write("trivy-config.json", manifests.to_string());
    dir.write(
        "kev.json",
        r#"{"catalogVersion":"2026.11.24","dateReleased":"2026-11-24T12:00:00Z","count":1,
            "vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10"}]}"#,
    );
    dir.write(
        "runner.json",
        format!(r#"{{"image_digest":"sha256:{}","image_built_at":"2026-11-20T09:00:00Z"}}"#, "e".repeat(64)),
    );
    // Release: the running application, its contract, and GitLab's answers.
    dir.copy("zap/clean.json", "zap.json").copy("spectral/clean.json", "spectral.json");
    for name in ["approvals", "versions", "deployment", "merge-request", "commits"] {
        let answer = text(&format!("gitlab-api/{name}.json")).replace("2026-06-01T", "2026-11-25T");
        dir.write(&format!("{name}.json"), answer.replace("appsec-lead", "release-lead"));
    }
    // Production: the way back.
    let previous = format!("sha256:{}", "d".repeat(64));
    let rollback = json!({"ready": true, "previous_digest": previous, "tested_at": "2026-11-10T09:00:00Z"});
    dir.write("rollback.json", rollback.to_string());
    dir.write("verdicts/.keep", "").write("bundles/.keep", "");
    dir
}

/// Runs a gate, as its job does: the clock goes on by an hour with each.
fn gate(dir: &Dir, gate: &str) -> Run {
    let hour = 12 + GATES.iter().position(|known| *known == gate).unwrap();
    gate_at(dir, gate, &format!("2026-11-25T{hour}:00:00Z"), &image())
}

fn gate_at(dir: &Dir, gate: &str, now: &str, image: &str) -> Run {
    let bundle = format!("bundles/{gate}.tar");
    let mut args = vec!["check", "--gate", gate, "--now", now, "--commit", COMMIT, "--bundle", &bundle];
    if gate != "merge" {
        args.extend(["--subject", image]);
    }
    if gate == "production" {
        args.extend(["--param", "environment=production"]);
    }
    dir.run(&args)
}

fn sign(dir: &Dir, gate: &str) {
    let bundle = format!("bundles/{gate}.tar");
    let output = format!("verdicts/{gate}.intoto.jsonl");
    let args = ["attest", "--bundle", &bundle, "--key", "gate.key", "--tree", TREE, "--output", &output];
    let run = dir.run(&args);
    assert_eq!(run.code, 0, "{gate}: {run:?}");
}

/// Runs and signs gates that must pass.
pub(crate) fn pass(dir: &Dir, gates: &[&str]) {
    for name in gates {
        let run = gate(dir, name);
        assert_eq!(run.code, 0, "{name}: {}", run.all());
        sign(dir, name);
    }
}

fn verify(dir: &Dir, more: &[&str]) -> Run {
    let files: Vec<String> = GATES
        .iter()
        .map(|gate| format!("verdicts/{gate}.intoto.jsonl"))
        .filter(|file| dir.exists(file))
        .collect();
    let image = image();
    let chain = GATES.join(",");
    let mut args = vec!["verify", "--key", "gate.pub", "--subject", &image, "--chain", &chain];
    args.extend(["--param", "environment=production", "--now", "2026-11-25T16:00:00Z"]);
    args.extend(more);
    args.extend(files.iter().map(String::as_str));
    dir.run(&args)
}

/// The gate must stop with these words.
fn stops(run: &Run, code: i32, why: &str) {
    assert_eq!(run.code, code, "{why}: {}", run.all());
    // The text is broken into lines that fit the terminal.
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(why), "{why}: {}", run.all());
}

#[test]
fn four_gates_make_one_chain() {
    let dir = ground();
    pass(&dir, &GATES);
    let verified = verify(&dir, &["--max-age", "72h", "--commit", COMMIT]);
    assert_eq!((verified.code, verified.last_line()), (0, "verified"), "{}", verified.all());
    for gate in GATES {
        let decided = if gate == "production" { "pass, environment=production at " } else { "pass at " };
        assert!(verified.stdout.contains(&format!("[ok]   {gate}: {decided}")), "{}", verified.stdout);
        let bundle = format!("bundles/{gate}.tar");
        let run = verify(&dir, &["--recompute", &bundle]);
        assert_eq!(run.code, 0, "{}", run.all());
        assert!(run.stdout.contains("the same verdict byte for byte"), "{}", run.stdout);
        assert!(run.stdout.contains(&format!("is the bundle that verdicts/{gate}.intoto.jsonl#1 names")));
    }
}

#[test]
fn each_missing_link_stops_the_release() {
    let dir = ground();
    // No provenance, or one that the builder did not sign: no package.
    pass(&dir, &["merge"]);
    let signed = dir.read("provenance-app.intoto.jsonl");
    fs::remove_file(dir.path().join("provenance-app.intoto.jsonl")).unwrap();
    stops(&gate(&dir, "package"), 1, "no file provenance-app.intoto.jsonl");
    dir.write("provenance-app.intoto.jsonl", provenance(&PrivateKey::generate(Algorithm::P256).unwrap()));
    stops(&gate(&dir, "package"), 1, "signed by none of the keys builder");
    dir.write("provenance-app.intoto.jsonl", &signed);
    // Another image than the one that was scanned and built.
    let other = image().replace(HEX, &"b".repeat(64));
    let run = gate_at(&dir, "package", "2026-11-25T13:00:00Z", &other);
    stops(&run, 1, "there is no signed provenance of sha256:bbbb");
    pass(&dir, &["package"]);
    // Each earlier verdict that is missing is named, by the gate that asks for it.
    let without = |name: &str, by: &str, why: &str| {
        let path = dir.path().join(format!("verdicts/{name}.intoto.jsonl"));
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        stops(&gate(&dir, by), 1, why);
        let chain = verify(&dir, &[]);
        assert_eq!((chain.code, chain.last_line()), (1, "not verified"), "{}", chain.all());
        assert!(chain.stdout.contains(&format!("[FAIL] {name}: ")), "{}", chain.all());
        fs::write(&path, kept).unwrap();
    };
    let about = format!("about commit {COMMIT}");
    without("merge", "release", &format!("there is no signed verdict of gate merge {about}"));
    let of_image = format!("about the artifact sha256:{HEX}");
    without("package", "release", &format!("there is no signed verdict of gate package {of_image}"));
    // An approval that is older than the last commit is none.
    let approvals = dir.read("approvals.json");
    dir.write("approvals.json", approvals.replace("T10:30:00", "T09:30:00"));
    stops(&gate(&dir, "release"), 10, "the approval is older than the commit");
    dir.write("approvals.json", &approvals);
    pass(&dir, &["release"]);
    without("release", "production", &format!("there is no signed verdict of gate release {of_image}"));
    // Nobody approved the deployment; nobody may who deploys it.
    let deployment = dir.read("deployment.json");
    dir.write(
        "deployment.json",
        deployment.replace("\"username\": \"release-lead\"", "\"username\": \"dev\""),
    );
    stops(&gate(&dir, "production"), 1, "deployment by a release manager who neither wrote nor deploys it");
    dir.write("deployment.json", &deployment);
    // No way back.
    let rollback = dir.read("rollback.json");
    dir.write("rollback.json", rollback.replace("true", "false"));
    stops(&gate(&dir, "production"), 10, "Rollback plan, tested within 30 days");
    dir.write("rollback.json", &rollback);
    // All of it long ago.
    let late = gate_at(&dir, "production", "2026-11-30T12:00:00Z", &image());
    stops(&late, 1, "the verdict of gate merge has expired");
    pass(&dir, &["production"]);
    assert_eq!(verify(&dir, &[]).code, 0);
    // A chain of which a link was signed by somebody else, or is about something else, is none.
    assert_eq!(dir.run(&["attest", "keygen", "--output", "evil"]).code, 0);
    fs::remove_file(dir.path().join("verdicts/release.intoto.jsonl")).unwrap();
    let args = ["attest", "--bundle", "bundles/release.tar", "--key", "evil.key"];
    let run = dir.run(&[&args[..], &["--output", "verdicts/release.intoto.jsonl"]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    stops(&verify(&dir, &[]), 1, "is signed by none of the keys gate.pub");
    stops(&gate(&dir, "production"), 1, "is signed by none of the keys gate");
}

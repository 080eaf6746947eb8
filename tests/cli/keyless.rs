//! Signatures by certificates of Sigstore: the conformance suite's bundles, and who may have signed.

use std::fs;
use std::path::{Path, PathBuf};

use secgate::finding::hex;
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, Run, root};

/// Whoever signed the bundles of the conformance suite.
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                      extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The bundles of sigstore-conformance, where they are at hand beside the repository.
fn suite() -> Option<PathBuf> {
    let suite = root().join("../shared/sigstore");
    if !suite.is_dir() {
        assert!(std::env::var_os("SECGATE_DEMAND_SHARED").is_none(), "{} is demanded", suite.display());
        println!("skipped: {} is not here", suite.display());
        return None;
    }
    Some(suite)
}

/// The cases of the suite, by name.
fn cases(suite: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        folders.filter(|path| path.join("bundle.sigstore.json").is_file()).collect();
    cases.sort();
    assert!(cases.len() > 40, "{} cases", cases.len());
    cases
}

fn artifact(case: &Path) -> PathBuf {
    let own = case.join("artifact");
    if own.is_file() { own } else { case.with_file_name("a.txt") }
}

fn verify(dir: &Dir, case: &Path, artifact: &str, signer: &[&str]) -> Run {
    let bundle = case.join("bundle.sigstore.json");
    let (bundle, own, key) =
        (bundle.display().to_string(), case.join("trusted_root.json"), case.join("key.pub"));
    let (own_root, key_file) = (own.display().to_string(), key.display().to_string());
    let mut args = vec!["verify", bundle.as_str(), "--artifact", artifact];
    if own.is_file() {
        args.extend(["--trusted-root", own_root.as_str()]);
    }
    if key.is_file() {
        args.extend(["--key", key_file.as_str()]);
    } else {
        args.extend(signer);
    }
    dir.run(&args)
}

#[test]
fn the_conformance_suite_by_file_and_by_digest() {
    let Some(suite) = suite() else { return };
    let (dir, mut wrong) = (Dir::new(), Vec::new());
    for case in cases(&suite) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let file = artifact(&case);
        let digest = format!("sha256:{}", hex(&Sha256::digest(fs::read(&file).unwrap())));
        for artifact in [file.to_str().unwrap(), digest.as_str()] {
            let run = verify(&dir, &case, artifact, &["--identity", BEACON, "--issuer", ISSUER]);
            let expected = if name.ends_with("_fail") { run.code != 0 } else { run.code == 0 };
            if !expected {
                wrong.push(format!("{name} {artifact}: {run:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_else_signed_them() {
    let Some(suite) = suite() else { return };
    let dir = Dir::new();
    let good =
        ["happy-path-v0.2", "happy-path-v0.3", "happy-path-intoto-in-dsse-v3", "rekor2-dsse-happy-path"];
    for case in good.map(|name| suite.join(name)) {
        let file = artifact(&case);
        let file = file.to_str().unwrap();
        let by = |identity: &str, issuer: &str, more: &[&str]| {
            let signer = [&["--identity", identity, "--issuer", issuer], more].concat();
            verify(&dir, &case, file, &signer)
        };
        let beacon = "https://github.com/sigstore-conformance/*/.github/workflows/*@refs/heads/main";
        let run = by(beacon, ISSUER, &["--claim", "runner_environment=github-hosted"]);
        assert_eq!(run.code, 0, "{run:?}");
        for (identity, issuer, more, why) in [
            (
                &BEACON.replace("sigstore-", "sigst0re-")[..],
                ISSUER,
                &[][..],
                "was signed by https://github.com/sigstore",
            ),
            (&BEACON.replace("main", "m\u{430}in")[..], ISSUER, &[], "was signed by"),
            ("https://github.com/*/.github/workflows/*@refs/heads/main", ISSUER, &[], "was signed by"),
            (BEACON, "https://token.actions.githubusercontent.com/", &[], "not of https://token.actions"),
            (BEACON, "https://gitlab.com", &[], "not of https://gitlab.com"),
            (
                BEACON,
                ISSUER,
                &["--claim", "runner_environment=self-hosted"],
                "says github-hosted of `runner_environment`",
            ),
            (
                BEACON,
                ISSUER,
                &["--claim", "deployment_environment=production"],
                "says nothing of `deployment_environment`",
            ),
        ] {
            let run = by(identity, issuer, more);
            assert!(run.code == 1 && run.stdout.contains(why), "{identity} {issuer} {more:?}: {run:?}");
        }
    }
}

#[test]
fn wrong_options_are_told() {
    let dir = Dir::new();
    dir.write("b.json", "{}");
    dir.write("root.json", "{}");
    for (args, why) in [
        (&["--identity", "a"][..], "--issuer"),
        (&["--identity", "**", "--issuer", "i"], "matches everybody"),
        (&["--identity", "a", "--issuer", "i", "--claim", "x=y"], "is none of build_signer_uri"),
        (&["--identity", "a", "--issuer", "i", "--claim", "x"], "wants CLAIM=GLOB"),
        (&["--identity", "a", "--issuer", "i", "--trusted-root", "root.json"], "is not a trusted root"),
        (&["--identity", "a", "--issuer", "i", "--artifact", "sha256:00"], "64 hexadecimal digits"),
        (&["--identity", "a", "--issuer", "i", "--artifact", "missing"], "missing"),
    ] {
        let run = dir.run(&[&["verify", "b.json"], args].concat());
        assert!(run.code == 2 && run.stderr.contains(why), "{args:?}: {run:?}");
    }
}

const IMAGE: &str =
    "registry.invalid/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const COMMIT: &str = "1111111111111111111111111111111111111111";
const PIPELINE: &str = "https://gitlab.invalid/team/api//.gitlab-ci.yml@refs/heads/main";

/// A directory with a policy that demands provenance of whoever is named, and the file of provenance.
fn gate(file: &str, key: &str, rule: &str) -> Dir {
    let dir = Dir::new();
    dir.copy("keyless/trusted_root.json", "keys/root.json");
    dir.copy(&format!("keyless/{file}.sigstore.json"), "p.json");
    let root = hex(&Sha256::digest(dir.read("keys/root.json")));
    let key = key.replace("ROOT", &format!("trusted_root: keys/root.json, sha256: \"{root}\""));
    dir.write(
        "policy.yaml",
        format!(
            "version: 1\ngate: package\nkeys:\n  pipeline: {{{key}}}\nevidence:\n  slsa: {{document: provenance, files: [p.json]}}\n\
             rules:\n  - {{id: built-by-us, provenance: {{signed_by: [pipeline]{rule}}}, then: fail}}\n"
        ),
    );
    dir
}

fn ours() -> String {
    format!("ROOT, issuer: \"https://gitlab.invalid\", identity: \"{PIPELINE}\"")
}

fn check(dir: &Dir, subject: &str) -> (i32, String) {
    let args = ["--policy", "policy.yaml", "--format", "json", "--commit", COMMIT, "--subject", subject];
    let run = dir.check(&args);
    (run.code, run.json()["rules"][0]["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn provenance_by_a_certified_identity() {
    let rule = ", builder: [\"https://gitlab.invalid/-/runners/*\"], source: \"https://gitlab.invalid/team/api\", \
                ref: [refs/heads/main], commit: context";
    let (code, message) = check(&gate("provenance", &ours(), rule), IMAGE);
    assert!(code == 0 && message.contains("signed by pipeline"), "{message}");
    // The ref stands in the certificate alone: the statement names none.
    let (code, message) = check(&gate("provenance", &ours(), ", ref: [refs/tags/*]"), IMAGE);
    assert!(code == 1 && message.contains("it was built from refs/heads/main"), "{message}");
    let any = ours().replace("@refs/heads/main", "@refs/heads/*");
    let (code, message) = check(&gate("branch", &any, rule), IMAGE);
    assert!(code == 1 && message.contains("it was built from refs/heads/feature"), "{message}");
    let (code, message) = check(&gate("branch", &ours(), rule), IMAGE);
    assert!(code == 1 && message.contains("was signed by https://gitlab.invalid/team/api"), "{message}");
    let (code, message) = check(&gate("contradiction", &ours(), ""), IMAGE);
    assert!(code == 1 && message.contains("contradict each other: the commits are 4444"), "{message}");
    let (code, message) = check(&gate("elsewhere", &ours(), rule), IMAGE);
    assert!(code == 1 && message.contains("is not verified"), "{message}");
    let (code, message) = check(&gate("file", &ours(), rule), IMAGE);
    assert!(
        code == 1 && message.contains("the signature of a file, which states nothing of it"),
        "{message}"
    );
    let self_hosted = format!("{}, claims: {{runner_environment: self-hosted}}", ours());
    let (code, message) = check(&gate("provenance", &self_hosted, rule), IMAGE);
    assert!(code == 1 && message.contains("says gitlab-hosted of `runner_environment`"), "{message}");
    // A person's certificate says nothing of a job.
    let ann = "ROOT, issuer: \"https://login.invalid\", identity: \"*@corp.invalid\"";
    assert_eq!(check(&gate("person", ann, ", commit: context"), IMAGE).0, 0);
    // npm names packages by SHA-512.
    let package = format!("pkg@sha512:{}", "b".repeat(128));
    let (code, message) = check(&gate("npm", &ours(), rule), &package);
    assert_eq!(code, 0, "{message}");
    assert_eq!(check(&gate("npm", &ours(), rule), IMAGE).0, 1);
}

#[test]
fn the_wrappings_of_registries_are_taken_off() {
    let dir = gate("provenance", &ours(), "");
    let bundle = dir.read("p.json");
    let line = bundle.trim();
    for text in [
        format!("{{\"attestations\":[{{\"bundle\":{line},\"repository_id\":1}}]}}"),
        format!("[{line}]"),
        format!("{line}\n{line}\n"),
    ] {
        dir.write("p.json", &text);
        let (code, message) = check(&dir, IMAGE);
        assert_eq!(code, 0, "{text}: {message}");
    }
}

#[test]
fn keys_and_identities_are_told_apart() {
    for (key, why) in [
        ("file: a.pub", "a key needs the key `sha256`"),
        ("user: ann", "a key needs the key `file`, or `issuer` and `identity`"),
        ("issuer: i", "a key needs the key `identity`"),
        ("identity: i", "a key needs the key `issuer`"),
        ("issuer: i, identity: \"**\"", "matches everybody"),
        ("issuer: \"i*\", identity: i", "`issuer` is compared exactly"),
        ("issuer: i, identity: i, trusted_root: r.json", "a key needs the key `sha256`"),
        ("issuer: i, identity: i, trusted_root: github, sha256: \"00\"", "comes with secgate"),
        ("issuer: i, identity: i, file: a.pub, sha256: \"00\"", "not both"),
        ("issuer: i, identity: i, claims: {source_repo_ref: x}", "did you mean `source_repository_ref`"),
    ] {
        let dir = gate("provenance", key, "");
        let run = dir.check(&["--policy", "policy.yaml", "--subject", IMAGE]);
        assert!(run.code == 2 && run.stderr.contains(why), "{key}: {run:?}");
    }
    // Roots are pinned like keys, and an example is a placeholder.
    let changed = gate("provenance", &ours(), "");
    changed.write("keys/root.json", "{}");
    let (code, message) = check(&changed, IMAGE);
    assert!(code == 2 && message.contains("and the policy demands sha256:"), "{message}");
    let example = "issuer: \"https://gitlab.example.com\", identity: \"https://gitlab.example.com/g/p//x.yml@refs/heads/main\"";
    let (code, message) = check(&gate("provenance", example, ""), IMAGE);
    assert!(code == 2 && message.contains("keys.pipeline is a placeholder"), "{message}");
}

/// One of the suite's bundles holds provenance about another repository than the one whose workflow signed it.
#[test]
fn a_statement_that_its_certificate_contradicts_fails() {
    let Some(suite) = suite() else { return };
    let key = format!("issuer: \"{ISSUER}\", identity: \"{BEACON}\"");
    let dir = gate("provenance", &key, "");
    dir.write("p.json", fs::read(suite.join("happy-path-intoto-in-dsse-v3/bundle.sigstore.json")).unwrap());
    let digest = hex(&Sha256::digest(fs::read(suite.join("a.txt")).unwrap()));
    let (code, message) = check(&dir, &format!("a.txt@sha256:{digest}"));
    assert!(code == 1 && message.contains("contradict each other: the sources are"), "{message}");
}

#[test]
fn an_old_embedded_root_is_told() {
    let Some(suite) = suite() else { return };
    let case = suite.join("happy-path-v0.3");
    let (bundle, file) = (case.join("bundle.sigstore.json"), artifact(&case));
    let run = |now: &str| {
        let dir = Dir::new();
        let paths = [bundle.to_str().unwrap(), "--artifact", file.to_str().unwrap()];
        dir.run(
            &[&["verify"], &paths[..], &["--identity", BEACON, "--issuer", ISSUER, "--now", now]].concat(),
        )
    };
    let (fresh, old) = (run("2027-01-01T00:00:00Z"), run("2028-01-01T00:00:00Z"));
    assert!(fresh.code == 0 && !fresh.stdout.contains("more than a year old"), "{fresh:?}");
    assert!(
        old.code == 0 && old.stdout.contains("`sigstore` is of 2026-10-23, more than a year old"),
        "{old:?}"
    );
}

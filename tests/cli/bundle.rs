//! Bundles of evidence: the verdict is derived from them again, and nothing in them can be changed.

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Base64Url, Encoding as _};
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, NOW, Run, SAST_POLICY, WAIVED_CODE, fixture, root, semgrep};

const COMMIT: &str = "1111111111111111111111111111111111111111";

fn reports(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "app") {
            reports(&path, found);
        } else if path.extension().is_some_and(|e| e == "json" || e == "jsonl" || e == "xml") {
            found.push(path);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// A value as it stands, and as whoever does not want to see it would write it: in hexadecimal, in base64 at any place
/// of a longer text, and by its digest.
fn written(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let digits = secgate::finding::hex(bytes);
    let mut all = vec![value.to_owned(), digits.to_uppercase(), digits];
    all.push(secgate::finding::hex(&Sha256::digest(bytes)));
    for before in 0..3 {
        let text = [&vec![b'x'; before], bytes].concat();
        // The digits that depend on what stands before and after are left out.
        let whole = text.len() / 3 * 4;
        for encoded in [Base64::encode_string(&text), Base64Url::encode_string(&text)] {
            all.push(encoded[if before > 0 { 4 } else { 0 }..whole].to_owned());
        }
    }
    // Short ones occur by chance.
    all.into_iter().filter(|text| text.len() >= 8).map(String::into_bytes).collect()
}

/// What a run with `--bundle` says must be what it says without.
fn same_with_bundle(dir: &Dir, args: &[&str], bundle: &str) -> Run {
    let without = dir.check(&[args, &["--format", "json"]].concat());
    let with = dir.check(&[args, &["--format", "json", "--bundle", bundle]].concat());
    assert_eq!(with, without, "{args:?}");
    with
}

#[test]
fn every_report_can_be_decided_again_and_no_bundle_holds_a_secret() {
    let dir = Dir::new();
    let values: Vec<String> = fs::read_to_string(fixture("secret-values.txt"))
        .unwrap()
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let values: Vec<Vec<u8>> = values.iter().flat_map(|value| written(value)).collect();
    assert!(values.len() >= 200, "{}", values.len());
    let holds = |bytes: &[u8], value: &[u8]| memchr::memmem::find(bytes, value).is_some();
    let mut all = Vec::new();
    reports(&root().join("fixtures"), &mut all);
    assert!(all.len() >= 60);
    let planted = all.iter().filter(|file| values.iter().any(|value| holds(&fs::read(file).unwrap(), value)));
    assert!(planted.count() >= 10);
    let mut packed = 0;
    for file in &all {
        let file = file.to_str().unwrap();
        let run = same_with_bundle(&dir, &["--policy", "merge", file], "b.tar");
        if !dir.exists("b.tar") {
            assert_eq!(run.code, 2, "{file}");
            continue;
        }
        packed += 1;
        let bundle = fs::read(dir.path().join("b.tar")).unwrap();
        for value in &values {
            assert!(!holds(&bundle, value), "{file}: {}", String::from_utf8_lossy(value));
        }
    }
    assert!(packed >= 50, "{packed}");
    // Several at once, of which some hold the same secret.
    let gate = root().join("fixtures/gate");
    let run = same_with_bundle(&dir, &["--policy", "merge", gate.to_str().unwrap()], "b");
    assert_eq!(run.code, 1);
    assert_eq!(dir.read("b/verdict.json"), run.stdout);
    let again = dir.run(&["verify", "--recompute", "b"]);
    // Without a key nothing shows who made it.
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.last_line().starts_with("recomputed; no signature was checked"), "{again:?}");
    assert!(again.stdout.contains("b: recomputed: fail; the same verdict"), "{again:?}");
    // What is asked of signed verdicts is not passed over.
    let policy = format!("sha256:{}", "a".repeat(64));
    for more in [
        &["--policy", &policy][..],
        &["--project", "team/shop"],
        &["--param", "a=b"],
        &["--max-age", "1h"],
        &["--machine-clock"],
        &["--verdict", "pass"],
        &["--chain", "merge"],
    ] {
        let run = dir.run(&[&["verify", "--recompute", "b"], more].concat());
        assert!(run.code == 2 && run.stderr.contains(more[0]), "{more:?}: {run:?}");
    }
    // Nor what it was compared with, and the key under which that was done.
    let key = "0123456789abcdef-a-key-of-the-project-0123456789abcdef";
    let secrets = fixture("gate/secrets.json");
    dir.write("secret.key", key)
        .write("policy.yaml", "version: 1\ngate: merge\nbase: {from: [base-report, baseline], without: warn}\nevidence:\n  secrets: {category: secret, files: [secrets.json]}\nrules:\n  - {id: s, findings: {category: secret, state: new}, then: fail}\n");
    let secrets = secrets.to_str().unwrap();
    let write = ["baseline", "write", "--secret-key", "secret.key", "--output", "baseline.jsonl", secrets];
    assert_eq!(dir.run(&write).code, 0);
    let args = ["--policy", "policy.yaml", "--secret-key", "secret.key", "--baseline", "baseline.jsonl"];
    let args = [&args[..], &["--base-report", secrets, secrets]].concat();
    same_with_bundle(&dir, &args, "c.tar");
    let bundle = fs::read(dir.path().join("c.tar")).unwrap();
    for value in written(key).iter().chain(&values) {
        assert!(!holds(&bundle, value), "{}", String::from_utf8_lossy(value));
    }
    assert_eq!(dir.run(&["verify", "--recompute", "c.tar"]).code, 0);
}

#[test]
fn waivers_feeds_bases_and_named_files_are_in_it() {
    let dir = Dir::new();
    let one = semgrep(&["ERROR"]);
    dir.write("semgrep.json", semgrep(&["ERROR", "ERROR", "WARNING"]))
        .write("base.json", &one)
        .write("src/a2.py", format!("\n\n{WAIVED_CODE}"))
        .write("code.diff", "diff --git a/src/a0.py b/src/a0.py\n--- a/src/a0.py\n+++ b/src/a0.py\n@@ -9,0 +10 @@\n+SECRET_LINE = 1\n")
        .write("kev.json", r#"{"catalogVersion":"1","dateReleased":"2026-05-31T00:00:00Z","count":1,"vulnerabilities":[{"cveID":"CVE-2026-1","dateAdded":"2026-01-01"}]}"#)
        .write(
            "waivers.yaml",
            "version: 1\nwaivers:\n  - id: W-1\n    rule: merge/medium\n    match: {rule_id: rule-2, path: src/a2.py, content: 338b0c861f359a1a}\n    \
             reason: r\n    owner: \"@a\"\n    approved_by: \"@b\"\n    compensating_controls: [c]\n    created: 2026-05-01\n    \
             expires: 2026-07-01\n    review_trigger: [severity_raised]\n    seen: {severity: medium, fix: unknown, matches: 1}\n",
        )
        .write(
            "policy.yaml",
            "version: 1\ngate: merge\nbase: {from: [baseline, diff], without: review}\nwaivers: {files: [waivers.yaml]}\n\
             evidence:\n  sast: {category: sast, files: [semgrep.json]}\n  kev: {feed: kev, files: [kev.json], max_age: 7d}\n\
             rules:\n  - {id: high, findings: {category: sast, severity: high, state: new}, then: fail}\n  \
             - {id: medium, findings: {category: sast, severity: medium}, then: review}\n",
        );
    dir.write("CODEOWNERS", "src/ @team\n");
    assert_eq!(dir.run(&["baseline", "write", "--output", "baseline.jsonl", "base.json"]).code, 0);
    let base = ["--baseline", "baseline.jsonl", "--diff", "code.diff"];
    let args = [&["--policy", "policy.yaml", "--commit", COMMIT], &base[..]].concat();
    let run = same_with_bundle(&dir, &args, "b");
    let verdict = run.json();
    assert_eq!((run.code, verdict["base"]["findings"]["existing"].as_u64()), (1, Some(1)), "{verdict}");
    assert_eq!(verdict["rules"][1]["waived"], 1, "{verdict}");
    let names: Vec<String> = files(&dir.path().join("b"))
        .iter()
        .map(|path| path.strip_prefix(dir.path().join("b")).unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "base/0001.jsonl",
            "bundle.json",
            "checksums.sha256",
            "documents/0001",
            "owners/0001",
            "policy/0000.yaml",
            "reports/0001.json",
            "verdict.json",
            "waivers/0001.yaml"
        ]
    );
    assert_eq!(dir.run(&["verify", "--recompute", "b"]).code, 0);
    for file in files(&dir.path().join("b")) {
        assert!(!fs::read_to_string(&file).unwrap().contains("SECRET_LINE"), "{}", file.display());
    }
}

#[test]
fn a_baseline_is_the_one_that_was_decided_on() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR"])).write("CODEOWNERS", "src/ @team\n").write(
        "policy.yaml",
        SAST_POLICY.replace("evidence:", "base: {from: [baseline], without: review}\nevidence:"),
    );
    assert_eq!(dir.run(&["baseline", "write", "--output", "baseline.jsonl", "semgrep.json"]).code, 0);
    let args = ["--policy", "policy.yaml", "--commit", COMMIT, "--baseline", "baseline.jsonl"];
    same_with_bundle(&dir, &args, "b");
    assert_eq!(dir.read("b/base/0001.jsonl"), dir.read("baseline.jsonl"));
    let recompute = || dir.run(&["verify", "--recompute", "b"]);
    assert_eq!(recompute().code, 0);
    for (file, other, why) in [
        ("b/base/0001.jsonl", "", "base/0001.jsonl: is not the baseline that was decided on"),
        ("b/owners/0001", "src/ @nobody\n", "owners/0001: is not the CODEOWNERS file that was decided on"),
    ] {
        let kept = dir.read(file);
        dir.write(file, other);
        relist(&dir.path().join("b"));
        let run = recompute();
        assert!(run.code == 1 && run.stdout.contains(why), "{why}: {run:?}");
        dir.write(file, kept);
    }
    // Nor may it be left out.
    let manifest = dir.read("b/bundle.json");
    let mut without: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    without["baseline"] = serde_json::Value::Null;
    dir.write("b/bundle.json", without.to_string());
    relist(&dir.path().join("b"));
    let run = recompute();
    assert!(run.code == 1 && run.stdout.contains("lacks the baseline that was decided on"), "{run:?}");
    dir.write("b/bundle.json", manifest);
    relist(&dir.path().join("b"));
    assert_eq!(recompute().code, 0);
}

#[test]
fn the_same_run_packs_the_same_bytes() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["INFO", "WARNING"]));
    let args = ["--policy", "policy.yaml", "--commit", COMMIT];
    for name in ["a.tar", "b.tar"] {
        assert_eq!(dir.check(&[&args[..], &["--bundle", name]].concat()).code, 10);
    }
    let bytes = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(bytes("a.tar"), bytes("b.tar"));
    // An earlier bundle is replaced; anything else is not, and an input never.
    assert_eq!(dir.check(&[&args[..], &["--bundle", "a.tar"]].concat()).code, 10);
    dir.write("notes.tar", "x").write("folder/notes.txt", "x");
    for (bundle, why) in [
        ("notes.tar", "is not a bundle of evidence"),
        ("folder", "is not a bundle of evidence"),
        ("policy.yaml", "is an input"),
        ("", "a value is required"),
        ("nowhere/b", "cannot be written"),
    ] {
        let run = dir.check(&[&args[..], &["--bundle", bundle]].concat());
        assert_eq!(run.code, 2, "{bundle}: {run:?}");
        assert!(run.stderr.contains(why), "{bundle}: {run:?}");
    }
    assert_eq!(dir.read("folder/notes.txt"), "x");
    // What could not be told in full is not kept.
    let run = dir.check(&[&args[..], &["--bundle", "a.tar", "--output", "json=nowhere/v.json"]].concat());
    assert_eq!((run.code, dir.exists("a.tar")), (2, false), "{run:?}");
}

/// A bundle of 20 files, and its signed verdict.
fn signed(dir: &Dir) {
    dir.write("semgrep.json", semgrep(&["INFO"]));
    let mut policy =
        SAST_POLICY.replace("rules:", "  more: {document: json, files: [\"doc/*.json\"]}\nrules:");
    policy.push_str("  - {id: doc, document: {name: more, require: {\"$.ready\": true}}, then: fail}\n");
    dir.write("policy.yaml", policy);
    for at in 0..15 {
        dir.write(&format!("doc/{at:02}.json"), format!("{{\"ready\": true, \"number\": {at}}}\n"));
    }
    let run = dir.check(&["--policy", "policy.yaml", "--commit", COMMIT, "--bundle", "b"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    let run = dir.run(&["attest", "--bundle", "b", "--key", "gate.key", "--output", "v.jsonl"]);
    assert_eq!(run.code, 0, "{run:?}");
}

const VERIFY: [&str; 8] = ["verify", "--recompute", "b", "--key", "gate.pub", "--now", NOW, "v.jsonl"];

#[test]
fn a_thousand_flipped_bytes_are_all_noticed() {
    let dir = Dir::new();
    signed(&dir);
    assert_eq!(dir.run(&VERIFY).code, 0, "{:?}", dir.run(&VERIFY));
    let all = files(&dir.path().join("b"));
    assert_eq!(all.len(), 20);
    let sizes: Vec<usize> = all.iter().map(|path| fs::read(path).unwrap().len()).collect();
    let total: usize = sizes.iter().sum();
    let reader = secgate::attest::bundle::Bundle::open;
    for sample in 0..1000 {
        // Spread over all bytes, and over the bits of a byte.
        let mut at = sample * total / 1000;
        let file = sizes.iter().position(|size| {
            let here = at < *size;
            at -= if here { 0 } else { *size };
            here
        });
        let path = &all[file.unwrap()];
        let before = fs::read(path).unwrap();
        let mut flipped = before.clone();
        flipped[at] ^= 1 << (sample % 8);
        fs::write(path, flipped).unwrap();
        assert!(reader(&dir.path().join("b")).is_err(), "byte {at} of {}", path.display());
        if sample % 100 == 0 {
            let run = dir.run(&VERIFY);
            assert_eq!((run.code, run.last_line()), (1, "not verified"), "{run:?}");
        }
        fs::write(path, before).unwrap();
    }
    assert_eq!(dir.run(&VERIFY).code, 0);
    // The same of a bundle in one file, its headers and padding not left out.
    let run = dir.check(&["--policy", "policy.yaml", "--commit", COMMIT, "--bundle", "b.tar"]);
    assert_eq!(run.code, 0, "{run:?}");
    let path = dir.path().join("b.tar");
    let whole = fs::read(&path).unwrap();
    for sample in 0..1000 {
        let at = sample * whole.len() / 1000;
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (sample % 8);
        fs::write(&path, flipped).unwrap();
        assert!(reader(&path).is_err(), "byte {at}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(reader(&path).is_ok());
}

/// Makes the list of checksums anew.
fn relist(b: &Path) {
    let mut bundle = secgate::attest::bundle::Bundle::default();
    for path in files(b) {
        let name = path.strip_prefix(b).unwrap().to_str().unwrap().to_owned();
        if name != "checksums.sha256" {
            bundle.add(&name, fs::read(path).unwrap());
        }
    }
    fs::write(b.join("checksums.sha256"), bundle.list()).unwrap();
}

#[test]
fn what_was_swapped_is_named() {
    let dir = Dir::new();
    signed(&dir);
    let fails = |what: &dyn Fn(&Path), why: &str| {
        let kept: Vec<(PathBuf, Vec<u8>)> = files(&dir.path().join("b"))
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        what(&dir.path().join("b"));
        let run = dir.run(&VERIFY);
        assert_eq!((run.code, run.last_line()), (1, "not verified"), "{why}: {run:?}");
        assert!(run.stdout.contains(why), "{why}: {run:?}");
        fs::remove_dir_all(dir.path().join("b")).unwrap();
        for (path, bytes) in kept {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    };
    fails(&|b| fs::write(b.join("reports/0001.json"), "{}").unwrap(), "reports/0001.json: is not what");
    fails(
        &|b| fs::remove_file(b.join("documents/0003")).unwrap(),
        "documents/0003: is in checksums.sha256 and is not",
    );
    fails(
        &|b| fs::write(b.join("documents/9999"), "{}").unwrap(),
        "documents/9999: is not in checksums.sha256",
    );
    // With a list made again the bundle is another one.
    fails(
        &|b| {
            fs::write(b.join("documents/0003"), "{\"ready\": false}\n").unwrap();
            relist(b);
        },
        "verdict.json: is not what the evidence leads to",
    );
    fails(
        &|b| {
            let manifest = fs::read_to_string(b.join("bundle.json")).unwrap();
            fs::write(b.join("bundle.json"), manifest + "\n").unwrap();
            relist(b);
        },
        "v.jsonl#1 names another bundle",
    );
    fails(
        &|b| {
            let verdict = fs::read_to_string(b.join("verdict.json")).unwrap();
            fs::write(b.join("verdict.json"), verdict.replace(COMMIT, &"2".repeat(40))).unwrap();
            relist(b);
        },
        "verdict.json: is not what the evidence leads to",
    );
    fails(
        &|b| {
            let manifest = fs::read_to_string(b.join("bundle.json")).unwrap();
            let other = manifest.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
            fs::write(b.join("bundle.json"), other).unwrap();
            relist(b);
        },
        "was made by secgate 0.0.1",
    );
    // The same evidence with another clock is another run.
    let at = ["check", "--now", "2026-06-01T13:00:00Z", "--policy", "policy.yaml", "--commit", COMMIT];
    assert_eq!(dir.run(&[&at[..], &["--bundle", "other"]].concat()).code, 0);
    let run = dir.run(&[&["verify", "--recompute", "other"], &VERIFY[3..]].concat());
    assert!(run.code == 1 && run.stdout.contains("none of the signed verdicts is its verdict"), "{run:?}");
    // A statement about the verdict alone names no bundle.
    let args =
        ["check", "--now", NOW, "--policy", "policy.yaml", "--commit", COMMIT, "--output", "json=v.json"];
    assert_eq!(dir.run(&args).code, 0);
    let run = dir.run(&["attest", "--verdict", "v.json", "--key", "gate.key", "--output", "v.jsonl"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = dir.run(&VERIFY);
    assert!(run.code == 1 && run.stdout.contains("names no bundle"), "{run:?}");
    // What is signed with a bundle must be its verdict.
    let args =
        ["attest", "--verdict", "v.json", "--bundle", "other", "--key", "gate.key", "--output", "w.jsonl"];
    let run = dir.run(&args);
    assert!(run.code == 2 && run.stderr.contains("is not the verdict of the bundle"), "{run:?}");
}

#[test]
fn another_version_tells_what_it_finds_otherwise() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["WARNING"]));
    let args = ["--policy", "policy.yaml", "--commit", COMMIT, "--bundle", "b"];
    assert_eq!(dir.check(&args).code, 10);
    let (manifest, verdict) = (dir.read("b/bundle.json"), dir.read("b/verdict.json"));
    let version = format!("\"secgate\":\"{}\"", env!("CARGO_PKG_VERSION"));
    dir.write("b/bundle.json", manifest.replace(env!("CARGO_PKG_VERSION"), "0.0.1"));
    let recompute = |verdict: &str| {
        dir.write("b/verdict.json", verdict);
        relist(&dir.path().join("b"));
        dir.run(&["verify", "--recompute", "b"])
    };
    let earlier = verdict.replacen(&version, "\"secgate\":\"0.0.1\"", 1);
    assert_ne!(earlier, verdict);
    let run = recompute(&earlier);
    assert!(
        run.code == 0
            && run.stdout.contains("was made by secgate 0.0.1")
            && run.stdout.contains("derives the same verdict"),
        "{run:?}"
    );
    // A key that came later is told, and no difference.
    let run = recompute(&earlier.replacen("\"clock\":\"pinned\",", "", 1));
    assert!(run.code == 0 && run.stdout.contains("it says more: $.clock"), "{run:?}");
    // It is not signed by another version than the one that decided.
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    let run = dir.run(&["attest", "--bundle", "b", "--key", "gate.key", "--output", "v.jsonl"]);
    assert!(run.code == 2 && run.stderr.contains("sign it with the version that made it"), "{run:?}");
    // Whatever was decided otherwise is.
    for (was, is, why) in [
        (
            "\"outcome\":\"review\"",
            "\"outcome\":\"pass\"",
            "rule `sast-medium`: pass, and what is derived is review",
        ),
        ("\"count\":1", "\"count\":0", "$.rules[1].count: 0, and now 1"),
        ("\"unmatched\":0", "\"unmatched\":0,\"gone\":1", "$.gone: is not said any more"),
    ] {
        let run = recompute(&earlier.replacen(was, is, 1));
        assert!(
            run.code == 1 && run.stdout.contains("comes to something else") && run.stdout.contains(why),
            "{why}: {run:?}"
        );
    }
    // The same version has to derive the same bytes.
    dir.write("b/bundle.json", &manifest);
    assert_eq!(recompute(&earlier).code, 1);
    assert_eq!(recompute(&verdict).code, 0);
}

#[test]
fn what_the_gate_was_before_the_change_is_in_it() {
    let dir = Dir::new();
    let tail = "waivers: {files: [waivers.yaml], max_duration: 90d}\n\
         people: {appsec: [\"@appsec-lead\"]}\nreviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}\n";
    let organisation = SAST_POLICY.to_owned() + tail;
    let sha256 = secgate::policy::load("o.yaml", organisation.as_bytes()).unwrap().sha256;
    let before = format!(
        "version: 1\ngate: merge\nextends: {{file: organisation.yaml, sha256: {sha256}}}\nrules:\n  \
         - {{id: low, findings: {{category: sast, severity: low}}, then: fail}}\n"
    );
    let waiver = "version: 1\nwaivers:\n  - {id: W-1, rule: merge/sast-high, match: {rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}, \
         reason: r, owner: \"@a\", approved_by: \"@b\", compensating_controls: [c], created: 2026-05-01, \
         expires: 2026-07-01, review_trigger: [severity_raised], seen: {severity: high}}\n";
    dir.write("organisation.yaml", &organisation)
        .write("before/organisation.yaml", &organisation)
        .write("before/policy.yaml", &before)
        .write("policy.yaml", before.replace("severity: low", "severity: high"))
        .write("before/waivers.yaml", "version: 1\nwaivers: []\n")
        .write("waivers.yaml", waiver)
        .write("semgrep.json", semgrep(&["INFO"]));
    let args = ["--policy", "policy.yaml", "--commit", COMMIT, "--base-policy", "before/policy.yaml"];
    let waivers = ["--base-waivers", "before/waivers.yaml"];
    for (args, clauses) in
        [(args.to_vec(), 1), ([&args[..4], &waivers].concat(), 1), ([&args[..], &waivers].concat(), 2)]
    {
        let run = same_with_bundle(&dir, &args, "b");
        assert_eq!(run.code, 10, "{run:?}");
        assert_eq!(run.json()["loosened"]["clauses"].as_array().unwrap().len(), clauses, "{run:?}");
        assert_eq!(dir.run(&["verify", "--recompute", "b"]).code, 0);
    }
    assert_eq!(dir.read("b/base-policy/0000.yaml"), before);
    assert_eq!(dir.read("b/base-policy/0001"), organisation);
    assert_eq!(dir.read("b/base-waivers/0001.yaml"), "version: 1\nwaivers: []\n");
    // The clauses are derived from them: with another policy of before, the verdict is another.
    fs::write(dir.path().join("b/base-policy/0000.yaml"), dir.read("policy.yaml")).unwrap();
    relist(&dir.path().join("b"));
    let run = dir.run(&["verify", "--recompute", "b"]);
    assert!(run.code == 1 && run.stdout.contains("is not what the evidence leads to"), "{run:?}");
}

#[test]
fn an_older_approval_in_a_bundle_is_named() {
    let dir = Dir::new();
    for name in ["approvals", "versions", "merge-request"] {
        dir.copy(&format!("gitlab-api/{name}.json"), &format!("{name}.json"));
    }
    let entries = "evidence:\n  approvals: {document: gitlab-approvals, files: [approvals.json]}\n  \
         versions: {document: gitlab-versions, files: [versions.json]}\n  \
         request: {document: gitlab-merge-request, files: [merge-request.json]}\n";
    let policy = SAST_POLICY.replace("evidence:\n", entries)
        + "people: {appsec: [\"@appsec-lead\"]}\nreviewers: {any_of: [\"role:appsec\"], not: [author]}\n";
    dir.write("policy.yaml", policy).write("semgrep.json", semgrep(&["WARNING"]));
    let run = dir.check(&["--policy", "policy.yaml", "--commit", COMMIT, "--bundle", "b"]);
    assert_eq!(run.code, 0, "{run:?}");
    let b = dir.path().join("b");
    let found = files(&b).into_iter().find(|path| {
        fs::read_to_string(path).is_ok_and(|text| text.contains("approved_at") && text.contains("10:30"))
    });
    let found = found.unwrap();
    let older = fs::read_to_string(&found).unwrap().replace("T10:30", "T09:30");
    fs::write(&found, older).unwrap();
    let run = dir.run(&["verify", "--recompute", "b"]);
    assert!(run.code == 1 && run.stdout.contains("it was changed or swapped"), "{run:?}");
    // Also where the list of checksums was made to fit.
    relist(&b);
    let run = dir.run(&["verify", "--recompute", "b"]);
    assert_eq!(run.code, 1, "{run:?}");
    for told in [
        "it says pass, and what is derived is review",
        "it was reached on approvals.json of sha256:",
        "rule `sast-medium`: pass, and what is derived is review: 1 finding; @appsec-lead: the approval is older than the commit",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run:?}");
    }
}

#[test]
fn nothing_else_is_written_into_it_or_over_it() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    for (bundle, output) in
        [("b.tar", "json=b.tar"), ("b", "json=b/v.json"), ("./b", "json=b/more/v.json"), ("b", "json=b")]
    {
        let run = dir.check(&["--policy", "policy.yaml", "--bundle", bundle, "--output", output]);
        assert_eq!(run.code, 2, "{bundle} {output}: {run:?}");
        assert!(run.stderr.contains("would lie in it"), "{bundle} {output}: {run:?}");
        assert!(!dir.exists("b") && !dir.exists("b.tar"), "{bundle} {output}");
    }
    // What an earlier run packed is no longer taken away where an input of this one lies in it.
    assert_eq!(dir.check(&["--policy", "policy.yaml", "--bundle", "b"]).code, 0);
    dir.write("b/semgrep.json", semgrep(&[]));
    let run = dir.check(&["--policy", "policy.yaml", "--bundle", "./b", "b/semgrep.json"]);
    assert!(run.code == 2 && dir.exists("b/semgrep.json"), "{run:?}");
}

//! The pre-push hook with real git, on a real repository, with real scanners.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Bench, find, folders, has};

/// Trivy is not there on purpose: what is not scanned here is asked for by CI.
const POLICY: &str = "\
version: 1
gate: merge
base: {from: [diff], without: warn}
evidence:
  sast:
    category: sast
    files: [semgrep.json]
    run: [semgrep, scan, --config, rules.yaml, --metrics, \"off\", --disable-version-check, --json, --output, \"{report}\", --quiet, \"{changed}\"]
  secrets: {category: secret, files: [secrets.json], run: [detect-secrets, scan, --no-verify, \"{changed}\"]}
  deps: {category: vulnerability, files: [trivy-fs.json], run: [no-such-trivy, fs, --output, \"{report}\", .]}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail, fix: Revoke it.}
  - {id: sast-high, findings: {category: sast, severity: high, state: new}, then: fail}
  - {id: deps, findings: {category: vulnerability, severity: high, state: new}, then: fail}
";

/// Runs a program in the repository; gives its exit code and all that it printed.
fn run(bench: &Bench, program: &Path, args: &[&str]) -> (i32, String) {
    let secgate = Path::new(env!("CARGO_BIN_EXE_secgate")).parent().unwrap().to_owned();
    let path = std::env::join_paths(folders().into_iter().chain([secgate])).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let output = Command::new(program)
        .args(args)
        .current_dir(bench.app())
        .env_clear()
        .env("PATH", path)
        .env("HOME", bench.root.join("home"))
        .env("XDG_STATE_HOME", bench.root.join("home/state"))
        .env("TMPDIR", bench.root.join("home"))
        .env("SECGATE", env!("CARGO_BIN_EXE_secgate"))
        .envs([("LANG", "C.UTF-8"), ("TZ", "UTC"), ("PYTHONDONTWRITEBYTECODE", "1")])
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "a")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@example.com")))
        .envs(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, nowhere)))
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[test]
fn a_push_is_scanned_before_it_leaves() {
    if !["git", "semgrep", "detect-secrets"].iter().all(|tool| has(tool)) {
        return;
    }
    let bench = Bench::new();
    let secgate = Path::new(env!("CARGO_BIN_EXE_secgate"));
    let git_at = find("git").unwrap();
    let git = |args: &[&str]| {
        let (code, text) = run(&bench, &git_at, args);
        assert_eq!(code, 0, "git {args:?}: {text}");
        text
    };
    let commit = |message: &str| {
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", message]);
    };
    let push = || run(&bench, &git_at, &["push", "-q", "origin", "main"]);
    let remote = bench.root.join("remote");
    git(&["init", "-q", "-b", "main"]);
    git(&["init", "-q", "--bare", remote.to_str().unwrap()]);
    git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    fs::create_dir(bench.app().join(".secgate")).unwrap();
    fs::write(bench.app().join(".secgate/merge.yaml"), POLICY).unwrap();
    commit("all that was there before, with its weaknesses and secrets");
    git(&["push", "-q", "-u", "origin", "main"]);
    let (code, text) = run(&bench, secgate, &["init", "--hook"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("wrote .git/hooks/pre-push"), "{text}");

    fs::write(bench.app().join("shop/fine.py"), "print('fine')\n").unwrap();
    commit("a harmless change");
    let (code, text) = push();
    assert!(code == 1 && text.contains("have not been agreed to here"), "{code} {text}");
    agree(&bench, secgate);
    let (code, text) = push();
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        text.trim(),
        "secgate: CI will still ask for deps (no-such-trivy is not installed (not on PATH))"
    );

    let key = format!("AKIA{}", "Z7QX2MNB4KLP9WTR");
    fs::write(bench.app().join("shop/fresh.py"), "import yaml\nprint(yaml.load('x', Loader=yaml.Loader))\n")
        .unwrap();
    fs::write(bench.app().join("config/fresh.env"), format!("AWS_ACCESS_KEY_ID={key}\n")).unwrap();
    commit("a weakness and a secret");
    let (code, text) = push();
    assert_eq!(code, 1, "{text}");
    for says in [
        "this stops the push",
        "no-secrets: 1 finding",
        "config/fresh.env:1",
        "sast-high: 1 finding",
        "shop/fresh.py:2",
        "Revoke it.",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(!text.contains(&key) && !text.contains("shop/web.py"), "neither the value nor old debt: {text}");
    assert!(!git(&["log", "--format=%s", "origin/main"]).contains("a weakness"));
}

/// Agrees to the commands of the policy.
fn agree(bench: &Bench, secgate: &Path) {
    let (code, text) = run(bench, secgate, &["scan", "--yes", "--all"]);
    assert_ne!(code, 2, "{text}");
}

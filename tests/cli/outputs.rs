//! Output files are whole or not there, and yesterday's verdict never survives.

use secgate::finding::hex;
use sha2::{Digest as _, Sha256};

use crate::common::{Dir, NOW, Run, SAST_POLICY, root, semgrep};

const OLD: &str = "{\"verdict\":\"pass\",\"exit_code\":0}";

fn dir(severities: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(severities)).write("v.json", OLD);
    dir
}

#[test]
fn a_file_says_what_the_exit_code_says() {
    let dir = dir(&["WARNING"]);
    let run = dir.check(&["--policy", "policy.yaml", "--output", "json=v.json", "--output", "text=v.txt"]);
    let json: serde_json::Value = serde_json::from_str(&dir.read("v.json")).unwrap();
    assert_eq!((run.code, &json["verdict"]), (10, &"review".into()));
    assert_eq!(dir.read("v.txt"), run.stdout);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn an_old_verdict_does_not_survive_an_error() {
    for args in [
        &["--policy", "nowhere.yaml"][..],
        &["--policy", "policy.yaml", "gone/semgrep.json"],
        &["--policy", "policy.yaml", "--commit", "HEAD"],
    ] {
        let dir = dir(&[]);
        let run = dir.check(&[args, &["--output", "json=v.json"]].concat());
        assert_eq!(run.code, 2, "{run:?}");
        let json: serde_json::Value = serde_json::from_str(&dir.read("v.json")).unwrap();
        assert_eq!(json["verdict"], "error");
    }
}

#[test]
fn a_mistyped_flag_leaves_no_old_verdict() {
    for args in [
        &["--policy", "policy.yaml", "--polcy", "x", "--output", "json=v.json"][..],
        &["--policy", "policy.yaml", "--now", "yesterday", "--output=json=v.json"],
    ] {
        let dir = dir(&[]);
        assert_eq!(dir.check(args).code, 2);
        assert!(!dir.exists("v.json"), "{args:?}");
        assert!(dir.exists("policy.yaml") && dir.exists("semgrep.json"));
    }
}

#[test]
fn an_output_that_cannot_be_written_is_no_pass() {
    let dir = dir(&[]);
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for output in
        ["json=folder", "json=no/such/folder/v.json", "json=/dev/full", "jsno=v.json", "json=", "folder", ""]
    {
        let run = dir.check(&["--policy", "policy.yaml", "--output", output]);
        assert_eq!(run.code, 2, "{output}: {run:?}");
        assert!(!run.stderr.is_empty());
    }
}

#[test]
fn an_input_is_never_an_output() {
    let dir = dir(&[]);
    for output in ["json=policy.yaml", "json=./semgrep.json"] {
        let run = dir.check(&["--policy", "policy.yaml", "semgrep.json", "--output", output]);
        assert_eq!(run.code, 2, "{run:?}");
    }
    assert_eq!(dir.read("policy.yaml"), SAST_POLICY);
    assert_eq!(dir.read("semgrep.json"), semgrep(&[]));
}

#[test]
fn a_full_disk_or_a_closed_pipe_is_no_pass() {
    let dir = dir(&[]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin("secgate"))
        .args(["check", "--policy", "policy.yaml", "--output", "json=v.json"])
        .current_dir(dir.path())
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(!dir.exists("v.json"), "a verdict that was not told must not lie around");
}

#[test]
fn a_report_that_the_policy_looks_for_is_never_replaced() {
    let dir = dir(&["ERROR"]);
    let run = dir.check(&["--policy", "policy.yaml", "--output", "json=semgrep.json"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(dir.read("semgrep.json"), semgrep(&["ERROR"]));
    // What secgate wrote itself is replaced, in every format.
    for (report, code) in [(semgrep(&["ERROR"]), 1), (semgrep(&[]), 0)] {
        dir.write("semgrep.json", report);
        for format in secgate::render::OUTPUTS.iter().map(|output| output.id) {
            let output = format!("{format}=old");
            for _ in 0..2 {
                let run = dir.check(&["--policy", "policy.yaml", "--output", &output]);
                assert_eq!(run.code, code, "{format}: {run:?}");
            }
        }
    }
}

#[test]
fn outputs_for_people_name_what_was_judged() {
    let dir = Dir::new();
    for name in ["approvals", "commits", "deployment", "merge-request", "versions"] {
        dir.copy(&format!("gitlab-api/{name}.json"), &format!("{name}.json"));
    }
    let policy = std::fs::read_to_string(root().join("ci/gitlab/example-production.yaml")).unwrap();
    dir.write("production.yaml", &policy);
    let digest = format!("sha256:{}", "a".repeat(64));
    let mut command = dir.command();
    command.args(["check", "--policy", "./production.yaml", "--now", NOW, "--commit", &"1".repeat(40)]);
    command.args(["--subject", &format!("registry.shop.invalid/app:1@{digest}")]);
    for format in ["text", "markdown", "html", "junit"] {
        command.args(["--output", &format!("{format}={format}.out")]);
    }
    command
        .env("CI_JOB_ID", "664")
        .env("CI_PROJECT_PATH", "shop/app")
        .env("CI_ENVIRONMENT_NAME", "production");
    let run = Run::of(&mut command);
    assert_eq!(run.code, 0, "{run:?}");
    let sha256 = hex(&Sha256::digest(&policy));
    for format in ["text", "markdown", "html", "junit"] {
        // Markdown puts names into code, HTML does not break a line in a fact.
        let text = dir.read(&format!("{format}.out")).replace(['`', '\\'], "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for fact in [
            "production",
            "shop/app",
            &"1".repeat(40),
            &format!("registry.shop.invalid/app:1@{digest}"),
            NOW,
            "production.yaml",
            &sha256,
            "release-lead",
        ] {
            assert!(text.contains(fact), "{format} does not name {fact}: {text}");
        }
        assert!(text.to_lowercase().contains("pass") && text.contains("environment"), "{format}: {text}");
    }
}

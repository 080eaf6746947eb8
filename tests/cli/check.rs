//! Verdicts, exit codes, precedence, and what people read.

use crate::common::{Dir, SAST_POLICY, semgrep};

#[test]
fn each_verdict_has_its_exit_code() {
    for (severities, code, verdict) in [
        (&["INFO"][..], 0, "pass"),
        (&["WARNING"], 10, "review"),
        (&["WARNING", "ERROR"], 1, "fail"),
        (&["nonsense"], 1, "fail"),
    ] {
        let dir = Dir::new();
        dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(severities));
        let run = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json"]);
        let json = run.json();
        assert_eq!((run.code, json["verdict"].as_str()), (code, Some(verdict)), "{severities:?}");
        assert_eq!(json["exit_code"], code);
        assert_eq!(json["findings_total"], severities.len());
    }
}

#[test]
fn a_violation_is_final_beside_an_error() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY)
        .write("semgrep.json", semgrep(&["ERROR"]))
        .write("cut.json", "{\"results\":[");
    let run = dir.check(&["--policy", "policy.yaml", "semgrep.json", "cut.json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("cut.json") && run.stdout.contains("ends too early"), "{}", run.stdout);
    assert_eq!(run.last_line(), "[FAIL] sast-high: 1 finding of high severity or worse");
}

#[test]
fn advisory_watches_and_still_ends_in_error() {
    let dir = Dir::new();
    let advisory = SAST_POLICY.replace("gate: merge", "gate: merge\nenforcement: advisory");
    dir.write("policy.yaml", advisory).write("semgrep.json", semgrep(&["ERROR"]));
    let run = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json"]);
    let json = run.json();
    assert_eq!((run.code, &json["verdict"], &json["enforced"]), (0, &"fail".into(), &false.into()));
    assert!(dir.check(&["--policy", "policy.yaml", "semgrep.json"]).stdout.contains("ADVISORY"));
    dir.write("cut.json", "{\"results\":[");
    let run = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json", "cut.json"]);
    assert_eq!((run.code, &run.json()["verdict"]), (2, &"fail".into()));
}

#[test]
fn the_merge_gate_on_the_sample_application() {
    let dir = Dir::new();
    for name in ["semgrep.json", "secrets.json", "trivy-image.json", "trivy-fs.json"] {
        dir.copy(&format!("gate/{name}"), name);
    }
    let run = dir.check(&[]);
    assert_eq!(run.code, 1);
    insta::with_settings!({filters => vec![(r"sha256:[0-9a-f]{64}", "sha256:[digest]")]}, {
        insta::assert_snapshot!("merge_text", run.stdout);
    });
    let run = dir.check(&["--format", "json"]);
    let mut json = run.json();
    json["policy"]["sha256"] = "[digest]".into();
    insta::assert_json_snapshot!("merge_json", json);
}

#[test]
fn keys_stand_in_the_order_of_the_contract() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["ERROR"]));
    let text = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json"]).stdout;
    let keys = [
        "schema",
        "secgate",
        "gate",
        "verdict",
        "exit_code",
        "enforced",
        "evaluated_at",
        "clock",
        "policy",
        "context",
        "evidence",
        "rules",
        "findings_total",
        "findings_shown",
        "findings_digest",
        "unmatched",
        "findings",
        "waivers",
        "errors",
    ];
    let mut at = 0;
    for key in keys {
        let found =
            text[at..].find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} after {at}: {text}"));
        at += found;
    }
}

#[test]
fn counts_are_exact_and_the_list_is_capped() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&vec!["ERROR"; 500]));
    let run =
        dir.check(&["--policy", "policy.yaml", "--format", "json", "--max-findings", "7", "semgrep.json"]);
    let json = run.json();
    assert_eq!((&json["rules"][0]["count"], &json["rules"][0]["shown"]), (&500.into(), &7.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 7);
    let text = dir.check(&["--policy", "policy.yaml", "semgrep.json"]).stdout;
    assert!(text.lines().count() < 60, "{text}");
    assert!(text.contains("… and 492 more"), "{text}");
}

#[test]
fn optional_evidence_that_is_absent_applies_to_nothing() {
    let dir = Dir::new();
    let policy = SAST_POLICY.replace("files: [semgrep.json]}", "files: [semgrep.json], required: false}");
    dir.write("policy.yaml", policy);
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("nothing to decide on"), "{}", run.stderr);
}

#[test]
fn a_demanded_policy_digest_is_demanded() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    let base = ["--policy", "policy.yaml", "semgrep.json", "--format", "json"];
    let digest = dir.check(&base).json()["policy"]["sha256"].as_str().unwrap().to_owned();
    let with = |demand: &str| dir.check(&[&base[..], &["--require-policy", demand]].concat()).code;
    assert_eq!(with(&format!("sha256:{digest}")), 0);
    assert_eq!(with(&format!("sha256:{}", "0".repeat(64))), 2);
    assert_eq!(with("anything"), 2);
}

#[test]
fn help_is_no_verdict_and_a_wrong_flag_is_no_review() {
    let dir = Dir::new();
    assert_eq!(dir.run(&["--help"]).code, 0);
    assert_eq!(dir.run(&["check", "--help"]).code, 0);
    assert_eq!(dir.run(&["--version"]).code, 0);
    for args in
        [&["check", "--polcy", "x"][..], &["chekc"], &[], &["check", "--format", "jsno"], &["check", ""]]
    {
        assert_eq!(dir.run(args).code, 2, "{args:?}");
    }
}

#[test]
fn a_misspelt_name_is_told_with_the_nearest() {
    let dir = Dir::new();
    dir.write(".secgate/merge.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    let run = dir.check(&["--gate", "mrege"]);
    assert!(run.code == 2 && run.stderr.contains("did you mean `merge`?"), "{run:?}");
    let run = dir.check(&["semgerp.json"]);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(
        run.stderr.contains("semgerp.json: there is no such file; did you mean semgrep.json?"),
        "{run:?}"
    );
}

#[test]
fn the_policy_is_looked_for_up_to_the_root_of_the_repository() {
    let dir = Dir::new();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let status =
            std::process::Command::new("git").args(identity).args(args).current_dir(dir.path()).status();
        assert!(status.unwrap().success(), "{args:?}");
    };
    dir.write(".secgate/merge.yaml", SAST_POLICY).write("app/semgrep.json", semgrep(&["ERROR"]));
    let below = |args: &[&str]| {
        let mut command = dir.command();
        let output = command
            .args(["check", "--no-env"])
            .args(args)
            .current_dir(dir.path().join("app"))
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    // Outside of a repository nothing above is looked at.
    let (_, text) = below(&[]);
    assert!(text.lines().next().unwrap().contains("policy embedded:merge "), "{text}");
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "Gate"]);
    let (code, text) = below(&["semgrep.json"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.lines().next().unwrap().contains("policy ../.secgate/merge.yaml "), "{text}");
    // A change that loosens it there, or puts another one in its place here, is seen from here, too.
    let looser = SAST_POLICY.replace("then: fail", "then: warn");
    assert_ne!(looser, SAST_POLICY);
    for place in [".secgate/merge.yaml", "app/.secgate/merge.yaml"] {
        git(&["checkout", "-q", "-B", "change", "main"]);
        dir.write(place, &looser);
        git(&["add", "."]);
        git(&["commit", "-qm", "Looser"]);
        let (code, text) = below(&["--diff-base", "main", "semgrep.json"]);
        assert_ne!(code, 0, "{place}: {text}");
        assert!(text.contains("loosens"), "{place}: {text}");
    }
}

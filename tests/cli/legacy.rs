//! The shell script with three `jq` counts beside `--policy security_gate`, on the same files.
//!
//! Where the script is sound both say the same, to the last line. Where it is not, the difference is listed here with its
//! reason. The script lies in `../shared/legacy`; without it, `bash` or `jq` the test is skipped with a message, and under
//! `SECGATE_DEMAND_SHARED` it fails instead.

use std::process::Command;

use crate::common::{Dir, root, semgrep};

const CLEAN_SEMGREP: &str = r#"{"version":"1","results":[],"errors":[],"paths":{"scanned":["a.py"]}}"#;
const CLEAN_SECRETS: &str = r#"{"findings":[]}"#;
const SECRET: &str = r#"{"findings":[{"rule":"key","file":"a.py","line":3}]}"#;

const SECRETS_LINE: &str = "[FAIL] secrets detected in change set";
const SAST_LINE: &str = "[FAIL] critical SAST findings on new code";
const IMAGE_LINE: &str = "[FAIL] critical image vulnerabilities exceed release policy";
const PASS_LINE: &str = "[PASS] security gate satisfied";

fn trivy(severities: &[&str]) -> String {
    let found: Vec<String> = severities
        .iter()
        .enumerate()
        .map(|(i, s)| {
            format!(r#"{{"VulnerabilityID":"CVE-2026-{i:04}","PkgName":"p{i}","InstalledVersion":"1","Severity":"{s}"}}"#)
        })
        .collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"app:1","ArtifactType":"container_image","Metadata":{{}},
        "Results":[{{"Target":"app:1 (alpine 3.20)","Class":"os-pkgs","Type":"alpine","Vulnerabilities":[{}]}}]}}"#,
        found.join(",")
    )
}

/// The script's exit code and last line of stdout.
fn script(dir: &Dir) -> Option<(i32, String)> {
    let script = root().join("../shared/legacy/security_gate.sh");
    let there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if !(script.is_file() && there("bash") && there("jq")) {
        assert!(
            std::env::var_os("SECGATE_DEMAND_SHARED").is_none(),
            "the script, bash or jq is missing and demanded"
        );
        eprintln!("skipped: the script, bash or jq is not there");
        return None;
    }
    let output = Command::new("bash").arg(script).current_dir(dir.path()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Some((output.status.code().unwrap_or(-1), stdout.lines().last().unwrap_or_default().to_owned()))
}

fn files(semgrep: &str, trivy: &str, secrets: &str) -> Dir {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep).write("trivy-image.json", trivy).write("secrets.json", secrets);
    dir
}

#[test]
fn where_the_script_is_sound_both_say_the_same() {
    let clean = trivy(&["HIGH", "LOW"]);
    let cases = [
        (CLEAN_SEMGREP.to_owned(), clean.clone(), CLEAN_SECRETS, 0, PASS_LINE),
        (semgrep(&["WARNING", "INFO"]), trivy(&[]), CLEAN_SECRETS, 0, PASS_LINE),
        (CLEAN_SEMGREP.to_owned(), clean.clone(), SECRET, 1, SECRETS_LINE),
        (semgrep(&["ERROR"]), clean.clone(), CLEAN_SECRETS, 1, SAST_LINE),
        (semgrep(&["INFO"]), trivy(&["CRITICAL", "LOW"]), CLEAN_SECRETS, 1, IMAGE_LINE),
        // The first failing rule in the script's order names the last line.
        (semgrep(&["ERROR", "ERROR"]), trivy(&["CRITICAL"]), SECRET, 1, SECRETS_LINE),
        (semgrep(&["ERROR"]), trivy(&["CRITICAL"]), CLEAN_SECRETS, 1, SAST_LINE),
    ];
    for (semgrep, trivy, secrets, code, line) in cases {
        let dir = files(&semgrep, &trivy, secrets);
        let Some(theirs) = script(&dir) else { return };
        let ours = dir.check(&["--policy", "security_gate"]);
        assert_eq!(theirs, (code, line.to_owned()), "the script");
        assert_eq!((ours.code, ours.last_line()), (code, line), "{}", ours.stdout);
    }
}

/// What differs: name, the three files, the script's answer, ours, and why ours is right.
struct Difference {
    why: &'static str,
    semgrep: String,
    trivy: String,
    secrets: &'static str,
    script: i32,
    ours: i32,
}

fn differences() -> Vec<Difference> {
    let ok = || (CLEAN_SEMGREP.to_owned(), trivy(&[]), CLEAN_SECRETS);
    let with = |why, change: &dyn Fn(&mut (String, String, &'static str)), script, ours| {
        let mut files = ok();
        change(&mut files);
        Difference { why, semgrep: files.0, trivy: files.1, secrets: files.2, script, ours }
    };
    vec![
        with(
            "an empty file is a scanner that died: jq prints nothing, and [ \"\" -gt 0 ] is false",
            &|f| f.0 = String::new(),
            0,
            2,
        ),
        with("an empty object is no report", &|f| f.1 = "{}".to_owned(), 0, 2),
        with("the bare word null is no report", &|f| f.2 = "null", 0, 2),
        with(
            "CRITICAL and HIGH are Semgrep severities since 2024; the script knows only ERROR",
            &|f| f.0 = semgrep(&["CRITICAL"]),
            0,
            1,
        ),
        with("severity words are compared without letter case", &|f| f.1 = trivy(&["Critical"]), 0, 1),
        with("a severity that nobody gave counts as critical", &|f| f.1 = trivy(&["UNKNOWN"]), 0, 1),
        with(
            "a scan with a fatal error did not look",
            &|f| {
                f.0 = CLEAN_SEMGREP.replace(
                    "\"errors\":[]",
                    r#""errors":[{"type":"SemgrepError","level":"error","message":"x"}]"#,
                );
            },
            0,
            10,
        ),
        with("no file was scanned", &|f| f.0 = CLEAN_SEMGREP.replace("[\"a.py\"]", "[]"), 0, 10),
        with(
            "Trivy examined nothing",
            &|f| f.1 = trivy(&[]).replace(r#""Results":[{"#, r#""Nothing":[{"#),
            0,
            10,
        ),
        with(
            "a report that was cut off: jq's own error, exit 2 or more, no line",
            &|f| f.1 = trivy(&["CRITICAL"])[..80].to_owned(),
            2,
            2,
        ),
        with("gitleaks writes an array: jq fails on it, the reader knows it", &|f| f.2 = "[]", 5, 0),
        with(
            "a leak in a gitleaks array",
            &|f| f.2 = r#"[{"RuleID":"key","File":"a.py","StartLine":1,"Description":"d"}]"#,
            5,
            1,
        ),
        with(
            "a second document behind the first: jq sums both and asks nobody",
            &|f| f.0 = format!("{CLEAN_SEMGREP}{CLEAN_SEMGREP}"),
            0,
            2,
        ),
        with(
            "a suppressed finding is shown and not counted",
            &|f| f.0 = semgrep(&["ERROR"]).replace("\"metadata\":{}", "\"metadata\":{},\"is_ignored\":true"),
            1,
            0,
        ),
        with(
            "a Trivy report of a directory says nothing about the image",
            &|f| f.1 = trivy(&[]).replace("container_image", "filesystem"),
            0,
            1,
        ),
    ]
}

#[test]
fn where_it_is_not_the_difference_is_listed() {
    for case in differences() {
        let dir = files(&case.semgrep, &case.trivy, case.secrets);
        let Some((code, _)) = script(&dir) else { return };
        let ours = dir.check(&["--policy", "security_gate"]);
        // jq's own errors have had several codes.
        assert_eq!(code.min(2), case.script.min(2), "the script: {}", case.why);
        assert_eq!(ours.code, case.ours, "{}: {}", case.why, ours.stdout);
        let word = match ours.code {
            0 => "[PASS] security gate satisfied",
            1 => "[FAIL] ",
            10 => "[REVIEW] ",
            _ => "[ERROR] ",
        };
        assert!(ours.last_line().starts_with(word), "{}: {}", case.why, ours.last_line());
    }
}

#[test]
fn a_missing_file_fails_and_says_which() {
    let dir = files(CLEAN_SEMGREP, &trivy(&[]), CLEAN_SECRETS);
    std::fs::remove_file(dir.path().join("trivy-image.json")).unwrap();
    let ours = dir.check(&["--policy", "security_gate"]);
    assert_eq!(ours.code, 1);
    assert!(
        ours.last_line().starts_with("[FAIL] evidence image: no file trivy-image.json"),
        "{}",
        ours.last_line()
    );
}

#[test]
fn the_file_system_report_is_a_rule_of_its_own() {
    let dir = files(CLEAN_SEMGREP, &trivy(&[]), CLEAN_SECRETS);
    dir.write("trivy-fs.json", trivy(&["CRITICAL"]).replace("container_image", "filesystem"));
    let ours = dir.check(&["--policy", "security_gate"]);
    assert_eq!(ours.code, 1, "{}", ours.stdout);
    assert_ne!(ours.last_line(), IMAGE_LINE);
}

#[test]
fn the_drop_in_script_finds_the_binary_or_says_so() {
    let dir = files(CLEAN_SEMGREP, &trivy(&[]), SECRET);
    let script = root().join("ci/scripts/security_gate.sh");
    let run = |envs: &[(&str, &str)]| {
        let output = Command::new("sh")
            .arg(&script)
            .current_dir(dir.path())
            .env_remove("SECGATE")
            .envs(envs.iter().copied())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let binary = assert_cmd::cargo::cargo_bin("secgate");
    let (code, stdout, _) = run(&[("SECGATE", binary.to_str().unwrap())]);
    assert_eq!((code, stdout.lines().last()), (Some(1), Some(SECRETS_LINE)));
    let (code, _, stderr) = run(&[("SECGATE", "/nowhere/secgate")]);
    assert_eq!((code, stderr.lines().count()), (Some(2), 1), "{stderr}");
    let (code, _, stderr) = run(&[("PATH", "/usr/bin:/bin")]);
    assert_eq!((code, stderr.lines().count()), (Some(2), 1), "{stderr}");
    std::fs::create_dir_all(dir.path().join("ci/bin")).unwrap();
    std::fs::copy(&binary, dir.path().join("ci/bin/secgate")).unwrap();
    assert_eq!(run(&[]).0, Some(1));
}

//! The note of a merge request: found again by its first line, small enough, and inert.

use crate::common::{Dir, SAST_POLICY, semgrep};
use crate::formats::inert;

const HOSTILE: &str = "<script>alert(1)</script> ![x](https://evil.example/x.png) @all [l](javascript:x) </details> ``` <!-- --> $x$ /approve";

fn hostile(count: usize) -> String {
    let report = semgrep(&vec!["ERROR"; count]);
    let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for result in report["results"].as_array_mut().unwrap() {
        result["extra"]["message"] = HOSTILE.into();
        result["check_id"] = HOSTILE.into();
    }
    report.to_string()
}

#[test]
fn the_note_is_inert() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", hostile(9));
    let run = dir.check(&["--policy", "policy.yaml", "--format", "markdown"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("[//]: # (secgate:gate=merge)\n"), "{}", run.stdout);
    inert(&run.stdout);
}

#[test]
fn the_note_fits() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", hostile(9000));
    let run = dir.check(&["--policy", "policy.yaml", "--max-findings", "9000", "--format", "markdown"]);
    assert_eq!(run.code, 1);
    assert!((900_000..1_000_000).contains(&run.stdout.len()), "{}", run.stdout.len());
    assert!(run.stdout.contains("left out for lack of space") && run.stdout.contains("</details>"));
}

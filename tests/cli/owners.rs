//! Who owns what was found: beside findings and steps, and without any part in the verdict.

use crate::common::{Dir, SAST_POLICY, semgrep};

fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&["ERROR", "ERROR"]));
    dir
}

const CHECK: [&str; 4] = ["--policy", "policy.yaml", "--format", "json"];

#[test]
fn owners_stand_beside_findings_and_steps() {
    let dir = dir();
    let bare = dir.check(&CHECK).json();
    assert_eq!(
        (&bare["context"]["codeowners"], &bare["findings"][0]["owners"]),
        (&().into(), &[(); 0][..].into())
    );
    // The first of GitLab's places counts.
    dir.write(".gitlab/CODEOWNERS", "* @late\n")
        .write("docs/CODEOWNERS", "* @all\n/src/a1.py @one @team/two\n");
    let json = dir.check(&CHECK).json();
    assert_eq!(json["context"]["codeowners"]["path"], "docs/CODEOWNERS");
    assert_eq!(json["findings"][0]["owners"], serde_json::json!(["@all"]));
    assert_eq!(json["findings"][1]["owners"], serde_json::json!(["@one", "@team/two"]));
    assert_eq!(json["unblock"]["steps"][1]["owners"], serde_json::json!(["@one", "@team/two"]));
    let text = dir.check(&["--policy", "policy.yaml"]).stdout;
    assert!(text.contains("[semgrep] @one, @team/two"), "{text}");
    for key in ["verdict", "exit_code", "findings_digest", "rules"] {
        assert_eq!(json[key], bare[key]);
    }
}

#[test]
fn a_file_that_is_given_must_be_there() {
    let dir = dir();
    dir.write("owners.txt", "* @given\n");
    let given = [&CHECK[..], &["--codeowners", "owners.txt"]].concat();
    assert_eq!(dir.check(&given).json()["findings"][0]["owners"], serde_json::json!(["@given"]));
    let missing = dir.check(&[&CHECK[..], &["--codeowners", "nowhere"]].concat());
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
    // What cannot be read as text owns what can be read of it, and stops nothing.
    dir.write("CODEOWNERS", b"* @caf\xe9\x1b[2J\n\xff\xfe");
    let odd = dir.check(&CHECK);
    assert_eq!(odd.code, 1);
    assert!(!odd.stdout.contains('\u{1b}'));
}

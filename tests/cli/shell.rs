//! Completions and manual pages.

use crate::common::Dir;

#[test]
fn completions_know_the_subcommands() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = dir.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        for word in ["check", "findings", "policy", "--require-policy"] {
            let dashed = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(run.stdout.contains(dashed), "{shell}: {word}");
        }
    }
    assert_eq!(dir.run(&["completions", "cmd"]).code, 2);
}

#[test]
fn a_manual_page_a_subcommand() {
    let dir = Dir::new();
    let run = dir.run(&["man"]);
    assert!(run.code == 0 && run.stdout.contains(".TH SECGATE 1"), "{run:?}");
    assert!(run.stdout.contains("Exit codes: 0 pass"), "{}", run.stdout);
    dir.write("man/keep", "");
    assert_eq!(dir.run(&["man", "--output", "man"]).code, 0);
    assert!(dir.read("man/secgate-check.1").contains("require\\-policy"));
    assert!(dir.exists("man/secgate-policy-lint.1") && dir.exists("man/secgate.1"));
    assert_eq!(dir.run(&["man", "--output", "nowhere"]).code, 2);
}

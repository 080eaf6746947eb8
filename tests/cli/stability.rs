//! Promise 3: the same inputs give the same bytes.

use crate::common::{Dir, Run, semgrep};

fn dir() -> Dir {
    let dir = Dir::new();
    for name in ["semgrep.json", "secrets.json", "trivy-image.json", "trivy-fs.json"] {
        dir.copy(&format!("gate/{name}"), name);
    }
    dir
}

/// All orders of the arguments.
fn orders<'a>(items: &[&'a str]) -> Vec<Vec<&'a str>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let rest: Vec<&str> = items.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, x)| *x).collect();
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, item);
            order
        }));
    }
    all
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let dir = dir();
    for format in ["text", "json"] {
        let mut runs = orders(&["semgrep.json", "secrets.json", "trivy-image.json", "trivy-fs.json"])
            .into_iter()
            .map(|order| dir.check(&[&["--format", format], order.as_slice()].concat()));
        let first = runs.next().unwrap();
        for run in runs {
            assert_eq!(run, first);
        }
    }
}

#[test]
fn threads_zone_locale_and_colour_do_not_matter() {
    let dir = dir();
    // Large enough to be read in parallel.
    dir.write("semgrep.json", semgrep(&vec!["ERROR"; 20_000]));
    dir.write("more.json", semgrep(&vec!["WARNING"; 20_000]));
    let base = |env: &[(&str, &str)]| {
        let mut command = dir.command();
        command.args([
            "check",
            "--now",
            crate::common::NOW,
            "--format",
            "json",
            "semgrep.json",
            "more.json",
            "secrets.json",
        ]);
        Run::of(command.envs(env.iter().copied()))
    };
    let first = base(&[]);
    for env in [
        &[("TZ", "Pacific/Kiritimati"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "ar_EG.UTF-8")][..],
        &[("NO_COLOR", "1"), ("COLUMNS", "40"), ("CLICOLOR_FORCE", "1")],
        &[("RUST_BACKTRACE", "full"), ("RUST_LOG", "trace"), ("HOME", "/nowhere")],
    ] {
        for _ in 0..5 {
            assert_eq!(base(env), first);
        }
    }
}

#[test]
fn what_is_read_from_the_environment_is_shown() {
    let dir = dir();
    let run = |args: &[&str]| {
        let mut command = dir.command();
        command
            .env("CI_JOB_ID", "42")
            .env("CI_PROJECT_PATH", "team/api")
            .env("SECRET_TOKEN", "not-to-be-read");
        Run::of(command.args(["check", "--now", crate::common::NOW, "--format", "json"]).args(args)).json()
    };
    let with = run(&[]);
    assert_eq!(with["context"]["env"], serde_json::json!({"CI_JOB_ID": "42", "CI_PROJECT_PATH": "team/api"}));
    assert_eq!(with["context"]["project"], "team/api");
    assert_eq!(run(&["--no-env"])["context"]["env"], serde_json::json!({}));
}

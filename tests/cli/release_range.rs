//! `--range`: the changes that a release contains, each with its verdict.

use serde_json::json;

use crate::common::{Dir, NOW, Run, SAST_POLICY, semgrep};

/// A project with a release, a merged branch, a commit that was rebased, and one that nobody asked for; their ids.
fn history(dir: &Dir) -> [String; 5] {
    let commit = |file: &str, title: &str| {
        dir.write(file, title);
        dir.git(&["add", file]);
        dir.git(&["commit", "-q", "-m", title]);
        dir.git(&["rev-parse", "HEAD"]).trim().to_owned()
    };
    dir.git(&["init", "-q", "-b", "main"]);
    let first = commit("a", "The release before");
    dir.git(&["checkout", "-q", "-b", "feature"]);
    let head = commit("b", "A feature");
    dir.git(&["checkout", "-q", "main"]);
    dir.git(&["merge", "-q", "--no-ff", "-m", "Merge branch 'feature'", "feature"]);
    let merged = dir.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let own = commit("c", "With a verdict of its own");
    let pushed = commit("d", "Pushed by somebody");
    dir.write(
        "commits.txt",
        dir.git(&["log", "--first-parent", "--format=%H %T %P", &format!("{first}..{pushed}")]),
    );
    [first, head, merged, own, pushed]
}

/// A signed verdict of the merge gate.
fn judged(dir: &Dir, name: &str, commit: &str, severity: &str, more: &[&str]) {
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[severity]));
    let output = format!("json={name}.json");
    dir.check(&["--policy", "policy.yaml", "--commit", commit, "--output", &output]);
    let (verdict, signed) = (format!("{name}.json"), format!("{name}.jsonl"));
    let args = ["attest", "--verdict", &verdict, "--key", "gate.key", "--output", &signed];
    let run = dir.run(&[&args[..], more].concat());
    assert_eq!(run.code, 0, "{run:?}");
}

fn verify(dir: &Dir, range: &str, more: &[&str]) -> Run {
    let args = ["verify", "--now", NOW, "--key", "gate.pub", "--range", range, "--commits", "commits.txt"];
    dir.run(&[&args[..], more].concat())
}

#[test]
fn every_change_of_a_release_has_its_verdict() {
    let dir = Dir::new();
    let [first, head, merged, own, pushed] = history(&dir);
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    judged(&dir, "feature", &head, "INFO", &[]);
    judged(&dir, "own", &own, "INFO", &[]);
    let range = format!("{first}..{pushed}");
    let request = json!([{"iid": 7, "title": "A feature", "state": "merged", "sha": head, "merge_commit_sha": merged,
                          "author": {"username": "dev"}, "merged_at": "2026-05-31T10:00:00Z"}]);
    dir.write("requests.json", request.to_string());
    let files = ["feature.jsonl", "own.jsonl"];
    let with_requests = [&["--merge-requests", "requests.json"][..], &files].concat();
    let run = verify(&dir, &range, &with_requests);
    assert_eq!((run.code, run.last_line()), (1, "not verified"), "{run:?}");
    let short = |id: &str| id[..12].to_owned();
    assert!(
        run.stdout.contains(&format!("[ok]   {} (!7 A feature): merge: pass", short(&merged))),
        "{run:?}"
    );
    assert!(
        run.stdout.contains(&format!("[FAIL] {}: there is no signed verdict of gate merge", short(&pushed))),
        "{run:?}"
    );
    assert!(run.stdout.contains("3 changes since"), "{run:?}");
    // Up to the commit before, all is there; without the merge request nobody says what the merge was judged as.
    let before = format!("{first}..{own}");
    let run = verify(&dir, &before, &with_requests);
    assert_eq!((run.code, run.last_line()), (0, "verified"), "{run:?}");
    assert_eq!(verify(&dir, &before, &files).code, 1);
    // A verdict about the merge's tree is one about the merge.
    let tree = dir.git(&["rev-parse", &format!("{merged}^{{tree}}")]);
    judged(&dir, "feature", &head, "INFO", &["--tree", tree.trim()]);
    assert_eq!(verify(&dir, &before, &files).code, 0);
    // The last word counts, whichever of the two commits it is about.
    judged(&dir, "late", &merged, "ERROR", &[]);
    let run = verify(&dir, &before, &[&with_requests[..], &["late.jsonl"]].concat());
    assert!(run.code == 1 && run.stdout.contains("is fail"), "{run:?}");
    // What does not lead from one end to the other proves nothing.
    let lines: Vec<String> = dir.read("commits.txt").lines().map(str::to_owned).collect();
    for (text, why) in
        [(lines[1..].join("\n"), "does not hold the commit"), (String::new(), "lists no commit")]
    {
        dir.write("commits.txt", text);
        let run = verify(&dir, &range, &with_requests);
        assert!(run.code == 1 && run.stdout.contains(why), "{why}: {run:?}");
    }
    let run = verify(&dir, "v1..v2", &with_requests);
    assert!(run.code == 2 && run.stderr.contains("two full commit ids"), "{run:?}");
    dir.write("commits.txt", lines.join("\n")).write("requests.json", "{}");
    let run = verify(&dir, &before, &with_requests);
    assert!(run.code == 1 && run.stdout.contains("requests.json: a merge request has no `iid`"), "{run:?}");
    assert_eq!(dir.run(&["verify", "--key", "gate.pub", "--range", &range, "own.jsonl"]).code, 2);
    let run = verify(&dir, &format!("{pushed}..{pushed}"), &files);
    assert!(run.code == 2 && run.stderr.contains("error: --range begins where it ends"), "{run:?}");
    // Of many verdicts nobody asks what one is about.
    let subject = format!("app@sha256:{}", "a".repeat(64));
    for more in [["--commit", &head], ["--subject", &subject], ["--param", "a=b"]] {
        let run = verify(&dir, &range, &[&more[..], &files].concat());
        assert!(run.code == 2 && run.stderr.contains(more[0]), "{more:?}: {run:?}");
    }
}

#[test]
fn the_record_tells_every_change_of_a_release() {
    let dir = Dir::new();
    let [first, head, merged, own, pushed] = history(&dir);
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    judged(&dir, "feature", &head, "INFO", &[]);
    judged(&dir, "own", &own, "INFO", &[]);
    let request = json!({"iid": 7, "title": "A <b>feature</b>", "state": "merged", "sha": head, "merge_commit_sha": merged,
                         "author": {"username": "dev"}, "merged_at": "2026-05-31T10:00:00Z"});
    dir.write("request.json", request.to_string());
    let range = format!("{first}..{pushed}");
    let args = [
        "report",
        "--key",
        "gate.pub",
        "--range",
        &range,
        "--commits",
        "commits.txt",
        "--merge-requests",
        "request.json",
    ];
    let run = dir.run(&[&args[..], &["--format", "markdown", "feature.jsonl", "own.jsonl"]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    let row = |id: &str| {
        run.stdout.lines().find(|line| line.contains(id) && line.starts_with('|')).unwrap().to_owned()
    };
    assert!(run.stdout.contains("## Changes of this release"), "{run:?}");
    let told = row(&merged);
    assert!(
        told.contains("dev") && told.contains("pass at 2026") && told.contains("signed by gate"),
        "{told}"
    );
    assert!(row(&pushed).contains("no verdict of the merge gate"), "{}", row(&pushed));
    assert!(run.stdout.contains("3 changes from") && run.stdout.contains("1 without a verdict"), "{run:?}");
    let html = dir.run(&[&args[..], &["feature.jsonl"]].concat()).stdout;
    assert!(html.contains("A &lt;b&gt;feature") && !html.contains("<b>feature"), "{html}");
    dir.write("commits.txt", "x");
    let run = dir.run(&[&args[..], &["feature.jsonl"]].concat());
    assert!(run.code == 2 && run.stderr.contains("is not `COMMIT TREE PARENT"), "{run:?}");
}

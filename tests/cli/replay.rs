//! `secgate replay`: what policies would have said to saved runs.

use std::io::Write as _;

use crate::common::{Dir, Run, SAST_POLICY, semgrep};
use serde_json::{Value, json};

/// What a run says of its time.
const TIMED: &str = "{\"time\": \"2026-05-01T08:00:00Z\"}";

/// Three runs: one with a weakness of high severity, one of medium, one without a report.
fn history() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", format!("{SAST_POLICY}  - {{id: sast-critical, findings: {{category: sast, severity: critical}}, then: fail}}\n"))
        .write("runs/1/semgrep.json", semgrep(&["ERROR", "WARNING"]))
        .write("runs/2/semgrep.json", semgrep(&["WARNING"]))
        .write("runs/3/notes.json", "{\"a\": 1}");
    for run in 1..=3 {
        dir.write(&format!("runs/{run}/run.json"), TIMED);
    }
    dir
}

#[test]
fn one_policy_over_many_runs() {
    let dir = history();
    // What lies in the current directory stands in for no run.
    dir.write("semgrep.json", semgrep(&[]));
    let run = dir.run(&["replay", "--policy", "policy.yaml", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let text = run.stdout.lines().filter(|line| !line.contains("sha256:")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("replay_one", text);
    let named = dir.run(&["replay", "--policy", "policy.yaml", "runs/3", "runs/1", "runs/2", "runs/1"]);
    assert_eq!(named, run, "the order does not matter");
}

#[test]
fn folders_of_folders_are_many_runs_at_every_level() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY);
    for run in ["a/shop/1", "a/shop/2", "a/till/1", "b/web/1"] {
        dir.write(&format!("fleet/{run}/semgrep.json"), semgrep(&["ERROR"]));
        dir.write(&format!("fleet/{run}/run.json"), TIMED);
    }
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "fleet"]).json();
    assert_eq!(json["runs"].as_array().unwrap().len(), 4, "{json}");
}

#[test]
fn two_policies_side_by_side() {
    let dir = history();
    dir.write(
        "new.yaml",
        SAST_POLICY.replace("severity: medium}, then: review", "severity: medium}, allow: 1, then: review"),
    );
    let run = dir.run(&["replay", "--policy", "policy.yaml", "--against", "new.yaml", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let text = run.stdout.lines().filter(|line| !line.contains("sha256:")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("replay_two", text);
    let json = dir
        .run(&["replay", "--policy", "policy.yaml", "--against", "new.yaml", "--format", "json", "runs"])
        .json();
    assert_eq!(json["schema"], "secgate/replay/v1");
    assert_eq!((&json["differ"], json["runs"].as_array().unwrap().len()), (&1.into(), 3));
    assert_eq!(json["runs"][1]["said"][0]["verdict"], "review");
    assert_eq!(json["runs"][1]["said"][1]["verdict"], "pass");
    assert_eq!(json["policies"][0]["never"][0], "sast-critical");
}

#[test]
fn a_replay_says_what_check_says() {
    let dir = history();
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "runs"]).json();
    for (at, name) in ["1", "2", "3"].iter().enumerate() {
        let check =
            dir.check(&["--policy", "policy.yaml", "--format", "json", &format!("runs/{name}")]).json();
        assert_eq!(json["runs"][at]["said"][0]["verdict"], check["verdict"], "{name}");
    }
}

#[test]
fn a_run_is_judged_as_of_its_reports_and_compared_with_what_was_saved_beside() {
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        "version: 1\ngate: merge\nbase: {from: [baseline, diff], without: review}\nevidence:\n  sast: {category: sast, files: [out/bandit.json], max_age: 1h}\nrules:\n  - {id: new, findings: {category: sast, state: new}, then: fail}\n",
    );
    dir.copy("bandit/app.json", "a/out/bandit.json").copy("bandit/app.json", "b/out/bandit.json");
    assert_eq!(dir.run(&["baseline", "write", "--output", "b/baseline.jsonl", "b/out/bandit.json"]).code, 0);
    let json = dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", "a", "b"]).json();
    let said = |at: usize| json["runs"][at]["said"][0].clone();
    assert_eq!(said(0)["verdict"], "fail", "{json}");
    assert_eq!(said(0)["stopped_by"][0]["what"], "new", "not that it is old: {json}");
    assert_eq!(said(1)["verdict"], "pass", "{json}");
    // With a clock of today it is old.
    let json = dir
        .run(&["replay", "--policy", "policy.yaml", "--format", "json", "--now", "2036-01-01T00:00:00Z", "b"])
        .json();
    assert_eq!(json["runs"][0]["said"][0]["stopped_by"][0]["what"], "evidence sast", "{json}");
}

#[test]
fn mistakes_are_errors() {
    let dir = history();
    for args in [
        &["replay"][..],
        &["replay", "nowhere"],
        &["replay", ""],
        &["replay", "--policy", "no.yaml", "runs"],
        &["replay", "--policy", "policy.yaml", "--against", "no.yaml", "runs"],
        &["replay", "--now", "noon", "runs"],
    ] {
        let run = dir.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?} {run:?}");
    }
}

/// The verdicts of runs by their ids.
fn verdicts(run: &Run) -> Vec<(String, String)> {
    let json = run.json();
    let of = |run: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&run["path"]), text(&run["said"][0]["verdict"]))
    };
    json["runs"].as_array().unwrap().iter().map(of).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn base64(text: &str) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(text.as_bytes())
}

#[test]
fn a_run_is_the_same_in_every_form() {
    let dir = Dir::new();
    let report = semgrep(&["ERROR"]);
    let described = r#"{"id": "shop-1", "time": "2026-05-01T08:00:00Z", "author": "kim"}"#;
    let files = [("semgrep.json", report.as_str()), ("run.json", described)];
    let nested = [("./x/semgrep.json", report.as_str()), ("./x/run.json", described)];
    let line = |file: Value| {
        json!({"id": "shop-1", "time": "2026-05-01T08:00:00Z", "author": "kim", "files": {"semgrep.json": file}})
            .to_string()
    };
    dir.write("policy.yaml", SAST_POLICY)
        .write("a/semgrep.json", &report)
        .write("a/run.json", described)
        .write("b.tar", tar(&files))
        .write("c.tar.gz", gzip(&tar(&nested)))
        .write("d.tar.zst", zstd(&tar(&files)))
        .write("e.ndjson", line(json!({"path": "a/semgrep.json"})))
        .write("f.ndjson.gz", gzip(line(json!({"data": base64(&report)})).as_bytes()))
        .write("g.ndjson.zst", zstd((line(json!({"data": base64(&report)})) + "\n").as_bytes()));
    let replay = |path: &str| dir.run(&["replay", "--policy", "policy.yaml", "--format", "json", path]);
    let known = replay("a");
    assert_eq!(verdicts(&known), [("shop-1".to_owned(), "fail".to_owned())]);
    for path in ["b.tar", "c.tar.gz", "d.tar.zst", "e.ndjson", "f.ndjson.gz", "g.ndjson.zst"] {
        let run = replay(path);
        assert_eq!((run.code, run.stdout.as_str()), (0, known.stdout.as_str()), "{path}: {run:?}");
    }
    let mut command = dir.command();
    command.args(["replay", "--policy", "policy.yaml", "--format", "json", "-"]);
    let piped = Run::of(command.write_stdin(line(json!({"data": base64(&report)}))));
    assert_eq!(piped.stdout, known.stdout, "{piped:?}");
    // A bundle holds what the run decided on, without its policy a question of its own.
    let args = ["--policy", "policy.yaml", "--bundle", "z.tar", "a/semgrep.json"];
    let check = dir.check(&args);
    assert_eq!(check.code, 1, "{check:?}");
    assert_eq!(verdicts(&replay("z.tar")), [("z.tar".to_owned(), "fail".to_owned())]);
    dir.write(
        "other.yaml",
        SAST_POLICY
            .replace("sast:", "code:")
            .replace("severity: high}, then: fail", "severity: critical}, then: fail"),
    );
    let other = dir.run(&["replay", "--policy", "other.yaml", "--format", "json", "z.tar", "a"]);
    assert_eq!(
        verdicts(&other),
        [("shop-1".to_owned(), "review".to_owned()), ("z.tar".to_owned(), "review".to_owned())],
        "{other:?}"
    );
}

#[test]
fn what_is_no_whole_run_is_an_error_of_its_own() {
    let dir = Dir::new();
    let report = semgrep(&[]);
    let whole = tar(&[("semgrep.json", &report), ("run.json", TIMED)]);
    let line = |id: &str, time: &str| {
        json!({"id": id, "time": time, "files": {"semgrep.json": {"data": base64(&report)}}}).to_string()
    };
    dir.write("policy.yaml", SAST_POLICY)
        .write("good/semgrep.json", &report)
        .write("good/run.json", TIMED)
        .write("timeless/semgrep.json", &report)
        .write("typo/semgrep.json", &report)
        .write("typo/run.json", "{\"tmie\": \"2026-05-01T08:00:00Z\"}")
        .write("cut.tar", &whole[..whole.len() - 1024])
        .write("two.tar", tar(&[("a/run.json", TIMED), ("b/run.json", TIMED)]))
        .write("twice.tar", tar(&[("run.json", TIMED), ("run.json", TIMED)]))
        .write(
            "lines.ndjson",
            [line("1", "2026-05-01T08:00:00Z"), line("2", "noon"), line("1", "2026-05-01T08:00:00Z")]
                .join("\n"),
        );
    let paths = ["good", "timeless", "typo", "cut.tar", "two.tar", "twice.tar", "lines.ndjson"];
    let replay = |more: &[&str]| {
        dir.run(&[&["replay", "--policy", "policy.yaml", "--format", "json"], more, &paths[..]].concat())
    };
    let run = replay(&[]);
    assert_eq!(run.code, 2, "{run:?}");
    let why = |run: &Run| {
        let json = run.json();
        let of = |run: &Value| {
            let first = run["said"][0]["errors"][0].as_str().unwrap_or_default();
            let (id, said) = (run["path"].as_str().unwrap(), run["said"][0]["verdict"].as_str().unwrap());
            format!("{id} {said} {first}").trim_end().to_owned()
        };
        json["runs"].as_array().unwrap().iter().map(of).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(why(&run), @r"
    cut.tar error the run cannot be read: is not a whole tar file: it was cut, or something follows its end
    good pass
    1 pass
    2 error `time` is `noon`, which is not RFC 3339
    1 error a run before it has the id `1`, too; what is counted twice is counted wrong
    timeless error does not say when it ran, and none of its reports does; it is judged by no other clock
    twice.tar error file `run.json`: the run cannot be read: is there twice
    two.tar error the run cannot be read: holds 2 runs; one archive is one run
    typo error run.json: the run cannot be read: unknown field `tmie`, expected one of `schema`, `id`, `project`, `team`, `commit`, `author`, `merge_request`, `pipeline`, `ref`, `time`, `gate`, `params`, `subjects`, `root`, `files` at line 1 column 7
    ");
    let patient = replay(&["--keep-going"]);
    assert_eq!((patient.code, patient.stdout), (0, run.stdout));
    // A clock for all makes up for those that have none.
    let pinned = replay(&["--keep-going", "--now", "2026-05-01T08:00:00Z"]);
    assert!(why(&pinned).contains("timeless pass"), "{pinned:?}");
    // Whoever writes such lines may have lost others.
    dir.write("broken.ndjson", line("1", "2026-05-01T08:00:00Z") + "\n{\"id\": \"2\", \"fi");
    let run = dir.run(&["replay", "--policy", "policy.yaml", "--keep-going", "broken.ndjson"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stdout.contains("2 runs") && run.stdout.contains("line 2: the run cannot be read: EOF"),
        "{run:?}"
    );
}

#[test]
fn all_that_a_run_rests_on_comes_from_it() {
    let dir = Dir::new();
    let policy = "version: 1
gate: merge
waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}
parameters: {tier: {one_of: [gold, iron]}}
evidence: {deps: {category: vulnerability, files: [trivy.json]}}
rules:
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
";
    let waivers = "version: 1
waivers:
  - id: W-1
    rule: merge/high
    match: {ids: [CVE-2026-1]}
    reason: Vulnerable function is not called
    owner: \"@payments-lead\"
    approved_by: \"@appsec-lead\"
    compensating_controls: [WAF rule 1024]
    created: 2026-04-15
    expires: 2026-05-20
    review_trigger: [severity_raised]
    seen: {severity: high, fix: available, matches: 1}
";
    // Written after Trivy's documentation of its JSON.
    let trivy = |cves: &[&str]| {
        let of = |id: &&str| json!({"VulnerabilityID": id, "PkgName": "a", "InstalledVersion": "1.0.0", "FixedVersion": "2.0.0", "Severity": "HIGH"});
        json!({"SchemaVersion": 2, "ArtifactName": ".", "ArtifactType": "filesystem", "Results": [{
            "Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm",
            "Packages": [{"ID": "a@1.0.0", "Name": "a", "Version": "1.0.0"}],
            "Vulnerabilities": cves.iter().map(of).collect::<Vec<_>>(),
        }]})
        .to_string()
    };
    let described = |time: &str| format!("{{\"time\": \"{time}\", \"params\": {{\"tier\": \"gold\"}}}}");
    dir.write("policy.yaml", policy)
        .write("runs/with/trivy.json", trivy(&["CVE-2026-1"]))
        .write("runs/with/.secgate/waivers.yaml", waivers)
        .write("runs/with/run.json", described("2026-05-01T08:00:00Z"))
        .write("runs/late/trivy.json", trivy(&["CVE-2026-1"]))
        .write("runs/late/.secgate/waivers.yaml", waivers)
        .write("runs/late/run.json", described("2026-05-22T08:00:00Z"))
        .write("runs/without/trivy.json", trivy(&["CVE-2026-1"]))
        .write("runs/without/run.json", described("2026-05-01T08:00:00Z"))
        // None of these is of a run.
        .write(".secgate/waivers.yaml", waivers)
        .write("CODEOWNERS", "* @nobody\n")
        .write("trivy.json", trivy(&[]));
    let mut command = dir.command();
    command.env("CI_COMMIT_SHA", "no commit").env("CI_PROJECT_PATH", "x");
    command.args(["replay", "--policy", "policy.yaml", "--format", "json", "runs"]);
    let run = Run::of(&mut command);
    let expected = [("runs/late", "fail"), ("runs/with", "pass"), ("runs/without", "fail")];
    let expected: Vec<_> = expected.iter().map(|(id, said)| ((*id).to_owned(), (*said).to_owned())).collect();
    assert_eq!(verdicts(&run), expected, "{run:?}");
}

#[test]
fn three_runs_never_become_one() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("fleet/README.md", "# Runs\n");
    for run in 1..=3 {
        dir.write(&format!("fleet/{run}/semgrep.json"), semgrep(&["ERROR"]));
        dir.write(&format!("fleet/{run}/run.json"), TIMED);
    }
    std::os::unix::fs::symlink("3", dir.path().join("fleet/latest")).unwrap();
    let run = dir.run(&["replay", "--policy", "policy.yaml", "fleet"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with("3 runs\n"), "{run:?}");
    insta::assert_snapshot!(run.stderr, @r"
    secgate: runs: 3 folders: fleet/1, fleet/2, fleet/3
    secgate: fleet/README.md: is part of no run
    secgate: fleet/latest: is a link, and not followed
    ");
    // A report that lies beside three runs is part of none.
    dir.write("fleet/trivy.json", "{\"SchemaVersion\": 2}");
    let run = dir.run(&["replay", "--policy", "policy.yaml", "fleet"]);
    assert!(
        run.stdout.starts_with("3 runs\n") && run.stderr.contains("fleet/trivy.json: is part of no run"),
        "{run:?}"
    );
    // Where no run says that it is one, nobody can say.
    for run in 1..=3 {
        std::fs::remove_file(dir.path().join(format!("fleet/{run}/run.json"))).unwrap();
    }
    let run = dir.run(&["replay", "--policy", "policy.yaml", "fleet"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("nobody can say whether it is one run or many"), "{run:?}");
}

//! Exit 0 only when all was delivered; nothing of yesterday survives; whole or not at all.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{Dir, NOW, SAST_POLICY, fixture, semgrep};

/// A user without any right.
const NOBODY: u32 = 65_534;

fn dir(severities: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(severities));
    dir
}

/// A shell that runs the gate as `$SECGATE check $ARGS`, so that it can redirect.
fn shell(dir: &Dir, script: &str) -> Output {
    let secgate = assert_cmd::cargo::cargo_bin("secgate");
    Command::new("sh")
        .args(["-c", script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SECGATE", &secgate)
        .env("CHECK", format!("{} check --no-env --now {NOW} --policy policy.yaml", secgate.display()))
        .current_dir(dir.path())
        .output()
        .unwrap()
}

/// The exit code, and what was printed and said.
fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn left(dir: &Dir) -> Vec<String> {
    let names =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn devices_and_streams_are_written_through_and_never_replaced() {
    let dir = dir(&["WARNING"]);
    for (output, to_stdout) in [("/dev/stdout", true), ("/proc/self/fd/1", true), ("/dev/stderr", false)] {
        let (code, stdout, stderr) = told(&shell(&dir, &format!("$CHECK --output json={output}")));
        let text = if to_stdout { &stdout } else { &stderr };
        assert!(
            code == 10 && text.contains("\"schema\":\"secgate/verdict/v1\""),
            "{output}: {code} {stdout} {stderr}"
        );
        assert!(stdout.contains("REVIEW"), "{stdout}");
    }
    assert!(fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());
    // Where it goes to a file, neither covers the other.
    let (code, ..) = told(&shell(&dir, "$CHECK --format markdown --output json=/dev/stdout >both"));
    let both = dir.read("both");
    assert!(
        code == 10 && both.contains("secgate:gate=merge") && both.contains("\"verdict\":\"review\""),
        "{both}"
    );
    let (code, ..) = told(&shell(&dir, "$CHECK --output json=/dev/fd/3 3>third"));
    assert!(code == 10 && dir.read("third").contains("\"verdict\":\"review\""));
    assert_eq!(told(&shell(&dir, "$CHECK --output json=/dev/null --output sarif=/dev/null")).0, 10);
    assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
    assert_eq!(told(&shell(&dir, "$CHECK --output json=/dev/full")).0, 2);
    // Two names for one file would lose the one or the other.
    let (code, _, stderr) = told(&shell(&dir, "$CHECK --output json=out >out"));
    assert!(code == 2 && stderr.contains("is where standard output goes"), "{stderr}");
}

#[test]
fn links_stay_and_what_they_lead_to_is_written() {
    let dir = dir(&["ERROR"]);
    fs::create_dir(dir.path().join("kept")).unwrap();
    for _ in 0..2 {
        let _ = fs::remove_file(dir.path().join("v.json"));
        symlink("kept/v.json", dir.path().join("v.json")).unwrap();
        assert_eq!(dir.check(&["--policy", "policy.yaml", "--output", "json=v.json"]).code, 1);
        assert!(fs::symlink_metadata(dir.path().join("v.json")).unwrap().is_symlink());
        assert!(dir.read("kept/v.json").contains("\"verdict\":\"fail\""));
        assert_eq!(fs::read_dir(dir.path().join("kept")).unwrap().count(), 1);
    }
    symlink("loop", dir.path().join("loop")).unwrap();
    assert_eq!(dir.check(&["--policy", "policy.yaml", "--output", "json=loop"]).code, 2);
}

#[test]
fn a_verdict_that_nobody_is_told_is_no_pass() {
    let dir = dir(&[]);
    for (redirected, code) in [
        (">&-", 2),
        ("1<policy.yaml", 2),
        (">/dev/full", 2),
        (">/dev/null", 0),
        (">&- --output json=v.json", 0),
        ("1<>/dev/null", 2),
        ("1<>/dev/null 2<>/dev/null", 0),
        ("1<policy.yaml --output json=v.json", 2),
    ] {
        let _ = fs::remove_file(dir.path().join("v.json"));
        let (is, _, stderr) = told(&shell(&dir, &format!("$CHECK {redirected}")));
        assert_eq!(is, code, "{redirected}: {stderr}");
        assert!(code == 0 || stderr.contains("standard output"), "{redirected}: {stderr}");
        assert_eq!(dir.exists("v.json"), code == 0 && redirected.contains("v.json"), "{redirected}");
    }
    // A violation is final.
    dir.write("semgrep.json", semgrep(&["ERROR"]));
    assert_eq!(told(&shell(&dir, "$CHECK >&-")).0, 1);
}

/// Runs the gate as a user who owns nothing, if this test runs as the one who owns everything.
fn as_nobody(dir: &Dir, args: &[&str]) -> (i32, String, String) {
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let binary = Dir::new();
    fs::set_permissions(binary.path(), Permissions::from_mode(0o755)).unwrap();
    // Wherever the build lies, this user can start it here.
    let program = binary.path().join("secgate");
    // Another process copies it: a program that this one holds open for writing, in whatever thread, cannot be started.
    let copied = Command::new("cp").arg(assert_cmd::cargo::cargo_bin("secgate")).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(program);
    command.env_clear().args(["check", "--no-env", "--now", NOW, "--policy", "policy.yaml"]).args(args);
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    told(&command.current_dir(dir.path()).output().unwrap())
}

#[test]
fn what_may_not_be_looked_at_is_not_absent() {
    let dir = dir(&[]);
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    dir.write("closed/more.json", semgrep(&["ERROR"]));
    symlink("circle", dir.path().join("circle")).unwrap();
    for files in ["closed/more.json", "closed/*.json", "closed/**/more.json", "circle/more.json"] {
        let policy = SAST_POLICY.replace(
            "files: [semgrep.json]}",
            &format!(
                "files: [semgrep.json]}}\n  more: {{category: sast, files: [\"{files}\"], required: false}}"
            ),
        );
        dir.write("policy.yaml", policy);
        // Not to be looked into, to be listed without being looked into, and looked into without being listed.
        for mode in [0o000, 0o444] {
            fs::set_permissions(&closed, Permissions::from_mode(mode)).unwrap();
            let (code, stdout, stderr) = as_nobody(&dir, &[]);
            assert_eq!(code, 2, "{files} {mode:o}: {stdout}{stderr}");
        }
        fs::set_permissions(&closed, Permissions::from_mode(0o755)).unwrap();
    }
    // A folder that is not there holds nothing.
    dir.write("policy.yaml", SAST_POLICY.replace("semgrep.json]}", "semgrep.json]}\n  more: {category: sast, files: [no/more.json, \"no/*.json\", policy.yaml/x.json], required: false}"));
    assert_eq!(dir.check(&["--policy", "policy.yaml"]).code, 0);
}

#[test]
fn what_cannot_be_removed_is_emptied_and_said() {
    let dir = dir(&[]);
    let folder = dir.path().join("kept");
    fs::create_dir(&folder).unwrap();
    for (mode, says) in [(0o666, "was emptied"), (0o444, "is an earlier run's")] {
        dir.write("kept/v.json", "{\"verdict\":\"pass\",\"secgate\":1}");
        fs::set_permissions(folder.join("v.json"), Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
        let (code, stdout, stderr) = as_nobody(&dir, &["--output", "json=kept/v.json"]);
        assert!(code == 2 && stderr.contains(says), "{code} {stdout} {stderr}");
        assert_eq!(dir.read("kept/v.json").is_empty(), mode == 0o666);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let _ = fs::remove_file(folder.join("v.json"));
    }
}

const OLD: &str = "{\"secgate\":\"0\",\"verdict\":\"pass\",\"exit_code\":0}";

#[test]
fn whatever_is_wrong_with_the_arguments_yesterdays_verdict_goes_first() {
    for args in [
        &["--output", "json=v.json", "--output", "json"][..],
        &["--output", "json", "--output", "json=v.json"],
        &["--output", "jsno=v.json"],
        &["--output", "json=v.json", "--output", "sarif=v.json"],
        &["--output", "json=v.json", "--output", "sarif=policy.yaml"],
        &["--output", "json=v.json", "--bundle", "policy.yaml"],
        &["--output", "json=v.json", "--bundle", ""],
        &["--output", "json=v.json", "--now", "yesterday"],
        &["--output", "json=v.json", "--polcy", "x"],
        // Another file whose path ends like it is another file.
        &["--output", "json=v.json", "--polcy", "x", "old/v.json"],
        &["--output=json=v.json", "--polcy", "x", "--evidence", "sast=xv.json"],
        &["--output", "json=no/v.json", "--output", "json=v.json"],
    ] {
        let dir = dir(&[]);
        dir.write("v.json", OLD).write("old/v.json", semgrep(&[])).write("xv.json", semgrep(&[]));
        let run = dir.check(&[&["--policy", "policy.yaml"], args].concat());
        assert_eq!(run.code, 2, "{args:?}: {run:?}");
        let is = fs::read_to_string(dir.path().join("v.json")).unwrap_or_default();
        assert!(!is.contains("\"pass\""), "{args:?}: {is}");
        for kept in ["policy.yaml", "semgrep.json", "old/v.json", "xv.json"] {
            assert!(dir.exists(kept), "{args:?}: {kept}");
        }
    }
    // What the line also names as something to read stays.
    let dir = dir(&[]);
    dir.write("v.json", OLD);
    assert_eq!(dir.check(&["--polcy", "x", "v.json", "--output", "json=v.json"]).code, 2);
    assert!(dir.exists("v.json"));
}

#[test]
fn bundles_and_statements_of_yesterday_go_too() {
    let dir = dir(&[]);
    let keys = dir.run(&["attest", "keygen", "--output", "gate"]);
    assert_eq!(keys.code, 0, "{keys:?}");
    let key = "gate.key";
    for bundle in ["b", "b.tar"] {
        let again = || {
            let run = dir.check(&[
                "--policy",
                "policy.yaml",
                "--commit",
                &"1".repeat(40),
                "--output",
                "json=v.json",
                "--bundle",
                bundle,
            ]);
            assert_eq!(run.code, 0, "{run:?}");
        };
        again();
        for args in [&["--polcy", "x"][..], &["--now", "yesterday"], &["--output", "json"]] {
            again();
            let run = dir.check(&[&["--policy", "policy.yaml", "--bundle", bundle], args].concat());
            assert!(run.code == 2 && !dir.exists(bundle), "{bundle} {args:?}: {run:?}");
        }
        again();
    }
    let sign = |more: &[&str]| {
        dir.run(&[&["attest", "--verdict", "v.json", "--key", key, "--output", "v.jsonl"], more].concat())
    };
    assert_eq!(sign(&[]).code, 0, "{:?}", sign(&[]));
    assert!(dir.exists("v.jsonl"));
    assert_eq!(sign(&["--colour", "x"]).code, 2);
    assert!(!dir.exists("v.jsonl"));
    // A baseline is what later runs compare with, and no verdict.
    assert_eq!(dir.run(&["baseline", "write", "--output", "known", "semgrep.json"]).code, 0);
    assert_eq!(dir.run(&["baseline", "write", "--outptu", "x", "--output", "known", "semgrep.json"]).code, 2);
    assert!(dir.exists("known"));
}

/// A bundle, what is done to it, and whether it still counts as a whole one.
type Spoil<'s> = (&'s str, &'s dyn Fn(&Dir), bool);

#[test]
fn a_broken_or_foreign_bundle_is_no_wall() {
    let cut = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 3]).unwrap();
    };
    let spoiled: [Spoil<'_>; 6] = [
        ("b", &|dir| fs::remove_file(dir.path().join("b/checksums.sha256")).unwrap(), false),
        ("b", &|dir| fs::remove_file(dir.path().join("b/bundle.json")).unwrap(), true),
        ("b", &|dir| _ = dir.write("b/more", "x"), true),
        ("b.tar", &|dir| cut(&dir.path().join("b.tar")), false),
        ("b.tar", &|dir| _ = dir.write("b.tar", ""), false),
        (
            "b.tar",
            &|dir| {
                _ = fs::remove_file(dir.path().join("b.tar")).map(|()| dir.write("b.tar/bundle.json", "x"));
            },
            false,
        ),
    ];
    for (bundle, spoil, whole) in spoiled {
        let dir = dir(&[]);
        let args = ["--policy", "policy.yaml", "--bundle", bundle];
        assert_eq!(dir.check(&args).code, 0);
        spoil(&dir);
        let run = dir.check(&args);
        let said = run.stderr.contains("no whole bundle and is replaced");
        assert!(run.code == 0 && said != whole, "{bundle}: {run:?}");
        assert_eq!(dir.run(&["verify", "--recompute", bundle]).code, 0, "{bundle}");
    }
    // What is no bundle at all is somebody's, and stays.
    let dir = dir(&[]);
    dir.write("mine/notes.txt", "x").write("mine.tar", "x");
    for bundle in ["mine", "mine.tar", ".", ".."] {
        let run = dir.check(&["--policy", "policy.yaml", "--bundle", bundle]);
        assert_eq!(run.code, 2, "{bundle}: {run:?}");
    }
    assert!(dir.read("mine/notes.txt") == "x" && dir.read("mine.tar") == "x");
}

#[test]
fn what_dead_runs_left_is_swept() {
    let dir = dir(&[]);
    // Of another process of the same number, as the first of each container is.
    dir.write(".v.json.1.part", "half").write(".b.0123456789abcdef.part/bundle/bundle.json", "half");
    let run = dir.check(&["--policy", "policy.yaml", "--output", "json=v.json", "--bundle", "b"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(left(&dir), ["b", "policy.yaml", "semgrep.json", "v.json"]);
}

#[test]
fn of_runs_at_the_same_time_one_delivers_all() {
    let dir = dir(&[]);
    dir.write("bad.json", semgrep(&["ERROR"]));
    let secgate = assert_cmd::cargo::cargo_bin("secgate");
    let start = |report: &str| {
        let outputs = ["json=v.json", "dotenv=v.env", "junit=v.xml", "sarif=v.sarif"];
        let flags = outputs.iter().flat_map(|output| ["--output", output]);
        Command::new(&secgate)
            .env_clear()
            .args([
                "check",
                "--no-env",
                "--now",
                NOW,
                "--policy",
                "policy.yaml",
                "--bundle",
                "b",
                "--evidence",
            ])
            .arg(format!("sast={report}"))
            .args(flags)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for _ in 0..6 {
        let runs = ["semgrep.json", "bad.json", "semgrep.json", "bad.json"].map(start);
        for mut run in runs {
            assert!(run.wait().unwrap().code().is_some_and(|code| code < 2));
        }
        let verdict = dir.check(&["--policy", "policy.yaml"]);
        assert_eq!(verdict.code, 0);
        let json: serde_json::Value = serde_json::from_str(&dir.read("v.json")).unwrap();
        let failed = json["verdict"] == "fail";
        let packed: serde_json::Value = serde_json::from_str(&dir.read("b/verdict.json")).unwrap();
        assert_eq!(packed["verdict"], json["verdict"]);
        assert_eq!(dir.read("v.env").contains("SECGATE_VERDICT=fail"), failed, "{}", dir.read("v.env"));
        assert_eq!(dir.read("v.xml").contains("<failure"), failed);
        assert_eq!(dir.read("v.sarif").contains("rule-0"), failed);
        assert_eq!(dir.run(&["verify", "--recompute", "b"]).code, 0);
        assert!(!left(&dir).iter().any(|name| name.contains(".part")), "{:?}", left(&dir));
    }
}

#[test]
fn without_threads_one_does_it_all() {
    // Large enough to be read in parallel, and ahead.
    let dir = dir(&[]);
    let report = fs::read_to_string(fixture("gate/semgrep.json")).unwrap();
    let blanks = " ".repeat(3 << 20);
    for name in ["one.json", "two.json"] {
        dir.write(name, format!("{report}{blanks}"));
    }
    let alone = |script: &str| {
        let output = shell(&dir, script);
        told(&output)
    };
    let wanted = alone("$CHECK one.json two.json");
    // More processes than the user may have: no thread can be started. Of root the number is not limited.
    if rustix::process::getuid().is_root() {
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let binary = Dir::new();
        fs::set_permissions(binary.path(), Permissions::from_mode(0o755)).unwrap();
        let program = binary.path().join("secgate");
        // Another process copies it: a program that this one holds open for writing, in whatever thread, cannot be started.
        let copied = Command::new("cp").arg(assert_cmd::cargo::cargo_bin("secgate")).arg(&program).status();
        assert!(copied.unwrap().success());
        let script = format!(
            "exec setpriv --reuid {NOBODY} --clear-groups prlimit --nproc=1:1 {} check --no-env --now {NOW} --policy policy.yaml one.json two.json",
            program.display()
        );
        assert_eq!(alone(&script), wanted);
    }
}

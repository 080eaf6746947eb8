//! `secgate scan` with scanners that are shell scripts, and git's own pre-push hook.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::common::{Dir, NOW, Run, root};

const POLICY: &str = "\
version: 1
gate: merge
base: {from: [diff], without: warn}
evidence:
  secrets: {category: secret, files: [secrets.json], run: [fakesecrets, \"{changed}\"]}
  sast: {category: sast, files: [semgrep.json], run: [fakesemgrep, --out, \"{report}\", \"{changed}\"]}
  deps: {category: vulnerability, files: [trivy-fs.json], run: [no-such-scanner, \"{report}\"]}
reviewers: {any_of: [\"@lead\"]}
rules:
  - {id: no-secrets, findings: {category: secret}, then: fail, fix: Revoke it.}
  - {id: sast-high, findings: {category: sast, severity: high, state: new}, then: fail}
  - {id: sast-medium, findings: {category: sast, severity: medium, state: new}, then: review}
  - {id: deps, findings: {category: vulnerability, severity: high}, then: fail}
";

/// A scanner of secrets: each file that holds `SECRET` has one; ends with 1 if there is one, as gitleaks does.
const SECRETS: &str = r#"#!/bin/sh
list= code=0
for file; do
  if grep -qs SECRET "$file"; then list="$list$sep{\"rule\":\"r\",\"file\":\"$file\"}" sep=, code=1; fi
done
echo "a secret on standard error: hunter2" >&2
printf '{"findings":[%s]}' "$list"
exit $code
"#;

/// A scanner of code: each line with `eval` is high, each with `exec` medium.
const SEMGREP: &str = r#"#!/bin/sh
out=$2 list= sep=
shift 2
[ "$1" = . ] && set -- src/*
for file; do
  for word in eval:ERROR exec:WARNING; do
    for line in $(grep -n "${word%:*}" "$file" | cut -d: -f1); do
      list="$list$sep{\"check_id\":\"${word%:*}\",\"path\":\"$file\",\"start\":{\"line\":$line},\"end\":{\"line\":$line},\"extra\":{\"message\":\"m\",\"severity\":\"${word#*:}\",\"metadata\":{}}}" sep=,
    done
  done
done
printf '{"version":"1","results":[%s],"errors":[],"paths":{"scanned":["x"]}}' "$list" >"$out"
"#;

struct Repo {
    dir: Dir,
    bin: Dir,
    state: Dir,
}

impl Repo {
    /// A repository with scanners that `scan` can find.
    fn new() -> Self {
        let repo = Self { dir: Dir::new(), bin: Dir::new(), state: Dir::new() };
        repo.program("fakesecrets", SECRETS).program("fakesemgrep", SEMGREP);
        let secgate = assert_cmd::cargo::cargo_bin("secgate");
        std::os::unix::fs::symlink(secgate, repo.bin.path().join("secgate")).unwrap();
        repo.git(&["init", "-q", "-b", "main"]);
        repo.dir.write(".secgate/merge.yaml", POLICY).write("src/a.py", "x = eval(y)\n");
        repo.commit("first");
        repo
    }

    fn program(&self, name: &str, text: &str) -> &Self {
        self.bin.write(name, text);
        fs::set_permissions(self.bin.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn prepared(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.bin.path().display());
        command
            .env_clear()
            .env("PATH", path)
            .env("XDG_STATE_HOME", self.state.path())
            .env("HOME", self.state.path());
        for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.com")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, program: &str, args: &[&str]) -> Run {
        let output = self.prepared(program).args(args).output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn git(&self, args: &[&str]) -> Run {
        let run = self.run("git", args);
        assert_eq!(run.code, 0, "git {args:?}: {run:?}");
        run
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message]);
    }

    fn scan(&self, args: &[&str]) -> Run {
        self.run("secgate", &[&["scan", "--now", NOW], args].concat())
    }
}

#[test]
fn what_is_not_installed_is_unknown_and_never_passes() {
    let repo = Repo::new();
    repo.dir.write("src/a.py", "fine\n");
    let run = repo.scan(&["--yes", "--all"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("deps (no-such-scanner is not installed"), "{}", run.stderr);
    assert!(run.stdout.contains("no file trivy-fs.json"), "{}", run.stdout);
    assert!(!run.all().contains("hunter2"));
    // With it the same tree passes; a report of yesterday in the directory is not taken for it.
    repo.dir.write("trivy-fs.json", "not looked at");
    repo.program("no-such-scanner", "#!/bin/sh\nprintf '{\"SchemaVersion\":2,\"ArtifactType\":\"filesystem\",\"Results\":[{\"Target\":\"a\",\"Class\":\"lang-pkgs\"}]}' >\"$1\"\n");
    let run = repo.scan(&["--yes", "--all"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
}

#[test]
fn a_policy_that_a_scanner_rewrites_decides_nothing() {
    let repo = Repo::new();
    repo.program(
        "fakesecrets",
        "#!/bin/sh\nsed -i 's/then: fail/then: warn/' .secgate/merge.yaml\nprintf '{\"findings\":[]}'\n",
    );
    let run = repo.scan(&["--yes", "--all"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("changed while the scanners ran"), "{run:?}");
}

#[test]
fn only_what_changed_is_looked_at_and_only_what_is_new_counts() {
    let repo = Repo::new();
    repo.git(&["checkout", "-qb", "work"]);
    repo.dir.write("src/b.py", "SECRET\n").write("src/a.py", "x = eval(y)\nz = exec(y)\n");
    let run = repo.scan(&["--yes", "--since", "main", "--format", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let json = run.json();
    let outcome = |id: &str| {
        let rule = json["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap().clone();
        (rule["outcome"].as_str().unwrap().to_owned(), rule["count"].as_u64().unwrap())
    };
    assert_eq!(outcome("no-secrets"), ("fail".to_owned(), 1));
    assert_eq!(outcome("sast-high"), ("pass".to_owned(), 0), "the line was there before");
    assert_eq!(outcome("sast-medium"), ("review".to_owned(), 1));
    for args in [&["--since", "nowhere"][..], &["--since", "--output=x"], &["--only", "nothing"]] {
        assert_eq!(repo.scan(&[&["--yes"], args].concat()).code, 2, "{args:?}");
    }
}

#[test]
fn of_a_part_scan_nothing_is_known_to_be_fixed() {
    let repo = Repo::new();
    let policy = POLICY.replace("from: [diff]", "from: [baseline, diff]");
    repo.dir.write(".secgate/merge.yaml", policy).write("src/old.py", "x = eval(y)\n");
    repo.scan(&["--yes", "--all", "--keep", "kept"]);
    fs::copy(repo.dir.path().join("kept/sast.report"), repo.dir.path().join("semgrep.json")).unwrap();
    let baseline = ".secgate/baseline.jsonl";
    let run = repo.run("secgate", &["baseline", "write", "--now", NOW, "--output", baseline, "semgrep.json"]);
    assert_eq!(run.code, 0, "{run:?}");
    repo.commit("known");
    // Only src/a.py is looked at; what is known of src/old.py is still there.
    repo.dir.write("src/a.py", "fine\n");
    let run = repo.scan(&["--yes", "--since", "HEAD"]);
    assert!(!run.stdout.contains("Fixed since") && run.stdout.contains(" 0 fixed"), "{}", run.stdout);
    let run = repo.scan(&["--yes", "--all"]);
    assert!(run.stdout.contains("Fixed since the base: high src/a.py: eval\n"), "{}", run.stdout);
}

#[test]
fn a_scan_of_a_part_is_no_edit_of_the_policy() {
    let repo = Repo::new();
    repo.dir.write(".secgate/merge.yaml", POLICY.replace("gate: merge\n", "gate: merge\ntitle: Ours\n"));
    repo.dir.write("src/b.py", "print()\n");
    let run = repo.scan(&["--yes", "--since", "HEAD", "--only", "secrets"]);
    assert!(!run.stdout.contains("loosens") && run.stdout.contains("as strict as it was"), "{}", run.stdout);
}

#[test]
fn a_scanner_that_fails_gives_no_report() {
    let repo = Repo::new();
    for (script, says) in [
        ("#!/bin/sh\nexit 3\n", "ended with code 3 and wrote no report"),
        (
            "#!/bin/sh\nprintf '{\"findings\":[]}'; exit 2\n",
            "ended with code 2 and found nothing, so it failed",
        ),
        ("#!/bin/sh\nsleep 60\n", "took more than 1 s and was killed"),
    ] {
        repo.program("fakesecrets", script);
        let run = repo.scan(&["--yes", "--all", "--timeout", "1"]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(run.stdout.contains("no file secrets.json"), "{}", run.stdout);
    }
    let run = repo.scan(&["--yes", "--all", "--only", "secrets", "--timeout", "1"]);
    assert_eq!(run.code, 2, "nothing is known: {run:?}");
    // What it says is saved where the user wants it, and shown nowhere.
    repo.program("fakesecrets", SECRETS);
    let run = repo.scan(&["--yes", "--all", "--keep", "kept"]);
    assert!(repo.dir.read("kept/secrets.log").contains("hunter2") && !run.all().contains("hunter2"));
    assert_eq!(repo.scan(&["--yes", "--all", "--keep", "kept"]).code, 2);
}

#[test]
fn commands_are_agreed_to_once_and_a_hook_never_asks() {
    let repo = Repo::new();
    let run = repo.scan(&["--all"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("secrets: fakesecrets {changed}") && run.stderr.contains("--yes"),
        "{}",
        run.stderr
    );
    // --yes is remembered, as an answer is; of a policy only its commands are.
    assert_ne!(repo.scan(&["--all", "--yes", "--only", "sast"]).code, 2);
    assert_ne!(repo.scan(&["--all", "--only", "sast"]).code, 2);
    assert!(!repo.scan(&["--all"]).stderr.contains("sast: fakesemgrep"));
    assert_ne!(repo.scan(&["--all", "--yes"]).code, 2);
    repo.dir.write(".secgate/merge.yaml", POLICY.replace("fix: Revoke it.", "fix: Rotate it."));
    assert_ne!(repo.scan(&["--all"]).code, 2);
    repo.dir.write(".secgate/merge.yaml", POLICY.replace("--out", "--output"));
    assert_eq!(repo.scan(&["--all"]).code, 2);
}

/// On a terminal, which util-linux's `script` plays.
fn at_a_terminal(repo: &Repo, answer: &str) -> String {
    let mut command = repo.prepared("script");
    let scan = format!("secgate scan --all --now {NOW}");
    let mut child = command
        .args(["-qec", &scan, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_user_is_asked_once_for_each_policy() {
    let repo = Repo::new();
    let asks = "Run them? It is asked once for each command. [y/N]";
    let no = at_a_terminal(&repo, "n\n");
    assert!(no.contains(asks) && no.contains("nothing was run") && !no.contains("Evidence"), "{no}");
    let yes = at_a_terminal(&repo, "y\n");
    assert!(yes.contains(asks) && yes.contains("sast: fakesemgrep --out {report} {changed}"), "{yes}");
    assert!(
        yes.contains("Evidence") && yes.contains("CI will still ask for it: deps (no-such-scanner"),
        "{yes}"
    );
    let again = at_a_terminal(&repo, "");
    assert!(!again.contains("[y/N]") && again.contains("Evidence"), "{again}");
    // Another policy is another question, for the hook too.
    repo.dir.write(".secgate/merge.yaml", POLICY.replace("--out", "--output"));
    assert!(at_a_terminal(&repo, "n\n").contains(asks));
    assert!(repo.scan(&["--all"]).stderr.contains("There is no terminal to ask on; pass `--yes`"));
}

#[test]
fn a_change_that_is_nothing_for_a_scanner_is_no_empty_scan() {
    let repo = Repo::new();
    repo.program("fakesemgrep", "#!/bin/sh\nprintf '{\"version\":\"1\",\"results\":[],\"errors\":[],\"paths\":{\"scanned\":[]}}' >\"$2\"\n");
    repo.dir.write(
        ".secgate/merge.yaml",
        POLICY.lines().filter(|line| !line.contains("deps")).collect::<Vec<_>>().join("\n"),
    );
    repo.commit("without dependencies");
    repo.dir.write("README.md", "more\n");
    let run = repo.scan(&["--yes", "--since", "HEAD"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("nothing_scanned"), "it is told: {}", run.stdout);
    // All of the project is another matter.
    assert_eq!(repo.scan(&["--yes", "--all"]).code, 10);
}

#[test]
fn the_hook_says_what_stops_the_push_and_what_ci_will_ask_for() {
    let repo = Repo::new();
    let remote = Dir::new();
    repo.git(&["init", "-q", "--bare", remote.path().to_str().unwrap()]);
    repo.git(&["remote", "add", "origin", remote.path().to_str().unwrap()]);
    repo.git(&["push", "-q", "-u", "origin", "main"]);
    fs::copy(root().join("ci/hooks/pre-push"), repo.dir.path().join(".git/hooks/pre-push")).unwrap();
    let push = |args: &[&str]| repo.run("git", &[&["push", "-q", "origin"], args].concat());

    // The commands were not agreed to: nothing runs, and the push waits for that.
    repo.dir.write("src/b.py", "fine\n");
    repo.commit("second");
    let run = push(&["main"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("have not been agreed to here") && run.stderr.contains("--no-verify"),
        "{run:?}"
    );
    agree(&repo);

    let run = push(&["main"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.all().trim(),
        "secgate: CI will still ask for deps (no-such-scanner is not installed (not on PATH))"
    );
    // Old debt does not stop it, a review is asked for, a secret stops it.
    repo.dir.write("src/a.py", "x = eval(y)\nz = exec(y)\n");
    repo.commit("third");
    let run = push(&["main"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.all().contains("sast-medium (1 finding, approval by @lead)"), "{run:?}");
    repo.dir.write("src/c.py", "SECRET\n");
    repo.commit("fourth");
    let run = push(&["main"]);
    assert_eq!(run.code, 1, "{run:?}");
    insta::assert_snapshot!(
        "hook_stops",
        run.all().lines().filter(|l| !l.starts_with("error: failed")).collect::<Vec<_>>().join("\n")
    );
    // Deleting a branch, and pushing one that is not checked out, scan nothing.
    repo.git(&["push", "-q", "--no-verify", "origin", "HEAD~1:refs/heads/old"]);
    assert_eq!(push(&["--delete", "old"]).code, 0);
    let run = push(&["HEAD~1:refs/heads/other"]);
    assert!(run.code == 0 && run.stderr.contains("was not scanned here"), "{run:?}");
    // Beside what is checked out, it is told of.
    repo.git(&["push", "-q", "--no-verify", "origin", "HEAD"]);
    repo.dir.write("src/d.py", "fine\n");
    repo.commit("fifth");
    let run = push(&["main", "HEAD~2:refs/heads/third"]);
    assert!(run.code == 0 && run.stderr.contains("was not scanned here"), "{run:?}");
    // Taken back on disk alone, it is pushed all the same.
    repo.dir.write("src/d.py", "SECRET\n");
    repo.commit("sixth");
    repo.dir.write("src/d.py", "fine\n");
    let run = push(&["main"]);
    assert!(run.stderr.contains("1 file of the push is changed here and not committed"), "{run:?}");
    repo.git(&["checkout", "-q", "src/d.py"]);
    repo.git(&["push", "-q", "--no-verify", "origin", "HEAD"]);
    std::os::unix::fs::symlink("src", repo.dir.path().join("link")).unwrap();
    repo.commit("seventh");
    let run = push(&["main"]);
    assert!(run.code == 0 && run.stderr.contains("not scanned here: 1 link of the push"), "{run:?}");
    // A changed policy is not run unasked.
    repo.dir.write(".secgate/merge.yaml", POLICY.replace("--out", "--output"));
    assert!(push(&["main"]).stderr.contains("have not been agreed to"));
}

#[test]
fn an_advisory_hook_lets_violations_pass_and_no_error() {
    let repo = Repo::new();
    let remote = Dir::new();
    repo.git(&["init", "-q", "--bare", remote.path().to_str().unwrap()]);
    repo.git(&["remote", "add", "origin", remote.path().to_str().unwrap()]);
    repo.git(&["push", "-q", "-u", "origin", "main"]);
    fs::copy(root().join("ci/hooks/pre-push"), repo.dir.path().join(".git/hooks/pre-push")).unwrap();
    repo.dir.write(
        ".secgate/merge.yaml",
        POLICY.replace("gate: merge\n", "gate: merge\nenforcement: advisory\n"),
    );
    repo.commit("only watched");
    // The gate from before still decides on the change that makes it advisory.
    repo.git(&["push", "-q", "--no-verify", "origin", "main"]);
    repo.dir.write("src/c.py", "SECRET\n");
    repo.commit("a secret");
    agree(&repo);
    let push = || repo.run("git", &["push", "-q", "origin", "main"]);
    // What the scanner of code leaves cannot be read, beside a violation.
    repo.program("fakesemgrep", "#!/bin/sh\nprintf '{\"version\":\"1\",\"results\":[' >\"$2\"\n");
    let run = push();
    assert!(run.code != 0 && run.all().contains("ADVISORY"), "{run:?}");
    repo.program("fakesemgrep", SEMGREP);
    let run = push();
    assert!(run.code == 0 && run.all().contains("ADVISORY"), "{run:?}");
}

/// Agrees to the commands of the policy.
fn agree(repo: &Repo) {
    assert_ne!(repo.scan(&["--yes", "--all"]).code, 2);
}

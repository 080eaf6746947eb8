//! What a diff, git or a report does not show is not unchanged.

use sha2::{Digest, Sha256};

use crate::common::{Dir, Run};

const POLICY: &str = "\
version: 1
gate: merge
base: {from: [diff], without: review}
evidence:
  sast: {category: sast, files: [semgrep.json]}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: fail}
";

/// A repository whose main branch has these files.
fn repository(files: &[(&str, &str)]) -> Dir {
    let files = [&[(".secgate/merge.yaml", POLICY)], files].concat();
    Dir::repository("semgrep.json\nchange.diff\nmade/\n.pointer\n", &files)
}

/// Writes a Semgrep report with one finding in the first line of each file.
fn report(dir: &Dir, paths: &[&str]) {
    let result = |path: &&str| {
        serde_json::json!({"check_id": "eval", "path": path, "start": {"line": 1}, "end": {"line": 1},
            "extra": {"message": "m", "severity": "ERROR", "metadata": {}}})
    };
    let results: Vec<_> = paths.iter().map(result).collect();
    let report = serde_json::json!({"version": "1.0.0", "results": results, "errors": [], "paths": {"scanned": paths}});
    dir.write("semgrep.json", report.to_string());
}

fn check(dir: &Dir, args: &[&str]) -> Run {
    dir.check(&[&["--format", "json", "--no-env"], args].concat())
}

/// The state of each finding.
fn states(run: &Run) -> Vec<String> {
    let json = run.json();
    let list = json["findings"].as_array().unwrap_or_else(|| panic!("{run:?}"));
    list.iter().map(|finding| finding["state"].as_str().unwrap().to_owned()).collect()
}

/// The pointer that Git LFS keeps for a content.
fn pointer(content: &str) -> String {
    let oid = secgate::finding::hex(&Sha256::digest(content));
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", content.len())
}

#[test]
fn an_attribute_that_the_change_adds_makes_no_pointer_an_unchanged_file() {
    const CODE: &str = "eval(x)\n";
    const LFS: &str = "*.py filter=lfs -text\n";
    let pointer = pointer(CODE);
    // Git's own filter stands for that of Git LFS: what lies on disk becomes the pointer.
    let filtered = |dir: &Dir| {
        dir.write(".pointer", &pointer);
        dir.git(&["config", "filter.lfs.clean", "cat .pointer"]);
    };
    for (attributes, args, before) in [
        (".gitattributes", &["--diff-base", "main"][..], false),
        ("src/.gitattributes", &["--diff-base", "main"], false),
        // Above the project's folder, where no path of its diff leads.
        (".gitattributes", &["--diff-base", "main", "--root", "src"], false),
        (".gitattributes", &["--diff-base", "main"], true),
    ] {
        let mut files = vec![("src/a.py", pointer.as_str())];
        files.extend(before.then_some((attributes, LFS)));
        let dir = repository(&files);
        filtered(&dir);
        dir.write(attributes, LFS).write("src/a.py", CODE).write("b.txt", "x");
        dir.commit();
        assert_eq!(dir.git(&["diff", "main", "--", "src/a.py"]), "", "git shows it");
        report(&dir, &[if args.contains(&"--root") { "a.py" } else { "src/a.py" }]);
        let expected = if before { "existing" } else { "new" };
        assert_eq!(states(&check(&dir, args)), [expected], "{attributes} {args:?}");
        // More attributes are no reason to doubt what was there.
        dir.write(attributes, format!("{LFS}*.psd filter=lfs\n"));
        dir.commit();
        assert_eq!(states(&check(&dir, args)), [expected], "{attributes} {args:?}");
    }
}

#[test]
fn an_encoding_that_the_change_declares_is_none_that_was() {
    const ATTRIBUTES: (&str, &str) = (".gitattributes", "*.py working-tree-encoding=UTF-16\n");
    let utf16: Vec<u8> = "\u{feff}eval(x)\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for before in [false, true] {
        let dir = repository(&if before { vec![ATTRIBUTES] } else { vec![("src/a.py", "eval(x)\n")] });
        if before {
            dir.git(&["checkout", "-q", "main"]);
            dir.write("src/a.py", &utf16);
            dir.commit();
            dir.git(&["checkout", "-q", "-B", "change"]);
        }
        dir.write(ATTRIBUTES.0, ATTRIBUTES.1).write("src/a.py", &utf16).write("b.txt", "x");
        dir.commit();
        assert_eq!(dir.git(&["diff", "main", "--", "src/a.py"]), "", "git shows it");
        report(&dir, &["src/a.py"]);
        let expected = if before { "existing" } else { "new" };
        assert_eq!(states(&check(&dir, &["--diff-base", "main"])), [expected]);
    }
}

/// The states under a diff that was saved.
fn by_diff(dir: &Dir, diff: &[&str]) -> Vec<String> {
    dir.write("change.diff", dir.git(&[&["diff"], diff, &["main"]].concat()));
    states(&check(dir, &["--diff", "change.diff"]))
}

#[test]
fn a_saved_diff_speaks_of_nothing_that_git_does_not_track() {
    let dir = repository(&[("src/a.py", "eval(x)\n"), ("b.txt", "x\n")]);
    dir.write("made/a.py", "eval(x)\n").write("left/a.py", "eval(x)\n").write("b.txt", "y\n");
    dir.git(&["commit", "-qam", "more"]);
    let states_of = |path: &str| {
        report(&dir, &[path]);
        by_diff(&dir, &[])
    };
    // Ignored, and left by a job; what is tracked is as old as it was.
    for (path, state) in [("made/a.py", "new"), ("left/a.py", "new"), ("src/a.py", "existing")] {
        assert_eq!(states_of(path), [state], "{path}");
    }
    // Tracked, and other on disk than git shows.
    dir.git(&["update-index", "--assume-unchanged", "src/a.py"]);
    dir.write("src/a.py", "eval(y)\n");
    assert_eq!(states_of("src/a.py"), ["new"]);
    // Without a repository its own files tell what is ignored.
    std::fs::remove_dir_all(dir.path().join(".git")).unwrap();
    for (path, state) in [("made/a.py", "new"), ("src/a.py", "existing")] {
        report(&dir, &[path]);
        assert_eq!(states(&check(&dir, &["--diff", "change.diff"])), [state], "{path}");
    }
}

#[test]
fn a_saved_diff_that_hides_a_submodule_says_nothing_of_it() {
    let library = repository(&[("a.py", "run(x)\n")]);
    let dir = repository(&[("src/a.py", "eval(x)\n"), ("b.txt", "x\n")]);
    let url = library.path().to_string_lossy().into_owned();
    dir.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    dir.git(&["config", "-f", ".gitmodules", "submodule.lib.ignore", "all"]);
    dir.commit();
    dir.git(&["branch", "-f", "main"]);
    library.write("a.py", "eval(x)\n");
    library.commit();
    dir.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--remote", "lib"]);
    dir.write("b.txt", "y\n");
    dir.git(&["add", "-f", "lib", "b.txt"]);
    dir.commit();
    report(&dir, &["lib/a.py", "src/a.py"]);
    for more in [&["--ignore-submodules"][..], &[]] {
        assert_eq!(by_diff(&dir, more), ["new", "existing"], "{more:?}");
    }
    std::fs::remove_dir_all(dir.path().join(".git")).unwrap();
    let without_git = || states(&check(&dir, &["--diff", "change.diff"]));
    assert_eq!(without_git(), ["new", "existing"]);
    // The folder's own repository tells it, too.
    std::fs::remove_file(dir.path().join(".gitmodules")).unwrap();
    assert_eq!(without_git(), ["new", "existing"]);
}

#[test]
fn a_saved_diff_that_adds_an_attribute_vouches_for_no_file_of_it() {
    const CODE: &str = "eval(x)\n";
    const LFS: &str = "*.py filter=lfs -text\n";
    let pointer = pointer(CODE);
    for (before, after, state) in [
        ("*.txt text\n".to_owned(), LFS.to_owned(), "new"),
        ("[attr]large filter=lfs\n".to_owned(), "[attr]large filter=lfs\n*.py large\n".to_owned(), "new"),
        (LFS.to_owned(), format!("{LFS}*.psd filter=lfs -text\n"), "existing"),
    ] {
        let dir = repository(&[("src/a.py", &pointer), (".gitattributes", &before)]);
        dir.write(".pointer", &pointer);
        dir.git(&["config", "filter.lfs.clean", "cat .pointer"]);
        dir.write(".gitattributes", &after).write("src/a.py", CODE);
        dir.commit();
        report(&dir, &["src/a.py"]);
        assert_eq!(by_diff(&dir, &[]), [state], "{after}");
    }
}

/// Writes a SARIF report with one result in the first line of `src/sink.py`, to which data flows by these threads.
fn flows(dir: &Dir, threads: &[&[(&str, u32)]]) {
    let place = |(path, line): &(&str, u32)| serde_json::json!({"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": line}}});
    let step = |at: &(&str, u32)| serde_json::json!({"location": place(at)});
    let flow = |thread: &&[(&str, u32)]| {
        let steps: Vec<_> = thread.iter().map(step).collect();
        serde_json::json!({"threadFlows": [{"locations": steps}]})
    };
    let flows: Vec<_> = threads.iter().map(flow).collect();
    let result = serde_json::json!({"ruleId": "injection", "level": "error", "message": {"text": "m"},
        "locations": [place(&("src/sink.py", 1))], "codeFlows": flows});
    let report = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t", "version": "1",
        "rules": [{"id": "injection", "properties": {"security-severity": "9.0"}}]}}, "results": [result]}]});
    dir.write("semgrep.json", report.to_string());
}

#[test]
fn data_that_comes_from_what_the_change_brings_makes_the_result_new() {
    let dir = repository(&[
        ("src/sink.py", "run(x)\n"),
        ("src/way.py", "def f(x):\n    return x\nother()\n"),
        ("src/old.py", "f(input())\n"),
    ]);
    dir.write("src/new.py", "f(input())\n").write("src/way.py", "def f(x):\n    return str(x)\nother()\n");
    dir.commit();
    dir.write("made/lib.py", "x\n");
    let sink = ("src/sink.py", 1);
    let old: &[_] =
        &[("src/old.py", 1), ("src/way.py", 3), ("made/lib.py", 1), ("usr/lib/python3/os.py", 7), sink];
    let many: Vec<_> = (0..300).map(|_| ("src/old.py", 1)).chain([sink]).collect();
    for (threads, state) in [
        (&[old][..], "existing"),
        // From a new file, also in a second flow; by a line that was changed; in too many steps to look at.
        (&[&[("src/new.py", 1), sink]], "new"),
        (&[old, &[("src/new.py", 1), sink]], "new"),
        (&[&[("src/old.py", 1), ("src/way.py", 2), sink]], "new"),
        (&[many.as_slice()], "new"),
        (&[&[("../other/a.py", 1), sink]], "new"),
    ] {
        flows(&dir, threads);
        assert_eq!(states(&check(&dir, &["--diff-base", "main"])), [state], "{threads:?}");
    }
    // A report of the base settles it, but for data from a file that was not there.
    dir.write(".secgate/merge.yaml", POLICY.replace("[diff]", "[diff, base-report]"));
    flows(&dir, &[old]);
    std::fs::rename(dir.path().join("semgrep.json"), dir.path().join("base.json")).unwrap();
    for (from, state) in [(("src/way.py", 2), "existing"), (("src/new.py", 1), "new")] {
        flows(&dir, &[&[from, sink]]);
        let run = check(&dir, &["--diff-base", "main", "--base-report", "base.json"]);
        assert_eq!(states(&run), [state], "{from:?}");
    }
}

#[test]
fn a_spelling_of_a_path_slips_out_of_no_selector() {
    let dir = Dir::new();
    let rules = "  - {id: one, findings: {category: sast, severity: high, path: \"src/**\"}, then: fail}\n  \
        - {id: two, findings: {category: sast, severity: high, not: {path: \"tests/**\"}}, then: fail}\n";
    let head =
        POLICY.split("rules:\n").next().unwrap().replace("base: {from: [diff], without: review}\n", "");
    dir.write("policy.yaml", format!("{head}rules:\n{rules}"));
    let root = dir.path().canonicalize().unwrap().to_string_lossy().into_owned();
    let outcomes = |path: &str| {
        report(&dir, &[path]);
        let json = check(&dir, &["--policy", "policy.yaml"]).json();
        [0, 1].map(|at| json["rules"][at]["outcome"].as_str().unwrap().to_owned())
    };
    for path in [
        "src/a.py".to_owned(),
        "tests/../src/a.py".to_owned(),
        "tests\\..\\src\\a.py".to_owned(),
        "tests/%2e%2e/src/a.py".to_owned(),
        format!("{root}/src/a.py"),
        format!("file://{root}/tests/../src/a.py"),
        "../elsewhere/tests/a.py".to_owned(),
    ] {
        assert_eq!(outcomes(&path), ["fail", "fail"], "{path}");
    }
    for path in ["tests/a.py".to_owned(), format!("{root}/tests/a.py")] {
        assert_eq!(outcomes(&path), ["pass", "pass"], "{path}");
    }
}

/// A policy of one rule that also compares with reports of the base, with more besides its rules.
fn by_reports(evidence: &str, findings: &str, more: &str) -> String {
    format!(
        "version: 1\ngate: merge\nbase: {{from: [diff, base-report, baseline], without: review}}\n{more}evidence:\n  \
         all: {evidence}\nrules:\n  - {{id: one, findings: {findings}, then: fail}}\n"
    )
}

#[test]
fn a_rename_excuses_no_rule_that_did_not_hold_at_the_old_path() {
    let known = "{category: sast, severity: high, state: new";
    let map = "severity: {map: [{path: \"tests/**\", as: low, reason: tests}]}\n";
    for (rule, more, outcome) in [
        (format!("{known}}}"), "", "pass"),
        (format!("{known}, path: \"src/**\"}}"), "", "fail"),
        (format!("{known}, not: {{path: \"tests/**\"}}}}"), "", "fail"),
        (format!("{known}, path: [\"src/**\", \"tests/**\"]}}"), "", "pass"),
        (format!("{known}}}"), map, "fail"),
        ("{category: sast, severity: low, state: new}".to_owned(), map, "pass"),
    ] {
        let dir = repository(&[("tests/x.py", "eval(a)\nb\nc\nd\n")]);
        let policy = by_reports("{category: sast, files: [semgrep.json]}", &rule, more);
        dir.write(".secgate/merge.yaml", policy);
        dir.commit();
        dir.git(&["branch", "-f", "main"]);
        report(&dir, &["tests/x.py"]);
        dir.write("made/base.json", dir.read("semgrep.json")).write("src/y.py", "y\n");
        dir.git(&["mv", "tests/x.py", "src/x.py"]);
        dir.commit();
        report(&dir, &["src/x.py"]);
        let run = check(&dir, &["--diff-base", "main", "--base-report", "made/base.json"]);
        assert_eq!(run.json()["rules"][0]["outcome"], outcome, "{rule} {more} {run:?}");
        assert_eq!(run.json()["base"]["findings"]["existing"], 1, "{rule} {more} {run:?}");
    }
}

/// A report of Trivy with one vulnerable package and, for development or not, the list of packages.
fn trivy(development: bool, version: &str, vulnerable: bool) -> String {
    let id = format!("lodash@{version}");
    let named = serde_json::json!({"PURL": format!("pkg:npm/{id}")});
    let one = serde_json::json!({"VulnerabilityID": "CVE-2021-23337", "PkgID": id, "PkgName": "lodash",
        "PkgIdentifier": named, "InstalledVersion": version, "FixedVersion": "4.17.21", "Status": "fixed",
        "Severity": "HIGH", "Title": "t"});
    let found = if vulnerable { vec![one] } else { Vec::new() };
    serde_json::json!({"SchemaVersion": 2, "CreatedAt": "2026-06-01T10:00:00Z", "ArtifactName": ".",
        "ArtifactType": "filesystem", "Results": [{"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm",
        "Packages": [{"ID": id, "Name": "lodash", "Version": version, "Dev": development, "Identifier": named}],
        "Vulnerabilities": found}]})
    .to_string()
}

#[test]
fn what_was_for_development_is_not_the_same_in_production() {
    const NOW: &str = "4.17.20";
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        by_reports(
            "{category: vulnerability, files: [trivy.json]}",
            "{category: vulnerability, severity: high}",
            "",
        ),
    );
    for (before, now, state) in [
        (trivy(true, NOW, true), trivy(false, NOW, true), "new"),
        (trivy(true, "4.17.19", true), trivy(false, NOW, true), "new"),
        // Nobody reported it, and the package was there for development only.
        (trivy(true, NOW, false), trivy(false, NOW, true), "new"),
        (trivy(true, NOW, false), trivy(true, NOW, true), "newly_disclosed"),
        (trivy(false, NOW, false), trivy(false, NOW, true), "newly_disclosed"),
        (trivy(true, NOW, true), trivy(true, NOW, true), "existing"),
        (trivy(true, "4.17.19", true), trivy(true, NOW, true), "existing"),
        (trivy(false, NOW, true), trivy(true, NOW, true), "existing"),
        (trivy(false, "4.17.19", true), trivy(false, NOW, true), "existing"),
    ] {
        dir.write("base.json", &before).write("trivy.json", &now);
        let by_report = check(&dir, &["--policy", "policy.yaml", "--base-report", "base.json"]);
        assert_eq!(states(&by_report), [state], "{before} {now}");
        if state == "newly_disclosed" || !before.contains("CVE") {
            continue;
        }
        let written = dir.run(&["baseline", "write", "--output", "baseline.jsonl", "base.json"]);
        assert_eq!(written.code, 0, "{written:?}");
        let by_file = check(&dir, &["--policy", "policy.yaml", "--baseline", "baseline.jsonl"]);
        assert_eq!(states(&by_file), [state], "{before} {now}");
    }
}

#[test]
fn of_several_merge_bases_none_is_chosen_for_its_date() {
    for (first, second) in [("2026-05-02", "2026-05-01"), ("2026-05-01", "2026-05-02")] {
        let dir = repository(&[("src/a.py", "safe(x)\nb\n")]);
        let commit_at = |branch: &str, text: &str, day: &str| {
            dir.git(&["checkout", "-q", "-b", branch, "main"]);
            dir.write("src/a.py", text);
            let output = std::process::Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qam", branch])
                .env("GIT_COMMITTER_DATE", format!("{day}T00:00:00Z"))
                .current_dir(dir.path())
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        commit_at("one", "eval(x)\nb\n", first);
        commit_at("two", "safe(x)\nc\n", second);
        dir.git(&["checkout", "-q", "-B", "main", "two"]);
        dir.git(&["merge", "-q", "-s", "ours", "-m", "m", "one"]);
        dir.git(&["checkout", "-q", "-B", "change", "one"]);
        dir.git(&["merge", "-q", "-s", "ours", "-m", "m", "two"]);
        assert_eq!(dir.git(&["merge-base", "--all", "main", "change"]).lines().count(), 2);
        report(&dir, &["src/a.py"]);
        assert_eq!(states(&check(&dir, &["--diff-base", "main"])), ["new"], "{first}");
    }
}

#[test]
fn what_some_readers_take_for_the_end_of_a_line_leaves_no_line_alone() {
    let of_byte = |byte: u8| [b"y", &[byte][..], b"eval(x)\nq\n"].concat();
    for (text, state) in [
        (of_byte(0x1c), "new"),
        (of_byte(0x1d), "new"),
        (of_byte(0x1e), "new"),
        (of_byte(0x85), "new"),
        (b"y = 1\nq\n".to_vec(), "existing"),
    ] {
        let dir = repository(&[("src/a.py", "y\nq\n")]);
        dir.write("src/a.py", &text);
        dir.commit();
        report(&dir, &["src/a.py"]);
        dir.write("semgrep.json", dir.read("semgrep.json").replace("{\"line\":1}", "{\"line\":2}"));
        assert_eq!(states(&check(&dir, &["--diff-base", "main"])), [state], "{text:?}");
    }
}

#[test]
fn a_path_from_within_a_touched_submodule_or_link_is_no_unchanged_file() {
    let library = repository(&[("app.py", "run(x)\n"), ("deep/b.py", "run(x)\n")]);
    let dir = repository(&[("app.py", "x\n"), ("b.py", "x\n"), ("other.py", "x\n")]);
    let file = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    let url = library.path().to_string_lossy().into_owned();
    dir.git(&[&file[..], &["add", &url, "sub"]].concat());
    dir.commit();
    dir.git(&["branch", "-f", "main"]);
    report(&dir, &["app.py", "b.py", "other.py"]);
    library.write("app.py", "eval(x)\n");
    library.commit();
    dir.git(&[&file[..], &["update", "--remote", "sub"]].concat());
    dir.commit();
    assert_eq!(states(&check(&dir, &["--diff-base", "main"])), ["new", "new", "existing"]);
    // A folder elsewhere that a new link leads to.
    dir.git(&["checkout", "-qf", "main"]);
    std::fs::remove_dir_all(dir.path().join("sub")).unwrap();
    dir.git(&["rm", "-q", "--cached", "sub"]);
    dir.commit();
    dir.git(&["checkout", "-qb", "link"]);
    std::os::unix::fs::symlink(library.path(), dir.path().join("linked")).unwrap();
    dir.commit();
    assert_eq!(states(&check(&dir, &["--diff-base", "main"])), ["new", "new", "existing"]);
}

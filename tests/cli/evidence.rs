//! Which file is evidence for what: a file serves every entry that names it, and nothing is passed over in silence.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{Dir, Run, SAST_POLICY, semgrep};

/// A Trivy report with one critical vulnerability.
fn trivy() -> String {
    json!({
        "SchemaVersion": 2, "CreatedAt": "2026-05-31T00:00:00Z", "ArtifactName": ".", "ArtifactType": "filesystem",
        "Trivy": {"Version": "0.74.0"},
        "Results": [{"Target": "pom.xml", "Class": "lang-pkgs", "Type": "pom", "Vulnerabilities": [{
            "VulnerabilityID": "CVE-2026-1", "PkgName": "a:b", "InstalledVersion": "1", "FixedVersion": "2", "Severity": "CRITICAL",
        }]}],
    })
    .to_string()
}

/// A `CycloneDX` document with one component and one critical vulnerability.
fn bom() -> String {
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "components": [{"bom-ref": "c", "type": "library", "name": "b", "version": "1", "purl": "pkg:maven/a/b@1",
            "licenses": [{"license": {"id": "MIT"}}]}],
        "vulnerabilities": [{"bom-ref": "v", "id": "CVE-2026-1", "ratings": [{"severity": "critical"}], "affects": [{"ref": "c"}]}],
    })
    .to_string()
}

fn check(dir: &Dir, policy: &str, args: &[&str]) -> Run {
    dir.write("policy.yaml", policy);
    dir.check(&[&["--no-env", "--format", "json", "--policy", "policy.yaml"], args].concat())
}

/// The entries with the files that were read for them, and their status.
fn read_for(run: &Run) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = run.json()["evidence"].as_array().unwrap().clone();
    told.iter()
        .map(|e| format!("{} {} {}", text(&e["entry"]), text(&e["path"]), text(&e["status"])))
        .collect()
}

fn outcome(run: &Run, rule: &str) -> String {
    let rules = run.json()["rules"].as_array().unwrap().clone();
    rules.iter().find(|r| r["id"] == rule).unwrap()["outcome"].as_str().unwrap().to_owned()
}

const DEPS: &str = "\
version: 1
gate: merge
evidence:
  deps: {category: vulnerability, files: [trivy.json]}
rules:
  - {id: critical, findings: {category: vulnerability, severity: critical}, then: fail}
";

#[test]
fn a_report_that_a_document_names_too_is_read_for_both() {
    let dir = Dir::new();
    dir.write("trivy.json", trivy());
    let policy = DEPS.replace("rules:\n", "  meta: {document: json, files: [trivy.json]}\nrules:\n")
        + "  - {id: scanner, document: {name: meta, require: {\"$.Trivy.Version\": \"0.74.0\"}}, then: fail}\n";
    for args in
        [&[][..], &["trivy.json"], &["--evidence", "deps=trivy.json"], &["--document", "meta=trivy.json"]]
    {
        let run = check(&dir, &policy, args);
        assert_eq!(run.code, 1, "{args:?} {run:?}");
        assert_eq!(
            (outcome(&run, "critical"), outcome(&run, "scanner")),
            ("fail".into(), "pass".into()),
            "{args:?}"
        );
        assert_eq!(read_for(&run), ["deps trivy.json complete", "meta trivy.json complete"], "{args:?}");
    }
}

#[test]
fn one_file_is_scan_and_sbom() {
    let dir = Dir::new();
    dir.write("bom.cdx.json", bom());
    let policy = DEPS
        .replace("trivy.json]}\n", "bom.cdx.json]}\n  bom: {document: sbom, files: [bom.cdx.json]}\n")
        + "  - {id: licences, sbom: {names_subject: false, licenses: {deny: [AGPL-3.0-only], unknown: review}}, then: fail}\n";
    let run = check(&dir, &policy, &[]);
    assert_eq!((run.code, outcome(&run, "licences").as_str()), (1, "pass"), "{run:?}");
    // The same from a bundle, without the files.
    let run = check(&dir, &policy, &["--bundle", "b.tar"]);
    assert_eq!(run.code, 1);
    let again = dir.run(&["verify", "--recompute", "b.tar"]);
    assert!(again.all().contains("the same verdict byte for byte"), "{again:?}");
}

#[test]
fn an_optional_entry_with_a_wide_glob_takes_no_report_away() {
    let dir = Dir::new();
    dir.write("trivy.json", trivy());
    for more in [
        "notes: {document: json, files: [\"*.json\"], required: false}",
        "kev: {feed: kev, files: [\"*.json\"], required: false}",
    ] {
        let run = check(&dir, &DEPS.replace("rules:\n", &format!("  {more}\nrules:\n")), &[]);
        assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{more}: {run:?}");
    }
}

#[test]
fn a_report_that_was_given_is_one_though_only_a_document_names_it() {
    let dir = Dir::new();
    dir.write("trivy.json", clean_trivy())
        .write("more/scan.json", trivy())
        .write("more/notes.json", "{\"ready\": true}");
    let policy =
        DEPS.replace("rules:\n", "  notes: {document: json, files: [\"*.json\"], required: false}\nrules:\n");
    let run = check(&dir, &policy, &["trivy.json", "more"]);
    assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{run:?}");
    assert_eq!(
        read_for(&run),
        [
            "- more/scan.json complete",
            "deps trivy.json complete",
            "notes more/notes.json complete",
            "notes more/scan.json complete",
            "notes trivy.json complete"
        ]
    );
}

/// A clean Trivy report.
fn clean_trivy() -> String {
    let mut report: Value = serde_json::from_str(&trivy()).unwrap();
    report["Results"][0]["Vulnerabilities"] = json!([]);
    report.to_string()
}

#[test]
fn a_rule_whose_required_entry_is_not_there_fails() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&[]));
    let run = check(&dir, &DEPS.replace("trivy.json", "scan.json"), &["semgrep.json"]);
    assert_eq!((run.code, outcome(&run, "critical").as_str()), (1, "fail"), "{run:?}");
}

const CODE: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [\"reports/**/*.json\"]}
rules:
  - {id: s, findings: {category: sast, severity: high}, then: fail}
";

#[test]
#[cfg(unix)]
fn hidden_linked_and_oddly_named_reports_are_read() {
    use std::os::unix::fs::symlink;

    let bad = semgrep(&["ERROR"]);
    for kind in [
        "plain",
        "linked folder",
        "linked file",
        "hidden file",
        "hidden folder",
        "receipt's name",
        "folder that links to itself",
    ] {
        let dir = Dir::new();
        dir.write("reports/a.json", semgrep(&[])).write("real/b.json", &bad);
        let path = |name: &str| dir.path().join(name);
        match kind {
            "plain" => drop(dir.write("reports/sub/b.json", &bad)),
            "linked folder" => symlink("../real", path("reports/sub")).unwrap(),
            "linked file" => symlink("../real/b.json", path("reports/b.json")).unwrap(),
            "hidden file" => drop(dir.write("reports/.b.json", &bad)),
            "hidden folder" => drop(dir.write("reports/.b/b.json", &bad)),
            "receipt's name" => drop(dir.write("reports/a.json.receipt.json", &bad)),
            _ => {
                symlink(".", path("reports/loop")).unwrap();
                symlink("..", path("reports/up")).unwrap();
                dir.write("reports/b.json", &bad);
            }
        }
        for args in [&["reports"][..], &[]] {
            let run = check(&dir, CODE, args);
            assert_eq!((run.code, outcome(&run, "s").as_str()), (1, "fail"), "{kind} {args:?}: {run:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn what_is_left_out_of_a_folder_is_told_with_the_reason() {
    let dir = Dir::new();
    dir.write("reports/a.json", semgrep(&[]))
        .write("reports/main.py", "x = 1\n")
        .write("reports/lib/util.py", "y = 2\n")
        .write("reports/package.json", "{\"name\": \"shop\"}")
        .write("reports/.git/config", "[core]\n")
        .write("reports/.secgate/b.json", semgrep(&["ERROR"]))
        .write("reports/verdict.json", "{\"schema\": \"secgate/verdict/v1\"}");
    std::os::unix::fs::symlink(".", dir.path().join("reports/loop")).unwrap();
    let policy = CODE.replace("reports/**/*.json", "a.json");
    let run = check(&dir, &policy, &["reports"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        read_for(&run),
        [
            "sast reports/a.json complete",
            "- reports/.git ignored",
            "- reports/.secgate ignored",
            "- reports/loop ignored",
            "- reports ignored",
            "- reports ignored"
        ]
    );
    let messages = run.json()["evidence"].to_string();
    for part in [
        "a folder of version control",
        "3 files left out (2 .py, 1 .json)",
        "a link to a folder that it lies in",
        "secgate's own files",
    ] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    for format in ["text", "markdown", "html", "junit", "sarif"] {
        let told = dir.check(&["--no-env", "--policy", "policy.yaml", "--format", format, "reports"]).stdout;
        assert!(told.contains("3 files left out"), "{format}: {told}");
    }
    // A bundle says the same.
    assert_eq!(check(&dir, &policy, &["reports", "--bundle", "b.tar"]).code, 0);
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
}

#[test]
fn what_cannot_be_told_in_a_folder_is_unreadable() {
    for (name, text) in [
        ("b.json", "Traceback (most recent call last)"),
        ("b.json", "{\"results\": ["),
        ("b.json", "{\"note\": \"\\ud800\", \"results\": [{\"a\": 1}]} trailing"),
        ("b.sarif", ""),
        ("b", "{\"results\": [{"),
        ("b.txt", "[{\"cut\": "),
    ] {
        let dir = Dir::new();
        dir.write("reports/a.json", semgrep(&[])).write(&format!("reports/{name}"), text);
        let run = check(&dir, &CODE.replace("reports/**/*.json", "a.json"), &["reports"]);
        assert_eq!(run.code, 2, "{name} {text}: {run:?}");
    }
}

#[test]
fn a_whole_project_can_be_given() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR"]))
        .write("src/main.rs", "fn main() {}\n")
        .write("tsconfig.json", "{\n  // comments are allowed\n}\n")
        .write("Makefile", "all:\n")
        .write("logo.png", [0x89, b'P', b'N', b'G', 0, 1, 2, 3])
        .write("pom.xml", "<project/>")
        .write(".gitignore", "target\n")
        .write("empty/__init__.py", "")
        .write("LICENSE", "MIT\n");
    let run = check(&dir, &CODE.replace("reports/**/*.json", "semgrep.json"), &["."]);
    assert_eq!((run.code, outcome(&run, "s").as_str()), (1, "fail"), "{run:?}");
    let ignored = read_for(&run).iter().filter(|line| line.ends_with("ignored")).count();
    assert_eq!(ignored, 1, "{:?}", read_for(&run));
}

const CODE_GLOB: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [\"reports/*\"]}
rules:
  - {id: s, findings: {category: sast, severity: high}, then: fail}
";

#[test]
fn what_secgate_wrote_is_never_counted_twice() {
    let dir = Dir::new();
    dir.write("reports/a.json", semgrep(&["ERROR"])).write("policy.yaml", CODE_GLOB);
    dir.write("other.yaml", CODE_GLOB.replace("reports/*", "reports/a.json"));
    let mut args = vec!["--no-env", "--policy", "other.yaml", "--bundle", "reports/b.tar"];
    let outputs: Vec<String> = [
        ("sarif", "s.sarif"),
        ("json", "v.json"),
        ("junit", "j.xml"),
        ("codequality", "c.json"),
        ("html", "h.html"),
        ("dotenv", "d.env"),
        ("text", "t.txt"),
    ]
    .iter()
    .map(|(format, name)| format!("{format}=reports/{name}"))
    .collect();
    for output in &outputs {
        args.extend(["--output", output]);
    }
    assert_eq!(dir.check(&args).code, 1);
    assert_eq!(
        dir.run(&["baseline", "write", "reports/a.json", "--output", "reports/baseline.json"]).code,
        0
    );
    let listed = dir.run(&["findings", "--format", "sarif", "reports/a.json"]).stdout;
    dir.write("reports/findings.sarif", listed);
    for given in [&[][..], &["reports"]] {
        let run = check(&dir, CODE_GLOB, given);
        assert_eq!((run.code, outcome(&run, "s").as_str()), (1, "fail"), "{run:?}");
        assert_eq!(run.json()["findings_total"], 1, "{run:?}");
        let (read, left): (Vec<String>, Vec<String>) =
            read_for(&run).into_iter().partition(|line| !line.ends_with("ignored"));
        assert_eq!(read, ["sast reports/a.json complete"], "{given:?}");
        assert_eq!(left.len(), 10, "{given:?}: {left:?}");
    }
    // Where it alone is there, there is no report; named outright it is one.
    dir.write("own/s.sarif", dir.read("reports/s.sarif"));
    let run = check(&dir, &CODE_GLOB.replace("reports/*", "own/*"), &[]);
    assert_eq!(read_for(&run), ["- own/s.sarif ignored", "sast - absent"], "{run:?}");
    let run = check(&dir, &CODE_GLOB.replace("reports/*", "own/s.sarif"), &[]);
    assert_eq!(read_for(&run), ["sast own/s.sarif complete"], "{run:?}");
}

#[test]
fn what_a_glob_names_and_is_left_out_is_listed() {
    let dir = Dir::new();
    dir.write("reports/a.json", semgrep(&[])).write("reports/.git/config.json", "{}").write(".git/HEAD", "x");
    std::os::unix::fs::symlink(".", dir.path().join("reports/loop")).unwrap();
    let run = check(&dir, &CODE_GLOB.replace("reports/*", "**/*.json"), &[]);
    assert_eq!(
        read_for(&run),
        ["sast reports/a.json complete", "- reports/.git ignored", "- reports/loop ignored"],
        "{run:?}"
    );
}

#[test]
fn what_is_left_out_of_a_folder_of_the_base_is_listed() {
    let dir = Dir::new();
    let base = "base: {from: base-report, without: review}\nrules:\n";
    dir.write("reports/a.json", semgrep(&["ERROR"]))
        .write("main/a.json", semgrep(&["ERROR"]))
        .write("main/readme.md", "text");
    let run = check(&dir, &CODE_GLOB.replace("rules:\n", base), &["reports", "--base-report", "main"]);
    assert_eq!(read_for(&run), ["sast reports/a.json complete", "- main ignored"], "{run:?}");
    assert!(run.stdout.contains("of the base: 1 file left out (1 .md)"), "{run:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// For every entry and file, a file that the entry names was read or is listed.
    #[test]
    fn what_an_entry_names_was_read_or_is_listed(
        files in prop::collection::btree_map("(\\.?[ab]|é b|-|\\[x|loop|\\.git|\\.secgate)(/(\\.?[ab]|r)){0,2}(\\.json|\\.sarif|\\.md)?", 0..5_u8, 1..6),
        links in prop::collection::btree_map("[ab](/l)?", "(\\.|a|b|\\.git|nowhere)", 0..3),
        globs in prop::collection::vec("(\\*\\*/|a/|\\*/|\\.git/)?(\\*|\\*\\.json|a\\*|\\*\\*)", 1..3),
        given in any::<bool>(),
    ) {
        let dir = Dir::new();
        let own = "{\"schema\": \"secgate/verdict/v1\"}";
        for (name, kind) in &files {
            let path = dir.path().join(name);
            let text = match kind {
                0 => semgrep(&[]),
                1 => semgrep(&["ERROR"]),
                2 => own.to_owned(),
                3 => "# text".to_owned(),
                _ => "{\"unknown\": 1}".to_owned(),
            };
            // A name may be a file and a folder, of which the first stays.
            if std::fs::create_dir_all(path.parent().unwrap()).is_ok() {
                let _ = std::fs::write(&path, text);
            }
        }
        for (name, target) in &links {
            let _ = std::os::unix::fs::symlink(target, dir.path().join(name));
        }
        let quoted: Vec<String> = globs.iter().map(|glob| format!("\"{glob}\"")).collect();
        let policy = CODE_GLOB.replace("\"reports/*\"", &quoted.join(", "));
        let run = check(&dir, &policy, if given { &["."] } else { &[] });
        prop_assert!(run.stdout.starts_with('{'), "{run:?}");
        let told: Vec<(String, bool)> = run.json()["evidence"].as_array().unwrap().iter()
            .map(|e| (e["path"].as_str().unwrap_or("-").trim_start_matches("./").to_owned(), e["status"] == "ignored"))
            .collect();
        for (path, real) in named(dir.path(), &globs) {
            if path == "policy.yaml" {
                continue;
            }
            let is_told = told.iter().any(|(name, ignored)| {
                *name == path
                    || std::fs::canonicalize(dir.path().join(name)).is_ok_and(|other| other == real)
                    // A folder, or a line for many files.
                    || *ignored && (path.starts_with(&format!("{name}/")) || *name == "." || globs.contains(name))
            });
            prop_assert!(is_told, "{path} {globs:?} {told:?} {run:?}");
        }
    }
}

/// The files below a folder that globs name, as a shell with `dotglob` and `globstar` has it, links to folders followed
/// but once; each with its path without links.
fn named(top: &Path, globs: &[String]) -> Vec<(String, PathBuf)> {
    let (mut found, mut folders) = (Vec::new(), vec![(top.to_owned(), 0)]);
    while let Some((folder, links)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let links = links + u32::from(path.is_symlink());
            if path.is_dir() {
                if links < 2 {
                    folders.push((path, links));
                }
                continue;
            }
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            if globs.iter().any(|glob| matches(glob, &name)) {
                let real = std::fs::canonicalize(&path).unwrap_or(path);
                found.push((name, real));
            }
        }
    }
    found
}

/// Whether a glob of the few forms above names a path; one without `/` names a file of that name.
fn matches(glob: &str, path: &str) -> bool {
    fn parts(glob: &[&str], path: &[&str]) -> bool {
        match (glob, path) {
            ([], []) => true,
            (["**"], _) => !path.is_empty(),
            (["**", rest @ ..], _) => {
                parts(rest, path) || path.split_first().is_some_and(|(_, path)| parts(glob, path))
            }
            ([one, glob @ ..], [name, path @ ..]) => part(one, name) && parts(glob, path),
            _ => false,
        }
    }
    fn part(glob: &str, name: &str) -> bool {
        match glob.split_once('*') {
            Some((begin, end)) => {
                name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
            }
            None => glob == name,
        }
    }
    let (glob, path): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), path.split('/').collect());
    parts(&glob, &path)
}

#[test]
fn a_given_folder_without_files_is_listed() {
    let dir = Dir::new();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&[]));
    std::fs::create_dir(dir.path().join("reports")).unwrap();
    let run = dir.check(&["--policy", "policy.yaml", "semgrep.json", "reports", "--format", "json"]);
    let evidence = run.json()["evidence"].clone();
    let folder = evidence.as_array().unwrap().iter().find(|one| one["path"] == "reports").unwrap();
    assert_eq!(folder["status"], "ignored", "{evidence}");
    assert!(folder["message"].as_str().unwrap().contains("a folder without files"), "{evidence}");
}

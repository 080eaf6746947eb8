//! Packed reports, copies of a report, and findings written in another format.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{Dir, SAST_POLICY, fixture, root, semgrep};

fn gzip(raw: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(raw).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_gzip_report_is_read_whatever_its_name() {
    let dir = Dir::new();
    let packed = gzip(semgrep(&["ERROR"]).as_bytes());
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", &packed).write("reports/a.gz", &packed);
    let run = dir.check(&["--policy", "policy.yaml", "--format", "json"]);
    let json = run.json();
    assert_eq!((run.code, &json["verdict"]), (1, &"fail".into()), "{run:?}");
    let evidence = &json["evidence"][0];
    assert_eq!(evidence["bytes"], packed.len());
    assert_eq!((&evidence["status"], &evidence["format"]), (&"complete".into(), &"semgrep".into()));
    let listed = dir.run(&["findings", "--format", "json", "reports"]).json();
    assert_eq!(listed["findings"].as_array().unwrap().len(), 1);
    assert_eq!(listed["evidence"][0]["sha256"], evidence["sha256"]);
    let output = dir.command().args(["findings", "-"]).write_stdin(packed).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("rule-0"));
}

#[test]
fn a_packed_file_that_is_not_whole_is_an_error() {
    let packed = gzip(semgrep(&["INFO"]).as_bytes());
    let mut checksum = packed.clone();
    let at = checksum.len() - 5;
    checksum[at] ^= 1;
    let blanks = gzip(&vec![b' '; 20 << 20]);
    let mut open = vec![b'\n'; 100 << 20];
    open[..12].copy_from_slice(b"{\"results\":[");
    let bomb = gzip(&open);
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(&str, Vec<u8>, &str); 11] = [
        ("cut", packed[..packed.len() / 2].to_vec(), "gzip that cannot be unpacked: it ends too early"),
        ("no trailer", packed[..packed.len() - 8].to_vec(), "ends too early"),
        ("checksum", checksum, "checksum"),
        ("garbage after it", [&packed[..], b"x"].concat(), "something follows"),
        ("a second document", [packed.clone(), gzip(b"{}")].concat(), "follows the end"),
        ("nothing in it", gzip(b""), "is empty"),
        ("gzip twice", gzip(&packed), "gzip within gzip"),
        ("tar in it", gzip(&tar), "tar archive"),
        ("zstd", b"\x28\xb5\x2f\xfd\0".to_vec(), "zstd"),
        ("blanks", blanks, "unreadable"),
        ("a bomb", bomb, "more than 200 times"),
    ];
    for (name, bytes, words) in cases {
        let dir = Dir::new();
        dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", bytes);
        for args in [
            &["--policy", "policy.yaml"][..],
            &["--policy", "policy.yaml", "--input", "semgrep=semgrep.json"],
        ] {
            let run = dir.check(args);
            assert_eq!(run.code, 2, "{name}: {run:?}");
            assert!(run.stdout.contains(words), "{name}: {}", run.stdout);
        }
    }
}

#[test]
fn the_cap_on_a_report_is_on_what_is_unpacked() {
    let dir = Dir::new();
    let report = semgrep(&vec!["ERROR"; 1000]);
    let packed = gzip(report.as_bytes());
    assert!(packed.len() * 4 < report.len());
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", &packed);
    let max = (packed.len() * 2).to_string();
    let run = dir.check(&["--policy", "policy.yaml", "--max-report", &max]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stdout.contains("unpacked, is over the limit"), "{}", run.stdout);
}

#[test]
fn copies_of_a_report_are_named_and_both_count() {
    let dir = Dir::new();
    let policy = SAST_POLICY
        .replace("[semgrep.json]", "[semgrep.json, a.json]")
        .replace("rules:", "  also: {category: sast, files: [semgrep.json]}\nrules:");
    dir.write("policy.yaml", policy)
        .write("a.json", semgrep(&["ERROR"]))
        .write("semgrep.json", semgrep(&["ERROR"]))
        .write("other.json", semgrep(&["INFO"]));
    let args = &["--policy", "policy.yaml", "semgrep.json", "a.json", "other.json"];
    let run = dir.check(&[&args[..], &["--format", "json"]].concat());
    let json = run.json();
    assert_eq!((run.code, &json["findings_total"]), (1, &3.into()), "{run:?}");
    let copies = |json: &Value| -> Vec<(String, Option<String>)> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        json["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (text(&e["path"]).unwrap(), text(&e["copy_of"])))
            .collect()
    };
    let named = |path: &str, copy: Option<&str>| (path.to_owned(), copy.map(str::to_owned));
    // `semgrep.json` stands for two entries.
    let (other, a, copy) =
        (named("other.json", None), named("a.json", None), named("semgrep.json", Some("a.json")));
    assert_eq!(copies(&json), [a.clone(), other.clone(), copy.clone(), copy.clone()]);
    let text = dir.check(args).stdout;
    assert_eq!(text.matches("identical to a.json, byte for byte; both count").count(), 2, "{text}");

    let files = ["a.json", "other.json", "semgrep.json"];
    let json = dir.run(&[&["findings", "--format", "json"], &files[..]].concat()).json();
    assert_eq!(copies(&json), [a, other, copy]);
    assert_eq!(json["findings"].as_array().unwrap().len(), 3);
    let table = dir.run(&[&["findings"], &files[..]].concat()).stdout;
    assert!(table.contains("semgrep.json: semgrep, 1 findings, the same file as a.json"), "{table}");
    let single = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json"]).json();
    assert!(copies(&single).iter().all(|(_, copy)| copy.is_none()), "{single}");
}

/// Every fixture, and reports of every severity and state, as paths.
fn reports(dir: &Dir) -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|n| n != "app") {
                collect(&path, found);
            } else if path.extension().is_some_and(|e| e != "md" && e != "py" && e != "sh" && e != "txt") {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    let mut files = Vec::new();
    collect(&root().join("fixtures"), &mut files);
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    let severities = ["CRITICAL", "ERROR", "WARNING", "LOW", "INFO", "nonsense"];
    let odd = semgrep(&severities)
        .replace("src/a1.py", "a:b/ü c\\u202e%41?#[x]\\\\.py")
        .replace("message 2", "[click](javascript:alert(1)) {0} <b>")
        .replace("message 3", "")
        .replace("rule-4", "")
        .replace(r#""line":1}"#, r#""line":0}"#)
        .replacen(r#""metadata":{}"#, r#""metadata":{"cwe":["CWE-89: x","CWE-1004"]},"is_ignored":true"#, 1);
    let incomplete = semgrep(&severities).replace(
        r#""errors":[]"#,
        r#""errors":[{"type":"Timeout","level":"warn","message":"took too long","path":"src/a b.py"}]"#,
    );
    let jsonl = fs::read(fixture("trufflehog/v3.jsonl")).unwrap();
    dir.write("odd.json", odd)
        .write("incomplete.json", incomplete)
        .write("a:b/Ü -[x].json", semgrep(&["ERROR"]))
        .write("broken.json", "{\"results\":[")
        .write("lines-broken.jsonl", [&jsonl[..], b"{\"cut"].concat());
    for name in ["odd.json", "incomplete.json", "a:b/Ü -[x].json", "broken.json", "lines-broken.jsonl"] {
        files.push(dir.path().join(name).to_str().unwrap().to_owned());
    }
    files
}

fn sarif(dir: &Dir, files: &[&str]) -> Value {
    let run = dir.run(&[&["findings", "--format", "sarif"], files].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

/// Reads a schema and files of a document each; names what does not fit.
pub(crate) const VALIDATE: &str = "
import json, sys, jsonschema
validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])), format_checker=jsonschema.FormatChecker())
for name in sys.argv[2:]:
    for error in validator.iter_errors(json.load(open(name))):
        print(name, list(error.absolute_path), error.message[:200])
";

#[test]
fn sarif_is_valid_by_the_schema_of_oasis() {
    let there = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("SECGATE_DEMAND_JSONSCHEMA").is_none(), "no python3 with jsonschema");
        eprintln!("skipped: no python3 with the package jsonschema");
        return;
    }
    let dir = Dir::new();
    let files = reports(&dir);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut written = vec!["all.sarif".to_owned()];
    dir.write("all.sarif", sarif(&dir, &files).to_string());
    for (n, file) in files.iter().enumerate() {
        written.push(format!("{n}.sarif"));
        dir.write(&written[n + 1], sarif(&dir, &[file]).to_string());
    }
    let validate = |names: &[String]| {
        let schema = root().join("tests/schemas/sarif-2.1.0.json");
        let mut command = Command::new("python3");
        let output =
            command.args(["-c", VALIDATE]).arg(schema).args(names).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(validate(&written), "");
    // The judge itself is awake.
    dir.write("wrong.sarif", dir.read("all.sarif").replace("\"ruleIndex\":0", "\"ruleIndex\":-7"));
    assert!(validate(&["wrong.sarif".to_owned()]).contains("ruleIndex"));
}

/// Counts over all evidence of a listing in JSON, without those of files that are no reports.
fn counts(listed: &Value) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for evidence in listed["evidence"].as_array().unwrap() {
        for (name, n) in evidence["findings"].as_object().unwrap() {
            *all.entry(name.clone()).or_default() += n.as_u64().unwrap();
        }
    }
    all
}

#[test]
fn sarif_holds_every_finding_once() {
    let dir = Dir::new();
    for file in reports(&dir) {
        let json = dir.run(&["findings", "--format", "json", &file]).json();
        let counts = counts(&json);
        let sarif = sarif(&dir, &[&file]);
        let results: Vec<&Value> = sarif["runs"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|r| r["results"].as_array().into_iter().flatten())
            .collect();
        let suppressed = |result: &&&Value| result["suppressions"].as_array().is_some_and(|s| !s.is_empty());
        assert_eq!(results.iter().filter(suppressed).count() as u64, counts["suppressed"], "{file}");
        let active: Vec<&&Value> = results.iter().filter(|r| !suppressed(r)).collect();
        assert_eq!(active.len() as u64, counts["total"], "{file}");
        for severity in ["critical", "high", "medium", "low", "info", "unknown"] {
            let of = active.iter().filter(|r| r["properties"]["severity"] == severity).count();
            assert_eq!(of as u64, counts[severity], "{file} {severity}");
        }
        let (mut one, mut other): (Vec<&str>, Vec<&str>) = (
            active.iter().map(|r| r["partialFingerprints"]["secgate/v1"].as_str().unwrap()).collect(),
            json["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].as_str().unwrap()).collect(),
        );
        one.sort_unstable();
        other.sort_unstable();
        assert_eq!(one, other, "{file}");
        for run in sarif["runs"].as_array().unwrap() {
            let successful = &run["invocations"][0]["executionSuccessful"];
            match run["properties"]["status"].as_str().unwrap() {
                "complete" => assert_eq!(successful, true, "{file}"),
                // Nothing may have been scanned because nothing could be.
                "nothing_scanned" => {}
                _ => assert_eq!(successful, false, "{file}"),
            }
            let rules = &run["tool"]["driver"]["rules"];
            for result in run["results"].as_array().into_iter().flatten() {
                let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                assert_eq!(rules[at]["id"], result["ruleId"], "{file}");
            }
        }
    }
}

#[test]
fn sarif_reads_back_without_loss_of_counts() {
    if !secgate::report::FORMATS.iter().any(|format| format.id == "sarif") {
        eprintln!("skipped: there is no reader of SARIF yet");
        return;
    }
    let dir = Dir::new();
    for file in reports(&dir) {
        let before = dir.run(&["findings", "--format", "json", &file]).json();
        dir.write("back.sarif", sarif(&dir, &[&file]).to_string());
        let after = dir.run(&["findings", "--format", "json", "--input", "sarif=back.sarif"]).json();
        // Of what is suppressed only the number counts.
        assert_eq!(
            counts(&after),
            counts(&before),
            "{file}: a result's severity is its `security-severity`, \
            where the word `unknown` is unknown; `kind: informational` with 0.0 is info"
        );
        let (was, is) = (&before["evidence"][0]["status"], &after["evidence"][0]["status"]);
        assert_eq!(was == "complete", is == "complete", "{file}: {was} became {is}");
        assert_ne!(is, "unreadable", "{file}: {after}");
    }
}

#[test]
fn sarif_of_an_image() {
    let dir = Dir::new();
    dir.copy("trivy/image-suppressed.json", "reports/trivy image.json");
    let run = dir.run(&["findings", "--format", "sarif", "reports/trivy image.json"]);
    let mut json = run.json();
    json["runs"][0]["properties"]["sha256"] = "[digest]".into();
    insta::assert_json_snapshot!("image_sarif", json);
    let active = dir.run(&["findings", "--format", "ndjson", "reports"]).stdout;
    assert!(!active.contains(r#""suppressed":true"#), "{active}");
}

#[test]
fn sarif_of_nothing_is_no_clean_run() {
    let dir = Dir::new();
    dir.write("reports/settings.json", "{\"some\":\"settings\"}")
        .copy("semgrep/app-nothing.json", "none.json");
    let left_out = &sarif(&dir, &["reports"])["runs"][0];
    assert_eq!((left_out.get("results"), &left_out["properties"]["status"]), (None, &"ignored".into()));
    let nothing = &sarif(&dir, &["none.json"])["runs"][0];
    assert_eq!((nothing.get("results"), &nothing["properties"]["status"]), (None, &"nothing_scanned".into()));
    dir.write("empty.json", "");
    let unreadable = &sarif(&dir, &["empty.json"])["runs"][0];
    assert_eq!(unreadable["invocations"][0]["executionSuccessful"], false);
    assert_eq!(dir.run(&["findings", "--format", "sarif", "empty.json"]).code, 2);
}

//! Packed reports, copies of a report, and findings written in another format.

use std::io::Write as _;

use crate::common::{Dir, SAST_POLICY, semgrep};

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
    let copies = |json: &serde_json::Value| -> Vec<(String, Option<String>)> {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
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
    assert_eq!(text.matches("the same file as a.json, byte for byte; both count").count(), 2, "{text}");

    let files = ["a.json", "other.json", "semgrep.json"];
    let json = dir.run(&[&["findings", "--format", "json"], &files[..]].concat()).json();
    assert_eq!(copies(&json), [a, other, copy]);
    assert_eq!(json["findings"].as_array().unwrap().len(), 3);
    let table = dir.run(&[&["findings"], &files[..]].concat()).stdout;
    assert!(table.contains("semgrep.json: semgrep, 1 findings, the same file as a.json"), "{table}");
    let single = dir.check(&["--policy", "policy.yaml", "--format", "json", "semgrep.json"]).json();
    assert!(copies(&single).iter().all(|(_, copy)| copy.is_none()), "{single}");
}

//! Exploitation data: what rules and triggers do with it, and without it.

use std::io::Write as _;

use serde_json::Value;

use crate::common::{Dir, Run};

const POLICY: &str = "\
version: 1
gate: package
evidence:
  image: {category: vulnerability, files: [trivy.json]}
  kev: {feed: kev, files: [kev.json], max_age: 7d, required: false}
  epss: {feed: epss, files: [\"epss.csv*\"], max_age: 3d, stale: warn, required: false}
rules:
  - {id: exploited, findings: {category: vulnerability, kev: true}, then: fail}
  - {id: likely, findings: {category: vulnerability, epss: 0.5}, then: review}
";

const KEV: &str = r#"{"catalogVersion":"2026.05.31","dateReleased":"2026-05-31T10:00:00.1Z","count":1,
    "vulnerabilities":[{"cveID":"CVE-2026-1"}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-05-31T12:00:27Z\ncve,epss,percentile\n\
    CVE-2026-1,0.9,0.99\nCVE-2026-2,0.5,0.9\nCVE-2026-3,0.49999,0.9\n";

/// A Trivy report of vulnerabilities, one a package.
fn trivy(ids: &[&str]) -> String {
    let entries: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"VulnerabilityID":"{id}","PkgName":"xz","InstalledVersion":"1.0","Status":"affected","Severity":"LOW"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"app:1","ArtifactType":"container_image","Metadata":{{}},
            "Results":[{{"Target":"app","Class":"os-pkgs","Vulnerabilities":[{}]}}]}}"#,
        entries.join(",")
    )
}

fn dir(ids: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("trivy.json", trivy(ids));
    dir.write("kev.json", KEV).write("epss.csv", EPSS);
    dir
}

fn check(dir: &Dir) -> (i32, Value) {
    let Run { code, stdout, .. } = dir.check(&["--policy", "policy.yaml", "--format", "json"]);
    (code, serde_json::from_str(&stdout).unwrap())
}

fn outcomes(verdict: &Value) -> [&str; 2] {
    [0, 1].map(|rule| verdict["rules"][rule]["outcome"].as_str().unwrap())
}

#[test]
fn rules_select_by_what_the_feeds_know() {
    for (id, code, expected) in [
        ("CVE-2026-1", 1, ["fail", "review"]),
        ("CVE-2026-2", 10, ["pass", "review"]),
        ("CVE-2026-3", 0, ["pass", "pass"]),
        // Without a score it is not known, which is not 0; KEV speaks of every CVE.
        ("CVE-2026-4", 10, ["pass", "review"]),
        ("GHSA-aaaa-bbbb-cccc", 1, ["fail", "review"]),
    ] {
        let (is, verdict) = check(&dir(&[id]));
        assert_eq!((is, outcomes(&verdict)), (code, expected), "{id}");
    }
    let (_, verdict) = check(&dir(&["CVE-2026-1"]));
    assert_eq!(
        (&verdict["findings"][0]["kev"], &verdict["findings"][0]["epss"]),
        (&true.into(), &0.9.into())
    );
    let feeds: Vec<_> =
        verdict["evidence"].as_array().unwrap().iter().filter(|e| e["entry"] != "image").collect();
    assert_eq!(
        (feeds[0]["status"].as_str(), feeds[0]["format"].as_str()),
        (Some("complete"), Some("EPSS v2025.03.14"))
    );
    assert_eq!(feeds[1]["generated_at"], "2026-05-31T10:00:00.1Z");
    let (_, verdict) = check(&dir(&["GHSA-aaaa-bbbb-cccc"]));
    assert_eq!(
        (&verdict["findings"][0]["kev"], &verdict["findings"][0]["epss"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_feed_may_be_packed() {
    let dir = dir(&["CVE-2026-2"]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(EPSS.as_bytes()).unwrap();
    std::fs::remove_file(dir.path().join("epss.csv")).unwrap();
    dir.write("epss.csv.gz", packed.finish().unwrap());
    let (code, verdict) = check(&dir);
    assert_eq!((code, outcomes(&verdict)), (10, ["pass", "review"]));
}

#[test]
fn a_rule_without_its_feed_is_never_at_ease() {
    // Nothing was found, and still nobody knows.
    let absent = dir(&[]);
    assert_eq!(check(&absent).0, 0);
    std::fs::remove_file(absent.path().join("kev.json")).unwrap();
    let (code, verdict) = check(&absent);
    assert_eq!((code, outcomes(&verdict)), (10, ["review", "pass"]));
    assert_eq!(verdict["rules"][0]["message"], "the feed kev is absent");
    // What nobody knows matches.
    let absent = dir(&["CVE-2026-3"]);
    std::fs::remove_file(absent.path().join("kev.json")).unwrap();
    assert_eq!(outcomes(&check(&absent).1), ["fail", "pass"]);

    // An old feed knows nothing, whatever its entry makes of that.
    let old = dir(&["CVE-2026-3"]);
    old.write("epss.csv", EPSS.replace("2026-05-31", "2026-05-20"));
    let (code, verdict) = check(&old);
    assert_eq!((code, outcomes(&verdict)), (10, ["pass", "review"]));
    assert!(verdict["rules"][1]["message"].as_str().unwrap().ends_with("the feed epss is stale"));
    assert_eq!(verdict["findings"][0]["epss"], Value::Null);
    // One without a date could be of any day, one from tomorrow is wrong.
    for date in ["", ",score_date:tomorrow", ",score_date:2026-06-02T00:00:00+0000"] {
        old.write("epss.csv", EPSS.replace(",score_date:2026-05-31T12:00:27Z", date));
        assert_eq!(outcomes(&check(&old).1), ["pass", "review"], "{date}");
    }

    // What is there and no feed is an error.
    let broken = dir(&["CVE-2026-3"]);
    for (file, text) in [
        ("kev.json", "{}"),
        ("kev.json", &KEV[..KEV.len() - 3]),
        ("kev.json", &KEV.replace("\"count\":1", "\"count\":1400")),
        ("epss.csv", "cve,epss\n"),
        ("epss.csv", &EPSS[..EPSS.len() - 8]),
        ("epss.csv", ""),
    ] {
        broken.write("kev.json", KEV).write("epss.csv", EPSS).write(file, text);
        let (code, verdict) = check(&broken);
        assert!(code == 1 || code == 2, "{file} {text}");
        let unreadable = verdict["evidence"].as_array().unwrap().iter().any(|e| e["status"] == "unreadable");
        assert!(unreadable, "{file} {text}");
    }
}

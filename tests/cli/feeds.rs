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
        // The catalogue lists CVEs alone.
        ("GHSA-aaaa-bbbb-cccc", 10, ["pass", "review"]),
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
        (&false.into(), &Value::Null)
    );
    assert_eq!(verdict["findings"][0]["unknown"], serde_json::json!(["epss"]));
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

const VEX_POLICY: &str = "\
version: 1
gate: package
evidence:
  image: {category: vulnerability, files: [trivy.json]}
  vex: {feed: vex, files: [\"*.vex.json\"], max_age: 30d, required: false}
vex: {accept: [\"Acme PSIRT\"], max_age: 60d}
rules:
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
  - {id: critical, findings: {category: vulnerability, severity: critical}, then: fail, waivable: false}
";

const OPENVEX: &str = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex-1","author":"Acme PSIRT",
    "timestamp":"2026-05-20T00:00:00Z","version":1,"statements":[
    {"vulnerability":{"name":"CVE-2026-1","aliases":["GHSA-aaaa-bbbb-cccc"]},"products":[{"@id":"pkg:apk/alpine/xz@1.0"}],
     "status":"not_affected","justification":"vulnerable_code_not_in_execute_path","impact_statement":"never called"}]}"#;

/// A Trivy report of an image with one vulnerability of this severity.
fn image(severity: &str) -> String {
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"app:1","ArtifactType":"container_image",
            "Metadata":{{"RepoDigests":["registry.example/app@sha256:{}"]}},
            "Results":[{{"Target":"app","Class":"os-pkgs","Vulnerabilities":[{{"VulnerabilityID":"CVE-2026-1","PkgName":"xz",
            "PkgIdentifier":{{"PURL":"pkg:apk/alpine/xz@1.0?arch=x86_64&distro=3.20.3"}},
            "InstalledVersion":"1.0","Status":"affected","Severity":"{severity}","Title":"title"}}]}}]}}"#,
        "ab".repeat(32)
    )
}

fn vexed(policy: &str, severity: &str, statements: &str) -> (i32, Value) {
    let dir = Dir::new();
    dir.write("policy.yaml", policy).write("trivy.json", image(severity)).write("acme.vex.json", statements);
    check(&dir)
}

#[test]
fn an_accepted_statement_lifts_a_finding_and_stays_visible() {
    let (code, verdict) = vexed(VEX_POLICY, "HIGH", OPENVEX);
    assert_eq!((code, outcomes(&verdict)), (0, ["pass", "pass"]), "{verdict:#}");
    let rule = &verdict["rules"][0];
    assert_eq!((&rule["count"], &rule["vexed"], &rule["waived"]), (&0.into(), &1.into(), &0.into()));
    let finding = &verdict["findings"][0];
    assert_eq!(finding["waiver"], Value::Null);
    assert_eq!(finding["vex"]["author"], "Acme PSIRT");
    assert_eq!(finding["vex"]["justification"], "vulnerable_code_not_in_execute_path");
    assert_eq!(
        (&finding["vex"]["note"], &finding["vex"]["file"]),
        (&"never called".into(), &"acme.vex.json".into())
    );

    let dir = Dir::new();
    dir.write("policy.yaml", VEX_POLICY).write("trivy.json", image("HIGH")).write("acme.vex.json", OPENVEX);
    for format in ["text", "sarif", "junit"] {
        let out = dir.check(&["--policy", "policy.yaml", "--format", format]).stdout;
        for word in ["CVE-2026-1", "Acme PSIRT", "vulnerable_code_not_in_execute_path"] {
            assert!(out.contains(word), "{format}: {word}: {out}");
        }
    }
}

#[test]
fn a_statement_that_is_not_accepted_changes_nothing() {
    let product = "pkg:apk/alpine/xz@1.0";
    let by_digest = format!("pkg:oci/app@sha256%3A{}", "ab".repeat(32));
    let other = format!("pkg:oci/app@sha256%3A{}", "cd".repeat(32));
    for (from, to, code) in [
        ("", "", 0),
        (product, &by_digest, 0),
        (product, &other, 1),
        (product, "pkg:apk/alpine/xz@1.1", 1),
        (product, "pkg:apk/alpine/xz", 1),
        (product, "pkg:apk/alpine/xz@1.0?arch=aarch64", 1),
        (product, "https://acme.example/app", 1),
        ("\"Acme PSIRT\"", "\"Acme\"", 1),
        ("\"author\":\"Acme PSIRT\",", "", 1),
        ("not_affected", "affected", 1),
        ("not_affected", "fixed", 1),
        ("not_affected", "under_investigation", 1),
        ("\"justification\":\"vulnerable_code_not_in_execute_path\",", "", 1),
        ("2026-05-20", "2026-04-20", 1),
        ("2026-05-20", "2026-06-20", 1),
        ("CVE-2026-1", "CVE-2026-2", 1),
        ("CVE-2026-1", "CWE-79", 1),
        // The newest word of an author stands.
        (
            "\"statements\":[",
            "\"statements\":[{\"vulnerability\":{\"name\":\"CVE-2026-1\"},\"status\":\"affected\",\"action_statement\":\"x\",\"timestamp\":\"2026-05-21T00:00:00Z\",\"products\":[{\"@id\":\"pkg:apk/alpine/xz\"}]},",
            1,
        ),
    ] {
        let (is, verdict) = vexed(VEX_POLICY, "HIGH", &OPENVEX.replace(from, to));
        // A file that is too old fails by itself.
        assert_eq!(is, code, "{from} → {to}: {verdict:#}");
        assert_eq!(verdict["rules"][0]["vexed"], i32::from(code == 0), "{from} → {to}");
    }
    // Not where the policy allows no exception, and not before it says so.
    assert_eq!(vexed(VEX_POLICY, "CRITICAL", OPENVEX).0, 1);
    let silent = VEX_POLICY.replace("vex: {accept: [\"Acme PSIRT\"], max_age: 60d}\n", "");
    let (code, verdict) = vexed(&silent, "HIGH", OPENVEX);
    assert_eq!(code, 1);
    let told = verdict["evidence"].as_array().unwrap().iter().find(|e| e["entry"] == "vex").unwrap();
    assert!(told["message"].as_str().unwrap().contains("they change nothing"), "{told}");
    // A statement that nobody can read is an error.
    for (from, to) in
        [("not_affected", "unaffected"), ("never called\"}", "never called\""), ("in_execute_path", "there")]
    {
        let (code, verdict) = vexed(VEX_POLICY, "HIGH", &OPENVEX.replace(from, to));
        let unreadable = verdict["evidence"].as_array().unwrap().iter().any(|e| e["status"] == "unreadable");
        assert_eq!((code, unreadable), (1, true), "{from} → {to}");
    }
}

#[test]
fn cyclonedx_statements_count_as_well() {
    let vex = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"timestamp":"2026-05-20T00:00:00Z",
        "supplier":{"name":"Acme PSIRT"}},"components":[{"type":"library","bom-ref":"c","name":"xz","purl":"pkg:apk/alpine/xz@1.0"}],
        "vulnerabilities":[{"id":"CVE-2026-1","affects":[{"ref":"c"}],
        "analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"why"}}]}"#;
    assert_eq!(vexed(VEX_POLICY, "HIGH", vex).0, 0);
    for (from, to) in [
        ("\"justification\":\"code_not_reachable\",", ""),
        ("\"not_affected\"", "\"false_positive\""),
        ("\"not_affected\"", "\"exploitable\""),
        ("Acme PSIRT", "Acme"),
        ("\"ref\":\"c\"", "\"ref\":\"d\""),
        ("xz@1.0", "xz@1.1"),
    ] {
        assert_eq!(vexed(VEX_POLICY, "HIGH", &vex.replace(from, to)).0, 1, "{from} → {to}");
    }
}

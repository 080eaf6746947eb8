//! Released bundles against advisories of another day.

use serde_json::{Value, json};

use crate::common::{Dir, Run};

const LATER: &str = "2026-09-01T12:00:00Z";

const POLICY: &str = "\
version: 1
gate: deploy
evidence:
  deps: {category: vulnerability, files: [trivy.json]}
  code: {category: sast, files: [semgrep.json], required: false}
  sbom: {document: sbom, files: [sbom.json]}
  kev: {feed: kev, files: [kev.json], max_age: 7d, required: false}
waivers: {files: [waivers.yaml], max_duration: 365d}
rules:
  - {id: no-critical, findings: {category: vulnerability, severity: critical, tool: trivy}, then: fail}
  - {id: exploited, findings: {category: vulnerability, kev: true}, then: fail}
  - {id: high, findings: {category: vulnerability, severity: high, fix: available}, then: review}
  - {id: code, findings: {category: sast, severity: high}, then: fail}
  - {id: inventory, sbom: {names_subject: false, components_at_least: 1}, then: fail}
";

fn record(id: &str, ecosystem: &str, name: &str, events: &Value, more: &Value) -> Value {
    let mut record = json!({
        "id": id, "modified": "2026-08-30T00:00:00Z", "published": "2026-08-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn fixed(version: &str) -> Value {
    json!([{"introduced": "0"}, {"fixed": version}])
}

fn word(severity: &str) -> Value {
    json!({"database_specific": {"severity": severity}})
}

fn catalogue(cves: &[&str], released: &str) -> String {
    let listed: Vec<Value> = cves.iter().map(|cve| json!({"cveID": cve})).collect();
    json!({"title": "t", "catalogVersion": "1", "dateReleased": released, "count": listed.len(), "vulnerabilities": listed})
        .to_string()
}

/// A folder with the bundle of a release that passed.
fn release(components: &Value, policy: &str) -> Dir {
    release_of(
        &json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"timestamp": "2026-05-31T00:00:00Z"},
            "components": components}),
        policy,
    )
}

/// The same with this SBOM.
fn release_of(sbom: &Value, policy: &str) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", policy)
        .write("sbom.json", sbom.to_string())
        .write("trivy.json", r#"{"SchemaVersion":2,"ArtifactType":"container_image","Results":[{"Target":"a","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[]}]}"#)
        .write("kev.json", catalogue(&["CVE-2020-1"], "2026-06-01T00:00:00Z"))
        .write("waivers.yaml", "version: 1\nwaivers: []\n");
    let run =
        dir.check(&["--policy", "policy.yaml", "--commit", &"1".repeat(40), "--bundle", "released.tar"]);
    assert_eq!(run.code, 0, "{}", run.all());
    dir
}

fn again(dir: &Dir, records: &[Value], more: &[&str]) -> Run {
    dir.write("osv/all.json", Value::from(records.to_vec()).to_string());
    dir.run(&[&["revalidate", "released.tar", "--osv", "osv", "--now", LATER], more].concat())
}

fn npm(name: &str, version: &str) -> Value {
    json!({"type": "library", "name": name, "version": version, "purl": format!("pkg:npm/{name}@{version}")})
}

#[test]
fn what_is_disclosed_later_stops_what_was_shipped() {
    let dir = release(&json!([npm("lodash", "4.17.11"), npm("left-pad", "1.3.0")]), POLICY);
    dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-09-01T00:00:00Z"));
    let records = [
        record("GHSA-1", "npm", "lodash", &fixed("4.17.21"), &word("CRITICAL")),
        record("GHSA-2", "npm", "lodash", &fixed("4.17.10"), &word("CRITICAL")),
        record("GHSA-3", "npm", "left-pad", &fixed("1.3.1"), &json!({"aliases": ["CVE-2026-7"]})),
    ];
    let run = again(&dir, &records, &["--kev", "kev-today.json"]);
    assert_eq!(run.code, 1, "{}", run.all());
    insta::assert_snapshot!(run.stdout.replace(&"1".repeat(40), "[COMMIT]"), @"
    FAIL released.tar: commit [COMMIT] (gate deploy, pass at 2026-06-01T12:00:00Z)
      fail rule `no-critical`: 2 findings
        unknown GHSA-3 left-pad 1.3.0: take 1.3.1 (exploited, not told at release)
        critical GHSA-1 lodash 4.17.11: take 4.17.21 (not told at release)
      fail rule `exploited`: 1 finding
        unknown GHSA-3 left-pad 1.3.0: take 1.3.1 (exploited, not told at release)
      review rule `high`: 2 findings
        unknown GHSA-3 left-pad 1.3.0: take 1.3.1 (exploited, not told at release)
        critical GHSA-1 lodash 4.17.11: take 4.17.21 (not told at release)
    3 advisories from 1 file, the newest of 2026-08-30T00:00:00Z; 0 taken back
    [FAIL] 1 released bundle: 1 would fail, 0 would be reviewed
    ");
    let json = again(&dir, &records, &["--kev", "kev-today.json", "--format", "json"]).json();
    assert_eq!(json["schema"], "secgate/revalidation/v1");
    let rules = json["bundles"][0]["rules"].as_array().unwrap();
    let finding = &rules[0]["findings"].as_array().unwrap().iter().find(|one| one["id"] == "GHSA-1").unwrap();
    assert_eq!((&finding["fix"], &finding["kev"]), (&json!("4.17.21"), &json!(false)));
    // Nothing is said of what was not asked again.
    assert!(rules.iter().all(|rule| rule["id"] != "code" && rule["id"] != "inventory"), "{rules:?}");
    // The same release passes where nothing speaks of it.
    let run = again(&dir, &records[1..2], &["--kev", "kev-today.json"]);
    assert_eq!(run.code, 0, "{}", run.all());
}

#[test]
fn what_nobody_knows_is_a_review() {
    let dir = release(&json!([npm("lodash", "4.17.11")]), POLICY);
    dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-09-01T00:00:00Z"));
    let kev = ["--kev", "kev-today.json"];
    let says = |records: &[Value], more: &[&str], code: i32, why: &str| {
        let run = again(&dir, records, more);
        assert!(run.code == code && run.all().contains(why), "{why}: {}", run.all());
    };
    // No version that can be compared.
    says(&[record("A", "npm", "lodash", &fixed("next"), &json!({}))], &kev, 10, "cannot be compared");
    // No record of the ecosystem.
    says(&[record("A", "PyPI", "lodash", &fixed("1"), &json!({}))], &kev, 10, "hold none of npm");
    // A rule asks for what no feed tells.
    says(&[record("A", "npm", "other", &fixed("1"), &json!({}))], &[], 10, "kev");
    says(&[record("A", "npm", "other", &fixed("1"), &json!({}))], &kev, 0, "[PASS]");
    // What was taken back says nothing.
    let withdrawn =
        json!({"withdrawn": "2026-08-31T00:00:00Z", "database_specific": {"severity": "CRITICAL"}});
    says(&[record("A", "npm", "lodash", &fixed("9.0.0"), &withdrawn)], &kev, 0, "1 taken back");
    // An old catalogue.
    dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-06-01T00:00:00Z"));
    says(&[record("A", "npm", "other", &fixed("1"), &json!({}))], &kev, 10, "kev");
}

/// A release of `left-pad` and of these components, against one advisory about lodash before 4.17.21.
fn lodash(components: &[Value]) -> Run {
    let all: Vec<Value> = [npm("left-pad", "1.3.0")].into_iter().chain(components.iter().cloned()).collect();
    let dir = release(&Value::from(all), POLICY);
    against_lodash(&dir, &record("GHSA-1", "npm", "lodash", &fixed("4.17.21"), &word("CRITICAL")))
}

fn against_lodash(dir: &Dir, record: &Value) -> Run {
    dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-09-01T00:00:00Z"));
    again(dir, std::slice::from_ref(record), &["--kev", "kev-today.json"])
}

#[test]
fn a_range_that_cannot_be_evaluated_is_a_review() {
    let dir = release(&json!([npm("lodash", "4.17.11")]), POLICY);
    let of = |affected: &Value| {
        let mut record = record("GHSA-1", "npm", "lodash", &json!([]), &word("CRITICAL"));
        record["affected"][0].as_object_mut().unwrap().extend(affected.as_object().unwrap().clone());
        against_lodash(&dir, &record)
    };
    for events in [
        json!([{"last_affected": "4.17.20"}]),
        json!([{"fixed": "4.17.10"}]),
        json!([{"limit": "5"}]),
        json!([]),
        Value::Null,
    ] {
        let run = of(&json!({"ranges": [{"type": "SEMVER", "events": events}]}));
        let told = run.all().contains("unclear GHSA-1 pkg:npm/lodash@4.17.11: a range of it does not say");
        assert!(run.code == 10 && told, "{events}: {}", run.all());
    }
    let run = of(&json!({"ranges": [{"type": "SEMVER"}]}));
    assert!(run.code == 10 && run.all().contains("unclear GHSA-1"), "{}", run.all());
    let range = json!([{"type": "SEMVER", "events": fixed("4.17.1")}]);
    assert_eq!(of(&json!({"ranges": range})).code, 0);
    let run = of(&json!({"ranges": range, "versions": "4.17.11"}));
    assert!(run.code == 10 && run.all().contains("its `versions` are no list"), "{}", run.all());
}

#[test]
fn an_address_is_a_version_that_nobody_can_compare() {
    for (purl, code) in [
        ("pkg:npm/lodash@git+https://git.example/lodash", 10),
        ("pkg:npm/lodash@file:../lodash", 10),
        ("pkg:npm/lodash@4.17.11/x", 10),
        ("pkg:npm/lodash%404.17.11", 1),
        ("pkg:npm/@lodash/other@4.17.11", 0),
    ] {
        let run = lodash(&[json!({"type": "library", "name": "lodash", "purl": purl})]);
        assert_eq!(run.code, code, "{purl}: {}", run.all());
        assert_eq!(code == 10, run.all().contains(&format!("unclear GHSA-1 {purl}")), "{}", run.all());
    }
}

#[test]
fn whatever_has_a_package_url_is_looked_at_or_named() {
    for kind in ["file", "container", "data", "operating-system"] {
        let mut component = npm("lodash", "4.17.11");
        component["type"] = json!(kind);
        let run = lodash(&[component]);
        assert!(run.code == 1 && run.all().contains("GHSA-1 lodash 4.17.11"), "{kind}: {}", run.all());
    }
    let (mut excluded, generic) =
        (npm("lodash", "4.17.11"), json!({"type": "file", "name": "a", "purl": "pkg:generic/a@1"}));
    excluded["scope"] = json!("excluded");
    let run = lodash(&[excluded, generic, json!({"type": "library", "name": "b"})]);
    assert_eq!(run.code, 0, "{}", run.all());
    for line in [
        "1 component not looked at: no ecosystem of OSV is that of pkg:generic (pkg:generic/a@1)",
        "1 component not looked at: no package URL (b)",
        "1 component not looked at: the SBOM names it as excluded (pkg:npm/lodash@4.17.11)",
        "0 would be reviewed; 3 components not looked at",
    ] {
        assert!(run.all().contains(line), "{line}: {}", run.all());
    }
    let speaking = record("GHSA-1", "npm", "lodash", &fixed("4.17.21"), &word("CRITICAL"));
    // Where nothing can be looked at, nothing passes.
    let mut excluded = npm("lodash", "4.17.11");
    excluded["scope"] = json!("excluded");
    for component in [excluded, json!({"type": "library", "name": "a", "purl": "pkg:generic/a@1"})] {
        let run = against_lodash(&release(&json!([component]), POLICY), &speaking);
        assert!(run.code == 10 && run.all().contains("that can be looked at"), "{}", run.all());
    }
    // What the SBOM describes.
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [npm("left-pad", "1.3.0")],
        "metadata": {"timestamp": "2026-05-31T00:00:00Z", "component": npm("lodash", "4.17.11")}});
    assert_eq!(against_lodash(&release_of(&sbom, POLICY), &speaking).code, 1);
    // SPDX: each package URL of a package, whatever it is for.
    let spdx = |purpose: &str, purls: &[&str]| {
        let references: Vec<Value> = purls
            .iter()
            .map(|purl| json!({"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}))
            .collect();
        json!({"name": "p", "SPDXID": "SPDXRef-p", "versionInfo": "4.17.11", "primaryPackagePurpose": purpose, "externalRefs": references})
    };
    for (purpose, purls) in [
        ("CONTAINER", &["pkg:npm/lodash@4.17.11"][..]),
        ("FILE", &["pkg:npm/lodash@4.17.11"]),
        ("OPERATING-SYSTEM", &["pkg:npm/lodash@4.17.11"]),
        ("LIBRARY", &["pkg:npm/b@1.0.0", "pkg:npm/lodash@4.17.11"]),
    ] {
        let left_pad = json!({"name": "left-pad", "SPDXID": "SPDXRef-a", "versionInfo": "1.3.0"});
        let sbom = json!({"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "n", "documentNamespace": "https://example.com/n",
            "creationInfo": {"created": "2026-05-31T00:00:00Z", "creators": ["Tool: t-1"]}, "packages": [left_pad, spdx(purpose, purls)]});
        let run = against_lodash(&release_of(&sbom, POLICY), &speaking);
        assert_eq!(run.code, 1, "{purpose} {purls:?}: {}", run.all());
    }
}

#[test]
fn of_two_versions_the_affected_one_counts() {
    for (purl, stated, code) in [
        ("4.17.21", "4.17.11", 1),
        ("4.17.11", "4.17.21", 1),
        ("4.17.21", "next", 10),
        ("4.17.21", "v4.17.21", 0),
    ] {
        let component = json!({"type": "library", "name": "lodash", "version": stated, "purl": format!("pkg:npm/lodash@{purl}")});
        let run = lodash(&[component]);
        assert_eq!(run.code, code, "{purl} {stated}: {}", run.all());
    }
}

#[test]
fn advisories_count_from_their_time_and_however_their_ecosystem_is_written() {
    let dir = release(&json!([npm("lodash", "4.17.11"), npm("left-pad", "1.3.0")]), POLICY);
    let of = |ecosystem: &str, more: &Value| {
        against_lodash(&dir, &record("GHSA-1", ecosystem, "lodash", &fixed("4.17.21"), more))
    };
    for ecosystem in ["NPM", "npm ", "Npm"] {
        assert_eq!(of(ecosystem, &word("CRITICAL")).code, 1, "{ecosystem}");
    }
    let later = json!({"withdrawn": "2027-01-01T00:00:00Z", "database_specific": {"severity": "CRITICAL"}});
    let run = of("npm", &later);
    assert!(run.code == 1 && run.all().contains("0 taken back"), "{}", run.all());
    let records = [
        record("GHSA-1", "node", "lodash", &fixed("4.17.21"), &word("CRITICAL")),
        record("GHSA-2", "npm", "other", &fixed("1"), &word("CRITICAL")),
    ];
    let run = again(&dir, &records, &["--kev", "kev-today.json"]);
    assert_eq!(run.code, 10, "{}", run.all());
    for line in [
        "unclear GHSA-1 pkg:npm/lodash@4.17.11: no ecosystem of OSV is `node`",
        "1 advisory of node, which OSV does not have",
    ] {
        assert!(run.all().contains(line), "{line}: {}", run.all());
    }
    let json = again(&dir, &records, &["--kev", "kev-today.json", "--format", "json"]).json();
    assert_eq!(json["advisories"]["unknown_ecosystems"], json!({"node": 1}));
}

#[test]
fn waivers_hold_as_long_as_they_do() {
    let dir = release(&json!([npm("lodash", "4.17.11")]), POLICY);
    let waiver = |until: &str| {
        format!(
            "version: 1\nwaivers:\n  - {{id: w1, rule: deploy/no-critical, match: {{ids: [GHSA-1], package: lodash}}, owner: '@ann', \
             approved_by: '@bob', reason: not reachable from outside, compensating_controls: [WAF], created: 2026-05-01, \
             expires: {until}, review_trigger: [severity_raised], seen: {{severity: critical, fix: available, matches: 1}}}}\n"
        )
    };
    let records = [record("GHSA-1", "npm", "lodash", &fixed("4.17.21"), &word("CRITICAL"))];
    for (until, code) in [("2026-12-01", 10), ("2026-07-01", 1)] {
        std::fs::remove_file(dir.path().join("released.tar")).unwrap();
        dir.write("waivers.yaml", waiver(until));
        let check = ["--policy", "policy.yaml", "--commit", &"1".repeat(40), "--bundle", "released.tar"];
        assert_eq!(dir.check(&check).code, 0, "{}", dir.check(&check).all());
        dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-09-01T00:00:00Z"));
        let run = again(&dir, &records, &["--kev", "kev-today.json"]);
        assert_eq!(run.code, code, "{until}: {}", run.all());
    }
}

#[test]
fn systems_are_matched_by_source_and_release() {
    let debian = |name: &str, purl: &str| json!({"type": "library", "name": name, "version": "3.0.11-1", "purl": purl});
    let sbom = json!([
        debian("libssl3", "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12&upstream=openssl"),
        debian("openssl", "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12")
    ]);
    let dir = release(&sbom, POLICY);
    dir.write("kev-today.json", catalogue(&["CVE-2026-7"], "2026-09-01T00:00:00Z"));
    let kev = ["--kev", "kev-today.json", "--format", "json"];
    let upstream = json!({"upstream": ["CVE-2026-6", "CVE-2026-7"]});
    let records = [
        record("DSA-1", "Debian:12", "openssl", &fixed("3.0.13-1~deb12u1"), &upstream),
        record("DSA-2", "Debian:11", "openssl", &fixed("9"), &word("CRITICAL")),
    ];
    let run = again(&dir, &records, &kev);
    assert_eq!(run.code, 1, "{}", run.all());
    let rule = &run.json()["bundles"][0]["rules"][1];
    assert_eq!(rule["id"], "exploited");
    let findings = rule["findings"].as_array().unwrap();
    // Both come from one source.
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (&findings[0]["package"], &findings[0]["fix"]),
        (&json!("openssl"), &json!("3.0.13-1~deb12u1"))
    );
}

#[test]
fn what_cannot_be_read_decides_nothing() {
    let dir = release(&json!([npm("lodash", "4.17.11")]), POLICY);
    let fails = |args: &[&str], why: &str| {
        let run = dir.run(&[&["revalidate", "--now", LATER], args].concat());
        assert!(run.code == 2 && run.stderr.contains(why), "{why}: {}", run.all());
    };
    dir.write("all.zip", "PK").write("empty/readme.txt", "").write("odd.json", r#"{"vulns":[]}"#);
    dir.write("a.json", record("A", "npm", "a", &fixed("1"), &json!({})).to_string());
    fails(&["released.tar", "--osv", "all.zip"], "unpack it first");
    fails(&["released.tar", "--osv", "empty"], "no record");
    fails(&["released.tar", "--osv", "odd.json"], "`id` and `modified`");
    fails(&["released.tar", "--osv", "missing.json"], "missing.json");
    fails(&["released.tar", "--osv", "a.json", "--kev", "a.json"], "--kev a.json");
    fails(&["policy.yaml", "--osv", "a.json"], "policy.yaml");
    let mut bytes = std::fs::read(dir.path().join("released.tar")).unwrap();
    let at = bytes.windows(7).position(|window| window == b"4.17.11").unwrap();
    bytes[at] = b'5';
    dir.write("changed.tar", bytes);
    fails(&["changed.tar", "--osv", "a.json"], "was changed");
    let without = POLICY.replace("  sbom: {document: sbom, files: [sbom.json]}\n", "");
    let without = without.replace(
        "  - {id: inventory, sbom: {names_subject: false, components_at_least: 1}, then: fail}\n",
        "",
    );
    let dir = release(&json!([npm("lodash", "4.17.11")]), &without);
    dir.write("a.json", record("A", "npm", "a", &fixed("1"), &json!({})).to_string());
    let run = dir.run(&["revalidate", "released.tar", "--osv", "a.json"]);
    assert!(run.code == 2 && run.stderr.contains("holds no SBOM"), "{}", run.all());
}

use crate::finding::{Category, Finding, Fix, Scope, Severity, Target, Text};
use crate::report::testing::{ReadText, read_as, read_text};
use crate::report::{Generated, ProblemKind};

/// A report of one result with these members.
fn of_result(members: &str) -> ReadText {
    read_text(&format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"r.example/app:1","ArtifactType":"container_image","Results":[{{{members}}}]}}"#
    ))
}

fn only(read: &ReadText) -> &Finding {
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.findings.len(), 1);
    &read.findings[0]
}

fn error(read: &ReadText) -> String {
    read.error.as_ref().map(ToString::to_string).unwrap_or_default()
}

const VULNERABILITY: &str = r#""Target":"app/package-lock.json","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[{
    "VulnerabilityID":"CVE-2026-1","VendorIDs":["GHSA-x"],"PkgID":"left@1.0.0","PkgName":"left",
    "PkgIdentifier":{"PURL":"pkg:npm/left@1.0.0","UID":"1"},"InstalledVersion":"1.0.0","FixedVersion":"1.0.1, 2.0.0",
    "Status":"fixed","Severity":"HIGH","CweIDs":["CWE-89"],"PublishedDate":"1970-01-01T00:01:00Z","Title":"left: bad"}]"#;

#[test]
fn failed_checks_that_are_counted_and_not_listed_make_the_report_incomplete() {
    let of = |failures: &str, list: &str| {
        let read = of_result(&format!(
            r#""Target":"a.tf","Class":"config","MisconfSummary":{{"Successes":1,"Failures":{failures}}}{list}"#
        ));
        assert!(read.error.is_none(), "{:?}", read.error);
        (read.findings.len(), read.report.problems_total)
    };
    let one = r#","Misconfigurations":[{"ID":"DS-1","Status":"FAIL"},{"ID":"DS-2","Status":"PASS"}]"#;
    assert_eq!(of("1", one), (1, 0));
    assert_eq!(of("2", one), (1, 1));
    // As after `trivy --report summary`, or a filter over the report.
    assert_eq!(of("2", ""), (0, 1));
    assert_eq!(of("0", ""), (0, 0));
}

#[test]
fn malware_is_told_by_a_cwe_in_any_shape() {
    for cwes in [r#"["CWE-506"]"#, "[506]", "506", r#""CWE-506""#] {
        let read = of_result(&VULNERABILITY.replace(r#"["CWE-89"]"#, cwes));
        assert!(only(&read).is_malware(), "{cwes}");
    }
}

#[test]
fn a_vulnerability_with_its_package_and_fix() {
    let read = of_result(VULNERABILITY);
    let finding = only(&read);
    assert_eq!(read.format, Some("trivy"));
    assert_eq!((finding.category, finding.severity), (Category::Vulnerability, Severity::High));
    assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("CVE-2026-1", "left: bad"));
    assert_eq!(finding.ids.iter().map(Text::as_str).collect::<Vec<_>>(), ["CVE-2026-1", "GHSA-x"]);
    assert_eq!(
        (finding.cwes.as_slice(), finding.published, finding.fix),
        ([89].as_slice(), Some(60), Fix::Available)
    );
    assert_eq!(finding.path(), Some("app/package-lock.json"));
    let package = finding.package.as_ref().unwrap();
    assert_eq!((package.name.as_str(), package.version.as_str()), ("left", "1.0.0"));
    assert_eq!(package.purl.as_ref().map(Text::as_str), Some("pkg:npm/left@1.0.0"));
    assert_eq!(package.fixed.iter().map(Text::as_str).collect::<Vec<_>>(), ["1.0.1", "2.0.0"]);
    assert_eq!(read.report.target, Some(Target::Image));
    assert_eq!(read.report.categories.iter().copied().collect::<Vec<_>>(), [Category::Vulnerability]);
}

#[test]
fn a_fix_is_none_only_where_the_report_says_so() {
    let fix = |members: &str| {
        only(&of_result(&format!(r#""Target":"x","Vulnerabilities":[{{"PkgName":"p"{members}}}]"#))).fix
    };
    assert_eq!(fix(""), Fix::None);
    assert_eq!(fix(r#","FixedVersion":"","Status":"will_not_fix""#), Fix::None);
    assert_eq!(fix(r#","Status":"fixed""#), Fix::Unknown);
    assert_eq!(fix(r#","FixedVersion":3"#), Fix::Unknown);
    assert_eq!(fix(r#","FixedVersion":">=4.17.11""#), Fix::Available);
}

#[test]
fn the_list_of_packages_tells_what_one_is_needed_for() {
    let of = |packages: &str, before: bool| {
        let list = format!(r#""Packages":[{packages}]"#);
        let read = of_result(&if before {
            VULNERABILITY.replacen("\"Vulnerabilities\"", &format!("{list},\"Vulnerabilities\""), 1)
        } else {
            format!("{VULNERABILITY},{list}")
        });
        (only(&read).scope, only(&read).direct)
    };
    for before in [true, false] {
        let dev = r#"{"ID":"left@1.0.0","Dev":true,"Relationship":"indirect"}"#;
        assert_eq!(of(dev, before), (Some(Scope::Development), Some(false)));
        let other = r#"{"ID":"left@1.0.0","Relationship":"direct"},{"ID":"mocha@1","Dev":true}"#;
        assert_eq!(of(other, before), (Some(Scope::Production), Some(true)));
        assert_eq!(of(r#"{"ID":"left@1.0.0"}"#, before), (None, None));
        let twice = r#"{"ID":"left@1.0.0","Dev":true},{"ID":"left@1.0.0"}"#;
        assert_eq!(of(twice, before), (Some(Scope::Production), None));
        assert_eq!(of(r#"{"ID":"mocha@1","Dev":true},7"#, before), (None, None));
    }
}

#[test]
fn scores_of_several_sources() {
    let with = VULNERABILITY.replace(
        "\"Title\"",
        r#""CVSS":{"nvd":{"V2Vector":"AV:N/AC:L/Au:N/C:N/I:N/A:C","V2Score":7.8,"V3Score":6.5},"ghsa":{"V40Score":9.3,"V40Vector":"x"},"odd":7},"Title""#,
    );
    let read = of_result(&with);
    let cvss = only(&read).cvss.as_ref().unwrap();
    assert!((cvss.score - 9.3).abs() < 0.01);
    assert_eq!(cvss.version.as_ref().map(Text::as_str), Some("4.0"));
}

#[test]
fn what_a_report_says_about_itself() {
    let read = read_text(
        r#"{"SchemaVersion":2,"Trivy":{"Version":"0.74.0"},"CreatedAt":"2026-06-01T10:00:00.123456789+02:00",
            "ArtifactType":"repository","Metadata":{"ImageID":"sha256:11","RepoDigests":["r.example/app@sha256:AB"," ",3],
            "Commit":"ABCDEF"},"Results":[{"Target":"Dockerfile","Class":"config","MisconfSummary":{"Successes":1}},
            {"Target":"a","Class":"secret"},{"Target":"OS Packages","Class":"license"}]}"#,
    );
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.report.tool.version.as_ref().map(Text::as_str), Some("0.74.0"));
    assert_eq!(read.report.digests.iter().map(Text::as_str).collect::<Vec<_>>(), ["sha256:ab"]);
    assert_eq!(read.report.commit.as_ref().map(Text::as_str), Some("abcdef"));
    assert!(matches!(read.report.generated, Generated::At(_)));
    assert_eq!(read.report.target, Some(Target::Filesystem));
    let covered: Vec<_> = read.report.categories.iter().copied().collect();
    assert_eq!(covered, [Category::Secret, Category::Misconfiguration, Category::License]);
    assert!(read.report.nothing_scanned.is_none());
}

#[test]
fn times_that_say_nothing() {
    let generated = |time: &str| {
        let text = format!(
            r#"{{"SchemaVersion":2,"ArtifactName":"a","CreatedAt":{time},"Results":[{{"Target":"a"}}]}}"#
        );
        read_text(&text).report.generated
    };
    assert_eq!(generated(r#""0001-01-01T00:00:00Z""#), Generated::Unknown);
    assert_eq!(generated(r#""yesterday""#), Generated::Unreadable);
    assert_eq!(generated("1780308000"), Generated::Unreadable);
}

#[test]
fn misconfigurations_by_status_and_with_every_spelling() {
    let read = of_result(
        r#""Target":"deploy/app.yaml","Class":"config","Misconfigurations":[
            {"ID":"KSV017","AVDID":"AVD-KSV-0017","Title":"Privileged","Message":"m","Severity":"HIGH","Status":"FAIL",
             "CauseMetadata":{"Resource":"app","StartLine":3,"EndLine":1e400,"Code":{"Lines":null}}},
            {"ID":"KSV001","Severity":"LOW","Status":"PASS"},
            {"ID":"KSV002","Severity":"LOW","Status":"EXCEPTION"},
            {"ID":"KSV003","Severity":"LOW","Status":"WARN","CauseMetadata":7},
            {"ID":"KSV004"}]"#,
    );
    assert!(read.error.is_none(), "{:?}", read.error);
    let active: Vec<_> = read.active().map(|f| f.rule_id.as_str()).collect();
    assert_eq!(active, ["KSV017", "KSV003", "KSV004"]);
    assert_eq!(read.findings.len(), 4);
    let first = &read.findings[0];
    assert_eq!(first.rule_aliases.iter().map(Text::as_str).collect::<Vec<_>>(), ["AVD-KSV-0017"]);
    assert_eq!(
        first.location.as_ref().map(|l| (l.path.as_str(), l.line)),
        Some(("deploy/app.yaml", Some(3)))
    );
    assert_eq!(read.findings[3].severity, Severity::Unknown);
}

#[test]
fn a_check_keeps_its_fingerprint_when_its_id_is_spelled_anew() {
    let of = |ids: &str, line: u32| {
        let members = format!(
            r#""Target":"a.yaml","Class":"config","Misconfigurations":[{{{ids},"Message":"m","CauseMetadata":{{"StartLine":{line}}}}}]"#
        );
        only(&of_result(&members)).fingerprint
    };
    let new = of(r#""ID":"KSV-0017""#, 1);
    assert_eq!(of(r#""ID":"KSV017","AVDID":"AVD-KSV-0017""#, 9), new);
    assert_eq!(of(r#""ID":"KSV017""#, 9), new);
    assert_ne!(of(r#""ID":"KSV-0018""#, 1), new);
}

#[test]
fn a_secret_leaves_neither_value_nor_code() {
    let of = |line: u32, matched: &str| {
        let members = format!(
            r#""Target":"/app/.env","Class":"secret","Secrets":[{{"RuleID":"aws","Category":"AWS","Severity":"CRITICAL",
                "Title":"AWS key","StartLine":{line},"EndLine":{line},"Match":"{matched}",
                "Code":{{"Lines":[{{"Content":"export TOKEN=hunter2hunter2"}}]}}}}]"#
        );
        only(&of_result(&members)).clone()
    };
    let finding = of(3, "p=hunter2hunter2 export KEY=******");
    assert!(!format!("{finding:?}").contains("hunter2"));
    assert_eq!((finding.path(), finding.category), (Some("app/.env"), Category::Secret));
    assert_eq!(finding.fingerprint, of(70, "p=other export KEY=*********").fingerprint);
    assert_eq!(of(1, "hunter2hunter2").fingerprint, of(1, "").fingerprint);
    assert_ne!(of(1, "export A_KEY=***").fingerprint, of(1, "export B_KEY=***").fingerprint);
}

#[test]
fn what_was_suppressed_is_handed_over_with_its_reason() {
    let read = of_result(
        r#""Target":"x","Class":"os-pkgs","ExperimentalModifiedFindings":[
            {"Type":"vulnerability","Status":"not_affected","Statement":"not called","Source":"vex.json",
             "Finding":{"VulnerabilityID":"CVE-2026-1","PkgName":"p","Severity":"CRITICAL","Title":"bad"}},
            {"Type":"secret","Status":"ignored","Finding":{"RuleID":"aws","Severity":"HIGH"}},
            {"Type":"license","Status":"ignored","Finding":{"Name":"AGPL-3.0","PkgName":"p","Severity":"HIGH"}},
            {"Type":"misconfiguration","Status":"ignored","Finding":{"ID":"KSV-0017","Status":"PASS"}},
            {"Type":"novelty","Status":"ignored","Finding":null}]"#,
    );
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.active().count(), 0);
    let categories: Vec<_> = read.findings.iter().map(|f| f.category.as_str()).collect();
    assert_eq!(categories, ["vulnerability", "secret", "license", "misconfiguration", "vulnerability"]);
    assert_eq!(read.findings[0].title.as_str(), "bad");
    assert_eq!(read.findings[0].severity, Severity::Critical);
}

#[test]
fn the_old_schema_is_an_array() {
    let read = read_text(
        r#"[{"Target":"app/composer.lock","Type":"composer","Vulnerabilities":[{"PkgName":"p"}]},
            {"Target":"app (alpine 3.7.1)","Vulnerabilities":[{"VulnerabilityID":"CVE-2018-1","PkgName":"curl"}]},
            {"Target":"Cargo.lock","Type":"cargo","Vulnerabilities":null}]"#,
    );
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(
        read.findings.iter().map(Finding::path).collect::<Vec<_>>(),
        [Some("app/composer.lock"), None]
    );
    assert_eq!(read.findings[0].severity, Severity::Unknown);
    let clean = read_text(r#"[{"Target":"Cargo.lock","Vulnerabilities":null}]"#);
    assert_eq!((clean.format, clean.findings.len()), (Some("trivy"), 0));
    assert!(clean.report.categories.contains(&Category::Vulnerability));
}

#[test]
fn empty_reports_are_not_clean() {
    for text in [
        r#"{"SchemaVersion":2,"ArtifactName":"a"}"#,
        r#"{"SchemaVersion":2,"Results":null}"#,
        r#"{"SchemaVersion":2,"Results":[]}"#,
        r#"{"ClusterName":"c"}"#,
        r#"{"ClusterName":"c","Resources":[{"Kind":"Pod","Name":"p"}]}"#,
    ] {
        let read = read_text(text);
        assert!(read.error.is_none() && read.report.nothing_scanned.is_some(), "{text}: {:?}", read.error);
    }
    assert!(read_as("trivy", "[]").report.nothing_scanned.is_some());
    assert!(error(&read_text("[]")).contains("trivy"));
    for text in ["null", "gitlab.tpl", "{}", "", "[{}]", r#"[{"id":1}]"#, r#"{"Results":[{"Target":"a"}]}"#] {
        assert!(read_as("trivy", text).error.is_some(), "{text}");
    }
}

#[test]
fn other_schema_versions_are_refused_by_name() {
    for version in ["1", "99", "2.5", "\"2\"", "null", "2.0", "[2]"] {
        let text =
            format!(r#"{{"SchemaVersion":{version},"ArtifactName":"a","Results":[{{"Target":"a"}}]}}"#);
        assert!(error(&read_text(&text)).contains("SchemaVersion"), "{version}");
    }
    let text = r#"{"ArtifactName":"a","ArtifactType":"filesystem","Results":[{"Target":"a"}]}"#;
    assert!(error(&read_text(text)).contains("SchemaVersion"));
}

#[test]
fn every_resource_of_a_cluster_is_read() {
    let result = |n: u8| {
        format!(
            r#"[{{"Target":"img:{n} (debian 12)","Class":"os-pkgs","Vulnerabilities":[{{"VulnerabilityID":"CVE-{n}","PkgName":"p"}}]}},
                {{"Target":"Pod/p{n}","Class":"config","Misconfigurations":[{{"ID":"KSV-0017","Status":"FAIL",
                  "CauseMetadata":{{"StartLine":4}}}}]}}]"#
        )
    };
    for keys in [["Resources", "Findings"], ["Vulnerabilities", "Misconfigurations"]] {
        let resource =
            |n| format!(r#"{{"Namespace":"ns","Kind":"Pod","Name":"p{n}","Results":{}}}"#, result(n));
        let text = format!(
            r#"{{"ClusterName":"c","{}":[{}],"{}":[{}]}}"#,
            keys[0],
            resource(1),
            keys[1],
            resource(2)
        );
        let read = read_text(&text);
        assert!(read.error.is_none(), "{:?}", read.error);
        let targets: Vec<_> = read.findings.iter().map(|f| f.target.as_ref().unwrap().as_str()).collect();
        assert_eq!(targets[..2], ["ns/Pod/p1: img:1 (debian 12)", "ns/Pod/p1"]);
        assert_eq!(read.findings.len(), 4);
        assert_eq!(read.findings[1].location, None);
        assert_ne!(read.findings[1].fingerprint, read.findings[3].fingerprint);
        assert_eq!(read.report.categories.len(), 2);
    }
}

#[test]
fn a_resource_that_could_not_be_scanned_is_a_problem() {
    let read = read_text(
        r#"{"ClusterName":"c","Resources":[{"Kind":"Pod","Name":"a","Error":"unable to pull"},
            {"Kind":"Pod","Name":"b","Results":[{"Target":"Pod/b","Class":"config"}]}]}"#,
    );
    assert_eq!(read.report.problems.len(), 1);
    assert_eq!(read.report.problems[0].message.as_str(), "Pod/a: unable to pull");
    assert!(read.report.nothing_scanned.is_none());
}

#[test]
fn keys_in_any_order_give_the_same_findings() {
    let first = of_result(VULNERABILITY);
    let (target, list) = VULNERABILITY.split_once(r#","Vulnerabilities""#).unwrap();
    let text = format!(
        r#"{{"Results":[{{"Vulnerabilities"{list},{target}}}],"ArtifactType":"container_image",
            "ArtifactName":"r.example/app:1","SchemaVersion":2}}"#
    );
    let second = read_text(&text);
    assert!(second.error.is_none(), "{:?}", second.error);
    assert_eq!(first.findings, second.findings);
    let cluster = |parts: [&str; 2]| {
        let text = format!(r#"{{"ClusterName":"c","Resources":[{{{},{}}}]}}"#, parts[0], parts[1]);
        read_text(&text).findings
    };
    let results =
        r#""Results":[{"Misconfigurations":[{"ID":"KSV-0017"}],"Target":"Pod/p","Class":"config"}]"#;
    let name = r#""Namespace":"ns","Kind":"Pod","Name":"p""#;
    assert_eq!(cluster([name, results]), cluster([results, name]));
    assert_eq!(cluster([name, results]).len(), 1);
}

#[test]
fn an_image_tag_is_in_no_fingerprint() {
    let of = |tag: &str| {
        let text = format!(
            r#"{{"SchemaVersion":2,"ArtifactName":"app:{tag}","ArtifactType":"container_image","Results":[
                {{"Target":"app:{tag} (alpine 3.20)","Class":"os-pkgs","Vulnerabilities":[{{"VulnerabilityID":"CVE-1","PkgName":"p"}}]}},
                {{"Target":"app:{tag}","Class":"config","Misconfigurations":[{{"ID":"DS-0002"}}]}}]}}"#
        );
        read_text(&text).findings.iter().map(|f| f.fingerprint).collect::<Vec<_>>()
    };
    assert_eq!(of("1").len(), 2);
    assert_eq!(of("1"), of("2"));
}

#[test]
fn findings_under_a_changed_key_are_not_lost_silently() {
    let entry = r#"[{"VulnerabilityID":"CVE-1","PkgName":"p"}]"#;
    let read = of_result(&format!(r#""Target":"x","Class":"os-pkgs","Vulnerabilitier":{entry}"#));
    assert_eq!(read.report.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), [ProblemKind::Scan]);
    let read = read_text(r#"{"SchemaVersion":2,"ArtifactName":"a","Result":[{"Target":"x"}]}"#);
    assert!(read.report.nothing_scanned.is_some() && !read.report.problems.is_empty());
    assert!(
        error(&of_result(&format!(r#""Target":"x","vulnerabilities":{entry}"#)))
            .contains("`Vulnerabilities`")
    );
    assert!(
        error(&read_text(r#"{"SchemaVersion":2,"ArtifactName":"a","results":[]}"#)).contains("`Results`")
    );
}

#[test]
fn lists_of_another_type_are_errors() {
    for list in ["{}", "\"\"", "0", "true", "[null]", "[[]]"] {
        for key in ["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses"] {
            assert!(of_result(&format!(r#""Target":"x","{key}":{list}"#)).error.is_some(), "{key}: {list}");
        }
        let text = format!(r#"{{"SchemaVersion":2,"ArtifactName":"a","Results":{list}}}"#);
        assert!(read_text(&text).error.is_some(), "Results: {list}");
    }
    let text = r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[{}]}"#;
    assert!(read_text(text).error.is_some());
}

/// Of secrets in a cluster Trivy has written the severity alone.
#[test]
fn an_entry_without_identity_is_a_finding_of_an_unknown_rule() {
    for key in ["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses"] {
        for entry in ["{}", r#"{"Severity":"HIGH","StartLine":3}"#] {
            let read = of_result(&format!(r#""Target":"x","{key}":[{entry}]"#));
            assert!(read.error.is_none(), "{key}: {:?}", read.error);
            let finding = &read.findings[0];
            assert_eq!((read.findings.len(), finding.rule_id.as_str()), (1, ""), "{key}");
            let severity = if entry == "{}" { Severity::Unknown } else { Severity::High };
            assert_eq!(finding.severity, severity, "{key}");
            assert!(!finding.title.is_empty());
        }
    }
}

#[test]
fn a_licence_with_its_package() {
    let read = of_result(
        r#""Target":"OS Packages","Class":"license","Licenses":[
            {"Severity":"CRITICAL","Category":"forbidden","PkgName":"p","FilePath":"","Name":"AGPL-3.0","Confidence":1}]"#,
    );
    let finding = only(&read);
    assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("AGPL-3.0", "p: AGPL-3.0 (forbidden)"));
    assert_eq!((finding.category, finding.path(), finding.fix), (Category::License, None, Fix::Unknown));
    assert_eq!(finding.package.as_ref().map(|p| p.name.as_str()), Some("p"));
}

#[test]
fn other_formats_are_not_claimed() {
    for text in [
        r#"{"Findings":[{"SchemaVersion":"2018-10-08","Id":"x"}]}"#,
        r#"{"ID":"nsa","Title":"t","Version":"1","Results":[{"ID":"1","Name":"n","Results":[]}]}"#,
        r#"{"results":[],"errors":[]}"#,
        r#"[{"Target":"x"}]"#,
    ] {
        assert_ne!(read_text(text).format, Some("trivy"), "{text}");
    }
}

use super::scan_type::ScanType;
use crate::finding::{Category, Confidence, Finding, Fix, Severity, Target, Text};
use crate::report::testing::{ReadText, read_as, read_text};
use crate::report::{Generated, ReadError};

const SCANNER: &str =
    r#""scanner":{"id":"semgrep","name":"Semgrep","version":"1.95.0","vendor":{"name":"GitLab"}}"#;

fn scan(kind: &str) -> String {
    format!(
        r#"{{"analyzer":{{"id":"a","version":"5"}},{SCANNER},"type":"{kind}","start_time":"2026-06-01T10:00:00",
            "end_time":"2026-06-01T10:01:00","status":"success"}}"#
    )
}

fn report(kind: &str, vulnerabilities: &str) -> String {
    format!(
        r#"{{"version":"15.1.4","vulnerabilities":[{vulnerabilities}],"remediations":[],"scan":{}}}"#,
        scan(kind)
    )
}

const INJECTION: &str = r#"{"id":null,"name":"SQL injection","description":"long","severity":"High",
    "location":{"file":"./src/app.py","start_line":12,"end_line":14,"method":"find"},
    "identifiers":[{"type":"semgrep_id","name":"python.sqli","value":"python.sqli"},{"type":"cwe","name":"CWE-89","value":"89"}],
    "details":{"confidence":{"type":"text","name":"confidence","value":"MEDIUM"}},
    "flags":[{"type":"flagged-as-likely-false-positive","origin":"x","description":"y"}]}"#;

fn one(kind: &str, vulnerability: &str) -> Finding {
    let mut read = read_text(&report(kind, vulnerability));
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.findings.len(), 1);
    read.findings.remove(0)
}

fn clean(read: &ReadText) -> bool {
    let report = &read.report;
    read.error.is_none()
        && report.failed.is_none()
        && report.nothing_scanned.is_none()
        && report.problems_total == 0
}

#[test]
fn a_sast_report_of_version_15_with_its_scan_at_the_end() {
    let read = read_text(&report("sast", INJECTION));
    assert!(clean(&read), "{:?} {:?}", read.error, read.report);
    assert_eq!(read.format, Some("gitlab-sast"));
    assert_eq!(read.report.tool.name.as_str(), "semgrep");
    assert_eq!(read.report.tool.version.as_ref().map(Text::as_str), Some("1.95.0"));
    assert!(
        matches!(read.report.generated, Generated::At(time) if time.to_string() == "2026-06-01T10:01:00Z")
    );
    assert_eq!(read.report.categories.iter().collect::<Vec<_>>(), [&Category::Sast]);
    let finding = &read.findings[0];
    assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("python.sqli", "SQL injection"));
    assert_eq!(
        (finding.category, finding.severity, finding.suppressed),
        (Category::Sast, Severity::High, false)
    );
    // The scanner is known only from what follows.
    assert_eq!(finding.tool.as_str(), "semgrep");
    assert_eq!(finding.cwes, [89]);
    assert!(finding.ids.is_empty());
    assert_eq!(finding.confidence, Some(Confidence::Medium));
    let location = finding.location.as_ref().unwrap();
    assert_eq!(
        (location.path.as_str(), location.line, location.end_line),
        ("src/app.py", Some(12), Some(14))
    );
}

#[test]
fn the_type_decides_the_format_and_the_category() {
    for (kind, format, category) in [
        ("sast", "gitlab-sast", Category::Sast),
        ("secret_detection", "gitlab-secret-detection", Category::Secret),
        ("dependency_scanning", "gitlab-dependency-scanning", Category::Vulnerability),
        ("container_scanning", "gitlab-container-scanning", Category::Vulnerability),
        ("cluster_image_scanning", "gitlab-container-scanning", Category::Vulnerability),
        ("dast", "gitlab-dast", Category::Dast),
        ("api_fuzzing", "gitlab-api-fuzzing", Category::Dast),
        ("coverage_fuzzing", "gitlab-coverage-fuzzing", Category::Dast),
    ] {
        for text in [report(kind, ""), report(kind, INJECTION)] {
            let read = read_text(&text);
            assert!(clean(&read), "{kind}: {:?}", read.error);
            assert_eq!(read.format, Some(format));
            assert!(read.report.categories.contains(&category), "{kind}");
            assert!(read.findings.iter().all(|f| f.category == category));
            for other in ScanType::ALL.iter().filter(|t| t.format() != format) {
                let error = read_as(other.format(), &text).error.unwrap().to_string();
                assert!(error.contains(format), "{error}");
            }
        }
    }
}

#[test]
fn infrastructure_scanners_write_sast_reports() {
    let text = report("sast", INJECTION).replace(r#""id":"semgrep","#, r#""id":"kics","#);
    let read = read_text(&text);
    assert_eq!(read.findings[0].category, Category::Misconfiguration);
    assert_eq!(read.report.categories.iter().collect::<Vec<_>>(), [&Category::Misconfiguration]);
    // In old reports each vulnerability names its scanner.
    let old = r#"{"version":"14.1.0","vulnerabilities":[
        {"category":"sast","cve":"a","scanner":{"id":"kics","name":"KICS"},"location":{"file":"a.tf"},"identifiers":[]},
        {"category":"sast","cve":"b","scanner":{"id":"semgrep"},"location":{"file":"a.py"},"identifiers":[]}]}"#;
    let categories: Vec<_> = read_text(old).findings.iter().map(|f| f.category).collect();
    assert_eq!(categories, [Category::Misconfiguration, Category::Sast]);
}

#[test]
fn severities_and_their_absence() {
    for (word, is) in [
        (r#""severity":"Critical","#, Severity::Critical),
        (r#""severity":" HIGH ","#, Severity::High),
        (r#""severity":"Unknown","#, Severity::Unknown),
        (r#""severity":"Undefined","#, Severity::Unknown),
        (r#""severity":"cr\u0131tical","#, Severity::Unknown),
        (r#""severity":null,"#, Severity::Unknown),
        (r#""severity":{"a":[]},"#, Severity::Unknown),
        ("", Severity::Unknown),
    ] {
        assert_eq!(one("sast", &INJECTION.replace(r#""severity":"High","#, word)).severity, is, "{word}");
    }
}

#[test]
fn vectors_tell_what_an_unknown_severity_does_not() {
    let of = |severity: &str, vectors: &str| {
        one("sast", &format!(r#"{{"name":"x","severity":{severity},"cvss_vectors":{vectors}}}"#))
    };
    let low = r#"{"vendor":"NVD","vector":"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:L"}"#;
    let critical = r#"{"vendor":"GitLab","vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}"#;
    assert_eq!(of("\"Unknown\"", &format!("[{low}]")).severity, Severity::Low);
    assert_eq!(of("\"Undefined\"", &format!("[{low},{critical}]")).severity, Severity::Critical);
    assert_eq!(of("null", &format!("[{low}]")).severity, Severity::Low);
    assert_eq!(of("\"Medium\"", &format!("[{critical}]")).severity, Severity::Medium);
    assert_eq!(of("\"Unknown\"", r#"[{"vector":"x"}]"#).severity, Severity::Unknown);
    assert_eq!(of("\"Unknown\"", "7").severity, Severity::Unknown);
    let cvss = of("\"Medium\"", &format!("[{low},{critical}]")).cvss.unwrap();
    assert!((cvss.score - 9.8).abs() < 0.01);
}

#[test]
fn what_the_scan_says_went_wrong() {
    let with = |from: &str, to: &str| read_text(&report("sast", INJECTION).replace(from, to)).report;
    for status in [r#""failure""#, r#""Success""#, "null", "[]"] {
        assert!(with(r#""success""#, status).failed.is_some(), "{status}");
    }
    for level in [r#""warn""#, r#""error""#, r#""fatal""#, r#""of a new kind""#, "null"] {
        let message = format!(r#""status":"success","messages":[{{"level":{level},"value":"no Go"}}]"#);
        assert_eq!(with(r#""status":"success""#, &message).problems_total, 1, "{level}");
    }
    for calm in [r#"[{"level":"info","value":"v"}]"#, "[]", "null"] {
        let message = format!(r#""status":"success","messages":{calm}"#);
        assert_eq!(with(r#""status":"success""#, &message).problems_total, 0, "{calm}");
    }
    assert_eq!(
        with(r#""status":"success""#, r#""messages":{"level":"warn"},"status":"success""#).problems_total,
        1
    );
    // A key that was changed takes its fact along.
    assert_eq!(with(r#","status":"#, r#","ztatus":"#).problems_total, 2);
    assert_eq!(with(r#","status":"success""#, "").problems_total, 1);
}

#[test]
fn a_report_without_scan_must_be_old() {
    let of = |version: &str, scan: &str| {
        read_as("gitlab-sast", &format!(r#"{{{version}"vulnerabilities":[{INJECTION}]{scan}}}"#))
    };
    for version in
        ["", r#""version":null,"#, r#""version":"2.3","#, r#""version":14,"#, r#""version":"14.1.2","#]
    {
        assert!(clean(&of(version, "")), "{version}");
    }
    for scan in ["", r#","scan":null"#, r#","scam":{"status":"failure"}"#] {
        let read = of(r#""version":"15.0.0","#, scan);
        assert!(read.report.problems.iter().any(|p| p.message.as_str().contains("`scan`")), "{scan}");
        assert_eq!(read.findings.len(), 1);
    }
    for version in ["99.0.0", "not a version", "", "0.1", "15x", "v15.0", "15.", "16.0.0"] {
        let error = of(&format!(r#""version":"{version}","#), "").error.unwrap().to_string();
        assert!(error.contains("version"), "{error}");
    }
    assert!(of(r#""version":[15],"#, "").error.is_some());
    assert!(of(r#""version":99,"#, "").error.is_some());
}

#[test]
fn the_list_must_be_there() {
    let of = |list: &str| {
        read_as("gitlab-sast", &format!(r#"{{"version":"15.0.0",{list}"scan":{}}}"#, scan("sast")))
    };
    assert!(clean(&of(r#""vulnerabilities":[],"#)));
    assert!(clean(&of(r#""vulnerabilities":null,"#)));
    for list in [
        "",
        r#""vulnerabilities":{},"#,
        r#""vulnerabilities":0,"#,
        r#""vulnerabilities":[null],"#,
        r#""vulnerabilities":[1],"#,
        r#""vulnerabilities":[[]],"#,
        r#""vulnerabilities":[{}],"#,
        r#""Vulnerabilities":[],"#,
        r#""vulnerabilities":[],"vulnerabilities":[],"#,
    ] {
        assert!(of(list).error.is_some(), "{list}");
    }
    // Findings under a changed name.
    let read = of(r#""vulnerabilities":[],"more":[{"severity":"Critical"}],"#);
    assert_eq!(read.report.problems_total, 1);
}

#[test]
fn shapes_tell_the_type_where_the_scan_does_not() {
    let of = |vulnerability: &str| {
        read_text(&format!(r#"{{"version":"14.0.6","vulnerabilities":[{vulnerability}]}}"#))
    };
    let place = |location: &str| {
        format!(r#"{{"location":{{{location}}},"identifiers":[{{"type":"x","value":"y"}}]}}"#)
    };
    for (location, format) in [
        (r#""image":"a:1","dependency":{}"#, "gitlab-container-scanning"),
        (r#""file":"go.sum","dependency":{}"#, "gitlab-dependency-scanning"),
        (r#""file":"a","start_line":1,"commit":{}"#, "gitlab-secret-detection"),
        (r#""crash_state":"a""#, "gitlab-coverage-fuzzing"),
    ] {
        assert_eq!(of(&place(location)).format, Some(format));
    }
    for (location, formats) in [
        (r#""hostname":"http://a""#, ["gitlab-dast", "gitlab-api-fuzzing"].as_slice()),
        (r#""file":"a","start_line":1"#, ["gitlab-sast", "gitlab-secret-detection"].as_slice()),
    ] {
        let error = of(&place(location)).error;
        assert!(matches!(&error, Some(ReadError::Ambiguous { formats: f }) if f == formats), "{error:?}");
    }
    assert!(matches!(of("").error, Some(ReadError::Ambiguous { .. })));
    assert!(matches!(read_text(r#"{"vulnerabilities":[]}"#).error, Some(ReadError::Unknown { .. })));
    let inventory = r#"{"bomFormat":"CycloneDX","version":1,"vulnerabilities":[]}"#;
    assert_eq!(read_text(inventory).format, Some("cyclonedx"));
    let old = r#"[{"category":"dependency_scanning","cve":"a","priority":"High","tool":"gemnasium","file":"go.sum"}]"#;
    let read = read_text(old);
    assert_eq!(read.format, Some("gitlab-dependency-scanning"));
    assert_eq!((read.findings[0].severity, read.findings[0].tool.as_str()), (Severity::High, "gemnasium"));
    assert_eq!(read.findings[0].path(), Some("go.sum"));
}

#[test]
fn a_type_is_also_told_by_a_scan_beyond_the_first_look() {
    let many = vec![INJECTION; 200].join(",");
    let read = read_text(&report("sast", &many));
    assert!(clean(&read), "{:?}", read.error);
    assert_eq!((read.format, read.findings.len()), (Some("gitlab-sast"), 200));
}

#[test]
fn packages_ids_and_fixes() {
    let finding = one(
        "container_scanning",
        r#"{"id":"x","severity":"Critical","solution":"Upgrade busybox to 1.34.1-r5",
            "location":{"dependency":{"package":{"name":"busybox"},"version":"1.34.1-r4"},"operating_system":"alpine",
                "image":"registry.example.com/a@sha256:ABcd"},
            "identifiers":[{"type":"cve","name":"CVE-2022-28391","value":"CVE-2022-28391"},
                {"type":"CWE","name":"CWE-79","value":"79"},{"type":"rhsa","name":"RHSA-1","value":"RHSA-2022:1"}]}"#,
    );
    let package = finding.package.as_ref().unwrap();
    assert_eq!((package.name.as_str(), package.version.as_str()), ("busybox", "1.34.1-r4"));
    assert_eq!(finding.fix, Fix::Available);
    assert_eq!(finding.ids.iter().map(Text::as_str).collect::<Vec<_>>(), ["CVE-2022-28391", "RHSA-2022:1"]);
    assert_eq!(finding.cwes, [79]);
    assert_eq!(finding.title.as_str(), "busybox 1.34.1-r4: CVE-2022-28391");
    assert_eq!(finding.target.as_ref().map(Text::as_str), Some("registry.example.com/a@sha256:ABcd"));
    let missing = one(
        "dependency_scanning",
        r#"{"name":"XML","severity":"Unknown","location":{"file":"go.sum","dependency":{"package":{}}},"identifiers":[]}"#,
    );
    assert_eq!(
        (missing.path(), missing.package.is_none(), missing.fix),
        (Some("go.sum"), true, Fix::Unknown)
    );
}

#[test]
fn an_image_by_digest_is_what_the_report_is_about() {
    let place = |image: &str| format!(r#"{{"name":"n","location":{{"image":"{image}"}},"identifiers":[]}}"#);
    let digest = format!("r/a@sha256:{}", "a".repeat(64));
    let text = report("container_scanning", &[&digest, "r/a:1", &digest].map(place_of(&place)).join(","));
    let read = read_text(&text);
    assert_eq!(read.report.target, Some(Target::Image));
    assert_eq!(read.report.digests.len(), 1);
}

fn place_of(place: &impl Fn(&str) -> String) -> impl FnMut(&str) -> String + '_ {
    move |image| place(image)
}

#[test]
fn places_of_applications() {
    let finding = one(
        "dast",
        r#"{"name":"PII","severity":"Low","location":{"hostname":"http://u:pw@api:80","path":"/v1?key=v4lue","method":"GET","param":""},
            "evidence":{"summary":"378282246310005"},"identifiers":[{"type":"ZAProxy_PluginId","name":"PII Disclosure","value":"10062"}]}"#,
    );
    assert_eq!(
        (finding.path(), finding.target.as_ref().map(Text::as_str)),
        (Some("api:80/v1"), Some("api:80"))
    );
    assert_eq!((finding.rule_id.as_str(), finding.category), ("10062", Category::Dast));
    let text = format!("{finding:?}");
    assert!(!["378282", "pw@", "v4lue"].iter().any(|value| text.contains(value)), "{text}");
}

#[test]
fn a_secret_leaves_no_trace() {
    let secret = |value: &str, digest: &str| {
        one(
            "secret_detection",
            &format!(
                r#"{{"id":"1","category":"secret_detection","name":"Key {value} found","message":"{value}","description":"{value}",
                    "cve":".env:{digest}:aws","severity":"Critical","raw_source_code_extract":"KEY = \"{value}\"",
                    "location":{{"file":".env","start_line":3,"commit":{{"sha":"0000000"}}}},
                    "identifiers":[{{"type":"gitleaks_rule_id","name":"Gitleaks rule ID AWS","value":"AWS"}}]}}"#
            ),
        )
    };
    let finding = secret("AKIA0000EXAMPLE", &"a".repeat(64));
    let text = format!("{finding:?}");
    assert!(!text.contains("AKIA") && !text.contains("aaaaaaaa"), "{text}");
    assert_eq!((finding.title.as_str(), finding.category), ("Key *** found", Category::Secret));
    assert_eq!(finding.fingerprint, secret("AKIA1111EXAMPLE", &"b".repeat(64)).fingerprint);
    // Bandit quotes the password in its own words, and says nothing of what it quotes.
    let bandit = |value: &str| {
        one(
            "sast",
            &format!(
                r#"{{"name":"Possible hardcoded password: '{value}'","message":"Possible hardcoded password: '{value}'","severity":"Low",
                    "location":{{"file":"a.py","start_line":3}},"identifiers":[{{"type":"bandit_test_id","value":"B105"}}]}}"#
            ),
        )
    };
    assert_eq!(bandit("hunter2").title.as_str(), "Possible hardcoded password: '***'");
    assert_eq!(bandit("hunter2").fingerprint, bandit("correct horse").fingerprint);
}

#[test]
fn identity_is_neither_id_nor_line() {
    let of = |from: &str, to: &str| one("sast", &INJECTION.replace(from, to)).fingerprint;
    let same = of("", "");
    assert_eq!(same, of(r#""id":null"#, r#""id":"7b1c""#));
    assert_eq!(same, of(r#""start_line":12"#, r#""start_line":90"#));
    assert_ne!(same, of("python.sqli\"}", "python.other\"}"));
    assert_ne!(same, of("src/app.py", "src/b.py"));
    assert_ne!(same, of(r#""id":null"#, r#""message":"in `find`""#));
}

#[test]
fn what_is_odd_is_dropped_and_the_finding_stays() {
    for (from, to) in [
        (r#""start_line":12"#, r#""start_line":1e400"#),
        (r#""start_line":12"#, r#""start_line":{"a":1}"#),
        (r#""name":"SQL injection""#, r#""name":[1e400]"#),
        (r#""location":{"#, r#""place":{"#),
        (r#""identifiers":["#, r#""identifiers":[null,7,"#),
        (r#""identifiers":["#, r#""identifiers":null,"more":["#),
        (r#""details":{"confidence""#, r#""details":{"a":{"b":[{}]},"confidence""#),
    ] {
        let read = read_as("gitlab-sast", &report("sast", &INJECTION.replace(from, to)));
        assert!(clean(&read), "{:?}", read.error);
        assert_eq!(read.findings[0].severity, Severity::High, "{to}");
    }
    for (from, to) in [
        (r#""method":"find""#, r#""method":"find","file":"b""#),
        (r#""severity":"High""#, r#""severity":"High","severity":"Low""#),
        (r#"{"type":"cwe","#, r#"{"type":"cwe","type":"x","#),
    ] {
        let error = read_as("gitlab-sast", &report("sast", &INJECTION.replace(from, to))).error.unwrap();
        assert!(error.to_string().contains("given twice"), "{error}");
    }
}

#[test]
fn no_cut_and_no_flipped_bit_loses_the_finding() {
    let text = report("sast", &INJECTION.replace("High", "Critical"));
    for end in 0..text.len() {
        let cut = text.get(..end).unwrap();
        for read in [read_as("gitlab-sast", cut), read_text(cut)] {
            assert!(read.error.is_some() && read.findings.is_empty(), "{end}");
        }
    }
    for (at, bit) in (0..text.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let Ok(flipped) = String::from_utf8(bytes) else { continue };
        let read = read_as("gitlab-sast", &flipped);
        let worst = [Severity::Critical, Severity::Unknown];
        let kept = read.active().any(|f| worst.contains(&f.severity) && f.category == Category::Sast);
        assert!(kept || !clean(&read), "{at} {bit}: {flipped}");
    }
}

/// A guess from the end of the file is believed only if `scan` says so.
#[test]
fn a_misleading_end_of_the_file_is_found_out() {
    let of = |end: &str| {
        let text = format!(
            r#"{{"version":"15.0.0","vulnerabilities":[{{"id":"1","category":"sast","name":"n","severity":"High",
                "location":{{"file":"a.py","start_line":3}},"identifiers":[{{"type":"x","name":"r","value":"r"}}]}}],
                "scan":{{"type":"sast","status":"success","scanner":{{"id":"semgrep","name":"S","version":"1"}}}}{end}}}"#
        );
        read_as("gitlab-sast", &text)
    };
    for end in ["", r#","remediations":[{"summary":"\"scan\":","x":{"scan":{"scanner":{"id":"kics"}}}}]"#] {
        let read = of(end);
        assert!(read.error.is_none(), "{:?}", read.error);
        let tools: Vec<&str> = read.findings.iter().map(|f| f.tool.as_str()).collect();
        assert_eq!(tools, ["semgrep"], "{end}");
        assert_eq!(read.findings[0].category, Category::Sast);
    }
}

#[test]
fn a_part_and_nothing_are_told() {
    let partial =
        report("sast", "").replace(r#""status""#, r#""partial_scan":{"mode":"differential"},"status""#);
    let read = read_text(&partial);
    assert!(read.report.problems[0].message.as_str().contains("only changed files"), "{:?}", read.report);
    let whole = report("sast", "").replace(r#""status""#, r#""partial_scan":null,"status""#);
    assert!(clean(&read_text(&whole)));

    let with = |files: &str, found: &str| {
        let text = report("dependency_scanning", found)
            .replace(r#""remediations""#, &format!(r#""dependency_files":{files},"remediations""#));
        read_text(&text).report.nothing_scanned.is_some()
    };
    let found = r#"{"name":"x","severity":"Low","identifiers":[{"type":"cve","name":"CVE-1","value":"CVE-1"}],
        "location":{"file":"a","dependency":{"package":{"name":"b"},"version":"1"}}}"#;
    assert!(with("[]", "") && !with("[]", found));
    assert!(!with(r#"[{"path":"a","package_manager":"npm","dependencies":[]}]"#, "") && !with("null", ""));

    let dast = |resources: &str| {
        let text = report("dast", "")
            .replace(r#""status""#, &format!(r#""scanned_resources":{resources},"status""#));
        read_text(&text).report.nothing_scanned.is_some()
    };
    assert!(dast("[]") && !dast(r#"[{"method":"GET","type":"url","url":"http://shop.test"}]"#));
}

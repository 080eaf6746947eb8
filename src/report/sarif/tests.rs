use crate::finding::{Category, Confidence, Finding, Fix, Reachability, RelatedPlace, Severity, Text};
use crate::report::testing::{ReadText, read_as, read_text};
use crate::report::{Generated, ProblemKind};

/// A log of one run with these members.
fn run(members: &str) -> ReadText {
    read_text(&format!(r#"{{"version":"2.1.0","runs":[{{{members}}}]}}"#))
}

/// A log of one run of a tool with these rules and results.
fn of(driver: &str, rules: &str, results: &str) -> ReadText {
    run(&format!(r#""tool":{{"driver":{{"name":"{driver}","rules":[{rules}]}}}},"results":[{results}]"#))
}

fn only(read: &ReadText) -> &Finding {
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.findings.len(), 1);
    &read.findings[0]
}

fn error(read: &ReadText) -> String {
    read.error.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn problems(read: &ReadText) -> Vec<ProblemKind> {
    assert!(read.error.is_none(), "{:?}", read.error);
    read.report.problems.iter().map(|p| p.kind).collect()
}

const RULE: &str = r#"{"id":"py/sqli","shortDescription":{"text":"SQL built from input"},
    "defaultConfiguration":{"level":"error"},"properties":{"tags":["security","external/cwe/cwe-089"],"precision":"high"}}"#;
const RESULT: &str = r#"{"ruleId":"py/sqli","ruleIndex":0,"message":{"text":"query of '{0}'","arguments":["name"]},
    "locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/a.py"},"region":{"startLine":3,"endLine":4}}}],
    "partialFingerprints":{"primaryLocationLineHash":"39fa2ee980eb94b0:1"}}"#;

#[test]
fn a_result_with_its_rule() {
    let read = of("CodeQL", RULE, RESULT);
    let finding = only(&read);
    assert_eq!((read.format, read.report.tool.name.as_str()), (Some("sarif"), "codeql"));
    assert_eq!((finding.category, finding.severity), (Category::Sast, Severity::High));
    assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("py/sqli", "query of 'name'"));
    assert_eq!(finding.native_severity.as_ref().map(Text::as_str), Some("error"));
    assert_eq!((finding.cwes.as_slice(), finding.confidence), ([89].as_slice(), Some(Confidence::High)));
    let place = finding.location.as_ref().unwrap();
    assert_eq!((place.path.as_str(), place.line, place.end_line), ("src/a.py", Some(3), Some(4)));
    assert!(problems(&read).is_empty());
}

#[test]
fn rules_after_results_are_the_same() {
    let before = of("CodeQL", RULE, RESULT);
    let after = run(&format!(
        r#""results":[{RESULT}],"tool":{{"extensions":[],"driver":{{"rules":[{RULE}],"name":"CodeQL"}}}}"#
    ));
    assert_eq!(only(&before), only(&after));
    assert_eq!(after.report.tool.name.as_str(), "codeql");
    let text = format!(r#"{{"runs":[{{"results":[{RESULT}]}}],"version":"2.1.0"}}"#);
    let read = read_text(&text);
    assert_eq!((only(&read).severity, problems(&read)), (Severity::Medium, vec![ProblemKind::Scan]));
}

#[test]
fn severities() {
    let severity = |rule: &str, result: &str| {
        let read = of("X", &format!(r#"{{"id":"r"{rule}}}"#), &format!(r#"{{"ruleId":"r"{result}}}"#));
        only(&read).severity
    };
    let score = |value: &str| format!(r#","properties":{{"security-severity":{value}}}"#);
    let level = r#","level":"note""#;
    let default = r#","defaultConfiguration":{"level":"error"}"#;
    for (value, is) in [
        ("\"9.0\"", Severity::Critical),
        ("8.9", Severity::High),
        ("\"6.9 \"", Severity::Medium),
        ("\"0.1\"", Severity::Low),
        ("\"CRITICAL\"", Severity::Critical),
        ("\"moderate\"", Severity::Medium),
        ("\"0.0\"", Severity::Low),
        ("0", Severity::Low),
        ("\"9,8\"", Severity::Critical),
        ("-3", Severity::Unknown),
        ("1e400", Severity::Unknown),
        ("\"inf\"", Severity::Unknown),
        ("\"NaN\"", Severity::Unknown),
        ("\"none\"", Severity::Unknown),
        ("\"undefined\"", Severity::Unknown),
        ("\"\"", Severity::Unknown),
        ("[9.8]", Severity::Unknown),
        ("true", Severity::Unknown),
        ("\"Unknown\"", Severity::Unknown),
        ("null", Severity::Low),
    ] {
        assert_eq!(severity("", &format!("{}{level}", score(value))), is, "of the result: {value}");
        assert_eq!(severity(&score(value), level), is, "of the rule: {value}");
    }
    assert_eq!(severity(&score("9.8"), &score("\"0\"")), Severity::Critical);
    assert_eq!(severity(&score("9.8"), &score("1")), Severity::Low);
    assert_eq!(severity(default, r#","level":"note""#), Severity::Low);
    assert_eq!(severity(default, r#","level":"none""#), Severity::Info);
    assert_eq!(severity(default, r#","level":"ERROR ""#), Severity::High);
    assert_eq!(severity(default, r#","level":"errnr""#), Severity::Unknown);
    assert_eq!(severity(default, r#","level":3"#), Severity::Unknown);
    assert_eq!(severity(default, r#","level":null"#), Severity::High);
    assert_eq!(severity(default, r#","kind":"review""#), Severity::Info);
    assert_eq!(severity(default, r#","kind":"Fail""#), Severity::High);
    assert_eq!(severity(default, r#","kind":"odd""#), Severity::High);
    assert_eq!(severity(default, r#","kind":"open","level":"error""#), Severity::High);
    assert_eq!(severity(r#","defaultConfiguration":{"level":"bad"}"#, ""), Severity::Unknown);
    assert_eq!(severity(r#","defaultConfiguration":{}"#, ""), Severity::Medium);
    assert_eq!(severity("", ""), Severity::Medium);
    let said = |word: &str| format!(r#","properties":{{"severity":"{word}"}}"#);
    let error = r#","level":"error""#;
    assert_eq!(severity("", &format!("{}{error}", said("CRITICAL"))), Severity::Critical);
    assert_eq!(severity(&said("critical"), error), Severity::Critical);
    assert_eq!(severity(&said("low"), error), Severity::High);
    assert_eq!(severity(&said("high"), ""), Severity::High);
    assert_eq!(severity("", &format!("{}{error}", said("Blocker"))), Severity::High);
    let both = r#","properties":{"severity":"CRITICAL","security-severity":"5.0"}"#;
    assert_eq!(severity("", both), Severity::Medium);
}

#[test]
fn an_index_that_contradicts_the_id_never_makes_it_better() {
    let rules = r#"{"id":"banner","properties":{"security-severity":"0.5"}},{"id":"rce","properties":{"security-severity":"9.8"}}"#;
    let severity = |result: &str| only(&of("X", rules, result)).severity;
    assert_eq!(severity(r#"{"ruleId":"sqli","ruleIndex":0,"level":"error"}"#), Severity::High);
    assert_eq!(severity(r#"{"ruleId":"sqli","ruleIndex":0}"#), Severity::Medium);
    assert_eq!(severity(r#"{"ruleId":"sqli","ruleIndex":1,"level":"note"}"#), Severity::Critical);
    assert_eq!(severity(r#"{"ruleId":"rce","ruleIndex":0,"level":"note"}"#), Severity::Critical);
    assert_eq!(severity(r#"{"ruleId":"banner/sub","ruleIndex":0,"level":"error"}"#), Severity::Low);
    let elsewhere = |component: &str| {
        let tool = r#""tool":{"driver":{"name":"X","rules":[{"id":"banner","properties":{"security-severity":"0.5"}}]},
            "extensions":[{"name":"pack","guid":"g-1","rules":[{"id":"sqli","properties":{"security-severity":"9.8"}}]}]}"#;
        let result = format!(r#"{{"rule":{{"index":0,"toolComponent":{component}}},"level":"error"}}"#);
        only(&run(&format!(r#"{tool},"results":[{result}]"#))).severity
    };
    for component in [r#"{"guid":"g-1"}"#, r#"{"index":0}"#, r#"{"name":"pack"}"#] {
        assert_eq!(elsewhere(component), Severity::Critical, "{component}");
    }
    for component in [r#"{"guid":"g-2"}"#, r#"{"index":7}"#, r#"{"name":"other"}"#] {
        assert_eq!(elsewhere(component), Severity::High, "{component}");
    }
}

#[test]
fn results_that_do_not_count() {
    let read = of(
        "X",
        "",
        r#"{"ruleId":"a","kind":"PASS"},{"ruleId":"b","kind":"notApplicable"},{"ruleId":"c","baselineState":"absent"},
           {"ruleId":"d","suppressions":[{"kind":"inSource"}]},{"ruleId":"e","suppressions":[{"state":"accepted"}]}"#,
    );
    assert_eq!((read.findings.len(), read.active().count()), (3, 0));
    for active in [
        r#""suppressions":[]"#,
        r#""suppressions":null"#,
        r#""suppressions":{}"#,
        r#""suppressions":["x"]"#,
        r#""suppressions":[{"status":"rejected"}]"#,
        r#""suppressions":[{"status":"underReview"},{"status":"accepted"}]"#,
        r#""suppressions":[{"status":null}]"#,
        r#""suppressions":[{"statur":"rejected"}]"#,
        r#""suppressions":[{"state":"rejected"}]"#,
        r#""baselineState":"unchanged""#,
        r#""baselineState":"existing""#,
    ] {
        let read = of("X", "", &format!(r#"{{"ruleId":"a",{active}}}"#));
        assert_eq!(read.active().count(), 1, "{active}");
    }
}

#[test]
fn rules_are_found_however_they_are_named() {
    let tool = r#""tool":{"driver":{"name":"X","rules":[{"id":"one","defaultConfiguration":{"level":"note"}},
        {"id":"two","defaultConfiguration":{"level":"error"}}]},
        "extensions":[{"name":"pack","rules":[{"id":"three","defaultConfiguration":{"level":"error"}}]}]}"#;
    for (named, id, severity) in [
        (r#""ruleId":"two""#, "two", Severity::High),
        (r#""ruleIndex":1"#, "two", Severity::High),
        (r#""rule":{"index":1}"#, "two", Severity::High),
        (r#""rule":{"id":"two"}"#, "two", Severity::High),
        (r#""ruleId":"two/sub","ruleIndex":1"#, "two/sub", Severity::High),
        (r#""ruleId":"two","ruleIndex":0"#, "two", Severity::High),
        (r#""ruleId":"two","ruleIndex":99"#, "two", Severity::High),
        (r#""ruleId":"tvo","ruleIndex":1"#, "tvo", Severity::High),
        (r#""ruleId":"three","rule":{"index":0,"toolComponent":{"index":0}}"#, "three", Severity::High),
        (r#""rule":{"index":0,"toolComponent":{"name":"pack"}}"#, "three", Severity::High),
        (r#""ruleId":"three""#, "three", Severity::High),
        (r#""ruleId":"","ruleIndex":-1,"message":{"text":"x"}"#, "", Severity::Medium),
    ] {
        let read = run(&format!(r#"{tool},"results":[{{{named}}}]"#));
        let finding = only(&read);
        assert_eq!((finding.rule_id.as_str(), finding.severity), (id, severity), "{named}");
        assert!(problems(&read).is_empty(), "{named}");
    }
    for named in [r#""ruleId":"four""#, r#""ruleIndex":7"#] {
        assert_eq!(
            problems(&run(&format!(r#"{tool},"results":[{{{named}}}]"#))),
            [ProblemKind::Rule],
            "{named}"
        );
    }
    assert!(problems(&of("X", "", r#"{"ruleId":"four"}"#)).is_empty());
}

/// Section 3.19.23 lets a tool list any of its rules, or none. Where the rules tell severities, one may be lost.
#[test]
fn a_rule_that_is_not_listed_matters_where_listed_ones_tell_severities() {
    let plain = r#"{"id":"one","shortDescription":{"text":"x"}}"#;
    let level = r#"{"id":"one","defaultConfiguration":{"level":"error"}}"#;
    let score = r#"{"id":"one","properties":{"security-severity":"9.8"}}"#;
    for (rules, keys, lost) in [
        (plain, "", false),
        (plain, r#","level":"error""#, false),
        (level, "", true),
        (level, r#","level":"error""#, false),
        (score, "", true),
        (score, r#","level":"error""#, false),
        (score, r#","properties":{"security-severity":"7.0"}"#, false),
    ] {
        let read = of("X", rules, &format!(r#"{{"ruleId":"four"{keys}}}"#));
        assert_eq!(problems(&read) == [ProblemKind::Rule], lost, "{rules} {keys}");
        assert_eq!(problems(&read).is_empty(), !lost, "{rules} {keys}");
    }
    let null = r#""tool":{"driver":{"name":"X","rules":null}},"results":[{"ruleId":"four"}]"#;
    assert_eq!(problems(&run(null)), [ProblemKind::Rule]);
}

#[test]
fn an_invocation_sets_levels_of_rules() {
    let invocations = r#""invocations":[{"executionSuccessful":true},{"executionSuccessful":true,"ruleConfigurationOverrides":
        [{"descriptor":{"index":0},"configuration":{"level":"error"}}]}]"#;
    let tool =
        r#""tool":{"driver":{"name":"X","rules":[{"id":"r","defaultConfiguration":{"level":"note"}}]}}"#;
    let severity = |results: &str, after: bool| {
        let results = format!(r#""results":[{{"ruleId":"r"{results}}}]"#);
        let read = if after {
            run(&format!("{tool},{results},{invocations}"))
        } else {
            run(&format!("{invocations},{results},{tool}"))
        };
        only(&read).severity
    };
    for after in [true, false] {
        assert_eq!(severity(r#","provenance":{"invocationIndex":1}"#, after), Severity::High);
        assert_eq!(severity(r#","provenance":{"invocationIndex":0}"#, after), Severity::Low);
        assert_eq!(severity("", after), Severity::Low);
        assert_eq!(
            severity(r#","level":"warning","provenance":{"invocationIndex":1}"#, after),
            Severity::Medium
        );
    }
}

#[test]
fn artifacts_by_index() {
    let artifacts = r#""artifacts":[{"location":{"uri":"x"}},{"location":{"uri":"a.py","uriBaseId":"S"}}]"#;
    let results =
        r#""results":[{"ruleId":"r","locations":[{"physicalLocation":{"artifactLocation":{"index":1}}}]}]"#;
    let tool = r#""tool":{"driver":{"name":"X"}}"#;
    let bases = r#""originalUriBaseIds":{"S":{"uri":"src/"}}"#;
    for parts in [
        [tool, bases, artifacts, results],
        [artifacts, bases, tool, results],
        [tool, results, artifacts, bases],
        [artifacts, results, bases, tool],
        [results, bases, tool, artifacts],
    ] {
        assert_eq!(only(&run(&parts.join(","))).path(), Some("src/a.py"), "{parts:?}");
    }
    let missing = run(&format!(r#"{tool},{results},"artifacts":[]"#));
    assert_eq!(only(&missing).path(), None);
}

#[test]
fn drivers_that_cannot_tell_severity() {
    let severity = |driver: &str, level: &str, properties: &str| {
        let result = format!(r#"{{"ruleId":"x"{level},"properties":{{{properties}}}}}"#);
        only(&of(driver, r#"{"id":"x"}"#, &result)).severity
    };
    let (none, error, scored) = ("", r#","level":"error""#, r#""security-severity":"5.0""#);
    assert_eq!(severity("gitleaks", none, ""), Severity::Critical);
    assert_eq!(severity("gitleaks", error, ""), Severity::High);
    assert_eq!(severity("Checkov", error, ""), Severity::Unknown);
    assert_eq!(severity("Checkov", error, scored), Severity::Medium);
    assert_eq!(severity("osv-scanner", none, ""), Severity::Unknown);
    assert_eq!(severity("Own", none, ""), Severity::Medium);
    assert_eq!(severity("secretlint", none, ""), Severity::Critical);
    assert_eq!(severity("JFrog Secrets scanner", error, ""), Severity::High);
    assert_eq!(severity("Acme Secrets", none, ""), Severity::Critical);
    assert_eq!(severity("Checkov", error, r#""severity":"LOW""#), Severity::Low);
    assert_eq!(severity("Checkov", error, r#""severity":"odd""#), Severity::Unknown);
}

#[test]
fn categories() {
    let category = |driver: &str, rule: &str, id: &str| {
        let read = of(driver, &format!(r#"{{"id":"{id}"{rule}}}"#), &format!(r#"{{"ruleId":"{id}"}}"#));
        only(&read).category
    };
    let tags = |tag: &str| format!(r#","properties":{{"tags":["security","{tag}"]}}"#);
    assert_eq!(category("gitleaks", "", "x"), Category::Secret);
    assert_eq!(category("Trivy", &tags("vulnerability"), "CVE-2026-1"), Category::Vulnerability);
    assert_eq!(category("Trivy", &tags("secret"), "x"), Category::Secret);
    assert_eq!(category("Trivy", &tags("misconfiguration"), "x"), Category::Misconfiguration);
    assert_eq!(category("Semgrep OSS", &tags("CWE-798: Hard-coded"), "x"), Category::Sast);
    assert_eq!(category("Own", &tags("CWE-798: Hard-coded"), "x"), Category::Secret);
    assert_eq!(category("Own", &tags("iac"), "x"), Category::Misconfiguration);
    for (driver, is) in [
        ("JFrog Secrets scanner", Category::Secret),
        ("JFrog Terraform scanner", Category::Misconfiguration),
        ("JFrog Applicability Scanner", Category::Vulnerability),
        ("JFrog Xray Scanner", Category::Vulnerability),
        ("JFrog SAST", Category::Sast),
        ("secretlint", Category::Secret),
        ("Scorecard", Category::Misconfiguration),
        ("poutine", Category::Misconfiguration),
        ("cargo-audit", Category::Vulnerability),
        ("cargo-deny", Category::Vulnerability),
        ("Acme Secrets Finder", Category::Secret),
    ] {
        assert_eq!(category(driver, "", "x"), is, "{driver}");
    }
    assert_eq!(category("Checkov", "", "CKV_SECRET_6"), Category::Secret);
    assert_eq!(category("Checkov", "", "CKV_AWS_6"), Category::Misconfiguration);
    let query = r#","shortDescription":{"text":"Passwords And Secrets - Generic Password"}"#;
    assert_eq!(category("KICS", query, "487f4be7"), Category::Secret);
    assert_eq!(category("Own", "", "BDSA-1 (CVE-2026-12)"), Category::Vulnerability);
    let guessed = of("Own", "", r#"{"ruleId":"x"}"#);
    assert_eq!(only(&guessed).category, Category::Sast);
    assert!(guessed.report.note.is_some());
    assert!(of("Bandit", "", "").report.categories.contains(&Category::Sast));
    assert!(of("Gitleaks", "", "").report.categories.iter().eq([&Category::Secret]));
}

#[test]
fn what_speaks_of_credentials_may_hold_one() {
    let may = |rule: &str, result: &str| {
        only(&of("Bandit", rule, &format!(r#"{{"ruleId":"B105"{result}}}"#))).may_hold_secret
    };
    assert!(!may(r#"{"id":"B105"}"#, ""));
    assert!(may(r#"{"id":"B105","name":"hardcoded_password_string"}"#, ""));
    assert!(may(r#"{"id":"B105","properties":{"tags":["external/cwe/cwe-522"]}}"#, ""));
    assert!(may(r#"{"id":"B105"}"#, r#","message":{"text":"Possible password: 'x'"}"#));
    let read = of("Bandit", r#"{"id":"B105","name":"hardcoded_password"}"#, r#"{"ruleId":"B105"}"#);
    assert_eq!(only(&read).category, Category::Sast);
}

#[test]
fn applicability_is_reachability() {
    let of = |word: &str| {
        let result = format!(r#"{{"ruleId":"CVE-2026-1","properties":{{"applicability":"{word}"}}}}"#);
        only(&of("JFrog Xray Scanner", "", &result)).reachable
    };
    assert_eq!(of("Applicable"), Reachability::Yes);
    assert_eq!(of("Not Applicable"), Reachability::No);
    assert_eq!(of("Undetermined"), Reachability::Unknown);
}

#[test]
fn a_secret_leaves_no_trace() {
    let of_value = |value: &str, driver: &str, tags: &str| {
        let rule = format!(r#"{{"id":"some-rule","properties":{{"tags":["{tags}"]}}}}"#);
        let result = format!(
            r#"{{"ruleId":"some-rule","message":{{"text":"found {value}","arguments":["{value}"]}},
            "partialFingerprints":{{"primaryLocationLineHash":"h{value}"}},"fingerprints":{{"secret/v1":"h{value}"}},
            "locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a.py"}},
            "region":{{"startLine":1,"snippet":{{"text":"{value}"}}}}}}}}],"properties":{{"match":"{value}"}}}}"#
        );
        let read = of(driver, &rule, &result);
        assert!(!format!("{:?} {:?}", read.findings, read.report).contains(value));
        only(&read).fingerprint
    };
    for (driver, tags) in
        [("gitleaks", ""), ("Semgrep OSS", "CWE-798: x"), ("Own", "secret"), ("Own", "CWE-321")]
    {
        assert_eq!(of_value("hunter2", driver, tags), of_value("letmein1", driver, tags), "{driver}");
    }
}

#[test]
fn one_place_more_is_another_finding() {
    let of_places = |places: &[(&str, u32)]| {
        let place = |(file, line): &(&str, u32)| {
            format!(
                r#"{{"physicalLocation":{{"artifactLocation":{{"uri":"{file}"}},"region":{{"startLine":{line}}}}}}}"#
            )
        };
        let places: Vec<String> = places.iter().map(place).collect();
        let result =
            format!(r#"{{"ruleId":"r","message":{{"text":"m"}},"locations":[{}]}}"#, places.join(","));
        only(&of("Own", "", &result)).fingerprint
    };
    let one = of_places(&[("a.py", 1)]);
    let two = of_places(&[("a.py", 1), ("b.py", 2)]);
    assert_ne!(one, two);
    assert_ne!(one, of_places(&[("a.py", 1), ("a.py", 2)]));
    assert_ne!(two, of_places(&[("a.py", 1), ("c.py", 2)]));
    assert_eq!(two, of_places(&[("a.py", 9), ("b.py", 7)]));
    assert_eq!(
        of_places(&[("a.py", 1), ("c.py", 3), ("b.py", 2)]),
        of_places(&[("a.py", 1), ("b.py", 2), ("c.py", 3)])
    );
}

#[test]
fn code_at_every_place_of_a_result_counts() {
    let of_code = |code: &[&str], hash: &str| {
        let place = |(code, line): (&&str, u32)| {
            let snippet =
                if code.is_empty() { String::new() } else { format!(r#","snippet":{{"text":"{code}"}}"#) };
            format!(
                r#"{{"physicalLocation":{{"artifactLocation":{{"uri":"a.py"}},"region":{{"startLine":{line}{snippet}}}}}}}"#
            )
        };
        let places: Vec<String> = code.iter().zip(1..).map(place).collect();
        let result = format!(
            r#"{{"ruleId":"r","message":{{"text":"m"}},"locations":[{}],"partialFingerprints":{{{hash}}}}}"#,
            places.join(",")
        );
        only(&of("Own", "", &result)).clone()
    };
    let hash = r#""primaryLocationLineHash":"39fa2ee980eb94b0:1""#;
    for hash in [hash, ""] {
        let id = |code: &[&str]| of_code(code, hash).fingerprint;
        assert_eq!(id(&["a()", "b()", "c()"]), id(&["a()", "  c()", "b()"]));
        assert_ne!(id(&["a()", "b()"]), id(&["a()", "d()"]));
        assert_ne!(id(&["a()", "b()"]), id(&["a()"]));
    }
    // Lines tell it where the report does not show the code.
    assert!(!of_code(&["a()"], hash).told_by_code);
    assert!(!of_code(&["a()", "b()"], hash).told_by_code);
    assert!(of_code(&["a()", ""], hash).told_by_code);
}

#[test]
fn a_fingerprint_survives_moved_lines() {
    let of_text = |line: u32, text: &str| {
        let result = format!(
            r#"{{"ruleId":"r","message":{{"text":"{text}"}},"fingerprints":{{"matchBasedId/v1":"requires login"}},
            "locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a.py"}},"region":{{"startLine":{line}}}}}}}]}}"#
        );
        only(&of("X", "", &result)).fingerprint
    };
    assert_eq!(of_text(1, "bad"), of_text(9, "bad"));
    assert_eq!(of_text(1, "At a.py:[line 12] bad"), of_text(9, "At a.py:[line 13] bad"));
    assert_ne!(of_text(1, "port 80 is open"), of_text(1, "port 22 is open"));
}

#[test]
fn the_package_in_a_message_of_trivy() {
    let result = r#"{"ruleId":"CVE-2026-1","message":{"text":"Package: apt\nInstalled Version: 2.6.1\nVulnerability CVE-2026-1\nSeverity: LOW\nFixed Version: 2.6.2, 2.7.0\nLink: x"}}"#;
    let read = of("Trivy", r#"{"id":"CVE-2026-1","shortDescription":{"text":"apt: bad"}}"#, result);
    let finding = only(&read);
    let package = finding.package.as_ref().unwrap();
    assert_eq!((package.name.as_str(), package.version.as_str(), package.fixed.len()), ("apt", "2.6.1", 2));
    assert_eq!((finding.fix, finding.title.as_str()), (Fix::Available, "apt: bad"));
    assert_eq!(finding.ids.iter().map(Text::as_str).collect::<Vec<_>>(), ["CVE-2026-1"]);
    let read = of("Trivy", "", &result.replace("2.6.2, 2.7.0", ""));
    assert_eq!(only(&read).fix, Fix::None);
}

#[test]
fn how_the_run_went() {
    let went = |driver: &str, invocation: &str| {
        run(&format!(
            r#""tool":{{"driver":{{"name":"{driver}"}}}},"results":[],"invocations":[{{{invocation}}}]"#
        ))
    };
    let note = |name: &str, level: &str, id: &str| {
        format!(
            r#""{name}":[{{"descriptor":{{"id":"{id}"}},{level}"message":{{"text":"Syntax at `x = 'pw'`"}}}}]"#
        )
    };
    assert!(went("X", r#""executionSuccessful":false"#).report.failed.is_some());
    for (invocation, kinds) in [
        (r#""executionSuccessful":true,"exitCode":0,"exitCodeDescription":"fine""#.to_owned(), vec![]),
        (r#""executionSuccessful":null"#.to_owned(), vec![ProblemKind::Scan]),
        (r#""executionSuccessfum":false"#.to_owned(), vec![ProblemKind::Scan]),
        (r#""exitCode":3"#.to_owned(), vec![ProblemKind::Scan]),
        (r#""exitCode":1,"executionSuccessful":true"#.to_owned(), vec![]),
        (r#""executionSuccessful":true,"exitCode":1"#.to_owned(), vec![]),
        (r#""exitCode":"x""#.to_owned(), vec![ProblemKind::Scan]),
        (r#""exitSignalName":"SIGKILL""#.to_owned(), vec![ProblemKind::Scan]),
        (note("toolExecutionNotifications", r#""level":"error","#, "Timeout"), vec![ProblemKind::Timeout]),
        (note("toolConfigurationNotifications", r#""level":"error","#, "x"), vec![ProblemKind::Scan]),
        (note("toolExecutionNotifications", r#""level":"bad","#, "x"), vec![ProblemKind::Scan]),
        (note("toolExecutionNotifications", "", "x"), vec![]),
        (note("toolExecutionNotifications", r#""level":"note","#, "x"), vec![]),
    ] {
        assert_eq!(problems(&went("X", &invocation)), kinds, "{invocation}");
    }
    let warning = note("toolExecutionNotifications", r#""level":"warning","#, "Timeout");
    let read = went("Semgrep OSS", &warning);
    assert_eq!(problems(&read), [ProblemKind::Timeout]);
    assert!(!format!("{:?}", read.report).contains("pw"));
    let read = went("X", r#""endTimeUtc":"2026-06-01T12:00:00Z"},{"endTimeUtc":"2026-05-01T12:00:00Z""#);
    assert!(matches!(read.report.generated, Generated::At(time) if time.to_string().starts_with("2026-05")));
    assert_eq!(went("X", r#""endTimeUtc":"yesterday""#).report.generated, Generated::Unreadable);
}

#[test]
fn a_run_without_results_is_not_a_clean_one() {
    let tool = r#""tool":{"driver":{"name":"X"}}"#;
    assert!(run(tool).report.nothing_scanned.is_some());
    let null = run(&format!(r#"{tool},"results":null"#));
    assert_eq!((null.report.nothing_scanned.is_some(), problems(&null)), (true, vec![ProblemKind::Scan]));
    let external = run(&format!(
        r#"{tool},"results":[],"externalPropertyFileReferences":{{"results":[{{"itemCount":4}}],"graphs":[{{}}]}}"#
    ));
    assert_eq!(problems(&external), [ProblemKind::Scan]);
    assert!(external.report.problems[0].message.as_str().contains("external"));
    let two = read_text(&format!(r#"{{"version":"2.1.0","runs":[{{{tool},"results":[]}},{{{tool}}}]}}"#));
    assert_eq!((two.report.nothing_scanned.is_some(), problems(&two)), (false, vec![ProblemKind::Scan]));
    let other = read_text(&format!(r#"{{"version":"2.1.0","runs":[{{{tool}}},{{{tool},"results":[]}}]}}"#));
    assert_eq!(problems(&other), [ProblemKind::Scan]);
    assert!(read_text(r#"{"version":"2.1.0","runs":[]}"#).report.nothing_scanned.is_some());
    let renamed = run(&format!(r#"{tool},"results":[],"resultz":[{{"level":"error"}}]"#));
    assert_eq!(problems(&renamed), [ProblemKind::Scan]);
    let inline = read_text(&format!(
        r#"{{"version":"2.1.0","runs":[{{{tool},"results":[]}}],"inlineExternalProperties":[{{"results":[]}}]}}"#
    ));
    assert!(problems(&inline).is_empty());
    for (of_run, in_log, problem) in [
        (
            r#""taxonomies":[{"location":{"uri":"https://cwe.example/cwe.sarif"}}]"#,
            r#"{"guid":"g","runGuid":"r"}"#,
            false,
        ),
        (r#""driver":{"location":{"uri":"d.sarif"}}"#, "{}", true),
        (r#""graphs":[]"#, r#"{"guid":"g","results":[{"level":"error"}]}"#, true),
        (r#""graphs":[]"#, r#"{"driver":{"name":"X"}}"#, true),
        (r#""graphs":[]"#, r#"{"rezults":[{"level":"error"}]}"#, true),
    ] {
        let read = read_text(&format!(
            r#"{{"version":"2.1.0","runs":[{{{tool},"results":[],"externalPropertyFileReferences":{{{of_run}}}}}],
            "inlineExternalProperties":[{in_log}]}}"#
        ));
        assert!(read.error.is_none());
        assert_eq!(!problems(&read).is_empty(), problem, "{of_run} {in_log}");
    }
}

#[test]
fn a_misspelt_key_that_severity_hangs_on_is_a_problem() {
    for (rule, result) in [
        (RULE.replace("defaultConfiguration", "defaultConfigurauion"), RESULT.to_owned()),
        (RULE.replace("\"level\"", "\"lovel\""), RESULT.to_owned()),
        (RULE.to_owned(), RESULT.replace("\"message\"", "\"leval\":\"error\",\"message\"")),
        (
            RULE.to_owned(),
            RESULT.replace("\"message\"", "\"properties\":{\"security-severitx\":9},\"message\""),
        ),
        (RULE.replace("\"precision\"", "\"Security-Severity\":\"9.8\",\"precision\""), RESULT.to_owned()),
    ] {
        let read = of("CodeQL", &rule, &result);
        assert_eq!(problems(&read), [ProblemKind::Scan], "{rule} {result}");
    }
    // Property bags are anybody's.
    let free = RESULT.replace("\"message\"", "\"properties\":{\"Confidence\":5,\"Severity\":3},\"message\"");
    assert!(problems(&of("Fortify", RULE, &free)).is_empty());
    let read = run(&format!(r#""tool":{{"driver":{{"name":"X","rulez":[{RULE}]}}}},"results":[{RESULT}]"#));
    assert_eq!(problems(&read), [ProblemKind::Scan]);
}

#[test]
fn what_is_no_log_is_refused() {
    for (text, says) in [
        (r#"{"version":"2.0.0","runs":[{"results":3}]}"#, "`version` is 2.0.0"),
        (r#"{"version":2.1,"runs":[]}"#, "`version` is a number"),
        (r#"{"$schema":"s","runs":[]}"#, "`version` is missing"),
        (r#"{"version":"2.1.0","runs":{}}"#, "runs"),
        (r#"{"version":"2.1.0","runs":null}"#, "runs"),
        (r#"{"version":"2.1.0","runs":["x"]}"#, "runs[0]"),
        (r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"X"}},"results":7}]}"#, "results"),
        (r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"X"}},"results":{}}]}"#, "results"),
        (r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"X"}},"results":[3]}]}"#, "results[0]"),
        (r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"X"}},"results":[{}]}]}"#, "results[0]"),
        (r#"{"version":"2.1.0","runs":[{"results":[{}],"tool":{"driver":{"name":"X"}}}]}"#, "results[0]"),
        (r#"{"version":"2.1.0","runs":[{"tool":{},"tool":{}}]}"#, "duplicate"),
        (r#"{"version":"2.1.0","runs":[]} {}"#, "follows"),
    ] {
        assert!(error(&read_text(text)).contains(says), "{text}: {}", error(&read_text(text)));
    }
    assert!(error(&read_as("sarif", r#"{"version":"2.1.0","$schema":"s"}"#)).contains("runs"));
    assert!(read_text(r#"{"version":"2.1.0","vulnerabilities":[]}"#).format != Some("sarif"));
}

#[test]
fn about_what_and_when() {
    let tool = r#""tool":{"driver":{"name":"Trivy"}},"results":[]"#;
    let read = run(&format!(
        r#"{tool},"versionControlProvenance":[{{"repositoryUri":"u","revisionId":"ABC"}},{{"revisionId":"d"}}],
        "properties":{{"imageName":"app","repoDigests":["r/app@sha256:11"]}}"#
    ));
    assert_eq!(read.report.commit.as_ref().map(Text::as_str), Some("abc"));
    assert_eq!(read.report.digests.len(), 1);
    assert_eq!(read.report.target, Some(crate::finding::Target::Image));
}

/// Levels and scores so that no flipped bit can make one valid word of another.
const SMALL: &str = r#"{"$schema":"https://x/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":[{"ruleId":"py/sqli","message":{"text":"m"},
    "locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/app.py"},"region":{"startLine":12}}}]}],
    "tool":{"driver":{"name":"CodeQL","rules":[{"id":"py/sqli","defaultConfiguration":{"level":"error"}}]}}}]}"#;

#[test]
fn every_cut_is_an_error() {
    assert_eq!(only(&read_text(SMALL)).severity, Severity::High);
    for cut in 0..SMALL.len() {
        assert!(read_text(SMALL.get(..cut).unwrap()).error.is_some(), "{cut}");
        assert!(read_as("sarif", SMALL.get(..cut).unwrap()).error.is_some(), "{cut}");
    }
}

#[test]
fn no_flipped_bit_loses_the_finding() {
    for at in 0..SMALL.len() {
        for bit in 0..8 {
            let mut bytes = SMALL.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let read = read_as("sarif", &text);
            let worst = read
                .active()
                .any(|f| matches!(f.severity, Severity::High | Severity::Critical | Severity::Unknown));
            let told = read.error.is_some()
                || read.report.problems_total > 0
                || read.report.nothing_scanned.is_some();
            assert!(worst || told, "byte {at}, bit {bit}: {text}");
        }
    }
}

#[test]
fn the_schema_may_stand_for_the_version() {
    let log = |head: &str| {
        read_text(&format!(r#"{{{head}"runs":[{{"tool":{{"driver":{{"name":"x"}}}},"results":[]}}]}}"#))
    };
    for schema in [
        "https://json.schemastore.org/sarif-2.1.0.json",
        "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json",
        "https://json.schemastore.org/sarif-2.1.0-rtm.5.json",
    ] {
        assert!(log(&format!(r#""$schema":"{schema}","#)).error.is_none(), "{schema}");
    }
    for schema in ["https://json.schemastore.org/sarif-2.0.0.json", "https://shop.test/2.1.0.json"] {
        assert!(log(&format!(r#""$schema":"{schema}","#)).error.is_some(), "{schema}");
    }
    let contradicted = r#""$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"1.0.0","#;
    assert!(log(contradicted).error.is_some());
}

#[test]
fn places_that_explain_a_finding() {
    let step = |line: u32, words: &str| {
        format!(
            r#"{{"location":{{"physicalLocation":{{"artifactLocation":{{"uri":"src/a.py"}},"region":{{"startLine":{line}}}}},"message":{{"text":"{words}"}}}}}}"#
        )
    };
    let steps: Vec<String> = (1..=20).map(|line| step(line, "step")).collect();
    let result = |rule: &str, words: &str| {
        format!(
            r#"{{"ruleId":"{rule}","message":{{"text":"x"}},"relatedLocations":[{{"id":1,"physicalLocation":{{"artifactLocation":{{"uri":"src/b.py"}},"region":{{"startLine":7}}}},"message":{{"text":"{words}"}}}}],
            "codeFlows":[{{"threadFlows":[{{"locations":[{}]}}]}},{{"threadFlows":[]}}]}}"#,
            steps.join(",")
        )
    };
    let of_run = |rule: &str, words: &str| only(&of("CodeQL", RULE, &result(rule, words))).related.clone();
    let lines = |rule: &str, words: &str| -> Vec<String> {
        let line = |p: &RelatedPlace| {
            let at = p.location.as_ref().and_then(|at| at.line).map(|l| l.to_string()).unwrap_or_default();
            format!("{} {at} {}", p.role, p.message)
        };
        of_run(rule, words).iter().map(line).collect()
    };
    let told = lines("py/sqli", "comes in here");
    assert_eq!(told.len(), 1 + 12 + 1);
    assert_eq!((told[0].as_str(), told[1].as_str()), ("related 7 comes in here", "flow 1 step"));
    assert_eq!((told[12].as_str(), told[13].as_str()), ("flow  … 8 more …", "flow 20 step"));
    // Words about credentials may quote one.
    assert_eq!(lines("py/sqli", "the password is set here")[0], "related 7 ");
    assert!(lines("py/hardcoded-password", "x").iter().all(|line| line.ends_with(' ') || line.contains('…')));
}

#[test]
fn runs_of_parts_of_a_repository_are_told_apart() {
    let part = |id: &str, first: bool| {
        let details = format!(r#""automationDetails":{{"id":"{id}"}}"#);
        let rest =
            format!(r#""tool":{{"driver":{{"name":"CodeQL","rules":[{RULE}]}}}},"results":[{RESULT}]"#);
        let (a, b) = if first { (details, rest) } else { (rest, details) };
        format!("{{{a},{b}}}")
    };
    let of = |runs: &[String]| {
        let read = read_text(&format!(r#"{{"version":"2.1.0","runs":[{}]}}"#, runs.join(",")));
        assert!(read.error.is_none(), "{:?}", read.error);
        let told = |f: &Finding| (f.fingerprint, f.target.as_ref().map(ToString::to_string));
        read.findings.iter().map(told).collect::<Vec<_>>()
    };
    let both = of(&[part("services/api/1", true), part("services/web/1", true)]);
    assert_ne!(both[0].0, both[1].0);
    assert_eq!((both[0].1.as_deref(), both[1].1.as_deref()), (Some("services/api"), Some("services/web")));
    // Neither the order of keys nor the number of the run makes it another.
    assert_eq!(of(&[part("services/api/2", false)])[0], both[0]);
    // Without a `/` it is the run's own name.
    assert_eq!(of(&[part("nightly 2026-05-01", false)]), of(&[part("", true)]));
}

#[test]
fn a_suppression_that_a_tool_writes_everywhere_is_none() {
    let result = r#"{"ruleId":"ANCHOREVULN_CVE-2020-1_npm_a_1","level":"error","message":{"text":"x"},
        "suppressions":[{"kind":"external"}],"baselineState":"unchanged"}"#;
    assert!(!only(&of("Anchore Container Vulnerability Report (T0)", "", result)).suppressed);
    assert!(only(&of("Grype", "", result)).suppressed);
}

#[test]
fn what_is_no_object_suppresses_nothing() {
    for (list, suppressed) in [("[null]", false), ("[[]]", false), (r#"[{"kind":"external"}]"#, true)] {
        let result = format!(r#"{{"ruleId":"a","message":{{"text":"x"}},"suppressions":{list}}}"#);
        assert_eq!(only(&of("CodeQL", "", &result)).suppressed, suppressed, "{list}");
    }
}

#[test]
fn a_secret_without_a_level_is_critical_whoever_tells() {
    let of_tool = |tool: &str, properties: &str, level: &str| {
        let result =
            format!(r#"{{"ruleId":"a",{level}"message":{{"text":"x"}},"properties":{{{properties}}}}}"#);
        let read = of(tool, "", &result);
        (only(&read).category, only(&read).severity)
    };
    let tagged = r#""tags":["secret"]"#;
    assert_eq!(of_tool("AcmeSecrets", "", ""), (Category::Secret, Severity::Critical));
    assert_eq!(of_tool("Acme", tagged, ""), (Category::Secret, Severity::Critical));
    assert_eq!(of_tool("Acme", tagged, r#""level":"note","#), (Category::Secret, Severity::Low));
    assert_eq!(of_tool("Acme", "", ""), (Category::Sast, Severity::Medium));
}

#[test]
fn a_rule_is_found_by_its_guid() {
    let rule = r#"{"id":"a","guid":"0A1B","defaultConfiguration":{"level":"error"}}"#;
    let read = of("CodeQL", rule, r#"{"rule":{"guid":"0a1b"},"message":{"text":"x"}}"#);
    assert_eq!((only(&read).rule_id.as_str(), only(&read).severity), ("a", Severity::High));
}

#[test]
fn of_rules_of_one_id_the_worst_counts_unless_an_index_tells() {
    let rules = r#"{"id":"a","defaultConfiguration":{"level":"note"}},{"id":"a","defaultConfiguration":{"level":"error"}}"#;
    for (index, severity) in [
        ("", Severity::High),
        (r#""ruleIndex":9,"#, Severity::High),
        (r#""ruleIndex":0,"#, Severity::Low),
        (r#""ruleIndex":1,"#, Severity::High),
    ] {
        let result = format!(r#"{{"ruleId":"a",{index}"message":{{"text":"x"}}}}"#);
        assert_eq!(only(&of("CodeQL", rules, &result)).severity, severity, "{index}");
        let after = run(&format!(
            r#""results":[{result}],"tool":{{"driver":{{"name":"CodeQL","rules":[{rules}]}}}}"#
        ));
        assert_eq!(only(&after).severity, severity, "{index}");
    }
}

#[test]
fn malware_among_the_former_ids_of_a_rule_is_malware() {
    let rule = r#"{"id":"GHSA-1","deprecatedIds":["GHSA-1","MAL-2026-1"]}"#;
    let read = of("osv-scanner", rule, r#"{"ruleId":"GHSA-1","level":"warning","message":{"text":"x"}}"#);
    assert!(only(&read).is_malware());
}

/// Results that name no file, by whatever says their place.
#[test]
fn a_place_that_is_no_file_is_part_of_the_identity() {
    let of = |keys: &str| {
        let text = format!(
            r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"any"}}}},"results":[{{"ruleId":"r","level":"error",
            "message":{{"text":"m"}}{keys}}}]}}]}}"#
        );
        let read = read_text(&text);
        assert!(read.error.is_none(), "{:?}", read.error);
        (read.findings[0].fingerprint, read.findings[0].told_by_code)
    };
    let differ = [
        r#","locations":[{"logicalLocations":[{"fullyQualifiedName":"prod/PLACE"}]}]"#,
        r#","locations":[{"logicalLocations":[{"name":"PLACE"}]}]"#,
        r#","locations":[{"logicalLocations":[{"name":"a"},{"name":"PLACE"}]}]"#,
        r#","locations":[{"logicalLocations":[{"name":"a"}]},{"logicalLocations":[{"name":"PLACE"}]}]"#,
        r#","webRequest":{"target":"https://a.test/PLACE","method":"GET"}"#,
        r#","webRequest":{"target":"https://a.test/x","method":"PLACE"}"#,
        r#","analysisTarget":{"uri":"PLACE"}"#,
        r#","locations":[{"physicalLocation":{"address":{"fullyQualifiedName":"PLACE"}}}]"#,
        r#","partialFingerprints":{"primaryLocationLineHash":"a:1"},"locations":[{"logicalLocations":[{"name":"PLACE"}]}]"#,
    ];
    for keys in differ {
        let (one, unsure) = of(&keys.replace("PLACE", "one"));
        assert_ne!(one, of(&keys.replace("PLACE", "two")).0, "{keys}");
        assert!(!unsure, "{keys}");
    }
    let address = r#","locations":[{"physicalLocation":{"address":{"absoluteAddress":16}}}]"#;
    assert_ne!(of(address).0, of(&address.replace("16", "99")).0);
    // Review applications have hosts of their own.
    let request = differ[4];
    assert_eq!(of(request).0, of(&request.replace("a.test", "b.test")).0);
    for keys in ["", r#","locations":[]"#, r#","locations":[{"logicalLocations":[{"index":0}]}]"#] {
        assert!(of(keys).1, "{keys}");
    }
}

use super::*;
use crate::policy::{load, load_mappings};

/// Result of a reading.
struct Read {
    findings: Vec<Finding>,
    report: Report,
    error: Option<String>,
}

struct Keep(Vec<Finding>);

impl Sink for Keep {
    fn finding(&mut self, finding: Finding) {
        self.0.push(finding);
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

/// Reads a report by a mapping written in YAML.
fn read(mapping: &str, report: &str) -> Read {
    let file = format!("version: 1\nmappings: {{acme: {mapping}}}\n");
    let mappings = load_mappings("m.yaml", file.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let options = Options { max_report: 1 << 30, ..Options::default() };
    let mut keep = Keep(Vec::new());
    let source = Source::Bytes(report.as_bytes().into());
    let outcome = read_mapped(&source, &mappings[0], &options, &mut keep);
    assert_eq!(outcome.digest.is_some(), outcome.error.is_none());
    Read { findings: keep.0, report: outcome.report, error: outcome.error.map(|e| e.to_string()) }
}

/// The problems that a mapping written in YAML has.
fn refused(mapping: &str) -> String {
    let file = format!("version: 1\nmappings: {{acme: {mapping}}}\n");
    load_mappings("m.yaml", file.as_bytes()).unwrap_err().to_string()
}

const PLAIN: &str = r#"{category: sast, findings: "$.issues[*]",
  severity: {words: {error: high, warn: medium, "2": critical}},
  fields: {rule_id: "@.rule", severity: "@.level", title: "@.message", path: "@.file", line: "@.line"}, optional: [title, path, line]}"#;

const ONE: &str = r#"{"rule":"r1","level":"error","message":"bad","file":"./src/a.py","line":"12-14"}"#;

#[test]
fn a_finding_has_what_the_paths_find() {
    let read = read(PLAIN, &format!(r#"{{"issues":[{ONE},{{"rule":7,"level":2}}]}}"#));
    assert_eq!(read.error, None);
    let [first, second] = read.findings.as_slice() else { panic!("{:?}", read.findings) };
    assert_eq!((first.rule_id.as_str(), first.severity, first.title.as_str()), ("r1", Severity::High, "bad"));
    assert_eq!(first.native_severity.as_ref().map(Text::as_str), Some("error"));
    assert_eq!(first.path(), Some("src/a.py"));
    assert_eq!(first.location.as_ref().and_then(|l| l.line), Some(12));
    assert_eq!((first.tool.as_str(), read.report.tool.name.as_str()), ("acme", "acme"));
    assert_eq!(
        (second.rule_id.as_str(), second.severity, second.title.as_str()),
        ("7", Severity::Critical, "7")
    );
    assert_ne!(first.fingerprint, second.fingerprint);
    assert!(read.report.nothing_scanned.is_none() && read.report.problems_total == 0);
}

#[test]
fn a_severity_that_is_no_word_is_unknown_and_one_that_is_missing_is_what_the_mapping_says() {
    let mapping = PLAIN.replace("severity: {", "severity: {missing: low, ");
    let of = |level: &str| {
        let element = format!(r#"{{"rule":"r","level":"error"}},{{"rule":"r"{level}}}"#);
        read(&mapping, &format!(r#"{{"issues":[{element}]}}"#)).findings[1].severity
    };
    for (level, severity) in [
        (r#","level":" WARN ""#, Severity::Medium),
        (r#","level":"moderate""#, Severity::Medium),
        (r#","level":"blocker""#, Severity::Unknown),
        (r#","level":{"name":"error"}"#, Severity::Unknown),
        (r#","level":["error"]"#, Severity::Unknown),
        (r#","level":3"#, Severity::Unknown),
        (r#","level":null"#, Severity::Low),
        (r#","level":" ""#, Severity::Low),
        ("", Severity::Low),
    ] {
        assert_eq!(of(level), severity, "{level}");
    }
}

#[test]
fn a_wrong_path_to_the_findings_is_an_error() {
    for (report, message) in [
        ("{}", "`$.issues` finds nothing: what it looks into is an object"),
        (r#"{"isues":[]}"#, "`$.issues` finds nothing: what it looks into is an object"),
        ("[]", "`$.issues` finds nothing: what it looks into is a list"),
        ("null", "`$.issues` finds nothing: what it looks into is null"),
        (r#"{"issues":null}"#, "`$.issues[*]` finds nothing: what it looks into is null"),
        (r#"{"issues":"none"}"#, "`$.issues[*]` finds nothing: what it looks into is a text"),
        (r#"{"issues":0}"#, "`$.issues[*]` finds nothing: what it looks into is a number"),
        (r#"{"issues":["x"]}"#, "`$.issues[*]` finds a text, and a finding is an object"),
        (r#"{"issues":{"error":"x"}}"#, "`$.issues[*]` finds a text, and a finding is an object"),
    ] {
        let read = read(PLAIN, report);
        let error = read.error.unwrap_or_default();
        assert_eq!(error, format!("does not fit the mapping `acme`: {message}"), "{report}");
        assert!(read.findings.is_empty());
    }
    for broken in ["", r#"{"issues":["#, r#"{"issues":[]} x"#, r#"{"issues":[],"issues":[]}"#] {
        assert!(read(PLAIN, broken).error.is_some(), "{broken}");
    }
}

#[test]
fn no_findings_mean_nothing_scanned_unless_the_report_shows_otherwise() {
    assert!(read(PLAIN, r#"{"issues":[]}"#).report.nothing_scanned.is_some());
    let mapping = PLAIN.replace("category: sast,", r#"category: sast, scanned: "$.files","#);
    for (files, nothing) in [
        ("12", false),
        (r#"["a"]"#, false),
        (r#"{"a":1}"#, false),
        ("0", true),
        ("-1", true),
        ("[]", true),
        ("{}", true),
        ("null", true),
        (r#""12""#, true),
        ("true", true),
    ] {
        for issues in ["", ONE] {
            let read = read(&mapping, &format!(r#"{{"files":{files},"issues":[{issues}]}}"#));
            assert_eq!(read.report.nothing_scanned.is_some(), nothing, "{files} {issues}");
            assert_eq!(read.error, None);
        }
    }
    assert!(read(&mapping, r#"{"issues":[]}"#).report.nothing_scanned.is_some());
}

#[test]
fn a_field_that_finds_nothing_anywhere_is_an_error_unless_optional() {
    let strict = PLAIN.replace(", optional: [title, path, line]", "");
    let report = format!(r#"{{"issues":[{}]}}"#, ONE.replace("file", "fileName"));
    let error = read(&strict, &report).error.unwrap();
    assert!(
        error.contains("`path`: `@.file` finds nothing in the one finding: the path is wrong, or"),
        "{error}"
    );
    assert!(read(PLAIN, &report).error.is_none());
    // In some findings it may be missing.
    let report = format!(r#"{{"issues":[{{"rule":"r"}},{ONE}]}}"#);
    assert!(read(&strict, &report).error.is_none());
    let error = read(&strict.replace("@.level", "$.level"), &report).error.unwrap();
    assert!(error.contains("`$` is the whole report"), "{error}");
    let error = read(&strict, &format!(r#"{{"issues":[{ONE},{{"level":"error"}}]}}"#)).error.unwrap();
    assert!(error.contains("finding 2: `@.rule` finds nothing, and a finding needs a `rule_id`"), "{error}");
    let error = read(&strict, &format!(r#"{{"issues":[{}]}}"#, ONE.replace(r#""r1""#, "{}"))).error.unwrap();
    assert!(error.contains("finding 1: `rule_id`: `@.rule` finds an object"), "{error}");
}

#[test]
fn findings_in_groups() {
    let eslint = r#"{category: quality, groups: "$[*]", findings: "@.messages[*]", scanned: "$[*]",
      severity: {words: {"2": high, "1": low}},
      fields: {rule_id: ["@.ruleId", "@.message"], severity: "@.severity", title: "@.message", line: "@.line"},
      group_fields: {path: "@.filePath"}}"#;
    let report = r#"[{"filePath":"a.js","messages":[]},{"filePath":"b.js","messages":[
      {"ruleId":"no-eval","severity":2,"message":"eval","line":3},
      {"ruleId":null,"severity":1,"message":"Parsing error","line":1}]}]"#;
    let found = read(eslint, report);
    assert_eq!(found.error, None);
    let shown: Vec<_> =
        found.findings.iter().map(|f| (f.rule_id.as_str(), f.severity, f.path().unwrap())).collect();
    assert_eq!(shown, [("no-eval", Severity::High, "b.js"), ("Parsing error", Severity::Low, "b.js")]);
    let clean = read(eslint, r#"[{"filePath":"a.js","messages":[]}]"#);
    assert!(clean.error.is_none() && clean.report.nothing_scanned.is_none());
    assert!(read(eslint, "[]").report.nothing_scanned.is_some());
    // A place without its list is no place without findings.
    let holes = read(eslint, &report.replace(r#"a.js","messages":[]"#, r#"a.js","messages":null"#));
    assert_eq!(holes.report.problems[0].message.as_str(), "`@.messages[*]` finds nothing in 1 of 2 places");
    let holes = read(eslint, &report.replace(r#"a.js","messages":[]"#, r#"a.js","error":"x""#));
    assert_eq!(holes.report.problems_total, 1);
}

#[test]
fn a_filter_that_takes_nothing_is_believed_only_if_it_asks_for_what_is_there() {
    let mapping = PLAIN
        .replace("$.issues[*]", "$.checks[?@.status == 'failed']")
        .replace("category: sast,", r#"category: sast, scanned: "$.checks","#);
    let passed = r#"{"checks":[{"status":"passed","rule":"r"}]}"#;
    let clean = read(&mapping, passed);
    assert!(clean.error.is_none() && clean.report.nothing_scanned.is_none());
    let typo = read(&mapping.replace("@.status", "@.state"), passed);
    assert!(typo.report.nothing_scanned.is_some_and(|why| why.as_str().contains("what no element has")));
    let failed = read(&mapping, &passed.replace("passed", "failed"));
    assert_eq!(failed.error.map(|_| ()), Some(()), "the severity path finds nothing");
}

#[test]
fn packages_fixes_ids_and_weaknesses() {
    let mapping = r#"{category: vulnerability, tool: acme-sca, findings: "$[*]",
      fields: {rule_id: "@.id", severity: "@.sev", ids: ["@.aliases", "@.id"], cwes: "@.cwe[*]", package: "@.pkg.name",
        version: "@.pkg.v", purl: "@.pkg.purl", fixed: "@.fixed", confidence: "@.sure", target: "@.image", suppressed: "@.muted"},
      optional: [cwes, purl, fixed, confidence, target, suppressed, ids]}"#;
    let of = |rest: &str| {
        let element = format!(r#"[{{"id":"CVE-1","sev":"HIGH","pkg":{{"name":"ssl","v":"1.0"}}{rest}}}]"#);
        let found = read(mapping, &element);
        assert_eq!(found.error, None);
        found.findings.into_iter().next().unwrap()
    };
    let finding =
        of(r#","aliases":["CVE-1","GHSA-x","CWE-79"],"cwe":["CWE-20",89],"sure":"High","image":"app:1""#);
    assert_eq!(finding.ids.iter().map(Text::as_str).collect::<Vec<_>>(), ["CVE-1", "GHSA-x"]);
    assert_eq!(finding.cwes, [79, 20, 89]);
    assert_eq!((finding.confidence, finding.fix), (Some(Confidence::High), Fix::Unknown));
    assert_eq!(finding.package.as_ref().map(|p| (p.name.as_str(), p.version.as_str())), Some(("ssl", "1.0")));
    assert_eq!(of("").ids.len(), 1);
    for (fixed, fix) in [
        (r#""1.1""#, Fix::Available),
        (r#"["1.1","2.0"]"#, Fix::Available),
        ("[]", Fix::None),
        (r#""""#, Fix::None),
        ("null", Fix::Unknown),
    ] {
        assert_eq!(of(&format!(r#","fixed":{fixed}"#)).fix, fix, "{fixed}");
    }
    for (muted, suppressed) in
        [("true", true), ("false", false), (r#""true""#, false), ("[{}]", false), ("null", false)]
    {
        assert_eq!(of(&format!(r#","muted":{muted}"#)).suppressed, suppressed, "{muted}");
    }
}

#[test]
fn a_secret_shows_its_rule_and_no_word_that_may_be_its_value() {
    let mapping = r#"{category: secret, findings: "$[*]", severity: {missing: critical},
      fields: {rule_id: "@.rule", path: "@.file", severity: "@.value"}, optional: [severity]}"#;
    let found = read(mapping, r#"[{"rule":"aws","file":"a","value":"hunter2"}]"#);
    let finding = &found.findings[0];
    assert_eq!((finding.title.as_str(), finding.severity), ("aws", Severity::Unknown));
    assert_eq!((finding.native_severity.is_none(), finding.cwes.as_slice()), (true, [798].as_slice()));
    assert!(finding.mark.is_none() && !format!("{finding:?}").contains("hunter2"));
    let other = read(mapping, r#"[{"rule":"aws","file":"a","value":"other"}]"#);
    assert_eq!(finding.fingerprint, other.findings[0].fingerprint);
    let error = read(mapping, r#"[{"rule":["hunter2"],"file":"a"}]"#).error.unwrap();
    assert!(!error.contains("hunter2"), "{error}");
    for key in ["title", "ids", "package"] {
        let bad = mapping.replace("path:", &format!("{key}: \"@.value\", path:"));
        assert!(refused(&bad).contains(&format!("a secret has no `{key}`")), "{key}");
    }
}

#[test]
fn what_the_report_says_about_itself() {
    let mapping = PLAIN.replace(
        "category: sast,",
        r#"category: sast, generated_at: "$.at", commit: "$.sha", tool_version: "$.v", errors: "$.errors[*]","#,
    );
    let report = format!(
        r#"{{"at":"2026-01-01T00:00:00Z","sha":"ABC","v":2,"errors":["a",{{}},{{"m":1}}],"issues":[{ONE}]}}"#
    );
    let found = read(&mapping, &report);
    assert_eq!(found.error, None);
    assert!(matches!(found.report.generated, super::super::Generated::At(_)));
    assert_eq!(found.report.commit.as_ref().map(Text::as_str), Some("abc"));
    assert_eq!(found.report.tool.version.as_ref().map(Text::as_str), Some("2"));
    assert_eq!(found.report.problems_total, 2);
    for key in [r#""at":"#, r#""sha":"#, r#""v":"#, r#""errors":"#] {
        let error = read(&mapping, &report.replace(key, r#""x":"#)).error;
        assert!(error.is_some(), "{key}");
    }
    let lax = mapping.replace("[title,", "[generated_at, commit, tool_version, errors, title,");
    assert_eq!(read(&lax, &format!(r#"{{"issues":[{ONE}]}}"#)).error, None);
}

#[test]
fn a_report_over_the_limit_says_so() {
    let options = Options { max_report: 10, ..Options::default() };
    let mappings = load_mappings("m", format!("version: 1\nmappings: {{acme: {PLAIN}}}").as_bytes()).unwrap();
    let of = |bytes: Vec<u8>, options: &Options| {
        let mut keep = Keep(Vec::new());
        let outcome = read_mapped(&Source::Bytes(bytes.into()), &mappings[0], options, &mut keep);
        outcome.error.unwrap().to_string()
    };
    assert!(of(vec![b' '; 20], &options).contains("limit of 10 bytes (--max-report)"));
    let error = ReadError::TooLarge { what: "the file", limit: MAX_MAPPED, flag: "--max-report" };
    let error = over_limit(error).to_string();
    assert!(error.contains("67108864 bytes (fixed for reports that a mapping reads)"), "{error}");
}

#[test]
fn mistakes_are_told_when_the_mapping_is_read() {
    for (from, to, message) in [
        ("rule_id:", "ruleid:", "unknown key in `fields`: `ruleid`; did you mean `rule_id`?"),
        ("category: sast,", "", "needs the key `category`"),
        (r#"findings: "$.issues[*]","#, "", "needs the key `findings`"),
        ("category: sast", "category: sats", "`category`: unknown word `sats`; did you mean `sast`?"),
        ("error: high", "error: hihg", "unknown word `hihg`; did you mean `high`?"),
        ("warn: medium", "ERROR: medium", "`ERROR` stands in `words` already"),
        ("$.issues[*]", "$.issues", "the path finds one value"),
        ("$.issues[*]", "$.runs[0].issues[*]", "an index leaves out the rest"),
        ("$.issues[*]", "$.issues[0:5]", "an index leaves out the rest"),
        ("$.issues[*]", "$..issues", "`..` is not used"),
        ("$.issues[*]", "@.issues[*]", "write $.issues[*]"),
        ("$.issues[*]", "$.issues[", "not valid JSONPath"),
        (r#""@.rule""#, "rule", "write @.rule"),
        ("@.file", "@.files[*]", "the path can find several values"),
        (r#"path: "@.file", "#, "", "`line` needs the key `path` beside it"),
        (r#"rule_id: "@.rule", "#, "", "`fields` needs the key `rule_id`"),
        ("[title,", "[tilte,", "`tilte`; did you mean `title`?"),
        ("[title,", "[rule_id,", "`rule_id` is not optional"),
        ("[title,", "[cwes,", "`optional`: no key of this mapping is"),
        (r#"severity: "@.level", "#, "", "`severity.words` without a path"),
        ("line: \"@.line\"", "verified: \"@.line\"", "`verified` is for secrets"),
        ("category: sast,", "category: sast, file: x.yaml,", "no other key"),
    ] {
        let error = refused(&PLAIN.replacen(from, to, 1));
        assert!(error.contains(message), "{from} -> {to}: {error}");
    }
    assert!(refused("{file: x.yaml}").contains("names no other file"));
    let without = r#"{category: sast, findings: "$[*]", fields: {rule_id: "@.r"}}"#;
    assert!(refused(without).contains("does not say where severities are"));
    let policy = format!(
        "version: 1\ngate: g\nevidence: {{e: {{category: secret, files: a, format: acme}}}}\n\
         rules: [{{id: r, findings: {{category: secret}}, then: fail}}]\nmappings: {{acme: {PLAIN}}}\n"
    );
    let error = load("p", policy.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("evidence `e` is of category `secret`, and the mapping `acme`"), "{error}");
}

#[test]
fn more_findings_than_are_listed_make_a_report_partial() {
    let of = |total: &str, members: &str| {
        let mapping = PLAIN.replacen("category: sast,", &format!("category: sast, total: {total},"), 1);
        let read = read(&mapping, &format!(r#"{{"issues":[{ONE}],"none":[]{members}}}"#));
        (read.error, read.report.problems.iter().map(|p| p.message.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(of(r#""$.n""#, r#","n":1"#), (None, vec![]));
    assert_eq!(of(r#""$.n""#, r#","n":0"#), (None, vec![]));
    let partial = vec!["the report says that it has 12 findings, and lists 1".to_owned()];
    assert_eq!(of(r#""$.n""#, r#","n":12"#), (None, partial.clone()));
    assert_eq!(of(r#""$.n""#, r#","n":"12""#), (None, partial.clone()));
    assert_eq!(of(r#"["$.n", "$.of[*].n"]"#, r#","n":2,"of":[{"n":4},{"n":6}]"#), (None, partial));
    assert!(of(r#""$.n""#, "").0.is_some_and(|error| error.contains("`total`: `$.n` finds nothing")));
    assert_eq!(of(r#""$.n""#, r#","n":[1]"#).1.len(), 1);
}

#[test]
fn only_known_words_say_that_a_scan_was_completed() {
    let of = |members: &str| {
        let completed = r#"category: sast, completed: {"$.status": [success, done]},"#;
        let read = read(
            &PLAIN.replacen("category: sast,", completed, 1),
            &format!(r#"{{"issues":[{ONE}]{members}}}"#),
        );
        assert_eq!(read.error, None);
        read.report.problems.iter().map(|p| p.message.to_string()).collect::<Vec<_>>()
    };
    for whole in ["", r#","status":null"#, r#","status":"SUCCESS""#, r#","status":"done ""#] {
        assert!(of(whole).is_empty(), "{whole}");
    }
    for other in [r#","status":"something new""#, r#","status":"""#, r#","status":["success"]"#] {
        assert_eq!(of(other).len(), 1, "{other}");
    }
    assert_eq!(
        of(r#","status":"something new""#),
        ["`$.status` says `something new`, and not that the scan was completed"]
    );
}

#[test]
fn suppressed_findings_in_lists_of_their_own_are_counted_as_such() {
    let mapping =
        PLAIN.replacen("category: sast,", r#"category: sast, suppressed_findings: "$.muted[*]","#, 1);
    let of = |report: &str| {
        let read = read(&mapping, report);
        assert_eq!(read.error, None);
        read.findings.iter().filter(|finding| finding.suppressed).count()
    };
    assert_eq!(of(&format!(r#"{{"issues":[{ONE}]}}"#)), 0);
    assert_eq!(of(&format!(r#"{{"issues":[{ONE}],"muted":null}}"#)), 0);
    assert_eq!(of(&format!(r#"{{"issues":[{ONE}],"muted":[{ONE},{{"rule":"r2"}}]}}"#)), 2);
    assert!(read(&mapping, &format!(r#"{{"issues":[{ONE}],"muted":[{{"level":2}}]}}"#)).error.is_some());
}

#[test]
fn clean_reports_of_shipped_formats_are_whole() {
    for (format, report, scanned) in [
        (
            "spotbugs",
            r#"<BugCollection version="4.8.6"><Project/><Errors errors="0" missingClasses="0"/>
            <FindBugsSummary total_classes="12" total_bugs="0"/></BugCollection>"#,
            true,
        ),
        (
            "spotbugs",
            r#"<BugCollection><Project/><FindBugsSummary total_classes="0"/></BugCollection>"#,
            false,
        ),
        ("burp", r#"<issues burpVersion="2024.5" exportTime="x"></issues>"#, true),
        (
            "eslint",
            r#"[{"filePath":"a.js","messages":[],"suppressedMessages":[{"ruleId":"no-eval","severity":2,"message":"m","line":1}],"errorCount":0,"warningCount":0}]"#,
            true,
        ),
        ("pmd", r#"<pmd version="7.0.0" timestamp="x"></pmd>"#, true),
    ] {
        let read = crate::report::testing::read_text(report);
        assert!(read.error.is_none(), "{format}: {:?}", read.error);
        assert_eq!(read.report.nothing_scanned.is_none(), scanned, "{format}: {:?}", read.report);
        assert_eq!(
            read.findings.iter().filter(|finding| finding.suppressed).count(),
            usize::from(format == "eslint")
        );
        assert!(read.report.problems.is_empty(), "{format}: {:?}", read.report.problems);
    }
}

#[test]
fn another_resource_is_another_finding() {
    let mapping = |category: &str| {
        format!(
            r#"{{category: {category}, findings: "$[*]", fields: {{rule_id: "@.r", title: "@.m", severity: "@.s",
          target: "@.t", path: "@.p", identity: ["@.ns", "@.c[*].name"]}}, optional: [title, severity, target, path, identity]}}"#
        )
    };
    let id = |category: &str, keys: &str| {
        let read = read(&mapping(category), &format!(r#"[{{"r":"x","m":"y","s":"high",{keys}}}]"#));
        assert_eq!(read.error, None);
        read.findings[0].fingerprint
    };
    let same = |category, one, other| id(category, one) == id(category, other);
    assert!(!same("misconfiguration", r#""t":"a""#, r#""t":"b""#));
    assert!(!same("misconfiguration", r#""t":"a","ns":"x""#, r#""t":"a","ns":"y""#));
    assert!(!same("misconfiguration", r#""c":[{"name":"a"}]"#, r#""c":[{"name":"a"},{"name":"b"}]"#));
    assert!(!same("misconfiguration", r#""c":[{"name":"a"}]"#, r#""ns":"a""#));
    assert!(same(
        "misconfiguration",
        r#""c":[{"name":"a"},{"name":"b"}]"#,
        r#""c":[{"name":"b"},{"name":"a"}]"#
    ));
    // A scanned image is the artefact of the build, and another one each time.
    assert!(same("vulnerability", r#""t":"app:1""#, r#""t":"app:2""#));
    let dast = |one, other| same("dast", one, other);
    assert!(dast(
        r#""t":"https://one.test","p":"https://one.test/a?q=1""#,
        r#""t":"https://two.test","p":"https://two.test/a?q=2""#
    ));
    assert!(!dast(r#""p":"https://one.test/a""#, r#""p":"https://one.test/b""#));
    assert!(!dast(r#""t":"https://one.test/a""#, r#""t":"https://one.test/b""#));
    assert!(!dast(r#""t":"https://one.test/a?q=1""#, r#""t":"https://one.test/a?id=1""#));
    assert!(!dast(r#""t":"db-1""#, r#""t":"db-2""#));
    assert!(refused(&mapping("secret")).contains("a secret has no `title`"));
}

#[test]
fn a_text_of_xml_that_stands_twice_is_an_error() {
    let mapping = r#"{category: dast, looks_like: ["<issues>"], findings: "$.issue[*]", scanned: "$",
      fields: {rule_id: "@.type[0]['#text']", severity: "@.severity[0]['#text']", ids: "@.cve[*]['#text']"}, optional: [ids]}"#;
    let of = |more: &str| {
        read(mapping, &format!("<issues><issue><type>1</type><cve>CVE-2024-1</cve>{more}</issue></issues>"))
    };
    assert_eq!(of("<cve>CVE-2024-2</cve><severity>high</severity>").error, None);
    let error = of("<severity>info</severity><severity>high</severity>").error.unwrap();
    assert!(error.contains("`@.severity[*]['#text']` finds several, and one is expected"), "{error}");
}

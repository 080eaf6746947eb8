//! A value of a secret is put into every text of a report in turn, and no output, error or bundle shows it.

use std::fs;

use serde_json::Value;

use crate::common::{Dir, Run};

const CANARY: &str = "hunter2S3cretZx9q";

/// One finding of each scanner that writes values down, as its documentation shows it.
const SECRETS: [(&str, &str); 5] = [
    (
        "gitleaks",
        r#"[{"RuleID":"generic-api-key","Description":"d","StartLine":3,"EndLine":3,"Match":"key = CANARY","Secret":"CANARY",
            "File":"keys/a.txt","SymlinkFile":"s","Commit":"c","Entropy":3.6,"Author":"a","Email":"e","Date":"d","Message":"m",
            "Tags":["t"],"Fingerprint":"f"}]"#,
    ),
    (
        "trufflehog",
        r#"{"SourceMetadata":{"Data":{"Git":{"commit":"c","file":"keys/a.txt","email":"e","repository":"r","line":3}}},
            "SourceName":"n","DetectorName":"AWS","DecoderName":"PLAIN","Verified":false,"Raw":"CANARY","RawV2":"CANARY",
            "Redacted":"r","ExtraData":{"account":"a"}}"#,
    ),
    (
        "generic-secrets",
        r#"{"findings":[{"rule":"r","file":"keys/a.txt","line":3,"secret":"CANARY","description":"d","match":"key = CANARY"}]}"#,
    ),
    (
        "gitlab-secret-detection",
        r#"{"version":"15.0.0","scan":{"type":"secret_detection","status":"success","start_time":"2026-05-30T08:00:00",
            "end_time":"2026-05-30T08:00:01","analyzer":{"id":"secrets","name":"secrets","version":"7","vendor":{"name":"GitLab"}},
            "scanner":{"id":"gitleaks","name":"Gitleaks","version":"8","vendor":{"name":"GitLab"}}},
            "vulnerabilities":[{"id":"i","name":"AWS key","description":"d","severity":"Critical",
            "raw_source_code_extract":"CANARY","location":{"file":"keys/a.txt","start_line":3},
            "identifiers":[{"type":"gitleaks_rule_id","name":"n","value":"aws"}]}]}"#,
    ),
    (
        "trufflehog3",
        r#"[{"rule":{"id":"high-entropy","message":"m","severity":"HIGH"},"path":"keys/a.txt","line":"3","secret":"CANARY",
            "context":{"3":"key = CANARY"},"id":"i","branch":"b","message":"m","author":"a","commit":"c","date":"d"}]"#,
    ),
];

/// Findings that speak of a password, and the words that do.
const SPEAKING: [(&str, &str); 8] = [
    (
        "sarif",
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"any","rules":[{"id":"B105","name":"b105"}]}},
            "results":[{"ruleId":"B105","level":"error","message":{"text":"WORDS"},
            "locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"},"region":{"startLine":1}}}]}]}]}"#,
    ),
    (
        "sonarqube-issues",
        r#"{"total":1,"p":1,"ps":100,"issues":[{"key":"a","rule":"external_bandit:B105","severity":"MAJOR","component":"p:a.py",
            "project":"p","line":3,"status":"OPEN","message":"WORDS","type":"VULNERABILITY"}]}"#,
    ),
    (
        "bandit",
        r#"{"errors":[{"filename":"a.py","reason":"WORDS"}],"generated_at":"2026-05-30T08:00:00Z","metrics":{"_totals":{}},
            "results":[{"code":"1 x","filename":"a.py","issue_confidence":"HIGH","issue_severity":"HIGH","issue_text":"WORDS",
            "line_number":1,"line_range":[1],"test_id":"B999","test_name":"n"}]}"#,
    ),
    (
        "semgrep",
        r#"{"version":"1.0.0","results":[{"check_id":"a.b","path":"a.py","start":{"line":1},"end":{"line":1},
            "extra":{"severity":"ERROR","message":"WORDS","metadata":{},"lines":"x"}}],
            "errors":[{"code":1,"level":"warn","type":"Timeout","message":"WORDS","path":"a.py"}],"paths":{"scanned":["a.py"]}}"#,
    ),
    (
        "gosec",
        r#"{"Golang errors":{},"Issues":[{"severity":"HIGH","confidence":"HIGH","cwe":{"id":"703","url":"u"},"rule_id":"G999",
            "details":"WORDS","file":"/a.go","code":"1: x","line":"1","column":"1"}],"Stats":{"files":1,"lines":1,"nosec":0,"found":1}}"#,
    ),
    (
        "spectral",
        r#"[{"code":"c","path":["a"],"message":"WORDS","severity":0,"source":"api.yaml","range":{"start":{"line":0,"character":0},
            "end":{"line":0,"character":1}}}]"#,
    ),
    (
        "gitlab-sast",
        r#"{"version":"15.0.0","scan":{"type":"sast","status":"success","start_time":"2026-05-30T08:00:00",
            "end_time":"2026-05-30T08:00:01","analyzer":{"id":"a","name":"a","version":"7","vendor":{"name":"GitLab"}},
            "scanner":{"id":"semgrep","name":"Semgrep","version":"8","vendor":{"name":"GitLab"}}},
            "vulnerabilities":[{"id":"i","name":"WORDS","description":"d","message":"WORDS","severity":"High",
            "location":{"file":"a.py","start_line":3},"identifiers":[{"type":"t","name":"n","value":"v"}]}]}"#,
    ),
    (
        "kics",
        r#"{"kics_version":"v2","files_scanned":1,"files_parsed":1,"files_failed_to_scan":0,"queries_total":1,
            "queries_failed_to_execute":0,"queries_failed_to_compute_similarity_id":0,"total_counter":1,
            "severity_counters":{"HIGH":1},"queries":[{"query_name":"WORDS","query_id":"q","severity":"HIGH","platform":"p",
            "category":"c","description":"WORDS","files":[{"file_name":"a.tf","similarity_id":"s","line":1,
            "issue_type":"i","search_key":"k","search_line":1,"expected_value":"e","actual_value":"a"}]}]}"#,
    ),
];

/// Ways in which tools put a password into words.
const WORDS: [&str; 7] = [
    "Possible hardcoded password: 'CANARY'",
    "user's password is \\\"CANARY\\\"",
    "password=CANARY",
    "the token: CANARY",
    "The secret CANARY is used",
    "CANARY is a hard-coded password",
    "`CANARY` looks like an API key",
];

const FORMATS: [&str; 9] =
    ["text", "json", "sarif", "junit", "codequality", "dotenv", "annotations", "markdown", "html"];

/// The places of all strings in a document.
fn strings(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(n, one)| strings(one, &format!("{at}/{n}"), found));
        }
        Value::Object(all) => {
            all.iter().for_each(|(key, one)| strings(one, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

/// What one run tells of a report, in all outputs and the bundle, and the list of findings.
fn told_of(dir: &Dir, format: &str, report: &str) -> Vec<(String, String)> {
    dir.write("report", report);
    let input = format!("{format}=report");
    let mut args = vec!["--policy", "p.yaml", "--input", &input, "--bundle", "b.tar"];
    let outputs: Vec<String> = FORMATS.iter().map(|f| format!("{f}=out.{f}")).collect();
    args.extend(outputs.iter().flat_map(|output| ["--output", output.as_str()]));
    let mut told = vec![("stdout and stderr".to_owned(), dir.check(&args).all())];
    for name in FORMATS.map(|f| format!("out.{f}")).into_iter().chain(["b.tar".to_owned()]) {
        if let Ok(bytes) = fs::read(dir.path().join(&name)) {
            told.push((name.clone(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    told.push(("findings".to_owned(), dir.run(&["findings", "--format", "json", "--input", &input]).all()));
    told
}

/// Everything that is told of a report; the number of bytes that were looked at.
fn leaks(dir: &Dir, format: &str, report: &str, what: &str, leaked: &mut Vec<String>) -> bool {
    dir.write("report", report);
    let input = format!("{format}=report");
    let mut args = vec!["--policy", "p.yaml", "--input", &input, "--bundle", "b.tar"];
    let outputs: Vec<String> = FORMATS.iter().map(|f| format!("{f}=out.{f}")).collect();
    args.extend(outputs.iter().flat_map(|output| ["--output", output.as_str()]));
    let run = dir.check(&args);
    let mut told = vec![("stdout and stderr".to_owned(), run.all())];
    for name in FORMATS.map(|f| format!("out.{f}")).into_iter().chain(["b.tar".to_owned()]) {
        if let Ok(bytes) = fs::read(dir.path().join(&name)) {
            told.push((name.clone(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    for listing in ["table", "ndjson", "json", "sarif"] {
        let run = dir.run(&["findings", "--format", listing, "--input", &input]);
        told.push((format!("findings {listing}"), run.all()));
    }
    let run: Run = dir.run(&["explain", "any", "--policy", "p.yaml", "--no-env", "--input", &input]);
    told.push(("explain".to_owned(), run.all()));
    told.iter()
        .filter(|(_, text)| text.contains(CANARY))
        .for_each(|(where_, _)| leaked.push(format!("{format} {what}: {where_}")));
    dir.exists("b.tar")
}

fn policy(dir: &Dir) {
    dir.write(
        "p.yaml",
        "version: 1\ngate: merge\nevidence:\n  \
         secrets: {category: secret, files: [other.json], required: false}\n  \
         code: {category: sast, files: [other.json], required: false}\n\
         rules:\n  - {id: any, findings: {severity: info}, then: fail}\n",
    );
}

#[test]
fn the_value_of_a_secret_is_told_nowhere() {
    let dir = Dir::new();
    policy(&dir);
    let (mut leaked, mut bundles) = (Vec::new(), 0);
    for (format, text) in SECRETS {
        let document: Value = serde_json::from_str(&text.replace("CANARY", CANARY)).unwrap();
        let mut places = Vec::new();
        strings(&document, "", &mut places);
        for place in places {
            let mut changed = document.clone();
            let text = changed.pointer_mut(&place).unwrap();
            *text = format!("{}/{CANARY}", text.as_str().unwrap_or_default()).into();
            // The value itself stays what it is.
            if document.pointer(&place).unwrap() == CANARY {
                changed = document.clone();
            }
            bundles += usize::from(leaks(&dir, format, &changed.to_string(), &place, &mut leaked));
        }
    }
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
    assert!(bundles > 20, "{bundles}");
}

#[test]
fn what_words_about_a_password_quote_is_told_nowhere() {
    let dir = Dir::new();
    policy(&dir);
    let (mut leaked, mut bundles) = (Vec::new(), 0);
    for (format, text) in SPEAKING {
        for words in WORDS {
            let report = text.replace("WORDS", &words.replace("CANARY", CANARY));
            bundles += usize::from(leaks(&dir, format, &report, words, &mut leaked));
        }
    }
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
    assert!(bundles > 20, "{bundles}");
}

#[test]
fn the_value_of_one_secret_is_told_in_no_other_finding() {
    let dir = Dir::new();
    policy(&dir);
    let mut leaked = Vec::new();
    for (format, text) in SECRETS.into_iter().filter(|(_, text)| !text.starts_with("{\"version")) {
        let one = text.replace("CANARY", CANARY);
        // The value stands in the path of a finding before and one behind, which have values of their own.
        let other =
            text.replace("CANARY", "other9Thing3").replace("keys/a.txt", &format!("keys/{CANARY}.txt"));
        let inner = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
        let report = match format {
            "trufflehog" => [&other, &one, &other].map(|line| line.replace('\n', " ")).join("\n"),
            "generic-secrets" => {
                let item =
                    |text: &str| text.replacen("{\"findings\":[", "", 1).trim_end_matches("]}").to_owned();
                format!("{{\"findings\":[{},{},{}]}}", item(&other), item(&one), item(&other))
            }
            _ => format!("[{},{},{}]", inner(&other), inner(&one), inner(&other)),
        };
        let told = told_of(&dir, format, &report);
        assert!(told.len() > FORMATS.len(), "{format}: {told:?}");
        assert!(told[0].1.contains("keys/***.txt"), "{format}: {}", told[0].1);
        for (name, _) in told.iter().filter(|(_, text)| text.contains(CANARY)) {
            leaked.push(format!("{format}: {name}"));
        }
    }
    assert!(leaked.is_empty(), "{}", leaked.join("\n"));
}

#[test]
fn the_value_of_a_secret_in_one_report_is_told_of_no_other() {
    let dir = Dir::new();
    policy(&dir);
    let leaks = SECRETS[0].1.replace("CANARY", CANARY);
    let place = format!("src/{CANARY}/a.py");
    let found = SPEAKING[3].1.replace("WORDS", "bad").replace("a.py", &place);
    let clean = r#"{"version":"1.0.0","results":[],"errors":[],"paths":{"scanned":["a.py"]}}"#;
    dir.write("gitleaks.json", leaks).write("semgrep.json", found).write("clean.json", clean);
    let (head, base) = (
        ["gitleaks.json", "semgrep.json"],
        ["--base-report", "gitleaks.json", "--base-report", "semgrep.json"],
    );
    let mut told = vec![dir.run(&["findings", "--format", "json", head[0], head[1]]).all()];
    dir.write(
        "p.yaml",
        dir.read("p.yaml").replace("evidence:", "base: {from: [base-report], without: warn}\nevidence:"),
    );
    for format in FORMATS {
        let args = ["--policy", "p.yaml", "--format", format];
        told.push(dir.check(&[&args[..], &head].concat()).all());
        // What is gone since is told, too.
        told.push(dir.check(&[&args[..], &base, &["clean.json"]].concat()).all());
    }
    assert!(told.iter().any(|text| text.contains("src/***/a.py")), "{}", told[0]);
    assert!(told.iter().all(|text| !text.contains(CANARY)), "{told:?}");
}

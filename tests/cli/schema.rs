//! Every output over the fixtures is what the published schemas say, key by key.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::{Dir, NOW, SAST_POLICY, WAIVED_CODE, fixture, root, semgrep};
use crate::samples;

/// A schema of which every key of an object must be known. Readers let unknown keys pass; this test does not.
struct ClosedSchema(Value);

/// Keywords that say nothing about what is valid here.
const SILENT: &[&str] =
    &["$schema", "$defs", "title", "description", "format", "minimum", "maximum", "default"];

impl ClosedSchema {
    fn published(name: &str) -> Self {
        let run = Dir::new().run(&["schema", name]);
        assert_eq!(run.code, 0, "{run:?}");
        Self(run.json())
    }

    /// What of a value the schema does not allow.
    fn problems(&self, value: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.look(&self.0, value, "$", &mut problems);
        problems
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut problems = Vec::new();
        self.look(schema, value, "", &mut problems);
        problems.is_empty()
    }

    fn look(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        let Some(keywords) = schema.as_object() else {
            assert_eq!(schema, &json!(true), "a schema at {at}");
            return;
        };
        let mut wrong = |why: &str| problems.push(format!("{at}: {why}"));
        let mut inner: Vec<(&Value, &Value, String)> = Vec::new();
        for (keyword, says) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let target = says.as_str().unwrap().strip_prefix('#').unwrap();
                    inner.push((self.0.pointer(target).expect("a definition"), value, at.to_owned()));
                }
                "const" if value != says => wrong("is another constant"),
                "enum" if !says.as_array().unwrap().contains(value) => wrong("is a word that is not listed"),
                "const" | "enum" => {}
                "type" => {
                    let types: Vec<&str> = match says {
                        Value::Array(list) => list.iter().map(|word| word.as_str().unwrap()).collect(),
                        one => vec![one.as_str().unwrap()],
                    };
                    let is = match value {
                        Value::Null => "null",
                        Value::Bool(_) => "boolean",
                        Value::Number(number) if number.is_f64() => "number",
                        Value::Number(_) => "integer",
                        Value::String(_) => "string",
                        Value::Array(_) => "array",
                        Value::Object(_) => "object",
                    };
                    let is_integer = is == "integer";
                    if !(types.contains(&is) || is_integer && types.contains(&"number")) {
                        wrong(&format!("is {is}, not {types:?}"));
                    }
                }
                "pattern" => {
                    assert_eq!(says, "^sg1:[0-9a-f]{32}$", "a pattern that this test knows");
                    let digits =
                        value.as_str().and_then(|text| text.strip_prefix("sg1:")).unwrap_or_default();
                    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
                    if digits.len() != 32 || !digits.bytes().all(hex) {
                        wrong("is not a fingerprint");
                    }
                }
                "required" => {
                    for key in says.as_array().unwrap().iter().map(|key| key.as_str().unwrap()) {
                        if value.as_object().is_some_and(|object| !object.contains_key(key)) {
                            wrong(&format!("has no `{key}`"));
                        }
                    }
                }
                "properties" => {
                    for (key, member) in value.as_object().into_iter().flatten() {
                        match says.get(key) {
                            Some(schema) => inner.push((schema, member, format!("{at}.{key}"))),
                            None => wrong(&format!("has `{key}`, which the schema does not know")),
                        }
                    }
                }
                "additionalProperties" if says == &json!(false) => {}
                "additionalProperties" => {
                    assert!(!keywords.contains_key("properties"), "a map or an object, not both: {at}");
                    for (key, member) in value.as_object().into_iter().flatten() {
                        inner.push((says, member, format!("{at}.{key}")));
                    }
                }
                "items" => {
                    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                        inner.push((says, element, format!("{at}[{index}]")));
                    }
                }
                "anyOf" | "oneOf" => {
                    if !says.as_array().unwrap().iter().any(|one| self.fits(one, value)) {
                        wrong("fits none of the alternatives");
                    }
                }
                silent => assert!(SILENT.contains(&silent), "the keyword `{silent}` at {at}"),
            }
        }
        for (schema, value, at) in inner {
            self.look(schema, value, &at, problems);
        }
    }
}

/// Every file below a folder of fixtures.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_findings_of_every_fixture_are_as_published() {
    let schema = ClosedSchema::published("findings");
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("fixtures")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("app") {
            files(&path, &mut found);
        }
    }
    found.sort();
    let (dir, mut findings) = (Dir::new(), 0);
    for chunk in found.chunks(24) {
        let paths: Vec<&str> = chunk.iter().map(|path| path.to_str().unwrap()).collect();
        let run = dir.run(&[&["findings", "--format", "json", "--no-env"], paths.as_slice()].concat());
        if run.stdout.is_empty() {
            continue;
        }
        let list = run.json();
        let problems = schema.problems(&list);
        assert!(problems.is_empty(), "{problems:#?}");
        findings += list["findings"].as_array().unwrap().len();
    }
    assert!(findings > 200, "{findings} findings of {} files", found.len());
}

const POLICY: &str = "\
version: 1
gate: merge
base: {from: [baseline], without: review}
waivers: {files: [waivers.yaml]}
people: {lead: [\"@lead\"]}
reviewers: {any_of: [\"role:lead\"], at_least: 1}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  deps: {category: vulnerability, files: [trivy.json], required: false}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: fail}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review}
  - {id: deps, findings: {category: vulnerability, severity: low}, then: fail}
";

const WAIVERS: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/sast-high
    match: {rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}
    reason: not reachable
    owner: \"@dev\"
    approved_by: \"@lead\"
    compensating_controls: [firewall]
    created: 2026-05-01
    expires: 2026-06-30
    review_trigger: [severity_raised]
    seen: {severity: high, fix: unknown, matches: 1}
";

#[test]
fn verdicts_waivers_and_replays_are_as_published() {
    let verdicts = ClosedSchema::published("verdict");
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR", "WARNING"])).write("src/a0.py", WAIVED_CODE);
    dir.write("sast.yaml", SAST_POLICY).write("p.yaml", POLICY).write("waivers.yaml", WAIVERS);
    dir.copy("gate/trivy-fs.json", "trivy.json");
    let gate = fixture("gate");
    let gate = gate.to_str().unwrap();
    let baseline = dir.run(&["baseline", "write", "semgrep.json"]);
    dir.write("base.jsonl", &baseline.stdout);
    let mut outcomes = Vec::new();
    for args in [
        &["--policy", "sast.yaml"][..],
        &["--policy", "p.yaml"],
        &[
            "--policy",
            "p.yaml",
            "--baseline",
            "base.jsonl",
            "--commit",
            "0123456789abcdef0123456789abcdef01234567",
        ],
        &["--policy", "sast.yaml", "trivy.json"],
        &["--policy", "missing.yaml"],
        &["--policy", "sast.yaml", "--evidence", "other=semgrep.json"],
        &["--no-env", gate],
        &["--gate", "release", "--no-env", gate],
    ] {
        let run = dir.check(&[&["--format", "json"], args].concat());
        let verdict = run.json();
        let problems = verdicts.problems(&verdict);
        assert!(problems.is_empty(), "{args:?}: {problems:#?}");
        outcomes.push(verdict["verdict"].as_str().unwrap().to_owned());
    }
    for sample in samples::all() {
        let run = sample.dir.check(&[&["--format", "json"], sample.args.as_slice()].concat());
        let problems = verdicts.problems(&run.json());
        assert!(problems.is_empty(), "{}: {problems:#?}", sample.name);
    }
    assert!(outcomes.iter().any(|word| word == "fail") && outcomes.iter().any(|word| word == "error"));
    let waivers = ClosedSchema::published("waivers");
    for args in [
        &["waiver", "list", "--policy", "p.yaml"][..],
        &["waiver", "lint", "--policy", "p.yaml", "semgrep.json"],
    ] {
        let run = dir.run(&[args, &["--format", "json", "--now", NOW]].concat());
        let review = run.json();
        assert_eq!(review["waivers"].as_array().unwrap().len(), 1, "{run:?}");
        let problems = waivers.problems(&review);
        assert!(problems.is_empty(), "{args:?}: {problems:#?}");
    }
    let run = dir.run(&["replay", "--format", "json", "--policy", "sast.yaml", "--now", NOW, "."]);
    let problems = ClosedSchema::published("replay").problems(&run.json());
    assert!(problems.is_empty(), "{problems:#?}");
    let run =
        dir.run(&["diff", "--format", "json", "--policy", "sast.yaml", "--against", "p.yaml", gate, gate]);
    let problems = ClosedSchema::published("diff").problems(&run.json());
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_key_that_the_schema_does_not_know_is_found() {
    let dir = Dir::new();
    dir.write("semgrep.json", semgrep(&["ERROR"])).write("p.yaml", SAST_POLICY);
    let mut verdict = dir.check(&["--policy", "p.yaml", "--format", "json"]).json();
    let schema = ClosedSchema::published("verdict");
    assert_eq!(schema.problems(&verdict), Vec::<String>::new());
    verdict["findings"][0]["severity"] = "dire".into();
    verdict["rules"][0]["mood"] = 1.into();
    verdict["evidence"][0].as_object_mut().unwrap().remove("status");
    assert_eq!(schema.problems(&verdict).len(), 3, "{:?}", schema.problems(&verdict));
}

#[test]
fn the_schema_of_policies_has_two_names_and_an_unknown_name_is_an_error() {
    let dir = Dir::new();
    assert_eq!(dir.run(&["schema", "policy"]).stdout, dir.run(&["policy", "schema"]).stdout);
    assert_eq!(dir.run(&["schema", "cases"]).stdout, dir.run(&["policy", "schema", "--cases"]).stdout);
    let run = dir.run(&["schema", "verdicts"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("verdict"), "{run:?}");
}

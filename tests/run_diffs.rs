//! `secgate diff` on generated pairs of runs in which one input is swapped that turns the verdict: that one is named, and nothing
//! else, whichever run comes first, and whatever differs besides without a part in it.
//!
//! `SECGATE_RUN_DIFFS` is how many pairs (40 unless it is set).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64ct::Encoding as _;
use serde_json::{Value, json};

/// A gate in which each kind of input can turn the verdict.
const POLICY: &str = "\
version: 1
gate: merge
parameters: {tier: {one_of: [gold, silver]}}
base: {from: [baseline, diff], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  deps: {category: vulnerability, files: [trivy-fs.json], max_age: 14d, age_unknown: warn}
  kev: {feed: kev, files: [kev.json], required: false}
  epss: {feed: epss, files: [epss.csv], required: false}
  ready: {document: json, files: [ready.json]}
waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}
trust: {at_least: {trivy: \"0.60\"}}
rules:
  - {id: sast-high, findings: {category: sast, severity: high, state: new}, then: fail}
  - {id: deps-high, findings: {category: vulnerability, severity: high, state: new}, then: fail}
  - {id: exploited, findings: {category: vulnerability, severity: medium, kev: true}, then: fail}
  - {id: likely, findings: {category: vulnerability, severity: medium, epss: 0.8}, then: fail}
  - {id: gold, when: {tier: gold}, findings: {category: sast, severity: medium, cwe: [79]}, then: review}
  - {id: ready, document: {name: ready, require: {\"$.ready\": true}}, then: review}
";

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// A run before it is written.
#[derive(Clone)]
struct Run {
    about: Value,
    files: BTreeMap<&'static str, String>,
    sast: Vec<Value>,
    vulnerabilities: Vec<Value>,
    semgrep: &'static str,
    trivy: Value,
}

/// A finding of Semgrep.
fn sast(rule: &str, path: &str, line: u64, severity: &str, cwe: &str) -> Value {
    json!({"check_id": rule, "path": path, "start": {"line": line}, "end": {"line": line},
           "extra": {"message": rule, "severity": severity, "metadata": {"cwe": [cwe]}, "lines": format!("call_{line}()")}})
}

/// A vulnerability of Trivy.
fn vulnerability(id: &str, package: &str, version: &str, severity: &str, published: &str) -> Value {
    json!({"VulnerabilityID": id, "PkgName": package, "InstalledVersion": version, "Status": "affected",
           "Severity": severity, "Title": id, "PublishedDate": published})
}

const OLD: &str = "2025-03-01T00:00:00Z";
/// The later of the two clocks; the earlier one is four days before.
const LATE: &str = "2026-06-05T12:00:00Z";
const EARLY: &str = "2026-06-01T12:00:00Z";
/// Between the two.
const BETWEEN: &str = "2026-06-03T06:00:00Z";
const COMMITS: [&str; 2] =
    ["1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"];
const READY: &str = "{\"ready\": true}";
const WAIVERS: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/deps-high
    match: {ids: [CVE-2024-77]}
    reason: The function is not called
    owner: \"@payments-lead\"
    approved_by: \"@appsec-lead\"
    compensating_controls: [WAF rule 1024]
    created: 2026-05-15
    expires: 2026-07-10
    review_trigger: [kev]
    seen: {severity: high, fix: none, matches: 1}
";

impl Run {
    /// One that passes, with findings that stop nothing.
    fn passing(dice: &mut Dice) -> Self {
        let mut sasts: Vec<Value> = (0..=dice.below(6))
            .map(|at| {
                let severity = dice.one_of(&["WARNING", "INFO"]);
                sast(
                    &format!("rule-{}", dice.below(9)),
                    &format!("src/{at}.py"),
                    1 + dice.below(400),
                    severity,
                    "CWE-330: x",
                )
            })
            .collect();
        sasts.push(sast("xss", "src/view.py", 7, "WARNING", "CWE-79: x"));
        let mut vulnerabilities: Vec<Value> = (0..dice.below(6))
            .map(|at| {
                let severity = dice.one_of(&["LOW", "MEDIUM"]);
                vulnerability(&format!("CVE-2024-{at}"), &format!("lib{at}"), "1.0", severity, OLD)
            })
            .collect();
        vulnerabilities.push(vulnerability("CVE-2024-50", "target", "1.0", "MEDIUM", OLD));
        Self {
            about: json!({"time": EARLY, "commit": COMMITS[0], "gate": "merge", "author": "kim", "project": "shop/api",
                          "params": {"tier": "silver"}}),
            files: [
                ("ready.json", READY),
                (".secgate/merge.yaml", POLICY),
                ("kev.json", NO_KEV),
                ("epss.csv", EPSS),
            ]
            .map(|(name, text)| (name, text.to_owned()))
            .into(),
            sast: sasts,
            vulnerabilities,
            semgrep: "1.100.0",
            trivy: json!({"version": "0.70.0", "created": "2026-05-31T00:00:00Z"}),
        }
    }

    /// All files by their names.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> =
            self.files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        let semgrep = json!({"version": self.semgrep, "results": self.sast, "errors": [], "paths": {"scanned": ["src/view.py"]}});
        let trivy = json!({
            "SchemaVersion": 2, "Trivy": {"Version": self.trivy["version"]}, "CreatedAt": self.trivy["created"],
            "ArtifactName": ".", "ArtifactType": "filesystem",
            "Results": [{"Target": "poetry.lock", "Class": "lang-pkgs", "Type": "poetry", "Vulnerabilities": self.vulnerabilities}],
        });
        for (name, report) in [("semgrep.json", semgrep), ("trivy-fs.json", trivy)] {
            match files.get(name).map(String::as_str) {
                Some("-") => drop(files.remove(name)),
                Some(_) => {}
                None => drop(files.insert(name.to_owned(), report.to_string())),
            }
        }
        files
    }
}

/// One way to turn a verdict: the kind that has to be named, and the input.
struct Swap {
    kind: &'static str,
    input: &'static str,
    /// What makes the second run of the first.
    turn: fn(&mut Run, &mut Run, &mut Dice),
}

const KEV: &str = r#"{"catalogVersion":"2026.05.31","dateReleased":"2026-05-31T10:00:00.1Z","count":1,"vulnerabilities":[{"cveID":"CVE-2024-50"}]}"#;
/// Scores of all advisories here, none of them high.
const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-05-31T12:00:27Z\ncve,epss,percentile\n\
    CVE-2024-0,0.1,0.2\nCVE-2024-1,0.1,0.2\nCVE-2024-2,0.1,0.2\nCVE-2024-3,0.1,0.2\nCVE-2024-4,0.1,0.2\n\
    CVE-2024-40,0.1,0.2\nCVE-2024-50,0.1,0.2\nCVE-2024-60,0.1,0.2\nCVE-2024-77,0.1,0.2\nCVE-2026-1,0.1,0.2\n";
const NO_KEV: &str = r#"{"catalogVersion":"2026.05.31","dateReleased":"2026-05-31T10:00:00.1Z","count":1,"vulnerabilities":[{"cveID":"CVE-2020-9"}]}"#;

/// The baseline of what a run's Semgrep found.
fn baseline(run: &Run) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("semgrep.json"), &run.files()["semgrep.json"]).unwrap();
    let written = secgate(dir.path(), &["baseline", "write", "semgrep.json"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    String::from_utf8(written.stdout).unwrap()
}

fn with_waiver(a: &mut Run, b: &mut Run) {
    let waived = vulnerability("CVE-2024-77", "waived", "1.0", "HIGH", OLD);
    for run in [a, b] {
        run.vulnerabilities.push(waived.clone());
        run.files.insert(".secgate/waivers.yaml", WAIVERS.to_owned());
    }
}

const SWAPS: &[Swap] = &[
    Swap {
        kind: "code",
        input: "semgrep.json",
        turn: |_, b, dice| {
            let at = usize::try_from(dice.below(b.sast.len() as u64)).unwrap();
            b.sast.insert(at, sast("sqli", "src/new.py", 1 + dice.below(300), "ERROR", "CWE-89: x"));
            b.about["commit"] = COMMITS[1].into();
        },
    },
    Swap {
        kind: "code",
        input: "trivy-fs.json",
        turn: |_, b, _| {
            b.vulnerabilities.push(vulnerability("CVE-2024-60", "added", "2.0", "HIGH", OLD));
            b.about["commit"] = COMMITS[1].into();
        },
    },
    Swap {
        kind: "advisory-disclosed",
        input: "trivy-fs.json",
        turn: |_, b, _| {
            b.vulnerabilities.push(vulnerability("CVE-2026-1", "target", "1.0", "CRITICAL", BETWEEN));
            b.about["time"] = LATE.into();
            b.about["commit"] = COMMITS[1].into();
        },
    },
    Swap {
        kind: "severity-rescored",
        input: "trivy-fs.json",
        turn: |_, b, dice| {
            let severity = dice.one_of(&["HIGH", "CRITICAL"]);
            b.vulnerabilities.last_mut().unwrap()["Severity"] = severity.into();
        },
    },
    Swap {
        kind: "tool-or-database",
        input: "trivy-fs.json",
        turn: |_, b, dice| b.trivy["version"] = dice.one_of(&["0.59.1", "0.58.0"]).into(),
    },
    Swap {
        kind: "tool-or-database",
        input: "semgrep.json",
        turn: |_, b, _| {
            // The same commit by a newer scanner, which knows a rule more.
            b.sast.push(sast("newly-known", "src/view.py", 90, "ERROR", "CWE-95: x"));
            b.semgrep = "1.101.0";
        },
    },
    Swap {
        kind: "waiver-expired",
        input: "clock",
        turn: |a, b, _| {
            with_waiver(a, b);
            for run in [a, &mut *b] {
                let text = run.files.get_mut(".secgate/waivers.yaml").unwrap();
                *text = text.replace("expires: 2026-07-10", "expires: 2026-06-03");
            }
            b.about["time"] = LATE.into();
        },
    },
    Swap {
        kind: "waiver-triggered",
        input: "kev.json",
        turn: |a, b, _| {
            with_waiver(a, b);
            b.files.insert("kev.json", KEV.replace("CVE-2024-50", "CVE-2024-77"));
            for run in [a, b] {
                // Nothing else may speak of what is exploited.
                let text = run.files.get_mut(".secgate/merge.yaml").unwrap();
                *text = text
                    .replace("severity: medium, kev: true", "severity: medium, kev: true, package: other");
            }
        },
    },
    Swap {
        kind: "waiver-edited",
        input: ".secgate/waivers.yaml",
        turn: |a, b, dice| {
            with_waiver(a, b);
            match dice.below(3) {
                0 => drop(b.files.remove(".secgate/waivers.yaml")),
                1 => drop(b.files.insert(".secgate/waivers.yaml", "version: 1\nwaivers: []\n".to_owned())),
                _ => {
                    let text = b.files.get_mut(".secgate/waivers.yaml").unwrap();
                    *text = text.replace("CVE-2024-77", "CVE-2024-78");
                }
            }
        },
    },
    Swap {
        kind: "policy-edited",
        input: "policy",
        turn: |_, b, _| {
            let text = b.files.get_mut(".secgate/merge.yaml").unwrap();
            *text = text
                .replace("vulnerability, severity: high, state", "vulnerability, severity: medium, state");
        },
    },
    Swap {
        kind: "report-missing",
        input: "semgrep.json",
        turn: |_, b, _| drop(b.files.insert("semgrep.json", "-".to_owned())),
    },
    Swap {
        kind: "report-unusable",
        input: "semgrep.json",
        turn: |_, b, dice| {
            let whole = b.files()["semgrep.json"].clone();
            let end = whole.len() - 1 - usize::try_from(dice.below(whole.len() as u64 / 3)).unwrap();
            b.files.insert("semgrep.json", whole[..end].to_owned());
        },
    },
    Swap {
        kind: "report-time",
        input: "trivy-fs.json",
        turn: |_, b, dice| {
            b.trivy["created"] = dice.one_of(&["2026-04-01T00:00:00Z", "2026-03-08T08:00:00Z"]).into();
        },
    },
    Swap {
        kind: "clock",
        input: "clock",
        turn: |a, b, _| {
            for run in [a, &mut *b] {
                run.trivy["created"] = "2026-05-20T00:00:00Z".into();
            }
            b.about["time"] = LATE.into();
        },
    },
    Swap {
        kind: "diff",
        input: "diff",
        turn: |a, b, _| {
            for run in [&mut *a, &mut *b] {
                run.sast.push(sast("sqli", "src/old.py", 3, "ERROR", "CWE-89: x"));
            }
            let of = |path: &str| {
                format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -3 +3 @@\n-a\n+b\n")
            };
            a.files.insert("change.diff", of("src/other.py"));
            b.files.insert("change.diff", of("src/old.py"));
        },
    },
    Swap {
        kind: "baseline",
        input: "baseline",
        turn: |a, b, dice| {
            for run in [&mut *a, &mut *b] {
                run.sast.push(sast("sqli", "src/old.py", 3, "ERROR", "CWE-89: x"));
                // Without a diff the lines tell nothing, and each finding that is not known is new.
                run.files.insert(
                    ".secgate/merge.yaml",
                    POLICY.replace("from: [baseline, diff]", "from: [baseline]"),
                );
            }
            a.files.insert("baseline.jsonl", baseline(a));
            if dice.below(2) == 1 {
                let mut less = b.clone();
                less.sast.pop();
                b.files.insert("baseline.jsonl", baseline(&less));
            }
        },
    },
    Swap {
        kind: "parameter",
        input: "parameter tier",
        turn: |_, b, _| b.about["params"]["tier"] = "gold".into(),
    },
    Swap {
        kind: "feed",
        input: "kev.json",
        turn: |_, b, _| drop(b.files.insert("kev.json", KEV.to_owned())),
    },
    Swap {
        kind: "feed",
        input: "epss.csv",
        turn: |_, b, _| {
            let text = EPSS.replace("CVE-2024-50,0.1", "CVE-2024-50,0.95");
            b.files.insert("epss.csv", text);
        },
    },
    Swap {
        kind: "document",
        input: "ready.json",
        turn: |_, b, _| drop(b.files.insert("ready.json", "{\"ready\": false}".to_owned())),
    },
];

/// Differences without a part in the verdict.
fn add_noise(run: &mut Run, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        match dice.below(5) {
            0 => run.about["author"] = "lee".into(),
            1 => run.sast.push(sast("noise", "src/noise.py", 1 + dice.below(99), "INFO", "CWE-330: x")),
            2 => run.vulnerabilities.insert(0, vulnerability("CVE-2024-40", "noise", "3.1", "LOW", OLD)),
            3 => drop(run.files.insert("CODEOWNERS", format!("* @team-{}\n", dice.below(5)))),
            _ => {
                // What stops is told by its line where there is a diff.
                let quiet = run.sast.iter_mut().filter(|finding| finding["extra"]["severity"] != "ERROR");
                quiet.for_each(|finding| {
                    let moved = finding["start"]["line"].as_u64().unwrap() + 100;
                    finding["start"]["line"] = moved.into();
                    finding["end"]["line"] = moved.into();
                });
            }
        }
    }
}

/// Writes two runs in one of the forms, and gives what names them.
fn write(runs: [&Run; 2], form: u64, folder: &Path) -> [PathBuf; 2] {
    if form == 0 {
        let mut lines = String::new();
        for (id, run) in ["a", "b"].iter().zip(runs) {
            let data = |text: &String| json!({"data": base64ct::Base64::encode_string(text.as_bytes())});
            let files: BTreeMap<String, Value> =
                run.files().iter().map(|(name, text)| (name.clone(), data(text))).collect();
            let mut line = run.about.clone();
            (line["id"], line["files"]) = ((*id).into(), serde_json::to_value(files).unwrap());
            writeln!(lines, "{line}").unwrap();
        }
        fs::write(folder.join("runs.ndjson"), lines).unwrap();
        return ["runs.ndjson#a", "runs.ndjson#b"].map(PathBuf::from);
    }
    for (id, run) in ["a", "b"].iter().zip(runs) {
        for (name, text) in run.files() {
            let path = folder.join(id).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(folder.join(id).join("run.json"), run.about.to_string()).unwrap();
    }
    ["a", "b"].map(PathBuf::from)
}

fn secgate(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_secgate")).env_clear().current_dir(folder).args(args).output().unwrap()
}

/// Tries one pair, and gives what is wrong with it.
fn try_pair(number: u64) -> Option<String> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let swap = &SWAPS[usize::try_from(number).unwrap() % SWAPS.len()];
    let mut a = Run::passing(&mut dice);
    let mut b = a.clone();
    (swap.turn)(&mut a, &mut b, &mut dice);
    let noisy = dice.below(2) == 1;
    // A damaged report is not written anew.
    if noisy && swap.kind != "report-unusable" {
        add_noise(&mut b, &mut dice);
    }
    let turned = dice.below(2) == 1;
    let runs = if turned { [&b, &a] } else { [&a, &b] };
    let dir = tempfile::tempdir().unwrap();
    let [one, other] = write(runs, dice.below(2), dir.path());
    let run =
        secgate(dir.path(), &["diff", one.to_str().unwrap(), other.to_str().unwrap(), "--format", "json"]);
    let told = format!("pair {number} ({} in {}, noise {noisy}, turned {turned})", swap.kind, swap.input);
    if run.status.code() != Some(1) {
        let [out, err] = [&run.stdout, &run.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let out = serde_json::from_str::<Value>(&out).map_or(out, |diff| diff["runs"].to_string());
        return Some(format!("{told}: exit code {:?}\n{out}{err}", run.status.code()));
    }
    let diff: Value = serde_json::from_slice(&run.stdout).unwrap();
    let explanations = diff["explanations"].as_array().unwrap();
    let named: Vec<(String, String)> = explanations
        .iter()
        .flat_map(|one| one["causes"].as_array().unwrap())
        .map(|cause| {
            let text = |key: &str| cause[key].as_str().unwrap().to_owned();
            (text("kind"), text("input"))
        })
        .collect();
    let wanted = vec![(swap.kind.to_owned(), swap.input.to_owned())];
    (named != wanted).then(|| format!("{told}: {named:?}\n{}{}", diff["runs"], diff["explanations"]))
}

#[test]
fn the_one_input_that_was_swapped_is_named_and_nothing_else() {
    let pairs = std::env::var("SECGATE_RUN_DIFFS").ok().map_or(40, |count| count.parse().unwrap());
    let wrong: Vec<String> = (0..pairs).filter_map(try_pair).collect();
    assert!(
        wrong.is_empty(),
        "{} of {pairs} pairs:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(6)].join("\n")
    );
}

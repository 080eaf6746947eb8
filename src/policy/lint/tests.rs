//! Each check on a policy that it speaks of, and on one that differs only in what makes that right.

use super::*;
use crate::policy::load;
use crate::report::FORMATS;

fn formats() -> Vec<FormatFacts> {
    FORMATS
        .iter()
        .map(|f| FormatFacts {
            id: f.id,
            tool: f.tool,
            categories: f.categories,
            tells: f.attributes,
            dates_database: f.dates_database,
        })
        .collect()
}

fn lints(text: &str) -> Vec<Lint> {
    lint(&load("p.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}")), &formats())
}

/// A policy about a change: reports of every kind, a base, people.
const HEAD: &str = "\
version: 1
gate: merge
base: {from: [base-report, baseline, diff], without: warn, unchanged_lines: existing}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  secrets: {category: secret, files: [gitleaks.json]}
  deps: {category: vulnerability, files: [trivy.json]}
  quality: {category: quality, files: [junit.xml]}
  kev: {feed: kev, files: [kev.json], max_age: 7d}
  epss: {feed: epss, files: [epss.csv], max_age: 7d}
  facts: {document: json, files: [facts.json]}
waivers: {files: [w.yaml]}
people: {appsec: [\"@ann\"]}
reviewers: {any_of: [\"role:appsec\"], not: [author]}
rules:
  - {id: rest, findings: {category: [sast, secret, vulnerability, quality], state: newly_disclosed}, then: warn}
  - {id: facts, document: {name: facts, require: {\"$.ok\": true}}, then: fail}
";

/// Remarks on the rules, put after [`HEAD`].
fn rules(rules: &str) -> Vec<String> {
    with(HEAD, rules)
}

fn with(head: &str, rules: &str) -> Vec<String> {
    let rules: Vec<String> = rules.lines().map(|rule| format!("  - {{{rule}}}\n")).collect();
    let text = format!("{head}{}", rules.concat());
    lints(&text).into_iter().map(|lint| lint.id.to_owned()).collect()
}

/// Asserts that the check speaks of the first and not of the second; other checks may.
#[track_caller]
fn tells_apart(id: &str, bad: &[String], good: &[String]) {
    assert!(bad.iter().any(|said| said == id), "{id} is silent: {bad:?} and {good:?}");
    assert!(!good.iter().any(|said| said == id), "{id} gives a false alarm: {good:?}");
}

/// Lines of rules that a check speaks of, and lines that it does not.
const RULES: &[(&str, &str, &str)] = &[
    (
        "never-fires",
        "id: a, findings: {category: sast, state: newly_disclosed}, then: fail",
        "id: a, findings: {category: vulnerability, state: newly_disclosed}, then: fail",
    ),
    (
        "never-fires",
        "id: a, findings: {suppressed: true, state: existing}, then: fail",
        "id: a, findings: {suppressed: true, state: new}, then: fail",
    ),
    (
        "never-fires",
        "id: a, findings: {category: sast, severity: high, not: {severity: medium}}, then: fail",
        "id: a, findings: {category: sast, severity: high, not: {severity: critical}}, then: fail",
    ),
    (
        "never-fires",
        "id: a, findings: {category: sast, not: {category: [sast, secret]}}, then: fail",
        "id: a, findings: {category: [sast, secret], not: {category: sast}}, then: fail",
    ),
    // What is not known is not left out.
    (
        "never-fires",
        "id: a, findings: {category: sast, tool: bandit, not: {tool: [bandit, gosec]}}, then: fail",
        "id: a, findings: {category: sast, path: a.py, not: {path: [a.py, b.py]}}, then: fail",
    ),
    (
        "never-fires",
        "id: a, findings: {category: vulnerability, cwe: 79, not: {cwe: [79, 89]}}, then: fail",
        "id: a, findings: {category: vulnerability, fix: available, not: {fix: available}}, then: fail",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast, severity: high}, then: fail\nid: b, findings: {category: sast, severity: medium}, then: fail",
        "id: a, findings: {category: sast, severity: high}, then: fail\nid: b, findings: {category: sast, severity: medium}, then: review",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast, state: new}, then: fail\nid: b, findings: {category: sast, cwe: 89, state: new}, then: review",
        "id: a, findings: {category: sast, state: new}, then: review\nid: b, findings: {category: sast, cwe: 89, state: new}, then: fail",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast}, then: fail\nid: b, findings: {category: sast, cwe: 89}, then: fail",
        "id: a, findings: {category: sast}, then: fail\nid: b, findings: {category: sast, cwe: 89}, then: fail, waivable: false",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast}, then: fail\nid: b, findings: {category: sast, cwe: 89}, then: fail",
        "id: a, findings: {category: sast}, then: fail, from: 2030-01-01\nid: b, findings: {category: sast, cwe: 89}, then: fail",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast}, then: fail, allow: 2\nid: b, findings: {category: sast, cwe: 89}, then: fail, allow: 3",
        "id: a, findings: {category: sast}, then: fail, allow: 5\nid: b, findings: {category: sast, cwe: 89}, then: fail",
    ),
    (
        "shadowed",
        "id: a, findings: {category: sast}, then: review\nid: b, findings: {category: sast, cwe: 89}, then: review",
        "id: a, findings: {category: sast}, then: review\nid: b, findings: {category: sast, cwe: 89}, then: review, reviewers: {any_of: [\"@bob\"], not: [author]}",
    ),
    (
        "shadowed",
        "id: a, document: {name: facts, require: {\"$.ok\": true}}, then: fail",
        "id: a, document: {name: facts, require: {\"$.ok\": false}}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: sast, severity: high}, then: fail",
        "id: a, findings: {category: sast, severity: high, state: new}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {severity: high}, then: fail",
        "id: a, findings: {category: secret}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: vulnerability, fix: available}, then: fail",
        "id: a, findings: {category: vulnerability, kev: true}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: vulnerability}, then: fail",
        "id: a, findings: {category: vulnerability, age: 30d}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: [sast, quality]}, then: fail",
        "id: a, findings: {category: quality}, then: fail",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: sast}, then: fail",
        "id: a, findings: {category: sast}, then: fail, allow: 10",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: sast}, then: fail",
        "id: a, findings: {category: sast}, then: review",
    ),
    (
        "blocks-old-debt",
        "id: a, findings: {category: sast}, then: fail",
        "id: a, findings: {category: sast, state: [new, existing]}, then: fail",
    ),
    (
        "state-not-waivable",
        "id: a, findings: {category: sast, state: new}, then: fail, waivable: false",
        "id: a, findings: {category: sast, state: new}, then: fail",
    ),
    (
        "state-not-waivable",
        "id: a, findings: {category: sast, state: new}, then: fail, waivable: false",
        "id: a, findings: {category: sast, state: [new, existing]}, then: fail, waivable: false",
    ),
    (
        "existing-without-new",
        "id: a, findings: {category: sast, state: existing}, then: review",
        "id: a, findings: {category: sast, state: existing}, then: review\nid: b, findings: {category: sast, state: new}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: sast, not: {severity: high, path: tests/**}}, then: fail",
        "id: a, findings: {category: sast, severity: high, not: {severity: low, path: tests/**}}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: sast, severity: medium, not: {severity: high}}, then: review",
        "id: a, findings: {category: sast, severity: medium, not: {severity: high}}, then: review\nid: b, findings: {category: sast, severity: high}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: vulnerability, kev: false}, then: review",
        "id: a, findings: {category: vulnerability, kev: true}, then: review",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: vulnerability, not: {kev: true}}, then: review",
        "id: a, findings: {category: vulnerability, not: {kev: true}}, then: review\nid: b, findings: {kev: true}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: vulnerability, not: {epss: 0.5}}, then: review",
        "id: a, findings: {category: vulnerability, epss: 0.5}, then: review",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: secret, verified: false}, then: review",
        "id: a, findings: {category: secret, verified: true}, then: review",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: secret, not: {verified: true}}, then: review",
        "id: a, findings: {category: secret, not: {verified: true}}, then: review\nid: b, findings: {category: secret, verified: true}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: sast, not: {confidence: high}}, then: review",
        "id: a, findings: {category: sast, confidence: high, not: {confidence: low, path: a.py}}, then: review",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: sast, not: {state: new}}, then: review",
        "id: a, findings: {category: sast, not: {state: existing}}, then: review",
    ),
    (
        "fix-none-alone",
        "id: a, findings: {category: vulnerability, fix: none}, then: fail",
        "id: a, findings: {category: vulnerability, fix: none}, then: review\nid: b, findings: {category: vulnerability, fix: available}, then: fail",
    ),
    (
        "always-unknown",
        "id: a, findings: {category: sast, scope: production}, then: fail",
        "id: a, findings: {category: vulnerability, scope: production}, then: fail",
    ),
    (
        "always-unknown",
        "id: a, findings: {category: quality, verified: true}, then: fail",
        "id: a, findings: {category: secret, verified: true}, then: fail",
    ),
    (
        "too-few-reviewers",
        "id: a, findings: {category: sast}, then: review, reviewers: {any_of: [\"role:appsec\", \"@Ann\"], at_least: 2, not: [author]}",
        "id: a, findings: {category: sast}, then: review, reviewers: {any_of: [\"role:appsec\", \"@bob\"], at_least: 2, not: [author]}",
    ),
    (
        "reviewers-may-be-author",
        "id: a, findings: {category: sast}, then: review, reviewers: {any_of: [\"role:appsec\"]}",
        "id: a, findings: {category: sast}, then: review, reviewers: {any_of: [\"role:appsec\"], not: [author]}",
    ),
    (
        "never-passes",
        "id: a, document: {name: facts, require: {\"$.a\": present}, forbid: [\"$.a\"]}, then: fail",
        "id: a, document: {name: facts, require: {\"$.a\": present}, forbid: [\"$.b\"]}, then: fail",
    ),
    (
        "never-passes",
        "id: a, document: {name: facts, at_least: {\"$.a[*]\": 1}, forbid: [\"$.a[*]\"]}, then: fail",
        "id: a, document: {name: facts, at_least: {\"$.a[*]\": 1}, forbid: [\"$.b[*]\"]}, then: fail",
    ),
    (
        "tool-misspelt",
        "id: a, findings: {tool: semgrpe}, then: fail",
        "id: a, findings: {tool: Semgrep}, then: fail",
    ),
    (
        "tool-misspelt",
        "id: a, findings: {not: {tool: trivvy}}, then: fail",
        "id: a, findings: {not: {tool: cfsec}}, then: fail",
    ),
    (
        "where-unchecked",
        "id: a, findings: {category: sast, where: \"@.severity == 'high'\"}, then: fail",
        "id: a, findings: {category: sast, severity: high}, then: fail",
    ),
    (
        "unknown-ignored",
        "id: a, findings: {category: vulnerability, kev: true}, then: fail, unknown: ignore",
        "id: a, findings: {category: vulnerability, kev: true}, then: fail, unknown: review",
    ),
    (
        "unknown-ignored",
        "id: a, findings: {category: vulnerability, kev: true, fix: none}, then: review, unknown: {fix: ignore}",
        "id: a, findings: {category: vulnerability, kev: true, fix: none}, then: warn, unknown: {fix: ignore}",
    ),
    (
        "never-fires",
        "id: a, findings: {category: sast, not: [{path: a.py}, {category: [sast, secret]}]}, then: fail",
        "id: a, findings: {category: sast, not: [{path: a.py}, {category: sast, fix: none}]}, then: fail",
    ),
    (
        "worse-escapes",
        "id: a, findings: {category: sast, not: [{path: a.py}, {severity: high}]}, then: fail",
        "id: a, findings: {category: sast, not: [{path: a.py}, {path: b.py}]}, then: fail",
    ),
    (
        "not-unchecked",
        "id: a, findings: {category: sast, not: {path: tests/**}}, then: fail",
        "id: a, findings: {category: sast, path: src/**}, then: fail",
    ),
];

/// Whole policies: what stands in [`HEAD`], what a check speaks of, and what it does not.
const HEADS: &[(&str, &str, &str, &str)] = &[
    (
        "literal-glob",
        "people:",
        "parameters: {branch: {one_of: [main, release/*]}}\npeople:",
        "parameters: {branch: {one_of: [main, release/*], globs: true}}\npeople:",
    ),
    ("set-unused", "waivers:", "sets: {code: {path: src/**}}\nwaivers:", "waivers:"),
    (
        "lowered-without-reason",
        "waivers:",
        "severity: {map: [{tool: semgrep, severity: high, as: low}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, severity: high, as: low, reason: why}]}\nwaivers:",
    ),
    ("base-cannot-tell", "from: [base-report, baseline, diff]", "from: diff", "from: [diff, baseline]"),
    ("feed-without-age", "kev.json], max_age: 7d", "kev.json]", "kev.json], max_age: 30d"),
    ("vex-without-feed", "waivers:", "vex: {accept: [Acme]}\nwaivers:", "waivers:"),
    (
        "feed-without-vex",
        "  kev: {",
        "  vex: {feed: vex, files: [v.json], max_age: 7d}\n  kev: {",
        "  kev: {",
    ),
    (
        "entry-never-satisfied",
        "files: [junit.xml]",
        "files: [junit.xml], format: trivy",
        "files: [junit.xml], format: junit",
    ),
    (
        "evidence-unused",
        "  quality: {",
        "  iac: {category: misconfiguration, files: [t.json]}\n  quality: {",
        "  quality: {",
    ),
    ("evidence-unused", "  facts: {", "  other: {document: json, files: [o.json]}\n  facts: {", "  facts: {"),
    ("parameter-unused", "people:", "parameters: {env: {one_of: [a, b]}}\npeople:", "people:"),
    (
        "key-unused",
        "people:",
        "keys: {k: {file: k.pub, sha256: \"0000000000000000000000000000000000000000000000000000000000000000\"}}\npeople:",
        "keys: {k: {file: k.pub, sha256: \"0000000000000000000000000000000000000000000000000000000000000000\", user: \"@ann\"}}\npeople:",
    ),
    (
        "identity-of-any-branch",
        "people:",
        "keys: {k: {issuer: \"https://gitlab.com\", identity: \"https://gitlab.com/g/p//.gitlab-ci.yml@**\", user: \"@ann\"}}\npeople:",
        "keys: {k: {issuer: \"https://gitlab.com\", identity: \"https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main\", user: \"@ann\"}}\npeople:",
    ),
    (
        "review-without-reviewers",
        "reviewers: {any_of: [\"role:appsec\"], not: [author]}\n",
        "",
        "reviewers: {any_of: [\"@ann\"], not: [author]}\n",
    ),
    (
        "approvals-unread",
        "  facts: {",
        "  facts: {",
        "  approvals: {document: gitlab-approvals, files: [a.json]}\n  facts: {",
    ),
    ("reviewers-may-be-author", "not: [author]}", "not: [deployer]}", "not: [author, deployer]}"),
    ("too-few-reviewers", "not: [author]}", "not: [author], at_least: 2}", "not: [author], at_least: 1}"),
    (
        "map-not-monotone",
        "waivers:",
        "severity: {map: [{tool: semgrep, severity: critical, as: low}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, severity: critical, as: high}]}\nwaivers:",
    ),
    (
        "map-not-monotone",
        "waivers:",
        "severity: {map: [{tool: semgrep, severity: high, as: low}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, severity: high, as: low}, {tool: semgrep, severity: medium, as: low}]}\nwaivers:",
    ),
    (
        "map-not-monotone",
        "waivers:",
        "severity: {map: [{severity: high, as: info}]}\nwaivers:",
        "severity: {map: [{tool: checkov, severity: unknown, as: medium}]}\nwaivers:",
    ),
    (
        "map-hides",
        "waivers:",
        "severity: {map: [{tool: semgrep, as: low}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, as: high}]}\nwaivers:",
    ),
    (
        "map-hides",
        "waivers:",
        "severity: {map: [{tool: semgrep, category: quality}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, rule_id: \"*secrets*\", category: secret}]}\nwaivers:",
    ),
    (
        "map-hides",
        "waivers:",
        "severity: {map: [{tool: semgrep, as: low}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, severity: high, as: high}, {tool: semgrep, as: low}]}\nwaivers:",
    ),
    (
        "never-fires",
        "waivers:",
        "severity: {map: [{severity: critical, as: low}, {severity: high, as: low}], unknown: low}\nwaivers:",
        "severity: {map: [{severity: critical, as: low}, {severity: high, as: low}]}\nwaivers:",
    ),
    (
        "map-unreachable",
        "waivers:",
        "severity: {map: [{tool: Semgrep, as: high}, {tool: semgrep, severity: low, as: high}]}\nwaivers:",
        "severity: {map: [{tool: semgrep, severity: low, as: high}, {tool: Semgrep, as: high}]}\nwaivers:",
    ),
    (
        "unknown-escapes",
        "waivers:",
        "severity: {unknown: low}\nwaivers:",
        "severity: {unknown: high}\nwaivers:",
    ),
    (
        "always-unknown",
        "files: [semgrep.json]",
        "files: [s.json], format: kics",
        "files: [s.json], format: semgrep",
    ),
];

#[test]
fn each_check_tells_the_bad_rule_from_the_good() {
    for (id, bad, good) in RULES {
        tells_apart(id, &rules(bad), &rules(good));
    }
}

#[test]
fn each_check_tells_the_bad_policy_from_the_good() {
    let all = "id: a, findings: {category: sast, severity: high, confidence: high, state: [new, existing], evidence: sast}, then: fail
id: b, findings: {category: vulnerability, severity: high, state: new}, then: review";
    for (id, from, bad, good) in HEADS {
        assert!(HEAD.contains(from), "{from}");
        tells_apart(id, &with(&HEAD.replace(from, bad), all), &with(&HEAD.replace(from, good), all));
    }
}

#[test]
fn checks_of_policies_of_their_own() {
    let head = "version: 1\ngate: merge\nevidence: {sast: {category: sast, files: [s.json]}}\nrules:\n";
    let based = head.replace("rules:", "base: {from: baseline}\nrules:");
    let state = "id: a, findings: {state: new}, then: fail";
    tells_apart("state-without-base", &with(head, state), &with(&based, state));
    let diffed = head.replace("rules:", "base: {from: [base-report, diff]}\nrules:");
    let said = diffed.replace("diff]", "diff], unchanged_lines: review");
    tells_apart("diff-vouches-for-code", &with(&diffed, state), &with(&said, state));
    let known = "id: a, findings: {state: existing}, then: fail";
    tells_apart("never-fires", &with(head, known), &with(&based, known));
    let optional = head.replace("files:", "required: false, files:");
    tells_apart("nothing-required", &with(&optional, state), &with(head, state));
    tells_apart("only-warns", &with(head, &state.replace("fail", "warn")), &with(head, state));
    let vulnerabilities = based.replace("category: sast", "category: vulnerability");
    let seen = format!("{state}\nid: b, findings: {{state: newly_disclosed}}, then: warn");
    tells_apart("newly-disclosed-unseen", &with(&vulnerabilities, state), &with(&vulnerabilities, &seen));
    let entry = "id: a, findings: {package: xz, evidence: sast}, then: fail";
    let told = |format: &str| with(&based.replace("files:", &format!("format: {format}, files:")), entry);
    tells_apart("never-fires", &told("gosec"), &told("sarif"));
    let compared = vulnerabilities.replace("from: baseline", "from: [baseline, base-report]");
    let disclosed = "id: a, findings: {state: newly_disclosed}, then: fail";
    tells_apart("never-fires", &with(&vulnerabilities, disclosed), &with(&compared, disclosed));
    let environments = head.replace("rules:", "parameters: {env: {one_of: [a, b]}}\nrules:");
    let only = "id: a, when: {env: a}, findings: {severity: high}, then: fail";
    let both = format!("{only}\nid: b, when: {{env: b}}, findings: {{severity: low}}, then: fail");
    tells_apart("no-rule-for-value", &with(&environments, only), &with(&environments, &both));
    // A value that a parameter does not have is no warning: the policy is not valid.
    let text = format!("{environments}  - {{id: a, when: {{env: c}}, findings: {{}}, then: fail}}\n");
    assert!(load("p.yaml", text.as_bytes()).unwrap_err().to_string().contains("unknown value"));

    let artifact = "version: 1\ngate: package\nsubjects: {app: {kind: image}}\nevidence:\n  scan: {category: vulnerability, subject: each, files: [\"t-${subject}.json\"]}\n  verdicts: {document: verdict, files: [v.jsonl]}\n  approvals: {document: gitlab-deployment, files: [d.json]}\nkeys: {gate: {file: g.pub, sha256: \"0000000000000000000000000000000000000000000000000000000000000000\"}}\nrules:\n";
    let high = "id: a, findings: {severity: high}, then: fail";
    for dated in ["max_age: 24h, files", "bound: required, files", "receipt: required, files"] {
        let dated = artifact.replacen("files", dated, 1);
        tells_apart("report-without-age", &with(artifact, high), &with(&dated, high));
    }
    let aged =
        |age: &str| format!("id: a, verdicts: {{merge: {{on: commit}}, signed_by: [gate]{age}}}, then: fail");
    tells_apart("verdict-without-age", &with(artifact, &aged("")), &with(artifact, &aged(", max_age: 7d")));
    let digest = format!(", policy: [\"sha256:{}\"]", "1".repeat(64));
    tells_apart("verdict-of-any-policy", &with(artifact, &aged("")), &with(artifact, &aged(&digest)));
    let project = |path: &str| aged(&format!(", project: \"{path}\""));
    let address = project("https://gitlab.example.com/shop/app.git");
    tells_apart("verdict-of-no-project", &with(artifact, &address), &with(artifact, &project("shop/app")));
    let staged = artifact.replace("subjects:", "parameters: {stage: {one_of: [test, live]}}\nsubjects:");
    let of = |value: &str| aged(&format!(", parameters: {{stage: {value}}}"));
    tells_apart("verdict-of-no-value", &with(&staged, &of("life")), &with(&staged, &of("live")));
    let by =
        |not: &str| format!("id: a, approvals: {{from: [deployment], any_of: [\"@ann\"]{not}}}, then: fail");
    tells_apart("self-approval", &with(artifact, &by("")), &with(artifact, &by(", not: [author]")));
    let asked = "id: a, findings: {suppressed: true}, then: review";
    let waived = artifact.replace("rules:", "waivers: {files: [w.yaml]}\nrules:");
    tells_apart("review-without-reviewers", &with(artifact, asked), &with(&waived, asked));
}

/// Every check has a case of both kinds above.
#[test]
fn every_check_is_tried() {
    let here = include_str!("tests.rs");
    for check in CHECKS {
        let quoted = format!("\"{}\"", check.id);
        assert!(here.contains(&quoted), "{} is not tried", check.id);
        assert!(CHECKS.iter().filter(|other| other.id == check.id).count() == 1, "{} twice", check.id);
    }
}

#[test]
fn a_lint_points_at_the_clause() {
    let text = format!(
        "{HEAD}  - id: a\n    findings:\n      category: sast\n      not:\n        severity: high\n    then: fail\n"
    );
    let found = lints(&text);
    let lint = found.iter().find(|lint| lint.id == "worse-escapes").unwrap();
    let row = text.lines().position(|row| row.contains("severity: high")).unwrap() as u64 + 1;
    assert_eq!((lint.at.line, lint.at.column), (row, 9));
    assert_eq!(lint.rule.as_deref(), Some("a"));
    // Both rules of a pair are named.
    let text = format!(
        "{HEAD}  - {{id: a, findings: {{severity: high}}, then: fail}}\n  - {{id: b, findings: {{severity: low}}, then: fail}}\n"
    );
    let found = lints(&text);
    let lint = found.iter().find(|lint| lint.id == "shadowed").unwrap();
    let rule =
        |id: &str| text.lines().position(|line| line.contains(&format!("id: {id},"))).unwrap() as u64 + 1;
    assert_eq!((lint.at.line, lint.see.as_ref().map(|at| at.line)), (rule("a"), Some(rule("b"))));
    assert!(lint.message.contains("rule `b`"), "{}", lint.message);
}

#[test]
fn shipped_policies_give_no_warning() {
    for (name, text) in crate::policy::EMBEDDED {
        let warnings: Vec<Lint> = lints(text).into_iter().filter(|l| l.level == LintLevel::Warning).collect();
        assert_eq!(warnings, [], "{name}");
    }
}

#[test]
fn databases_whose_age_no_report_can_tell() {
    let told = |trust: &str, format: &str| {
        let head = format!(
            "version: 1\ngate: package\n{trust}evidence:\n  deps: {{category: vulnerability, files: [a.json]{format}}}\nrules:\n"
        );
        with(&head, "id: a, findings: {severity: high}, then: fail")
    };
    let limit = "trust: {database_max_age: 48h}\n";
    for format in [", format: trivy", ""] {
        tells_apart("database-undated", &told(limit, format), &told(limit, ", format: grype"));
        tells_apart("database-undated", &told(limit, format), &told("", format));
    }
}

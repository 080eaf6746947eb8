//! A policy over another: what is inherited may only be made stricter.

use sha2::{Digest, Sha256};

use crate::common::{Dir, semgrep};

const ORGANISATION: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json], nothing_scanned: review}
people: {appsec: [\"@ann\", \"@bob\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: review, allow: 1}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: warn}
";

fn digest(text: &str) -> String {
    secgate::finding::hex(&Sha256::digest(text))
}

/// A policy of a repository that extends `../organisation/merge.yaml`.
fn child(rest: &str) -> String {
    let digest = digest(ORGANISATION);
    format!(
        "version: 1\ngate: merge\nextends: {{file: ../organisation/merge.yaml, sha256: {digest}}}\n{rest}"
    )
}

fn dir(rest: &str) -> Dir {
    let dir = Dir::new();
    dir.write("organisation/merge.yaml", ORGANISATION).write(".secgate/merge.yaml", child(rest));
    dir
}

#[test]
fn a_child_adds_rules_and_tightens_what_it_inherits() {
    let dir = dir(
        "rules:\n  - {id: sast-high, then: fail, allow: 0}\n  - {id: low, findings: {severity: low}, then: warn}\n",
    );
    dir.write("semgrep.json", semgrep(&["HIGH", "MEDIUM"]));
    let json = dir.check(&["--format", "json"]).json();
    let rules: Vec<(&str, &str)> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["id"].as_str().unwrap(), r["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [("sast-high", "fail"), ("sast-medium", "warn"), ("low", "warn")]);
    // The line is one of the parent, and says so.
    assert_eq!(
        (&json["rules"][1]["line"], &json["rules"][1]["policy"]),
        (&9.into(), &"organisation/merge.yaml".into())
    );
    assert_eq!(json["rules"][2]["policy"], serde_json::Value::Null);
    assert_eq!(json["policy"]["extends"][0]["sha256"], digest(ORGANISATION).as_str());
    let text = dir.check(&[]).stdout;
    assert!(
        text.contains("(organisation/merge.yaml:9)") && text.contains("(.secgate/merge.yaml:6)"),
        "{text}"
    );
}

#[test]
fn loosening_names_both_lines_and_says_what_to_do() {
    let dir = dir("enforcement: advisory\nrules:\n  - {id: sast-high, then: warn, allow: 3}\n");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    insta::assert_snapshot!("extends_loosened", run.stderr);
}

#[test]
fn a_child_brings_no_word_of_its_own_for_who_approved() {
    let dir = dir("evidence:\n  mine: {document: gitlab-approvals, files: [mine.json]}\n");
    dir.write("semgrep.json", semgrep(&["HIGH", "HIGH"])).write("mine.json", "{}");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains(".secgate/merge.yaml:5:3: evidence `mine`: one more file that says who approved"),
        "{run:?}"
    );
}

#[test]
fn what_an_inherited_rule_looks_at_stays() {
    let dir = dir(
        "evidence: {sast: {files: [other.json]}}\nrules:\n  - {id: sast-high, findings: {severity: critical}}\n",
    );
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    for told in [
        "the rule `sast-high` is inherited",
        "the evidence `sast` is inherited",
        "add a rule or an entry of your own",
    ] {
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
}

#[test]
fn the_digest_of_the_parent_is_demanded() {
    let dir = dir("");
    dir.write("semgrep.json", semgrep(&[]));
    assert_eq!(dir.check(&[]).code, 0);
    // Another file is not even quoted.
    dir.write("organisation/merge.yaml", "rules: secret-of-somebody\n");
    let run = dir.check(&[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("another is demanded") && !run.stderr.contains("secret-of"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(dir.path().join("organisation/merge.yaml")).unwrap();
    let run = dir.check(&[]);
    assert!(run.code == 2 && run.stderr.contains("a policy is never skipped"), "{run:?}");
    let without = child("").replace(", sha256: ", ", sha: ");
    dir.write(".secgate/merge.yaml", without);
    assert_eq!(dir.check(&[]).code, 2);
}

#[test]
fn a_policy_that_extends_itself_or_leaves_relative_paths_is_refused() {
    let dir = Dir::new();
    for (file, told) in
        [("merge.yaml", "extends itself"), ("/etc/policy.yaml", "not a path relative"), ("..", "not a path")]
    {
        let digest = "0".repeat(64);
        let text = format!("version: 1\ngate: merge\nextends: {{file: {file}, sha256: \"{digest}\"}}\n");
        dir.write(".secgate/merge.yaml", text);
        let run = dir.check(&[]);
        assert!(run.code == 2 && run.stderr.contains(told), "{file}: {run:?}");
    }
}

#[test]
fn the_pipeline_demands_the_policy_or_an_ancestor() {
    let dir = dir("");
    dir.write("semgrep.json", semgrep(&[]));
    let text = dir.run(&["policy", "lint"]).stdout;
    let own = text.split("sha256:").nth(1).unwrap().lines().next().unwrap().to_owned();
    for (demanded, code) in [(own, 0), (digest(ORGANISATION), 0), ("0".repeat(64), 2)] {
        let run = dir.check(&["--require-policy", &format!("sha256:{demanded}")]);
        assert_eq!(run.code, code, "{run:?}");
    }
    // A policy of the repository's own does not stand in for the organisation's.
    dir.write(".secgate/merge.yaml", ORGANISATION.replace("then: review", "then: warn"));
    let run = dir.check(&["--require-policy", &format!("sha256:{}", digest(ORGANISATION))]);
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn three_in_a_chain_hold_together() {
    let dir = dir("rules:\n  - {id: sast-high, then: fail}\n");
    dir.write("semgrep.json", semgrep(&["HIGH", "HIGH"]));
    let digest = digest(&child("rules:\n  - {id: sast-high, then: fail}\n"));
    // Its digest covers the policy that it extends.
    let run = dir.run(&["policy", "lint"]);
    let covers = run.stdout.split("sha256:").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_ne!(covers, digest);
    dir.write("team/merge.yaml", format!("version: 1\ngate: merge\nextends: {{file: ../.secgate/merge.yaml, sha256: {covers}}}\nrules:\n  - {{id: sast-high, then: review}}\n"));
    let run = dir.check(&["--policy", "team/merge.yaml"]);
    assert!(
        run.code == 2 && run.stderr.contains("`then` is review, and .secgate/merge.yaml:5 says fail"),
        "{run:?}"
    );
    dir.write("team/merge.yaml", format!("version: 1\ngate: merge\nextends: {{file: ../.secgate/merge.yaml, sha256: {covers}}}\nrules:\n  - {{id: sast-high, allow: 0}}\n"));
    let run = dir.check(&["--policy", "team/merge.yaml", "--format", "json"]);
    assert_eq!((run.code, run.json()["policy"]["extends"].as_array().map(Vec::len)), (1, Some(2)));
}

#[test]
fn the_effective_policy_decides_the_same() {
    let dir = dir(
        "title: Ours\nevidence:\n  sast: {nothing_scanned: fail}\nmappings: {acme: {file: acme.yaml}}\nrules:\n  - {id: sast-high, allow: 0}\n  - {id: low, findings: {severity: low, path: [\"src/**\"], where: \"@.severity == 'low'\"}, then: fail}\n",
    );
    let mapping = "version: 1\nmappings:\n  acme: {category: sast, findings: \"$.issues[*]\", fields: {rule_id: \"@.rule\", severity: \"@.level\"}}\n";
    dir.write(".secgate/acme.yaml", mapping).write("semgrep.json", semgrep(&["HIGH", "LOW"]));
    let show = dir.run(&["policy", "show", "--effective"]);
    insta::assert_snapshot!("extends_effective", show.stdout);
    dir.write("effective.yaml", &show.stdout);
    // The same but for where the policy and its lines stand.
    let decided = |args: &[&str]| {
        let mut json = dir.check(&[args, &["--format", "json"]].concat()).json();
        json["policy"] = "".into();
        for rule in json["rules"].as_array_mut().unwrap() {
            let rule = rule.as_object_mut().unwrap();
            rule.remove("line");
            rule.remove("policy");
        }
        json
    };
    assert_eq!(decided(&[]), decided(&["--policy", "effective.yaml"]));
}

/// All that a child may make stricter, each at a value from which there is a way up and a way down.
const EVERYTHING: &str = "\
version: 1
gate: merge
enforcement: blocking
severity: {unknown: high}
base: {from: [baseline], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json], required: false, count: 1, max_age: 24h, nothing_scanned: review, stale: review, problems: {parse: warn, timeout: review, rule: review, scan: review}}
  strict: {category: sast, files: [strict.json], max_age: 24h, bound: required, receipt: required}
  lenient: {category: sast, files: [lenient.json], required: false, max_age: 24h, age_unknown: warn}
  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}
  versions: {document: gitlab-versions, files: [versions.json], required: false}
  request: {document: gitlab-merge-request, files: [request.json], required: false}
waivers: {files: [waivers.yaml], max_duration: 30d, not_author: true}
vex: {accept: [vendor, team], max_age: 30d}
people: {appsec: [\"@ann\", \"@bob\"], other: [\"@eve\"]}
reviewers: {any_of: [\"role:appsec\", \"role:other\"], at_least: 1, not: [author]}
rules:
  - {id: counted, findings: {category: sast, severity: high}, then: review, allow: 2}
  - {id: firm, findings: {category: sast, severity: critical}, then: fail, waivable: false}
  - {id: later, findings: {category: sast, severity: medium}, then: fail, from: 2026-09-01}
  - {id: asked, findings: {category: sast, cwe: [79]}, then: review, reviewers: {any_of: [\"role:appsec\", \"@dan\"], at_least: 2, not: [author]}}
  - {id: approved, approvals: {from: [merge_request], any_of: [\"role:appsec\"], at_least: 1, not: [author], max_age: 7d}, then: review}
";

/// What, texts that are stricter, and texts that are looser.
const CLAUSES: &[(&str, &[&str], &[&str])] = &[
    (
        "allow",
        &["rules:\n  - {id: counted, allow: 1}", "rules:\n  - {id: counted, allow: 0}"],
        &["rules:\n  - {id: counted, allow: 3}"],
    ),
    (
        "then",
        &["rules:\n  - {id: counted, then: fail}"],
        &["rules:\n  - {id: counted, then: warn}", "rules:\n  - {id: firm, then: review}"],
    ),
    (
        "waivable",
        &["rules:\n  - {id: counted, waivable: false}"],
        &["rules:\n  - {id: firm, waivable: true}"],
    ),
    (
        "from",
        &["rules:\n  - {id: later, from: 2026-08-31}"],
        &["rules:\n  - {id: later, from: 2026-09-02}", "rules:\n  - {id: firm, from: 2026-09-02}"],
    ),
    (
        "at_least",
        &[
            "rules:\n  - {id: asked, reviewers: {any_of: [\"role:appsec\", \"@dan\"], at_least: 3, not: [author]}}",
        ],
        &[
            "rules:\n  - {id: asked, reviewers: {any_of: [\"role:appsec\", \"@dan\"], at_least: 1, not: [author]}}",
        ],
    ),
    (
        "any_of",
        &["rules:\n  - {id: asked, reviewers: {any_of: [\"role:appsec\"], at_least: 2, not: [author]}}"],
        &[
            "rules:\n  - {id: asked, reviewers: {any_of: [\"role:appsec\", \"@dan\", \"@me\"], at_least: 2, not: [author]}}",
            "rules:\n  - {id: asked, reviewers: {any_of: [\"@me\"], at_least: 2, not: [author]}}",
        ],
    ),
    (
        "not",
        &[
            "rules:\n  - {id: asked, reviewers: {any_of: [\"@dan\", \"role:appsec\"], at_least: 2, not: [deployer, author]}}",
        ],
        &[
            "rules:\n  - {id: asked, reviewers: {any_of: [\"@dan\", \"role:appsec\"], at_least: 2, not: [deployer]}}",
        ],
    ),
    (
        "reviewers",
        &[
            "reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author, committers]}",
            "reviewers: {any_of: [\"role:appsec\", \"role:other\"], at_least: 2, not: [author]}",
        ],
        &[
            "reviewers: {any_of: [\"role:appsec\", \"role:other\", \"@me\"], at_least: 1, not: [author]}",
            "reviewers: {any_of: [\"role:appsec\", \"role:other\"], at_least: 1, not: [deployer]}",
        ],
    ),
    (
        "people",
        &["people: {appsec: [\"@ann\"]}"],
        &["people: {appsec: [\"@ann\", \"@bob\", \"@me\"]}", "people: {other: [\"@me\"]}"],
    ),
    ("required", &["evidence:\n  sast: {required: true}"], &["evidence:\n  strict: {required: false}"]),
    ("count", &["evidence:\n  sast: {count: 2}"], &[]),
    ("max_age", &["evidence:\n  sast: {max_age: 12h}"], &["evidence:\n  sast: {max_age: 25h}"]),
    (
        "age_unknown",
        &["evidence:\n  lenient: {age_unknown: fail}"],
        &["evidence:\n  strict: {age_unknown: warn}"],
    ),
    ("bound", &["evidence:\n  sast: {bound: required}"], &[]),
    ("receipt", &["evidence:\n  sast: {receipt: required}"], &[]),
    (
        "nothing_scanned",
        &["evidence:\n  sast: {nothing_scanned: fail}"],
        &["evidence:\n  sast: {nothing_scanned: warn}"],
    ),
    (
        "stale",
        &["evidence:\n  sast: {stale: fail}"],
        &["evidence:\n  sast: {stale: warn}", "evidence:\n  strict: {stale: review}"],
    ),
    (
        "problems",
        &[
            "evidence:\n  sast: {problems: {parse: review, timeout: fail}}",
            "evidence:\n  sast: {problems: {rule: fail, scan: fail}}",
        ],
        &["evidence:\n  sast: {problems: {timeout: warn}}", "evidence:\n  strict: {problems: {parse: warn}}"],
    ),
    ("without", &["base: {from: [baseline], without: review}"], &["base: {from: [diff], without: warn}"]),
    ("unknown", &["severity: {unknown: critical}"], &["severity: {unknown: medium}"]),
    ("max_duration", &["waivers: {max_duration: 7d}"], &["waivers: {max_duration: 31d}"]),
    ("not_author", &[], &["waivers: {not_author: false}"]),
    ("files of waivers", &[], &["waivers: {files: [waivers.yaml, mine.yaml]}"]),
];

#[test]
fn every_clause_goes_one_way() {
    let dir = Dir::new();
    dir.write("organisation/merge.yaml", EVERYTHING);
    let run = |parent: &str, rest: &str| {
        let digest = digest(parent);
        dir.write("organisation/merge.yaml", parent).write(
            ".secgate/merge.yaml",
            format!("version: 1\ngate: merge\nextends: {{file: ../organisation/merge.yaml, sha256: {digest}}}\n{rest}\n"),
        );
        dir.run(&["policy", "lint"])
    };
    let mut wrong = Vec::new();
    for (what, stricter, looser) in CLAUSES {
        for text in *stricter {
            let run = run(EVERYTHING, text);
            if run.code != 0 {
                wrong.push(format!("{what}: {text}: {run:?}"));
            }
        }
        for text in *looser {
            let run = run(EVERYTHING, text);
            // Both lines, and what to do.
            let told = [".secgate/merge.yaml:", "organisation/merge.yaml:", "add a rule of your own"];
            if run.code != 2 || !told.iter().all(|told| run.stderr.contains(told)) {
                wrong.push(format!("{what}: {text}: {run:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Advisory may become blocking, and never the other way.
    let advisory = EVERYTHING.replace("enforcement: blocking", "enforcement: advisory");
    assert_eq!(run(&advisory, "enforcement: blocking").code, 0);
    let back = run(EVERYTHING, "enforcement: advisory");
    assert!(back.code == 2 && back.stderr.contains("organisation/merge.yaml:3"), "{back:?}");
    // What inherits a demand keeps it: nothing that is silent takes it away.
    let silent = "rules:\n  - {id: asked, reviewers: {any_of: [\"role:appsec\"], at_least: 2}}";
    assert_eq!(run(EVERYTHING, silent).code, 0);
    let effective = dir.run(&["policy", "show", "--effective"]).stdout;
    let mut kept = effective.lines().filter(|line| line.trim_start().starts_with("not: [author]"));
    assert!(kept.next_back().unwrap().ends_with("organisation/merge.yaml:22"), "{effective}");
    assert_eq!(effective.matches("not: [author]").count(), 3, "{effective}");
    // What a rule looks at, and what a gate is about, is not the child's.
    for other in [
        "rules:\n  - {id: counted, findings: {category: sast, severity: low}}",
        "rules:\n  - {id: counted, document: {name: approvals, require: {\"$.x\": 1}}}",
        "evidence: {sast: {files: [other.json]}}",
        "evidence: {sast: {category: secret}}",
        "vex: {accept: [vendor, team, me], max_age: 30d}",
        "vex: {accept: [vendor], max_age: 60d}",
    ] {
        let run = run(EVERYTHING, other);
        assert!(run.code == 2 && run.stderr.contains(".secgate/merge.yaml:"), "{other}: {run:?}");
    }
}

/// Demands that are not about findings, each with what is stricter and what is looser.
const DEMANDS: &str = "\
version: 1
gate: release
subjects: {app: {kind: image}}
keys:
  builder: {file: builder.pub, sha256: \"1111111111111111111111111111111111111111111111111111111111111111\"}
  other: {file: other.pub, sha256: \"2222222222222222222222222222222222222222222222222222222222222222\"}
evidence:
  scan: {category: vulnerability, subject: each, files: [trivy.json]}
  sbom: {document: sbom, subject: each, files: [sbom.json]}
  made: {document: provenance, subject: each, files: [made.jsonl]}
  verdicts: {document: verdict, files: [v.jsonl]}
  rollback: {document: json, files: [rollback.json]}
  deployment: {document: gitlab-deployment, files: [deployment.json]}
  request: {document: gitlab-merge-request, files: [request.json]}
people: {release: [\"@ann\", \"@bob\"]}
rules:
  - {id: image, image: {subject: each, registry: [\"r.invalid/a/**\", \"r.invalid/b/**\"], created_within: 7d, base: [\"r.invalid/base/*\"]}, then: fail}
  - {id: sbom, sbom: {subject: each, components_at_least: 2, licenses: {deny: [AGPL-3.0-only], unknown: review}}, then: fail}
  - {id: made, provenance: {subject: each, signed_by: [builder, other], builder: [\"https://b.invalid/1\", \"https://b.invalid/2\"], ref: [\"refs/heads/main\", \"refs/tags/*\"]}, then: fail}
  - {id: gates, verdicts: {merge: {on: commit}, package: {on: subject}, signed_by: [builder, other], max_age: 72h}, then: fail}
  - {id: approved, approvals: {from: [deployment], any_of: [\"role:release\"], at_least: 1, not: [author], max_age: 24h}, then: fail}
  - {id: rollback, document: {name: rollback, require: {\"$.ready\": true, \"$.tested_at\": {within: 30d}}}, then: review}
";

#[test]
fn demands_are_only_added_to() {
    let dir = Dir::new();
    dir.write("organisation/release.yaml", DEMANDS);
    let digest = digest(DEMANDS);
    let lint = |rest: &str| {
        dir.write(
            ".secgate/release.yaml",
            format!(
                "version: 1\ngate: release\nextends: {{file: ../organisation/release.yaml, sha256: {digest}}}\nrules:\n  - {{{rest}}}\n"
            ),
        );
        dir.run(&["policy", "lint", "--gate", "release"])
    };
    let stricter = [
        "id: image, image: {registry: [\"r.invalid/a/**\"]}",
        "id: image, image: {created_within: 24h, base_created_within: 60d}",
        "id: image, image: {digest: required, os_end_of_life: false}",
        "id: sbom, sbom: {components_at_least: 5, format: [cyclonedx]}",
        "id: sbom, sbom: {licenses: {deny: [SSPL-1.0, AGPL-3.0-only], unknown: fail}}",
        "id: made, provenance: {signed_by: [builder], commit: context}",
        "id: made, provenance: {builder: [\"https://b.invalid/2\"], ref: [\"refs/tags/*\"], predicate: [slsa-v1]}",
        "id: gates, verdicts: {signed_by: [other], max_age: 1h, release: {on: subject}}",
        "id: approved, approvals: {at_least: 2}",
        "id: approved, approvals: {any_of: [\"@Ann\"], max_age: 1h, not: [author, deployer]}",
        "id: rollback, document: {require: {\"$.tested_at\": {within: 7d}, \"$.previous_digest\": present}}",
    ];
    let looser = [
        ("id: image, image: {registry: [\"r.invalid/**\"]}", "`image.registry` is r.invalid/**"),
        ("id: image, image: {created_within: 8d}", "`image.created_within` is 8d"),
        ("id: image, image: {base: [\"r.invalid/base/*\", \"docker.io/**\"]}", "`image.base` is"),
        ("id: sbom, sbom: {components_at_least: 1}", "`sbom.components_at_least` is 1"),
        ("id: sbom, sbom: {names_subject: false}", "`sbom.names_subject` is false"),
        ("id: sbom, sbom: {licenses: {deny: [SSPL-1.0]}}", "`sbom.licenses.deny` is SSPL-1.0"),
        ("id: sbom, sbom: {licenses: {unknown: warn}}", "`sbom.licenses.unknown` is warn"),
        ("id: made, provenance: {builder: [\"https://b.invalid/3\"]}", "`provenance.builder` is"),
        ("id: made, provenance: {ref: [\"refs/**\"]}", "`provenance.ref` is refs/**"),
        ("id: gates, verdicts: {merge: {on: subject}}", "`verdicts.merge` is gone, or on something else"),
        ("id: gates, verdicts: {verdict: [pass, review]}", "`verdicts.verdict` is pass, review"),
        ("id: gates, verdicts: {max_age: 73h}", "`verdicts.max_age` is 73h"),
        ("id: approved, approvals: {any_of: [\"role:release\", \"@me\"]}", "`approvals.any_of` is"),
        ("id: approved, approvals: {not: [deployer]}", "`approvals.not` is deployer"),
        ("id: approved, approvals: {max_age: 2d}", "`approvals.max_age` is 2d"),
        ("id: rollback, document: {require: {\"$.ready\": false}}", "`document.require` is less"),
        ("id: rollback, document: {require: {\"$.tested_at\": {within: 31d}}}", "`document.require` is less"),
        ("id: rollback, findings: {category: vulnerability}", "the rule `rollback` is inherited"),
    ];
    let mut wrong = Vec::new();
    for text in stricter {
        let run = lint(text);
        if run.code != 0 {
            wrong.push(format!("{text}: {run:?}"));
        }
    }
    for (text, told) in looser {
        let run = lint(text);
        let names = [told, ".secgate/release.yaml:5", "add a rule"];
        if run.code != 2 || !names.iter().all(|told| run.stderr.contains(told)) {
            wrong.push(format!("{text}: {run:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

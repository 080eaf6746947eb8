//! Pairs of gates over all seven kinds of rules, decided on the same evidence. What an edit of the policy or of what stands
//! beside it lets through, the gate from before would have let through too; no policy decides better than one that it
//! extends; what is taken away never helps; an evidence entry more helps no other; and what an entry names is read or listed.
//!
//! `SECGATE_PAIRS` is how many pairs each property tries (48 unless it is set). The edits are told by a diff in a file, which
//! needs no process; every sixteenth of them by git.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use proptest::prelude::*;
use secgate::attest::dsse::IN_TOTO;
use secgate::attest::{Algorithm, Envelope, PrivateKey};
use secgate::decide::{Decision, Outcome};
use secgate::finding::{Text, hex};
use secgate::gather::Limits;
use secgate::run::RunRequest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NOW: &str = "2026-06-01T12:00:00Z";
const COMMIT: &str = "1111111111111111111111111111111111111111";
const OTHER_COMMIT: &str = "2222222222222222222222222222222222222222";
const BASE: &str = "00000000000000000000000000000000000000ba";
const IMAGE: &str = "registry.shop.invalid/shop/web:1.4.2";

fn digest(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

/// Parts of a policy, each with the ways in which it can be written; the first is what most policies have.
struct Part {
    section: Section,
    ways: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Top,
    Keys,
    Evidence,
    Rules,
}

const fn part(section: Section, ways: &'static [&'static str]) -> Part {
    Part { section, ways }
}

/// `{a}`, `{b}` and `{v}` stand for the digests of the keys.
const PARTS: &[Part] = &[
    part(Section::Top, &["", "enforcement: advisory\n"]),
    part(
        Section::Top,
        &[
            "",
            "severity: {unknown: low}\n",
            "severity: {map: [{tool: trivy, severity: high, as: low, reason: why}]}\n",
            "severity: {unknown: medium, map: [{tool: semgrep, path: \"src/**\", as: low, reason: why}]}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "base: {from: [baseline], without: review}\n",
            "",
            "base: {from: [base-report], without: review}\n",
            "base: {from: [baseline, base-report], without: warn}\n",
            "base: {from: [baseline], without: fail}\n",
            "base: {from: [base-report], without: warn}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}\n",
            "",
            "waivers: {files: [.secgate/waivers.yaml], max_duration: 20d}\n",
            "waivers: {files: [.secgate/waivers.yaml], max_duration: 90d, not_author: true}\n",
            "waivers: {files: [.secgate/more.yaml, .secgate/waivers.yaml]}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "vex: {accept: [\"Acme PSIRT\"], max_age: 90d}\n",
            "",
            "vex: {accept: [\"Acme PSIRT\"], max_age: 10d}\n",
            "vex: {accept: [\"Acme PSIRT\", Other]}\n",
            "vex: {accept: [Other]}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "reviewers: {any_of: [\"role:appsec\"], not: [author]}\n",
            "",
            "reviewers: {any_of: [\"role:appsec\"], at_least: 2, not: [author]}\n",
            "reviewers: {any_of: [\"role:appsec\", \"@eve\"]}\n",
            "reviewers: {any_of: [\"role:appsec\"], not: [author, committers, waiver_owners]}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "people: {appsec: [\"@ann\"], devs: [{user: dev, emails: [dev@shop.invalid]}]}\n",
            "people: {appsec: [\"@ann\", \"@eve\"], devs: [{user: dev, emails: [dev@shop.invalid]}]}\n",
            "people: {appsec: [\"@eve\"], devs: [{user: pat, emails: [dev@shop.invalid]}]}\n",
            "people: {appsec: [{user: ann, emails: [dev@shop.invalid]}]}\n",
            "people: {appsec: [\"@dev\", \"@ann\"], devs: [{user: dev, emails: [dev@shop.invalid]}]}\n",
        ],
    ),
    part(
        Section::Top,
        &[
            "",
            "trust: {deny: [{tool: semgrep, version: \"1.*\", reason: old}]}\n",
            "trust: {at_least: {trivy: \"0.50\"}}\n",
            "trust: {database_max_age: 48h}\n",
            "trust: {database_max_age: 72h}\n",
        ],
    ),
    part(
        Section::Keys,
        &["  builder: {file: keys/a.pub, sha256: {a}}\n", "  builder: {file: keys/b.pub, sha256: {b}}\n"],
    ),
    part(
        Section::Keys,
        &["  gate: {file: keys/a.pub, sha256: {a}}\n", "  gate: {file: keys/b.pub, sha256: {b}}\n"],
    ),
    part(
        Section::Keys,
        &["  acme: {file: keys/v.pub, sha256: {v}}\n", "  acme: {file: keys/a.pub, sha256: {a}}\n"],
    ),
    part(
        Section::Evidence,
        &[
            "  deps: {category: vulnerability, files: [trivy.json]}\n",
            "  deps: {category: vulnerability, files: [trivy.json], max_age: 24h}\n",
            "  deps: {category: vulnerability, files: [trivy.json], required: false, nothing_scanned: warn}\n",
            "  deps: {category: vulnerability, files: [\"*.json\"], format: trivy}\n",
            "  deps: {category: vulnerability, files: [main.json]}\n",
            "  deps: {category: vulnerability, files: [trivy.json], max_age: 24h, stale: warn}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  code: {category: sast, files: [semgrep.json]}\n",
            "  code: {category: sast, files: [semgrep.json], problems: {parse: warn}}\n",
            "  code: {category: sast, files: [semgrep.json], nothing_scanned: fail}\n",
            "  code: {category: sast, files: [none.json], required: false}\n",
            "  code: {category: sast, files: [semgrep.json], required: false, problems: {parse: warn, scan: warn}}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  scan: {category: vulnerability, target: image, subject: each, files: [image.json], bound: required}\n",
            "  scan: {category: vulnerability, target: image, files: [image.json]}\n",
            "  scan: {category: vulnerability, target: image, subject: each, files: [image.json], max_age: 12h}\n",
            "  scan: {category: vulnerability, target: image, subject: each, files: [image.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  kev: {feed: kev, files: [kev.json]}\n",
            "",
            "  kev: {feed: kev, files: [kev.json], required: false, max_age: 7d}\n",
            "  kev: {feed: kev, files: [gone.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  epss: {feed: epss, files: [epss.csv], required: false}\n",
            "",
            "  epss: {feed: epss, files: [epss.csv], max_age: 7d}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  vex: {feed: vex, files: [acme.vex.json], required: false}\n",
            "",
            "  vex: {feed: vex, files: [acme.vex.json], signed_by: [acme], required: false}\n",
            "  vex: {feed: vex, files: [acme.vex.json, signed.vex.json], required: false}\n",
            "  vex: {feed: vex, files: [signed.vex.json], signed_by: [acme], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  facts: {document: json, files: [facts.json]}\n",
            "  facts: {document: json, files: [facts.json], required: false}\n",
            "  facts: {document: json, files: [other.json]}\n",
            "  facts: {document: json, files: [other.json, facts.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  sbom: {document: sbom, subject: each, files: [sbom.json]}\n",
            "  sbom: {document: sbom, files: [sbom.json]}\n",
            "  sbom: {document: sbom, files: [sbom.json], required: false}\n",
            "  sbom: {document: sbom, files: [clean-sbom.json]}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  slsa: {document: provenance, files: [slsa.jsonl]}\n",
            "  slsa: {document: provenance, subject: each, files: [slsa.jsonl]}\n",
            "  slsa: {document: provenance, files: [slsa.jsonl], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  earlier: {document: verdict, files: [\"verdicts/*.jsonl\"]}\n",
            "  earlier: {document: verdict, files: [\"verdicts/pass.jsonl\"]}\n",
            "  earlier: {document: verdict, files: [\"verdicts/*.jsonl\"], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}\n",
            "  approvals: {document: gitlab-approvals, files: [approvals.json]}\n",
            "  approvals: {document: gitlab-approvals, files: [else.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  request: {document: gitlab-merge-request, files: [merge-request.json], required: false}\n",
            "",
            "  request: {document: gitlab-merge-request, files: [else.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &[
            "  versions: {document: gitlab-versions, files: [versions.json], required: false}\n",
            "  versions: {document: gitlab-versions, files: [older.json], required: false}\n",
        ],
    ),
    part(
        Section::Evidence,
        &["  commits: {document: gitlab-commits, files: [commits.json], required: false}\n", ""],
    ),
    part(
        Section::Evidence,
        &["  deployment: {document: gitlab-deployment, files: [deployment.json], required: false}\n", ""],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: deps, findings: {category: vulnerability, severity: high, state: new}, then: fail}\n",
            "",
            "  - {id: deps, findings: {category: vulnerability, severity: high}, then: review}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: critical}, then: fail}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: medium}, then: fail, allow: 2}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high, fix: available}, then: fail}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high, not: {package: a1}}, then: fail}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high}, then: fail, waivable: false}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high}, then: warn}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high}, then: fail, from: 2027-01-01}\n",
            "  - {id: renamed, findings: {category: vulnerability, severity: high}, then: fail}\n",
            "  - {id: deps, findings: {category: vulnerability, severity: high, epss: 0.5}, then: fail, unknown: {epss: ignore}}\n",
            "  - {id: deps, findings: {evidence: deps, severity: high}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: code, findings: {category: sast, severity: high}, then: fail}\n",
            "",
            "  - {id: code, findings: {category: sast, severity: high, state: new}, then: fail}\n",
            "  - {id: code, findings: {category: sast, path: \"src/**\"}, then: review}\n",
            "  - {id: code, findings: {category: sast, severity: medium, not: {path: \"test/**\"}}, then: fail}\n",
            "  - {id: code, findings: {category: sast, confidence: high}, then: fail, allow: 1}\n",
            "  - {id: code, findings: {category: sast, rule_id: \"rule.0\"}, then: fail}\n",
            "  - {id: code, findings: {category: sast, where: \"@.severity == 'high'\"}, then: fail}\n",
            "  - {id: code, findings: {category: sast, any: [{severity: critical}, {cwe: 79}]}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: exploited, findings: {category: vulnerability, kev: true}, then: review}\n",
            "",
            "  - {id: exploited, findings: {category: vulnerability, kev: true}, then: fail}\n",
            "  - {id: exploited, findings: {category: vulnerability, epss: 0.5}, then: fail}\n",
            "  - {id: exploited, findings: {category: vulnerability, suppressed: true}, then: review}\n",
            "  - {id: exploited, findings: {category: vulnerability, kev: true, state: new}, then: fail}\n",
            "  - {id: exploited, findings: {category: vulnerability, age: 30d}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: ready, document: {name: facts, require: {\"$.ok\": true}}, then: fail}\n",
            "",
            "  - {id: ready, document: {name: facts, require: {\"$.ok\": present}}, then: fail}\n",
            "  - {id: ready, document: {name: facts, require: {\"$.ok\": true, \"$.at\": {within: 30d}}}, then: review}\n",
            "  - {id: ready, document: {name: facts, forbid: [\"$.steps[?@.status != 'ok']\"]}, then: fail}\n",
            "  - {id: ready, document: {name: facts, at_least: {\"$.steps[*]\": 2}}, then: fail}\n",
            "  - {id: ready, when: {environment: production}, document: {name: facts, require: {\"$.ok\": true}}, then: fail}\n",
            "  - {id: ready, when: {environment: staging}, document: {name: facts, require: {\"$.ok\": true}}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: image, image: {subject: each, registry: [\"registry.shop.invalid/**\"], digest: required}, then: fail}\n",
            "",
            "  - {id: image, image: {subject: each, registry: [\"registry.shop.invalid/**\", \"evil.invalid/**\"]}, then: fail}\n",
            "  - {id: image, image: {subject: each, digest: required, created_within: 7d}, then: review}\n",
            "  - {id: image, image: {created_within: 90d, os_end_of_life: false}, then: fail}\n",
            "  - {id: image, image: {subject: each, base: [\"docker.io/library/*\"], base_created_within: 30d}, then: fail}\n",
            "  - {id: image, image: {subject: each, os_end_of_life: false}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: sbom, sbom: {subject: each, licenses: {deny: [AGPL-3.0-only], unknown: review}}, then: fail}\n",
            "",
            "  - {id: sbom, sbom: {subject: each, components_at_least: 3}, then: fail}\n",
            "  - {id: sbom, sbom: {names_subject: false, components_at_least: 1}, then: fail}\n",
            "  - {id: sbom, sbom: {subject: each, licenses: {deny: [GPL-2.0-only]}}, then: fail}\n",
            "  - {id: sbom, sbom: {subject: each, format: [spdx, cyclonedx], licenses: {deny: [AGPL-3.0-only]}}, then: review}\n",
            "  - {id: sbom, sbom: {format: spdx}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: built, provenance: {subject: each, signed_by: [builder], source: \"git+https://gitlab.invalid/team/api\", ref: [\"refs/heads/main\"], commit: context}, then: fail}\n",
            "",
            "  - {id: built, provenance: {subject: each, signed_by: [builder]}, then: fail}\n",
            "  - {id: built, provenance: {subject: each, signed_by: [builder, acme], commit: context}, then: fail}\n",
            "  - {id: built, provenance: {signed_by: [builder], builder: [\"https://gitlab.invalid/runner\"]}, then: review}\n",
            "  - {id: built, provenance: {subject: each, signed_by: [builder], ref: [\"refs/**\"], predicate: [slsa-v1, slsa-v0.2]}, then: fail}\n",
            "  - {id: built, provenance: {subject: each, signed_by: [acme]}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "",
            "  - {id: approved, approvals: {from: [merge_request], any_of: [\"role:appsec\"], not: [author]}, then: fail}\n",
            "  - {id: approved, approvals: {from: [merge_request], any_of: [\"role:appsec\"], not: [author, committers], for: commit, max_age: 2d}, then: fail}\n",
            "  - {id: approved, approvals: {from: [merge_request, deployment], any_of: [\"role:appsec\", \"@eve\"]}, then: fail}\n",
            "  - {id: approved, approvals: {from: [deployment], any_of: [\"role:appsec\"], not: [author, deployer]}, then: fail}\n",
            "  - {id: approved, approvals: {from: [merge_request], any_of: [\"role:appsec\"], at_least: 2, not: [waiver_owners]}, then: review}\n",
            "  - {id: approved, approvals: {from: [merge_request], any_of: [\"@dev\"]}, then: fail}\n",
        ],
    ),
    part(
        Section::Rules,
        &[
            "  - {id: earlier, verdicts: {package: {on: subject}, signed_by: [gate], max_age: 72h}, then: fail}\n",
            "",
            "  - {id: earlier, verdicts: {package: {on: subject}, signed_by: [gate], verdict: [pass, review]}, then: fail}\n",
            "  - {id: earlier, verdicts: {package: {on: subject}, signed_by: [gate, acme], max_age: 100d}, then: fail}\n",
            "  - {id: earlier, verdicts: {package: {on: subject}, signed_by: [gate], project: team/other}, then: fail}\n",
            "  - {id: earlier, verdicts: {package: {on: commit}, signed_by: [gate], parameters: {environment: production}}, then: review}\n",
            "  - {id: earlier, verdicts: {package: {on: subject}, signed_by: [gate], parameters: {environment: staging}}, then: fail}\n",
        ],
    ),
];

/// What stands beside a policy: each choice is a number of ways, of which 0 is what most have.
const BESIDE: [(&str, u8); 14] = [
    ("waiver of the first vulnerability", 5),
    ("waiver of the second vulnerability", 5),
    ("waiver in another file", 2),
    ("first vulnerability in the baseline", 3),
    ("second vulnerability in the baseline", 3),
    ("code in the baseline", 3),
    ("first vulnerability exploited", 3),
    ("second vulnerability exploited", 3),
    ("scores", 4),
    ("statement of the first vulnerability", 4),
    ("statement of the second vulnerability", 4),
    ("signed statements", 4),
    ("key a", 2),
    ("key b", 2),
];

/// Evidence of a run, which no edit touches; 0 is what lets a change through.
const EVIDENCE: [(&str, u8); 16] = [
    ("severity of the first vulnerability", 6),
    ("severity of the second vulnerability", 6),
    ("fix", 3),
    ("severity of the code", 4),
    ("place of the code", 4),
    ("scan of the code", 4),
    ("image", 5),
    ("components", 5),
    ("provenance", 6),
    ("verdict", 6),
    ("approvals", 6),
    ("author", 4),
    ("deployment", 4),
    ("facts", 5),
    ("base report", 4),
    ("age of the reports", 2),
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gate {
    parts: Vec<usize>,
    beside: Vec<u8>,
}

impl Gate {
    fn policy(&self) -> String {
        let of = |section: Section| -> String {
            let chosen = PARTS.iter().zip(&self.parts).filter(|(part, _)| part.section == section);
            chosen.map(|(part, way)| part.ways[way % part.ways.len()]).collect()
        };
        let rules = of(Section::Rules);
        let rules = if rules.is_empty() {
            "  - {id: least, findings: {category: vulnerability, malware: true}, then: fail}\n".to_owned()
        } else {
            rules
        };
        let text = format!(
            "version: 1\ngate: merge\nsubjects: {{app: {{kind: image}}}}\nparameters: {{environment: {{one_of: [staging, production]}}}}\n\
             {}keys:\n{}evidence:\n{}rules:\n{rules}",
            of(Section::Top),
            of(Section::Keys),
            of(Section::Evidence),
        );
        WORLD.keys.iter().fold(text, |text, (name, key)| {
            text.replace(&format!("{{{name}}}"), &hex(&Sha256::digest(key.public().to_pem())))
        })
    }

    /// Every file of the gate.
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::from([(".secgate/merge.yaml".to_owned(), self.policy())]);
        let at = |index: usize| self.beside[index] % BESIDE[index].1;
        let waivers = [at(0), at(1)].into_iter().enumerate().filter_map(|(which, way)| waiver(which, way));
        files.insert(".secgate/waivers.yaml".to_owned(), waiver_file(&waivers.collect::<Vec<_>>()));
        files.insert(".secgate/more.yaml".to_owned(), waiver_file(waiver(2, at(2)).as_slice()));
        let known = WORLD.baselines[usize::from(at(3))][usize::from(at(4))][usize::from(at(5))].clone();
        files.insert(".secgate/baseline.jsonl".to_owned(), known);
        // Of nobody knows what it is listed always.
        let exploited = [at(6), at(7)].into_iter().enumerate().filter(|(_, way)| *way > 0);
        let exploited: Vec<Value> =
            exploited.map(|(which, _)| which).chain([7]).map(|which| json!({"cveID": cve(which)})).collect();
        let day = if at(6) == 2 || at(7) == 2 { "2026-01-01" } else { "2026-05-31" };
        let kev = json!({"catalogVersion": "1", "dateReleased": format!("{day}T10:00:00Z"), "count": exploited.len(), "vulnerabilities": exploited});
        files.insert("kev.json".to_owned(), format!("{kev}\n"));
        let mut scores =
            "#model_version:v2025.03.14,score_date:2026-05-31T12:00:27Z\ncve,epss,percentile\n".to_owned();
        for (which, score) in [(0, at(8) & 1), (1, at(8) >> 1)] {
            writeln!(scores, "{},0.{}1,0.9", cve(which), if score == 1 { 9 } else { 0 }).unwrap();
        }
        files.insert("epss.csv".to_owned(), scores);
        files.insert("acme.vex.json".to_owned(), format!("{}\n", vex([at(9), at(10)])));
        let signer = &WORLD.keys[if at(11) & 1 == 0 { 2 } else { 1 }].1;
        let statement = vex(if at(11) >> 1 == 1 { [1, 1] } else { [0, 0] });
        let envelope =
            Envelope::sign("application/vnd.openvex+json", statement.to_string().into_bytes(), &[signer]);
        files.insert("signed.vex.json".to_owned(), format!("{}\n", envelope.to_json().trim_end()));
        for (name, which) in [("a", at(12)), ("b", 1 - at(13)), ("v", 2)] {
            let pem = WORLD.keys[usize::from(which)].1.public().to_pem();
            files.insert(format!(".secgate/keys/{name}.pub"), pem);
        }
        files.insert(
            ".gitignore".to_owned(),
            "/*.json\n!/kev.json\n!/*.vex.json\n/*.jsonl\n/verdicts/\n".to_owned(),
        );
        files
    }
}

fn cve(which: usize) -> String {
    format!("CVE-2026-100{which}")
}

fn waiver(which: usize, way: u8) -> Option<String> {
    let (expires, rules, approver) = match way {
        0 => return None,
        1 => ("2026-06-30", "[merge/deps, merge/exploited]", "@ann"),
        2 => ("2026-05-30", "[merge/deps, merge/exploited]", "@ann"),
        3 => ("2026-08-01", "[merge/deps]", "@dev"),
        _ => ("2026-06-30", "[merge/renamed, merge/exploited]", "@eve"),
    };
    Some(format!(
        "  - {{id: W-{which}, rule: {rules}, match: {{ids: [{}]}}, reason: why not, owner: \"@pat\", approved_by: \"{approver}\",\n     \
         compensating_controls: [tests], created: 2026-05-15, expires: {expires}, review_trigger: [severity_raised], \
         seen: {{severity: critical}}}}\n",
        cve(which % 2)
    ))
}

fn waiver_file(waivers: &[String]) -> String {
    let list = if waivers.is_empty() {
        "waivers: []\n".to_owned()
    } else {
        "waivers:\n".to_owned() + &waivers.concat()
    };
    format!("version: 1\n{list}")
}

fn vex(lifted: [u8; 2]) -> Value {
    let lifts = |which: usize, way: u8| {
        json!({"vulnerability": {"name": cve(which)}, "products": [{"@id": format!("pkg:pypi/a{which}@1")}],
            "status": if way == 3 { "under_investigation" } else { "not_affected" }, "justification": "vulnerable_code_not_in_execute_path"})
    };
    let lifted = lifted.into_iter().enumerate().filter(|(_, way)| *way > 0);
    let statements: Vec<Value> = lifted.map(|(which, way)| lifts(which, way)).chain([lifts(7, 1)]).collect();
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.invalid/1", "author": "Acme PSIRT",
        "timestamp": "2026-05-10T00:00:00Z", "version": 1, "statements": statements})
}

/// What is made once.
struct World {
    keys: Vec<(&'static str, PrivateKey)>,
    /// By how each of the three findings is known.
    baselines: Vec<Vec<Vec<String>>>,
    /// Signed verdicts of the package gate.
    verdicts: Vec<String>,
    provenance: Vec<String>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let keys: Vec<(&str, PrivateKey)> =
        ["a", "b", "v"].map(|name| (name, PrivateKey::generate(Algorithm::Ed25519).unwrap())).into();
    let dir = tempfile::tempdir().unwrap();
    let binary = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secgate"));
        let run = command.args(args).current_dir(dir.path()).env_clear().output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{args:?} {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let write = |name: &str, text: String| fs::write(dir.path().join(name), text).unwrap();
    let level = |way: u8| ["", "HIGH", "CRITICAL"][usize::from(way)];
    let known = |first: u8, second: u8, code: u8| {
        let of: Vec<(usize, &str)> = [(0, first), (1, second)]
            .into_iter()
            .filter(|(_, way)| *way > 0)
            .map(|(at, way)| (at, level(way)))
            .collect();
        write("t.json", trivy(&of, 0, false).to_string());
        write(
            "s.json",
            semgrep(if code == 0 { "" } else { "ERROR" }, if code == 2 { "lib/b.py" } else { "src/a.py" }, 0)
                .to_string(),
        );
        binary(&["baseline", "write", "--no-env", "--now", "2026-03-01T00:00:00Z", "t.json", "s.json"])
    };
    let baselines = (0..3)
        .map(|first| (0..3).map(|second| (0..3).map(|code| known(first, second, code)).collect()).collect())
        .collect();
    let verdict = |severity: &str, now: &str, key: &PrivateKey, image: &str, environment: &str| {
        let policy = "version: 1\ngate: package\nparameters: {environment: {one_of: [staging, production]}}\nevidence: {c: {category: sast, files: [s.json]}}\n\
                      rules: [{id: a, findings: {severity: high}, then: fail}, {id: b, findings: {severity: medium}, then: review}]\n";
        write("p.yaml", policy.to_owned());
        write("s.json", semgrep(severity, "src/a.py", 0).to_string());
        write("k.key", key.to_pem().to_string());
        #[cfg(unix)]
        fs::set_permissions(dir.path().join("k.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let subject = format!("{IMAGE}@{}", digest(image));
        let mut command = Command::new(env!("CARGO_BIN_EXE_secgate"));
        let environment = format!("environment={environment}");
        command.args([
            "check",
            "--no-env",
            "--policy",
            "./p.yaml",
            "--commit",
            COMMIT,
            "--subject",
            &subject,
            "--param",
            &environment,
        ]);
        command.args(["--now", now, "--output", "json=v.json"]).current_dir(dir.path()).output().unwrap();
        let _ = fs::remove_file(dir.path().join("v.jsonl"));
        binary(&["attest", "--verdict", "v.json", "--key", "k.key", "--output", "v.jsonl"]);
        fs::read_to_string(dir.path().join("v.jsonl")).unwrap()
    };
    let (a, b) = (&keys[0].1, &keys[1].1);
    let yesterday = "2026-05-31T09:00:00Z";
    let verdicts = vec![
        verdict("", yesterday, a, "a", "production"),
        verdict("WARNING", yesterday, a, "a", "production"),
        verdict("", "2026-05-01T09:00:00Z", a, "a", "production"),
        verdict("", yesterday, b, "a", "production"),
        verdict("", yesterday, a, "b", "production"),
        verdict("", yesterday, a, "a", "staging"),
    ];
    let made = |key: &PrivateKey, commit: &str, image: &str, reference: &str, source: &str| {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "app", "digest": {"sha256": image.repeat(64)}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://example.com/build/v1",
                    "externalParameters": {"repository": source, "ref": reference},
                    "resolvedDependencies": [{"uri": format!("git+{source}@{reference}"), "digest": {"gitCommit": commit}}],
                },
                "runDetails": {"builder": {"id": "https://gitlab.invalid/runner"}},
            },
        });
        Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &[key]).to_json()
    };
    let ours = "https://gitlab.invalid/team/api";
    let provenance = vec![
        made(a, COMMIT, "a", "refs/heads/main", ours),
        made(b, COMMIT, "a", "refs/heads/main", ours),
        made(a, OTHER_COMMIT, "a", "refs/heads/main", ours),
        made(a, COMMIT, "b", "refs/heads/main", ours),
        made(a, COMMIT, "a", "refs/heads/other", ours),
        made(a, COMMIT, "a", "refs/heads/main", "https://evil.invalid/team/api"),
    ];
    World { keys, baselines, verdicts, provenance }
});

fn trivy(vulnerable: &[(usize, &str)], fix: u8, old: bool) -> Value {
    let entry = |(at, severity): &(usize, &str)| {
        let mut entry = json!({"VulnerabilityID": cve(*at), "PkgName": format!("a{at}"), "InstalledVersion": "1", "Severity": severity,
            "PkgIdentifier": {"PURL": format!("pkg:pypi/a{at}@1")}});
        match fix {
            0 => entry["FixedVersion"] = json!("2"),
            1 => entry["Status"] = json!("affected"),
            _ => entry["FixedVersion"] = json!(""),
        }
        entry
    };
    let entries: Vec<Value> = vulnerable.iter().map(entry).collect();
    let time = if old { "2026-05-01T00:00:00Z" } else { "2026-06-01T08:00:00Z" };
    json!({"SchemaVersion": 2, "CreatedAt": time, "ArtifactName": ".", "ArtifactType": "filesystem", "Trivy": {"Version": "0.60.0"},
        "Results": [{"Target": "p.lock", "Class": "lang-pkgs", "Type": "pip", "Vulnerabilities": entries}]})
}

fn semgrep(severity: &str, path: &str, scan: u8) -> Value {
    let result = json!({"check_id": "rule.0", "path": path, "start": {"line": 3, "col": 1}, "end": {"line": 3, "col": 9},
        "extra": {"message": "Told", "severity": severity, "lines": "eval(a)", "fingerprint": "f", "metadata": {"cwe": ["CWE-79"], "confidence": "HIGH"}}});
    let results = if severity.is_empty() { Vec::new() } else { vec![result] };
    let errors = match scan {
        0 | 2 => json!([]),
        1 => {
            json!([{"code": 3, "level": "warn", "type": "PartialParsing", "message": "a", "path": "src/a.py"}])
        }
        _ => json!([{"code": 2, "level": "error", "type": "Timeout", "message": "a", "path": "src/a.py"}]),
    };
    let scanned = if scan == 2 { json!([]) } else { json!(["src/a.py", "lib/b.py"]) };
    json!({"version": "1.100.0", "results": results, "errors": errors, "paths": {"scanned": scanned}})
}

/// Answers of GitLab's API.
fn people(at: impl Fn(usize) -> u8, mut put: impl FnMut(&str, Value)) {
    let user = |name: &str, id: u32| json!({"id": id, "username": name, "state": "active", "locked": false});
    let by = |name: &str, id: u32, time: &str| json!({"user": user(name, id), "approved_at": time});
    let author_id = if at(11) == 1 { 12 } else { 10 };
    let approved = match at(10) {
        0 => vec![],
        1 => vec![by("ann", 12, "2026-06-01T10:30:00Z")],
        2 => vec![by("eve", 13, "2026-06-01T10:30:00Z"), by("ann", 12, "2026-06-01T10:31:00Z")],
        3 => vec![by("dev", author_id, "2026-06-01T10:30:00Z")],
        4 => vec![by("eve", 13, "2026-06-01T10:30:00Z")],
        _ => vec![by("ann", 12, "2026-06-01T08:30:00Z")],
    };
    put(
        "approvals.json",
        json!({"id": 9007, "iid": 7, "project_id": 42, "state": "opened", "approved_by": approved}),
    );
    if at(11) != 3 {
        let author = if at(11) == 2 { "ann" } else { "dev" };
        put(
            "merge-request.json",
            json!({"id": 9007, "iid": 7, "project_id": 42, "state": "opened", "author": user(author, author_id), "sha": COMMIT}),
        );
    }
    let version = |id: u32, head: &str, time: &str| json!({"id": id, "head_commit_sha": head, "base_commit_sha": BASE, "start_commit_sha": BASE, "created_at": time, "merge_request_id": 9007});
    put(
        "versions.json",
        json!([
            version(111, COMMIT, "2026-06-01T10:00:00Z"),
            version(110, OTHER_COMMIT, "2026-06-01T09:00:00Z")
        ]),
    );
    put("older.json", json!([version(111, COMMIT, "2026-06-01T08:00:00Z")]));
    let commit = |id: &str, parent: &str| json!({"id": id, "parent_ids": [parent], "author_email": "dev@shop.invalid", "committer_email": "dev@shop.invalid"});
    put("commits.json", json!([commit(COMMIT, OTHER_COMMIT), commit(OTHER_COMMIT, BASE)]));
    let deployed = |status: &str| json!([{"user": user("ann", 12), "status": status, "created_at": "2026-06-01T11:30:00Z", "comment": "fine"}]);
    let records = match at(12) {
        0 => json!([]),
        1 => deployed("approved"),
        2 => deployed("rejected"),
        _ => json!(null),
    };
    put(
        "deployment.json",
        json!({"id": 501, "iid": 31, "ref": "main", "sha": COMMIT, "status": "blocked", "created_at": "2026-06-01T11:00:00Z",
        "user": user("dev", 10), "environment": {"id": 9, "name": "production"}, "deployable": {"id": 664}, "approvals": records}),
    );
}

/// The files of a run that no edit touches.
fn evidence(choice: &[u8]) -> BTreeMap<String, String> {
    let at = |index: usize| choice[index] % EVIDENCE[index].1;
    let mut files = BTreeMap::new();
    let mut put = |name: &str, value: Value| drop(files.insert(name.to_owned(), format!("{value}\n")));
    let level = |way: u8| ["", "LOW", "MEDIUM", "HIGH", "CRITICAL", "UNKNOWN"][usize::from(way)];
    let vulnerable = |ways: [u8; 2]| -> Vec<(usize, &'static str)> {
        let there = ways.into_iter().enumerate().filter(|(_, way)| *way > 0);
        there.map(|(which, way)| (which, level(way))).collect()
    };
    let old = at(15) == 1;
    put("trivy.json", trivy(&vulnerable([at(0), at(1)]), at(2), old));
    put(
        "main.json",
        trivy(
            &vulnerable([if at(14) & 1 == 1 { 4 } else { 0 }, if at(14) >> 1 == 1 { 4 } else { 0 }]),
            0,
            old,
        ),
    );
    let place = ["src/a.py", "lib/b.py", "test/c.py", "../out.py"][usize::from(at(4))];
    put("semgrep.json", semgrep(["", "INFO", "WARNING", "ERROR"][usize::from(at(3))], place, at(5)));
    let (way, letter) = (at(6), if at(6) == 1 { "b" } else { "a" });
    let named = if way == 2 { "evil.invalid/shop/web" } else { "registry.shop.invalid/shop/web" };
    put(
        "image.json",
        json!({"SchemaVersion": 2, "CreatedAt": "2026-06-01T08:00:00Z", "ArtifactName": format!("{named}:1.4.2"), "ArtifactType": "container_image",
        "Trivy": {"Version": "0.60.0"},
        "Metadata": {"OS": {"Family": "debian", "Name": "12.7", "EOSL": way == 3}, "RepoDigests": [format!("{named}@{}", digest(letter))],
            "ImageConfig": {"created": if way == 4 { "2026-04-01T00:00:00Z" } else { "2026-05-30T00:00:00Z" },
                "config": {"Labels": {"org.opencontainers.image.base.name": "docker.io/library/python:3.11-slim"}}, "history": [{"created": "2026-05-20T00:00:00Z"}]}},
        "Results": [{"Target": "web (debian 12.7)", "Class": "os-pkgs", "Type": "debian"}]}),
    );
    let component = |name: &str, licence: Option<&str>| {
        let mut component =
            json!({"type": "library", "name": name, "version": "1", "purl": format!("pkg:pypi/{name}@1")});
        if let Some(licence) = licence {
            component["licenses"] = json!([{"license": {"id": licence}}]);
        }
        component
    };
    let sbom = |way: u8| {
        let odd = match way {
            1 => Some("AGPL-3.0-only"),
            2 => None,
            _ => Some("MIT"),
        };
        let components = if way == 3 {
            vec![component("one", Some("MIT"))]
        } else {
            vec![component("one", Some("MIT")), component("two", odd), component("three", Some("MIT"))]
        };
        let letter = if way == 4 { "b" } else { "a" };
        json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"component": {"type": "container", "name": "web", "version": digest(letter), "purl": format!("pkg:oci/web@{}?repository_url=registry.shop.invalid/shop/web", digest(letter))}},
            "components": components})
    };
    put("sbom.json", sbom(at(7)));
    put("clean-sbom.json", sbom(0));
    let facts = match at(13) {
        0 => json!({"ok": true, "at": "2026-05-30T00:00:00Z", "steps": [{"status": "ok"}, {"status": "ok"}]}),
        1 => {
            json!({"ok": false, "at": "2026-05-30T00:00:00Z", "steps": [{"status": "ok"}, {"status": "ok"}]})
        }
        2 => json!({"ok": true, "at": "2026-01-30T00:00:00Z", "steps": [{"status": "ok"}]}),
        3 => json!({"ok": true, "steps": [{"status": "ok"}, {"status": "bad"}]}),
        _ => json!({"at": "2026-05-30T00:00:00Z"}),
    };
    put("facts.json", facts);
    put(
        "other.json",
        json!({"ok": true, "at": "2026-05-30T00:00:00Z", "steps": [{"status": "ok"}, {"status": "ok"}]}),
    );
    people(at, &mut put);
    files.insert("slsa.jsonl".to_owned(), WORLD.provenance[usize::from(at(8))].clone());
    files.insert("verdicts/one.jsonl".to_owned(), WORLD.verdicts[usize::from(at(9))].clone());
    files.insert("verdicts/pass.jsonl".to_owned(), WORLD.verdicts[2].clone());
    files
}

/// The one project of this process, whose current directory it is.
struct Project {
    dir: tempfile::TempDir,
    diff: tempfile::NamedTempFile,
}

static PROJECT: LazyLock<Mutex<Project>> = LazyLock::new(|| {
    let _ = &*WORLD;
    let dir = tempfile::tempdir().unwrap();
    std::env::set_current_dir(dir.path()).unwrap();
    Mutex::new(Project { dir, diff: tempfile::NamedTempFile::new().unwrap() })
});

type Files = BTreeMap<String, String>;

impl Project {
    fn lock() -> MutexGuard<'static, Self> {
        PROJECT.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes these the only files.
    fn hold(&self, files: &[&Files]) {
        for entry in fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        for (name, text) in files.iter().copied().flatten() {
            let path = self.dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        for key in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            git.env(key, "/dev/null");
        }
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gc.auto=0"];
        assert!(
            git.args(identity).args(args).current_dir(self.dir.path()).status().unwrap().success(),
            "{args:?}"
        );
    }

    fn commit(&self) {
        if !self.dir.path().join(".git").exists() {
            self.git(&["init", "-q", "-b", "main"]);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "a", "--allow-empty"]);
    }
}

/// The diff between two states, file by file as a whole.
fn diff(before: &Files, after: &Files) -> String {
    let mut text = String::new();
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (was, is) = (before.get(name), after.get(name));
        if was == is {
            continue;
        }
        writeln!(text, "diff --git a/{name} b/{name}").unwrap();
        match (was, is) {
            (None, _) => text.push_str("new file mode 100644\n"),
            (_, None) => text.push_str("deleted file mode 100644\n"),
            _ => {}
        }
        text.push_str("index 1111111..2222222 100644\n");
        let side = |there: bool, letter: char| {
            if there { format!("{letter}/{name}") } else { "/dev/null".to_owned() }
        };
        writeln!(text, "--- {}\n+++ {}", side(was.is_some(), 'a'), side(is.is_some(), 'b')).unwrap();
        let (was, is) = (was.map_or("", String::as_str), is.map_or("", String::as_str));
        let range = |text: &str| format!("{},{}", usize::from(!text.is_empty()), text.lines().count());
        writeln!(text, "@@ -{} +{} @@", range(was), range(is)).unwrap();
        for (sign, lines) in [('-', was), ('+', is)] {
            lines.lines().for_each(|line| writeln!(text, "{sign}{line}").unwrap());
        }
    }
    text
}

/// What a change is compared with.
#[derive(Debug, Clone)]
enum Before {
    Nothing,
    Diff(PathBuf),
    Commit(String),
}

fn decide(policy: Option<&str>, before: &Before) -> Decision {
    let limits = Limits { max_report: 1 << 20, max_stdin: 0, max_findings: 10 };
    let mut request = RunRequest::of_nothing("merge", NOW.parse().unwrap(), limits);
    request.policy.policy = policy.map(PathBuf::from);
    request.commit = Some(COMMIT.to_owned());
    request.subjects = vec![format!("app={IMAGE}@{}", digest("a"))];
    request.parameters = vec!["environment=production".to_owned()];
    // For a policy that compares with none, a report of the base is an error.
    let text = fs::read_to_string(policy.unwrap_or(".secgate/merge.yaml")).unwrap();
    if text.contains("base-report") {
        request.base.base_reports = vec!["main.json".into()];
    }
    match before {
        Before::Nothing => {}
        Before::Diff(path) => request.base.diff = Some(path.clone()),
        Before::Commit(name) => request.base.diff_base = Some(name.clone()),
    }
    match request.resolve() {
        Ok(resolved) => resolved.decide(None),
        Err(error) => request.undecided(&error),
    }
}

fn pairs() -> ProptestConfig {
    let cases = std::env::var("SECGATE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(48);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 600, ..ProptestConfig::default() }
}

/// A way of each choice, most of them the first.
fn ways(numbers: Vec<usize>, odd: usize) -> impl Strategy<Value = Vec<usize>> {
    let count = numbers.len();
    prop::collection::vec((0..count, any::<usize>()), 0..=odd).prop_map(move |changes| {
        let mut ways = vec![0; count];
        for (at, way) in changes {
            ways[at] = way % numbers[at];
        }
        ways
    })
}

fn gate() -> impl Strategy<Value = Gate> {
    let parts = ways(PARTS.iter().map(|part| part.ways.len()).collect(), 12);
    let beside = ways(BESIDE.iter().map(|(_, ways)| usize::from(*ways)).collect(), 5);
    (parts, beside).prop_map(|(parts, beside)| Gate { parts, beside: small(&beside) })
}

fn small(ways: &[usize]) -> Vec<u8> {
    ways.iter().map(|way| u8::try_from(*way).unwrap()).collect()
}

/// The same gate after an edit of one thing to four.
fn edited(gate: Gate) -> impl Strategy<Value = (Gate, Gate)> {
    let edit = (0..PARTS.len() + BESIDE.len(), any::<usize>());
    // A key file that is not the pinned one decides nothing: to put the pinned one there loosens nothing.
    let mut gate = gate;
    gate.beside[12..].fill(0);
    prop::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut after = gate.clone();
        for (at, way) in edits {
            match at.checked_sub(PARTS.len()) {
                None => after.parts[at] = way % PARTS[at].ways.len(),
                Some(at) => after.beside[at] = u8::try_from(way % usize::from(BESIDE[at].1)).unwrap(),
            }
        }
        (gate.clone(), after)
    })
}

fn facts() -> impl Strategy<Value = Vec<u8>> {
    ways(EVIDENCE.iter().map(|(_, ways)| usize::from(*ways)).collect(), 3).prop_map(|ways| small(&ways))
}

/// What a decision says, for a failure.
fn told(decision: &Decision) -> String {
    let rules: Vec<String> = decision
        .rules
        .iter()
        .map(|rule| format!("{} {}: {}", rule.id, rule.outcome.as_str(), rule.message))
        .collect();
    let evidence: Vec<String> = decision
        .evidence
        .iter()
        .map(|one| {
            format!(
                "{:?} {:?} {} {}",
                one.entry,
                one.path.as_ref().map(|path| path.as_str().to_owned()),
                one.outcome.as_str(),
                one.message
            )
        })
        .collect();
    let errors: Vec<&str> = decision.errors.iter().map(|error| error.message.as_str()).collect();
    format!("{}\n{rules:#?}\n{evidence:#?}\n{errors:?}\n{:#?}", decision.verdict.as_str(), decision.own_gate)
}

/// Whether those who decided before the change have allowed the edit: nobody else's approval can.
fn allowed(decision: &Decision) -> bool {
    decision.own_gate.as_ref().is_some_and(|gate| {
        !gate.clauses.is_empty()
            && !gate.obligations.is_empty()
            && gate.obligations.iter().all(|one| one.is_met() && !one.approved_by.is_empty())
    })
}

/// The gate without its waivers.
fn without_waivers(files: &Files) -> Files {
    let mut bare = files.clone();
    let policy = bare.get_mut(".secgate/merge.yaml").unwrap();
    *policy =
        policy.lines().filter(|line| !line.starts_with("waivers: ")).flat_map(|line| [line, "\n"]).collect();
    bare
}

/// Whether nothing but waivers is not valid.
fn only_waivers_fail(decision: &Decision) -> bool {
    let of_waivers = |text: &str| text.contains("waivers.yaml:") || text.contains("more.yaml:");
    !decision.errors.is_empty() && decision.errors.iter().all(|error| of_waivers(&error.message))
}

proptest! {
    #![proptest_config(pairs())]

    #[test]
    fn no_edit_lets_through_what_the_gate_before_stopped(
        (before, after) in gate().prop_flat_map(edited), facts in facts(), by_git in 0..16_u8,
    ) {
        let project = Project::lock();
        let (was, is, evidence) = (before.files(), after.files(), evidence(&facts));
        project.hold(&[&was, &evidence]);
        let mut alone = decide(None, &Before::Nothing);
        if only_waivers_fail(&alone) {
            // Waivers that are not valid lift nothing; what the gate says without them is as strict.
            let bare = without_waivers(&was);
            project.hold(&[&bare, &evidence]);
            alone = decide(None, &Before::Nothing);
            project.hold(&[&was, &evidence]);
        }
        if alone.verdict < Outcome::Review {
            return Ok(());
        }
        let base = if by_git == 0 {
            project.commit();
            project.hold(&[&is, &evidence]);
            project.commit();
            Before::Commit("HEAD~1".to_owned())
        } else {
            project.hold(&[&is, &evidence]);
            fs::write(project.diff.path(), diff(&was, &is)).unwrap();
            Before::Diff(project.diff.path().to_owned())
        };
        let both = decide(None, &base);
        prop_assert!(
            both.verdict >= Outcome::Review || allowed(&both),
            "{}\n{}{}{}", diff(&was, &is), told(&alone), was[".secgate/merge.yaml"], told(&both)
        );
        // Of a gate whose waivers were not valid the policy says whether it was to gate.
        let text = &was[".secgate/merge.yaml"];
        let advisory = text.contains("enforcement: advisory")
            && secgate::policy::load(".secgate/merge.yaml", text.as_bytes()).is_ok();
        prop_assert!(
            both.exit_code != 0 || advisory || allowed(&both),
            "{}\n{}",
            diff(&was, &is),
            told(&both)
        );
    }

    /// The policy is extended by one that says what another does.
    #[test]
    fn no_child_decides_better_than_its_parent((parent, child) in gate().prop_flat_map(edited), facts in facts(), own_ids in any::<bool>()) {
        let project = Project::lock();
        let mut files = parent.files();
        let text = files.remove(".secgate/merge.yaml").unwrap();
        files.insert(".secgate/parent.yaml".to_owned(), text.clone());
        project.hold(&[&files, &evidence(&facts)]);
        let alone = decide(Some(".secgate/parent.yaml"), &Before::Nothing);
        if alone.verdict < Outcome::Review {
            return Ok(());
        }
        let digest = alone.policy.as_ref().map_or(String::new(), |(_, sha256)| sha256.clone());
        let digest = if digest.is_empty() { hex(&Sha256::digest(&text)) } else { digest };
        // Only what differs, as one writes a child.
        let lines = child.policy();
        let mut own = String::new();
        let mut section = "";
        for line in lines.lines().filter(|line| !line.starts_with("version") && !line.starts_with("gate:")) {
            if matches!(line, "keys:" | "evidence:" | "rules:") {
                section = line;
            } else if !text.lines().any(|known| known == line) {
                if !section.is_empty() && !own.contains(&format!("{section}\n")) {
                    writeln!(own, "{section}").unwrap();
                }
                let line = if own_ids { line.replace("{id: ", "{id: own-") } else { line.to_owned() };
                writeln!(own, "{line}").unwrap();
            }
        }
        if !own.contains("rules:\n") {
            own.push_str("rules:\n  - {id: own, findings: {category: vulnerability, malware: true}, then: fail}\n");
        }
        let text = format!("version: 1\ngate: merge\nextends: {{file: parent.yaml, sha256: {digest}}}\n{own}");
        fs::write(".secgate/merge.yaml", &text).unwrap();
        let both = decide(None, &Before::Nothing);
        let undecided = both.exit_code == 2 && !both.errors.is_empty();
        prop_assert!(both.verdict >= alone.verdict || undecided, "{text}\n{}\n{}", told(&alone), told(&both));
        prop_assert!(both.exit_code != 0 || !alone.enforced, "{text}\n{}\n{}", told(&alone), told(&both));
    }

    #[test]
    fn what_is_taken_away_never_helps(with in gate(), facts in facts(), which in 0..12_usize) {
        let project = Project::lock();
        let (mut without, mut fewer) = (with.clone(), facts.clone());
        match which {
            // Waivers, lines of the baseline, statements: signed ones too.
            0..=5 => without.beside[which] = 0,
            6 | 7 => without.beside[which + 3] = 0,
            8 => without.beside[11] &= 1,
            // Of the approvals the last, those of the deployment, and a finding of the base report.
            9 => fewer[10] = match facts[10] % 6 { 2 => 4, _ => 0 },
            10 => fewer[12] = if facts[12] % 4 == 1 { 0 } else { facts[12] },
            _ => fewer[14] = (facts[14] % 4) & 2,
        }
        project.hold(&[&with.files(), &evidence(&facts)]);
        let whole = decide(None, &Before::Nothing);
        if only_waivers_fail(&whole) {
            // Nothing is decided with a waiver that is not valid, and to take it away is what has to be done.
            return Ok(());
        }
        project.hold(&[&without.files(), &evidence(&fewer)]);
        let less = decide(None, &Before::Nothing);
        prop_assert!(less.verdict >= whole.verdict, "{which} {with:?}\n{}\n{}\n{}", with.policy(), told(&whole), told(&less));
    }

    #[test]
    fn an_entry_more_helps_no_other(gate in gate(), facts in facts(), entry in prop::sample::select(MORE.to_vec())) {
        let project = Project::lock();
        project.hold(&[&gate.files(), &evidence(&facts)]);
        let few = decide(None, &Before::Nothing);
        let text = gate.policy().replace("rules:\n", &format!("{entry}rules:\n"));
        fs::write(".secgate/merge.yaml", &text).unwrap();
        let more = decide(None, &Before::Nothing);
        if few.rules.is_empty() || more.rules.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = few.evidence.iter().filter_map(path).collect();
        let of_entry = more.evidence.iter().filter(|one| one.entry.as_deref() == Some("more"));
        let brought: Vec<&str> = of_entry.filter_map(path).filter(|path| !known.contains(path)).collect();
        // Statements of an accepted author may lift findings, and are told with each.
        let lifted = entry.contains("feed: vex") && !brought.is_empty() && more.findings.iter().any(|one| one.vex.is_some());
        for (was, is) in few.rules.iter().zip(&more.rules) {
            // What a rule asks of documents, one that is new to it may answer, and is named then.
            let answered =
                lifted || entry.contains("document: ") && brought.iter().any(|path| is.message.contains(path));
            prop_assert!(is.outcome >= was.outcome || answered, "{entry}\n{}\n{text}\n{}\n{}", was.id, told(&few), told(&more));
        }
        for was in few.evidence.iter().filter(|one| one.entry.is_some()) {
            let same = |one: &&secgate::decide::Evidence| one.entry == was.entry && path(one) == path(was);
            let is = more.evidence.iter().find(same);
            prop_assert!(
                is.is_some_and(|is| is.outcome >= was.outcome),
                "{entry}\n{:?} {:?}\n{text}\n{}\n{}", was.entry, path(was), told(&few), told(&more)
            );
        }
    }

    #[test]
    fn what_an_entry_names_is_read_or_listed(gate in gate(), facts in facts(), entry in prop::sample::select(MORE.to_vec())) {
        let project = Project::lock();
        project.hold(&[&gate.files(), &evidence(&facts)]);
        let text = gate.policy().replace("rules:\n", &format!("{entry}rules:\n"));
        fs::write(".secgate/merge.yaml", &text).unwrap();
        let Ok(policy) = secgate::policy::load(".secgate/merge.yaml", text.as_bytes()) else { return Ok(()) };
        let decision = decide(None, &Before::Nothing);
        if decision.rules.is_empty() {
            return Ok(());
        }
        let mut names: Vec<String> = Vec::new();
        for folder in [".", "verdicts"] {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                names.push(if folder == "." { name } else { format!("{folder}/{name}") });
            }
        }
        for entry in &policy.evidence {
            for name in names.iter().filter(|name| entry.files.iter().any(|glob| glob.matches_file(name))) {
                let told_of = decision.evidence.iter().any(|one| {
                    path(one) == Some(name.as_str()) && one.entry.as_deref().is_none_or(|said| said == entry.name || said.starts_with(&format!("{}.", entry.name)))
                });
                prop_assert!(told_of, "{} {name}\n{text}\n{}", entry.name, told(&decision));
            }
        }
    }
}

/// The file of a row of the evidence.
fn path(evidence: &secgate::decide::Evidence) -> Option<&str> {
    evidence.path.as_ref().map(Text::as_str)
}

/// Entries that are added to a policy.
const MORE: [&str; 16] = [
    "  more: {category: vulnerability, files: [trivy.json], required: false}\n",
    "  more: {category: vulnerability, files: [main.json, image.json]}\n",
    "  more: {category: vulnerability, files: [\"*.json\"], required: false}\n",
    "  more: {category: sast, files: [semgrep.json], nothing_scanned: warn, problems: {parse: warn}}\n",
    "  more: {category: sast, files: [trivy.json], required: false}\n",
    "  more: {category: secret, files: [none.json], required: false}\n",
    "  more: {document: json, files: [semgrep.json]}\n",
    "  more: {document: json, files: [\"*.json\"], required: false}\n",
    "  more: {document: sbom, files: [trivy.json, clean-sbom.json], required: false}\n",
    "  more: {document: provenance, files: [verdicts/one.jsonl], required: false}\n",
    "  more: {document: verdict, files: [slsa.jsonl, verdicts/one.jsonl], required: false}\n",
    "  more: {document: gitlab-approvals, files: [approvals.json], required: false}\n",
    "  more: {document: gitlab-merge-request, files: [else.json], required: false}\n",
    "  more: {document: gitlab-commits, files: [trivy.json], required: false}\n",
    "  more: {feed: kev, files: [trivy.json], required: false}\n",
    "  more: {feed: vex, files: [semgrep.json, signed.vex.json], required: false}\n",
];

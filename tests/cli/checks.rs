//! The table of README: each check of each gate lets the sample application pass, and stops what it is there to stop.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use secgate::attest::{Algorithm, PrivateKey};
use serde_json::{Value, json};

use crate::common::{Dir, root};
use crate::story::{COMMIT, GATES, ground, image, pass, provenance, text, value};

/// A cell: the gate, the rule or the entry of the evidence, what it says once something is wrong, and what is wrong.
struct Cell(&'static str, &'static str, &'static str, fn(&Dir));

const CELLS: &[Cell] = &[
    Cell("merge", "no-secrets", "fail", |dir| copy(dir, "detect-secrets/app.json", "secrets.json")),
    Cell("merge", "sast-high", "fail", |dir| copy(dir, "semgrep/app.json", "semgrep.json")),
    Cell("merge", "authz-regression", "fail", |dir| {
        edit(dir, "semgrep.json", |report| {
            let mut found = value("semgrep/app.json")["results"][6].clone();
            assert_eq!(found["extra"]["metadata"]["cwe"][0], "CWE-862: Missing authorization");
            found["extra"]["severity"] = "INFO".into();
            report["results"] = json!([found]);
        });
    }),
    Cell("merge", "dependency-delta", "fail", |dir| copy(dir, "trivy/fs.json", "trivy-fs.json")),
    Cell("merge", "privileged-container", "fail", |dir| copy(dir, "trivy/config.json", "trivy-config.json")),
    Cell("merge", "quality-gate", "fail", |dir| copy(dir, "junit/pytest.xml", "junit.xml")),
    Cell("package", "critical-with-fix", "fail", vulnerable),
    Cell("package", "critical-without-fix", "review", vulnerable),
    Cell("package", "exploited", "fail", |dir| {
        vulnerable(dir);
        exploited(dir);
    }),
    Cell("package", "suppressions-owned", "review", |dir| {
        edit(dir, "trivy-app.json", |r| {
            r["Results"] = value("trivy/image-suppressed.json")["Results"].clone();
        });
    }),
    Cell("package", "iac-high", "fail", |dir| copy(dir, "trivy/config.json", "trivy-config.json")),
    Cell("package", "scan", "fail", |dir| {
        edit(dir, "trivy-app.json", |r| {
            r["Metadata"]["RepoDigests"] = json!([format!("r.invalid/shop/web@sha256:{}", "b".repeat(64))]);
        });
    }),
    Cell("package", "from-our-registry", "fail", |dir| {
        // The SBOM says when it was built, too, and the older word counts.
        edit(dir, "trivy-app.json", |r| {
            r["Metadata"]["ImageConfig"]["created"] = "2026-11-01T09:10:00Z".into();
        });
    }),
    Cell("package", "base-image", "review", |dir| {
        let labels = "/Metadata/ImageConfig/config/Labels";
        edit(dir, "trivy-app.json", |r| {
            r.pointer_mut(labels).unwrap()["org.opencontainers.image.base.name"] = "r.invalid/other:1".into();
        });
    }),
    Cell("package", "sbom-there", "fail", |dir| {
        edit(dir, "sbom-app.cdx.json", |sbom| {
            sbom["components"][0]["licenses"] = json!([{"license": {"id": "AGPL-3.0-only"}}]);
        });
    }),
    Cell("package", "built-by-us", "fail", stranger),
    Cell("package", "fresh-runner", "review", |dir| {
        edit(dir, "runner.json", |facts| facts["image_built_at"] = "2026-10-01T09:00:00Z".into());
    }),
    Cell("release", "dast-high", "fail", |dir| copy(dir, "zap/app.json", "zap.json")),
    Cell("release", "contract-errors", "fail", |dir| copy(dir, "spectral/openapi.json", "spectral.json")),
    Cell("release", "authz-contract", "review", |dir| {
        let mut found = value("spectral/openapi.json")[0].clone();
        found["code"] = "operation-security-defined".into();
        found["severity"] = 1.into();
        dir.write("spectral.json", json!([found]).to_string());
    }),
    Cell("release", "signed", "fail", stranger),
    Cell("release", "earlier-gates", "fail", |dir| without(dir, "package")),
    Cell("release", "approved", "review", |dir| {
        dir.write("approvals.json", dir.read("approvals.json").replace("T10:30:00", "T09:30:00"));
    }),
    Cell("production", "scan", "fail", |dir| {
        edit(dir, "trivy-app.json", |r| r["CreatedAt"] = "2026-11-23T09:30:00Z".into());
    }),
    Cell("production", "deploy-approved", "fail", |dir| {
        dir.write("deployment.json", dir.read("deployment.json").replace("\"release-lead\"", "\"dev\""));
    }),
    Cell("production", "all-gates", "fail", |dir| without(dir, "release")),
    Cell("production", "rollback-ready", "review", |dir| {
        edit(dir, "rollback.json", |plan| plan["ready"] = false.into());
    }),
    Cell("production", "no-new-exploited", "review", |dir| {
        vulnerable(dir);
        exploited(dir);
    }),
];

fn copy(dir: &Dir, from: &str, to: &str) {
    dir.write(to, text(from));
}

fn edit(dir: &Dir, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&dir.read(name)).unwrap();
    change(&mut value);
    dir.write(name, value.to_string());
}

/// The image's scan with what Trivy found in the one of before.
fn vulnerable(dir: &Dir) {
    edit(dir, "trivy-app.json", |report| report["Results"] = value("trivy/image.json")["Results"].clone());
}

fn exploited(dir: &Dir) {
    edit(dir, "kev.json", |feed| feed["vulnerabilities"][0]["cveID"] = "CVE-2024-2961".into());
}

fn stranger(dir: &Dir) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    dir.write("provenance-app.intoto.jsonl", provenance(&key));
}

fn without(dir: &Dir, gate: &str) {
    fs::remove_file(dir.path().join(format!("verdicts/{gate}.intoto.jsonl"))).unwrap();
}

/// The files of a folder that cells may change.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["", "verdicts/"] {
        for entry in fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = format!("{folder}{}", path.file_name().unwrap().to_str().unwrap());
                all.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    all
}

/// The verdict of a gate, by the command that stands over its column.
fn decide(dir: &Dir, gate: &str) -> Value {
    let hour = 12 + GATES.iter().position(|known| *known == gate).unwrap();
    let (now, image) = (format!("2026-11-25T{hour}:00:00Z"), image());
    let mut args = vec!["check", "--gate", gate, "--commit", COMMIT, "--now", &now, "--format", "json"];
    if gate != "merge" {
        args.extend(["--subject", &image]);
    }
    if gate == "production" {
        args.extend(["--param", "environment=production"]);
    }
    dir.run(&args).json()
}

/// What a rule says, or the entry of the evidence.
fn said(verdict: &Value, id: &str) -> String {
    let of = |list: &str, key: &str| {
        verdict[list].as_array().unwrap().iter().find(|one| one[key] == id).map(|one| one["outcome"].clone())
    };
    let found = of("rules", "id").or_else(|| of("evidence", "entry"));
    found.unwrap_or_else(|| panic!("{id}: {verdict}")).as_str().unwrap().to_owned()
}

#[test]
fn each_cell_passes_and_stops() {
    let dir = ground();
    pass(&dir, &GATES);
    let kept = files(dir.path());
    let mut wrong = Vec::new();
    for gate in GATES {
        let before = decide(&dir, gate);
        assert_eq!(before["verdict"], "pass", "{gate}: {before}");
        for Cell(_, id, ..) in CELLS.iter().filter(|cell| cell.0 == gate) {
            assert!(matches!(said(&before, id).as_str(), "pass" | "not_applicable"), "{gate} {id}: {before}");
        }
    }
    for Cell(gate, id, outcome, spoil) in CELLS {
        spoil(&dir);
        let after = decide(&dir, gate);
        if said(&after, id) != *outcome || after["verdict"] == "pass" {
            wrong.push(format!("{gate} {id}: {} and not {outcome}: {after}", said(&after, id)));
        }
        for (name, _) in files(dir.path()) {
            fs::remove_file(dir.path().join(name)).unwrap();
        }
        for (name, bytes) in &kept {
            dir.write(name, bytes);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_readme_lists_these_cells() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .skip_while(|line| !line.starts_with("| check | `merge`"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let gates: Vec<&str> = rows[0][1..].iter().map(|cell| cell.trim_matches('`')).collect();
    assert_eq!(gates, GATES);
    let mut listed = BTreeSet::new();
    for row in &rows[2..] {
        for (gate, cell) in gates.iter().zip(&row[1..]) {
            let ids = cell.split(',').map(|id| id.trim().trim_matches('`')).filter(|id| !id.is_empty());
            listed.extend(ids.map(|id| (*gate, id)));
        }
    }
    let tried: BTreeSet<_> = CELLS.iter().map(|Cell(gate, id, ..)| (*gate, *id)).collect();
    assert_eq!(listed, tried);
    // Nothing that a shipped policy can stop for is left out.
    for gate in GATES {
        let policy = fs::read(root().join(format!("policies/{gate}.yaml"))).unwrap();
        let policy = secgate::policy::load(gate, &policy).unwrap();
        for rule in policy.rules.iter().filter(|rule| rule.then != secgate::policy::Action::Warn) {
            assert!(listed.contains(&(gate, rule.id.as_str())), "{gate}: {}", rule.id);
        }
    }
}

//! `secgate replay` with a policy that denies a scanner: verdicts that rested on it, and what they let through.

use crate::common::{Dir, NOW};
use serde_json::json;

const GATE: &str = "\
version: 1
gate: package
evidence:
  image: {category: vulnerability, files: [trivy.json]}
rules:
  - {id: no-critical, findings: {category: vulnerability, severity: critical}, then: fail}
";
const COMMIT: &str = "0123456789012345678901234567890123456789";

/// Two recorded runs of one image, and one of another scanner; and the gate that no longer trusts the first.
fn recorded() -> Dir {
    let dir = Dir::new();
    let deny =
        "trust: {deny: [{tool: Trivy, version: \"0.7*\", reason: its release was tampered with}]}\nrules:";
    dir.write("gate.yaml", GATE).write("deny.yaml", GATE.replace("rules:", deny));
    let digest = "sha256:47d450279e8c4e3c7dcdaf8ca4cbcbfe38e693cf6786b5061c528aadd66514f4";
    let subject = format!("registry.shop.invalid/shop/web:1.4.2@{digest}");
    for (report, record, code) in [
        ("trivy/image-clean.json", "runs/passed", 0),
        ("trivy/image.json", "runs/failed", 1),
        ("grype/image-clean.json", "runs/other", 0),
    ] {
        dir.copy(report, "trivy.json");
        let mut args =
            vec!["check", "--policy", "gate.yaml", "--now", NOW, "--commit", COMMIT, "--record", record];
        if code == 0 && report.starts_with("trivy") {
            args.extend(["--subject", &subject]);
        }
        let run = dir.run(&args);
        assert_eq!(run.code, code, "{}", run.all());
    }
    dir
}

#[test]
fn verdicts_that_rested_on_a_denied_scanner_are_recalled() {
    let dir = recorded();
    let run = dir.run(&["replay", "--policy", "deny.yaml", "--format", "json", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let replay = run.json();
    assert_eq!(replay["recalled_total"], 2, "{run:?}");
    assert_eq!(replay["recalled_let_through"], 1);
    let of = |folder: &str| {
        let all = replay["recalled"].as_array().unwrap();
        all.iter().find(|one| one["path"].as_str().unwrap().contains(folder)).unwrap().clone()
    };
    let passed = of("runs/passed");
    assert_eq!(passed["verdict"], "fail");
    assert_eq!(passed["verdict_recorded"], "pass");
    assert_eq!(passed["verdict_trusting"], "pass");
    assert_eq!(passed["let_through"], true);
    assert_eq!(passed["commit"], COMMIT);
    assert_eq!(
        passed["artifacts"],
        json!([
            "registry.shop.invalid/shop/web:1.4.2@sha256:47d450279e8c4e3c7dcdaf8ca4cbcbfe38e693cf6786b5061c528aadd66514f4"
        ])
    );
    let reason = "trivy.json: Trivy 0.74.0 is not trusted: its release was tampered with";
    assert_eq!(passed["reasons"], json!([reason]));
    assert_eq!(of("runs/failed")["let_through"], false);
    let text = dir.run(&["replay", "--policy", "deny.yaml", "runs"]).stdout;
    assert!(
        text.contains("Recall: 2 verdicts rested on scanners that the policy does not trust; 1 let"),
        "{text}"
    );
    assert!(
        text.contains(reason) && text.contains("let through: registry.shop.invalid/shop/web:1.4.2@"),
        "{text}"
    );
    // A policy that trusts recalls nothing.
    let trusting = dir.run(&["replay", "--policy", "gate.yaml", "--format", "json", "runs"]).json();
    assert_eq!(trusting["recalled_total"], 0);
}

#[test]
fn each_recalled_report_has_a_row() {
    let dir = recorded();
    let run = dir.run(&["replay", "--policy", "deny.yaml", "--rows", "out", "runs"]);
    assert_eq!(run.code, 0, "{run:?}");
    let text = dir.read("out/run_recall.ndjson");
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    let row = rows.iter().find(|row| row["let_through"] == true).unwrap();
    assert_eq!((&row["tool"], &row["tool_version"]), (&"trivy".into(), &"0.74.0".into()));
    assert_eq!(row["entry"], "image");
    // Nothing is recorded of a folder of reports: the verdict is that of the policy if it trusted all scanners.
    dir.copy("trivy/image-clean.json", "folder/trivy.json");
    dir.write("folder/run.json", json!({"id": "f", "time": NOW, "commit": COMMIT}).to_string());
    let folder = dir.run(&["replay", "--policy", "deny.yaml", "--format", "json", "folder"]).json();
    let one = &folder["recalled"][0];
    assert_eq!((&one["verdict_recorded"], &one["let_through"]), (&serde_json::Value::Null, &true.into()));
    // The image is known by what the report states.
    assert!(one["artifacts"][0].as_str().unwrap().starts_with("sha256:"), "{folder}");
}

//! Images, SBOMs and several subjects.

use crate::common::{self, Dir, Run, fixture};

const DIGEST: &str = "sha256:f4b79af37e35be06b438a44515ffdd3687746a77dd4d584ac5b6c0f980550b98";
const OTHER: &str = "sha256:f6e9a196a0c5e108e1c3328d45c36a3d01a7fa2747365334a294058eb2aa422b";
const NOW: &str = "2026-11-21T09:00:00Z";

fn policy(rule: &str) -> String {
    format!(
        "version: 1\ngate: package\nsubjects: {{web: {{kind: image}}}}\nevidence:\n  \
         scan: {{category: vulnerability, subject: each, files: \"trivy-${{subject}}.json\"}}\n  \
         sbom: {{document: sbom, subject: each, files: \"sbom-${{subject}}.json\", required: false}}\nrules:\n  - {{id: r, then: fail, {rule}}}\n"
    )
}

fn dir(rule: &str) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", policy(rule)).copy("trivy/image.json", "trivy-web.json");
    dir
}

fn check(dir: &Dir, digest: &str) -> Run {
    let subject = format!("registry.shop.invalid/shop/web:1.4.2@{digest}");
    Run::of(dir.command().args([
        "check",
        "--now",
        NOW,
        "--policy",
        "policy.yaml",
        "--subject",
        &subject,
        "--format",
        "json",
    ]))
}

fn outcome(run: &Run) -> (String, String) {
    let rule = run.json()["rules"][0].clone();
    (
        rule["outcome"].as_str().unwrap_or_default().to_owned(),
        rule["message"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn image_facts() {
    let cases: &[(&str, &str, &str)] = &[
        ("image: {registry: [\"registry.shop.invalid/shop/*\"], digest: required}", "pass", ""),
        (
            "image: {registry: [\"registry.shop.invalid/prod/**\"]}",
            "fail",
            "is not in registry.shop.invalid/prod/**",
        ),
        (
            "image: {registry: [\"registry.example.com/prod/**\"]}",
            "error",
            "registry.example.com/prod/** is a placeholder",
        ),
        ("image: {created_within: 2d}", "pass", "the image is 23h 50m old"),
        ("image: {created_within: 12h}", "fail", "the image is 23h 50m old, 12h allowed"),
        ("image: {base: [\"docker.io/library/*\"]}", "pass", ""),
        (
            "image: {base: [\"registry.shop.invalid/base/**\"]}",
            "fail",
            "it is built on docker.io/library/python:3.11-slim",
        ),
        ("image: {base_created_within: 30d}", "pass", ""),
        ("image: {os_end_of_life: false}", "pass", ""),
    ];
    for (rule, wanted, why) in cases {
        let run = check(&dir(rule), DIGEST);
        let (is, message) = outcome(&run);
        assert_eq!(is, *wanted, "{rule}: {run:?}");
        assert!(message.contains(why), "{rule}: {message}");
    }
}

#[test]
fn a_missing_image_fact_fails() {
    let rule = "image: {registry: [\"registry.shop.invalid/**\"], digest: required, created_within: 9d, base: [\"docker.io/**\"], base_created_within: 99d, os_end_of_life: false}";
    let dir = dir(rule);
    assert_eq!(outcome(&check(&dir, DIGEST)).0, "pass");
    let text = dir.read("trivy-web.json");
    let without = |keys: &[&str]| {
        let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let metadata = report["Metadata"].as_object_mut().unwrap();
        for key in keys {
            metadata.remove(*key);
        }
        report
    };
    for (key, why) in [
        ("ImageConfig", "nothing says when the image was built; nothing says which base image"),
        ("OS", "nothing says whether the operating system is still maintained"),
        ("RepoDigests", "no evidence states the digest"),
    ] {
        dir.write("trivy-web.json", without(&[key]).to_string());
        let run = check(&dir, DIGEST);
        let (is, message) = outcome(&run);
        assert!(is == "fail" && message.contains(why), "{key}: {message} {run:?}");
    }
    let mut ended = without(&[]);
    ended["Metadata"]["OS"]["EOSL"] = true.into();
    dir.write("trivy-web.json", ended.to_string());
    assert!(outcome(&check(&dir, DIGEST)).1.contains("debian 12.7 is no longer maintained"));
    // The digest of the configuration is not that of the image.
    dir.write("trivy-web.json", text);
    let image_id = "sha256:4037fda047f35289f4b77fed6596457fe2d1e8af6edbb399b3b0dcada28c8c15";
    assert_eq!(check(&dir, image_id).code, 1);
    // Without a subject nothing can be said.
    let run = dir.run(&["check", "--now", NOW, "--policy", "policy.yaml", "--format", "json"]);
    assert_eq!((run.code, outcome(&run).0.as_str()), (2, "error"), "{run:?}");
    assert!(outcome(&run).1.contains("--subject web=NAME@sha256:HEX"));
}

#[test]
fn sboms() {
    let rule =
        "sbom: {subject: each, format: [cyclonedx, spdx], components_at_least: 2, names_subject: true}";
    let dir = dir(rule);
    dir.copy("cyclonedx/image.json", "sbom-web.json").copy("grype/image.json", "trivy-web.json");
    let run = check(&dir, OTHER);
    assert_eq!(outcome(&run).0, "pass", "{run:?}");
    let run = check(&dir, DIGEST);
    assert!(outcome(&run).1.contains(&format!("is about {OTHER}, not {DIGEST}")), "{run:?}");
    let with = |rule: &str| {
        dir.write("policy.yaml", policy(rule));
        outcome(&check(&dir, OTHER))
    };
    assert!(with("sbom: {components_at_least: 5000}").1.contains("at least 5000 demanded"));
    assert!(with("sbom: {format: spdx}").1.contains("is cyclonedx, not spdx"));
    let (is, message) = with("sbom: {licenses: {deny: [AGPL-3.0-only], unknown: review}}");
    assert!(is == "review" && message.contains("without a known licence"), "{message}");
    let mut sbom: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture("cyclonedx/image.json")).unwrap()).unwrap();
    for component in sbom["components"].as_array_mut().unwrap() {
        component["licenses"] = serde_json::json!([{"expression": "MIT OR AGPL-3.0-only"}]);
    }
    dir.write("sbom-web.json", sbom.to_string());
    assert_eq!(with("sbom: {licenses: {deny: [AGPL-3.0-only], unknown: review}}").0, "pass");
    sbom["components"][0]["licenses"] =
        serde_json::json!([{"license": {"id": "MIT"}}, {"license": {"id": "AGPL-3.0-or-later"}}]);
    dir.write("sbom-web.json", sbom.to_string());
    let (is, message) = with("sbom: {licenses: {deny: [AGPL-3.0-only], unknown: review}}");
    assert!(is == "fail" && message.contains("1 component with a denied licence"), "{message}");
    // A file is no dependency, but its licence counts; so does each of an entry that gives two.
    for licenses in [
        serde_json::json!([{"expression": "MIT", "license": {"id": "AGPL-3.0-only"}}]),
        serde_json::json!([{"license": {"id": "MIT"}, "expression": "AGPL-3.0-only"}]),
        serde_json::json!({"expression": "AGPL-3.0-only"}),
    ] {
        for kind in ["library", "file", "data"] {
            sbom["components"][0]["type"] = kind.into();
            sbom["components"][0]["licenses"] = licenses.clone();
            dir.write("sbom-web.json", sbom.to_string());
            let (is, message) = with("sbom: {licenses: {deny: [AGPL-3.0-only], unknown: review}}");
            assert!(
                is == "fail" && message.contains("1 component with a denied licence"),
                "{kind}: {message}"
            );
        }
    }
    dir.write(
        "sbom-web.json",
        r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"name":"a","name":"b"}]}"#,
    );
    assert_eq!(check(&dir, OTHER).code, 2);
}

#[test]
fn spdx_sboms() {
    let dir = dir("sbom: {format: spdx, licenses: {deny: [SSPL-1.0]}}");
    dir.copy("grype/image.json", "trivy-web.json");
    let purl = format!(
        "pkg:oci/web@{}?repository_url=registry.shop.invalid%2Fshop%2Fweb",
        OTHER.replace(':', "%3A")
    );
    let two = serde_json::json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "creationInfo": {"created": "2026-11-20T09:00:00Z"},
        "packages": [
            {"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1", "licenseDeclared": "MIT"},
            {"SPDXID": "SPDXRef-image", "name": "web", "primaryPackagePurpose": "CONTAINER",
             "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}]}
        ],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-image"}]
    });
    dir.write("sbom-web.json", two.to_string());
    let run = check(&dir, OTHER);
    assert_eq!(outcome(&run).0, "pass", "{run:?}");
    // A listed image is not the one that is described.
    let undescribed = two.to_string().replace("DESCRIBES", "CONTAINS");
    dir.write("sbom-web.json", undescribed);
    assert!(outcome(&check(&dir, OTHER)).1.contains("states the digest of no image"));
    let three = serde_json::json!({
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "CreationInfo", "@id": "_:c", "created": "2026-11-20T09:00:00Z"},
            {"type": "SpdxDocument", "spdxId": "d", "rootElement": ["s"]},
            {"type": "software_Sbom", "spdxId": "s", "rootElement": ["p"]},
            {"type": "software_Package", "spdxId": "p", "name": "web", "software_primaryPurpose": "container",
             "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": OTHER.trim_start_matches("sha256:")}]},
            {"type": "software_Package", "spdxId": "q", "name": "a"},
            {"type": "simplelicensing_LicenseExpression", "spdxId": "l", "simplelicensing_licenseExpression": "SSPL-1.0"},
            {"type": "Relationship", "spdxId": "r", "from": "q", "to": ["l"], "relationshipType": "hasDeclaredLicense"}
        ]
    });
    dir.write("sbom-web.json", three.to_string());
    let (is, message) = outcome(&check(&dir, OTHER));
    assert!(
        is == "fail" && message.contains("1 component with a denied licence, such as a (SSPL-1.0)"),
        "{message}"
    );
    dir.write("sbom-web.json", three.to_string().replace("SSPL-1.0", "MIT"));
    assert_eq!(outcome(&check(&dir, OTHER)).0, "pass");
}

#[test]
fn each_of_several_subjects() {
    let dir = Dir::new();
    let two = policy("image: {subject: each, digest: required, registry: [\"registry.shop.invalid/**\"]}")
        .replace("{web: {kind: image}}", "{web: {kind: image}, worker: {kind: image}}");
    dir.write("policy.yaml", two)
        .copy("trivy/image.json", "trivy-web.json")
        .copy("grype/image.json", "trivy-worker.json");
    let (web, worker) = (
        format!("web=registry.shop.invalid/shop/web@{DIGEST}"),
        format!("worker=registry.shop.invalid/shop/web@{OTHER}"),
    );
    let args = |web: &str, worker: &str| {
        dir.run(&[
            "check",
            "--now",
            NOW,
            "--policy",
            "policy.yaml",
            "--subject",
            web,
            "--subject",
            worker,
            "--format",
            "json",
        ])
    };
    let run = args(&web, &worker);
    assert_eq!(outcome(&run).0, "pass", "{run:?}");
    let entries: Vec<String> = run.json()["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["entry"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        entries.contains(&"scan/web".to_owned()) && entries.contains(&"scan/worker".to_owned()),
        "{entries:?}"
    );
    // One subject's scan is none of the other.
    let run = args(&format!("web=registry.shop.invalid/shop/web@{OTHER}"), &worker);
    assert_eq!(run.code, 1);
    assert!(outcome(&run).1.contains(&format!("web: no evidence states the digest {OTHER}")), "{run:?}");
    for wrong in ["web@sha256:00", "wev=a@sha256:00"] {
        assert_eq!(args(wrong, &worker).code, 2);
    }
}

#[test]
fn shipped_policies_say_what_is_to_be_filled_in() {
    let dir = Dir::new();
    dir.copy("trivy/image.json", "trivy-app.json")
        .copy("cyclonedx/image.json", "sbom-app.cdx.json")
        .copy("trivy/config.json", "trivy-config.json")
        .write("provenance-app.intoto.jsonl", "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"AA==\"}]}\n")
        .write("deployment.json", std::fs::read(fixture("gitlab-api/deployment.json")).unwrap())
        .write("verdicts/a.intoto.jsonl", "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"AA==\"}]}\n");
    let subject = format!("registry.shop.invalid/shop/web@{DIGEST}");
    let rules = |gate: &str, more: &[&str]| {
        let mut args =
            vec!["check", "--now", NOW, "--policy", gate, "--subject", &subject, "--format", "json"];
        args.extend(more);
        let run = dir.run(&args);
        assert_eq!(run.code, 1, "{gate}: {run:?}");
        run.json()["rules"].as_array().unwrap().clone()
    };
    let of = |rules: &[serde_json::Value], id: &str| {
        let rule = rules.iter().find(|r| r["id"] == id).unwrap();
        format!("{}: {}", rule["outcome"].as_str().unwrap(), rule["message"].as_str().unwrap())
    };
    let package = rules("package", &[]);
    assert!(
        of(&package, "from-our-registry").starts_with("error: registry.example.com/prod/** is a placeholder")
    );
    let built = of(&package, "built-by-us");
    assert!(built.starts_with("error: keys.builder is a placeholder"), "{built}");
    assert!(
        built
            .contains("https://gitlab.example.com/-/runners/42, git+https://gitlab.example.com/team/app are"),
        "{built}"
    );
    // The others are decided.
    assert!(of(&package, "sbom-there").starts_with("fail: sbom-app.cdx.json is about"));
    assert!(of(&package, "critical-with-fix").starts_with("fail: "));
    let production = rules("production", &["--param", "environment=production"]);
    assert!(
        of(&production, "deploy-approved").starts_with("error: people.release-managers has placeholders")
    );
    assert!(of(&production, "all-gates").starts_with("error: keys.gate is a placeholder"));
    assert_eq!(
        of(&rules("production", &["--param", "environment=staging"]), "deploy-approved"),
        "not_applicable: only where environment is production"
    );
    assert!(of(&rules("release", &[]), "earlier-gates").starts_with("error: keys.gate is a placeholder"));
    // Also before there is any evidence.
    let empty = Dir::new();
    let run = empty.run(&["check", "--now", NOW, "--policy", "package", "--format", "json"]);
    let rules = run.json()["rules"].as_array().unwrap().clone();
    for id in ["from-our-registry", "base-image", "built-by-us"] {
        assert!(
            of(&rules, id).starts_with("error: ") && of(&rules, id).contains("placeholder"),
            "{}",
            of(&rules, id)
        );
    }
}

#[test]
fn rollback_readiness_and_runner_facts() {
    let dir = Dir::new();
    dir.write(
        "policy.yaml",
        "version: 1\ngate: production\nevidence:\n  runner: {document: json, files: [runner.json]}\nrules:\n  - {id: r, then: review, document: {name: runner, require: {\"$.image_digest\": present, \"$.image_built_at\": {within: 30d}}}}\n",
    );
    let with = |text: &str| {
        dir.write("runner.json", text);
        outcome(&dir.run(&["check", "--now", NOW, "--policy", "policy.yaml", "--format", "json"]))
    };
    assert_eq!(with(r#"{"image_digest":"sha256:aa","image_built_at":"2026-11-01T00:00:00Z"}"#).0, "pass");
    assert!(
        with(r#"{"image_digest":"sha256:aa","image_built_at":"2026-09-01T00:00:00Z"}"#)
            .1
            .contains("is 81d 9h old")
    );
    assert!(with(r#"{"image_built_at":"2026-11-01T00:00:00Z"}"#).1.contains("$.image_digest is missing"));
}

/// An SBOM of npm packages, each with its licence.
fn licensed(components: &[(&str, &str)]) -> String {
    let component = |(name, license): &(&str, &str)| {
        let mut component = serde_json::json!({"type": "library", "name": name, "version": "1.0.0", "purl": format!("pkg:npm/{name}@1.0.0")});
        if !license.is_empty() {
            component["licenses"] = serde_json::json!([{"expression": license}]);
        }
        component
    };
    let components: Vec<serde_json::Value> = components.iter().map(component).collect();
    serde_json::json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components}).to_string()
}

#[test]
fn the_licence_of_each_component_is_a_finding() {
    let dir = Dir::new();
    let policy = "version: 1\ngate: merge\nwaivers: {files: [waivers.yaml], max_duration: 90d}\n\
                  evidence: {bom: {document: sbom, files: [bom.json]}}\nrules:\n  \
                  - {id: licences, sbom: {names_subject: false, licenses: {deny: [AGPL-3.0-only], unknown: review}}, then: fail}\n";
    let all = [("one", "AGPL-3.0-only"), ("two", "AGPL-3.0-or-later"), ("three", ""), ("four", "MIT")];
    dir.write("policy.yaml", policy).write("bom.json", licensed(&all));
    let decided = |args: &[&str]| {
        let run = dir.check(&[&["--policy", "policy.yaml", "--format", "json"], args].concat());
        (run.code, run.json())
    };
    let (code, verdict) = decided(&[]);
    let rule = &verdict["rules"][0];
    assert_eq!((code, &rule["count"], &rule["new"]), (1, &3.into(), &3.into()), "{rule}");
    let message = rule["message"].as_str().unwrap();
    assert!(message.starts_with("2 components with a denied licence, such as "), "{message}");
    assert!(
        message.contains("; 1 component without a known licence, such as three 1.0.0 (NOASSERTION)"),
        "{message}"
    );
    let mut told: Vec<String> = verdict["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{} {} {}", f["category"], f["rule_id"], f["package"]["purl"]).replace('"', ""))
        .collect();
    told.sort();
    let expected = [
        "license AGPL-3.0-only pkg:npm/one@1.0.0",
        "license AGPL-3.0-or-later pkg:npm/two@1.0.0",
        "license NOASSERTION pkg:npm/three@1.0.0",
    ];
    assert_eq!(told, expected);
    for output in ["text", "markdown", "junit", "sarif", "codequality", "html"] {
        let run = dir.check(&["--policy", "policy.yaml", "--format", output]);
        assert!(
            ["one", "two", "three"].iter().all(|name| run.stdout.contains(name)),
            "{output}: {}",
            run.stdout
        );
    }
    // Each is allowed by itself, and what is not known alone asks for people.
    let waive = |name: &str| {
        let args = ["waiver", "new", "--now", common::NOW, "--policy", "policy.yaml", "--finding", name];
        let run = dir.run(&args);
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout
            .replace("<@user or team that answers for it>", "@dev")
            .replace("<@user who approves it; not the owner>", "@lead")
            .replace("<why this risk can be taken>", "bought")
            .replace("<what keeps the risk small meanwhile>", "none")
    };
    let entry =
        |waiver: String| waiver.split_once("waivers:\n").map(|(_, entry)| entry.to_owned()).unwrap_or(waiver);
    let of_one = waive("one");
    dir.write("waivers.yaml", &of_one);
    let (code, verdict) = decided(&[]);
    let rule = &verdict["rules"][0];
    assert_eq!((code, &rule["count"], &rule["waived"]), (1, &2.into(), &1.into()), "{rule}");
    dir.write("waivers.yaml", of_one.clone() + &entry(waive("two")));
    let (code, verdict) = decided(&[]);
    assert_eq!((code, &verdict["rules"][0]["count"]), (10, &1.into()), "{verdict}");
    dir.write("waivers.yaml", of_one.clone() + &entry(waive("two")) + &entry(waive("three")));
    let (code, verdict) = decided(&["--commit", &"1".repeat(40), "--bundle", "b.tar"]);
    assert_eq!((code, &verdict["rules"][0]["waived"]), (0, &3.into()), "{verdict}");
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
    // Another version, another licence and another component are not what was allowed.
    for (was, is) in [("@1.0.0", "@1.0.1"), ("AGPL-3.0-or-later", "AGPL-3.0-only"), ("npm/three", "npm/five")]
    {
        dir.write("bom.json", licensed(&all).replace(was, is));
        assert_ne!(decided(&[]).0, 0, "{was}");
    }
    dir.write("bom.json", licensed(&all));
    let run = dir.run(&["explain", "two", "--policy", "policy.yaml", "--now", common::NOW]);
    assert!(run.stdout.contains("AGPL-3.0-or-later") && run.stdout.contains("licences"), "{run:?}");
}

#[test]
fn licences_are_allowed_by_category_and_excepted_until_a_day() {
    let dir = Dir::new();
    let policy = "version: 1\ngate: merge\nevidence: {bom: {document: sbom, files: [bom.json]}}\nrules:\n  \
                  - {id: licences, sbom: {names_subject: false, licenses: {allow: [permissive], \
                  except: [{purl: \"pkg:npm/two\", license: MPL-2.0, reason: file-level, expires: 2026-12-31}]}}, then: fail}\n";
    let all = [("one", "MIT"), ("two", "MPL-2.0 AND ISC"), ("three", "Apache-2.0 OR AGPL-3.0-only")];
    dir.write("policy.yaml", policy).write("bom.json", licensed(&all));
    let decided = |now: &str| {
        let args = ["check", "--policy", "policy.yaml", "--format", "json", "--no-env", "--now", now];
        let run = dir.run(&args).json();
        (run["verdict"].as_str().unwrap().to_owned(), run["rules"][0]["message"].as_str().unwrap().to_owned())
    };
    let (verdict, message) = decided("2026-06-01T00:00:00Z");
    assert_eq!(verdict, "pass", "{message}");
    assert!(message.contains("1 component passes by exception (pkg:npm/two)"), "{message}");
    // Through the end of its last day.
    assert_eq!(decided("2026-12-31T23:59:59Z").0, "pass");
    let (verdict, message) = decided("2027-01-01T00:00:00Z");
    assert_eq!(verdict, "fail", "{message}");
    assert!(
        message.contains("two 1.0.0 (MPL-2.0 AND ISC, whose exception ended on 2026-12-31)"),
        "{message}"
    );
    // What a policy lets pass more is looser, by what it means.
    let looser = |was: &str, is: &str| {
        dir.write("other.yaml", policy.replace(was, is));
        dir.run(&["policy", "diff", "policy.yaml", "other.yaml"]).stdout
    };
    for (was, is, says) in [
        ("[permissive]", "[permissive, MPL-2.0]", "licenses.allow"),
        ("allow: [permissive], ", "deny: [MIT], ", "licenses.allow"),
        ("[permissive]", "[permissive, LicenseRef-acme]", "licenses.allow"),
        ("2026-12-31", "2027-12-31", "licenses.except"),
        ("license: MPL-2.0, ", "", "licenses.except"),
    ] {
        let said = looser(was, is);
        assert!(said.contains("looser") && said.contains(says), "{is}: {said}");
    }
    for (was, is) in [("[permissive]", "[MIT, ISC, Apache-2.0]"), ("2026-12-31", "2026-11-30")] {
        let said = looser(was, is);
        assert!(said.contains("stricter"), "{is}: {said}");
    }
    for (is, says) in [
        ("[permisive]", "did you mean `permissive`?"),
        ("[MIT License]", "neither an SPDX licence id"),
        ("[NOASSERTION]", "nobody knows"),
    ] {
        dir.write("policy.yaml", policy.replace("[permissive]", is));
        let run = dir.check(&["--policy", "policy.yaml"]);
        assert!(run.code == 2 && (run.stderr.clone() + &run.stdout).contains(says), "{is}: {}", run.stderr);
    }
}

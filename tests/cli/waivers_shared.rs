//! Exceptions of many projects: who may approve them, for which projects they are, how many may hold, and what leaves the house.

use crate::common::{Dir, Run};

const POLICY: &str = "\
version: 1
gate: merge
people: {appsec: [\"@lead\", {user: \"@second\", emails: [second@corp.test]}], leads: [\"@lead\"]}
evidence: {deps: {category: vulnerability, files: [osv.json]}}
waivers: {files: [w.yaml], max_duration: 90d}
rules:
  - {id: deps, findings: {category: vulnerability, severity: high}, then: fail}
  - {id: medium, findings: {category: vulnerability, severity: medium}, then: warn}
";

fn waiver(id: &str, cve: &str, more: &str) -> String {
    format!(
        "  - {{id: {id}, rule: merge/deps, match: {{ids: [{cve}]}}, reason: not reached, owner: \"@team\", approved_by: \"@lead\", \
         compensating_controls: [WAF rule 7], created: 2026-05-20, expires: 2026-06-30, review_trigger: [severity_raised], \
         seen: {{severity: critical}}{more}}}\n"
    )
}

/// A report of OSV-Scanner with one vulnerability of npm packages each.
fn osv(found: &[(&str, &str)]) -> String {
    let packages: Vec<serde_json::Value> = found
        .iter()
        .map(|(id, name)| {
            serde_json::json!({
                "package": {"name": name, "version": "1.0.0", "ecosystem": "npm"},
                "vulnerabilities": [{"id": id, "summary": "s", "database_specific": {"severity": "HIGH"},
                                     "affected": [{"package": {"name": name, "ecosystem": "npm"}}]}],
                "groups": [{"ids": [id], "aliases": [id], "max_severity": "8.1"}]
            })
        })
        .collect();
    serde_json::json!({"results": [{"source": {"path": "package-lock.json", "type": "lockfile"}, "packages": packages}]}).to_string()
}

fn dir(policy: &str, waivers: &str) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", policy)
        .write("w.yaml", format!("version: 1\nwaivers:\n{waivers}"))
        .write("osv.json", osv(&[("CVE-2026-1", "one"), ("CVE-2026-2", "two")]));
    dir
}

fn check(dir: &Dir, project: Option<&str>) -> Run {
    let mut command = dir.command();
    if let Some(project) = project {
        command.env("CI_PROJECT_PATH", project);
    }
    let args = ["check", "--policy", "policy.yaml", "--format", "json", "--now", "2026-06-01T12:00:00Z"];
    Run::of(command.args(args))
}

/// The status and message of each waiver.
fn told(run: &Run) -> Vec<(String, String)> {
    let json = run.json();
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    json["waivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "status"), text(one, "message")))
        .collect()
}

#[test]
fn an_approver_is_one_of_those_that_the_policy_names() {
    let both = waiver("A", "CVE-2026-1", "") + &waiver("B", "CVE-2026-2", "");
    let policy = POLICY.replace("max_duration: 90d", "approvers: [\"role:appsec\"]");
    assert_eq!(check(&dir(&policy, &both), None).code, 0);
    // By an address of the role, and not by somebody else.
    let by = |who: &str| both.replace("approved_by: \"@lead\"", &format!("approved_by: \"{who}\""));
    assert_eq!(check(&dir(&policy, &by("second@corp.test")), None).code, 0);
    let run = check(&dir(&policy, &by("@intern")), None);
    assert_eq!(run.code, 1);
    let (status, message) = &told(&run)[0];
    assert!(
        status == "refused" && message.contains("@intern approved it") && message.contains("role:appsec"),
        "{message}"
    );
    let run = check(&dir(&policy.replace("role:appsec", "role:apsec"), &both), None);
    assert!(
        run.code == 2 && run.json()["errors"][0]["message"].to_string().contains("role:appsec"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_waiver_is_for_the_projects_that_it_names() {
    let both = waiver("A", "CVE-2026-1", ", projects: [\"shop/**\"]")
        + &waiver("B", "CVE-2026-2", ", projects: [shop/web, pay/*]");
    let dir = dir(POLICY, &both);
    assert_eq!(check(&dir, Some("shop/web")).code, 0);
    // What is for others is not told here.
    let run = check(&dir, Some("shop/back/api"));
    assert_eq!((run.code, told(&run).len()), (1, 1));
    assert_eq!(told(&check(&dir, Some("pay/core"))).len(), 1);
    assert_eq!((check(&dir, Some("other/x")).code, told(&check(&dir, Some("other/x"))).len()), (1, 0));
    let run = check(&dir, None);
    let (status, message) = &told(&run)[0];
    assert!(run.code == 1 && status == "refused" && message.contains("CI_PROJECT_PATH"), "{message}");
}

#[test]
fn a_shared_file_is_the_one_that_is_pinned() {
    use sha2::{Digest as _, Sha256};
    let both = waiver("A", "CVE-2026-1", "") + &waiver("B", "CVE-2026-2", "");
    let text = format!("version: 1\nwaivers:\n{both}");
    let digest = secgate::finding::hex(&Sha256::digest(&text));
    let policy = |digest: &str| {
        POLICY.replace("max_duration: 90d", &format!("pinned: {{w.yaml: \"sha256:{digest}\"}}"))
    };
    assert_eq!(check(&dir(&policy(&digest), &both), None).code, 0);
    let other = dir(&policy(&digest), &both.replace("WAF rule 7", "WAF rule 8"));
    let run = check(&other, None);
    assert!(run.code == 2 && run.stdout.contains("the policy pins"), "{}", run.stdout);
    std::fs::remove_file(other.path().join("w.yaml")).unwrap();
    assert_eq!(check(&other, None).code, 2);
    let elsewhere = policy(&digest).replace("pinned: {w.yaml", "pinned: {x.yaml");
    assert!(check(&dir(&elsewhere, &both), None).stdout.contains("none of `files`"));
}

#[test]
fn more_waivers_than_the_policy_lets_hold_are_an_error() {
    let both = waiver("A", "CVE-2026-1", "") + &waiver("B", "CVE-2026-2", "");
    for (limit, code, says) in [
        ("max_active: 2", 0, ""),
        ("max_active: 1", 2, "2 waivers hold, and the policy lets 1 hold"),
        ("max_per_rule: 2", 0, ""),
        ("max_per_rule: 1", 2, "2 waivers hold for merge/deps"),
    ] {
        let run = check(&dir(&POLICY.replace("max_duration: 90d", limit), &both), None);
        assert!(run.code == code && run.stdout.contains(says), "{limit}: {} {}", run.code, run.stdout);
    }
    let named = check(&dir(&POLICY.replace("max_duration: 90d", "approvers: [\"@lead\"]"), &both), None);
    assert!(named.code == 2 && named.stdout.contains("`approvers` names roles"), "{named:?}");
    // Those that have ended, or are for others, take no place.
    let ended = both.replacen("expires: 2026-06-30", "expires: 2026-05-30", 1);
    let run = check(&dir(&POLICY.replace("max_duration: 90d", "max_active: 1"), &ended), None);
    assert_eq!((run.code, run.json()["errors"].as_array().unwrap().len()), (1, 0));
    // Looser are other people, more of them, no pin and more waivers.
    let dir = Dir::new();
    let strict = "approvers: [\"role:leads\"], pinned: {w.yaml: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}, \
                  max_active: 2, max_per_rule: 1";
    dir.write("a.yaml", POLICY.replace("max_duration: 90d", strict));
    for (was, is, clause) in [
        ("[\"role:leads\"]", "[\"role:leads\", \"role:appsec\"]", "waivers.approvers"),
        ("approvers: [\"role:leads\"], ", "", "waivers.approvers"),
        ("sha256:0000", "sha256:1000", "waivers.pinned"),
        ("max_active: 2", "max_active: 3", "waivers.max_active"),
        (", max_per_rule: 1", "", "waivers.max_per_rule"),
    ] {
        dir.write("b.yaml", POLICY.replace("max_duration: 90d", &strict.replace(was, is)));
        let said = dir.run(&["policy", "diff", "a.yaml", "b.yaml"]).stdout;
        assert!(said.lines().any(|line| line.starts_with("looser") && line.contains(clause)), "{is}: {said}");
    }
}

#[test]
fn waivers_for_all_that_stops_are_written_at_once() {
    let dir = dir(POLICY, "");
    std::fs::remove_file(dir.path().join("w.yaml")).unwrap();
    let people = [
        "--owner",
        "@team",
        "--approved-by",
        "@lead",
        "--reason",
        "fixed with the next release",
        "--control",
        "WAF rule 7",
    ];
    let all = [
        "waiver",
        "new",
        "--policy",
        "policy.yaml",
        "--no-env",
        "--now",
        "2026-06-01T12:00:00Z",
        "--all",
        "--expires",
        "2026-07-15",
    ];
    let run = dir.run(&[&all[..], &people].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("fixed with the next release")
            && run.stdout.matches("expires: 2026-07-15").count() == 2,
        "{}",
        run.stdout
    );
    assert_eq!(run.stdout.matches("matches: 1").count(), 2);
    dir.write("w.yaml", &run.stdout);
    assert_eq!(check(&dir, None).code, 0, "{}", run.stdout);
    // What is already excepted is not written again only if nothing stops; a day that the policy does not allow is refused.
    let late = dir.run(&[&all[..8], &["--expires", "2027-06-30"]].concat());
    assert!(late.code == 2 && late.stderr.contains("max_duration"), "{}", late.stderr);
    dir.write("osv.json", osv(&[]));
    let none = dir.run(&all);
    assert!(none.code == 2 && none.stderr.contains("no finding blocks the change"), "{}", none.stderr);
}

#[test]
fn waivers_leave_the_house_as_openvex() {
    let purl = "match: {ids: [CVE-2026-1], package: \"pkg:npm/one\"}";
    let not = waiver("A", "CVE-2026-1", ", justification: vulnerable_code_not_in_execute_path")
        .replace("match: {ids: [CVE-2026-1]}", purl);
    let broad = waiver("C", "CVE-2026-3", ", justification: component_not_present")
        .replace("match: {ids: [CVE-2026-3]}", "match: {ids: [CVE-2026-3], package: three}");
    let dir = dir(POLICY, &(not + &waiver("B", "CVE-2026-2", "") + &broad));
    let export = [
        "waiver",
        "export",
        "--openvex",
        "--policy",
        "policy.yaml",
        "--author",
        "Team",
        "--now",
        "2026-06-01T12:00:00Z",
    ];
    let run = dir.run(&[&export[..], &["--product", "pkg:oci/app"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("left out C") && run.stderr.contains("package URL"), "{}", run.stderr);
    let json = run.json();
    let said: Vec<_> = json["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["vulnerability"]["name"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("CVE-2026-1", "not_affected"), ("CVE-2026-2", "affected")]);
    assert_eq!(json["statements"][0]["justification"], "vulnerable_code_not_in_execute_path");
    assert_eq!(json["statements"][0]["products"][0]["subcomponents"][0]["@id"], "pkg:npm/one");
    assert!(json["statements"][1]["action_statement"].as_str().unwrap().contains("WAF rule 7"));
    // It reads its own documents.
    dir.write("vex.json", &run.stdout);
    let vex = POLICY.replace(
        "files: [osv.json]}}",
        "files: [osv.json]}, vex: {feed: vex, files: [vex.json]}}\nvex: {accept: [Team]}",
    );
    dir.write("policy.yaml", vex.replace("files: [w.yaml], ", ""))
        .write("osv.json", osv(&[("CVE-2026-1", "one")]));
    let run = check(&dir, None);
    assert_eq!(
        run.json()["evidence"].as_array().unwrap().iter().filter(|one| one["entry"] == "vex").count(),
        1,
        "{}",
        run.stdout
    );
    let odd = dir.run(&[&export[..], &["--product", "app"]].concat());
    assert!(odd.code == 2 && odd.stderr.contains("no package URL"), "{}", odd.stderr);
}

//! Exceptions to rules: what they let through, what ends them, and who is told.

use serde_json::Value;

use crate::common::{Dir, NOW, Run};

const POLICY: &str = "\
version: 1
gate: merge
evidence:
  image: {category: vulnerability, files: [trivy.json]}
  kev: {feed: kev, files: [kev.json], required: false}
waivers: {files: [waivers.yaml], max_duration: 90d}
rules:
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
  - {id: critical, findings: {category: vulnerability, severity: critical}, then: review, waivable: false}
";

const WAIVERS: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/high
    match: {ids: [CVE-2026-1]}
    reason: Vulnerable function is not called
    owner: \"@payments-lead\"
    approved_by: \"@appsec-lead\"
    compensating_controls: [WAF rule 1024]
    created: 2026-05-15
    expires: 2026-06-30
    review_trigger: [severity_raised]
    seen: {severity: high, fix: none, matches: 1}
";

/// A Trivy report of findings given as id, package, severity, fixed version and target.
fn trivy(findings: &[(&str, &str, &str, &str, &str)]) -> String {
    let results: Vec<String> = findings
        .iter()
        .map(|(id, package, severity, fixed, target)| {
            format!(
                r#"{{"Target":"{target}","Class":"os-pkgs","Type":"alpine","Vulnerabilities":[{{
                "VulnerabilityID":"{id}","PkgName":"{package}","InstalledVersion":"1.0","FixedVersion":"{fixed}",
                "Status":"{}","Severity":"{severity}","Title":"title"}}]}}"#,
                if fixed.is_empty() { "affected" } else { "fixed" }
            )
        })
        .collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"app:1","ArtifactType":"container_image","Metadata":{{}},"Results":[{}]}}"#,
        results.join(",")
    )
}

const ONE: (&str, &str, &str, &str, &str) = ("CVE-2026-1", "xz", "HIGH", "", "app (alpine)");

fn dir(waivers: &str, findings: &[(&str, &str, &str, &str, &str)]) -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY).write("waivers.yaml", waivers).write("trivy.json", trivy(findings));
    dir
}

fn json(dir: &Dir, args: &[&str]) -> (i32, Value) {
    let run = dir.check(&[&["--policy", "policy.yaml", "--format", "json"], args].concat());
    (run.code, run.json())
}

/// Exit code and the status of the first waiver.
fn status(waivers: &str, findings: &[(&str, &str, &str, &str, &str)]) -> (i32, String) {
    let (code, json) = json(&dir(waivers, findings), &[]);
    (code, json["waivers"][0]["status"].as_str().unwrap_or_default().to_owned())
}

fn is(code: i32, status: &str) -> (i32, String) {
    (code, status.to_owned())
}

#[test]
fn a_waived_finding_does_not_count_and_stays_visible() {
    let dir = dir(WAIVERS, &[ONE]);
    let (code, json) = json(&dir, &[]);
    assert_eq!((code, &json["verdict"]), (0, &"pass".into()));
    let rule = &json["rules"][0];
    assert_eq!((&rule["count"], &rule["waived"], &rule["outcome"]), (&0.into(), &1.into(), &"pass".into()));
    assert_eq!((&json["findings_total"], &json["findings"][0]["waiver"]), (&1.into(), &"W-1".into()));
    let waiver = &json["waivers"][0];
    assert_eq!(
        (&waiver["status"], &waiver["hides"], &waiver["matches"]),
        (&"active".into(), &1.into(), &1.into())
    );
    assert_eq!(waiver["findings"][0], json["findings"][0]["fingerprint"]);
    assert_eq!(
        (&waiver["owner"], &waiver["approved_by"]),
        (&"@payments-lead".into(), &"@appsec-lead".into())
    );
    let text = dir.check(&["--policy", "policy.yaml"]).stdout;
    for word in ["Waivers", "W-1", "@payments-lead", "hides 1 finding", "CVE-2026-1", "1 waived"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_is_waived_is_no_part_of_the_digest() {
    let other = ("CVE-2026-2", "xz", "HIGH", "", "app (alpine)");
    let digest = |waivers: &str, findings: &[_]| {
        let (code, json) = json(&dir(waivers, findings), &[]);
        (code, json["findings_digest"].clone())
    };
    let none = "version: 1\nwaivers: []\n";
    assert_eq!(digest(WAIVERS, &[ONE, other]), digest(none, &[other]));
    assert_ne!(digest(none, &[ONE, other]), digest(none, &[other]));
}

#[test]
fn what_ends_a_waiver() {
    assert_eq!(status(WAIVERS, &[ONE]), is(0, "active"));
    let another = ("CVE-2026-2", "xz", "LOW", "", "app (alpine)");
    assert_eq!(status(WAIVERS, &[another]), is(0, "unused"));
    // Named by nobody's severity map: worse than it was.
    let worse = ("CVE-2026-1", "xz", "CRITICAL", "", "app (alpine)");
    assert_eq!(status(WAIVERS, &[worse]), is(1, "triggered"));
    let unrated = ("CVE-2026-1", "xz", "UNKNOWN", "", "app (alpine)");
    assert_eq!(status(WAIVERS, &[unrated]), is(1, "triggered"));
    assert_eq!(status(&WAIVERS.replace("2026-06-30", "2026-05-31"), &[ONE]), is(1, "expired"));
    // One pair in two targets is one; a second package is one too many.
    let elsewhere = ("CVE-2026-1", "xz", "HIGH", "", "layer (alpine)");
    assert_eq!(status(WAIVERS, &[ONE, elsewhere]), is(0, "active"));
    let second = ("CVE-2026-1", "xz-libs", "HIGH", "", "app (alpine)");
    assert_eq!(status(WAIVERS, &[ONE, second]), is(1, "over_matching"));
    let fixed = ("CVE-2026-1", "xz", "HIGH", "1.1", "app (alpine)");
    let by_fix = WAIVERS.replace("[severity_raised]", "[fix_available]");
    assert_eq!(status(&by_fix, &[ONE]), is(0, "active"));
    assert_eq!(status(&by_fix, &[fixed]), is(1, "triggered"));
    assert_eq!(status(&WAIVERS.replace("[severity_raised]", "[epss>=0.1]"), &[ONE]), is(1, "triggered"));
    assert_eq!(status(&WAIVERS.replace("merge/high", "merge/critical"), &[ONE]), is(1, "refused"));
}

#[test]
fn a_trigger_without_its_feed_ends_the_waiver() {
    let dir = dir(&WAIVERS.replace("[severity_raised]", "[kev]"), &[ONE]);
    let feed = |ids: &[&str], count: usize| {
        let list: Vec<String> = ids.iter().map(|id| format!(r#"{{"cveID":"{id}"}}"#)).collect();
        format!(
            r#"{{"dateReleased":"2026-05-31T10:00:00.000Z","count":{count},"vulnerabilities":[{}]}}"#,
            list.join(",")
        )
    };
    assert_eq!(json(&dir, &[]).0, 1);
    for (text, code) in [
        (feed(&["CVE-2021-44228"], 1), 0),
        (feed(&["CVE-2021-44228", "cve-2026-1"], 2), 1),
        (feed(&["CVE-2021-44228"], 2), 1),
        (feed(&[], 0), 1),
        ("{}".to_owned(), 1),
    ] {
        dir.write("kev.json", &text);
        assert_eq!(json(&dir, &[]).0, code, "{text}");
    }
    dir.write("policy.yaml", POLICY.replace("kev.json], ", "kev.json], max_age: 7d, "));
    dir.write("kev.json", feed(&["CVE-2021-44228"], 1));
    assert_eq!(json(&dir, &[]).0, 0);
    dir.write("policy.yaml", POLICY.replace("kev.json], ", "kev.json], max_age: 1h, "));
    assert_eq!(json(&dir, &[]).0, 1);
}

#[test]
fn a_broken_file_is_an_error_whatever_was_found() {
    let broken = WAIVERS.replace("approved_by", "aproved_by");
    for policy in [POLICY.to_owned(), POLICY.replace("gate: merge", "gate: merge\nenforcement: advisory")] {
        let dir = dir(&broken, &[]);
        dir.write("policy.yaml", policy);
        let run = dir.check(&["--policy", "policy.yaml"]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("waivers.yaml:8:5: waiver `W-1`: unknown key"), "{}", run.stderr);
    }
}

#[test]
fn given_files_come_on_top_and_must_be_there() {
    let dir = dir("version: 1\nwaivers: []\n", &[ONE]);
    dir.write("more.yaml", WAIVERS);
    assert_eq!(json(&dir, &[]).0, 1);
    assert_eq!(json(&dir, &["--waivers", "more.yaml"]).0, 0);
    assert_eq!(json(&dir, &["--waivers", "more.yaml", "--waivers", "./more.yaml"]).0, 0);
    assert_eq!(json(&dir, &["--waivers", "nowhere.yaml"]).0, 2);
    dir.write("again.yaml", WAIVERS);
    let (code, json) = json(&dir, &["--waivers", "more.yaml", "--waivers", "again.yaml"]);
    assert_eq!(code, 2);
    assert!(json["errors"][0]["message"].as_str().unwrap().contains("duplicate waiver id `W-1`"), "{json}");
    dir.write("policy.yaml", POLICY.replace("waivers: {files: [waivers.yaml], max_duration: 90d}\n", ""));
    let run = dir.check(&["--policy", "policy.yaml", "--waivers", "more.yaml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("allows no waivers"), "{}", run.stderr);
}

#[test]
fn nobody_excepts_a_change_of_their_own() {
    let dir = dir(WAIVERS, &[ONE]);
    dir.write("policy.yaml", POLICY.replace("max_duration: 90d", "max_duration: 90d, not_author: true"));
    let by = |variables: &[(&str, &str)]| {
        let mut command = dir.command();
        command.args(["check", "--now", NOW, "--policy", "policy.yaml"]).envs(variables.iter().copied());
        Run::of(&mut command).code
    };
    assert_eq!(by(&[("GITLAB_USER_LOGIN", "carol")]), 0);
    assert_eq!(by(&[("GITLAB_USER_LOGIN", "Payments-Lead")]), 1);
    assert_eq!(by(&[("GITLAB_USER_LOGIN", "carol"), ("CI_COMMIT_AUTHOR", "appsec-lead <a@example.org>")]), 1);
    // Who made the change is not known, so nobody can say that it was another.
    assert_eq!(by(&[]), 1);
    // The merge request knows who made it; who started the pipeline is somebody else.
    let policy = dir.read("policy.yaml");
    let request =
        "evidence:\n  request: {document: gitlab-merge-request, files: [mr.json], required: false}\n";
    dir.write("policy.yaml", policy.replacen("evidence:\n", request, 1));
    let of = |request: &str| {
        dir.write("mr.json", request);
        by(&[("GITLAB_USER_LOGIN", "carol")])
    };
    assert_eq!(of(r#"{"author":{"username":"dave"}}"#), 0);
    assert_eq!(of(r#"{"author":{"username":"Payments-Lead"}}"#), 1);
    assert_eq!(of(r#"{"author":{"id":7}}"#), 1);
}

#[test]
fn an_emergency_is_loud() {
    let emergency = WAIVERS
        .replace("created: 2026-05-15", "kind: emergency\n    created: 2026-06-01T08:00:00Z")
        .replace("expires: 2026-06-30", "expires: 2026-06-02T08:00:00Z");
    let dir = dir(&emergency, &[ONE]);
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("EMERGENCY WAIVER W-1 hides 1 finding until 2026-06-02T08:00:00Z"),
        "{}",
        run.stdout
    );
    assert_eq!(json(&dir, &[]).1["waivers"][0]["kind"], "emergency");
}

#[test]
fn a_new_waiver_is_complete_once_people_filled_it() {
    let dir = dir("version: 1\nwaivers: []\n", &[ONE]);
    let fingerprint = json(&dir, &[]).1["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    std::fs::remove_file(dir.path().join("waivers.yaml")).unwrap();
    let run = waiver_new(&dir, &fingerprint, "trivy.json");
    assert_eq!(run.code, 0, "{run:?}");
    insta::with_settings!({filters => vec![(r"W-2026-06-01-[0-9a-f]{8}", "W-2026-06-01-[id]")]}, {
        insta::assert_snapshot!("waiver_new", run.stdout);
    });
    dir.write("waivers.yaml", &run.stdout);
    let lint = dir.run(&["waiver", "lint", "--now", NOW, "--policy", "policy.yaml"]);
    assert_eq!(lint.code, 2, "{lint:?}");
    assert_eq!(lint.stderr.matches("is still the placeholder").count(), 4, "{}", lint.stderr);
    assert_eq!(json(&dir, &[]).0, 2);
    let filled = run
        .stdout
        .replace("<@user or team that answers for it>", "@dev")
        .replace("<@user who approves it; not the owner>", "@lead")
        .replace("<why this risk can be taken>", "not called")
        .replace("<what keeps the risk small meanwhile>", "WAF");
    dir.write("waivers.yaml", filled);
    let lint = dir.run(&["waiver", "lint", "--now", NOW, "--policy", "policy.yaml"]);
    assert_eq!(lint.code, 0, "{lint:?}");
    assert_eq!(json(&dir, &[]).0, 0);
    let printed = dir.run(&["waiver", "list", "--now", NOW, "--policy", "policy.yaml"]);
    assert!(
        printed.stdout.contains("@dev  approved by @lead  until 2026-07-01  merge/high"),
        "{}",
        printed.stdout
    );
    let none = waiver_new(&dir, "sg1:00000000000000000000000000000000", "trivy.json");
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("no rule of gate merge"), "{}", none.stderr);
}

#[test]
fn lint_refuses_what_can_never_cover() {
    let dir = dir(
        &WAIVERS.replace("[severity_raised]", "[fix_available]").replace("fix: none", "fix: available"),
        &[],
    );
    let lint = dir.run(&["waiver", "lint", "--now", NOW, "--policy", "policy.yaml"]);
    assert_eq!(lint.code, 2, "{lint:?}");
    assert!(
        lint.stdout.contains("waiver `W-1` of @payments-lead: error: it covers nothing"),
        "{}",
        lint.stdout
    );
    dir.write("waivers.yaml", WAIVERS);
    let lint = |now: &str| dir.run(&["waiver", "lint", "--now", now, "--policy", "policy.yaml"]).stdout;
    assert!(lint("2026-06-20T00:00:00Z").contains("ends within 14 days"));
    assert!(lint("2026-07-01T00:00:00Z").contains("expired"));
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert!(!run.stdout.contains("ends within"), "{}", run.stdout);
}

fn waiver_new(dir: &Dir, finding: &str, report: &str) -> Run {
    dir.run(&["waiver", "new", "--now", NOW, "--policy", "policy.yaml", "--finding", finding, report])
}

fn lint(dir: &Dir, args: &[&str]) -> Run {
    dir.run(&[&["waiver", "lint", "--now", NOW, "--policy", "policy.yaml"], args].concat())
}

#[test]
fn lint_with_reports_says_what_each_waiver_hides() {
    // Reports are found as check finds them, or given.
    let both = dir(WAIVERS, &[ONE]);
    for args in [&[][..], &["trivy.json"], &["waivers.yaml", "trivy.json"], &["--waivers", "waivers.yaml"]] {
        let run = lint(&both, args);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.ends_with("with trivy.json: 1 waiver hides 1 finding\n"), "{run:?}");
        assert!(!run.stdout.contains("unused"), "{run:?}");
    }
    // Without one it says so, and nothing of what it cannot know.
    std::fs::remove_file(both.path().join("trivy.json")).unwrap();
    let run = lint(&both, &["--strict"]);
    assert!(
        run.code == 0 && run.stdout.contains("no report was given, and none that the policy names is there"),
        "{run:?}"
    );

    // Each state by name and owner, with what it hides or no longer does.
    let worse = ("CVE-2026-1", "xz", "CRITICAL", "", "app (alpine)");
    let second = ("CVE-2026-1", "xz-libs", "HIGH", "", "app (alpine)");
    let other = ("CVE-2026-2", "xz", "LOW", "", "app (alpine)");
    let soon = WAIVERS.replace("2026-06-30", "2026-06-10");
    let past = WAIVERS.replace("2026-06-30", "2026-05-31");
    for (waivers, findings, id, words) in [
        (WAIVERS, &[worse][..], "triggered", "ended by severity_raised: critical"),
        (WAIVERS, &[ONE, second], "over_matching", "covers nothing: it matches 2, and 1 are allowed"),
        (WAIVERS, &[other], "unused", "unused: it matches no finding"),
        (&soon, &[ONE], "ends_soon", "ends within 14 days, 2026-06-10"),
        (&past, &[ONE], "expired", "expired: 2026-05-31 was its end"),
    ] {
        let dir = dir(waivers, findings);
        let run = lint(&dir, &[]);
        assert_eq!(run.code, 0, "{run:?}");
        let line = format!("waivers.yaml:3: waiver `W-1` of @payments-lead: {words}");
        assert_eq!(run.stdout.matches(&line).count(), 1, "{line}: {}", run.stdout);
        let hides = match id {
            "unused" => "  hides nothing today\n",
            "ends_soon" => "  hides 1 finding today:\n    high     xz 1.0  CVE-2026-1",
            _ => "  hides nothing today; these count again",
        };
        assert!(run.stdout.contains(hides), "{hides}: {}", run.stdout);
        assert_eq!(lint(&dir, &["--strict"]).code, 1, "{id}");
        let json = lint(&dir, &["--format", "json"]).json();
        assert_eq!(json["schema"], "secgate/waivers/v1");
        let waiver = &json["waivers"][0];
        assert_eq!(
            (&waiver["remarks"][0]["id"], &waiver["remarks"][0]["kind"]),
            (&id.into(), &"warning".into())
        );
        assert_eq!(
            (&waiver["owner"], waiver["hides"].as_u64()),
            (&"@payments-lead".into(), Some(u64::from(id == "ends_soon")))
        );
    }
    // What was not read in full may hold the match.
    let both = dir(WAIVERS, &[other]);
    both.write(
        "policy.yaml",
        POLICY.replace("  kev:", "  more: {category: vulnerability, files: [grype.json]}\n  kev:"),
    );
    let run = lint(&both, &["--strict"]);
    assert!(run.code == 0 && run.stdout.contains("whether it is used is not known without more"), "{run:?}");
    both.write("trivy.json", "{\"SchemaVersion\":2,");
    let run = lint(&both, &["trivy.json"]);
    assert!(run.code == 2 && run.stderr.contains("trivy.json"), "{run:?}");
    // A list has the same.
    let both = dir(WAIVERS, &[worse]);
    let list = both.run(&["waiver", "list", "--now", NOW, "--policy", "policy.yaml"]);
    assert!(
        list.stdout.starts_with("triggered  W-1  @payments-lead") && list.stdout.contains("hides 0 findings"),
        "{list:?}"
    );
}

#[test]
fn a_trigger_that_was_true_from_the_beginning_is_an_error() {
    let fixed = ("CVE-2026-1", "xz", "HIGH", "1.1", "app (alpine)");
    // Written today, and ended today.
    let by_fix = WAIVERS
        .replace("[severity_raised]", "[fix_available]")
        .replace("created: 2026-05-15", "created: 2026-06-01");
    let today = dir(&by_fix, &[fixed]);
    let run = lint(&today, &[]);
    assert!(
        run.code == 2
            && run
                .stdout
                .contains("error: a trigger was true when it was written, today: ended by fix_available"),
        "{run:?}"
    );
    // Written earlier, it may have become true since.
    today.write("waivers.yaml", by_fix.replace("created: 2026-06-01", "created: 2026-05-15"));
    assert_eq!(lint(&today, &[]).code, 0);
    // The catalogue says since when.
    let by_kev = WAIVERS.replace("[severity_raised]", "[kev]");
    let exploited = dir(&by_kev, &[ONE]);
    let feed = |added: &str| {
        format!(
            r#"{{"dateReleased":"2026-05-31T10:00:00.000Z","count":1,"vulnerabilities":[{{"cveID":"CVE-2026-1","dateAdded":"{added}"}}]}}"#
        )
    };
    exploited.write("kev.json", feed("2026-05-15"));
    let run = lint(&exploited, &[]);
    assert!(
        run.code == 2
            && run.stdout.contains(
                "`kev` was true when it was written: CVE-2026-0001 is in the catalogue since 2026-05-15"
            ),
        "{run:?}"
    );
    exploited.write("kev.json", feed("2026-05-16"));
    let run = lint(&exploited, &[]);
    assert!(run.code == 0 && run.stdout.contains("ended by kev"), "{run:?}");
    // Known without any report.
    for (from, to, words) in [
        ("[severity_raised]", "[epss>=0]", "`epss>=0` was true when it was written"),
        ("[severity_raised]", "[epss>=0.5]", "has no evidence entry `feed: epss`"),
        ("merge/high", "merge/critical", "rule `critical` says `waivable: false`"),
    ] {
        let alone = dir(&WAIVERS.replace(from, to), &[]);
        std::fs::remove_file(alone.path().join("trivy.json")).unwrap();
        let run = lint(&alone, &[]);
        assert!(run.code == 2 && run.stdout.contains(words), "{words}: {run:?}");
    }
}

/// The sentences of the design about what a waiver must say, each broken once.
#[test]
fn what_a_waiver_must_say() {
    let wrong = |from: &str, to: &str, words: &str| {
        let text = WAIVERS.replace(from, to);
        assert_ne!(text, WAIVERS, "{from}");
        let dir = dir(&text, &[ONE]);
        for run in [dir.check(&["--policy", "policy.yaml"]), lint(&dir, &[])] {
            assert_eq!(run.code, 2, "{from} → {to}: {run:?}");
            assert!(
                run.stderr.contains(words) && run.stderr.contains("waivers.yaml:"),
                "{words}: {}",
                run.stderr
            );
        }
    };
    // The six fields of an exception record, and what else is mandatory.
    for field in [
        "rule",
        "reason",
        "owner",
        "compensating_controls",
        "expires",
        "review_trigger",
        "id",
        "match",
        "created",
        "approved_by",
    ] {
        let line = WAIVERS
            .lines()
            .find(|line| line.trim_start_matches(['-', ' ']).starts_with(&format!("{field}:")))
            .unwrap();
        let without = if field == "id" {
            WAIVERS.replace("- id: W-1\n    rule", "- rule")
        } else {
            WAIVERS.replace(&format!("{line}\n"), "")
        };
        let dir = dir(&without, &[ONE]);
        let run = dir.check(&["--policy", "policy.yaml"]);
        assert!(run.code == 2 && run.stderr.contains(&format!("`{field}`")), "{field}: {run:?}");
    }
    wrong(
        "    seen: {severity: high, fix: none, matches: 1}\n",
        "",
        "`review_trigger: severity_raised` needs `seen: {severity: …}`",
    );
    wrong("merge/high", "merge/hgih", "did you mean `high`?");
    wrong("merge/high", "\"merge/*\"", "without wildcards");
    wrong("merge/high", "high", "GATE/RULE");
    wrong("ids: [CVE-2026-1]", "ids: [CWE-79]", "a class of weakness");
    wrong("ids: [CVE-2026-1]", "package: xz", "needs `fingerprint`, `ids`, or `rule_id` with `path`");
    wrong("ids: [CVE-2026-1]", "rule_id: x", "`rule_id` needs `path`");
    wrong("created: 2026-05-15", "created: 2026-06-02", "in the future");
    wrong("expires: 2026-06-30", "expires: 2026-06-31", "`expires`");
    wrong("expires: 2026-06-30", "expires: 2026-05-14", "before `created`");
    wrong("expires: 2026-06-30", "expires: 2026-08-14", "2026-08-13 at the latest");
    wrong("expires: 2026-06-30", "expires: 2026-06-02T08:00:00Z", "needs `kind: emergency`");
    wrong("[severity_raised]", "[fixed]", "review_trigger");
    wrong("approved_by: \"@appsec-lead\"", "approved_by: \"@Payments-Lead\"", "is the owner");
    // Of another gate nothing is looked at but its shape.
    let (code, json) = json(&dir(&WAIVERS.replace("merge/high", "release/high"), &[ONE]), &[]);
    assert_eq!((code, json["waivers"].as_array().map(Vec::len)), (1, Some(0)));
}

#[test]
fn a_waiver_holds_through_its_last_day_and_counts_pairs() {
    let dir_of = |waivers: &str| dir(waivers, &[ONE]);
    let at = |now: &str| {
        let dir = dir_of(WAIVERS);
        Run::of(dir.command().args(["check", "--policy", "policy.yaml", "--now", now])).code
    };
    assert_eq!((at("2026-06-30T23:59:59Z"), at("2026-07-01T00:00:00Z")), (0, 1));
    // 90 days where the policy does not say.
    let default = dir_of(&WAIVERS.replace("expires: 2026-06-30", "expires: 2026-08-13"));
    default.write("policy.yaml", POLICY.replace(", max_duration: 90d", ""));
    assert_eq!(json(&default, &[]).0, 0);
    // `max_matches`: what it says, else `seen.matches`, else 1.
    let second = ("CVE-2026-1", "xz-libs", "HIGH", "", "app (alpine)");
    assert_eq!(status(&WAIVERS.replace("matches: 1", "matches: 2"), &[ONE, second]), is(0, "active"));
    assert_eq!(status(&WAIVERS.replace(", matches: 1", ""), &[ONE, second]), is(1, "over_matching"));
    let most = format!("{WAIVERS}    max_matches: 2\n");
    assert_eq!(status(&most, &[ONE, second]), is(0, "active"));
    // Two reports that hold the same pair each hold one.
    let two = dir_of(WAIVERS);
    two.write("again.json", trivy(&[ONE]));
    assert_eq!(json(&two, &["trivy.json", "again.json"]).0, 0);
    two.write("again.json", trivy(&[ONE, second]));
    assert_eq!(json(&two, &["trivy.json", "again.json"]).0, 1);
    // What one tool says in several reports is added, so that parts do not hide how much it is.
    two.write("again.json", trivy(&[second]));
    let (code, found) = json(&two, &["trivy.json", "again.json"]);
    assert_eq!((code, &found["waivers"][0]["matches"]), (1, &2.into()));
    assert_eq!(found["waivers"][0]["status"], "over_matching");
}

#[test]
fn a_waiver_of_one_advisory_does_not_cover_a_second_of_the_same_finding() {
    // npm tells all advisories of a package as one finding; written after the shape of npm 10.
    let report = |ids: &[&str]| {
        let via: Vec<String> = ids
            .iter()
            .map(|id| {
                format!(
                    r#"{{"source":1,"name":"a","title":"t","url":"https://github.com/advisories/{id}","severity":"high","range":"<2"}}"#
                )
            })
            .collect();
        format!(
            r#"{{"auditReportVersion":2,"vulnerabilities":{{"a":{{"name":"a","severity":"high","via":[{}],"effects":[],
                "range":"<2","nodes":["node_modules/a"],"fixAvailable":false}}}},"metadata":{{"vulnerabilities":{{"total":1}}}}}}"#,
            via.join(",")
        )
    };
    let (one, two) = ("GHSA-aaaa-aaaa-aaaa", "GHSA-bbbb-bbbb-bbbb");
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY.replace("trivy.json", "npm.json"));
    let code = |waived: &str, found: &[&str]| {
        dir.write("waivers.yaml", WAIVERS.replace("CVE-2026-1", waived)).write("npm.json", report(found));
        json(&dir, &[]).0
    };
    assert_eq!((code(one, &[one]), code(one, &[one, two]), code(one, &[two, one])), (0, 1, 1));
    let both = format!("{one}, {two}");
    assert_eq!((code(&both, &[one, two]), code(&both, &[two, one]), code(&both, &[one])), (0, 0, 0));
    // Of one that was there, the fingerprint is another as well; the order in the report makes none.
    let fingerprint = |ids: &[&str]| {
        dir.write("npm.json", report(ids));
        dir.run(&["findings", "--format", "json", "npm.json"]).json()["findings"][0]["fingerprint"].clone()
    };
    assert_ne!(fingerprint(&[one]), fingerprint(&[one, two]));
    assert_eq!(fingerprint(&[two, one]), fingerprint(&[one, two]));
    // And what is written for it covers it.
    dir.write("npm.json", report(&[one, two])).write("waivers.yaml", "version: 1\nwaivers: []\n");
    let id = fingerprint(&[one, two]);
    dir.write("npm.json", report(&[one, two]));
    let new = waiver_new(&dir, id.as_str().unwrap(), "npm.json");
    assert!(new.stdout.contains(&format!("ids: [\"{one}\", \"{two}\"]")), "{new:?}");
}

#[test]
fn what_is_waived_stays_visible_in_every_output() {
    let dir = dir(WAIVERS, &[ONE]);
    for format in ["text", "json", "sarif", "junit", "codequality", "markdown", "html"] {
        let run = dir.check(&["--policy", "policy.yaml", "--format", format]);
        for word in ["CVE-2026-1", "W-1"] {
            assert!(run.code == 0 && run.stdout.contains(word), "{format}: {word}: {}", run.stdout);
        }
    }
    let dotenv = dir.check(&["--policy", "policy.yaml", "--format", "dotenv"]).stdout;
    assert!(
        dotenv.contains("SECGATE_WAIVED=1\n") && dotenv.contains("SECGATE_EMERGENCY_WAIVERS=0\n"),
        "{dotenv}"
    );
}

#[test]
fn what_was_suppressed_needs_an_owner_where_the_policy_says_so() {
    let policy = "\
version: 1
gate: package
evidence: {image: {category: vulnerability, files: [trivy.json]}}
waivers: {files: [waivers.yaml], max_duration: 90d}
rules:
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
  - {id: suppressions-owned, findings: {suppressed: true}, then: review}
";
    let report = r#"{"SchemaVersion":2,"ArtifactName":"app:1","ArtifactType":"container_image","Metadata":{},"Results":[
        {"Target":"app (alpine)","Class":"os-pkgs","Type":"alpine","ExperimentalModifiedFindings":[
        {"Type":"vulnerability","Status":"ignored","Statement":"not\u001b[2J called","Source":".trivyignore.yaml",
         "Finding":{"VulnerabilityID":"CVE-2026-1","PkgName":"xz","InstalledVersion":"1.0","Severity":"HIGH","Title":"title"}}]}]}"#;
    let dir = Dir::new();
    dir.write("policy.yaml", policy).write("trivy.json", report);
    let (code, found) = json(&dir, &[]);
    assert_eq!((code, &found["rules"][1]["count"], &found["findings_total"]), (10, &1.into(), &0.into()));
    let finding = &found["findings"][0];
    assert_eq!(finding["suppressed"], true);
    assert_eq!(finding["suppression"], "ignored, .trivyignore.yaml: not\\u{1b}[2J called");
    let text = dir.check(&["--policy", "policy.yaml"]).stdout;
    assert!(text.contains("(suppressed: ignored, .trivyignore.yaml"), "{text}");

    // A waiver is the only way to pass, and `waiver new` writes it.
    let fingerprint = finding["fingerprint"].as_str().unwrap();
    let new = waiver_new(&dir, fingerprint, "trivy.json");
    assert_eq!(new.code, 0, "{new:?}");
    assert!(new.stdout.contains("rule: \"package/suppressions-owned\""), "{}", new.stdout);
    let filled = new
        .stdout
        .replace("<why this risk can be taken>", "Vulnerable function is not called")
        .replace("<@user or team that answers for it>", "@payments-lead")
        .replace("<@user who approves it; not the owner>", "@appsec-lead")
        .replace("<what keeps the risk small meanwhile>", "WAF rule 1024");
    dir.write("waivers.yaml", filled);
    let (code, found) = json(&dir, &[]);
    assert_eq!((code, &found["rules"][1]["waived"]), (0, &1.into()), "{found:#}");

    // A rule that does not ask for them looks at none; they are shown all the same.
    dir.write(
        "policy.yaml",
        policy.lines().filter(|l| !l.contains("suppressions-owned")).collect::<Vec<_>>().join("\n"),
    );
    dir.write("waivers.yaml", "version: 1\nwaivers: []\n");
    let (code, found) = json(&dir, &[]);
    assert_eq!((code, &found["suppressed"][0]["rule_id"]), (0, &"CVE-2026-1".into()));
    for format in ["text", "sarif", "junit"] {
        let out = dir.check(&["--policy", "policy.yaml", "--format", format]).stdout;
        for word in ["CVE-2026-1", ".trivyignore.yaml"] {
            assert!(out.contains(word), "{format}: {word}: {out}");
        }
    }
}

#[test]
fn an_emergency_is_loud_in_every_output() {
    let emergency = WAIVERS
        .replace("created: 2026-05-15", "kind: emergency\n    created: 2026-06-01T08:00:00Z")
        .replace("expires: 2026-06-30", "expires: 2026-06-04T08:00:00Z");
    let dir = dir(&emergency, &[ONE]);
    let (code, found) = json(&dir, &[]);
    assert_eq!(code, 0, "{found:#}");
    let line = found["emergencies"][0].as_str().unwrap();
    assert!(line.starts_with("EMERGENCY WAIVER W-1 hides 1 finding until 2026-06-04T08:00:00Z"), "{line}");
    for format in
        ["text", "json", "sarif", "junit", "codequality", "annotations", "markdown", "html", "dotenv"]
    {
        let mut command = dir.command();
        command.args(["check", "--now", NOW, "--policy", "policy.yaml", "--format", format]);
        let url = "https://gitlab.example.com/g/p/-/pipelines/1";
        let out = Run::of(command.env("CI_PIPELINE_URL", url)).stdout;
        // A word, a number or a digest is all that dotenv can hold.
        let words = match format {
            "dotenv" => &["SECGATE_EMERGENCY_WAIVERS=1\n"][..],
            _ => &["EMERGENCY WAIVER", "W-1", "@payments-lead", "2026-06-04T08:00:00Z"],
        };
        for word in words {
            assert!(out.to_uppercase().contains(&word.to_uppercase()), "{format}: {word}: {out}");
        }
        if format == "dotenv" {
            // GitLab refuses more than 20.
            assert!(out.lines().count() <= 20, "{out}");
        }
    }
    let run = lint(&dir, &[]);
    assert!(
        run.stdout.contains("waiver `W-1` of @payments-lead: note: EMERGENCY: it holds until"),
        "{run:?}"
    );
    dir.write("waivers.yaml", emergency.replace("06-04T08:00:00Z", "06-04T08:00:01Z"));
    let run = dir.check(&["--policy", "policy.yaml"]);
    assert!(run.code == 2 && run.stderr.contains("72 hours at most"), "{run:?}");
}

#[test]
fn ignore_files_become_waivers_that_say_what_is_missing() {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY);
    dir.write(".trivyignore", "# why\nCVE-2026-1 exp:2026-07-01\nCVE-2020-1 exp:2020-01-01\nAVD-DS-0002\n");
    dir.write(
        "osv-scanner.toml",
        "[[IgnoredVulns]]\nid = \"GHSA-aaaa-bbbb-cccc\"\nignoreUntil = 2030-01-01\nreason = \"not called\"\n",
    );
    dir.write(
        ".grype.yaml",
        "ignore:\n  - {vulnerability: CVE-2026-3, package: {name: xz}}\n  - {fix-state: wont-fix}\n",
    );
    let args = ["waiver", "new", "--policy", "policy.yaml", "--now", NOW];
    let from = ["--from", ".trivyignore", "--from", "osv-scanner.toml", "--from", ".grype.yaml"];
    let run = dir.run(&[&args[..], &from[..]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    for words in [
        "match: {ids: [\"CVE-2026-1\"]}",
        "expires: 2026-07-01\n",
        "reason: \"not called\"",
        "it said 2030-01-01, and the policy ends it here",
        "match: {ids: [\"CVE-2026-3\"], package: \"xz\"}",
        "still missing: reason, owner, approved_by, compensating_controls, seen.severity",
        ".trivyignore:3: no waiver: it ended on 2020-01-01",
        ".trivyignore:4: no waiver: AVD-DS-0002: a check in every file is not an exception; name the file",
        ".grype.yaml:3: no waiver: it names no `vulnerability`",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    // Not before a person filled it.
    dir.write("waivers.yaml", &run.stdout);
    let lint = dir.run(&["waiver", "lint", "--policy", "policy.yaml", "--now", NOW]);
    assert!(lint.code == 2 && lint.stderr.contains("still the placeholder"), "{lint:?}");
    let filled = run
        .stdout
        .replace("<why this risk can be taken>", "Not called")
        .replace("<@user or team that answers for it>", "@payments-lead")
        .replace("<@user who approves it; not the owner>", "@appsec-lead")
        .replace("<what keeps the risk small meanwhile>", "WAF rule 1024")
        .replace("\"<how bad it is today>\"", "high");
    dir.write("waivers.yaml", filled).write("trivy.json", trivy(&[ONE]));
    assert_eq!(json(&dir, &[]).0, 0);
    let odd = dir.run(&[&args[..], &["--from", "policy.yaml"]].concat());
    assert!(odd.code == 2 && odd.stderr.contains("no ignore file"), "{odd:?}");
}

#[test]
fn a_new_waiver_is_for_the_one_finding_that_an_id_means() {
    let two = ("CVE-2026-1", "zlib", "HIGH", "", "app (alpine)");
    let dir = dir("", &[ONE, two]);
    let new = |id: &str, report: &str| waiver_new(&dir, id, report);
    let run = new("xz", "trivy.json");
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout.contains("match: {ids: [\"CVE-2026-1\"], package: \"xz\", version: \"1.0\"}"),
        "{}",
        run.stdout
    );
    // The shell makes the file of `>waivers.yaml` before secgate looks whether there is one to add to.
    assert!(run.stdout.contains("\nversion: 1\nwaivers:\n"), "{}", run.stdout);
    let run = new("CVE-2026-1", "trivy.json");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("means 2 findings"), "{}", run.stderr);
    assert!(run.stderr.contains("xz") && run.stderr.contains("zlib"), "{}", run.stderr);
    let run = new("lodash", "trivy.json");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--finding `lodash`: no finding of these reports"), "{}", run.stderr);
    let run = new("xz", "other.json");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("other.json: there is no such file"), "{}", run.stderr);
    assert_eq!(new(" ", "trivy.json").code, 2);
}

#[test]
fn a_report_that_cannot_be_read_is_an_error_also_where_no_waiver_needs_it() {
    let dir = dir("version: 1\nwaivers: []\n", &[ONE]);
    dir.write("cut.json", &trivy(&[ONE])[..80]).write("empty.json", "");
    for command in ["lint", "list"] {
        for report in ["missing.json", "cut.json", "empty.json"] {
            let run = dir.run(&["waiver", command, "--policy", "policy.yaml", report]);
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{command} {report}: {run:?}");
            assert!(run.stderr.starts_with(&format!("error: {report}: ")), "{}", run.stderr);
        }
        let run = dir.run(&["waiver", command, "--policy", "policy.yaml", "trivy.json"]);
        assert_eq!(run.code, 0, "{run:?}");
    }
}

/// A policy about code, secrets and dependencies, with waivers.
const NARROW: &str = "\
version: 1
gate: merge
evidence:
  sast: {category: sast, files: [semgrep.json], required: false}
  secrets: {category: secret, files: [gitleaks.json], required: false}
  deps: {category: vulnerability, files: [trivy.json], required: false}
waivers: {files: [waivers.yaml], max_duration: 90d}
rules:
  - {id: code, findings: {category: sast, severity: high}, then: fail}
  - {id: secrets, findings: {category: secret}, then: fail}
  - {id: deps, findings: {category: vulnerability, severity: high}, then: fail}
";

/// What `waiver new` writes for a finding, as people fill it.
fn filled(dir: &Dir, args: &[&str]) -> String {
    let run = dir.run(&[&["waiver", "new", "--now", NOW, "--policy", "policy.yaml"], args].concat());
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout
        .replace("<@user or team that answers for it>", "@dev")
        .replace("<@user who approves it; not the owner>", "@lead")
        .replace("<why this risk can be taken>", "not called")
        .replace("<what keeps the risk small meanwhile>", "WAF")
}

#[test]
fn a_waiver_of_code_covers_that_code_and_no_other() {
    let report = |line: u32| {
        format!(
            r#"{{"version":"1.100.0","errors":[],"paths":{{"scanned":["app.py"]}},"results":[{{"check_id":"py.eval","path":"app.py",
            "start":{{"line":{line}}},"end":{{"line":{line}}},"extra":{{"severity":"ERROR","message":"eval","lines":"requires login","metadata":{{}}}}}}]}}"#
        )
    };
    let dir = Dir::new();
    dir.write("policy.yaml", NARROW).write("app.py", "a = eval(\"1+1\")\n").write("semgrep.json", report(1));
    let waiver = filled(&dir, &["--finding", "app.py:1", "semgrep.json"]);
    assert!(waiver.contains("\n  # app.py:1 py.eval\n") && waiver.contains(", content: \""), "{waiver}");
    dir.write("waivers.yaml", &waiver);
    assert_eq!(json(&dir, &[]).0, 0);
    // The same code further down, in other white space, is the same.
    dir.write("app.py", "\n\n  a =  eval(\"1+1\")\n").write("semgrep.json", report(3));
    assert_eq!(json(&dir, &[]).0, 0);
    // Other code under the same rule and file is another finding.
    dir.write("app.py", "\n\nz = eval(request.args[\"q\"])\n");
    assert_eq!(json(&dir, &[]).0, 1);
    // Without the code nobody can say that it is the same; nor can a waiver that is not bound to any.
    std::fs::remove_file(dir.path().join("app.py")).unwrap();
    assert_eq!(json(&dir, &[]).0, 1);
    dir.write("app.py", "\n\n  a =  eval(\"1+1\")\n");
    let (from, _) = waiver.split_once(", content").unwrap();
    let (_, to) = waiver.split_once("\"}\n").unwrap();
    for unbound in [format!("{from}}}\n{to}"), {
        let (head, _) = from.split_once("match: ").unwrap();
        format!("{head}match: {{rule_id: py.eval, path: app.py}}\n{to}")
    }] {
        dir.write("waivers.yaml", unbound);
        let (code, verdict) = json(&dir, &[]);
        let said = verdict["waivers"][0]["message"].as_str().unwrap_or_default();
        assert!(code == 1 && said.contains("nothing says that it is the code it was written for"), "{said}");
    }
    // A bundle decides the same without the code.
    dir.write("waivers.yaml", &waiver);
    let commit = "1".repeat(40);
    let run = dir.check(&["--policy", "policy.yaml", "--commit", &commit, "--bundle", "b.tar"]);
    assert_eq!(run.code, 0, "{run:?}");
    std::fs::remove_file(dir.path().join("app.py")).unwrap();
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
}

#[test]
fn each_of_two_findings_with_one_fingerprint_has_its_own_waiver() {
    let result = |line: u32| {
        format!(
            r#"{{"check_id":"py.eval","path":"app.py","start":{{"line":{line}}},"end":{{"line":{line}}},
            "extra":{{"severity":"ERROR","message":"eval","lines":"requires login","metadata":{{}}}}}}"#
        )
    };
    let report = format!(
        r#"{{"version":"1.100.0","errors":[],"paths":{{"scanned":["app.py"]}},"results":[{},{}]}}"#,
        result(1),
        result(2)
    );
    let dir = Dir::new();
    dir.write("policy.yaml", NARROW).write("semgrep.json", report);
    dir.write("app.py", "a = eval(\"1+1\")\nz = eval(request.args[\"q\"])\n");
    let of_line = |line: u32| filled(&dir, &["--finding", &format!("app.py:{line}"), "semgrep.json"]);
    let (first, second) = (of_line(1), of_line(2));
    assert!(first.contains("\n  # app.py:1 py.eval\n"), "{first}");
    assert!(second.contains("\n  # app.py:2 py.eval\n"), "{second}");
    let all = filled(&dir, &["--all", "semgrep.json"]);
    for (waivers, code) in [(&first, 1), (&second, 1), (&all, 0)] {
        dir.write("waivers.yaml", waivers);
        let (is, verdict) = json(&dir, &[]);
        assert_eq!(is, code, "{waivers}");
        assert!(verdict["waivers"][0]["message"].as_str().is_none_or(|m| !m.contains("unused")), "{verdict}");
    }
}

#[test]
fn a_waiver_of_a_secret_covers_that_value_and_no_other() {
    let report = |value: &str| {
        format!(
            r#"[{{"RuleID":"aws-access-token","Description":"d","StartLine":3,"EndLine":3,"StartColumn":1,"EndColumn":20,
            "Match":"KEY = \"{value}\"","Secret":"{value}","File":"src/a.py","SymlinkFile":"","Commit":"","Entropy":4,"Author":"",
            "Email":"","Date":"","Message":"","Tags":[],"Fingerprint":"src/a.py:aws-access-token:3"}}]"#
        )
    };
    let dir = Dir::new();
    let key = ["--secret-key", "key"];
    dir.write("policy.yaml", NARROW).write("key", "0123456789abcdef0123456789abcdef");
    dir.write("other", "fedcba9876543210fedcba9876543210")
        .write("gitleaks.json", report("AKIAIOSFODNN7EXAMPLE"));
    let waiver = filled(&dir, &["--finding", "src/a.py:3", "--secret-key", "key", "gitleaks.json"]);
    assert!(!waiver.contains("AKIA"), "{waiver}");
    dir.write("waivers.yaml", &waiver);
    assert_eq!(json(&dir, &key).0, 0);
    assert_eq!(json(&dir, &[]).0, 1);
    assert_eq!(json(&dir, &["--secret-key", "other"]).0, 1);
    dir.write("gitleaks.json", report("AKIA2REALKEY9LEAKED1"));
    assert_eq!(json(&dir, &key).0, 1);
    // Without a key it is written, and says what it lacks.
    std::fs::remove_file(dir.path().join("waivers.yaml")).unwrap();
    let unbound = filled(&dir, &["--finding", "src/a.py:3", "gitleaks.json"]);
    assert!(unbound.contains("It covers nothing yet"), "{unbound}");
    dir.write("waivers.yaml", &unbound);
    for args in [&[][..], &key] {
        let (code, verdict) = json(&dir, args);
        let said = verdict["waivers"][0]["message"].as_str().unwrap_or_default();
        assert!(code == 1 && said.contains("--secret-key"), "{args:?} {verdict}");
    }
}

#[test]
fn a_waiver_of_a_package_covers_its_folder_and_version_and_no_other() {
    let report = |found: &[(&str, &str)]| {
        let results: Vec<String> = found
            .iter()
            .map(|(folder, version)| {
                format!(
                    r#"{{"Target":"{folder}/package-lock.json","Class":"lang-pkgs","Type":"npm","Vulnerabilities":[{{"VulnerabilityID":"CVE-2026-1",
                    "PkgName":"lodash","InstalledVersion":"{version}","FixedVersion":"5","Status":"fixed","Severity":"HIGH","Title":"t"}}]}}"#
                )
            })
            .collect();
        format!(
            r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{}]}}"#,
            results.join(",")
        )
    };
    let dir = Dir::new();
    dir.write("policy.yaml", NARROW).write("trivy.json", report(&[("docs", "4.1")]));
    let waiver = filled(&dir, &["--finding", "CVE-2026-1", "trivy.json"]);
    let narrow = "match: {ids: [\"CVE-2026-1\"], package: \"lodash\", version: \"4.1\", path: \"docs/package-lock.json\"}";
    assert!(
        waiver.contains(narrow) && waiver.contains("# docs/package-lock.json lodash 4.1 CVE-2026-1\n"),
        "{waiver}"
    );
    let wide = waiver.replace(narrow, "match: {ids: [CVE-2026-1], package: Lodash}");
    let two = wide.replace("matches: 1", "matches: 2");
    for (waivers, found, code) in [
        (&waiver, &[("docs", "4.1")][..], 0),
        (&waiver, &[("docs", "4.2")], 1),
        (&waiver, &[("docs", "4.1"), ("payments", "4.1")], 1),
        // In whatever spelling, and as wide as it was when it was written.
        (&wide, &[("docs", "4.1")], 0),
        (&wide, &[("docs", "4.1"), ("payments", "4.1")], 1),
        (&wide, &[("docs", "4.1"), ("docs", "4.2")], 1),
        (&two, &[("docs", "4.1"), ("payments", "4.1")], 0),
    ] {
        dir.write("waivers.yaml", waivers).write("trivy.json", report(found));
        assert_eq!(json(&dir, &[]).0, code, "{waivers} {found:?}");
    }
}

/// A report of one finding, in a format and of a kind.
struct OneFinding {
    format: &'static str,
    category: &'static str,
    /// The report, with `LINE`, `PATH` and `RULE`, or `PACKAGE`, `VERSION`, `PATH` and `RULE`, or `VALUE` in place of these.
    report: &'static str,
}

/// Reports that show no code, of packages and of secrets, written after the documentation of the tools.
const ONE_FINDING: [OneFinding; 13] = [
    OneFinding {
        format: "semgrep",
        category: "sast",
        report: r#"{"version":"1.1.0","errors":[],"paths":{"scanned":["PATH"]},"results":[{"check_id":"RULE","path":"PATH",
            "start":{"line":LINE},"end":{"line":LINE},"extra":{"severity":"ERROR","message":"eval","lines":"requires login","metadata":{}}}]}"#,
    },
    OneFinding {
        format: "sarif",
        category: "sast",
        report: r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"RULE","level":"error",
            "message":{"text":"eval"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"PATH"},"region":{"startLine":LINE}}}]}]}]}"#,
    },
    OneFinding {
        format: "sonarqube-issues",
        category: "sast",
        report: r#"{"total":1,"p":1,"ps":100,"paging":{"pageIndex":1,"pageSize":100,"total":1},"issues":[{"key":"k","rule":"RULE",
            "component":"shop:PATH","project":"shop","severity":"BLOCKER","type":"VULNERABILITY","status":"OPEN","line":LINE,"message":"eval"}]}"#,
    },
    OneFinding {
        format: "sonarqube-issues",
        category: "sast",
        report: r#"{"paging":{"pageIndex":1,"pageSize":100,"total":1},"hotspots":[{"key":"k","component":"shop:PATH","project":"shop",
            "securityCategory":"others","vulnerabilityProbability":"HIGH","status":"TO_REVIEW","line":LINE,"message":"eval","ruleKey":"RULE"}]}"#,
    },
    OneFinding {
        format: "gitlab-sast",
        category: "sast",
        report: r#"{"version":"15.0.7","scan":{"type":"sast","status":"success","start_time":"2026-05-31T10:00:00","end_time":"2026-05-31T10:00:01",
            "analyzer":{"id":"a","name":"a","version":"1","vendor":{"name":"v"}},"scanner":{"id":"s","name":"s","version":"1","vendor":{"name":"v"}}},
            "vulnerabilities":[{"id":"1","name":"eval","severity":"High","location":{"file":"PATH","start_line":LINE},
            "identifiers":[{"type":"s","name":"RULE","value":"RULE"}]}]}"#,
    },
    OneFinding {
        format: "bandit",
        category: "sast",
        report: r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"_totals":{"loc":1}},"results":[{"filename":"PATH","line_number":LINE,
            "line_range":[LINE],"test_id":"RULE","test_name":"eval","issue_text":"eval","issue_severity":"HIGH","issue_confidence":"HIGH"}]}"#,
    },
    OneFinding {
        format: "gosec",
        category: "sast",
        report: r#"{"Golang errors":{},"Issues":[{"severity":"HIGH","confidence":"HIGH","rule_id":"RULE","details":"eval","file":"PATH",
            "code":"","line":"LINE","column":"1"}],"Stats":{"files":1,"lines":9,"nosec":0,"found":1}}"#,
    },
    OneFinding {
        format: "tfsec",
        category: "misconfiguration",
        report: r#"{"results":[{"rule_id":"RULE","severity":"HIGH","rule_description":"eval","description":"eval","status":0,
            "location":{"filename":"PATH","start_line":LINE,"end_line":LINE}}]}"#,
    },
    OneFinding {
        format: "own",
        category: "sast",
        report: r#"{"tool":"own","items":[{"rule":"RULE","level":"high","title":"eval","file":"PATH","line":LINE}]}"#,
    },
    OneFinding {
        format: "trivy",
        category: "vulnerability",
        report: r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"PATH","Class":"lang-pkgs","Type":"pip",
            "Vulnerabilities":[{"VulnerabilityID":"RULE","PkgName":"PACKAGE","InstalledVersion":"VERSION","Severity":"HIGH","Title":"t"}]}]}"#,
    },
    OneFinding {
        format: "trivy",
        category: "vulnerability",
        report: r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"PATH","Class":"lang-pkgs","Type":"npm",
            "Vulnerabilities":[{"VulnerabilityID":"RULE","PkgName":"PACKAGE","InstalledVersion":"VERSION","Severity":"HIGH","Title":"t",
            "PkgIdentifier":{"PURL":"pkg:npm/PACKAGE@VERSION"}}]}]}"#,
    },
    OneFinding {
        format: "gitleaks",
        category: "secret",
        report: r#"[{"RuleID":"RULE","Description":"d","File":"PATH","StartLine":LINE,"EndLine":LINE,"Match":"K=VALUE","Secret":"VALUE"}]"#,
    },
    OneFinding {
        format: "generic-secrets",
        category: "secret",
        report: r#"{"findings":[{"rule":"RULE","file":"PATH","line":LINE,"secret":"VALUE"}]}"#,
    },
];

/// Where a generated problem is and what it is.
#[derive(Clone)]
struct GeneratedProblem {
    path: &'static str,
    rule: &'static str,
    package: &'static str,
    version: &'static str,
    value: &'static str,
    /// The line of code, and how many stand before it.
    code: &'static str,
    above: usize,
}

impl GeneratedProblem {
    /// Puts the problem into a project, and the report of it.
    fn write(&self, dir: &Dir, one: &OneFinding) {
        let report = one
            .report
            .replace("PATH", self.path)
            .replace("RULE", self.rule)
            .replace("PACKAGE", self.package)
            .replace("VERSION", self.version)
            .replace("VALUE", self.value)
            .replace("LINE", &(self.above + 1).to_string());
        dir.write("report.json", report);
        let code = if one.category == "secret" { format!("K={}", self.value) } else { self.code.to_owned() };
        dir.write(self.path, format!("{}{code}\n", "pass\n".repeat(self.above)));
    }
}

#[test]
fn a_new_waiver_covers_no_second_problem_whatever_the_tool() {
    let first = GeneratedProblem {
        path: "src/app.py",
        rule: "CVE-2026-0001",
        package: "left-pad",
        version: "1.0.0",
        value: "Zk3mQ9xT7vLp2RwB",
        code: "a = eval('1+1')",
        above: 0,
    };
    let moved = GeneratedProblem { above: 3, ..first.clone() };
    for one in &ONE_FINDING {
        let dir = Dir::new();
        let mapping = "mappings: {own: {category: sast, tool: own, findings: \"$.items[*]\", severity: {words: {high: high}}, fields: {rule_id: \
                       \"@.rule\", severity: \"@.level\", title: \"@.title\", path: \"@.file\", line: \"@.line\"}}}\n";
        let mapping = if one.format == "own" { mapping } else { "" };
        let (format, category) = (one.format, one.category);
        dir.write("key", "0123456789abcdef0123456789abcdef\n").write(
            "policy.yaml",
            format!(
                "version: 1\ngate: merge\n{mapping}evidence: {{scan: {{category: {category}, files: [report.json], format: {format}}}}}\n\
                 waivers: {{files: [waivers.yaml], max_duration: 90d}}\n\
                 rules: [{{id: any, findings: {{category: {category}}}, then: fail}}]\n"
            ),
        );
        first.write(&dir, one);
        let shown = json(&dir, &["--secret-key", "key"]);
        assert_eq!(shown.0, 1, "{format}: {}", shown.1);
        let fingerprint = shown.1["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
        let waiver = filled(&dir, &["--finding", &fingerprint, "--secret-key", "key", "report.json"]);
        dir.write("waivers.yaml", &waiver);
        for same in [&first, &moved] {
            same.write(&dir, one);
            let (code, verdict) = json(&dir, &["--secret-key", "key"]);
            assert_eq!(code, 0, "{format}: {waiver} {verdict}");
        }
        let package = category == "vulnerability";
        let seconds = [
            ("path", GeneratedProblem { path: "lib/app.py", ..first.clone() }),
            ("rule", GeneratedProblem { rule: "CVE-2026-0002", ..first.clone() }),
            ("package", GeneratedProblem { package: "right-pad", ..first.clone() }),
            ("version", GeneratedProblem { version: "1.0.1", ..first.clone() }),
            ("value", GeneratedProblem { value: "Yt8nW4cJ6hFd1SgK", ..first.clone() }),
            ("code", GeneratedProblem { code: "a = eval(request.args['q'])", ..first.clone() }),
            ("code", GeneratedProblem { code: "a = eval(request.args['q'])", ..moved.clone() }),
        ];
        for (what, second) in seconds {
            let tells = match what {
                "package" | "version" => package,
                "value" => category == "secret",
                "code" => !package && category != "secret",
                _ => true,
            };
            if !tells {
                continue;
            }
            second.write(&dir, one);
            for key in [&["--secret-key", "key"][..], &[]] {
                let (code, verdict) = json(&dir, key);
                assert_eq!(code, 1, "{format}: another {what} is covered by {waiver} {verdict}");
            }
        }
    }
}

/// Reports of a credential in code that is no finding of category secret, with `LINE`, and `VALUE` where the tool shows it.
const CREDENTIALS: [(&str, &str); 6] = [
    (
        "bandit",
        r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"_totals":{"loc":1}},"results":[{"filename":"src/app.py",
        "line_number":LINE,"line_range":[LINE],"test_id":"B105","test_name":"hardcoded_password_string","issue_severity":"HIGH",
        "issue_text":"Possible hardcoded password: 'VALUE'","issue_confidence":"MEDIUM","issue_cwe":{"id":259},
        "code":"LINE password = 'VALUE'\n"}]}"#,
    ),
    (
        "gosec",
        r#"{"Golang errors":{},"Issues":[{"severity":"HIGH","confidence":"LOW","rule_id":"G101","cwe":{"id":"798"},
        "details":"Potential hardcoded credentials","file":"src/app.py","code":"LINE: password = 'VALUE'\n","line":"LINE",
        "column":"1"}],"Stats":{"files":1,"lines":9,"nosec":0,"found":1}}"#,
    ),
    (
        "semgrep",
        r#"{"version":"1.1.0","errors":[],"paths":{"scanned":["src/app.py"]},"results":[{"check_id":"hardcoded-login-password",
        "path":"src/app.py","start":{"line":LINE},"end":{"line":LINE},"extra":{"severity":"ERROR","message":"hard-coded",
        "lines":"password = 'VALUE'","metadata":{"category":"security"}}}]}"#,
    ),
    (
        "sarif",
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"no-plain-passwords","level":"error",
        "message":{"text":"a password stands here"},"partialFingerprints":{"primaryLocationLineHash":"abc:1"},
        "locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/app.py"},"region":{"startLine":LINE}}}]}]}]}"#,
    ),
    (
        "sonarqube-issues",
        r#"{"total":1,"p":1,"ps":100,"paging":{"pageIndex":1,"pageSize":100,"total":1},"issues":[{"key":"k","rule":"python:S2068",
        "component":"shop:src/app.py","project":"shop","severity":"BLOCKER","type":"VULNERABILITY","status":"OPEN","line":LINE,
        "hash":"0123456789abcdef0123456789abcdef","message":"Review this potentially hard-coded credential."}]}"#,
    ),
    (
        "gitlab-sast",
        r#"{"version":"15.0.7","scan":{"type":"sast","status":"success","start_time":"2026-05-31T10:00:00","end_time":"2026-05-31T10:00:01",
        "analyzer":{"id":"a","name":"a","version":"1","vendor":{"name":"v"}},"scanner":{"id":"s","name":"s","version":"1","vendor":{"name":"v"}}},
        "vulnerabilities":[{"id":"1","name":"Hardcoded password","severity":"High","location":{"file":"src/app.py","start_line":LINE},
        "raw_source_code_extract":"password = 'VALUE'","identifiers":[{"type":"s","name":"R1","value":"R1"}]}]}"#,
    ),
];

#[test]
fn a_waiver_of_a_credential_of_another_category_covers_that_value_and_no_other() {
    let (value, another) = ("Zk3mQ9xT7vLp2RwB", "Yt8nW4cJ6hFd1SgK");
    let key = ["--secret-key", "key"];
    for (format, report) in CREDENTIALS {
        let dir = Dir::new();
        dir.write("key", "0123456789abcdef0123456789abcdef\n").write(
            "policy.yaml",
            format!(
                "version: 1\ngate: merge\nevidence: {{scan: {{category: sast, files: [report.json], format: {format}}}}}\n\
                 waivers: {{files: [waivers.yaml], max_duration: 90d}}\n\
                 rules: [{{id: any, findings: {{category: sast}}, then: fail}}]\n"
            ),
        );
        let put = |value: &str, line: u32| {
            let report = report.replace("LINE", &line.to_string()).replace("VALUE", value);
            let above = "pass\n".repeat(line as usize - 1);
            dir.write("report.json", report).write("src/app.py", format!("{above}password = '{value}'\n"));
        };
        put(value, 1);
        let (code, verdict) = json(&dir, &key);
        assert_eq!((code, &verdict["findings"][0]["category"]), (1, &"sast".into()), "{format}: {verdict}");
        let fingerprint = verdict["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
        let unbound = filled(&dir, &["--finding", &fingerprint, "report.json"]);
        assert!(
            unbound.contains("It covers nothing yet") && unbound.contains("--secret-key"),
            "{format}: {unbound}"
        );
        let bound = filled(&dir, &["--finding", &fingerprint, "--secret-key", "key", "report.json"]);
        let rest = |text: &str| text.split_once("content: \"").map(|(_, rest)| rest[..16].to_owned());
        assert!(rest(&bound).is_some() && rest(&unbound).is_none(), "{format}: {bound}");
        dir.write("waivers.yaml", &bound);
        put(value, 4);
        assert_eq!(json(&dir, &key).0, 0, "{format}: the same further down");
        assert_eq!(json(&dir, &[]).0, 1, "{format}: without the key");
        put(another, 1);
        assert_eq!(json(&dir, &key).0, 1, "{format}: another value");
        dir.write("waivers.yaml", &unbound);
        for args in [&[][..], &key] {
            assert_eq!(json(&dir, args).0, 1, "{format}: bound to nothing");
        }
        // What stands in the line is told by no digest without a key, also not in a baseline.
        let baseline = |name: &str, args: &[&str]| {
            let run = dir
                .run(&[&["baseline", "write", "--now", NOW, "--output", name, "report.json"], args].concat());
            assert_eq!(run.code, 0, "{format}: {run:?}");
            dir.read(name)
        };
        let (keyless, keyed) = (baseline("keyless.json", &[]), baseline("keyed.json", &key));
        assert!(keyed.contains("\"code\"") && !keyless.contains("\"code\""), "{format}: {keyless}\n{keyed}");
    }
}

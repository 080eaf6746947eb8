//! One change at a time, and whether it is called looser.

use super::{LoosenedClause, policies};
use crate::policy::{Policy, load};

const BEFORE: &str = "\
version: 1
gate: merge
severity: {unknown: high, map: [{tool: checkov, severity: unknown, as: medium}]}
base: {from: [baseline, diff], without: review}
parameters: {environment: {one_of: [staging, production], env: CI_ENVIRONMENT_NAME}}
evidence:
  sast: {category: sast, files: [semgrep.json], max_age: 24h, problems: {parse: review}}
  deps: {category: vulnerability, files: [trivy.json], nothing_scanned: fail}
  facts: {document: json, files: [facts.json]}
waivers: {files: [w.yaml], max_duration: 30d, not_author: true}
vex: {accept: [Acme], max_age: 60d}
people: {appsec: [\"@ann\", \"@bob\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}
rules:
  - {id: high, findings: {category: sast, severity: high, state: new, not: {scope: development, path: [a.py, b.py]}}, then: review, allow: 2}
  - {id: deps, findings: {category: vulnerability, severity: high, fix: [available, none]}, then: fail, waivable: false}
  - {id: prod, findings: {category: sast, path: [deploy/**]}, then: fail, when: {environment: production}}
  - {id: ready, document: {name: facts, require: {\"$.ready\": true, \"$.at\": {within: 30d}}, forbid: [\"$.bad[*]\"], at_least: {\"$.steps[*]\": 2}}, then: fail}
";

fn policy(text: &str) -> Policy {
    load("p.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}"))
}

/// Loosened clauses once `from` is written as `to`.
fn looser(from: &str, to: &str) -> Vec<LoosenedClause> {
    assert!(BEFORE.contains(from), "{from}");
    policies(&policy(BEFORE), &policy(&BEFORE.replace(from, to)))
}

#[track_caller]
fn is_looser(from: &str, to: &str, clause: &str) {
    let found = looser(from, to);
    assert!(found.iter().any(|l| l.clause == clause), "{from} → {to}: {found:?}");
    // The other way round it is stricter, unless both leave something out.
    let back = policies(&policy(&BEFORE.replace(from, to)), &policy(BEFORE));
    assert!(back.iter().all(|l| l.path != found[0].path), "{to} → {from}: {back:?}");
}

#[test]
fn what_lets_more_through_is_looser() {
    is_looser("gate: merge", "gate: merge\nenforcement: advisory", "`enforcement`");
    is_looser("unknown: high", "unknown: low", "`severity.unknown`");
    is_looser("without: review", "without: warn", "`base.without`");
    is_looser(
        "one_of: [staging, production]",
        "one_of: [staging, production, test]",
        "`parameters.environment.one_of`",
    );
    is_looser("max_age: 24h", "max_age: 2d", "evidence `sast`: `max_age`");
    is_looser("parse: review", "parse: warn", "evidence `sast`: `problems.parse`");
    is_looser("nothing_scanned: fail", "nothing_scanned: review", "evidence `deps`: `nothing_scanned`");
    is_looser("trivy.json], ", "trivy.json], required: false, ", "evidence `deps`: `required`");
    is_looser("max_duration: 30d", "max_duration: 31d", "`waivers.max_duration`");
    is_looser("not_author: true", "not_author: false", "`waivers.not_author`");
    is_looser("[w.yaml]", "[w.yaml, v.yaml]", "`waivers.files`");
    is_looser("[Acme]", "[Acme, Bcme]", "`vex.accept`");
    is_looser("max_age: 60d", "max_age: 61d", "`vex.max_age`");
    is_looser("\"@bob\"]", "\"@bob\", \"@eve\"]", "role `appsec`");
    is_looser("at_least: 1, not: [author]", "at_least: 1", "`reviewers.not`");
    is_looser("then: review", "then: warn", "rule `high`: `then`");
    is_looser("allow: 2", "allow: 3", "rule `high`: `allow`");
    is_looser("then: fail, waivable: false", "then: fail", "rule `deps`: `waivable`");
    is_looser(
        "severity: high, state: new",
        "severity: critical, state: new",
        "rule `high`: `findings.severity`",
    );
    is_looser(
        "severity: high, fix: [available, none]",
        "severity: high, fix: none",
        "rule `deps`: `findings.fix`",
    );
    is_looser("category: sast, severity", "category: sast, cwe: 79, severity", "rule `high`: `findings.cwe`");
    is_looser("path: [a.py, b.py]", "path: [a.py, b.py, c.py]", "rule `high`: `findings.not`");
    is_looser(
        "not: {scope: development, path: [a.py, b.py]}",
        "not: {path: [a.py, b.py]}",
        "rule `high`: `findings.not`",
    );
    is_looser("then: fail, when", "then: fail, from: 2030-01-01, when", "rule `prod`: `from`");
    is_looser(
        ", when: {environment: production}}",
        ", when: {environment: [production]}, allow: 1}",
        "rule `prod`: `allow`",
    );
    is_looser("{within: 30d}", "{within: 31d}", "rule `ready`: `document.require`");
    is_looser("\"$.ready\": true", "\"$.ready\": present", "rule `ready`: `document.require`");
    is_looser("\"$.steps[*]\": 2", "\"$.steps[*]\": 1", "rule `ready`: `document.at_least`");
}

#[test]
fn one_more_file_that_answers_for_somebody_is_looser() {
    let entry = "  facts: {document: json";
    for (more, adds) in [
        ("mine: {document: gitlab-approvals, files: [mine.json]}", false),
        ("mine: {document: gitlab-approval-state, files: [mine.json]}", false),
        ("mine: {document: gitlab-merge-request, files: [mine.json]}", false),
        ("mine: {document: gitlab-versions, files: [mine.json]}", false),
        ("mine: {document: gitlab-commits, files: [mine.json]}", false),
        ("mine: {document: gitlab-deployment, files: [mine.json]}", false),
        ("mine: {document: acceptance, files: [mine.json]}", false),
        ("mine: {feed: vex, files: [mine.json]}", false),
        ("mine: {feed: kev, files: [mine.json]}", true),
    ] {
        let found = looser(entry, &format!("  {more}\n{entry}"));
        let told: Vec<_> = found.iter().map(|l| (l.clause.as_str(), l.adds)).collect();
        assert_eq!(told, [("evidence `mine`", adds)], "{more}");
    }
    for more in ["mine: {category: sast, files: [mine.json]}", "mine: {document: json, files: [mine.json]}"] {
        assert!(looser(entry, &format!("  {more}\n{entry}")).is_empty(), "{more}");
    }
    // Where nobody can approve anything, nobody is taken for somebody.
    let nobody = BEFORE.replace("reviewers: {any_of", "#").replace("people:", "#");
    let more =
        nobody.replace(entry, &format!("  mine: {{document: gitlab-approvals, files: [m.json]}}\n{entry}"));
    assert!(policies(&policy(&nobody), &policy(&more)).is_empty());
    // Of an image, one more report can say what another does not.
    let image =
        BEFORE.replace("rules:\n", "rules:\n  - {id: young, image: {created_within: 7d}, then: fail}\n");
    let more =
        image.replace(entry, &format!("  mine: {{category: vulnerability, files: [m.json]}}\n{entry}"));
    let found = policies(&policy(&image), &policy(&more));
    let told: Vec<_> = found.iter().map(|l| (l.clause.as_str(), l.adds)).collect();
    assert_eq!(told, [("evidence `mine`", true)]);
}

#[test]
fn another_identity_is_looser_unless_it_is_within() {
    let with = |identity: &str, more: &str| {
        BEFORE.replace(
            "waivers:",
            &format!(
                "keys: {{ci: {{issuer: \"https://gitlab.com\", identity: \"{identity}\"{more}}}}}\nwaivers:"
            ),
        )
    };
    let main = "https://gitlab.com/g/p//.gitlab-ci.yml@refs/heads/main";
    let glob = "https://gitlab.com/g/*//.gitlab-ci.yml@refs/heads/main";
    let claim = ", claims: {runner_environment: gitlab-hosted}";
    for (before, after, looser) in [
        (with(main, ""), with(main, ""), false),
        (with(glob, ""), with(main, ""), false),
        (with(glob, ""), with(glob, claim), false),
        (with(main, ""), with(glob, ""), true),
        (with(glob, claim), with(glob, ""), true),
        (with(main, ""), with(main, ", trusted_root: github"), true),
        (with(main, ""), with(main, "").replace("https://gitlab.com\"", "https://gitlab.com/\""), true),
        (with(main, ""), with(main, ", user: dan"), true),
    ] {
        let found = policies(&policy(&before), &policy(&after));
        assert_eq!(!found.is_empty(), looser, "{before}\n{after}\n{found:?}");
        assert!(found.iter().all(|one| one.clause == "`keys.ci`"), "{found:?}");
    }
}

#[test]
fn a_database_may_be_older_only_in_a_looser_policy() {
    let told = |before: &str, after: &str| {
        let put = |trust: &str| BEFORE.replacen("waivers:", &format!("{trust}waivers:"), 1);
        policies(&policy(&put(before)), &policy(&put(after)))
    };
    let (two, three) = ("trust: {database_max_age: 2d}\n", "trust: {database_max_age: 72h}\n");
    for (before, after, looser) in
        [(two, two, false), (three, two, false), ("", two, false), (two, three, true), (two, "", true)]
    {
        let found = told(before, after);
        assert_eq!(!found.is_empty(), looser, "{before}{after}{found:?}");
        assert!(found.iter().all(|one| one.clause == "`trust.database_max_age`"), "{found:?}");
    }
}

#[test]
fn a_key_that_speaks_for_somebody_is_looser() {
    let digest = "0".repeat(64);
    let with = |user: &str| {
        let key = format!("keys: {{mine: {{file: mine.pub, sha256: \"{digest}\"{user}}}}}\nwaivers:");
        looser("waivers:", &key)
    };
    for user in [", user: ann", ", user: \"@BOB\""] {
        let found = with(user);
        assert!(found.len() == 1 && found[0].clause == "`keys.mine`" && !found[0].adds, "{user}: {found:?}");
    }
    for user in ["", ", user: carol"] {
        assert!(with(user).is_empty(), "{user}");
    }
}

#[test]
fn what_cannot_be_compared_is_looser_both_ways() {
    for (from, to) in [
        ("[semgrep.json]", "[semgrep.json, other.json]"),
        ("[semgrep.json]", "[other.json]"),
        ("from: [baseline, diff]", "from: [baseline]"),
        ("deploy/**", "deploy/*"),
        ("as: medium", "as: low"),
        ("files: [trivy.json]", "files: [trivy.json], format: trivy"),
        ("\"$.ready\": true", "\"$.ready\": false"),
    ] {
        assert!(!looser(from, to).is_empty(), "{from} → {to}");
        let back = policies(&policy(&BEFORE.replace(from, to)), &policy(BEFORE));
        assert!(!back.is_empty(), "{to} → {from}");
    }
}

#[test]
fn what_is_stricter_or_only_said_otherwise_is_not_looser() {
    for (from, to) in [
        ("max_age: 24h", "max_age: 12h, bound: required, receipt: required"),
        ("gate: merge", "gate: merge\ntitle: Another"),
        ("then: review, allow: 2", "then: fail, allow: 0, fix: Do it."),
        ("severity: high, state: new", "severity: low, state: [new, existing]"),
        ("path: [a.py, b.py]", "path: [a.py]"),
        (", when: {environment: production}", ""),
        ("at_least: 1, not: [author]", "at_least: 2, not: [author, committers]"),
        ("any_of: [\"role:appsec\"]", "any_of: [\"@Ann\"]"),
        ("[\"@ann\", \"@bob\"]", "[\"@ann\"]"),
        ("as: medium}", "as: medium}, {tool: kics, severity: low, as: high}"),
        ("{id: deps, findings", "{id: dependencies, findings"),
        ("  sast: {category", "  code: {category"),
        ("waivers: {files: [w.yaml], max_duration: 30d, not_author: true}\n", ""),
        ("rules:\n", "rules:\n  - {id: more, findings: {severity: low}, then: warn}\n"),
    ] {
        let found = looser(from, to);
        assert!(found.is_empty(), "{from} → {to}: {found:?}");
    }
}

#[test]
fn routine_edits_are_not_looser() {
    let high = "  - {id: high, findings: {category: sast, severity: high, state: new, not: {scope: development, path: [a.py, b.py]}}, then: review, allow: 2}\n";
    let row = |id: &str, severity: &str| high.replace("id: high", id).replace("severity: high", severity);
    let split = row("id: high", "severity: critical") + &row("id: high-too", "severity: [high, critical]");
    for (from, to) in [
        // What says nothing.
        (
            "category: vulnerability, severity: high,",
            "category: vulnerability, path: \"**\", severity: high,",
        ),
        ("severity: high, fix: [available, none]", "severity: high, state: [new, existing, newly_disclosed]"),
        (
            "severity: high, fix: [available, none]",
            "severity: high, fix: [none, available], scope: [production, development]",
        ),
        // Another spelling.
        ("path: [deploy/**]", "path: [\"./deploy/**\"]"),
        ("path: [a.py, b.py]", "path: \"{b,a}.py\""),
        ("files: [trivy.json]", "files: [\"./trivy.json\"]"),
        // Split by severity.
        (high, split.as_str()),
        // Another name of what rules look at.
        ("  facts: {document", "  told: {document"),
        // A developer.
        ("people: {appsec", "people: {developers: [{user: \"@carl\", emails: [carl@example.com]}], appsec"),
    ] {
        let to = if to.contains("told:") {
            BEFORE.replace(from, to).replace("name: facts", "name: told")
        } else {
            BEFORE.replace(from, to)
        };
        assert!(to != BEFORE, "{from}");
        let found = policies(&policy(BEFORE), &policy(&to));
        assert!(found.is_empty(), "{from} → {to}: {found:?}");
    }
    let check = "category: sast, path: [deploy/**]";
    let with = |text: &str| policy(&BEFORE.replace(check, text));
    for (was, is) in [
        ("category: sast, rule_id: KSV017", "category: sast, rule_id: [AVD-KSV-0017]"),
        ("category: sast, path: [\"src/{a,b}/**\"]", "category: sast, path: [\"src/b/**\", \"src/a/**\"]"),
        ("category: sast, evidence: sast", "category: sast, evidence: [sast]"),
        ("category: sast, cwe: [79, 89]", "category: sast"),
    ] {
        let found = policies(&with(was), &with(is));
        assert!(found.is_empty(), "{was} → {is}: {found:?}");
    }
    // Two rules for the values of a list; one that allows something adds up.
    let two = |allow: &str| {
        let row = "  - {id: prod, findings: {category: sast, cwe: [79, 89]}, then: fail}\n";
        let line = BEFORE.lines().find(|line| line.contains("id: prod")).unwrap();
        let was = BEFORE.replace(&format!("{line}\n"), row);
        let is = |id: &str, cwe: u32| {
            format!("  - {{id: {id}, findings: {{category: sast, cwe: {cwe}}}, then: fail{allow}}}\n")
        };
        policies(&policy(&was), &policy(&was.replace(row, &(is("prod", 79) + &is("prod-sql", 89)))))
    };
    assert!(two("").is_empty(), "{:?}", two(""));
    assert!(!two(", allow: 1").is_empty());
}

#[test]
fn what_only_looks_like_routine_is_looser() {
    for (from, to) in [
        // Inside `not` an attribute that is not known says something.
        ("not: {scope: development, path: [a.py, b.py]}", "not: {scope: development, path: \"**\"}"),
        // A rule that was there stands in for none.
        (
            "id: deps, findings: {category: vulnerability, severity: high,",
            "id: deps, findings: {category: vulnerability, severity: critical,",
        ),
        // Somebody who decides, an address that was somebody's, and a role that is asked.
        ("[\"@ann\", \"@bob\"]", "[{user: \"@ann\", emails: [ann@example.com]}, \"@bob\"]"),
        ("[\"@ann\", \"@bob\"]", "[\"@ann\", \"@bob\", \"@carl\"]"),
    ] {
        assert!(!looser(from, to).is_empty(), "{from} → {to}");
    }
    let dev = |user: &str| {
        let people = format!("people: {{developers: [{{user: \"{user}\", emails: [c@example.com]}}], appsec");
        policy(&BEFORE.replace("people: {appsec", &people))
    };
    assert!(!policies(&dev("@carl"), &dev("@dora")).is_empty(), "another one's address");
}

#[test]
fn what_is_gone_is_named_with_its_line() {
    let rule = BEFORE.lines().find(|line| line.contains("id: deps")).unwrap();
    let after = policy(&BEFORE.replace(&format!("{rule}\n"), ""));
    let found = policies(&policy(BEFORE), &after);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].clause.as_str(), found[0].after.as_str()), ("rule `deps`", "gone"));
    assert_eq!(found[0].before_at.as_ref().map(ToString::to_string).as_deref(), Some("p.yaml:16"));
}

#[test]
fn another_signer_of_evidence_is_looser() {
    let key = |name: &str| format!("{name}: {{file: {name}.pub, sha256: \"{}\"}}", "1".repeat(64));
    let policy = |signed_by: &str| {
        policy(&format!(
            "version: 1\ngate: g\nkeys: {{{}, {}}}\nevidence:\n  sast: {{category: sast, files: [a.json]}}\n  \
             vex: {{feed: vex, files: [v.json]{signed_by}}}\nvex: {{accept: [Acme]}}\n\
             rules: [{{id: r, findings: {{}}, then: fail}}]\n",
            key("ann"),
            key("bob")
        ))
    };
    let of = |before: &str, after: &str| policies(&policy(before), &policy(after)).len();
    let (none, one, two) = ("", ", signed_by: [ann]", ", signed_by: [ann, bob]");
    assert_eq!((of(one, none), of(one, two), of(two, none)), (1, 1, 1));
    assert_eq!((of(none, one), of(two, one), of(one, one)), (0, 0, 0));
}

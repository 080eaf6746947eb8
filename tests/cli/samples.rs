//! One decision of every kind, made by the binary: what every output format is looked at with.
//!
//! Reports come from `fixtures/`, where real scanners made them, or are written here after the scanners' documentation.

use serde_json::{Value, json};

use crate::common::{Dir, SAST_POLICY, semgrep};

/// A directory in which `check` with these arguments comes to a known verdict.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) verdict: &'static str,
    pub(crate) code: i32,
    pub(crate) dir: Dir,
    pub(crate) args: Vec<&'static str>,
}

/// What is put into every field of a report, a policy and a waiver that holds text.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script> \"><img src=https://evil.example/x onerror=alert(1)> ![x](https://evil.example/x.png) \
     [l](javascript:x) @all </details> ``` <!-- --> ]]> $x$ /approve\u{1b}[2J\u{202e} %0A::error::x";

const POLICY: &str = "\
version: 1
gate: merge
title: Merge-request gate
base: {from: [base-report, baseline], without: warn}
evidence:
  sast: {category: sast, files: [semgrep.json, bandit.json]}
  secrets: {category: secret, files: [secrets.json]}
  deps: {category: vulnerability, files: [trivy.json, grype.json]}
  approvals: {document: gitlab-approvals, files: [approvals.json], required: false}
waivers: {files: [waivers.yaml], max_duration: 90d}
people: {appsec: [\"@ann\", \"@bob\"], platform: [\"@pat\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}
rules:
  - id: no-secrets
    title: Secrets in the repository
    findings: {category: secret}
    then: fail
    waivable: false
    fix: Revoke the credential, then remove it from history.
  - id: sast-high
    title: New weaknesses of high severity
    findings: {category: sast, severity: high, state: new}
    then: fail
    fix: Correct the code; if the scanner is wrong, say so in a waiver.
  - id: sast-medium
    title: Somebody looks at new weaknesses of medium severity
    findings: {category: sast, severity: medium, state: new, not: {severity: high}}
    then: review
  - id: fixable
    title: No new vulnerability of high severity that has a fix
    findings: {category: vulnerability, severity: high, fix: available, state: new}
    then: fail
    fix: Take the fixed version.
  - id: no-fix
    title: Somebody answers for critical vulnerabilities without a fix
    findings: {category: vulnerability, severity: critical, fix: none, state: new}
    then: review
    reviewers: {any_of: [\"role:platform\", \"@ann\"], at_least: 1, not: [author]}
  - id: disclosed
    title: Vulnerabilities disclosed since the base
    findings: {category: vulnerability, state: newly_disclosed}
    then: warn
    fix: Update in a change of its own.
";

const CODEOWNERS: &str = "* @shop/everybody\n/shop/ @shop/backend @dora\n/static/ @shop/web\nrequirements.txt package-lock.json @shop/platform\n\
     /deploy/ @shop/platform\n";

/// Every sample.
pub(crate) fn all() -> Vec<Sample> {
    vec![
        pass(),
        fail(),
        review(),
        error(),
        undecided(),
        advisory(),
        waivers(),
        states(),
        suppressed(),
        loosened(),
        hostile(),
        wide(),
        many(),
    ]
}

fn sample(name: &'static str, verdict: &'static str, code: i32, dir: Dir) -> Sample {
    Sample { name, verdict, code, dir, args: vec!["--no-env", "--policy", "policy.yaml"] }
}

/// The policy, and clean reports for each of its entries.
fn ready() -> Dir {
    let dir = Dir::new();
    dir.write("policy.yaml", POLICY)
        .write("CODEOWNERS", CODEOWNERS)
        .write("semgrep.json", semgrep(&[]))
        .copy("detect-secrets/clean.json", "secrets.json")
        .write("trivy.json", trivy(&[]));
    dir
}

/// A Trivy report of findings given as id, package, installed version, severity and fixed version.
fn trivy(findings: &[(&str, &str, &str, &str, &str)]) -> String {
    let of = |(id, package, installed, severity, fixed): &(&str, &str, &str, &str, &str)| {
        json!({
            "VulnerabilityID": id, "PkgName": package, "InstalledVersion": installed, "FixedVersion": fixed,
            "Status": if fixed.is_empty() { "affected" } else { "fixed" }, "Severity": severity,
            "Title": format!("{package}: what {id} is about, in a sentence of some length"),
        })
    };
    let found: Vec<Value> = findings.iter().map(of).collect();
    json!({
        "SchemaVersion": 2, "ArtifactName": ".", "ArtifactType": "filesystem",
        "Results": [{"Target": "requirements.txt", "Class": "lang-pkgs", "Type": "pip",
            "Packages": [{"Name": "xz", "Version": "1.0"}, {"Name": "flask", "Version": "2.2.2"}, {"Name": "old", "Version": "1"}],
            "Vulnerabilities": found}],
    })
    .to_string()
}

/// A Semgrep report of findings given as rule, severity, path and line.
fn code(findings: &[(&str, &str, &str, u32)]) -> Value {
    let of = |(rule, severity, path, line): &(&str, &str, &str, u32)| {
        json!({
            "check_id": rule, "path": path, "start": {"line": line, "col": 1}, "end": {"line": line, "col": 9},
            "extra": {"message": format!("What {rule} is about and what to do instead, in a sentence or two."),
                "severity": severity, "metadata": {}, "lines": "requires login"},
        })
    };
    let found: Vec<Value> = findings.iter().map(of).collect();
    json!({"version": "1.182.0", "results": found, "errors": [], "paths": {"scanned": ["shop/web.py"]}})
}

/// Nothing was found.
pub(crate) fn clean() -> Sample {
    sample("clean", "pass", 0, ready())
}

/// A finding, and the same after lines and a finding were put before it.
pub(crate) fn moved() -> (Sample, Sample) {
    let of = |findings: &[(&str, &str, &str, u32)]| {
        let dir = ready();
        dir.write("semgrep.json", code(findings).to_string());
        sample("moved", "fail", 1, dir)
    };
    let after = [("shop.other", "ERROR", "shop/web.py", 3), ("shop.eval", "ERROR", "shop/web.py", 25)];
    (of(&[("shop.eval", "ERROR", "shop/web.py", 20)]), of(&after))
}

fn pass() -> Sample {
    let dir = ready();
    dir.write("semgrep.json", code(&[("shop.weak-hash", "INFO", "shop/web.py", 12)]).to_string());
    sample("pass", "pass", 0, dir)
}

/// What real scanners saw in the sample application; two tools saw some of it.
fn fail() -> Sample {
    let dir = ready();
    dir.copy("semgrep/app.json", "semgrep.json")
        .copy("bandit/app.json", "bandit.json")
        .copy("gate/secrets.json", "secrets.json")
        .copy("trivy/fs.json", "trivy.json")
        .copy("grype/directory.json", "grype.json");
    sample("fail", "fail", 1, dir)
}

/// Two rules that ask the same people, one that asks others, and an approval that does not count.
fn review() -> Sample {
    let dir = ready();
    let found = [
        ("shop.weak-random", "WARNING", "shop/web.py", 31),
        ("shop.open-redirect", "WARNING", "static/cart.js", 8),
    ];
    dir.write("semgrep.json", code(&found).to_string())
        .write("trivy.json", trivy(&[("CVE-2026-1000", "xz", "1.0", "CRITICAL", "")]))
        .copy("gitlab-api/approvals.json", "approvals.json");
    let more = "  - {id: redirects, title: Redirects are looked at, findings: {category: sast, rule_id: \"*redirect*\"}, then: review}\n";
    dir.write("policy.yaml", format!("{POLICY}{more}"));
    sample("review", "review", 10, dir)
}

/// A report that ends too early, beside findings that would only be a review.
fn error() -> Sample {
    let dir = ready();
    let whole = code(&[("shop.weak-random", "WARNING", "shop/web.py", 31)]).to_string();
    dir.write("semgrep.json", &whole[..whole.len() - 60])
        .write("trivy.json", trivy(&[("CVE-2026-1000", "xz", "1.0", "CRITICAL", "")]));
    sample("error", "error", 2, dir)
}

/// A policy that cannot be read.
fn undecided() -> Sample {
    let dir = ready();
    dir.write("policy.yaml", POLICY.replace("severity: medium, state", "severety: medium, state"));
    sample("undecided", "error", 2, dir)
}

fn advisory() -> Sample {
    let dir = ready();
    dir.write("policy.yaml", POLICY.replace("gate: merge", "gate: merge\nenforcement: advisory"))
        .write("semgrep.json", code(&[("shop.eval", "ERROR", "static/cart.js", 10)]).to_string());
    sample("advisory", "fail", 0, dir)
}

fn waiver(id: &str, cve: &str, rest: &str) -> String {
    format!(
        "  - id: {id}\n    rule: [merge/fixable, merge/no-fix]\n    match: {{ids: [{cve}]}}\n    \
         reason: The vulnerable function is not called, and the upgrade waits for the next release of the platform\n    \
         owner: \"@payments-lead\"\n    approved_by: \"@appsec-lead\"\n    compensating_controls: [WAF rule 1024]\n{rest}"
    )
}

/// A waiver in each state: one that hides, an emergency, one that has ended, one that starts to cover more, one that a
/// trigger ended, and one that has nothing to hide.
fn waivers() -> Sample {
    let dir = ready();
    let since = "    created: 2026-05-15\n    expires: 2026-06-30\n    review_trigger: [severity_raised]\n    \
                 seen: {severity: high, fix: available, matches: 1}\n";
    let emergency = "    kind: emergency\n    created: 2026-06-01T08:00:00Z\n    expires: 2026-06-03T08:00:00Z\n    \
                     review_trigger: [severity_raised]\n    seen: {severity: critical, matches: 1}\n";
    let text = [
        "version: 1\nwaivers:\n".to_owned(),
        waiver("W-2026-014", "CVE-2026-1", since),
        waiver("W-2026-015", "CVE-2026-2", emergency),
        waiver("W-2026-003", "CVE-2026-3", &since.replace("2026-06-30", "2026-05-31")),
        waiver("W-2026-004", "CVE-2026-4", since),
        waiver("W-2026-005", "CVE-2026-5", since),
        waiver("W-2026-006", "CVE-2026-6", since),
        waiver("W-2026-007", "CVE-2026-7", &since.replace("2026-06-30", "2026-06-10")),
    ]
    .concat();
    let found = [
        ("CVE-2026-1", "flask", "2.2.2", "HIGH", "2.2.5"),
        ("CVE-2026-2", "xz", "1.0", "CRITICAL", ""),
        ("CVE-2026-3", "flask", "2.2.2", "HIGH", "2.3.2"),
        ("CVE-2026-4", "old", "1", "HIGH", "2"),
        ("CVE-2026-4", "old-libs", "1", "HIGH", "2"),
        ("CVE-2026-5", "zlib", "1.2", "CRITICAL", "1.3"),
        ("CVE-2026-7", "lodash", "4.17.11", "HIGH", "4.17.21"),
    ];
    dir.write("waivers.yaml", text).write("trivy.json", trivy(&found));
    sample("waivers", "fail", 1, dir)
}

/// Compared with a base: existing, fixed, new and newly disclosed.
fn states() -> Sample {
    let dir = ready();
    let old = ("shop.eval", "ERROR", "static/cart.js", 10);
    let gone = ("shop.weak-hash", "ERROR", "shop/web.py", 12);
    dir.write(
        "semgrep.json",
        code(&[old, ("shop.sql-from-request", "ERROR", "shop/web.py", 25)]).to_string(),
    )
    .write("main/semgrep.json", code(&[old, gone]).to_string())
    .write(
        "trivy.json",
        trivy(&[("CVE-2026-8", "flask", "2.2.2", "HIGH", "2.2.5"), ("CVE-2026-9", "old", "1", "HIGH", "")]),
    )
    .write("main/trivy.json", trivy(&[("CVE-2026-9", "old", "1", "HIGH", "")]))
    .copy("detect-secrets/clean.json", "main/secrets.json");
    let mut sample = sample("states", "fail", 1, dir);
    sample.args.extend(["--base-report", "main"]);
    sample
}

/// Switched off by the scanner.
fn suppressed() -> Sample {
    let dir = ready();
    let mut report = code(&[
        ("shop.eval", "ERROR", "static/cart.js", 10),
        ("shop.weak-hash", "WARNING", "shop/web.py", 12),
    ]);
    report["results"][0]["extra"]["is_ignored"] = true.into();
    report["results"][1]["extra"]["is_ignored"] = true.into();
    dir.write("semgrep.json", report.to_string());
    sample("suppressed", "pass", 0, dir)
}

/// A change that loosens the gate which is to let it through.
fn loosened() -> Sample {
    let dir = ready();
    dir.write("main.yaml", POLICY).write(
        "policy.yaml",
        POLICY.replace(
            "severity: high, state: new}\n    then: fail",
            "severity: critical, state: new}\n    then: warn",
        ),
    );
    let mut sample = sample("loosened", "review", 10, dir);
    sample.args.extend(["--base-policy", "main.yaml"]);
    sample
}

/// A text that means something everywhere, in every field.
fn hostile() -> Sample {
    let dir = ready();
    // Policies and waivers with characters that nobody sees are refused.
    let visible: String = HOSTILE.chars().filter(|c| !c.is_control() && *c != '\u{202e}').collect();
    let quoted = serde_json::to_string(&visible).unwrap();
    let policy = POLICY
        .replace("title: Merge-request gate", &format!("title: {quoted}"))
        .replace("title: New weaknesses of high severity", &format!("title: {quoted}"))
        .replace("fix: Take the fixed version.", &format!("fix: {quoted}"));
    let mut report = code(&[("r", "ERROR", "p", 1), ("r", "ERROR", "p", 2)]);
    for (at, path) in ["check_id", "path"]
        .into_iter()
        .enumerate()
        .map(|(at, key)| (at % 2, key))
        .chain([(0, "path"), (1, "check_id")])
    {
        report["results"][at][path] = HOSTILE.into();
    }
    report["results"][0]["extra"]["message"] = HOSTILE.into();
    report["results"][1]["extra"]["message"] = HOSTILE.into();
    report["results"][1]["extra"]["is_ignored"] = true.into();
    report["version"] = HOSTILE.into();
    report["errors"] =
        json!([{"code": 3, "level": "warn", "type": HOSTILE, "message": HOSTILE, "path": HOSTILE}]);
    let waiver = waiver("W-1", "CVE-2026-1", "    created: 2026-05-15\n    expires: 2026-06-30\n    review_trigger: [severity_raised]\n    seen: {severity: high}\n")
        .replace("id: W-1", &format!("id: {quoted}"))
        .replace("\"@payments-lead\"", &quoted)
        .replace("[WAF rule 1024]", &format!("[{quoted}]"))
        .replace("reason: The", &format!("review_note: {quoted}\n    reason: {quoted} #"));
    let found = [
        (HOSTILE, HOSTILE, HOSTILE, "CRITICAL", HOSTILE),
        ("CVE-2026-1", "flask", HOSTILE, "HIGH", "1"),
        ("CVE-2026-2", HOSTILE, "1", "CRITICAL", ""),
    ];
    dir.write("policy.yaml", policy)
        .write("semgrep.json", report.to_string())
        .write("trivy.json", trivy(&found).replace("requirements.txt", &quoted[1..quoted.len() - 1]))
        .write("waivers.yaml", format!("version: 1\nwaivers:\n{waiver}"))
        .write("CODEOWNERS", format!("* {HOSTILE}\n"));
    sample("hostile", "fail", 1, dir)
}

/// Long paths, long words, and letters that take two columns of a terminal or none.
fn wide() -> Sample {
    let dir = ready();
    let long = "services/checkout/src/main/java/com/example/shop/checkout/payment/provider/internal/adapters/PaymentProviderConfigurationFactory.java";
    let found = [
        (
            "java.lang.security.audit.crypto.weak-hash-algorithm-in-a-configuration-factory",
            "ERROR",
            long,
            1187,
        ),
        ("shop.決済.平文パスワード", "ERROR", "サービス/決済/プロバイダ/内部/設定ファクトリー.py", 12),
        ("shop.emoji", "ERROR", "docs/👩‍👩‍👧‍👦/e\u{301}te\u{301}.py", 3),
    ];
    dir.write("semgrep.json", code(&found).to_string())
        .write("CODEOWNERS", "* @a-company-with-a-long-name/the-department/the-team-that-owns-it\n");
    sample("wide", "fail", 1, dir)
}

/// 5,000 findings, most of them of few kinds.
fn many() -> Sample {
    let dir = Dir::new();
    let severities: Vec<&str> = (0..5000).map(|at| if at % 10 == 0 { "ERROR" } else { "WARNING" }).collect();
    dir.write("policy.yaml", SAST_POLICY).write("semgrep.json", semgrep(&severities));
    sample("many", "fail", 1, dir)
}

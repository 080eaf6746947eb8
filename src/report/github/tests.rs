use crate::finding::{Category, Fix, Scope, Severity};
use crate::report::testing::{read_as, read_sound, read_text};

const DEPENDABOT: &str = r#"{"number":7,"state":"open","dependency":{"package":{"ecosystem":"npm","name":"lodash"},"manifest_path":"web/package-lock.json","scope":"development","relationship":"transitive"},
    "security_advisory":{"ghsa_id":"GHSA-jf85-cpcp-j695","cve_id":"CVE-2019-10744","summary":"Prototype pollution","severity":"critical","identifiers":[{"type":"CVE","value":"CVE-2019-10744"}],"cvss":{"score":9.1,"vector_string":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:H"},"cwes":[{"cwe_id":"CWE-1321"}],"published_at":"2019-07-10T19:45:23Z"},
    "security_vulnerability":{"severity":"critical","first_patched_version":{"identifier":"4.17.12"}}}"#;
const CODE: &str = r#"{"number":3,"state":"open","rule":{"id":"py/clear-text","severity":"error","security_severity_level":"high","description":"Clear text","tags":["security","external/cwe/cwe-312"]},
    "tool":{"name":"CodeQL","version":"2.16.2"},"most_recent_instance":{"state":"open","message":{"text":"Stored as clear text."},"location":{"path":"src/a.py","start_line":42,"end_line":43}}}"#;
const SECRET: &str = concat!(
    r#"{"number":2,"state":"open","secret_type":"github_personal_access_token","secret_type_display_name":"GitHub Personal Access Token","secret":"ghp_"#,
    r#"FAKEsecgateMARKER0a1b2c3d4e5f6g7h8i9","validity":"active","resolution":null}"#
);

#[test]
fn alerts_of_all_kinds() {
    let read = read_sound("github-dependabot", &format!("[{DEPENDABOT}]"));
    let finding = &read.findings[0];
    assert_eq!(
        (finding.severity, finding.fix, finding.scope),
        (Severity::Critical, Fix::Available, Some(Scope::Development))
    );
    assert_eq!((finding.direct, finding.path()), (Some(false), Some("web/package-lock.json")));
    assert_eq!((finding.ids.len(), finding.cwes.as_slice()), (2, &[1321][..]));
    assert!(finding.cvss.is_some() && finding.published.is_some());

    let read = read_sound("github-code-scanning", &format!("[{CODE}]"));
    let finding = &read.findings[0];
    assert_eq!(
        (finding.category, finding.severity, finding.tool.as_str()),
        (Category::Sast, Severity::High, "codeql")
    );
    assert_eq!((finding.cwes.as_slice(), finding.location.as_ref().unwrap().line), (&[312][..], Some(42)));

    let read = read_sound("github-secret-scanning", &format!("[{SECRET}]"));
    assert_eq!((read.findings[0].severity, read.findings[0].verified), (Severity::Critical, Some(true)));
    assert!(!format!("{:?}", read.findings).contains("MARKER0a1b2c3d4"));
}

#[test]
fn an_advisory_of_malware_is_malware() {
    for (word, malware) in [("malware", true), ("general", false)] {
        let alert =
            DEPENDABOT.replacen(r#""ghsa_id""#, &format!(r#""classification":"{word}","ghsa_id""#), 1);
        let read = read_sound("github-dependabot", &format!("[{alert}]"));
        assert_eq!(read.findings[0].is_malware(), malware, "{word}");
        let alert = format!(
            r#"{{"data":{{"repository":{{"vulnerabilityAlerts":{{"nodes":[{{"state":"OPEN","securityVulnerability":{{
            "severity":"LOW","package":{{"name":"a"}},"advisory":{{"ghsaId":"GHSA-1","classification":"{}"}}}}}}]}}}}}}}}"#,
            word.to_uppercase()
        );
        let read = read_sound("github-dependabot", &alert);
        assert_eq!(read.findings[0].is_malware(), malware, "{word}");
    }
}

#[test]
fn states_of_an_alert() {
    for (format, alert, state, all, active) in [
        ("github-dependabot", DEPENDABOT, "fixed", 0, 0),
        ("github-dependabot", DEPENDABOT, "auto_dismissed", 1, 0),
        ("github-code-scanning", CODE, "dismissed", 1, 0),
        ("github-secret-scanning", SECRET, "resolved", 1, 0),
        ("github-secret-scanning", SECRET, "odd", 1, 1),
    ] {
        let read = read_sound(format, &format!("[{}]", alert.replacen("open", state, 1)));
        assert_eq!((read.findings.len(), read.active().count()), (all, active), "{format} {state}");
    }
}

#[test]
fn answers_of_graphql() {
    let node = r#"{"id":"x","state":"OPEN","vulnerableManifestPath":"pom.xml","vulnerableRequirements":"= 5.3.29","dependencyScope":"RUNTIME","dismissedAt":null,
        "securityVulnerability":{"severity":"CRITICAL","package":{"name":"org.springframework:spring-web","ecosystem":"MAVEN"},"firstPatchedVersion":null,
        "advisory":{"summary":"Deserialization","identifiers":[{"value":"GHSA-4wrc-f8pq-fpqp","type":"GHSA"},{"value":"CVE-2016-1000027","type":"CVE"}],"cvss":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}}}"#;
    let text = format!(
        r#"{{"data":{{"repository":{{"vulnerabilityAlerts":{{"nodes":[{node}],"pageInfo":{{"hasNextPage":true}}}}}}}}}}"#
    );
    let read = read_sound("github-dependabot", &text);
    let finding = &read.findings[0];
    assert_eq!(
        (finding.severity, finding.fix, read.report.problems_total),
        (Severity::Critical, Fix::None, 1)
    );
    assert_eq!(finding.package.as_ref().unwrap().version.as_str(), "5.3.29");
    let search = format!(
        r#"{{"data":{{"search":{{"nodes":[{{"name":"shop","vulnerabilityAlerts":{{"nodes":[{node}]}}}}]}}}}}}"#
    );
    assert_eq!(read_sound("github-dependabot", &search).findings.len(), 1);
    assert!(read_text(r#"{"data":{"repository":{"name":"shop"}}}"#).error.is_some());
    assert!(read_text(r#"{"data":{"repository":null},"errors":[{"message":"x"}]}"#).error.is_some());
}

#[test]
fn a_full_page_may_be_one_of_more() {
    for (count, problems) in [(29, 0), (30, 1), (31, 0), (100, 1)] {
        let list = vec![CODE; count].join(",");
        assert_eq!(
            read_sound("github-code-scanning", &format!("[{list}]")).report.problems_total,
            problems,
            "{count}"
        );
    }
}

#[test]
fn what_is_no_alert_is_refused() {
    for format in ["github-dependabot", "github-code-scanning", "github-secret-scanning"] {
        assert!(read_as(format, "[]").error.is_none(), "{format}");
        for text in ["[{}]", "[1]", "{}", "null", r#"{"message":"Not Found","status":"404"}"#] {
            assert!(read_as(format, text).error.is_some(), "{format}: {text}");
        }
    }
}

//! Reports of well-known tools that no reader claims: recognised, so that the message can say what to do instead.

use super::json::JsonKind;
use super::opening::{Member, Opening};

/// A kind of file: what it looks like, and what to do.
pub(super) struct Unread {
    looks_like: fn(&Opening) -> bool,
    /// In words, after "it looks like".
    pub(super) words: &'static str,
}

/// The one among them that a file looks like.
pub(super) fn recognised(opening: &Opening) -> Option<&'static Unread> {
    UNREAD.iter().find(|unread| (unread.looks_like)(opening))
}

static UNREAD: &[Unread] = &[
    Unread {
        looks_like: |o| o.has("waivers") && o.has("version"),
        words: "a file of waivers, which this version does not read",
    },
    Unread {
        looks_like: |o| o.has("rules") && o.has("evidence"),
        words: "a policy, which this version does not read",
    },
    Unread { looks_like: is_xeol, words: "Xeol's list of what is at the end of its life, which is not read" },
    Unread {
        looks_like: |o| {
            o.get("results").is_some_and(|results| {
                results.lists_objects()
                    && ["vulnerabilityDistribution", "vulnerabilitiesDistribution", "complianceDistribution"]
                        .iter()
                        .any(|key| results.has(key))
            })
        },
        words: "a scan of Prisma Cloud's twistcli, which is not read; of images, Trivy and Grype are",
    },
    Unread {
        looks_like: |o| listed(o, "Findings").is_some_and(is_asff) || is_asff(&o.top),
        words: "AWS Security Hub's finding format (ASFF), which is not read; save the scanner's own report or SARIF",
    },
    Unread {
        looks_like: |o| o.top.has("stringsFound"),
        words: "Rusty Hog's JSON, which is not read; gitleaks and TruffleHog are",
    },
    Unread {
        looks_like: |o| {
            let advisory = o.get("children").is_some_and(|c| c.has("Issue") && c.has("Severity"));
            o.has("value") && advisory || kind_is(o, &["auditAdvisory", "auditSummary"]) && o.has("data")
        },
        words: "the JSON lines of yarn's audit, which are not read; scan yarn.lock with osv-scanner, Trivy or Grype",
    },
    Unread {
        looks_like: |o| {
            o.has("vulnerabilities") && ["dependencyCount", "packageManager"].iter().all(|key| o.has(key))
        },
        words: "Snyk's own JSON, which is not read; write SARIF: `snyk test --sarif-file-output=FILE`",
    },
    Unread {
        looks_like: |o| o.has("reportSchema") && o.has("scanInfo"),
        words: "Dependency-Check's own JSON, which is not read; write SARIF: `--format SARIF`",
    },
    Unread {
        looks_like: |o| o.has("scan_info") && o.has("warnings"),
        words: "Brakeman's own JSON, which is not read; write SARIF: `brakeman -f sarif`",
    },
    Unread {
        looks_like: |o| listed(o, "dependencies").is_some_and(|d| d.has("vulns") || d.has("skip_reason")),
        words: "pip-audit's own JSON, which is not read; write CycloneDX: `pip-audit -f cyclonedx-json`",
    },
    Unread {
        looks_like: |o| o.has("lockfile") && o.has("database") && o.has("vulnerabilities"),
        words: "cargo-audit's own JSON, which is not read; write SARIF: `cargo audit --format sarif`",
    },
    Unread {
        looks_like: |o| {
            o.get("config").is_some_and(|c| c.has("protocol_version") && c.has("scanner_name"))
                || o.has("osv") && o.top.members.len() == 1
        },
        words: "govulncheck's own JSON, which is not read; write SARIF: `govulncheck -format sarif`",
    },
    Unread {
        looks_like: |o| first(o).is_some_and(|f| f.has("filePath") && f.has("messages")),
        words: "ESLint's own JSON, which is not read; write SARIF with @microsoft/eslint-formatter-sarif",
    },
    Unread {
        looks_like: |o| {
            first(o).is_some_and(|f| ["code", "column", "file", "level", "line"].iter().all(|key| f.has(key)))
        },
        words: "Hadolint's or ShellCheck's own JSON, which is not read; write SARIF: `hadolint -f sarif`",
    },
    Unread {
        looks_like: |o| o.top.has("template-id") && o.top.has("info"),
        words: "Nuclei's JSON, which is not read; write SARIF: `nuclei -sarif-export FILE`",
    },
    Unread {
        looks_like: |o| o.get("results").is_some_and(|r| r.has("violations") && r.has("scan_summary")),
        words: "Terrascan's own JSON, which is not read; write SARIF: `terrascan scan -o sarif`",
    },
    Unread {
        looks_like: |o| root(o, "BugCollection"),
        words: "SpotBugs's XML, which is not read; write SARIF: `-sarif`",
    },
    Unread {
        looks_like: |o| root(o, "OWASPZAPReport"),
        words: "ZAP's XML, which is not read; write its JSON (template traditional-json)",
    },
    Unread { looks_like: |o| root(o, "issues"), words: "Burp's XML, which is not read" },
    Unread { looks_like: |o| root(o, "NessusClientData_v2"), words: "a Nessus scan, which is not read" },
    Unread {
        looks_like: |o| root(o, "checkstyle") || root(o, "pmd"),
        words: "Checkstyle's or PMD's XML, which is not read; write SARIF",
    },
    Unread {
        looks_like: |o| {
            ["test-run", "test-results", "TestRun", "assemblies"].iter().any(|name| root(o, name))
        },
        words: "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`",
    },
];

/// Xeol took Grype's shape, with a product's cycle in place of a vulnerability.
pub(super) fn is_xeol(opening: &Opening) -> bool {
    let name = opening.get("descriptor").and_then(|d| d.get("name")).and_then(|name| name.text.as_deref());
    name.is_some_and(|name| name.eq_ignore_ascii_case("xeol"))
        || listed(opening, "matches").is_some_and(|first| first.has("cycle") || first.has("Cycle"))
}

/// A finding of Security Hub.
pub(super) fn is_asff(member: &Member) -> bool {
    member.has("AwsAccountId") || member.has("ProductArn")
}

fn listed<'o>(opening: &'o Opening, key: &str) -> Option<&'o Member> {
    opening.get(key).filter(|list| list.lists_objects())
}

fn first(opening: &Opening) -> Option<&Member> {
    opening.first_element()
}

fn root(opening: &Opening, name: &str) -> bool {
    opening.root.as_deref() == Some(name)
}

fn kind_is(opening: &Opening, words: &[&str]) -> bool {
    let word = opening.get("type").filter(|word| word.kind == Some(JsonKind::String));
    word.and_then(|word| word.text.as_deref()).is_some_and(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn well_known_reports_that_are_not_read_are_named() {
        for (text, name, not) in [
            (
                r#"{"matches":[{"cycle":{"ProductName":"Python"},"artifact":{"name":"python"}}],"descriptor":{"name":"xeol"}}"#,
                "Xeol",
                "grype",
            ),
            (
                r#"{"matches":[],"source":{"type":"image"},"descriptor":{"name":"xeol","version":"1"}}"#,
                "Xeol",
                "grype",
            ),
            (
                r#"{"results":[{"id":"sha256:a","packages":[{"name":"z"}],"vulnerabilities":[],"vulnerabilityDistribution":{}}],"consoleURL":"x"}"#,
                "twistcli",
                "osv-scanner",
            ),
            (
                r#"{"Findings":[{"SchemaVersion":"2018-10-08","AwsAccountId":"1","Vulnerabilities":[{"Id":"CVE-1"}]}]}"#,
                "ASFF",
                "trivy",
            ),
            (
                r#"[{"SchemaVersion":"2018-10-08","ProductArn":"a","Vulnerabilities":[{"Id":"CVE-1"}],"Resources":[{"Type":"x"}]}]"#,
                "ASFF",
                "trivy",
            ),
            (
                r#"{"SchemaVersion":"2018-10-08","ProductArn":"a","Vulnerabilities":[{"Id":"CVE-1"}],"Resources":[{"Type":"x"}]}"#,
                "ASFF",
                "trivy",
            ),
            (
                r#"[{"stringsFound":["hunter2"],"path":"a","reason":"Key","linenum":7,"diff":"","commitHash":"1"}]"#,
                "Rusty Hog",
                "trufflehog-v2",
            ),
            (
                "{\"value\":\"qs\",\"children\":{\"ID\":1,\"Issue\":\"x\",\"Severity\":\"high\"}}\n{\"value\":\"b\",\"children\":{}}\n",
                "yarn",
                "npm-audit",
            ),
            ("{\"type\":\"auditSummary\",\"data\":{\"vulnerabilities\":{}}}\n", "yarn", "npm-audit"),
            (
                r#"{"vulnerabilities":[],"ok":true,"dependencyCount":4,"packageManager":"npm"}"#,
                "Snyk",
                "npm-audit",
            ),
            ("<BugCollection version='4'/>", "SpotBugs", "junit"),
        ] {
            for read in [read_text(text), read_as(not, text)] {
                let error = read.error.unwrap_or_else(|| panic!("{text}")).to_string();
                assert!(error.contains(name) && !error.contains("hunter2"), "{text}: {error}");
                assert!(read.findings.is_empty());
            }
        }
    }
}

//! Reports of well-known tools that no reader claims: recognised, so that the message can say what to do instead.

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
    Unread {
        looks_like: |o| o.top.has("stringsFound"),
        words: "Rusty Hog's JSON, which is not read; gitleaks and TruffleHog are",
    },
    Unread {
        looks_like: |o| o.has("scan_info") && o.has("warnings"),
        words: "Brakeman's own JSON, which is not read; write SARIF: `brakeman -f sarif`",
    },
    Unread {
        looks_like: |o| o.has("lockfile") && o.has("database") && o.has("vulnerabilities"),
        words: "cargo-audit's own JSON, which is not read; write SARIF: `cargo audit --format sarif`",
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
    Unread { looks_like: |o| root(o, "issues"), words: "Burp's XML, which is not read" },
    Unread { looks_like: |o| root(o, "NessusClientData_v2"), words: "a Nessus scan, which is not read" },
    Unread { looks_like: |o| root(o, "pmd"), words: "PMD's XML, which is not read; write SARIF" },
    Unread {
        looks_like: |o| {
            ["test-run", "test-results", "TestRun", "assemblies"].iter().any(|name| root(o, name))
        },
        words: "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`",
    },
];

fn first(opening: &Opening) -> Option<&Member> {
    opening.first_element()
}

fn root(opening: &Opening, name: &str) -> bool {
    opening.root.as_deref() == Some(name)
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn well_known_reports_that_are_not_read_are_named() {
        for (text, name, not) in [
            (
                r#"[{"stringsFound":["hunter2"],"path":"a","reason":"Key","linenum":7,"diff":"","commitHash":"1"}]"#,
                "Rusty Hog",
                "trufflehog-v2",
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

//! Kind of problem: by the tool, by its rules, by what the policy expects of the file.

use crate::finding::Category;

/// A tool whose results are of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToolDriver {
    /// Its name in policies and outputs.
    pub(super) tool: &'static str,
    /// Category of its results.
    pub(super) category: Category,
    /// Its rules say it better.
    pub(super) mixed: bool,
    /// Meaning of its levels.
    pub(super) levels: DriverLevels,
}

/// Statements of the levels of a driver about severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DriverLevels {
    /// They differ from rule to rule.
    Told,
    /// All are the same, whatever was found: they say nothing.
    Constant,
    /// A secret scanner: where it states none, what it found is critical, as in its own format.
    OfSecrets,
}

impl DriverLevels {
    fn of(tool: &str, category: Category) -> Self {
        match (tool, category) {
            // Checkov writes `error` for every check, OSV-Scanner `warning` for every advisory.
            ("checkov" | "osv-scanner", _) => Self::Constant,
            (_, Category::Secret) => Self::OfSecrets,
            _ => Self::Told,
        }
    }
}

/// Letters and digits that a tool's name begins with, its name, and what its results are. The first that fits counts.
const DRIVERS: &[(&str, &str, Category)] = &[
    ("semgrep", "semgrep", Category::Sast),
    ("opengrep", "opengrep", Category::Sast),
    ("codeql", "codeql", Category::Sast),
    ("gosec", "gosec", Category::Sast),
    ("bandit", "bandit", Category::Sast),
    ("spotbugs", "spotbugs", Category::Sast),
    ("findsecbugs", "spotbugs", Category::Sast),
    ("brakeman", "brakeman", Category::Sast),
    ("flawfinder", "flawfinder", Category::Sast),
    ("mobsfscan", "mobsfscan", Category::Sast),
    ("njsscan", "njsscan", Category::Sast),
    ("securitycodescan", "security-code-scan", Category::Sast),
    ("devskim", "devskim", Category::Sast),
    ("horusec", "horusec", Category::Sast),
    ("bearer", "bearer", Category::Sast),
    ("snykcode", "snyk-code", Category::Sast),
    ("trivy", "trivy", Category::Vulnerability),
    ("grype", "grype", Category::Vulnerability),
    ("anchorecontainervulnerabilityreport", "grype", Category::Vulnerability),
    ("dependencycheck", "dependency-check", Category::Vulnerability),
    ("osvscanner", "osv-scanner", Category::Vulnerability),
    ("dockerscout", "docker-scout", Category::Vulnerability),
    ("checkmarxone", "checkmarx-one", Category::Sast),
    ("snykopensource", "snyk-open-source", Category::Vulnerability),
    ("snykcontainer", "snyk-container", Category::Vulnerability),
    ("govulncheck", "govulncheck", Category::Vulnerability),
    ("pipaudit", "pip-audit", Category::Vulnerability),
    ("npmaudit", "npm-audit", Category::Vulnerability),
    ("clair", "clair", Category::Vulnerability),
    ("gitleaks", "gitleaks", Category::Secret),
    ("betterleaks", "betterleaks", Category::Secret),
    ("trufflehog", "trufflehog", Category::Secret),
    ("detectsecrets", "detect-secrets", Category::Secret),
    ("ggshield", "ggshield", Category::Secret),
    ("gitguardian", "ggshield", Category::Secret),
    ("noseyparker", "noseyparker", Category::Secret),
    ("kingfisher", "kingfisher", Category::Secret),
    ("talisman", "talisman", Category::Secret),
    ("secretlint", "secretlint", Category::Secret),
    ("ripsecrets", "ripsecrets", Category::Secret),
    ("scorecard", "scorecard", Category::Misconfiguration),
    ("poutine", "poutine", Category::Misconfiguration),
    ("cargoaudit", "cargo-audit", Category::Vulnerability),
    ("cargodeny", "cargo-deny", Category::Vulnerability),
    ("checkov", "checkov", Category::Misconfiguration),
    ("kics", "kics", Category::Misconfiguration),
    ("tfsec", "tfsec", Category::Misconfiguration),
    ("terrascan", "terrascan", Category::Misconfiguration),
    ("tflint", "tflint", Category::Misconfiguration),
    ("hadolint", "hadolint", Category::Misconfiguration),
    ("dockle", "dockle", Category::Misconfiguration),
    ("kubelinter", "kube-linter", Category::Misconfiguration),
    ("kubescape", "kubescape", Category::Misconfiguration),
    ("cfnlint", "cfn-lint", Category::Misconfiguration),
    ("zizmor", "zizmor", Category::Misconfiguration),
    ("snykiac", "snyk-iac", Category::Misconfiguration),
    ("spectral", "spectral", Category::Contract),
    ("zaproxy", "zap", Category::Dast),
    ("zedattackproxy", "zap", Category::Dast),
    ("nuclei", "nuclei", Category::Dast),
];

impl ToolDriver {
    /// The tool of that name, if it is a known one.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let letters: String =
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let letters = letters.strip_prefix("owasp").unwrap_or(&letters);
        if letters == "zap" {
            let (tool, category) = ("zap", Category::Dast);
            return Some(Self { tool, category, mixed: false, levels: DriverLevels::Told });
        }
        let known = DRIVERS.iter().find(|(start, ..)| letters.starts_with(start));
        let (tool, category) = match known {
            Some((_, tool, category)) => (*tool, *category),
            None if letters.starts_with("jfrog") => ("jfrog", of_jfrog(letters)),
            None => return None,
        };
        let levels = DriverLevels::of(tool, category);
        Some(Self { tool, category, mixed: matches!(tool, "trivy" | "checkmarx-one"), levels })
    }
}

/// `JFrog` writes one run a scanner, named for what it looks for.
fn of_jfrog(letters: &str) -> Category {
    let has = |words: &[&str]| words.iter().any(|word| letters.contains(word));
    if has(&["secret"]) {
        Category::Secret
    } else if has(&["iac", "infrastructure", "terraform"]) {
        Category::Misconfiguration
    } else if has(&["sast", "static"]) {
        Category::Sast
    } else {
        // Xray, SCA, Applicability.
        Category::Vulnerability
    }
}

/// Category that the name of an unknown tool suggests.
pub(super) fn named_for(name: &str) -> Option<Category> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words = words.flat_map(|word| std::iter::once(word).chain(humps(word)));
    words.find_map(|word| match word.to_ascii_lowercase().as_str() {
        "secret" | "secrets" | "credential" | "credentials" => Some(Category::Secret),
        "iac" => Some(Category::Misconfiguration),
        "sca" => Some(Category::Vulnerability),
        _ => None,
    })
}

/// Words of a name in camel case: `AcmeSecrets`, `SCAScanner`.
fn humps(name: &str) -> impl Iterator<Item = &str> {
    let bytes = name.as_bytes();
    let upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    let lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
    let begins = move |at: usize| upper(at) && (!upper(at - 1) || lower(at + 1));
    let mut start = 0;
    (1..=bytes.len()).filter_map(move |at| {
        if at < bytes.len() && !begins(at) {
            return None;
        }
        let word = name.get(start..at);
        start = at;
        word
    })
}

/// Category that a rule's tag gives to its results.
pub(super) fn of_tag(tag: &str) -> Option<Category> {
    let tag = tag.trim().to_ascii_lowercase();
    Some(match tag.as_str() {
        "secret"
        | "secrets"
        | "credential"
        | "credentials"
        | "secret-detection"
        | "sscs-secret-detection" => Category::Secret,
        "misconfiguration" | "iac" | "infrastructure-as-code" | "kics" | "sscs-scorecard" => {
            Category::Misconfiguration
        }
        "license" | "licence" | "license-compliance" => Category::License,
        "sca" | "cve" | "containers" | "dependency" | "dependencies" | "vulnerable-dependency" => {
            Category::Vulnerability
        }
        "dast" => Category::Dast,
        "sast" => Category::Sast,
        _ => return None,
    })
}

/// CWE numbers of credentials in code: of an unknown tool, results with one of them are secrets.
pub(super) fn names_credentials(cwes: &[u32]) -> bool {
    cwes.iter().any(|cwe| matches!(cwe, 259 | 321 | 798))
}

/// Ids of advisories in a text such as `BDSA-2020-1 (CVE-2020-11022)` or `CVE-2020-1-libssl`.
pub(super) fn advisories(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        let mut parts =
            word.split('-').skip_while(|p| !p.eq_ignore_ascii_case("CVE") && !p.eq_ignore_ascii_case("GHSA"));
        let digits = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
        let group = |p: &&str| p.len() == 4 && p.bytes().all(|b| b.is_ascii_alphanumeric());
        let id = match parts.next() {
            Some(kind) if kind.eq_ignore_ascii_case("CVE") => {
                let (year, number) = (parts.next().filter(digits), parts.next().filter(digits));
                year.zip(number).map(|(year, number)| format!("CVE-{year}-{number}"))
            }
            Some(_) => {
                let groups: Vec<&str> = parts.take(3).filter(group).collect();
                (groups.len() == 3).then(|| format!("GHSA-{}", groups.join("-").to_ascii_lowercase()))
            }
            None => None,
        };
        ids.extend(id.filter(|id| !ids.contains(id)));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_by_their_names() {
        for (name, tool) in [
            ("Semgrep OSS", Some("semgrep")),
            ("CodeQL", Some("codeql")),
            ("OWASP dependency-check", Some("dependency-check")),
            ("dependency-check", Some("dependency-check")),
            ("Snyk Open Source", Some("snyk-open-source")),
            ("ZAP", Some("zap")),
            ("OWASP ZAP", Some("zap")),
            ("Zapier", None),
            ("CodeScanner", None),
            ("", None),
        ] {
            assert_eq!(ToolDriver::by_name(name).map(|d| d.tool), tool, "{name}");
        }
    }

    #[test]
    fn names_of_unknown_tools_in_words_and_camel_case() {
        for (name, category) in [
            ("AcmeSecrets", Some(Category::Secret)),
            ("SecretScanner", Some(Category::Secret)),
            ("acme-secrets", Some(Category::Secret)),
            ("SCAScanner", Some(Category::Vulnerability)),
            ("AcmeIaC 2", None),
            ("IaC", Some(Category::Misconfiguration)),
            ("Secretary", None),
            ("", None),
        ] {
            assert_eq!(named_for(name), category, "{name}");
        }
    }

    #[test]
    fn advisories_in_rule_ids() {
        assert_eq!(advisories("BDSA-2020-1001 (CVE-2020-11022)"), ["CVE-2020-11022"]);
        assert_eq!(advisories("CVE-2021-1234-libcrypto1.1"), ["CVE-2021-1234"]);
        assert_eq!(advisories("GHSA-AB12-cd34-EF56"), ["GHSA-ab12-cd34-ef56"]);
        assert!(advisories("CVE-x py/sql-injection").is_empty());
    }
}

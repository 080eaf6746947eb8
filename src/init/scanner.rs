//! How the common scanners are started, for `run:` of a policy and for jobs of GitLab.

use super::Survey;

/// A scanner's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanner {
    /// Program and words, with `{report}` and `{changed}`.
    pub(super) argv: Vec<String>,
    /// A container image that holds it.
    pub(super) image: &'static str,
}

/// The command that makes a report of a format; `None` where it needs what only the team knows.
pub(super) fn of(format: &str, image_report: bool, survey: &Survey) -> Option<Scanner> {
    let rules = survey.semgrep_rules.as_deref().unwrap_or("p/default");
    let (image, words): (&str, Vec<&str>) = match format {
        // With --metrics off nothing is sent; rules that begin with p/ are fetched from semgrep.dev.
        "semgrep" => (
            "semgrep/semgrep",
            vec![
                "semgrep",
                "scan",
                "--config",
                rules,
                "--metrics",
                "off",
                "--json",
                "--output",
                "{report}",
                "--quiet",
                "{changed}",
            ],
        ),
        "bandit" => ("", vec!["bandit", "-r", "-q", "-f", "json", "-o", "{report}", "."]),
        "gosec" => ("securego/gosec", vec!["gosec", "-quiet", "-fmt", "json", "-out", "{report}", "./..."]),
        "gitleaks" => (
            "zricethezav/gitleaks",
            vec![
                "gitleaks",
                "dir",
                "--no-banner",
                "--report-format",
                "json",
                "--report-path",
                "{report}",
                ".",
            ],
        ),
        "detect-secrets" => ("", vec!["detect-secrets", "scan", "{changed}"]),
        "trivy-config" => (
            "aquasec/trivy",
            vec!["trivy", "config", "--quiet", "--format", "json", "--output", "{report}", "."],
        ),
        "trivy" if !image_report => (
            "aquasec/trivy",
            vec![
                "trivy",
                "fs",
                "--quiet",
                "--scanners",
                "vuln",
                "--format",
                "json",
                "--output",
                "{report}",
                ".",
            ],
        ),
        "grype" if !image_report => {
            ("anchore/grype", vec!["grype", "dir:.", "--quiet", "--output", "json", "--file", "{report}"])
        }
        "osv-scanner" => (
            "ghcr.io/google/osv-scanner",
            vec![
                "osv-scanner",
                "scan",
                "source",
                "--format",
                "json",
                "--output",
                "{report}",
                "--recursive",
                ".",
            ],
        ),
        "npm-audit" => ("node", vec!["npm", "audit", "--json"]),
        "checkov" => {
            ("bridgecrew/checkov", vec!["checkov", "--directory", ".", "--quiet", "--output", "json"])
        }
        "spectral" => return Some(spectral(survey)),
        _ => return None,
    };
    Some(Scanner { argv: words.into_iter().map(str::to_owned).collect(), image })
}

/// Spectral needs to be told what it lints.
fn spectral(survey: &Survey) -> Scanner {
    let words = ["spectral", "lint", "--quiet", "--format", "json", "--output", "{report}"];
    let mut argv: Vec<String> = words.map(str::to_owned).to_vec();
    argv.extend(survey.openapi.iter().cloned());
    Scanner { argv, image: "stoplight/spectral" }
}

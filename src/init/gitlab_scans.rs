//! GitLab's own scans, by the templates and components that a pipeline includes.
//!
//! Source of the names: GitLab's `lib/gitlab/ci/templates/Jobs/*.gitlab-ci.yml` and the components of
//! gitlab.com/components. The jobs keep their report as `artifacts:reports` alone, which no later job gets, so that their
//! `artifacts:paths` have to be written out.

/// One kind of scan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GitlabScan {
    /// The evidence that it is for.
    pub(super) kind: &'static str,
    /// Format id of its report.
    pub(super) format: &'static str,
    /// Names of templates, as they stand in `Jobs/NAME.gitlab-ci.yml` or `Security/NAME.gitlab-ci.yml`.
    templates: &'static [&'static str],
    /// Names of components, as they stand in `…/NAME@VERSION`.
    components: &'static [&'static str],
    /// The report, as the gate gets it.
    pub(super) report: &'static str,
    /// Jobs that run, of which some are left out where nothing is there for them.
    pub(super) jobs: &'static [&'static str],
    /// Jobs whose `artifacts` have to be completed: one that the others extend, or each.
    pub(super) completed: &'static [&'static str],
    /// Under which name the analyzer writes the report, where that is another.
    pub(super) written_as: Option<&'static str>,
}

/// The scans that are known. Of the analyzers of dependencies each lists its SBOMs under `paths`, and would lose the report
/// that a job above it adds.
pub(super) const GITLAB_SCANS: &[GitlabScan] = &[
    GitlabScan {
        kind: "sast",
        format: "gitlab-sast",
        templates: &["SAST"],
        components: &["sast"],
        report: "gl-sast-report.json",
        jobs: &[
            "semgrep-sast",
            "gitlab-advanced-sast",
            "brakeman-sast",
            "flawfinder-sast",
            "kubesec-sast",
            "nodejs-scan-sast",
            "phpcs-security-audit-sast",
            "pmd-apex-sast",
            "security-code-scan-sast",
            "sobelow-sast",
            "spotbugs-sast",
        ],
        completed: &["semgrep-sast"],
        written_as: None,
    },
    GitlabScan {
        kind: "secrets",
        format: "gitlab-secret-detection",
        templates: &["Secret-Detection"],
        components: &["secret-detection"],
        report: "gl-secret-detection-report.json",
        jobs: &["secret_detection"],
        completed: &["secret_detection"],
        written_as: None,
    },
    GitlabScan {
        kind: "deps",
        format: "gitlab-dependency-scanning",
        templates: &["Dependency-Scanning"],
        components: &["dependency-scanning"],
        report: "gl-dependency-scanning-report.json",
        jobs: GEMNASIUM,
        completed: GEMNASIUM,
        written_as: None,
    },
    GitlabScan {
        kind: "deps",
        format: "gitlab-dependency-scanning",
        templates: &["Dependency-Scanning.v2"],
        components: &[],
        report: "gl-dependency-scanning-report.json",
        jobs: &["dependency-scanning"],
        completed: &["dependency-scanning"],
        written_as: None,
    },
    GitlabScan {
        kind: "image",
        format: "gitlab-container-scanning",
        templates: &["Container-Scanning"],
        components: &["container-scanning"],
        report: "gl-container-scanning-report.json",
        jobs: &["container_scanning"],
        completed: &["container_scanning"],
        written_as: None,
    },
    // Its report has the name of that of SAST, and in one folder one would replace the other.
    GitlabScan {
        kind: "iac",
        format: "gitlab-sast",
        templates: &["SAST-IaC"],
        components: &["iac-sast"],
        report: "gl-iac-sast-report.json",
        jobs: &["kics-iac-sast"],
        completed: &["kics-iac-sast"],
        written_as: Some("gl-sast-report.json"),
    },
    GitlabScan {
        kind: "dast",
        format: "gitlab-dast",
        templates: &["DAST"],
        components: &["dast"],
        report: "gl-dast-report.json",
        jobs: &["dast"],
        completed: &["dast"],
        written_as: None,
    },
];

/// The analyzers of dependencies.
const GEMNASIUM: &[&str] = &[
    "gemnasium-dependency_scanning",
    "gemnasium-maven-dependency_scanning",
    "gemnasium-python-dependency_scanning",
];

/// The scans that one line of an `include` brings.
pub(super) fn included(line: &str) -> Vec<&'static GitlabScan> {
    let words = line.split(|c: char| c.is_whitespace() || "\"',{}[]".contains(c));
    let mut found: Vec<&GitlabScan> = Vec::new();
    for word in words {
        let last = word.rsplit('/').next().unwrap_or_default();
        let template = last.strip_suffix(".gitlab-ci.yml").map(|name| name.trim_end_matches(".latest"));
        let component = last.split_once('@').map(|(name, _)| name).filter(|_| word.contains('/'));
        let everything = template == Some("Auto-DevOps");
        let brings = |scan: &&GitlabScan| {
            everything && !scan.templates.contains(&"Dependency-Scanning.v2")
                || template.is_some_and(|name| scan.templates.contains(&name))
                || component.is_some_and(|name| scan.components.contains(&name))
        };
        found.extend(GITLAB_SCANS.iter().filter(brings));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_components_by_the_ways_they_are_written() {
        let kinds = |line: &str| included(line).into_iter().map(|scan| scan.kind).collect::<Vec<_>>();
        for (line, expected) in [
            ("  - template: Jobs/SAST.gitlab-ci.yml", &["sast"][..]),
            ("  - template: Security/SAST.gitlab-ci.yml", &["sast"]),
            ("  - template: Jobs/SAST.latest.gitlab-ci.yml", &["sast"]),
            ("include: {template: Jobs/SAST-IaC.gitlab-ci.yml}", &["iac"]),
            ("  - {template: 'Jobs/Secret-Detection.gitlab-ci.yml'}", &["secrets"]),
            ("  - template: Jobs/Dependency-Scanning.v2.gitlab-ci.yml", &["deps"]),
            ("  - component: $CI_SERVER_FQDN/components/sast/sast@2.1.0", &["sast"]),
            ("  - component: gitlab.com/components/sast/iac-sast@~latest", &["iac"]),
            ("  - component: $CI_SERVER_FQDN/components/secret-detection/secret-detection@1", &["secrets"]),
            ("  - template: Auto-DevOps.gitlab-ci.yml", &["sast", "secrets", "deps", "image", "iac", "dast"]),
            ("  - template: Jobs/Code-Quality.gitlab-ci.yml", &[]),
            ("  - local: ci/sast.yml", &[]),
        ] {
            assert_eq!(kinds(line), expected, "{line}");
        }
    }
}

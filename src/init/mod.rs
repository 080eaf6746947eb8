//! INIT: a first policy, GitLab jobs and a hook for a repository, written once and then owned by whoever keeps it.

mod gitlab_scans;
mod job;
pub mod pipeline;
mod scanner;
pub mod script;
pub mod survey;
mod write;

pub use job::{IMAGE_VARIABLE, JobPlan, holds_program, include, job_plan, jobs, later_include, later_jobs};
pub use survey::{Survey, survey_repository};
pub use write::{Draft, of_script, of_survey};

/// The git hook.
pub const HOOK: &str = include_str!("../../ci/hooks/pre-push");
/// The GitLab component of a gate.
pub const GATE: &str = include_str!("../../ci/gitlab/templates/gate.yml");
/// The GitLab component of the production gate.
pub const PRODUCTION: &str = include_str!("../../ci/gitlab/templates/production.yml");
/// Where the component goes.
pub const COMPONENT: &str = ".secgate/gate.yml";
/// Rules for Spectral, which does nothing without.
pub const SPECTRAL_RULES: &str = "# What Spectral looks at: its rules for OpenAPI. More: https://docs.stoplight.io/docs/spectral\nextends: [\"spectral:oas\"]\n";
/// Where they go.
pub const SPECTRAL_RULES_FILE: &str = ".spectral.yaml";
/// The role of those who approve a review.
pub const REVIEWING_ROLE: &str = "appsec";
/// Where the policy goes.
pub const POLICY: &str = ".secgate/merge.yaml";
/// Where the jobs go.
pub const JOBS: &str = ".secgate/gitlab-ci.yml";

/// Where the lines of a script go that became no rule.
pub const NOT_CONVERTED_FILE: &str = ".secgate/not-converted.json";

/// Text as YAML: as it is where that is safe, else in quotes.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'+');
    let safe = text.as_bytes().first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'.' | b'/'))
        && text.bytes().all(plain)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        )
        || (text.len() > 1
            && text.starts_with('-')
            && text.bytes().all(plain)
            && text.bytes().any(|b| b.is_ascii_alphabetic()));
    if safe {
        return text.to_owned();
    }
    double_quoted(text)
}

/// Text as YAML in double quotes.
fn double_quoted(text: &str) -> String {
    let text = crate::finding::clean_line(text);
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A YAML list on one line.
fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_read_otherwise_stands_in_quotes() {
        for (text, yaml) in [
            ("semgrep.json", "semgrep.json"),
            ("--config", "--config"),
            ("{report}", "\"{report}\""),
            ("a \"b\" \\", "\"a \\\"b\\\" \\\\\""),
            ("no", "\"no\""),
            ("0", "\"0\""),
            ("-", "\"-\""),
            ("-1", "\"-1\""),
            ("", "\"\""),
            ("./...", "./..."),
        ] {
            assert_eq!(quoted(text), yaml);
        }
        assert_eq!(list(&["a".to_owned(), "*".to_owned()]), "[a, \"*\"]");
    }
}

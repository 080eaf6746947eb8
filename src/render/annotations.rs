//! Links on GitLab's job page: `artifacts:reports:annotations`, a section with `external_link`s.
//!
//! GitLab shows every link that it is given, so only addresses that are plainly http(s) and lead to the instance of the
//! pipeline become one. All of them are made of `CI_PIPELINE_URL`; without it there is no link.

use std::io::{self, Write};

use serde::Serialize;

use super::text::{place, summary, what};
use super::{Look, OutputFormat, uri};
use crate::decide::{Decision, Outcome};
use crate::finding::clean_line;

/// Annotations.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "annotations", title: "links on GitLab's job page", lines: false, write };

/// Findings that have a link; the page is a sidebar.
const LISTED: usize = 10;

#[derive(Serialize)]
struct AnnotationsFile {
    secgate: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    external_link: External,
}

#[derive(Serialize)]
struct External {
    label: String,
    url: String,
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let page = AnnotationsFile { secgate: links(decision).unwrap_or_default() };
    serde_json::to_writer(&mut *out, &page)?;
    out.write_all(b"\n")
}

fn links(decision: &Decision) -> Option<Vec<Link>> {
    let pipeline = decision.context.pipeline_url.as_deref().filter(|url| is_safe(url))?;
    let entry = |label: &str, url: String| Link {
        external_link: External { label: clean_line(label).into_owned(), url },
    };
    let advisory = if decision.enforced { "" } else { " (advisory)" };
    let verdict = decision.verdict.as_str().to_uppercase();
    let label = format!("{} gate: {verdict}{advisory}, {}", decision.gate, summary(decision));
    let (project, number) = pipeline.rsplit_once("/-/pipelines/").unwrap_or((pipeline, ""));
    let known = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let job = decision.context.env.get("CI_JOB_ID");
    let job = job.filter(|id| known && !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
    let mut links = vec![match job {
        Some(id) => entry(&label, format!("{project}/-/jobs/{id}/artifacts/browse")),
        None => entry(&label, pipeline.to_owned()),
    }];
    // GitLab shows links and nothing else, so that it leads to where the verdict is.
    for line in &decision.emergencies {
        links.push(entry(line, pipeline.to_owned()));
    }
    if known {
        links.push(entry("Rules as tests", format!("{pipeline}/test_report")));
    }
    if let Some(commit) = decision.context.commit.as_deref().filter(|_| known) {
        let stops = |at: usize| {
            decision.rules.iter().any(|r| r.outcome >= Outcome::Review && r.problems.contains(&at))
        };
        let leads = decision.findings.iter().enumerate().filter(|(at, _)| stops(*at));
        let found = leads.filter_map(|(_, problem)| {
            let finding = &problem.lead()?.finding;
            let location = finding.location.as_ref().filter(|l| l.project_path().is_some())?;
            let line = location.line.map(|line| format!("#L{line}")).unwrap_or_default();
            let url = format!("{project}/-/blob/{commit}/{}{line}", uri(location.path.as_str()));
            Some(entry(&format!("{} {}: {}", finding.severity, place(finding), what(finding)), url))
        });
        links.extend(found.take(LISTED));
    }
    Some(links)
}

/// An address that is http(s), names a host and no user, and holds nothing that ends it early.
fn is_safe(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:%".contains(&b);
    let host_like = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    url.len() <= 2000 && !host.is_empty() && host.bytes().all(host_like) && url.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_become_links() {
        for url in ["https://gitlab.example.com/a/b/-/pipelines/1", "http://localhost:8080/a%20b"] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "",
            "https://",
            "javascript:alert(1)",
            "https://user@host/",
            "https://host@evil/",
            "https://host/?q=1",
            "https://host/#x",
            "https://host/a b",
            "https://host/\"onmouseover=",
            "https://hóst/",
            "ftp://host/",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }
}

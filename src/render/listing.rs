//! Findings alone, as `secgate findings` lists them: the normaliser's outputs.

use std::io::{self, Write};

use serde::Serialize;

use super::Look;
use super::text::{fit, place};
use crate::decide::{Evidence, Status};
use crate::finding::{Finding, View, log_line};

/// Reports that were read, in output order.
pub struct ListedFindings<'l> {
    /// The reports.
    pub evidence: &'l [Evidence],
    /// Findings with the index of their report, suppressed ones too.
    pub findings: &'l [(Finding, usize)],
}

impl<'l> ListedFindings<'l> {
    /// The findings that count.
    fn active(&self) -> impl Iterator<Item = &'l (Finding, usize)> + use<'l> {
        self.findings.iter().filter(|(finding, _)| !finding.suppressed)
    }
}

/// An output format of a list of findings.
#[derive(Debug)]
pub struct ListingFormat {
    /// Its id in `--format`.
    pub id: &'static str,
    /// Its purpose.
    pub title: &'static str,
    /// Writes the list.
    pub write: fn(&ListedFindings<'_>, Look, &mut dyn Write) -> io::Result<()>,
}

/// Every format of a list, in the order of listings.
pub static LISTINGS: &[ListingFormat] = &[
    ListingFormat { id: "table", title: "one line per finding, for people", write: table },
    ListingFormat { id: "ndjson", title: "a JSON object a line", write: ndjson },
    ListingFormat { id: "json", title: "one object, schema secgate/findings/v1", write: json },
    super::sarif::LISTING,
];

/// The frozen shape of a list; keys are written in this order.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct ListingObject<'l> {
    /// `secgate/findings/v1`.
    schema: &'static str,
    /// The reports that were read.
    evidence: &'l [Evidence],
    /// Every active finding.
    findings: Vec<View<'l>>,
}

/// The schema of [`ListingObject`].
pub(super) const SCHEMA: &str = "secgate/findings/v1";

fn json(listed: &ListedFindings<'_>, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let findings = listed.active().map(|(finding, evidence)| View::of_finding(finding, *evidence)).collect();
    let all = ListingObject { schema: SCHEMA, evidence: listed.evidence, findings };
    serde_json::to_writer(&mut *out, &all)?;
    out.write_all(b"\n")
}

fn ndjson(listed: &ListedFindings<'_>, _: Look, out: &mut dyn Write) -> io::Result<()> {
    for (finding, evidence) in listed.active() {
        serde_json::to_writer(&mut *out, &View::of_finding(finding, *evidence))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn table(listed: &ListedFindings<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for (finding, _) in listed.active() {
        let line = format!(
            "{:<8}  {:<16}  {}  {}  {}",
            finding.severity,
            finding.category,
            place(finding),
            finding.rule_id,
            finding.title
        );
        writeln!(out, "{}", log_line(&fit(&line, look.width)))?;
    }
    for evidence in listed.evidence {
        let path = evidence.path.as_ref().map_or("-", |p| p.as_str());
        let format = evidence.format.as_deref().unwrap_or("unknown format");
        let n = evidence.findings.total;
        let suppressed = match evidence.findings.suppressed {
            0 => String::new(),
            n => format!(", {n} suppressed"),
        };
        let copy =
            evidence.copy_of.as_ref().map(|other| format!(", the same file as {other}")).unwrap_or_default();
        match evidence.status {
            Status::Complete => writeln!(out, "{path}: {format}, {n} findings{suppressed}{copy}")?,
            status => writeln!(
                out,
                "{path}: {format}, {n} findings{suppressed}{copy}, {}: {}",
                status.as_str(),
                evidence.message
            )?,
        }
    }
    Ok(())
}

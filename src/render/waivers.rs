//! Waivers with what is to be said of each: `secgate waiver lint` and `secgate waiver list`.

use std::fmt::Write as _;

use serde::Serialize;

use super::text::{place, what};
use crate::decide::WaiverStatus;
use crate::diagnostic::DiagnosticCode;
use crate::finding::{Finding, Fingerprint, Severity, clean, plural};

/// Findings that are listed under a waiver; the rest is counted.
const LISTED: usize = 5;

/// The schema of [`WaiverReview`].
pub const SCHEMA: &str = "secgate/waivers/v1";

/// Waivers as they were looked at; its keys are the schema `secgate/waivers/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct WaiverReview {
    /// The schema's name.
    pub schema: &'static str,
    /// The gate of the policy.
    pub gate: String,
    /// Where the policy came from.
    pub policy: String,
    /// The clock, RFC 3339.
    pub evaluated_at: String,
    /// The waiver files.
    pub files: Vec<ReviewedWaiverFile>,
    /// The reports that were read; `None` if there was none.
    pub reports: Option<Vec<String>>,
    /// Why the reports that are there were not read.
    pub not_read: Option<String>,
    /// The waivers of the gate, sorted by id.
    pub waivers: Vec<ReviewedWaiver>,
}

/// A waiver file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ReviewedWaiverFile {
    /// Its path.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// How many waivers of the gate it holds.
    pub waivers: usize,
}

/// A waiver, and what is to be said of it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ReviewedWaiver {
    /// Its id.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// Its line there.
    pub line: u64,
    /// Who answers for it.
    pub owner: String,
    /// Who allowed it.
    pub approved_by: String,
    /// Its rules, GATE/RULE.
    pub rule: Vec<String>,
    /// Its last day, or the time at which it ends.
    pub expires: String,
    /// Days until it ends, begun ones counted; 0 once it has.
    pub days_left: i64,
    /// `emergency`, or null.
    pub kind: Option<&'static str>,
    /// Whether it covers; null without reports.
    pub status: Option<WaiverStatus>,
    /// Its matches as they are counted; null without reports.
    pub matches: Option<u64>,
    /// How many it may have.
    pub max_matches: u64,
    /// Findings that it hides from its rules today; null without reports.
    pub hides: Option<u64>,
    /// The findings of its rules that it speaks of, as far as details were kept.
    pub findings: Vec<WaivedFinding>,
    /// Remarks.
    pub remarks: Vec<Remark>,
}

/// A finding that a waiver speaks of.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct WaivedFinding {
    fingerprint: Fingerprint,
    severity: Severity,
    rule_id: String,
    #[serde(skip)]
    line: String,
}

impl WaivedFinding {
    /// A finding as it is shown.
    pub fn from_finding(finding: &Finding) -> Self {
        Self {
            fingerprint: finding.fingerprint,
            severity: finding.severity,
            rule_id: finding.rule_id.to_string(),
            line: format!("{:<8} {}  {} [{}]", finding.severity, place(finding), what(finding), finding.tool),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RemarkKind {
    /// It was never meant so.
    Error,
    /// Its owner has to look after it.
    Warning,
    /// Good to know.
    Note,
}

/// One thing that is to be said of a waiver.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Remark {
    /// Its stable name.
    pub id: &'static str,
    /// How bad it is.
    pub kind: RemarkKind,
    /// The remark, on one line.
    pub message: String,
    /// Its code, one of [`REMARKS`].
    pub code: String,
}

/// The codes of remarks on waivers: `waiver-` and the remark's name, with hyphens.
pub const REMARKS: &[DiagnosticCode] = &[
    DiagnosticCode::new("waiver-never-covers", "A waiver can cover nothing, whatever the reports say."),
    DiagnosticCode::new("waiver-true-at-creation", "A trigger held already when the waiver was written."),
    DiagnosticCode::new("waiver-expired", "The last day of a waiver is over."),
    DiagnosticCode::new("waiver-ends-soon", "A waiver ends within 14 days."),
    DiagnosticCode::new("waiver-emergency", "An emergency waiver holds."),
    DiagnosticCode::new("waiver-unused", "A waiver matches nothing."),
    DiagnosticCode::new(
        "waiver-use-unknown",
        "Evidence is missing that would tell whether a waiver is used.",
    ),
    DiagnosticCode::new("waiver-triggered", "A trigger ended a waiver, or cannot be evaluated."),
    DiagnosticCode::new("waiver-over-matching", "A waiver matches more than it may."),
    DiagnosticCode::new("waiver-refused", "The policy lets a waiver cover nothing."),
];

impl Remark {
    fn new(id: &'static str, kind: RemarkKind, message: String) -> Self {
        Self { id, kind, message, code: format!("waiver-{}", id.replace('_', "-")) }
    }

    /// Something that was never meant so.
    pub fn error(id: &'static str, message: String) -> Self {
        Self::new(id, RemarkKind::Error, message)
    }

    /// Something that its owner has to look after.
    pub fn warning(id: &'static str, message: String) -> Self {
        Self::new(id, RemarkKind::Warning, message)
    }

    /// Something good to know.
    pub fn note(id: &'static str, message: String) -> Self {
        Self::new(id, RemarkKind::Note, message)
    }
}

/// The remarks, a line each, and what the waivers hide together.
pub fn lint(looked: &WaiverReview) -> String {
    let mut text = String::new();
    for told in &looked.waivers {
        for remark in &told.remarks {
            let kind = match remark.kind {
                RemarkKind::Error => "error: ",
                RemarkKind::Warning => "",
                RemarkKind::Note => "note: ",
            };
            let place = format!("{}:{}: waiver `{}` of {}", told.file, told.line, told.id, told.owner);
            let _ = writeln!(text, "{}: {kind}{}", clean(&place), clean(&remark.message));
        }
        if !told.remarks.is_empty() {
            hides(told, &mut text);
        }
    }
    for file in &looked.files {
        let _ = writeln!(
            text,
            "{}: {} of gate {} under {}, sha256:{}",
            file.path,
            plural(file.waivers as u64, "waiver"),
            looked.gate,
            looked.policy,
            file.sha256
        );
    }
    if looked.files.is_empty() {
        let _ = writeln!(text, "{}: none of the waiver files that it names is there", looked.policy);
    }
    render_remarks(looked, &mut text);
    text
}

/// A line a waiver.
pub fn list(looked: &WaiverReview) -> String {
    let mut text = String::new();
    for told in &looked.waivers {
        let state = match (told.days_left, told.status) {
            (0, _) | (_, Some(WaiverStatus::Expired)) => "expired",
            (_, Some(WaiverStatus::Triggered)) => "triggered",
            (_, Some(WaiverStatus::OverMatching)) => "over-matching",
            (_, Some(WaiverStatus::Refused)) => "refused",
            (_, Some(WaiverStatus::Active | WaiverStatus::Unused) | None) if told.kind.is_some() => {
                "EMERGENCY"
            }
            (_, Some(WaiverStatus::Unused)) if !told.remarks.iter().any(|r| r.id == "use_unknown") => {
                "unused"
            }
            (1..=14, _) => "ends soon",
            _ => "valid",
        };
        let hides =
            told.hides.map_or_else(String::new, |hides| format!("hides {}  ", plural(hides, "finding")));
        let line = format!(
            "{state:<9}  {}  {}  approved by {}  until {}  {}  {hides}({}:{})",
            told.id,
            told.owner,
            told.approved_by,
            told.expires,
            told.rule.join(", "),
            told.file,
            told.line
        );
        let _ = writeln!(text, "{}", clean(&line));
    }
    if looked.waivers.is_empty() {
        let _ = writeln!(text, "no waivers for gate {}", looked.gate);
    }
    render_remarks(looked, &mut text);
    text
}

/// Findings that a waiver hides today, or would.
fn hides(told: &ReviewedWaiver, text: &mut String) {
    let Some(hides) = told.hides else { return };
    let matches = told.findings.len() as u64;
    let _ = match (hides, matches) {
        (0, 0) => writeln!(text, "  hides nothing today"),
        (0, n) => writeln!(text, "  hides nothing today; these count again, {}:", plural(n, "finding")),
        (n, _) => writeln!(text, "  hides {} today:", plural(n, "finding")),
    };
    for shown in told.findings.iter().take(LISTED) {
        let _ = writeln!(text, "    {}", clean(&shown.line));
    }
    match hides.max(matches).saturating_sub(told.findings.len().min(LISTED) as u64) {
        0 => {}
        more => {
            let _ = writeln!(text, "    … and {more} more");
        }
    }
}

/// Which reports it was looked at with.
fn render_remarks(looked: &WaiverReview, text: &mut String) {
    if looked.waivers.is_empty() {
        return;
    }
    if let Some(reports) = &looked.reports {
        let hidden: u64 = looked.waivers.iter().filter_map(|told| told.hides).sum();
        let _ = writeln!(
            text,
            "with {}: {} {}",
            clean(&reports.join(", ")),
            match looked.waivers.len() {
                1 => "1 waiver hides".to_owned(),
                n => format!("{n} waivers hide"),
            },
            plural(hidden, "finding")
        );
        return;
    }
    let why = looked.not_read.as_ref().map_or_else(
        || "no report was given, and none that the policy names is there".to_owned(),
        |why| format!("the reports were not read: {why}"),
    );
    let _ = writeln!(
        text,
        "{}: what is triggered, unused or over-matching, and what each hides, is not known",
        clean(&why)
    );
}

//! The record of decisions for people who were not there: an auditor's page in HTML or Markdown, or OSCAL.
//!
//! It is made of verdicts as they were written (`secgate/verdict/v1`) and says nothing that is not in them. The page is
//! built once of plain blocks (`document`), so that its forms cannot drift apart.

mod content;
pub mod controls;
mod document;
mod oscal;

use serde_json::Value;

use crate::attest::release_range::ReleaseRange;

pub use controls::{ControlFramework, ControlsError};

/// How far a verdict was checked before the record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordProof {
    /// A verdict as a file: nobody can say where it comes from.
    File,
    /// A verdict in a bundle whose every file fits its list of checksums.
    Bundle,
    /// A verdict in a statement whose signature was checked.
    Signed,
    /// A verdict in a statement whose signature nobody checked.
    Unchecked,
}

/// One decision of the record.
#[derive(Debug, Clone)]
pub struct RecordedDecision {
    /// The file that it was read from.
    pub place: String,
    /// The verdict: an object of schema `secgate/verdict/v1`.
    pub verdict: Value,
    /// SHA-256 of the verdict's file.
    pub sha256: String,
    /// SHA-256 of the bundle's list of checksums.
    pub bundle: Option<String>,
    /// Names of the keys that signed it.
    pub signers: Vec<String>,
    /// Trees that its signed statement is about.
    pub trees: Vec<String>,
    /// How far it was checked.
    pub proof: RecordProof,
}

/// Decisions about one commit or artifact, in the order of their time.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    /// The decisions; never empty.
    pub decisions: Vec<RecordedDecision>,
    /// The changes of the release that they are about, where it is told.
    pub release: Option<ReleaseRange>,
    /// Frameworks whose controls rules are evidence of.
    pub frameworks: Vec<ControlFramework>,
}

impl AuditRecord {
    /// The record of these decisions, the oldest first.
    pub fn new(mut decisions: Vec<RecordedDecision>, frameworks: Vec<ControlFramework>) -> Self {
        let key = |one: &RecordedDecision| {
            let text =
                |name: &str| one.verdict.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("evaluated_at").parse::<jiff::Timestamp>().ok(), text("gate"), one.place.clone())
        };
        decisions.sort_by_cached_key(key);
        Self { decisions, release: None, frameworks }
    }

    /// Whether its decisions are about more than one project.
    fn is_of_several_projects(&self) -> bool {
        let mut projects = self.decisions.iter().map(|one| text(&one.verdict, "/context/project"));
        let first = projects.next();
        projects.any(|project| Some(project) != first)
    }

    /// One self-contained page.
    pub fn to_html(&self) -> String {
        document::html(&content::title(self), &content::blocks(self))
    }

    /// Markdown, as GitLab and GitHub render it.
    pub fn to_markdown(&self) -> String {
        document::markdown(&content::title(self), &content::blocks(self))
    }

    /// Assessment results of OSCAL 1.1.
    pub fn to_oscal(&self) -> String {
        oscal::write(self)
    }
}

/// A text of a verdict at a JSON pointer; empty where it is not there.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A list of a verdict at a JSON pointer; empty where it is not there.
fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number of a verdict at a JSON pointer; 0 where it is not there.
fn count(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The texts of a list, joined.
fn joined(value: &Value, pointer: &str, between: &str) -> String {
    list(value, pointer).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(between)
}

//! VEX statements: what somebody says of a vulnerability in a product, in one shape whatever the format.

use jiff::Timestamp;
use serde::Serialize;

use super::{Purl, Text};

/// Statement about a vulnerability in products.
#[derive(Debug, Clone)]
pub struct VexStatement {
    /// Who: each name or address that the document gives for its authors; empty where it gives none.
    pub authors: Vec<Text>,
    /// When it was known to be true.
    pub time: Option<Timestamp>,
    /// Ids of the vulnerability, in capitals.
    pub ids: Vec<String>,
    /// Its statement.
    pub status: VexStatus,
    /// Why a product is not affected, a label of the format's closed list.
    pub justification: Option<&'static str>,
    /// The same in words.
    pub note: Option<Text>,
    /// Of what it is said.
    pub products: Vec<Product>,
}

/// Content of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VexStatus {
    /// It cannot be exploited there.
    NotAffected,
    /// This version holds the fix, or the finding is said to be wrong.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
    /// It can be exploited there.
    Affected,
}

/// A product of a statement: all that is given must agree.
#[derive(Debug, Clone, Default)]
pub struct Product {
    /// The package, where the statement is about one.
    pub package: Option<Purl>,
    /// The image, by its manifest digests `sha256:…`, one of which must agree; empty where none is named.
    pub images: Vec<String>,
}

/// Who says why a finding does not count; its keys are part of the schema `secgate/verdict/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VexNote {
    /// Status of the product.
    pub status: &'static str,
    /// Why, a label of the format's list.
    pub justification: &'static str,
    /// The same in words.
    pub note: Option<Text>,
    /// Who says it.
    pub author: String,
    /// When it was known to be true.
    pub time: String,
    /// The file.
    pub file: String,
}

impl VexNote {
    /// On one line: who says what, and why.
    pub fn line(&self) -> String {
        let note = self.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("{} says {} ({}){note}", self.author, self.status, self.justification)
    }
}

//! Documents that rules look at: what the files of entries with `document` or `feed` hold.

use std::sync::Arc;

use serde_json::Value;

use super::{Context, Evidence};
use crate::policy::{DocumentKind, EntryKind, EvidenceEntry};
use crate::report::{self, ReadError, Sbom, Source};

/// Largest documents, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentLimits {
    /// Of one that is held as a tree.
    pub(crate) document: u64,
    /// Of one that streams by.
    pub(crate) report: u64,
}

/// One document.
#[derive(Debug, Clone)]
pub struct Document {
    /// The evidence entry that it is for.
    pub entry: String,
    /// The subject of the entry.
    pub subject: Option<String>,
    /// Kind of document the entry says it is.
    pub kind: EntryKind,
    /// Its path as outputs name it.
    pub path: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Its contents: one value; of signed statements each envelope.
    pub values: Vec<Value>,
    /// Of signed statements the file's bytes: what was signed is in them.
    pub bytes: Vec<u8>,
    /// Of an SBOM what it says; such a document has no value.
    pub sbom: Option<Arc<Sbom>>,
}

impl Document {
    /// Reads a document within `limits`, in which no object that is looked into has a key twice.
    pub(crate) fn read_document(
        path: &str,
        source: &Source,
        entry: &EvidenceEntry,
        limits: DocumentLimits,
        context: &Context,
    ) -> Result<(Self, Evidence), ReadError> {
        let (mut sbom, mut text) = (None, Vec::new());
        let (values, sha256, bytes) = match entry.kind {
            EntryKind::Document(DocumentKind::Sbom) => {
                let (read, sha256, bytes) = report::read_sbom(source, limits.report)?;
                sbom = Some(Arc::new(read));
                (Vec::new(), sha256, bytes)
            }
            EntryKind::Document(kind) if kind.is_signed() => {
                // Read once, so that what is verified is what was looked at.
                text = source.bytes(limits.document)?;
                report::read_statements(&Source::Bytes(text.as_slice().into()), limits.document)?
            }
            _ => {
                let (value, sha256, bytes) = report::read_document(source, limits.document)?;
                (vec![value], sha256, bytes)
            }
        };
        let evidence = match &sbom {
            Some(sbom) => Evidence::sbom(path, entry, &sha256, bytes, sbom, context),
            None => Evidence::document(path, entry, &sha256, bytes),
        };
        let document = Self {
            entry: entry.name.clone(),
            subject: entry.subject.clone(),
            kind: entry.kind,
            path: path.to_owned(),
            sha256,
            values,
            bytes: text,
            sbom,
        };
        Ok((document, evidence))
    }

    /// The one value of a document that is no list of statements.
    pub fn value(&self) -> &Value {
        self.values.first().unwrap_or(&Value::Null)
    }

    /// True for a document of this kind.
    pub fn is(&self, kind: DocumentKind) -> bool {
        self.kind == EntryKind::Document(kind)
    }
}

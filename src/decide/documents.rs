//! Documents that rules look at: what the files of entries with `document` or `feed` hold.

use serde_json::Value;

use super::Evidence;
use crate::policy::{DocumentKind, Entry, EntryKind};
use crate::report::{self, ReadError, Source};

/// One document.
#[derive(Debug, Clone)]
pub struct Document {
    /// The evidence entry that it is for.
    pub entry: String,
    /// The subject of the entry.
    pub subject: Option<String>,
    /// What kind of document the entry says it is.
    pub kind: EntryKind,
    /// Its path as outputs name it.
    pub path: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// What it holds: one value; of signed statements each envelope.
    pub values: Vec<Value>,
}

impl Document {
    /// Reads a document of at most `max` bytes, in which no object has a key twice.
    pub(crate) fn read(
        path: &str,
        source: &Source,
        entry: &Entry,
        max: u64,
    ) -> Result<(Self, Evidence), ReadError> {
        let signed = matches!(entry.kind, EntryKind::Document(kind) if kind.is_signed());
        let (values, sha256, bytes) = if signed {
            report::read_statements(source, max)?
        } else {
            let (value, sha256, bytes) = report::read_document(source, max)?;
            (vec![value], sha256, bytes)
        };
        let evidence = Evidence::document(path, entry, &sha256, bytes);
        let document = Self {
            entry: entry.name.clone(),
            subject: entry.subject.clone(),
            kind: entry.kind,
            path: path.to_owned(),
            sha256,
            values,
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

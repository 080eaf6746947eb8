//! Documents that rules look at: what the files of entries with `document` or `feed` hold.

use std::sync::Arc;

use serde_json::Value;

use super::requirement::signer_keys;
use super::{Context, Evidence, Outcome};
use crate::attest::{UnwrappedDocument, unwrap_document};
use crate::decide::diagnostics::DocumentDiagnostic;
use crate::diagnostic::SaidDiagnostic;
use crate::finding::Text;
use crate::policy::{DocumentKind, EntryKind, EvidenceEntry, Policy};
use crate::report::{self, Sbom, Source};

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
    /// Why the signature that its entry demands is not there; then nothing of it counts.
    pub refused: Option<String>,
}

/// Takes a document out of its envelope and checks the signature that its entry demands.
pub(crate) fn unwrap_signed(
    policy: &Policy,
    entry: &EvidenceEntry,
    source: &Source,
    max: u64,
    now: jiff::Timestamp,
) -> Result<UnwrappedDocument, SaidDiagnostic> {
    let keys = signer_keys(policy, &entry.signed_by, now).map_err(|unusable| {
        SaidDiagnostic::of(&DocumentDiagnostic::KeysUnusable { why: unusable.join("; ") })
    })?;
    // A key that is gone would make it a demand for nothing.
    if keys.len() < entry.signed_by.len() {
        let names = entry.signed_by.join(", ");
        return Err(SaidDiagnostic::of(&DocumentDiagnostic::KeysMissing { names }));
    }
    unwrap_document(source, &keys, max).map_err(unreadable)
}

fn unreadable(why: String) -> SaidDiagnostic {
    SaidDiagnostic::of(&DocumentDiagnostic::Unreadable { why })
}

impl Document {
    /// Reads a document within `limits`, in which no object that is looked into has a key twice.
    pub(crate) fn read_document(
        path: &str,
        source: &Source,
        (policy, entry): (&Policy, &EvidenceEntry),
        limits: DocumentLimits,
        context: &Context,
    ) -> Result<(Self, Evidence), SaidDiagnostic> {
        let (mut sbom, mut text) = (None, Vec::new());
        let (mut refused, mut signers) = (None, Vec::new());
        let (values, sha256, bytes) = match entry.kind {
            EntryKind::Document(DocumentKind::Sbom) => {
                let wrapped = unwrap_signed(policy, entry, source, limits.report, context.now)?;
                let (mut read, sha256, bytes) = report::read_sbom(&wrapped.source, limits.report)
                    .map_err(|error| SaidDiagnostic::of(&error))?;
                let stated: Vec<String> = read.digests.iter().map(|d| d.real().to_owned()).collect();
                read.digests = wrapped
                    .agreed(&stated)
                    .map_err(unreadable)?
                    .iter()
                    .map(|digest| Text::line(digest))
                    .collect();
                sbom = Some(Arc::new(read));
                let (sha256, bytes) = wrapped.file.unwrap_or((sha256, bytes));
                (refused, signers) = (wrapped.refused, wrapped.signers);
                (Vec::new(), sha256, bytes)
            }
            EntryKind::Document(kind) if kind.is_signed() => {
                // Read once, so that what is verified is what was looked at.
                text = source.bytes(limits.document).map_err(|error| SaidDiagnostic::of(&error))?;
                report::read_statements(&Source::Bytes(text.as_slice().into()), limits.document)
                    .map_err(|error| SaidDiagnostic::of(&error))?
            }
            kind => {
                if kind == EntryKind::Document(DocumentKind::ImageIndex) {
                    report::read_image_index(source, limits.document)
                        .map_err(|error| SaidDiagnostic::of(&error))?;
                }
                let (value, sha256, bytes) = report::read_document(source, limits.document)
                    .map_err(|error| SaidDiagnostic::of(&error))?;
                (vec![value], sha256, bytes)
            }
        };
        let mut evidence = match &sbom {
            Some(sbom) => Evidence::sbom(path, entry, &sha256, bytes, sbom, context),
            None if entry.kind == EntryKind::Document(DocumentKind::ImageIndex) => {
                Evidence::document(path, entry, &sha256, bytes).of_index(context)
            }
            None => Evidence::document(path, entry, &sha256, bytes),
        };
        if !signers.is_empty() {
            evidence.signed_by(&signers);
        }
        if let Some(why) = &refused {
            evidence.refuse(why, Outcome::Fail);
            sbom = None;
        }
        let document = Self {
            entry: entry.name.clone(),
            subject: entry.subject.clone(),
            kind: entry.kind,
            path: path.to_owned(),
            sha256,
            values,
            bytes: text,
            sbom,
            refused,
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

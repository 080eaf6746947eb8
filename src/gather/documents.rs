//! Evidence that is no report: documents of `document` rules, and the feeds that are put onto findings.

use std::sync::Arc;

use super::plan::PlannedFile;
use super::{Limits, entry};
use crate::attest::UnwrappedDocument;
use crate::decide::{Context, Document, DocumentLimits, Evidence, Gathered, Outcome, Status, unwrap_signed};
use crate::diagnostic::SaidDiagnostic;
use crate::finding::{VexStatement, VexStatus, clean};
use crate::policy::{DocumentKind, EntryKind, EvidenceEntry, Feed, Policy};
use crate::relate::{Exploitation, Vex, VexTrust};
use crate::report::{self, ImageIndex, ReadError};

/// Largest JSON document of a `document` rule.
pub(super) const MAX_DOCUMENT: u64 = 16 << 20;

pub(super) fn read_document(
    policy: &Policy,
    item: &PlannedFile,
    limits: DocumentLimits,
    context: &Context,
    gathered: &mut Gathered<'_>,
) {
    let is_document = |entry: &&EvidenceEntry| matches!(entry.kind, EntryKind::Document(_));
    for entry in item.entries.iter().filter_map(|name| entry(policy, name)).filter(is_document) {
        match Document::read_document(&item.name, &item.source, (policy, entry), limits, context) {
            Ok((document, evidence)) => {
                gathered.evidence.push(evidence);
                gathered.documents.push(document);
            }
            Err(error) => {
                gathered.evidence.push(Evidence::unreadable(&item.name, Some(entry), &error));
            }
        }
    }
}

/// The indexes of images among the documents, which come before the reports: they say what reports are about. What is
/// wrong with one is said where it is read as a document.
pub(super) fn image_indexes(policy: &Policy, items: &[PlannedFile]) -> Vec<ImageIndex> {
    let is_index = |name: &String| {
        let kind = entry(policy, name).map(|entry| entry.kind);
        kind == Some(EntryKind::Document(DocumentKind::ImageIndex))
    };
    let of_entry = items.iter().filter(|item| item.entries.iter().any(is_index));
    of_entry.filter_map(|item| report::read_image_index(&item.source, MAX_DOCUMENT).ok()).collect()
}

/// Reads the feeds, which come before the reports: what they know is put onto findings before a rule looks. A kind
/// of which one entry is absent, old or unreadable is not known at all.
pub(super) fn feeds(
    policy: &Policy,
    items: &[PlannedFile],
    context: &Context,
    limits: Limits,
) -> (Vec<Evidence>, Arc<Exploitation>, Arc<Vex>) {
    let mut told = Vec::new();
    let (mut known, mut vex) = (Exploitation::default(), Vex::default());
    for item in items {
        for entry in item.entries.iter().filter_map(|name| entry(policy, name)) {
            let unreadable = |error: ReadError| Evidence::unreadable(&item.name, Some(entry), &error);
            let max = limits.max_report;
            told.push(
                match entry.kind {
                    EntryKind::Feed(Feed::Kev) => report::read_kev(&item.source, max).map(|feed| {
                        let judged = Evidence::feed(&item.name, entry, &feed, context);
                        known.add_kev(feed.holds.cves);
                        judged
                    }),
                    EntryKind::Feed(Feed::Epss) => report::read_epss(&item.source, max).map(|feed| {
                        let judged = Evidence::feed(&item.name, entry, &feed, context);
                        known.add_epss(feed.holds.0);
                        judged
                    }),
                    EntryKind::Feed(Feed::Vex) => {
                        Ok(read_vex_entry(policy, entry, item, max, context, &mut vex)
                            .unwrap_or_else(|why| Evidence::unreadable(&item.name, Some(entry), &why)))
                    }
                    EntryKind::Report(_) | EntryKind::Document(_) => continue,
                }
                .unwrap_or_else(unreadable),
            );
        }
    }
    let files = |entry: &EvidenceEntry| items.iter().filter(|i| i.entries.contains(&entry.name)).count();
    for entry in &policy.evidence {
        let of_entry = |e: &&Evidence| e.entry.as_ref() == Some(&entry.name);
        let sound = files(entry) > 0
            && files(entry) >= entry.count as usize
            && told.iter().filter(of_entry).all(|e| e.status == Status::Complete);
        match entry.kind {
            EntryKind::Feed(Feed::Kev) if !sound => known.drop_kev(),
            EntryKind::Feed(Feed::Epss) if !sound => known.drop_epss(),
            _ => {}
        }
    }
    (told, Arc::new(known), Arc::new(vex))
}

/// Reads VEX statements. One whose signature is demanded and not there lifts nothing; what it says against counts, as
/// it does whatever its age, so that no demand for signatures makes less of what is known.
fn read_vex_entry(
    policy: &Policy,
    entry: &EvidenceEntry,
    item: &PlannedFile,
    max: u64,
    context: &Context,
    vex: &mut Vex,
) -> Result<Evidence, SaidDiagnostic> {
    let wrapped = unwrap_signed(policy, entry, &item.source, max, context.now)?;
    let mut feed = report::read_vex(&wrapped.source, max).map_err(|error| SaidDiagnostic::of(&error))?;
    if let Some((sha256, bytes)) = &wrapped.file {
        (feed.sha256, feed.bytes) = (sha256.clone(), *bytes);
    }
    let mut judged = Evidence::feed(&item.name, entry, &feed, context);
    let mut statements = feed.holds.0;
    for statement in &mut statements {
        narrow(statement, &wrapped);
    }
    let before = statements.len();
    if wrapped.refused.is_some() {
        statements.retain(|statement| statement.status != VexStatus::NotAffected);
    }
    let left_out = before - statements.len();
    if judged.status == Status::Complete {
        judged.message = accept(policy, &item.name, statements, context, vex);
    }
    if !wrapped.signers.is_empty() {
        judged.signed_by(&wrapped.signers);
    }
    if let Some(why) = &wrapped.refused {
        let why = format!("it {why}: {left_out} that say not affected are not counted");
        judged.refuse(&why, if entry.required { Outcome::Fail } else { Outcome::Warn });
    }
    Ok(judged)
}

/// What a statement lifts, it lifts only in what the attestation around it is about.
fn narrow(statement: &mut VexStatement, wrapped: &UnwrappedDocument) {
    if statement.status == VexStatus::NotAffected {
        statement.products.retain_mut(|product| {
            let agreed = wrapped.agreed(&product.images);
            product.images = agreed.unwrap_or_default();
            !product.images.is_empty() || wrapped.subjects.is_empty()
        });
    }
}

/// Takes the statements that the policy accepts; says what becomes of them.
fn accept(policy: &Policy, file: &str, said: Vec<VexStatement>, context: &Context, vex: &mut Vex) -> String {
    let Some(rules) = &policy.vex else {
        return "they change nothing: the policy accepts none (`vex: {accept: [AUTHOR]}`)".to_owned();
    };
    let accept = VexTrust { authors: &rules.accept, max_age: rules.max_age, now: context.now };
    let (useful, idle) = vex.add(&clean(file), said, accept);
    let idle: Vec<String> = idle.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let rest =
        if idle.is_empty() { String::new() } else { format!("; changing nothing: {}", idle.join(", ")) };
    format!("{useful} accepted as not affected{rest}")
}

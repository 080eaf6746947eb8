//! Exploitation data that a waiver's trigger is looked up in.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Context, Evidence, Status};
use crate::policy::{Entry, EntryKind, Feed, Policy};

/// CISA's catalogue of exploited vulnerabilities.
#[derive(Debug, Clone)]
pub(super) struct Kev(Arc<BTreeSet<String>>);

impl Kev {
    /// The catalogue, whole and young enough, or why there is none to rely on.
    pub(super) fn read(
        policy: &Policy,
        evidence: &[Evidence],
        documents: &[(String, Value)],
        context: &Context,
    ) -> Result<Self, String> {
        let entries: Vec<&Entry> =
            policy.evidence.iter().filter(|e| e.kind == EntryKind::Feed(Feed::Kev)).collect();
        if entries.is_empty() {
            return Err("the policy has no evidence entry `feed: kev`".to_owned());
        }
        let mut listed = BTreeSet::new();
        for entry in entries {
            let of_entry = |e: &&Evidence| e.entry.as_deref() == Some(entry.name.as_str());
            if evidence.iter().filter(of_entry).any(|e| e.status != Status::Complete) {
                return Err(format!("the feed {} is not there, or cannot be read", entry.name));
            }
            for (_, document) in documents.iter().filter(|(name, _)| *name == entry.name) {
                catalogue(document, entry, context.now, &mut listed).ok_or_else(|| {
                    format!("the feed {} is no KEV catalogue, is cut or is too old", entry.name)
                })?;
            }
        }
        if listed.is_empty() { Err("the KEV feed is empty".to_owned()) } else { Ok(Self(Arc::new(listed))) }
    }

    /// Whether a CVE, in capitals, is in the catalogue.
    pub(super) fn lists(&self, cve: &str) -> bool {
        self.0.contains(cve)
    }
}

/// Takes the CVEs of a catalogue; `None` if anything about it is not as CISA writes it.
fn catalogue(document: &Value, entry: &Entry, now: Timestamp, listed: &mut BTreeSet<String>) -> Option<()> {
    let list = document.get("vulnerabilities")?.as_array()?;
    // A cut catalogue would list too little.
    if document.get("count").is_some_and(|count| count.as_u64() != Some(list.len() as u64)) {
        return None;
    }
    if let Some(max_age) = entry.max_age {
        let released: Timestamp = document.get("dateReleased")?.as_str()?.parse().ok()?;
        let age = now.as_second() - released.as_second();
        if age > max_age || age < -300 {
            return None;
        }
    }
    for vulnerability in list {
        let cve = vulnerability.get("cveID")?.as_str()?.trim().to_ascii_uppercase();
        if !cve.starts_with("CVE-") {
            return None;
        }
        listed.insert(cve);
    }
    Some(())
}

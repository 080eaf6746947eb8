//! Exploitation data that rules and triggers ask for: whether it is there and can be relied on.

use super::{Evidence, Status};
use crate::policy::{EntryKind, Feed, Policy};

/// Why a kind of feed cannot be relied on; `None` if it can.
pub(super) fn lacking(policy: &Policy, evidence: &[Evidence], feed: Feed) -> Option<String> {
    let mut entries = policy.evidence.iter().filter(|e| e.kind == EntryKind::Feed(feed)).peekable();
    if entries.peek().is_none() {
        return Some(format!("the policy has no evidence entry `feed: {}`", feed.as_str()));
    }
    entries.find_map(|entry| {
        let mut of_entry =
            evidence.iter().filter(|e| e.entry.as_deref() == Some(entry.name.as_str())).peekable();
        if of_entry.peek().is_none() {
            return Some(format!("the feed {} is absent", entry.name));
        }
        let bad = of_entry.find(|e| e.status != Status::Complete)?;
        Some(format!("the feed {} is {}", entry.name, bad.status.as_str()))
    })
}

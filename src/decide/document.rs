//! Facts of JSON documents: each must be there, a missing one is never skipped.

use jiff::Timestamp;
use serde_json::Value;

use super::requirement::{Requirements, RuleContext};
use crate::finding::duration_text;
use crate::policy::{DocumentKind, DocumentRule, Expect};

/// The demands of a rule, over each document of its entry.
pub(super) fn judge(rule: &DocumentRule, world: RuleContext<'_>) -> Requirements {
    let mut demands = Requirements::default();
    for document in world.documents(DocumentKind::Json, None) {
        for text in unmet(rule, document.value(), world.context.now) {
            demands.unmet(text);
        }
    }
    demands
}

/// The demands that a document does not meet, in the order of the policy.
fn unmet(rule: &DocumentRule, document: &Value, now: Timestamp) -> Vec<String> {
    let mut unmet = Vec::new();
    for (path, expect) in &rule.require {
        let nodes = path.nodes(document);
        let fault = match nodes.as_slice() {
            [] => Some("is missing".to_owned()),
            [node] => unlike(expect, node, now),
            several => Some(format!("is there {} times", several.len())),
        };
        unmet.extend(fault.map(|fault| format!("{} {fault}", path.text())));
    }
    for path in &rule.forbid {
        let hits = path.nodes(document).len();
        if hits > 0 {
            unmet.push(format!("{} is forbidden and matches {hits}", path.text()));
        } else if path.container().is_some_and(|container| container.nodes(document).is_empty()) {
            unmet.push(format!(
                "{} cannot be shown to match nothing: what it looks into is missing",
                path.text()
            ));
        }
    }
    for (path, least) in &rule.at_least {
        let hits = path.nodes(document).len() as u64;
        if hits < *least {
            unmet.push(format!("{} matches {hits}, at least {least} demanded", path.text()));
        }
    }
    unmet
}

/// Why a fact is not what is expected.
fn unlike(expect: &Expect, node: &Value, now: Timestamp) -> Option<String> {
    match expect {
        Expect::Equals(wanted) => (node != wanted).then(|| format!("is not {wanted}")),
        Expect::Present => node.is_null().then(|| "is null".to_owned()),
        Expect::Within(seconds) => {
            let Some(time) = node.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
                return Some("is not an RFC 3339 time".to_owned());
            };
            let age = now.as_second() - time.as_second();
            if age < 0 {
                return Some("is in the future".to_owned());
            }
            (age > *seconds).then(|| format!("is {} old", duration_text(age)))
        }
    }
}

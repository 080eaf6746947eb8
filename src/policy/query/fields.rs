//! The names of the finding as the JSON output shows it: what `where` may name, and what each can be compared with.

use crate::finding::{Category, Confidence, ExploitMaturity, Fix, Reachability, Scope, Severity, State};

/// Type of a part of the finding.
#[derive(Clone, Copy)]
pub(super) enum FieldShape {
    /// Any text.
    Text,
    /// One word of a closed set.
    Word(fn() -> Vec<&'static str>),
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list of this.
    List(&'static FieldShape),
    /// An object with these names.
    Object(&'static [(&'static str, FieldShape)]),
    /// Not known: a document, or what only a waiver's shape tells.
    Any,
}

/// The finding; each name is always there, and null where nothing is known.
pub(super) static FINDING: FieldShape = FieldShape::Object(&[
    ("fingerprint", FieldShape::Text),
    ("category", FieldShape::Word(|| Category::ALL.iter().map(|v| v.as_str()).collect())),
    ("rule_id", FieldShape::Text),
    ("severity", FieldShape::Word(|| Severity::ALL.iter().map(|v| v.as_str()).collect())),
    ("native_severity", FieldShape::Text),
    ("confidence", FieldShape::Word(|| Confidence::ALL.iter().map(|v| v.as_str()).collect())),
    ("title", FieldShape::Text),
    ("ids", FieldShape::List(&FieldShape::Text)),
    ("cwes", FieldShape::List(&FieldShape::Number)),
    (
        "location",
        FieldShape::Object(&[
            ("path", FieldShape::Text),
            ("line", FieldShape::Number),
            ("end_line", FieldShape::Number),
        ]),
    ),
    ("target", FieldShape::Text),
    (
        "package",
        FieldShape::Object(&[
            ("name", FieldShape::Text),
            ("version", FieldShape::Text),
            ("purl", FieldShape::Text),
            ("fixed", FieldShape::List(&FieldShape::Text)),
        ]),
    ),
    ("fix", FieldShape::Word(|| Fix::ALL.iter().map(|v| v.as_str()).collect())),
    ("kev", FieldShape::Bool),
    ("epss", FieldShape::Number),
    ("tools", FieldShape::List(&FieldShape::Text)),
    ("evidence", FieldShape::List(&FieldShape::Number)),
    ("state", FieldShape::Word(|| State::ALL.iter().map(|v| v.as_str()).collect())),
    ("waiver", FieldShape::Any),
    ("scope", FieldShape::Word(|| Scope::ALL.iter().map(|v| v.as_str()).collect())),
    ("verified", FieldShape::Bool),
    ("suppressed", FieldShape::Bool),
    ("suppression", FieldShape::Text),
    ("first_seen", FieldShape::Text),
    (
        "cvss",
        FieldShape::Object(&[
            ("score", FieldShape::Number),
            ("version", FieldShape::Text),
            ("vector", FieldShape::Text),
        ]),
    ),
    ("reachable", FieldShape::Word(|| Reachability::ALL.iter().map(|v| v.as_str()).collect())),
    ("direct", FieldShape::Bool),
    ("exploit", FieldShape::Word(|| ExploitMaturity::ALL.iter().map(|v| v.as_str()).collect())),
    ("end_of_life", FieldShape::Bool),
    ("modified", FieldShape::Text),
    ("fix_since", FieldShape::Text),
    ("vex", FieldShape::Any),
]);

impl FieldShape {
    /// For an error: "a text".
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Word(_) => "a word",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Any => "something unknown",
        }
    }
}

//! The names of the finding as the JSON output shows it: what `where` may name, and what each can be compared with.

use crate::finding::{Category, Confidence, Fix, Reachability, Scope, Severity, State};

/// What a part of the finding is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Any text.
    Text,
    /// One word of a closed set.
    Word(fn() -> Vec<&'static str>),
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list of this.
    List(&'static Shape),
    /// An object with these names.
    Object(&'static [(&'static str, Shape)]),
    /// Not known: a document, or what only a waiver's shape tells.
    Any,
}

/// The finding; each name is always there, and null where nothing is known.
pub(super) static FINDING: Shape = Shape::Object(&[
    ("fingerprint", Shape::Text),
    ("category", Shape::Word(|| Category::ALL.iter().map(|v| v.as_str()).collect())),
    ("rule_id", Shape::Text),
    ("severity", Shape::Word(|| Severity::ALL.iter().map(|v| v.as_str()).collect())),
    ("native_severity", Shape::Text),
    ("confidence", Shape::Word(|| Confidence::ALL.iter().map(|v| v.as_str()).collect())),
    ("title", Shape::Text),
    ("ids", Shape::List(&Shape::Text)),
    ("cwes", Shape::List(&Shape::Number)),
    (
        "location",
        Shape::Object(&[("path", Shape::Text), ("line", Shape::Number), ("end_line", Shape::Number)]),
    ),
    ("target", Shape::Text),
    (
        "package",
        Shape::Object(&[
            ("name", Shape::Text),
            ("version", Shape::Text),
            ("purl", Shape::Text),
            ("fixed", Shape::List(&Shape::Text)),
        ]),
    ),
    ("fix", Shape::Word(|| Fix::ALL.iter().map(|v| v.as_str()).collect())),
    ("kev", Shape::Bool),
    ("epss", Shape::Number),
    ("tools", Shape::List(&Shape::Text)),
    ("evidence", Shape::List(&Shape::Number)),
    ("state", Shape::Word(|| State::ALL.iter().map(|v| v.as_str()).collect())),
    ("waiver", Shape::Any),
    ("scope", Shape::Word(|| Scope::ALL.iter().map(|v| v.as_str()).collect())),
    ("verified", Shape::Bool),
    ("suppressed", Shape::Bool),
    ("suppression", Shape::Text),
    ("first_seen", Shape::Text),
    ("cvss", Shape::Object(&[("score", Shape::Number), ("version", Shape::Text), ("vector", Shape::Text)])),
    ("reachable", Shape::Word(|| Reachability::ALL.iter().map(|v| v.as_str()).collect())),
    ("direct", Shape::Bool),
    ("vex", Shape::Any),
]);

impl Shape {
    /// For an error: "a text".
    pub(super) fn shown(self) -> &'static str {
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

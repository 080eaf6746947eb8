//! Why a file could not be read as a report. Each message is one line; the caller puts the path before it.

use std::io;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, DiagnosticCode, SaidDiagnostic};

/// A file that yields no finding. Never holds text of the file beyond key names, so that no secret can leak.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file could not be opened.
    #[error("cannot be opened: {}", io_words(.0))]
    Open(io::Error),
    /// A directory, pipe, device or socket where a report was expected.
    #[error("is {0}, not a regular file")]
    NotAFile(&'static str),
    /// Reading stopped.
    #[error("cannot be read to its end: {}", io_words(.0))]
    Io(io::Error),
    /// It begins like gzip and cannot be unpacked to its end.
    #[error("is gzip that cannot be unpacked: {0}")]
    Gzip(String),
    /// Nothing, or nothing but blanks.
    #[error("is empty")]
    Empty,
    /// The same of a file that is to hold secrets: a scanner that writes nothing where it finds nothing.
    #[error(
        "is empty: nobody can tell whether the scanner ran. A clean TruffleHog writes nothing to standard output; keep its log in the file, too (`trufflehog … --json > FILE 2>&1`)"
    )]
    EmptyOfSecrets,
    /// Over a limit.
    #[error("{what} is over the limit of {limit} bytes ({flag})")]
    TooLarge {
        /// The value that grew too large.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
        /// The flag that sets it, or the reason it is fixed.
        flag: &'static str,
    },
    /// Not JSON, or cut short.
    #[error("is not valid JSON at line {line}, column {column}{}: {message}", at(.path))]
    Syntax {
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// JSON path of the value.
        path: String,
        /// The problem.
        message: String,
    },
    /// Not XML, or cut short.
    #[error("is not valid XML at line {line}, column {column}{}: {message}", at(.path))]
    Markup {
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// Names of the elements that are open there.
        path: String,
        /// The problem.
        message: &'static str,
    },
    /// Valid JSON or XML that is not what the format says.
    #[error("does not fit the format at line {line}, column {column}{}: {message}", at(.path))]
    Shape {
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// JSON path of the value.
        path: String,
        /// The problem.
        message: String,
    },
    /// Not what the policy's mapping of its format says.
    #[error("does not fit the mapping `{mapping}`: {message}")]
    Mapping {
        /// The mapping's name.
        mapping: String,
        /// Which path finds nothing, or what it should not.
        message: String,
    },
    /// No reader claims it.
    #[error("is not a report that secgate can read: {looks_like}")]
    Unknown {
        /// Format that it looks like.
        looks_like: String,
    },
    /// No reader claims it, and more of it than was looked at would have to be known to say that it is no report.
    #[error(
        "may be a report: its beginning does not tell, and {looks_like}; say what it is with --input FORMAT=PATH, or take it away"
    )]
    Untold {
        /// Format that it looks like.
        looks_like: String,
    },
    /// Several readers claim it.
    #[error("could be {}: say which with --input FORMAT=PATH, or with `format` in the policy's evidence entry", .formats.join(" or "))]
    Ambiguous {
        /// Ids of the formats that fit.
        formats: Vec<&'static str>,
    },
    /// It is not what it was said to be.
    #[error("is not a {asked} report: {looks_like}")]
    WrongFormat {
        /// The format asked for.
        asked: String,
        /// Format that it looks like.
        looks_like: String,
    },
    /// A format id that no reader has.
    #[error("`{asked}` is no format that secgate reads{}", .nearest.map_or("; `secgate formats` lists them".to_owned(), |n| format!("; did you mean `{n}`?")))]
    NoSuchFormat {
        /// The id as given.
        asked: String,
        /// The nearest known id.
        nearest: Option<&'static str>,
    },
    /// Statements of an earlier run about the file.
    #[error("{0}")]
    Saved(SaidDiagnostic),
    /// Two readings of the file saw different bytes.
    #[error("changed while it was being read")]
    Changed,
}

/// Codes of the errors, in the order of [`ReadError`].
const CODES: [DiagnosticCode; 17] = [
    DiagnosticCode::new("file-cannot-be-opened", "A file cannot be opened."),
    DiagnosticCode::new(
        "not-a-file",
        "A directory, pipe, device or socket stands where a report was expected.",
    ),
    DiagnosticCode::new("file-cannot-be-read", "Reading a file stopped with an error."),
    DiagnosticCode::new("broken-gzip", "A file begins like gzip and cannot be unpacked to its end."),
    DiagnosticCode::new("empty-report", "A file holds nothing, or nothing but blanks."),
    DiagnosticCode::new(
        "empty-report-of-secrets",
        "A file of a scanner that writes nothing where it finds nothing is empty.",
    ),
    DiagnosticCode::new("over-a-limit", "A file, or something in it, is larger than allowed."),
    DiagnosticCode::new("invalid-json", "A file is not JSON, or cut short."),
    DiagnosticCode::new("invalid-xml", "A file is not XML, or cut short."),
    DiagnosticCode::new("unexpected-shape", "A document is not what its format says."),
    DiagnosticCode::new(
        "unexpected-for-mapping",
        "A document is not what the policy's mapping of its format says.",
    ),
    DiagnosticCode::new("unknown-format", "No reader claims a file."),
    DiagnosticCode::new("format-not-told", "The beginning of a file does not tell its format."),
    DiagnosticCode::new("ambiguous-format", "Several readers claim a file."),
    DiagnosticCode::new("wrong-format", "A file is of another format than was said."),
    DiagnosticCode::new("no-such-format", "A format that no reader has."),
    DiagnosticCode::new("changed-while-read", "Two readings of a file saw different bytes."),
];

impl ReadError {
    /// Every code.
    pub const CODES: &'static [DiagnosticCode] = &CODES;
}

impl Diagnostic for ReadError {
    fn code(&self) -> &str {
        match self {
            Self::Open(_) => "file-cannot-be-opened",
            Self::NotAFile(_) => "not-a-file",
            Self::Io(_) => "file-cannot-be-read",
            Self::Gzip(_) => "broken-gzip",
            Self::Empty => "empty-report",
            Self::EmptyOfSecrets => "empty-report-of-secrets",
            Self::TooLarge { .. } => "over-a-limit",
            Self::Syntax { .. } => "invalid-json",
            Self::Markup { .. } => "invalid-xml",
            Self::Shape { .. } => "unexpected-shape",
            Self::Mapping { .. } => "unexpected-for-mapping",
            Self::Unknown { .. } => "unknown-format",
            Self::Untold { .. } => "format-not-told",
            Self::Ambiguous { .. } => "ambiguous-format",
            Self::WrongFormat { .. } => "wrong-format",
            Self::NoSuchFormat { .. } => "no-such-format",
            Self::Saved(said) => said.code(),
            Self::Changed => "changed-while-read",
        }
    }

    fn suggestion(&self) -> Option<String> {
        let text = match self {
            Self::Empty | Self::Syntax { .. } | Self::Markup { .. } => {
                "run the scanner again, and look at its log"
            }
            Self::EmptyOfSecrets => "keep its log in the file, too (`trufflehog … --json > FILE 2>&1`)",
            Self::Unknown { .. } | Self::Untold { .. } | Self::Ambiguous { .. } => {
                "say what it is with --input FORMAT=PATH, or leave the file out"
            }
            Self::NoSuchFormat { nearest, .. } => nearest.unwrap_or("`secgate formats` lists them"),
            Self::TooLarge { flag, .. } if flag.starts_with("--") => flag,
            Self::Changed => "let nothing write to the file while the gate runs",
            Self::Saved(said) => return said.suggestion(),
            Self::Open(_)
            | Self::NotAFile(_)
            | Self::Io(_)
            | Self::Gzip(_)
            | Self::TooLarge { .. }
            | Self::Shape { .. }
            | Self::Mapping { .. }
            | Self::WrongFormat { .. } => return None,
        };
        Some(text.to_owned())
    }
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" ({path})") }
}

/// An operating system's message without Rust's `(os error N)`.
fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

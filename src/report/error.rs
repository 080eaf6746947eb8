//! Why a file could not be read as a report. Each message is one line; the caller puts the path before it.

use std::io;

use thiserror::Error;

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
    Saved(String),
    /// Two readings of the file saw different bytes.
    #[error("changed while it was being read")]
    Changed,
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" ({path})") }
}

/// An operating system's message without Rust's `(os error N)`.
fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

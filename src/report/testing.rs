//! Reading from a text, for the tests beside each format.

use super::{FORMATS, Hint, Options, ReadError, ReadOutcome, Report, Sink, Source, read_source};
use crate::finding::Finding;

/// Result of a reading.
pub(super) struct ReadText {
    pub(super) format: Option<&'static str>,
    pub(super) report: Report,
    pub(super) findings: Vec<Finding>,
    pub(super) error: Option<ReadError>,
}

impl ReadText {
    /// Active findings.
    pub(super) fn active(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| !f.suppressed)
    }
}

struct Keep(Vec<Finding>);

impl Sink for Keep {
    fn finding(&mut self, finding: Finding) {
        self.0.push(finding);
    }
    fn restart(&mut self) {
        self.0.clear();
    }
}

fn read_with(text: &str, hint: Hint<'_>) -> ReadText {
    let mut keep = Keep(Vec::new());
    let options = Options { max_report: 1 << 30, now: Some(1_780_000_000), ..Options::default() };
    let source = Source::Bytes(text.as_bytes().into());
    let ReadOutcome { format, report, error, .. } = read_source(&source, hint, &options, &mut keep);
    // Formats of this build have names that live as long as it.
    let format = format.and_then(|id| FORMATS.iter().map(|f| f.id).find(|known| *known == id));
    ReadText { format, report, findings: keep.0, error }
}

/// Reads a text whose format is told from its content.
pub(super) fn read_text(text: &str) -> ReadText {
    read_with(text, Hint::default())
}

/// Reads a text that is said to be of a format.
pub(super) fn read_as(format: &str, text: &str) -> ReadText {
    read_with(text, Hint { format: Some(format), category: None })
}

/// Reads a text that is a sound report, told from its content to be of `format`.
pub(super) fn read_sound(format: &str, text: &str) -> ReadText {
    let read = read_text(text);
    assert!(read.error.is_none(), "{text}: {:?}", read.error);
    assert_eq!(read.format, Some(format), "{text}");
    read
}

//! TELL: one file per output format, all from one decision.
//!
//! Text of reports was made inert when it was read; an output adds only the escaping of its own language.

mod about;
mod annotations;
mod codequality;
mod dotenv;
pub mod explanation;
mod fixed_findings;
pub mod fleet;
mod html;
mod json;
mod junit;
mod listing;
mod log;
mod markdown;
pub mod record;
pub mod replay;
pub mod run_diff;
mod sarif;
mod schema;
mod text;
pub mod waiver_openvex;
pub mod waivers;

use std::io::{self, Write};

use crate::decide::Decision;
use crate::finding::Finding;

pub use codequality::CODEQUALITY_CLEAN;
pub use listing::{LISTINGS, ListedFindings, ListingFormat};
pub use log::{LogWriter, for_log};
pub use schema::{PublishedSchema, SCHEMAS};

/// A finding on one line: how bad, where, what.
pub fn one_line(finding: &Finding) -> String {
    format!("{} {}  {}", finding.severity, text::place(finding), text::what(finding))
}

/// An output format of a verdict.
#[derive(Debug)]
pub struct OutputFormat {
    /// Its id in `--format` and `--output`.
    pub id: &'static str,
    /// Its purpose.
    pub title: &'static str,
    /// Its lines are text, and none of them may be a command to a runner of CI. What is JSON is one line of strings.
    lines: bool,
    write: fn(&Decision, Look, &mut dyn Write) -> io::Result<()>,
}

/// Every output format, in the order of listings.
pub static OUTPUTS: &[OutputFormat] = &[
    text::OUTPUT,
    json::OUTPUT,
    sarif::OUTPUT,
    sarif::GITHUB,
    junit::OUTPUT,
    codequality::OUTPUT,
    dotenv::OUTPUT,
    annotations::OUTPUT,
    markdown::OUTPUT,
    html::OUTPUT,
];

/// Text for people, which is printed where nothing else is asked for.
pub static TEXT: OutputFormat = text::OUTPUT;

/// Capabilities of a terminal; they affect text only.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours are wanted and understood.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
    /// The log folds what stands between marks of a section, as GitLab's does.
    pub sections: bool,
}

impl Look {
    /// For files and pipes.
    pub const PLAIN: Self = Self { color: false, width: 160, sections: false };
}

impl OutputFormat {
    /// Writes a decision.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn write(&self, decision: &Decision, look: Look, out: &mut dyn Write) -> io::Result<()> {
        if !self.lines {
            return (self.write)(decision, look, out);
        }
        let mut log = LogWriter::new(out);
        (self.write)(decision, look, &mut log)?;
        log.finish()
    }

    /// The format of that id.
    pub fn by_id(id: &str) -> Option<&'static Self> {
        OUTPUTS.iter().find(|output| output.id == id)
    }
}

/// A path as a URI reference (RFC 3986): what is no character of a path segment is percent-encoded, and `:` too, which
/// could be taken for the end of a scheme.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

/// A name of the command line or the policy as one word that means nothing in any format.
fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let word: String = name.chars().take(64).map(plain).collect();
    // `--` ends a comment in markup.
    word.replace("--", "__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uri_references() {
        assert_eq!(uri("src/a b.py"), "src/a%20b.py");
        assert_eq!(uri("a:b/100%/é#?.py"), "a%3Ab/100%25/%C3%A9%23%3F.py");
    }

    #[test]
    fn a_word_means_nothing() {
        assert_eq!(word("merge"), "merge");
        assert_eq!(word("a=b\n\"c\" -->$(x)"), "a_b__c_______x_");
    }
}

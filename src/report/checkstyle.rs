//! Checkstyle's XML, which phpcs, ktlint, detekt, `SwiftLint`, `PHPStan` and many other linters write as well.
//!
//! Source of the shapes: `XMLLogger.java` of Checkstyle and the writers of those tools. Many list only the files in which
//! they found something, so that an empty document is a clean one. What Checkstyle could not process stands in
//! `exception`. Columns and lines are no part of what a finding is.

use super::conceal::comparable;
use super::field::first_of;
use super::json::Json;
use super::value::LineNumber;
use super::xml::{XmlElement, XmlNode, walk};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// Checkstyle XML.
pub(super) static FORMAT: Format = Format {
    id: "checkstyle",
    title: "Checkstyle XML: entries of linters",
    tool: "checkstyle",
    signals: &["`exception` of a file"],
    categories: &[Category::Quality, Category::Sast, Category::Misconfiguration, Category::Contract],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.root.as_deref() == Some("checkstyle")
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    // A linter may look for weaknesses: who names the file says so.
    let category = reading.entry_category().filter(|c| FORMAT.categories.contains(c));
    let category = category.unwrap_or(Category::Quality);
    reading.covers(category);
    let (mut depth, mut file, mut inside) = (0_usize, None::<String>, 0_usize);
    walk(json, |node| match node {
        XmlNode::Open(element) => {
            depth += 1;
            match (depth, element.name) {
                (1, "checkstyle") => Ok(()),
                (1, name) => {
                    Err(format!("the root element of a Checkstyle report is `checkstyle`, not `{name}`"))
                }
                (2, "file") => {
                    file = Some(element.get("name").unwrap_or_default().to_owned());
                    Ok(())
                }
                (3, "error") => {
                    let file = file.as_deref().unwrap_or_default();
                    reading.finding(entry(&element, file, category, reading.roots()));
                    Ok(())
                }
                (_, "exception") => {
                    inside += 1;
                    reading.problem(
                        ProblemKind::Parse,
                        "a file could not be processed (exception)",
                        file.as_deref(),
                    );
                    Ok(())
                }
                _ if inside > 0 => Ok(()),
                (_, name) => Err(format!("`{name}` is no element of a Checkstyle report at this place")),
            }
        }
        XmlNode::Text(_) => Ok(()),
        XmlNode::Close => {
            if depth == 2 {
                file = None;
            }
            if depth <= 3 {
                inside = 0;
            }
            depth = depth.saturating_sub(1);
            Ok(())
        }
    })
}

fn entry(element: &XmlElement<'_>, file: &str, category: Category, roots: &[String]) -> Finding {
    let said = |name| element.get(name).unwrap_or_default();
    let severity = match said("severity").trim().to_ascii_lowercase().as_str() {
        "error" => Severity::High,
        "warning" => Severity::Medium,
        "info" => Severity::Info,
        _ => Severity::Unknown,
    };
    let (rule, message) = (said("source"), said("message"));
    let mut finding = Finding::new(category, FORMAT.tool, first_of(&[rule, message]), severity);
    finding.native_severity = Some(Text::line(said("severity"))).filter(|word| !word.is_empty());
    finding.title = Text::line(first_of(&[message, rule, "an entry without a message"]));
    finding.location = Location::new(file, LineNumber::parse(said("line")), None, roots);
    let print = FingerprintBuilder::new(category.as_str()).part(rule);
    finding.identify(print.folded(&comparable(message)));
    finding.bind_to_code();
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    #[test]
    fn entries_of_files() {
        let text = r#"<?xml version="1.0"?><checkstyle version="10.3"><file name="src/A.java"><error line="3" column="5" severity="error" message="Missing a Javadoc &amp; more" source="com.puppycrawl.JavadocMethod"/>
            <error line="9" severity="warning" message="x"/></file><file name="src/B.java"/></checkstyle>"#;
        let read = read_sound("checkstyle", text);
        let told: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity)).collect();
        assert_eq!(told, [(Category::Quality, Severity::High), (Category::Quality, Severity::Medium)]);
        let place = read.findings[0].location.as_ref().unwrap();
        assert_eq!((place.path.as_str(), place.line), ("src/A.java", Some(3)));
        assert!(read.findings[0].title.as_str().contains("& more"));
        let moved = read_sound("checkstyle", &text.replace("line=\"3\"", "line=\"30\""));
        assert_eq!(moved.findings[0].fingerprint, read.findings[0].fingerprint);
    }

    #[test]
    fn clean_failed_and_odd() {
        let clean = read_sound("checkstyle", "<checkstyle version='4.3'/>");
        assert_eq!((clean.findings.len(), clean.report.problems_total), (0, 0));
        let failed = "<checkstyle><file name='a'><exception><![CDATA[x]]></exception></file></checkstyle>";
        assert_eq!(read_sound("checkstyle", failed).report.problems_total, 1);
        for text in [
            "<checkstyle><error/></checkstyle>",
            "<checkstyle><file name='a'><violation/></file></checkstyle>",
            "<checkstyle><file name='a'>",
            "<files/>",
            "{}",
        ] {
            assert!(read_as("checkstyle", text).error.is_some(), "{text}");
        }
    }
}

//! `truffleHog` 2 (Python; `--json`), `TruffleHog` 3 with `--json-legacy`, and trufflehog3 1 and 2: one object a
//! line, or an array of them. One line is one finding, however many strings it found.
//!
//! Source of the shapes: `truffleHog.py` of `truffleHog` 2, `pkg/output/legacy_json.go` of `TruffleHog` 3,
//! `truffleHog3/lib/search.py`. Neither `diff` nor `stringsFound` is kept.

use super::json::Json;
use super::reading::ReportContext;
use super::secret::Leak;
use super::trufflehog::{TruffleHogLine, walk};
use super::{Format, Opening, ReadError, Reading};
use crate::finding::{Category, Finding, Sighting};

/// `truffleHog` 2 JSON.
pub(super) static FORMAT: Format = Format {
    id: "trufflehog-v2",
    title: "truffleHog 2 JSON lines: credentials in history",
    tool: "trufflehog",
    tried: "2.2.1",
    unrated: true,
    categories: &[Category::Secret],
    attributes: &[],
    lines: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys that the tools of Rusty Hog write beside those that they took over.
const RUSTY_HOG: [&str; 5] = ["linenum", "new_line_num", "old_line_num", "parent_commit_hash", "issue_id"];

fn looks_like(opening: &Opening) -> bool {
    let commit = ["branch", "commit", "commitHash", "printDiff"].iter().any(|key| opening.top.has(key));
    (opening.is_object() || opening.first_element().is_some())
        && opening.top.has("stringsFound")
        && commit
        && !RUSTY_HOG.iter().any(|key| opening.top.has(key))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    walk(json, reading, finding)
}

fn finding(line: &TruffleHogLine<'_>, around: ReportContext<'_>) -> Option<Finding> {
    if !line.strings_found.given {
        return None;
    }
    let values: Vec<&str> = line.strings_found.value.iter().flat_map(|s| &s.0).map(AsRef::as_ref).collect();
    let leak = Leak {
        tool: FORMAT.tool,
        rule: line.reason.as_str(),
        path: line.path.as_str(),
        values: &values,
        ..Leak::default()
    };
    let mut finding = leak.finding(around);
    finding.sighting = Sighting::InHistory;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    const LINE: &str = r#"{"branch":"origin/dev","commit":"Fix\n","commitHash":"288f","date":"2021-01-30 19:50:09","diff":"@@ -1 +1 @@\n+k = 's3cr3t'\n","path":"a/b.py","printDiff":"k = s3cr3t","reason":"High Entropy","stringsFound":["s3cr3t","t0ken"]}"#;

    #[test]
    fn one_line_is_one_finding() {
        for (text, count) in
            [(format!("{LINE}\n{LINE}\n"), 2), (format!("[{LINE}]"), 1), (LINE.replace(',', ",\n"), 1)]
        {
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!((read.format, read.findings.len()), (Some("trufflehog-v2"), count));
            let finding = &read.findings[0];
            assert_eq!((finding.rule_id.as_str(), finding.path()), ("High Entropy", Some("a/b.py")));
            assert!(!format!("{:?}", read.findings).contains("s3cr3t"));
        }
    }

    #[test]
    fn odd_strings_keep_the_finding_and_other_lines_are_told() {
        for strings in ["[]", "null", "7", "[1e400]", "{}"] {
            let read = read_text(&LINE.replace(r#"["s3cr3t","t0ken"]"#, strings));
            assert!(read.error.is_none(), "{strings}: {:?}", read.error);
            assert_eq!(read.findings.len(), 1);
        }
        let renamed = LINE.replace("stringsFound", "stringsFounf");
        assert_eq!(read_text(&format!("{LINE}\n{renamed}")).report.problems.len(), 1);
        for text in [renamed.as_str(), "[]", "null", r#"[{"a":1}]"#] {
            assert!(read_as("trufflehog-v2", text).error.is_some(), "{text}");
        }
    }
}

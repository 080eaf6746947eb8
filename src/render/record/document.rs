//! A page of plain blocks, and the two forms that it is written in.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

use crate::finding::{clean, clean_line};

const STYLE: &str = include_str!("record.css");

/// A part of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordBlock {
    /// A heading below the title: 2 or 3.
    Heading(u8, String),
    /// A paragraph.
    Paragraph(String),
    /// Rows under a head. The word of a cell that is an outcome is told by its colour too.
    Table(Vec<&'static str>, Vec<Vec<String>>),
    /// Lines with a point before each.
    Points(Vec<String>),
    /// Commands, as they are typed.
    Commands(Vec<String>),
}

/// Words that the page colours.
const OUTCOMES: [&str; 7] = ["pass", "fail", "review", "error", "warn", "not_applicable", "not reviewed"];

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The page in HTML: nothing is fetched, no script runs.
pub(super) fn html(title: &str, blocks: &[RecordBlock]) -> String {
    let mut out = String::new();
    let style = Base64::encode_string(&Sha256::digest(STYLE));
    let title = escaped(&clean_line(title));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; base-uri \
         'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"secgate {}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n",
        env!("CARGO_PKG_VERSION"),
    );
    for block in blocks {
        let _ = match block {
            RecordBlock::Heading(level, text) => writeln!(out, "<h{level}>{}</h{level}>", escaped(text)),
            RecordBlock::Paragraph(text) => writeln!(out, "<p>{}</p>", escaped(text)),
            RecordBlock::Table(head, rows) => table(&mut out, head, rows),
            RecordBlock::Points(points) => {
                let points: Vec<String> =
                    points.iter().map(|point| format!("<li>{}</li>", escaped(point))).collect();
                writeln!(out, "<ul>\n{}\n</ul>", points.join("\n"))
            }
            RecordBlock::Commands(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
                writeln!(out, "<pre>{}</pre>", lines.join("\n"))
            }
        };
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) -> std::fmt::Result {
    let head: Vec<String> =
        head.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escaped(cell))).collect();
    let head = head.concat();
    writeln!(out, "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>")?;
    for row in rows {
        let cell = |cell: &String| {
            let class = OUTCOMES.iter().find(|word| cell == *word).map(|word| word.replace(' ', "_"));
            let class = class.map(|class| format!(" class=\"{class}\"")).unwrap_or_default();
            format!("<td{class}>{}</td>", escaped(cell))
        };
        let cells = row.iter().map(cell).collect::<Vec<_>>().concat();
        writeln!(out, "<tr>{cells}</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

/// Text in Markdown, none of whose signs means anything.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            c if c.is_ascii_punctuation()
                && !matches!(c, ',' | ';' | ':' | '\'' | '"' | '/' | '%' | '=' | '?') =>
            {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// The page in Markdown.
pub(super) fn markdown(title: &str, blocks: &[RecordBlock]) -> String {
    let mut out = format!("# {}\n", plain(title));
    for block in blocks {
        let _ = match block {
            RecordBlock::Heading(level, text) => {
                writeln!(out, "\n{} {}", "#".repeat(usize::from(*level)), plain(text))
            }
            RecordBlock::Paragraph(text) => writeln!(out, "\n{}", plain(text)),
            RecordBlock::Table(head, rows) => {
                let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
                let mut lines = vec![line(head.iter().map(|cell| plain(cell)).collect())];
                lines.push(line(vec!["---".to_owned(); head.len()]));
                lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| plain(cell)).collect())));
                writeln!(out, "\n{}", lines.join("\n"))
            }
            RecordBlock::Points(points) => {
                let points: Vec<String> = points.iter().map(|point| format!("- {}", plain(point))).collect();
                writeln!(out, "\n{}", points.join("\n"))
            }
            RecordBlock::Commands(lines) => {
                // Nothing in a line can close the block: four blanks make it, not a fence.
                let lines: Vec<String> =
                    lines.iter().map(|line| format!("    {}", clean_line(line))).collect();
                writeln!(out, "\n{}", lines.join("\n"))
            }
        };
    }
    out
}

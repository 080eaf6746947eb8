//! The fleet as Markdown: the same tables, for a wiki or a comment.

use std::io::{self, Write};

use super::content::FleetContent;
use super::table::FleetCell;
use crate::render::markdown::escape::{code, prose};

/// Rows of one table.
const ROWS: usize = 20;

pub(super) fn write(content: &FleetContent<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# {}\n\n{}", prose(&content.title), prose(&content.summary))?;
    writeln!(out)?;
    for (name, value) in &content.figures {
        writeln!(out, "- {}: {}", prose(name), prose(value))?;
    }
    for note in &content.notes {
        writeln!(out, "\n{}", prose(note))?;
    }
    for (heading, tables) in &content.parts {
        writeln!(out, "\n## {heading}")?;
        for table in tables {
            writeln!(out, "\n### {}\n\n{}", table.heading, prose(&table.about))?;
            if table.rows.is_empty() {
                writeln!(out, "\n{}", prose(table.empty))?;
                continue;
            }
            writeln!(out, "\n| {} |", table.columns.join(" | "))?;
            writeln!(out, "|{}", " --- |".repeat(table.columns.len()))?;
            for row in table.rows.iter().take(ROWS) {
                let cells: Vec<String> = row.iter().map(written).collect();
                writeln!(out, "| {} |", cells.join(" | "))?;
            }
            let more = table.rows.len().saturating_sub(ROWS);
            if more > 0 {
                writeln!(out, "\n{more} more rows are in `--format csv`.")?;
            }
        }
    }
    Ok(())
}

/// A cell; a bar would end it, in code as well.
fn written(cell: &FleetCell) -> String {
    let text = match cell {
        FleetCell::Words(text) | FleetCell::Written(text) => prose(text),
        FleetCell::Name(text) | FleetCell::Repository(text) if text.is_empty() => String::new(),
        FleetCell::Name(text) | FleetCell::Repository(text) => code(text),
        FleetCell::Colored(_) | FleetCell::Count(_) | FleetCell::Share(..) | FleetCell::Day(_) => {
            cell.shown()
        }
    };
    text.replace('|', "\\|")
}

//! CSV after RFC 4180, in a form that no spreadsheet takes for a formula.

use std::io::{self, Write};

use super::table::{FleetChart, FleetTable};
use crate::finding::clean_line;

/// Writes a table whole.
pub(super) fn table(table: &FleetTable, out: &mut dyn Write) -> io::Result<()> {
    line(table.columns.iter().map(|name| (*name).to_owned()), out)?;
    table.rows.iter().try_for_each(|row| line(row.iter().map(super::table::FleetCell::exact), out))
}

/// Writes what a chart is drawn of.
pub(super) fn chart(chart: &FleetChart, out: &mut dyn Write) -> io::Result<()> {
    line(["name"].into_iter().chain(chart.parts.iter().map(|(_, name)| *name)).map(str::to_owned), out)?;
    chart.bars.iter().try_for_each(|bar| {
        line(std::iter::once(bar.name.clone()).chain(bar.parts.iter().map(u64::to_string)), out)
    })
}

fn line(cells: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|cell| field(&cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A field. One that a spreadsheet would calculate is a text for it (OWASP, "CSV injection").
fn field(text: &str) -> String {
    let text = clean_line(text);
    let number = text.parse::<i64>().is_ok();
    let formula = text.starts_with(['=', '+', '-', '@']) && !number;
    let text = if formula { format!("'{text}") } else { text.into_owned() };
    if text.contains(['"', ',', '\n', '\r', ';', '\t']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_no_formulas_and_keep_to_their_column() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@kim", "'@kim"),
            ("-5", "-5"),
            ("-5+2", "'-5+2"),
        ] {
            assert_eq!(field(text), expected);
        }
    }
}

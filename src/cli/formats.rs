//! `secgate formats`

use std::fmt::Write as _;

use anyhow::Result;

use crate::exit;
use crate::render::{LISTINGS, OUTPUTS};
use crate::report::{FORMATS, ShippedMapping, shipped_mappings};

pub(super) fn run() -> Result<u8> {
    let mut text =
        String::from("Reports that can be read (`--input FORMAT=PATH`, or found from the content):\n");
    for format in FORMATS {
        let categories: Vec<&str> = format.categories.iter().map(|c| c.as_str()).collect();
        let categories =
            if categories.is_empty() { String::new() } else { format!(" ({})", categories.join(", ")) };
        writeln!(text, "  {:<26} {}{categories}", format.id, format.title)?;
    }
    text.push_str("\nReports that a mapping describes, found from the content as well:\n");
    for ShippedMapping { mapping, .. } in shipped_mappings() {
        writeln!(text, "  {:<26} {} ({})", mapping.id, mapping.title, mapping.category)?;
    }
    text.push_str("\nVerdicts (`secgate check --format`, `--output FORMAT=PATH`):\n");
    for output in OUTPUTS {
        writeln!(text, "  {:<26} {}", output.id, output.title)?;
    }
    text.push_str("\nLists of findings (`secgate findings --format`):\n");
    for listing in LISTINGS {
        writeln!(text, "  {:<26} {}", listing.id, listing.title)?;
    }
    super::print(text.as_bytes())?;
    Ok(exit::PASS)
}

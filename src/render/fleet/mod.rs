//! What months of runs say of a fleet: a page, Markdown and tables for the lead, SARIF and OSCAL for other systems.

mod content;
mod csv;
mod exchange;
mod html;
mod markdown;
mod table;

use std::io::{self, Write};

use crate::fleet::Fleet;
use content::FleetContent;

/// A form in which a fleet is told as one text.
#[derive(Debug)]
pub struct FleetOutput {
    /// Its id in `--format`.
    pub id: &'static str,
    /// Its purpose.
    pub title: &'static str,
    /// What it has near its beginning.
    pub marks: &'static [&'static str],
    write: fn(&Fleet, &mut dyn Write) -> io::Result<()>,
}

/// Every such form, in the order of listings.
pub static FLEET_OUTPUTS: &[FleetOutput] = &[
    FleetOutput {
        id: "html",
        title: "one self-contained page",
        marks: &["content=\"secgate "],
        write: |fleet, out| html::write(&FleetContent::of_fleet(fleet), out),
    },
    FleetOutput {
        id: "markdown",
        title: "the same tables, up to 20 rows each",
        marks: &["# Security gates of the fleet"],
        write: |fleet, out| markdown::write(&FleetContent::of_fleet(fleet), out),
    },
    FleetOutput {
        id: "sarif",
        title: "SARIF 2.1.0: what blocks in the latest run of each repository",
        marks: &["/sarif-schema-2.1.0.json"],
        write: exchange::sarif,
    },
    FleetOutput {
        id: "oscal",
        title: "OSCAL assessment results: the latest decision of each repository",
        marks: &["\"assessment-results\""],
        write: exchange::oscal,
    },
];

impl FleetOutput {
    /// Writes a fleet.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn write(&self, fleet: &Fleet, out: &mut dyn Write) -> io::Result<()> {
        (self.write)(fleet, out)
    }
}

/// A table of a fleet as CSV.
#[derive(Debug)]
pub struct FleetCsv {
    /// Its name.
    pub id: &'static str,
    /// The text.
    pub text: Vec<u8>,
}

/// All tables whole as CSV, and the findings that are open.
///
/// # Errors
/// None: they are written into memory.
pub fn csv_tables(fleet: &Fleet) -> io::Result<Vec<FleetCsv>> {
    let content = FleetContent::of_fleet(fleet);
    let open = content::open_findings(fleet);
    content
        .tables()
        .chain([&open])
        .map(|table| {
            let mut text = Vec::new();
            csv::table(table, &mut text)?;
            Ok(FleetCsv { id: table.id, text })
        })
        .collect()
}

//! `secgate formats`

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit;
use crate::finding::clean_line;
use crate::render::{LISTINGS, OUTPUTS};
use crate::report::{FORMATS, Format, ShippedMapping, shipped_mappings};

/// List what can be read and written
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  secgate formats\n  secgate formats grype\n  secgate formats --format json"
)]
pub(super) struct FormatsArgs {
    /// One format of reports, to tell all about
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How to tell it; Markdown is the table of the documentation
    #[arg(long, value_enum, default_value = "text")]
    format: FormatsOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatsOutput {
    Text,
    Json,
    Markdown,
}

/// Facts about a format of reports.
#[derive(Debug, Serialize)]
struct FormatFacts {
    id: &'static str,
    title: &'static str,
    /// `reader` or `mapping`.
    read_by: &'static str,
    categories: Vec<&'static str>,
    /// Versions of the tool; empty where none is recorded.
    tried: &'static str,
    /// What says that a scan failed, was done in part or looked at nothing.
    signals: Vec<String>,
    /// What its reports never say.
    silent_about: Vec<&'static str>,
}

impl FormatFacts {
    fn of_reader(format: &'static Format) -> Self {
        Self {
            id: format.id,
            title: format.title,
            read_by: "reader",
            categories: format.categories.iter().map(|c| c.as_str()).collect(),
            tried: format.tried,
            signals: format.signals.iter().map(|signal| (*signal).to_owned()).collect(),
            silent_about: format.silent_about(),
        }
    }

    fn of_mapping(shipped: &'static ShippedMapping) -> Self {
        Self {
            id: &shipped.mapping.id,
            title: &shipped.mapping.title,
            read_by: "mapping",
            categories: shipped.categories().iter().map(|c| c.as_str()).collect(),
            tried: "",
            signals: shipped.signals(),
            silent_about: shipped.silent_about(),
        }
    }
}

fn facts() -> Vec<FormatFacts> {
    let readers = FORMATS.iter().copied().map(FormatFacts::of_reader);
    readers.chain(shipped_mappings().iter().map(FormatFacts::of_mapping)).collect()
}

pub(super) fn run(args: &FormatsArgs) -> Result<u8> {
    let mut all = facts();
    if let Some(name) = &args.name {
        let known = all.iter().map(|facts| (strsim::damerau_levenshtein(facts.id, name), facts.id));
        let nearest = known.min().map_or("", |(_, id)| id);
        if !all.iter().any(|facts| facts.id == name) {
            return Err(anyhow!(
                "no format of reports is called `{}`; the nearest is `{nearest}` (`secgate formats` lists all)",
                clean_line(name)
            ));
        }
        all.retain(|facts| facts.id == name);
    }
    match (args.format, &args.name) {
        (FormatsOutput::Json, _) => {
            let text = serde_json::to_string_pretty(&all)?;
            super::print_exact(format!("{text}\n").as_bytes())?;
        }
        (FormatsOutput::Markdown, _) => super::print_exact(table(&all)?.as_bytes())?,
        (FormatsOutput::Text, Some(_)) => super::print(about(&all)?.as_bytes())?,
        (FormatsOutput::Text, None) => super::print(listing()?.as_bytes())?,
    }
    Ok(exit::PASS)
}

/// A list, or a word in its place.
fn or(list: &[impl AsRef<str>], none: &str, between: &str) -> String {
    let list: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    if list.is_empty() { none.to_owned() } else { list.join(between) }
}

fn about(all: &[FormatFacts]) -> Result<String> {
    let mut text = String::new();
    for facts in all {
        writeln!(text, "{}: {}", facts.id, facts.title)?;
        writeln!(text, "  read by        a {}", facts.read_by)?;
        writeln!(
            text,
            "  finds          {}",
            or(&facts.categories, "nothing by itself: it is evidence", ", ")
        )?;
        let tried = if facts.tried.is_empty() { "not recorded" } else { facts.tried };
        writeln!(text, "  tried          {tried}")?;
        writeln!(text, "  failed scans   {}", or(&facts.signals, "its reports do not tell", "; "))?;
        writeln!(text, "  never says     {}", or(&facts.silent_about, "-", ", "))?;
    }
    Ok(text)
}

fn table(all: &[FormatFacts]) -> Result<String> {
    let mut text = String::from(
        "| `--input` | reads | finds | tried | says of failed scans | never says |\n|---|---|---|---|---|---|\n",
    );
    for FormatFacts { id, title, categories, tried, signals, silent_about, .. } in all {
        let cells = [
            or(categories, "-", ", "),
            (*tried).to_owned(),
            or(signals, "nothing", "; "),
            or(silent_about, "-", ", "),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|")).join(" | ");
        writeln!(text, "| `{id}` | {} | {cells} |", title.replace('|', "\\|"))?;
    }
    Ok(text)
}

fn listing() -> Result<String> {
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
    text.push_str("\n`secgate formats NAME` tells what a format of reports says of failed scans, and what it never says.\n");
    Ok(text)
}

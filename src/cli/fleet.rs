//! `secgate fleet`: what months of runs of many repositories say together.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::delivery::{FILE_MODE, deliver};
use super::outputs::is_same_file;
use crate::exit;
use crate::finding::{clean, plural};
use crate::fleet::Fleet;
use crate::render::fleet::{FLEET_OUTPUTS, FleetOutput, csv_tables};
use crate::replay::LABELS;

/// Tell what months of runs say: verdicts, deadlines, waivers, scanners, rules and reviews of all repositories
#[derive(Debug, Args)]
#[command(
    after_help = "ROWS is a folder that `secgate replay --rows DIR` wrote, or a file of `--rows -`. Several \
     are told together, such as one for each gate; a run that two of them hold is refused. The \
     exit code is 0 whatever was decided, and 2 if rows are not whole or not what secgate writes."
)]
pub(super) struct FleetArgs {
    /// Folders or files of rows
    #[arg(value_name = "ROWS", required = true)]
    rows: Vec<PathBuf>,

    /// What to write; `csv` is a folder of tables
    #[arg(long, value_name = "FORMAT", default_value = "html", value_parser = form())]
    format: FleetForm,

    /// Where to write it: a file, and of `csv` a folder; standard output without
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,

    /// The one table that `--format csv` writes
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Whose decisions are told, where the rows hold those of two policies
    #[arg(long, value_name = "LABEL", default_value = "A", value_parser = PossibleValuesParser::new(LABELS))]
    label: String,
}

/// Form of the output.
#[derive(Debug, Clone, Copy)]
enum FleetForm {
    /// One text.
    Text(&'static FleetOutput),
    /// Tables.
    Csv,
}

const CSV: &str = "csv";

fn form() -> impl TypedValueParser<Value = FleetForm> {
    let values = FLEET_OUTPUTS.iter().map(|output| PossibleValue::new(output.id).help(output.title));
    let csv = PossibleValue::new(CSV).help("a folder of tables, whole, and the findings that are open");
    PossibleValuesParser::new(values.chain([csv])).try_map(|id: String| {
        let text = FLEET_OUTPUTS.iter().find(|output| output.id == id).map(FleetForm::Text);
        text.or((id == CSV).then_some(FleetForm::Csv)).ok_or("is no form")
    })
}

pub(super) fn run(args: &FleetArgs) -> Result<u8> {
    if let Some(path) = &args.output {
        if path.as_os_str().is_empty() {
            bail!("--output is empty; is a variable of the script unset?");
        }
        if args.rows.iter().any(|input| is_same_file(input, path)) {
            bail!("--output {}: is also an input of this run", clean(&path.to_string_lossy()));
        }
        if let FleetForm::Text(output) = args.format {
            super::report::forget(path, &args.rows, output.marks)?;
        }
    }
    if args.table.is_some() && !matches!(args.format, FleetForm::Csv) {
        bail!("--table is for --format csv");
    }
    let fleet = Fleet::read(&args.rows, &args.label)?;
    match args.format {
        FleetForm::Text(output) => {
            let mut text = Vec::new();
            output.write(&fleet, &mut text)?;
            put(args.output.as_deref(), &text)?;
        }
        FleetForm::Csv => tables(args, &fleet)?,
    }
    Ok(exit::PASS)
}

fn put(path: Option<&Path>, text: &[u8]) -> Result<()> {
    match path {
        Some(path) => deliver(path, FILE_MODE, text).context("--output"),
        None => super::print_exact(text),
    }
}

fn tables(args: &FleetArgs, fleet: &Fleet) -> Result<()> {
    let tables = csv_tables(fleet)?;
    if let Some(name) = &args.table {
        let Some(table) = tables.iter().find(|table| table.id == name) else {
            let names: Vec<&str> = tables.iter().map(|table| table.id).collect();
            bail!("--table {}: is none of {}", clean(name), names.join(", "));
        };
        return put(args.output.as_deref(), &table.text);
    }
    let Some(folder) = &args.output else {
        bail!("--format csv writes several tables: give --output DIR, or --table NAME for one");
    };
    let name = clean(&folder.to_string_lossy()).into_owned();
    fs::create_dir_all(folder).with_context(|| format!("--output {name}"))?;
    for table in &tables {
        deliver(&folder.join(format!("{}.csv", table.id)), FILE_MODE, &table.text).context("--output")?;
    }
    super::note(&format!("{} in {name}", plural(tables.len() as u64, "table")));
    Ok(())
}

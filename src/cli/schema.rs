//! `secgate schema`

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::exit;
use crate::render::{PublishedSchema, SCHEMAS};

/// Print a JSON Schema
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Files that it describes
    #[arg(value_name = "NAME", value_parser = published())]
    name: &'static PublishedSchema,
}

fn published() -> impl TypedValueParser<Value = &'static PublishedSchema> {
    let values = SCHEMAS.iter().map(|schema| PossibleValue::new(schema.name).help(schema.title));
    let find = |name: String| SCHEMAS.iter().find(|schema| schema.name == name).ok_or("is no schema");
    PossibleValuesParser::new(values).try_map(find)
}

pub(super) fn run(args: &SchemaArgs) -> Result<u8> {
    print_schema(&(args.name.schema)())?;
    Ok(exit::PASS)
}

/// Prints a schema as every command does that has one.
pub(super) fn print_schema(schema: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(schema)?;
    super::print_exact(format!("{text}\n").as_bytes())
}

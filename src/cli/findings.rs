//! `secgate findings`

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::args::InputArgs;
use super::environment::Environment;
use crate::exit;
use crate::gather;
use crate::render::{LISTINGS, Listed};

/// Only read and normalise
#[derive(Debug, Args)]
pub(super) struct FindingsArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// Formats of your own: a YAML file with `version: 1` and `mappings:`
    #[arg(long, value_name = "FILE")]
    mappings: Option<PathBuf>,

    /// How to list them: table, ndjson, json or sarif
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = clap::builder::PossibleValuesParser::new(LISTINGS.iter().map(|l| l.id)))]
    format: String,
}

pub(super) fn run(args: &FindingsArgs) -> Result<u8> {
    let mappings = match &args.mappings {
        Some(path) => super::policy::mappings(path)?,
        None => Vec::new(),
    };
    let given = args.inputs.given(&mappings)?;
    if given.is_empty() {
        bail!("no report given; give a PATH, or --input FORMAT=PATH");
    }
    let environment = Environment::read(args.inputs.no_env);
    let roots = environment.roots(args.inputs.root.as_deref());
    let (evidence, findings) = gather::findings(&given, &mappings, args.inputs.limits(0), &roots, None)
        .map_err(|fault| anyhow::anyhow!("{}: {}", fault.path.unwrap_or_default(), fault.message))?;
    if evidence.is_empty() {
        bail!("no report was found there, so nothing is known");
    }
    let Some(listing) = LISTINGS.iter().find(|l| l.id == args.format) else {
        bail!("`{}` is no format of a list", args.format);
    };
    let mut text = Vec::new();
    (listing.write)(&Listed { evidence: &evidence, findings: &findings }, super::look(), &mut text)?;
    super::print(&text)?;
    let mut code = exit::PASS;
    for unreadable in evidence.iter().filter(|e| e.status == crate::decide::Status::Unreadable) {
        let path = unreadable.path.as_ref().map_or("-", |p| p.as_str());
        super::complain(&format!("{path}: {}", unreadable.message));
        code = exit::ERROR;
    }
    Ok(code)
}

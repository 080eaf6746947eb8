//! `secgate findings`

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::InputArgs;
use crate::decide::Status;
use crate::exit;
use crate::finding::{Severity, Text};
use crate::gather;
use crate::render::{LISTINGS, ListedFindings, ListingFormat};
use crate::run::{Environment, mappings};

/// Only read and normalise
#[derive(Debug, Args)]
pub(super) struct FindingsArgs {
    #[command(flatten)]
    inputs: InputArgs,

    /// Formats of your own: a YAML file with `version: 1` and `mappings:`
    #[arg(long, value_name = "FILE")]
    mappings: Option<PathBuf>,

    /// List only those this bad or worse, of several the mildest; what nobody rated is listed, too
    #[arg(long, value_name = "SEVERITY", value_delimiter = ',', ignore_case = true, value_parser = severity())]
    severity: Vec<Severity>,

    /// How to list them: table, ndjson, json or sarif
    #[arg(long, short, value_name = "FORMAT", default_value = "table", value_parser = listing())]
    format: &'static ListingFormat,
}

fn listing() -> impl TypedValueParser<Value = &'static ListingFormat> {
    let find =
        |id: String| LISTINGS.iter().find(|listing| listing.id == id).ok_or("is not a format of a list");
    PossibleValuesParser::new(LISTINGS.iter().map(|listing| listing.id)).try_map(find)
}

fn severity() -> impl TypedValueParser<Value = Severity> {
    let find = |word: String| Severity::from_word(&word.to_ascii_lowercase()).ok_or("is not a severity");
    PossibleValuesParser::new(Severity::ALL.iter().map(|severity| severity.as_str())).try_map(find)
}

pub(super) fn run(args: &FindingsArgs) -> Result<u8> {
    let mappings = match &args.mappings {
        Some(path) => mappings(path)?,
        None => Vec::new(),
    };
    let given = args.inputs.given(&mappings)?;
    if given.is_empty() {
        bail!("no report given; give a PATH, or --input FORMAT=PATH");
    }
    let environment = Environment::read_variables(args.inputs.no_env);
    let roots = environment.roots(args.inputs.root.as_deref());
    let (evidence, mut findings) =
        gather::findings(&given, &mappings, args.inputs.limits(0), &roots, None)
            .map_err(|fault| anyhow::anyhow!("{}: {}", fault.path.unwrap_or_default(), fault.message))?;
    let is_folder = |path: &Text| Path::new(path.real()).is_dir();
    if evidence.iter().all(|e| e.status == Status::Ignored && e.path.as_ref().is_some_and(is_folder)) {
        bail!("no report was found there, so nothing is known");
    }
    let rank = |severity: Severity| severity.rank(Severity::Critical);
    if let Some(least) = args.severity.iter().map(|severity| rank(*severity)).min() {
        findings.retain(|(finding, _)| rank(finding.severity) >= least);
    }
    let mut text = Vec::new();
    (args.format.write)(
        &ListedFindings { evidence: &evidence, findings: &findings },
        super::terminal_look(),
        &mut text,
    )?;
    super::print_exact(&text)?;
    let mut code = exit::PASS;
    for unreadable in evidence.iter().filter(|e| e.status == Status::Unreadable) {
        let path = unreadable.path.as_ref().map_or("-", |p| p.as_str());
        super::complain(&format!("{path}: {}", unreadable.message));
        code = exit::ERROR;
    }
    Ok(code)
}

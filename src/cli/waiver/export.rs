//! `secgate waiver export`: what waivers say, for those who receive the product.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::super::args::{PolicyArgs, clock};
use crate::exit;
use crate::finding::{Purl, clean_line};
use crate::gather::look_for;
use crate::policy::waiver;
use crate::render::waiver_openvex::openvex;
use crate::run::read_waivers;

/// Write waivers for those who receive the product
#[derive(Debug, Args)]
pub(in super::super) struct ExportArgs {
    #[command(flatten)]
    policy: PolicyArgs,

    /// As an `OpenVEX` document: `not_affected` where a waiver says so with a `justification`, else `affected`
    #[arg(long, required = true)]
    openvex: bool,

    /// Who says it
    #[arg(long, value_name = "NAME")]
    author: String,

    /// The product, as a package URL; any number of times
    #[arg(long, value_name = "PURL", required = true)]
    product: Vec<String>,

    /// Waiver files [default: those that the policy names]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

pub(super) fn run(args: &ExportArgs) -> Result<u8> {
    let now = clock(args.now.as_deref())?;
    if args.author.trim().is_empty() {
        bail!("--author is empty; is a variable of the script unset?");
    }
    if let Some(odd) = args.product.iter().find(|product| Purl::parse(product).is_none()) {
        bail!("--product {}: no package URL, such as `pkg:oci/app?repository_url=…`", clean_line(odd));
    }
    let policy = args.policy.request().policy()?;
    let files: Vec<PathBuf> = if args.paths.is_empty() {
        policy.waivers.iter().flat_map(|limits| &limits.files).flat_map(look_for).collect()
    } else {
        args.paths.clone()
    };
    let files = read_waivers(files.into_iter(), &policy, now)?;
    let waivers = waiver::unite(files).map_err(|message| anyhow!(message))?;
    let (document, left_out) = openvex(&waivers, args.author.trim(), &args.product, now);
    for why in left_out {
        super::super::note(&format!("left out {why}"));
    }
    let Some(document) = document else {
        bail!("no waiver of gate {} is about a vulnerability by its id and holds", policy.gate);
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
    super::super::print_exact(text.as_bytes())?;
    Ok(exit::PASS)
}

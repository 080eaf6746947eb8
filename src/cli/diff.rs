//! `secgate diff`: why two saved runs have different verdicts.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::args::TextOrJson;
use crate::exit;
use crate::finding::clean_line;
use crate::run::FlipRequest;
use crate::run::diagnostics::RunDiagnostic;

/// Show why two saved runs have different verdicts
#[derive(Debug, Args)]
#[command(
    after_help = "RUN is what `secgate replay` takes: a folder, a tar file, a bundle, or a file of lines; PATH#ID names one run of \
                  several. Each is decided on by its own policy: that of the bundle, .secgate/GATE.yaml in the run, else the embedded \
                  policy of its gate. The worse run gets inputs of the better one until it has its verdict: code, advisories, severities, \
                  tools, waivers, policy, reports, clock and all else that it rests on. The smallest sets of inputs for which that \
                  holds are the causes.\n\nExit codes: 0 the verdicts are the same, 1 they differ, 2 error."
)]
pub(super) struct DiffArgs {
    /// The first run
    #[arg(value_name = "RUN1")]
    first: PathBuf,

    /// The second run
    #[arg(value_name = "RUN2")]
    second: PathBuf,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: TextOrJson,

    /// The policy of both runs, in place of their own: a file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    policy: Option<PathBuf>,

    /// The policy of the second run
    #[arg(long, value_name = "FILE|NAME")]
    against: Option<PathBuf>,

    /// The value of a parameter of the policy, for runs that give none
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Where contents lie that runs name by SHA-256 alone: DIR/HH/HEX, as they are, .gz or .zst
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

pub(super) fn run(args: &DiffArgs) -> Result<u8> {
    if let Some(text) = args.param.iter().find(|text| !text.contains('=')) {
        bail!(RunDiagnostic::InvalidParameter { shown: clean_line(text).into_owned() });
    }
    let request = FlipRequest {
        runs: [&args.first, &args.second],
        store: args.store.as_deref(),
        policy: args.policy.as_deref(),
        against: args.against.as_deref(),
        parameters: &args.param,
    };
    let diff = request.compare()?;
    let mut out = Vec::new();
    if args.format == TextOrJson::Json {
        serde_json::to_writer_pretty(&mut out, &diff)?;
        writeln!(out)?;
        super::print_exact(&out)?;
    } else {
        crate::render::run_diff::run_diff(&diff, &mut out)?;
        super::print(&out)?;
    }
    Ok(if diff.same_verdict { exit::PASS } else { exit::FAIL })
}

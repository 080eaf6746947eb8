//! `secgate waiver new|lint|list|export`

mod export;
mod import;
mod lint;
mod new;

use anyhow::Result;
use clap::Subcommand;

/// Exceptions to rules
#[derive(Debug, Subcommand)]
pub(super) enum WaiverCommand {
    /// Write a waiver for a finding, or for what an ignore file holds; what only a person can know is left to fill in
    New(new::NewArgs),
    /// Check waivers against the policy and the reports: what is expired, triggered, unused, over-matching or ends soon
    Lint(lint::WaiverLintArgs),
    /// List the waivers of the policy's gate, with what each hides
    List(lint::ListArgs),
    /// Write waivers for those who receive the product, as `OpenVEX`
    Export(export::ExportArgs),
}

pub(super) fn run(command: &WaiverCommand) -> Result<u8> {
    match command {
        WaiverCommand::New(args) => new::run(args),
        WaiverCommand::Lint(args) => lint::lint(args),
        WaiverCommand::List(args) => lint::list(args),
        WaiverCommand::Export(args) => export::run(args),
    }
}

//! `secgate completions` and `secgate man`: made by the binary, so that they fit it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use crate::exit;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "secgate", &mut text);
    super::print_exact(&text)?;
    Ok(exit::PASS)
}

/// Print the manual page, or write one a subcommand
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page a subcommand into this directory, which must exist
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn man(args: &ManArgs) -> Result<u8> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.output else {
        super::print_exact(&page(command, "secgate")?)?;
        return Ok(exit::PASS);
    };
    let mut pages = Vec::new();
    collect(command, "secgate", &mut pages)?;
    for (name, text) in pages {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(exit::PASS)
}

/// The page of a command and those of its subcommands.
fn collect(command: Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for sub in command.get_subcommands() {
        collect(sub.clone(), &format!("{name}-{}", sub.get_name()), pages)?;
    }
    pages.push((name.to_owned(), page(command, name)?));
    Ok(())
}

fn page(command: Command, name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let title = name.to_uppercase();
    clap_mangen::Man::new(command).title(title).section("1").render(&mut text)?;
    Ok(text)
}

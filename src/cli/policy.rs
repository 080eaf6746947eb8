//! `secgate policy show|lint|test|schema`

mod lint;
mod test;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::args::PolicyArgs;
use crate::exit;
use crate::policy;
use crate::run::PolicySource;

/// Look at a policy
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Print the policy that would decide, as it is written
    Show(ShowArgs),
    /// Check a policy: errors, and what is legal but doubtful
    Lint(lint::LintArgs),
    /// Run the cases of policies
    Test(test::TestArgs),
    /// Print the JSON Schema of policies, for editors
    Schema(SchemaArgs),
}

/// Print a policy
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    policy: PolicyArgs,

    /// With all that it inherits by `extends` and all mappings that it names, each line with where it comes from
    #[arg(long)]
    effective: bool,
}

/// Print a JSON Schema
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// That of files of cases (`secgate policy test`) instead
    #[arg(long)]
    cases: bool,
}

/// In `secgate policy show >FILE` the shell empties the file before this program can read it.
fn not_emptied(source: &PolicySource, args: &PolicyArgs) -> Result<()> {
    let empty = |path: &PathBuf| path.metadata().is_ok_and(|is| is.is_file() && is.len() == 0);
    if source.file.as_ref().is_some_and(empty) {
        let embedded = if policy::embedded(&args.gate).is_some() { args.gate.as_str() } else { "merge" };
        bail!(
            "{name}: is empty, so there is no policy to print; with `>{name}` the shell empties the file before secgate reads it\n\
             help: print the embedded policy by its name: secgate policy show --policy {embedded} >{name}; \
             what was in the file before, git may still have: git restore {name}",
            name = source.name
        );
    }
    Ok(())
}

pub(super) fn run(command: PolicyCommand) -> Result<u8> {
    match command {
        PolicyCommand::Show(args) => {
            let request = args.policy.request();
            let source = request.source()?;
            not_emptied(&source, &args.policy)?;
            // A policy that is not valid is an error, also for one who only looks.
            request.load(&source)?;
            let bytes = source.bytes()?;
            if args.effective {
                let text = policy::effective(&source.name, &bytes, &mut |path| source.beside(path))?;
                super::print(text.as_bytes())?;
            } else {
                super::print(&bytes)?;
            }
        }
        PolicyCommand::Lint(args) => return lint::run(&args),
        PolicyCommand::Test(args) => return test::run(&args),
        PolicyCommand::Schema(args) => {
            let schema = if args.cases { policy::testing::schema() } else { policy::schema() };
            let text = serde_json::to_string_pretty(&schema)?;
            super::print(format!("{text}\n").as_bytes())?;
        }
    }
    Ok(exit::PASS)
}

//! `secgate policy show|lint|test|schema`

mod diff;
mod lint;
mod test;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

pub(super) use lint::PolicyLintArgs;

use super::args::PolicyArgs;
use crate::exit;
use crate::finding::clean;
use crate::policy;
use crate::run::{PolicyRequest, PolicySource};

/// Look at a policy
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Print the policy that would decide, as it is written
    Show(PolicyShowArgs),
    /// Check a policy: errors, and what is legal but doubtful
    Lint(PolicyLintArgs),
    /// Run the cases of policies
    Test(test::TestArgs),
    /// Say in what one policy is looser or stricter than another
    Diff(diff::PolicyDiffArgs),
    /// Print the JSON Schema of policies, for editors
    Schema(PolicySchemaArgs),
    /// Print the digests of policies, as `policy:` of a `verdicts` rule and --require-policy take them
    Digest(DigestArgs),
}

/// Print the digests of policies
#[derive(Debug, Args)]
pub(super) struct DigestArgs {
    /// Policy files, or names of gates: .secgate/NAME.yaml, else the embedded policy of that name
    #[arg(value_name = "FILE|NAME", required = true)]
    policies: Vec<PathBuf>,
}

/// Print a policy
#[derive(Debug, Args)]
pub(super) struct PolicyShowArgs {
    #[command(flatten)]
    policy: PolicyArgs,

    /// With all that it inherits by `extends` and all mappings that it names, each line with where it comes from
    #[arg(long)]
    effective: bool,
}

/// Print a JSON Schema
#[derive(Debug, Args)]
pub(super) struct PolicySchemaArgs {
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

/// A policy as `check --gate` finds it, or `check --policy`.
fn load_named(path: &Path) -> Result<policy::Policy> {
    let name = path.to_str().filter(|name| !name.contains(['/', '.', '\\']));
    let request = PolicyRequest {
        gate: name.unwrap_or("merge").to_owned(),
        policy: name.is_none().then(|| path.to_owned()),
        require_policy: None,
    };
    request.load(&request.source()?)
}

/// The digests of policies as a line of a `verdicts` rule, and below it which is whose.
fn digests(policies: &[PathBuf]) -> Result<String> {
    let mut told = Vec::new();
    for path in policies {
        let policy = load_named(path)?;
        told.push((policy.sha256, policy.gate, policy.source));
    }
    let all: Vec<String> = told.iter().map(|(sha256, ..)| format!("\"sha256:{sha256}\"")).collect();
    let mut text = format!("policy: [{}]\n", all.join(", "));
    for (sha256, gate, source) in &told {
        let _ = writeln!(text, "# {} {} sha256:{sha256}", clean(gate), clean(source));
    }
    Ok(text)
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
                super::print_exact(text.as_bytes())?;
            } else {
                super::print_exact(&bytes)?;
            }
        }
        PolicyCommand::Lint(args) => return lint::run(&args),
        PolicyCommand::Test(args) => return test::run(&args),
        PolicyCommand::Diff(args) => return diff::run(&args),
        PolicyCommand::Digest(args) => super::print(digests(&args.policies)?.as_bytes())?,
        PolicyCommand::Schema(args) => {
            let schema = if args.cases { policy::testing::schema() } else { policy::schema() };
            super::schema::print_schema(&schema)?;
        }
    }
    Ok(exit::PASS)
}

//! The command line: one file per subcommand.

mod args;
mod attest;
mod baseline;
mod check;
mod delivery;
mod diff;
mod explain;
mod findings;
mod fleet;
mod formats;
mod init;
mod outputs;
mod policy;
mod record;
mod replay;
mod report;
mod revalidate;
mod scan;
mod schema;
mod shell;
mod verify;
mod waiver;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::error::ContextKind;
use clap::{Parser, Subcommand, ValueEnum};

use crate::exit;
use crate::render::{Look, for_log};

/// A security quality gate: reads what scanners saved, applies a policy, and says pass, fail or review.
#[derive(Debug, Parser)]
#[command(name = "secgate", version, about, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 pass, 1 fail, 2 error (no decision), 10 review.")]
struct Cli {
    #[command(subcommand)]
    command: CliCommand,

    /// When text is coloured [default: on a terminal, by `NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE` and `CLICOLOR`]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_default_value = true
    )]
    color: ColorWhen,
}

/// When text for people is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// What `--color` says; it touches text only.
static COLOR: OnceLock<ColorWhen> = OnceLock::new();

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Read reports and decide: pass, fail or review
    Check(Box<check::CheckArgs>),
    /// List the findings of reports, normalised, without deciding
    Findings(findings::FindingsArgs),
    /// Run one scanner and write a receipt beside its report
    Record(record::RecordArgs),
    /// Run the scanners that the policy names and that are installed, then check; before a push too
    Scan(Box<scan::ScanArgs>),
    /// Decide again on saved runs, with one policy or two side by side
    Replay(Box<replay::ReplayArgs>),
    /// Show why two saved runs have different verdicts
    Diff(diff::DiffArgs),
    /// Summarise months of runs of all repositories on one page
    Fleet(fleet::FleetArgs),
    /// Write a policy, a GitLab job and a hook for this repository
    Init(init::InitArgs),
    /// Known findings: write, show, prune
    #[command(subcommand)]
    Baseline(Box<baseline::BaselineCommand>),
    /// Explain a finding or a rule: the clause of the policy, why, and what would change it
    Explain(Box<explain::ExplainArgs>),
    /// List what can be read and written, and what each format tells
    Formats(formats::FormatsArgs),
    /// Print the JSON Schema of verdicts, findings, waivers, replays, differences, saved runs or policies
    Schema(schema::SchemaArgs),
    /// Look at a policy: show, lint, test, schema
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The same as `policy lint`
    Lint(policy::PolicyLintArgs),
    /// Exceptions to rules: new, lint, list
    #[command(subcommand)]
    Waiver(Box<waiver::WaiverCommand>),
    /// Sign a verdict; keygen makes a key pair, accept signs a person's word
    Attest(Box<attest::AttestArgs>),
    /// Check signed verdicts and the chain of gates
    Verify(Box<verify::VerifyArgs>),
    /// The record for people who were not there: what was decided, on what and why
    Report(Box<report::ReportArgs>),
    /// Say which released artifacts their gate would stop today
    Revalidate(Box<revalidate::RevalidateArgs>),
    /// Print the completions of a shell
    Completions(shell::CompletionsArgs),
    /// Print the manual page
    Man(shell::ManArgs),
}

/// Runs a command line and gives its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    // What is read may hold secrets, and a crash may not leave them in a file. Where that is not to be had nothing is lost.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // Tables of texts from outside are made with it; the library would panic.
    if let Err(error) = getrandom::fill(&mut [0; 8]) {
        outputs::forget(&args);
        complain(&format!("the system gives no random numbers: {error}"));
        return exit::ERROR;
    }
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::ERROR } else { exit::PASS };
            if code == exit::ERROR {
                outputs::forget(&args);
            }
            let shown = error.print();
            let flag = error.get(ContextKind::InvalidArg).map(ToString::to_string);
            if flag.is_some_and(|flag| flag.starts_with("--severity")) {
                note(
                    "what stops is for the policy to say (`severity:` in its rules); `secgate findings --severity \
                     high,critical PATH` lists findings",
                );
            }
            return if shown.is_ok() && io::stdout().flush().is_ok() { code } else { exit::ERROR };
        }
    };
    let _ = COLOR.set(cli.color);
    let done = match cli.command {
        CliCommand::Check(args) => Ok(check::run(&args)),
        CliCommand::Findings(args) => findings::run(&args),
        CliCommand::Record(args) => record::run(&args),
        CliCommand::Scan(args) => scan::run(&args),
        CliCommand::Replay(args) => replay::run(&args),
        CliCommand::Diff(args) => diff::run(&args),
        CliCommand::Fleet(args) => fleet::run(&args),
        CliCommand::Init(args) => init::run(&args),
        CliCommand::Baseline(command) => baseline::run(&command),
        CliCommand::Explain(args) => explain::run(&args),
        CliCommand::Formats(args) => formats::run(&args),
        CliCommand::Schema(args) => schema::run(&args),
        CliCommand::Policy(command) => policy::run(command),
        CliCommand::Lint(args) => policy::run(policy::PolicyCommand::Lint(args)),
        CliCommand::Waiver(command) => waiver::run(&command),
        CliCommand::Attest(args) => attest::run(&args),
        CliCommand::Verify(args) => verify::run(&args),
        CliCommand::Report(args) => report::run(&args),
        CliCommand::Revalidate(args) => revalidate::run(&args),
        CliCommand::Completions(args) => shell::completions(&args),
        CliCommand::Man(args) => shell::man(&args),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        exit::ERROR
    })
}

/// An error on standard error. If even that is gone, the exit code still tells.
fn complain(message: &str) {
    let _ = io::stderr().write_all(&for_log(format!("error: {message}\n").as_bytes()));
}

/// Something that does not end the command.
fn warn(message: &str) {
    let _ = io::stderr().write_all(&for_log(format!("warning: {message}\n").as_bytes()));
}

/// True if standard output and standard error are seen together.
fn on_one_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// A remark on standard error.
fn note(message: &str) {
    let _ = io::stderr().write_all(&for_log(format!("secgate: {message}\n").as_bytes()));
}

/// Writes all of a text for people to standard output, or says why not. No line of it is a command to a runner of CI.
fn print(text: &[u8]) -> anyhow::Result<()> {
    print_exact(&for_log(text))
}

/// Writes what programs read to standard output, byte for byte, or says why not.
fn print_exact(text: &[u8]) -> anyhow::Result<()> {
    delivery::StandardStream::Output
        .write(text)
        .map_err(|error| anyhow::anyhow!("standard output cannot be written: {error}"))
}

/// True in a job of GitLab, whose log shows colours and folds sections.
fn is_job_log() -> bool {
    std::env::var_os("GITLAB_CI").is_some_and(|value| value == "true")
}

/// What standard output can show: colours where `--color` says so, else by the variables that are common for it
/// (no-color.org, force-color.org, bixense.com/clicolors), else on a terminal and in GitLab's job log, which shows them without
/// being one and folds sections.
fn terminal_look() -> Look {
    let terminal = io::stdout().is_terminal();
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let forced = || ["FORCE_COLOR", "CLICOLOR_FORCE"].into_iter().filter_map(set).any(|value| value != "0");
    let plain = || {
        set("CLICOLOR").is_some_and(|value| value == "0") || set("TERM").is_some_and(|term| term == "dumb")
    };
    let no_color = set("NO_COLOR").is_some();
    let when = COLOR.get().copied().unwrap_or(ColorWhen::Auto);
    let sections = !terminal && is_job_log() && !no_color && when != ColorWhen::Never;
    let color = match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if no_color => false,
        ColorWhen::Auto => sections || forced() || terminal && !plain(),
    };
    let width = terminal_size::terminal_size().filter(|_| terminal);
    let width = width.map_or(Look::PLAIN.width, |(width, _)| usize::from(width.0).max(40));
    Look { color, width, sections }
}

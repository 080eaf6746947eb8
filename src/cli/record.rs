//! `secgate record`: runs one scanner, without a shell, and writes down what it saw.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::delivery::{FILE_MODE, deliver};
use crate::exit;
use crate::finding::clean;
use crate::report::receipt::{Receipt, SCHEMA, beside};
use crate::report::{Source, open_regular};
use crate::run::{Environment, parse_commit};

/// Placeholder for a secret.
const MASK: &str = "***";

/// Shortest value of a secret variable that is looked for in arguments.
const SHORTEST: usize = 6;

/// Run one scanner and write PATH.receipt.json: arguments, exit code, times, commit and SHA-256 of the report
///
/// The scanner is started without a shell, with the environment of secgate. An earlier report and receipt are removed
/// first. secgate ends as the scanner ended, so that it can stand before any command; without a report, or if the
/// receipt could not be written, it ends with 2.
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// The report that the scanner writes
    #[arg(long, value_name = "PATH")]
    report: PathBuf,

    /// Save the scanner's standard output as the report
    #[arg(long)]
    stdout: bool,

    /// An exit code with which the scanner does not say that it failed; any number of times [default: 0 and 1]
    #[arg(long, value_name = "CODE")]
    expect: Vec<i32>,

    /// The commit that is scanned [default: `CI_COMMIT_SHA`]
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,

    /// The scanner and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(args: &RecordArgs) -> Result<u8> {
    let environment = Environment::read_variables(false);
    let commit = match (&args.commit, environment.get("CI_COMMIT_SHA")) {
        (Some(commit), _) => Some(parse_commit("--commit", commit)?),
        (None, Some(commit)) => Some(parse_commit("CI_COMMIT_SHA", commit)?),
        (None, None) => None,
    };
    let (report, receipt) = (args.report.as_path(), beside(&args.report));
    // What an earlier run left must not pass for what this one makes.
    for old in [report, receipt.as_path()] {
        if old.is_dir() {
            bail!("{}: is a folder", display_path(old));
        }
        match old.symlink_metadata() {
            Ok(meta) if !(meta.is_file() || meta.is_symlink()) => {
                bail!("{}: is a pipe, device or socket; nothing was removed", display_path(old));
            }
            Ok(_) => {
                fs::remove_file(old).with_context(|| format!("{}: cannot be removed", display_path(old)))?;
            }
            Err(_) => {}
        }
    }
    let [program, arguments @ ..] = args.command.as_slice() else { bail!("which scanner?") };
    let mut command = Command::new(program);
    command.args(arguments);
    if args.stdout {
        let file = fs::File::create(report)
            .with_context(|| format!("{}: cannot be written", display_path(report)))?;
        command.stdout(Stdio::from(file));
    }
    let started_at = Timestamp::now();
    let status = command.status().map_err(|error| {
        let name = clean(&program.to_string_lossy()).into_owned();
        if error.kind() == std::io::ErrorKind::NotFound {
            anyhow!("{name}: cannot be started: it is not installed (not on PATH)")
        } else {
            anyhow!(error).context(format!("{name}: cannot be started"))
        }
    })?;
    let ended_at = Timestamp::now();
    if let Err(error) = write(args, commit, (started_at, ended_at), status, &receipt) {
        super::complain(&format!("{error:#}"));
        return Ok(exit::ERROR);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::ERROR))
}

fn write(
    args: &RecordArgs,
    commit: Option<String>,
    (started_at, ended_at): (Timestamp, Timestamp),
    status: ExitStatus,
    path: &Path,
) -> Result<()> {
    open_regular(&args.report).map_err(|error| {
        anyhow::anyhow!("{}: the scanner left no report: {error}", display_path(&args.report))
    })?;
    let (sha256, bytes) = digest(&args.report)?;
    let receipt = Receipt {
        schema: SCHEMA.into(),
        argv: masked(&args.command),
        exit_code: status.code(),
        expected: if args.expect.is_empty() { vec![0, 1] } else { args.expect.clone() },
        started_at,
        ended_at,
        commit,
        sha256,
        bytes,
    };
    let text = serde_json::to_string(&receipt)? + "\n";
    deliver(path, FILE_MODE, text.as_bytes())
}

/// SHA-256 and size of the file as it lies there, the same that a check computes.
fn digest(path: &Path) -> Result<(String, u64)> {
    let mut input = Source::File(path.to_owned()).open(u64::MAX)?;
    std::io::copy(&mut input, &mut std::io::sink()).with_context(|| display_path(path))?;
    let (bytes, sha256) = input.digest();
    Ok((sha256, bytes))
}

fn display_path(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}

/// The words of a command line without what looks like a secret: values of flags that are called so, user and
/// password in addresses, and values of variables that are called so.
fn masked(words: &[OsString]) -> Vec<String> {
    let secrets: Vec<String> = std::env::vars_os()
        .filter(|(name, _)| is_secret(&name.to_string_lossy()))
        .map(|(_, value)| value.to_string_lossy().into_owned())
        .filter(|value| value.len() >= SHORTEST)
        .collect();
    let mut masked = Vec::new();
    let mut next = false;
    for word in words {
        let mut word = clean(&word.to_string_lossy()).into_owned();
        for secret in &secrets {
            word = word.replace(secret.as_str(), MASK);
        }
        let flag = word.starts_with('-');
        if next && !flag {
            MASK.clone_into(&mut word);
        } else if let Some((name, _)) = word.split_once('=').filter(|(name, _)| is_secret(name)) {
            word = format!("{name}={MASK}");
        }
        next = flag && !word.contains('=') && is_secret(&word);
        masked.push(without_user(&word));
    }
    masked
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "token",
        "password",
        "passwd",
        "secret",
        "api-key",
        "api_key",
        "apikey",
        "credential",
        "private_key",
        "auth",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// An address without user and password.
fn without_user(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let host_ends = rest.find('/').unwrap_or(rest.len());
    match rest.get(..host_ends).and_then(|host| host.rfind('@')) {
        Some(at) => format!("{scheme}://{MASK}{}", rest.get(at..).unwrap_or_default()),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_command_line_are_masked() {
        let words = [
            "scan",
            "--token",
            "abc",
            "--password=abc",
            "https://user:abc@host/a@b",
            "--format",
            "json",
            "--auth-file",
            "--x",
        ];
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        assert_eq!(
            masked(&words),
            [
                "scan",
                "--token",
                "***",
                "--password=***",
                "https://***@host/a@b",
                "--format",
                "json",
                "--auth-file",
                "--x"
            ]
        );
    }
}

//! Arguments that several subcommands share.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;

use crate::finding::{clean, clean_line};
use crate::gather::{Given, Limits};
use crate::policy::ReportMapping;
use crate::report::{Format, ReadError};

/// Which files are read, and how much of them.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// A report, a directory of reports, or `-` for standard input; the format is found from the content
    #[arg(value_name = "PATH", help_heading = None)]
    pub(super) paths: Vec<PathBuf>,

    /// A report that must have this format (see `secgate formats`)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) input: Vec<OsString>,

    /// The project's directory as scanners saw it; removed from the front of paths
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<String>,

    /// Read nothing from the environment
    #[arg(long)]
    pub(super) no_env: bool,

    /// Largest report, in bytes
    #[arg(long, help_heading = "Limits", value_name = "BYTES", default_value_t = 8 << 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_report: u64,

    /// Most bytes that are taken from standard input
    #[arg(long, help_heading = "Limits", value_name = "BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_stdin: u64,
}

impl InputArgs {
    /// The files as given, in the order of the flags; `mappings` are formats of the user's own.
    pub(super) fn given(&self, mappings: &[ReportMapping]) -> Result<Vec<Given>> {
        let mut given = Vec::new();
        for path in &self.paths {
            if path.as_os_str().is_empty() {
                bail!("an empty PATH; is a variable of the script unset?");
            }
            given.push(Given { path: path.clone(), format: None, entry: None });
        }
        for input in &self.input {
            let (format, path) = pair("--input", "FORMAT=PATH", input)?;
            known_format(&format, mappings).with_context(|| format!("--input {}", clean(&format)))?;
            given.push(Given { path, format: Some(format), entry: None });
        }
        Ok(given)
    }

    /// The limits of the run.
    pub(super) fn limits(&self, max_findings: usize) -> Limits {
        Limits { max_report: self.max_report, max_stdin: self.max_stdin, max_findings }
    }
}

/// Whether a format id is one that this build or a mapping reads; else names the nearest.
pub(super) fn known_format(id: &str, mappings: &[ReportMapping]) -> Result<()> {
    if mappings.iter().any(|mapping| mapping.id == id) {
        return Ok(());
    }
    let near = |known: &str| strsim::damerau_levenshtein(known, id);
    let nearest = mappings.iter().map(|m| m.id.as_str()).min_by_key(|known| near(known));
    match (Format::by_id(id), nearest) {
        (Ok(_), _) => Ok(()),
        (Err(ReadError::NoSuchFormat { asked, nearest: built_in }), Some(own))
            if near(own) <= 3 && built_in.is_none_or(|known| near(own) <= near(known)) =>
        {
            bail!("`{asked}` is no format that secgate reads; did you mean `{own}`?")
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// A mapping may not take the name of a format that this build reads; `source` is the file that holds it.
pub(super) fn no_shadows(source: &str, mappings: &[ReportMapping]) -> Result<()> {
    match mappings.iter().find(|mapping| Format::by_id(&mapping.id).is_ok()) {
        None => Ok(()),
        Some(mapping) => bail!(
            "{source}:{}: `{}` is a format that secgate reads by itself; give the mapping another name",
            mapping.line,
            mapping.id
        ),
    }
}

/// The run's clock: `--now`, else the machine's.
pub(super) fn clock(now: Option<&str>) -> Result<Timestamp> {
    let Some(text) = now else { return Ok(Timestamp::now()) };
    text.parse().with_context(|| format!("--now `{}` is not an RFC 3339 time", clean_line(text)))
}

/// `NAME=PATH`, neither side empty.
pub(super) fn pair(flag: &str, form: &str, text: &OsString) -> Result<(String, PathBuf)> {
    let Some(text) = text.to_str() else { bail!("{flag} {form}: the value is not UTF-8") };
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(path)))
        }
        Some((_, "")) => {
            bail!("{flag} {}: the path is empty; is a variable of the script unset?", clean(text))
        }
        _ => bail!("{flag} wants {form}, got `{}`", clean(text)),
    }
}

//! Arguments that several subcommands share.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::attest::ClockSource;
use crate::finding::{clean, clean_line};
use crate::gather::{GivenFile, Limits};
use crate::policy::ReportMapping;
use crate::render::{OUTPUTS, OutputFormat, TEXT};
use crate::run::{BaseRequest, GateBeforeRequest, PolicyRequest, RunRequest, given_reports};

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

    /// Most bytes read from standard input
    #[arg(long, help_heading = "Limits", value_name = "BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_stdin: u64,
}

impl InputArgs {
    /// Reports with the format that each must have.
    pub(super) fn input(&self) -> Result<Vec<(String, PathBuf)>> {
        self.input.iter().map(|text| pair("--input", "FORMAT=PATH", text)).collect()
    }

    /// The files as given, in the order of the flags; `mappings` are formats of the user's own.
    pub(super) fn given(&self, mappings: &[ReportMapping]) -> Result<Vec<GivenFile>> {
        let input = self.input()?;
        self.paths.iter().chain(input.iter().map(|(_, path)| path)).try_for_each(|path| is_there(path))?;
        given_reports(&self.paths, &input, mappings)
    }

    /// The limits of the run.
    pub(super) fn limits(&self, max_findings: usize) -> Limits {
        Limits { max_report: self.max_report, max_stdin: self.max_stdin, max_findings }
    }
}

/// A given file that is not there is a slip, and told in a line with the file that may be meant; nothing is decided.
fn is_there(path: &Path) -> Result<()> {
    let missing = path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if path == Path::new("-") || path.as_os_str().is_empty() || !missing {
        return Ok(());
    }
    let shown = clean_line(&path.to_string_lossy()).into_owned();
    match nearest_file(path) {
        Some(near) => {
            bail!("{shown}: there is no such file; did you mean {}?", clean_line(&near.to_string_lossy()))
        }
        None => bail!("{shown}: there is no such file"),
    }
}

/// The file beside a path that is not there whose name is nearest.
fn nearest_file(path: &Path) -> Option<PathBuf> {
    let asked = path.file_name()?.to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = std::fs::read_dir(folder.unwrap_or_else(|| Path::new("."))).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let far = |name: &String| (strsim::damerau_levenshtein(name, &asked), name.clone());
    let near = names.filter(|name| far(name).0 <= 3.min(asked.len() / 2)).min_by_key(far);
    near.map(|name| folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name)))
}

/// Which policy decides.
#[derive(Debug, Clone, Args)]
pub(super) struct PolicyArgs {
    /// The gate: .secgate/NAME.yaml, else the embedded policy of that name
    #[arg(long, value_name = "NAME", default_value = "merge", conflicts_with = "policy", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) gate: String,

    /// A policy file, or the name of an embedded policy
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) policy: Option<PathBuf>,

    /// Demand this digest of the policy, or of one that it extends; set it in the pipeline, not in the repository
    #[arg(long, value_name = "sha256:HEX")]
    pub(super) require_policy: Option<String>,
}

impl PolicyArgs {
    /// Policy that is asked for.
    pub(super) fn request(&self) -> PolicyRequest {
        let Self { gate, policy, require_policy } = self.clone();
        PolicyRequest { gate, policy, require_policy }
    }
}

/// Where newness comes from.
#[derive(Debug, Args)]
pub(super) struct BaseArgs {
    /// Known findings, as `secgate baseline write` wrote them
    #[arg(long, value_name = "PATH")]
    pub(super) baseline: Option<PathBuf>,

    /// A report of the same scanner on the target branch; any number of times
    #[arg(long, value_name = "PATH")]
    base_report: Vec<PathBuf>,

    /// The diff of the change, as git writes it
    #[arg(long, value_name = "PATH", conflicts_with = "diff_base")]
    pub(super) diff: Option<PathBuf>,

    /// Have git make the diff: from the merge base of this revision and HEAD to the working tree
    #[arg(long, value_name = "REV")]
    pub(super) diff_base: Option<String>,

    #[command(flatten)]
    pub(super) key: KeyArgs,
}

/// The key of a project's secrets.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// A file of at least 32 random bytes, by which a secret is known again; without it only unchanged lines tell
    #[arg(long, value_name = "FILE")]
    pub(super) secret_key: Option<PathBuf>,
}

/// The gate before this change.
#[derive(Debug, Args)]
pub(super) struct GateBeforeArgs {
    /// The policy before this change [default: what git or the diff shows]; what is looser since needs a review
    #[arg(long, value_name = "FILE|NAME")]
    base_policy: Option<PathBuf>,

    /// A waiver file before this change; any number of times [default: what git or the diff shows]
    #[arg(long, value_name = "PATH")]
    base_waivers: Vec<PathBuf>,
}

/// Inputs of a decision: all that `check` takes but its outputs.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    #[command(flatten, next_help_heading = "Policy")]
    pub(super) policy: PolicyArgs,

    #[command(flatten, next_help_heading = "Evidence")]
    pub(super) inputs: InputArgs,

    /// A file for this entry of the policy's evidence
    #[arg(long, help_heading = "Evidence", value_name = "ENTRY=PATH")]
    pub(super) evidence: Vec<OsString>,

    /// A document that rules look at
    #[arg(long, help_heading = "Evidence", value_name = "NAME=PATH")]
    document: Vec<OsString>,

    #[command(flatten, next_help_heading = "What is new")]
    pub(super) base: BaseArgs,

    /// A waiver file, besides those that the policy names; any number of times
    #[arg(long, help_heading = "Policy", value_name = "PATH")]
    pub(super) waivers: Vec<PathBuf>,

    /// Who owns which file [default: CODEOWNERS, docs/CODEOWNERS or .gitlab/CODEOWNERS]; only shown
    #[arg(long, help_heading = "Evidence", value_name = "PATH")]
    codeowners: Option<PathBuf>,

    #[command(flatten, next_help_heading = "The gate before the change")]
    gate_before: GateBeforeArgs,

    /// The commit that the run is about [default: `CI_COMMIT_SHA`]
    #[arg(long, help_heading = "What the run is about", value_name = "SHA")]
    commit: Option<String>,

    /// An artifact that the run is about; `SUBJECT=` where the policy names several
    #[arg(long, help_heading = "What the run is about", value_name = "[SUBJECT=]NAME@sha256:HEX")]
    subject: Vec<String>,

    /// The value of a parameter of the policy
    #[arg(long, help_heading = "What the run is about", value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Pin the clock
    #[arg(long, help_heading = "What the run is about", value_name = "RFC3339")]
    pub(super) now: Option<String>,

    /// Maximum number of findings kept in detail per rule; counts stay exact
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_findings: u32,
}

impl DecideArgs {
    /// Request, to be decided by this clock.
    pub(super) fn request(&self, now: Timestamp) -> Result<RunRequest> {
        let named = |flag, form, texts: &[OsString]| {
            texts.iter().map(|text| pair(flag, form, text)).collect::<Result<Vec<_>>>()
        };
        let mut evidence = named("--evidence", "ENTRY=PATH", &self.evidence)?;
        let input = self.inputs.input()?;
        let given = input.iter().chain(&evidence).map(|(_, path)| path);
        self.inputs.paths.iter().chain(given).try_for_each(|path| is_there(path))?;
        evidence.extend(named("--document", "NAME=PATH", &self.document)?);
        let BaseArgs { baseline, base_report, diff, diff_base, key } = &self.base;
        Ok(RunRequest {
            policy: self.policy.request(),
            paths: self.inputs.paths.clone(),
            input,
            evidence,
            partial_entries: Vec::new(),
            base: BaseRequest {
                baseline: baseline.clone(),
                base_reports: base_report.clone(),
                diff: diff.clone(),
                diff_base: diff_base.clone(),
                tree_is_gone: false,
                secret_key: key.secret_key.clone(),
            },
            waivers: self.waivers.clone(),
            codeowners: self.codeowners.clone(),
            gate_before: GateBeforeRequest {
                base_policy: self.gate_before.base_policy.clone(),
                base_waivers: self.gate_before.base_waivers.clone(),
            },
            commit: self.commit.clone(),
            subjects: self.subject.clone(),
            parameters: self.param.clone(),
            root: self.inputs.root.clone(),
            no_env: self.inputs.no_env,
            limits: self.inputs.limits(self.max_findings as usize),
            now,
            clock: clock_source(self.now.as_deref()),
        })
    }

    /// The files that the flags name, which no output may replace.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let pairs = self.inputs.input.iter().chain(&self.evidence).chain(&self.document);
        let policy = self.policy.request().source().ok().and_then(|source| source.file);
        let BaseArgs { baseline, base_report, diff, diff_base: _, key } = &self.base;
        let mut files = self.inputs.paths.clone();
        files.extend(pairs.filter_map(|text| pair("", "", text).ok()).map(|(_, path)| path));
        files.extend(policy);
        files.extend(self.waivers.iter().cloned());
        files.extend([baseline, diff, &key.secret_key].into_iter().flatten().chain(base_report).cloned());
        files.extend(self.codeowners.clone());
        files.extend(self.gate_before.base_policy.iter().chain(&self.gate_before.base_waivers).cloned());
        files
    }
}

/// Output of a command that has one text and one JSON object to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    Text,
    Json,
}

/// The outputs of a decision, by the names that `--format` takes.
pub(super) fn decision_output() -> impl TypedValueParser<Value = &'static OutputFormat> {
    let known = PossibleValuesParser::new(OUTPUTS.iter().map(|output| output.id));
    known.try_map(|id| OutputFormat::by_id(&id).ok_or("is not an output format"))
}

/// The run's clock: `--now`, else the machine's.
pub(super) fn clock(now: Option<&str>) -> Result<Timestamp> {
    let Some(text) = now else { return Ok(Timestamp::now()) };
    text.parse().with_context(|| format!("--now `{}` is not an RFC 3339 time", clean_line(text)))
}

/// Where the run's clock is from.
pub(super) fn clock_source(now: Option<&str>) -> ClockSource {
    if now.is_some() { ClockSource::Pinned } else { ClockSource::Machine }
}

/// What is printed and where else it is written, of all commands that decide.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// What to print [default: text]
    #[arg(long, short, help_heading = "Outputs", value_name = "FORMAT", value_parser = decision_output())]
    pub(super) format: Option<&'static OutputFormat>,

    /// Also write this format to a file; any number of times. A PATH alone gets --format, or what its name ends in, and
    /// the text is printed
    #[arg(long, short, help_heading = "Outputs", value_name = "FORMAT=PATH")]
    pub(super) output: Vec<OsString>,

    /// Print only the last line of the text, and nothing where it passes
    #[arg(long, short, help_heading = "Outputs")]
    pub(super) quiet: bool,
}

impl OutputArgs {
    /// What is printed.
    pub(super) fn printed(&self) -> &'static OutputFormat {
        let bare = self.output.iter().any(|output| is_bare(output));
        self.format.filter(|_| !bare).unwrap_or_else(default_output)
    }

    /// The files, each with its format.
    pub(super) fn files(&self) -> Vec<OsString> {
        let named = |path: &OsString| {
            let format = self.format.unwrap_or_else(|| format_of_name(path));
            let mut flag = OsString::from(format!("{}=", format.id));
            flag.push(path);
            flag
        };
        self.output
            .iter()
            .map(|output| if is_bare(output) { named(output) } else { output.clone() })
            .collect()
    }
}

/// Whether an output is a path alone. The name of a format is none: whoever writes `--output json` forgot the path.
pub(super) fn is_bare(output: &OsStr) -> bool {
    let is_format = output.to_str().is_some_and(|name| OutputFormat::by_id(name).is_some());
    !output.is_empty() && !output.as_encoded_bytes().contains(&b'=') && !is_format
}

/// What is printed where nothing else is asked for.
fn default_output() -> &'static OutputFormat {
    OUTPUTS.first().unwrap_or(&TEXT)
}

/// The format that a file's name ends in; text, where it ends in nothing else.
fn format_of_name(path: &OsStr) -> &'static OutputFormat {
    let end = Path::new(path).extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    let id = match end.as_deref() {
        Some("json") => "json",
        Some("sarif") => "sarif",
        Some("xml") => "junit",
        Some("html" | "htm") => "html",
        Some("md") => "markdown",
        Some("env") => "dotenv",
        _ => "text",
    };
    OutputFormat::by_id(id).unwrap_or_else(default_output)
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

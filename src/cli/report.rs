//! `secgate report`: the record of decisions for people who were not there.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};

use super::attest::bytes;
use super::delivery::{FILE_MODE, deliver};
use super::outputs::is_same_file;
use crate::attest::InTotoStatement;
use crate::attest::chain::{self, NamedKey};
use crate::attest::dsse::AttestationDocument;
use crate::attest::release_range::ReleaseRange;
use crate::attest::verdict::{self, VerdictFacts, VerdictStatement};
use crate::exit;
use crate::finding::{clean, hex};
use crate::render::record::{AuditRecord, ControlFramework, RecordProof, RecordedDecision};
use crate::report::Source;
use crate::run::{VERDICT, read_bundle};

/// Largest mapping of controls.
const MAX_CONTROLS: u64 = 1 << 20;

/// Tell what was decided, on what and why, to people who were not there
#[derive(Debug, Args)]
#[command(
    after_help = "Several verdicts make one page, the oldest first. The exit code is 0 whatever was decided, 2 if an input is no \
                  verdict or its signature does not hold."
)]
pub(super) struct ReportArgs {
    /// Bundles of evidence, signed verdicts, or verdicts as `check --format json` writes them
    #[arg(value_name = "BUNDLE|VERDICT", required = true)]
    inputs: Vec<PathBuf>,

    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "html", value_enum)]
    format: RecordForm,

    /// Where to write it; standard output without
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Whose controls the rules are evidence of: soc2, pci-dss, ssdf, slsa, osps, cra, or a file; any number of times
    #[arg(long, value_name = "FILE|NAME")]
    controls: Vec<String>,

    /// Tell the commits of a release, after FROM and up to TO, each with its verdict; `..TO` for a first release
    #[arg(long, value_name = "FROM..TO", requires = "commits")]
    range: Option<String>,

    /// The commits of --range: what `git log --first-parent --format='%H %T %P' FROM..TO` prints, or GitLab's API answers
    #[arg(long, value_name = "FILE", requires = "range")]
    commits: Option<PathBuf>,

    /// Merge requests as GitLab's API answers them; any number of times
    #[arg(long, value_name = "FILE", requires = "range")]
    merge_requests: Vec<PathBuf>,

    /// A public key that signed verdicts are checked with; each has to be signed by one of them
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RecordForm {
    /// One self-contained page
    Html,
    /// Markdown
    Markdown,
    /// OSCAL assessment results
    Oscal,
}

pub(super) fn run(args: &ReportArgs) -> Result<u8> {
    if let Some(path) = &args.output {
        forget(path, &args.inputs, &RECORDS)?;
    }
    let keys = super::verify::public_keys(&args.key)?;
    let frameworks = args.controls.iter().map(|name| framework(name)).collect::<Result<Vec<_>>>()?;
    let mut decisions = Vec::new();
    for path in &args.inputs {
        decisions.extend(read(path, &keys).with_context(|| clean(&path.to_string_lossy()).into_owned())?);
    }
    let mut record = AuditRecord::new(decisions, frameworks);
    if let (Some(range), Some(commits)) = (&args.range, &args.commits) {
        let ends = ReleaseRange::ends(range).map_err(|error| anyhow!("--range {error}"))?;
        record.release = Some(super::verify::range::read(ends, commits, &args.merge_requests)?);
    }
    let text = match args.format {
        RecordForm::Html => record.to_html(),
        RecordForm::Markdown => record.to_markdown(),
        RecordForm::Oscal => record.to_oscal(),
    };
    match &args.output {
        Some(path) => deliver(path, FILE_MODE, text.as_bytes()).context("--output")?,
        None => super::print_exact(text.as_bytes())?,
    }
    Ok(exit::PASS)
}

/// What a record has near its beginning.
const RECORDS: [&str; 3] = ["content=\"secgate ", "# Record of", "\"assessment-results\""];

/// Removes a record of an earlier run, so that it does not outlive one that fails. Nothing else is removed: what is a record has
/// one of the marks.
pub(super) fn forget(path: &Path, inputs: &[PathBuf], marks: &[&str]) -> Result<()> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if path.as_os_str().is_empty() {
        bail!("--output is empty; is a variable of the script unset?");
    }
    if inputs.iter().any(|input| is_same_file(input, path)) {
        bail!("--output {name}: is also an input of this run");
    }
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let mut start = Vec::new();
    let opened = fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    let start = String::from_utf8_lossy(&start);
    if opened.is_err() || !marks.iter().any(|mark| start.contains(mark)) {
        bail!("--output {name}: is there and is not a record; nothing was removed");
    }
    fs::remove_file(path).with_context(|| format!("--output {name}: cannot be replaced"))
}

fn framework(name: &str) -> Result<ControlFramework> {
    let read = match ControlFramework::by_name(name) {
        Some(read) => read,
        None if !name.contains(['/', '.']) => {
            bail!(
                "--controls {}: known are {}, or give a file",
                clean(name),
                ControlFramework::names().join(", ")
            )
        }
        None => ControlFramework::parse(&bytes(Path::new(name), MAX_CONTROLS)?),
    };
    read.map_err(|error| anyhow!("--controls {}: {error}", clean(name)))
}

/// The decisions of a file or a folder.
fn read(path: &Path, keys: &[NamedKey]) -> Result<Vec<RecordedDecision>> {
    let place = clean(&path.to_string_lossy()).into_owned();
    if path.is_dir() || path.extension().is_some_and(|extension| extension == "tar") {
        let bundle = read_bundle(path)?;
        let file = bundle.file(VERDICT)?;
        return Ok(vec![decision(&place, file, Some(bundle.digest()), Vec::new(), RecordProof::Bundle)?]);
    }
    let text = bytes(path, verdict::MAX_BYTES)?;
    // The schema stands in the first bytes of a verdict.
    if VerdictFacts::parse(&text).is_ok() || text.starts_with(b"{\"schema\":") {
        return Ok(vec![decision(&place, &text, None, Vec::new(), RecordProof::File)?]);
    }
    let documents = chain::read_attestations(&place, &Source::Bytes(text.as_slice().into()))
        .map_err(|refused| anyhow!("is neither a bundle nor a verdict: {}", refused.why))?;
    let mut decisions = Vec::new();
    for (place, document) in documents {
        let AttestationDocument::Signed(envelope) = &document else { continue };
        let (payload, signers, proof) = if keys.is_empty() {
            (envelope.payload.clone(), Vec::new(), RecordProof::Unchecked)
        } else {
            let signed = chain::open(&place, &document, keys)
                .map_err(|refused| anyhow!("{} {}", refused.place, refused.why))?;
            (signed.payload, signed.keys, RecordProof::Signed)
        };
        let statement = InTotoStatement::parse(&payload)?;
        // A summary stands beside each verdict.
        if !VerdictStatement::is(&statement) {
            continue;
        }
        let read = VerdictStatement::from_statement(&statement, &payload)?;
        let recorded = decision(&place, &read.file, read.bundle_sha256, signers, proof)?;
        decisions.push(RecordedDecision { trees: read.trees, ..recorded });
    }
    if decisions.is_empty() {
        bail!("holds no signed verdict");
    }
    Ok(decisions)
}

fn decision(
    place: &str,
    file: &[u8],
    bundle: Option<String>,
    signers: Vec<String>,
    proof: RecordProof,
) -> Result<RecordedDecision> {
    let verdict: serde_json::Value = serde_json::from_slice(file).context("the verdict is not JSON")?;
    if verdict.get("schema").and_then(serde_json::Value::as_str) != Some("secgate/verdict/v1") {
        bail!("`schema` is not secgate/verdict/v1");
    }
    Ok(RecordedDecision {
        place: place.to_owned(),
        verdict,
        sha256: hex(&Sha256::digest(file)),
        bundle,
        signers,
        trees: Vec::new(),
        proof,
    })
}

//! `secgate attest`: a verdict as a signed statement; `keygen` makes keys, `accept` signs a person's word.

mod accept;
mod elsewhere;
mod keygen;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use sha2::{Digest as _, Sha256};

use super::delivery::{Destination, FILE_MODE, FolderLocks, deliver, remove, sweep};
use super::outputs::{is_attestation, is_same_file};
use crate::attest::dsse::IN_TOTO;
use crate::attest::result_statements::ResultForm;
use crate::attest::verdict::SignedEvidence;
use crate::attest::{Envelope, PrivateKey, key, verdict, verification_summary};
use crate::exit;
use crate::finding::{clean, hex};
use crate::report::open_regular;
use crate::run::{RecomputedVerdict, parse_commit, read_bundle, recomputed};

/// Sign a verdict
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AttestArgs {
    #[command(subcommand)]
    command: Option<AttestCommand>,

    #[command(flatten)]
    sign: Option<SignArgs>,
}

#[derive(Debug, Subcommand)]
enum AttestCommand {
    /// Make a key pair
    Keygen(keygen::KeygenArgs),
    /// Sign a person's word that what a verdict asked for is accepted
    Accept(accept::AcceptArgs),
}

/// Sign a verdict: an in-toto statement and, for pass and fail, a SLSA verification summary
#[derive(Debug, Args)]
struct SignArgs {
    /// The verdict, as `secgate check --output json=PATH` wrote it; an error is no decision and is not signed
    #[arg(long, value_name = "FILE", required_unless_present_any = ["bundle", "signature"])]
    verdict: Option<PathBuf>,

    /// The bundle of evidence that `secgate check --bundle` wrote: it is checked, its verdict is derived again and
    /// signed, and the statement names the bundle
    #[arg(long, value_name = "DIR|FILE.tar")]
    bundle: Option<PathBuf>,

    /// The private key: Ed25519 or ECDSA P-256, PKCS#8 in PEM; several for several signatures
    #[arg(long, value_name = "FILE", required_unless_present_any = ["unsigned", "signature"])]
    key: Vec<PathBuf>,

    /// Write the statement for somebody else to sign, such as `cosign attest-blob --statement`; `pae` writes the bytes that a
    /// key management service signs
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "statement",
          conflicts_with_all = ["key", "signature", "verifier_id", "resource_uri"])]
    unsigned: Option<elsewhere::UnsignedForm>,

    /// Take back what somebody else signed: a DSSE envelope, or the signature alone with --statement, as bytes or in base64
    #[arg(long, value_name = "FILE", requires = "public_key",
          conflicts_with_all = ["key", "verdict", "bundle", "tree", "git_tree", "verifier_id", "resource_uri"])]
    signature: Option<PathBuf>,

    /// The statement that was signed, as --unsigned wrote it
    #[arg(long, value_name = "FILE", requires = "signature")]
    statement: Option<PathBuf>,

    /// The public key that --signature must be of
    #[arg(long, value_name = "FILE", requires = "signature")]
    public_key: Option<PathBuf>,

    /// A time stamp token (RFC 3161) of the signature's bytes, which is kept beside it
    #[arg(long, value_name = "FILE", requires_all = ["signature", "trusted_root"])]
    timestamp: Option<PathBuf>,

    /// Whose time stamps hold: `sigstore`, `github`, or a `trusted_root.json`
    #[arg(long, value_name = "FILE|NAME", requires = "timestamp")]
    trusted_root: Option<String>,

    /// Where the signed statements go: DSSE envelopes, one a line
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// The tree of the commit that the verdict is about, so that a merge commit with the same content joins it
    #[arg(long, value_name = "SHA", conflicts_with = "git_tree")]
    tree: Option<String>,

    /// Ask git for the tree of the verdict's commit
    #[arg(long)]
    git_tree: bool,

    /// Also sign the decision in words that other tools know; for pass and fail of a policy that does not only watch
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',', conflicts_with_all = ["unsigned", "signature"])]
    also: Vec<AlsoSigned>,

    /// Who verified, in the summaries
    #[arg(long, value_name = "URI", default_value = "secgate:verifier")]
    verifier_id: String,

    /// Subject of the verification summary [default: the artifact, else the commit]
    #[arg(long, value_name = "URI")]
    resource_uri: Option<String>,
}

/// What else is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AlsoSigned {
    /// A Simple Verification Result of in-toto; for a pass
    Svr,
    /// A Test Result of in-toto, with the rules as tests
    TestResult,
}

impl AlsoSigned {
    const fn form(self) -> ResultForm {
        match self {
            Self::Svr => ResultForm::Svr,
            Self::TestResult => ResultForm::TestResult,
        }
    }
}

pub(super) fn run(args: &AttestArgs) -> Result<u8> {
    match (&args.command, &args.sign) {
        (Some(AttestCommand::Keygen(args)), _) => keygen::run(args),
        (Some(AttestCommand::Accept(args)), _) => accept::run(args),
        (None, Some(args)) => sign(args),
        (None, None) => bail!("attest wants --verdict, --key and --output, or keygen or accept"),
    }
}

fn sign(args: &SignArgs) -> Result<u8> {
    let SignArgs { verdict: given, bundle, signature, statement, public_key, timestamp, .. } = args;
    let inputs = [given, bundle, signature, statement, public_key, timestamp].into_iter().flatten();
    let inputs: Vec<&Path> = inputs.chain(&args.key).map(PathBuf::as_path).collect();
    let output = StatementFile::prepare(&args.output, &inputs)?;
    if let (Some(signature), Some(public_key)) = (signature, public_key) {
        return elsewhere::take_back(args, signature, public_key, &output);
    }
    let keys = private_keys(&args.key)?;
    let (name, file, bundle) = verdict_of(args)?;
    let facts = verdict::VerdictFacts::parse(&file).map_err(|error| anyhow!("{name}: {error}"))?;
    let tree = match (&args.tree, args.git_tree) {
        (Some(tree), _) => Some(parse_commit("--tree", tree)?),
        (None, true) => Some(git_tree(facts.commit.as_deref())?),
        (None, false) => None,
    };
    let binary = own_digest();
    let evidence =
        SignedEvidence { tree: tree.as_deref(), bundle: bundle.as_deref(), binary: binary.as_deref() };
    let (statement, facts) = verdict::write(&file, evidence).map_err(|error| anyhow!("{name}: {error}"))?;
    if let Some(form) = args.unsigned {
        output.publish(&form.bytes(statement))?;
        let name = clean(&args.output.to_string_lossy()).into_owned();
        let told = format!("{name}: gate {} {}, to be signed\n", facts.gate, facts.verdict.as_str());
        super::print(told.as_bytes())?;
        return Ok(exit::PASS);
    }
    let keys: Vec<&PrivateKey> = keys.iter().collect();
    let summary =
        verification_summary::write(&facts, tree.as_deref(), &args.verifier_id, args.resource_uri.as_deref());
    let mut text = String::new();
    let mut statements = vec![statement];
    statements.extend(summary);
    let also = args
        .also
        .iter()
        .filter_map(|kind| kind.form().write(&facts, &file, tree.as_deref(), &args.verifier_id));
    statements.extend(also);
    for statement in statements {
        writeln!(text, "{}", Envelope::sign(IN_TOTO, statement, &keys).to_json())?;
    }
    output.publish(text.as_bytes())?;
    let about: Vec<String> = verdict::subjects(&facts, tree.as_deref())
        .iter()
        .flat_map(|s| s.digest.iter().map(|(algorithm, digest)| format!("{algorithm}:{digest}")))
        .collect();
    let told = format!(
        "{}: gate {} {}{}, about {}, signed by {}\n",
        clean(&args.output.to_string_lossy()),
        facts.gate,
        facts.verdict.as_str(),
        if facts.enforced { "" } else { " (ADVISORY)" },
        about.join(", "),
        keys.iter().map(|key| key.public().id()).collect::<Vec<_>>().join(", ")
    );
    super::print(told.as_bytes())?;
    Ok(exit::PASS)
}

/// Statement to sign: its name for messages, the verdict, and the digest of its bundle.
fn verdict_of(args: &SignArgs) -> Result<(String, Vec<u8>, Option<String>)> {
    let name = |path: &PathBuf| clean(&path.to_string_lossy()).into_owned();
    let given = match &args.verdict {
        Some(path) => Some((name(path), bytes(path, verdict::MAX_BYTES)?)),
        None => None,
    };
    let Some(path) = &args.bundle else {
        let (name, file) = given.context("attest wants --verdict or --bundle")?;
        return Ok((name, file, None));
    };
    let bundle = read_bundle(path)?;
    let RecomputedVerdict { file, by_other_version } = recomputed(&bundle).with_context(|| name(path))?;
    if let Some(other) = by_other_version {
        bail!("{}: {other}; sign it with the version that made it", name(path));
    }
    if let Some((given, bytes)) = given
        && bytes != file
    {
        bail!("{given}: is not the verdict of the bundle {}", name(path));
    }
    Ok((name(path), file, Some(bundle.digest())))
}

/// SHA-256 of the running binary, where the system tells it.
fn own_digest() -> Option<String> {
    let mut file = fs::File::open(std::env::current_exe().ok()?).ok()?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let length = file.read(&mut buffer).ok()?;
        let read = buffer.get(..length)?;
        if read.is_empty() {
            return Some(hex(&digest.finalize()));
        }
        digest.update(read);
    }
}

/// The keys that sign, each once.
fn private_keys(paths: &[PathBuf]) -> Result<Vec<PrivateKey>> {
    let mut keys: Vec<PrivateKey> = Vec::new();
    for path in paths {
        let name = clean(&path.to_string_lossy()).into_owned();
        let text = zeroize::Zeroizing::new(bytes(path, key::MAX_PEM as u64)?);
        let text = std::str::from_utf8(&text).map_err(|_| anyhow!("{name}: is not a key in PEM form"))?;
        let key = PrivateKey::from_pem(text).map_err(|error| anyhow!("--key {name}: {error}"))?;
        if keys.iter().any(|known| known.public() == key.public()) {
            bail!("--key {name}: the same key is given twice");
        }
        keys.push(key);
    }
    Ok(keys)
}

/// All bytes of a regular file that may have `max`.
pub(super) fn bytes(path: &Path, max: u64) -> Result<Vec<u8>> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if path.as_os_str().is_empty() {
        bail!("an empty path; is a variable of the script unset?");
    }
    let file = open_regular(path).map_err(|error| anyhow!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    if bytes.len() as u64 > max {
        bail!("{name}: is over the limit of {max} bytes");
    }
    Ok(bytes)
}

/// The tree of a commit, from git in the current directory.
fn git_tree(commit: Option<&str>) -> Result<String> {
    let commit = commit.context("--git-tree: the verdict names no commit")?;
    let output = crate::run::git_command()
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(OsString::from(format!("{commit}^{{tree}}")))
        .output()
        .context("--git-tree: git cannot be run")?;
    let tree = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || tree.is_empty() {
        bail!("--git-tree: git does not know the commit {commit} here; give --tree SHA");
    }
    parse_commit("--git-tree", &tree)
}

/// A file that is written whole or not at all, and is gone from the start, so that an old statement never passes for
/// the one that could not be made.
pub(super) struct StatementFile<'p> {
    path: &'p Path,
}

impl<'p> StatementFile<'p> {
    /// Removes what an earlier run left. A file that is an input, or that is no attestation, stays.
    pub(super) fn prepare(path: &'p Path, inputs: &[&Path]) -> Result<Self> {
        let name = clean(&path.to_string_lossy()).into_owned();
        if path.as_os_str().is_empty() {
            bail!("--output is empty; is a variable of the script unset?");
        }
        if inputs.iter().any(|input| is_same_file(input, path)) {
            bail!("--output {name}: is also an input of this run");
        }
        let destination = Destination::of(path).map_err(|why| anyhow!("--output {name}: {why}"))?;
        let Some(place) = destination.place() else { return Ok(Self { path }) };
        sweep(place);
        let there = fs::symlink_metadata(place).is_ok_and(|meta| meta.len() > 0);
        if there && !is_attestation(place) && !elsewhere::is_pae(place) {
            bail!("--output {name}: is there and is not an attestation; nothing was removed");
        }
        let _lock = FolderLocks::around([place]);
        remove(place).map_err(|why| anyhow!("--output {name}: {why}"))?;
        Ok(Self { path })
    }

    /// Writes the file.
    pub(super) fn publish(&self, bytes: &[u8]) -> Result<()> {
        deliver(self.path, FILE_MODE, bytes).context("--output")
    }
}

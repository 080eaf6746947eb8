//! Statements that somebody else signs: cosign, GitLab, a key management service.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use base64ct::{Base64, Encoding as _};
use clap::ValueEnum;

use super::{SignArgs, StatementFile, bytes};
use crate::attest::chain::{self, NamedKey, TrustedSigner};
use crate::attest::dsse::{AttestationDocument, IN_TOTO, MAX_BYTES, Signature, pae};
use crate::attest::{Envelope, InTotoStatement, PublicKey, VerdictStatement};
use crate::cli::verify;
use crate::exit;
use crate::finding::clean;
use crate::report::Source;

/// Form in which a statement is written for somebody else to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum UnsignedForm {
    /// The statement
    Statement,
    /// What is signed: the statement with its type and length (DSSE's pre-authentication encoding)
    Pae,
}

/// The beginning of what is signed.
const PAE: &[u8] = b"DSSEv1 ";

impl UnsignedForm {
    /// The bytes that are written.
    pub(super) fn bytes(self, statement: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Statement => statement,
            Self::Pae => pae(IN_TOTO, &statement),
        }
    }
}

/// Whether a file is one that `--unsigned=pae` wrote.
pub(super) fn is_pae(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(PAE.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == PAE
}

/// Writes what somebody else signed, once its signature holds and it is a verdict.
pub(super) fn take_back(
    args: &SignArgs,
    signature: &Path,
    public_key: &Path,
    output: &StatementFile<'_>,
) -> Result<u8> {
    let keys = verify::public_keys(&[public_key.to_owned()])?;
    let Some(NamedKey { signer: TrustedSigner::Key(key), .. }) = keys.first() else {
        bail!("--public-key names no key");
    };
    let name = clean(&signature.to_string_lossy()).into_owned();
    let text = bytes(signature, MAX_BYTES)?;
    let statement = args.statement.as_ref().map(|path| bytes(path, MAX_BYTES)).transpose()?;
    let envelope = match (text.trim_ascii_start().first(), &statement) {
        (Some(b'{'), _) => envelope(&name, &text, statement.as_deref(), &keys)?,
        (_, Some(statement)) => of_signature(&name, &text, statement, key)?,
        (_, None) => {
            bail!(
                "--signature {name}: is not an envelope; give the statement that was signed: --statement FILE"
            )
        }
    };
    let read = InTotoStatement::parse(&envelope.payload).map_err(|error| anyhow!("{name}: {error}"))?;
    if !VerdictStatement::is(&read) {
        bail!("{name}: signs a statement that is not a verdict");
    }
    let verdict = VerdictStatement::from_statement(&read, &envelope.payload)
        .map_err(|error| anyhow!("{name}: {error}"))?;
    let (line, stamped) = match (&args.timestamp, &args.trusted_root) {
        (Some(token), Some(root)) => {
            let token = bytes(token, MAX_BYTES)?;
            let (line, at) = chain::stamped(&envelope, key, &token, &verify::named_roots(root)?)
                .map_err(|why| anyhow!("--timestamp: the signature {why}"))?;
            (line, format!(", there at {at}"))
        }
        _ => (envelope.to_json(), String::new()),
    };
    output.publish(format!("{line}\n").as_bytes())?;
    let facts = &verdict.facts;
    let told = format!(
        "{}: gate {} {}, about {}, signed by {}{stamped}\n",
        clean(&args.output.to_string_lossy()),
        facts.gate,
        facts.verdict.as_str(),
        chain::about(&verdict),
        key.id()
    );
    crate::cli::print(told.as_bytes())?;
    Ok(exit::PASS)
}

/// The envelope of a file that the key signed, of several the one around the statement, else around a verdict.
fn envelope(name: &str, text: &[u8], statement: Option<&[u8]>, keys: &[NamedKey]) -> Result<Envelope> {
    let documents = chain::read_attestations(name, &Source::Bytes(text.into()))
        .map_err(|refused| anyhow!("--signature {}: {}", refused.place, refused.why))?;
    let envelopes = documents.into_iter().filter_map(|(_, document)| match document {
        AttestationDocument::Signed(envelope) => Some(envelope),
        AttestationDocument::Bare(_) | AttestationDocument::OfFile(_) => None,
    });
    let is_meant = |envelope: &Envelope| match statement {
        Some(statement) => envelope.payload == statement,
        None => InTotoStatement::parse(&envelope.payload).is_ok_and(|read| VerdictStatement::is(&read)),
    };
    let mut meant = envelopes.filter(is_meant);
    let Some(envelope) = meant.next() else {
        bail!(
            "--signature {name}: holds no signature of {}",
            if statement.is_some() { "the statement" } else { "a verdict" }
        );
    };
    if meant.next().is_some() {
        bail!("--signature {name}: holds several verdicts; say which with --statement FILE");
    }
    chain::signer_names(&envelope, keys).map_err(|why| anyhow!("--signature {name}: {why}"))?;
    Ok(envelope)
}

/// The envelope of a statement and the signature of it.
fn of_signature(name: &str, text: &[u8], statement: &[u8], key: &PublicKey) -> Result<Envelope> {
    let message = pae(IN_TOTO, statement);
    let decoded = std::str::from_utf8(text).ok();
    let decoded =
        decoded.and_then(|text| Base64::decode_vec(&text.split_ascii_whitespace().collect::<String>()).ok());
    let given = [Some(text.to_vec()), decoded].into_iter().flatten();
    let Some(sig) = given.into_iter().find(|sig| key.verifies(&message, sig)) else {
        bail!(
            "--signature {name}: is no signature of the statement by that key; what is signed is what --unsigned=pae writes, \
             Ed25519 or ECDSA P-256 with SHA-256"
        );
    };
    let signatures = vec![Signature { keyid: key.id(), sig }];
    Ok(Envelope { payload_type: IN_TOTO.to_owned(), payload: statement.to_vec(), signatures, bundle: None })
}

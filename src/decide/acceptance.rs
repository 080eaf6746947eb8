//! Signed acceptances: a person states which findings of which commit they accept.

use jiff::Timestamp;

use super::Document;
use super::requirement::{RuleContext, usable};
use crate::attest::acceptance::{AcceptanceRun, RiskAcceptance};
use crate::attest::chain::{self, NamedKey, TrustedSigner};
use crate::attest::statement::digest_hex;
use crate::attest::{InTotoStatement, dsse};
use crate::finding::clean_line;
use crate::report::Source;

/// An acceptance that the person's own key has signed.
#[derive(Debug)]
pub(super) struct AcceptedFindings {
    /// Who accepts.
    pub(super) user: String,
    /// When, as the person states.
    pub(super) at: Timestamp,
    /// Why it does not count for this run.
    pub(super) void: Option<String>,
}

/// Each acceptance of a document, or why a statement is none.
pub(super) fn read_acceptances(
    document: &Document,
    world: RuleContext<'_>,
) -> Vec<Result<AcceptedFindings, String>> {
    match dsse::read_attestations(&Source::Bytes(document.bytes.as_slice().into())) {
        Ok(documents) => documents.iter().map(|document| one(document, world)).collect(),
        Err(error) => vec![Err(error.to_string())],
    }
}

fn one(document: &dsse::AttestationDocument, world: RuleContext<'_>) -> Result<AcceptedFindings, String> {
    let envelope = match document {
        dsse::AttestationDocument::Signed(envelope) => envelope,
        dsse::AttestationDocument::Bare(_) => return Err("nobody signed it".to_owned()),
        dsse::AttestationDocument::OfFile(_) => return Err(format!("it {}", chain::OF_FILE)),
    };
    // A key speaks for its person and for nobody else, so that a key of the build system accepts nothing.
    let people = world.policy.keys.iter().filter(|key| key.user.is_some());
    let people: Vec<NamedKey> = people.filter_map(|key| usable(key, world.context.now).ok()).collect();
    let signers = match chain::signer_names(envelope, &people) {
        Ok(names) => names,
        // Of an identity it has to be told what does not fit.
        Err(why) if people.iter().any(|person| matches!(person.signer, TrustedSigner::Identity(_))) => {
            return Err(format!("it {why}"));
        }
        Err(_) => Vec::new(),
    };
    let signers: Vec<&str> =
        signers.iter().filter_map(|name| world.policy.key(name)?.user.as_deref()).collect();
    if signers.is_empty() {
        return Err("it is signed by no key of `keys` that has a `user`".to_owned());
    }
    if envelope.payload_type != dsse::IN_TOTO {
        return Err(format!("it holds {}, not an in-toto statement", clean_line(&envelope.payload_type)));
    }
    let statement = InTotoStatement::parse(&envelope.payload).map_err(|error| error.to_string())?;
    let acceptance = RiskAcceptance::from_statement(&statement).map_err(|error| error.to_string())?;
    if !signers.iter().any(|user| user.eq_ignore_ascii_case(&acceptance.person)) {
        let person = clean_line(&acceptance.person).into_owned();
        return Err(format!("it is the word of @{person} and is not signed by their key"));
    }
    let context = world.context;
    let artifacts: Vec<String> = context.digests(None).iter().map(|d| digest_hex(d).to_owned()).collect();
    let run = AcceptanceRun {
        gate: &world.decides.gate,
        policy_sha256: &world.decides.sha256,
        findings_digest: world.findings_digest,
        commits: &context.commits,
        artifacts: &artifacts,
        now: context.now,
    };
    let unbound = context.commits.is_empty() && artifacts.is_empty();
    let void = if unbound {
        Some("the run says neither its commit nor its artifact (--commit, --subject)".to_owned())
    } else {
        acceptance.holds(&run).err().map(|why| clean_line(&why).into_owned())
    };
    Ok(AcceptedFindings { user: acceptance.person, at: acceptance.accepted_at, void })
}

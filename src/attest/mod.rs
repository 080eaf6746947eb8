//! PROVE: verdicts as signed statements, and the checking of what others signed.
//!
//! An envelope ([`dsse`]) carries the bytes of a statement ([`statement`]) and signatures over exactly these bytes by
//! keys ([`key`]) or by identities that certificates of Sigstore prove ([`keyless`]). What is inside is read only after a
//! signature was checked by a key or an identity that the policy or the command line pins; key ids in an envelope are
//! hints and never proof.

pub mod acceptance;
pub mod bundle;
pub mod chain;
pub mod dsse;
pub mod key;
pub mod keyless;
pub mod provenance;
pub mod release_range;
pub mod result_statements;
pub mod statement;
pub mod verdict;
pub mod verification_summary;
mod wrapped_document;
mod wrapping;

pub use acceptance::RiskAcceptance;
pub use dsse::{Envelope, EnvelopeError};
pub use key::{Algorithm, KeyError, PrivateKey, PublicKey};
pub use keyless::{CertificateFacts, KeylessSigner, SignedFile, SigstoreBundle, TrustedRoots};
pub use provenance::Provenance;
pub use statement::{InTotoStatement, StatementError, StatementSubject};
pub use verdict::{ClockSource, VerdictStatement};
pub use wrapped_document::{UnwrappedDocument, unwrap_document};

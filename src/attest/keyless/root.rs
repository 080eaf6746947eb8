//! Trusted roots: the authorities and logs of a Sigstore instance, from a file or as they come with secgate.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use sigstore_trust_root::{SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::Verifier;
use sigstore_verify::crypto::install_default_provider;

use super::provider::PureProvider;
use crate::finding::clean_line;
use crate::policy::EmbeddedRoot;
use crate::report::{self, Source};

/// The day on which the embedded roots were published, with the release of the crate that brings them.
pub const EMBEDDED_ON: &str = "2026-10-23";
/// Days after which an embedded root is told to be old.
const OLD_DAYS: i64 = 365;
/// Largest file of trusted roots.
pub const MAX_ROOT: u64 = 4 << 20;
/// Most trusted roots of a file.
const MAX_ROOTS: usize = 16;

/// The trusted roots that a signature may lead to, ready to verify with.
#[derive(Clone)]
pub struct TrustedRoots {
    instances: Arc<Vec<SigstoreInstance>>,
    embedded: Option<EmbeddedRoot>,
}

/// One instance of Sigstore.
pub(super) struct SigstoreInstance {
    pub(super) verifier: Verifier,
    /// Whether it has a log, whose proof is then demanded of every signature.
    pub(super) has_log: bool,
    /// SHA-256 of the logs' keys, by which entries name them.
    pub(super) log_ids: Vec<Vec<u8>>,
    /// Whether its certificates are in a transparency log of their own, whose time stamp is then demanded.
    pub(super) has_certificate_log: bool,
    /// Whether it issues certificates; without, only signatures by known keys can lead to it.
    pub(super) issues: bool,
}

impl fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedRoots({} of {:?})", self.instances.len(), self.embedded)
    }
}

impl TrustedRoots {
    /// One that comes with secgate.
    pub fn embedded(which: EmbeddedRoot) -> Self {
        static ROOTS: [OnceLock<Arc<Vec<SigstoreInstance>>>; 2] = [const { OnceLock::new() }; 2];
        let (slot, text) = match which {
            EmbeddedRoot::Sigstore => (ROOTS.first(), SIGSTORE_PRODUCTION_TRUSTED_ROOT),
            EmbeddedRoot::Github => (ROOTS.last(), SIGSTORE_GITHUB_TRUSTED_ROOT),
        };
        // A root that could not be read would verify nothing; a test reads both.
        let read = || Arc::new(instance(text.as_bytes()).into_iter().collect::<Vec<_>>());
        let instances = slot.map_or_else(read, |slot| Arc::clone(slot.get_or_init(read)));
        Self { instances, embedded: Some(which) }
    }

    /// The roots of a file: one `trusted_root.json`, or several one after the other, as `gh attestation trusted-root`
    /// prints them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let documents = report::read_documents(&Source::Bytes(bytes.into()), MAX_ROOT)
            .map_err(|error| error.to_string())?;
        if documents.len() > MAX_ROOTS {
            return Err(format!("holds {} trusted roots; {MAX_ROOTS} is the limit", documents.len()));
        }
        let instances =
            documents.iter().map(|(_, text)| instance(text)).collect::<Result<Vec<SigstoreInstance>, _>>()?;
        Ok(Self { instances: Arc::new(instances), embedded: None })
    }

    pub(super) fn instances(&self) -> &[SigstoreInstance] {
        &self.instances
    }

    /// Remark on a root that comes with secgate and is old; `None` for one that is not, and for a file.
    pub fn age_warning(&self, now: Timestamp) -> Option<String> {
        let which = self.embedded?;
        let made: jiff::civil::Date = EMBEDDED_ON.parse().ok()?;
        let made = jiff::tz::TimeZone::UTC.to_timestamp(made.at(0, 0, 0, 0)).ok()?;
        (now.as_second() - made.as_second() > OLD_DAYS * 86_400).then(|| {
            format!(
                "the embedded trusted root `{}` is of {EMBEDDED_ON}, more than a year old: update secgate, or give a \
                 file: `trusted_root: keys/trusted_root.json`",
                which.as_str()
            )
        })
    }
}

/// Reads one trusted root.
fn instance(text: &[u8]) -> Result<SigstoreInstance, String> {
    // Whoever installs first wins; there is one provider only.
    let _ = install_default_provider(&PureProvider);
    let no_root = |why: &str| format!("is not a trusted root of Sigstore: {}", clean_line(why));
    let text = std::str::from_utf8(text).map_err(|_| no_root("it is not UTF-8"))?;
    let root = TrustedRoot::from_json(text).map_err(|error| no_root(&error.to_string()))?;
    if !root.media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
        return Err(no_root("`mediaType` is another"));
    }
    let verifier = Verifier::new(&root).map_err(|error| no_root(&error.to_string()))?;
    Ok(SigstoreInstance {
        verifier,
        has_log: !root.tlogs.is_empty(),
        log_ids: root.tlogs.iter().map(|log| log.log_id.key_id.as_bytes().to_vec()).collect(),
        has_certificate_log: !root.ctlogs.is_empty(),
        issues: !root.certificate_authorities.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::finding::hex;

    #[test]
    fn the_embedded_roots_are_those_of_the_day_that_is_told() {
        let digests = [SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_GITHUB_TRUSTED_ROOT]
            .map(|text| hex(&Sha256::digest(text)));
        // Whoever updates the crate looks up the day of its release and changes EMBEDDED_ON as well.
        assert_eq!(
            digests,
            [
                "6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66",
                "484cdfe1a7c65479c5ba2a22193d1be90f0020db1997de696ab207434c62fbb7",
            ]
        );
        for (which, logs) in [(EmbeddedRoot::Sigstore, true), (EmbeddedRoot::Github, false)] {
            let roots = TrustedRoots::embedded(which);
            let [one] = roots.instances() else { panic!("{which:?} is not read") };
            assert!(one.issues && one.has_log == logs && one.has_certificate_log == logs);
        }
    }

    #[test]
    fn a_year_is_told() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let roots = TrustedRoots::embedded(EmbeddedRoot::Sigstore);
        assert_eq!(roots.age_warning(at("2027-10-23T00:00:00Z")), None);
        assert!(roots.age_warning(at("2027-10-24T00:00:00Z")).unwrap().contains("2026-10-23"));
        let file = TrustedRoots::from_bytes(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes()).unwrap();
        assert_eq!(file.age_warning(at("2040-01-01T00:00:00Z")), None);
    }

    #[test]
    fn what_is_no_root_is_told() {
        for text in ["", "{}", "[]", "{\"mediaType\":\"x\"}", "x"] {
            assert!(TrustedRoots::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
        let two = format!("{SIGSTORE_PRODUCTION_TRUSTED_ROOT}\n{SIGSTORE_GITHUB_TRUSTED_ROOT}\n");
        assert_eq!(TrustedRoots::from_bytes(two.as_bytes()).unwrap().instances().len(), 2);
        let twice = SIGSTORE_PRODUCTION_TRUSTED_ROOT.replacen('{', "{\"tlogs\":[],", 1);
        assert!(TrustedRoots::from_bytes(twice.as_bytes()).unwrap_err().contains("duplicate"));
    }
}

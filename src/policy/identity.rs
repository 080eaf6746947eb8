//! Identities of keyless signers: what a certificate of Sigstore must say of whoever signed.

use std::fmt::Write as _;

use super::subject::{PinnedFile, is_placeholder};

/// Longest glob of an identity, in bytes.
const LONGEST_GLOB: usize = 2048;

/// A glob over an identity or a claim of a certificate: `*` matches within a part between `/`, `**` crosses them, every
/// other sign stands for itself, since URLs hold `?` and `[`. Letter case counts.
///
/// Where the glob has an `@`, no wildcard matches one: `…/ci.yml@refs/heads/main` is followed by nothing and preceded by
/// no second ref, whatever a branch is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityGlob(String);

impl IdentityGlob {
    /// The glob `text`, or why it is none that may stand in a policy.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_GLOB {
            return Err(format!("is longer than {LONGEST_GLOB} bytes"));
        }
        if text.contains("***") {
            return Err("has three `*` in a row; `*` stays between two `/`, and `**` crosses them".to_owned());
        }
        if text.chars().all(|sign| sign == '*') {
            return Err("matches everybody".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it has a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether a value is one of these.
    pub fn matches(&self, value: &str) -> bool {
        let crosses_at = !self.0.contains('@');
        // Positions of the value, in characters, that the part of the glob read so far can end at.
        let value: Vec<char> = value.chars().collect();
        let mut ends = vec![false; value.len() + 1];
        if let Some(first) = ends.first_mut() {
            *first = true;
        }
        let mut glob = self.0.chars().peekable();
        while let Some(sign) = glob.next() {
            if sign == '*' {
                let crosses_slash = glob.next_if_eq(&'*').is_some();
                let mut open = false;
                for (at, end) in ends.iter_mut().enumerate() {
                    if let Some(before) = at.checked_sub(1).and_then(|before| value.get(before)) {
                        open &= (crosses_slash || *before != '/') && (crosses_at || *before != '@');
                    }
                    open |= *end;
                    *end = open;
                }
            } else {
                let mut next = vec![false; ends.len()];
                for (at, _) in ends.iter().enumerate().filter(|(_, end)| **end) {
                    if let Some(slot) = next.get_mut(at + 1).filter(|_| value.get(at) == Some(&sign)) {
                        *slot = true;
                    }
                }
                ends = next;
            }
        }
        ends.last().copied().unwrap_or_default()
    }

    /// Whether it is met by the URI of a pipeline whatever its branch: it ends in a wildcard that is not behind a folder
    /// of refs.
    pub fn matches_any_ref(&self) -> bool {
        let of_pipeline = self.0.contains("://");
        let after = self.0.rsplit_once('@').map(|(_, reference)| reference);
        let narrow = after.is_some_and(|reference| reference.trim_end_matches('*').matches('/').count() > 1);
        of_pipeline
            && self.0.ends_with('*')
            && (!narrow || after.is_some_and(|at| at.starts_with("refs/heads/*")))
    }

    /// Whether everything that it matches is certainly matched by one of `others`.
    pub fn is_within(&self, others: &[Self]) -> bool {
        others.iter().any(|other| self == other || !self.has_wildcard() && other.matches(&self.0))
    }
}

/// Declares the claims with their words and object identifiers.
macro_rules! claims {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// A claim of a certificate about the job it was issued to, under the arc `1.3.6.1.4.1.57264.1`
        /// (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum CertificateClaim { $($(#[doc = $doc])+ $variant,)+ }

        impl CertificateClaim {
            /// Every claim, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that policies and outputs use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

claims! {
    /// `.9`: the build definition that asked for the signature, with its ref.
    BuildSignerUri = "build_signer_uri",
    /// `.10`: the commit of that definition.
    BuildSignerDigest = "build_signer_digest",
    /// `.11`: `github-hosted`, `self-hosted` and the like.
    RunnerEnvironment = "runner_environment",
    /// `.12`: URL of the repository.
    SourceRepositoryUri = "source_repository_uri",
    /// `.13`: the commit that was built.
    SourceRepositoryDigest = "source_repository_digest",
    /// `.14`: the ref that was built.
    SourceRepositoryRef = "source_repository_ref",
    /// `.15`: the platform's number of the repository.
    SourceRepositoryIdentifier = "source_repository_identifier",
    /// `.16`: URL of the repository's owner.
    SourceRepositoryOwnerUri = "source_repository_owner_uri",
    /// `.17`: the platform's number of the owner.
    SourceRepositoryOwnerIdentifier = "source_repository_owner_identifier",
    /// `.18`: the pipeline's top-level definition, with its ref.
    BuildConfigUri = "build_config_uri",
    /// `.19`: the commit of that definition.
    BuildConfigDigest = "build_config_digest",
    /// `.20`: the event that started the pipeline.
    BuildTrigger = "build_trigger",
    /// `.21`: URL of the run.
    RunInvocationUri = "run_invocation_uri",
    /// `.22`: `public`, `private` or `internal` at the time.
    SourceRepositoryVisibility = "source_repository_visibility",
    /// `.23`: the environment that the job deploys to.
    DeploymentEnvironment = "deployment_environment",
    /// `.24`: the token's `sub`.
    TokenSubject = "token_subject",
}

impl CertificateClaim {
    /// The claim of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|claim| claim.as_str() == word)
    }
}

/// A trusted root that comes with secgate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedRoot {
    /// Sigstore's public instance.
    Sigstore,
    /// GitHub's instance for private repositories: time stamps, no public log.
    Github,
}

impl EmbeddedRoot {
    /// The root of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Sigstore, Self::Github].into_iter().find(|root| root.as_str() == word)
    }

    /// The word that policies use in `trusted_root`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::Github => "github",
        }
    }
}

/// Root that certificates are traced back to.
#[derive(Debug, Clone)]
pub enum TrustedRootSource {
    /// One that comes with secgate.
    Embedded(EmbeddedRoot),
    /// A file of trusted roots, pinned by its digest.
    File(PinnedFile),
}

/// Whoever a certificate of a trusted instance was issued to.
#[derive(Debug, Clone)]
pub struct CertificateIdentity {
    /// Root that the certificate is traced back to.
    pub root: TrustedRootSource,
    /// The OpenID provider that vouched for the identity, exactly.
    pub issuer: String,
    /// Globs of the identity, any of which has to match.
    pub identity: Vec<IdentityGlob>,
    /// Claims that the certificate has to make, each with globs of which any has to match.
    pub claims: Vec<(CertificateClaim, Vec<IdentityGlob>)>,
}

impl CertificateIdentity {
    /// Who it is, on one line.
    pub fn describe(&self) -> String {
        let globs = |globs: &[IdentityGlob]| {
            globs.iter().map(|glob| glob.text().to_owned()).collect::<Vec<_>>().join(" or ")
        };
        let mut text = format!("{} by {}", globs(&self.identity), self.issuer);
        for (claim, wanted) in &self.claims {
            let _ = write!(text, ", {} {}", claim.as_str(), globs(wanted));
        }
        let _ = match &self.root {
            TrustedRootSource::Embedded(root) => write!(text, ", root {}", root.as_str()),
            TrustedRootSource::File(file) => write!(text, ", root sha256:{}", file.sha256),
        };
        text
    }

    /// Identity that has still to be filled in: an identity of a name that is reserved for examples.
    pub fn placeholder(&self, name: &str) -> Option<String> {
        let texts = self.identity.iter().map(IdentityGlob::text).chain([self.issuer.as_str()]);
        let found: Vec<_> =
            texts.filter(|text| is_placeholder(text)).map(crate::finding::clean_line).collect();
        (!found.is_empty()).then(|| {
            format!(
                "keys.{} is a placeholder: put your own issuer and identity in the place of {}",
                crate::finding::clean(name),
                found.join(" and ")
            )
        })
    }

    /// Whether everybody that it lets sign is certainly one that `other` lets sign.
    pub fn is_within(&self, other: &Self) -> bool {
        let same_root = match (&self.root, &other.root) {
            (TrustedRootSource::Embedded(ours), TrustedRootSource::Embedded(theirs)) => ours == theirs,
            (TrustedRootSource::File(ours), TrustedRootSource::File(theirs)) => ours.sha256 == theirs.sha256,
            (TrustedRootSource::Embedded(_), TrustedRootSource::File(_))
            | (TrustedRootSource::File(_), TrustedRootSource::Embedded(_)) => false,
        };
        let within = |ours: &[IdentityGlob], theirs: &[IdentityGlob]| {
            !ours.is_empty() && ours.iter().all(|glob| glob.is_within(theirs))
        };
        same_root
            && self.issuer == other.issuer
            && within(&self.identity, &other.identity)
            && other.claims.iter().all(|(claim, theirs)| {
                self.claims.iter().any(|(own, ours)| own == claim && within(ours, theirs))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, value: &str) -> bool {
        IdentityGlob::new(glob).unwrap().matches(value)
    }

    #[test]
    fn a_star_stays_between_two_slashes() {
        let of = "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main";
        assert!(matches(of, of));
        assert!(matches("https://gitlab.com/group/*//.gitlab-ci.yml@refs/heads/main", of));
        assert!(matches("https://gitlab.com/**@refs/heads/main", of));
        assert!(matches("https://gitlab.com/group/app//.gitlab-ci.yml@refs/*/*", of));
        assert!(matches("https://gitlab.com/group/**", of));
        for no in [
            "https://gitlab.com/*//.gitlab-ci.yml@refs/heads/main",
            "https://gitlab.com/group/app//.gitlab-ci.yml@*",
            "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/mai",
            "https://gitlab.com/group/app//.gitlab-ci.yml@refs/heads/main2",
            "https://gitlab.com/Group/**",
            "https://gitlab_com/group/**",
        ] {
            assert!(!matches(no, of), "{no}");
        }
        assert!(
            matches("*@corp.invalid", "ann@corp.invalid") && !matches("*@corp.invalid", "a/b@corp.invalid")
        );
        assert!(matches("a**c", "ac") && matches("a**c", "a/b/c") && !matches("a**c", "a/b/d"));
        assert!(matches("é*", "éa") && !matches("a?", "ab") && matches("a?[b]", "a?[b]"));
    }

    /// A branch may be called `x@refs/heads/main`.
    #[test]
    fn a_wildcard_before_a_ref_matches_no_second_ref() {
        let evil = "https://github.com/o/r/.github/workflows/w.yml@refs/heads/x@refs/heads/main";
        assert!(!matches("https://github.com/o/r/**@refs/heads/main", evil));
        assert!(!matches("https://github.com/o/r/.github/workflows/w.yml@**", evil));
        assert!(matches("https://github.com/o/**", evil));
    }

    #[test]
    fn what_matches_everybody_is_no_identity() {
        for bad in ["*", "**", "a***b", &"a".repeat(3000)] {
            assert!(IdentityGlob::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_glob_of_any_branch_is_known() {
        let any = |text: &str| IdentityGlob::new(text).unwrap().matches_any_ref();
        for text in [
            "https://gitlab.com/g/**",
            "https://gitlab.com/g/p//.gitlab-ci.yml@**",
            "https://gitlab.com/g/p//x.yml@refs/heads/*",
        ] {
            assert!(any(text), "{text}");
        }
        for text in [
            "https://gitlab.com/g/p//x.yml@refs/heads/main",
            "https://gitlab.com/g/p//x.yml@refs/tags/v*",
            "*@corp.invalid",
        ] {
            assert!(!any(text), "{text}");
        }
    }

    #[test]
    fn narrower_is_what_is_certainly_within() {
        let globs = |texts: &[&str]| texts.iter().map(|t| IdentityGlob::new(t).unwrap()).collect::<Vec<_>>();
        let one = |text: &str| IdentityGlob::new(text).unwrap();
        assert!(one("a/b").is_within(&globs(&["x", "a/*"])));
        assert!(one("a/*").is_within(&globs(&["a/*"])));
        assert!(!one("a/*").is_within(&globs(&["a/**"])));
        assert!(!one("a/b/c").is_within(&globs(&["a/*"])));
    }
}

//! Facts of images: each must be there, a missing one is never skipped.

use jiff::Timestamp;

use super::requirement::{Requirements, RuleContext, each, usable};
use super::{Document, Evidence, Status};
use crate::attest::chain::{self, NamedKey};
use crate::attest::statement::digest_hex;
use crate::attest::{InTotoStatement, Provenance, dsse};
use crate::finding::{CLOCK_SKEW, clean_line, decoded, duration_text};
use crate::policy::{DocumentKind, ImageGlob, ImageRule, is_placeholder};
use crate::report::{ImageFacts, Source, repository};

/// The demands of a rule, over each of its subjects.
pub(super) fn judge(rule: &ImageRule, world: RuleContext<'_>) -> Requirements {
    each(&rule.subjects, |subject| of_subject(rule, subject, world))
}

/// Placeholders that have still to be filled in.
pub(super) fn placeholders(rule: &ImageRule) -> Option<String> {
    let globs = rule.registry.iter().chain(&rule.base);
    let found: Vec<&str> = globs.map(ImageGlob::text).filter(|text| is_placeholder(text)).collect();
    (!found.is_empty()).then(|| {
        let found = found.join(", ");
        format!("{} is a placeholder: put your own registry in its place", clean_line(&found))
    })
}

fn of_subject(rule: &ImageRule, subject: Option<&str>, world: RuleContext<'_>) -> Requirements {
    let flag = subject.map_or_else(String::new, |subject| format!("{subject}="));
    let Some(artifact) = world.context.artifact(subject) else {
        return Requirements::undecided(format!("which image? say it with --subject {flag}NAME@sha256:HEX"));
    };
    let digests = world.context.covering(&artifact.digest);
    let image =
        Image { digest: &artifact.digest, digests, evidence: about(&artifact.digest, subject, world), world };
    let mut demands = Requirements::default();
    if rule.digest && image.evidence.is_empty() {
        demands.unmet(format!("no evidence states the digest {}", artifact.digest));
    }
    if !rule.registry.is_empty() {
        registry(rule, &artifact.name, &image, &mut demands);
    }
    if let Some(most) = rule.created_within {
        let created = image.oldest(|facts| facts.created);
        age("the image", created, "nothing says when the image was built", most, world, &mut demands);
    }
    if !rule.base.is_empty() {
        base(rule, subject, &image, &mut demands);
    }
    if let Some(most) = rule.base_created_within {
        // Of the base image itself, where a report of it is there; else its oldest layer, which is not younger.
        let bases = image.evidence.iter().filter_map(|facts| facts.base_digest.as_ref());
        let of_base = bases.flat_map(|digest| {
            let facts = about(digest.as_str(), None, RuleContext { fed_by: &[], ..world });
            facts.into_iter().filter_map(|facts| facts.created)
        });
        let of_base = of_base.min();
        let created = of_base.or_else(|| image.oldest(|facts| facts.oldest_layer));
        age(
            "the base image",
            created,
            "nothing says when the base image was built",
            most,
            world,
            &mut demands,
        );
    }
    if rule.os_maintained {
        let os = image.fact(|facts| facts.os.clone());
        let os = os.as_ref().map_or("the operating system".into(), |os| clean_line(os.as_str()));
        // Of several scanners one that knows of the end is enough.
        let known: Vec<bool> = image.evidence.iter().filter_map(|facts| facts.os_maintained).collect();
        match known.as_slice() {
            [] => demands.unmet("nothing says whether the operating system is still maintained"),
            some if some.contains(&false) => demands.unmet(format!("{os} is no longer maintained")),
            _ => {}
        }
    }
    demands
}

/// An image and what is known of it.
struct Image<'w> {
    digest: &'w str,
    /// Its digest, and those of the images of its platforms.
    digests: Vec<&'w str>,
    evidence: Vec<&'w ImageFacts>,
    world: RuleContext<'w>,
}

impl<'w> Image<'w> {
    /// A time that several may state; where they do not agree, the oldest counts.
    fn oldest(&self, of: impl Fn(&'w ImageFacts) -> Option<Timestamp>) -> Option<Timestamp> {
        self.evidence.iter().filter_map(|facts| of(facts)).min()
    }

    /// The first that has the fact.
    fn fact<T>(&self, of: impl Fn(&'w ImageFacts) -> Option<T>) -> Option<T> {
        self.evidence.iter().find_map(|facts| of(facts))
    }
}

/// Statements of reports and SBOMs about the image with this digest, or the image of one of its platforms. Only what states the digest speaks of it.
fn about<'w>(digest: &str, subject: Option<&str>, world: RuleContext<'w>) -> Vec<&'w ImageFacts> {
    let of_entry = |e: &Evidence| {
        let Some(name) = &e.entry else { return world.fed_by.is_empty() };
        let entry = world.policy.entry(name);
        let fits =
            |of: Option<&String>| subject.is_none() || of.is_none_or(|of| Some(of.as_str()) == subject);
        (world.fed_by.is_empty() || world.fed_by.contains(name))
            && fits(entry.and_then(|e| e.subject.as_ref()))
    };
    let whole = |e: &&Evidence| {
        !matches!(e.status, Status::Unreadable | Status::Absent | Status::Stale | Status::Failed)
    };
    let digests = world.context.covering(digest);
    let states = |e: &&Evidence| e.about.digests.iter().any(|d| digests.contains(&d.as_str()));
    world.evidence.iter().filter(|e| of_entry(e)).filter(whole).filter(states).map(|e| &e.image).collect()
}

fn registry(rule: &ImageRule, name: &str, image: &Image<'_>, demands: &mut Requirements) {
    let allowed = |name: &str| rule.registry.iter().any(|glob| glob.matches(name));
    let wanted = || rule.registry.iter().map(ImageGlob::text).collect::<Vec<_>>().join(" or ");
    // What is deployed is what `--subject` names, so that this name is looked at as well.
    if name.contains('/') && !allowed(&repository(name)) {
        demands.unmet(format!("{} is not in {}", clean_line(name), clean_line(&wanted())));
        return;
    }
    let names: Vec<&str> = image
        .evidence
        .iter()
        .flat_map(|facts| &facts.names)
        .filter(|(_, digest)| image.digests.contains(&digest.as_str()))
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        demands.unmet("nothing says in which registry the image is");
    } else if !names.iter().any(|name| allowed(name)) {
        demands.unmet(format!("{} is not in {}", clean_line(&names.join(", ")), clean_line(&wanted())));
    }
}

/// The base image: as the label says, else among the dependencies of verified provenance.
fn base(rule: &ImageRule, subject: Option<&str>, image: &Image<'_>, demands: &mut Requirements) {
    let allowed = |name: &str| rule.base.iter().any(|glob| glob.matches(&repository(name)));
    let wanted = || rule.base.iter().map(ImageGlob::text).collect::<Vec<_>>().join(" or ");
    let mut names: Vec<String> = image
        .evidence
        .iter()
        .filter_map(|facts| facts.base_name.as_ref())
        .map(|n| n.as_str().to_owned())
        .collect();
    if names.is_empty() {
        let documents = image.world.documents(DocumentKind::Provenance, subject);
        names = documents.flat_map(|d| built_on(d, image)).collect();
    }
    if names.is_empty() {
        demands
            .unmet("nothing says which base image it is built on (label org.opencontainers.image.base.name)");
    }
    for name in names.iter().filter(|name| !allowed(name)) {
        demands.unmet(format!("it is built on {}, not on {}", clean_line(name), clean_line(&wanted())));
    }
}

/// Names of the images that went into the build of the image with this digest, as provenance says that a key of the
/// policy has signed. Which of several is the base it does not say, so that each counts.
fn built_on(document: &Document, image: &Image<'_>) -> Vec<String> {
    let world = image.world;
    let about = |statement: &InTotoStatement| {
        let indexes = world.context.indexes_with(image.digest);
        image.digests.iter().copied().chain(indexes).any(|digest| statement.is_about(digest_hex(digest)))
    };
    let keys: Vec<NamedKey> =
        world.policy.keys.iter().filter_map(|key| usable(key, world.context.now).ok()).collect();
    let read = dsse::read_attestations(&Source::Bytes(document.bytes.as_slice().into())).unwrap_or_default();
    let statements = read.iter().filter_map(|document| match document {
        dsse::AttestationDocument::Signed(envelope) if chain::signer_names(envelope, &keys).is_ok() => {
            InTotoStatement::parse(&envelope.payload).ok().filter(about)
        }
        _ => None,
    });
    let materials =
        statements.filter_map(|statement| Provenance::from_statement(&statement)).flat_map(|p| p.materials);
    materials.filter_map(|material| image_of(&material.uri)).collect()
}

/// The image that a material is: `pkg:docker/NAME@TAG`, where the name holds the registry unless it is Docker's.
fn image_of(uri: &str) -> Option<String> {
    let rest = ["pkg:docker/", "docker://", "oci://"].iter().find_map(|scheme| uri.strip_prefix(scheme))?;
    let name = rest.split(['?', '@', '#']).next().filter(|name| !name.is_empty())?;
    Some(decoded(name).into_owned())
}

fn age(
    what: &str,
    created: Option<Timestamp>,
    missing: &str,
    most: i64,
    world: RuleContext<'_>,
    demands: &mut Requirements,
) {
    let Some(created) = created else { return demands.unmet(missing) };
    let age = world.context.now.as_second() - created.as_second();
    if age < -CLOCK_SKEW {
        demands.unmet(format!("{what} was built at {created}, which is in the future"));
    } else if age > most {
        demands.unmet(format!("{what} is {} old, {} allowed", duration_text(age), duration_text(most)));
    } else {
        demands.met.push(format!("{what} is {} old", duration_text(age)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_among_materials() {
        assert_eq!(image_of("pkg:docker/python@3.11-slim?platform=linux%2Famd64").as_deref(), Some("python"));
        assert_eq!(
            image_of("pkg:docker/registry.invalid/base/python@1").as_deref(),
            Some("registry.invalid/base/python")
        );
        assert_eq!(image_of("git+https://gitlab.invalid/team/api@refs/heads/main"), None);
    }
}

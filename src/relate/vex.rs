//! Which VEX statements speak of a finding, and whether they say that it does not count.
//!
//! Of one author the newest statement stands. Authors who contradict each other do not settle anything: where one of
//! them says affected, the finding counts. Only `not_affected` with a justification lifts anything; a statement must
//! name the package in its version, or the image by its digest.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::advisory;
use crate::finding::{CLOCK_SKEW, Finding, Product, Purl, Text, VexNote, VexStatement, VexStatus};

/// Whose statements count, and how long.
#[derive(Debug, Clone, Copy)]
pub struct VexTrust<'a> {
    /// Authors, exactly as documents give them.
    pub authors: &'a [String],
    /// Longest time since a statement was known to be true, in seconds.
    pub max_age: i64,
    /// The run's clock.
    pub now: Timestamp,
}

/// Statements of one statement about one product.
#[derive(Debug)]
struct Claim {
    note: VexNote,
    status: VexStatus,
    /// A claim without a time is taken for the newest; only one that lifts nothing can lack it.
    time: Option<Timestamp>,
    product: Product,
}

/// Why statements lift nothing, with their number.
type UnusedStatements = BTreeMap<&'static str, u64>;

/// The statements of accepted authors.
#[derive(Debug, Default)]
pub struct Vex {
    claims: Vec<Claim>,
    // Looked up, never walked through: the order of a hash map cannot reach an output.
    by_id: HashMap<String, Vec<u32>>,
}

impl Vex {
    /// Takes the statements of a file, as far as they are accepted. Says how many may lift something, and why the
    /// others do not.
    pub fn add(
        &mut self,
        file: &str,
        statements: Vec<VexStatement>,
        accept: VexTrust<'_>,
    ) -> (u64, UnusedStatements) {
        let (mut useful, mut idle) = (0, UnusedStatements::new());
        for statement in statements {
            let why = idleness(&statement, accept);
            match why {
                None => useful += 1,
                Some(why) => *idle.entry(why).or_default() += 1,
            }
            // Who contradicts counts whatever the age.
            let blocks = statement.status != VexStatus::NotAffected && is_accepted(&statement, accept);
            if why.is_none() || blocks {
                self.add_statement(file, statement);
            }
        }
        (useful, idle)
    }

    fn add_statement(&mut self, file: &str, statement: VexStatement) {
        let authors: Vec<&str> = statement.authors.iter().map(Text::as_str).collect();
        let note = VexNote {
            status: "not_affected",
            justification: statement.justification.unwrap_or_default(),
            note: statement.note,
            author: authors.join(", "),
            time: statement.time.map(|time| time.to_string()).unwrap_or_default(),
            file: file.to_owned(),
        };
        let blocks = statement.status != VexStatus::NotAffected;
        for product in statement.products.into_iter().filter(|product| blocks || is_pinned(product)) {
            let at = u32::try_from(self.claims.len()).unwrap_or(u32::MAX);
            let (status, time) = (statement.status, statement.time);
            self.claims.push(Claim { note: note.clone(), status, time, product });
            for id in &statement.ids {
                let known = self.by_id.entry(id.clone()).or_default();
                if known.last() != Some(&at) {
                    known.push(at);
                }
            }
        }
    }

    /// True if no statement is accepted, so that nothing has to be looked up.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// The claims that speak of a finding, if its report is about the image that they name.
    pub fn claims_about(&self, finding: &Finding) -> Vec<u32> {
        if self.claims.is_empty() {
            return Vec::new();
        }
        let ids = finding.ids.iter().chain([&finding.rule_id]);
        let claims = ids.filter_map(|id| self.by_id.get(&id.real().to_uppercase())).flatten();
        let mut found: Vec<u32> = claims.copied().collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            return found;
        }
        let purl = finding.package.as_ref().and_then(|p| Purl::parse(p.purl.as_ref()?.real()));
        found.retain(|&at| {
            let names = |id: &str| {
                self.by_id.get(&id.to_uppercase()).is_some_and(|known| known.binary_search(&at).is_ok())
            };
            self.claims.get(at as usize).is_some_and(|claim| {
                // What lifts has to speak of all that was found; what contradicts, of a part.
                claim.speaks_of(purl.as_ref())
                    && (claim.status != VexStatus::NotAffected
                        || advisory::names_whole_finding(finding, names))
            })
        });
        found
    }

    /// The claim by which a finding does not count, of those that speak of it, in a report about these images.
    pub fn lifting(&self, claims: &[u32], images: &[Text]) -> Option<u32> {
        let mut standing: BTreeMap<&str, (u32, &Claim)> = BTreeMap::new();
        for &at in claims {
            let Some(claim) = self.claims.get(at as usize).filter(|claim| claim.is_about(images)) else {
                continue;
            };
            let standing = standing.entry(&claim.note.author).or_insert((at, claim));
            // Of two of one time the worse stands.
            let rank = |claim: &Claim| (claim.time.is_none(), claim.time, claim.status);
            if rank(claim) > rank(standing.1) {
                *standing = (at, claim);
            }
        }
        let says = |status: VexStatus| standing.values().find(move |(_, claim)| claim.status == status);
        if says(VexStatus::Affected).is_some() {
            return None;
        }
        says(VexStatus::NotAffected).map(|(at, _)| *at)
    }

    /// Who says it and why.
    pub fn note(&self, claim: u32) -> Option<&VexNote> {
        self.claims.get(claim as usize).map(|claim| &claim.note)
    }
}

impl Claim {
    fn speaks_of(&self, package: Option<&Purl>) -> bool {
        match (&self.product.package, package) {
            (Some(wanted), Some(package)) => package.is(wanted),
            (Some(_), None) => false,
            (None, _) => !self.product.images.is_empty(),
        }
    }

    /// A claim that names an image holds for no other.
    fn is_about(&self, images: &[Text]) -> bool {
        self.product.images.is_empty()
            || images.iter().any(|image| self.product.images.iter().any(|named| named == image.real()))
    }
}

/// Every author of a document has to be accepted.
fn is_accepted(statement: &VexStatement, accept: VexTrust<'_>) -> bool {
    let accepted = |author: &Text| accept.authors.iter().any(|name| name == author.real());
    !statement.authors.is_empty() && statement.authors.iter().all(accepted)
}

/// Why a statement lifts nothing; `None` if it may.
fn idleness(statement: &VexStatement, accept: VexTrust<'_>) -> Option<&'static str> {
    let age = statement.time.map(|time| accept.now.as_second() - time.as_second());
    Some(match statement.status {
        _ if !is_accepted(statement, accept) => "by an author that the policy does not accept",
        VexStatus::Affected => "affected",
        VexStatus::Fixed => "fixed, which a new scan or a waiver has to show",
        VexStatus::UnderInvestigation => "under investigation",
        VexStatus::NotAffected if statement.justification.is_none() => "without a justification",
        VexStatus::NotAffected => match age {
            None => "without a time",
            Some(age) if age > accept.max_age => "too old",
            Some(age) if age < -CLOCK_SKEW => "from the future",
            Some(_) if statement.products.is_empty() => "of nothing that a report could name",
            Some(_) if !statement.products.iter().any(is_pinned) => "of a package without a version",
            Some(_) => return None,
        },
    })
}

/// Whether it names an image by digest or a package in its version: of any other nobody knows what will be in it.
fn is_pinned(product: &Product) -> bool {
    let versioned = |package: &Purl| !package.version.is_empty();
    !product.images.is_empty() || product.package.as_ref().is_some_and(versioned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Package, Severity};

    const NOW: &str = "2026-06-01T12:00:00Z";

    fn statement(author: &str, status: VexStatus, time: &str, purl: &str, images: &[&str]) -> VexStatement {
        VexStatement {
            authors: vec![Text::line(author)],
            time: time.parse().ok(),
            ids: vec!["CVE-2026-1".to_owned()],
            status,
            justification: Some("component_not_present"),
            note: None,
            products: vec![Product {
                package: Purl::parse(purl),
                images: images.iter().map(|image| (*image).to_owned()).collect(),
            }],
        }
    }

    fn lifted(statements: &[VexStatement], images: &[&str]) -> bool {
        let authors = ["a".to_owned(), "b".to_owned()];
        let accept = VexTrust { authors: &authors, max_age: 90 * 86_400, now: NOW.parse().unwrap() };
        let mut vex = Vex::default();
        vex.add("vex.json", statements.to_vec(), accept);
        let mut finding = Finding::new(Category::Vulnerability, "t", "cve-2026-1", Severity::High);
        finding.package = Some(Package {
            purl: Some(Text::line("pkg:apk/alpine/zlib@1.2?arch=x86_64")),
            ..Package::default()
        });
        let images: Vec<Text> = images.iter().map(|image| Text::line(image)).collect();
        vex.lifting(&vex.claims_about(&finding), &images).is_some()
    }

    #[test]
    fn what_lifts_a_finding() {
        use VexStatus::{Affected, Fixed, NotAffected, UnderInvestigation};
        let zlib = "pkg:apk/alpine/zlib@1.2";
        let (old, new) = ("2026-05-01T00:00:00Z", "2026-05-20T00:00:00Z");
        let says = |author, status, time| statement(author, status, time, zlib, &[]);
        assert!(lifted(&[says("a", NotAffected, old)], &[]));
        for status in [Affected, Fixed, UnderInvestigation] {
            assert!(!lifted(&[says("a", status, old)], &[]), "{status:?}");
        }
        // Nobody else's word counts, for or against.
        assert!(!lifted(&[says("c", NotAffected, old)], &[]));
        assert!(lifted(&[says("a", NotAffected, old), says("c", Affected, new)], &[]));
        // The newest word of an author stands; two authors do not overrule each other.
        assert!(!lifted(&[says("a", NotAffected, old), says("a", UnderInvestigation, new)], &[]));
        assert!(lifted(&[says("a", Affected, old), says("a", NotAffected, new)], &[]));
        assert!(!lifted(&[says("a", Affected, old), says("a", NotAffected, old)], &[]));
        assert!(!lifted(&[says("a", NotAffected, new), says("b", Affected, old)], &[]));
        assert!(!lifted(&[says("a", NotAffected, new), says("b", Affected, "2020-01-01T00:00:00Z")], &[]));
        assert!(!lifted(&[says("a", NotAffected, new), says("a", Affected, "")], &[]));
        assert!(lifted(&[says("a", NotAffected, new), says("b", UnderInvestigation, new)], &[]));
        // Time.
        for time in ["2026-01-01T00:00:00Z", "2026-06-02T00:00:00Z", ""] {
            assert!(!lifted(&[says("a", NotAffected, time)], &[]), "{time}");
        }
        let unjustified = VexStatement { justification: None, ..says("a", NotAffected, old) };
        assert!(!lifted(&[unjustified], &[]));
        let of_both =
            VexStatement { authors: vec![Text::line("a"), Text::line("c")], ..says("a", NotAffected, old) };
        assert!(!lifted(&[of_both], &[]));
    }

    #[test]
    fn one_of_two_advisories_lifts_no_finding_of_both() {
        use VexStatus::{Affected, NotAffected};
        let accept = ["a".to_owned()];
        let accept = VexTrust { authors: &accept, max_age: 90 * 86_400, now: NOW.parse().unwrap() };
        let mut finding = Finding::new(Category::Vulnerability, "t", "GHSA-1", Severity::High);
        finding.ids = ["GHSA-1", "GHSA-2"].map(Text::line).to_vec();
        finding.package = Some(Package { purl: Some(Text::line("pkg:npm/zlib@1.2")), ..Package::default() });
        let lifted = |ids: &[(&str, VexStatus)]| {
            let mut vex = Vex::default();
            let said = ids.iter().map(|(ids, status)| VexStatement {
                ids: ids.split(' ').map(str::to_owned).collect(),
                ..statement("a", *status, "2026-05-01T00:00:00Z", "pkg:npm/zlib@1.2", &[])
            });
            vex.add("vex.json", said.collect(), accept);
            vex.lifting(&vex.claims_about(&finding), &[]).is_some()
        };
        assert!(lifted(&[("GHSA-1 GHSA-2", NotAffected)]));
        assert!(!lifted(&[("GHSA-1", NotAffected)]));
        assert!(!lifted(&[("GHSA-1 GHSA-2", NotAffected), ("GHSA-2", Affected)]));
    }

    #[test]
    fn what_it_is_said_of_must_be_what_was_found() {
        for (purl, images, expected) in [
            ("pkg:apk/alpine/zlib@1.2?arch=x86_64", &[][..], true),
            ("pkg:apk/alpine/zlib@1.2?arch=arm", &[], false),
            ("pkg:apk/alpine/zlib@1.3", &[], false),
            ("pkg:apk/alpine/zlib", &[], false),
            ("pkg:apk/alpine/zlib", &["sha256:ab"], true),
            ("pkg:apk/alpine/zlib@1.3", &["sha256:ab"], false),
            ("", &["sha256:ab"], true),
            ("", &["sha256:cd"], false),
            ("", &[], false),
        ] {
            let said = statement("a", VexStatus::NotAffected, "2026-05-01T00:00:00Z", purl, images);
            assert_eq!(lifted(&[said], &["sha256:00", "sha256:ab"]), expected, "{purl} {images:?}");
        }
        let said = statement("a", VexStatus::NotAffected, "2026-05-01T00:00:00Z", "", &["sha256:ab"]);
        assert!(!lifted(&[said], &[]));
    }
}

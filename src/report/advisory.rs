//! Parts shared by the scanners of dependencies: a vulnerability of a package as a finding.

use jiff::Timestamp;

use super::cvss::{level_of_score, rating_of_vector};
use crate::finding::{
    Category, CvssRating, ExploitMaturity, Finding, FingerprintBuilder, Fix, Location, Package, Reachability,
    Scope, Severity, Text, decoded, ecosystem_by_name, split_version,
};

/// Statements of a report about one vulnerability in one package.
#[derive(Default)]
pub(super) struct Advisory<'a> {
    /// The tool that says it.
    pub(super) tool: &'a str,
    /// The scanner's id of it.
    pub(super) id: &'a str,
    /// All its ids; repeated and empty ones are left out.
    pub(super) ids: Vec<&'a str>,
    /// Severity on the common scale.
    pub(super) severity: WorstSeverity,
    /// The scanner's word for it.
    pub(super) native_severity: Option<Text>,
    /// One line; where it is empty, package and id say what it is.
    pub(super) title: &'a str,
    /// CWE numbers.
    pub(super) cwes: Vec<u32>,
    /// When it was published, RFC 3339.
    pub(super) published: &'a str,
    /// When it was last changed, RFC 3339.
    pub(super) modified: &'a str,
    /// Listed in the catalogue of exploited vulnerabilities, where the report says so.
    pub(super) exploited: bool,
    /// EPSS probabilities; the highest counts.
    pub(super) epss: Option<f64>,
    /// How far exploits are.
    pub(super) exploit: Option<ExploitMaturity>,
    /// The package's name.
    pub(super) name: &'a str,
    /// Its installed version.
    pub(super) version: &'a str,
    /// Its package URL.
    pub(super) purl: &'a str,
    /// Kind of package, where no package URL says.
    pub(super) ecosystem: &'a str,
    /// Versions that hold the fix.
    pub(super) fixed: Vec<Text>,
    /// Whether there is a fix.
    pub(super) fix: Option<Fix>,
    /// The file that names the package.
    pub(super) path: &'a str,
    /// Scope in which the package is needed.
    pub(super) scope: Option<Scope>,
    /// Scanned target.
    pub(super) target: &'a str,
    /// The base score.
    pub(super) cvss: Option<CvssRating>,
    /// Whether the vulnerable code can be reached.
    pub(super) reachable: Reachability,
    /// The project itself asks for the package.
    pub(super) direct: Option<bool>,
}

impl Advisory<'_> {
    /// The finding; `roots` are removed from its path.
    pub(super) fn finding(self, roots: &[String]) -> Finding {
        let rule = [self.id, self.name].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let mut finding = Finding::new(Category::Vulnerability, self.tool, rule, self.severity.get());
        finding.native_severity = self.native_severity;
        finding.title = match self.title.trim() {
            "" => Text::line(&format!("{} {}: {rule}", self.name, self.version)),
            title => Text::line(title),
        };
        for id in std::iter::once(self.id).chain(self.ids) {
            let id = Text::line(id);
            if !id.is_empty() && !finding.ids.contains(&id) {
                finding.ids.push(id);
            }
        }
        finding.cwes = self.cwes;
        finding.published = published(self.published);
        finding.modified = published(self.modified);
        finding.kev = self.exploited.then_some(true);
        finding.epss = self.epss.filter(|score| (0.0..=1.0).contains(score));
        finding.exploit = self.exploit;
        finding.location = Location::new(self.path, None, None, roots);
        finding.scope = self.scope;
        finding.cvss = self.cvss.map(Box::new);
        finding.reachable = self.reachable;
        finding.direct = self.direct;
        finding.target = Some(Text::line(self.target)).filter(|target| !target.is_empty());
        finding.fix = self.fix.unwrap_or(Fix::Unknown);
        let purl = PurlParts::parse(self.purl);
        let kind = purl.as_ref().map_or(self.ecosystem, |purl| purl.kind);
        // Grype names an artifact without its group.
        let whole = purl.as_ref().map(|purl| purl.name.as_str()).filter(|name| is_part_of(self.name, name));
        let id = FingerprintBuilder::new(finding.category.as_str());
        finding.identify(id.part(rule).part(whole.unwrap_or(self.name)).part(kind).part(self.version));
        if !self.name.is_empty() || !self.version.is_empty() || !self.purl.is_empty() {
            finding.package = Some(Package {
                name: Text::line(self.name),
                version: Text::line(self.version),
                purl: Some(Text::whole(self.purl)).filter(|purl| !purl.is_empty()),
                fixed: self.fixed,
                ecosystem: ecosystem_by_name(self.ecosystem).filter(|_| purl.is_none()).map(str::to_owned),
            });
        }
        finding
    }
}

/// Whether a name is the whole one without its group.
fn is_part_of(name: &str, whole: &str) -> bool {
    let group = whole.get(..whole.len().saturating_sub(name.len())).unwrap_or_default();
    !name.is_empty() && group.ends_with([':', '/']) && whole.ends_with(name)
}

/// Go's zero time is no date.
pub(super) fn published(text: &str) -> Option<i64> {
    let time: Timestamp = text.trim().parse().ok()?;
    Some(time.as_second()).filter(|&seconds| seconds > 0)
}

/// The worst of several severities.
///
/// A word that no table has may stand for any of them, so with it the whole is unknown, unless another says
/// critical already. A scanner's own `unknown` adds nothing.
#[derive(Default, Clone, Copy)]
pub(super) struct WorstSeverity {
    known: Option<Severity>,
    odd: bool,
}

impl WorstSeverity {
    /// Of one severity alone.
    pub(super) fn only(severity: Severity) -> Self {
        Self { known: Some(severity), odd: false }
    }

    /// Adds a word, where `none` means that it does no harm.
    pub(super) fn word(&mut self, word: &str) {
        match word_or_none(word) {
            Severity::Unknown if matches!(word.trim().to_ascii_lowercase().as_str(), "" | "unknown") => {}
            Severity::Unknown => self.odd = true,
            known => self.add(known),
        }
    }

    /// Adds a CVSS score.
    pub(super) fn score(&mut self, score: f64) {
        match level_of_score(score) {
            Some(severity) => self.add(severity),
            None => self.odd = true,
        }
    }

    /// Adds the base score of a CVSS vector.
    pub(super) fn vector(&mut self, vector: &str) {
        match rating_of_vector(vector) {
            Some(rating) => self.score(rating.score),
            None => self.odd = true,
        }
    }

    /// True if nothing was added that says anything.
    pub(super) fn is_silent(self) -> bool {
        self.known.is_none() && !self.odd
    }

    /// True if something was added that cannot be read.
    pub(super) fn is_odd(self) -> bool {
        self.odd
    }

    /// Adds what cannot be read.
    pub(super) fn unreadable(&mut self) {
        self.odd = true;
    }

    /// Adds what another collected.
    pub(super) fn merge(&mut self, other: Self) {
        self.odd |= other.odd;
        if let Some(severity) = other.known {
            self.add(severity);
        }
    }

    fn add(&mut self, severity: Severity) {
        let rank = |s: Severity| s.rank(Severity::Critical);
        if self.known.is_none_or(|known| rank(severity) > rank(known)) {
            self.known = Some(severity);
        }
    }

    /// The worst.
    pub(super) fn get(self) -> Severity {
        match self.known {
            Some(Severity::Critical) => Severity::Critical,
            Some(known) if !self.odd => known,
            _ => Severity::Unknown,
        }
    }
}

/// The plain table, and `none` for what does no harm.
pub(super) fn word_or_none(word: &str) -> Severity {
    if word.trim().eq_ignore_ascii_case("none") { Severity::Info } else { Severity::plain(word) }
}

/// The parts of a package URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PurlParts<'a> {
    /// Such as `npm`.
    pub(super) kind: &'a str,
    /// The package's name as its own tools write it.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
}

impl<'a> PurlParts<'a> {
    /// The parts of `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (kind, path) = rest.split_once('/')?;
        let (path, version) = split_version(path);
        let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (group, name) = (decoded(group), decoded(name));
        Some(Self { kind, name: full_name(kind, &group, &name), version: decoded(version).into_owned() })
    }
}

/// A package's name with its group, joined as its own tools do.
pub(super) fn full_name(kind: &str, group: &str, name: &str) -> String {
    match kind {
        _ if group.is_empty() => name.to_owned(),
        "deb" | "apk" | "rpm" | "alpm" | "oci" => name.to_owned(),
        "maven" => format!("{group}:{name}"),
        _ => format!("{group}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_an_odd_word_hides_nothing() {
        let of = |words: &[&str]| {
            let mut worst = WorstSeverity::default();
            for word in words {
                worst.word(word);
            }
            worst.get()
        };
        assert_eq!(of(&["low", "Moderate", "none"]), Severity::Medium);
        assert_eq!(of(&["none"]), Severity::Info);
        assert_eq!(of(&["unknown", "low", ""]), Severity::Low);
        assert_eq!(of(&["critikal", "low"]), Severity::Unknown);
        assert_eq!(of(&["critical", "lov"]), Severity::Critical);
        assert_eq!(of(&[]), Severity::Unknown);
    }

    #[test]
    fn scores_by_the_thresholds_of_cvss() {
        let of = |score| {
            let mut worst = WorstSeverity::default();
            worst.score(score);
            worst.get()
        };
        for (score, severity) in [
            (10.0, Severity::Critical),
            (9.0, Severity::Critical),
            (8.9, Severity::High),
            (7.0, Severity::High),
            (6.9, Severity::Medium),
            (4.0, Severity::Medium),
            (0.1, Severity::Low),
            (0.0, Severity::Info),
            (-1.0, Severity::Unknown),
            (f64::NAN, Severity::Unknown),
        ] {
            assert_eq!(of(score), severity, "{score}");
        }
    }

    #[test]
    fn package_urls() {
        for (text, kind, name, version) in [
            ("pkg:npm/%40angular/core@12.3.1", "npm", "@angular/core", "12.3.1"),
            ("pkg:npm/@angular/core", "npm", "@angular/core", ""),
            ("pkg:deb/debian/bash@5.0-4?distro=debian-10.2", "deb", "bash", "5.0-4"),
            ("pkg:maven/org.slf4j/slf4j-api@2.0.0?type=jar", "maven", "org.slf4j:slf4j-api", "2.0.0"),
            ("pkg:golang/github.com/gin-gonic/gin@v1.9.0#x", "golang", "github.com/gin-gonic/gin", "v1.9.0"),
            ("pkg:oci/debian@sha256%3A244f?repository_url=x", "oci", "debian", "sha256:244f"),
            ("pkg:pypi/a%zz@1", "pypi", "a%zz", "1"),
        ] {
            let expected = PurlParts { kind, name: name.to_owned(), version: version.to_owned() };
            assert_eq!(PurlParts::parse(text), Some(expected), "{text}");
        }
        assert_eq!(PurlParts::parse("product-ABC"), None);
        assert_eq!(decoded("%ff"), "%ff");
    }
}

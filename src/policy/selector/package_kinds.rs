//! Selectors of packages by where they come from: ecosystems and globs of package URLs.

use globset::{GlobBuilder, GlobMatcher};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::error::{PolicyProblems, quoted};
use super::super::written::node::Node;
use super::super::written::{At, FromNode, Name};
use super::SelectorContext;
use super::criterion::{Answer, CriterionFacts, ListCriterion, SomeOf};
use crate::finding::{Finding, spelled_name};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Types of package URLs (purl specification, `types/`), which name ecosystems.
const ECOSYSTEMS: [&str; 36] = [
    "alpm",
    "apk",
    "bazel",
    "bitbucket",
    "bitnami",
    "cargo",
    "cocoapods",
    "composer",
    "conan",
    "conda",
    "cpan",
    "cran",
    "deb",
    "docker",
    "gem",
    "generic",
    "github",
    "golang",
    "hackage",
    "hex",
    "huggingface",
    "julia",
    "luarocks",
    "maven",
    "mlflow",
    "npm",
    "nuget",
    "oci",
    "opam",
    "otp",
    "pub",
    "pypi",
    "qpkg",
    "rpm",
    "swid",
    "swift",
];

/// Common names of ecosystems, with the type in package URLs.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("go", "golang"),
    ("pip", "pypi"),
    ("python", "pypi"),
    ("rubygems", "gem"),
    ("ruby", "gem"),
    ("crates.io", "cargo"),
    ("rust", "cargo"),
    ("packagist", "composer"),
    ("php", "composer"),
    ("java", "maven"),
    ("debian", "deb"),
    ("alpine", "apk"),
];

/// An ecosystem by its type in package URLs.
#[derive(Debug, Clone)]
pub(crate) struct Ecosystem(String);

impl FromNode for Ecosystem {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let text = Name::from_node(node, key, problems)?.to_ascii_lowercase();
        if ECOSYSTEMS.contains(&text.as_str()) {
            return Some(Self(text));
        }
        if let Some((_, kind)) = OTHER_NAMES.iter().find(|(name, _)| *name == text) {
            let (key, shown) = (key.to_owned(), quoted(&text));
            problems.add(node.at, PolicyDiagnostic::OtherEcosystemName { key, shown, kind });
        } else {
            let (key, shown) = (key.to_owned(), quoted(&text));
            let diagnostic = PolicyDiagnostic::UnknownInSelector { key, what: "ecosystem", shown };
            problems.unknown(node.at, diagnostic, &text, &ECOSYSTEMS);
        }
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ECOSYSTEMS.as_slice()})
    }
}

pub(super) type EcosystemIs = SomeOf<PackageEcosystem>;

/// Ecosystems, of which the package of a finding is of one.
pub(crate) struct PackageEcosystem;

impl ListCriterion for PackageEcosystem {
    type Written = Ecosystem;
    type Item = String;
    const FACTS: CriterionFacts =
        CriterionFacts { graded: false, ..CriterionFacts::lacked(&["npm", "[pypi, maven]"]) };

    fn item(written: At<Self::Written>, _: &'static str, _: &mut PolicyProblems) -> Option<Self::Item> {
        Some(written.value.0)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        match finding.package_name() {
            None => Answer::No,
            Some(name) => Answer::of(name.ecosystem.map(|kind| items.contains(&kind))),
        }
    }

    fn shown(kind: &Self::Item) -> String {
        kind.clone()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        match finding.package_name() {
            None => Some("none".to_owned()),
            Some(name) => name.ecosystem,
        }
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        use crate::finding::Text;
        let urls = ["", "pkg:npm/p0@1.0", "pkg:pypi/p1@2.0", "pkg:maven/org.x/p2@3"];
        if let Some(package) = &mut finding.package {
            package.purl = (!n.is_multiple_of(4)).then(|| Text::line(urls[usize::from(n) % 4]));
        }
    }
}

/// A glob of package URLs: `*` stays between two `/`, `**` crosses them. Without `@` behind the name it is compared with
/// the URL without version.
#[derive(Debug, Clone)]
pub struct PurlGlob {
    text: String,
    versioned: bool,
    matcher: GlobMatcher,
}

impl PurlGlob {
    /// The glob `text`, or why it is none.
    pub fn new(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_at_checked(4).unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("pkg:") {
            return Err(
                "a package URL begins with `pkg:`, such as `pkg:npm/lodash` or `pkg:maven/org.apache.*/*`"
                    .to_owned(),
            );
        }
        let Some((kind, path)) = rest.split_once('/').filter(|(_, path)| !path.is_empty()) else {
            return Err("a package URL has a type and a name: `pkg:npm/*`".to_owned());
        };
        if path.contains(['?', '#']) {
            return Err(
                "qualifiers and subpaths are not compared: leave out what follows `?` or `#`".to_owned()
            );
        }
        let kind = kind.to_ascii_lowercase();
        if !kind.contains('*') && !ECOSYSTEMS.contains(&kind.as_str()) {
            return Err(format!("`{kind}` is no type of package URLs"));
        }
        let path = path.replace("%40", "@");
        let at = path.rfind('@').filter(|at| *at > path.rfind('/').map_or(0, |slash| slash + 1));
        let (name, version) = at.and_then(|at| path.split_at_checked(at)).unwrap_or((path.as_str(), ""));
        let whole = format!("pkg:{kind}/{}{version}", spelled_name(&kind, name.to_owned()));
        let glob = GlobBuilder::new(&whole).literal_separator(true).backslash_escape(true).build();
        let glob = glob.map_err(|error| format!("not a glob: {}", error.kind()))?;
        Ok(Self { text: text.to_owned(), versioned: !version.is_empty(), matcher: glob.compile_matcher() })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the package of a finding is one of these; `None` where nothing tells its ecosystem.
    pub(in super::super) fn matches(&self, finding: &Finding) -> Option<bool> {
        let (Some(package), Some(name)) = (&finding.package, finding.package_name()) else {
            return Some(false);
        };
        let kind = name.ecosystem?;
        let version = package.url().map(|url| url.version).filter(|version| !version.is_empty());
        let version = version.unwrap_or_else(|| package.version.real().to_owned());
        if self.versioned && version.is_empty() {
            return None;
        }
        let version = if self.versioned { format!("@{version}") } else { String::new() };
        Some(self.matcher.is_match(format!("pkg:{kind}/{}{version}", name.name)))
    }
}

pub(super) type PurlIs = SomeOf<PackagePurl>;

/// Globs of package URLs.
pub(crate) struct PackagePurl;

impl ListCriterion for PackagePurl {
    type Written = Name;
    type Item = PurlGlob;
    const FACTS: CriterionFacts = CriterionFacts {
        graded: false,
        ..CriterionFacts::lacked(&["\"pkg:npm/*\"", "[\"pkg:maven/org.*/*\", \"pkg:pypi/p1@2.*\"]"])
    };

    fn item(
        written: At<Self::Written>,
        key: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        let glob = PurlGlob::new(&written.value);
        let invalid =
            |why| PolicyDiagnostic::InvalidGlob { key: key.to_owned(), shown: quoted(&written.value), why };
        glob.map_err(|why| problems.add(written.at, invalid(why))).ok()
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        items.iter().map(|glob| Answer::of(glob.matches(finding))).max().unwrap_or(Answer::Yes)
    }

    fn shown(glob: &Self::Item) -> String {
        glob.text().to_owned()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        let Some(package) = &finding.package else { return Some("none".to_owned()) };
        let name = finding.package_name()?;
        let kind = name.ecosystem?;
        let version = package.version.as_str();
        Some(if version.is_empty() {
            format!("pkg:{kind}/{}", name.name)
        } else {
            format!("pkg:{kind}/{}@{version}", name.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Package, Severity, Text};

    fn finding(purl: &str) -> Finding {
        let mut finding = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", Severity::High);
        finding.package =
            Some(Package { name: Text::line("x"), purl: Some(Text::line(purl)), ..Package::default() });
        finding
    }

    #[test]
    fn globs_compare_in_the_spelling_of_the_ecosystem() {
        for (glob, purl, is) in [
            ("pkg:maven/org.apache.*/*", "pkg:maven/org.apache.logging.log4j/log4j-core@2.14", true),
            ("pkg:maven/org.apache.*/*", "pkg:maven/org.apachex/y@1", false),
            ("pkg:npm/*", "pkg:npm/lodash@4", true),
            ("pkg:npm/*", "pkg:npm/%40angular/core@4", false),
            ("pkg:npm/**", "pkg:npm/%40angular/core@4", true),
            ("pkg:npm/@angular/*", "pkg:npm/%40angular/core@4", true),
            ("pkg:npm/%40angular/core@4.*", "pkg:npm/%40angular/core@4.1", true),
            ("pkg:npm/%40angular/core@4.*", "pkg:npm/%40angular/core@5.1", false),
            ("pkg:pypi/Zope_*", "pkg:pypi/zope.interface@5", true),
            ("pkg:*/lodash", "pkg:npm/lodash@4", true),
            ("pkg:golang/github.com/**", "pkg:golang/github.com/a/b@v1", true),
        ] {
            assert_eq!(PurlGlob::new(glob).unwrap().matches(&finding(purl)), Some(is), "{glob} {purl}");
        }
        let mut silent = finding("x");
        silent.package.as_mut().unwrap().purl = None;
        assert_eq!(PurlGlob::new("pkg:npm/*").unwrap().matches(&silent), None);
        for odd in ["npm/lodash", "pkg:npm", "pkg:npm/", "pkg:nmp/x", "pkg:npm/x?a=b"] {
            assert!(PurlGlob::new(odd).is_err(), "{odd}");
        }
    }
}

//! The entries of Trivy's lists as findings.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::needed::ListedPackages;
use super::{FORMAT, scanned_category};
use crate::finding::{
    Category, CvssRating, Finding, FingerprintBuilder, Fix, Location, Package, Severity, Sighting, Text,
};
use crate::report::advisory::published;
use crate::report::conceal::comparable;
use crate::report::cvss::{StatedScore, highest, rating};
use crate::report::field::suppress;
use crate::report::json::{parse, shapes};
use crate::report::value::{CweNumbers, LineNumber, RawJson, ReportWord, Strings};

shapes!(TrivyVulnerability, Misconfiguration, Secret, TrivyLicense, Modified);

/// An entry of a list.
pub(super) trait TrivyEntry {
    /// The finding that it is, whatever it leaves out; none where a check passed.
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding>;
}

/// Where an entry stands.
pub(super) struct Site<'r> {
    /// `Target` of its result.
    pub(super) target: String,
    /// `Class` of its result, empty before Trivy 0.19.
    pub(super) class: String,
    /// Name of the scanned image; empty if it is none.
    pub(super) artifact: String,
    /// `NAMESPACE/KIND/NAME` of the resource in a cluster, else empty.
    pub(super) resource: String,
    /// Prefixes that are removed from paths.
    pub(super) roots: &'r [String],
    /// The system whose packages these are is no longer maintained, where the report says.
    pub(super) end_of_life: Option<bool>,
    /// Content of the result's `Packages`.
    pub(super) listed: ListedPackages,
}

/// Targets that name a group of packages or files, not a file.
const GROUPS: &[&str] =
    &["OS Packages", "Loose File License(s)", "Python", "Conda", "Ruby", "Node.js", "Java", "Kubernetes"];

impl Site<'_> {
    fn start(&self, category: Category, rule: &str, severity: &ReportWord<'_>) -> Finding {
        let mut finding = Finding::new(category, FORMAT.tool, rule, Severity::plain(severity.as_str()));
        finding.native_severity = severity.native();
        let target = match (self.resource.as_str(), self.target.as_str()) {
            ("", target) => Cow::Borrowed(target),
            (resource, "") => Cow::Borrowed(resource),
            // A resource's own target repeats its kind and name.
            (resource, target) if resource.ends_with(target) => Cow::Borrowed(resource),
            (resource, target) => Cow::Owned(format!("{resource}: {target}")),
        };
        finding.target = Some(Text::line(&target)).filter(|t| !t.is_empty());
        finding
    }

    /// `Target` if it is a file.
    fn file(&self) -> &str {
        let image = !self.artifact.is_empty() && self.target == self.artifact;
        if image || GROUPS.contains(&self.target.as_str()) { "" } else { &self.target }
    }

    /// `Target` if it is the file that lists packages. An operating system's target is `NAME (FAMILY VERSION)`.
    pub(super) fn lock_file(&self) -> &str {
        let system = match self.class.as_str() {
            "" => self.target.ends_with(')') && self.target.contains(" ("),
            class => class != "lang-pkgs",
        };
        if system { "" } else { self.file() }
    }

    fn location(&self, path: &str, lines: &TrivyLines) -> Option<Location> {
        Location::new(path, lines.start.0, lines.end.0, self.roots)
    }

    fn identity(&self, category: Category) -> FingerprintBuilder {
        FingerprintBuilder::new(category.as_str()).part(&self.resource)
    }
}

#[derive(Default)]
struct TrivyLines {
    start: LineNumber,
    end: LineNumber,
}

/// An optional object; anything else, or one of another shape, counts as absent.
struct OptionalEntry<T>(Option<T>);

impl<T> Default for OptionalEntry<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OptionalEntry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(object(RawJson::deserialize(deserializer)?.0)))
    }
}

/// An object, if the text is one of that shape: a derived struct would also accept an array.
fn object<'de, T: Deserialize<'de>>(raw: &'de str) -> Option<T> {
    raw.starts_with('{').then(|| parse(raw).ok()).flatten()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TrivyVulnerability<'a> {
    #[serde(borrow, default, rename = "VulnerabilityID")]
    id: ReportWord<'a>,
    #[serde(borrow, default, rename = "VendorIDs")]
    vendor_ids: Strings<'a>,
    #[serde(borrow, default)]
    pkg_name: ReportWord<'a>,
    #[serde(borrow, default)]
    pkg_path: ReportWord<'a>,
    #[serde(borrow, default)]
    pkg_identifier: OptionalEntry<TrivyPackageIdentifier<'a>>,
    #[serde(borrow, default)]
    installed_version: ReportWord<'a>,
    // Of another type than a string it is there, yet says nothing.
    #[serde(borrow, default)]
    fixed_version: Option<ReportWord<'a>>,
    #[serde(borrow, default)]
    status: ReportWord<'a>,
    #[serde(borrow, default)]
    title: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(default, rename = "CweIDs")]
    cwe_ids: CweNumbers,
    #[serde(borrow, default)]
    published_date: ReportWord<'a>,
    #[serde(borrow, default)]
    last_modified_date: ReportWord<'a>,
    #[serde(borrow, default, rename = "PkgID")]
    pkg_id: ReportWord<'a>,
    #[serde(borrow, default, rename = "CVSS")]
    cvss: OptionalEntry<BTreeMap<String, OptionalEntry<TrivyCvssScores<'a>>>>,
}

/// Statements of one source about a vulnerability's score.
#[derive(Deserialize)]
struct TrivyCvssScores<'a> {
    #[serde(borrow, default, rename = "V2Vector")]
    vector_2: ReportWord<'a>,
    #[serde(borrow, default, rename = "V3Vector")]
    vector_3: ReportWord<'a>,
    #[serde(borrow, default, rename = "V40Vector")]
    vector_4: ReportWord<'a>,
    #[serde(default, rename = "V2Score")]
    score_2: StatedScore,
    #[serde(default, rename = "V3Score")]
    score_3: StatedScore,
    #[serde(default, rename = "V40Score")]
    score_4: StatedScore,
}

impl TrivyCvssScores<'_> {
    fn ratings(&self) -> impl Iterator<Item = CvssRating> {
        let all = [
            (self.score_4, "4.0", &self.vector_4),
            (self.score_3, "", &self.vector_3),
            (self.score_2, "2.0", &self.vector_2),
        ];
        all.into_iter().filter_map(|(score, version, vector)| rating(score, version, vector.as_str()))
    }
}

#[derive(Deserialize)]
struct TrivyPackageIdentifier<'a> {
    #[serde(borrow, default, rename = "PURL")]
    purl: ReportWord<'a>,
}

impl TrivyEntry for TrivyVulnerability<'_> {
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding> {
        Some(self.finding(site))
    }
}

impl TrivyVulnerability<'_> {
    fn finding(&self, site: &Site<'_>) -> Finding {
        let (id, name, version) = (self.id.as_str(), self.pkg_name.as_str(), self.installed_version.as_str());
        let mut finding = site.start(Category::Vulnerability, id, &self.severity);
        finding.title = match self.title.as_str() {
            "" if id.is_empty() => Text::line(&format!("{name} {version}: vulnerability without an id")),
            "" => Text::line(&format!("{name} {version}: {id}")),
            title => Text::line(title),
        };
        let ids = std::iter::once(id).chain(self.vendor_ids.0.iter().map(AsRef::as_ref));
        finding.ids = ids.filter(|id| !id.is_empty()).map(Text::line).collect();
        finding.cwes.clone_from(&self.cwe_ids.0);
        finding.published = published(self.published_date.as_str());
        finding.modified = published(self.last_modified_date.as_str());
        finding.end_of_life = site.end_of_life.filter(|_| site.class == "os-pkgs");
        let scores = self.cvss.0.iter().flat_map(BTreeMap::values).filter_map(|scores| scores.0.as_ref());
        finding.cvss = highest(scores.flat_map(TrivyCvssScores::ratings)).map(Box::new);
        (finding.scope, finding.direct) = site.listed.of(self.pkg_id.as_str());
        let path = match self.pkg_path.as_str() {
            "" => site.lock_file(),
            path => path,
        };
        finding.location = site.location(path, &TrivyLines::default());
        let purl = self.pkg_identifier.0.as_ref().map_or("", |i| i.purl.as_str());
        let fixed = self.fixed();
        finding.fix = self.fix(&fixed);
        finding.package = Some(Package {
            name: Text::line(name),
            version: Text::line(version),
            purl: Some(Text::whole(purl)).filter(|p| !p.is_empty()),
            fixed,
            ecosystem: None,
        });
        let purl_type = purl.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let identity = site.identity(finding.category);
        finding.identify(identity.part(id).part(name).part(purl_type).part(version));
        finding
    }

    fn fixed(&self) -> Vec<Text> {
        let versions = self.fixed_version.as_ref().map_or("", ReportWord::as_str);
        versions.split(", ").map(Text::line).filter(|v| !v.is_empty()).collect()
    }

    fn fix(&self, fixed: &[Text]) -> Fix {
        let said = self.fixed_version.as_ref().is_none_or(|version| version.0.is_some());
        match fixed {
            [] if !said || self.status.as_str().trim().eq_ignore_ascii_case("fixed") => Fix::Unknown,
            [] => Fix::None,
            _ => Fix::Available,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration<'a> {
    #[serde(borrow, default, rename = "ID")]
    id: ReportWord<'a>,
    #[serde(borrow, default, rename = "AVDID")]
    avd_id: ReportWord<'a>,
    #[serde(borrow, default)]
    title: ReportWord<'a>,
    #[serde(borrow, default)]
    message: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    status: ReportWord<'a>,
    #[serde(borrow, default)]
    cause_metadata: OptionalEntry<Cause<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cause<'a> {
    #[serde(borrow, default)]
    resource: ReportWord<'a>,
    #[serde(default)]
    start_line: LineNumber,
    #[serde(default)]
    end_line: LineNumber,
}

impl TrivyEntry for Misconfiguration<'_> {
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding> {
        // Any word but these two is a failure; a missing one as well.
        match self.status.as_str() {
            "PASS" => return None,
            "EXCEPTION" => {
                let mut finding = self.finding(site);
                suppress(&mut finding, "exception of a trivy policy", &[]);
                return Some(finding);
            }
            _ => {}
        }
        Some(self.finding(site))
    }
}

impl Misconfiguration<'_> {
    fn finding(&self, site: &Site<'_>) -> Finding {
        let (id, avd_id, message) = (self.id.as_str(), self.avd_id.as_str(), self.message.as_str());
        let rule = if id.is_empty() { avd_id } else { id };
        let mut finding = site.start(Category::Misconfiguration, rule, &self.severity);
        if !avd_id.is_empty() && avd_id != rule {
            finding.rule_aliases.push(Text::line(avd_id));
        }
        let title = [self.title.as_str(), message, rule].into_iter().find(|text| !text.trim().is_empty());
        finding.title = Text::line(title.unwrap_or("misconfiguration without an id"));
        let cause = self.cause_metadata.0.as_ref();
        let lines =
            cause.map_or_else(TrivyLines::default, |c| TrivyLines { start: c.start_line, end: c.end_line });
        // The target of a cluster's resource is its kind and name.
        let path = if site.resource.is_empty() { site.file() } else { "" };
        finding.location = site.location(path, &lines);
        let check = if avd_id.is_empty() { id } else { avd_id };
        let identity = site.identity(finding.category).part(&canonical(check));
        let resource = cause.map_or("", |c| c.resource.as_str());
        if resource.is_empty() && site.resource.is_empty() {
            finding.bind_to_code();
        }
        finding.identify(identity.part(resource).folded(&comparable(message)));
        finding
    }
}

/// One spelling of a check's id: `KSV017`, `KSV-0017` and `AVD-KSV-0017` are the last without its prefix.
fn canonical(id: &str) -> Cow<'_, str> {
    let bare = id.strip_prefix("AVD-").unwrap_or(id);
    let letters = bare.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = bare.strip_prefix(letters).unwrap_or_default();
    let family = letters.strip_suffix('-').unwrap_or(letters);
    let simple = !family.is_empty() && family.bytes().all(|b| b.is_ascii_uppercase());
    if simple && (1..=4).contains(&digits.len()) {
        Cow::Owned(format!("{family}-{digits:0>4}"))
    } else {
        Cow::Borrowed(bare)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret<'a> {
    #[serde(borrow, default, rename = "RuleID")]
    rule_id: ReportWord<'a>,
    #[serde(borrow, default)]
    category: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    title: ReportWord<'a>,
    #[serde(default)]
    start_line: LineNumber,
    #[serde(default)]
    end_line: LineNumber,
    // The line that matched, its values written as asterisks. Only the name before them is used.
    #[serde(borrow, default)]
    r#match: ReportWord<'a>,
}

impl TrivyEntry for Secret<'_> {
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding> {
        Some(self.finding(site))
    }
}

impl Secret<'_> {
    fn finding(&self, site: &Site<'_>) -> Finding {
        let rule = self.rule_id.as_str();
        let mut finding = site.start(Category::Secret, rule, &self.severity);
        let title =
            [self.title.as_str(), rule, self.category.as_str()].into_iter().find(|text| !text.is_empty());
        finding.title = Text::line(title.unwrap_or("secret without a rule"));
        finding.location =
            site.location(site.file(), &TrivyLines { start: self.start_line, end: self.end_line });
        if site.artifact.is_empty() && site.resource.is_empty() {
            finding.sighting = Sighting::InFile;
        }
        let identity = site.identity(finding.category).part(rule);
        finding.identify(identity.part(name_before_mask(self.r#match.as_str())));
        finding
    }
}

/// The name that a masked value is given to: of `export API_KEY=*****` it is `API_KEY`.
///
/// Nothing else of the line is kept, for Trivy masks what its rules matched, and another value may stand beside
/// it. Nor is a word that could be a value itself.
fn name_before_mask(line: &str) -> &str {
    if !line.contains('*') {
        return "";
    }
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = line.split(['*', '=', ':']).next().unwrap_or_default().trim_end_matches(|c| !in_name(c));
    let name = before.rsplit(|c| !in_name(c)).next().unwrap_or_default();
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    if name.len() <= 48 && digits <= 1 { name } else { "" }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TrivyLicense<'a> {
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    category: ReportWord<'a>,
    #[serde(borrow, default)]
    pkg_name: ReportWord<'a>,
    #[serde(borrow, default)]
    file_path: ReportWord<'a>,
    #[serde(borrow, default)]
    name: ReportWord<'a>,
}

impl TrivyEntry for TrivyLicense<'_> {
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding> {
        Some(self.finding(site))
    }
}

impl TrivyLicense<'_> {
    fn finding(&self, site: &Site<'_>) -> Finding {
        let (name, package, category) = (self.name.as_str(), self.pkg_name.as_str(), self.category.as_str());
        let mut finding = site.start(Category::License, name, &self.severity);
        let of = if package.is_empty() { self.file_path.as_str() } else { package };
        finding.title = Text::line(&match category {
            "" if of.is_empty() && name.is_empty() => "licence without a name".to_owned(),
            "" => format!("{of}: {name}"),
            category => format!("{of}: {name} ({category})"),
        });
        let path = match self.file_path.as_str() {
            "" => site.file(),
            path => path,
        };
        finding.location = site.location(path, &TrivyLines::default());
        finding.package =
            (!package.is_empty()).then(|| Package { name: Text::line(package), ..Package::default() });
        finding.identify(site.identity(finding.category).part(name).part(package));
        finding
    }
}

/// A finding that an ignore file, a Rego policy or a VEX document took away.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Modified<'a> {
    #[serde(borrow, default)]
    r#type: ReportWord<'a>,
    #[serde(borrow, default)]
    status: ReportWord<'a>,
    #[serde(borrow, default)]
    statement: ReportWord<'a>,
    #[serde(borrow, default)]
    source: ReportWord<'a>,
    #[serde(borrow, default)]
    finding: Option<RawJson<'a>>,
}

impl TrivyEntry for Modified<'_> {
    fn to_finding(&self, site: &Site<'_>) -> Option<Finding> {
        let named = Category::from_word(self.r#type.as_str()).filter(|c| FORMAT.categories.contains(c));
        let category = named.or_else(|| scanned_category(&site.class)).unwrap_or(Category::Vulnerability);
        let raw = self.finding.map_or("", |raw| raw.0);
        let found = match category {
            Category::Misconfiguration => object::<Misconfiguration<'_>>(raw).map(|m| m.finding(site)),
            Category::Secret => object::<Secret<'_>>(raw).map(|s| s.finding(site)),
            Category::License => object::<TrivyLicense<'_>>(raw).map(|l| l.finding(site)),
            _ => object::<TrivyVulnerability<'_>>(raw).map(|v| v.finding(site)),
        };
        let mut finding = found.unwrap_or_else(|| site.start(category, "", &ReportWord::default()));
        let by = match (self.status.as_str(), self.source.as_str()) {
            (status, "") => status.to_owned(),
            (status, source) => format!("{status}, {source}"),
        };
        suppress(&mut finding, &by, &[self.statement.as_str()]);
        Some(finding)
    }
}

//! One vulnerability of a report as a finding.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::scan_type::ScanType;
use super::text::{code_digest, fix, parts_of, place_of_url, without_user};
use crate::finding::{
    Category, Confidence, Finding, FingerprintBuilder, Location, Package, Severity, Sighting, Text,
};
use crate::report::advisory::WorstSeverity;
use crate::report::checkov::is_secret_check;
use crate::report::conceal::comparable;
use crate::report::credential_rule::{is_about_secrets, without_literals};
use crate::report::cvss::{highest, rating_of_vector};
use crate::report::json::{LIST, OBJECT, shapes};
use crate::report::secret::masked;
use crate::report::value::{LineNumber, ReportWord, cwe_numbers, only};

shapes!(GitlabVulnerability, Agent);

/// An entry of `vulnerabilities`. Fields that only old reports have: `message`, `cve`, `confidence`, `scanner`;
/// and of the bare arrays also `priority`, `file`, `line`, `tool`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GitlabVulnerability<'a> {
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    message: ReportWord<'a>,
    #[serde(borrow)]
    description: ReportWord<'a>,
    // No CVE, but a fingerprint that may hold lines, and digests of code.
    #[serde(borrow)]
    cve: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    priority: ReportWord<'a>,
    #[serde(borrow)]
    confidence: ReportWord<'a>,
    #[serde(borrow)]
    solution: ReportWord<'a>,
    // The secret itself, or code. Ends here.
    #[serde(borrow)]
    raw_source_code_extract: ReportWord<'a>,
    #[serde(borrow)]
    scanner: LenientPart<Agent<'a>>,
    #[serde(borrow)]
    tool: ReportWord<'a>,
    #[serde(borrow)]
    location: LenientPart<GitlabLocation<'a>>,
    #[serde(borrow)]
    file: ReportWord<'a>,
    line: LineNumber,
    #[serde(borrow)]
    identifiers: LenientParts<GitlabIdentifier<'a>>,
    #[serde(borrow)]
    details: LenientPart<Details<'a>>,
    #[serde(borrow)]
    cvss_vectors: LenientParts<Vector<'a>>,
}

/// A CVSS vector, by one who published it (since schema 15.0.7).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Vector<'a> {
    #[serde(borrow)]
    vector: ReportWord<'a>,
}

/// A field for display that Semgrep adds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    confidence: LenientPart<GitlabIdentifier<'a>>,
}

/// A scanner or an analyzer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Agent<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    version: ReportWord<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GitlabIdentifier<'a> {
    #[serde(borrow, rename = "type")]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    value: ReportWord<'a>,
}

/// The locations of all kinds of scan.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GitlabLocation<'a> {
    #[serde(borrow)]
    file: ReportWord<'a>,
    start_line: LineNumber,
    end_line: LineNumber,
    #[serde(borrow)]
    class: ReportWord<'a>,
    #[serde(borrow)]
    method: ReportWord<'a>,
    #[serde(borrow)]
    image: ReportWord<'a>,
    #[serde(borrow)]
    kubernetes_resource: LenientPart<Resource<'a>>,
    #[serde(borrow)]
    dependency: LenientPart<GitlabDependency<'a>>,
    #[serde(borrow)]
    hostname: ReportWord<'a>,
    #[serde(borrow)]
    path: ReportWord<'a>,
    #[serde(borrow)]
    param: ReportWord<'a>,
    #[serde(borrow)]
    crash_type: ReportWord<'a>,
    #[serde(borrow)]
    crash_state: ReportWord<'a>,
    #[serde(borrow)]
    commit: LenientPart<GitlabCommit<'a>>,
}

/// The commit that a secret was found in; without history its name is all zeros.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GitlabCommit<'a> {
    #[serde(borrow)]
    sha: ReportWord<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GitlabDependency<'a> {
    #[serde(borrow)]
    package: LenientPart<Agent<'a>>,
    #[serde(borrow)]
    version: ReportWord<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    namespace: ReportWord<'a>,
    #[serde(borrow)]
    kind: ReportWord<'a>,
    #[serde(borrow)]
    name: ReportWord<'a>,
}

/// An object; anything else counts as an empty one, and the finding stays. Keys given twice are an error.
#[derive(Default)]
struct LenientPart<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for LenientPart<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A derived struct would also accept an array.
        only(OBJECT, deserializer).map(|part| Self(part.unwrap_or_default()))
    }
}

/// The objects of an array; whatever else there is counts as none.
struct LenientParts<T>(Vec<T>);

impl<T> Default for LenientParts<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for LenientParts<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts: Vec<LenientPart<T>> = only(LIST, deserializer)?.unwrap_or_default();
        Ok(Self(parts.into_iter().map(|part| part.0).collect()))
    }
}

/// A finding, and what the reading needs to know of it.
pub(super) struct GitlabFinding {
    pub(super) finding: Finding,
    /// The scanner that `scan` names stands in for one of its own.
    pub(super) attributed: bool,
    /// Its target is an image with a digest.
    pub(super) digest: bool,
    /// Contents of its code that may be a secret's value.
    pub(super) values: Vec<String>,
}

impl Agent<'_> {
    /// Its id, else its name; empty without either.
    fn id(&self) -> &str {
        [self.id.as_str(), self.name.as_str()].into_iter().find(|id| !id.is_empty()).unwrap_or_default()
    }

    /// Id and version, if it has an id.
    pub(super) fn id_and_version(&self) -> Option<(String, String)> {
        Some(self.id())
            .filter(|id| !id.is_empty())
            .map(|id| (id.to_owned(), self.version.as_str().to_owned()))
    }
}

/// Types of identifiers that name a class of weaknesses.
const CLASSES: [&str; 4] = ["cwe", "owasp", "wasc", "capec"];
/// Types of identifiers that name a vulnerability, also of findings that are about code or an application.
const VULNERABILITIES: [&str; 4] = ["cve", "ghsa", "osv", "osvdb"];

impl GitlabIdentifier<'_> {
    fn is(&self, types: &[&str]) -> bool {
        types.iter().any(|t| self.kind.as_str().eq_ignore_ascii_case(t))
    }

    /// The identifier; for a class of weaknesses with its prefix.
    fn id(&self) -> &str {
        let (name, value) = (self.name.as_str(), self.value.as_str());
        let prefixed =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
        let bare = value.starts_with(|c: char| c.is_ascii_digit());
        let sentence = value.contains(char::is_whitespace) && !name.contains(char::is_whitespace);
        // njsscan writes the sentence as the value, and the rule as the name.
        let named = self.is(&["cwe"]) && prefixed("CWE-")
            || self.is(&["cve"]) && prefixed("CVE-") && bare
            || sentence && !name.is_empty();
        if value.is_empty() || named { name } else { value }
    }
}

impl GitlabVulnerability<'_> {
    /// The finding; `None` if nothing says what or where it is.
    pub(super) fn to_finding(
        &self,
        scan_type: ScanType,
        scanner: &str,
        roots: &[String],
    ) -> Option<GitlabFinding> {
        let said = [&self.name, &self.message, &self.description, &self.cve, &self.severity, &self.priority];
        let place = &self.location.0;
        let placed =
            [&place.file, &place.image, &place.hostname, &place.path, &place.crash_state, &self.file];
        let given = |words: &[&ReportWord<'_>]| words.iter().any(|word| !word.as_str().is_empty());
        if !given(&said) && !given(&placed) && self.rule().is_empty() {
            return None;
        }
        let own = [self.scanner.0.id(), self.tool.as_str()].into_iter().find(|id| !id.is_empty());
        let tool = own.unwrap_or(scanner);
        let finding = self.finding(scan_type, tool, roots);
        let digest = scan_type == ScanType::ContainerScanning && place.image.as_str().contains("@sha256:");
        let extract = self.raw_source_code_extract.as_str();
        let values = match finding.category {
            Category::Secret => [extract].into_iter().chain(parts_of(extract)).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Some(GitlabFinding { finding, attributed: own.is_none(), digest, values })
    }

    /// Its first identifier; of old reports `cve` where it is one.
    fn rule(&self) -> &str {
        let cve = self.cve.as_str();
        match self.identifiers.0.first().map_or("", GitlabIdentifier::id) {
            "" if cve.starts_with("CVE-") && !cve.contains(':') => cve,
            rule => rule,
        }
    }

    fn finding(&self, scan_type: ScanType, scanner: &str, roots: &[String]) -> Finding {
        let category = match scan_type.category(scanner) {
            // Checkov's checks for credentials stand among its others.
            Category::Misconfiguration if is_secret_check(self.rule()) => Category::Secret,
            category => category,
        };
        let tool = if scanner.is_empty() { super::SAST.tool } else { scanner };
        let extract = self.raw_source_code_extract.as_str();
        let word = if self.severity.as_str().is_empty() { &self.priority } else { &self.severity };
        let rule = masked(self.rule(), &[extract]);
        let mut finding = Finding::new(category, tool, &rule, self.weighed(word.as_str()));
        finding.native_severity = word.native();
        let vectors = self.cvss_vectors.0.iter();
        finding.cvss = highest(vectors.filter_map(|v| rating_of_vector(v.vector.as_str()))).map(Box::new);
        finding.confidence = confidence(self.confidence.as_str())
            .or_else(|| confidence(self.details.0.confidence.0.value.as_str()));
        let classes = self.identifiers.0.iter().filter(|i| i.is(&["cwe"]));
        finding.cwes = cwe_numbers(classes.flat_map(|i| [i.value.as_str(), i.name.as_str()]));
        finding.ids = self.ids(category);
        self.locate(scan_type, &mut finding, roots);
        if category == Category::Secret {
            finding.sighting = Sighting::of_commit(self.location.0.commit.0.sha.as_str());
        }
        let secret = category == Category::Secret
            || is_about_secrets(&rule, &finding.cwes)
            || is_about_secrets(self.name.as_str(), &[])
            || is_about_secrets(self.message.as_str(), &[]);
        finding.may_hold_secret |= secret;
        finding.title = self.title(&finding, secret, extract);
        self.identify(&mut finding, secret, extract);
        finding
    }

    /// The severity; where the word says that it is not known, what the vectors say.
    fn weighed(&self, word: &str) -> Severity {
        let silent = ["", "unknown", "undefined"].iter().any(|w| word.trim().eq_ignore_ascii_case(w));
        if !silent {
            return Severity::plain(word);
        }
        let mut worst = WorstSeverity::default();
        self.cvss_vectors.0.iter().for_each(|v| worst.vector(v.vector.as_str()));
        worst.get()
    }

    fn ids(&self, category: Category) -> Vec<Text> {
        let about = |i: &&GitlabIdentifier<'_>| match category {
            Category::Vulnerability => !i.is(&CLASSES),
            _ => i.is(&VULNERABILITIES),
        };
        let mut ids: Vec<Text> = Vec::new();
        for id in self.identifiers.0.iter().filter(about).map(|i| Text::line(i.id())) {
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() && self.identifiers.0.is_empty() && category == Category::Vulnerability {
            ids.extend(Some(Text::line(self.rule())).filter(|id| !id.is_empty()));
        }
        ids
    }

    fn locate(&self, scan_type: ScanType, finding: &mut Finding, roots: &[String]) {
        let place = &self.location.0;
        let file = [&place.file, &self.file].into_iter().map(ReportWord::as_str).find(|f| !f.is_empty());
        let lines = (place.start_line.0.or(self.line.0), place.end_line.0);
        let url = place_of_url(place.hostname.as_str(), place.path.as_str());
        let path = file.unwrap_or(&url);
        finding.location = Location::new(path, lines.0, lines.1, roots);
        let resource = &place.kubernetes_resource.0;
        let resource = [&resource.namespace, &resource.kind, &resource.name].map(ReportWord::as_str);
        let resource = resource.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/");
        let target = [place.image.as_str(), &resource, without_user(place.hostname.as_str())];
        finding.target = target.into_iter().find(|t| !t.is_empty()).map(Text::line);
        if !matches!(scan_type, ScanType::DependencyScanning | ScanType::ContainerScanning) {
            return;
        }
        let dependency = &place.dependency.0;
        let name = dependency.package.0.name.as_str();
        let (fix, fixed) = fix(self.solution.as_str(), name);
        finding.fix = fix;
        if !name.is_empty() {
            let version = Text::line(dependency.version.as_str());
            finding.package = Some(Package { name: Text::line(name), version, fixed, ..Package::default() });
        }
    }

    /// By the schema a name says nothing of the single finding, while a message may quote what it found.
    fn title(&self, finding: &Finding, secret: bool, extract: &str) -> Text {
        let identifier = self.identifiers.0.first().map_or("", |i| i.name.as_str());
        let rule = finding.rule_id.as_str();
        let (name, message) = (self.name.as_str(), self.message.as_str());
        let package = finding.package.as_ref();
        let about = package.map(|p| format!("{} {}: {rule}", p.name, p.version)).unwrap_or_default();
        let description = self.description.as_str();
        let candidates = match finding.category {
            _ if secret => [name, identifier, rule, "Secret", ""],
            // DAST's descriptions are essays, and its identifiers have names.
            Category::Dast => [name, message, identifier, description, rule],
            _ => [name, message, &about, description, identifier],
        };
        let title = candidates.into_iter().find(|t| !t.trim().is_empty()).unwrap_or_default();
        if !secret {
            return Text::line(&masked(title, &[extract]));
        }
        let mut values = vec![extract];
        values.extend(parts_of(extract));
        let literal = if title == name { Cow::Owned(without_literals(title)) } else { Cow::Borrowed(title) };
        Text::line(&masked(&literal, &values))
    }

    /// Never by `id`, which may be null or random, nor by a line.
    fn identify(&self, finding: &mut Finding, secret: bool, extract: &str) {
        let place = &self.location.0;
        let rule = match finding.rule_id.as_str() {
            "" if secret => "",
            "" => self.name.as_str(),
            rule => rule,
        };
        let path = match finding.category {
            // Review applications and branches have hosts of their own.
            Category::Dast if place.file.as_str().is_empty() => {
                Cow::Owned(place_of_url("", place.path.as_str()))
            }
            _ => Cow::Owned(finding.path().unwrap_or_default().to_owned()),
        };
        let id = FingerprintBuilder::new(finding.category.as_str()).part(rule);
        let id = match (&finding.package, finding.category) {
            (Some(package), _) => id.part(package.name.as_str()).part(package.version.as_str()),
            (None, Category::Vulnerability) => id.folded(self.name.as_str()),
            (None, Category::Secret) => id,
            (None, Category::Dast) => {
                let param = place.param.as_str();
                // A name, not a value.
                let param = if param.bytes().any(|b| b.is_ascii_digit()) { "" } else { param };
                id.part(place.method.as_str())
                    .part(param)
                    .part(place.crash_type.as_str())
                    .folded(place.crash_state.as_str())
            }
            (None, _) => {
                let id = id.part(place.class.as_str()).part(place.method.as_str());
                let digest = code_digest(self.cve.as_str()).unwrap_or_default();
                match extract {
                    _ if secret => id,
                    "" => {
                        if digest.is_empty() {
                            finding.bind_to_code();
                        }
                        id.part(digest).folded(&comparable(self.message.as_str()))
                    }
                    code => id.folded(code),
                }
            }
        };
        finding.identify_at(id, &path);
    }
}

/// `Confirmed` is as sure as can be; `Experimental`, `Ignore` and `Unknown` say nothing about how sure it is.
fn confidence(word: &str) -> Option<Confidence> {
    if word.trim().eq_ignore_ascii_case("confirmed") {
        return Some(Confidence::High);
    }
    Confidence::plain(word)
}

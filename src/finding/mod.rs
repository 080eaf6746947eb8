//! A finding of any scanner, in one shape.
//!
//! This folder is vocabulary: it knows no file format and no policy. Text that comes from a report is made
//! inert on the way in ([`Text`]), so that no later step can forget to.

mod clock;
mod cve;
mod cvss;
mod duration;
mod fingerprint;
mod hex;
mod location;
mod package;
mod percent;
mod purl;
mod secret_digest;
mod severity;
mod statement;
mod text;
mod token;
mod unknown;
mod upgrade;
mod url;

mod version_order;
mod view;
mod vocabulary;
mod word_set;

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use clock::CLOCK_SKEW;
pub use cve::Cve;
pub use cvss::{CvssRating, OtherRating};
pub use duration::{duration_text, parse_duration, short_duration};
pub use fingerprint::{Fingerprint, FingerprintBuilder};
pub use hex::{hex, is_hex, is_lower_sha256, is_sha256};
pub use location::{Location, RelatedPlace, project_path};
pub use package::{
    Package, PackageName, canonical as canonical_name, canonical_version, ecosystem_by_name, is_of_system,
    loose,
};
pub use percent::decoded;
pub use purl::{Purl, spelled_name, split_version};
pub use secret_digest::{SecretDigest, SecretKey, SecretTrace};
pub use severity::Severity;
pub use statement::{Product, VexNote, VexStatement, VexStatus};
pub use text::{Text, clean, clean_line, log_line, plural};
pub use unknown::UnknownAttributes;
pub use upgrade::upgrade_target;
pub use version_order::VersionOrder;
pub use view::View;
pub(crate) use word_set::WordSet;

pub use vocabulary::{
    Attribute, Category, Confidence, ExploitMaturity, Fix, PlaceRole, Reachability, Scope, Sighting, Stage,
    State, Target,
};

/// One problem, as one entry of one report says it. Written down, it has no trace of a secret's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of problem; decides which rules can look at it.
    pub category: Category,
    /// The scanner's id of the check, or of the advisory for vulnerabilities.
    pub rule_id: Text,
    /// Other spellings of the same check that the report gives (Trivy's `AVDID` beside `ID`).
    pub rule_aliases: Vec<Text>,
    /// Severity on the common scale.
    pub severity: Severity,
    /// The scanner's own word for it, where it gave one.
    pub native_severity: Option<Text>,
    /// How sure the scanner is, where it says.
    pub confidence: Option<Confidence>,
    /// One line for people. Never holds a secret's value.
    pub title: Text,
    /// Vulnerability ids (CVE, GHSA, OSV, vendor). CWE numbers stand apart, because they name a class.
    pub ids: Vec<Text>,
    /// CWE numbers.
    pub cwes: Vec<u32>,
    /// Where in the project, where the report says.
    pub location: Option<Location>,
    /// Other places that the same entry of the report names; one that is new makes the finding new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_at: Vec<Location>,
    /// Places that explain it: related ones, and the steps of a flow of data. They decide nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<RelatedPlace>,
    /// Places of the project that data passes on its way to it; one that the change brings makes the finding new.
    #[serde(skip)]
    pub passes: Vec<Location>,
    /// The image, file system or artefact layer that was scanned, or the part of a repository.
    pub target: Option<Text>,
    /// The affected package, for vulnerabilities and licences.
    pub package: Option<Package>,
    /// Whether a fixed version exists.
    pub fix: Fix,
    /// Production or development dependency, where the report says.
    pub scope: Option<Scope>,
    /// Whether a secret scanner found the secret to be live, where it says.
    pub verified: Option<bool>,
    /// The base score, where the report gives one or a vector.
    #[serde(default)]
    pub cvss: Option<Box<CvssRating>>,
    /// Whether the vulnerable code can be reached, where the tool looked.
    #[serde(default)]
    pub reachable: Reachability,
    /// The project itself asks for the package, where the report says.
    #[serde(default)]
    pub direct: Option<bool>,
    /// Its rule is about credentials, so that whatever the report says of it may quote one. A finding of another
    /// category keeps that.
    #[serde(default)]
    pub may_hold_secret: bool,
    /// Listed in CISA's catalogue of exploited vulnerabilities; `None` where neither a feed nor the report says.
    pub kev: Option<bool>,
    /// EPSS probability between 0 and 1; `None` where neither a feed nor the report says.
    pub epss: Option<f64>,
    /// When the advisory was published, in seconds since 1970 UTC, where the report says.
    pub published: Option<i64>,
    /// When the advisory was last changed, in seconds since 1970 UTC, where the report says.
    #[serde(default)]
    pub modified: Option<i64>,
    /// How far exploits are, where the report says.
    #[serde(default)]
    pub exploit: Option<ExploitMaturity>,
    /// When the first version with the fix came out, in seconds since 1970 UTC, where the report says.
    #[serde(default)]
    pub fix_since: Option<i64>,
    /// The system that the package is part of is no longer maintained, where the report says.
    #[serde(default)]
    pub end_of_life: Option<bool>,
    /// When its time is up by the deadlines of the policy (`due`), in seconds since 1970 UTC; of several the first.
    #[serde(skip)]
    pub due: Option<i64>,
    /// The day on which the baseline first knew it, where it says so.
    #[serde(default)]
    pub first_seen: Option<Date>,
    /// Switched off by the scanner or by a comment in the code; never part of a report's total.
    pub suppressed: bool,
    /// By what and why it was switched off, as far as the report says.
    pub suppression: Option<Text>,
    /// Attributes that the rules asked for and it does not say.
    #[serde(skip)]
    pub unknown: UnknownAttributes,
    /// New, existing or newly disclosed, relative to the base of the change.
    pub state: State,
    /// The scanner that said it.
    pub tool: Text,
    /// The value of a secret, comparable within this run.
    #[serde(skip)]
    pub mark: Option<SecretDigest>,
    /// The value of a secret under the user's own key, comparable across runs; `None` without key or value.
    #[serde(skip)]
    pub trace: Option<SecretTrace>,
    /// Its kind, whatever its place: what [`Self::fingerprint`] is made of besides the path.
    pub body: Fingerprint,
    /// The report shows nothing that tells it from others of its rule in its file, but lines of code would.
    pub told_by_code: bool,
    /// Where a secret was found, as far as the report says.
    #[serde(default)]
    pub sighting: Sighting,
    /// Digest that tells it from others of its fingerprint, where a waiver may ask: of a secret the trace of its value, of code
    /// a digest of its lines; zero where that is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub content: u64,
    /// The version to take so that this and what goes with it is gone, once that is decided.
    #[serde(skip)]
    pub take: Option<Text>,
    /// How it was found in the base; `None` for one that is not known there.
    pub stage: Option<Stage>,
    /// Its places before the change, its own first, where the base knows one of them by the path that its file had then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed_from: Vec<Location>,
    /// Identity that survives moved lines. Set by the reader from what the format offers.
    pub fingerprint: Fingerprint,
}

/// CWE-506, embedded malicious code.
pub(crate) const EMBEDDED_MALICIOUS_CODE: u32 = 506;

/// CWE-506 and its kinds: Trojan horse, virus, worm, trapdoor, logic bomb, spyware.
const MALICIOUS_CODE: std::ops::RangeInclusive<u32> = EMBEDDED_MALICIOUS_CODE..=512;

/// CWE-1104, use of unmaintained third-party components.
const UNMAINTAINED_COMPONENT: u32 = 1104;

/// Whether an id is one of the OSV collection of malicious packages.
pub(crate) fn is_malware_id(id: &str) -> bool {
    id.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("MAL-"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Finding {
    /// A finding with nothing known beyond its category, tool, rule and severity.
    #[must_use]
    pub fn new(category: Category, tool: &str, rule_id: &str, severity: Severity) -> Self {
        Self {
            category,
            rule_id: Text::line(rule_id),
            rule_aliases: Vec::new(),
            severity,
            native_severity: None,
            confidence: None,
            title: Text::default(),
            ids: Vec::new(),
            cwes: Vec::new(),
            location: None,
            also_at: Vec::new(),
            passes: Vec::new(),
            related: Vec::new(),
            target: None,
            package: None,
            fix: Fix::Unknown,
            scope: None,
            verified: None,
            cvss: None,
            reachable: Reachability::Unknown,
            direct: None,
            may_hold_secret: category == Category::Secret,
            kev: None,
            epss: None,
            published: None,
            modified: None,
            exploit: None,
            fix_since: None,
            end_of_life: None,
            due: None,
            first_seen: None,
            suppressed: false,
            suppression: None,
            unknown: UnknownAttributes::default(),
            state: State::New,
            tool: Text::line(tool),
            mark: None,
            trace: None,
            body: Fingerprint::default(),
            told_by_code: false,
            sighting: Sighting::Unsaid,
            content: 0,
            take: None,
            stage: None,
            renamed_from: Vec::new(),
            fingerprint: Fingerprint::default(),
        }
    }

    /// A package or code that is meant to do harm: any of its ids is one of the OSV collection of malicious packages
    /// (`MAL-…`), or it is of CWE-506 or one of its kinds. Whatever the scanner says, it is critical and new.
    pub fn is_malware(&self) -> bool {
        let mut ids = self.ids.iter().chain([&self.rule_id]).chain(&self.rule_aliases);
        self.cwes.iter().any(|cwe| MALICIOUS_CODE.contains(cwe)) || ids.any(|id| is_malware_id(id.real()))
    }

    /// Whether it says that a package is no longer maintained: it is of CWE-1104.
    pub fn is_about_unmaintained(&self) -> bool {
        self.cwes.contains(&UNMAINTAINED_COMPONENT)
    }

    /// Gives malware its severity: scanners give it none, or any.
    pub fn raise_malware(&mut self) {
        if self.is_malware() {
            self.severity = Severity::Critical;
        }
    }

    /// A new finding as this one would have been before the change renamed files of it; `None` if it renamed none.
    pub fn before_rename(&self) -> Option<Self> {
        let (own, others) = self.renamed_from.split_first()?;
        Some(Self {
            location: Some(own.clone()),
            also_at: others.to_vec(),
            renamed_from: Vec::new(),
            state: State::New,
            ..self.clone()
        })
    }

    /// The CVE records among its ids.
    pub fn cves(&self) -> impl Iterator<Item = Cve> {
        self.ids.iter().chain([&self.rule_id]).filter_map(|id| Cve::parse(id.real()))
    }

    /// Sets the fingerprint from what the finding is and its path.
    pub fn identify(&mut self, body: FingerprintBuilder) {
        self.body = body.finish();
        self.fingerprint = self.body.at(self.path().unwrap_or_default());
    }

    /// Sets the fingerprint of a finding whose place is not its path: an address, or nothing.
    pub fn identify_at(&mut self, body: FingerprintBuilder, place: &str) {
        self.body = body.finish();
        self.fingerprint = self.body.at(place);
    }

    /// Says that the report shows nothing that tells it from others of its rule in its file. Of a finding about a
    /// package or about a whole file no lines would tell more.
    pub fn bind_to_code(&mut self) {
        let lines = self.location.as_ref().is_some_and(|at| at.line.is_some());
        self.told_by_code = self.package.is_none() && lines;
    }

    /// Every text of it that comes from the report.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let Self {
            rule_id,
            rule_aliases,
            native_severity,
            title,
            ids,
            location,
            also_at,
            passes,
            related,
            target,
            package,
            cvss,
            renamed_from,
            ..
        } = self;
        let package = package.as_mut().map(|Package { name, version, purl, fixed, ecosystem: _ }| {
            [name, version].into_iter().chain(purl.as_mut()).chain(fixed)
        });
        [rule_id, title, &mut self.tool]
            .into_iter()
            .chain(rule_aliases)
            .chain(native_severity)
            .chain(ids)
            .chain(
                location
                    .as_mut()
                    .into_iter()
                    .chain(also_at)
                    .chain(passes)
                    .chain(renamed_from)
                    .map(|at| &mut at.path),
            )
            .chain(related.iter_mut().flat_map(|RelatedPlace { location, message, .. }| {
                location.as_mut().map(|at| &mut at.path).into_iter().chain([message])
            }))
            .chain(target)
            .chain(package.into_iter().flatten())
            .chain(cvss.as_deref_mut().into_iter().flat_map(CvssRating::texts_mut))
            .chain(&mut self.suppression)
    }

    /// The finding with nothing masked: for conditions that look at its JSON, never to be shown.
    pub fn with_real_texts(&self) -> Cow<'_, Self> {
        let mut real = Cow::Borrowed(self);
        if self.has_masked_texts() {
            real.to_mut().texts().for_each(|text| *text = text.unmasked());
        }
        real
    }

    /// True if something of it is not told.
    fn has_masked_texts(&self) -> bool {
        let package = self
            .package
            .iter()
            .flat_map(|p| [&p.name, &p.version].into_iter().chain(&p.purl).chain(&p.fixed));
        [&self.rule_id, &self.title, &self.tool]
            .into_iter()
            .chain(&self.rule_aliases)
            .chain(&self.native_severity)
            .chain(&self.ids)
            .chain(self.location.iter().chain(&self.also_at).map(|at| &at.path))
            .chain(self.related.iter().flat_map(|related| {
                related.location.as_ref().map(|at| &at.path).into_iter().chain([&related.message])
            }))
            .chain(&self.target)
            .chain(package)
            .chain(self.cvss.iter().flat_map(|cvss| cvss.texts()))
            .chain(&self.suppression)
            .any(Text::is_masked)
    }

    /// Whether it is of something that lies in no file of the project, such as an image: it names what was scanned, and no
    /// place in the project.
    pub fn has_no_path(&self) -> bool {
        let target = self.target.as_ref().map_or("", |target| target.real().trim());
        let path = project_path(target, &[]);
        !path.is_empty() && !location::is_outside(&path)
    }

    /// All names of its rule: of one scanner's rule, and of the vulnerability, which has several.
    pub fn names(&self) -> impl Iterator<Item = &Text> {
        [&self.rule_id].into_iter().chain(&self.rule_aliases).chain(&self.ids)
    }

    /// The path it was found at, if it has one, as it is compared; what is told of it is `location.path`.
    pub fn path(&self) -> Option<&str> {
        self.location.as_ref().map(|l| l.path.real())
    }

    /// The paths of all places that it was found at, as they are compared.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.location.iter().chain(&self.also_at).map(|at| at.path.real())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_malicious_code_are_malware() {
        for (cwe, malware) in [(505, false), (506, true), (507, true), (512, true), (513, false)] {
            let mut finding = Finding::new(Category::Vulnerability, "tool", "rule", Severity::Low);
            finding.cwes = vec![cwe];
            assert_eq!(finding.is_malware(), malware, "CWE-{cwe}");
        }
    }
}

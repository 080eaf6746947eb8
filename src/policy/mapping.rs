//! A report format that a policy describes, as checked: where a report holds its findings, and what of each is what.

use super::query::DocumentPath;
use crate::finding::{Attribute, Category, Severity};

/// How reports of a format that this build has no reader for become findings.
#[derive(Debug, Clone)]
pub struct ReportMapping {
    /// Its name, which stands where a format id stands.
    pub id: String,
    /// Line in the policy, or in the file of mappings.
    pub line: u64,
    /// The tool and what of it is read, for people.
    pub title: String,
    /// The category of all its findings.
    pub category: Category,
    /// The scanner's name.
    pub tool: String,
    /// From the report to what holds findings, such as a file, where they do not stand in one list.
    pub groups: Option<DocumentPath>,
    /// From the report, or from one group, to each finding; of several lists each.
    pub findings: Vec<DocumentPath>,
    /// The file holds one JSON value after the other.
    pub lines: bool,
    /// Signs by which a report is told from others; all must hold.
    pub looks_like: Vec<String>,
    /// That there is a report is the proof that something was scanned.
    pub presence: bool,
    /// Scanned target: a number or something that is not empty; without it no findings mean that nothing was.
    pub scanned: Option<DocumentPath>,
    /// From the report, or from one group, to each finding that the tool lists apart because it is suppressed.
    pub suppressed: Vec<DocumentPath>,
    /// Numbers of findings that the report says it has, which are added.
    pub total: Vec<DocumentPath>,
    /// Statuses of the scan, each with the words that say it was completed.
    pub completed: Vec<(DocumentPath, Vec<String>)>,
    /// Failures of the tool, at any of these; one makes the scan incomplete.
    pub errors: Vec<DocumentPath>,
    /// When the report was made.
    pub generated_at: Option<DocumentPath>,
    /// The commit it is about.
    pub commit: Option<DocumentPath>,
    /// The manifest digest of the image it is about.
    pub image_digest: Option<DocumentPath>,
    /// The scanner's version.
    pub tool_version: Option<DocumentPath>,
    /// The tool's words for severities; other words are read by the plain table, and are unknown beyond it.
    pub words: Vec<(String, Severity)>,
    /// The severity of a finding that gives none.
    pub missing: Severity,
    /// The parts of a finding, each with the paths that are tried in their order.
    pub fields: Vec<(Field, Vec<FieldPath>)>,
    /// Names of keys whose path may find nothing in a whole report.
    pub optional: Vec<&'static str>,
}

/// A path to a part of a finding.
#[derive(Debug, Clone)]
pub struct FieldPath {
    /// Its starting node.
    pub origin: Origin,
    /// The path from there.
    pub path: DocumentPath,
}

/// Starting node of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `$`: the report.
    Report,
    /// `@` of `group_fields`: the group that holds the finding.
    Group,
    /// `@` of `fields`: the finding.
    Finding,
}

/// A part of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Id of the rule, or of the advisory.
    RuleId,
    /// Severity, in the tool's own words.
    Severity,
    /// One line for people.
    Title,
    /// The file.
    Path,
    /// First line.
    Line,
    /// Last line.
    EndLine,
    /// Vulnerability ids.
    Ids,
    /// CWE numbers.
    Cwes,
    /// CVSS score or vector.
    Cvss,
    /// Name of the package.
    Package,
    /// Its version.
    Version,
    /// Versions that hold the fix.
    Fixed,
    /// Package URL.
    Purl,
    /// How sure the tool is.
    Confidence,
    /// The image or file system that was scanned.
    Target,
    /// Parts that tell it from others of its rule, as a namespace or a port does.
    Identity,
    /// Switched off by the tool or in the code.
    Suppressed,
    /// A secret that was found to be live.
    Verified,
}

impl Field {
    /// Its key in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RuleId => "rule_id",
            Self::Severity => "severity",
            Self::Title => "title",
            Self::Path => "path",
            Self::Line => "line",
            Self::EndLine => "end_line",
            Self::Ids => "ids",
            Self::Cwes => "cwes",
            Self::Cvss => "cvss",
            Self::Package => "package",
            Self::Version => "version",
            Self::Fixed => "fixed",
            Self::Purl => "purl",
            Self::Confidence => "confidence",
            Self::Target => "target",
            Self::Identity => "identity",
            Self::Suppressed => "suppressed",
            Self::Verified => "verified",
        }
    }

    /// Whether it is a list, so that its path may find several values.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Ids | Self::Cwes | Self::Fixed | Self::Identity)
    }
}

impl ReportMapping {
    /// The paths of a part.
    pub fn field(&self, field: Field) -> Option<&[FieldPath]> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, paths)| paths.as_slice())
    }

    /// Whether its findings may tell this.
    pub fn reports_attribute(&self, attribute: Attribute) -> bool {
        let field = match attribute {
            Attribute::Confidence => Field::Confidence,
            Attribute::Verified => Field::Verified,
            Attribute::Fix => Field::Fixed,
            Attribute::Package => Field::Package,
            Attribute::Scope | Attribute::Age | Attribute::FixSince | Attribute::EndOfLife => return false,
        };
        self.field(field).is_some()
    }

    /// Whether the path of this key may find nothing in a whole report.
    pub fn is_optional(&self, key: &str) -> bool {
        self.optional.contains(&key)
    }

    /// The tool's word as a severity.
    pub fn severity(&self, word: &str) -> Severity {
        let word = word.trim();
        let own = self.words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        own.map_or_else(|| Severity::plain(word), |(_, severity)| *severity)
    }
}

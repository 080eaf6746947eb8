//! READ: one file per format, told apart by content.
//!
//! A format is a [`Format`]: an id, what it can hold, how its opening looks, and a function that walks a document
//! and hands over findings one at a time. A format is added by adding one file and one line in [`FORMATS`].

mod diagnostics;
mod document;
mod feed;
mod image;
mod image_index;
pub mod json;
mod mapped;
mod opening;
mod read_ahead;
mod reading;
pub mod receipt;
mod sbom;
mod source;
mod text;
mod tree;
mod unread;
pub mod value;
mod web_address;
mod xml;
mod xml_tree;

mod advisory;
mod asff;
mod bandit;
mod checkov;
mod checkstyle;
mod codequality;
mod composer_audit;
mod conceal;
mod cosign_verify;
mod credential_rule;
mod cvss;
mod cyclonedx;
mod dependency_check;
mod detect_secrets;
mod dotnet_list;
mod excerpt;
mod field;
mod generic_secrets;
mod ggshield;
mod github;
mod gitlab;
mod gitleaks;
mod gosec;
mod govulncheck;
mod grype;
mod in_toto;
mod junit;
mod kics;
mod npm_audit;
mod ocsf;
mod openvex;
mod osv_records;
mod osv_scanner;
mod pip_audit;
mod sarif;
mod scorecard;
mod secret;
mod semgrep;
mod shipped;
mod snyk;
mod sonarqube;
mod sonarqube_gate;
mod spdx;
mod spdx_tags;
mod spectral;
mod tfsec;
mod trivy;
mod trivy_operator;
mod trufflehog;
mod trufflehog3;
mod trufflehog_v2;
mod twistcli;
mod wiz;
mod xeol;
mod yarn_audit;
mod zap;

#[cfg(test)]
mod testing;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::finding::{Attribute, Category, Package, Scope, SecretKey};
use secret::SecretValues;

pub use diagnostics::ReadError;
pub use document::{is_attestation, read_document, read_documents, read_statements};
pub use feed::{FeedFile, KevCatalogue, Scores, Statements, read_epss, read_kev, read_vex};
pub use image::{ImageFacts, repository};
pub use image_index::{ImageIndex, PlatformImage, read_image_index};
pub use mapped::read_mapped;
pub use opening::{Member, Opening};
pub use osv_records::{findings_of_records, read_osv_records};
pub use reading::{
    DatabaseDate, Generated, HiddenFindings, ProblemKind, Reading, Report, ScanProblem, Sink, Tool,
};
pub use sbom::{LicensedComponent, ListedPackage, Sbom, ShippedComponent, read_components, read_sbom};
pub use secret::{HeldValues, ValueMask};
pub use shipped::{ShippedMapping, shipped_mappings};
pub use source::{Source, is_absent, open_regular};

pub use json::{Json, JsonKind};

/// The packages that a report lists, vulnerable or not, with the path and, where it is told, the scope of each. The SHA-256 is that of the file as it was
/// read; of another file nothing is listed.
pub type PackageReader = fn(&Source, &Options, &str) -> Vec<(String, Package, Option<Scope>)>;

/// The packages that an SBOM lists, by their package URLs; the SHA-256 likewise.
pub type InventoryReader = fn(&Source, &Options, &str) -> Vec<ListedPackage>;

/// A report format. Its file says all that is particular about it, over [`Format::PLAIN`].
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about a format that have nothing to do with each other"
)]
pub struct Format {
    /// Its id in flags, policies and outputs.
    pub id: &'static str,
    /// The tool and what of it is read, for people.
    pub title: &'static str,
    /// The tool's name, as `tool` in policies and outputs.
    pub tool: &'static str,
    /// Versions of the tool of which reports were read; empty where none is recorded.
    pub tried: &'static str,
    /// What in a report says that the scan failed, was done in part, or looked at nothing.
    pub signals: &'static [&'static str],
    /// Its reports give no severity.
    pub unrated: bool,
    /// Categories its findings can have.
    pub categories: &'static [Category],
    /// Attributes that its reports may give to a finding: a selector on any other matches every finding of theirs.
    pub attributes: &'static [Attribute],
    /// Its reports can tell of when the vulnerability database is that they were made with.
    pub dates_database: bool,
    /// The document can be an array, and `[]` then means that nothing was found.
    pub empty_array: bool,
    /// The bare word `null` means that nothing was found, if the format is given.
    pub null: bool,
    /// An object whose list `findings` is empty is of this format where an entry of its category names the file.
    pub empty_findings: bool,
    /// The tool writes nothing at all where it finds nothing, so that an empty file may be the report of a clean scan.
    pub silent_when_clean: bool,
    /// One JSON value a line; complete lines before a fault count.
    pub lines: bool,
    /// Reads the packages that a report lists by name, if it lists any.
    pub packages: Option<PackageReader>,
    /// Reads the packages that a report lists by their package URLs, if it lists any.
    pub inventory: Option<InventoryReader>,
    /// Whether a document with this opening is of this format, and of no other.
    pub looks_like: fn(&Opening) -> bool,
    /// Reads a document to its end.
    pub read_report: fn(&mut Json, &mut Reading<'_>) -> Result<(), ReadError>,
}

/// Every format, in the order of listings.
pub static FORMATS: &[&Format] = &[
    &semgrep::FORMAT,
    &trivy::FORMAT,
    &trivy_operator::FORMAT,
    &sarif::FORMAT,
    &gitleaks::FORMAT,
    &trufflehog::FORMAT,
    &trufflehog_v2::FORMAT,
    &trufflehog3::FORMAT,
    &detect_secrets::FORMAT,
    &ggshield::FORMAT,
    &generic_secrets::FORMAT,
    &checkov::FORMAT,
    &kics::FORMAT,
    &tfsec::FORMAT,
    &bandit::FORMAT,
    &gosec::FORMAT,
    &gitlab::SAST,
    &gitlab::SECRET_DETECTION,
    &gitlab::DEPENDENCY_SCANNING,
    &gitlab::CONTAINER_SCANNING,
    &gitlab::DAST,
    &gitlab::API_FUZZING,
    &gitlab::COVERAGE_FUZZING,
    &grype::FORMAT,
    &osv_scanner::FORMAT,
    &npm_audit::FORMAT,
    &snyk::FORMAT,
    &dependency_check::FORMAT,
    &govulncheck::FORMAT,
    &yarn_audit::FORMAT,
    &pip_audit::FORMAT,
    &dotnet_list::FORMAT,
    &composer_audit::FORMAT,
    &twistcli::FORMAT,
    &xeol::FORMAT,
    &github::DEPENDABOT,
    &github::CODE_SCANNING,
    &github::SECRET_SCANNING,
    &asff::FORMAT,
    &ocsf::FORMAT,
    &wiz::FORMAT,
    &scorecard::FORMAT,
    &cyclonedx::FORMAT,
    &zap::FORMAT,
    &sonarqube::FORMAT,
    &sonarqube_gate::FORMAT,
    &spectral::FORMAT,
    &codequality::FORMAT,
    &checkstyle::FORMAT,
    &spdx::FORMAT,
    &openvex::FORMAT,
    &in_toto::FORMAT,
    &cosign_verify::FORMAT,
    &junit::FORMAT,
];

/// An error that only a format without `read_report` gives.
const NO_READER: &str = "this format has no reader";

impl Format {
    /// A format without anything particular. It claims no document and reads none: id, title, tool, categories,
    /// `looks_like` and `read_report` are for each format to say.
    pub const PLAIN: Self = Self {
        id: "",
        title: "",
        tool: "",
        tried: "",
        signals: &[],
        unrated: false,
        categories: &[],
        attributes: Attribute::ALL,
        dates_database: false,
        empty_array: false,
        null: false,
        empty_findings: false,
        silent_when_clean: false,
        lines: false,
        packages: None,
        inventory: None,
        looks_like: |_| false,
        read_report: |json, _| Err(json.shape(NO_READER)),
    };

    /// The format of that id.
    pub fn by_id(id: &str) -> Result<&'static Self, ReadError> {
        FORMATS.iter().copied().find(|f| f.id == id).ok_or_else(|| ReadError::NoSuchFormat {
            asked: crate::finding::clean_line(id).into_owned(),
            nearest: FORMATS
                .iter()
                .map(|f| (strsim::damerau_levenshtein(f.id, id), f.id))
                .min()
                .filter(|(distance, _)| *distance <= (id.chars().count() / 3).min(3))
                .map(|(_, id)| id),
        })
    }

    /// What its reports never say of a finding of theirs.
    pub fn silent_about(&self) -> Vec<&'static str> {
        silent_about(self.categories, self.attributes, self.unrated)
    }

    /// The category that all its findings have, if there is just one.
    fn only_category(&self) -> Option<Category> {
        match self.categories {
            [only] => Some(*only),
            _ => None,
        }
    }
}

/// What reports with findings of these categories do not say that others do.
fn silent_about(categories: &[Category], tells: &[Attribute], unrated: bool) -> Vec<&'static str> {
    let has = |wanted: &[Category]| categories.iter().any(|category| wanted.contains(category));
    let expected = |attribute: &&Attribute| match attribute {
        Attribute::Confidence => has(&[Category::Sast, Category::Secret]),
        Attribute::Verified => has(&[Category::Secret]),
        Attribute::Package => has(&[Category::Vulnerability, Category::License]),
        Attribute::Scope | Attribute::Fix | Attribute::Age | Attribute::FixSince => {
            has(&[Category::Vulnerability])
        }
        // Few scanners look at systems.
        Attribute::EndOfLife => false,
    };
    let silent = Attribute::ALL.iter().filter(expected).filter(|attribute| !tells.contains(attribute));
    let severity = (unrated && !categories.is_empty()).then_some("severity");
    severity.into_iter().chain(silent.map(|attribute| attribute.as_str())).collect()
}

/// Facts known about a file before it is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hint<'h> {
    /// The format it must have.
    pub format: Option<&'h str>,
    /// The category of the evidence entries that name it.
    pub category: Option<Category>,
}

/// How reports are read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Largest report, in bytes.
    pub max_report: u64,
    /// A core is free for reading ahead of what is parsed.
    pub read_ahead: bool,
    /// Prefixes of paths that are the project's root.
    pub roots: Vec<String>,
    /// The key under which values of secrets are compared across runs.
    pub secret_key: Option<SecretKey>,
    /// Values of secrets in what was read with these options.
    pub held: HeldValues,
    /// The run's clock, in seconds since 1970 UTC; without one every time has come.
    pub now: Option<i64>,
}

impl Options {
    fn context<'o>(&'o self, values: &'o SecretValues) -> reading::ReportContext<'o> {
        let Self { roots, secret_key, now, .. } = self;
        reading::ReportContext { roots, key: secret_key.as_ref(), values: Some(values), now: *now }
    }
}

/// A file that was read, or that could not be.
#[derive(Debug)]
pub struct ReadOutcome {
    /// The format it has, as far as it was told.
    pub format: Option<Cow<'static, str>>,
    /// Metadata of the report; as far as it was read, if it could not be read to its end.
    pub report: Report,
    /// SHA-256 in hexadecimal and number of bytes, if it was read to its end.
    pub digest: Option<(String, u64)>,
    /// Why it is unreadable.
    pub error: Option<ReadError>,
}

impl ReadOutcome {
    /// The same of a report that was read to its end.
    pub(crate) fn of_whole_report(&self) -> Self {
        let Self { format, report, digest, error: _ } = self;
        Self { format: format.clone(), report: report.clone(), digest: digest.clone(), error: None }
    }
}

/// From this size on a file is read ahead: below, a thread costs more than it gains.
const AHEAD_FROM: u64 = 4 << 20;

/// How much of a file is looked at to tell its format; each further look sees 16 times as much.
const FIRST_LOOK: usize = if cfg!(test) { 32 } else { 64 << 10 };
const LAST_LOOK: usize = 16 << 20;

/// Reads a report and hands its findings to `sink`. Of an unreadable file no finding stays, but for the complete
/// lines of a JSON-lines file. Each is told without the values of its own secret; those of others, which may stand in
/// any text, are masked by [`Options::held`] once all reports are read.
pub fn read_source(source: &Source, hint: Hint<'_>, options: &Options, sink: &mut dyn Sink) -> ReadOutcome {
    // A mapping that comes with the binary, asked for by its name.
    if let Some(mapping) = hint.format.filter(|id| Format::by_id(id).is_err()).and_then(shipped::by_id) {
        return read_mapped(source, mapping, options, sink);
    }
    let mut known = BTreeMap::new();
    let mut first_digest: Option<(u64, String)> = None;
    loop {
        let mut format = None;
        let mut report = Report::default();
        match read_once(source, hint, options, sink, &known, &mut format, &mut report) {
            Err(error) => {
                if !format.is_some_and(|f: &Format| f.lines) {
                    sink.restart();
                }
                let error = match error {
                    // What no reader claims may be what a mapping describes.
                    unclaimed @ (ReadError::Unknown { .. }
                    | ReadError::Untold { .. }
                    | ReadError::Syntax { .. })
                        if format.is_none() =>
                    {
                        match shipped::by_content(source, hint) {
                            Ok(Some(mapping)) => return read_mapped(source, mapping, options, sink),
                            Ok(None) => unclaimed,
                            Err(error) => error,
                        }
                    }
                    error => error,
                };
                return ReadOutcome {
                    format: format.map(|f| f.id.into()),
                    report,
                    digest: None,
                    error: Some(error),
                };
            }
            Ok((digest, _)) if first_digest.as_ref().is_some_and(|first| *first != digest) => {
                sink.restart();
                let error = Some(ReadError::Changed);
                return ReadOutcome { format: format.map(|f| f.id.into()), report, digest: None, error };
            }
            Ok(((bytes, sha256), late)) if late.is_empty() || first_digest.is_some() => {
                let digest = Some((sha256, bytes));
                return ReadOutcome { format: format.map(|f| f.id.into()), report, digest, error: None };
            }
            Ok((digest, late)) => {
                sink.restart();
                known = late;
                first_digest = Some(digest);
            }
        }
    }
}

type SinglePass = ((u64, String), BTreeMap<String, String>);

fn read_once(
    source: &Source,
    hint: Hint<'_>,
    options: &Options,
    sink: &mut dyn Sink,
    known: &BTreeMap<String, String>,
    found: &mut Option<&'static Format>,
    report: &mut Report,
) -> Result<SinglePass, ReadError> {
    let input = source.open(options.max_report)?;
    let ahead = options.read_ahead && source.size() >= AHEAD_FROM;
    let mut json = if ahead { Json::read_ahead(input) } else { Json::new(input) };
    let format = detect(&mut json, hint)?;
    *found = Some(format);
    let values = SecretValues::default();
    let mut reading = Reading::new(format.tool, sink, options.context(&values), known, hint.category, source);
    let read = (format.read_report)(&mut json, &mut reading).and_then(|()| json.end());
    let (facts, late) = reading.finish();
    *report = facts;
    values.hold_back(&options.held);
    read?;
    Ok((json.finish(), late))
}

/// The packages that a report of this format lists, vulnerable or not, with the path of each; `sha256` is that of the
/// file as it was read.
pub fn listed_packages(
    source: &Source,
    format: &str,
    options: &Options,
    sha256: &str,
) -> Vec<(String, Package, Option<Scope>)> {
    let reader = Format::by_id(format).ok().and_then(|format| format.packages);
    reader.map_or_else(Vec::new, |read_packages| read_packages(source, options, sha256))
}

/// The packages that an SBOM of this format lists, by their package URLs; likewise.
pub fn inventory(source: &Source, format: &str, options: &Options, sha256: &str) -> Vec<ListedPackage> {
    let reader = Format::by_id(format).ok().and_then(|format| format.inventory);
    reader.map_or_else(Vec::new, |read_inventory| read_inventory(source, options, sha256))
}

/// True if a reader claims the file by its opening.
pub fn claimed(source: &Source) -> bool {
    source.open(u64::MAX).is_ok_and(|input| {
        // What several formats could be is a report as well.
        matches!(detect(&mut Json::new(input), Hint::default()), Ok(_) | Err(ReadError::Ambiguous { .. }))
    })
}

/// True if the file is one whole JSON or XML document, of whatever kind, of which enough was seen to tell its kind.
pub fn is_whole_document(source: &Source, options: &Options) -> bool {
    source.open(options.max_report).is_ok_and(|input| {
        let mut json = Json::new(input);
        match json.opening(LAST_LOOK) {
            Ok(opening) if opening.root.is_some() => xml::check(&mut json).is_ok(),
            Ok(opening) => opening.told && json.skip().and_then(|()| json.end()).is_ok(),
            Err(_) => false,
        }
    })
}

/// True if the file begins like JSON or XML.
pub fn begins_like_data(source: &Source) -> bool {
    // What cannot be opened may be anything.
    let Ok(mut json) = source.open(u64::MAX).map(Json::new) else { return true };
    json.opening(FIRST_LOOK).is_ok_and(|opening| {
        opening.root.is_some() || matches!(opening.top.kind, Some(JsonKind::Object | JsonKind::Array))
    })
}

/// True if the file begins as what secgate itself writes does: a verdict, signed or not, findings, a receipt, a baseline, a
/// bundle or its list, SARIF, `JUnit` XML, a code quality report, HTML, text or variables.
pub fn is_own_output(source: &Source) -> bool {
    let Some(mut head) = source.head(FIRST_LOOK) else { return false };
    let is_bundle = head.get(257..262) == Some(b"ustar")
        && [&b"bundle.json\0"[..], b"checksums.sha256\0"]
            .iter()
            .any(|name| memchr::memmem::find(&head, name).is_some());
    let is_text = head.starts_with(b"SECGATE_VERDICT=")
        || head.strip_prefix(b"secgate ").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit);
    if is_bundle || is_text {
        return true;
    }
    // Quotation marks within a value are escaped, so that no text of a report looks like a key of its own.
    head.retain(|byte| !byte.is_ascii_whitespace());
    let holds = |text: &str| memchr::memmem::find(&head, text.as_bytes()).is_some();
    let is_json = head.starts_with(b"{") || head.starts_with(b"[");
    is_json
        && (head.starts_with(b"{\"schema\":\"secgate/")
            || holds("\"driver\":{\"name\":\"secgate\"") && is_own_sarif(source)
            || head.starts_with(b"[{\"description\":") && holds("\"fingerprint\":\"sg1:"))
        || is_json && holds("\"payloadType\":\"application/vnd.in-toto+json\"") && is_own_statement(&head)
        || is_own_junit(&head)
        || head.starts_with(b"<!DOCTYPEhtml>") && holds("<metaname=\"generator\"content=\"secgate")
}

/// Whether `JUnit` XML, without blanks and perhaps cut off, is secgate's by its first elements; what tests print and what
/// comments say is not asked.
fn is_own_junit(head: &[u8]) -> bool {
    const BEGIN: [&[u8]; 5] = [
        b"<?xmlversion=\"1.0\"encoding=\"UTF-8\"?",
        b"<testsuitesname=\"secgate",
        b"<testsuitename=\"secgate",
        b"<properties",
        b"<propertyname=\"gate\"value=",
    ];
    let mut elements = head.split(|byte| *byte == b'>');
    BEGIN.iter().all(|begin| elements.next().is_some_and(|element| element.starts_with(begin)))
}

/// Largest SARIF that may be secgate's own, in bytes.
const LARGEST_OWN: u64 = 256 << 20;

/// Whether each run of a SARIF file is secgate's: one that was put together may hold those of scanners.
fn is_own_sarif(source: &Source) -> bool {
    #[derive(serde::Deserialize)]
    struct SarifOrigin {
        runs: Vec<RunOrigin>,
    }
    #[derive(serde::Deserialize)]
    struct RunOrigin {
        #[serde(default)]
        tool: ToolOrigin,
        #[serde(default)]
        conversion: ConversionOrigin,
    }
    #[derive(serde::Deserialize, Default)]
    struct ConversionOrigin {
        #[serde(default)]
        tool: ToolOrigin,
    }
    #[derive(serde::Deserialize, Default)]
    struct ToolOrigin {
        #[serde(default)]
        driver: DriverOrigin,
    }
    #[derive(serde::Deserialize, Default)]
    struct DriverOrigin {
        #[serde(default)]
        name: String,
    }
    let Ok(bytes) = source.bytes(LARGEST_OWN) else { return false };
    let own = |tool: &ToolOrigin| tool.driver.name == "secgate";
    serde_json::from_slice::<SarifOrigin>(&bytes).is_ok_and(|file| {
        !file.runs.is_empty() && file.runs.iter().all(|run| own(&run.tool) || own(&run.conversion.tool))
    })
}

/// Whether an envelope, without blanks and perhaps cut off, holds a statement of secgate.
fn is_own_statement(envelope: &[u8]) -> bool {
    use base64ct::Encoding as _;

    const KEY: &[u8] = b"\"payload\":\"";
    let Some(at) = memchr::memmem::find(envelope, KEY) else { return false };
    let payload = envelope.get(at + KEY.len()..).unwrap_or_default();
    let payload = payload.split(|byte| *byte == b'"').next().unwrap_or_default();
    let whole = payload.get(..payload.len() / 4 * 4).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(whole) else { return false };
    base64ct::Base64::decode_vec(text).is_ok_and(|mut statement| {
        statement.retain(|byte| !byte.is_ascii_whitespace());
        [&b"\"predicateType\":\"secgate:"[..], b"\"version\":{\"secgate\":"]
            .iter()
            .any(|key| memchr::memmem::find(&statement, key).is_some())
    })
}

/// Tells the format from the content, looking further into the file until it is clear.
fn detect(json: &mut Json, hint: Hint<'_>) -> Result<&'static Format, ReadError> {
    let mut look = FIRST_LOOK;
    loop {
        let opening = json.opening(look)?;
        if opening.head.is_empty() && opening.whole {
            let silent = |id: &str| Format::by_id(id).is_ok_and(|format| format.silent_when_clean);
            let secrets = hint.format.map_or(hint.category == Some(Category::Secret), silent);
            return Err(if secrets { ReadError::EmptyOfSecrets } else { ReadError::Empty });
        }
        // What was asked for is not read as such while more could show that it is another tool's.
        let claimed = || FORMATS.iter().any(|format| (format.looks_like)(&opening));
        match resolve(&opening, hint) {
            Ok(_) if hint.format.is_some() && !opening.whole && look < LAST_LOOK && !claimed() => look *= 16,
            Err(known @ ReadError::Unknown { .. }) if opening.foreign().is_some() => return Err(known),
            Err(ReadError::Unknown { .. }) if !opening.whole && look < LAST_LOOK => look *= 16,
            Err(ReadError::WrongFormat { .. }) if opening.is_prolog() && look < LAST_LOOK => look *= 16,
            // Where the document itself is broken, that is the news.
            Err(ReadError::Unknown { looks_like }) if opening.top.kind.is_some() => {
                json.skip().and_then(|()| json.end())?;
                return Err(if opening.tells() {
                    ReadError::Unknown { looks_like }
                } else {
                    ReadError::Untold { looks_like }
                });
            }
            resolved => return resolved,
        }
    }
}

/// The format of a document with this opening.
fn resolve(opening: &Opening, hint: Hint<'_>) -> Result<&'static Format, ReadError> {
    let claims: Vec<&'static Format> = FORMATS.iter().copied().filter(|f| (f.looks_like)(opening)).collect();
    if let Some(id) = hint.format {
        return resolve_asked(Format::by_id(id)?, &claims, opening);
    }
    match claims.as_slice() {
        [one] => Ok(one),
        [] => resolve_empty(opening, hint),
        several => Err(ReadError::Ambiguous { formats: several.iter().map(|f| f.id).collect() }),
    }
}

/// The format that was asked for, unless the content shows another.
fn resolve_asked(
    asked: &'static Format,
    claims: &[&'static Format],
    opening: &Opening,
) -> Result<&'static Format, ReadError> {
    let wrong = |looks_like: String| Err(ReadError::WrongFormat { asked: asked.id.to_owned(), looks_like });
    if claims.iter().any(|f| f.id == asked.id) {
        return Ok(asked);
    }
    if let Some(other) = claims.first() {
        return wrong(format!("it looks like {} ({})", other.id, other.title));
    }
    let fits = match opening.top.kind {
        Some(JsonKind::Null) => asked.null,
        Some(JsonKind::Array) if opening.top.is_empty_array() => asked.empty_array,
        // The reader itself says what is missing, more exactly than a guess from the opening.
        Some(JsonKind::Object | JsonKind::Array) => opening.foreign().is_none(),
        None => asked.lines && opening.root.is_none() && opening.foreign().or(opening.packed()).is_none(),
        Some(JsonKind::String | JsonKind::Number | JsonKind::Bool) => false,
    };
    if fits { Ok(asked) } else { wrong(opening.describe()) }
}

/// `[]`: the evidence entry that names the file tells what it is, if every format that always has that category
/// reads it as empty.
fn resolve_empty(opening: &Opening, hint: Hint<'_>) -> Result<&'static Format, ReadError> {
    if opening.top.is_empty_array() {
        let readers: Vec<_> = FORMATS.iter().copied().filter(|f| f.empty_array).collect();
        // Old Trivy wrote the same where it had looked at nothing.
        let told = hint.category.is_some_and(|category| category != Category::Vulnerability);
        let of_entry = readers.iter().find(|f| told && f.only_category() == hint.category);
        return match of_entry {
            Some(format) => Ok(format),
            None if readers.is_empty() => Err(ReadError::Unknown { looks_like: opening.describe() }),
            None => Err(ReadError::Ambiguous { formats: readers.iter().map(|f| f.id).collect() }),
        };
    }
    let named = "several tools write it where they find nothing; say which with --input FORMAT=PATH";
    if opening.top.kind == Some(JsonKind::Null) {
        let known = FORMATS.iter().filter(|format| format.null).map(|format| format.id);
        let known = known.map(|id| format!("--input {id}=PATH")).collect::<Vec<_>>().join(" or ");
        let looks_like =
            format!("{}, which says that nothing was found only with {known}", opening.describe());
        return Err(ReadError::Unknown { looks_like });
    }
    if opening.get("results").is_some_and(Member::is_empty_array) && opening.top.members.len() <= 2 {
        let looks_like = format!("it has an empty list `results`; {named}");
        return Err(ReadError::Unknown { looks_like });
    }
    let of_entry = |format: &&Format| format.empty_findings && format.only_category() == hint.category;
    if hint.category.is_some()
        && opening.has("findings")
        && let Some(format) = FORMATS.iter().copied().find(of_entry)
    {
        return Ok(format);
    }
    Err(ReadError::Unknown { looks_like: opening.describe() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_says_what_it_is() {
        let ids: std::collections::BTreeSet<&str> = FORMATS.iter().map(|format| format.id).collect();
        assert_eq!(ids.len(), FORMATS.len(), "an id is one format's");
        for format in FORMATS {
            let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!format.id.is_empty() && format.id.chars().all(is_id), "{}", format.id);
            assert!(!format.title.is_empty() && !format.tool.is_empty(), "{}", format.id);
            for text in ["{}", "[]", "null", "<a/>"] {
                let error =
                    testing::read_as(format.id, text).error.map_or_else(String::new, |e| e.to_string());
                assert!(!error.contains(NO_READER), "{} has no reader", format.id);
            }
        }
    }
}

//! The baseline file: known findings, one a line, for review in the repository.
//!
//! The first line names the schema, the last says that nothing is missing. The lines between are sorted, so that two
//! branches that change different files change different lines. Each is sealed: a line in which one part was edited no
//! longer tells of the finding that was known. Digests are written in groups of four digits, since a scanner of secrets
//! takes a longer run of digits in quotes, or a key called so, for one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::BaseError;
use crate::finding::{
    Category, Finding, Fingerprint, FingerprintBuilder, Package, Scope, SecretKey, Severity, clean_line,
};

const SCHEMA: &str = "secgate/baseline/v2";
/// With digests in one run, as a file of before is written.
const SCHEMA_BEFORE: &str = "secgate/baseline/v1";
const AGAIN: &str = "write it anew: secgate baseline write --output FILE REPORT...";

/// A baseline file, read.
#[derive(Debug, Clone, Default)]
pub struct BaselineFile {
    /// The name of the key that traces of secrets were made under.
    pub key: Option<String>,
    /// Each line has a seal; files of earlier versions have none.
    pub sealed: bool,
    /// Its entries, sorted, none twice.
    pub entries: Vec<BaseEntry>,
}

/// Findings that are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BaseEntry {
    /// Where they are, for people; empty where they have no path.
    pub path: String,
    /// The scanner's rule.
    pub rule: String,
    /// Name and version of the package, for people; empty where there is none.
    pub package: String,
    /// Its ecosystem and whole name; empty where the report does not tell them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub named: String,
    /// `development` of what is for development only; nothing of anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The category as the report says.
    pub category: Category,
    /// Severity as the report says.
    pub severity: Severity,
    /// The scanner.
    pub tool: String,
    /// Their identity.
    pub fingerprint: Fingerprint,
    /// The digest of their code, or the trace of their value; zero for none.
    pub content: u64,
    /// How many there are.
    pub count: u32,
    /// The day on which they were first known, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Date>,
}

impl BaseEntry {
    /// The entry of one finding.
    pub fn from_finding(finding: &Finding, content: u64) -> Self {
        Self {
            path: finding.location.as_ref().map(|at| at.path.to_string()).unwrap_or_default(),
            rule: finding.rule_id.to_string(),
            package: package_of(finding),
            named: named_of(finding),
            scope: finding.scope.filter(|scope| *scope == Scope::Development),
            category: finding.category,
            severity: finding.severity,
            tool: finding.tool.to_string(),
            fingerprint: finding.fingerprint,
            content,
            count: 1,
            first_seen: None,
        }
    }

    /// The identity that an advisory of a package at a place has in every version; none of anything else.
    pub(super) fn in_any_version(&self) -> Option<Fingerprint> {
        self.in_any_version_as(&self.named)
    }

    fn in_any_version_as(&self, named: &str) -> Option<Fingerprint> {
        in_any_version(self.category, [&self.tool, &self.path, &self.rule, &self.package], named)
    }

    /// Ties what the entry says of a finding to its identity, against slips of an editor and of a merge. How many there
    /// are and since when is left to edits, which a comparison with the base names.
    fn seal(&self) -> String {
        let Self {
            path,
            rule,
            package,
            named,
            scope,
            category,
            severity,
            tool,
            fingerprint,
            content,
            count: _,
            first_seen: _,
        } = self;
        let seal = FingerprintBuilder::new("baseline line")
            .part(path)
            .part(rule)
            .part(package)
            .part(category.as_str())
            .part(severity.as_str())
            .part(tool)
            .part(&fingerprint.to_string())
            .part(&format!("{content:016x}"));
        // Lines of earlier versions have none, and keep their seals.
        let seal = if named.is_empty() { seal } else { seal.part(named) };
        let seal = if let Some(scope) = scope { seal.part("scope").part(scope.as_str()) } else { seal };
        format!("{:.16}", seal.finish().to_string().trim_start_matches("sg1:"))
    }

    fn key(&self) -> (&str, &str, Fingerprint, u64, &'static str, &str, bool) {
        let severity = self.severity.as_str();
        let scoped = self.scope.is_some();
        (&self.path, &self.rule, self.fingerprint, self.content, severity, &self.tool, scoped)
    }

    fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Name and version of a finding's package.
pub(super) fn package_of(finding: &Finding) -> String {
    finding.package.as_ref().map_or_else(String::new, |package| {
        format!("{} {}", package.name, package.version).trim_end().to_owned()
    })
}

/// Ecosystem and whole name of the package of a vulnerability, where the report tells them.
pub(super) fn named_of(finding: &Finding) -> String {
    let package = finding.package.as_ref().filter(|_| finding.category == Category::Vulnerability);
    package.and_then(Package::named).map(|named| clean_line(&named).into_owned()).unwrap_or_default()
}

/// The identity in every version, of a scanner's word for itself, a path, a rule, and a package with its version, and of
/// its ecosystem and whole name, which lines of earlier versions do not have.
pub(super) fn in_any_version(
    category: Category,
    [tool, path, rule, package]: [&str; 4],
    named: &str,
) -> Option<Fingerprint> {
    let (name, _) = package.rsplit_once(' ').filter(|_| category == Category::Vulnerability)?;
    let id = FingerprintBuilder::new("any version").part(&tool.to_ascii_lowercase());
    let id = id.part(path).part(rule).part(name);
    Some(if named.is_empty() { id } else { id.part(named) }.finish())
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    schema: &'a str,
    #[serde(default, alias = "secret_key", skip_serializing_if = "Option::is_none")]
    traces_under: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BaselineLine<'a> {
    path: String,
    rule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    package: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    named: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    category: Category,
    severity: Severity,
    tool: String,
    fingerprint: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_seen: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    entries_end: bool,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_one(count: &u32) -> bool {
    *count == 1
}

impl BaselineFile {
    /// A file of these entries, equal ones counted.
    pub fn new(key: Option<&SecretKey>, mut entries: Vec<BaseEntry>) -> Self {
        entries.sort_by(BaseEntry::order);
        entries.dedup_by(|next, kept| {
            let same = next.order(kept) == Ordering::Equal;
            if same {
                kept.count = kept.count.saturating_add(next.count);
                // Of equal ones the earliest counts, and not to know is earlier than any.
                kept.first_seen = kept.first_seen.min(next.first_seen);
            }
            same
        });
        Self { key: key.map(SecretKey::name), sealed: true, entries }
    }

    /// Dates the entries: those that an earlier file knew keep its day, or keep having none, and the others get this
    /// one. An entry that was known without its code is the same with it, and an advisory in another version.
    pub fn date(&mut self, earlier: &Self, today: Date) {
        let mut known: BTreeMap<(Fingerprint, u64), Option<Date>> = BTreeMap::new();
        for entry in &earlier.entries {
            let day = known.entry((entry.fingerprint, entry.content)).or_insert(entry.first_seen);
            *day = (*day).min(entry.first_seen);
            if let Some(id) = entry.in_any_version() {
                let day = known.entry((id, 0)).or_insert(entry.first_seen);
                *day = (*day).min(entry.first_seen);
            }
        }
        for entry in &mut self.entries {
            let of = |content: u64| known.get(&(entry.fingerprint, content)).copied();
            let was = of(entry.content).or_else(|| of(0).filter(|_| entry.category != Category::Secret));
            // A package that was brought to another version has the advisories that it had for as long.
            let mut names = [entry.named.as_str(), ""].into_iter();
            let was = was
                .or_else(|| names.find_map(|name| known.get(&(entry.in_any_version_as(name)?, 0)).copied()));
            entry.first_seen = was.unwrap_or(Some(today));
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut put = |line: Result<String, serde_json::Error>| {
            // Strings and numbers are always JSON.
            let _ = writeln!(text, "{}", line.unwrap_or_default());
        };
        put(serde_json::to_string(&Head { schema: SCHEMA, traces_under: self.key.as_deref().map(grouped) }));
        for entry in &self.entries {
            let content = (entry.content != 0).then(|| grouped(&format!("{:016x}", entry.content)));
            let (code, value) =
                if entry.category == Category::Secret { (None, content) } else { (content, None) };
            let fingerprint = entry.fingerprint.grouped();
            put(serde_json::to_string(&BaselineLine {
                path: entry.path.clone(),
                rule: entry.rule.clone(),
                package: entry.package.clone(),
                named: entry.named.clone(),
                scope: entry.scope,
                category: entry.category,
                severity: entry.severity,
                tool: entry.tool.clone(),
                fingerprint: &fingerprint,
                code: code.as_deref(),
                value: value.as_deref(),
                count: entry.count,
                first_seen: entry.first_seen,
                seal: self.sealed.then(|| grouped(&entry.seal())),
            }));
        }
        put(serde_json::to_string(&Tail { entries_end: true }));
        text
    }

    /// Reads a file. Whatever is not exactly as [`Self::text`] writes it, but for order and white space, is an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, BaseError> {
        let fault = |line: usize, column: usize, message: &str| BaseError {
            line: line as u64,
            column: column as u64,
            message: message.to_owned(),
        };
        if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
            return Err(fault(1, 1, "begins with a byte-order mark; save it as UTF-8 without one"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            fault(line, 1, &format!("is not UTF-8, so it is not a baseline; {AGAIN}"))
        })?;
        let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let Some((first, number)) = lines.next() else {
            return Err(fault(1, 1, &format!("is empty, so it is not a baseline; {AGAIN}")));
        };
        let head: Head<'_> = object(first, number).map_err(|mut error| {
            error.message =
                format!("is not a baseline: its first line is not `{{\"schema\":\"{SCHEMA}\"}}`; {AGAIN}");
            error
        })?;
        if ![SCHEMA, SCHEMA_BEFORE].contains(&head.schema) {
            let message = format!(
                "has the schema `{}`, and this secgate reads {SCHEMA}; {AGAIN}",
                clean_line(head.schema)
            );
            return Err(fault(number, 1, &message));
        }
        let mut entries: Vec<(BaseEntry, usize)> = Vec::new();
        // Of the first line with a seal and of the first without: where one has it, all have.
        let (mut sealed, mut bare) = (None, None);
        let mut ended = false;
        let mut last = number;
        for (line, number) in lines {
            last = number;
            if ended {
                return Err(fault(number, 1, "stands behind the line that ends the baseline; remove it"));
            }
            if line.starts_with("{\"entries_end\"") {
                ended = object::<Tail>(line, number)?.entries_end;
                continue;
            }
            let read: BaselineLine<'_> = object(line, number)?;
            if read.seal.is_some() { &mut sealed } else { &mut bare }.get_or_insert(number);
            entries.push((entry(read).map_err(|message| fault(number, 1, &message))?, number));
        }
        if !ended {
            let message = format!(
                "ends before its last line, which is `{{\"entries_end\":true}}`: it is not whole; {AGAIN}"
            );
            return Err(fault(last, 1, &message));
        }
        if let Some((sealed, bare)) = sealed.zip(bare) {
            let message = format!("has no `seal`, and line {sealed} has one; {AGAIN}");
            return Err(fault(bare, 1, &message));
        }
        let key = head.traces_under.as_deref().map(ungrouped);
        Ok(Self { key, sealed: sealed.is_some(), entries: unique(entries)? })
    }
}

/// One JSON object.
fn object<'l, T: Deserialize<'l>>(line: &'l str, number: usize) -> Result<T, BaseError> {
    let fault =
        |column: usize, message: String| BaseError { line: number as u64, column: column as u64, message };
    if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark)) {
        let message = "is the mark of a merge conflict; keep the lines of both sides and remove the marks";
        return Err(fault(1, message.to_owned()));
    }
    if !line.trim_start().starts_with('{') {
        return Err(fault(1, format!("is not a line of a baseline; {AGAIN}")));
    }
    serde_json::from_str(line).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        // The text may be of another file, and is not quoted beyond names.
        fault(error.column(), format!("{}; correct the line, or {AGAIN}", clean_line(said)))
    })
}

fn entry(line: BaselineLine<'_>) -> Result<BaseEntry, String> {
    let Some(fingerprint) = Fingerprint::parse(line.fingerprint) else {
        return Err("`fingerprint` is not `sg1:` and 32 hexadecimal digits in small letters, in one run or in groups of four".to_owned());
    };
    if line.count == 0 {
        return Err("`count` is 0: remove the line".to_owned());
    }
    if line.scope == Some(Scope::Production) {
        return Err("`scope` is written of what is for development only: remove it".to_owned());
    }
    let content = match (line.code, line.value, line.category) {
        (None, None, _) => 0,
        (None, Some(digits), Category::Secret) => hex(digits, "value")?,
        (Some(digits), None, category) if category != Category::Secret => hex(digits, "code")?,
        _ => return Err("a secret has `value` and no `code`, anything else no `value`".to_owned()),
    };
    let seal = line.seal;
    let entry = BaseEntry {
        path: line.path,
        rule: line.rule,
        package: line.package,
        named: line.named,
        scope: line.scope,
        category: line.category,
        severity: line.severity,
        tool: line.tool,
        fingerprint,
        content,
        count: line.count,
        first_seen: line.first_seen,
    };
    match seal {
        Some(seal) if ungrouped(&seal) != entry.seal() => Err(format!(
            "was edited: by its `seal` its path, rule, package, scope, category, severity, tool or code was another, and the \
             finding that it told of is not known by it; take the edit back, or {AGAIN}"
        )),
        Some(_) | None => Ok(entry),
    }
}

/// Digits in groups of four.
fn grouped(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect()).collect::<Vec<String>>().join(":")
}

/// The digits of groups of four; any other text as it is.
fn ungrouped(text: &str) -> String {
    let joined = text.replace(':', "");
    if grouped(&joined) == text { joined } else { text.to_owned() }
}

fn hex(text: &str, key: &str) -> Result<u64, String> {
    let digits = ungrouped(text);
    let plain = digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let number = plain.then(|| u64::from_str_radix(&digits, 16).ok()).flatten();
    number
        .filter(|&n| n != 0)
        .ok_or_else(|| format!("`{key}` is not 16 hexadecimal digits in small letters, or it is zero"))
}

/// The entries, sorted. A second line of the same findings would count them twice.
fn unique(mut entries: Vec<(BaseEntry, usize)>) -> Result<Vec<BaseEntry>, BaseError> {
    entries.sort_by(|(a, _), (b, _)| a.order(b));
    for ((one, first), (other, second)) in entries.iter().zip(entries.iter().skip(1)) {
        if one.order(other) == Ordering::Equal {
            return Err(BaseError {
                line: *second as u64,
                column: 1,
                message: format!("repeats line {first}; keep one, with the `count` that is right"),
            });
        }
    }
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// Contents of a list of entries, by category and severity, for `baseline show`.
pub fn summary(entries: &[BaseEntry]) -> BTreeMap<(Category, &'static str), u64> {
    let mut all = BTreeMap::new();
    for entry in entries {
        *all.entry((entry.category, entry.severity.as_str())).or_default() += u64::from(entry.count);
    }
    all
}

//! Receipts: what `secgate record` saw when a scanner made a report. They tell what formats cannot: when the scan
//! began, how long it took, of which commit it was, and how the scanner ended.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Generated, Report, Source, read_document};
use crate::finding::{CLOCK_SKEW, Text, clean_line};

/// `schema` of a receipt.
pub const SCHEMA: &str = "secgate/receipt/v1";

/// Suffix of a receipt, behind the report's name.
const SUFFIX: &str = ".receipt.json";

/// Largest receipt.
const MAX: u64 = 1 << 20;

/// A receipt as it is written; its keys are a contract.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// `secgate/receipt/v1`.
    pub schema: Cow<'static, str>,
    /// The program and its arguments, secrets masked.
    pub argv: Vec<String>,
    /// How it ended; null where a signal ended it.
    pub exit_code: Option<i32>,
    /// Exit codes with which it does not say that it failed.
    pub expected: Vec<i32>,
    /// When it began.
    #[serde(serialize_with = "as_text")]
    pub started_at: Timestamp,
    /// When it had ended.
    #[serde(serialize_with = "as_text")]
    pub ended_at: Timestamp,
    /// The commit that was scanned.
    pub commit: Option<String>,
    /// SHA-256 of the report.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

impl Receipt {
    /// How long the scanner took, in seconds.
    pub fn took(&self) -> i64 {
        self.ended_at.as_second() - self.started_at.as_second()
    }
}

fn as_text<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The receipt of a report.
pub fn beside(report: &Path) -> PathBuf {
    let mut name = report.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// Whether a file is the receipt of a report that stands beside it, by its name and by what it says: a name alone could hide
/// a report.
pub fn is_receipt(path: &Path) -> bool {
    let report = path.to_str().and_then(|path| path.strip_suffix(SUFFIX));
    if !report.is_some_and(|report| !report.ends_with('/') && Path::new(report).symlink_metadata().is_ok()) {
        return false;
    }
    says_receipt(&Source::File(path.to_owned()))
}

/// The name of the report that a receipt of this name would be of.
pub fn report_of(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX).filter(|report| !report.is_empty() && !report.ends_with('/'))
}

/// Whether a file is a receipt by what it says.
pub fn says_receipt(source: &Source) -> bool {
    let says = |value: &Value| value.get("schema").and_then(Value::as_str) == Some(SCHEMA);
    !super::claimed(source) && read_document(source, MAX).is_ok_and(|(value, ..)| says(&value))
}

/// Puts what a receipt tells to a report that was read; one that is not of this report tells nothing.
pub(crate) fn apply_receipt(report: &mut Report, receipt: &Source, digest: Option<&(String, u64)>) {
    let read = read_document(receipt, MAX).map_err(|error| error.to_string());
    let receipt =
        read.and_then(|(value, ..)| parse(&value)).and_then(|receipt| fits(receipt, report, digest));
    if let Ok(receipt) = &receipt {
        if report.generated == Generated::Unknown {
            report.generated = Generated::At(receipt.started_at);
        }
        if report.commit.is_none() {
            report.commit = receipt.commit.as_deref().map(Text::line);
        }
        if report.failed.is_none() && !receipt.exit_code.is_some_and(|code| receipt.expected.contains(&code))
        {
            report.failed = Some(Text::line(&match receipt.exit_code {
                Some(code) => format!("its receipt says that the scanner ended with {code}"),
                None => "its receipt says that a signal ended the scanner".to_owned(),
            }));
        }
    }
    report.receipt = Some(receipt);
}

fn parse(value: &Value) -> Result<Receipt, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let time = |key: &str| {
        text(key)
            .and_then(|time| time.parse().ok())
            .ok_or_else(|| format!("`{key}` of the receipt is no time"))
    };
    if text("schema") != Some(SCHEMA) {
        return Err(format!("the receipt's `schema` is not {SCHEMA}"));
    }
    let code = |value: &Value| value.as_i64().and_then(|code| i32::try_from(code).ok());
    let expected = value.get("expected").and_then(Value::as_array).into_iter().flatten().filter_map(code);
    Ok(Receipt {
        schema: SCHEMA.into(),
        argv: Vec::new(),
        exit_code: value.get("exit_code").and_then(code),
        expected: expected.collect(),
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        commit: text("commit").map(str::to_ascii_lowercase),
        sha256: text("sha256").unwrap_or_default().to_ascii_lowercase(),
        bytes: value.get("bytes").and_then(Value::as_u64).ok_or("`bytes` of the receipt is no number")?,
    })
}

/// Whether a receipt is of this report: of its bytes, and of the time and the commit that it states itself.
fn fits(receipt: Receipt, report: &Report, digest: Option<&(String, u64)>) -> Result<Receipt, String> {
    let is_of = |(sha256, bytes): &(String, u64)| *sha256 == receipt.sha256 && *bytes == receipt.bytes;
    if !digest.is_some_and(is_of) {
        return Err("the receipt is of other bytes than the report has now".to_owned());
    }
    let (start, end) = (receipt.started_at.as_second(), receipt.ended_at.as_second());
    if end < start {
        return Err("the receipt ends before it begins".to_owned());
    }
    if let Generated::At(time) = report.generated
        && !(start - CLOCK_SKEW..=end + CLOCK_SKEW).contains(&time.as_second())
    {
        return Err(format!(
            "the report says that it was made at {time}, which is outside of its receipt's time"
        ));
    }
    if let (Some(own), Some(commit)) = (&report.commit, &receipt.commit)
        && !commit.starts_with(own.as_str())
    {
        return Err(format!(
            "the report is about commit {own}, and its receipt about {}",
            clean_line(commit)
        ));
    }
    Ok(receipt)
}

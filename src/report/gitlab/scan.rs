//! Statements of a report about its scan.

use jiff::Timestamp;
use serde::Deserialize;

use super::entry::Agent;
use super::scan_type::ScanType;
use super::{GitlabScanSections, GitlabSections, misspelt};
use crate::report::field::text;
use crate::report::json::{Json, JsonKind, shapes};
use crate::report::reading::parse_time;
use crate::report::secret::without_credentials;
use crate::report::value::ReportWord;
use crate::report::{ProblemKind, ReadError, Reading};

/// Where the scanner's id is noted for the second reading.
pub(super) const SCANNER: &str = "scan.scanner";
/// Keys of a scan whose loss would change what it says.
const NEEDED: &[&str] = &["type", "status", "messages", "partial_scan"];

/// The object `scan`.
#[derive(Default)]
pub(super) struct Scan {
    scanner: Option<(String, String)>,
    analyzer: Option<(String, String)>,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// The scanner that the end of the file names: `scan` comes last in reports of version 15, behind the findings that
/// need to know. A guess, which [`Scan::read_scan`] checks.
pub(super) fn foreseen(tail: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"scan\"";
    #[derive(Deserialize)]
    struct Guess<'a> {
        #[serde(borrow)]
        scanner: Option<Agent<'a>>,
        #[serde(borrow)]
        analyzer: Option<Agent<'a>>,
    }
    let at = memchr::memmem::rfind(tail, KEY)?;
    let after = tail.get(at + KEY.len()..)?.trim_ascii_start().strip_prefix(b":")?;
    let guess = Guess::deserialize(&mut serde_json::Deserializer::from_slice(after)).ok()?;
    guess.scanner.or(guess.analyzer)?.id_and_version().map(|(id, _)| id)
}

impl Scan {
    /// Reads it to its end.
    pub(super) fn read_scan(
        json: &mut Json,
        reading: &mut Reading<'_>,
        asked: ScanType,
        seen: &mut GitlabSections,
    ) -> Result<(), ReadError> {
        seen.scan = GitlabScanSections::Silent;
        let mut scan = Self::default();
        json.object(|json, key| match key {
            "type" => is_type(json, asked),
            "status" => {
                seen.scan = GitlabScanSections::WithStatus;
                status(json, reading)
            }
            "messages" => messages(json, reading),
            "partial_scan" => json.unless_null(|json| partial(json, reading)),
            "scanned_resources" if json.kind()? == JsonKind::Array => {
                seen.resources = Some(0);
                json.array(|json, index| {
                    seen.resources = Some(index + 1);
                    json.skip()
                })
            }
            "start_time" if json.kind()? == JsonKind::String => {
                json.with_value::<String, _>(|time| scan.began = parse_time(&time))
            }
            "end_time" if json.kind()? == JsonKind::String => json.with_value::<String, _>(|time| {
                reading.generated(&time);
                scan.ended = parse_time(&time);
            }),
            "end_time" => {
                reading.generated_unreadable();
                json.skip()
            }
            "scanner" if json.kind()? == JsonKind::Object => {
                scan.scanner = json.item::<Agent<'static>, _>(|agent| agent.id_and_version())?;
                Ok(())
            }
            "analyzer" if json.kind()? == JsonKind::Object => {
                scan.analyzer = json.item::<Agent<'static>, _>(|agent| agent.id_and_version())?;
                Ok(())
            }
            key => {
                misspelt(reading, key, NEEDED);
                json.skip()
            }
        })?;
        reading.ran(scan.began, scan.ended);
        // An analyzer wraps a scanner; the latter is the tool.
        if let Some((id, version)) = scan.scanner.or(scan.analyzer) {
            reading.tool(&id);
            reading.version(&version);
            if seen.attributed && seen.scanner != id {
                reading.late(SCANNER.to_owned(), &id);
            }
            seen.scanner = id;
            seen.named = true;
        }
        Ok(())
    }
}

/// `scan.type` must be what the report is read as.
fn is_type(json: &mut Json, asked: ScanType) -> Result<(), ReadError> {
    let found = match json.kind()? {
        JsonKind::String => json.with_value::<String, _>(|word| ScanType::of_word(&word))?,
        _ => json.skip().map(|()| None)?,
    };
    match found {
        Some(found) if found == asked => Ok(()),
        Some(found) => Err(ReadError::WrongFormat {
            asked: asked.format().to_owned(),
            looks_like: format!("by its `scan.type` it is {}", found.format()),
        }),
        None => Err(json.shape(&format!("`scan.type` does not say what {} says", asked.format()))),
    }
}

fn status(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::String {
        reading.failed("`scan.status` is not a word");
        return json.skip();
    }
    json.with_value::<String, _>(|status| match status.as_str() {
        "success" => {}
        "failure" => reading.failed("`scan.status` is failure"),
        _ => reading.failed("`scan.status` is not success"),
    })
}

/// Since schema 15.2: only what a change touches was scanned (`differential`).
fn partial(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut mode = String::new();
    if json.kind()? == JsonKind::Object {
        json.object(|json, key| match key {
            "mode" => text(json).map(|word| mode = word),
            _ => json.skip(),
        })?;
    } else {
        json.skip()?;
    }
    let said = match mode.trim() {
        "differential" => "`scan.partial_scan` is differential: only changed files were scanned",
        _ => "`scan.partial_scan` says that only a part was scanned",
    };
    reading.problem(ProblemKind::Scan, said, None);
    Ok(())
}

fn messages(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    match json.kind()? {
        JsonKind::Null => json.skip(),
        JsonKind::Array => json.array(|json, _| {
            json.item::<GitlabScanMessage<'static>, _>(|message| message.add_problem(reading))
        }),
        _ => {
            reading.problem(ProblemKind::Scan, "`scan.messages` is no list", None);
            json.skip()
        }
    }
}

shapes!(GitlabScanMessage);

#[derive(Deserialize)]
struct GitlabScanMessage<'a> {
    #[serde(borrow, default)]
    level: ReportWord<'a>,
    #[serde(borrow, default)]
    value: ReportWord<'a>,
}

impl GitlabScanMessage<'_> {
    /// A problem at any level but those of normal behaviour.
    fn add_problem(&self, reading: &mut Reading<'_>) {
        let level = self.level.as_str().trim();
        if ["info", "debug"].iter().any(|normal| level.eq_ignore_ascii_case(normal)) {
            return;
        }
        // What stands between backticks is code.
        let said = self.value.as_str().split(['`', '\n']).next().unwrap_or_default();
        let level = if level.is_empty() { "message without a level" } else { level };
        let message = format!("scan.messages: {level}: {}", without_credentials(said));
        reading.problem(ProblemKind::Scan, &message, None);
    }
}

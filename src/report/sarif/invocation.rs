//! How a run went: its exit, what the tool noted, when it ended, and rules that were set otherwise.

use jiff::Timestamp;

use super::facts::{Message, Override, OverrideItem, Reference, SarifLevel};
use super::object::{First, objects};
use super::result::Spot;
use super::walk::{other, text};
use crate::report::json::{Json, JsonKind, shapes};
use crate::report::secret::without_credentials;
use crate::report::semgrep::problem_kind;
use crate::report::value::ReportWord;
use crate::report::{ProblemKind, ReadError, Reading};

/// Most warnings that are held until the tool is known.
const MAX_WARNINGS: usize = 1000;

/// Keys of an invocation that nothing is asked of.
const INVOCATION: &[&str] = &[
    "commandLine",
    "arguments",
    "responseFiles",
    "startTimeUtc",
    "endTimeUtc",
    "exitCode",
    "ruleConfigurationOverrides",
    "notificationConfigurationOverrides",
    "toolExecutionNotifications",
    "toolConfigurationNotifications",
    "exitCodeDescription",
    "exitSignalName",
    "exitSignalNumber",
    "processStartFailureMessage",
    "executionSuccessful",
    "machine",
    "account",
    "processId",
    "executableLocation",
    "workingDirectory",
    "environmentVariables",
    "stdin",
    "stdout",
    "stderr",
    "stdoutStderr",
    "properties",
];

objects! {
    /// Something that the tool says about its run.
    Notification<'a> {
        level: Option<ReportWord<'a>> = "level",
        descriptor: Reference<'a> = "descriptor",
        rule: Reference<'a> = "associatedRule",
        message: Message<'a> = "message",
        locations: First<Spot<'a>> = "locations",
    }
}

shapes!(Notification);

/// Content of the invocations of a run.
#[derive(Default)]
pub(super) struct Invocations {
    /// Warnings about the scan, which count where the tool is Semgrep.
    warnings: Vec<(ProblemKind, String, String)>,
    /// Levels that rules were given.
    pub(super) overrides: Vec<Override>,
    /// When the first of them ended.
    pub(super) ended: Option<Timestamp>,
    /// One of them ended at no time.
    pub(super) no_time: bool,
}

impl Invocations {
    /// Reads one, which is the first, second and so on of its run, or that of a conversion.
    pub(super) fn read_invocations(
        &mut self,
        json: &mut Json,
        reading: &mut Reading<'_>,
        index: Option<usize>,
    ) -> Result<(), ReadError> {
        let (mut began, mut ended) = (None, None);
        let (mut successful, mut exit) = (false, None);
        json.object(|json, key| match key {
            "executionSuccessful" => {
                match json.kind()? {
                    JsonKind::Bool if json.with_value::<serde_json::Value, _>(|v| v == true)? => {
                        successful = true;
                        return Ok(());
                    }
                    JsonKind::Bool => {
                        reading.failed("executionSuccessful is false");
                        return Ok(());
                    }
                    _ => json.skip()?,
                }
                reading.problem(ProblemKind::Scan, "executionSuccessful is neither true nor false", None);
                Ok(())
            }
            "exitCode" | "exitSignalNumber" => json.unless_null(|json| {
                let code = text(json)?;
                if !code.parse::<f64>().is_ok_and(|code| code.abs() < f64::EPSILON) {
                    let message = format!("{key} is {}", or_unreadable(&code));
                    if key == "exitCode" {
                        exit = Some(message);
                    } else {
                        reading.problem(ProblemKind::Scan, &message, None);
                    }
                }
                Ok(())
            }),
            "exitSignalName" | "processStartFailureMessage" => {
                let words = text(json)?;
                if !words.is_empty() {
                    reading.problem(ProblemKind::Scan, &format!("{key}: {words}"), None);
                }
                Ok(())
            }
            "startTimeUtc" => json.unless_null(|json| {
                began = text(json)?.parse::<Timestamp>().ok();
                Ok(())
            }),
            "endTimeUtc" => json.unless_null(|json| {
                match text(json)?.parse::<Timestamp>() {
                    Ok(time) => {
                        ended = Some(time);
                        self.ended = Some(self.ended.map_or(time, |first| first.min(time)));
                    }
                    Err(_) => self.no_time = true,
                }
                Ok(())
            }),
            "toolExecutionNotifications" | "toolConfigurationNotifications" => json.unless_null(|json| {
                let execution = key == "toolExecutionNotifications";
                json.array(|json, _| {
                    json.item::<Notification<'static>, _>(|notification| {
                        self.note(&notification, reading, execution);
                    })
                })
            }),
            "ruleConfigurationOverrides" if json.kind()? == JsonKind::Array => json.array(|json, _| {
                let index = index.and_then(|index| u32::try_from(index).ok());
                let one = json.item::<OverrideItem<'static>, _>(|o| {
                    let level = SarifLevel::from_word(o.configuration.level.as_ref());
                    (o.odd || o.configuration.odd || o.descriptor.odd, o.descriptor.rule_name(), level)
                })?;
                if one.0 {
                    reading.problem(
                        ProblemKind::Rule,
                        "a rule was set otherwise in a way that cannot be read",
                        None,
                    );
                }
                if let (Some(invocation), Some(level)) = (index, one.2) {
                    self.overrides.push(Override { invocation, rule: one.1, level });
                }
                Ok(())
            }),
            key => other(json, reading, key, INVOCATION),
        })?;
        // Where the tool says that it went well, it exits so because it found something (SpotBugs).
        if let Some(message) = exit.filter(|_| !successful) {
            reading.problem(ProblemKind::Scan, &message, None);
        }
        // How long a converter took is not how long the scan did.
        if index.is_some() {
            reading.ran(began, ended);
        }
        Ok(())
    }

    /// An error is a problem; so is a level that cannot be read.
    fn note(&mut self, notification: &Notification<'_>, reading: &mut Reading<'_>, execution: bool) {
        let level = SarifLevel::from_word(notification.level.as_ref()).unwrap_or(SarifLevel::Warning);
        let warning = level == SarifLevel::Warning && !notification.odd;
        if matches!(level, SarifLevel::None | SarifLevel::Note) && !notification.odd || warning && !execution
        {
            return;
        }
        let id = notification.descriptor.id.as_str();
        let words = without_credentials(&notification.message.of_notification());
        let words = match (id, words.as_str()) {
            ("", "") => "a notification without a message".to_owned(),
            ("", words) => words.to_owned(),
            (id, "") => id.to_owned(),
            (id, words) if words.starts_with(id) => words.to_owned(),
            (id, words) => format!("{id}: {words}"),
        };
        let kind = match problem_kind(id) {
            ProblemKind::Scan if notification.rule.is_given() => ProblemKind::Rule,
            kind => kind,
        };
        let path = notification.locations.0.as_ref().map_or("", Spot::path);
        let name = if execution { "toolExecutionNotifications" } else { "toolConfigurationNotifications" };
        let words = format!("{name}: {words}");
        if !warning {
            reading.problem(kind, &words, Some(path).filter(|p| !p.is_empty()));
        } else if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push((kind, words, path.to_owned()));
        }
    }

    /// The tool's warnings count as well: Semgrep tells a timeout or a file that it could not parse as one.
    pub(super) fn count_warnings(&self, reading: &mut Reading<'_>) {
        for (kind, words, path) in &self.warnings {
            reading.problem(*kind, words, Some(path.as_str()).filter(|p| !p.is_empty()));
        }
    }
}

fn or_unreadable(code: &str) -> &str {
    if code.is_empty() { "no number" } else { code }
}

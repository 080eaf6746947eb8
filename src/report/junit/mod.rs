//! JUnit XML, which every test runner and many linters write.
//!
//! There is no one schema. Read are the elements of Ant's, of Maven Surefire's `surefire-test-report.xsd`, of Jenkins's
//! `junit-10.xsd` and of what pytest, Node, GoogleTest, CTest and PHPUnit write: suites in suites, cases, and in a case
//! what became of it. A case that failed or ended in an error is a finding; one that was flaky passed in the end.
//!
//! Messages are not kept: an assertion quotes the values that it compares. The failures and errors that a suite counts
//! are compared with its cases, because a runner that died leaves counts without cases. Some count what lies in nested
//! suites and some do not, some count failures where others count failed cases, and Surefire counts each rerun
//! (`rerunFailingTestsCount`): a count is too high only if no way leads to it. The number of tests says nothing beside
//! them: pytest and unittest count subtests that passed and write no case for them, jest-junit adds a case for a file
//! that could not be run, and plugins that rerun a test one for each run.

use super::field::first_of;
use super::xml::{XmlElement, XmlNode, walk};
use super::{Format, Json, Opening, ProblemKind, ReadError, Reading, value::LineNumber};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, Severity, Text};

/// JUnit XML.
pub(super) static FORMAT: Format = Format {
    id: "junit",
    title: "JUnit XML: failed tests",
    tool: "junit",
    signals: &["no test case that ran: nothing scanned", "counts of failures above what is listed"],
    categories: &[Category::Quality],
    attributes: &[],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    matches!(opening.root.as_deref(), Some("testsuites" | "testsuite"))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Quality);
    let mut state = State::default();
    walk(json, |node| match node {
        XmlNode::Open(element) => state.open(&element, reading),
        XmlNode::Text(_) => {
            if state.inside == 0 {
                problem(reading, "text stands between the elements, where none belongs");
            }
            Ok(())
        }
        XmlNode::Close => {
            state.close(reading);
            Ok(())
        }
    })?;
    if state.cases == 0 {
        reading.nothing_scanned("no test was run (there is no test case)");
    } else if state.cases == state.skipped {
        reading.nothing_scanned("no test was run (every test case was skipped or says that it was not run)");
    }
    Ok(())
}

/// Elements of a suite or a case that are skipped.
const OTHER: [&str; 6] = ["properties", "property", "system-out", "system-err", "flakyFailure", "flakyError"];
/// Elements that must not be hidden there.
const READ: [&str; 7] =
    ["testsuites", "testsuite", "testcase", "failure", "error", "rerunFailure", "rerunError"];

/// Statements of a case about itself that was not run or came to nothing, in letters alone.
const NOT_RUN: [&str; 14] = [
    "notrun",
    "notexecuted",
    "notrunnable",
    "norun",
    "suppressed",
    "skipped",
    "skip",
    "ignored",
    "disabled",
    "inconclusive",
    "pending",
    "todo",
    "cancelled",
    "canceled",
];

/// Attributes by which a suite counts the tests that were left out; a test may be counted by several.
const LEFT_OUT: [&str; 6] = ["skipped", "skip", "disabled", "ignored", "inconclusive", "notrun"];

#[derive(Default)]
struct State {
    suites: Vec<Suite>,
    case: Option<JunitTestCase>,
    /// Depth inside an element that is not looked into.
    inside: usize,
    cases: u64,
    skipped: u64,
}

/// Counts stated by a suite and counts found in it.
#[derive(Default)]
struct Suite {
    name: String,
    file: String,
    tests: Option<u64>,
    failures: Option<u64>,
    errors: Option<u64>,
    /// It counts as many tests that were left out as it counts tests.
    idle: bool,
    /// Cases in this very suite, and in those in it.
    own: JunitCounts,
    all: JunitCounts,
    /// There are suites in it.
    nested: bool,
}

#[derive(Default, Clone, Copy)]
struct JunitCounts {
    cases: u64,
    /// Cases that failed or ended in an error.
    failed: u64,
    /// Cases that were left out.
    skipped: u64,
    /// Elements that say so: a case can hold several.
    faults: u64,
    /// Further runs of a case, each of which failed or was followed by one that passed.
    reruns: u64,
}

#[derive(Default)]
struct JunitTestCase {
    name: String,
    class: String,
    file: String,
    line: Option<u32>,
    kind: String,
    faults: u64,
    reruns: u64,
    /// Said without an element for it.
    failed: bool,
    skipped: bool,
}

impl State {
    fn open(&mut self, element: &XmlElement<'_>, reading: &mut Reading<'_>) -> Result<(), String> {
        if self.inside > 0 {
            self.inside += 1;
            if READ.contains(&element.name) {
                misplaced(reading, element.name);
            }
            return Ok(());
        }
        if element.name == "failure" && self.is_dastardly(element) {
            return Err(
                "Dastardly's XML, which lists weaknesses and no tests; it is not read. ZAP's JSON is"
                    .to_owned(),
            );
        }
        match (&mut self.case, element.name) {
            (None, "testsuites" | "testsuite") => {
                if let Some(parent) = self.suites.last_mut() {
                    parent.nested = true;
                }
                self.suites.push(Suite::from_element(element, reading));
            }
            (None, name) if self.suites.is_empty() => {
                return Err(format!(
                    "the root element of a JUnit report is `testsuites` or `testsuite`, not `{name}`"
                ));
            }
            (None, "testcase") => self.case = Some(self.begin(element)),
            (Some(case), "failure" | "rerunFailure" | "error" | "rerunError") => {
                // A rerun follows the failure that made it necessary.
                if element.name.starts_with("rerun") {
                    case.reruns += 1;
                } else {
                    case.faults += 1;
                }
                case.note(element);
                self.inside = 1;
            }
            (Some(case), "flakyFailure" | "flakyError") => {
                case.reruns += 1;
                self.inside = 1;
            }
            (Some(case), "skipped" | "disabled") => {
                case.skipped = true;
                self.inside = 1;
            }
            (_, name) if OTHER.contains(&name) => self.inside = 1,
            (None, "failure" | "error") => {
                problem(reading, "a suite failed outside its test cases");
                self.inside = 1;
            }
            (_, name) if READ.contains(&name) => {
                misplaced(reading, name);
                self.inside = 1;
            }
            (_, name) => {
                problem(reading, &format!("`{name}` is no element of JUnit XML; what it holds was not read"));
                self.inside = 1;
            }
        }
        Ok(())
    }

    fn close(&mut self, reading: &mut Reading<'_>) {
        if self.inside > 0 {
            self.inside -= 1;
        } else if let Some(case) = self.case.take() {
            self.end(&case, reading);
        } else if let Some(mut suite) = self.suites.pop() {
            suite.compare(reading);
            if suite.idle {
                // Some converters say it of the suite alone.
                let others = suite.all.cases.saturating_sub(suite.all.skipped + suite.all.failed);
                suite.all.skipped += others;
                self.skipped += others;
            }
            if let Some(parent) = self.suites.last_mut() {
                parent.all.add(suite.all);
            }
        }
    }

    /// Burp's Dastardly writes the weaknesses of an address as failed tests of a suite of its name.
    fn is_dastardly(&self, failure: &XmlElement<'_>) -> bool {
        let level = failure.get("type").unwrap_or_default().trim();
        let levels = ["Critical", "High", "Medium", "Low", "Info", "Information"];
        let address = |suite: &Suite| ["http://", "https://"].iter().any(|s| suite.name.starts_with(s));
        levels.contains(&level) && self.suites.iter().any(address)
    }

    fn begin(&self, element: &XmlElement<'_>) -> JunitTestCase {
        let said = |name| element.get(name).unwrap_or_default();
        let suite_file = self.suites.iter().rev().map(|s| s.file.as_str()).find(|f| !f.is_empty());
        let file = first_of(&[said("file"), suite_file.unwrap_or_default()]);
        // pytest counts lines from 0, all others from 1.
        let zero = self.suites.last().is_some_and(|suite| suite.name == "pytest");
        let line = said("line").trim().parse::<u32>().ok().and_then(|line| line.checked_add(u32::from(zero)));
        let mut case = JunitTestCase {
            name: said("name").to_owned(),
            class: said("classname").to_owned(),
            file: file.to_owned(),
            line: line.filter(|line| *line > 0).or_else(|| LineNumber::parse(said("line"))),
            ..JunitTestCase::default()
        };
        // Runners that say it in an attribute (Node, CTest) say it in an element too, unless someone took that away.
        let bad = [
            "fail", "failed", "failure", "error", "errored", "broken", "aborted", "timeout", "timedout",
            "crashed",
        ];
        case.failed = !said("failure").is_empty()
            || ["status", "result"].iter().any(|key| {
                let word = said(key).trim().to_ascii_lowercase();
                bad.contains(&word.as_str())
            });
        // GoogleTest, CTest, NUnit and MSTest say in an attribute that a case was not run, or came to nothing.
        case.skipped = ["status", "result", "outcome"].iter().any(|key| {
            let word: String = said(key).chars().filter(char::is_ascii_alphabetic).collect();
            NOT_RUN.contains(&word.to_ascii_lowercase().as_str())
        });
        case
    }

    fn end(&mut self, case: &JunitTestCase, reading: &mut Reading<'_>) {
        self.cases += 1;
        let failed = case.faults > 0 || case.failed;
        let skipped = u64::from(case.skipped && !failed);
        self.skipped += skipped;
        let count = JunitCounts {
            cases: 1,
            skipped,
            failed: u64::from(failed),
            faults: case.faults.max(u64::from(failed)),
            reruns: case.reruns,
        };
        if let Some(suite) = self.suites.last_mut() {
            suite.own.add(count);
            suite.all.add(count);
        }
        if failed {
            reading.finding(case.finding(reading.roots()));
        }
    }
}

fn problem(reading: &mut Reading<'_>, message: &str) {
    reading.problem(ProblemKind::Scan, message, None);
}

fn misplaced(reading: &mut Reading<'_>, name: &str) {
    problem(reading, &format!("`{name}` stands where it means nothing, and was not read"));
}

impl JunitCounts {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.faults += other.faults;
        self.reruns += other.reruns;
    }
}

impl Suite {
    fn from_element(element: &XmlElement<'_>, reading: &mut Reading<'_>) -> Self {
        let said = |name| element.get(name).unwrap_or_default().to_owned();
        let mut count = |name| {
            let number = element.get(name)?.trim().parse::<u64>();
            if number.is_err() {
                problem(reading, &format!("the attribute `{name}` of a suite is no number"));
            }
            number.ok()
        };
        let (tests, failures, errors) = (count("tests"), count("failures"), count("errors"));
        let left_out = LEFT_OUT.iter().filter_map(|name| element.get(name)?.trim().parse::<u64>().ok()).max();
        Self {
            name: said("name"),
            file: said("file"),
            tests,
            failures,
            errors,
            idle: tests.zip(left_out).is_some_and(|(tests, left_out)| tests > 0 && left_out >= tests),
            ..Self::default()
        }
    }

    fn compare(&self, reading: &mut Reading<'_>) {
        let name = match self.name.as_str() {
            "" => "a suite".to_owned(),
            name => format!("the suite {name}"),
        };
        if self.all.cases == 0 && !self.nested && !self.idle && self.tests.is_some_and(|tests| tests > 0) {
            problem(reading, &format!("{name} counts tests and holds no test case"));
        }
        let counted = self.failures.unwrap_or(0).saturating_add(self.errors.unwrap_or(0));
        let both = self.failures.is_some() && self.errors.is_some();
        if counted > self.all.faults + self.all.reruns || both && counted < self.own.failed {
            let held = self.all.failed;
            problem(
                reading,
                &format!("{name} counts {counted} failures and errors and holds {held} failed test cases"),
            );
        }
    }
}

impl JunitTestCase {
    fn note(&mut self, element: &XmlElement<'_>) {
        self.failed |= element.name.starts_with("rerun");
        if self.kind.is_empty() {
            // A class such as `AssertionError`; linters put words here.
            element.get("type").unwrap_or_default().clone_into(&mut self.kind);
        }
    }

    fn finding(&self, roots: &[String]) -> Finding {
        let id = match (self.class.as_str(), self.name.as_str()) {
            ("", name) => name.to_owned(),
            (class, "") => class.to_owned(),
            (class, name) => format!("{class}.{name}"),
        };
        let mut finding = Finding::new(Category::Quality, FORMAT.tool, &id, Severity::High);
        let shown = if id.trim().is_empty() { "a test without a name" } else { id.as_str() };
        let word = |c: char| c.is_ascii_alphanumeric() || "._:$-".contains(c);
        finding.title = match self.kind.as_str() {
            kind if !kind.is_empty() && kind.len() <= 80 && kind.chars().all(word) => {
                Text::line(&format!("{shown} failed ({kind})"))
            }
            _ => Text::line(&format!("{shown} failed")),
        };
        finding.location = Location::new(&self.file, self.line, None, roots);
        let id = FingerprintBuilder::new(Category::Quality.as_str()).part(&self.class).part(&self.name);
        finding.identify(id);
        finding
    }
}

#[cfg(test)]
mod tests;

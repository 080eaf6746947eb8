//! JUnit XML: one test case per rule and per piece of evidence, so that a merge request shows which of them failed.
//!
//! After the schema that GitLab reads (`testsuites`, `testsuite`, `testcase` with `failure`, `error` or `skipped`).

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::about::about;
use super::text::{off, place, what};
use super::{Look, OutputFormat};
use crate::decide::{Decision, Evidence, Outcome, RuleResult, WaiverResult};
use crate::finding::{Finding, clean};

/// `JUnit`.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "junit", title: "JUnit XML, one test case per rule", lines: true, write };

/// Kinds of fixed findings that are listed.
const FIXED: usize = 100;

/// One test case.
struct RenderedTestCase<'d> {
    class: &'d str,
    name: String,
    outcome: Outcome,
    message: String,
    detail: Vec<String>,
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut cases: Vec<RenderedTestCase<'_>> =
        decision.rules.iter().map(|rule| of_rule(decision, rule)).collect();
    cases.extend(decision.evidence.iter().map(of_evidence));
    cases.extend(decision.waivers.iter().map(|waiver| of_waiver(decision, waiver)));
    cases.extend(of_statements(decision));
    cases.extend(of_suppressed(decision));
    cases.extend(decision.base.iter().map(|base| RenderedTestCase {
        class: "secgate.base",
        name: "base".to_owned(),
        outcome: base.outcome,
        message: base.message.clone(),
        detail: fixed(decision),
    }));
    cases.extend(decision.own_gate.iter().map(|gate| RenderedTestCase {
        class: "secgate.gate",
        name: "gate".to_owned(),
        outcome: gate.outcome,
        message: gate.message.clone(),
        detail: gate.clauses.iter().map(ToString::to_string).collect(),
    }));
    cases.extend(decision.errors.iter().map(|error| RenderedTestCase {
        class: "secgate.run",
        name: error.path.clone().unwrap_or_else(|| "run".to_owned()),
        outcome: Outcome::Error,
        message: error.message.lines().next().unwrap_or_default().to_owned(),
        detail: error.message.lines().skip(1).map(str::to_owned).collect(),
    }));
    // An advisory verdict shows its failures as what they are: the job is green, the report is not.
    let policy = decision
        .policy
        .as_ref()
        .map_or("no policy".to_owned(), |(source, sha256)| format!("{} sha256:{sha256}", clean(source)));
    let advisory = if decision.enforced { "" } else { " ADVISORY" };
    let name = format!("secgate {} {}{advisory} ({policy})", decision.gate, decision.verdict.as_str());
    let count = |is: &dyn Fn(Outcome) -> bool| cases.iter().filter(|c| is(c.outcome)).count().to_string();
    let counts = [
        ("tests", cases.len().to_string()),
        ("failures", count(&|o| matches!(o, Outcome::Fail | Outcome::Review))),
        ("errors", count(&|o| o == Outcome::Error)),
        ("skipped", count(&|o| o == Outcome::NotApplicable)),
    ];
    let attributes = || counts.iter().map(|(name, value)| (*name, value.as_str()));
    let mut properties = vec![
        ("gate", decision.gate.clone()),
        ("verdict", decision.verdict.as_str().to_owned()),
        ("exit_code", decision.exit_code.to_string()),
        ("enforced", decision.enforced.to_string()),
        ("findings_digest", decision.findings_digest.clone()),
        ("policy", policy.clone()),
    ];
    properties.extend(about(decision).into_iter().map(|(name, value)| (key(name), value)));

    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    let mut writer = Writer::new_with_indent(&mut *out, b' ', 1);
    writer
        .create_element("testsuites")
        .with_attribute(("name", name.as_str()))
        // Jenkins knows no `skipped` here.
        .with_attributes(attributes().filter(|(name, _)| *name != "skipped"))
        .write_inner_content(|writer| {
            writer
                .create_element("testsuite")
                .with_attribute(("name", name.as_str()))
                .with_attributes(attributes())
                .write_inner_content(|writer| {
                    writer.create_element("properties").write_inner_content(|writer| {
                        properties.iter().try_for_each(|(name, value)| {
                            let property = writer.create_element("property");
                            let property = property.with_attribute(("name", *name));
                            property.with_attribute(("value", clean(value).as_ref())).write_empty()?;
                            Ok(())
                        })
                    })?;
                    cases.iter().try_for_each(|case| case.write(writer))
                })?;
            Ok(())
        })?;
    out.write_all(b"\n")
}

/// The name of a fact as the other properties are written.
fn key(name: &'static str) -> &'static str {
    if name == "approved by" { "approved_by" } else { name }
}

impl RenderedTestCase<'_> {
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        let message = clean(&self.message);
        let element = writer
            .create_element("testcase")
            .with_attribute(("classname", self.class))
            .with_attribute(("name", clean(&self.name).as_ref()));
        let tag = match self.outcome {
            Outcome::Fail | Outcome::Review => "failure",
            Outcome::Error => "error",
            Outcome::NotApplicable => "skipped",
            Outcome::Pass if self.detail.is_empty() => {
                element.write_empty()?;
                return Ok(());
            }
            Outcome::Pass | Outcome::Warn => "system-out",
        };
        element.write_inner_content(|writer| {
            let lines: Vec<_> = self.detail.iter().map(|line| clean(line)).collect();
            if tag == "system-out" {
                let word = if self.outcome == Outcome::Warn { "warning: " } else { "" };
                let text = format!("{word}{message}\n{}", lines.join("\n"));
                writer.create_element(tag).write_text_content(BytesText::new(text.trim_end()))?;
                return Ok(());
            }
            writer
                .create_element(tag)
                .with_attribute(("type", self.outcome.as_str()))
                .with_attribute(("message", message.as_ref()))
                .write_text_content(BytesText::new(&lines.join("\n")))?;
            Ok(())
        })?;
        Ok(())
    }
}

fn of_rule<'d>(decision: &'d Decision, rule: &'d RuleResult) -> RenderedTestCase<'d> {
    let problems = rule.problems.iter().filter_map(|&at| decision.findings.get(at)?.lead());
    let mut detail: Vec<String> = problems.map(|matched| line(&matched.finding)).collect();
    if rule.outcome < Outcome::Warn {
        detail.clear();
    }
    detail.extend(rule.fix.iter().filter(|_| rule.outcome >= Outcome::Warn).cloned());
    let message = if rule.message.is_empty() {
        rule.title.clone()
    } else {
        format!("{}: {}", rule.title, rule.message)
    };
    RenderedTestCase { class: "secgate.rule", name: rule.id.clone(), outcome: rule.outcome, message, detail }
}

/// A waiver never fails by itself; what it hides and what became of it is said.
fn of_waiver<'d>(decision: &'d Decision, waiver: &'d WaiverResult) -> RenderedTestCase<'d> {
    let witnesses = decision.findings.iter().flat_map(|problem| &problem.witnesses);
    let hidden = witnesses.filter(|m| waiver.findings.binary_search(&m.finding.fingerprint).is_ok());
    let mut message = format!(
        "{} of {}, hides {} until {}",
        waiver.status.as_str(),
        waiver.owner,
        waiver.hides,
        waiver.expires
    );
    if waiver.expires_soon {
        message.push_str(", within 14 days");
    }
    if waiver.kind.is_some() {
        message = format!("EMERGENCY WAIVER {message}");
    }
    let why = [&waiver.message, &waiver.reason].into_iter().filter(|text| !text.is_empty()).cloned();
    RenderedTestCase {
        class: "secgate.waiver",
        name: waiver.id.clone(),
        outcome: Outcome::Warn,
        message,
        detail: why.chain(hidden.map(|matched| line(&matched.finding))).collect(),
    }
}

/// Findings that are gone since the base.
fn fixed(decision: &Decision) -> Vec<String> {
    let (lines, more) = super::fixed_findings::lines(decision, FIXED);
    let mut lines: Vec<String> = lines.into_iter().map(|line| format!("fixed: {line}")).collect();
    lines.extend((more > 0).then(|| format!("{more} more are fixed")));
    lines
}

/// Findings that VEX statements lift.
fn of_statements(decision: &Decision) -> Option<RenderedTestCase<'_>> {
    let said = decision.findings.iter().filter_map(|problem| Some((problem.lead()?, problem.vex.as_ref()?)));
    let detail: Vec<String> =
        said.map(|(matched, note)| format!("{}: {}", line(&matched.finding), note.line())).collect();
    (!detail.is_empty()).then(|| RenderedTestCase {
        class: "secgate.vex",
        name: "not affected".to_owned(),
        outcome: Outcome::Warn,
        message: format!("{} do not count under VEX statements", detail.len()),
        detail,
    })
}

/// Findings suppressed by scanners and comments, for which no rule asks.
fn of_suppressed(decision: &Decision) -> Option<RenderedTestCase<'_>> {
    let detail = decision.suppressed.iter().map(|m| format!("{}{}", line(&m.finding), off(&m.finding)));
    (!decision.suppressed.is_empty()).then(|| RenderedTestCase {
        class: "secgate.suppressed",
        name: "suppressed".to_owned(),
        outcome: Outcome::Warn,
        message: "suppressed by the scanner or in the code; no rule asks for them".to_owned(),
        detail: detail.collect(),
    })
}

fn line(finding: &Finding) -> String {
    format!("{} {}: {}", finding.severity, place(finding), what(finding))
}

fn of_evidence(evidence: &Evidence) -> RenderedTestCase<'_> {
    let path = evidence.path.as_ref().map_or("-", |p| p.as_str());
    let name = evidence.entry.as_ref().map_or_else(|| path.to_owned(), |entry| format!("{entry}: {path}"));
    RenderedTestCase {
        class: "secgate.evidence",
        name,
        outcome: evidence.outcome,
        message: format!("{}: {}", evidence.status.as_str(), evidence.message),
        detail: evidence.problems.iter().map(ToString::to_string).collect(),
    }
}

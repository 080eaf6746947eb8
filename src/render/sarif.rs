//! Findings as SARIF 2.1.0 (OASIS Standard, errata 01): one run a report and tool.
//!
//! The log reads back as the same findings: suppressed results stay in, marked as such; each result carries
//! its own `security-severity`; a run that was not whole says so. What SARIF has no word for stands in `properties`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::about::about;
use super::fixed_findings::Fixed;
use super::listing::ListedFindings;
use super::{ListingFormat, Look, OutputFormat, uri};
use crate::decide::{Decision, Evidence, Matched, MatchedProblem, Outcome, Status};
use crate::finding::{
    Category, Confidence, Finding, Fingerprint, Fix, Package, Scope, Severity, State, Text, clean,
};
use crate::report::ScanProblem;

/// SARIF.
pub(super) const LISTING: ListingFormat =
    ListingFormat { id: "sarif", title: "SARIF 2.1.0, suppressed findings included", write };

/// The same of a verdict: what its rules matched, as far as details are kept.
pub(super) const OUTPUT: OutputFormat = OutputFormat {
    id: "sarif",
    title: "SARIF 2.1.0 of the findings that rules matched, and of suppressed and known ones",
    lines: false,
    write: write_verdict,
};

/// The same for GitHub's code scanning, which opens an alert for every result and does not look at `suppressions`
/// (docs.github.com, "SARIF support for code scanning").
pub(super) const GITHUB: OutputFormat = OutputFormat {
    id: "sarif-github",
    title: "SARIF 2.1.0 for GitHub code scanning: without what is suppressed, waived or lifted by VEX",
    lines: false,
    write: write_for_github,
};

fn write_verdict(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    write_all(decision, true, out)
}

fn write_for_github(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    write_all(decision, false, out)
}

/// A verdict as SARIF; `suppressed` says whether with what does not count.
fn write_all(decision: &Decision, suppressed: bool, out: &mut dyn Write) -> io::Result<()> {
    // What waivers and VEX statements lift is suppressed in SARIF's words, with who says so.
    let told = |problem: &MatchedProblem, matched: &Matched| {
        let mut finding = matched.finding.clone();
        if let Some(why) = problem.lifted_by() {
            finding.suppressed = true;
            finding.suppression = Some(Text::line(&why));
        }
        (finding, matched.evidence)
    };
    let mut findings: Vec<(Finding, usize)> = Vec::new();
    for problem in &decision.findings {
        findings.extend(problem.witnesses.iter().map(|matched| told(problem, matched)));
    }
    let aside = decision.suppressed.iter().chain(&decision.known);
    findings.extend(aside.map(|m| (m.finding.clone(), m.evidence)));
    findings.retain(|(finding, _)| suppressed || !finding.suppressed);
    let listed = ListedFindings { evidence: &decision.evidence, findings: &findings };
    let bag = LogBag {
        verdict: Some(VerdictBag {
            gate: &decision.gate,
            verdict: decision.verdict,
            exit_code: decision.exit_code,
            enforced: decision.enforced,
            findings_digest: &decision.findings_digest,
            about: about(decision).iter().map(|(name, value)| format!("{name}: {value}")).collect(),
            policy: decision
                .policy
                .as_ref()
                .map(|(source, sha256)| format!("{} sha256:{sha256}", clean(source))),
        }),
        emergencies: &decision.emergencies,
        base: decision.base.as_ref().map(|base| base.message.as_str()),
        fixed: decision.fixed.iter().map(Fixed::from_entry).collect(),
    };
    let compared = decision.base.as_ref().is_some_and(|base| base.findings.is_some());
    write_log(&listed, compared, bag, out)
}

fn write(listed: &ListedFindings<'_>, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let nothing = LogBag { verdict: None, emergencies: &[], base: None, fixed: Vec::new() };
    write_log(listed, false, nothing, out)
}

/// `compared`: there is a base, so that each finding has a state.
fn write_log(
    listed: &ListedFindings<'_>,
    compared: bool,
    properties: LogBag<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: runs(listed, compared, properties.emergencies),
        properties,
    };
    serde_json::to_writer(&mut *out, &log)?;
    out.write_all(b"\n")
}

/// One run a report, and one more for each further tool that its findings name, so that an empty report is a run too.
/// A file that is no report is none: an empty run would look like a clean one.
fn runs<'l>(
    listed: &'l ListedFindings<'l>,
    compared: bool,
    emergencies: &'l [String],
) -> Vec<SarifRunLog<'l>> {
    let mut found: BTreeMap<(usize, Option<&Text>), Vec<&Finding>> = BTreeMap::new();
    let own = |at: usize| listed.evidence.get(at).and_then(|e| e.tool.as_ref()).map(|tool| &tool.name);
    for (at, _) in listed.evidence.iter().enumerate().filter(|(_, e)| e.status != Status::Ignored) {
        found.insert((at, None), Vec::new());
    }
    for (finding, at) in listed.findings {
        let other = Some(&finding.tool).filter(|tool| own(*at) != Some(*tool));
        found.entry((*at, other)).or_default().push(finding);
    }
    let evidence = |at: usize| listed.evidence.get(at);
    let mut runs: Vec<SarifRunLog<'l>> = found
        .into_iter()
        .filter_map(|((at, tool), list)| {
            Some(SarifRunLog::of_tool(evidence(at)?, tool, list, compared, emergencies))
        })
        .collect();
    // No tool ran on what was left out: the first run says it beside its own, and where there is none nothing was read.
    let left_out = listed.evidence.iter().filter(|evidence| evidence.status == Status::Ignored);
    let mut told = 0;
    if let (true, Some(nothing)) = (runs.is_empty(), listed.evidence.first()) {
        runs.push(SarifRunLog::of_tool(nothing, None, Vec::new(), compared, emergencies));
        told = 1;
    }
    if let Some(first) = runs.first_mut() {
        let [invocation] = &mut first.invocations;
        invocation.tool_execution_notifications.extend(left_out.skip(told).map(Notification::of_left_out));
    }
    runs
}

#[derive(Serialize)]
struct Log<'l> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<SarifRunLog<'l>>,
    #[serde(skip_serializing_if = "LogBag::is_empty")]
    properties: LogBag<'l>,
}

#[derive(Serialize)]
struct LogBag<'l> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictBag<'l>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    emergencies: &'l [String],
    /// Result of the comparison with a base.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'l str>,
    /// Findings that are gone since. No results: a viewer that does not know of `absent` would show them as open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixed: Vec<Fixed<'l>>,
}

/// The decision, for which SARIF has no word.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictBag<'l> {
    gate: &'l str,
    verdict: Outcome,
    exit_code: u8,
    enforced: bool,
    findings_digest: &'l str,
    /// Subject of the verdict, time and approvals: each fact as `NAME: VALUE`.
    about: Vec<String>,
    policy: Option<String>,
}

impl LogBag<'_> {
    fn is_empty(&self) -> bool {
        self.verdict.is_none() && self.emergencies.is_empty()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRunLog<'l> {
    tool: SarifTool<'l>,
    conversion: Conversion,
    invocations: [Invocation<'l>; 1],
    automation_details: Id,
    /// Absent where nothing was looked at: `[]` says that a scan found nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Results<'l>>,
    properties: RunBag<'l>,
}

#[derive(Serialize)]
struct SarifTool<'l> {
    driver: SarifDriver<'l>,
}

#[derive(Serialize)]
struct SarifDriver<'l> {
    name: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'l Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<SarifRuleDescriptor<'l>>,
}

/// How a tool's own report became this run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversion {
    tool: SarifTool<'static>,
    analysis_tool_log_files: [Uri; 1],
}

#[derive(Serialize)]
struct Uri {
    uri: String,
}

#[derive(Serialize)]
struct Id {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'l> {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<&'l str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification<'l>>,
}

#[derive(Serialize)]
struct Notification<'l> {
    level: &'static str,
    message: SarifMessage<'l>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptor: Option<Id>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<SarifLocation<'l>>,
}

#[derive(Serialize)]
struct SarifMessage<'l> {
    text: std::borrow::Cow<'l, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunBag<'l> {
    format: Option<&'l str>,
    sha256: Option<&'l str>,
    bytes: Option<u64>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<&'l Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRuleDescriptor<'l> {
    id: &'l str,
    short_description: SarifMessage<'l>,
    properties: RuleBag,
}

#[derive(Serialize)]
struct RuleBag {
    /// The worst of its results, where some viewers look for it; absent if one of them has none, because a reader
    /// takes the rule's where the result says 0.
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    score: Option<&'static str>,
    tags: BTreeSet<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'l> {
    rule_id: &'l Text,
    rule_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    level: &'static str,
    message: SarifMessage<'l>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<SarifLocation<'l>>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<Vec<SarifSuppression<'l>>>,
    properties: ResultBag<'l>,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "secgate/v1")]
    v1: Fingerprint,
}

#[derive(Serialize)]
struct SarifSuppression<'l> {
    kind: &'static str,
    status: &'static str,
    justification: std::borrow::Cow<'l, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical<'l>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'l> {
    name: &'l Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    fully_qualified_name: Option<&'l Text>,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultBag<'l> {
    #[serde(rename = "security-severity")]
    score: &'static str,
    tags: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_severity: Option<&'l Text>,
    category: Category,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    #[serde(skip_serializing_if = "<[Text]>::is_empty")]
    ids: &'l [Text],
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'l Package>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'l Text>,
    fix: Fix,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'l Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

impl<'l> SarifRunLog<'l> {
    /// The findings of one tool in one report.
    fn of_tool(
        evidence: &'l Evidence,
        other: Option<&'l Text>,
        findings: Vec<&'l Finding>,
        compared: bool,
        emergencies: &'l [String],
    ) -> Self {
        let path = evidence.path.as_ref().map_or("-", Text::as_str);
        let (rules, index) = rules(&findings);
        let tool = evidence.tool.as_ref();
        let name = other.or(tool.map(|tool| &tool.name)).map_or("unknown", Text::as_str);
        let version = tool.filter(|_| other.is_none()).and_then(|tool| tool.version.as_ref());
        let empty = matches!(evidence.status, Status::NothingScanned | Status::Unreadable | Status::Ignored);
        let nothing = findings.is_empty() && empty;
        let suppressions = findings.iter().any(|finding| finding.suppressed);
        let secgate = SarifDriver { name: "secgate", version: None, rules: Vec::new() };
        Self {
            tool: SarifTool { driver: SarifDriver { name, version, rules } },
            conversion: Conversion {
                tool: SarifTool { driver: secgate },
                analysis_tool_log_files: [Uri { uri: uri(path) }],
            },
            invocations: [Invocation::of_evidence(evidence, nothing, emergencies)],
            automation_details: Id { id: format!("secgate/{path}/") },
            results: (!nothing).then_some(Results { findings, index, suppressions, compared }),
            properties: RunBag {
                format: evidence.format.as_deref(),
                sha256: evidence.sha256.as_deref(),
                bytes: evidence.bytes,
                status: evidence.status,
                copy_of: evidence.copy_of.as_ref(),
            },
        }
    }
}

impl<'l> Invocation<'l> {
    /// A scan that was not whole was not successful, and the reasons are notifications of level `error`.
    fn of_evidence(evidence: &'l Evidence, nothing: bool, emergencies: &'l [String]) -> Self {
        let whole = matches!(evidence.status, Status::Complete | Status::NothingScanned | Status::Ignored);
        let mut notifications: Vec<Notification<'l>> =
            evidence.problems.iter().map(Notification::of_problem).collect();
        if notifications.is_empty() && !evidence.message.is_empty() {
            // Where no result is listed, that says it already.
            let level = if whole && nothing { "note" } else { "error" };
            let message = message(&evidence.message);
            notifications.push(Notification { level, message, descriptor: None, locations: Vec::new() });
        }
        notifications.extend(emergencies.iter().map(|line| Notification {
            level: "note",
            message: message(line),
            descriptor: None,
            locations: Vec::new(),
        }));
        Self {
            execution_successful: whole && evidence.problems.is_empty(),
            end_time_utc: evidence.generated_at.as_deref(),
            tool_execution_notifications: notifications,
        }
    }
}

impl<'l> Notification<'l> {
    /// Files found and not read, which is no fault of the scan.
    fn of_left_out(evidence: &'l Evidence) -> Self {
        let path = evidence.path.as_ref().map_or("-", Text::as_str);
        let artifact_location = Uri { uri: uri(path) };
        let place = SarifLocation {
            physical_location: Some(Physical { artifact_location, region: None }),
            logical_locations: Vec::new(),
        };
        Self {
            level: "note",
            message: message(&evidence.message),
            descriptor: Some(Id { id: "left-out".to_owned() }),
            locations: vec![place],
        }
    }

    fn of_problem(problem: &'l ScanProblem) -> Self {
        let physical =
            |path: &Text| Physical { artifact_location: Uri { uri: uri(path.as_str()) }, region: None };
        let place =
            |path| SarifLocation { physical_location: Some(physical(path)), logical_locations: Vec::new() };
        Self {
            level: "error",
            message: message(problem.message.as_str()),
            descriptor: Some(Id { id: problem.kind.as_str().to_owned() }),
            locations: problem.path.as_ref().map(place).into_iter().collect(),
        }
    }
}

/// Results, written one by one.
struct Results<'l> {
    findings: Vec<&'l Finding>,
    index: BTreeMap<&'l str, usize>,
    /// Some of them are suppressed; the others then say that they are not (§3.27.23).
    suppressions: bool,
    /// Each says whether it is new.
    compared: bool,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().map(|finding| self.result(finding)))
    }
}

impl Results<'_> {
    fn result<'f>(&self, finding: &'f Finding) -> SarifResult<'f> {
        let why =
            finding.suppression.as_ref().map_or("suppressed by the scanner or in the code", Text::as_str);
        let suppression =
            SarifSuppression { kind: "external", status: "accepted", justification: message(why).text };
        let suppressions: Vec<SarifSuppression<'_>> =
            Some(suppression).filter(|_| finding.suppressed).into_iter().collect();
        let words = [finding.title.as_str(), finding.rule_id.as_str(), "A finding without a description"];
        let text = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        let mut said = message(text);
        let unknown = finding.unknown.to_string();
        if !unknown.is_empty() {
            said.text.to_mut().push_str(&unknown);
        }
        SarifResult {
            rule_id: &finding.rule_id,
            rule_index: self.index.get(finding.rule_id.as_str()).copied().unwrap_or_default(),
            // `level` can be `none` only where `kind` is not `fail` (§3.27.10).
            kind: (finding.severity == Severity::Info).then_some("informational"),
            level: level(finding.severity),
            message: said,
            baseline_state: self.compared.then(|| baseline_state(finding.state)),
            locations: place(finding).into_iter().collect(),
            partial_fingerprints: Fingerprints { v1: finding.fingerprint },
            suppressions: self.suppressions.then_some(suppressions),
            properties: ResultBag {
                score: score(finding.severity),
                tags: tags(finding).collect(),
                state: self.compared.then_some(finding.state),
                severity: finding.severity,
                native_severity: finding.native_severity.as_ref(),
                category: finding.category,
                confidence: finding.confidence,
                ids: &finding.ids,
                package: finding.package.as_ref(),
                purl: finding.package.as_ref().and_then(|package| package.purl.as_ref()),
                fix: finding.fix,
                target: finding.target.as_ref(),
                scope: finding.scope,
                verified: finding.verified,
            },
        }
    }
}

/// The rules that the findings name, in the order of their ids, and where each stands.
fn rules<'l>(findings: &[&'l Finding]) -> (Vec<SarifRuleDescriptor<'l>>, BTreeMap<&'l str, usize>) {
    let mut by_id: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_id.entry(finding.rule_id.as_str()).or_default().push(finding);
    }
    let index = by_id.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let rules = by_id.into_iter().map(|(id, all)| {
        let first = all.first().map_or("", |finding| finding.title.as_str());
        // A title that names one place describes no rule.
        let title =
            Some(first).filter(|title| !title.is_empty() && all.iter().all(|f| f.title.as_str() == *title));
        let worst = all.iter().map(|f| f.severity).max_by_key(|s| s.rank(Severity::Critical));
        let scored = all.iter().all(|f| !matches!(f.severity, Severity::Info | Severity::Unknown));
        SarifRuleDescriptor {
            id,
            short_description: message(title.unwrap_or(id)),
            properties: RuleBag {
                score: worst.filter(|_| scored).map(score),
                tags: all.iter().flat_map(|finding| tags(finding)).collect(),
            },
        }
    });
    (rules.collect(), index)
}

/// `security-severity` as CVSS bands have it (GitHub: over 9.0 critical, 7.0 high, 4.0 medium, above 0 low). 0 leaves it
/// to the level; no number says that nobody knows.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
        Severity::Unknown => "unknown",
    }
}

/// A result that was not reported before is new to a reader of SARIF; `properties.state` says why it need not be the change's.
const fn baseline_state(state: State) -> &'static str {
    match state {
        State::New | State::NewlyDisclosed => "new",
        State::Existing => "unchanged",
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High | Severity::Unknown => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
        Severity::Info => "none",
    }
}

/// The category, and the classes of weaknesses as `CodeQL` writes them.
fn tags(finding: &Finding) -> impl Iterator<Item = String> {
    let cwes = finding.cwes.iter().map(|cwe| format!("external/cwe/cwe-{cwe:03}"));
    [finding.category.as_str().to_owned(), "security".to_owned()].into_iter().chain(cwes)
}

/// A text in which no viewer sees a link: `[words](target)` is one in SARIF's plain text (§3.11.6).
fn message(text: &str) -> SarifMessage<'_> {
    let text = if text.contains("](") { text.replace("](", "] (").into() } else { text.into() };
    SarifMessage { text }
}

/// File and line, package and target, as far as there are any.
fn place(finding: &Finding) -> Option<SarifLocation<'_>> {
    let physical_location = finding.location.as_ref().map(|location| Physical {
        artifact_location: Uri { uri: uri(location.path.as_str()) },
        region: location
            .line
            .filter(|line| *line > 0)
            .map(|line| Region { start_line: line, end_line: location.end_line.filter(|end| *end > line) }),
    });
    let package = finding.package.as_ref().filter(|package| !package.name.is_empty()).map(|package| {
        Logical { name: &package.name, fully_qualified_name: package.purl.as_ref(), kind: "package" }
    });
    let target = finding.target.as_ref().map(|target| Logical {
        name: target,
        fully_qualified_name: None,
        kind: "resource",
    });
    let logical_locations: Vec<Logical<'_>> = package.into_iter().chain(target).collect();
    let place = SarifLocation { physical_location, logical_locations };
    (place.physical_location.is_some() || !place.logical_locations.is_empty()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_no_link() {
        assert_eq!(message("see [this](https://x.example)").text, "see [this] (https://x.example)");
    }
}

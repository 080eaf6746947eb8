//! Semgrep's own JSON (`semgrep scan --json`), written by 0.x to 1.18x.
//!
//! Source of the shapes: `semgrep_output_v1.atd` of the semgrep-interfaces repository. Severities are the union
//! of both generations (ERROR, WARNING, INFO and CRITICAL to LOW). Findings that a `nosemgrep` comment switched
//! off are absent, or marked `is_ignored` by older versions. `extra.fingerprint` and `extra.lines` are the text
//! "requires login" without a login, hence no identity.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::credential_rule::{is_about_secrets, withheld, without_literals};
use super::field::{scalar, suppress};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{LineNumber, Loose, ReportWord, Str, Strings, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Confidence, Finding, FingerprintBuilder, Fix, Location, Package, Reachability,
    Scope, Severity, Sighting, Text,
};

/// Semgrep JSON.
pub(super) static FORMAT: Format = Format {
    id: "semgrep",
    title: "Semgrep JSON: code and supply-chain findings",
    tool: "semgrep",
    tried: "1.30.0 to 1.182.0",
    signals: &[
        "`errors` of any level",
        "`skipped_rules`, `paths.skipped`",
        "`paths.scanned` empty: nothing scanned",
    ],
    categories: &[Category::Sast, Category::Vulnerability],
    attributes: &[Attribute::Confidence, Attribute::Fix, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Placeholder for code in a run without an account.
const NO_LOGIN: &str = "requires login";

/// The other keys of `cli_output` in the interface definition, none of which holds findings.
const OTHER: &[&str] = &[
    "version",
    "skipped_rules",
    "time",
    "explanations",
    "rules_by_engine",
    "engine_requested",
    "interfile_languages_used",
    "subprojects",
    "mcp_scan_results",
    "profiling_results",
];

fn looks_like(opening: &Opening) -> bool {
    let Some(results) = opening.get("results").filter(|r| r.kind == Some(JsonKind::Array)) else {
        // The other keys in alphabetical order come first, and may be long.
        return false;
    };
    if results.element.is_some() {
        return results.has("check_id");
    }
    let others = ["generated_at", "metrics", "run_environment", "experimental_config"];
    opening.get("errors").is_some_and(|e| e.kind == Some(JsonKind::Array))
        && !others.iter().any(|k| opening.has(k))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Sast);
    let mut seen = SemgrepSections::default();
    json.object(|json, key| match key {
        "results" => {
            seen.results = true;
            json.array(|json, _| {
                seen.found = true;
                let roots = reading.roots();
                json.item::<SemgrepResult<'static>, _>(|item| {
                    let finding = item.finding(roots);
                    reading.in_code(&finding, item.extra.lines.as_str());
                    reading.finding(finding);
                })
            })
        }
        "errors" => {
            seen.errors = true;
            json.array(|json, _| json.item::<SemgrepError<'static>, _>(|fault| fault.add_problem(reading)))
        }
        "paths" => json.object(|json, key| match key {
            "scanned" => json
                .array(|json, index| {
                    seen.scanned = Some(index + 1);
                    json.skip()
                })
                .map(|()| {
                    seen.scanned.get_or_insert(0);
                }),
            "skipped" if json.kind()? == JsonKind::Array => json.array(|json, _| match json.kind()? {
                JsonKind::Object => json.item::<SkippedPath<'static>, _>(|skipped| skipped.tell(reading)),
                _ => json.skip(),
            }),
            _ => json.skip(),
        }),
        "skipped_rules" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            json.skip()?;
            reading.problem(ProblemKind::Rule, "a rule was skipped (skipped_rules)", None);
            Ok(())
        }),
        "version" if json.kind()? == JsonKind::String => {
            json.with_value::<String, _>(|version| reading.version(&version))
        }
        "time" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "profiling_times" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
                "total_time" => {
                    let milliseconds = scalar(json)?.parse().map_or(0.0, |seconds: f64| seconds * 1e3);
                    if milliseconds > 0.0 {
                        // A cast of a float saturates.
                        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                        reading.lasted(milliseconds as u64);
                    }
                    Ok(())
                }
                _ => json.skip(),
            }),
            _ => json.skip(),
        }),
        key if OTHER.contains(&key) => json.skip(),
        // A list of objects under another name may be findings that this reader does not know.
        _ => unknown(json, reading),
    })?;
    if !seen.results {
        return Err(json.shape("a Semgrep report has a list `results`"));
    }
    if !seen.errors {
        reading.problem(
            ProblemKind::Scan,
            "the report has no list `errors`, so it does not say what failed",
            None,
        );
    }
    if seen.scanned == Some(0) && !seen.found {
        reading.nothing_scanned("no file was scanned (paths.scanned is empty)");
    }
    Ok(())
}

#[derive(Default)]
struct SemgrepSections {
    results: bool,
    found: bool,
    errors: bool,
    scanned: Option<usize>,
}

shapes!(SemgrepResult, SemgrepError, SkippedPath);

#[derive(Deserialize)]
struct SemgrepResult<'a> {
    #[serde(borrow)]
    check_id: Str<'a>,
    #[serde(borrow)]
    path: Str<'a>,
    #[serde(default)]
    start: Option<SemgrepPosition>,
    #[serde(default)]
    end: Option<SemgrepPosition>,
    #[serde(borrow)]
    extra: SemgrepExtra<'a>,
}

#[derive(Deserialize)]
struct SemgrepPosition {
    #[serde(default)]
    line: LineNumber,
}

#[derive(Deserialize)]
struct SemgrepExtra<'a> {
    #[serde(borrow, default)]
    message: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(borrow, default)]
    metadata: Option<SemgrepMetadata<'a>>,
    #[serde(default)]
    is_ignored: Option<bool>,
    #[serde(borrow, default)]
    lines: ReportWord<'a>,
    #[serde(borrow, default)]
    sca_info: Option<SupplyChain<'a>>,
    // Of a commit of the history (semgrep_output_v1, `match_extra`).
    #[serde(default)]
    historical_info: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct SemgrepMetadata<'a> {
    #[serde(borrow, default)]
    cwe: Strings<'a>,
    #[serde(borrow, default)]
    confidence: ReportWord<'a>,
    #[serde(borrow, default, rename = "sca-vuln-database-identifier")]
    advisory: Strings<'a>,
    #[serde(borrow, default, rename = "sca-fix-versions")]
    fix_versions: Option<Vec<BTreeMap<String, Str<'a>>>>,
}

#[derive(Deserialize)]
struct SupplyChain<'a> {
    #[serde(default)]
    reachable: Loose<bool>,
    #[serde(borrow)]
    dependency_match: Option<DependencyMatch<'a>>,
}

#[derive(Deserialize)]
struct DependencyMatch<'a> {
    #[serde(borrow)]
    found_dependency: Option<SemgrepDependency<'a>>,
    #[serde(borrow, default)]
    lockfile: ReportWord<'a>,
}

#[derive(Deserialize)]
struct SemgrepDependency<'a> {
    #[serde(borrow, default)]
    package: ReportWord<'a>,
    #[serde(borrow, default)]
    version: ReportWord<'a>,
    #[serde(borrow, default)]
    transitivity: ReportWord<'a>,
    #[serde(default)]
    line_number: LineNumber,
}

/// The severity of both generations; trimmed, letter case ignored.
fn severity(word: &str) -> Severity {
    let word = word.trim();
    let is = |w: &str| word.eq_ignore_ascii_case(w);
    if is("ERROR") {
        Severity::High
    } else if is("WARNING") {
        Severity::Medium
    } else if is("INVENTORY") || is("EXPERIMENT") {
        Severity::Info
    } else {
        Severity::plain(word)
    }
}

impl SemgrepResult<'_> {
    fn finding(&self, roots: &[String]) -> Finding {
        let extra = &self.extra;
        let category = if extra.sca_info.is_some() { Category::Vulnerability } else { Category::Sast };
        let mut finding =
            Finding::new(category, FORMAT.tool, &self.check_id, severity(extra.severity.as_str()));
        finding.native_severity = extra.severity.native();
        if extra.is_ignored == Some(true) {
            suppress(&mut finding, "nosemgrep comment", &[]);
        }
        let line = |p: &Option<SemgrepPosition>| p.as_ref().and_then(|p| p.line.0);
        finding.location = Location::new(&self.path, line(&self.start), line(&self.end), roots);
        if let Some(metadata) = &extra.metadata {
            finding.cwes = cwe_numbers(metadata.cwe.0.iter().map(AsRef::as_ref));
            finding.confidence = Confidence::plain(metadata.confidence.as_str());
        }
        let secret = is_about_secrets(&self.check_id, &finding.cwes);
        finding.title = if secret { withheld(&self.check_id) } else { Text::line(extra.message.as_str()) };
        if let Some(sca) = &extra.sca_info {
            self.supply_chain(sca, &mut finding, roots);
        }
        // What tells two findings of one rule in one file apart is the code. The message is the rule's, and another
        // version of the rule may say it in other words.
        let code = match (extra.lines.as_str(), secret) {
            ("" | NO_LOGIN, _) => Cow::Borrowed(""),
            (code, true) => Cow::Owned(without_literals(code)),
            (code, false) => Cow::Borrowed(code),
        };
        let id = FingerprintBuilder::new(category.as_str()).part(finding.rule_id.as_str());
        let id = match &finding.package {
            Some(package) => id.part(package.name.as_str()).part(package.version.as_str()),
            None => id.folded(&code),
        };
        finding.told_by_code = finding.package.is_none() && code.is_empty() && !secret;
        // It counts where a policy makes a secret of it.
        finding.sighting =
            if extra.historical_info.is_some() { Sighting::InHistory } else { Sighting::InFile };
        finding.identify(id);
        finding
    }

    fn supply_chain(&self, sca: &SupplyChain<'_>, finding: &mut Finding, roots: &[String]) {
        finding.reachable = match sca.reachable.value {
            Some(true) => Reachability::Yes,
            Some(false) => Reachability::No,
            None => Reachability::Unknown,
        };
        let found = sca.dependency_match.as_ref();
        if let Some(dependency) = found.and_then(|m| m.found_dependency.as_ref()) {
            let name = dependency.package.as_str();
            finding.direct = match dependency.transitivity.as_str() {
                "direct" => Some(true),
                "transitive" => Some(false),
                _ => None,
            };
            let versions = self.extra.metadata.as_ref().and_then(|m| m.fix_versions.as_deref());
            let fixed: Vec<Text> = versions
                .unwrap_or_default()
                .iter()
                .flat_map(|fix| {
                    fix.iter().filter(|(package, _)| *package == name).map(|(_, v)| Text::line(v))
                })
                .collect();
            finding.fix = if fixed.is_empty() { Fix::Unknown } else { Fix::Available };
            finding.package = Some(Package {
                name: Text::line(name),
                version: Text::line(dependency.version.as_str()),
                fixed,
                ..Package::default()
            });
            if let Some(lockfile) = found.map(|m| m.lockfile.as_str()).filter(|l| !l.is_empty()) {
                let line = dependency.line_number.0;
                finding.location = Location::new(lockfile, line, None, roots).or(finding.location.take());
            }
        }
        if let Some(metadata) = &self.extra.metadata {
            finding.ids = metadata.advisory.0.iter().map(|id| Text::line(id)).collect();
        }
        finding.scope = None::<Scope>;
    }
}

#[derive(Deserialize)]
struct SemgrepError<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Strings<'a>,
    #[serde(borrow, default)]
    message: ReportWord<'a>,
    #[serde(borrow, default)]
    path: ReportWord<'a>,
    #[serde(borrow, default)]
    location: Option<SemgrepErrorLocation<'a>>,
}

#[derive(Deserialize)]
struct SemgrepErrorLocation<'a> {
    #[serde(borrow, default)]
    path: ReportWord<'a>,
}

impl SemgrepError<'_> {
    fn add_problem(&self, reading: &mut Reading<'_>) {
        let name = self.kind.0.first().map_or("error", AsRef::as_ref);
        let path = match self.path.as_str() {
            "" => self.location.as_ref().map_or("", |l| l.path.as_str()),
            path => path,
        };
        // Semgrep quotes the code it could not parse between backticks.
        let message = self.message.as_str().split(['`', '\n']).next().unwrap_or_default();
        let message = match message.trim() {
            "" => name.to_owned(),
            text if text.starts_with(name) => text.to_owned(),
            text => format!("{name}: {text}"),
        };
        reading.problem(
            problem_kind(name),
            &format!("errors: {message}"),
            Some(path).filter(|p| !p.is_empty()),
        );
    }
}

/// A file that was not scanned, or not by every rule; listed with `--verbose`.
#[derive(Deserialize)]
struct SkippedPath<'a> {
    #[serde(borrow, default)]
    path: ReportWord<'a>,
    #[serde(borrow, default)]
    reason: ReportWord<'a>,
}

impl SkippedPath<'_> {
    /// A problem, unless someone wants it so or no rule speaks of such files (`skip_reason` of the interface
    /// definition).
    fn tell(&self, reading: &mut Reading<'_>) {
        let reason = self.reason.as_str().trim().to_ascii_lowercase();
        let kind = match reason.as_str() {
            "always_skipped"
            | "semgrepignore_patterns_match"
            | "gitignore_patterns_match"
            | "cli_include_flags_do_not_match"
            | "cli_exclude_flags_match"
            | "excluded_by_config"
            | "wrong_language"
            | "minified"
            | "binary"
            | "dotfile"
            | "irrelevant_rule" => return,
            "analysis_failed_parser_or_internal_error" => ProblemKind::Parse,
            "too_many_matches" => ProblemKind::Timeout,
            reason if reason.contains("time") || reason.contains("memory") => ProblemKind::Timeout,
            _ => ProblemKind::Scan,
        };
        let said = if reason.is_empty() { "without a reason" } else { reason.as_str() };
        let path = Some(self.path.as_str()).filter(|path| !path.is_empty());
        reading.problem(kind, &format!("paths.skipped: {said}"), path);
    }
}

/// Kinds of `errors[].type`, spelled with or without blanks.
pub(super) fn problem_kind(name: &str) -> ProblemKind {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match name.as_str() {
        "timeout"
        | "outofmemory"
        | "toomanymatches"
        | "fixpointtimeout"
        | "stackoverflow"
        | "timeoutduringinterfile"
        | "outofmemoryduringinterfile" => ProblemKind::Timeout,
        "partialparsing" | "syntaxerror" | "lexicalerror" | "othersyntaxerror" | "parseerror"
        | "otherparseerror" | "astbuildererror" => ProblemKind::Parse,
        "ruleparseerror"
        | "patternparseerror"
        | "invalidruleschemaerror"
        | "unknownlanguageerror"
        | "invalidyaml"
        | "incompatiblerule"
        | "missingplugin" => ProblemKind::Rule,
        _ => ProblemKind::Scan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::read_text;

    #[test]
    fn a_file_that_was_not_scanned_is_told_unless_someone_wants_it_so() {
        let skipped = |reason: &str| {
            let text = format!(
                r#"{{"results":[],"errors":[],"paths":{{"scanned":["a.py"],"skipped":[{{"path":"b.py","reason":"{reason}"}}]}}}}"#
            );
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            read.report.problems.first().map(|p| (p.kind, p.path.clone()))
        };
        let path = Some(Text::line("b.py"));
        for (reason, kind) in [
            ("exceeded_size_limit", ProblemKind::Scan),
            ("insufficient_permissions", ProblemKind::Scan),
            ("too_many_matches", ProblemKind::Timeout),
            ("rule_timeout", ProblemKind::Timeout),
            ("analysis_failed_parser_or_internal_error", ProblemKind::Parse),
            ("a reason of a later version", ProblemKind::Scan),
            ("", ProblemKind::Scan),
        ] {
            assert_eq!(skipped(reason), Some((kind, path.clone())), "{reason}");
        }
        for reason in ["semgrepignore_patterns_match", "wrong_language", "cli_exclude_flags_match", "binary"]
        {
            assert_eq!(skipped(reason), None, "{reason}");
        }
    }

    #[test]
    fn severities_of_both_generations() {
        for (word, is) in [
            ("ERROR", Severity::High),
            ("error ", Severity::High),
            ("CRITICAL", Severity::Critical),
            ("WARNING", Severity::Medium),
            ("INVENTORY", Severity::Info),
            ("ERR", Severity::Unknown),
            ("", Severity::Unknown),
        ] {
            assert_eq!(severity(word), is, "{word}");
        }
    }

    #[test]
    fn a_finding_with_its_errors_and_scope() {
        let read = read_text(
            r#"{"version":"1.2","results":[{"check_id":"a.b","path":"./src/a.py","start":{"line":3},"end":{"line":4},
                "extra":{"message":"bad\nmore","severity":"ERROR","metadata":{"cwe":"CWE-89: SQL","confidence":"HIGH"}}}],
                "errors":[{"type":["PartialParsing",[]],"level":"warn","message":"at line `x = 'pw'`","path":"b.py"},
                          {"type":"Timeout","path":"c.py"}],"paths":{"scanned":["a"]}}"#,
        );
        assert!(read.error.is_none(), "{:?}", read.error);
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("a.b", "bad"));
        assert_eq!(
            finding.location.as_ref().map(|l| (l.path.as_str(), l.line, l.end_line)),
            Some(("src/a.py", Some(3), Some(4)))
        );
        assert_eq!(finding.cwes, [89]);
        assert_eq!(finding.confidence, Some(Confidence::High));
        let kinds: Vec<_> =
            read.report.problems.iter().map(|p| (p.kind, p.path.as_ref().map(Text::as_str))).collect();
        assert_eq!(kinds, [(ProblemKind::Parse, Some("b.py")), (ProblemKind::Timeout, Some("c.py"))]);
        assert!(!format!("{:?}", read.report.problems).contains("pw"));
    }

    #[test]
    fn what_a_secret_rule_matched_leaves_no_trace() {
        let of = |value: &str, lines: &str| {
            let text = format!(
                r#"{{"results":[{{"check_id":"generic.secrets.some-key","path":"a.py","start":{{"line":1}},"end":{{"line":1}},
                    "extra":{{"message":"The key is {value}","severity":"ERROR","lines":"{lines}"}}}}],"errors":[]}}"#
            );
            read_text(&text).findings.remove(0)
        };
        let one = of("correct-horse", "key = 'correct-horse'");
        assert_eq!(one.title.as_str(), "some key (message withheld, it may quote the secret)");
        assert_eq!(one.fingerprint, of("battery-staple", "key = 'battery-staple'").fingerprint);
        assert_eq!(of("a", "requires login").fingerprint, of("b", "requires login").fingerprint);
    }

    #[test]
    fn reachability_and_directness_of_a_package() {
        let of = |sca: &str| {
            let text = format!(
                r#"{{"results":[{{"check_id":"ssc-1","path":"package-lock.json","extra":{{"severity":"ERROR","sca_info":{sca}}}}}],"errors":[]}}"#
            );
            let finding = read_text(&text).findings.remove(0);
            (finding.category, finding.reachable, finding.direct)
        };
        let matched = |kind: &str| {
            format!(r#""dependency_match":{{"found_dependency":{{"package":"a","transitivity":"{kind}"}}}}"#)
        };
        let vulnerability = Category::Vulnerability;
        let sca = format!(r#"{{"reachable":false,{}}}"#, matched("direct"));
        assert_eq!(of(&sca), (vulnerability, Reachability::No, Some(true)));
        let sca = format!(r#"{{"reachable":true,{}}}"#, matched("transitive"));
        assert_eq!(of(&sca), (vulnerability, Reachability::Yes, Some(false)));
        let sca = format!(r#"{{"reachable":"no",{}}}"#, matched("unknown"));
        assert_eq!(of(&sca), (vulnerability, Reachability::Unknown, None));
    }

    #[test]
    fn same_code_on_another_line_keeps_its_fingerprint() {
        let of = |line: u32, code: &str| {
            let text = format!(
                r#"{{"results":[{{"check_id":"r","path":"a.py","start":{{"line":{line}}},"end":{{"line":{line}}},
                    "extra":{{"message":"m","severity":"ERROR","lines":"{code}"}}}}],"errors":[]}}"#
            );
            read_text(&text).findings[0].fingerprint
        };
        assert_eq!(of(1, "f(x)"), of(90, "   f(x)"));
        assert_ne!(of(1, "f(x)"), of(1, "f(y)"));
    }

    #[test]
    fn findings_under_another_name_are_not_lost_in_silence() {
        let item = r#"{"check_id":"a","path":"a.py","start":{"line":1},"end":{"line":1},"extra":{"message":"m","severity":"ERROR"}}"#;
        for key in ["Results", "results2", "resu\u{200b}lts"] {
            let read = read_text(&format!(r#"{{"results":[],"errors":[],"{key}":[{item}]}}"#));
            assert_eq!(read.report.problems.len(), 1, "{key}");
        }
        let read = read_text(
            r#"{"results":[],"errors":[],"skipped_rules":[],"explanations":[{"a":1}],"future":{"a":[]}}"#,
        );
        assert!(read.error.is_none() && read.report.problems.is_empty());
    }

    #[test]
    fn what_is_no_semgrep_report_is_refused() {
        for text in
            [r#"{"results":null,"errors":[]}"#, r#"{"errors":[]}"#, r#"{"results":[],"errors":"none"}"#]
        {
            assert!(crate::report::testing::read_as("semgrep", text).error.is_some(), "{text}");
        }
    }
}

//! `secgate explain`: which clause of the policy stops a finding, or what a rule looks at.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::args::{DecideArgs, TextOrJson, clock};
use crate::decide::WatchedRules;
use crate::decide::diagnostics::{DecisionDiagnostic, DocumentDiagnostic, EvidenceDiagnostic};
use crate::decide::explain::{self, ExplanationContext, RuleExplained, Verdict};
use crate::diagnostic::DiagnosticCode;
use crate::exit;
use crate::finding::{Finding, View, clean, clean_line};
use crate::gather::diagnostics::GatherDiagnostic;
use crate::policy::diagnostics::PolicyDiagnostic;
use crate::policy::lint::CHECKS;
use crate::policy::{Policy, embedded};
use crate::render::explanation::{self, ExplainedFinding};
use crate::render::waivers::REMARKS;
use crate::render::{Look, OutputFormat};
use crate::report::{ReadError, open_regular};
use crate::run::diagnostics::RunDiagnostic;
use crate::run::{PolicyRequest, ResolvedRun};

/// Largest saved verdict.
const MAX_VERDICT: u64 = 256 << 20;
/// Witnesses of one fingerprint that are shown.
const WITNESSES: usize = 5;
/// Findings that are listed where an id means several.
const LISTED: usize = 20;

/// Explain a finding or a rule
#[derive(Debug, Args)]
#[command(
    after_help = "Without --verdict the run is made again, from the inputs that `secgate check` takes."
)]
pub(super) struct ExplainArgs {
    /// A rule, as RULE or GATE/RULE; or a finding: the beginning of its fingerprint (four digits or more), its advisory, its
    /// check, its package, or its place as PATH:LINE
    #[arg(value_name = "ID", required_unless_present = "codes")]
    id: Option<String>,

    /// List the code of every message that a policy, a report or another file can cause
    #[arg(long, exclusive = true)]
    codes: bool,

    /// Explain this saved verdict (`secgate check --output json=FILE`) instead of making the run again
    #[arg(long, value_name = "FILE")]
    verdict: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: TextOrJson,

    #[command(flatten)]
    decide: DecideArgs,
}

/// A run, made again or saved.
struct ExplainedRun {
    verdict: Verdict,
    /// Made again.
    resolved: Option<ResolvedRun>,
    /// The policy of the verdict, if it is at hand.
    policy: Option<Policy>,
    /// The texts of its files, by name.
    texts: BTreeMap<String, String>,
    watched: Vec<WatchedRules>,
    now: i64,
}

pub(super) fn run(args: &ExplainArgs) -> Result<u8> {
    if args.codes {
        super::print(codes()?.as_bytes())?;
        return Ok(exit::PASS);
    }
    let id = args.id.as_deref().unwrap_or_default().trim();
    if id.is_empty() {
        bail!("ID is empty; is a variable of the script unset?");
    }
    if let Some(check) = crate::policy::shared_checks().iter().find(|check| check.name == id) {
        let text = format!(
            "{}: one name for {}\nhelp: `findings: {{check: {}}}` selects it\n",
            check.name,
            check.ids.join(", "),
            check.name
        );
        super::print(text.as_bytes())?;
        return Ok(exit::PASS);
    }
    if let Some(category) = crate::policy::license_categories().iter().find(|category| category.name == id) {
        let text = format!(
            "{}: {}\nhelp: `licenses: {{allow: {}}}` of an `sbom` rule, or of `findings`, names it\n",
            category.name,
            category.ids.join(", "),
            category.name
        );
        super::print(text.as_bytes())?;
        return Ok(exit::PASS);
    }
    let run = match &args.verdict {
        Some(path) => load_saved_run(args, path)?,
        None => made(args, id)?,
    };
    let look = super::terminal_look();
    // A waiver names a rule as GATE/RULE.
    let named = |said: &&explain::SavedRuleResult| {
        said.id == id || id.split_once('/') == Some((run.verdict.gate.as_str(), said.id.as_str()))
    };
    if let Some(said) = run.verdict.rules.iter().find(named) {
        return print(
            args,
            &ExplainedRule { rule: &explain_rule(&run, said), findings: &said.findings },
            |out| explanation::rule(&run.verdict, said, run.policy(), &run.texts, look, out),
        );
    }
    let findings = run.findings(id);
    let Some((first, ..)) = findings.first() else { return Err(unknown(id, &run.verdict)) };
    let lines: BTreeMap<String, String> =
        findings.iter().map(|(f, ..)| (f.fingerprint.to_string(), crate::render::one_line(f))).collect();
    if lines.len() > 1 {
        let listed: Vec<String> =
            lines.iter().take(LISTED).map(|(print, line)| format!("  {print}  {line}")).collect();
        let more = lines.len().saturating_sub(LISTED);
        let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
        bail!(
            "`{}` means {} findings; give the beginning of one's fingerprint:\n{}{more}",
            clean(id),
            lines.len(),
            listed.join("\n")
        );
    }
    let seen = run.verdict.findings.iter().find(|s| s.fingerprint == first.fingerprint.to_string());
    let mut told: Vec<(ExplainedFinding<'_>, Vec<RuleExplained>)> = Vec::new();
    for (finding, evidence, entries) in findings.iter().take(WITNESSES) {
        let speaking = run.resolved.as_ref().map(|resolved| resolved.speaking(finding));
        let world = ExplanationContext {
            verdict: &run.verdict,
            policy: run.policy(),
            speaking: speaking.as_deref(),
            entries,
            evidence: *evidence,
            now: run.now,
        };
        let path = run.verdict.evidence.get(*evidence).and_then(|e| e.path.as_deref()).unwrap_or("-");
        let told_of = ExplainedFinding { finding, path, entries, seen };
        // The same report's finding under several entries is explained once.
        let rules = explain::explain(finding, world);
        if told.last().is_none_or(|(last, _)| *last.finding != *finding || last.path != path) {
            told.push((told_of, rules));
        }
    }
    let witnesses = told
        .iter()
        .map(|(told, rules)| Witness { finding: View::of_finding(told.finding, 0), report: told.path, rules })
        .collect();
    let json = ExplainedFindings { schema: "secgate/explanation/v1", witnesses };
    print(args, &json, |out| explanation::finding(&run.verdict, &told, findings.len(), &run.texts, look, out))
}

#[derive(Serialize)]
struct ExplainedFindings<'a> {
    schema: &'static str,
    witnesses: Vec<Witness<'a>>,
}

#[derive(Serialize)]
struct Witness<'a> {
    finding: View<'a>,
    report: &'a str,
    rules: &'a [RuleExplained],
}

#[derive(Serialize)]
struct ExplainedRule<'a> {
    rule: &'a ExplainedRuleResult,
    findings: &'a [String],
}

#[derive(Serialize)]
struct ExplainedRuleResult {
    schema: &'static str,
    id: String,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    outcome: crate::decide::Outcome,
    message: String,
    asks: Option<String>,
    changes: Vec<String>,
    decides: String,
}

fn explain_rule(run: &ExplainedRun, said: &explain::SavedRuleResult) -> ExplainedRuleResult {
    let policy = run.policy();
    let rule = policy.and_then(|policy| policy.rules.iter().find(|rule| rule.id == said.id));
    ExplainedRuleResult {
        schema: "secgate/explanation/v1",
        id: said.id.clone(),
        line: said.line,
        policy: said.policy.clone(),
        outcome: said.outcome,
        message: said.message.clone(),
        asks: rule.map(explain::asks),
        changes: explain::rule_changes(said, rule, policy, &run.verdict),
        decides: explain::decided_by(said, rule, policy),
    }
}

fn print<T: Serialize>(
    args: &ExplainArgs,
    json: &T,
    text: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<u8> {
    let mut out = Vec::new();
    if args.format == TextOrJson::Json {
        serde_json::to_writer_pretty(&mut out, json)?;
        out.push(b'\n');
        super::print_exact(&out)?;
    } else {
        text(&mut out)?;
        super::print(&out)?;
    }
    Ok(exit::PASS)
}

impl ExplainedRun {
    fn policy(&self) -> Option<&Policy> {
        self.resolved.as_ref().map(|resolved| &resolved.policy).or(self.policy.as_ref())
    }

    /// The findings that an id means, each with its report and the entries that it was given for.
    fn findings(&self, id: &str) -> Vec<(Finding, usize, Vec<String>)> {
        if self.resolved.is_some() {
            let watched = self.watched.iter();
            return watched.map(|w| (w.finding.clone(), w.evidence, w.entries.clone())).collect();
        }
        let of_report = |at: usize| {
            let path = self.verdict.evidence.get(at).and_then(|e| e.path.as_ref());
            let same = self.verdict.evidence.iter().filter(|e| path.is_some() && e.path.as_ref() == path);
            same.filter_map(|e| e.entry.clone()).collect()
        };
        let found = self.verdict.findings_by_id(id).map(|seen| {
            let at = seen.evidence.first().copied().unwrap_or_default();
            (seen.finding(), at, of_report(at))
        });
        found.collect()
    }
}

/// Makes the run again.
fn made(args: &ExplainArgs, watch: &str) -> Result<ExplainedRun> {
    let now = clock(args.decide.now.as_deref())?;
    let request = args.decide.request(now)?;
    let resolved = request.resolve()?;
    resolved.remarks.iter().for_each(|remark| super::note(remark));
    let texts = policy_texts(&request.policy)?;
    let mut decision = resolved.decide(Some(watch));
    let watched = std::mem::take(&mut decision.watched);
    let mut json = Vec::new();
    let output = OutputFormat::by_id("json").context("there is no JSON output")?;
    output.write(&decision, Look::PLAIN, &mut json)?;
    let verdict = Verdict::parse(&json).map_err(|error| anyhow!("a bug: the verdict {error}"))?;
    if verdict.rules.is_empty() {
        let why: Vec<&str> = verdict.errors.iter().map(|e| e.message.as_str()).collect();
        bail!("no decision was reached: {}", why.join("; "));
    }
    Ok(ExplainedRun { verdict, resolved: Some(resolved), policy: None, texts, watched, now: now.as_second() })
}

/// Reads a saved verdict, and its policy if it is the one at hand.
fn load_saved_run(args: &ExplainArgs, path: &Path) -> Result<ExplainedRun> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if !args.decide.inputs.paths.is_empty() || !args.decide.inputs.input.is_empty() {
        bail!("--verdict {name}: a saved verdict needs no reports; leave one of them out");
    }
    let mut bytes = Vec::new();
    let file = open_regular(path).with_context(|| name.clone())?;
    file.take(MAX_VERDICT).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    let verdict = Verdict::parse(&bytes).map_err(|error| anyhow!("{name} {error}"))?;
    let asked = args.decide.policy.request();
    let at_hand = asked.policy();
    let policy = at_hand.ok().filter(|p| verdict.policy.as_ref().is_some_and(|of| of.sha256 == p.sha256));
    let texts = if policy.is_some() { policy_texts(&asked)? } else { BTreeMap::new() };
    let now = verdict.evaluated_at.parse::<Timestamp>().map_or(0, Timestamp::as_second);
    Ok(ExplainedRun { verdict, resolved: None, policy, texts, watched: Vec::new(), now })
}

/// The policy and the files that it names, by the names that outputs give them.
fn policy_texts(request: &PolicyRequest) -> Result<BTreeMap<String, String>> {
    let text = request.text()?;
    let beside = text.beside.into_values().filter_map(Result::ok);
    let all = std::iter::once((text.source, text.bytes)).chain(beside);
    Ok(all.map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect())
}

/// Nothing has this id; the nearest that has.
fn unknown(id: &str, verdict: &Verdict) -> anyhow::Error {
    let gate = verdict.gate.as_str();
    let (of_gate, rule_id) = id.split_once('/').map_or((None, id), |(gate, rule)| (Some(gate), rule));
    let is_gate = |name: &&str| {
        let plain = !name.is_empty() && !name.contains(['.', '\\']);
        plain && (embedded(name).is_some() || Path::new(".secgate").join(format!("{name}.yaml")).is_file())
    };
    if let Some(other) = of_gate.filter(|other| *other != gate).filter(is_gate) {
        let other = clean(other);
        return anyhow!(
            "`{}` is a rule of gate `{other}`, and this run is of gate `{gate}`; give --gate {other}",
            clean(id)
        );
    }
    let near = |id: &str, known: &str| {
        let far = strsim::damerau_levenshtein(&known.to_lowercase(), &id.to_lowercase());
        (far <= (id.chars().count() / 3).max(2)).then_some(far)
    };
    let rule_id = if of_gate == Some(gate) { rule_id } else { id };
    let rules = verdict.rules.iter().map(|r| r.id.as_str());
    let rule = rules.filter_map(|known| Some((near(rule_id, known)?, known))).min();
    let names: Vec<String> = verdict.findings.iter().flat_map(explain::VerdictFinding::known_names).collect();
    let name = names.iter().filter_map(|known| Some((near(id, known)?, known.as_str()))).min();
    let common = |known: &str| {
        let asked = format!("sg1:{}", id.trim_start_matches("sg1:"));
        known.bytes().zip(asked.bytes()).take_while(|(a, b)| a == b).count()
    };
    let print = verdict.findings.iter().map(|f| f.fingerprint.as_str()).max_by_key(|known| common(known));
    let print = print.filter(|known| common(known) > "sg1:".len() + 1);
    let hint = match (rule, name, print) {
        (Some((far, rule)), name, _) if name.is_none_or(|(other, _)| far <= other) => {
            format!("; did you mean the rule `{rule}`?")
        }
        (_, Some((_, name)), _) => format!("; did you mean `{}`?", clean(name)),
        (_, _, Some(print)) => format!("; did you mean {print}?"),
        _ => {
            let rules: Vec<&str> = verdict.rules.iter().map(|r| r.id.as_str()).collect();
            format!("; rules are {}", rules.join(", "))
        }
    };
    let unread = verdict.evidence.iter().filter(|evidence| evidence.status == "unreadable");
    let unread: Vec<String> = unread
        .map(|evidence| {
            let path = evidence.path.as_deref().or(evidence.entry.as_deref()).unwrap_or("-");
            format!("\n{}: {}; what it holds is not known", clean(path), clean_line(&evidence.message))
        })
        .collect();
    let unread = unread.concat();
    anyhow!(
        "`{}` is neither a rule of gate `{gate}` nor a finding of these reports{hint}{unread}\n\
         A finding is named by its fingerprint (four digits or more), its advisory, its check, its package, or PATH:LINE.",
        clean(id)
    )
}

/// Every code with its occasion, by the part of secgate that says it.
fn codes() -> Result<String> {
    let lints: Vec<DiagnosticCode> =
        CHECKS.iter().map(|check| DiagnosticCode::new(check.id, check.finds)).collect();
    let mut text = String::new();
    for (part, codes) in [
        ("Policies, waivers, mappings and cases", PolicyDiagnostic::CODES),
        ("Policies that are valid and doubtful (`secgate policy lint`)", &lints),
        ("Waivers that are valid (`secgate waiver lint`)", REMARKS),
        ("Reports and other files that are read", ReadError::CODES),
        ("Documents and feeds", DocumentDiagnostic::CODES),
        ("Evidence", EvidenceDiagnostic::CODES),
        ("Files that a run is given", GatherDiagnostic::CODES),
        ("The run", RunDiagnostic::CODES),
        ("The decision", DecisionDiagnostic::CODES),
    ] {
        if !text.is_empty() {
            text.push('\n');
        }
        writeln!(text, "{part}:")?;
        for code in codes {
            writeln!(text, "  {code:<34} {}", code.about())?;
        }
    }
    Ok(text)
}

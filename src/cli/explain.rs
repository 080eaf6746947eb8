//! `secgate explain`: which clause of the policy stops a finding, or what a rule looks at.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::args::clock;
use super::check::{DecideArgs, Question, question};
use crate::decide::Watched;
use crate::decide::explain::{self, RuleExplained, Verdict, World};
use crate::exit;
use crate::finding::{Finding, View, clean};
use crate::policy::Policy;
use crate::render::explanation::{self, Told};
use crate::render::{Look, Output};
use crate::report::open_regular;

/// Largest saved verdict.
const MAX_VERDICT: u64 = 256 << 20;
/// Witnesses of one fingerprint that are shown.
const WITNESSES: usize = 5;

/// Explain a finding or a rule
#[derive(Debug, Args)]
#[command(
    after_help = "Without --verdict the run is made again, from the inputs that `secgate check` takes."
)]
pub(super) struct ExplainArgs {
    /// A finding's fingerprint or its beginning, or the id of a rule
    #[arg(value_name = "ID")]
    id: String,

    /// Explain this saved verdict (`secgate check --output json=FILE`) instead of making the run again
    #[arg(long, value_name = "FILE")]
    verdict: Option<PathBuf>,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    format: String,

    #[command(flatten)]
    decide: DecideArgs,
}

/// A run, made again or saved.
struct Run {
    verdict: Verdict,
    /// Made again.
    question: Option<Question>,
    /// The policy of the verdict, if it is at hand.
    policy: Option<Policy>,
    /// Its text.
    text: String,
    watched: Vec<Watched>,
    now: i64,
}

pub(super) fn run(args: &ExplainArgs) -> Result<u8> {
    let id = args.id.trim();
    if id.is_empty() {
        bail!("ID is empty; is a variable of the script unset?");
    }
    let run = match &args.verdict {
        Some(path) => saved(args, path)?,
        None => made(args, &beginning(id).unwrap_or_else(|| id.to_owned()))?,
    };
    let look = super::look();
    if let Some(said) = run.verdict.rules.iter().find(|said| said.id == id) {
        let rule = run.policy().and_then(|policy| policy.rules.iter().find(|rule| rule.id == id));
        return print(args, &RuleTold { rule: &explain_rule(&run, said), findings: &said.findings }, |out| {
            explanation::rule(&run.verdict, said, rule, &run.text, look, out)
        });
    }
    let findings = run.findings(id);
    let Some((first, ..)) = findings.first() else { return Err(unknown(id, &run.verdict)) };
    let mut prints: Vec<String> =
        findings.iter().map(|(finding, ..)| finding.fingerprint.to_string()).collect();
    prints.sort();
    prints.dedup();
    if prints.len() > 1 {
        bail!(
            "`{}` is the beginning of {} findings; say more of it:\n  {}",
            clean(id),
            prints.len(),
            prints.join("\n  ")
        );
    }
    let seen = run.verdict.findings.iter().find(|s| s.fingerprint == first.fingerprint.to_string());
    let mut told: Vec<(Told<'_>, Vec<RuleExplained>)> = Vec::new();
    for (finding, evidence, entries) in findings.iter().take(WITNESSES) {
        let speaking = run.question.as_ref().map(|q| q.speaking(finding));
        let world = World {
            verdict: &run.verdict,
            policy: run.policy(),
            speaking: speaking.as_deref(),
            entries,
            evidence: *evidence,
            now: run.now,
        };
        let path = run.verdict.evidence.get(*evidence).and_then(|e| e.path.as_deref()).unwrap_or("-");
        let told_of = Told { finding, path, entries, seen };
        // The same report's finding under several entries is explained once.
        let rules = explain::explain(finding, world);
        if told.last().is_none_or(|(last, _)| *last.finding != *finding || last.path != path) {
            told.push((told_of, rules));
        }
    }
    let witnesses = told
        .iter()
        .map(|(told, rules)| Witness { finding: View::of(told.finding, 0), report: told.path, rules })
        .collect();
    let json = FindingTold { schema: "secgate/explanation/v1", witnesses };
    print(args, &json, |out| explanation::finding(&run.verdict, &told, findings.len(), &run.text, look, out))
}

#[derive(Serialize)]
struct FindingTold<'a> {
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
struct RuleTold<'a> {
    rule: &'a RuleSaid,
    findings: &'a [String],
}

#[derive(Serialize)]
struct RuleSaid {
    schema: &'static str,
    id: String,
    line: u64,
    outcome: crate::decide::Outcome,
    message: String,
    asks: Option<String>,
}

fn explain_rule(run: &Run, said: &explain::Said) -> RuleSaid {
    let rule = run.policy().and_then(|policy| policy.rules.iter().find(|rule| rule.id == said.id));
    RuleSaid {
        schema: "secgate/explanation/v1",
        id: said.id.clone(),
        line: said.line,
        outcome: said.outcome,
        message: said.message.clone(),
        asks: rule.map(explain::asks),
    }
}

fn print<T: Serialize>(
    args: &ExplainArgs,
    json: &T,
    text: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<u8> {
    let mut out = Vec::new();
    if args.format == "json" {
        serde_json::to_writer_pretty(&mut out, json)?;
        writeln!(out)?;
    } else {
        text(&mut out)?;
    }
    super::print(&out)?;
    Ok(exit::PASS)
}

impl Run {
    fn policy(&self) -> Option<&Policy> {
        self.question.as_ref().map(|q| &q.policy).or(self.policy.as_ref())
    }

    /// The findings that an id means, each with its report and the entries that it was given for.
    fn findings(&self, id: &str) -> Vec<(Finding, usize, Vec<String>)> {
        if self.question.is_some() {
            let watched = self.watched.iter();
            return watched.map(|w| (w.finding.clone(), w.evidence, w.entries.clone())).collect();
        }
        let Some(begin) = beginning(id) else { return Vec::new() };
        let of_report = |at: usize| {
            let path = self.verdict.evidence.get(at).and_then(|e| e.path.as_ref());
            let same = self.verdict.evidence.iter().filter(|e| path.is_some() && e.path.as_ref() == path);
            same.filter_map(|e| e.entry.clone()).collect()
        };
        let found = self.verdict.beginning(&begin).map(|seen| {
            let at = seen.evidence.first().copied().unwrap_or_default();
            (seen.finding(), at, of_report(at))
        });
        found.collect()
    }
}

/// The beginning of a fingerprint that an id is; the version may be left out.
fn beginning(id: &str) -> Option<String> {
    let lower = id.to_ascii_lowercase();
    let digits = lower.strip_prefix("sg1:").unwrap_or(&lower);
    let hex = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| format!("sg1:{digits}"))
}

/// Makes the run again.
fn made(args: &ExplainArgs, watch: &str) -> Result<Run> {
    let now = clock(args.decide.now.as_deref())?;
    let question = question(&args.decide, now)?;
    let text = policy_text(&args.decide)?;
    let mut decision = question.decide(Some(watch));
    let watched = std::mem::take(&mut decision.watched);
    let mut json = Vec::new();
    let output = Output::by_id("json").context("there is no JSON output")?;
    (output.write)(&decision, Look::PLAIN, &mut json)?;
    let verdict = Verdict::parse(&json).map_err(|error| anyhow!("a bug: the verdict {error}"))?;
    if verdict.rules.is_empty() {
        let why: Vec<&str> = verdict.errors.iter().map(|e| e.message.as_str()).collect();
        bail!("no decision was reached: {}", why.join("; "));
    }
    Ok(Run { verdict, question: Some(question), policy: None, text, watched, now: now.as_second() })
}

/// Reads a saved verdict, and its policy if it is the one at hand.
fn saved(args: &ExplainArgs, path: &Path) -> Result<Run> {
    let name = clean(&path.to_string_lossy()).into_owned();
    if !args.decide.inputs.paths.is_empty() || !args.decide.inputs.input.is_empty() {
        bail!("--verdict {name}: a saved verdict needs no reports; leave one of them out");
    }
    let mut bytes = Vec::new();
    let file = open_regular(path).with_context(|| name.clone())?;
    file.take(MAX_VERDICT).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    let verdict = Verdict::parse(&bytes).map_err(|error| anyhow!("{name} {error}"))?;
    let at_hand = args.decide.policy.source().and_then(|source| args.decide.policy.load(&source));
    let policy = at_hand.ok().filter(|p| verdict.policy.as_ref().is_some_and(|of| of.sha256 == p.sha256));
    let text = if policy.is_some() { policy_text(&args.decide)? } else { String::new() };
    let now = verdict.evaluated_at.parse::<Timestamp>().map_or(0, Timestamp::as_second);
    Ok(Run { verdict, question: None, policy, text, watched: Vec::new(), now })
}

fn policy_text(args: &DecideArgs) -> Result<String> {
    let bytes = args.policy.source()?.bytes()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Nothing has this id; the nearest that has.
fn unknown(id: &str, verdict: &Verdict) -> anyhow::Error {
    let far = |known: &str| strsim::damerau_levenshtein(known, id);
    let rule = verdict.rules.iter().map(|r| r.id.as_str()).min_by_key(|known| far(known));
    let rule = rule.filter(|known| far(known) <= (id.chars().count() / 3).max(2));
    let common = |known: &str| {
        known
            .bytes()
            .zip(format!("sg1:{}", id.trim_start_matches("sg1:")).bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let print = verdict.findings.iter().map(|f| f.fingerprint.as_str()).max_by_key(|known| common(known));
    let print = print.filter(|known| common(known) > "sg1:".len() + 1);
    let hint = match (rule, print) {
        (Some(rule), _) => format!("; did you mean the rule `{rule}`?"),
        (None, Some(print)) => format!("; did you mean {print}?"),
        (None, None) => {
            let rules: Vec<&str> = verdict.rules.iter().map(|r| r.id.as_str()).collect();
            format!("; rules are {}", rules.join(", "))
        }
    };
    let whole = if verdict.findings.is_empty() {
        ""
    } else {
        " (of a finding at least four digits of its fingerprint)"
    };
    anyhow!("`{}` is neither a finding of these reports nor a rule{whole}{hint}", clean(id))
}

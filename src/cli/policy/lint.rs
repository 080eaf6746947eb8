//! `secgate policy lint`: what is wrong with a policy, and what is legal and most often not meant.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Error, Result, anyhow};
use clap::Args;
use serde::Serialize;

use super::super::args::{PolicyArgs, TextOrJson};
use crate::diagnostic::SaidDiagnostic;
use crate::exit;
use crate::finding::{clean, plural};
use crate::policy::lint::{CHECKS, Check, FormatFacts, Lint, LintLevel, lint};
use crate::policy::{Policy, PolicyError, PolicyFile};
use crate::report::{FORMATS, shipped_mappings};
use crate::run::diagnostics::said;
use crate::run::{PolicyRequest, PolicySource};

/// Check a policy
#[derive(Debug, Args)]
#[command(
    after_help = "A policy that is not valid is an error, with file, line and column. What is legal and most often not \
                  meant is a warning: rules that never fire, rules that another rule makes needless, rules that stop \
                  changes because of old findings, reviews that nobody can answer, selectors that let go of what gets \
                  worse. What only its author can judge, `where` and `not`, is a note. `--list` explains each.\n\n\
                  Exit codes: 0 valid, with warnings or without; 1 a warning under --strict; 2 not valid.\n\n\
                  --format json prints {\"schema\":\"secgate/policy-lint/v1\",\"policies\":[{\"source\",\"valid\",\"gate\",\"sha256\",\
                  \"rules\",\"evidence\",\"files\":[{\"path\",\"sha256\"}],\"warnings\",\"notes\",\"lints\":[{\"id\",\"level\",\"file\",\"line\",\
                  \"column\",\"rule\",\"message\",\"why\",\"instead\",\"see\",\"code\",\"suggestion\"}],\"errors\":[{\"file\",\"line\",\"column\",\"message\",\"help\",\"code\",\"suggestion\"}]}]}; \
                  lints are in the order of the file."
)]
pub(in super::super) struct PolicyLintArgs {
    /// Policy files, or names of embedded policies [default: the policy of --gate]
    #[arg(value_name = "FILE|NAME", conflicts_with_all = ["gate", "policy"])]
    files: Vec<PathBuf>,

    #[command(flatten)]
    policy: PolicyArgs,

    /// Exit 1 if there is a warning; notes do not count
    #[arg(long)]
    strict: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: TextOrJson,

    /// Say what is looked for, why, and what to write instead
    #[arg(long, conflicts_with_all = ["files", "gate", "policy", "strict"])]
    list: bool,
}

/// Remarks on one policy; its keys are part of the schema `secgate/policy-lint/v1`.
#[derive(Debug, Serialize)]
struct LintedPolicy {
    source: String,
    valid: bool,
    gate: Option<String>,
    sha256: Option<String>,
    rules: usize,
    evidence: usize,
    files: Vec<PolicyFile>,
    warnings: usize,
    notes: usize,
    lints: Vec<CodedLint>,
    errors: Vec<LintedPolicyError>,
}

/// A lint with the keys that every diagnostic has in JSON.
#[derive(Debug, Serialize)]
struct CodedLint {
    #[serde(flatten)]
    lint: Lint,
    code: &'static str,
    suggestion: String,
}

#[derive(Debug, Serialize)]
struct LintedPolicyError {
    file: String,
    line: Option<u64>,
    column: Option<u64>,
    message: String,
    help: Option<String>,
    code: String,
    suggestion: Option<String>,
}

#[derive(Debug, Serialize)]
struct LintOutput {
    schema: &'static str,
    policies: Vec<LintedPolicy>,
}

#[derive(Debug, Serialize)]
struct LintCatalogue {
    schema: &'static str,
    checks: &'static [Check],
}

pub(super) fn run(args: &PolicyLintArgs) -> Result<u8> {
    if args.list {
        list(args.format == TextOrJson::Json)?;
        return Ok(exit::PASS);
    }
    let sources: Vec<Result<PolicySource>> = if args.files.is_empty() {
        vec![args.policy.request().source()]
    } else {
        args.files.iter().map(|file| PolicySource::from_flag("", file)).collect()
    };
    let formats = facts();
    let (mut looked, mut faults) = (Vec::new(), Vec::new());
    for (at, source) in sources.into_iter().enumerate() {
        let name = match &source {
            Ok(source) => source.name.clone(),
            Err(_) => {
                args.files.get(at).map(|file| clean(&file.to_string_lossy()).into_owned()).unwrap_or_default()
            }
        };
        let loaded = source.and_then(|source| {
            if args.files.is_empty() {
                args.policy.request().load(&source)
            } else {
                PolicyRequest::of_file(source.file.clone().unwrap_or_default()).load(&source)
            }
        });
        match loaded {
            Ok(policy) => looked.push(of_policy(&policy, &formats)),
            Err(error) => {
                looked.push(broken(name, &error));
                faults.push(format!("{error:#}"));
            }
        }
    }
    if args.format == TextOrJson::Json {
        let told = LintOutput { schema: "secgate/policy-lint/v1", policies: looked };
        super::super::print_exact(format!("{}\n", serde_json::to_string_pretty(&told)?).as_bytes())?;
        return finish(args, &told.policies, &faults);
    }
    let mut text = String::new();
    for policy in looked.iter().filter(|policy| policy.valid) {
        show(policy, &mut text)?;
    }
    super::super::print(text.as_bytes())?;
    finish(args, &looked, &faults)
}

fn finish(args: &PolicyLintArgs, looked: &[LintedPolicy], faults: &[String]) -> Result<u8> {
    if !faults.is_empty() {
        return Err(anyhow!(faults.join("\n\n")));
    }
    let warned = looked.iter().any(|policy| policy.warnings > 0);
    Ok(if args.strict && warned { exit::FAIL } else { exit::PASS })
}

/// Facts known about the formats that are read.
fn facts() -> Vec<FormatFacts> {
    FORMATS
        .iter()
        .map(|format| FormatFacts {
            id: format.id,
            tool: format.tool,
            categories: format.categories,
            tells: format.attributes,
            dates_database: format.dates_database,
        })
        .chain(shipped_mappings().iter().map(|shipped| FormatFacts {
            id: &shipped.mapping.id,
            tool: &shipped.mapping.tool,
            categories: shipped.categories(),
            tells: &shipped.tells,
            dates_database: false,
        }))
        .collect()
}

fn of_policy(policy: &Policy, formats: &[FormatFacts]) -> LintedPolicy {
    let lints = lint(policy, formats);
    let count = |level| lints.iter().filter(|lint| lint.level == level).count();
    LintedPolicy {
        source: policy.source.clone(),
        valid: true,
        gate: Some(policy.gate.clone()),
        sha256: Some(policy.sha256.clone()),
        rules: policy.rules.len(),
        evidence: policy.evidence.len(),
        files: policy.files.clone(),
        warnings: count(LintLevel::Warning),
        notes: count(LintLevel::Note),
        lints: lints
            .into_iter()
            .map(|lint| CodedLint { code: lint.id, suggestion: lint.instead.clone(), lint })
            .collect(),
        errors: Vec::new(),
    }
}

fn broken(source: String, error: &Error) -> LintedPolicy {
    let errors = if let Some(problems) = error.downcast_ref::<PolicyError>() {
        problems
            .problems()
            .iter()
            .map(|problem| LintedPolicyError {
                file: problems.source_of(problem).to_owned(),
                line: Some(problem.line),
                column: Some(problem.column),
                message: problem.message.clone(),
                help: problem.help.clone(),
                code: problem.code().to_owned(),
                suggestion: problem.suggestion().map(str::to_owned),
            })
            .collect()
    } else {
        let SaidDiagnostic { message, code, suggestion } = said(error);
        let (file, line, column, help) = (source.clone(), None, None, None);
        vec![LintedPolicyError { file, line, column, message, help, code, suggestion }]
    };
    LintedPolicy {
        source,
        valid: false,
        gate: None,
        sha256: None,
        rules: 0,
        evidence: 0,
        files: Vec::new(),
        warnings: 0,
        notes: 0,
        lints: Vec::new(),
        errors,
    }
}

fn show(policy: &LintedPolicy, text: &mut String) -> Result<()> {
    for CodedLint { lint, .. } in &policy.lints {
        writeln!(text, "{}: {} [{}]: {}", lint.at, lint.level.as_str(), lint.id, lint.message)?;
        writeln!(text, "  why: {}", lint.why)?;
        writeln!(text, "  instead: {}", lint.instead)?;
        if let Some(see) = &lint.see {
            writeln!(text, "  see: {see}")?;
        }
    }
    let mut said = Vec::new();
    for (count, noun) in [(policy.warnings, "warning"), (policy.notes, "note")] {
        if count > 0 {
            said.push(plural(count as u64, noun));
        }
    }
    let said = if said.is_empty() { String::new() } else { format!("{}, ", said.join(", ")) };
    writeln!(
        text,
        "{}: valid: {said}gate {}, {}, {}, sha256:{}",
        policy.source,
        policy.gate.as_deref().unwrap_or_default(),
        plural(policy.rules as u64, "rule"),
        if policy.evidence == 1 {
            "1 evidence entry".to_owned()
        } else {
            format!("{} evidence entries", policy.evidence)
        },
        policy.sha256.as_deref().unwrap_or_default()
    )?;
    for file in &policy.files {
        writeln!(text, "{}: names {}, sha256:{}", policy.source, clean(&file.path), file.sha256)?;
    }
    Ok(())
}

fn list(json: bool) -> Result<()> {
    let mut text = String::new();
    if json {
        text = serde_json::to_string_pretty(&LintCatalogue {
            schema: "secgate/policy-lint-checks/v1",
            checks: CHECKS,
        })?;
        text.push('\n');
    } else {
        for Check { id, level, finds, why, instead } in CHECKS {
            writeln!(
                text,
                "{id} ({})\n  finds: {finds}\n  why: {why}\n  instead: {instead}",
                level.as_str()
            )?;
        }
    }
    super::super::print(text.as_bytes())
}

//! Content of a pre-push hook: what stops the push, and what CI will still ask for. Nothing else.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Unknown, one_line_of};
use crate::decide::{Decision, Outcome, Status};
use crate::exit;
use crate::finding::clean;
use crate::policy::Policy;
use crate::render::one_line;

/// Findings of a rule that are listed.
const LISTED: usize = 8;

/// No scanner gave a report.
pub(super) fn nothing_known(unknown: &[Unknown]) -> Result<u8> {
    super::super::print(
        format!("secgate: nothing was scanned here. CI will still ask for {}\n", one_line_of(unknown))
            .as_bytes(),
    )?;
    Ok(exit::PASS)
}

/// Tells a decision; the exit code stops the push or does not.
pub(super) fn print_push_result(policy: &Policy, decision: &Decision, unknown: &[Unknown]) -> Result<u8> {
    let mut stops = String::new();
    let mut asks: Vec<String> = Vec::new();
    let (mut failed, mut erred) = (false, !decision.errors.is_empty());
    for fault in &decision.errors {
        let path = fault.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        writeln!(stops, "  error: {path}{}", fault.message)?;
    }
    for evidence in decision.evidence.iter().filter(|e| e.outcome >= Outcome::Review) {
        let entry = evidence.entry.as_deref().unwrap_or("a report");
        match (evidence.status, evidence.outcome) {
            (Status::Absent, _) => {
                if !unknown.iter().any(|u| u.entry == entry) {
                    asks.push(format!("{entry} ({})", evidence.message));
                }
            }
            (_, Outcome::Review) => asks.push(format!("{entry} ({})", evidence.message)),
            (_, outcome) => {
                failed |= outcome == Outcome::Fail;
                erred |= outcome == Outcome::Error;
                writeln!(stops, "  {entry}: {}", evidence.message)?;
            }
        }
    }
    for rule in decision.rules.iter().filter(|rule| rule.outcome >= Outcome::Review && !rule.blind) {
        if rule.outcome == Outcome::Review {
            let who =
                rule.obligations.first().map(|who| format!(", approval by {}", clean(&who.to_string())));
            asks.push(format!("{} ({}{})", rule.id, rule.message, who.unwrap_or_default()));
            continue;
        }
        writeln!(stops, "  {}: {}  ({}:{})", rule.id, rule.message, policy.source, rule.line)?;
        let problems = || rule.problems.iter().filter_map(|&at| decision.findings.get(at)?.lead());
        for matched in problems().take(LISTED) {
            writeln!(stops, "    {}", one_line(&matched.finding))?;
        }
        if problems().count() > LISTED {
            writeln!(stops, "    … and {} more", problems().count() - LISTED)?;
        }
        failed |= rule.outcome == Outcome::Fail;
        erred |= rule.outcome == Outcome::Error;
        if let Some(fix) = &rule.fix {
            writeln!(stops, "    {fix}")?;
        }
    }
    if !unknown.is_empty() {
        asks.push(one_line_of(unknown));
    }
    // What is advisory lets violations pass, and never what could not be decided.
    let code = match (failed && decision.enforced, erred) {
        (true, _) => exit::FAIL,
        (false, true) => exit::ERROR,
        (false, false) => exit::PASS,
    };
    let says = if code == exit::PASS && failed {
        "ADVISORY: the policy lets the push through; once it blocks, this stops it"
    } else if failed && !decision.enforced {
        "this stops the push (ADVISORY: violations alone would not)"
    } else {
        "this stops the push"
    };
    let mut text = String::new();
    if !stops.is_empty() {
        writeln!(text, "secgate: {says}:\n{}", stops.trim_end())?;
    }
    if !asks.is_empty() {
        writeln!(text, "secgate: CI will still ask for {}", asks.join(", "))?;
    }
    super::super::print(text.as_bytes())?;
    Ok(code)
}

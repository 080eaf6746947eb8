//! Why two runs have different verdicts, for people.

use std::io::{self, Write};

use crate::decide::Outcome;
use crate::replay::{ComparedRun, FlipCause, FlipEffect, RunComparison};

/// Inputs and rules that are listed on one line.
const LISTED: usize = 12;

/// Writes the comparison.
///
/// # Errors
/// Errors of the writer.
pub fn run_diff(diff: &RunComparison, out: &mut dyn Write) -> io::Result<()> {
    let [a, b] = &diff.runs;
    let width = a.id.chars().count().max(b.id.chars().count());
    for (number, run) in [(1, a), (2, b)] {
        writeln!(
            out,
            "{number}  {:width$}  {:6}  {}",
            run.id,
            run.verdict.as_str(),
            described(run).trim_end()
        )?;
    }
    if a.policy_sha256 == b.policy_sha256 {
        writeln!(out, "policy {} sha256:{}", a.policy_source, a.policy_sha256)?;
    } else {
        for (number, run) in [(1, a), (2, b)] {
            writeln!(out, "policy of {number}: {} sha256:{}", run.policy_source, run.policy_sha256)?;
        }
    }
    if diff.same_verdict {
        writeln!(out, "\nThe verdict is the same: {}", a.verdict.as_str())?;
        for effect in &diff.changes {
            writeln!(out, "  {}", said(effect))?;
        }
    } else {
        writeln!(out, "\n{} -> {}", a.verdict.as_str(), b.verdict.as_str())?;
    }
    for (number, explanation) in diff.explanations.iter().enumerate() {
        let word = match (number, explanation.causes.len()) {
            (0, 1) => "because of".to_owned(),
            (0, causes) => format!("because of these {causes} together"),
            (_, 1) => "or without".to_owned(),
            (_, causes) => format!("or without these {causes} together"),
        };
        let rest = if explanation.minimal { "" } else { " (perhaps of fewer; not all was tried)" };
        writeln!(out, "{word}{rest}:")?;
        for cause in &explanation.causes {
            told(cause, out)?;
        }
    }
    if diff.explanations.len() > 1 {
        writeln!(out, "Each of these {} is enough to undo it.", diff.explanations.len())?;
    }
    if !diff.other_inputs.is_empty() {
        let shown: Vec<&str> = diff.other_inputs.iter().take(LISTED).map(String::as_str).collect();
        let more = diff.other_inputs.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let word = if diff.same_verdict { "Different" } else { "Different, too, and no part of it" };
        writeln!(out, "{word}: {}{more}", shown.join(", "))?;
    }
    diff.remarks.iter().try_for_each(|remark| writeln!(out, "{remark}"))
}

fn described(run: &ComparedRun) -> String {
    let stops: Vec<&str> = run.stopped_by.iter().map(|stop| stop.what.as_str()).collect();
    let stops = if stops.is_empty() { String::new() } else { format!("  by {}", stops.join(", ")) };
    format!("{}{stops}", run.evaluated_at)
}

fn told(cause: &FlipCause, out: &mut dyn Write) -> io::Result<()> {
    let text = if cause.text.is_empty() { String::new() } else { format!(": {}", cause.text) };
    writeln!(out, "  {} [{}]{text}", cause.kind.words(), cause.input)?;
    cause.effects.iter().try_for_each(|effect| writeln!(out, "      {}", said(effect)))
}

fn said(effect: &FlipEffect) -> String {
    let word = |outcome: Option<Outcome>| outcome.map_or("-", Outcome::as_str);
    let rule = if effect.what.starts_with("evidence ") { "" } else { "rule " };
    format!("{rule}{}: {} -> {}", effect.what, word(effect.outcome_1), word(effect.outcome_2))
}

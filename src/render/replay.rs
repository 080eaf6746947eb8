//! A replay for people.

use std::io::{self, Write};

use crate::finding::plural;
use crate::replay::{PolicyVerdict, Replay, ReplayedRun, Row};

/// Runs that are listed where one policy is looked at.
const LISTED: usize = 40;

/// Writes the table.
///
/// # Errors
/// Errors of the writer.
pub fn replay(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", plural(replay.runs_total, "run"))?;
    let names = ["A", "B"];
    for (name, column) in names.iter().zip(&replay.policies) {
        let name = if replay.policies.len() > 1 { format!("{name}  ") } else { String::new() };
        let verdicts: Vec<String> = ["pass", "review", "fail", "error"]
            .iter()
            .map(|word| format!("{} {word}", column.verdicts.get(word).copied().unwrap_or_default()))
            .collect();
        writeln!(out, "{name}policy {} sha256:{}", column.source, column.sha256)?;
        writeln!(out, "{name}{}", verdicts.join(", "))?;
    }
    for (name, column) in names.iter().zip(&replay.policies) {
        let of = if replay.policies.len() > 1 { format!(" of {name}") } else { String::new() };
        writeln!(out, "\nRules{of}: runs that each would have stopped, and alone")?;
        let width = column.rules.iter().map(|row| row.id.chars().count()).max().unwrap_or_default();
        for row in &column.rules {
            writeln!(out, "  {:width$}  {}", row.id, describe_row(row))?;
        }
        for (entry, runs) in &column.evidence {
            let runs = plural(*runs, "run");
            writeln!(out, "  {entry}: evidence missing or unusable in {runs}")?;
        }
        if !column.never.is_empty() {
            writeln!(out, "  never said anything: {}", column.never.join(", "))?;
        }
    }
    match replay.policies.as_slice() {
        [_, _] => differences(replay, out)?,
        _ => list(replay, out)?,
    }
    recalled(replay, out)
}

/// Verdicts that rested on a scanner that the policy does not trust.
fn recalled(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    if replay.recalled_total == 0 {
        return Ok(());
    }
    let verdicts = plural(replay.recalled_total, "verdict");
    writeln!(
        out,
        "\nRecall: {verdicts} rested on scanners that the policy does not trust; {} let the change through",
        replay.recalled_let_through
    )?;
    for run in replay.recalled.iter().take(LISTED) {
        let was = run.verdict_recorded.unwrap_or(run.verdict_trusting);
        writeln!(out, "  {:6}  {}", was.as_str(), run.path)?;
        for reason in &run.reasons {
            writeln!(out, "    {reason}")?;
        }
        let commit = run.commit.iter().map(|commit| format!("commit {commit}"));
        let about: Vec<String> = run.artifacts.iter().cloned().chain(commit).collect();
        if !about.is_empty() {
            let word = if run.let_through { "let through" } else { "stopped" };
            writeln!(out, "    {word}: {}", about.join(", "))?;
        }
    }
    let listed = replay.recalled.len().min(LISTED) as u64;
    if replay.recalled_total > listed {
        writeln!(out, "  … and {} more (--rows DIR has all)", replay.recalled_total - listed)?;
    }
    Ok(())
}

fn describe_row(row: &Row) -> String {
    let mut words = Vec::new();
    for (n, word) in [(row.fail, "fail"), (row.review, "review"), (row.error, "error"), (row.warn, "warn")] {
        if n > 0 {
            words.push(format!("{n} {word}"));
        }
    }
    if row.alone > 0 {
        words.push(format!("{} alone", row.alone));
    }
    if row.blind > 0 {
        words.push(format!("{} with nothing to look at", row.blind));
    }
    if row.count > 0 {
        words.push(format!("{} {}", row.count, if row.count == 1 { "match" } else { "matches" }));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// Blocking rules and evidence of a run, on one line.
fn stops(said: &PolicyVerdict) -> String {
    let mut words: Vec<String> = said
        .stopped_by
        .iter()
        .map(
            |stop| if stop.count > 0 { format!("{} ({})", stop.what, stop.count) } else { stop.what.clone() },
        )
        .collect();
    words.extend(said.errors.iter().map(|error| error.lines().next().unwrap_or_default().to_owned()));
    words.join(", ")
}

fn list(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nRuns")?;
    let width = replay.runs.iter().map(|run| run.path.chars().count()).max().unwrap_or_default().min(48);
    for run in replay.runs.iter().take(LISTED) {
        let Some(said) = run.said.first() else { continue };
        let line = format!("  {:6}  {:width$}  {}", said.verdict.as_str(), run.path, stops(said));
        writeln!(out, "{}", line.trim_end())?;
    }
    let listed = replay.runs.len().min(LISTED) as u64;
    if replay.runs_total > listed {
        writeln!(out, "  … and {} more (--format json lists all)", replay.runs_total - listed)?;
    }
    Ok(())
}

/// Runs of which two policies say different things.
fn differences(replay: &Replay, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{} of {} runs differ", replay.differ, replay.runs_total)?;
    for run in &replay.runs {
        if let [a, b] = run.said.as_slice()
            && a.verdict != b.verdict
        {
            difference(run, a, b, out)?;
        }
    }
    Ok(())
}

fn difference(
    run: &ReplayedRun,
    a: &PolicyVerdict,
    b: &PolicyVerdict,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "  {}: {} -> {}", run.path, a.verdict.as_str(), b.verdict.as_str())?;
    for (name, said) in [("A", a), ("B", b)] {
        if !said.stopped_by.is_empty() || !said.errors.is_empty() {
            writeln!(out, "    {name} stopped by {}", stops(said))?;
        }
    }
    Ok(())
}

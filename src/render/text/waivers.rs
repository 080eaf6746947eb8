//! Findings that waivers hide today, and waivers that need attention.

use std::io::{self, Write};

use super::columns::{pad, width};
use super::{INDENT, LISTED, TextWriter};
use crate::decide::{Decision, Matched, Outcome, WaiverResult, WaiverStatus};
use crate::finding::{clean, plural};

/// Waivers that are listed, of those that hide something and of the others; the rest is counted.
const MOST: usize = 50;

impl TextWriter {
    /// Emergencies that still hold, where nobody can miss them.
    pub(super) fn emergencies(&mut self, decision: &Decision) -> io::Result<()> {
        for line in &decision.emergencies {
            let (label, rest) = line.split_at_checked("EMERGENCY WAIVER".len()).unwrap_or((line, ""));
            let label = self.paint(Outcome::Fail, label);
            self.wrapped(&format!("{label} "), rest.trim_start())?;
        }
        Ok(())
    }

    /// Findings that do not count because somebody says that they cannot be exploited.
    pub(super) fn statements(&mut self, decision: &Decision) -> io::Result<()> {
        let said =
            || decision.findings.iter().filter_map(|problem| Some((problem.lead()?, problem.vex.as_ref()?)));
        if said().next().is_none() {
            return Ok(());
        }
        self.title("Not affected (VEX)", true)?;
        for (Matched { finding, .. }, note) in said().take(MOST) {
            self.finding(finding, "", 0, &format!(" [{}]", finding.tool))?;
            self.wrapped("                   ", &format!("{}, {}  ({})", note.line(), note.time, note.file))?;
        }
        if let Some(more) = said().count().checked_sub(MOST).filter(|n| *n > 0) {
            writeln!(self.out, "  … and {more} more")?;
        }
        Ok(())
    }

    /// Every waiver with its owner; below those that cover, what they hide.
    pub(super) fn waivers(&mut self, decision: &Decision) -> io::Result<()> {
        if decision.waivers.is_empty() {
            return Ok(());
        }
        self.title(
            "Waivers",
            decision.waivers.iter().all(|w| w.status == WaiverStatus::Active && !w.expires_soon),
        )?;
        let (hiding, others): (Vec<&WaiverResult>, Vec<&WaiverResult>) =
            decision.waivers.iter().partition(|w| w.status == WaiverStatus::Active);
        let wide = |of: fn(&WaiverResult) -> &str| {
            decision.waivers.iter().map(|w| width(of(w))).max().unwrap_or(0).min(24)
        };
        let (ids, owners) = (wide(|w| &w.id), wide(|w| &w.owner));
        for list in [others, hiding] {
            for waiver in list.iter().take(MOST) {
                self.waiver(waiver, ids, owners)?;
                self.hidden(decision, waiver)?;
            }
            if let Some(more) = list.len().checked_sub(MOST).filter(|n| *n > 0) {
                writeln!(self.out, "  … and {more} more")?;
            }
        }
        Ok(())
    }

    fn waiver(&mut self, waiver: &WaiverResult, ids: usize, owners: usize) -> io::Result<()> {
        let outcome = match waiver.status {
            WaiverStatus::Active if waiver.expires_soon => Outcome::Warn,
            WaiverStatus::Active => Outcome::Pass,
            WaiverStatus::Unused => Outcome::NotApplicable,
            _ => Outcome::Review,
        };
        let word = waiver.status.as_str().replace('_', "-");
        let state = self.paint(outcome, format!("{word:<13}"));
        let message = match waiver.status {
            WaiverStatus::Active => format!("hides {}", plural(waiver.hides, "finding")),
            _ => waiver.message.clone(),
        };
        let soon = if waiver.expires_soon { "; ends within 14 days" } else { "" };
        let (id, owner) = (pad(&clean(&waiver.id), ids), pad(&clean(&waiver.owner), owners));
        let label = format!("  {state} {id}  {owner}  until {}  ", waiver.expires);
        let rules = waiver.rule.join(", ");
        let text = format!("{rules}: {message}{soon}  ({}:{})", waiver.file, waiver.line);
        self.wrapped(&label, &clean(&text))
    }

    fn hidden(&mut self, decision: &Decision, waiver: &WaiverResult) -> io::Result<()> {
        if waiver.findings.is_empty() {
            return Ok(());
        }
        let witnesses = decision.findings.iter().flat_map(|problem| &problem.witnesses);
        let hidden = witnesses.filter(|m| waiver.findings.binary_search(&m.finding.fingerprint).is_ok());
        let mut told = 0;
        for Matched { finding, .. } in hidden.take(LISTED).map(AsRef::as_ref) {
            told += 1;
            self.finding(finding, "", 0, &format!(" [{}]", finding.tool))?;
        }
        match waiver.hides.saturating_sub(told) {
            0 => Ok(()),
            more => writeln!(self.out, "{INDENT}… and {more} more"),
        }
    }
}

//! What a change does to its own gate.

use std::io::{self, Write};

use super::{INDENT, Page};
use crate::decide::{Decision, Outcome};

/// Clauses that are listed; the rest is counted.
const LISTED: usize = 12;

impl Page {
    pub(super) fn own_gate(&mut self, decision: &Decision) -> io::Result<()> {
        let Some(gate) = &decision.own_gate else { return Ok(()) };
        self.title("The gate itself")?;
        let word = if gate.outcome == Outcome::Pass { "ok" } else { gate.outcome.as_str() };
        let state = self.paint(gate.outcome, format!("{word:<7}"));
        if gate.clauses.is_empty() && gate.notes.is_empty() {
            // In one line, digests aside, which JSON has.
            let bare = |text: &String| text.split(" sha256:").next().unwrap_or_default().to_owned();
            let compared: Vec<String> = gate.compared.iter().map(bare).collect();
            return self
                .wrapped(&format!("  {state} "), &format!("{}: {}", gate.message, compared.join(", ")));
        }
        self.wrapped(&format!("  {state} "), &gate.message)?;
        for looser in gate.clauses.iter().take(LISTED) {
            self.wrapped(INDENT, &looser.to_string())?;
        }
        if let Some(more) = gate.clauses.len().checked_sub(LISTED).filter(|more| *more > 0) {
            writeln!(self.out, "{INDENT}… and {more} more")?;
        }
        for note in &gate.notes {
            self.wrapped(INDENT, note)?;
        }
        self.wrapped(INDENT, &format!("compared with {}", gate.compared.join(", ")))?;
        gate.obligations.iter().try_for_each(|obligation| self.review(obligation, ""))
    }
}

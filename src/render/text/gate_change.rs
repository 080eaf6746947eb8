//! Changes of the gate by the change that it decides on.

use std::io::{self, Write};

use super::{INDENT, TextWriter};
use crate::decide::{Decision, GateChange, Outcome};

/// Clauses that are listed; the rest is counted.
const LISTED: usize = 12;
/// Of the first gate of a project, which is compared with one that it never had.
const LISTED_OF_FIRST: usize = 4;

impl TextWriter {
    pub(super) fn gate_change(&mut self, decision: &Decision) -> io::Result<()> {
        // Where nothing is looser, one line beside the evidence says so.
        let Some(gate) = decision.own_gate.as_ref().filter(|gate| !is_quiet(gate)) else { return Ok(()) };
        self.title("The gate itself", false)?;
        let word = if gate.outcome == Outcome::Pass { "ok" } else { gate.outcome.as_str() };
        let state = self.paint(gate.outcome, format!("{word:<7}"));
        self.wrapped(&format!("  {state} "), &gate.message)?;
        let listed = if gate.embedded_before.is_some() { LISTED_OF_FIRST } else { LISTED };
        for looser in gate.clauses.iter().take(listed) {
            self.wrapped(INDENT, &looser.to_string())?;
        }
        if let Some(more) = gate.clauses.len().checked_sub(listed).filter(|more| *more > 0) {
            writeln!(self.out, "{INDENT}… and {more} more")?;
        }
        for note in &gate.notes {
            self.wrapped(INDENT, note)?;
        }
        self.wrapped(INDENT, &format!("compared with {}", gate.compared.join(", ")))?;
        gate.obligations.iter().try_for_each(|obligation| self.review(obligation, ""))
    }
}

/// True if there is nothing to look at.
pub(super) fn is_quiet(gate: &GateChange) -> bool {
    gate.clauses.is_empty() && gate.notes.is_empty()
}

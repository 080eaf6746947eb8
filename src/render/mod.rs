//! TELL: one file per output format, all from one decision.
//!
//! Text of reports was made inert when it was read; an output adds only the escaping of its own language.

mod json;
mod junit;
mod listing;
mod sarif;
mod text;

use std::io::{self, Write};

use crate::decide::Decision;

pub use listing::{LISTINGS, Listed, Listing};

/// An output format of a verdict.
pub struct Output {
    /// Its id in `--format` and `--output`.
    pub id: &'static str,
    /// What it is for.
    pub title: &'static str,
    /// Writes a decision.
    pub write: fn(&Decision, Look, &mut dyn Write) -> io::Result<()>,
}

/// Every output format, in the order of listings.
pub static OUTPUTS: &[Output] = &[text::OUTPUT, json::OUTPUT, sarif::OUTPUT, junit::OUTPUT];

/// What a terminal can do; touches text only.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours are wanted and understood.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
}

impl Look {
    /// For files and pipes.
    pub const PLAIN: Self = Self { color: false, width: 160 };
}

impl Output {
    /// The format of that id.
    pub fn by_id(id: &str) -> Option<&'static Self> {
        OUTPUTS.iter().find(|output| output.id == id)
    }
}

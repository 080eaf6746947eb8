//! RELATE: what belongs together. Nothing here changes what a rule matches or counts.

mod advisory;
mod base;
mod exploitation;
mod owners;
mod same;
mod scanner_file;
pub mod suppression;
mod vex;
mod waiver;

pub use base::{
    Bars, Base, BaseError, BaselineFile, Code, Diff, Entry as BaseEntry, FileBefore, Heads, Replaced,
    TouchedFile, UnshownFile, summary,
};
pub use exploitation::Exploitation;
pub use owners::{CODEOWNERS, Owners};
pub use same::{Group, Why, group};
pub use scanner_file::{ScannerFile, Softened};
pub use vex::{Acceptance, Vex};
pub use waiver::{Certainty, Waivers};

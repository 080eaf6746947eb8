//! RELATE: what belongs together. Nothing here changes what a rule matches or counts.

mod advisory;
mod base;
mod deduplicate;
mod exploitation;
mod owners;
mod scanner_file;
pub mod suppression;
mod vex;
mod waiver;

pub use base::{
    Base, BaseEntry, BaseError, BaselineFile, Diff, FileBefore, Heads, MoreSuppressed, Replaced,
    SeverityBars, SourceTree, SuppressedFindings, TouchedFile, TrackedFile, UnshownFile, summary,
};
pub use deduplicate::{DuplicateGroup, DuplicateReason, group};
pub use exploitation::Exploitation;
pub use owners::{CODEOWNERS, Owners};
pub use scanner_file::{ScannerFile, Softened};
pub use vex::{Vex, VexTrust};
pub use waiver::{Certainty, Waivers};

//! RELATE: what belongs together. [`Relater`] relates each finding of a report once: to the base, to source code, to the
//! feeds, to waivers and VEX statements; rules then look at what it made.

mod advisory;
mod affected;
mod base;
mod correction;
mod deduplicate;
mod exploitation;
mod owners;
mod related;
mod scanner_file;
pub mod suppression;
mod vex;
mod waiver;

pub use affected::{OsvDatabase, OsvEcosystem, OsvPackageKey, SpeakingRecord};
pub use base::{
    Base, BaseEntry, BaseError, BaselineFile, Conversion, Diff, FileBefore, Heads, MoreSuppressed, Replaced,
    SeverityBars, SourceTree, SuppressedFindings, TouchedFile, TrackedFile, UnshownFile, summary,
};
pub use correction::corrected;
pub use deduplicate::{DuplicateGroup, DuplicateReason, group};
pub use exploitation::Exploitation;
pub use owners::{CODEOWNERS, Owners};
pub use related::{RelatedFinding, Relater, Relations};
pub use scanner_file::{ScannerFile, Softened};
pub use vex::{Vex, VexTrust};
pub use waiver::{Certainty, Waivers};

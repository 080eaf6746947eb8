//! Exit codes: a contract, never renumbered.

/// Every required report read in full, policy valid, all outputs written; or any verdict but error under
/// `enforcement: advisory`.
pub const PASS: u8 = 0;
/// A rule or a demand on evidence failed.
pub const FAIL: u8 = 1;
/// No decision: usage, policy, evidence unreadable, output not written, a bug. What clap, grep and jq use for
/// trouble, so that a mistyped flag can never pass for a review.
pub const ERROR: u8 = 2;
/// A named person has to look.
pub const REVIEW: u8 = 10;

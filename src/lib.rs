//! secgate: a delivery decision backed by evidence.
//!
//! Data goes one way, and each module is one step:
//!
//! 1. [`gather`] finds the files and has [`report`] read each as a stream of [`finding`]s;
//! 2. [`relate`] says which findings are the same problem, and which waivers speak of them;
//! 3. [`decide`] looks at each finding as it passes, with the rules of a [`policy`], then draws the verdict;
//! 4. [`render`] tells it, and [`attest`] puts it into a signed statement.
//!
//! [`run`] is a run of a gate from what is asked for to the decision, and [`cli`] is the command line on top: it parses
//! and prints. The same inputs give the same bytes: nothing below `cli` reads the clock, and nothing below `run` the
//! environment.
//!
//! # A first program
//!
//! [`run`] puts the steps together. This decides on the reports of a folder with the embedded merge policy:
//!
//! ```
//! use secgate::attest::ClockSource;
//! use secgate::gather::Limits;
//! use secgate::run::{BaseRequest, GateBeforeRequest, PolicyRequest, RunRequest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let request = RunRequest {
//!     policy: PolicyRequest { gate: "merge".into(), policy: None, require_policy: None },
//!     paths: vec!["fixtures/gate".into()],
//!     input: Vec::new(),
//!     evidence: Vec::new(),
//!     partial_entries: Vec::new(),
//!     base: BaseRequest::default(),
//!     waivers: Vec::new(),
//!     codeowners: None,
//!     gate_before: GateBeforeRequest::default(),
//!     commit: None,
//!     subjects: Vec::new(),
//!     parameters: Vec::new(),
//!     root: None,
//!     no_env: true,
//!     limits: Limits { max_report: 1 << 30, max_stdin: 1 << 26, max_findings: 100 },
//!     now: "2026-06-01T12:00:00Z".parse()?,
//!     clock: ClockSource::Pinned,
//! };
//! let decision = request.resolve()?.decide(None);
//! for rule in &decision.rules {
//!     println!("{}: {}", rule.id, rule.outcome.as_str());
//! }
//! assert_eq!(decision.verdict.as_str(), "fail");
//! # Ok(())
//! # }
//! ```
//!
//! - To read reports and decide nothing, start at [`report::read_source`]: it hands findings to a [`report::Sink`] one by one.
//! - To load and check a policy, start at [`policy::load()`]; to compare two of them, at [`policy::compare`].
//! - To sign a verdict or to verify one, start at [`attest`].

pub mod attest;
pub mod cli;
pub mod decide;
pub mod diagnostic;
pub mod evidence_snapshot;
pub mod exit;
pub mod finding;
pub mod fleet;
pub mod gather;
pub mod init;
pub mod policy;
pub mod relate;
pub mod render;
pub mod replay;
pub mod report;
pub mod run;
pub mod scan;

use decide::{Context, Decision, RunError};
use gather::{Inputs, Limits};

/// Reads all evidence and decides.
///
/// # Errors
/// Errors in the files as given, before any of them was read.
pub fn check(inputs: Inputs<'_>, context: &Context, limits: Limits) -> Result<Decision, Vec<RunError>> {
    let policy = inputs.policy;
    // Outlives what is gathered, which borrows from it.
    let mut entry_names = Vec::new();
    let gathered = gather::gather(inputs, context, limits, &mut entry_names)?;
    Ok(decide::decide(policy, context, gathered))
}

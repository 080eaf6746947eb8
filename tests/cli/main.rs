//! secgate through its binary, where a user would notice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::assigning_clones,
    reason = "a test stops where it fails"
)]

mod adopt;
mod agents;
mod allowances;
mod approvals;
mod attest;
mod baseline;
mod bundle;
mod canary;
mod canary_fields;
mod cases;
mod check;
mod checks;
mod codes;
mod common;
mod convert;
mod delivery;
mod diff;
mod elsewhere;
mod evidence;
mod explain;
mod extends;
mod feeds;
mod fleet;
mod fleet_page;
mod formats;
mod former_gate;
mod image_index;
mod init;
mod interop;
mod keyless;
mod legacy;
mod lint;
mod mapping;
mod markdown;
mod newness;
mod outputs;
mod own_gate;
mod own_gate_change;
mod owners;
mod policy;
mod policy_language;
mod recall;
mod receipts;
mod record_page;
mod release_range;
mod replay;
mod reports;
mod revalidate;
mod samples;
mod scan;
mod schema;
mod secrets;
mod shell;
mod signed;
mod stability;
mod story;
mod subjects;
mod vacuous;
mod waivers;
mod waivers_shared;

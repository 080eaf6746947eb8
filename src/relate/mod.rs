//! RELATE: what belongs together. Nothing here changes what a rule matches or counts.

mod same;

pub use same::{Group, Why, group};

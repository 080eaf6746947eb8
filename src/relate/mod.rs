//! RELATE: what belongs together. Nothing here changes what a rule matches or counts.

mod exploitation;
mod same;
mod waiver;

pub use exploitation::Exploitation;
pub use same::{Group, Why, group};
pub use waiver::Waivers;

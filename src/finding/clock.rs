//! How far clocks may differ.

/// Seconds by which the clocks of two machines may differ, and by which a tool may round a time: a time that is further
/// in the future is wrong.
pub const CLOCK_SKEW: i64 = 300;

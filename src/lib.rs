//! secgate: a delivery decision backed by evidence.
pub mod finding;
pub mod report;

//! A CVSS score, as far as a report gives one.

use serde::{Deserialize, Serialize};

use super::Text;

/// The base score of a vulnerability. Of several in one report the highest counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CvssRating {
    /// Between 0 and 10.
    pub score: f64,
    /// Such as `3.1`, where the report says.
    pub version: Option<Text>,
    /// The vector that the score is made of, where the report has it.
    pub vector: Option<Text>,
}

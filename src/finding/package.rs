//! The package a vulnerability or licence is about.

use serde::{Deserialize, Serialize};

use super::Text;

/// A package in the version that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name as the scanner writes it.
    pub name: Text,
    /// Installed version as the scanner writes it; empty where it says none.
    pub version: Text,
    /// Package URL (purl specification), where the report holds one.
    pub purl: Option<Text>,
    /// Versions that hold the fix, in the report's order.
    pub fixed: Vec<Text>,
}

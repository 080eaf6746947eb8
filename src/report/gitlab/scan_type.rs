//! The kinds of scan that GitLab's reports tell apart.

use crate::finding::Category;

/// Kind of scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanType {
    /// Code, and infrastructure as code.
    Sast,
    /// Credentials in code.
    SecretDetection,
    /// Packages of a project.
    DependencyScanning,
    /// Packages of images, given or running in a cluster.
    ContainerScanning,
    /// A running application.
    Dast,
    /// A running API.
    ApiFuzzing,
    /// Code under a fuzzer.
    CoverageFuzzing,
}

/// Scanners of infrastructure as code, whose reports GitLab takes as SAST.
const INFRASTRUCTURE: [&str; 2] = ["kics", "checkov"];

impl ScanType {
    pub(super) const ALL: &'static [Self] = &[
        Self::Sast,
        Self::SecretDetection,
        Self::DependencyScanning,
        Self::ContainerScanning,
        Self::Dast,
        Self::ApiFuzzing,
        Self::CoverageFuzzing,
    ];

    /// The type of a word in `scan.type`, or in a vulnerability's `category`.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "sast" => Self::Sast,
            "secret_detection" => Self::SecretDetection,
            "dependency_scanning" => Self::DependencyScanning,
            "container_scanning" | "cluster_image_scanning" => Self::ContainerScanning,
            "dast" => Self::Dast,
            "api_fuzzing" => Self::ApiFuzzing,
            "coverage_fuzzing" => Self::CoverageFuzzing,
            _ => return None,
        })
    }

    /// The id of its format.
    pub(super) const fn format(self) -> &'static str {
        match self {
            Self::Sast => super::SAST.id,
            Self::SecretDetection => super::SECRET_DETECTION.id,
            Self::DependencyScanning => super::DEPENDENCY_SCANNING.id,
            Self::ContainerScanning => super::CONTAINER_SCANNING.id,
            Self::Dast => super::DAST.id,
            Self::ApiFuzzing => super::API_FUZZING.id,
            Self::CoverageFuzzing => super::COVERAGE_FUZZING.id,
        }
    }

    /// The category of what a scanner finds in such a scan.
    pub(super) fn category(self, scanner: &str) -> Category {
        match self {
            Self::Sast if INFRASTRUCTURE.iter().any(|s| scanner.eq_ignore_ascii_case(s)) => {
                Category::Misconfiguration
            }
            Self::Sast => Category::Sast,
            Self::SecretDetection => Category::Secret,
            Self::DependencyScanning | Self::ContainerScanning => Category::Vulnerability,
            Self::Dast | Self::ApiFuzzing | Self::CoverageFuzzing => Category::Dast,
        }
    }
}

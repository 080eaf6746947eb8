//! Which attributes a format can tell of a finding at all.
//!
//! For whoever writes a rule: a selector on what no report says matches every finding.

use super::Format;
use crate::finding::Attribute;

/// Attributes that a report of this format may give to a finding. A format that is not listed may give any.
pub fn reported_attributes(format: &Format) -> &'static [Attribute] {
    use Attribute::{Age, Confidence, Fix, Package, Scope, Verified};
    match format.id {
        "ggshield" | "trufflehog" | "detect-secrets" => &[Verified],
        "bandit" | "gosec" | "zap" => &[Confidence],
        "semgrep" | "sarif" => &[Confidence, Fix, Package],
        "grype" => &[Fix, Age, Package],
        "checkov" => &[Fix, Package],
        "osv-scanner" | "npm-audit" | "cyclonedx" | "trivy" => &[Scope, Fix, Age, Package],
        "gitleaks"
        | "trufflehog-v2"
        | "trufflehog3"
        | "generic-secrets"
        | "kics"
        | "tfsec"
        | "sonarqube-issues"
        | "sonarqube-qualitygate"
        | "spectral"
        | "junit" => &[],
        id if id.starts_with("gitlab-") => &[Confidence, Fix, Package],
        _ => Attribute::ALL,
    }
}

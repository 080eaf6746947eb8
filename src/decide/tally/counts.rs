//! How many findings there are, by severity and by state.

use serde::Serialize;

use crate::finding::{Finding, Severity, Stage, State};

/// Findings of one report by severity. `total` counts active findings; what the scanner suppressed stands apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Counts {
    /// Active findings.
    pub total: u64,
    /// Of critical severity.
    pub critical: u64,
    /// Of high severity.
    pub high: u64,
    /// Of medium severity.
    pub medium: u64,
    /// Of low severity.
    pub low: u64,
    /// For information.
    pub info: u64,
    /// Without a severity that can be trusted.
    pub unknown: u64,
    /// Switched off by the scanner or in the code; not part of `total`.
    pub suppressed: u64,
}

impl Counts {
    /// Counts one finding.
    pub fn add(&mut self, finding: &Finding) {
        self.add_as(finding.severity, finding.suppressed);
    }

    /// Counts one finding of this severity.
    pub fn add_as(&mut self, severity: Severity, suppressed: bool) {
        if suppressed {
            self.suppressed += 1;
            return;
        }
        self.total += 1;
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
            Severity::Info => self.info += 1,
            Severity::Unknown => self.unknown += 1,
        }
    }

    /// Adds another report's counts.
    pub fn merge(&mut self, other: &Self) {
        self.total += other.total;
        self.critical += other.critical;
        self.high += other.high;
        self.medium += other.medium;
        self.low += other.low;
        self.info += other.info;
        self.unknown += other.unknown;
        self.suppressed += other.suppressed;
    }

    /// The number of one severity.
    pub const fn by_severity(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
            Severity::Unknown => self.unknown,
        }
    }
}

/// Active findings by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct States {
    /// Introduced by the change.
    pub new: u64,
    /// Known before.
    pub existing: u64,
    /// Of packages that were there before.
    pub newly_disclosed: u64,
    /// Of the existing ones those that a diff alone calls so, on unchanged lines of files that the change touches.
    pub unchanged_lines: u64,
}

impl States {
    pub(super) fn add(&mut self, finding: &Finding) {
        self.unchanged_lines += u64::from(finding.stage == Some(Stage::UnchangedLines));
        match finding.state {
            State::New => self.new += 1,
            State::Existing => self.existing += 1,
            State::NewlyDisclosed => self.newly_disclosed += 1,
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.new += other.new;
        self.existing += other.existing;
        self.newly_disclosed += other.newly_disclosed;
        self.unchanged_lines += other.unchanged_lines;
    }
}

//! Waivers by owner: how many days each lasts, and what it hides.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::GateOfProject;
use super::row::{ReadFinding, ReadWaiver, RunRows};
use super::rule_use::days_between;
use super::survey::PlaceOfRun;
use crate::decide::WaiverStatus;
use crate::finding::{Fingerprint, Severity};

/// A finding that a waiver hides.
#[derive(Debug, Clone)]
pub struct HiddenFinding {
    /// The check or the advisory.
    pub check_id: String,
    /// Its severity.
    pub severity: Severity,
    /// The package or the file.
    pub place: String,
}

/// A waiver of a repository.
#[derive(Debug, Clone)]
pub struct WaiverCost {
    /// The repository and the gate.
    pub of: GateOfProject,
    /// Its id.
    pub id: String,
    /// Its rules.
    pub rules: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Who allowed it.
    pub approved_by: String,
    /// When it was written.
    pub created: String,
    /// Its last day, or the time at which it ends.
    pub expires: String,
    /// It is one for an emergency.
    pub emergency: bool,
    /// Whether it covers, in the last run that had it.
    pub status: WaiverStatus,
    /// Findings that it hides there.
    pub hides: u64,
    /// It is among the waivers of the latest run.
    pub current: bool,
    /// Runs that had it.
    pub runs: u64,
    /// Days from its beginning to its end.
    pub days_granted: Option<i64>,
    /// Days from its beginning to now, or to its end where that is past.
    pub days_so_far: Option<i64>,
    /// Days to its end; negative where that is past.
    pub days_left: Option<i64>,
    /// What it hides in the latest run, each finding once.
    pub hidden: BTreeMap<Fingerprint, HiddenFinding>,
    seen: Option<Timestamp>,
}

/// All waivers.
#[derive(Debug, Default)]
pub struct WaiverCosts {
    /// By repository, gate and id.
    pub waivers: BTreeMap<(GateOfProject, String), WaiverCost>,
}

impl WaiverCosts {
    pub(super) fn add(&mut self, rows: &RunRows, key: &GateOfProject, place: PlaceOfRun) {
        let time = rows.run.time();
        for row in &rows.waivers {
            let known = self
                .waivers
                .entry((key.clone(), row.waiver.clone()))
                .or_insert_with(|| WaiverCost::new(key, row, time));
            known.runs += 1;
            if time >= known.seen {
                let counted = WaiverCost {
                    runs: known.runs,
                    current: known.current,
                    ..WaiverCost::new(key, row, time)
                };
                *known = counted;
            }
            known.current |= place.decided;
        }
        if !place.decided {
            return;
        }
        let findings: BTreeMap<Fingerprint, &ReadFinding> =
            rows.findings.iter().map(|finding| (finding.fingerprint, finding)).collect();
        for row in &rows.waivers {
            let Some(known) = self.waivers.get_mut(&(key.clone(), row.waiver.clone())) else { continue };
            let hidden = row.hidden_findings.iter().filter_map(|print| Some((*print, *findings.get(print)?)));
            known.hidden = hidden.map(|(print, finding)| (print, HiddenFinding::of_row(finding))).collect();
        }
    }

    /// What is known when all runs were read.
    pub(super) fn finish(&mut self, as_of: Option<Timestamp>) {
        for waiver in self.waivers.values_mut() {
            let (begin, end) = (point(&waiver.created, false), point(&waiver.expires, true));
            waiver.days_granted = begin.zip(end).map(|(begin, end)| days_between(begin, end).max(0));
            let reached = end.zip(as_of).map(|(end, now)| end.min(now));
            waiver.days_so_far = begin.zip(reached).map(|(begin, now)| days_between(begin, now).max(0));
            waiver.days_left = end.zip(as_of).map(|(end, now)| days_between(now, end));
        }
    }
}

impl HiddenFinding {
    fn of_row(finding: &ReadFinding) -> Self {
        let at = finding.package.as_ref().or(finding.path.as_ref());
        Self {
            check_id: finding.check_id.clone(),
            severity: finding.severity,
            place: at.cloned().unwrap_or_default(),
        }
    }
}

impl WaiverCost {
    fn new(key: &GateOfProject, row: &ReadWaiver, time: Option<Timestamp>) -> Self {
        Self {
            of: key.clone(),
            id: row.waiver.clone(),
            rules: row.waived_rules.clone(),
            owner: row.waiver_owner.clone(),
            approved_by: row.approved_by.clone(),
            created: row.created_at.clone(),
            expires: row.expires_at.clone(),
            emergency: row.kind.is_some(),
            status: row.status,
            hides: row.hidden_count,
            current: false,
            runs: 0,
            days_granted: None,
            days_so_far: None,
            days_left: None,
            hidden: BTreeMap::new(),
            seen: time,
        }
    }
}

/// A day or a time. The last day of a waiver is one of its days, so that it ends with the day.
fn point(text: &str, end: bool) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let day: Date = text.parse().ok()?;
    let day = if end { day.tomorrow().ok()? } else { day };
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

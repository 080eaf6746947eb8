//! Relating one finding after the other to all that the run knows besides its report: the base, source code, corrections of
//! the policy, feeds, waivers and VEX statements. Each finding passes here once, before any rule looks at it.

use std::sync::Arc;

use super::correction::{correct, corrected};
use super::{
    Base, Certainty, Exploitation, Heads, SeverityBars, SourceTree, SuppressedFindings, Vex, Waivers,
};
use crate::finding::{Finding, SecretKey, Severity};
use crate::policy::Policy;
use crate::report::HiddenFindings;

/// Context that findings are related to; the same for all reports of a run.
#[derive(Debug, Clone)]
pub struct Relations<'p> {
    /// The deciding policy, for its corrections.
    pub policy: &'p Policy,
    /// Exceptions to its rules.
    pub waivers: &'p Waivers,
    /// Data of the feeds.
    pub exploitation: Arc<Exploitation>,
    /// VEX statements of accepted authors.
    pub vex: Arc<Vex>,
    /// The key under which values of secrets are compared.
    pub secret_key: Option<SecretKey>,
    /// Base that the change is compared with.
    pub base: Option<&'p Base>,
    /// Which findings of the base a finding can be, as far as it is known how many there are.
    pub bars: Arc<SeverityBars>,
    /// Findings are kept as their reports have them.
    pub keep: bool,
}

/// A finding with what the run knows of it besides its report.
#[derive(Debug)]
pub struct RelatedFinding {
    /// The finding, with its state and the facts of the feeds, as the policy corrects it.
    pub finding: Finding,
    /// The same as a new one before the change renamed files of it; `None` if it renamed none, or it is not known.
    pub before_rename: Option<Box<Finding>>,
    /// Its severity as the report says, before any correction.
    pub reported: Severity,
    /// The waivers whose selectors match it, each with whether it is certain that they were written for it.
    pub waivers: Vec<(u32, Certainty)>,
    /// The VEX claims that speak of it, if its report is about their image.
    pub claims: Vec<u32>,
}

/// Relates the findings of a report, or holds what was noted of several once merged.
#[derive(Debug)]
pub struct Relater<'p> {
    /// Context that they are related to.
    pub to: Relations<'p>,
    /// How many findings each group of the base has now.
    pub heads: Heads,
    /// Suppressed findings by rule and file; counted only where there is a base.
    pub silenced: SuppressedFindings,
    /// The findings of the report as it has them, with their states; kept only where that is asked for.
    pub kept: Vec<Finding>,
    /// Source lines of the present report's findings.
    code: SourceTree,
    /// The same, where waivers have it read.
    waived_code: SourceTree,
}

impl<'p> Relater<'p> {
    /// Relates the findings of one report.
    pub fn new(to: Relations<'p>) -> Self {
        let code = to.base.map(Base::code).unwrap_or_default();
        let waived_code = to.waivers.code();
        Self {
            to,
            heads: Heads::default(),
            silenced: SuppressedFindings::default(),
            kept: Vec::new(),
            code,
            waived_code,
        }
    }

    /// Relates a finding of the report.
    pub fn relate(&mut self, mut finding: Finding) -> RelatedFinding {
        let reported = finding.severity;
        if let Some(base) = self.to.base {
            base.judge(&mut finding, &self.to.bars, &mut self.heads, &mut self.code);
            base.count_suppressed(&finding, &mut self.silenced);
        }
        if self.to.waivers.ask_for_content() && finding.content == 0 {
            finding.content = self.waived_code.content(&finding, self.to.secret_key.as_ref());
        }
        if self.to.keep {
            self.kept.push(finding.clone());
        }
        let before_rename = finding.before_rename().map(|before| {
            let mut before = corrected(before, self.to.policy);
            self.to.exploitation.annotate(&mut before);
            Box::new(before)
        });
        let mut finding = corrected(finding, self.to.policy);
        self.to.exploitation.annotate(&mut finding);
        let waivers = self.to.waivers.matching(&finding);
        let vex = &self.to.vex;
        let claims = if vex.is_empty() { Vec::new() } else { vex.claims_about(&finding) };
        RelatedFinding { finding, before_rename, reported, waivers, claims }
    }

    /// Relates a finding that no report holds, such as the licence of a component: neither base nor feeds know it.
    pub fn relate_derived(&self, mut finding: Finding) -> RelatedFinding {
        let reported = finding.severity;
        correct(&mut finding, self.to.policy);
        let waivers = self.to.waivers.matching(&finding);
        RelatedFinding { finding, before_rename: None, reported, waivers, claims: Vec::new() }
    }

    /// Notes findings that the report only counts.
    pub fn count_hidden(&mut self, hidden: &HiddenFindings) {
        if let Some(base) = self.to.base {
            base.count_hidden(hidden, &mut self.silenced);
        }
    }

    /// Adds what was noted of another report.
    pub fn merge(&mut self, other: Self) {
        self.heads.merge(&other.heads);
        self.silenced.merge(other.silenced);
    }
}

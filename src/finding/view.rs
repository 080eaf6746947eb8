//! A finding as outputs show it and as `where` sees it: one shape, so that a policy can be written from the JSON.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::{
    Category, Confidence, CvssRating, ExploitMaturity, Finding, Fingerprint, Fix, Location, Package,
    Reachability, RelatedPlace, Scope, Severity, Stage, State, Text, VexNote,
};

/// The JSON of a finding; its keys and their order are part of the schemas `secgate/verdict/v1` and
/// `secgate/findings/v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct View<'f> {
    fingerprint: Fingerprint,
    category: Category,
    rule_id: &'f Text,
    severity: Severity,
    native_severity: Option<&'f Text>,
    confidence: Option<Confidence>,
    title: &'f Text,
    ids: &'f [Text],
    cwes: &'f [u32],
    location: Option<&'f Location>,
    target: Option<&'f Text>,
    package: Option<&'f Package>,
    fix: Fix,
    kev: Option<bool>,
    epss: Option<f64>,
    tools: Vec<&'f Text>,
    evidence: Vec<usize>,
    state: State,
    waiver: Option<&'f str>,
    scope: Option<Scope>,
    verified: Option<bool>,
    suppressed: bool,
    suppression: Option<&'f Text>,
    joined: Option<Joined>,
    matched: Option<Stage>,
    vex: Option<&'f VexNote>,
    #[schemars(with = "Option<String>")]
    first_seen: Option<Date>,
    cvss: Option<&'f CvssRating>,
    reachable: Reachability,
    direct: Option<bool>,
    exploit: Option<ExploitMaturity>,
    end_of_life: Option<bool>,
    #[schemars(with = "Option<String>")]
    modified: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    fix_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    related: &'f [RelatedPlace],
}

/// Why several tools' findings are shown as one, and which they are.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Joined {
    why: &'static str,
    fingerprints: Vec<Fingerprint>,
}

impl<'f> View<'f> {
    /// `finding`, which stands in the evidence at index `evidence`.
    pub fn of_finding(finding: &'f Finding, evidence: usize) -> Self {
        Self {
            fingerprint: finding.fingerprint,
            category: finding.category,
            rule_id: &finding.rule_id,
            severity: finding.severity,
            native_severity: finding.native_severity.as_ref(),
            confidence: finding.confidence,
            title: &finding.title,
            ids: &finding.ids,
            cwes: &finding.cwes,
            location: finding.location.as_ref(),
            target: finding.target.as_ref(),
            package: finding.package.as_ref(),
            fix: finding.fix,
            kev: finding.kev,
            epss: finding.epss,
            tools: vec![&finding.tool],
            evidence: vec![evidence],
            state: finding.state,
            waiver: None,
            scope: finding.scope,
            verified: finding.verified,
            suppressed: finding.suppressed,
            suppression: finding.suppression.as_ref(),
            joined: None,
            matched: finding.stage,
            vex: None,
            first_seen: finding.first_seen,
            cvss: finding.cvss.as_deref(),
            reachable: finding.reachable,
            direct: finding.direct,
            exploit: finding.exploit,
            end_of_life: finding.end_of_life,
            modified: finding.modified.and_then(|at| Timestamp::from_second(at).ok()),
            fix_since: finding.fix_since.and_then(|at| Timestamp::from_second(at).ok()),
            unknown: finding.unknown.names().collect(),
            related: &finding.related,
        }
    }

    /// Names the waiver that covers it.
    #[must_use]
    pub fn waived(mut self, by: Option<&'f str>) -> Self {
        self.waiver = by;
        self
    }

    /// Names the statement that says that it cannot be exploited.
    #[must_use]
    pub fn vexed(mut self, by: Option<&'f VexNote>) -> Self {
        self.vex = by;
        self
    }

    /// Adds the other witnesses of the same problem.
    #[must_use]
    pub fn with_witnesses(
        mut self,
        why: Option<&'static str>,
        others: impl IntoIterator<Item = (&'f Finding, usize)>,
    ) -> Self {
        let mut fingerprints = vec![self.fingerprint];
        for (finding, evidence) in others {
            fingerprints.push(finding.fingerprint);
            self.evidence.push(evidence);
            if !self.tools.contains(&&finding.tool) {
                self.tools.push(&finding.tool);
            }
        }
        self.joined = why.map(|why| Joined { why, fingerprints });
        self
    }
}

//! A verdict read back from its JSON output, as far as an explanation needs it.

use jiff::Timestamp;
use serde::Deserialize;

use crate::decide::finding_query::{beginning, is_meant};
use crate::decide::{AllowanceDetail, Outcome};
use crate::finding::{
    Category, Confidence, CvssRating, ExploitMaturity, Finding, Fingerprint, Fix, Location, Package,
    Reachability, RelatedPlace, Scope, Severity, Stage, State, Text, clean_line,
};

/// A verdict as its JSON output tells it, as far as an explanation needs it.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    schema: String,
    /// The gate.
    pub gate: String,
    /// The verdict.
    pub verdict: String,
    /// The policy; null where it could not be read.
    pub policy: Option<DecidingPolicy>,
    /// Evidence that was given.
    pub evidence: Vec<SavedEvidence>,
    /// Content of the rules.
    pub rules: Vec<SavedRuleResult>,
    /// The findings that rules matched.
    pub findings: Vec<VerdictFinding>,
    /// Result for the waivers.
    pub waivers: Vec<SavedWaiver>,
    /// Errors that kept the run from deciding.
    pub errors: Vec<SavedError>,
    /// The run's clock, RFC 3339.
    pub evaluated_at: String,
}

/// Which policy decided.
#[derive(Debug, Deserialize)]
pub struct DecidingPolicy {
    /// Where it came from.
    pub source: String,
    /// Its digest.
    pub sha256: String,
}

/// A file that was read.
#[derive(Debug, Deserialize)]
pub struct SavedEvidence {
    /// Its path; null for what is absent.
    pub path: Option<String>,
    /// The entry it is for.
    pub entry: Option<String>,
    /// Its state.
    pub status: String,
    /// Why.
    pub message: String,
}

/// Outcome of a rule.
#[derive(Debug, Deserialize)]
pub struct SavedRuleResult {
    /// Its id.
    pub id: String,
    /// Its line in the policy.
    pub line: u64,
    /// The policy that it is inherited from, where the line is.
    #[serde(default)]
    pub policy: Option<String>,
    /// For people.
    pub title: String,
    /// Its statement.
    pub outcome: Outcome,
    /// How many are allowed.
    pub allow: u64,
    /// More about that, where it is more than a number.
    #[serde(default)]
    pub allowance: Option<AllowanceDetail>,
    /// How many counted.
    pub count: u64,
    /// Why.
    pub message: String,
    /// Action to take.
    pub fix: Option<String>,
    /// Who resolves its review.
    pub obligations: Vec<SavedObligation>,
    /// Fingerprints of what it matched and shows.
    pub findings: Vec<String>,
}

/// Approvals that resolve a review.
#[derive(Debug, Deserialize)]
pub struct SavedObligation {
    pub(super) any_of: Vec<String>,
    pub(super) at_least: u32,
    pub(super) not: Vec<String>,
}

/// A waiver and what became of it.
#[derive(Debug, Deserialize)]
pub struct SavedWaiver {
    /// Its id.
    pub id: String,
    /// GATE/RULE.
    pub rule: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Its end.
    pub expires: String,
    /// Whether it covers.
    pub status: String,
    /// Why.
    pub message: String,
    /// Findings that it hides.
    pub findings: Vec<String>,
    /// Where it stands.
    pub file: String,
    /// Its line there.
    pub line: u64,
}

/// Error that kept a run from deciding.
#[derive(Debug, Deserialize)]
pub struct SavedError {
    /// The problem.
    pub message: String,
}

/// A finding of the JSON output.
#[derive(Debug, Clone, Deserialize)]
pub struct VerdictFinding {
    /// Its identity.
    pub fingerprint: String,
    category: Category,
    rule_id: String,
    severity: Severity,
    native_severity: Option<String>,
    confidence: Option<Confidence>,
    title: String,
    ids: Vec<String>,
    cwes: Vec<u32>,
    location: Option<VerdictLocation>,
    target: Option<String>,
    package: Option<SavedPackage>,
    fix: Fix,
    kev: Option<bool>,
    epss: Option<f64>,
    /// The tools that saw it.
    pub tools: Vec<String>,
    /// Where in the evidence it stands.
    pub evidence: Vec<usize>,
    state: State,
    /// The waiver that covers it.
    pub waiver: Option<String>,
    scope: Option<Scope>,
    verified: Option<bool>,
    #[serde(default)]
    suppressed: bool,
    /// Why several tools' findings are shown as one.
    pub joined: Option<SavedWitness>,
    suppression: Option<String>,
    matched: Option<Stage>,
    /// The statement that says that it cannot be exploited.
    pub vex: Option<SavedVex>,
    cvss: Option<CvssRating>,
    #[serde(default)]
    reachable: Reachability,
    direct: Option<bool>,
    exploit: Option<ExploitMaturity>,
    end_of_life: Option<bool>,
    modified: Option<Timestamp>,
    fix_since: Option<Timestamp>,
    published: Option<Timestamp>,
    #[serde(default)]
    related: Vec<RelatedPlace>,
}

#[derive(Debug, Clone, Deserialize)]
struct VerdictLocation {
    path: String,
    line: Option<u32>,
    end_line: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
struct SavedPackage {
    name: String,
    version: String,
    purl: Option<String>,
    fixed: Vec<String>,
    #[serde(default)]
    ecosystem: Option<String>,
}

/// A statement that a vulnerability cannot be exploited.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedVex {
    /// Its statement.
    pub status: String,
    /// Why.
    pub justification: String,
    /// Who says it.
    pub author: String,
    /// The file it stands in.
    pub file: String,
}

/// Why several tools' findings are shown as one.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedWitness {
    /// In words.
    pub why: String,
    /// Their fingerprints.
    pub fingerprints: Vec<String>,
}

impl VerdictFinding {
    /// Names that a person may use for it: its check, its advisories, its package.
    pub fn known_names(&self) -> Vec<String> {
        let package = self.package.as_ref().map(|package| package.name.clone());
        std::iter::once(self.rule_id.clone()).chain(self.ids.iter().cloned()).chain(package).collect()
    }
}

impl SavedRuleResult {
    /// Matches beyond what is allowed.
    pub(super) fn over(&self) -> u64 {
        self.allowance.as_ref().map_or(self.count.saturating_sub(self.allow), |detail| detail.over)
    }

    /// Allowed matches in words: `3`, `3 for each path`, `3, as many as the base has`.
    pub(super) fn allowed_in_words(&self) -> String {
        match &self.allowance {
            None => self.allow.to_string(),
            Some(detail) if detail.by == "base" => format!("{}, as many as the base has,", self.allow),
            Some(detail) => format!("{} for each {}", self.allow, detail.by),
        }
    }
}

impl Verdict {
    /// The verdict of a JSON output.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
            return Err("is not a JSON object; a verdict is what `secgate check --output json=PATH` writes"
                .to_owned());
        }
        let verdict: Self = serde_json::from_slice(bytes).map_err(|error| {
            format!("is not a verdict that `secgate check --output json=PATH` wrote: {error}")
        })?;
        if verdict.schema != "secgate/verdict/v1" {
            return Err(format!("has the schema `{}`, not secgate/verdict/v1", clean_line(&verdict.schema)));
        }
        Ok(verdict)
    }

    /// The findings that an id means, by themselves or by a witness.
    pub fn findings_by_id<'v>(&'v self, id: &'v str) -> impl Iterator<Item = &'v VerdictFinding> {
        let begin = beginning(id);
        self.findings.iter().filter(move |seen| {
            let mut joined = seen.joined.iter().flat_map(|j| &j.fingerprints);
            is_meant(&seen.finding(), id)
                || begin.as_ref().is_some_and(|begin| joined.any(|f| f.starts_with(begin.as_str())))
        })
    }
}

impl VerdictFinding {
    /// As the rules saw it; what the JSON output leaves out is not known.
    pub fn finding(&self) -> Finding {
        let text = |text: &String| Text::line(text);
        let tool = self.tools.first().map(String::as_str).unwrap_or_default();
        let plain = Finding::new(self.category, tool, &self.rule_id, self.severity);
        Finding {
            native_severity: self.native_severity.as_ref().map(text),
            confidence: self.confidence,
            title: Text::line(&self.title),
            ids: self.ids.iter().map(text).collect(),
            cwes: self.cwes.clone(),
            location: self.location.as_ref().map(|place| Location {
                path: Text::whole(&place.path),
                line: place.line,
                end_line: place.end_line,
            }),
            target: self.target.as_ref().map(text),
            package: self.package.as_ref().map(|package| Package {
                name: Text::line(&package.name),
                version: Text::line(&package.version),
                purl: package.purl.as_ref().map(text),
                fixed: package.fixed.iter().map(text).collect(),
                ecosystem: package.ecosystem.clone(),
            }),
            fix: self.fix,
            scope: self.scope,
            verified: self.verified,
            cvss: self.cvss.clone().map(Box::new),
            reachable: self.reachable,
            direct: self.direct,
            exploit: self.exploit,
            end_of_life: self.end_of_life,
            modified: self.modified.map(Timestamp::as_second),
            fix_since: self.fix_since.map(Timestamp::as_second),
            published: self.published.map(Timestamp::as_second),
            related: self.related.clone(),
            kev: self.kev,
            epss: self.epss,
            suppressed: self.suppressed,
            state: self.state,
            suppression: self.suppression.as_ref().map(text),
            stage: self.matched,
            fingerprint: Fingerprint::parse(&self.fingerprint).unwrap_or_default(),
            ..plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verdict_is_one() {
        for (text, says) in [("[]", "not a JSON object"), ("{}", "missing field"), ("", "not a JSON object")]
        {
            let error = Verdict::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

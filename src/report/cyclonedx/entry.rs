//! A vulnerability of a `CycloneDX` document as findings, one for each component that it affects.

use serde::Deserialize;

use super::{CycloneDxComponent, CycloneDxDocument, FORMAT};
use crate::finding::{CvssRating, Finding, Fix, Scope, Text};
use crate::report::Reading;
use crate::report::advisory::{Advisory, PurlParts, WorstSeverity};
use crate::report::cvss::{StatedScore, highest, rating};
use crate::report::field::{first_of, suppress};
use crate::report::json::shapes;
use crate::report::value::{
    Loose, OptionalObject, OptionalObjects, RawJson, ReportWord, Strings, cwe_numbers,
};

shapes!(CycloneDxVulnerability);

#[derive(Deserialize)]
pub(super) struct CycloneDxVulnerability<'a> {
    #[serde(borrow, default)]
    id: ReportWord<'a>,
    #[serde(borrow, default, rename = "bom-ref")]
    bom_ref: ReportWord<'a>,
    #[serde(borrow, default)]
    references: OptionalObjects<Reference<'a>>,
    #[serde(borrow, default)]
    ratings: OptionalObjects<Rating<'a>>,
    #[serde(borrow, default)]
    cwes: Loose<Vec<RawJson<'a>>>,
    #[serde(borrow, default)]
    description: ReportWord<'a>,
    #[serde(borrow, default)]
    detail: ReportWord<'a>,
    #[serde(borrow, default)]
    recommendation: ReportWord<'a>,
    #[serde(borrow, default)]
    published: ReportWord<'a>,
    #[serde(borrow, default)]
    updated: ReportWord<'a>,
    #[serde(borrow, default)]
    analysis: OptionalObject<Analysis<'a>>,
    #[serde(borrow, default)]
    affects: OptionalObjects<CycloneDxAffected<'a>>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default)]
    id: ReportWord<'a>,
}

#[derive(Deserialize)]
struct Rating<'a> {
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(default)]
    score: StatedScore,
    #[serde(borrow, default)]
    method: ReportWord<'a>,
    #[serde(borrow, default)]
    vector: ReportWord<'a>,
}

#[derive(Deserialize)]
struct Analysis<'a> {
    #[serde(borrow, default)]
    state: ReportWord<'a>,
    #[serde(borrow, default)]
    justification: ReportWord<'a>,
    #[serde(borrow, default)]
    detail: ReportWord<'a>,
    #[serde(borrow, default)]
    response: Strings<'a>,
}

#[derive(Deserialize)]
struct CycloneDxAffected<'a> {
    #[serde(borrow, default)]
    r#ref: ReportWord<'a>,
    #[serde(borrow, default)]
    versions: OptionalObjects<AffectedVersion<'a>>,
}

#[derive(Deserialize)]
struct AffectedVersion<'a> {
    #[serde(borrow, default)]
    version: ReportWord<'a>,
    #[serde(borrow, default)]
    status: ReportWord<'a>,
}

impl Rating<'_> {
    /// Scores of EPSS, SSVC, OWASP and others are on scales of their own.
    fn is_cvss(&self) -> bool {
        let method = self.method.as_str().trim();
        method.is_empty() || method.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("CVSS"))
    }

    /// Its word; without one, or where it is `none`, what score or vector say.
    fn add_to(&self, worst: &mut WorstSeverity) {
        let word = self.severity.as_str().trim();
        let none = word.eq_ignore_ascii_case("none");
        worst.word(word);
        if !word.is_empty() && !none || !self.is_cvss() {
            return;
        }
        let vector = self.vector.as_str().trim();
        match self.score {
            StatedScore::Number(score) if score > 0.0 || vector.is_empty() => worst.score(score),
            StatedScore::Unusable if vector.is_empty() => worst.unreadable(),
            StatedScore::Absent if vector.is_empty() => {}
            StatedScore::Number(_) | StatedScore::Unusable | StatedScore::Absent => worst.vector(vector),
        }
    }

    /// Its rating as a CVSS score.
    fn cvss(&self) -> Option<CvssRating> {
        let method = self.method.as_str().trim().to_ascii_uppercase();
        let version = match method.strip_prefix("CVSS") {
            Some("V2") => "2.0",
            Some("V3") => "3.0",
            Some("V31") => "3.1",
            Some("V4") => "4.0",
            _ => "",
        };
        Some(self).filter(|rating| rating.is_cvss())?;
        rating(self.score, version, self.vector.as_str())
    }
}

impl CycloneDxVulnerability<'_> {
    /// Whether it says what it is, or at least where.
    pub(super) fn is_named(&self) -> bool {
        !self.id.as_str().is_empty() || !self.bom_ref.as_str().is_empty() || !self.affects.0.is_empty()
    }

    pub(super) fn findings(
        &self,
        document: &mut CycloneDxDocument,
        reading: &mut Reading<'_>,
    ) -> Vec<Finding> {
        if self.affects.0.is_empty() {
            return vec![self.finding(None, document, reading)];
        }
        self.affects.0.iter().map(|affected| self.finding(affected.0.as_ref(), document, reading)).collect()
    }

    fn finding(
        &self,
        affected: Option<&CycloneDxAffected<'_>>,
        document: &mut CycloneDxDocument,
        reading: &mut Reading<'_>,
    ) -> Finding {
        let bom_ref = affected.map_or("", |a| a.r#ref.as_str());
        let component = if bom_ref.is_empty() { None } else { document.component(reading, bom_ref) };
        let component = component.unwrap_or_else(|| named_by(bom_ref));
        let name = component.full_name();
        let stated =
            affected.iter().flat_map(|a| a.versions.iter()).filter(|v| v.status.as_str() != "unaffected");
        let stated = stated.map(|v| v.version.as_str()).find(|version| !version.is_empty());
        let version = Some(component.version.as_str()).filter(|version| !version.is_empty());
        let (fix, fixed) = self.fix(&component.name, &name);
        let (severity, word) = self.severity();
        let advisory = Advisory {
            tool: FORMAT.tool,
            id: first_of(&[self.id.as_str(), self.bom_ref.as_str()]),
            ids: self.references.iter().map(|r| r.id.as_str()).collect(),
            severity,
            native_severity: word,
            title: first_of(&[self.description.as_str(), self.detail.as_str()]),
            cwes: cwe_numbers(self.cwes.value.iter().flatten().map(|cwe| cwe.0.trim_matches('"'))),
            published: self.published.as_str(),
            modified: self.updated.as_str(),
            name: &name,
            version: version.or(stated).unwrap_or_default(),
            purl: &component.purl,
            fixed,
            fix: Some(fix),
            scope: scope(&component),
            cvss: highest(self.ratings.iter().filter_map(Rating::cvss)),
            target: &document.target,
            ..Advisory::default()
        };
        let mut finding = advisory.finding(reading.roots());
        if let Some(analysis) = self.analysis.0.as_ref().filter(|_| self.is_suppressed()) {
            let by = format!("analysis {} {}", analysis.state.as_str(), analysis.justification.as_str());
            suppress(&mut finding, by.trim_end(), &[analysis.detail.as_str()]);
        }
        finding
    }

    /// The worst of all ratings, and the word of the first that gives it.
    fn severity(&self) -> (WorstSeverity, Option<Text>) {
        let mut worst = WorstSeverity::default();
        for rating in &self.ratings.0 {
            match &rating.0 {
                Some(rating) => rating.add_to(&mut worst),
                None => worst.unreadable(),
            }
        }
        let words = || self.ratings.iter().map(|rating| &rating.severity);
        let word = words().find(|word| {
            let mut alone = WorstSeverity::default();
            alone.word(word.as_str());
            alone.get() == worst.get()
        });
        (worst, word.or_else(|| words().next()).and_then(ReportWord::native))
    }

    /// An assessment that says that the vulnerability is not there, or not any more.
    fn is_suppressed(&self) -> bool {
        let state = self.analysis.0.as_ref().map_or("", |analysis| analysis.state.as_str());
        matches!(state, "resolved" | "resolved_with_pedigree" | "false_positive" | "not_affected")
    }

    /// The recommendation of the assessment; else the sentence that Trivy writes for each package.
    fn fix(&self, name: &str, full_name: &str) -> (Fix, Vec<Text>) {
        let versions: Vec<Text> = self
            .recommendation
            .as_str()
            .split(';')
            .filter_map(|sentence| sentence.trim().strip_prefix("Upgrade ")?.split_once(" to version "))
            .filter(|(package, _)| *package == name || *package == full_name)
            .flat_map(|(_, versions)| versions.split(", "))
            .map(Text::line)
            .collect();
        let answers = self.analysis.0.iter().flat_map(|analysis| analysis.response.0.iter());
        let updates = answers.into_iter().any(|answer| answer == "update");
        let fix = if updates || !versions.is_empty() { Fix::Available } else { Fix::Unknown };
        (fix, versions)
    }
}

/// Statements of the `bom-ref` itself about a component that the document does not hold: often it is a package URL, alone
/// or behind the `#` of a link to another document.
fn named_by(bom_ref: &str) -> CycloneDxComponent {
    let tail = bom_ref
        .strip_prefix("urn:cdx:")
        .and_then(|link| link.split_once('#'))
        .map_or(bom_ref, |(_, tail)| tail);
    match PurlParts::parse(tail) {
        Some(purl) => CycloneDxComponent {
            name: purl.name,
            version: purl.version,
            purl: tail.to_owned(),
            ..CycloneDxComponent::default()
        },
        None => CycloneDxComponent { name: tail.to_owned(), ..CycloneDxComponent::default() },
    }
}

/// `optional` says nothing: some tools write it of what only development needs, others of what need not be there.
fn scope(component: &CycloneDxComponent) -> Option<Scope> {
    match component.scope.as_str() {
        _ if component.development => Some(Scope::Development),
        "required" => Some(Scope::Production),
        "excluded" => Some(Scope::Development),
        _ => None,
    }
}

//! The selectors, each with all that it means.

use super::super::error::{PolicyProblems, quoted};
use super::super::query::Where;
use super::super::validate::{place_glob, report_query, rule_glob, which, without_wildcards};
use super::super::written::{At, CvssSelector, Duration, Many, Name, Probability};
use super::super::{Feed, PathGlob, RuleGlob};
use super::SelectorContext;
pub(super) use super::checks::CheckIs;
pub(super) use super::combining::{AnyOf, InSet, NoneOf};
use super::criterion::{
    Answer, AtLeast, Criterion, CriterionFacts, FlagCriterion, Lacking, ListCriterion, OneOf,
    SelectorReferences, SomeOf, ThresholdCriterion, WordCriterion, YesNo, alternatives, or_none,
    threshold_narrower,
};
pub(super) use super::deadline::DueIs;
pub(super) use super::license_kinds::LicenseIs;
pub(super) use super::package_kinds::{EcosystemIs, PurlIs};
pub(super) use super::weakness::{CweIs, OwaspIs};
use crate::finding::{
    Attribute, Category, Confidence, Finding, Fix, Location, Reachability, Scope, Severity, State, View,
    duration_text, plural, short_duration,
};
use crate::policy::diagnostics::PolicyDiagnostic;

pub(super) type CategoryIs = OneOf<FindingCategory>;

/// Category of a finding.
pub(crate) struct FindingCategory;

impl WordCriterion for FindingCategory {
    type Word = Category;
    const FACTS: CriterionFacts = CriterionFacts::known(&["secret", "[sast, vulnerability]"]);

    fn word(finding: &Finding) -> Option<Category> {
        Some(finding.category)
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

/// This bad or worse.
pub(crate) struct SeverityIs;

impl SeverityIs {
    fn rank(severity: Severity) -> u8 {
        severity.rank(Severity::Critical)
    }
}

impl Criterion for SeverityIs {
    type Written = Many<Severity>;
    type Value = Option<Severity>;
    const FACTS: CriterionFacts =
        CriterionFacts { graded: true, ..CriterionFacts::known(&["high", "[critical, medium]"]) };

    /// The mildest of the levels holds; `unknown` is none.
    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let levels = written.value.0;
        for level in levels.iter().filter(|level| level.value == Severity::Unknown) {
            problems.add(level.at, PolicyDiagnostic::SeverityUnknown);
        }
        Some(levels.iter().map(|level| level.value).min_by_key(|level| Self::rank(*level)))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let rank = |severity: Severity| severity.rank(around.unknown_severity);
        Answer::of(value.is_none_or(|least| rank(finding.severity) >= rank(least)))
    }

    fn wanted(value: &Self::Value) -> String {
        match value {
            Some(Severity::Critical) => "critical".to_owned(),
            Some(severity) => format!("{severity} or worse"),
            None => String::new(),
        }
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        (finding.severity != Severity::Unknown).then(|| finding.severity.to_string())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let rank = |severity: &Option<Severity>| severity.map(Self::rank);
        let shown =
            |severity: &Option<Severity>| severity.map_or_else(|| "any".to_owned(), |s| s.to_string());
        threshold_narrower(rank(before), rank(after), |_| String::new())
            .map(|_| (shown(before), shown(after)))
    }

    fn simplify(value: &mut Self::Value) {
        *value = value.filter(|severity| *severity != Severity::Info);
    }

    fn escapes_not(inside: &Self::Value, outside: &Self::Value) -> Option<(String, Self::Value)> {
        let level = (*inside)?;
        let milder = outside.is_none_or(|least| Self::rank(least) < Self::rank(level));
        milder.then(|| (format!("is {level} or worse"), Some(level)))
    }
}

pub(super) type StateIs = OneOf<FindingState>;

/// State of a finding, relative to the base.
pub(crate) struct FindingState;

impl WordCriterion for FindingState {
    type Word = State;
    const FACTS: CriterionFacts = CriterionFacts {
        graded: true,
        of_run: true,
        ..CriterionFacts::known(&["new", "[new, existing]", "[new, newly_disclosed]"])
    };

    fn word(finding: &Finding) -> Option<State> {
        Some(finding.state)
    }

    fn escapes_not(inside: &[State]) -> Option<(&'static str, State)> {
        let old = inside.contains(&State::Existing);
        (inside.contains(&State::New) && !old).then_some(("is new", State::New))
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

pub(super) type FixIs = OneOf<FindingFix>;

/// Whether a fixed version exists.
pub(crate) struct FindingFix;

impl WordCriterion for FindingFix {
    type Word = Fix;
    const FACTS: CriterionFacts =
        CriterionFacts { attribute: Some(Attribute::Fix), ..CriterionFacts::lacked(&["available", "none"]) };

    fn word(finding: &Finding) -> Option<Fix> {
        Some(finding.fix).filter(|fix| *fix != Fix::Unknown)
    }

    fn refused(word: Fix, _: bool) -> Option<PolicyDiagnostic> {
        (word == Fix::Unknown).then_some(PolicyDiagnostic::FixUnknown)
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.fix = [Fix::Unknown, Fix::Available, Fix::None][usize::from(n) % 3];
    }
}

pub(super) type IdIs = SomeOf<FindingIds>;

/// Vulnerability ids, of which a finding has one.
pub(crate) struct FindingIds;

impl ListCriterion for FindingIds {
    type Written = Name;
    type Item = RuleGlob;
    const FACTS: CriterionFacts = CriterionFacts::known(&["CVE-2026-1", "\"CVE-2026-*\""]);

    fn item(
        written: At<Self::Written>,
        _: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        if written.value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("CWE-")) {
            let shown = quoted(&written.value);
            let diagnostic = PolicyDiagnostic::CweAmongIds { shown, instead: "use the selector `cwe`" };
            problems.add(written.at, diagnostic);
        }
        rule_glob(&written, problems)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        Answer::of(items.iter().any(|glob| {
            let mut ids = finding.ids.iter().chain([&finding.rule_id]);
            ids.any(|id| glob.matches(id.real()))
        }))
    }

    fn shown(glob: &Self::Item) -> String {
        glob.text().to_owned()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        let ids: Vec<String> = finding.ids.iter().map(ToString::to_string).collect();
        Some(or_none(ids.join(", ")))
    }

    fn spellings(glob: &Self::Item) -> Vec<String> {
        vec![glob.spelling()]
    }
}

pub(super) type RuleIs = SomeOf<FindingRule>;

/// Rule ids, of which a finding has one.
pub(crate) struct FindingRule;

impl ListCriterion for FindingRule {
    type Written = Name;
    type Item = RuleGlob;
    const FACTS: CriterionFacts = CriterionFacts::known(&["\"rule-1*\"", "[rule-3, rule-4]"]);

    fn item(
        written: At<Self::Written>,
        _: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        rule_glob(&written, problems)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        Answer::of(items.iter().any(|glob| glob.matches_rule_of(finding)))
    }

    fn shown(glob: &Self::Item) -> String {
        glob.text().to_owned()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(finding.rule_id.to_string())
    }

    fn spellings(glob: &Self::Item) -> Vec<String> {
        vec![glob.spelling()]
    }
}

pub(super) type ToolIs = SomeOf<FindingTool>;

/// Names of scanners.
pub(crate) struct FindingTool;

impl ListCriterion for FindingTool {
    type Written = Name;
    type Item = String;
    const FACTS: CriterionFacts = CriterionFacts::known(&["tool", "[other, Tool]"]);

    fn item(
        written: At<Self::Written>,
        key: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        Some(exact(written, key, problems))
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        Answer::of(items.iter().any(|tool| tool.eq_ignore_ascii_case(finding.tool.real())))
    }

    fn shown(tool: &Self::Item) -> String {
        tool.clone()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(finding.tool.to_string())
    }

    fn spellings(tool: &Self::Item) -> Vec<String> {
        vec![tool.to_lowercase()]
    }
}

/// A name that is compared as it is: one with a wildcard would match nothing.
fn exact(name: At<Name>, key: &str, problems: &mut PolicyProblems) -> String {
    without_wildcards(key, &name, problems);
    name.value
}

pub(super) type PathIs = SomeOf<FindingPath>;

/// Paths of files.
pub(crate) struct FindingPath;

impl ListCriterion for FindingPath {
    type Written = Name;
    type Item = PathGlob;
    const FACTS: CriterionFacts =
        CriterionFacts { lacking: Lacking::Told, ..CriterionFacts::known(&["\"src/**\"", "\"**\""]) };

    fn item(
        written: At<Self::Written>,
        _: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        place_glob(&written, problems)
    }

    /// One of the places is enough for a rule to look at the finding; what leaves findings out must hold for all of them.
    fn answer(items: &[Self::Item], finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let of = |place: &Location| match place.project_path() {
            Some(path) => Answer::of(items.iter().any(|glob| glob.matches_path(path))),
            None => Answer::Unknown,
        };
        let places = finding.location.iter().chain(&finding.also_at).map(of);
        let answer = if around.inside_not { places.min() } else { places.max() };
        answer.unwrap_or_else(|| {
            let elsewhere = finding.has_no_path() && !items.iter().any(PathGlob::is_everything);
            if elsewhere { Answer::No } else { Answer::Unknown }
        })
    }

    fn shown(glob: &Self::Item) -> String {
        glob.text().to_owned()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        match (&finding.location, finding.also_at.len()) {
            (None, 0) if finding.has_no_path() => Some("none".to_owned()),
            (None, _) => None,
            (Some(at), 0) => Some(at.path.to_string()),
            (Some(at), more) => Some(format!("{}, and {}", at.path, plural(more as u64, "other place"))),
        }
    }

    fn spellings(glob: &Self::Item) -> Vec<String> {
        glob.spellings().map(str::to_owned).collect()
    }

    fn is_everything(glob: &Self::Item) -> bool {
        glob.is_everything()
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let paths = ["", "src/a.py", "lib/b.py"];
        finding.location =
            Location::new(paths[usize::from(n) % 3], None, None, &[]).filter(|_| !n.is_multiple_of(3));
    }
}

pub(super) type PackageIs = SomeOf<FindingPackage>;

/// Names of packages.
pub(crate) struct FindingPackage;

impl ListCriterion for FindingPackage {
    type Written = Name;
    type Item = String;
    const FACTS: CriterionFacts =
        CriterionFacts { lacking: Lacking::Silently, ..CriterionFacts::known(&["p0", "[p1, p2]"]) };

    fn item(
        written: At<Self::Written>,
        key: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item> {
        Some(exact(written, key, problems))
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        let of = |name: &String| Answer::of(finding.is_of_package(name));
        items.iter().map(of).max().unwrap_or(Answer::Yes)
    }

    fn shown(name: &Self::Item) -> String {
        name.clone()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(or_none(finding.package.as_ref().map(|p| p.name.to_string()).unwrap_or_default()))
    }
}

pub(super) type ScopeIs = OneOf<FindingScope>;

/// Kind of dependency.
pub(crate) struct FindingScope;

impl WordCriterion for FindingScope {
    type Word = Scope;
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::Scope),
        ..CriterionFacts::lacked(&["production", "development"])
    };

    fn word(finding: &Finding) -> Option<Scope> {
        finding.scope
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.scope = [None, Some(Scope::Production), Some(Scope::Development)][usize::from(n) % 3];
    }
}

pub(super) type ConfidenceIs = AtLeast<FindingConfidence>;

/// How sure the scanner is.
pub(crate) struct FindingConfidence;

impl ThresholdCriterion for FindingConfidence {
    type Written = Many<Confidence>;
    type Least = Confidence;
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::Confidence),
        ..CriterionFacts::lacked(&["high", "low", "[medium, high]"])
    };

    /// Knowing less must never select less: among several levels the mildest holds.
    fn least(written: Many<Confidence>) -> Option<Confidence> {
        written.0.iter().map(|level| level.value).min()
    }

    fn reaches(least: Confidence, finding: &Finding, _: SelectorContext<'_>) -> Option<bool> {
        finding.confidence.map(|is| is >= least)
    }

    fn shown(least: Confidence) -> String {
        least.to_string()
    }

    fn wanted(least: Confidence) -> String {
        format!("{least} or surer")
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        finding.confidence.map(|is| is.to_string())
    }

    fn escapes_not(least: Confidence) -> Option<String> {
        Some(format!("is sure ({least} or surer)"))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let levels = [None, Some(Confidence::Low), Some(Confidence::Medium), Some(Confidence::High)];
        finding.confidence = levels[usize::from(n) % 4];
    }
}

pub(super) type VerifiedIs = YesNo<SecretVerified>;

/// Whether a secret was found to be live.
pub(crate) struct SecretVerified;

impl FlagCriterion for SecretVerified {
    const FACTS: CriterionFacts =
        CriterionFacts { attribute: Some(Attribute::Verified), ..CriterionFacts::lacked(&["true", "false"]) };
    const WORSE: Option<&'static str> = Some("is found to be live");

    fn is_so(finding: &Finding) -> Option<bool> {
        finding.verified
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.verified = [None, Some(true), Some(false)][usize::from(n) % 3];
    }
}

/// Whether the scanner or the code suppresses a finding. Left out, it stands for `false`: only a rule that asks for
/// suppressed findings sees them.
pub(crate) struct SuppressedIs;

impl Criterion for SuppressedIs {
    type Written = bool;
    type Value = Option<bool>;
    const FACTS: CriterionFacts = CriterionFacts::known(&["true"]);

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        _: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Some(Some(written.value))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, _: SelectorContext<'_>) -> Answer {
        Answer::of(finding.suppressed == value.unwrap_or(false))
    }

    fn wanted(value: &Self::Value) -> String {
        value.unwrap_or(false).to_string()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(finding.suppressed.to_string())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let (was, is) = (before.unwrap_or(false), after.unwrap_or(false));
        (was != is).then(|| (was.to_string(), is.to_string()))
    }

    fn explained(value: &Self::Value) -> Option<String> {
        Some(Self::wanted(value))
    }
}

pub(super) type KevIs = YesNo<KnownExploited>;

/// Whether a vulnerability is known to be exploited.
pub(crate) struct KnownExploited;

impl FlagCriterion for KnownExploited {
    const FACTS: CriterionFacts =
        CriterionFacts { feed: Some(Feed::Kev), ..CriterionFacts::lacked(&["true", "false"]) };
    const WORSE: Option<&'static str> = Some("has begun to be exploited");

    fn is_so(finding: &Finding) -> Option<bool> {
        finding.kev
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.kev = [None, Some(true), Some(false)][usize::from(n) % 3];
    }
}

pub(super) type EpssIs = AtLeast<EpssScore>;

/// How probable it is that a vulnerability is exploited.
pub(crate) struct EpssScore;

impl ThresholdCriterion for EpssScore {
    type Written = Probability;
    type Least = f64;
    const FACTS: CriterionFacts =
        CriterionFacts { feed: Some(Feed::Epss), ..CriterionFacts::lacked(&["0.5", "0.2"]) };

    fn least(written: Probability) -> Option<f64> {
        Some(written.0)
    }

    fn reaches(least: f64, finding: &Finding, _: SelectorContext<'_>) -> Option<bool> {
        finding.epss.map(|is| is >= least)
    }

    fn shown(least: f64) -> String {
        least.to_string()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        finding.epss.map(|is| is.to_string())
    }

    fn escapes_not(least: f64) -> Option<String> {
        Some(format!("has an EPSS of {least} or more"))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.epss = [None, Some(0.1), Some(0.3), Some(0.9)][usize::from(n) % 4];
    }
}

/// A CVSS base score of one of these versions of the standard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CvssThreshold {
    /// This or higher.
    pub at_least: f64,
    /// Versions that count, in order; all if none is set.
    pub versions: [bool; CVSS_VERSIONS.len()],
}

/// Versions of CVSS that a score may be of.
const CVSS_VERSIONS: [&str; 4] = ["4.0", "3.1", "3.0", "2.0"];

impl CvssThreshold {
    fn any_version(&self) -> bool {
        !self.versions.contains(&true)
    }

    /// Whether a score of a version counts; `None` where the report does not say which it is of.
    fn counts(&self, version: Option<&str>) -> bool {
        let of = |version: &str| CVSS_VERSIONS.iter().position(|known| *known == version);
        self.any_version()
            || version.and_then(of).and_then(|at| self.versions.get(at)).copied().unwrap_or_default()
    }

    fn shown(&self) -> String {
        let named = CVSS_VERSIONS.iter().zip(self.versions).filter(|(_, counts)| *counts);
        let named: Vec<&str> = named.map(|(version, _)| *version).collect();
        let least = self.at_least;
        if named.is_empty() {
            least.to_string()
        } else {
            format!("{least} of version {}", named.join(" or "))
        }
    }
}

/// CVSS base score.
pub(crate) struct CvssIs;

impl Criterion for CvssIs {
    type Written = CvssSelector;
    type Value = Option<CvssThreshold>;
    const FACTS: CriterionFacts =
        CriterionFacts::lacked(&["{at_least: 7.0}", "{at_least: 9.0, version: [4.0, 3.1]}"]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        _: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let mut versions = [false; CVSS_VERSIONS.len()];
        for version in written.value.version.map(|list| list.value.0).unwrap_or_default() {
            let named = CVSS_VERSIONS.iter().zip(&mut versions).find(|(known, _)| **known == version.value.0);
            if let Some((_, counts)) = named {
                *counts = true;
            } else {
                let diagnostic = PolicyDiagnostic::UnknownInSelector {
                    key: key.to_owned(),
                    what: "version of CVSS",
                    shown: quoted(&version.value.0),
                };
                problems.unknown(version.at, diagnostic, &version.value.0, &CVSS_VERSIONS);
            }
        }
        Some(Some(CvssThreshold { at_least: written.value.at_least?.value.0, versions }))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    /// A score of another version tells nothing of what one of these would be.
    fn answer(value: &Self::Value, finding: &Finding, _: SelectorContext<'_>) -> Answer {
        let Some(wanted) = value else { return Answer::Yes };
        let rating = finding.cvss.as_deref();
        let counted = rating.and_then(|rating| rating.highest_of(|version| wanted.counts(version)));
        Answer::of(counted.map(|score| score >= wanted.at_least))
    }

    fn wanted(value: &Self::Value) -> String {
        value.map(|wanted| format!("at least {}", wanted.shown())).unwrap_or_default()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        finding.cvss.as_ref().map(|cvss| match &cvss.version {
            Some(version) => format!("{:.1} (version {version})", cvss.score),
            None => format!("{:.1}", cvss.score),
        })
    }

    /// Of which versions counts must be the same: with another a score may be known, or no longer.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let shown = |value: &Self::Value| value.map_or_else(|| "any".to_owned(), |wanted| wanted.shown());
        let kept = match (before, after) {
            (_, None) => true,
            (Some(was), Some(is)) => is.at_least <= was.at_least && was.versions == is.versions,
            (None, Some(_)) => false,
        };
        (!kept).then(|| (shown(before), shown(after)))
    }

    fn escapes_not(inside: &Self::Value, outside: &Self::Value) -> Option<(String, Self::Value)> {
        let level = (*inside)?;
        let more = outside.is_none_or(|least| least.at_least < level.at_least);
        more.then(|| (format!("has a score of {} or more", level.shown()), Some(level)))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        use crate::finding::{CvssRating, Text};
        let score = [None, Some((4.0, "3.1")), Some((7.5, "2.0")), Some((9.8, "4.0"))][usize::from(n) % 4];
        let rating = |(score, version)| {
            Box::new(CvssRating { score, version: Some(Text::line(version)), ..CvssRating::default() })
        };
        finding.cvss = score.map(rating);
    }
}

pub(super) type ReachableIs = OneOf<CodeReachable>;

/// Whether vulnerable code can be reached.
pub(crate) struct CodeReachable;

impl WordCriterion for CodeReachable {
    type Word = Reachability;
    const FACTS: CriterionFacts = CriterionFacts::lacked(&["yes", "no", "[yes, unknown]"]);

    fn word(finding: &Finding) -> Option<Reachability> {
        Some(finding.reachable).filter(|is| *is != Reachability::Unknown)
    }

    /// An attribute that is not known is never left out.
    fn refused(word: Reachability, inside_not: bool) -> Option<PolicyDiagnostic> {
        (word == Reachability::Unknown && inside_not).then_some(PolicyDiagnostic::ReachableUnknown)
    }

    fn unknown() -> Option<Reachability> {
        Some(Reachability::Unknown)
    }

    fn escapes(words: &[Reachability]) -> Option<(&'static str, Reachability)> {
        (words == [Reachability::No]).then_some(("can be reached", Reachability::Yes))
    }

    fn escapes_not(inside: &[Reachability]) -> Option<(&'static str, Reachability)> {
        inside.contains(&Reachability::Yes).then_some(("can be reached", Reachability::Yes))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let words = [Reachability::Unknown, Reachability::Yes, Reachability::No];
        finding.reachable = words[usize::from(n) % 3];
    }
}

pub(super) type DirectIs = YesNo<DirectDependency>;

/// Whether the project itself asks for the package.
pub(crate) struct DirectDependency;

impl FlagCriterion for DirectDependency {
    const FACTS: CriterionFacts = CriterionFacts::lacked(&["true", "false"]);

    fn is_so(finding: &Finding) -> Option<bool> {
        finding.direct
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.direct = [None, Some(true), Some(false)][usize::from(n) % 3];
    }
}

pub(super) type AgeIs = AtLeast<FindingAge>;

/// Time since a finding was published, and since the baseline first knew it. The later of the two is when somebody
/// could begin to answer it. Inside `not` it is the earlier: so that neither what is lost of a report nor a line taken
/// out of a baseline lets anything through.
pub(crate) struct FindingAge;

impl ThresholdCriterion for FindingAge {
    type Written = Duration;
    type Least = i64;
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::Age),
        graded: false,
        of_run: true,
        ..CriterionFacts::lacked(&["10d", "20d"])
    };

    fn least(written: Duration) -> Option<i64> {
        Some(written.0)
    }

    fn reaches(least: i64, finding: &Finding, around: SelectorContext<'_>) -> Option<bool> {
        let ages = [finding.published.map(|at| around.now - at), seen_for(finding, around.now)];
        let mut known = ages.into_iter().flatten().peekable();
        known.peek()?;
        let old = |age: i64| age >= least;
        Some(if around.inside_not { known.any(old) } else { known.all(old) })
    }

    fn shown(least: i64) -> String {
        short_duration(least)
    }

    fn wanted(least: i64) -> String {
        format!("at least {}", duration_text(least))
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        let since =
            |age: Option<i64>, what: &str| age.map(|age| format!("{} since {what}", duration_text(age)));
        let published = since(finding.published.map(|at| around.now - at), "it was published");
        let seen = since(seen_for(finding, around.now), "the baseline first knew it");
        let told: Vec<String> = published.into_iter().chain(seen).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let published = [None, Some(2_900_000), Some(1_500_000), Some(100_000)];
        finding.published = published[usize::from(n) % 4];
    }
}

/// Seconds since the day began on which the baseline first knew a finding. A day to come says nothing.
pub(super) fn seen_for(finding: &Finding, now: i64) -> Option<i64> {
    let day = jiff::tz::Offset::UTC.to_timestamp(finding.first_seen?.at(0, 0, 0, 0)).ok()?;
    Some(now - day.as_second()).filter(|age| *age >= 0)
}

pub(super) type MalwareIs = YesNo<Malicious>;

pub(super) type MaintainedIs = YesNo<PackageMaintained>;

/// Whether the package of a finding is maintained, as far as no report says otherwise.
pub(crate) struct PackageMaintained;

impl FlagCriterion for PackageMaintained {
    const FACTS: CriterionFacts = CriterionFacts::known(&["false", "true"]);
    const WORSE_WHEN: bool = false;
    const WORSE: Option<&'static str> = Some("is about a package that nobody maintains any more");

    fn is_so(finding: &Finding) -> Option<bool> {
        Some(!finding.is_about_unmaintained())
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

pub(super) type EndOfLifeIs = YesNo<SystemEnded>;

/// Whether the system of a package is no longer maintained.
pub(crate) struct SystemEnded;

impl FlagCriterion for SystemEnded {
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::EndOfLife),
        graded: false,
        ..CriterionFacts::lacked(&["true", "false"])
    };
    const WORSE: Option<&'static str> = Some("is of a system that is no longer maintained");

    fn is_so(finding: &Finding) -> Option<bool> {
        finding.end_of_life
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.end_of_life = [None, Some(true), Some(false)][usize::from(n) % 3];
    }
}

/// Published not longer ago than this.
pub(crate) struct PublishedWithin;

impl Criterion for PublishedWithin {
    type Written = Duration;
    type Value = Option<i64>;
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::Age),
        graded: false,
        ..CriterionFacts::lacked(&["7d", "30d"])
    };

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        _: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Some(Some(written.value.0))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let within = |most: i64| Answer::of(finding.published.map(|at| around.now - at <= most));
        value.map_or(Answer::Yes, within)
    }

    fn wanted(value: &Self::Value) -> String {
        value.map(|most| format!("not longer than {} ago", duration_text(most))).unwrap_or_default()
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        finding.published.map(|at| match around.now - at {
            age @ 0.. => format!("{} ago", duration_text(age)),
            _ => "in the future".to_owned(),
        })
    }

    /// The longer time selects more.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let negative = |value: &Self::Value| value.map(|most| -most);
        threshold_narrower(negative(before), negative(after), |most| short_duration(-most))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        FindingAge::vary(finding, n);
    }
}

pub(super) type FixAvailableFor = AtLeast<TimeSinceFix>;

/// Time since the first version with the fix came out. What has no fix has had none for any time.
pub(crate) struct TimeSinceFix;

impl ThresholdCriterion for TimeSinceFix {
    type Written = Duration;
    type Least = i64;
    const FACTS: CriterionFacts = CriterionFacts {
        attribute: Some(Attribute::FixSince),
        graded: false,
        ..CriterionFacts::lacked(&["14d", "20d"])
    };

    fn least(written: Duration) -> Option<i64> {
        Some(written.0)
    }

    fn reaches(least: i64, finding: &Finding, around: SelectorContext<'_>) -> Option<bool> {
        match finding.fix {
            Fix::None => Some(false),
            // A day in the future says nothing.
            Fix::Available => {
                finding.fix_since.map(|at| around.now - at).filter(|age| *age >= 0).map(|age| age >= least)
            }
            Fix::Unknown => None,
        }
    }

    fn shown(least: i64) -> String {
        short_duration(least)
    }

    fn wanted(least: i64) -> String {
        format!("at least {}", duration_text(least))
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        match finding.fix {
            Fix::None => Some("no fix".to_owned()),
            Fix::Available => finding.fix_since.map(|at| duration_text((around.now - at).max(0))),
            Fix::Unknown => None,
        }
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let known = [
            (Fix::Unknown, None),
            (Fix::Available, None),
            (Fix::Available, Some(1_000_000)),
            (Fix::None, None),
        ];
        (finding.fix, finding.fix_since) = known[usize::from(n) % 4];
    }
}

/// Whether a finding is malicious.
pub(crate) struct Malicious;

impl FlagCriterion for Malicious {
    const FACTS: CriterionFacts = CriterionFacts::known(&["true", "false"]);

    fn is_so(finding: &Finding) -> Option<bool> {
        Some(finding.is_malware())
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

/// Subjects that the report is about; becomes [`EvidenceIs`] once the entries are known.
pub(crate) struct SubjectIs;

impl Criterion for SubjectIs {
    type Written = Many<Name>;
    type Value = Vec<String>;
    const FACTS: CriterionFacts = CriterionFacts { of_run: true, ..CriterionFacts::known(&[]) };

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let at = written.at;
        Some(which(Some(&written), references.subjects, at, problems))
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(_: &Self::Value, _: &Finding, _: SelectorContext<'_>) -> Answer {
        Answer::Yes
    }

    fn wanted(value: &Self::Value) -> String {
        alternatives(value)
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    /// The entries are compared.
    fn narrower(_: &Self::Value, _: &Self::Value) -> Option<(String, String)> {
        None
    }

    fn explained(_: &Self::Value) -> Option<String> {
        None
    }
}

pub(super) type EvidenceIs = SomeOf<ReportEntry>;

/// Evidence entries that the report is given for.
pub(crate) struct ReportEntry;

impl ListCriterion for ReportEntry {
    type Written = Name;
    type Item = String;
    const FACTS: CriterionFacts = CriterionFacts { of_run: true, ..CriterionFacts::known(&["a", "[b, c]"]) };

    fn item(written: At<Self::Written>, _: &'static str, _: &mut PolicyProblems) -> Option<Self::Item> {
        Some(written.value)
    }

    fn answer(items: &[Self::Item], _: &Finding, around: SelectorContext<'_>) -> Answer {
        Answer::of(items.iter().any(|name| around.entries.contains(name)))
    }

    fn shown(name: &Self::Item) -> String {
        name.clone()
    }

    fn said(_: &Finding, around: SelectorContext<'_>) -> Option<String> {
        Some(or_none(around.entries.join(", ")))
    }
}

/// A condition on the finding of the JSON output.
pub(crate) struct Condition;

impl Criterion for Condition {
    type Written = Name;
    type Value = Option<Where>;
    const FACTS: CriterionFacts = CriterionFacts {
        lacking: Lacking::Silently,
        of_run: true,
        ..CriterionFacts::known(&["\"@.category == 'sast'\"", "\"@.kev == true || @.kev == null\""])
    };

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        _: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Where::compile(&written.value).map_err(|e| report_query(&written, key, e, problems)).ok().map(Some)
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        Answer::of(value.as_ref().is_none_or(|condition| {
            // What cannot be put into JSON cannot be shown either; it matches, so that it is not lost.
            serde_json::to_value(View::of_finding(&finding.with_real_texts(), around.evidence))
                .map_or(true, |value| condition.matches(&value))
        }))
    }

    fn wanted(value: &Self::Value) -> String {
        value.as_ref().map(Where::text).unwrap_or_default().to_owned()
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let text = |value: &Self::Value| value.as_ref().map(|condition| condition.text().to_owned());
        let (was, is) = (text(before), text(after)?);
        let none = || "none".to_owned();
        (was.as_ref() != Some(&is)).then(|| (was.unwrap_or_else(none), is))
    }

    fn needs(value: &Self::Value, feed: Feed) -> bool {
        value.as_ref().is_some_and(|condition| condition.names(feed.as_str()))
    }
}

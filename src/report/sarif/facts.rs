//! Objects that results of a run refer to: rules, bases of URIs, and overrides of rules by an invocation.
//!
//! Of a rule only what a finding needs is kept. The facts of a run that come after its results are handed to the
//! second reading of the file as one text.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::{Deserialize, Serialize};

use super::driver::of_tag;
use super::location::UriBases;
use super::object::{Index, SarifList, Scalar, objects};
use super::package::{PackageOfRule, RuleHelp};
use crate::finding::{Category, Confidence, CvssRating, Severity, clean_line, is_malware_id};
use crate::report::credential_rule::is_about_secrets;
use crate::report::cvss::{StatedScore, level_of_score, rating, score_number};
use crate::report::json::shapes;
use crate::report::value::{ReportWord, Strings, cwe_numbers};

/// Longest title of a rule, in characters, and most bytes of titles that are kept of a run.
const MAX_TITLE: usize = 160;
const MAX_TITLES: usize = 2 << 20;

objects! {
    /// A rule as `tool.driver.rules` lists it.
    RuleItem<'a> {
        id: ReportWord<'a> = "id",
        guid: ReportWord<'a> = "guid",
        deprecated: Strings<'a> = "deprecatedIds",
        name: ReportWord<'a> = "name",
        short: Message<'a> = "shortDescription",
        full: Message<'a> = "fullDescription",
        help: RuleHelp<'a> = "help",
        configuration: Configuration<'a> = "defaultConfiguration",
        properties: Bag<'a> = "properties",
        relationships: SarifList<Relationship<'a>> = "relationships",
    }
    /// How a rule is set.
    Configuration<'a> { level: Option<ReportWord<'a>> = "level" }
    /// Relations of a rule.
    Relationship<'a> { target: Reference<'a> = "target" }
    /// A reference to a rule, a notification or a class of weaknesses.
    Reference<'a> {
        id: ReportWord<'a> = "id",
        guid: ReportWord<'a> = "guid",
        index: Index = "index",
        component: ComponentReference<'a> = "toolComponent",
    }
    /// A reference to the tool's driver, an extension or a taxonomy.
    ComponentReference<'a> { name: ReportWord<'a> = "name", index: Index = "index", guid: ReportWord<'a> = "guid" }
    /// A message, or the id of one.
    Message<'a> {
        text: ReportWord<'a> = "text",
        markdown: ReportWord<'a> = "markdown",
        id: ReportWord<'a> = "id",
        arguments: Strings<'a> = "arguments",
    }
    /// Properties that tools agree on, of a rule or a result.
    Bag<'a> free but "security-severity" {
        severity: Option<Scalar<'a>> = "security-severity",
        word: ReportWord<'a> = "severity",
        applicability: ReportWord<'a> = "applicability",
        tags: Strings<'a> = "tags",
        cwe: Strings<'a> = "cwe",
        precision: ReportWord<'a> = "precision",
        confidence: ReportWord<'a> = "confidence",
        issue_confidence: ReportWord<'a> = "issue_confidence",
        purls: Strings<'a> = "purls",
        fixed: Option<Scalar<'a>> = "fixedVersion",
        score_2: StatedScore = "cvssv2_score",
        vector_2: ReportWord<'a> = "cvssv2_vector",
        score_3: StatedScore = "cvssv3_baseScore",
        vector_3: ReportWord<'a> = "cvssv3_vector",
        version_3: ReportWord<'a> = "cvssv3_version",
        score_4: StatedScore = "cvssv40_baseScore",
        vector_4: ReportWord<'a> = "cvssv40_vector",
    }
    /// A rule that an invocation set otherwise.
    OverrideItem<'a> { descriptor: Reference<'a> = "descriptor", configuration: Configuration<'a> = "configuration" }
}

shapes!(RuleItem, OverrideItem);

impl RuleItem<'_> {
    /// True if a key that a severity may hang on looks misspelt.
    pub(super) fn is_odd(&self) -> bool {
        self.odd || self.configuration.odd || self.properties.odd || self.relationships.odd
    }
}

/// `level` of a result or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SarifLevel {
    Error,
    Warning,
    Note,
    None,
    /// Something else.
    Unreadable,
}

impl SarifLevel {
    /// The level that is written; `None` where there is none.
    pub(super) fn from_word(word: Option<&ReportWord<'_>>) -> Option<Self> {
        let word = word?.as_str().trim();
        let is = |w: &str| word.eq_ignore_ascii_case(w);
        Some(if is("error") {
            Self::Error
        } else if is("warning") {
            Self::Warning
        } else if is("note") {
            Self::Note
        } else if is("none") {
            Self::None
        } else {
            Self::Unreadable
        })
    }

    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::High,
            Self::Warning => Severity::Medium,
            Self::Note => Severity::Low,
            Self::None => Severity::Info,
            Self::Unreadable => Severity::Unknown,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::None => "none",
            Self::Unreadable => "",
        }
    }
}

impl Bag<'_> {
    /// `security-severity`, a CVSS score or a word, and as it is written; `None` where it is not given, or 0. One that is
    /// given and cannot be read is unknown, and not what a level says.
    pub(super) fn score(&self) -> Option<(Severity, &str)> {
        let text = self.severity.as_ref()?.0.trim();
        let severity = match score_number(text) {
            Some(score) if score.abs() < f64::EPSILON => return None,
            Some(score) => level_of_score(score).unwrap_or(Severity::Unknown),
            None => Severity::plain(text),
        };
        Some((severity, text))
    }

    /// `severity`, where it is a word of the plain table.
    pub(super) fn said(&self) -> Option<(Severity, &str)> {
        let word = self.word.as_str().trim();
        Some((Severity::plain(word), word)).filter(|(severity, _)| *severity != Severity::Unknown)
    }

    /// Numbers in `cwe` and in tags such as `external/cwe/cwe-079`.
    pub(super) fn cwes(&self) -> Vec<u32> {
        let tags = self.tags.0.iter().map(|tag| tag.trim()).filter_map(|tag| {
            let tag = tag.strip_prefix("external/cwe/").unwrap_or(tag);
            tag.get(..4).filter(|head| head.eq_ignore_ascii_case("cwe-")).map(|_| tag)
        });
        cwe_numbers(tags.chain(self.cwe.0.iter().map(AsRef::as_ref)))
    }

    /// Scores by CVSS, under the keys that Dependency-Check, Snyk and Trivy write (AWS `CodeCatalyst` asks for them).
    pub(super) fn ratings(&self) -> impl Iterator<Item = CvssRating> {
        let of = [
            (self.score_4, "4.0", self.vector_4.as_str()),
            (self.score_3, self.version_3.as_str(), self.vector_3.as_str()),
            (self.score_2, "2.0", self.vector_2.as_str()),
        ];
        of.into_iter()
            .filter_map(|(score, version, vector)| rating(score, version, vector))
            .filter(|r| r.score > 0.0)
    }

    /// Category of the results by the tags.
    pub(super) fn category(&self) -> Option<Category> {
        self.tags.0.iter().find_map(|tag| of_tag(tag))
    }

    /// How sure the tool is: of this result, else of the rule, as `precision` or as a tag `HIGH CONFIDENCE`.
    pub(super) fn confidence(&self) -> Option<Confidence> {
        let of_tag = |tag: &str| Confidence::plain(tag.trim().strip_suffix(" CONFIDENCE")?);
        let words = [&self.issue_confidence, &self.confidence];
        words.iter().find_map(|word| Confidence::plain(word.as_str())).or_else(|| {
            let said = self.tags.0.iter().find_map(|tag| of_tag(tag));
            said.or_else(|| match self.precision.as_str() {
                "very-high" => Some(Confidence::High),
                word => Confidence::plain(word),
            })
        })
    }
}

/// Numbers of classes in the CWE taxonomy.
pub(super) fn taxa_cwes<'t>(taxa: impl Iterator<Item = &'t Reference<'t>>) -> Vec<u32> {
    let ids = taxa.filter_map(|taxon| {
        let id = taxon.id.as_str();
        let named = taxon.component.name.as_str().eq_ignore_ascii_case("cwe");
        let prefixed = id.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("cwe-"));
        (named || prefixed).then_some(id)
    });
    cwe_numbers(ids)
}

/// Retained part of a rule.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SarifRule {
    pub(super) id: Box<str>,
    guid: Box<str>,
    /// Ids of malicious packages among those that it had before: OSV-Scanner writes aliases there.
    pub(super) malware: Vec<Box<str>>,
    pub(super) level: Option<SarifLevel>,
    /// `security-severity`, and as it is written.
    pub(super) score: Option<(Severity, Box<str>)>,
    /// `severity` of its properties, and as it is written.
    pub(super) said: Option<(Severity, Box<str>)>,
    /// Its name or text speaks of credentials.
    pub(super) about_secrets: bool,
    pub(super) title: Box<str>,
    pub(super) cwes: Vec<u32>,
    pub(super) category: Option<Category>,
    pub(super) confidence: Option<Confidence>,
    pub(super) ratings: Vec<CvssRating>,
    pub(super) package: Option<Box<PackageOfRule>>,
}

impl SarifRule {
    /// Whether severities of results are the same by both.
    fn is_rated_as(&self, other: &Self) -> bool {
        let rated =
            |rule: &Self| (rule.level, rule.score.as_ref().map(|s| s.0), rule.said.as_ref().map(|s| s.0));
        rated(self) == rated(other)
    }
}

/// The driver or an extension.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SarifComponent {
    pub(super) name: String,
    pub(super) guid: String,
    rules: Vec<SarifRule>,
    /// Some of its rules have a level, or a score; a list that is `null` may have held both.
    pub(super) levels: bool,
    pub(super) scores: bool,
    #[serde(skip)]
    by_id: HashMap<Box<str>, u32>,
    #[serde(skip)]
    by_guid: HashMap<Box<str>, u32>,
    /// Rules of an id that another had before and whose severities are not those of any of them.
    #[serde(skip)]
    twins: HashMap<Box<str>, Vec<u32>>,
}

impl SarifComponent {
    /// Adds a rule; of rules of one id the first is found by it.
    pub(super) fn add(&mut self, item: &RuleItem<'_>, titles: &mut usize) {
        let id = item.id.as_str();
        let words = [item.short.text.as_str(), item.short.markdown.as_str(), item.name.as_str()];
        let title = words.into_iter().find(|w| !w.trim().is_empty() && *w != id).unwrap_or_default();
        let mut title = clean_line(title).chars().take(MAX_TITLE).collect::<String>();
        *titles += title.len();
        if *titles > MAX_TITLES {
            title.clear();
        }
        let mut cwes = item.properties.cwes();
        for cwe in taxa_cwes(item.relationships.items.iter().map(|r| &r.target)) {
            if !cwes.contains(&cwe) {
                cwes.push(cwe);
            }
        }
        let level = SarifLevel::from_word(item.configuration.level.as_ref());
        let score = item.properties.score();
        self.levels |= level.is_some();
        self.scores |= score.is_some();
        self.rules.push(SarifRule {
            id: id.into(),
            guid: item.guid.as_str().trim().to_ascii_lowercase().into(),
            malware: item
                .deprecated
                .0
                .iter()
                .filter(|id| is_malware_id(id))
                .map(|id| (**id).into())
                .collect(),
            level,
            score: score.map(|(score, text)| (score, text.into())),
            said: item.properties.said().map(|(severity, word)| (severity, word.into())),
            about_secrets: words.into_iter().any(|words| is_about_secrets(words, &[])),
            title: title.into(),
            cwes,
            category: item.properties.category(),
            confidence: item.properties.confidence(),
            ratings: item.properties.ratings().collect(),
            package: PackageOfRule::from_rule(item),
        });
        self.index_last();
    }

    fn index_last(&mut self) {
        if let Some(rule) = self.rules.last()
            && let Ok(at) = u32::try_from(self.rules.len() - 1)
        {
            if !rule.guid.is_empty() {
                self.by_guid.entry(rule.guid.clone()).or_insert(at);
            }
            match self.by_id.entry(rule.id.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(at);
                }
                Entry::Occupied(entry) => {
                    let twins = self.twins.entry(rule.id.clone()).or_default();
                    let same = |&at: &u32| self.rules.get(at as usize).is_some_and(|r| r.is_rated_as(rule));
                    if !same(entry.get()) && !twins.iter().any(same) {
                        twins.push(at);
                    }
                }
            }
        }
    }

    /// The other rules of a rule's id, where the rule is one of this component and the index does not tell it from them.
    fn twins(&self, of: &SarifRule, index: Option<u32>) -> impl Iterator<Item = &SarifRule> {
        let is = |at| self.at(at).is_some_and(|rule| std::ptr::eq(rule, of));
        let found = is(self.by_id.get(&of.id).copied()) && !is(index);
        let twins = self.twins.get(&of.id).filter(|_| found).into_iter().flatten();
        twins.filter_map(|at| self.at(Some(*at)))
    }

    fn rule_by_guid(&self, guid: &str) -> Option<&SarifRule> {
        self.at(Some(*self.by_guid.get(guid)?))
    }

    fn at(&self, index: Option<u32>) -> Option<&SarifRule> {
        self.rules.get(usize::try_from(index?).ok()?)
    }

    /// The rule of that id, or of what is before the last `/` of a hierarchical one.
    fn rule_by_id(&self, id: &str) -> Option<&SarifRule> {
        let mut id = id;
        loop {
            if id.is_empty() {
                return None;
            }
            if let Some(at) = self.by_id.get(id) {
                return self.at(Some(*at));
            }
            id = id.rsplit_once('/')?.0;
        }
    }

    fn find(&self, id: &str, index: Option<u32>) -> Option<&SarifRule> {
        let fits = |rule: &&SarifRule| {
            id.strip_prefix(&*rule.id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                || id.is_empty()
        };
        self.at(index).filter(fits).or_else(|| self.rule_by_id(id))
    }
}

/// The rule of a result.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleOfResult<'f> {
    pub(super) rule: &'f SarifRule,
    /// The result's index names it, and its id names another, which is listed nowhere.
    pub(super) doubtful: bool,
}

/// How a result or an override names its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RuleName<'n> {
    pub(super) id: std::borrow::Cow<'n, str>,
    pub(super) index: Option<u32>,
    /// Index of the extension, or name of the component.
    pub(super) extension: Option<u32>,
    pub(super) component: std::borrow::Cow<'n, str>,
    pub(super) guid: std::borrow::Cow<'n, str>,
    /// Of the rule itself.
    pub(super) rule_guid: std::borrow::Cow<'n, str>,
}

/// A level that an invocation gave a rule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Override {
    pub(super) invocation: u32,
    pub(super) rule: RuleName<'static>,
    pub(super) level: SarifLevel,
}

/// Objects that the results of a run refer to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SarifRunFacts {
    pub(super) driver: SarifComponent,
    pub(super) extensions: Vec<SarifComponent>,
    pub(super) bases: UriBases,
    pub(super) overrides: Vec<Override>,
    /// Part of the repository that the run is about (`automationDetails`).
    #[serde(default)]
    pub(super) part: String,
}

impl SarifRunFacts {
    /// The facts that an earlier reading noted.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut facts: Self = serde_json::from_str(text).ok()?;
        for component in std::iter::once(&mut facts.driver).chain(&mut facts.extensions) {
            let rules = std::mem::take(&mut component.rules);
            for rule in rules {
                component.rules.push(rule);
                component.index_last();
            }
        }
        Some(facts)
    }

    /// As text for the next reading.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The rule that is named. An id outweighs an index that contradicts it: old Grype writes 0 everywhere. An index into
    /// a component that is not there names nothing.
    pub(super) fn rule(&self, named: &RuleName<'_>) -> Option<RuleOfResult<'_>> {
        let (id, index) = (named.id.as_ref(), named.index);
        let extension = named.extension.and_then(|at| self.extensions.get(usize::try_from(at).ok()?));
        let all = || std::iter::once(&self.driver).chain(&self.extensions);
        let by_guid = || all().find(|c| !named.guid.is_empty() && c.guid == named.guid);
        let by_name = || all().find(|c| !named.component.is_empty() && c.name == named.component);
        let elsewhere = named.extension.is_some() || !named.component.is_empty() || !named.guid.is_empty();
        let own = Some(&self.driver).filter(|_| !elsewhere);
        let home = extension.or_else(by_guid).or_else(by_name).or(own);
        let sure = home
            .and_then(|home| home.find(id, index))
            .or_else(|| self.driver.rule_by_id(id))
            .or_else(|| self.extensions.iter().find_map(|c| c.rule_by_id(id)))
            .or_else(|| {
                let guid = named.rule_guid.trim().to_ascii_lowercase();
                all().find_map(|c| c.rule_by_guid(&guid))
            });
        if let Some(rule) = sure {
            return Some(RuleOfResult { rule, doubtful: false });
        }
        let rule = home?.at(index)?;
        Some(RuleOfResult { rule, doubtful: !rule.id.is_empty() })
    }

    /// Other rules of the id of one that a result names by its id, where nothing tells which of them it means.
    pub(super) fn twins(&self, of: &SarifRule, index: Option<u32>) -> impl Iterator<Item = &SarifRule> {
        std::iter::once(&self.driver).chain(&self.extensions).flat_map(move |c| c.twins(of, index))
    }

    /// True if a result without a level may lack its severity where its rule is not listed: those that are listed tell
    /// theirs.
    pub(super) fn tells_severity(&self) -> bool {
        let mut all = std::iter::once(&self.driver).chain(&self.extensions);
        all.any(|c| c.scores || c.levels)
    }

    /// The level that invocation gave the rule.
    pub(super) fn overridden(&self, invocation: Option<u32>, rule: &SarifRule) -> Option<SarifLevel> {
        let invocation = invocation?;
        let of = |o: &&Override| {
            o.invocation == invocation
                && self.rule(&o.rule).is_some_and(|of| !of.doubtful && std::ptr::eq(of.rule, rule))
        };
        self.overrides.iter().find(of).map(|o| o.level)
    }
}

impl Reference<'_> {
    /// True if it names anything.
    pub(super) fn is_given(&self) -> bool {
        !self.id.as_str().is_empty() || !self.guid.as_str().is_empty() || self.index.0.is_some()
    }

    /// The rule it names, on its own.
    pub(super) fn rule_name(&self) -> RuleName<'static> {
        RuleName {
            id: self.id.as_str().to_owned().into(),
            index: self.index.0,
            extension: self.component.index.0,
            component: self.component.name.as_str().to_owned().into(),
            guid: self.component.guid.as_str().to_owned().into(),
            rule_guid: self.guid.as_str().to_owned().into(),
        }
    }
}

//! A result as a finding.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::driver::{DriverLevels, ToolDriver, advisories, named_for, names_credentials};
use super::facts::{
    Bag, Message, Reference, RuleName, RuleOfResult, SarifLevel, SarifRule, SarifRunFacts, taxa_cwes,
};
use super::location::ResultLocation;
use super::object::{Ends, First, Hashes, Index, MAX_ENDS, SarifList, Scalar, objects};
use super::package::{self, PackageTexts};
use crate::finding::{
    Category, Finding, FingerprintBuilder, Location, PlaceRole, Reachability, RelatedPlace, Severity, Text,
};
use crate::report::checkov::is_secret_check;
use crate::report::conceal::{Scrutiny, comparable, speaks_of_credentials, without_values};
use crate::report::credential_rule::{is_about_secrets, withheld};
use crate::report::cvss::highest;
use crate::report::field::suppress;
use crate::report::json::shapes;
use crate::report::value::{LineNumber, Loose, ReportWord};
use crate::report::web_address::stable_place;

/// Ways that data takes of a result, threads of each, and steps of those, whose places are looked at.
const MAX_FLOWS: usize = 32;
const MAX_THREADS: usize = 8;
const MAX_STEPS: usize = 256;
/// Path of a place that nobody knows.
const UNKNOWN: &str = "../unknown";

objects! {
    /// A result.
    Item<'a> {
        rule_id: ReportWord<'a> = "ruleId",
        rule_index: Index = "ruleIndex",
        rule: Reference<'a> = "rule",
        kind: ReportWord<'a> = "kind",
        level: Option<ReportWord<'a>> = "level",
        message: Message<'a> = "message",
        locations: SarifList<Spot<'a>> = "locations",
        properties: Bag<'a> = "properties",
        suppressions: SarifList<Option<Suppression<'a>>> = "suppressions",
        baseline: ReportWord<'a> = "baselineState",
        hashes: Hashes<'a> = "partialFingerprints",
        provenance: Provenance<'a> = "provenance",
        taxa: SarifList<Reference<'a>> = "taxa",
        related: Ends<Spot<'a>> = "relatedLocations",
        flows: Ends<CodeFlow<'a>, MAX_FLOWS> = "codeFlows",
        fixes: First<FixItem<'a>> = "fixes",
        request: WebRequest<'a> = "webRequest",
        analysed: AnalysedFile<'a> = "analysisTarget",
    }
    /// The file that was analysed, where the result is in another.
    AnalysedFile<'a> { uri: Scalar<'a> = "uri" }
    /// A request that shows the result.
    WebRequest<'a> { target: Scalar<'a> = "target", method: Scalar<'a> = "method" }
    /// A way that data takes.
    CodeFlow<'a> { threads: Ends<ThreadFlow<'a>, MAX_THREADS> = "threadFlows" }
    /// Its steps.
    ThreadFlow<'a> { steps: Ends<FlowStep<'a>, MAX_STEPS> = "locations" }
    /// A step, which may be one of a list of the run.
    FlowStep<'a> { at: Spot<'a> = "location", index: Index = "index" }
    /// A change that would help.
    FixItem<'a> { description: Message<'a> = "description" }
    /// Of a result only where it is.
    Glimpse<'a> { locations: First<Spot<'a>> = "locations" }
    /// A location.
    Spot<'a> {
        physical: Physical<'a> = "physicalLocation",
        logical: SarifList<LogicalPlace<'a>> = "logicalLocations",
        message: Message<'a> = "message",
    }
    /// A place by name.
    LogicalPlace<'a> { full: ReportWord<'a> = "fullyQualifiedName", short: Scalar<'a> = "name" }
    /// A place in a file, or in memory.
    Physical<'a> {
        artifact: Artifact<'a> = "artifactLocation",
        region: Region<'a> = "region",
        address: Address<'a> = "address",
    }
    /// A place in a binary.
    Address<'a> {
        absolute: Scalar<'a> = "absoluteAddress",
        full: Scalar<'a> = "fullyQualifiedName",
        name: Scalar<'a> = "name",
    }
    /// A file.
    Artifact<'a> { uri: ReportWord<'a> = "uri", base: ReportWord<'a> = "uriBaseId", index: Index = "index" }
    /// Lines of a file.
    Region<'a> { start: LineNumber = "startLine", end: LineNumber = "endLine", snippet: Snippet<'a> = "snippet" }
    /// Code, of which only values of secrets are taken, to mask them.
    Snippet<'a> { text: ReportWord<'a> = "text" }
    /// Why a result does not count.
    Suppression<'a> {
        status: Loose<ReportWord<'a>> = "status",
        state: Loose<ReportWord<'a>> = "state",
        kind: ReportWord<'a> = "kind",
        why: ReportWord<'a> = "justification",
    }
    /// Where a result comes from.
    Provenance<'a> { invocation: Index = "invocationIndex" }
    /// An element of `artifacts`.
    ArtifactItem<'a> { location: Artifact<'a> = "location" }
}

shapes!(Item, Glimpse, ArtifactItem);

/// Context in which the results of a run are read.
pub(super) struct Scene<'s> {
    pub(super) facts: &'s SarifRunFacts,
    pub(super) driver: Option<ToolDriver>,
    /// The tool's name.
    pub(super) tool: &'s str,
    /// Contents of the policy expects the file to.
    pub(super) expected: Option<Category>,
    pub(super) roots: &'s [String],
    /// URI and base of an element of `artifacts`.
    pub(super) artifact: &'s dyn Fn(u32) -> Option<(String, String)>,
}

/// Facts beside the rule that the severity of a result hangs on.
#[derive(Clone, Copy)]
struct Rating<'s> {
    scene: &'s Scene<'s>,
    /// Its `kind` is one of those that did not fail.
    not_failed: bool,
    /// It is about a secret.
    secret: bool,
}

impl Scene<'_> {
    /// Old Grype wrote a suppression beside every result, whatever anybody had decided.
    fn suppresses_all(&self) -> bool {
        self.facts.driver.name.starts_with("Anchore Container Vulnerability Report")
    }
}

/// Meaning of a result.
#[derive(Default)]
pub(super) struct SarifFinding {
    /// The finding; none where the rule was met.
    pub(super) finding: Option<Box<Finding>>,
    /// It says where it is by an index into `artifacts`, which are not known yet.
    pub(super) needs: Option<u32>,
    pub(super) remarks: Remarks,
    /// The code that it is in, of a finding about a credential.
    pub(super) code: Option<String>,
}

/// Remarks on a result, and how often in a run.
#[derive(Default)]
pub(super) struct Remarks {
    /// Something in it looks misspelt.
    pub(super) odd: u64,
    /// It names a rule that the tool does not list, and has no severity of its own.
    pub(super) unlisted: u64,
    /// Its URI has a base.
    pub(super) based: u64,
    /// Nothing tells what kind of problem it is.
    pub(super) guessed: u64,
}

impl Remarks {
    pub(super) fn add(&mut self, other: &Self) {
        self.odd += other.odd;
        self.unlisted += other.unlisted;
        self.based += other.based;
        self.guessed += other.guessed;
    }
}

impl Artifact<'_> {
    /// The index into `artifacts`, where nothing else tells the file.
    fn needs(&self) -> Option<u32> {
        self.index.0.filter(|_| self.uri.as_str().is_empty())
    }

    /// Its URI has a base, or may have one in `artifacts`.
    fn is_based(&self) -> bool {
        !self.base.as_str().is_empty() || self.needs().is_some()
    }

    /// It names no file at all.
    fn is_nowhere(&self) -> bool {
        self.uri.as_str().is_empty() && self.needs().is_none()
    }

    /// URI and base, as one text.
    pub(super) fn fact(&self) -> String {
        format!("{}\n{}", self.base.as_str(), self.uri.as_str())
    }
}

impl Glimpse<'_> {
    /// Values for [`SarifFinding::needs`] and for `based` in the remarks.
    pub(super) fn of_place(&self) -> (Option<u32>, bool) {
        let artifact = self.locations.0.as_ref().map(|spot| &spot.physical.artifact);
        (artifact.and_then(Artifact::needs), artifact.is_some_and(Artifact::is_based))
    }
}

impl Spot<'_> {
    /// The path, for notifications.
    pub(super) fn path(&self) -> &str {
        self.physical.artifact.uri.as_str()
    }
}

impl Item<'_> {
    /// The finding that the result is, or why it has no meaning.
    pub(super) fn to_finding(&self, scene: &Scene<'_>) -> Result<SarifFinding, &'static str> {
        let kind = self.kind.as_str().trim();
        let is = |word: &&str| kind.eq_ignore_ascii_case(word);
        if ["pass", "notApplicable"].iter().any(is) {
            let remarks = Remarks { odd: self.is_odd().into(), ..Remarks::default() };
            return Ok(SarifFinding { remarks, ..SarifFinding::default() });
        }
        let named = self.rule_name();
        let of_rule = scene.facts.rule(&named);
        // Of a rule in doubt only the severity is looked at.
        let rule = of_rule.filter(|of| !of.doubtful).map(|of| of.rule);
        let id = [self.rule_id.as_str(), self.rule.id.as_str(), rule.map_or("", |r| &r.id)]
            .into_iter()
            .find(|id| !id.is_empty())
            .unwrap_or_default();
        let message = self.message.words();
        if named == RuleName::default()
            && message.is_empty()
            && self.level.is_none()
            && self.locations.items.is_empty()
        {
            return Err("a result has neither `ruleId`, `message`, `level` nor `locations`");
        }
        let not_failed = ["review", "open", "informational"].iter().any(is);
        let cwes = self.cwes(rule);
        let (category, guessed) = self.category(scene, rule, id, &cwes);
        let by = Rating { scene, not_failed, secret: category == Category::Secret };
        let (severity, native) = self.severity(of_rule, by);
        let mut finding = Box::new(Finding::new(category, scene.tool, id, severity));
        finding.native_severity = Some(Text::line(native)).filter(|n| !n.is_empty());
        let secret = category == Category::Secret || is_about_secrets(id, &cwes);
        finding.may_hold_secret =
            secret || rule.is_some_and(|rule| rule.about_secrets) || is_about_secrets(&message, &[]);
        finding.cwes = cwes;
        finding.title = Text::line(&title(&finding, rule, &message, secret));
        let semgrep = scene.driver.is_some_and(|d| d.tool == "semgrep");
        finding.confidence = self.properties.confidence().or_else(|| rule?.confidence.filter(|_| !semgrep));
        if self.is_suppressed() && !scene.suppresses_all() {
            self.suppress(&mut finding);
        }
        if category == Category::Vulnerability {
            finding.ids = match advisories(id) {
                ids if ids.is_empty() => vec![Text::line(id)],
                ids => ids.iter().map(|id| Text::line(id)).collect(),
            };
            finding.ids.retain(|id| !id.is_empty());
        }
        finding.ids.extend(rule.iter().flat_map(|rule| &rule.malware).map(|id| Text::line(id)));
        finding.reachable = self.reachable(scene);
        package::tell(&self.package_texts(scene), rule, &mut finding);
        let ratings = rule.into_iter().flat_map(|rule| rule.ratings.iter().cloned());
        finding.cvss = highest(self.properties.ratings().chain(ratings)).map(Box::new);
        let needs = self.place(scene, &mut finding);
        self.other_places(scene, &mut finding);
        self.explaining_places(scene, &mut finding);
        self.passed_places(scene, &mut finding);
        if finding.target.is_none() && !scene.facts.part.is_empty() {
            finding.target = Some(Text::line(&scene.facts.part));
        }
        let id = self.identity(&mut finding, secret, &message, semgrep);
        let id = if scene.facts.part.is_empty() { id } else { id.part("part").part(&scene.facts.part) };
        // One place more is more than was known.
        let mut others: Vec<&str> = finding.also_at.iter().map(|at| at.path.real()).collect();
        others.sort_unstable();
        let id = others.into_iter().fold(id, |id, file| id.part("also").part(file));
        let id = self.code_of_places(&mut finding, id);
        let place =
            finding.path().or(finding.target.as_ref().map(Text::as_str)).unwrap_or_default().to_owned();
        finding.identify_at(id, &place);
        let based = self.artifact().is_some_and(Artifact::is_based);
        let unlisted = of_rule.is_none()
            && named != RuleName::default()
            && self.properties.score().is_none()
            && self.level.is_none()
            && scene.facts.tells_severity();
        let remarks = Remarks {
            odd: self.is_odd().into(),
            unlisted: unlisted.into(),
            based: based.into(),
            guessed: guessed.into(),
        };
        let snippet = self.locations.items.first().map(|spot| spot.physical.region.snippet.text.as_str());
        let code = snippet.filter(|code| finding.may_hold_secret && !code.is_empty()).map(str::to_owned);
        Ok(SarifFinding { finding: Some(finding), needs, remarks, code })
    }

    fn is_odd(&self) -> bool {
        let component = &self.rule.component;
        self.odd
            || self.rule.odd
            || component.odd
            || self.properties.odd
            || self.provenance.odd
            || self.taxa.odd
    }

    fn rule_name(&self) -> RuleName<'_> {
        let id = match self.rule_id.as_str() {
            "" => self.rule.id.as_str(),
            id => id,
        };
        RuleName {
            id: id.into(),
            index: self.rule.index.0.or(self.rule_index.0),
            extension: self.rule.component.index.0,
            component: self.rule.component.name.as_str().into(),
            guid: self.rule.component.guid.as_str().into(),
            rule_guid: self.rule.guid.as_str().into(),
        }
    }

    /// The severity, and the word of the report that it was made of. Where it is in doubt whether the rule is the
    /// result's, the worse of what it gives with and without; of several rules of its id, the worst.
    fn severity<'r>(&'r self, of: Option<RuleOfResult<'r>>, by: Rating<'r>) -> (Severity, &'r str) {
        let with = self.severity_by(of.map(|of| of.rule), by);
        let Some(of) = of else { return with };
        let without = of.doubtful.then(|| self.severity_by(None, by));
        let twins = by.scene.facts.twins(of.rule, self.rule.index.0.or(self.rule_index.0));
        let others = twins.map(|twin| self.severity_by(Some(twin), by)).chain(without);
        others.fold(with, |worst, other| if rank(other.0) > rank(worst.0) { other } else { worst })
    }

    fn severity_by<'r>(&'r self, rule: Option<&'r SarifRule>, by: Rating<'_>) -> (Severity, &'r str) {
        let Rating { scene, not_failed, secret } = by;
        if let Some(score) = self.properties.score() {
            return score;
        }
        if let Some((score, word)) = rule.and_then(|r| r.score.as_ref()) {
            return (*score, word);
        }
        let of_rule = |rule| scene.facts.overridden(self.provenance.invocation.0, rule).or(rule.level);
        let (level, word) = match SarifLevel::from_word(self.level.as_ref()) {
            Some(level) => (Some(level), self.level.as_ref().map_or("", ReportWord::as_str)),
            None if not_failed => (Some(SarifLevel::None), SarifLevel::None.as_str()),
            None => {
                let level = rule.and_then(of_rule);
                (level, level.map_or("", SarifLevel::as_str))
            }
        };
        let levels = match scene.driver {
            Some(driver) if driver.levels != DriverLevels::Told => driver.levels,
            _ if secret || named_for(scene.tool) == Some(Category::Secret) => DriverLevels::OfSecrets,
            Some(driver) => driver.levels,
            None => DriverLevels::Told,
        };
        let by_level = match (levels, level) {
            (DriverLevels::Constant, _) => (Severity::Unknown, word),
            (DriverLevels::OfSecrets, None) => (Severity::Critical, word),
            (DriverLevels::Told, None) => (SarifLevel::Warning.severity(), SarifLevel::Warning.as_str()),
            (DriverLevels::Told | DriverLevels::OfSecrets, Some(level)) => (level.severity(), word),
        };
        // A level knows no more than `error`; a word beside it may say that it is worse.
        let of_rule = rule.and_then(|rule| rule.said.as_ref()).map(|(severity, word)| (*severity, &**word));
        self.properties.said().into_iter().chain(of_rule).fold(by_level, |is, said| {
            let silent = levels == DriverLevels::Constant && is.0 == Severity::Unknown;
            if silent || rank(said.0) > rank(is.0) || said.0 == Severity::Critical { said } else { is }
        })
    }

    /// Result of an analysis of the code that uses a vulnerable package (`JFrog`).
    fn reachable(&self, scene: &Scene<'_>) -> Reachability {
        let word = self.properties.applicability.as_str().trim();
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        let by_run = scene.driver.is_some_and(|d| d.tool == "jfrog")
            && self.rule_id.as_str().starts_with("applic_")
            && self.kind.as_str().trim().eq_ignore_ascii_case("fail");
        if is("Applicable") || by_run && word.is_empty() {
            Reachability::Yes
        } else if is("Not Applicable") {
            Reachability::No
        } else {
            Reachability::Unknown
        }
    }

    fn cwes(&self, rule: Option<&SarifRule>) -> Vec<u32> {
        let mut cwes = rule.map(|r| r.cwes.clone()).unwrap_or_default();
        let own = self.properties.cwes();
        for cwe in own.into_iter().chain(taxa_cwes(self.taxa.items.iter())) {
            if !cwes.contains(&cwe) {
                cwes.push(cwe);
            }
        }
        cwes
    }

    /// Kind of problem, and whether that is a guess.
    fn category(
        &self,
        scene: &Scene<'_>,
        rule: Option<&SarifRule>,
        id: &str,
        cwes: &[u32],
    ) -> (Category, bool) {
        let tagged = || self.properties.category().or_else(|| rule?.category);
        match scene.driver {
            Some(driver) if driver.mixed => (tagged().unwrap_or(driver.category), false),
            // Checks for credentials among those of infrastructure, as in the tools' own formats.
            Some(ToolDriver { category: Category::Misconfiguration, .. })
                if is_secret_check(id) || rule.is_some_and(|rule| is_query_for_secrets(&rule.title)) =>
            {
                (Category::Secret, false)
            }
            Some(driver) => (driver.category, false),
            None if names_credentials(cwes) => (Category::Secret, false),
            None => match tagged().or_else(|| named_for(scene.tool)).or(scene.expected) {
                Some(category) => (category, false),
                None if !advisories(id).is_empty() => (Category::Vulnerability, false),
                None => (Category::Sast, true),
            },
        }
    }

    /// An absent status is an accepted one; a misspelt key or another word is not.
    fn is_suppressed(&self) -> bool {
        let accepted = |word: &Loose<ReportWord<'_>>| {
            !word.given || word.value.as_ref().is_some_and(|word| word.as_str() == "accepted")
        };
        let listed = &self.suppressions.items;
        let holds = |s: &Suppression<'_>| !s.odd && accepted(&s.status) && accepted(&s.state);
        let all = listed.iter().all(|suppression| suppression.as_ref().is_some_and(holds));
        !listed.is_empty() && all || self.baseline.as_str() == "absent"
    }

    /// The first suppression tells.
    fn suppress(&self, finding: &mut Finding) {
        match self.suppressions.items.first() {
            Some(Some(first)) => {
                let kind = match first.kind.as_str() {
                    "inSource" => "comment in the source",
                    "external" => "suppressed outside of the source",
                    _ => "suppressed",
                };
                suppress(finding, kind, &[first.why.as_str()]);
            }
            Some(None) | None => suppress(finding, "absent since the tool's baseline", &[]),
        }
    }

    fn artifact(&self) -> Option<&Artifact<'_>> {
        self.locations.items.first().map(|spot| &spot.physical.artifact)
    }

    /// Sets the other places that it names. One of which the file is not known is no file of the project.
    fn other_places(&self, scene: &Scene<'_>, finding: &mut Finding) {
        for Spot { physical, .. } in self.locations.items.iter().skip(1) {
            let artifact = &physical.artifact;
            let (uri, base) = match artifact.needs() {
                None if artifact.uri.as_str().is_empty() => continue,
                None => (artifact.uri.as_str().to_owned(), artifact.base.as_str().to_owned()),
                Some(index) => (scene.artifact)(index).unwrap_or_else(|| (UNKNOWN.to_owned(), String::new())),
            };
            let place = ResultLocation::resolve(&uri, &base, &scene.facts.bases, scene.roots);
            finding.also_at.extend(place.location(
                physical.region.start.0,
                physical.region.end.0,
                scene.roots,
            ));
        }
    }

    fn package_texts(&self, scene: &Scene<'_>) -> PackageTexts<'_> {
        let first = self.locations.items.first();
        PackageTexts {
            tool: scene.driver.map_or("", |driver| driver.tool),
            message: self.message.text.as_str(),
            logical: first
                .and_then(|spot| spot.logical.items.first())
                .map_or("", |place| place.full.as_str()),
            fix: self.fixes.0.as_ref().map_or("", |fix| fix.description.text.as_str()),
            fixed_version: self.properties.fixed.as_ref().map(|fixed| fixed.0.as_ref()),
        }
    }

    /// Sets the places that explain it. What is said of them is left out where it may quote a credential.
    fn explaining_places(&self, scene: &Scene<'_>, finding: &mut Finding) {
        let quiet = finding.may_hold_secret;
        let place = |role, spot: &Spot<'_>| {
            let artifact = &spot.physical.artifact;
            let location = (!artifact.uri.as_str().is_empty()).then(|| {
                let (uri, base) = (artifact.uri.as_str(), artifact.base.as_str());
                let place = ResultLocation::resolve(uri, base, &scene.facts.bases, scene.roots);
                let region = &spot.physical.region;
                place.location(region.start.0, region.end.0, scene.roots)
            });
            let location = location.flatten();
            let words = Some(spot.message.words()).filter(|words| !quiet && !speaks_of_credentials(words));
            let message = Text::line(&words.unwrap_or_default());
            (location.is_some() || !message.is_empty()).then_some(RelatedPlace { role, location, message })
        };
        let more = |role, left_out: usize| {
            let message = Text::line(&format!("… {left_out} more …"));
            (left_out > 0).then_some(RelatedPlace { role, location: None, message })
        };
        let related = self.related.items.iter().filter_map(|spot| place(PlaceRole::Related, spot));
        finding.related.extend(related);
        finding.related.extend(more(PlaceRole::Related, self.related.left_out));
        let thread = self.flows.items.first().and_then(|flow| flow.threads.items.first());
        let Some(ThreadFlow { steps, .. }) = thread else { return };
        // Of one flow the first steps and the last are shown.
        let shown = steps.items.len().min(MAX_ENDS);
        let first = steps.items.iter().take(shown.saturating_sub(1));
        let mut flow: Vec<_> =
            first.chain(steps.items.last()).filter_map(|step| place(PlaceRole::Flow, &step.at)).collect();
        if let Some(more) = more(PlaceRole::Flow, steps.items.len() - shown + steps.left_out) {
            flow.insert(flow.len().saturating_sub(1), more);
        }
        finding.related.append(&mut flow);
    }

    /// Sets the places that data passes on its way to the result, in all flows, each once.
    fn passed_places(&self, scene: &Scene<'_>, finding: &mut Finding) {
        let threads = || self.flows.items.iter().flat_map(|flow| &flow.threads.items);
        let mut whole = self.flows.left_out == 0
            && self.flows.items.iter().all(|flow| flow.threads.left_out == 0)
            && threads().all(|thread| thread.steps.left_out == 0);
        let mut seen = BTreeSet::new();
        for FlowStep { at, index, .. } in threads().flat_map(|thread| &thread.steps.items) {
            let Spot { physical: Physical { artifact, region, .. }, .. } = at;
            let lines = (region.start.0, region.end.0);
            let named = artifact.needs().is_some() || !artifact.uri.as_str().is_empty();
            if !named {
                whole &= index.0.is_none();
            } else if seen.insert((artifact.uri.as_str(), artifact.base.as_str(), artifact.index.0, lines)) {
                let known = artifact.needs().map(|index| (scene.artifact)(index));
                let (uri, base) = match &known {
                    None => (artifact.uri.as_str(), artifact.base.as_str()),
                    Some(Some((uri, base))) => (uri.as_str(), base.as_str()),
                    Some(None) => (UNKNOWN, ""),
                };
                let place = ResultLocation::resolve(uri, base, &scene.facts.bases, scene.roots);
                finding.passes.extend(place.location(lines.0, lines.1, scene.roots));
            }
        }
        if !whole {
            finding.passes.extend(Location::new(UNKNOWN, None, None, &[]));
        }
    }

    /// Sets where the finding is; gives the index of the artifact that is needed for it and not known.
    fn place(&self, scene: &Scene<'_>, finding: &mut Finding) -> Option<u32> {
        let spot = self.locations.items.first()?;
        let artifact = &spot.physical.artifact;
        let known;
        let (uri, base) = match artifact.needs() {
            None => (artifact.uri.as_str(), artifact.base.as_str()),
            Some(index) => match (scene.artifact)(index) {
                Some(found) => {
                    known = found;
                    (known.0.as_str(), known.1.as_str())
                }
                None => return Some(index),
            },
        };
        let place = ResultLocation::resolve(uri, base, &scene.facts.bases, scene.roots);
        let region = &spot.physical.region;
        finding.location = place.location(region.start.0, region.end.0, scene.roots);
        finding.target = place.address;
        None
    }

    /// Adds the code at all places of a result with several. Where the report does not show it, lines tell it.
    fn code_of_places(&self, finding: &mut Finding, id: FingerprintBuilder) -> FingerprintBuilder {
        if finding.also_at.is_empty() || finding.package.is_some() {
            return id;
        }
        let regions = || self.locations.items.iter().map(|spot| &spot.physical.region);
        let code = |region: &Region<'_>| !region.snippet.text.as_str().trim().is_empty();
        let shown = !finding.may_hold_secret && regions().all(code);
        if !shown {
            finding.told_by_code |= regions().skip(1).any(|region| region.start.0.is_some());
            return id;
        }
        let mut code: Vec<String> = regions()
            .map(|region| region.snippet.text.as_str().split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        code.sort_unstable();
        code.iter().fold(id.part("code"), |id, code| id.part(code))
    }

    /// Tool and rule; of a package its version; else the tool's hash of the code, or the message, which of Semgrep is
    /// the rule's. Of a secret neither hash nor message: both may be made of its value.
    fn identity(
        &self,
        finding: &mut Finding,
        secret: bool,
        message: &str,
        semgrep: bool,
    ) -> FingerprintBuilder {
        let id = FingerprintBuilder::new("sarif").part(finding.tool.as_str()).part(finding.rule_id.as_str());
        if secret {
            return id;
        }
        if let Some(package) = &finding.package {
            return id.part(package.name.as_str()).part(package.version.as_str());
        }
        let (id, placed) = self.places_without_file(finding, id);
        let hashes = [self.hashes.line.as_str(), self.hashes.context.as_str()];
        if let Some(hash) = hashes.into_iter().find(|hash| !hash.is_empty()) {
            return id.part("hash").part(hash);
        }
        // Where nothing says the place, nobody can say that it is the same.
        finding.told_by_code = finding.path().is_some() || !placed;
        if semgrep && finding.path().is_some() {
            return id;
        }
        let id =
            id.part("message").folded(&comparable(&without_lines(message))).part(self.message.id.as_str());
        self.message
            .arguments
            .0
            .iter()
            .fold(id, |id, argument| id.part(&comparable_argument(message, argument)))
    }
}

impl Item<'_> {
    /// Adds what tells the place of a result that names no file, and whether anything does.
    fn places_without_file(&self, finding: &Finding, id: FingerprintBuilder) -> (FingerprintBuilder, bool) {
        if finding.path().is_some() {
            return (id, true);
        }
        let mut places: BTreeSet<(&str, Cow<'_, str>)> = BTreeSet::new();
        for Spot { physical: Physical { address, .. }, logical, .. } in &self.locations.items {
            let names = logical.items.iter().map(|at| [at.full.as_str(), &at.short.0]);
            let names = names.chain([[&*address.full.0, &*address.name.0]]);
            let names = names.filter_map(|names| names.into_iter().find(|name| !name.is_empty()));
            places.extend(names.map(|name| ("name", name.into())));
            places.insert(("address", address.absolute.0.as_ref().into()));
        }
        places.insert(("target", stable_place(&self.request.target.0).into()));
        places.insert(("analysed", self.analysed.uri.0.as_ref().into()));
        places.retain(|(_, place)| !place.trim().is_empty());
        if places.is_empty() {
            let at_address = finding.target.is_some() && self.artifact().is_some_and(|a| !a.is_nowhere());
            let whole = matches!(finding.category, Category::Vulnerability | Category::License);
            return (id, at_address || whole);
        }
        let id = id.part("place").part(&self.request.method.0);
        (places.iter().fold(id, |id, (kind, place)| id.part(kind).part(place)), true)
    }
}

/// Where a severity stands; one that is not known stands highest.
fn rank(severity: Severity) -> u8 {
    severity.rank(Severity::Critical)
}

/// KICS names its queries for credentials so.
fn is_query_for_secrets(title: &str) -> bool {
    title.get(..21).is_some_and(|head| head.eq_ignore_ascii_case("Passwords And Secrets"))
}

impl Message<'_> {
    /// The message with its arguments put in; empty if only an id is given.
    fn words(&self) -> Cow<'_, str> {
        let words = [self.text.as_str(), self.markdown.as_str()].into_iter().find(|w| !w.trim().is_empty());
        let words = words.unwrap_or_default();
        if self.arguments.0.is_empty() || !words.contains('{') {
            return Cow::Borrowed(words);
        }
        let arguments = self.arguments.0.iter().enumerate();
        Cow::Owned(
            arguments
                .fold(words.to_owned(), |words, (n, argument)| words.replace(&format!("{{{n}}}"), argument)),
        )
    }

    /// The message of a notification: its first line, without code.
    pub(super) fn of_notification(&self) -> String {
        // Semgrep quotes the code it could not parse between backticks.
        self.words().split(['`', '\n']).next().unwrap_or_default().trim().to_owned()
    }
}

fn title<'t>(finding: &Finding, rule: Option<&'t SarifRule>, message: &'t str, secret: bool) -> Cow<'t, str> {
    let id = finding.rule_id.as_str();
    let of_rule = rule.map_or("", |r| &*r.title);
    if secret {
        return Cow::Owned(withheld(if id.is_empty() { "secret" } else { id }).to_string());
    }
    let words = match finding.category {
        // Messages of vulnerabilities begin with the package.
        Category::Vulnerability | Category::License => [of_rule, message],
        _ => [message, of_rule],
    };
    match words.into_iter().find(|words| !words.trim().is_empty()) {
        // Of a rule about credentials any message may quote one.
        Some(words) if speaks_of_credentials(of_rule) => without_values(words, Scrutiny::Strict),
        Some(words) => Cow::Borrowed(words),
        None if id.is_empty() => Cow::Borrowed("A result without a message"),
        None => Cow::Owned(id.to_owned()),
    }
}

/// What fills a message in, where the message speaks of credentials, may be one.
fn comparable_argument<'a>(message: &str, argument: &'a str) -> Cow<'a, str> {
    if speaks_of_credentials(message) { Cow::Borrowed("") } else { Cow::Borrowed(argument) }
}

/// A message without the numbers after the word `line`, which move when code above does.
fn without_lines(message: &str) -> Cow<'_, str> {
    let is_line = |word: &str| {
        let word = word.trim_end_matches([':', '=', '#', '(', '[']);
        let last = word.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        last.eq_ignore_ascii_case("line") || last.eq_ignore_ascii_case("lines")
    };
    // Nearly no message has the word at all.
    let has = |word: &str| memchr::memmem::find(message.as_bytes(), word.as_bytes()).is_some();
    if !["line", "Line", "LINE"].into_iter().any(has) {
        return Cow::Borrowed(message);
    }
    let mut after = false;
    let words = message.split_whitespace().filter(|word| {
        let dropped = after
            && word
                .trim_matches(|c: char| c.is_ascii_punctuation())
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b'-');
        after = is_line(word) || dropped;
        !dropped
    });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

//! A run: one tool, and what it found.

use std::collections::{BTreeMap, BTreeSet};

use super::SarifSections;
use super::driver::{ToolDriver, named_for};
use super::facts::{RuleItem, SarifComponent, SarifRunFacts};
use super::invocation::Invocations;
use super::location::UriBase;
use super::result::{ArtifactItem, Glimpse, Item, Remarks, Scene};
use super::walk::{holds_something, other, text};
use crate::finding::{Category, Target};
use crate::report::json::{Json, JsonKind};
use crate::report::{ProblemKind, ReadError, Reading};

/// Keys of a run.
pub(super) const RUN: &[&str] = &[
    "tool",
    "invocations",
    "conversion",
    "language",
    "versionControlProvenance",
    "originalUriBaseIds",
    "artifacts",
    "logicalLocations",
    "graphs",
    "results",
    "automationDetails",
    "automationId",
    "runAggregates",
    "baselineGuid",
    "redactionTokens",
    "defaultEncoding",
    "defaultFileEncoding",
    "defaultSourceLanguage",
    "newlineSequences",
    "columnKind",
    "externalPropertyFileReferences",
    "externalPropertyFiles",
    "threadFlowLocations",
    "taxonomies",
    "addresses",
    "translations",
    "policies",
    "webRequests",
    "webResponses",
    "specialLocations",
    "properties",
];
/// Parts of a run of which no finding hangs, nor anything that is kept of one: of a class in a taxonomy the id is, which
/// stands where the class is named.
pub(super) const ASIDE: &[&str] = &[
    "graphs",
    "logicalLocations",
    "addresses",
    "threadFlowLocations",
    "taxonomies",
    "translations",
    "webRequests",
    "webResponses",
];
/// Keys of a tool component.
const COMPONENT: &[&str] = &[
    "guid",
    "name",
    "organization",
    "product",
    "productSuite",
    "shortDescription",
    "fullDescription",
    "fullName",
    "version",
    "semanticVersion",
    "dottedQuadFileVersion",
    "releaseDateUtc",
    "downloadUri",
    "informationUri",
    "globalMessageStrings",
    "notifications",
    "rules",
    "taxa",
    "locations",
    "language",
    "contents",
    "isComprehensive",
    "localizedDataSemanticVersion",
    "minimumRequiredLocalizedDataSemanticVersion",
    "associatedComponent",
    "translationMetadata",
    "supportedTaxonomies",
    "properties",
];

/// A run that is being read.
#[derive(Default)]
pub(super) struct SarifRun {
    /// Its JSON path.
    place: String,
    /// Sections found so far by this reading.
    facts: SarifRunFacts,
    /// Facts that an earlier reading found behind the results.
    known: Option<SarifRunFacts>,
    invocations: Invocations,
    artifacts: BTreeMap<u32, String>,
    needed: BTreeSet<u32>,
    titles: usize,
    /// Keys passed so far, and before the results if they are a list.
    passed: Vec<&'static str>,
    before: Option<Vec<&'static str>>,
    /// Results that wait for the next reading.
    waiting: u64,
    null_results: bool,
    /// It says which commit or image it is about.
    states: bool,
    remarks: Remarks,
}

impl SarifRun {
    pub(super) fn read_run(
        json: &mut Json,
        reading: &mut Reading<'_>,
        seen: &mut SarifSections,
    ) -> Result<(), ReadError> {
        let place = json.path_text();
        let known = reading.known(&place).and_then(SarifRunFacts::decode);
        let mut run = Self { place, known, ..Self::default() };
        json.object(|json, key| match key {
            "tool" => run.tool(json, reading, seen),
            "results" if json.kind()? == JsonKind::Null => {
                run.null_results = true;
                json.skip()
            }
            "results" => run.results(json, reading),
            "invocations" => {
                run.passed.push("invocations");
                json.unless_null(|json| {
                    json.array(|json, index| run.invocations.read_invocations(json, reading, Some(index)))
                })
            }
            "conversion" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
                "invocation" => run.invocations.read_invocations(json, reading, None),
                _ => json.skip(),
            }),
            "originalUriBaseIds" if json.kind()? == JsonKind::Object => run.bases(json),
            "artifacts" if json.kind()? == JsonKind::Array => run.artifacts(json, reading),
            "automationDetails" if json.kind()? == JsonKind::Object => run.part(json),
            "versionControlProvenance" if json.kind()? == JsonKind::Array => {
                run.states |= commit(json, reading, seen)?;
                Ok(())
            }
            "externalPropertyFileReferences" | "externalPropertyFiles" => external(json, reading),
            "properties" if json.kind()? == JsonKind::Object => {
                run.states |= properties(json, reading)?;
                Ok(())
            }
            key => other(json, reading, key, RUN),
        })?;
        seen.stating += usize::from(run.states);
        run.finish(reading, seen);
        Ok(())
    }

    fn tool(
        &mut self,
        json: &mut Json,
        reading: &mut Reading<'_>,
        seen: &mut SarifSections,
    ) -> Result<(), ReadError> {
        self.passed.push("tool");
        let mut version = String::new();
        json.object(|json, key| match key {
            "driver" => {
                self.facts.driver = self.component(json, reading, &mut version)?;
                Ok(())
            }
            "extensions" => json.unless_null(|json| {
                json.array(|json, _| {
                    let extension = self.component(json, reading, &mut String::new())?;
                    self.facts.extensions.push(extension);
                    Ok(())
                })
            }),
            key => other(json, reading, key, &["driver", "extensions", "properties"]),
        })?;
        let name = self.facts.driver.name.as_str();
        if !name.is_empty() && !seen.named {
            seen.named = true;
            reading.tool(ToolDriver::by_name(name).map_or(name, |d| d.tool));
            reading.version(&version);
        }
        Ok(())
    }

    fn component(
        &mut self,
        json: &mut Json,
        reading: &mut Reading<'_>,
        version: &mut String,
    ) -> Result<SarifComponent, ReadError> {
        let mut component = SarifComponent::default();
        json.object(|json, key| match key {
            "name" => {
                component.name = text(json)?;
                Ok(())
            }
            "guid" => {
                component.guid = text(json)?;
                Ok(())
            }
            "version" | "semanticVersion" => {
                let text = text(json)?;
                if version.is_empty() || key == "semanticVersion" && !text.is_empty() {
                    *version = text;
                }
                Ok(())
            }
            "rules" if json.kind()? == JsonKind::Null => {
                // No list at all is not the same as an empty one.
                component.levels = true;
                component.scores = true;
                json.skip()
            }
            "rules" => json.array(|json, _| {
                let odd = json.item::<RuleItem<'static>, _>(|rule| {
                    component.add(&rule, &mut self.titles);
                    rule.is_odd()
                })?;
                self.remarks.odd += u64::from(odd);
                Ok(())
            }),
            key => other(json, reading, key, COMPONENT),
        })?;
        Ok(component)
    }

    fn results(&mut self, json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
        self.before = Some(self.passed.clone());
        if self.known.is_none() && !self.passed.contains(&"tool") {
            return json.array(|json, _| {
                self.waiting += 1;
                let (needs, based) = json.item::<Glimpse<'static>, _>(|result| result.of_place())?;
                self.remarks.based += u64::from(based);
                self.need(needs, reading);
                Ok(())
            });
        }
        self.facts.overrides.append(&mut self.invocations.overrides);
        // Taken out, so that the rest of the run can be changed beside it.
        let own = self.known.is_none().then(|| std::mem::take(&mut self.facts));
        let known = self.known.take();
        let nothing = SarifRunFacts::default();
        let facts = own.as_ref().or(known.as_ref()).unwrap_or(&nothing);
        let driver = ToolDriver::by_name(&facts.driver.name);
        let tool = match facts.driver.name.as_str() {
            "" => "sarif",
            name => driver.map_or(name, |d| d.tool),
        };
        let read = json.array(|json, _| {
            let found = {
                let artifact = |index| self.artifact(index, reading);
                let expected = reading.entry_category();
                let scene =
                    Scene { facts, driver, tool, expected, roots: reading.roots(), artifact: &artifact };
                json.item::<Item<'static>, _>(|item| item.to_finding(&scene))?
            };
            let found = found.map_err(|why| json.shape(why))?;
            self.remarks.add(&found.remarks);
            self.need(found.needs, reading);
            if let Some(finding) = found.finding {
                if let Some(code) = found.code {
                    reading.in_code(&finding, &code);
                }
                reading.finding(*finding);
            }
            Ok(())
        });
        self.known = known;
        if let Some(own) = own {
            self.facts = own;
        }
        read
    }

    /// True if that key stands before the results.
    fn preceded(&self, key: &str) -> bool {
        self.before.as_ref().is_some_and(|before| before.contains(&key))
    }

    /// URI and base of an artifact that a result points at.
    fn artifact(&self, index: u32, reading: &Reading<'_>) -> Option<(String, String)> {
        let fact = self.artifacts.get(&index).map(String::as_str);
        let fact = fact.or_else(|| reading.known(&self.artifact_place(index)))?;
        let (base, uri) = fact.split_once('\n')?;
        Some((uri.to_owned(), base.to_owned()))
    }

    fn artifact_place(&self, index: u32) -> String {
        format!("{}.artifacts[{index}]", self.place)
    }

    /// Notes that the URI of an artifact is needed. If the artifacts have passed, the next reading will keep it.
    fn need(&mut self, index: Option<u32>, reading: &mut Reading<'_>) {
        let Some(index) = index else { return };
        if self.preceded("artifacts") {
            reading.late(self.artifact_place(index), "");
        }
        self.needed.insert(index);
    }

    /// Of the artifacts only those are kept that results point at without naming them.
    fn artifacts(&mut self, json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
        self.passed.push("artifacts");
        json.array(|json, index| {
            let Ok(index) = u32::try_from(index) else { return json.skip() };
            let place = self.artifact_place(index);
            let needed = self.needed.contains(&index);
            if !needed && reading.known(&place).is_none() || json.kind()? != JsonKind::Object {
                return json.skip();
            }
            let fact = json.item::<ArtifactItem<'static>, _>(|artifact| artifact.location.fact())?;
            if needed {
                reading.late(place, &fact);
            }
            self.artifacts.insert(index, fact);
            Ok(())
        })
    }

    /// The part of the repository that the run is about: what stands before the last `/` of the id, behind which a run has
    /// its own number or date.
    fn part(&mut self, json: &mut Json) -> Result<(), ReadError> {
        self.passed.push("automationDetails");
        json.object(|json, key| {
            if key != "id" {
                return json.skip();
            }
            let id = text(json)?;
            let (part, _) = id.rsplit_once('/').unwrap_or_default();
            part.trim_matches('/').clone_into(&mut self.facts.part);
            Ok(())
        })
    }

    fn bases(&mut self, json: &mut Json) -> Result<(), ReadError> {
        self.passed.push("originalUriBaseIds");
        json.object(|json, id| {
            if json.kind()? != JsonKind::Object {
                return json.skip();
            }
            let mut base = UriBase::default();
            json.object(|json, key| {
                match key {
                    "uri" => base.uri = text(json)?,
                    "uriBaseId" => base.base = text(json)?,
                    _ => json.skip()?,
                }
                Ok(())
            })?;
            self.facts.bases.insert(id.to_owned(), base);
            Ok(())
        })
    }

    fn finish(mut self, reading: &mut Reading<'_>, seen: &mut SarifSections) {
        let overridden = !self.invocations.overrides.is_empty();
        self.facts.overrides.append(&mut self.invocations.overrides);
        let roots = reading.roots();
        let late = self.waiting > 0
            || self.remarks.based > 0
                && !self.preceded("originalUriBaseIds")
                && self.facts.bases.values().any(|base| base.matters(roots))
            || self.before.is_some() && overridden && !self.preceded("invocations")
            || self.before.is_some() && !self.facts.part.is_empty() && !self.preceded("automationDetails");
        if late {
            reading.late(self.place.clone(), &self.facts.encode());
        }
        let name = self.facts.driver.name.as_str();
        let driver = ToolDriver::by_name(name);
        if driver.is_some_and(|d| d.tool == "semgrep") {
            self.invocations.count_warnings(reading);
        }
        if name.is_empty() {
            let message = format!("`{}` does not say which tool made it (tool.driver.name)", self.place);
            reading.problem(ProblemKind::Scan, &message, None);
        }
        if self.null_results {
            let message =
                format!("`{}.results` is null: the tool had nothing to say about findings", self.place);
            reading.problem(ProblemKind::Scan, &message, None);
        }
        if self.remarks.odd > 0 {
            let message = format!("{} rules or results have a key that looks misspelt", self.remarks.odd);
            reading.problem(ProblemKind::Scan, &message, None);
        }
        if self.remarks.unlisted > 0 {
            let message = format!(
                "{} results name a rule that the tool does not list, though it tells severities there",
                self.remarks.unlisted
            );
            reading.problem(ProblemKind::Rule, &message, None);
        }
        if self.before.is_some() {
            seen.with_results += 1;
            let category = match driver {
                Some(driver) => Some(driver.category),
                None => named_for(name).or(reading.entry_category()),
            };
            reading.covers(category.unwrap_or(Category::Sast));
        }
        if self.remarks.guessed > 0 {
            reading.note(&format!("{name} is a tool that secgate does not know: its results count as sast"));
        }
        let ended = [seen.ended, self.invocations.ended];
        seen.ended = ended.into_iter().flatten().min();
        seen.no_time |= self.invocations.no_time;
    }
}

/// The commit of the first repository that the run names; true if it names one.
fn commit(json: &mut Json, reading: &mut Reading<'_>, seen: &mut SarifSections) -> Result<bool, ReadError> {
    let mut states = false;
    json.array(|json, index| {
        if index > 0 || json.kind()? != JsonKind::Object {
            return json.skip();
        }
        json.object(|json, key| {
            if key != "revisionId" {
                return json.skip();
            }
            let revision = text(json)?;
            states |= !revision.is_empty();
            match &seen.commit {
                _ if revision.is_empty() => {}
                None => {
                    reading.commit(&revision);
                    seen.commit = Some(revision);
                }
                Some(first) if *first == revision => {}
                Some(_) => reading.problem(ProblemKind::Scan, "the runs are about different commits", None),
            }
            Ok(())
        })
    })?;
    Ok(states)
}

/// Parts of the run that lie in other files.
fn external(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::Object {
        return json.skip();
    }
    json.object(|json, key| {
        if holds_something(json)? && !ASIDE.contains(&key) {
            let message = format!("`{}` lie in an external file, which is not read", json.path_text());
            reading.problem(ProblemKind::Scan, &message, None);
        }
        Ok(())
    })
}

/// Trivy names the image that it scanned; true if it states a digest.
fn properties(json: &mut Json, reading: &mut Reading<'_>) -> Result<bool, ReadError> {
    let mut states = false;
    json.object(|json, key| match key {
        "imageName" if json.kind()? == JsonKind::String => {
            reading.target(Target::Image);
            json.skip()
        }
        "repoDigests" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            let digest = text(json)?;
            states |= !digest.is_empty();
            reading.image_digest(&digest);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(states)
}

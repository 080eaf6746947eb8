//! A report of a format that a policy describes, read by its mapping.
//!
//! The one reader that knows the policy's vocabulary. A mapping was written by looking at one report, and the next may
//! look otherwise: so a path that finds nothing is an error, or `nothing_scanned`, and never a silent zero. Messages
//! name paths and places, never values of the report.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::conceal::{comparable, told_value};
use super::cvss::{StatedScore, level_of_score, rating, rating_of_vector, score_number};
use super::field::suppress;
use super::sarif::advisories_in;
use super::secret::SecretValues;
use super::value::{LineNumber, cwe_numbers};
use super::web_address::{stable_place, without_values};
use super::xml_tree::tree;
use super::{
    Json, Options, ProblemKind, ReadError, ReadOutcome, Reading, Report, Sink, Source, Tool, read_document,
    read_statements,
};
use crate::finding::{
    Category, Confidence, CvssRating, Finding, FingerprintBuilder, Fix, Location, Package, Severity, Text,
    plural,
};
use crate::policy::{DocumentPath, Field, FieldPath, Origin, PathStepKind, ReportMapping};

/// Largest report that is held as a tree, in bytes.
const MAX_MAPPED: u64 = 64 << 20;

/// Use of hard-coded credentials.
const HARDCODED_CREDENTIALS: u32 = 798;

/// Reads a report by a mapping and hands its findings to `sink`.
pub fn read_mapped(
    source: &Source,
    mapping: &ReportMapping,
    options: &Options,
    sink: &mut dyn Sink,
) -> ReadOutcome {
    let format = Some(Cow::Owned(mapping.id.clone()));
    if let Some(error) = super::shipped::misfit(source, mapping) {
        let tool = Tool { name: Text::line(&mapping.tool), version: None };
        return ReadOutcome {
            format,
            report: Report { tool, ..Report::default() },
            digest: None,
            error: Some(error),
        };
    }
    let (document, xml, sha256, bytes) =
        match read_tree_of(source, mapping, MAX_MAPPED.min(options.max_report)) {
            Ok(read) => read,
            Err(error) => {
                let report = Report {
                    tool: Tool { name: Text::line(&mapping.tool), version: None },
                    ..Report::default()
                };
                return ReadOutcome { format, report, digest: None, error: Some(over_limit(error)) };
            }
        };
    let known = BTreeMap::new();
    let values = SecretValues::default();
    let mut reading = Reading::new(&mapping.tool, sink, options.context(&values), &known, None, source);
    let read = Mapped { mapping, document: &document, xml }.read_element(&mut reading);
    if read.is_err() {
        reading.forget();
    }
    let (report, _) = reading.finish();
    values.hold_back(&options.held);
    match read {
        Ok(()) => ReadOutcome { format, report, digest: Some((sha256, bytes)), error: None },
        Err(message) => {
            let error = ReadError::Mapping { mapping: mapping.id.clone(), message };
            ReadOutcome { format, report, digest: None, error: Some(error) }
        }
    }
}

/// The report as a tree, and whether it is XML: then the root element; of a file of lines the list of its values.
fn read_tree_of(
    source: &Source,
    mapping: &ReportMapping,
    max: u64,
) -> Result<(Value, bool, String, u64), ReadError> {
    let mut file = Json::new(source.open(max)?);
    if file.begins(b"<")? {
        let (_, document) = tree(&mut file)?;
        let (bytes, sha256) = file.finish();
        return Ok((document, true, sha256, bytes));
    }
    if mapping.lines {
        let (values, sha256, bytes) = read_statements(source, max)?;
        return Ok((Value::Array(values), false, sha256, bytes));
    }
    let (document, sha256, bytes) = read_document(source, max)?;
    Ok((document, false, sha256, bytes))
}

/// Says that `--max-report` does not move the limit of a tree.
fn over_limit(error: ReadError) -> ReadError {
    match error {
        ReadError::TooLarge { what, limit, .. } if limit == MAX_MAPPED => {
            ReadError::TooLarge { what, limit, flag: "fixed for reports that a mapping reads" }
        }
        error => error,
    }
}

struct Mapped<'d> {
    mapping: &'d ReportMapping,
    document: &'d Value,
    /// XML has no empty lists: where an element may stand and does not, there is none.
    xml: bool,
}

/// One finding in the report, and the group that holds it.
#[derive(Clone, Copy)]
struct MappedElement<'d> {
    group: &'d Value,
    value: &'d Value,
}

impl<'d> Mapped<'d> {
    fn read_element(&self, reading: &mut Reading<'_>) -> Result<(), String> {
        let mapping = self.mapping;
        reading.covers(mapping.category);
        self.facts(reading)?;
        let mut walk = MappedWalk { optional: mapping.is_optional("findings"), ..MappedWalk::default() };
        let whole = vec![MappedElement { group: self.document, value: self.document }];
        let from = match &mapping.groups {
            Some(path) => {
                let groups = walk.along(path, whole)?;
                groups
                    .into_iter()
                    .map(|MappedElement { value, .. }| MappedElement { group: value, value })
                    .collect()
            }
            None => whole,
        };
        let mut elements = Vec::new();
        for path in &mapping.findings {
            elements.extend(walk.along(path, from.clone())?.into_iter().map(|element| (path, element)));
        }
        for hole in &walk.holes {
            reading.problem(ProblemKind::Scan, hole, None);
        }
        let lacks_list = walk.absent && !walk.present && !self.xml && mapping.scanned.is_none();
        if elements.is_empty() && mapping.groups.is_none() && lacks_list {
            walk.narrowed.get_or_insert_with(|| "no list of findings is there".to_owned());
        }
        self.scanned(elements.len(), walk.narrowed, reading);
        for path in &self.mapping.errors {
            self.errors(path, reading)?;
        }
        self.total(elements.len(), reading)?;
        self.completed(reading);
        let mut seen = vec![false; mapping.fields.len()];
        let texts = self.texts_of_elements();
        for (index, (path, element)) in elements.iter().enumerate() {
            if !element.value.is_object() && !element.value.is_array() {
                return Err(format!(
                    "`{}` finds {}, and a finding is an object",
                    path.text(),
                    kind(element.value)
                ));
            }
            self.note(element, &mut seen);
            if let Some(twice) = texts.iter().find(|path| self.nodes(path, element).len() > 1) {
                let path = twice.path.text();
                return Err(format!("finding {}: `{path}` finds several, and one is expected", index + 1));
            }
            let finding = self
                .finding(element, reading.roots())
                .map_err(|fault| format!("finding {}: {fault}", index + 1))?;
            reading.finding(finding);
        }
        self.suppressed(&from, reading)?;
        if elements.is_empty() { Ok(()) } else { self.all_seen(&seen, elements.len()) }
    }

    /// Of XML the paths of fields that take the text of one element, so that they find all elements of that name: which
    /// of several another reader takes is not known.
    fn texts_of_elements(&self) -> Vec<FieldPath> {
        let fields = self.mapping.fields.iter().filter(|(field, _)| self.xml && !field.is_list());
        let paths = fields.flat_map(|(_, paths)| paths).filter_map(|FieldPath { origin, path }| {
            let all = format!("{}[*]['#text']", path.text().strip_suffix("[0]['#text']")?);
            let path = match origin {
                Origin::Report => DocumentPath::compile(&all),
                Origin::Group | Origin::Finding => DocumentPath::compile_relative(&all),
            };
            path.ok().map(|path| FieldPath { origin: *origin, path })
        });
        paths.collect()
    }

    /// Metadata of the report.
    fn facts(&self, reading: &mut Reading<'_>) -> Result<(), String> {
        let mapping = self.mapping;
        let fact = |path: &Option<DocumentPath>, key: &str| -> Result<Option<Cow<'d, str>>, String> {
            let Some(path) = path else { return Ok(None) };
            let nodes = path.nodes(self.document);
            if nodes.is_empty() && !mapping.is_optional(key) {
                return Err(format!("`{key}`: `{}` finds nothing{OR_OPTIONAL}", path.text()));
            }
            let [node] = nodes.as_slice() else { return Ok(None) };
            text(node).map_err(|is| format!("`{key}`: `{}` finds {is}", path.text()))
        };
        if let Some(time) = fact(&mapping.generated_at, "generated_at")? {
            reading.generated(&time);
        }
        if let Some(commit) = fact(&mapping.commit, "commit")? {
            reading.commit(&commit);
        }
        if let Some(digest) = fact(&mapping.image_digest, "image_digest")? {
            reading.image_digest(&digest);
        }
        if let Some(version) = fact(&mapping.tool_version, "tool_version")? {
            reading.version(&version);
        }
        Ok(())
    }

    /// Whether something was scanned, as far as the report shows.
    fn scanned(&self, findings: usize, narrowed: Option<String>, reading: &mut Reading<'_>) {
        let Some(path) = &self.mapping.scanned else {
            if let (true, Some(why)) = (self.mapping.presence, &narrowed) {
                reading.nothing_scanned(why);
            } else if findings == 0 && !self.mapping.presence {
                reading.nothing_scanned(&narrowed.unwrap_or_else(|| {
                    "the report has no findings, and its mapping does not say what was scanned (`scanned`)"
                        .to_owned()
                }));
            }
            return;
        };
        let nodes = path.nodes(self.document);
        let something = match nodes.as_slice() {
            [] => false,
            [node] if path.singular() => match node {
                Value::Number(number) => number.as_f64().is_some_and(|n| n > 0.0),
                Value::String(text) if self.xml => text.trim().parse::<f64>().is_ok_and(|n| n > 0.0),
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Null | Value::Bool(_) | Value::String(_) => false,
            },
            several => several.iter().any(|node| !node.is_null()),
        };
        if !something {
            reading.nothing_scanned(&format!("`{}` shows nothing that was scanned", path.text()));
        } else if let Some(why) = narrowed {
            reading.nothing_scanned(&why);
        }
    }

    /// Compares the number of findings that the report says it has with those that it lists.
    fn total(&self, listed: usize, reading: &mut Reading<'_>) -> Result<(), String> {
        let mut said: u64 = 0;
        for path in &self.mapping.total {
            let nodes = path.nodes(self.document);
            if nodes.is_empty() && listed > 0 && !self.mapping.is_optional("total") {
                return Err(format!("`total`: `{}` finds nothing{OR_OPTIONAL}", path.text()));
            }
            for node in nodes.into_iter().filter(|node| !node.is_null()) {
                match text(node).ok().flatten().and_then(|number| number.trim().parse::<u64>().ok()) {
                    Some(number) => said = said.saturating_add(number),
                    None => reading.problem(
                        ProblemKind::Scan,
                        &format!(
                            "`total`: `{}` finds {}, and no number of findings",
                            path.text(),
                            kind(node)
                        ),
                        None,
                    ),
                }
            }
        }
        if said > listed as u64 {
            let message =
                format!("the report says that it has {}, and lists {listed}", plural(said, "finding"));
            reading.problem(ProblemKind::Scan, &message, None);
        }
        Ok(())
    }

    /// Whether each status is one of a completed scan. A word that nobody knows is none.
    fn completed(&self, reading: &mut Reading<'_>) {
        for (path, words) in &self.mapping.completed {
            for node in path.nodes(self.document).into_iter().filter(|node| !node.is_null()) {
                let said = text(node).ok().flatten();
                let is =
                    |word: &Cow<'_, str>| words.iter().any(|known| known.eq_ignore_ascii_case(word.trim()));
                if said.as_ref().is_some_and(is) {
                    continue;
                }
                let said = said.filter(|_| self.mapping.category != Category::Secret);
                let said = said.map_or_else(|| kind(node).to_owned(), |word| told_value(&word).to_string());
                let message = format!("`{}` says `{said}`, and not that the scan was completed", path.text());
                reading.problem(ProblemKind::Scan, &message, None);
            }
        }
    }

    /// Hands over the findings that are listed apart because they are suppressed.
    fn suppressed(&self, from: &[MappedElement<'d>], reading: &mut Reading<'_>) -> Result<(), String> {
        for path in &self.mapping.suppressed {
            let mut walk = MappedWalk { optional: true, ..MappedWalk::default() };
            for element in walk.along(path, from.to_vec())? {
                let mut finding = self
                    .finding(&element, reading.roots())
                    .map_err(|fault| format!("`suppressed_findings`: `{}`: {fault}", path.text()))?;
                if !finding.suppressed {
                    suppress(&mut finding, "suppressed in the report", &[]);
                }
                reading.finding(finding);
            }
            for hole in &walk.holes {
                reading.problem(ProblemKind::Scan, hole, None);
            }
        }
        Ok(())
    }

    /// Failures that the tool states at one path.
    fn errors(&self, path: &DocumentPath, reading: &mut Reading<'_>) -> Result<(), String> {
        let nodes = path.nodes(self.document);
        let there = path.container().is_none_or(|container| !container.nodes(self.document).is_empty());
        if nodes.is_empty() && !there && !self.mapping.is_optional("errors") {
            return Err(format!("`errors`: what `{}` looks into is not there{OR_OPTIONAL}", path.text()));
        }
        let says = |node: &&&Value| match node {
            Value::Null | Value::Bool(false) => false,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(true) => true,
        };
        for node in nodes.iter().filter(says) {
            // The words of a secret scanner's errors may hold what it was looking at.
            let words = node.as_str().filter(|_| self.mapping.category != Category::Secret);
            let message = words.map_or_else(
                || format!("the report names an error (`{}`)", path.text()),
                |words| format!("the report names an error: {words}"),
            );
            reading.problem(ProblemKind::Scan, &message, None);
        }
        Ok(())
    }

    /// Notes which fields find something in this element.
    fn note(&self, element: &MappedElement<'d>, seen: &mut [bool]) {
        for ((_, paths), seen) in self.mapping.fields.iter().zip(seen) {
            *seen = *seen || paths.iter().any(|path| !self.nodes(path, element).is_empty());
        }
    }

    /// A field that finds nothing in any of the findings has a wrong path.
    fn all_seen(&self, seen: &[bool], findings: usize) -> Result<(), String> {
        let unseen = self
            .mapping
            .fields
            .iter()
            .zip(seen)
            .find(|((field, _), seen)| !**seen && !self.mapping.is_optional(field.as_str()));
        let Some(((field, paths), _)) = unseen else { return Ok(()) };
        let texts: Vec<String> = paths.iter().map(|p| format!("`{}`", p.path.text())).collect();
        let of = match findings {
            1 => "the one finding".to_owned(),
            n => format!("any of {n} findings"),
        };
        let whole = paths.iter().any(|p| p.origin == Origin::Report);
        let hint = if whole { " (`$` is the whole report, `@` one finding)" } else { "" };
        Err(format!("`{}`: {} finds nothing in {of}{hint}{OR_OPTIONAL}", field.as_str(), texts.join(" or ")))
    }

    fn nodes(&self, path: &FieldPath, element: &MappedElement<'d>) -> Vec<&'d Value> {
        path.path.nodes(match path.origin {
            Origin::Report => self.document,
            Origin::Group => element.group,
            Origin::Finding => element.value,
        })
    }

    /// The one value of a field: of its paths the first that finds more than null.
    fn node(&self, field: Field, element: &MappedElement<'d>) -> Option<(&'d FieldPath, &'d Value)> {
        let paths = self.mapping.field(field).unwrap_or_default();
        paths.iter().find_map(|path| {
            let node = self.nodes(path, element).into_iter().find(|node| !is_blank(node))?;
            Some((path, node))
        })
    }

    /// The text of a field.
    fn text(&self, field: Field, element: &MappedElement<'d>) -> Result<Option<Cow<'d, str>>, String> {
        let Some((path, node)) = self.node(field, element) else { return Ok(None) };
        text(node).map_err(|is| format!("`{}`: `{}` finds {is}", field.as_str(), path.path.text()))
    }

    /// The texts of a field that is a list; `None` if it is not there, or null.
    fn texts(&self, field: Field, element: &MappedElement<'d>) -> Result<Option<Vec<Cow<'d, str>>>, String> {
        for path in self.mapping.field(field).unwrap_or_default() {
            let nodes = self.nodes(path, element);
            if nodes.iter().all(|node| node.is_null()) {
                continue;
            }
            let mut all = Vec::new();
            for node in nodes {
                let items = node.as_array().map_or_else(|| std::slice::from_ref(node), Vec::as_slice);
                for item in items {
                    let text = text(item)
                        .map_err(|is| format!("`{}`: `{}` finds {is}", field.as_str(), path.path.text()))?;
                    all.extend(text.filter(|text| !text.trim().is_empty()));
                }
            }
            return Ok(Some(all));
        }
        Ok(None)
    }

    fn finding(&self, element: &MappedElement<'d>, roots: &[String]) -> Result<Finding, String> {
        let mapping = self.mapping;
        let secret = mapping.category == Category::Secret;
        let Some(rule) = self.text(Field::RuleId, element)? else {
            let paths = mapping.field(Field::RuleId).unwrap_or_default();
            let texts: Vec<String> = paths.iter().map(|p| format!("`{}`", p.path.text())).collect();
            return Err(format!("{} finds nothing, and a finding needs a `rule_id`", texts.join(" or ")));
        };
        let cvss = self.cvss(element);
        let (severity, native) = self.severity(element, cvss.as_ref());
        let mut finding = Finding::new(mapping.category, &mapping.tool, &rule, severity);
        // A word that is no severity may be anything, also a secret that a wrong path found.
        finding.native_severity = native.filter(|_| !secret || severity != Severity::Unknown);
        finding.title = match self.text(Field::Title, element)? {
            Some(title) if !secret => Text::line(&title),
            _ => finding.rule_id.clone(),
        };
        finding.cvss = cvss.map(Box::new);
        for id in self.texts(Field::Ids, element)?.unwrap_or_default() {
            if id.contains("://") {
                finding.ids.extend(advisories_in(&id).iter().map(|id| Text::line(id)));
                continue;
            }
            // CWE numbers name a class and no vulnerability.
            if id.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("CWE-")) {
                finding.cwes.extend(cwe_numbers([&*id]));
            } else {
                finding.ids.push(Text::line(&id));
            }
        }
        let cwes = self.texts(Field::Cwes, element)?.unwrap_or_default();
        finding.cwes.extend(cwe_numbers(cwes.iter().map(AsRef::as_ref)));
        if secret && finding.cwes.is_empty() {
            finding.cwes.push(HARDCODED_CREDENTIALS);
        }
        let mut place = String::new();
        if let Some(mut path) = self.text(Field::Path, element)? {
            if mapping.category == Category::Dast {
                place = stable_place(&path);
                path = Cow::Owned(without_values(&path).to_owned());
            }
            let line = |field| self.node(field, element).and_then(|(_, node)| line(node));
            finding.location = Location::new(&path, line(Field::Line), line(Field::EndLine), roots);
        }
        self.package(element, &mut finding)?;
        finding.confidence = self.text(Field::Confidence, element)?.and_then(|word| Confidence::plain(&word));
        finding.target = self.text(Field::Target, element)?.map(|target| Text::line(&target));
        let flag = |field| self.node(field, element).and_then(|(_, node)| node.as_bool());
        // Only a clear word switches a finding off.
        if flag(Field::Suppressed) == Some(true) {
            suppress(&mut finding, "suppressed in the report", &[]);
        }
        finding.verified = flag(Field::Verified);
        let id = FingerprintBuilder::new("mapped")
            .part(mapping.category.as_str())
            .part(finding.rule_id.as_str())
            .part(finding.package.as_ref().map_or("", |package| package.name.as_str()));
        let named = finding.package.as_ref().and_then(Package::named);
        let id = named.iter().fold(id, |id, named| id.part(named));
        finding.may_hold_secret |= secret;
        let id = if secret { id } else { id.folded(&comparable(finding.title.as_str())) };
        let id = self.told_apart(element, &finding, id)?;
        if mapping.category == Category::Dast {
            finding.identify_at(id, &place);
        } else {
            finding.identify(id);
        }
        if !secret {
            finding.bind_to_code();
        }
        Ok(finding)
    }

    /// Adds the resource that it is about, and what else the mapping says tells it from others of its rule.
    fn told_apart(
        &self,
        element: &MappedElement<'d>,
        finding: &Finding,
        mut id: FingerprintBuilder,
    ) -> Result<FingerprintBuilder, String> {
        let target = finding.target.as_ref().map_or("", Text::real);
        if !target.is_empty() && finding.category == Category::Misconfiguration {
            id = id.part("target").part(target);
        } else if !target.is_empty() && finding.category == Category::Dast {
            id = id.part("target").part(&stable_place(target));
        }
        for path in self.mapping.field(Field::Identity).unwrap_or_default() {
            let wrong = |is| format!("`{}`: `{}` finds {is}", Field::Identity.as_str(), path.path.text());
            let nodes = self.nodes(path, element);
            let items = nodes
                .into_iter()
                .flat_map(|node| node.as_array().map_or_else(|| std::slice::from_ref(node), Vec::as_slice));
            let parts = items.filter_map(|item| text(item).map_err(wrong).transpose());
            let mut parts = parts.collect::<Result<Vec<_>, String>>()?;
            parts.sort_unstable();
            // An empty one is none; the path keeps two fields of one value apart.
            let said = parts.iter().filter(|part| !part.trim().is_empty());
            id = said.fold(id, |id, part| id.part(path.path.text()).part(&stable_place(part)));
        }
        Ok(id)
    }

    /// The severity and the tool's word for it. One that is there and is no word is unknown, never the level that the
    /// mapping gives to what is missing.
    fn severity(&self, element: &MappedElement<'d>, cvss: Option<&CvssRating>) -> (Severity, Option<Text>) {
        let Some((_, node)) = self.node(Field::Severity, element) else {
            let scored = cvss.and_then(|rating| level_of_score(rating.score));
            return (scored.unwrap_or(self.mapping.missing), None);
        };
        match text(node) {
            Ok(Some(word)) => (self.mapping.severity(&word), Some(Text::line(&word))),
            Ok(None) | Err(_) => (Severity::Unknown, None),
        }
    }

    /// A score as a number or a text, or a vector.
    fn cvss(&self, element: &MappedElement<'d>) -> Option<CvssRating> {
        let (_, node) = self.node(Field::Cvss, element)?;
        let text = text(node).ok()??;
        match score_number(&text) {
            Some(score) => rating(StatedScore::Number(score), "", ""),
            None => rating_of_vector(&text),
        }
    }

    fn package(&self, element: &MappedElement<'d>, finding: &mut Finding) -> Result<(), String> {
        let line = |field| Ok::<_, String>(self.text(field, element)?.map(|text| Text::line(&text)));
        let (name, version, purl) = (line(Field::Package)?, line(Field::Version)?, line(Field::Purl)?);
        let fixed = self.texts(Field::Fixed, element)?;
        finding.fix = match &fixed {
            Some(versions) if versions.is_empty() => Fix::None,
            Some(_) => Fix::Available,
            None => Fix::Unknown,
        };
        if let Some(name) = name {
            let fixed = fixed.unwrap_or_default().iter().map(|version| Text::line(version)).collect();
            finding.package =
                Some(Package { name, version: version.unwrap_or_default(), purl, fixed, ecosystem: None });
        }
        Ok(())
    }
}

/// Action to take about a path that finds nothing.
const OR_OPTIONAL: &str =
    ": the path is wrong, or the report may leave it out, and `optional` of the mapping has to name it";

/// The way down to the findings.
#[derive(Default)]
struct MappedWalk {
    /// Steps that found nothing in some places.
    holes: Vec<String>,
    /// A filter that took nothing, and asks for what is nowhere.
    narrowed: Option<String>,
    /// A list may be missing, or `null`.
    optional: bool,
    /// A list was missing, one was there.
    absent: bool,
    present: bool,
}

impl MappedWalk {
    /// Follows a path step by step. A step that finds nothing anywhere is an error; one that finds nothing in some
    /// places is noted. Lists that are there and empty give nothing.
    fn along<'d>(
        &mut self,
        path: &DocumentPath,
        mut from: Vec<MappedElement<'d>>,
    ) -> Result<Vec<MappedElement<'d>>, String> {
        for step in path.steps() {
            let mut found = Vec::new();
            let mut missed = Vec::new();
            for &MappedElement { group, value } in &from {
                let fits = match step.kind {
                    PathStepKind::Name => value.is_object(),
                    PathStepKind::Index | PathStepKind::Slice => value.is_array(),
                    PathStepKind::Every | PathStepKind::Filter => value.is_array() || value.is_object(),
                };
                let hits = if fits { step.nodes(value) } else { Some(Vec::new()) };
                let hits = hits.ok_or_else(|| format!("`{}` cannot be evaluated", step.shown))?;
                let missing = value.is_null() || step.kind == PathStepKind::Name && value.is_object();
                if self.optional && hits.is_empty() && missing {
                    self.absent |= !value.is_null();
                    continue;
                }
                self.present |= step.kind == PathStepKind::Every;
                if !fits || hits.is_empty() && matches!(step.kind, PathStepKind::Name | PathStepKind::Index) {
                    missed.push(kind(value));
                }
                found.extend(hits.into_iter().map(|value| MappedElement { group, value }));
            }
            if let Some(is) = missed.first() {
                if missed.len() == from.len() {
                    return Err(format!("`{}` finds nothing: what it looks into is {is}", step.shown));
                }
                let (some, all) = (missed.len(), from.len());
                self.holes.push(format!("`{}` finds nothing in {some} of {all} places", step.shown));
            }
            if step.kind == PathStepKind::Filter && found.is_empty() {
                let lists: Vec<&Value> = from.iter().map(|element| element.value).collect();
                if !step.knows(&lists) {
                    let message = format!("the filter of `{}` asks for what no element has", path.text());
                    self.narrowed = Some(message);
                }
            }
            from = found;
        }
        Ok(from)
    }
}

/// The text of a value, `None` for null; else what it is.
fn text(node: &Value) -> Result<Option<Cow<'_, str>>, &'static str> {
    match node {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Cow::Borrowed(text))),
        Value::Number(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Value::Bool(flag) => Ok(Some(Cow::Borrowed(if *flag { "true" } else { "false" }))),
        Value::Array(_) | Value::Object(_) => Err(kind(node)),
    }
}

fn is_blank(node: &Value) -> bool {
    node.is_null() || node.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A line number; what cannot be a line is dropped, and the finding stays.
fn line(node: &Value) -> Option<u32> {
    match node {
        Value::Number(number) => LineNumber::parse(&number.to_string()),
        Value::String(text) => LineNumber::parse(text),
        _ => None,
    }
}

fn kind(node: &Value) -> &'static str {
    match node {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;

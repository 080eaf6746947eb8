//! A run made of two: the one with the worse verdict, and inputs of the other in place of its own.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;

use super::inputs::{ReportPart, RunInput};
use super::side::{ComparedSide, SideContent, names_waivers};
use crate::decide::{Context, ContextView, Decision, GateVerdict, GivenBase, RunError};
use crate::evidence_snapshot::{EvidenceSnapshot, SavedDocument, SavedFinding, SavedReport};
use crate::finding::{Finding, Fingerprint};
use crate::policy::Policy;
use crate::policy::waiver::Waiver;
use crate::run::beside::inherited;
use crate::run::bundle::settled;
use crate::run::diagnostics::{RunDiagnostic, said};
use crate::run::replayed::{MAX_FILE, RunReplayer, undecided, waivers_of};

/// Inputs that are taken from the run with the better verdict.
pub(super) type GivenInputs = BTreeSet<RunInput>;

/// Whose evidence, read under which policy (of its own or one that it extends) and compared with whose baseline and diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SnapshotKey {
    side: usize,
    policy: usize,
    parent: Option<usize>,
    baseline: usize,
    diff: usize,
}

/// A difference between the findings of a report: the places of the two that differ.
#[derive(Debug, Clone, Copy)]
struct FindingPair {
    worse: Option<usize>,
    better: Option<usize>,
}

/// Two runs.
pub(super) struct MixedRun<'f> {
    pub(super) sides: [ComparedSide; 2],
    pub(super) replayer: &'f RunReplayer,
    /// The one of the worse verdict, to which inputs of the other are given.
    pub(super) worse: usize,
    waivers: [BTreeMap<String, Vec<u8>>; 2],
    /// Nothing is kept of what the findings of a bundle were compared with, but what came of it.
    bases_are_settled: bool,
    bases_differ: bool,
    snapshots: RefCell<BTreeMap<SnapshotKey, Rc<EvidenceSnapshot>>>,
    pairs: BTreeMap<String, Vec<FindingPair>>,
}

impl<'f> MixedRun<'f> {
    pub(super) fn new(sides: [ComparedSide; 2], replayer: &'f RunReplayer) -> Result<Self> {
        let policies: Vec<&Policy> = replayer.policies.iter().map(|policy| &policy.policy).collect();
        let [a, b] = &sides;
        let waivers = [a.waivers(&policies)?, b.waivers(&policies)?];
        let bases_are_settled = sides.iter().any(|side| matches!(side.content, SideContent::Bundle(_)));
        let mut mixed = Self {
            sides,
            replayer,
            worse: 0,
            waivers,
            bases_are_settled,
            bases_differ: false,
            snapshots: RefCell::default(),
            pairs: BTreeMap::new(),
        };
        if bases_are_settled {
            let [a, b] = [mixed.own_snapshot(0)?, mixed.own_snapshot(1)?];
            let sources = |saved: &EvidenceSnapshot| {
                let sources = saved.base.iter().flat_map(|base| &base.sources);
                sources.map(|source| (source.kind.to_string(), source.sha256.clone())).collect::<Vec<_>>()
            };
            mixed.bases_differ = sources(&a) != sources(&b) || a.left_alone != b.left_alone;
        }
        Ok(mixed)
    }

    pub(super) fn better(&self) -> usize {
        1 - self.worse
    }

    pub(super) fn side(&self, side: usize) -> &ComparedSide {
        let [first, second] = &self.sides;
        if side == 0 { first } else { second }
    }

    fn texts(&self, side: usize) -> &BTreeMap<String, Vec<u8>> {
        let [first, second] = &self.waivers;
        if side == 0 { first } else { second }
    }

    /// The policy of a side, or one that it extends.
    fn policy(&self, side: usize, parent: Option<usize>) -> Result<&'f Policy> {
        let by = self.replayer.policies.get(side);
        let policy = by.and_then(|by| match parent {
            None => Some(&by.policy),
            Some(at) => by.parents.get(at),
        });
        policy.ok_or_else(|| anyhow!("there is no such policy: a bug"))
    }

    /// The policy of a side.
    pub(super) fn policy_of(&self, side: usize) -> Result<&'f Policy> {
        self.policy(side, None)
    }

    fn whose(&self, given: &GivenInputs, input: &RunInput) -> usize {
        if given.contains(input) { self.better() } else { self.worse }
    }

    /// The decision on a run as it was. It has to be what a replay says.
    pub(super) fn decide_as_it_was(&mut self, side: usize) -> Result<Decision> {
        self.worse = side;
        let decision = self.decide(&GivenInputs::new())?;
        let own = self.side(side);
        let by = self.replayer.policies.get(side).ok_or_else(|| anyhow!("there is no such policy: a bug"))?;
        let replayed = match &own.content {
            SideContent::Files(files) => self.replayer.by_policy(by, &files.material(&own.about)?, own.now),
            SideContent::Bundle(bundle) => self.replayer.bundle_by_policy(by, bundle),
        };
        if replayed.is_ok_and(|replayed| replayed.decision.verdict != decision.verdict) {
            bail!(RunDiagnostic::UnexplainedVerdict);
        }
        Ok(decision)
    }

    /// The decision on the run of the worse verdict, with these inputs of the other.
    pub(super) fn decide(&self, given: &GivenInputs) -> Result<Decision> {
        let policy = self.policy_of(self.whose(given, &RunInput::Policy))?;
        let now = self.side(self.whose(given, &RunInput::Clock)).now;
        Ok(self
            .try_decide(given, now)
            .unwrap_or_else(|error| undecided(policy, now, RunError::of(None, &said(&error))).decision))
    }

    fn try_decide(&self, given: &GivenInputs, now: Timestamp) -> Result<Decision> {
        let by = self.whose(given, &RunInput::Policy);
        let policy = self.policy_of(by)?;
        let waivers = self.waivers(given, policy, now)?;
        let mut context = self.context(given, policy, now)?;
        let parents = self.replayer.policies.get(by).map_or(0, |policy| policy.parents.len());
        for at in 0..parents {
            let parent = self.policy(by, Some(at))?;
            let parent_context = self.context(given, parent, now)?;
            let inherited = inherited(&waivers, policy, parent);
            let said = self.decide_by((parent, by, Some(at)), given, &parent_context, inherited)?;
            context.parents.push(GateVerdict::of_decision(&said));
        }
        self.decide_by((policy, by, None), given, &context, waivers)
    }

    fn decide_by(
        &self,
        (policy, by, parent): (&Policy, usize, Option<usize>),
        given: &GivenInputs,
        context: &Context,
        waivers: Vec<Waiver>,
    ) -> Result<Decision> {
        let (saved, base) = self.evidence(given, by, parent)?;
        Ok(self.replayer.decide_saved(policy, (saved, base.as_ref()), context, waivers).decision)
    }

    fn waivers(&self, given: &GivenInputs, policy: &Policy, now: Timestamp) -> Result<Vec<Waiver>> {
        let names: BTreeSet<&String> = self.texts(0).keys().chain(self.texts(1).keys()).collect();
        let mut texts = Vec::new();
        for name in names {
            let side = self.whose(given, &RunInput::Waivers(name.clone()));
            let of_bundle = matches!(self.side(side).content, SideContent::Bundle(_));
            if let Some(bytes) = self.texts(side).get(name)
                && (of_bundle || names_waivers(policy, name))
            {
                texts.push((name.clone(), bytes.clone()));
            }
        }
        waivers_of(policy, &texts, now)
    }

    fn context(&self, given: &GivenInputs, policy: &Policy, now: Timestamp) -> Result<Context> {
        let mut parameters = BTreeMap::new();
        let [a, b] = [self.side(0).parameters(), self.side(1).parameters()];
        for name in a.keys().chain(b.keys()) {
            let of = if self.whose(given, &RunInput::Parameter(name.clone())) == 0 { a } else { b };
            if let Some(value) = of.get(name) {
                parameters.insert(name.clone(), value.clone());
            }
        }
        let of = |side: usize| self.side(side).context(self.replayer, policy, now, parameters.clone());
        let own = of(self.worse)?;
        if given.is_empty() {
            return Ok(own);
        }
        let other = of(self.better())?;
        let from = |input: RunInput| if given.contains(&input) { &other } else { &own };
        let (commit, author) = (from(RunInput::Commit), from(RunInput::Author));
        let (artifacts, owners) = (from(RunInput::Artifacts), from(RunInput::Codeowners));
        Ok(Context {
            commits: commit.commits.clone(),
            artifacts: artifacts.artifacts.clone(),
            authors: author.authors.clone(),
            login: author.login.clone(),
            owners: owners.owners.clone(),
            shown: ContextView {
                commit: commit.shown.commit.clone(),
                author: author.shown.author.clone(),
                subjects: artifacts.shown.subjects.clone(),
                codeowners: owners.shown.codeowners.clone(),
                project: from(RunInput::Project).shown.project.clone(),
                ..own.shown.clone()
            },
            ..own
        })
    }

    fn own_snapshot(&self, side: usize) -> Result<Rc<EvidenceSnapshot>> {
        self.snapshot(SnapshotKey { side, policy: side, parent: None, baseline: side, diff: side })
    }

    /// The evidence of a run as it is read.
    fn snapshot(&self, key: SnapshotKey) -> Result<Rc<EvidenceSnapshot>> {
        let side = self.side(key.side);
        let key = match side.content {
            SideContent::Files(_) => key,
            SideContent::Bundle(_) => SnapshotKey { policy: 0, parent: None, baseline: 0, diff: 0, ..key },
        };
        if let Some(known) = self.snapshots.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let read = match &side.content {
            SideContent::Bundle(bundle) => bundle.saved.clone(),
            SideContent::Files(files) => {
                let policy = self.policy(key.policy, key.parent)?;
                // What a bundle was compared with is not kept.
                let base = |of: usize| match &self.side(of).content {
                    SideContent::Files(base) => base,
                    SideContent::Bundle(_) => files,
                };
                let (baseline, diff) = (base(key.baseline), base(key.diff));
                let run = files.compared_with(&side.about, baseline.baseline.as_ref(), diff.diff.as_ref())?;
                let said =
                    self.replayer.decide_files(policy, &run, &Context::at(side.now), Vec::new(), true)?;
                said.evidence.ok_or_else(|| {
                    let why = said.decision.errors.first().map(|error| error.message.clone());
                    anyhow!(RunDiagnostic::RunUnreadable { why: why.unwrap_or_default() })
                })?
            }
        };
        let read = Rc::new(read);
        self.snapshots.borrow_mut().insert(key, Rc::clone(&read));
        Ok(read)
    }

    /// The evidence of both runs as a policy reads it, each compared with the same.
    fn snapshots(
        &self,
        given: &GivenInputs,
        policy: usize,
        parent: Option<usize>,
    ) -> Result<[Rc<EvidenceSnapshot>; 2]> {
        let [baseline, diff] = [RunInput::Baseline, RunInput::Diff].map(|input| self.whose(given, &input));
        let of = |side| self.snapshot(SnapshotKey { side, policy, parent, baseline, diff });
        Ok([of(0)?, of(1)?])
    }

    /// The evidence with these inputs of the other run, and the base that it was compared with.
    fn evidence(
        &self,
        given: &GivenInputs,
        policy: usize,
        parent: Option<usize>,
    ) -> Result<(EvidenceSnapshot, Option<GivenBase>)> {
        let both = self.snapshots(given, policy, parent)?;
        let of = |side: usize| if side == 0 { &both[0] } else { &both[1] };
        let (worse, better) = (of(self.worse), of(self.better()));
        let mut mixed = EvidenceSnapshot::default();
        let names: BTreeSet<&str> =
            both.iter().flat_map(|saved| &saved.reports).map(|r| r.name.as_str()).collect();
        for name in names {
            let mut report = match (report_of(worse, name), report_of(better, name)) {
                (Some(own), Some(other)) => self.mixed_report(given, own, other),
                (own, other) => {
                    let presence = RunInput::Report(name.to_owned(), ReportPart::Presence);
                    let from_other = given.contains(&presence);
                    let Some(there) = (if from_other { other } else { own }) else { continue };
                    marked(there.clone(), if from_other { self.better() } else { self.worse })
                }
            };
            if self.bases_differ {
                settle_states(&mut report, report_of(of(self.whose(given, &RunInput::Base)), name));
            }
            mixed.reports.push(report);
        }
        let names: BTreeSet<&str> =
            both.iter().flat_map(|saved| &saved.documents).map(|d| d.name.as_str()).collect();
        for name in names {
            let side = self.whose(given, &RunInput::Document(name.to_owned()));
            mixed.documents.extend(document_of(of(side), name).cloned());
        }
        let (base, left_alone) = if self.bases_are_settled {
            let base = of(self.whose(given, &RunInput::Base));
            (base.base.clone(), base.left_alone.clone())
        } else {
            let alone = both.iter().filter_map(|saved| saved.left_alone.as_ref());
            let alone = alone.fold(None, |all: Option<BTreeSet<String>>, more| {
                Some(all.unwrap_or_default().into_iter().chain(more.iter().cloned()).collect())
            });
            let base = of(self.whose(given, &RunInput::Suppressions)).base.clone();
            (base, alone.map(|alone| alone.into_iter().collect()))
        };
        mixed.left_alone = left_alone;
        Ok((mixed, base.map(settled)))
    }

    fn mixed_report(&self, given: &GivenInputs, own: &SavedReport, other: &SavedReport) -> SavedReport {
        let name = &own.name;
        let from = |part| {
            if given.contains(&RunInput::Report(name.clone(), part)) { other } else { own }
        };
        let mut mixed = SavedReport { findings: Vec::new(), ..from(ReportPart::Scan).clone() };
        mixed.report.tool = from(ReportPart::Tool).report.tool.clone();
        let time = &from(ReportPart::Time).report;
        (mixed.report.generated, mixed.report.lasted) = (time.generated.clone(), time.lasted);
        let subject = &from(ReportPart::Subject).report;
        mixed.report.commit.clone_from(&subject.commit);
        mixed.report.digests.clone_from(&subject.digests);
        mixed.report.unbound.clone_from(&subject.unbound);
        mixed.report.image.clone_from(&subject.image);
        let (worse, better) = (self.worse, self.better());
        if given.contains(&RunInput::Report(name.clone(), ReportPart::Findings)) {
            mixed.findings.extend(other.findings.iter().map(|finding| mark(finding, better)));
            return mixed;
        }
        let pairs = self.pairs.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_given = |at: usize| given.contains(&RunInput::Finding(name.clone(), at));
        let replaced: BTreeMap<usize, Option<usize>> = pairs
            .iter()
            .enumerate()
            .filter(|(at, _)| is_given(*at))
            .filter_map(|(_, pair)| Some((pair.worse?, pair.better)))
            .collect();
        for (at, finding) in own.findings.iter().enumerate() {
            match replaced.get(&at) {
                None => mixed.findings.push(mark(finding, worse)),
                Some(by) => {
                    let by = by.and_then(|by| other.findings.get(by));
                    mixed.findings.extend(by.map(|finding| mark(finding, better)));
                }
            }
        }
        let added = pairs.iter().enumerate().filter(|(at, pair)| pair.worse.is_none() && is_given(*at));
        let added = added.filter_map(|(_, pair)| other.findings.get(pair.better?));
        mixed.findings.extend(added.map(|finding| mark(finding, better)));
        mixed
    }

    /// The inputs that differ.
    pub(super) fn differing(&self) -> Result<Vec<RunInput>> {
        let [a, b] = &self.sides;
        let mut differing = Vec::new();
        let mut add = |differs: bool, input: RunInput| differing.extend(differs.then_some(input));
        add(self.policy_of(0)?.sha256 != self.policy_of(1)?.sha256, RunInput::Policy);
        add(a.now != b.now, RunInput::Clock);
        let context = |side: &ComparedSide, at: usize| -> Result<Context> {
            let policy = self.policy_of(at)?;
            let context = side.context(self.replayer, policy, side.now, side.parameters().clone());
            Ok(context.unwrap_or_else(|_| Context::at(side.now)))
        };
        let (ours, theirs) = (context(a, 0)?, context(b, 1)?);
        add(ours.commits != theirs.commits, RunInput::Commit);
        add(ours.artifacts != theirs.artifacts, RunInput::Artifacts);
        add((&ours.authors, &ours.login) != (&theirs.authors, &theirs.login), RunInput::Author);
        add(ours.shown.project != theirs.shown.project, RunInput::Project);
        let owners = |context: &Context| context.shown.codeowners.as_ref().map(|file| file.sha256.clone());
        add(owners(&ours) != owners(&theirs), RunInput::Codeowners);
        let parameters = [a.parameters(), b.parameters()];
        for name in parameters.iter().flat_map(|all| all.keys()).collect::<BTreeSet<_>>() {
            add(parameters[0].get(name) != parameters[1].get(name), RunInput::Parameter(name.clone()));
        }
        for name in self.waivers.iter().flat_map(|all| all.keys()).collect::<BTreeSet<_>>() {
            let differs = self.texts(0).get(name) != self.texts(1).get(name);
            add(differs, RunInput::Waivers(name.clone()));
        }
        if let (SideContent::Files(a), SideContent::Files(b)) = (&a.content, &b.content) {
            let bytes = |of: &Option<(&'static str, Vec<u8>)>| of.as_ref().map(|(_, bytes)| bytes.clone());
            add(bytes(&a.baseline) != bytes(&b.baseline), RunInput::Baseline);
            add(a.diff != b.diff, RunInput::Diff);
        }
        add(self.bases_differ, RunInput::Base);
        let mut evidence = BTreeSet::new();
        for policy in [0, 1] {
            self.differing_evidence(policy, &mut evidence)?;
        }
        differing.extend(evidence);
        Ok(differing)
    }

    fn differing_evidence(&self, policy: usize, into: &mut BTreeSet<RunInput>) -> Result<()> {
        let both = self.snapshots(&GivenInputs::new(), policy, None)?;
        let [a, b] = &both;
        let names = |saved: &EvidenceSnapshot| {
            saved.reports.iter().map(|report| report.name.clone()).collect::<BTreeSet<_>>()
        };
        for name in names(a).union(&names(b)) {
            let parts = match (report_of(a, name), report_of(b, name)) {
                (Some(one), Some(other)) => ReportPart::OF_BOTH
                    .into_iter()
                    .filter(|part| self.part(*part, one) != self.part(*part, other))
                    .collect(),
                _ => vec![ReportPart::Presence],
            };
            into.extend(parts.into_iter().map(|part| RunInput::Report(name.clone(), part)));
        }
        let names = |saved: &EvidenceSnapshot| {
            saved.documents.iter().map(|document| document.name.clone()).collect::<BTreeSet<_>>()
        };
        for name in names(a).union(&names(b)) {
            let bytes = |saved| {
                let document: Option<&SavedDocument> = document_of(saved, name);
                document.map(|document| document.source.bytes(MAX_FILE * 16).ok())
            };
            if bytes(a) != bytes(b) {
                into.insert(RunInput::Document(name.clone()));
            }
        }
        let told = |saved: &EvidenceSnapshot| serde_json::to_value(&saved.base).ok();
        if !self.bases_are_settled && told(a) != told(b) {
            into.insert(RunInput::Suppressions);
        }
        Ok(())
    }

    /// A part of a report as a value that can be compared.
    fn part(&self, part: ReportPart, of: &SavedReport) -> serde_json::Value {
        let report = &of.report;
        let value = match part {
            ReportPart::Presence => Ok(serde_json::Value::Null),
            ReportPart::Findings => {
                let findings: Vec<Finding> =
                    of.findings.iter().map(|saved| self.comparable(&saved.finding)).collect();
                serde_json::to_value(findings)
            }
            ReportPart::Tool => serde_json::to_value(&report.tool),
            ReportPart::Time => serde_json::to_value((&report.generated, report.lasted)),
            ReportPart::Subject => {
                serde_json::to_value((&report.commit, &report.digests, &report.unbound, &report.image))
            }
            ReportPart::Scan => serde_json::to_value((
                (&of.entries, &of.ignored, &of.format, &of.error),
                (&report.categories, &report.scanned, &report.failed, &report.nothing_scanned),
                (&report.problems, report.problems_total, report.target, &report.receipt, &report.note),
            )),
        };
        value.unwrap_or_default()
    }

    /// A finding without what another base makes of it.
    fn comparable(&self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        if self.bases_differ {
            let new = Finding::new(finding.category, "", "", finding.severity);
            (finding.state, finding.stage, finding.first_seen) = (new.state, new.stage, new.first_seen);
        }
        finding
    }

    /// The differences between the findings of a report, each an input of its own.
    pub(super) fn take_apart(&mut self, report: &str) -> Result<Vec<RunInput>> {
        if !self.pairs.contains_key(report) {
            let both = self.snapshots(&GivenInputs::new(), self.worse, None)?;
            let [a, b] = &both;
            let (own, other) = if self.worse == 0 { (a, b) } else { (b, a) };
            let pairs = match (report_of(own, report), report_of(other, report)) {
                (Some(own), Some(other)) => self.finding_pairs(&own.findings, &other.findings),
                _ => Vec::new(),
            };
            self.pairs.insert(report.to_owned(), pairs);
        }
        let count = self.pairs.get(report).map_or(0, Vec::len);
        Ok((0..count).map(|at| RunInput::Finding(report.to_owned(), at)).collect())
    }

    fn finding_pairs(&self, own: &[SavedFinding], other: &[SavedFinding]) -> Vec<FindingPair> {
        let mut open: BTreeMap<Fingerprint, Vec<usize>> = BTreeMap::new();
        for (at, saved) in other.iter().enumerate().rev() {
            open.entry(saved.finding.fingerprint).or_default().push(at);
        }
        let same = |a: &SavedFinding, at: usize| {
            other.get(at).is_some_and(|b| self.comparable(&a.finding) == self.comparable(&b.finding))
        };
        let mut left = Vec::new();
        for (at, saved) in own.iter().enumerate() {
            let places = open.entry(saved.finding.fingerprint).or_default();
            match places.iter().position(|place| same(saved, *place)) {
                Some(found) => drop(places.remove(found)),
                None => left.push(at),
            }
        }
        let mut pairs = Vec::new();
        for at in left {
            let fingerprint = own.get(at).map(|saved| saved.finding.fingerprint);
            let better = fingerprint.and_then(|fingerprint| open.get_mut(&fingerprint)?.pop());
            pairs.push(FindingPair { worse: Some(at), better });
        }
        let mut added: Vec<usize> = open.into_values().flatten().collect();
        added.sort_unstable();
        pairs.extend(added.into_iter().map(|at| FindingPair { worse: None, better: Some(at) }));
        pairs
    }

    /// Those that are about findings that rules matched in any of these decisions.
    pub(super) fn matched(&self, units: &[RunInput], decisions: [&Decision; 2]) -> Vec<RunInput> {
        let problems = decisions.into_iter().flat_map(|decision| &decision.findings);
        let matched: BTreeSet<Fingerprint> =
            problems.flat_map(|problem| &problem.witnesses).map(|one| one.finding.fingerprint).collect();
        let is_matched = |unit: &&RunInput| {
            let findings = self.findings(unit).unwrap_or_default();
            findings.iter().flatten().any(|finding| matched.contains(&finding.fingerprint))
        };
        units.iter().filter(is_matched).cloned().collect()
    }

    /// The findings that differ, of the first run and of the second.
    pub(super) fn findings(&self, unit: &RunInput) -> Option<[Option<Finding>; 2]> {
        let RunInput::Finding(report, at) = unit else { return None };
        let pair = self.pairs.get(report)?.get(*at)?;
        let [first, second] =
            if self.worse == 0 { [pair.worse, pair.better] } else { [pair.better, pair.worse] };
        let [a, b] = self.reports(report);
        let of = |report: Option<SavedReport>, at: Option<usize>| {
            report.and_then(|report| Some(report.findings.get(at?)?.finding.clone()))
        };
        Some([of(a, first), of(b, second)])
    }

    /// A report of both runs.
    pub(super) fn reports(&self, name: &str) -> [Option<SavedReport>; 2] {
        match self.snapshots(&GivenInputs::new(), self.worse, None) {
            Ok([a, b]) => [&a, &b].map(|saved| report_of(saved, name).cloned()),
            Err(_) => [None, None],
        }
    }

    /// The runs that have a document.
    pub(super) fn has_document(&self, name: &str) -> [bool; 2] {
        match self.snapshots(&GivenInputs::new(), self.worse, None) {
            Ok([a, b]) => [&a, &b].map(|saved| document_of(saved, name).is_some()),
            Err(_) => [false, false],
        }
    }

    /// A waiver file of a side.
    pub(super) fn waiver_text(&self, side: usize, name: &str) -> Option<Vec<u8>> {
        self.texts(side).get(name).cloned()
    }

    /// The runs that have a waiver file.
    pub(super) fn has_waivers(&self, name: &str) -> [bool; 2] {
        [0, 1].map(|side| self.texts(side).contains_key(name))
    }
}

fn report_of<'s>(saved: &'s EvidenceSnapshot, name: &str) -> Option<&'s SavedReport> {
    saved.reports.iter().find(|report| report.name == name)
}

fn document_of<'s>(saved: &'s EvidenceSnapshot, name: &str) -> Option<&'s SavedDocument> {
    saved.documents.iter().find(|document| document.name == name)
}

/// Secrets are numbered by run: a number of one is none of the other.
fn mark(saved: &SavedFinding, side: usize) -> SavedFinding {
    SavedFinding { secret: saved.secret.map(|number| number * 2 + side), finding: saved.finding.clone() }
}

fn marked(mut report: SavedReport, side: usize) -> SavedReport {
    report.findings = report.findings.iter().map(|finding| mark(finding, side)).collect();
    report
}

/// Gives the findings of a report the states that they have in another.
fn settle_states(report: &mut SavedReport, by: Option<&SavedReport>) {
    let Some(by) = by else { return };
    let known: BTreeMap<Fingerprint, &Finding> =
        by.findings.iter().map(|saved| (saved.finding.fingerprint, &saved.finding)).collect();
    for saved in &mut report.findings {
        if let Some(known) = known.get(&saved.finding.fingerprint) {
            saved.finding.state = known.state;
            saved.finding.stage.clone_from(&known.stage);
            saved.finding.first_seen = known.first_seen;
        }
    }
}

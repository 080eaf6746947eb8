//! The other gates that decide on the same evidence: that of before the change, with the waivers, people, keys, baseline
//! and feeds of then, and each policy that the present one extends, by itself.
//!
//! A comparison of clauses says what a change means for what is to come. What it means for this change only a decision
//! says, whatever clause it hides behind.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::base::{BaselineFrom, name_copies_of_head, project};
use super::codeowners::{OwnersFrom, put_codeowners};
use super::environment::{Environment, another_context};
use super::gate_before::{FeedsBefore, FormerGate};
use super::policy_source::{PolicyText, known_format};
use super::{KeptInputs, ResolvedRun, RunEvidence, RunRequest};
use crate::decide::GateVerdict;
use crate::gather::{GivenFile, evidence_files};
use crate::policy::waiver::{self, Waiver};
use crate::policy::{Action, EntryKind, EvidenceEntry, Policy, ScanExtent};
use crate::relate::Waivers;

/// Why another gate decides as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BesideRole {
    /// It decided before the change.
    Former,
    /// The policy extends it.
    Parent,
}

/// Another gate that decides on the same evidence.
pub(crate) struct Beside {
    pub(crate) role: BesideRole,
    /// The gate, or what it says because it cannot decide.
    pub(crate) gate: Result<Box<ResolvedRun>, GateVerdict>,
}

/// Facts about another gate.
pub(crate) struct OtherGate {
    pub(crate) policy: Policy,
    /// Its text, by which the policies that it extends are found.
    pub(crate) text: Option<PolicyText>,
    pub(crate) waivers: Vec<Waiver>,
    /// Names and bytes of the files that hold them, where they are not those of the present gate.
    pub(crate) waiver_texts: Vec<(String, Vec<u8>)>,
    pub(crate) baseline: BaselineFrom,
    pub(crate) feeds: FeedsBefore,
    pub(crate) owners: OwnersFrom,
}

impl RunRequest {
    /// The gates beside the present one.
    pub(crate) fn besides(
        &self,
        own: &ResolvedRun,
        text: Option<&PolicyText>,
        former: Option<FormerGate>,
    ) -> Result<Vec<Beside>> {
        let mut besides = Vec::new();
        if let Some(former) = former {
            let source = former.source.clone();
            let gate = former.gate(self, own).and_then(|gate| self.beside(own, gate));
            besides.push(Beside {
                role: BesideRole::Former,
                gate: gate.map_err(|error| refused(&source, &error)),
            });
        }
        for policy in text.map(|text| parent_policies(text, &own.policy)).transpose()?.unwrap_or_default() {
            let source = policy.source.clone();
            let gate = self.beside(own, parent(own, policy));
            besides.push(Beside {
                role: BesideRole::Parent,
                gate: gate.map_err(|error| refused(&source, &error)),
            });
        }
        Ok(besides)
    }

    /// Another gate on the evidence of this run.
    fn beside(&self, own: &ResolvedRun, other: OtherGate) -> Result<Box<ResolvedRun>> {
        let OtherGate { mut policy, text, waivers, waiver_texts, baseline, feeds, owners } = other;
        self.leave_parts(&mut policy);
        let given = self.given_to(&own.policy, &policy)?;
        let mut environment = Environment::read_variables(self.no_env);
        let mut context = another_context(&self.flags(), &mut environment, &policy, self.now)?;
        let codeowners = match owners {
            OwnersFrom::Given => own.kept.codeowners.clone(),
            OwnersFrom::Before(file) => Some(file),
            OwnersFrom::Nowhere => None,
        };
        if let Some(file) = &codeowners {
            put_codeowners(file, &mut context);
        }
        let asked = self.base.restricted(&policy);
        let read = match &baseline {
            BaselineFrom::Given => own.kept.baseline.as_ref(),
            BaselineFrom::Before(text) => Some(text),
            BaselineFrom::Nowhere => None,
        };
        let directory = project(self.root.as_deref(), &own.roots);
        let mut comparison = asked.comparison(
            &super::base::ComparedUnder {
                policy: &policy,
                limits: self.limits,
                roots: &own.roots,
                directory: &directory,
                key: own.secret_key.as_ref(),
                change: own.change.as_ref(),
                now: self.now.as_second(),
            },
            read,
            &mut Vec::new(),
        )?;
        if !asked.base_reports.is_empty() {
            name_copies_of_head(comparison.as_mut(), &evidence_files(&policy, &given), self.limits);
        }
        let mut run = ResolvedRun {
            policy,
            remarks: Vec::new(),
            request: self.clone(),
            waivers: Waivers::new(waivers).below(directory),
            gate_before: None,
            evidence: RunEvidence::Files { given, feeds },
            context,
            roots: own.roots.clone(),
            comparison,
            secret_key: own.secret_key.clone(),
            change: own.change.clone(),
            kept: KeptInputs { baseline: read.cloned(), codeowners },
            baseline,
            waiver_texts,
            besides: Vec::new(),
        };
        run.besides = self.besides(&run, text.as_ref(), None)?;
        Ok(Box::new(run))
    }

    /// An entry whose scanner was handed only the files that changed may find none of them its own, and cannot tell what
    /// is gone from the others.
    pub(crate) fn leave_parts(&self, policy: &mut Policy) {
        for entry in policy.evidence.iter_mut().filter(|entry| self.partial_entries.contains(&entry.name)) {
            entry.nothing_scanned = Action::Warn;
            entry.extent = ScanExtent::Changed;
        }
    }

    /// The files as given, for a policy whose entries may have other names.
    fn given_to(&self, own: &Policy, other: &Policy) -> Result<Vec<GivenFile>> {
        let mut given = super::given_reports(&self.paths, &[], &other.mappings)?;
        for (format, path) in &self.input {
            // Of a format that only the present policy defines, the content tells what it is.
            let format = known_format(format, &other.mappings).is_ok().then(|| format.clone());
            given.push(GivenFile { path: path.clone(), format, entry: None });
        }
        for (name, path) in &self.evidence {
            if other.evidence.iter().any(|entry| entry.is_called(name)) {
                given.push(GivenFile { path: path.clone(), format: None, entry: Some(name.clone()) });
                continue;
            }
            let entry = own.evidence.iter().find(|entry| entry.is_called(name));
            let renamed = entry.and_then(|entry| renamed(entry, own, other));
            let is_report = entry.is_none_or(|entry| matches!(entry.kind, EntryKind::Report(_)));
            // A document that nothing there asks for is none of its evidence; a report is read whatever names it.
            if renamed.is_some() || is_report {
                given.push(GivenFile { path: path.clone(), format: None, entry: renamed });
            }
        }
        Ok(given)
    }
}

/// A policy that the one of a run extends, with the run's waivers, baseline and feeds.
fn parent(own: &ResolvedRun, policy: Policy) -> OtherGate {
    let waivers = inherited(own.waivers.list(), &own.policy, &policy);
    let feeds = match &own.evidence {
        RunEvidence::Files { feeds, .. } => feeds.clone(),
        RunEvidence::Saved(_) => FeedsBefore::default(),
    };
    let baseline = own.baseline.clone();
    let owners = OwnersFrom::Given;
    OtherGate { policy, text: None, waivers, waiver_texts: Vec::new(), baseline, feeds, owners }
}

/// The name that an entry has in a policy that looks in the same place for the same under another name.
fn renamed(entry: &EvidenceEntry, own: &Policy, other: &Policy) -> Option<String> {
    let globs =
        |entry: &EvidenceEntry| entry.files.iter().map(|glob| glob.text().to_owned()).collect::<Vec<_>>();
    let same = |one: &&EvidenceEntry| {
        one.kind == entry.kind
            && one.subject == entry.subject
            && globs(one) == globs(entry)
            && !own.evidence.iter().any(|known| known.name == one.name)
    };
    other.evidence.iter().find(same).map(|one| one.name.clone())
}

fn refused(source: &str, error: &anyhow::Error) -> GateVerdict {
    GateVerdict::undecided(source, &format!("{error:#}"))
}

/// The policies that one extends, the nearest first, each with what it leaves to those that extend it.
pub(crate) fn parent_policies(text: &PolicyText, child: &Policy) -> Result<Vec<Policy>> {
    let texts = if child.ancestors.is_empty() { Vec::new() } else { parents(text, child)? };
    let load = |text: &PolicyText| {
        let mut policy = text.load()?;
        fill_slots(&mut policy, child);
        Ok(policy)
    };
    texts.iter().map(load).collect()
}

/// The texts of the policies that one extends, the nearest first, each with what it names.
fn parents(text: &PolicyText, policy: &Policy) -> Result<Vec<PolicyText>> {
    let mut at = PathBuf::new();
    let mut found = Vec::new();
    for ancestor in &policy.ancestors {
        at = inside(at.parent().unwrap_or_else(|| Path::new("")), &ancestor.path);
        let key = at.to_string_lossy().into_owned();
        let (source, bytes) =
            text.beside.get(&key).and_then(|got| got.as_ref().ok()).cloned().with_context(|| {
                format!("{}: the policy that it extends was not read with it: a bug", text.source)
            })?;
        let folder = at.parent().map(Path::to_owned).unwrap_or_default();
        let parent = PolicyText::new(source, bytes, &mut |asked| {
            let exact = folder.join(asked).to_string_lossy().into_owned();
            let plain = inside(&folder, asked).to_string_lossy().into_owned();
            let got = text.beside.get(&exact).or_else(|| text.beside.get(&plain));
            got.cloned().unwrap_or_else(|| Err("was not read with the policy".to_owned()))
        })?;
        found.push(parent);
    }
    Ok(found)
}

/// A path from a folder, without `.` and, as far as they lead out of a folder that is named, without `..`.
fn inside(folder: &Path, path: &str) -> PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    let folder = folder.to_string_lossy();
    for part in folder.split('/').chain(path.split('/')).filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    PathBuf::from(parts.join("/"))
}

/// Fills what a policy leaves to those that extend it: roles that name nobody but examples, and keys of no file.
fn fill_slots(parent: &mut Policy, child: &Policy) {
    for (role, people) in &mut parent.people {
        if let Some(filled) =
            child.people.get(role).filter(|_| people.iter().all(crate::policy::Person::is_example))
        {
            people.clone_from(filled);
        }
    }
    for key in &mut parent.keys {
        if let Some(filled) = child.key(&key.name).filter(|_| key.is_open()) {
            *key = filled.clone();
        }
    }
}

/// The waivers of a policy that apply to rules of another of the same names.
pub(crate) fn inherited(waivers: &[Waiver], own: &Policy, other: &Policy) -> Vec<Waiver> {
    if other.waivers.is_none() {
        return Vec::new();
    }
    let rule = |at: &usize| {
        let id = &own.rules.get(*at)?.id;
        other.rules.iter().position(|rule| rule.id == *id)
    };
    let applied = waivers.iter().map(|waiver| {
        let applies_to: Vec<usize> = waiver.applies_to.iter().filter_map(rule).collect();
        Waiver { applies_to, ..waiver.clone() }
    });
    applied.filter(|waiver| !waiver.applies_to.is_empty()).collect()
}

/// The waivers that these files hold for a policy. A file that is not valid for it holds those of the present gate that
/// it may have had as well.
pub(crate) fn held(texts: &[(String, Vec<u8>)], policy: &Policy, own: &ResolvedRun) -> Vec<Waiver> {
    if policy.waivers.is_none() {
        return Vec::new();
    }
    let present = inherited(own.waivers.list(), &own.policy, policy);
    let mut held: Vec<Waiver> = Vec::new();
    for (name, bytes) in texts {
        let more = match waiver::load(name, bytes, policy, own.context.now) {
            Ok(file) => waiver::unite(vec![file]).unwrap_or_default(),
            Err(_) => present.iter().filter(|waiver| waiver.file == *name).cloned().collect(),
        };
        held.extend(
            more.into_iter()
                .filter(|waiver| !held.iter().any(|known| known.id == waiver.id))
                .collect::<Vec<_>>(),
        );
    }
    held
}

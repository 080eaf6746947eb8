//! The policies of other gates: a change that is let through by one gate may not loosen the next unseen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

use super::super::policy_source::{PolicySource, PolicyText, policy_folders};
use super::super::waiver_files::{once, text};
use super::PriorFindings;
use super::previous_project::{PreviousFile, PreviousProject};
use crate::finding::clean;
use crate::gather::look_for;
use crate::policy::compare::{self, LoosenedClause};
use crate::policy::waiver::{self, Waiver};
use crate::policy::{self, Policy, PolicyLine};

/// Where the policies of a project lie.
const FOLDER: &str = ".secgate";

/// Folders within each other, below which no policy is looked for that git does not know.
const MAX_FOLDERS: usize = 32;

/// Remarks on a policy with which nothing can be compared.
const FIRST: &str = "the first, and nothing tells whether it is strict enough";

/// State of a policy of the folder, before or now.
enum GateFile {
    /// A policy.
    Valid(Box<Policy>),
    /// It decides nothing, for this reason.
    Broken(String),
    /// No policy, or not there.
    None,
}

/// Adds what is looser in the policies of the project's folders of policies, wherever they lie, but for that of the file
/// `own`.
pub(super) fn look(
    before: &PreviousProject<'_>,
    own: Option<&Path>,
    now: Timestamp,
    seen: &mut PriorFindings,
) -> Result<()> {
    let there = |folder: &PathBuf| folder.symlink_metadata().is_ok() || before.has_folder(folder);
    let folder = policy_folders().into_iter().find(there).unwrap_or_else(|| FOLDER.into());
    look_into(before, &folder, None, own, now, seen)?;
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    for other in before.folders_called(FOLDER).iter().filter(|other| real(other) != real(&folder)) {
        look_into(before, other, other.parent(), own, now, seen)?;
    }
    Ok(())
}

/// The same of one folder, whose gates run in `home` if not here.
fn look_into(
    before: &PreviousProject<'_>,
    folder: &Path,
    home: Option<&Path>,
    own: Option<&Path>,
    now: Timestamp,
    seen: &mut PriorFindings,
) -> Result<()> {
    let had_folder = before.has_folder(folder);
    let mut paths: BTreeSet<PathBuf> = before.below(folder).into_iter().collect();
    files_now(folder, MAX_FOLDERS, &mut paths);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let same = |path: &Path| own.is_some_and(|own| real(own) == real(path));
    for path in paths.iter().filter(|path| is_policy_name(path) && !same(path)) {
        let shown = clean(&path.to_string_lossy()).into_owned();
        let (name, was) = match before.read_or_moved(path)? {
            PreviousFile::There(name, bytes) => (name.clone(), was(before, path, name, &bytes)?),
            PreviousFile::Absent => (String::new(), GateFile::None),
            // What is no part of the project does not change with it.
            PreviousFile::Outside => continue,
            PreviousFile::Untold(why) => {
                seen.notes.push(format!("the policy {shown}: {why}, so that it was not compared"));
                continue;
            }
        };
        let is = is(path);
        let place = || Some(PolicyLine { file: shown.clone(), line: 1 });
        let told = |was: &str, is: &str| {
            LoosenedClause::outside_policy(&format!("policy {shown}"), was, is, None, place())
        };
        match (was, is) {
            (GateFile::Valid(old), GateFile::Valid(new)) => {
                seen.compared.push(format!("policy {name} sha256:{}", old.sha256));
                let clauses =
                    compare::policies(&old, &new).into_iter().map(|clause| of_gate(&old.gate, clause));
                seen.clauses.extend(clauses);
                let known = waivers_before(before, &old, home, now)?;
                let present = waivers_now(before, &new, home, now)?;
                let waivers = compare::waivers(&known, &present);
                seen.clauses.extend(waivers.into_iter().map(|clause| of_gate(&old.gate, clause)));
            }
            (GateFile::Valid(old), GateFile::None) => {
                let clause = format!("policy of gate `{}`", old.gate);
                let was = PolicyLine { file: name, line: 1 };
                seen.clauses.push(LoosenedClause::outside_policy(&clause, "there", "gone", Some(was), None));
            }
            (GateFile::Broken(why), GateFile::Valid(_)) => {
                seen.clauses.push(told(&format!("not valid: {why}"), FIRST));
            }
            // Where no folder was, the embedded policy of that name decided.
            (GateFile::None, GateFile::Valid(new)) if before.is_brought(path) => {
                let embedded = policy::embedded(&new.gate).filter(|_| !had_folder);
                let old = embedded
                    .and_then(|text| policy::load(&format!("embedded:{}", new.gate), text.as_bytes()).ok());
                match old {
                    Some(old) => {
                        let clauses = compare::policies(&old, &new).into_iter();
                        seen.clauses.extend(clauses.map(|clause| of_gate(&old.gate, clause)));
                    }
                    None => seen.clauses.push(told("not there", FIRST)),
                }
            }
            // What is not valid stops whoever asks for it; what git does not know came with no change.
            (_, GateFile::Broken(_)) | (GateFile::Broken(_) | GateFile::None, _) => {}
        }
    }
    Ok(())
}

/// Adds the files that are in a folder, and in folders of it. Of a folder behind a link only the first files: links can lead
/// anywhere.
fn files_now(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = folder.join(entry.file_name());
        if depth > 0 && path.is_dir() {
            files_now(&path, if path.is_symlink() { 0 } else { depth - 1 }, found);
        } else {
            found.insert(path);
        }
    }
}

/// A clause, with the gate that it is of.
fn of_gate(gate: &str, clause: LoosenedClause) -> LoosenedClause {
    clause.within(&format!("gate `{}`", clean(gate)))
}

/// The name of a file that can be a gate's policy; cases of a policy stand beside it.
fn is_policy_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let ends = |ends: [&str; 2]| ends.iter().any(|end| name.ends_with(end));
    ends([".yaml", ".yml"]) && !ends([".test.yaml", ".test.yml"])
}

/// True if a text says that it is a gate's policy; waivers, mappings and cases say otherwise.
fn names_gate(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().any(|line| line.trim_start_matches(['{', ' ', '"']).starts_with("gate"))
}

fn was(before: &PreviousProject<'_>, path: &Path, name: String, bytes: &[u8]) -> Result<GateFile> {
    if !names_gate(bytes) {
        return Ok(GateFile::None);
    }
    Ok(match before.policy(path, name, bytes.to_vec())? {
        Ok(text) => of_text(&text),
        Err(why) => GateFile::Broken(why),
    })
}

fn is(path: &Path) -> GateFile {
    let source = PolicySource::from_path(path);
    let Ok(bytes) = source.bytes() else { return GateFile::None };
    if !names_gate(&bytes) {
        return GateFile::None;
    }
    match source.text() {
        Ok(text) => of_text(&text),
        Err(error) => GateFile::Broken(format!("{error:#}")),
    }
}

fn of_text(text: &PolicyText) -> GateFile {
    match text.load() {
        Ok(policy) => GateFile::Valid(Box::new(policy)),
        Err(error) => GateFile::Broken(format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
    }
}

/// The waivers that a policy named before the change, whose gate runs in `home` if not here; of what was not valid none held.
fn waivers_before(
    before: &PreviousProject<'_>,
    policy: &Policy,
    home: Option<&Path>,
    now: Timestamp,
) -> Result<Vec<Waiver>> {
    let files = policy.waivers.iter().flat_map(|limits| &limits.files);
    let found = |glob| home.map_or_else(|| before.matching(glob), |home| before.matching_below(home, glob));
    let paths: BTreeSet<PathBuf> = files.flat_map(found).collect();
    let mut held = Vec::new();
    for path in &paths {
        if let PreviousFile::There(name, bytes) = before.read_or_moved(path)?
            && let Ok(file) = waiver::load(&name, &bytes, policy, now)
        {
            held.push(file);
        }
    }
    Ok(waiver::unite(held).unwrap_or_default())
}

/// The waivers that a policy names now; what is not valid stops the gate that asks for it.
fn waivers_now(
    before: &PreviousProject<'_>,
    policy: &Policy,
    home: Option<&Path>,
    now: Timestamp,
) -> Result<Vec<Waiver>> {
    let files = policy.waivers.iter().flat_map(|limits| &limits.files);
    let mut held = Vec::new();
    let found = |glob| {
        let there = |path: &PathBuf| path.symlink_metadata().is_ok();
        home.map_or_else(
            || look_for(glob),
            |home| before.matching_below(home, glob).into_iter().filter(there).collect(),
        )
    };
    for path in once(files.flat_map(found))? {
        let (name, bytes) = text(&path)?;
        held.extend(waiver::load(&name, &bytes, policy, now));
    }
    Ok(waiver::unite(held).unwrap_or_default())
}

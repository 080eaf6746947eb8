//! The files of a saved run: those that are its evidence, wherever their bytes lie. Nothing is looked for elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use super::GivenFile;
use super::left_out::{LeftOut, Reason, no_report_of};
use super::plan::{PlannedFile, ReadingPlan, names_outright, resolve, unite};
use crate::decide::RunError;
use crate::policy::{EntryKind, Policy};
use crate::report::{self, Source};

/// A file of a saved run.
#[derive(Debug, Clone)]
pub struct SavedFile {
    /// Its path in the run.
    pub name: String,
    /// Its bytes.
    pub source: Source,
    /// The entry of the policy that it was given for.
    pub entry: Option<String>,
    /// The format that it was given as.
    pub format: Option<String>,
}

/// The files that a policy has read of a run: those that its entries name, and what else may be a report.
pub(super) fn plan_saved(policy: &Policy, files: &[SavedFile]) -> Result<ReadingPlan, Vec<RunError>> {
    let sources: BTreeMap<&str, &Source> = files.iter().map(|f| (f.name.as_str(), &f.source)).collect();
    let mut left_out = LeftOut::default();
    let mut items = Vec::new();
    for file in files {
        let path = Path::new(&file.name);
        let of_report = report::receipt::report_of(&file.name).filter(|name| sources.contains_key(name));
        if of_report.is_some() && report::receipt::says_receipt(&file.source) {
            left_out.file(path, Reason::Receipt);
            continue;
        }
        let Some(entries) = entries(policy, file)? else {
            left_out.path(path, Reason::Own);
            continue;
        };
        if entries.is_empty()
            && file.format.is_none()
            && let Some(reason) = no_report_of(path, &file.source)
        {
            left_out.file(path, reason);
            continue;
        }
        let receipt = sources.get(report::receipt::beside(path).to_string_lossy().as_ref());
        items.push(PlannedFile {
            name: file.name.clone(),
            source: file.source.clone(),
            bytes: file.source.size(),
            format: file.format.clone(),
            entries,
            in_directory: file.entry.is_none() && file.format.is_none(),
            given: file.entry.is_none(),
            receipt: receipt.map(|&receipt| receipt.clone()),
        });
    }
    Ok(ReadingPlan { items: unite(policy, items)?, left_out: left_out.told("the run") })
}

/// Names of the entries that a file is for; none for what secgate wrote itself and only a wildcard names.
fn entries(policy: &Policy, file: &SavedFile) -> Result<Option<Vec<String>>, Vec<RunError>> {
    if let Some(name) = &file.entry {
        // Another policy may have no such entry; then its globs say what the file is for.
        if policy.evidence.iter().any(|entry| entry.is_called(name)) {
            let one = GivenFile { path: file.name.clone().into(), format: None, entry: Some(name.clone()) };
            let (named, faults) = resolve(policy, &[one]);
            if !faults.is_empty() {
                return Err(faults);
            }
            return Ok(Some(named.into_iter().filter_map(|one| one.entry).collect()));
        }
    }
    let named = policy.evidence.iter().filter(|e| e.files.iter().any(|glob| glob.matches_file(&file.name)));
    let named: Vec<_> = named.collect();
    let own = named.iter().any(|entry| matches!(entry.kind, EntryKind::Report(_)))
        && report::is_own_output(&file.source);
    let serves = |entry: &&&crate::policy::EvidenceEntry| {
        !own || !matches!(entry.kind, EntryKind::Report(_)) || names_outright(entry, &file.name)
    };
    let serving: Vec<String> = named.iter().filter(serves).map(|entry| entry.name.clone()).collect();
    Ok(if serving.is_empty() && !named.is_empty() { None } else { Some(serving) })
}

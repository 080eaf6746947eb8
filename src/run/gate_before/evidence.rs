//! Evidence that a change brings itself: what is kept in the repository and altered by the change that it speaks for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::PriorFindings;
use super::previous_project::{PreviousProject, ways};
use crate::finding::clean;
use crate::policy::PolicyLine;
use crate::policy::compare::LoosenedClause;
use crate::report::{is_absent, receipt};

/// Adds a clause for each piece of evidence, or receipt beside it, that the change altered or added, by its own path or by
/// that of a link which leads to it.
pub(super) fn look(before: &PreviousProject<'_>, evidence: &[PathBuf], seen: &mut PriorFindings) {
    let there = before.change.diff.files().filter(|file| !file.is_gone);
    let touched: BTreeMap<&str, bool> = there.map(|file| (file.path, file.old_path().is_some())).collect();
    let mut files: Vec<PathBuf> = Vec::new();
    for path in evidence {
        files.push(path.clone());
        files.push(receipt::beside(path));
    }
    files.sort();
    files.dedup();
    for path in files.iter().filter(|path| !is_absent(path)) {
        let names = before.project_paths(path);
        let Some(known) = names.iter().flat_map(|name| ways(name)).find_map(|way| touched.get(way)) else {
            continue;
        };
        let file = clean(&path.to_string_lossy()).into_owned();
        let was = if *known { "as it was" } else { "not there" };
        let clause = format!("evidence `{file}`");
        let after = "brought by the change that it speaks for";
        seen.clauses.push(LoosenedClause::outside_policy(
            &clause,
            was,
            after,
            None,
            Some(PolicyLine { file, line: 1 }),
        ));
    }
}

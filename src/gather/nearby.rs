//! Reports that lie about and that nobody looks for: what to say where evidence is absent, and to whoever writes a first
//! policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::finding::{Category, Finding, Target};
use crate::report::{self, Format, Hint, Options, Sink, Source};

/// Folders in which reports are looked for, besides the current one.
pub const REPORT_FOLDERS: &[&str] =
    &["reports", "report", "results", "artifacts", "security", "scans", "scan", "output", "out"];
/// What names of reports end in.
const ENDINGS: &[&str] = &["json", "jsonl", "sarif", "xml", "gz"];
/// Most files that are opened beside the evidence of a run.
const MOST_FILES: usize = 64;
/// Largest of them, in bytes.
const LARGEST: u64 = 32 << 20;

/// A report that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearbyReport {
    /// Its path.
    pub path: String,
    /// Format id.
    pub format: String,
    /// Category of most of its findings.
    pub category: Category,
    /// It is about an image.
    pub image: bool,
}

/// Nothing is kept of a report but what it is about.
struct NoFindings;

impl Sink for NoFindings {
    fn finding(&mut self, _: Finding) {}
    fn restart(&mut self) {}
}

/// Whether a file is called as a report may be.
pub fn is_called_like_a_report(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| ENDINGS.contains(&end.to_ascii_lowercase().as_str()))
}

/// The report in a file of at most so many bytes, if it has findings or is of a scan that found none; `relative` names it.
pub fn report_at(path: &Path, relative: &str, largest: u64) -> Option<NearbyReport> {
    let options = Options { max_report: largest, ..Options::default() };
    let source = Source::File(path.to_owned());
    let outcome = report::read_source(&source, Hint::default(), &options, &mut NoFindings);
    if outcome.error.is_some() {
        return None;
    }
    let format = Format::by_id(outcome.format.as_deref()?).ok()?;
    let covers = &outcome.report.categories;
    let category = format.categories.iter().find(|category| covers.contains(category))?;
    Some(NearbyReport {
        path: relative.to_owned(),
        format: format.id.to_owned(),
        category: *category,
        image: outcome.report.target == Some(Target::Image),
    })
}

/// The reports in the current directory and in folders that are called like one of reports, but for those of `known`
/// paths and what secgate wrote itself, sorted by path.
pub fn nearby(known: &BTreeSet<PathBuf>) -> Vec<NearbyReport> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in std::iter::once(".").chain(REPORT_FOLDERS.iter().copied()) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let of_folder = names.filter(|name| is_called_like_a_report(name));
        files.extend(
            of_folder.map(|name| if folder == "." { name.into() } else { Path::new(folder).join(name) }),
        );
    }
    files.sort();
    let small =
        |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let others = files.into_iter().filter(|path| !known.contains(path) && small(path));
    let own = |path: &PathBuf| report::is_own_output(&Source::File(path.clone()));
    let reports = others.filter(|path| !own(path)).take(MOST_FILES);
    reports.filter_map(|path| report_at(&path, &path.to_string_lossy(), LARGEST)).collect()
}

//! Rows as they lie in a folder, a file a table, or in one stream. They are read run by run, so that memory does not grow with
//! their number, and a line that is no row is named with its file and number.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::FleetError;
use super::row::{ReadEvidence, ReadFinding, ReadRecall, ReadRule, ReadRun, ReadWaiver, RunRows, TableRow};
use crate::finding::{clean, clean_line};
use crate::replay::{RowsEnd, RowsFolder, TABLES, file_of};

/// Longest line that is read: a row holds a message and a few texts.
const MAX_LINE: u64 = 16 << 20;

/// What every row begins with.
#[derive(Debug, Deserialize)]
struct RowMark {
    seq: u64,
    row_type: String,
}

/// Lines of a file with their numbers.
struct RowLines {
    place: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl RowLines {
    fn open(place: PathBuf) -> Result<Self, FleetError> {
        let file = File::open(&place).map_err(|error| FleetError::file(&place, error))?;
        Ok(Self { place, reader: BufReader::with_capacity(1 << 18, file), line: Vec::new(), number: 0 })
    }

    /// Reads the next line; false at the end.
    fn advance(&mut self) -> Result<bool, FleetError> {
        self.line.clear();
        let read = io::Read::take(&mut self.reader, MAX_LINE).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| FleetError::file(&self.place, error))?;
        self.number += 1;
        if read == 0 {
            return Ok(false);
        }
        if !self.line.ends_with(b"\n") {
            return Err(self.broken("does not end: its writer died, or it is no row"));
        }
        Ok(true)
    }

    fn broken(&self, why: &str) -> FleetError {
        let place = clean(&self.place.to_string_lossy()).into_owned();
        FleetError::Row { place, line: self.number, why: why.to_owned() }
    }

    fn parsed<'l, T: Deserialize<'l>>(&'l self) -> Result<T, FleetError> {
        serde_json::from_slice(&self.line).map_err(|error| {
            let why = error.to_string();
            // The line of the text is always the first.
            let why = why.split(" at line ").next().unwrap_or_default();
            self.broken(&format!("is no row of this version of secgate: {}", clean_line(why)))
        })
    }
}

/// Rows of one run that are being collected, of all policies.
#[derive(Debug, Default)]
struct CollectedRows {
    runs: Vec<ReadRun>,
    rules: Vec<ReadRule>,
    evidence: Vec<ReadEvidence>,
    findings: Vec<ReadFinding>,
    waivers: Vec<ReadWaiver>,
    recalls: Vec<ReadRecall>,
}

/// A table: its rows in the order of the runs, and the next of them.
struct TableLines {
    lines: RowLines,
    table: &'static str,
    /// The run that the line read last is of.
    next: Option<u64>,
}

impl TableLines {
    fn open(folder: &Path, table: &'static str) -> Result<Self, FleetError> {
        let mut opened = Self { lines: RowLines::open(folder.join(file_of(table)))?, table, next: None };
        opened.mark(0)?;
        Ok(opened)
    }

    /// Looks at the next line.
    fn mark(&mut self, after: u64) -> Result<(), FleetError> {
        self.next = None;
        if self.lines.advance()? {
            let mark: RowMark = self.lines.parsed()?;
            if mark.row_type != self.table {
                let why =
                    format!("is a row of `{}` in the table `{}`", clean_line(&mark.row_type), self.table);
                return Err(self.lines.broken(&why));
            }
            if mark.seq < after {
                return Err(self.lines.broken(
                    "is of an earlier run than the line before it; rows stand in the order of the runs",
                ));
            }
            self.next = Some(mark.seq);
        }
        Ok(())
    }

    /// The rows of a run that are of this policy.
    fn take<T: TableRow>(&mut self, seq: u64, label: &str) -> Result<Vec<T>, FleetError> {
        let mut rows = Vec::new();
        if self.next.is_some_and(|next| next < seq) {
            return Err(self.lines.broken("is of a run that has no row in `run`"));
        }
        while self.next == Some(seq) {
            let row: T = self.lines.parsed()?;
            if row.label() == label {
                rows.push(row);
            }
            self.mark(seq)?;
        }
        Ok(rows)
    }
}

/// Where rows are.
#[derive(Debug, Clone)]
pub(super) enum RowSource {
    /// A file a table.
    Folder(PathBuf),
    /// All in one file, told apart by `row_type`.
    Stream(PathBuf),
}

impl RowSource {
    /// The source at a path, if it is whole.
    pub(super) fn open(path: &Path) -> Result<Self, FleetError> {
        if !path.is_dir() {
            return Ok(Self::Stream(path.to_owned()));
        }
        let refused = |why: String| Err(FleetError::refused(path, &why));
        if path.join("rows.json").symlink_metadata().is_err() {
            return refused(
                "holds no rows (no rows.json); `secgate replay --rows OUT RUNS` writes them of saved runs"
                    .to_owned(),
            );
        }
        let folder = RowsFolder::read(path)?;
        if let Some(shard) = folder.shard() {
            return refused(format!(
                "is shard {}/{} and not the whole; put the shards together with `secgate replay merge`",
                shard.index, shard.count
            ));
        }
        if let Some(table) = TABLES.iter().find(|table| path.join(file_of(table)).symlink_metadata().is_err())
        {
            return refused(format!("has no table {}; write the rows anew", file_of(table)));
        }
        Ok(Self::Folder(path.to_owned()))
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Stream(path) => path,
        }
    }

    /// Reads the rows of `run` alone, of this policy, each with its place.
    pub(super) fn each_run(
        &self,
        label: &str,
        mut take: impl FnMut(u64, ReadRun) -> Result<(), FleetError>,
    ) -> Result<(), FleetError> {
        match self {
            Self::Folder(path) => {
                let mut runs = TableLines::open(path, "run")?;
                let mut rows = 0_u64;
                while let Some(seq) = runs.next {
                    let own: Vec<ReadRun> = runs.take_all(seq, &mut rows)?;
                    for run in own.into_iter().filter(|run| run.label() == label) {
                        take(seq, run)?;
                    }
                }
                self.count(path, rows)
            }
            Self::Stream(path) => stream(path, |seq, rows| {
                rows.runs.into_iter().filter(|run| run.label() == label).try_for_each(|run| take(seq, run))
            }),
        }
    }

    /// Whether as many runs have rows as the folder says.
    fn count(&self, path: &Path, rows: u64) -> Result<(), FleetError> {
        let folder = RowsFolder::read(path)?;
        match folder.end() {
            Some(RowsEnd { out, .. }) if out.checked_mul(folder.policies() as u64) == Some(rows) => Ok(()),
            Some(RowsEnd { out, .. }) => Err(FleetError::refused(
                self.path(),
                &format!("is not whole: end.json tells of {out} runs, and run.ndjson has {rows} rows"),
            )),
            None => Err(FleetError::refused(
                self.path(),
                "is not whole: it has no end.json; `secgate replay --resume` continues it",
            )),
        }
    }

    /// Reads all rows of each run, of this policy.
    pub(super) fn each(
        &self,
        label: &str,
        mut take: impl FnMut(u64, &RunRows) -> Result<(), FleetError>,
    ) -> Result<(), FleetError> {
        match self {
            Self::Folder(path) => {
                let tables = ["run", "run_rule", "run_evidence", "run_finding", "run_waiver", "run_recall"];
                let [mut runs, mut rules, mut evidence, mut findings, mut waivers, mut recalls] =
                    open_tables(path, tables)?;
                while let Some(seq) = runs.next {
                    let rows = CollectedRows {
                        runs: runs.take(seq, label)?,
                        rules: rules.take(seq, label)?,
                        evidence: evidence.take(seq, label)?,
                        findings: findings.take(seq, label)?,
                        waivers: waivers.take(seq, label)?,
                        recalls: recalls.take(seq, label)?,
                    };
                    if let Some(rows) = rows.of_policy(label) {
                        take(seq, &rows)?;
                    }
                }
                // What stands behind the last run is of none.
                [rules, evidence, findings, waivers, recalls].iter_mut().try_for_each(|table| {
                    match table.next {
                        Some(_) => Err(table.lines.broken("is of a run that has no row in `run`")),
                        None => Ok(()),
                    }
                })
            }
            Self::Stream(path) => stream(path, |seq, rows| match rows.of_policy(label) {
                Some(rows) => take(seq, &rows),
                None => Ok(()),
            }),
        }
    }
}

fn open_tables<const N: usize>(
    folder: &Path,
    tables: [&'static str; N],
) -> Result<[TableLines; N], FleetError> {
    let opened: Vec<TableLines> =
        tables.iter().map(|table| TableLines::open(folder, table)).collect::<Result<_, _>>()?;
    opened.try_into().map_err(|_| FleetError::refused(folder, "has too few tables"))
}

impl TableLines {
    /// The rows of a run of every policy, and how many there were so far.
    fn take_all<T: TableRow>(&mut self, seq: u64, count: &mut u64) -> Result<Vec<T>, FleetError> {
        let mut rows = Vec::new();
        while self.next == Some(seq) {
            rows.push(self.lines.parsed()?);
            *count += 1;
            self.mark(seq)?;
        }
        Ok(rows)
    }
}

impl CollectedRows {
    /// The rows of one policy; none where it has not decided.
    fn of_policy(self, label: &str) -> Option<RunRows> {
        fn only<T: TableRow>(rows: Vec<T>, label: &str) -> Vec<T> {
            rows.into_iter().filter(|row| row.label() == label).collect()
        }
        let run = only(self.runs, label).into_iter().next()?;
        Some(RunRows {
            run,
            rules: only(self.rules, label),
            evidence: only(self.evidence, label),
            findings: only(self.findings, label),
            waivers: only(self.waivers, label),
            recalls: only(self.recalls, label),
        })
    }
}

/// Reads a stream of all tables: the rows of a run stand together, and its own row comes last.
fn stream(
    path: &Path,
    mut take: impl FnMut(u64, CollectedRows) -> Result<(), FleetError>,
) -> Result<(), FleetError> {
    let mut lines = RowLines::open(path.to_owned())?;
    let mut rows = CollectedRows::default();
    let (mut current, mut count): (Option<u64>, u64) = (None, 0);
    while lines.advance()? {
        if let Ok(end) = serde_json::from_slice::<RowsEnd>(&lines.line) {
            if rows.is_partial() {
                return Err(lines.broken("ends the rows while a run has none of its own"));
            }
            if let Some(seq) = current {
                count += 1;
                take(seq, std::mem::take(&mut rows))?;
            }
            if end.total.is_some() {
                return Err(lines.broken("ends a shard, which is not the whole"));
            }
            if end.out != count {
                return Err(lines.broken(&format!("tells of {} runs, and {count} have rows", end.out)));
            }
            if lines.advance()? {
                return Err(lines.broken("stands behind the end; one stream is one replay"));
            }
            return Ok(());
        }
        let mark: RowMark = lines.parsed()?;
        if current.is_some_and(|current| current != mark.seq) {
            if rows.is_partial() {
                return Err(lines.broken("is of another run, and the one before it has no row of its own"));
            }
            if current.is_some_and(|current| current > mark.seq) {
                return Err(lines.broken("is of an earlier run than the line before it"));
            }
            count += 1;
            take(current.unwrap_or_default(), std::mem::take(&mut rows))?;
        }
        current = Some(mark.seq);
        match mark.row_type.as_str() {
            "run" => rows.runs.push(lines.parsed()?),
            "run_rule" => rows.rules.push(lines.parsed()?),
            "run_evidence" => rows.evidence.push(lines.parsed()?),
            "run_finding" => rows.findings.push(lines.parsed()?),
            "run_waiver" => rows.waivers.push(lines.parsed()?),
            "run_recall" => rows.recalls.push(lines.parsed()?),
            "run_difference" => {}
            other => {
                return Err(lines.broken(&format!("is of no table that is known: `{}`", clean_line(other))));
            }
        }
    }
    Err(FleetError::refused(path, "is not whole: the line {\"end\":true,…} is missing"))
}

impl CollectedRows {
    /// Rows of a run without the row of the run itself.
    fn is_partial(&self) -> bool {
        let any = !self.rules.is_empty()
            || !self.evidence.is_empty()
            || !self.findings.is_empty()
            || !self.waivers.is_empty();
        any && self.runs.is_empty()
    }
}

//! A folder of rows, a file a table: written as it goes, continued after a kill at any moment, put together from shards.
//!
//! The rows of a run are appended table by table, and those of `run` come last: a run whose row is whole is done, and whatever
//! else stands in the other tables behind the last such run was left by a writer that died.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::rows::{ROWS_SCHEMA, RowTexts, TABLES};
use crate::decide::Outcome;
use crate::finding::{clean, clean_line};

/// What the rows of a folder are of.
const HEAD: &str = "rows.json";
/// What says that a folder is whole.
const END: &str = "end.json";

/// Errors of a folder of rows.
#[derive(Debug, Error)]
pub enum RowError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The folder is in use, or not what is asked for.
    #[error("{0}")]
    Refused(String),
}

type Result<T> = std::result::Result<T, RowError>;

fn refused<T>(path: &Path, why: &str) -> Result<T> {
    Err(RowError::Refused(format!("{}: {why}", clean(&path.to_string_lossy()))))
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|error| RowError::File(clean(&path.to_string_lossy()).into_owned(), error))
}

/// A part of the runs: the `index`th of `count`, by a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunShard {
    /// From 1.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl RunShard {
    /// Whether a run is part of it. One without an id goes by its place in the input.
    pub fn holds(self, id: Option<&str>, seq: u64) -> bool {
        let digest = id.map_or_else(|| Sha256::digest(format!("#{seq}")), Sha256::digest);
        let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // From 1; what a file says may be anything.
        number.checked_rem(self.count.into()).is_some_and(|place| place + 1 == u64::from(self.index))
    }
}

impl std::str::FromStr for RunShard {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("is not I/N with I from 1 to N".to_owned()),
        }
    }
}

/// What rows are of: two folders with one head are made of the same question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsHead {
    schema: String,
    secgate: String,
    /// Source and digest of each policy.
    policies: Vec<(String, String)>,
    /// The clock of all runs, if it is pinned.
    clock: Option<String>,
    parameters: Vec<String>,
    max_findings: usize,
    shard: Option<RunShard>,
}

impl RowsHead {
    /// The head of rows that this build makes.
    pub fn new(
        policies: Vec<(String, String)>,
        clock: Option<String>,
        parameters: Vec<String>,
        max_findings: usize,
        shard: Option<RunShard>,
    ) -> Self {
        let (schema, secgate) = (ROWS_SCHEMA.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self { schema, secgate, policies, clock, parameters, max_findings, shard }
    }
}

/// The closing line: how many runs were read, and how many have rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RowsEnd {
    /// True.
    pub end: bool,
    /// Runs that came in, of this shard.
    #[serde(rename = "in")]
    pub read: u64,
    /// Runs that have rows.
    pub out: u64,
    /// Runs of all shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// What a `run` row says that matters for continuing.
#[derive(Debug, Deserialize)]
struct RunMark {
    seq: u64,
    id: Option<String>,
    verdict: Outcome,
}

/// Runs that have rows already.
#[derive(Debug, Default)]
pub struct DoneRuns {
    /// The place of the first run that has none.
    pub next: u64,
    /// Their ids.
    pub ids: Vec<String>,
    /// The last of them.
    pub last: Option<(u64, Option<String>)>,
    /// Those that could not be decided.
    pub undecided: u64,
    /// How many they are.
    pub count: u64,
}

/// A folder that rows are written into.
#[derive(Debug)]
pub struct RowFolder {
    path: PathBuf,
    files: Vec<File>,
    // Held as long as somebody writes.
    _lock: File,
}

impl RowFolder {
    /// A new folder; one that holds rows already is refused.
    pub fn create(path: &Path, head: &RowsHead) -> Result<Self> {
        at(path, fs::create_dir_all(path))?;
        let there = |name: &str| path.join(name).symlink_metadata().is_ok();
        if there(HEAD) || there(END) || TABLES.iter().any(|table| there(&file_of(table))) {
            return refused(path, "holds rows already; --resume continues them");
        }
        let place = path.join(HEAD);
        let text = serde_json::to_string(head).map_err(io::Error::other);
        let text = at(&place, text)? + "\n";
        deliver(&place, text.as_bytes())?;
        Self::open(path)
    }

    /// Continues what an earlier writer left, whenever it died.
    pub fn resume(path: &Path, head: &RowsHead) -> Result<(Self, DoneRuns)> {
        if path.join(HEAD).symlink_metadata().is_err() {
            return Ok((Self::create(path, head)?, DoneRuns::default()));
        }
        if *head != read_head(path)? {
            return refused(
                path,
                "holds rows of another question: other policies, clock, parameters or shard, or another secgate",
            );
        }
        // An earlier build did not write every table, or somebody took one away: what it held cannot be made up.
        let missing = TABLES.iter().find(|table| path.join(file_of(table)).symlink_metadata().is_err());
        let begun = path.join(file_of("run")).metadata().is_ok_and(|runs| runs.len() > 0);
        if let (Some(table), true) = (missing, begun) {
            return refused(path, &format!("holds rows of runs and no {table}.ndjson; write them anew"));
        }
        let folder = Self::open(path)?;
        let end = path.join(END);
        if end.symlink_metadata().is_ok() {
            at(&end, fs::remove_file(&end))?;
        }
        let done = folder.trim(head.policies.len())?;
        Ok((folder, done))
    }

    fn open(path: &Path) -> Result<Self> {
        let head = path.join(HEAD);
        let lock = at(&head, File::open(&head))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return refused(path, "is written by another run of secgate"),
            Err(TryLockError::Error(error)) => return at(&head, Err(error)),
        }
        let mut files = Vec::new();
        for table in TABLES {
            let place = path.join(file_of(table));
            files.push(at(&place, File::options().create(true).append(true).read(true).open(&place))?);
        }
        Ok(Self { path: path.to_owned(), files, _lock: lock })
    }

    /// Takes away what is not of a run that is done.
    fn trim(&self, policies: usize) -> Result<DoneRuns> {
        let mut done = DoneRuns::default();
        let (mut of_run, mut kept) = (0, 0);
        let Some(runs) = self.files.last() else { return Ok(done) };
        let place = self.path.join(file_of("run"));
        let mut lines = Lines::new(at(&place, runs.try_clone())?);
        at(&place, lines.rewind())?;
        let (mut error, mut current): (bool, Option<RunMark>) = (false, None);
        while let Some(line) = at(&place, lines.next_whole())? {
            let Ok(mark) = serde_json::from_slice::<RunMark>(line) else {
                return refused(&place, "holds a line that is no row");
            };
            if current.as_ref().is_none_or(|current| current.seq != mark.seq) {
                (of_run, error) = (0, false);
            }
            of_run += 1;
            error |= mark.verdict == Outcome::Error;
            if of_run == policies {
                kept = lines.offset;
                done.next = mark.seq.saturating_add(1);
                done.count += 1;
                done.undecided += u64::from(error);
                done.ids.extend(mark.id.clone());
                done.last = Some((mark.seq, mark.id.clone()));
            }
            current = Some(mark);
        }
        at(&place, runs.set_len(kept))?;
        for (table, file) in TABLES.iter().zip(&self.files).filter(|(table, _)| **table != "run") {
            let place = self.path.join(file_of(table));
            let mut lines = Lines::new(at(&place, file.try_clone())?);
            at(&place, lines.rewind())?;
            let mut kept = 0;
            while let Some(line) = at(&place, lines.next_whole())? {
                let Some(seq) = seq_of(line) else { return refused(&place, "holds a line that is no row") };
                if seq >= done.next {
                    break;
                }
                kept = lines.offset;
            }
            at(&place, file.set_len(kept))?;
        }
        Ok(done)
    }

    /// Appends the rows of a run.
    pub fn write(&mut self, rows: &RowTexts) -> Result<()> {
        for ((table, file), text) in TABLES.iter().zip(&mut self.files).zip(&rows.tables) {
            at(&self.path.join(file_of(table)), file.write_all(text))?;
        }
        Ok(())
    }

    /// Says that all is there.
    pub fn end(self, end: &RowsEnd) -> Result<()> {
        for (table, file) in TABLES.iter().zip(&self.files) {
            at(&self.path.join(file_of(table)), file.sync_all())?;
        }
        let place = self.path.join(END);
        let text = at(&place, serde_json::to_string(end).map_err(io::Error::other))? + "\n";
        deliver(&place, text.as_bytes())
    }
}

/// The file of a table in a folder of rows.
pub fn file_of(table: &str) -> String {
    format!("{table}.ndjson")
}

/// What a folder of rows says of itself.
#[derive(Debug)]
pub struct RowsFolder {
    head: RowsHead,
    end: Option<RowsEnd>,
}

impl RowsFolder {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let head = read_head(path)?;
        let place = path.join(END);
        let text = match fs::read(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { head, end: None }),
            Err(error) => return at(&place, Err(error)),
        };
        match serde_json::from_slice(&text) {
            Ok(end) => Ok(Self { head, end: Some(end) }),
            Err(_) => refused(&place, "is not as secgate writes it"),
        }
    }

    /// The part of the runs that it is about, if it is not all of them.
    pub fn shard(&self) -> Option<RunShard> {
        self.head.shard
    }

    /// What it says at its end; none where its writer did not get there.
    pub fn end(&self) -> Option<RowsEnd> {
        self.end
    }

    /// How many policies have rows.
    pub fn policies(&self) -> usize {
        self.head.policies.len()
    }
}

/// Writes a file beside its place, and moves it there once it is on the disk.
fn deliver(place: &Path, bytes: &[u8]) -> Result<()> {
    let beside = place.with_extension("part");
    let mut file = at(&beside, File::create(&beside))?;
    at(&beside, file.write_all(bytes).and_then(|()| file.sync_all()))?;
    at(place, fs::rename(&beside, place))
}

fn read_head(path: &Path) -> Result<RowsHead> {
    let place = path.join(HEAD);
    let text = at(&place, fs::read(&place))?;
    match serde_json::from_slice::<RowsHead>(&text) {
        Ok(head) if head.schema != ROWS_SCHEMA => refused(
            &place,
            &format!("holds rows of {}, and this secgate reads {ROWS_SCHEMA}", clean_line(&head.schema)),
        ),
        Ok(head) => Ok(head),
        Err(error) => {
            refused(&place, &format!("is not as secgate writes it: {}", clean_line(&error.to_string())))
        }
    }
}

/// The place of the run that a row is of: every row begins with it.
fn seq_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

/// Whole lines of a file, and where the last of them ends.
struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    offset: u64,
}

impl Lines {
    fn new(file: File) -> Self {
        Self { reader: BufReader::with_capacity(1 << 20, file), line: Vec::new(), offset: 0 }
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// The next line with its end; none for what is left without one.
    fn next_whole(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line)?;
        if !self.line.ends_with(b"\n") {
            return Ok(None);
        }
        self.offset += read as u64;
        Ok(Some(&self.line))
    }
}

/// Puts the rows of all shards together, as one run would have written them.
pub fn merge(folders: &[PathBuf], into: &Path) -> Result<RowsEnd> {
    let mut shards: BTreeMap<u32, (&PathBuf, RowsHead, RowsEnd)> = BTreeMap::new();
    for path in folders {
        let head = read_head(path)?;
        let Some(shard) = head.shard else { return refused(path, "is no shard: it holds all runs") };
        let place = path.join(END);
        let Ok(text) = fs::read(&place) else { return refused(path, "is not whole: it has no end.json") };
        let Ok(end) = serde_json::from_slice::<RowsEnd>(&text) else {
            return refused(&place, "is not as secgate writes it");
        };
        if let Some((first, known, _)) = shards.values().next() {
            let alike = RowsHead { shard: Some(shard), ..known.clone() } == head
                && known.shard.map(|known| known.count) == Some(shard.count);
            if !alike {
                return refused(
                    path,
                    &format!("is a shard of another question than {}", clean(&first.to_string_lossy())),
                );
            }
        }
        if let Some((first, ..)) = shards.insert(shard.index, (path, head, end)) {
            let (index, count) = (shard.index, shard.count);
            return refused(
                path,
                &format!("is shard {index}/{count}, as {} is", clean(&first.to_string_lossy())),
            );
        }
    }
    let Some((_, (_, head, first))) = shards.first_key_value() else {
        return refused(into, "no shard is given");
    };
    let count = head.shard.map_or(0, |shard| shard.count);
    if let Some(missing) = (1..=count).find(|index| !shards.contains_key(index)) {
        return refused(into, &format!("shard {missing}/{count} is missing"));
    }
    if let Some((index, (path, ..))) = shards.iter().find(|(index, _)| !(1..=count).contains(*index)) {
        return refused(path, &format!("is shard {index} of {count}, which there cannot be"));
    }
    let total = first.total.unwrap_or_default();
    if let Some((path, ..)) = shards.values().find(|(_, _, end)| end.total != first.total) {
        return refused(path, "was made of other runs than the first shard: it read another number of them");
    }
    let whole = RowsHead { shard: None, ..head.clone() };
    let policies = whole.policies.len() as u64;
    let folder = RowFolder::create(into, &whole)?;
    for table in TABLES {
        let rows = merge_table(
            &shards.values().map(|(path, head, _)| (path.as_path(), head.shard)).collect::<Vec<_>>(),
            table,
            into,
        )?;
        if table == "run" && total.checked_mul(policies) != Some(rows) {
            return refused(
                into,
                &format!(
                    "the shards hold {rows} rows of runs, and {total} runs were read; one of them is not whole"
                ),
            );
        }
    }
    let end = RowsEnd { end: true, read: total, out: total, total: None };
    folder.end(&end)?;
    Ok(end)
}

/// Merges one table by the places of the runs; gives the number of rows.
fn merge_table(shards: &[(&Path, Option<RunShard>)], table: &str, into: &Path) -> Result<u64> {
    let to = into.join(file_of(table));
    let mut out = BufWriter::with_capacity(1 << 20, at(&to, File::options().append(true).open(&to))?);
    let mut sources = Vec::new();
    for (path, shard) in shards {
        let place = path.join(file_of(table));
        let mut lines = Lines::new(at(&place, File::open(&place))?);
        at(&place, lines.next_whole())?;
        sources.push((place, *shard, lines));
    }
    let (mut rows, mut last) = (0, None);
    loop {
        let mut next: Option<(u64, usize)> = None;
        for (number, (place, _, lines)) in sources.iter().enumerate() {
            if lines.line.is_empty() {
                continue;
            }
            if !lines.line.ends_with(b"\n") {
                return refused(place, "ends in the middle of a row");
            }
            let Some(seq) = seq_of(&lines.line) else { return refused(place, "holds a line that is no row") };
            if next.is_none_or(|(least, _)| seq < least) {
                next = Some((seq, number));
            }
        }
        let Some((seq, number)) = next else { break };
        let Some((place, shard, lines)) = sources.get_mut(number) else { break };
        if table == "run" {
            let Ok(mark) = serde_json::from_slice::<RunMark>(&lines.line) else {
                return refused(place, "holds a line that is no row");
            };
            if shard.is_none_or(|shard| !shard.holds(mark.id.as_deref(), seq)) {
                return refused(place, &format!("holds run {seq}, which is part of another shard"));
            }
            if last.is_some_and(|(known, from)| known > seq || known == seq && from != number) {
                return refused(place, &format!("holds run {seq}, which another shard holds, too"));
            }
            last = Some((seq, number));
        }
        at(&to, out.write_all(&lines.line))?;
        rows += 1;
        at(place, lines.next_whole())?;
    }
    at(&to, out.flush())?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of rows, as a file may claim it.
    fn shard(root: &Path, name: &str, index: u32, total: u64) -> PathBuf {
        let path = root.join(name);
        let policies = vec![(String::new(), String::new()); 2];
        let head = RowsHead::new(policies, None, Vec::new(), 1, Some(RunShard { index, count: 1 }));
        let row = r#"{"seq":18446744073709551615,"id":"a","verdict":"pass"}"#;
        let mut folder = RowFolder::create(&path, &head).unwrap();
        let mut rows = RowTexts::default();
        rows.tables[TABLES.len() - 1] = format!("{row}\n{row}\n").into_bytes();
        folder.write(&rows).unwrap();
        folder.end(&RowsEnd { end: true, read: 1, out: 1, total: Some(total) }).unwrap();
        path
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        let first = shard(path, "1", 1, u64::MAX);
        let zeroth = shard(path, "0", 0, u64::MAX);
        let said =
            |folders: &[PathBuf], into: &str| merge(folders, &path.join(into)).unwrap_err().to_string();
        let both = said(&[first.clone(), zeroth.clone()], "both");
        assert!(both.contains("is shard 0 of 1, which there cannot be"), "{both}");
        assert!(said(&[first], "one").contains("one of them is not whole"));
        assert!(!RunShard { index: 0, count: 3 }.holds(Some("a"), 0));
        assert!(!RunShard { index: 1, count: 0 }.holds(None, u64::MAX));
        let head = read_head(&zeroth).unwrap();
        let (_, done) = RowFolder::resume(&zeroth, &head).unwrap();
        assert_eq!((done.next, done.count), (u64::MAX, 1));
    }
}

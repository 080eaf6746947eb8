//! SCAN: starts the scanners that a policy names, on a developer's machine. The only part of secgate, besides
//! `record`, that starts programs; `check` never does.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use crate::policy::ScannerCommand;

/// How often a running scanner is looked at.
const TICK: Duration = Duration::from_millis(15);
/// How long a scanner that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// A scanner to start.
#[derive(Debug, Clone)]
pub struct ScannerJob {
    /// The evidence entry that its report is for.
    pub entry: String,
    /// The program as the policy names it.
    pub name: String,
    /// Where it lies.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its report.
    pub report: PathBuf,
    /// Its standard output is the report.
    pub prints_report: bool,
    /// It is handed the files that changed, where only those are scanned.
    pub in_part: bool,
    /// Further output; never shown, because a scanner may quote a secret.
    pub log: PathBuf,
}

/// How a scanner ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerExit {
    /// By itself, with this exit code.
    Exit(i32),
    /// It took too long and was killed.
    TimedOut,
    /// The user broke off.
    Interrupted,
    /// A signal killed it.
    Signal,
    /// It could not be started.
    NotStarted(String),
}

/// Finds a program on `path`, in folders with an absolute name only: the current directory is the project, and its
/// files are not trusted to be programs.
pub fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(program)).find(runs)
}

impl ScannerJob {
    /// The job of an entry, whose report goes into `folder`; `files` are what changed, if only that is to be scanned.
    pub fn new(
        entry: &str,
        run: &ScannerCommand,
        program: PathBuf,
        folder: &Path,
        files: Option<&[String]>,
    ) -> Self {
        // The name of an entry is the author's; as a file name only harmless letters stay.
        let plain: String =
            entry.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let report = folder.join(format!("{plain}.report"));
        Self {
            entry: entry.to_owned(),
            name: run.program().to_owned(),
            program,
            arguments: run.arguments(&report.to_string_lossy(), files),
            log: folder.join(format!("{plain}.log")),
            prints_report: run.prints_report(),
            in_part: files.is_some() && run.takes_changed(),
            report,
        }
    }

    /// Runs it to its end, at most for `limit`, unless `stop` becomes true.
    pub fn run(&self, limit: Duration, stop: &AtomicBool) -> ScannerExit {
        let started = self.start();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => return ScannerExit::NotStarted(error.to_string()),
        };
        let begin = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    // What it left running in its group has no business after it.
                    kill(&child, rustix::process::Signal::KILL);
                    return ended(status);
                }
                Ok(None) => {}
                Err(error) => return ScannerExit::NotStarted(error.to_string()),
            }
            let broken_off = stop.load(Ordering::Relaxed);
            if broken_off || begin.elapsed() >= limit {
                end(&mut child);
                return if broken_off { ScannerExit::Interrupted } else { ScannerExit::TimedOut };
            }
            std::thread::sleep(TICK);
        }
    }

    fn start(&self) -> io::Result<Child> {
        let private = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let log: File = private(&self.log)?;
        let out = if self.prints_report { private(&self.report)? } else { log.try_clone()? };
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log)
            // A group of its own, so that it ends with all that it started.
            .process_group(0)
            .spawn()
    }
}

fn ended(status: ExitStatus) -> ScannerExit {
    status.code().map_or(ScannerExit::Signal, ScannerExit::Exit)
}

/// Ends a scanner and all of its group: first asked, then killed.
fn end(child: &mut Child) {
    kill(child, rustix::process::Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            break;
        }
        std::thread::sleep(TICK);
    }
    kill(child, rustix::process::Signal::KILL);
    let _ = child.wait();
}

fn kill(child: &Child, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Runs jobs, each in a thread of its own; `told` hears of each that ended.
pub fn run_all(
    jobs: &[ScannerJob],
    limit: Duration,
    stop: &AtomicBool,
    told: &(dyn Fn(usize, &ScannerExit, Duration) + Sync),
) -> Vec<ScannerExit> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .iter()
            .enumerate()
            .map(|(index, job)| {
                let watch = move || {
                    let begin = Instant::now();
                    let ended = job.run(limit, stop);
                    told(index, &ended, begin.elapsed());
                    ended
                };
                // Where no more threads can be had, this one runs them one after the other.
                std::thread::Builder::new().spawn_scoped(scope, watch).map_err(|_| watch())
            })
            .collect();
        let broken = || ScannerExit::NotStarted("the thread that watched it broke".to_owned());
        let ended = |thread: Result<ScopedJoinHandle<'_, ScannerExit>, ScannerExit>| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| broken()),
            Err(ended) => ended,
        };
        threads.into_iter().map(ended).collect()
    })
}

/// Beginning of the names of folders for reports.
const SCRATCH: &str = "secgate-scan-";
/// Age from which a folder that no run holds is a dead run's: a living one locks its own at once.
const LEFT_BEHIND: Duration = Duration::from_mins(10);

/// A folder that only this user can look into, removed with all in it at the end. Those that dead runs left are swept.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Locked as long as this run lives.
    _alive: File,
}

impl Scratch {
    /// A new folder below `parent`.
    ///
    /// # Errors
    /// Message of the system.
    pub fn new(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
        let path = parent.join(format!("{SCRATCH}{:016x}", u64::from_ne_bytes(number)));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let alive = File::open(&path)?;
        // Where a file system knows no locks, nothing is swept either.
        let _ = alive.try_lock();
        Ok(Self { path, _alive: alive })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of this user's runs that were killed, with the reports in them, which may hold secrets.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(SCRATCH);
        let path = entry.path();
        let Some(meta) = path.symlink_metadata().ok().filter(|meta| is_ours && meta.is_dir()) else {
            continue;
        };
        let own = meta.uid() == rustix::process::getuid().as_raw();
        let old = meta.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_BEHIND));
        if own && old && File::open(&path).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(script: &str, folder: &Path) -> ScannerJob {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        ScannerJob::new("a b", &ScannerCommand { line: 1, argv }, PathBuf::from("/bin/sh"), folder, None)
    }

    #[test]
    fn a_report_on_standard_output_and_an_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let job = job("echo report; echo secret >&2; exit 3", folder.path());
        assert_eq!(job.run(Duration::from_secs(20), &stop), ScannerExit::Exit(3));
        assert_eq!(fs::read_to_string(&job.report).unwrap(), "report\n");
        assert!(job.report.ends_with("a_b.report"));
    }

    #[test]
    fn what_takes_too_long_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let file = folder.path().join("late");
        let script = format!("(sleep 3; echo late >{}) & sleep 60", file.display());
        let begin = Instant::now();
        assert_eq!(job(&script, folder.path()).run(Duration::from_millis(200), &stop), ScannerExit::TimedOut);
        assert!(begin.elapsed() < Duration::from_secs(3));
        std::thread::sleep(Duration::from_millis(3_200).saturating_sub(begin.elapsed()));
        assert!(!file.exists());
        stop.store(true, Ordering::Relaxed);
        let again = tempfile::tempdir().unwrap();
        assert_eq!(
            job("sleep 60", again.path()).run(Duration::from_mins(1), &stop),
            ScannerExit::Interrupted
        );
    }

    #[test]
    fn folders_of_dead_runs_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::new(parent.path()).unwrap();
        let dead = parent.path().join("secgate-scan-1-0");
        let young = parent.path().join("secgate-scan-2-0");
        for folder in [&dead, &young] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(dead.join("a.report"), "a secret").unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        for folder in [&dead, &living.path] {
            File::open(folder).unwrap().set_modified(long_ago).unwrap();
        }
        let next = Scratch::new(parent.path()).unwrap();
        assert!(!dead.exists() && young.exists() && living.path().exists() && next.path().exists());
    }

    #[test]
    fn programs_are_found_in_absolute_folders_only() {
        assert!(find("sh", OsStr::new("/nowhere:/bin")).is_some());
        assert_eq!(find("Cargo.toml", OsStr::new("/bin:.")), None);
        assert_eq!(find("no-such-program", OsStr::new("/bin")), None);
    }
}

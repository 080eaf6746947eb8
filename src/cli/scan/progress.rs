//! Progress of running scanners, on a terminal's standard error only.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::render::for_log;
use crate::scan::{ScannerExit, ScannerJob};

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Content of a run of several scanners.
type ProgressReporter<'t> = dyn Fn(usize, &ScannerExit, Duration) + Sync + 't;

/// A line that says what is still running.
pub(super) struct Progress {
    running: Mutex<Vec<Option<String>>>,
    files: Option<usize>,
    /// Longest time that a scanner may take.
    limit: Duration,
    shown: bool,
}

impl Progress {
    pub(super) fn new(jobs: &[ScannerJob], files: Option<usize>, limit: Duration, shown: bool) -> Self {
        let running = jobs.iter().map(|job| Some(format!("{} ({})", job.entry, job.name))).collect();
        Self { running: Mutex::new(running), files, limit, shown }
    }

    /// Draws while `work` works.
    pub(super) fn watch<T>(&self, work: impl FnOnce(&ProgressReporter<'_>) -> T) -> T {
        if !self.shown {
            return work(&|_, _, _| {});
        }
        let done = AtomicBool::new(false);
        let begin = Instant::now();
        std::thread::scope(|scope| {
            let draw = || {
                let mut drawn = String::new();
                while !done.load(Ordering::Relaxed) {
                    self.draw(&mut drawn, begin.elapsed());
                    std::thread::sleep(TICK);
                }
            };
            // Where no thread can be had, nothing is drawn.
            let _ = std::thread::Builder::new().spawn_scoped(scope, draw);
            let result = work(&|index, ended, time| self.scanner_ended(index, ended, time));
            done.store(true, Ordering::Relaxed);
            redraw("");
            result
        })
    }

    fn draw(&self, drawn: &mut String, time: Duration) {
        // The lock is held while it is drawn, so that nothing that has ended is drawn again.
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&str> = running.iter().flatten().map(String::as_str).collect();
        let line = line(self.files, &names, (time, self.limit), width());
        if !names.is_empty() && *drawn != line {
            redraw(&line);
            *drawn = line;
        }
    }

    fn scanner_ended(&self, index: usize, ended: &ScannerExit, time: Duration) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = running.get_mut(index).and_then(Option::take) else { return };
        let how = match ended {
            ScannerExit::Exit(0) => "done".to_owned(),
            ScannerExit::Exit(code) => format!("ended with code {code}"),
            ScannerExit::TimedOut => "took too long".to_owned(),
            ScannerExit::Interrupted => "broken off".to_owned(),
            ScannerExit::Signal => "killed".to_owned(),
            ScannerExit::NotStarted(_) => "could not be run".to_owned(),
        };
        redraw(&format!("  {name} {how} after {:.1} s\n", time.as_secs_f64()));
    }
}

/// Puts a text where the line stood. Names of entries are the policy's, and no line may begin with a command of CI.
fn redraw(text: &str) {
    let mut bytes = b"\r\x1b[K".to_vec();
    bytes.extend(for_log(text.as_bytes()));
    let _ = std::io::stderr().write_all(&bytes);
}

/// Columns of the terminal.
fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// What runs, on one line: one that the terminal breaks could not be drawn over.
fn line(files: Option<usize>, names: &[&str], (time, limit): (Duration, Duration), width: usize) -> String {
    let what = match files {
        None => "everything".to_owned(),
        Some(1) => "1 changed file".to_owned(),
        Some(n) => format!("{n} changed files"),
    };
    let time = format!(" … {} s of at most {} s", time.as_secs(), limit.as_secs());
    let line = format!("scanning {what}: {}", names.join(", "));
    let room = width.saturating_sub(time.chars().count() + 1);
    if line.chars().count() <= room {
        return line + &time;
    }
    let short = format!("scanning {what}: {} scanners", names.len());
    short.chars().take(room).collect::<String>() + &time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_that_fits_the_terminal() {
        let line =
            |files, names, width| line(files, names, (Duration::from_secs(3), Duration::from_mins(5)), width);
        assert_eq!(
            line(Some(1), &["sast (semgrep)"], 80),
            "scanning 1 changed file: sast (semgrep) … 3 s of at most 300 s"
        );
        assert_eq!(line(Some(2), &["a", "b"], 80), "scanning 2 changed files: a, b … 3 s of at most 300 s");
        assert_eq!(
            line(None, &["sast (semgrep)", "deps (trivy)"], 60),
            "scanning everything: 2 scanners … 3 s of at most 300 s"
        );
        assert_eq!(line(None, &["a"], 30).chars().count(), 29);
        assert_eq!(line(None, &["a"], 0), " … 3 s of at most 300 s");
    }
}

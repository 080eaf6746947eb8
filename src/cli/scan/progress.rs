//! What runs, on a terminal's standard error only.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::scan::{Ended, Job};

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(100);

/// What a run of several scanners tells.
type Told<'t> = dyn Fn(usize, &Ended, Duration) + Sync + 't;

/// A line that says what is still running.
pub(super) struct Progress {
    running: Mutex<Vec<Option<String>>>,
    files: Option<usize>,
    shown: bool,
}

impl Progress {
    pub(super) fn new(jobs: &[Job], files: Option<usize>, shown: bool) -> Self {
        let running = jobs.iter().map(|job| Some(format!("{} ({})", job.entry, job.name))).collect();
        Self { running: Mutex::new(running), files, shown }
    }

    /// Draws while `work` works.
    pub(super) fn watch<T>(&self, work: impl FnOnce(&Told<'_>) -> T) -> T {
        if !self.shown {
            return work(&|_, _, _| {});
        }
        let done = AtomicBool::new(false);
        let begin = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    self.draw(begin.elapsed());
                    std::thread::sleep(TICK);
                }
            });
            let result = work(&|index, ended, time| self.told(index, ended, time));
            done.store(true, Ordering::Relaxed);
            let _ = write!(std::io::stderr(), "\r\x1b[K");
            result
        })
    }

    fn draw(&self, time: Duration) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&str> = running.iter().flatten().map(String::as_str).collect();
        if !names.is_empty() {
            let what = self.files.map_or("everything".to_owned(), |n| format!("{n} changed files"));
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[Kscanning {what}: {} … {} s",
                names.join(", "),
                time.as_secs()
            );
        }
    }

    fn told(&self, index: usize, ended: &Ended, time: Duration) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = running.get_mut(index).and_then(Option::take) else { return };
        let how = match ended {
            Ended::Exit(0) => "done".to_owned(),
            Ended::Exit(code) => format!("ended with code {code}"),
            Ended::TimedOut => "took too long".to_owned(),
            Ended::Interrupted => "broken off".to_owned(),
            Ended::Signal => "killed".to_owned(),
            Ended::NotStarted(_) => "could not be run".to_owned(),
        };
        let _ = writeln!(std::io::stderr(), "\r\x1b[K  {name} {how} after {:.1} s", time.as_secs_f64());
    }
}

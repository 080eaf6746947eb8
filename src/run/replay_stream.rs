//! Many runs, by a worker for each core, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::saved_run::UnreadRun;

/// Runs for each worker that may wait behind a slow one: what bounds the memory.
const WAITING: u64 = 8;

/// Where the workers are.
struct StreamProgress {
    /// Runs that were handed over.
    done: Mutex<u64>,
    moved: Condvar,
    stopped: AtomicBool,
}

impl StreamProgress {
    /// Waits until the run of this number is near; false if nobody wants it any more.
    fn wait_for(&self, number: u64, window: u64) -> bool {
        let mut done = lock(&self.done);
        while number >= *done + window && !self.stopped.load(Ordering::Relaxed) {
            done = self.moved.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
        !self.stopped.load(Ordering::Relaxed)
    }

    fn done(&self) {
        *lock(&self.done) += 1;
        self.moved.notify_all();
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(lock(&self.done));
        self.moved.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `work` done on each run, numbered from 0, and hands what comes of it to `take` in the order of the runs, each as soon
/// as it and all before it are done. An error of the runs or of `take` ends it.
pub(crate) fn in_order<T: Send>(
    runs: impl Iterator<Item = Result<Box<dyn UnreadRun>>> + Send,
    workers: usize,
    work: impl Fn(u64, Box<dyn UnreadRun>) -> T + Sync,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<u64> {
    let workers = workers.max(1);
    let window = WAITING * workers as u64;
    let runs = Mutex::new((0_u64, runs));
    let progress =
        StreamProgress { done: Mutex::new(0), moved: Condvar::new(), stopped: AtomicBool::new(false) };
    let (send, receive) = sync_channel::<(u64, Result<T>)>(workers);
    let work_on = |send: std::sync::mpsc::SyncSender<(u64, Result<T>)>| {
        loop {
            let (number, run) = {
                let mut runs = lock(&runs);
                if !progress.wait_for(runs.0, window) {
                    return;
                }
                let Some(run) = runs.1.next() else { return };
                let number = runs.0;
                runs.0 += 1;
                (number, run)
            };
            if send.send((number, run.map(|run| work(number, run)))).is_err() {
                return;
            }
        }
    };
    let work_on = &work_on;
    std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..workers {
            let send = send.clone();
            let worker = std::thread::Builder::new().spawn_scoped(scope, move || work_on(send));
            started += usize::from(worker.is_ok());
        }
        drop(send);
        anyhow::ensure!(started > 0, "the system gives no thread");
        let mut early: BTreeMap<u64, Result<T>> = BTreeMap::new();
        let mut next = 0;
        let mut taken = Ok(());
        for (number, done) in receive {
            early.insert(number, done);
            while let (Ok(()), Some(done)) = (&taken, early.remove(&next)) {
                taken = done.and_then(&mut take);
                next += 1;
                progress.done();
            }
            if taken.is_err() {
                progress.stop();
            }
        }
        taken.map(|()| next)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::saved_run::SavedRun;

    struct Nothing;

    impl UnreadRun for Nothing {
        fn read(self: Box<Self>, _: Option<&Path>) -> SavedRun {
            unreachable!()
        }
    }

    fn runs(count: usize) -> impl Iterator<Item = Result<Box<dyn UnreadRun>>> + Send {
        (0..count).map(|_| {
            let run: Box<dyn UnreadRun> = Box::new(Nothing);
            Ok(run)
        })
    }

    #[test]
    fn what_comes_of_runs_has_their_order() {
        for workers in [1, 2, 7] {
            let mut seen = Vec::new();
            let slow_first = |number: u64, _| {
                if number.is_multiple_of(5) {
                    std::thread::sleep(std::time::Duration::from_millis(3));
                }
                number
            };
            let count = in_order(runs(100), workers, slow_first, |number| {
                seen.push(number);
                Ok(())
            });
            assert_eq!(count.unwrap(), 100);
            assert_eq!(seen, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_ends_it() {
        let mut taken = 0;
        let done = in_order(
            runs(1000),
            3,
            |number, _| number,
            |number| {
                taken += 1;
                anyhow::ensure!(number < 10, "enough");
                Ok(())
            },
        );
        assert_eq!(done.unwrap_err().to_string(), "enough");
        assert_eq!(taken, 11);
        let broken = runs(3).chain(std::iter::once(Err(anyhow::anyhow!("cannot be opened"))));
        assert!(in_order(broken, 2, |_, _| (), |()| Ok(())).is_err());
    }
}

//! Reading ahead: a thread reads and hashes the next blocks of a large file while the ones before are parsed.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::source::Raw;

/// Bytes of a block, and how many there are. They go round: a fresh page costs more than a copy.
const BLOCK: usize = if cfg!(test) { 16 } else { 256 << 10 };
const BLOCKS: usize = 4;
/// Nothing deep is called by the thread.
const STACK: usize = 128 << 10;

/// A buffer, and the number of bytes in it.
type Block = (Vec<u8>, usize);

/// A file that is read ahead. Its thread ends before this is gone.
pub(super) struct Ahead {
    /// The most bytes that may be read.
    pub(super) max: u64,
    blocks: Option<Receiver<io::Result<Block>>>,
    free: Option<Sender<Vec<u8>>>,
    thread: Option<JoinHandle<Option<Box<Raw>>>>,
    block: Block,
    given: usize,
    /// What the thread handed back at the end of the file.
    raw: Option<Box<Raw>>,
}

impl Ahead {
    /// Reads on from where `raw` stands; gives it back if no thread can be had.
    pub(super) fn start(raw: Box<Raw>) -> Result<Self, Box<Raw>> {
        let (hand, handed) = sync_channel::<Box<Raw>>(1);
        let (fill, blocks) = sync_channel(BLOCKS);
        let (free, empty) = channel();
        // The thread is given the file once it runs: one that cannot start would take it along.
        let work = move || handed.recv().ok().map(|raw| read_on(raw, &empty, &fill));
        let Ok(thread) = Builder::new().stack_size(STACK).spawn(work) else { return Err(raw) };
        let max = raw.max;
        hand.send(raw).map_err(|unsent| unsent.0)?;
        for _ in 0..BLOCKS {
            // Fails if the thread is gone, which the first read tells.
            let _ = free.send(vec![0; BLOCK]);
        }
        let (blocks, free, thread) = (Some(blocks), Some(free), Some(thread));
        Ok(Self { max, blocks, free, thread, block: Block::default(), given: 0, raw: None })
    }

    /// The file as far as it was read: all of it, once a read gave nothing.
    pub(super) fn into_raw(mut self) -> Option<Box<Raw>> {
        self.stop();
        self.raw.take()
    }

    fn stop(&mut self) {
        // Without them the thread waits for nothing.
        self.blocks = None;
        self.free = None;
        if let Some(thread) = self.thread.take() {
            self.raw = thread.join().ok().flatten();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.given == self.block.1 {
            let Some(Ok(block)) = self.blocks.as_ref().map(Receiver::recv) else {
                self.stop();
                let failed = || io::Error::other("the file could not be read to its end");
                return self.raw.as_ref().map(|_| 0).ok_or_else(failed);
            };
            let (bytes, length) = block.inspect_err(|_| {
                // After an error there is no end.
                self.stop();
                self.raw = None;
            })?;
            let (used, _) = std::mem::replace(&mut self.block, (bytes, length));
            self.given = 0;
            if let Some(free) = self.free.as_ref().filter(|_| !used.is_empty()) {
                let _ = free.send(used);
            }
        }
        let ready = self.block.0.get(self.given..self.block.1).unwrap_or_default();
        let n = ready.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}

/// Reads into free buffers up to the end, an error, or the end of those who wait for it.
fn read_on(mut raw: Box<Raw>, empty: &Receiver<Vec<u8>>, fill: &SyncSender<io::Result<Block>>) -> Box<Raw> {
    while let Ok(mut bytes) = empty.recv() {
        let read = loop {
            match raw.read(&mut bytes) {
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let last = !matches!(read, Ok(1..));
        if matches!(read, Ok(0)) || fill.send(read.map(|length| (bytes, length))).is_err() || last {
            break;
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use sha2::{Digest, Sha256};

    use super::*;

    /// Gives `left` bytes, a few at a time, and then an error or the end; tells when it is dropped.
    struct Slow {
        left: usize,
        fails: bool,
        gone: Arc<AtomicBool>,
    }

    impl Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.left.min(buf.len()).min(7);
            self.left -= n;
            buf[..n].fill(b'x');
            if n == 0 && self.fails { Err(io::Error::other("no more")) } else { Ok(n) }
        }
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.gone.store(true, Ordering::SeqCst);
        }
    }

    fn ahead(reader: impl Read + Send + 'static, max: u64) -> Ahead {
        Ahead::start(Box::new(Raw::new(Box::new(reader), max))).ok().unwrap()
    }

    #[test]
    fn all_is_read_and_hashed_in_order() {
        for length in [0, 1, 15, 16, 17, 64, 65, 1000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut reader = ahead(Cursor::new(bytes.clone()), 1 << 20);
            let mut out = Vec::new();
            reader.read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes);
            assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
            let sha256 = crate::report::hex(&Sha256::digest(&bytes));
            assert_eq!(reader.into_raw().unwrap().digest(), (length as u64, sha256));
        }
    }

    #[test]
    fn errors_come_after_what_was_read_before() {
        let gone = Arc::default();
        let mut reader = ahead(Slow { left: 100, fails: true, gone }, 1 << 20);
        let mut out = Vec::new();
        assert_eq!(reader.read_to_end(&mut out).unwrap_err().to_string(), "no more");
        assert_eq!(out.len(), 100);
        assert!(reader.read(&mut [0; 8]).is_err());
        assert!(reader.into_raw().is_none());
        let mut reader = ahead(Cursor::new(vec![0; 100]), 40);
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn no_thread_stays_behind() {
        for taken in [0, 1, 50] {
            let gone: Arc<AtomicBool> = Arc::default();
            let mut reader =
                ahead(Slow { left: usize::MAX, fails: false, gone: Arc::clone(&gone) }, u64::MAX);
            reader.read_exact(&mut vec![0; taken]).unwrap();
            drop(reader);
            assert!(gone.load(Ordering::SeqCst));
        }
    }
}

//! Reading ahead: a thread reads, hashes and decodes the next blocks of a large file while the ones before are parsed.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::ReadError;
use super::text::{Decoder, More};

/// How many blocks there are. They go round: a fresh page costs more than a copy.
const BLOCKS: usize = 4;
/// Nothing deep is called by the thread.
const STACK: usize = 256 << 10;

/// A block, and what came with it.
type ReadBlock = Result<(String, More), ReadError>;

/// A file that is read ahead. Its thread ends before this is gone.
pub(super) struct Ahead {
    blocks: Option<Receiver<ReadBlock>>,
    free: Option<Sender<String>>,
    thread: Option<JoinHandle<Option<Box<Decoder>>>>,
    /// Result of the thread at the end of the file.
    decoder: Option<Box<Decoder>>,
}

impl Ahead {
    /// Reads what `decoder` gives; hands it back if no thread can be had.
    pub(super) fn start(decoder: Box<Decoder>) -> Result<Self, Box<Decoder>> {
        let (hand, handed) = sync_channel::<Box<Decoder>>(1);
        let (fill, blocks) = sync_channel(BLOCKS);
        let (free, empty) = channel();
        // The thread is given the file once it runs: one that cannot start would take it along.
        let work = move || handed.recv().ok().map(|decoder| read_on(decoder, &empty, &fill));
        let Ok(thread) = Builder::new().stack_size(STACK).spawn(work) else { return Err(decoder) };
        hand.send(decoder).map_err(|unsent| unsent.0)?;
        for _ in 0..BLOCKS {
            // Fails if the thread is gone, which the first read tells.
            let _ = free.send(String::new());
        }
        Ok(Self { blocks: Some(blocks), free: Some(free), thread: Some(thread), decoder: None })
    }

    /// The decoder, if the file was read to its end.
    pub(super) fn into_decoder(mut self) -> Option<Box<Decoder>> {
        self.stop();
        self.decoder.take()
    }

    fn stop(&mut self) {
        // Without them the thread waits for nothing.
        self.blocks = None;
        self.free = None;
        if let Some(thread) = self.thread.take() {
            self.decoder = thread.join().ok().flatten();
        }
    }

    /// Appends the next block to `text`.
    pub(super) fn append(&mut self, text: &mut String) -> Result<More, ReadError> {
        let gone = || ReadError::Io(std::io::Error::other("its reader has stopped"));
        let Some(Ok(block)) = self.blocks.as_ref().map(Receiver::recv) else {
            self.stop();
            // Once it has told the end, it tells nothing else.
            return if self.decoder.is_some() { Ok(More::End) } else { Err(gone()) };
        };
        let (mut block, more) = block.inspect_err(|_| {
            // After an error there is no end.
            self.stop();
            self.decoder = None;
        })?;
        text.push_str(&block);
        if let Some(free) = &self.free {
            block.clear();
            let _ = free.send(block);
        }
        Ok(more)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads into free blocks up to the end, an error, or the end of those who wait for it.
fn read_on(
    mut decoder: Box<Decoder>,
    empty: &Receiver<String>,
    fill: &SyncSender<ReadBlock>,
) -> Box<Decoder> {
    while let Ok(mut block) = empty.recv() {
        let read = decoder.append(&mut block).map(|more| (block, more));
        let last = !matches!(read, Ok((_, More::Text)));
        if fill.send(read).is_err() || last {
            break;
        }
    }
    decoder
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::report::source::Input;
    use crate::report::text::TextStream;

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

    fn ahead(reader: impl Read + Send + 'static, max: u64) -> TextStream {
        let ahead = TextStream::read_ahead(Input::from_reader(Box::new(reader), max).unwrap());
        assert!(matches!(ahead, TextStream::Ahead(_)));
        ahead
    }

    /// Reads to the end, or to what breaks it.
    fn read(ahead: &mut TextStream) -> Result<(String, More), ReadError> {
        let mut text = String::new();
        loop {
            match ahead.append(&mut text)? {
                More::Text => {}
                last => return Ok((text, last)),
            }
        }
    }

    #[test]
    fn all_is_read_and_hashed_in_order() {
        for length in [0, 1, 15, 16, 17, 64, 65, 1000] {
            let bytes: Vec<u8> = (b' '..b'~').cycle().take(length).collect();
            let mut reader = ahead(Cursor::new(bytes.clone()), 1 << 20);
            let (text, last) = read(&mut reader).unwrap();
            assert_eq!(text.as_bytes(), bytes);
            assert!(matches!(last, More::End));
            assert!(matches!(read(&mut reader), Ok((text, More::End)) if text.is_empty()));
            let sha256 = crate::finding::hex(&Sha256::digest(&bytes));
            assert_eq!(reader.digest(), (length as u64, sha256));
        }
    }

    #[test]
    fn errors_come_after_what_was_read_before() {
        let gone = Arc::default();
        let mut reader = ahead(Slow { left: 100, fails: true, gone }, 1 << 20);
        let mut text = String::new();
        let error = loop {
            if let Err(error) = reader.append(&mut text) {
                break error;
            }
        };
        assert_eq!((text.len(), error.to_string().as_str()), (100, "cannot be read to its end: no more"));
        assert!(reader.append(&mut text).is_err());
        assert_eq!(reader.digest(), (0, String::new()));
        assert!(matches!(
            read(&mut ahead(Cursor::new(vec![b'x'; 100]), 40)),
            Err(ReadError::TooLarge { limit: 40, .. })
        ));
        let (text, last) = read(&mut ahead(Cursor::new(b"0123456789\xff".repeat(9)), 1 << 20)).unwrap();
        assert_eq!(text, "0123456789");
        assert!(matches!(last, More::Broken(broken) if !broken.cut));
    }

    #[test]
    fn no_thread_stays_behind() {
        for taken in [0, 1, 50] {
            let gone: Arc<AtomicBool> = Arc::default();
            let mut reader =
                ahead(Slow { left: usize::MAX, fails: false, gone: Arc::clone(&gone) }, u64::MAX);
            for _ in 0..taken {
                reader.append(&mut String::new()).unwrap();
            }
            drop(reader);
            assert!(gone.load(Ordering::SeqCst));
        }
    }
}

//! Where a report's bytes come from: counted, hashed and capped as they are read, decoded to UTF-8.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::ReadError;

/// A file, or bytes held in memory (standard input, tests). Can be read more than once.
#[derive(Debug, Clone)]
pub enum Source {
    /// A regular file.
    File(PathBuf),
    /// Bytes that were read before.
    Bytes(Arc<[u8]>),
}

impl Source {
    /// Opens it for one reading of at most `max` bytes.
    pub fn open(&self, max: u64) -> Result<Input, ReadError> {
        let reader: Box<dyn Read + Send> = match self {
            Self::File(path) => Box::new(open_regular(path)?),
            Self::Bytes(bytes) => Box::new(io::Cursor::new(Arc::clone(bytes))),
        };
        Ok(Input { reader, hasher: Sha256::new(), bytes: 0, max })
    }
}

/// Opens a regular file and nothing else: a pipe that nobody writes would hang the gate, a device never ends.
pub fn open_regular(path: &Path) -> Result<File, ReadError> {
    let mut options = File::options();
    options.read(true);
    // Opening a pipe waits for a writer unless told not to; a regular file ignores the flag.
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        const O_NONBLOCK: i32 = 0o4000;
        options.custom_flags(O_NONBLOCK);
    }
    let file = options.open(path).map_err(ReadError::Open)?;
    let kind = file.metadata().map_err(ReadError::Open)?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(ReadError::NotAFile(if kind.is_dir() { "a directory" } else { "a pipe, device or socket" }))
}

/// One reading: the raw bytes, with their digest and number.
pub struct Input {
    reader: Box<dyn Read + Send>,
    hasher: Sha256,
    bytes: u64,
    max: u64,
}

/// The marker by which [`Input`] tells its cap apart from other trouble.
const OVER_LIMIT: &str = "over the limit";

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf)?;
        self.hasher.update(buf.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        if self.bytes > self.max {
            return Err(io::Error::other(OVER_LIMIT));
        }
        Ok(n)
    }
}

impl Input {
    /// Number of bytes read and their SHA-256 in hexadecimal.
    pub fn digest(self) -> (u64, String) {
        (self.bytes, hex(&self.hasher.finalize()))
    }

    /// What an error of [`Read::read`] means.
    pub fn explain(&self, error: io::Error) -> ReadError {
        if error.to_string() == OVER_LIMIT {
            return ReadError::TooLarge { what: "the file", limit: self.max, flag: "--max-report" };
        }
        ReadError::Io(error)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

/// An input as UTF-8 without byte-order mark. UTF-16 is decoded where its mark says so (RFC 8259 §8.1 wants
/// UTF-8; PowerShell's `>` writes UTF-16).
pub(super) struct Decoded {
    input: Input,
    encoding: Encoding,
    /// Decoded bytes not yet handed out; also holds the first bytes of an unmarked file.
    ready: Vec<u8>,
    given: usize,
    /// Raw bytes of an incomplete UTF-16 unit or pair.
    rest: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Encoding {
    Unknown,
    Utf8,
    Utf16Little,
    Utf16Big,
}

impl Decoded {
    /// Decodes `input`.
    pub(super) fn new(input: Input) -> Self {
        Self { input, encoding: Encoding::Unknown, ready: Vec::new(), given: 0, rest: Vec::new() }
    }

    /// The reading beneath.
    pub(super) fn into_input(self) -> Input {
        self.input
    }

    /// What an error of [`Read::read`] means.
    pub(super) fn explain(&self, error: io::Error) -> ReadError {
        self.input.explain(error)
    }

    /// Reads the first bytes and settles the encoding by their mark.
    fn settle(&mut self) -> io::Result<()> {
        let mut first = [0; 4];
        let mut n = 0;
        while let Some(room) = first.get_mut(n..).filter(|r| !r.is_empty()) {
            match self.input.read(room)? {
                0 => break,
                read => n += read,
            }
        }
        let first = first.get(..n).unwrap_or_default();
        let (encoding, skip) = match first {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
            [0xff, 0xfe, ..] => (Encoding::Utf16Little, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Big, 2),
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = encoding;
        let after = first.get(skip..).unwrap_or_default().to_vec();
        match encoding {
            Encoding::Unknown | Encoding::Utf8 => self.ready = after,
            Encoding::Utf16Little | Encoding::Utf16Big => self.rest = after,
        }
        Ok(())
    }

    /// Decodes another block of UTF-16 into `ready`; false at the end.
    fn decode_more(&mut self, big: bool) -> io::Result<bool> {
        let mut block = vec![0; 16 << 10];
        let n = self.input.read(&mut block)?;
        self.rest.extend_from_slice(block.get(..n).unwrap_or_default());
        let mut units: Vec<u16> = self
            .rest
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&pair| if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
            .collect();
        // A high surrogate at the end of a block waits for its partner.
        if n > 0 && units.last().is_some_and(|u| (0xd800..0xdc00).contains(u)) {
            units.pop();
        }
        self.rest.drain(..units.len() * 2);
        if n == 0 && !self.rest.is_empty() {
            return Err(io::Error::other("half a UTF-16 unit at the end"));
        }
        self.ready.clear();
        self.given = 0;
        for c in char::decode_utf16(units) {
            let c = c.map_err(|_| io::Error::other("an unpaired UTF-16 surrogate"))?;
            self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(n > 0)
    }
}

impl Read for Decoded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(ready) = self.ready.get(self.given..).filter(|r| !r.is_empty()) {
                let n = ready.len().min(buf.len());
                for (to, from) in buf.iter_mut().zip(ready) {
                    *to = *from;
                }
                self.given += n;
                return Ok(n);
            }
            match self.encoding {
                Encoding::Unknown => self.settle()?,
                Encoding::Utf8 => return self.input.read(buf),
                Encoding::Utf16Little | Encoding::Utf16Big => {
                    let more = self.decode_more(matches!(self.encoding, Encoding::Utf16Big))?;
                    if !more && self.ready.is_empty() {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(raw: &[u8]) -> io::Result<Vec<u8>> {
        let input = Source::Bytes(raw.into()).open(1 << 20).unwrap();
        let mut out = Vec::new();
        Decoded::new(input).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn marks_are_removed_and_utf16_is_decoded() {
        assert_eq!(decode(b"\xef\xbb\xbf{}").unwrap(), b"{}");
        assert_eq!(decode(b"{}").unwrap(), b"{}");
        assert_eq!(decode(b"\xff\xfe{\0}\0").unwrap(), b"{}");
        assert_eq!(decode(b"\xfe\xff\0{\0}").unwrap(), b"{}");
        assert_eq!(decode(b"\xff\xfe\x3d\xd8\x00\xde").unwrap(), "😀".as_bytes());
        assert!(decode(b"\xff\xfe\x3d\xd8").is_err());
        assert!(decode(b"\xff\xfe{\0}").is_err());
        assert_eq!(decode(b"").unwrap(), b"");
    }

    #[test]
    fn an_endless_file_is_cut_off() {
        let mut input = Source::Bytes(vec![b' '; 100].into()).open(10).unwrap();
        let error = input.read(&mut [0; 64]).unwrap_err();
        assert!(matches!(input.explain(error), ReadError::TooLarge { limit: 10, .. }));
    }

    #[test]
    fn only_regular_files_are_opened() {
        assert!(matches!(open_regular(Path::new("/")), Err(ReadError::NotAFile("a directory"))));
        assert!(matches!(open_regular(Path::new("/nowhere")), Err(ReadError::Open(_))));
    }
}

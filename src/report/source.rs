//! Where a report's bytes come from: counted, hashed and capped as they are read, unpacked if they are gzip.

use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::ReadError;
use crate::finding::hex;

/// A file, or bytes held in memory (standard input, tests). Can be read more than once.
#[derive(Debug, Clone)]
pub enum Source {
    /// A regular file.
    File(PathBuf),
    /// Bytes that were read before.
    Bytes(Arc<[u8]>),
}

impl Source {
    /// Opens it for one reading of at most `max` bytes, packed or unpacked.
    pub fn open(&self, max: u64) -> Result<Input, ReadError> {
        let reader: Box<dyn Read + Send> = match self {
            Self::File(path) => Box::new(open_regular(path)?),
            Self::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        };
        Input::from_reader(reader, max)
    }

    /// Its bytes as they lie there, at most one more than `max`: for what has to be read more than once.
    pub fn bytes(&self, max: u64) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::File(path) => {
                let mut bytes = Vec::new();
                let input = Input::from_reader(Box::new(Cursor::new(Vec::new())), max)?;
                let mut file = open_regular(path)?.take(max.saturating_add(1));
                file.read_to_end(&mut bytes).map_err(|error| input.explain(error))?;
                Ok(bytes)
            }
            Self::Bytes(bytes) => Ok(bytes.to_vec()),
        }
    }

    /// Number of bytes, packed if it is.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// The first bytes as they lie there, at most `size`; none where it cannot be read.
    pub fn head(&self, size: usize) -> Option<Vec<u8>> {
        match self {
            Self::File(path) => {
                let mut head = Vec::new();
                open_regular(path).ok()?.take(size as u64).read_to_end(&mut head).ok()?;
                Some(head)
            }
            Self::Bytes(bytes) => Some(bytes.get(..size.min(bytes.len())).unwrap_or_default().to_vec()),
        }
    }

    /// The last bytes as they lie there, at most `size`; nothing where they cannot be had. A hint and no more: they
    /// are neither checked nor part of what the digest covers.
    pub fn tail(&self, size: u64) -> Vec<u8> {
        match self {
            Self::File(path) => tail_of_file(path, size).unwrap_or_default(),
            Self::Bytes(bytes) => {
                let start = bytes.len().saturating_sub(usize::try_from(size).unwrap_or(usize::MAX));
                bytes.get(start..).unwrap_or_default().to_vec()
            }
        }
    }
}

fn tail_of_file(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut file = open_regular(path).map_err(io::Error::other)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(size)))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// True if nothing lies at a path. A folder that may not be looked into, a circle of links, a disk that fails: of what is
/// behind these nobody knows that it is not there.
pub fn is_absent(path: &Path) -> bool {
    let absent = |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    path.symlink_metadata().err().is_some_and(|error| absent(&error))
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

/// The bytes of a file as it lies there, with their digest and number.
struct RawInput {
    reader: Box<dyn Read + Send>,
    hasher: Sha256,
    bytes: u64,
    max: u64,
}

impl RawInput {
    /// Number of the bytes that were read and their SHA-256 in hexadecimal.
    fn digest(self) -> (u64, String) {
        (self.bytes, hex(&self.hasher.finalize()))
    }
}

/// The markers by which [`Input`] tells its caps apart from other trouble.
const OVER_LIMIT: &str = "over the limit";
const BOMB: &str = "grows too much";

/// The first bytes of every gzip member (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// A packed file may grow to this many times its size, and [`GROWTH_FREE`] bytes more. Reports of scanners grow to 10
/// to 40 times; deflate ends at 1032 times, which nothing but a run of the same bytes comes near.
const GROWTH: u64 = 200;
const GROWTH_FREE: u64 = 64 << 20;

impl Read for RawInput {
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

/// The first bytes, which were looked at, and the rest.
type Whole = io::Chain<Cursor<Vec<u8>>, RawInput>;

enum Stream {
    Plain(Whole),
    /// One or more gzip members, one after the other, are one stream.
    Gzip {
        unpack: Box<MultiGzDecoder<Whole>>,
        bytes: u64,
    },
}

/// One reading of a file, unpacked if it is gzip, which its first bytes say and never its name.
pub struct Input(Stream);

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stream::Plain(whole) => whole.read(buf),
            Stream::Gzip { unpack, bytes } => {
                let n = unpack.read(buf)?;
                *bytes += n as u64;
                let RawInput { bytes: packed, max, .. } = unpack.get_ref().get_ref().1;
                if *bytes > *max {
                    return Err(io::Error::other(OVER_LIMIT));
                }
                if *bytes > packed.saturating_mul(GROWTH).saturating_add(GROWTH_FREE) {
                    return Err(io::Error::other(BOMB));
                }
                Ok(n)
            }
        }
    }
}

impl Input {
    pub(super) fn from_reader(reader: Box<dyn Read + Send>, max: u64) -> Result<Self, ReadError> {
        let mut raw = RawInput { reader, hasher: Sha256::new(), bytes: 0, max };
        let mut first = Vec::with_capacity(GZIP.len());
        let looked = raw.by_ref().take(GZIP.len() as u64).read_to_end(&mut first);
        let is_gzip = first == GZIP;
        let whole = Cursor::new(first).chain(raw);
        match looked {
            Err(error) => Err(Self(Stream::Plain(whole)).explain(error)),
            Ok(_) if is_gzip => {
                Ok(Self(Stream::Gzip { unpack: Box::new(MultiGzDecoder::new(whole)), bytes: 0 }))
            }
            Ok(_) => Ok(Self(Stream::Plain(whole))),
        }
    }

    /// Number of bytes of the file and their SHA-256 in hexadecimal: packed, if it is.
    pub fn digest(self) -> (u64, String) {
        let whole = match self.0 {
            Stream::Plain(whole) => whole,
            Stream::Gzip { unpack, .. } => unpack.into_inner(),
        };
        whole.into_inner().1.digest()
    }

    /// Meaning of an error of [`Read::read`].
    pub fn explain(&self, error: io::Error) -> ReadError {
        let (packed, limit) = match &self.0 {
            Stream::Plain(whole) => (false, whole.get_ref().1.max),
            Stream::Gzip { unpack, .. } => (true, unpack.get_ref().get_ref().1.max),
        };
        let text = error.to_string();
        match (text.as_str(), error.kind()) {
            (OVER_LIMIT, _) => {
                let what = if packed { "the file, unpacked," } else { "the file" };
                ReadError::TooLarge { what, limit, flag: "--max-report" }
            }
            (BOMB, _) => ReadError::Gzip(format!("it grows to more than {GROWTH} times its size")),
            (_, ErrorKind::UnexpectedEof) if packed => ReadError::Gzip(
                "it ends too early: it was cut, is still being written, or something follows its end"
                    .to_owned(),
            ),
            ("invalid gzip header", _) if packed => {
                ReadError::Gzip("its header is broken, or something follows its end".to_owned())
            }
            (_, ErrorKind::InvalidInput | ErrorKind::InvalidData) if packed => ReadError::Gzip(text),
            _ => ReadError::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(raw: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(raw).unwrap();
        encoder.finish().unwrap()
    }

    /// Reads to the end; the digest, or what went wrong.
    fn unpack(raw: &[u8], max: u64) -> Result<(Vec<u8>, u64, String), ReadError> {
        let mut input = Source::Bytes(raw.into()).open(max)?;
        let mut out = Vec::new();
        match input.read_to_end(&mut out) {
            Ok(_) => {
                let (bytes, sha256) = input.digest();
                Ok((out, bytes, sha256))
            }
            Err(error) => Err(input.explain(error)),
        }
    }

    #[test]
    fn gzip_is_unpacked_and_the_digest_is_of_the_file() {
        let packed = gzip(b"[1]");
        let (text, bytes, sha256) = unpack(&packed, 1 << 20).unwrap();
        assert_eq!(text, b"[1]");
        assert_eq!((bytes, sha256), (packed.len() as u64, hex(&Sha256::digest(&packed))));
        let two = [gzip(b"[1,"), gzip(b"2]")].concat();
        assert_eq!(unpack(&two, 1 << 20).unwrap().0, b"[1,2]");
    }

    #[test]
    fn gzip_that_is_not_whole_is_an_error() {
        let packed = gzip(br#"{"findings":[{"rule":"a","file":"b"}]}"#);
        for length in 2..packed.len() {
            let error = unpack(&packed[..length], 1 << 20).unwrap_err().to_string();
            assert!(error.contains("ends too early"), "{length}: {error}");
        }
        for at in (0..packed.len()).filter(|at| !(3..10).contains(at)) {
            let mut flipped = packed.clone();
            flipped[at] ^= 1;
            if at > 1 {
                assert!(unpack(&flipped, 1 << 20).is_err(), "byte {at}");
            }
        }
        for rest in [&b"x"[..], b"\0", b"{}", b"\x1f", b"\x1f\x8b", b"\n"] {
            let error = unpack(&[&packed, rest].concat(), 1 << 20).unwrap_err();
            assert!(matches!(error, ReadError::Gzip(_)), "{rest:?}: {error}");
        }
        let zip = unpack(b"PK\x03\x04", 1 << 20).unwrap().0;
        assert_eq!(zip, b"PK\x03\x04");
    }

    #[test]
    fn gzip_that_grows_without_end_is_cut_off() {
        let packed = gzip(&vec![b' '; 100 << 10]);
        let error = unpack(&packed, 64 << 10).unwrap_err().to_string();
        assert!(error.contains("unpacked, is over the limit of 65536 bytes (--max-report)"), "{error}");
        let bomb = gzip(&vec![b' '; 100 << 20]);
        let mut input = Source::Bytes(bomb.into()).open(8 << 30).unwrap();
        let (mut total, mut block) = (0, vec![0; 1 << 20]);
        let error = loop {
            match input.read(&mut block) {
                Ok(n) => total += n,
                Err(error) => break input.explain(error),
            }
        };
        assert!(error.to_string().contains("more than 200 times"), "{error}");
        assert!(total < 90 << 20, "{total}");
    }

    #[test]
    fn an_endless_file_is_cut_off() {
        let mut input = Source::Bytes(vec![b' '; 100].into()).open(10).unwrap();
        let error = input.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(matches!(input.explain(error), ReadError::TooLarge { limit: 10, .. }));
    }

    #[test]
    fn only_regular_files_are_opened() {
        assert!(matches!(open_regular(Path::new("/")), Err(ReadError::NotAFile("a directory"))));
        assert!(matches!(open_regular(Path::new("/nowhere")), Err(ReadError::Open(_))));
    }
}

//! Files that may be packed as gzip or zstd, which their first bytes say.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Result, anyhow};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::unreadable;
use crate::report::open_regular;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bytes that are read at once.
const BUFFER: usize = 128 << 10;

/// The unpacked content of a file.
pub(super) fn reader_of(path: &Path) -> Result<Box<dyn Read + Send>> {
    unpacked(BufReader::with_capacity(BUFFER, open_regular(path)?))
}

/// The unpacked content of standard input.
pub(super) fn standard_input() -> Result<Box<dyn Read + Send>> {
    let input = io::stdin();
    let file: File = std::os::fd::AsFd::as_fd(&input).try_clone_to_owned()?.into();
    unpacked(BufReader::with_capacity(BUFFER, file))
}

fn unpacked(mut reader: BufReader<File>) -> Result<Box<dyn Read + Send>> {
    let head = reader.fill_buf()?;
    if head.starts_with(&ZSTD) {
        return Ok(Box::new(ZstdFrames { state: ZstdState::Between(reader) }));
    }
    if head.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(reader)));
    }
    Ok(Box::new(reader))
}

/// One zstd frame after the other; each must have the checksum that it states.
struct ZstdFrames<R: BufRead> {
    state: ZstdState<R>,
}

enum ZstdState<R: BufRead> {
    Between(R),
    Frame(Box<StreamingDecoder<R, FrameDecoder>>),
    Ended,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, ZstdState::Ended) {
                ZstdState::Ended => return Ok(0),
                ZstdState::Between(mut reader) => {
                    if reader.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new(reader).map_err(io::Error::other)?;
                    self.state = ZstdState::Frame(Box::new(frame));
                }
                ZstdState::Frame(mut frame) => {
                    let read = frame.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        self.state = ZstdState::Frame(frame);
                        return Ok(read);
                    }
                    let (reader, decoder) = frame.into_parts();
                    let stated = decoder.get_checksum_from_data();
                    if stated.is_some() && stated != decoder.get_calculated_checksum() {
                        return Err(io::Error::other(
                            "a zstd frame does not have its checksum: it was changed",
                        ));
                    }
                    self.state = ZstdState::Between(reader);
                }
            }
        }
    }
}

/// All of a reader, at most `max` bytes.
pub(super) fn read_all(reader: &mut dyn Read, max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = reader.take(max + 1);
    limited.read_to_end(&mut bytes).map_err(|error| anyhow!(unreadable(error.to_string())))?;
    if bytes.len() as u64 > max {
        return Err(unreadable(format!("is over the limit of {max} bytes, unpacked")));
    }
    Ok(bytes)
}

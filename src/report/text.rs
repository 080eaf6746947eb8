//! A file as UTF-8 text without byte-order mark, checked block by block as it is read.
//!
//! UTF-16 is decoded where its mark says so (RFC 8259 §8.1 wants UTF-8; PowerShell's `>` writes UTF-16).

use std::io::{self, ErrorKind, Read};

use super::ReadError;
use super::ahead::Ahead;
use super::source::Input;

/// Bytes that are read together.
const BLOCK: usize = if cfg!(test) { 16 } else { 256 << 10 };

/// What came with another block.
#[derive(Debug)]
pub(super) enum More {
    /// Text.
    Text,
    /// Perhaps text, then bytes that are none.
    Broken(Broken),
    /// Nothing: the file has ended.
    End,
}

/// Bytes that are not UTF-8, up to the end of their block.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) bytes: Vec<u8>,
    /// They begin a character, and the file ends before its last byte.
    pub(super) cut: bool,
}

/// The text of a file.
pub(super) enum Text {
    /// Read when it is asked for.
    Direct(Box<Decoder>),
    /// Read by a thread of its own.
    Ahead(Ahead),
}

impl Text {
    pub(super) fn new(input: Input) -> Self {
        Self::Direct(Box::new(Decoder::new(input)))
    }

    /// Text that a thread reads, hashes and decodes while what came before it is parsed.
    pub(super) fn ahead(input: Input) -> Self {
        Ahead::start(Box::new(Decoder::new(input))).map_or_else(Self::Direct, Self::Ahead)
    }

    /// Appends another block to `text`.
    pub(super) fn append(&mut self, text: &mut String) -> Result<More, ReadError> {
        match self {
            Self::Direct(decoder) => decoder.append(text),
            Self::Ahead(ahead) => ahead.append(text),
        }
    }

    /// Number of bytes of the file and their SHA-256 in hexadecimal, once it was read to its end.
    pub(super) fn digest(self) -> (u64, String) {
        let decoder = match self {
            Self::Direct(decoder) => Some(decoder),
            // Of a file that was read to its end the thread has handed all back.
            Self::Ahead(ahead) => ahead.into_decoder(),
        };
        decoder.map(|decoder| decoder.input.digest()).unwrap_or_default()
    }
}

/// Turns bytes into text.
pub(super) struct Decoder {
    input: Input,
    encoding: Encoding,
    block: Vec<u8>,
    /// Bytes at the front of the block that wait for what follows them: a part of a character.
    waiting: usize,
}

#[derive(Clone, Copy)]
enum Encoding {
    Unknown,
    Utf8,
    Utf16Little,
    Utf16Big,
}

impl Decoder {
    fn new(input: Input) -> Self {
        Self { input, encoding: Encoding::Unknown, block: Vec::new(), waiting: 0 }
    }

    /// Appends another block to `text`.
    pub(super) fn append(&mut self, text: &mut String) -> Result<More, ReadError> {
        self.block.resize(BLOCK, 0);
        let had = self.waiting;
        let mut filled = had + self.read(had)?;
        let mut start = 0;
        if matches!(self.encoding, Encoding::Unknown) {
            // A pipe may give its first bytes one at a time.
            while filled < 4 {
                let more = self.read(filled)?;
                if more == 0 {
                    break;
                }
                filled += more;
            }
            (self.encoding, start) = match self.block.get(..filled).unwrap_or_default() {
                [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
                [0xff, 0xfe, ..] => (Encoding::Utf16Little, 2),
                [0xfe, 0xff, ..] => (Encoding::Utf16Big, 2),
                _ => (Encoding::Utf8, 0),
            };
        }
        let ended = filled == had;
        let bytes = self.block.get(start..filled).unwrap_or_default();
        let (used, more) = match self.encoding {
            Encoding::Unknown | Encoding::Utf8 => Ok(decode_utf8(bytes, ended, text)),
            Encoding::Utf16Little => decode_utf16(bytes, u16::from_le_bytes, ended, text),
            Encoding::Utf16Big => decode_utf16(bytes, u16::from_be_bytes, ended, text),
        }
        .map_err(|fault| self.input.explain(fault))?;
        self.block.copy_within(start + used..filled, 0);
        self.waiting = filled - start - used;
        Ok(more)
    }

    /// Reads into the block from `at` on.
    fn read(&mut self, at: usize) -> Result<usize, ReadError> {
        loop {
            match self.input.read(self.block.get_mut(at..).unwrap_or_default()) {
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) => return Err(self.input.explain(fault)),
                Ok(n) => return Ok(n),
            }
        }
    }
}

/// Number of bytes used, and what they are.
type Decoded = (usize, More);

fn decode_utf8(bytes: &[u8], ended: bool, text: &mut String) -> Decoded {
    let fault = match std::str::from_utf8(bytes) {
        Ok(valid) => {
            text.push_str(valid);
            return (bytes.len(), if ended { More::End } else { More::Text });
        }
        Err(fault) => fault,
    };
    let (valid, rest) = bytes.split_at_checked(fault.valid_up_to()).unwrap_or((bytes, &[]));
    text.push_str(std::str::from_utf8(valid).unwrap_or_default());
    let cut = fault.error_len().is_none();
    if cut && !ended {
        return (valid.len(), More::Text);
    }
    (bytes.len(), More::Broken(Broken { bytes: rest.to_vec(), cut }))
}

fn decode_utf16(
    bytes: &[u8],
    unit: fn([u8; 2]) -> u16,
    ended: bool,
    text: &mut String,
) -> io::Result<Decoded> {
    let mut units = bytes.as_chunks::<2>().0;
    // A high surrogate at the end of a block waits for its partner.
    if let Some((last, before)) = units.split_last()
        && !ended
        && (0xd800..0xdc00).contains(&unit(*last))
    {
        units = before;
    }
    if ended && !bytes.len().is_multiple_of(2) {
        return Err(io::Error::other("half a UTF-16 unit at the end"));
    }
    for c in char::decode_utf16(units.iter().map(|&pair| unit(pair))) {
        text.push(c.map_err(|_| io::Error::other("an unpaired UTF-16 surrogate"))?);
    }
    Ok((units.len() * 2, if ended { More::End } else { More::Text }))
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    /// All of the text, and what broke it.
    fn decode(raw: &[u8]) -> Result<(String, Option<Broken>), ReadError> {
        let mut text = String::new();
        let mut source = Text::new(Source::Bytes(raw.into()).open(1 << 20)?);
        loop {
            match source.append(&mut text)? {
                More::Text => {}
                More::Broken(broken) => return Ok((text, Some(broken))),
                More::End => return Ok((text, None)),
            }
        }
    }

    fn whole(raw: &[u8]) -> String {
        let (text, broken) = decode(raw).unwrap();
        assert!(broken.is_none());
        text
    }

    #[test]
    fn marks_are_removed_and_utf16_is_decoded() {
        assert_eq!(whole(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(whole(b"{}"), "{}");
        assert_eq!(whole(b"\xff\xfe{\0}\0"), "{}");
        assert_eq!(whole(b"\xfe\xff\0{\0}"), "{}");
        assert_eq!(whole(b"\xff\xfe\x3d\xd8\x00\xde"), "😀");
        assert!(decode(b"\xff\xfe\x3d\xd8").is_err());
        assert!(decode(b"\xff\xfe{\0}").is_err());
        assert_eq!(whole(b""), "");
    }

    #[test]
    fn characters_cross_the_edges_of_blocks() {
        for pad in 0..2 * BLOCK {
            let text = format!("{}{}", "x".repeat(pad), "é漢😀".repeat(9));
            assert_eq!(whole(text.as_bytes()), text);
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(whole(&[b"\xff\xfe".as_slice(), &wide].concat()), text);
        }
    }

    #[test]
    fn what_is_no_text_is_told_after_what_is() {
        for pad in 0..2 * BLOCK {
            let before = "x".repeat(pad);
            for (bytes, cut) in
                [(&b"\xffyz"[..], false), (b"\xc3", true), (b"\xe6\xbc", true), (b"\xed\xa0\x80", false)]
            {
                let (text, broken) = decode(&[before.as_bytes(), bytes].concat()).unwrap();
                let broken = broken.unwrap();
                assert_eq!((text.as_str(), broken.cut), (before.as_str(), cut));
                assert!(bytes.starts_with(&broken.bytes));
            }
        }
    }
}

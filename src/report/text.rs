//! A file as UTF-8 text without byte-order mark, checked block by block as it is read.
//!
//! UTF-16 is decoded where its mark says so (RFC 8259 §8.1 wants UTF-8; PowerShell's `>` writes UTF-16), XML from the
//! encoding that its declaration names (XML 1.0, appendix F).

use std::io::{self, ErrorKind, Read};

use encoding_rs::DecoderResult;

use super::ReadError;
use super::read_ahead::Ahead;
use super::source::Input;

/// Bytes that are read together.
const BLOCK: usize = if cfg!(test) { 16 } else { 256 << 10 };

/// Additions of another block.
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
pub(super) enum TextStream {
    /// Read when it is asked for.
    Direct(Box<Decoder>),
    /// Read by a thread of its own.
    Ahead(Ahead),
}

impl TextStream {
    pub(super) fn new(input: Input) -> Self {
        Self::Direct(Box::new(Decoder::new(input)))
    }

    /// Text that a thread reads, hashes and decodes while what came before it is parsed.
    pub(super) fn read_ahead(input: Input) -> Self {
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

enum Encoding {
    Unknown,
    Utf8,
    Utf16Little,
    Utf16Big,
    /// Encoding that an XML declaration names.
    Declared(Box<encoding_rs::Decoder>),
}

/// Most bytes of an XML declaration.
const DECLARATION: usize = 512;

impl Decoder {
    fn new(input: Input) -> Self {
        Self { input, encoding: Encoding::Unknown, block: Vec::new(), waiting: 0 }
    }

    /// Appends another block to `text`.
    pub(super) fn append(&mut self, text: &mut String) -> Result<More, ReadError> {
        // A first block is not filled by hand: most of it is never touched.
        if self.block.is_empty() {
            self.block = vec![0; BLOCK];
        } else {
            self.block.resize(BLOCK, 0);
        }
        let had = self.waiting;
        let mut filled = had + self.read_block(had)?;
        let mut start = 0;
        if matches!(self.encoding, Encoding::Unknown) {
            // A pipe may give its first bytes one at a time.
            while filled < 4 || self.may_declare(filled) {
                self.block.resize(filled.max(BLOCK - 1) + 1, 0);
                let more = self.read_block(filled)?;
                if more == 0 {
                    break;
                }
                filled += more;
            }
            (self.encoding, start) = match self.block.get(..filled).unwrap_or_default() {
                [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
                [0xff, 0xfe, ..] => (Encoding::Utf16Little, 2),
                [0xfe, 0xff, ..] => (Encoding::Utf16Big, 2),
                [b'<', 0, b'?', 0, ..] => (Encoding::Utf16Little, 0),
                [0, b'<', 0, b'?', ..] => (Encoding::Utf16Big, 0),
                bytes => (declared(bytes).unwrap_or(Encoding::Utf8), 0),
            };
        }
        let ended = filled == had;
        let bytes = self.block.get(start..filled).unwrap_or_default();
        let (used, more) = match &mut self.encoding {
            Encoding::Unknown | Encoding::Utf8 => Ok(decode_utf8(bytes, ended, text)),
            Encoding::Utf16Little => decode_utf16(bytes, u16::from_le_bytes, ended, text),
            Encoding::Utf16Big => decode_utf16(bytes, u16::from_be_bytes, ended, text),
            Encoding::Declared(decoder) => decode_declared(decoder, bytes, ended, text),
        }
        .map_err(|fault| self.input.explain(fault))?;
        self.block.copy_within(start + used..filled, 0);
        self.waiting = filled - start - used;
        Ok(more)
    }

    /// True if the first `filled` bytes begin an XML declaration that has not ended.
    fn may_declare(&self, filled: usize) -> bool {
        let bytes = self.block.get(..filled).unwrap_or_default();
        let begins = bytes.starts_with(XML) || XML.starts_with(bytes);
        begins && filled < DECLARATION && !bytes.contains(&b'>')
    }

    /// Reads into the block from `at` on.
    fn read_block(&mut self, at: usize) -> Result<usize, ReadError> {
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

/// How an XML declaration begins in every encoding that agrees with ASCII.
const XML: &[u8] = b"<?xml";

/// The encoding that an XML declaration names at the beginning of these bytes, unless UTF-8 reads it.
fn declared(bytes: &[u8]) -> Option<Encoding> {
    let end = memchr::memchr(b'>', bytes)?;
    let text = std::str::from_utf8(bytes.get(..end)?.strip_prefix(XML)?).ok()?;
    let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let encoding = known_encoding(value.get(1..)?.split(quote).next()?)?;
    // What is declared as UTF-16 and begins like this was decoded by someone who left the declaration as it was.
    let utf8 = encoding == encoding_rs::UTF_8 || !encoding.is_ascii_compatible();
    (!utf8).then(|| Encoding::Declared(Box::new(encoding.new_decoder_without_bom_handling())))
}

/// The encoding of that name, as the Encoding Standard of the WHATWG has it; ASCII as UTF-8, which holds it.
pub(super) fn known_encoding(name: &str) -> Option<&'static encoding_rs::Encoding> {
    let name = name.trim().to_ascii_lowercase();
    if ["us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"].contains(&name.as_str()) {
        return Some(encoding_rs::UTF_8);
    }
    let encoding = encoding_rs::Encoding::for_label(name.as_bytes())?;
    let unusable = [encoding_rs::REPLACEMENT, encoding_rs::X_USER_DEFINED];
    (!unusable.contains(&encoding)).then_some(encoding)
}

fn decode_declared(
    decoder: &mut encoding_rs::Decoder,
    bytes: &[u8],
    ended: bool,
    text: &mut String,
) -> io::Result<Decoded> {
    let mut used = 0;
    loop {
        let rest = bytes.get(used..).unwrap_or_default();
        text.reserve(decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len()));
        let (result, read) = decoder.decode_to_string_without_replacement(rest, text, ended);
        used += read;
        match result {
            DecoderResult::InputEmpty => return Ok((used, if ended { More::End } else { More::Text })),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                let name = decoder.encoding().name();
                return Err(io::Error::other(format!(
                    "the XML declaration says {name}, and there are bytes that are none"
                )));
            }
        }
    }
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
        let mut source = TextStream::new(Source::Bytes(raw.into()).open(1 << 20)?);
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
    fn xml_is_decoded_from_the_encoding_that_it_declares() {
        for (name, bytes, text) in [
            ("ISO-8859-1", &b"pr\xfcfen"[..], "prüfen"),
            ("iso-8859-15", b"5\xa4", "5€"),
            ("windows-1252", b"\x80 pr\xfcfen", "€ prüfen"),
            ("Windows-1251", b"\xf2\xe5\xf1\xf2", "тест"),
            ("Shift_JIS", b"\x83e\x83X\x83g", "テスト"),
            ("GBK", b"\xb2\xe2\xca\xd4", "测试"),
            ("UTF-8", "prüfen".as_bytes(), "prüfen"),
            ("utf-16", "prüfen".as_bytes(), "prüfen"),
            ("US-ASCII", b"plain", "plain"),
        ] {
            for head in [
                format!("<?xml version=\"1.0\" encoding=\"{name}\"?>"),
                format!("<?xml version='1.0' encoding = '{name}' standalone='yes' ?>\n"),
            ] {
                for pad in 0..BLOCK {
                    let pad = "x".repeat(pad);
                    let raw = [head.as_bytes(), pad.as_bytes(), bytes].concat();
                    assert_eq!(whole(&raw), format!("{head}{pad}{text}"));
                }
            }
        }
        let declared = "<?xml version='1.0' encoding='utf-16'?><r>é</r>";
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let raw: Vec<u8> = declared.encode_utf16().flat_map(unit).collect();
            assert_eq!(whole(&raw), declared);
        }
        assert!(decode(b"<?xml version='1.0' encoding='Shift_JIS'?>\x83").is_err());
        // Only XML declares an encoding.
        assert!(decode(b"{\"a\":\"encoding='latin1' \xe9\"}").unwrap().1.is_some());
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

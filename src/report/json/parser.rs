//! One JSON value of a text as any type of `serde`, and the check of values that nobody asks for.
//!
//! `serde_json` does the same at half the speed: it looks at eight bytes of a string together, checks UTF-8 once more,
//! and counts no depth in what it skips. What is accepted is the same but for escapes of half a surrogate pair, which
//! `serde_json` refuses and this reads as U+FFFD; so are most messages.

use std::borrow::Cow;
use std::fmt;

use serde::de;

use super::scan::{blanks_end, plain_end};

/// Deepest nesting, as in `serde_json`.
pub(super) const MAX_DEPTH: usize = 128;

/// Name by which a type asks for a value's text as it is written: see [`crate::report::value::RawJson`].
pub(in crate::report) const RAW: &str = "secgate::Raw";
/// Name of a type that wants a string, an object or a list, or nothing: see [`crate::report::value::only`].
pub(in crate::report) const STRING: &str = "secgate::String";
pub(in crate::report) const OBJECT: &str = "secgate::Object";
pub(in crate::report) const LIST: &str = "secgate::List";

/// Why a value could not be read.
#[derive(Debug)]
pub(in crate::report) struct JsonError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: JsonErrorKind,
    /// Number of bytes up to the fault; a visitor does not know it.
    at: Option<usize>,
    message: Cow<'static, str>,
}

/// The problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonErrorKind {
    /// The text ends too early.
    End,
    /// It is no JSON.
    Syntax,
    /// It is not what was asked for.
    Shape,
}

impl JsonError {
    #[cold]
    fn new(kind: JsonErrorKind, at: usize, message: &'static str) -> Self {
        Self(Box::new(Inner { kind, at: Some(at), message: Cow::Borrowed(message) }))
    }

    pub(super) fn kind(&self) -> JsonErrorKind {
        self.0.kind
    }

    /// True if the text only ended too early.
    pub(in crate::report) fn is_cut(&self) -> bool {
        self.0.kind == JsonErrorKind::End
    }

    /// The fault, `at` bytes from the beginning.
    pub(super) fn placed(mut self, at: usize) -> Self {
        self.0.at = Some(at);
        self
    }

    /// Number of bytes up to the fault, of a reading that ended after `end` bytes.
    pub(super) fn at(&self, end: usize) -> usize {
        self.0.at.unwrap_or(end)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Box::new(Inner { kind: JsonErrorKind::Shape, at: None, message: message.to_string().into() }))
    }
}

/// A text being read, one value after the other.
pub(in crate::report) struct JsonParser<'de> {
    text: &'de str,
    /// Number of bytes read.
    pub(super) at: usize,
    /// How much deeper it may get.
    room: usize,
}

/// Reads a text that is one value and nothing else.
pub(in crate::report) fn parse<'de, T: de::Deserialize<'de>>(text: &'de str) -> Result<T, JsonError> {
    let mut parser = JsonParser::new(text, 0);
    T::deserialize(&mut parser).and_then(|value| parser.end().map(|()| value))
}

impl<'de> JsonParser<'de> {
    /// Starts at the beginning of `text`, which lies `depth` levels deep in its document.
    pub(in crate::report) const fn new(text: &'de str, depth: usize) -> Self {
        Self { text, at: 0, room: MAX_DEPTH.saturating_sub(depth) }
    }

    /// Nothing but blanks may follow.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.syntax("trailing characters")) }
    }

    /// Reads over the next value and checks it.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'{') => {
                self.enter()?;
                let mut first = true;
                while self.more(b'}', first)? {
                    first = false;
                    self.key()?;
                    self.skip_string()?;
                    self.colon()?;
                    self.skip()?;
                }
                self.leave();
                Ok(())
            }
            Some(b'[') => {
                self.enter()?;
                let mut first = true;
                while self.more(b']', first)? {
                    first = false;
                    self.skip()?;
                }
                self.leave();
                Ok(())
            }
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(_) => Err(self.syntax("expected value")),
            None => Err(self.cut("EOF while parsing a value")),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        if let Some(byte @ b'!'..) = self.byte() {
            return Some(byte);
        }
        self.at = blanks_end(self.text.as_bytes(), self.at);
        self.byte()
    }

    pub(super) fn since(&self, start: usize) -> &'de str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A fault at the next byte.
    pub(super) fn syntax(&self, message: &'static str) -> JsonError {
        JsonError::new(JsonErrorKind::Syntax, self.at + 1, message)
    }

    pub(super) fn cut(&self, message: &'static str) -> JsonError {
        JsonError::new(JsonErrorKind::End, self.text.len(), message)
    }

    /// Passes the opening bracket.
    pub(super) fn enter(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.room.checked_sub(1) {
            None | Some(0) => Err(self.syntax("nested deeper than 128 levels")),
            Some(room) => {
                self.room = room;
                Ok(())
            }
        }
    }

    /// Passes the closing bracket.
    pub(super) fn leave(&mut self) {
        self.at += 1;
        self.room += 1;
    }

    /// True if another element or member comes, whose comma is passed.
    pub(super) fn more(&mut self, close: u8, first: bool) -> Result<bool, JsonError> {
        match self.peek() {
            Some(byte) if byte == close => return Ok(false),
            Some(b',') if !first => self.at += 1,
            Some(_) if first => return Ok(true),
            Some(_) if close == b']' => return Err(self.syntax("expected `,` or `]`")),
            Some(_) => return Err(self.syntax("expected `,` or `}`")),
            None => return Err(self.cut("EOF while parsing a list or an object")),
        }
        match self.peek() {
            Some(byte) if byte == close => Err(self.syntax("trailing comma")),
            _ => Ok(true),
        }
    }

    /// A key comes next.
    pub(super) fn key(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => Ok(()),
            Some(_) => Err(self.syntax("key must be a string")),
            None => Err(self.cut("EOF while parsing an object")),
        }
    }

    pub(super) fn colon(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.syntax("expected `:`")),
            None => Err(self.cut("EOF while parsing an object")),
        }
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<(), JsonError> {
        for expected in word.bytes() {
            match self.byte() {
                Some(byte) if byte == expected => self.at += 1,
                Some(_) => return Err(self.syntax("expected ident")),
                None => return Err(self.cut("EOF while parsing a value")),
            }
        }
        Ok(())
    }

    /// Reads over a number; true if it is an integer.
    pub(super) fn number(&mut self) -> Result<bool, JsonError> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.syntax("invalid number"));
            }
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(integer)
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 if rest.is_empty() => Err(self.cut("EOF while parsing a value")),
            0 => Err(self.syntax("invalid number")),
            digits => {
                self.at += digits;
                Ok(())
            }
        }
    }

    /// Reads over a string, whose quote comes next.
    fn skip_string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.skip_escape()?,
                Some(_) => return Err(self.control()),
                None => return Err(self.cut("EOF while parsing a string")),
            }
        }
    }

    fn control(&self) -> JsonError {
        self.syntax("control character (\\u0000-\\u001F) found while parsing a string")
    }

    fn skip_escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                self.hex().map(|_| ())
            }
            Some(_) => Err(self.syntax("invalid escape")),
            None => Err(self.cut("EOF while parsing a string")),
        }
    }

    /// Four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.byte() else { return Err(self.cut("EOF while parsing a string")) };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.syntax("invalid escape"));
            };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    /// A string, whose quote comes next.
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.at = plain_end(self.text.as_bytes(), start);
        if self.byte() == Some(b'"') {
            let plain = self.since(start);
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.string_with_escapes(start).map(Cow::Owned)
    }

    /// A string that is not plain to its end; its first plain part, from `start` on, was passed.
    fn string_with_escapes(&mut self, mut start: usize) -> Result<String, JsonError> {
        let mut string = String::new();
        loop {
            string.push_str(self.since(start));
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.control()),
                None => return Err(self.cut("EOF while parsing a string")),
            }
            start = self.at;
            self.at = plain_end(self.text.as_bytes(), start);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = self.text.as_bytes().get(self.at + 1);
        if letter == Some(&b'u') {
            self.at += 2;
            return self.unicode();
        }
        let letter = letter.copied();
        self.skip_escape()?;
        Ok(match letter {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            other => other.map_or('\0', char::from),
        })
    }

    /// What follows `\u`, and the second escape of a pair. Half a pair is U+FFFD: Python writes one for each byte of a
    /// file name that is not UTF-8.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.hex()?;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        let after = self.at;
        let escape = self.text.as_bytes().get(after..).is_some_and(|rest| rest.starts_with(b"\\u"));
        if high < 0xdc00 && escape {
            self.at += 2;
            // A fault in the second escape is found again where it is read for itself.
            if let Ok(low @ 0xdc00..0xe000) = self.hex() {
                let pair = char::from_u32(0x10000 + ((high & 0x3ff) << 10 | low & 0x3ff));
                return Ok(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }
}

//! A JSON document walked through a sliding window: lists stream by, one element is in memory at a time.
//!
//! The walk over the outer levels is ours; each element is deserialised by `serde_json` from the window, into a
//! typed struct that borrows from it. Whatever passes is checked: syntax, UTF-8, keys given twice in every object
//! that is walked, and that nothing follows the document.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Read;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::{Decoded, Input};
use super::{Opening, ReadError};

/// First size of the window; in unit tests so small that every document crosses its edge.
const WINDOW: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// Largest single value that is held in memory: a finding, or a skipped string.
const MAX_VALUE: usize = 64 << 20;
/// Deepest nesting that is walked, as in `serde_json`.
const MAX_DEPTH: usize = 128;

/// A type that borrows from the window, named without its lifetime.
pub trait Shape {
    /// The type as deserialised.
    type As<'de>: Deserialize<'de>;
}

/// Declares the listed borrowing structs as [`Shape`]s, named by their `'static` form.
macro_rules! shapes {
    ($($name:ident),+ $(,)?) => {
        $(impl $crate::report::json::Shape for $name<'static> {
            type As<'de> = $name<'de>;
        })+
    };
}
pub(crate) use shapes;

impl Shape for IgnoredAny {
    type As<'de> = IgnoredAny;
}

impl Shape for serde_json::Value {
    type As<'de> = Self;
}

impl Shape for Box<serde_json::value::RawValue> {
    type As<'de> = Self;
}

impl Shape for String {
    type As<'de> = String;
}

/// The kind of a JSON value, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A digit or `-`.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'{' => Self::Object,
            b'[' => Self::Array,
            b'"' => Self::String,
            b'-' | b'0'..=b'9' => Self::Number,
            b't' | b'f' => Self::Bool,
            b'n' => Self::Null,
            _ => return None,
        })
    }

    /// With its article, for messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// A JSON document, or a file of JSON lines, being read.
pub struct Json {
    input: Decoded,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    eof: bool,
    /// Nothing but blanks so far.
    blank: bool,
    /// Line number of `buf[start]`, counted when bytes leave the window.
    line: u64,
    /// Bytes of that line that lie before `buf[start]`.
    column: u64,
    path: Vec<Step>,
}

impl Json {
    /// Starts at the beginning of `input`.
    pub fn new(input: Input) -> Self {
        Self {
            input: Decoded::new(input),
            buf: Vec::new(),
            start: 0,
            end: 0,
            eof: false,
            blank: true,
            line: 1,
            column: 0,
            path: Vec::new(),
        }
    }

    /// What the first part of the document shows, without consuming it. `size` bytes are looked at, or all.
    pub fn opening(&mut self, size: usize) -> Result<Opening, ReadError> {
        while !self.eof && self.end - self.start < size {
            self.fill()?;
        }
        Ok(Opening::of(self.window(), self.eof))
    }

    /// The kind of the next value.
    pub fn kind(&mut self) -> Result<Kind, ReadError> {
        match self.peek()? {
            None => Err(self.truncated()),
            Some(byte) => Kind::of(byte).ok_or_else(|| self.syntax("expected a value")),
        }
    }

    /// True where only blanks are left.
    pub fn at_end(&mut self) -> Result<bool, ReadError> {
        Ok(self.peek()?.is_none())
    }

    /// Nothing but blanks may follow the document.
    pub fn end(&mut self) -> Result<(), ReadError> {
        if self.at_end()? { Ok(()) } else { Err(self.syntax("something follows the end of the document")) }
    }

    /// Digest and length of all the bytes, which must have been read to their end.
    pub fn finish(self) -> (u64, String) {
        self.input.into_input().digest()
    }

    /// Walks an object: `field` is called for each key and consumes its value.
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &str) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.expect(b'{', Kind::Object)?;
        let mut seen = HashSet::new();
        let mut first = true;
        loop {
            match self.peek()? {
                Some(b'}') => break self.consume(1),
                Some(b',') if !first => self.consume(1),
                Some(_) if first => {}
                Some(_) => return Err(self.syntax("expected `,` or `}`")),
                None => return Err(self.truncated()),
            }
            first = false;
            if self.peek()? != Some(b'"') {
                return Err(self.syntax("expected a key in double quotes"));
            }
            let key = self.take::<String, _>(|key| key)?;
            if self.peek()? != Some(b':') {
                return Err(self.syntax("expected `:`"));
            }
            self.consume(1);
            let duplicate = !seen.insert(key.clone());
            self.enter(Step::Key(key.clone()))?;
            if duplicate {
                return Err(
                    self.shape("duplicate key: it is given twice, and readers differ in which one they take")
                );
            }
            field(self, &key)?;
            self.path.pop();
        }
        Ok(())
    }

    /// Walks an array: `element` is called with each index and consumes the element.
    pub fn array(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.expect(b'[', Kind::Array)?;
        let mut index = 0;
        loop {
            match self.peek()? {
                Some(b']') => break self.consume(1),
                Some(b',') if index > 0 => self.consume(1),
                Some(_) if index == 0 => {}
                Some(_) => return Err(self.syntax("expected `,` or `]`")),
                None => return Err(self.truncated()),
            }
            self.enter(Step::Index(index))?;
            element(self, index)?;
            self.path.pop();
            index += 1;
        }
        Ok(())
    }

    /// Deserialises the next value from the window and hands it to `then`.
    pub fn take<S: Shape, R>(&mut self, then: impl FnOnce(S::As<'_>) -> R) -> Result<R, ReadError> {
        if self.peek()?.is_none() {
            return Err(self.truncated());
        }
        let mut then = Some(then);
        loop {
            if let Some((result, used)) = self.attempt::<S, R>(&mut then)? {
                self.consume(used);
                return Ok(result);
            }
            self.fill()?;
        }
    }

    /// Deserialises a value from the window as it is; `None` if more of the file is needed.
    fn attempt<S: Shape, R>(
        &self,
        then: &mut Option<impl FnOnce(S::As<'_>) -> R>,
    ) -> Result<Option<(R, usize)>, ReadError> {
        let window = self.window();
        let mut values = serde_json::Deserializer::from_slice(window).into_iter::<S::As<'_>>();
        let value = values.next();
        let used = values.byte_offset();
        // A number at the very end of the window may go on after it.
        let settled = self.eof || used < window.len();
        match value {
            Some(Ok(value)) if settled => {
                let bytes = window.get(..used).unwrap_or_default();
                if let Err(fault) = std::str::from_utf8(bytes) {
                    return Err(self.syntax_at(fault.valid_up_to(), "text that is not UTF-8"));
                }
                Ok(then.take().map(|then| (then(value), used)))
            }
            Some(Err(fault)) if !fault.is_eof() && (self.eof || !self.at_edge(&fault)) => {
                Err(self.explain(&fault))
            }
            _ if self.eof => Err(self.truncated_value(window.len())),
            _ => Ok(None),
        }
    }

    /// [`Self::take`] for a value that must be an object: a derived struct would also accept an array.
    pub fn item<S: Shape, R>(&mut self, then: impl FnOnce(S::As<'_>) -> R) -> Result<R, ReadError> {
        match self.kind()? {
            Kind::Object => self.take::<S, R>(then),
            other => Err(self.shape(&format!("expected an object, found {}", other.words()))),
        }
    }

    /// Skips the next value, however large, and checks it.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        let kind = self.kind()?;
        if !matches!(kind, Kind::Object | Kind::Array) {
            return self.take::<IgnoredAny, _>(|_| ());
        }
        if !self.eof && self.end - self.start < WINDOW / 2 {
            self.fill()?;
        }
        let mut checked = Some(|_: IgnoredAny| ());
        if let Some(((), used)) = self.attempt::<IgnoredAny, ()>(&mut checked)? {
            if nesting(self.window().get(..used).unwrap_or_default()) + self.path.len() > MAX_DEPTH {
                return Err(self.syntax("nested deeper than 128 levels"));
            }
            self.consume(used);
            return Ok(());
        }
        // A list or map that outgrows the window is walked, so that memory stays flat.
        match kind {
            Kind::Object => self.object(|json, _| json.skip()),
            _ => self.array(|json, _| json.skip()),
        }
    }

    /// The next line of a JSON-lines file as bytes, without its end; `None` at the end of the file. Blank lines
    /// are skipped.
    pub fn line(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        loop {
            if let Some(n) = memchr::memchr(b'\n', self.window()) {
                return Ok(Some(Line { json: self, length: n }));
            }
            if self.eof {
                let length = self.end - self.start;
                return Ok(Some(Line { json: self, length }));
            }
            self.fill()?;
        }
    }

    /// Nothing but blanks may stand between the value that was read last and the end of its line.
    pub fn end_of_line(&mut self) -> Result<(), ReadError> {
        loop {
            let blanks = self.window().iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            self.consume(blanks);
            match self.window().first() {
                Some(b'\n') => return Ok(()),
                Some(_) => return Err(self.syntax("something follows the value on its line")),
                None if self.eof => return Ok(()),
                None => self.fill()?,
            }
        }
    }

    /// Number of the line where the next byte stands.
    pub fn line_number(&self) -> u64 {
        self.line
    }

    /// An error about the value at the present place.
    pub fn shape(&self, message: &str) -> ReadError {
        ReadError::Shape {
            line: self.line_at(0),
            column: self.column_at(0),
            path: self.path_text(),
            message: message.to_owned(),
        }
    }

    /// The JSON path of the present place, such as `results[3].extra`.
    pub fn path_text(&self) -> String {
        self.path.iter().fold(String::new(), |mut text, step| {
            let _ = match step {
                Step::Index(i) => write!(text, "[{i}]"),
                Step::Key(k) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    write!(text, "{dot}{}", crate::finding::clean_line(k))
                }
            };
            text
        })
    }

    fn enter(&mut self, step: Step) -> Result<(), ReadError> {
        self.path.push(step);
        if self.path.len() > MAX_DEPTH { Err(self.syntax("nested deeper than 128 levels")) } else { Ok(()) }
    }

    fn expect(&mut self, open: u8, kind: Kind) -> Result<(), ReadError> {
        let found = self.kind()?;
        if found != kind {
            return Err(self.shape(&format!("expected {}, found {}", kind.words(), found.words())));
        }
        debug_assert_eq!(self.window().first(), Some(&open));
        self.consume(1);
        Ok(())
    }

    fn window(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let blanks =
                self.window().iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
            self.consume(blanks);
            if let Some(&byte) = self.window().first() {
                self.blank = false;
                return Ok(Some(byte));
            }
            if self.eof {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Bytes that were not consumed yet; none at the end of the file.
    pub(super) fn bytes(&mut self) -> Result<&[u8], ReadError> {
        while self.start == self.end && !self.eof {
            self.fill()?;
        }
        Ok(self.window())
    }

    /// An error in XML at the present place.
    pub(super) fn markup(&self, path: &str, message: &'static str) -> ReadError {
        ReadError::Markup { line: self.line, column: self.column + 1, path: path.to_owned(), message }
    }

    /// An error about the XML element at the present place.
    pub(super) fn misfit(&self, path: &str, message: &str) -> ReadError {
        let (line, column) = (self.line, self.column + 1);
        ReadError::Shape { line, column, path: path.to_owned(), message: message.to_owned() }
    }

    /// Leaves `n` bytes behind, keeping count of lines.
    pub(super) fn consume(&mut self, n: usize) {
        let left = self.window().get(..n).unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'\n', left) {
            self.line += memchr::memchr_iter(b'\n', left).count() as u64;
            self.column = (n - at - 1) as u64;
        } else {
            self.column += n as u64;
        }
        self.start += n;
    }

    /// Reads more into the window, moving what is left of it to the front or making it larger.
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buf.len() {
            if self.end >= MAX_VALUE {
                return Err(ReadError::TooLarge {
                    what: "one value of the file",
                    limit: MAX_VALUE as u64,
                    flag: "fixed",
                });
            }
            self.buf.resize((self.buf.len() * 2).max(WINDOW), 0);
        }
        let room = self.buf.get_mut(self.end..).unwrap_or_default();
        match self.input.read(room) {
            Ok(0) => self.eof = true,
            Ok(n) => self.end += n,
            Err(fault) if fault.kind() == std::io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(self.input.explain(fault)),
        }
        Ok(())
    }

    /// True if a fault lies at the very end of the window: a number cut there (`4.`) reads as invalid.
    fn at_edge(&self, fault: &serde_json::Error) -> bool {
        let window = self.window();
        let line_start = match fault.line().checked_sub(2) {
            None => 0,
            Some(nth) => memchr::memchr_iter(b'\n', window).nth(nth).map_or(0, |at| at + 1),
        };
        fault.is_syntax() && line_start + fault.column() + 1 >= window.len()
    }

    fn line_at(&self, ahead: usize) -> u64 {
        let before = self.window().get(..ahead).unwrap_or_default();
        self.line + memchr::memchr_iter(b'\n', before).count() as u64
    }

    fn column_at(&self, ahead: usize) -> u64 {
        let before = self.window().get(..ahead).unwrap_or_default();
        match memchr::memrchr(b'\n', before) {
            Some(at) => (before.len() - at) as u64,
            None => self.column + ahead as u64 + 1,
        }
    }

    fn syntax(&self, message: &str) -> ReadError {
        self.syntax_at(0, message)
    }

    fn syntax_at(&self, ahead: usize, message: &str) -> ReadError {
        ReadError::Syntax {
            line: self.line_at(ahead),
            column: self.column_at(ahead),
            path: self.path_text(),
            message: message.to_owned(),
        }
    }

    fn truncated(&self) -> ReadError {
        if self.blank {
            return ReadError::Empty;
        }
        self.syntax("the file ends too early: it was cut, or is still being written")
    }

    fn truncated_value(&self, ahead: usize) -> ReadError {
        self.syntax_at(ahead, "the file ends too early: it was cut, or is still being written")
    }

    /// A fault of `serde_json` with its place in the file, and without any value of the file.
    fn explain(&self, fault: &serde_json::Error) -> ReadError {
        let (inner_line, inner_column) = (fault.line() as u64, fault.column() as u64);
        let line = self.line + inner_line.saturating_sub(1);
        let column = if inner_line <= 1 { self.column + inner_column } else { inner_column };
        let message = without_values(&fault.to_string());
        let path = self.path_text();
        if fault.is_data() {
            ReadError::Shape { line, column, path, message }
        } else {
            ReadError::Syntax { line, column, path, message }
        }
    }
}

/// A line of a JSON-lines file that still lies in the window.
pub struct Line<'j> {
    json: &'j mut Json,
    length: usize,
}

impl Line<'_> {
    /// Leaves the line behind as text of no format.
    pub fn skip(self) -> Result<(), ReadError> {
        let bytes = self.json.window().get(..self.length).unwrap_or_default();
        if let Err(fault) = std::str::from_utf8(bytes) {
            return Err(self.json.syntax_at(fault.valid_up_to(), "text that is not UTF-8"));
        }
        self.json.consume(self.length);
        Ok(())
    }

    /// Hands the line over as text, without its end, then leaves it behind.
    pub fn text<R>(self, then: impl FnOnce(&str) -> R) -> Result<R, ReadError> {
        let bytes = self.json.window().get(..self.length).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let result = then(text.trim_end_matches('\r'));
                self.json.consume(self.length);
                Ok(result)
            }
            Err(fault) => Err(self.json.syntax_at(fault.valid_up_to(), "text that is not UTF-8")),
        }
    }

    /// Deserialises the line as one JSON value with nothing after it, then leaves it behind.
    pub fn take<S: Shape, R>(self, then: impl FnOnce(S::As<'_>) -> R) -> Result<R, ReadError> {
        let bytes = self.json.window().get(..self.length).unwrap_or_default();
        let mut de = serde_json::Deserializer::from_slice(bytes);
        let result = S::As::deserialize(&mut de).and_then(|value| de.end().map(|()| value));
        if let Err(fault) = std::str::from_utf8(bytes) {
            return Err(self.json.syntax_at(fault.valid_up_to(), "text that is not UTF-8"));
        }
        let result = result.map(then);
        match result {
            Ok(value) => {
                self.json.consume(self.length);
                Ok(value)
            }
            Err(fault) if fault.is_eof() => Err(self.json.truncated_value(self.length)),
            Err(fault) => Err(self.json.explain(&fault)),
        }
    }
}

/// How deep arrays and objects are nested in valid JSON.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = json;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(after),
            _ => {}
        }
    }
    deepest
}

/// What follows a string whose opening quote was passed.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let escape = rest.get(at) == Some(&b'\\');
        rest = rest.get(at + 1 + usize::from(escape)..).unwrap_or_default();
        if !escape {
            break;
        }
    }
    rest
}

/// `serde` echoes the string that it did not expect; that may be a secret.
fn without_values(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    for kind in ["string", "integer", "floating point", "character", "byte array"] {
        for problem in ["invalid type", "invalid value"] {
            let start = format!("{problem}: {kind} ");
            if message.starts_with(&start)
                && let Some((_, expected)) = message.rsplit_once(", expected ")
            {
                return format!("{problem}: {kind}, expected {expected}");
            }
        }
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return format!("duplicate key {rest}: it is given twice, and readers differ in which one they take");
    }
    message.to_owned()
}

#[cfg(test)]
mod tests;

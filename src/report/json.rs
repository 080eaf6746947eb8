//! A JSON document walked through a sliding window: lists stream by, one element is in memory at a time.
//!
//! Each element is deserialised from the window into a typed struct that borrows from it. Whatever passes is checked:
//! syntax, depth, UTF-8, keys given twice in every object that is looked into, and that nothing follows the document.

mod de;
mod parser;
mod scan;

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::Input;
use super::text::{Broken, More, TextStream};
use super::{Opening, ReadError};
use parser::{JsonErrorKind, MAX_DEPTH};

pub(super) use parser::{JsonError, JsonParser, LIST, OBJECT, RAW, STRING, parse};

/// First size of the window; in unit tests so small that every document crosses its edge.
const WINDOW: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// Largest single value that is held in memory: a finding, or a skipped string.
const MAX_VALUE: usize = 64 << 20;

/// Remarks on a file that ends within a value.
const CUT: &str = "the file ends too early: it was cut, or is still being written";

/// A type that borrows from the window, named without its lifetime.
pub trait BorrowedShape {
    /// The type as deserialised.
    type As<'de>: Deserialize<'de>;
}

/// Declares the listed borrowing structs as [`BorrowedShape`]s, named by their `'static` form.
macro_rules! shapes {
    ($($name:ident),+ $(,)?) => {
        $(impl $crate::report::json::BorrowedShape for $name<'static> {
            type As<'de> = $name<'de>;
        })+
    };
}
pub(crate) use shapes;

impl BorrowedShape for IgnoredAny {
    type As<'de> = IgnoredAny;
}

impl BorrowedShape for serde_json::Value {
    type As<'de> = Self;
}

impl BorrowedShape for String {
    type As<'de> = String;
}

/// The kind of a JSON value, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
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

impl JsonKind {
    const fn from_byte(byte: u8) -> Option<Self> {
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
enum JsonPathStep {
    Key(String),
    Index(usize),
}

/// A JSON document, or a file of JSON lines, being read.
pub struct Json {
    input: TextStream,
    /// Text that was read, and how much of it was consumed: the rest is the window.
    text: String,
    start: usize,
    eof: bool,
    /// What follows the text is no text.
    broken: Option<Broken>,
    /// Nothing but blanks so far.
    blank: bool,
    /// Line number of the byte at `counted`. Lines are counted when they leave the window, or when one is asked for.
    line: u64,
    /// Bytes of that line that lie before it.
    column: u64,
    counted: usize,
    path: Vec<JsonPathStep>,
}

impl Json {
    /// Starts at the beginning of `input`.
    pub fn new(input: Input) -> Self {
        Self::from_text(TextStream::new(input))
    }

    /// [`Self::new`], with a thread that reads ahead of what is parsed.
    pub fn read_ahead(input: Input) -> Self {
        Self::from_text(TextStream::read_ahead(input))
    }

    fn from_text(input: TextStream) -> Self {
        Self {
            input,
            text: String::new(),
            start: 0,
            eof: false,
            broken: None,
            blank: true,
            line: 1,
            column: 0,
            counted: 0,
            path: Vec::new(),
        }
    }

    /// Opening of the document, without consuming it. `size` bytes are looked at, or all.
    pub fn opening(&mut self, size: usize) -> Result<Opening, ReadError> {
        while !self.eof && self.broken.is_none() && self.window().len() < size {
            self.fill()?;
        }
        let broken = self.broken.as_ref().map_or(&[][..], |broken| &broken.bytes);
        Ok(Opening::from_text(self.window(), broken, self.eof))
    }

    /// The kind of the next value.
    pub fn kind(&mut self) -> Result<JsonKind, ReadError> {
        match self.peek()? {
            None => Err(self.truncated()),
            Some(byte) => JsonKind::from_byte(byte).ok_or_else(|| self.syntax("expected a value")),
        }
    }

    /// True where the next byte that is no blank is one of these: `<` begins XML.
    pub fn begins(&mut self, with: &[u8]) -> Result<bool, ReadError> {
        Ok(self.peek()?.is_some_and(|byte| with.contains(&byte)))
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
        self.input.digest()
    }

    /// Walks an object: `field` is called for each key and consumes its value.
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &str) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.expect(b'{', JsonKind::Object)?;
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
            let key = self.with_value::<String, _>(|key| key)?;
            if self.peek()? != Some(b':') {
                return Err(self.syntax("expected `:`"));
            }
            self.consume(1);
            // File names that are not UTF-8 may differ in what cannot be told; no key that means something has one.
            let duplicate = !seen.insert(key.clone()) && !key.contains(char::REPLACEMENT_CHARACTER);
            self.enter(JsonPathStep::Key(key.clone()))?;
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
        self.expect(b'[', JsonKind::Array)?;
        let mut index = 0;
        loop {
            match self.peek()? {
                Some(b']') => break self.consume(1),
                Some(b',') if index > 0 => self.consume(1),
                Some(_) if index == 0 => {}
                Some(_) => return Err(self.syntax("expected `,` or `]`")),
                None => return Err(self.truncated()),
            }
            self.enter(JsonPathStep::Index(index))?;
            element(self, index)?;
            self.path.pop();
            index += 1;
        }
        Ok(())
    }

    /// Deserialises the next value from the window and hands it to `then`.
    pub fn with_value<S: BorrowedShape, R>(
        &mut self,
        then: impl FnOnce(S::As<'_>) -> R,
    ) -> Result<R, ReadError> {
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
    fn attempt<S: BorrowedShape, R>(
        &self,
        then: &mut Option<impl FnOnce(S::As<'_>) -> R>,
    ) -> Result<Option<(R, usize)>, ReadError> {
        let window = self.window();
        let mut parser = JsonParser::new(window, self.path.len());
        match S::As::deserialize(&mut parser) {
            // A number at the very end of the window may go on after it.
            Ok(_) if !self.eof && parser.at == window.len() => Ok(None),
            Ok(value) => Ok(then.take().map(|then| (then(value), parser.at))),
            Err(fault) if fault.kind() != JsonErrorKind::End => Err(self.explain(&fault, parser.at)),
            Err(_) if self.eof => Err(self.truncated_value(window.len())),
            Err(_) => Ok(None),
        }
    }

    /// [`Self::with_value`] for a value that must be an object: a derived struct would also accept an array.
    pub fn item<S: BorrowedShape, R>(&mut self, then: impl FnOnce(S::As<'_>) -> R) -> Result<R, ReadError> {
        match self.kind()? {
            JsonKind::Object => self.with_value::<S, R>(then),
            other => Err(self.shape(&format!("expected an object, found {}", other.words()))),
        }
    }

    /// Reads a value unless it is `null`.
    pub fn unless_null(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.kind()? == JsonKind::Null { self.skip() } else { read(self) }
    }

    /// Skips a value; true for a list with an object in it, which may be findings under a key that is not known.
    pub fn skip_and_see_objects(&mut self) -> Result<bool, ReadError> {
        let mut objects = false;
        if self.kind()? == JsonKind::Array {
            self.array(|json, _| {
                objects |= json.kind()? == JsonKind::Object;
                json.skip()
            })?;
        } else {
            self.skip()?;
        }
        Ok(objects)
    }

    /// Skips the next value, however large, and checks it.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        let kind = self.kind()?;
        if !matches!(kind, JsonKind::Object | JsonKind::Array) {
            return self.with_value::<IgnoredAny, _>(|_| ());
        }
        if !self.eof && self.window().len() < WINDOW / 2 {
            self.fill()?;
        }
        let mut checked = Some(|_: IgnoredAny| ());
        if let Some(((), used)) = self.attempt::<IgnoredAny, ()>(&mut checked)? {
            self.consume(used);
            return Ok(());
        }
        // A list or map that outgrows the window is walked, so that memory stays flat.
        match kind {
            JsonKind::Object => self.object(|json, _| json.skip()),
            _ => self.array(|json, _| json.skip()),
        }
    }

    /// The next line of a JSON-lines file as bytes, without its end; `None` at the end of the file. Blank lines
    /// are skipped.
    pub fn line(&mut self) -> Result<Option<JsonLine<'_>>, ReadError> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        loop {
            if let Some(n) = memchr::memchr(b'\n', self.window().as_bytes()) {
                return Ok(Some(JsonLine { json: self, length: n }));
            }
            if self.eof {
                let length = self.window().len();
                return Ok(Some(JsonLine { json: self, length }));
            }
            self.fill()?;
        }
    }

    /// Nothing but blanks may stand between the value that was read last and the end of its line.
    pub fn end_of_line(&mut self) -> Result<(), ReadError> {
        loop {
            let blanks = self.window().bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            self.consume(blanks);
            match self.window().as_bytes().first() {
                Some(b'\n') => return Ok(()),
                Some(_) => return Err(self.syntax("something follows the value on its line")),
                None if self.eof => return Ok(()),
                None => self.fill()?,
            }
        }
    }

    /// Number of the line where the next byte stands.
    pub fn line_number(&mut self) -> u64 {
        self.count_lines();
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
                JsonPathStep::Index(i) => write!(text, "[{i}]"),
                JsonPathStep::Key(k) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    write!(text, "{dot}{}", crate::finding::clean_line(k))
                }
            };
            text
        })
    }

    fn enter(&mut self, step: JsonPathStep) -> Result<(), ReadError> {
        self.path.push(step);
        if self.path.len() > MAX_DEPTH { Err(self.syntax("nested deeper than 128 levels")) } else { Ok(()) }
    }

    fn expect(&mut self, open: u8, kind: JsonKind) -> Result<(), ReadError> {
        let found = self.kind()?;
        if found != kind {
            return Err(self.shape(&format!("expected {}, found {}", kind.words(), found.words())));
        }
        debug_assert_eq!(self.window().as_bytes().first(), Some(&open));
        self.consume(1);
        Ok(())
    }

    fn window(&self) -> &str {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            self.start = scan::blanks_end(self.text.as_bytes(), self.start);
            if let Some(&byte) = self.text.as_bytes().get(self.start) {
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
        while self.window().is_empty() && !self.eof {
            if self.broken.is_some() {
                return Err(self.markup("", "text that is not UTF-8"));
            }
            self.fill()?;
        }
        Ok(self.window().as_bytes())
    }

    /// An error in XML at the present place.
    pub(super) fn markup(&self, path: &str, message: &'static str) -> ReadError {
        ReadError::Markup { line: self.line_at(0), column: self.column_at(0), path: path.to_owned(), message }
    }

    /// An error about the XML element at the present place.
    pub(super) fn misfit(&self, path: &str, message: &str) -> ReadError {
        let (line, column) = (self.line_at(0), self.column_at(0));
        ReadError::Shape { line, column, path: path.to_owned(), message: message.to_owned() }
    }

    /// Leaves `n` bytes behind.
    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
    }

    /// Reads more into the window, forgetting what was consumed. The window grows to twice its size at least.
    fn fill(&mut self) -> Result<(), ReadError> {
        if let Some(broken) = &self.broken {
            let message = if broken.cut { CUT } else { "text that is not UTF-8" };
            return Err(self.syntax_at(self.window().len(), message));
        }
        self.count_lines();
        self.text.drain(..self.start);
        (self.start, self.counted) = (0, 0);
        if self.text.len() >= MAX_VALUE {
            return Err(ReadError::TooLarge {
                what: "one value of the file",
                limit: MAX_VALUE as u64,
                flag: "fixed",
            });
        }
        let enough = (self.text.len() * 2).max(WINDOW);
        while self.text.len() < enough && !self.eof && self.broken.is_none() {
            match self.input.append(&mut self.text)? {
                More::Text => {}
                More::Broken(broken) => self.broken = Some(broken),
                More::End => self.eof = true,
            }
        }
        Ok(())
    }

    /// Counts the lines that were consumed.
    fn count_lines(&mut self) {
        (self.line, self.column) = (self.line_at(0), self.column_at(0) - 1);
        self.counted = self.start;
    }

    /// Text between the byte whose line is known and the one that is `ahead` in the window.
    fn uncounted(&self, ahead: usize) -> &[u8] {
        self.text.as_bytes().get(self.counted..self.start + ahead).unwrap_or_default()
    }

    fn line_at(&self, ahead: usize) -> u64 {
        self.line + memchr::memchr_iter(b'\n', self.uncounted(ahead)).count() as u64
    }

    fn column_at(&self, ahead: usize) -> u64 {
        let before = self.uncounted(ahead);
        match memchr::memrchr(b'\n', before) {
            Some(at) => (before.len() - at) as u64,
            None => self.column + before.len() as u64 + 1,
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
        self.syntax(CUT)
    }

    fn truncated_value(&self, ahead: usize) -> ReadError {
        self.syntax_at(ahead, CUT)
    }

    /// A fault with its place in the file, and without any value of the file.
    fn explain(&self, fault: &JsonError, read: usize) -> ReadError {
        // The column of the last byte that was read, not of the next.
        let last = fault.at(read).saturating_sub(1);
        let (line, column) = (self.line_at(last), self.column_at(last));
        let message = without_type_name(without_values(&fault.to_string()));
        let path = self.path_text();
        if fault.kind() == JsonErrorKind::Shape {
            ReadError::Shape { line, column, path, message }
        } else {
            ReadError::Syntax { line, column, path, message }
        }
    }
}

/// A line of a JSON-lines file that still lies in the window.
pub struct JsonLine<'j> {
    json: &'j mut Json,
    length: usize,
}

impl JsonLine<'_> {
    /// Leaves the line behind as text of no format.
    pub fn skip(self) -> Result<(), ReadError> {
        self.json.consume(self.length);
        Ok(())
    }

    /// Hands the line over as text, without its end, then leaves it behind.
    pub fn text<R>(self, then: impl FnOnce(&str) -> R) -> Result<R, ReadError> {
        let line = self.json.window().get(..self.length).unwrap_or_default();
        let result = then(line.trim_end_matches('\r'));
        self.json.consume(self.length);
        Ok(result)
    }

    /// Deserialises the line as one JSON value with nothing after it, then leaves it behind.
    pub fn with_value<S: BorrowedShape, R>(self, then: impl FnOnce(S::As<'_>) -> R) -> Result<R, ReadError> {
        let line = self.json.window().get(..self.length).unwrap_or_default();
        let mut parser = JsonParser::new(line, 0);
        let value = S::As::deserialize(&mut parser);
        let read = value.and_then(|value| parser.end().map(|()| value)).map(then);
        let used = parser.at;
        match read {
            Ok(result) => {
                self.json.consume(self.length);
                Ok(result)
            }
            Err(fault) if fault.kind() == JsonErrorKind::End => Err(self.json.truncated_value(self.length)),
            Err(fault) => Err(self.json.explain(&fault, used)),
        }
    }
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

/// `serde` names the type that it expected, which says something about this code and nothing about the report.
fn without_type_name(message: String) -> String {
    match message.split_once(", expected struct ") {
        Some((found, _)) => format!("{found}, expected an object"),
        None => message,
    }
}

#[cfg(test)]
mod tests;

//! Text from a report, made inert once, on the way in.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use super::address::without_credentials;

/// Longest text kept of a report, in characters. Titles of real scanners stay below 300.
const MAX_CHARS: usize = 500;

/// Text that holds no control character, no invisible or direction-changing character, and is not overlong.
///
/// What was there stays visible: such a character is written as `\u{202e}`. Markup is the outputs' business.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text(#[serde(serialize_with = "as_str")] SmolStr);

fn as_str<S: Serializer>(text: &SmolStr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Text {
    /// The first line that is not blank, cleaned and cut to 500 characters.
    pub fn line(raw: &str) -> Self {
        Self(clean_line(raw).into())
    }

    /// Everything, cleaned, uncut: for identities such as paths and ids, where a cut would merge two of them.
    pub fn whole(raw: &str) -> Self {
        Self(clean(&without_credentials(raw)).into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text that was written down is made inert again: a file may have been changed since.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|raw| Self::whole(&raw))
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Characters that can hide, reorder or act: controls (C0, DEL, C1), line and paragraph separators, zero-width
/// and direction marks, bidirectional embeddings, overrides and isolates, tags, the byte-order mark, variation
/// selectors, interlinear annotation and what XML cannot hold (Unicode UAX #9, and the list of "Trojan Source", 2021).
const fn acts(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// True if every byte is printable ASCII, which never acts. Looks at all of them without a branch, so that it runs
/// on many bytes at once: nearly every text of a report passes here.
fn plain(raw: &str) -> bool {
    raw.bytes().fold(true, |plain, b| plain & matches!(b, 0x20..=0x7e))
}

/// Writes characters that could act on a terminal, a log or a reader's eye as `\u{…}`.
pub fn clean(raw: &str) -> Cow<'_, str> {
    if plain(raw) || !raw.chars().any(acts) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 8);
    for c in raw.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            c if acts(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// [`clean`] of the first line that is not blank, without the credentials of addresses in it, cut to 500 characters
/// with `…`.
pub fn clean_line(raw: &str) -> Cow<'_, str> {
    if raw.len() <= MAX_CHARS && plain(raw) {
        return without_credentials(raw.trim_ascii());
    }
    // Before it is cut: half an address does not show where its password ends.
    match without_credentials(first_line(raw)) {
        Cow::Borrowed(line) => short(line),
        Cow::Owned(line) => Cow::Owned(short(&line).into_owned()),
    }
}

/// [`clean`] of one line, cut to 500 characters with `…`.
fn short(line: &str) -> Cow<'_, str> {
    // Of printable ASCII every byte is a character.
    if let Some(cut) = line.get(..MAX_CHARS).filter(|_| plain(line)) {
        return if cut.len() == line.len() { Cow::Borrowed(line) } else { Cow::Owned(format!("{cut}…")) };
    }
    let text = clean(line);
    if text.len() <= MAX_CHARS {
        return text;
    }
    match text.char_indices().nth(MAX_CHARS) {
        None => text,
        Some((at, _)) => {
            let mut cut = text.into_owned();
            cut.truncate(at);
            cut.push('…');
            Cow::Owned(cut)
        }
    }
}

/// `1 finding`, `2 findings`, `2 pieces of evidence`.
pub fn plural(n: u64, noun: &str) -> String {
    match (n, noun.split_once(" of ")) {
        (1, _) => format!("1 {noun}"),
        (n, Some((head, tail))) => format!("{n} {head}s of {tail}"),
        (n, None) => format!("{n} {noun}s"),
    }
}

/// The first line that is not blank, without blanks around it.
fn first_line(raw: &str) -> &str {
    let mut start = 0;
    for end in memchr::memchr2_iter(b'\n', b'\r', raw.as_bytes()).chain([raw.len()]) {
        let line = raw.get(start..end).unwrap_or_default().trim();
        if !line.is_empty() {
            return line;
        }
        start = end + 1;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_not_done() {
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clean("x\u{202e}y\u{2028}z\u{85}"), "x\\u{202e}y\\u{2028}z\\u{85}");
        assert_eq!(clean("plain é ü 漢"), "plain é ü 漢");
        assert_eq!(clean("\u{ffff}\u{fffd}"), "\\u{ffff}\u{fffd}");
    }

    #[test]
    fn a_title_is_one_line_and_not_overlong() {
        assert_eq!(clean_line("\n\n  first \nsecond"), "first");
        assert_eq!(clean_line("\r[PASS] forged\nx"), "[PASS] forged");
        let long = "é".repeat(600);
        assert_eq!(clean_line(&long).chars().count(), 501);
        let line = "a".repeat(500);
        assert_eq!(clean_line(&format!("\n {line} \r\n")), line);
        assert_eq!(clean_line(&format!("\r\n{line}b\nc")), format!("{line}…"));
        assert_eq!(clean_line(" \n\u{a0}\r "), "");
    }
}

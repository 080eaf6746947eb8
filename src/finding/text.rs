//! Text from a report, made inert once, on the way in.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use super::token::without_tokens;
use super::url::without_credentials;

/// Longest text kept of a report, in characters. Titles of real scanners stay below 300.
const MAX_CHARS: usize = 500;

/// Text that holds no control character, no invisible or direction-changing character, and is not overlong.
///
/// The original stays visible: such a character is written as `\u{202e}`. Markup is the outputs' business.
///
/// Where a text holds the value of a secret, it is told with the value masked, and only matching sees the real one:
/// whatever shows, formats or serialises a text gets what may be told.
#[derive(Clone, Default)]
pub struct Text {
    real: SmolStr,
    /// Text told instead, where the real one holds the value of a secret.
    told: Option<Box<SmolStr>>,
}

impl Text {
    /// The first line that is not blank, cleaned and cut to 500 characters.
    pub fn line(raw: &str) -> Self {
        Self::telling(inert_line(raw))
    }

    /// Everything, cleaned, uncut: for identities such as paths and ids, where a cut would merge two of them.
    pub fn whole(raw: &str) -> Self {
        let text = without_credentials(raw);
        // In a name a line break is no blank.
        if text.contains(['\n', '\r', '\t']) {
            let shown = |c: char| {
                if matches!(c, '\n' | '\r' | '\t') {
                    format!("\\u{{{:x}}}", u32::from(c))
                } else {
                    c.to_string()
                }
            };
            let escaped: String = text.chars().map(shown).collect();
            return Self::telling(inert(&escaped));
        }
        Self::telling(inert(&text))
    }

    /// A text of which all is told that does not look like a credential.
    fn telling(real: Cow<'_, str>) -> Self {
        let told = match without_tokens(Cow::Borrowed(&real)) {
            Cow::Borrowed(_) => None,
            Cow::Owned(told) => Some(Box::new(told.into())),
        };
        Self { real: real.into(), told }
    }

    /// The same with nothing masked: to be compared, never to be shown.
    pub(super) fn unmasked(&self) -> Self {
        Self { real: self.real.clone(), told: None }
    }

    /// A text that is compared to the last sign, blanks and signs that nobody sees among them; told it is like any other.
    pub fn exact(raw: &str) -> Self {
        let told = clean(&without_credentials(raw)).into_owned();
        Self { real: raw.into(), told: (told != raw).then(|| Box::new(told.into())) }
    }

    /// Text that may be told.
    pub fn as_str(&self) -> &str {
        self.told.as_deref().unwrap_or(&self.real)
    }

    /// Text that it is compared by. It may hold the value of a secret and is never shown.
    pub fn real(&self) -> &str {
        &self.real
    }

    /// True if something of it is not told.
    pub fn is_masked(&self) -> bool {
        self.told.is_some()
    }

    /// From now on tells these words in its place, made of [`Self::as_str`].
    pub fn tell(&mut self, words: &str) {
        if words != self.as_str() {
            self.told = Some(Box::new(clean(words).into()));
        }
    }

    /// True if nothing is left.
    pub fn is_empty(&self) -> bool {
        self.real.is_empty()
    }
}

/// Texts are the same where they are really the same, however they are told.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.real == other.real
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.real.cmp(&other.real)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.real.hash(state);
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Text that was written down is made inert again: a file may have been changed since.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|raw| Self::whole(&raw))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Characters that can hide, reorder or act, after the Unicode Character Database 17.0: controls, separators of lines
/// and paragraphs, every blank but the space (`UnicodeData.txt`: Cc, Zl, Zp, Zs), format characters (Cf), what is
/// ignored where a font has no glyph (`DerivedCoreProperties.txt`: `Default_Ignorable_Code_Point`), signs that are
/// drawn as nothing (braille blank, null notehead, Khitan filler, object replacement) and noncharacters, of which XML
/// can hold none.
const fn acts(c: char) -> bool {
    is_control_or_blank(c) || is_format(c) || is_ignorable(c) || is_drawn_blank(c) || is_noncharacter(c)
}

/// Cc, Zl, Zp and Zs, but for the space.
const fn is_control_or_blank(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
        | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Cf.
const fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

/// `Default_Ignorable_Code_Point`.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Signs without ink that no property tells.
const fn is_drawn_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{fffc}' | '\u{16fe4}' | '\u{1d159}')
}

const fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || c as u32 & 0xfffe == 0xfffe
}

/// Beginnings of commands that runners of CI look for anywhere in a line (GitHub's older parser, Azure, `TeamCity`) or
/// fold logs by (GitLab, Travis).
const COMMANDS: [&str; 6] =
    ["##[", "##vso[", "##teamcity[", "section_start:", "section_end:", "travis_fold:"];

/// True if a text holds none of the [`COMMANDS`].
fn commands_nothing(raw: &str) -> bool {
    let holds = |needle: &str| memchr::memmem::find(raw.as_bytes(), needle.as_bytes()).is_some();
    !(memchr::memchr(b'#', raw.as_bytes()).is_some() && holds("##"))
        && (memchr::memchr(b'_', raw.as_bytes()).is_none() || !holds("section_") && !holds("travis_fold"))
}

/// The text with the last sign of such beginnings written as `\u{…}`, so that no runner obeys.
fn without_commands(text: Cow<'_, str>) -> Cow<'_, str> {
    if commands_nothing(&text) {
        return text;
    }
    let broken = COMMANDS.iter().fold(text.clone(), |text, command| {
        let Some((name, sign)) =
            command.char_indices().next_back().and_then(|(at, c)| Some((command.get(..at)?, c)))
        else {
            return text;
        };
        // Runners compare without letter case.
        let lower = text.to_ascii_lowercase();
        if !lower.contains(command) {
            return text;
        }
        let mut out = String::with_capacity(text.len() + 8);
        let mut done = 0;
        for (at, _) in lower.match_indices(command) {
            out.push_str(text.get(done..at + name.len()).unwrap_or_default());
            let _ = write!(out, "\\u{{{:x}}}", u32::from(sign));
            done = at + command.len();
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(out)
    });
    Cow::Owned(broken.into_owned())
}

/// A line of a log, in which no runner of CI finds a command: neither one of those, nor GitHub's `::` at its beginning,
/// behind blanks or colours.
pub fn log_line(line: &str) -> Cow<'_, str> {
    let line = without_commands(Cow::Borrowed(line));
    let mut rest = line.trim_start();
    while let Some(behind) = rest.strip_prefix("\u{1b}[").and_then(behind_sequence) {
        rest = behind.trim_start();
    }
    let at = line.len() - rest.len();
    match rest.strip_prefix("::") {
        Some(behind) => Cow::Owned(format!("{}:\\u{{3a}}{behind}", line.get(..at).unwrap_or_default())),
        None => line,
    }
}

/// Rest of a control sequence of a terminal (ECMA-48, 5.4): parameters, then one byte that ends it.
fn behind_sequence(rest: &str) -> Option<&str> {
    rest.trim_start_matches(|c| (' '..='?').contains(&c)).strip_prefix(|c| ('@'..='~').contains(&c))
}

/// True if every byte is printable ASCII, which never acts. Looks at all of them without a branch, so that it runs
/// on many bytes at once: nearly every text of a report passes here.
fn plain(raw: &str) -> bool {
    raw.bytes().fold(true, |plain, b| plain & matches!(b, 0x20..=0x7e))
}

/// Writes characters that could act on a terminal, a log or a reader's eye as `\u{…}`, and masks what looks like a
/// credential.
pub fn clean(raw: &str) -> Cow<'_, str> {
    without_tokens(inert(raw))
}

/// [`clean`] with nothing masked.
fn inert(raw: &str) -> Cow<'_, str> {
    if plain(raw) || !raw.chars().any(acts) {
        return without_commands(Cow::Borrowed(raw));
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
    without_commands(Cow::Owned(out))
}

/// [`clean`] of the first line that is not blank, without the credentials of addresses in it, cut to 500 characters
/// with `…`.
pub fn clean_line(raw: &str) -> Cow<'_, str> {
    without_tokens(inert_line(raw))
}

/// [`clean_line`] with nothing masked but in addresses.
fn inert_line(raw: &str) -> Cow<'_, str> {
    if raw.len() <= MAX_CHARS && plain(raw) && commands_nothing(raw) {
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
    if let Some(cut) = line.get(..MAX_CHARS).filter(|_| plain(line) && commands_nothing(line)) {
        return if cut.len() == line.len() { Cow::Borrowed(line) } else { Cow::Owned(format!("{cut}…")) };
    }
    let text = inert(line);
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

/// `1 finding`, `2 findings`, `2 pieces of evidence`, `2 advisories`.
pub fn plural(n: u64, noun: &str) -> String {
    if n == 1 {
        return format!("1 {noun}");
    }
    let (head, tail) = noun.find(" of ").map_or((noun, ""), |at| noun.split_at(at));
    match head.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{n} {stem}ies{tail}"),
        None => format!("{n} {head}s{tail}"),
    }
}

/// The first line that is not blank, without blanks around it.
fn first_line(raw: &str) -> &str {
    let mut start = 0;
    for end in memchr::memchr2_iter(b'\n', b'\r', raw.as_bytes()).chain([raw.len()]) {
        // Other blanks than these are shown, so that no two names become one.
        let line = raw.get(start..end).unwrap_or_default().trim_matches([' ', '\t']);
        if !line.trim().is_empty() {
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
    fn no_sign_makes_two_names_one() {
        let signs = [
            '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{a0}', '\u{2028}', '\u{2029}',
            '\u{3164}',
        ];
        for sign in signs {
            for name in [format!("a{sign}"), format!("{sign}a"), format!("a{sign}b")] {
                for text in [Text::line(&name), Text::whole(&name)] {
                    assert!(text.as_str().contains("\\u{") && !text.real().contains(sign), "{name:?}");
                }
            }
        }
        for sign in ['\n', '\r', '\t'] {
            assert_ne!(Text::whole(&format!("a{sign}b")), Text::whole("a b"));
        }
    }

    #[test]
    fn what_acts_is_shown_not_done() {
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clean("x\u{202e}y\u{2028}z\u{85}"), "x\\u{202e}y\\u{2028}z\\u{85}");
        assert_eq!(clean("plain é ü 漢"), "plain é ü 漢");
        assert_eq!(clean("\u{ffff}\u{fffd}"), "\\u{ffff}\u{fffd}");
    }

    #[test]
    fn what_looks_like_nothing_is_shown() {
        for c in "\u{3164}\u{34f}\u{2800}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180f}\u{ffa0}\u{e0041}\u{fe0f}\u{ad}\u{a0}\u{3000}\u{6dd}\u{1d159}\u{1fffe}".chars() {
            assert_eq!(clean(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    /// What the Unicode Character Database says, in the tables that `regex-syntax` is built from.
    fn of_unicode(class: &str) -> Vec<std::ops::RangeInclusive<char>> {
        match regex_syntax::parse(class).unwrap().into_kind() {
            regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
                class.iter().map(|range| range.start()..=range.end()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_tables_are_those_of_unicode() {
        for (class, ours) in [
            (r"[\p{Cc}\p{Zs}\p{Zl}\p{Zp}--\x20]", is_control_or_blank as fn(char) -> bool),
            (r"[\p{Cf}]", is_format),
            (r"[\p{Default_Ignorable_Code_Point}]", is_ignorable),
            (r"[\p{Noncharacter_Code_Point}]", is_noncharacter),
        ] {
            let ranges = of_unicode(class);
            let differ: Vec<char> = ('\0'..=char::MAX)
                .filter(|c| ours(*c) != ranges.iter().any(|range| range.contains(c)))
                .collect();
            assert!(differ.is_empty(), "{class}: {differ:?}");
            assert!(ranges.iter().all(|range| acts(*range.start()) && acts(*range.end())), "{class}");
        }
    }

    #[test]
    fn no_runner_finds_a_command() {
        for (raw, is) in [
            ("x ##[error]y", "x ##\\u{5b}error]y"),
            ("##VSO[task.complete]", "##VSO\\u{5b}task.complete]"),
            ("é section_start:1:a", "é section_start\\u{3a}1:a"),
            ("## heading [x] section_a", "## heading [x] section_a"),
        ] {
            assert_eq!(clean(raw), is);
            assert_eq!(clean_line(raw), is);
            assert_eq!(clean(is), is, "twice is once");
        }
        assert_eq!(log_line("  \u{1b}[31m ::stop-commands::x"), "  \u{1b}[31m :\\u{3a}stop-commands::x");
        assert_eq!(log_line("\r\u{1b}[K\u{1b}[2;1H::error::x"), "\r\u{1b}[K\u{1b}[2;1H:\\u{3a}error::x");
        assert_eq!(log_line("a ::b"), "a ::b");
        assert_eq!(log_line("\t##[group]"), "\t##\\u{5b}group]");
    }

    #[test]
    fn an_exact_text_is_compared_as_it_is_and_told_as_any_other() {
        let name = Text::exact("Acme\u{200b}\nEvil");
        assert_eq!((name.real(), name.as_str()), ("Acme\u{200b}\nEvil", "Acme\\u{200b} Evil"));
        assert_ne!(name, Text::line("Acme"));
        assert_eq!(Text::exact("Acme"), Text::line("Acme"));
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

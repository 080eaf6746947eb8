//! Parts shared by the readers of secret scanners: a finding about a credential, made without a trace of its value.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::json::Json;
use super::reading::ReportContext;
use super::{ProblemKind, ReadError, Reading};
use crate::finding::{Category, Finding, FingerprintBuilder, Location, SecretDigest, Severity, Text, clean};

/// Placeholder for a value.
pub(super) const MASK: &str = "***";

/// Use of hard-coded credentials.
const HARDCODED_CREDENTIALS: u32 = 798;

/// A credential, as one entry of a report says it. `values` and `text` end here.
#[derive(Default)]
pub(super) struct Leak<'a> {
    /// The scanner.
    pub(super) tool: &'a str,
    /// Id of the rule, or name of the detector.
    pub(super) rule: &'a str,
    /// Title of the rule; the rule's id stands in where this is empty.
    pub(super) title: &'a str,
    /// The file, as the scanner writes it; empty where there is none.
    pub(super) path: &'a str,
    /// First and last line.
    pub(super) lines: (Option<u32>, Option<u32>),
    /// The value, in every form that the report has of it.
    pub(super) values: &'a [&'a str],
    /// The line or match that holds the value, where the report has it.
    pub(super) text: &'a str,
}

impl Leak<'_> {
    /// The finding; critical, unless the caller knows better.
    pub(super) fn finding(&self, around: ReportContext<'_>) -> Finding {
        let mut finding = Finding::new(Category::Secret, self.tool, self.rule, Severity::Critical);
        finding.cwes = vec![HARDCODED_CREDENTIALS];
        let title = [self.title, self.rule].into_iter().find(|t| !t.trim().is_empty()).unwrap_or("Secret");
        finding.title = Text::line(&masked(title, self.values));
        let value = self.values.iter().map(|v| v.trim()).find(|v| is_whole(v));
        finding.mark = value.map(SecretDigest::of_value);
        finding.trace = value.and_then(|value| Some(around.key?.trace(value)));
        finding.location = Location::new(self.path, self.lines.0, self.lines.1, around.roots);
        let id = FingerprintBuilder::new("secret").part(finding.rule_id.as_str());
        let name = self.values.iter().find_map(|value| name_before(self.text, value));
        finding.identify(match name {
            Some(name) => id.part(name),
            None => id,
        });
        if let Some(values) = around.values {
            // A report that masks the value and not its line gives it away all the same.
            let given = if value.is_none() { values_given(self.text) } else { Vec::new() };
            values.of_finding(&[self.values, &given].concat());
        }
        finding
    }
}

/// Values of secrets, in every form in which a text may hold them. They are never shown.
#[derive(Default)]
pub(super) struct SecretValues {
    /// Those of the whole report.
    all: RefCell<BTreeSet<String>>,
    /// Those of the finding that is handed over next.
    last: RefCell<BTreeSet<String>>,
}

/// Values that any text may hold, by how they begin: reports have many, and a text is gone through once.
#[derive(Default)]
struct KnownValues {
    by_start: HashMap<[u8; SHORTEST], Vec<String>>,
    /// A bit for some of the beginnings each; of nearly every place of a text nothing else is looked at.
    may_begin: Vec<u64>,
}

/// Shortest value that is looked for in other findings; shorter ones are parts of common words.
const SHORTEST: usize = 6;

impl KnownValues {
    fn new(values: &BTreeSet<String>) -> Self {
        let mut by_start: HashMap<[u8; SHORTEST], Vec<String>> = HashMap::new();
        // Sixteen bits a value, in a power of two of words.
        let mut may_begin = vec![0; (values.len() / 4).next_power_of_two().clamp(64, 1 << 16)];
        for value in values {
            if let Some(start) = value.as_bytes().first_chunk::<SHORTEST>() {
                let bit = Self::bit(*start, may_begin.len());
                if let Some(bits) = may_begin.get_mut(bit / 64) {
                    *bits |= 1_u64 << (bit % 64);
                }
                by_start.entry(*start).or_default().push(value.clone());
            }
        }
        // The longest first: one value may be the beginning of another.
        #[expect(clippy::iter_over_hash_type, reason = "each is sorted by itself")]
        for values in by_start.values_mut() {
            values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        }
        Self { by_start, may_begin }
    }

    /// The bit of a beginning, in `words` words of 64.
    fn bit(start: [u8; SHORTEST], words: usize) -> usize {
        let number = start.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The highest bits are those that all bytes went into.
        usize::try_from(mixed >> 40).unwrap_or_default() & (words * 64 - 1)
    }

    /// The text without the values; none where it holds none.
    fn masked(&self, text: &str) -> Option<String> {
        let at = |at: usize| {
            let rest = text.as_bytes().get(at..)?;
            let start = rest.first_chunk::<SHORTEST>()?;
            let bit = Self::bit(*start, self.may_begin.len());
            self.may_begin.get(bit / 64).filter(|bits| **bits >> (bit % 64) & 1 == 1)?;
            let values = self.by_start.get(start)?;
            values.iter().find(|value| rest.starts_with(value.as_bytes())).map(String::len)
        };
        let (mut out, mut done, mut next) = (String::new(), 0, 0);
        while next < text.len() {
            let Some(length) = at(next) else {
                next += 1;
                continue;
            };
            out.push_str(text.get(done..next)?);
            out.push_str(MASK);
            next += length;
            done = next;
        }
        (done > 0).then(|| out + text.get(done..).unwrap_or_default())
    }
}

/// Values of secrets in all reports of a run, each of which another finding or report may hold. They are never shown.
#[derive(Clone, Default)]
pub struct HeldValues(Arc<Mutex<BTreeSet<String>>>);

impl HeldValues {
    fn hold(&self, mut values: BTreeSet<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut values);
    }

    /// Mask for them, once all reports are read; none where there are none.
    pub fn mask(&self) -> Option<ValueMask> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!values.is_empty()).then(|| ValueMask(KnownValues::new(&values)))
    }
}

impl fmt::Debug for HeldValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldValues(…)")
    }
}

/// Masks values of secrets in what is told of other findings than their own.
pub struct ValueMask(KnownValues);

impl ValueMask {
    /// A text without them; `None` if it holds none.
    pub fn masked(&self, text: &str) -> Option<String> {
        self.0.masked(text)
    }

    /// Lets texts be told without them.
    pub fn mask<'t>(&self, texts: impl IntoIterator<Item = &'t mut Text>) {
        for text in texts {
            if let Some(told) = self.masked(text.as_str()) {
                text.tell(&told);
            }
        }
    }
}

impl SecretValues {
    /// Holds the values back from all that is told of the run.
    pub(super) fn hold_back(self, held: &HeldValues) {
        held.hold(self.all.into_inner());
    }

    /// Takes the values of the finding that is handed over next.
    pub(super) fn of_finding(&self, values: &[&str]) {
        let last = forms(values);
        self.all.borrow_mut().extend(last.iter().cloned());
        *self.last.borrow_mut() = last;
    }

    /// Lets the finding that is handed over be told without its values; what it is compared by stays.
    pub(super) fn mask_finding(&self, finding: &mut Finding) {
        let last = std::mem::take(&mut *self.last.borrow_mut());
        if !last.is_empty() {
            finding.texts().for_each(|text| mask(&last, text));
        }
    }

    /// True if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Lets a text be told without the values.
    pub(super) fn mask(&self, text: &mut Text) {
        mask(&self.all.borrow(), text);
    }
}

/// Values in every form in which a text may hold them; what is too short to be one would mask letters of other words.
fn forms(values: &[&str]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for value in values.iter().map(|value| value.trim()).filter(|value| value.len() >= 4) {
        // A text is cleaned, is a path with `/` only, or an address; and of several lines it may hold one.
        all.insert(value.to_owned());
        if !value.bytes().all(is_unreserved) {
            all.extend([clean(value).into_owned(), value.replace('\\', "/"), escaped(value)]);
        }
        // Of one line it is the whole.
        let lines = value.lines().filter(|line| line.len() < value.len());
        all.extend(lines.map(|line| line.trim().to_owned()).filter(|line| line.len() >= 8));
    }
    all
}

fn mask(all: &BTreeSet<String>, text: &mut Text) {
    let mut values: Vec<&str> = all.iter().map(String::as_str).collect();
    values.retain(|value| find(text.as_str(), value).is_some());
    if !values.is_empty() {
        // The longest first: one value may be part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let told = masked(text.as_str(), &values).into_owned();
        text.tell(&told);
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValues(…)")
    }
}

/// True of a byte that stands as it is in an address (RFC 3986, 2.3).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// A value as it stands in an address (RFC 3986).
fn escaped(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Words that scanners put in a value's place.
const MASK_WORDS: [&str; 24] = [
    "redacted",
    "masked",
    "hidden",
    "filtered",
    "removed",
    "secret",
    "secrets",
    "value",
    "censored",
    "withheld",
    "obfuscated",
    "omitted",
    "stripped",
    "scrubbed",
    "sanitized",
    "sanitised",
    "placeholder",
    "protected",
    "concealed",
    "null",
    "none",
    "undefined",
    "unknown",
    "password",
];

/// True for what has no letter and no digit, for nothing but words that stand for a value, for words in brackets, and for
/// one sign four times and more.
fn is_placeholder(value: &str) -> bool {
    let words = || value.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mask = |word: &str| MASK_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    let bracketed = [('<', '>'), ('[', ']'), ('(', ')'), ('{', '}')]
        .iter()
        .any(|(open, close)| value.starts_with(*open) && value.ends_with(*close));
    let letters = |word: &str| word.chars().all(char::is_alphabetic);
    let first = value.chars().next();
    let repeated = value.chars().count() >= 4 && value.chars().all(|c| Some(c) == first);
    repeated || words().all(mask) || bracketed && words().all(letters)
}

/// True if four of the same sign that is neither letter nor digit follow each other, as in `sk-••••••`. Lines are drawn so,
/// in keys, by `-` and `=`.
fn has_mask_run(value: &str) -> bool {
    let mut run = (0, ' ');
    value.chars().any(|c| {
        run = if c == run.1 { (run.0 + 1, c) } else { (1, c) };
        run.0 >= 4 && !c.is_alphanumeric() && !matches!(c, '-' | '=' | ' ')
    })
}

/// False for what scanners put in a value's place: two redacted values are not the same value.
fn is_whole(value: &str) -> bool {
    if is_placeholder(value) || has_mask_run(value) {
        return false;
    }
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let sign = match first {
            b'*' => "**",
            b'.' => "..",
            b'x' => "xxx",
            b'X' => "XXX",
            b'R' => "REDACTED",
            b'r' => "redacted",
            0xe2 => "…",
            _ => "",
        };
        if !sign.is_empty() && rest.starts_with(sign.as_bytes()) {
            return false;
        }
        rest = after;
    }
    value.len() >= 4
}

/// Where a value begins in a text. To prepare a search costs more than to search a line.
fn find(text: &str, value: &str) -> Option<usize> {
    let (text, value) = (text.as_bytes(), value.as_bytes());
    let Some(&first) = value.first().filter(|_| text.len() <= 1024) else {
        return memchr::memmem::find(text, value);
    };
    let last = text.len().checked_sub(value.len())?;
    let heads = text.get(..=last)?;
    memchr::memchr_iter(first, heads).find(|&at| text.get(at..).is_some_and(|t| t.starts_with(value)))
}

/// The text without any of the values.
pub(super) fn masked<'t>(text: &'t str, values: &[&str]) -> Cow<'t, str> {
    let values = values.iter().map(|v| v.trim()).filter(|v| !v.is_empty());
    values.fold(Cow::Borrowed(text), |text, value| {
        if find(&text, value).is_some() { Cow::Owned(text.replace(value, MASK)) } else { text }
    })
}

/// Of a line with the value masked, the name that the value is given to: `AWS_KEY` of `AWS_KEY = "…"`.
///
/// Nothing else of the line goes into a fingerprint: it may hold a second secret, whose hash among few guesses
/// would tell it. A name has no digit, because a value before a colon would look like one.
fn name_before<'t>(text: &'t str, value: &str) -> Option<&'t str> {
    let value = Some(value.trim()).filter(|v| !v.is_empty())?;
    let before = text.get(..find(text, value)?)?;
    let before = before.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = before.rsplit(|c: char| !in_name(c)).next().unwrap_or_default();
    Some(if name.len() > 40 || name.contains(|c: char| c.is_ascii_digit()) { "" } else { name })
}

/// Of a line with no value masked, what may be values: words behind its first `=` or `:`, and what these join.
fn values_given(text: &str) -> Vec<&str> {
    let Some((_, rest)) = text.split_once(['=', ':']) else { return Vec::new() };
    let between =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '<' | '>');
    let joined =
        rest.split(between).flat_map(|word| std::iter::once(word).chain(word.split(['=', ':', '@', '&'])));
    let mut values: Vec<&str> = joined.filter(|word| word.len() >= SHORTEST && is_whole(word)).collect();
    values.dedup();
    values
}

/// A message of a log without what may hold a credential: addresses with a user, and long words with digits.
pub(super) fn without_credentials(message: &str) -> String {
    let risky = |word: &str| {
        word.contains('@')
            || word.contains("://")
            || word.len() >= 16 && word.bytes().any(|b| b.is_ascii_digit())
    };
    let words: Vec<&str> = message.split_whitespace().map(|w| if risky(w) { "***" } else { w }).collect();
    words.join(" ")
}

/// Skips the value of a key that the format does not have. Objects in a list there may be findings under a
/// changed name.
pub(super) fn unknown(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.skip_and_see_objects()? {
        let message = format!(
            "`{}` is a list that this format does not have; what it holds was not read",
            json.path_text()
        );
        reading.problem(ProblemKind::Scan, &message, None);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_only_the_name_before_the_value_is_used() {
        for (text, name) in [
            ("export AWS_KEY=\"v4lue\"", Some("AWS_KEY")),
            ("password=hunter2 key: 'v4lue' # prod", Some("key")),
            ("connect(\"v4lue\")", Some("connect")),
            ("login:hunter2:v4lue", Some("")),
            ("v4lue", Some("")),
            ("- v4lue", Some("")),
            ("é=v4lue", Some("")),
            ("no such thing", None),
        ] {
            assert_eq!(name_before(text, "v4lue"), name, "{text}");
        }
        assert_eq!(name_before("a = b", ""), None);
        assert_eq!(name_before("a = b", " "), None);
    }

    #[test]
    fn values_are_found_as_a_library_finds_them() {
        let letters = ["a", "b", "é"];
        let texts = (0..3_usize.pow(6)).map(|n| (0..6).map(|at| letters[n / 3_usize.pow(at) % 3]).collect());
        for text in texts.collect::<Vec<String>>() {
            for value in ["a", "ab", "aab", "éa", "bbbbbb", "abababab"] {
                assert_eq!(find(&text, value), text.find(value), "{text} {value}");
                let long = format!("{}{text}", "c".repeat(2000));
                assert_eq!(find(&long, value), long.find(value), "{text} {value}");
            }
        }
    }

    #[test]
    fn redacted_values_are_not_compared() {
        for value in ["abc", "ab**c", "a..b", "abc…", "REDACTED", "a-redacted", "axxxb", "XXXX"] {
            assert!(!is_whole(value), "{value}");
        }
        let placeholders = [
            "(hidden)",
            "<my secret>",
            "[FILTERED]",
            "•••••",
            "████",
            "sk-••••",
            "__MASKED__",
            "null",
            "SECRET",
            "%%%%%",
            "$(####)",
            "<hidden>",
            "___",
            "[ removed ]",
            "{{value}}",
            "aaaa",
            "00000000",
            "removed",
            "censored",
            "(value hidden)",
            "[MASKED]",
        ];
        for value in placeholders {
            assert!(!is_whole(value), "{value}");
        }
        for value in
            ["hiddenvalue", "secret1", "[a1b2]", "<a,b>c", "-----BEGIN", "dG9rZW4=====", "p@ss!!word"]
        {
            assert!(is_whole(value), "{value}");
        }
        for value in ["abcd", "a*b*", "xxyxx", "XxXx", "REDACTE", "a.b.", "é…".trim_end_matches('…'), "âbcd"]
        {
            assert_eq!(is_whole(value), value.len() >= 4, "{value}");
        }
    }

    #[test]
    fn the_value_leaves_no_trace() {
        let of = |value: &str, line| {
            let text = format!("token = '{value}'");
            let values = [value];
            let leak = Leak {
                rule: "r",
                title: &format!("Found {value}"),
                path: "a.py",
                lines: (Some(line), None),
                ..Leak::default()
            };
            Leak { values: &values, text: &text, ..leak }.finding(ReportContext::default())
        };
        let (one, two) = (of("hunter2", 1), of("REDACTED", 9));
        assert_eq!(one.title.as_str(), "Found ***");
        assert_eq!(one.fingerprint, two.fingerprint);
        assert_eq!((one.severity, one.cwes), (Severity::Critical, vec![798]));
    }

    #[test]
    fn of_a_line_with_nothing_masked_the_values_are_held_back() {
        for (text, values) in [
            ("password=hunter2S3", &["hunter2S3"][..]),
            ("key: 'hunter2S3' # x", &["hunter2S3"]),
            ("db: //u:hunter2S3@h", &["//u:hunter2S3@h", "hunter2S3"]),
            ("password=REDACTED", &[]),
            ("nothing", &[]),
        ] {
            assert_eq!(values_given(text), values, "{text}");
        }
        let values = SecretValues::default();
        let around = ReportContext { values: Some(&values), ..ReportContext::default() };
        let text = "password=hunter2S3";
        let leak =
            Leak { rule: "r", path: "keys/hunter2S3.txt", values: &["REDACTED"], text, ..Leak::default() };
        let mut finding = leak.finding(around);
        values.mask_finding(&mut finding);
        assert_eq!(finding.location.map(|at| at.path.as_str().to_owned()).as_deref(), Some("keys/***.txt"));
    }

    #[test]
    fn a_log_message_holds_no_credential() {
        let message = "cloning https://u:hunter2@host/x failed for ghp_0123456789abcdef";
        assert_eq!(without_credentials(message), "cloning *** failed for ***");
    }
}

//! The first part of a document: enough to tell formats apart by content.

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{JsonKind, JsonParser};
use super::unread;

/// How deep the outline goes.
const LEVELS: u8 = 3;
/// Most keys that are remembered of one object, and of the document itself.
const MAX_KEYS: usize = 64;
const MAX_TOP_KEYS: usize = 1024;
/// Longest text that is remembered of a value.
const MAX_TEXT: usize = 64;
/// First bytes that are remembered.
const HEAD: usize = 512;

/// The outline of a document's first bytes, two levels deep; the step into an array's first element is none.
#[derive(Debug, Default, Clone)]
pub struct Opening {
    /// The document itself: for an object its keys, for an array its first element.
    pub top: Member,
    /// True if the bytes looked at hold the whole file.
    pub whole: bool,
    /// True if the outline was seen to the document's end, so that no key of it is missing.
    pub told: bool,
    /// Of a file that begins like XML: the name of its root element, empty where the bytes ended before it.
    pub root: Option<String>,
    /// The outline ends before its end, for another reason than that the bytes do, or leaves keys out.
    pub partial: bool,
    /// The first non-blank bytes, for saying what a file looks like.
    pub head: Vec<u8>,
}

/// The outline of one value.
#[derive(Debug, Default, Clone)]
pub struct Member {
    /// Its kind; `None` where the bytes ended before.
    pub kind: Option<JsonKind>,
    /// A short string, number or word as text.
    pub text: Option<String>,
    /// Of an object: its members. Of an array: the members of its first element.
    pub members: Vec<(String, Member)>,
    /// Of an array: the kind of its first element.
    pub element: Option<JsonKind>,
    /// Of an array or object: seen to its end.
    pub closed: bool,
}

impl Member {
    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members.iter().find(|(k, _)| k == key).map(|(_, m)| m)
    }

    /// True if there is a member of that name.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// True if there is a member of that name and kind.
    pub fn has_kind(&self, key: &str, kind: JsonKind) -> bool {
        self.get(key).is_some_and(|m| m.kind == Some(kind))
    }

    /// Whether there is a member along these keys, and it is this text where one is given.
    fn shows(&self, keys: &[&str], text: Option<&str>) -> bool {
        let Some((key, rest)) = keys.split_first() else {
            return text.is_none_or(|text| self.text.as_deref() == Some(text));
        };
        self.members.iter().any(|(name, member)| (*key == "*" || name == key) && member.shows(rest, text))
    }

    /// True for `[]`.
    pub fn is_empty_array(&self) -> bool {
        self.kind == Some(JsonKind::Array) && self.closed && self.element.is_none()
    }

    /// True for an array whose first element is an object.
    pub fn lists_objects(&self) -> bool {
        self.kind == Some(JsonKind::Array) && self.element == Some(JsonKind::Object)
    }
}

impl Opening {
    /// Looks at `text`, the first of a file, and at bytes after it that are no text; `whole` says that there is no
    /// more.
    pub fn from_text(text: &str, broken: &[u8], whole: bool) -> Self {
        let mut top = Member::default();
        // A fault only ends the outline: it is found again, and reported, where the value is read.
        let read = Outline { member: &mut top, levels: LEVELS }.deserialize(&mut JsonParser::new(text, 0));
        let told = read.is_ok();
        let partial = read.is_err_and(|fault| !fault.is_cut()) || top.members.len() >= MAX_TOP_KEYS;
        let text = text.trim_ascii_start().as_bytes();
        let root = text.starts_with(b"<").then(|| super::xml::root(text));
        let head = text.iter().chain(broken).take(HEAD).copied().collect();
        Self { top, whole, told, root, partial, head }
    }

    /// The member of that name of a top-level object.
    pub fn get(&self, key: &str) -> Option<&Member> {
        (self.top.kind == Some(JsonKind::Object)).then(|| self.top.get(key)).flatten()
    }

    /// True for a top-level object with a member of that name.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// True for a top-level object.
    pub fn is_object(&self) -> bool {
        self.top.kind == Some(JsonKind::Object)
    }

    /// The first element of a top-level array of objects.
    pub fn first_element(&self) -> Option<&Member> {
        self.top.lists_objects().then_some(&self.top)
    }

    /// A format that is well known and that no reader claims, in words.
    pub fn foreign(&self) -> Option<&'static str> {
        unread::advice(self)
    }

    /// Whether a sign holds: `[]` for an array of objects, `<name>` for a root element, a path of keys with points, or that
    /// with `=` and the text that stands there. `*` is any key, and a step into an array goes to its first element.
    pub fn shows(&self, sign: &str) -> bool {
        if sign == "[]" {
            return self.top.lists_objects();
        }
        if let Some(root) = sign.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            return self.root.as_deref() == Some(root);
        }
        let (path, text) = sign.split_once('=').map_or((sign, None), |(path, text)| (path, Some(text)));
        let keys: Vec<&str> = path.split('.').collect();
        matches!(self.top.kind, Some(JsonKind::Object | JsonKind::Array)) && self.top.shows(&keys, text)
    }

    /// True if it shows the whole outline, so that a document that no reader claims is none of theirs.
    pub fn tells(&self) -> bool {
        self.whole && !self.partial
    }

    /// A packed file or an archive, in words.
    pub fn packed(&self) -> Option<&'static str> {
        let head = self.head.as_slice();
        let known = [
            (head.starts_with(&[0x1f, 0x8b]), "it looks like gzip within gzip; unpack it first"),
            (head.starts_with(b"PK\x03\x04"), "it looks like a zip archive; unpack it first"),
            (head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]), "it looks like zstd; unpack it first"),
            (head.starts_with(b"\xfd7zXZ\0"), "it looks like xz; unpack it first"),
            (head.starts_with(b"7z\xbc\xaf\x27\x1c"), "it looks like a 7z archive; unpack it first"),
            (head.starts_with(b"BZh"), "it looks like bzip2; unpack it first"),
            (head.get(257..262) == Some(b"ustar".as_slice()), "it looks like a tar archive; unpack it first"),
        ];
        known.iter().find(|(is, _)| *is).map(|(_, words)| *words)
    }

    /// True if it begins with the names of columns, and is neither JSON nor XML.
    fn is_table(&self) -> bool {
        let text = String::from_utf8_lossy(&self.head);
        let names: Vec<&str> = text.lines().next().unwrap_or_default().split([',', ';', '\t']).collect();
        let word = |name: &&str| {
            let name = name.trim().trim_matches('"');
            !name.is_empty() && name.len() <= 60 && !name.contains(['{', '[', '<', ':'])
        };
        self.top.kind.is_none_or(|kind| kind == JsonKind::String)
            && self.root.is_none()
            && names.len() >= 4
            && names.iter().filter(|name| word(name)).count() * 4 >= names.len() * 3
    }

    /// True for XML whose root element was not come by yet.
    pub fn is_prolog(&self) -> bool {
        self.root.as_deref() == Some("") && !self.whole
    }

    /// Description for people.
    pub fn describe(&self) -> String {
        let head = self.head.as_slice();
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        let known = [
            (head.contains(&0), "it holds NUL bytes: a binary file, or UTF-16 without byte-order mark"),
            (text.starts_with("version https://git-lfs"), "it is a Git LFS pointer; fetch the file itself"),
            (
                text.starts_with("<!doctype html") || text.starts_with("<html"),
                "it looks like an HTML page, perhaps of a login or an error",
            ),
            (head.is_empty() && self.whole, "it is empty"),
            (head.is_empty(), "it begins with nothing but blanks"),
        ];
        let known = || known.iter().find(|(is, _)| *is).map(|(_, words)| *words);
        if let Some(words) = self.packed().or_else(known) {
            return words.to_owned();
        }
        if let Some(words) = self.foreign() {
            return format!("it looks like {words}");
        }
        if self.is_table() {
            return "it looks like a table (CSV), which is not read; export JSON, XML or SARIF".to_owned();
        }
        if let Some(root) = &self.root {
            let word =
                root.len() <= 40 && root.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
            let root = Some(root).filter(|root| word && !root.is_empty());
            return match root {
                Some(root) => format!("it looks like XML with the root element `{root}`"),
                None => "it looks like XML".to_owned(),
            };
        }
        match self.top.kind {
            Some(JsonKind::Object) if self.top.members.is_empty() => "it is an empty JSON object".to_owned(),
            Some(JsonKind::Object) => {
                format!("it looks like a JSON object with the keys {}", keys(&self.top))
            }
            Some(JsonKind::Array) if self.top.element == Some(JsonKind::Object) => {
                format!("it looks like a JSON array of objects with the keys {}", keys(&self.top))
            }
            Some(JsonKind::Array) if self.top.is_empty_array() => "it is an empty JSON array".to_owned(),
            Some(JsonKind::Array) => "it looks like a JSON array, but not of objects".to_owned(),
            Some(JsonKind::Null) => "it is the bare word null".to_owned(),
            Some(kind) => format!("it is {} and nothing else", kind.words()),
            None => "it does not begin like JSON".to_owned(),
        }
    }
}

/// The first keys of an object, for messages. Only names that are words, so that nothing a file holds is echoed
/// but what a format's key can be.
fn keys(member: &Member) -> String {
    let word =
        |k: &&String| k.len() <= 40 && k.chars().all(|c| c.is_ascii_alphanumeric() || "_-$.@".contains(c));
    let names: Vec<String> =
        member.members.iter().map(|(k, _)| k).filter(word).take(6).map(|k| format!("`{k}`")).collect();
    if names.is_empty() { "that no scanner writes".to_owned() } else { names.join(", ") }
}

/// Records a value into `member` as its parts arrive, so that what was seen before a cut is kept.
struct Outline<'m> {
    member: &'m mut Member,
    levels: u8,
}

impl<'de> DeserializeSeed<'de> for Outline<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Outline<'_> {
    fn scalar(self, kind: JsonKind, text: String) {
        self.member.kind = Some(kind);
        if text.len() <= MAX_TEXT {
            self.member.text = Some(text);
        }
    }
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.scalar(JsonKind::Bool, value.to_string());
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.scalar(JsonKind::Number, value.to_string());
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.scalar(JsonKind::Number, value.to_string());
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.scalar(JsonKind::Number, value.to_string());
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar(JsonKind::Null, "null".to_owned());
        Ok(())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(JsonKind::String, value.chars().take(MAX_TEXT + 1).collect());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.member.kind = Some(JsonKind::Array);
        if self.levels == 0 {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        // The first element's outline is recorded in place, also when it is cut.
        let mut element = Member::default();
        let seen = seq.next_element_seed(Outline { member: &mut element, levels: self.levels });
        self.member.element = element.kind;
        self.member.members = element.members;
        if seen?.is_some() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        }
        self.member.closed = true;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.member.kind = Some(JsonKind::Object);
        if self.levels == 0 {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        while let Some(key) = map.next_key::<String>()? {
            let most = if self.levels == LEVELS { MAX_TOP_KEYS } else { MAX_KEYS };
            if self.member.members.len() >= most || self.member.has(&key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let mut member = Member::default();
            let seen = map.next_value_seed(Outline { member: &mut member, levels: self.levels - 1 });
            self.member.members.push((key, member));
            seen?;
        }
        self.member.closed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_document_still_shows_what_came_before() {
        let opening =
            Opening::from_text(r#"{"version":"1.2","results":[{"check_id":"a","extra":{"sever"#, &[], false);
        assert_eq!(opening.get("version").and_then(|m| m.text.as_deref()), Some("1.2"));
        let results = opening.get("results").unwrap();
        assert!(results.lists_objects());
        assert!(results.has("check_id") && results.has("extra"));
        assert!(!results.closed);
    }

    #[test]
    fn empty_shapes_are_told_apart() {
        assert!(Opening::from_text(" [] ", &[], true).top.is_empty_array());
        assert!(!Opening::from_text("[", &[], true).top.is_empty_array());
        assert_eq!(Opening::from_text("", &[], true).describe(), "it is empty");
        assert_eq!(Opening::from_text("null", &[], true).describe(), "it is the bare word null");
        assert_eq!(Opening::from_text("{}", &[], true).describe(), "it is an empty JSON object");
        assert!(Opening::from_text("<html>", &[], true).describe().contains("HTML"));
    }

    #[test]
    fn an_outline_that_ends_at_a_fault_does_not_tell() {
        for (text, tells) in [
            (r#"{"a":1,"b":[{"c":2}]}"#, true),
            (r#"{"a":1e400,"results":[]}"#, false),
            (r#"{"a":"\udce9","results":[]}"#, true),
        ] {
            assert_eq!(Opening::from_text(text, &[], true).tells(), tells, "{text}");
        }
        assert!(!Opening::from_text("{\"a\":1", &[], false).tells());
        let many: Vec<String> = (0..2000).map(|n| format!("\"k{n}\":0")).collect();
        assert!(!Opening::from_text(&format!("{{{}}}", many.join(",")), &[], true).tells());
    }
}

//! Values as reports write them: borrowed where possible, forgiving only where nothing depends on them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json::{RAW, STRING, parse};

/// A string that borrows from the window where it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Str<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;
        impl<'de> Visitor<'de> for StrVisitor {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(StrVisitor)
    }
}

impl std::ops::Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// A value as it is written, checked for syntax alone: a number may be one that no type of number holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawJson<'a>(pub &'a str);

impl<'a> RawJson<'a> {
    /// Its text, if it is an object.
    pub fn object(self) -> Option<&'a str> {
        Some(self.0).filter(|text| text.starts_with('{'))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawJson<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = RawJson<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(RawJson(text))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<Self::Value, D::Error> {
                // Asked of `serde_json` itself.
                <&RawValue>::deserialize(other).map(|raw| RawJson(raw.get()))
            }
        }
        deserializer.deserialize_newtype_struct(RAW, RawVisitor)
    }
}

/// A value of that kind ([`STRING`], `OBJECT` or `LIST`); one of another kind is skipped, and then there is none.
pub(super) fn only<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    kind: &'static str,
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct ObjectOnly<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOnly<T> {
        type Value = Option<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_newtype_struct<D: Deserializer<'de>>(self, of_kind: D) -> Result<Self::Value, D::Error> {
            T::deserialize(of_kind).map(Some)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_newtype_struct(kind, ObjectOnly(PhantomData))
}

/// A severity or status word: a string, or anything else that is then no word at all.
///
/// A number or an object in its place must not lose the finding; the word is then unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportWord<'a>(pub Option<Cow<'a, str>>);

impl ReportWord<'_> {
    /// The word, empty where there is none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// For [`crate::finding::Finding::native_severity`].
    pub fn native(&self) -> Option<crate::finding::Text> {
        self.0.as_deref().map(crate::finding::Text::line)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ReportWord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        only::<Str<'de>, D>(STRING, deserializer).map(|string| Self(string.map(|s| s.0)))
    }
}

/// A value that a finding can do without: one of another shape counts as none, and the finding stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loose<T> {
    /// There is a value, of whatever shape.
    pub given: bool,
    /// The value, if it has the expected shape.
    pub value: Option<T>,
}

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self { given: false, value: None }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        Ok(Self { given: true, value: parse(raw).ok() })
    }
}

/// An object that a finding can do without: anything else, or one of another shape, counts as absent. (A derived
/// struct would also accept an array.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalObject<T>(pub Option<T>);

impl<T> Default for OptionalObject<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OptionalObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        Ok(Self(raw.starts_with('{').then(|| parse(raw).ok()).flatten()))
    }
}

/// An array of such objects; what is no array counts as an empty one, and what is no such object keeps its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalObjects<T>(pub Vec<OptionalObject<T>>);

impl<T> Default for OptionalObjects<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> OptionalObjects<T> {
    /// Those that are such objects.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|object| object.0.as_ref())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OptionalObjects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        Ok(Self(parse(raw).unwrap_or_default()))
    }
}

/// A line number: a number or a string that holds one; anything that cannot be a line is dropped, and the
/// finding stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineNumber(pub Option<u32>);

impl LineNumber {
    /// The line of a text such as `91` or `12-15`; 0 is no line.
    pub fn parse(text: &str) -> Option<u32> {
        let digits = text.trim().split('-').next().unwrap_or_default();
        digits.parse().ok().filter(|&line| line > 0)
    }
}

impl<'de> Deserialize<'de> for LineNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        Ok(Self(Self::parse(raw.trim_matches('"'))))
    }
}

/// A string, or an array of strings; whatever else there is counts as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings<'a>(pub Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Strings<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringsVisitor;
        impl<'de> Visitor<'de> for StringsVisitor {
            type Value = Strings<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Strings(vec![Cow::Borrowed(text)]))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Strings(vec![Cow::Owned(text.to_owned())]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(word) = seq.next_element::<ReportWord<'de>>()? {
                    all.extend(word.0);
                }
                Ok(Strings(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Strings::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Strings::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Strings::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Strings::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Strings::default())
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Strings::default())
            }
        }
        deserializer.deserialize_any(StringsVisitor)
    }
}

/// CWE numbers: a text as [`cwe_numbers`] reads it, a number, or an array of both; whatever else there is counts as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CweNumbers(pub Vec<u32>);

impl<'de> Deserialize<'de> for CweNumbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        let items: Vec<RawJson<'_>> =
            if raw.starts_with('[') { parse(raw).unwrap_or_default() } else { vec![RawJson(raw)] };
        let texts = items.iter().filter_map(|item| match item.0.bytes().next() {
            Some(b'"') => parse::<ReportWord<'_>>(item.0).ok()?.0,
            Some(b'0'..=b'9') => Some(Cow::Borrowed(item.0)),
            _ => None,
        });
        let texts: Vec<Cow<'_, str>> = texts.collect();
        Ok(Self(cwe_numbers(texts.iter().map(AsRef::as_ref))))
    }
}

/// The numbers in texts such as `CWE-89: SQL injection`, `cwe-089`, `89`; order kept, each once.
pub fn cwe_numbers<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for text in texts {
        let text = text.trim();
        let tail = match text.get(..4) {
            Some(head) if head.eq_ignore_ascii_case("cwe-") => text.get(4..).unwrap_or_default(),
            _ => text,
        };
        let digits = tail.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        if let Ok(number) = digits.parse()
            && number > 0
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cwe_numbers_are_texts_or_numbers() {
        for (raw, numbers) in [
            ("506", &[506][..]),
            (r#""CWE-506""#, &[506]),
            (r#"["CWE-79",506,null,{},"x",79]"#, &[79, 506]),
            ("null", &[]),
            (r#"{"cwe":506}"#, &[]),
        ] {
            assert_eq!(parse::<CweNumbers>(raw).unwrap().0, numbers, "{raw}");
        }
    }

    #[test]
    fn odd_lines_are_dropped_and_never_fail() {
        for (raw, line) in [
            ("14", Some(14)),
            ("\"91\"", Some(91)),
            ("\"12-15\"", Some(12)),
            ("0", None),
            ("-1", None),
            ("1e400", None),
            ("18446744073709551616", None),
            ("1.5", None),
            ("null", None),
            ("[]", None),
            ("{\"a\":1}", None),
        ] {
            assert_eq!(parse::<LineNumber>(raw).unwrap().0, line, "{raw}");
        }
    }

    #[test]
    fn a_word_is_a_string_or_unknown() {
        assert_eq!(parse::<ReportWord<'_>>("\"HI\\u0047H\"").unwrap().as_str(), "HIGH");
        assert_eq!(parse::<ReportWord<'_>>("\"\"").unwrap(), ReportWord(Some("".into())));
        assert_eq!(parse::<ReportWord<'_>>("7").unwrap(), ReportWord(None));
        assert_eq!(parse::<ReportWord<'_>>("null").unwrap(), ReportWord(None));
    }

    #[test]
    fn a_loose_value_is_dropped_where_its_shape_is_another() {
        let of = |raw| parse::<Loose<bool>>(raw).unwrap();
        assert_eq!(of("true"), Loose { given: true, value: Some(true) });
        assert_eq!(of("1e400"), Loose { given: true, value: None });
        assert_eq!(of("null"), Loose { given: true, value: None });
    }

    #[test]
    fn only_an_object_is_an_object() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct State<'a> {
            #[serde(borrow)]
            state: ReportWord<'a>,
        }
        let of = |raw| parse::<OptionalObject<State<'_>>>(raw).unwrap().0.map(|s| s.state.as_str().len());
        assert_eq!(of("{\"state\":\"ok\"}"), Some(2));
        assert_eq!(of("[\"ok\"]"), None);
        assert_eq!(of("{\"state\":\"ok\",\"state\":\"no\"}"), None);
        assert_eq!(of("null"), None);
        let of = |raw| parse::<OptionalObjects<State<'_>>>(raw).unwrap();
        assert_eq!(
            (of("[{\"state\":\"ok\"}, 1]").0.len(), of("[{\"state\":\"ok\"}, 1]").iter().count()),
            (2, 1)
        );
        assert_eq!(of("{}").0.len(), 0);
    }

    #[test]
    fn cwes_in_every_spelling() {
        assert_eq!(cwe_numbers(["CWE-89: SQL", "cwe-079", "798", "CWE-89", "none", "-1"]), [89, 79, 798]);
    }
}

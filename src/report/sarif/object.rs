//! Objects of SARIF as values that keep what is asked for and forgive the rest.
//!
//! A derived struct would skip a misspelt key in silence. Here such a key is noticed, because a severity may hang on
//! it; and what stands where an object or a list should be counts as an empty one that is `odd`.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::report::json::parse;
use crate::report::value::{RawJson, ReportWord, Str};

/// The visits of a value that is neither list nor object: `null` is none, anything else is odd.
macro_rules! scalars {
    () => {
        fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Self::Value::odd())
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::odd())
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::odd())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::odd())
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Self::Value::odd())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}
pub(super) use scalars;

/// Declares objects with their keys. Keys given twice are an error, unknown ones are skipped. In an object that is `free`
/// anybody may add keys, so that only one is looked at for being misspelt.
macro_rules! objects {
    (@watched) => { &[] };
    (@watched $($key:literal)+) => { &[$($key),+] };
    ($(
        $(#[$meta:meta])*
        $name:ident<$lt:lifetime> $(free but $watched:literal)? { $($field:ident: $type:ty = $key:literal),+ $(,)? }
    )+) => {$(
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<$lt> {
            $(pub(super) $field: $type,)+
            /// It has a key that looks like a misspelt one, or it is no object at all.
            pub(super) odd: bool,
            lifetime: ::std::marker::PhantomData<&$lt ()>,
        }

        impl $name<'_> {
            fn odd() -> Self {
                Self { odd: true, ..Self::default() }
            }
        }

        impl<'de: $lt, $lt> ::serde::Deserialize<'de> for $name<$lt> {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Keys<$lt>(::std::marker::PhantomData<&$lt ()>);
                impl<'de: $lt, $lt> ::serde::de::Visitor<'de> for Keys<$lt> {
                    type Value = $name<$lt>;
                    $crate::report::sarif::object::scalars!();
                    fn visit_seq<A: ::serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                        while seq.next_element::<::serde::de::IgnoredAny>()?.is_some() {}
                        Ok($name::odd())
                    }
                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut it = $name::default();
                        $(let mut $field = false;)+
                        while let Some(key) = map.next_key::<$crate::report::value::Str<'de>>()? {
                            match &*key {
                                $($key => {
                                    if ::std::mem::replace(&mut $field, true) {
                                        return Err(::serde::de::Error::duplicate_field($key));
                                    }
                                    it.$field = map.next_value()?;
                                })+
                                other => {
                                    const FREE: &[&str] = $crate::report::sarif::object::objects!(@watched $($watched)?);
                                    const ALL: &[&str] = &[$($key),+];
                                    let watched = if FREE.is_empty() { ALL } else { FREE };
                                    it.odd |= $crate::report::sarif::object::resembles(other, watched);
                                    map.next_value::<::serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(it)
                    }
                }
                deserializer.deserialize_any(Keys(::std::marker::PhantomData))
            }
        }
    )+};
}
pub(super) use objects;

/// True if a key differs from one of those in letter case or in a single byte. Short keys are left out: many words
/// are alike.
pub(super) fn resembles(key: &str, known: &[&str]) -> bool {
    let differs_once =
        |known: &str| known.bytes().zip(key.bytes()).filter(|(a, b)| !a.eq_ignore_ascii_case(b)).count() <= 1;
    key.len() >= 4 && known.iter().any(|known| known.len() == key.len() && differs_once(known))
}

/// A list. What stands in its place and is no list is odd; `null` is an empty one.
pub(super) struct SarifList<T> {
    /// Its elements.
    pub(super) items: Vec<T>,
    /// It is no list.
    pub(super) odd: bool,
}

impl<T> Default for SarifList<T> {
    fn default() -> Self {
        Self { items: Vec::new(), odd: false }
    }
}

impl<T> SarifList<T> {
    fn odd() -> Self {
        Self { items: Vec::new(), odd: true }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for SarifList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = SarifList<T>;
            scalars!();
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = SarifList::default();
                while let Some(item) = seq.next_element()? {
                    list.items.push(item);
                }
                Ok(list)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(SarifList::odd())
            }
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// The first element of a list.
pub(super) struct First<T>(pub(super) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> First<T> {
    fn odd() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = First<T>;
            scalars!();
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let first = seq.next_element()?;
                if first.is_some() {
                    while seq.next_element::<IgnoredAny>()?.is_some() {}
                }
                Ok(First(first))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(First::odd())
            }
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// The first elements of a list and the last, and how many stand between.
pub(super) struct Ends<T, const MAX: usize = MAX_ENDS> {
    pub(super) items: Vec<T>,
    pub(super) left_out: usize,
}

/// Elements that are kept of a list whose elements are shown.
pub(super) const MAX_ENDS: usize = 12;

impl<T, const MAX: usize> Default for Ends<T, MAX> {
    fn default() -> Self {
        Self { items: Vec::new(), left_out: 0 }
    }
}

impl<T, const MAX: usize> Ends<T, MAX> {
    fn odd() -> Self {
        Self::default()
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Ends<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = Ends<T, MAX>;
            scalars!();
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut ends = Ends::default();
                while let Some(item) = seq.next_element()? {
                    if ends.items.len() == MAX {
                        ends.items.pop();
                        ends.left_out += 1;
                    }
                    ends.items.push(item);
                }
                Ok(ends)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Ends::odd())
            }
        }
        deserializer.deserialize_any(Items::<T, MAX>(PhantomData))
    }
}

/// An index into another list; -1 and whatever cannot be one is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Index(pub(super) Option<u32>);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(RawJson::deserialize(deserializer)?.0.parse().ok()))
    }
}

/// A string or a number, as text; empty for anything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scalar<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        Ok(Self(match raw.bytes().next() {
            Some(b'"') => {
                let word: ReportWord<'de> = parse(raw).map_err(serde::de::Error::custom)?;
                word.0.unwrap_or_default()
            }
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(raw),
            _ => Cow::Borrowed(""),
        }))
    }
}

/// Of `partialFingerprints`, those that are made of the code around a result. Their keys may end in a version.
#[derive(Default)]
pub(super) struct Hashes<'a> {
    /// `primaryLocationLineHash`
    pub(super) line: ReportWord<'a>,
    /// `contextHash`, `contextRegionHash`
    pub(super) context: ReportWord<'a>,
}

impl Hashes<'_> {
    fn odd() -> Self {
        Self::default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Hashes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Keys<'a> {
            type Value = Hashes<'a>;
            scalars!();
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Hashes::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut hashes = Hashes::default();
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    match key.split('/').next().unwrap_or_default() {
                        "primaryLocationLineHash" => hashes.line = map.next_value()?,
                        "contextHash" | "contextRegionHash" => hashes.context = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(hashes)
            }
        }
        deserializer.deserialize_any(Keys(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    objects! {
        /// An object.
        Sample<'a> { level: ReportWord<'a> = "level", index: Index = "index", list: SarifList<Index> = "list" }
    }

    fn of(text: &str) -> Sample<'_> {
        parse(text).unwrap()
    }

    #[test]
    fn what_is_no_object_is_an_odd_one() {
        for (text, odd) in
            [("{}", false), ("null", false), ("[1]", true), ("true", true), ("-1", true), ("\"x\"", true)]
        {
            assert_eq!(of(text).odd, odd, "{text}");
        }
        assert!(of(r#"{"list":{"a":1}}"#).list.odd);
        assert_eq!(of(r#"{"list":[0,-1,1e400]}"#).list.items, [Index(Some(0)), Index(None), Index(None)]);
    }

    #[test]
    fn a_misspelt_key_is_noticed() {
        assert!(of(r#"{"leved":"error"}"#).odd);
        assert!(of(r#"{"Level":"error"}"#).odd);
        assert!(!of(r#"{"levels":"error","rank":1}"#).odd);
        assert!(parse::<Sample<'_>>(r#"{"level":"note","level":"error"}"#).is_err());
    }

    #[test]
    fn a_scalar_is_text() {
        let of = |text| parse::<Scalar<'_>>(text).unwrap().0;
        assert_eq!(
            (of("9.8"), of("\"9.8\""), of("null"), of("[1]")),
            ("9.8".into(), "9.8".into(), "".into(), "".into())
        );
    }
}

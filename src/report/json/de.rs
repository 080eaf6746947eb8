//! The parser as a `Deserializer` of `serde`.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::parser::{JsonError, JsonParser, LIST, OBJECT, RAW, STRING};

impl<'de> JsonParser<'de> {
    fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let start = self.at;
        let integer = self.number()?;
        let text = self.since(start);
        if integer {
            if let Ok(number) = text.parse() {
                return visitor.visit_u64(number);
            }
            // Minus zero is none of the integers.
            if let Ok(number) = text.parse()
                && number != 0
            {
                return visitor.visit_i64(number);
            }
        }
        match text.parse() {
            Ok(number) if f64::is_finite(number) => visitor.visit_f64(number),
            _ => Err(self.syntax("number out of range")),
        }
    }

    fn visit_list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.enter()?;
        let mut inside = Inside { parser: self, first: true };
        let value = visitor.visit_seq(&mut inside)?;
        let first = inside.first;
        self.close(b']', first)?;
        Ok(value)
    }

    fn visit_object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.enter()?;
        let mut inside = Inside { parser: self, first: true };
        let value = visitor.visit_map(&mut inside)?;
        let first = inside.first;
        self.close(b'}', first)?;
        Ok(value)
    }

    /// Nothing may be left that the visitor did not ask for.
    fn close(&mut self, bracket: u8, first: bool) -> Result<(), JsonError> {
        if self.more(bracket, first)? {
            return Err(self.syntax("trailing characters"));
        }
        self.leave();
        Ok(())
    }

    /// Another value than the visitor expects, which is not shown: it may be a secret.
    #[cold]
    fn unexpected(&mut self, expected: &dyn Expected) -> JsonError {
        let start = self.at;
        let found = self.peek();
        if let Err(fault) = self.skip() {
            return fault;
        }
        let found = match found {
            Some(b'"') => Unexpected::Other("string"),
            Some(b'{') => Unexpected::Map,
            Some(b'[') => Unexpected::Seq,
            Some(b't') => Unexpected::Bool(true),
            Some(b'f') => Unexpected::Bool(false),
            Some(b'n') => Unexpected::Other("null"),
            _ if self.since(start).contains(['.', 'e', 'E']) => Unexpected::Other("floating point"),
            _ => Unexpected::Other("integer"),
        };
        <JsonError as de::Error>::invalid_type(found, expected).placed(self.at)
    }
}

impl<'de> Deserializer<'de> for &mut JsonParser<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'"') => self.visit_string(visitor),
            Some(b'{') => self.visit_object(visitor),
            Some(b'[') => self.visit_list(visitor),
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            Some(b'-' | b'0'..=b'9') => self.visit_number(visitor),
            Some(_) => Err(self.syntax("expected value")),
            None => Err(self.cut("EOF while parsing a value")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'"') => self.visit_string(visitor),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.visit_object(visitor),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.visit_object(visitor),
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let next = self.peek();
        let wanted = match name {
            RAW => {
                let start = self.at;
                self.skip()?;
                return visitor.visit_borrowed_str(self.since(start));
            }
            STRING => b'"',
            OBJECT => b'{',
            LIST => b'[',
            _ => return visitor.visit_newtype_struct(self),
        };
        if next == Some(wanted) {
            return visitor.visit_newtype_struct(self);
        }
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'"') => visitor.visit_enum(StrDeserializer::new(&self.string()?)),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// A list or an object that is being read.
struct Inside<'p, 'de> {
    parser: &'p mut JsonParser<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        if !self.parser.more(b']', self.first)? {
            return Ok(None);
        }
        self.first = false;
        seed.deserialize(&mut *self.parser).map(Some)
    }
}

impl<'de> MapAccess<'de> for &mut Inside<'_, 'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        if !self.parser.more(b'}', self.first)? {
            return Ok(None);
        }
        self.first = false;
        self.parser.key()?;
        match self.parser.string()? {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(StrDeserializer::new(&key)),
        }
        .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonError> {
        self.parser.colon()?;
        seed.deserialize(&mut *self.parser)
    }
}

//! Elements of a list as trees: for formats whose findings are small and whose keys are many.
//!
//! Lists stream by all the same; one element is held at a time, and no object in it has a key twice.

use serde_json::Value;

use super::cvss::{StatedScore, score_number};
use super::document::value;
use super::json::{Json, JsonKind};
use super::value::LineNumber;
use super::{ReadError, Reading};
use crate::finding::{Finding, Text};

/// A value of a report, as a tree; a value that is not there is `null`.
#[derive(Clone, Copy)]
pub(super) struct Tree<'v>(&'v Value);

static NOTHING: Value = Value::Null;

impl<'v> Tree<'v> {
    /// Of a value.
    pub(super) fn of(value: &'v Value) -> Self {
        Self(value)
    }

    /// The value itself.
    pub(super) fn value(self) -> &'v Value {
        self.0
    }

    /// The text of an element of XML.
    pub(super) fn child_text(self, name: &str) -> &'v str {
        self.list(name).next().map_or("", |child| child.text("#text"))
    }

    /// The elements below an element of XML that only holds them.
    pub(super) fn children(self, outer: &str, inner: &'static str) -> impl Iterator<Item = Self> + use<'v> {
        self.list(outer).flat_map(move |list| list.list(inner))
    }

    /// The value at a path of keys, joined by points; itself for an empty one.
    pub(super) fn at(self, path: &str) -> Self {
        if path.is_empty() {
            return self;
        }
        Self(path.split('.').try_fold(self.0, |value, key| value.get(key)).unwrap_or(&NOTHING))
    }

    /// True if there is such a value, `null` or not.
    pub(super) fn has(self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    /// True for `null`, and for what is not there.
    pub(super) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// True for an object.
    pub(super) fn is_object(self) -> bool {
        self.0.is_object()
    }

    /// True for an array.
    pub(super) fn is_list(self) -> bool {
        self.0.is_array()
    }

    /// A string; empty for anything else.
    pub(super) fn text(self, path: &str) -> &'v str {
        self.at(path).0.as_str().unwrap_or_default()
    }

    /// A string, or a number as text; empty for anything else.
    pub(super) fn scalar(self, path: &str) -> String {
        match self.at(path).0 {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        }
    }

    /// The tool's word for a severity.
    pub(super) fn native(self, path: &str) -> Option<Text> {
        self.at(path).0.as_str().map(Text::line)
    }

    /// The elements of an array; none for anything else.
    pub(super) fn list(self, path: &str) -> impl DoubleEndedIterator<Item = Self> + use<'v> {
        self.at(path).0.as_array().into_iter().flatten().map(Self)
    }

    /// The members of an object; none for anything else.
    pub(super) fn members(self, path: &str) -> impl Iterator<Item = (&'v str, Self)> + use<'v> {
        self.at(path).0.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), Self(value)))
    }

    /// A string, or the strings of an array.
    pub(super) fn texts(self, path: &str) -> Vec<&'v str> {
        match self.at(path).0 {
            Value::String(text) => vec![text],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        }
    }

    /// A boolean.
    pub(super) fn flag(self, path: &str) -> Option<bool> {
        self.at(path).0.as_bool()
    }

    /// A natural number.
    pub(super) fn count(self, path: &str) -> Option<u64> {
        self.at(path).0.as_u64()
    }

    /// A line number, as a number or a text.
    pub(super) fn line(self, path: &str) -> Option<u32> {
        LineNumber::parse(&self.scalar(path))
    }

    /// A score, as a number or a text.
    pub(super) fn score(self, path: &str) -> StatedScore {
        match self.at(path).0 {
            Value::Null => StatedScore::Absent,
            Value::String(text) => score_number(text).map_or(StatedScore::Unusable, StatedScore::Number),
            Value::Number(number) => number.as_f64().map_or(StatedScore::Unusable, StatedScore::Number),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => StatedScore::Unusable,
        }
    }
}

/// Reads the next value, which must be an object, and hands it over as a tree.
pub(super) fn object<R>(
    json: &mut Json,
    then: impl FnOnce(Tree<'_>) -> Result<R, String>,
) -> Result<R, ReadError> {
    match json.kind()? {
        JsonKind::Object => {
            let tree = value(json)?;
            then(Tree(&tree)).map_err(|message| json.shape(&message))
        }
        other => Err(json.shape(&format!("expected an object, found {}", other.words()))),
    }
}

/// Reads a list of objects, each of which `make` turns into findings. What it says against one is an error there.
pub(super) fn findings(
    json: &mut Json,
    reading: &mut Reading<'_>,
    mut make: impl FnMut(Tree<'_>, &mut Reading<'_>) -> Result<Vec<Finding>, &'static str>,
) -> Result<u64, ReadError> {
    let mut count = 0;
    json.array(|json, _| {
        count += 1;
        let found = object(json, |tree| make(tree, reading).map_err(str::to_owned))?;
        for finding in found {
            reading.finding(finding);
        }
        Ok(())
    })?;
    Ok(count)
}

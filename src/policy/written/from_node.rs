//! How a tree becomes types: each kind of value reads itself, says what is wrong with it, and describes itself in
//! the JSON Schema, so that the three cannot drift apart.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::error::{PolicyProblems, SourcePosition, quoted};
use super::node::{Node, NodeKind};
use crate::finding::{clean, parse_duration};
use crate::policy::diagnostics::PolicyDiagnostic;

/// A value of the policy.
pub(crate) trait FromNode: Sized {
    /// Reads the value of `key`; `None` after a problem.
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self>;

    /// The JSON Schema of the value.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) at: SourcePosition,
    pub(crate) value: T,
}

impl<T: FromNode> At<T> {
    /// Reads a value and keeps its place.
    pub(crate) fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        T::from_node(node, key, problems).map(|value| Self { at: node.at, value })
    }
}

/// Says that the value of `key` is not what it must be.
pub(crate) fn wrong(node: &Node, key: &str, must: &str, problems: &mut PolicyProblems) {
    if !matches!(node.kind, NodeKind::Broken) {
        problems.add(
            node.at,
            PolicyDiagnostic::WrongValue {
                key: key.to_owned(),
                must: must.to_owned(),
                is: node.describe_kind(),
            },
        );
    }
}

/// Text that is not empty and holds nothing that cannot be seen; blanks around it do not count.
pub(crate) type Name = String;

impl FromNode for Name {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let Some(text) = node.text() else {
            wrong(node, key, "a text", problems);
            return None;
        };
        let text = text.trim();
        if text.is_empty() {
            problems.add(node.at, PolicyDiagnostic::EmptyValue { key: key.to_owned() });
            return None;
        }
        let shown = clean(text);
        if shown != text || text.contains(['\n', '\r', '\t']) {
            problems.add(
                node.at,
                PolicyDiagnostic::InvisibleCharacters { key: key.to_owned(), shown: quoted(text) },
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

/// Text for people, over several lines if need be.
#[derive(Debug)]
pub(crate) struct Prose(pub(crate) String);

impl FromNode for Prose {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let Some(text) = node.text() else {
            wrong(node, key, "a text", problems);
            return None;
        };
        let text = text.trim().replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
        if text.is_empty() {
            problems.add(node.at, PolicyDiagnostic::EmptyValue { key: key.to_owned() });
            return None;
        }
        Some(Self(clean(&text).into_owned()))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match node.plain() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                wrong(node, key, "true or false", problems);
                None
            }
        }
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }
}

impl FromNode for u64 {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let digits = |t: &&str| t.bytes().all(|b| b.is_ascii_digit()) && (*t == "0" || !t.starts_with('0'));
        let number = node.plain().filter(digits).and_then(|text| text.parse().ok());
        if number.is_none() {
            wrong(node, key, "a whole number, 0 or more, written in plain digits", problems);
        }
        number
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0})
    }
}

/// How many at least; never 0, which would ask for nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PositiveCount(pub(crate) u32);

impl FromNode for PositiveCount {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let number = u32::try_from(u64::from_node(node, key, problems)?).ok().filter(|number| *number > 0);
        if number.is_none() {
            wrong(node, key, "1 or more", problems);
        }
        number.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1})
    }
}

/// A probability.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probability(pub(crate) f64);

impl FromNode for Probability {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let plain = |t: &&str| t.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !t.starts_with('.');
        let number: Option<f64> = node.plain().filter(plain).and_then(|text| text.parse().ok());
        let number = number.filter(|n| (0.0..=1.0).contains(n));
        if number.is_none() {
            wrong(node, key, "a number from 0 to 1", problems);
        }
        number.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0, "maximum": 1})
    }
}

/// A score on the scale of CVSS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CvssScore(pub(crate) f64);

impl FromNode for CvssScore {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let plain = |t: &&str| t.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !t.starts_with('.');
        let number: Option<f64> = node.plain().filter(plain).and_then(|text| text.parse().ok());
        let number = number.filter(|n| (0.0..=10.0).contains(n));
        if number.is_none() {
            wrong(node, key, "a number from 0 to 10", problems);
        }
        number.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0, "maximum": 10})
    }
}

/// A span of time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Duration(pub(crate) i64);

impl FromNode for Duration {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let seconds = node.text().and_then(parse_duration);
        if seconds.is_none() {
            wrong(node, key, "a duration such as `24h` or `7d` (units s, m, h, d, w)", problems);
        }
        seconds.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[1-9][0-9]*[smhdw]$"})
    }
}

/// A day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day(pub(crate) jiff::civil::Date);

impl FromNode for Day {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let shape = |t: &&str| {
            t.len() == 10
                && t.bytes()
                    .enumerate()
                    .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
        };
        let day = node.text().filter(shape).and_then(|text| text.parse().ok());
        if day.is_none() {
            wrong(node, key, "a day such as `2027-01-31`", problems);
        }
        day.map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
    }
}

/// One value or a list of them; a list that is given is not empty, because it would match nothing.
#[derive(Debug)]
pub(crate) struct Many<T>(pub(crate) Vec<At<T>>);

impl<T: FromNode> FromNode for Many<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match &node.kind {
            NodeKind::List(_) => Seq::from_node(node, key, problems).map(|seq| Self(seq.0)),
            _ => At::from_node(node, key, problems).map(|one| Self(vec![one])),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::schema(generator);
        let many = Seq::<T>::schema(generator);
        json_schema!({"anyOf": [one, many]})
    }
}

/// A list that is not empty.
#[derive(Debug, Clone)]
pub(crate) struct Seq<T>(pub(crate) Vec<At<T>>);

impl<T: FromNode> FromNode for Seq<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match &node.kind {
            NodeKind::List(items) if items.is_empty() => {
                problems.add(node.at, PolicyDiagnostic::EmptyList { key: key.to_owned() });
                None
            }
            NodeKind::List(items) => {
                // Read all, so that each fault is named, before giving up on the list.
                let read: Vec<_> = items.iter().map(|item| At::from_node(item, key, problems)).collect();
                read.into_iter().collect::<Option<_>>().map(Self)
            }
            _ => {
                wrong(node, key, "a list", problems);
                None
            }
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let item = T::schema(generator);
        json_schema!({"type": "array", "items": item, "minItems": 1})
    }
}

/// A list whose items were read as far as they could be: one bad rule does not hide the faults of the others.
#[derive(Debug)]
pub(crate) struct Lenient<T>(pub(crate) Vec<At<T>>);

impl<T: FromNode> FromNode for Lenient<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        match &node.kind {
            NodeKind::List(items) if !items.is_empty() => {
                Some(Self(items.iter().filter_map(|item| At::from_node(item, key, problems)).collect()))
            }
            _ => Seq::<T>::from_node(node, key, problems).map(|seq| Self(seq.0)),
        }
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Seq::<T>::schema(generator)
    }
}

/// A map with names of the author's own, in the order written.
#[derive(Debug)]
pub(crate) struct Table<T>(pub(crate) Vec<(At<Name>, At<T>)>);

impl<T: FromNode> FromNode for Table<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let NodeKind::Map(pairs) = &node.kind else {
            wrong(node, key, "a map", problems);
            return None;
        };
        if pairs.is_empty() {
            problems.add(node.at, PolicyDiagnostic::EmptyValue { key: key.to_owned() });
            return None;
        }
        let mut table = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let kind = NodeKind::Scalar { text: name.text.clone(), plain: false };
            let name_read = At::from_node(&Node { at: name.at, kind }, key, problems);
            let value_read = At::from_node(value, &name.text, problems);
            table.extend(name_read.zip(value_read));
        }
        Some(Self(table))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let value = T::schema(generator);
        json_schema!({"type": "object", "additionalProperties": value, "minProperties": 1})
    }
}

/// A map inside a map of its own kind.
#[derive(Debug)]
pub(crate) struct Boxed<T>(pub(crate) Box<T>);

impl<T: FromNode> FromNode for Boxed<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        T::from_node(node, key, problems).map(|inner| Self(Box::new(inner)))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::schema(generator)
    }
}

/// A closed set of words.
pub(crate) trait Vocabulary: Copy + 'static {
    /// Each value with its word.
    fn words() -> Vec<(&'static str, Self)>;
}

impl<W: Vocabulary> FromNode for W {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let words = W::words();
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let Some(text) = node.text() else {
            wrong(node, key, &format!("one of {}", super::super::error::listed(&known)), problems);
            return None;
        };
        let text = match node.plain().and_then(word_of_boolean) {
            Some(word) if known.contains(&word) => word,
            _ => text,
        };
        let value = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if value.is_none() {
            problems.unknown(
                node.at,
                PolicyDiagnostic::UnknownWord { key: key.to_owned(), shown: quoted(text) },
                text,
                &known,
            );
        }
        value
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let words = W::words();
        let mut known: Vec<serde_json::Value> = words.iter().map(|(word, _)| (*word).into()).collect();
        for (boolean, word) in BOOLEANS {
            if words.iter().any(|(known, _)| *known == word) {
                known.push(boolean.into());
            }
        }
        json_schema!({"enum": known})
    }
}

/// In YAML 1.1 `yes` and `no` are booleans, so that whatever read and wrote a policy by it has made `true` and `false` of
/// them; where the words are known, these are the same.
const BOOLEANS: [(bool, &str); 2] = [(true, "yes"), (false, "no")];

fn word_of_boolean(text: &str) -> Option<&'static str> {
    BOOLEANS.iter().find(|(boolean, _)| text == boolean.to_string()).map(|(_, word)| *word)
}

/// Makes the enums of the vocabulary words of the policy.
macro_rules! vocabulary {
    ($($name:ty),+ $(,)?) => { $(
        impl Vocabulary for $name {
            fn words() -> Vec<(&'static str, Self)> {
                Self::ALL.iter().map(|value| (value.as_str(), *value)).collect()
            }
        }
    )+ };
}

vocabulary!(
    crate::finding::Category,
    crate::finding::Confidence,
    crate::finding::Fix,
    crate::finding::Reachability,
    crate::finding::Scope,
    crate::finding::Severity,
    crate::finding::State,
    crate::finding::Target,
);

/// Gives enums of the checked policy their words.
macro_rules! words {
    ($($name:ty { $($word:literal = $value:ident),+ $(,)? })+) => { $(
        impl Vocabulary for $name {
            fn words() -> Vec<(&'static str, Self)> {
                vec![$(($word, Self::$value)),+]
            }
        }
    )+ };
}
pub(crate) use words;

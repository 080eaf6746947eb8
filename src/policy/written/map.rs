//! Maps with known keys: one declaration gives the type, the reader and the JSON Schema.

use schemars::Schema;

use super::super::error::{PolicyProblems, SourcePosition, nearest, quoted};
use super::node::{Node, NodeKey};
use crate::policy::diagnostics::PolicyDiagnostic;

/// The key that a field stands for: fields named like Rust's own words are written `r#where`.
pub(crate) fn key(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Reports a key that the map does not have.
pub(crate) fn unknown_key(
    at: SourcePosition,
    what: &'static str,
    word: &str,
    known: &[&str],
    problems: &mut PolicyProblems,
) {
    let instead = match word {
        "approvers" | "approver" | "reviewer" => "the key is `reviewers`",
        "optional" => "say `required: false`",
        "exclude" | "exclude_path" | "exclude_paths" | "ignore" => "say `not: {path: …}`",
        "include" | "import" | "base_policy" | "parent" => {
            "a policy extends another: `extends: {file: …, sha256: …}`"
        }
        "action" | "on_match" => "the key is `then`",
        "threshold" | "max" | "limit" => "the key is `allow`",
        "expression" | "query" | "jsonpath" if known.contains(&"where") => "the key is `where`",
        "foreign" | "failed" => "evidence about something else, or of a scan that failed, always fails",
        "unreadable" => "evidence that cannot be read is always an error",
        _ => {
            return problems.unknown(
                at,
                PolicyDiagnostic::UnknownKey { what, shown: quoted(word) },
                word,
                known,
            );
        }
    };
    problems.add(at, PolicyDiagnostic::ForeignKey { what, shown: quoted(word), instead });
}

/// Declares a map of the policy: its type, its reader and its JSON Schema, from one list of keys.
///
/// `must` keys have to be there, `may` keys can be left out; a key that is given is never null.
macro_rules! written {
    ($($(#[doc = $about:literal])+ $name:ident as $what:literal {
        $($(#[doc = $doc:literal])+ $need:ident $field:ident: $type:ty,)+
    })+) => { $(
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(crate) struct $name {
            /// The keys that are there, also those whose value was refused and those that a typing error stands for.
            pub(crate) given: Vec<&'static str>,
            $($(#[doc = $doc])+ pub(crate) $field: Option<At<$type>>,)+
        }

        impl $name {
            /// Every key, in the order of the documentation.
            pub(crate) fn keys() -> &'static [&'static str] {
                static KEYS: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
                KEYS.get_or_init(|| vec![$(key(stringify!($field))),+])
            }
        }

        impl FromNode for $name {
            fn from_node(node: &Node, name: &str, problems: &mut PolicyProblems) -> Option<Self> {
                let NodeKind::Map(pairs) = &node.kind else {
                    wrong(node, name, concat!("a map with the keys of ", $what), problems);
                    return None;
                };
                let mut read = Self { given: known_keys(pairs, Self::keys()), $($field: None),+ };
                for (word, value) in pairs {
                    match word.text.as_str() {
                        $(text if text == key(stringify!($field)) => {
                            read.$field = At::from_node(value, text, problems);
                        })+
                        text => unknown_key(word.at, $what, text, Self::keys(), problems),
                    }
                }
                $(if needed(stringify!($need)) && !read.given.contains(&key(stringify!($field))) {
                    problems.add(node.at, $crate::policy::diagnostics::PolicyDiagnostic::MissingKey { what: $what.to_owned(), key: key(stringify!($field)) });
                })+
                Some(read)
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                generator.subschema_for::<Self>()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut properties = serde_json::Map::new();
                let mut required: Vec<&str> = Vec::new();
                $(
                    let schema = <$type as FromNode>::schema(generator);
                    let about = [$($doc),+].map(str::trim).join(" ");
                    properties.insert(key(stringify!($field)).to_owned(), described(schema, &about));
                    required.extend(needed(stringify!($need)).then(|| key(stringify!($field))));
                )+
                let about = [$($about),+].map(str::trim).join(" ");
                schemars::json_schema!({
                    "type": "object",
                    "description": about,
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
        }
    )+ };
}
pub(crate) use written;

/// Whether a key has to be there.
pub(crate) fn needed(need: &str) -> bool {
    need == "must"
}

/// The known keys that are there, and those that a mistyped one stands for.
pub(crate) fn known_keys(pairs: &[(NodeKey, Node)], known: &[&'static str]) -> Vec<&'static str> {
    let word = |text: &str| known.iter().find(|k| **k == text).copied().or_else(|| nearest(text, known));
    pairs.iter().filter_map(|(key, _)| word(&key.text)).collect()
}

/// A schema with a description; `$ref` may have neighbours in the dialect that is used.
pub(crate) fn described(mut schema: Schema, about: &str) -> serde_json::Value {
    schema.insert("description".to_owned(), about.into());
    schema.to_value()
}

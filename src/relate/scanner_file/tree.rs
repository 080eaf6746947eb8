//! The parts of a file that are the scanner's, and lists of exceptions taken out of a tree of settings.

use serde_json::{Map, Value};

use super::{Syntax, short};

impl Syntax {
    /// The file's tree; an empty file is an empty one.
    pub(super) fn parse_settings(self, text: &str) -> Option<Map<String, Value>> {
        let said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if !text.lines().any(said) {
            return Some(Map::new());
        }
        let tree: Value = match self {
            Self::Json => serde_json::from_str(text).ok()?,
            Self::Yaml => crate::policy::foreign_tree(text)?,
            Self::Toml => toml::from_str(text).ok()?,
        };
        match tree {
            Value::Object(tree) => Some(tree),
            Value::Null => Some(Map::new()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }
}

/// The text with only the lines that hold one of these words; the others are blank, so that numbers of lines stay.
pub(super) fn lines_with(words: &[&str], text: &str) -> String {
    kept_lines(text, |line| words.iter().any(|word| line.contains(word)))
}

/// The text with only the lines of sections whose headings hold one of these names.
pub(super) fn lines_of_sections(names: &[&str], text: &str) -> String {
    let mut own = false;
    kept_lines(text, |line| {
        if line.starts_with('[') {
            own = names.iter().any(|name| line.contains(name));
        }
        own
    })
}

pub(super) fn kept_lines(text: &str, mut keep: impl FnMut(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if keep(&line.trim().to_ascii_lowercase()) {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

/// Takes a list of exceptions out of a tree: its entries, each with the keys that lead to it. What is no list stays.
pub(super) fn taken(tree: &mut Map<String, Value>, keys: &[&str]) -> Vec<(String, Value)> {
    let Some((first, rest)) = keys.split_first() else { return Vec::new() };
    if *first == "*" {
        let names: Vec<String> = tree.keys().cloned().collect();
        return names.iter().flat_map(|name| taken(tree, &[&[name.as_str()], rest].concat())).collect();
    }
    if !rest.is_empty() {
        let Some(Value::Object(below)) = tree.get_mut(*first) else { return Vec::new() };
        let found = taken(below, rest);
        if below.is_empty() {
            tree.remove(*first);
        }
        let named = found.into_iter().map(|(place, entry)| (format!("{first}.{place}"), entry));
        return named.collect();
    }
    let entries = match tree.get(*first) {
        Some(Value::Array(list)) => list.clone(),
        Some(Value::String(one)) => {
            one.split(',').map(|part| Value::String(part.trim().to_owned())).collect()
        }
        Some(Value::Null) => Vec::new(),
        Some(Value::Object(_) | Value::Bool(_) | Value::Number(_)) | None => return Vec::new(),
    };
    tree.remove(*first);
    entries.into_iter().map(|entry| (short(first), entry)).collect()
}

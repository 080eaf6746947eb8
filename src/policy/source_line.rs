//! Where each clause of a policy stands: with `extends`, in which of its files.

use std::collections::BTreeMap;

use super::error::SourcePosition;
use super::written::node::{Node, NodeKind};

/// A line of a policy file.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct PolicyLine {
    /// The file as outputs name it.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
}

impl std::fmt::Display for PolicyLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A place in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct PolicySpot {
    /// The file as outputs name it.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1, in characters.
    pub column: u64,
}

impl std::fmt::Display for PolicySpot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The places of all clauses, by their path: keys, for a rule its id, such as `rules`, `no-secrets`, `then`, and for a line of
/// `severity.map` its number from 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyLines {
    files: Vec<String>,
    marks: BTreeMap<Vec<String>, SourcePosition>,
}

impl PolicyLines {
    /// Those of a tree whose marks count these files.
    pub(super) fn from_tree(root: &Node, files: Vec<String>) -> Self {
        let mut places = Self { files, marks: BTreeMap::new() };
        places.add(root, &mut Vec::new());
        places
    }

    fn add(&mut self, node: &Node, path: &mut Vec<String>) {
        self.marks.entry(path.clone()).or_insert(node.at);
        match &node.kind {
            NodeKind::Map(pairs) => {
                for (key, value) in pairs {
                    path.push(key.text.clone());
                    self.marks.insert(path.clone(), key.at);
                    self.add(value, path);
                    path.pop();
                }
            }
            NodeKind::List(items) if path.len() == 1 => {
                for item in items {
                    if let Some(id) = item.id() {
                        path.push(id.to_owned());
                        self.add(item, path);
                        path.pop();
                    }
                }
            }
            NodeKind::List(items) if *path == ["severity", "map"] => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    self.add(item, path);
                    path.pop();
                }
            }
            NodeKind::List(_) | NodeKind::Scalar { .. } | NodeKind::Broken => {}
        }
    }

    /// The mark of a clause, or of the nearest that holds it.
    pub(super) fn mark(&self, path: &[&str]) -> SourcePosition {
        let mut path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        loop {
            if let Some(mark) = self.marks.get(&path) {
                return *mark;
            }
            if path.pop().is_none() {
                return SourcePosition::START;
            }
        }
    }

    /// Whether the clause itself is written.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.marks.contains_key(&path)
    }

    /// The place of a clause, or of the nearest that holds it.
    pub(crate) fn place(&self, path: &[&str]) -> PolicyLine {
        let mark = self.mark(path);
        let file = self.files.get(usize::from(mark.file)).cloned().unwrap_or_default();
        PolicyLine { file, line: mark.line }
    }

    /// The same, to the column.
    pub(super) fn spot(&self, path: &[&str]) -> PolicySpot {
        let mark = self.mark(path);
        let file = self.files.get(usize::from(mark.file)).cloned().unwrap_or_default();
        PolicySpot { file, line: mark.line, column: mark.column }
    }
}

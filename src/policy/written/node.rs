//! The YAML of a policy as a tree that remembers where each value and each key stands.

use super::super::error::{SourcePosition, quoted};

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: SourcePosition,
    pub(crate) kind: NodeKind,
}

/// Kind of a value.
#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    /// Text; `plain` without quotes, so that it may stand for a number, a boolean or null.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written, each key once.
    Map(Vec<(NodeKey, Node)>),
    /// Something that has been reported already.
    Broken,
}

/// A key and its place.
#[derive(Debug, Clone)]
pub(crate) struct NodeKey {
    pub(crate) at: SourcePosition,
    pub(crate) text: String,
}

impl Node {
    /// True for `~`, `null` and for nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar without quotes that is not null.
    pub(crate) fn plain(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { plain: true, .. } => self.text(),
            _ => None,
        }
    }

    /// The value of a key of a map.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let NodeKind::Map(pairs) = &mut self.kind else { return None };
        pairs.iter_mut().find(|(known, _)| known.text == key).map(|(_, value)| value)
    }

    /// Takes the value of a key out of a map.
    pub(crate) fn take(&mut self, key: &str) -> Option<Self> {
        let NodeKind::Map(pairs) = &mut self.kind else { return None };
        let index = pairs.iter().position(|(known, _)| known.text == key)?;
        Some(pairs.remove(index).1)
    }

    /// The `id` of a map that has one.
    pub(crate) fn id(&self) -> Option<&str> {
        let NodeKind::Map(pairs) = &self.kind else { return None };
        pairs.iter().find(|(key, _)| key.text == "id").and_then(|(_, id)| id.text()).map(str::trim)
    }

    /// Description of it, for an error.
    pub(crate) fn describe_kind(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing (null)".to_owned(),
            NodeKind::Scalar { text, plain: true } => quoted(text),
            NodeKind::Scalar { text, plain: false } => format!("the text {}", quoted(text)),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a map".to_owned(),
            NodeKind::Broken => "what was reported".to_owned(),
        }
    }
}

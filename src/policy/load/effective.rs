//! A policy and all that it inherits as one text, each line with where it comes from.

use std::fmt::Write as _;

use super::super::written::node::{Node, NodeKind};

/// Where the comments begin, so that they can be read as a column.
const COLUMN: usize = 64;

/// The tree as YAML that reads back to the same tree; `names` are the files that its marks count.
pub(super) fn yaml(tree: &Node, names: &[String]) -> String {
    let mut page = EffectiveText { names, out: String::new() };
    if let NodeKind::Map(pairs) = &tree.kind {
        for (key, value) in pairs {
            page.pair(0, "", &key.text, &LineOrigin(key.at.file, key.at.line), value);
        }
    }
    page.out
}

struct LineOrigin(u16, u64);

struct EffectiveText<'n> {
    names: &'n [String],
    out: String,
}

impl EffectiveText<'_> {
    /// `KEY: VALUE`, the value below where it is more than a line; `lead` stands before it, such as `- `.
    fn pair(&mut self, indent: usize, lead: &str, key: &str, at: &LineOrigin, value: &Node) {
        let begin = format!("{:indent$}{lead}{}:", "", scalar(key, true));
        if let Some(text) = inline(value) {
            return self.line(&format!("{begin} {text}"), at);
        }
        self.line(&begin, at);
        self.below(indent + lead.len(), value);
    }

    fn below(&mut self, indent: usize, node: &Node) {
        match &node.kind {
            NodeKind::Map(pairs) => {
                for (key, value) in pairs {
                    self.pair(indent + 2, "", &key.text, &LineOrigin(key.at.file, key.at.line), value);
                }
            }
            NodeKind::List(items) => {
                for item in items {
                    self.item(indent + 2, item);
                }
            }
            NodeKind::Scalar { .. } | NodeKind::Broken => {}
        }
    }

    fn item(&mut self, indent: usize, item: &Node) {
        let at = LineOrigin(item.at.file, item.at.line);
        match (&item.kind, inline(item)) {
            (_, Some(text)) => self.line(&format!("{:indent$}- {text}", ""), &at),
            (NodeKind::Map(pairs), None) => {
                for (index, (key, value)) in pairs.iter().enumerate() {
                    let lead = if index == 0 { "- " } else { "  " };
                    self.pair(indent, lead, &key.text, &LineOrigin(key.at.file, key.at.line), value);
                }
            }
            // A list in a list, which no key of a policy has.
            (_, None) => {
                self.line(&format!("{:indent$}-", ""), &at);
                self.below(indent, item);
            }
        }
    }

    fn line(&mut self, text: &str, LineOrigin(file, line): &LineOrigin) {
        let name = self.names.get(usize::from(*file)).map_or("", String::as_str);
        let _ = writeln!(self.out, "{text:COLUMN$}  # {name}:{line}");
    }
}

/// A value that fits behind a key: a scalar, or a list of scalars.
fn inline(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar { text, plain } => Some(scalar(text, *plain)),
        NodeKind::List(items) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| match &item.kind {
                    NodeKind::Scalar { text, plain } => Some(scalar(text, *plain)),
                    NodeKind::List(_) | NodeKind::Map(_) | NodeKind::Broken => None,
                })
                .collect();
            texts.map(|texts| format!("[{}]", texts.join(", ")))
        }
        NodeKind::Map(pairs) => pairs.is_empty().then(|| "{}".to_owned()),
        NodeKind::Broken => Some("~".to_owned()),
    }
}

/// A scalar that is read as the same: without quotes where it has none and needs none. All that are more than text,
/// such as numbers, need none.
fn scalar(text: &str, plain: bool) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '+');
    if plain && text.chars().all(fits) && text.contains(|c: char| c.is_ascii_alphanumeric()) {
        return text.to_owned();
    }
    if plain && matches!(text, "" | "~") {
        return "~".to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}

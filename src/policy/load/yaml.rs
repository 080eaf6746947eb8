//! YAML to a tree, without what a policy must not have: anchors, aliases, merge keys, tags, directives, duplicate
//! keys, a second document, or more of anything than a person writes.
//!
//! The only place that knows the YAML library. Its event reader is used and not its serde reader, because the
//! latter stops at the first problem, and a team wants to see all of its typing errors at once.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, Tag};

use super::super::error::{PolicyProblems, SourcePosition, quoted};
use super::super::written::node::{Node, NodeKey, NodeKind as Shape};
use super::quote::quoting_help;
use crate::policy::diagnostics::PolicyDiagnostic;

/// Deepest nesting: a policy needs 7.
const DEPTH: usize = 32;

/// Kind of a file, for messages, and how much of it is read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct YamlFileKind {
    /// One of them, without article.
    pub(in super::super) one: &'static str,
    /// Several of them.
    pub(in super::super) many: &'static str,
    /// Action to take where the file holds nothing.
    pub(in super::super) begin: &'static str,
    /// Most bytes of a file.
    pub(in super::super) bytes: usize,
    /// Most values, keys and brackets of a file.
    pub(in super::super) events: usize,
}

/// A list or map that is still open.
struct OpenCollection {
    at: SourcePosition,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { pairs: Vec<(NodeKey, Node)>, seen: BTreeMap<String, SourcePosition>, key: Slot },
}

/// Next element that a map expects.
enum Slot {
    /// A key.
    Key,
    /// The value of this key.
    Value(NodeKey),
    /// The value of a key that was refused.
    Dropped,
}

/// The tree of the one document of `text`; `None` after a problem that ends the reading.
pub(in super::super) fn tree(text: &str, what: YamlFileKind, problems: &mut PolicyProblems) -> Option<Node> {
    tree_of(0, text, what, problems)
}

/// The same of the file with this number, which all places of the tree carry.
pub(in super::super) fn tree_of(
    file: u16,
    text: &str,
    what: YamlFileKind,
    problems: &mut PolicyProblems,
) -> Option<Node> {
    let mut builder = Builder { file, text, what, open: Vec::new(), root: None, documents: 0 };
    for (count, event) in Parser::new_from_str_with_options(text, options()).enumerate() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                not_yaml(file, text, &error, problems);
                return None;
            }
        };
        if count > what.events {
            problems.add(
                mark(file, &span),
                PolicyDiagnostic::TooManyValues { what: what.one, most: what.events },
            );
            return None;
        }
        builder.handle_event(event, &span, problems)?;
    }
    if builder.root.is_none() {
        let at = SourcePosition { file, ..SourcePosition::START };
        problems.add(at, PolicyDiagnostic::EmptyFile { what: what.one, begin: what.begin });
    }
    builder.root
}

/// The tree of a file that is another program's, such as the settings of a scanner: its own parser decides what it may
/// hold. `None` if it is not YAML.
pub fn foreign_tree(text: &str) -> Option<serde_json::Value> {
    serde_saphyr::from_str(text).ok()
}

fn options() -> Options {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    options.emit_comments = false;
    options.flow_nesting_limit = DEPTH;
    options.block_nesting_limit = DEPTH;
    options
}

fn mark(file: u16, span: &Span) -> SourcePosition {
    SourcePosition { file, line: span.start.line().max(1) as u64, column: span.start.col() as u64 + 1 }
}

/// Statements of the library about text that is not YAML, and what most often lies behind it.
fn not_yaml(file: u16, text: &str, error: &ScanError, problems: &mut PolicyProblems) {
    if let Some(line) = text.lines().position(|l| l.starts_with("<<<<<<< ") || l.starts_with(">>>>>>> ")) {
        let at = SourcePosition { file, line: line as u64 + 1, column: 1 };
        problems.add(at, PolicyDiagnostic::MergeConflict);
        return;
    }
    let at = SourcePosition {
        file,
        line: error.marker().line().max(1) as u64,
        column: error.marker().col() as u64 + 1,
    };
    let why = crate::finding::clean_line(&error.info()).into_owned();
    problems.add(at, PolicyDiagnostic::InvalidYaml { why, quote: quoting_help(text, at) });
}

struct Builder<'t> {
    file: u16,
    text: &'t str,
    what: YamlFileKind,
    open: Vec<OpenCollection>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    /// Takes one event; `None` ends the reading.
    fn handle_event(&mut self, event: Event<'_>, span: &Span, problems: &mut PolicyProblems) -> Option<()> {
        let at = mark(self.file, span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    problems.add(at, PolicyDiagnostic::SecondDocument { what: self.what.one });
                    return None;
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let word = span.slice(self.text).unwrap_or("*");
                problems.add(
                    at,
                    PolicyDiagnostic::YamlAlias {
                        what: self.what.many,
                        shown: quoted(word),
                        word: crate::finding::clean_line(word).into_owned(),
                    },
                );
                self.add_value(Node { at, kind: Shape::Broken }, problems);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let kind = Shape::Scalar { text: text.into_owned(), plain };
                let kind = if self.plain_node(anchor, tag.as_deref(), at, span, problems) {
                    kind
                } else {
                    Shape::Broken
                };
                self.add_value(Node { at, kind }, problems);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_node(anchor, tag.as_deref(), at, span, problems);
                self.open(at, Items::List(Vec::new()), problems)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_node(anchor, tag.as_deref(), at, span, problems);
                let items = Items::Map { pairs: Vec::new(), seen: BTreeMap::new(), key: Slot::Key };
                self.open(at, items, problems)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let OpenCollection { at, items } = self.open.pop()?;
                let kind = match items {
                    Items::List(list) => Shape::List(list),
                    Items::Map { pairs, .. } => Shape::Map(pairs),
                };
                self.add_value(Node { at, kind }, problems);
            }
            _ => {}
        }
        Some(())
    }

    fn open(&mut self, at: SourcePosition, items: Items, problems: &mut PolicyProblems) -> Option<()> {
        if self.open.len() >= DEPTH {
            problems.add(at, PolicyDiagnostic::NestedTooDeeply { what: self.what.one, most: DEPTH });
            return None;
        }
        self.open.push(OpenCollection { at, items });
        Some(())
    }

    /// Refuses anchors and tags.
    fn plain_node(
        &self,
        anchor: usize,
        tag: Option<&Tag>,
        at: SourcePosition,
        span: &Span,
        problems: &mut PolicyProblems,
    ) -> bool {
        if anchor != 0 {
            problems.add(at, PolicyDiagnostic::YamlAnchor { what: self.what.many });
        }
        if let Some(tag) = tag {
            let word = span.tag_span().and_then(|s| s.slice(self.text).map(str::to_owned));
            let word = word.unwrap_or_else(|| tag.original());
            problems.add(
                span.tag_span().map_or(at, |s| mark(self.file, &s)),
                PolicyDiagnostic::YamlTag { what: self.what.many, shown: quoted(&word) },
            );
        }
        anchor == 0 && tag.is_none()
    }

    /// Gives a finished value to what is open around it.
    fn add_value(&mut self, node: Node, problems: &mut PolicyProblems) {
        let Some(around) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut around.items {
            Items::List(list) => list.push(node),
            Items::Map { pairs, seen, key } => match std::mem::replace(key, Slot::Key) {
                Slot::Key => *key = as_key(node, seen, self.what, problems),
                Slot::Value(name) => pairs.push((name, node)),
                Slot::Dropped => {}
            },
        }
    }
}

/// A key that may stand: text, not a merge key, not there before.
fn as_key(
    node: Node,
    seen: &mut BTreeMap<String, SourcePosition>,
    what: YamlFileKind,
    problems: &mut PolicyProblems,
) -> Slot {
    let Node { at, kind } = node;
    let (text, plain) = match kind {
        Shape::Scalar { text, plain } => (text, plain),
        Shape::Broken => return Slot::Dropped,
        Shape::List(_) | Shape::Map(_) => {
            problems.add(at, PolicyDiagnostic::KeyNotAWord);
            return Slot::Dropped;
        }
    };
    if plain && text == "<<" {
        problems.add(at, PolicyDiagnostic::YamlMergeKey { what: what.many });
        return Slot::Dropped;
    }
    if let Some(first) = seen.get(&text) {
        problems.add(at, PolicyDiagnostic::DuplicateKey { shown: quoted(&text), line: first.line });
        return Slot::Dropped;
    }
    seen.insert(text.clone(), at);
    Slot::Value(NodeKey { at, text })
}

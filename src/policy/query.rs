//! `JSONPath` (RFC 9535) in policies: conditions on a finding and paths into documents.
//!
//! The library accepts queries that the RFC refuses and answers some that it accepts wrongly; a gate would pass in
//! silence. So its own syntax tree is walked once, when the policy is loaded, and only what is known to be answered
//! right is let through; `check` says what that is.

mod check;
mod fields;
mod regexp;
mod scan;

use jsonpath_rust::parser::model::{FilterAtom, JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

use crate::finding::clean;
use check::Checker;

/// Why a query may not stand in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The problem, on one line.
    pub message: String,
    /// Suggested replacement.
    pub help: Option<String>,
}

impl QueryError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()) }
    }
}

impl std::error::Error for QueryError {}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " (help: {help})"))
    }
}

/// A condition on the normalised finding: the inside of `$[?…]`, where `@` is the finding.
#[derive(Debug, Clone)]
pub struct Where {
    text: String,
    query: JpQuery,
    /// The parts of the finding that it asks for.
    names: Vec<String>,
}

impl Where {
    /// Compiles a condition, or says why it may not stand in a policy.
    pub fn compile(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(QueryError::help("the condition is empty", "leave `where` out to set no condition"));
        }
        if text.starts_with('$') {
            return Err(QueryError::help(
                "the condition starts with `$`; it is the inside of a filter, and `@` is the finding",
                format!("write {}", clean(&without_dollar(text))),
            ));
        }
        scan::before_parsing(text)?;
        let query =
            parse_json_path(&format!("$[?({text})]")).map_err(|e| not_parsed(text, &e.to_string(), 4))?;
        // The text could close the bracket itself and go on; what is parsed must be one filter in one pair of parentheses.
        let [
            Segment::Selector(Selector::Filter(jsonpath_rust::parser::model::Filter::Atom(
                FilterAtom::Filter { expr, not: false },
            ))),
        ] = query.segments.as_slice()
        else {
            return Err(QueryError::new("the condition closes a bracket that it does not open"));
        };
        Checker::of_findings().filter(expr)?;
        let first = |path: Vec<Segment>| match path.into_iter().next() {
            Some(Segment::Selector(Selector::Name(name))) => Some(name),
            _ => None,
        };
        let names = Checker::asked(expr).into_iter().filter_map(first).collect();
        Ok(Self { text: text.to_owned(), query, names })
    }

    /// Whether the finding, as the JSON output shows it, meets the condition. If the library fails it does: what
    /// cannot be decided is never let through.
    pub fn matches(&self, finding: &Value) -> bool {
        let one = Value::Array(vec![finding.clone()]);
        js_path_process(&self.query, &one).map_or(true, |nodes| !nodes.is_empty())
    }

    /// Whether it asks for this part of the finding.
    pub fn names(&self, part: &str) -> bool {
        self.names.iter().any(|name| name == part)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A path into a document, starting with `$`.
#[derive(Debug, Clone)]
pub struct DocumentPath {
    text: String,
    query: JpQuery,
    only: NodeChoice,
}

/// One step of a path.
#[derive(Debug, Clone)]
pub struct PathStep {
    /// Its action.
    pub kind: PathStepKind,
    /// The path up to here, as an author would write it.
    pub shown: String,
    query: JpQuery,
    /// The paths that a filter asks for.
    asked: Vec<JpQuery>,
}

/// Action of a step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathStepKind {
    /// Looks a name up.
    Name,
    /// Looks one element up.
    Index,
    /// Takes some elements by their place.
    Slice,
    /// Takes all, `[*]`.
    Every,
    /// Takes those that meet a condition.
    Filter,
}

impl PathStep {
    /// Nodes that it finds below a node; `None` if the library fails.
    pub fn nodes<'d>(&self, node: &'d Value) -> Option<Vec<&'d Value>> {
        let found = js_path_process(&self.query, node).ok()?;
        Some(found.into_iter().map(|node| node.val).collect())
    }

    /// Whether each path that a filter asks for finds something somewhere in what it chooses from; where one does not,
    /// the filter may have a typing error.
    pub fn knows(&self, nodes: &[&Value]) -> bool {
        let inner: Vec<&Value> = nodes.iter().flat_map(|node| children(node)).collect();
        let finds = |query: &JpQuery, node: &Value| js_path_process(query, node).is_ok_and(|n| !n.is_empty());
        inner.is_empty() || self.asked.iter().all(|query| inner.iter().any(|node| finds(query, node)))
    }
}

/// Elements of a list or an object.
fn children(node: &Value) -> Vec<&Value> {
    match node {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// Which nodes of a path count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeChoice {
    /// All.
    Any,
    /// Objects: what a name can be looked up in.
    Objects,
    /// Lists: what an index can be looked up in.
    Lists,
    /// Both: what a filter or `*` can go through.
    Containers,
}

impl DocumentPath {
    /// Compiles a path, or says why it may not stand in a policy.
    pub fn compile(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        if !text.starts_with('$') {
            return Err(QueryError::help(
                "a path into a document starts with `$`, the document",
                format!("write {}", clean(&format!("$.{}", text.trim_start_matches(['@', '.'])))),
            ));
        }
        scan::before_parsing(text)?;
        let query = parse_json_path(text).map_err(|e| not_parsed(text, &e.to_string(), 0))?;
        if query.segments.is_empty() {
            return Err(QueryError::help("the path names nothing in the document", "write `$.name`"));
        }
        Checker::of_documents().segments(&query.segments)?;
        Ok(Self { text: text.to_owned(), query, only: NodeChoice::Any })
    }

    /// Compiles a path that starts with `@`, a part of a document.
    pub fn compile_relative(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix('@') else {
            return Err(QueryError::help(
                "a path to a part of a finding starts with `@`, the finding",
                format!("write {}", clean(&format!("@.{}", text.trim_start_matches(['$', '.'])))),
            ));
        };
        Self::compile(&format!("${rest}")).map(|path| Self { text: text.to_owned(), ..path })
    }

    /// The steps of the path one by one, each to be taken from what the one before found.
    pub fn steps(&self) -> Vec<PathStep> {
        let segments = &self.query.segments;
        let start = self.text.get(..1).unwrap_or("$");
        let step = |(index, segment): (usize, &Segment)| {
            let before = segments.get(..=index).unwrap_or_default();
            PathStep {
                kind: match segment {
                    Segment::Selector(Selector::Name(_)) => PathStepKind::Name,
                    Segment::Selector(Selector::Index(_)) => PathStepKind::Index,
                    Segment::Selector(Selector::Slice(..)) => PathStepKind::Slice,
                    Segment::Selector(Selector::Filter(_)) => PathStepKind::Filter,
                    _ => PathStepKind::Every,
                },
                shown: check::display_path(segments, start, before.len()),
                asked: match segment {
                    Segment::Selector(Selector::Filter(filter)) => {
                        Checker::asked(filter).into_iter().map(JpQuery::new).collect()
                    }
                    _ => Vec::new(),
                },
                query: JpQuery::new(vec![segment.clone()]),
            }
        };
        segments.iter().enumerate().map(step).collect()
    }

    /// Whether the path can find one node at most: names and indexes only.
    pub fn singular(&self) -> bool {
        check::singular(&self.query.segments)
    }

    /// The path without its last step, which has to find something that the step can look into: only then does
    /// finding nothing say anything.
    pub fn container(&self) -> Option<Self> {
        let (last, before) = self.query.segments.split_last()?;
        let only = match last {
            Segment::Selector(Selector::Name(_)) => NodeChoice::Objects,
            Segment::Selector(Selector::Index(_) | Selector::Slice(..)) => NodeChoice::Lists,
            _ => NodeChoice::Containers,
        };
        let query = JpQuery::new(before.to_vec());
        Some(Self { text: self.text.clone(), query, only })
    }

    /// Nodes that the path finds. If the library fails, that is the whole document: it equals no expected fact, and it is
    /// something where nothing may be.
    pub fn nodes<'d>(&self, document: &'d Value) -> Vec<&'d Value> {
        let nodes = js_path_process(&self.query, document)
            .map_or_else(|_| vec![document], |found| found.into_iter().map(|node| node.val).collect());
        let counts = |node: &&Value| match self.only {
            NodeChoice::Any => true,
            NodeChoice::Objects => node.is_object(),
            NodeChoice::Lists => node.is_array(),
            NodeChoice::Containers => node.is_object() || node.is_array(),
        };
        nodes.into_iter().filter(counts).collect()
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `$[?(@.severity == 'high')]` as the condition that is meant.
fn without_dollar(text: &str) -> String {
    let inner = text.strip_prefix('$').unwrap_or(text);
    let inner = inner.strip_prefix("[*]").or_else(|| inner.strip_prefix("..")).unwrap_or(inner);
    let Some(filter) = inner.strip_prefix("[?").map(|f| f.trim_end().strip_suffix(']').unwrap_or(f).trim())
    else {
        return format!("@{inner}");
    };
    let bare = filter.strip_prefix('(').and_then(|f| f.strip_suffix(')')).unwrap_or(filter);
    // `(a) && (b)` would lose its outer brackets.
    let kept = if scan::balanced(bare) { bare } else { filter };
    kept.trim().to_owned()
}

/// The library's parse error as one line, with the place in `text`; `prefix` characters were put before it.
fn not_parsed(text: &str, error: &str, prefix: usize) -> QueryError {
    let column = error
        .split_once(" --> 1:")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse::<usize>().ok())
        .map(|column| column.saturating_sub(prefix).clamp(1, text.chars().count() + 1));
    let message = if let Some(column) = column {
        let rest: String = text.chars().skip(column - 1).take(30).collect();
        let near =
            if rest.trim().is_empty() { "at its end".to_owned() } else { format!("near {}", clean(&rest)) };
        format!("not valid JSONPath (RFC 9535), character {column}, {near}")
    } else {
        // Not the grammar but the library's own checks: functions that are ill-typed.
        let why = error.strip_prefix("Invalid json path: ").unwrap_or(error);
        format!("not valid JSONPath (RFC 9535): {}", crate::finding::clean_line(why))
    };
    QueryError::help(message, "names start with `@.`, texts stand in single quotes: @.tools[0] == 'semgrep'")
}

#[cfg(test)]
mod tests;

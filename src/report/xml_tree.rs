//! A whole XML document as a tree of JSON values, for formats that exist in both forms: what reads the one reads the other.
//!
//! An element is an object: its attributes are `@NAME`, its text is `#text`, and the elements in it are lists under their
//! names. [`converted`] turns that into the JSON that the format has, so that there is one reader for both. The tree is
//! held as a whole and therefore bounded.

use serde_json::{Map, Value};

use super::json::Json;
use super::tree::Tree;
use super::xml::{XmlElement, XmlNode, walk};
use super::{ReadError, Source};

/// Most bytes of names and texts that are held.
const MAX_TREE: usize = 64 << 20;

/// An element that has begun.
struct OpenElement {
    name: String,
    members: Map<String, Value>,
    text: String,
}

impl OpenElement {
    fn new(element: &XmlElement<'_>) -> Self {
        let attributes = element.attributes().map(|(name, value)| (format!("@{name}"), Value::from(value)));
        Self { name: element.name.to_owned(), members: attributes.collect(), text: String::new() }
    }

    fn close(mut self) -> (String, Value) {
        let text = self.text.trim();
        if !text.is_empty() {
            self.members.insert("#text".to_owned(), Value::from(text));
        }
        (self.name, Value::Object(self.members))
    }
}

/// Reads a document to its end as a tree, under the name of its root element.
pub(super) fn tree(document: &mut Json) -> Result<(String, Value), ReadError> {
    let mut open: Vec<OpenElement> = Vec::new();
    let mut root = None;
    let mut size = 0_usize;
    walk(document, |node| {
        match node {
            XmlNode::Open(element) => {
                size += element.name.len() + 64;
                size +=
                    element.attributes().map(|(name, value)| name.len() + value.len() + 64).sum::<usize>();
                open.push(OpenElement::new(&element));
            }
            XmlNode::Text(text) => {
                size += text.len();
                if let Some(element) = open.last_mut() {
                    element.text.push_str(text);
                }
            }
            XmlNode::Close => {
                let closed = open.pop().map(OpenElement::close);
                match (closed, open.last_mut()) {
                    (Some((name, value)), Some(parent)) => {
                        let list = parent.members.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                        if let Value::Array(list) = list {
                            list.push(value);
                        }
                    }
                    (closed, _) => root = closed,
                }
            }
        }
        if size > MAX_TREE { Err("XML of this format may hold 64 MiB at most".to_owned()) } else { Ok(()) }
    })?;
    root.ok_or_else(|| document.shape("no root element"))
}

/// Turns an XML document into the JSON that the format has, ready to be read.
pub(super) fn converted(
    document: &mut Json,
    convert: impl FnOnce(&str, Tree<'_>) -> Result<Value, String>,
) -> Result<Json, ReadError> {
    let (name, value) = tree(document)?;
    let value = convert(&name, Tree::of(&value)).map_err(|message| document.shape(&message))?;
    let text = value.to_string();
    Source::Bytes(text.into_bytes().into()).open(u64::MAX).map(Json::new)
}

/// An element and those in it that stand once at most.
pub(super) type SingleElements = (&'static str, &'static [&'static str]);

/// Refuses elements that stand more than once where one has a meaning: which of them another reader takes is not known.
pub(super) fn refuse_repeated(name: &str, root: Tree<'_>, single: &[SingleElements]) -> Result<(), String> {
    let mut open = vec![(name, root.value())];
    while let Some((name, element)) = open.pop() {
        let within = single.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, within)| within);
        for (child, list) in element.as_object().into_iter().flatten() {
            let Some(list) = list.as_array() else { continue };
            if list.len() > 1 && within.contains(&child.as_str()) {
                return Err(format!("`{name}` has {} elements `{child}`, and one is expected", list.len()));
            }
            open.extend(list.iter().map(|element| (child.as_str(), element)));
        }
    }
    Ok(())
}

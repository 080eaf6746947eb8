//! An XML document walked element by element, strictly: what two parsers could read in two ways is an error.
//!
//! `quick-xml` cuts the stream into tags and texts and checks names of end tags, quoting and UTF-8. The rest is ours:
//! one root element and nothing but blanks, comments and instructions around it, a depth, a number of attributes, and
//! no document type with declarations of its own. So there is no entity but the five of XML and characters by number,
//! nothing can be expanded, and nothing is fetched. A text comes in parts: references to characters are parts of their own.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::{Error, Reader};

use super::ReadError;
use super::json::Json;
use super::text::known_encoding;

/// Largest tag, text or comment.
const MAX_EVENT: usize = 64 << 20;
/// Deepest nesting.
const MAX_DEPTH: usize = 128;
/// Most attributes of one element: they are compared with each other.
const MAX_ATTRIBUTES: usize = 64;

/// Node that a walk meets.
pub(super) enum XmlNode<'x> {
    /// An element begins.
    Open(XmlElement<'x>),
    /// Text that is not blank, or a part of one.
    Text(&'x str),
    /// The element that began last and has not ended ends.
    Close,
}

/// The tag that begins an element.
pub(super) struct XmlElement<'x> {
    /// Its name, without prefix.
    pub(super) name: &'x str,
    attributes: Vec<(&'x str, Cow<'x, str>)>,
}

impl XmlElement<'_> {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_ref())
    }

    /// Its attributes, in their order.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (*key, value.as_ref()))
    }
}

/// The document's bytes, as `quick-xml` takes them; at most [`MAX_EVENT`] of them for one event.
struct Bytes<'j> {
    document: &'j mut Json,
    taken: usize,
    fault: Option<ReadError>,
}

impl BufRead for Bytes<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken > MAX_EVENT {
            let limit = MAX_EVENT as u64;
            self.fault =
                Some(ReadError::TooLarge { what: "one tag or text of the file", limit, flag: "fixed" });
            return Err(io::Error::other("too large"));
        }
        let fault = &mut self.fault;
        self.document.bytes().map_err(|error| {
            *fault = Some(error);
            io::Error::other("not readable")
        })
    }

    fn consume(&mut self, n: usize) {
        self.taken += n;
        self.document.consume(n);
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(to)?;
        self.consume(n);
        Ok(n)
    }
}

/// State of a walk through a document.
#[derive(Default)]
struct XmlWalk {
    begun: bool,
    path: Vec<String>,
    rooted: bool,
}

/// Walks a document to its end. What `visit` says is an error at the place it was come by.
pub(super) fn walk(
    document: &mut Json,
    mut visit: impl FnMut(XmlNode<'_>) -> Result<(), String>,
) -> Result<(), ReadError> {
    let mut walk = XmlWalk::default();
    let mut reader = Reader::from_reader(Bytes { document, taken: 0, fault: None });
    reader.config_mut().check_comments = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().taken = 0;
        let step = match reader.read_event_into(&mut buffer) {
            Ok(event) => walk.step(&event, &mut visit),
            Err(fault) => Err(XmlError::Markup(words(&fault))),
        };
        let bytes = reader.get_mut();
        match step {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(_) if bytes.fault.is_some() => return bytes.fault.take().map_or(Ok(()), Err),
            Err(XmlError::Markup(message)) => {
                return Err(bytes.document.markup(&walk.path.join("."), message));
            }
            Err(XmlError::Shape(message)) => {
                return Err(bytes.document.misfit(&walk.path.join("."), &message));
            }
        }
    }
}

/// Checks that the rest is one whole document of whatever kind.
pub(super) fn check(document: &mut Json) -> Result<(), ReadError> {
    walk(document, |_| Ok(()))
}

enum XmlError {
    Markup(&'static str),
    Shape(String),
}

/// The file was cut: the same words as for JSON.
const CUT: &str = "the file ends too early: it was cut, or is still being written";

impl XmlWalk {
    /// True at the end of the document.
    fn step(
        &mut self,
        event: &Event<'_>,
        visit: &mut impl FnMut(XmlNode<'_>) -> Result<(), String>,
    ) -> Result<bool, XmlError> {
        let first = !std::mem::replace(&mut self.begun, true);
        match event {
            Event::Start(tag) => self.open(tag, visit)?,
            Event::Empty(tag) => {
                self.open(tag, visit)?;
                self.close(visit)?;
            }
            Event::End(_) => self.close(visit)?,
            Event::Text(text) if self.path.is_empty() && !text.trim_ascii().is_empty() => {
                return Err(XmlError::Markup("text outside the root element"));
            }
            Event::CData(_) | Event::GeneralRef(_) if self.path.is_empty() => {
                return Err(XmlError::Markup("text outside the root element"));
            }
            Event::GeneralRef(name) => {
                let mut buffer = [0; 4];
                let text = match name.strip_prefix('#') {
                    Some(number) => numbered(number).map(|c| &*c.encode_utf8(&mut buffer)),
                    None => resolve_xml_entity(name),
                };
                let text = text.ok_or(XmlError::Markup(NO_ENTITY))?;
                visit(XmlNode::Text(text)).map_err(XmlError::Shape)?;
            }
            Event::CData(text) => visit(XmlNode::Text(text)).map_err(XmlError::Shape)?,
            Event::Text(text) if !text.trim_ascii().is_empty() => {
                visit(XmlNode::Text(text)).map_err(XmlError::Shape)?;
            }
            Event::Decl(declaration) => {
                if !first {
                    return Err(XmlError::Markup("an XML declaration that is not at the beginning"));
                }
                encoding(declaration)?;
            }
            Event::DocType(declared) if declared.contains('[') || self.rooted => {
                return Err(XmlError::Markup(
                    "a document type with declarations of its own, which are not read",
                ));
            }
            Event::Text(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof if self.rooted && self.path.is_empty() => return Ok(true),
            Event::Eof => return Err(XmlError::Markup(CUT)),
        }
        Ok(false)
    }

    fn open(
        &mut self,
        tag: &BytesStart<'_>,
        visit: &mut impl FnMut(XmlNode<'_>) -> Result<(), String>,
    ) -> Result<(), XmlError> {
        if self.path.is_empty() && std::mem::replace(&mut self.rooted, true) {
            return Err(XmlError::Markup("a second root element"));
        }
        if self.path.len() >= MAX_DEPTH {
            return Err(XmlError::Markup("nested deeper than 128 levels"));
        }
        let name = tag.local_name().into_inner();
        let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || !name.chars().all(in_name) {
            return Err(XmlError::Markup("a tag whose name is no name"));
        }
        self.path.push(name.chars().take(40).collect());
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| {
                XmlError::Markup("an attribute that is not `name=\"value\"`, or is given twice")
            })?;
            if attributes.len() >= MAX_ATTRIBUTES {
                return Err(XmlError::Markup("more than 64 attributes in one tag"));
            }
            if attribute.value.contains('<') {
                return Err(XmlError::Markup("`<` in the value of an attribute"));
            }
            let written = with_allowed_characters(&attribute.value).ok_or(XmlError::Markup(NO_ENTITY))?;
            let value = match written {
                Cow::Borrowed(_) => {
                    attribute.normalized_value_with(XmlVersion::Implicit1_0, 1, resolve_xml_entity)
                }
                Cow::Owned(value) => Attribute { key: attribute.key, value: Cow::Owned(value) }
                    .normalized_value_with(XmlVersion::Implicit1_0, 1, resolve_xml_entity)
                    .map(|value| Cow::Owned(value.into_owned())),
            }
            .map_err(|_| XmlError::Markup(NO_ENTITY))?;
            attributes.push((attribute.key.into_inner(), value));
        }
        visit(XmlNode::Open(XmlElement { name, attributes })).map_err(XmlError::Shape)
    }

    fn close(&mut self, visit: &mut impl FnMut(XmlNode<'_>) -> Result<(), String>) -> Result<(), XmlError> {
        visit(XmlNode::Close).map_err(XmlError::Shape)?;
        self.path.pop();
        Ok(())
    }
}

/// The bytes were decoded as the declaration says: see [`super::text`].
fn encoding(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(named)) if known_encoding(&named).is_some() => Ok(()),
        Some(Ok(_)) => Err(XmlError::Markup("an encoding that is not known; save the file as UTF-8")),
        Some(Err(_)) => Err(XmlError::Markup("an XML declaration that is none")),
    }
}

const NO_ENTITY: &str = "an entity that XML does not define";

/// The character of a reference by number, `65` or `x41`. What XML does not allow, control characters and halves of
/// surrogate pairs, is U+FFFD: scanners write them for what a tool printed and for file names that are not UTF-8.
fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).ok().filter(|code| *code <= 0x10_ffff)?;
    let allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    Some(char::from_u32(code).filter(allowed).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The value of an attribute as it is written, with [`numbered`] references to what XML does not allow replaced; `None`
/// where one is none.
fn with_allowed_characters(value: &str) -> Option<Cow<'_, str>> {
    let mut out = String::new();
    let mut replaced = false;
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("&#") {
        let (number, behind) = after.split_once(';')?;
        out.push_str(before);
        if numbered(number)? == char::REPLACEMENT_CHARACTER {
            replaced = true;
            out.push(char::REPLACEMENT_CHARACTER);
        } else {
            out.extend(["&#", number, ";"]);
        }
        rest = behind;
    }
    Some(if replaced { Cow::Owned(out + rest) } else { Cow::Borrowed(value) })
}

/// Without names and values of the file.
fn words(fault: &Error) -> &'static str {
    match fault {
        Error::Syntax(_) => CUT,
        Error::IllFormed(quick_xml::errors::IllFormedError::MismatchedEndTag { .. }) => {
            "an end tag of another name than the element it ends"
        }
        Error::IllFormed(_) => "markup that is not well-formed",
        Error::InvalidAttr(_) => "an attribute that is not `name=\"value\"`",
        Error::Encoding(_) => "text that is not UTF-8",
        Error::Escape(_) => "an entity that XML does not define",
        Error::Namespace(_) => "a name with a prefix that is none",
        Error::Io(_) => "it cannot be read",
    }
}

/// The name of the root element; empty where the bytes end before it.
pub(super) fn root(mut bytes: &[u8]) -> String {
    let mut reader = Reader::from_reader(&mut bytes);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag) | Event::Empty(tag)) => return tag.local_name().into_inner().to_owned(),
            // A fault is found again, and reported, where the document is read.
            Ok(Event::Eof) | Err(_) => return String::new(),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Source;

    fn check_bytes(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut document = Json::new(Source::Bytes(bytes.into()).open(1 << 30).unwrap());
        let mut seen = Vec::new();
        let walked = walk(&mut document, |node| {
            seen.push(match node {
                XmlNode::Open(element) => format!("{} {}", element.name, element.get("a").unwrap_or("-")),
                XmlNode::Text(text) => format!("t{}", text.trim()),
                XmlNode::Close => "/".to_owned(),
            });
            Ok(())
        });
        walked.and_then(|()| document.end()).map(|()| seen).map_err(|fault| fault.to_string())
    }

    #[test]
    fn elements_and_attributes() {
        let text = "\u{feff}<?xml version='1.0' encoding=\"utf-8\"?>\n<!-- c --><!DOCTYPE r SYSTEM \"r.dtd\">\n\
            <r a='x &lt;&#65;&amp;'><p:b a=\"\u{e9}\"/>text &gt; <![CDATA[ <raw> & ]]><b/></r>\n<!-- end --> ";
        assert_eq!(
            check_bytes(text.as_bytes()).unwrap(),
            ["r x <A&", "b \u{e9}", "/", "ttext", "t>", "t<raw> &", "b -", "/", "/"]
        );
        for end in 1..text.trim_end().len() - "<!-- end -->".len() - 1 {
            assert!(check_bytes(&text.as_bytes()[..end]).is_err(), "{}", text.get(..end).unwrap_or("cut"));
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "<r>",
            "<r></s>",
            "</r>",
            "<r/><r/>",
            "<r/>x",
            "x<r/>",
            "<r><a></r></a>",
            "<r a=1/>",
            "<r a='1' a='2'/>",
            "<r a/>",
            "<r a='<'/>",
            "<r>&nbsp;</r>",
            "<r a='&x;'/>",
            "<r>&</r>",
            "<r>&#x110000;</r>",
            "<r a='&#x110000;'/>",
            "<r a='&#;'/>",
            "<r a='&#+7;'/>",
            "<r a='&#65'/>",
            "<r/>&lt;",
            "<r/><![CDATA[x]]>",
            "<r><?xml version='1.0'?></r>",
            "<!-- a --><?xml version='1.0'?><r/>",
            "<?xml version='1.0' encoding='utf-7'?><r/>",
            "<r><!-- a -- b --></r>",
            "<>x</>",
            "<r",
            "<r b'x'/>",
            "",
            "<!-- only -->",
            "<r\"q\"/>",
            "<r><!x></r>",
        ] {
            assert!(check_bytes(text.as_bytes()).is_err(), "{text}");
        }
        for bytes in [
            &b"<r>\xff</r>"[..],
            b"<r a='\xe9'/>",
            b"<?xml version='1.0' encoding='us-ascii'?><r>\xe9</r>",
            b"<?xml version='1.0' encoding='unheard-of'?><r/>",
            b"<\xff/>",
        ] {
            assert!(check_bytes(bytes).is_err());
        }
        let fault = check_bytes(b"<r>\n <secret-v4lue></r>").unwrap_err();
        assert!(fault.contains("XML at line 2") && !fault.contains("v4lue></r>"), "{fault}");
    }

    #[test]
    fn references_to_what_xml_does_not_allow_are_the_replacement_character() {
        for (text, read) in [
            ("<r a='&#27;[31mb&#x41;d&#0;'>&#27;&#0;</r>", "r \u{fffd}[31mbAd\u{fffd}"),
            ("<r a='caf&#56553;&amp;&#xDCE9;&#xFFFE;'>&#xD800;x</r>", "r caf\u{fffd}&\u{fffd}\u{fffd}"),
            ("<r a='a&#9;b&#10;&#233;'>x</r>", "r a\tb\n\u{e9}"),
        ] {
            assert_eq!(check_bytes(text.as_bytes()).unwrap()[0], read, "{text}");
        }
        let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><r a='\xe9'>\xe9</r>";
        assert_eq!(check_bytes(latin).unwrap(), ["r \u{e9}", "t\u{e9}", "/"]);
    }

    #[test]
    fn nothing_is_expanded_fetched_or_nested_without_end() {
        let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>";
        assert!(check_bytes(laughs.as_bytes()).unwrap_err().contains("document type"));
        let outside = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>";
        assert!(check_bytes(outside.as_bytes()).is_err());
        assert!(check_bytes(format!("{}{}", "<r>".repeat(200), "</r>".repeat(200)).as_bytes()).is_err());
        assert!(check_bytes("<r>".repeat(1_000_000).as_bytes()).is_err());
        let many = (0..100_000).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" ");
        assert!(check_bytes(format!("<r {many}/>").as_bytes()).unwrap_err().contains("64 attributes"));
        let long = "x".repeat(1 << 20);
        assert!(check_bytes(format!("<r a='{long}'>{long}</r>").as_bytes()).is_ok());
    }

    #[test]
    fn roots() {
        for (text, name) in [
            ("<?xml version='1.0'?>\n<!-- <no> --><a:testsuites x='1'>", "testsuites"),
            ("<testsuite/>", "testsuite"),
            ("<?xml version='1.0'?>", ""),
            ("<testsuites name='a", ""),
            ("<!-- ", ""),
        ] {
            assert_eq!(root(text.as_bytes()), name, "{text}");
        }
    }
}

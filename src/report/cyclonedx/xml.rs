//! `CycloneDX` XML as the JSON that the specification has for it.
//!
//! Source of the shapes: the XML schemas 1.0 to 1.7 of the `CycloneDX` specification, and the extension for
//! vulnerabilities (`ext/vulnerability/1.0`) of the time before 1.4, which names the component by an attribute `ref` or
//! stands within it.

use serde_json::{Map, Value, json};

use crate::report::tree::Tree;
use crate::report::xml_tree::{SingleElements, refuse_repeated};

/// Elements that stand once.
const SINGLE: [SingleElements; 12] = [
    ("bom", &["metadata"]),
    ("metadata", &["timestamp", "component"]),
    ("component", &["group", "name", "version", "purl", "scope"]),
    ("service", &["group", "name", "version"]),
    ("vulnerability", &["id", "description", "detail", "recommendation", "published", "updated", "analysis"]),
    ("reference", &["id"]),
    ("rating", &["severity", "method", "vector", "score"]),
    ("score", &["base"]),
    ("analysis", &["state", "justification", "detail"]),
    ("target", &["ref"]),
    ("version", &["version", "status"]),
    ("license", &["id", "name"]),
];

/// The document as JSON; `null` for XML of another kind.
pub(in crate::report) fn from_xml(name: &str, bom: Tree<'_>) -> Result<Value, String> {
    let namespace = bom.members("").filter(|(key, _)| key.starts_with("@xmlns"));
    let mut namespace = namespace.filter_map(|(_, value)| value.value().as_str());
    let version = namespace.find_map(|url| url.split_once("cyclonedx.org/schema/bom/"));
    let Some((_, version)) = version.filter(|_| name == "bom") else { return Ok(Value::Null) };
    refuse_repeated(name, bom, &SINGLE)?;
    let mut document = Map::new();
    document.insert("bomFormat".to_owned(), "CycloneDX".into());
    document.insert("specVersion".to_owned(), version.into());
    if let Some(metadata) = bom.list("metadata").next() {
        let mut told = Map::new();
        put(&mut told, "timestamp", metadata.child_text("timestamp"));
        if let Some(subject) = metadata.list("component").next() {
            told.insert("component".to_owned(), component(subject));
        }
        document.insert("metadata".to_owned(), Value::Object(told));
    }
    for (outer, inner) in [("components", "component"), ("services", "service")] {
        if bom.has(outer) {
            let list = bom.children(outer, inner).map(component).collect();
            document.insert(outer.to_owned(), Value::Array(list));
        }
    }
    let mut found: Vec<Value> =
        bom.children("vulnerabilities", "vulnerability").map(|v| vulnerability(v, "")).collect();
    bom.children("components", "component").for_each(|c| within(c, &mut found));
    if bom.has("vulnerabilities") || !found.is_empty() {
        document.insert("vulnerabilities".to_owned(), Value::Array(found));
    }
    Ok(Value::Object(document))
}

fn put(map: &mut Map<String, Value>, key: &str, text: &str) {
    if !text.is_empty() {
        map.insert(key.to_owned(), text.into());
    }
}

fn component(element: Tree<'_>) -> Value {
    let mut map = Map::new();
    put(&mut map, "bom-ref", element.text("@bom-ref"));
    put(&mut map, "type", element.text("@type"));
    for key in ["group", "name", "version", "purl", "scope"] {
        put(&mut map, key, element.child_text(key));
    }
    let hash = |hash: Tree<'_>| json!({"alg": hash.text("@alg"), "content": hash.text("#text")});
    let hashes: Vec<Value> = element.children("hashes", "hash").map(hash).collect();
    let property = |p: Tree<'_>| json!({"name": p.text("@name"), "value": p.text("#text")});
    let properties: Vec<Value> = element.children("properties", "property").map(property).collect();
    let license = |l: Tree<'_>| {
        let mut named = Map::new();
        put(&mut named, "id", l.child_text("id"));
        put(&mut named, "name", l.child_text("name"));
        json!({ "license": named })
    };
    let expression = |e: Tree<'_>| json!({"expression": e.text("#text")});
    let licenses = element.children("licenses", "license").map(license);
    let licenses: Vec<Value> =
        licenses.chain(element.children("licenses", "expression").map(expression)).collect();
    let components: Vec<Value> = element.children("components", "component").map(component).collect();
    for (key, list) in
        [("hashes", hashes), ("properties", properties), ("licenses", licenses), ("components", components)]
    {
        if !list.is_empty() {
            map.insert(key.to_owned(), Value::Array(list));
        }
    }
    Value::Object(map)
}

/// Vulnerabilities that stand in the component that they affect.
fn within(component: Tree<'_>, found: &mut Vec<Value>) {
    let name = match component.text("@bom-ref") {
        "" => component.child_text("purl"),
        name => name,
    };
    found.extend(component.children("vulnerabilities", "vulnerability").map(|v| vulnerability(v, name)));
    component.children("components", "component").for_each(|c| within(c, found));
}

fn vulnerability(element: Tree<'_>, of: &str) -> Value {
    let mut map = Map::new();
    put(&mut map, "bom-ref", element.text("@bom-ref"));
    for key in ["id", "description", "detail", "recommendation", "published", "updated"] {
        put(&mut map, key, element.child_text(key));
    }
    let references = element.children("references", "reference").map(|r| json!({"id": r.child_text("id")}));
    map.insert("references".to_owned(), references.collect());
    map.insert("ratings".to_owned(), element.children("ratings", "rating").map(rating).collect());
    let cwes = element.children("cwes", "cwe").map(|cwe| Value::from(cwe.text("#text")));
    map.insert("cwes".to_owned(), cwes.collect());
    if let Some(analysis) = element.list("analysis").next() {
        let mut told = Map::new();
        for key in ["state", "justification", "detail"] {
            put(&mut told, key, analysis.child_text(key));
        }
        let responses = analysis.children("responses", "response").map(|r| Value::from(r.text("#text")));
        told.insert("response".to_owned(), responses.collect());
        map.insert("analysis".to_owned(), Value::Object(told));
    }
    let version = |v: Tree<'_>| json!({"version": v.child_text("version"), "status": v.child_text("status")});
    let mut affects: Vec<Value> = element
        .children("affects", "target")
        .map(|target| {
            let versions: Vec<Value> = target.children("versions", "version").map(version).collect();
            json!({"ref": target.child_text("ref"), "versions": versions})
        })
        .collect();
    let named = match element.text("@ref") {
        "" => of,
        named => named,
    };
    if affects.is_empty() && !named.is_empty() {
        affects.push(json!({ "ref": named }));
    }
    map.insert("affects".to_owned(), Value::Array(affects));
    Value::Object(map)
}

fn rating(element: Tree<'_>) -> Value {
    let mut map = Map::new();
    for key in ["severity", "method", "vector"] {
        put(&mut map, key, element.child_text(key));
    }
    // In the extension a score has parts.
    let base = element.list("score").next().map_or("", |score| score.child_text("base"));
    put(&mut map, "score", if base.is_empty() { element.child_text("score") } else { base });
    Value::Object(map)
}

//! A JSON document that rules look at whole: small, and held as a tree.

use serde_json::{Map, Value};

use super::value::RawJson;
use super::{Json, JsonKind, ReadError, Source};

/// Reads a document of at most `max` bytes; gives it with its SHA-256 and number of bytes.
pub fn read_document(source: &Source, max: u64) -> Result<(Value, String, u64), ReadError> {
    let mut json = Json::new(source.open(max)?);
    let document = value(&mut json)?;
    json.end()?;
    let (bytes, sha256) = json.finish();
    Ok((document, sha256, bytes))
}

/// How much of a file tells whether it is an attestation.
const ATTESTATION_LOOK: usize = 64 << 10;

/// Whether a file is an envelope around a document, a bundle around an envelope, or a bare in-toto statement.
pub fn is_attestation(source: &Source, max: u64) -> Result<bool, ReadError> {
    let opening = Json::new(source.open(max)?).opening(ATTESTATION_LOOK)?;
    // A long payload may stand before everything else.
    let keys = [
        "payload",
        "payloadType",
        "signatures",
        "_type",
        "dsseEnvelope",
        "verificationMaterial",
        "base64Signature",
    ];
    Ok(keys.iter().any(|key| opening.has(key)))
}

/// Reads the documents of a file, one or several one after the other (JSON lines), each with its text as it is
/// written. The file may have `max` bytes.
pub fn read_documents(source: &Source, max: u64) -> Result<Vec<(Value, Vec<u8>)>, ReadError> {
    let mut json = Json::new(source.open(max)?);
    let mut documents = Vec::new();
    loop {
        let text: Vec<u8> = json.with_value::<RawJson<'static>, _>(|raw| raw.0.as_bytes().to_vec())?;
        let (document, ..) = read_document(&Source::Bytes(text.as_slice().into()), max)?;
        documents.push((document, text));
        if json.at_end()? {
            return Ok(documents);
        }
    }
}

/// Reads the same, with the SHA-256 and the number of bytes of the whole file and without the texts.
pub fn read_statements(source: &Source, max: u64) -> Result<(Vec<Value>, String, u64), ReadError> {
    let mut json = Json::new(source.open(max)?);
    let mut documents = vec![value(&mut json)?];
    while !json.at_end()? {
        documents.push(value(&mut json)?);
    }
    let (bytes, sha256) = json.finish();
    Ok((documents, sha256, bytes))
}

/// Builds a tree in which no object has a key twice, which `serde_json::Value` by itself would let pass.
pub(super) fn value(json: &mut Json) -> Result<Value, ReadError> {
    match json.kind()? {
        JsonKind::Object => {
            let mut map = Map::new();
            json.object(|json, key| {
                map.insert(key.to_owned(), value(json)?);
                Ok(())
            })?;
            Ok(Value::Object(map))
        }
        JsonKind::Array => {
            let mut list = Vec::new();
            json.array(|json, _| {
                list.push(value(json)?);
                Ok(())
            })?;
            Ok(Value::Array(list))
        }
        JsonKind::String | JsonKind::Number | JsonKind::Bool | JsonKind::Null => {
            json.with_value::<Value, _>(|scalar| scalar)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, ReadError> {
        read_document(&Source::Bytes(text.as_bytes().into()), 1 << 20).map(|(value, ..)| value)
    }

    #[test]
    fn several_documents_and_their_texts() {
        let read = |text: &str| read_documents(&Source::Bytes(text.as_bytes().into()), 1 << 20);
        let documents = read("{\"a\" : 1}\n[2]").unwrap();
        assert_eq!(documents[0], (serde_json::json!({"a": 1}), b"{\"a\" : 1}".to_vec()));
        assert_eq!(documents[1].1, b"[2]");
        assert!(read("{\"a\":1}\n{\"a\":1,\"a\":2}").unwrap_err().to_string().contains("duplicate"));
        assert!(read("{} x").is_err());
        assert!(matches!(read(" "), Err(ReadError::Empty)));
    }

    #[test]
    fn a_tree_without_keys_given_twice() {
        assert_eq!(read(r#"{"a":[1,{"b":null}]}"#).unwrap(), serde_json::json!({"a": [1, {"b": null}]}));
        assert!(read(r#"{"a":{"b":1,"b":2}}"#).unwrap_err().to_string().contains("duplicate"));
        assert!(read(r#"{"a":1} x"#).is_err());
        assert!(matches!(read(" "), Err(ReadError::Empty)));
    }

    #[test]
    fn documents_follow_each_other() {
        let read = |text: &str| {
            read_statements(&Source::Bytes(text.as_bytes().into()), 1 << 20).map(|(values, ..)| values.len())
        };
        assert_eq!(read("{\"a\":1}\n{\"a\":2}\n").unwrap(), 2);
        assert_eq!(read("{\n\"a\": 1\n}\n").unwrap(), 1);
        assert!(read("{\"a\":1}\n{\"a\":1,\"a\":2}\n").is_err());
        assert!(read("{\"a\":1}\nlog line\n").is_err());
        assert!(read("").is_err());
    }
}

//! Edges of the window, places of faults, and what is checked in passing.

use super::*;
use crate::report::Source;

fn json(text: &str) -> Json {
    Json::new(Source::Bytes(text.as_bytes().into()).open(1 << 30).unwrap())
}

/// Every token crosses the edge of the window at every one of its bytes.
#[test]
fn the_edge_of_the_window_changes_nothing() {
    let element = r#"{"a":-12.5e-3,"b":"x\u00e9\"é","c":[true,false,null,0,-1,1E+9],"d":{}}"#;
    let value: serde_json::Value = serde_json::from_str(element).unwrap();
    for pad in 0..=WINDOW {
        let list = [element; 4].join(",\n");
        let text = format!("{}[{list}, 12.25]", " ".repeat(pad));
        let mut read = Vec::new();
        let mut document = json(&text);
        document
            .array(|json, _| {
                read.push(json.take::<serde_json::Value, _>(|v| v)?);
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{pad}: {e}"));
        document.end().unwrap();
        assert_eq!(read[..4], vec![value.clone(); 4], "{pad}");
        assert_eq!(read[4], serde_json::json!(12.25));
        let mut document = json(&text);
        document.skip().and_then(|()| document.end()).unwrap_or_else(|e| panic!("skip, {pad}: {e}"));
    }
}

#[test]
fn faults_are_placed_in_the_whole_file() {
    let mut document = json(&format!("[{}\n  1.x]", "1,\n".repeat(100)));
    let fault = document.array(|json, _| json.skip()).unwrap_err().to_string();
    assert!(fault.contains("line 102, column"), "{fault}");
    let mut document = json(&format!("{{\"a\":[{}", "1,".repeat(100)));
    let fault = document.skip().unwrap_err().to_string();
    assert!(fault.contains("ends too early"), "{fault}");
}

#[test]
fn syntax_depth_and_encoding_are_checked_in_what_is_skipped() {
    let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
    for text in ["[1 2]", "[1,]", "{\"a\" 1}", "{\"a\":1,}", "[tru]", "[01]", "[\"\u{1}\"]", "{a:1}", &deep] {
        let mut document = json(text);
        assert!(document.skip().and_then(|()| document.end()).is_err(), "{text}");
    }
    let mut document = Json::new(Source::Bytes(b"[\"\xff\"]".as_slice().into()).open(1 << 20).unwrap());
    assert!(document.skip().unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn nesting_that_would_exhaust_the_stack_is_refused() {
    for open in ["[", "{\"a\":"] {
        assert!(json(&open.repeat(1_000_000)).skip().is_err());
        assert!(json(&open.repeat(1_000_000)).take::<serde_json::Value, _>(|_| ()).is_err());
    }
    assert_eq!(nesting(br#"[{"a":["]]]\"[[["]},[[]]]"#), 3);
}

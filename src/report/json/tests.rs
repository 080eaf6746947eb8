//! Edges of the window, places of faults, and what is checked in passing.

use proptest::prelude::*;

use super::*;
use crate::report::Source;
use crate::report::value::RawJson;

fn json(text: &str) -> Json {
    Json::new(Source::Bytes(text.as_bytes().into()).open(1 << 30).unwrap())
}

/// Texts that are JSON or nearly so.
fn nearly_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\":",
        "{\"a\":",
        "\\",
        "\\u",
        "\\n",
        "\\ud83d",
        "\\ude00",
        "\\udce9",
        "\\u00e9",
        "00",
        "0",
        "-",
        "12",
        "1.5",
        "e9",
        "E+400",
        "-0",
        "18446744073709551616",
        "true",
        "false",
        "null",
        "tru",
        " ",
        "\n\t\r ",
        "é",
        "\u{1}",
        "\u{7f}",
        "plain text longer than sixteen bytes",
        "x",
    ]);
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

fn with_serde_json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

/// The text with each escape of half a surrogate pair, which `serde_json` refuses, as that of U+FFFD: what a string
/// then holds is what it must hold.
fn whole_pairs(text: &str) -> String {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let length = match (c, unit(at), unit(at + 6)) {
            ('\\', Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            ('\\', Some(0xd800..0xe000), _) => {
                out.push_str("\\ufffd");
                at += 6;
                continue;
            }
            // The character after a backslash begins no escape of its own.
            ('\\', ..) => {
                1 + text.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
            }
            (c, ..) => c.len_utf8(),
        };
        out.push_str(text.get(at..at + length).unwrap_or_default());
        at += length;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn values_are_read_as_serde_json_reads_them(text in nearly_json()) {
        for text in [text.clone(), format!("\"{text}\""), format!("[{text}]"), format!("{{\"a\":[{text}]}}")] {
            let theirs: Result<serde_json::Value, _> = with_serde_json(&whole_pairs(&text));
            let ours: Result<serde_json::Value, _> = parse(&text);
            prop_assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{}", &text);
            prop_assert_eq!(parse::<IgnoredAny>(&text).is_ok(), with_serde_json::<IgnoredAny>(&text).is_ok(), "{}", &text);
            let raw = parse::<RawJson<'_>>(&text).map(|raw| raw.0).ok();
            let theirs = with_serde_json::<&serde_json::value::RawValue>(&text).map(serde_json::value::RawValue::get).ok();
            prop_assert_eq!(raw, theirs, "{}", &text);
            prop_assert_eq!(with_serde_json::<RawJson<'_>>(&text).map(|raw| raw.0).ok(), theirs);
            // Of a good text every part from its beginning only lacks what follows.
            if theirs.is_some() {
                for part in text.char_indices().filter_map(|(at, _)| text.get(..at)) {
                    if let Err(fault) = parse::<IgnoredAny>(part) {
                        prop_assert_eq!(fault.kind(), JsonErrorKind::End, "{}", part);
                    }
                }
            }
        }
    }
}

#[test]
fn half_a_surrogate_pair_is_the_replacement_character() {
    for (text, read) in [
        (r#""caf\udce9.py""#, "caf\u{fffd}.py"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
    ] {
        assert_eq!(parse::<String>(text).unwrap(), read, "{text}");
        assert_eq!(with_serde_json::<String>(&whole_pairs(text)).unwrap(), read, "{text}");
    }
    assert!(parse::<String>(r#""\ud83d\uzzzz""#).is_err());
    assert!(parse::<String>(r#""\ud83d\u12"#).is_err());
    // Two file names that are not UTF-8 may look alike; both are read.
    let mut keys = 0;
    json(r#"{"a\udce9":1,"a\udcea":2}"#)
        .object(|json, _| {
            keys += 1;
            json.skip()
        })
        .unwrap();
    assert_eq!(keys, 2);
}

#[test]
fn types_are_read_as_serde_json_reads_them() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Shape<'a> {
        #[serde(borrow)]
        text: std::borrow::Cow<'a, str>,
        number: Option<i32>,
        #[serde(default)]
        list: Vec<bool>,
        unit: Option<()>,
        word: Option<Word>,
        pair: Option<(u8, f64)>,
        map: Option<std::collections::BTreeMap<String, char>>,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    enum Word {
        Yes,
        No,
    }
    for text in [
        r#"{"text":"a"}"#,
        r#" { "text" : "\u0061", "number" : -7 , "list" : [ true , false ], "other": [{}, 1e400] } "#,
        r#"{"text":"a","unit":null,"word":"No","pair":[1,2],"map":{"k":"v"}}"#,
        r#"["a", 1, [], null, "Yes", null, null]"#,
        r#"["a"]"#,
        r#"{"text":"a","text":"b"}"#,
        r#"{"number":1}"#,
        r#"{"text":1}"#,
        r#"{"text":"a","number":2147483648}"#,
        r#"{"text":"a","number":1.5}"#,
        r#"{"text":"a","number":"1"}"#,
        r#"{"text":"a","list":{}}"#,
        r#"{"text":"a","word":"Perhaps"}"#,
        r#"{"text":"a","pair":[1]}"#,
        r#"{"text":"a","pair":[1,2,3]}"#,
        r#"{"text":"a","map":["k"]}"#,
        r#"{"text":"a","map":{"k":"long"}}"#,
        "7",
        "null",
    ] {
        match (parse::<Shape<'_>>(text), with_serde_json::<Shape<'_>>(text)) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
            (Err(ours), Err(theirs)) => {
                let known = theirs.is_data() == (ours.kind() == JsonErrorKind::Shape);
                assert!(known, "{text}: {ours}, {theirs}");
                assert_eq!(without_values(&ours.to_string()), without_values(&theirs.to_string()), "{text}");
            }
            (ours, theirs) => panic!("{text}: {ours:?}, {theirs:?}"),
        }
    }
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
                read.push(json.with_value::<serde_json::Value, _>(|v| v)?);
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
        assert!(json(&open.repeat(1_000_000)).with_value::<serde_json::Value, _>(|_| ()).is_err());
    }
    let deep = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for (levels, ok) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, false)] {
        assert_eq!(parse::<IgnoredAny>(&deep(levels)).is_ok(), ok);
        assert_eq!(parse::<serde_json::Value>(&deep(levels)).is_ok(), ok);
        // What is skipped inside an element counts from the top of the document.
        assert_eq!(json(&format!("[{}]", deep(levels - 1))).array(|json, _| json.skip()).is_ok(), ok);
    }
}

#[test]
fn a_message_names_no_type_of_this_code() {
    let message = without_values("invalid type: string \"AKIA\", expected struct Item at line 3 column 7");
    assert_eq!(without_type_name(message), "invalid type: string, expected an object");
    let message = without_values("invalid type: sequence, expected a string");
    assert_eq!(without_type_name(message), "invalid type: sequence, expected a string");
}

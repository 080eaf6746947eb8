//! Bytes that are no policy, or that would be read as another one than is seen.

use proptest::prelude::*;

use crate::policy::load::load;
use crate::policy::load::tests::{refusal, refuses, selecting, with_rule, with_top};

/// Lines made from their numbers.
fn numbered(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

#[test]
fn yaml_that_hides_something_is_refused() {
    refuses(
        &with_rule("  - {id: r, findings: {}, then: fail, then: warn}"),
        "5:39: duplicate key `then`; it stands in line 5 already",
        "",
    );
    refuses(
        &with_top("base: &b {from: diff}"),
        "6:10: anchors are not used in policies",
        "write the value out",
    );
    refuses(
        &with_rule("  - {id: r, findings: {rule_id: *foo}, then: fail}"),
        "5:33: aliases are not used in policies: `*foo`",
        "quote it: \"*foo\"",
    );
    refuses(
        &with_rule("  - {id: r, findings: {tool: !!binary c2FzdA==}, then: fail}"),
        "5:30: tags are not used in policies: `!!binary`",
        "quote it",
    );
    refuses(
        &with_rule("  - {id: r, findings: {}, then: fail, <<: {allow: 9}}"),
        "5:39: merge keys (`<<`) are not used in policies",
        "",
    );
    refuses(&with_top("---\nrules: []"), "6:1: a second YAML document starts here", "one policy a file");
    refuses("%YAML 1.1\n---\nversion: 1\n", "1:1: not valid YAML: YAML directives are disallowed", "");
    refuses(&with_top("? [a]\n: b"), "6:3: a key must be a word", "");
    refuses("<<<<<<< HEAD\nversion: 1\n=======\n", "1:1: a merge conflict was left in the file", "");
}

#[test]
fn unquoted_signs_are_explained() {
    let quoted = |rule: &str, want: &str| {
        let error = refusal(&with_rule(rule));
        assert!(error.contains(&format!("quote it: `\"{want}\"`")), "{error}");
    };
    quoted("  - {id: r, then: fail, findings: {severity: >=high}}", ">=high");
    quoted("  - {id: r, then: review, findings: {}, reviewers: {any_of: [@lead]}}", "@lead");
    quoted("  - id: r\n    where: @.severity == 'high'", "@.severity == 'high'");
    quoted("  - id: r\n    title: %done", "%done");
    quoted("  - id: r\n    title: `code`", "`code`");
    quoted("  - id: r\n    title: [draft] gate", "[draft] gate");
    quoted("  - id: r\n    title: stop: now", "stop: now");
}

#[test]
fn encodings_and_sizes_are_checked_first() {
    let good = selecting("category: sast");
    assert!(load("p", format!("\u{feff}{good}").as_bytes()).is_ok());
    assert!(load("p", good.replace('\n', "\r\n").as_bytes()).is_ok());
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert!(
        load("p.yaml", &utf16).unwrap_err().to_string().contains("p.yaml:1:1: the file is UTF-16 or UTF-32")
    );
    assert!(
        load("p.yaml", b"version: 1\ngate: \xe9\n")
            .unwrap_err()
            .to_string()
            .starts_with("p.yaml:2:7: a byte here is not UTF-8")
    );
    assert!(load("p.yaml", &vec![b'#'; 2_000_000]).unwrap_err().to_string().contains("1048576 bytes"));
}

#[test]
fn hostile_yaml_ends_soon() {
    let start = std::time::Instant::now();
    let deep = |open: &str| open.repeat(2_000);
    for text in [
        deep("["),
        deep("{a: "),
        deep("- "),
        deep("? "),
        deep("a:\n "),
        numbered(2_000, |n| format!("{}a:\n", " ".repeat(n.min(400)))),
        format!("a: [{}]", "1,".repeat(300_000)),
        numbered(40_000, |n| format!("k{n}: 1\n")),
        numbered(3_000, |n| format!("k{n}: &a{n} 1\n")),
        format!("? {}\n: 1\n", "k".repeat(60_000)),
        format!("a: \"{}", "x".repeat(900_000)),
        "!".repeat(100_000),
        "\t".repeat(100_000),
        "'".repeat(99_999),
        "*a ".repeat(30_000),
    ] {
        let error = refusal(&text);
        assert!(error.len() < 60_000, "{}", error.len());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the bytes are, the answer is a policy or an error that names a place.
    #[test]
    fn loading_never_panics(text in "(?s).{0,200}", cut in 0usize..2_000, at in 0usize..2_000) {
        let _ = load("p", text.as_bytes());
        // Text that is nearly a policy reaches further into the code than noise does.
        let example = include_str!("../example.yaml");
        let keep: String = example.chars().take(cut).collect();
        let _ = load("p", keep.as_bytes());
        let mut mixed: String = example.chars().take(at).collect();
        mixed.push_str(&text);
        mixed.extend(example.chars().skip(at));
        if let Err(error) = load("p", mixed.as_bytes()) {
            prop_assert!(error.to_string().starts_with("p:"));
            prop_assert!(error.problems().iter().all(|p| p.line > 0 && p.column > 0));
        }
    }
}

//! What secgate's JSON reader gains over serde_json in the same window.
//!
//! cargo bench --manifest-path benches/json_reader/Cargo.toml
//!
//! Three ways over one report of 2,000 findings in Semgrep's layout, held in memory, to the same four fields of each finding,
//! borrowed where they hold no escape, everything else skipped:
//!
//! - `secgate`: the reader as every format uses it, with its own parser, its path for messages, duplicate keys refused and
//!   the digest of the bytes;
//! - `serde_json in a window`: each element cut out by serde_json's own stream of values, as the reader did before it had a
//!   parser, without path, duplicates or digest;
//! - `serde_json at once`: a derived struct over the whole document, which a large report would have to fit into memory for.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use secgate::report::json::{BorrowedShape, Json, JsonKind};
use secgate::report::value::Str;
use secgate::report::{ReadError, Source};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    check_id: Str<'a>,
    #[serde(borrow)]
    path: Str<'a>,
    start: Position,
    #[serde(borrow)]
    extra: Extra<'a>,
}

#[derive(Deserialize)]
struct Position {
    line: u64,
}

#[derive(Deserialize)]
struct Extra<'a> {
    #[serde(borrow)]
    severity: Str<'a>,
}

impl BorrowedShape for Item<'static> {
    type As<'de> = Item<'de>;
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    results: Vec<Item<'a>>,
    #[serde(rename = "errors")]
    _errors: IgnoredAny,
}

/// Characters that a finding is looked at for, so that nothing is optimised away.
fn weight(item: &Item<'_>) -> u64 {
    let texts = [&item.check_id.0, &item.path.0, &item.extra.severity.0];
    texts.iter().map(|text| text.len() as u64).sum::<u64>() + item.start.line
}

fn report(findings: usize) -> String {
    let finding = |n: usize| {
        format!(
            r#"{{"check_id":"python.lang.security.audit.rule-{}","path":"src/services/module_{}/file_{n}.py","start":{{"line":{},"col":9,"offset":{}}},"end":{{"line":{},"col":41,"offset":{}}},"extra":{{"metavars":{{"$X":{{"start":{{"line":1,"col":1,"offset":0}},"abstract_content":"request.args.get(\"q\")"}}}},"message":"User input reaches a function that builds a statement from text; take parameters instead. See the guide, part {}.","metadata":{{"cwe":["CWE-89: Improper Neutralization of Special Elements used in an SQL Command"],"confidence":"HIGH","references":["https://example.com/rules/{}"],"owasp":["A03:2021 - Injection"]}},"severity":"ERROR","fingerprint":"{:064x}","lines":"    cursor.execute(\"SELECT * FROM t WHERE id = %s\" % user_id)","is_ignored":false,"validation_state":"NO_VALIDATOR","engine_kind":"OSS"}}}}"#,
            n % 40,
            n % 17,
            n % 900 + 1,
            n * 31,
            n % 900 + 2,
            n * 31 + 40,
            n % 7,
            n % 40,
            n
        )
    };
    let all: Vec<String> = (0..findings).map(finding).collect();
    format!(r#"{{"version":"1.100.0","results":[{}],"errors":[],"paths":{{"scanned":[]}}}}"#, all.join(","))
}

fn secgate(bytes: &Source) -> Result<u64, ReadError> {
    let mut json = Json::new(bytes.open(u64::MAX)?);
    let mut sum = 0;
    json.object(|json, key| match key {
        "results" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            sum += json.item::<Item<'static>, _>(|item| weight(&item))?;
            Ok(())
        }),
        _ => json.skip(),
    })?;
    json.end()?;
    black_box(json.finish());
    Ok(sum)
}

/// From the first element on, one value after the other, each skipped comma and bracket by hand.
fn in_a_window(text: &str) -> u64 {
    let key = "\"results\":[";
    let mut rest = text.find(key).and_then(|at| text.get(at + key.len()..)).unwrap_or_default();
    let mut sum = 0;
    while rest.starts_with('{') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Item<'_>>();
        let Some(Ok(item)) = values.next() else { break };
        sum += weight(&item);
        rest = rest.get(values.byte_offset()..).unwrap_or_default();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    sum
}

fn at_once(text: &str) -> u64 {
    let whole: Whole<'_> = serde_json::from_str(text).expect("the report is valid");
    whole.results.iter().map(weight).sum()
}

fn compare(criterion: &mut Criterion) {
    let text = report(2_000);
    let source = Source::Bytes(text.as_bytes().into());
    let sum = secgate(&source).expect("the report is valid");
    assert_eq!((sum, sum), (in_a_window(&text), at_once(&text)), "all three read the same");
    let mut group = criterion.benchmark_group("2,000 findings");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("secgate", |bench| bench.iter(|| secgate(black_box(&source))));
    group.bench_function("serde_json in a window", |bench| bench.iter(|| in_a_window(black_box(&text))));
    group.bench_function("serde_json at once", |bench| bench.iter(|| at_once(black_box(&text))));
    group.finish();
}

criterion_group!(benches, compare);
criterion_main!(benches);

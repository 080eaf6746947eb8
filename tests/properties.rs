//! Promise 1 over damaged reports: no reader panics, and damage to a report that blocks never turns it into a pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where it fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use secgate::decide::Context;
use secgate::finding::Finding;
use secgate::gather::{EvidenceSource, GivenFile, Inputs, Limits};
use secgate::relate::Waivers;
use secgate::report::{self, Hint, Options, Sink, Source};

fn reports() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path
                .extension()
                .is_some_and(|e| ["json", "jsonl", "sarif", "xml"].iter().any(|known| e == *known))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "app") {
            walk(&path, &mut found);
        }
    }
    found.sort();
    assert!(found.len() > 20);
    found
}

#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn finding(&mut self, _: Finding) {
        self.0 += 1;
    }
    fn restart(&mut self) {
        self.0 = 0;
    }
}

fn read(bytes: &[u8], format: Option<&str>) -> (report::ReadOutcome, usize) {
    let mut count = Count::default();
    let options = Options { max_report: 1 << 30, ..Options::default() };
    let outcome = report::read_source(
        &Source::Bytes(bytes.into()),
        Hint { format, category: None },
        &options,
        &mut count,
    );
    (outcome, count.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
        byte in any::<u8>(), truncate in any::<bool>(), hinted in any::<prop::sample::Index>(),
    ) {
        let files = reports();
        let mut bytes = fs::read(which.get(&files)).unwrap();
        let i = at.index(bytes.len());
        bytes[i] = byte;
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read(&bytes, None);
        let _ = read(&bytes, Some(hinted.get(report::FORMATS).id));
    }

    #[test]
    fn a_cut_report_is_unreadable(which in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let files = reports();
        let path = which.get(&files);
        let text = fs::read(path).unwrap();
        let whole = text.trim_ascii_end();
        let (outcome, found) = read(whole, None);
        let cut = &whole[..cut.index(whole.len())];
        let lines = outcome.format.is_some_and(|id| report::FORMATS.iter().any(|f| f.id == id && f.lines));
        let (after, kept) = read(cut, None);
        // Of JSON lines the whole lines before the cut count; a cut between two lines cannot be seen.
        prop_assert!(after.error.is_some() || lines, "{}: cut at {}", path.display(), cut.len());
        prop_assert!(kept <= found);
    }

    #[test]
    fn arbitrary_json_is_never_a_clean_report(text in "[\\[\\]{}:,\"a-zRresults0-9 ]{0,60}") {
        let (outcome, found) = read(text.as_bytes(), None);
        prop_assert!(outcome.error.is_some() || found > 0, "{text:?} was read as {:?}", outcome.format);
    }
}

/// A report with findings that is said to be of another format: an error, or not the report of a whole scan without any.
#[test]
fn no_report_is_clean_as_another_format() {
    let shipped = report::shipped_mappings().iter().map(|shipped| shipped.mapping.id.as_str());
    let formats: Vec<&str> = report::FORMATS.iter().map(|format| format.id).chain(shipped).collect();
    for path in reports() {
        let bytes = fs::read(&path).unwrap();
        let (own, found) = read(&bytes, None);
        if found == 0 || own.error.is_some() {
            continue;
        }
        for format in formats.iter().filter(|format| own.format.as_deref() != Some(**format)) {
            let (other, found) = read(&bytes, Some(format));
            assert!(!is_clean(&other, found), "{}: clean as {format}", path.display());
        }
    }
}

/// The report of a whole scan without findings.
fn is_clean(outcome: &report::ReadOutcome, found: usize) -> bool {
    let report = &outcome.report;
    let told = report.problems_total > 0 || report.failed.is_some() || report.nothing_scanned.is_some();
    found == 0 && outcome.error.is_none() && !told
}

/// Every bit of a small report that blocks, flipped: the verdict never becomes a pass.
#[test]
fn one_flipped_bit_never_passes() {
    let policy = secgate::policy::load(
        "policy.yaml",
        b"version: 1\ngate: merge\nevidence:\n  sast: {category: sast, files: [r.json]}\n\
          rules:\n  - {id: high, findings: {category: sast, severity: high}, then: fail}\n  \
          - {id: rest, findings: {severity: medium}, then: review}\n",
    )
    .unwrap();
    let text = br#"{"results":[{"check_id":"a.b","path":"a.py","start":{"line":3},"end":{"line":3},"extra":{"message":"m","severity":"ERROR","metadata":{}}}],"errors":[],"paths":{"scanned":["a.py"]},"version":"1.2.3"}"#;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.json");
    let context = Context::at("2026-06-01T12:00:00Z".parse().unwrap());
    let limits = Limits { max_report: 1 << 20, max_stdin: 0, max_findings: 10 };
    let given = [GivenFile { path: path.clone(), format: None, entry: None }];
    let mut passed = Vec::new();
    for bit in 0..text.len() * 8 {
        let mut flipped = text.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let inputs = Inputs {
            policy: &policy,
            waivers: &Waivers::default(),
            source: EvidenceSource::files(&given),
            roots: &[],
            comparison: None,
            change: None,
            secret_key: None,
        };
        let decision = secgate::check(inputs, &context, limits).unwrap();
        if decision.exit_code == 0 {
            passed.push(String::from_utf8_lossy(&flipped).into_owned());
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

//! What looks like a credential, in any string of a report of any format, is in no output, error or bundle.
//!
//! Of each report in `fixtures/` every string and every key is replaced in turn by one, in words and alone; each place has
//! a value of its own, so that one run looks at all places of a format.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use secgate::report::{FORMATS, Hint, Options, Sink, Source, read_source};
use serde_json::{Map, Value};

use crate::common::{Dir, root};

/// The end of every value, which no report holds.
const END: &str = "xW7vK2mT4";

/// Reports of formats of which `fixtures/` has none: they list no findings.
const OTHERS: [(&str, &str); 4] = [
    (
        "openvex",
        r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"i","author":"a","timestamp":"2026-05-30T08:00:00Z","version":1,
            "statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:a/b@1"}],"status":"fixed"}]}"#,
    ),
    (
        "spdx",
        r#"{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"n","documentNamespace":"https://e/x",
            "creationInfo":{"created":"2026-05-30T08:00:00Z","creators":["Tool: syft-1.0"]},
            "packages":[{"name":"p","SPDXID":"SPDXRef-p","versionInfo":"1","downloadLocation":"NONE","licenseConcluded":"MIT",
            "externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:pypi/p@1"}]}]}"#,
    ),
    (
        "in-toto",
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"n","digest":{"sha256":"ab"}}],
            "predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"t"},
            "runDetails":{"builder":{"id":"https://b"}}}}"#,
    ),
    (
        "cosign-verify",
        r#"[{"critical":{"identity":{"docker-reference":"r/i"},"image":{"docker-manifest-digest":"sha256:ab"},"type":"t"},"optional":null}]"#,
    ),
];

struct Nowhere(u64);

impl Sink for Nowhere {
    fn finding(&mut self, _: secgate::finding::Finding) {
        self.0 += 1;
    }
    fn restart(&mut self) {
        self.0 = 0;
    }
}

/// The format of a file, if a reader claims it, and the number of its findings.
fn format_of(path: &Path) -> Option<(String, u64)> {
    let options = Options { max_report: 1 << 24, ..Options::default() };
    let mut count = Nowhere(0);
    let read = read_source(&Source::File(path.to_owned()), Hint::default(), &options, &mut count);
    Some((read.format.filter(|_| read.error.is_none())?.into_owned(), count.0))
}

/// All reports by format, those with most findings first.
fn reports() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    let mut folders = vec![root().join("fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some((format, count)) = format_of(&path) {
                found.entry(format).or_default().push((count, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    for (format, text) in OTHERS {
        found.entry(format.to_owned()).or_default().push((0, text.to_owned()));
    }
    for reports in found.values_mut() {
        reports.sort_by(|a, b| b.cmp(a));
    }
    found.into_iter().map(|(format, all)| (format, all.into_iter().map(|(_, text)| text).collect())).collect()
}

/// What is planted at place `n`: a credential known by its shape, alone or behind what stood there, and words that quote
/// one or give one to a name.
fn plants(was: &str, n: usize) -> [String; 2] {
    let core = format!("Q{n:06}{END}");
    if (n / 2).is_multiple_of(2) {
        [format!("AKIA{}", core.to_ascii_uppercase()), format!("{was}: the secret token '{core}' is used")]
    } else {
        [format!("{was}/ghp_{core}aB3dE5gH7jK9mN1pQ2sT"), format!("hardcoded password = \"{core}\"")]
    }
}

/// A way from the document to a string, or to a key.
#[derive(Clone, Debug)]
enum Step {
    At(usize),
    Under(String),
    Key(String),
}

/// Finds one place for each kind of place, told without positions and keys that are paths.
fn places(
    value: &Value,
    at: &mut Vec<Step>,
    kind: &str,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<Vec<Step>>,
) {
    match value {
        Value::String(_) if seen.insert(kind.to_owned()) => found.push(at.clone()),
        Value::Array(all) => {
            for (n, one) in all.iter().enumerate() {
                at.push(Step::At(n));
                places(one, at, &format!("{kind}[]"), seen, found);
                at.pop();
            }
        }
        Value::Object(all) => {
            for (key, one) in all {
                let name =
                    if key.contains(['/', '.', '@']) || key.parse::<u64>().is_ok() { "*" } else { key };
                if seen.insert(format!("{kind}/{name} as a key")) {
                    let mut key_at = at.clone();
                    key_at.push(Step::Key(key.clone()));
                    found.push(key_at);
                }
                at.push(Step::Under(key.clone()));
                places(one, at, &format!("{kind}/{name}"), seen, found);
                at.pop();
            }
        }
        _ => {}
    }
}

/// The document with lists cut to one element, but where the way goes, and the string or key replaced.
fn planted(value: &Value, way: Option<&[Step]>, put: &dyn Fn(&str) -> String) -> Value {
    match (value, way) {
        (Value::String(was), Some([])) => put(was).into(),
        (Value::Array(all), _) => {
            let on = match way {
                Some([Step::At(n), rest @ ..]) => Some((*n, rest)),
                _ => None,
            };
            let kept = all
                .iter()
                .enumerate()
                .filter(|(n, _)| *n == 0 && on.is_none() || on.is_some_and(|(at, _)| at == *n));
            let one = |(n, one)| planted(one, on.filter(|(at, _)| *at == n).map(|(_, rest)| rest), put);
            kept.map(one).collect()
        }
        (Value::Object(all), _) => {
            let mut out = Map::new();
            for (key, one) in all {
                let (name, rest) = match way {
                    Some([Step::Under(on), rest @ ..]) if on == key => (key.clone(), Some(rest)),
                    Some([Step::Key(on), ..]) if on == key => (put(key), None),
                    _ => (key.clone(), None),
                };
                out.insert(name, planted(one, rest, put));
            }
            out.into()
        }
        _ => value.clone(),
    }
}

/// The places of an XML document: values of attributes and texts, one for each name.
fn xml_places(text: &str, seen: &mut BTreeSet<String>) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut element = String::new();
    let (mut at, bytes) = (0, text.as_bytes());
    while at < text.len() {
        if bytes[at] == b'<' {
            let name: String =
                text[at + 1..].chars().take_while(|c| c.is_alphanumeric() || *c == '?').collect();
            element = name;
        } else if text[at..].starts_with("=\"") {
            let attribute: String = text[..at]
                .chars()
                .rev()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':'))
                .collect();
            let end = at + 2 + text[at + 2..].find('"').unwrap();
            if seen.insert(format!("{element}@{attribute}")) {
                found.push((at + 2, end));
            }
            at = end;
        } else if bytes[at] == b'>' {
            let end = text[at..].find('<').map_or(text.len(), |end| at + end);
            if !text[at + 1..end].trim().is_empty() && seen.insert(element.clone()) {
                found.push((at + 1, end));
            }
            at = end;
            continue;
        }
        at += 1;
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

/// Every planted document of a format, with the place of each.
fn documents(reports: &[String]) -> Vec<(String, String)> {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for text in reports {
        if text.trim_start().starts_with('<') {
            for (from, to) in xml_places(text, &mut seen) {
                for way in 0..2 {
                    let words = plants(&text[from..to], all.len())[way].replace('"', "&quot;");
                    all.push((
                        format!("{}{words}{}", &text[..from], &text[to..]),
                        format!("byte {from}, way {way}"),
                    ));
                }
            }
            continue;
        }
        let (values, lines): (Vec<Value>, bool) = match serde_json::from_str(text) {
            Ok(value) => (vec![value], false),
            Err(_) => (text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(), true),
        };
        for (n, value) in values.iter().enumerate() {
            let mut found = Vec::new();
            places(value, &mut Vec::new(), "", &mut seen, &mut found);
            for place in found {
                // A key is a word.
                let ways = if matches!(place.last(), Some(Step::Key(_))) { 1 } else { 2 };
                for way in 0..ways {
                    let at = all.len();
                    let changed = planted(value, Some(&place), &|was| plants(was, at)[way].clone());
                    let text = if lines && n > 0 {
                        format!("{}\n{changed}\n", values[0])
                    } else {
                        changed.to_string()
                    };
                    all.push((text, format!("{place:?}, way {way}")));
                }
            }
        }
    }
    all
}

const OUTPUTS: [&str; 9] =
    ["text", "json", "sarif", "junit", "codequality", "dotenv", "annotations", "markdown", "html"];

/// The numbers of the places whose value a text holds.
fn leaks(told: &str, leaked: &mut BTreeMap<usize, BTreeSet<String>>, output: &str) {
    let lower = told.to_ascii_lowercase();
    for (at, _) in lower.match_indices(&END.to_ascii_lowercase()) {
        let number = lower.get(at.saturating_sub(6)..at).and_then(|number| number.parse().ok());
        leaked.entry(number.unwrap_or(usize::MAX)).or_default().insert(output.to_owned());
    }
}

/// What is told of documents of a format that it should not be.
fn failures(format: &str, documents: &[(String, String)]) -> Vec<String> {
    let mut failures = Vec::new();
    // The numbers of the values go on.
    let all: Vec<(usize, &(String, String))> = documents.iter().enumerate().collect();
    for some in all.chunks(100) {
        let dir = Dir::new();
        dir.write(
            "p.yaml",
            "version: 1\ngate: merge\nevidence:\n  code: {category: sast, files: [other.json], required: false}\n\
             rules:\n  - {id: any, findings: {severity: info}, then: fail}\n",
        );
        let mut inputs = Vec::new();
        for (n, (text, _)) in some {
            dir.write(&format!("r{n}"), text);
            inputs.extend(["--input".to_owned(), format!("{format}=r{n}")]);
        }
        let mut leaked = BTreeMap::new();
        let mut args =
            ["check", "--now", crate::common::NOW, "--policy", "p.yaml", "--max-findings", "100000"]
                .map(str::to_owned)
                .to_vec();
        args.extend(["--bundle", "b.tar"].map(str::to_owned));
        args.extend(
            OUTPUTS.iter().flat_map(|output| ["--output".to_owned(), format!("{output}=out.{output}")]),
        );
        args.extend(inputs.iter().cloned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let run = dir.run(&args);
        leaks(&run.all(), &mut leaked, "stdout and stderr of check");
        for name in OUTPUTS.map(|output| format!("out.{output}")).into_iter().chain(["b.tar".to_owned()]) {
            match fs::read(dir.path().join(&name)) {
                Ok(bytes) => leaks(&String::from_utf8_lossy(&bytes), &mut leaked, &name),
                // Values that differ are told alike, and what was merged by them is not derived again from what is told.
                Err(_) if name == "b.tar" && run.stderr.contains("cannot be derived from it again") => {}
                Err(_) => failures.push(format!("{format}: {name} was not written: {}", run.stderr)),
            }
        }
        for (n, outputs) in leaked {
            let place = documents.get(n).map_or("nowhere", |(_, place)| place.as_str());
            failures.push(format!("{format}: {place}: {outputs:?}"));
        }
    }
    failures
}

#[test]
fn what_looks_like_a_credential_is_told_of_no_field_of_any_format() {
    let reports = reports();
    let next = AtomicUsize::new(0);
    let (all, places) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(format) = FORMATS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let documents = match reports.get(format.id) {
                        Some(reports) => documents(reports),
                        None => panic!("fixtures/ has no report of {}", format.id),
                    };
                    places.fetch_add(documents.len(), Ordering::Relaxed);
                    all.lock().unwrap().extend(failures(format.id, &documents));
                }
            });
        }
    });
    let (failures, places) = (all.into_inner().unwrap(), places.into_inner());
    assert!(failures.is_empty(), "{} of {places}:\n{}", failures.len(), failures.join("\n"));
    assert!(places > 2000, "{places}");
}

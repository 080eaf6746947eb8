//! The direction of imports between the folders of `src/`: data goes one way, and no step knows a later one.

#![allow(clippy::unwrap_used, clippy::string_slice)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders and files of `src/`, the ground floor first. Each may import those before it, and nothing else.
const FLOORS: &[&str] = &[
    "exit",
    "diagnostic",
    "finding",
    "policy",
    "report",
    "relate",
    "attest",
    "decide",
    "evidence_snapshot",
    "gather",
    "replay",
    "fleet",
    "render",
    "scan",
    "run",
    "init",
    "cli",
];

/// The code of a file without comments and without the unit tests at its end, which may look at everything.
fn code(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The names directly behind each `crate::`, also those of a list.
fn imported(code: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.extend(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    names.extend(list[start..at].trim().split("::").next());
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

fn walk(path: &Path, floor: &str, imports: &mut BTreeMap<(String, String), BTreeSet<String>>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), floor, imports);
        }
        return;
    }
    let tests = path
        .components()
        .any(|part| ["tests", "tests.rs", "testing.rs"].iter().any(|t| part.as_os_str() == *t));
    if tests || path.extension().is_none_or(|extension| extension != "rs") {
        return;
    }
    for name in imported(&code(&fs::read_to_string(path).unwrap())) {
        let edge = (floor.to_owned(), name.to_owned());
        imports.entry(edge).or_default().insert(path.display().to_string());
    }
}

#[test]
fn imports_go_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = BTreeMap::new();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let floor = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["lib", "main"].contains(&floor.as_str()) {
            continue;
        }
        walk(&path, &floor, &mut imports);
        found.insert(floor);
    }
    assert_eq!(
        found,
        FLOORS.iter().map(|floor| (*floor).to_owned()).collect(),
        "FLOORS lists what lies in src/"
    );
    let height = |name: &str| FLOORS.iter().position(|floor| *floor == name);
    let mut wrong = Vec::new();
    for ((from, to), files) in &imports {
        // Names that are no folder are functions of lib.rs, which only the top floors call.
        let (Some(from_height), Some(to_height)) = (height(from), height(to).or(height("render"))) else {
            continue;
        };
        if from != to && to_height >= from_height {
            wrong.push(format!(
                "{from} imports {to}: {}",
                files.iter().cloned().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    assert!(wrong.is_empty(), "a floor imports one that is not below it:\n{}", wrong.join("\n"));
    assert!(imports.len() > FLOORS.len(), "imports were found");
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let code = "use crate::finding::{Category, Text};\nuse crate::{policy::{self, Policy}, report};\nlet a = crate::decide::x();";
    assert_eq!(imported(code), BTreeSet::from(["decide", "finding", "policy", "report"]));
}

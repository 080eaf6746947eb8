//! Scanners' own files in a project, configuration and lists of what is ignored, and in what a change softens them.
//!
//! A list of exceptions is compared entry by entry, and one entry less is no harm. Of any other setting nobody can say
//! here whether it is stricter, so that a change of it is one to look at. No text of such a file is repeated but ids and
//! patterns of paths: the rest may be a secret, or name one.

mod names;
mod sides;
mod signs;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use serde_json::Value;

use names::{ENDINGS, ENDS, FILES, FOLDERS, TOOLS, by_name};
use sides::Sides;
use tree::{lines_of_sections, lines_with, taken};

/// A scanner's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannerFile {
    /// The scanner.
    pub tool: &'static str,
    kind: ScannerFileKind,
}

/// Setting by which a change makes a scanner see less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softened {
    /// Line of the file after the change, from 1; none where it is gone.
    pub line: Option<u64>,
    /// Its statement.
    pub before: String,
    /// Its statement.
    pub after: String,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScannerFileKind {
    /// Something ignored a line.
    Lines,
    /// Patterns as in `.gitignore`, where `!` takes some back.
    Patterns,
    /// Settings, of which only the text can be compared.
    Text,
    /// Settings as a tree, with lists of exceptions in it.
    Tree(Syntax, &'static [&'static str]),
    /// A file of many, of which these keys are the scanner's.
    Part(Syntax, &'static [&'static str]),
    /// A file of many, of which the lines with one of these words, in lower case, are the scanner's.
    Words(&'static [&'static str]),
    /// A file of many, of which the sections with these names are the scanner's.
    Sections(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Yaml,
    Toml,
}

/// Longest id or pattern that is repeated, in characters.
const SHOWN: usize = 80;
/// Exceptions of a file that are told one by one.
const TOLD: usize = 50;

impl ScannerFile {
    /// The scanner that reads a file of this path, if one does.
    pub fn from_path(path: &str) -> Option<Self> {
        let is = |end: &str| {
            path.strip_suffix(end).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        };
        if let Some((_, tool, kind)) = FILES.iter().find(|(end, ..)| is(end)) {
            return Some(Self { tool, kind: *kind });
        }
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(kind) = by_name(name) {
            return Some(Self { tool: "a scanner of that name", kind });
        }
        if let Some((_, tool, kind)) = ENDINGS.iter().find(|(end, ..)| path.ends_with(end)) {
            return Some(Self { tool, kind: *kind });
        }
        let rules = folders.split('/').any(|part| part == ".semgrep");
        let yaml = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
        if rules {
            return yaml.then_some(Self { tool: "Semgrep", kind: ScannerFileKind::Tree(Syntax::Yaml, &[]) });
        }
        let own = |part: &str| part.strip_prefix('.').is_some_and(|tool| TOOLS.contains(&tool));
        let named = FOLDERS.iter().any(|name| folders == *name || folders.ends_with(&format!("/{name}")));
        let settings = name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end));
        (settings && (named || folders.split('/').any(own)))
            .then_some(Self { tool: "a scanner of that folder's name", kind: ScannerFileKind::Text })
    }

    /// A list that `.semgrepignore` includes.
    pub const fn included() -> Self {
        Self { tool: "Semgrep, whose .semgrepignore includes it", kind: ScannerFileKind::Patterns }
    }

    /// The paths that a `.semgrepignore` includes, as it writes them.
    pub fn includes(text: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(":include"));
        lines.filter(|rest| rest.starts_with([' ', '\t'])).map(|rest| rest.trim().to_owned()).collect()
    }

    /// Names that scanners look for at the top of a project.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, ..)| *name)
    }

    /// In what the file is softer than it was; `None` is a file that is not there.
    pub fn softened(self, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<Softened> {
        if before == after {
            return Vec::new();
        }
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let (was, is) = (text(before), text(after));
        let reasons = self.kind == ScannerFileKind::Lines && self.tool == "Trivy";
        let sides = Sides { was: &was, is: &is, is_there: after.is_some(), reasons };
        let mut found = match self.kind {
            ScannerFileKind::Lines => sides.lines(),
            ScannerFileKind::Patterns => sides.patterns(before.is_some()),
            ScannerFileKind::Text => sides.text(),
            ScannerFileKind::Tree(syntax, exceptions) => self.trees(syntax, exceptions, &sides),
            ScannerFileKind::Part(syntax, keys) => sides.part(syntax, keys),
            ScannerFileKind::Words(words) => {
                let (was, is) = (lines_with(words, &was), lines_with(words, &is));
                Sides { was: &was, is: &is, ..sides }.text()
            }
            ScannerFileKind::Sections(names) => {
                let (was, is) = (lines_of_sections(names, &was), lines_of_sections(names, &is));
                Sides { was: &was, is: &is, ..sides }.text()
            }
        };
        if let Some(more) = found.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let line = found.get(TOLD).and_then(|first| first.line);
            found.truncate(TOLD);
            found.push(Softened {
                line,
                before: "not there".to_owned(),
                after: format!("{more} exceptions more"),
            });
        }
        found
    }

    fn trees(self, syntax: Syntax, exceptions: &[&str], sides: &Sides<'_>) -> Vec<Softened> {
        let Some((mut was, mut is)) = syntax.parse_settings(sides.was).zip(syntax.parse_settings(sides.is))
        else {
            return sides.text();
        };
        let mut found = Vec::new();
        // When a file was written, and by which version, lets nothing through.
        if self.tool == "detect-secrets" {
            for tree in [&mut was, &mut is] {
                tree.remove("generated_at");
                tree.remove("version");
            }
        }
        for path in exceptions {
            let keys: Vec<&str> = path.split('.').collect();
            let mut known: BTreeMap<(String, String), u64> = BTreeMap::new();
            for (place, entry) in taken(&mut was, &keys) {
                *known.entry((place, entry.to_string())).or_default() += 1;
            }
            let mut more: BTreeMap<String, u64> = BTreeMap::new();
            for (place, entry) in taken(&mut is, &keys) {
                let label = self.label(&place, &entry);
                match known.get_mut(&(place, entry.to_string())) {
                    Some(left) if *left > 0 => *left -= 1,
                    Some(_) | None => *more.entry(label).or_default() += 1,
                }
            }
            for (label, count) in more {
                let times = if count > 1 { format!(" ({count} entries)") } else { String::new() };
                let line = sides.line_with(label.rsplit(' ').next().unwrap_or_default());
                found.push(Softened {
                    line,
                    before: "not there".to_owned(),
                    after: format!("{label}{times}"),
                });
            }
        }
        if was != is {
            found.extend(sides.text());
        }
        found
    }

    /// An entry of a list of exceptions: its id, or where it stands.
    fn label(self, place: &str, entry: &Value) -> String {
        let secret = matches!(self.tool, "gitleaks" | "detect-secrets" | "ggshield");
        let id = match entry {
            Value::String(text) => Some(text.as_str()),
            Value::Object(keys) => {
                ["id", "vulnerability", "name", "resource"].iter().find_map(|key| keys.get(*key)?.as_str())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        match id.filter(|_| !secret) {
            Some(id) => format!("{place} {}", short(id)),
            None => place.to_owned(),
        }
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

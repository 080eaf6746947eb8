//! Who owns a file, by the project's CODEOWNERS.
//!
//! After GitLab (`doc/user/project/codeowners`, `ee/lib/gitlab/code_owners/file.rb`): sections decide each by itself; in a
//! section the last pattern that matches gives the owners, unless one that excludes (`!`) matches too; a pattern without
//! owners has those of its section's heading. Patterns are those of `File.fnmatch` with `FNM_PATHNAME` and `FNM_DOTMATCH`.
//! Owners are shown and decide nothing.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use globset::{GlobBuilder, GlobMatcher};

use crate::finding::clean;

/// Where GitLab looks for the file; the first that is there counts.
pub const CODEOWNERS: [&str; 3] = ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Longest pattern, so that a hostile file cannot make matching slow.
const MAX_PATTERN: usize = 1000;

/// The owners of a project's files.
#[derive(Debug, Clone, Default)]
pub struct Owners(Vec<Section>);

#[derive(Debug, Clone, Default)]
struct Section {
    name: String,
    entries: Vec<OwnersEntry>,
}

#[derive(Debug, Clone)]
struct OwnersEntry {
    pattern: String,
    /// A part of every path that it matches: most patterns need no matcher, which costs more to make than to use.
    always: String,
    /// `None` for a pattern that cannot match anything.
    matcher: OnceLock<Option<GlobMatcher>>,
    owners: Vec<String>,
    excludes: bool,
}

impl OwnersEntry {
    fn matches(&self, path: &str) -> bool {
        path.contains(&self.always)
            && self
                .matcher
                .get_or_init(|| matcher(&self.pattern))
                .as_ref()
                .is_some_and(|glob| glob.is_match(path))
    }
}

impl Owners {
    /// Reads the text of a CODEOWNERS file. Lines that GitLab does not understand own nothing.
    pub fn parse(text: &str) -> Self {
        let mut sections = vec![Section::default()];
        // Where a section has a pattern already.
        let mut places: BTreeMap<(usize, String), usize> = BTreeMap::new();
        let mut current = 0;
        let mut defaults: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some((name, owners)) = heading(line) {
                defaults = owners;
                let known = |section: &Section| section.name.to_lowercase() == name.to_lowercase();
                current = sections.iter().skip(1).position(known).map_or(sections.len(), |at| at + 1);
                if current == sections.len() {
                    sections.push(Section { name: name.to_owned(), entries: Vec::new() });
                }
                continue;
            }
            let entry = entry(line, &defaults);
            let Some(Section { entries, .. }) = sections.get_mut(current) else { continue };
            // A pattern that is written twice keeps its place and takes the later owners.
            let at = *places.entry((current, entry.pattern.clone())).or_insert(entries.len());
            match entries.get_mut(at) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        Self(sections)
    }

    /// The owners of a path relative to the project's root, each once, in the order of the file.
    pub fn owners_of(&self, path: &str) -> Vec<String> {
        let path = format!("/{path}");
        let mut all: Vec<String> = Vec::new();
        for section in &self.0 {
            let matching = || {
                let fits = |entry: &&OwnersEntry| entry.matches(&path);
                section.entries.iter().rev().filter(fits)
            };
            if matching().any(|entry| entry.excludes) {
                continue;
            }
            for owner in matching().next().map(|entry| entry.owners.as_slice()).unwrap_or_default() {
                if !all.contains(owner) {
                    all.push(owner.clone());
                }
            }
        }
        all
    }
}

/// `^[Name][2] @owner`: the name, and the owners of patterns that name none.
fn heading(line: &str) -> Option<(&str, Vec<String>)> {
    let rest = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?;
    let (name, rest) = rest.split_once(']')?;
    let approvals = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let rest =
        approvals.filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit())).map_or(rest, |(_, rest)| rest);
    Some((name, owners(rest)))
}

fn entry(line: &str, defaults: &[String]) -> OwnersEntry {
    let (pattern, rest) = split(line);
    let excludes = pattern.starts_with('!');
    let pattern = normal(pattern.strip_prefix('!').unwrap_or(pattern));
    let owners = if rest.trim().is_empty() { defaults.to_vec() } else { owners(rest) };
    OwnersEntry { always: always(&pattern), matcher: OnceLock::new(), pattern, owners, excludes }
}

/// The longest text of a pattern that stands for itself; nothing where signs are escaped or in classes.
fn always(pattern: &str) -> String {
    if pattern.contains(['\\', '[']) {
        return String::new();
    }
    let texts = pattern.split(['*', '?', ']', '{', '}', '!']).map(|text| text.trim_matches('/'));
    texts.max_by_key(|text| text.len()).unwrap_or_default().to_owned()
}

/// The pattern ends at the first white space that no backslash escapes.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !escaped {
            return line.split_at(at);
        }
        escaped = c == '\\' && !escaped;
    }
    (line, "")
}

/// Names (`@user`, `@group/subgroup`), roles (`@@maintainer`) and addresses; anything else is left out.
fn owners(text: &str) -> Vec<String> {
    let is_owner = |word: &&str| {
        let name = word.strip_prefix("@@").or_else(|| word.strip_prefix('@'));
        match name {
            Some(name) => name.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'),
            None => word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        }
    };
    text.split_whitespace().filter(is_owner).map(|word| clean(word).into_owned()).collect()
}

/// A pattern from the root: without a leading `/` it may stand anywhere, with one at its end it is all below.
fn normal(pattern: &str) -> String {
    if pattern == "*" {
        return "/**/*".to_owned();
    }
    let pattern = pattern.strip_prefix("\\#").map_or(pattern.to_owned(), |rest| format!("#{rest}"));
    let rooted = if pattern.starts_with('/') { pattern } else { format!("/**/{pattern}") };
    if rooted.ends_with('/') { format!("{rooted}**/*") } else { rooted }
}

/// `fnmatch` as a glob: braces mean nothing, and `**` is more than `*` only as a whole part that is not the last.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let parts: Vec<&str> = pattern.split('/').collect();
    let last = parts.len().saturating_sub(1);
    let parts: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| if *part == "**" && at < last { (*part).to_owned() } else { literal(part) })
        .collect();
    GlobBuilder::new(&parts.join("/"))
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .ok()
        .map(|glob| glob.compile_matcher())
}

/// One part of a path: several stars are one, and braces are letters.
fn literal(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push('\\');
                out.extend(chars.next());
            }
            '{' | '}' => out.extend(['\\', c]),
            '*' if chars.peek() == Some(&'*') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cases: &[(&str, &[&str])]) {
        let owners = Owners::parse(text);
        for (path, wanted) in cases {
            assert_eq!(owners.owners_of(path), *wanted, "{path}");
        }
    }

    #[test]
    fn many_patterns_that_match_nothing_cost_nothing() {
        let lines: Vec<String> = (0..20_000).map(|n| format!("src/part{n}/*.py @u{n}\n")).collect();
        let owners = Owners::parse(&lines.concat());
        assert_eq!(owners.owners_of("src/part17/a.py"), ["@u17"]);
        // Of all the patterns those alone have a matcher that the path could fit: of `part1` and of `part17`.
        let made = owners.0.iter().flat_map(|section| &section.entries);
        assert_eq!(made.filter(|entry| entry.matcher.get().is_some()).count(), 2);
        assert_eq!(always("/**/a/bc*.py"), "a/bc");
        assert_eq!(always("/x[ab]/c"), "");
    }

    #[test]
    fn the_last_pattern_wins() {
        check(
            "# all\n* @all\n*.rb\t@ruby @second\nLICENSE legal@example.com nobody\n/docs/ @docs\n/docs/* @root-docs\n\
             /docs/**/*.md @md\n/config/ @@maintainer\n\\#odd @odd\npath\\ with\\ spaces/ @space\n",
            &[
                ("a.txt", &["@all"]),
                (".hidden", &["@all"]),
                ("lib/x.rb", &["@ruby", "@second"]),
                ("deep/LICENSE", &["legal@example.com"]),
                ("docs/a/b.txt", &["@docs"]),
                ("docs/b.txt", &["@root-docs"]),
                ("docs/b.md", &["@md"]),
                ("docs/a/.b/c.md", &["@md"]),
                ("sub/docs/b.txt", &["@all"]),
                ("config/x", &["@@maintainer"]),
                ("a/#odd", &["@odd"]),
                ("a/path with spaces/x/y", &["@space"]),
            ],
        );
    }

    #[test]
    fn sections_decide_each_by_itself() {
        check(
            "* @admin\n\n[README Owners]\nREADME.md @user1 @user2\ninternal/README.md @user4\n\n\
             ^[Other][2] @default\nREADME.md @user3\nmodel/db/\n[readme owners]\nmodel/ @late\n",
            &[
                ("README.md", &["@admin", "@user1", "@user2", "@user3"]),
                ("internal/README.md", &["@admin", "@user4", "@user3"]),
                ("model/db/a", &["@admin", "@late", "@default"]),
            ],
        );
    }

    #[test]
    fn what_is_excluded_stays_so_in_its_section() {
        check(
            "* @default\n!*.rb\n/special/*.rb @ruby\n[Ruby]\n*.rb @team\n!/config/**/*.rb\n/config/routes.rb @ops\n",
            &[
                ("special/a.rb", &["@team"]),
                ("config/routes.rb", &[]),
                ("config/x/y.rb", &[]),
                ("a.py", &["@default"]),
            ],
        );
    }

    #[test]
    fn patterns_are_those_of_fnmatch() {
        check(
            "{a,b}.txt @braces\n/x/** @one\n/y/a**b @two\n/z/[ab].c @class\n[broken @x\n/q/[ @never\n/t @a\n/t @b\n/u @c\n",
            &[
                ("{a,b}.txt", &["@braces"]),
                ("a.txt", &[]),
                ("x/a", &["@one"]),
                ("x/a/b", &[]),
                ("y/a-b", &["@two"]),
                ("y/a/b", &[]),
                ("z/a.c", &["@class"]),
                ("q/[", &[]),
                ("t", &["@b"]),
            ],
        );
    }
}

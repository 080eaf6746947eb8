//! Where in the project a finding is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::percent::decoded;
use super::url::without_credentials;
use super::{PlaceRole, Text};

/// A place in a file of the project. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Location {
    /// Relative to the project root, `/` only.
    pub path: Text,
    /// First line, where the report gives one that can be a line.
    pub line: Option<u32>,
    /// Last line, where the report gives one.
    pub end_line: Option<u32>,
}

/// A place that a report names beside the place of a finding, and what it says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RelatedPlace {
    /// How it belongs to the finding.
    pub role: PlaceRole,
    /// Where it is, if that is a file of the project.
    pub location: Option<Location>,
    /// In the words of the report; empty where it has none, or where they may hold the value of a secret.
    pub message: Text,
}

impl Location {
    /// A location from a scanner's path, relative to the project `roots`; `None` if nothing of the path is left.
    pub fn new(path: &str, line: Option<u32>, end_line: Option<u32>, roots: &[String]) -> Option<Self> {
        let path = project_path(path, roots);
        let end_line = end_line.or(line);
        (!path.is_empty()).then(|| Self { path: Text::whole(&path), line, end_line })
    }

    /// The path as it is compared; `None` of one that led out of the project, or may climb in another spelling: where it is
    /// there, nobody knows.
    pub fn project_path(&self) -> Option<&str> {
        let climbs =
            |path: &str| path.contains('%') && decoded(path).split(['/', '\\']).any(|part| part == "..");
        Some(self.path.real()).filter(|path| !is_outside(path) && !climbs(path))
    }
}

/// Stands before the path of what climbed out of the project.
const OUTSIDE: &str = "outside";

/// Whether a path led out of the project.
pub(super) fn is_outside(path: &str) -> bool {
    path.strip_prefix(OUTSIDE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A scanner's path relative to the project root: scheme, root prefix, leading `./` and `/` removed, `/` only.
///
/// The credentials of an address go first: once `//` is one `/`, nothing shows where they are.
///
/// A path that climbs out of the project (`..` past its root) keeps no more than what cannot climb, marked by a
/// leading `outside/`, so that it can neither match nor be taken for a file of the project.
pub fn project_path<'r>(raw: &'r str, roots: &[String]) -> Cow<'r, str> {
    let path = raw.strip_prefix("file://").unwrap_or(raw);
    if !path.contains('\\') {
        return match without_credentials(path) {
            Cow::Borrowed(path) => relative(path, roots),
            Cow::Owned(path) => Cow::Owned(relative(&path, roots).into_owned()),
        };
    }
    let path = path.replace('\\', "/");
    Cow::Owned(relative(&without_credentials(&path), roots).into_owned())
}

fn relative<'r>(mut path: &'r str, roots: &[String]) -> Cow<'r, str> {
    for root in roots {
        let root = root.trim_end_matches('/');
        if !root.is_empty()
            && let Some(rest) = path.strip_prefix(root)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            path = rest;
            break;
        }
    }
    if is_straight(path) {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut outside = false;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => outside |= parts.pop().is_none(),
            name => parts.push(name),
        }
    }
    let joined = parts.join("/");
    Cow::Owned(if outside { format!("{OUTSIDE}/{joined}") } else { joined })
}

/// True if no part of a path is empty or begins with a dot, so that there is nothing to take out.
fn is_straight(path: &str) -> bool {
    let mut starts = true;
    for byte in path.bytes() {
        if starts && matches!(byte, b'/' | b'.') {
            return false;
        }
        starts = byte == b'/';
    }
    !starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_project() {
        let roots = vec!["/builds/team/api".to_owned()];
        assert_eq!(project_path("/builds/team/api/src/a.py", &roots), "src/a.py");
        assert_eq!(project_path("file:///builds/team/api/src/a.py", &roots), "src/a.py");
        assert_eq!(project_path("/builds/team/apis/src/a.py", &roots), "builds/team/apis/src/a.py");
        assert_eq!(project_path("./src//./a.py", &[]), "src/a.py");
        assert_eq!(project_path("src\\win\\a.cs", &[]), "src/win/a.cs");
        assert_eq!(project_path("/src/a.py", &[]), "src/a.py");
        for path in
            ["", "/", ".", "./", "a", "a/", "a//b", "a/./b", "a/.b", ".a/b.c", "a/b/..", "a/...", "é/ü"]
        {
            let parts = path.split('/').filter(|p| !p.is_empty() && *p != "." && *p != "..");
            let parts: Vec<&str> = parts.collect();
            let is = if path.ends_with("/..") { "a".to_owned() } else { parts.join("/") };
            assert_eq!(project_path(path, &[]), is, "{path}");
        }
        assert_eq!(project_path("builds\\a.py", &["builds".to_owned()]), "a.py");
    }

    #[test]
    fn a_path_made_of_an_address_holds_no_credential() {
        for path in
            ["https://user:pa55@host/a.py", "https:\\\\user:pa55@host\\a.py", "./x/git+ssh://u:pa55@h/a"]
        {
            let made = project_path(path, &[]);
            assert!(!made.contains("pa55") && made.contains("***@h"), "{made}");
        }
    }

    #[test]
    fn a_path_cannot_climb_out() {
        assert_eq!(project_path("a/../../etc/passwd", &[]), "outside/etc/passwd");
        assert_eq!(project_path("a/b/../c", &[]), "a/c");
    }
}

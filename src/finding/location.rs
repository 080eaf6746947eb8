//! Where in the project a finding is.

use serde::Serialize;

use super::Text;

/// A place in a file of the project. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Relative to the project root, `/` only.
    pub path: Text,
    /// First line, where the report gives one that can be a line.
    pub line: Option<u32>,
    /// Last line, where the report gives one.
    pub end_line: Option<u32>,
}

impl Location {
    /// A location from a scanner's path, relative to the project `roots`; `None` if nothing of the path is left.
    pub fn new(path: &str, line: Option<u32>, end_line: Option<u32>, roots: &[String]) -> Option<Self> {
        let path = project_path(path, roots);
        let end_line = end_line.or(line);
        (!path.is_empty()).then(|| Self { path: Text::whole(&path), line, end_line })
    }
}

/// A scanner's path relative to the project root: scheme, root prefix, leading `./` and `/` removed, `/` only.
///
/// A path that climbs out of the project (`..` past its root) keeps no more than what cannot climb, marked by a
/// leading `outside/`, so that it can neither match nor be taken for a file of the project.
pub fn project_path(raw: &str, roots: &[String]) -> String {
    let mut path = raw.strip_prefix("file://").unwrap_or(raw).replace('\\', "/");
    for root in roots {
        let root = root.trim_end_matches('/');
        if !root.is_empty()
            && let Some(rest) = path.strip_prefix(root)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            path = rest.to_owned();
            break;
        }
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
    if outside { format!("outside/{joined}") } else { joined }
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
    }

    #[test]
    fn a_path_cannot_climb_out() {
        assert_eq!(project_path("a/../../etc/passwd", &[]), "outside/etc/passwd");
        assert_eq!(project_path("a/b/../c", &[]), "a/c");
    }
}

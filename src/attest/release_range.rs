//! The changes of a release: the commits that came since the release before, and the merge requests that brought them.
//!
//! Both are read from files: what `git log --first-parent --format='%H %T %P'` prints or GitLab's API answers
//! (`repository/compare`, `repository/commits`, `merge_requests`). A list of commits counts as all of them only where it leads
//! from the one end to the other by first parents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use thiserror::Error;

use crate::finding::clean_line;
use crate::report::{self, Source};

/// Why files do not tell what a release contains.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct RangeError(String);

fn fault<T>(why: impl Into<String>) -> Result<T, RangeError> {
    Err(RangeError(why.into()))
}

/// A commit of the release's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedCommit {
    /// Its id.
    pub id: String,
    /// Its tree, where the list says it.
    pub tree: Option<String>,
    /// First line of its message, where the list says it.
    pub title: String,
    parents: Vec<String>,
}

/// A merged merge request, as GitLab's API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedRequest {
    /// Its number in the project.
    pub iid: u64,
    /// Its title.
    pub title: String,
    /// GitLab user name of its author.
    pub author: String,
    /// When it was merged, as GitLab writes it.
    pub merged_at: String,
    /// Last commit of its branch: the one that its gate looked at.
    pub head: String,
    /// Commits as which it landed.
    landed: Vec<String>,
    /// Where its branch begins, where GitLab says it.
    base: Option<String>,
}

/// The commits of a release, oldest first, each with the merge requests that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRange {
    /// The release before; none where this is the first.
    pub from: Option<String>,
    /// The commit of the release.
    pub to: String,
    changes: Vec<LandedChange>,
}

/// A commit with what brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedChange {
    /// The commit.
    pub commit: LandedCommit,
    /// The merge requests that say that they landed as it.
    pub requests: Vec<MergedRequest>,
}

impl LandedChange {
    /// Commits that a verdict about the change may be about: itself, and the heads of its merge requests.
    pub fn commits(&self) -> Vec<String> {
        let heads = self.requests.iter().map(|request| request.head.clone());
        std::iter::once(self.commit.id.clone()).chain(heads).collect()
    }

    /// The tree that a verdict about the change may be about.
    pub fn trees(&self) -> Vec<String> {
        self.commit.tree.iter().cloned().collect()
    }

    /// The commit and its merge requests, on one line.
    pub fn describe(&self) -> String {
        let id = self.commit.id.get(..12).unwrap_or(&self.commit.id);
        let requests: Vec<String> = self
            .requests
            .iter()
            .map(|request| format!("!{} {}", request.iid, clean_line(&request.title)))
            .collect();
        let title = clean_line(&self.commit.title);
        match (requests.is_empty(), title.is_empty()) {
            (false, _) => format!("{id} ({})", requests.join(", ")),
            (true, false) => format!("{id} ({title}; no merge request)"),
            (true, true) => id.to_owned(),
        }
    }
}

impl ReleaseRange {
    /// The ends of `FROM..TO`, or of `..TO` for a first release.
    pub fn ends(range: &str) -> Result<(Option<String>, String), RangeError> {
        let is_commit =
            |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let ends =
            range.split_once("..").filter(|(from, to)| (from.is_empty() || is_commit(from)) && is_commit(to));
        let Some((from, to)) = ends else {
            return fault(format!(
                "`{}` is not a FROM..TO of two full commit ids (`git rev-parse v1.1^{{commit}}`); ..TO for a first release",
                clean_line(range)
            ));
        };
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        if from == to {
            return fault("begins where it ends: it contains nothing");
        }
        Ok(((!from.is_empty()).then_some(from), to))
    }

    /// The commits between the ends, of a file that lists them; `requests` are those of [`merged_requests`].
    pub fn read(
        (from, to): (Option<String>, String),
        file: &[u8],
        requests: &[MergedRequest],
    ) -> Result<Self, RangeError> {
        let known = commits(file)?;
        let mut chain = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = Some(to.clone());
        while let Some(id) = next.filter(|id| Some(id) != from.as_ref()) {
            let Some(commit) = known.get(&id) else {
                return fault(format!(
                    "it does not hold the commit {id}, so that it does not lead from one end to the other"
                ));
            };
            if !seen.insert(id.clone()) {
                return fault(format!("the commit {id} is an ancestor of itself"));
            }
            if commit.parents.is_empty() && from.is_some() {
                return fault(format!(
                    "the commit {id} has no parents: FROM is not an ancestor of TO by first parents"
                ));
            }
            next = commit.parents.first().cloned();
            chain.push(commit.clone());
        }
        chain.reverse();
        let place: BTreeMap<&str, usize> =
            chain.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
        let brought = |request: &MergedRequest, at: usize, id: &str| {
            // One that was fast-forwarded landed as all its commits.
            let begins = request.base.as_ref().map(|base| {
                if Some(base) == from.as_ref() { Some(0) } else { place.get(base.as_str()).map(|at| at + 1) }
            });
            let within = begins.flatten().zip(place.get(request.head.as_str()));
            request.head == id
                || request.landed.iter().any(|landed| landed == id)
                || within.is_some_and(|(first, last)| first <= at && at <= *last)
        };
        let changes = chain.iter().enumerate().map(|(at, commit)| LandedChange {
            requests: requests.iter().filter(|request| brought(request, at, &commit.id)).cloned().collect(),
            commit: commit.clone(),
        });
        let changes = changes.collect();
        Ok(Self { from, to, changes })
    }

    /// The changes, oldest first.
    pub fn changes(&self) -> &[LandedChange] {
        &self.changes
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn id(text: &str) -> Result<String, RangeError> {
    let fits = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        fault(format!("`{}` is not a full commit id", clean_line(text)))
    }
}

fn document(file: &[u8]) -> Result<Value, RangeError> {
    let read = report::read_document(&Source::Bytes(file.into()), file.len() as u64);
    read.map(|(value, ..)| value).or_else(|error| fault(error.to_string()))
}

/// The commits that a file lists.
fn commits(file: &[u8]) -> Result<BTreeMap<String, LandedCommit>, RangeError> {
    let start = file.trim_ascii_start().first();
    let list = if matches!(start, Some(b'{' | b'[')) { of_gitlab(file)? } else { of_git(file)? };
    let mut known = BTreeMap::new();
    for commit in list {
        let same = known.get(&commit.id).is_none_or(|other: &LandedCommit| *other == commit);
        if !same {
            return fault(format!("it says two different things of the commit {}", commit.id));
        }
        known.insert(commit.id.clone(), commit);
    }
    if known.is_empty() { fault("it lists no commit") } else { Ok(known) }
}

/// Commits as GitLab's API lists them: of a comparison, or of a branch.
fn of_gitlab(file: &[u8]) -> Result<Vec<LandedCommit>, RangeError> {
    let value = document(file)?;
    let list = value.as_array().or_else(|| value.get("commits")?.as_array());
    let Some(list) = list else { return fault("it has no list of commits") };
    let commit = |one: &Value| {
        let Some(parents) = one.get("parent_ids").and_then(Value::as_array) else {
            return fault("a commit has no `parent_ids`");
        };
        let parents = parents.iter().map(|parent| id(parent.as_str().unwrap_or_default()));
        let parents = parents.collect::<Result<_, _>>()?;
        Ok(LandedCommit { id: id(&text(one, "id"))?, tree: None, title: text(one, "title"), parents })
    };
    list.iter().map(commit).collect()
}

/// Lines of `%H %T %P`.
fn of_git(file: &[u8]) -> Result<Vec<LandedCommit>, RangeError> {
    let Ok(lines) = std::str::from_utf8(file) else { return fault("it is not UTF-8") };
    let commit = |line: &str| {
        let mut words = line.split_ascii_whitespace().map(id);
        let (Some(id), Some(tree)) = (words.next(), words.next()) else {
            return fault(
                "a line is not `COMMIT TREE PARENT…`; write it with git log --first-parent --format='%H %T %P'",
            );
        };
        Ok(LandedCommit {
            id: id?,
            tree: Some(tree?),
            title: String::new(),
            parents: words.collect::<Result<_, _>>()?,
        })
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(commit).collect()
}

/// The merge requests that a file lists: one, as `merge_requests/:iid` answers it, or many; those that were not merged are
/// none.
pub fn merged_requests(file: &[u8]) -> Result<Vec<MergedRequest>, RangeError> {
    let value = document(file)?;
    let list = match value {
        Value::Array(list) => list,
        one @ Value::Object(_) => vec![one],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return fault("it is not a list of merge requests");
        }
    };
    let mut requests = Vec::new();
    for one in &list {
        let Some(iid) = one.get("iid").and_then(Value::as_u64) else {
            return fault("a merge request has no `iid`");
        };
        if text(one, "state") != "merged" {
            continue;
        }
        let commit = |pointer: &str| match one.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => id(value.as_str().unwrap_or_default()).map(Some),
        };
        let Some(head) = commit("/sha")? else {
            return fault(format!("the merge request !{iid} has no `sha`"));
        };
        let landed = [commit("/merge_commit_sha")?, commit("/squash_commit_sha")?].into_iter().flatten();
        requests.push(MergedRequest {
            iid,
            title: text(one, "title"),
            author: one.pointer("/author/username").and_then(Value::as_str).unwrap_or_default().to_owned(),
            merged_at: text(one, "merged_at"),
            head,
            landed: landed.collect(),
            base: commit("/diff_refs/base_sha")?,
        });
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn read(range: &str, file: &str, requests: &str) -> Result<ReleaseRange, String> {
        let read = || {
            ReleaseRange::read(
                ReleaseRange::ends(range)?,
                file.as_bytes(),
                &merged_requests(requests.as_bytes())?,
            )
        };
        read().map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_has_to_lead_from_one_end_to_the_other() {
        let (a, b, c, t) = (hex('a'), hex('b'), hex('c'), hex('1'));
        let range = format!("{a}..{c}");
        let whole = format!("{c} {t} {b} {}\n{b} {t} {a}\n", hex('f'));
        let ids =
            |range: ReleaseRange| range.changes().iter().map(|one| one.commit.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(read(&range, &whole, "[]").unwrap()), [b.clone(), c.clone()]);
        let json = format!(
            r#"{{"commits":[{{"id":"{b}","parent_ids":["{a}"],"title":"t"}},{{"id":"{c}","parent_ids":["{b}"]}}]}}"#
        );
        assert_eq!(ids(read(&range, &json, "[]").unwrap()), [b.clone(), c.clone()]);
        let first = format!("{b} {t}\n{c} {t} {b}\n");
        assert_eq!(read(&format!("..{c}"), &first, "[]").unwrap().changes().len(), 2);
        for (range, file, why) in [
            (range.clone(), format!("{c} {t} {b}\n"), "does not hold the commit bbbb"),
            (range.clone(), format!("{b} {t} {a}\n"), "does not hold the commit cccc"),
            (range.clone(), first.clone(), "has no parents"),
            (range.clone(), format!("{c} {t} {c}\n"), "an ancestor of itself"),
            (range.clone(), format!("{c} {t} {b}\n{c} {t} {a}\n"), "two different things"),
            (range.clone(), String::new(), "lists no commit"),
            (range.clone(), "[]".to_owned(), "lists no commit"),
            (range.clone(), "{}".to_owned(), "no list of commits"),
            (range.clone(), format!("{c}\n"), "COMMIT TREE PARENT"),
            (range.clone(), format!(r#"[{{"id":"{c}"}}]"#), "no `parent_ids`"),
            (range.clone(), "[".to_owned(), "JSON"),
            (format!("{c}..{c}"), whole.clone(), "contains nothing"),
            ("v1..v2".to_owned(), whole.clone(), "two full commit ids"),
            (format!("{a}.."), whole.clone(), "two full commit ids"),
        ] {
            let error = read(&range, &file, "[]").unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn a_merge_request_brought_what_it_landed_as() {
        let (first, mid, head, last, tree) = (hex('a'), hex('b'), hex('c'), hex('d'), hex('1'));
        let file = format!("{last} {tree} {head} {}\n{head} {tree} {mid}\n{mid} {tree} {first}\n", hex('e'));
        let range = format!("{first}..{last}");
        let brought = |requests: &str| {
            let read = read(&range, &file, requests).unwrap();
            let of = |change: &LandedChange| change.requests.iter().map(|one| one.iid).collect::<Vec<_>>();
            read.changes().iter().map(of).collect::<Vec<_>>()
        };
        let merge =
            format!(r#"{{"iid":1,"state":"merged","sha":"{}","merge_commit_sha":"{last}"}}"#, hex('e'));
        let forward =
            format!(r#"{{"iid":2,"state":"merged","sha":"{head}","diff_refs":{{"base_sha":"{first}"}}}}"#);
        let open = format!(r#"{{"iid":3,"state":"opened","sha":"{head}"}}"#);
        let none: Vec<u64> = Vec::new();
        assert_eq!(brought(&format!("[{merge},{forward},{open}]")), [vec![2], vec![2], vec![1]]);
        // Without its beginning it is known of its last commit only; a beginning elsewhere says nothing.
        let known = forward.replace(&format!(r#","diff_refs":{{"base_sha":"{first}"}}"#), "");
        assert_eq!(brought(&known), [none.clone(), vec![2], none.clone()]);
        assert_eq!(brought(&forward.replace(&first, &hex('9'))), [none.clone(), vec![2], none]);
        for (requests, why) in [
            ("[{}]", "no `iid`"),
            (r#"[{"iid":1,"state":"merged"}]"#, "no `sha`"),
            (r#"[{"iid":1,"state":"merged","sha":"x"}]"#, "not a full commit id"),
            ("3", "not a list of merge requests"),
        ] {
            let error = read(&range, &file, requests).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}

//! Approvals of a merge request, bound to its head by the times of its versions.
//!
//! GitLab keeps approvals over later pushes unless it is told not to, and does not say which commit was approved. The
//! server's times of the versions do: an approval is of the version that was the newest when it was given.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Approval, GivenApprovals, commit, commits, only, time};
use crate::decide::Document;
use crate::decide::requirement::RuleContext;
use crate::finding::clean_line;
use crate::policy::DocumentKind;

/// A version of the merge request: what a push made of it.
struct MergeRequestVersion {
    id: u64,
    head: String,
    created: Timestamp,
}

/// The approvals, each with why it does not count.
pub(super) fn merge_request_approvals(world: RuleContext<'_>) -> GivenApprovals {
    match approvals(world) {
        Ok(given) => given,
        Err(why) => GivenApprovals::fault(why),
    }
}

fn approvals(world: RuleContext<'_>) -> Result<GivenApprovals, String> {
    let approvals = only(world, DocumentKind::GitlabApprovals)?;
    let state = only(world, DocumentKind::GitlabApprovalState)?;
    let mut given = GivenApprovals::default();
    if let Some(document) = approvals {
        let versions = versions(world, document)?;
        let head = head(world, &versions)?;
        let list = document.value().get("approved_by").and_then(Value::as_array);
        let Some(list) = list else {
            return Err(format!("{}: there is no list `approved_by`", clean_line(&document.path)));
        };
        for entry in list {
            let place = format!("merge request{}", number(document));
            let mut approval = Approval::by(entry.get("user"), entry.get("approved_at"), &place);
            if approval.void.is_none() {
                approval.void = approval.at.and_then(|at| of_another_commit(&versions, &head, at));
            }
            given.approvals.push(approval);
        }
        if list.is_empty() && document.value().get("approvals_required").and_then(Value::as_u64) == Some(0) {
            given.faults.push("`approvals_required: 0` proves nothing".to_owned());
        }
    }
    let known = |approval: &Approval| given.approvals.iter().any(|other| other.user == approval.user);
    let timeless: Vec<Approval> = state.map(of_state).unwrap_or_default();
    let more: Vec<Approval> = timeless.into_iter().filter(|approval| !known(approval)).collect();
    given.approvals.extend(more);
    Ok(given)
}

/// The approval state names people and no times.
fn of_state(document: &Document) -> Vec<Approval> {
    let rules = document.value().get("rules").and_then(Value::as_array);
    let users = rules.into_iter().flatten().filter_map(|rule| rule.get("approved_by")?.as_array());
    let mut all: Vec<Approval> = Vec::new();
    for approval in users.flatten().map(|user| Approval::by(Some(user), None, "approval state")) {
        if !all.iter().any(|known| known.user == approval.user) {
            all.push(approval);
        }
    }
    all
}

/// Why an approval of that time is none of the head.
fn of_another_commit(versions: &[MergeRequestVersion], head: &str, at: Timestamp) -> Option<String> {
    let before = versions.iter().filter(|version| version.created <= at);
    match before.max_by_key(|version| (version.created, version.id)) {
        Some(version) if version.head == head => None,
        Some(version) if versions.iter().any(|v| v.head == head && v.created > version.created) => {
            Some("the approval is older than the commit".to_owned())
        }
        Some(_) => Some("the approval is of a later commit".to_owned()),
        None => Some("the approval is older than the commit".to_owned()),
    }
}

/// The versions of the merge request that the approvals are of.
fn versions(world: RuleContext<'_>, approvals: &Document) -> Result<Vec<MergeRequestVersion>, String> {
    let Some(document) = only(world, DocumentKind::GitlabVersions)? else {
        return Err("no document gitlab-versions tells when the commit came to the server".to_owned());
    };
    let path = clean_line(&document.path);
    let Some(list) = document.value().as_array().filter(|list| !list.is_empty()) else {
        return Err(format!("{path}: it is not a list of versions"));
    };
    let request = only(world, DocumentKind::GitlabMergeRequest)?;
    let id = same_request(approvals, request)?;
    let mut versions = Vec::new();
    for version in list {
        if version.get("merge_request_id").and_then(Value::as_u64) != Some(id) {
            return Err(format!(
                "{path}: the versions are of another merge request than {}",
                clean_line(&approvals.path)
            ));
        }
        let read = || {
            Some(MergeRequestVersion {
                id: version.get("id")?.as_u64()?,
                head: commit(version.get("head_commit_sha"))?,
                created: time(version.get("created_at"))?,
            })
        };
        let Some(version) = read() else {
            return Err(format!("{path}: a version has no `id`, `head_commit_sha` or `created_at`"));
        };
        versions.push(version);
    }
    Ok(versions)
}

/// The id of the one merge request that the documents are of.
fn same_request(approvals: &Document, request: Option<&Document>) -> Result<u64, String> {
    let of = |document: &Document, key: &str| document.value().get(key).and_then(Value::as_u64);
    let (mine, path) = (|key| of(approvals, key), clean_line(&approvals.path));
    let mut id = mine("id");
    if let Some(request) = request {
        for key in ["id", "iid", "project_id"] {
            let other = clean_line(&request.path);
            let [a, b] = [approvals, request].map(|document| document.value().get(key));
            let (Some(a), Some(b)) = (a, b) else { continue };
            match (a.as_u64(), b.as_u64()) {
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => {
                    return Err(format!(
                        "{path} and {other} are of different merge requests (`{key}` is {a} and {b})"
                    ));
                }
                (None, _) => return Err(format!("{path}: `{key}` is not the number of a merge request")),
                (_, None) => return Err(format!("{other}: `{key}` is not the number of a merge request")),
            }
        }
        let both = |key| mine(key).is_some() && of(request, key).is_some();
        if both("iid") && both("project_id") {
            id = id.or_else(|| of(request, "id"));
        }
    }
    id.ok_or_else(|| format!("{path}: it does not say which merge request it is of"))
}

/// The head that the run is about.
fn head(world: RuleContext<'_>, versions: &[MergeRequestVersion]) -> Result<String, String> {
    let commits = commits(world)?;
    let ours = commits.join(" or ");
    let Some(document) = only(world, DocumentKind::GitlabMergeRequest)? else {
        let of_run = versions.iter().find(|version| commits.contains(&version.head));
        return of_run
            .map(|version| version.head.clone())
            .ok_or_else(|| format!("the merge request has no version whose head is {ours}"));
    };
    let (request, path) = (document.value(), clean_line(&document.path));
    let Some(head) = commit(request.get("sha")) else { return Err(format!("{path}: it has no `sha`")) };
    if !versions.iter().any(|version| version.head == head) {
        return Err(format!("{path}: no version has the head {head}"));
    }
    // Once merged, the run is about what GitLab made of the head.
    let merged = request.get("state").and_then(Value::as_str) == Some("merged");
    let made = ["merge_commit_sha", "squash_commit_sha"].map(|key| commit(request.get(key)));
    if commits.contains(&head) || merged && made.iter().flatten().any(|made| commits.contains(made)) {
        return Ok(head);
    }
    Err(format!("{path}: the merge request is about {head}, and the run is about {ours}"))
}

/// The commits that a document lists, if it lists all; else why not.
pub(super) fn all_commits(world: RuleContext<'_>, document: &Document) -> Result<Vec<Value>, String> {
    let path = clean_line(&document.path);
    let Some(list) = document.value().as_array().filter(|list| !list.is_empty()) else {
        return Err(format!("{path}: it is not a list of commits"));
    };
    let ids: Vec<String> = list.iter().filter_map(|c| commit(c.get("id"))).collect();
    let mut heads: Vec<String> = commits(world)?.to_vec();
    if let Some(request) = only(world, DocumentKind::GitlabMergeRequest)? {
        heads.extend(commit(request.value().get("sha")));
    }
    if !ids.iter().any(|id| heads.contains(id)) {
        return Err(format!("{path}: the commit of the run is not among its commits"));
    }
    // GitLab hands out a page of whatever length it was asked for: only a list that leads down to the base is whole.
    let bases = bases(world, &heads);
    let is_page = matches!(list.len(), 20 | 50 | 100);
    // A parent that is not listed came from the target branch, or is on the next page.
    let parents = list.iter().filter_map(|one| one.get("parent_ids")?.as_array()).flatten();
    let is_open = parents
        .map(|parent| commit(Some(parent)))
        .any(|parent| parent.is_none_or(|parent| !ids.contains(&parent) && !bases.contains(&parent)));
    match leads_to_base(list, &heads, &bases) {
        Some(false) => {
            Err(format!("{path}: its {} commits do not lead to the base, so there may be more", list.len()))
        }
        // Where parents do not tell, a length that pages often have gives it away.
        told if is_page && (told.is_none() || is_open) => {
            Err(format!("{path}: {} commits can be a full page, and there may be more", list.len()))
        }
        Some(true) | None => Ok(list.clone()),
    }
}

/// The bases of what the run is about: an older version left the target branch elsewhere.
fn bases(world: RuleContext<'_>, heads: &[String]) -> Vec<String> {
    let ours = |head: Option<&Value>| commit(head).is_some_and(|head| heads.contains(&head));
    let mut bases: Vec<String> = Vec::new();
    if let Ok(Some(document)) = only(world, DocumentKind::GitlabVersions) {
        let versions = document.value().as_array().into_iter().flatten();
        let of_head = versions.filter(|version| ours(version.get("head_commit_sha")));
        bases.extend(of_head.filter_map(|version| commit(version.get("base_commit_sha"))));
    }
    if let Ok(Some(request)) = only(world, DocumentKind::GitlabMergeRequest)
        && let Some(refs) = request.value().get("diff_refs")
        && (refs.get("head_sha").is_none() || ours(refs.get("head_sha")))
    {
        bases.extend(commit(refs.get("base_sha")));
    }
    bases
}

/// Whether one leads from the head over the first parents of listed commits to a base of the merge request; `None` where
/// nothing says which that is, or no commit names a parent: of a merge request GitLab often leaves them out.
fn leads_to_base(list: &[Value], heads: &[String], bases: &[String]) -> Option<bool> {
    let first_parent = |one: &Value| commit(one.get("parent_ids")?.as_array()?.first());
    if bases.is_empty() || !list.iter().any(|one| first_parent(one).is_some()) {
        return None;
    }
    let mut parents: BTreeMap<String, Option<String>> =
        list.iter().filter_map(|one| Some((commit(one.get("id"))?, first_parent(one)))).collect();
    let mut at = heads.iter().find(|head| parents.contains_key(*head)).cloned();
    // A commit that was met is taken out, so that the way ends.
    while let Some(parent) = at.and_then(|id| parents.remove(&id)).flatten() {
        if bases.contains(&parent) {
            return Some(true);
        }
        at = Some(parent);
    }
    Some(false)
}

fn number(document: &Document) -> String {
    document.value().get("iid").and_then(Value::as_u64).map_or_else(String::new, |iid| format!(" !{iid}"))
}

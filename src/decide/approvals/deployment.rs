//! Approvals of a deployment to a protected environment.

use serde_json::Value;

use super::{Approval, GivenApprovals, Purpose, commit, commits, time};
use crate::decide::Document;
use crate::decide::requirement::RuleContext;
use crate::finding::clean_line;
use crate::policy::DocumentKind;

/// Stands in a comment before the first hexadecimal digits of the findings' digest.
const TOKEN: &str = "secgate:";

/// How many digits.
const DIGITS: usize = 16;

/// Text that the comment of an approval must hold to answer a review.
pub(in crate::decide) fn line(findings_digest: &str) -> String {
    format!("{TOKEN}{}", findings_digest.get(..DIGITS).unwrap_or(findings_digest))
}

/// The approvals of all deployments that are there, each with why it does not count.
pub(super) fn all_deployment_approvals(purpose: Purpose, world: RuleContext<'_>) -> GivenApprovals {
    let mut all = GivenApprovals::default();
    let mut earlier = Vec::new();
    for document in world.all(DocumentKind::GitlabDeployment) {
        match deployment_approvals(document, purpose, world) {
            Ok(given) => {
                all.approvals.extend(given.approvals);
                all.rejected.extend(given.rejected);
            }
            Err(why) => {
                all.faults.push(format!("{}: {why}", clean_line(&document.path)));
                earlier.extend(rejections(document, world));
            }
        }
    }
    // Who said no to an earlier attempt may say yes to this one; nobody else's yes makes up for it.
    let changed_mind = |no: &Approval| {
        let yes = all.approvals.iter().filter(|yes| yes.void.is_none() && yes.user.is_some());
        // Another account can have taken over the name.
        let same = |yes: &Approval| yes.user == no.user && (yes.number == no.number || yes.number.is_none());
        yes.into_iter().any(|yes| same(yes) && no.at.zip(yes.at).is_some_and(|(no, yes)| no < yes))
    };
    let stands: Vec<String> = earlier
        .iter()
        .filter(|no| !changed_mind(no))
        .map(|no| format!("{} rejected an earlier attempt ({})", no.who(), no.place))
        .collect();
    all.rejected.extend(stands);
    all
}

/// Statement of a record of an approval.
enum RecordStatus {
    Yes,
    /// Rejected, or another word, which is this: whatever it means, it is no yes, and no other yes makes up for it.
    No(Option<String>),
    /// None yet.
    Nothing,
}

impl RecordStatus {
    fn of(record: &Value) -> Self {
        let status = match record.get("status") {
            None | Some(Value::Null) => return Self::Nothing,
            Some(Value::String(word)) => word.trim().to_ascii_lowercase(),
            Some(other) => other.to_string(),
        };
        match status.as_str() {
            "approved" => Self::Yes,
            "rejected" => Self::No(None),
            "" | "pending" | "pending_approval" => Self::Nothing,
            word => Self::No(Some(clean_line(word).chars().take(40).collect())),
        }
    }
}

/// Who rejected a deployment of the run's commit to its environment, whatever job it was of.
fn rejections(document: &Document, world: RuleContext<'_>) -> Vec<Approval> {
    let deployment = document.value();
    let ours =
        commits(world).is_ok_and(|ours| commit(deployment.get("sha")).is_some_and(|sha| ours.contains(&sha)));
    if !ours || same_environment(deployment, world).is_err() {
        return Vec::new();
    }
    let rejected = |record: &&Value| matches!(RecordStatus::of(record), RecordStatus::No(_));
    let place = clean_line(&document.path).into_owned();
    let by = |record: &Value| Approval::by(record.get("user"), record.get("created_at"), &place);
    records(deployment).into_iter().filter(rejected).map(by).collect()
}

fn deployment_approvals(
    document: &Document,
    purpose: Purpose,
    world: RuleContext<'_>,
) -> Result<GivenApprovals, String> {
    let deployment = document.value();
    let ours = commits(world)?;
    let sha = commit(deployment.get("sha")).ok_or("the deployment has no `sha`")?;
    if !ours.contains(&sha) {
        return Err(format!("the deployment is of commit {sha}, and the run is about {}", ours.join(" or ")));
    }
    same_environment(deployment, world)?;
    same_job(deployment, world)?;
    // That very job has but one environment.
    if environment(world).is_none() && !world.context.shown.env.contains_key("CI_JOB_ID") {
        return Err("nothing says which environment the run is about: give `--param environment=NAME`, which the policy \
                    declares in `parameters`, or CI_ENVIRONMENT_NAME"
            .to_owned());
    }
    let created = time(deployment.get("created_at")).ok_or("the deployment has no `created_at`")?;
    let lists: Vec<&Value> = records(deployment);
    if lists.is_empty()
        && deployment.get("approvals").is_none()
        && deployment.get("approval_summary").is_none()
    {
        return Err("the deployment has no `approvals`: is the environment protected?".to_owned());
    }
    let mut given = GivenApprovals::default();
    let id = deployment.get("id").and_then(Value::as_u64).map_or_else(String::new, |id| format!(" {id}"));
    for record in lists {
        let place = format!("deployment{id}");
        let mut approval = Approval::by(record.get("user"), record.get("created_at"), &place);
        match RecordStatus::of(record) {
            RecordStatus::Yes => {}
            RecordStatus::No(None) => {
                given.rejected.push(format!("{} rejected the deployment", approval.who()));
                continue;
            }
            RecordStatus::No(Some(said)) => {
                let who = approval.who();
                let why = "which is neither `approved` nor `rejected`";
                given.rejected.push(format!("the record of {who} says `{said}`, {why}"));
                continue;
            }
            RecordStatus::Nothing => {
                approval.void = Some("the record is neither `approved` nor `rejected`".to_owned());
            }
        }
        if approval.void.is_none() && approval.at.is_some_and(|at| at < created) {
            approval.void = Some("the approval is older than the deployment".to_owned());
        }
        if approval.void.is_none()
            && purpose == Purpose::Review
            && !states(record.get("comment").and_then(Value::as_str), world.findings_digest)
        {
            approval.void = Some(format!("the comment does not hold {}", line(world.findings_digest)));
        }
        given.approvals.push(approval);
    }
    Ok(given)
}

/// Whether a comment names the findings: the digits and none besides.
fn states(comment: Option<&str>, findings_digest: &str) -> bool {
    let comment = comment.unwrap_or_default().to_ascii_lowercase();
    let wanted = line(findings_digest);
    comment.match_indices(&wanted).any(|(at, _)| {
        let after = comment.get(at + wanted.len()..).and_then(|rest| rest.chars().next());
        let before = comment.get(..at).and_then(|head| head.chars().next_back());
        let word = |c: char| c.is_ascii_alphanumeric();
        !after.is_some_and(word) && !before.is_some_and(word)
    })
}

/// Each record of an approval: in `approvals`, and with several rules in the summary.
fn records(deployment: &Value) -> Vec<&Value> {
    let plain = deployment.get("approvals").and_then(Value::as_array);
    let rules = deployment.get("approval_summary").and_then(|s| s.get("rules")).and_then(Value::as_array);
    let of_rules =
        rules.into_iter().flatten().filter_map(|rule| rule.get("deployment_approvals")?.as_array()).flatten();
    let mut all: Vec<&Value> = Vec::new();
    for record in plain.into_iter().flatten().chain(of_rules) {
        if !all.contains(&record) {
            all.push(record);
        }
    }
    all
}

/// The environment that the run is about, if anything says so.
fn environment(world: RuleContext<'_>) -> Option<&String> {
    let context = world.context;
    let told = |name: &&String| !name.trim().is_empty();
    let parameter = context.parameters.get("environment").filter(told);
    parameter.or_else(|| context.shown.env.get("CI_ENVIRONMENT_NAME").filter(told))
}

/// An approval for one environment is none for another. Of an unknown one a rejection still counts.
fn same_environment(deployment: &Value, world: RuleContext<'_>) -> Result<(), String> {
    let Some(ours) = environment(world) else { return Ok(()) };
    let is = deployment.get("environment").and_then(|e| e.get("name")).and_then(Value::as_str);
    match is {
        Some(is) if is == ours => Ok(()),
        Some(is) => Err(format!("the deployment is to {}, and the run is about {ours}", clean_line(is))),
        None => Err("the deployment does not say to which environment it goes".to_owned()),
    }
}

/// In a job of GitLab, only the deployment of that very job counts: an approval of another attempt is none of this one.
fn same_job(deployment: &Value, world: RuleContext<'_>) -> Result<(), String> {
    let Some(ours) = world.context.shown.env.get("CI_JOB_ID") else { return Ok(()) };
    match deployment.get("deployable").and_then(|job| job.get("id")).and_then(Value::as_u64) {
        Some(id) if id.to_string() == *ours => Ok(()),
        Some(id) => Err(format!("the deployment is of job {id}, and this is job {}", clean_line(ours))),
        None => Err("the deployment does not say of which job it is (`deployable.id`)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_the_findings_whole() {
        let digest = "0123456789abcdef0123456789abcdef";
        assert_eq!(line(digest), "secgate:0123456789abcdef");
        for good in ["secgate:0123456789abcdef", "Looked at it.\nSECGATE:0123456789ABCDEF, fine"] {
            assert!(states(Some(good), digest), "{good}");
        }
        for bad in [
            "",
            "secgate:0123456789abcde",
            "secgate:0123456789abcdef0",
            "xsecgate:0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!states(Some(bad), digest), "{bad}");
        }
        assert!(!states(None, digest));
    }
}

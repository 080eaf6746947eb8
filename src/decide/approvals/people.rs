//! Who somebody is: author, committer, deployer, owner of a waiver, or one of those who may approve.

use serde_json::Value;

use super::{Accounts, Approval, merge_request, only, plain};
use crate::decide::requirement::RuleContext;
use crate::finding::clean_line;
use crate::policy::{DocumentKind, EXAMPLE_USER, Person, Policy, Reviewers};

/// The people of the run.
pub(super) struct People<'w> {
    world: RuleContext<'w>,
    author: Author,
    accounts: Accounts,
}

/// The author of the change.
enum Author {
    /// Of the merge request.
    User(String),
    /// As the surroundings name them: user name of who started the pipeline, name and address of the commit's author.
    Named { names: Vec<String>, login: Option<String> },
    /// It is not known.
    Unknown(String),
}

impl<'w> People<'w> {
    pub(super) fn new(world: RuleContext<'w>) -> Self {
        Self { world, author: author(world), accounts: Accounts::of_run(world.documents) }
    }

    /// Whether two user names are of one account.
    pub(super) fn are_one(&self, one: &str, other: &str) -> bool {
        self.accounts.are_one(one, other)
    }

    /// Why it is not known who may not approve, for each of `not` of which that is so.
    pub(super) fn unknown(&self, not: &[String]) -> Vec<String> {
        let why = |word: &String| match word.as_str() {
            "author" => match &self.author {
                Author::Unknown(why) => Some(why.clone()),
                _ => None,
            },
            "committers" => self.committers().err(),
            "deployer" => self.deployers().err(),
            _ => None,
        };
        not.iter().filter_map(why).collect()
    }

    /// Why somebody is none of those who may approve.
    pub(super) fn not_one_of(&self, approval: &Approval, any_of: &[String]) -> Option<String> {
        let Some(user) = &approval.user else {
            return Some("who cannot be identified counts as the author".into());
        };
        if is_placeholder(user) {
            return Some("stands in the policy as a placeholder".to_owned());
        }
        let is = |person: &Person| plain(&person.user) == *user;
        let among = |word: &String| match word.strip_prefix("role:") {
            Some(role) => self.world.policy.people.get(role).is_some_and(|members| members.iter().any(is)),
            None => plain(word) == *user,
        };
        (!any_of.iter().any(among)).then(|| format!("is not {}", clean_line(&any_of.join(" or "))))
    }

    /// Why somebody may not approve this change.
    pub(super) fn barred(&self, approval: &Approval, not: &[String]) -> Option<String> {
        let Some(user) = approval.user.as_deref() else { return Some("cannot be identified".to_owned()) };
        not.iter().find_map(|word| match word.as_str() {
            "author" => self.is_author(user, approval.name.as_deref()),
            "committers" => match self.committers() {
                Ok(committers) => committers
                    .iter()
                    .any(|c| self.are_one(user, c))
                    .then(|| "has committed to the change".into()),
                Err(why) => Some(why),
            },
            "deployer" => match self.deployers() {
                Ok(deployers) => {
                    deployers.iter().any(|d| self.are_one(user, d)).then(|| "is who deploys".into())
                }
                Err(why) => Some(why),
            },
            "waiver_owners" => {
                let mut owners = self
                    .world
                    .waivers
                    .iter()
                    .flat_map(|waiver| crate::policy::waiver::persons(&waiver.owner, self.world.policy));
                owners.find_map(|owner| {
                    if self.goes_by(user, approval.name.as_deref(), &owner) {
                        return Some("owns a waiver of this gate".to_owned());
                    }
                    let unknown = is_address(&owner) && !self.is_somebody_else(user, &owner);
                    unknown.then(|| {
                        format!("cannot be told from {}, who owns a waiver of this gate", clean_line(&owner))
                    })
                })
            }
            other => Some(format!("may not be approved by {}, which is not known", clean_line(other))),
        })
    }

    fn is_author(&self, user: &str, name: Option<&str>) -> Option<String> {
        match &self.author {
            Author::Unknown(why) => Some(why.clone()),
            Author::User(author) => {
                self.are_one(user, author).then(|| "is the author of the change".to_owned())
            }
            Author::Named { names, login } => {
                if names.iter().any(|author| self.goes_by(user, name, author)) {
                    return Some("is the author of the change".to_owned());
                }
                // Who started the pipeline need not be who wrote the commit, and whether that is this person, only
                // addresses tell.
                let mut commit = names.iter().filter(|name| login.as_ref() != Some(name)).peekable();
                let told = commit.peek().is_none() || commit.any(|name| self.is_somebody_else(user, name));
                (!told).then(|| {
                    "cannot be told from the author, who is known by name and address only: add `emails` in `people`"
                        .to_owned()
                })
            }
        }
    }

    /// Whether a name or an address is this person's.
    fn goes_by(&self, user: &str, name: Option<&str>, other: &str) -> bool {
        let other = other.trim().trim_start_matches('@').to_lowercase();
        self.are_one(user, &other)
            || name.is_some_and(|name| name.trim().to_lowercase() == other)
            || self.emails(user).iter().any(|email| email.to_lowercase() == other)
    }

    /// Whether an address is known not to be this person's: it is that of somebody else, or theirs are known.
    fn is_somebody_else(&self, user: &str, address: &str) -> bool {
        let mut members = self.world.policy.people.values().flatten();
        is_address(address)
            && (!self.emails(user).is_empty()
                || members
                    .any(|person| person.emails.iter().any(|email| email.eq_ignore_ascii_case(address))))
    }

    /// The addresses of a user.
    fn emails(&self, user: &str) -> Vec<&'w str> {
        let members = self.world.policy.people.values().flatten();
        let names = self.accounts.names(user);
        let is = |person: &&Person| names.contains(plain(&person.user).as_str());
        members.filter(is).flat_map(|p| p.emails.iter().map(String::as_str)).collect()
    }

    /// User names of all who committed; a committer who matches nobody is an error.
    fn committers(&self) -> Result<Vec<String>, String> {
        let Some(document) = only(self.world, DocumentKind::GitlabCommits)? else {
            return Err("no document gitlab-commits tells who committed".to_owned());
        };
        let mut users = Vec::new();
        for commit in merge_request::all_commits(self.world, document)? {
            for key in ["author_email", "committer_email"] {
                let address = commit.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default();
                let is =
                    |person: &&Person| person.emails.iter().any(|email| email.eq_ignore_ascii_case(address));
                // An address that several share may be that of each.
                let before = users.len();
                if !address.is_empty() {
                    let people = self.world.policy.people.values().flatten().filter(is);
                    users.extend(people.map(|person| plain(&person.user)));
                }
                if users.len() > before {
                    continue;
                }
                let id = commit.get("short_id").or_else(|| commit.get("id")).and_then(Value::as_str);
                return Err(format!(
                    "the {} of commit {} matches nobody in `people`: `{}`",
                    key.replace('_', " "),
                    clean_line(id.unwrap_or("without id")),
                    clean_line(address)
                ));
            }
        }
        Ok(users)
    }

    /// Who started the deployments that are there.
    fn deployers(&self) -> Result<Vec<String>, String> {
        let mut users = Vec::new();
        for document in self.world.all(DocumentKind::GitlabDeployment) {
            let user = document.value().get("user").and_then(|u| u.get("username")).and_then(Value::as_str);
            let user =
                user.ok_or_else(|| format!("{}: it does not say who deploys", clean_line(&document.path)))?;
            users.push(plain(user));
        }
        if users.is_empty() {
            Err("no document gitlab-deployment tells who deploys".to_owned())
        } else {
            Ok(users)
        }
    }
}

/// Why the people who may approve have still to be filled in.
pub(in crate::decide) fn placeholders(reviewers: &Reviewers, policy: &Policy) -> Option<String> {
    let mut real: Vec<String> = Vec::new();
    let mut fill_in: Vec<String> = Vec::new();
    let mut sort = |user: &str, place: String| {
        let user = plain(user);
        if is_placeholder(&user) {
            fill_in.push(place);
        } else if !real.contains(&user) {
            real.push(user);
        }
    };
    for word in &reviewers.any_of {
        match word.strip_prefix("role:") {
            Some(role) => {
                for person in policy.people.get(role).into_iter().flatten() {
                    sort(&person.user, format!("people.{role}"));
                }
            }
            None => sort(word, word.clone()),
        }
    }
    fill_in.dedup();
    (!fill_in.is_empty() && real.len() < reviewers.at_least as usize).then(|| {
        format!(
            "{} has placeholders: put GitLab user names in the place of those that begin with `{EXAMPLE_USER}`",
            clean_line(&fill_in.join(", "))
        )
    })
}

fn is_address(text: &str) -> bool {
    text.trim().trim_start_matches('@').contains('@')
}

fn is_placeholder(user: &str) -> bool {
    user.starts_with(EXAMPLE_USER)
}

/// The author of the change: of the merge request, else as the surroundings say.
fn author(world: RuleContext<'_>) -> Author {
    match only(world, DocumentKind::GitlabMergeRequest) {
        Err(why) => Author::Unknown(why),
        Ok(Some(document)) => {
            let user = document.value().get("author").and_then(|a| a.get("username")).and_then(Value::as_str);
            match user.map(plain).filter(|user| !user.is_empty()) {
                Some(user) => Author::User(user),
                None => Author::Unknown(format!(
                    "{}: it does not say who the author is",
                    clean_line(&document.path)
                )),
            }
        }
        Ok(None) if world.context.authors.is_empty() => Author::Unknown(
            "the author of the change is not known: there is no document gitlab-merge-request".to_owned(),
        ),
        Ok(None) => {
            Author::Named { names: world.context.authors.clone(), login: world.context.login.clone() }
        }
    }
}

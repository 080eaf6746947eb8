//! Who decides: fewer people, more of them, and nobody more who may.

use std::collections::{BTreeMap, BTreeSet};

use super::{PolicyComparison, listed};
use crate::policy::{Person, Policy, Reviewers, Subject};

impl PolicyComparison<'_> {
    /// Roles: nobody joins one, and no address is given to somebody else.
    pub(super) fn people(&mut self, before: &BTreeMap<String, Vec<Person>>) {
        let after = self.after;
        let names = |people: &[Person]| people.iter().map(|p| person(&p.user)).collect::<BTreeSet<_>>();
        for (role, members) in before {
            let Some(now) = after.people.get(role) else { continue };
            let (was, is) = (names(members), names(now));
            // A role that nobody asks decides nothing, before or after.
            let word = format!("role:{role}");
            if !is.is_subset(&was) && [self.before, after].iter().any(|policy| asks(policy, &word)) {
                let shown = |names: &BTreeSet<String>| listed(&names.iter().cloned().collect::<Vec<_>>());
                let (path, was, is) = (["people", role], shown(&was), shown(&is));
                // A role of nobody but examples is left to whoever extends the policy.
                if members.iter().all(Person::is_example) {
                    self.adds(&path, was, is);
                } else {
                    self.add(&path, was, is);
                }
            }
        }
        let known = addresses(self.before);
        let is_taken = |address: &str| known.iter().any(|(known, ..)| known == address);
        let decides = members(after, &asked_words(after).cloned().collect::<Vec<_>>());
        // Whose an address is tells committers and approvers apart. Somebody new who decides nothing, with an address that
        // was nobody's, is one committer more whom the gate knows.
        let come = addresses(after)
            .difference(&known)
            .find(|(address, user, _)| {
                is_taken(address) || decides.contains(user) || names_user(self.before, user)
            })
            .cloned();
        if let Some((address, user, role)) = &come {
            let path = ["people", role.as_str()];
            self.adds(&path, format!("{address} is nobody's"), format!("{address} is {user}'s"));
        }
    }

    pub(super) fn reviewers(&mut self, path: &[&str], before: Option<&Reviewers>, after: Option<&Reviewers>) {
        // Somebody where nobody was completes a policy: this very change is decided on by the gate before it as well, and
        // there nobody can approve. Nobody where somebody was is nobody left who can.
        let (Some(was), Some(now)) = (before, after) else { return };
        let Reviewers { any_of, at_least, not } = was;
        let at = |key: &'static str| [path, &[key]].concat();
        self.any_of(&at("any_of"), any_of, &now.any_of);
        self.least(&at("at_least"), *at_least, now.at_least);
        if !not.iter().all(|word| now.not.contains(word)) {
            self.add(&at("not"), listed(not), listed(&now.not));
        }
    }

    /// A list of roles and people: nobody comes to it.
    pub(super) fn any_of(&mut self, path: &[&str], before: &[String], after: &[String]) {
        let may = members(self.before, before);
        let fits = |word: &String| {
            before.contains(word) || members(self.after, std::slice::from_ref(word)).is_subset(&may)
        };
        if !after.iter().all(fits) {
            self.add(path, before.join(", "), after.join(", "));
        }
    }
}

/// Everyone whom a list of roles and people names.
fn members(policy: &Policy, any_of: &[String]) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    for word in any_of {
        match word.strip_prefix("role:") {
            Some(role) => {
                users.extend(policy.people.get(role).into_iter().flatten().map(|p| person(&p.user)));
            }
            None => {
                users.insert(person(word));
            }
        }
    }
    users
}

/// Whether somebody with this word, a role or a name, may approve anything.
fn asks(policy: &Policy, word: &str) -> bool {
    asked_words(policy).any(|known| known == word)
}

/// The roles and people who may approve something.
fn asked_words(policy: &Policy) -> impl Iterator<Item = &String> {
    let of_rules = policy.rules.iter().flat_map(|rule| {
        let approvals = match &rule.subject {
            Subject::Approvals(approvals) => Some(&approvals.reviewers),
            _ => None,
        };
        rule.reviewers.iter().chain(approvals)
    });
    policy.reviewers.iter().chain(of_rules).flat_map(|reviewers| &reviewers.any_of)
}

/// Whether a policy names somebody, in a role or as one who may approve.
pub(super) fn names_user(policy: &Policy, user: &str) -> bool {
    let words = asked_words(policy);
    let people = policy.people.values().flatten().map(|known| &known.user);
    words.chain(people).any(|known| person(known) == person(user))
}

/// Addresses, whose they are, and a role that says so.
fn addresses(policy: &Policy) -> BTreeSet<(String, String, String)> {
    let mut all: BTreeMap<(String, String), &String> = BTreeMap::new();
    for (role, people) in &policy.people {
        for Person { user, emails } in people {
            for email in emails {
                all.entry((email.to_lowercase(), person(user))).or_insert(role);
            }
        }
    }
    all.into_iter().map(|((email, user), role)| (email, user, role.clone())).collect()
}

fn person(name: &str) -> String {
    name.trim_start_matches('@').to_lowercase()
}

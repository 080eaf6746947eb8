//! Which user names are the same account: one can be renamed between two answers of the server, and its number stays.

use std::collections::BTreeSet;

use serde_json::Value;

use super::plain;
use crate::decide::Document;
use crate::policy::EntryKind;

/// User names and numbers that GitLab's documents of a run name together.
#[derive(Debug, Default)]
pub(in crate::decide) struct Accounts(BTreeSet<(u64, String)>);

impl Accounts {
    pub(in crate::decide) fn of_run(documents: &[Document]) -> Self {
        let mut known = Self::default();
        for document in documents.iter().filter(|document| is_of_gitlab(document)) {
            document.values.iter().for_each(|value| known.add(value));
        }
        known
    }

    fn add(&mut self, value: &Value) {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => open.extend(items),
                Value::Object(object) => {
                    let name = object.get("username").and_then(Value::as_str);
                    let number = object.get("id").and_then(account_number);
                    self.0.extend(number.zip(name.map(plain)));
                    open.extend(object.values());
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// The names of whoever goes by this one, itself too.
    pub(in crate::decide) fn names<'n>(&'n self, user: &'n str) -> BTreeSet<&'n str> {
        let mut names = BTreeSet::from([user]);
        loop {
            let numbers: BTreeSet<u64> = self
                .0
                .iter()
                .filter(|(_, name)| names.contains(name.as_str()))
                .map(|(number, _)| *number)
                .collect();
            let before = names.len();
            names.extend(
                self.0.iter().filter(|(number, _)| numbers.contains(number)).map(|(_, name)| name.as_str()),
            );
            if names.len() == before {
                return names;
            }
        }
    }

    /// Whether two names are of one account.
    pub(super) fn are_one(&self, one: &str, other: &str) -> bool {
        self.names(one).contains(other)
    }
}

/// The number of an account, also where it is written as text.
fn account_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn is_of_gitlab(document: &Document) -> bool {
    matches!(document.kind, EntryKind::Document(kind) if kind.is_of_gitlab())
}

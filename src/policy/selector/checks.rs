//! One name for a check that several tools have: `privileged-container` is `KSV-0017`, `CKV_K8S_16` and others.

use std::sync::OnceLock;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::RuleGlob;
use super::super::error::PolicyProblems;
use super::super::written::node::Node;
use super::super::written::{At, FromNode, Name};
use super::SelectorContext;
use super::criterion::{Answer, CriterionFacts, ListCriterion, SomeOf, or_none};
use crate::finding::Finding;
use crate::policy::diagnostics::PolicyDiagnostic;

/// The table; its head says where it is from.
const CHECKS: &str = include_str!("checks.txt");

/// A check by its name, with the ids that tools give it.
#[derive(Debug)]
pub struct SharedCheck {
    /// Such as `privileged-container`.
    pub name: &'static str,
    /// Ids of rules, globs.
    pub ids: Vec<&'static str>,
    globs: Vec<RuleGlob>,
}

/// Every check that has a name here, in the order of the table.
pub fn shared_checks() -> &'static [SharedCheck] {
    static ALL: OnceLock<Vec<SharedCheck>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |line: &'static str| {
            let mut words = line.split_ascii_whitespace();
            let name = words.next()?;
            let ids: Vec<&str> = words.collect();
            let globs = ids.iter().filter_map(|id| RuleGlob::new(id).ok()).collect();
            Some(SharedCheck { name, ids, globs })
        };
        CHECKS.lines().filter(|line| !line.starts_with('#')).filter_map(read).collect()
    })
}

/// The name of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckName(&'static str);

impl FromNode for CheckName {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let text = Name::from_node(node, key, problems)?;
        let found = shared_checks().iter().find(|check| check.name == text);
        if found.is_none() {
            let known: Vec<&str> = shared_checks().iter().map(|check| check.name).collect();
            let (key, shown) = (key.to_owned(), super::super::error::quoted(&text));
            let diagnostic = PolicyDiagnostic::UnknownInSelector { key, what: "check", shown };
            problems.unknown(node.at, diagnostic, &text, &known);
        }
        found.map(|check| Self(check.name))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        let known: Vec<&str> = shared_checks().iter().map(|check| check.name).collect();
        json_schema!({"enum": known})
    }
}

pub(super) type CheckIs = SomeOf<FindingCheck>;

/// Checks by their names, of which a finding is of one.
pub(crate) struct FindingCheck;

impl ListCriterion for FindingCheck {
    type Written = CheckName;
    type Item = &'static str;
    const FACTS: CriterionFacts =
        CriterionFacts::known(&["privileged-container", "[host-network, host-pid]"]);

    fn item(written: At<Self::Written>, _: &'static str, _: &mut PolicyProblems) -> Option<Self::Item> {
        Some(written.value.0)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        let mut named = shared_checks().iter().filter(|check| items.contains(&check.name));
        Answer::of(named.any(|check| check.globs.iter().any(|glob| glob.matches_rule_of(finding))))
    }

    fn shown(name: &Self::Item) -> String {
        (*name).to_owned()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        let of = |check: &&SharedCheck| check.globs.iter().any(|glob| glob.matches_rule_of(finding));
        let names: Vec<&str> = shared_checks().iter().filter(of).map(|check| check.name).collect();
        Some(or_none(names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Severity};
    use crate::policy::selector::Criterion as _;

    #[test]
    fn each_id_is_of_one_check_in_each_spelling() {
        let all: Vec<&str> = shared_checks().iter().flat_map(|check| check.ids.clone()).collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
        assert!(shared_checks().len() >= 40 && shared_checks().iter().all(|check| check.ids.len() >= 2));
        for (rule, is) in [
            ("KSV017", true),
            ("AVD-KSV-0017", true),
            ("CKV_K8S_16", true),
            ("yaml.kubernetes.security.privileged-container.privileged-container", true),
            ("KSV-0001", false),
        ] {
            let finding = Finding::new(Category::Misconfiguration, "t", rule, Severity::High);
            let around = SelectorContext::without_report(Severity::Critical);
            assert_eq!(
                CheckIs::answer(&vec!["privileged-container"], &finding, around),
                Answer::of(is),
                "{rule}"
            );
        }
    }
}

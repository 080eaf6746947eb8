//! Selectors of classes of weakness: CWE numbers, groups of them, and the OWASP Top Ten.

use std::sync::OnceLock;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::error::{PolicyProblems, nearest, quoted};
use super::super::written::node::Node;
use super::super::written::{At, Cwe, FromNode, wrong};
use super::SelectorContext;
use super::criterion::{Answer, CriterionFacts, ListCriterion, SomeOf, list_narrower, or_none};
use crate::finding::Finding;
use crate::policy::diagnostics::PolicyDiagnostic;

/// Groups as MITRE publishes them; the file's head says of which version.
const GROUPS: &str = include_str!("cwe_groups.txt");

/// The edition of the OWASP Top Ten that a category without year is of.
const EDITION: &str = "2021";

/// CWE numbers by one name: a number itself, or that of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeaknessGroup {
    /// As a policy writes it, such as `79`, `injection` or `A03:2021`.
    pub name: String,
    /// Its members, in order.
    pub numbers: Vec<u32>,
}

/// Every group, read once.
fn groups() -> &'static [WeaknessGroup] {
    static ALL: OnceLock<Vec<WeaknessGroup>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = GROUPS.lines().filter(|line| !line.starts_with('#'));
        let read = |line: &str| {
            let mut words = line.split(' ');
            let name = words.next()?.to_owned();
            // The second word is the category's own number.
            Some(WeaknessGroup { name, numbers: words.skip(1).filter_map(|n| n.parse().ok()).collect() })
        };
        lines.filter_map(read).collect()
    })
}

/// Whether a group is of the OWASP Top Ten.
fn of_owasp(group: &WeaknessGroup) -> bool {
    group.name.contains(':')
}

/// A CWE number, or the name of a group.
#[derive(Debug, Clone)]
pub(crate) struct CweOrGroup(WeaknessGroup);

impl FromNode for CweOrGroup {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let text = node.text().unwrap_or_default();
        let numeric = text.is_empty()
            || text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            || text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("CWE"));
        if numeric {
            let number = Cwe::from_node(node, key, problems)?.0;
            return Some(Self(WeaknessGroup { name: number.to_string(), numbers: vec![number] }));
        }
        let known: Vec<&str> =
            groups().iter().filter(|group| !of_owasp(group)).map(|group| group.name.as_str()).collect();
        let found = groups().iter().find(|group| !of_owasp(group) && group.name == text);
        if found.is_none() && nearest(text, &known).is_some() {
            let diagnostic = PolicyDiagnostic::UnknownInSelector {
                key: key.to_owned(),
                what: "group",
                shown: quoted(text),
            };
            problems.unknown(node.at, diagnostic, text, &known);
        } else if found.is_none() {
            wrong(node, key, "a CWE number such as `79`, or a group such as `injection`", problems);
        }
        found.cloned().map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let number = Cwe::schema(generator);
        let known: Vec<&str> =
            groups().iter().filter(|group| !of_owasp(group)).map(|group| group.name.as_str()).collect();
        json_schema!({"anyOf": [number, {"enum": known}]})
    }
}

pub(super) type CweIs = SomeOf<FindingWeakness>;

/// CWE numbers, of which a finding has one.
pub(crate) struct FindingWeakness;

impl ListCriterion for FindingWeakness {
    type Written = CweOrGroup;
    type Item = WeaknessGroup;
    const FACTS: CriterionFacts = CriterionFacts::known(&["79", "[22, CWE-89]", "injection"]);

    fn item(written: At<Self::Written>, _: &'static str, _: &mut PolicyProblems) -> Option<Self::Item> {
        Some(written.value.0)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        is_member(items, finding)
    }

    fn shown(group: &Self::Item) -> String {
        group.name.clone()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(or_none(finding.cwes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")))
    }

    /// The numbers that groups stand for are compared, and the groups are told.
    fn narrower(before: &[Self::Item], after: &[Self::Item]) -> Option<(String, String)> {
        groups_narrower(before, after)
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        let cwes: [&[u32]; 4] = [&[], &[79], &[89, 79], &[22]];
        finding.cwes = cwes[usize::from(n) % 4].to_vec();
    }
}

fn is_member(value: &[WeaknessGroup], finding: &Finding) -> Answer {
    let member = |cwe: &u32| value.iter().any(|group| group.numbers.binary_search(cwe).is_ok());
    Answer::of(finding.cwes.iter().any(member))
}

fn groups_narrower(before: &[WeaknessGroup], after: &[WeaknessGroup]) -> Option<(String, String)> {
    let numbers =
        |list: &[WeaknessGroup]| list.iter().flat_map(|group| group.numbers.clone()).collect::<Vec<_>>();
    let shown = |list: &[WeaknessGroup]| {
        if list.is_empty() {
            "any".to_owned()
        } else {
            list.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ")
        }
    };
    list_narrower(&numbers(before), &numbers(after)).map(|_| (shown(before), shown(after)))
}

/// A category of the OWASP Top Ten: `A03`, of the edition of 2021, or `A03:2025`.
#[derive(Debug, Clone)]
pub(crate) struct OwaspCategory(WeaknessGroup);

impl FromNode for OwaspCategory {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let text = node.text().unwrap_or_default();
        let name = if text.contains(':') { text.to_owned() } else { format!("{text}:{EDITION}") };
        let found = groups().iter().find(|group| of_owasp(group) && group.name.eq_ignore_ascii_case(&name));
        if found.is_none() {
            let known: Vec<&str> =
                groups().iter().filter(|group| of_owasp(group)).map(|group| group.name.as_str()).collect();
            let diagnostic = PolicyDiagnostic::UnknownInSelector {
                key: key.to_owned(),
                what: "category of the OWASP Top Ten",
                shown: quoted(text),
            };
            problems.unknown(node.at, diagnostic, text, &known);
        }
        found.cloned().map(Self)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(A|a)(0[1-9]|10)(:(2021|2025))?$"})
    }
}

pub(super) type OwaspIs = SomeOf<OwaspTopTen>;

/// Categories of the OWASP Top Ten, of which a finding is one by its CWE.
pub(crate) struct OwaspTopTen;

impl ListCriterion for OwaspTopTen {
    type Written = OwaspCategory;
    type Item = WeaknessGroup;
    const FACTS: CriterionFacts = CriterionFacts::known(&["A03", "[A01, \"A05:2025\"]"]);

    fn item(written: At<Self::Written>, _: &'static str, _: &mut PolicyProblems) -> Option<Self::Item> {
        Some(written.value.0)
    }

    fn answer(items: &[Self::Item], finding: &Finding, _: SelectorContext<'_>) -> Answer {
        is_member(items, finding)
    }

    fn shown(group: &Self::Item) -> String {
        group.name.clone()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        let of = |group: &&WeaknessGroup| {
            of_owasp(group) && finding.cwes.iter().any(|cwe| group.numbers.binary_search(cwe).is_ok())
        };
        let all: Vec<&str> = groups().iter().filter(of).map(|group| group.name.as_str()).collect();
        Some(or_none(all.join(", ")))
    }

    /// The numbers that groups stand for are compared, and the groups are told.
    fn narrower(before: &[Self::Item], after: &[Self::Item]) -> Option<(String, String)> {
        groups_narrower(before, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let (owasp, views): (Vec<_>, Vec<_>) = groups().iter().partition(|group| of_owasp(group));
        assert_eq!((owasp.len(), views.len()), (20, 22));
        for group in groups() {
            assert!(!group.numbers.is_empty() && group.numbers.is_sorted(), "{}", group.name);
        }
        // The comprehensive view has each weakness once.
        let mut all: Vec<u32> = views.iter().flat_map(|group| group.numbers.clone()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(count, all.len());
        let members = |name: &str| &groups().iter().find(|group| group.name == name).unwrap().numbers;
        assert!(members("injection").contains(&89) && members("A03:2021").contains(&79));
        assert_eq!(members("A10:2021"), &[918]);
    }
}

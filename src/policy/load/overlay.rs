//! A policy laid over the one that it extends, as trees: what the child says of something inherited takes its place,
//! everything else is added. Whether that is stricter is found by comparing the two as checked.

use super::super::error::{PolicyProblems, listed, quoted};
use super::super::written::node::{Node, NodeKey, NodeKind};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Keys that a rule may give which the parent has already; which findings it looks at stays.
const RULE: [&str; 9] =
    ["id", "unknown", "allow", "then", "waivable", "waive_malware", "reviewers", "from", "when"];

/// Demands that it may add to, where the parent's rule has them.
const DEMANDS: [&str; 6] = ["image", "sbom", "provenance", "approvals", "verdicts", "document"];

/// Keys that an entry of the evidence may give which the parent has already.
const ENTRY: [&str; 9] = [
    "count",
    "required",
    "max_age",
    "age_unknown",
    "bound",
    "receipt",
    "nothing_scanned",
    "stale",
    "problems",
];

type Pairs = Vec<(NodeKey, Node)>;

/// `child` over `parent`, whose text is valid by itself.
pub(super) fn overlay(parent: Node, child: Node, problems: &mut PolicyProblems) -> Node {
    let (NodeKind::Map(mut below), NodeKind::Map(above)) = (parent.kind, &child.kind) else { return child };
    if !above.iter().any(|(key, _)| key.text == "version") {
        below.retain(|(key, _)| key.text != "version");
    }
    let at = child.at;
    let NodeKind::Map(above) = child.kind else { return Node { at, kind: NodeKind::Map(below) } };
    for (key, value) in above {
        let Some(index) = below.iter().position(|(known, _)| known.text == key.text) else {
            below.push((key, value));
            continue;
        };
        let Some((old_key, old)) = below.get_mut(index) else { continue };
        let inherited = std::mem::replace(old, Node { at, kind: NodeKind::Broken });
        *old = match key.text.as_str() {
            "gate" => {
                if inherited.text() != value.text() {
                    problems.add(
                        value.at,
                        PolicyDiagnostic::OtherGate {
                            is: value.describe_kind(),
                            inherited: inherited.describe_kind(),
                        },
                    );
                }
                value
            }
            "rules" => rules(inherited, value, problems),
            "evidence" => table(inherited, value, &mut |name, old, new| {
                only(&format!("the evidence {}", quoted(name)), &ENTRY, &old, &new, problems);
                over(old, new)
            }),
            "trust" => table(inherited, value, &mut |name, old, new| match name {
                "deny" => joined(old, new),
                _ => over(old, new),
            }),
            "severity" => table(inherited, value, &mut |name, old, new| match name {
                "map" => joined(old, new),
                _ => new,
            }),
            // Names of the author's own: each is inherited whole.
            "parameters" | "people" | "mappings" | "keys" | "subjects" | "sets" => {
                table(inherited, value, &mut |_, _, new| new)
            }
            _ => over(inherited, value),
        };
        *old_key = key;
    }
    Node { at, kind: NodeKind::Map(below) }
}

/// A map over a map, `each` deciding about what both have; anything else takes the place of what was there.
fn table(below: Node, above: Node, each: &mut dyn FnMut(&str, Node, Node) -> Node) -> Node {
    let at = below.at;
    match (below.kind, above.kind) {
        (NodeKind::Map(mut pairs), NodeKind::Map(more)) => {
            for (key, value) in more {
                put_pair(&mut pairs, key, value, each);
            }
            Node { at, kind: NodeKind::Map(pairs) }
        }
        (_, kind) => Node { at: above.at, kind },
    }
}

fn put_pair(pairs: &mut Pairs, key: NodeKey, value: Node, each: &mut dyn FnMut(&str, Node, Node) -> Node) {
    match pairs.iter_mut().find(|(known, _)| known.text == key.text) {
        Some((known, old)) => {
            let broken = Node { at: old.at, kind: NodeKind::Broken };
            *old = each(&key.text, std::mem::replace(old, broken), value);
            *known = key;
        }
        None => pairs.push((key, value)),
    }
}

/// Maps key by key, to the depth; lists and values are replaced.
fn over(below: Node, above: Node) -> Node {
    table(below, above, &mut |_, old, new| over(old, new))
}

/// A list, and what comes after it.
fn joined(below: Node, above: Node) -> Node {
    match (below.kind, above.kind) {
        (NodeKind::List(mut items), NodeKind::List(more)) => {
            items.extend(more);
            Node { at: below.at, kind: NodeKind::List(items) }
        }
        (_, kind) => Node { at: above.at, kind },
    }
}

/// Rules by their id: those of the parent in its order, then the child's own.
fn rules(below: Node, above: Node, problems: &mut PolicyProblems) -> Node {
    let at = below.at;
    let (NodeKind::List(mut rules), NodeKind::List(more)) = (below.kind, above.kind) else {
        problems.add(above.at, PolicyDiagnostic::RulesNotAList);
        return Node { at, kind: NodeKind::Broken };
    };
    let mut open: Vec<String> = rules.iter().filter_map(|rule| rule.id().map(str::to_owned)).collect();
    for rule in more {
        let id = rule.id().map(str::to_owned).unwrap_or_default();
        // A rule that the child gives twice is added, and refused as a duplicate.
        let known = open.iter().position(|known| *known == id).map(|at| open.remove(at));
        match known.and_then(|id| rules.iter_mut().find(|rule| rule.id() == Some(&id))) {
            Some(known) => {
                let mut keys = RULE.to_vec();
                keys.extend(DEMANDS.iter().filter(|key| known.get_mut(key).is_some()));
                only(&format!("the rule {}", quoted(&id)), &keys, known, &rule, problems);
                let broken = Node { at: known.at, kind: NodeKind::Broken };
                let old = std::mem::replace(known, broken);
                *known = over(old, rule);
            }
            None => rules.push(rule),
        }
    }
    Node { at, kind: NodeKind::List(rules) }
}

/// Reports keys that cannot be given of something inherited.
fn only(what: &str, keys: &[&str], old: &Node, new: &Node, problems: &mut PolicyProblems) {
    let NodeKind::Map(pairs) = &new.kind else { return };
    for (key, _) in pairs.iter().filter(|(key, _)| !keys.contains(&key.text.as_str())) {
        let keys: Vec<&str> = keys.iter().copied().filter(|key| *key != "id").collect();
        problems.add(
            key.at,
            PolicyDiagnostic::InheritedKey {
                what: what.to_owned(),
                line: old.at.line,
                shown: quoted(&key.text),
                keys: listed(&keys),
            },
        );
    }
}

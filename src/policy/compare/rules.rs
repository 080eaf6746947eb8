//! Rules: each that was there still is, looks at no less, allows no more, and what follows is no milder.

use std::collections::HashSet;

use super::PolicyComparison;
use crate::policy::{Allowance, DocumentRule, Expect, Rule, Selector, Subject, UnknownAction};

/// A rule of the policy after the change, and what it takes to see soon that it does not stand for another.
struct Successor<'a> {
    rule: &'a Rule,
    /// Its selector without what says nothing, of rules about findings.
    selector: Option<Selector>,
    /// Whether the policy before had a rule of this id.
    known: bool,
}

impl PolicyComparison<'_> {
    pub(super) fn rules(&mut self, before: &[Rule]) {
        let ids: HashSet<&str> = before.iter().map(|rule| rule.id.as_str()).collect();
        let successors: Vec<Successor<'_>> = self
            .after
            .rules
            .iter()
            .map(|rule| Successor {
                rule,
                selector: rule.subject.findings().map(Selector::simplified),
                known: ids.contains(rule.id.as_str()),
            })
            .collect();
        for rule in before {
            let same = self.after.rules.iter().find(|now| now.id == rule.id);
            if same.is_some_and(|now| self.covers(rule, &rule.subject, rule.allow, now)) {
                continue;
            }
            // Under other ids it is the same rule; waivers that name it are compared by themselves. Of what was there
            // before, nothing stands in for a rule that still is.
            let others = || successors.iter().filter(|now| same.is_none() || !now.known);
            if self.covered_by_any(rule, &rule.subject, rule.allow, others())
                || self
                    .is_split(rule, || successors.iter().filter(|now| now.rule.id == rule.id || !now.known))
            {
                continue;
            }
            match same {
                Some(now) => self.rule(rule, &rule.subject, rule.allow, now),
                None => self.add(&["rules", &rule.id], super::word(rule.then), "gone"),
            }
        }
    }

    /// Whether several rules together stand for one: each value of one of its lists is looked at by one of them.
    fn is_split<'s, 'r: 's, I: Iterator<Item = &'s Successor<'r>>>(
        &self,
        rule: &Rule,
        others: impl Fn() -> I,
    ) -> bool {
        let Some(selector) = rule.subject.findings() else { return false };
        // What each allows adds up.
        let stands = |part: Selector| {
            self.covered_by_any(rule, &Subject::Findings(part), Allowance::Count(0), others())
        };
        selector.split_by_list().into_iter().any(|parts| parts.into_iter().all(stands))
    }

    /// Whether one of these is at least as strict as a rule with this subject, which allows so many.
    fn covered_by_any<'s, 'r: 's>(
        &self,
        rule: &Rule,
        subject: &Subject,
        allow: Allowance,
        mut successors: impl Iterator<Item = &'s Successor<'r>>,
    ) -> bool {
        let selector = subject.findings().map(|selector| self.renamed_entries(selector));
        successors.any(|now| {
            let may = match (&selector, &now.selector) {
                (Some(was), Some(is)) => was.is_within(is),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            may && self.covers(rule, subject, allow, now.rule)
        })
    }

    /// Whether a rule is at least as strict as another with this subject, which allows so many.
    fn covers(&self, before: &Rule, subject: &Subject, allow: Allowance, after: &Rule) -> bool {
        let mut alone = PolicyComparison { before: self.before, after: self.after, found: Vec::new() };
        alone.rule(before, subject, allow, after);
        alone.found.is_empty()
    }

    fn rule(&mut self, before: &Rule, subject: &Subject, allow: Allowance, after: &Rule) {
        let Rule {
            id,
            line: _,    // where it stands
            title: _,   // for people
            subject: _, // as given
            unknown,
            allow: _, // as given
            then,
            waivable,
            waive_malware,
            reviewers,
            fix: _, // for people
            log: _, // for people
            from,
            when,
            fed_by: _, // made from what it looks at and from the entries, which are compared
        } = before;
        let at = |key: &'static str| ["rules", id.as_str(), key];
        self.subject(id, subject, &after.subject);
        let mut keys: Vec<&str> = Selector::lackable();
        keys.retain(|key| after.unknown.of(key) < unknown.of(key));
        if let Some(key) = keys.first() {
            let shown = |action: UnknownAction| format!("{key}: {}", action.as_str());
            self.add(&at("unknown"), shown(unknown.of(key)), shown(after.unknown.of(key)));
        }
        if !after.allow.is_within(allow) {
            self.add(&at("allow"), allow.describe(), after.allow.describe());
        } else if let (Allowance::Base, Subject::Findings(was), Subject::Findings(is)) =
            (after.allow, subject, &after.subject)
            && !is.is_within(&self.renamed_entries(was))
        {
            // Whatever else it looks at may have become less since the base, and makes room.
            self.add(&at("findings"), was.describe(), is.describe());
        }
        self.action(&at("then"), *then, after.then);
        self.demand_not(&at("waivable"), *waivable, after.waivable);
        self.demand_not(&at("waive_malware"), *waive_malware, after.waive_malware);
        let own = at("reviewers");
        let path = if self.after.places.has(&own) || self.before.places.has(&own) {
            &own[..]
        } else {
            &["reviewers"]
        };
        self.reviewers(path, reviewers.as_ref(), after.reviewers.as_ref());
        if after.from.is_some_and(|now| from.is_none_or(|was| now > was)) {
            let shown = |day: &Option<jiff::civil::Date>| {
                day.map_or_else(|| "at once".to_owned(), |day| format!("from {day}"))
            };
            self.add(&at("from"), shown(from), shown(&after.from));
        }
        // A condition more is a run more in which it does not hold.
        let holds = |(name, values): &(String, Vec<String>)| {
            when.iter().any(|(was, old)| was == name && old.iter().all(|value| values.contains(value)))
        };
        if !after.when.iter().all(holds) {
            self.add(&at("when"), conditions(when), conditions(&after.when));
        }
    }

    /// A selector with the names that its entries have now.
    fn renamed_entries(&self, selector: &Selector) -> Selector {
        let now = |name: &String| self.successor_name(name).to_owned();
        let mut renamed = selector.clone();
        renamed.evidence = selector.evidence.iter().map(now).collect();
        for inner in renamed.nested_mut() {
            *inner = self.renamed_entries(inner);
        }
        renamed
    }

    /// A permission may be taken back, never given.
    fn demand_not(&mut self, path: &[&str], before: bool, after: bool) {
        if !before && after {
            self.add(path, before, after);
        }
    }

    fn subject(&mut self, id: &str, before: &Subject, after: &Subject) {
        match (before, after) {
            (Subject::Findings(was), Subject::Findings(is)) => {
                for (key, was, is) in self.renamed_entries(was).narrower_than(&is.simplified()) {
                    let path = ["rules", id, "findings", key];
                    self.add(
                        if self.after.places.has(&path) || self.before.places.has(&path) {
                            &path
                        } else {
                            &path[..3]
                        },
                        was,
                        is,
                    );
                }
            }
            (Subject::Document(was), Subject::Document(is)) => self.document(id, was, is),
            (was, is) => self.compare_requirements(id, was, is),
        }
    }

    fn document(&mut self, id: &str, before: &DocumentRule, after: &DocumentRule) {
        let DocumentRule { name, require, forbid, at_least } = before;
        let at = |key: &'static str| ["rules", id, "document", key];
        let known = self.successor_name(name).to_owned();
        self.require_equal(&at("name"), &known, &after.name);
        for (path, expected) in require {
            let kept = after.require.iter().any(|(now, is)| {
                now.text() == path.text()
                    && match (expected, is) {
                        (Expect::Present, _) => true,
                        (Expect::Equals(was), Expect::Equals(is)) => was == is,
                        (Expect::Within(was), Expect::Within(is)) => is <= was,
                        (Expect::Equals(_) | Expect::Within(_), _) => false,
                    }
            });
            if !kept {
                self.add(&at("require"), format!("{} {}", path.text(), expectation(expected)), "less");
            }
        }
        for path in forbid {
            if !after.forbid.iter().any(|now| now.text() == path.text()) {
                self.add(&at("forbid"), path.text(), "gone");
            }
        }
        for (path, least) in at_least {
            let now =
                after.at_least.iter().filter(|(now, _)| now.text() == path.text()).map(|(_, n)| *n).max();
            if now.is_none_or(|now| now < *least) {
                let now = now.map_or_else(|| "gone".to_owned(), |n| n.to_string());
                self.add(&at("at_least"), format!("{}: {least}", path.text()), now);
            }
        }
    }
}

fn expectation(expected: &Expect) -> String {
    match expected {
        Expect::Present => "present".to_owned(),
        Expect::Equals(value) => format!("= {value}"),
        Expect::Within(seconds) => format!("within {}", crate::finding::short_duration(*seconds)),
    }
}

fn conditions(when: &[(String, Vec<String>)]) -> String {
    let shown: Vec<String> =
        when.iter().map(|(name, values)| format!("{name}: {}", values.join(" or "))).collect();
    if shown.is_empty() { "always".to_owned() } else { shown.join(", ") }
}

/// Whether a rule can only match more when a finding's severity is raised.
pub(super) fn blind_to_severity(rule: &Rule) -> bool {
    // More of the base would count, too.
    if rule.allow == Allowance::Base {
        return false;
    }
    let Subject::Findings(selector) = &rule.subject else { return true };
    let excludes = |not: &Selector| not.severity.is_some() || not.r#where.is_some();
    selector.r#where.is_none() && !selector.nested().into_iter().any(excludes)
}

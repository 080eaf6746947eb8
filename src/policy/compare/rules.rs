//! Rules: each that was there still is, looks at no less, allows no more, and what follows is no milder.

use super::{PolicyComparison, selector};
use crate::policy::{DocumentRule, Expect, Rule, Subject};

impl PolicyComparison<'_> {
    pub(super) fn rules(&mut self, before: &[Rule]) {
        let after = self.after;
        for rule in before {
            if let Some(now) = after.rules.iter().find(|r| r.id == rule.id) {
                self.rule(rule, now);
                continue;
            }
            // Under another id it is the same rule; waivers that name it are compared by themselves.
            let stands_in = after.rules.iter().any(|now| {
                let mut alone = PolicyComparison { before: self.before, after, found: Vec::new() };
                alone.rule(rule, now);
                alone.found.is_empty()
            });
            if !stands_in {
                self.add(&["rules", &rule.id], super::word(rule.then), "gone");
            }
        }
    }

    fn rule(&mut self, before: &Rule, after: &Rule) {
        let Rule {
            id,
            line: _,  // where it stands
            title: _, // for people
            subject,
            allow,
            then,
            waivable,
            waive_malware,
            reviewers,
            fix: _, // for people
            from,
            when,
            fed_by: _, // made from what it looks at and from the entries, which are compared
        } = before;
        let at = |key: &'static str| ["rules", id.as_str(), key];
        self.subject(id, subject, &after.subject);
        self.most(&at("allow"), Some(*allow), Some(after.allow), |n| n.to_string());
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

    /// A permission may be taken back, never given.
    fn demand_not(&mut self, path: &[&str], before: bool, after: bool) {
        if !before && after {
            self.add(path, before, after);
        }
    }

    fn subject(&mut self, id: &str, before: &Subject, after: &Subject) {
        match (before, after) {
            (Subject::Findings(was), Subject::Findings(is)) => {
                for (key, was, is) in selector::narrower(was, is) {
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
        self.require_equal(&at("name"), name, &after.name);
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
        Expect::Within(seconds) => format!("within {}", super::duration(*seconds)),
    }
}

fn conditions(when: &[(String, Vec<String>)]) -> String {
    let shown: Vec<String> =
        when.iter().map(|(name, values)| format!("{name}: {}", values.join(" or "))).collect();
    if shown.is_empty() { "always".to_owned() } else { shown.join(", ") }
}

/// Whether a rule can only match more when a finding's severity is raised.
pub(super) fn blind_to_severity(rule: &Rule) -> bool {
    let Subject::Findings(selector) = &rule.subject else { return true };
    let excludes = |not: &crate::policy::Selector| not.severity.is_some() || not.r#where.is_some();
    selector.r#where.is_none() && !selector.not.as_deref().is_some_and(excludes)
}

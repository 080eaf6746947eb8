//! Waivers: what is excepted now and was not before.

use std::collections::BTreeMap;

use super::{LoosenedClause, listed};
use crate::policy::PolicyLine;
use crate::policy::waiver::{Trigger, Waiver, WaiverMatch, WaiverSnapshot};

/// Everything in which the waivers `after` let more through than those `before`, in their order.
pub fn waivers(before: &[Waiver], after: &[Waiver]) -> Vec<LoosenedClause> {
    // People type ids: letter case makes no other waiver.
    let known: BTreeMap<String, &Waiver> = before.iter().map(|w| (w.id.to_lowercase(), w)).collect();
    let mut found = Vec::new();
    for waiver in after {
        let was = known.get(&waiver.id.to_lowercase()).copied();
        Changed { was, is: waiver, found: &mut found }.compare();
    }
    found
}

/// One waiver and what it was, if it was.
struct Changed<'w> {
    was: Option<&'w Waiver>,
    is: &'w Waiver,
    found: &'w mut Vec<LoosenedClause>,
}

impl Changed<'_> {
    fn compare(&mut self) {
        let Some(was) = self.was else {
            let is = self.is;
            let until =
                format!("lets {} through {} until {}", matched(&is.matches), is.rules.join(", "), is.expires);
            return self.add("", "not there", &until);
        };
        let is = self.is;
        // Taken apart without `..`, so that a new field says here what makes it stricter.
        let Waiver {
            id: _,                 // the same
            file: _,               // where it stands
            line: _,               // where it stands
            rules,                 // fewer
            applies_to: _,         // made from `rules`
            projects,              // fewer
            matches,               // narrower
            justification: _,      // for others
            reason: _,             // for people
            owner,                 // the same: whom the policy may forbid
            approved_by,           // the same
            compensating_controls, // not fewer
            created: _,            // bounds how long it may hold, which `ends` says
            expires,
            ends,           // sooner
            triggers,       // more
            review_note: _, // for people
            seen,           // what a trigger compares with
            max_matches,    // fewer
            emergency,      // its own loud line
        } = was;
        if !is.rules.iter().all(|rule| rules.contains(rule)) {
            self.add("rule", &rules.join(", "), &is.rules.join(", "));
        }
        let kept = projects.is_empty() || !is.projects.is_empty();
        if !kept || !projects.is_empty() && !is.projects.iter().all(|glob| projects.contains(glob)) {
            self.add("projects", &listed(projects), &listed(&is.projects));
        }
        if !narrower(matches, &is.matches) {
            self.add("match", &matched(matches), &matched(&is.matches));
        }
        if is.ends > *ends {
            self.add("expires", expires, &is.expires);
        }
        let kept = |trigger: &Trigger| match trigger {
            Trigger::Epss(was) => is.triggers.iter().any(|t| matches!(t, Trigger::Epss(is) if is <= was)),
            other => is.triggers.contains(other),
        };
        if !triggers.iter().all(kept) {
            let shown =
                |list: &[Trigger]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.add("review_trigger", &shown(triggers), &shown(&is.triggers));
        }
        if is.max_matches > *max_matches {
            self.add("max_matches", &max_matches.to_string(), &is.max_matches.to_string());
        }
        let WaiverSnapshot { severity, fix: _, matches: _ } = seen; // a fix and a number decide nothing later
        if is.triggers.contains(&Trigger::SeverityRaised) && *severity != is.seen.severity {
            let shown = |s: &WaiverSnapshot| s.severity.map_or_else(|| "none".to_owned(), |s| s.to_string());
            self.add("seen.severity", &shown(seen), &shown(&is.seen));
        }
        let bare = |name: &str| name.trim_start_matches('@').to_lowercase();
        for (key, was, is) in [("owner", owner, &is.owner), ("approved_by", approved_by, &is.approved_by)] {
            if bare(was) != bare(is) {
                self.add(key, was, is);
            }
        }
        if !compensating_controls.iter().all(|control| is.compensating_controls.contains(control)) {
            self.add(
                "compensating_controls",
                &listed(compensating_controls),
                &listed(&is.compensating_controls),
            );
        }
        if *emergency && !is.emergency {
            self.add("kind", "emergency", "none");
        }
    }

    fn add(&mut self, key: &str, before: &str, after: &str) {
        let is = self.is;
        let what = if key.is_empty() { String::new() } else { format!(": `{key}`") };
        let people = format!("owner {}, approved by {}", is.owner, is.approved_by);
        let place = |waiver: &Waiver| PolicyLine { file: waiver.file.clone(), line: waiver.line };
        let clause = format!("waiver `{}` ({people}){what}", is.id);
        self.found.push(LoosenedClause::outside_policy(
            &clause,
            before,
            after,
            self.was.map(place),
            Some(place(is)),
        ));
    }
}

/// Whether all that the new selectors match, the old ones matched.
fn narrower(before: &WaiverMatch, after: &WaiverMatch) -> bool {
    fn within<T: PartialEq>(was: &[T], is: &[T]) -> bool {
        was.is_empty() || !is.is_empty() && is.iter().all(|item| was.contains(item))
    }
    let WaiverMatch { fingerprints, ids, rule_id, path, package, version, content, tool } = before;
    let kept = |was: &Option<String>, is: &Option<String>| was.is_none() || was == is;
    within(fingerprints, &after.fingerprints)
        && within(ids, &after.ids)
        && kept(rule_id, &after.rule_id)
        && kept(path, &after.path)
        && kept(package, &after.package)
        && kept(version, &after.version)
        && (content.is_none() || *content == after.content)
        && kept(tool, &after.tool)
}

/// Selectors in words.
fn matched(matches: &WaiverMatch) -> String {
    let WaiverMatch { fingerprints, ids, rule_id, path, package, version, content, tool } = matches;
    let mut parts: Vec<String> = fingerprints.iter().map(ToString::to_string).collect();
    parts.extend(ids.iter().cloned());
    parts.extend(rule_id.clone());
    for (word, value) in [("in", path), ("of", package), ("in version", version), ("by", tool)] {
        parts.extend(value.as_ref().map(|value| format!("{word} {value}")));
    }
    parts.extend(content.map(|content| format!("with content {content:016x}")));
    parts.join(" ")
}

//! Evidence entries: what is demanded stays demanded, and of the same files.

use super::{NOT_THERE, PolicyComparison, word};
use crate::finding::{Target, short_duration};
use crate::policy::{
    Action, ActionsByProblem, DocumentKind, EntryKind, EvidenceEntry, Feed, PathGlob, Policy, Rule, Subject,
};

impl PolicyComparison<'_> {
    pub(super) fn entries(&mut self, before: &[EvidenceEntry]) {
        let after = self.after;
        let known = |list: &[EvidenceEntry], name: &str| list.iter().any(|entry| entry.name == name);
        for entry in before {
            let path = ["evidence", &entry.name];
            if let Some(now) = after.evidence.iter().find(|e| e.name == entry.name) {
                self.entry(&path, entry, now);
                continue;
            }
            // Under another name it is the same demand.
            let renamed = self.successor(entry).is_some();
            if !renamed {
                self.add(&path, if entry.required { "required" } else { "read" }, "gone");
            }
        }
        for entry in after.evidence.iter().filter(|entry| !known(before, &entry.name)) {
            self.one_more(before, entry);
        }
    }

    /// The entry that makes the demands of one that is gone, under a name that was none before.
    fn successor(&self, entry: &EvidenceEntry) -> Option<&EvidenceEntry> {
        let (before, after) = (self.before, self.after);
        let was_there = |name: &str| before.evidence.iter().any(|known| known.name == name);
        after.evidence.iter().filter(|now| !was_there(&now.name)).find(|now| {
            let mut alone = PolicyComparison { before, after, found: Vec::new() };
            alone.entry(&["evidence", &entry.name], entry, now);
            alone.found.is_empty()
        })
    }

    /// The name that an entry has now.
    pub(super) fn successor_name<'n>(&'n self, name: &'n str) -> &'n str {
        if self.after.evidence.iter().any(|now| now.name == name) {
            return name;
        }
        let entry = self.before.evidence.iter().find(|entry| entry.name == name);
        entry.and_then(|entry| self.successor(entry)).map_or(name, |now| now.name.as_str())
    }

    /// An entry that was not there is one more report to be clean, and may be one more word to be taken.
    fn one_more(&mut self, before: &[EvidenceEntry], entry: &EvidenceEntry) {
        let path = ["evidence", &entry.name];
        match entry.kind {
            EntryKind::Feed(Feed::Vex) if self.before.vex.is_some() => {
                self.add(&path, NOT_THERE, "one more file whose statements lift findings");
            }
            EntryKind::Feed(feed)
                if !before.iter().any(|e| e.kind == entry.kind) && asked(self.before, feed) =>
            {
                self.adds(
                    &path,
                    "none, so that nothing was known of a finding",
                    "a feed that tells them apart",
                );
            }
            EntryKind::Document(kind) if tells_who(kind) && anybody_approves(self.before) => {
                self.add(&path, NOT_THERE, "one more file that says who approved, or who somebody is");
            }
            EntryKind::Feed(_) | EntryKind::Document(_) | EntryKind::Report(_) => {
                let feeds = |rule: &&Rule| {
                    let facts = matches!(rule.subject, Subject::Image(_) | Subject::Sbom(_));
                    let fed = self
                        .after
                        .rules
                        .iter()
                        .any(|now| now.id == rule.id && now.fed_by.contains(&entry.name));
                    facts && fed
                };
                if let Some(rule) = self.before.rules.iter().find(feeds) {
                    let what = format!("one more file that can satisfy the rule `{}`", rule.id);
                    self.adds(&path, NOT_THERE, what);
                }
            }
        }
    }

    fn entry(&mut self, path: &[&str], before: &EvidenceEntry, after: &EvidenceEntry) {
        let EvidenceEntry {
            name: _, // may change where nothing else does
            line: _, // where it stands
            subject,
            kind,
            files,
            count,
            required,
            format,
            target,
            max_age,
            age_unknown,
            bound,
            receipt,
            signed_by,
            nothing_scanned,
            stale,
            problems,
            run,
            extent: _, // of the run, not of the policy
        } = before;
        let at = |key: &'static str| [path, &[key]].concat();
        if *kind != after.kind {
            self.add(path, kind_of(*kind), kind_of(after.kind));
        }
        // A report about something else is another demand.
        let of = |subject: &Option<String>| subject.clone().unwrap_or_else(|| "no subject".to_owned());
        self.require_equal(&at("subject"), &of(subject), &of(&after.subject));
        // Fewer files are fewer findings, more are one more way to satisfy it.
        let globs = |entry: &EvidenceEntry| {
            let mut texts: Vec<&str> = entry.files.iter().flat_map(PathGlob::spellings).collect();
            texts.sort_unstable();
            texts.dedup();
            texts.join(", ")
        };
        let _ = files; // compared by what the globs stand for
        self.require_equal(&at("files"), &globs(before), &globs(after));
        self.least(&at("count"), *count, after.count);
        self.keep_requirement(&at("required"), *required, after.required);
        // A format says how an ambiguous file is read, too.
        let named = |format: &Option<String>| format.clone().unwrap_or_else(|| "any".to_owned());
        self.require_equal(&at("format"), &named(format), &named(&after.format));
        if target.is_some() && *target != after.target {
            let named = |t: Option<Target>| t.map_or("any", Target::as_str);
            self.add(&at("target"), named(*target), named(after.target));
        }
        self.most(&at("max_age"), *max_age, after.max_age, short_duration);
        if max_age.is_some() {
            let unknown = |age: Option<Action>, stale: Action| age.unwrap_or(stale);
            let (was, is) = (unknown(*age_unknown, *stale), unknown(after.age_unknown, after.stale));
            self.action(&at("age_unknown"), was, is);
            self.action(&at("stale"), *stale, after.stale);
        }
        self.keep_requirement(&at("bound"), *bound, after.bound);
        self.keep_requirement(&at("receipt"), *receipt, after.receipt);
        self.choice(&at("signed_by"), signed_by, &after.signed_by);
        self.action(&at("nothing_scanned"), *nothing_scanned, after.nothing_scanned);
        // Another argument can make a scanner see less. Where none was given, or none is, it is started otherwise.
        if let (Some(was), Some(is)) = (run, &after.run)
            && was.argv != is.argv
        {
            self.add(&at("run"), was.argv.join(" "), is.argv.join(" "));
        }
        let ActionsByProblem { parse, timeout, rule, scan } = *problems;
        for (key, was, is) in [
            ("parse", parse, after.problems.parse),
            ("timeout", timeout, after.problems.timeout),
            ("rule", rule, after.problems.rule),
            ("scan", scan, after.problems.scan),
        ] {
            self.action(&[path, &["problems", key]].concat(), was, is);
        }
    }
}

fn kind_of(kind: EntryKind) -> String {
    match kind {
        EntryKind::Report(category) => format!("category {category}"),
        EntryKind::Document(kind) => format!("document {}", kind.as_str()),
        EntryKind::Feed(feed) => format!("feed {}", word(feed)),
    }
}

/// Whether a document says who approved, who the author is or who somebody is. Plain documents are looked at by their
/// names; the others are signed, or compared with the rules that look at them.
fn tells_who(kind: DocumentKind) -> bool {
    kind.is_of_gitlab() || kind == DocumentKind::Acceptance
}

/// Whether a policy lets anybody approve anything.
fn anybody_approves(policy: &Policy) -> bool {
    let asks = |rule: &Rule| rule.reviewers.is_some() || matches!(rule.subject, Subject::Approvals(_));
    policy.reviewers.is_some() || policy.rules.iter().any(asks)
}

/// Whether something in a policy takes every finding for one of these as long as no feed says otherwise.
fn asked(policy: &Policy, feed: Feed) -> bool {
    let selects = |rule: &Rule| match &rule.subject {
        Subject::Findings(selector) => {
            let conditional = |s: &crate::policy::Selector| s.r#where.is_some();
            feed == Feed::Vex
                || selector.needs(feed)
                || conditional(selector)
                || selector.nested().into_iter().any(conditional)
        }
        _ => false,
    };
    // A trigger of a waiver that nothing can evaluate ends the waiver.
    policy.waivers.is_some() || policy.rules.iter().any(selects)
}

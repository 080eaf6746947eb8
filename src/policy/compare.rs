//! Is one policy at least as strict as another, and where not: clause by clause.
//!
//! `extends` refuses a child that is looser than its parent, and a change that makes its own gate looser is not let
//! through in silence. What cannot be proved to be stricter is looser.
//!
//! Types are taken apart here without `..`, so that a new field of a policy does not compile until somebody has said
//! what makes it stricter: compare it with `Comparison::action`, `Comparison::most` and their kin, which take
//! the path of keys that leads to it; `Comparison::same` where nothing but equality is safe; `_` only where it
//! decides nothing, with the reason beside it.

mod evidence;
mod people;
mod requirements;
mod rules;
mod waivers;

use std::fmt::{Debug, Display};

use super::written::Vocabulary;
use super::{
    Action, BaseSettings, DeniedTool, Enforcement, Mapping, Parameter, PathGlob, Policy, PolicyLine,
    ReportMapping, SignerKey, TrustRules, VexRules, WaiverSettings,
};
use crate::finding::{Severity, clean, clean_line, short_duration};

pub use waivers::waivers;

/// Remarks on a clause before it was there.
pub const NOT_THERE: &str = "not there";

/// A clause that is less strict than it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct LoosenedClause {
    /// Which clause, in words.
    pub clause: String,
    /// Its statement.
    pub before: String,
    /// Its statement.
    pub after: String,
    /// Where it stood.
    pub before_at: Option<PolicyLine>,
    /// Where it stands.
    pub after_at: Option<PolicyLine>,
    /// It only adds evidence or people, which a policy that extends another may.
    #[serde(skip)]
    pub adds: bool,
    /// The keys that lead to it.
    #[serde(skip)]
    path: Vec<String>,
}

impl LoosenedClause {
    /// A clause that is none of a policy's, in words.
    pub fn outside_policy(
        clause: &str,
        before: &str,
        after: &str,
        before_at: Option<PolicyLine>,
        after_at: Option<PolicyLine>,
    ) -> Self {
        let clean = |text: &str| clean_line(text).into_owned();
        let (clause, before, after) = (clean(clause), clean(before), clean(after));
        Self { clause, before, after, before_at, after_at, adds: false, path: Vec::new() }
    }

    /// The same clause seen from the other side: what was after is before.
    #[must_use]
    pub fn turned(self) -> Self {
        let Self { clause, before, after, before_at, after_at, adds, path } = self;
        Self { clause, before: after, after: before, before_at: after_at, after_at: before_at, adds, path }
    }

    /// The same clause, told as one of something that it is part of.
    #[must_use]
    pub fn within(self, whole: &str) -> Self {
        Self { clause: format!("{whole}: {}", self.clause), ..self }
    }

    /// The keys that lead to the clause.
    pub fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// ``rule `sast-high`: `then`: fail → warn (.secgate/merge.yaml:12, before base.yaml:12)``
impl Display for LoosenedClause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { clause, before, after, before_at, after_at, .. } = self;
        write!(f, "{clause}: {before} → {after}")?;
        match (after_at, before_at) {
            (Some(after), Some(before)) => write!(f, " ({after}, before {before})"),
            (Some(after), None) => write!(f, " ({after})"),
            (None, Some(before)) => write!(f, " (before {before})"),
            (None, None) => Ok(()),
        }
    }
}

/// Everything in which `after` is not provably as strict as `before`, in the order of the clauses.
pub fn policies(before: &Policy, after: &Policy) -> Vec<LoosenedClause> {
    let mut comparison = PolicyComparison { before, after, found: Vec::new() };
    if before.sha256 != after.sha256 || before.sha256.is_empty() {
        comparison.policy();
    }
    comparison.found
}

struct PolicyComparison<'p> {
    before: &'p Policy,
    after: &'p Policy,
    found: Vec<LoosenedClause>,
}

impl PolicyComparison<'_> {
    fn policy(&mut self) {
        let Policy {
            source: _,    // where it comes from decides nothing
            sha256: _,    // as above
            files: _,     // their content is compared as the clauses it becomes
            ancestors: _, // a child is compared with its parent when it is loaded
            gate,
            title: _, // for people
            enforcement,
            unknown_severity,
            severity_map,
            base,
            parameters,
            subjects,
            keys,
            evidence,
            waivers,
            vex,
            trust,
            reviewers,
            people,
            sets: _, // compared as part of the rules that use them
            rules,
            mappings,
            places: _, // where clauses stand
        } = self.before;
        let after = self.after;
        if *enforcement == Enforcement::Blocking && after.enforcement == Enforcement::Advisory {
            self.add(&["enforcement"], word(*enforcement), word(after.enforcement));
        }
        self.require_equal(&["gate"], gate, &after.gate);
        let rank = |is: Severity| is.rank(Severity::Critical);
        let (was, is) = (rank(*unknown_severity), rank(after.unknown_severity));
        if is < was || is > was && !rules.iter().all(rules::blind_to_severity) {
            self.add(&["severity", "unknown"], unknown_severity, after.unknown_severity);
        }
        self.severity_map(severity_map);
        self.base(base.as_ref());
        for parameter in parameters {
            // Without the parameter no rule can depend on it: the rules themselves are compared.
            if let Some(now) = after.parameters.iter().find(|p| p.name == parameter.name) {
                self.parameter(parameter, now);
            }
        }
        for subject in subjects {
            if !after.subjects.iter().any(|now| now.name == subject.name && now.kind == subject.kind) {
                self.add(&["subjects", &subject.name], "there", "gone");
            }
        }
        for key in keys {
            // Rules name the keys that they need; another key under the name is another signer.
            if let Some(now) = after.key(&key.name)
                && !(now.is_within(key) && now.user == key.user)
            {
                let path = ["keys", key.name.as_str()];
                let shown = |key: &SignerKey| {
                    let of = key.user.as_ref().map(|user| format!(", of @{user}")).unwrap_or_default();
                    format!("{}{of}", key.describe())
                };
                let (was, is) = (shown(key), shown(now));
                if key.is_open() {
                    self.adds(&path, was, is);
                } else {
                    self.add(&path, was, is);
                }
            }
        }
        for key in after.keys.iter().filter(|key| !keys.iter().any(|known| known.name == key.name)) {
            // With it somebody can accept in the name of one who could before.
            if let Some(user) = key.user.as_ref().filter(|user| people::names_user(self.before, user)) {
                self.add(&["keys", &key.name], NOT_THERE, format!("a key that speaks for @{user}"));
            }
        }
        self.entries(evidence);
        self.waivers(waivers.as_ref());
        self.vex(vex.as_ref());
        self.trust(trust);
        self.people(people);
        self.reviewers(&["reviewers"], reviewers.as_ref(), after.reviewers.as_ref());
        self.rules(rules);
        for mapping in mappings {
            let path = ["mappings", &mapping.id];
            match after.mappings.iter().find(|m| m.id == mapping.id) {
                None => self.add(&path, "there", "gone"),
                // The whole of a mapping but its line decides what findings there are.
                Some(now) => {
                    let shown = |m: &ReportMapping| format!("{:?}", ReportMapping { line: 0, ..m.clone() });
                    if shown(mapping) != shown(now) {
                        self.add(&path, "as it was", "other");
                    }
                }
            }
        }
    }

    /// The first line that fits a finding holds, so that lines may only come after those that are there, and only make
    /// a stated severity worse.
    fn severity_map(&mut self, before: &[Mapping]) {
        let path = ["severity", "map"];
        let lines = |list: &[Mapping]| list.iter().map(line).collect::<Vec<_>>();
        let (was, is) = (lines(before), lines(&self.after.severity_map));
        let rank = |severity: Severity| severity.rank(self.after.unknown_severity);
        let raises = |line: &Mapping| {
            let Mapping { tool: _, rule_id: _, severity, conditions: _, reason: _, becomes, category } = line; // narrower conditions do no harm
            let worse = severity.zip(*becomes).is_some_and(|(from, to)| rank(to) >= rank(from));
            worse && category.is_none()
        };
        // Inside `not` a worse severity is excluded, and a condition may look at anything.
        let blunt = || self.before.rules.iter().all(rules::blind_to_severity);
        let added = self.after.severity_map.get(before.len()..).unwrap_or_default();
        if is.starts_with(&was) && (added.is_empty() || added.iter().all(raises) && blunt()) {
            return;
        }
        let gone = was.iter().filter(|line| !is.contains(line)).cloned().collect::<Vec<_>>();
        let come = is.iter().filter(|line| !was.contains(line)).cloned().collect::<Vec<_>>();
        let words = |list: Vec<String>, otherwise: &str| {
            if list.is_empty() { otherwise.to_owned() } else { list.join(", ") }
        };
        let otherwise = if gone.is_empty() && come.is_empty() { "in another order" } else { "nothing more" };
        self.add(&path, words(gone, "without it"), words(come, otherwise));
    }

    fn base(&mut self, before: Option<&BaseSettings>) {
        match (before, &self.after.base) {
            (None, None) => {}
            // Every finding was new; now some are existing.
            (None, Some(now)) => {
                self.add(&["base"], "none, so that every finding is new", sources(now));
            }
            // Its `without` is gone, and with it states that rules look at.
            (Some(was), None) => self.add(&["base"], sources(was), "none"),
            (Some(was), Some(now)) => {
                let BaseSettings { line: _, from, without, said_of_unchanged_lines: _ } = was; // compared with its default // where it stands
                let each = |base: &[super::BaseSource]| {
                    let mut words: Vec<_> = base.iter().map(|source| word(*source)).collect();
                    words.sort_unstable();
                    words
                };
                // More sources make less existing, but more newly disclosed: neither is stricter for every rule.
                if each(from) != each(&now.from) {
                    self.add(&["base", "from"], sources(was), sources(now));
                }
                self.action(&["base", "without"], *without, now.without);
                if now.unchanged_lines() < was.unchanged_lines() {
                    let words = (word(was.unchanged_lines()), word(now.unchanged_lines()));
                    self.add(&["base", "unchanged_lines"], words.0, words.1);
                }
            }
        }
    }

    fn parameter(&mut self, before: &Parameter, after: &Parameter) {
        let Parameter { name, line: _, one_of, globs, default, env } = before; // the line is where it stands
        // A value more is one under which rules do not hold; before it was an error.
        if !after.one_of.iter().all(|value| one_of.contains(value)) {
            self.add(&["parameters", name, "one_of"], one_of.join(", "), after.one_of.join(", "));
        }
        let shown = |env: &Option<String>| env.clone().unwrap_or_else(|| "none".to_owned());
        self.require_equal(&["parameters", name, "globs"], globs, &after.globs);
        // Without a default a value that is not listed is an error.
        if after.default.is_some() && after.default != *default {
            self.add(&["parameters", name, "default"], shown(default), shown(&after.default));
        }
        self.require_equal(&["parameters", name, "env"], &shown(env), &shown(&after.env));
    }

    fn waivers(&mut self, before: Option<&WaiverSettings>) {
        let Some(now) = &self.after.waivers else { return };
        let files = |waivers: &WaiverSettings| {
            waivers.files.iter().flat_map(PathGlob::spellings).map(str::to_owned).collect::<Vec<_>>()
        };
        let Some(before) = before else {
            return self.add(&["waivers"], "none", "allowed");
        };
        let WaiverSettings {
            files: _,
            max_duration,
            not_author,
            approvers,
            pinned,
            max_active,
            max_per_rule,
        } = before; // files are compared as texts
        let (was, is) = (files(before), files(now));
        if !is.iter().all(|file| was.contains(file)) {
            self.add(&["waivers", "files"], listed(&was), listed(&is));
        }
        if now.max_duration > *max_duration {
            let path = ["waivers", "max_duration"];
            self.add(&path, short_duration(*max_duration), short_duration(now.max_duration));
        }
        self.keep_requirement(&["waivers", "not_author"], *not_author, now.not_author);
        if !approvers.is_empty()
            && (now.approvers.is_empty() || !now.approvers.iter().all(|one| approvers.contains(one)))
        {
            self.add(&["waivers", "approvers"], listed(approvers), listed(&now.approvers));
        }
        for (file, digest) in pinned {
            let is = now.pinned.iter().find(|(name, _)| name == file).map_or("none", |(_, is)| is.as_str());
            if is != digest {
                self.add(&["waivers", "pinned"], format!("{file} {digest}"), is);
            }
        }
        self.most(&["waivers", "max_active"], *max_active, now.max_active, |n| n.to_string());
        self.most(&["waivers", "max_per_rule"], *max_per_rule, now.max_per_rule, |n| n.to_string());
    }

    fn vex(&mut self, before: Option<&VexRules>) {
        let Some(now) = &self.after.vex else { return };
        let Some(VexRules { line: _, accept, max_age }) = before else {
            return self.add(&["vex"], "none", "accepted");
        };
        if !now.accept.iter().all(|author| accept.contains(author)) {
            self.add(&["vex", "accept"], listed(accept), listed(&now.accept));
        }
        if now.max_age > *max_age {
            self.add(&["vex", "max_age"], short_duration(*max_age), short_duration(now.max_age));
        }
    }

    /// Whoever was not trusted still is not.
    fn trust(&mut self, before: &TrustRules) {
        let TrustRules { deny, at_least, database_max_age } = before;
        let now = &self.after.trust;
        for denied in deny {
            let DeniedTool { tool, versions, reason: _ } = denied; // the reason is for people
            let all = |other: &DeniedTool| versions.iter().all(|version| other.versions.contains(version));
            let kept = now.deny.iter().any(|other| {
                other.tool.eq_ignore_ascii_case(tool)
                    && (other.versions.is_empty() || !versions.is_empty() && all(other))
            });
            if !kept {
                self.add(&["trust", "deny"], format!("{tool} {}", versions.join(", ")).trim_end(), "trusted");
            }
        }
        for (tool, least) in at_least {
            let other = now.at_least.iter().find(|(name, _)| name.eq_ignore_ascii_case(tool));
            if !other.is_some_and(|(_, is)| super::trust::is_at_least(is, least)) {
                let is = other.map_or_else(|| "any".to_owned(), |(_, is)| is.clone());
                self.add(&["trust", "at_least", tool], least, is);
            }
        }
        if let Some(before) = *database_max_age
            && now.database_max_age.is_none_or(|after| after > before)
        {
            let after = now.database_max_age.map_or_else(|| "any".to_owned(), short_duration);
            self.add(&["trust", "database_max_age"], short_duration(before), after);
        }
    }

    /// A clause that is less strict.
    fn add(&mut self, path: &[&str], before: impl Display, after: impl Display) {
        self.push(path, &before.to_string(), &after.to_string(), false);
    }

    /// Additions that a policy may make to the one it extends, and those that can still let something through.
    fn adds(&mut self, path: &[&str], before: impl Display, after: impl Display) {
        self.push(path, &before.to_string(), &after.to_string(), true);
    }

    fn push(&mut self, path: &[&str], before: &str, after: &str, adds: bool) {
        let looser = LoosenedClause {
            clause: clause(path),
            before: clean(before).into_owned(),
            after: clean(after).into_owned(),
            before_at: Some(self.before.place(path)),
            after_at: Some(self.after.place(path)),
            adds,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
        };
        // What rules take from the top of the policy is said once.
        if !self.found.contains(&looser) {
            self.found.push(looser);
        }
    }

    /// The consequence may only become harder.
    fn action(&mut self, path: &[&str], before: Action, after: Action) {
        if after < before {
            self.add(path, word(before), word(after));
        }
    }

    /// A demand may be made, never taken back.
    fn keep_requirement(&mut self, path: &[&str], before: bool, after: bool) {
        if before && !after {
            self.add(path, before, after);
        }
    }

    /// A largest number or age; `None` is no limit.
    fn most<T: Ord + Copy>(
        &mut self,
        path: &[&str],
        before: Option<T>,
        after: Option<T>,
        show: impl Fn(T) -> String,
    ) {
        let Some(was) = before else { return };
        if after.is_none_or(|is| is > was) {
            self.add(path, show(was), after.map_or_else(|| "no limit".to_owned(), show));
        }
    }

    /// A smallest number.
    fn least<T: Ord + Display>(&mut self, path: &[&str], before: T, after: T) {
        if after < before {
            self.add(path, before, after);
        }
    }

    /// Nothing but equality is safe.
    fn require_equal<T: PartialEq + Debug + Display + ?Sized>(
        &mut self,
        path: &[&str],
        before: &T,
        after: &T,
    ) {
        if before != after {
            self.add(path, before, after);
        }
    }
}

/// A clause in words: ``rule `sast-high`: `then` ``.
fn clause(path: &[&str]) -> String {
    let keys = |keys: &[&str]| format!("`{}`", clean(&keys.join(".")));
    match path {
        ["rules", id] => format!("rule `{}`", clean(id)),
        ["rules", id, rest @ ..] => format!("rule `{}`: {}", clean(id), keys(rest)),
        ["evidence", name] => format!("evidence `{}`", clean(name)),
        ["evidence", name, rest @ ..] => format!("evidence `{}`: {}", clean(name), keys(rest)),
        ["people", role] => format!("role `{}`", clean(role)),
        path => keys(path),
    }
}

fn sources(base: &BaseSettings) -> String {
    base.from.iter().map(|source| word(*source)).collect::<Vec<_>>().join(", ")
}

/// A line of `severity.map` as it would be written.
fn line(line: &Mapping) -> String {
    let Mapping { tool, rule_id, severity, conditions, reason: _, becomes, category } = line; // the reason is for people
    let parts = [
        tool.as_ref().map(|tool| format!("tool: {}", tool.to_lowercase())),
        rule_id.as_ref().map(|glob| format!("rule_id: {}", glob.text())),
        severity.map(|severity| format!("severity: {severity}")),
        (!conditions.is_empty()).then(|| conditions.describe()),
        becomes.map(|severity| format!("as: {severity}")),
        category.map(|category| format!("category: {category}")),
    ];
    format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The word of a policy for a value.
fn word<W: Vocabulary + PartialEq>(value: W) -> &'static str {
    W::words().into_iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

/// Words, or that there are none.
pub(super) fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests;

//! Lints: legal in a policy and most often not meant, such as rules that block everything and rules that never match.
//!
//! A false alarm costs more than silence, so each check speaks only of what the policy itself proves. A check is one
//! entry of [`CHECKS`] and one place that calls `Found::add` with its id; ids are stable.

mod overlap;
mod people;
mod policy_wide;
mod selectors;
mod severity_map;

use serde::Serialize;

use super::{Policy, PolicySpot, Rule};
use crate::finding::{Attribute, Category};

/// How sure it is that something is not meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    /// Not what its author can mean.
    Warning,
    /// A matter that only its author can judge.
    Note,
}

impl LintLevel {
    /// The word used in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that is looked for.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// How sure it is.
    pub level: LintLevel,
    /// Its description.
    pub finds: &'static str,
    /// Why that is doubtful.
    pub why: &'static str,
    /// Suggested replacement.
    pub instead: &'static str,
}

const fn warning(id: &'static str, finds: &'static str, why: &'static str, instead: &'static str) -> Check {
    Check { id, level: LintLevel::Warning, finds, why, instead }
}

const fn note(id: &'static str, finds: &'static str, why: &'static str, instead: &'static str) -> Check {
    Check { id, level: LintLevel::Note, finds, why, instead }
}

/// Everything that is looked for.
pub static CHECKS: &[Check] = &[
    warning(
        "never-fires",
        "a rule that no finding can meet",
        "the rule looks like protection and is none",
        "take out the selector that contradicts the rest",
    ),
    warning(
        "shadowed",
        "a rule whose findings another rule stops already",
        "it never changes the verdict, and whoever waives a finding has to waive it twice",
        "delete one of the two, or give this one another selector, a stronger `then` or `waivable: false`",
    ),
    warning(
        "blocks-old-debt",
        "a `fail` on findings without `state`, in a policy with `base:`",
        "a change is stopped by what was there before it, which teaches people to go around the gate",
        "add `state: new`; or, if old findings shall stop changes too, `state: [new, existing]`",
    ),
    warning(
        "base-cannot-tell",
        "`state: new` on what the policy's base does not speak of",
        "a diff speaks of sast, secret and misconfiguration only, so every other finding is new, old ones too",
        "compare with more: `base: {from: [base-report, baseline, diff]}`",
    ),
    warning(
        "state-not-waivable",
        "`state: new` in a rule that may not be waived",
        "such a rule takes no base: to it every finding is new, old ones too",
        "take out `waivable: false`; or say that old ones count: `state: [new, existing]`",
    ),
    warning(
        "state-without-base",
        "`state: new` in a policy without `base:`",
        "nothing is compared, so every finding is new, old ones too",
        "say what a change is compared with: `base: {from: [base-report, baseline, diff]}`",
    ),
    warning(
        "newly-disclosed-unseen",
        "`state: new` on vulnerabilities, and no rule on `newly_disclosed`",
        "what the world learns of a package that is already there then meets no rule at all",
        "add a rule: `findings: {category: vulnerability, severity: critical, state: newly_disclosed}` with \
         `then: warn` or `then: review`",
    ),
    warning(
        "existing-without-new",
        "a rule on known findings that leaves out new ones, which no other rule stops as hard",
        "whoever takes a finding out of the base takes it out of the rule",
        "add `new` to `state`",
    ),
    warning(
        "worse-escapes",
        "a selector that lets go of a finding when it gets worse, and no other rule catches it",
        "the verdict must never get better because a finding gets worse",
        "select from a level upwards (`severity: high` is high or worse), or add a rule for what is left out",
    ),
    warning(
        "fix-none-alone",
        "a rule on `fix: none`, and no rule as strict on `fix: available`",
        "it stops what nobody can repair and lets go of what an upgrade would repair",
        "add a rule for `fix: available`, or leave `fix` out",
    ),
    warning(
        "always-unknown",
        "a selector on an attribute that no report of this rule tells",
        "an attribute that is not known matches, so the selector selects nothing: every finding meets the rule",
        "take the selector out, or read a format that tells it (`secgate formats`)",
    ),
    warning(
        "database-undated",
        "an entry of vulnerabilities whose reports need not tell the date of their database, under `trust.database_max_age`",
        "the limit does not hold for a report of a format that never tells, however old its database is",
        "give the entry a `format` that tells: `grype`, `dependency-check` or `govulncheck`",
    ),
    warning(
        "map-not-monotone",
        "a line of `severity.map` that makes a level milder than the one below it",
        "a finding that gets worse then counts for less",
        "lower the levels below it as well, or raise this one",
    ),
    warning(
        "map-hides",
        "a line of `severity.map` that takes all findings of a tool out of every rule that gates",
        "the tool is still read, and whatever it finds is let through",
        "give a level that a rule looks at, or take the tool out of the evidence",
    ),
    warning(
        "map-unreachable",
        "a line of `severity.map` that an earlier line always comes before",
        "the first line that fits a finding is used, so this one never is",
        "put the narrower line first",
    ),
    warning(
        "unknown-escapes",
        "`severity.unknown` below every rule that gates",
        "what a scanner does not rate can then never stop anything, whatever it is",
        "`severity: {unknown: critical}`, which is the default, and `severity.map` for a tool that rates nothing",
    ),
    warning(
        "review-without-reviewers",
        "a review that names nobody who could answer it",
        "only a waiver or better evidence resolves it, so people wait for somebody who does not exist",
        "`reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}` in the rule or at the top",
    ),
    warning(
        "too-few-reviewers",
        "more approvals are needed than there are people who can give them",
        "nobody can ever answer it",
        "name more people in `people`, or lower `at_least`",
    ),
    warning(
        "self-approval",
        "an `approvals` rule that the author of the change can meet alone",
        "an approval of one's own change proves nothing",
        "add `not: [author]`, or `not: [author, committers]`",
    ),
    warning(
        "verdict-without-age",
        "a `verdicts` rule without `max_age`",
        "a verdict of last year about the same artifact would do, whatever was learned since",
        "`max_age: 7d`",
    ),
    warning(
        "verdict-of-no-project",
        "a `verdicts` rule whose `project` is an address",
        "a verdict names its project by the path that GitLab gives it, so that none fits",
        "`project: group/app`",
    ),
    warning(
        "verdict-of-no-value",
        "a `verdicts` rule that wants a value of a parameter which the policy's own parameter of that name cannot have",
        "a word that is mistyped fits no verdict",
        "one of the values of `parameters`",
    ),
    warning(
        "report-without-age",
        "a scan of an artifact that may be of any age",
        "a vulnerability scan knows what was known on its day; of last month's build it may be last month's",
        "`max_age: 24h`, or `bound: required` where the report names what it scanned",
    ),
    warning(
        "feed-without-age",
        "a feed without `max_age`",
        "one of last year would do, and what has begun to be exploited since is not in it",
        "`max_age: 7d`",
    ),
    warning(
        "vex-without-feed",
        "`vex:` accepts statements, and no evidence entry says where they are",
        "no statement is ever read",
        "add an entry to `evidence`: `vex: {feed: vex, files: [vex.json]}`",
    ),
    warning(
        "feed-without-vex",
        "VEX statements are read, and the policy does not say whose count",
        "they change nothing",
        "`vex: {accept: [AUTHOR], max_age: 90d}`",
    ),
    warning(
        "entry-never-satisfied",
        "an evidence entry whose `format` never holds its category",
        "no report can ever satisfy it",
        "correct `category` or `format` (`secgate formats` lists what each holds)",
    ),
    warning(
        "evidence-unused",
        "an evidence entry that no rule looks at",
        "its report has to be there, and whatever it says changes nothing",
        "add a rule for it, or take the entry out",
    ),
    warning(
        "never-passes",
        "a `document` rule whose demands contradict each other",
        "no document can meet it",
        "take one of the two demands out",
    ),
    warning(
        "only-warns",
        "a policy of which every rule only warns",
        "the gate passes whatever is found",
        "give at least one rule `then: review` or `then: fail`",
    ),
    warning(
        "nothing-required",
        "a policy that requires no evidence",
        "whoever leaves all reports out is not stopped by their absence",
        "take `required: false` from what has to be there",
    ),
    warning(
        "no-rule-for-value",
        "a value of a parameter under which no rule holds",
        "a run in which no rule applies is an error, so this value always ends in exit 2",
        "add a rule that holds there, or take the value out of `one_of`",
    ),
    warning(
        "parameter-unused",
        "a parameter that no `when` names",
        "a run without a listed value for it is an error, for nothing",
        "use it in a `when`, or take it out",
    ),
    warning(
        "key-unused",
        "a key that no `signed_by` names and that is nobody's",
        "a reader takes it for something that is checked",
        "name it in `signed_by`, say whose it is with `user`, or take it out",
    ),
    warning(
        "identity-of-any-branch",
        "an identity that a certificate for any branch meets",
        "whoever may push a branch, or open a merge request, changes the pipeline there and signs with it",
        "end the identity with the ref, such as `@refs/heads/main`, or ask for the claim `source_repository_ref`",
    ),
    warning(
        "tool-misspelt",
        "a tool's name that is one letter away from one that is read",
        "no finding has it, so the clause selects nothing",
        "correct the name",
    ),
    warning(
        "unknown-ignored",
        "`unknown: ignore` in a rule that gates",
        "a scanner that says less, or a feed that is missing, lets findings go",
        "`unknown: review`, with which people look at them",
    ),
    warning(
        "literal-glob",
        "a value of a parameter that looks like a glob, without `globs: true`",
        "it is compared as it is, so that no branch or environment has it",
        "add `globs: true` to the parameter",
    ),
    warning(
        "set-unused",
        "a set that no rule names",
        "a reader takes it for something that decides",
        "name it in `findings: {set: NAME}`, or take it out",
    ),
    note(
        "lowered-without-reason",
        "a line of `severity.map` that may make a severity milder, without `reason`",
        "whoever reads the policy cannot tell a judgement from a switch",
        "add `reason: …`",
    ),
    note(
        "diff-vouches-for-code",
        "`state: new` on code, a base that may be a diff alone, and no word on `unchanged_lines`",
        "what made an old line harmless may have been taken away above it, and a diff shows only that the line is the same",
        "say what such findings are: `base: {unchanged_lines: review}`, or `existing` where a report of the base is given",
    ),
    note(
        "where-unchecked",
        "a rule with `where`",
        "nobody but its author can say that a worse finding does not escape it, and in it what is not known (null) \
         does not match",
        "use the selectors where they can say the same: there what is not known matches",
    ),
    note(
        "not-unchecked",
        "a rule with `not`",
        "what it leaves out is let go however bad it is",
        "nothing, if that is meant",
    ),
    note(
        "approvals-unread",
        "a review with reviewers, in a policy without an evidence entry that holds approvals",
        "nobody's approval is read, so only a waiver or better evidence resolves it",
        "add what the pipeline fetches, such as `approvals: {document: gitlab-approvals, files: [approvals.json]}`",
    ),
    note(
        "verdict-of-any-policy",
        "a `verdicts` rule without `policy`",
        "who holds the gate's key signs what any policy of that name decided, a looser one too",
        "`policy: [sha256:…]`, which `secgate policy digest GATE…` prints for the policies at hand",
    ),
    note(
        "reviewers-may-be-author",
        "reviewers of whom the author of the change may be one",
        "whoever wrote it can answer the review",
        "add `not: [author]`",
    ),
];

/// One doubtful thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The check.
    pub id: &'static str,
    /// How sure it is.
    pub level: LintLevel,
    /// Where it stands.
    #[serde(flatten)]
    pub at: PolicySpot,
    /// The rule, or `None` for the policy as a whole.
    pub rule: Option<String>,
    /// The doubt, on one line.
    pub message: String,
    /// Why, on one line.
    pub why: &'static str,
    /// Suggested replacement, on one line.
    pub instead: String,
    /// Another clause that it has to do with.
    pub see: Option<PolicySpot>,
}

/// A report format, as far as a policy can be doubted by it.
#[derive(Debug, Clone)]
pub struct FormatFacts {
    /// Its id.
    pub id: &'static str,
    /// The name of its tool.
    pub tool: &'static str,
    /// Categories that its findings can have.
    pub categories: &'static [Category],
    /// Attributes of findings that it reports.
    pub tells: &'static [Attribute],
    /// Its reports can tell of when the vulnerability database is that they were made with.
    pub dates_database: bool,
}

/// Everything doubtful in a policy, in the order of the file; `formats` are those that are read.
pub fn lint(policy: &Policy, formats: &[FormatFacts]) -> Vec<Lint> {
    let mut found = LintRun { policy, formats, lints: Vec::new() };
    policy_wide::lint_policy(&mut found);
    severity_map::lint_severity_map(&mut found);
    for rule in &policy.rules {
        if selectors::lint_selectors(&mut found, rule) {
            overlap::lint_overlap(&mut found, rule);
        }
        people::lint_people(&mut found, rule);
    }
    let mut lints = found.lints;
    lints.sort_by(|a, b| (&a.at, a.id).cmp(&(&b.at, b.id)));
    lints
}

/// Lints found so far, and the policy that is linted.
struct LintRun<'p> {
    policy: &'p Policy,
    formats: &'p [FormatFacts],
    lints: Vec<Lint>,
}

impl LintRun<'_> {
    /// Something doubtful at a clause.
    fn add(&mut self, id: &'static str, clause: &[&str], message: impl Into<String>) {
        let lint = self.lint(id, clause, message);
        self.lints.push(lint);
    }

    /// The same, at a key of a rule.
    fn of_rule(&mut self, id: &'static str, rule: &Rule, keys: &[&str], message: impl Into<String>) {
        let lint = self.lint_of_rule(id, rule, keys, message);
        self.lints.push(lint);
    }

    fn lint_of_rule(&self, id: &'static str, rule: &Rule, keys: &[&str], message: impl Into<String>) -> Lint {
        let path: Vec<&str> = ["rules", rule.id.as_str()].into_iter().chain(keys.iter().copied()).collect();
        self.lint(id, &path, message)
    }

    fn lint(&self, id: &'static str, clause: &[&str], message: impl Into<String>) -> Lint {
        let check = CHECKS.iter().find(|check| check.id == id);
        debug_assert!(check.is_some(), "{id} is not a check");
        Lint {
            id,
            level: check.map_or(LintLevel::Warning, |check| check.level),
            at: self.policy.places.spot(clause),
            rule: match clause {
                ["rules", rule, ..] => Some((*rule).to_owned()),
                _ => None,
            },
            message: message.into(),
            why: check.map_or("", |check| check.why),
            instead: check.map_or_else(String::new, |check| check.instead.to_owned()),
            see: None,
        }
    }

    /// Whether any format that can hold one of these categories, or any mapping of the policy, tells the attribute;
    /// of the formats only these, if given.
    fn attribute_is_reported(
        &self,
        attribute: Attribute,
        categories: &[Category],
        only: Option<&[&str]>,
    ) -> bool {
        let holds = |of: &[Category]| categories.is_empty() || categories.iter().any(|c| of.contains(c));
        let asked = |id: &str| only.is_none_or(|only| only.contains(&id));
        // A line of `severity.map` brings findings of any format into a category.
        let moved = self
            .policy
            .severity_map
            .iter()
            .any(|line| line.category.is_some_and(|c| categories.is_empty() || categories.contains(&c)));
        self.formats.iter().any(|format| {
            asked(format.id) && (moved || holds(format.categories)) && format.tells.contains(&attribute)
        }) || self.policy.mappings.iter().any(|mapping| {
            asked(&mapping.id)
                && (moved || holds(&[mapping.category]))
                && mapping.reports_attribute(attribute)
        })
    }
}

/// `` rule `id` ``
fn rule_in_words(rule: &Rule) -> String {
    format!("rule `{}`", rule.id)
}

#[cfg(test)]
mod tests;

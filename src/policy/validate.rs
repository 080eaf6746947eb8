//! From the policy as written to the policy as checked: what the values mean together.
//!
//! Every function reports what is wrong and goes on, so that one run names all faults.

mod evidence;
pub(super) mod mapping;
mod rule_inputs;
mod rules;
mod scanner_command;
mod subjects;

use std::collections::BTreeMap;

use super::error::{PolicyProblems, SourcePosition, nearest, quoted};
use super::glob::{PathGlob, RuleGlob};
use super::query::QueryError;
use super::selector::SelectorReferences;
use super::written::{self, At, Name, WrittenPerson};
use super::{
    BaseSettings, DeniedTool, Enforcement, Mapping, Parameter, Person, Policy, ReportMapping, Reviewers,
    Selector, SelectorSet, TrustRules, VexRules, WaiverSettings,
};
use crate::finding::Severity;
use crate::policy::diagnostics::PolicyDiagnostic;

pub(super) use subjects::which;

/// Longest id, in characters: ids stand in tables and file names.
pub(super) const LONGEST_ID: usize = 200;

/// Default of `waivers.max_duration` and `vex.max_age`.
const NINETY_DAYS: i64 = 90 * 86_400;

/// Contents of the files that a policy names.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Mappings, by path.
    pub(super) mappings: BTreeMap<String, Vec<ReportMapping>>,
    /// Bytes of keys, by path, or why there are none.
    pub(super) keys: BTreeMap<String, Result<Vec<u8>, String>>,
}

/// Checks a policy; `None`, or any problem, means that it must not be used.
pub(super) fn policy(
    written: written::Policy,
    files: &Files,
    problems: &mut PolicyProblems,
) -> Option<Policy> {
    let gate = written.gate.and_then(|gate| gate_name(&gate, problems));
    let (unknown_severity, severity_map) = severity(written.severity, problems);
    let base = written.base.and_then(base);
    let parameters = parameters(written.parameters, problems);
    let subjects = subjects::subjects(written.subjects, problems);
    let keys = subjects::keys(written.keys, &files.keys, problems);
    let entries = written.evidence.map(|table| evidence::entries(table.value, &subjects, &keys, problems));
    let vex = written.vex.and_then(vex);
    let people = people(written.people, problems);
    let waivers = written.waivers.map(|w| waivers(w.value, &people, problems));
    let reviewers = written.reviewers.and_then(|r| reviewers(r.value, &people, problems));
    let trust = written.trust.map(|trust| self::trust(trust.value, problems)).unwrap_or_default();
    let (sets, set_names) = sets(written.sets, &subjects, problems);
    let world = rules::RuleReferences {
        sets: &sets,
        people: &people,
        parameters: &parameters,
        reviewers: reviewers.as_ref(),
        subjects: &subjects,
        keys: &keys,
        base: base.as_ref(),
    };
    let mappings = mapping::mappings(written.mappings, &files.mappings, problems);
    let rules = written.rules.map(|list| rules::rules(list.value.0, &world, problems));
    let (gate, evidence, mut rules) = (gate?, entries?, rules?);
    // A rule is fed by what the entries say; with a fault in either, another message would only confuse.
    if problems.is_empty() {
        mapping::fit(&evidence, &mappings, problems);
        rule_inputs::names_exist(&set_names, &evidence, problems);
        rule_inputs::feed(&mut rules, &evidence, &severity_map, problems);
    }
    Some(Policy {
        source: String::new(),
        sha256: String::new(),
        files: Vec::new(),
        ancestors: Vec::new(),
        places: super::source_line::PolicyLines::default(),
        title: written.title.map_or_else(|| gate.clone(), |title| title.value.0),
        gate,
        enforcement: written.enforcement.map_or(Enforcement::Blocking, |e| e.value),
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
        sets,
        rules: rules.into_iter().map(|checked| checked.rule).collect(),
        mappings,
    })
}

/// Scanners that are not trusted.
fn trust(written: written::WrittenTrust, problems: &mut PolicyProblems) -> TrustRules {
    let mut trust = TrustRules::default();
    for At { value, .. } in written.deny.map(|list| list.value.0).unwrap_or_default() {
        let (Some(tool), Some(reason)) = (value.tool, value.reason) else { continue };
        without_wildcards("tool", &tool, problems);
        let mut versions = Vec::new();
        for version in value.version.map(|list| list.value.0).unwrap_or_default() {
            keep_compiled(super::glob::check_parameter(&version.value), &version, "version", problems);
            versions.push(version.value);
        }
        trust.deny.push(DeniedTool { tool: tool.value, versions, reason: reason.value.0 });
    }
    for (tool, version) in written.at_least.map(|table| table.value.0).unwrap_or_default() {
        if !super::trust::is_version(&version.value) {
            let shown = quoted(&version.value);
            problems.add(version.at, PolicyDiagnostic::InvalidVersion { shown });
        }
        trust.at_least.push((tool.value, version.value));
    }
    trust.database_max_age = written.database_max_age.map(|age| age.value.0);
    trust
}

/// Selectors with a name, and the evidence entries that they name.
fn sets(
    written: Option<At<written::Table<written::Selector>>>,
    subjects: &[super::GateSubject],
    problems: &mut PolicyProblems,
) -> (Vec<SelectorSet>, Vec<At<Name>>) {
    let (mut sets, mut names) = (Vec::new(), Vec::new());
    for (name, written) in written.map(|table| table.value.0).unwrap_or_default() {
        rules::evidence_names(&written.value, &mut names);
        if let Some(suppressed) = &written.value.suppressed {
            problems.add(suppressed.at, PolicyDiagnostic::SuppressedInSet);
        }
        let references = SelectorReferences { subjects, sets: &[], inside_not: false };
        let Some(selector) = Selector::check(written.value, references, problems) else { continue };
        if selector.is_empty() {
            problems.add(written.at, PolicyDiagnostic::EmptySet { shown: quoted(&name.value) });
        }
        sets.push(SelectorSet { name: name.value, selector });
    }
    (sets, names)
}

/// A gate's name stands in file names and in waivers as GATE/RULE.
fn gate_name(gate: &At<Name>, problems: &mut PolicyProblems) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if gate.value.chars().all(fits) && gate.value.len() <= LONGEST_ID && !gate.value.starts_with('.') {
        return Some(gate.value.clone());
    }
    problems.add(gate.at, PolicyDiagnostic::InvalidGateName { shown: quoted(&gate.value) });
    None
}

fn severity(
    written: Option<At<written::SeverityRules>>,
    problems: &mut PolicyProblems,
) -> (Severity, Vec<Mapping>) {
    let Some(At { value: written, .. }) = written else { return (Severity::Critical, Vec::new()) };
    let unknown = match written.unknown {
        Some(At { at, value: Severity::Unknown }) => {
            problems.add(at, PolicyDiagnostic::UnknownAsUnknown);
            Severity::Critical
        }
        Some(At { value, .. }) => value,
        None => Severity::Critical,
    };
    let lines = written.map.map(|map| map.value.0).unwrap_or_default();
    (unknown, lines.into_iter().filter_map(|line| mapping(line, problems)).collect())
}

fn mapping(line: At<written::Mapping>, problems: &mut PolicyProblems) -> Option<Mapping> {
    let At { at, value: mut line } = line;
    let conditions = Selector::of_mapping(&mut line, problems)?;
    let given = |keys: &[&str]| keys.iter().any(|key| line.given.contains(key));
    if !given(&["tool", "rule_id", "severity", "path", "cwe", "cvss", "reachable"]) {
        problems.add(at, PolicyDiagnostic::MapWithoutCondition);
    }
    if given(&["category"]) && given(&["cvss", "reachable"]) {
        problems.add(at, PolicyDiagnostic::MapCategoryByUnknown);
    }
    if !given(&["as", "category"]) {
        problems.add(at, PolicyDiagnostic::MapWithoutResult);
    }
    if let Some(At { at, value: Severity::Unknown }) = line.r#as {
        problems.add(at, PolicyDiagnostic::MapToUnknown);
    }
    if let Some(tool) = &line.tool {
        without_wildcards("tool", tool, problems);
    }
    let rule_id = match line.rule_id {
        Some(glob) => Some(rule_glob(&glob, problems)?),
        None => None,
    };
    let mapping = Mapping {
        tool: line.tool.map(|tool| tool.value),
        rule_id,
        severity: line.severity.map(|severity| severity.value),
        conditions,
        reason: line.reason.map(|reason| reason.value.0),
        becomes: line.r#as.map(|level| level.value),
        category: line.category.map(|category| category.value),
    };
    if mapping.may_lower() && !mapping.conditions.is_empty() && mapping.reason.is_none() {
        problems.add(at, PolicyDiagnostic::MilderWithoutReason);
    }
    Some(mapping)
}

fn base(written: At<written::Base>) -> Option<BaseSettings> {
    let At { at, value: written } = written;
    let mut from = Vec::new();
    for source in written.from?.value.0 {
        if !from.contains(&source.value) {
            from.push(source.value);
        }
    }
    let without = written.without.map_or(super::Action::Review, |action| action.value);
    let said_of_unchanged_lines = written.unchanged_lines.map(|word| word.value);
    Some(BaseSettings { line: at.line, from, without, said_of_unchanged_lines })
}

fn parameters(
    written: Option<At<written::Table<written::Parameter>>>,
    problems: &mut PolicyProblems,
) -> Vec<Parameter> {
    let table = written.map(|table| table.value.0).unwrap_or_default();
    table
        .into_iter()
        .filter_map(|(name, At { value, .. })| {
            let env = value.env.map(|env| {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if !env.value.chars().all(word) {
                    problems.add(env.at, PolicyDiagnostic::InvalidVariable { shown: quoted(&env.value) });
                }
                env.value
            });
            let listed = value.one_of?.value.0;
            let globs = value.globs.is_some_and(|globs| globs.value);
            for one in listed.iter().filter(|_| globs) {
                if let Err(why) = super::glob::check_parameter(&one.value) {
                    problems.add(
                        one.at,
                        PolicyDiagnostic::InvalidGlob {
                            key: "one_of".to_owned(),
                            shown: quoted(&one.value),
                            why,
                        },
                    );
                }
            }
            let one_of = listed.into_iter().map(|v| v.value).collect();
            let (name, line) = (name.value, name.at.line);
            let default = value.default;
            let parameter = Parameter {
                name,
                line,
                one_of,
                globs,
                default: default.as_ref().map(|d| d.value.clone()),
                env,
            };
            if let Some(default) = default.filter(|default| !parameter.lists(&default.value)) {
                let known: Vec<&str> = parameter.one_of.iter().map(String::as_str).collect();
                let diagnostic = PolicyDiagnostic::DefaultNotAmongValues { shown: quoted(&default.value) };
                problems.unknown(default.at, diagnostic, &default.value, &known);
            }
            Some(parameter)
        })
        .collect()
}

fn waivers(
    written: written::Waivers,
    people: &BTreeMap<String, Vec<Person>>,
    problems: &mut PolicyProblems,
) -> WaiverSettings {
    let files = written.files.map(|files| path_globs(&files.value.0, "files", problems)).unwrap_or_default();
    let mut pinned = Vec::new();
    for (file, digest) in written.pinned.map(|table| table.value.0).unwrap_or_default() {
        if !files.iter().any(|glob| glob.text() == file.value) {
            problems.add(file.at, PolicyDiagnostic::PinnedElsewhere { shown: quoted(&file.value) });
        }
        pinned.push((file.value, digest.value.0));
    }
    WaiverSettings {
        files,
        pinned,
        approvers: written.approvers.map(|list| approvers(list, people, problems)).unwrap_or_default(),
        max_active: written.max_active.map(|most| most.value),
        max_per_rule: written.max_per_rule.map(|most| most.value),
        max_duration: written.max_duration.map_or(NINETY_DAYS, |d| d.value.0),
        not_author: written.not_author.is_some_and(|flag| flag.value),
    }
}

fn vex(written: At<written::VexRules>) -> Option<VexRules> {
    let At { at, value: written } = written;
    Some(VexRules {
        line: at.line,
        accept: written.accept?.value.0.into_iter().map(|author| author.value).collect(),
        max_age: written.max_age.map_or(NINETY_DAYS, |age| age.value.0),
    })
}

fn people(
    written: Option<At<written::Table<written::Many<WrittenPerson>>>>,
    problems: &mut PolicyProblems,
) -> BTreeMap<String, Vec<Person>> {
    let table = written.map(|table| table.value.0).unwrap_or_default();
    table
        .into_iter()
        .map(|(role, members)| {
            let members = members.value.0.into_iter().filter_map(|m| person(m, problems)).collect();
            (role.value, members)
        })
        .collect()
}

fn person(written: At<WrittenPerson>, problems: &mut PolicyProblems) -> Option<Person> {
    let (user, emails) = match written.value {
        WrittenPerson::User(user) => (At { at: written.at, value: user }, Vec::new()),
        WrittenPerson::Full(full) => {
            let emails = full.emails.map(|emails| emails.value.0).unwrap_or_default();
            (full.user?, emails.into_iter().map(|email| email.value).collect())
        }
    };
    let name = user_name(&user.value);
    if name.is_none() {
        problems.add(user.at, PolicyDiagnostic::InvalidUser { shown: quoted(&user.value) });
    }
    Some(Person { user: name?.to_owned(), emails })
}

/// A GitLab user name, with or without `@`.
fn user_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('@').unwrap_or(text);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!name.is_empty() && name.chars().all(fits)).then_some(name)
}

/// Checks who resolves a review: each role has to be one that `people` has.
fn reviewers(
    written: written::Reviewers,
    people: &BTreeMap<String, Vec<Person>>,
    problems: &mut PolicyProblems,
) -> Option<Reviewers> {
    let any_of = deciders(written.any_of?, people, problems);
    let not = written.not.map(|not| not.value.0).unwrap_or_default();
    let not = not.into_iter().map(|word| barred(word.value).to_owned()).collect();
    Some(Reviewers { any_of, at_least: written.at_least.map_or(1, |n| n.value.0), not })
}

/// Roles whose people may approve waivers. Names would stand in every policy that one changes for somebody who leaves.
fn approvers(
    written: At<written::Many<Name>>,
    people: &BTreeMap<String, Vec<Person>>,
    problems: &mut PolicyProblems,
) -> Vec<String> {
    for one in &written.value.0 {
        if user_name(&one.value).is_some()
            && !one.value.starts_with("role:")
            && !people.contains_key(&one.value)
        {
            problems.add(one.at, PolicyDiagnostic::ApproverWithoutRole { shown: quoted(&one.value) });
        }
    }
    deciders(written, people, problems)
}

/// Roles and people who may decide something.
fn deciders(
    written: At<written::Many<Name>>,
    people: &BTreeMap<String, Vec<Person>>,
    problems: &mut PolicyProblems,
) -> Vec<String> {
    let mut any_of = Vec::new();
    for At { at, value } in written.value.0 {
        let roles: Vec<&str> = people.keys().map(String::as_str).collect();
        if let Some(role) = value.strip_prefix("role:") {
            if !people.contains_key(role) {
                unknown_role(at, role, &roles, problems);
            }
        } else if roles.contains(&value.as_str()) {
            problems
                .add(at, PolicyDiagnostic::RoleWithoutPrefix { shown: quoted(&value), role: value.clone() });
        } else if user_name(&value).is_none() {
            problems.add(at, PolicyDiagnostic::InvalidReviewer { shown: quoted(&value) });
        }
        any_of.push(value);
    }
    any_of
}

fn unknown_role(at: SourcePosition, role: &str, roles: &[&str], problems: &mut PolicyProblems) {
    let diagnostic =
        PolicyDiagnostic::UnknownRole { shown: quoted(role), role: crate::finding::clean(role).into_owned() };
    let near = nearest(role, roles).map(|near| format!("role:{near}"));
    problems.add_near(at, diagnostic, near.as_deref());
}

fn barred(word: written::Barred) -> &'static str {
    match word {
        written::Barred::Author => "author",
        written::Barred::Committers => "committers",
        written::Barred::Deployer => "deployer",
        written::Barred::WaiverOwners => "waiver_owners",
    }
}

fn path_globs(written: &[At<Name>], key: &str, problems: &mut PolicyProblems) -> Vec<PathGlob> {
    written.iter().filter_map(|glob| keep_compiled(PathGlob::new(&glob.value), glob, key, problems)).collect()
}

/// Globs of the places of findings.
pub(super) fn place_glob(written: &At<Name>, problems: &mut PolicyProblems) -> Option<PathGlob> {
    keep_compiled(PathGlob::of_findings(&written.value), written, "path", problems)
}

pub(super) fn rule_glob(written: &At<Name>, problems: &mut PolicyProblems) -> Option<RuleGlob> {
    keep_compiled(RuleGlob::new(&written.value), written, "rule_id", problems)
}

/// Keeps what was compiled, or reports why it could not be.
fn keep_compiled<T>(
    compiled: Result<T, String>,
    written: &At<Name>,
    key: &str,
    problems: &mut PolicyProblems,
) -> Option<T> {
    compiled
        .map_err(|why| {
            let why = crate::finding::clean(&why).into_owned();
            problems.add(
                written.at,
                PolicyDiagnostic::InvalidGlob { key: key.to_owned(), shown: quoted(&written.value), why },
            );
        })
        .ok()
}

/// Reports a wildcard where none is understood.
pub(super) fn without_wildcards(key: &str, name: &At<Name>, problems: &mut PolicyProblems) {
    if name.value.contains(['*', '?']) {
        problems.add(
            name.at,
            PolicyDiagnostic::WildcardInName { key: key.to_owned(), shown: quoted(&name.value) },
        );
    }
}

/// Reports a query that may not stand in a policy.
pub(super) fn report_query(written: &At<Name>, key: &str, error: QueryError, problems: &mut PolicyProblems) {
    let QueryError { message: why, help: instead } = error;
    problems.add(written.at, PolicyDiagnostic::InvalidQuery { key: key.to_owned(), why, instead });
}

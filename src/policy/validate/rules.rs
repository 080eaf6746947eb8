//! Rules: unique ids, one subject each, and words that the rest of the policy declares.

use std::collections::BTreeMap;

use super::super::error::{PolicyProblems, SourcePosition, listed, nearest, quoted};
use super::super::selector::SelectorReferences;
use super::super::written::{self, At, ExpectedFact, Many, Name, Table};
use super::super::{
    Allowance, BaseSettings, BaseSource, DocumentPath, DocumentRule, Expect, GateSubject, Parameter, Person,
    Reviewers, Rule, Selector, SelectorSet, SignerKey, Subject, UnknownAction, UnknownMeaning,
};
use super::{LONGEST_ID, report_query, subjects};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Names that rules can refer to.
pub(super) struct RuleReferences<'p> {
    pub(super) people: &'p BTreeMap<String, Vec<Person>>,
    pub(super) parameters: &'p [Parameter],
    /// Who resolves a review that names nobody.
    pub(super) reviewers: Option<&'p Reviewers>,
    /// Subject of the gate.
    pub(super) subjects: &'p [GateSubject],
    /// Selectors with a name.
    pub(super) sets: &'p [SelectorSet],
    /// Whose signatures count.
    pub(super) keys: &'p [SignerKey],
    /// Where newness comes from.
    pub(super) base: Option<&'p BaseSettings>,
}

/// A rule, and the places that later errors point at.
pub(super) struct ValidatedRule {
    pub(super) rule: Rule,
    pub(super) at: SourcePosition,
    /// The name of a document, or each name of the selector `evidence`.
    pub(super) names: Vec<At<Name>>,
}

/// The rules, in the order written.
pub(super) fn rules(
    written: Vec<At<written::Rule>>,
    world: &RuleReferences<'_>,
    problems: &mut PolicyProblems,
) -> Vec<ValidatedRule> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for rule in &written {
        let Some(id) = &rule.value.id else { continue };
        // Waivers name rules, people type them: ids that differ in letter case only would be mistaken.
        if let Some(first) = seen.insert(id.value.to_lowercase(), id.at.line) {
            problems.add(id.at, PolicyDiagnostic::DuplicateRule { shown: quoted(&id.value), line: first });
        }
    }
    written.into_iter().filter_map(|rule| self::rule(rule, world, problems)).collect()
}

fn rule(
    written: At<written::Rule>,
    world: &RuleReferences<'_>,
    problems: &mut PolicyProblems,
) -> Option<ValidatedRule> {
    let At { at: begin, value: mut written } = written;
    let id = rule_id(written.id.as_ref(), problems);
    let name = id.clone().unwrap_or_default();
    one_subject(&written, begin, &name, problems);
    let when =
        written.when.take().map(|w| conditions(w.value, world.parameters, problems)).unwrap_or_default();
    let reviewers = match written.reviewers.take() {
        Some(given) => super::reviewers(given.value, world.people, problems),
        None => world.reviewers.cloned(),
    };
    let mut names = Vec::new();
    let subject = subject(&mut written, world, &mut names, problems);
    let unknown = written.unknown.take().map(|given| unknown_meaning(given, subject.as_ref(), problems));
    let allow = written.allow.as_ref().map_or(Allowance::default(), |allow| allow.value.0);
    if let Some(written_allow) = &written.allow {
        let waivable =
            written.waivable.as_ref().filter(|waivable| waivable.value).map(|waivable| waivable.at);
        let at = AllowancePlaces { allow: written_allow.at, waivable };
        check_allowance(allow, &at, subject.as_ref(), world.base, problems);
    }
    let at = written.id.map_or(begin, |id| id.at);
    let title = written.title.map_or_else(|| name.clone(), |title| title.value.0);
    let rule = Rule {
        id: id?,
        line: begin.line,
        title,
        subject: subject?,
        unknown: unknown.unwrap_or_default(),
        allow,
        then: written.then?.value,
        // What a waiver covers may be in the base as well, and would make room for something new.
        waivable: allow != Allowance::Base && written.waivable.is_none_or(|waivable| waivable.value),
        waive_malware: written.waive_malware.is_some_and(|waive| waive.value),
        reviewers,
        fix: written.fix.map(|fix| fix.value.0),
        log: written.log.map(|log| log.value.0),
        from: written.from.map(|day| day.value.0),
        when,
        fed_by: Vec::new(),
    };
    Some(ValidatedRule { rule, at, names })
}

/// Subject of the rule, checked; `names` gets the evidence entries that it names.
fn subject(
    written: &mut written::Rule,
    world: &RuleReferences<'_>,
    names: &mut Vec<At<Name>>,
    problems: &mut PolicyProblems,
) -> Option<Subject> {
    let &RuleReferences { people, subjects: about, keys, .. } = world;
    if let Some(findings) = written.findings.take() {
        evidence_names(&findings.value, names);
        let references = SelectorReferences { subjects: about, sets: world.sets, inside_not: false };
        return Selector::check(findings.value, references, problems).map(Subject::Findings);
    }
    if let Some(document) = written.document.take() {
        names.extend(document.value.name.clone());
        return self::document(document, problems).map(Subject::Document);
    }
    if let Some(image) = written.image.take() {
        return Some(Subject::Image(subjects::image(image, about, problems)));
    }
    if let Some(sbom) = written.sbom.take() {
        return Some(Subject::Sbom(subjects::sbom(sbom, about, problems)));
    }
    if let Some(provenance) = written.provenance.take() {
        let then = written.then.as_ref().map(|then| then.value);
        let rule = subjects::provenance(provenance, then, about, keys, problems);
        return Some(Subject::Provenance(rule));
    }
    if let Some(approvals) = written.approvals.take() {
        return subjects::approvals(approvals, people, problems).map(Subject::Approvals);
    }
    let verdicts = written.verdicts.take()?;
    Some(Subject::Verdicts(subjects::verdicts(verdicts, about, keys, problems)))
}

/// The evidence entries that selectors name, also those inside others.
pub(super) fn evidence_names(written: &written::Selector, names: &mut Vec<At<Name>>) {
    names.extend(written.evidence.iter().flat_map(|list| list.value.0.clone()));
    let not = written.not.iter().flat_map(|list| &list.value.0);
    for inner in not.chain(written.any.iter().flat_map(|list| &list.value.0)) {
        evidence_names(&inner.value.0, names);
    }
}

/// Meaning of attributes that findings lack, of a rule about findings.
fn unknown_meaning(
    written: At<written::WrittenUnknownMeaning>,
    subject: Option<&Subject>,
    problems: &mut PolicyProblems,
) -> UnknownMeaning {
    if !matches!(subject, None | Some(Subject::Findings(_))) {
        problems.add(written.at, PolicyDiagnostic::UnknownWithoutFindings);
    }
    match written.value {
        written::WrittenUnknownMeaning::All(otherwise) => {
            UnknownMeaning { otherwise, attributes: Vec::new() }
        }
        written::WrittenUnknownMeaning::Each(table) => {
            let known = Selector::lackable();
            let mut attributes: Vec<(String, UnknownAction)> = Vec::new();
            for (key, action) in table.0 {
                if !known.contains(&key.value.as_str()) {
                    let diagnostic = PolicyDiagnostic::UnknownAttribute { shown: quoted(&key.value) };
                    problems.unknown(key.at, diagnostic, &key.value, &known);
                }
                attributes.push((key.value, action.value));
            }
            UnknownMeaning { otherwise: UnknownAction::Match, attributes }
        }
    }
}

/// Where an allowance stands, and the permission to waive beside it.
struct AllowancePlaces {
    allow: SourcePosition,
    waivable: Option<SourcePosition>,
}

/// An allowance that is more than a number counts findings, and that of the base what its reports tell.
fn check_allowance(
    allow: Allowance,
    at: &AllowancePlaces,
    subject: Option<&Subject>,
    base: Option<&BaseSettings>,
    problems: &mut PolicyProblems,
) {
    let selector = match (allow, subject) {
        (Allowance::Count(_), _) | (_, None) => return,
        (_, Some(Subject::Findings(selector))) => selector,
        (_, Some(_)) => {
            let allowance = allow.describe();
            return problems.add(at.allow, PolicyDiagnostic::AllowanceWithoutFindings { allowance });
        }
    };
    if allow != Allowance::Base {
        return;
    }
    if !base.is_some_and(|base| base.from.contains(&BaseSource::BaseReport)) {
        problems.add(at.allow, PolicyDiagnostic::AllowanceWithoutBase);
    }
    if let Some(key) = selector.asks_the_run() {
        problems.add(at.allow, PolicyDiagnostic::AllowanceOfTheRun { key });
    }
    if let Some(at) = at.waivable {
        problems.add(at, PolicyDiagnostic::AllowanceWaivable);
    }
}

/// A waiver names a rule as GATE/RULE, so that an id has no `/`.
fn rule_id(id: Option<&At<Name>>, problems: &mut PolicyProblems) -> Option<String> {
    let id = id?;
    if id.value.contains('/') {
        problems.add(id.at, PolicyDiagnostic::SlashInRuleId { shown: quoted(&id.value) });
    }
    if id.value.chars().count() > LONGEST_ID {
        problems.add(id.at, PolicyDiagnostic::NameTooLong { what: "`id`", most: LONGEST_ID });
    }
    Some(id.value.clone())
}

fn one_subject(rule: &written::Rule, at: SourcePosition, name: &str, problems: &mut PolicyProblems) {
    let subjects = [
        ("findings", rule.findings.is_some()),
        ("document", rule.document.is_some()),
        ("image", rule.image.is_some()),
        ("sbom", rule.sbom.is_some()),
        ("provenance", rule.provenance.is_some()),
        ("approvals", rule.approvals.is_some()),
        ("verdicts", rule.verdicts.is_some()),
    ];
    let given: Vec<&str> = subjects.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
    match given.as_slice() {
        [_] => {}
        // A subject that is there and cannot be read has been reported.
        [] if subjects.iter().any(|(key, _)| rule.given.contains(key)) => {}
        [] => problems.add(at, PolicyDiagnostic::RuleWithoutSubject { shown: quoted(name) }),
        several => problems.add(
            at,
            PolicyDiagnostic::RuleWithSeveralSubjects {
                shown: quoted(name),
                count: several.len(),
                subjects: listed(several),
            },
        ),
    }
}

fn conditions(
    written: Table<Many<Name>>,
    parameters: &[Parameter],
    problems: &mut PolicyProblems,
) -> Vec<(String, Vec<String>)> {
    let known: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    let mut conditions = Vec::new();
    for (name, values) in written.0 {
        let Some(parameter) = parameters.iter().find(|p| p.name == name.value) else {
            let diagnostic = PolicyDiagnostic::UndeclaredParameter { shown: quoted(&name.value) };
            problems.add_near(name.at, diagnostic, nearest(&name.value, &known));
            continue;
        };
        for value in &values.value.0 {
            if !parameter.one_of.contains(&value.value) {
                let known: Vec<&str> = parameter.one_of.iter().map(String::as_str).collect();
                problems.unknown(
                    value.at,
                    PolicyDiagnostic::UnknownParameterValue {
                        parameter: parameter.name.clone(),
                        shown: quoted(&value.value),
                    },
                    &value.value,
                    &known,
                );
            }
        }
        conditions.push((name.value, values.value.0.into_iter().map(|v| v.value).collect()));
    }
    conditions
}

fn document(written: At<written::DocumentRule>, problems: &mut PolicyProblems) -> Option<DocumentRule> {
    let At { at, value: written } = written;
    if !["require", "forbid", "at_least"].iter().any(|key| written.given.contains(key)) {
        problems.add(at, PolicyDiagnostic::DocumentWithoutDemand);
    }
    let mut require = Vec::new();
    for (path, expected) in written.require.map(|t| t.value.0).unwrap_or_default() {
        let Some(compiled) = self::path(&path, "require", problems) else { continue };
        if !compiled.singular() {
            problems.add(path.at, PolicyDiagnostic::PathToSeveral { shown: quoted(&path.value) });
        }
        require.push((
            compiled,
            match expected.value {
                ExpectedFact::Present => Expect::Present,
                ExpectedFact::Within(seconds) => Expect::Within(seconds),
                ExpectedFact::Equals(value) => Expect::Equals(value),
            },
        ));
    }
    let forbid = written.forbid.map(|list| list.value.0).unwrap_or_default();
    let forbid = forbid.iter().filter_map(|path| self::path(path, "forbid", problems)).collect();
    let mut at_least = Vec::new();
    for (path, count) in written.at_least.map(|t| t.value.0).unwrap_or_default() {
        at_least.extend(self::path(&path, "at_least", problems).map(|p| (p, u64::from(count.value.0))));
    }
    Some(DocumentRule { name: written.name?.value, require, forbid, at_least })
}

fn path(written: &At<Name>, key: &str, problems: &mut PolicyProblems) -> Option<DocumentPath> {
    DocumentPath::compile(&written.value).map_err(|e| report_query(written, key, e, problems)).ok()
}

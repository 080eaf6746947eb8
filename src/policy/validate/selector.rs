//! Selectors of findings.

use super::super::error::{PolicyProblems, quoted};
use super::super::query::{QueryError, Where};
use super::super::written::{self, At, Many, Name};
use super::super::{GateSubject, RuleGlob, Selector};
use super::{place_globs, rule_glob};
use crate::finding::{Fix, Reachability, Severity};

/// Checks the selectors of a rule.
pub(super) fn selector(
    written: written::Selector,
    subjects: &[GateSubject],
    problems: &mut PolicyProblems,
) -> Option<Selector> {
    let severity = written.severity.as_ref().and_then(|list| mildest(&list.value, problems));
    // Knowing less must never select less: among several levels the mildest holds.
    let confidence = written.confidence.and_then(|list| list.value.0.iter().map(|c| c.value).min());
    let fix = written.fix.map(|list| fixes(&list.value, problems)).unwrap_or_default();
    let ids = written.ids.map(|list| advisories(&list.value, problems)).unwrap_or_default();
    let rule_id = written.rule_id.map(|list| list.value.0).unwrap_or_default();
    let not = match written.not {
        Some(inner) => Some(Box::new(excluded(inner, subjects, problems)?)),
        None => None,
    };
    let condition = match written.r#where {
        Some(text) => Some(condition(&text, problems)?),
        None => None,
    };
    let subject = match &written.subject {
        Some(list) => super::subjects::which(Some(list), subjects, list.at, problems),
        None => Vec::new(),
    };
    Some(Selector {
        category: values(written.category),
        severity,
        state: values(written.state),
        fix,
        ids,
        cwe: values(written.cwe).into_iter().map(|cwe| cwe.0).collect(),
        rule_id: rule_id.iter().filter_map(|glob| rule_glob(glob, problems)).collect(),
        tool: written.tool.map(|list| exact("tool", &list.value, problems)).unwrap_or_default(),
        path: written.path.map(|list| place_globs(&list.value.0, problems)).unwrap_or_default(),
        package: written.package.map(|list| exact("package", &list.value, problems)).unwrap_or_default(),
        scope: values(written.scope),
        confidence,
        verified: written.verified.map(|flag| flag.value),
        suppressed: written.suppressed.map(|flag| flag.value),
        kev: written.kev.map(|flag| flag.value),
        epss: written.epss.map(|least| least.value.0),
        cvss: written.cvss.and_then(|cvss| Some(cvss.value.at_least?.value.0)),
        reachable: written.reachable.map(|list| reachability(&list.value, problems)).unwrap_or_default(),
        direct: written.direct.map(|flag| flag.value),
        age: written.age.map(|least| least.value.0),
        malware: written.malware.map(|flag| flag.value),
        evidence: values(written.evidence),
        subject,
        not,
        r#where: condition,
    })
}

fn values<T>(list: Option<At<Many<T>>>) -> Vec<T> {
    list.map(|list| list.value.0.into_iter().map(|item| item.value).collect()).unwrap_or_default()
}

/// The selectors of `not`.
fn excluded(
    inner: At<written::Boxed<written::Selector>>,
    subjects: &[GateSubject],
    problems: &mut PolicyProblems,
) -> Option<Selector> {
    let At { at, value: written::Boxed(inner) } = inner;
    if let Some(again) = &inner.not {
        problems.help(again.at, "`not` stands inside `not`", "say what is looked for outside of `not`");
        return None;
    }
    if let Some(suppressed) = &inner.suppressed {
        problems.help(
            suppressed.at,
            "`suppressed` cannot stand inside `not`",
            "only active findings are looked at unless the rule says `suppressed: true`",
        );
        return None;
    }
    let checked = selector(*inner, subjects, problems)?;
    if is_empty(&checked) {
        problems.add(at, "`not` is empty: it would exclude every finding");
        return None;
    }
    Some(checked)
}

/// Whether a selector selects by nothing.
fn is_empty(s: &Selector) -> bool {
    let lists = s.category.is_empty()
        && s.state.is_empty()
        && s.fix.is_empty()
        && s.ids.is_empty()
        && s.cwe.is_empty()
        && s.rule_id.is_empty()
        && s.tool.is_empty()
        && s.path.is_empty()
        && s.package.is_empty()
        && s.scope.is_empty()
        && s.reachable.is_empty()
        && s.evidence.is_empty()
        && s.subject.is_empty();
    let values = s.severity.is_none()
        && s.confidence.is_none()
        && s.verified.is_none()
        && s.suppressed.is_none()
        && s.kev.is_none()
        && s.epss.is_none()
        && s.cvss.is_none()
        && s.direct.is_none()
        && s.age.is_none()
        && s.malware.is_none();
    lists && values && s.not.is_none() && s.r#where.is_none()
}

/// The mildest of the levels; `unknown` is none.
fn mildest(list: &Many<Severity>, problems: &mut PolicyProblems) -> Option<Severity> {
    for level in list.0.iter().filter(|level| level.value == Severity::Unknown) {
        problems.help(
            level.at,
            "`severity` selects a level or worse, and `unknown` is no level",
            "`severity: {unknown: …}` at the top of the policy says what unknown counts as; the default is `critical`",
        );
    }
    list.0.iter().map(|level| level.value).min_by_key(|level| level.rank(Severity::Critical))
}

fn fixes(list: &Many<Fix>, problems: &mut PolicyProblems) -> Vec<Fix> {
    for word in list.0.iter().filter(|word| word.value == Fix::Unknown) {
        problems.help(
            word.at,
            "`fix` selects `available` or `none`, not `unknown`",
            "a finding whose report does not say matches both",
        );
    }
    list.0.iter().map(|word| word.value).collect()
}

fn reachability(list: &Many<Reachability>, problems: &mut PolicyProblems) -> Vec<Reachability> {
    for word in list.0.iter().filter(|word| word.value == Reachability::Unknown) {
        problems.help(
            word.at,
            "`reachable` selects `yes` or `no`, not `unknown`",
            "a finding whose report does not say matches both",
        );
    }
    list.0.iter().map(|word| word.value).collect()
}

fn advisories(list: &Many<Name>, problems: &mut PolicyProblems) -> Vec<RuleGlob> {
    for id in &list.0 {
        if id.value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("CWE-")) {
            let message = format!("`ids` holds advisories, and {} is a class of weakness", quoted(&id.value));
            problems.help(id.at, message, "use the selector `cwe`");
        }
    }
    list.0.iter().filter_map(|id| rule_glob(id, problems)).collect()
}

/// Names that are compared as they are: one with a wildcard would match nothing.
fn exact(key: &str, list: &Many<Name>, problems: &mut PolicyProblems) -> Vec<String> {
    list.0.iter().for_each(|name| without_wildcards(key, name, problems));
    list.0.iter().map(|name| name.value.clone()).collect()
}

/// Reports a wildcard where none is understood.
pub(super) fn without_wildcards(key: &str, name: &At<Name>, problems: &mut PolicyProblems) {
    if name.value.contains(['*', '?']) {
        let message = format!("`{key}` is compared exactly, without wildcards: {}", quoted(&name.value));
        problems.help(name.at, message, "wildcards stand in `ids`, `rule_id` and `path`");
    }
}

fn condition(text: &At<Name>, problems: &mut PolicyProblems) -> Option<Where> {
    Where::compile(&text.value).map_err(|e| refused(text, "where", e, problems)).ok()
}

/// Reports a query that may not stand in a policy.
pub(super) fn refused(written: &At<Name>, key: &str, error: QueryError, problems: &mut PolicyProblems) {
    let message = format!("`{key}`: {}", error.message);
    match error.help {
        Some(help) => problems.help(written.at, message, help),
        None => problems.add(written.at, message),
    }
}

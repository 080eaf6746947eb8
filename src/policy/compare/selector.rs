//! Selectors: one that selects no less than another, key by key.

use std::fmt::Display;

use super::listed;
use crate::finding::{Severity, short_duration};
use crate::policy::written::Vocabulary;
use crate::policy::{PathGlob, RuleGlob, Selector, Where};

/// A key, what it was, and what it is.
type Narrower = (&'static str, String, String);

/// The keys by which the selector of a rule may leave out a finding that another selects.
pub(super) fn narrower_rule(before: &Selector, after: &Selector) -> Vec<Narrower> {
    narrower(before, &plain(after))
}

/// A rule's selector without what says nothing. An attribute that a finding lacks matches, but never inside `not`, so that
/// there each of these says something.
fn plain(selector: &Selector) -> Selector {
    fn unless_all<W: Vocabulary + PartialEq>(list: &mut Vec<W>) {
        if W::words().iter().all(|(_, word)| list.contains(word)) {
            list.clear();
        }
    }
    let mut plain = selector.clone();
    unless_all(&mut plain.category);
    unless_all(&mut plain.state);
    unless_all(&mut plain.fix);
    unless_all(&mut plain.scope);
    unless_all(&mut plain.reachable);
    if plain.path.iter().any(PathGlob::is_everything) {
        plain.path.clear();
    }
    plain.severity = plain.severity.filter(|severity| *severity != Severity::Info);
    plain
}

/// Of each list that has several values, selectors with one of them each: together they select what the whole does.
pub(super) fn split_by_list(whole: &Selector) -> Vec<Vec<Selector>> {
    fn split<T: Clone>(whole: &Selector, list: fn(&mut Selector) -> &mut Vec<T>) -> Vec<Selector> {
        let mut rest = whole.clone();
        let values = std::mem::take(list(&mut rest));
        let one = |value: T| {
            let mut part = rest.clone();
            list(&mut part).push(value);
            part
        };
        values.into_iter().map(one).collect()
    }
    let splits = [
        split(whole, |s| &mut s.category),
        split(whole, |s| &mut s.state),
        split(whole, |s| &mut s.fix),
        split(whole, |s| &mut s.ids),
        split(whole, |s| &mut s.cwe),
        split(whole, |s| &mut s.rule_id),
        split(whole, |s| &mut s.tool),
        split(whole, |s| &mut s.path),
        split(whole, |s| &mut s.package),
        split(whole, |s| &mut s.scope),
        split(whole, |s| &mut s.evidence),
    ];
    splits.into_iter().filter(|parts| parts.len() > 1).collect()
}

/// The keys by which `after` may leave out a finding that `before` selects.
///
/// The same question serves inside `not`, where it is asked the other way round: there, too, a wider list matches
/// whatever a narrower one does, whether an unknown attribute matches or not.
pub(in super::super) fn narrower(before: &Selector, after: &Selector) -> Vec<Narrower> {
    let Selector {
        category,
        severity,
        state,
        fix,
        ids,
        cwe,
        rule_id,
        tool,
        path,
        package,
        scope,
        confidence,
        verified,
        suppressed,
        kev,
        epss,
        cvss,
        reachable,
        direct,
        age,
        malware,
        evidence,
        subject: _, // part of `evidence`, where its entries stand
        not,
        r#where,
    } = before;
    let texts = |list: &[String]| list.iter().map(|text| text.to_lowercase()).collect::<Vec<_>>();
    let ids_of = |list: &[RuleGlob]| list.iter().map(RuleGlob::spelling).collect::<Vec<_>>();
    let paths =
        |s: &Selector| s.path.iter().flat_map(PathGlob::spellings).map(str::to_owned).collect::<Vec<_>>();
    let rank = |severity: Severity| severity.rank(Severity::Critical);
    let _ = path; // compared by what its globs stand for
    let keys = [
        list("category", category, &after.category),
        threshold("severity", severity.map(rank), after.severity.map(rank), || {
            (any(severity.as_ref()), any(after.severity.as_ref()))
        }),
        list("state", state, &after.state),
        list("fix", fix, &after.fix),
        list("ids", &ids_of(ids), &ids_of(&after.ids)),
        list("cwe", cwe, &after.cwe),
        list("rule_id", &ids_of(rule_id), &ids_of(&after.rule_id)),
        list("tool", &texts(tool), &texts(&after.tool)),
        list("path", &paths(before), &paths(after)),
        list("package", package, &after.package),
        list("scope", scope, &after.scope),
        threshold("confidence", *confidence, after.confidence, || {
            (any(confidence.as_ref()), any(after.confidence.as_ref()))
        }),
        flag("verified", *verified, after.verified),
        // Left out, it stands for `false`.
        flag("suppressed", Some(suppressed.unwrap_or(false)), Some(after.suppressed.unwrap_or(false))),
        flag("kev", *kev, after.kev),
        threshold("epss", *epss, after.epss, || (any(epss.as_ref()), any(after.epss.as_ref()))),
        threshold("cvss", *cvss, after.cvss, || (any(cvss.as_ref()), any(after.cvss.as_ref()))),
        list("reachable", reachable, &after.reachable),
        flag("direct", *direct, after.direct),
        threshold("age", *age, after.age, || {
            let shown = |age: Option<i64>| age.map_or_else(|| "any".to_owned(), short_duration);
            (shown(*age), shown(after.age))
        }),
        flag("malware", *malware, after.malware),
        list("evidence", evidence, &after.evidence),
        excluded(not.as_deref(), after.not.as_deref()),
        condition(r#where.as_ref().map(Where::text), after.r#where.as_ref().map(Where::text)),
    ];
    keys.into_iter().flatten().collect()
}

/// A list from which nothing went; an empty one selects everything.
fn list<T: PartialEq + Display>(key: &'static str, before: &[T], after: &[T]) -> Option<Narrower> {
    let kept = !before.is_empty() && before.iter().all(|item| after.contains(item));
    let shown = |list: &[T]| match list {
        [] => "any".to_owned(),
        list => listed(&list.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    (!after.is_empty() && !kept).then(|| (key, shown(before), shown(after)))
}

/// A threshold that did not rise.
fn threshold<T: PartialOrd>(
    key: &'static str,
    before: Option<T>,
    after: Option<T>,
    shown: impl Fn() -> (String, String),
) -> Option<Narrower> {
    let after = after?;
    if before.is_some_and(|was| after <= was) {
        return None;
    }
    let (was, is) = shown();
    Some((key, was, is))
}

/// A value that stayed, or that matters no more.
fn flag(key: &'static str, before: Option<bool>, after: Option<bool>) -> Option<Narrower> {
    (after.is_some() && before != after).then(|| (key, any(before.as_ref()), any(after.as_ref())))
}

fn any<T: Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "any".to_owned(), ToString::to_string)
}

/// `not` leaves out no more than it did.
fn excluded(before: Option<&Selector>, after: Option<&Selector>) -> Option<Narrower> {
    let after = after?;
    let Some(before) = before else {
        return Some(("not", "nothing".to_owned(), "some".to_owned()));
    };
    // What the new one excludes, the old one must have excluded.
    let (key, is, was) = narrower(after, before).into_iter().next()?;
    Some(("not", format!("{key}: {was}"), format!("{key}: {is}")))
}

fn condition(before: Option<&str>, after: Option<&str>) -> Option<Narrower> {
    (after.is_some() && before != after)
        .then(|| ("where", before.unwrap_or("none").to_owned(), after.unwrap_or("none").to_owned()))
}

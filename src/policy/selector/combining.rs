//! Selectors made of selectors: any of several, none of several, sets by name.

use super::super::Feed;
use super::super::error::{PolicyProblems, quoted};
use super::super::written::{At, Boxed, Many, Name, Selector as WrittenSelector, Seq};
use super::criterion::{Answer, Criterion, CriterionFacts, SelectorReferences};
use super::{Selector, SelectorContext};
use crate::finding::{Finding, UnknownAttributes};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Selectors of which none may match; what is not known is never excluded.
pub(crate) struct NoneOf;

impl Criterion for NoneOf {
    type Written = Many<Boxed<WrittenSelector>>;
    type Value = Vec<Selector>;
    const FACTS: CriterionFacts =
        CriterionFacts::known(&["{scope: development}", "{kev: false}", "[{fix: none}, {confidence: low}]"]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let read = |item: At<Boxed<WrittenSelector>>, problems: &mut PolicyProblems| {
            let At { at, value: Boxed(inner) } = item;
            if let Some(again) = &inner.not {
                problems.add(again.at, PolicyDiagnostic::NotWithinNot { key });
                return None;
            }
            if let Some(any) = &inner.any {
                problems.add(any.at, PolicyDiagnostic::AnyWithinNot);
                return None;
            }
            let references = SelectorReferences { inside_not: true, ..references };
            inside(At { at, value: *inner }, key, "it would exclude every finding", references, problems)
        };
        let items: Vec<_> = written.value.0.into_iter().map(|item| read(item, problems)).collect();
        items.into_iter().collect()
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let around = SelectorContext { inside_not: !around.inside_not, ..around };
        let of = |not: &Selector| not.answer(finding, around).opposite();
        value.iter().map(of).min().unwrap_or(Answer::Yes)
    }

    fn wanted(value: &Self::Value) -> String {
        let one = |not: &Selector| format!("{{{}}}", not.describe());
        value.iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    /// The old one must have excluded all that the new one excludes.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        for is in after {
            let Some(first) = before.first() else { return Some(("nothing".to_owned(), "some".to_owned())) };
            if before.iter().any(|was| is.narrower_than(was).is_empty()) {
                continue;
            }
            let (key, now, then) = is.narrower_than(first).into_iter().next()?;
            return Some((format!("{key}: {then}"), format!("{key}: {now}")));
        }
        None
    }

    fn always_known(value: &Self::Value) -> bool {
        value.iter().all(Selector::always_known)
    }

    fn needs(value: &Self::Value, feed: Feed) -> bool {
        value.iter().any(|inner| inner.needs(feed))
    }

    fn nested(value: &Self::Value) -> Vec<&Selector> {
        value.iter().collect()
    }

    fn nested_mut(value: &mut Self::Value) -> Vec<&mut Selector> {
        value.iter_mut().collect()
    }

    fn add_unknown(
        value: &Self::Value,
        _: &'static str,
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        let around = SelectorContext { inside_not: !around.inside_not, ..around };
        for not in value.iter().filter(|not| not.answer(finding, around) == Answer::Unknown) {
            unknown.merge(not.unknown(finding, around));
        }
    }
}

/// A selector inside another: it selects by something, and not by what only a rule can ask for.
fn inside(
    written: At<WrittenSelector>,
    key: &str,
    empty: &str,
    references: SelectorReferences<'_>,
    problems: &mut PolicyProblems,
) -> Option<Selector> {
    if let Some(suppressed) = &written.value.suppressed {
        problems.add(suppressed.at, PolicyDiagnostic::SuppressedWithin { key: key.to_owned() });
        return None;
    }
    let at = written.at;
    let checked = Selector::check(written.value, references, problems)?;
    if checked.is_empty() {
        problems.add(at, PolicyDiagnostic::EmptySelector { key: key.to_owned(), empty: empty.to_owned() });
        return None;
    }
    Some(checked)
}

/// Selectors of which one must hold.
pub(crate) struct AnyOf;

impl Criterion for AnyOf {
    type Written = Seq<Boxed<WrittenSelector>>;
    type Value = Vec<Selector>;
    const FACTS: CriterionFacts = CriterionFacts::known(&[
        "[{severity: high}, {kev: true}]",
        "[{scope: production, fix: available}, {not: {confidence: low}}]",
    ]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let read = |item: At<Boxed<WrittenSelector>>, problems: &mut PolicyProblems| {
            let At { at, value: Boxed(inner) } = item;
            if let Some(again) = &inner.any {
                problems.add(again.at, PolicyDiagnostic::AnyWithinAny);
                return None;
            }
            inside(At { at, value: *inner }, key, "every finding would be one of these", references, problems)
        };
        let items: Vec<_> = written.value.0.into_iter().map(|item| read(item, problems)).collect();
        items.into_iter().collect()
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        any(value.iter(), finding, around)
    }

    fn wanted(value: &Self::Value) -> String {
        let one = |of: &Selector| format!("{{{}}}", of.describe());
        value.iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        any_narrower(&before.iter().collect::<Vec<_>>(), &after.iter().collect::<Vec<_>>())
    }

    fn split(value: &Self::Value) -> Vec<Self::Value> {
        value.iter().map(|item| vec![item.clone()]).collect()
    }

    fn always_known(value: &Self::Value) -> bool {
        value.iter().all(Selector::always_known)
    }

    fn needs(value: &Self::Value, feed: Feed) -> bool {
        value.iter().any(|inner| inner.needs(feed))
    }

    fn nested(value: &Self::Value) -> Vec<&Selector> {
        value.iter().collect()
    }

    fn nested_mut(value: &mut Self::Value) -> Vec<&mut Selector> {
        value.iter_mut().collect()
    }

    fn add_unknown(
        value: &Self::Value,
        _: &'static str,
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        any_unknown(value.iter(), finding, around, unknown);
    }
}

/// As far as the one that holds most.
fn any<'s>(
    selectors: impl Iterator<Item = &'s Selector>,
    finding: &Finding,
    around: SelectorContext<'_>,
) -> Answer {
    let mut most = Answer::No;
    for selector in selectors {
        most = most.max(selector.answer(finding, around));
        if most == Answer::Yes {
            break;
        }
    }
    most
}

/// The selectors before, each by one of those after.
fn any_narrower(before: &[&Selector], after: &[&Selector]) -> Option<(String, String)> {
    if after.is_empty() {
        return None;
    }
    let stands = |was: &&&Selector| after.iter().any(|is| was.narrower_than(is).is_empty());
    if !before.is_empty() && before.iter().all(|was| stands(&was)) {
        return None;
    }
    let shown = |list: &[&Selector]| match list {
        [] => "any".to_owned(),
        list => list.iter().map(|of| format!("{{{}}}", of.describe())).collect::<Vec<_>>().join(" or "),
    };
    Some((shown(before), shown(after)))
}

/// Where none of them surely holds, all that might.
fn any_unknown<'s>(
    selectors: impl Iterator<Item = &'s Selector>,
    finding: &Finding,
    around: SelectorContext<'_>,
    unknown: &mut UnknownAttributes,
) {
    let mut doubted = UnknownAttributes::default();
    for selector in selectors {
        match selector.answer(finding, around) {
            Answer::Yes => return,
            Answer::Unknown => doubted.merge(selector.unknown(finding, around)),
            Answer::No => {}
        }
    }
    unknown.merge(doubted);
}

/// Sets of selectors by their name, of which one must hold.
pub(crate) struct InSet;

/// Selectors that the policy gives a name.
#[derive(Debug, Clone)]
pub struct SelectorSet {
    /// Its name.
    pub name: String,
    /// Criteria that it selects by.
    pub selector: Selector,
}

impl Criterion for InSet {
    type Written = Many<Name>;
    type Value = Vec<SelectorSet>;
    const FACTS: CriterionFacts = CriterionFacts::known(&["exploited", "[exploited, in-code]"]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let known: Vec<&str> = references.sets.iter().map(|set| set.name.as_str()).collect();
        let mut sets = Vec::new();
        for name in written.value.0 {
            if let Some(set) = references.sets.iter().find(|set| set.name == name.value) {
                let refused = set.selector.refused_inside_not().filter(|_| references.inside_not);
                refused.into_iter().for_each(|refused| problems.add(name.at, refused));
                sets.push(set.clone());
            } else if known.is_empty() {
                let shown = quoted(&name.value);
                problems.add(name.at, PolicyDiagnostic::NoSets { key, shown });
            } else {
                let diagnostic = PolicyDiagnostic::UnknownInSelector {
                    key: key.to_owned(),
                    what: "set",
                    shown: quoted(&name.value),
                };
                problems.unknown(name.at, diagnostic, &name.value, &known);
            }
        }
        Some(sets)
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        any(value.iter().map(|set| &set.selector), finding, around)
    }

    fn wanted(value: &Self::Value) -> String {
        super::criterion::alternatives(&value.iter().map(|set| set.name.as_str()).collect::<Vec<_>>())
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    /// The sets that the names stand for are compared.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let of = |sets: &[SelectorSet]| sets.iter().map(|set| set.selector.clone()).collect::<Vec<_>>();
        let (was, is) = (of(before), of(after));
        any_narrower(&was.iter().collect::<Vec<_>>(), &is.iter().collect::<Vec<_>>())
    }

    fn split(value: &Self::Value) -> Vec<Self::Value> {
        value.iter().map(|set| vec![set.clone()]).collect()
    }

    fn always_known(value: &Self::Value) -> bool {
        value.iter().all(|set| set.selector.always_known())
    }

    fn needs(value: &Self::Value, feed: Feed) -> bool {
        value.iter().any(|set| set.selector.needs(feed))
    }

    fn nested(value: &Self::Value) -> Vec<&Selector> {
        value.iter().map(|set| &set.selector).collect()
    }

    fn nested_mut(value: &mut Self::Value) -> Vec<&mut Selector> {
        value.iter_mut().map(|set| &mut set.selector).collect()
    }

    fn add_unknown(
        value: &Self::Value,
        _: &'static str,
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        any_unknown(value.iter().map(|set| &set.selector), finding, around, unknown);
    }
}

//! Selectors made of selectors: any of several, none of several, sets by name.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::super::Feed;
use super::super::error::{PolicyProblems, quoted};
use super::super::written::{At, Boxed, FromNode, Many, Name, Selector as WrittenSelector, Seq};
use super::criterion::{Answer, Criterion, CriterionFacts, SelectorReferences};
use super::{Selector, SelectorContext};
use crate::finding::{Finding, UnknownAttributes};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Selectors put together.
pub(crate) struct Combined<K>(PhantomData<K>);

/// The way in which [`Combined`] puts them together: one of them must hold, unless it says otherwise.
pub(crate) trait Combination {
    type Written: FromNode;
    type Item: Clone + Debug + AsRef<Selector> + AsMut<Selector>;
    const FACTS: CriterionFacts;

    /// As [`Criterion::check`].
    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Vec<Self::Item>>;

    /// An item in words.
    fn shown(item: &Self::Item) -> String {
        format!("{{{}}}", item.as_ref().describe())
    }

    /// As [`Criterion::answer`]: as far as the one that holds most.
    fn answer(items: &[Self::Item], finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let mut most = Answer::No;
        for item in items {
            most = most.max(item.as_ref().answer(finding, around));
            if most == Answer::Yes {
                break;
            }
        }
        most
    }

    /// As [`Criterion::narrower`]: the selectors before, each by one of those after.
    fn narrower(before: &[Self::Item], after: &[Self::Item]) -> Option<(String, String)> {
        if after.is_empty() {
            return None;
        }
        let stands = |was: &Self::Item| after.iter().any(|is| was.as_ref().is_within(is.as_ref()));
        if !before.is_empty() && before.iter().all(stands) {
            return None;
        }
        let shown = |items: &[Self::Item]| match items {
            [] => "any".to_owned(),
            items => {
                let one = |item: &Self::Item| format!("{{{}}}", item.as_ref().describe());
                items.iter().map(one).collect::<Vec<_>>().join(" or ")
            }
        };
        Some((shown(before), shown(after)))
    }

    /// As [`Criterion::split`].
    fn split(items: &[Self::Item]) -> Vec<Vec<Self::Item>> {
        items.iter().map(|item| vec![item.clone()]).collect()
    }

    /// As [`Criterion::add_unknown`]: where none of them surely holds, all that might.
    fn add_unknown(
        items: &[Self::Item],
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        let mut doubted = UnknownAttributes::default();
        for selector in items.iter().map(AsRef::as_ref) {
            match selector.answer(finding, around) {
                Answer::Yes => return,
                Answer::Unknown => doubted.merge(selector.unknown(finding, around)),
                Answer::No => {}
            }
        }
        unknown.merge(doubted);
    }
}

impl<K: Combination> Criterion for Combined<K> {
    type Written = K::Written;
    type Value = Vec<K::Item>;
    const FACTS: CriterionFacts = K::FACTS;

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        K::check(written, key, references, problems)
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        K::answer(value, finding, around)
    }

    fn wanted(value: &Self::Value) -> String {
        value.iter().map(K::shown).collect::<Vec<_>>().join(" or ")
    }

    fn said(_: &Finding, _: SelectorContext<'_>) -> Option<String> {
        Some(String::new())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        K::narrower(before, after)
    }

    fn split(value: &Self::Value) -> Vec<Self::Value> {
        K::split(value)
    }

    fn always_known(value: &Self::Value) -> bool {
        value.iter().all(|item| item.as_ref().always_known())
    }

    fn needs(value: &Self::Value, feed: Feed) -> bool {
        value.iter().any(|item| item.as_ref().needs(feed))
    }

    fn nested(value: &Self::Value) -> Vec<&Selector> {
        value.iter().map(AsRef::as_ref).collect()
    }

    fn nested_mut(value: &mut Self::Value) -> Vec<&mut Selector> {
        value.iter_mut().map(AsMut::as_mut).collect()
    }

    fn add_unknown(
        value: &Self::Value,
        _: &'static str,
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        K::add_unknown(value, finding, around, unknown);
    }
}

impl AsRef<Self> for Selector {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Selector {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

pub(super) type NoneOf = Combined<ExcludedFindings>;

/// Selectors of which none may match; what is not known is never excluded.
pub(crate) struct ExcludedFindings;

impl Combination for ExcludedFindings {
    type Written = Many<Boxed<WrittenSelector>>;
    type Item = Selector;
    const FACTS: CriterionFacts =
        CriterionFacts::known(&["{scope: development}", "{kev: false}", "[{fix: none}, {confidence: low}]"]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Vec<Self::Item>> {
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

    fn answer(value: &[Self::Item], finding: &Finding, around: SelectorContext<'_>) -> Answer {
        let around = SelectorContext { inside_not: !around.inside_not, ..around };
        let of = |not: &Selector| not.answer(finding, around).opposite();
        value.iter().map(of).min().unwrap_or(Answer::Yes)
    }

    /// The old one must have excluded all that the new one excludes.
    fn narrower(before: &[Self::Item], after: &[Self::Item]) -> Option<(String, String)> {
        for is in after {
            let Some(first) = before.first() else { return Some(("nothing".to_owned(), "some".to_owned())) };
            if before.iter().any(|was| is.is_within(was)) {
                continue;
            }
            let (key, now, then) = is.narrower_than(first).into_iter().next()?;
            return Some((format!("{key}: {then}"), format!("{key}: {now}")));
        }
        None
    }

    fn split(_: &[Self::Item]) -> Vec<Vec<Self::Item>> {
        Vec::new()
    }

    fn add_unknown(
        value: &[Self::Item],
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

pub(super) type AnyOf = Combined<Alternatives>;

/// Selectors of which one must hold.
pub(crate) struct Alternatives;

impl Combination for Alternatives {
    type Written = Seq<Boxed<WrittenSelector>>;
    type Item = Selector;
    const FACTS: CriterionFacts = CriterionFacts::known(&[
        "[{severity: high}, {kev: true}]",
        "[{scope: production, fix: available}, {not: {confidence: low}}]",
    ]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Vec<Self::Item>> {
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
}

/// Selectors that the policy gives a name.
#[derive(Debug, Clone)]
pub struct SelectorSet {
    /// Its name.
    pub name: String,
    /// Criteria that it selects by.
    pub selector: Selector,
}

impl AsRef<Selector> for SelectorSet {
    fn as_ref(&self) -> &Selector {
        &self.selector
    }
}

impl AsMut<Selector> for SelectorSet {
    fn as_mut(&mut self) -> &mut Selector {
        &mut self.selector
    }
}

pub(super) type InSet = Combined<NamedSets>;

/// Sets of selectors by their name, of which one must hold. What the names stand for is compared.
pub(crate) struct NamedSets;

impl Combination for NamedSets {
    type Written = Many<Name>;
    type Item = SelectorSet;
    const FACTS: CriterionFacts = CriterionFacts::known(&["exploited", "[exploited, in-code]"]);

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Vec<Self::Item>> {
        let known: Vec<&str> = references.sets.iter().map(|set| set.name.as_str()).collect();
        let mut sets = Vec::new();
        for name in written.value.0 {
            if let Some(set) = references.sets.iter().find(|set| set.name == name.value) {
                if references.inside_not
                    && let Some(refused) = set.selector.refused_inside_not()
                {
                    problems.add(name.at, refused);
                }
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

    fn shown(set: &Self::Item) -> String {
        super::criterion::alternatives(&[&set.name])
    }
}

//! Facts that a selector declares about itself, and the shapes that most selectors have.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use super::super::error::PolicyProblems;
use super::super::written::{At, FromNode, Many, Vocabulary};
use super::super::{Feed, GateSubject};
use super::{Selector, SelectorSet};
use crate::finding::{Attribute, Finding, Severity, UnknownAttributes};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Whether a selector holds for a finding, in Kleene's logic of three values. The order is that of how much it holds:
/// all of several hold as much as the least of them, any of them as much as the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It does not hold.
    No,
    /// The finding does not say.
    Unknown,
    /// It holds.
    Yes,
}

impl Answer {
    /// The answer to a question that can always be answered, or else to one that a finding may not answer.
    pub(super) fn of(holds: impl Into<Option<bool>>) -> Self {
        match holds.into() {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }

    /// The answer to the opposite question.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// Context that matching needs besides the finding.
#[derive(Debug, Clone, Copy)]
pub struct SelectorContext<'a> {
    /// The level an unknown severity counts as.
    pub unknown_severity: Severity,
    /// Seconds since 1970, for ages.
    pub now: i64,
    /// Names of the evidence entries that the report was given for.
    pub entries: &'a [String],
    /// The report's index in the evidence.
    pub evidence: usize,
    /// The question stands inside `not`.
    pub inside_not: bool,
    /// Meaning of attributes that nobody knows, where the rule says so.
    pub unknown: Option<&'a UnknownMeaning>,
    /// Only what would stop the change is asked for, and not what is to be looked at because nobody knows.
    pub sure: bool,
}

impl SelectorContext<'_> {
    /// Context of conditions that ask neither for ages nor for evidence.
    pub const fn without_report(unknown_severity: Severity) -> Self {
        Self {
            unknown_severity,
            now: 0,
            entries: &[],
            evidence: 0,
            inside_not: false,
            unknown: None,
            sure: false,
        }
    }

    /// Meaning of an attribute that the finding does not say.
    pub(super) fn settled(&self, key: &str) -> Answer {
        let counts = match self.unknown.map_or(UnknownAction::Match, |meaning| meaning.of(key)) {
            UnknownAction::Match => true,
            UnknownAction::Review => !self.sure,
            UnknownAction::Ignore => false,
        };
        match (counts, self.inside_not) {
            (true, _) => Answer::Unknown,
            // It does not make the rule look at the finding: it does not hold, and what is left out is.
            (false, false) => Answer::No,
            (false, true) => Answer::Yes,
        }
    }
}

/// Meaning of a finding that matches only because nobody knows better. The stricter is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnknownAction {
    /// It does not match.
    Ignore,
    /// It matches, and people look at it.
    Review,
    /// It matches like any other.
    Match,
}

impl UnknownAction {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Review => "review",
            Self::Match => "match",
        }
    }
}

/// Meaning of attributes that a finding lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMeaning {
    /// Of all that are not named.
    pub otherwise: UnknownAction,
    /// Of single attributes, by the key of their selector.
    pub attributes: Vec<(String, UnknownAction)>,
}

impl Default for UnknownMeaning {
    fn default() -> Self {
        Self { otherwise: UnknownAction::Match, attributes: Vec::new() }
    }
}

impl UnknownMeaning {
    /// Meaning of one attribute.
    pub fn of(&self, key: &str) -> UnknownAction {
        self.attributes.iter().find(|(name, _)| name == key).map_or(self.otherwise, |(_, action)| *action)
    }

    /// Whether some attribute means this.
    pub fn has(&self, action: UnknownAction) -> bool {
        self.otherwise == action || self.attributes.iter().any(|(_, of)| *of == action)
    }
}

/// Names that the selectors of a policy can refer to.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct SelectorReferences<'p> {
    /// Subjects of the gate.
    pub(in super::super) subjects: &'p [GateSubject],
    /// Selectors with a name.
    pub(in super::super) sets: &'p [SelectorSet],
    /// The selector stands inside `not`.
    pub(in super::super) inside_not: bool,
}

/// Whether a finding may lack what a selector asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// Every finding says it.
    Never,
    /// A finding may not say it, and what it says is shown anyway.
    Silently,
    /// A finding may not say it; outputs tell of a finding that matched because of that.
    Told,
}

/// Facts about a selector whatever its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CriterionFacts {
    /// Values as a policy writes them, from which tests make policies.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the generators of the property tests"))]
    pub(crate) examples: &'static [&'static str],
    /// Whether a finding may lack what is asked for.
    pub(crate) lacking: Lacking,
    /// The feed that alone can tell it.
    pub(crate) feed: Option<Feed>,
    /// The attribute that formats of reports can have or not.
    pub(crate) attribute: Option<Attribute>,
    /// A `where` can ask for the same, and there what is not known does not match.
    pub(crate) graded: bool,
    /// The run tells it, and a report by itself does not.
    pub(crate) of_run: bool,
}

impl CriterionFacts {
    /// Facts of a selector on what every finding says.
    pub(super) const fn known(examples: &'static [&'static str]) -> Self {
        Self { examples, lacking: Lacking::Never, feed: None, attribute: None, graded: false, of_run: false }
    }

    /// Facts of a selector on what a finding may lack.
    pub(super) const fn lacked(examples: &'static [&'static str]) -> Self {
        Self { lacking: Lacking::Told, graded: true, ..Self::known(examples) }
    }
}

/// A key, what it was, and what it is.
pub(in super::super) type Narrower = (&'static str, String, String);

/// One selector: everything that its value means, wherever it is asked for. The table in `selector` names it once.
pub(crate) trait Criterion {
    /// Its value as written: reader and schema.
    type Written: FromNode;
    /// Its value as checked; the default selects everything.
    type Value: Clone + Debug + Default;
    /// Facts about it whatever its value.
    const FACTS: CriterionFacts;

    /// Checks what was written; `None` after a problem.
    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value>;

    /// Whether it selects by anything.
    fn is_given(value: &Self::Value) -> bool;

    /// Whether it holds for a finding.
    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer;

    /// Its question, in words.
    fn wanted(value: &Self::Value) -> String;

    /// Answer of a finding, in words; `None` where it does not say.
    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String>;

    /// Both values, if a selector with the value `after` may leave out a finding that one with `before`
    /// selects. A value that is no narrower answers no question with less than the other does.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)>;

    /// Its question in the words of `explain`, if it is to be explained.
    fn explained(value: &Self::Value) -> Option<String> {
        Self::is_given(value).then(|| Self::wanted(value))
    }

    /// Takes out what says nothing at the top of a rule.
    fn simplify(_: &mut Self::Value) {}

    /// Values that together select what the whole does.
    fn split(_: &Self::Value) -> Vec<Self::Value> {
        Vec::new()
    }

    /// Whether what it asks for is known of every finding.
    fn always_known(value: &Self::Value) -> bool {
        Self::FACTS.lacking == Lacking::Never || !Self::is_given(value)
    }

    /// Whether it asks for what only this feed can tell.
    fn needs(value: &Self::Value, feed: Feed) -> bool {
        Self::FACTS.feed == Some(feed) && Self::is_given(value)
    }

    /// Adds the attributes that the finding does not say and that made the selector hold.
    fn add_unknown(
        value: &Self::Value,
        key: &'static str,
        finding: &Finding,
        around: SelectorContext<'_>,
        unknown: &mut UnknownAttributes,
    ) {
        if Self::FACTS.lacking == Lacking::Told && Self::answer(value, finding, around) == Answer::Unknown {
            unknown.add(key);
        }
    }

    /// Way in which a finding becomes worse that is let go of then, and the value that such a finding meets.
    fn escapes(_: &Self::Value) -> Option<(String, Self::Value)> {
        None
    }

    /// The same for a value inside `not`, beside the value of the rule itself.
    fn escapes_not(_inside: &Self::Value, _outside: &Self::Value) -> Option<(String, Self::Value)> {
        None
    }

    /// Why it cannot stand inside `not`, if it cannot.
    fn refused_inside_not(value: &Self::Value) -> Option<PolicyDiagnostic> {
        Self::nested(value).into_iter().find_map(Selector::refused_inside_not)
    }

    /// Selectors inside it.
    fn nested(_: &Self::Value) -> Vec<&Selector> {
        Vec::new()
    }

    /// The same, to be changed.
    fn nested_mut(_: &mut Self::Value) -> Vec<&mut Selector> {
        Vec::new()
    }

    /// Gives a finding one of several values, with 0 none.
    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

/// One of several words of a closed set.
pub(crate) struct OneOf<K>(PhantomData<K>);

/// The word of a finding that [`OneOf`] asks for.
pub(crate) trait WordCriterion {
    type Word: Vocabulary + PartialEq + Debug + Display;
    const FACTS: CriterionFacts;

    /// The finding's word; `None` where it does not say.
    fn word(finding: &Finding) -> Option<Self::Word>;

    /// The word that stands for a finding which does not say, where there is one.
    fn unknown() -> Option<Self::Word> {
        None
    }

    /// Why a word of the set cannot be asked for, and what to do.
    fn refused(_: Self::Word, _inside_not: bool) -> Option<PolicyDiagnostic> {
        None
    }

    /// As [`Criterion::escapes`].
    fn escapes(_: &[Self::Word]) -> Option<(&'static str, Self::Word)> {
        None
    }

    /// As [`Criterion::escapes_not`].
    fn escapes_not(_: &[Self::Word]) -> Option<(&'static str, Self::Word)> {
        None
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8);
}

impl<K: WordCriterion> Criterion for OneOf<K> {
    type Written = Many<K::Word>;
    type Value = Vec<K::Word>;
    const FACTS: CriterionFacts = K::FACTS;

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let words = written.value.0;
        for word in &words {
            if let Some(refused) = K::refused(word.value, references.inside_not) {
                problems.add(word.at, refused);
            }
        }
        Some(words.into_iter().map(|word| word.value).collect())
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, _: SelectorContext<'_>) -> Answer {
        if K::word(finding).is_none() && K::unknown().is_some_and(|word| value.contains(&word)) {
            return Answer::Yes;
        }
        Answer::of(K::word(finding).map(|word| value.contains(&word)))
    }

    fn wanted(value: &Self::Value) -> String {
        alternatives(value)
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        K::word(finding).map(|word| word.to_string())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        list_narrower(before, after)
    }

    fn refused_inside_not(value: &Self::Value) -> Option<PolicyDiagnostic> {
        value.iter().find_map(|word| K::refused(*word, true))
    }

    fn simplify(value: &mut Self::Value) {
        if K::Word::words().iter().all(|(_, word)| value.contains(word)) {
            value.clear();
        }
    }

    fn split(value: &Self::Value) -> Vec<Self::Value> {
        split_list(value)
    }

    fn escapes(value: &Self::Value) -> Option<(String, Self::Value)> {
        K::escapes(value).map(|(what, word)| (what.to_owned(), vec![word]))
    }

    fn escapes_not(inside: &Self::Value, _: &Self::Value) -> Option<(String, Self::Value)> {
        K::escapes_not(inside).map(|(what, word)| (what.to_owned(), vec![word]))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        K::vary(finding, n);
    }
}

/// One of several of an open kind: names, globs, numbers.
pub(crate) struct SomeOf<K>(PhantomData<K>);

/// The items that [`SomeOf`] asks for.
pub(crate) trait ListCriterion {
    /// One item as written.
    type Written: FromNode;
    /// One item as checked.
    type Item: Clone + Debug;
    const FACTS: CriterionFacts;

    /// Checks one item; `None` after a problem that leaves nothing to ask for.
    fn item(
        written: At<Self::Written>,
        key: &'static str,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Item>;

    /// Whether one of the items is the finding's.
    fn answer(items: &[Self::Item], finding: &Finding, around: SelectorContext<'_>) -> Answer;

    /// An item in words.
    fn shown(item: &Self::Item) -> String;

    /// As [`Criterion::said`].
    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String>;

    /// Texts that are the same for items that ask for the same.
    fn spellings(item: &Self::Item) -> Vec<String> {
        vec![Self::shown(item)]
    }

    /// As [`Criterion::narrower`].
    fn narrower(before: &[Self::Item], after: &[Self::Item]) -> Option<(String, String)> {
        let spelled = |items: &[Self::Item]| items.iter().flat_map(Self::spellings).collect::<Vec<_>>();
        list_narrower(&spelled(before), &spelled(after))
    }

    /// Whether an item holds for every finding.
    fn is_everything(_: &Self::Item) -> bool {
        false
    }

    /// As [`Criterion::always_known`].
    fn always_known(items: &[Self::Item]) -> bool {
        Self::FACTS.lacking == Lacking::Never || items.is_empty()
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

impl<K: ListCriterion> Criterion for SomeOf<K> {
    type Written = Many<K::Written>;
    type Value = Vec<K::Item>;
    const FACTS: CriterionFacts = K::FACTS;

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        _: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Some(written.value.0.into_iter().filter_map(|item| K::item(item, key, problems)).collect())
    }

    fn is_given(value: &Self::Value) -> bool {
        !value.is_empty()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        K::answer(value, finding, around)
    }

    fn wanted(value: &Self::Value) -> String {
        alternatives(&value.iter().map(K::shown).collect::<Vec<_>>())
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        K::said(finding, around)
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        K::narrower(before, after)
    }

    fn simplify(value: &mut Self::Value) {
        if value.iter().any(K::is_everything) {
            value.clear();
        }
    }

    fn split(value: &Self::Value) -> Vec<Self::Value> {
        split_list(value)
    }

    fn always_known(value: &Self::Value) -> bool {
        K::always_known(value)
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        K::vary(finding, n);
    }
}

/// Yes or no.
pub(crate) struct YesNo<K>(PhantomData<K>);

/// The fact of a finding that [`YesNo`] asks for.
pub(crate) trait FlagCriterion {
    const FACTS: CriterionFacts;
    /// How a finding becomes worse when the fact becomes what [`Self::WORSE_WHEN`] says.
    const WORSE: Option<&'static str> = None;
    /// The value of the fact that is worse.
    const WORSE_WHEN: bool = true;

    /// Whether it is so; `None` where the finding does not say.
    fn is_so(finding: &Finding) -> Option<bool>;

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8);
}

impl<K: FlagCriterion> Criterion for YesNo<K> {
    type Written = bool;
    type Value = Option<bool>;
    const FACTS: CriterionFacts = K::FACTS;

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        _: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Some(Some(written.value))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, _: SelectorContext<'_>) -> Answer {
        value.map_or(Answer::Yes, |wanted| Answer::of(K::is_so(finding).map(|is| is == wanted)))
    }

    fn wanted(value: &Self::Value) -> String {
        value.map(|wanted| wanted.to_string()).unwrap_or_default()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        K::is_so(finding).map(|is| is.to_string())
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        flag_narrower(*before, *after)
    }

    fn escapes(value: &Self::Value) -> Option<(String, Self::Value)> {
        let worse = K::WORSE_WHEN;
        K::WORSE.filter(|_| *value == Some(!worse)).map(|what| (what.to_owned(), Some(worse)))
    }

    fn escapes_not(inside: &Self::Value, _: &Self::Value) -> Option<(String, Self::Value)> {
        let worse = K::WORSE_WHEN;
        K::WORSE.filter(|_| *inside == Some(worse)).map(|what| (what.to_owned(), Some(worse)))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        K::vary(finding, n);
    }
}

/// This much or more.
pub(crate) struct AtLeast<K>(PhantomData<K>);

/// The amount of a finding that [`AtLeast`] asks for.
pub(crate) trait ThresholdCriterion {
    type Written: FromNode;
    type Least: Copy + PartialOrd + Debug;
    const FACTS: CriterionFacts;

    /// The threshold that was written.
    fn least(written: Self::Written) -> Option<Self::Least>;

    /// Whether a finding has so much; `None` where it does not say.
    fn reaches(least: Self::Least, finding: &Finding, around: SelectorContext<'_>) -> Option<bool>;

    /// The threshold in words.
    fn shown(least: Self::Least) -> String;

    /// The question, in words.
    fn wanted(least: Self::Least) -> String {
        format!("at least {}", Self::shown(least))
    }

    /// As [`Criterion::said`].
    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String>;

    /// Change of a finding that `not` lets go of for having more.
    fn escapes_not(_: Self::Least) -> Option<String> {
        None
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8);
}

impl<K: ThresholdCriterion> Criterion for AtLeast<K> {
    type Written = K::Written;
    type Value = Option<K::Least>;
    const FACTS: CriterionFacts = K::FACTS;

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        _: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        Some(K::least(written.value))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        value.map_or(Answer::Yes, |least| Answer::of(K::reaches(least, finding, around)))
    }

    fn wanted(value: &Self::Value) -> String {
        value.map(K::wanted).unwrap_or_default()
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        K::said(finding, around)
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        threshold_narrower(*before, *after, K::shown)
    }

    fn escapes_not(inside: &Self::Value, outside: &Self::Value) -> Option<(String, Self::Value)> {
        let level = inside.as_ref()?;
        // Where the rule itself asks for more, `not` lets go of all of it.
        let more = outside.is_none_or(|least| least < *level);
        K::escapes_not(*level).filter(|_| more).map(|what| (what, *inside))
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        K::vary(finding, n);
    }
}

/// A list from which nothing went; an empty one selects everything.
pub(super) fn list_narrower<T: PartialEq + Display>(before: &[T], after: &[T]) -> Option<(String, String)> {
    let kept = !before.is_empty() && before.iter().all(|item| after.contains(item));
    let shown = |list: &[T]| match list {
        [] => "any".to_owned(),
        list => super::super::compare::listed(&list.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    (!after.is_empty() && !kept).then(|| (shown(before), shown(after)))
}

/// A threshold that did not rise.
pub(super) fn threshold_narrower<T: PartialOrd + Copy>(
    before: Option<T>,
    after: Option<T>,
    shown: impl Fn(T) -> String,
) -> Option<(String, String)> {
    let is = after?;
    if before.is_some_and(|was| is <= was) {
        return None;
    }
    Some((before.map_or_else(|| "any".to_owned(), &shown), shown(is)))
}

/// A value that stayed, or that matters no more.
pub(super) fn flag_narrower(before: Option<bool>, after: Option<bool>) -> Option<(String, String)> {
    let shown = |value: Option<bool>| value.map_or_else(|| "any".to_owned(), |value| value.to_string());
    (after.is_some() && before != after).then(|| (shown(before), shown(after)))
}

/// Lists of one value each, if there are several.
fn split_list<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    if list.len() > 1 { list.iter().map(|value| vec![value.clone()]).collect() } else { Vec::new() }
}

/// The values of a list in words.
pub(super) fn alternatives<T: Display>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    crate::finding::clean(&words.join(" or ")).into_owned()
}

/// A text, or that there is nothing.
pub(super) fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

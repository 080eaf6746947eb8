//! Semantic versions (<https://semver.org/spec/v2.0.0.html>, clause 11) and what ecosystems make of them.

use std::cmp::Ordering;

use super::{BigNumber, compare_filled};

/// What an ecosystem makes of semantic versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SemverDialect {
    /// As they are.
    Plain,
    /// Build metadata counts.
    Pub,
    /// Letter case does not.
    Nuget,
}

#[derive(Debug)]
struct SemanticVersion {
    numbers: Vec<BigNumber>,
    pre: Vec<SemanticIdentifier>,
    build: Vec<SemanticIdentifier>,
}

/// Numbers come before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SemanticIdentifier {
    Number(BigNumber),
    Text(String),
}

pub(super) fn compare(a: &str, b: &str, dialect: SemverDialect) -> Option<Ordering> {
    let (a, b) = (SemanticVersion::parse(a, dialect)?, SemanticVersion::parse(b, dialect)?);
    let order = compare_filled(&a.numbers, &b.numbers, &BigNumber::zero())
        // What is tried out comes before what it becomes.
        .then_with(|| a.pre.is_empty().cmp(&b.pre.is_empty()))
        .then_with(|| a.pre.cmp(&b.pre));
    let built = || a.build.cmp(&b.build);
    Some(if dialect == SemverDialect::Pub { order.then_with(built) } else { order })
}

impl SemanticVersion {
    fn parse(text: &str, dialect: SemverDialect) -> Option<Self> {
        let lower;
        let text = if dialect == SemverDialect::Nuget {
            lower = text.to_ascii_lowercase();
            lower.as_str()
        } else {
            text
        };
        let text = text.strip_prefix(['v', 'V', '=']).unwrap_or(text);
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (numbers, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
        let numbers: Option<Vec<BigNumber>> = numbers.split('.').map(BigNumber::parse).collect();
        let identifiers = |text: Option<&str>| match text {
            Some(text) => text.split('.').map(SemanticIdentifier::parse).collect::<Option<Vec<_>>>(),
            None => Some(Vec::new()),
        };
        Some(Self { numbers: numbers?, pre: identifiers(pre)?, build: identifiers(build)? })
    }
}

impl SemanticIdentifier {
    fn parse(text: &str) -> Option<Self> {
        let known = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        known.then(|| BigNumber::parse(text).map_or_else(|| Self::Text(text.to_owned()), Self::Number))
    }
}

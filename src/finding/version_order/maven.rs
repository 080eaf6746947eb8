//! Versions of Maven: Version Order Specification in <https://maven.apache.org/pom.html>.

use std::cmp::Ordering;

use super::BigNumber;

/// A part with what stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MavenPart {
    hyphen: bool,
    value: MavenValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MavenValue {
    Number(BigNumber),
    /// Without letter case; empty for a release.
    Qualifier(String),
}

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parts(a)?, parts(b)?);
    for index in 0..a.len().max(b.len()) {
        let (left, right) = (a.get(index), b.get(index));
        let filling = |other: Option<&MavenPart>| other.map(MavenPart::filling);
        let left = left.cloned().or_else(|| filling(right))?;
        let right = right.cloned().or_else(|| filling(Some(&left)))?;
        let order = left.compare(&right);
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

impl MavenPart {
    /// Nothing, in the place of a part that the other version has.
    fn filling(&self) -> Self {
        let number = !self.hyphen && matches!(self.value, MavenValue::Number(_));
        let nothing = MavenValue::Qualifier(String::new());
        let value = if number { MavenValue::Number(BigNumber::zero()) } else { nothing };
        Self { hyphen: self.hyphen, value }
    }

    fn is_nothing(&self) -> bool {
        match &self.value {
            MavenValue::Number(number) => number.is_zero(),
            MavenValue::Qualifier(text) => text.is_empty(),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        if self.hyphen == other.hyphen {
            return match (&self.value, &other.value) {
                (MavenValue::Number(a), MavenValue::Number(b)) => a.cmp(b),
                (MavenValue::Number(_), MavenValue::Qualifier(_)) => Ordering::Greater,
                (MavenValue::Qualifier(_), MavenValue::Number(_)) => Ordering::Less,
                (MavenValue::Qualifier(a), MavenValue::Qualifier(b)) => rank(a)
                    .cmp(&rank(b))
                    .then_with(|| if rank(a) == UNKNOWN { a.cmp(b) } else { Ordering::Equal }),
            };
        }
        self.kind().cmp(&other.kind())
    }

    /// `.qualifier` < `-qualifier` < `-number` < `.number`
    fn kind(&self) -> u8 {
        match (&self.value, self.hyphen) {
            (MavenValue::Qualifier(_), false) => 0,
            (MavenValue::Qualifier(_), true) => 1,
            (MavenValue::Number(_), true) => 2,
            (MavenValue::Number(_), false) => 3,
        }
    }
}

/// Rank of qualifiers that have none of their own, behind all that have.
const UNKNOWN: usize = 7;

fn rank(qualifier: &str) -> usize {
    let known = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
    known.iter().position(|one| *one == qualifier).unwrap_or(UNKNOWN)
}

/// The parts of a version, without those at an end that say nothing.
fn parts(text: &str) -> Option<Vec<MavenPart>> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    if text.is_empty() || !text.chars().all(known) {
        return None;
    }
    let mut parts: Vec<MavenPart> = Vec::new();
    let mut hyphen = false;
    for token in text.split_inclusive(['.', '-']) {
        let (token, separator) = match token.strip_suffix('-') {
            Some(token) => (token, Some(true)),
            None => (token.strip_suffix('.').unwrap_or(token), token.ends_with('.').then_some(false)),
        };
        let mut rest = token;
        let mut first = true;
        while first || !rest.is_empty() {
            let digits = rest.starts_with(|c: char| c.is_ascii_digit());
            let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (run, after) = rest.split_at_checked(end)?;
            parts.push(MavenPart { hyphen: hyphen || !first, value: value(run, !after.is_empty()) });
            (rest, first) = (after, false);
        }
        hyphen = separator.unwrap_or_default();
    }
    trim(&mut parts);
    Some(parts)
}

fn value(run: &str, before_number: bool) -> MavenValue {
    if run.is_empty() {
        return MavenValue::Number(BigNumber::zero());
    }
    if let Some(number) = BigNumber::parse(run) {
        return MavenValue::Number(number);
    }
    let lower = run.to_ascii_lowercase();
    let short = match lower.as_str() {
        "a" if before_number => "alpha",
        "b" if before_number => "beta",
        "m" if before_number => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    };
    MavenValue::Qualifier(short.to_owned())
}

/// Takes away what says nothing at the end, and before each hyphen.
fn trim(parts: &mut Vec<MavenPart>) {
    let mut at = parts.len();
    while at > 1 {
        while at > 1 && parts.get(at - 1).is_some_and(MavenPart::is_nothing) {
            parts.remove(at - 1);
            at -= 1;
        }
        // The part behind the next hyphen to the left; what stands before it is looked at next.
        while at > 0 && parts.get(at - 1).is_some_and(|part| !part.hyphen) {
            at -= 1;
        }
        at = at.saturating_sub(1);
    }
}

//! Versions of gems, of Composer's packages, and of those that are lists of numbers.

use std::cmp::Ordering;

use super::{BigNumber, compare_filled, digits_of};

/// A segment of a gem's version; texts come before numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GemSegment {
    Text(String),
    Number(BigNumber),
}

/// `Gem::Version#<=>` (<https://docs.ruby-lang.org/en/master/Gem/Version.html>).
pub(super) fn compare_gems(a: &str, b: &str) -> Option<Ordering> {
    let zero = GemSegment::Number(BigNumber::zero());
    Some(compare_filled(&gem_segments(a)?, &gem_segments(b)?, &zero))
}

fn gem_segments(text: &str) -> Option<Vec<GemSegment>> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(known) {
        return None;
    }
    let text = text.replace('-', ".pre.");
    let mut segments = Vec::new();
    for part in text.split('.') {
        if part.is_empty() {
            return None;
        }
        let mut rest = part;
        while !rest.is_empty() {
            let (digits, after) = digits_of(rest);
            if let Some(number) = BigNumber::parse(digits) {
                segments.push(GemSegment::Number(number));
                rest = after;
            } else {
                let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
                let (letters, after) = rest.split_at_checked(end)?;
                segments.push(GemSegment::Text(letters.to_owned()));
                rest = after;
            }
        }
    }
    // Zeros before the first text and at the end say nothing.
    let is_zero = |segment: Option<&GemSegment>| matches!(segment, Some(GemSegment::Number(number)) if number.is_zero());
    let first_text = segments.iter().position(|segment| matches!(segment, GemSegment::Text(_)));
    let mut tail = segments.split_off(first_text.unwrap_or(segments.len()));
    for list in [&mut segments, &mut tail] {
        while is_zero(list.last()) {
            list.pop();
        }
    }
    segments.append(&mut tail);
    Some(segments)
}

/// What follows the numbers of a version of Composer: how stable it is, its number, and whether it is still developed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ComposerVersion {
    numbers: Vec<BigNumber>,
    stability: u8,
    stage: Vec<BigNumber>,
    /// `-dev` comes before what it becomes.
    done: bool,
}

/// Versions of Composer (<https://getcomposer.org/doc/articles/versions.md>); a branch has no place among them.
pub(super) fn compare_composer(a: &str, b: &str) -> Option<Ordering> {
    Some(ComposerVersion::parse(a)?.cmp(&ComposerVersion::parse(b)?))
}

impl ComposerVersion {
    fn parse(text: &str) -> Option<Self> {
        const STABILITIES: [(&str, u8); 9] = [
            ("alpha", 1),
            ("beta", 2),
            ("rc", 3),
            ("stable", 4),
            ("patch", 5),
            ("pl", 5),
            ("a", 1),
            ("b", 2),
            ("p", 5),
        ];
        let lower = text.to_ascii_lowercase();
        let text = lower.strip_prefix('v').unwrap_or(&lower);
        let text = text.split('+').next().unwrap_or(text);
        let (mut numbers, mut rest) = (Vec::new(), text);
        loop {
            let (digits, after) = digits_of(rest);
            numbers.push(BigNumber::parse(digits)?);
            rest = after;
            match rest.strip_prefix('.').filter(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
                Some(next) => rest = next,
                None => break,
            }
        }
        // `1.2` is `1.2.0.0`; dates have as many numbers as they like.
        while numbers.len() < 4 {
            numbers.push(BigNumber::zero());
        }
        let bare = |text: &'_ str| text.strip_prefix(['.', '-', '_']).unwrap_or(text).to_owned();
        let mut version = Self { numbers, stability: 4, stage: Vec::new(), done: true };
        let mut tail = bare(rest);
        if let Some((word, stability)) = STABILITIES.iter().find(|(word, _)| tail.starts_with(word)) {
            version.stability = *stability;
            let mut after = tail.strip_prefix(word).unwrap_or_default().to_owned();
            loop {
                let inner = bare(&after);
                let (digits, beyond) = digits_of(&inner);
                let Some(number) = BigNumber::parse(digits) else { break };
                version.stage.push(number);
                beyond.clone_into(&mut after);
            }
            tail = bare(&after);
        }
        match tail.as_str() {
            "" => {}
            "dev" => version.done = false,
            _ => return None,
        }
        // A version that is nothing else than being developed is less stable than its alphas.
        if !version.done && version.stability == 4 {
            version.stability = 0;
        }
        Some(version)
    }
}

/// Lists of numbers, of which the longer one is later where the shorter one is its beginning.
pub(super) fn compare_numbers(a: &str, b: &str) -> Option<Ordering> {
    let numbers =
        |text: &str| text.split(['.', '-']).map(BigNumber::parse).collect::<Option<Vec<BigNumber>>>();
    Some(numbers(a)?.cmp(&numbers(b)?))
}

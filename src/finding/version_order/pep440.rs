//! Versions of Python packages (<https://packaging.python.org/en/latest/specifications/version-specifiers/>).

use std::cmp::Ordering;

use super::{BigNumber, digits_of};

/// A version in the order in which its parts are compared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PythonVersion {
    epoch: BigNumber,
    /// Without zeros at its end.
    release: Vec<BigNumber>,
    pre: PreRelease,
    /// `None` comes first: a release before its post-releases.
    post: Option<BigNumber>,
    dev: DevRelease,
    local: Option<Vec<LocalPart>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PreRelease {
    /// A development release of the version itself comes before its alphas.
    BeforeAll,
    Alpha(BigNumber),
    Beta(BigNumber),
    Candidate(BigNumber),
    None,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DevRelease {
    Dev(BigNumber),
    None,
}

/// Texts come before numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Text(String),
    Number(BigNumber),
}

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(PythonVersion::parse(a)?.cmp(&PythonVersion::parse(b)?))
}

impl PythonVersion {
    fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let text = lower.strip_prefix('v').unwrap_or(&lower);
        let (text, local) = match text.split_once('+') {
            Some((text, local)) => (text, Some(local_parts(local)?)),
            None => (text, None),
        };
        let (epoch, text) = match text.split_once('!') {
            Some((epoch, text)) => (BigNumber::parse(epoch)?, text),
            None => (BigNumber::zero(), text),
        };
        let (mut release, mut rest) = (Vec::new(), text);
        loop {
            let (digits, after) = digits_of(rest);
            release.push(BigNumber::parse(digits)?);
            rest = after;
            match rest.strip_prefix('.').filter(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
                Some(next) => rest = next,
                None => break,
            }
        }
        while release.len() > 1 && release.last().is_some_and(BigNumber::is_zero) {
            release.pop();
        }
        // Longer words first, of which shorter ones are beginnings.
        let pre = part(&mut rest, &["alpha", "beta", "preview", "pre", "rc", "a", "b", "c"]);
        let implicit = rest.strip_prefix('-').map(digits_of).filter(|(digits, _)| !digits.is_empty());
        let post = if let Some((digits, after)) = implicit {
            rest = after;
            BigNumber::parse(digits)
        } else {
            part(&mut rest, &["post", "rev", "r"]).map(|(_, number)| number)
        };
        let dev = part(&mut rest, &["dev"]).map(|(_, number)| number);
        if !rest.is_empty() {
            return None;
        }
        let pre = match pre {
            None if post.is_none() && dev.is_some() => PreRelease::BeforeAll,
            None => PreRelease::None,
            Some(("alpha" | "a", number)) => PreRelease::Alpha(number),
            Some(("beta" | "b", number)) => PreRelease::Beta(number),
            Some((_, number)) => PreRelease::Candidate(number),
        };
        let dev = dev.map_or(DevRelease::None, DevRelease::Dev);
        Some(Self { epoch, release, pre, post, dev, local })
    }
}

/// One of these words and its number, with the separators that may stand around it.
fn part<'w>(rest: &mut &str, words: &[&'w str]) -> Option<(&'w str, BigNumber)> {
    let separator: &[char] = &['.', '-', '_'];
    let begin = rest.strip_prefix(separator).unwrap_or(rest);
    let (word, after) = words.iter().find_map(|word| Some((*word, begin.strip_prefix(word)?)))?;
    let numbered = after.strip_prefix(separator).unwrap_or(after);
    let (digits, beyond) = digits_of(numbered);
    let number = BigNumber::parse(digits);
    *rest = if number.is_some() { beyond } else { after };
    Some((word, number.unwrap_or_else(BigNumber::zero)))
}

fn local_parts(text: &str) -> Option<Vec<LocalPart>> {
    let part = |text: &str| {
        let known = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let read =
            || BigNumber::parse(text).map_or_else(|| LocalPart::Text(text.to_owned()), LocalPart::Number);
        known.then(read)
    };
    text.split(['.', '-', '_']).map(part).collect()
}

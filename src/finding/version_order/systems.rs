//! Versions of the packages of systems: Debian, RPM and Alpine.

use std::cmp::Ordering;

use super::{BigNumber, digits_of};

/// An epoch in front of a version, 0 where there is none.
fn epoch_of(text: &str) -> Option<(BigNumber, &str)> {
    match text.split_once(':') {
        Some((epoch, rest)) => Some((BigNumber::parse(epoch)?, rest)),
        None => Some((BigNumber::zero(), text)),
    }
}

/// deb-version(7): epoch, then upstream version, then revision.
pub(super) fn compare_debian(a: &str, b: &str) -> Option<Ordering> {
    let ((a_epoch, a), (b_epoch, b)) = (epoch_of(a)?, epoch_of(b)?);
    let known = |text: &str| {
        let sign =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'~' | b':');
        !text.is_empty() && text.bytes().all(sign)
    };
    if !known(a) || !known(b) {
        return None;
    }
    // Without a revision it is 0.
    let ((a, a_revision), (b, b_revision)) =
        (a.rsplit_once('-').unwrap_or((a, "0")), b.rsplit_once('-').unwrap_or((b, "0")));
    let order = a_epoch.cmp(&b_epoch);
    Some(order.then_with(|| debian_part(a, b)).then_with(|| debian_part(a_revision, b_revision)))
}

/// Texts and numbers by turns. `~` comes before the end, and letters before other signs.
fn debian_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() || !b.is_empty() {
        let text = |part: &'_ str| part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let ((a_text, a_rest), (b_text, b_rest)) = (split(a, text(a)), split(b, text(b)));
        let weight = |byte: Option<&u8>| match byte {
            Some(b'~') => 0_u32,
            None => 1,
            Some(byte) if byte.is_ascii_alphabetic() => 2 + u32::from(*byte),
            Some(byte) => 1000 + u32::from(*byte),
        };
        let (a_bytes, b_bytes) = (a_text.as_bytes(), b_text.as_bytes());
        for index in 0..a_bytes.len().max(b_bytes.len()) {
            let order = weight(a_bytes.get(index)).cmp(&weight(b_bytes.get(index)));
            if order.is_ne() {
                return order;
            }
        }
        let ((a_digits, a_after), (b_digits, b_after)) = (digits_of(a_rest), digits_of(b_rest));
        let number = |digits: &str| BigNumber::parse(digits).unwrap_or_else(BigNumber::zero);
        let order = number(a_digits).cmp(&number(b_digits));
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_after, b_after);
    }
    Ordering::Equal
}

fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Epoch, version and release; a release counts where both have one.
pub(super) fn compare_rpm(a: &str, b: &str) -> Option<Ordering> {
    let ((a_epoch, a), (b_epoch, b)) = (epoch_of(a)?, epoch_of(b)?);
    let parts = |text: &'_ str| text.split_once('-').map(|(v, r)| (v.len(), r.len()));
    let cut = |text: &'_ str| parts(text).map_or(text.len(), |(version, _)| version);
    let ((a_version, a_release), (b_version, b_release)) = (split(a, cut(a)), split(b, cut(b)));
    if a_version.is_empty() || b_version.is_empty() {
        return None;
    }
    let order = a_epoch.cmp(&b_epoch).then_with(|| rpm_part(a_version, b_version));
    let released = !a_release.is_empty() && !b_release.is_empty();
    Some(if released { order.then_with(|| rpm_part(a_release, b_release)) } else { order })
}

/// `rpmvercmp`: runs of digits and of letters; `~` comes before the end, `^` behind it and before anything else.
fn rpm_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let sign = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
        (a, b) = (a.trim_start_matches(sign), b.trim_start_matches(sign));
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(a_rest), Some(b_rest)) => {
                (a, b) = (a_rest, b_rest);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(a_rest), Some(b_rest)) => {
                (a, b) = (a_rest, b_rest);
                continue;
            }
            (Some(_), None) => return if b.is_empty() { Ordering::Greater } else { Ordering::Less },
            (None, Some(_)) => return if a.is_empty() { Ordering::Less } else { Ordering::Greater },
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        let numeric = a.starts_with(|c: char| c.is_ascii_digit());
        let run = |text: &'_ str| {
            let same = |c: char| if numeric { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
            text.find(|c: char| !same(c)).unwrap_or(text.len())
        };
        let ((a_run, a_rest), (b_run, b_rest)) = (split(a, run(a)), split(b, run(b)));
        // Of different kinds: a number is later than a text.
        if b_run.is_empty() {
            return if numeric { Ordering::Greater } else { Ordering::Less };
        }
        let order = match (BigNumber::parse(a_run), BigNumber::parse(b_run)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a_run.cmp(b_run),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
}

/// A part of a version of Alpine, by its place: of two versions that differ in the kind of a part, the one with the kind that
/// stands further up is later, unless it is a suffix that comes before the release.
#[derive(Debug, PartialEq, Eq)]
enum ApkPart<'a> {
    First(BigNumber),
    Digits(&'a str),
    Letter(u8),
    Suffix(u8),
    SuffixNumber(BigNumber),
    Hash,
    Revision(BigNumber),
    End,
}

impl ApkPart<'_> {
    const fn place(&self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Digits(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash => 5,
            Self::Revision(_) => 6,
            Self::End => 7,
        }
    }

    const fn is_before_release(&self) -> bool {
        matches!(self, Self::Suffix(rank) if *rank < AFTER_RELEASE)
    }
}

/// The suffixes in their order; the first four come before the release.
const SUFFIXES: [&str; 9] = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];
const AFTER_RELEASE: u8 = 4;

pub(super) fn compare_apk(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (apk_parts(a)?, apk_parts(b)?);
    for (left, right) in a.iter().zip(&b) {
        let order = match (left, right) {
            (ApkPart::First(a), ApkPart::First(b))
            | (ApkPart::SuffixNumber(a), ApkPart::SuffixNumber(b))
            | (ApkPart::Revision(a), ApkPart::Revision(b)) => a.cmp(b),
            (ApkPart::Digits(a), ApkPart::Digits(b)) => apk_digits(a, b),
            (ApkPart::Letter(a), ApkPart::Letter(b)) | (ApkPart::Suffix(a), ApkPart::Suffix(b)) => a.cmp(b),
            (ApkPart::Hash, ApkPart::Hash) | (ApkPart::End, ApkPart::End) => Ordering::Equal,
            _ if left.is_before_release() => return Some(Ordering::Less),
            _ if right.is_before_release() => return Some(Ordering::Greater),
            _ => return Some(right.place().cmp(&left.place())),
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

/// Behind the first dot, what begins with a zero is compared as text.
fn apk_digits(a: &str, b: &str) -> Ordering {
    if a.starts_with('0') || b.starts_with('0') {
        return a.cmp(b);
    }
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn apk_parts(text: &str) -> Option<Vec<ApkPart<'_>>> {
    let (first, mut rest) = digits_of(text);
    let mut parts = vec![ApkPart::First(BigNumber::parse(first)?)];
    while let Some(after) = rest.strip_prefix('.') {
        let (digits, beyond) = digits_of(after);
        if digits.is_empty() {
            return None;
        }
        parts.push(ApkPart::Digits(digits));
        rest = beyond;
    }
    if let Some(letter) = rest.bytes().next().filter(u8::is_ascii_lowercase) {
        parts.push(ApkPart::Letter(letter));
        rest = split(rest, 1).1;
    }
    while let Some(after) = rest.strip_prefix('_') {
        // `p` is the beginning of `pre`.
        let mut ranked = (0..).zip(SUFFIXES);
        let (rank, beyond) = ranked.find_map(|(rank, suffix)| Some((rank, after.strip_prefix(suffix)?)))?;
        parts.push(ApkPart::Suffix(rank));
        let (digits, after) = digits_of(beyond);
        parts.extend(BigNumber::parse(digits).map(ApkPart::SuffixNumber));
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('~') {
        let end = after.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(after.len());
        let (hash, beyond) = split(after, end);
        if hash.is_empty() {
            return None;
        }
        parts.push(ApkPart::Hash);
        rest = beyond;
    }
    if let Some(after) = rest.strip_prefix("-r") {
        let (digits, beyond) = digits_of(after);
        parts.push(ApkPart::Revision(BigNumber::parse(digits).unwrap_or_else(BigNumber::zero)));
        rest = beyond;
    }
    parts.push(ApkPart::End);
    rest.is_empty().then_some(parts)
}

//! Which of two versions comes first, as each ecosystem orders them.
//!
//! A text that is no version of its ecosystem has no place in the order, and `None` says so: nobody may take it for a
//! version that is not affected. The source of each order is named with it.

mod languages;
mod maven;
mod pep440;
mod semver;
mod systems;

use std::cmp::Ordering;

/// An order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionOrder {
    /// Semantic Versioning 2.0.0, clause 11, where fewer than three numbers and a leading `v` are taken too.
    Semver,
    /// The same, with build metadata behind what has none (`pub_semver` of Dart).
    Pub,
    /// The same with four numbers and without letter case (`NuGet`'s documentation, "Package versioning").
    Nuget,
    /// PEP 440.
    Pep440,
    /// Version Order Specification in Maven's POM reference.
    Maven,
    /// `Gem::Version`.
    Gem,
    /// Composer's documentation, "Versions and constraints", and its `VersionParser`.
    Composer,
    /// Lists of numbers (`package_version` of R, `Data.Version` of Haskell).
    Numbers,
    /// deb-version(7).
    Debian,
    /// `rpmvercmp`, as rpm-version(7) describes it.
    Rpm,
    /// apk-package(5) and `version.c` of apk-tools.
    Apk,
}

impl VersionOrder {
    /// The order of an ecosystem by its type in package URLs; `None` where none is known.
    pub fn of_ecosystem(kind: &str) -> Option<Self> {
        Some(match kind {
            "npm" | "golang" | "cargo" | "hex" | "swift" | "julia" | "conan" | "bitnami"
            | "githubactions" => Self::Semver,
            "pub" => Self::Pub,
            "nuget" => Self::Nuget,
            "pypi" => Self::Pep440,
            "maven" => Self::Maven,
            "gem" => Self::Gem,
            "composer" => Self::Composer,
            "cran" | "hackage" => Self::Numbers,
            "deb" => Self::Debian,
            "rpm" => Self::Rpm,
            "apk" => Self::Apk,
            _ => return None,
        })
    }

    /// Which of two versions comes first; `None` if one of them is no version.
    pub fn compare(self, a: &str, b: &str) -> Option<Ordering> {
        let (a, b) = (a.trim(), b.trim());
        match self {
            Self::Semver => semver::compare(a, b, semver::SemverDialect::Plain),
            Self::Pub => semver::compare(a, b, semver::SemverDialect::Pub),
            Self::Nuget => semver::compare(a, b, semver::SemverDialect::Nuget),
            Self::Pep440 => pep440::compare(a, b),
            Self::Maven => maven::compare(a, b),
            Self::Gem => languages::compare_gems(a, b),
            Self::Composer => languages::compare_composer(a, b),
            Self::Numbers => languages::compare_numbers(a, b),
            Self::Debian => systems::compare_debian(a, b),
            Self::Rpm => systems::compare_rpm(a, b),
            Self::Apk => systems::compare_apk(a, b),
        }
    }
}

/// A number of any length, of decimal digits, without zeros at its front.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BigNumber(String);

impl BigNumber {
    /// `None` where there is anything but digits, or nothing.
    fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(text.trim_start_matches('0').to_owned()))
    }

    fn zero() -> Self {
        Self(String::new())
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialOrd for BigNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BigNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

/// Compares lists as if the shorter one were filled up.
fn compare_filled<T: Ord>(a: &[T], b: &[T], filling: &T) -> Ordering {
    let at = |list: &'_ [T], index: usize| -> Option<usize> { (index < list.len()).then_some(index) };
    for index in 0..a.len().max(b.len()) {
        let left = at(a, index).and_then(|index| a.get(index)).unwrap_or(filling);
        let right = at(b, index).and_then(|index| b.get(index)).unwrap_or(filling);
        let order = left.cmp(right);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// The digits at the front of a text, and the rest.
fn digits_of(text: &str) -> (&str, &str) {
    text.split_at_checked(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;

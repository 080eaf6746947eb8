//! The version that an upgrade goes to: never an older one, and of the branch in use where that holds the fix.

use super::{Finding, Text};

impl Finding {
    /// The version to take so that the finding is gone; `None` where none is known above the one in use.
    pub fn version_to_take(&self) -> Option<Text> {
        self.take.clone().or_else(|| upgrade_target(&[self]))
    }
}

/// The lowest version that holds the fixes of all these findings. Where an advisory names fixes of several branches, one
/// of the version's own branch or the highest of them is demanded. What is tried out comes after what is released.
pub fn upgrade_target(findings: &[&Finding]) -> Option<Text> {
    let packages = || findings.iter().filter_map(|finding| finding.package.as_ref());
    let all_texts = || packages().flat_map(|package| package.fixed.iter().chain([&package.version]));
    let epochs = all_texts().filter(|text| !text.is_empty()).all(|text| epoch(text.real()).is_some());
    let number = |text: &Text| VersionNumber::new(text.real(), epochs);
    let lists: Vec<Vec<(VersionNumber, &Text)>> = packages()
        .map(|package| package.fixed.iter().map(|text| (number(text), text)).collect())
        .map(|list: Vec<_>| list.into_iter().filter(|(number, _)| !number.main.is_empty()).collect())
        .filter(|list: &Vec<_>| !list.is_empty())
        .collect();
    let installed = packages().map(|package| number(&package.version)).max();
    let mut candidates: Vec<&(VersionNumber, &Text)> = lists.iter().flatten().collect();
    candidates.sort_by_key(|(number, text)| (!number.released, number.clone(), text.real()));
    let newer = |version: &VersionNumber| installed.as_ref().is_none_or(|installed| version > installed);
    let holds = |version: &VersionNumber, fixed: &[(VersionNumber, &Text)]| {
        fixed.iter().all(|(fix, _)| version >= fix)
            || fixed.iter().any(|(fix, _)| version >= fix && version.branch() == fix.branch())
    };
    let all = |version: &VersionNumber| lists.iter().all(|fixed| holds(version, fixed));
    let best = candidates.iter().filter(|(number, _)| newer(number)).find(|(number, _)| all(number));
    best.map(|(_, text)| (*text).clone())
}

/// The epoch of a version of Debian or RPM, such as the 1 of `1:2.3`.
fn epoch(version: &str) -> Option<(u64, &str)> {
    let (epoch, rest) = version.split_once(':')?;
    Some((epoch.parse().ok()?, rest))
}

/// A version's numbers, for choosing one of several: what each ecosystem means by an order is not asked here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct VersionNumber {
    epoch: u64,
    /// Without zeros at its end, so that `2` and `2.0` are one.
    main: Vec<u64>,
    /// Neither alpha, beta nor candidate, which come before.
    released: bool,
    tail: Vec<u64>,
    /// All numbers but the last.
    branch: Vec<u64>,
}

impl VersionNumber {
    fn new(version: &str, with_epoch: bool) -> Self {
        const TRIED: [&str; 16] = [
            "alpha",
            "beta",
            "rc",
            "cr",
            "pre",
            "preview",
            "dev",
            "snapshot",
            "milestone",
            "m",
            "canary",
            "next",
            "nightly",
            "a",
            "b",
            "c",
        ];
        let (epoch, version) = epoch(version).unwrap_or((0, version));
        let lower = version.to_ascii_lowercase();
        let (mut main, mut tail, mut released) = (Vec::new(), Vec::new(), true);
        let mut rest = lower.as_str();
        while let Some(first) = rest.chars().next() {
            let digits = first.is_ascii_digit();
            let letters = first.is_ascii_alphabetic();
            let same = |c: char| {
                if digits {
                    c.is_ascii_digit()
                } else if letters {
                    c.is_ascii_alphabetic()
                } else {
                    c == first
                }
            };
            let (token, after) =
                rest.split_at_checked(rest.find(|c| !same(c)).unwrap_or(rest.len())).unwrap_or((rest, ""));
            rest = after;
            if digits {
                let number = token.parse().unwrap_or(u64::MAX);
                if released { main.push(number) } else { tail.push(number) }
            } else if letters && TRIED.contains(&token) && !main.is_empty() {
                // A letter alone is a candidate only before a number: `1.0b2`, and not `1.1.1b`.
                released &= token.len() == 1 && !rest.starts_with(|c: char| c.is_ascii_digit());
            }
        }
        let branch = main.split_last().map(|(_, branch)| branch.to_vec()).unwrap_or_default();
        while main.len() > 1 && main.last() == Some(&0) {
            main.pop();
        }
        Self { epoch: if with_epoch { epoch } else { 0 }, main, released, tail, branch }
    }

    fn branch(&self) -> (u64, &[u64]) {
        (self.epoch, &self.branch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Package, Severity};

    fn vulnerable(installed: &str, fixed: &[&str]) -> Finding {
        let mut finding = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", Severity::High);
        let fixed = fixed.iter().map(|version| Text::line(version)).collect();
        finding.package = Some(Package {
            name: Text::line("p"),
            version: Text::line(installed),
            fixed,
            ..Package::default()
        });
        finding
    }

    fn target(findings: &[Finding]) -> String {
        upgrade_target(&findings.iter().collect::<Vec<_>>()).unwrap_or_default().to_string()
    }

    #[test]
    fn one_upgrade_holds_all_fixes() {
        assert_eq!(
            target(&[vulnerable("4.17.11", &["4.17.12"]), vulnerable("4.17.11", &["4.17.21"])]),
            "4.17.21"
        );
        // Fixes of several branches: the own one is enough, whatever their order.
        assert_eq!(target(&[vulnerable("2.2.2", &["2.3.2", "2.2.5"])]), "2.2.5");
        assert_eq!(target(&[vulnerable("2.3.0", &["2.3.2", "2.2.5"])]), "2.3.2");
        // 2.3.0 holds the second, and of the first only what 2.3.2 holds.
        let both = [vulnerable("2.2.2", &["2.2.5", "2.3.2"]), vulnerable("2.2.2", &["2.3.0"])];
        assert_eq!(target(&both), "2.3.2");
        assert_eq!(target(&[vulnerable("1.0", &[])]), "");
        assert_eq!(target(&[vulnerable("1", &["10", "9"])]), "9");
    }

    #[test]
    fn the_version_is_never_an_older_one() {
        for (installed, fixed, take) in [
            ("9.0.109", &["11.0.14", "10.1.48", "9.0.111"][..], "9.0.111"),
            ("7.0.0", &["5.2.8.1", "6.0.5.1", "6.1.6.1", "7.0.3.1"], "7.0.3.1"),
            ("12.0", &["11.0.14", "9.0.111"], ""),
            ("2.0.0", &["2.0"], ""),
            ("1.2", &["1.3.0-rc.1", "1.3.0"], "1.3.0"),
            ("1.3.0-rc.1", &["1.3.0"], "1.3.0"),
            ("1.0b1", &["1.0"], "1.0"),
            ("1.1.1a", &["1.1.1b-2"], "1.1.1b-2"),
            ("1:1.2.11", &["1:1.2.13"], "1:1.2.13"),
            ("1:1.2.11", &["1.2.13"], "1.2.13"),
            ("1:9.0", &["2:1.0"], "2:1.0"),
            ("", &["2.0"], "2.0"),
            ("4.17.11", &["4.17.12", "unknown"], "4.17.12"),
        ] {
            assert_eq!(target(&[vulnerable(installed, fixed)]), take, "{installed} {fixed:?}");
        }
    }
}

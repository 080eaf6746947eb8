//! The version that an upgrade goes to.

use crate::finding::{Finding, Text};

/// The lowest version that holds the fixes of all these findings. Where an advisory names fixes of several branches, one
/// of the version's own branch or the highest of them is demanded.
pub(super) fn target_version(findings: &[&Finding]) -> Option<String> {
    let lists: Vec<Vec<&str>> = findings
        .iter()
        .filter_map(|finding| finding.package.as_ref())
        .map(|package| package.fixed.iter().map(Text::as_str).filter(|v| !natural(v).is_empty()).collect())
        .filter(|list: &Vec<&str>| !list.is_empty())
        .collect();
    let mut candidates: Vec<&str> = lists.iter().flatten().copied().collect();
    candidates.sort_by_key(|version| (natural(version), *version));
    let installed =
        findings.iter().filter_map(|f| f.package.as_ref()).map(|p| natural(p.version.as_str())).max();
    let newer = |version: &&&str| installed.as_ref().is_none_or(|installed| natural(version) > *installed);
    let holds = |version: &str, fixed: &[&str]| {
        let is = natural(version);
        let highest = fixed.iter().map(|f| natural(f)).max();
        let branch = |numbers: &[u64]| numbers.split_last().map(|(_, branch)| branch.to_vec());
        highest.is_some_and(|highest| is >= highest)
            || fixed.iter().map(|f| natural(f)).any(|fixed| is >= fixed && branch(&is) == branch(&fixed))
    };
    let all = |version: &&&str| lists.iter().all(|fixed| holds(version, fixed));
    let best = candidates.iter().filter(newer).find(all).or(candidates.last());
    best.map(|version| (*version).to_owned())
}

/// A version's numbers, for choosing one of several: what each ecosystem means by an order is not asked here.
fn natural(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
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
        target_version(&findings.iter().collect::<Vec<_>>()).unwrap_or_default()
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
}

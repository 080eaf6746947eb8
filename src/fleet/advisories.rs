//! Advisories that block most runs, and the upgrades that would clear them.

use std::collections::{BTreeMap, BTreeSet};

use super::row::RunRows;
use crate::decide::Outcome;
use crate::finding::Fix;

/// An advisory of a package.
#[derive(Debug, Default)]
pub struct AdvisoryUse {
    /// Runs that it blocked.
    pub runs: u64,
    /// Repositories in which it did.
    pub projects: BTreeSet<String>,
    /// Repositories that it blocks in their latest run.
    pub now: BTreeSet<String>,
    /// Runs in which a fixed version was known.
    pub fixable: u64,
}

/// The upgrade of a package.
#[derive(Debug, Default)]
pub struct UpgradeUse {
    /// Runs in which every finding that blocked was of this package and had a fix.
    pub only_blocker: u64,
    /// Of them, runs that nothing else stopped.
    pub lets_through: u64,
    /// Repositories whose latest run the upgrade alone lets through.
    pub now: BTreeSet<String>,
    /// Versions that reports name to upgrade to, in latest runs.
    pub versions: BTreeSet<String>,
}

/// Advisories and upgrades.
#[derive(Debug, Default)]
pub struct BlockingAdvisories {
    /// By advisory and package.
    pub advisories: BTreeMap<(String, String), AdvisoryUse>,
    /// By package.
    pub upgrades: BTreeMap<String, UpgradeUse>,
}

impl BlockingAdvisories {
    pub(super) fn add(&mut self, rows: &RunRows, latest: bool) {
        let blockers = rows.blockers();
        let mut of_run: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for (_, finding) in &blockers {
            if let Some(advisory) = &finding.advisory {
                let key = (advisory.as_str(), finding.package.as_deref().unwrap_or_default());
                let fixable = of_run.entry(key).or_insert(true);
                *fixable &= finding.fix == Fix::Available;
            }
        }
        let project = rows.run.project();
        for ((advisory, package), fixable) in of_run {
            let key = (advisory.to_owned(), package.to_owned());
            let known = self.advisories.entry(key).or_default();
            known.runs += 1;
            known.fixable += u64::from(fixable);
            known.projects.insert(project.to_owned());
            if latest {
                known.now.insert(project.to_owned());
            }
        }
        let packages: Option<BTreeSet<&str>> = blockers
            .iter()
            .map(|(_, finding)| finding.package.as_deref().filter(|_| finding.fix == Fix::Available))
            .collect();
        let mut packages = packages.unwrap_or_default().into_iter();
        let (Some(package), None) = (packages.next(), packages.next()) else { return };
        let known = self.upgrades.entry(package.to_owned()).or_default();
        known.only_blocker += 1;
        // Everything that stops the run is a rule that failed, and details of all that it counted are there.
        let rules: BTreeSet<&str> = blockers.iter().map(|(rule, _)| *rule).collect();
        let told = rows.rules.iter().filter(|rule| rules.contains(rule.rule.as_str()));
        let whole = told
            .into_iter()
            .all(|rule| rule.outcome == Outcome::Fail && rule.shown_count >= rule.match_count);
        if !whole || !rows.run.stopped_by.iter().all(|stop| rules.contains(stop.as_str())) {
            return;
        }
        known.lets_through += 1;
        if latest {
            known.now.insert(project.to_owned());
            known.versions.extend(blockers.iter().filter_map(|(_, finding)| finding.upgrade_to.clone()));
        }
    }
}

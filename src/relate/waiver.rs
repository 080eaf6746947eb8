//! Which waivers speak of a finding: found by id, fingerprint or rule and path, never by walking through all of them.

use std::collections::HashMap;
use std::path::PathBuf;

use super::SourceTree;
use super::advisory::{self, advisories};
use crate::finding::{Category, Finding, Fingerprint, Text, canonical_version};
use crate::policy::canonical_rule_id;
use crate::policy::waiver::{Waiver, WaiverMatch};

/// Checked waivers of a run, in the order of their ids, with an index over what they match.
#[derive(Debug, Default)]
pub struct Waivers {
    list: Vec<Waiver>,
    /// Where source files are, for findings that only code can tell apart.
    root: Option<PathBuf>,
    /// Somebody asks what a finding is about beyond what its report shows.
    asks: bool,
    // Looked up, never walked through: the order of a hash map cannot reach an output.
    by_fingerprint: HashMap<Fingerprint, Vec<u32>>,
    by_id: HashMap<String, Vec<u32>>,
    by_rule: HashMap<String, Vec<u32>>,
}

impl Waivers {
    /// Indexes waivers; each under the selectors that narrow it most.
    pub fn new(list: Vec<Waiver>) -> Self {
        let asks = list.iter().any(|waiver| waiver.matches.content.is_some());
        let mut index = Self { list, asks, ..Self::default() };
        for (waiver, at) in index.list.iter().zip(0..) {
            let wanted = &waiver.matches;
            if !wanted.fingerprints.is_empty() {
                for fingerprint in &wanted.fingerprints {
                    add(index.by_fingerprint.entry(*fingerprint).or_default(), at);
                }
            } else if !wanted.ids.is_empty() {
                for id in &wanted.ids {
                    add(index.by_id.entry(id.clone()).or_default(), at);
                }
            } else if let (Some(rule_id), Some(path)) = (&wanted.rule_id, &wanted.path) {
                add(index.by_rule.entry(rule_key(rule_id, path)).or_default(), at);
            }
        }
        index
    }

    /// The same, with code read below `root`.
    #[must_use]
    pub fn below(mut self, root: PathBuf) -> Self {
        self.root = Some(root);
        self
    }

    /// The same, for writing a waiver: what tells findings apart is looked for.
    #[must_use]
    pub fn drafting(mut self) -> Self {
        self.asks = true;
        self
    }

    /// A reader of source lines, for one report at a time.
    pub fn code(&self) -> SourceTree {
        SourceTree::below(self.root.as_deref())
    }

    /// Whether anybody asks what a finding is about beyond what its report shows.
    pub fn ask_for_content(&self) -> bool {
        self.asks
    }

    /// The waivers, sorted by id.
    pub fn list(&self) -> &[Waiver] {
        &self.list
    }

    /// True if there is none, so that nothing has to be looked up.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The waivers whose selectors match a finding, as indexes into the list, in its order, each with whether it is
    /// certain that the finding is the one it was written for.
    pub fn matching(&self, finding: &Finding) -> Vec<(u32, Certainty)> {
        let mut found: Vec<u32> = Vec::new();
        if self.list.is_empty() {
            return Vec::new();
        }
        found.extend(self.by_fingerprint.get(&finding.fingerprint).into_iter().flatten());
        if !self.by_id.is_empty() {
            for id in advisories(finding) {
                found.extend(self.by_id.get(&id.real().to_ascii_uppercase()).into_iter().flatten());
            }
        }
        if let (false, Some(path)) = (self.by_rule.is_empty(), finding.path()) {
            for rule in rule_ids(finding) {
                found.extend(self.by_rule.get(&rule_key(rule.real(), path)).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        let certainty = |at: u32| Some((at, matches(&self.list.get(at as usize)?.matches, finding)?));
        found.into_iter().filter_map(certainty).collect()
    }
}

fn add(list: &mut Vec<u32>, at: u32) {
    if list.last() != Some(&at) {
        list.push(at);
    }
}

fn rule_key(rule_id: &str, path: &str) -> String {
    format!("{}\0{path}", canonical_rule_id(rule_id))
}

fn rule_ids(finding: &Finding) -> impl Iterator<Item = &Text> {
    std::iter::once(&finding.rule_id).chain(&finding.rule_aliases)
}

/// Whether a finding is the one that a waiver was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It is.
    Certain,
    /// Neither the report nor the waiver says which code it is, or which secret.
    Unknown,
}

/// Whether the finding is the one that was meant; `None` for another one.
fn matches(wanted: &WaiverMatch, finding: &Finding) -> Option<Certainty> {
    if !fits(wanted, finding) {
        return None;
    }
    let secret = finding.category == Category::Secret;
    match wanted.content {
        Some(content) if content == finding.content => Some(Certainty::Certain),
        Some(_) if finding.content != 0 => None,
        Some(_) => Some(Certainty::Unknown),
        None if secret || finding.told_by_code => Some(Certainty::Unknown),
        None if finding.package.is_some() || !wanted.fingerprints.is_empty() => Some(Certainty::Certain),
        // A check in a file is about all the code in it that is there today and will be tomorrow.
        None if finding.location.as_ref().is_some_and(|at| at.line.is_some()) => Some(Certainty::Unknown),
        None => Some(Certainty::Certain),
    }
}

/// Every selector that is given must hold, exactly.
fn fits(wanted: &WaiverMatch, finding: &Finding) -> bool {
    let by_rule = wanted.rule_id.is_some() && wanted.path.is_some();
    let enough = !wanted.fingerprints.is_empty() || !wanted.ids.is_empty() || by_rule;
    enough
        && (wanted.fingerprints.is_empty() || wanted.fingerprints.contains(&finding.fingerprint))
        && (wanted.ids.is_empty()
            || advisory::names_whole_finding(finding, |id| {
                wanted.ids.iter().any(|known| known.eq_ignore_ascii_case(id))
            }))
        && wanted.rule_id.as_ref().is_none_or(|wanted| {
            let wanted = canonical_rule_id(wanted);
            rule_ids(finding).any(|rule| canonical_rule_id(rule.real()) == wanted)
        })
        && wanted.path.as_ref().is_none_or(|wanted| finding.path() == Some(wanted))
        && wanted.package.as_ref().is_none_or(|wanted| finding.is_of_package(wanted) == Some(true))
        && wanted.version.as_ref().is_none_or(|wanted| {
            let ecosystem = finding.package_name().and_then(|name| name.ecosystem);
            let same = |version: &str| {
                canonical_version(ecosystem.as_deref(), version)
                    == canonical_version(ecosystem.as_deref(), wanted)
            };
            finding.package.as_ref().is_some_and(|package| same(package.version.real()))
        })
        && wanted.tool.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(finding.tool.real()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Location, Package, Severity};
    use crate::policy::waiver::load;

    const POLICY: &str = "\
version: 1
gate: merge
evidence:
  image: {category: vulnerability, files: [trivy.json]}
waivers: {max_duration: 90d}
rules: [{id: high, findings: {severity: high}, then: fail}]
";

    const ENTRY: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/high
    match: {ids: [CVE-2026-1], package: xz}
    reason: Not reachable
    owner: \"@a\"
    approved_by: \"@b\"
    compensating_controls: [blocked]
    created: 2026-05-15
    expires: 2026-06-30
    review_trigger: [fix_available]
";

    fn read(text: &str) -> Vec<Waiver> {
        let policy = crate::policy::load("p.yaml", POLICY.as_bytes()).unwrap();
        load("w.yaml", text.as_bytes(), &policy, "2026-06-01T12:00:00Z".parse().unwrap()).unwrap().waivers
    }

    fn matching(from: &str, to: &str, change: impl FnOnce(&mut Finding)) -> bool {
        let waivers = Waivers::new(read(&ENTRY.replacen(from, to, 1)));
        let mut finding = Finding::new(Category::Vulnerability, "trivy", "CVE-2026-1", Severity::High);
        finding.ids = vec![Text::line("GHSA-x-1")];
        finding.package = Some(Package { name: Text::line("xz"), ..Default::default() });
        finding.location = Location::new("a/b.lock", Some(1), None, &[]);
        change(&mut finding);
        waivers.matching(&finding).iter().any(|(_, certainty)| *certainty == Certainty::Certain)
    }

    #[test]
    fn selectors_are_exact_and_all_of_them_hold() {
        let same = |_: &mut Finding| ();
        assert!(matching("W-1", "W-1", same));
        assert!(matching("[CVE-2026-1]", "[cve-2026-9, ghsa-X-1]", same));
        assert!(!matching("[CVE-2026-1]", "[CVE-2026-11]", same));
        assert!(!matching("package: xz", "package: xz-libs", same));
        assert!(!matching("package: xz", "package: XZ", same));
        assert!(matching("package: xz", "tool: Trivy", same));
        assert!(!matching("package: xz", "path: b.lock", same));
        assert!(matching("ids: [CVE-2026-1]", "rule_id: CVE-2026-1, path: a/b.lock", same));
        assert!(!matching("ids: [CVE-2026-1]", "rule_id: CVE-2026-1, path: b.lock", same));
        assert!(!matching("W-1", "W-1", |f| f.package = None));
        // The rule of a code finding is no advisory: it would match in every file.
        assert!(!matching(", package: xz", "", |f| {
            f.category = Category::Sast;
            f.ids.clear();
        }));
    }
}

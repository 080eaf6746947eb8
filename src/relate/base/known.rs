//! Findings of the base, by what they are: how many there are of each, and how bad they were.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::file::Entry;
use crate::finding::{Category, Finding, Fingerprint, FingerprintBuilder, Package, Purl, Severity, Text};

/// Severity ranks, `info` to `critical`.
pub(super) const RANKS: usize = 5;
/// How many findings have each rank.
pub(super) type Ranked = [u32; RANKS];
/// The content of a line that the change took away or changed: no finding has it.
pub(super) const GONE: u64 = u64::MAX;

/// One source of known findings: a baseline, or the reports of the base.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The groups by fingerprint and content; looked up, never walked through.
    groups: HashMap<(Fingerprint, u64), u32>,
    /// How many findings each group has, by rank.
    pub(super) counts: Vec<Ranked>,
    /// What the groups are, each as often as severities differ.
    pub(super) members: Vec<(Entry, u32)>,
    /// The lines that members of a group stand on, where they are known.
    lines: Vec<Vec<u32>>,
    /// The day on which each group was first known. Of several the last, so that taking one out makes no other younger.
    days: Vec<Option<Date>>,
    /// Tools and categories that the reports cover; `None` for a baseline, which speaks of all.
    covers: Option<BTreeSet<(String, Category)>>,
    /// Packages that a complete report of the base names.
    packages: HashSet<Fingerprint>,
    /// Packages that an SBOM of the base lists.
    inventory: HashSet<Fingerprint>,
    /// Advisories of packages that a report of the base holds, by its tool and by package URL.
    reported: HashSet<Fingerprint>,
    /// The number of its first group among those of all sources.
    pub(super) offset: u32,
}

impl Known {
    /// Known findings of reports, which cover nothing yet.
    pub(super) fn of_reports() -> Self {
        Self { covers: Some(BTreeSet::new()), ..Self::default() }
    }

    /// True if it comes from reports.
    pub(super) fn is_reports(&self) -> bool {
        self.covers.is_some()
    }

    /// Adds findings of one kind.
    pub(super) fn add(&mut self, entry: Entry, unknown: Severity, line: Option<u32>) {
        let key = (entry.fingerprint, entry.content);
        let next = u32::try_from(self.counts.len()).unwrap_or(u32::MAX);
        let group = *self.groups.entry(key).or_insert(next);
        if group == next {
            self.counts.push(Ranked::default());
            self.lines.push(Vec::new());
            self.days.push(None);
        }
        if let Some(day) = self.days.get_mut(group as usize) {
            *day = (*day).max(entry.first_seen);
        }
        let rank = usize::from(entry.severity.rank(unknown));
        if let Some(count) = self.counts.get_mut(group as usize).and_then(|ranked| ranked.get_mut(rank)) {
            *count = count.saturating_add(entry.count);
        }
        if let (Some(line), Some(lines)) = (line, self.lines.get_mut(group as usize)) {
            lines.push(line);
        }
        self.members.push((entry, group));
    }

    /// Says that the reports cover a tool's findings of a category.
    pub(super) fn cover(&mut self, tool: &str, category: Category) {
        if let Some(covers) = &mut self.covers {
            covers.insert((tool.to_ascii_lowercase(), category));
        }
    }

    /// Whether it can say anything of a tool's findings of a category.
    pub(super) fn speaks(&self, tool: &str, category: Category) -> bool {
        self.covers.as_ref().is_none_or(|covers| {
            covers.iter().any(|(known, of)| *of == category && known.eq_ignore_ascii_case(tool))
        })
    }

    /// The group of this identity.
    pub(super) fn group(&self, fingerprint: Fingerprint, content: u64) -> Option<u32> {
        self.groups.get(&(fingerprint, content)).copied()
    }

    /// The day on which a group was first known.
    pub(super) fn day(&self, group: u32) -> Option<Date> {
        self.days.get(group as usize).copied().flatten()
    }

    /// Whether a member of a group stands on this line; true where no line is known.
    pub(super) fn has_line(&self, group: u32, line: Option<u32>) -> bool {
        let lines = self.lines.get(group as usize).map(Vec::as_slice).unwrap_or_default();
        lines.is_empty() || line.is_some_and(|line| lines.contains(&line))
    }

    /// Takes note of a vulnerable package of the base; only a `complete` report shows that an advisory was not there.
    pub(super) fn package(&mut self, finding: &Finding, complete: bool) {
        let Some(package) = package_of(finding, finding.path().unwrap_or_default()) else { return };
        let url = purl(finding).map(|purl| identity(None, &purl));
        for id in advisories(finding) {
            self.reported.insert(advisory(package, id));
            self.reported.extend(url.map(|url| advisory(url, id)));
        }
        if complete {
            self.packages.insert(package);
        }
    }

    /// Takes note of a package that a complete report of the base lists.
    pub(super) fn listed(&mut self, tool: &str, path: &str, package: &Package) {
        self.packages.extend(package_at(tool, path, package));
    }

    /// Takes note of a package that an SBOM of the base lists.
    pub(super) fn inventoried(&mut self, path: Option<&str>, purl: &Purl) {
        // What the system's own database lists is where the system is, whatever file an SBOM names.
        let path = path.filter(|_| !OF_SYSTEM.contains(&purl.kind.as_str()));
        self.inventory.insert(identity(path, purl));
    }

    /// Whether the package of a finding was in the base at this path, and its advisory reported there by nobody.
    pub(super) fn disclosed(&self, finding: &Finding, path: &str) -> bool {
        let Some(package) = package_of(finding, path) else { return false };
        let purl = purl(finding);
        let by_sbom = purl.as_ref().is_some_and(|purl| {
            [None, Some(path)].iter().any(|path| self.inventory.contains(&identity(*path, purl)))
        });
        let new_to = |package: Fingerprint| {
            advisories(finding).all(|id| !self.reported.contains(&advisory(package, id)))
        };
        (self.packages.contains(&package)
            || by_sbom && purl.is_some_and(|purl| new_to(identity(None, &purl))))
            && new_to(package)
    }
}

/// Types of packages that a system's own database lists.
const OF_SYSTEM: [&str; 4] = ["deb", "rpm", "apk", "alpm"];

/// The package URL of a vulnerable package, with its version.
fn purl(finding: &Finding) -> Option<Purl> {
    let package = finding.package.as_ref().filter(|_| finding.category == Category::Vulnerability)?;
    let mut purl = Purl::parse(package.purl.as_ref()?.as_str())?;
    if purl.version.is_empty() {
        purl.version = package.version.to_string();
    }
    (!purl.version.is_empty()).then_some(purl)
}

/// A package in its version, at a path or wherever it is.
fn identity(path: Option<&str>, purl: &Purl) -> Fingerprint {
    let Purl { kind, namespace, name, version, qualifiers: _, subpath: _ } = purl;
    let id = FingerprintBuilder::new(if path.is_some() { "listed at" } else { "listed" });
    id.part(path.unwrap_or_default()).part(kind).part(namespace).part(name).part(version).finish()
}

fn package_of(finding: &Finding, path: &str) -> Option<Fingerprint> {
    let package = finding.package.as_ref().filter(|_| finding.category == Category::Vulnerability)?;
    package_at(finding.tool.as_str(), path, package)
}

/// Tool, place, name and version of a package; `None` if its version is not known.
fn package_at(tool: &str, path: &str, package: &Package) -> Option<Fingerprint> {
    let Package { name, version, purl, .. } = package;
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let kind = purl.as_ref().and_then(|purl| purl.as_str().split('/').next()).unwrap_or_default();
    let id = FingerprintBuilder::new("package").part(&tool.to_ascii_lowercase());
    Some(id.part(path).part(kind).part(name.as_str()).part(version.as_str()).finish())
}

fn advisory(package: Fingerprint, id: &Text) -> Fingerprint {
    package.at(&id.as_str().to_ascii_uppercase())
}

fn advisories(finding: &Finding) -> impl Iterator<Item = &Text> {
    finding.ids.iter().chain([&finding.rule_id]).filter(|id| !id.is_empty())
}

//! Findings of the base, by what they are: how many there are of each, and how bad they were.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::baseline_file::BaseEntry;
use crate::finding::{
    Category, Finding, Fingerprint, FingerprintBuilder, Package, PackageName, Purl, Scope, Severity,
    is_of_system,
};

/// Severity ranks, `info` to `critical`.
pub(super) const RANKS: usize = 5;
/// How many findings have each rank.
pub(super) type Ranked = [u32; RANKS];
/// The content of a line that the change took away or changed: no finding has it.
pub(super) const GONE: u64 = u64::MAX;

/// Findings of one kind and severity.
#[derive(Debug)]
pub(super) struct GroupMember {
    pub(super) entry: BaseEntry,
    /// Its group.
    pub(super) group: u32,
    /// The group of the same advisory, package and place in any version.
    pub(super) versions: Option<u32>,
}

/// Fingerprint, content, and whether findings in what is for development only are left out.
type GroupKey = (Fingerprint, u64, bool);

/// One source of known findings: a baseline, or the reports of the base.
#[derive(Debug, Default)]
pub(super) struct KnownFindings {
    /// The groups by fingerprint and content; looked up, never walked through.
    groups: HashMap<GroupKey, u32>,
    /// How many findings each group has, by rank.
    pub(super) counts: Vec<Ranked>,
    /// The groups, each as often as severities differ.
    pub(super) members: Vec<GroupMember>,
    /// The lines that members of a group stand on, where they are known.
    lines: Vec<Vec<u32>>,
    /// The day on which each group was first known. Of several the last, so that taking one out makes no other younger.
    days: Vec<Option<Date>>,
    /// Tools and categories that the reports cover; `None` for a baseline, which speaks of all.
    covers: Option<BTreeSet<(String, Category)>>,
    /// Packages that a complete report of the base names.
    packages: HashSet<Fingerprint>,
    /// Those that a report of the base names for development only.
    for_development: HashSet<Fingerprint>,
    /// Packages that an SBOM of the base lists.
    inventory: HashSet<Fingerprint>,
    /// The number of its first group among those of all sources.
    pub(super) offset: u32,
}

impl KnownFindings {
    /// Known findings of reports, which cover nothing yet.
    pub(super) fn of_reports() -> Self {
        Self { covers: Some(BTreeSet::new()), ..Self::default() }
    }

    /// True if it comes from reports.
    pub(super) fn is_reports(&self) -> bool {
        self.covers.is_some()
    }

    /// Adds findings of one kind.
    pub(super) fn add(&mut self, entry: BaseEntry, unknown: Severity, line: Option<u32>) {
        let rank = usize::from(entry.severity.rank(unknown));
        let group = self.count((entry.fingerprint, entry.content, false), rank, entry.count);
        if let Some(day) = self.days.get_mut(group as usize) {
            *day = (*day).max(entry.first_seen);
        }
        if let (Some(line), Some(lines)) = (line, self.lines.get_mut(group as usize)) {
            lines.push(line);
        }
        let before = self.counts.len();
        let versions = entry.in_any_version().map(|id| self.count((id, 0, false), rank, entry.count));
        let is_first = self.counts.len() > before;
        if has_scope(entry.category) && entry.scope != Some(Scope::Development) {
            let any_version = entry.in_any_version().map(|id| (id, 0, true));
            for key in [(entry.fingerprint, entry.content, true)].into_iter().chain(any_version) {
                self.count(key, rank, entry.count);
            }
        }
        if let Some(day) = versions.and_then(|group| self.days.get_mut(group as usize)) {
            // The clock of an advisory began with the first version; one of unknown age is older than any.
            *day = if is_first { entry.first_seen } else { (*day).min(entry.first_seen) };
        }
        self.members.push(GroupMember { entry, group, versions });
    }

    /// Counts findings of a group, which is made if it is the first of it.
    fn count(&mut self, key: GroupKey, rank: usize, more: u32) -> u32 {
        let next = u32::try_from(self.counts.len()).unwrap_or(u32::MAX);
        let group = *self.groups.entry(key).or_insert(next);
        if group == next {
            self.counts.push(Ranked::default());
            self.lines.push(Vec::new());
            self.days.push(None);
        }
        if let Some(count) = self.counts.get_mut(group as usize).and_then(|ranked| ranked.get_mut(rank)) {
            *count = count.saturating_add(more);
        }
        group
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
        self.groups.get(&(fingerprint, content, false)).copied()
    }

    /// The groups of this identity that must know a finding: what was known only for development is not the same in
    /// another scope.
    pub(super) fn groups_for(
        &self,
        finding: &Finding,
        fingerprint: Fingerprint,
        content: u64,
    ) -> Option<(u32, Option<NarrowGroup>)> {
        let group = self.group(fingerprint, content)?;
        let narrow = has_scope(finding.category) && finding.scope != Some(Scope::Development);
        let of_shipped = || self.groups.get(&(fingerprint, content, true)).copied();
        Some((group, narrow.then(|| of_shipped().map_or(NarrowGroup::Absent, NarrowGroup::At))))
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

    /// Takes note of a vulnerable package of the base. Only a complete report shows what was looked at.
    pub(super) fn package(&mut self, finding: &Finding, complete: bool) {
        let package = package_of(finding, finding.path().unwrap_or_default());
        if finding.scope == Some(Scope::Development) {
            self.for_development.extend(package);
        } else if complete {
            self.packages.extend(package);
        }
    }

    /// Takes note of a package that a complete report of the base lists.
    pub(super) fn listed(&mut self, tool: &str, path: &str, package: &Package, scope: Option<Scope>) {
        let of_scope =
            if scope == Some(Scope::Development) { &mut self.for_development } else { &mut self.packages };
        of_scope.extend(package_at(tool, path, package));
    }

    /// Takes note of a package that an SBOM of the base lists.
    pub(super) fn inventoried(&mut self, path: Option<&str>, purl: &Purl) {
        // What the system's own database lists is where the system is, whatever file an SBOM names.
        let path = path.filter(|_| !is_of_system(&purl.kind));
        self.inventory.insert(identity(path, purl));
    }

    /// Whether the package of a finding was in the base at this path, in the same version, and not for development only
    /// if it is not now. What the base says of the
    /// advisory does not matter: one that it does not know so, or not as bad, must not be worse off than one that is
    /// left out of it.
    pub(super) fn disclosed(&self, finding: &Finding, path: &str) -> bool {
        let by_sbom = || {
            purl(finding).is_some_and(|purl| {
                [None, Some(path)].iter().any(|path| self.inventory.contains(&identity(*path, &purl)))
            })
        };
        package_of(finding, path).is_some_and(|package| {
            let for_development = self.for_development.contains(&package);
            let in_scope = finding.scope == Some(Scope::Development) || !for_development;
            self.packages.contains(&package) || in_scope && (for_development || by_sbom())
        })
    }
}

/// The group of an identity without what is for development only.
#[derive(Debug, Clone, Copy)]
pub(super) enum NarrowGroup {
    At(u32),
    /// The base knows it for development only.
    Absent,
}

/// Whether findings of a category are in something that is for development or ships.
const fn has_scope(category: Category) -> bool {
    !super::spoken_of(category)
}

/// The package URL of a vulnerable package, with its version.
fn purl(finding: &Finding) -> Option<Purl> {
    let package = finding.package.as_ref().filter(|_| finding.category == Category::Vulnerability)?;
    let mut purl = Purl::parse(package.purl.as_ref()?.real())?;
    if purl.version.is_empty() {
        package.version.real().clone_into(&mut purl.version);
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
    package_at(finding.tool.real(), path, package)
}

/// Tool, place, name and version of a package; `None` if its version is not known.
fn package_at(tool: &str, path: &str, package: &Package) -> Option<Fingerprint> {
    let Package { name, version, .. } = package;
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let PackageName { ecosystem, name } = PackageName::new(package, Some(path));
    let kind = ecosystem.unwrap_or_default();
    let id = FingerprintBuilder::new("package").part(&tool.to_ascii_lowercase());
    Some(id.part(path).part(&kind).part(&name).part(version.real()).finish())
}

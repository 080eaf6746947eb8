//! Whether a package is affected by a record of an OSV database: the evaluation of the OSV schema
//! (<https://ossf.github.io/osv-schema/#evaluation>), with a third answer where an order of versions does not know one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::finding::{Purl, VersionOrder, canonical_name};
use crate::report::ShippedComponent;

/// Ecosystems of OSV and their types in package URLs.
const ECOSYSTEMS: [(&str, &str); 35] = [
    ("npm", "npm"),
    ("PyPI", "pypi"),
    ("Maven", "maven"),
    ("Go", "golang"),
    ("crates.io", "cargo"),
    ("RubyGems", "gem"),
    ("NuGet", "nuget"),
    ("Packagist", "composer"),
    ("Hex", "hex"),
    ("Pub", "pub"),
    ("SwiftURL", "swift"),
    ("CRAN", "cran"),
    ("Hackage", "hackage"),
    ("ConanCenter", "conan"),
    ("Julia", "julia"),
    ("Bitnami", "bitnami"),
    ("GitHub Actions", "githubactions"),
    ("VSCode", "vscode-extension"),
    ("Debian", "deb"),
    ("Ubuntu", "deb"),
    ("Echo", "deb"),
    ("Alpine", "apk"),
    ("Wolfi", "apk"),
    ("Chainguard", "apk"),
    ("MinimOS", "apk"),
    ("Alpaquita", "apk"),
    ("AlmaLinux", "rpm"),
    ("Rocky Linux", "rpm"),
    ("Red Hat", "rpm"),
    ("SUSE", "rpm"),
    ("openSUSE", "rpm"),
    ("Mageia", "rpm"),
    ("openEuler", "rpm"),
    ("Azure Linux", "rpm"),
    ("Photon OS", "rpm"),
];

/// Systems by their ids in package URLs and in `os-release`.
const SYSTEMS: [(&[&str], &str); 17] = [
    (&["debian"], "Debian"),
    (&["ubuntu"], "Ubuntu"),
    (&["echo"], "Echo"),
    (&["alpine"], "Alpine"),
    (&["wolfi"], "Wolfi"),
    (&["chainguard"], "Chainguard"),
    (&["minimos"], "MinimOS"),
    (&["alpaquita"], "Alpaquita"),
    (&["almalinux", "alma"], "AlmaLinux"),
    (&["rocky", "rocky-linux", "rockylinux"], "Rocky Linux"),
    (&["redhat", "rhel"], "Red Hat"),
    (&["suse", "sles", "sled"], "SUSE"),
    (
        &["opensuse", "opensuse-leap", "opensuse-tumbleweed", "opensuse.leap", "opensuse.tumbleweed"],
        "openSUSE",
    ),
    (&["mageia"], "Mageia"),
    (&["openeuler"], "openEuler"),
    (&["azurelinux", "azure-linux", "mariner", "cbl-mariner"], "Azure Linux"),
    (&["photon"], "Photon OS"),
];

/// Ecosystems of OSV of which no package URL tells a component.
const OTHER_ECOSYSTEMS: [&str; 12] = [
    "Android",
    "BellSoft Hardened Containers",
    "Bioconductor",
    "CleanStart",
    "Docker Hardened Images",
    "FreeBSD",
    "GHC",
    "Kubernetes",
    "Linux",
    "opam",
    "OSS-Fuzz",
    "Root",
];

/// Releases by their names.
const CODE_NAMES: [(&str, &str); 10] = [
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("noble", "24.04"),
];

/// An ecosystem of OSV, and of a system the release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OsvEcosystem {
    /// Its name, such as `Debian`.
    pub name: &'static str,
    /// Its type in package URLs.
    pub kind: &'static str,
    /// Of a system the release, such as `12.4`; empty where it is not known.
    pub release: String,
}

/// A package that records may name: type in package URLs and name in the spelling of its ecosystem.
pub type OsvPackageKey = (&'static str, String);

impl OsvEcosystem {
    /// The ecosystem of a component; `None` where OSV has none for it.
    pub fn of_component(component: &ShippedComponent) -> Option<Self> {
        let purl = component.purl.as_ref()?;
        let named = |kind: &str| ECOSYSTEMS.iter().find(|(_, of)| *of == kind);
        // GitHub's repositories are actions where an SBOM names them so.
        let kind = if purl.kind == "github" { "githubactions" } else { purl.kind.as_str() };
        if !matches!(kind, "deb" | "apk" | "rpm") {
            let (name, kind) = named(kind)?;
            return Some(Self { name, kind, release: String::new() });
        }
        let stated = component.system.as_ref();
        let distro = purl.qualifiers.get("distro").map(|text| text.to_ascii_lowercase());
        let ids = [purl.namespace.clone(), stated.map(|(id, _)| id.to_ascii_lowercase()).unwrap_or_default()];
        let is = |id: &str| SYSTEMS.iter().find(|(known, _)| known.contains(&id)).map(|(_, name)| *name);
        // `opensuse/leap`: the vendor is enough.
        let name = ids.iter().find_map(|id| is(id.split('/').next().unwrap_or(id)))?;
        let (name, kind) = ECOSYSTEMS.iter().find(|(one, of)| *one == name && *of == purl.kind)?;
        let rolling = |text: &str| text.contains("tumbleweed");
        let release = match distro {
            _ if rolling(&purl.namespace) || distro.as_deref().is_some_and(rolling) => {
                "tumbleweed".to_owned()
            }
            // `debian-12.4`, `3.18.4`, `sles-15.5`
            Some(distro) => match distro.rsplit_once('-') {
                Some((id, version)) if !id.is_empty() && !id.starts_with(|c: char| c.is_ascii_digit()) => {
                    version.to_owned()
                }
                _ => distro,
            },
            None => stated.map(|(_, version)| version.clone()).unwrap_or_default(),
        };
        let code =
            CODE_NAMES.iter().find(|(code, _)| *code == release).map(|(_, version)| (*version).to_owned());
        Some(Self { name, kind, release: code.unwrap_or(release) })
    }

    /// Whether `ecosystem` of a record is this one; `None` where it names a release, and that of the component is not known.
    fn is(&self, ecosystem: &str) -> Option<bool> {
        let (name, suffix) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
        let suffix = suffix.trim();
        if !name.trim().eq_ignore_ascii_case(self.name) {
            return Some(false);
        }
        // Suffixes of languages name the registry.
        if !matches!(self.kind, "deb" | "apk" | "rpm") || suffix.is_empty() {
            return Some(true);
        }
        if self.release.is_empty() {
            return None;
        }
        let mut numbers = self.release.split('.');
        let major = numbers.next().unwrap_or_default();
        let minor = numbers.next().unwrap_or_default();
        let parts: Vec<&str> = suffix.split(':').collect();
        Some(match self.name {
            "Alpine" => {
                suffix.strip_prefix('v').unwrap_or(suffix) == format!("{major}.{minor}")
                    || suffix == self.release
            }
            // Ubuntu Pro speaks of the same packages; other products of it do not.
            "Ubuntu" => {
                let parts = parts.strip_prefix(&["Pro"]).unwrap_or(&parts);
                matches!(parts, [release] | [release, "LTS"] if *release == self.release)
            }
            "Red Hat" => {
                matches!(parts.as_slice(), ["enterprise_linux", version, ..] if version.split('.').next() == Some(major))
            }
            "SUSE" => suffix.split(' ').any(|word| word == major) && suffix.contains(&format!("SP{minor}")),
            "openSUSE" => suffix.split(' ').any(|word| word.eq_ignore_ascii_case(&self.release)),
            "openEuler" => suffix.to_ascii_lowercase() == self.release || suffix.starts_with(&self.release),
            // Point releases have no advisories of their own.
            _ => suffix == major || suffix == self.release,
        })
    }

    /// The ecosystem as a record would name it.
    pub fn describe(&self) -> String {
        if self.release.is_empty() { self.name.to_owned() } else { format!("{}:{}", self.name, self.release) }
    }

    /// Whether one of these ecosystems, of records, is this one or may be.
    pub fn is_among(&self, ecosystems: &BTreeSet<String>) -> bool {
        ecosystems.iter().any(|one| self.is(one) != Some(false))
    }

    /// The names under which records may speak of a component, each with the version that they mean: of a system's package
    /// those of its source, and where that may be called otherwise its own. Of two versions that an SBOM states each counts.
    fn names(&self, component: &ShippedComponent) -> Vec<(String, String)> {
        let mut names = self.names_of(component, &component.version);
        if let Some(stated) = &component.stated_version {
            names.extend(self.names_of(component, stated));
        }
        names
    }

    fn names_of(&self, component: &ShippedComponent, version: &str) -> Vec<(String, String)> {
        let version = version.to_owned();
        let Some(purl) = &component.purl else { return Vec::new() };
        let name = |name: &str| canonical_name(self.kind, name);
        let own = match self.kind {
            "swift" | "githubactions" => purl.full_name().to_ascii_lowercase(),
            _ if matches!(self.kind, "deb" | "apk" | "rpm") => name(&purl.name),
            "vscode-extension" => format!("{}.{}", purl.namespace, purl.name),
            _ => name(&purl.full_name()),
        };
        let source = component.source.as_ref().map(|(source, of_source)| {
            (name(source), if of_source.is_empty() { version.clone() } else { of_source.clone() })
        });
        match source {
            // Advisories of these name sources alone.
            Some(source) if self.kind != "rpm" => vec![source],
            Some(source) if source.0 != own => vec![(own, version), source],
            _ => vec![(own, version)],
        }
    }
}

/// A package as a record names it.
enum NamedPackage {
    /// Of this ecosystem, as it is written or as its package URL tells it.
    Of(String, OsvPackageKey),
    /// Of an ecosystem of OSV that no component has.
    Other,
    /// Of an ecosystem that nobody knows, by this name.
    Unknown(String, String),
}

impl NamedPackage {
    fn read(package: &Value) -> Self {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        let (ecosystem, name) = (text("ecosystem"), text("name"));
        if ecosystem.is_empty() || name.is_empty() {
            let purl = text("purl");
            let named = ShippedComponent { purl: Purl::parse(purl), ..ShippedComponent::default() };
            let known = OsvEcosystem::of_component(&named).and_then(|ecosystem| {
                let (name, _) = ecosystem.names(&named).into_iter().next()?;
                Some(Self::Of(ecosystem.describe(), (ecosystem.kind, name)))
            });
            let shown = if name.is_empty() { purl } else { name };
            return known.unwrap_or_else(|| Self::Unknown(ecosystem.to_owned(), shown.to_owned()));
        }
        let base = ecosystem.split(':').next().unwrap_or(ecosystem).trim();
        let is = |known: &str| known.eq_ignore_ascii_case(base);
        let Some((_, kind)) = ECOSYSTEMS.iter().find(|(known, _)| is(known)) else {
            let other = OTHER_ECOSYSTEMS.iter().any(|known| is(known));
            return if other { Self::Other } else { Self::Unknown(base.to_owned(), name.to_owned()) };
        };
        let name = match *kind {
            "swift" => {
                let name = name.split_once("://").map_or(name, |(_, rest)| rest);
                name.strip_suffix(".git").unwrap_or(name).to_ascii_lowercase()
            }
            "githubactions" => name.to_ascii_lowercase(),
            kind => canonical_name(kind, name),
        };
        Self::Of(ecosystem.to_owned(), (kind, name))
    }

    /// Whether it is, or may be, the package of a component.
    fn may_be(&self, (kind, name): &OsvPackageKey) -> bool {
        match self {
            Self::Of(_, key) => (key.0, &key.1) == (*kind, name),
            Self::Other => false,
            Self::Unknown(_, called) => canonical_name(kind, called) == *name,
        }
    }
}

/// Records of an OSV database about the packages that somebody asks for.
#[derive(Debug)]
pub struct OsvDatabase {
    wanted: BTreeSet<OsvPackageKey>,
    records: Vec<Value>,
    by_package: BTreeMap<OsvPackageKey, Vec<usize>>,
    /// Ecosystems of which it has a record, as it names them.
    ecosystems: BTreeSet<String>,
    /// Ecosystems that nobody knows, each with the number of its records.
    unknown: BTreeMap<String, u64>,
    now: Timestamp,
    /// How many records it has.
    pub all: u64,
    /// How many of them were taken back.
    pub withdrawn: u64,
    /// The latest time at which one was changed, as it is written.
    pub newest: String,
}

/// A record that speaks of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeakingRecord {
    /// Its id.
    pub id: String,
    /// The package as it calls it.
    pub package: String,
    /// The version that it speaks of: of a system's package that of its source, where that is named.
    pub version: String,
    /// The record, of whose `affected` nothing is left but what is about the component.
    pub record: Value,
    /// Why nobody knows whether the component is affected; `None` where it is.
    pub unclear: Option<String>,
}

impl OsvDatabase {
    /// An empty database that will keep what is about these components and holds at a time.
    pub fn about<'c>(components: impl Iterator<Item = &'c ShippedComponent>, now: Timestamp) -> Self {
        let mut wanted = BTreeSet::new();
        for component in components {
            if let Some(ecosystem) = OsvEcosystem::of_component(component) {
                let names = ecosystem.names(component).into_iter();
                wanted.extend(names.map(|(name, _)| (ecosystem.kind, name)));
            }
        }
        Self {
            wanted,
            records: Vec::new(),
            by_package: BTreeMap::new(),
            ecosystems: BTreeSet::new(),
            unknown: BTreeMap::new(),
            now,
            all: 0,
            withdrawn: 0,
            newest: String::new(),
        }
    }

    /// Takes a record, and keeps it if it is about one of the packages.
    pub fn add(&mut self, mut record: Value) {
        self.all += 1;
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("modified") > self.newest.as_str() {
            text("modified").clone_into(&mut self.newest);
        }
        // Only a time that has come takes a record back.
        let withdrawn =
            text("withdrawn").parse::<Timestamp>().is_ok_and(|time| time.as_second() > 0 && time <= self.now);
        let affected =
            record.get("affected").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let (mut keys, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for one in affected {
            let Some(package) = one.get("package") else {
                // What is said of commits needs no package.
                let mut ranges = one.get("ranges").and_then(Value::as_array).into_iter().flatten();
                if !ranges.any(|range| range.get("type").and_then(Value::as_str) == Some("GIT")) {
                    unknown.insert(String::new());
                }
                continue;
            };
            match NamedPackage::read(package) {
                NamedPackage::Of(ecosystem, key) => {
                    self.ecosystems.insert(ecosystem);
                    keys.extend(self.wanted.get(&key).cloned());
                }
                NamedPackage::Other => {}
                named @ NamedPackage::Unknown(..) => {
                    keys.extend(self.wanted.iter().filter(|key| named.may_be(key)).cloned());
                    if let NamedPackage::Unknown(ecosystem, _) = named {
                        unknown.insert(ecosystem);
                    }
                }
            }
        }
        if withdrawn {
            self.withdrawn += 1;
            return;
        }
        for ecosystem in unknown {
            *self.unknown.entry(ecosystem).or_default() += 1;
        }
        // One that does not hold yet must not be read as one that does.
        if let Some(object) = record.as_object_mut() {
            object.remove("withdrawn");
        }
        if !keys.is_empty() {
            let at = self.records.len();
            for key in keys {
                self.by_package.entry(key).or_default().push(at);
            }
            self.records.push(record);
        }
    }

    /// Ecosystems that nobody knows, each with the number of its records.
    pub fn unknown_ecosystems(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// Ecosystems of which it has a record.
    pub fn ecosystems(&self) -> &BTreeSet<String> {
        &self.ecosystems
    }

    /// The records that say that a component is affected, and those of which nobody knows.
    pub fn speaking_of(&self, component: &ShippedComponent, ecosystem: &OsvEcosystem) -> Vec<SpeakingRecord> {
        let mut speaking: BTreeMap<usize, SpeakingRecord> = BTreeMap::new();
        for (name, version) in ecosystem.names(component) {
            let key = (ecosystem.kind, name);
            for &at in self.by_package.get(&key).map(Vec::as_slice).unwrap_or_default() {
                let Some(record) = self.records.get(at) else { continue };
                let list = record.get("affected").and_then(Value::as_array).into_iter().flatten();
                let (mut kept, mut unclear) = (Vec::new(), None);
                for one in list {
                    let Some(named) = one.get("package").map(NamedPackage::read) else { continue };
                    if !named.may_be(&key) {
                        continue;
                    }
                    match judge(ecosystem, &version, one, &named) {
                        AffectedAnswer::No => {}
                        AffectedAnswer::Yes => kept.push((true, one.clone())),
                        AffectedAnswer::Unclear(why) => {
                            kept.push((false, one.clone()));
                            unclear.get_or_insert(why);
                        }
                    }
                }
                let surely = kept.iter().any(|(yes, _)| *yes);
                let kept: Vec<Value> =
                    kept.into_iter().filter(|(yes, _)| *yes || !surely).map(|(_, one)| one).collect();
                let known = speaking.get(&at).is_some_and(|known| known.unclear.is_none() || !surely);
                if kept.is_empty() || known {
                    continue;
                }
                let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                let named = kept.first().and_then(|one| one.pointer("/package/name")?.as_str());
                let package = named.unwrap_or(&key.1).to_owned();
                let mut record = record.clone();
                if let Some(object) = record.as_object_mut() {
                    object.insert("affected".to_owned(), Value::Array(kept));
                }
                let unclear = unclear.filter(|_| !surely);
                speaking
                    .insert(at, SpeakingRecord { id, package, version: version.clone(), record, unclear });
            }
        }
        speaking.into_values().collect()
    }
}

/// Whether a version is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AffectedAnswer {
    Yes,
    No,
    Unclear(String),
}

/// Whether an entry of `affected` holds for a version in an ecosystem.
fn judge(
    ecosystem: &OsvEcosystem,
    version: &str,
    affected: &Value,
    package: &NamedPackage,
) -> AffectedAnswer {
    let named = match package {
        NamedPackage::Of(named, _) => named,
        NamedPackage::Other => return AffectedAnswer::No,
        NamedPackage::Unknown(named, _) if named.is_empty() => {
            return AffectedAnswer::Unclear("it names no ecosystem".to_owned());
        }
        NamedPackage::Unknown(named, _) => {
            return AffectedAnswer::Unclear(format!("no ecosystem of OSV is `{named}`, which it names"));
        }
    };
    let of_release = match ecosystem.is(named) {
        Some(false) => return AffectedAnswer::No,
        Some(true) => None,
        None => Some(format!("the SBOM does not say of which release of {} it is", ecosystem.name)),
    };
    if version.is_empty() {
        return AffectedAnswer::Unclear("the SBOM states no version".to_owned());
    }
    match (by_version(ecosystem.kind, version, affected), of_release) {
        (AffectedAnswer::Yes, Some(why)) => AffectedAnswer::Unclear(why),
        (answer, _) => answer,
    }
}

fn by_version(kind: &str, version: &str, affected: &Value) -> AffectedAnswer {
    let order = VersionOrder::of_ecosystem(kind);
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let versions = list(affected, "versions");
    let no_list = |value: &Value, key: &str| {
        value.get(key).is_some_and(|stated| !stated.is_array() && !stated.is_null())
    };
    let same = |one: &Value| {
        one.as_str().is_some_and(|one| {
            one == version
                || order
                    .is_some_and(|order| order.compare(one, version).is_some_and(std::cmp::Ordering::is_eq))
        })
    };
    if versions.iter().any(same) {
        return AffectedAnswer::Yes;
    }
    let mut unclear = None;
    if no_list(affected, "versions") || versions.iter().any(|one| !one.is_string()) {
        unclear = Some("its `versions` are no list of texts".to_owned());
    } else if no_list(affected, "ranges") {
        unclear = Some("its `ranges` are no list".to_owned());
    }
    let (mut ranges, mut commits) = (0, false);
    for range in list(affected, "ranges") {
        match range.get("type").and_then(Value::as_str) {
            Some("GIT") => commits = true,
            Some("SEMVER" | "ECOSYSTEM") => {
                ranges += 1;
                match in_range(order, version, &list(&range, "events")) {
                    AffectedAnswer::Yes => return AffectedAnswer::Yes,
                    AffectedAnswer::No => {}
                    AffectedAnswer::Unclear(why) => {
                        unclear.get_or_insert(why);
                    }
                }
            }
            _ => {
                unclear.get_or_insert("a range of it is of no known type".to_owned());
            }
        }
    }
    match unclear {
        Some(why) => AffectedAnswer::Unclear(why),
        None if ranges == 0 && versions.is_empty() => AffectedAnswer::Unclear(
            if commits { "it names commits and no versions" } else { "it names no versions" }.to_owned(),
        ),
        None => AffectedAnswer::No,
    }
}

/// Kinds of events, in the order in which those of one version are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    Fixed,
    Introduced,
    LastAffected,
}

fn in_range(order: Option<VersionOrder>, version: &str, events: &[Value]) -> AffectedAnswer {
    let mut all: Vec<(EventKind, &str)> = Vec::new();
    let mut limits = Vec::new();
    for event in events {
        let of = |key: &str| event.get(key).and_then(Value::as_str);
        match (of("introduced"), of("fixed"), of("last_affected"), of("limit")) {
            (Some(version), None, None, None) => all.push((EventKind::Introduced, version)),
            (None, Some(version), None, None) => all.push((EventKind::Fixed, version)),
            (None, None, Some(version), None) => all.push((EventKind::LastAffected, version)),
            (None, None, None, Some(version)) => limits.push(version),
            _ => return AffectedAnswer::Unclear("an event of it is of no known kind".to_owned()),
        }
    }
    // The schema asks for one; without it nothing tells from where the others count.
    if !all.iter().any(|(kind, _)| *kind == EventKind::Introduced) {
        return AffectedAnswer::Unclear("a range of it does not say where it begins".to_owned());
    }
    // Versions that nothing fixes or ends need no order.
    let from_the_start =
        |(kind, version): &(EventKind, &str)| *kind == EventKind::Introduced && *version == "0";
    if limits.is_empty() && all.iter().all(from_the_start) {
        return AffectedAnswer::Yes;
    }
    let Some(order) = order else {
        return AffectedAnswer::Unclear("the order of versions of its ecosystem is not known".to_owned());
    };
    // `0` of an introduction comes before every version.
    let compare = |(kind, text): &(EventKind, &str)| {
        let start = *kind == EventKind::Introduced && *text == "0";
        if start { Some(std::cmp::Ordering::Greater) } else { order.compare(version, text) }
    };
    let unclear =
        |text: &str| AffectedAnswer::Unclear(format!("`{version}` and `{text}` cannot be compared"));
    if let Some((_, text)) = all.iter().find(|event| compare(event).is_none()) {
        return unclear(text);
    }
    if let Some(text) = limits.iter().find(|text| **text != "*" && order.compare(version, text).is_none()) {
        return unclear(text);
    }
    let before =
        |text: &&str| **text == *"*" || order.compare(version, text).is_some_and(std::cmp::Ordering::is_lt);
    if !limits.is_empty() && !limits.iter().any(before) {
        return AffectedAnswer::No;
    }
    all.sort_by(|a, b| {
        let start = |(kind, text): &(EventKind, &str)| *kind == EventKind::Introduced && *text == "0";
        let of_versions = match (start(a), start(b)) {
            (false, false) => order.compare(a.1, b.1).unwrap_or(std::cmp::Ordering::Equal),
            (a, b) => b.cmp(&a),
        };
        of_versions.then(a.0.cmp(&b.0))
    });
    let mut affected = false;
    for event in &all {
        let Some(reached) = compare(event) else { return unclear(event.1) };
        match event.0 {
            EventKind::Introduced if reached.is_ge() => affected = true,
            EventKind::Fixed if reached.is_ge() => affected = false,
            EventKind::LastAffected if reached.is_gt() => affected = false,
            EventKind::Introduced | EventKind::Fixed | EventKind::LastAffected => {}
        }
    }
    if affected { AffectedAnswer::Yes } else { AffectedAnswer::No }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn component(purl: &str) -> ShippedComponent {
        let parsed = Purl::parse(purl);
        let version = parsed.as_ref().map(|purl| purl.version.clone()).unwrap_or_default();
        ShippedComponent { version, purl: parsed, purl_text: purl.to_owned(), ..ShippedComponent::default() }
    }

    fn about(components: &[&ShippedComponent]) -> OsvDatabase {
        OsvDatabase::about(components.iter().copied(), "2026-06-01T00:00:00Z".parse().unwrap())
    }

    fn range(version: &str, events: &Value) -> AffectedAnswer {
        in_range(Some(VersionOrder::Semver), version, events.as_array().unwrap())
    }

    #[test]
    fn events_are_a_timeline_whatever_their_order() {
        let two =
            json!([{"fixed": "3.2.5"}, {"introduced": "3.0.0"}, {"introduced": "1.0.0"}, {"fixed": "1.0.2"}]);
        for (version, is) in [
            ("0.9.0", AffectedAnswer::No),
            ("1.0.0-rc.1", AffectedAnswer::No),
            ("1.0.0", AffectedAnswer::Yes),
            ("1.0.2", AffectedAnswer::No),
            ("2.9.9", AffectedAnswer::No),
            ("3.2.4", AffectedAnswer::Yes),
            ("3.2.5", AffectedAnswer::No),
        ] {
            assert_eq!(range(version, &two), is, "{version}");
        }
        let last = json!([{"introduced": "0"}, {"last_affected": "1.5.0"}, {"introduced": "2.0.0"}, {"last_affected": "2.0.0"}]);
        for (version, is) in [("1.5.0", true), ("1.5.1", false), ("2.0.0", true), ("2.0.1", false)] {
            assert_eq!(range(version, &last) == AffectedAnswer::Yes, is, "{version}");
        }
        let limit = json!([{"introduced": "0"}, {"limit": "2.0.0"}]);
        assert_eq!(range("1.9.0", &limit), AffectedAnswer::Yes);
        assert_eq!(range("2.0.0", &limit), AffectedAnswer::No);
    }

    #[test]
    fn what_cannot_be_compared_is_unclear_and_never_safe() {
        let fixed = json!([{"introduced": "0"}, {"fixed": "1.0.0"}]);
        assert!(matches!(range("main", &fixed), AffectedAnswer::Unclear(_)));
        assert!(matches!(
            range("1.0.0", &json!([{"introduced": "0"}, {"fixed": "x"}])),
            AffectedAnswer::Unclear(_)
        ));
        assert!(matches!(
            range("1.0.0", &json!([{"introduced": "0", "fixed": "2"}])),
            AffectedAnswer::Unclear(_)
        ));
        assert!(matches!(range("1.0.0", &json!([{"from": "0"}])), AffectedAnswer::Unclear(_)));
        for events in
            [json!([]), json!([{"fixed": "0.9"}]), json!([{"last_affected": "2"}]), json!([{"limit": "2"}])]
        {
            assert!(matches!(range("1.0.0", &events), AffectedAnswer::Unclear(_)), "{events}");
        }
        // Every version is affected, also one that is none.
        assert_eq!(range("main", &json!([{"introduced": "0"}])), AffectedAnswer::Yes);
        let of = |affected: &Value| by_version("npm", "1.0.0", affected);
        assert!(matches!(
            of(&json!({"ranges": [{"type": "GIT", "events": []}]})),
            AffectedAnswer::Unclear(_)
        ));
        assert!(matches!(of(&json!({})), AffectedAnswer::Unclear(_)));
        let fixed = json!([{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "0.9.0"}]}]);
        assert_eq!(of(&json!({"ranges": fixed})), AffectedAnswer::No);
        for (versions, ranges) in [
            (json!("1.0.0"), &fixed),
            (json!([1]), &fixed),
            (json!(["0.1.0"]), &json!({"type": "SEMVER"})),
            (json!(["0.1.0"]), &json!([{"type": "SEMVER"}])),
        ] {
            let affected = json!({"versions": versions, "ranges": ranges});
            assert!(matches!(of(&affected), AffectedAnswer::Unclear(_)), "{affected}");
        }
        assert_eq!(of(&json!({"versions": ["0.9.0", "1.0"]})), AffectedAnswer::Yes);
        assert_eq!(
            of(&json!({"versions": ["0.9.0"], "ranges": [{"type": "GIT", "events": []}]})),
            AffectedAnswer::No
        );
        // No order is known.
        let affected =
            json!({"versions": ["a"], "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}]}]});
        assert!(matches!(by_version("vscode-extension", "b", &affected), AffectedAnswer::Unclear(_)));
        assert_eq!(by_version("vscode-extension", "a", &affected), AffectedAnswer::Yes);
    }

    #[test]
    fn releases_of_systems_are_told_apart() {
        let is =
            |purl: &str, ecosystem: &str| OsvEcosystem::of_component(&component(purl)).unwrap().is(ecosystem);
        for (purl, ecosystem, expected) in [
            ("pkg:deb/debian/a@1?distro=debian-12.4", "Debian:12", Some(true)),
            ("pkg:deb/debian/a@1?distro=bookworm", "Debian:12", Some(true)),
            ("pkg:deb/debian/a@1?distro=debian-12.4", "Debian:11", Some(false)),
            ("pkg:deb/debian/a@1", "Debian:11", None),
            ("pkg:deb/debian/a@1", "Debian", Some(true)),
            ("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04", "Ubuntu:22.04:LTS", Some(true)),
            ("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04", "Ubuntu:Pro:22.04:LTS", Some(true)),
            ("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04", "Ubuntu:Pro:FIPS:22.04:LTS", Some(false)),
            ("pkg:apk/alpine/a@1?distro=3.18.4", "Alpine:v3.18", Some(true)),
            ("pkg:apk/alpine/a@1?distro=alpine-3.18.4", "Alpine:v3.19", Some(false)),
            ("pkg:apk/wolfi/a@1", "Wolfi", Some(true)),
            ("pkg:rpm/rocky/a@1?distro=rocky-9.3", "Rocky Linux:9", Some(true)),
            ("pkg:rpm/redhat/a@1?distro=redhat-9.2", "Red Hat:enterprise_linux:9::baseos", Some(true)),
            ("pkg:rpm/redhat/a@1?distro=redhat-9.2", "Red Hat:enterprise_linux:8::baseos", Some(false)),
            ("pkg:rpm/suse/a@1?distro=sles-15.5", "SUSE:Linux Enterprise Server 15 SP5", Some(true)),
            ("pkg:rpm/opensuse.leap/a@1?distro=opensuse.leap-15.5", "openSUSE:Leap 15.5", Some(true)),
            ("pkg:rpm/opensuse/a@1?distro=opensuse-tumbleweed-20240607", "openSUSE:Tumbleweed", Some(true)),
            ("pkg:rpm/mariner/a@1?distro=mariner-2.0", "Azure Linux:2", Some(true)),
            ("pkg:rpm/azurelinux/a@1?distro=azurelinux-3.0", "Azure Linux:3", Some(true)),
            ("pkg:npm/a@1", "NPM ", Some(true)),
            ("pkg:npm/a@1", "npm", Some(true)),
            ("pkg:npm/a@1", "PyPI", Some(false)),
            ("pkg:maven/g/a@1", "Maven:https://maven.google.com", Some(true)),
        ] {
            assert_eq!(is(purl, ecosystem), expected, "{purl} {ecosystem}");
        }
        assert_eq!(OsvEcosystem::of_component(&component("pkg:generic/a@1")), None);
        assert_eq!(OsvEcosystem::of_component(&component("pkg:rpm/amzn/a@1")), None);
    }

    #[test]
    fn a_database_keeps_what_is_asked_for() {
        let mut python = component("pkg:pypi/Py_Yaml@5.3");
        let debian = ShippedComponent {
            source: Some(("openssl".to_owned(), String::new())),
            ..component("pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12")
        };
        let mut database = about(&[&python, &debian]);
        let record = |id: &str, ecosystem: &str, name: &str, fixed: &str, withdrawn: &str| {
            json!({"id": id, "modified": "2026-05-01T00:00:00Z", "withdrawn": withdrawn,
                "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
        };
        database.add(record("A", "PyPI", "py-yaml", "5.4", ""));
        database.add(record("B", "PyPI", "py-yaml", "5.4", "2026-01-01T00:00:00Z"));
        database.add(record("C", "PyPI", "other", "5.4", ""));
        database.add(record("D", "Debian:12", "openssl", "3.0.13-1", ""));
        database.add(record("E", "Debian:12", "libssl3", "3.0.13-1", ""));
        let ids = |component: &ShippedComponent| {
            let ecosystem = OsvEcosystem::of_component(component).unwrap();
            let speaking = database.speaking_of(component, &ecosystem);
            speaking.into_iter().map(|one| (one.id, one.unclear.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(ids(&python), [("A".to_owned(), false)]);
        assert_eq!(ids(&debian), [("D".to_owned(), false)]);
        assert_eq!((database.all, database.withdrawn), (5, 1));
        assert_eq!(database.unknown_ecosystems().len(), 0);
        python.stated_version = Some("5.4".to_owned());
        assert_eq!(ids(&python), [("A".to_owned(), false)]);
        (python.version, python.stated_version) = ("5.4".to_owned(), Some("5.3".to_owned()));
        assert_eq!(ids(&python), [("A".to_owned(), false)]);
        python.stated_version = None;
        assert_eq!(ids(&python), []);
        python.version = "trunk".to_owned();
        assert_eq!(ids(&python), [("A".to_owned(), true)]);
        python.version.clear();
        assert_eq!(ids(&python), [("A".to_owned(), true)]);
    }

    #[test]
    fn packages_are_told_however_their_ecosystem_is_written() {
        let npm = component("pkg:npm/lodash@4.17.11");
        let debian = component("pkg:deb/debian/openssl@3.0.1?distro=debian-12");
        let mut database = about(&[&npm, &debian]);
        let mut add = |id: &str, package: &Value, withdrawn: &Value| {
            database.add(json!({"id": id, "modified": "2026-05-01T00:00:00Z", "withdrawn": withdrawn,
                "affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}]}]}));
        };
        add("A", &json!({"ecosystem": "NPM", "name": "lodash"}), &Value::Null);
        add("B", &json!({"ecosystem": "npm ", "name": "lodash"}), &json!("2027-01-01T00:00:00Z"));
        add("C", &json!({"purl": "pkg:npm/lodash"}), &Value::Null);
        add("D", &json!({"purl": "pkg:deb/debian/openssl?distro=debian-12"}), &Value::Null);
        add("E", &json!({"ecosystem": "node", "name": "lodash"}), &Value::Null);
        add("F", &json!({"ecosystem": "node", "name": "other"}), &Value::Null);
        add("G", &json!({"ecosystem": "OSS-Fuzz", "name": "openssl"}), &Value::Null);
        add("H", &json!({"ecosystem": "npm", "name": "lodash"}), &json!("2026-01-01T00:00:00Z"));
        let ids = |component: &ShippedComponent| {
            let ecosystem = OsvEcosystem::of_component(component).unwrap();
            let speaking = database.speaking_of(component, &ecosystem);
            speaking.into_iter().map(|one| (one.id, one.unclear.is_some())).collect::<Vec<_>>()
        };
        let is =
            |all: &[(&str, bool)]| all.iter().map(|(id, un)| ((*id).to_owned(), *un)).collect::<Vec<_>>();
        assert_eq!(ids(&npm), is(&[("A", false), ("B", false), ("C", false), ("E", true)]));
        assert_eq!(ids(&debian), is(&[("D", false)]));
        assert_eq!(database.unknown_ecosystems(), &BTreeMap::from([("node".to_owned(), 2)]));
        assert_eq!(database.withdrawn, 1);
    }
}

//! OSV-Scanner JSON (`osv-scanner --format json`), versions 1 and 2.
//!
//! Source of the shapes: `pkg/models/results.go` of the osv-scanner repository, and the OSV schema for the records.
//! Records of one problem (a CVE, its GHSA, …) form a group, and a group is a finding. Groups name their records by
//! id, so that the records of one package are kept, cut down to what a finding needs, until its groups are known.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::advisory::{Advisory, WorstSeverity, published};
use super::cvss::{StatedScore, highest, rating_of_vector, score_number};
use super::field::{first_of, suppress, text};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{CweNumbers, Loose, OptionalObject, OptionalObjects, ReportWord, Strings};
use super::{Format, Member, Opening, ReadError, Reading};
use crate::finding::{
    Attribute, Category, CvssRating, Finding, Fix, Reachability, Scope, Target, Text, is_malware_id,
};

/// OSV-Scanner JSON.
pub(super) static FORMAT: Format = Format {
    id: "osv-scanner",
    title: "OSV-Scanner JSON: vulnerabilities",
    tool: "osv-scanner",
    tried: "1, 2",
    signals: &["a list of packages without vulnerabilities of any: nothing scanned"],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Scope, Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    // An image of twistcli has packages, too.
    opening.foreign().is_none()
        && !super::twistcli::looks_like(opening)
        && opening.get("results").is_some_and(|results| {
            let told = |packages: &Member| {
                let seen = opening.whole || packages.is_empty_array() || !packages.members.is_empty();
                seen && !packages.has("name")
            };
            // Twistcli's packages have their names at once.
            let packages = results.get("packages").filter(|packages| packages.kind == Some(JsonKind::Array));
            results.lists_objects() && packages.is_some_and(told)
                || results.lists_objects()
                    && results.has_kind("source", JsonKind::Object)
                    && !results.has("check_id")
                || results.is_empty_array() && opening.has("experimental_config")
        })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let (mut results, mut listed, mut judged) = (false, 0, false);
    json.object(|json, key| match key {
        "results" => {
            results = true;
            json.array(|json, _| {
                let (packages, vulnerable) = result(json, reading)?;
                listed += packages;
                judged |= vulnerable;
                Ok(())
            })
        }
        "image_metadata" if json.kind()? == JsonKind::Object => {
            reading.target(Target::Image);
            json.skip()
        }
        // Numbers of packages by licence.
        "license_summary" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if listed > 0 && !judged {
        reading.nothing_scanned(
            "it lists packages and says of none whether it is vulnerable: the list of a lock file, or --only-packages; scan without --all-packages",
        );
    }
    if results { Ok(()) } else { Err(json.shape("an OSV-Scanner report has the key `results`")) }
}

/// A file that lists packages, and the packages of it that are vulnerable. Gives the number of packages, and whether
/// anything is said of one.
fn result(json: &mut Json, reading: &mut Reading<'_>) -> Result<(u64, bool), ReadError> {
    let place = format!("{}.source.path", json.path_text());
    let mut path = reading.known(&place).unwrap_or_default().to_owned();
    let (mut listed, mut found) = (false, false);
    let (mut packages, mut judged) = (0, false);
    json.object(|json, key| match key {
        "source" if json.kind()? == JsonKind::Object => json.object(|json, key| {
            if key != "path" {
                return json.skip();
            }
            path = text(json)?;
            if found {
                reading.late(place.clone(), &path);
            }
            Ok(())
        }),
        "packages" => {
            listed = true;
            if json.kind()? == JsonKind::Null {
                return json.skip();
            }
            json.array(|json, _| {
                let package = package(json, reading)?;
                packages += 1;
                judged |= package.judged;
                for finding in package.findings(&path, (reading.roots(), reading.now())) {
                    found = true;
                    reading.finding(finding);
                }
                Ok(())
            })
        }
        // What was said of packages by VEX; vulnerabilities that it took away are gone already.
        "experimental_pes" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if listed { Ok((packages, judged)) } else { Err(json.shape("a result has the key `packages`")) }
}

/// A package with what is known of it, until its last line is read.
#[derive(Default)]
struct OsvPackage {
    name: String,
    version: String,
    ecosystem: String,
    scope: Option<Scope>,
    /// Something is said of it: vulnerabilities, their groups, or licences.
    judged: bool,
    records: Vec<OsvRecord>,
    groups: Vec<OsvGroup>,
}

/// An OSV record, cut down.
struct OsvRecord {
    id: String,
    aliases: Vec<String>,
    title: Text,
    severity: WorstSeverity,
    /// The worst of its CVSS vectors.
    scored: WorstSeverity,
    cvss: Option<CvssRating>,
    word: Option<Text>,
    cwes: Vec<u32>,
    published: String,
    modified: String,
    /// When its authors take it back, in seconds since 1970 UTC.
    withdrawn: Option<i64>,
    /// Name and ecosystem of a package, and the versions in which it is fixed.
    fixes: Vec<Fixes>,
}

struct Fixes {
    name: String,
    fix: Fix,
    versions: Vec<Text>,
}

struct OsvGroup {
    ids: Vec<String>,
    aliases: Vec<String>,
    /// Its highest CVSS score, where it says one above 0.
    score: Option<f64>,
    reachable: Reachability,
    /// The tool takes it for unimportant.
    unimportant: bool,
}

fn package(json: &mut Json, reading: &mut Reading<'_>) -> Result<OsvPackage, ReadError> {
    let mut package = OsvPackage::default();
    let mut named = false;
    json.object(|json, key| {
        match key {
            "package" => {
                named = true;
                json.item::<OsvPackageName<'static>, _>(|named| {
                    let name = [&named.name, &named.os_package_name, &named.commit];
                    let name = name.into_iter().map(ReportWord::as_str).find(|name| !name.is_empty());
                    name.unwrap_or_default().clone_into(&mut package.name);
                    named.version.as_str().clone_into(&mut package.version);
                    named.ecosystem.as_str().clone_into(&mut package.ecosystem);
                })?;
            }
            "dependency_groups" => {
                package.scope = json.with_value::<Strings<'static>, _>(|groups| scope(&groups))?;
            }
            "vulnerabilities" | "groups" if json.kind()? == JsonKind::Null => json.skip()?,
            "vulnerabilities" => json.array(|json, _| {
                package.judged = true;
                package.records.push(json.item::<Osv<'static>, _>(|osv| osv.record())?);
                Ok(())
            })?,
            "groups" => json.array(|json, _| {
                package.judged = true;
                let group = json.item::<OsvGroups<'static>, _>(|group| group.group())?;
                if group.ids.is_empty() && group.aliases.is_empty() {
                    return Err(json.shape("a group has neither `ids` nor `aliases`"));
                }
                package.groups.push(group);
                Ok(())
            })?,
            // Of packages that were looked at, too.
            "licenses" | "license_violations" => {
                package.judged = true;
                json.skip()?;
            }
            _ => unknown(json, reading)?,
        }
        Ok(())
    })?;
    if named { Ok(package) } else { Err(json.shape("a package has the key `package`")) }
}

/// Content of the groups of a lock file, where their words are those of development (osv-scanner's
/// `internal/utility/depgroup`). A package in a group of another name is needed in production.
fn scope(groups: &Strings<'_>) -> Option<Scope> {
    let development = |group: &str| matches!(group, "dev" | "build-requires" | "test");
    match groups.0.as_slice() {
        [] => None,
        all if all.iter().all(|group| development(group)) => Some(Scope::Development),
        _ => Some(Scope::Production),
    }
}

impl OsvPackage {
    /// Puts a record into the group of those that share an id with it.
    fn join(&mut self, record: &OsvRecord, unimportant: bool) {
        let score = record.cvss.as_ref().map(|cvss| cvss.score);
        let mut joined = OsvGroup {
            ids: vec![record.id.clone()],
            aliases: record.aliases.clone(),
            score: score.filter(|score| *score > 0.0),
            reachable: Reachability::Unknown,
            unimportant,
        };
        let known = |group: &OsvGroup, id: &String| group.ids.contains(id) || group.aliases.contains(id);
        let (same, others): (Vec<OsvGroup>, Vec<OsvGroup>) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(|group| joined.ids.iter().chain(&joined.aliases).any(|id| known(group, id)));
        self.groups = others;
        for group in same {
            joined.ids.extend(group.ids);
            joined.aliases.extend(group.aliases);
            joined.score = joined.score.into_iter().chain(group.score).reduce(f64::max);
            joined.unimportant &= group.unimportant;
        }
        joined.ids.sort();
        joined.aliases.sort();
        joined.aliases.dedup();
        self.groups.push(joined);
    }

    fn findings(&self, path: &str, around: (&[String], i64)) -> Vec<Finding> {
        let grouped = |record: &&OsvRecord| self.groups.iter().any(|group| group.ids.contains(&record.id));
        let groups = self.groups.iter().map(|group| {
            let members: Vec<&OsvRecord> =
                self.records.iter().filter(|r| group.ids.contains(&r.id)).collect();
            self.finding(Some(group), &members, path, around)
        });
        let alone = self.records.iter().filter(|record| !grouped(record));
        groups.chain(alone.map(|record| self.finding(None, &[record], path, around))).collect()
    }

    fn finding(
        &self,
        group: Option<&OsvGroup>,
        members: &[&OsvRecord],
        path: &str,
        (roots, now): (&[String], i64),
    ) -> Finding {
        let of_group = group.into_iter().flat_map(|g| g.ids.iter().chain(&g.aliases));
        let of_members = members.iter().flat_map(|r| [&r.id].into_iter().chain(&r.aliases));
        let ids: Vec<&str> =
            of_group.chain(of_members).map(String::as_str).filter(|id| !id.is_empty()).collect();
        let (mut severity, mut scored) = (WorstSeverity::default(), WorstSeverity::default());
        for record in members {
            severity.merge(record.severity);
            scored.merge(record.scored);
        }
        if severity.is_silent() {
            severity = scored;
        } else if scored.is_odd() {
            // The word beside what cannot be read says nothing of it.
            severity.unreadable();
        }
        let mut word = members.iter().find_map(|record| record.word.clone());
        let mut cvss = highest(members.iter().filter_map(|record| record.cvss.clone()));
        if let Some(score) = group.and_then(|g| g.score) {
            severity = WorstSeverity::default();
            severity.score(score);
            if scored.is_odd() {
                severity.unreadable();
            }
            word = Some(Text::line(&score.to_string()));
            if cvss.as_ref().is_none_or(|cvss| cvss.score < score) {
                cvss = Some(CvssRating { score, ..CvssRating::default() });
            }
        }
        let (fix, fixed) = self.fix(members);
        let mut cwes = Vec::new();
        for cwe in members.iter().flat_map(|record| &record.cwes) {
            if !cwes.contains(cwe) {
                cwes.push(*cwe);
            }
        }
        let advisory = Advisory {
            tool: FORMAT.tool,
            id: ids.first().copied().unwrap_or_default(),
            ids,
            severity,
            native_severity: word,
            title: members
                .iter()
                .map(|r| r.title.as_str())
                .find(|title| !title.is_empty())
                .unwrap_or_default(),
            cwes,
            published: members
                .iter()
                .map(|r| r.published.as_str())
                .filter(|p| !p.is_empty())
                .min()
                .unwrap_or_default(),
            modified: members.iter().map(|r| r.modified.as_str()).max().unwrap_or_default(),
            name: &self.name,
            version: &self.version,
            ecosystem: &self.ecosystem,
            fixed,
            fix: Some(fix),
            path,
            scope: self.scope,
            cvss,
            reachable: group.map_or(Reachability::Unknown, |group| group.reachable),
            ..Advisory::default()
        };
        let mut finding = advisory.finding(roots);
        if group.is_some_and(|group| group.unimportant) && !finding.is_malware() {
            suppress(&mut finding, "unimportant by OSV-Scanner's analysis", &[]);
        }
        // Of a group each record must be known, and taken back by now.
        let whole = group.is_none_or(|group| group.ids.len() <= members.len());
        if whole
            && !members.is_empty()
            && members.iter().all(|record| record.withdrawn.is_some_and(|time| time <= now))
        {
            suppress(&mut finding, "the advisory is withdrawn", &[]);
        }
        finding
    }

    /// Fixed, if one record of the problem says so of this package; not fixed, if all that speak of it say so.
    fn fix(&self, members: &[&OsvRecord]) -> (Fix, Vec<Text>) {
        let about = || members.iter().flat_map(|r| &r.fixes).filter(|f| f.name == self.name);
        let mut versions: Vec<Text> = Vec::new();
        for version in about().flat_map(|f| &f.versions) {
            if !versions.contains(version) {
                versions.push(version.clone());
            }
        }
        let fix = if !versions.is_empty() {
            Fix::Available
        } else if about().next().is_some() && about().all(|f| f.fix == Fix::None) {
            Fix::None
        } else {
            Fix::Unknown
        };
        (fix, versions)
    }
}

/// The findings of a package of which these records speak; of each whether its authors take it for unimportant.
pub(super) fn findings_of<'a>(
    (name, version, ecosystem): (&str, &str, &str),
    records: impl Iterator<Item = (Osv<'a>, bool)>,
) -> Vec<Finding> {
    let mut package = OsvPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        ecosystem: ecosystem.to_owned(),
        judged: true,
        ..OsvPackage::default()
    };
    for (osv, unimportant) in records {
        let record = osv.record();
        package.join(&record, unimportant);
        package.records.push(record);
    }
    // What is withdrawn by now is none of the database.
    package.findings("", (&[], i64::MIN))
}

shapes!(OsvPackageName, Osv, OsvGroups, Strings);

#[derive(Deserialize)]
struct OsvPackageName<'a> {
    #[serde(borrow, default)]
    name: ReportWord<'a>,
    #[serde(borrow, default)]
    os_package_name: ReportWord<'a>,
    #[serde(borrow, default)]
    version: ReportWord<'a>,
    #[serde(borrow, default)]
    ecosystem: ReportWord<'a>,
    #[serde(borrow, default)]
    commit: ReportWord<'a>,
}

#[derive(Deserialize)]
struct OsvGroups<'a> {
    #[serde(borrow, default)]
    ids: Strings<'a>,
    #[serde(borrow, default)]
    aliases: Strings<'a>,
    #[serde(default)]
    max_severity: StatedScore,
    #[serde(default, alias = "experimentalAnalysis")]
    experimental_analysis: OptionalObject<BTreeMap<String, OptionalObject<OsvAnalysis>>>,
}

/// Statements of the analysis of the code about one record.
#[derive(Deserialize, Default)]
#[serde(default)]
struct OsvAnalysis {
    called: Loose<bool>,
    unimportant: Loose<bool>,
}

impl OsvGroups<'_> {
    fn group(&self) -> OsvGroup {
        let owned = |texts: &Strings<'_>| {
            texts.0.iter().filter(|id| !id.is_empty()).map(|id| id.clone().into_owned()).collect()
        };
        // One that cannot be read counts as none: what the records say holds.
        let whole = self.experimental_analysis.0.as_ref();
        let each: Vec<Option<&OsvAnalysis>> =
            whole.iter().flat_map(|all| all.values()).map(|analysis| analysis.0.as_ref()).collect();
        let called = || each.iter().map(|analysis| analysis.and_then(|a| a.called.value));
        let reachable = if called().any(|called| called == Some(true)) {
            Reachability::Yes
        } else if !each.is_empty() && called().all(|called| called == Some(false)) {
            Reachability::No
        } else {
            Reachability::Unknown
        };
        let unimportant = |analysis: Option<&OsvAnalysis>| {
            analysis.is_some_and(|analysis| analysis.unimportant.value == Some(true))
        };
        OsvGroup {
            ids: owned(&self.ids),
            aliases: owned(&self.aliases),
            // A CVSS score as text; empty where no record has a vector.
            score: self.max_severity.number().filter(|score| *score > 0.0),
            reachable,
            unimportant: !each.is_empty() && each.iter().copied().all(unimportant),
        }
    }
}

/// A record, as far as a finding needs it.
#[derive(Deserialize)]
pub(super) struct Osv<'a> {
    #[serde(borrow, default)]
    id: ReportWord<'a>,
    #[serde(borrow, default)]
    aliases: Strings<'a>,
    #[serde(borrow, default)]
    upstream: Strings<'a>,
    #[serde(borrow, default)]
    summary: ReportWord<'a>,
    #[serde(borrow, default)]
    details: ReportWord<'a>,
    #[serde(borrow, default)]
    published: ReportWord<'a>,
    #[serde(borrow, default)]
    modified: ReportWord<'a>,
    #[serde(borrow, default)]
    severity: OptionalObjects<Rated<'a>>,
    #[serde(borrow, default)]
    withdrawn: ReportWord<'a>,
    #[serde(borrow, default)]
    affected: OptionalObjects<OsvAffected<'a>>,
    #[serde(borrow, default)]
    database_specific: OptionalObject<Database<'a>>,
}

/// A severity by some scale: a vector, if that is CVSS.
#[derive(Deserialize)]
struct Rated<'a> {
    #[serde(borrow, default)]
    r#type: ReportWord<'a>,
    #[serde(borrow, default)]
    score: ReportWord<'a>,
}

impl Rated<'_> {
    fn is_cvss(&self) -> bool {
        let cvss = |text: &str| text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("CVSS"));
        cvss(self.r#type.as_str()) || cvss(self.score.as_str())
    }

    /// The rating by CVSS: of a vector, or the bare score.
    fn rating(&self) -> Option<CvssRating> {
        let text = Some(self.score.as_str()).filter(|_| self.is_cvss())?;
        let bare = || score_number(text).filter(|score| (0.0..=10.0).contains(score));
        rating_of_vector(text).or_else(|| Some(CvssRating { score: bare()?, ..CvssRating::default() }))
    }

    /// Adds a rating by CVSS to others. One that cannot be read may be any severity.
    fn add_to(&self, worst: &mut WorstSeverity) {
        match self.rating() {
            Some(rating) => worst.score(rating.score),
            None if self.is_cvss() => worst.unreadable(),
            None => {}
        }
    }

    /// Ubuntu's priority.
    fn priority(&self) -> Option<&str> {
        let word = self.score.as_str().trim();
        let negligible = word.eq_ignore_ascii_case("negligible");
        let ubuntu = self.r#type.as_str().eq_ignore_ascii_case("ubuntu");
        ubuntu.then_some(if negligible { "low" } else { word })
    }
}

#[derive(Deserialize)]
struct Database<'a> {
    #[serde(borrow, default)]
    severity: ReportWord<'a>,
    #[serde(default)]
    cwe_ids: CweNumbers,
    #[serde(default)]
    cwes: OptionalObjects<OsvCwe>,
}

/// A class of weaknesses, as the collection of malicious packages writes it.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct OsvCwe {
    cwe_id: CweNumbers,
}

#[derive(Deserialize)]
struct OsvAffected<'a> {
    #[serde(borrow, default)]
    package: OptionalObject<OsvPackageName<'a>>,
    #[serde(borrow, default)]
    ranges: OptionalObjects<OsvRange<'a>>,
    #[serde(borrow, default)]
    severity: OptionalObjects<Rated<'a>>,
}

#[derive(Deserialize)]
struct OsvRange<'a> {
    #[serde(borrow, default)]
    r#type: ReportWord<'a>,
    #[serde(borrow, default)]
    events: OptionalObjects<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    fixed: ReportWord<'a>,
    #[serde(borrow, default)]
    last_affected: ReportWord<'a>,
}

impl Database<'_> {
    fn cwes(&self) -> Vec<u32> {
        self.cwe_ids.0.iter().chain(self.cwes.iter().flat_map(|cwe| &cwe.cwe_id.0)).copied().collect()
    }
}

impl Osv<'_> {
    fn record(&self) -> OsvRecord {
        let database = self.database_specific.0.as_ref();
        let word = database.map(|d| &d.severity);
        let mut severity = WorstSeverity::default();
        severity.word(word.map_or("", ReportWord::as_str));
        let rated = || self.severity.iter().chain(self.affected.iter().flat_map(|a| a.severity.iter()));
        rated().filter_map(Rated::priority).for_each(|word| severity.word(word));
        let mut scored = WorstSeverity::default();
        rated().for_each(|rated| rated.add_to(&mut scored));
        // Other records upstream may be of several problems, of which this is one.
        let malware = self.upstream.0.iter().filter(|id| is_malware_id(id));
        OsvRecord {
            scored,
            cvss: highest(rated().filter_map(Rated::rating)),
            id: self.id.as_str().to_owned(),
            aliases: self.aliases.0.iter().chain(malware).map(|alias| alias.clone().into_owned()).collect(),
            title: Text::line(first_of(&[self.summary.as_str(), self.details.as_str()])),
            severity,
            word: word.and_then(ReportWord::native),
            cwes: database.map(Database::cwes).unwrap_or_default(),
            published: self.published.as_str().to_owned(),
            modified: self.modified.as_str().to_owned(),
            // Go's zero time and a text that is no time take nothing back.
            withdrawn: published(self.withdrawn.as_str()),
            fixes: self.affected.iter().map(OsvAffected::fixes).collect(),
        }
    }
}

impl OsvAffected<'_> {
    fn fixes(&self) -> Fixes {
        // Of a repository the fix is a commit, not a version.
        let events =
            || self.ranges.iter().filter(|r| r.r#type.as_str() != "GIT").flat_map(|r| r.events.iter());
        let versions: Vec<Text> =
            events().map(|e| e.fixed.as_str()).filter(|v| !v.is_empty()).map(Text::line).collect();
        let ends = events().any(|e| !e.last_affected.as_str().is_empty());
        let fix = match versions.as_slice() {
            [] if ends || events().next().is_none() => Fix::Unknown,
            [] => Fix::None,
            _ => Fix::Available,
        };
        let name = self.package.0.as_ref().map_or("", |package| package.name.as_str());
        Fixes { name: name.to_owned(), fix, versions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::testing::{read_as, read_sound, read_text};

    const REPORT: &str = r#"{"results":[{"source":{"path":"/srv/shop/package-lock.json","type":"lockfile"},"packages":[
      {"package":{"name":"lodash","version":"4.17.11","ecosystem":"npm"},"dependency_groups":["dev"],
       "vulnerabilities":[
        {"id":"GHSA-jf85-cpcp-j695","aliases":["CVE-2019-10744"],"summary":"Prototype pollution","published":"2019-07-10T19:45:23Z",
         "affected":[{"package":{"name":"lodash","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"4.17.12"}]}]},
                     {"package":{"name":"lodash-es","ecosystem":"npm"},"ranges":[{"type":"SEMVER","events":[{"fixed":"9"}]}]}],
         "database_specific":{"severity":"CRITICAL","cwe_ids":["CWE-1321"]}},
        {"id":"SNYK-1","database_specific":{"severity":"LOW"}},
        {"id":"OSV-2026-1","details":"First line\nsecond","database_specific":{"severity":"MODERATE"},
         "affected":[{"package":{"name":"lodash"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}],
       "groups":[{"ids":["GHSA-jf85-cpcp-j695","SNYK-1"],"aliases":["CVE-2019-10744"],"max_severity":"9.1"}]}]}],
     "experimental_config":{"licenses":{"summary":false,"allowlist":null}}}"#;

    #[test]
    fn a_withdrawn_record_is_suppressed_unless_another_of_its_group_holds() {
        let withdrawn = |which: &str| {
            let record = format!(r#""id":"{which}","#);
            let read = read_text(
                &REPORT.replace(&record, &format!(r#"{record}"withdrawn":"2026-01-01T00:00:00Z","#)),
            );
            assert!(read.error.is_none(), "{:?}", read.error);
            read.findings.iter().map(|finding| finding.suppressed).collect::<Vec<_>>()
        };
        assert_eq!(withdrawn("OSV-2026-1"), [false, true]);
        assert_eq!(withdrawn("SNYK-1"), [false, false]);
        assert_eq!(withdrawn("none"), [false, false]);
    }

    #[test]
    fn only_a_time_withdraws_a_record() {
        for (time, suppressed) in [
            ("2026-01-01T00:00:00Z", true),
            ("2999-01-01T00:00:00Z", false),
            ("0001-01-01T00:00:00Z", false),
            ("no", false),
            (" ", false),
        ] {
            let record = format!(r#""id":"OSV-2026-1","withdrawn":"{time}","#);
            let read = read_text(&REPORT.replace(r#""id":"OSV-2026-1","#, &record));
            assert_eq!(read.findings[1].suppressed, suppressed, "{time}");
        }
    }

    #[test]
    fn malware_is_told_by_upstream_ids_and_cwes_and_is_never_unimportant() {
        let group = |id: &str, more: &str| {
            let text = format!(
                r#"{{"results":[{{"source":{{"path":"a","type":"lockfile"}},"packages":[{{"package":{{"name":"b","version":"1","ecosystem":"npm"}},
                "vulnerabilities":[{{"id":"{id}"{more}}}],
                "groups":[{{"ids":["{id}"],"experimentalAnalysis":{{"{id}":{{"called":false,"unimportant":true}}}}}}]}}]}}]}}"#
            );
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            (read.findings[0].is_malware(), read.findings[0].suppressed)
        };
        assert_eq!(group("OSV-1", ""), (false, true));
        assert_eq!(group("MAL-2026-1", ""), (true, false));
        assert_eq!(group("OSV-1", r#","upstream":["MAL-2026-1"]"#), (true, false));
        assert_eq!(group("OSV-1", r#","database_specific":{"cwes":[{"cweId":"CWE-506"}]}"#), (true, false));
        assert_eq!(group("OSV-1", r#","database_specific":{"cwe_ids":[506]}"#), (true, false));
    }

    /// OSV-Scanner's own lock file, and `--only-packages`.
    #[test]
    fn a_list_of_packages_is_no_scan() {
        let package = r#"{"package":{"name":"lodash","version":"1","ecosystem":"npm"}}"#;
        let list = |source: &str, more: &str| {
            read_as("osv-scanner", &format!(r#"{{"results":[{{{source}"packages":[{package}{more}]}}]}}"#))
        };
        for source in ["", r#""source":{"path":"a","type":"lockfile"},"#] {
            assert!(list(source, "").report.nothing_scanned.is_some());
            let other = r#",{"package":{"name":"b"},"vulnerabilities":[{"id":"CVE-1"}]}"#;
            let read = list(source, other);
            assert!(read.report.nothing_scanned.is_none() && read.findings.len() == 1);
            assert!(
                list(source, r#",{"package":{"name":"b"},"licenses":["MIT"]}"#)
                    .report
                    .nothing_scanned
                    .is_none()
            );
        }
        let clean = r#"{"results":[],"experimental_config":{}}"#;
        assert!(read_text(clean).report.nothing_scanned.is_none());
    }

    #[test]
    fn a_group_is_one_finding() {
        let read = read_text(REPORT);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.format, read.findings.len()), (Some("osv-scanner"), 2));
        let group = &read.findings[0];
        let ids: Vec<&str> = group.ids.iter().map(Text::as_str).collect();
        assert_eq!(ids, ["GHSA-jf85-cpcp-j695", "SNYK-1", "CVE-2019-10744"]);
        assert_eq!((group.severity, group.fix), (Severity::Critical, Fix::Available));
        assert_eq!(group.package.as_ref().unwrap().fixed, [Text::line("4.17.12")]);
        assert_eq!(
            (group.path(), group.scope),
            (Some("srv/shop/package-lock.json"), Some(Scope::Development))
        );
        assert!(group.published.is_some());
        let alone = &read.findings[1];
        assert_eq!(
            (alone.rule_id.as_str(), alone.severity, alone.fix),
            ("OSV-2026-1", Severity::Medium, Fix::None)
        );
        assert_eq!(alone.title.as_str(), "First line");
    }

    #[test]
    fn keys_in_any_order() {
        let text = r#"{"results":[{"packages":[{"groups":[{"aliases":[],"ids":["A-1"],"max_severity":""}],
            "package":{"name":"a","version":"1"},"vulnerabilities":[{"id":"A-1","database_specific":{"severity":"HIGH"}}]}],
            "source":{"path":"go.mod","type":"lockfile"}}]}"#;
        let read = read_text(text);
        assert!(read.error.is_none(), "{:?}", read.error);
        let severities: Vec<Severity> = read.findings.iter().map(|f| f.severity).collect();
        assert_eq!((severities.as_slice(), read.findings[0].path()), (&[Severity::High][..], Some("go.mod")));
    }

    #[test]
    fn severity_of_a_group() {
        for (max, member, severity) in [
            ("\"7.5\"", "LOW", Severity::High),
            ("7.5", "LOW", Severity::High),
            ("\"7,5\"", "LOW", Severity::High),
            ("\"0.0\"", "LOW", Severity::Low),
            ("\"\"", "LOW", Severity::Low),
            ("null", "", Severity::Unknown),
            ("\"x.5\"", "LOW", Severity::Low),
            ("\"nan\"", "LOW", Severity::Low),
            ("\"nan\"", "lov", Severity::Unknown),
        ] {
            let text = format!(
                r#"{{"results":[{{"source":{{}},"packages":[{{"package":{{"name":"a"}},"groups":[{{"ids":["A"],"max_severity":{max}}}],
                "vulnerabilities":[{{"id":"A","database_specific":{{"severity":"{member}"}}}}]}}]}}]}}"#
            );
            let read = read_text(&text);
            assert_eq!(read.findings.iter().map(|f| f.severity).collect::<Vec<_>>(), [severity], "{max}");
        }
    }

    fn one(vulnerability: &str, group: &str) -> Finding {
        let text = format!(
            r#"{{"results":[{{"source":{{}},"packages":[{{"package":{{"name":"a"}},"groups":[{{"ids":["A"]{group}}}],
            "vulnerabilities":[{{"id":"A"{vulnerability}}}]}}]}}]}}"#
        );
        read_sound("osv-scanner", &text).findings.remove(0)
    }

    #[test]
    fn vectors_are_scored_where_no_word_is() {
        let low = r#"{"type":"CVSS_V3","score":"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:L"}"#;
        let critical =
            r#"{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}"#;
        let of = |vectors: &str| one(&format!(r#","severity":[{vectors}]"#), "");
        assert_eq!(of(low).severity, Severity::Low);
        assert_eq!(of(&format!("{low},{critical}")).severity, Severity::Critical);
        assert_eq!(of(r#"{"type":"CVSS_V3","score":"broken"}"#).severity, Severity::Unknown);
        assert_eq!(of(r#"{"type":"CVSS_V3","score":"9.8"}"#).severity, Severity::Critical);
        assert_eq!(of(r#"{"type":"CVSS_V3","score":"98"}"#).severity, Severity::Unknown);
        for (word, severity) in [
            ("critical", Severity::Critical),
            ("high", Severity::High),
            ("negligible", Severity::Low),
            ("odd", Severity::Unknown),
        ] {
            let rated = of(&format!(r#"{{"type":"Ubuntu","score":"{word}"}}"#));
            assert_eq!(rated.severity, severity, "{word}");
        }
        let cut = r#","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],"database_specific":{"severity":"LOW"}"#;
        assert_eq!(one(cut, "").severity, Severity::Unknown);
        let cvss = of(low).cvss.unwrap();
        assert!((cvss.score - 3.3).abs() < 0.01 && cvss.vector.is_some());
        let affected = format!(r#","affected":[{{"package":{{"name":"a"}},"severity":[{low}]}}]"#);
        assert_eq!(one(&affected, "").severity, Severity::Low);
        let both = format!(r#","severity":[{low}],"database_specific":{{"severity":"HIGH"}}"#);
        assert_eq!(one(&both, "").severity, Severity::High);
        assert_eq!(one(&both, r#","max_severity":"x""#).severity, Severity::High);
    }

    #[test]
    fn what_the_analysis_of_the_code_says() {
        let of = |analysis: &str| {
            let finding = one("", &format!(r#","experimental_analysis":{analysis}"#));
            (finding.reachable, finding.suppressed)
        };
        assert_eq!(of(r#"{"A":{"called":false,"unimportant":false}}"#), (Reachability::No, false));
        assert_eq!(of(r#"{"A":{"called":true}}"#), (Reachability::Yes, false));
        assert_eq!(of(r#"{"A":{"called":true},"B":{"called":false}}"#), (Reachability::Yes, false));
        assert_eq!(of(r#"{"A":{"called":false},"B":{}}"#), (Reachability::Unknown, false));
        assert_eq!(of(r#"{"A":{"unimportant":true}}"#), (Reachability::Unknown, true));
        assert!(!of(r#"{"A":{"unimportant":true},"B":{"unimportant":false}}"#).1);
        assert_eq!(of("{}"), (Reachability::Unknown, false));
        assert_eq!(of(r#"{"A":[true]}"#), (Reachability::Unknown, false));
        assert_eq!(of(r#""x""#), (Reachability::Unknown, false));
    }

    #[test]
    fn a_clean_report_covers_vulnerabilities() {
        let read = read_text(r#"{"results":[],"experimental_config":{}}"#);
        assert!(read.error.is_none() && read.findings.is_empty());
        assert!(read.report.categories.contains(&Category::Vulnerability));
        assert!(read_as("osv-scanner", r#"{"results":[]}"#).error.is_none());
        assert!(read_text(r#"{"results":[]}"#).error.is_some());
    }

    #[test]
    fn what_is_no_list_is_an_error_and_an_unknown_list_a_problem() {
        for text in [
            "{}",
            r#"{"results":null}"#,
            r#"{"results":[[]]}"#,
            r#"{"results":[{"source":{}}]}"#,
            r#"{"results":[{"packages":{}}]}"#,
            r#"{"results":[{"packages":[{"groups":[]}]}]}"#,
            r#"{"results":[{"packages":[{"package":{"name":"a"},"groups":[{}]}]}]}"#,
            r#"{"results":[{"packages":[{"package":{"name":"a"},"vulnerabilities":[1]}]}]}"#,
        ] {
            assert!(read_as("osv-scanner", text).error.is_some(), "{text}");
        }
        let text = r#"{"results":[{"packages":[{"package":{"name":"a"},"vulnerabilitiez":[{"id":"A"}]}]}],
            "experimental_generic_findings":[{"adv":{}}]}"#;
        assert_eq!(read_as("osv-scanner", text).report.problems_total, 2);
    }
}

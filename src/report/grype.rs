//! Grype JSON (`grype … --output json`).
//!
//! Source of the shapes: `grype/presenter/models` of the grype repository. What was scanned stands behind the
//! matches, so that a report with matches is read twice. EPSS and KEV are those of Grype's database.

use serde::Deserialize;

use super::advisory::{Advisory, WorstSeverity};
use super::conceal::told_value;
use super::cvss::{StatedScore, highest, rating};
use super::field::{suppress, text};
use super::json::{Json, JsonKind, shapes};
use super::secret::unknown;
use super::value::{Loose, OptionalObject, OptionalObjects, ReportWord, Strings, cwe_numbers};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, CvssRating, Finding, Fix, Severity, Target, Text, clean_line, is_malware_id,
};

/// Grype JSON.
pub(super) static FORMAT: Format = Format {
    id: "grype",
    title: "Grype JSON: vulnerabilities",
    tool: "grype",
    tried: "0.7.0 to 0.100.0",
    signals: &["a database that is not valid", "a distribution at the end of its life"],
    categories: &[Category::Vulnerability],
    attributes: &[Attribute::Fix, Attribute::FixSince, Attribute::Age, Attribute::Package],
    dates_database: true,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    if super::xeol::looks_like(opening) {
        return false;
    }
    let beside = ["descriptor", "distro", "source", "ignoredMatches"].iter().any(|key| opening.has(key));
    // Without a match only its descriptor tells it from Xeol.
    let name = opening.get("descriptor").and_then(|descriptor| descriptor.get("name"));
    let named = opening.whole || name.is_some_and(|name| name.text.is_some());
    let of_grype = |key: &str| {
        opening
            .get(key)
            .filter(|m| m.lists_objects())
            .is_some_and(|m| m.has("artifact") || m.has("vulnerability") || m.has("matchDetails"))
    };
    of_grype("matches")
        || of_grype("ignoredMatches")
        || beside && named && opening.get("matches").is_some_and(|m| m.kind == Some(JsonKind::Array))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    let mut source = GrypeSource { target: reading.known(TARGET).unwrap_or_default().to_owned(), found: 0 };
    let mut matches = false;
    let mut ended = None;
    json.object(|json, key| match key {
        "matches" => {
            matches = true;
            list(json, reading, &mut source, false)
        }
        "ignoredMatches" if json.kind()? == JsonKind::Null => json.skip(),
        "ignoredMatches" => list(json, reading, &mut source, true),
        "source" if json.kind()? == JsonKind::Object => scanned(json, reading, &mut source),
        "descriptor" if json.kind()? == JsonKind::Object => descriptor(json, reading),
        "alertsByPackage" if json.kind()? == JsonKind::Array => {
            json.array(|json, _| alerts(json, &mut ended))
        }
        "alertsByPackage" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if let Some(ended) = ended {
        reading.image().os_maintained = Some(false);
        let message = format!(
            "alertsByPackage: {ended} is at the end of its life, so that vulnerabilities found since may be missing"
        );
        reading.problem(ProblemKind::Scan, &message, None);
    }
    if matches { Ok(()) } else { Err(json.shape("a Grype report has the key `matches`")) }
}

/// Remarks on a package's distribution: `distro-eol` where it is no longer maintained, noted in `ended` by name.
fn alerts(json: &mut Json, ended: &mut Option<String>) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::Object {
        return json.skip();
    }
    json.object(|json, key| match key {
        "alerts" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            json.item::<PackageAlert<'static>, _>(|alert| {
                if alert.kind.as_str().trim().eq_ignore_ascii_case("distro-eol") {
                    let distro = alert.metadata.0.unwrap_or_default();
                    let name = format!("{} {}", distro.name.as_str(), distro.version.as_str());
                    let name = if name.trim().is_empty() { "the distribution" } else { name.trim() };
                    ended.get_or_insert_with(|| name.to_owned());
                }
            })
        }),
        _ => json.skip(),
    })
}

/// The place of a fact that findings need and that stands behind them.
const TARGET: &str = "source.target";

struct GrypeSource {
    target: String,
    found: u64,
}

fn list(
    json: &mut Json,
    reading: &mut Reading<'_>,
    source: &mut GrypeSource,
    suppressed: bool,
) -> Result<(), ReadError> {
    json.array(|json, _| {
        let finding =
            json.item::<GrypeMatch<'static>, _>(|m| m.finding(&source.target, reading.roots(), suppressed))?;
        let Some(finding) = finding else {
            return Err(json.shape("a match has neither `vulnerability.id` nor `artifact.name`"));
        };
        source.found += 1;
        reading.finding(finding);
        Ok(())
    })
}

fn scanned(json: &mut Json, reading: &mut Reading<'_>, source: &mut GrypeSource) -> Result<(), ReadError> {
    let mut name = String::new();
    json.object(|json, key| match key {
        "type" => {
            match text(json)?.as_str() {
                "image" => reading.target(Target::Image),
                "directory" | "file" => reading.target(Target::Filesystem),
                // An SBOM, a package URL, a CPE: neither.
                _ => {}
            }
            Ok(())
        }
        "target" if json.kind()? == JsonKind::Object => json.object(|json, key| match key {
            "userInput" => {
                name = text(json)?;
                Ok(())
            }
            "manifestDigest" => {
                reading.image_digest(&text(json)?);
                Ok(())
            }
            "repoDigests" if json.kind()? == JsonKind::Array => json.array(|json, _| {
                reading.image_digest(&text(json)?);
                Ok(())
            }),
            "config" if json.kind()? == JsonKind::String => {
                let config = text(json)?;
                super::image::packed_config(&config, reading.image());
                Ok(())
            }
            "labels" if json.kind()? == JsonKind::Object => super::image::labels(json, reading.image()),
            _ => json.skip(),
        }),
        "target" => {
            name = text(json)?;
            Ok(())
        }
        _ => json.skip(),
    })?;
    if source.found > 0 && !name.is_empty() {
        reading.late(TARGET.to_owned(), &name);
    }
    source.target = name;
    Ok(())
}

fn descriptor(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    json.object(|json, key| match key {
        "name" => {
            let name = text(json)?;
            if name.is_empty() || name.eq_ignore_ascii_case("grype") {
                return Ok(());
            }
            let name = told_value(&name);
            Err(json.shape(&format!(
                "the report is of `{name}`: Xeol's has a reader of its own (format xeol), and others that write Grype's shape are not read"
            )))
        }
        "version" => {
            reading.version(&text(json)?);
            Ok(())
        }
        "timestamp" if json.kind()? == JsonKind::String => {
            // Empty where `timestamp: false` is configured.
            let time = text(json)?;
            if !time.is_empty() {
                reading.generated(&time);
            }
            Ok(())
        }
        "timestamp" if json.kind()? != JsonKind::Null => {
            reading.generated_unreadable();
            json.skip()
        }
        "db" if json.kind()? == JsonKind::Object => {
            json.item::<DatabaseState<'static>, _>(|database| database.tell(reading))
        }
        _ => json.skip(),
    })
}

shapes!(GrypeMatch, PackageAlert, DatabaseState);

/// Statement of the report about the database that the matches come from; since version 6 of it, in `status`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct DatabaseState<'a> {
    valid: Loose<bool>,
    #[serde(borrow)]
    error: Loose<ReportWord<'a>>,
    #[serde(borrow)]
    built: Loose<ReportWord<'a>>,
    #[serde(borrow)]
    status: OptionalObject<DatabaseStatus<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DatabaseStatus<'a> {
    valid: Loose<bool>,
    #[serde(borrow)]
    error: Loose<ReportWord<'a>>,
    #[serde(borrow)]
    built: Loose<ReportWord<'a>>,
}

impl DatabaseState<'_> {
    /// A database that cannot be used finds nothing.
    fn tell(self, reading: &mut Reading<'_>) {
        let status = self.status.0.unwrap_or_default();
        if [&self.valid, &status.valid].iter().any(|valid| valid.value == Some(false)) {
            reading.problem(ProblemKind::Scan, "descriptor.db: Grype's database is not valid", None);
        }
        for built in [self.built.value, status.built.value].into_iter().flatten() {
            reading.database(built.as_str(), false);
        }
        for error in [self.error.value, status.error.value].into_iter().flatten() {
            if !error.as_str().trim().is_empty() {
                let message = format!("descriptor.db: {}", clean_line(error.as_str()));
                reading.problem(ProblemKind::Scan, &message, None);
            }
        }
    }
}

#[derive(Deserialize)]
struct PackageAlert<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: ReportWord<'a>,
    #[serde(borrow, default)]
    metadata: OptionalObject<DistributionAlert<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct DistributionAlert<'a> {
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    version: ReportWord<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GrypeMatch<'a> {
    #[serde(borrow, default)]
    vulnerability: Option<GrypeVulnerability<'a>>,
    #[serde(borrow, default)]
    related_vulnerabilities: OptionalObjects<Related<'a>>,
    #[serde(borrow, default)]
    artifact: Option<GrypeArtifact<'a>>,
    #[serde(borrow, default)]
    applied_ignore_rules: OptionalObjects<IgnoreRule<'a>>,
}

/// A rule of Grype's configuration, or what a VEX document made into one.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct IgnoreRule<'a> {
    #[serde(borrow)]
    reason: ReportWord<'a>,
    #[serde(borrow)]
    vex_status: ReportWord<'a>,
    #[serde(borrow)]
    vex_justification: ReportWord<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct GrypeVulnerability<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
    #[serde(borrow)]
    severity: ReportWord<'a>,
    #[serde(borrow)]
    aliases: Strings<'a>,
    #[serde(borrow)]
    advisories: OptionalObjects<GrypeAdvisory<'a>>,
    #[serde(borrow)]
    description: ReportWord<'a>,
    #[serde(borrow)]
    cwes: OptionalObjects<GrypeCwe<'a>>,
    #[serde(borrow)]
    cvss: OptionalObjects<Cvss<'a>>,
    epss: OptionalObjects<GrypeEpss>,
    known_exploited: OptionalObjects<Listed>,
    #[serde(borrow)]
    fix: OptionalObject<GrypeFix<'a>>,
    // Until 0.9: one version in place of `fix`.
    #[serde(borrow)]
    fixed_in_version: ReportWord<'a>,
}

#[derive(Deserialize)]
struct Related<'a> {
    #[serde(borrow, default)]
    id: ReportWord<'a>,
    #[serde(borrow, default)]
    description: ReportWord<'a>,
    #[serde(borrow, default)]
    cwes: OptionalObjects<GrypeCwe<'a>>,
    #[serde(borrow, default)]
    cvss: OptionalObjects<Cvss<'a>>,
    #[serde(default)]
    epss: OptionalObjects<GrypeEpss>,
    #[serde(default, rename = "knownExploited")]
    known_exploited: OptionalObjects<Listed>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeEpss {
    epss: StatedScore,
}

/// An entry of the catalogue of exploited vulnerabilities.
#[derive(Deserialize)]
struct Listed {}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cvss<'a> {
    #[serde(borrow)]
    version: ReportWord<'a>,
    #[serde(borrow)]
    vector: ReportWord<'a>,
    metrics: OptionalObject<Metrics>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metrics {
    base_score: StatedScore,
}

impl Cvss<'_> {
    fn rating(&self) -> Option<CvssRating> {
        let score = self.metrics.0.as_ref().map_or(StatedScore::Absent, |metrics| metrics.base_score);
        rating(score, self.version.as_str(), self.vector.as_str())
    }
}

/// An advisory of a distributor, which may be about several vulnerabilities.
#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeAdvisory<'a> {
    #[serde(borrow)]
    id: ReportWord<'a>,
}

#[derive(Deserialize)]
struct GrypeCwe<'a> {
    #[serde(borrow, default)]
    cwe: ReportWord<'a>,
}

#[derive(Deserialize)]
struct GrypeFix<'a> {
    #[serde(borrow, default)]
    versions: Strings<'a>,
    #[serde(borrow, default)]
    state: ReportWord<'a>,
    // Since 0.100: when each version came out.
    #[serde(borrow, default, rename = "available")]
    came_out: OptionalObjects<AvailableFix<'a>>,
}

#[derive(Deserialize, Default)]
struct AvailableFix<'a> {
    #[serde(borrow, default)]
    date: ReportWord<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeArtifact<'a> {
    #[serde(borrow)]
    name: ReportWord<'a>,
    #[serde(borrow)]
    version: ReportWord<'a>,
    #[serde(borrow)]
    r#type: ReportWord<'a>,
    #[serde(borrow)]
    purl: ReportWord<'a>,
    #[serde(borrow)]
    locations: OptionalObjects<GrypeLocation<'a>>,
}

#[derive(Deserialize)]
struct GrypeLocation<'a> {
    #[serde(borrow, default)]
    path: ReportWord<'a>,
}

impl GrypeMatch<'_> {
    /// `None` if it says neither what nor where.
    fn finding(self, target: &str, roots: &[String], ignored: bool) -> Option<Finding> {
        let (vulnerability, artifact) =
            (self.vulnerability.unwrap_or_default(), self.artifact.unwrap_or_default());
        let (id, name) = (vulnerability.id.as_str(), artifact.name.as_str());
        if id.is_empty() && name.is_empty() {
            return None;
        }
        let related = || self.related_vulnerabilities.iter();
        let cwes = vulnerability.cwes.iter().chain(related().flat_map(|r| r.cwes.iter()));
        let descriptions = [&vulnerability.description]
            .into_iter()
            .chain(related().map(|r| &r.description))
            .map(ReportWord::as_str);
        let fixed = vulnerability.fixed();
        let malware = vulnerability.aliases.0.iter().map(AsRef::as_ref);
        let malware = malware.chain(vulnerability.advisories.iter().map(|advisory| advisory.id.as_str()));
        let malware = malware.filter(|id| is_malware_id(id));
        let advisory = Advisory {
            tool: FORMAT.tool,
            id,
            ids: related().map(|r| r.id.as_str()).chain(malware).collect(),
            severity: WorstSeverity::only(severity(vulnerability.severity.as_str())),
            native_severity: vulnerability.severity.native(),
            title: descriptions.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default(),
            cwes: cwe_numbers(cwes.map(|c| c.cwe.as_str())),
            name,
            version: artifact.version.as_str(),
            purl: artifact.purl.as_str(),
            ecosystem: artifact.r#type.as_str(),
            fix: Some(vulnerability.fix(&fixed)),
            fixed,
            path: artifact
                .locations
                .iter()
                .map(|l| l.path.as_str())
                .find(|p| !p.is_empty())
                .unwrap_or_default(),
            target,
            exploited: vulnerability
                .known_exploited
                .iter()
                .chain(related().flat_map(|r| r.known_exploited.iter()))
                .next()
                .is_some(),
            epss: vulnerability
                .epss
                .iter()
                .chain(related().flat_map(|r| r.epss.iter()))
                .filter_map(|e| e.epss.number())
                .reduce(f64::max),
            cvss: highest(
                vulnerability
                    .cvss
                    .iter()
                    .chain(related().flat_map(|r| r.cvss.iter()))
                    .filter_map(Cvss::rating),
            ),
            ..Advisory::default()
        };
        let mut finding = advisory.finding(roots);
        finding.fix_since = vulnerability.fix_since();
        if ignored {
            let rule = self.applied_ignore_rules.iter().next();
            let status = rule.map_or("", |rule| rule.vex_status.as_str());
            let justification = rule.map_or("", |rule| rule.vex_justification.as_str());
            let by = match status {
                "" => "grype ignore rule".to_owned(),
                status => format!("VEX {status} {justification}"),
            };
            suppress(&mut finding, by.trim_end(), &[rule.map_or("", |rule| rule.reason.as_str())]);
        }
        Some(finding)
    }
}

/// The plain table; what is negligible is for information.
fn severity(word: &str) -> Severity {
    if word.trim().eq_ignore_ascii_case("negligible") { Severity::Info } else { Severity::plain(word) }
}

impl GrypeVulnerability<'_> {
    fn fixed(&self) -> Vec<Text> {
        let versions = self.fix.0.iter().flat_map(|fix| fix.versions.0.iter().map(AsRef::as_ref));
        let versions = versions.chain([self.fixed_in_version.as_str()]);
        versions.filter(|version| !version.is_empty()).map(Text::line).collect()
    }

    /// When the first version with the fix came out, if each of them has a day.
    fn fix_since(&self) -> Option<i64> {
        let day = |fix: &AvailableFix<'_>| {
            let day: jiff::civil::Date = fix.date.as_str().get(..10)?.parse().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok().map(jiff::Timestamp::as_second)
        };
        let days: Option<Vec<i64>> = self.fix.0.as_ref()?.came_out.iter().map(day).collect();
        days?.into_iter().min()
    }

    fn fix(&self, fixed: &[Text]) -> Fix {
        let state = self.fix.0.as_ref().map_or("", |fix| fix.state.as_str());
        match (fixed, state) {
            ([], "not-fixed" | "wont-fix") => Fix::None,
            // `unknown`, a word that is yet to come, or `fixed` without a version.
            ([], _) => Fix::Unknown,
            _ => Fix::Available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Generated;
    use crate::report::testing::{read_as, read_text};

    const REPORT: &str = r#"{"matches":[
      {"vulnerability":{"id":"GHSA-h5c8-rqwp-cp95","severity":"Medium","description":"Attribute injection",
        "cwes":[{"cve":"CVE-2024-22195","cwe":"CWE-79"}],"fix":{"versions":["3.1.3"],"state":"fixed",
        "available":[{"version":"3.1.3","date":"2024-01-11","kind":"first-observed"}]}},
       "relatedVulnerabilities":[{"id":"CVE-2024-22195"},{"id":"GHSA-h5c8-rqwp-cp95"}],
       "artifact":{"name":"Jinja2","version":"3.1.2","type":"python","purl":"pkg:pypi/jinja2@3.1.2",
         "locations":[{"path":"/srv/shop/requirements.txt"}]}},
      {"vulnerability":{"id":"CVE-2011-3374","severity":"Negligible","fix":{"versions":[],"state":"wont-fix"}},
       "relatedVulnerabilities":[],"artifact":{"name":"apt","version":"2.6.1","type":"deb","locations":[]}}],
     "ignoredMatches":[{"vulnerability":{"id":"CVE-2024-1","severity":"High"},"artifact":{"name":"curl"},
       "appliedIgnoreRules":[{"vulnerability":"CVE-2024-1","namespace":""}]}],
     "source":{"type":"image","target":{"userInput":"shop:1","manifestDigest":"sha256:AB",
       "repoDigests":["registry.invalid/shop@sha256:cd"],"imageID":"sha256:ef"}},
     "distro":{"name":"debian"},"descriptor":{"name":"grype","version":"0.100.0","timestamp":"2026-11-20T09:00:00Z"}}"#;

    #[test]
    fn what_its_database_knows_of_exploits_is_told() {
        let told = |from: &str, to: &str| {
            let read = read_text(&REPORT.replacen(from, to, 1));
            assert!(read.error.is_none(), "{:?}", read.error);
            (read.findings[0].kev, read.findings[0].epss)
        };
        let epss = r#""severity":"Medium","epss":[{"cve":"CVE-2024-22195","epss":0.1},{"epss":0.25}],"#;
        assert_eq!(told(r#""severity":"Medium","#, epss), (None, Some(0.25)));
        let listed =
            r#"{"id":"CVE-2024-22195","knownExploited":[{"cve":"CVE-2024-22195"}],"epss":[{"epss":2}]}"#;
        // What is no probability is none.
        assert_eq!(told(r#"{"id":"CVE-2024-22195"}"#, listed), (Some(true), None));
        assert_eq!(told("", ""), (None, None));
    }

    #[test]
    fn malware_is_told_by_aliases_and_advisories() {
        for (more, malware) in [
            (r#""aliases":["MAL-2026-1"],"#, true),
            (r#""advisories":[{"id":"MAL-2026-1","link":"x"}],"#, true),
            (r#""aliases":null,"advisories":[{"id":"RHSA-2026:1"}],"#, false),
        ] {
            let text =
                REPORT.replacen(r#""severity":"Medium","#, &format!(r#""severity":"Medium",{more}"#), 1);
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            let finding = &read.findings[0];
            assert_eq!(
                (finding.is_malware(), finding.ids.len()),
                (malware, 2 + usize::from(malware)),
                "{more}"
            );
        }
    }

    #[test]
    fn a_database_that_cannot_be_used_is_told() {
        for (db, problems) in [
            (r#"{"built":"2026-11-20T09:00:00Z","schemaVersion":5,"error":null}"#, 0),
            (r#"{"status":{"valid":true,"path":"x"},"providers":{"nvd":{}}}"#, 0),
            (r#"{"status":{"valid":false}}"#, 1),
            (r#"{"status":{"valid":true,"error":"the database is too old"}}"#, 1),
            (r#"{"error":"the database is too old"}"#, 1),
            ("null", 0),
        ] {
            let text = REPORT.replacen(r#""descriptor":{"#, &format!(r#""descriptor":{{"db":{db},"#), 1);
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!(read.report.problems_total, problems, "{db}");
        }
    }

    #[test]
    fn a_distribution_at_the_end_of_its_life_is_told() {
        let with = |alerts: &str| {
            let text = REPORT.replacen('{', &format!(r#"{{"alertsByPackage":{alerts},"#), 1);
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            (read.report.image.os_maintained, read.report.problems_total)
        };
        let alert = |kind: &str| {
            format!(
                r#"{{"package":{{"name":"libc6"}},"alerts":[{{"type":"{kind}","metadata":{{"name":"debian","version":"10"}}}}]}}"#
            )
        };
        assert_eq!(with(&format!("[{0},{0}]", alert("distro-eol"))), (Some(false), 1));
        for other in [format!("[{}]", alert("other")), "null".to_owned(), "[]".to_owned(), "[{}]".to_owned()]
        {
            assert_eq!(with(&other), (None, 0), "{other}");
        }
    }

    #[test]
    fn matches_are_findings_and_what_stands_behind_them_is_known() {
        let read = read_text(REPORT);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.format, read.findings.len(), read.active().count()), (Some("grype"), 3, 2));
        let first = &read.findings[0];
        let ids: Vec<&str> = first.ids.iter().map(Text::as_str).collect();
        assert_eq!(ids, ["GHSA-h5c8-rqwp-cp95", "CVE-2024-22195"]);
        assert_eq!(
            (first.severity, first.fix, first.cwes.as_slice()),
            (Severity::Medium, Fix::Available, &[79][..])
        );
        assert_eq!(first.path(), Some("srv/shop/requirements.txt"));
        assert_eq!(first.target.as_ref().map(Text::as_str), Some("shop:1"));
        assert_eq!((read.findings[1].severity, read.findings[1].fix), (Severity::Info, Fix::None));
        assert_eq!((first.fix_since, read.findings[1].fix_since), (Some(1_704_931_200), None));
        assert!(read.findings[2].suppressed);
        let digests: Vec<&str> = read.report.digests.iter().map(Text::as_str).collect();
        assert_eq!(digests, ["sha256:ab", "sha256:cd"]);
        assert_eq!(read.report.target, Some(Target::Image));
        assert!(matches!(read.report.generated, Generated::At(_)));
    }

    #[test]
    fn the_highest_score_counts() {
        let text = r#"{"matches":[{"vulnerability":{"id":"GHSA-1","severity":"High","cvss":[{"version":"3.1","vector":"x","metrics":{"baseScore":5.3}},7]},
            "relatedVulnerabilities":[{"id":"CVE-1","cvss":[{"version":"2.0","vector":"AV:N/AC:L/Au:N/C:N/I:N/A:C"}]}],"artifact":{"name":"a"}}],"descriptor":{}}"#;
        let read = read_text(text);
        let cvss = read.findings[0].cvss.as_ref().unwrap();
        assert!((cvss.score - 7.8).abs() < 0.01);
        assert_eq!(cvss.version.as_ref().map(Text::as_str), Some("2.0"));
    }

    #[test]
    fn a_clean_report_covers_vulnerabilities() {
        let read = read_text(
            r#"{"matches":[],"source":{"type":"directory","target":"."},"descriptor":{"timestamp":""}}"#,
        );
        assert!(read.error.is_none() && read.findings.is_empty());
        assert!(read.report.categories.contains(&Category::Vulnerability));
        assert_eq!(read.report.generated, Generated::Unknown);
    }

    #[test]
    fn what_is_no_list_of_matches_is_an_error() {
        for text in [
            "{}",
            r#"{"matches":null,"descriptor":{}}"#,
            r#"{"matches":{},"descriptor":{}}"#,
            r#"{"matches":[1],"descriptor":{}}"#,
            r#"{"matches":[{}],"descriptor":{}}"#,
            r#"{"matches":[{"vulnerability":"x","artifact":{"name":"a"}}],"descriptor":{}}"#,
            r#"{"matches":[{"vulnerability":{"id":"a","id":"b"}}],"descriptor":{}}"#,
            r#"{"source":{},"descriptor":{}}"#,
        ] {
            assert!(read_as("grype", text).error.is_some(), "{text}");
        }
    }

    #[test]
    fn odd_values_lose_no_finding() {
        let text = r#"{"matches":[{"vulnerability":{"id":"CVE-2024-1","severity":7,"fix":[],"cwes":1e400},"artifact":null,
            "relatedVulnerabilities":{}}],"matchez":[{"vulnerability":{"id":"CVE-2024-2"}}],"descriptor":{}}"#;
        let read = read_text(text);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.findings[0].severity, read.findings[0].fix), (Severity::Unknown, Fix::Unknown));
        assert_eq!(read.report.problems_total, 1);
    }

    #[test]
    fn the_configuration_of_an_image_is_read() {
        use base64ct::Encoding as _;
        let config = r#"{"created":"2026-11-20T09:10:00Z","history":[{"created":"2026-01-01T00:00:00Z"}],
            "config":{"Labels":{"org.opencontainers.image.base.name":"python:3"}}}"#;
        let config = base64ct::Base64::encode_string(config.as_bytes());
        let report = |config: &str| {
            format!(
                r#"{{"matches":[],"source":{{"type":"image","target":{{"userInput":"web","config":"{config}"}}}}}}"#
            )
        };
        let image = read_text(&report(&config)).report.image;
        assert_eq!(image.created.unwrap().to_string(), "2026-11-20T09:10:00Z");
        assert_eq!(image.oldest_layer.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(image.base_name.unwrap().as_str(), "python:3");
        // What is no configuration says nothing, half of one neither.
        for config in ["", "%%%", &base64ct::Base64::encode_string(br#"{"created":"2026-11-20T09:10:00Z","#)]
        {
            assert_eq!(read_text(&report(config)).report.image.created, None, "{config}");
        }
    }
}

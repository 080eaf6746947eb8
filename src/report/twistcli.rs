//! Prisma Cloud's `twistcli images scan --output-file FILE` (JSON): vulnerabilities and compliance of images.
//!
//! Source of the shapes: the documentation of `twistcli` in Prisma Cloud's guide and public reports of 19 to 32. Each
//! element of `results` is one image; a list that would be empty is left out, and the distributions say that it was
//! looked for. Their `total` is compared with what is listed.

use super::advisory::{Advisory, WorstSeverity, published};
use super::cvss::rating;
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, ExploitMaturity, Finding, FingerprintBuilder, Fix, Severity, Target, Text,
};

/// Prisma Cloud's twistcli.
pub(super) static FORMAT: Format = Format {
    id: "twistcli",
    title: "Prisma Cloud twistcli JSON: vulnerabilities, compliance of images",
    tool: "twistcli",
    tried: "19 to 32",
    signals: &[
        "`results` empty: nothing scanned",
        "distributions above what is listed",
        "`vulnerabilityScanPassed` or `complianceScanPassed` false with nothing listed",
        "`malware`",
    ],
    categories: &[Category::Vulnerability, Category::Misconfiguration],
    attributes: &[Attribute::Fix, Attribute::FixSince, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys of a result of which other tools have none.
const DISTRIBUTIONS: [&str; 3] =
    ["vulnerabilityDistribution", "vulnerabilitiesDistribution", "complianceDistribution"];

pub(super) fn looks_like(opening: &Opening) -> bool {
    let results = opening.get("results").filter(|results| results.lists_objects());
    results.is_some_and(|first| DISTRIBUTIONS.iter().any(|key| first.has(key)))
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Vulnerability);
    reading.target(Target::Image);
    let mut images = None;
    json.object(|json, key| match key {
        "results" => {
            images = Some(findings(json, reading, image)?);
            Ok(())
        }
        "consoleURL" => json.skip(),
        _ if json.kind()? == JsonKind::Array => unknown(json, reading),
        _ => json.skip(),
    })?;
    match images {
        None => Err(json.shape("a report of twistcli has a list `results`")),
        Some(0) => {
            reading.nothing_scanned("no image was scanned (results is empty)");
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn image(image: Tree<'_>, reading: &mut Reading<'_>) -> Result<Vec<Finding>, &'static str> {
    if !DISTRIBUTIONS.iter().any(|key| image.has(key)) {
        return Err(
            "a result of twistcli has neither `vulnerabilityDistribution` nor `complianceDistribution`",
        );
    }
    let target = match image.text("name") {
        "" => image.text("id"),
        name => name,
    };
    // `id` is the digest of the configuration; that of the manifest stands in `digest`, if anywhere.
    reading.image_digest(image.text("digest"));
    let mut found = Vec::new();
    for (list, distributions, passed) in [
        (
            "vulnerabilities",
            &["vulnerabilityDistribution", "vulnerabilitiesDistribution"][..],
            "vulnerabilityScanPassed",
        ),
        ("compliances", &["complianceDistribution"][..], "complianceScanPassed"),
    ] {
        if !image.at(list).is_null() && !image.at(list).is_list() {
            return Err("`vulnerabilities` or `compliances` of a result is no list");
        }
        let listed = image.list(list).count() as u64;
        let counted = distributions.iter().find_map(|key| image.at(key).count("total"));
        if let Some(counted) = counted.filter(|counted| *counted > listed) {
            let message = format!("{target}: {counted} {list} are counted, and {listed} listed");
            reading.problem(ProblemKind::Scan, &message, None);
        } else if listed == 0 && image.flag(passed) == Some(false) {
            let message = format!("{target}: {passed} is false, and no {list} are listed");
            reading.problem(ProblemKind::Scan, &message, None);
        }
        if list == "compliances" && distributions.iter().any(|key| image.has(key)) {
            reading.covers(Category::Misconfiguration);
        }
    }
    if image.list("malware").count() > 0 || image.members("malware").count() > 0 {
        reading.problem(
            ProblemKind::Scan,
            &format!("{target}: `malware` is listed, which is not read"),
            None,
        );
    }
    found.extend(image.list("vulnerabilities").map(|entry| vulnerability(entry, target, reading.roots())));
    found.extend(image.list("compliances").map(|entry| compliance(entry, target)));
    Ok(found)
}

/// The words of the distributions beside the plain ones.
fn severity(word: &str) -> Severity {
    match word.trim().to_ascii_lowercase().as_str() {
        "important" => Severity::High,
        "negligible" | "unimportant" => Severity::Info,
        _ => Severity::plain(word),
    }
}

fn vulnerability(entry: Tree<'_>, target: &str, roots: &[String]) -> Finding {
    let status = entry.text("status").trim();
    let (fix, fixed) = match status.strip_prefix("fixed in ") {
        Some(versions) => (Fix::Available, versions.split(',').map(Text::line).collect()),
        None if matches!(status, "affected" | "open" | "needed" | "will not fix" | "deferred") => {
            (Fix::None, Vec::new())
        }
        None => (Fix::Unknown, Vec::new()),
    };
    let fix_is_known = fix == Fix::Available;
    let advisory = Advisory {
        tool: FORMAT.tool,
        id: entry.text("id"),
        severity: WorstSeverity::only(severity(entry.text("severity"))),
        native_severity: entry.native("severity"),
        title: entry.text("description"),
        published: entry.text("publishedDate"),
        exploit: exploit(entry),
        name: entry.text("packageName"),
        version: entry.text("packageVersion"),
        ecosystem: entry.text("packageType"),
        fix: Some(fix),
        fixed,
        path: entry.text("packagePath"),
        target,
        cvss: rating(entry.score("cvss"), "", entry.text("vector")),
        ..Advisory::default()
    };
    let mut finding = advisory.finding(roots);
    finding.fix_since = published(entry.text("fixDate")).filter(|_| fix_is_known);
    finding
}

/// By the risk factors, which are a list, or an object with them as keys.
fn exploit(entry: Tree<'_>) -> Option<ExploitMaturity> {
    let listed = entry.texts("riskFactors").into_iter();
    let factors = listed.chain(entry.members("riskFactors").map(|(key, _)| key));
    let exploits = factors.map(str::to_ascii_lowercase).filter(|factor| factor.starts_with("exploit"));
    exploits
        .map(|factor| {
            let attacks = factor.contains("in the wild");
            if attacks { ExploitMaturity::High } else { ExploitMaturity::ProofOfConcept }
        })
        .max()
}

fn compliance(entry: Tree<'_>, target: &str) -> Finding {
    let (id, title) = (entry.scalar("id"), entry.text("title"));
    let rule = if id.is_empty() { title } else { &id };
    let mut finding =
        Finding::new(Category::Misconfiguration, FORMAT.tool, rule, severity(entry.text("severity")));
    finding.native_severity = entry.native("severity");
    finding.title = Text::line(if title.is_empty() { rule } else { title });
    finding.target = Some(Text::line(target)).filter(|target| !target.is_empty());
    finding.identify(FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(rule));
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    fn report(lists: &str, total: u64) -> String {
        format!(
            r#"{{"results":[{{"id":"sha256:a","name":"shop/web:1.4","distro":"Debian 12"{lists},"vulnerabilityDistribution":{{"critical":0,"total":{total}}},"complianceDistribution":{{"total":0}}}}],"consoleURL":"x"}}"#
        )
    }

    const LISTS: &str = r#","vulnerabilities":[{"id":"CVE-2013-7459","cvss":9.8,"vector":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","severity":"critical","packageName":"pycrypto","packageVersion":"2.6.1","status":"fixed in 2.6.2, 2.7","publishedDate":"2017-02-15T15:59:00Z","fixDate":"2017-02-16T00:00:00Z","riskFactors":["Exploit exists - POC","Has fix"]},
        {"id":"CVE-1","severity":"unimportant","packageName":"bash","status":"open","fixDate":"2017-02-16T00:00:00Z","riskFactors":{"Exploit in the wild":{},"DoS":{}}}],"compliances":[{"id":41,"title":"Image should be created with a non-root user","severity":"high"}]"#;

    #[test]
    fn vulnerabilities_and_compliance() {
        let read = read_sound("twistcli", &report(LISTS, 2));
        let told: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity, f.fix)).collect();
        assert_eq!(
            told,
            [
                (Category::Vulnerability, Severity::Critical, Fix::Available),
                (Category::Vulnerability, Severity::Info, Fix::None),
                (Category::Misconfiguration, Severity::High, Fix::Unknown)
            ]
        );
        assert_eq!((read.report.problems_total, read.findings[0].cvss.is_some()), (0, true));
        assert_eq!(read.findings[2].rule_id.as_str(), "41");
        let told: Vec<_> = read.findings.iter().map(|f| (f.exploit, f.fix_since)).collect();
        let first = (Some(ExploitMaturity::ProofOfConcept), Some(1_487_203_200));
        assert_eq!(told, [first, (Some(ExploitMaturity::High), None), (None, None)]);
    }

    #[test]
    fn clean_counted_and_odd() {
        assert_eq!(read_sound("twistcli", &report("", 0)).report.problems_total, 0);
        assert_eq!(read_sound("twistcli", &report("", 7)).report.problems_total, 1);
        for more in [
            r#","vulnerabilityScanPassed":false"#,
            r#","complianceScanPassed":false"#,
            r#","malware":[{"path":"/bin/x"}]"#,
        ] {
            assert_eq!(read_sound("twistcli", &report(more, 0)).report.problems_total, 1, "{more}");
        }
        for more in [r#","vulnerabilityScanPassed":true"#, r#","malware":[]"#, r#","malware":null"#] {
            assert_eq!(read_sound("twistcli", &report(more, 0)).report.problems_total, 0, "{more}");
        }
        let listed = format!(r#"{LISTS},"vulnerabilityScanPassed":false,"complianceScanPassed":false"#);
        assert_eq!(read_sound("twistcli", &report(&listed, 2)).report.problems_total, 0);
        assert!(read_as("twistcli", r#"{"results":[]}"#).report.nothing_scanned.is_some());
        for text in
            ["{}", "[]", r#"{"results":null}"#, r#"{"results":[{}]}"#, &report(r#","vulnerabilities":{}"#, 0)]
        {
            assert!(read_as("twistcli", text).error.is_some(), "{text}");
        }
    }
}

//! AWS Security Hub's finding format (ASFF), as `aws securityhub get-findings` and the scanners that send it write it.
//!
//! Source of the shapes: the AWS documentation of the format (`AwsSecurityFinding`, schema 2018-10-08). One finding of
//! Security Hub is one finding. A control that passed (`Compliance.Status`) is none; one that is archived, resolved or
//! suppressed is switched off.

use super::advisory::{Advisory, WorstSeverity};
use super::cvss::{highest, rating};
use super::field::{first_of, suppress};
use super::json::{Json, JsonKind};
use super::secret::unknown;
use super::tree::{Tree, findings};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, ExploitMaturity, Finding, FingerprintBuilder, Fix, Severity, Text,
};

/// ASFF.
pub(super) static FORMAT: Format = Format {
    id: "asff",
    title: "AWS Security Hub findings (ASFF): vulnerabilities, misconfigurations",
    tool: "asff",
    signals: &["`NextToken`: one page of more"],
    categories: &[Category::Vulnerability, Category::Misconfiguration],
    attributes: &[Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// A finding of Security Hub.
pub(super) fn is_asff(member: &Member) -> bool {
    member.has("AwsAccountId") || member.has("ProductArn")
}

fn looks_like(opening: &Opening) -> bool {
    let listed = ["Findings", "findings"]
        .iter()
        .any(|key| opening.get(key).is_some_and(|list| list.lists_objects() && is_asff(list)));
    listed
        || is_asff(&opening.top)
        || opening.get("Findings").is_some_and(Member::is_empty_array) && opening.top.members.len() <= 2
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.kind()? == JsonKind::Array {
        return findings(json, reading, finding).map(|_| ());
    }
    let (mut listed, mut more, mut single) = (false, false, serde_json::Map::new());
    json.object(|json, key| match key {
        "Findings" | "findings" => {
            listed = true;
            findings(json, reading, finding).map(|_| ())
        }
        "NextToken" => {
            more = json.kind()? != JsonKind::Null;
            json.skip()
        }
        _ if listed => unknown(json, reading),
        _ => {
            single.insert(key.to_owned(), super::document::value(json)?);
            Ok(())
        }
    })?;
    if more {
        reading.problem(ProblemKind::Scan, "the answer is one page of more (NextToken)", None);
    }
    if !listed {
        let single = serde_json::Value::Object(single);
        let found = finding(Tree::of(&single), reading).map_err(|message| json.shape(message))?;
        for finding in found {
            reading.finding(finding);
        }
    } else if reading.report.scanned.is_empty() {
        reading.covers(Category::Vulnerability);
        reading.covers(Category::Misconfiguration);
    }
    Ok(())
}

fn severity(entry: Tree<'_>) -> (Severity, Option<Text>) {
    let label = first_of(&[entry.text("Severity.Label"), entry.text("FindingProviderFields.Severity.Label")]);
    if label.eq_ignore_ascii_case("INFORMATIONAL") {
        return (Severity::Info, Some(Text::line(label)));
    }
    if !label.is_empty() {
        return (Severity::plain(label), Some(Text::line(label)));
    }
    // From 0 to 100, before there was a label.
    let severity = match entry.score("Severity.Normalized").number() {
        Some(n) if !(0.0..=100.0).contains(&n) => Severity::Unknown,
        Some(n) if n >= 90.0 => Severity::Critical,
        Some(n) if n >= 70.0 => Severity::High,
        Some(n) if n >= 40.0 => Severity::Medium,
        Some(n) if n >= 1.0 => Severity::Low,
        Some(_) => Severity::Info,
        None => Severity::Unknown,
    };
    (severity, None)
}

fn finding(entry: Tree<'_>, reading: &mut Reading<'_>) -> Result<Vec<Finding>, &'static str> {
    let (title, generator) = (entry.text("Title"), entry.text("GeneratorId"));
    if title.is_empty() && generator.is_empty() && entry.text("Id").is_empty() {
        return Err("no finding of Security Hub: it has neither `Title`, `GeneratorId` nor `Id`");
    }
    let vulnerable = entry.list("Vulnerabilities").next().is_some()
        || entry.texts("Types").iter().any(|kind| kind.contains("/Vulnerabilities"));
    reading.covers(if vulnerable { Category::Vulnerability } else { Category::Misconfiguration });
    if entry.text("Compliance.Status").eq_ignore_ascii_case("PASSED") {
        return Ok(Vec::new());
    }
    let resource = entry.list("Resources").next().map_or("", |resource| resource.text("Id"));
    let mut found = if vulnerable {
        vulnerability(entry, resource, reading.roots())
    } else {
        misconfiguration(entry, resource)
    };
    let workflow = entry.text("Workflow.Status");
    let state = first_of(&[workflow, entry.text("WorkflowState")]).to_ascii_uppercase();
    if entry.text("RecordState").eq_ignore_ascii_case("ARCHIVED") {
        suppress(&mut found, "archived in Security Hub", &[]);
    } else if matches!(state.as_str(), "SUPPRESSED" | "RESOLVED") {
        suppress(&mut found, &format!("{} in Security Hub", state.to_ascii_lowercase()), &[]);
    }
    Ok(vec![found])
}

fn vulnerability(entry: Tree<'_>, resource: &str, roots: &[String]) -> Finding {
    let all = || entry.list("Vulnerabilities");
    let package = all().flat_map(|v| v.list("VulnerablePackages")).next();
    let text = |key: &str| package.map_or("", |package| package.text(key));
    let version = match (text("Version"), text("Release")) {
        (version, "") => version.to_owned(),
        (version, release) => format!("{version}-{release}"),
    };
    let (level, word) = severity(entry);
    let cvss = all().flat_map(|v| v.list("Cvss"));
    let cvss = cvss.filter_map(|c| rating(c.score("BaseScore"), c.text("Version"), c.text("BaseVector")));
    let fixed = text("FixedInVersion");
    let fixed = if fixed.eq_ignore_ascii_case("NotAvailable") { "" } else { fixed };
    let fix = match all().map(|v| v.text("FixAvailable")).next().unwrap_or_default() {
        _ if !fixed.is_empty() => Fix::Available,
        "YES" | "PARTIAL" => Fix::Available,
        "NO" => Fix::None,
        _ => Fix::Unknown,
    };
    let exploit = all().map(|v| match v.text("ExploitAvailable") {
        "YES" => Some(ExploitMaturity::ProofOfConcept),
        "NO" => Some(ExploitMaturity::Unproven),
        _ => None,
    });
    let ids: Vec<&str> = all().map(|v| v.text("Id")).collect();
    let advisory = Advisory {
        tool: FORMAT.tool,
        id: ids.iter().copied().find(|id| !id.is_empty()).unwrap_or(entry.text("Title")),
        ids,
        severity: WorstSeverity::only(level),
        native_severity: word,
        title: first_of(&[entry.text("Title"), entry.text("Description")]),
        published: all().map(|v| v.text("Vendor.VendorCreatedAt")).next().unwrap_or_default(),
        modified: all().map(|v| v.text("Vendor.VendorUpdatedAt")).next().unwrap_or_default(),
        epss: all().filter_map(|v| v.score("EpssScore").number()).reduce(f64::max),
        exploit: exploit.flatten().max(),
        name: text("Name"),
        version: &version,
        ecosystem: text("PackageManager"),
        fix: Some(fix),
        fixed: [fixed].into_iter().filter(|version| !version.is_empty()).map(Text::line).collect(),
        path: text("FilePath"),
        target: resource,
        cvss: highest(cvss),
        ..Advisory::default()
    };
    advisory.finding(roots)
}

fn misconfiguration(entry: Tree<'_>, resource: &str) -> Finding {
    let (level, word) = severity(entry);
    let rule = first_of(&[
        entry.text("Compliance.SecurityControlId"),
        entry.text("ProductFields.ControlId"),
        entry.text("GeneratorId"),
        entry.text("Title"),
    ]);
    let mut finding = Finding::new(Category::Misconfiguration, FORMAT.tool, rule, level);
    finding.native_severity = word;
    finding.title = Text::line(first_of(&[entry.text("Title"), entry.text("Description"), rule]));
    finding.target = Some(Text::line(resource)).filter(|resource| !resource.is_empty());
    let print = FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(rule).part(resource);
    finding.identify(print);
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound, read_text};

    const INSPECTOR: &str = r#"{"SchemaVersion":"2018-10-08","Id":"arn:a","ProductArn":"arn:p","AwsAccountId":"1","Types":["Software and Configuration Checks/Vulnerabilities/CVE"],"Severity":{"Label":"HIGH"},"Title":"CVE-2017-9735 - jetty",
        "Resources":[{"Type":"AwsEcrContainerImage","Id":"arn:image"}],"RecordState":"ACTIVE","Workflow":{"Status":"NEW"},
        "Vulnerabilities":[{"Id":"CVE-2017-9735","FixAvailable":"YES","VulnerablePackages":[{"Name":"jetty-server","Version":"8.1.14","FilePath":"/opt/a.jar","FixedInVersion":"9.4.6","PackageManager":"JAR"}],"Cvss":[{"Version":"3.0","BaseScore":7.5,"BaseVector":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]}]}"#;
    const CONTROL: &str = r#"{"SchemaVersion":"2018-10-08","Id":"arn:b","ProductArn":"arn:p","AwsAccountId":"1","GeneratorId":"standard/IAM.5","Types":["Software and Configuration Checks/Industry and Regulatory Standards"],"Severity":{"Normalized":70},"Title":"IAM.5 MFA should be enabled","Compliance":{"Status":"FAILED","SecurityControlId":"IAM.5"},"Resources":[{"Id":"arn:user"}],"RecordState":"ACTIVE"}"#;

    #[test]
    fn a_list_an_array_and_one() {
        for text in [
            format!(r#"{{"Findings":[{INSPECTOR},{CONTROL}]}}"#),
            format!(r#"{{"findings":[{INSPECTOR},{CONTROL}]}}"#),
            format!("[{INSPECTOR},{CONTROL}]"),
        ] {
            let read = read_sound("asff", &text);
            let told: Vec<_> =
                read.findings.iter().map(|f| (f.category, f.severity, f.rule_id.as_str())).collect();
            assert_eq!(
                told,
                [
                    (Category::Vulnerability, Severity::High, "CVE-2017-9735"),
                    (Category::Misconfiguration, Severity::High, "IAM.5")
                ]
            );
            assert_eq!((read.findings[0].fix, read.findings[0].cvss.is_some()), (Fix::Available, true));
        }
        assert_eq!(read_sound("asff", CONTROL).findings.len(), 1);
    }

    #[test]
    fn states_and_pages() {
        for (from, to, all, active) in [
            ("FAILED", "PASSED", 0, 0),
            ("FAILED", "WARNING", 1, 1),
            ("ACTIVE", "ARCHIVED", 1, 0),
            (r#""RecordState""#, r#""Workflow":{"Status":"SUPPRESSED"},"RecordState""#, 1, 0),
        ] {
            let read = read_sound("asff", &format!("[{}]", CONTROL.replace(from, to)));
            assert_eq!((read.findings.len(), read.active().count()), (all, active), "{to}");
        }
        let page = format!(r#"{{"Findings":[{CONTROL}],"NextToken":"x"}}"#);
        assert_eq!(read_sound("asff", &page).report.problems_total, 1);
        assert!(read_text(r#"{"Findings":[]}"#).error.is_none());
        for text in ["{}", "[{}]", r#"{"Findings":null}"#, r#"{"Findings":[1]}"#, "null"] {
            assert!(read_as("asff", text).error.is_some(), "{text}");
        }
    }
}

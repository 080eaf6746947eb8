//! Resources that Trivy Operator writes into a Kubernetes cluster, as `kubectl get … -o json` saves them: one, a `List`, an
//! array, or lists by the name of their kind.
//!
//! Source of the shapes: the custom resource definitions `aquasecurity.github.io/v1alpha1` of the trivy-operator
//! repository (`pkg/apis/aquasecurity/v1alpha1`). Counts of `report.summary` are compared with what is listed. SBOM
//! resources list components and find nothing; of a compliance report each control that failed is a finding.

use super::advisory::{Advisory, WorstSeverity};
use super::cvss::rating;
use super::field::first_of;
use super::json::{Json, JsonKind};
use super::secret::Leak;
use super::tree::{Tree, object};
use super::{Format, Member, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{Attribute, Category, Finding, FingerprintBuilder, Fix, Severity, Text};

/// Trivy Operator.
pub(super) static FORMAT: Format = Format {
    id: "trivy-operator",
    title: "Trivy Operator resources: vulnerabilities, misconfigurations, credentials of a cluster",
    tool: "trivy-operator",
    tried: "0.67.0",
    signals: &[
        "no resource listed: nothing scanned",
        "`metadata.continue`: one part of more",
        "a summary above what is listed",
    ],
    categories: &[Category::Vulnerability, Category::Misconfiguration, Category::Secret],
    attributes: &[Attribute::Fix, Attribute::Age, Attribute::Package],
    looks_like,
    read_report,
    ..Format::PLAIN
};

const GROUP: &str = "aquasecurity.github.io";

fn is_resource(member: &Member) -> bool {
    let version = member.get("apiVersion").and_then(|version| version.text.as_deref());
    version.is_some_and(|version| version.starts_with(GROUP))
}

fn looks_like(opening: &Opening) -> bool {
    let by_kind = opening.is_object() && opening.top.members.iter().any(|(key, _)| key.ends_with(GROUP));
    is_resource(&opening.top) || opening.get("items").is_some_and(is_resource) || by_kind
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut resources = 0_u64;
    if json.kind()? == JsonKind::Array {
        list(json, reading, &mut resources)?;
    } else {
        let mut single = serde_json::Map::new();
        json.object(|json, key| match key {
            "items" => list(json, reading, &mut resources),
            key if key.ends_with(GROUP) => list(json, reading, &mut resources),
            _ => {
                single.insert(key.to_owned(), super::document::value(json)?);
                Ok(())
            }
        })?;
        let single = serde_json::Value::Object(single);
        let single = Tree::of(&single);
        if single.text("apiVersion").starts_with(GROUP) {
            resources += 1;
            let found = resource(single, reading).map_err(|message| json.shape(&message))?;
            for finding in found {
                reading.finding(finding);
            }
        } else if !single.text("metadata.continue").is_empty() {
            reading.problem(ProblemKind::Scan, "the list is one part of more (metadata.continue)", None);
        }
    }
    if resources == 0 {
        reading.nothing_scanned("no resource of Trivy Operator is listed");
    }
    Ok(())
}

fn list(json: &mut Json, reading: &mut Reading<'_>, resources: &mut u64) -> Result<(), ReadError> {
    json.array(|json, _| {
        *resources += 1;
        let found = object(json, |tree| resource(tree, reading))?;
        for finding in found {
            reading.finding(finding);
        }
        Ok(())
    })
}

fn resource(resource: Tree<'_>, reading: &mut Reading<'_>) -> Result<Vec<Finding>, String> {
    if !resource.text("apiVersion").starts_with(GROUP) {
        return Err(format!("no resource of Trivy Operator: its `apiVersion` is not one of {GROUP}"));
    }
    let report = resource.at("report");
    reading.version(report.text("scanner.version"));
    let target = OperatorTarget::of(resource);
    let kind = resource.text("kind").trim_start_matches("Cluster");
    let found: Vec<Finding> = match kind {
        "VulnerabilityReport" => {
            reading.covers(Category::Vulnerability);
            let image = image(report);
            let list = required(report, "vulnerabilities")?;
            list.map(|entry| vulnerability(entry, &target, &image, reading.roots())).collect()
        }
        "ConfigAuditReport" | "RbacAssessmentReport" | "InfraAssessmentReport" => {
            reading.covers(Category::Misconfiguration);
            let failed = required(report, "checks")?.filter(|check| check.flag("success") != Some(true));
            failed.map(|check| misconfiguration(check, &target)).collect()
        }
        "ExposedSecretReport" => {
            reading.covers(Category::Secret);
            required(report, "secrets")?.map(|entry| secret(entry, &target, reading)).collect()
        }
        "ComplianceReport" => {
            reading.covers(Category::Misconfiguration);
            return compliance(resource, &target);
        }
        // An inventory.
        "SbomReport" => return Ok(Vec::new()),
        kind => {
            let message = format!("`{kind}` is a kind of resource that is not read");
            reading.problem(ProblemKind::Scan, &message, None);
            return Ok(Vec::new());
        }
    };
    let counts = ["criticalCount", "highCount", "mediumCount", "lowCount", "unknownCount", "noneCount"];
    let counted =
        counts.iter().filter_map(|key| report.at("summary").count(key)).fold(0, u64::saturating_add);
    if counted > found.len() as u64 {
        let message =
            format!("{}: the summary counts {counted}, and {} are listed", target.shown(), found.len());
        reading.problem(ProblemKind::Scan, &message, None);
    }
    Ok(found)
}

/// A list that may be `null` where Go wrote an empty one.
fn required<'v>(report: Tree<'v>, key: &str) -> Result<impl Iterator<Item = Tree<'v>>, String> {
    if report.at(key).is_list() || report.has(key) && report.at(key).is_null() {
        Ok(report.list(key))
    } else {
        Err(format!("`report.{key}` is not there, or is no list"))
    }
}

/// Workload that was looked at.
struct OperatorTarget {
    namespace: String,
    kind: String,
    name: String,
    container: String,
}

impl OperatorTarget {
    fn of(resource: Tree<'_>) -> Self {
        let labels = |key: &str| {
            let labels = resource.at("metadata.labels");
            let label = labels.members("").find(|(name, _)| *name == format!("trivy-operator.{key}"));
            label.and_then(|(_, value)| value.value().as_str()).unwrap_or_default().to_owned()
        };
        let mut target = Self {
            namespace: labels("resource.namespace"),
            kind: labels("resource.kind"),
            name: labels("resource.name"),
            container: labels("container.name"),
        };
        if target.name.is_empty() {
            resource.text("metadata.name").clone_into(&mut target.name);
        }
        target
    }

    fn shown(&self) -> String {
        let parts = [&self.namespace, &self.kind, &self.name, &self.container];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// Without what changes with each roll-out: the digest behind the name of a replica set.
    fn stable(&self) -> String {
        let name = match self.kind.as_str() {
            "ReplicaSet" => self.name.rsplit_once('-').map_or(self.name.as_str(), |(name, _)| name),
            _ => &self.name,
        };
        format!("{}/{}/{name}/{}", self.namespace, self.kind, self.container)
    }
}

fn image(report: Tree<'_>) -> String {
    let tag = report.text("artifact.tag");
    let name = report.text("artifact.repository");
    if tag.is_empty() { name.to_owned() } else { format!("{name}:{tag}") }
}

fn vulnerability(entry: Tree<'_>, target: &OperatorTarget, image: &str, roots: &[String]) -> Finding {
    let fixed = entry.text("fixedVersion");
    let shown = if image.is_empty() { target.shown() } else { image.to_owned() };
    let advisory = Advisory {
        tool: FORMAT.tool,
        id: entry.text("vulnerabilityID"),
        severity: WorstSeverity::only(Severity::plain(entry.text("severity"))),
        native_severity: entry.native("severity"),
        title: entry.text("title"),
        published: entry.text("publishedDate"),
        modified: entry.text("lastModifiedDate"),
        name: entry.text("resource"),
        version: entry.text("installedVersion"),
        purl: entry.text("packagePURL"),
        ecosystem: entry.text("packageType"),
        // Empty where there is none.
        fix: Some(match (fixed, entry.has("fixedVersion")) {
            ("", true) => Fix::None,
            ("", false) => Fix::Unknown,
            _ => Fix::Available,
        }),
        fixed: [fixed].into_iter().filter(|version| !version.is_empty()).map(Text::line).collect(),
        path: entry.text("packagePath"),
        target: &shown,
        cvss: rating(entry.score("score"), "", "").filter(|rating| rating.score > 0.0),
        ..Advisory::default()
    };
    advisory.finding(roots)
}

fn misconfiguration(check: Tree<'_>, target: &OperatorTarget) -> Finding {
    let rule = first_of(&[check.text("checkID"), check.text("id"), check.text("title")]);
    let severity = Severity::plain(check.text("severity"));
    let mut finding = Finding::new(Category::Misconfiguration, FORMAT.tool, rule, severity);
    finding.native_severity = check.native("severity");
    let message = check.texts("messages").first().copied().unwrap_or_default();
    finding.title = Text::line(first_of(&[check.text("title"), message, check.text("description"), rule]));
    finding.target = Some(Text::line(&target.shown()));
    let print = FingerprintBuilder::new(Category::Misconfiguration.as_str()).part(rule);
    finding.identify(print.part(&target.stable()));
    finding
}

fn secret(entry: Tree<'_>, target: &OperatorTarget, reading: &Reading<'_>) -> Finding {
    let leak = Leak {
        tool: FORMAT.tool,
        rule: first_of(&[entry.text("ruleID"), entry.text("category")]),
        title: entry.text("title"),
        path: entry.text("target"),
        ..Leak::default()
    };
    let mut finding = leak.finding(reading.context());
    finding.severity = Severity::plain(entry.text("severity"));
    finding.native_severity = entry.native("severity");
    finding.target = Some(Text::line(&target.shown()));
    finding
}

/// Controls that failed: of the summary those with a number of failures, of the details those with a failed check.
fn compliance(resource: Tree<'_>, target: &OperatorTarget) -> Result<Vec<Finding>, String> {
    let status = resource.at("status");
    let (summary, details) = (status.at("summaryReport.controlCheck"), status.at("detailReport.results"));
    if !summary.is_list() && !details.is_list() {
        return Err("the status of a compliance report has neither a summary nor details".into());
    }
    let failed = summary.list("").filter(|control| control.count("totalFail") != Some(0));
    let in_detail = details
        .list("")
        .filter(|control| control.list("checks").any(|check| check.flag("success") == Some(false)));
    Ok(failed.chain(in_detail).map(|control| misconfiguration(control, target)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{read_as, read_sound};

    fn resource(kind: &str, report: &str) -> String {
        format!(
            r#"{{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"{kind}","metadata":{{"name":"replicaset-web-96","labels":{{"trivy-operator.resource.kind":"ReplicaSet","trivy-operator.resource.name":"web-965685897","trivy-operator.resource.namespace":"shop","trivy-operator.container.name":"nginx"}}}},"report":{{{report},"scanner":{{"name":"Trivy","version":"0.48.3"}}}}}}"#
        )
    }

    const VULNERABILITY: &str = r#""artifact":{"repository":"library/nginx","tag":"alpine"},"summary":{"criticalCount":1},"vulnerabilities":[{"fixedVersion":"7.87.0-r2","installedVersion":"7.87.0-r1","resource":"curl","score":9.1,"severity":"CRITICAL","title":"HSTS ignored","vulnerabilityID":"CVE-2023-23914"}]"#;
    const CHECKS: &str = r#""summary":{"lowCount":1},"checks":[{"checkID":"KSV014","severity":"LOW","success":false,"title":"Root file system"},{"checkID":"KSV015","severity":"LOW","success":true}]"#;
    const SECRETS: &str = r#""summary":{"criticalCount":1},"secrets":[{"category":"AWS","match":"KEY=***","ruleID":"aws-secret-access-key","severity":"CRITICAL","target":"root/a.txt","title":"AWS"}]"#;

    #[test]
    fn every_kind_in_every_wrapping() {
        let all = [
            resource("VulnerabilityReport", VULNERABILITY),
            resource("ClusterRbacAssessmentReport", CHECKS),
            resource("ExposedSecretReport", SECRETS),
        ];
        let joined = all.join(",");
        for text in [
            format!("[{joined}]"),
            format!(r#"{{"apiVersion":"v1","kind":"List","items":[{joined}]}}"#),
            format!(
                r#"{{"configauditreports.aquasecurity.github.io":[],"x.aquasecurity.github.io":[{joined}]}}"#
            ),
        ] {
            let read = read_sound("trivy-operator", &text);
            let told: Vec<_> = read.findings.iter().map(|f| (f.category, f.severity)).collect();
            assert_eq!(
                told,
                [
                    (Category::Vulnerability, Severity::Critical),
                    (Category::Misconfiguration, Severity::Low),
                    (Category::Secret, Severity::Critical)
                ]
            );
            assert_eq!(read.report.problems_total, 0);
        }
        let read = read_sound("trivy-operator", &all[0]);
        assert_eq!(read.findings[0].target.as_ref().unwrap().as_str(), "library/nginx:alpine");
        let rolled = all[1].replace("web-965685897", "web-111111111");
        let one = read_sound("trivy-operator", &all[1]).findings.remove(0);
        assert_eq!(read_sound("trivy-operator", &rolled).findings[0].fingerprint, one.fingerprint);
        let other = all[1].replace(r#""ReplicaSet""#, r#""DaemonSet""#).replace("web-965685897", "web");
        assert_ne!(read_sound("trivy-operator", &other).findings[0].fingerprint, one.fingerprint);
    }

    #[test]
    fn compliance_counts_and_what_is_not_read() {
        let text = r#"{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"ClusterComplianceReport","metadata":{"name":"cis"},"status":{"summaryReport":{"controlCheck":[{"id":"4.2.9","name":"x","severity":"HIGH","totalFail":2},{"id":"1","severity":"LOW","totalFail":0}]}}}"#;
        assert_eq!(read_sound("trivy-operator", text).findings.len(), 1);
        let counted = resource("ConfigAuditReport", &CHECKS.replace("\"lowCount\":1", "\"lowCount\":5"));
        assert_eq!(read_sound("trivy-operator", &counted).report.problems_total, 1);
        assert_eq!(read_sound("trivy-operator", &resource("OddReport", CHECKS)).report.problems_total, 1);
        assert!(read_as("trivy-operator", r#"{"items":[]}"#).report.nothing_scanned.is_some());
        for text in [
            resource("VulnerabilityReport", CHECKS),
            resource("ConfigAuditReport", &CHECKS.replace("\"checks\":[", "\"checks\":{},\"x\":[")),
            r#"{"items":[{"apiVersion":"v1","kind":"Pod"}]}"#.to_owned(),
            "[1]".to_owned(),
        ] {
            assert!(read_as("trivy-operator", &text).error.is_some(), "{text}");
        }
    }
}

//! Mappings that come with the binary: formats described as data, in `mappings/` of the repository, one file each.
//!
//! A file that no reader claims is compared with what each of them says it looks like. They are loaded when the first
//! such file is met, or when they are listed.

use std::sync::LazyLock;

use super::opening::Opening;
use super::{Hint, Json, ReadError, Source};
use crate::finding::{Attribute, Category};
use crate::policy::{DocumentPath, Field, ReportMapping, load_mappings};

/// Name and text of each file.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/mappings.rs"));

/// A mapping that comes with the binary.
#[derive(Debug)]
pub struct ShippedMapping {
    /// How its reports are read.
    pub mapping: ReportMapping,
    /// Attributes of findings that it reports.
    pub tells: Vec<Attribute>,
}

impl ShippedMapping {
    /// What its reports never say of a finding of theirs.
    pub fn silent_about(&self) -> Vec<&'static str> {
        let fields = &self.mapping.fields;
        let rated = fields.iter().any(|(field, _)| matches!(field, Field::Severity | Field::Cvss));
        super::silent_about(self.categories(), &self.tells, !rated)
    }

    /// What in a report says that the scan failed, was done in part, or looked at nothing.
    pub fn signals(&self) -> Vec<String> {
        let of = |paths: &[DocumentPath]| {
            paths.iter().map(|path| format!("`{}`", path.text())).collect::<Vec<_>>()
        };
        let errors = of(&self.mapping.errors);
        let words = |(path, words): &(DocumentPath, Vec<String>)| {
            format!("`{}` other than {}", path.text(), words.join(", "))
        };
        let completed = self.mapping.completed.iter().map(words);
        let total = of(&self.mapping.total);
        let total = (!total.is_empty()).then(|| format!("{} above what is listed", total.join(" and ")));
        let scanned =
            self.mapping.scanned.iter().map(|path| format!("nothing at `{}`: nothing scanned", path.text()));
        errors.into_iter().chain(completed).chain(total).chain(scanned).collect()
    }

    /// The categories of its findings: one.
    pub fn categories(&self) -> &[Category] {
        std::slice::from_ref(&self.mapping.category)
    }
}

static ALL: LazyLock<Vec<ShippedMapping>> = LazyLock::new(|| {
    let files = FILES.iter().filter_map(|(name, text)| load_mappings(name, text.as_bytes()).ok());
    let shipped = |mapping: ReportMapping| {
        let tells = Attribute::ALL.iter().copied().filter(|a| mapping.reports_attribute(*a)).collect();
        ShippedMapping { mapping, tells }
    };
    files.flatten().map(shipped).collect()
});

/// All of them, in the order of their names.
pub fn shipped_mappings() -> &'static [ShippedMapping] {
    &ALL
}

/// The one of that name.
pub(super) fn by_id(id: &str) -> Option<&'static ReportMapping> {
    ALL.iter().map(|shipped| &shipped.mapping).find(|mapping| mapping.id == id)
}

/// How much of a file is looked at.
const LOOK: usize = super::LAST_LOOK;

/// The mapping for a file that no reader claims; of several that fit it is ambiguous.
pub(super) fn by_content(
    source: &Source,
    hint: Hint<'_>,
) -> Result<Option<&'static ReportMapping>, ReadError> {
    if hint.format.is_some() {
        return Ok(None);
    }
    let mut json = Json::new(source.open(u64::MAX)?);
    let mut look = super::FIRST_LOOK;
    loop {
        let opening = json.opening(look)?;
        let fit: Vec<&'static ReportMapping> =
            ALL.iter().map(|shipped| &shipped.mapping).filter(|m| fits(m, &opening)).collect();
        match fit.as_slice() {
            [] if !opening.whole && look < LOOK => look *= 16,
            [] => return Ok(None),
            [one] => return Ok(Some(one)),
            several => {
                return Err(ReadError::Ambiguous {
                    formats: several.iter().map(|m| m.id.as_str()).collect(),
                });
            }
        }
    }
}

/// Why a file is none of a mapping's, if the mapping says what its reports look like. A list may be empty.
pub(super) fn misfit(source: &Source, mapping: &ReportMapping) -> Option<ReadError> {
    if mapping.looks_like.is_empty() {
        return None;
    }
    // What cannot be opened or is broken is told where it is read.
    let mut json = Json::new(source.open(u64::MAX).ok()?);
    let mut look = super::FIRST_LOOK;
    loop {
        let opening = json.opening(look).ok()?;
        let empty = opening.top.is_empty_array() && mapping.looks_like.iter().any(|sign| sign == "[]");
        if empty || fits(mapping, &opening) || opening.head.is_empty() {
            return None;
        }
        if opening.whole || look >= LOOK {
            return Some(ReadError::WrongFormat {
                asked: mapping.id.clone(),
                looks_like: opening.describe(),
            });
        }
        look *= 16;
    }
}

/// Whether the document begins as the mapping says.
fn fits(mapping: &ReportMapping, opening: &Opening) -> bool {
    !mapping.looks_like.is_empty() && mapping.looks_like.iter().all(|sign| opening.shows(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::read_as;

    /// What to replace in a report, and by what.
    type SignalChanges = &'static [(&'static str, &'static str)];

    /// Format, a clean report, and changes of it of which each is a problem of the scan.
    #[rustfmt::skip]
    const SIGNALS: &[(&str, &str, SignalChanges)] = &[
        ("ecr", r#"{"imageScanFindings":{"findings":[]},"imageScanStatus":{"status":"COMPLETE"},"nextToken":null}"#,
            &[("COMPLETE", "IN_PROGRESS"), ("COMPLETE", "FAILED"), ("null", r#""abc""#)]),
        ("ecr", r#"{"imageScanFindings":{"enhancedFindings":[]},"imageScanStatus":{"status":"ACTIVE"}}"#,
            &[("ACTIVE", "PENDING")]),
        ("google-artifact-analysis", r#"{"image_summary":{"digest":"sha256:a"},"discovery_summary":{"discovery":[{"discovery":{"analysisStatus":"FINISHED_SUCCESS"}}]},"package_vulnerability_summary":{"vulnerabilities":{}}}"#,
            &[("FINISHED_SUCCESS", "SCANNING"), ("FINISHED_SUCCESS", "FINISHED_FAILED")]),
        ("wpscan", r#"{"banner":{"version":"3.8"},"target_url":"x","effective_url":"x","version":{"vulnerabilities":[]},"vuln_api":{"plan":"free"}}"#,
            &[(r#""plan":"free""#, r#""error":"no token""#), (r#""plan":"free""#, r#""http_error":"401""#), (r#""vuln_api":{"plan":"free"}"#, r#""scan_aborted":"down""#)]),
        ("veracode-pipeline", r#"{"pipeline_scan":"24.1","scan_status":"SUCCESS","findings":[]}"#,
            &[("SUCCESS", "FAILURE"), ("SUCCESS", "TIMEOUT")]),
        ("horusec", r#"{"version":"2.8","id":"a","repositoryID":"b","status":"success","errors":"","analysisVulnerabilities":null}"#,
            &[(r#""success""#, r#""error""#), (r#""success""#, r#""running""#), (r#""errors":"""#, r#""errors":"x""#)]),
        ("jfrog-xray-scan", r#"[{"scan_id":"a","component_id":"b","status":"completed","violations":[],"vulnerabilities":[]}]"#,
            &[("completed", "failed"), ("completed", "something new"), (r#""violations":[]"#, r#""violations":[{"issue_id":"XRAY-1","type":"license"}]"#), (r#""violations":[]"#, r#""violations":[{"type":"security"}]"#)]),
        ("stackhawk", r#"{"service":"StackHawk","scanCompleted":{"scan":{"id":"a","status":"COMPLETED"},"completedScanStats":{"urisCount":3},"findings":[]}}"#,
            &[("COMPLETED", "ERROR"), ("COMPLETED", "ABORTED")]),
        ("aqua", r#"{"image":"a","resources":[{"resource":{"name":"b"}}],"partial_results":false,"malware":[],"sensitive_data":null}"#,
            &[("false", "true"), ("[]", r#"[{"path":"x"}]"#), ("null", r#"[{"path":"x"}]"#)]),
        ("neuvector", r#"{"report":{"vulnerabilities":[],"modules":[{"name":"a"}]},"error":""}"#,
            &[(r#""error":"""#, r#""error":"timeout""#), (r#""error":"""#, r#""error_message":"timeout""#)]),
    ];

    #[test]
    fn scans_that_did_not_finish_are_told() {
        for (format, clean, changes) in SIGNALS {
            let read = read_as(format, clean);
            assert!(read.error.is_none(), "{clean}: {:?}", read.error);
            assert_eq!((read.report.problems_total, read.findings.len()), (0, 0), "{clean}");
            assert!(read.report.nothing_scanned.is_none(), "{clean}: {:?}", read.report.nothing_scanned);
            for (from, to) in *changes {
                let text = clean.replacen(from, to, 1);
                assert_ne!(text, *clean, "{from}");
                let read = read_as(format, &text);
                assert!(read.error.is_none(), "{text}: {:?}", read.error);
                assert_eq!((read.report.problems_total, read.findings.len()), (1, 0), "{text}");
            }
        }
    }

    #[test]
    fn what_was_left_out_is_found() {
        for (format, text) in [
            (
                "jfrog-xray-scan",
                r#"[{"scan_id":"a","component_id":"b","violations":[{"issue_id":"XRAY-1","type":"security","severity":"High","summary":"x"}]}]"#,
            ),
            (
                "docker-bench",
                r#"{"dockerbenchsecurity":"1.6","checks":1,"tests":[{"results":[{"id":"1.1","desc":"x","result":"FAIL"}]}]}"#,
            ),
            (
                "kube-score",
                r#"[{"object_name":"a","type_meta":{"kind":"Pod"},"checks":[{"check":{"id":"x","name":"y"},"grade":1}]}]"#,
            ),
        ] {
            let read = read_as(format, text);
            assert!(read.error.is_none(), "{text}: {:?}", read.error);
            assert_eq!((read.findings.len(), read.report.problems_total), (1, 0), "{text}");
        }
    }

    #[test]
    fn every_shipped_mapping_loads_and_is_found() {
        let mut loaded = 0;
        for (name, text) in FILES {
            let mappings = load_mappings(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
            for mapping in &mappings {
                assert!(!mapping.looks_like.is_empty(), "{name}: no `looks_like`");
                assert!(mapping.scanned.is_some() || mapping.presence, "{name}: no `scanned`");
                assert!(super::super::Format::by_id(&mapping.id).is_err(), "{name}: a reader has this name");
            }
            loaded += mappings.len();
        }
        assert_eq!(loaded, ALL.len());
        let mut names: Vec<&str> = ALL.iter().map(|shipped| shipped.mapping.id.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), loaded, "a name is given twice");
    }

    #[test]
    fn malware_is_told_by_any_alias_of_dependency_track() {
        let text = r#"{"version":"1.2","meta":{"application":"Dependency-Track","timestamp":"2026-11-20T09:00:00Z"},"project":{"uuid":"1"},
            "findings":[{"component":{"name":"a","version":"1"},
            "vulnerability":{"vulnId":"SNYK-1","severity":"LOW","aliases":[{"snykId":"SNYK-1"},{"cveId":null,"osvId":"MAL-2026-1"}]}}]}"#;
        let read = crate::report::testing::read_text(text);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert!(read.findings[0].is_malware());
    }
}

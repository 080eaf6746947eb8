//! Reports of well-known tools that nothing reads: recognised, so that the message can say what to do instead.

use super::opening::Opening;

/// A kind of file: the signs that all hold for it ([`Opening::shows`]), and in words, after "it looks like", which it is
/// and what to run.
type Advice = (&'static [&'static str], &'static str);

/// Which of them a file looks like, and what to do.
pub(super) fn advice(opening: &Opening) -> Option<&'static str> {
    let known = ADVICE.iter().find(|(signs, _)| signs.iter().all(|sign| opening.shows(sign)));
    known.map(|(_, words)| *words)
}

#[rustfmt::skip]
static ADVICE: &[Advice] = &[
    (&["waivers", "version"], "a file of waivers, which this version does not read"),
    (&["rules", "evidence"], "a policy, which this version does not read"),
    (&["stringsFound"], "Rusty Hog's JSON, which is not read; gitleaks and TruffleHog are"),
    (&["infrastructureAsCodeIssues"], "Snyk's JSON about infrastructure code, which is not read; write SARIF: `snyk iac test --sarif-file-output=FILE`"),
    (&["jsonapi", "data.attributes"], "issues of Snyk's REST API, which are not read; save `snyk test --json`"),
    (&["summaryDetails.controls", "resources"], "Kubescape's JSON, which is not read; write SARIF: `kubescape scan --format sarif`"),
    (&["Reports", "Checks", "Summary"], "kube-linter's JSON, which is not read; write SARIF: `kube-linter lint --format sarif`"),
    (&["issues.rule", "issues.range", "errors"], "TFLint's JSON, which is not read; write SARIF: `tflint --format sarif`"),
    (&["Issues.FromLinter"], "golangci-lint's JSON, which is not read; write SARIF: `golangci-lint run --output.sarif.path FILE`"),
    (&["[]", "ident", "determinations"], "zizmor's JSON, which is not read; write SARIF: `zizmor --format sarif`"),
    (&["totals.file_errors", "files"], "PHPStan's JSON, which is not read; write Checkstyle's XML: `phpstan analyse --error-format=checkstyle`"),
    (&["[]", "severity", "line_from", "shortcode"], "Psalm's JSON, which is not read; write SARIF: `psalm --report=FILE.sarif`"),
    (&["totals.fixable", "files"], "PHP_CodeSniffer's JSON, which is not read; write Checkstyle's XML: `phpcs --report=checkstyle`"),
    (&["njsscan_version"], "njsscan's JSON, which is not read; write SARIF: `njsscan --sarif -o FILE`"),
    (&["mobsfscan_version"], "mobsfscan's JSON, which is not read; write SARIF: `mobsfscan --sarif -o FILE`"),
    (&["file_name", "app_name", "app_type"], "MobSF's JSON, which is not read; of an application's source mobsfscan writes SARIF"),
    (&["high.cwe_ids"], "Bearer's JSON, which is not read; write SARIF: `bearer scan --format sarif`"),
    (&["critical.cwe_ids"], "Bearer's JSON, which is not read; write SARIF: `bearer scan --format sarif`"),
    (&["medium.cwe_ids"], "Bearer's JSON, which is not read; write SARIF: `bearer scan --format sarif`"),
    (&["Invocation", "scanResult"], "testssl.sh's pretty JSON, which is not read; write `--jsonfile FILE`"),
    (&["reportType", "reportHeader", "scanInformation"], "Checkmarx One's JSON, which is not read; write SARIF: `cx scan create --report-format sarif`"),
    (&["results.similarityId", "results.type"], "Checkmarx One's JSON, which is not read; write SARIF: `cx scan create --report-format sarif`"),
    (&["xissues", "scanType"], "CxFlow's JSON, which is not read; write SARIF: `cx scan create --report-format sarif`"),
    (&["scan_results", "server_scan_results"], "SSLyze's JSON, which is not read; testssl.sh's is"),
    (&["server_scan_results"], "SSLyze's JSON, which is not read; testssl.sh's is"),
    (&["popeye.sanitizers"], "Popeye's JSON, which is not read; write JUnit XML: `popeye -o junit`"),
    (&["type=flattened", "content"], "Legitify's JSON, which is not read; write SARIF: `legitify analyze --output-format sarif`"),
    (&["huskyciresults"], "huskyCI's JSON, which is not read; save the reports of the scanners that it runs"),
    (&["document.csaf_version"], "a CSAF advisory, which says nothing about a scan; OpenVEX is read as statements on findings"),
    (&["message", "documentation_url"], "an error of GitHub's API in place of a list: the request was refused"),
    (&["hits.total", "hits.hits", "took"], "an answer of a search in Wazuh or OpenSearch, which is not read"),
    (&["findings.syntactic_id"], "findings of Semgrep's web API, which are not read; save `semgrep ci --json-output=FILE`"),
    (&["report.metadata.violations"], "a report of ReversingLabs, which is not read; write SARIF: `rl-secure report rl-sarif`"),
    (&["<analysis>"], "Dependency-Check's XML, which is not read; write JSON: `--format JSON`"),
    (&["<results>"], "cppcheck's XML, which is not read; write SARIF: `cppcheck --output-format=sarif`"),
    (&["<ReportDefinition>"], "Fortify's XML report, which is not read; write SARIF: `fcli ssc action run sarif-sast-report`"),
    (&["<report>"], "an XML report of OpenVAS, Wapiti or another, which is not read; a mapping of the policy may describe it"),
    (&["<ScanGroup>"], "Acunetix's XML, which is not read; a mapping of the policy may describe it"),
    (&["<Sessions>"], "WebInspect's XML, which is not read; a mapping of the policy may describe it"),
    (&["<xml-report>"], "AppScan's XML, which is not read; a mapping of the policy may describe it"),
    (&["<NexposeReport>"], "Nexpose's XML, which is not read; a mapping of the policy may describe it"),
    (&["<ASSET_DATA_REPORT>"], "Qualys's XML, which is not read; a mapping of the policy may describe it"),
    (&["<WAS_SCAN_REPORT>"], "Qualys's XML, which is not read; a mapping of the policy may describe it"),
    (&["<SCAN>"], "Qualys's XML, which is not read; a mapping of the policy may describe it"),
    (&["<Benchmark>"], "OpenSCAP's XML, which is not read; a mapping of the policy may describe it"),
    (&["<HealthcheckData>"], "PingCastle's XML, which is not read"),
    (&["<phpcs>"], "PHP_CodeSniffer's XML, which is not read; write Checkstyle's XML: `phpcs --report=checkstyle`"),
    (&["<pmd-cpd>"], "CPD's XML, which is not read"),
    (&["<test-run>"], "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`"),
    (&["<test-results>"], "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`"),
    (&["<TestRun>"], "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`"),
    (&["<assemblies>"], "results of NUnit, xUnit or MSTest, which are not read; write JUnit XML: `--logger junit`"),
];

#[cfg(test)]
mod tests {
    use super::ADVICE;
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn well_known_reports_that_are_not_read_are_named() {
        for (text, name, not) in [
            (
                r#"[{"stringsFound":["hunter2"],"path":"a","reason":"Key","linenum":7,"diff":"","commitHash":"1"}]"#,
                "Rusty Hog",
                "trufflehog-v2",
            ),
            (
                r#"{"message":"Not Found","documentation_url":"https://docs.invalid","status":"404"}"#,
                "GitHub's API",
                "sarif",
            ),
            (r#"{"Issues":[{"FromLinter":"gosec","Text":"x"}],"Report":{}}"#, "golangci-lint", "gosec"),
            ("<ReportDefinition type='standard'/>", "Fortify", "junit"),
            ("<analysis/>", "--format JSON", "cyclonedx"),
        ] {
            for read in [read_text(text), read_as(not, text)] {
                let error = read.error.unwrap_or_else(|| panic!("{text}")).to_string();
                assert!(error.contains(name) && !error.contains("hunter2"), "{text}: {error}");
                assert!(read.findings.is_empty());
            }
        }
    }

    #[test]
    fn every_advice_can_be_reached() {
        for (index, (signs, words)) in ADVICE.iter().enumerate() {
            let earlier =
                ADVICE.iter().take(index).find(|(other, _)| other.iter().all(|sign| signs.contains(sign)));
            assert!(earlier.is_none() && !signs.is_empty(), "{words}");
        }
    }
}

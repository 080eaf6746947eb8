//! All findings of reports, with nothing to decide: those of the base, and those that are only listed.

use std::cmp::Reverse;
use std::path::PathBuf;

use super::files::{Expanded, expand};
use super::left_out::no_report;
use super::plan::{PlannedFile, ReadingPlan, item, plan, standard_input};
use super::report_reader::read_into;
use super::roles::by_role;
use super::{GivenFile, Limits};
use crate::decide::{Context, Counts, Evidence, RunError, Status};
use crate::finding::{Finding, Fingerprint, Package, Purl, Scope, SecretKey, Severity, clean};
use crate::gather::diagnostics::GatherDiagnostic;
use crate::policy::{Policy, ReportMapping};
use crate::report::{self, HiddenFindings, Hint, Options, ReadError, Sink, Source};

/// A report of the base.
#[derive(Debug)]
pub struct BaseReport {
    /// The file and what it says of the scan.
    pub evidence: Evidence,
    /// Its findings, suppressed ones too.
    pub findings: Vec<Finding>,
    /// Findings that it only counts.
    pub hidden: Vec<HiddenFindings>,
    /// The packages that it lists, vulnerable or not, with the path and, where it is told, the scope of each.
    pub packages: Vec<(String, Package, Option<Scope>)>,
    /// The same of an SBOM: of each the file, where it says so.
    pub inventory: Vec<(Option<String>, Purl)>,
}

/// Reports of the base, and what was left out of folders of it: each a path with the reason.
pub type BaseListing = (Vec<BaseReport>, Vec<(String, String)>);

/// Reads reports of the base: the findings of each with its path, outcome and status.
pub fn base_reports(
    policy: &Policy,
    paths: &[PathBuf],
    limits: Limits,
    roots: &[String],
    secret_key: Option<&SecretKey>,
) -> Result<BaseListing, RunError> {
    let given = paths.iter().map(|path| GivenFile { path: path.clone(), format: None, entry: None });
    let (mut items, mut left_out) = (Vec::new(), Vec::new());
    for one in given {
        let Expanded { files, left_out: mut out } = expand(&one);
        for (path, in_directory) in files {
            match Some(&path).filter(|_| in_directory).and_then(|path| no_report(path)) {
                Some(reason) => out.file(&path, reason),
                None => items.push(item(policy, &one, &path, in_directory, limits, None)?),
            }
        }
        let told = out.told(&one.path.to_string_lossy()).into_iter();
        left_out.extend(told.map(|(path, why)| (path, format!("of the base: {why}"))));
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    let options = one_by_one(limits, roots, secret_key);
    let context = Context::at(jiff::Timestamp::UNIX_EPOCH);
    let read = |item: PlannedFile| {
        let mut keep = FindingSink::default();
        let outcome = read_into(policy, &item, &options, &mut keep);
        let evidence = Evidence::judged(&item.name, None, &outcome, keep.counts, &[], &context, None);
        if evidence.status == Status::Unreadable {
            let path = Some(clean(&item.name).into_owned());
            let why = evidence.message;
            return Err(RunError::of(path, &GatherDiagnostic::BaseReportUnreadable { why }));
        }
        let (mut packages, mut inventory) = (Vec::new(), Vec::new());
        if let (Some(format), Some(sha256)) = (&evidence.format, &evidence.sha256) {
            packages = report::listed_packages(&item.source, format, &options, sha256);
            let listed = report::inventory(&item.source, format, &options, sha256);
            inventory.extend(listed.into_iter().map(|listed| (listed.path, listed.purl)));
        }
        Ok(BaseReport { evidence, findings: keep.findings, hidden: keep.hidden, packages, inventory })
    };
    let mut reports: Vec<BaseReport> = Vec::new();
    for item in items {
        let report = read(item)?;
        // Given twice, under whatever names, it does not show twice as many findings.
        let known = |other: &BaseReport| other.evidence.sha256 == report.evidence.sha256;
        if !reports.iter().any(known) {
            reports.push(report);
        }
    }
    if let Some(held) = options.held.mask() {
        for report in &mut reports {
            for finding in &mut report.findings {
                held.mask(finding.texts());
            }
            Evidence::withhold_all(std::slice::from_mut(&mut report.evidence), Some(&held));
        }
    }
    Ok((reports, left_out))
}

/// Reports and all their findings, suppressed ones too, each with the index of its report.
pub type Findings = (Vec<Evidence>, Vec<(Finding, usize)>);

/// Reads reports without a policy, but for `mappings` of formats of its own: their evidence as it would be judged
/// without an entry, and all findings, worst first.
pub fn findings(
    given: &[GivenFile],
    mappings: &[ReportMapping],
    limits: Limits,
    roots: &[String],
    secret_key: Option<&SecretKey>,
) -> Result<Findings, RunError> {
    let options = one_by_one(limits, roots, secret_key);
    let context = Context::at(jiff::Timestamp::UNIX_EPOCH);
    let mut evidence = Vec::new();
    let mut all = Vec::new();
    for one in given {
        let Expanded { files, left_out: mut out } = expand(one);
        for (path, in_directory) in files {
            if let Some(reason) = Some(&path).filter(|_| in_directory).and_then(|path| no_report(path)) {
                out.file(&path, reason);
                continue;
            }
            let name = path.to_string_lossy().into_owned();
            let source = if name == "-" { standard_input(limits.max_stdin)? } else { Source::File(path) };
            let mut keep = FindingSink::default();
            let hint = Hint { format: one.format.as_deref(), category: None };
            let outcome = match mappings.iter().find(|m| hint.format == Some(m.id.as_str())) {
                Some(mapping) => report::read_mapped(&source, mapping, &options, &mut keep),
                None => report::read_source(&source, hint, &options, &mut keep),
            };
            if in_directory
                && let Some(ReadError::Unknown { looks_like }) = &outcome.error
                && report::is_whole_document(&source, &options)
            {
                evidence.push(Evidence::ignored(&name, looks_like.clone()));
                continue;
            }
            let index = evidence.len();
            evidence.push(Evidence::judged(&name, None, &outcome, keep.counts, &[], &context, None));
            all.extend(keep.findings.into_iter().map(|finding| (finding, index)));
        }
        let told = out.told(&one.path.to_string_lossy());
        evidence.extend(told.into_iter().map(|(path, why)| Evidence::ignored(&path, why)));
    }
    let held = options.held.mask();
    if let Some(held) = &held {
        for (finding, _) in &mut all {
            held.mask(finding.texts());
        }
    }
    Evidence::withhold_all(&mut evidence, held.as_ref());
    Evidence::name_copies(&mut evidence);
    // Stable, so that findings of one place stay in their report's order.
    all.sort_by(|(a, _), (b, _)| worst_first(a).cmp(&worst_first(b)));
    Ok((evidence, all))
}

/// The reports that the evidence of a policy names, as `check` finds them, and all their findings, worst first.
pub fn findings_of_policy(
    policy: &Policy,
    limits: Limits,
    roots: &[String],
    secret_key: Option<&SecretKey>,
) -> Result<Findings, Vec<RunError>> {
    let options = one_by_one(limits, roots, secret_key);
    let context = Context::at(jiff::Timestamp::UNIX_EPOCH);
    let ReadingPlan { items, left_out: _ } = plan(policy, &[], limits, None, true)?;
    let (_, reports) = by_role(policy, items, &options);
    let (mut evidence, mut all) = (Vec::new(), Vec::new());
    for item in reports {
        let mut keep = FindingSink::default();
        let outcome = read_into(policy, &item, &options, &mut keep);
        let index = evidence.len();
        evidence.push(Evidence::judged(&item.name, None, &outcome, keep.counts, &[], &context, None));
        all.extend(keep.findings.into_iter().map(|finding| (finding, index)));
    }
    Evidence::name_copies(&mut evidence);
    all.sort_by(|(a, _), (b, _)| worst_first(a).cmp(&worst_first(b)));
    Ok((evidence, all))
}

/// Order of findings: one of unknown severity may be of the worst.
fn worst_first(finding: &Finding) -> (Reverse<u8>, Option<&str>, Option<u32>, Fingerprint) {
    let line = finding.location.as_ref().and_then(|location| location.line);
    (Reverse(finding.severity.rank(Severity::Critical)), finding.path(), line, finding.fingerprint)
}

/// Reports are read one after the other, so that a second thread may read ahead.
fn one_by_one(limits: Limits, roots: &[String], secret_key: Option<&SecretKey>) -> Options {
    Options {
        max_report: limits.max_report,
        read_ahead: true,
        roots: roots.to_vec(),
        secret_key: secret_key.cloned(),
        ..Options::default()
    }
}

/// Keeps all findings of a report.
#[derive(Default)]
struct FindingSink {
    findings: Vec<Finding>,
    counts: Counts,
    hidden: Vec<HiddenFindings>,
}

impl Sink for FindingSink {
    fn hidden(&mut self, hidden: HiddenFindings) {
        self.hidden.push(hidden);
    }
    fn finding(&mut self, mut finding: Finding) {
        self.counts.add(&finding);
        finding.raise_malware();
        self.findings.push(finding);
    }
    fn restart(&mut self) {
        *self = Self::default();
    }
}

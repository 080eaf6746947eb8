//! The steps in words.

use super::{UnblockStep, UnblockStepKind};
use crate::decide::{Evidence, Obligation, Status};
use crate::finding::{Category, Finding, Fix, Text, plural, upgrade_target};

/// Places, owners and the like that one step names; the rest is counted.
const NAMED: usize = 4;

/// Alternative to an action: a decision that people may take.
pub(super) fn or_approved(step: String, obligations: &[Obligation]) -> String {
    match obligations.first() {
        Some(obligation) => format!("{step}, or have it approved by {obligation}"),
        None => step,
    }
}

pub(super) fn of_evidence(evidence: &Evidence) -> String {
    let entry = evidence.entry.as_deref();
    let name = entry.map_or_else(String::new, |entry| format!(" for {entry}"));
    let path = evidence.path.as_ref().map_or("", |path| path.as_str());
    match evidence.status {
        Status::Absent => {
            format!("provide the report{name}: {}", evidence.message)
        }
        Status::Unreadable => format!(
            "run the scanner behind {path}{name} again, or correct the path; it could not be read as a report"
        ),
        Status::Failed | Status::Incomplete => {
            format!("find out why the scan behind {path}{name} did not finish cleanly, and run it again")
        }
        Status::NothingScanned => {
            format!("give the scan behind {path}{name} something to scan, or set `nothing_scanned: warn`")
        }
        Status::Stale => format!("run the scan behind {path}{name} again; the report is too old"),
        Status::Foreign => format!("scan the commit or image of this run{name}; {path} is about another one"),
        Status::Complete | Status::Ignored => format!("resolve {path}{name}: {}", evidence.message),
    }
}

/// Object of an action, and the action in words.
pub(super) fn describe_step(
    kind: UnblockStepKind,
    lead: &Finding,
    findings: &[&Finding],
) -> (String, String) {
    let package = match &lead.package {
        Some(package) => format!("{} {}", package.name, package.version).trim_end().to_owned(),
        None => lead.rule_id.to_string(),
    };
    let places = places(findings);
    match kind {
        UnblockStepKind::Rotate => (places.clone(), format!("rotate the secret in {places}")),
        UnblockStepKind::Upgrade => {
            let what = format!("{package} to {}", upgrade_target(findings).unwrap_or_default());
            let at = if places.is_empty() { String::new() } else { format!(" ({places})") };
            let text = format!("upgrade {what}{at}");
            (what, text)
        }
        UnblockStepKind::Replace if lead.category == Category::License => {
            let text = format!("replace {package}, or have its licence allowed");
            (package, text)
        }
        UnblockStepKind::Replace => {
            let why = match (lead.fix, &lead.package) {
                (Fix::None, _) => "has no fix yet",
                (_, Some(package)) if !package.fixed.is_empty() => "is fixed only in older versions",
                _ => "names no fixed version",
            };
            let text = format!("replace {package}, which {why}");
            (package, text)
        }
        _ if places.is_empty() => {
            let what = lead.rule_id.to_string();
            let text = format!("correct what {what} reports");
            (what, text)
        }
        _ => (places.clone(), format!("correct {places}")),
    }
}

/// `src/a.py:3, 9, src/b.py:1 and 2 more`.
pub(super) fn places(findings: &[&Finding]) -> String {
    let mut files: Vec<(&str, Vec<u32>)> = Vec::new();
    for finding in findings {
        let path = finding.location.as_ref().map(|at| &at.path);
        let Some(path) = path.or(finding.target.as_ref()).map(Text::as_str) else { continue };
        let line = finding.location.as_ref().and_then(|l| l.line);
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lines)) => lines.extend(line),
            None => files.push((path, line.into_iter().collect())),
        }
    }
    let mut told: Vec<String> = Vec::new();
    for (path, mut lines) in files.iter().cloned() {
        lines.sort_unstable();
        lines.dedup();
        let more = lines.len().saturating_sub(2 * NAMED);
        let first: Vec<String> = lines.iter().take(2 * NAMED).map(u32::to_string).collect();
        let more =
            if more > 0 { format!(" and {}", plural(more as u64, "more line")) } else { String::new() };
        told.push(if first.is_empty() {
            path.to_owned()
        } else {
            format!("{path}:{}{more}", first.join(", "))
        });
    }
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    let more = if more > 0 { format!(" and {}", plural(more as u64, "more file")) } else { String::new() };
    format!("{}{more}", told.join("; "))
}

/// `undo 1 weakened gate setting, rotate 1 secret, upgrade 2 packages (7 of 9 findings), get 1 finding approved by role:appsec`.
pub(super) fn summary(steps: &[UnblockStep], stopping: u64) -> String {
    let of = |kind: UnblockStepKind| steps.iter().filter(move |step| step.kind == kind);
    let mut parts = Vec::new();
    for (kind, verb, noun) in [
        (UnblockStepKind::Error, "fix", "error"),
        (UnblockStepKind::Evidence, "provide", "report"),
        (UnblockStepKind::Base, "provide", "base"),
        (UnblockStepKind::Gate, "undo", "weakened gate setting"),
        (UnblockStepKind::FirstGate, "accept", "first gate"),
        (UnblockStepKind::Demand, "meet", "requirement"),
        (UnblockStepKind::Rotate, "rotate", "secret"),
        (UnblockStepKind::Upgrade, "upgrade", "package"),
        (UnblockStepKind::Replace, "replace", "package"),
        (UnblockStepKind::Correct, "correct", "file"),
    ] {
        let count: u64 = of(kind).map(|step| step.counts).sum();
        if count == 0 {
            continue;
        }
        let cleared: u64 = of(kind).map(|step| step.clears).sum();
        let clears = match cleared {
            0 => String::new(),
            cleared if cleared == count && kind != UnblockStepKind::Upgrade => String::new(),
            cleared if stopping == 1 && cleared == 1 => String::new(),
            cleared => format!(" ({cleared} of {stopping} findings)"),
        };
        parts.push(match kind {
            UnblockStepKind::FirstGate => "have the first gate accepted".to_owned(),
            _ => format!("{verb} {}{clears}", plural(count, noun)),
        });
    }
    if of(UnblockStepKind::Unlisted).next().is_some() {
        parts.push("see what is not listed".to_owned());
    }
    for step in of(UnblockStepKind::Approve) {
        let by = &step.what;
        parts.push(match step.clears {
            0 => format!("get approval by {by}"),
            clears => format!("get {} approved by {by}", plural(clears, "finding")),
        });
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn places_are_few() {
        let at = |path: &str, line: u32| {
            let mut finding = Finding::new(Category::Sast, "t", "r", Severity::High);
            finding.location = crate::finding::Location::new(path, Some(line), None, &[]);
            finding
        };
        let all = [at("a.py", 9), at("a.py", 3), at("b.py", 1), at("a.py", 9)];
        assert_eq!(places(&all.iter().collect::<Vec<_>>()), "a.py:3, 9; b.py:1");
        let many: Vec<Finding> = (1..60).map(|n| at(&format!("{}.py", n % 6), n)).collect();
        let told = places(&many.iter().collect::<Vec<_>>());
        assert!(told.contains("and 2 more lines") && told.ends_with("and 2 more files"), "{told}");
    }
}

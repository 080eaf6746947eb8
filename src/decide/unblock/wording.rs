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
    let name = evidence.entry.as_ref().map_or_else(String::new, |entry| format!(" for {entry}"));
    let path = evidence.path.as_ref().map_or("", |path| path.as_str());
    match evidence.status {
        Status::Absent => {
            format!("save the report{name} where the policy looks for it ({})", evidence.message)
        }
        Status::Unreadable => format!("make {path}{name} again; it is no report that can be relied on"),
        Status::Failed | Status::Incomplete => {
            format!("see why the scan behind {path}{name} was not whole, and run it again")
        }
        Status::NothingScanned => {
            format!("point the scan behind {path}{name} at something, or say `nothing_scanned: warn`")
        }
        Status::Stale => format!("run the scan behind {path}{name} again; the report is too old"),
        Status::Foreign => format!("scan{name} what this run is about, instead of what {path} is about"),
        Status::Complete | Status::Ignored => format!("see to {path}{name}: {}", evidence.message),
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
            let text = format!("take another package than {package}, or have its licence allowed");
            (package, text)
        }
        UnblockStepKind::Replace => {
            let why = match (lead.fix, &lead.package) {
                (Fix::None, _) => "has no fix yet",
                (_, Some(package)) if !package.fixed.is_empty() => "is fixed only in older versions",
                _ => "names no fixed version",
            };
            let text = format!("take another version or package than {package}, which {why}");
            (package, text)
        }
        _ if places.is_empty() => {
            let what = lead.rule_id.to_string();
            let text = format!("correct what {what} says");
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

/// `2 upgrades clear 7 of 9, 1 secret to rotate, 1 needs role:appsec`.
pub(super) fn summary(steps: &[UnblockStep], stopping: u64) -> String {
    let of = |kind: UnblockStepKind| steps.iter().filter(move |step| step.kind == kind);
    let count = |kind: UnblockStepKind| of(kind).count() as u64;
    let mut parts = Vec::new();
    let upgrades = count(UnblockStepKind::Upgrade);
    if upgrades > 0 {
        let cleared: u64 = of(UnblockStepKind::Upgrade).map(|step| step.clears).sum();
        let verb = if upgrades == 1 { "clears" } else { "clear" };
        parts.push(format!("{} {verb} {cleared} of {stopping}", plural(upgrades, "upgrade")));
    }
    for (kind, noun, what) in [
        (UnblockStepKind::Error, "error", "to correct"),
        (UnblockStepKind::Evidence, "report", "to bring"),
        (UnblockStepKind::Base, "base", "to give"),
        (UnblockStepKind::Gate, "looser gate", "to take back"),
        (UnblockStepKind::Demand, "demand", "to meet"),
        (UnblockStepKind::Rotate, "secret", "to rotate"),
        (UnblockStepKind::Replace, "package", "to replace"),
        (UnblockStepKind::Correct, "file", "to correct"),
    ] {
        if count(kind) > 0 {
            parts.push(format!("{} {what}", plural(count(kind), noun)));
        }
    }
    if count(UnblockStepKind::Unlisted) > 0 {
        parts.push("more that is not listed".to_owned());
    }
    for step in of(UnblockStepKind::Approve) {
        let verb = if step.clears == 1 { "needs" } else { "need" };
        let by = &step.what;
        let part = if step.clears == 0 {
            format!("approval by {by}")
        } else {
            format!("{} {verb} {by}", step.clears)
        };
        parts.push(part);
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

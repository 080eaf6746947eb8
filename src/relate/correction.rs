//! Corrections of findings by the policy.

use crate::finding::{Category, Finding, FingerprintBuilder, Sighting, Stage, State};
use crate::policy::{Answer, Mapping, Policy, SelectorContext};

/// A finding as the policy corrects it.
pub fn corrected(mut finding: Finding, policy: &Policy) -> Finding {
    correct(&mut finding, policy);
    finding.raise_malware();
    finding
}

/// Corrects severity and category as the policy's `severity.map` says; the first line that matches holds.
pub(super) fn correct(finding: &mut Finding, policy: &Policy) {
    let Some(line) = policy.severity_map.iter().find(|line| line_matches(line, finding, policy)) else {
        return;
    };
    if let Some(severity) = line.becomes {
        finding.severity = severity;
    }
    if let Some(category) = line.category {
        if category == Category::Secret && finding.category != Category::Secret {
            // The scanner did not know that its message is about a secret, so the message may quote one, and the
            // fingerprint may be made of it.
            finding.title = finding.rule_id.clone();
            let id = FingerprintBuilder::new(category.as_str()).part(finding.rule_id.real());
            finding.identify(id);
            finding.told_by_code = false;
            // What its value is, its report does not say: it is known where its lines are, or its file.
            let by_file = finding.stage == Some(Stage::Unchanged) && finding.sighting == Sighting::InFile;
            if !by_file && finding.sighting != Sighting::OnItsLines {
                (finding.state, finding.stage, finding.first_seen) = (State::New, None, None);
            }
        }
        finding.category = category;
        finding.may_hold_secret |= category == Category::Secret;
    }
}

fn line_matches(line: &Mapping, finding: &Finding, policy: &Policy) -> bool {
    line.tool.as_ref().is_none_or(|tool| tool.eq_ignore_ascii_case(finding.tool.real()))
        && line.rule_id.as_ref().is_none_or(|glob| glob.matches_rule_of(finding))
        && line.severity.is_none_or(|severity| severity == finding.severity)
        && (line.conditions.is_empty() || {
            // What is not known makes nothing milder, and neither does one place of several.
            let lowers = line.may_lower();
            let around = SelectorContext {
                inside_not: lowers,
                ..SelectorContext::without_report(policy.unknown_severity)
            };
            let least = if lowers { Answer::Yes } else { Answer::Unknown };
            line.conditions.answer(finding, around) >= least
        })
}

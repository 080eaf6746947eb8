//! Which findings a rule looks at.

use crate::finding::{
    Category, Finding, FingerprintBuilder, Fix, Reachability, Severity, State, UnknownAttributes, View,
};
use crate::policy::{Mapping, PathGlob, Policy, RuleGlob, Selector};

/// Context that matching needs besides the finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelectorContext<'a> {
    /// The level an unknown severity counts as.
    pub(super) unknown_severity: Severity,
    /// Seconds since 1970, for ages.
    pub(super) now: i64,
    /// Names of the evidence entries that the report was given for.
    pub(super) entries: &'a [String],
    /// The report's index in the evidence.
    pub(super) evidence: usize,
}

/// Corrects severity and category as the policy's `severity.map` says; the first line that matches holds.
pub(super) fn correct(finding: &mut Finding, policy: &Policy) {
    let Some(line) = policy.severity_map.iter().find(|line| line_matches(line, finding)) else { return };
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
            // What its value is, its report does not say.
            (finding.state, finding.stage, finding.first_seen) = (State::New, None, None);
        }
        finding.category = category;
        finding.may_hold_secret |= category == Category::Secret;
    }
}

fn line_matches(line: &Mapping, finding: &Finding) -> bool {
    line.tool.as_ref().is_none_or(|tool| tool.eq_ignore_ascii_case(finding.tool.real()))
        && line.rule_id.as_ref().is_none_or(|glob| rule_matches(glob, finding))
        && line.severity.is_none_or(|severity| severity == finding.severity)
}

fn rule_matches(glob: &RuleGlob, finding: &Finding) -> bool {
    // An alias group has one rule and several names.
    let names = [&finding.rule_id].into_iter().chain(&finding.rule_aliases).chain(&finding.ids);
    names.into_iter().any(|name| glob.matches(name.real()))
}

/// True if the rule with this selector looks at the finding.
pub(super) fn selects(selector: &Selector, finding: &Finding, around: SelectorContext<'_>) -> bool {
    // Only a rule that asks for suppressed findings sees them.
    finding.suppressed == selector.suppressed.unwrap_or(false) && matches(selector, finding, around, false)
}

/// An attribute that the finding lacks matches at the top and never inside `not`, so that what is not known is
/// never excluded.
pub(super) fn matches(
    selector: &Selector,
    finding: &Finding,
    around: SelectorContext<'_>,
    inside_not: bool,
) -> bool {
    let lacking = !inside_not;
    let rank = |severity: Severity| severity.rank(around.unknown_severity);
    let no_case = |wanted: &[String], is: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(is));
    (selector.category.is_empty() || selector.category.contains(&finding.category))
        && selector.severity.is_none_or(|least| rank(finding.severity) >= rank(least))
        && (selector.state.is_empty() || selector.state.contains(&finding.state))
        && (selector.fix.is_empty()
            || if finding.fix == Fix::Unknown { lacking } else { selector.fix.contains(&finding.fix) })
        && (selector.ids.is_empty()
            || selector.ids.iter().any(|glob| {
                let mut ids = finding.ids.iter().chain([&finding.rule_id]);
                ids.any(|id| glob.matches(id.real()))
            }))
        && (selector.cwe.is_empty() || finding.cwes.iter().any(|cwe| selector.cwe.contains(cwe)))
        && (selector.rule_id.is_empty() || selector.rule_id.iter().any(|glob| rule_matches(glob, finding)))
        && (selector.tool.is_empty() || no_case(&selector.tool, finding.tool.real()))
        && (selector.path.is_empty()
            || finding.path().map_or_else(
                || lacking && selector.path.iter().any(PathGlob::is_everything),
                |path| selector.path.iter().any(|glob| glob.matches_path(path)),
            ))
        && (selector.package.is_empty()
            || selector.package.iter().any(|name| finding.is_of_package(name).unwrap_or(lacking)))
        && (selector.scope.is_empty()
            || finding.scope.map_or(lacking, |scope| selector.scope.contains(&scope)))
        && selector.confidence.is_none_or(|least| finding.confidence.map_or(lacking, |is| is >= least))
        && selector.verified.is_none_or(|wanted| finding.verified.map_or(lacking, |is| is == wanted))
        && (!inside_not || selector.suppressed.is_none_or(|wanted| finding.suppressed == wanted))
        && selector.kev.is_none_or(|wanted| finding.kev.map_or(lacking, |is| is == wanted))
        && selector.epss.is_none_or(|least| finding.epss.map_or(lacking, |is| is >= least))
        && selector.cvss.is_none_or(|least| finding.cvss.as_ref().map_or(lacking, |cvss| cvss.score >= least))
        && (selector.reachable.is_empty()
            || match finding.reachable {
                Reachability::Unknown => lacking,
                told => selector.reachable.contains(&told),
            })
        && selector.direct.is_none_or(|wanted| finding.direct.map_or(lacking, |is| is == wanted))
        && selector.malware.is_none_or(|wanted| finding.is_malware() == wanted)
        && selector.age.is_none_or(|least| is_old(finding, least, around.now, inside_not))
        && (selector.evidence.is_empty()
            || selector.evidence.iter().any(|name| around.entries.contains(name)))
        && !selector.not.as_ref().is_some_and(|not| matches(not, finding, around, true))
        && selector.r#where.as_ref().is_none_or(|condition| {
            // What cannot be put into JSON cannot be shown either; it matches, so that it is not lost.
            serde_json::to_value(View::of_finding(&finding.with_real_texts(), around.evidence))
                .map_or(true, |value| condition.matches(&value))
        })
}

/// Requirements of the rule with this selector and the finding does not say, so that it matches.
pub(super) fn unknown(selector: &Selector, finding: &Finding) -> UnknownAttributes {
    let asked = [
        ("fix", !selector.fix.is_empty() && finding.fix == Fix::Unknown),
        ("scope", !selector.scope.is_empty() && finding.scope.is_none()),
        ("confidence", selector.confidence.is_some() && finding.confidence.is_none()),
        ("verified", selector.verified.is_some() && finding.verified.is_none()),
        ("kev", selector.kev.is_some() && finding.kev.is_none()),
        ("epss", selector.epss.is_some() && finding.epss.is_none()),
        ("cvss", selector.cvss.is_some() && finding.cvss.is_none()),
        ("reachable", !selector.reachable.is_empty() && finding.reachable == Reachability::Unknown),
        ("direct", selector.direct.is_some() && finding.direct.is_none()),
        ("age", selector.age.is_some() && finding.published.is_none() && finding.first_seen.is_none()),
    ];
    let mut unknown = UnknownAttributes::default();
    asked.iter().filter(|(_, lacks)| *lacks).for_each(|(name, _)| unknown.add(name));
    unknown
}

/// True if a finding is at least so old, in seconds: since it was published, and since the baseline first knew it. The
/// later of the two is when somebody could begin to answer it. Inside `not` it is the earlier: so that neither what is
/// lost of a report nor a line taken out of a baseline lets anything through.
fn is_old(finding: &Finding, least: i64, now: i64, inside_not: bool) -> bool {
    let ages = [finding.published.map(|at| now - at), seen_for(finding, now)];
    let mut known = ages.into_iter().flatten().peekable();
    if known.peek().is_none() {
        return !inside_not;
    }
    if inside_not { known.any(|age| age >= least) } else { known.all(|age| age >= least) }
}

/// Seconds since the day began on which the baseline first knew a finding. A day to come says nothing.
pub(super) fn seen_for(finding: &Finding, now: i64) -> Option<i64> {
    let day = jiff::tz::Offset::UTC.to_timestamp(finding.first_seen?.at(0, 0, 0, 0)).ok()?;
    Some(now - day.as_second()).filter(|age| *age >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, CvssRating, Scope};

    const AROUND: SelectorContext<'static> =
        SelectorContext { unknown_severity: Severity::Critical, now: 1_000_000, entries: &[], evidence: 0 };

    fn finding(severity: Severity) -> Finding {
        Finding::new(Category::Sast, "semgrep", "rule", severity)
    }

    #[test]
    fn severity_means_that_bad_or_worse() {
        let high = Selector { severity: Some(Severity::High), ..Selector::default() };
        assert!(selects(&high, &finding(Severity::Critical), AROUND));
        assert!(selects(&high, &finding(Severity::High), AROUND));
        assert!(!selects(&high, &finding(Severity::Medium), AROUND));
        assert!(selects(&high, &finding(Severity::Unknown), AROUND));
    }

    #[test]
    fn scores_and_reachability_of_a_package() {
        let rating = |score| Some(Box::new(CvssRating { score, version: None, vector: None }));
        let of = |cvss, reachable, direct| Finding { cvss, reachable, direct, ..finding(Severity::High) };
        let severe = Selector { cvss: Some(7.0), ..Selector::default() };
        let unreached = Selector { reachable: vec![Reachability::No], ..Selector::default() };
        let direct = Selector { direct: Some(true), ..Selector::default() };
        let told = of(rating(7.0), Reachability::No, Some(true));
        let other = of(rating(6.9), Reachability::Yes, Some(false));
        let silent = of(None, Reachability::Unknown, None);
        for selector in [severe, unreached, direct] {
            let not = Selector { not: Some(Box::new(selector.clone())), ..Selector::default() };
            assert_eq!([&told, &other, &silent].map(|f| selects(&selector, f, AROUND)), [true, false, true]);
            assert_eq!([&told, &other, &silent].map(|f| selects(&not, f, AROUND)), [false, true, true]);
        }
    }

    #[test]
    fn what_is_not_known_is_never_excluded() {
        let plain = finding(Severity::Low);
        let top = Selector {
            fix: vec![Fix::None],
            scope: vec![Scope::Production],
            confidence: Some(Confidence::High),
            kev: Some(true),
            epss: Some(0.5),
            age: Some(60),
            ..Selector::default()
        };
        assert!(selects(&top, &plain, AROUND));
        let not = Selector { scope: vec![Scope::Development], ..Selector::default() };
        let without = Selector { not: Some(Box::new(not)), ..Selector::default() };
        assert!(selects(&without, &plain, AROUND));
        let development = Finding { scope: Some(Scope::Development), ..plain };
        assert!(!selects(&without, &development, AROUND));
    }

    #[test]
    fn suppressed_findings_are_seen_only_when_asked_for() {
        let hidden = Finding { suppressed: true, ..finding(Severity::High) };
        assert!(!selects(&Selector::default(), &hidden, AROUND));
        let asked = Selector { suppressed: Some(true), ..Selector::default() };
        assert!(selects(&asked, &hidden, AROUND));
        assert!(!selects(&asked, &finding(Severity::High), AROUND));
    }
}

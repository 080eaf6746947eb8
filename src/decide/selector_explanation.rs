//! A rule's selectors one by one: which hold for a finding, and what of it decided.

use serde::Serialize;

use super::selector::{SelectorContext, matches, selects};
use crate::finding::{Finding, Fix, Reachability, Severity, clean, duration_text};
use crate::policy::{Selector, Where};

/// One selector, and what the finding says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clause {
    /// The key in the policy.
    pub name: &'static str,
    /// Value that it asks for.
    pub wanted: String,
    /// Value of the finding.
    pub is: String,
    /// Whether it holds.
    pub holds: bool,
    /// The finding does not say; a selector on what is not known holds, so that nothing is lost.
    pub unknown: bool,
}

/// Context that matching needs besides the finding.
#[derive(Debug, Clone, Copy)]
pub struct ClauseContext<'a> {
    /// The level an unknown severity counts as.
    pub unknown_severity: Severity,
    /// Seconds since 1970.
    pub now: i64,
    /// Names of the evidence entries that the report was given for.
    pub entries: &'a [String],
    /// The report's index in the evidence.
    pub evidence: usize,
}

impl<'a> From<ClauseContext<'a>> for SelectorContext<'a> {
    fn from(around: ClauseContext<'a>) -> Self {
        let ClauseContext { unknown_severity, now, entries, evidence } = around;
        Self { unknown_severity, now, entries, evidence }
    }
}

/// True if the rule with this selector looks at the finding.
pub fn looks_at(selector: &Selector, finding: &Finding, around: ClauseContext<'_>) -> bool {
    selects(selector, finding, around.into())
}

/// The selectors in the order of the documentation. Each is asked by itself, by the code that decides.
pub fn explain_selector(selector: &Selector, finding: &Finding, around: ClauseContext<'_>) -> Vec<Clause> {
    let words = ClauseWording { finding, around };
    parts(selector)
        .into_iter()
        .map(|(name, wanted, part)| {
            let holds = if name == "suppressed" {
                finding.suppressed == selector.suppressed.unwrap_or(false)
            } else {
                matches(&part, finding, around.into(), false)
            };
            let (is, unknown) = words.describe(name);
            Clause { name, wanted, is, holds, unknown }
        })
        .collect()
}

/// Requirements of a selector, as a policy would write it.
pub fn describe(selector: &Selector) -> String {
    let parts: Vec<String> = parts(selector)
        .into_iter()
        .filter(|(name, _, part)| *name != "suppressed" || part.suppressed.is_some())
        .map(|(name, wanted, _)| format!("{name}: {wanted}"))
        .collect();
    if parts.is_empty() { "every active finding".to_owned() } else { parts.join(", ") }
}

type SelectorPart = (&'static str, String, Selector);

/// Each selector that is given, by itself. The list is taken apart in full, so that a new selector cannot be left out.
fn parts(selector: &Selector) -> Vec<SelectorPart> {
    let Selector {
        category,
        severity,
        state,
        fix,
        ids,
        cwe,
        rule_id,
        tool,
        path,
        package,
        scope,
        confidence,
        verified,
        suppressed,
        kev,
        epss,
        cvss,
        reachable,
        direct,
        age,
        malware,
        // Becomes `evidence` when the policy is loaded.
        subject: _,
        evidence,
        not,
        r#where,
    } = selector.clone();
    let none = Selector::default;
    let mut parts: Vec<SelectorPart> = Vec::new();
    let mut add = |given: bool, name: &'static str, wanted: String, part: Selector| {
        if given {
            parts.push((name, wanted, part));
        }
    };
    add(!category.is_empty(), "category", list(&category), Selector { category, ..none() });
    add(severity.is_some(), "severity", or_worse(severity), Selector { severity, ..none() });
    add(!state.is_empty(), "state", list(&state), Selector { state, ..none() });
    add(!fix.is_empty(), "fix", list(&fix), Selector { fix, ..none() });
    let globs: Vec<&str> = ids.iter().map(crate::policy::RuleGlob::text).collect();
    add(!ids.is_empty(), "ids", list(&globs), Selector { ids: ids.clone(), ..none() });
    add(!cwe.is_empty(), "cwe", list(&cwe), Selector { cwe, ..none() });
    let globs: Vec<&str> = rule_id.iter().map(crate::policy::RuleGlob::text).collect();
    add(!rule_id.is_empty(), "rule_id", list(&globs), Selector { rule_id: rule_id.clone(), ..none() });
    add(!tool.is_empty(), "tool", list(&tool), Selector { tool, ..none() });
    let globs: Vec<&str> = path.iter().map(crate::policy::PathGlob::text).collect();
    add(!path.is_empty(), "path", list(&globs), Selector { path: path.clone(), ..none() });
    add(!package.is_empty(), "package", list(&package), Selector { package, ..none() });
    add(!scope.is_empty(), "scope", list(&scope), Selector { scope, ..none() });
    let wanted = confidence.map(|c| format!("{c} or surer")).unwrap_or_default();
    add(confidence.is_some(), "confidence", wanted, Selector { confidence, ..none() });
    add(verified.is_some(), "verified", plain(verified), Selector { verified, ..none() });
    add(true, "suppressed", plain(suppressed.or(Some(false))), Selector { suppressed, ..none() });
    add(kev.is_some(), "kev", plain(kev), Selector { kev, ..none() });
    let wanted = epss.map(|e| format!("at least {e}")).unwrap_or_default();
    add(epss.is_some(), "epss", wanted, Selector { epss, ..none() });
    let wanted = cvss.map(|score| format!("at least {score}")).unwrap_or_default();
    add(cvss.is_some(), "cvss", wanted, Selector { cvss, ..none() });
    add(!reachable.is_empty(), "reachable", list(&reachable), Selector { reachable, ..none() });
    add(direct.is_some(), "direct", plain(direct), Selector { direct, ..none() });
    let wanted = age.map(|a| format!("at least {}", duration_text(a))).unwrap_or_default();
    add(age.is_some(), "age", wanted, Selector { age, ..none() });
    add(malware.is_some(), "malware", plain(malware), Selector { malware, ..none() });
    add(!evidence.is_empty(), "evidence", list(&evidence), Selector { evidence, ..none() });
    let wanted = not.as_deref().map(|not| format!("{{{}}}", describe(not))).unwrap_or_default();
    add(not.is_some(), "not", wanted, Selector { not, ..none() });
    let wanted = r#where.as_ref().map(Where::text).unwrap_or_default().to_owned();
    add(r#where.is_some(), "where", wanted, Selector { r#where, ..none() });
    parts
}

fn list<T: std::fmt::Display>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(ToString::to_string).collect();
    clean(&words.join(" or ")).into_owned()
}

fn or_worse(severity: Option<Severity>) -> String {
    match severity {
        Some(Severity::Critical) => "critical".to_owned(),
        Some(severity) => format!("{severity} or worse"),
        None => String::new(),
    }
}

fn plain<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The finding's value for each selector.
struct ClauseWording<'a> {
    finding: &'a Finding,
    around: ClauseContext<'a>,
}

impl ClauseWording<'_> {
    /// The value, and whether it is not known.
    fn describe(&self, name: &str) -> (String, bool) {
        let finding = self.finding;
        let known = |value: Option<String>| {
            let unknown = value.is_none();
            (value.unwrap_or_else(|| "unknown".to_owned()), unknown)
        };
        let none = |text: String| (if text.is_empty() { "none".to_owned() } else { text }, false);
        match name {
            "category" => (finding.category.to_string(), false),
            "severity" if finding.severity == Severity::Unknown => {
                (format!("unknown, which counts as {}", self.around.unknown_severity), true)
            }
            "severity" => (finding.severity.to_string(), false),
            "state" => (finding.state.to_string(), false),
            "fix" => known((finding.fix != Fix::Unknown).then(|| finding.fix.to_string())),
            "ids" => {
                let ids: Vec<String> = finding.ids.iter().map(ToString::to_string).collect();
                none(ids.join(", "))
            }
            "cwe" => none(finding.cwes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
            "rule_id" => (finding.rule_id.to_string(), false),
            "tool" => (finding.tool.to_string(), false),
            "path" => none(finding.location.as_ref().map(|at| at.path.to_string()).unwrap_or_default()),
            "package" => none(finding.package.as_ref().map(|p| p.name.to_string()).unwrap_or_default()),
            "scope" => known(finding.scope.map(|s| s.to_string())),
            "confidence" => known(finding.confidence.map(|c| c.to_string())),
            "verified" => known(finding.verified.map(|v| v.to_string())),
            "suppressed" => (finding.suppressed.to_string(), false),
            "kev" => known(finding.kev.map(|k| k.to_string())),
            "epss" => known(finding.epss.map(|e| e.to_string())),
            "cvss" => known(finding.cvss.as_ref().map(|cvss| format!("{:.1}", cvss.score))),
            "reachable" => {
                let said = finding.reachable != Reachability::Unknown;
                known(said.then(|| finding.reachable.to_string()))
            }
            "direct" => known(finding.direct.map(|d| d.to_string())),
            "age" => {
                let now = self.around.now;
                let since = |age: Option<i64>, what: &str| {
                    age.map(|age| format!("{} since {what}", duration_text(age)))
                };
                let published = since(finding.published.map(|at| now - at), "it was published");
                let seen = since(super::selector::seen_for(finding, now), "the baseline first knew it");
                let told: Vec<String> = published.into_iter().chain(seen).collect();
                known((!told.is_empty()).then(|| told.join(", ")))
            }
            "malware" => (finding.is_malware().to_string(), false),
            "evidence" => none(self.around.entries.join(", ")),
            _ => (String::new(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Confidence};
    use crate::policy::load;

    const AROUND: ClauseContext<'static> =
        ClauseContext { unknown_severity: Severity::Critical, now: 0, entries: &[], evidence: 0 };

    fn selector(text: &str) -> Selector {
        let policy = format!(
            "version: 1\ngate: m\nevidence: {{s: {{category: sast, files: a.json}}, kev: {{feed: kev, files: k, max_age: 7d}}, \
             epss: {{feed: epss, files: e, max_age: 7d}}}}\n\
             rules: [{{id: r, findings: {{{text}}}, then: fail}}]\n"
        );
        let subject = load("p", policy.as_bytes()).unwrap().rules.remove(0).subject;
        let crate::policy::Subject::Findings(selector) = subject else { panic!("{subject:?}") };
        selector
    }

    #[test]
    fn all_clauses_hold_where_the_rule_looks() {
        let texts = [
            "category: sast",
            "severity: high, state: new",
            "severity: [critical, medium], confidence: high",
            "cwe: [79], not: {confidence: low}",
            "not: {confidence: high}, tool: semgrep",
            "suppressed: true",
            "where: \"@.severity == 'low'\", fix: none, kev: true, epss: 0.5, age: 30d",
            "path: [\"src/**\"], package: x, scope: development, verified: true",
            "cvss: {at_least: 7}, reachable: yes, direct: true",
            "not: {reachable: no}",
        ];
        let mut findings = Vec::new();
        for severity in Severity::ALL {
            for confidence in [None, Some(Confidence::Low), Some(Confidence::High)] {
                for suppressed in [false, true] {
                    let plain = Finding::new(Category::Sast, "semgrep", "r", severity);
                    findings.push(Finding { confidence, suppressed, cwes: vec![79], ..plain });
                }
            }
        }
        let mut both = (0, 0);
        for text in texts {
            let selector = selector(text);
            for finding in &findings {
                let all = explain_selector(&selector, finding, AROUND).iter().all(|c| c.holds);
                assert_eq!(all, looks_at(&selector, finding, AROUND), "{text}: {finding:?}");
                if all { both.0 += 1 } else { both.1 += 1 }
            }
        }
        assert!(both.0 > 10 && both.1 > 10, "{both:?}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let finding = Finding::new(Category::Sast, "semgrep", "r", Severity::Unknown);
        let found = explain_selector(&selector("severity: high, fix: available"), &finding, AROUND);
        let told: Vec<_> = found.iter().map(|c| (c.name, c.is.as_str(), c.holds, c.unknown)).collect();
        assert_eq!(
            told,
            [
                ("severity", "unknown, which counts as critical", true, true),
                ("fix", "unknown", true, true),
                ("suppressed", "false", true, false)
            ]
        );
        assert_eq!(
            describe(&selector("severity: high, fix: available")),
            "severity: high or worse, fix: available"
        );
    }
}

//! Which rules can look at a finding, by the names that it has: of many rules, nearly all ask for another one.

use super::glob::RuleGlobs;
use super::{Rule, RuleGlob};
use crate::finding::Finding;

/// Below so many rules that ask for names, to ask each of them costs less.
const FEWEST: usize = 16;

/// The rules about findings, by the rule ids and vulnerability ids that they ask for.
#[derive(Debug)]
pub struct RuleIndex {
    /// Those that may look at any finding, in order.
    any: Vec<usize>,
    by_name: Option<RuleGlobs>,
}

impl RuleIndex {
    /// The index of the rules of a policy.
    pub fn new(rules: &[Rule]) -> Self {
        let of_findings = || {
            let all = rules.iter().enumerate();
            all.filter_map(|(at, rule)| Some((at, names_of(rule.subject.findings()?))))
        };
        let named = || of_findings().filter(|(_, names)| !names.is_empty());
        let enough = named().count() >= FEWEST;
        let globs = || named().flat_map(|(at, names)| names.iter().map(move |glob| (at, glob)));
        let by_name = enough.then(|| RuleGlobs::new(globs())).flatten();
        let is_any = |names: &[RuleGlob]| by_name.is_none() || names.is_empty();
        let any = of_findings().filter(|(_, names)| is_any(names)).map(|(at, _)| at).collect();
        Self { any, by_name }
    }

    /// The rules that may look at the finding, in order: all that do are among them.
    pub fn candidates(&self, finding: &Finding) -> std::borrow::Cow<'_, [usize]> {
        let Some(by_name) = &self.by_name else { return self.any.as_slice().into() };
        let mut all = self.any.clone();
        for name in finding.names() {
            by_name.add_matching(name.real(), &mut all);
        }
        all.sort_unstable();
        all.dedup();
        all.into()
    }
}

/// The names of which a finding must have one.
fn names_of(selector: &super::Selector) -> &[RuleGlob] {
    if selector.rule_id.is_empty() { &selector.ids } else { &selector.rule_id }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::finding::{Category, Severity, Text};

    /// A finding with these names.
    fn finding(rule: &str, ids: &[&str]) -> Finding {
        let mut finding = Finding::new(Category::Sast, "tool", rule, Severity::High);
        finding.ids = ids.iter().map(|id| Text::line(id)).collect();
        finding
    }

    #[test]
    fn those_that_ask_for_another_name_are_left_out_and_no_others() {
        let mut text =
            "version: 1\ngate: g\nevidence: {s: {category: sast, files: [s.json]}}\nrules:\n".to_owned();
        let asked = [
            "",
            ", rule_id: [KSV017]",
            ", rule_id: [Other, 'a.*.c']",
            ", ids: ['CVE-2026-*']",
            ", ids: [AVD-KSV-0017]",
            ", rule_id: ['{x,y}-1', 'KSV-00{17,18}']",
        ];
        let filler: Vec<String> = (0..20).map(|n| format!(", rule_id: [other-{n}]")).collect();
        for (at, more) in asked.iter().copied().chain(filler.iter().map(String::as_str)).enumerate() {
            let _ = writeln!(text, "  - {{id: r{at}, findings: {{category: sast{more}}}, then: fail}}");
        }
        let policy = crate::policy::load("p.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let index = RuleIndex::new(&policy.rules);
        for (finding, looked_at) in [
            (finding("AVD-KSV-0017", &[]), &[0, 1, 4, 5][..]),
            (finding("a.b.C", &["cve-2026-1"]), &[0, 2, 3]),
            (finding("Y-1", &["other"]), &[0, 2, 5]),
            (finding("OTHER-19", &[]), &[0, 25]),
            (finding("", &[]), &[0]),
        ] {
            assert_eq!(&*index.candidates(&finding), looked_at, "{}", finding.rule_id);
        }
    }
}

//! Selectors of licences: of the licence that a finding is about.

use super::super::error::PolicyProblems;
use super::super::license::{LicenseDecision, LicenseList, LicenseTerms};
use super::super::written::{At, LicenseSelector};
use super::SelectorContext;
use super::criterion::{Answer, Criterion, CriterionFacts, SelectorReferences};
use crate::finding::{Category, Finding};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Findings of licences that are denied, or not among those that are allowed.
pub(crate) struct LicenseIs;

impl Criterion for LicenseIs {
    type Written = LicenseSelector;
    type Value = Option<LicenseTerms>;
    const FACTS: CriterionFacts = CriterionFacts {
        graded: false,
        ..CriterionFacts::lacked(&["{allow: permissive}", "{deny: [strong-copyleft, SSPL-1.0]}"])
    };

    fn check(
        written: At<Self::Written>,
        _: &'static str,
        _: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let At { at, value: LicenseSelector { given, allow, deny } } = written;
        if given.is_empty() {
            problems.add(at, PolicyDiagnostic::LicensesWithoutDemand);
        }
        let allow = LicenseList::check(allow, "allow", problems);
        Some(Some(LicenseTerms { allow, deny: LicenseList::check(deny, "deny", problems) }))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, _: SelectorContext<'_>) -> Answer {
        let Some(terms) = value else { return Answer::Yes };
        if finding.category != Category::License {
            return Answer::No;
        }
        match terms.weigh(&[finding.rule_id.real().to_owned()]) {
            LicenseDecision::Denied => Answer::Yes,
            LicenseDecision::Unknown => Answer::Unknown,
            LicenseDecision::Allowed => Answer::No,
        }
    }

    fn wanted(value: &Self::Value) -> String {
        value.as_ref().map(LicenseTerms::describe).unwrap_or_default()
    }

    fn said(finding: &Finding, _: SelectorContext<'_>) -> Option<String> {
        let license = || finding.rule_id.to_string();
        Some(if finding.category == Category::License { license() } else { "none".to_owned() })
    }

    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let kept = match (before, after) {
            (_, None) => true,
            (Some(was), Some(is)) => is.is_within(was),
            (None, Some(_)) => false,
        };
        let shown =
            |value: &Self::Value| value.as_ref().map_or_else(|| "any".to_owned(), LicenseTerms::describe);
        (!kept).then(|| (shown(before), shown(after)))
    }

    #[cfg(test)]
    fn vary(_: &mut Finding, _: u8) {}
}

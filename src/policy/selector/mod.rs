//! Selectors of findings: one table, of which each line names the [`Criterion`] that says all that the selector means.
//!
//! The table makes the map of the YAML with its reader and schema, the checked selector, and what is asked of it:
//! whether it matches, what it wants in words, whether it is narrower than another, what it lets go of. A new selector
//! is a line here and its criterion in `kinds`.

mod checks;
mod combining;
mod criterion;
mod deadline;
mod kinds;
mod license_kinds;
mod package_kinds;
mod weakness;

use super::Feed;
use super::error::PolicyProblems;
use super::license::LicenseTerms;
use super::query::Where;
use super::{PathGlob, RuleGlob};
use crate::finding::{
    Category, Confidence, Finding, Fix, Reachability, Scope, Severity, State, UnknownAttributes,
};

pub use checks::{SharedCheck, shared_checks};
pub use combining::SelectorSet;
pub use criterion::{Answer, SelectorContext, UnknownAction, UnknownMeaning};
pub(crate) use criterion::{Criterion, Lacking};
pub(super) use criterion::{Narrower, SelectorReferences};
pub use deadline::Deadlines;
pub use kinds::CvssThreshold;
pub use package_kinds::PurlGlob;
pub(crate) use weakness::CweOrGroup;
pub use weakness::WeaknessGroup;

/// One selector of a rule, and what a finding says to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

/// A way in which a finding gets worse and is let go of: the keys in the policy, what happens, and the selector that
/// such a finding meets.
pub(super) type Escape = (&'static str, String, Selector);

macro_rules! selectors {
    ($($(#[doc = $doc:literal])+ $field:ident: $criterion:ident = $value:ty,)+) => {
        /// The selectors as written.
        pub(super) mod as_written {
            use schemars::{Schema, SchemaGenerator};

            use super::super::error::PolicyProblems;
            use super::super::written::map::{described, key, known_keys, needed, unknown_key, written};
            use super::super::written::node::{Node, NodeKind};
            use super::super::written::{At, FromNode, wrong};
            use super::criterion::Criterion;
            use super::kinds::*;

            written! {
                /// Selectors of findings, AND-ed; each takes one value or a list, of which one must hold.
                Selector as "`findings`" {
                    $($(#[doc = $doc])+ may $field: <$criterion as Criterion>::Written,)+
                }
            }
        }

        /// Selectors of findings, AND-ed; an empty one selects everything.
        ///
        /// A selector on an attribute that a finding lacks matches at the top and does not match inside `not`, so that
        /// what is not known is never excluded.
        #[derive(Debug, Clone, Default)]
        pub struct Selector {
            $($(#[doc = $doc])+ pub $field: $value,)+
        }

        impl Selector {
            /// Checks the selectors as written; `None` after a problem.
            pub(super) fn check(
                written: as_written::Selector,
                references: SelectorReferences<'_>,
                problems: &mut PolicyProblems,
            ) -> Option<Self> {
                // All are read, so that each fault is named.
                $(let $field = match written.$field {
                    Some(value) => kinds::$criterion::check(value, key(stringify!($field)), references, problems),
                    None => Some(Default::default()),
                };)+
                Some(Self { $($field: $field?,)+ })
            }

            /// Whether it selects by nothing.
            pub fn is_empty(&self) -> bool {
                $(!kinds::$criterion::is_given(&self.$field))&&+
            }

            /// Whether it holds for a finding: as far as the least of its selectors does.
            pub fn answer(&self, finding: &Finding, around: SelectorContext<'_>) -> Answer {
                let mut answer = Answer::Yes;
                $(if kinds::$criterion::is_given(&self.$field) {
                    let mut one = kinds::$criterion::answer(&self.$field, finding, around);
                    if one == Answer::Unknown && kinds::$criterion::FACTS.lacking != Lacking::Never {
                        one = around.settled(key(stringify!($field)));
                    }
                    answer = answer.min(one);
                    if answer == Answer::No {
                        return answer;
                    }
                })+
                answer
            }

            /// Attributes that made the rule look at the finding without being known.
            pub fn unknown(&self, finding: &Finding, around: SelectorContext<'_>) -> UnknownAttributes {
                let mut unknown = UnknownAttributes::default();
                $(if kinds::$criterion::is_given(&self.$field) {
                    let name = key(stringify!($field));
                    kinds::$criterion::add_unknown(&self.$field, name, finding, around, &mut unknown);
                })+
                unknown
            }

            /// The selectors in the order of the documentation, and what a finding says to each.
            pub fn explain(&self, finding: &Finding, around: SelectorContext<'_>) -> Vec<Clause> {
                let mut clauses = Vec::new();
                $(if let Some(wanted) = kinds::$criterion::explained(&self.$field) {
                    let name = key(stringify!($field));
                    let mut answer = kinds::$criterion::answer(&self.$field, finding, around);
                    if answer == Answer::Unknown && kinds::$criterion::FACTS.lacking != Lacking::Never {
                        answer = around.settled(name);
                    }
                    let holds = answer != Answer::No;
                    let said = kinds::$criterion::said(finding, around);
                    let unknown = said.is_none();
                    let is = said.unwrap_or_else(|| match name {
                        "severity" => format!("unknown, which counts as {}", around.unknown_severity),
                        _ => "unknown".to_owned(),
                    });
                    clauses.push(Clause { name, wanted, is, holds, unknown });
                })+
                clauses
            }

            /// Its question, as a policy would write it.
            pub fn describe(&self) -> String {
                let mut parts: Vec<String> = Vec::new();
                $(if kinds::$criterion::is_given(&self.$field) {
                    let wanted = kinds::$criterion::explained(&self.$field);
                    parts.extend(wanted.map(|wanted| format!("{}: {wanted}", key(stringify!($field)))));
                })+
                if parts.is_empty() { "every active finding".to_owned() } else { parts.join(", ") }
            }

            /// The keys by which `after` may leave out a finding that this one selects. The same question serves inside
            /// `not`, where it is asked the other way round.
            pub(super) fn narrower_than(&self, after: &Self) -> Vec<Narrower> {
                let mut narrower = Vec::new();
                $(if let Some((was, is)) = kinds::$criterion::narrower(&self.$field, &after.$field) {
                    narrower.push((key(stringify!($field)), was, is));
                })+
                narrower
            }

            /// Whether `after` certainly selects every finding that this one does.
            pub(super) fn is_within(&self, after: &Self) -> bool {
                $(kinds::$criterion::narrower(&self.$field, &after.$field).is_none())&&+
            }

            /// The selector without what says nothing at the top of a rule. An attribute that a finding lacks matches
            /// there, but never inside `not`, so that there each of these says something.
            #[must_use]
            pub(super) fn simplified(&self) -> Self {
                let mut simple = self.clone();
                $(kinds::$criterion::simplify(&mut simple.$field);)+
                simple
            }

            /// Of each list that has several values, selectors with one of them each: together they select what the
            /// whole does.
            pub(super) fn split_by_list(&self) -> Vec<Vec<Self>> {
                let mut splits: Vec<Vec<Self>> = Vec::new();
                $({
                    let values = kinds::$criterion::split(&self.$field);
                    if values.len() > 1 {
                        let part = |value| Self { $field: value, ..self.clone() };
                        splits.push(values.into_iter().map(part).collect());
                    }
                })+
                splits
            }

            /// Whether it asks only for what is known of every finding, so that inside `not` it excludes whatever it
            /// says.
            pub(super) fn always_known(&self) -> bool {
                $(kinds::$criterion::always_known(&self.$field))&&+
            }

            /// Whether it asks for what only this feed can tell, also inside other selectors and `where`.
            pub fn needs(&self, feed: Feed) -> bool {
                $(kinds::$criterion::needs(&self.$field, feed))||+
            }

            /// The selectors inside it.
            pub(super) fn nested(&self) -> Vec<&Self> {
                let mut nested = Vec::new();
                $(nested.extend(kinds::$criterion::nested(&self.$field));)+
                nested
            }

            /// A key that asks for what the run tells and a report by itself does not, also inside others.
            pub(super) fn asks_the_run(&self) -> Option<&'static str> {
                $(if (kinds::$criterion::FACTS.of_run || kinds::$criterion::FACTS.feed.is_some())
                    && kinds::$criterion::is_given(&self.$field)
                {
                    return Some(key(stringify!($field)));
                })+
                self.nested().into_iter().find_map(Self::asks_the_run)
            }

            /// Why this cannot stand inside `not`, if it cannot.
            pub(super) fn refused_inside_not(&self) -> Option<super::diagnostics::PolicyDiagnostic> {
                None$(.or_else(|| kinds::$criterion::refused_inside_not(&self.$field)))+
            }

            /// The same, to be changed.
            pub(super) fn nested_mut(&mut self) -> Vec<&mut Self> {
                let mut nested = Vec::new();
                $(nested.extend(kinds::$criterion::nested_mut(&mut self.$field));)+
                nested
            }

            /// How a finding gets worse and is let go of by one of the selectors.
            pub(super) fn escapes(&self) -> Vec<Escape> {
                let mut escapes = Vec::new();
                $(if let Some((what, value)) = kinds::$criterion::escapes(&self.$field) {
                    escapes.push((key(stringify!($field)), what, Self { $field: value, ..self.clone() }));
                })+
                escapes
            }

            /// The same by one that stands inside `not`.
            pub(super) fn escapes_not(&self, inside: &Self) -> Vec<Escape> {
                let plain = Self { not: Vec::new(), ..self.clone() };
                let mut escapes = Vec::new();
                $(if let Some((what, value)) = kinds::$criterion::escapes_not(&inside.$field, &self.$field) {
                    escapes.push((key(stringify!($field)), what, Self { $field: value, ..plain.clone() }));
                })+
                escapes
            }

            /// Selectors that are given and that ask for an attribute which reports can tell or not.
            pub(super) fn attributes(&self) -> Vec<(&'static str, crate::finding::Attribute)> {
                let mut asked = Vec::new();
                $(if let Some(attribute) = kinds::$criterion::FACTS.attribute
                    && kinds::$criterion::is_given(&self.$field)
                {
                    asked.push((key(stringify!($field)), attribute));
                })+
                asked
            }

            /// Selectors by which a `where` can ask for the same, with another meaning of what is not known.
            pub(super) fn graded() -> Vec<&'static str> {
                let mut graded = Vec::new();
                $(if kinds::$criterion::FACTS.graded {
                    graded.push(key(stringify!($field)));
                })+
                graded
            }

            /// Keys of attributes that a finding may lack.
            pub(super) fn lackable() -> Vec<&'static str> {
                let mut keys = Vec::new();
                $(if kinds::$criterion::FACTS.lacking == Lacking::Told {
                    keys.push(key(stringify!($field)));
                })+
                keys
            }

            /// Every selector with one of its values, as a policy writes it.
            #[cfg(test)]
            pub(crate) fn examples() -> Vec<String> {
                let mut examples = Vec::new();
                $(for value in kinds::$criterion::FACTS.examples {
                    examples.push(format!("{}: {value}", key(stringify!($field))));
                })+
                examples
            }

            /// One function for each selector that gives a finding one of several values, with 0 none; of those alone
            /// that a finding may lack, if asked for.
            #[cfg(test)]
            pub(crate) fn variations(of_lackable: bool) -> Vec<fn(&mut Finding, u8)> {
                let mut all: Vec<fn(&mut Finding, u8)> = Vec::new();
                $(if !of_lackable || kinds::$criterion::FACTS.lacking == Lacking::Told {
                    all.push(kinds::$criterion::vary);
                })+
                all
            }
        }
    };
}

use super::written::map::key;

selectors! {
    /// The kind of problem.
    category: CategoryIs = Vec<Category>,
    /// This severity or worse.
    severity: SeverityIs = Option<Severity>,
    /// Relative to the base of the change.
    state: StateIs = Vec<State>,
    /// Whether a fixed version exists; a finding that does not say matches.
    fix: FixIs = Vec<Fix>,
    /// Vulnerability ids, globs; each id of an alias group is compared.
    ids: IdIs = Vec<RuleGlob>,
    /// CWE numbers, or groups of them such as `injection`: the categories of MITRE's view 1400.
    cwe: CweIs = Vec<WeaknessGroup>,
    /// Categories of the OWASP Top Ten by the CWE of a finding: `A03` of the edition of 2021, or `A05:2025`.
    owasp: OwaspIs = Vec<WeaknessGroup>,
    /// Rule ids, globs; the known spellings of one check are one.
    rule_id: RuleIs = Vec<RuleGlob>,
    /// Checks by one name for all tools, such as `privileged-container`; `secgate explain NAME` says which ids it stands for.
    check: CheckIs = Vec<&'static str>,
    /// Names of scanners.
    tool: ToolIs = Vec<String>,
    /// Globs of paths of files, as in shells; `payments/**` for all below a folder.
    path: PathIs = Vec<PathGlob>,
    /// Names of packages, in any spelling of their ecosystem, or package URLs.
    package: PackageIs = Vec<String>,
    /// Ecosystems of packages by their type in package URLs, such as `npm`; a package whose ecosystem is not known matches.
    ecosystem: EcosystemIs = Vec<String>,
    /// Globs of package URLs, such as `pkg:maven/org.apache.*/*`; a package whose ecosystem is not known matches.
    purl: PurlIs = Vec<PurlGlob>,
    /// Licences that are denied, or not among those that are allowed; one that cannot be told matches.
    licenses: LicenseIs = Option<LicenseTerms>,
    /// Kind of dependency; a finding that does not say matches.
    scope: ScopeIs = Vec<Scope>,
    /// This sure or surer; a finding that does not say matches.
    confidence: ConfidenceIs = Option<Confidence>,
    /// Found to be live; a finding that does not say matches.
    verified: VerifiedIs = Option<bool>,
    /// Suppressed by the scanner or in the code; without it only active findings are looked at.
    suppressed: SuppressedIs = Option<bool>,
    /// Known to be exploited; a finding without the feed matches.
    kev: KevIs = Option<bool>,
    /// EPSS at least this; a finding without a score matches.
    epss: EpssIs = Option<f64>,
    /// CVSS base score; a finding without a score matches.
    cvss: CvssIs = Option<CvssThreshold>,
    /// Whether the vulnerable code can be reached from the project's; a finding that does not say matches, and `unknown` in the list says so.
    reachable: ReachableIs = Vec<Reachability>,
    /// Asked for by the project itself and not by another package; a finding that does not say matches.
    direct: DirectIs = Option<bool>,
    /// At least this old, since the baseline first knew it and since it was published; a finding without a date matches.
    age: AgeIs = Option<i64>,
    /// Published not longer ago than this; a finding without a date matches.
    published_within: PublishedWithin = Option<i64>,
    /// A version with the fix has been there at least this long; a finding that does not say matches.
    fix_available_for: FixAvailableFor = Option<i64>,
    /// Whose deadline has come; a finding without the date from which it counts matches.
    due: DueIs = Option<Deadlines>,
    /// `false`: it says that a package is no longer maintained (CWE-1104).
    maintained: MaintainedIs = Option<bool>,
    /// The system that the package is part of is no longer maintained; a finding that does not say matches.
    end_of_life: EndOfLifeIs = Option<bool>,
    /// Malicious: any id is a `MAL-` id, or CWE-506. Such a finding is always critical and new.
    malware: MalwareIs = Option<bool>,
    /// Names of the subjects that the report is about.
    subject: SubjectIs = Vec<String>,
    /// Names of the evidence entries the report is given for.
    evidence: EvidenceIs = Vec<String>,
    /// Names of `sets`, of which one must match.
    set: InSet = Vec<SelectorSet>,
    /// Selectors of which one must match, beside all that stands around them.
    any: AnyOf = Vec<Selector>,
    /// Findings left out: all that this selector matches, or any of several in a list; what is not known is never left out.
    not: NoneOf = Vec<Selector>,
    /// The inside of a `JSONPath` filter (RFC 9535); `@` is the finding of the JSON output.
    r#where: Condition = Option<Where>,
}

impl Selector {
    /// Whether the rule with this selector looks at a finding: what is not known matches, and only a rule that asks for
    /// suppressed findings sees them.
    pub fn selects(&self, finding: &Finding, around: SelectorContext<'_>) -> bool {
        finding.suppressed == self.suppressed.unwrap_or(false) && self.answer(finding, around) != Answer::No
    }
}

impl Selector {
    /// The conditions of a line of `severity.map` that selectors have, too; `None` after a problem.
    pub(super) fn of_mapping(
        line: &mut super::written::Mapping,
        problems: &mut PolicyProblems,
    ) -> Option<Self> {
        let references = SelectorReferences { subjects: &[], sets: &[], inside_not: false };
        let path = match line.path.take() {
            Some(globs) => kinds::PathIs::check(globs, "path", references, problems)?,
            None => Vec::new(),
        };
        let cwe = match line.cwe.take() {
            Some(groups) => kinds::CweIs::check(groups, "cwe", references, problems)?,
            None => Vec::new(),
        };
        let cvss = match line.cvss.take() {
            Some(score) => kinds::CvssIs::check(score, "cvss", references, problems)?,
            None => None,
        };
        let reachable = match line.reachable.take() {
            Some(words) => kinds::ReachableIs::check(words, "reachable", references, problems)?,
            None => Vec::new(),
        };
        Some(Self { cwe, path, cvss, reachable, ..Self::default() })
    }

    /// The categories that a finding which it selects may have; empty where it may have any.
    pub(super) fn categories(&self) -> Vec<Category> {
        if !self.category.is_empty() {
            return self.category.clone();
        }
        let sets: Vec<&Self> = self.set.iter().map(|set| &set.selector).collect();
        let lists = [sets, self.any.iter().collect()];
        let of = |list: &Vec<&Self>| {
            let each: Vec<Vec<Category>> = list.iter().map(|inner| inner.categories()).collect();
            if each.iter().any(Vec::is_empty) { Vec::new() } else { each.concat() }
        };
        let mut all = lists.iter().map(of).find(|categories| !categories.is_empty()).unwrap_or_default();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl RuleGlob {
    /// Whether it fits one name of a finding's rule. An alias group has one rule and several names.
    pub fn matches_rule_of(&self, finding: &Finding) -> bool {
        finding.names().any(|name| self.matches(name.real()))
    }
}

#[cfg(test)]
mod tests;

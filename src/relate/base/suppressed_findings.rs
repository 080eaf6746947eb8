//! Findings that a scanner or the code suppresses, counted by rule and file: where the base had fewer, the change hides one,
//! by whatever comment or setting.
//!
//! Of several reports of one tool the largest number counts on either side, so that a report that is given twice, or one
//! for each module, is no more than one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::{Category, Finding, Text};
use crate::report::HiddenFindings;

/// Suppressed findings of one side.
#[derive(Debug, Clone, Default)]
pub struct SuppressedFindings {
    groups: BTreeMap<SuppressionGroup, SuppressionCount>,
}

/// The tool, the rule, and the file or target.
type SuppressionGroup = (String, String, String);

/// How many there are, and the first of them as it is told.
#[derive(Debug, Clone)]
struct SuppressionCount {
    count: u64,
    first: ToldSuppression,
}

/// The line, the rule, the path and the tool of a suppressed finding.
type ToldSuppression = (Option<u32>, Text, Text, Text);

/// A rule and a file of which more findings are suppressed than in the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoreSuppressed {
    /// The tool.
    pub tool: Text,
    /// The rule.
    pub rule: Text,
    /// The file, or the target where there is none.
    pub path: Text,
    /// Line of the first of them.
    pub line: Option<u32>,
    /// How many there were.
    pub before: u64,
    /// How many there are.
    pub after: u64,
}

impl SuppressedFindings {
    /// Counts a finding of a report, whose file was called `old_path` in the base.
    pub(super) fn add(&mut self, finding: &Finding, old_path: Option<&str>) {
        let line = finding.location.as_ref().and_then(|at| at.line);
        let path = finding.location.as_ref().map(|at| &at.path).or(finding.target.as_ref());
        let first = (line, finding.rule_id.clone(), path.cloned().unwrap_or_default(), finding.tool.clone());
        let count = SuppressionCount { count: 0, first: first.clone() };
        let known = self.groups.entry(group(finding, old_path)).or_insert(count);
        known.count += 1;
        known.first.0 = known.first.0.min(first.0);
    }

    /// Counts what a report only counts, of a file that was called `old_path` in the base.
    pub(super) fn add_hidden(&mut self, hidden: &HiddenFindings, old_path: Option<&str>) {
        let HiddenFindings { tool, counted, path, count } = hidden;
        let first = (None, Text::line(counted), path.clone(), tool.clone());
        let file = old_path.unwrap_or(path.real()).to_owned();
        let group = (tool.real().to_owned(), (*counted).to_owned(), file);
        let known = self.groups.entry(group).or_insert(SuppressionCount { count: 0, first });
        known.count = known.count.saturating_add(*count);
    }

    /// Adds those of another report.
    pub fn merge(&mut self, other: Self) {
        for (group, theirs) in other.groups {
            let mine = self.groups.entry(group).or_insert_with(|| theirs.clone());
            if theirs.count > mine.count {
                *mine = theirs;
            }
        }
    }
}

fn group(finding: &Finding, old_path: Option<&str>) -> SuppressionGroup {
    let path = old_path.or_else(|| finding.path()).or(finding.target.as_ref().map(Text::real));
    let owned = |text: &str| text.to_owned();
    (owned(finding.tool.real()), owned(finding.rule_id.real()), owned(path.unwrap_or_default()))
}

/// Suppressed findings that reports of the base tell of.
#[derive(Debug, Default)]
pub(super) struct SuppressedBefore {
    suppressed: SuppressedFindings,
    /// Vulnerabilities that were not suppressed.
    active: BTreeSet<SuppressionGroup>,
    /// The tools of which there is a report.
    tools: BTreeSet<String>,
}

impl SuppressedBefore {
    pub(super) fn report<'f>(
        &mut self,
        tool: &str,
        findings: impl IntoIterator<Item = &'f Finding>,
        hidden: &[HiddenFindings],
    ) {
        self.tools.insert(tool.to_owned());
        let mut report = SuppressedFindings::default();
        for hidden in hidden {
            report.add_hidden(hidden, None);
        }
        for finding in findings {
            self.tools.insert(finding.tool.real().to_owned());
            if finding.suppressed {
                report.add(finding, None);
            } else if finding.category == Category::Vulnerability {
                self.active.insert(group(finding, None));
            }
        }
        self.suppressed.merge(report);
    }

    /// Whether a vulnerability was there, and nothing suppressed it.
    pub(super) fn was_active(&self, finding: &Finding, old_path: Option<&str>) -> bool {
        self.active.contains(&group(finding, old_path))
    }

    /// Of what there is more than there was. Of a tool without a report in the base nothing is said.
    pub(super) fn more(&self, head: &SuppressedFindings) -> Vec<MoreSuppressed> {
        let known = head.groups.iter().filter(|((tool, ..), _)| self.tools.contains(tool));
        known
            .filter_map(|(group, SuppressionCount { count, first: (line, rule, path, tool) })| {
                let before = self.suppressed.groups.get(group).map_or(0, |known| known.count);
                (*count > before).then(|| MoreSuppressed {
                    tool: tool.clone(),
                    rule: rule.clone(),
                    path: path.clone(),
                    line: *line,
                    before,
                    after: *count,
                })
            })
            .collect()
    }
}

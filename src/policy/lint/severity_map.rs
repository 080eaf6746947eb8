//! `severity`: corrections that hide.

use super::LintRun;
use crate::finding::{Category, Severity};
use crate::policy::{Action, Mapping, Rule, Selector, Subject};

/// The levels that scanners give, from the worst.
const LEVELS: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

pub(super) fn rank(severity: Severity) -> u8 {
    severity.rank(Severity::Critical)
}

/// Looks at every line, and at what unknown counts as.
pub(super) fn lint_severity_map(found: &mut LintRun<'_>) {
    unknown(found);
    let lines = &found.policy.severity_map;
    for (index, line) in lines.iter().enumerate() {
        let number = index.to_string();
        let clause = ["severity", "map", number.as_str()];
        let earlier = lines.get(..index).unwrap_or_default();
        if let Some(first) = earlier.iter().position(|first| always_before(first, line)) {
            let at = found.policy.places.spot(&["severity", "map", &first.to_string()]);
            let message = format!("this line is never used: line {} fits all that it fits", at.line);
            let lint = found.lint("map-unreachable", &clause, message);
            found.lints.push(super::Lint { see: Some(at), ..lint });
            continue;
        }
        not_monotone(found, line, &clause);
        if line.may_lower() && line.reason.is_none() {
            let message = "this line may make a severity milder, and does not say why";
            found.add("lowered-without-reason", &clause, message);
        }
        // An earlier line may have taken some of them.
        if !earlier
            .iter()
            .any(|first| first.tool.is_none() || same_text(first.tool.as_ref(), line.tool.as_ref()))
        {
            hides(found, line, &clause);
        }
    }
}

/// Selectors of rules that gate, each with its rule.
fn gating<'p>(found: &LintRun<'p>) -> impl Iterator<Item = (&'p Rule, &'p Selector)> + use<'p> {
    found.policy.rules.iter().filter(|rule| rule.then != Action::Warn).filter_map(|rule| {
        match &rule.subject {
            Subject::Findings(selector) => Some((rule, selector)),
            _ => None,
        }
    })
}

fn unknown(found: &mut LintRun<'_>) {
    let level = found.policy.unknown_severity;
    let mut any = false;
    let blind = gating(found).all(|(_, selector)| {
        any = true;
        selector.severity.is_some_and(|least| rank(least) > rank(level))
    });
    // A policy that rates each unrated tool by a line of its map has thought of them.
    let rated = found.policy.severity_map.iter().any(|line| line.severity == Some(Severity::Unknown));
    if any && blind && !rated && found.policy.places.has(&["severity", "unknown"]) {
        let message =
            format!("what a scanner does not rate counts as {level}, and no rule that gates looks at that");
        found.add("unknown-escapes", &["severity", "unknown"], message);
    }
}

fn same_text(one: Option<&String>, other: Option<&String>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether `first` fits whatever tool and check `line` fits.
fn as_wide(first: &Mapping, line: &Mapping) -> bool {
    let glob = |line: &Mapping| line.rule_id.as_ref().map(|glob| glob.text().to_owned());
    let conditions = |line: &Mapping| line.conditions.describe();
    (first.conditions.is_empty() || conditions(first) == conditions(line))
        && (first.tool.is_none() || same_text(first.tool.as_ref(), line.tool.as_ref()))
        && (first.rule_id.is_none() || same_text(glob(first).as_ref(), glob(line).as_ref()))
}

fn always_before(first: &Mapping, line: &Mapping) -> bool {
    as_wide(first, line) && (first.severity.is_none() || first.severity == line.severity)
}

fn not_monotone(found: &mut LintRun<'_>, line: &Mapping, clause: &[&str]) {
    let (Some(level), Some(becomes), None) = (line.severity, line.becomes, line.category) else { return };
    if level == Severity::Unknown {
        return;
    }
    // What a milder finding of the same check becomes, by the first line that surely fits it.
    let after = |milder: Severity| {
        let fits = |other: &&Mapping| as_wide(other, line) && other.severity.is_none_or(|s| s == milder);
        found.policy.severity_map.iter().find(fits).and_then(|other| other.becomes).unwrap_or(milder)
    };
    let below = LEVELS.into_iter().filter(|milder| rank(*milder) < rank(level));
    if let Some(milder) = below.into_iter().find(|milder| rank(after(*milder)) > rank(becomes)) {
        let message = format!("{level} becomes {becomes}, and {milder} counts as {}", after(milder));
        found.add("map-not-monotone", clause, message);
    }
}

/// Whether a rule could look at a finding of this category, tool and level.
fn sees(selector: &Selector, category: Category, tool: Option<&String>, level: Severity) -> bool {
    (selector.category.is_empty() || selector.category.contains(&category))
        && selector.severity.is_none_or(|least| rank(least) <= rank(level))
        && (selector.tool.is_empty()
            || tool.is_none_or(|tool| selector.tool.iter().any(|t| t.eq_ignore_ascii_case(tool))))
}

fn hides(found: &mut LintRun<'_>, line: &Mapping, clause: &[&str]) {
    // A line for some checks, or for one level, is a judgement; a line for all of a tool is a switch.
    if line.severity.is_some() || line.rule_id.is_some() || !line.conditions.is_empty() {
        return;
    }
    let of_tool = |tool: &str| line.tool.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(tool));
    let formats = found.formats.iter().filter(|format| of_tool(format.tool));
    let mut categories: Vec<Category> = formats.flat_map(|format| format.categories).copied().collect();
    if categories.is_empty() {
        categories = Category::ALL.to_vec();
    }
    let tool = line.tool.as_ref();
    let before = |c: Category| gating(found).any(|(_, s)| sees(s, c, tool, Severity::Critical));
    let after = |c: Category| {
        let (category, level) = (line.category.unwrap_or(c), line.becomes.unwrap_or(Severity::Critical));
        gating(found).any(|(_, s)| sees(s, category, tool, level))
    };
    let seen: Vec<Category> = categories.into_iter().filter(|c| before(*c)).collect();
    if !seen.is_empty() && !seen.into_iter().any(after) {
        let whose = line.tool.as_ref().map_or_else(
            || "every finding".to_owned(),
            |t| format!("every finding of {}", crate::finding::clean(t)),
        );
        let becomes = [line.category.map(Category::as_str), line.becomes.map(Severity::as_str)];
        let becomes: Vec<&str> = becomes.into_iter().flatten().collect();
        let message =
            format!("{whose} becomes {}, and no rule that gates looks at that", becomes.join(" of level "));
        found.add("map-hides", clause, message);
    }
}

/// The levels that a finding of some tool and check may have once the map was applied: those that no line surely
/// takes away. A level of `None` is that of an unrated finding.
pub(super) fn possible(map: &[Mapping]) -> Vec<Severity> {
    let mut levels = Vec::new();
    for level in LEVELS.into_iter().chain([Severity::Unknown]) {
        let mut sure = false;
        for line in map.iter().filter(|line| line.severity.is_none_or(|s| s == level)) {
            levels.push(line.becomes.unwrap_or(level));
            if line.tool.is_none() && line.rule_id.is_none() && line.conditions.is_empty() {
                sure = true;
                break;
            }
        }
        if !sure {
            levels.push(level);
        }
    }
    levels
}

//! Findings, on a line where they fit and on two or three where they do not: where it is, what it is, who saw it and who
//! owns it are never cut, only its title is.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::columns::{fit, pad, width, wrap};
use super::{INDENT, LISTED, TextWriter, check_and_fix, off, owners, place, title};
use crate::decide::{Decision, MatchedProblem, RuleResult};
use crate::finding::{Finding, State};

/// Columns of a title that say enough for it to share a line.
const ENOUGH: usize = 40;
/// Columns of a title below which it is not worth beginning.
const LEAST: usize = 20;
/// Kinds of findings that are named where they are only counted.
const KINDS: usize = 3;

impl TextWriter {
    /// The findings of a rule, worst first.
    pub(super) fn findings(&mut self, decision: &Decision, rule: &RuleResult) -> io::Result<()> {
        let problems = || rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let listed: Vec<&MatchedProblem> = problems().take(LISTED).collect();
        let leads = || listed.iter().filter_map(|problem| Some((&problem.lead()?.finding, *problem)));
        let most = (self.look.width / 3).min(48);
        let places = leads().map(|(finding, _)| width(&place(finding))).filter(|wide| *wide <= most);
        let places = places.max().unwrap_or(0);
        let compared =
            decision.findings.iter().filter_map(MatchedProblem::lead).any(|m| m.finding.state != State::New);
        for (finding, problem) in leads() {
            let state = if compared { short(finding.state) } else { "" };
            let people = match owners(&problem.owners) {
                people if people.is_empty() => people,
                people => format!(" {people}"),
            };
            self.finding(finding, state, places, &format!(" [{}]{people}", tools(problem)))?;
        }
        let told: usize = listed.iter().map(|problem| problem.witnesses.len()).sum();
        let more = rule.count.saturating_sub(told as u64);
        if more > 0 && !listed.is_empty() {
            self.left_out = true;
            let kinds = kinds(problems().skip(LISTED));
            self.wrapped(INDENT, &format!("… and {more} more{kinds}"))?;
        }
        Ok(())
    }

    /// A finding: `tail` says who saw it and who owns it, places take at least `places` columns.
    pub(super) fn finding(
        &mut self,
        finding: &Finding,
        state: &str,
        places: usize,
        tail: &str,
    ) -> io::Result<()> {
        let severity = self.paint_severity(finding.severity, format!("{:<8}", finding.severity));
        let state = if state.is_empty() { String::new() } else { format!("{state:<9} ") };
        let label = format!("{INDENT}{severity} {state}");
        let indent = width(&label);
        let room = self.look.width.saturating_sub(indent).max(LEAST);
        let named = format!("{}{}", check_and_fix(finding), off(finding));
        let mut lines =
            in_lines(&pad(&place(finding), places), &named, title(finding), tail, room).into_iter();
        writeln!(self.out, "{label}{}", lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| writeln!(self.out, "{:indent$}{line}", ""))
    }
}

/// The parts of a finding, in lines of that many columns.
fn in_lines(place: &str, named: &str, title: &str, tail: &str, room: usize) -> Vec<String> {
    let on_one = |head: &str| {
        let left = room.checked_sub(width(head) + width(tail))?;
        let title = if title.is_empty() { String::new() } else { format!("  {title}") };
        (width(&title) <= left || left >= ENOUGH).then(|| format!("{head}{}{tail}", fit(&title, left)))
    };
    let head = format!("{place}  {named}");
    if let Some(line) = on_one(&head) {
        return vec![line];
    }
    let mut lines = Vec::new();
    if width(&head) <= room {
        lines.push(head);
    } else {
        lines.push(place.trim_end().to_owned());
        if let Some(line) = on_one(named) {
            lines.push(line);
            return lines;
        }
        lines.extend(wrap(named, room, room));
    }
    // Two lines for the title with its tail; a longer title is cut.
    let tail = tail.trim_start();
    let rest = wrap(&format!("{title} {tail}"), room, room);
    if rest.len() <= 2 {
        lines.extend(rest);
        return lines;
    }
    let left = room.saturating_sub(width(tail) + 1);
    let title = wrap(title, room, room);
    let (first, second) = (title.first().map_or("", String::as_str), title.iter().skip(1));
    let second = second.map(String::as_str).collect::<Vec<_>>().join(" ");
    if left >= LEAST && !second.is_empty() {
        lines.push(fit(first, room));
        lines.push(format!("{} {tail}", fit(&second, left)));
    } else {
        lines.push(if second.is_empty() {
            fit(first, room)
        } else {
            fit(&format!("{first} {second}"), room)
        });
        lines.extend(wrap(tail, room, room));
    }
    lines
}

/// The most frequent kinds of these findings, as an end of a sentence; empty where each is of its own kind.
fn kinds<'d>(problems: impl Iterator<Item = &'d MatchedProblem>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for matched in problems.filter_map(MatchedProblem::lead) {
        *counts.entry(matched.finding.rule_id.as_str()).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let told: Vec<String> =
        counts.iter().take(KINDS).map(|(kind, count)| format!("{count} {kind}")).collect();
    if told.is_empty() { String::new() } else { format!(", among them {}", told.join(", ")) }
}

/// The state in one word of a column.
const fn short(state: State) -> &'static str {
    match state {
        State::New => "new",
        State::Existing => "existing",
        State::NewlyDisclosed => "disclosed",
    }
}

/// The tools that saw it, each once.
fn tools(problem: &MatchedProblem) -> String {
    let mut names: Vec<&str> = Vec::new();
    for witness in &problem.witnesses {
        let name = witness.finding.tool.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_titles_are_cut() {
        let lines = |room| {
            in_lines(
                "src/a.py:3    ",
                "shop.eval → 2",
                "Text becomes code, which is bad.",
                " [semgrep] @shop/web",
                room,
            )
        };
        assert_eq!(
            lines(90),
            ["src/a.py:3      shop.eval → 2  Text becomes code, which is bad. [semgrep] @shop/web"]
        );
        assert_eq!(
            lines(60),
            ["src/a.py:3      shop.eval → 2", "Text becomes code, which is bad. [semgrep] @shop/web"]
        );
        assert_eq!(
            lines(42),
            ["src/a.py:3      shop.eval → 2", "Text becomes code, which is bad. [semgrep]", "@shop/web"]
        );
        assert_eq!(lines(20), ["src/a.py:3", "shop.eval → 2", "Text becomes code, …", "[semgrep] @shop/web"]);
        let lines = in_lines("src/a-very-long-name.py:3", "shop.eval", "", " [semgrep]", 20);
        assert_eq!(lines, ["src/a-very-long-name.py:3", "shop.eval [semgrep]"]);
    }
}

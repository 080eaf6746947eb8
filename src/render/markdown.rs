//! The verdict as Markdown: the note of a merge request, or the summary of a job.
//!
//! The first line is a link reference definition, which no reader sees, `[//]: # (secgate:gate=merge)`: by it a job finds
//! the note of an earlier run and replaces it. It is no comment of HTML, so that whoever looks for one in a note has found
//! something that came from a report; and only a tail that is long is folded. The whole stays below the 1,000,000 characters that GitLab takes for a note: what a
//! reader needs comes first, and of the rest as much as there is room for.

pub(super) mod escape;

use std::io::{self, Write};

use super::about::about_line;
use super::text::{NAMED, StepGroup, all_took, asked, owners, place, summary, title, took, urgency};
use super::{Look, OutputFormat, word};
use crate::decide::{
    Decision, Matched, MatchedProblem, Obligation, Outcome, RuleResult, Status, UnblockStep, WaiverResult,
};
use crate::finding::{Finding, Fix, plural};
use escape::{code, prose};

/// Markdown.
pub(super) const OUTPUT: OutputFormat = OutputFormat {
    id: "markdown",
    title: "a note for a merge request, or a job's summary",
    lines: true,
    write,
};

/// Bytes of the note, which are at least its characters; below GitLab's limit by what its end takes.
const MOST: usize = 950_000;
/// Findings of a rule that stand open; the others are folded.
const OPEN: usize = 5;

/// Findings that are listed below the waiver that hides them.
const HIDDEN: usize = 5;
/// Steps to a pass that are listed.
const STEPS: usize = 12;
/// Lines that a fold is worth; fewer stand open under its heading.
const FOLDED: usize = 4;
/// Kinds of fixed findings that are listed.
const FIXED: usize = 10;

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut note = Note { text: format!("[//]: # (secgate:gate={})\n", word(&decision.gate)), left_out: 0 };
    note.head(decision);
    note.steps(decision);
    note.rules(decision);
    for rule in decision.rules.iter().filter(|rule| rule.outcome >= Outcome::Warn) {
        note.rule(decision, rule);
    }
    note.gate_change(decision);
    note.waivers(decision);
    note.statements(decision);
    note.suppressed(decision);
    note.evidence(decision);
    note.foot(decision);
    out.write_all(note.text.as_bytes())
}

struct Note {
    text: String,
    /// Lines for which there was no room.
    left_out: u64,
}

impl Note {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line that may be left out where there is no room.
    fn item(&mut self, line: &str) {
        if self.text.len() + line.len() < MOST { self.line(line) } else { self.left_out += 1 }
    }

    /// Lines of which the first stand open and the others are folded.
    fn items(&mut self, lines: &[String], open: usize) {
        // What would not be worth a fold stands open with the others.
        let open = if lines.len() < open + FOLDED { lines.len() } else { open };
        let (first, rest) = lines.split_at_checked(open).unwrap_or((lines, &[]));
        for line in first {
            self.item(line);
        }
        if !rest.is_empty() {
            self.fold(&format!("… and {} more", rest.len()), rest);
        }
    }

    /// Lines behind a heading that opens them.
    fn fold(&mut self, heading: &str, lines: &[String]) {
        if lines.len() < FOLDED {
            self.line(&format!("\n{heading}\n"));
            for line in lines {
                self.item(line);
            }
            return;
        }
        self.line(&format!("\n<details><summary>{heading}</summary>\n"));
        for line in lines {
            self.item(line);
        }
        // Up to a blank line all would be HTML.
        self.line("\n</details>\n");
    }

    fn head(&mut self, decision: &Decision) {
        let verdict = decision.verdict.as_str().to_uppercase();
        self.line(&format!("\n### {verdict} · {}\n", prose(&decision.title)));
        self.line(&prose(&summary(decision)));
        self.line(&format!("\ngate {} · {}", code(&decision.gate), prose(&about_line(decision))));
        if !decision.enforced {
            self.line(
                "\n> **ADVISORY**: this verdict blocks nothing; the policy says `enforcement: advisory`.",
            );
        }
        for line in &decision.emergencies {
            self.line(&format!("\n> **Emergency**: {}", prose(line)));
        }
        for fault in &decision.errors {
            let path = fault.path.as_ref().map(|path| format!("{}: ", code(path))).unwrap_or_default();
            let first = fault.message.lines().next().unwrap_or_default();
            self.item(&format!("\n> **Error**: {path}{}", prose(first)));
        }
    }

    /// The smallest set of actions, and what each of those who can let it be has to know.
    fn steps(&mut self, decision: &Decision) {
        if decision.unblock.steps.is_empty() {
            return;
        }
        self.line(&format!("\n#### To pass\n\n{}\n", prose(&decision.unblock.summary)));
        let all: Vec<String> = decision.unblock.groups().map(step).collect();
        self.items(&all, STEPS);
        let asked = decision.rules.iter().flat_map(|rule| &rule.obligations);
        let asked = asked
            .chain(decision.evidence.iter().flat_map(|evidence| &evidence.obligations))
            .chain(decision.base.iter().flat_map(|base| &base.obligations))
            .chain(decision.own_gate.iter().flat_map(|gate| &gate.obligations));
        let mut told: Vec<String> = Vec::new();
        for line in asked.filter(|obligation| !obligation.is_met()).filter_map(progress) {
            if !told.contains(&line) {
                told.push(line);
            }
        }
        if !told.is_empty() {
            self.line("");
            self.items(&told, STEPS);
        }
    }

    fn rules(&mut self, decision: &Decision) {
        if decision.rules.is_empty() {
            return;
        }
        self.line("\n#### Rules\n\n| outcome | rule | findings | waived |\n|---|---|--:|--:|");
        for rule in &decision.rules {
            let outcome = match rule.outcome {
                Outcome::NotApplicable => "–".to_owned(),
                Outcome::Pass => "pass".to_owned(),
                outcome => format!("**{}**", outcome.as_str()),
            };
            let lifted = rule.waived + rule.vexed;
            self.item(&format!("| {outcome} | `{}` | {} | {lifted} |", word(&rule.id), rule.count));
        }
    }

    /// Changes to the gate itself.
    fn gate_change(&mut self, decision: &Decision) {
        let Some(gate) = &decision.own_gate else { return };
        let outcome = gate.outcome.as_str();
        self.line(&format!("\n**{outcome}** the gate itself: {}\n", prose(&gate.message)));
        let clauses = gate.clauses.iter().map(|looser| format!("- {}", prose(&looser.to_string())));
        let notes = gate.notes.iter().map(|note| format!("- {}", prose(note)));
        let lines: Vec<String> = clauses.chain(notes).collect();
        self.items(&lines, STEPS);
    }

    fn rule(&mut self, decision: &Decision, rule: &RuleResult) {
        let source = decision.policy.as_ref().map_or("policy", |(source, _)| source.as_str());
        let source = code(&format!("{}:{}", rule.policy.as_deref().unwrap_or(source), rule.line));
        let outcome = rule.outcome.as_str();
        self.item(&format!(
            "\n**{outcome}** `{}`: {} ({source})\n",
            word(&rule.id),
            prose(&rule_line(&rule.title, &rule.message, &rule.id))
        ));
        if rule.blind {
            return;
        }
        let problems = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let lines: Vec<String> = problems.filter_map(problem).collect();
        self.items(&lines, OPEN);
        let shown = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let shown: u64 = shown.map(|problem| problem.witnesses.len() as u64).sum();
        if let Some(more) = rule.count.checked_sub(shown).filter(|more| *more > 0 && !lines.is_empty()) {
            self.item(&format!("- … and {more} more of which no details were kept"));
        }
        if let Some(fix) = &rule.fix {
            self.item(&format!("\nFix: {}", prose(fix)));
        }
    }

    fn waivers(&mut self, decision: &Decision) {
        let mut lines: Vec<String> = Vec::new();
        for waiver in &decision.waivers {
            lines.push(self::waiver(waiver));
            let witnesses = decision.findings.iter().flat_map(|problem| &problem.witnesses);
            let hidden = witnesses.filter(|m| waiver.findings.binary_search(&m.finding.fingerprint).is_ok());
            let before = lines.len();
            lines.extend(hidden.take(HIDDEN).map(|m| format!("  {}", problem_line(&m.finding))));
            let told = (lines.len() - before) as u64;
            if let Some(more) = waiver.hides.checked_sub(told).filter(|more| *more > 0) {
                lines.push(format!("  - … and {more} more"));
            }
        }
        if !lines.is_empty() {
            self.fold(&format!("Waivers: {}", decision.waivers.len()), &lines);
        }
    }

    fn statements(&mut self, decision: &Decision) {
        let line = |problem: &MatchedProblem| {
            let note = problem.vex.as_ref()?;
            Some(format!("{}: {}", problem_line(&problem.lead()?.finding), prose(&note.line())))
        };
        let lines: Vec<String> = decision.findings.iter().filter_map(line).collect();
        if !lines.is_empty() {
            self.fold(&format!("Not affected (VEX): {}", lines.len()), &lines);
        }
    }

    fn suppressed(&mut self, decision: &Decision) {
        let line = |matched: &Matched| {
            let finding = &matched.finding;
            let why = finding.suppression.as_ref().map(|why| format!(": {}", prose(why.as_str())));
            format!("{}{}", problem_line(finding), why.unwrap_or_default())
        };
        let lines: Vec<String> = decision.suppressed.iter().map(|matched| line(matched)).collect();
        if decision.counts.suppressed > 0 {
            let heading = "Suppressed by the scanner or in the code, not counted";
            self.fold(&format!("{heading}: {}", decision.counts.suppressed), &lines);
        }
    }

    fn evidence(&mut self, decision: &Decision) {
        let mut lines: Vec<String> = Vec::new();
        for evidence in &decision.evidence {
            let outcome = match evidence.outcome {
                Outcome::NotApplicable => "–",
                outcome => outcome.as_str(),
            };
            let entry =
                evidence.entry.as_deref().map(|entry| format!(" {}", code(entry))).unwrap_or_default();
            let path = evidence.path.as_ref().map(|path| format!(" {}", code(path.as_str())));
            let tool = evidence.tool.as_ref().map(|tool| format!(" by {}", code(tool.name.as_str())));
            let said = match evidence.status {
                Status::Complete => format!("{}", evidence.findings.total),
                status => format!("{}, {}", status.as_str(), prose(&evidence.message)),
            };
            let lasted = took(evidence).map(|took| format!(", {took}")).unwrap_or_default();
            let (path, tool) = (path.unwrap_or_default(), tool.unwrap_or_default());
            lines.push(format!("- {outcome}{entry}{path}{tool}: {said}{lasted}"));
        }
        if let Some(base) = &decision.base {
            lines.push(format!("- {} base: {}", base.outcome.as_str(), prose(&base.message)));
            let (fixed, more) = super::fixed_findings::lines(decision, FIXED);
            lines.extend(fixed.iter().map(|line| format!("- fixed: {}", code(line))));
            lines.extend((more > 0).then(|| format!("- fixed: {more} more")));
        }
        if !lines.is_empty() {
            let took = all_took(decision).map(|took| format!("; {took}")).unwrap_or_default();
            let files = plural(decision.evidence.len() as u64, "file");
            self.fold(&format!("Evidence: {files}{took}"), &lines);
        }
    }

    fn foot(&mut self, decision: &Decision) {
        let unmatched = decision.unmatched_total();
        if unmatched > 0 {
            self.line(&format!("\n{} matched no rule.", plural(unmatched, "finding")));
        }
        if self.left_out > 0 {
            self.line(&format!("\n{} left out for lack of space.", plural(self.left_out, "line")));
        }
        let policy = match &decision.policy {
            Some((source, sha256)) => format!("policy {} `sha256:{sha256}`", code(source)),
            None => "no policy".to_owned(),
        };
        let version = env!("CARGO_PKG_VERSION");
        let digest = &decision.findings_digest;
        self.line(&format!("\nsecgate {version}, {policy}, findings `sha256:{digest}`"));
    }
}

fn step(group: &[UnblockStep]) -> String {
    let StepGroup { what, rules, owners } = StepGroup::from_steps(group, NAMED);
    let rules: Vec<String> = rules.iter().map(|rule| format!("`{}`", word(rule))).collect();
    let rules = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
    let owners = if owners.is_empty() { owners } else { format!("; owners: {}", prose(&owners)) };
    format!("- [ ] {}{rules}{owners}", prose(&what))
}

/// How far an approval is, and the line to paste; nothing where nobody has approved and any comment will do.
fn progress(obligation: &Obligation) -> Option<String> {
    let mut told = Vec::new();
    if !obligation.approved_by.is_empty() {
        told.push(format!("approved so far by {}", prose(&obligation.approved_by.join(", "))));
    }
    if !obligation.not_counted.is_empty() {
        told.push(format!("not counted: {}", prose(&obligation.not_counted.join("; "))));
    }
    if let Some(comment) = &obligation.comment {
        told.push(format!("approve the deployment with the comment {}", code(comment)));
    }
    (!told.is_empty()).then(|| format!("- {}: {}", prose(&asked(obligation)), told.join("; ")))
}

/// Title and message of a rule, without saying its id twice.
fn rule_line(title: &str, message: &str, id: &str) -> String {
    let parts = [title, message].into_iter().filter(|part| !part.is_empty() && *part != id);
    parts.collect::<Vec<_>>().join(": ")
}

fn problem(problem: &MatchedProblem) -> Option<String> {
    let Matched { finding, .. } = problem.lead()?;
    let mut tools: Vec<&str> = problem.witnesses.iter().map(|w| w.finding.tool.as_str()).collect();
    tools.dedup();
    let people = owners(&problem.owners);
    let people = if people.is_empty() { people } else { format!(" {}", prose(&people)) };
    let state = finding.state.as_str().replace('_', " ");
    Some(format!("{} ({state}, {}){people}", problem_line(finding), prose(&tools.join(", "))))
}

/// A finding as an item of a list: how bad, where, what.
fn problem_line(finding: &Finding) -> String {
    let fix = match (finding.fix, finding.version_to_take()) {
        (Fix::Available, Some(version)) => format!(" → {}", code(version.as_str())),
        _ => String::new(),
    };
    let title = prose(title(finding));
    let title = if title.is_empty() { title } else { format!(" {title}") };
    format!(
        "- **{}** {} {}{fix}{}{title}",
        finding.severity,
        code(&place(finding)),
        code(finding.rule_id.as_str()),
        urgency(finding, false)
    )
}

fn waiver(waiver: &WaiverResult) -> String {
    let message =
        if waiver.message.is_empty() { String::new() } else { format!(": {}", prose(&waiver.message)) };
    format!(
        "- {} {} for {}, owner {}, approved by {}, until {}, hides {}: {}{message}",
        waiver.status.as_str().replace('_', " "),
        code(&waiver.id),
        code(&waiver.rule.join(", ")),
        code(&waiver.owner),
        code(&waiver.approved_by),
        waiver.expires,
        waiver.hides,
        prose(&waiver.reason)
    )
}

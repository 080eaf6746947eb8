//! The verdict for people: what happened, why, and what would make it pass.
//!
//! The last line is `[PASS]`, `[FAIL]`, `[REVIEW]` or `[ERROR]` and what decided, so that a log can be searched
//! for it.

mod columns;
mod finding_list;
mod gate_change;
mod waivers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{self, Write};

use owo_colors::{OwoColorize, Style};

use super::about::about_line;
use super::{Look, OutputFormat, for_log};
use crate::decide::{
    BaseResult, Counts, Decision, Evidence, Obligation, Outcome, RuleResult, Status, UnblockStep,
    UnblockStepKind,
};
use crate::finding::{Category, Finding, Fix, Severity, Text, clean, duration_text, plural};
pub(super) use columns::fit;
use columns::{pad, width, wrap};

/// Text.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "text", title: "for people (default)", lines: false, write };

/// Findings that are listed under a rule; the rest is counted.
const LISTED: usize = 8;
/// Lines that a small terminal shows at once: after more than these the verdict and why stand again at the end.
const SCREEN: usize = 24;
/// Lines that the end may take, so that a screen of 40 shows all of it: the verdict, why, and what to do.
const CLOSING: usize = 36;
/// How much of it is told, from most to least: rules, steps, and things that one step names.
const TOLD: [(usize, usize, usize); 5] = [(12, 12, 6), (8, 8, 4), (6, 6, 3), (4, 4, 2), (3, 3, 1)];
/// Things that one step names.
pub(super) const NAMED: usize = 6;
/// Owners that are named beside one thing.
const OWNERS: usize = 3;
/// Pieces of evidence that are listed though nothing is to say of them.
const EVIDENCE: usize = 24;
/// Before what stands under a rule or a report.
const INDENT: &str = "          ";
/// Kinds of fixed findings that are listed.
const FIXED: usize = 3;
/// Problems of a scan that are listed.
const PROBLEMS: usize = 3;

fn write(decision: &Decision, look: Look, out: &mut dyn Write) -> io::Result<()> {
    // Where nothing was even asked, there is one thing to tell.
    if let ([fault], None, true) =
        (decision.errors.as_slice(), &decision.policy, decision.evidence.is_empty())
        && !fault.message.contains('\n')
    {
        return writeln!(out, "[ERROR] {}", decision.decisive());
    }
    let mut page = TextWriter::new(look, decision.evaluated_at.as_second());
    page.head(decision)?;
    page.errors(decision)?;
    page.evidence(decision)?;
    page.rules(decision)?;
    page.gate_change(decision)?;
    page.waivers(decision)?;
    page.statements(decision)?;
    page.rest(decision)?;
    page.end_section();
    // One line whatever its length: logs are searched for it.
    let word = decision.verdict.as_str().to_uppercase();
    let last = format!("[{word}] {}", clean(&decision.decisive()));
    page.remedies(decision, width(&last) / look.width.max(1))?;
    writeln!(page.out, "{last}")?;
    page.deliver(out)
}

struct TextWriter {
    out: Vec<u8>,
    look: Look,
    /// Remarks on approvals, which are not repeated.
    told: BTreeSet<String>,
    /// Some findings are counted and not listed.
    left_out: bool,
    /// Marks of sections, and before which byte of the text each stands.
    marks: Vec<(usize, String)>,
    /// The section that is open.
    section: Option<String>,
    /// Seconds since 1970 UTC, which marks of sections carry.
    time: i64,
}

impl TextWriter {
    fn new(look: Look, time: i64) -> Self {
        Self {
            out: Vec::new(),
            look,
            told: BTreeSet::new(),
            left_out: false,
            marks: Vec::new(),
            section: None,
            time,
        }
    }

    /// Writes all of it. Marks of sections are the only commands to a runner that it holds.
    fn deliver(self, out: &mut dyn Write) -> io::Result<()> {
        let mut done = 0;
        for (at, mark) in &self.marks {
            out.write_all(&for_log(self.out.get(done..*at).unwrap_or_default()))?;
            out.write_all(mark.as_bytes())?;
            done = *at;
        }
        out.write_all(&for_log(self.out.get(done..).unwrap_or_default()))
    }

    /// Ends the section that is open.
    fn end_section(&mut self) {
        if let Some(name) = self.section.take() {
            self.marks
                .push((self.out.len(), format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K", self.time)));
        }
    }

    fn head(&mut self, decision: &Decision) -> io::Result<()> {
        let policy = match &decision.policy {
            Some((source, sha256)) => format!("policy {} sha256:{sha256}", clean(source)),
            None => "no policy".to_owned(),
        };
        let program = format!("secgate {} · ", env!("CARGO_PKG_VERSION"));
        self.wrapped(&program, &format!("{} · {policy}", clean(&decision.gate)))?;
        self.verdict(decision)?;
        self.wrapped("", &about_line(decision))?;
        if !decision.enforced {
            let label = self.paint(Outcome::Warn, "ADVISORY ");
            self.wrapped(&label, "this verdict blocks nothing: the policy says `enforcement: advisory`")?;
        }
        self.emergencies(decision)
    }

    fn verdict(&mut self, decision: &Decision) -> io::Result<()> {
        let verdict = self.paint(decision.verdict, decision.verdict.as_str().to_uppercase());
        self.wrapped(&format!("{verdict} "), &summary(decision))
    }

    fn errors(&mut self, decision: &Decision) -> io::Result<()> {
        for fault in &decision.errors {
            let label = self.paint(Outcome::Error, "error");
            let path = fault.path.as_ref().map(|p| format!("{}: ", clean(p))).unwrap_or_default();
            let (first, rest) = fault.message.split_once('\n').unwrap_or((&fault.message, ""));
            writeln!(self.out)?;
            self.wrapped(&format!("{label}: "), &format!("{path}{first}"))?;
            // An excerpt, in which columns count.
            rest.lines().try_for_each(|line| writeln!(self.out, "{line}"))?;
        }
        Ok(())
    }

    fn evidence(&mut self, decision: &Decision) -> io::Result<()> {
        if decision.evidence.is_empty() && decision.base.is_none() && decision.own_gate.is_none() {
            return Ok(());
        }
        let quiet = |outcome: Outcome| outcome < Outcome::Warn || outcome == Outcome::NotApplicable;
        let folded = decision.evidence.iter().all(|e| quiet(e.outcome))
            && decision.base.as_ref().is_none_or(|base| quiet(base.outcome));
        self.title("Evidence", folded)?;
        let (optional, there): (Vec<&Evidence>, Vec<&Evidence>) =
            decision.evidence.iter().partition(|e| is_optional_and_absent(e));
        let entry = |e: &Evidence| e.entry.clone().unwrap_or_else(|| "(no entry)".to_owned());
        let path = |e: &Evidence| e.path.as_ref().map_or("-", |p| p.as_str()).to_owned();
        let wide = |of: &dyn Fn(&Evidence) -> String, most: usize| {
            there.iter().map(|e| width(&of(e))).max().unwrap_or(0).min(most)
        };
        let (entries, paths) = (wide(&entry, 32), wide(&path, self.look.width / 4));
        let mut quiet = 0;
        for evidence in &there {
            if evidence.outcome < Outcome::Warn && evidence.copy_of.is_none() {
                quiet += 1;
                if quiet > EVIDENCE {
                    continue;
                }
            }
            let state = match (evidence.status, evidence.outcome) {
                (Status::Complete, Outcome::Pass) => "ok",
                (Status::Ignored, _) => "ignored",
                (_, outcome) => outcome.as_str(),
            };
            let state = self.paint(evidence.outcome, format!("{state:<7}"));
            let label =
                format!("  {state} {}  {}  ", pad(&entry(evidence), entries), pad(&path(evidence), paths));
            self.wrapped(&label, &describe_evidence(evidence))?;
            if let Some(other) = &evidence.copy_of {
                writeln!(self.out, "{INDENT}identical to {other}, byte for byte; both count")?;
            }
            if evidence.outcome >= Outcome::Warn && evidence.problems.len() > 1 {
                for problem in evidence.problems.iter().take(PROBLEMS) {
                    self.wrapped(INDENT, &problem.to_string())?;
                }
            }
            evidence.obligations.iter().try_for_each(|obligation| self.review(obligation, ""))?;
        }
        if quiet > EVIDENCE {
            writeln!(self.out, "  … and {} more without problems", quiet - EVIDENCE)?;
        }
        if !optional.is_empty() {
            let each: Vec<String> =
                optional.iter().map(|e| format!("{} ({})", entry(e), e.message)).collect();
            self.wrapped("  -       ", &format!("optional, not there: {}", each.join(", ")))?;
        }
        if let Some(took) = all_took(decision) {
            writeln!(self.out, "  {took}")?;
        }
        if let Some(base) = &decision.base {
            let state = self.paint(base.outcome, format!("{:<7}", base.outcome.as_str()));
            self.wrapped(&format!("  {state} {}  ", pad("base", entries)), &base.message)?;
            base.obligations.iter().try_for_each(|obligation| self.review(obligation, ""))?;
        }
        if let Some(gate) = decision.own_gate.as_ref().filter(|gate| gate_change::is_quiet(gate)) {
            let state = self.paint(gate.outcome, format!("{:<7}", gate.outcome.as_str()));
            self.wrapped(&format!("  {state} {}  ", pad("gate", entries)), &gate.message)?;
        }
        Ok(())
    }

    fn rules(&mut self, decision: &Decision) -> io::Result<()> {
        if decision.rules.is_empty() {
            return Ok(());
        }
        self.title("Rules", false)?;
        let source = decision.policy.as_ref().map_or("policy", |(source, _)| source.as_str());
        let ids = decision.rules.iter().map(|r| width(&r.id)).max().unwrap_or(0).min(32);
        for rule in &decision.rules {
            let word = if rule.outcome == Outcome::NotApplicable { "-" } else { rule.outcome.as_str() };
            let state = self.paint(rule.outcome, format!("{word:<7}"));
            let mut line = rule_line(rule);
            if rule.outcome >= Outcome::Warn {
                let source = rule.policy.as_deref().unwrap_or(source);
                let _ = write!(line, "  ({}:{})", clean(source), rule.line);
            }
            self.wrapped(&format!("  {state} {}  ", pad(&rule.id, ids)), &line)?;
            if rule.outcome >= Outcome::Warn && !rule.blind {
                self.findings(decision, rule)?;
                self.answers(decision, rule)?;
            }
        }
        Ok(())
    }

    /// Action to take about a rule, and who decides.
    fn answers(&mut self, decision: &Decision, rule: &RuleResult) -> io::Result<()> {
        if let Some(fix) = &rule.fix {
            self.wrapped(&format!("{INDENT}fix: "), &clean(fix))?;
        }
        if rule.outcome != Outcome::Review {
            return Ok(());
        }
        if rule.obligations.is_empty() {
            let words = "the policy names no reviewer, so only a waiver or better evidence resolves it";
            return self.wrapped(&format!("{INDENT}review: "), words);
        }
        let owned = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let people = owners(&each(owned.flat_map(|problem| &problem.owners)));
        rule.obligations.iter().try_for_each(|obligation| self.review(obligation, &people))
    }

    /// Who can let it be, and how far that is; `owners` own what it is about.
    fn review(&mut self, obligation: &Obligation, owners: &str) -> io::Result<()> {
        let owners = if owners.is_empty() { String::new() } else { format!("; owners: {owners}") };
        let who = format!("by {}{owners}", asked(obligation));
        self.wrapped(&format!("{INDENT}review: "), &clean(&who))?;
        let so_far = obligation.approved_by.iter();
        for (label, text) in so_far
            .map(|by| ("approved so far by ", by))
            .chain(obligation.not_counted.iter().map(|why| ("not counted: ", why)))
        {
            if self.told.insert(format!("{label}{text}")) {
                self.wrapped(&format!("{INDENT}        {label}"), &clean(text))?;
            }
        }
        let Some(comment) = &obligation.comment else { return Ok(()) };
        if !self.told.insert(comment.clone()) {
            return Ok(());
        }
        // Alone on its line, whatever its length, so that it can be copied.
        writeln!(self.out, "{INDENT}        approve the deployment with this comment:")?;
        writeln!(self.out, "{INDENT}        {}", clean(comment))
    }

    fn rest(&mut self, decision: &Decision) -> io::Result<()> {
        let total = decision.unmatched_total();
        let suppressed = decision.counts.suppressed;
        if total > 0 {
            let mut all = Counts::default();
            decision.unmatched.iter().for_each(|(_, counts)| all.merge(counts));
            writeln!(self.out, "\n{} matched no rule: {}", plural(total, "finding"), by_severity(&all))?;
        }
        let (fixed, more) = super::fixed_findings::lines(decision, FIXED);
        if !fixed.is_empty() {
            if total == 0 {
                writeln!(self.out)?;
            }
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            self.wrapped("Fixed since the base: ", &format!("{}{more}", fixed.join(", ")))?;
        }
        let total = total + fixed.len() as u64;
        if suppressed > 0 {
            let line = if total > 0 { "" } else { "\n" };
            let them = plural(suppressed, "finding");
            writeln!(
                self.out,
                "{line}{them} suppressed by the scanner or in the code (ignored, not counted)"
            )?;
        }
        for matched in decision.suppressed.iter().take(LISTED) {
            let finding = &matched.finding;
            self.finding(finding, "", 0, &format!(" [{}]", finding.tool))?;
        }
        if let Some(more) = decision.suppressed.len().checked_sub(LISTED).filter(|n| *n > 0) {
            self.left_out = true;
            writeln!(self.out, "{INDENT}… and {more} more")?;
        }
        if self.left_out {
            let words = "Only the worst findings are listed; `--output html=FILE` and `--output json=FILE` list them all.";
            let line = if total > 0 || suppressed > 0 { "" } else { "\n" };
            self.wrapped(line, words)?;
        }
        Ok(())
    }

    /// The end, which a screen shows whole: after a long page the verdict and why once more, then what to do. `last` lines
    /// of the terminal come after it.
    fn remedies(&mut self, decision: &Decision, last: usize) -> io::Result<()> {
        writeln!(self.out)?;
        // An error stands above as it is, and is what there is to correct: to say it once more helps nobody.
        if decision.unblock.steps.iter().all(|step| step.kind == UnblockStepKind::Error) {
            return Ok(());
        }
        let lines = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
        let again = lines(&self.out) > SCREEN;
        for (rules, steps, named) in TOLD {
            let mut end = Self::new(self.look, self.time);
            if again {
                end.verdict(decision)?;
                end.why(decision, rules)?;
                writeln!(end.out)?;
            }
            end.steps(decision, steps, named)?;
            writeln!(end.out)?;
            let fits = lines(&end.out) + last <= CLOSING;
            if fits || rules == TOLD.last().map_or(0, |least| least.0) {
                self.out.append(&mut end.out);
                break;
            }
        }
        Ok(())
    }

    /// Stops of the change, a line each: the worst first.
    fn why(&mut self, decision: &Decision, most: usize) -> io::Result<()> {
        let mut all: Vec<(Outcome, &str, String)> = Vec::new();
        let evidence = decision.evidence.iter().map(|e| {
            let name = e.entry.as_deref().or(e.path.as_ref().map(Text::as_str)).unwrap_or_default();
            (e.outcome, name, format!("{}: {}", e.status.as_str(), e.message))
        });
        all.extend(evidence);
        all.extend(decision.base.iter().map(|base| (base.outcome, "base", base.message.clone())));
        all.extend(decision.own_gate.iter().map(|gate| (gate.outcome, "gate", gate.message.clone())));
        let rules = decision.rules.iter().filter(|rule| !rule.blind);
        let said = |rule: &RuleResult| {
            if rule.counted.is_empty() { rule_line(rule) } else { rule.counted.clone() }
        };
        all.extend(rules.map(|rule| (rule.outcome, rule.id.as_str(), said(rule))));
        all.retain(|(outcome, ..)| *outcome >= Outcome::Review);
        all.sort_by_key(|(outcome, ..)| std::cmp::Reverse(*outcome));
        let names = all.iter().map(|(_, name, _)| width(name)).max().unwrap_or(0).min(32);
        for (outcome, name, text) in all.iter().take(most) {
            let state = self.paint(*outcome, format!("{:<7}", outcome.as_str()));
            let label = format!("  {state} {}  ", pad(name, names));
            let room = self.look.width.saturating_sub(width(&label));
            writeln!(self.out, "{label}{}", fit(&clean(text), room))?;
        }
        match all.len().saturating_sub(most) {
            0 => Ok(()),
            more => writeln!(self.out, "  … and {more} more, above"),
        }
    }

    /// The smallest set of actions, in one line and one by one.
    fn steps(&mut self, decision: &Decision, most: usize, named: usize) -> io::Result<()> {
        let plan = &decision.unblock;
        let label = if self.look.color { "To pass:".bold().to_string() } else { "To pass:".to_owned() };
        self.wrapped(&format!("{label} "), &clean(&plan.summary))?;
        let groups: Vec<&[UnblockStep]> = plan.groups().collect();
        for group in groups.iter().take(most) {
            self.wrapped("  - ", &StepGroup::from_steps(group, named).to_string())?;
        }
        match groups.len().saturating_sub(most) {
            0 => Ok(()),
            more => writeln!(self.out, "  … and {more} more; --format json lists all under `unblock`"),
        }
    }

    /// Text after a label, on as many lines as it needs.
    fn wrapped(&mut self, label: &str, text: &str) -> io::Result<()> {
        // A label that takes more than half of the line would leave a column too narrow to read.
        let indent = if width(label) > self.look.width / 2 { INDENT.len() } else { width(label) };
        // What is copied, such as a digest or a path, stands on one line if the terminal has room for it.
        let longest = text.split(' ').map(width).max().unwrap_or_default();
        let indent = indent.min(self.look.width.saturating_sub(longest).max(2));
        let first = self.look.width.saturating_sub(width(label));
        let mut lines = wrap(text, first, self.look.width.saturating_sub(indent)).into_iter();
        let first = lines.next().unwrap_or_default();
        let label = if first.is_empty() { label.trim_end() } else { label };
        writeln!(self.out, "{label}{first}")?;
        lines.try_for_each(|line| writeln!(self.out, "{:indent$}{line}", ""))
    }

    /// Begins a part of the page; `folded` in a log that folds sections.
    fn title(&mut self, title: &str, folded: bool) -> io::Result<()> {
        self.end_section();
        writeln!(self.out)?;
        if self.look.sections {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
            let name = format!("secgate_{}", title.chars().map(plain).collect::<String>());
            let folded = if folded { "[collapsed=true]" } else { "" };
            let time = self.time;
            self.marks
                .push((self.out.len(), format!("\u{1b}[0Ksection_start:{time}:{name}{folded}\r\u{1b}[0K")));
            self.section = Some(name);
        }
        if self.look.color { writeln!(self.out, "{}", title.bold()) } else { writeln!(self.out, "{title}") }
    }

    fn paint(&self, outcome: Outcome, text: impl Display) -> String {
        let style = match outcome {
            Outcome::Fail | Outcome::Error => Style::new().red().bold(),
            Outcome::Review => Style::new().magenta().bold(),
            Outcome::Warn => Style::new().yellow(),
            Outcome::Pass => Style::new().green(),
            Outcome::NotApplicable => Style::new().dimmed(),
        };
        if self.look.color { text.style(style).to_string() } else { text.to_string() }
    }

    fn paint_severity(&self, severity: Severity, text: impl Display) -> String {
        let outcome = match severity {
            Severity::Critical | Severity::High | Severity::Unknown => Outcome::Fail,
            Severity::Medium => Outcome::Warn,
            Severity::Low | Severity::Info => Outcome::NotApplicable,
        };
        self.paint(outcome, text)
    }
}

/// A rule's title and what it says, without its id.
fn rule_line(rule: &RuleResult) -> String {
    let title = Some(rule.title.as_str()).filter(|title| *title != rule.id);
    let message = Some(rule.message.as_str()).filter(|message| !message.is_empty());
    title.into_iter().chain(message).collect::<Vec<_>>().join(": ")
}

/// The one line that says it all.
pub(super) fn summary(decision: &Decision) -> String {
    let rules = |outcome: Outcome| decision.rules.iter().filter(|r| r.outcome == outcome).count() as u64;
    let evidence =
        |outcome: Outcome| decision.evidence.iter().filter(|e| e.outcome == outcome).count() as u64;
    let applicable = decision.rules.iter().filter(|r| r.outcome != Outcome::NotApplicable).count() as u64;
    let mut parts = Vec::new();
    for (outcome, verb) in
        [(Outcome::Fail, "failed"), (Outcome::Error, "undecided"), (Outcome::Review, "need review")]
    {
        if rules(outcome) > 0 {
            let of =
                if parts.is_empty() { format!(" of {}", plural(applicable, "rule")) } else { String::new() };
            let verb = if (outcome, rules(outcome)) == (Outcome::Review, 1) { "needs review" } else { verb };
            parts.push(format!("{}{of} {verb}", rules(outcome)));
        }
    }
    let missing = evidence(Outcome::Fail) + evidence(Outcome::Error) + evidence(Outcome::Review);
    if missing > 0 {
        parts.push(format!("{} missing or unusable", plural(missing, "evidence entry")));
    }
    if let Some(gate) = decision.own_gate.as_ref().filter(|gate| gate.outcome >= Outcome::Review) {
        let first = gate.embedded_before.is_some();
        parts.push(if first { "first gate of this project" } else { "gate settings weakened" }.to_owned());
    }
    if !decision.errors.is_empty() {
        parts.push(plural(decision.errors.len() as u64, "error"));
    }
    if parts.is_empty() {
        parts.push(format!("{} passed", plural(applicable, "rule")));
    }
    if rules(Outcome::Warn) > 0 {
        parts.push(plural(rules(Outcome::Warn), "warning"));
    }
    let waived = decision.findings.iter().filter(|problem| problem.waiver.is_some()).count();
    let waived = if waived > 0 { format!(", {waived} waived") } else { String::new() };
    let suppressed = match decision.counts.suppressed {
        0 => String::new(),
        n => format!(", {n} suppressed"),
    };
    // A change is what the merge gate decides on; the others decide on what is there.
    let what = if decision.gate == "merge" { " this change" } else { "" };
    let counts = match (decision.unblock.stops, decision.counts.total) {
        (_, 0) => "no findings".to_owned(),
        (0, 1) => "1 finding, which does not block".to_owned(),
        (0, total) => format!("{total} findings, none of which blocks{what}"),
        (1, total) => format!("1 of {} blocks{what}", plural(total, "finding")),
        (stops, total) => format!("{stops} of {} block{what}", plural(total, "finding")),
    };
    let story = decision.base.as_ref().and_then(BaseResult::story);
    let story = story.map(|story| format!(" ({story})")).unwrap_or_default();
    format!("{} · {counts}{story}{waived}{suppressed}", parts.join(", "))
}

/// Remarks on a piece of evidence after its name.
/// Nobody has to bring it, and nobody did.
fn is_optional_and_absent(evidence: &Evidence) -> bool {
    (evidence.status, evidence.outcome) == (Status::Absent, Outcome::NotApplicable)
}

fn describe_evidence(evidence: &Evidence) -> String {
    if evidence.status == Status::Absent
        || evidence.status == Status::Unreadable
        || evidence.status == Status::Ignored
    {
        return format!("{}: {}", evidence.status.as_str(), evidence.message);
    }
    let tool = evidence.tool.as_ref().map_or("document".to_owned(), |tool| match &tool.version {
        Some(version) => format!("{} {version}", tool.name),
        None => tool.name.to_string(),
    });
    let mut text = match evidence.tool {
        Some(_) => format!("{tool}  {}", counted(&evidence.findings)),
        None => tool,
    };
    if let Some(took) = took(evidence) {
        text = format!("{text}, {took}");
    }
    if evidence.status != Status::Complete {
        text = format!("{text}; {}: {}", evidence.status.as_str(), evidence.message);
    }
    text
}

/// How long the scan took, where something says.
pub(super) fn took(evidence: &Evidence) -> Option<String> {
    Some(match evidence.took? {
        ..=0 => "took less than 1s".to_owned(),
        seconds => format!("took {}", duration_text(seconds)),
    })
}

/// How long all scans took together, which is for the reader to hold against the gate's budget; one is told beside it.
pub(super) fn all_took(decision: &Decision) -> Option<String> {
    // A file is listed once for each entry that it is for.
    let files: BTreeMap<_, _> =
        decision.evidence.iter().filter_map(|e| Some((e.path.as_ref()?.as_str(), e.took?))).collect();
    let seconds = files.values().copied().fold(0i64, i64::saturating_add);
    (files.len() > 1 && seconds > 0)
        .then(|| format!("{} scans took {} in all", files.len(), duration_text(seconds)))
}

/// Counts in words, severities without findings left out.
pub(super) fn counted(counts: &Counts) -> String {
    let suppressed =
        if counts.suppressed > 0 { format!(", {} suppressed", counts.suppressed) } else { String::new() };
    match counts.total {
        0 => format!("no findings{suppressed}"),
        n => format!("{}: {}{suppressed}", plural(n, "finding"), by_severity(counts)),
    }
}

/// `3 high, 9 medium`.
fn by_severity(counts: &Counts) -> String {
    let told = Severity::ALL.into_iter().filter(|s| counts.by_severity(*s) > 0);
    told.map(|s| format!("{} {s}", counts.by_severity(s))).collect::<Vec<_>>().join(", ")
}

/// Where a finding is: the package for vulnerabilities, else file and line, else the target.
pub(super) fn place(finding: &Finding) -> String {
    let at = finding.location.as_ref().map(|l| match l.line {
        Some(line) => format!("{}:{line}", l.path),
        None => l.path.to_string(),
    });
    let package = finding.package.as_ref().map(|p| format!("{} {}", p.name, p.version));
    match (package, at) {
        (Some(package), Some(at)) => format!("{} ({at})", package.trim_end()),
        (Some(package), None) => package.trim_end().to_owned(),
        (None, Some(at)) => at,
        (None, None) => {
            finding.target.as_ref().map_or_else(|| "(no place given)".to_owned(), ToString::to_string)
        }
    }
}

/// Description of a finding, with the version that fixes it.
pub(super) fn what(finding: &Finding) -> String {
    format!("{}  {}", check_and_fix(finding), title(finding)).trim_end().to_owned()
}

/// Its check or advisory, the version that fixes it, and how urgent it is.
fn check_and_fix(finding: &Finding) -> String {
    let fix = match (finding.fix, finding.version_to_take()) {
        (Fix::Available, Some(version)) => format!(" → {version}"),
        (Fix::None, _) if finding.category == Category::Vulnerability => " (no fix)".to_owned(),
        _ => String::new(),
    };
    format!("{}{fix}{}", finding.rule_id, urgency(finding, false))
}

/// How urgent a finding is, in parentheses behind its check: whether it is exploited, how likely that is, how old it is,
/// and when its time is up by the policy. Of
/// a vulnerability of which one of them is known the others are `unknown`; with `all`, of every vulnerability. Whatever
/// else a rule asked for and the finding does not say comes last.
pub(super) fn urgency(finding: &Finding, all: bool) -> String {
    let kev = finding.kev.map(|listed| if listed { "in KEV" } else { "not in KEV" });
    let epss = finding.epss.map(|score| format!("EPSS {score:.2}"));
    let day = |at: i64| jiff::Timestamp::from_second(at).ok().map(|at| at.strftime("%Y-%m-%d").to_string());
    let published = finding.published.and_then(day).map(|day| format!("published {day}"));
    let seen = finding.first_seen.map(|day| format!("known since {day}"));
    let age =
        [published, seen].into_iter().flatten().reduce(|published, seen| format!("{published}, {seen}"));
    let fed = kev.is_some() || epss.is_some();
    let told = finding.category == Category::Vulnerability && (all || fed);
    let mut parts: Vec<String> = Vec::new();
    if told {
        parts.push(kev.map_or_else(|| "kev unknown".to_owned(), str::to_owned));
        parts.push(epss.unwrap_or_else(|| "epss unknown".to_owned()));
        parts.push(age.unwrap_or_else(|| "age unknown".to_owned()));
    } else {
        parts.extend(age);
    }
    let due = finding.due.and_then(day).map(|day| format!("due {day}"));
    parts.extend(due);
    let asked = finding.unknown.names().filter(|name| !(told && ["kev", "epss", "age"].contains(name)));
    let asked: Vec<&str> = asked.collect();
    parts.extend((!asked.is_empty()).then(|| format!("{} unknown", asked.join(", "))));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Its title; some scanners have no other name for a check, and it is not said twice.
pub(super) fn title(finding: &Finding) -> &str {
    let title = finding.title.as_str();
    if title.eq_ignore_ascii_case(finding.rule_id.as_str()) { "" } else { title }
}

/// By what a finding was switched off, in parentheses; empty for one that was not.
pub(super) fn off(finding: &Finding) -> String {
    match (&finding.suppression, finding.suppressed) {
        (_, false) => String::new(),
        (None, true) => " (suppressed)".to_owned(),
        (Some(why), true) => format!(" (suppressed: {why})"),
    }
}

/// Who is asked, with the people behind a role.
pub(super) fn asked(obligation: &Obligation) -> String {
    match obligation.people.as_slice() {
        [] => obligation.to_string(),
        people => format!("{obligation}: {}", owners(people)),
    }
}

/// Steps of one kind that are told together.
pub(super) struct StepGroup {
    /// Action to take.
    pub(super) what: String,
    /// The rules that it serves.
    pub(super) rules: Vec<String>,
    /// Who owns what it touches.
    pub(super) owners: String,
}

impl StepGroup {
    /// `named` things of them are named, and the others are counted.
    pub(super) fn from_steps(group: &[UnblockStep], named: usize) -> Self {
        let rules = each(group.iter().flat_map(|step| &step.rules));
        let owners = owners(&each(group.iter().flat_map(|step| &step.owners)));
        let Some(first) = group.first() else { return Self { what: String::new(), rules, owners } };
        let clears: u64 = group.iter().map(|step| step.clears).sum();
        let clears = if clears > 1 { format!(", clears {clears}") } else { String::new() };
        let what = match first.kind.together().filter(|_| group.len() > 1) {
            None => format!("{}{clears}", clean(&first.text)),
            Some((verb, noun)) => {
                let what: Vec<&str> = group.iter().take(named).map(|step| step.what.as_str()).collect();
                let more = group.len().saturating_sub(named);
                let more = if more > 0 { format!("; … and {more} more") } else { String::new() };
                let what = clean(&what.join("; ")).into_owned();
                format!("{verb} {}{clears}: {what}{more}", plural(group.len() as u64, noun))
            }
        };
        Self { what, rules, owners }
    }
}

impl Display for StepGroup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.rules.is_empty() {
            write!(f, "  [{}]", self.rules.join(", "))?;
        }
        if self.owners.is_empty() { Ok(()) } else { write!(f, "; owners: {}", self.owners) }
    }
}

/// Each once, in the order of their first place.
fn each<'s>(all: impl Iterator<Item = &'s String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for one in all {
        if !once.contains(one) {
            once.push(one.clone());
        }
    }
    once
}

/// The owners by CODEOWNERS, a few of them.
pub(super) fn owners(all: &[String]) -> String {
    let first: Vec<&str> = all.iter().take(OWNERS).map(String::as_str).collect();
    let more = if all.len() > OWNERS { ", …" } else { "" };
    format!("{}{more}", first.join(", "))
}

//! The verdict for people: what happened, why, and what would make it pass.
//!
//! The last line is `[PASS]`, `[FAIL]`, `[REVIEW]` or `[ERROR]` and what decided, so that a log can be searched
//! for it.

mod waivers;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use owo_colors::{OwoColorize, Style};

use super::{Look, Output};
use crate::decide::{
    BaseResult, Counts, Decision, Evidence, Matched, Obligation, Outcome, Problem, RuleResult, Status,
};
use crate::finding::{Category, Finding, Fix, Severity, clean};

/// Text.
pub(super) const OUTPUT: Output = Output { id: "text", title: "for people (default)", write };

/// Findings that are listed under a rule; the rest is counted.
const LISTED: usize = 8;
/// Problems of a scan that are listed.
const PROBLEMS: usize = 3;

fn write(decision: &Decision, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, look };
    page.head(decision)?;
    page.errors(decision)?;
    page.evidence(decision)?;
    page.rules(decision)?;
    page.waivers(decision)?;
    page.statements(decision)?;
    page.rest(decision)?;
    page.remedies(decision)?;
    let word = decision.verdict.as_str().to_uppercase();
    writeln!(page.out, "[{word}] {}", decision.decisive())
}

struct Page<'o> {
    out: &'o mut dyn Write,
    look: Look,
}

impl Page<'_> {
    fn head(&mut self, decision: &Decision) -> io::Result<()> {
        let policy = match &decision.policy {
            Some((source, sha256)) => format!("policy {} sha256:{sha256}", clean(source)),
            None => "no policy".to_owned(),
        };
        writeln!(self.out, "secgate {} · {} · {policy}", env!("CARGO_PKG_VERSION"), clean(&decision.gate))?;
        let verdict = self.paint(decision.verdict, decision.verdict.as_str().to_uppercase());
        let advisory = if decision.enforced { "" } else { "  ADVISORY: the verdict does not gate" };
        writeln!(self.out, "{verdict}  {}{advisory}", summary(decision))?;
        self.emergencies(decision)
    }

    fn errors(&mut self, decision: &Decision) -> io::Result<()> {
        for fault in &decision.errors {
            let label = self.paint(Outcome::Error, "error");
            let path = fault.path.as_ref().map(|p| format!("{}: ", clean(p))).unwrap_or_default();
            writeln!(self.out, "\n{label}: {path}{}", fault.message)?;
        }
        Ok(())
    }

    fn evidence(&mut self, decision: &Decision) -> io::Result<()> {
        if decision.evidence.is_empty() {
            return Ok(());
        }
        self.title("Evidence")?;
        let entry = |e: &Evidence| e.entry.clone().unwrap_or_else(|| "(no entry)".to_owned());
        let path = |e: &Evidence| e.path.as_ref().map_or("-", |p| p.as_str()).to_owned();
        let wide = |of: &dyn Fn(&Evidence) -> String| {
            decision.evidence.iter().map(|e| of(e).chars().count()).max().unwrap_or(0).min(32)
        };
        let (entries, paths) = (wide(&entry), wide(&path));
        for evidence in &decision.evidence {
            let state = match (evidence.status, evidence.outcome) {
                (Status::Complete, Outcome::Pass) => "ok",
                (Status::Absent, Outcome::NotApplicable) => "-",
                (Status::Ignored, _) => "ignored",
                (_, outcome) => outcome.as_str(),
            };
            let state = self.paint(evidence.outcome, format!("{state:<7}"));
            let mut line = format!("{:<entries$}  {:<paths$}  ", entry(evidence), path(evidence));
            line.push_str(&told(evidence));
            writeln!(self.out, "  {state} {line}")?;
            if let Some(other) = &evidence.copy_of {
                writeln!(self.out, "          the same file as {other}, byte for byte; both count")?;
            }
            if evidence.outcome >= Outcome::Warn && evidence.problems.len() > 1 {
                for problem in evidence.problems.iter().take(PROBLEMS) {
                    let line = format!("          {problem}");
                    writeln!(self.out, "{}", fit(&line, self.look.width))?;
                }
            }
        }
        if let Some(base) = &decision.base {
            let state = self.paint(base.outcome, format!("{:<7}", base.outcome.as_str()));
            writeln!(self.out, "  {state} {:<entries$}  {}", "base", base.message)?;
        }
        Ok(())
    }

    fn rules(&mut self, decision: &Decision) -> io::Result<()> {
        if decision.rules.is_empty() {
            return Ok(());
        }
        self.title("Rules")?;
        let source = decision.policy.as_ref().map_or("policy", |(source, _)| source.as_str());
        let ids = decision.rules.iter().map(|r| r.id.chars().count()).max().unwrap_or(0).min(32);
        for rule in &decision.rules {
            let word = if rule.outcome == Outcome::NotApplicable { "-" } else { rule.outcome.as_str() };
            let state = self.paint(rule.outcome, format!("{word:<7}"));
            let mut line = format!("{:<ids$}", rule.id);
            if rule.title != rule.id {
                line = format!("{line}  {}", rule.title);
            }
            if !rule.message.is_empty() {
                line = format!("{line}: {}", rule.message);
            }
            if rule.outcome >= Outcome::Warn {
                let source = rule.policy.as_deref().unwrap_or(source);
                line = format!("{line}  ({}:{})", clean(source), rule.line);
            }
            writeln!(self.out, "  {state} {line}")?;
            if rule.outcome >= Outcome::Warn && !rule.blind {
                self.findings(decision, rule)?;
            }
        }
        Ok(())
    }

    fn findings(&mut self, decision: &Decision, rule: &RuleResult) -> io::Result<()> {
        let listed: Vec<&Problem> =
            rule.problems.iter().take(LISTED).filter_map(|&at| decision.findings.get(at)).collect();
        let leads = || listed.iter().filter_map(|problem| Some((problem.lead()?, *problem)));
        let places = leads().map(|(m, _)| place(&m.finding).chars().count()).max().unwrap_or(0).min(48);
        for (matched, problem) in leads() {
            let finding = &matched.finding;
            let severity = self.paint_severity(finding.severity, format!("{:<8}", finding.severity));
            let (place, off) = (place(finding), off(finding));
            let line = format!("{place:<places$}  {}{off} [{}]", what(finding), tools(problem));
            writeln!(self.out, "          {severity} {}", fit(&line, self.look.width.saturating_sub(19)))?;
        }
        let told: usize = listed.iter().map(|problem| problem.witnesses.len()).sum();
        let more = rule.count.saturating_sub(told as u64);
        if more > 0 && !listed.is_empty() {
            writeln!(self.out, "          … and {more} more")?;
        }
        Ok(())
    }

    fn rest(&mut self, decision: &Decision) -> io::Result<()> {
        let total = decision.unmatched_total();
        let suppressed = decision.counts.suppressed;
        if total > 0 {
            let mut all = Counts::default();
            decision.unmatched.iter().for_each(|(_, counts)| all.merge(counts));
            writeln!(self.out, "\n{} met no rule: {}", plural(total, "finding"), by_severity(&all))?;
        }
        if suppressed > 0 {
            let line = if total > 0 { "" } else { "\n" };
            let them = plural(suppressed, "finding");
            writeln!(
                self.out,
                "{line}{them} suppressed by the scanner or in the code (ignored, not counted)"
            )?;
        }
        for Matched { finding, .. } in decision.suppressed.iter().take(LISTED).map(AsRef::as_ref) {
            let severity = self.paint_severity(finding.severity, format!("{:<8}", finding.severity));
            let line = format!("{}  {}{} [{}]", place(finding), what(finding), off(finding), finding.tool);
            writeln!(self.out, "          {severity} {}", fit(&line, self.look.width.saturating_sub(19)))?;
        }
        if let Some(more) = decision.suppressed.len().checked_sub(LISTED).filter(|n| *n > 0) {
            writeln!(self.out, "          … and {more} more")?;
        }
        Ok(())
    }

    fn remedies(&mut self, decision: &Decision) -> io::Result<()> {
        let steps = steps(decision);
        if steps.is_empty() {
            return Ok(());
        }
        self.title("To pass")?;
        for step in steps {
            writeln!(self.out, "  - {step}")?;
        }
        writeln!(self.out)
    }

    fn title(&mut self, title: &str) -> io::Result<()> {
        if self.look.color {
            writeln!(self.out, "\n{}", title.bold())
        } else {
            writeln!(self.out, "\n{title}")
        }
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

/// The one line that says it all.
pub(super) fn summary(decision: &Decision) -> String {
    let count = |outcome: Outcome| decision.rules.iter().filter(|r| r.outcome == outcome).count() as u64;
    let evidence =
        |outcome: Outcome| decision.evidence.iter().filter(|e| e.outcome == outcome).count() as u64;
    let applicable = decision.rules.iter().filter(|r| r.outcome != Outcome::NotApplicable).count() as u64;
    let mut parts = Vec::new();
    for (outcome, verb) in
        [(Outcome::Fail, "failed"), (Outcome::Error, "undecided"), (Outcome::Review, "to review")]
    {
        if count(outcome) > 0 {
            parts.push(format!("{} {verb}", plural(count(outcome), "rule")));
        }
    }
    let missing = evidence(Outcome::Fail) + evidence(Outcome::Error) + evidence(Outcome::Review);
    if missing > 0 {
        parts.push(format!("{} not as demanded", plural(missing, "piece of evidence")));
    }
    if !decision.errors.is_empty() {
        parts.push(plural(decision.errors.len() as u64, "error"));
    }
    if parts.is_empty() {
        parts.push(format!("{} held", plural(applicable, "rule")));
    }
    let story = decision.base.as_ref().and_then(BaseResult::story);
    let story = story.map(|story| format!(": {story}")).unwrap_or_default();
    format!("{} · {} in all{story}", parts.join(", "), plural(decision.counts.total, "finding"))
}

/// What there is to say of a piece of evidence after its name.
fn told(evidence: &Evidence) -> String {
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
    if let Some(seconds) = evidence.took {
        text = format!("{text}, took {}", crate::decide::duration(seconds));
    }
    if evidence.status != Status::Complete {
        text = format!("{text}; {}: {}", evidence.status.as_str(), evidence.message);
    }
    text
}

/// Counts in words, severities without findings left out.
fn counted(counts: &Counts) -> String {
    let suppressed =
        if counts.suppressed > 0 { format!(", {} suppressed", counts.suppressed) } else { String::new() };
    match counts.total {
        0 => format!("no findings{suppressed}"),
        n => format!("{}: {}{suppressed}", plural(n, "finding"), by_severity(counts)),
    }
}

/// `3 high, 9 medium`.
fn by_severity(counts: &Counts) -> String {
    let told = Severity::ALL.into_iter().filter(|s| counts.of(*s) > 0);
    told.map(|s| format!("{} {s}", counts.of(s))).collect::<Vec<_>>().join(", ")
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

/// What a finding is, with the version that fixes it.
pub(super) fn what(finding: &Finding) -> String {
    let fix = match (finding.fix, finding.package.as_ref().and_then(|p| p.fixed.first())) {
        (Fix::Available, Some(version)) => format!(" → {version}"),
        (Fix::None, _) if finding.category == Category::Vulnerability => " (no fix)".to_owned(),
        _ => String::new(),
    };
    // Some scanners have no other name for a check than its title.
    let title = if finding.title.as_str().eq_ignore_ascii_case(finding.rule_id.as_str()) {
        ""
    } else {
        finding.title.as_str()
    };
    format!("{}{fix}  {title}", finding.rule_id).trim_end().to_owned()
}

/// By what a finding was switched off, in parentheses; empty for one that was not.
pub(super) fn off(finding: &Finding) -> String {
    match (&finding.suppression, finding.suppressed) {
        (_, false) => String::new(),
        (None, true) => " (suppressed)".to_owned(),
        (Some(why), true) => format!(" (suppressed: {why})"),
    }
}

/// The tools that saw it, each once.
fn tools(problem: &Problem) -> String {
    let mut names: Vec<&str> = Vec::new();
    for witness in &problem.witnesses {
        let name = witness.finding.tool.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// What would make it pass, the most telling first.
fn steps(decision: &Decision) -> Vec<String> {
    let mut steps: Vec<String> = decision
        .evidence
        .iter()
        .filter(|e| e.outcome >= Outcome::Review)
        .map(|e| {
            let name = e.entry.as_ref().map_or_else(String::new, |entry| format!("{entry}: "));
            let path = e.path.as_ref().map_or("", |p| p.as_str());
            let answer = e.obligations.first().map_or_else(String::new, |obligation| {
                format!(", or have it reviewed by {}", reviewers(obligation))
            });
            let step = match e.status {
                Status::Absent => {
                    format!("{name}save the scanner's report where the policy looks for it ({})", e.message)
                }
                Status::Unreadable => {
                    format!("{name}make {path} again; it is no report that can be relied on")
                }
                Status::Failed | Status::Incomplete => {
                    format!("{name}look at why the scan behind {path} was not whole, and run it again")
                }
                Status::NothingScanned => format!(
                    "{name}point the scan behind {path} at something to scan, or say `nothing_scanned: warn`"
                ),
                Status::Stale => format!("{name}run the scan behind {path} again"),
                Status::Foreign => {
                    format!("{name}scan what this run is about, instead of what {path} is about")
                }
                Status::Complete | Status::Ignored => format!("{name}{}", e.message),
            };
            format!("{step}{answer}")
        })
        .collect();
    for rule in decision.rules.iter().filter(|r| r.outcome >= Outcome::Review && !r.blind) {
        let mut actions: Vec<String> = upgrades(decision, rule).into_iter().chain(rule.fix.clone()).collect();
        if actions.is_empty() {
            actions.push("resolve what is listed above".to_owned());
        }
        steps.extend(actions.iter().map(|action| format!("{}: {action}", rule.id)));
        if rule.outcome == Outcome::Review {
            steps.push(match rule.obligations.first() {
                Some(obligation) => format!("{}: or have it reviewed by {}", rule.id, reviewers(obligation)),
                None => {
                    format!(
                        "{}: the policy names no reviewer, so only a waiver or better evidence resolves it",
                        rule.id
                    )
                }
            });
        }
    }
    steps
}

/// `2 of role:appsec (not author)`.
pub fn reviewers(obligation: &Obligation) -> String {
    let not = if obligation.not.is_empty() {
        String::new()
    } else {
        format!(" (not {})", obligation.not.join(", "))
    };
    let mut text = format!("{} of {}{not}", obligation.at_least, obligation.any_of.join(", "));
    if !obligation.approved_by.is_empty() {
        text = format!("{text}; so far by {}", obligation.approved_by.join(", "));
    }
    if !obligation.not_counted.is_empty() {
        text = format!("{text}; not counted: {}", obligation.not_counted.join(", "));
    }
    if let Some(comment) = &obligation.comment {
        text = format!("{text}; an approval of the deployment has to have the comment: {comment}");
    }
    clean(&text).into_owned()
}

/// The upgrades that the shown findings of a rule ask for, the one that clears most first.
fn upgrades(decision: &Decision, rule: &RuleResult) -> Option<String> {
    let mut wanted: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
    for problem in rule.problems.iter().filter_map(|&at| decision.findings.get(at)) {
        let Some(Matched { finding, .. }) = problem.lead() else { continue };
        if finding.category == Category::Vulnerability
            && let Some(package) = &finding.package
            && let Some(version) = package.fixed.last()
        {
            let (highest, clears) = wanted.entry(package.name.as_str()).or_insert((version.as_str(), 0));
            if natural(version.as_str()) > natural(highest) {
                *highest = version.as_str();
            }
            *clears += 1;
        }
    }
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    wanted.sort_by_key(|(name, (_, clears))| (std::cmp::Reverse(*clears), *name));
    let first: Vec<String> = wanted
        .iter()
        .take(6)
        .map(|(name, (version, clears))| format!("{name} to {version} (clears {clears})"))
        .collect();
    let more = if wanted.len() > first.len() { ", …" } else { "" };
    (!first.is_empty()).then(|| format!("upgrade {}{more}", first.join(", ")))
}

/// A version's numbers, for choosing the highest of several: what each ecosystem means by an order is not asked here.
fn natural(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// `1 finding`, `2 findings`.
fn plural(n: u64, noun: &str) -> String {
    match (n, noun.split_once(" of ")) {
        (1, _) => format!("1 {noun}"),
        (n, Some((head, tail))) => format!("{n} {head}s of {tail}"),
        (n, None) => format!("{n} {noun}s"),
    }
}

/// Cuts a line to the width.
pub(super) fn fit(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

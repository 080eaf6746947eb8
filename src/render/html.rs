//! The verdict as one self-contained page: nothing is fetched, and it reads on a phone, in the dark and on paper.
//!
//! Written straight out, a finding at a time, for there may be 10,000: every text goes through [`Esc`], which is all that
//! HTML asks of text and of attributes in double quotes. The page's own policy (CSP) allows its one style and its one
//! script by their digests and nothing else, so that even markup that came through could not run or load anything.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::about::about_line;
use super::text::{
    NAMED, StepGroup, all_took, asked, counted, off, owners, place, summary, title, took, urgency,
};
use super::{Look, OutputFormat, word};
use crate::decide::{
    Decision, Evidence, Matched, MatchedProblem, Obligation, Outcome, RuleResult, WaiverResult, WaiverStatus,
};
use crate::finding::{Finding, Fix, Severity, State, clean, plural};

/// HTML.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "html", title: "one self-contained page, to filter and sort", lines: true, write };

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Findings of one table body, the part of the table that a browser lays out or leaves out.
const BODY: usize = 200;

/// Text in HTML: inert whatever it holds.
struct Esc<T>(T);

impl<T: Display> Display for Esc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        for c in clean(&text).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    head(decision, out)?;
    to_pass(decision, out)?;
    approvals(decision, out)?;
    rules(decision, out)?;
    write_gate_change(decision, out)?;
    findings(decision, out)?;
    waivers(decision, out)?;
    suppressed(decision, out)?;
    known(decision, out)?;
    fixed(decision, out)?;
    evidence(decision, out)?;
    foot(decision, out)
}

fn digest(text: &str) -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(text)))
}

fn head(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    let (gate, verdict) = (Esc(&decision.gate), decision.verdict.as_str());
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"secgate {}\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{verdict}: {gate}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        digest(STYLE),
        digest(SCRIPT),
        env!("CARGO_PKG_VERSION"),
    )?;
    writeln!(out, "<header class=\"{verdict}\">")?;
    let upper = verdict.to_uppercase();
    writeln!(out, "<h1><span class=\"verdict {verdict}\">{upper}</span> {}</h1>", Esc(&decision.title))?;
    writeln!(out, "<p>{}</p>", Esc(summary(decision)))?;
    writeln!(out, "<p class=\"dim\">gate {gate} · {}</p>", Esc(about_line(decision)))?;
    if !decision.enforced {
        let why = "this verdict blocks nothing: the policy says <code>enforcement: advisory</code>";
        writeln!(out, "<p class=\"note\"><strong>ADVISORY</strong> {why}</p>")?;
    }
    for line in &decision.emergencies {
        writeln!(out, "<p class=\"note error\">{}</p>", Esc(line))?;
    }
    for fault in &decision.errors {
        let path = fault.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        writeln!(
            out,
            "<p class=\"note error\"><strong>Error</strong> {}{}</p>",
            Esc(path),
            Esc(&fault.message)
        )?;
    }
    writeln!(out, "</header>\n<main>")
}

/// The smallest set of actions, and who can let the rest be.
fn to_pass(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.unblock.steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>To pass</h2>\n<p>{}</p>\n<ul>", Esc(&decision.unblock.summary))?;
    for group in decision.unblock.groups() {
        let StepGroup { what, rules, owners } = StepGroup::from_steps(group, NAMED);
        write!(out, "<li>{}", Esc(what))?;
        let rules: Vec<String> = rules.iter().map(|rule| format!("<code>{}</code>", Esc(rule))).collect();
        if !rules.is_empty() {
            write!(out, " ({})", rules.join(", "))?;
        }
        if !owners.is_empty() {
            write!(out, "<br><span class=\"dim\">owners: {}</span>", Esc(owners))?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

/// Who is asked, who has answered, and what of it does not count.
fn approvals(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    let asked_by =
        decision.rules.iter().flat_map(|rule| rule.obligations.iter().map(move |o| (rule.id.as_str(), o)));
    let entries = decision.evidence.iter().flat_map(|evidence| {
        let name = evidence.entry.as_deref().unwrap_or("evidence");
        evidence.obligations.iter().map(move |obligation| (name, obligation))
    });
    let base = decision.base.iter().flat_map(|base| base.obligations.iter().map(|o| ("base", o)));
    let gate =
        decision.own_gate.iter().flat_map(|gate| gate.obligations.iter().map(|o| ("the gate itself", o)));
    let all: Vec<(&str, &Obligation)> = asked_by.chain(entries).chain(base).chain(gate).collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Approvals</h2>\n<ul>")?;
    for (name, obligation) in all {
        let state = if obligation.is_met() { "given" } else { "missing" };
        let class = if obligation.is_met() { "pass" } else { "review" };
        write!(
            out,
            "<li><span class=\"word {class}\">{state}</span> <code>{}</code> by {}",
            Esc(name),
            Esc(asked(obligation))
        )?;
        if !obligation.approved_by.is_empty() {
            write!(out, "; approved so far by {}", Esc(obligation.approved_by.join(", ")))?;
        }
        for why in &obligation.not_counted {
            write!(out, "<br><span class=\"dim\">not counted: {}</span>", Esc(why))?;
        }
        if let Some(comment) = obligation.comment.as_ref().filter(|_| !obligation.is_met()) {
            write!(out, "<br>approve the deployment with the comment <code>{}</code>", Esc(comment))?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

fn table(out: &mut dyn Write, heading: &str, columns: &[(&str, &str)]) -> io::Result<()> {
    write!(out, "<h2>{heading}</h2>\n<table class=\"plain\"><thead><tr>")?;
    for (name, class) in columns {
        write!(out, "<th class=\"{class}\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")
}

const END: &str = "</tbody></table>";

fn rules(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.rules.is_empty() {
        return Ok(());
    }
    table(out, "Rules", &[("outcome", "c-sev"), ("rule", "c-rules"), ("why", ""), ("policy", "c-rules")])?;
    let source = decision.policy.as_ref().map_or("policy", |(source, _)| source.as_str());
    decision.rules.iter().try_for_each(|rule| of_rule(rule, source, out))?;
    writeln!(out, "{END}")
}

fn of_rule(rule: &RuleResult, source: &str, out: &mut dyn Write) -> io::Result<()> {
    let class = rule.outcome.as_str();
    let outcome = if rule.outcome == Outcome::NotApplicable { "–" } else { class };
    write!(
        out,
        "<tr><td><span class=\"word {class}\">{outcome}</span></td><td><code>{}</code></td><td>{}",
        Esc(&rule.id),
        Esc(if rule.title == rule.id { "" } else { &rule.title })
    )?;
    if !rule.message.is_empty() {
        let line = if rule.title == rule.id { "" } else { "<br>" };
        write!(out, "{line}{}", Esc(&rule.message))?;
    }
    if let Some(fix) = rule.fix.as_ref().filter(|_| rule.outcome >= Outcome::Warn) {
        write!(out, "<br><span class=\"dim\">Fix: {}</span>", Esc(fix))?;
    }
    let source = rule.policy.as_deref().unwrap_or(source);
    writeln!(out, "</td><td class=\"dim mono\">{}:{}</td></tr>", Esc(source), rule.line)
}

/// Changes to the gate itself.
fn write_gate_change(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    let Some(gate) = &decision.own_gate else { return Ok(()) };
    let class = gate.outcome.as_str();
    writeln!(
        out,
        "<h2>The gate itself</h2>\n<p><span class=\"word {class}\">{class}</span> {}</p>\n<ul>",
        Esc(&gate.message)
    )?;
    gate.clauses.iter().try_for_each(|looser| writeln!(out, "<li>{}</li>", Esc(looser)))?;
    gate.notes.iter().try_for_each(|note| writeln!(out, "<li class=\"dim\">{}</li>", Esc(note)))?;
    writeln!(out, "</ul>\n<p class=\"dim mono\">compared with {}</p>", Esc(gate.compared.join(", ")))
}

fn findings(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.findings.is_empty() {
        return Ok(());
    }
    let mut rules: Vec<Vec<&str>> = vec![Vec::new(); decision.findings.len()];
    for rule in &decision.rules {
        for &at in &rule.problems {
            if let Some(of) = rules.get_mut(at) {
                of.push(&rule.id);
            }
        }
    }
    writeln!(out, "<section>\n<h2>Findings</h2>\n<div class=\"controls\" id=\"controls\" hidden>")?;
    writeln!(
        out,
        "<input type=\"search\" id=\"search\" placeholder=\"Search\" aria-label=\"Search findings\">"
    )?;
    let severities: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    select(out, "severity", "every severity", &severities)?;
    let states: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    select(out, "state", "every state", &states)?;
    let ids: Vec<&str> =
        decision.rules.iter().filter(|rule| !rule.problems.is_empty()).map(|rule| rule.id.as_str()).collect();
    select(out, "rule", "every rule", &ids)?;
    writeln!(out, "<span class=\"dim\" id=\"count\" role=\"status\"></span>\n</div>")?;
    write!(out, "<table id=\"findings\"><thead><tr>")?;
    let columns = [
        ("severity", "c-sev"),
        ("state", "c-state"),
        ("where", "c-place"),
        ("what", ""),
        ("rules", "c-rules"),
    ];
    for (at, (name, class)) in columns.iter().enumerate() {
        write!(
            out,
            "<th class=\"{class}\" data-column=\"{at}\"><button type=\"button\">{name}</button></th>"
        )?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    let mut ids = Ids::default();
    for (at, (problem, rules)) in decision.findings.iter().zip(&rules).enumerate() {
        if at > 0 && at % BODY == 0 {
            writeln!(out, "</tbody><tbody>")?;
        }
        of_problem(problem, &ids.id_for(problem), rules, out)?;
    }
    writeln!(out, "{END}")?;
    for rule in &decision.rules {
        let kept = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let kept: u64 = kept.map(|problem| problem.witnesses.len() as u64).sum();
        if let Some(more) = rule.count.checked_sub(kept).filter(|more| *more > 0 && kept > 0) {
            writeln!(
                out,
                "<p class=\"dim\"><code>{}</code>: {more} more of which no details were kept; \
                 <code>--max-findings</code> keeps more.</p>",
                Esc(&rule.id)
            )?;
        }
    }
    let unmatched = decision.unmatched_total();
    if unmatched > 0 {
        writeln!(out, "<p class=\"dim\">{} matched no rule.</p>", plural(unmatched, "finding"))?;
    }
    writeln!(out, "</section>")
}

/// Fingerprints as names to link to, of which a page has each once.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    fn id_for(&mut self, problem: &MatchedProblem) -> String {
        let id = problem.lead().map(|lead| lead.finding.fingerprint.to_string()).unwrap_or_default();
        let count = self.0.entry(id.clone()).or_default();
        *count += 1;
        if *count == 1 { id } else { format!("{id}-{count}") }
    }
}

fn select(out: &mut dyn Write, id: &str, all: &str, options: &[&str]) -> io::Result<()> {
    write!(out, "<select id=\"{id}\" aria-label=\"{id}\"><option value=\"\">{all}</option>")?;
    for option in options {
        write!(out, "<option value=\"{}\">{}</option>", Esc(option), Esc(option.replace('_', " ")))?;
    }
    writeln!(out, "</select>")
}

fn of_problem(problem: &MatchedProblem, id: &str, rules: &[&str], out: &mut dyn Write) -> io::Result<()> {
    let Some(Matched { finding, .. }) = problem.lead() else { return Ok(()) };
    let (severity, state) = (finding.severity.as_str(), finding.state.as_str());
    let rank = Severity::ALL.iter().position(|s| *s == finding.severity).unwrap_or_default();
    write!(
        out,
        "<tr id=\"{}\" data-severity=\"{severity}\" data-rank=\"{rank}\" data-state=\"{state}\" data-rules=\"{}\">\
         <td><span class=\"word {severity}\">{severity}</span></td><td>{}</td><td class=\"mono\">{}",
        Esc(id),
        Esc(rules.join(" ")),
        state.replace('_', " "),
        Esc(place(finding))
    )?;
    let people = owners(&problem.owners);
    if !people.is_empty() {
        write!(out, "<br><span class=\"dim\">{}</span>", Esc(people))?;
    }
    write!(out, "</td><td>{}", what(finding))?;
    let mut tools: Vec<&str> = problem.witnesses.iter().map(|w| w.finding.tool.as_str()).collect();
    tools.dedup();
    write!(out, "<br><span class=\"dim\">{}{}</span>", Esc(tools.join(", ")), Esc(off(finding)))?;
    if let Some(lifted) = problem.lifted_by() {
        write!(out, "<br><span class=\"word pass\">{}</span>", Esc(lifted))?;
    }
    writeln!(out, "</td><td class=\"mono\">{}</td></tr>", Esc(rules.join(", ")))
}

/// Description of a finding, as markup.
fn what(finding: &Finding) -> String {
    let fix = match (finding.fix, finding.version_to_take()) {
        (Fix::Available, Some(version)) => format!(" → <code>{}</code>", Esc(version.as_str())),
        _ => String::new(),
    };
    let urgency = match urgency(finding, true) {
        text if text.is_empty() => text,
        text => format!("<br><span class=\"dim\">{}</span>", Esc(text.trim_matches([' ', '(', ')']))),
    };
    format!("<code>{}</code>{fix} {}{urgency}", Esc(finding.rule_id.as_str()), Esc(title(finding)))
}

fn waivers(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.waivers.is_empty() {
        return Ok(());
    }
    table(
        out,
        "Waivers",
        &[("waiver", "c-rules"), ("rule", "c-rules"), ("reason", ""), ("until", "c-state")],
    )?;
    decision.waivers.iter().try_for_each(|waiver| of_waiver(waiver, out))?;
    writeln!(out, "{END}")
}

fn of_waiver(waiver: &WaiverResult, out: &mut dyn Write) -> io::Result<()> {
    let class = match waiver.status {
        WaiverStatus::Active => "pass",
        WaiverStatus::Unused => "not_applicable",
        _ => "review",
    };
    writeln!(
        out,
        "<tr><td><code>{}</code><br><span class=\"word {class}\">{}</span></td><td class=\"mono\">{}</td>\
         <td>{}<br><span class=\"dim\">owner {}, approved by {}, hides {}{}</span></td>\
         <td><span class=\"label\">until </span>{}</td></tr>",
        Esc(&waiver.id),
        waiver.status.as_str().replace('_', " "),
        Esc(waiver.rule.join(", ")),
        Esc(&waiver.reason),
        Esc(&waiver.owner),
        Esc(&waiver.approved_by),
        waiver.hides,
        Esc(if waiver.message.is_empty() { String::new() } else { format!("; {}", waiver.message) }),
        Esc(&waiver.expires)
    )
}

fn suppressed(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.counts.suppressed == 0 {
        return Ok(());
    }
    let count = decision.counts.suppressed;
    writeln!(out, "<h2>Suppressed by the scanner or in the code, not counted: {count}</h2>\n<ul>")?;
    aside(&decision.suppressed, out)
}

/// Existing findings that matched no rule: old debt, apart from what counts.
fn known(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.known.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Known before, and matched no rule: {}</h2>\n<ul>", decision.known.len())?;
    aside(&decision.known, out)
}

/// Findings that do not count, as a list that was begun.
fn aside(all: &[Arc<Matched>], out: &mut dyn Write) -> io::Result<()> {
    for Matched { finding, .. } in all.iter().map(AsRef::as_ref) {
        writeln!(
            out,
            "<li><span class=\"word {0}\">{0}</span> <code>{1}</code> {2}{3}</li>",
            finding.severity,
            Esc(place(finding)),
            what(finding),
            Esc(off(finding))
        )?;
    }
    writeln!(out, "</ul>")
}

fn fixed(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.fixed.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Fixed since the base</h2>\n<ul>")?;
    for entry in &decision.fixed {
        let at = if entry.path.is_empty() { &entry.package } else { &entry.path };
        writeln!(
            out,
            "<li><span class=\"word {0}\">{0}</span> <code>{1}</code> <code>{2}</code></li>",
            entry.severity,
            Esc(at),
            Esc(&entry.rule)
        )?;
    }
    writeln!(out, "</ul>")
}

fn evidence(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    if decision.evidence.is_empty() {
        return Ok(());
    }
    table(
        out,
        "Evidence",
        &[("outcome", "c-sev"), ("entry", "c-state"), ("file", "c-place"), ("what it says", "")],
    )?;
    decision.evidence.iter().try_for_each(|evidence| of_evidence(evidence, out))?;
    writeln!(out, "{END}")?;
    all_took(decision).iter().try_for_each(|took| writeln!(out, "<p>{took}</p>"))?;
    decision.base.iter().try_for_each(|base| writeln!(out, "<p>Base: {}</p>", Esc(&base.message)))
}

fn of_evidence(evidence: &Evidence, out: &mut dyn Write) -> io::Result<()> {
    let outcome = evidence.outcome.as_str();
    write!(
        out,
        "<tr><td><span class=\"word {outcome}\">{}</span></td><td>{}</td><td class=\"mono\">{}</td><td>",
        if evidence.outcome == Outcome::NotApplicable { "–" } else { outcome },
        Esc(evidence.entry.as_deref().unwrap_or("–")),
        Esc(evidence.path.as_ref().map_or("–", |path| path.as_str()))
    )?;
    if let Some(tool) = &evidence.tool {
        let version = tool.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let counted = counted(&evidence.findings);
        let took = took(evidence).map(|took| format!(", {took}")).unwrap_or_default();
        write!(out, "{}{}: {counted}{took}<br>", Esc(tool.name.as_str()), Esc(version))?;
    }
    let message = &evidence.message;
    write!(out, "{}{}", evidence.status.as_str(), if message.is_empty() { "" } else { ": " })?;
    write!(out, "{}", Esc(message))?;
    for problem in &evidence.problems {
        write!(out, "<br><span class=\"dim\">{}</span>", Esc(problem))?;
    }
    if let Some(sha256) = &evidence.sha256 {
        write!(out, "<br><span class=\"dim mono\">sha256:{}</span>", Esc(sha256))?;
    }
    writeln!(out, "</td></tr>")
}

fn foot(decision: &Decision, out: &mut dyn Write) -> io::Result<()> {
    let policy = match &decision.policy {
        Some((source, sha256)) => format!("policy {source} sha256:{sha256}"),
        None => "no policy".to_owned(),
    };
    writeln!(
        out,
        "</main>\n<footer>secgate {} · gate <code>{}</code> · <span class=\"mono\">{} · findings sha256:{}</span> · {}{}</footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION"),
        word(&decision.gate),
        Esc(policy),
        decision.findings_digest,
        decision.evaluated_at,
        Esc(decision.context.commit.as_ref().map(|commit| format!(" · commit {commit}")).unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_inert() {
        let text = "<script>alert('x')</script>&\"\u{1b}[2J\u{202e}";
        let escaped = Esc(text).to_string();
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{escaped}");
        assert!(escaped.starts_with("&lt;script&gt;alert(&#39;x&#39;)"), "{escaped}");
    }

    #[test]
    fn style_and_script_do_not_end_themselves() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}

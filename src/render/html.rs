//! The verdict as one self-contained page: nothing is fetched, and it reads on a phone, in the dark and on paper.
//!
//! Written straight out, a finding at a time, for there may be 10,000, as [`Markup`], which takes literals of this file and
//! escaped text and no third thing. The page's own policy (CSP) allows its one style and its one
//! script by their digests and nothing else, so that even markup that came through could not run or load anything.

pub(super) mod markup;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::about::about_line;
use super::text::{
    NAMED, StepGroup, all_took, asked, counted, off, owners, place, summary, title, took, urgency,
};
use super::{Look, OutputFormat, word};
use crate::decide::{
    Decision, Evidence, Matched, MatchedProblem, Obligation, Outcome, RuleResult, WaiverResult, WaiverStatus,
};
use crate::finding::{Finding, Fix, Severity, State, plural};
use markup::Markup;

/// HTML.
pub(super) const OUTPUT: OutputFormat =
    OutputFormat { id: "html", title: "one self-contained page, to filter and sort", lines: true, write };

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Findings of one table body, the part of the table that a browser lays out or leaves out.
const BODY: usize = 200;

fn write(decision: &Decision, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Markup::new(out);
    head(decision, &mut page);
    to_pass(decision, &mut page);
    approvals(decision, &mut page);
    rules(decision, &mut page);
    gate_change(decision, &mut page);
    findings(decision, &mut page);
    waivers(decision, &mut page);
    suppressed(decision, &mut page);
    known(decision, &mut page);
    fixed(decision, &mut page);
    evidence(decision, &mut page);
    foot(decision, &mut page);
    page.finish()
}

fn head(decision: &Decision, page: &mut Markup<'_>) {
    let verdict = decision.verdict.as_str();
    page.open_document(format_args!("{verdict}: {}", decision.gate), STYLE, SCRIPT);
    page.html("<header class=\"").html(verdict).html("\">\n");
    page.html("<h1><span class=\"verdict ").html(verdict).html("\">").text(verdict.to_uppercase());
    page.html("</span> ").text(&decision.title).html("</h1>\n");
    page.html("<p>").text(summary(decision)).html("</p>\n");
    page.html("<p class=\"dim\">gate ")
        .text(&decision.gate)
        .html(" · ")
        .text(about_line(decision))
        .html("</p>\n");
    if !decision.enforced {
        page.html(
            "<p class=\"note\"><strong>ADVISORY</strong> this verdict blocks nothing: the policy says \
             <code>enforcement: advisory</code></p>\n",
        );
    }
    for line in &decision.emergencies {
        page.html("<p class=\"note error\">").text(line).html("</p>\n");
    }
    for fault in &decision.errors {
        let path = fault.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
        page.html("<p class=\"note error\"><strong>Error</strong> ").text(path).text(&fault.message);
        page.html("</p>\n");
    }
    page.html("</header>\n<main>\n");
}

/// The smallest set of actions, and who can let the rest be.
fn to_pass(decision: &Decision, page: &mut Markup<'_>) {
    if decision.unblock.steps.is_empty() {
        return;
    }
    page.html("<h2>To pass</h2>\n<p>").text(&decision.unblock.summary).html("</p>\n<ul>\n");
    for group in decision.unblock.groups() {
        let StepGroup { what, rules, owners } = StepGroup::from_steps(group, NAMED);
        page.html("<li>").text(what);
        for (at, rule) in rules.iter().enumerate() {
            page.html(if at == 0 { " (<code>" } else { ", <code>" }).text(rule).html("</code>");
        }
        if !rules.is_empty() {
            page.html(")");
        }
        if !owners.is_empty() {
            page.html("<br><span class=\"dim\">owners: ").text(owners).html("</span>");
        }
        page.html("</li>\n");
    }
    page.html("</ul>\n");
}

/// Who is asked, who has answered, and what of it does not count.
fn approvals(decision: &Decision, page: &mut Markup<'_>) {
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
        return;
    }
    page.html("<h2>Approvals</h2>\n<ul>\n");
    for (name, obligation) in all {
        page.html(if obligation.is_met() {
            "<li><span class=\"word pass\">given</span> <code>"
        } else {
            "<li><span class=\"word review\">missing</span> <code>"
        });
        page.text(name).html("</code> by ").text(asked(obligation));
        if !obligation.approved_by.is_empty() {
            page.html("; approved so far by ").text(obligation.approved_by.join(", "));
        }
        for why in &obligation.not_counted {
            page.html("<br><span class=\"dim\">not counted: ").text(why).html("</span>");
        }
        if let Some(comment) = obligation.comment.as_ref().filter(|_| !obligation.is_met()) {
            page.html("<br>approve the deployment with the comment <code>").text(comment).html("</code>");
        }
        page.html("</li>\n");
    }
    page.html("</ul>\n");
}

fn table(page: &mut Markup<'_>, heading: &'static str, columns: &[(&'static str, &'static str)]) {
    page.html("<h2>").html(heading).html("</h2>\n<table class=\"plain\"><thead><tr>");
    for (name, class) in columns {
        page.html("<th class=\"").html(class).html("\">").html(name).html("</th>");
    }
    page.html("</tr></thead><tbody>\n");
}

const END: &str = "</tbody></table>\n";

fn rules(decision: &Decision, page: &mut Markup<'_>) {
    if decision.rules.is_empty() {
        return;
    }
    table(page, "Rules", &[("outcome", "c-sev"), ("rule", "c-rules"), ("why", ""), ("policy", "c-rules")]);
    let source = decision.policy.as_ref().map_or("policy", |(source, _)| source.as_str());
    decision.rules.iter().for_each(|rule| of_rule(rule, source, page));
    page.html(END);
}

fn of_rule(rule: &RuleResult, source: &str, page: &mut Markup<'_>) {
    let class = rule.outcome.as_str();
    let outcome = if rule.outcome == Outcome::NotApplicable { "–" } else { class };
    page.html("<tr><td><span class=\"word ").html(class).html("\">").html(outcome);
    page.html("</span></td><td><code>").text(&rule.id).html("</code></td><td>");
    page.text(if rule.title == rule.id { "" } else { &rule.title });
    if !rule.message.is_empty() {
        page.html(if rule.title == rule.id { "" } else { "<br>" }).text(&rule.message);
    }
    if let Some(fix) = rule.fix.as_ref().filter(|_| rule.outcome >= Outcome::Warn) {
        page.html("<br><span class=\"dim\">Fix: ").text(fix).html("</span>");
    }
    let source = rule.policy.as_deref().unwrap_or(source);
    page.html("</td><td class=\"dim mono\">").text(source).html(":").text(rule.line).html("</td></tr>\n");
}

/// Changes to the gate itself.
fn gate_change(decision: &Decision, page: &mut Markup<'_>) {
    let Some(gate) = &decision.own_gate else { return };
    let class = gate.outcome.as_str();
    page.html("<h2>The gate itself</h2>\n<p><span class=\"word ").html(class).html("\">").html(class);
    page.html("</span> ").text(&gate.message).html("</p>\n<ul>\n");
    for looser in &gate.clauses {
        page.html("<li>").text(looser).html("</li>\n");
    }
    for note in &gate.notes {
        page.html("<li class=\"dim\">").text(note).html("</li>\n");
    }
    page.html("</ul>\n<p class=\"dim mono\">compared with ").text(gate.compared.join(", ")).html("</p>\n");
}

fn findings(decision: &Decision, page: &mut Markup<'_>) {
    if decision.findings.is_empty() {
        return;
    }
    let mut rules: Vec<Vec<&str>> = vec![Vec::new(); decision.findings.len()];
    for rule in &decision.rules {
        for &at in &rule.problems {
            if let Some(of) = rules.get_mut(at) {
                of.push(&rule.id);
            }
        }
    }
    page.html(
        "<section>\n<h2>Findings</h2>\n<div class=\"controls\" id=\"controls\" hidden>\n\
         <input type=\"search\" id=\"search\" placeholder=\"Search\" aria-label=\"Search findings\">\n",
    );
    let severities: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    select(page, "severity", "every severity", &severities);
    let states: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    select(page, "state", "every state", &states);
    let ids: Vec<&str> =
        decision.rules.iter().filter(|rule| !rule.problems.is_empty()).map(|rule| rule.id.as_str()).collect();
    select(page, "rule", "every rule", &ids);
    page.html("<span class=\"dim\" id=\"count\" role=\"status\"></span>\n</div>\n");
    page.html("<table id=\"findings\"><thead><tr>");
    let columns = [
        ("severity", "c-sev"),
        ("state", "c-state"),
        ("where", "c-place"),
        ("what", ""),
        ("rules", "c-rules"),
    ];
    for (at, (name, class)) in columns.iter().enumerate() {
        page.html("<th class=\"").html(class).html("\" data-column=\"").text(at);
        page.html("\"><button type=\"button\">").html(name).html("</button></th>");
    }
    page.html("</tr></thead><tbody>\n");
    let mut ids = Ids::default();
    for (at, (problem, rules)) in decision.findings.iter().zip(&rules).enumerate() {
        if at > 0 && at % BODY == 0 {
            page.html("</tbody><tbody>\n");
        }
        of_problem(problem, &ids.id_for(problem), rules, page);
    }
    page.html(END);
    for rule in &decision.rules {
        let kept = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        let kept: u64 = kept.map(|problem| problem.witnesses.len() as u64).sum();
        if let Some(more) = rule.count.checked_sub(kept).filter(|more| *more > 0 && kept > 0) {
            page.html("<p class=\"dim\"><code>").text(&rule.id).html("</code>: ").text(more);
            page.html(" more of which no details were kept; <code>--max-findings</code> keeps more.</p>\n");
        }
    }
    let unmatched = decision.unmatched_total();
    if unmatched > 0 {
        page.html("<p class=\"dim\">").text(plural(unmatched, "finding")).html(" matched no rule.</p>\n");
    }
    page.html("</section>\n");
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

fn select(page: &mut Markup<'_>, id: &'static str, all: &'static str, options: &[&str]) {
    page.html("<select id=\"").html(id).html("\" aria-label=\"").html(id);
    page.html("\"><option value=\"\">").html(all).html("</option>");
    for option in options {
        page.html("<option value=\"").text(option).html("\">").text(option.replace('_', " "));
        page.html("</option>");
    }
    page.html("</select>\n");
}

fn of_problem(problem: &MatchedProblem, id: &str, rules: &[&str], page: &mut Markup<'_>) {
    let Some(Matched { finding, .. }) = problem.lead() else { return };
    let (severity, state) = (finding.severity.as_str(), finding.state.as_str());
    let rank = Severity::ALL.iter().position(|s| *s == finding.severity).unwrap_or_default();
    page.html("<tr id=\"").text(id).html("\" data-severity=\"").html(severity);
    page.html("\" data-rank=\"").text(rank).html("\" data-state=\"").html(state);
    page.html("\" data-rules=\"").text(rules.join(" ")).html("\"><td>");
    word_of(severity, page);
    page.html("</td><td>")
        .text(state.replace('_', " "))
        .html("</td><td class=\"mono\">")
        .text(place(finding));
    let people = owners(&problem.owners);
    if !people.is_empty() {
        page.html("<br><span class=\"dim\">").text(people).html("</span>");
    }
    page.html("</td><td>");
    what(finding, page);
    let mut tools: Vec<&str> = problem.witnesses.iter().map(|w| w.finding.tool.as_str()).collect();
    tools.dedup();
    page.html("<br><span class=\"dim\">").text(tools.join(", ")).text(off(finding)).html("</span>");
    if let Some(lifted) = problem.lifted_by() {
        page.html("<br><span class=\"word pass\">").text(lifted).html("</span>");
    }
    page.html("</td><td class=\"mono\">").text(rules.join(", ")).html("</td></tr>\n");
}

/// A word of a closed set, in its colour.
fn word_of(word: &'static str, page: &mut Markup<'_>) {
    page.html("<span class=\"word ").html(word).html("\">").html(word).html("</span>");
}

/// Description of a finding.
fn what(finding: &Finding, page: &mut Markup<'_>) {
    page.html("<code>").text(finding.rule_id.as_str()).html("</code>");
    if let (Fix::Available, Some(version)) = (finding.fix, finding.version_to_take()) {
        page.html(" → <code>").text(version.as_str()).html("</code>");
    }
    page.html(" ").text(title(finding));
    let urgency = urgency(finding, true);
    if !urgency.is_empty() {
        page.html("<br><span class=\"dim\">").text(urgency.trim_matches([' ', '(', ')'])).html("</span>");
    }
}

fn waivers(decision: &Decision, page: &mut Markup<'_>) {
    if decision.waivers.is_empty() {
        return;
    }
    table(
        page,
        "Waivers",
        &[("waiver", "c-rules"), ("rule", "c-rules"), ("reason", ""), ("until", "c-state")],
    );
    decision.waivers.iter().for_each(|waiver| of_waiver(waiver, page));
    page.html(END);
}

fn of_waiver(waiver: &WaiverResult, page: &mut Markup<'_>) {
    let class = match waiver.status {
        WaiverStatus::Active => "pass",
        WaiverStatus::Unused => "not_applicable",
        _ => "review",
    };
    page.html("<tr><td><code>").text(&waiver.id).html("</code><br><span class=\"word ").html(class);
    page.html("\">").text(waiver.status.as_str().replace('_', " "));
    page.html("</span></td><td class=\"mono\">").text(waiver.rule.join(", ")).html("</td><td>");
    page.text(&waiver.reason).html("<br><span class=\"dim\">owner ").text(&waiver.owner);
    page.html(", approved by ").text(&waiver.approved_by).html(", hides ").text(waiver.hides);
    if !waiver.message.is_empty() {
        page.html("; ").text(&waiver.message);
    }
    page.html("</span></td><td><span class=\"label\">until </span>").text(&waiver.expires);
    page.html("</td></tr>\n");
}

fn suppressed(decision: &Decision, page: &mut Markup<'_>) {
    if decision.counts.suppressed == 0 {
        return;
    }
    page.html("<h2>Suppressed by the scanner or in the code, not counted: ").text(decision.counts.suppressed);
    page.html("</h2>\n<ul>\n");
    aside(&decision.suppressed, page);
}

/// Existing findings that matched no rule: old debt, apart from what counts.
fn known(decision: &Decision, page: &mut Markup<'_>) {
    if decision.known.is_empty() {
        return;
    }
    page.html("<h2>Known before, and matched no rule: ").text(decision.known.len()).html("</h2>\n<ul>\n");
    aside(&decision.known, page);
}

/// Findings that do not count, as a list that was begun.
fn aside(all: &[Arc<Matched>], page: &mut Markup<'_>) {
    for Matched { finding, .. } in all.iter().map(AsRef::as_ref) {
        page.html("<li>");
        word_of(finding.severity.as_str(), page);
        page.html(" <code>").text(place(finding)).html("</code> ");
        what(finding, page);
        page.text(off(finding)).html("</li>\n");
    }
    page.html("</ul>\n");
}

fn fixed(decision: &Decision, page: &mut Markup<'_>) {
    if decision.fixed.is_empty() {
        return;
    }
    page.html("<h2>Fixed since the base</h2>\n<ul>\n");
    for entry in &decision.fixed {
        let at = if entry.path.is_empty() { &entry.package } else { &entry.path };
        page.html("<li>");
        word_of(entry.severity.as_str(), page);
        page.html(" <code>").text(at).html("</code> <code>").text(&entry.rule).html("</code></li>\n");
    }
    page.html("</ul>\n");
}

fn evidence(decision: &Decision, page: &mut Markup<'_>) {
    if decision.evidence.is_empty() {
        return;
    }
    table(
        page,
        "Evidence",
        &[("outcome", "c-sev"), ("entry", "c-state"), ("file", "c-place"), ("what it says", "")],
    );
    decision.evidence.iter().for_each(|evidence| of_evidence(evidence, page));
    page.html(END);
    if let Some(took) = all_took(decision) {
        page.html("<p>").text(took).html("</p>\n");
    }
    if let Some(base) = &decision.base {
        page.html("<p>Base: ").text(&base.message).html("</p>\n");
    }
}

fn of_evidence(evidence: &Evidence, page: &mut Markup<'_>) {
    let outcome = evidence.outcome.as_str();
    page.html("<tr><td><span class=\"word ").html(outcome).html("\">");
    page.html(if evidence.outcome == Outcome::NotApplicable { "–" } else { outcome });
    page.html("</span></td><td>").text(evidence.entry.as_deref().unwrap_or("–"));
    page.html("</td><td class=\"mono\">").text(evidence.path.as_ref().map_or("–", |path| path.as_str()));
    page.html("</td><td>");
    if let Some(tool) = &evidence.tool {
        page.text(tool.name.as_str());
        if let Some(version) = &tool.version {
            page.html(" ").text(version);
        }
        page.html(": ").text(counted(&evidence.findings));
        if let Some(took) = took(evidence) {
            page.html(", ").text(took);
        }
        page.html("<br>");
    }
    page.html(evidence.status.as_str());
    if !evidence.message.is_empty() {
        page.html(": ").text(&evidence.message);
    }
    for problem in &evidence.problems {
        page.html("<br><span class=\"dim\">").text(problem).html("</span>");
    }
    if let Some(sha256) = &evidence.sha256 {
        page.html("<br><span class=\"dim mono\">sha256:").text(sha256).html("</span>");
    }
    page.html("</td></tr>\n");
}

fn foot(decision: &Decision, page: &mut Markup<'_>) {
    page.html("</main>\n<footer>secgate ").html(env!("CARGO_PKG_VERSION")).html(" · gate <code>");
    page.text(word(&decision.gate)).html("</code> · <span class=\"mono\">");
    match &decision.policy {
        Some((source, sha256)) => page.html("policy ").text(source).html(" sha256:").text(sha256),
        None => page.html("no policy"),
    };
    page.html(" · findings sha256:").text(&decision.findings_digest).html("</span> · ");
    page.text(decision.evaluated_at);
    if let Some(commit) = &decision.context.commit {
        page.html(" · commit ").text(commit);
    }
    page.html("</footer>\n<script>").html(SCRIPT).html("</script>\n</body>\n</html>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_do_not_end_themselves() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }
}

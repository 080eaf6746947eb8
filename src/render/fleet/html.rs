//! The fleet as one page that fetches nothing: figures, charts, tables to sort, and what is open in each repository.
//!
//! Like the page of a verdict it is [`Markup`], and its own policy (CSP) allows one style and one script. Without the script it
//! reads the same, in the order in which it is written.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::content::FleetContent;
use super::content::deadlines::place;
use super::csv;
use super::table::{FleetBar, FleetCell, FleetChart, FleetTable, day};
use crate::fleet::{LatestRun, OpenFinding};
use crate::render::html::markup::Markup;

const STYLE: &str = concat!(include_str!("../html/page.css"), include_str!("fleet.css"));
const SCRIPT: &str = include_str!("fleet.js");

/// Findings that the page shows of one repository and gate.
const OPEN_SHOWN: usize = 25;
/// Repositories that it opens.
const REPOSITORIES_SHOWN: usize = 1000;

pub(super) fn write(content: &FleetContent<'_>, out: &mut dyn Write) -> io::Result<()> {
    let anchors = Anchors::of_runs(&content.latest);
    let mut page = Markup::new(out);
    head(content, &mut page);
    for (heading, tables) in &content.parts {
        page.html("<h2>").html(heading).html("</h2>\n");
        for table in tables {
            section(table, &anchors, &mut page);
        }
    }
    repositories(content, &anchors, &mut page);
    page.html("</main>\n<footer>secgate ").html(env!("CARGO_PKG_VERSION"));
    page.html(" · made of rows of <code>secgate replay</code></footer>\n<script>").html(SCRIPT);
    page.html("</script>\n</body>\n</html>\n");
    page.finish()
}

/// Where the page opens a repository.
struct Anchors<'c>(BTreeMap<&'c str, usize>);

impl<'c> Anchors<'c> {
    fn of_runs(runs: &[&'c LatestRun]) -> Self {
        let mut places = BTreeMap::new();
        for (at, run) in runs.iter().enumerate().take(REPOSITORIES_SHOWN) {
            places.entry(run.of.project.as_str()).or_insert(at);
        }
        Self(places)
    }
}

fn head(content: &FleetContent<'_>, page: &mut Markup<'_>) {
    page.open_document(&content.title, STYLE, SCRIPT).html("<header>\n<h1>");
    page.text(&content.title)
        .html("</h1>\n<p>")
        .text(&content.summary)
        .html("</p>\n<dl class=\"figures\">\n");
    for (name, value) in &content.figures {
        page.html("<div><dt>").html(name).html("</dt><dd>").text(value).html("</dd></div>\n");
    }
    page.html("</dl>\n</header>\n<nav>\n");
    for (heading, tables) in &content.parts {
        let Some(first) = tables.first() else { continue };
        page.html("<a href=\"#").html(first.id).html("\">").html(heading).html("</a>\n");
    }
    page.html("<a href=\"#open\">What is open</a>\n</nav>\n<main>\n");
    for note in &content.notes {
        page.html("<p class=\"dim\">").text(note).html("</p>\n");
    }
}

fn section(table: &FleetTable, anchors: &Anchors<'_>, page: &mut Markup<'_>) {
    page.html("<section id=\"")
        .html(table.id)
        .html("\">\n<h3>")
        .html(table.heading)
        .html("</h3>\n<p class=\"dim\">");
    page.text(&table.about).html("</p>\n");
    if table.rows.is_empty() {
        page.html("<p>").html(table.empty).html("</p>\n</section>\n");
        return;
    }
    if let Some(chart) = &table.chart {
        draw(chart, page);
        download(table, chart, page);
    }
    page.html("<div class=\"wide\"><table class=\"sorted\"><thead><tr>");
    for (at, name) in table.columns.iter().enumerate() {
        let number = table.rows.first().and_then(|row| row.get(at)).is_some_and(FleetCell::is_number);
        page.html(if number { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" })
            .html(name)
            .html("</th>");
    }
    page.html("</tr></thead><tbody>\n");
    for row in table.rows.iter().take(table.shown) {
        page.html("<tr>");
        for cell in row {
            cell_of(cell, anchors, page);
        }
        page.html("</tr>\n");
    }
    page.html("</tbody></table></div>\n");
    if table.cut() > 0 {
        page.html("<p class=\"dim\">").text(table.shown).html(" of ").text(table.rows.len());
        page.html(" rows; <code>secgate fleet --format csv</code> writes all.</p>\n");
    }
    page.html("</section>\n");
}

fn cell_of(cell: &FleetCell, anchors: &Anchors<'_>, page: &mut Markup<'_>) {
    page.html(match cell {
        FleetCell::Day(_) | FleetCell::Written(_) => "<td class=\"day\"",
        cell if cell.is_number() => "<td class=\"n\"",
        _ => "<td",
    });
    if let Some(value) = cell.sort_value() {
        page.html(" data-v=\"").text(value).html("\"");
    }
    page.html(">");
    match cell {
        FleetCell::Colored("") => {}
        FleetCell::Colored(word) => {
            page.html("<span class=\"word ").html(word).html("\">").text(cell.shown()).html("</span>");
        }
        FleetCell::Name(text) if text.is_empty() => {}
        FleetCell::Name(text) => {
            page.html("<code>").text(text).html("</code>");
        }
        FleetCell::Repository(project) => match anchors.0.get(project.as_str()) {
            Some(at) => {
                page.html("<a href=\"#r").text(at).html("\">").text(project).html("</a>");
            }
            None => {
                page.text(project);
            }
        },
        FleetCell::Words(_)
        | FleetCell::Written(_)
        | FleetCell::Count(_)
        | FleetCell::Share(..)
        | FleetCell::Day(_) => {
            page.text(cell.shown());
        }
    }
    page.html("</td>");
}

/// Steps of a chart's scale.
const SCALE: u64 = 1000;

/// Draws a chart: each bar a drawing of its own beside its words, so that words keep their size on a phone.
fn draw(chart: &FleetChart, page: &mut Markup<'_>) {
    let most = chart.bars.iter().map(|bar| bar.parts.iter().sum::<u64>()).max().unwrap_or_default().max(1);
    if chart.parts.len() > 1 {
        page.html("<p class=\"legend\">");
        for (class, name) in &chart.parts {
            page.html("<svg class=\"key\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"")
                .html(class);
            page.html("\" width=\"1\" height=\"1\"/></svg>").html(name).html(" ");
        }
        page.html("</p>\n");
    }
    page.html(if chart.upright { "<ul class=\"chart upright\">\n" } else { "<ul class=\"chart\">\n" });
    for bar in &chart.bars {
        one_bar(bar, chart, most, page);
    }
    page.html("</ul>\n");
}

fn one_bar(bar: &FleetBar, chart: &FleetChart, most: u64, page: &mut Markup<'_>) {
    let told: Vec<String> = bar
        .parts
        .iter()
        .zip(&chart.parts)
        .filter(|(part, _)| **part > 0)
        .map(|(part, (_, name))| format!("{part} {name}"))
        .collect();
    let total: u64 = bar.parts.iter().sum();
    page.html("<li><span class=\"name\">").text(&bar.name).html("</span>");
    page.html(if chart.upright {
        "<svg viewBox=\"0 0 1 1000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\""
    } else {
        "<svg viewBox=\"0 0 1000 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\""
    });
    page.text(told.join(", "))
        .html("\"><title>")
        .text(&bar.name)
        .html(": ")
        .text(told.join(", "))
        .html("</title>");
    let mut start = 0;
    for (part, (class, _)) in bar.parts.iter().zip(&chart.parts) {
        let size = scaled(*part, most);
        if size == 0 {
            continue;
        }
        page.html("<rect class=\"").html(class);
        if chart.upright {
            page.html("\" y=\"")
                .text(SCALE.saturating_sub(start + size))
                .html("\" width=\"1\" height=\"")
                .text(size);
        } else {
            page.html("\" x=\"").text(start).html("\" height=\"1\" width=\"").text(size);
        }
        page.html("\"/>");
        start += size;
    }
    page.html("</svg><span class=\"value\">").text(total).html("</span></li>\n");
}

/// A number on the scale; what is there is seen.
fn scaled(part: u64, most: u64) -> u64 {
    let size = u128::from(part) * u128::from(SCALE) / u128::from(most.max(1));
    let size = u64::try_from(size).unwrap_or(SCALE);
    if part > 0 { size.max(2) } else { 0 }
}

/// A link that holds what the chart is drawn of.
fn download(table: &FleetTable, chart: &FleetChart, page: &mut Markup<'_>) {
    let mut text = Vec::new();
    if csv::chart(chart, &mut text).is_err() {
        return;
    }
    page.html("<p class=\"dim\"><a download=\"")
        .html(table.id)
        .html(".csv\" href=\"data:text/csv;charset=utf-8,");
    page.text(percent_encoded(&text)).html("\">CSV of this chart</a></p>\n");
}

fn percent_encoded(text: &[u8]) -> String {
    use std::fmt::Write as _;
    text.iter().fold(String::with_capacity(text.len() * 2), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What is open in each repository: the way down to the finding.
fn repositories(content: &FleetContent<'_>, anchors: &Anchors<'_>, page: &mut Markup<'_>) {
    page.html(
        "<h2 id=\"open\">What is open</h2>\n<p class=\"dim\">The latest run of each repository and \
     gate, the worst first, with what is open in it: ",
    );
    page.html("up to ")
        .text(OPEN_SHOWN)
        .html(" findings that a rule counted, a waiver lifts, or that have a deadline. ");
    page.html(
        "<code>secgate fleet --format csv</code> writes all of them to \
         <code>open-findings.csv</code>.</p>\n",
    );
    page.html(
        "<p class=\"controls\" id=\"controls\" hidden><input type=\"search\" id=\"search\" \
     placeholder=\"Search repositories, teams and findings\" aria-label=\"Search repositories, \
     teams and findings\"><span class=\"dim\" id=\"count\" role=\"status\"></span></p>\n",
    );
    for (at, run) in content.latest.iter().enumerate().take(REPOSITORIES_SHOWN) {
        let is_first = anchors.0.get(run.of.project.as_str()) == Some(&at);
        repository(run, is_first.then_some(at), page);
    }
    let more = content.latest.len().saturating_sub(REPOSITORIES_SHOWN);
    if more > 0 {
        page.html("<p class=\"dim\">").text(more).html(" more are not shown.</p>\n");
    }
}

fn repository(run: &LatestRun, anchor: Option<usize>, page: &mut Markup<'_>) {
    let verdict = run.verdict.as_str();
    page.html("<details class=\"repository\"");
    if let Some(at) = anchor {
        page.html(" id=\"r").text(at).html("\"");
    }
    page.html("><summary><span class=\"word ")
        .html(verdict)
        .html("\">")
        .html(verdict)
        .html("</span> <strong>");
    page.text(&run.of.project)
        .html("</strong> <span class=\"dim\">gate ")
        .text(&run.of.gate)
        .html(", ")
        .text(&run.team);
    if let Some(time) = run.time {
        page.html(", ").text(day(time));
    }
    let blocking = run.open.iter().filter(|finding| finding.blocks()).count();
    page.html(", ").text(blocking).html(if blocking == 1 { " finding blocks" } else { " findings block" });
    page.html("</span></summary>\n<p>");
    if !run.clears_with.is_empty() {
        page.html("To pass: ").text(&run.clears_with).html(". ");
    }
    if !run.stopped_by.is_empty() {
        page.html("Stopped by <code>").text(run.stopped_by.join(", ")).html("</code>. ");
    }
    if !run.enforced {
        page.html("The policy blocks nothing (<code>enforcement: advisory</code>). ");
    }
    page.html("</p>\n<p class=\"dim mono\">run ").text(&run.id);
    for (name, value) in [(" · ref ", &run.git_ref), (" · commit ", &run.commit)] {
        if let Some(value) = value {
            page.html(name).text(value);
        }
    }
    page.html("</p>\n");
    match run.decided {
        None => {
            page.html("<p>No run of it was ever decided: nobody knows what is open.</p>\n");
        }
        Some(decided) if run.decided != run.time => {
            page.html("<p>The latest run was not decided; what follows is of ")
                .text(day(decided))
                .html(", run <code>");
            page.text(&run.decided_run.0).html("</code>.</p>\n");
        }
        Some(_) => {}
    }
    open_table(run, page);
    page.html("</details>\n");
}

fn open_table(run: &LatestRun, page: &mut Markup<'_>) {
    let [existing, disclosed, new] = run.states;
    if run.decided.is_some() {
        page.html("<p class=\"dim\">")
            .text(run.findings_total)
            .html(" active findings in its reports: ")
            .text(new);
        page.html(" new, ").text(existing).html(" old, ").text(disclosed).html(" newly disclosed");
        if let Some(days) = run.oldest_days {
            page.html("; the oldest is ").text(days).html(" days old");
        }
        page.html(".</p>\n");
    }
    if run.open.is_empty() {
        return;
    }
    page.html("<div class=\"wide\"><table class=\"sorted open\"><thead><tr>");
    for name in
        ["severity", "outcome", "finding", "place", "upgrade to", "state", "age, days", "due", "owners"]
    {
        page.html("<th scope=\"col\">").html(name).html("</th>");
    }
    page.html("</tr></thead><tbody>\n");
    run.open.iter().take(OPEN_SHOWN).for_each(|finding| open_row(finding, page));
    page.html("</tbody></table></div>\n");
    let more = run.open.len().saturating_sub(OPEN_SHOWN);
    if more > 0 {
        page.html("<p class=\"dim\">").text(more).html(" more.</p>\n");
    }
    if run.not_shown > 0 {
        page.html("<p class=\"dim\">").text(run.not_shown).html(" more matches have no row.</p>\n");
    }
}

fn open_row(finding: &OpenFinding, page: &mut Markup<'_>) {
    let rank = i64::from(finding.severity.rank(crate::finding::Severity::Critical));
    page.html("<tr><td data-v=\"")
        .text(rank)
        .html("\"><span class=\"word ")
        .html(finding.severity.as_str())
        .html("\">");
    page.html(finding.severity.as_str()).html("</span></td><td>");
    if let Some(waiver) = &finding.waiver {
        page.html("<span class=\"word pass\">waived</span> <code>").text(waiver).html("</code>");
    } else {
        let word = finding.outcome.as_str();
        let said = if finding.rules.is_empty() { "–" } else { word };
        page.html("<span class=\"word ").html(word).html("\">").html(said);
        page.html("</span> <code>").text(finding.rules.join(", ")).html("</code>");
    }
    page.html("</td><td><code>")
        .text(&finding.check_id)
        .html("</code> <span class=\"dim\">")
        .text(&finding.tool);
    page.html("</span></td><td class=\"mono\">").text(place(finding));
    if let (Some(_), Some(path)) = (&finding.package, &finding.path) {
        page.html(" <span class=\"dim\">").text(path).html("</span>");
    }
    page.html("</td><td class=\"mono\">").text(finding.upgrade_to.as_deref().unwrap_or_default());
    page.html("</td><td>")
        .text(finding.state.as_str().replace('_', " "))
        .html("</td><td class=\"n\" data-v=\"");
    page.text(finding.age_days.unwrap_or(-1)).html("\">");
    if let Some(age) = finding.age_days {
        page.text(age);
    }
    page.html("</td><td class=\"day\">").text(finding.due_at.map(day).unwrap_or_default());
    page.html("</td><td class=\"mono\">").text(finding.owners.join(", ")).html("</td></tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_do_not_end_themselves() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
    }

    #[test]
    fn what_is_there_is_seen() {
        assert_eq!(
            [scaled(0, 10), scaled(1, 1_000_000), scaled(10, 10), scaled(u64::MAX, u64::MAX)],
            [0, 2, 1000, 1000]
        );
    }
}

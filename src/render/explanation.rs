//! An explanation for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use owo_colors::{OwoColorize, Style};

use jiff::Timestamp;

use super::Look;
use super::text::{place, what};
use crate::decide::Outcome;
use crate::decide::explain::{
    RuleExplained, SavedRuleResult, Verdict, VerdictFinding, asks, decided_by, lines, rule_changes,
};
use crate::finding::{Finding, PlaceRole, Reachability, RelatedPlace, Stage, State, clean};
use crate::policy::Policy;

/// Findings of a rule that are listed.
const LISTED: usize = 10;

/// A finding and where it comes from.
pub struct ExplainedFinding<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its report.
    pub path: &'a str,
    /// The entries that the report was given for.
    pub entries: &'a [String],
    /// The same in the verdict, if a rule matched it.
    pub seen: Option<&'a VerdictFinding>,
}

/// Explains a finding: each witness with the rules that look at it. `texts`
/// are those of the policy's files by their names, none if it is not at hand.
///
/// # Errors
/// Errors of the writer.
pub fn finding(
    verdict: &Verdict,
    told: &[(ExplainedFinding<'_>, Vec<RuleExplained>)],
    times: usize,
    texts: &BTreeMap<String, String>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = ExplanationWriter { out, look, texts, source: source(verdict) };
    for (index, (told, rules)) in told.iter().enumerate() {
        if index > 0 {
            writeln!(page.out)?;
        }
        page.head(told)?;
        page.rules(rules)?;
    }
    if times > told.len() {
        writeln!(page.out, "\nThe reports say it {times} times; what rules make of it is the same.")?;
    }
    if texts.is_empty() {
        let digest = verdict.policy.as_ref().map_or("", |p| p.sha256.as_str());
        writeln!(
            page.out,
            "\nThe policy of this verdict (sha256:{digest}) is not the one at hand, so its clauses are not shown; give it \
             with --policy."
        )?;
    }
    Ok(())
}

/// Explains a rule: what it asks, what it said, and what it matched.
///
/// # Errors
/// Errors of the writer.
pub fn rule(
    verdict: &Verdict,
    said: &SavedRuleResult,
    policy: Option<&Policy>,
    texts: &BTreeMap<String, String>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = ExplanationWriter { out, look, texts, source: source(verdict) };
    page.title(said.outcome, &said.id, &said.title)?;
    page.clause(said.policy.as_deref(), said.line)?;
    let rule = policy.and_then(|policy| policy.rules.iter().find(|rule| rule.id == said.id));
    if let Some(rule) = rule {
        writeln!(page.out, "  looks at  {}", asks(rule))?;
        writeln!(page.out, "  fed by    {}", rule.fed_by.join(", "))?;
    }
    let message = if said.message.is_empty() { "nothing matched" } else { said.message.as_str() };
    writeln!(page.out, "  says      {}: {message}", said.outcome.as_str())?;
    let fed = |entry: &Option<String>| {
        rule.is_some_and(|rule| entry.as_ref().is_some_and(|entry| rule.fed_by.contains(entry)))
    };
    for evidence in verdict.evidence.iter().filter(|e| fed(&e.entry)) {
        let path = evidence.path.as_deref().unwrap_or("-");
        let why = if evidence.message.is_empty() { String::new() } else { format!(": {}", evidence.message) };
        let entry = evidence.entry.as_deref().unwrap_or_default();
        writeln!(page.out, "  evidence  {entry} {path} is {}{why}", evidence.status)?;
    }
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for print in said.findings.iter().take(LISTED) {
        // Equal findings have one fingerprint, and each its place.
        let times = told.entry(print).or_default();
        let mut equal = verdict.findings.iter().filter(|seen| seen.fingerprint == *print);
        let seen = equal.clone().nth(*times).or_else(|| equal.next_back());
        *times += 1;
        let Some(seen) = seen else { continue };
        let finding = seen.finding();
        let waived = seen.waiver.as_ref().map(|id| format!(" (waived by {})", clean(id))).unwrap_or_default();
        writeln!(
            page.out,
            "  matches   {print}  {} {}  {}{waived}",
            finding.severity,
            place(&finding),
            what(&finding)
        )?;
    }
    if said.findings.len() > LISTED {
        writeln!(page.out, "            … and {} more", said.findings.len() - LISTED)?;
    }
    let name = format!("{}/{}", verdict.gate, said.id);
    for waiver in verdict.waivers.iter().filter(|waiver| waiver.rule.contains(&name)) {
        let hides = if waiver.message.is_empty() {
            format!("hides {} of these until {}", waiver.findings.len(), waiver.expires)
        } else {
            waiver.message.clone()
        };
        let place = format!("{}:{}", waiver.file, waiver.line);
        writeln!(
            page.out,
            "  waiver    {} of {} {}  ({})",
            clean(&waiver.id),
            clean(&waiver.owner),
            clean(&hides),
            clean(&place)
        )?;
    }
    for (index, change) in rule_changes(said, rule, policy, verdict).iter().enumerate() {
        let label = if index == 0 { "to change" } else { "" };
        writeln!(page.out, "  {label:<9} - {change}")?;
    }
    if said.outcome > Outcome::Warn {
        writeln!(page.out, "  decides   {}", decided_by(said, rule, policy))?;
    }
    Ok(())
}

/// The policy as outputs name it.
fn source(verdict: &Verdict) -> &str {
    verdict.policy.as_ref().map_or("policy", |policy| policy.source.as_str())
}

struct ExplanationWriter<'o> {
    out: &'o mut dyn Write,
    look: Look,
    texts: &'o BTreeMap<String, String>,
    source: &'o str,
}

impl ExplanationWriter<'_> {
    fn head(&mut self, told: &ExplainedFinding<'_>) -> io::Result<()> {
        let finding = told.finding;
        writeln!(
            self.out,
            "{}  {} {}  {}",
            finding.fingerprint,
            finding.severity,
            finding.category,
            what(finding)
        )?;
        let entries = match told.entries {
            [] => "for no entry of the policy".to_owned(),
            entries => format!("for {}", entries.join(", ")),
        };
        writeln!(self.out, "  where     {}", place(finding))?;
        writeln!(self.out, "  said by   {} in {}, {entries}", finding.tool, told.path)?;
        let how = match finding.stage {
            Some(Stage::Exact) => ": the same finding stands in the base",
            Some(Stage::Moved) => ": the same content stands on another line of the file in the base",
            Some(Stage::Renamed) => {
                ": the same content stands in the base in a file that was renamed to this one"
            }
            Some(Stage::Version) => {
                ": the same advisory of the package stands in the base, in another version"
            }
            Some(Stage::Unchanged) => ": the diff leaves its file alone",
            Some(Stage::UnchangedLines) => {
                ": the diff touches its file and leaves its lines alone, and no report of the base tells more"
            }
            None if finding.state == State::NewlyDisclosed => {
                ": the base had the package in this version, and no report of the base has this advisory so"
            }
            None => "",
        };
        let from = finding
            .renamed_from
            .first()
            .map(|at| format!(", then in {}; new to a rule that would not have looked at it there", at.path));
        let from = from.unwrap_or_default();
        let since = finding.first_seen.map(|day| format!(", first known on {day}")).unwrap_or_default();
        writeln!(self.out, "  state     {}{how}{from}{since}", finding.state)?;
        if let Some(cvss) = &finding.cvss {
            let version =
                cvss.version.as_ref().map(|version| format!(" by CVSS {version}")).unwrap_or_default();
            let vector = cvss.vector.as_ref().map(|vector| format!(": {vector}")).unwrap_or_default();
            writeln!(self.out, "  score     {:.1}{version}{vector}", cvss.score)?;
            for other in &cvss.others {
                let version = other.version.as_ref().map(|v| format!(" by CVSS {v}")).unwrap_or_default();
                let vector = other.vector.as_ref().map(|vector| format!(": {vector}")).unwrap_or_default();
                writeln!(self.out, "            also {:.1}{version}{vector}", other.score)?;
            }
        }
        self.attributes(finding)?;
        match finding.reachable {
            Reachability::Yes => writeln!(self.out, "  reach     the tool saw a way to the vulnerable code")?,
            Reachability::No => writeln!(self.out, "  reach     the tool saw no way to the vulnerable code")?,
            Reachability::Unknown => {}
        }
        self.related(&finding.related)?;
        if finding.suppressed {
            writeln!(
                self.out,
                "  suppressed by the scanner or in the code: only rules that ask for that look at it"
            )?;
        }
        if let Some(vex) = told.seen.and_then(|seen| seen.vex.as_ref()) {
            let (author, file) = (clean(&vex.author), clean(&vex.file));
            let (status, why) = (clean(&vex.status), clean(&vex.justification));
            writeln!(self.out, "  vex       {status}: {why}, says {author} in {file}")?;
        }
        if let Some(joined) = told.seen.and_then(|seen| seen.joined.as_ref()) {
            let tools = told.seen.map(|seen| seen.tools.join(", ")).unwrap_or_default();
            writeln!(self.out, "  joined    {} ({tools}):", joined.why)?;
            for print in joined.fingerprints.iter().filter(|p| **p != finding.fingerprint.to_string()) {
                writeln!(self.out, "            {print}")?;
            }
        }
        Ok(())
    }

    /// What else is known of a vulnerability and its package, in one line.
    fn attributes(&mut self, finding: &Finding) -> io::Result<()> {
        let day = |at: i64| Timestamp::from_second(at).map(|at| at.strftime("%F").to_string()).ok();
        let dated = |what: &str, at: Option<i64>| at.and_then(day).map(|day| format!("{what} {day}"));
        let known = [
            finding
                .direct
                .map(|direct| if direct { "direct dependency" } else { "transitive dependency" }.to_owned()),
            finding.package_name().and_then(|name| name.ecosystem).map(|kind| format!("ecosystem {kind}")),
            dated("published", finding.published),
            dated("changed", finding.modified),
            dated("fixed since", finding.fix_since),
            finding.kev.map(|listed| if listed { "in KEV" } else { "not in KEV" }.to_owned()),
            finding.epss.map(|epss| format!("EPSS {epss}")),
            finding.exploit.map(|exploit| format!("exploit {exploit}").replace('_', " ")),
            finding.end_of_life.map(|ended| if ended { "end of life" } else { "maintained" }.to_owned()),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        if !known.is_empty() {
            writeln!(self.out, "  known     {}", known.join(", "))?;
        }
        Ok(())
    }

    /// Places beside that of the finding: a line each.
    fn related(&mut self, places: &[RelatedPlace]) -> io::Result<()> {
        let mut last = None;
        for RelatedPlace { role, location, message } in places {
            let label = match role {
                _ if last == Some(role) => "",
                PlaceRole::Related => "related",
                PlaceRole::Flow => "data flow",
            };
            last = Some(role);
            let at = location.as_ref().map(|at| match at.line {
                Some(line) => format!("{}:{line}", at.path),
                None => at.path.to_string(),
            });
            let words = [at.as_deref().unwrap_or_default(), message.as_str()];
            let line: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            writeln!(self.out, "  {label:<9} {}", line.join("  "))?;
        }
        Ok(())
    }

    fn rules(&mut self, rules: &[RuleExplained]) -> io::Result<()> {
        if rules.iter().all(|rule| !rule.looks) {
            writeln!(
                self.out,
                "\nIt matched no rule.{}",
                if rules.is_empty() { "" } else { " Those that came nearest:" }
            )?;
            for rule in rules {
                let fails = rule.clauses.iter().filter(|c| !c.holds);
                let why: Vec<String> = fails
                    .map(|c| format!("{} is {}, and the rule wants {}", c.name, none(&c.is), c.wanted))
                    .collect();
                let file = rule.policy.as_deref().unwrap_or(self.source);
                writeln!(self.out, "  {}  ({}:{}): {}", rule.id, clean(file), rule.line, why.join("; "))?;
            }
            return Ok(());
        }
        for rule in rules {
            writeln!(self.out)?;
            self.title(rule.outcome, &rule.id, &rule.title)?;
            self.clause(rule.policy.as_deref(), rule.line)?;
            self.why(rule)?;
        }
        Ok(())
    }

    fn title(&mut self, outcome: Outcome, id: &str, title: &str) -> io::Result<()> {
        let word = format!("{:<7}", outcome.as_str());
        let style = match outcome {
            Outcome::Fail | Outcome::Error => Style::new().red().bold(),
            Outcome::Review => Style::new().magenta().bold(),
            Outcome::Warn => Style::new().yellow(),
            Outcome::Pass => Style::new().green(),
            Outcome::NotApplicable => Style::new().dimmed(),
        };
        let word = if self.look.color { word.style(style).to_string() } else { word };
        let title = if title == id { String::new() } else { format!("  {title}") };
        writeln!(self.out, "{word} {id}{title}")
    }

    /// The lines of the policy that say it.
    fn clause(&mut self, file: Option<&str>, line: u64) -> io::Result<()> {
        let file = file.unwrap_or(self.source);
        writeln!(self.out, "  {}:{line}", clean(file))?;
        for (number, text) in lines(self.texts.get(file).map_or("", String::as_str), line) {
            writeln!(self.out, "  {number:>4} | {}", clean(text))?;
        }
        Ok(())
    }

    fn why(&mut self, rule: &RuleExplained) -> io::Result<()> {
        let shown = || rule.clauses.iter().filter(|c| c.name != "suppressed" || c.is == "true");
        let names = shown().map(|c| c.name.len()).max().unwrap_or(0);
        let wide = shown().map(|c| c.wanted.chars().count()).max().unwrap_or(0).min(40);
        for clause in shown() {
            let is = match clause.name {
                "not" => "does not match".to_owned(),
                "where" => "holds".to_owned(),
                _ if clause.unknown && clause.name != "severity" => {
                    format!("{}: the report does not say, and what is not known holds", clause.is)
                }
                _ => none(&clause.is).to_owned(),
            };
            writeln!(self.out, "  because   {:<names$}  {:<wide$}  {is}", clause.name, clause.wanted)?;
        }
        if !rule.message.is_empty() {
            writeln!(self.out, "  says      {}: {}", rule.outcome.as_str(), rule.message)?;
        }
        for waiver in &rule.waivers {
            writeln!(
                self.out,
                "  waiver    {} of {} {}  ({})",
                waiver.id, waiver.owner, waiver.why, waiver.place
            )?;
        }
        for (index, change) in rule.changes.iter().enumerate() {
            let label = if index == 0 { "to change" } else { "" };
            writeln!(self.out, "  {label:<9} - {change}")?;
        }
        writeln!(self.out, "  decides   {}", rule.decides)
    }
}

fn none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

//! `secgate waiver new --from FILE`: what ignore files of scanners hold, as waivers that say what is still missing.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::new::{MONTH, head, rules_of};
use crate::finding::{Category, clean, clean_line};
use crate::policy::ignore::{self, Ignored};
use crate::policy::waiver::READ_AT_MOST;
use crate::policy::{Action, Policy, Rule, Subject};
use crate::report::open_regular;

/// The waivers of these files, and what of them can be none, as YAML.
pub(super) fn written(files: &[std::path::PathBuf], policy: &Policy, now: Timestamp) -> Result<String> {
    let limits = policy.waivers.as_ref().map_or(0, |waivers| waivers.max_duration);
    let created = Offset::UTC.to_datetime(now).date();
    let last = created.checked_add(jiff::SignedDuration::from_secs(limits))?;
    let month = created.checked_add(jiff::SignedDuration::from_secs(limits.min(MONTH)))?;
    let days = Days { created, last, month };
    let (mut text, mut refused, mut count) = (head(policy)?, String::new(), 0);
    for file in files {
        let name = clean(&file.to_string_lossy()).into_owned();
        for one in read_ignore_files(file, &name)? {
            match entry(&one, &name, policy, days, count + 1)? {
                Ok(entry) => {
                    count += 1;
                    text.push_str(&entry);
                }
                Err(why) => writeln!(refused, "# {name}:{}: no waiver: {why}", one.place)?,
            }
        }
    }
    if count == 0 {
        // A list without an item is no list.
        text = text.replace("waivers:\n", "waivers: []\n");
    }
    if !refused.is_empty() {
        writeln!(text, "\n# Not turned into waivers, because a waiver is exact:\n{}", refused.trim_end())?;
    }
    Ok(text)
}

fn read_ignore_files(path: &Path, name: &str) -> Result<Vec<Ignored>> {
    let file = open_regular(path).map_err(|error| anyhow!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(READ_AT_MOST).read_to_end(&mut bytes).with_context(|| format!("{name}: cannot be read"))?;
    Ok(ignore::read_ignore_file(name, &bytes)?)
}

#[derive(Clone, Copy)]
struct Days {
    created: Date,
    /// The policy allows no longer.
    last: Date,
    month: Date,
}

/// One entry, or why there can be none.
fn entry(one: &Ignored, file: &str, policy: &Policy, days: Days, n: usize) -> Result<Result<String, String>> {
    let id = one.id.as_ref().or(one.rule_id.as_ref()).map(|id| clean_line(id).into_owned());
    if !one.is_exact() {
        let what = id.map_or_else(String::new, |id| format!("{id}: "));
        let why = if one.said.is_empty() {
            "a check in every file is not an exception; name the file".to_owned()
        } else {
            one.said.join("; ")
        };
        return Ok(Err(format!("{what}{why}")));
    }
    let rules: Vec<String> = policy
        .rules
        .iter()
        .filter(|rule| looks_at(rule, one.category))
        .map(|rule| format!("{}/{}", policy.gate, rule.id))
        .collect();
    if rules.is_empty() {
        return Ok(Err("no rule of this gate that a waiver may lift looks at such findings".to_owned()));
    }
    let (expires, remark) = match one.until.as_ref().map(|day| (day, day.parse::<Date>())) {
        Some((_, Ok(day))) if day < days.created => return Ok(Err(format!("it ended on {day}"))),
        Some((_, Ok(day))) if day <= days.last => (day, String::new()),
        Some((day, _)) => {
            (days.last, format!("  # it said {}, and the policy ends it here", clean_line(day)))
        }
        None => (days.month, "  # it had no end".to_owned()),
    };
    let quoted = |text: &str| serde_json::to_string(&clean_line(text));
    let mut text = String::new();
    writeln!(text, "  # {file}:{}", one.place)?;
    for said in &one.said {
        writeln!(text, "  # {said}")?;
    }
    let reason = if one.reason.is_some() { "" } else { "reason, " };
    // Which code or secret it is, the file does not say.
    let content =
        if one.id.is_some() { "" } else { "match.content (`secgate waiver new --finding` tells it), " };
    writeln!(
        text,
        "  # still missing: {reason}{content}owner, approved_by, compensating_controls, seen.severity"
    )?;
    writeln!(text, "  - id: W-{}-{n:03}", days.created)?;
    writeln!(text, "    rule: {}", rules_of(&rules)?)?;
    let mut selectors = Vec::new();
    if let Some(id) = &one.id {
        selectors.push(format!("ids: [{}]", quoted(id)?));
    }
    for (key, value) in [("rule_id", &one.rule_id), ("path", &one.path), ("package", &one.package)] {
        if let Some(value) = value {
            selectors.push(format!("{key}: {}", quoted(value)?));
        }
    }
    writeln!(text, "    match: {{{}}}", selectors.join(", "))?;
    writeln!(
        text,
        "    reason: {}",
        quoted(one.reason.as_deref().unwrap_or("<why this risk can be taken>"))?
    )?;
    writeln!(text, "    owner: \"<@user or team that answers for it>\"")?;
    writeln!(text, "    approved_by: \"<@user who approves it; not the owner>\"")?;
    writeln!(text, "    compensating_controls: [\"<what keeps the risk small meanwhile>\"]")?;
    writeln!(text, "    created: {}\n    expires: {expires}{remark}", days.created)?;
    writeln!(text, "    review_trigger: [severity_raised]")?;
    writeln!(text, "    seen: {{severity: \"<how bad it is today>\"}}")?;
    Ok(Ok(text))
}

/// Whether a waiver for this rule could cover active findings of the category.
fn looks_at(rule: &Rule, category: Option<Category>) -> bool {
    let Subject::Findings(selector) = &rule.subject else { return false };
    let of_category = selector.category.is_empty() || category.is_none_or(|c| selector.category.contains(&c));
    rule.waivable && rule.then != Action::Warn && selector.suppressed != Some(true) && of_category
}

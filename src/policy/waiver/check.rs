//! From waivers as written to waivers as checked under a policy. Every function reports what is wrong and goes on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::super::error::{PolicyProblems, SourcePosition, quoted};
use super::super::glob::check_parameter;
use super::super::validate::LONGEST_ID;
use super::super::written::{At, Many, Name, Prose};
use super::super::{EntryKind, Feed, Policy};
use super::written::{self, Moment};
use super::{Trigger, Waiver, WaiverFile, WaiverMatch, WaiverSnapshot, persons};
use crate::finding::{Fingerprint, Purl};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Longest time of an emergency, in seconds.
const EMERGENCY: i64 = 72 * 3_600;

/// `waivers.max_duration` where the policy allows none: nothing is used then, but lint still reads.
const NINETY_DAYS: i64 = 90 * 86_400;

/// Checks the entries of a file.
pub(super) fn waivers(
    entries: Vec<At<written::Waiver>>,
    policy: &Policy,
    now: Timestamp,
    file: &mut WaiverFile,
    problems: &mut PolicyProblems,
) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for At { at, value } in entries {
        if let Some(id) = &value.id {
            if id.value.chars().count() > LONGEST_ID {
                problems.add(id.at, PolicyDiagnostic::NameTooLong { what: "`id`", most: LONGEST_ID });
            }
            // People type ids: those that differ in letter case only would be mistaken.
            if let Some(first) = seen.insert(id.value.to_lowercase(), id.at.line) {
                problems
                    .add(id.at, PolicyDiagnostic::DuplicateWaiver { shown: quoted(&id.value), line: first });
            }
            file.ids.push((id.value.clone(), id.at.line));
        }
        if let Some(waiver) = waiver(at, value, policy, now, &file.source, problems) {
            file.waivers.push(waiver);
        }
    }
}

/// One waiver; `None` after a problem, or if it is for other gates only.
fn waiver(
    begin: SourcePosition,
    written: written::Waiver,
    policy: &Policy,
    now: Timestamp,
    source: &str,
    problems: &mut PolicyProblems,
) -> Option<Waiver> {
    let rules = written.rule.as_ref().map(|list| rules(&list.value.0, policy, problems));
    filled(&written, problems);
    let matches = written.r#match.map(|m| selectors(m.at, m.value, problems));
    let triggers: Option<Vec<Trigger>> =
        written.review_trigger.map(|list| list.value.0.into_iter().map(|t| t.value).collect());
    let projects = projects(written.projects, problems);
    let justification = written.justification.map(|word| word.value);
    let seen = seen(begin, written.seen, triggers.as_deref().unwrap_or_default(), problems);
    let emergency = written.given.contains(&"kind");
    let span = Span { created: written.created, expires: written.expires, emergency };
    let rules = rules?;
    // A problem in a rule counts as ours, so that the rest is checked as well.
    let ours = rules.ours || rules.applies_to.is_empty() && rules.written.is_empty();
    if ours {
        one_person(written.owner.as_ref(), written.approved_by.as_ref(), policy, problems);
    }
    let ends = span.check(ours.then_some(policy), now, problems);
    if !ours {
        return None;
    }
    let max_matches = written.max_matches.map(|n| n.value.0).or(seen.matches).unwrap_or(1);
    Some(Waiver {
        id: written.id?.value,
        file: source.to_owned(),
        line: begin.line,
        rules: rules.written,
        applies_to: rules.applies_to,
        projects,
        matches: matches?,
        justification,
        reason: written.reason?.value.0,
        owner: written.owner?.value.0,
        approved_by: written.approved_by?.value.0,
        compensating_controls: written
            .compensating_controls?
            .value
            .0
            .into_iter()
            .map(|c| c.value.0)
            .collect(),
        created: display_moment(span.created?.value),
        expires: display_moment(span.expires?.value),
        ends: ends?,
        triggers: triggers?,
        review_note: written.review_note.map(|note| note.value.0),
        seen,
        max_matches: u64::from(max_matches),
        emergency,
    })
}

/// Globs of project paths.
fn projects(written: Option<At<Many<Name>>>, problems: &mut PolicyProblems) -> Vec<String> {
    let mut globs = Vec::new();
    for glob in written.map(|list| list.value.0).unwrap_or_default() {
        if let Err(why) = check_parameter(&glob.value) {
            problems.add(glob.at, PolicyDiagnostic::InvalidProjectGlob { shown: quoted(&glob.value), why });
        }
        globs.push(glob.value);
    }
    globs
}

/// The state when it was written; what a trigger compares with must be there.
fn seen(
    begin: SourcePosition,
    written: Option<At<written::Seen>>,
    triggers: &[Trigger],
    problems: &mut PolicyProblems,
) -> WaiverSnapshot {
    let seen = written.map(|seen| seen.value);
    let says = seen.as_ref().is_some_and(|seen| seen.given.contains(&"severity"));
    if triggers.contains(&Trigger::SeverityRaised) && !says {
        problems.add(begin, PolicyDiagnostic::SeverityNotNoted);
    }
    seen.map_or_else(WaiverSnapshot::default, |s| WaiverSnapshot {
        severity: s.severity.map(|v| v.value),
        fix: s.fix.map(|v| v.value),
        matches: s.matches.map(|v| v.value.0),
    })
}

fn display_moment(moment: Moment) -> String {
    match moment {
        Moment::Day(day) => day.to_string(),
        Moment::Time(time) => time.to_string(),
    }
}

/// The rules of a waiver.
struct Rules {
    written: Vec<String>,
    applies_to: Vec<usize>,
    /// One of them names the present gate, or cannot be told.
    ours: bool,
}

fn rules(list: &[At<Name>], policy: &Policy, problems: &mut PolicyProblems) -> Rules {
    let mut rules = Rules { written: Vec::new(), applies_to: Vec::new(), ours: false };
    for name in list {
        rules.written.push(name.value.clone());
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let parts = name.value.split_once('/').filter(|(gate, rule)| {
            !gate.is_empty() && gate.chars().all(fits) && !rule.is_empty() && !rule.contains(['/', '*', '?'])
        });
        let Some((gate, rule)) = parts else {
            rules.ours = true;
            let first = policy.rules.first().map_or("RULE", |rule| rule.id.as_str());
            problems.add(
                name.at,
                PolicyDiagnostic::InvalidRuleName {
                    shown: quoted(&name.value),
                    such: format!("{}/{first}", policy.gate),
                },
            );
            continue;
        };
        if gate != policy.gate {
            if gate.eq_ignore_ascii_case(&policy.gate) {
                rules.ours = true;
                problems.add(
                    name.at,
                    PolicyDiagnostic::UnknownGate {
                        shown: quoted(gate),
                        gate: policy.gate.clone(),
                        rule: rule.to_owned(),
                    },
                );
            }
            continue;
        }
        rules.ours = true;
        if let Some(index) = policy.rules.iter().position(|known| known.id == rule) {
            if !rules.applies_to.contains(&index) {
                rules.applies_to.push(index);
            }
        } else {
            let known: Vec<&str> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
            problems.unknown(
                name.at,
                PolicyDiagnostic::UnknownRule { gate: gate.to_owned(), shown: quoted(rule) },
                rule,
                &known,
            );
        }
    }
    rules
}

/// Reports placeholders that `secgate waiver new` left to be filled.
fn filled(written: &written::Waiver, problems: &mut PolicyProblems) {
    let prose = |text: &Option<At<Prose>>| text.as_ref().map(|t| (t.at, t.value.0.clone()));
    let person = |name: &Option<At<written::PersonName>>| name.as_ref().map(|n| (n.at, n.value.0.clone()));
    let mut texts = vec![
        ("reason", prose(&written.reason)),
        ("owner", person(&written.owner)),
        ("approved_by", person(&written.approved_by)),
        ("id", written.id.as_ref().map(|id| (id.at, id.value.clone()))),
    ];
    let controls = written.compensating_controls.as_ref().map(|list| list.value.0.as_slice());
    for control in controls.unwrap_or_default() {
        texts.push(("compensating_controls", Some((control.at, control.value.0.clone()))));
    }
    for (key, at, text) in texts.into_iter().filter_map(|(key, text)| text.map(|(at, text)| (key, at, text)))
    {
        if text.starts_with('<') && text.ends_with('>') {
            problems.add(at, PolicyDiagnostic::PlaceholderLeft { key, shown: quoted(&text) });
        } else if !text.chars().any(char::is_alphanumeric) {
            problems.add(at, PolicyDiagnostic::SaysNothing { key, shown: quoted(&text) });
        }
    }
}

/// Owner and approver are claims, and claims of two.
fn one_person(
    owner: Option<&At<written::PersonName>>,
    approver: Option<&At<written::PersonName>>,
    policy: &Policy,
    problems: &mut PolicyProblems,
) {
    if let (Some(owner), Some(approver)) = (owner, approver)
        && !persons(&owner.value.0, policy).is_disjoint(&persons(&approver.value.0, policy))
    {
        problems.add(approver.at, PolicyDiagnostic::ApprovedByOwner { shown: quoted(&approver.value.0) });
    }
}

/// From when to when a waiver holds.
struct Span {
    created: Option<At<Moment>>,
    expires: Option<At<Moment>>,
    emergency: bool,
}

impl Span {
    /// Checks the dates, under the limits of the policy where it is the policy of this waiver, and gives the first
    /// moment at which it holds no more.
    fn check(
        &self,
        policy: Option<&Policy>,
        now: Timestamp,
        problems: &mut PolicyProblems,
    ) -> Option<Timestamp> {
        for (key, moment) in [("created", &self.created), ("expires", &self.expires)] {
            if let Some(At { at, value: Moment::Time(_) }) = moment
                && !self.emergency
            {
                problems.add(*at, PolicyDiagnostic::TimeWithoutEmergency { key });
            }
        }
        let (created, expires) = (self.created.as_ref()?, self.expires.as_ref()?);
        let (starts, ends) = (begin(created.value)?, end(expires.value)?);
        let Some(policy) = policy else { return Some(ends) };
        if starts > now {
            problems.add(created.at, PolicyDiagnostic::CreatedInFuture { now });
        }
        let length = ends.as_second() - starts.as_second();
        if length <= 0 {
            problems.add(expires.at, PolicyDiagnostic::ExpiresBeforeCreated);
        } else if self.emergency && length > EMERGENCY {
            problems.add(expires.at, PolicyDiagnostic::EmergencyTooLong);
        }
        let longest = policy.waivers.as_ref().map_or(NINETY_DAYS, |w| w.max_duration);
        // Both days are whole, so that a waiver from day to day may last a day more.
        let whole = if matches!(expires.value, Moment::Day(_)) { 86_400 } else { 0 };
        if length - whole > longest {
            let days = |seconds: i64| match (seconds / 86_400, seconds / 3_600) {
                (0, hours) => format!("{hours} hours"),
                (days, _) => format!("{days} days"),
            };
            let last = match created.value {
                Moment::Day(day) => day.checked_add(jiff::SignedDuration::from_secs(longest)).ok(),
                Moment::Time(_) => None,
            };
            problems.add(
                expires.at,
                PolicyDiagnostic::WaiverTooLong {
                    is: days(length - whole),
                    most: days(longest),
                    latest: last.map(|last| format!("{last} at the latest")),
                },
            );
        }
        Some(ends)
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

fn begin(moment: Moment) -> Option<Timestamp> {
    match moment {
        Moment::Day(day) => midnight(day),
        Moment::Time(time) => Some(time),
    }
}

/// Valid through the end of the day; a time is itself the end.
fn end(moment: Moment) -> Option<Timestamp> {
    match moment {
        Moment::Day(day) => day.tomorrow().ok().and_then(midnight).or(Some(Timestamp::MAX)),
        Moment::Time(time) => Some(time),
    }
}

/// Which findings it is about: exactly, and narrowly enough.
fn selectors(at: SourcePosition, written: written::Match, problems: &mut PolicyProblems) -> WaiverMatch {
    let has = |key: &str| written.given.contains(&key);
    if !(has("fingerprint") || has("ids") || has("rule_id")) {
        problems.add(at, PolicyDiagnostic::MatchWithoutIdentity);
    } else if has("rule_id") && !has("path") && !has("fingerprint") && !has("ids") {
        problems.add(at, PolicyDiagnostic::RuleWithoutPath);
    }
    let fingerprints = written.fingerprint.map(|list| list.value.0).unwrap_or_default();
    let fingerprints = fingerprints.iter().filter_map(|text| fingerprint(text, problems)).collect();
    let ids = written.ids.map(|list| list.value.0).unwrap_or_default();
    let ids = ids.iter().filter_map(|id| advisory(id, problems)).collect();
    let signs =
        ['*', '?', '<', '>', '=', '|', '^', '$', '%', '[', ']', '(', ')', '{', '}', '!', ',', ';', ' '];
    let mut exact = |key: &str, text: Option<At<Name>>, never: &[char]| {
        let text = text?;
        if text.value.contains(never) {
            problems.add(
                text.at,
                PolicyDiagnostic::WildcardInWaiver { key: key.to_owned(), shown: quoted(&text.value) },
            );
        }
        Some(text)
    };
    let rule_id = exact("rule_id", written.rule_id, &['*', '?']).map(|t| t.value);
    let url = written.package.as_ref().is_some_and(|package| Purl::parse(&package.value).is_some());
    let package = exact("package", written.package, if url { &['*'] } else { &signs }).map(|t| t.value);
    let version = exact("version", written.version, &['*', ' ', ',', '|', '<', '>']).map(|t| t.value);
    let tool = exact("tool", written.tool, &['*', '?']).map(|t| t.value);
    let path = exact("path", written.path, &['*', '?']);
    if let Some(path) = &path
        && (path.value.contains('\\') || path.value.split('/').any(|p| matches!(p, "" | "." | "..")))
    {
        problems.add(path.at, PolicyDiagnostic::InvalidPath { shown: quoted(&path.value) });
    }
    let content = written.content.and_then(|text| content(&text, problems));
    WaiverMatch { fingerprints, ids, rule_id, path: path.map(|p| p.value), package, version, content, tool }
}

fn fingerprint(text: &At<Name>, problems: &mut PolicyProblems) -> Option<Fingerprint> {
    let parsed = Fingerprint::parse(&text.value);
    if parsed.is_none() {
        problems.add(text.at, PolicyDiagnostic::InvalidFingerprint { shown: quoted(&text.value) });
    }
    parsed
}

/// Digest that `waiver new` wrote, as a number that is never zero.
fn content(text: &At<Name>, problems: &mut PolicyProblems) -> Option<u64> {
    let digits =
        text.value.len() == 16 && text.value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let number = u64::from_str_radix(&text.value, 16).ok().filter(|number| digits && *number > 0);
    if number.is_none() {
        problems.add(text.at, PolicyDiagnostic::InvalidContent { shown: quoted(&text.value) });
    }
    number
}

/// An advisory's id in capitals. A CWE names a class of weaknesses, and no class is an exception.
fn advisory(id: &At<Name>, problems: &mut PolicyProblems) -> Option<String> {
    let capitals = id.value.to_ascii_uppercase();
    let class = capitals.strip_prefix("CWE").map(|rest| rest.trim_start_matches(['-', '_', ':', ' ']));
    if class.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit())) {
        problems.add(
            id.at,
            PolicyDiagnostic::CweAmongIds {
                shown: quoted(&id.value),
                instead: "name the advisory, or the finding by `rule_id` with `path`",
            },
        );
        return None;
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    let begins = capitals.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if !begins || !capitals.bytes().all(fits) || !capitals.bytes().any(|b| b == b'-' || b.is_ascii_digit()) {
        problems.add(id.at, PolicyDiagnostic::InvalidAdvisory { shown: quoted(&id.value) });
        return None;
    }
    Some(capitals)
}

/// A waiver that is legal under this policy and covers nothing, which its author never means.
pub(super) fn futile(waiver: &Waiver, policy: &Policy) -> Vec<String> {
    use crate::finding::Fix;
    let mut said = Vec::new();
    if waiver.triggers.contains(&Trigger::FixAvailable) {
        match waiver.seen.fix {
            Some(Fix::Available) => {
                said.push(
                    "`fix_available` was true when it was written (`seen: {fix: available}`)".to_owned(),
                );
            }
            Some(Fix::Unknown) => said.push(
                "`fix_available` ends it at once: the report does not say that there is no fix \
                 (`seen: {fix: unknown}`)"
                    .to_owned(),
            ),
            Some(Fix::None) | None => {}
        }
    }
    if waiver.triggers.contains(&Trigger::Epss(0.0)) {
        said.push("`epss>=0` was true when it was written".to_owned());
    }
    for trigger in &waiver.triggers {
        let feed = match trigger {
            Trigger::Kev => Feed::Kev,
            Trigger::Epss(_) => Feed::Epss,
            Trigger::FixAvailable | Trigger::SeverityRaised => continue,
        };
        if !policy.evidence.iter().any(|entry| entry.kind == EntryKind::Feed(feed)) {
            let name = feed.as_str();
            said.push(format!(
                "`{trigger}` ends it at once: the policy has no evidence entry `feed: {name}` that could tell"
            ));
        }
    }
    for rule in waiver.applies_to.iter().filter_map(|&index| policy.rules.get(index)) {
        if !rule.waivable {
            said.push(format!("rule `{}` says `waivable: false`", rule.id));
        } else if !rule.subject.matches_findings() {
            said.push(format!("rule `{}` does not look at findings", rule.id));
        }
    }
    if policy.waivers.is_none() {
        said.push(format!("the policy {} has no `waivers:` and uses none", policy.source));
    }
    said
}

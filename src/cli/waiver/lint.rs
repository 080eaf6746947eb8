//! `secgate waiver lint|list`: waivers against the policy and, where there are some, against reports.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::super::args::{DecideArgs, TextOrJson, clock};
use crate::decide::{Decision, Matched, Status, WaiverResult, WaiverStatus};
use crate::exit;
use crate::finding::{Cve, Finding, clean};
use crate::gather::look_for;
use crate::policy::waiver::{self, Trigger, Waiver, WaiverFile};
use crate::policy::{EntryKind, Feed, Policy};
use crate::render::waivers::{self, Remark, RemarkKind, ReviewedWaiver, WaiverReview};
use crate::report::{self, Source, open_regular};
use crate::run::{ResolvedRun, RunRequest, read_waivers};

/// A waiver that ends within so many days is said to end soon.
const SOON: i64 = 14;

/// Check waivers
#[derive(Debug, Args)]
#[command(
    after_help = "PATH is a waiver file (YAML) or a report or a directory of reports. Without a waiver file, here or with --waivers, \
                  those that the policy names are looked at. Without a report, those that the policy's evidence names are \
                  looked for, as `secgate check` does; where none is there, it says what can be known without.\n\n\
                  Errors: what will never cover anything; a trigger that was true when the waiver was written. Warnings: \
                  expired, triggered, unused, over-matching, refused, ends within 14 days. Each with the owner and what \
                  the waiver hides today.\n\n\
                  Exit codes: 0 no error; 1 a warning under --strict; 2 an error, or a file that cannot be used."
)]
pub(in super::super) struct WaiverLintArgs {
    /// Exit 1 if there is a warning
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    of: OfArgs,
}

/// List waivers
#[derive(Debug, Args)]
#[command(
    after_help = "PATH is a waiver file (YAML) or a report or a directory of reports, as for `secgate waiver lint`."
)]
pub(in super::super) struct ListArgs {
    #[command(flatten)]
    of: OfArgs,
}

/// Which waivers, against what.
#[derive(Debug, Args)]
struct OfArgs {
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: TextOrJson,

    #[command(flatten)]
    decide: DecideArgs,
}

pub(super) fn lint(args: &WaiverLintArgs) -> Result<u8> {
    let json = args.of.format == TextOrJson::Json;
    let looked = review_waivers(&args.of)?;
    print_review(&looked, json, waivers::lint)?;
    let any = |kind| looked.waivers.iter().flat_map(|told| &told.remarks).any(|remark| remark.kind == kind);
    Ok(if any(RemarkKind::Error) {
        exit::ERROR
    } else if args.strict && any(RemarkKind::Warning) {
        exit::FAIL
    } else {
        exit::PASS
    })
}

pub(super) fn list(args: &ListArgs) -> Result<u8> {
    let json = args.of.format == TextOrJson::Json;
    print_review(&review_waivers(&args.of)?, json, waivers::list)?;
    Ok(exit::PASS)
}

fn print_review(looked: &WaiverReview, json: bool, text: fn(&WaiverReview) -> String) -> Result<()> {
    let out = if json { format!("{}\n", serde_json::to_string_pretty(looked)?) } else { text(looked) };
    super::super::print(out.as_bytes())
}

/// Reads the waivers, makes a run with them if there are reports, and says what there is to say of each.
fn review_waivers(args: &OfArgs) -> Result<WaiverReview> {
    let now = clock(args.decide.now.as_deref())?;
    let asked = args.decide.request(now)?;
    let policy = asked.policy.policy()?;
    let (mut given, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        asked.paths.iter().cloned().partition(|path| holds_waivers(path));
    given.extend(asked.waivers.iter().cloned());
    let request = RunRequest { paths, waivers: Vec::new(), ..asked };
    let files: Vec<PathBuf> = if given.is_empty() {
        policy.waivers.iter().flat_map(|limits| &limits.files).flat_map(look_for).collect()
    } else {
        given
    };
    let files = read_waivers(files.into_iter(), &policy, now)?;
    let mut looked = WaiverReview::new(&policy, now, &files);
    let waivers = waiver::unite(files).map_err(|message| anyhow!(message))?;
    let run = made(&request, &policy, &waivers, &mut looked)?;
    looked.waivers = waivers.iter().map(|waiver| review_waiver(waiver, &policy, now, run.as_ref())).collect();
    Ok(looked)
}

/// Whether a path is a waiver file: YAML by its name, or what no reader claims and has the key.
fn holds_waivers(path: &Path) -> bool {
    let named = |ending: &str| path.extension().is_some_and(|is| is.eq_ignore_ascii_case(ending));
    if named("yaml") || named("yml") {
        return true;
    }
    if path.as_os_str() == OsStr::new("-") || path.is_dir() || report::claimed(&Source::File(path.to_owned()))
    {
        return false;
    }
    let mut start = Vec::new();
    let read = open_regular(path).map(|file| file.take(1 << 20).read_to_end(&mut start));
    let lines = String::from_utf8_lossy(&start);
    let has_key = |line: &str| line.trim_start_matches(['{', ' ', '"']).starts_with("waivers");
    matches!(read, Ok(Ok(_))) && lines.lines().any(has_key)
}

/// A run over reports.
struct ReviewedRun {
    decision: Decision,
    resolved: ResolvedRun,
    /// When CVEs were added to the catalogue.
    exploited: BTreeMap<Cve, Date>,
}

/// Makes the run; `None` where there is no report, which `looked` then says.
fn made(
    request: &RunRequest,
    policy: &Policy,
    waivers: &[Waiver],
    looked: &mut WaiverReview,
) -> Result<Option<ReviewedRun>> {
    let given = !(request.paths.is_empty() && request.input.is_empty() && request.evidence.is_empty());
    // What was given is read, also where no waiver needs it: a wrong path shall not look like a good one.
    if !given && (policy.waivers.is_none() || waivers.is_empty()) {
        return Ok(None);
    }
    // The policy is read once more: a run owns its own.
    let own = request.policy.policy()?;
    let resolved = match request.resolve_with(own, Some(waivers)) {
        Ok(resolved) => resolved,
        Err(error) if given => return Err(error),
        Err(error) => {
            looked.not_read = Some(format!("{error:#}"));
            return Ok(None);
        }
    };
    resolved.remarks.iter().for_each(|remark| super::super::note(remark));
    let decision = resolved.decide(None);
    let is_report = |entry: Option<&String>| {
        let kind = entry.and_then(|name| policy.entry(name)).map(|entry| entry.kind);
        kind.is_none_or(|kind| matches!(kind, EntryKind::Report(_)))
    };
    let read = decision.evidence.iter().filter(|e| is_report(e.entry.as_ref()));
    let paths: BTreeSet<String> = read.filter_map(|e| Some(e.path.as_ref()?.to_string())).collect();
    if decision.rules.is_empty() || given && decision.evidence.iter().any(|e| e.status == Status::Unreadable)
    {
        let mut why: Vec<String> = decision.errors.iter().map(|error| error.message.clone()).collect();
        let broken = decision.evidence.iter().filter(|e| e.status == Status::Unreadable);
        why.extend(broken.map(|e| {
            format!("{}: {}", e.path.as_ref().map(ToString::to_string).unwrap_or_default(), e.message)
        }));
        why.dedup();
        if given {
            bail!(why.join("\n"));
        }
        looked.not_read = Some(why.join("; "));
        return Ok(None);
    }
    if paths.is_empty() {
        return Ok(None);
    }
    looked.reports = Some(paths.into_iter().collect());
    let mut exploited = BTreeMap::new();
    for evidence in &decision.evidence {
        let kind = evidence.entry.as_ref().and_then(|name| policy.entry(name)).map(|entry| entry.kind);
        if let (Some(EntryKind::Feed(Feed::Kev)), Some(path), Status::Complete) =
            (kind, &evidence.path, evidence.status)
            && let Ok(feed) =
                report::read_kev(&Source::File(PathBuf::from(path.as_str())), request.limits.max_report)
        {
            exploited.extend(feed.holds.added);
        }
    }
    Ok(Some(ReviewedRun { decision, resolved, exploited }))
}

/// Days until a waiver ends, begun ones counted; 0 or less once it has.
fn days_left(waiver: &Waiver, now: Timestamp) -> i64 {
    let seconds = waiver.ends.as_second() - now.as_second();
    if now >= waiver.ends { 0 } else { seconds.div_euclid(86_400) + 1 }
}

/// Remarks on a waiver.
fn review_waiver(
    waiver: &Waiver,
    policy: &Policy,
    now: Timestamp,
    run: Option<&ReviewedRun>,
) -> ReviewedWaiver {
    let result = run.and_then(|run| run.decision.waivers.iter().find(|result| result.id == waiver.id));
    let mut remarks = Vec::new();
    for why in waiver::futile(waiver, policy) {
        remarks.push(Remark::error("never_covers", format!("it covers nothing: {why}")));
    }
    let matched = run.map(|run| matched(waiver, result, run)).unwrap_or_default();
    if let (Some(run), Some(result)) = (run, result) {
        remarks.extend(true_at_creation(waiver, result, &matched, run, now));
        remarks.extend(of_run(waiver, result, policy, run));
    }
    let known = remarks.iter().any(|remark| matches!(remark.id, "expired" | "never_covers"));
    let holds = result.is_none_or(|r| matches!(r.status, WaiverStatus::Active | WaiverStatus::Unused));
    if waiver.emergency && holds && days_left(waiver, now) > 0 {
        remarks.push(Remark::note("emergency", format!("EMERGENCY: it holds until {}", waiver.expires)));
    }
    match days_left(waiver, now) {
        ..=0 if !known => {
            remarks.push(Remark::warning("expired", format!("expired: {} was its end", waiver.expires)));
        }
        1..=SOON if !waiver.emergency && holds => {
            remarks.push(Remark::warning("ends_soon", format!("ends within 14 days, {}", waiver.expires)));
        }
        _ => {}
    }
    ReviewedWaiver {
        id: waiver.id.clone(),
        file: waiver.file.clone(),
        line: waiver.line,
        owner: waiver.owner.clone(),
        approved_by: waiver.approved_by.clone(),
        rule: waiver.rules.clone(),
        expires: waiver.expires.clone(),
        days_left: days_left(waiver, now).max(0),
        kind: waiver.emergency.then_some("emergency"),
        status: result.map(|result| result.status),
        matches: result.map(|result| result.matches),
        max_matches: waiver.max_matches,
        hides: result.map(|result| result.hides),
        findings: matched
            .iter()
            .map(|matched| waivers::WaivedFinding::from_finding(&matched.finding))
            .collect(),
        remarks,
    }
}

/// The findings of its rules that a waiver hides, or that count although it speaks of them, as far as details were kept.
fn matched<'r>(waiver: &Waiver, result: Option<&WaiverResult>, run: &'r ReviewedRun) -> Vec<&'r Matched> {
    let rules = waiver.applies_to.iter().filter_map(|&rule| run.decision.rules.get(rule));
    let counting: BTreeSet<usize> = rules.flat_map(|rule| rule.problems.iter().copied()).collect();
    let hidden = |finding: &Finding| result.is_some_and(|r| r.findings.contains(&finding.fingerprint));
    let speaks = |finding: &Finding| run.resolved.speaking(finding).contains(&waiver.id);
    let problems = run.decision.findings.iter().enumerate();
    let witnesses =
        problems.flat_map(|(at, problem)| problem.witnesses.iter().map(move |m| (at, m.as_ref())));
    witnesses
        .filter(|(at, m)| hidden(&m.finding) || counting.contains(at) && speaks(&m.finding))
        .map(|(_, matched)| matched)
        .collect()
}

/// A trigger that was true on the day on which the waiver was written: it was never meant to cover.
fn true_at_creation(
    waiver: &Waiver,
    result: &WaiverResult,
    matched: &[&Matched],
    run: &ReviewedRun,
    now: Timestamp,
) -> Option<Remark> {
    let day: Date = waiver.created.get(..10)?.parse().ok()?;
    if waiver.triggers.contains(&Trigger::Kev) {
        let since =
            |cve: Cve| run.exploited.get(&cve).filter(|added| **added <= day).map(|added| (cve, *added));
        let old = matched.iter().flat_map(|matched| matched.finding.cves()).filter_map(since).min();
        if let Some((cve, added)) = old {
            let message =
                format!("`kev` was true when it was written: {cve} is in the catalogue since {added}");
            return Some(Remark::error("true_at_creation", message));
        }
    }
    if result.status == WaiverStatus::Triggered && day == Offset::UTC.to_datetime(now).date() {
        let message = format!("a trigger was true when it was written, today: {}", result.message);
        return Some(Remark::error("true_at_creation", message));
    }
    None
}

/// Statements of the run about a waiver.
fn of_run(waiver: &Waiver, result: &WaiverResult, policy: &Policy, run: &ReviewedRun) -> Option<Remark> {
    let id = match result.status {
        WaiverStatus::Active => return None,
        WaiverStatus::Unused => {
            // Of what was not read in full nobody can say that it holds no match.
            let rules = waiver.applies_to.iter().filter_map(|&rule| policy.rules.get(rule));
            let entries: BTreeSet<&String> = rules.flat_map(|rule| &rule.fed_by).collect();
            let whole = |name: &&String| {
                let mut of_entry =
                    run.decision.evidence.iter().filter(|e| e.entry.as_ref() == Some(*name)).peekable();
                of_entry.peek().is_some()
                    && of_entry.all(|e| {
                        matches!(e.status, Status::Complete | Status::NothingScanned | Status::Stale)
                    })
            };
            let missing: Vec<String> = entries
                .into_iter()
                .filter(|name| !whole(name))
                .map(|name| clean(name).into_owned())
                .collect();
            if !missing.is_empty() {
                let message = format!(
                    "matches nothing that was read; whether it is used is not known without {}",
                    missing.join(", ")
                );
                return Some(Remark::note("use_unknown", message));
            }
            "unused"
        }
        WaiverStatus::Expired => "expired",
        WaiverStatus::Triggered => "triggered",
        WaiverStatus::OverMatching => "over_matching",
        WaiverStatus::Refused => "refused",
    };
    Some(Remark::warning(id, result.message.clone()))
}

impl WaiverReview {
    fn new(policy: &Policy, now: Timestamp, files: &[WaiverFile]) -> Self {
        Self {
            schema: waivers::SCHEMA,
            gate: policy.gate.clone(),
            policy: policy.source.clone(),
            evaluated_at: now.to_string(),
            files: files
                .iter()
                .map(|file| waivers::ReviewedWaiverFile {
                    path: file.source.clone(),
                    sha256: file.sha256.clone(),
                    waivers: file.waivers.len(),
                })
                .collect(),
            reports: None,
            not_read: None,
            waivers: Vec::new(),
        }
    }
}

//! `secgate waiver new`: a complete waiver from a finding, with the state as it is today. What only a person knows is
//! left as a placeholder, which every run refuses until it is filled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::super::args::{InputArgs, KeyArgs, PolicyArgs, clock};
use crate::decide::{Context, Decision, Matched, Outcome, RuleResult, Status};
use crate::exit;
use crate::finding::{
    Category, Finding, Fingerprint, Fix, Location, SecretKey, Severity, Text, clean, clean_line,
    is_of_system, loose,
};
use crate::gather::{EvidenceSource, GivenFile, Inputs};
use crate::policy::waiver::{Waiver, WaiverMatch, WaiverSnapshot};
use crate::policy::{Action, Policy};
use crate::relate::{Certainty, Waivers};
use crate::render::one_line;
use crate::run::{Environment, RunFlags, context, project, secret_key};

/// How long a new waiver holds, in seconds, if the policy allows it.
pub(super) const MONTH: i64 = 30 * 86_400;

/// Findings that are listed where an id means several.
const LISTED: usize = 20;

/// Write a waiver
#[derive(Debug, Args)]
pub(in super::super) struct NewArgs {
    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    inputs: InputArgs,

    #[command(flatten)]
    key: KeyArgs,

    /// The finding, as `secgate explain` takes it: the beginning of its fingerprint (four digits or more), its advisory,
    /// its check, its package, or its place as PATH:LINE
    #[arg(long, value_name = "ID", required_unless_present_any = ["from", "all"])]
    finding: Option<String>,

    /// A waiver for each finding that blocks the change and that a waiver may let through
    #[arg(long, conflicts_with_all = ["finding", "from"])]
    all: bool,

    #[command(flatten)]
    people: PeopleArgs,

    /// An ignore file to turn into waivers: .trivyignore, .trivyignore.yaml, .grype.yaml, osv-scanner.toml,
    /// .gitleaksignore, .snyk, .checkov.yaml, .secrets.baseline or .semgrepignore; any number of times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["finding", "paths", "input", "rule"])]
    from: Vec<PathBuf>,

    /// A rule that stops it; any number of times [default: all that do]
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,

    /// The value of a parameter of the policy
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

/// Facts that only people know; what is not given is left to be filled.
#[derive(Debug, Args)]
struct PeopleArgs {
    /// Who answers for it
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    owner: Option<String>,

    /// Who approved it; not the owner
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    approved_by: Option<String>,

    /// Its last day [default: in 30 days]
    #[arg(long, value_name = "DAY", conflicts_with = "from")]
    expires: Option<Date>,

    /// Why the risk can be taken
    #[arg(long, value_name = "TEXT", conflicts_with = "from")]
    reason: Option<String>,

    /// What keeps the risk small meanwhile; any number of times
    #[arg(long, value_name = "TEXT", conflicts_with = "from")]
    control: Vec<String>,
}

impl PeopleArgs {
    /// The last day: the given one, as far as the policy allows it, else in a month.
    fn last_day(&self, created: Date, longest: i64) -> Result<Date> {
        let after = |seconds| created.checked_add(jiff::SignedDuration::from_secs(seconds));
        let Some(day) = self.expires else { return Ok(after(longest.min(MONTH))?) };
        let last = after(longest)?;
        if day < created || day > last {
            bail!(
                "--expires {day}: the policy allows a day from {created} to {last} (`waivers.max_duration`)"
            );
        }
        Ok(day)
    }

    /// Fills in what is given.
    fn fill(&self, draft: &mut Waiver) {
        let texts = [
            (&mut draft.owner, &self.owner),
            (&mut draft.approved_by, &self.approved_by),
            (&mut draft.reason, &self.reason),
        ];
        for (text, given) in texts {
            if let Some(given) = given {
                clean_line(given).as_ref().clone_into(text);
            }
        }
        if !self.control.is_empty() {
            draft.compensating_controls =
                self.control.iter().map(|text| clean_line(text).into_owned()).collect();
        }
    }
}

/// Input that a run needs, to be done twice.
struct Runner<'r> {
    args: &'r NewArgs,
    policy: &'r Policy,
    context: Context,
    given: Vec<GivenFile>,
    roots: Vec<String>,
    secret_key: Option<SecretKey>,
}

impl Runner<'_> {
    fn run(&self, waivers: &Waivers, watch: Option<&str>) -> Result<Decision> {
        // Every finding is kept, so that none is missed.
        let limits = self.args.inputs.limits(usize::MAX);
        let inputs = Inputs {
            policy: self.policy,
            waivers,
            source: EvidenceSource::Files { given: &self.given, watch, keep: None, instead: None },
            roots: &self.roots,
            comparison: None,
            change: None,
            secret_key: self.secret_key.as_ref(),
        };
        crate::check(inputs, &self.context, limits).map_err(|faults| {
            let said = faults.into_iter().map(|f| format!("{}: {}", f.path.unwrap_or_default(), f.message));
            anyhow!(said.collect::<Vec<_>>().join("\n"))
        })
    }
}

pub(super) fn run(args: &NewArgs) -> Result<u8> {
    let now = clock(args.now.as_deref())?;
    if args.finding.as_deref().is_some_and(|id| id.trim().is_empty()) {
        bail!("--finding is empty; is a variable of the script unset?");
    }
    let policy = args.policy.request().policy()?;
    let Some(limits) = &policy.waivers else {
        bail!("{} allows no waivers; `waivers: {{max_duration: 90d}}` in it does", policy.source);
    };
    if !args.from.is_empty() {
        super::super::print_exact(super::import::written(&args.from, &policy, now)?.as_bytes())?;
        return Ok(exit::PASS);
    }
    let finding = args.finding.as_deref().map(str::trim);
    let given = args.inputs.given(&policy.mappings)?;
    if given.iter().any(|g| g.path == Path::new("-")) {
        bail!("standard input cannot be read here, because reports are read twice");
    }
    let mut environment = Environment::read_variables(args.inputs.no_env);
    let no_env = args.inputs.no_env;
    let about = RunFlags { commit: None, subjects: &[], parameters: &args.param, no_env };
    let context = context(&about, &mut environment, &policy, now)?;
    let roots = environment.roots(args.inputs.root.as_deref());
    let root = project(args.inputs.root.as_deref(), &roots);
    let runner = Runner {
        args,
        policy: &policy,
        context,
        given,
        roots,
        secret_key: secret_key(args.key.secret_key.as_deref())?,
    };
    let decision = runner.run(&Waivers::default().below(root.clone()).drafting(), finding)?;
    let created = Offset::UTC.to_datetime(now).date();
    let days = (created, args.people.last_day(created, limits.max_duration)?);
    let mut drafts = Vec::new();
    if let Some(finding) = finding {
        let asked = find_finding(finding, &decision)?;
        let rules = stopping(args, &policy, &decision, asked.fingerprint)?;
        drafts.push(draft(&policy, &decision, asked, &rules, days)?);
    } else {
        drafts = drafts_of_all(args, &policy, &decision, days)?;
    }
    let mut together: Vec<Waiver> = drafts.iter().map(|(waiver, _)| waiver.clone()).collect();
    together.sort_by(|a, b| a.id.cmp(&b.id));
    let counted = runner.run(&Waivers::new(together).below(root), None)?;
    let mut text = head(&policy)?;
    for (draft, finding) in &mut drafts {
        let counted = counted.waivers.iter().find(|result| result.id == draft.id);
        draft.seen.matches = Some(u32::try_from(counted.map_or(1, |w| w.matches.max(1)))?);
        args.people.fill(draft);
        text += &entry(draft, finding)?;
        if let Some(lacks) = unbound(&draft.matches, finding) {
            let which = if args.all { draft.id.as_str() } else { "this waiver" };
            super::super::note(&format!("{which} covers nothing yet: {lacks}"));
        }
    }
    super::super::print_exact(text.as_bytes())?;
    Ok(exit::PASS)
}

/// A draft for every finding that stops the change and that a waiver can except, each once.
fn drafts_of_all(
    args: &NewArgs,
    policy: &Policy,
    decision: &Decision,
    days: (Date, Date),
) -> Result<Vec<(Waiver, Finding)>> {
    known_rules(args, policy)?;
    let mut drafts: Vec<(Waiver, Finding)> = Vec::new();
    // Two findings of one rule in one file may share a fingerprint; their code tells them apart.
    let mut known: BTreeSet<(Fingerprint, u64)> = BTreeSet::new();
    for (at, problem) in decision.findings.iter().enumerate() {
        for finding in problem.witnesses.iter().map(|matched| &matched.finding) {
            let rules = |(index, rule): (usize, &RuleResult)| {
                let counts = rule.outcome >= Outcome::Review && rule.problems.contains(&at);
                (counts && is_useful(args, policy, index, Some(finding))).then_some(index)
            };
            let rules: Vec<usize> = decision.rules.iter().enumerate().filter_map(rules).collect();
            if rules.is_empty() || !known.insert((finding.fingerprint, finding.content)) {
                continue;
            }
            let asked = AskedFinding { fingerprint: finding.fingerprint, place: finding.location.as_ref() };
            let (mut waiver, finding) = draft(policy, decision, asked, &rules, days)?;
            // One advisory in one package is one exception, whatever tools and targets tell of it.
            let same = |(other, _): &(Waiver, Finding)| {
                other.rules == waiver.rules
                    && format!("{:?}", other.matches) == format!("{:?}", waiver.matches)
            };
            if !drafts.iter().any(same) {
                let prints =
                    drafts.iter().filter(|(_, other)| other.fingerprint == finding.fingerprint).count();
                if prints > 0 {
                    waiver.id = format!("{}-{}", waiver.id, prints + 1);
                }
                drafts.push((waiver, finding));
            }
        }
    }
    if drafts.is_empty() {
        bail!(
            "no finding blocks the change that a waiver may let through; rules looked at: {}",
            decision.rules.len()
        );
    }
    Ok(drafts)
}

/// A finding by its fingerprint, and by its place, since findings of one rule in one file may share a fingerprint.
#[derive(Clone, Copy)]
struct AskedFinding<'d> {
    fingerprint: Fingerprint,
    place: Option<&'d Location>,
}

/// The one finding that an id means; a whole fingerprint means itself.
fn find_finding<'d>(id: &str, decision: &'d Decision) -> Result<AskedFinding<'d>> {
    let found: BTreeMap<String, &Finding> =
        decision.watched.iter().map(|w| (w.finding.fingerprint.to_string(), &w.finding)).collect();
    let mut of_each = found.iter();
    match (of_each.next(), of_each.next()) {
        (Some((_, finding)), None) => {
            Ok(AskedFinding { fingerprint: finding.fingerprint, place: finding.location.as_ref() })
        }
        (Some(_), Some(_)) => {
            let listed = found.iter().take(LISTED).map(|(print, f)| format!("  {print}  {}", one_line(f)));
            let listed: Vec<String> = listed.collect();
            let more = found.len().saturating_sub(LISTED);
            let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
            bail!(
                "--finding `{}` means {} findings; give the beginning of one's fingerprint:\n{}{more}",
                clean_line(id),
                found.len(),
                listed.join("\n")
            );
        }
        (None, _) => {
            if let Some(fingerprint) = Fingerprint::parse(id) {
                return Ok(AskedFinding { fingerprint, place: None });
            }
            let unread = decision.evidence.iter().filter(|e| e.status == Status::Unreadable);
            let unread: Vec<String> = unread
                .map(|e| {
                    let path = e.path.as_ref().map_or("-", |path| path.as_str());
                    format!("\n{}: {}; what it holds is not known", clean(path), clean_line(&e.message))
                })
                .collect();
            bail!(
                "--finding `{}`: no finding of these reports has this fingerprint, advisory, check, package or PATH:LINE; \
                 `secgate findings REPORT` lists them{}",
                clean_line(id),
                unread.concat()
            );
        }
    }
}

/// Whether the rules that are asked for are rules of the policy.
fn known_rules(args: &NewArgs, policy: &Policy) -> Result<()> {
    for wanted in &args.rule {
        if !policy.rules.iter().any(|rule| rule.id == *wanted) {
            let known: Vec<&str> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
            bail!("--rule {}: {} has {}", clean_line(wanted), policy.source, known.join(", "));
        }
    }
    Ok(())
}

/// Whether a waiver can except a finding from a rule that is asked for.
fn is_useful(args: &NewArgs, policy: &Policy, rule: usize, finding: Option<&Finding>) -> bool {
    policy.rules.get(rule).is_some_and(|rule| {
        finding.map_or(rule.waivable, |finding| rule.may_lift(finding))
            && rule.then != Action::Warn
            && (args.rule.is_empty() || args.rule.contains(&rule.id))
    })
}

/// The rules that the finding counts for and that a waiver can except it from.
fn stopping(
    args: &NewArgs,
    policy: &Policy,
    decision: &Decision,
    fingerprint: Fingerprint,
) -> Result<Vec<usize>> {
    known_rules(args, policy)?;
    let counts = |rule: &RuleResult| {
        let problems = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
        problems.flat_map(|p| &p.witnesses).any(|m| m.finding.fingerprint == fingerprint)
    };
    let matching: Vec<usize> =
        decision.rules.iter().enumerate().filter(|(_, rule)| counts(rule)).map(|(index, _)| index).collect();
    if matching.is_empty() {
        bail!("no rule of gate {} looks at a finding {fingerprint} in these reports", policy.gate);
    }
    let witnesses = || decision.findings.iter().flat_map(|p| &p.witnesses).map(|m| &m.finding);
    let asked_about = witnesses().find(|finding| finding.fingerprint == fingerprint);
    let useful = |index: &usize| is_useful(args, policy, *index, asked_about);
    let rules: Vec<usize> = matching.iter().copied().filter(useful).collect();
    if rules.is_empty() {
        let names: Vec<&str> =
            matching.iter().filter_map(|&index| policy.rules.get(index)).map(|r| r.id.as_str()).collect();
        bail!(
            "a waiver would change nothing: the finding counts for {}, which only warns, says `waivable: false`, does \
             not say `waive_malware: true` of malware, or is not the rule asked for",
            names.join(", ")
        );
    }
    Ok(rules)
}

/// The waiver as far as the reports know it.
fn draft(
    policy: &Policy,
    decision: &Decision,
    AskedFinding { fingerprint, place }: AskedFinding<'_>,
    rules: &[usize],
    (created, expires): (Date, Date),
) -> Result<(Waiver, Finding)> {
    let of_rules = decision.rules.iter().enumerate().filter(|(index, _)| rules.contains(index));
    let counted: Vec<&Finding> = of_rules
        .flat_map(|(_, rule)| &rule.problems)
        .filter_map(|&at| decision.findings.get(at))
        .flat_map(|problem| &problem.witnesses)
        .map(|matched: &std::sync::Arc<Matched>| &matched.finding)
        .collect();
    let of_print = || counted.iter().filter(|f| f.fingerprint == fingerprint);
    let Some(finding) = of_print().find(|f| f.location.as_ref() == place).or_else(|| of_print().next())
    else {
        bail!("the finding {fingerprint} is gone");
    };
    let hex: String = fingerprint.to_string().chars().skip(4).take(8).collect();
    let mut waiver = Waiver {
        id: format!("W-{created}-{hex}"),
        file: String::new(),
        line: 1,
        rules: rules
            .iter()
            .filter_map(|&index| policy.rules.get(index))
            .map(|rule| format!("{}/{}", policy.gate, rule.id))
            .collect(),
        applies_to: rules.to_vec(),
        projects: Vec::new(),
        matches: narrowest(finding),
        justification: None,
        reason: "<why this risk can be taken>".to_owned(),
        owner: "<@user or team that answers for it>".to_owned(),
        approved_by: "<@user who approves it; not the owner>".to_owned(),
        compensating_controls: vec!["<what keeps the risk small meanwhile>".to_owned()],
        created: created.to_string(),
        expires: expires.to_string(),
        ends: Timestamp::MAX,
        triggers: Vec::new(),
        review_note: None,
        seen: WaiverSnapshot::default(),
        max_matches: u64::MAX,
        emergency: false,
    };
    let index = Waivers::new(vec![waiver.clone()]);
    let certain = |(_, certainty): &(u32, Certainty)| *certainty == Certainty::Certain;
    // A waiver that is not bound to anything yet is still about the finding.
    let alike = || {
        let same = |f: &&&Finding| f.fingerprint == fingerprint || index.matching(f).iter().any(certain);
        counted.iter().filter(same)
    };
    let rank = |severity: &Severity| severity.rank(policy.unknown_severity);
    waiver.seen.severity = alike().map(|f| f.severity).max_by_key(rank);
    waiver.seen.fix = if alike().all(|f| f.fix == Fix::None) {
        Some(Fix::None)
    } else if alike().any(|f| f.fix == Fix::Available) {
        Some(Fix::Available)
    } else {
        Some(Fix::Unknown)
    };
    Ok((waiver, (*finding).clone()))
}

/// The selectors that are exact and survive a moved line: another folder, another version, another code or secret is
/// another finding.
fn narrowest(finding: &Finding) -> WaiverMatch {
    let id = finding.rule_id.as_str();
    // Several advisories that are told as one finding are excepted together or not at all.
    let authority = |id: &str| id.split('-').next().unwrap_or_default().to_ascii_uppercase();
    let mut ids: Vec<&str> = finding.ids.iter().map(Text::as_str).chain([id]).collect();
    ids.retain(|other| authority(other) == authority(id));
    ids.sort_unstable();
    ids.dedup();
    let whole = |id: &&str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b':');
    let plain = id.contains('-') && ids.iter().all(whole);
    match &finding.package {
        Some(package) if finding.category == Category::Vulnerability && plain && !package.name.is_empty() => {
            let name = finding.package_name();
            let system = name.as_ref().is_some_and(|n| n.ecosystem.as_deref().is_some_and(is_of_system));
            // The name alone is not the whole name, such as an artifact without its group.
            let url =
                package.url().filter(|url| !system && finding.is_of_package(&url.full_name()) == Some(true));
            let part = url.is_some_and(|url| {
                loose(&url.full_name()) != loose(package.name.as_str())
                    && url.kind == "maven"
                    && !package.name.as_str().contains(':')
            });
            let anywhere = finding.path().is_none_or(|_| system);
            // Where no file tells the ecosystem, another may have a package of this name.
            let named = package.named().filter(|named| {
                (part || anywhere)
                    && !named.contains(['%', '?', '#'])
                    && finding.is_of_package(named) == Some(true)
            });
            let named = named.unwrap_or_else(|| package.name.to_string());
            let exact = |text: &str, never: &[char]| {
                (!text.is_empty() && !text.contains(never)).then(|| text.to_owned())
            };
            let spelled = |path: &str| !path.split('/').any(|part| matches!(part, "" | "." | ".."));
            WaiverMatch {
                ids: ids.into_iter().map(str::to_owned).collect(),
                package: Some(named),
                version: exact(package.version.as_str(), &['*', ' ', ',', '|', '<', '>']),
                path: finding
                    .path()
                    .filter(|p| !system && spelled(p))
                    .and_then(|p| exact(p, &['*', '?', '\\'])),
                ..WaiverMatch::default()
            }
        }
        _ => WaiverMatch {
            fingerprints: vec![finding.fingerprint],
            content: Some(finding.content).filter(|content| *content != 0 && by_content(finding)),
            ..WaiverMatch::default()
        },
    }
}

/// Whether only its code or its value tells a finding from others of its fingerprint.
fn by_content(finding: &Finding) -> bool {
    finding.category == Category::Secret || finding.told_by_code
}

/// Input that a waiver still needs to be about this finding and no other.
fn unbound(matches: &WaiverMatch, finding: &Finding) -> Option<&'static str> {
    (matches.content.is_none() && by_content(finding)).then_some(if finding.category == Category::Secret {
        "which value it is for is only told under a key; write it again with --secret-key FILE (openssl rand -hex 32 makes \
         one), and give `secgate check` the same"
    } else if finding.may_hold_secret {
        "which value it is for only the code tells, and only under a key; write it again where the code is (--root DIR) with \
         --secret-key FILE (openssl rand -hex 32 makes one), and give `secgate check` the same"
    } else {
        "the report does not show the code, and it is not at hand; write it again where the code is (--root DIR)"
    })
}

/// Object of a waiver, in one line: its place, its package, its check.
fn subject_of(finding: &Finding) -> String {
    let place = finding.location.as_ref().map(|at| match at.line {
        Some(line) => format!("{}:{line}", at.path),
        None => at.path.to_string(),
    });
    let place = place.or_else(|| finding.target.as_ref().map(ToString::to_string));
    let package = finding.package.as_ref().map(|p| format!("{} {}", p.name, p.version).trim_end().to_owned());
    let parts: Vec<String> = place.into_iter().chain(package).chain([finding.rule_id.to_string()]).collect();
    clean_line(&parts.join(" ")).into_owned()
}

/// Text before the entries, and the place where they go.
pub(super) fn head(policy: &Policy) -> Result<String> {
    let mut text = String::new();
    let file = policy.waivers.as_ref().and_then(|w| w.files.first()).map(crate::policy::PathGlob::text);
    // In `waiver new … >FILE` the shell has made or emptied the file before this program looks.
    let holds = |file: &str| Path::new(file).metadata().is_ok_and(|is| is.len() > 0);
    match file {
        Some(file) if holds(file) => writeln!(text, "# Add this to {file}.")?,
        Some(file) => writeln!(text, "# Save this as {file}.\nversion: 1\nwaivers:")?,
        None => writeln!(text, "version: 1\nwaivers:")?,
    }
    Ok(text)
}

/// One rule, or a list of them.
pub(super) fn rules_of(rules: &[String]) -> Result<String> {
    let rules: Vec<String> = rules.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    Ok(match rules.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    })
}

/// The YAML of the entry.
fn entry(waiver: &Waiver, finding: &Finding) -> Result<String> {
    let quoted = |text: &str| serde_json::to_string(text);
    let mut text = String::new();
    writeln!(text, "  # {}", subject_of(finding))?;
    if let Some(lacks) = unbound(&waiver.matches, finding) {
        writeln!(text, "  # It covers nothing yet: {lacks}.")?;
    }
    writeln!(text, "  - id: {}", waiver.id)?;
    writeln!(text, "    rule: {}", rules_of(&waiver.rules)?)?;
    let matches = &waiver.matches;
    let mut selectors = Vec::new();
    if !matches.ids.is_empty() {
        let ids: Vec<String> = matches.ids.iter().map(|id| quoted(id)).collect::<Result<_, _>>()?;
        selectors.push(format!("ids: [{}]", ids.join(", ")));
    }
    selectors
        .extend(matches.fingerprints.first().map(|fingerprint| format!("fingerprint: \"{fingerprint}\"")));
    for (key, value) in
        [("package", &matches.package), ("version", &matches.version), ("path", &matches.path)]
    {
        if let Some(value) = value {
            selectors.push(format!("{key}: {}", quoted(value)?));
        }
    }
    selectors.extend(matches.content.map(|content| format!("content: \"{content:016x}\"")));
    writeln!(text, "    match: {{{}}}", selectors.join(", "))?;
    writeln!(text, "    reason: {}", quoted(&waiver.reason)?)?;
    writeln!(text, "    owner: {}", quoted(&waiver.owner)?)?;
    writeln!(text, "    approved_by: {}", quoted(&waiver.approved_by)?)?;
    let controls: Vec<String> =
        waiver.compensating_controls.iter().map(|text| quoted(text)).collect::<Result<_, _>>()?;
    writeln!(text, "    compensating_controls: [{}]", controls.join(", "))?;
    writeln!(text, "    created: {}\n    expires: {}", waiver.created, waiver.expires)?;
    let fix = waiver.seen.fix.unwrap_or(Fix::Unknown);
    let triggers = if fix == Fix::None { "[severity_raised, fix_available]" } else { "[severity_raised]" };
    writeln!(text, "    review_trigger: {triggers}")?;
    let severity = waiver.seen.severity.unwrap_or(Severity::Unknown);
    let matches = waiver.seen.matches.unwrap_or(1);
    writeln!(text, "    seen: {{severity: {severity}, fix: {fix}, matches: {matches}}}")?;
    Ok(text)
}

//! `secgate check`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::args::{DecideArgs, OutputArgs, clock, clock_source};
use super::delivery::{Staged, output_leads_nowhere};
use super::outputs::Outputs;
use crate::decide::{Decision, Evidence, Outcome, RunError, Status};
use crate::exit;
use crate::finding::{Target, clean, clean_line, hex};
use crate::gather::{self, NearbyReport};
use crate::policy::{EntryKind, EvidenceEntry, Policy};
use crate::render::TEXT;
use crate::run::diagnostics::said;
use crate::run::{Environment, RunRequest, decide_and_pack, undecided};

/// Decide: the main job
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    decide: DecideArgs,

    #[command(flatten)]
    outputs: OutputArgs,

    /// Also pack all that the decision rests on, without secrets: a directory, or one file NAME.tar
    #[arg(long, help_heading = "Outputs", value_name = "DIR|FILE.tar")]
    bundle: Option<PathBuf>,

    /// Also keep the run for `secgate replay`, without secrets: a bundle of its own in this folder
    #[arg(long, help_heading = "Outputs", value_name = "DIR", conflicts_with = "bundle")]
    record: Option<PathBuf>,

    /// Print on standard error how long the run took
    #[arg(long, help_heading = "Outputs")]
    timings: bool,
}

/// Runs the gate. Whatever goes wrong ends in a decision of its own, so that every output says so.
pub(super) fn run(args: &CheckArgs) -> u8 {
    let start = Instant::now();
    let prepared = bundle_place(args)
        .and_then(|place| Ok((prepare(&args.decide, &args.outputs.files(), place.as_deref())?, place)));
    let code = match prepared {
        Ok((outputs, place)) => {
            let place = place.as_deref();
            tell(&args.outputs, &outputs, |staged| decide(&args.decide, staged.zip(place)))
        }
        Err(error) => {
            let undecided = |_: Option<&Path>| not_asked(&args.decide, Timestamp::now(), &error);
            tell(&args.outputs, &Outputs::default(), undecided)
        }
    };
    if args.timings {
        super::note(&format!("{:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    }
    code
}

/// Where the bundle goes: as asked for, else under a name of its own in the folder of records.
fn bundle_place(args: &CheckArgs) -> Result<Option<PathBuf>> {
    let Some(folder) = &args.record else { return Ok(args.bundle.clone()) };
    let shown = clean(&folder.to_string_lossy()).into_owned();
    if folder.as_os_str().is_empty() {
        bail!("--record is empty; is a variable of the script unset?");
    }
    std::fs::create_dir_all(folder).with_context(|| format!("--record {shown}: cannot be made"))?;
    let environment = Environment::read_variables(args.decide.inputs.no_env);
    let project = environment.get("CI_PROJECT_PATH").unwrap_or(&args.decide.policy.gate);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let project: String = project.chars().map(plain).take(80).collect();
    let now = clock(args.decide.now.as_deref())?.strftime("%Y%m%dT%H%M%SZ");
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(Some(folder.join(format!("{project}-{now}-{}.tar", hex(&random)))))
}

/// Removes the outputs of an earlier run, before anything is opened.
pub(super) fn prepare(args: &DecideArgs, outputs: &[OsString], bundle: Option<&Path>) -> Result<Outputs> {
    let inputs = args.files();
    Outputs::prepare(outputs, bundle, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

/// Where a bundle is written, and where it is moved then.
type BundlePaths<'p> = (&'p Path, &'p Path);

fn decide(args: &DecideArgs, bundle: Option<BundlePaths<'_>>) -> Decision {
    match clock(args.now.as_deref()) {
        Ok(now) => match args.request(now) {
            Ok(request) => decide_request(&request, bundle),
            Err(error) => not_asked(args, now, &error),
        },
        Err(error) => not_asked(args, Timestamp::UNIX_EPOCH, &error),
    }
}

/// Decides, and packs what the decision rests on where somebody wants it.
pub(super) fn decide_request(request: &RunRequest, bundle: Option<BundlePaths<'_>>) -> Decision {
    match request.resolve() {
        Ok(resolved) => {
            resolved.remarks.iter().for_each(|remark| super::note(remark));
            let decision = match bundle {
                Some((path, place)) => decide_and_pack(&resolved, path, place),
                None => resolved.decide(None),
            };
            name_nearby(&resolved.policy, &decision);
            decision
        }
        Err(error) => request.undecided(&error),
    }
}

/// Says which reports would do for evidence that is absent: those that were given and that no entry names, and those that
/// lie about.
fn name_nearby(policy: &Policy, decision: &Decision) {
    let is_absent = |entry: &&EvidenceEntry| {
        let of_entry = |e: &&Evidence| e.entry.as_ref() == Some(&entry.name);
        let mut told = decision.evidence.iter().filter(of_entry);
        told.any(|e| e.status == Status::Absent && e.outcome >= Outcome::Review)
    };
    let absent: Vec<&EvidenceEntry> = policy.evidence.iter().filter(is_absent).collect();
    if absent.is_empty() {
        return;
    }
    let known = decision.evidence.iter().filter_map(|e| Some(PathBuf::from(e.path.as_ref()?.real())));
    let lying = gather::nearby(&known.collect());
    for entry in &absent {
        let EntryKind::Report(category) = entry.kind else { continue };
        let name = clean(&entry.name);
        let given =
            decision.evidence.iter().filter(|e| e.entry.is_none() && e.categories.contains(&category));
        for report in given {
            let would_do = |other: &&&EvidenceEntry| match other.kind {
                EntryKind::Report(category) => report.categories.contains(&category),
                EntryKind::Document(_) | EntryKind::Feed(_) => false,
            };
            if let (1, Some(path)) = (absent.iter().filter(would_do).count(), &report.path) {
                super::note(&format!(
                    "{name}: {path} was given, but no entry names it; to use it, pass --evidence {name}={path}"
                ));
            }
        }
        // A report of an image is none of an entry beside one that asks for images.
        let of_images =
            |other: &EvidenceEntry| other.kind == entry.kind && other.target == Some(Target::Image);
        let image = match entry.target {
            Some(target) => Some(target == Target::Image),
            None => policy.evidence.iter().any(of_images).then_some(false),
        };
        let fits = |report: &&NearbyReport| {
            report.category == category && image.is_none_or(|image| report.image == image)
        };
        for NearbyReport { path, format, category, image: _ } in lying.iter().filter(fits) {
            let path = clean_line(path);
            super::note(&format!(
                "{name}: {path} ({format}, {category}) was found but not read; to use it, pass \
                 --evidence {name}={path}"
            ));
        }
    }
}

/// Of a text for people the last line; nothing where it passes.
fn last_line(text: &[u8], code: u8) -> Vec<u8> {
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    if code == exit::PASS { Vec::new() } else { lines.next_back().unwrap_or_default().to_vec() }
}

/// The decision of what could not even be asked.
fn not_asked(args: &DecideArgs, now: Timestamp, error: &anyhow::Error) -> Decision {
    let at = (now, clock_source(args.now.as_deref()));
    undecided(&args.policy.gate, args.inputs.no_env, at, error)
}

/// Decides, delivers all outputs or none of them, then chooses the exit code. `decide` is given where the bundle is to be
/// written, if one is asked for.
pub(super) fn tell(
    args: &OutputArgs,
    outputs: &Outputs,
    decide: impl FnOnce(Option<&Path>) -> Decision,
) -> u8 {
    let format = args.printed();
    let mut staged = Staged::default();
    let (bundle, fault) = match outputs.stage_bundle(&mut staged) {
        Ok(bundle) => (bundle, None),
        Err(error) => (None, Some(error)),
    };
    let mut decision = decide(bundle.as_deref());
    // Files are made ready first, so that what is printed can say that one could not be written.
    let ready = fault.map_or_else(|| outputs.stage(&decision, &mut staged), Err);
    let ready = ready.and_then(|()| outputs.write_devices(&decision));
    if let Err(error) = ready {
        decision.add_error(RunError::of(None, &said(&error)));
        staged = Staged::default();
    }
    let mut text = Vec::new();
    let written = format.write(&decision, super::terminal_look(), &mut text).map_err(anyhow::Error::from);
    let is_text = format.id == TEXT.id;
    if is_text && args.quiet {
        text = last_line(&text, decision.exit_code);
    }
    // On a terminal they stand in the text.
    let shown = is_text && super::on_one_terminal();
    for error in decision.errors.iter().filter(|_| !shown) {
        let path = error.path.as_ref().map(|p| format!("{p}: ")).unwrap_or_default();
        super::complain(&format!("{path}{}", error.message));
    }
    let told = written.and_then(|()| super::print_exact(&text)).and_then(|()| {
        if outputs.is_empty() && output_leads_nowhere() {
            bail!(
                "standard output is closed, or /dev/null that is open for reading, too, and no --output is given: nobody is \
                 told the verdict"
            );
        }
        Ok(())
    });
    match told.and_then(|()| outputs.write_streams(&decision)).and_then(|()| staged.publish()) {
        Ok(()) => decision.exit_code,
        Err(error) => {
            super::complain(&format!("{error:#}"));
            // A known violation is final; anything else was not told, so it is no decision.
            if decision.exit_code == exit::FAIL { exit::FAIL } else { exit::ERROR }
        }
    }
}

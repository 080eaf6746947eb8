//! `secgate check`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;

use super::args::{DecideArgs, clock, decision_output};
use super::outputs::{Outputs, Staged, prepare_bundle, remove_bundle};
use crate::decide::{Decision, RunError};
use crate::exit;
use crate::render::OutputFormat;
use crate::run::diagnostics::said;
use crate::run::{RunRequest, decide_and_pack, undecided};

/// Decide: the main job
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    decide: DecideArgs,

    /// What to print
    #[arg(long, help_heading = "Outputs", value_name = "FORMAT", default_value = "text", value_parser = decision_output())]
    format: &'static OutputFormat,

    /// Also write this format to a file; any number of times
    #[arg(long, help_heading = "Outputs", value_name = "FORMAT=PATH")]
    output: Vec<OsString>,

    /// Also pack all that the decision rests on, without secrets: a directory, or one file NAME.tar
    #[arg(long, help_heading = "Outputs", value_name = "DIR|FILE.tar")]
    bundle: Option<PathBuf>,

    /// Print on standard error how long the run took
    #[arg(long, help_heading = "Outputs")]
    timings: bool,
}

/// Runs the gate. Whatever goes wrong ends in a decision of its own, so that every output says so.
pub(super) fn run(args: &CheckArgs) -> u8 {
    let start = Instant::now();
    let prepared = prepare(&args.decide, &args.output).and_then(|outputs| {
        if let Some(path) = &args.bundle {
            let inputs = args.decide.files();
            prepare_bundle(path, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &outputs)?;
        }
        Ok(outputs)
    });
    let code = match prepared {
        Ok(outputs) => {
            let decision = decide(&args.decide, args.bundle.as_deref());
            let decided = decision.exit_code;
            let code = write_outputs(args.format, &outputs, decision);
            if let Some(path) = args.bundle.as_ref().filter(|_| code != decided) {
                // What was not told in full is not kept either.
                let _ = remove_bundle(path);
            }
            code
        }
        Err(error) => {
            write_outputs(args.format, &Outputs::default(), not_asked(&args.decide, Timestamp::now(), &error))
        }
    };
    if args.timings {
        super::note(&format!("{:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    }
    code
}

/// Removes the outputs of an earlier run, before anything is opened.
pub(super) fn prepare(args: &DecideArgs, outputs: &[OsString]) -> Result<Outputs> {
    let inputs = args.files();
    Outputs::prepare(outputs, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}

fn decide(args: &DecideArgs, bundle: Option<&Path>) -> Decision {
    match clock(args.now.as_deref()) {
        Ok(now) => match args.request(now) {
            Ok(request) => decide_request(&request, bundle),
            Err(error) => not_asked(args, now, &error),
        },
        Err(error) => not_asked(args, Timestamp::UNIX_EPOCH, &error),
    }
}

/// Decides, and packs what the decision rests on where somebody wants it.
pub(super) fn decide_request(request: &RunRequest, bundle: Option<&Path>) -> Decision {
    match request.resolve() {
        Ok(resolved) => {
            resolved.remarks.iter().for_each(|remark| super::note(remark));
            match bundle {
                Some(path) => decide_and_pack(&resolved, path),
                None => resolved.decide(None),
            }
        }
        Err(error) => request.undecided(&error),
    }
}

/// The decision of what could not even be asked.
fn not_asked(args: &DecideArgs, now: Timestamp, error: &anyhow::Error) -> Decision {
    undecided(&args.policy.gate, args.inputs.no_env, now, error)
}

/// Writes all outputs, then chooses the exit code.
pub(super) fn write_outputs(format: &OutputFormat, outputs: &Outputs, mut decision: Decision) -> u8 {
    // Files are made ready first, so that what is printed can say that one could not be written.
    let staged = outputs.stage(&decision).unwrap_or_else(|error| {
        decision.add_error(RunError::of(None, &said(&error)));
        Staged::nothing()
    });
    let mut text = Vec::new();
    let written = format.write(&decision, super::terminal_look(), &mut text).map_err(anyhow::Error::from);
    // On a terminal they stand in the text.
    let shown = format.id == "text" && super::on_one_terminal();
    for error in decision.errors.iter().filter(|_| !shown) {
        let path = error.path.as_ref().map(|p| format!("{p}: ")).unwrap_or_default();
        super::complain(&format!("{path}{}", error.message));
    }
    match written.and_then(|()| super::print_exact(&text)).and_then(|()| staged.publish()) {
        Ok(()) => decision.exit_code,
        Err(error) => {
            super::complain(&format!("{error:#}"));
            // A known violation is final; anything else was not told, so it is no decision.
            if decision.exit_code == exit::FAIL { exit::FAIL } else { exit::ERROR }
        }
    }
}

//! `secgate init`: a policy, a GitLab job and a hook for this repository. Nothing that is there is touched but by force.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use super::delivery::Staged;
use crate::exit;
use crate::finding::{clean, clean_line, plural};
use crate::init::{self, Draft, Survey};
use crate::policy;
use crate::report::open_regular;
use crate::run::git;

/// Largest script that is converted.
const MAX_SCRIPT: u64 = 1 << 20;

/// The project's pipeline.
const PIPELINE: &str = ".gitlab-ci.yml";

/// Write a policy, a GitLab job and a hook for this repository
#[derive(Debug, Args)]
#[command(
    after_help = "Run it at the top of the repository. An existing file is left as it is, and what would \
                  change in it is printed; --force applies it."
)]
pub(super) struct InitArgs {
    /// Take the thresholds of this script, such as `security_gate.sh`, instead of those that fit the repository
    #[arg(long, value_name = "SCRIPT")]
    from: Option<PathBuf>,

    /// The gate: merge (for what the repository holds), package, release or production (as they are embedded, to be filled in)
    #[arg(long, value_name = "NAME", default_value = "merge", value_parser = ["merge", "package", "release", "production"], conflicts_with = "from")]
    gate: String,

    /// A GitLab user who approves what ends in a review; any number of times
    #[arg(long, value_name = "USER")]
    reviewer: Vec<String>,

    /// Also a git hook that runs `secgate scan` before a push
    #[arg(long)]
    hook: bool,

    /// Replace files in .secgate that would change
    #[arg(long)]
    force: bool,

    /// Print what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// A file to write.
struct Planned {
    path: PathBuf,
    text: String,
    mode: u32,
}

pub(super) fn run(args: &InitArgs) -> Result<u8> {
    if args.gate != "merge" {
        return later_gate(args);
    }
    if hook_alone(args) {
        return write_hook(args);
    }
    let mut survey = init::survey_repository(Path::new("."));
    // What an earlier run wrote says nothing about the project.
    if fs::read(PIPELINE).is_ok_and(|text| text == init::include().as_bytes()) {
        survey.pipeline = None;
    }
    let (draft, script) = match &args.from {
        Some(path) => of_script(path, &survey)?,
        None => (init::of_survey(&survey), init::script::Script::default()),
    };
    let draft = draft.reviewed_by(&reviewers(args));
    let text = draft.to_string();
    let checked = policy::load(init::POLICY, text.as_bytes())
        .map_err(|error| anyhow!("a bug: the policy that was about to be written is not valid: {error}"))?;
    let has_program = init::holds_program(Path::new("."));
    let jobs = init::jobs(&draft, survey.pipeline.as_ref(), has_program);
    let mut planned = vec![
        Planned { path: init::POLICY.into(), text, mode: 0o644 },
        Planned { path: init::JOBS.into(), text: jobs, mode: 0o644 },
        Planned { path: init::COMPONENT.into(), text: init::GATE.to_owned(), mode: 0o644 },
    ];
    if args.from.is_none() && !survey.openapi.is_empty() && !survey.spectral_rules {
        planned.push(Planned {
            path: init::SPECTRAL_RULES_FILE.into(),
            text: init::SPECTRAL_RULES.to_owned(),
            mode: 0o644,
        });
    }
    if let Some(text) = draft.not_converted() {
        planned.push(Planned { path: init::NOT_CONVERTED_FILE.into(), text, mode: 0o644 });
    }
    if survey.pipeline.is_none() {
        planned.push(Planned { path: PIPELINE.into(), text: init::include(), mode: 0o644 });
    }
    if args.hook {
        planned.push(Planned { path: hook()?, text: init::HOOK.to_owned(), mode: 0o755 });
    }
    seen(args, &survey);
    let Written { wrote, differs } = write(&planned, args)?;
    for (line, what) in &script.left {
        super::note(&format!("not converted, line {line}: {}", clean_line(what)));
    }
    for (line, what) in &script.undecided {
        super::note(&format!("decides nothing, line {line}: {}", clean_line(what)));
    }
    if wrote && !args.dry_run {
        what_jobs(&draft, &survey);
        if checked.reviewers.is_none() {
            super::note(&format!(
                "nobody can approve a review yet: fill in `reviewers` and `people` of {}, or repeat this command with \
                 --reviewer USER --force",
                init::POLICY
            ));
        }
        next(&survey, has_program);
        if args.hook {
            super::note(
                "the hook runs only what was agreed to: run `secgate scan` once before the first push",
            );
        }
    }
    if !wrote && !differs.is_empty() {
        bail!("nothing was written: {} would change as shown; --force takes it", differs.join(", "));
    }
    if !wrote {
        bail!("everything is in place already; nothing was written");
    }
    if script.left.is_empty() {
        return Ok(exit::PASS);
    }
    super::note(&format!(
        "{} of the script became no rule of their own: the rules `not-converted-line-N` fail until you replace them",
        plural(script.left.len() as u64, "check")
    ));
    Ok(exit::FAIL)
}

/// Whether only the hook is asked for: where there is a policy already, nothing else changes.
fn hook_alone(args: &InitArgs) -> bool {
    args.hook
        && args.from.is_none()
        && args.reviewer.is_empty()
        && !args.force
        && Path::new(init::POLICY).is_file()
}

fn write_hook(args: &InitArgs) -> Result<u8> {
    let planned = [Planned { path: hook()?, text: init::HOOK.to_owned(), mode: 0o755 }];
    let Written { wrote, differs } = write(&planned, args)?;
    if let Some(other) = differs.first() {
        bail!("{other} is there and another hook; nothing was written: have it run `secgate scan --hook`");
    }
    if !wrote {
        bail!("the hook is there already; nothing was written");
    }
    super::note(
        "next: run `secgate scan` once and agree to the commands that it shows; the hook runs only what was agreed to",
    );
    Ok(exit::PASS)
}

/// Who approves a review: those who are named now, or else those of the policy that is there.
fn reviewers(args: &InitArgs) -> Vec<String> {
    let there = || {
        let text = fs::read(init::POLICY).ok()?;
        let policy = policy::load(init::POLICY, &text).ok()?;
        policy.reviewers.as_ref()?;
        let people = policy.people.get(init::REVIEWING_ROLE)?;
        Some(people.iter().map(|person| person.user.clone()).collect())
    };
    if args.reviewer.is_empty() { there().unwrap_or_default() } else { args.reviewer.clone() }
}

/// Says which jobs were added, and which of the project's own the gate waits for.
fn what_jobs(draft: &Draft, survey: &Survey) {
    let init::JobPlan { stage, added, waits } = init::job_plan(draft, survey.pipeline.as_ref());
    let listed = |jobs: &[String]| jobs.iter().map(|job| clean_line(job)).collect::<Vec<_>>().join(", ");
    let added = if added.is_empty() { String::new() } else { format!("{} and ", listed(&added)) };
    let waits = if waits.is_empty() { String::new() } else { format!("; it waits for {}", listed(&waits)) };
    super::note(&format!("{} adds {added}the gate, in stage {}{waits}", init::JOBS, clean_line(&stage)));
}

/// A gate behind the merge gate: its policy as it is embedded, its job, and what is still to be filled in.
fn later_gate(args: &InitArgs) -> Result<u8> {
    let gate = args.gate.as_str();
    let text = policy::embedded(gate).context("a bug: there is no embedded policy of that name")?;
    let path = format!(".secgate/{gate}.yaml");
    let checked = policy::load(&path, text.as_bytes())?;
    let has_program = init::holds_program(Path::new("."));
    let (jobs, component, template) = init::later_jobs(gate);
    let planned = [
        Planned { path: path.clone().into(), text: text.to_owned(), mode: 0o644 },
        Planned { path: jobs.clone().into(), text: init::later_include(gate, has_program), mode: 0o644 },
        Planned { path: component.into(), text: template.to_owned(), mode: 0o644 },
    ];
    let Written { wrote, differs } = write(&planned, args)?;
    if !wrote && !differs.is_empty() {
        bail!("nothing was written: {} would change as shown; --force takes it", differs.join(", "));
    }
    let mut out = Vec::new();
    writeln!(out, "The gate {gate} needs:")?;
    for entry in &checked.evidence {
        let files: Vec<&str> = entry.files.iter().map(policy::PathGlob::text).collect();
        let need = if entry.required { "required" } else { "optional" };
        writeln!(out, "  {path}:{}  {}: {} ({need})", entry.line, entry.name, files.join(" or "))?;
    }
    writeln!(out, "To be filled in:")?;
    for (line, what) in
        text.lines().enumerate().filter(|(_, what)| what.contains("fill in") && !what.starts_with('#'))
    {
        writeln!(out, "  {path}:{}  {}", line + 1, clean_line(what.trim()))?;
    }
    for (line, what) in init::later_include(gate, has_program).lines().enumerate() {
        if what.contains("fill in") {
            writeln!(out, "  {jobs}:{}  {}", line + 1, clean_line(what.trim()))?;
        }
    }
    super::print(&out)?;
    super::note(&format!(
        "next: fill these in, run `secgate lint --gate {gate}`, and add `include: [{{local: {jobs}}}]` to .gitlab-ci.yml"
    ));
    Ok(exit::PASS)
}

/// The policy of a script, and what could not be converted.
fn of_script(path: &Path, survey: &Survey) -> Result<(Draft, init::script::Script)> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let mut text = String::new();
    let file = open_regular(path).with_context(|| format!("--from {name}"))?;
    file.take(MAX_SCRIPT)
        .read_to_string(&mut text)
        .with_context(|| format!("--from {name}: cannot be read as text"))?;
    let script = init::script::read_script(&text);
    if script.conditions.is_empty() {
        let left: Vec<String> =
            script.left.iter().map(|(line, what)| format!("\n  line {line}: {}", clean(what))).collect();
        let hint = if text.contains("secgate") { "; it seems to call secgate already" } else { "" };
        bail!(
            "--from {name}: no count of findings that is compared with a number was understood, so nothing was \
             written{hint}{}",
            left.concat()
        );
    }
    Ok((init::of_script(&script, &name, survey), script))
}

/// Where git looks for the hook.
fn hook() -> Result<PathBuf> {
    let out = git(Path::new("."), &["rev-parse", "--git-path", "hooks/pre-push"]).context("--hook")?;
    let text = String::from_utf8(out).context("--hook: the path of git's hooks is not UTF-8")?;
    Ok(PathBuf::from(text.trim_end_matches('\n')))
}

/// Says what the repository was found to hold.
fn seen(args: &InitArgs, survey: &Survey) {
    let mut found: Vec<String> = survey.languages.iter().map(|l| (*l).to_owned()).collect();
    for (what, files) in [
        ("lock files", &survey.locks),
        ("Docker files", &survey.docker),
        ("Terraform files", &survey.terraform),
        ("Kubernetes manifests", &survey.kubernetes),
        ("OpenAPI descriptions", &survey.openapi),
    ] {
        if !files.is_empty() {
            found.push(format!("{what}: {}", files.len()));
        }
    }
    found.extend(survey.saved.iter().map(|saved| format!("{} ({})", clean(&saved.path), saved.format)));
    let more = if survey.cut_off { "; there is more that was not looked at" } else { "" };
    let found = if found.is_empty() { "nothing that is known".to_owned() } else { found.join(", ") };
    super::note(&format!("found {found}{more}"));
    if args.from.is_none()
        && let Some(script) = survey.scripts.first()
    {
        let script = clean(script);
        super::note(&format!("`secgate init --from {script}` takes the thresholds of that script instead"));
    }
}

/// Result for each file.
struct Written {
    /// Anything was written, or would be.
    wrote: bool,
    /// Files that are there, stay, and would be written otherwise.
    differs: Vec<String>,
}

/// Change of a file: the lines that would go and those that would come. `None` where nothing would.
fn changes(was: &str, is: &str) -> Option<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (old.get(begin..)?, new.get(begin..)?);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = old.iter().take(old.len() - end).map(|line| format!("-{}\n", clean(line)));
    let come = new.iter().take(new.len() - end).map(|line| format!("+{}\n", clean(line)));
    let text: String = gone.chain(come).collect();
    (!text.is_empty()).then(|| format!("@@ from line {} @@\n{text}", begin + 1))
}

/// Writes what is not there, and by force what would be written otherwise.
fn write(planned: &[Planned], args: &InitArgs) -> Result<Written> {
    let (mut wrote, mut differs) = (false, Vec::new());
    let mut out = Vec::new();
    for file in planned {
        let name = clean(&file.path.to_string_lossy()).into_owned();
        let is_there = file.path.symlink_metadata().is_ok();
        // A hook, or a file of the project's own, is never replaced.
        let replace = args.force && file.path.starts_with(".secgate") && !file.path.is_symlink();
        if is_there {
            let was = fs::read(&file.path).unwrap_or_default();
            let Some(change) = changes(&String::from_utf8_lossy(&was), &file.text) else {
                super::note(&format!("{name} exists and was left as it is"));
                continue;
            };
            writeln!(out, "--- {name}\n+++ {name} as it would be written\n{change}")?;
            if !replace {
                super::note(&format!("{name} exists and was left as it is; it would change as shown"));
                differs.push(name);
                continue;
            }
        }
        wrote = true;
        if args.dry_run {
            writeln!(out, "==> {name} <==\n{}", file.text)?;
            continue;
        }
        if let Some(folder) = file.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // What a link leads to lies elsewhere, and is not this project's.
            if folder.is_symlink() {
                bail!("{}: is a link; nothing is written through it", clean(&folder.to_string_lossy()));
            }
            fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        }
        // What is replaced stays until all of the new one is written.
        let mut staged = Staged::default();
        let written = staged.file(&file.path, file.mode, |new| new.write_all(file.text.as_bytes()));
        written.with_context(|| format!("{name}: cannot be written"))?;
        staged.publish()?;
        writeln!(out, "wrote {name}")?;
    }
    super::print(&out)?;
    Ok(Written { wrote, differs })
}

/// Action to take next.
fn next(survey: &Survey, has_program: bool) {
    let mut text = String::from("next: read .secgate/merge.yaml, then run ");
    text.push_str(if survey.saved.is_empty() {
        "`secgate scan`, which starts the scanners that it names and that are installed; `secgate check` needs their reports"
    } else {
        "`secgate check`"
    });
    text.push_str("; `--diff-base origin/main` tells it what is new");
    if survey.pipeline.as_ref().is_some_and(|pipeline| !pipeline.includes(".secgate/gitlab-ci.yml")) {
        text.push_str("; add `include: [{local: .secgate/gitlab-ci.yml}]` to .gitlab-ci.yml");
    }
    super::note(&text);
    if !has_program {
        super::note(&format!(
            "the jobs take secgate from the image that the CI/CD variable {} names: set it, or put the program into the \
             repository and say where in {}",
            init::IMAGE_VARIABLE,
            init::JOBS
        ));
    }
    let running =
        |script: &String| Some((survey.pipeline.as_ref()?.running(script)?.to_owned(), script.clone()));
    if let Some((job, script)) = survey.scripts.iter().find_map(running) {
        super::note(&format!(
            "the job `{}` still runs {}; remove it once you trust the new gate",
            clean_line(&job),
            clean(&script)
        ));
    }
}

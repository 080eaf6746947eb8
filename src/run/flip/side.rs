//! One of two runs that are compared: its files, or what a bundle keeps of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use crate::decide::{self, Decision};
use crate::finding::{clean, clean_line};
use crate::gather::SavedFile;
use crate::policy::{self, Policy};
use crate::replay::{PastVerdict, RunDescription};
use crate::run::bundle::{BundledEvidence, evidence_of, policy_of, recorded_verdict};
use crate::run::diagnostics::RunDiagnostic;
use crate::run::policy_source::PolicyText;
use crate::run::replayed::{MAX_FILE, ReplayPolicy, RunFiles, RunReplayer, of_bundled};
use crate::run::saved_run::{RunContent, SavedRun, find_runs};

/// A run of two.
pub(super) struct ComparedSide {
    pub(super) id: String,
    pub(super) about: RunDescription,
    pub(super) content: SideContent,
    pub(super) now: Timestamp,
    /// The verdict that was kept with it.
    recorded: Option<PastVerdict>,
}

/// What it rests on.
pub(super) enum SideContent {
    Files(RunFiles),
    Bundle(Box<BundledEvidence>),
}

impl ComparedSide {
    pub(super) fn new(run: SavedRun, replayer: &RunReplayer) -> Result<Self> {
        let id = clean_line(run.id.as_deref().unwrap_or("-")).into_owned();
        let (content, now, recorded) = match run.content {
            RunContent::Files(files) => {
                let files = RunFiles::new(&files)?;
                let now = replayer.clock_of(&files.material(&run.about)?)?;
                (SideContent::Files(files), now, None)
            }
            RunContent::Bundle(bundle) => {
                let evidence = evidence_of(&bundle)?;
                let now = evidence.context.now;
                (SideContent::Bundle(Box::new(evidence)), now, recorded_verdict(&bundle))
            }
            RunContent::Broken { fault, .. } => bail!("{id}: {}", fault.message),
        };
        Ok(Self { id, about: run.about, content, now, recorded })
    }

    pub(super) fn commit(&self) -> Option<String> {
        self.about.commit.clone()
    }

    /// That the run itself came to something else than its evidence leads to.
    pub(super) fn remark(&self, decision: &Decision) -> Option<String> {
        let was = self.recorded.filter(|was| was.verdict != decision.verdict)?;
        Some(format!(
            "{}: {} when it ran, and {} by its evidence alone: whether a change loosens its own gate is not compared",
            self.id,
            was.verdict.as_str(),
            decision.verdict.as_str()
        ))
    }

    /// Values of its parameters.
    pub(super) fn parameters(&self) -> &BTreeMap<String, String> {
        match &self.content {
            SideContent::Files(_) => &self.about.params,
            SideContent::Bundle(bundle) => &bundle.context.parameters,
        }
    }

    /// Names and bytes of its waiver files, as far as any of these policies names them.
    pub(super) fn waivers(&self, policies: &[&Policy]) -> Result<BTreeMap<String, Vec<u8>>> {
        match &self.content {
            SideContent::Files(files) => {
                let named =
                    |file: &&SavedFile| policies.iter().any(|policy| names_waivers(policy, &file.name));
                let read = |file: &SavedFile| Ok((file.name.clone(), file.source.bytes(MAX_FILE)?));
                files.evidence.iter().filter(named).map(read).collect()
            }
            SideContent::Bundle(bundle) => Ok(bundle.waivers.iter().cloned().collect()),
        }
    }

    /// Its context under a policy, with these parameters.
    pub(super) fn context(
        &self,
        replayer: &RunReplayer,
        policy: &Policy,
        now: Timestamp,
        parameters: BTreeMap<String, String>,
    ) -> Result<decide::Context> {
        match &self.content {
            SideContent::Files(files) => {
                let about = RunDescription { params: parameters, ..self.about.clone() };
                replayer.context(&files.material(&about)?, policy, now)
            }
            SideContent::Bundle(bundle) => {
                of_bundled(&decide::Context { parameters, ..bundle.context.clone() }, policy, now)
            }
        }
    }
}

/// Whether a policy takes waivers from a file of this name.
pub(super) fn names_waivers(policy: &Policy, name: &str) -> bool {
    policy.waivers.as_ref().is_some_and(|limits| limits.files.iter().any(|glob| glob.matches_file(name)))
}

/// The run at a path, which is the only one there, or `PATH#ID`.
pub(super) fn run_named(path: &Path, store: Option<&Path>) -> Result<SavedRun> {
    let text = path.to_string_lossy();
    // Paths and ids may hold the sign; what is there is the path.
    let splits = text.match_indices('#').filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let split = splits.filter(|_| !is_there(path)).find(|(file, _)| is_there(Path::new(file)));
    let (file, id) = split.map_or((path.to_owned(), None), |(file, id)| (PathBuf::from(file), Some(id)));
    let shown = || clean(&text).into_owned();
    let mut found = None;
    for run in find_runs(&[file])?.unread() {
        let run = run?.read(store);
        if id.is_some_and(|id| run.id.as_deref() != Some(id)) {
            continue;
        }
        if found.is_some() {
            return Err(RunDiagnostic::SeveralRuns).with_context(shown);
        }
        found = Some(run);
    }
    found.ok_or_else(|| {
        let id = clean_line(id.unwrap_or_default()).into_owned();
        anyhow!(RunDiagnostic::NoSuchRun { id }).context(shown())
    })
}

/// The policy that a run holds, else the embedded one of its gate.
pub(super) fn own_policy(run: &SavedRun) -> Result<ReplayPolicy> {
    let files = match &run.content {
        RunContent::Bundle(bundle) => return ReplayPolicy::of_text(&policy_of(bundle)?),
        RunContent::Files(files) => files.as_slice(),
        RunContent::Broken { .. } => &[],
    };
    let gate = run.about.gate.as_deref().unwrap_or("merge");
    let name = format!(".secgate/{gate}.yaml");
    let bytes = |name: &str| {
        let file = files.iter().find(|file| file.name == name);
        file.map(|file| file.source.bytes(MAX_FILE)).transpose()
    };
    if let Some(text) = bytes(&name)? {
        let text = PolicyText::new(name.clone(), text, &mut |asked| {
            let name = beside(&name, asked);
            match bytes(&name) {
                Ok(Some(bytes)) => Ok((name, bytes)),
                Ok(None) => Err("is not in the run".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })?;
        return ReplayPolicy::of_text(&text);
    }
    let Some(text) = policy::embedded(gate) else {
        bail!(RunDiagnostic::RunWithoutPolicy { name, gate: clean(gate).into_owned() });
    };
    let source = format!("embedded:{gate}");
    ReplayPolicy::of_text(&PolicyText::new(source, text.as_bytes().to_vec(), &mut |_| {
        Err("an embedded policy names no file".to_owned())
    })?)
}

/// The name in the run of a file that its policy names.
fn beside(policy: &str, asked: &str) -> String {
    let mut parts: Vec<&str> = policy.split('/').collect();
    parts.pop();
    for part in asked.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

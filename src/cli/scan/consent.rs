//! Whether the user has agreed to the commands of a policy: asked once for each command in each project. A hook never
//! asks and never runs what was not agreed to.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::finding::clean;
use crate::finding::hex;
use crate::policy::{EvidenceEntry, Policy};
use crate::render::for_log;

/// True if the commands may be run.
pub(super) fn consent_given(
    policy: &Policy,
    entries: &[&EvidenceEntry],
    yes: bool,
    hook: bool,
) -> Result<bool> {
    let mut asked = Vec::new();
    for entry in entries {
        let Some(run) = &entry.run else { continue };
        let memory = memory(&run.argv)?;
        if !memory.as_ref().is_some_and(|path| path.is_file()) {
            asked.push((entry, run, memory));
        }
    }
    if asked.is_empty() {
        return Ok(true);
    }
    let commands: Vec<String> =
        asked.iter().map(|(e, run, _)| format!("  {}: {}", e.name, display_command(&run.argv))).collect();
    let what = format!(
        "{} (sha256:{}) names commands that have not been agreed to here:\n{}",
        policy.source,
        policy.sha256,
        commands.join("\n")
    );
    if !yes {
        if hook {
            bail!(
                "{what}\nNothing was run. Look at them, then run `secgate scan` once, or push with --no-verify."
            );
        }
        if !io::stdin().is_terminal() {
            bail!("{what}\nThere is no terminal to ask on; pass `--yes` to agree to them.");
        }
        let mut out = io::stderr().lock();
        out.write_all(&for_log(
            format!("{what}\nRun them? It is asked once for each command. [y/N] ").as_bytes(),
        ))?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(false);
        }
    }
    for path in asked.into_iter().filter_map(|(_, _, memory)| memory) {
        let folder = path.parent().context("the memory has no folder")?;
        let remembered = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, format!("{}\n", policy.source)))
            .with_context(|| format!("{}: cannot be written", path.display()));
        // Where nothing can be kept, --yes is asked for again.
        if !yes {
            remembered?;
        }
    }
    Ok(true)
}

/// Where it is remembered: by the command, word for word, and by the project, because a command can run what the project
/// holds. A policy that is edited elsewhere asks nothing again.
fn memory(argv: &[String]) -> Result<Option<PathBuf>> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let project = std::env::current_dir().context("the current directory cannot be told")?;
    let mut digest = Sha256::new();
    for word in argv {
        digest.update(word.as_bytes());
        digest.update([0]);
    }
    digest.update([0]);
    digest.update(project.as_os_str().as_encoded_bytes());
    Ok(state.map(|state| state.join("secgate/agreed").join(hex(&digest.finalize()))))
}

/// The words of a command, those with blanks in quotes; no shell reads them.
fn display_command(argv: &[String]) -> String {
    let word = |word: &String| {
        let word = clean(word).into_owned();
        if word.contains([' ', '"', '\'']) || word.is_empty() { format!("{word:?}") } else { word }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

//! Where a policy comes from: the file or the embedded policy that is asked for, with all that it names.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::finding::{clean, is_sha256};
use crate::policy::{self, EMBEDDED, EntryKind, Policy, ReportMapping};
use crate::report::{Format, ReadError, is_absent, open_regular, shipped_mappings};
use crate::run::diagnostics::RunDiagnostic;

/// Largest policy; read one byte further to notice.
const MAX_POLICY: u64 = 1 << 20;

/// Which policy is asked for.
#[derive(Debug, Clone)]
pub struct PolicyRequest {
    /// The gate: `.secgate/NAME.yaml`, else the embedded policy of that name.
    pub gate: String,
    /// A policy file, or the name of an embedded policy, whatever the gate.
    pub policy: Option<PathBuf>,
    /// The digest that the policy, or one that it extends, must have.
    pub require_policy: Option<String>,
}

/// Where a policy's text comes from.
pub(crate) struct PolicySource {
    /// As outputs name it.
    pub(crate) name: String,
    /// The file, if it is one.
    pub(crate) file: Option<PathBuf>,
    embedded: Option<&'static str>,
}

/// A policy, and what it names, as they are.
#[derive(Debug, Clone)]
pub(crate) struct PolicyText {
    /// As outputs name it.
    pub(crate) source: String,
    pub(crate) bytes: Vec<u8>,
    /// Name and bytes of each file that it names, by what it asked for, or why there is none.
    pub(crate) beside: BTreeMap<String, Result<(String, Vec<u8>), String>>,
}

impl PolicyText {
    /// Takes a policy's text, and what it names from `file`. It must be valid.
    pub(crate) fn new(source: String, bytes: Vec<u8>, file: &mut policy::NeighbourFiles<'_>) -> Result<Self> {
        let mut beside = BTreeMap::new();
        policy::load_with(&source, &bytes, &mut |path| {
            let got = file(path);
            beside.insert(path.to_owned(), got.clone());
            got
        })?;
        Ok(Self { source, bytes, beside })
    }

    /// Reads and checks it, whatever gate it is for.
    pub(crate) fn load(&self) -> Result<Policy> {
        let beside = &mut |asked: &str| {
            let known = self.beside.get(asked).cloned();
            known.unwrap_or_else(|| Err("was not read with the policy".to_owned()))
        };
        Ok(policy::load_with(&self.source, &self.bytes, beside)?)
    }
}

impl PolicyRequest {
    /// This file or embedded policy.
    pub(crate) fn of_file(policy: PathBuf) -> Self {
        Self { gate: "merge".to_owned(), policy: Some(policy), require_policy: None }
    }

    /// Finds the policy, without opening it.
    pub(crate) fn source(&self) -> Result<PolicySource> {
        if let Some(path) = &self.policy {
            return PolicySource::from_flag("--policy", path);
        }
        if self.gate.contains(['/', '.', '\\']) {
            bail!(RunDiagnostic::GateIsAFile { gate: clean(&self.gate).into_owned() });
        }
        if let Some(folder) = policy_folders().into_iter().find(|folder| !is_absent(folder)) {
            let path = folder.join(format!("{}.yaml", self.gate));
            if is_absent(&path) {
                let hint = match nearest_gate(&folder, &self.gate) {
                    Some(near) => format!("; did you mean `{}`?", clean(&near)),
                    None if policy::embedded(&self.gate).is_some() => {
                        format!("; add it, or name the embedded one with --policy {}", self.gate)
                    }
                    None => "; add it".to_owned(),
                };
                bail!(RunDiagnostic::GateWithoutPolicy {
                    path: clean(&path.to_string_lossy()).into_owned(),
                    gate: clean(&self.gate).into_owned(),
                    hint,
                });
            }
            return Ok(PolicySource::from_path(&path));
        }
        embedded("--gate", &self.gate)
    }

    /// Finds, reads and checks the policy.
    pub fn policy(&self) -> Result<Policy> {
        self.load(&self.source()?)
    }

    /// The policy and the files that it names, as they are.
    pub(crate) fn text(&self) -> Result<PolicyText> {
        self.source()?.text()
    }

    /// Reads and checks the policy.
    pub(crate) fn load(&self, source: &PolicySource) -> Result<Policy> {
        let policy = source.load_policy()?;
        if let Some(demanded) = &self.require_policy {
            require(demanded, &policy)?;
        }
        no_shadows(&source.name, &policy.mappings)?;
        // A policy taken by the name of a gate decides that gate: a copy of another stage's policy is a mistake.
        if self.policy.is_none() && policy.gate != self.gate {
            bail!(RunDiagnostic::PolicyOfOtherGate {
                source: source.name.clone(),
                is: policy.gate.clone(),
                wanted: self.gate.clone(),
            });
        }
        for entry in &policy.evidence {
            if let (Some(format), EntryKind::Report(_)) = (&entry.format, entry.kind) {
                known_format(format, &policy.mappings)
                    .with_context(|| format!("{}:{}: evidence `{}`", source.name, entry.line, entry.name))?;
            }
        }
        Ok(policy)
    }
}

/// Where the folder of policies may be: here, and in each folder around this one up to the repository's root.
pub(crate) fn policy_folders() -> Vec<PathBuf> {
    let own = PathBuf::from(".secgate");
    let Ok(here) = Path::new(".").canonicalize() else { return vec![own] };
    let Some(up) = here.ancestors().position(|folder| folder.join(".git").symlink_metadata().is_ok()) else {
        return vec![own];
    };
    let folder = |steps: usize| (0..steps).map(|_| "..").collect::<PathBuf>().join(".secgate");
    (0..=up).map(folder).collect()
}

/// The gate whose name is nearest to one that is not there: of the folder, or an embedded one.
fn nearest_gate(folder: &Path, asked: &str) -> Option<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of_folder = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_suffix(".yaml")?;
        (!name.contains('.') && !matches!(name, "waivers" | "gitlab-ci" | "gate")).then(|| name.to_owned())
    });
    let far = |name: &String| strsim::damerau_levenshtein(name, asked);
    of_folder.filter(|name| far(name) <= 3).min_by_key(far)
}

impl PolicySource {
    pub(crate) fn from_path(path: &Path) -> Self {
        Self {
            name: clean(&path.to_string_lossy()).into_owned(),
            file: Some(path.to_owned()),
            embedded: None,
        }
    }

    /// A file, or an embedded policy by its name.
    pub(crate) fn from_flag(flag: &str, path: &Path) -> Result<Self> {
        let text = path.to_string_lossy();
        if text.is_empty() {
            let flag = if flag.is_empty() { "a policy's name" } else { flag };
            bail!(RunDiagnostic::EmptyFlag { flag: flag.to_owned() });
        }
        if text.contains(['/', '.', '\\']) { Ok(Self::from_path(path)) } else { embedded(flag, &text) }
    }

    /// Reads and checks it, whatever gate it is for.
    pub(crate) fn load_policy(&self) -> Result<Policy> {
        Ok(policy::load_with(&self.name, &self.bytes()?, &mut |path| self.beside(path))?)
    }

    /// It and the files that it names, as they are.
    pub(crate) fn text(&self) -> Result<PolicyText> {
        PolicyText::new(self.name.clone(), self.bytes()?, &mut |path| self.beside(path))
    }

    /// Name and bytes of a file that the policy names.
    pub(crate) fn beside(&self, path: &str) -> Result<(String, Vec<u8>), String> {
        Self::read_beside(&Self::path_beside(self.file.as_deref().unwrap_or_else(|| Path::new("")), path))
    }

    /// The path of a file that a policy names.
    pub(crate) fn path_beside(policy: &Path, path: &str) -> PathBuf {
        below(policy.parent().unwrap_or_else(|| Path::new("")), path)
    }

    /// Name and bytes of such a file.
    pub(crate) fn read_beside(path: &Path) -> Result<(String, Vec<u8>), String> {
        let name = clean(&path.to_string_lossy()).into_owned();
        bytes_of(path).map(|bytes| (name, bytes)).map_err(|error| format!("{error:#}"))
    }

    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
        let Some(path) = &self.file else { return Ok(self.embedded.unwrap_or_default().as_bytes().to_vec()) };
        bytes_of(path).with_context(|| self.name.clone())
    }
}

/// A path from a folder, without the steps that lead in and out again.
fn below(folder: &Path, path: &str) -> PathBuf {
    let mut whole = folder.to_owned();
    for part in Path::new(path) {
        let inside = whole.file_name().is_some();
        // Of a link, `..` is where it leads to.
        if part == ".." && inside && !whole.is_symlink() {
            whole.pop();
        } else {
            whole.push(part);
        }
    }
    whole
}

/// The bytes of a file, or one more than a policy may have.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_POLICY + 1).read_to_end(&mut bytes).context("cannot be read")?;
    Ok(bytes)
}

/// Reads and checks a file of mappings.
pub(crate) fn mappings(path: &Path) -> Result<Vec<ReportMapping>> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let mappings = policy::load_mappings(&name, &bytes_of(path).with_context(|| name.clone())?)?;
    no_shadows(&name, &mappings)?;
    Ok(mappings)
}

/// The embedded policy of that name.
fn embedded(flag: &str, name: &str) -> Result<PolicySource> {
    let Some(text) = policy::embedded(name) else {
        let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
        let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let hint = nearest
            .filter(|known| strsim::damerau_levenshtein(known, name) <= 3)
            .map_or(String::new(), |known| format!("; did you mean `{known}`?"));
        let name = clean(name);
        let file = if Path::new(name.as_ref()).exists() {
            format!("; for the file of that name write ./{name}")
        } else if flag == "--gate" {
            String::new()
        } else {
            "; a file is given with its ending or folder, such as ./gate.yaml".to_owned()
        };
        let flag = if flag.is_empty() { String::new() } else { format!("{flag} ") };
        bail!(RunDiagnostic::NoEmbeddedPolicy {
            flag,
            name: name.into(),
            hint,
            known: known.join(", "),
            file
        });
    };
    Ok(PolicySource { name: format!("embedded:{name}"), file: None, embedded: Some(text) })
}

fn require(demanded: &str, policy: &Policy) -> Result<()> {
    let (digest, name) = (&policy.sha256, &policy.source);
    let wanted = demanded.strip_prefix("sha256:").filter(|hex| is_sha256(hex));
    match wanted {
        None => {
            bail!(RunDiagnostic::InvalidRequiredDigest { name: name.clone(), digest: digest.clone() })
        }
        Some(wanted) if wanted.eq_ignore_ascii_case(digest) => Ok(()),
        Some(wanted) if policy.ancestors.iter().any(|a| wanted.eq_ignore_ascii_case(&a.sha256)) => Ok(()),
        Some(_) => {
            let extended: Vec<String> = policy
                .ancestors
                .iter()
                .map(|a| format!(" and extends {} with sha256:{}", clean(&a.path), a.sha256))
                .collect();
            bail!(RunDiagnostic::PolicyNotRequiredOne {
                name: name.clone(),
                demanded: demanded.to_owned(),
                digest: digest.clone(),
                extended: extended.concat(),
            })
        }
    }
}

/// Whether a format id is one that this build or a mapping reads; else names the nearest.
pub(crate) fn known_format(id: &str, mappings: &[ReportMapping]) -> Result<()> {
    let shipped = shipped_mappings().iter().map(|shipped| &shipped.mapping);
    if mappings.iter().chain(shipped).any(|mapping| mapping.id == id) {
        return Ok(());
    }
    let near = |known: &str| strsim::damerau_levenshtein(known, id);
    let nearest = mappings.iter().map(|m| m.id.as_str()).min_by_key(|known| near(known));
    match (Format::by_id(id), nearest) {
        (Ok(_), _) => Ok(()),
        (Err(ReadError::NoSuchFormat { asked, nearest: built_in }), Some(own))
            if near(own) <= 3 && built_in.is_none_or(|known| near(own) <= near(known)) =>
        {
            bail!(RunDiagnostic::NoSuchMapping { asked, own: own.to_owned() })
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// A mapping may not take the name of a format that this build reads; `source` is the file that holds it.
pub(crate) fn no_shadows(source: &str, mappings: &[ReportMapping]) -> Result<()> {
    match mappings.iter().find(|mapping| Format::by_id(&mapping.id).is_ok()) {
        None => Ok(()),
        Some(mapping) => bail!(RunDiagnostic::MappingShadowsFormat {
            source: source.to_owned(),
            line: mapping.line,
            id: mapping.id.clone(),
        }),
    }
}

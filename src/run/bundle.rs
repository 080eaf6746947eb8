//! Bundles of evidence: what a run decided on, packed so that the same verdict can be derived from it again.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ResolvedRun;
use super::gate_before::{GateBefore, Seen};
use super::policy_source::PolicyText;
use super::waiver_files;
use crate::attest::bundle::Bundle;
use crate::decide::{Comparison, Context, Decision, Fault};
use crate::finding::{clean, clean_line};
use crate::gather::{EvidenceSource, Inputs, Limits};
use crate::policy;
use crate::relate::{Base, Owners, Waivers};
use crate::render::{Look, Output};
use crate::report::Source;
use crate::saved::{Saved, SavedBase, SavedDocument, SavedReport};

const SCHEMA: &str = "secgate/bundle/v1";
const MANIFEST: &str = "bundle.json";
/// The verdict in a bundle.
pub(crate) const VERDICT: &str = "verdict.json";
/// Largest document or feed that is packed.
const MAX_DOCUMENT: u64 = 1 << 30;

/// Differences between a verdict and what is derived that are told.
const DIFFERENCES: usize = 6;

/// What the files of a bundle are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: String,
    secgate: String,
    gate: String,
    context: Context,
    max_findings: usize,
    policy: PolicyFile,
    waivers: Vec<Packed>,
    /// The policy before the change, where the gate was compared with it.
    base_policy: Option<PolicyFile>,
    /// The waiver files before the change, where there was something to compare with.
    base_waivers: Option<Vec<Packed>>,
    /// What the project before the change shows besides.
    seen_before: Option<Seen>,
    reports: Vec<Packed>,
    documents: Vec<PackedDocument>,
    base: Option<SavedBase>,
    /// The baseline, as it was read; what came of it is in `base` and in the findings.
    baseline: Option<Packed>,
    codeowners: Option<Packed>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    source: String,
    file: String,
    /// Files that it names.
    names: Vec<Named>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    asked: String,
    name: String,
    file: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    name: String,
    file: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedDocument {
    name: String,
    entries: Vec<String>,
    file: String,
}

/// Decides and writes the bundle; what keeps it from being written is part of the decision.
pub(crate) fn decide_and_pack(run: &ResolvedRun, path: &Path) -> Decision {
    let keep = OnceCell::new();
    let mut decision = run.decide_and_keep(&keep);
    // Where no file was read there is no evidence, and the decision says why.
    if let Some(saved) = keep.into_inner()
        && let Err(error) = write(run, saved, &decision, path)
    {
        let name = clean(&path.to_string_lossy()).into_owned();
        decision.add_error(Fault { path: None, message: format!("--bundle {name}: {error:#}") });
    }
    decision
}

/// A bundle from which the verdict cannot be derived again is not written.
fn write(run: &ResolvedRun, saved: Saved, decision: &Decision, path: &Path) -> Result<()> {
    let bundle = pack(run, saved, decision)?;
    if recompute(&bundle)? != bundle.file(VERDICT)? {
        bail!("the verdict cannot be derived from it again; did a file change meanwhile?");
    }
    bundle.write(path)?;
    Ok(())
}

fn pack(run: &ResolvedRun, saved: Saved, decision: &Decision) -> Result<Bundle> {
    let request = &run.request;
    let mut bundle = Bundle::default();
    let mut put = |folder: &str, extension: &str, number: usize, bytes: Vec<u8>| {
        let file = format!("{folder}/{number:04}{extension}");
        bundle.add(&file, bytes);
        file
    };
    let policy = pack_policy("policy", &request.policy.text()?, &mut put);
    let waivers = pack_waivers("waivers", &waiver_files::texts(&run.policy, &request.waivers)?, &mut put);
    let before = run.gate_before.as_ref();
    let base_policy = before
        .and_then(|before| before.policy.as_ref())
        .map(|text| pack_policy("base-policy", text, &mut put));
    let base_waivers = before
        .and_then(|before| before.waivers.as_ref())
        .map(|texts| pack_waivers("base-waivers", texts, &mut put));
    let mut reports = Vec::new();
    for (at, report) in saved.reports.iter().enumerate() {
        let mut bytes = serde_json::to_vec(report)?;
        bytes.push(b'\n');
        reports.push(Packed { name: report.name.clone(), file: put("reports", ".json", at + 1, bytes) });
    }
    let mut documents = Vec::new();
    for (at, document) in saved.documents.into_iter().enumerate() {
        let SavedDocument { name, entries, source } = document;
        // One that cannot be read is told so by the verdict, and is packed as nothing, which cannot be read either.
        let bytes = source.bytes(MAX_DOCUMENT).unwrap_or_default();
        documents.push(PackedDocument { name, entries, file: put("documents", "", at + 1, bytes) });
    }
    let baseline = match &request.base.baseline {
        None => None,
        Some(path) => {
            let bytes = Source::File(path.clone()).bytes(MAX_DOCUMENT)?;
            let name = path.to_string_lossy().into_owned();
            Some(Packed { name, file: put("base", ".jsonl", 1, bytes) })
        }
    };
    let codeowners = match &run.context().shown.codeowners {
        None => None,
        Some(file) => {
            let bytes = Source::File(file.path.clone().into()).bytes(MAX_DOCUMENT)?;
            Some(Packed { name: file.path.clone(), file: put("owners", "", 1, bytes) })
        }
    };
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        secgate: env!("CARGO_PKG_VERSION").to_owned(),
        gate: decision.gate.clone(),
        context: run.context().clone(),
        max_findings: request.limits.max_findings,
        policy,
        waivers,
        base_policy,
        base_waivers,
        seen_before: before.and_then(|before| before.seen.clone()),
        reports,
        documents,
        base: saved.base,
        baseline,
        codeowners,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    bundle.add(MANIFEST, text);
    bundle.add(VERDICT, json(decision)?);
    Ok(bundle)
}

/// Puts a file into a folder of the bundle by its extension and number, and says what it is called there.
type Put<'p> = dyn FnMut(&str, &str, usize, Vec<u8>) -> String + 'p;

fn pack_policy(folder: &str, text: &PolicyText, put: &mut Put<'_>) -> PolicyFile {
    let file = put(folder, ".yaml", 0, text.bytes.clone());
    let names = text.beside.iter().enumerate().map(|(at, (asked, got))| match got.clone() {
        Ok((name, bytes)) => {
            let file = Some(put(folder, "", at + 1, bytes));
            Named { asked: asked.clone(), name, file, error: None }
        }
        Err(error) => Named { asked: asked.clone(), name: String::new(), file: None, error: Some(error) },
    });
    let names = names.collect();
    PolicyFile { source: text.source.clone(), file, names }
}

fn pack_waivers(folder: &str, texts: &[(String, Vec<u8>)], put: &mut Put<'_>) -> Vec<Packed> {
    let texts = texts.iter().enumerate();
    texts
        .map(|(at, (name, bytes))| Packed {
            name: name.clone(),
            file: put(folder, ".yaml", at + 1, bytes.clone()),
        })
        .collect()
}

/// The verdict as `secgate check --format json` writes it.
fn json(decision: &Decision) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let output = Output::by_id("json").context("there is no JSON output")?;
    output.write(decision, Look::PLAIN, &mut bytes)?;
    Ok(bytes)
}

/// Reads a bundle and checks that nothing in it was changed.
pub(crate) fn read(path: &Path) -> Result<Bundle> {
    let name = clean(&path.to_string_lossy()).into_owned();
    Bundle::read(path).map_err(|error| anyhow!("{name}: {error}"))
}

/// The verdict of a bundle, which must be what its evidence leads to.
pub(crate) fn recomputed(bundle: &Bundle) -> Result<Vec<u8>> {
    let saved = bundle.file(VERDICT)?;
    let again = recompute(bundle)?;
    if again == saved {
        return Ok(again);
    }
    bail!("{VERDICT}: is not what the evidence leads to: {}", difference(saved, &again))
}

/// In what a verdict differs from what is derived: the first things that a person would look at, else the first byte.
fn difference(saved: &[u8], again: &[u8]) -> String {
    let verdicts = [saved, again].map(|bytes| serde_json::from_slice::<Value>(bytes).unwrap_or_default());
    let [was, is] = &verdicts;
    let told = of_verdicts(was, is);
    if !told.is_empty() {
        return told.join("; ");
    }
    let at = again.iter().zip(saved).take_while(|(ours, theirs)| ours == theirs).count();
    let part = |bytes: &[u8]| {
        let from = at.saturating_sub(30);
        let text = String::from_utf8_lossy(bytes.get(from..bytes.len().min(at + 40)).unwrap_or_default());
        clean_line(&text).into_owned()
    };
    format!("at byte {at} it says `{}`, and what is derived says `{}`", part(saved), part(again))
}

/// Differences of the verdict itself, of files, and of rules with why.
fn of_verdicts(saved: &Value, again: &Value) -> Vec<String> {
    let text = |value: &Value| clean_line(value.as_str().unwrap_or("nothing")).into_owned();
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut told = Vec::new();
    let (was, is) = (&saved["verdict"], &again["verdict"]);
    if was != is {
        told.push(format!("it says {}, and what is derived is {}", text(was), text(is)));
    }
    for (was, is) in list(saved, "evidence").iter().zip(&list(again, "evidence")) {
        if was["path"] == is["path"] && was["sha256"] != is["sha256"] {
            let (path, was, is) = (text(&was["path"]), text(&was["sha256"]), text(&is["sha256"]));
            told.push(format!("it was reached on {path} of sha256:{was}, and the bundle holds sha256:{is}"));
        }
    }
    for (was, is) in list(saved, "rules").iter().zip(&list(again, "rules")) {
        if was["outcome"] != is["outcome"] {
            let mut why = vec![text(&is["message"])];
            let obligations = list(is, "obligations");
            why.extend(obligations.iter().flat_map(|one| list(one, "not_counted")).map(|one| text(&one)));
            let (id, was, is) = (text(&is["id"]), text(&was["outcome"]), text(&is["outcome"]));
            told.push(format!("rule `{id}`: {was}, and what is derived is {is}: {}", why.join("; ")));
        }
    }
    told.truncate(DIFFERENCES);
    told
}

/// Derives the verdict of a bundle again.
pub(crate) fn recompute(bundle: &Bundle) -> Result<Vec<u8>> {
    let manifest: Manifest = serde_json::from_slice(bundle.file(MANIFEST)?)
        .map_err(|error| anyhow!("{MANIFEST}: is not as secgate writes it: {error}"))?;
    if manifest.schema != SCHEMA {
        bail!("{MANIFEST}: `schema` is not {SCHEMA}");
    }
    let ours = env!("CARGO_PKG_VERSION");
    if manifest.secgate != ours {
        bail!(
            "was made by secgate {}, and this is {ours}: another version may decide otherwise; use that one",
            clean(&manifest.secgate)
        );
    }
    let mut context = manifest.context;
    if let Some(packed) = &manifest.codeowners {
        context.owners = Owners::parse(&String::from_utf8_lossy(bundle.file(&packed.file)?));
    }
    let policy = policy_text(&manifest.policy, bundle)?.load()?;
    let files = waiver_files::parse(&texts(&manifest.waivers, bundle)?, &policy, context.now)?;
    let waivers = policy::waiver::unite(files).map_err(|message| anyhow!(message))?;
    let before = GateBefore {
        policy: manifest.base_policy.as_ref().map(|packed| policy_text(packed, bundle)).transpose()?,
        waivers: manifest.base_waivers.as_ref().map(|packed| texts(packed, bundle)).transpose()?,
        seen: manifest.seen_before,
    };
    if before.policy.is_some() || before.waivers.is_some() || before.seen.is_some() {
        context.own_gate = Some(before.compare(&policy, &waivers, context.now)?);
    }
    let waivers = Waivers::new(waivers);
    let mut saved = Saved::default();
    for report in &manifest.reports {
        let report: SavedReport = serde_json::from_slice(bundle.file(&report.file)?)
            .map_err(|error| anyhow!("{}: is not as secgate writes it: {error}", clean(&report.file)))?;
        saved.reports.push(report);
    }
    for document in manifest.documents {
        let source = Source::Bytes(bundle.file(&document.file)?.into());
        saved.documents.push(SavedDocument { name: document.name, entries: document.entries, source });
    }
    let comparison = manifest
        .base
        .map(|base| Comparison { base: Base::settled(base.fixed, base.left_alone), sources: base.sources });
    let inputs = Inputs {
        policy: &policy,
        waivers: &waivers,
        source: EvidenceSource::Saved(&saved),
        roots: &[],
        comparison: comparison.as_ref(),
        secret_key: None,
    };
    let limits =
        Limits { max_report: u64::MAX >> 1, max_stdin: 0, max_findings: manifest.max_findings.max(1) };
    let decision = crate::check(inputs, &context, limits).map_err(|faults| {
        anyhow!(faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; "))
    })?;
    json(&decision)
}

/// A policy and the files that it names.
fn policy_text(packed: &PolicyFile, bundle: &Bundle) -> Result<PolicyText> {
    let mut beside = BTreeMap::new();
    for Named { asked, name, file, error } in &packed.names {
        let got = match file {
            Some(file) => Ok((name.clone(), bundle.file(file)?.to_vec())),
            None => Err(error.clone().unwrap_or_default()),
        };
        beside.insert(asked.clone(), got);
    }
    Ok(PolicyText { source: packed.source.clone(), bytes: bundle.file(&packed.file)?.to_vec(), beside })
}

/// Names and bytes of files.
fn texts(packed: &[Packed], bundle: &Bundle) -> Result<Vec<(String, Vec<u8>)>> {
    packed.iter().map(|one| Ok((one.name.clone(), bundle.file(&one.file)?.to_vec()))).collect()
}

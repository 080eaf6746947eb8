//! Bundles of evidence: what a run decided on, packed so that the same verdict can be derived from it again.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::beside::{Beside, BesideRole, held, inherited, parent_policies};
use super::codeowners::CodeownersText;
use super::gate_before::{FilesBefore, GateBefore, PriorFindings};
use super::policy_source::PolicyText;
use super::waiver_files;
use super::{KeptEvidence, ResolvedRun};
use crate::attest::bundle::Bundle;
use crate::attest::verdict::VerdictFacts;
use crate::decide::{Context, Decision, GateVerdict, GivenBase, Outcome, RunError, source_word};
use crate::evidence_snapshot::{EvidenceSnapshot, SavedBase, SavedDocument, SavedReport};
use crate::finding::{clean, clean_line, hex};
use crate::gather::Limits;
use crate::policy::waiver::Waiver;
use crate::policy::{self, BaseSource, Policy};
use crate::relate::{Base, Owners};
use crate::render::{Look, OutputFormat};
use crate::replay::{PastVerdict, RunDescription};
use crate::report::Source;

const SCHEMA: &str = "secgate/bundle/v1";
const MANIFEST: &str = "bundle.json";
/// The verdict in a bundle.
pub(crate) const VERDICT: &str = "verdict.json";
/// Largest document or feed that is packed.
const MAX_DOCUMENT: u64 = 1 << 30;

/// Differences between a verdict and what is derived that are told.
const DIFFERENCES: usize = 6;

/// Roles of the files of a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: String,
    secgate: String,
    gate: String,
    context: Context,
    max_findings: usize,
    policy: BundledPolicyFile,
    waivers: Vec<Packed>,
    /// The policy before the change, where the gate was compared with it.
    base_policy: Option<BundledPolicyFile>,
    /// The waiver files before the change, where there was something to compare with.
    base_waivers: Option<Vec<Packed>>,
    /// Facts about the project before the change.
    seen_before: Option<PriorFindings>,
    reports: Vec<Packed>,
    documents: Vec<PackedDocument>,
    base: Option<SavedBase>,
    /// Files of which a problem speaks and that the change leaves alone; none where there is no diff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_alone: Option<Vec<String>>,
    /// The baseline, as it was read; what came of it is in `base` and in the findings.
    baseline: Option<Packed>,
    codeowners: Option<Packed>,
    /// The gates beside it, whose verdicts count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    besides: Vec<PackedBeside>,
}

/// The evidence of a gate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedEvidence {
    context: Context,
    reports: Vec<Packed>,
    documents: Vec<PackedDocument>,
    base: Option<SavedBase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_alone: Option<Vec<String>>,
}

/// A gate that decides on the same evidence: that of before the change, else the next of those that the policy extends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedBeside {
    role: BesideRole,
    waivers: Vec<Packed>,
    /// Who owned which file for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codeowners: Option<Packed>,
    /// None where it could not decide.
    evidence: Option<PackedEvidence>,
    /// Its verdict then.
    undecided: Option<GateVerdict>,
    besides: Vec<PackedBeside>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BundledPolicyFile {
    source: String,
    file: String,
    /// Files that it names.
    names: Vec<BundledPolicyName>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BundledPolicyName {
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

/// Decides and writes the bundle at a path, from where it is moved to `place`; what keeps it from being written is part of
/// the decision.
pub(crate) fn decide_and_pack(run: &ResolvedRun, path: &Path, place: &Path) -> Decision {
    let mut kept = KeptEvidence::default();
    let mut decision = run.decide_and_keep(&mut kept);
    // Where no file was read there is no evidence, and the decision says why.
    if kept.saved.get().is_some()
        && let Err(error) = write(run, kept, &decision, path)
    {
        let name = clean(&place.to_string_lossy()).into_owned();
        let mut said = super::diagnostics::said(&error.context(format!("--bundle {name}")));
        said.message = said.message.replace(&*clean(&path.to_string_lossy()), &name);
        decision.add_error(RunError::of(None, &said));
    }
    decision
}

/// A bundle from which the verdict cannot be derived again is not written.
fn write(run: &ResolvedRun, kept: KeptEvidence, decision: &Decision, path: &Path) -> Result<()> {
    let bundle = pack(run, kept, decision)?;
    if recompute(&bundle)? != bundle.file(VERDICT)? {
        bail!("the verdict cannot be derived from it again; did a file change meanwhile?");
    }
    bundle.write(path)?;
    Ok(())
}

fn pack(run: &ResolvedRun, kept: KeptEvidence, decision: &Decision) -> Result<Bundle> {
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
    let KeptEvidence { saved, besides } = kept;
    let mut shelf = Shelf { put: &mut put, reports: Vec::new(), documents: Vec::new(), owners: Vec::new() };
    let PackedEvidence { context, reports, documents, base, left_alone } =
        shelf.evidence(run.context(), saved.into_inner().unwrap_or_default())?;
    let besides = shelf.besides(&run.besides, besides)?;
    let baseline = run.kept.baseline.as_ref().map(|text| Packed {
        name: text.path.to_string_lossy().into_owned(),
        file: put("base", ".jsonl", 1, text.bytes.to_vec()),
    });
    let codeowners = run
        .kept
        .codeowners
        .as_ref()
        .map(|file| Packed { name: file.name.clone(), file: put("owners", "", 1, file.bytes.clone()) });
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        secgate: env!("CARGO_PKG_VERSION").to_owned(),
        gate: decision.gate.clone(),
        context,
        max_findings: request.limits.max_findings,
        policy,
        waivers,
        base_policy,
        base_waivers,
        seen_before: before.and_then(|before| before.seen.clone()),
        reports,
        documents,
        base,
        left_alone,
        baseline,
        codeowners,
        besides,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    bundle.add(MANIFEST, text);
    bundle.add(VERDICT, json(decision)?);
    Ok(bundle)
}

/// Puts evidence into the bundle, what two gates read alike once.
struct Shelf<'b> {
    put: &'b mut BundleWriter<'b>,
    reports: Vec<(Vec<u8>, String)>,
    documents: Vec<(Vec<u8>, String)>,
    owners: Vec<(Vec<u8>, String)>,
}

impl Shelf<'_> {
    fn evidence(&mut self, context: &Context, mut saved: EvidenceSnapshot) -> Result<PackedEvidence> {
        let mut reports = Vec::new();
        for report in &saved.reports {
            let mut bytes = serde_json::to_vec(report)?;
            bytes.push(b'\n');
            let file = once(&mut self.reports, bytes, |at, bytes| (self.put)("reports", ".json", at, bytes));
            reports.push(Packed { name: report.name.clone(), file });
        }
        let mut documents = Vec::new();
        for SavedDocument { name, entries, source } in std::mem::take(&mut saved.documents) {
            // One that cannot be read is told so by the verdict, and is packed as nothing, which cannot be read either.
            let bytes = source.bytes(MAX_DOCUMENT).unwrap_or_default();
            let file = once(&mut self.documents, bytes, |at, bytes| (self.put)("documents", "", at, bytes));
            documents.push(PackedDocument { name, entries, file });
        }
        let EvidenceSnapshot { base, left_alone, .. } = saved;
        Ok(PackedEvidence { context: context.clone(), reports, documents, base, left_alone })
    }

    fn besides(&mut self, besides: &[Beside], kept: Vec<KeptEvidence>) -> Result<Vec<PackedBeside>> {
        let mut packed = Vec::new();
        for ((number, Beside { role, gate }), kept) in besides.iter().enumerate().zip(kept) {
            let KeptEvidence { saved, besides } = kept;
            let mut one = PackedBeside {
                role: *role,
                waivers: Vec::new(),
                codeowners: None,
                evidence: None,
                undecided: gate.as_ref().err().cloned(),
                besides: Vec::new(),
            };
            if let Ok(run) = gate {
                let folder = format!("waivers-beside-{number}");
                one.waivers = pack_waivers(&folder, &run.waiver_texts, self.put);
                one.codeowners = run.kept.codeowners.clone().map(|CodeownersText { name, bytes }| {
                    let file =
                        once(&mut self.owners, bytes, |at, bytes| (self.put)("owners-beside", "", at, bytes));
                    Packed { name, file }
                });
                match saved.into_inner() {
                    Some(saved) => one.evidence = Some(self.evidence(run.context(), saved)?),
                    // Nothing was read, and the decision says why.
                    None => one.undecided = Some(GateVerdict::of_decision(&run.decide(None))),
                }
                one.besides = self.besides(&run.besides, besides)?;
            }
            packed.push(one);
        }
        Ok(packed)
    }
}

/// The file that holds these bytes; what is new is put under the next number.
fn once(
    known: &mut Vec<(Vec<u8>, String)>,
    bytes: Vec<u8>,
    put: impl FnOnce(usize, Vec<u8>) -> String,
) -> String {
    if let Some((_, file)) = known.iter().find(|(held, _)| *held == bytes) {
        return file.clone();
    }
    let file = put(known.len() + 1, bytes.clone());
    known.push((bytes, file.clone()));
    file
}

/// Puts a file into a folder of the bundle by its extension and number, and says what it is called there.
type BundleWriter<'p> = dyn FnMut(&str, &str, usize, Vec<u8>) -> String + 'p;

fn pack_policy(folder: &str, text: &PolicyText, put: &mut BundleWriter<'_>) -> BundledPolicyFile {
    let file = put(folder, ".yaml", 0, text.bytes.clone());
    let names = text.beside.iter().enumerate().map(|(at, (asked, got))| match got.clone() {
        Ok((name, bytes)) => {
            let file = Some(put(folder, "", at + 1, bytes));
            BundledPolicyName { asked: asked.clone(), name, file, error: None }
        }
        Err(error) => {
            BundledPolicyName { asked: asked.clone(), name: String::new(), file: None, error: Some(error) }
        }
    });
    let names = names.collect();
    BundledPolicyFile { source: text.source.clone(), file, names }
}

fn pack_waivers(folder: &str, texts: &[(String, Vec<u8>)], put: &mut BundleWriter<'_>) -> Vec<Packed> {
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
    let output = OutputFormat::by_id("json").context("there is no JSON output")?;
    output.write(decision, Look::PLAIN, &mut bytes)?;
    Ok(bytes)
}

/// Reads a bundle and checks that nothing in it was changed.
pub(crate) fn read_bundle(path: &Path) -> Result<Bundle> {
    let name = clean(&path.to_string_lossy()).into_owned();
    Bundle::open(path).map_err(|error| anyhow!("{name}: {error}"))
}

/// The verdict of a bundle, which its evidence leads to.
pub(crate) struct RecomputedVerdict {
    /// The verdict in the bundle.
    pub(crate) file: Vec<u8>,
    /// What has to be said where another version made it.
    pub(crate) by_other_version: Option<String>,
}

/// The verdict of a bundle, which must be what its evidence leads to. Another version has to come to the same in all that
/// it says too; what it says more is told.
pub(crate) fn recomputed(bundle: &Bundle) -> Result<RecomputedVerdict> {
    let saved = bundle.file(VERDICT)?;
    let (made_by, ours) = (manifest(bundle)?.secgate, env!("CARGO_PKG_VERSION"));
    let again = recompute(bundle);
    let versions = format!("was made by secgate {}, and this is {ours}", clean_line(&made_by));
    if made_by == ours {
        let again = again?;
        if again != saved {
            bail!("{VERDICT}: is not what the evidence leads to: {}", difference(saved, &again));
        }
        return Ok(RecomputedVerdict { file: again, by_other_version: None });
    }
    let again = again.with_context(|| versions.clone())?;
    let mut compared = VersionDifferences::default();
    let [was, is] = [saved, again.as_slice()].map(serde_json::from_slice::<Value>);
    let (was, is) = (was.with_context(|| format!("{VERDICT}: is not JSON"))?, is?);
    compared.compare("$", &was, &is);
    if !compared.changed.is_empty() {
        let told = of_verdicts(&was, &is);
        let told = if told.is_empty() { compared.changed } else { told };
        bail!("{VERDICT}: {versions}, which comes to something else: {}", shortened(told));
    }
    let more = if compared.added.is_empty() {
        String::new()
    } else {
        format!("; it says more: {}", shortened(compared.added))
    };
    let remark = format!("{versions}, which derives the same verdict{more}");
    Ok(RecomputedVerdict { file: saved.to_vec(), by_other_version: Some(remark) })
}

/// The first of several differences.
fn shortened(mut told: Vec<String>) -> String {
    let all = told.len();
    told.truncate(DIFFERENCES);
    let more = if all > told.len() { format!("; and {} more", all - told.len()) } else { String::new() };
    told.join("; ") + &more
}

/// Differences between the verdicts of two versions on the same evidence.
#[derive(Default)]
struct VersionDifferences {
    changed: Vec<String>,
    /// Keys that only the later one has.
    added: Vec<String>,
}

/// Keys that say nothing of the decision: the version, and where texts stand.
const OF_VERSION: [&str; 2] = ["$.secgate", "$.text_from_report"];

impl VersionDifferences {
    fn compare(&mut self, path: &str, was: &Value, is: &Value) {
        if was == is || OF_VERSION.contains(&path) {
            return;
        }
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                for (key, value) in was {
                    let path = format!("{path}.{}", clean_line(key));
                    match is.get(key) {
                        Some(now) => self.compare(&path, value, now),
                        None => self.changed.push(format!("{path}: is not said any more")),
                    }
                }
                let added = is.keys().filter(|key| !was.contains_key(*key));
                self.added.extend(added.map(|key| format!("{path}.{}", clean_line(key))));
            }
            (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
                for (at, (was, is)) in was.iter().zip(is).enumerate() {
                    self.compare(&format!("{path}[{at}]"), was, is);
                }
            }
            _ => {
                let shown = |value: &Value| {
                    let text = value.to_string();
                    let short: String = text.chars().take(60).collect();
                    clean_line(&short).into_owned()
                };
                self.changed.push(format!("{path}: {}, and now {}", shown(was), shown(is)));
            }
        }
    }
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

/// What another policy decides on.
pub(crate) struct BundledEvidence {
    /// Context of the run, its own clock in it.
    pub(crate) context: Context,
    /// Names and bytes of its waiver files.
    pub(crate) waivers: Vec<(String, Vec<u8>)>,
    /// The evidence as it was read.
    pub(crate) saved: EvidenceSnapshot,
    /// What it was compared with.
    pub(crate) comparison: Option<GivenBase>,
}

/// Takes a bundle apart, for a policy that need not be its own. It may be of another version, as long as its files are
/// understood.
pub(crate) fn evidence_of(bundle: &Bundle) -> Result<BundledEvidence> {
    let manifest = manifest(bundle)?;
    check_digests(&manifest, bundle)?;
    let mut context = manifest.context;
    if let Some(packed) = &manifest.codeowners {
        context.owners = owners(bundle, packed)?;
    }
    let waivers = texts(&manifest.waivers, bundle)?;
    let (reports, documents, left_alone) = (manifest.reports, manifest.documents, manifest.left_alone);
    let mut saved = unpack_snapshot(bundle, &reports, documents, left_alone)?;
    saved.base.clone_from(&manifest.base);
    Ok(BundledEvidence { context, waivers, saved, comparison: manifest.base.map(settled) })
}

/// The verdict that a bundle was written with.
pub(crate) fn recorded_verdict(bundle: &Bundle) -> Option<PastVerdict> {
    #[derive(Deserialize)]
    struct Recorded {
        verdict: Outcome,
        exit_code: u8,
    }
    let recorded: Recorded = serde_json::from_slice(bundle.file(VERDICT).ok()?).ok()?;
    Some(PastVerdict { verdict: recorded.verdict, let_through: recorded.exit_code == crate::exit::PASS })
}

/// A bundle as what was released by it.
pub(crate) struct ReleasedBundle {
    /// Context of the run, its own clock in it.
    pub(crate) context: Context,
    /// The policy that decided, and those that it extends, each with the waivers that hold now.
    pub(crate) policies: Vec<(Policy, Vec<Waiver>)>,
    /// The evidence as it was read.
    pub(crate) saved: EvidenceSnapshot,
    /// What was decided.
    pub(crate) verdict: VerdictFacts,
}

/// Takes a bundle apart, for a decision of its own gate at another time.
pub(crate) fn released(bundle: &Bundle, now: Timestamp) -> Result<ReleasedBundle> {
    let verdict =
        VerdictFacts::parse(bundle.file(VERDICT)?).map_err(|error| anyhow!("{VERDICT}: {error}"))?;
    let manifest = manifest(bundle)?;
    let text = policy_text(&manifest.policy, bundle)?;
    let policy = text.load()?;
    let files = waiver_files::parse(&texts(&manifest.waivers, bundle)?, &policy, now)?;
    let waivers = policy::waiver::unite(files).map_err(|message| anyhow!(message))?;
    let mut policies = Vec::new();
    for parent in parent_policies(&text, &policy)? {
        let waivers = inherited(&waivers, &policy, &parent);
        policies.push((parent, waivers));
    }
    policies.insert(0, (policy, waivers));
    let BundledEvidence { context, saved, .. } = evidence_of(bundle)?;
    Ok(ReleasedBundle { context, policies, saved, verdict })
}

/// The policy that a bundle was decided by, with all that it names.
pub(super) fn policy_of(bundle: &Bundle) -> Result<PolicyText> {
    policy_text(&manifest(bundle)?.policy, bundle)
}

/// What a bundle says of the run that wrote it.
pub(crate) fn description_of(bundle: &Bundle) -> Result<RunDescription> {
    let manifest = manifest(bundle)?;
    let shown = manifest.context.shown;
    let number = |url: &String| url.rsplit('/').next()?.parse().ok();
    Ok(RunDescription {
        pipeline: shown.pipeline_url.as_ref().and_then(number),
        project: shown.project,
        commit: shown.commit,
        author: shown.author,
        time: Some(manifest.context.now.to_string()),
        gate: Some(manifest.gate),
        params: manifest.context.parameters,
        ..RunDescription::default()
    })
}

/// The outcome of a comparison, as a base that knows nothing else.
pub(super) fn settled(base: SavedBase) -> GivenBase {
    GivenBase {
        base: Base::settled(base.fixed, base.more_suppressed),
        sources: base.sources,
        // The kept evidence lists it.
        left_out: Vec::new(),
    }
}

fn manifest(bundle: &Bundle) -> Result<Manifest> {
    let manifest: Manifest = serde_json::from_slice(bundle.file(MANIFEST)?)
        .map_err(|error| anyhow!("{MANIFEST}: is not as secgate writes it: {error}"))?;
    if manifest.schema != SCHEMA {
        bail!("{MANIFEST}: `schema` is not {SCHEMA}");
    }
    Ok(manifest)
}

/// Derives the verdict of a bundle again.
pub(crate) fn recompute(bundle: &Bundle) -> Result<Vec<u8>> {
    let manifest = manifest(bundle)?;
    check_digests(&manifest, bundle)?;
    let mut context = manifest.context;
    if let Some(packed) = &manifest.codeowners {
        context.owners = Owners::parse(&String::from_utf8_lossy(bundle.file(&packed.file)?));
    }
    let text = policy_text(&manifest.policy, bundle)?;
    let policy = text.load()?;
    let files = waiver_files::parse(&texts(&manifest.waivers, bundle)?, &policy, context.now)?;
    let waivers = policy::waiver::unite(files).map_err(|message| anyhow!(message))?;
    let mut before = GateBefore {
        policy: manifest.base_policy.as_ref().map(|packed| policy_text(packed, bundle)).transpose()?,
        waivers: manifest.base_waivers.as_ref().map(|packed| texts(packed, bundle)).transpose()?,
        seen: manifest.seen_before,
        files: FilesBefore::default(),
    };
    if before.policy.is_some() || before.waivers.is_some() || before.seen.is_some() {
        context.own_gate = Some(before.compare(&policy, &waivers, context.now)?);
    }
    let former = before.policy.take();
    let limits =
        Limits { max_report: u64::MAX >> 1, max_stdin: 0, max_findings: manifest.max_findings.max(1) };
    let evidence = PackedEvidence {
        context,
        reports: manifest.reports,
        documents: manifest.documents,
        base: manifest.base,
        left_alone: manifest.left_alone,
    };
    let mut run = unpack(bundle, evidence, policy, waivers, limits)?;
    let former = former.as_ref().unwrap_or(&text);
    run.besides = unpack_besides(bundle, &run, (&text, former), manifest.besides)?;
    json(&run.decide(None))
}

/// The files that decide nothing again, because only what came of them does, must be those whose digests the verdict states.
fn check_digests(manifest: &Manifest, bundle: &Bundle) -> Result<()> {
    let sources = manifest.base.iter().flat_map(|base| &base.sources);
    let known = sources.filter(|source| source.kind == source_word(BaseSource::Baseline));
    let baselines = known.map(|source| (manifest.baseline.as_ref(), &source.sha256, "baseline"));
    let owners = manifest.context.shown.codeowners.iter();
    let owners = owners.map(|file| (manifest.codeowners.as_ref(), &file.sha256, "CODEOWNERS file"));
    let beside = owners_beside(&manifest.besides);
    for (packed, sha256, called) in baselines.chain(owners).chain(beside) {
        let Some(packed) = packed else { bail!("{MANIFEST}: lacks the {called} that was decided on") };
        let is = hex(&Sha256::digest(bundle.file(&packed.file)?));
        if is != *sha256 {
            let (file, sha256) = (clean(&packed.file), clean_line(sha256));
            bail!(
                "{file}: is not the {called} that was decided on: that has sha256:{sha256}, this has sha256:{is}"
            );
        }
    }
    Ok(())
}

/// The owners of files for each gate beside, with the digest that its context states.
fn owners_beside(besides: &[PackedBeside]) -> Vec<(Option<&Packed>, &String, &'static str)> {
    let mut found = Vec::new();
    for PackedBeside { codeowners, evidence, besides, .. } in besides {
        if let Some(file) = evidence.as_ref().and_then(|evidence| evidence.context.shown.codeowners.as_ref())
        {
            found.push((codeowners.as_ref(), &file.sha256, "CODEOWNERS file"));
        }
        found.extend(owners_beside(besides));
    }
    found
}

/// A run on evidence that is packed.
fn unpack(
    bundle: &Bundle,
    evidence: PackedEvidence,
    policy: Policy,
    waivers: Vec<Waiver>,
    limits: Limits,
) -> Result<ResolvedRun> {
    let PackedEvidence { context, reports, documents, base, left_alone } = evidence;
    let saved = unpack_snapshot(bundle, &reports, documents, left_alone)?;
    let comparison = base.map(settled);
    Ok(ResolvedRun::of_saved(policy, waivers, saved, context, comparison, limits))
}

/// The evidence that is packed.
fn unpack_snapshot(
    bundle: &Bundle,
    reports: &[Packed],
    documents: Vec<PackedDocument>,
    left_alone: Option<Vec<String>>,
) -> Result<EvidenceSnapshot> {
    let mut saved = EvidenceSnapshot { left_alone, ..EvidenceSnapshot::default() };
    for report in reports {
        let report: SavedReport = serde_json::from_slice(bundle.file(&report.file)?)
            .map_err(|error| anyhow!("{}: is not as secgate writes it: {error}", clean(&report.file)))?;
        saved.reports.push(report);
    }
    for PackedDocument { name, entries, file } in documents {
        let source = Source::Bytes(bundle.file(&file)?.into());
        saved.documents.push(SavedDocument { name, entries, source });
    }
    Ok(saved)
}

/// The gates beside a run; `texts` are those of its policy and of the one before the change.
fn unpack_besides(
    bundle: &Bundle,
    run: &ResolvedRun,
    (own, former): (&PolicyText, &PolicyText),
    packed: Vec<PackedBeside>,
) -> Result<Vec<Beside>> {
    let mut parents = parent_policies(own, &run.policy)?.into_iter();
    let mut besides = Vec::new();
    for PackedBeside { role, waivers, codeowners, evidence, undecided, besides: more } in packed {
        let policy = match role {
            BesideRole::Former => former.load()?,
            BesideRole::Parent => parents.next().context("it has a gate too many beside its own")?,
        };
        let gate = match (evidence, undecided) {
            (Some(mut evidence), None) => {
                let waivers = match role {
                    BesideRole::Former => held(&texts(&waivers, bundle)?, &policy, run),
                    BesideRole::Parent => inherited(run.waivers.list(), &run.policy, &policy),
                };
                if let Some(packed) = &codeowners {
                    evidence.context.owners = owners(bundle, packed)?;
                }
                let mut gate = unpack(bundle, evidence, policy, waivers, run.request.limits)?;
                gate.besides = unpack_besides(bundle, &gate, (former, former), more)?;
                Ok(Box::new(gate))
            }
            (None, Some(said)) if said.verdict == Outcome::Error => Err(said),
            _ => {
                bail!("{MANIFEST}: says of a gate beside its own neither its evidence nor why there is none")
            }
        };
        besides.push(Beside { role, gate });
    }
    if parents.next().is_some() {
        bail!("{MANIFEST}: lacks a policy that the one that decided extends");
    }
    Ok(besides)
}

/// Who owns which file, by a file of the bundle.
fn owners(bundle: &Bundle, packed: &Packed) -> Result<Owners> {
    Ok(Owners::parse(&String::from_utf8_lossy(bundle.file(&packed.file)?)))
}

/// A policy and the files that it names.
fn policy_text(packed: &BundledPolicyFile, bundle: &Bundle) -> Result<PolicyText> {
    let mut beside = BTreeMap::new();
    for BundledPolicyName { asked, name, file, error } in &packed.names {
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

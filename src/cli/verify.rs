//! `secgate verify`: who signed what, and whether the gates passed one after the other for one artifact.

pub(super) mod range;
mod signer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::args::clock;
use super::attest::bytes;
use crate::attest::chain::{
    self, NamedKey, Project, SignedVerdict, TrustedSigner, VerdictRequirement, VerdictTarget,
};
use crate::attest::release_range::ReleaseRange;
use crate::attest::statement::{digest_algorithm, digest_hex};
use crate::attest::verdict::{GateDecision, VerdictFacts, is_artifact_digest};
use crate::attest::{ClockSource, PublicKey, TrustedRoots, key};
use crate::exit;
use crate::finding::{CLOCK_SKEW, clean, clean_line, hex, is_lower_sha256};
use crate::report::{Source, read_image_index};
use crate::run::{parse_commit, read_bundle, recomputed};

/// Largest image index.
const MAX_INDEX: u64 = 16 << 20;

/// What is asked of verdicts, and --artifact looks at none.
const OF_VERDICTS: [&str; 13] = [
    "recompute",
    "subject",
    "commit",
    "chain",
    "range",
    "verdict",
    "policy",
    "project",
    "param",
    "max_age",
    "machine_clock",
    "merge_requests",
    "image_index",
];

/// Check signed verdicts: signatures, what they are about, and the chain of gates
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 verified; 1 not verified, for whatever reason, a file that cannot be read among them; 2 a key or \
                  an option is wrong."
)]
pub(super) struct VerifyArgs {
    /// Attestations: DSSE envelopes, one or several a file
    #[arg(value_name = "FILE", required_unless_present = "recompute")]
    files: Vec<PathBuf>,

    /// A public key (SPKI in PEM) that may have signed; each statement needs one of them
    #[arg(long, value_name = "FILE", required_unless_present_any = ["recompute", "identity"])]
    key: Vec<PathBuf>,

    /// An identity that may have signed, as a certificate of Sigstore has it; `*` stays between two `/`, `**` crosses
    /// them
    #[arg(long, value_name = "GLOB", requires = "issuer")]
    identity: Vec<String>,

    /// The OpenID provider that vouched for the identity, such as `https://gitlab.com`
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,

    /// Further claims of the certificate, such as `source_repository_ref=refs/heads/main`
    #[arg(long, value_name = "CLAIM=GLOB", requires = "identity")]
    claim: Vec<String>,

    /// What certificates must lead to and which logs count: `sigstore` (default), `github`, or a `trusted_root.json`
    #[arg(long, value_name = "FILE|NAME")]
    trusted_root: Option<String>,

    /// What FILE must be the signature of, or a signed statement about: a file or its digest. Then FILE need hold no
    /// verdict
    #[arg(long, value_name = "PATH|sha256:HEX|sha512:HEX", requires = "files", conflicts_with_all = OF_VERDICTS)]
    artifact: Option<String>,

    /// Derive the verdict of a bundle of evidence again and compare it byte for byte; with FILE and --key, one of the
    /// signed verdicts must be this one and must name this bundle
    #[arg(long, value_name = "DIR|FILE.tar")]
    recompute: Vec<PathBuf>,

    /// The artifact that the verdicts must be about
    #[arg(long, value_name = "[NAME@]sha256:HEX")]
    subject: Option<String>,

    /// The commit that the verdicts, or the merge gate's, must be about
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,

    /// The image index or manifest list that --subject names or is in: a verdict about the index is one about each of its
    /// images, and each image needs its chain; any number of times
    #[arg(long, value_name = "FILE", requires_all = ["subject", "chain"])]
    image_index: Vec<PathBuf>,

    /// Gates that must have passed in this order: `merge` for the commit that was built, the others for the artifact
    #[arg(long, value_name = "GATE,…", value_delimiter = ',')]
    chain: Vec<String>,

    /// The commits of a release, after FROM and up to TO: each needs a verdict of the gate `merge`. `..TO` for a first release
    #[arg(long, value_name = "FROM..TO", requires_all = ["files", "commits"])]
    range: Option<String>,

    /// The commits of --range: what `git log --first-parent --format='%H %T %P' FROM..TO` prints, or GitLab's API answers
    #[arg(long, value_name = "FILE", requires = "range")]
    commits: Option<PathBuf>,

    /// Merge requests as GitLab's API answers them: the head of one has the verdict of the commit as which it landed; any
    /// number of times
    #[arg(long, value_name = "FILE", requires = "range")]
    merge_requests: Vec<PathBuf>,

    /// Verdicts that will do [default: pass]
    #[arg(long, value_name = "WORD,…", value_delimiter = ',', value_enum)]
    verdict: Option<Vec<RequiredGate>>,

    /// A policy that may have decided; any number of times
    #[arg(long, value_name = "sha256:HEX")]
    policy: Vec<String>,

    /// The project whose gates must have decided, as `context.project` of the verdicts says; without it those of a chain
    /// must at least be of one project
    #[arg(long, value_name = "GROUP/PROJECT")]
    project: Option<String>,

    /// The value of a parameter that the gates must have decided with; a chain wants one for each parameter that its
    /// verdicts name
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<String>,

    /// Oldest verdict, such as 72h or 7d
    #[arg(long, value_name = "AGE")]
    max_age: Option<String>,

    /// Refuse verdicts whose own clock was pinned, or that do not say
    #[arg(long)]
    machine_clock: bool,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RequiredGate {
    Pass,
    Review,
    Fail,
}

/// Requirements from the flags.
struct VerdictRequirements {
    artifact: Option<String>,
    commit: Option<String>,
    words: Vec<GateDecision>,
    policies: Vec<String>,
    project: Option<String>,
    parameters: BTreeMap<String, String>,
    max_age: Option<i64>,
    machine_clock: bool,
    now: Timestamp,
    /// The ends of a release.
    range: Option<(Option<String>, String)>,
}

/// Results, line by line.
#[derive(Default)]
struct VerificationOutput {
    lines: String,
    failed: bool,
}

impl VerificationOutput {
    fn good(&mut self, line: &str) {
        let _ = writeln!(self.lines, "[ok]   {line}");
    }

    fn bad(&mut self, line: &str) {
        self.failed = true;
        let _ = writeln!(self.lines, "[FAIL] {line}");
    }

    fn note(&mut self, line: &str) {
        let _ = writeln!(self.lines, "[note] {line}");
    }

    /// Prints what was found, and the end that it comes to where nothing failed.
    fn end(&self, verified: &str) -> Result<u8> {
        let end = if self.failed { "not verified" } else { verified };
        super::print(format!("{}{end}\n", self.lines).as_bytes())?;
        Ok(if self.failed { exit::FAIL } else { exit::PASS })
    }
}

pub(super) fn run(args: &VerifyArgs) -> Result<u8> {
    needs_verdicts(args)?;
    let demands = requirements_from_flags(args)?;
    let roots = signer::roots(args)?;
    let mut keys = public_keys(&args.key)?;
    keys.extend(signer::identity(args, roots.clone())?);
    let mut told = VerificationOutput::default();
    if args.files.is_empty() != keys.is_empty() {
        bail!(
            "FILE and --key or --identity belong together: a signature is checked with a key or an identity"
        );
    }
    let old_root = roots.as_ref().and_then(|roots| roots.age_warning(demands.now));
    if let Some(warning) = old_root.filter(|_| !args.identity.is_empty()) {
        told.note(&warning);
    }
    if let Some(artifact) = &args.artifact {
        signer::of_artifact(args, artifact, &keys, roots.as_ref(), &mut told)?;
        return told.end("verified");
    }
    let verdicts = signed_verdicts(&args.files, &keys, &mut told)?;
    for path in &args.recompute {
        bundle_of(path, &args.files, &verdicts, &mut told);
    }
    if !args.chain.is_empty() {
        for (image, digests) in image_digests(args, &demands)? {
            if let Some(image) = &image {
                told.note(image);
            }
            links(&args.chain, &digests, &verdicts, &demands, &mut told)?;
        }
    } else if !args.files.is_empty() && args.range.is_none() {
        each(&verdicts, &demands, &mut told);
    }
    if let Some(ends) = &demands.range {
        range::of_release(args, ends.clone(), &verdicts, &demands, &mut told);
    }
    told.end(if keys.is_empty() {
        "recomputed; no signature was checked, so nothing shows who made it: give FILE and --key"
    } else {
        "verified"
    })
}

/// Refuses what would be asked of nothing: of verdicts without one, and of an artifact where only a range is looked at.
fn needs_verdicts(args: &VerifyArgs) -> Result<()> {
    let of_one = [
        ("--subject", args.subject.is_some()),
        ("--commit", args.commit.is_some()),
        ("--param", !args.param.is_empty()),
    ];
    let of_any = [
        ("--chain", !args.chain.is_empty()),
        ("--policy", !args.policy.is_empty()),
        ("--project", args.project.is_some()),
        ("--max-age", args.max_age.is_some()),
        ("--machine-clock", args.machine_clock),
        ("--verdict", args.verdict.is_some()),
    ];
    let given =
        |flags: &[(&'static str, bool)]| flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag);
    if args.files.is_empty()
        && let Some(flag) = given(&of_one).or_else(|| given(&of_any))
    {
        bail!("{flag} wants signed verdicts: give FILE, and --key or --identity");
    }
    if args.range.is_some()
        && args.chain.is_empty()
        && let Some(flag) = given(&of_one)
    {
        bail!("{flag} is asked of one verdict, and --range wants many: leave it out, or give --chain");
    }
    Ok(())
}

/// Trusted roots by the name of those that come with secgate, or of a file.
pub(super) fn named_roots(named: &str) -> Result<TrustedRoots> {
    signer::named_roots(named)
}

/// The keys of the command line, named by their files.
pub(super) fn public_keys(paths: &[PathBuf]) -> Result<Vec<NamedKey>> {
    paths
        .iter()
        .map(|path| {
            let name = clean(&path.to_string_lossy()).into_owned();
            let text = bytes(path, key::MAX_PEM as u64)?;
            let text =
                std::str::from_utf8(&text).map_err(|_| anyhow!("--key {name}: is not a key in PEM form"))?;
            let key = PublicKey::from_pem(text).map_err(|error| anyhow!("--key {name}: {error}"))?;
            Ok(NamedKey { name, signer: TrustedSigner::Key(key), validity: None })
        })
        .collect()
}

fn requirements_from_flags(args: &VerifyArgs) -> Result<VerdictRequirements> {
    let digest = |flag: &str, text: &str| {
        let hex = text.rsplit('@').next().and_then(|digest| digest.strip_prefix("sha256:"));
        let hex = hex.map(str::to_ascii_lowercase).filter(|hex| is_lower_sha256(hex));
        hex.ok_or_else(|| {
            anyhow!("{flag} wants sha256: and 64 hexadecimal digits, got `{}`", clean_line(text))
        })
    };
    let word = |wanted: &RequiredGate| match wanted {
        RequiredGate::Pass => GateDecision::Pass,
        RequiredGate::Review => GateDecision::Review,
        RequiredGate::Fail => GateDecision::Fail,
    };
    Ok(VerdictRequirements {
        artifact: args.subject.as_deref().map(subject_digest).transpose()?,
        commit: args.commit.as_deref().map(|text| parse_commit("--commit", text)).transpose()?,
        words: args.verdict.as_deref().unwrap_or(&[RequiredGate::Pass]).iter().map(word).collect(),
        policies: args.policy.iter().map(|text| digest("--policy", text)).collect::<Result<_>>()?,
        project: args.project.clone(),
        parameters: args.param.iter().map(|text| parameter(text)).collect::<Result<_>>()?,
        max_age: args.max_age.as_deref().map(age).transpose()?,
        machine_clock: args.machine_clock,
        now: clock(args.now.as_deref())?,
        range: args
            .range
            .as_deref()
            .map(ReleaseRange::ends)
            .transpose()
            .map_err(|error| anyhow!("--range {error}"))?,
    })
}

/// The hexadecimal digest of `[NAME@]sha256:HEX` or `[NAME@]sha512:HEX`.
fn subject_digest(text: &str) -> Result<String> {
    let (algorithm, hex) =
        text.rsplit('@').next().and_then(|digest| digest.split_once(':')).unwrap_or_default();
    let hex = hex.to_ascii_lowercase();
    if is_artifact_digest(&hex) && digest_algorithm(&hex) == algorithm {
        return Ok(hex);
    }
    bail!("--subject wants sha256: and 64 hexadecimal digits, or sha512: and 128, got `{}`", clean_line(text))
}

/// `NAME=VALUE`.
fn parameter(text: &str) -> Result<(String, String)> {
    let pair = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let (name, value) =
        pair.ok_or_else(|| anyhow!("--param wants NAME=VALUE, got `{}`", clean_line(text)))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Seconds of an age such as `72h`.
fn age(text: &str) -> Result<i64> {
    let unit = |c: char| match c {
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    };
    let split = text.char_indices().next_back().and_then(|(at, c)| Some((text.get(..at)?, unit(c)?)));
    let seconds = split.and_then(|(number, unit)| number.parse::<u32>().ok().map(|n| i64::from(n) * unit));
    seconds
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| anyhow!("--max-age `{}` is not an age such as 72h or 7d", clean_line(text)))
}

/// The verdicts of all files whose signature holds; whatever does not is told.
fn signed_verdicts(
    paths: &[PathBuf],
    keys: &[NamedKey],
    told: &mut VerificationOutput,
) -> Result<Vec<SignedVerdict>> {
    let mut verdicts = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        if path.as_os_str().is_empty() {
            bail!("an empty FILE; is a variable of the script unset?");
        }
        let name = path.to_string_lossy();
        match chain::read_attestations(&name, &Source::File(path.clone())) {
            Err(refused) => told.bad(&format!("{}: {}", refused.place, refused.why)),
            Ok(documents) => {
                for (place, document) in documents {
                    let signed = chain::open(&place, &document, keys);
                    let read = signed.and_then(|signed| {
                        let verdict = signed.verdict().transpose()?;
                        Ok((signed, verdict))
                    });
                    match read {
                        Err(refused) => told.bad(&format!("{}: {}", refused.place, refused.why)),
                        Ok((signed, Some(verdict))) => {
                            // The same statement in two files is one.
                            if seen.insert(signed.payload) {
                                verdicts.push(verdict);
                            }
                        }
                        Ok((signed, None)) => {
                            let kind = clean_line(&signed.statement.predicate_type);
                            told.good(&format!("{place}: a signed statement {kind}, no verdict"));
                        }
                    }
                }
            }
        }
    }
    Ok(verdicts)
}

/// Checks a bundle and derives its verdict again.
fn bundle_of(path: &Path, files: &[PathBuf], verdicts: &[SignedVerdict], told: &mut VerificationOutput) {
    let name = clean(&path.to_string_lossy()).into_owned();
    let checked = read_bundle(path).and_then(|read| {
        let derived = recomputed(&read).with_context(|| name.clone())?;
        Ok((read.digest(), derived))
    });
    let (digest, derived) = match checked {
        Ok(checked) => checked,
        Err(error) => return told.bad(&format!("{error:#}")),
    };
    let sha256 = hex(&Sha256::digest(&derived.file));
    let how = derived.by_other_version.unwrap_or_else(|| "the same verdict byte for byte".to_owned());
    let word = serde_json::from_slice::<serde_json::Value>(&derived.file).ok();
    let word = word.as_ref().and_then(|verdict| verdict.get("verdict")?.as_str()).unwrap_or("no verdict");
    let word = clean_line(word);
    told.good(&format!("{name}: recomputed: {word}; {how}, sha256:{sha256}; bundle sha256:{digest}"));
    if files.is_empty() {
        return;
    }
    let signed = verdicts.iter().find(|one| one.verdict.sha256 == sha256);
    match signed.map(|one| (one, one.verdict.bundle_sha256.as_deref())) {
        None => told.bad(&format!("{name}: none of the signed verdicts is its verdict")),
        Some((one, Some(named))) if named == digest => {
            told.good(&format!("{name}: is the bundle that {} names", one.place));
        }
        Some((one, Some(named))) => {
            told.bad(&format!("{name}: {} names another bundle, sha256:{}", one.place, clean_line(named)));
        }
        Some((one, None)) => {
            told.bad(&format!("{name}: {} names no bundle; sign with: secgate attest --bundle", one.place));
        }
    }
}

/// Every verdict by itself.
fn each(verdicts: &[SignedVerdict], demands: &VerdictRequirements, told: &mut VerificationOutput) {
    if verdicts.is_empty() {
        told.bad("there is no verdict in these files");
    }
    for one in verdicts {
        let verdict = &one.verdict;
        let mut why = Vec::new();
        if let Some(digest) = demands.artifact.as_ref().filter(|digest| !verdict.artifacts.contains(digest)) {
            why.push(format!("it is not about {}:{digest}", digest_algorithm(digest)));
        }
        if let Some(commit) = demands.commit.as_ref().filter(|commit| !verdict.commits.contains(commit)) {
            why.push(format!("it is not about commit {commit}"));
        }
        for (name, value) in
            demands.parameters.iter().filter(|(name, _)| !verdict.facts.parameters.contains_key(*name))
        {
            why.push(format!("it did not decide for {}={}", clean_line(name), clean_line(value)));
        }
        // The demands of a link, on what it says itself to be about.
        let about = match verdict.artifacts.first() {
            Some(digest) => VerdictTarget::Artifact(digest),
            None => VerdictTarget::Commit { commits: &verdict.commits, trees: &verdict.trees },
        };
        let demand = demands.requirement_for(&verdict.facts.gate, about);
        if let Err(fault) = demand.last(std::slice::from_ref(one)) {
            why.push(fault);
        }
        if why.is_empty() {
            told.good(&line(one));
        } else {
            told.bad(&format!("{}: {}", line(one), why.join("; ")));
        }
    }
}

impl VerdictRequirements {
    fn requirement_for<'d>(&'d self, gate: &'d str, about: VerdictTarget<'d>) -> VerdictRequirement<'d> {
        VerdictRequirement {
            gate,
            about,
            words: &self.words,
            policies: &self.policies,
            project: self.project.as_deref().map_or(Project::Any, |project| Project::Of(Some(project))),
            parameters: &[],
            own_parameters: Some(&self.parameters),
            max_age: self.max_age,
            machine_clock: self.machine_clock,
            now: self.now,
        }
    }
}

/// The images that a chain is about, each by its digest and by those of indexes that it is in, with what they are called
/// where there are several.
fn image_digests(
    args: &VerifyArgs,
    demands: &VerdictRequirements,
) -> Result<Vec<(Option<String>, Vec<String>)>> {
    let Some(artifact) = &demands.artifact else { return Ok(vec![(None, Vec::new())]) };
    let (mut images, mut digests) = (Vec::new(), vec![artifact.clone()]);
    for path in &args.image_index {
        let name = clean(&path.to_string_lossy()).into_owned();
        let index = read_image_index(&Source::File(path.clone()), MAX_INDEX)
            .map_err(|error| anyhow!("--image-index {name}: {error}"))?;
        if digest_hex(&index.digest) == artifact {
            images.extend(index.platforms.iter().map(|image| {
                let digest = digest_hex(&image.digest).to_owned();
                (Some(format!("{} ({})", image.platform, image.digest)), vec![digest, artifact.clone()])
            }));
        } else if index.platforms.iter().any(|image| digest_hex(&image.digest) == artifact) {
            digests.push(digest_hex(&index.digest).to_owned());
        } else {
            bail!(
                "--image-index {name}: is {}, which neither is nor holds what --subject names",
                index.digest
            );
        }
    }
    Ok(if images.is_empty() { vec![(None, digests)] } else { images })
}

/// One link after the other.
fn links(
    gates: &[String],
    digests: &[String],
    verdicts: &[SignedVerdict],
    demands: &VerdictRequirements,
    told: &mut VerificationOutput,
) -> Result<()> {
    if gates.iter().any(String::is_empty) || gates.iter().collect::<BTreeSet<_>>().len() != gates.len() {
        bail!("--chain wants gates, each once, such as merge,package,release,production");
    }
    let on_artifact = |gate: &String| gate != "merge";
    if digests.is_empty() && gates.iter().any(on_artifact) {
        bail!("--chain with a gate other than merge wants --subject NAME@sha256:HEX");
    }
    // What was built: the first gate that decided about the artifact says so.
    let mut found: Vec<Option<&SignedVerdict>> = vec![None; gates.len()];
    let mut faults: Vec<Option<String>> = vec![None; gates.len()];
    for (at, gate) in gates.iter().enumerate().filter(|(_, gate)| on_artifact(gate)) {
        let judged = |digest: &&String| {
            let of_gate = verdicts.iter().filter(|v| v.verdict.facts.gate == *gate);
            of_gate.into_iter().any(|v| v.verdict.artifacts.contains(*digest))
        };
        let mut about: Vec<&String> = digests.iter().filter(judged).collect();
        if about.is_empty() {
            about.extend(digests.first());
        }
        // Where there are verdicts about the image and about its index, none of them may stop it.
        let mut lasts = about
            .into_iter()
            .map(|digest| demands.requirement_for(gate, VerdictTarget::Artifact(digest)).last(verdicts));
        let first = lasts.next();
        let stopping = lasts.find(Result::is_err).filter(|_| first.as_ref().is_some_and(Result::is_ok));
        if let Some(last) = stopping.or(first) {
            set(at, last, &mut found, &mut faults);
        }
    }
    let built = found.iter().flatten().next().map(|v| &v.verdict);
    if let (Some(built), Some((_, to))) = (built, &demands.range)
        && !built.commits.contains(to)
    {
        let commits = built.commits.join(", ");
        told.bad(&format!(
            "the artifact was built from {commits}, and the range of the release ends at {to}"
        ));
    }
    for (at, gate) in gates.iter().enumerate().filter(|(_, gate)| !on_artifact(gate)) {
        let named: Vec<String> = demands.commit.iter().cloned().collect();
        let (commits, trees) = match (built, &demands.commit) {
            (Some(built), Some(commit)) if !built.commits.contains(commit) => {
                let fault =
                    format!("the artifact was built from {}, not from {commit}", built.commits.join(", "));
                told.bad(&fault);
                (named.as_slice(), &[][..])
            }
            (Some(built), _) => (built.commits.as_slice(), built.trees.as_slice()),
            (None, Some(_)) => (named.as_slice(), &[][..]),
            (None, None) => {
                let fault = "nothing says which commit the artifact was built from".to_owned();
                set(at, Err(fault), &mut found, &mut faults);
                continue;
            }
        };
        set(
            at,
            demands.requirement_for(gate, VerdictTarget::Commit { commits, trees }).last(verdicts),
            &mut found,
            &mut faults,
        );
    }
    for ((gate, found), fault) in gates.iter().zip(&found).zip(&faults) {
        match (found, fault) {
            (Some(verdict), _) => told.good(&line(verdict)),
            (None, fault) => {
                told.bad(&format!("{gate}: {}", fault.as_deref().unwrap_or("there is no verdict")));
            }
        }
    }
    in_order(gates, &found, verdicts, demands, told);
    of_one_release(&found, demands, told);
    Ok(())
}

/// The links of a chain are of one project, and were made with the parameters that somebody asks for: a production gate
/// that decided about staging says nothing of production.
fn of_one_release(
    found: &[Option<&SignedVerdict>],
    demands: &VerdictRequirements,
    told: &mut VerificationOutput,
) {
    let links = || found.iter().flatten().map(|one| &one.verdict.facts);
    let projects: BTreeSet<&str> =
        links().map(|facts| facts.project.as_deref().unwrap_or("no project")).collect();
    if projects.len() > 1 {
        let projects: Vec<String> = projects.iter().map(|project| clean_line(project).into_owned()).collect();
        told.bad(&format!(
            "the gates are of different projects ({}); say which with --project",
            projects.join(", ")
        ));
    }
    let mut asked = BTreeSet::new();
    for facts in links() {
        for (name, value) in &facts.parameters {
            let known = demands.parameters.contains_key(name);
            if !known && asked.insert((name, value)) {
                let (name, value) = (clean_line(name), clean_line(value));
                told.bad(&format!(
                    "{}: it decided for {name}={value}; if that is meant, say --param {name}={value}",
                    facts.gate
                ));
            }
        }
    }
    for (name, value) in &demands.parameters {
        if found.iter().all(Option::is_some) && links().all(|facts| facts.parameters.get(name) != Some(value))
        {
            told.bad(&format!("no gate decided for {}={}", clean_line(name), clean_line(value)));
        }
    }
}

fn set<'v>(
    at: usize,
    result: Result<&'v SignedVerdict, String>,
    found: &mut [Option<&'v SignedVerdict>],
    faults: &mut [Option<String>],
) {
    match result {
        Ok(verdict) => {
            if let Some(slot) = found.get_mut(at) {
                *slot = Some(verdict);
            }
        }
        Err(fault) => {
            if let Some(slot) = faults.get_mut(at) {
                *slot = Some(fault);
            }
        }
    }
}

/// A gate must have let pass before the next one decided, whenever it was run again later.
fn in_order(
    gates: &[String],
    found: &[Option<&SignedVerdict>],
    verdicts: &[SignedVerdict],
    demands: &VerdictRequirements,
    told: &mut VerificationOutput,
) {
    for ((gate, first), (next, second)) in gates.iter().zip(found).zip(gates.iter().zip(found).skip(1)) {
        let (Some(first), Some(second)) = (first, second) else { continue };
        let about = match first.verdict.artifacts.first() {
            Some(digest) if gate != "merge" => VerdictTarget::Artifact(digest),
            _ => VerdictTarget::Commit { commits: &first.verdict.commits, trees: &first.verdict.trees },
        };
        let passes = demands.requirement_for(gate, about).all(verdicts).into_iter();
        let earliest = passes
            .filter(|v| demands.words.contains(&v.verdict.facts.verdict) && v.verdict.facts.enforced)
            .filter(|v| demands.project.is_none() || v.verdict.facts.project == demands.project)
            .map(|v| v.verdict.facts.evaluated_at)
            .min();
        let decided = second.verdict.facts.evaluated_at;
        if let Some(earliest) = earliest.filter(|e| e.as_second() > decided.as_second() + CLOCK_SKEW) {
            told.bad(&format!(
                "{next}: it decided at {decided}, before gate {gate} did at {earliest}: the order of the gates is broken"
            ));
        }
    }
}

/// The project and the values of parameters, in words.
fn made_for(facts: &VerdictFacts) -> String {
    let project = facts.project.iter().map(|project| format!("project {}", clean_line(project)));
    let parameters =
        facts.parameters.iter().map(|(name, value)| format!("{}={}", clean_line(name), clean_line(value)));
    project.chain(parameters).fold(String::new(), |all, one| format!("{all}, {one}"))
}

fn line(one: &SignedVerdict) -> String {
    let facts = &one.verdict.facts;
    format!(
        "{}: {}{}{} at {}{}, about {}, policy sha256:{}, signed by {} ({})",
        facts.gate,
        facts.verdict.as_str(),
        if facts.enforced { "" } else { " (ADVISORY)" },
        made_for(facts),
        facts.evaluated_at,
        if facts.clock == Some(ClockSource::Pinned) { " (clock pinned)" } else { "" },
        chain::about(&one.verdict),
        facts.policy_sha256,
        one.keys.join(" and "),
        one.place
    )
}

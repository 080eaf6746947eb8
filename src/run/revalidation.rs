//! Released bundles against the advisories of today: their own gates decide on the components of their SBOMs again.
//!
//! No scanner runs. The SBOMs of a bundle and a database of OSV make the report that a scanner would have made, and of the
//! gate decide the rules about vulnerabilities. What was shipped has no base: all that is found counts as new, unless a
//! waiver or an accepted VEX statement of the bundle holds today.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ResolvedRun;
use super::bundle::{ReleasedBundle, read_bundle, released};
use crate::attest::ClockSource;
use crate::attest::verdict::{GateDecision, VerdictFacts};
use crate::decide::{Context, Decision, MatchedProblem, Outcome, unwrap_signed};
use crate::evidence_snapshot::{EvidenceSnapshot, SavedDocument, SavedFinding, SavedReport};
use crate::finding::{Category, Cve, Finding, Text, clean, clean_line, hex};
use crate::gather::Limits;
use crate::policy::waiver::Waiver;
use crate::policy::{Action, DocumentKind, EntryKind, Feed, Policy, Selector, Subject, TrustRules};
use crate::relate::{Exploitation, OsvDatabase, OsvEcosystem, SpeakingRecord};
use crate::report::{
    Generated, ReadError, Report, ShippedComponent, Source, Tool, findings_of_records, read_components,
    read_epss, read_kev, read_osv_records,
};

/// Findings of a rule that are named.
const MAX_FINDINGS: usize = 10_000;
/// Folders below that of a database.
const MAX_DEPTH: usize = 8;
/// Name of the tool whose report is made.
const TOOL: &str = "osv-scanner";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct RevalidationRequest<'r> {
    /// Bundles of what was released.
    pub(crate) bundles: &'r [PathBuf],
    /// Files and folders of OSV records.
    pub(crate) osv: &'r [PathBuf],
    /// CISA's catalogue of today.
    pub(crate) kev: Option<&'r Path>,
    /// EPSS scores of today.
    pub(crate) epss: Option<&'r Path>,
    /// The time.
    pub(crate) now: Timestamp,
    /// Where that is from.
    pub(crate) clock: ClockSource,
    /// Largest file.
    pub(crate) max_report: u64,
}

/// Which advisories were looked at.
#[derive(Debug, Serialize)]
pub(crate) struct RevalidationAdvisories {
    /// Files with records.
    pub(crate) files: u64,
    /// Records in them.
    pub(crate) records: u64,
    /// Of them those that were taken back.
    pub(crate) withdrawn: u64,
    /// When the newest was changed.
    pub(crate) newest: String,
    /// Ecosystems that nobody knows, each with the number of its records.
    pub(crate) unknown_ecosystems: BTreeMap<String, u64>,
}

/// All that was decided.
#[derive(Debug, Serialize)]
pub(crate) struct Revalidation {
    schema: &'static str,
    secgate: &'static str,
    /// The time.
    pub(crate) evaluated_at: String,
    clock: ClockSource,
    /// Which advisories were looked at.
    pub(crate) advisories: RevalidationAdvisories,
    /// Whether a catalogue of exploited vulnerabilities was given.
    kev: bool,
    /// Worst of the bundles.
    pub(crate) verdict: Outcome,
    /// Each of the bundles.
    pub(crate) bundles: Vec<RevalidatedBundle>,
}

/// A bundle against today's advisories.
#[derive(Debug, Serialize)]
pub(crate) struct RevalidatedBundle {
    /// Its path.
    pub(crate) bundle: String,
    /// SHA-256 of its list of checksums.
    pub(crate) sha256: String,
    /// Its gate.
    pub(crate) gate: String,
    /// The project.
    pub(crate) project: Option<String>,
    /// The commit.
    pub(crate) commit: Option<String>,
    /// What was shipped, each by name and digest.
    pub(crate) artifacts: Vec<String>,
    /// When it was decided on, and how.
    pub(crate) released_at: String,
    /// The verdict then.
    pub(crate) released_as: &'static str,
    /// What its gate would say now.
    pub(crate) verdict: Outcome,
    /// False where the policy only watches.
    pub(crate) enforced: bool,
    /// Components that were looked at.
    pub(crate) components: u64,
    /// The rules that decided.
    pub(crate) rules: Vec<RevalidatedRule>,
    /// Components that are affected and that no rule counts.
    pub(crate) not_counted: u64,
    /// Components of which nobody knows whether they are affected.
    pub(crate) unclear: Vec<UnclearComponent>,
    /// Components that were not looked at.
    pub(crate) not_looked_at: Vec<UnseenComponents>,
    /// Why nothing else can be said.
    pub(crate) remarks: Vec<String>,
}

/// A rule on the advisories of today.
#[derive(Debug, Serialize)]
pub(crate) struct RevalidatedRule {
    /// Its id.
    pub(crate) id: String,
    /// The policy that it is of, where that is one which the bundle's own extends.
    pub(crate) policy: Option<String>,
    /// What it says.
    pub(crate) outcome: Outcome,
    /// Why.
    pub(crate) message: String,
    /// What it counts.
    pub(crate) findings: Vec<RevalidatedFinding>,
}

/// A vulnerability of a component.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RevalidatedFinding {
    /// The first of its ids.
    pub(crate) id: String,
    ids: Vec<String>,
    /// Its severity.
    pub(crate) severity: &'static str,
    /// The package as the advisory calls it.
    pub(crate) package: String,
    /// Its version.
    pub(crate) version: String,
    /// The component's package URL.
    pub(crate) purl: Option<String>,
    /// The version to take; none where none is known.
    pub(crate) fix: Option<String>,
    fixed: Vec<String>,
    /// Known to be exploited; none without a catalogue.
    pub(crate) kev: Option<bool>,
    /// Whether the reports of the bundle told it.
    pub(crate) told_at_release: bool,
    /// The waiver or the VEX statement by which it does not count.
    pub(crate) lifted_by: Option<String>,
}

/// A component of which nobody knows whether it is affected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct UnclearComponent {
    /// Its package URL, or its name.
    pub(crate) component: String,
    /// The advisory.
    pub(crate) id: String,
    /// Why.
    pub(crate) why: String,
}

/// Components that were not looked at.
#[derive(Debug, Serialize)]
pub(crate) struct UnseenComponents {
    /// Why.
    pub(crate) why: String,
    /// How many.
    pub(crate) components: u64,
    /// The first of them.
    pub(crate) first: String,
    /// Whether other advisories would have told.
    pub(crate) lacking: bool,
}

/// An SBOM of a bundle.
struct BundledSbom {
    name: String,
    subject: Option<String>,
    digest: (String, u64),
    components: Vec<ShippedComponent>,
}

/// Decides on bundles again.
pub(crate) fn revalidate(request: &RevalidationRequest<'_>) -> Result<Revalidation> {
    let mut shipped = Vec::new();
    for path in request.bundles {
        let name = clean(&path.to_string_lossy()).into_owned();
        let bundle = read_bundle(path)?;
        let released = released(&bundle, request.now).with_context(|| name.clone())?;
        let sboms = sboms(&released, request).with_context(|| name.clone())?;
        if sboms.is_empty() {
            bail!(
                "{name}: holds no SBOM, so that nobody knows what was shipped: its policy has no entry `document: sbom`"
            );
        }
        shipped.push((name, bundle.digest(), released, sboms));
    }
    let sboms = shipped.iter().flat_map(|(.., sboms)| sboms);
    let mut database = OsvDatabase::about(sboms.flat_map(|sbom| &sbom.components), request.now);
    let mut files = 0;
    for path in request.osv {
        read_database(path, request.max_report, 0, &mut files, &mut database)?;
    }
    if database.all == 0 {
        bail!("--osv: there is no record of OSV in what is given; nothing was looked at");
    }
    let feeds = TodaysFeeds::read(request)?;
    let mut bundles = Vec::new();
    for (name, sha256, released, sboms) in shipped {
        let ReleasedBundle { context, policies, saved, verdict } = released;
        let (sboms, database, feeds) = (sboms.as_slice(), &database, &feeds);
        let again = BundleAgain { request, verdict, context, saved, sboms, database, feeds };
        bundles.push(again.decide(name.clone(), sha256, policies).with_context(|| name)?);
    }
    let verdict = bundles.iter().map(|bundle| bundle.verdict).max().unwrap_or(Outcome::Error);
    Ok(Revalidation {
        schema: "secgate/revalidation/v1",
        secgate: env!("CARGO_PKG_VERSION"),
        evaluated_at: request.now.to_string(),
        clock: request.clock,
        advisories: RevalidationAdvisories {
            files,
            records: database.all,
            withdrawn: database.withdrawn,
            newest: clean_line(&database.newest).into_owned(),
            unknown_ecosystems: database
                .unknown_ecosystems()
                .iter()
                .map(|(name, records)| (clean_line(name).into_owned(), *records))
                .collect(),
        },
        kev: feeds.kev.is_some(),
        verdict,
        bundles,
    })
}

/// Reads a file of records, or those of a folder.
fn read_database(
    path: &Path,
    max: u64,
    depth: usize,
    files: &mut u64,
    database: &mut OsvDatabase,
) -> Result<()> {
    let name = || format!("--osv {}", clean(&path.to_string_lossy()));
    if path.is_dir() {
        if depth > MAX_DEPTH {
            bail!("{}: has more than {MAX_DEPTH} folders in each other", name());
        }
        let entries = std::fs::read_dir(path).with_context(name)?;
        let mut inside =
            entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>().with_context(name)?;
        inside.sort();
        for path in inside {
            let plain = path.to_string_lossy().to_ascii_lowercase();
            let plain = plain.strip_suffix(".gz").unwrap_or(&plain);
            if path.is_dir() || [".json", ".jsonl", ".ndjson"].iter().any(|ending| plain.ends_with(ending)) {
                read_database(&path, max, depth + 1, files, database)?;
            }
        }
        return Ok(());
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        bail!(
            "{}: is a zip archive; unpack it first (`unzip -q all.zip -d osv`) and give the folder",
            name()
        );
    }
    let read = read_osv_records(&Source::File(path.to_owned()), max, &mut |record| database.add(record));
    *files += 1;
    read.map_err(|error| anyhow!("{}: {error}", name()))
}

/// The SBOMs of a bundle, without what is around them.
fn sboms(released: &ReleasedBundle, request: &RevalidationRequest<'_>) -> Result<Vec<BundledSbom>> {
    let Some((policy, _)) = released.policies.first() else { return Ok(Vec::new()) };
    let mut sboms = Vec::new();
    for document in &released.saved.documents {
        let entries = document.entries.iter().filter_map(|name| policy.entry(name));
        for entry in entries.filter(|entry| entry.kind == EntryKind::Document(DocumentKind::Sbom)) {
            let failed = |error: ReadError| anyhow!("{}: {error}", clean(&document.name));
            let max = request.max_report;
            // What is signed was judged when it was released; what it lists was shipped either way.
            let wrapped = unwrap_signed(policy, entry, &document.source, max, released.context.now)
                .map_err(|said| anyhow!("{}: {}", clean(&document.name), said.message))?;
            let bytes = document.source.bytes(max).map_err(failed)?;
            sboms.push(BundledSbom {
                name: document.name.clone(),
                subject: entry.subject.clone(),
                digest: (hex(&Sha256::digest(&bytes)), bytes.len() as u64),
                components: distinct(read_components(&wrapped.source, max).map_err(failed)?),
            });
        }
    }
    Ok(sboms)
}

/// Each component once, in the order of the SBOM.
fn distinct(mut components: Vec<ShippedComponent>) -> Vec<ShippedComponent> {
    let mut seen = BTreeSet::new();
    components.retain(|one| {
        let versions = (one.version.clone(), one.stated_version.clone());
        seen.insert((one.purl_text.clone(), one.name.clone(), versions, one.excluded))
    });
    components
}

/// Feeds of today.
struct TodaysFeeds {
    kev: Option<(PathBuf, Exploitation, Vec<Cve>)>,
    epss: Option<PathBuf>,
}

impl TodaysFeeds {
    fn read(request: &RevalidationRequest<'_>) -> Result<Self> {
        let source = |path: &Path| Source::File(path.to_owned());
        let kev = request.kev.map(|path| {
            let feed = read_kev(&source(path), request.max_report)
                .map_err(|error| anyhow!("--kev {}: {error}", clean(&path.to_string_lossy())))?;
            let mut known = Exploitation::default();
            known.add_kev(feed.holds.cves.clone());
            anyhow::Ok((path.to_owned(), known, feed.holds.cves))
        });
        if let Some(path) = request.epss {
            read_epss(&source(path), request.max_report)
                .map_err(|error| anyhow!("--epss {}: {error}", clean(&path.to_string_lossy())))?;
        }
        Ok(Self { kev: kev.transpose()?, epss: request.epss.map(Path::to_owned) })
    }

    fn file(&self, feed: Feed) -> Option<&Path> {
        match feed {
            Feed::Kev => self.kev.as_ref().map(|(path, ..)| path.as_path()),
            Feed::Epss => self.epss.as_deref(),
            Feed::Vex => None,
        }
    }
}

/// A bundle on which its gate decides again.
struct BundleAgain<'a> {
    request: &'a RevalidationRequest<'a>,
    verdict: VerdictFacts,
    context: Context,
    saved: EvidenceSnapshot,
    sboms: &'a [BundledSbom],
    database: &'a OsvDatabase,
    feeds: &'a TodaysFeeds,
}

/// What the advisories say of an SBOM.
#[derive(Default)]
struct SbomAnswers {
    findings: Vec<Finding>,
    unclear: BTreeSet<UnclearComponent>,
    unseen: BTreeMap<(bool, String), (u64, String)>,
}

impl BundleAgain<'_> {
    fn decide(
        &self,
        bundle: String,
        sha256: String,
        policies: Vec<(Policy, Vec<Waiver>)>,
    ) -> Result<RevalidatedBundle> {
        let verdict = &self.verdict;
        let answers = self.sboms.iter().map(|sbom| self.ask(sbom)).collect::<Result<Vec<SbomAnswers>>>()?;
        let context = &self.context;
        let mut told = RevalidatedBundle {
            bundle,
            sha256,
            gate: verdict.gate.clone(),
            project: verdict.project.clone(),
            commit: verdict.commit.clone(),
            artifacts: context.artifacts.iter().map(|one| format!("{}@{}", one.name, one.digest)).collect(),
            released_at: verdict.evaluated_at.to_string(),
            released_as: verdict.verdict.as_str(),
            verdict: Outcome::Pass,
            enforced: verdict.enforced,
            components: self.sboms.iter().map(|sbom| sbom.components.len() as u64).sum(),
            rules: Vec::new(),
            not_counted: 0,
            unclear: answers.iter().flat_map(|one| one.unclear.iter().cloned()).collect(),
            not_looked_at: Vec::new(),
            remarks: Vec::new(),
        };
        for ((lacking, why), (components, first)) in answers.iter().flat_map(|one| &one.unseen) {
            let (lacking, components) = (*lacking, *components);
            told.not_looked_at.push(UnseenComponents {
                why: why.clone(),
                components,
                first: first.clone(),
                lacking,
            });
        }
        let mut undecided = true;
        for (at, (source, decision)) in self.decisions(policies, &answers).into_iter().enumerate() {
            if let Some(decision) = decision {
                undecided = false;
                self.tell((at > 0).then_some(source.as_str()), &decision, &mut told);
            }
        }
        if undecided {
            told.remarks.push(
                "its policy has no rule about vulnerabilities: nobody knows what would fail".to_owned(),
            );
        }
        if verdict.verdict != GateDecision::Pass {
            told.remarks.push(format!("it was released as {}", verdict.verdict.as_str()));
        }
        let lacking = told.not_looked_at.iter().any(|one| one.lacking);
        if lacking || !told.unclear.is_empty() || undecided {
            told.verdict = told.verdict.max(Outcome::Review);
        }
        Ok(told)
    }

    /// What the database says of an SBOM.
    fn ask(&self, sbom: &BundledSbom) -> Result<SbomAnswers> {
        let mut answers = SbomAnswers::default();
        let mut told: BTreeMap<(String, String, &str), (Vec<SpeakingRecord>, &ShippedComponent)> =
            BTreeMap::new();
        for component in &sbom.components {
            let shown = [component.purl_text.as_str(), component.name.as_str()];
            let shown = shown.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
            let shown = clean_line(shown).into_owned();
            let mut unseen = |lacking: bool, why: String| {
                let counted = answers.unseen.entry((lacking, why)).or_insert_with(|| (0, shown.clone()));
                counted.0 += 1;
            };
            if component.excluded {
                unseen(false, "the SBOM names it as excluded".to_owned());
                continue;
            }
            let Some(ecosystem) = OsvEcosystem::of_component(component) else {
                let kind = component.purl.as_ref().map(|purl| match purl.kind.as_str() {
                    "deb" | "rpm" | "apk" => format!("pkg:{}/{}", purl.kind, purl.namespace),
                    kind => format!("pkg:{kind}"),
                });
                let why = kind.map_or_else(
                    || "no package URL".to_owned(),
                    |kind| format!("no ecosystem of OSV is that of {}", clean_line(&kind)),
                );
                unseen(false, why);
                continue;
            };
            if !ecosystem.is_among(self.database.ecosystems()) {
                unseen(
                    true,
                    format!("the advisories given hold none of {}", clean_line(&ecosystem.describe())),
                );
                continue;
            }
            for speaking in self.database.speaking_of(component, &ecosystem) {
                if let Some(why) = &speaking.unclear {
                    answers.unclear.insert(UnclearComponent {
                        component: shown.clone(),
                        id: clean_line(&speaking.id).into_owned(),
                        why: clean_line(why).into_owned(),
                    });
                    continue;
                }
                let key = (speaking.package.clone(), speaking.version.clone(), ecosystem.kind);
                let of_package = told.entry(key).or_insert_with(|| (Vec::new(), component));
                // Packages of one source are affected together.
                if !of_package.0.iter().any(|known| known.id == speaking.id) {
                    of_package.0.push(speaking);
                }
            }
        }
        for ((package, version, kind), (speaking, component)) in told {
            let records: Vec<Value> = speaking.into_iter().map(|one| one.record).collect();
            let findings = findings_of_records((&package, &version, kind), &records)
                .map_err(|error| anyhow!("--osv: a record about {}: {error}", clean_line(&package)))?;
            answers
                .findings
                .extend(findings.into_iter().map(|finding| self.known(finding, component, &records)));
        }
        Ok(answers)
    }

    /// A finding with what the component and the feeds tell.
    fn known(&self, mut finding: Finding, component: &ShippedComponent, records: &[Value]) -> Finding {
        if let Some(package) = finding.package.as_mut().filter(|_| !component.purl_text.is_empty()) {
            package.purl = Some(Text::whole(&component.purl_text));
        }
        if let Some((_, known, listed)) = &self.feeds.kev {
            known.annotate(&mut finding);
            // A record of a system may speak of several CVEs, none of which is another name of it.
            let mine = |record: &&Value| {
                let id = record.get("id").and_then(Value::as_str).unwrap_or_default();
                finding.ids.iter().any(|one| one.real() == id)
            };
            let upstream =
                records.iter().filter(mine).filter_map(|record| record.get("upstream")?.as_array());
            let mut cves = upstream.flatten().filter_map(|id| Cve::parse(id.as_str()?));
            if cves.any(|cve| listed.binary_search(&cve).is_ok()) {
                finding.kev = Some(true);
            }
        }
        finding
    }

    /// What its policy and those that it extends decide; none where one has no rule about vulnerabilities.
    fn decisions(
        &self,
        policies: Vec<(Policy, Vec<Waiver>)>,
        answers: &[SbomAnswers],
    ) -> Vec<(String, Option<Decision>)> {
        let mut decisions = Vec::new();
        for (mut policy, waivers) in policies {
            let source = policy.source.clone();
            let ids: Vec<String> = policy.rules.iter().map(|rule| rule.id.clone()).collect();
            if !narrow(&mut policy, self.feeds) {
                decisions.push((source, None));
                continue;
            }
            let now_at = |at: &usize| {
                let id = ids.get(*at)?;
                policy.rules.iter().position(|rule| rule.id == *id)
            };
            let waivers = waivers.into_iter().map(|waiver| {
                let applies_to = waiver.applies_to.iter().filter_map(now_at).collect();
                Waiver { applies_to, ..waiver }
            });
            let waivers = waivers.filter(|waiver| !waiver.applies_to.is_empty()).collect();
            let saved = self.snapshot(&policy, answers);
            let (now, clock) = (self.request.now, self.request.clock);
            let context = Context { now, clock, own_gate: None, parents: Vec::new(), ..self.context.clone() };
            let limits =
                Limits { max_report: self.request.max_report, max_stdin: 0, max_findings: MAX_FINDINGS };
            let run = ResolvedRun::of_saved(policy, waivers, saved, context, None, limits);
            decisions.push((source, Some(run.decide(None))));
        }
        decisions
    }

    /// The evidence of today: a report for each SBOM, and the feeds.
    fn snapshot(&self, policy: &Policy, answers: &[SbomAnswers]) -> EvidenceSnapshot {
        let mut snapshot = EvidenceSnapshot::default();
        for (sbom, answers) in self.sboms.iter().zip(answers) {
            let of_sbom = |subject: &Option<String>| {
                subject.is_none() || sbom.subject.is_none() || *subject == sbom.subject
            };
            let reports = policy.evidence.iter().filter(|entry| matches!(entry.kind, EntryKind::Report(_)));
            let entries = reports.filter(|entry| of_sbom(&entry.subject)).map(|entry| entry.name.clone());
            let looked_at =
                |one: &ShippedComponent| !one.excluded && OsvEcosystem::of_component(one).is_some();
            let nothing = (!sbom.components.iter().any(looked_at))
                .then(|| Text::line("the SBOM lists no component that can be looked at"));
            let report = Report {
                tool: Tool { name: Text::line(TOOL), version: None },
                categories: BTreeSet::from([Category::Vulnerability]),
                scanned: BTreeSet::from([Category::Vulnerability]),
                nothing_scanned: nothing,
                generated: Generated::At(self.request.now),
                ..Report::default()
            };
            let findings = answers.findings.iter();
            snapshot.reports.push(SavedReport {
                name: sbom.name.clone(),
                entries: entries.collect(),
                ignored: None,
                format: Some(TOOL.to_owned()),
                digest: Some(sbom.digest.clone()),
                error: None,
                report,
                findings: findings
                    .map(|finding| SavedFinding { finding: finding.clone(), secret: None })
                    .collect(),
            });
        }
        for entry in &policy.evidence {
            let EntryKind::Feed(feed) = entry.kind else { continue };
            if let Some(path) = self.feeds.file(feed) {
                snapshot.documents.push(SavedDocument {
                    name: path.to_string_lossy().into_owned(),
                    entries: vec![entry.name.clone()],
                    source: Source::File(path.to_owned()),
                });
            } else if feed != Feed::Kev {
                // Scores and statements of then are better than none.
                let then = self.saved.documents.iter().filter(|one| one.entries.contains(&entry.name));
                snapshot.documents.extend(
                    then.map(|one| SavedDocument { entries: vec![entry.name.clone()], ..one.clone() }),
                );
            }
        }
        snapshot
    }

    /// Takes the rules of a decision into what is told.
    fn tell(&self, policy: Option<&str>, decision: &Decision, told: &mut RevalidatedBundle) {
        told.verdict = told.verdict.max(decision.verdict);
        let known = self.known_ids();
        let finding = |problem: &MatchedProblem| {
            let finding = &problem.lead()?.finding;
            let text = |text: &Text| clean_line(text.as_str()).into_owned();
            let package = finding.package.clone().unwrap_or_default();
            Some(RevalidatedFinding {
                id: finding.ids.first().map_or_else(|| text(&finding.rule_id), text),
                ids: finding.ids.iter().map(text).collect(),
                severity: finding.severity.as_str(),
                package: text(&package.name),
                version: text(&package.version),
                purl: package.purl.as_ref().map(text),
                fix: finding.version_to_take().as_ref().map(text),
                fixed: package.fixed.iter().map(text).collect(),
                kev: finding.kev,
                told_at_release: finding.ids.iter().any(|id| known.contains(id.real())),
                lifted_by: problem.lifted_by(),
            })
        };
        for rule in &decision.rules {
            let problems = rule.problems.iter().filter_map(|&at| decision.findings.get(at));
            told.rules.push(RevalidatedRule {
                id: rule.id.clone(),
                policy: policy.map(str::to_owned),
                outcome: rule.outcome,
                message: clean_line(&rule.message).into_owned(),
                findings: problems.filter_map(finding).collect(),
            });
        }
        let stopping = decision.evidence.iter().filter(|one| one.outcome >= Outcome::Review);
        for evidence in stopping {
            let name = evidence.entry.as_deref().unwrap_or_default();
            let (name, message) = (clean_line(name), clean_line(&evidence.message));
            told.remarks.push(format!("evidence `{name}`: {}: {message}", evidence.outcome.as_str()));
        }
        told.remarks.extend(decision.errors.iter().map(|error| clean_line(&error.message).into_owned()));
        let not_counted = decision.unmatched.iter().map(|(_, counts)| counts.total).sum();
        told.not_counted = if policy.is_none() { not_counted } else { told.not_counted.min(not_counted) };
    }

    /// Ids of vulnerabilities that the reports of the bundle told.
    fn known_ids(&self) -> BTreeSet<&str> {
        let findings = self.saved.reports.iter().flat_map(|report| &report.findings);
        findings.flat_map(|saved| saved.finding.ids.iter().map(Text::real)).collect()
    }
}

/// Leaves of a policy what decides on vulnerabilities of components, and of its evidence what tells them; false where nothing is
/// left. A rule that asks for one scanner is asked whatever scanner tells it: none of them ran.
fn narrow(policy: &mut Policy, feeds: &TodaysFeeds) -> bool {
    policy.base = None;
    policy.trust = TrustRules::default();
    policy.evidence.retain_mut(|entry| {
        match entry.kind {
            EntryKind::Report(Category::Vulnerability) => {
                (entry.required, entry.format, entry.target) = (true, None, None);
                (entry.receipt, entry.bound) = (false, false);
            }
            EntryKind::Feed(feed) => {
                // A rule says by itself that it lacks a feed.
                entry.required = false;
                if feeds.file(feed).is_some() {
                    entry.signed_by.clear();
                }
                if feed == Feed::Kev {
                    // What is old says nothing of today, and is not what was shipped either.
                    (entry.count, entry.stale) = (1, Action::Review);
                    return true;
                }
            }
            EntryKind::Report(_) | EntryKind::Document(_) => return false,
        }
        (entry.count, entry.max_age) = (1, None);
        true
    });
    let reports: Vec<String> = policy
        .evidence
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::Report(_)))
        .map(|entry| entry.name.clone())
        .collect();
    policy.rules.retain_mut(|rule| {
        let Subject::Findings(selector) = &mut rule.subject else { return false };
        let looks = selector.category.is_empty() || selector.category.contains(&Category::Vulnerability);
        rule.fed_by.retain(|name| reports.contains(name));
        whatever_tool(selector);
        looks && !rule.fed_by.is_empty()
    });
    !policy.rules.is_empty()
}

/// Takes the names of scanners out of a selector, but for what it leaves out.
fn whatever_tool(selector: &mut Selector) {
    selector.tool.clear();
    selector.any.iter_mut().for_each(whatever_tool);
    selector.set.iter_mut().for_each(|set| whatever_tool(&mut set.selector));
}

//! `secgate revalidate`: which released artifacts their own gates would stop today.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::args::{TextOrJson, clock, clock_source};
use crate::decide::Outcome;
use crate::exit;
use crate::finding::{clean, plural};
use crate::run::{RevalidatedBundle, Revalidation, RevalidationRequest, revalidate};

/// Things of one kind that are named.
const LISTED: usize = 20;

/// Say which released artifacts their gate would stop today
#[derive(Debug, Args)]
#[command(
    after_help = "The components of a bundle's SBOMs are compared with records of OSV, as an export of osv.dev holds them: a file of \
                  one record, of a list or of one a line, or a folder of such files (an `all.zip` has to be unpacked). No scanner runs \
                  and nothing is fetched. The rules about vulnerabilities of the bundle's own policy decide, with its waivers and VEX \
                  statements as they hold today, without a base: all that is found counts as new. What nobody knows (a version that \
                  cannot be compared, an ecosystem without any record) is a review, never a pass. That a bundle is what was signed is \
                  for `secgate verify` to say.\n\n\
                  Exit codes: 0 all would pass, 1 one would fail, 10 one would be reviewed, 2 nothing could be decided."
)]
pub(super) struct RevalidateArgs {
    /// A bundle of what was released, as `secgate check --bundle` wrote it
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,

    /// Records of OSV: a file or a folder of them; any number of times
    #[arg(long, value_name = "PATH", required = true)]
    osv: Vec<PathBuf>,

    /// CISA's catalogue of exploited vulnerabilities; without it a rule that asks for it is a review
    #[arg(long, value_name = "FILE")]
    kev: Option<PathBuf>,

    /// EPSS scores [default: those in the bundle]
    #[arg(long, value_name = "FILE")]
    epss: Option<PathBuf>,

    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text", value_enum)]
    format: TextOrJson,

    /// The clock [default: that of the machine]
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,

    /// Largest file, in bytes
    #[arg(long, help_heading = "Limits", value_name = "BYTES", default_value_t = 8 << 30, value_parser = clap::value_parser!(u64).range(1..))]
    max_report: u64,
}

pub(super) fn run(args: &RevalidateArgs) -> Result<u8> {
    let request = RevalidationRequest {
        bundles: &args.bundles,
        osv: &args.osv,
        kev: args.kev.as_deref(),
        epss: args.epss.as_deref(),
        now: clock(args.now.as_deref())?,
        clock: clock_source(args.now.as_deref()),
        max_report: args.max_report,
    };
    let told = revalidate(&request)?;
    match args.format {
        TextOrJson::Json => super::print_exact(format!("{}\n", serde_json::to_string(&told)?).as_bytes())?,
        TextOrJson::Text => super::print(text(&told).as_bytes())?,
    }
    // What only watches stops nothing.
    let enforced = told.bundles.iter().filter(|bundle| bundle.enforced || bundle.verdict == Outcome::Error);
    Ok(match enforced.map(|bundle| bundle.verdict).max() {
        Some(Outcome::Fail) => exit::FAIL,
        Some(Outcome::Error) => exit::ERROR,
        Some(Outcome::Review) => exit::REVIEW,
        Some(Outcome::Pass | Outcome::Warn | Outcome::NotApplicable) | None => exit::PASS,
    })
}

fn text(told: &Revalidation) -> String {
    let mut text = String::new();
    for bundle in &told.bundles {
        of_bundle(bundle, &mut text);
    }
    let advisories = &told.advisories;
    let _ = writeln!(
        text,
        "{} from {}, the newest of {}; {} taken back",
        plural(advisories.records, "advisory"),
        plural(advisories.files, "file"),
        advisories.newest,
        advisories.withdrawn
    );
    for (ecosystem, records) in advisories.unknown_ecosystems.iter().take(LISTED) {
        let of = if ecosystem.is_empty() { "no ecosystem" } else { ecosystem };
        let records = plural(*records, "advisory");
        let _ = writeln!(text, "{records} of {of}, which OSV does not have");
    }
    let of = |outcome: Outcome| told.bundles.iter().filter(|one| one.verdict == outcome).count();
    let (fail, review) = (of(Outcome::Fail), of(Outcome::Review));
    let unseen: u64 =
        told.bundles.iter().flat_map(|bundle| &bundle.not_looked_at).map(|one| one.components).sum();
    let unseen =
        if unseen > 0 { format!("; {} not looked at", plural(unseen, "component")) } else { String::new() };
    let _ = writeln!(
        text,
        "[{}] {}: {fail} would fail, {review} would be reviewed{unseen}",
        told.verdict.as_str().to_uppercase(),
        plural(told.bundles.len() as u64, "released bundle"),
    );
    text
}

fn of_bundle(bundle: &RevalidatedBundle, text: &mut String) {
    let about = bundle.artifacts.iter().map(|one| clean(one).into_owned());
    let commit = bundle.commit.as_deref().map(|commit| format!("commit {commit}"));
    let about: Vec<String> = about.chain(commit).collect();
    let watches = if bundle.enforced { "" } else { ", which only watches" };
    let _ = writeln!(
        text,
        "{} {}: {} (gate {}{watches}, {} at {})",
        bundle.verdict.as_str().to_uppercase(),
        bundle.bundle,
        about.join(", "),
        clean(&bundle.gate),
        bundle.released_as,
        bundle.released_at
    );
    for rule in
        bundle.rules.iter().filter(|rule| !rule.findings.is_empty() || rule.outcome >= Outcome::Review)
    {
        let of = rule.policy.as_ref().map(|policy| format!(" of {}", clean(policy))).unwrap_or_default();
        let _ = writeln!(text, "  {} rule `{}`{of}: {}", rule.outcome.as_str(), rule.id, rule.message);
        for finding in rule.findings.iter().take(LISTED) {
            let fix = finding
                .fix
                .as_ref()
                .map_or_else(|| "no fix is known".to_owned(), |fix| format!("take {fix}"));
            let mut remarks = Vec::new();
            if finding.kev == Some(true) {
                remarks.push("exploited".to_owned());
            }
            if !finding.told_at_release {
                remarks.push("not told at release".to_owned());
            }
            remarks.extend(finding.lifted_by.as_ref().map(|by| clean(by).into_owned()));
            let remarks =
                if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
            let (severity, id) = (finding.severity, &finding.id);
            let _ =
                writeln!(text, "    {severity} {id} {} {}: {fix}{remarks}", finding.package, finding.version);
        }
        if rule.findings.len() > LISTED {
            let _ = writeln!(text, "    and {} more", rule.findings.len() - LISTED);
        }
    }
    if bundle.not_counted > 0 {
        let _ = writeln!(text, "  {} that no rule counts", plural(bundle.not_counted, "finding"));
    }
    for one in bundle.unclear.iter().take(LISTED) {
        let _ = writeln!(text, "  unclear {} {}: {}", one.id, one.component, one.why);
    }
    if bundle.unclear.len() > LISTED {
        let _ = writeln!(text, "  and {} more that are unclear", bundle.unclear.len() - LISTED);
    }
    for one in &bundle.not_looked_at {
        let first = if one.components > 1 { format!("{} and others", one.first) } else { one.first.clone() };
        let _ =
            writeln!(text, "  {} not looked at: {} ({first})", plural(one.components, "component"), one.why);
    }
    for remark in &bundle.remarks {
        let _ = writeln!(text, "  {remark}");
    }
}

//! `secgate attest accept`

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::{StatementFile, bytes, private_keys};
use crate::attest::dsse::IN_TOTO;
use crate::attest::verdict::{self, GateDecision};
use crate::attest::{Envelope, acceptance};
use crate::cli::args::clock;
use crate::exit;
use crate::finding::{clean, clean_line};

/// Sign a person's word that what a review asked for is accepted
#[derive(Debug, Args)]
pub(super) struct AcceptArgs {
    /// The verdict that asked for a review, as `secgate check --output json=PATH` wrote it
    #[arg(long, value_name = "FILE")]
    verdict: PathBuf,

    /// The person's private key; the policy's `keys:` says whose it is
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Who accepts: a GitLab user name
    #[arg(long, value_name = "@USER")]
    person: String,

    /// Why it is acceptable
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// The last day, or the moment, until which it holds
    #[arg(long, value_name = "DATE|RFC3339")]
    expires: String,

    /// Where the signed statement goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Pin the clock
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
}

pub(super) fn run(args: &AcceptArgs) -> Result<u8> {
    let output = StatementFile::prepare(&args.output, &[&args.verdict, &args.key])?;
    let now = clock(args.now.as_deref())?;
    let expires = expires(&args.expires)?;
    if expires <= now {
        bail!("--expires {}: is not in the future", clean_line(&args.expires));
    }
    let keys = private_keys(std::slice::from_ref(&args.key))?;
    let name = clean(&args.verdict.to_string_lossy()).into_owned();
    let file = bytes(&args.verdict, verdict::MAX_BYTES)?;
    let facts = verdict::VerdictFacts::parse(&file).map_err(|error| anyhow!("{name}: {error}"))?;
    if facts.is_about_nothing() {
        return Err(anyhow!("{name}: {}", verdict::VerdictError::AboutNothing));
    }
    if facts.verdict != GateDecision::Review {
        bail!("{name}: the verdict is {}; only a review can be accepted", facts.verdict.as_str());
    }
    let statement = acceptance::write(&facts, &args.person, &args.reason, now, expires)?;
    let keys: Vec<_> = keys.iter().collect();
    let envelope = Envelope::sign(IN_TOTO, statement, &keys);
    output.publish(format!("{}\n", envelope.to_json()).as_bytes())?;
    let told = format!(
        "{}: {} accepts what gate {} asked for, until {expires}; findings {}\n",
        clean(&args.output.to_string_lossy()),
        clean_line(&args.person),
        facts.gate,
        facts.findings_digest
    );
    super::super::print(told.as_bytes())?;
    Ok(exit::PASS)
}

/// A moment, or the end of a day, UTC.
fn expires(text: &str) -> Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day: Date = text.parse().with_context(|| {
        format!("--expires `{}` is neither a date nor an RFC 3339 time", clean_line(text))
    })?;
    let next = day.tomorrow().context("--expires: too far away")?;
    Ok(Offset::UTC.to_timestamp(next.at(0, 0, 0, 0))?)
}

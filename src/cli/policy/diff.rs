//! `secgate policy diff`: clause by clause, in what one policy is looser or stricter than another.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::super::args::TextOrJson;
use crate::exit;
use crate::policy::compare::{LoosenedClause, policies};

/// Say in what one policy is looser or stricter than another
#[derive(Debug, Args)]
#[command(
    after_help = "What cannot be shown to be as strict is looser; a clause that neither direction can be shown of is in \
                  both lists. Exit codes: 0 the second is at least as strict as the first, 1 it is looser in something, \
                  2 a policy is not valid.\n\n\
                  --format json prints {\"schema\":\"secgate/policy-diff/v1\",\"looser\":[{\"clause\",\"before\",\"after\",\
                  \"before_at\",\"after_at\"}],\"stricter\":[…]}."
)]
pub(in super::super) struct PolicyDiffArgs {
    /// The policy as it was: a file, or the name of a gate
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The policy as it is
    #[arg(value_name = "AFTER")]
    after: PathBuf,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: TextOrJson,
}

/// The output as JSON.
#[derive(Debug, Serialize)]
struct PolicyDiffOutput {
    schema: &'static str,
    looser: Vec<LoosenedClause>,
    stricter: Vec<LoosenedClause>,
}

pub(super) fn run(args: &PolicyDiffArgs) -> Result<u8> {
    let before = super::load_named(&args.before)?;
    let after = super::load_named(&args.after)?;
    let looser = policies(&before, &after);
    // What is looser the other way round is stricter this way.
    let turned = policies(&after, &before).into_iter().map(LoosenedClause::turned);
    let stricter: Vec<LoosenedClause> = turned.collect();
    let code = if looser.is_empty() { exit::PASS } else { exit::FAIL };
    if args.format == TextOrJson::Json {
        let output = PolicyDiffOutput { schema: "secgate/policy-diff/v1", looser, stricter };
        super::super::print(format!("{}\n", serde_json::to_string(&output)?).as_bytes())?;
        return Ok(code);
    }
    let mut text = String::new();
    for (word, clauses) in [("looser", &looser), ("stricter", &stricter)] {
        for clause in clauses {
            let _ = writeln!(text, "{word}: {clause}");
        }
    }
    if text.is_empty() {
        text.push_str("no clause decides otherwise\n");
    }
    super::super::print(text.as_bytes())?;
    Ok(code)
}

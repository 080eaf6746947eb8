//! `secgate policy test`: runs the cases of a policy like a test runner.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::super::delivery::{Destination, FILE_MODE, deliver, remove};
use crate::decide::Decision;
use crate::exit;
use crate::finding::{clean, clean_line, plural};
use crate::gather::{EvidenceSource, GivenFile, Inputs, Limits, TestReports};
use crate::policy::Policy;
use crate::policy::testing::{self, PolicyTestCase};
use crate::relate::Waivers;
use crate::report::open_regular;
use crate::run::{Environment, PolicyRequest, RunFlags, bytes_of, context, waivers_of_files};

/// How a file of cases ends.
const ENDING: &str = ".test.yaml";

/// Run the cases of policies
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every case held, 1 one did not, 2 a file has a mistake or there is no case."
)]
pub(in super::super) struct TestArgs {
    /// Files of cases, X.test.yaml beside the policy X.yaml, or directories that hold some [default: .secgate]
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,

    /// Also write the results as a JUnit file; only such a file is ever replaced
    #[arg(long, value_name = "PATH")]
    junit: Option<PathBuf>,
}

/// Result for a file of cases.
struct TestRun {
    name: String,
    policy: String,
    /// Each case with what was not as expected.
    cases: Vec<(PolicyTestCase, Vec<String>)>,
}

pub(super) fn run(args: &TestArgs) -> Result<u8> {
    if let Some(path) = &args.junit {
        prepare(path)?;
    }
    let files = if args.files.is_empty() {
        in_folder(Path::new(".secgate"), true)?
    } else {
        case_files(&args.files)?
    };
    let mut ran = Vec::new();
    let mut faults = Vec::new();
    for file in &files {
        match cases(file) {
            Ok(cases) => ran.push(cases),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    let (mut text, mut held, mut failed) = (String::new(), 0, 0);
    for file in &ran {
        writeln!(text, "{} ({})", file.name, file.policy)?;
        for (case, differences) in &file.cases {
            if differences.is_empty() {
                held += 1;
                writeln!(text, "  ok      {}", case.name)?;
                continue;
            }
            failed += 1;
            writeln!(text, "  FAILED  {}  ({}:{})", case.name, file.name, case.line)?;
            for difference in differences {
                writeln!(text, "            {difference}")?;
            }
        }
    }
    let broken = if faults.is_empty() {
        String::new()
    } else {
        format!(", {} not run", plural(faults.len() as u64, "file"))
    };
    writeln!(text, "{} held, {failed} failed{broken}", plural(held, "case"))?;
    if let Some(path) = &args.junit {
        deliver(path, FILE_MODE, &junit(&ran, &faults)?)
            .with_context(|| format!("--junit {}: cannot be written", clean(&path.to_string_lossy())))?;
    }
    super::super::print(text.as_bytes())?;
    if !faults.is_empty() {
        return Err(anyhow!(faults.join("\n\n")));
    }
    Ok(if failed > 0 { exit::FAIL } else { exit::PASS })
}

/// The files that are meant: a directory means those in it.
fn case_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path, false)?);
        } else {
            files.push(path.clone());
        }
    }
    let mut once = BTreeSet::new();
    files.retain(|file| once.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// The files of cases in a folder, which must hold one.
fn in_folder(folder: &Path, default: bool) -> Result<Vec<PathBuf>> {
    let name = clean(&folder.to_string_lossy()).into_owned();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if default && error.kind() == ErrorKind::NotFound => {
            bail!(
                "no file of cases given, and there is no folder {name}; one is called merge{ENDING}, beside merge.yaml"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("{name}: cannot be listed")),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{name}: cannot be listed"))?.path();
        if is_cases(&path) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let given = if default { "no file of cases given, and " } else { "" };
        bail!("{given}{name} holds no file of cases; one is called merge{ENDING}, beside merge.yaml");
    }
    Ok(files)
}

/// Checks where results go, and takes away those of an earlier run. What is no `JUnit` XML stays.
fn prepare(path: &Path) -> Result<()> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let destination = Destination::of(path).map_err(|why| anyhow!("--junit {name}: {why}"))?;
    let Some(place) = destination.place() else { return Ok(()) };
    if !place.exists() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
        return match folder {
            Some(folder) => bail!("--junit {name}: there is no folder {}", clean(&folder.to_string_lossy())),
            None => Ok(()),
        };
    }
    let mut start = Vec::new();
    let file = open_regular(place).map_err(|error| anyhow!("--junit {name}: {error}"))?;
    file.take(1024).read_to_end(&mut start).with_context(|| format!("--junit {name}"))?;
    if !start.is_empty() && !String::from_utf8_lossy(&start).contains("<testsuites") {
        bail!("--junit {name}: is there and is not JUnit XML; nothing was written");
    }
    remove(place).map_err(|why| anyhow!("--junit {name}: {why}"))
}

fn is_cases(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING))
}

/// Whether a file is a policy: a file of cases has no `gate`.
fn policy_itself(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b'\n').any(|line| line.starts_with(b"gate:"))
}

/// Reads a file of cases with its policy, and runs them.
fn cases(path: &Path) -> Result<TestRun> {
    let name = clean(&path.to_string_lossy()).into_owned();
    let bytes = bytes_of(path).with_context(|| name.clone())?;
    let cases = testing::load(&name, &bytes).map_err(|error| {
        // Whoever gives the policy itself means the cases beside it.
        let beside = path.with_extension("test.yaml");
        match policy_itself(&bytes) {
            true if beside.is_file() => {
                anyhow!("{name}: is a policy; its cases are in {}", clean(&beside.to_string_lossy()))
            }
            true => anyhow!(
                "{name}: is a policy; cases are a file of their own, such as {}",
                clean(&beside.to_string_lossy())
            ),
            false => error.into(),
        }
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let policy = match &cases.policy {
        Some(named) if named.contains(['/', '.']) => folder.join(named),
        Some(named) => PathBuf::from(named),
        None => match path.file_name().and_then(|name| name.to_str()?.strip_suffix(ENDING)) {
            Some(stem) => folder.join(format!("{stem}.yaml")),
            None => bail!(
                "{name}: say which policy it is for: `policy: merge.yaml`; only X{ENDING} is for X.yaml by its name"
            ),
        },
    };
    let policy = PolicyRequest::of_file(policy).policy().with_context(|| format!("{name}: its policy"))?;
    let checked = cases.check(&name, &bytes, &policy)?;
    if checked.is_empty() {
        bail!("{name}: holds no case");
    }
    let mut ran = Vec::new();
    for case in checked {
        let decision = decide(&case, &policy, folder)
            .with_context(|| format!("{name}:{}: case `{}`", case.line, case.name))?;
        let differences = differences(&case, &decision);
        ran.push((case, differences));
    }
    Ok(TestRun { name, policy: policy.source, cases: ran })
}

/// The decision on the evidence of a case, and on nothing else.
fn decide(case: &PolicyTestCase, policy: &Policy, folder: &Path) -> Result<Decision> {
    let about = RunFlags {
        commit: case.commit.as_deref(),
        subjects: &case.subjects,
        parameters: &case.parameters,
        no_env: true,
    };
    let context = context(&about, &mut Environment::default(), policy, case.now)?;
    let given: Vec<GivenFile> = case
        .files
        .iter()
        .map(|(entry, file)| GivenFile { path: folder.join(file), format: None, entry: Some(entry.clone()) })
        .collect();
    let files = case.waivers.iter().map(|file| folder.join(file)).collect();
    let waivers = Waivers::new(waivers_of_files(policy, files, case.now)?);
    let rehearsal =
        TestReports { reports: &case.reports, base: Some(&case.base_counts).filter(|_| !case.without_base) };
    let inputs = Inputs {
        policy,
        waivers: &waivers,
        source: EvidenceSource::Case { given: &given, written: rehearsal },
        roots: &[],
        comparison: None,
        change: None,
        secret_key: None,
    };
    let limits = Limits { max_report: 1 << 30, max_stdin: 0, max_findings: 1000 };
    crate::check(inputs, &context, limits).map_err(|faults| {
        let faults: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        anyhow!(faults.join("; "))
    })
}

/// Differences from the expected outcome.
fn differences(case: &PolicyTestCase, decision: &Decision) -> Vec<String> {
    let mut found = Vec::new();
    let verdict = decision.verdict.as_str();
    let rule = |id: &String| decision.rules.iter().find(|rule| rule.id == *id);
    for (id, expected) in &case.rules {
        let Some(rule) = rule(id) else { continue };
        if rule.outcome.as_str() != *expected {
            let why = if rule.message.is_empty() { "it matched nothing" } else { rule.message.as_str() };
            found.push(format!("{id}: expected {expected}, got {}: {why}", rule.outcome.as_str()));
        }
    }
    for (id, expected) in &case.counts {
        let Some(rule) = rule(id) else { continue };
        if rule.count != *expected {
            found.push(format!("{id}: expected {expected} to count, got {}", rule.count));
        }
    }
    if verdict != case.verdict {
        let mut why = decision.decisive();
        for evidence in decision.evidence.iter().filter(|e| e.outcome >= crate::decide::Outcome::Review) {
            let name = evidence.entry.as_deref().unwrap_or_default();
            let _ = write!(why, "; evidence {name} is {}: {}", evidence.status.as_str(), evidence.message);
        }
        found.insert(0, format!("verdict: expected {}, got {verdict}: {}", case.verdict, clean_line(&why)));
    }
    found
}

/// The results as `JUnit` XML, a suite a file.
fn junit(ran: &[TestRun], faults: &[String]) -> Result<Vec<u8>> {
    let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    let mut writer = Writer::new_with_indent(&mut out, b' ', 1);
    let failed =
        |file: &TestRun| file.cases.iter().filter(|(_, differences)| !differences.is_empty()).count();
    writer.create_element("testsuites").write_inner_content(|writer| {
        for file in ran {
            let counts = [file.cases.len().to_string(), failed(file).to_string()];
            let suite = writer.create_element("testsuite").with_attribute(("name", file.name.as_str()));
            let suite = suite.with_attribute(("tests", counts[0].as_str()));
            suite.with_attribute(("failures", counts[1].as_str())).write_inner_content(|writer| {
                for (case, differences) in &file.cases {
                    let element = writer
                        .create_element("testcase")
                        .with_attribute(("classname", file.policy.as_str()))
                        .with_attribute(("name", case.name.as_str()));
                    if differences.is_empty() {
                        element.write_empty()?;
                        continue;
                    }
                    element.write_inner_content(|writer| {
                        let text = clean(&differences.join("\n")).into_owned();
                        let first =
                            differences.first().map(|line| clean(line).into_owned()).unwrap_or_default();
                        let failure =
                            writer.create_element("failure").with_attribute(("message", first.as_str()));
                        failure.write_text_content(BytesText::new(&text))?;
                        Ok(())
                    })?;
                }
                Ok(())
            })?;
        }
        for fault in faults {
            let suite =
                writer.create_element("testsuite").with_attribute(("name", "files that could not be run"));
            let suite = suite.with_attribute(("tests", "1")).with_attribute(("errors", "1"));
            suite.write_inner_content(|writer| {
                let case = writer.create_element("testcase").with_attribute(("name", "file"));
                case.write_inner_content(|writer| {
                    let text =
                        fault.lines().map(|line| clean(line).into_owned()).collect::<Vec<_>>().join("\n");
                    writer.create_element("error").write_text_content(BytesText::new(&text))?;
                    Ok(())
                })?;
                Ok(())
            })?;
        }
        Ok(())
    })?;
    out.push(b'\n');
    Ok(out)
}

//! `run` of an evidence entry: a program by its name, and placeholders that are known.

use super::super::error::{PolicyProblems, quoted};
use super::super::scanner_command::{CHANGED, REPORT, ScannerCommand};
use super::super::written::{At, Name, Seq};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Checks how a scanner is started.
pub(super) fn run(written: At<Seq<Name>>, problems: &mut PolicyProblems) -> Option<ScannerCommand> {
    let before = problems.len();
    let words = written.value.0;
    if let Some(program) = words.first() {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if !program.value.chars().all(name) || program.value.starts_with(['-', '.']) {
            problems.add(program.at, PolicyDiagnostic::InvalidProgram { shown: quoted(&program.value) });
        }
    }
    let mut changed = 0;
    for word in words.iter().skip(1) {
        let text = word.value.as_str();
        let placeholder = |c: char| c.is_ascii_lowercase() || c == '_';
        let inside = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        if text == CHANGED {
            changed += 1;
        } else if text.contains(CHANGED) {
            problems.add(word.at, PolicyDiagnostic::ChangedWithinAWord { known: CHANGED });
        } else if text != REPORT && inside.is_some_and(|t| !t.is_empty() && t.chars().all(placeholder)) {
            problems.unknown(
                word.at,
                PolicyDiagnostic::UnknownPlaceholder { shown: quoted(text) },
                text,
                &[REPORT, CHANGED],
            );
        }
    }
    if changed > 1 {
        problems.add(written.at, PolicyDiagnostic::ChangedRepeated { known: CHANGED, times: changed });
    }
    let argv = words.into_iter().map(|word| word.value).collect();
    (problems.len() == before).then_some(ScannerCommand { line: written.at.line, argv })
}

#[cfg(test)]
mod tests {
    use crate::policy::load;

    fn run_of(run: &str) -> Result<Vec<String>, String> {
        let text = format!(
            "version: 1\ngate: merge\nevidence:\n  sast: {{category: sast, files: [s.json], run: {run}}}\n\
             rules: [{{id: a, findings: {{severity: low}}, then: fail}}]\n"
        );
        let policy = load("p", text.as_bytes()).map_err(|e| e.to_string())?;
        Ok(policy.evidence[0].run.clone().unwrap().argv)
    }

    #[test]
    fn a_program_and_its_words() {
        assert_eq!(run_of("[semgrep, --json, \"{changed}\"]").unwrap(), ["semgrep", "--json", "{changed}"]);
        for (bad, says) in [
            ("semgrep --json", "must be a list"),
            ("[]", "is an empty list"),
            ("[./scan.sh]", "not the name of a program"),
            ("[semgrep --json]", "not the name of a program"),
            ("[semgrep, \"{chnaged}\"]", "did you mean `{changed}`?"),
            ("[semgrep, \"--files={changed}\"]", "a word by itself"),
            ("[semgrep, \"{changed}\", \"{changed}\"]", "2 times"),
        ] {
            let error = run_of(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}

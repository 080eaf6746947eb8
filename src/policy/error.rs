//! Errors in a policy: every problem of the file, each with its place, its line and a way out.

use std::fmt;

use super::diagnostics::PolicyDiagnostic;
use crate::finding::clean;

/// More problems than a reader can use; the rest is counted.
const SHOWN: usize = 50;

/// Longest excerpt of a source line, in characters.
const EXCERPT: usize = 100;

/// Longest word of the file that a message repeats, in characters.
const ECHO: usize = 60;

/// Longest word that is compared with the known ones: comparing takes time in the product of the lengths.
const COMPARED: usize = 40;

/// A place in a file, line and column counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SourcePosition {
    /// 0 for the file itself, 1 for the policy that it extends, and so on.
    pub(super) file: u16,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl SourcePosition {
    /// The first character of the file, for what is wrong with the whole.
    pub(super) const START: Self = Self::at(1, 1);

    /// A place in the file itself.
    pub(super) const fn at(line: u64, column: u64) -> Self {
        Self { file: 0, line, column }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// 0 for the file itself, 1 for the policy that it extends, and so on.
    pub file: u16,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1, in characters.
    pub column: u64,
    /// The diagnostic.
    pub diagnostic: PolicyDiagnostic,
    /// The problem, on one line.
    pub message: String,
    /// The word that was most probably meant.
    pub near: Option<String>,
    /// Action to take, on one line.
    pub help: Option<String>,
}

impl PolicyProblem {
    /// Its code for programs.
    pub fn code(&self) -> &'static str {
        self.diagnostic.code()
    }

    /// The word that was most probably meant, else the action to take.
    pub fn suggestion(&self) -> Option<&str> {
        self.near.as_deref().or(self.help.as_deref())
    }
}

/// All problems of one policy, in the order of the file. A policy with a problem is never used.
#[derive(Debug)]
pub struct PolicyError {
    sources: Vec<String>,
    problems: Vec<PolicyProblem>,
    more: usize,
    excerpts: Vec<String>,
}

impl PolicyError {
    /// The problems of `text`, which is called `source`.
    pub(super) fn new(source: &str, text: &str, found: PolicyProblems) -> Self {
        Self::from_problems(&[(source, text)], found)
    }

    /// The problems of several files, each with its name and text.
    pub(super) fn from_problems(files: &[(&str, &str)], found: PolicyProblems) -> Self {
        let PolicyProblems { mut list, more } = found;
        list.sort_by_key(|p| (p.file, p.line, p.column));
        // Another file under a policy's name may hold anything, a secret included: only what looks like a file of ours
        // is quoted.
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let texts: Vec<Vec<String>> = files
            .iter()
            .map(|(_, text)| lines(text))
            .map(|l| if is_ours(&l) { l } else { Vec::new() })
            .collect();
        let line = |p: &PolicyProblem| {
            let at = usize::try_from(p.line).ok()?.checked_sub(1)?;
            texts.get(usize::from(p.file))?.get(at)
        };
        let excerpts = list.iter().map(|p| line(p).map_or_else(String::new, |l| excerpt(l, p))).collect();
        let sources = files.iter().map(|(source, _)| clean(source).into_owned()).collect();
        Self { sources, problems: list, more, excerpts }
    }

    /// The file that a problem is in, as messages name it.
    pub fn source_of(&self, problem: &PolicyProblem) -> &str {
        self.sources.get(usize::from(problem.file)).map_or("", String::as_str)
    }

    /// Each problem, in the order of the file.
    pub fn problems(&self) -> &[PolicyProblem] {
        &self.problems
    }
}

impl std::error::Error for PolicyError {}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (problem, excerpt)) in self.problems.iter().zip(&self.excerpts).enumerate() {
            if index > 0 {
                writeln!(f, "\n")?;
            }
            let source = self.sources.get(usize::from(problem.file)).map_or("", String::as_str);
            write!(f, "{source}:{}:{}: {}", problem.line, problem.column, problem.message)?;
            if !excerpt.is_empty() {
                write!(f, "\n{excerpt}")?;
            }
            if let Some(help) = &problem.help {
                write!(f, "\nhelp: {help}")?;
            }
        }
        if self.more > 0 {
            write!(f, "\n\nand {} more", self.more)?;
        }
        Ok(())
    }
}

/// True if a line is one of the keys that every policy, waiver file, mapping file or file of cases has, as YAML or as JSON.
fn is_ours(lines: &[String]) -> bool {
    let has = |keys: &[&str]| {
        lines.iter().any(|line| {
            let line = line.trim_start_matches(['\u{feff}', '{', ' ', '\t']);
            keys.iter()
                .any(|key| line.starts_with(&format!("{key}:")) || line.starts_with(&format!("\"{key}\":")))
        })
    };
    has(&["gate", "waivers", "mappings", "rules", "evidence", "cases"])
}

/// The source line and a caret below the place, cut to what is around it.
fn excerpt(line: &str, problem: &PolicyProblem) -> String {
    let at = usize::try_from(problem.column).unwrap_or(1).saturating_sub(1);
    let from = if at < EXCERPT - 20 { 0 } else { at - EXCERPT / 2 };
    let before: String = line.chars().skip(from).take(at - from).collect();
    let after: String = line.chars().skip(at).take(EXCERPT.saturating_sub(at - from)).collect();
    if before.trim().is_empty() && after.trim().is_empty() {
        return String::new();
    }
    let (before, after) = (clean(&before), clean(&after));
    let number = problem.line.to_string();
    let gutter = " ".repeat(number.len());
    let blank = " ".repeat(before.chars().count());
    format!("{gutter} |\n{number} | {before}{}\n{gutter} | {blank}^", after.trim_end())
}

/// Collects problems while a policy is read, so that one run names them all.
#[derive(Debug, Default)]
pub(super) struct PolicyProblems {
    list: Vec<PolicyProblem>,
    more: usize,
}

impl PolicyProblems {
    /// One problem.
    pub(super) fn add(&mut self, at: SourcePosition, diagnostic: PolicyDiagnostic) {
        self.add_near(at, diagnostic, None);
    }

    /// One problem, and the word that was most probably meant; without it the diagnostic's own suggestion stands.
    pub(super) fn add_near(&mut self, at: SourcePosition, diagnostic: PolicyDiagnostic, near: Option<&str>) {
        let help = if near.is_some() { None } else { diagnostic.suggestion() };
        self.push(at, diagnostic, near, help);
    }

    fn push(
        &mut self,
        at: SourcePosition,
        diagnostic: PolicyDiagnostic,
        near: Option<&str>,
        help: Option<String>,
    ) {
        if self.list.len() >= SHOWN {
            self.more += 1;
            return;
        }
        let mut message = diagnostic.to_string();
        if let Some(near) = near {
            message = format!("{message}; did you mean `{near}`?");
        }
        let SourcePosition { file, line, column } = at;
        let near = near.map(str::to_owned);
        self.list.push(PolicyProblem { file, line, column, diagnostic, message, near, help });
    }

    /// Says that all of it is in the file with this number.
    pub(super) fn in_file(&mut self, file: u16) {
        self.list.iter_mut().for_each(|problem| problem.file = file);
    }

    /// Puts in front of each message what `of` says about its place.
    pub(super) fn name(&mut self, of: impl Fn(SourcePosition) -> Option<String>) {
        for problem in &mut self.list {
            if let Some(name) =
                of(SourcePosition { file: problem.file, line: problem.line, column: problem.column })
            {
                problem.message = format!("{name}: {}", problem.message);
            }
        }
    }

    /// How many there are so far.
    pub(super) fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// True as long as nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A word that is none of `known`.
    pub(super) fn unknown(
        &mut self,
        at: SourcePosition,
        diagnostic: PolicyDiagnostic,
        word: &str,
        known: &[&str],
    ) {
        let help = foreign_letter(word);
        if let Some(near) = nearest(word, known) {
            self.push(at, diagnostic, Some(near), help);
        } else {
            let known = format!("known are {}", listed(known));
            let help = help.map_or(known.clone(), |h| format!("{h}; {known}"));
            self.push(at, diagnostic, None, Some(help));
        }
    }
}

/// Says that a word holds a character that only looks like a letter of the keys.
fn foreign_letter(word: &str) -> Option<String> {
    let odd = word.chars().find(|c| !c.is_ascii())?;
    Some(format!("the word holds U+{:04X}, which is not a letter of any key", u32::from(odd)))
}

/// A word of the file between backticks: inert and not overlong.
pub(super) fn quoted(word: &str) -> String {
    let mut short: String = word.chars().take(ECHO).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    format!("`{}`", clean(&short))
}

/// The known word that a mistyped one most probably stands for.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > COMPARED {
        return None;
    }
    let word = word.trim().to_lowercase();
    let letters = word.chars().count();
    let distance = |k: &&str| strsim::damerau_levenshtein(&word, k);
    let (near, far) = known.iter().map(|k| (*k, distance(k))).min_by_key(|(_, d)| *d)?;
    let allowed = (letters.max(near.len()) / 3).max(1);
    if far <= allowed && far < letters.max(2) {
        return Some(near);
    }
    let begins = |k: &&&str| letters > 2 && k.len() > 2 && (k.starts_with(&word) || word.starts_with(**k));
    known.iter().find(begins).copied()
}

/// `` `a`, `b`, `c` ``
pub(super) fn listed(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(nearest("serverity", &["severity", "state"]), Some("severity"));
        assert_eq!(nearest("form", &["from", "without"]), Some("from"));
        assert_eq!(nearest("HIGH", &["high", "low"]), Some("high"));
        assert_eq!(nearest("x", &["as", "if"]), None);
        assert_eq!(nearest("time_budget", &["title", "then"]), None);
    }

    #[test]
    fn a_problem_shows_its_line() {
        let mut problems = PolicyProblems::default();
        problems.add(SourcePosition::at(2, 3), PolicyDiagnostic::WideEncoding);
        let shown = PolicyError::new("p.yaml", "gate: x\nb \u{202e}c\n", problems).to_string();
        assert_eq!(
            shown,
            "p.yaml:2:3: the file is UTF-16 or UTF-32, not UTF-8\n  |\n2 | b \\u{202e}c\n  |   ^\nhelp: save it as UTF-8"
        );
    }

    #[test]
    fn another_file_is_not_quoted() {
        let mut problems = PolicyProblems::default();
        problems.add(SourcePosition::at(1, 1), PolicyDiagnostic::MapToUnknown);
        let shown = PolicyError::new("prod.env", "KEY=hunter2\n", problems).to_string();
        assert_eq!(shown, "prod.env:1:1: `as` must be a level, not `unknown`");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let mut problems = PolicyProblems::default();
        problems.add(SourcePosition::at(1, 60_001), PolicyDiagnostic::MapToUnknown);
        let shown = PolicyError::new("p.yaml", &"k".repeat(70_000), problems).to_string();
        assert!(shown.len() < 400, "{shown}");
    }
}

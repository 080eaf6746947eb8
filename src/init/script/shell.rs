//! As much of a shell's language as gates are written in.

use std::collections::BTreeMap;

use super::NumberComparison;

/// A command and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShellCommand {
    pub(super) line: u64,
    pub(super) text: String,
}

/// A command, or an `if` with what it guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ShellBlock {
    Simple(ShellCommand),
    If { condition: ShellCommand, then: Vec<ShellBlock>, otherwise: Vec<ShellBlock> },
}

/// Open quotes, brackets and groups `{ … }` while a text is read.
#[derive(Default)]
struct OpenSyntax {
    stack: Vec<char>,
    before: char,
}

/// A group of commands.
const GROUP: char = 'G';

impl OpenSyntax {
    /// Takes the next character; `group` says that a brace here would group commands.
    fn feed(&mut self, c: char, group: bool) {
        let code = matches!(self.stack.last(), None | Some(')' | '`' | '}' | &GROUP));
        match (c, self.stack.last().copied()) {
            ('\'', Some('\''))
            | ('"', Some('"'))
            | ('`', Some('`'))
            | (')', Some(')'))
            | ('}', Some('}' | GROUP)) => {
                self.stack.pop();
            }
            (_, Some('\'')) => {}
            ('\'' | '"', _) if code => self.stack.push(c),
            ('`', _) => self.stack.push(c),
            ('(', _) if code || self.before == '$' => self.stack.push(')'),
            ('{', _) if self.before == '$' => self.stack.push('}'),
            ('{', None) if group => self.stack.push(GROUP),
            _ => {}
        }
        self.before = c;
    }

    fn nothing(&self) -> bool {
        self.stack.is_empty()
    }
}

/// Splits a text at ends of commands that stand in no quotes and no brackets: at newlines and `;`.
pub(super) fn commands(text: &str) -> Vec<ShellCommand> {
    let mut commands: Vec<ShellCommand> = Vec::new();
    let (mut line, mut begin) = (1, 1);
    let mut current = String::new();
    let mut open = OpenSyntax { before: '\n', ..OpenSyntax::default() };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        line += u64::from(c == '\n');
        if c == '\\' && open.stack.last() != Some(&'\'') {
            let next = chars.next();
            line += u64::from(next == Some('\n'));
            if next == Some('\n') {
                current.push(' ');
            } else {
                current.push(c);
                current.extend(next);
            }
            open.before = ' ';
            continue;
        }
        let code = matches!(open.stack.last(), None | Some(&GROUP));
        if c == '#' && code && (open.before.is_whitespace() || open.before == ';') {
            while chars.peek().is_some_and(|next| *next != '\n') {
                chars.next();
            }
            continue;
        }
        let so_far = current.trim_end();
        let goes_on = ["&&", "||", "|"].iter().any(|end| so_far.ends_with(end));
        if open.nothing() && (c == ';' || c == '\n' && !goes_on) {
            end(&mut commands, &mut current, begin);
            open.before = c;
            continue;
        }
        if so_far.is_empty() && !c.is_whitespace() {
            begin = line;
        }
        open.feed(c, goes_on);
        current.push(if c == '\n' && open.stack.last() == Some(&GROUP) { ';' } else { c });
    }
    end(&mut commands, &mut current, begin);
    commands
}

fn end(commands: &mut Vec<ShellCommand>, current: &mut String, line: u64) {
    let text = current.split_whitespace().collect::<Vec<_>>().join(" ");
    current.clear();
    if !text.is_empty() {
        words_that_open(line, &text, commands);
    }
}

/// `then cmd`, `else cmd` and `do cmd` become commands of their own.
fn words_that_open(line: u64, text: &str, into: &mut Vec<ShellCommand>) {
    for word in ["then", "else", "do", "{"] {
        if let Some(rest) = text.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            into.push(ShellCommand { line, text: word.to_owned() });
            if !rest.trim().is_empty() {
                words_that_open(line, rest.trim(), into);
            }
            return;
        }
    }
    into.push(ShellCommand { line, text: text.to_owned() });
}

type Rest = std::iter::Peekable<std::vec::IntoIter<ShellCommand>>;

/// The commands of a script with their `if`s; loops and functions are looked into as if they stood open.
pub(super) fn blocks(text: &str) -> Vec<ShellBlock> {
    let mut rest = commands(text).into_iter().peekable();
    let mut blocks = Vec::new();
    while rest.peek().is_some() {
        blocks.extend(sequence(&mut rest));
        // A word that closes nothing.
        rest.next();
    }
    blocks
}

fn sequence(rest: &mut Rest) -> Vec<ShellBlock> {
    let mut blocks = Vec::new();
    while let Some(command) = rest.next_if(|next| !closes(&next.text)) {
        if let Some(condition) = command.text.strip_prefix("if ") {
            branches(ShellCommand { line: command.line, text: condition.to_owned() }, rest, &mut blocks);
            rest.next_if(|next| next.text == "fi" || next.text.starts_with("fi "));
        } else if !matches!(command.text.as_str(), "then" | "do" | "done" | "{" | "}") {
            blocks.push(ShellBlock::Simple(command));
        }
    }
    blocks
}

fn closes(text: &str) -> bool {
    matches!(text, "fi" | "else") || text.starts_with("elif ") || text.starts_with("fi ")
}

/// An `if`, and each `elif` as one of its own beside it: an earlier one that held has stopped the script.
fn branches(condition: ShellCommand, rest: &mut Rest, into: &mut Vec<ShellBlock>) {
    let then = sequence(rest);
    let mut otherwise = Vec::new();
    if rest.next_if(|next| next.text == "else").is_some() {
        otherwise = sequence(rest);
    }
    into.push(ShellBlock::If { condition, then, otherwise });
    if let Some(next) = rest.next_if(|next| next.text.starts_with("elif ")) {
        let text = next.text.strip_prefix("elif ").unwrap_or_default().to_owned();
        branches(ShellCommand { line: next.line, text }, rest, into);
    }
}

/// A function of the script.
#[derive(Debug)]
pub(super) struct ShellFunction {
    pub(super) name: String,
    pub(super) lines: std::ops::RangeInclusive<u64>,
    /// It ends the script with a failure, or notes that it is to end, and asks nothing before.
    pub(super) stops: bool,
}

/// The functions of a script.
pub(super) fn functions(text: &str) -> Vec<ShellFunction> {
    let mut functions = Vec::new();
    let mut open: Option<(String, u64, bool, bool)> = None;
    for (line, number) in text.lines().map(str::trim).zip(1_u64..) {
        let begin = line.strip_prefix("function ").unwrap_or(line);
        let mut one_line = false;
        if let Some((name, rest)) = begin.split_once("()")
            && is_name(name.trim())
        {
            one_line = rest.trim_end().ends_with('}');
            open = Some((name.trim().to_owned(), number, false, false));
        }
        let Some((name, first, stops, asks)) = &mut open else { continue };
        let asked = ["if ", "case ", "&&", "||", "jq ", "grep ", "[ "].iter().any(|word| line.contains(word));
        *asks |= asked;
        let mut words = line.split(|c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}'));
        let raises = counted_up(line).next().is_some()
            || words.clone().any(|word| {
                assignment(word)
                    .is_some_and(|(_, value)| matches!(value.trim_matches(['"', '\'']), "1" | "true"))
            });
        *stops |= raises || words.any(|word| word == "exit") && !exits(line).is_empty();
        if one_line || line == "}" {
            functions.push(ShellFunction {
                name: name.clone(),
                lines: *first..=number,
                stops: *stops && !*asks,
            });
            open = None;
        }
    }
    functions
}

/// Codes of the `exit` and `return` in a command that are not 0; without a code it is that of the command before.
pub(super) fn exits(text: &str) -> Vec<&str> {
    let mut words =
        text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '(' | ')' | '&' | '|' | '\''));
    let mut codes = Vec::new();
    while let Some(word) = words.next() {
        if matches!(word, "exit" | "return" | "sys.exit") {
            let code = words.next().unwrap_or_default();
            if code != "0" && !(word == "return" && code.is_empty()) {
                codes.push(code);
            }
        }
    }
    // What is only said.
    if matches!(program(text), "echo" | "printf") { Vec::new() } else { codes }
}

/// Names that a command counts up: `X=$((X + 1))`, `((X++))`, `let X+=1`, `X+=1`.
pub(super) fn counted_up(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| is_name(word));
    words.filter(move |name| {
        let compact = text.split_whitespace().collect::<String>();
        [format!("{name}++"), format!("{name}+="), format!("++{name}")]
            .iter()
            .any(|up| compact.contains(up.as_str()))
            || [
                format!("{name}=$(({name}+"),
                format!("{name}=$((${name}+"),
                format!("{name}=$((${{{name}}}+"),
            ]
            .iter()
            .any(|up| compact.contains(up.as_str()))
    })
}

/// Words that only say how a variable is kept.
pub(super) const KEEPERS: &[&str] =
    &["export", "local", "readonly", "declare", "typeset", "-i", "-r", "-x", "-g"];

/// Names that a command uses the values of; in brackets of arithmetic also without `$`.
pub(super) fn names_used(text: &str) -> impl Iterator<Item = &str> {
    let arithmetic = text.contains("((");
    let parts = text.split('$').skip(1).map(|rest| {
        let rest = rest.trim_start_matches(['{', '#']);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    });
    let bare = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(move |word| arithmetic && !matches!(*word, "if" | "elif" | "exit" | "return" | "test"));
    parts.chain(bare).filter(|name| is_name(name))
}

/// `set -e` and what is the same.
pub(super) fn sets_errexit(line: &str) -> bool {
    let line = line.trim();
    let flags = line
        .strip_prefix("set ")
        .or_else(|| line.strip_prefix("#!").and_then(|l| l.split_once(' ')).map(|(_, f)| f));
    flags.is_some_and(|flags| {
        flags.contains("errexit")
            || flags
                .split_whitespace()
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('e'))
    })
}

/// A scanner that ends with a failure where it finds something.
pub(super) fn is_scanner_that_decides(text: &str) -> bool {
    let text = text.trim_start_matches("! ");
    if [
        "|| true",
        "|| :",
        "|| echo",
        "|| exit 0",
        "--exit-zero",
        "--soft-fail",
        "--no-fail",
        "--exit-code 0",
        "--exit-code=0",
    ]
    .iter()
    .any(|lets_pass| text.contains(lets_pass))
    {
        return false;
    }
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let by_itself = matches!(
        first,
        "gitleaks"
            | "bandit"
            | "checkov"
            | "gosec"
            | "tfsec"
            | "kics"
            | "pip-audit"
            | "osv-scanner"
            | "safety"
            | "snyk"
            | "hadolint"
            | "govulncheck"
            | "detect-secrets-hook"
            | "eslint"
            | "spectral"
    ) || matches!((first, second), ("npm" | "yarn" | "pnpm" | "cargo" | "composer", "audit"));
    let on_demand = matches!(
        first,
        "trivy" | "semgrep" | "grype" | "detect-secrets" | "trufflehog" | "docker" | "opengrep"
    ) && ["--exit-code", "--error", "--fail"].iter().any(|flag| text.contains(flag));
    by_itself || on_demand
}

/// A program of the project's own, which may look at anything.
pub(super) fn is_other_program(text: &str) -> bool {
    let first = program(text.trim_start_matches("! "));
    let interpreter = matches!(
        first
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'),
        "python" | "node" | "ruby" | "perl" | "bash" | "sh" | "awk" | "make" | "source" | "conftest" | "opa"
    );
    interpreter
        || first == "."
        || first.starts_with("./")
        || first.starts_with("ci/")
        || first.starts_with("scripts/")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where a text outside quotes and brackets splits at one of some operators; each part with the operator before it.
fn split<'t>(text: &'t str, operators: &[&'static str]) -> Vec<(&'static str, &'t str)> {
    let mut parts = Vec::new();
    let mut open = OpenSyntax { before: ' ', ..OpenSyntax::default() };
    let (mut begin, mut operator, mut skip) = (0, "", 0);
    for (at, c) in text.char_indices() {
        if at >= skip && open.nothing() {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(found) = operators.iter().find(|operator| rest.starts_with(**operator)) {
                parts.push((operator, text.get(begin..at).unwrap_or_default().trim()));
                operator = found;
                begin = at + found.len();
                skip = begin;
            }
        }
        open.feed(c, operator == "&&" || operator == "||");
    }
    parts.push((operator, text.get(begin..).unwrap_or_default().trim()));
    parts
}

/// `CONDITION && COMMAND`: the condition, the commands, and whether they follow where it does not hold.
pub(super) fn short_circuit(text: &str) -> Option<(String, Vec<String>, bool)> {
    let parts = split(text, &["&&", "||"]);
    let (&(operator, body), before) = parts.split_last()?;
    before.first()?;
    let joined: Vec<String> = before
        .iter()
        .map(
            |(operator, part)| {
                if operator.is_empty() { (*part).to_owned() } else { format!("{operator} {part}") }
            },
        )
        .collect();
    let inner = body.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(body);
    let body =
        split(inner, &[";"]).into_iter().map(|(_, part)| part.to_owned()).filter(|part| !part.is_empty());
    Some((joined.join(" "), body.collect(), operator == "||"))
}

/// The parts of a condition of which one is enough; those that ask for a file may stand beside. `None`: all must hold.
pub(super) fn alternatives(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    // Brackets around all of it, or around each part.
    let inner = Some(bare(text)).filter(|inner| !inner.contains("] ")).unwrap_or(text);
    let parts = if split(inner, &["&&", "||", " -o ", " -a "]).len() > 1 { inner } else { text };
    let split = split(parts, &["&&", "||", " -o ", " -a "]);
    let files = split.iter().filter(|(_, part)| super::is_file_test(part)).count();
    let all = split.iter().any(|(operator, _)| matches!(*operator, "&&" | " -a "));
    if all && split.len() - files > 1 {
        return None;
    }
    let parts: Vec<String> = split
        .into_iter()
        .map(|(_, part)| part)
        .filter(|part| files == 0 || !super::is_file_test(part))
        .map(str::to_owned)
        .collect();
    (!parts.iter().any(|part| part.starts_with("! "))).then_some(parts)
}

/// A test without its brackets.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let pairs = [("[[", "]]"), ("((", "))"), ("[", "]"), ("test ", "")];
    for (begin, end) in pairs {
        if let Some(inner) = text.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)) {
            return inner.trim();
        }
    }
    text
}

/// `A -gt B` in whatever brackets.
pub(super) fn comparison(text: &str) -> Option<NumberComparison> {
    let inner = bare(text);
    let operators = [
        " -gt ", " -ge ", " -ne ", " -eq ", " -lt ", " -le ", " >= ", " <= ", " != ", " == ", " > ", " < ",
        " = ", ">=", "<=", "!=", "==", ">", "<",
    ];
    match split(inner, &operators).as_slice() {
        [(_, left), (operator, right)] => Some(NumberComparison {
            left: (*left).to_owned(),
            operator: operator.trim().to_owned(),
            right: (*right).to_owned(),
        }),
        // `(( count ))` holds where it is not 0.
        [(_, only)] if text.trim().starts_with("((") => Some(NumberComparison {
            left: (*only).to_owned(),
            operator: "-ne".to_owned(),
            right: "0".to_owned(),
        }),
        _ => None,
    }
}

/// The operator with its sides changed over.
pub(super) fn mirrored(operator: &str) -> &str {
    match operator {
        "-gt" => "-lt",
        "-ge" => "-le",
        "-lt" => "-gt",
        "-le" => "-ge",
        ">" => "<",
        ">=" => "<=",
        "<" => ">",
        "<=" => ">=",
        same => same,
    }
}

/// `NAME=VALUE`.
pub(super) fn assignment(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, value)| is_name(name) && !value.starts_with('='))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// A number, also the default of a variable.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = unquoted(text);
    let default = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|rest| rest.split_once(":-"));
    let digits = default.map_or(text, |(_, digits)| digits);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A text that stands for itself, also the default of a variable.
pub(super) fn text(value: &str) -> Option<&str> {
    let value = unquoted(value);
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let text = inner.and_then(|rest| rest.split_once(":-")).map_or(value, |(_, text)| text);
    (!text.is_empty() && !text.contains(['$', '`', '*', ' '])).then_some(text)
}

/// A command with the texts that its variables stand for.
pub(super) fn expanded(command: &str, texts: &BTreeMap<String, String>) -> String {
    let mut command = command.to_owned();
    // The longest first, so that `$DIR` is not taken for the beginning of `$DIRECTORY`.
    let mut names: Vec<&String> = texts.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        if let Some(text) = texts.get(name) {
            command = command.replace(&format!("${{{name}}}"), text).replace(&format!("${name}"), text);
        }
    }
    command
}

/// Text in `$(…)` or between back quotes.
pub(super) fn substitution(text: &str) -> Option<&str> {
    let text = unquoted(text);
    let round = text
        .strip_prefix("$(")
        .and_then(|rest| rest.strip_suffix(')'))
        .filter(|inner| !inner.starts_with('('));
    round.or_else(|| text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))).map(str::trim)
}

/// The variable that a word is.
pub(super) fn variable(text: &str) -> Option<&str> {
    let text = unquoted(text);
    let text = text.strip_prefix('$').unwrap_or(text);
    let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let name = text.split(":-").next().unwrap_or_default();
    is_name(name).then_some(name)
}

/// The first word.
pub(super) fn program(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default().trim_end_matches(';')
}

/// A command without words that only say how a variable is kept.
pub(super) fn without_words<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let mut text = text.trim();
    while let Some((first, rest)) = text.split_once(' ') {
        if !words.contains(&first) {
            break;
        }
        text = rest.trim_start();
    }
    text
}

/// Content of a command: its words without options, quotes and where it goes.
pub(super) fn quoted_words(text: &str) -> String {
    let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
    let said = split(rest, &[">"]).first().map_or("", |(_, said)| *said);
    let said = said.trim_end_matches([' ', '1', '2']);
    let said = without_words(said, &["-e", "-n", "-en"]);
    unquoted(said).to_owned()
}

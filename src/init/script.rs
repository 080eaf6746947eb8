//! The thresholds of a script such as `security_gate.sh`: counts of findings by `jq` or `grep -c`, compared with a number,
//! and what follows. The script is read, never run. What is not understood is listed, with its line.

mod filter;
mod shell;

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Category, Severity};
use crate::policy::Action;
use filter::FilterCount;
use shell::{ShellBlock, ShellCommand};

/// A condition under which the script stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptThreshold {
    /// Line of the comparison.
    pub line: u64,
    /// A name for the rule.
    pub id: String,
    /// Content of the script.
    pub title: String,
    /// The report that it counts in.
    pub file: String,
    /// Its format, where it was told.
    pub format: Option<&'static str>,
    /// Reports and findings that are counted.
    pub category: Category,
    /// At least this severity.
    pub severity: Option<Severity>,
    /// Of an image.
    pub image: bool,
    /// Only what a new version corrects.
    pub fix: bool,
    /// How many the script let pass.
    pub allow: u64,
    /// Consequence.
    pub then: Action,
    /// The comparison as it stands there.
    pub was: String,
    /// Where the rule differs from it.
    pub notes: Vec<String>,
}

/// Thresholds of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Thresholds that become rules, in the order of the script.
    pub conditions: Vec<ScriptThreshold>,
    /// Lines that do not: the line, its text and why not.
    pub left: Vec<(u64, String)>,
}

/// A count, or why it was not understood.
#[derive(Debug, Clone)]
struct ScriptCount {
    line: u64,
    counted: Result<FilterCount, String>,
    used: bool,
}

/// A number compared with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NumberComparison {
    left: String,
    operator: String,
    right: String,
}

#[derive(Default)]
struct Reader {
    numbers: BTreeMap<String, u64>,
    /// Names whose number depends on how the script runs.
    unsure: BTreeSet<String>,
    /// Names of files and folders.
    texts: BTreeMap<String, String>,
    counts: BTreeMap<String, ScriptCount>,
    /// Functions that end the script, and what else is known of them.
    stops: Vec<String>,
    script: Script,
}

/// Reads a script.
pub fn read_script(text: &str) -> Script {
    let blocks = shell::blocks(text);
    let mut reader = Reader { stops: shell::functions_that_exit(text), ..Reader::default() };
    for block in &blocks {
        reader.block(block, &[]);
    }
    for (name, count) in &reader.counts {
        let left = match &count.counted {
            _ if count.used => continue,
            Ok(_) => format!("`{name}` is counted and compared with nothing that was understood"),
            Err(why) => format!("`{name}`: {why}"),
        };
        reader.script.left.push((count.line, left));
    }
    reader.script.left.sort();
    reader.script.left.dedup();
    reader.script
}

impl Reader {
    /// `around` are the conditions that a block stands under.
    fn block(&mut self, block: &ShellBlock, around: &[&ShellCommand]) {
        match block {
            ShellBlock::Simple(command) => self.simple(command, around),
            ShellBlock::If { condition, then, otherwise } => {
                self.command(condition, true);
                self.branch(condition, then, false, around);
                self.branch(condition, otherwise, true, around);
            }
        }
    }

    fn branch(
        &mut self,
        condition: &ShellCommand,
        body: &[ShellBlock],
        negated: bool,
        around: &[&ShellCommand],
    ) {
        let said = body.iter().filter_map(|block| match block {
            ShellBlock::Simple(command) => Some(command),
            ShellBlock::If { .. } => None,
        });
        let commands: Vec<&ShellCommand> = said.collect();
        let stops = commands.iter().any(|command| self.is_stop(command));
        let said_title = commands.iter().find_map(|command| self.message(command));
        let looks = condition.text.contains("jq ") || self.counts_in(&condition.text).next().is_some();
        let warns = said_title.as_ref().is_some_and(|(_, text)| text.to_ascii_lowercase().contains("warn"));
        let title = said_title.map(|(title, _)| title);
        if stops || (looks && warns) {
            let then = if stops { Action::Fail } else { Action::Warn };
            if around.is_empty() {
                self.condition(condition, negated, then, title.as_deref());
            } else {
                let outer = around.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(" and ");
                // That a file is there is demanded anyway.
                if around.iter().all(|c| is_file_test(&c.text)) {
                    self.condition(condition, negated, then, title.as_deref());
                    self.note(
                        condition.line,
                        &format!("the script looked only if `{outer}`; here the report must be there"),
                    );
                } else {
                    self.leave(condition.line, &format!("`{}` counts only under `{outer}`", condition.text));
                }
            }
        }
        let mut inner: Vec<&ShellCommand> = around.to_vec();
        inner.push(condition);
        for block in body {
            match block {
                // Its exit was told with the condition that it stands under.
                ShellBlock::Simple(command) if self.is_stop(command) => {}
                other => self.block(other, &inner),
            }
        }
    }

    fn simple(&mut self, command: &ShellCommand, around: &[&ShellCommand]) {
        if let Some((condition, body, negated)) = shell::short_circuit(&command.text) {
            let body: Vec<ShellBlock> = body
                .iter()
                .map(|text| ShellBlock::Simple(ShellCommand { line: command.line, text: text.clone() }))
                .collect();
            let inner: Vec<&ShellCommand> = body
                .iter()
                .filter_map(|block| match block {
                    ShellBlock::Simple(command) => Some(command),
                    ShellBlock::If { .. } => None,
                })
                .collect();
            if inner.iter().any(|command| self.is_stop(command)) {
                let condition = ShellCommand { line: command.line, text: condition };
                self.branch(&condition, &body, negated, around);
                return;
            }
        }
        self.command(command, !around.is_empty());
    }

    /// An assignment, or something that decides by its own exit code.
    fn command(&mut self, command: &ShellCommand, guarded: bool) {
        let text =
            shell::without_words(&command.text, &["export", "local", "readonly", "declare", "-i", "-r"]);
        if let Some((name, value)) = shell::assignment(text) {
            if let Some(number) = shell::number(value) {
                self.numbers.insert(name.to_owned(), number);
                if guarded {
                    self.unsure.insert(name.to_owned());
                }
            } else if let Some(inner) = shell::substitution(value) {
                if let Some(counted) = filter::count(&shell::expanded(inner, &self.texts)) {
                    self.counted(command.line, name, counted);
                }
            } else if let Some(text) = shell::text(value) {
                self.texts.insert(name.to_owned(), text.to_owned());
            } else if value.contains("((") && self.counts_in(value).next().is_some() {
                let counted = Err(format!("`{}` is a sum of counts; a rule counts one kind", value.trim()));
                let used: Vec<String> = self.counts_in(value).map(str::to_owned).collect();
                for name in used {
                    self.used(&name);
                }
                self.counts.insert(name.to_owned(), ScriptCount { line: command.line, counted, used: false });
            }
            return;
        }
        let first = shell::program(text);
        let decides = matches!(first, "jq") && text.contains(" -e")
            || (text.contains("--exit-code") || text.contains("--error") || text.contains("--fail-on"))
                && matches!(
                    first,
                    "trivy" | "semgrep" | "gitleaks" | "grype" | "bandit" | "checkov" | "detect-secrets"
                );
        if decides {
            self.leave(
                command.line,
                &format!("`{text}` decides by its own exit code; have it write its report instead"),
            );
        }
    }

    fn counted(&mut self, line: u64, name: &str, mut counted: Result<FilterCount, String>) {
        if self.counts.get(name).is_some_and(|before| !before.used && before.counted != counted) {
            counted = Err("is counted in several ways".to_owned());
        }
        self.counts.insert(name.to_owned(), ScriptCount { line, counted, used: false });
    }

    /// The counts that a text names.
    fn counts_in<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
        let known: Vec<String> = self.counts.keys().cloned().collect();
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(move |word| known.iter().any(|name| name == word))
    }

    fn used(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            count.used = true;
        }
    }

    fn leave(&mut self, line: u64, what: &str) {
        self.script.left.push((line, what.to_owned()));
    }

    fn note(&mut self, line: u64, what: &str) {
        for condition in self.script.conditions.iter_mut().filter(|c| c.line == line) {
            condition.notes.push(what.to_owned());
        }
    }

    /// Whether a command stops the script, or notes that it is to be stopped.
    fn is_stop(&self, command: &ShellCommand) -> bool {
        let first = shell::program(&command.text);
        let flag = shell::assignment(&command.text).is_some_and(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let value = value.trim_matches(['"', '\'']);
            ["fail", "status", "exit", "rc", "result", "error"].iter().any(|word| name.contains(word))
                && (matches!(value, "1" | "true" | "fail" | "failed" | "FAIL")
                    || shell::number(value).is_some_and(|n| n > 0))
        });
        let code = command.text.split_whitespace().nth(1).unwrap_or("1").trim_end_matches(';');
        flag || (matches!(first, "exit" | "return") && code != "0")
            || self.stops.iter().any(|name| name == first)
    }

    /// What is said: without what every line says, and as it stands.
    fn message(&self, command: &ShellCommand) -> Option<(String, String)> {
        let first = shell::program(&command.text);
        if !matches!(first, "echo" | "printf" | "log" | "err" | "warn" | "die")
            && !self.stops.iter().any(|name| name == first)
        {
            return None;
        }
        let text = shell::quoted_words(&command.text);
        let mut title = text.trim();
        for prefix in [
            "[FAIL]", "[WARN]", "[ERROR]", "FAIL:", "WARNING:", "WARN:", "ERROR:", "FAILED:", "\u{274c}",
            "\u{26a0}",
        ] {
            title = title.strip_prefix(prefix).unwrap_or(title).trim();
        }
        let title = title.trim_end_matches("\\n");
        let plain = !title.is_empty() && !title.contains(['$', '`', '%']);
        Some((if plain { title.to_owned() } else { String::new() }, text.clone()))
    }

    /// Turns a condition into rules, one for each of the comparisons of which one is enough.
    fn condition(&mut self, condition: &ShellCommand, negated: bool, then: Action, title: Option<&str>) {
        let text = condition.text.as_str();
        let parts = match shell::alternatives(text) {
            // Each of the negated ones must hold, so one that does not is enough only where there is one.
            Some(parts) if !negated || parts.len() == 1 => parts,
            _ => return self.leave(condition.line, &format!("`{text}`: its parts count only together")),
        };
        for part in parts {
            if is_file_test(&part) {
                continue;
            }
            if let Err(why) = self.comparison(condition.line, &part, negated, then, title) {
                self.leave(condition.line, &format!("`{part}`: {why}"));
            }
        }
    }

    fn comparison(
        &mut self,
        line: u64,
        part: &str,
        negated: bool,
        then: Action,
        title: Option<&str>,
    ) -> Result<(), String> {
        let NumberComparison { left, operator, right } =
            shell::comparison(part).ok_or("is not a count compared with a number")?;
        let (count, operator, number) = match self.value(&right) {
            Some(number) => (left, operator, number),
            None => match self.value(&left) {
                Some(number) => (right, shell::mirrored(&operator).to_owned(), number),
                None => return Err("neither side is a number that stands in the script".to_owned()),
            },
        };
        let allow = allowed(&operator, number, negated).ok_or("is not `more than`")?;
        let name = shell::variable(&count).map(str::to_owned);
        let counted = match (&name, shell::substitution(&count)) {
            (Some(name), _) => {
                self.used(name);
                let count = self
                    .counts
                    .get(name)
                    .ok_or_else(|| format!("what `{name}` counts was not understood"))?;
                count.counted.clone()?
            }
            (None, Some(inner)) => {
                filter::count(&shell::expanded(inner, &self.texts)).ok_or("is no count by jq or grep")??
            }
            (None, None) => return Err("is no count by jq or grep".to_owned()),
        };
        let what = name.clone().unwrap_or_else(|| format!("{}-{}", counted.category, line));
        let title =
            title.filter(|title| !title.is_empty()).map_or_else(|| what.replace('_', " "), str::to_owned);
        self.script.conditions.push(ScriptThreshold {
            line,
            id: kebab(&what),
            title,
            file: counted.file,
            format: counted.format,
            category: counted.category,
            severity: counted.severity,
            image: counted.image,
            fix: counted.fix,
            allow,
            then,
            was: part.trim().to_owned(),
            notes: counted.notes,
        });
        Ok(())
    }

    /// A number, as it is or by its name.
    fn value(&self, text: &str) -> Option<u64> {
        let named = || shell::variable(text).filter(|name| !self.unsure.contains(*name));
        shell::number(text).or_else(|| self.numbers.get(named()?).copied())
    }
}

/// How many may be there before the condition holds.
fn allowed(operator: &str, number: u64, negated: bool) -> Option<u64> {
    match (operator, negated) {
        ("-gt" | ">", false) | ("-le" | "<=", true) => Some(number),
        ("-ge" | ">=", false) | ("-lt" | "<", true) => number.checked_sub(1),
        ("-ne" | "!=", false) | ("-eq" | "==" | "=", true) if number == 0 => Some(0),
        _ => None,
    }
}

fn is_file_test(text: &str) -> bool {
    let inner =
        text.trim().trim_start_matches("! ").trim_matches(['[', ']', ' ']).trim_start_matches("test ");
    let inner = inner.trim().trim_start_matches("! ");
    ["-f ", "-s ", "-e ", "-r "].iter().any(|flag| inner.starts_with(flag))
}

fn kebab(name: &str) -> String {
    let words: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words = words.trim_matches('-').to_owned();
    if words.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) {
        words
    } else {
        format!("rule-{words}")
    }
}

#[cfg(test)]
mod tests;

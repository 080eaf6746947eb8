//! The thresholds of a script such as `security_gate.sh`: counts of findings by `jq` or `grep -c`, compared with a number,
//! and what follows. The script is read, never run. What is not understood is listed, with its line.

mod filter;
mod shell;

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Category, Severity};
use crate::policy::Action;
use filter::FilterCount;
use shell::{ShellBlock, ShellCommand, ShellFunction};

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
    /// Counts that nothing is decided by, as far as the script shows.
    pub undecided: Vec<(u64, String)>,
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
    functions: Vec<ShellFunction>,
    /// Names that the script ends by, such as `FAILED`: what they are at first.
    flags: BTreeMap<String, String>,
    /// Lines of commands that end the script, or that note that it is to end, under a condition that was looked at.
    accounted: BTreeSet<u64>,
    /// Files that the script ends without.
    demanded: Vec<(u64, String)>,
    /// A command that fails ends the script.
    errexit: bool,
    script: Script,
}

/// Reads a script.
pub fn read_script(text: &str) -> Script {
    let blocks = shell::blocks(text);
    let commands = shell::commands(text);
    let mut reader = Reader {
        functions: shell::functions(text),
        errexit: text.lines().any(shell::sets_errexit),
        ..Reader::default()
    };
    reader.flags = Reader::flags_of(&commands);
    for block in &blocks {
        reader.block(block, &[]);
    }
    if let Some(ShellBlock::Simple(last)) = blocks.last().filter(|_| !reader.errexit) {
        reader.decides(last);
    }
    reader.account_for_every_stop(&commands);
    for (name, count) in &reader.counts {
        let left = match &count.counted {
            _ if count.used => continue,
            Ok(_) => format!("`{name}` is counted and compared with nothing that was understood"),
            Err(why) => format!("`{name}`: {why}"),
        };
        reader.script.undecided.push((count.line, left));
    }
    for list in [&mut reader.script.left, &mut reader.script.undecided] {
        list.sort();
        list.dedup();
    }
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
        let stopping = commands.iter().filter(|command| self.is_stop(command)).map(|command| command.line);
        let stopping: Vec<u64> = stopping.collect();
        self.accounted.extend(stopping);
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
                if shell::assignment(&condition).is_some() {
                    // A count that cannot be made is no pass here either.
                    self.accounted.insert(command.line);
                    self.command(&ShellCommand { line: command.line, text: condition }, !around.is_empty());
                    return;
                }
                let condition = ShellCommand { line: command.line, text: condition };
                self.branch(&condition, &body, negated, around);
                return;
            }
        }
        self.command(command, !around.is_empty());
        if self.errexit {
            let asks = around.iter().find(|outer| !is_file_test(&outer.text));
            match asks {
                Some(outer) if can_decide(&command.text) => {
                    self.leave(
                        command.line,
                        &format!("`{}` counts only under `{}`", command.text, outer.text),
                    );
                }
                _ => self.decides(command),
            }
        }
    }

    /// An assignment, or something that decides by its own exit code.
    fn command(&mut self, command: &ShellCommand, guarded: bool) {
        let text = shell::without_words(&command.text, shell::KEEPERS);
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
        if shell::is_scanner_that_decides(text) {
            self.leave(command.line, &decides_itself(text));
        }
    }

    /// A command that ends the script where it fails.
    fn decides(&mut self, command: &ShellCommand) {
        let text = command.text.as_str();
        if is_lone_test(text) {
            self.condition(command, true, Action::Fail, None);
        } else if can_decide(&command.text) {
            self.leave(command.line, &decides_itself(text));
        }
    }

    /// Names that the script ends by: of `exit $NAME`, and of a condition that an exit follows; each with what it is at
    /// first. Any other value is a note that the script is to end.
    fn flags_of(commands: &[ShellCommand]) -> BTreeMap<String, String> {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        let mut changed: BTreeSet<&str> = BTreeSet::new();
        let mut of_commands: BTreeSet<&str> = BTreeSet::new();
        for command in commands {
            for code in shell::exits(&command.text) {
                let default =
                    code.trim_matches('"').strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                if let Some((name, value)) = default.and_then(|rest| rest.split_once(":-")) {
                    first.insert(name, value);
                }
            }
        }
        for command in commands {
            for name in shell::counted_up(&command.text) {
                changed.insert(name);
            }
            let text = shell::without_words(&command.text, shell::KEEPERS);
            let Some((name, value)) = shell::assignment(text) else { continue };
            if value.contains("$(") && !value.contains("$((") || value.contains('`') || value == "$?" {
                of_commands.insert(name);
            } else if *first.entry(name).or_insert(value) != value {
                changed.insert(name);
            }
        }
        // One that is first set where something is wrong is unset before.
        for code in commands.iter().flat_map(|command| shell::exits(&command.text)) {
            let name = shell::variable(code).filter(|_| code.contains('$') && !code.contains(":-"));
            if let Some((name, _)) = name.and_then(|name| first.get_key_value(name))
                && first.get(name).is_some_and(|value| !matches!(value.trim_matches(['"', '\'']), "0" | ""))
            {
                let name = *name;
                first.insert(name, "");
                changed.insert(name);
            }
        }
        let mut flags = BTreeMap::new();
        for command in commands {
            let text = command.text.as_str();
            let begins = ["if ", "elif ", "[", "((", "test "].iter().any(|begin| text.starts_with(begin));
            if !begins && !text.contains("exit ") && !text.contains("return ") {
                continue;
            }
            let names: Vec<&str> = shell::names_used(text).collect();
            let plain = |name: &&str| changed.contains(*name) && !of_commands.contains(*name);
            if !names.is_empty() && names.iter().all(plain) {
                for name in names {
                    let at_first = first.get(name).copied().unwrap_or_default();
                    flags.insert(name.to_owned(), at_first.to_owned());
                }
            }
        }
        flags
    }

    /// Whatever else ends the script is a check that was not understood.
    fn account_for_every_stop(&mut self, commands: &[ShellCommand]) {
        for command in commands {
            let own = self.functions.iter().any(|f| f.stops && f.lines.contains(&command.line));
            if own || self.accounted.contains(&command.line) || is_need_of_the_script(&command.text) {
                continue;
            }
            let text = shell::without_words(&command.text, shell::KEEPERS);
            let flag = self.is_flag(text);
            let exit = shell::exits(text).iter().any(|code| {
                shell::variable(code)
                    .is_none_or(|name| !code.starts_with(['$', '"']) || !self.flags.contains_key(name))
            });
            let called = text.split(|c: char| c.is_whitespace() || c == ';' || c == '(');
            let calls = called.clone().any(|word| self.functions.iter().any(|f| f.stops && f.name == word));
            if flag || exit || calls {
                self.leave(
                    command.line,
                    &format!("`{text}` ends the script under a condition that was not understood"),
                );
            }
        }
        for (line, test) in std::mem::take(&mut self.demanded) {
            let known = |threshold: &ScriptThreshold| test.contains(threshold.file.as_str());
            if !self.script.conditions.iter().any(known) {
                self.leave(line, &format!("`{test}`: demands a file that no count is made in"));
            }
        }
    }

    /// An assignment that notes that the script is to end.
    fn is_flag(&self, text: &str) -> bool {
        if shell::counted_up(text).any(|name| self.flags.contains_key(name)) {
            return true;
        }
        let Some((name, value)) = shell::assignment(text) else { return false };
        let bare = value.trim_matches(['"', '\'']);
        self.flags.get(name).is_some_and(|first| first.trim_matches(['"', '\'']) != bare)
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
        let text = shell::without_words(&command.text, shell::KEEPERS);
        let first = shell::program(text);
        let code = text.split_whitespace().nth(1).unwrap_or("1").trim_end_matches(';');
        let named = shell::assignment(text).is_some_and(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let value = value.trim_matches(['"', '\'']);
            ["fail", "status", "exit", "rc", "result", "error"].iter().any(|word| name.contains(word))
                && (matches!(value, "1" | "true" | "fail" | "failed" | "FAIL")
                    || shell::number(value).is_some_and(|n| n > 0))
        });
        self.is_flag(text)
            || named
            || (matches!(first, "exit" | "return") && code != "0")
            || first == "false"
            || self.is_stopping_function(first)
    }

    /// A function that ends the script with a failure; one of a library by its name.
    fn is_stopping_function(&self, name: &str) -> bool {
        match self.functions.iter().find(|function| function.name == name) {
            Some(function) => function.stops,
            None => matches!(name, "die" | "fail" | "abort" | "bail" | "fatal"),
        }
    }

    /// Message: without what every line says, and as it stands.
    fn message(&self, command: &ShellCommand) -> Option<(String, String)> {
        let first = shell::program(&command.text);
        if !matches!(first, "echo" | "printf" | "log" | "err" | "warn" | "die")
            && !self.is_stopping_function(first)
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
        let mut text = condition.text.as_str();
        let mut negated = negated;
        if is_need_of_the_script(text) {
            return;
        }
        if let Some(rest) =
            text.strip_prefix("! ").filter(|rest| !rest.contains("&&") && !rest.contains("||"))
        {
            text = rest.trim();
            negated = !negated;
        }
        let names: Vec<&str> = shell::names_used(text).collect();
        if !names.is_empty() && names.iter().all(|name| self.flags.contains_key(*name)) {
            // Each place that changes it is looked at by itself.
            return;
        }
        if is_file_test(text) && !text.contains("&&") && !text.contains("||") {
            self.demanded.push((condition.line, shell::expanded(text, &self.texts)));
            return;
        }
        let parts = match shell::alternatives(text) {
            // Each of the negated ones must hold, so one that does not is enough only where there is one.
            Some(parts) if !negated || parts.len() == 1 => parts,
            _ => return self.leave(condition.line, &format!("`{text}`: its parts count only together")),
        };
        for part in parts {
            if is_file_test(&part) {
                self.demanded.push((condition.line, shell::expanded(&part, &self.texts)));
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
        let (name, allow, counted) = if let Some((counted, operator, number)) =
            filter::question(&shell::expanded(part, &self.texts))
        {
            let allow = allowed(&operator, number, negated).ok_or("is not `more than`")?;
            (None, allow, counted?)
        } else {
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
                (None, Some(inner)) => filter::count(&shell::expanded(inner, &self.texts))
                    .ok_or("is not a count by jq or grep")??,
                (None, None) => return Err("is not a count by jq or grep".to_owned()),
            };
            (name, allow, counted)
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

/// A test that stands alone, and so says something only by its exit code.
fn is_lone_test(text: &str) -> bool {
    if text.contains("||") || text.contains("&&") || shell::assignment(text).is_some() {
        return false;
    }
    let first = shell::program(text.strip_prefix("! ").unwrap_or(text));
    let bracket = matches!(first, "[" | "[[" | "test")
        || first.starts_with("((") && shell::counted_up(text).next().is_none();
    bracket
        || matches!(first, "jq" | "grep") && filter::is_question(text) && !text.contains('|')
        || first == "jq" && filter::is_question(text)
}

/// Whether a command that stands alone ends a script by its exit code.
fn can_decide(text: &str) -> bool {
    let lets_pass = ["|| true", "|| :", "|| echo"].iter().any(|end| text.contains(end));
    !lets_pass
        && (is_lone_test(text) || shell::is_scanner_that_decides(text) || shell::is_other_program(text))
}

fn decides_itself(text: &str) -> String {
    format!("`{text}` decides by its own exit code; have it write its report instead")
}

/// Tests of a script for what it needs to run, which a gate needs no longer.
fn is_need_of_the_script(text: &str) -> bool {
    let text = text.trim().trim_start_matches("! ");
    let needs = ["command -v ", "which ", "type ", "hash ", "cd ", "pushd ", "mkdir ", "trap ", "jq empty "];
    needs.iter().any(|begin| text.starts_with(begin))
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

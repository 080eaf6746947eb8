//! The help for the commonest fault of YAML: a text that had to be quoted.

use super::super::error::{SourcePosition, quoted};

/// How many lines above the reported place may hold the cause: an open quote or bracket is noticed late.
const ABOVE: usize = 1;

/// Longest line that is looked at, in bytes: each value of it is looked at to its end, and nobody writes longer ones.
const LONGEST: usize = 2000;

/// "quote it: …" for the value on the line of `at`, or just above, whose first character means something in YAML.
pub(super) fn quoting_help(text: &str, at: SourcePosition) -> Option<String> {
    let last = usize::try_from(at.line).ok()?;
    let lines: Vec<&str> = text.lines().take(last).collect();
    lines.iter().rev().take(ABOVE + 1).find_map(|line| on_line(line))
}

/// The first value on a line that starts with a character of YAML's own; else one that holds `: `.
fn on_line(line: &str) -> Option<String> {
    let line = line.trim_start();
    if line.starts_with(['#', '%']) || line.len() > LONGEST {
        return None;
    }
    let values = values(line);
    let text = values.iter().find_map(|value| trap(value)).or_else(|| {
        let value = values.iter().skip(1).find(|value| value.starts_with(char::is_alphanumeric))?;
        let value = value.split(" #").next()?;
        (value.contains(": ") && !line.contains(['{', '[', '"', '\''])).then_some(value)
    })?;
    let shown = text.trim().trim_end_matches(['}', ']']).replace('"', "\\\"");
    Some(format!(
        "YAML gives a character of this text a meaning of its own; quote it: {}",
        quoted(&format!("\"{shown}\""))
    ))
}

/// The text that a value was meant to be, if its first character means something else in YAML.
fn trap(value: &str) -> Option<&str> {
    let end = value.find([',', '}', ']']).unwrap_or(value.len());
    let (word, _) = value.split_at_checked(end)?;
    match value.chars().next()? {
        '>' | '|' => (word.trim().len() > 1).then_some(word),
        '@' | '`' | '%' | '!' | '*' | '&' => Some(word),
        '[' | '{' => {
            let whole = value.split(" #").next()?.trim_end();
            (whole.ends_with(char::is_alphanumeric) && whole.contains([']', '}'])).then_some(whole)
        }
        _ => None,
    }
}

/// The line and what follows each `: `, `- `, `[` and `,` in it, quoted texts passed over.
fn values(line: &str) -> Vec<&str> {
    let mut found = vec![line.strip_prefix("- ").unwrap_or(line).trim_start()];
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            None if (c == '"' || c == '\'') && !before.is_alphanumeric() => quote = Some(c),
            None if (c == ' ' && before == ':') || matches!(c, '[' | ',') => {
                found.extend(line.get(index + 1..).map(str::trim_start));
            }
            Some(_) | None => {}
        }
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(line: &str) -> Option<String> {
        quoting_help(line, SourcePosition::at(1, 1))
    }

    #[test]
    fn it_shows_what_to_write() {
        assert!(help("findings: {category: sast, severity: >=high}").unwrap().contains("`\">=high\"`"));
        assert!(help("  any_of: [@lead]").unwrap().contains("`\"@lead\"`"));
        assert!(help("    rule_id: *foo").unwrap().contains("`\"*foo\"`"));
        assert!(help("  - @lead").unwrap().contains("`\"@lead\"`"));
        assert!(help("  title: [draft] gate").unwrap().contains("`\"[draft] gate\"`"));
        assert!(help("  where: @.severity == 'high'").unwrap().contains("quote it"));
        assert!(help("  title: stop: now").unwrap().contains("stop: now"));
        assert_eq!(help("  title: \"@fine\""), None);
        assert_eq!(help("  files: [a.json, b.json]"), None);
        assert_eq!(help("version: 1"), None);
        // What no person wrote takes no time.
        assert_eq!(help(&format!("a: {}x", "[".repeat(1_000_000))), None);
    }
}

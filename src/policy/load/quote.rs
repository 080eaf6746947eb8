//! The help for the commonest fault of YAML: a text that had to be quoted.

use super::super::error::{Mark, quoted};

/// How many lines above the reported place may hold the cause: an open quote or bracket is noticed late.
const ABOVE: usize = 1;

/// "quote it: …" for the value on the line of `at`, or just above, whose first character means something in YAML.
pub(super) fn quoting_help(text: &str, at: Mark) -> Option<String> {
    let last = usize::try_from(at.line).ok()?;
    let lines: Vec<&str> = text.lines().take(last).collect();
    lines.iter().rev().take(ABOVE + 1).find_map(|line| on_line(line))
}

/// The first value on a line that starts with a character of YAML's own, or that holds `: `.
fn on_line(line: &str) -> Option<String> {
    if line.trim_start().starts_with('#') {
        return None;
    }
    let (key, rest) = match line.trim_start().strip_prefix("- ") {
        Some(item) if !item.contains(": ") => ("- ", item),
        _ => ("", line),
    };
    let values = starts(rest);
    values.into_iter().find_map(|value| {
        let first = value.chars().next()?;
        let end = value.find([',', '}', ']', '\n']).unwrap_or(value.len());
        let (mut word, _) = value.split_at_checked(end)?;
        let trap = match first {
            '>' | '|' => word.trim().len() > 1,
            '@' | '`' | '%' | '!' | '*' | '&' => true,
            '[' | '{' => {
                word = value.split(" #").next()?.trim_end();
                word.ends_with(|c: char| c.is_alphanumeric()) && word.contains([']', '}'])
            }
            c if c.is_alphanumeric() && key.is_empty() => {
                word = value.split(" #").next()?;
                word.contains(": ") && !word.contains(['{', '[', '"', '\''])
            }
            _ => false,
        };
        let shown = word.trim().trim_end_matches(['}', ']']).replace('"', "\\\"");
        trap.then(|| {
            format!(
                "a text that starts with or holds a character of YAML's own needs quotes; quote it: {}",
                quoted(&format!("\"{shown}\""))
            )
        })
    })
}

/// What follows each `: `, `- `, `[` and `,` of a line, quoted texts passed over.
fn starts(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some(item) = line.trim_start().strip_prefix("- ") {
        found.push(item.trim_start());
    } else {
        found.push(line.trim_start());
    }
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if (c == '"' || c == '\'') && !before.is_alphanumeric() => quote = Some(c),
            None if (c == ' ' && before == ':') || matches!(c, '[' | ',') => {
                found.extend(line.get(index + 1..).map(str::trim_start));
            }
            None => {}
        }
        before = c;
    }
    // The innermost cause stands furthest to the right of what has no quotes; whole lines are looked at last.
    if !found.is_empty() {
        found.rotate_left(1);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(line: &str) -> Option<String> {
        quoting_help(line, Mark { line: 1, column: 1 })
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
    }
}

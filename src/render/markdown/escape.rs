//! Text of reports and policies in Markdown, where it may mean nothing: no markup, no HTML, no link, and none of what GitLab
//! finds in rendered text, such as `@all`, `#1`, `!1`, `:name:` and `$math$`. In code spans all of that is letters, so a
//! word with a sign that could mean something becomes code.

use std::fmt::Write as _;

use crate::finding::clean_line;

/// Characters of one text; a reader who needs more looks at the report.
const MOST: usize = 400;

/// A text as prose, with words that could mean something as code.
pub(in crate::render) fn prose(text: &str) -> String {
    let text = cut(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut risky: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        if is_plain(word) {
            flush(&mut out, &mut risky);
            separate(&mut out);
            out.push_str(word);
        } else {
            // The marks of the sentence stay outside.
            let (open, core, tail) = marks(word);
            let quoted = core.strip_prefix('`').and_then(|core| core.strip_suffix('`'));
            let quoted = quoted.filter(|inner| !inner.is_empty());
            if !open.is_empty() || quoted.is_some() {
                flush(&mut out, &mut risky);
                separate(&mut out);
                out.push_str(open);
                out.push_str(&code(quoted.unwrap_or(core)));
                out.push_str(tail);
                continue;
            }
            risky.push(core);
            if !tail.is_empty() {
                flush(&mut out, &mut risky);
                out.push_str(tail);
            }
        }
    }
    flush(&mut out, &mut risky);
    out
}

/// A word without the parenthesis that it opens and the marks that end it, between the two.
fn marks(word: &str) -> (&str, &str, &str) {
    let (open, rest) = match word.strip_prefix('(') {
        Some(rest) => ("(", rest),
        None => ("", word),
    };
    let core = rest.trim_end_matches([',', ';', '.', ':']);
    let balanced = core.matches('(').count() >= core.matches(')').count();
    let core = if balanced { core } else { core.strip_suffix(')').unwrap_or(core) };
    match rest.split_at_checked(core.len()) {
        Some((core, tail)) if !core.is_empty() => (open, core, tail),
        _ => ("", word, ""),
    }
}

/// A text as code.
pub(in crate::render) fn code(text: &str) -> String {
    let text = cut(text);
    let text = text.trim();
    if text.is_empty() {
        return "–".to_owned();
    }
    // Whoever only looks for signs, and does not read Markdown, shall find none either.
    if text.contains(['`', '<', '[', ']', '!', '&']) { entities(text) } else { format!("`{text}`") }
}

/// A text as code of HTML, every sign by its number: no reader of Markdown sees one.
fn entities(text: &str) -> String {
    let mut out = "<code>".to_owned();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push_str("</code>");
    out
}

/// One line, of a length that a note can bear.
fn cut(text: &str) -> String {
    let text = clean_line(text);
    match text.char_indices().nth(MOST) {
        None => text.into_owned(),
        Some(_) => text.chars().take(MOST).chain(['…']).collect(),
    }
}

fn flush(out: &mut String, risky: &mut Vec<&str>) {
    if !risky.is_empty() {
        separate(out);
        out.push_str(&code(&risky.join(" ")));
        risky.clear();
    }
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
}

/// True for a word of letters and digits with the marks of a sentence around it. `1.` could begin a list.
fn is_plain(word: &str) -> bool {
    if matches!(word, "·" | "→" | "–" | "…") {
        return true;
    }
    let core =
        word.trim_start_matches(['(', '"', '\'']).trim_end_matches([',', ';', '.', ':', ')', '"', '\'', '?']);
    let letter = |c: char| c.is_alphanumeric() || c == '\'' || c == '-';
    let whole = |c: char| c.is_ascii_digit();
    !core.is_empty()
        && core.starts_with(char::is_alphanumeric)
        && core.ends_with(char::is_alphanumeric)
        && core.chars().all(letter)
        && !(core.chars().all(whole) && word.ends_with(['.', ')']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_something_are_code() {
        for (text, wanted) in [
            ("a plain sentence, with 2 (or three) words.", "a plain sentence, with 2 (or three) words."),
            ("ask @all now", "ask `@all` now"),
            ("**bold** and _it_", "`**bold**` and `_it_`"),
            (
                "see https://example.com/a and www.example.com",
                "see `https://example.com/a` and `www.example.com`",
            ),
            ("1. a list", "`1`. a list"),
            ("- a list", "`-` a list"),
            ("fixes #12, ~bug :tada: $x$", "fixes `#12`, `~bug :tada`: `$x$`"),
            ("a | b", "a `|` b"),
            (
                "rule `a-b`: (see policy.yaml:3, and main())",
                "rule `a-b`: (see `policy.yaml:3`, and `main()`)",
            ),
            (
                "(policy.yaml:3) ( `) `` )",
                "(`policy.yaml:3`) <code>&#40; &#96;</code>) <code>&#96;&#96; &#41;</code>",
            ),
            ("an <img> here", "an <code>&#60;img&#62;</code> here"),
            ("", ""),
        ] {
            assert_eq!(prose(text), wanted);
        }
    }

    #[test]
    fn no_text_ends_its_code() {
        assert_eq!(code("a`b"), "<code>a&#96;b</code>");
        assert_eq!(code("</code>"), "<code>&#60;&#47;code&#62;</code>");
        assert_eq!(code("  "), "–");
        assert_eq!(code("two\nlines"), "`two lines`".replace("two lines", &clean_line("two\nlines")));
        assert_eq!(prose(&"x".repeat(900)).chars().count(), "`…`".chars().count() + MOST);
    }
}

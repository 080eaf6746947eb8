//! Text of reports and policies in Markdown, where it may mean nothing: no markup, no HTML, no link, and none of what GitLab
//! finds in rendered text, such as `@all`, `#1`, `!1`, `:name:` and `$math$`. In code spans all of that is letters, so a
//! word with a sign that could mean something becomes code.

use crate::finding::clean_line;

/// Characters of one text; a reader who needs more looks at the report.
const MOST: usize = 400;

/// A text as prose, with words that could mean something as code.
pub(super) fn prose(text: &str) -> String {
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
            let core = word.trim_end_matches([',', ';', '.', ':']);
            let (core, tail) =
                word.split_at_checked(core.len()).filter(|(core, _)| !core.is_empty()).unwrap_or((word, ""));
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

/// A text as code.
pub(super) fn code(text: &str) -> String {
    let text = cut(text);
    let text = text.trim();
    if text.is_empty() {
        return "–".to_owned();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
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

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
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
            ("<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"),
            ("**bold** and _it_", "`**bold**` and `_it_`"),
            (
                "see https://example.com/a and www.example.com",
                "see `https://example.com/a` and `www.example.com`",
            ),
            ("1. a list", "`1`. a list"),
            ("- a list", "`-` a list"),
            ("fixes #12, !3 ~bug :tada: $x$", "fixes `#12`, `!3 ~bug :tada`: `$x$`"),
            ("[a](javascript:x)", "`[a](javascript:x)`"),
            ("&lt;b&gt;", "`&lt;b&gt`;"),
            ("a | b", "a `|` b"),
            ("", ""),
        ] {
            assert_eq!(prose(text), wanted);
        }
    }

    #[test]
    fn no_text_ends_its_code() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("``` a ```"), "```` ``` a ``` ````");
        assert_eq!(code("  "), "–");
        assert_eq!(code("two\nlines"), "`two lines`".replace("two lines", &clean_line("two\nlines")));
        assert_eq!(prose(&"x".repeat(900)).chars().count(), "`…`".chars().count() + MOST);
    }
}

//! Columns of a terminal: how many a text takes, and how it is fitted into them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text with blanks up to that many columns.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    format!("{text}{:blanks$}", "")
}

/// Columns that a text takes on a terminal, colours left out.
pub(super) fn width(text: &str) -> usize {
    let mut plain = 0;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += UnicodeWidthStr::width(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + UnicodeWidthStr::width(rest)
}

/// A text in lines, the first of `first` columns and the others of `columns`; a longer word has a line of its own.
pub(super) fn wrap(text: &str, first: usize, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Several blanks between two words stay, unless the line ends there.
    let mut blanks = 0;
    for word in text.split(' ') {
        blanks += 1;
        if word.is_empty() {
            continue;
        }
        let most = if lines.len() == 1 { first } else { columns };
        match lines.last_mut() {
            Some(line) if line.is_empty() && (width(word) <= most || columns <= most) => line.push_str(word),
            Some(line) if !line.is_empty() && width(line) + blanks + width(word) <= most => {
                line.extend(std::iter::repeat_n(' ', blanks));
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
        blanks = 0;
    }
    lines
}

/// Cuts a line to the width.
pub(in crate::render) fn fit(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut left = columns.saturating_sub(1);
    for c in line.chars() {
        let wide = UnicodeWidthChar::width(c).unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(wrap("one two  (three) four", 11, 14), ["one two", "(three) four"]);
        assert_eq!(wrap("one two  (three)", 40, 14), ["one two  (three)"]);
        assert_eq!(wrap("a/very/long/path here", 6, 10), ["", "a/very/long/path", "here"]);
        assert_eq!(wrap("", 6, 10), [""]);
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        assert_eq!(width("\u{1b}[31mé\u{1b}[0m"), 1);
        assert_eq!(width("設定"), 4);
        assert_eq!(fit("設定ファイル", 5), "設定…");
        assert_eq!(pad("設定", 6), "設定  ");
    }
}

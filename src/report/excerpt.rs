//! Source excerpts of reports: used for a fingerprint while a finding is read, and never kept.

use super::credential_rule::without_literals;

/// The lines `first` to `last` of an excerpt whose lines begin with their numbers, without the numbers. An excerpt
/// that is numbered in another way, or not at all, is given whole.
pub(super) fn numbered_lines(code: &str, first: Option<u32>, last: Option<u32>) -> String {
    let numbered: Option<Vec<(u32, &str)>> = code.lines().map(split_number).collect();
    let (Some(lines), Some(first)) = (numbered, first) else {
        return code.to_owned();
    };
    let last = last.unwrap_or(first);
    let mut chosen =
        lines.iter().filter(|(n, _)| (first..=last).contains(n)).map(|(_, text)| *text).peekable();
    if chosen.peek().is_none() {
        return lines.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n");
    }
    chosen.collect::<Vec<_>>().join("\n")
}

/// `12 text` (Bandit) and `12: text` (gosec).
fn split_number(line: &str) -> Option<(u32, &str)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, text) = line.split_at_checked(digits)?;
    let text = text.strip_prefix(':').unwrap_or(text);
    Some((number.parse().ok()?, text))
}

/// Of code in which a literal is given to a name, the name, and of everything else nothing: the code of a finding
/// about a credential may hold more than one.
///
/// A name has no digit, is not long, and is no part of the `value` where that is known.
pub(super) fn name_of_literal<'c>(code: &'c str, value: &str) -> &'c str {
    let before = code.split(['"', '\'', '`']).next().unwrap_or_default();
    let Some(before) = before.trim_end().strip_suffix(['=', ':', '(', ',', '[', '{']) else {
        return "";
    };
    let before = before.trim_end_matches([' ', '\t', '=', ':', '!']);
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = before.rsplit(|c: char| !in_name(c)).next().unwrap_or_default();
    let unsafe_name = name.len() > 40 || name.contains(|c: char| c.is_ascii_digit()) || value.contains(name);
    if unsafe_name { "" } else { name }
}

/// A compiler's or parser's message without what it may quote.
pub(super) fn without_quotes(message: &str) -> String {
    super::secret::without_credentials(&without_literals(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_finding_are_used() {
        let bandit = "5 def run(cmd):\n6     os.system(cmd)\n7     return\n";
        assert_eq!(numbered_lines(bandit, Some(6), None), "     os.system(cmd)");
        let gosec = "9: func f() {\n10: \tg(a,\n11: \t\tb)\n12: }\n";
        assert_eq!(numbered_lines(gosec, Some(10), Some(11)), " \tg(a,\n \t\tb)");
        assert_eq!(numbered_lines("f(x)\n9 y", Some(9), None), "f(x)\n9 y");
        assert_eq!(numbered_lines("1 a\n2 b", Some(7), None), " a\n b");
        assert_eq!(numbered_lines("1 a\n2 b", None, None), "1 a\n2 b");
    }

    #[test]
    fn of_a_credential_only_its_name_is_used() {
        for (code, name) in [
            ("PASSWORD = \"hunter2\"", "PASSWORD"),
            ("\tpassword := `hunter2`", "password"),
            ("if token == 'hunter2':", "token"),
            ("connect(\"hunter2\")", "connect"),
            ("{\"password\": \"hunter2\"}", ""),
            ("correct horse\"\"\"", ""),
            ("key1 = 'hunter2'", ""),
            ("hunter = 'hunter2'", ""),
        ] {
            assert_eq!(name_of_literal(code, "hunter2"), name, "{code}");
        }
    }
}

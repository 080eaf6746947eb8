//! Rules about credentials, told by their words, and text of theirs without the values that it may quote.

use crate::finding::{Text, WordSet};

/// Words that rule authors use in ids of rules about credentials.
static SECRET_WORDS: WordSet = WordSet::of(&[
    "secret",
    "password",
    "passwd",
    "token",
    "credential",
    "api-key",
    "api_key",
    "apikey",
    "private-key",
    "private_key",
    "hardcoded",
    "hard-coded",
]);

/// CWE-259, 321 and 798 name credentials in code, 522 their protection.
pub(super) fn is_about_secrets(rule: &str, cwes: &[u32]) -> bool {
    cwes.iter().any(|c| matches!(c, 259 | 321 | 522 | 798)) || SECRET_WORDS.is_in(rule)
}

/// A title for a finding whose message may quote the value: Semgrep puts what a rule matched into it, and does not
/// say where.
pub(super) fn withheld(rule: &str) -> Text {
    let name = rule.rsplit('.').next().unwrap_or(rule).replace(['-', '_'], " ");
    Text::line(&format!("{name} (message withheld, it may quote the secret)"))
}

/// True for the title that [`withheld`] makes of a rule.
pub(super) fn is_withheld(title: &str, rule: &str) -> bool {
    title.ends_with("(message withheld, it may quote the secret)") && title == withheld(rule).as_str()
}

/// Text with what stands between quotes replaced, so that a literal's value leaves no trace.
pub(super) fn without_literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = None;
    for c in text.chars() {
        match inside {
            None => {
                out.push(c);
                inside = Some(c).filter(|c| matches!(c, '"' | '\'' | '`'));
            }
            Some(quote) if c == quote => {
                out.push_str("***");
                out.push(c);
                inside = None;
            }
            Some(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_secrets_are_found_anywhere() {
        for word in SECRET_WORDS.words() {
            for text in [(*word).to_owned(), format!("é-{}", word.to_uppercase()), format!("x.{word}.y")] {
                assert!(is_about_secrets(&text, &[]), "{text}");
            }
            assert!(!is_about_secrets(word.get(..word.len() - 1).unwrap_or_default(), &[]), "{word}");
        }
    }
}

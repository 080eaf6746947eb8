//! SPDX licence expressions, weighed against the licences that a policy denies.
//!
//! `OR` is a choice: an expression is denied only if every choice is. `AND` and `WITH` are not: an exception to a denied
//! licence does not make it another one. `AGPL-3.0`, `AGPL-3.0-only` and `AGPL-3.0-or-later` are one licence to whoever
//! denies `AGPL-3.0-only`, because no later version exists that could be chosen instead.

/// Meaning of an expression under a policy. The worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LicenseDecision {
    /// There is a choice without a denied licence.
    Allowed,
    /// It cannot be told what it binds to.
    Unknown,
    /// Every choice holds a denied licence.
    Denied,
}

/// Weighs the texts that a component is bound to, all of them; none is unknown.
pub(super) fn weigh(texts: &[String], deny: &[String]) -> LicenseDecision {
    texts.iter().map(|text| expression(text, deny)).max().unwrap_or(LicenseDecision::Unknown)
}

/// Weighs one text. What is no expression is denied if a denied id stands in it.
fn expression(text: &str, deny: &[String]) -> LicenseDecision {
    let words = words(text);
    let mut parser = LicenseParser { words: &words, at: 0, deny, depth: 0 };
    match parser.or() {
        Some(license) if parser.at == words.len() => license,
        _ => {
            let denied = |word: &str| deny.iter().any(|deny| binds(deny, word));
            let mut tokens = text.split(|c: char| !is_id(c));
            if tokens.any(denied) { LicenseDecision::Denied } else { LicenseDecision::Unknown }
        }
    }
}

/// Deepest nesting of parentheses.
const DEEPEST: u32 = 64;

fn is_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':')
}

/// Ids, operators and parentheses; anything else stands as a word that parses as nothing.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_id(first) {
            rest.find(|c: char| !is_id(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

struct LicenseParser<'t> {
    words: &'t [&'t str],
    at: usize,
    deny: &'t [String],
    depth: u32,
}

impl<'t> LicenseParser<'t> {
    fn takes(&mut self, operator: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|word| word.eq_ignore_ascii_case(operator));
        self.at += usize::from(is);
        is
    }

    fn or(&mut self) -> Option<LicenseDecision> {
        let mut best = self.and()?;
        while self.takes("OR") {
            best = best.min(self.and()?);
        }
        Some(best)
    }

    fn and(&mut self) -> Option<LicenseDecision> {
        let mut worst = self.one()?;
        while self.takes("AND") {
            worst = worst.max(self.one()?);
        }
        Some(worst)
    }

    fn one(&mut self) -> Option<LicenseDecision> {
        if self.takes("(") {
            self.depth += 1;
            let inner = (self.depth <= DEEPEST).then(|| self.or()).flatten()?;
            self.depth -= 1;
            return self.takes(")").then_some(inner);
        }
        let id = self.id()?;
        if self.takes("WITH") {
            self.id()?;
        }
        Some(of_id(id, self.deny))
    }

    fn id(&mut self) -> Option<&'t str> {
        let word = *self.words.get(self.at)?;
        let operator = ["OR", "AND", "WITH"].iter().any(|o| word.eq_ignore_ascii_case(o));
        if operator || !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        self.at += 1;
        Some(word)
    }
}

fn of_id(id: &str, deny: &[String]) -> LicenseDecision {
    if deny.iter().any(|deny| binds(deny, id)) {
        return LicenseDecision::Denied;
    }
    let nameless = ["NOASSERTION", "NONE", "UNKNOWN", "UNLICENSED", "PROPRIETARY", "CUSTOM", "OTHER"];
    let own = id.starts_with("LicenseRef-") || id.starts_with("DocumentRef-");
    if own || nameless.iter().any(|word| id.eq_ignore_ascii_case(word)) {
        LicenseDecision::Unknown
    } else {
        LicenseDecision::Allowed
    }
}

/// Whether who denies `deny` means `id`.
fn binds(deny: &str, id: &str) -> bool {
    if deny.eq_ignore_ascii_case(id) {
        return true;
    }
    let ((denied, deny_later), (is, is_later)) = (family(deny), family(id));
    // Who denies only what is chosen as `or later` leaves the plain licence alone.
    denied.eq_ignore_ascii_case(&is) && (is_later || !deny_later)
}

/// A licence without `-only`, `-or-later` and `+`, and whether later versions may be chosen.
fn family(id: &str) -> (String, bool) {
    let id = id.to_ascii_lowercase();
    if let Some(base) = id.strip_suffix("-only") {
        return (base.to_owned(), false);
    }
    match id.strip_suffix("-or-later").or_else(|| id.strip_suffix('+')) {
        Some(base) => (base.to_owned(), true),
        None => (id, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> LicenseDecision {
        weigh(&[text.to_owned()], &["AGPL-3.0-only".to_owned(), "SSPL-1.0".to_owned()])
    }

    #[test]
    fn a_choice_is_denied_only_if_all_of_it_is() {
        use LicenseDecision::{Allowed, Denied, Unknown};
        for (text, license) in [
            ("MIT", Allowed),
            ("AGPL-3.0-only", Denied),
            ("agpl-3.0-ONLY", Denied),
            ("AGPL-3.0", Denied),
            ("AGPL-3.0+", Denied),
            ("AGPL-3.0-or-later", Denied),
            ("AGPL-3.0-only OR MIT", Allowed),
            ("MIT or AGPL-3.0-only", Allowed),
            ("AGPL-3.0-only AND MIT", Denied),
            ("MIT AND (AGPL-3.0-only OR SSPL-1.0)", Denied),
            ("MIT AND (AGPL-3.0-only OR Apache-2.0)", Allowed),
            ("MIT OR Apache-2.0 AND SSPL-1.0", Allowed),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Allowed),
            ("AGPL-3.0-only WITH Some-exception", Denied),
            ("NOASSERTION", Unknown),
            ("LicenseRef-acme", Unknown),
            ("MIT OR LicenseRef-acme", Allowed),
            ("AGPL-3.0-only OR LicenseRef-acme", Unknown),
            ("MIT AND LicenseRef-acme", Unknown),
            ("", Unknown),
            ("Apache License 2.0", Unknown),
            ("MIT/AGPL-3.0-only", Denied),
            ("see AGPL-3.0-only, section 13", Denied),
            ("MIT OR", Unknown),
            ("(MIT", Unknown),
            ("MIT)", Unknown),
            (") AGPL-3.0-only (", Denied),
        ] {
            assert_eq!(of(text), license, "{text}");
        }
        assert_eq!(of(&"(".repeat(5000)), Unknown);
    }

    #[test]
    fn each_text_binds() {
        let deny = ["SSPL-1.0".to_owned()];
        let weigh = |texts: &[&str]| weigh(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>(), &deny);
        assert_eq!(weigh(&["MIT", "SSPL-1.0"]), LicenseDecision::Denied);
        assert_eq!(weigh(&["MIT", ""]), LicenseDecision::Unknown);
        assert_eq!(weigh(&[]), LicenseDecision::Unknown);
    }

    #[test]
    fn who_denies_later_versions_leaves_the_plain_licence() {
        let weigh = |text: &str| weigh(&[text.to_owned()], &["GPL-2.0-or-later".to_owned()]);
        assert_eq!(weigh("GPL-2.0-only"), LicenseDecision::Allowed);
        assert_eq!(weigh("GPL-2.0+"), LicenseDecision::Denied);
    }
}

//! A few words, looked for in one pass over a text.

/// Words of at least three bytes, found in any letter case.
#[derive(Debug)]
pub(crate) struct WordSet {
    words: &'static [&'static str],
    beginnings: WordBeginnings,
}

impl WordSet {
    /// A set of these words.
    pub(crate) const fn of(words: &'static [&'static str]) -> Self {
        Self { words, beginnings: WordBeginnings::NONE.and_all(words) }
    }

    /// The words.
    #[cfg(test)]
    pub(crate) const fn words(&self) -> &'static [&'static str] {
        self.words
    }

    /// True if a text holds one of them.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let mut from = 0;
        while let Some(at) = self.beginnings.next(text, from) {
            let rest = text.get(at..).unwrap_or_default();
            let begins = |word: &&str| {
                rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
            };
            if self.words.iter().any(begins) {
                return true;
            }
            from = at + 1;
        }
        false
    }
}

/// How words begin: a bit for each three bytes, of which five bits each count, so that letter case does not. Of nearly
/// every place of a text nothing else has to be looked at.
#[derive(Debug)]
pub(crate) struct WordBeginnings([u64; 512]);

impl WordBeginnings {
    /// Of no word.
    pub(crate) const NONE: Self = Self([0; 512]);

    /// With those of one more word.
    ///
    /// # Panics
    ///
    /// When the program is compiled, if the word is shorter than three bytes.
    #[expect(clippy::indexing_slicing, reason = "only the compiler runs it")]
    pub(crate) const fn and(mut self, word: &str) -> Self {
        let bytes = word.as_bytes();
        let bit = bit(bytes[0], bytes[1], bytes[2]);
        self.0[bit / 64] |= 1 << (bit % 64);
        self
    }

    /// With those of more words.
    pub(crate) const fn and_all(mut self, mut words: &[&str]) -> Self {
        while let Some((word, others)) = words.split_first() {
            self = self.and(word);
            words = others;
        }
        self
    }

    /// The first place from `from` on at which one of the words may begin.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let may = |three: &[u8]| match three {
            &[a, b, c] => {
                let bit = bit(a, b, c);
                self.0.get(bit / 64).is_some_and(|bits| bits >> (bit % 64) & 1 == 1)
            }
            _ => false,
        };
        text.get(from..)?.windows(3).position(may).map(|at| from + at)
    }
}

const fn bit(a: u8, b: u8, c: u8) -> usize {
    (a as usize & 31) << 10 | (b as usize & 31) << 5 | (c as usize & 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    static WORDS: WordSet = WordSet::of(&["key", "api-key", "contraseña"]);

    #[test]
    fn words_are_found_anywhere_in_any_letter_case() {
        for (text, is) in [
            ("key", true),
            ("the KEY", true),
            ("an Api-Key", true),
            ("monkeys", true),
            ("api", false),
            ("ke", false),
            ("", false),
            ("api_cey", false),
            ("la contraseña", true),
            ("la contrasena", false),
            ("+ey k\u{45}y", true),
            ("\u{4b}\u{25}\u{39}", false),
        ] {
            assert_eq!(WORDS.is_in(text), is, "{text}");
        }
    }
}

//! Identity of a finding: versioned, made of what it is and never of a line number alone.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::url::without_credentials;

/// `sg1:` and 32 hexadecimal digits: the first 128 bits of a SHA-256 over named parts.
///
/// It is made in two steps: of what a finding is ([`FingerprintBuilder`]), and of that and its place ([`Self::at`]),
/// so that a finding of a file that was renamed can be looked for under the old name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint that is written so, exactly as outputs write it or as a baseline does.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sg1:")?;
        let joined = digits.replace(':', "");
        let id = Self::from_digits(joined.as_bytes())?;
        (digits.len() == joined.len() || id.grouped() == text).then_some(id)
    }

    fn from_digits(digits: &[u8]) -> Option<Self> {
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut id = [0; 16];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != id.len() || !rest.is_empty() {
            return None;
        }
        for (to, [high, low]) in id.iter_mut().zip(pairs) {
            *to = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(id))
    }
}

impl Fingerprint {
    /// Of a finding's identity without its place, the fingerprint at this path.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self::first(Sha256::new().chain_update(self.0).chain_update(path))
    }

    /// In groups of four digits, which no scanner of secrets takes for one.
    pub(crate) fn grouped(self) -> String {
        self.0.as_chunks::<2>().0.iter().fold("sg1".to_owned(), |mut text, [high, low]| {
            let _ = write!(text, ":{high:02x}{low:02x}");
            text
        })
    }

    /// The first 64 bits as a number.
    pub(crate) fn number(self) -> u64 {
        self.0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn first(digest: Sha256) -> Self {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        Self(id)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written for hundreds of thousands of findings at a time, so without a format string a byte.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).map_or('0', |d| char::from(*d));
        let mut text = String::with_capacity(36);
        text.push_str("sg1:");
        for byte in self.0 {
            text.push(digit(byte >> 4));
            text.push(digit(byte));
        }
        f.pad(&text)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Fingerprint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^sg1:[0-9a-f]{32}$"})
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is not a fingerprint"))
    }
}

/// Collects the parts of a fingerprint. Each part is preceded by its length, so that no two lists of parts
/// can read the same.
pub struct FingerprintBuilder(Sha256);

impl FingerprintBuilder {
    /// Starts with the version and the kind of finding.
    pub fn new(kind: &str) -> Self {
        Self(Sha256::new_with_prefix("sg1")).part(kind)
    }

    /// Adds one part.
    #[must_use]
    pub fn part(mut self, text: &str) -> Self {
        // No digest of a credential either.
        let text = &*without_credentials(text);
        // Longer than 4 GiB is no part: a report's strings end far below.
        self.0.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    /// Adds text whose white space may change without changing what it says (re-indented code).
    #[must_use]
    pub fn folded(self, text: &str) -> Self {
        let mut solid = String::with_capacity(text.len());
        for word in text.split_whitespace() {
            solid.push_str(word);
            solid.push(' ');
        }
        self.part(&solid)
    }

    /// The fingerprint of what was added.
    pub fn finish(self) -> Fingerprint {
        Fingerprint::first(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let a = FingerprintBuilder::new("x").part("ab").part("c").finish();
        let b = FingerprintBuilder::new("x").part("a").part("bc").finish();
        assert_ne!(a, b);
        assert!(a.to_string().starts_with("sg1:"));
        assert_eq!(a.to_string().len(), 36);
        assert_eq!(Fingerprint::parse(&a.to_string()), Some(a));
        assert_eq!(Fingerprint::parse(&a.to_string().to_uppercase()), None);
        assert_eq!(Fingerprint::parse("sg1:00"), None);
        let grouped = a.grouped();
        assert_eq!((grouped.len(), Fingerprint::parse(&grouped)), (43, Some(a)));
        assert_eq!(Fingerprint::parse(&grouped.replacen(':', "", 2)), None);
    }

    #[test]
    fn folded_text_ignores_indentation() {
        let a = FingerprintBuilder::new("x").folded("  if a:\n    b()").finish();
        let b = FingerprintBuilder::new("x").folded("if a:\n\tb()").finish();
        assert_eq!(a, b);
    }
}

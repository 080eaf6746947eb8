//! Attributes that a rule asked for and a finding does not say.

use std::fmt;

/// The attributes by which a rule selects and that a finding may lack.
const NAMES: [&str; 18] = [
    "fix",
    "scope",
    "confidence",
    "verified",
    "kev",
    "epss",
    "cvss",
    "reachable",
    "direct",
    "age",
    "ecosystem",
    "purl",
    "end_of_life",
    "published_within",
    "fix_available_for",
    "due",
    "path",
    "licenses",
];

/// Attributes that a finding does not say and that made a rule look at it: what is not known is never excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnknownAttributes(u32);

impl UnknownAttributes {
    /// Adds the attribute of that name.
    pub fn add(&mut self, name: &str) {
        if let Some(at) = NAMES.iter().position(|known| *known == name) {
            self.0 |= 1 << at;
        }
    }

    /// Adds those of another rule.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Their names, as policies write them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(at, _)| self.0 & 1 << at != 0).map(|(_, name)| name)
    }
}

/// As it follows a finding in a line: ` (kev unknown)`; nothing where nothing was unknown.
impl fmt::Display for UnknownAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() { Ok(()) } else { write!(f, " ({} unknown)", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_each_other_once() {
        let mut unknown = UnknownAttributes::default();
        assert_eq!(unknown.to_string(), "");
        for name in ["kev", "fix", "kev", "severity"] {
            unknown.add(name);
        }
        assert_eq!(unknown.to_string(), " (fix, kev unknown)");
    }
}

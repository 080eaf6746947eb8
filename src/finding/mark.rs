//! A secret's value, comparable within one run and useless beyond it.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// A digest of a secret's value under a key that is drawn anew in each process. It is compared and never written: it
/// has no `Debug`, `Display` or `Serialize` that shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// The mark of a value.
    pub fn of(value: &str) -> Self {
        // SipHash under 128 random bits from the operating system.
        static KEY: OnceLock<RandomState> = OnceLock::new();
        Self(KEY.get_or_init(RandomState::new).hash_one(value))
    }

    /// For use as a key of a map in memory.
    pub(crate) fn digits(self) -> String {
        self.0.to_string()
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mark(…)")
    }
}

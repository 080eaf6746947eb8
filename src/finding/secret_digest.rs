//! A secret's value: comparable within one run and useless beyond it, or across runs under a key of the user's own.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// A digest of a secret's value under a key that is drawn anew in each process. It is compared and never written: it
/// has no `Debug`, `Display` or `Serialize` that shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest(u64);

impl SecretDigest {
    /// The mark of a value.
    pub fn of_value(value: &str) -> Self {
        // SipHash under 128 random bits from the operating system.
        static KEY: OnceLock<RandomState> = OnceLock::new();
        Self(KEY.get_or_init(RandomState::new).hash_one(value))
    }

    /// For use as a key of a map in memory.
    pub(crate) fn digits(self) -> String {
        self.0.to_string()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(…)")
    }
}

/// A secret's value under a [`SecretKey`]: HMAC-SHA-256, cut to 64 bits. The only trace of a value that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretTrace(u64);

impl SecretTrace {
    /// As a number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The key that values of secrets are compared under across runs. It is never shown.
#[derive(Clone)]
pub struct SecretKey {
    inner: Sha256,
    outer: Sha256,
}

impl SecretKey {
    /// Block size of SHA-256.
    const BLOCK: usize = 64;

    /// A key of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut block = [0; Self::BLOCK];
        if bytes.len() > Self::BLOCK {
            block.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
        } else {
            block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        }
        let pad = |with: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ with));
        Self { inner: pad(0x36), outer: pad(0x5c) }
    }

    /// HMAC-SHA-256 (RFC 2104).
    fn mac(&self, text: &[u8]) -> impl IntoIterator<Item = u8> + use<> {
        let inner = self.inner.clone().chain_update(text).finalize();
        self.outer.clone().chain_update(inner).finalize()
    }

    fn number(&self, text: &[u8]) -> u64 {
        self.mac(text).into_iter().take(8).fold(0, |number, byte| number << 8 | u64::from(byte))
    }

    /// The trace of a secret's value.
    pub fn trace(&self, value: &str) -> SecretTrace {
        SecretTrace(self.number(value.as_bytes()))
    }

    /// The trace of a value of which only the SHA-1 is known, 40 hexadecimal digits; `None` for anything else. It is
    /// another than that of the value itself.
    pub fn trace_of_sha1(&self, digits: &str) -> Option<SecretTrace> {
        let is_sha1 = digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        // No value of a secret is preceded by a zero byte.
        let text = || format!("\0sha1 {}", digits.to_ascii_lowercase());
        is_sha1.then(|| SecretTrace(self.number(text().as_bytes())))
    }

    /// Eight hexadecimal digits by which two files can tell that they were made under one key.
    pub fn name(&self) -> String {
        // No value of a secret is preceded by a zero byte.
        format!("{:08x}", self.number(b"\0secgate key") >> 32)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mac = |key: &[u8], text: &[u8]| -> String {
            let bytes: Vec<u8> = SecretKey::new(key).mac(text).into_iter().collect();
            bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from).collect()
        };
        // Test cases 1, 2 and 6.
        assert_eq!(
            mac(&[0x0b; 20], b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            mac(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            mac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_trace_is_64_bits_of_it_and_the_key_is_not_shown() {
        let key = SecretKey::new(b"Jefe");
        assert_eq!(key.trace("what do ya want for nothing?").number(), 0x5bdc_c146_bf60_754e);
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
        assert_eq!(key.name().len(), 8);
        let digits = "A94A8FE5CCB19BA61C4C0873D391E987982FBBD3";
        let trace = key.trace_of_sha1(digits).unwrap();
        assert_eq!(key.trace_of_sha1(&digits.to_lowercase()), Some(trace));
        assert_ne!((trace, Some(trace)), (key.trace(digits), SecretKey::new(b"Jeff").trace_of_sha1(digits)));
        assert_eq!((key.trace_of_sha1("a94a"), key.trace_of_sha1(&"g".repeat(40))), (None, None));
        assert_ne!(key.name(), SecretKey::new(b"Jeff").name());
    }
}

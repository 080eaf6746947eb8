//! Hexadecimal digits.

use std::fmt::Write as _;

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// True for a text of hexadecimal digits, of either case, and nothing else.
pub fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// True for a SHA-256 as hexadecimal digits, of either case.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// True for a SHA-256 as it is written in verdicts: 64 hexadecimal digits in lower case.
pub fn is_lower_sha256(text: &str) -> bool {
    is_sha256(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
        assert!(is_hex("00Ff") && !is_hex("") && !is_hex("0g") && !is_hex("\u{ff10}"));
        assert!(is_sha256(&"aB".repeat(32)) && !is_sha256(&"a".repeat(63)) && !is_sha256(&"g".repeat(64)));
        assert!(is_lower_sha256(&"a0".repeat(32)) && !is_lower_sha256(&"aB".repeat(32)));
    }
}

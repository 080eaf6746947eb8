//! The number of a CVE record, small enough to keep hundreds of thousands of them.

use std::fmt;

/// `CVE-YEAR-NUMBER`. Ordered by year, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cve(u64);

impl Cve {
    /// The id that is written so, letter case and blanks around it ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.trim().split_at_checked(4)?;
        let (year, number) = rest.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fits = head.eq_ignore_ascii_case("CVE-")
            && year.len() == 4
            && (1..=14).contains(&number.len())
            && digits(year)
            && digits(number);
        // 14 digits are below 2^47.
        fits.then(|| Some(Self(year.parse::<u64>().ok()? << 48 | number.parse::<u64>().ok()?)))?
    }
}

impl fmt::Display for Cve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CVE-{}-{:04}", self.0 >> 48, self.0 & ((1 << 48) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_whole_or_not_at_all() {
        let of = |text: &str| Cve::parse(text).map(|cve| cve.to_string());
        assert_eq!(of(" cve-2021-44228 ").as_deref(), Some("CVE-2021-44228"));
        assert_eq!(of("CVE-1999-0001").as_deref(), Some("CVE-1999-0001"));
        assert_eq!(of("CVE-2026-99999999999999").as_deref(), Some("CVE-2026-99999999999999"));
        for odd in
            ["", "CVE-", "CVE-2021-", "CVE-21-1", "CVE-2021-1x", "GHSA-2021-1111", "CVE-2021-999999999999999"]
        {
            assert_eq!(of(odd), None, "{odd}");
        }
        assert!(Cve::parse("CVE-1999-99999") < Cve::parse("CVE-2000-0001"));
    }
}

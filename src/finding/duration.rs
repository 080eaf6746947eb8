//! Durations as people read them.

/// Seconds in the two largest units that are not zero, such as `3d 4h`.
pub fn duration_text(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        assert_eq!(duration_text(0), "0s");
        assert_eq!(duration_text(86_400), "1d");
        assert_eq!(duration_text(90_061), "1d 1h");
        assert_eq!(duration_text(61), "1m 1s");
    }
}

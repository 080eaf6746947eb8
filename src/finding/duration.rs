//! Durations: as policies write them, and as people read them.

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

/// Seconds of `90m`; a century at most, so that no later sum overflows.
pub fn parse_duration(text: &str) -> Option<i64> {
    const CENTURY: i64 = 100 * 366 * 86_400;
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    };
    let (number, _) = text.split_at_checked(text.len() - 1)?;
    if number.starts_with('0') || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<i64>().ok()?.checked_mul(unit).filter(|s| *s <= CENTURY)
}

/// Seconds in the largest unit that they fill.
pub fn short_duration(seconds: i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(length, _)| seconds % length == 0);
    unit.map_or_else(|| format!("{seconds}s"), |(length, unit)| format!("{}{unit}", seconds / length))
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

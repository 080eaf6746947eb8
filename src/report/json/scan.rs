//! Where plain runs of a JSON text end: 16 bytes are looked at together.

use wide::u8x16;

/// Bytes that are looked at together.
const STEP: usize = 16;

/// Where the plain part of a string ends at or after `from`: at its quote, a backslash or a control character.
pub(super) fn plain_end(text: &[u8], from: usize) -> usize {
    run_end(text, from, string_stops, |byte| matches!(byte, b'"' | b'\\' | 0..0x20))
}

/// The first byte at or after `from` that is no white space.
pub(super) fn blanks_end(text: &[u8], from: usize) -> usize {
    // Most blanks are single.
    for at in [from, from + 1] {
        if !text.get(at).is_some_and(|&byte| is_blank(byte)) {
            return at;
        }
    }
    run_end(text, from + 2, blank_stops, |byte| !is_blank(byte))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first byte at or after `from` that stops a run: `stops` marks those among 16 by bits, the lowest first.
#[inline]
fn run_end(text: &[u8], from: usize, stops: impl Fn(u8x16) -> u32, is_stop: impl Fn(u8) -> bool) -> usize {
    let mut rest = text.get(from..).unwrap_or_default();
    let mut at = from;
    while let Some((step, after)) = rest.split_first_chunk::<STEP>() {
        let marks = stops(u8x16::new(*step));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        rest = after;
        at += STEP;
    }
    at + rest.iter().position(|&byte| is_stop(byte)).unwrap_or(rest.len())
}

/// Bits of the bytes that are one of those.
fn equal(step: u8x16, byte: u8) -> u8x16 {
    step.simd_eq(u8x16::splat(byte))
}

#[inline]
fn string_stops(step: u8x16) -> u32 {
    let control = step.min(u8x16::splat(0x1f)).simd_eq(step);
    (equal(step, b'"') | equal(step, b'\\') | control).to_bitmask()
}

#[inline]
fn blank_stops(step: u8x16) -> u32 {
    let common = equal(step, b' ') | equal(step, b'\n');
    !(common | equal(step, b'\t') | equal(step, b'\r')).to_bitmask() & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told() {
        for byte in 0..=255 {
            for at in 0..STEP {
                let mut step = [b'x'; STEP];
                step[at] = byte;
                let stops = matches!(byte, b'"' | b'\\' | 0..0x20);
                assert_eq!(string_stops(u8x16::new(step)), u32::from(stops) << at, "{step:?}");
                let mut step = [b' '; STEP];
                step[at] = byte;
                assert_eq!(blank_stops(u8x16::new(step)), u32::from(!is_blank(byte)) << at, "{step:?}");
            }
        }
    }

    #[test]
    fn a_run_ends_where_a_look_at_each_byte_says() {
        for length in 0..40 {
            for at in 0..=length {
                for stop in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut text = vec![b'a'; length];
                    text.splice(at..(at + 1).min(length), [stop]);
                    for from in 0..=length {
                        let end = text.iter().skip(from).position(|&b| matches!(b, b'"' | b'\\' | 0..0x20));
                        assert_eq!(plain_end(&text, from), end.map_or(text.len().max(from), |n| from + n));
                    }
                }
                let mut text = vec![b' '; length];
                text.splice(at..(at + 1).min(length), [b'{']);
                for from in 0..=length {
                    let end = text.iter().skip(from).position(|&b| !is_blank(b));
                    assert_eq!(blanks_end(&text, from), end.map_or(text.len().max(from), |n| from + n));
                }
            }
        }
    }
}

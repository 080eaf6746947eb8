//! Percent-encoding (RFC 3986).

use std::borrow::Cow;

/// Text with `%41` written as `A`. What is no such escape, or would be no UTF-8, stays as it is.
pub fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = |high: u8, low: u8| {
            let digit = |c: u8| char::from(c).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        };
        rest = match rest {
            [b'%', high, low, after @ ..] if escape(*high, *low).is_some() => {
                bytes.extend(escape(*high, *low));
                after
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_escape_of_text_is_decoded_and_once() {
        for (text, is) in [
            ("a%20b", "a b"),
            ("%C3%bc", "ü"),
            ("100%/a%zz", "100%/a%zz"),
            ("a%ff", "a%ff"),
            ("%252F", "%2F"),
            ("%+1%", "%+1%"),
        ] {
            assert_eq!(decoded(text), is, "{text}");
        }
    }
}

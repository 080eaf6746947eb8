//! A page that is put together from literals and escaped text, and from nothing else.

use std::fmt::{self, Display};
use std::io::{self, Write};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::finding::clean;

/// Text in HTML: inert whatever it holds.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        for c in clean(&text).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Digest of a style or a script, as a policy of a page (CSP) names it.
fn digest(text: &str) -> String {
    format!("sha256-{}", Base64::encode_string(&Sha256::digest(text)))
}

/// A page that is being written. Markup comes from literals of the program; whatever is known only when it runs is text,
/// and escaped for text and for attributes in double quotes.
pub(in crate::render) struct Markup<'w> {
    out: &'w mut dyn Write,
    done: io::Result<()>,
}

impl<'w> Markup<'w> {
    pub(in crate::render) fn new(out: &'w mut dyn Write) -> Self {
        Self { out, done: Ok(()) }
    }

    /// Markup of the program itself. A text that was made while it runs does not live as long as the program, and is
    /// refused by the compiler.
    pub(in crate::render) fn html(&mut self, literal: &'static str) -> &mut Self {
        self.put(literal)
    }

    /// Text, escaped.
    pub(in crate::render) fn text(&mut self, text: impl Display) -> &mut Self {
        self.put(Escaped(text))
    }

    /// A document up to where its body begins, whose own policy (CSP) allows this style and this script and fetches nothing.
    pub(in crate::render) fn open_document(
        &mut self,
        title: impl Display,
        style: &'static str,
        script: &'static str,
    ) -> &mut Self {
        self.html(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '",
        );
        self.text(digest(style)).html("'; script-src '").text(digest(script));
        self.html(
            "'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"secgate ",
        );
        self.html(env!("CARGO_PKG_VERSION")).html("\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
        self.text(title).html("</title>\n<style>").html(style).html("</style>\n</head>\n<body>\n")
    }

    /// The first error of writing, after which nothing is written.
    pub(in crate::render) fn finish(self) -> io::Result<()> {
        self.done
    }

    fn put(&mut self, part: impl Display) -> &mut Self {
        if self.done.is_ok() {
            self.done = write!(self.out, "{part}");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_inert() {
        let text = "<script>alert('x')</script>&\"\u{1b}[2J\u{202e}";
        let mut page = Vec::new();
        let mut markup = Markup::new(&mut page);
        markup.html("<p>").text(text).html("</p>");
        markup.finish().unwrap();
        let page = String::from_utf8(page).unwrap();
        let escaped = page.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).unwrap();
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{escaped}");
        assert!(escaped.starts_with("&lt;script&gt;alert(&#39;x&#39;)"), "{escaped}");
    }

    #[test]
    fn nothing_is_written_after_an_error() {
        let mut room = [0; 4];
        let mut full = &mut room[..];
        let mut markup = Markup::new(&mut full);
        markup.html("abc").text("def").html("g");
        assert!(markup.finish().is_err());
        assert_eq!(&room, b"abcd");
    }
}

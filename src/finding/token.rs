//! Credentials that show by their shape what they are, in whatever text they stand.
//!
//! Shapes after what those who hand them out document: AWS (unique identifiers of IAM), GitHub, GitLab, Slack, Stripe,
//! Google Cloud, npm, `PyPI`, `SendGrid`, Shopify, `DigitalOcean`, Hugging Face, `OpenAI`, `HashiCorp` Vault, Docker Hub; JSON web
//! tokens (RFC 7519), private keys (RFC 7468); and what a text gives to a name such as `password`.

use std::borrow::Cow;

use super::word_set::WordBeginnings;

/// Placeholder for a credential.
const MASK: &str = "***";

/// Signs that a body consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenSigns {
    /// Letters and digits.
    Alphanumeric,
    /// And `-` and `_`.
    Base64Url,
    /// And `.`, between two parts.
    Dotted,
}

/// How a kind of credential begins, what follows, and at least how much of it.
struct TokenShape {
    start: &'static str,
    signs: TokenSigns,
    least: usize,
}

const fn shape(start: &'static str, signs: TokenSigns, least: usize) -> TokenShape {
    TokenShape { start, signs, least }
}

/// Kinds of credentials. One that begins like another stands before it.
const SHAPES: [TokenShape; 45] = {
    use TokenSigns::{Alphanumeric, Base64Url, Dotted};
    [
        shape("AKIA", Alphanumeric, 16),
        shape("ASIA", Alphanumeric, 16),
        shape("ABIA", Alphanumeric, 16),
        shape("ACCA", Alphanumeric, 16),
        shape("ghp_", Alphanumeric, 30),
        shape("gho_", Alphanumeric, 30),
        shape("ghu_", Alphanumeric, 30),
        shape("ghs_", Alphanumeric, 30),
        shape("ghr_", Alphanumeric, 30),
        shape("github_pat_", Base64Url, 22),
        shape("glpat-", Base64Url, 16),
        shape("gldt-", Base64Url, 16),
        shape("glrt-", Base64Url, 16),
        shape("glcbt-", Base64Url, 16),
        shape("glptt-", Base64Url, 16),
        shape("glft-", Base64Url, 16),
        shape("glsoat-", Base64Url, 16),
        shape("gloas-", Base64Url, 16),
        shape("glagent-", Base64Url, 16),
        shape("GR1348941", Base64Url, 16),
        shape("xoxa-", Base64Url, 10),
        shape("xoxb-", Base64Url, 10),
        shape("xoxe-", Base64Url, 10),
        shape("xoxe.", Base64Url, 10),
        shape("xoxo-", Base64Url, 10),
        shape("xoxp-", Base64Url, 10),
        shape("xoxr-", Base64Url, 10),
        shape("xoxs-", Base64Url, 10),
        shape("xapp-", Base64Url, 10),
        shape("sk_live_", Alphanumeric, 10),
        shape("rk_live_", Alphanumeric, 10),
        shape("sk_test_", Alphanumeric, 10),
        shape("rk_test_", Alphanumeric, 10),
        shape("AIza", Base64Url, 35),
        shape("GOCSPX-", Base64Url, 20),
        shape("npm_", Alphanumeric, 36),
        shape("pypi-AgE", Base64Url, 40),
        shape("SG.", Dotted, 60),
        shape("shpat_", Alphanumeric, 32),
        shape("dop_v1_", Alphanumeric, 60),
        shape("hf_", Alphanumeric, 30),
        shape("sk-", Base64Url, 32),
        shape("hvs.", Base64Url, 24),
        shape("dckr_pat_", Base64Url, 20),
        shape("eyJ", Dotted, 24),
    ]
};

/// How a private key begins (RFC 7468).
const KEY_BEGINS: &str = "-----BEGIN ";

/// Names whose value is a credential, where they are given one. What stands before them is part of the name.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "private_key",
    "private-key",
    "credential",
];

/// Where a credential, or a name of one, may begin.
static BEGINNINGS: WordBeginnings = {
    let mut all = WordBeginnings::NONE.and_all(&NAMES).and(KEY_BEGINS);
    let mut rest = SHAPES.as_slice();
    while let Some((shape, others)) = rest.split_first() {
        all = all.and(shape.start);
        rest = others;
    }
    all
};

/// A text without the credentials that show by their shape. Done twice it gives the same; a text without any is not
/// copied.
pub(super) fn without_tokens(text: Cow<'_, str>) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut out, mut done, mut at) = (String::new(), 0, 0);
    while let Some(next) = BEGINNINGS.next(bytes, at) {
        let Some((from, to)) = credential(&text, next) else {
            at = next + 1;
            continue;
        };
        out.push_str(text.get(done..from).unwrap_or_default());
        out.push_str(MASK);
        (done, at) = (to, to.max(next + 1));
    }
    if done == 0 {
        return text;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where a credential stands that is recognised at this place.
fn credential(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = text.as_bytes().get(at..)?;
    if rest.starts_with(KEY_BEGINS.as_bytes()) {
        return private_key(text.get(at..)?).map(|(from, to)| (at + from, at + to));
    }
    let token = SHAPES.iter().find_map(|shape| shape.length(rest)).map(|length| (at, at + length));
    token.or_else(|| {
        let name = NAMES.iter().find(|name| starts_with(rest, name))?;
        given_value(text.get(at + name.len()..)?)
            .map(|(from, to)| (at + name.len() + from, at + name.len() + to))
    })
}

fn starts_with(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

impl TokenShape {
    /// Number of bytes of such a credential that a text begins with.
    fn length(&self, text: &[u8]) -> Option<usize> {
        // Digests and commits are told in lower case, and what was taken for one is, too.
        let head = text.get(..self.start.len())?;
        let exact = head == self.start.as_bytes();
        if !exact && head != self.start.to_ascii_lowercase().as_bytes() {
            return None;
        }
        let body = text.get(self.start.len()..)?;
        let is_sign = |byte: &u8| match self.signs {
            TokenSigns::Alphanumeric => byte.is_ascii_alphanumeric(),
            TokenSigns::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            TokenSigns::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        };
        let length = body.iter().take_while(|byte| is_sign(byte)).count();
        let (body, rest) = body.split_at_checked(length)?;
        // The end of a text that was cut may be the beginning of one.
        if rest == "…".as_bytes() {
            return Some(self.start.len() + length);
        }
        // Names of things are words; a credential is drawn by lot.
        let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
        let drawn = digits >= 2 && (self.signs != TokenSigns::Dotted || body.contains(&b'.'))
            || exact
                && self.start.len() == 4
                && self.signs == TokenSigns::Alphanumeric
                && body.iter().all(u8::is_ascii_uppercase);
        (length >= self.least && drawn).then_some(self.start.len() + length)
    }
}

/// Behind the line that opens a private key (RFC 7468), to the one that closes it.
fn private_key(text: &str) -> Option<(usize, usize)> {
    let label = text.get(..80).unwrap_or(text);
    let from = label.find("PRIVATE KEY")? + label.get(label.find("PRIVATE KEY")?..)?.find("-----")? + 5;
    let inner = text.get(from..)?;
    let to = inner.find("-----END ").map_or(text.len(), |end| from + end);
    let body = text.get(from..to)?.trim();
    (body.len() > MASK.len()).then_some((from, to))
}

/// The value that is given to a name that ends where a text begins: what is quoted, or a word behind `=` that no name of
/// a variable, no placeholder and no word is.
fn given_value(text: &str) -> Option<(usize, usize)> {
    // The rest of the name, perhaps quoted itself.
    let name = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let behind = name.trim_start_matches(['"', '\'', '`', ']', ' ']);
    if text.len() - behind.len() > 40 {
        return None;
    }
    let value = behind.trim_start_matches(['=', ':', '>']);
    let sign = behind.get(..behind.len() - value.len())?;
    let value = value.trim_start_matches(' ');
    let start = text.len() - value.len();
    let first = value.chars().next().filter(|_| !sign.is_empty())?;
    if matches!(first, '"' | '\'' | '`') {
        let inner = value.get(1..)?;
        let length = inner.find(first).unwrap_or(inner.len());
        let quoted = inner.get(..length)?;
        return (quoted.len() > MASK.len() && !quoted.starts_with(MASK))
            .then_some((start + 1, start + 1 + length));
    }
    let length = value
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | '&' | '<'))
        .unwrap_or(value.len());
    let word = value.get(..length)?;
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    let is_value = sign.contains('=')
        && word.len() >= 8
        && digits >= 1
        && letters >= 1
        && !word.starts_with(['$', '{', '*']);
    is_value.then_some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let once = without_tokens(Cow::Borrowed(text)).into_owned();
        assert_eq!(without_tokens(Cow::Borrowed(&once)), once, "twice is once");
        once
    }

    // Each is written in two parts, so that a scanner of this source finds none.
    #[test]
    fn a_credential_is_known_by_its_shape() {
        for (text, is) in [
            (concat!("key AKIA", "Q7XW2VK9MT4ZB6NC."), "key ***."),
            (concat!("cfg_ASIA", "Q7XW2VK9MT4ZB6NC/x"), "cfg_***/x"),
            (concat!("sha256:akia", "q7xw2vk9mt4zb6nc"), "sha256:***"),
            (concat!("a/ghp_", "aB3dE5gH7jK9mN1pQ2sTuV4wX6yZ8aB0cD2e/b"), "a/***/b"),
            (concat!("glpat-", "aB3dE5gH7jK9mN1pQ2sT"), "***"),
            (concat!("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.x_y"), "***"),
            (
                "-----BEGIN RSA PRIVATE KEY----- MIIEow -----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
            ),
            ("password = \"correct horse\" here", "password = \"***\" here"),
            ("DB_PASSWORD='correcthorse'", "DB_PASSWORD='***'"),
            ("\"api_key\": \"correcthorse\"", "\"api_key\": \"***\""),
            ("?token=Zq9xW7vK2mT4&x=1", "?token=***&x=1"),
            ("é password: 'é漢字'", "é password: '***'"),
        ] {
            assert_eq!(told(text), is);
        }
    }

    #[test]
    fn every_credential_begins_like_one() {
        let starts = SHAPES.iter().map(|shape| shape.start).chain(NAMES).chain([KEY_BEGINS]);
        for start in starts {
            assert_eq!(BEGINNINGS.next(format!("- {start}").as_bytes(), 0), Some(2), "{start}");
        }
    }

    #[test]
    fn words_names_and_digests_stay() {
        for text in [
            "AKIA keys are long-lived",
            "aws-access-token",
            "token: invalid",
            "password = ${DB_PASSWORD}",
            "the password='***' of it",
            "sk-learn-contrib-imbalanced-learn-tools",
            "npm_config_registry_of_the_whole_organisation",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "GHSA-35jh-r3h4-6jhm",
            "secrets.detected.generic-api-key",
            "pkg:golang/golang.org/x/crypto@v0.0.0-20210921155107-089bfa567519",
            "-----BEGIN RSA PRIVATE KEY-----",
            "token=true",
        ] {
            assert_eq!(told(text), text);
        }
    }
}

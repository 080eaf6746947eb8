//! Words about a credential, told without the credential.
//!
//! Tools that look for weaknesses find passwords too, and their messages quote them. Which part of a message is the value
//! no report says, so that everything that could be one is masked: what is quoted, what a name is given, what mixes
//! letters and digits; and where the message is about a credential in the code, every word that rules' authors do not use.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::credential_rule::{is_about_secrets, is_withheld, withheld};
use super::secret::MASK;
use crate::finding::{Category, Finding, Text, WordSet};

/// Words in texts about credentials.
static ROOTS: WordSet = WordSet::of(&[
    "password",
    "passwd",
    "passphrase",
    "pass phrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "key",
    "jwt",
    "bearer",
    "authorization:",
    "basic auth",
    "connection string",
    "webhook",
    "cookie:",
    "entropy",
    "sensitive",
    "login",
    // In other languages.
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "schlüssel",
]);

/// How a text says that a credential stands in the code.
static IN_THE_CODE: WordSet = WordSet::of(&[
    "hardcoded",
    "hard-coded",
    "hard coded",
    "hard_coded",
    "plaintext",
    "plain text",
    "cleartext",
    "embedded",
    "leaked",
    "in source",
    "in the source",
    "in code",
    "committed",
]);

/// Names of algorithms and formats that mix letters and digits, and are no value.
const KNOWN: [&str; 41] = [
    "md4", "md5", "sha1", "sha2", "sha3", "sha224", "sha256", "sha384", "sha512", "sha-1", "sha-2", "sha-3",
    "sha-256", "sha-384", "sha-512", "hs256", "hs384", "hs512", "rs256", "rs512", "es256", "aes128",
    "aes256", "aes-128", "aes-256", "rsa1024", "rsa2048", "base32", "base64", "oauth1", "oauth2", "x509",
    "x.509", "ed25519", "blake2", "x509v3", "utf-8", "ipv4", "ipv6", "http2", "oauth2.0",
];

/// Words of rules' authors.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("conceal/words.txt").split_ascii_whitespace().collect());

/// Masks what may be the value of a secret in what a finding says. Readers of secret scanners know the value and mask it
/// themselves.
pub(super) fn conceal(finding: &mut Finding) {
    let rule_speaks = finding.cwes.iter().any(|cwe| matches!(cwe, 259 | 321 | 522 | 798))
        || ROOTS.is_in(finding.rule_id.as_str())
        || is_rule_on_credentials(finding.rule_id.as_str())
        || finding.rule_aliases.iter().any(|alias| ROOTS.is_in(alias.as_str()));
    // What is written down in the code is a value, whatever it is called.
    let speaks = |text: &str| rule_speaks || ROOTS.is_in(text) || IN_THE_CODE.is_in(text);
    let title = finding.title.as_str();
    let is_withheld = is_withheld(title, finding.rule_id.as_str()) && !title.contains('=');
    if !is_withheld && (speaks(title) || finding.category == Category::Secret) {
        let look = match finding.category {
            // Of those who look for nothing but secrets titles name kinds, in many words.
            Category::Secret => Scrutiny::Values,
            // Advisories are about packages, whose names and versions look like values.
            Category::Vulnerability | Category::License => Scrutiny::Quotes,
            _ if IN_THE_CODE.is_in(title) && (rule_speaks || ROOTS.is_in(title)) => Scrutiny::Strict,
            _ if is_about_secrets(finding.rule_id.as_str(), &finding.cwes) => Scrutiny::Strict,
            _ => Scrutiny::Literals,
        };
        let told = without_values(title, look).into_owned();
        finding.title.tell(&told);
    }
    // Where a tool has no ids, its names are words.
    let is_words = |text: &Text| text.as_str().contains([' ', '=']) && ROOTS.is_in(text.as_str());
    // Secret scanners name kinds of secrets; only an assignment in such a name is a value.
    let names_kinds = finding.category == Category::Secret;
    let is_told =
        |name: &Text| is_words(name) && (!names_kinds || name.as_str().contains(['=', '"', '\'', '`']));
    for name in finding.rule_aliases.iter_mut().chain([&mut finding.rule_id]).filter(|name| is_told(name)) {
        let told = without_values(name.as_str(), Scrutiny::Strict).into_owned();
        name.tell(&told);
    }
    // A path, a package or a level is no sentence; one that reads like one may quote a value.
    let title = finding.title.clone();
    for text in finding.texts().filter(|text| **text != title && is_told(text)) {
        let told = without_values(text.as_str(), Scrutiny::Literals).into_owned();
        text.tell(&told);
    }
    // An id is made of words and numbers, and no value by lot.
    let is_about_package = matches!(finding.category, Category::Vulnerability | Category::License);
    if !is_about_package && (rule_speaks || names_kinds || speaks(title.as_str())) {
        let Finding { rule_id, rule_aliases, native_severity, tool, ids, .. } = finding;
        let names = rule_aliases.iter_mut().chain(ids).chain(native_severity).chain([rule_id, tool]);
        names.for_each(conceal_name);
    }
    if is_withheld {
        // It is made of the rule's name.
        let told = withheld(finding.rule_id.as_str());
        finding.title.tell(told.as_str());
    }
    // A person's words.
    if let Some(words) = finding.suppression.as_mut().filter(|words| speaks(words.as_str())) {
        let told = without_values(words.as_str(), Scrutiny::Literals).into_owned();
        words.tell(&told);
    }
}

/// True of a finding about a credential in the code, whose identity leaves the value out: another value would be the same
/// finding, so that its lines have to tell. Tests and addresses that are called after a login hold no value.
pub(super) fn leaves_value_out(finding: &Finding) -> bool {
    match finding.category {
        Category::Sast | Category::Misconfiguration => finding.may_hold_secret,
        Category::Quality | Category::Contract | Category::Dast => {
            finding.cwes.iter().any(|cwe| matches!(cwe, 259 | 321 | 798))
                || is_rule_on_credentials(finding.rule_id.real())
        }
        Category::Secret | Category::Vulnerability | Category::License => false,
    }
}

/// Masks words of a name that look like values.
fn conceal_name(name: &mut Text) {
    if let Cow::Owned(told) = words(name.as_str(), Scrutiny::Values) {
        name.tell(&told);
    }
}

/// Masks what may be a value in the name or version of a tool.
pub(super) fn conceal_tool(name: &mut Text) {
    let is_version = |text: &str| {
        let number = text.trim_start_matches(['v', 'V']);
        let is_commit = text.len() <= 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.') || is_commit
    };
    if !is_version(name.as_str()) {
        conceal_name(name);
    }
    conceal_place(name);
}

/// A word of a report that is quoted to say that it is not what it should be.
pub(super) fn told_value(raw: &str) -> Text {
    let mut told = Text::line(raw);
    conceal_tool(&mut told);
    told
}

/// Masks what may be a value in a path, a package or another text that is no sentence, where it reads like one.
pub(super) fn conceal_place(text: &mut Text) {
    if text.as_str().contains([' ', '=']) && ROOTS.is_in(text.as_str()) {
        let told = without_values(text.as_str(), Scrutiny::Literals).into_owned();
        text.tell(&told);
    }
}

/// Parts of code about a credential that may be its value: literals, and what is drawn by lot.
pub(super) fn literals(code: &str) -> Vec<&str> {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`');
    let is_value = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() >= 8
            && digits > 0
            && digits < part.len()
            && is_literal(part)
            && !part.contains(['/', '.', ' '])
    };
    let mut found = Vec::new();
    // What is neither in quotes nor alone is code, whose names have digits, too.
    for (at, part) in code.split(is_quote).enumerate() {
        let is_quoted = at % 2 == 1 || part.len() == code.trim().len();
        if is_quoted && is_value(part.trim()) {
            found.push(part.trim());
        } else {
            let words = part.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '+'));
            found.extend(words.filter(|word| word.len() >= 8 && is_drawn(word)));
        }
    }
    found
}

/// True if a message may quote a credential.
pub(super) fn speaks_of_credentials(message: &str) -> bool {
    is_about_secrets(message, &[])
}

/// A message that is part of a fingerprint: of one that speaks of a credential in the code, what may be told.
pub(super) fn comparable(message: &str) -> Cow<'_, str> {
    if speaks_of_credentials(message) {
        without_values(message, Scrutiny::Strict)
    } else {
        Cow::Borrowed(message)
    }
}

/// A text of a scan's log; what it says of credentials goes without them.
pub(super) fn without_credential_values(text: &str) -> Cow<'_, str> {
    match (ROOTS.is_in(text), IN_THE_CODE.is_in(text)) {
        (false, _) => Cow::Borrowed(text),
        (true, false) => without_values(text, Scrutiny::Literals),
        (true, true) => without_values(text, Scrutiny::Strict),
    }
}

/// True of SonarQube's rules on credentials, whose ids are numbers, in any language.
pub(super) fn is_rule_on_credentials(rule: &str) -> bool {
    let number = rule.rsplit(':').next().unwrap_or(rule);
    matches!(number, "S2068" | "S2115" | "S6418" | "S6437" | "S6706" | "S6779" | "S6781")
}

/// How hard a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scrutiny {
    /// Only what is quoted is masked.
    Quotes,
    /// And what is drawn by lot, as no name is.
    Values,
    /// And what looks like no word.
    Literals,
    /// And every word that rules' authors do not use.
    Strict,
}

/// The text with what may be a value masked.
pub(super) fn without_values(text: &str, look: Scrutiny) -> Cow<'_, str> {
    let is_quote =
        |c: char| matches!(c, '"' | '\'' | '`' | '‘' | '’' | '“' | '”' | '„' | '«' | '»' | '‹' | '›');
    // A quotation begins where no word is being written, or `user's` would begin one.
    let mut before = ' ';
    let opening = text.char_indices().find(|&(_, c)| {
        let opens = is_quote(c) && !before.is_alphanumeric();
        before = c;
        opens
    });
    let masked = match opening {
        None => return words(text, look),
        Some((at, quote)) => {
            let inner = at + quote.len_utf8();
            // To the last: the value may hold quotes itself.
            let rest = text.get(inner..).unwrap_or_default();
            let (end, close) =
                rest.char_indices().rfind(|(_, c)| is_quote(*c)).map_or((text.len(), ""), |(at, c)| {
                    (
                        inner + at + c.len_utf8(),
                        text.get(inner + at..inner + at + c.len_utf8()).unwrap_or_default(),
                    )
                });
            let head = words(text.get(..at).unwrap_or_default(), look);
            let tail = words(text.get(end..).unwrap_or_default(), look);
            format!("{head}{quote}{MASK}{close}{tail}")
        }
    };
    if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
}

/// A text word by word.
fn words(text: &str, look: Scrutiny) -> Cow<'_, str> {
    if look == Scrutiny::Quotes {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut is_same = true;
    let mut given = false;
    // `password is VALUE`, but not `password is weak`.
    let mut stated = false;
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let blank = part.get(word.len()..).unwrap_or_default();
        let is_sign = !word.is_empty() && word.chars().all(|c| matches!(c, '=' | ':' | '>' | '-'));
        if word.is_empty() || is_sign {
            given |= is_sign && word.contains(['=', ':']) && ROOTS.is_in(&out);
            out.push_str(part);
            continue;
        }
        let look = if stated && look != Scrutiny::Values { Scrutiny::Strict } else { look };
        let (masked, names) = one_word(word, look, given);
        // `API key found: VALUE`
        let told = word.strip_suffix([':', '=']).is_some_and(|verb| {
            let verbs = ["found", "detected", "leaked", "exposed", "identified", "is", "value"];
            verbs.iter().any(|known| verb.eq_ignore_ascii_case(known))
        });
        let names = names || told && look != Scrutiny::Values && ROOTS.is_in(&out);
        given = names;
        stated = matches!(word, "is" | "was") && ROOTS.is_in(&out);
        is_same &= masked.is_none();
        out.push_str(masked.as_deref().unwrap_or(word));
        out.push_str(blank);
    }
    if is_same { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// One word masked, `None` where it stays, and whether it names a credential whose value follows. `given`: the word
/// before it did.
fn one_word(word: &str, look: Scrutiny, given: bool) -> (Option<String>, bool) {
    let around = |c: char| c.is_ascii_punctuation() && !matches!(c, '*' | '$');
    let core = word.trim_matches(around);
    let start = core.as_ptr() as usize - word.as_ptr() as usize;
    let (head, tail) =
        (word.get(..start).unwrap_or_default(), word.get(start + core.len()..).unwrap_or_default());
    if core == MASK || core.is_empty() {
        return (None, false);
    }
    let names = tail.starts_with(['=', ':']) && ROOTS.is_in(core);
    if given && (look != Scrutiny::Values || is_literal(core)) {
        return (Some(format!("{head}{MASK}{tail}")), false);
    }
    // Names have colons.
    let signs: &[char] = if look == Scrutiny::Values { &['='] } else { &['=', ':'] };
    if let Some((name, value)) = core.split_once(signs).filter(|(_, value)| !value.starts_with("//")) {
        let sign = core.get(name.len()..=name.len()).unwrap_or_default();
        let (told, _) = one_word(name, look, false);
        let name = told.as_deref().unwrap_or(name);
        let value = if value.trim_matches(around) == MASK { value } else { MASK };
        return (Some(format!("{head}{name}{sign}{value}{tail}")), false);
    }
    let keeps = match look {
        Scrutiny::Strict => is_plain(core),
        Scrutiny::Values | Scrutiny::Quotes => !is_drawn(core),
        Scrutiny::Literals => !is_literal(core),
    };
    ((!keeps).then(|| format!("{head}{MASK}{tail}")), names)
}

/// True if a word looks like a value and not like language, a name, a version or an id.
fn is_literal(word: &str) -> bool {
    // Of nearly every word that is enough.
    if word.len() < 24
        && word.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.' | b'/'))
    {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    let is_id = ["cve-", "cwe-", "ghsa-", "ckv", "avd-", "ksv", "ds-", "dsa-", "rhsa-", "pysec-", "rustsec-"]
        .iter()
        .any(|start| lower.starts_with(start));
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let version = word.trim_start_matches(['v', 'V', '<', '>', '=', '~', '^']);
    let is_version =
        version.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/' | b'%' | b','));
    if is_id || is_version || KNOWN.contains(&&*lower) {
        return false;
    }
    (digits > 0 && letters > 0 && word.len() >= 5)
        || word.len() >= 24 && !word.contains(['-', '_', '.', '/'])
        || word.len() >= 6 && word.contains(['!', '$', '%', '^', '&', '+', '=', '~', '@', '#', '\\'])
}

/// True if a word, or a part of it, was drawn by lot: letters and digits in turns, or a long mix of cases and digits.
/// Ids are words and numbers (`aws-access-token`, `CKV_SECRET_6`, `java:S2068`), UUIDs, or advisories.
fn is_drawn(word: &str) -> bool {
    // Of nearly every word that is enough.
    if word.len() < 6 || !word.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || !b.is_ascii())
    {
        return false;
    }
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("ghsa-") || is_uuid(word) || KNOWN.contains(&&*lower) {
        return false;
    }
    word.split(|c: char| !c.is_alphanumeric()).any(|part| {
        let kinds = |c: char| (c.is_ascii_digit(), c.is_uppercase());
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let turns =
            part.chars().zip(part.chars().skip(1)).filter(|(a, b)| kinds(*a).0 != kinds(*b).0).count();
        let mixed = part.chars().any(char::is_uppercase) && part.chars().any(char::is_lowercase);
        part.len() >= 6 && turns >= 3 && digits < part.len()
            || part.len() >= 12 && digits >= 2 && mixed && turns >= 2
            || part.len() >= 20 && digits >= 2 && digits < part.len()
    })
}

/// Five groups of hexadecimal digits (RFC 9562), as which scanners number rules.
fn is_uuid(word: &str) -> bool {
    let groups = word
        .split('-')
        .map(|group| if group.bytes().all(|b| b.is_ascii_hexdigit()) { group.len() } else { 0 });
    groups.eq([8, 4, 4, 4, 12])
}

/// True if a word is one of rules' authors.
fn is_plain(word: &str) -> bool {
    let known = |part: &str| {
        let lower = part.to_ascii_lowercase();
        let number = part.bytes().all(|b| b.is_ascii_digit()) && part.len() <= 3;
        number
            || KNOWN.contains(&&*lower)
            || WORDS.contains(&*lower)
            || lower.strip_suffix('s').is_some_and(|one| WORDS.contains(one))
    };
    word.split(|c: char| c.is_ascii_punctuation()).filter(|part| !part.is_empty()).all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn told(title: &str) -> String {
        let mut finding = Finding::new(Category::Sast, "tool", "rule", Severity::High);
        finding.title = Text::line(title);
        conceal(&mut finding);
        finding.title.to_string()
    }

    #[test]
    fn what_may_be_a_value_is_not_told() {
        for (title, is) in [
            ("Possible hardcoded password: 'hunter2'", "Possible hardcoded password: '***'"),
            ("user's password is 'hunter2'", "user's password is '***'"),
            ("password 'it's' in 'f'", "password '***'"),
            ("password \"cut off here", "password \"***"),
            ("Hardcoded password correcthorse found in config", "Hardcoded password *** found in config"),
            ("correcthorse is a hard-coded secret", "*** is a hard-coded secret"),
            ("DB_PASSWORD=correcthorse is set", "DB_PASSWORD=*** is set"),
            ("the token: correcthorse", "the token: ***"),
            ("the token = correcthorse", "the token = ***"),
            ("Token hunter2S3cretZx9q is old", "Token *** is old"),
            ("Hardcoded JWT eyJhbGciOiJIUzI1NiJ9", "Hardcoded JWT ***"),
            ("The password is correcthorse", "The password is ***"),
            ("The password is weak", "The password is weak"),
            ("Authorization: Bearer Zq9xW7vK2mT4", "Authorization: Bearer ***"),
            ("Passwort Zq9xW7vK2mT4 im Code", "Passwort *** im Code"),
            ("Slack webhook at T0/B0/Zq9xW7vK2mT4", "Slack webhook at ***"),
            ("Potential hardcoded credentials", "Potential hardcoded credentials"),
            ("Use of AES-128 with a short key", "Use of AES-128 with a short key"),
            ("the key of CVE-2026-1234 in 1.2.3", "the key of CVE-2026-1234 in 1.2.3"),
            ("Call of eval on 'x'", "Call of eval on 'x'"),
        ] {
            assert_eq!(told(title), is);
        }
    }

    #[test]
    fn rules_that_are_words_are_told_without_values() {
        for (rule, title) in
            [("password=Zq9xW7vK2mT4", "found"), ("python:S2068", "\"Zq9xW7vK2mT4\" detected here")]
        {
            let mut finding = Finding::new(Category::Sast, "tool", rule, Severity::High);
            finding.title = Text::line(title);
            conceal(&mut finding);
            assert!(!serde_json::to_string(&finding).unwrap().contains("Zq9xW7vK2mT4"), "{rule}");
        }
    }

    #[test]
    fn the_real_words_stay_for_matching() {
        let mut finding = Finding::new(Category::Sast, "tool", "rule", Severity::High);
        finding.title = Text::line("password 'hunter2'");
        conceal(&mut finding);
        assert_eq!(finding.title.real(), "password 'hunter2'");
        assert!(!serde_json::to_string(&finding).unwrap().contains("hunter2"));
        assert!(!format!("{finding:?}").contains("hunter2"));
    }
}

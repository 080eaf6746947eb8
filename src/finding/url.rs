//! Addresses in texts, without what opens the door: a user's name with its password, and tokens in the query.

use std::borrow::Cow;

/// Placeholder for a credential.
const MASK: &str = "***";

/// Parts of the names of parameters that hold credentials.
const NAMES: &[&str] =
    &["token", "secret", "passw", "pwd", "key", "sig", "auth", "credential", "session", "jwt"];

/// A text without the credentials of the addresses in it. Done twice it gives the same; a text without address is not
/// copied.
///
/// In `SCHEME://USER:PASSWORD@HOST/PATH?NAME=VALUE` the user and the values of parameters that are called like
/// credentials are masked, also where the signs are written as `%3A`. The lone user of an address of SSH, such as `git`,
/// opens nothing and stays. So are `USER:PASSWORD@HOST` and the parameters where there is no scheme.
pub(super) fn without_credentials(raw: &str) -> Cow<'_, str> {
    match in_addresses(raw) {
        Cow::Borrowed(text) => without_scheme(text),
        Cow::Owned(text) => match without_scheme(&text) {
            Cow::Borrowed(_) => Cow::Owned(text),
            Cow::Owned(masked) => Cow::Owned(masked),
        },
    }
}

/// A text without the credentials of what may be an address and has no scheme: `//USER:PASSWORD@HOST`, `USER:PASSWORD@HOST`,
/// `/PATH?token=VALUE`, `/PATH;jsessionid=VALUE`.
fn without_scheme(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut out = Cow::Borrowed(raw);
    if memchr::memchr(b'@', bytes).is_some() && memchr::memchr(b':', bytes).is_some() {
        let masked = without_logins(raw);
        if masked != raw {
            out = Cow::Owned(masked);
        }
    }
    let starts = |byte: &u8| matches!(byte, b'?' | b'&' | b';' | b'#');
    if memchr::memchr(b'=', bytes).is_some() && bytes.iter().any(starts) {
        let masked = without_parameters(&out);
        if masked != *out {
            out = Cow::Owned(masked);
        }
    }
    out
}

/// Without `USER:PASSWORD` in front of an `@` and a host.
fn without_logins(raw: &str) -> String {
    let stops =
        |c: char| ends(c) || matches!(c, '/' | '\\' | '(' | ')' | '[' | ']' | '{' | '}' | ',' | '=' | ';');
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        // A password that holds an `@` ends at the last.
        let run = after.find(stops).unwrap_or(after.len());
        let last = after.get(..run).and_then(|run| run.rfind('@')).unwrap_or(0);
        let host = after.get(last + 1..).unwrap_or_default();
        let start = before
            .rfind(stops)
            .map_or(0, |at| at + before.get(at..).and_then(|c| c.chars().next()).map_or(1, char::len_utf8));
        let login = rest.get(start..at + last).unwrap_or_default();
        let opens = login.split_once(':').is_some_and(|(user, word)| {
            let is_name = !user.is_empty()
                && !["mailto", "acct", "sip", "sips", "xmpp"].iter().any(|s| user.eq_ignore_ascii_case(s));
            is_name && !word.is_empty()
        });
        if opens && is_host(host) {
            out.push_str(rest.get(..start).unwrap_or_default());
            out.push_str(MASK);
        } else {
            out.push_str(rest.get(..at + last).unwrap_or_default());
        }
        out.push('@');
        rest = host;
    }
    out.push_str(rest);
    out
}

/// Whether a host may begin here, and no version, digest, branch or kind of archive.
fn is_host(text: &str) -> bool {
    let named = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c: char| !named(c)).unwrap_or(text.len());
    let name = text.get(..end).unwrap_or_default().trim_end_matches('.');
    let behind = text.get(end..).unwrap_or_default();
    let other = [
        "sha1",
        "sha256",
        "sha384",
        "sha512",
        "md5",
        "latest",
        "next",
        "beta",
        "alpha",
        "canary",
        "stable",
        "head",
        "main",
        "master",
        "aar",
        "jar",
        "war",
        "pom",
        "zip",
        "npm",
        "workspace",
        "patch",
        "file",
        "link",
    ];
    let is_version = name.trim_start_matches(['v', 'V']).starts_with(|c: char| c.is_ascii_digit());
    let is_ip = name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    text.starts_with('[') && behind.contains(':')
        || is_ip
        || !name.is_empty() && !is_version && !other.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Without the values of parameters that are called like credentials.
fn without_parameters(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['?', '&', ';', '#']) {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = after.find(|c: char| !named(c)).unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        rest = after;
        let Some(value) = tail.strip_prefix('=').filter(|_| is_credential(name)) else { continue };
        let stops = |c: char| ends(c) || matches!(c, '?' | '&' | ';' | '#' | ')' | ']' | '}' | ',');
        let end = value.find(stops).unwrap_or(value.len());
        if end > 0 {
            out.push_str(name);
            out.push('=');
            out.push_str(MASK);
            rest = value.get(end..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// A text without the credentials of the addresses with a scheme in it.
fn in_addresses(raw: &str) -> Cow<'_, str> {
    let Some(mut at) = next(raw, 0) else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    let mut done = 0;
    loop {
        let rest = raw.get(at..).unwrap_or_default();
        let end = rest.find(ends).map_or(raw.len(), |end| at + end);
        let address = raw.get(at..end).unwrap_or_default();
        out.push_str(raw.get(done..at).unwrap_or_default());
        let is_ssh = out.trim_end_matches("://").to_ascii_lowercase().ends_with("ssh");
        mask(address, is_ssh, &mut out);
        done = end;
        match next(raw, end) {
            Some(found) => at = found,
            None => break,
        }
    }
    out.push_str(raw.get(done..).unwrap_or_default());
    if out == raw { Cow::Borrowed(raw) } else { Cow::Owned(out) }
}

/// Characters that end an address.
fn ends(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|')
}

/// Where the first address behind a place begins, after its `://`.
fn next(raw: &str, from: usize) -> Option<usize> {
    let bytes = raw.as_bytes();
    let tail = bytes.get(from..)?;
    let mut signs = memchr::memchr2_iter(b':', b'%', tail);
    signs.find_map(|sign| {
        let at = tail.get(sign..)?;
        let wide = at.get(..9).is_some_and(|sign| sign.eq_ignore_ascii_case(b"%3A%2F%2F"));
        let width = if at.starts_with(b"://") {
            3
        } else if wide {
            9
        } else {
            return None;
        };
        Some(from + sign + width)
    })
}

/// The first place of one of these signs, each plain or as its escape, in capitals, with its width.
fn first(text: &str, signs: &[(u8, &[u8])]) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?;
        signs.iter().find_map(|(sign, escape)| {
            let escaped = rest.get(..3).is_some_and(|three| three.eq_ignore_ascii_case(escape));
            if rest.first() == Some(sign) { Some((at, 1)) } else { escaped.then_some((at, 3)) }
        })
    })
}

/// Writes an address, from behind its `://`, without its credentials.
fn mask(address: &str, is_ssh: bool, out: &mut String) {
    const HOST_ENDS: &[(u8, &[u8])] = &[(b'/', b"%2F"), (b'?', b"%3F"), (b'#', b"%23"), (b'&', b"%26")];
    let host = first(address, HOST_ENDS).map_or(address.len(), |(at, _)| at);
    let (authority, rest) = address.split_at_checked(host).unwrap_or((address, ""));
    // A password that holds an `@` ends at the last.
    let mut user = None;
    let mut from = 0;
    while let Some((at, width)) = first(authority.get(from..).unwrap_or_default(), &[(b'@', b"%40")]) {
        user = Some((from + at, width));
        from += at + width;
    }
    let opens = |user: &str| !user.is_empty() && (!is_ssh || first(user, &[(b':', b"%3A")]).is_some());
    match user.and_then(|(at, _)| authority.split_at_checked(at)) {
        Some((user, host)) if opens(user) => {
            out.push_str(MASK);
            out.push_str(host);
        }
        _ => out.push_str(authority),
    }
    parameters(rest, out);
}

/// Writes what is behind a host, without the values of parameters that are called like credentials.
fn parameters(mut rest: &str, out: &mut String) {
    const STARTS: &[(u8, &[u8])] = &[(b'?', b"%3F"), (b'#', b"%23"), (b'&', b"%26"), (b';', b"%3B")];
    while let Some((at, width)) = first(rest, STARTS) {
        let Some((before, after)) = rest.split_at_checked(at + width) else { break };
        out.push_str(before);
        let end = first(after, STARTS).map_or(after.len(), |(at, _)| at);
        let Some((pair, tail)) = after.split_at_checked(end) else { break };
        let value = first(pair, &[(b'=', b"%3D")]).map(|(at, width)| at + width);
        let named = value.and_then(|value| pair.split_at_checked(value));
        match named {
            Some((name, value)) if !value.is_empty() && is_credential(name) => {
                out.push_str(name);
                out.push_str(MASK);
                // A sentence goes on behind it.
                out.push_str(
                    value.get(value.trim_end_matches([')', ']', '}', ',', '.']).len()..).unwrap_or_default(),
                );
            }
            Some(_) | None => out.push_str(pair),
        }
        rest = tail;
    }
    out.push_str(rest);
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_of_addresses_are_masked() {
        for (text, masked) in [
            ("plain: a@b, 50% off", "plain: a@b, 50% off"),
            ("https://bob:hunter2@git.example/x", "https://***@git.example/x"),
            ("see https://tok3n@h/a and ftp://u:p@ss@i.", "see https://***@h/a and ftp://***@i."),
            ("git+ssh://git@github.com/a/b.git#v1", "git+ssh://git@github.com/a/b.git#v1"),
            ("ssh://git:pw@h/a", "ssh://***@h/a"),
            ("pkg:npm/a@1?repository_url=https://u:p@h/r", "pkg:npm/a@1?repository_url=https://***@h/r"),
            (
                "pkg:npm/a@1?vcs_url=git%2Bhttps%3A%2F%2Fu%3Ap%40h%2Fr&x=1",
                "pkg:npm/a@1?vcs_url=git%2Bhttps%3A%2F%2F***%40h%2Fr&x=1",
            ),
            ("git+https://gitlab.example/a@refs/heads/main", "git+https://gitlab.example/a@refs/heads/main"),
            ("http://h/a?q=1&access_token=abc&z=2", "http://h/a?q=1&access_token=***&z=2"),
            ("(http://h/?private_token=abc)", "(http://h/?private_token=***)"),
            ("http://h/#id_token=abc", "http://h/#id_token=***"),
            ("https://h/a?X-Amz-Signature=ab%2Fc", "https://h/a?X-Amz-Signature=***"),
            ("https://[::1]:8080/a", "https://[::1]:8080/a"),
            ("://", "://"),
            ("https://@h", "https://@h"),
            ("//user:hunter2@host/x", "//***@host/x"),
            ("user:hunter2@host", "***@host"),
            ("https:/u:hunter2@h.example/x", "https:/***@h.example/x"),
            ("deploy:p@ss@git.example.com:team/app.git", "***@git.example.com:team/app.git"),
            ("u:pw@10.0.0.1:22", "***@10.0.0.1:22"),
            ("/a/b?sig=ab%2Fc&x=1", "/a/b?sig=***&x=1"),
            ("h/a?X-Amz-Signature=ab", "h/a?X-Amz-Signature=***"),
            ("/cb;jsessionid=A1?x=1", "/cb;jsessionid=***?x=1"),
            ("/cb#access_token=A1, then", "/cb#access_token=***, then"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("nginx:1.25@sha256:abc", "nginx:1.25@sha256:abc"),
            ("org.a:foo:1.0@aar, org.a:foo@1.0, a:b@v2", "org.a:foo:1.0@aar, org.a:foo@1.0, a:b@v2"),
            (
                "npm:@a/b@1, pkg:npm/@a/b@1, mailto:a@b.example",
                "npm:@a/b@1, pkg:npm/@a/b@1, mailto:a@b.example",
            ),
            ("a?b=1;c=2&d=3 # x=y", "a?b=1;c=2&d=3 # x=y"),
            ("é://ü:ß@漢/?tokén=1&token=漢", "é://***@漢/?tokén=1&token=***"),
        ] {
            assert_eq!(without_credentials(text), masked, "{text}");
        }
    }

    proptest! {
        #[test]
        fn twice_is_once_and_no_password_stays(
            text in "([a-z:/@?&=%#. é\"]|://|%3A%2F%2F|%40|token=){0,30}",
            scheme in "https?|ftp|git\\+https|ssh",
            password in "Q[A-Z0-9]{3,12}",
        ) {
            let once = without_credentials(&text).into_owned();
            prop_assert_eq!(without_credentials(&once).into_owned(), once);
            let with = format!("{text} {scheme}://u:{password}@h/a?token={password}&b=1");
            prop_assert!(!without_credentials(&with).contains(&password));
        }
    }
}

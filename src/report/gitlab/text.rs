//! Facts from the texts of a vulnerability.

use crate::finding::{Fix, Text, is_sha256};

/// Statements of a solution about fixed versions, where it is one of the sentences that GitLab's analyzers and Trivy's
/// template write: `Upgrade to version 1.2 or above.`, `Upgrade openssl to 1.1.1d-r0`.
pub(super) fn fix(solution: &str, package: &str) -> (Fix, Vec<Text>) {
    let solution = solution.trim().trim_end_matches('.');
    if solution.replace(',', "") == "Unfortunately there is no solution available yet" {
        return (Fix::None, Vec::new());
    }
    let fixed = upgrade(solution, package).unwrap_or_default();
    (if fixed.is_empty() { Fix::Unknown } else { Fix::Available }, fixed)
}

fn upgrade(solution: &str, package: &str) -> Option<Vec<Text>> {
    let rest = solution.strip_prefix("Upgrade ")?;
    let rest = match rest.strip_prefix("to ") {
        Some(rest) => rest,
        None => rest.strip_prefix(package).filter(|_| !package.is_empty())?.strip_prefix(" to ")?,
    };
    let rest = ["versions ", "version "].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let rest =
        [" or above", " or later", " or higher"].iter().find_map(|w| rest.strip_suffix(w)).unwrap_or(rest);
    let versions: Vec<&str> = rest.split(", ").flat_map(|list| list.split(" or ")).map(str::trim).collect();
    versions.iter().all(|v| is_version(v)).then(|| versions.into_iter().map(Text::line).collect())
}

fn is_version(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+-~:_^".contains(c);
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(allowed)
}

/// The digest of the code that GitLab's analyzers put between file and rule in `cve`: `FILE:SHA256:RULE`. Semgrep
/// writes the digest of the path in its place.
pub(super) fn code_digest(cve: &str) -> Option<&str> {
    cve.split(':').find(|part| is_sha256(part))
}

/// Words of an excerpt that may be a value: long, and not letters alone.
pub(super) fn parts_of(extract: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || "\"'`=:,;()[]{}<>@/".contains(c);
    extract.split(between).filter(|word| {
        word.len() >= 8 && !word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'-')
    })
}

/// A host without the user and password that an address may hold.
pub(super) fn without_user(host: &str) -> &str {
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    let host = host.split(['?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

/// Host and path of an address, without what may hold values: its user and its query.
pub(super) fn place_of_url(host: &str, path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = without_user(host).trim_end_matches('/');
    if path.contains("://") {
        return without_user(path).to_owned();
    }
    match (host, path) {
        ("", path) => path.to_owned(),
        (host, path) if path.is_empty() || path.starts_with('/') => format!("{host}{path}"),
        (host, path) => format!("{host}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_sentences_say_what_fixes() {
        let of = |text| {
            let (fix, fixed) = fix(text, "curl");
            (fix, fixed.iter().map(|v| v.as_str().to_owned()).collect::<Vec<_>>().join(" "))
        };
        for (text, versions) in [
            ("Upgrade to version 2.2.3 or above.", "2.2.3"),
            ("Upgrade to versions 1.2.3, 2.0.1 or above.", "1.2.3 2.0.1"),
            ("Upgrade curl to 7.80.0-r2", "7.80.0-r2"),
            ("Upgrade curl to 1:7.80~rc1, 8.0", "1:7.80~rc1 8.0"),
        ] {
            assert_eq!(of(text), (Fix::Available, versions.to_owned()), "{text}");
        }
        for text in [
            "",
            "No solution provided",
            "Upgrade to the latest version.",
            "Upgrade wget to 1.2",
            "Upgrade to version 2 is not possible",
            "Upgrade curl to",
        ] {
            assert_eq!(of(text), (Fix::Unknown, String::new()), "{text}");
        }
        assert_eq!(of("Unfortunately, there is no solution available yet.").0, Fix::None);
        assert_eq!(of("Unfortunately, there is no solution available yet for you.").0, Fix::Unknown);
    }

    #[test]
    fn addresses_lose_what_may_hold_values() {
        assert_eq!(place_of_url("http://u:pw@api:8080", "/v1/a?token=x#y"), "api:8080/v1/a");
        assert_eq!(place_of_url("https://api/", "v1"), "api/v1");
        assert_eq!(place_of_url("", "https://u:pw@api/v1?x"), "api/v1");
        assert_eq!(without_user("http://u:pw@api?x"), "api");
    }

    #[test]
    fn digests_of_code_are_told_from_lines() {
        let digest = "f53de55b9242f0d284859ded112ecade516cea936943ced0a8cb60edf153b594";
        assert_eq!(code_digest(&format!("app/a.js:{digest}:js-eval")), Some(digest));
        assert_eq!(code_digest("data/a.js:246:node_username:CWE-798"), None);
    }
}

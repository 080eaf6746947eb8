//! Where a result is: URIs, their bases, and percent-encoding.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Location, Text, decoded};

/// Most bases that are put before a URI.
const MAX_BASES: usize = 16;

/// `originalUriBaseIds` of a run.
pub(super) type UriBases = BTreeMap<String, UriBase>;

/// Meaning of a `uriBaseId`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UriBase {
    /// Its URI, absolute or relative to `base`; empty where the producer keeps it to itself.
    pub(super) uri: String,
    /// The base of the base.
    pub(super) base: String,
}

impl UriBase {
    /// True if it changes a path: a folder of the project, or an absolute path below one of its roots.
    pub(super) fn matters(&self, roots: &[String]) -> bool {
        if is_absolute(&self.uri) {
            below(&decoded(&without_scheme(&self.uri)), roots)
        } else {
            !self.base.is_empty() || !self.uri.trim_matches(['.', '/']).is_empty()
        }
    }
}

/// The place of a result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ResultLocation<'u> {
    /// Path, not yet relative to the project.
    pub(super) path: Cow<'u, str>,
    /// The address of what runs on the web.
    pub(super) address: Option<Text>,
}

impl<'u> ResultLocation<'u> {
    /// The place that `uri` names, relative to `base`.
    ///
    /// A relative URI stays relative to the project even if its base is an absolute folder of another machine; a
    /// base below one of the project's `roots` is put before it.
    pub(super) fn resolve(uri: &'u str, base: &str, bases: &UriBases, roots: &[String]) -> Self {
        if let Some(address) = web(uri) {
            let path = address.split_once("://").map_or("", |(_, rest)| rest);
            let path = decoded(path).into_owned().into();
            return Self { path, address: Some(Text::line(&address)) };
        }
        if is_absolute(uri) {
            let path = decoded(&without_scheme(uri)).into_owned().into();
            return Self { path, address: None };
        }
        let mut path = Cow::Borrowed(uri);
        let mut id = base;
        for _ in 0..MAX_BASES {
            let Some(base) = bases.get(id) else { return Self { path: decoded_cow(path), address: None } };
            if is_absolute(&base.uri) {
                let path = decoded_cow(path);
                if roots.is_empty() {
                    return Self { path, address: None };
                }
                let top = without_scheme(&base.uri);
                let top = decoded(&top);
                let path = if below(&top, roots) { format!("{top}/{path}").into() } else { path };
                return Self { path, address: None };
            }
            if !base.uri.is_empty() {
                path = format!("{}/{path}", base.uri.trim_end_matches('/')).into();
            }
            id = &base.base;
        }
        // The bases go round in a circle, or nearly so: they say nothing.
        Self { path: decoded(uri), address: None }
    }

    /// The location in the project, if there is a path.
    pub(super) fn location(&self, line: Option<u32>, end: Option<u32>, roots: &[String]) -> Option<Location> {
        Location::new(&self.path, line, end, roots)
    }
}

fn is_absolute(uri: &str) -> bool {
    uri.starts_with(['/', '\\']) || uri.starts_with("file:") || has_authority(uri)
}

/// True if `://` stands in it; of most there is not even a colon.
fn has_authority(uri: &str) -> bool {
    memchr::memchr(b':', uri.as_bytes()).is_some() && uri.contains("://")
}

/// A web address without what may hold a credential: user, query and fragment.
fn web(uri: &str) -> Option<String> {
    let (scheme, rest) = Some(uri).filter(|uri| has_authority(uri))?.split_once("://")?;
    if !["http", "https", "ws", "wss"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) {
        return None;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or_default();
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    Some(format!("{}://{host}{path}", scheme.to_ascii_lowercase()))
}

fn without_scheme(uri: &str) -> String {
    let rest = match uri.strip_prefix("file:") {
        Some(rest) => match rest.strip_prefix("//") {
            Some(rest) => {
                rest.strip_prefix("localhost/").map_or_else(|| rest.to_owned(), |p| format!("/{p}"))
            }
            None => rest.to_owned(),
        },
        None => match uri.split_once("://") {
            Some((_, rest)) => rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).to_owned(),
            None => uri.to_owned(),
        },
    };
    rest.trim_end_matches('/').to_owned()
}

/// True for one of the project's roots, or what lies below it.
fn below(path: &str, roots: &[String]) -> bool {
    roots
        .iter()
        .map(|root| root.trim_end_matches('/'))
        .filter(|root| !root.is_empty())
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn decoded_cow(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => decoded(text),
        Cow::Owned(text) => Cow::Owned(decoded(&text).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(uri: &str, base: &str) -> String {
        let of = |uri: &str, base: &str| UriBase { uri: uri.to_owned(), base: base.to_owned() };
        let bases = UriBases::from([
            ("SRCROOT".to_owned(), of("file:///builds/team/app/", "")),
            ("OTHER".to_owned(), of("file:///home/someone/app/", "")),
            ("SUB".to_owned(), of("services/api/", "OTHER")),
            ("NONE".to_owned(), of("", "")),
            ("A".to_owned(), of("a/", "B")),
            ("B".to_owned(), of("b/", "A")),
        ]);
        let roots = ["/builds/team/app".to_owned()];
        let place = ResultLocation::resolve(uri, base, &bases, &roots);
        place.location(None, None, &roots).map(|l| l.path.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_path_is_relative_to_the_project() {
        for (uri, base, is) in [
            ("src/a.py", "", "src/a.py"),
            ("src/a.py", "SRCROOT", "src/a.py"),
            ("src/a.py", "OTHER", "src/a.py"),
            ("src/a.py", "SUB", "services/api/src/a.py"),
            ("src/a.py", "NONE", "src/a.py"),
            ("src/a.py", "UNKNOWN", "src/a.py"),
            ("src/a.py", "A", "src/a.py"),
            ("file:///builds/team/app/src/a%20b.py", "OTHER", "src/a b.py"),
            ("file:/builds/team/app/src/a.py", "", "src/a.py"),
            ("file://localhost/builds/team/app/src/a.py", "", "src/a.py"),
            ("/builds/team/app/src/a.py", "", "src/a.py"),
            ("src/%2e%2e/%2e%2e/etc/passwd", "", "outside/etc/passwd"),
            ("100%/a%zz.py", "", "100%/a%zz.py"),
            ("a%ff.py", "", "a%ff.py"),
            ("C:\\src\\a.cs", "", "C:/src/a.cs"),
        ] {
            assert_eq!(path(uri, base), is, "{uri} {base}");
        }
    }

    #[test]
    fn a_web_address_holds_no_credential() {
        let place = ResultLocation::resolve(
            "HTTPS://user:pw@shop.example/cart?token=s3cret#x",
            "",
            &UriBases::new(),
            &[],
        );
        assert_eq!(place.address.as_ref().map(Text::as_str), Some("https://shop.example/cart"));
        assert_eq!(place.path, "shop.example/cart");
    }
}

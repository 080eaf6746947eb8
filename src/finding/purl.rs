//! Package URLs (purl specification): how one tool's package is recognised in what another says.

use std::collections::BTreeMap;

use super::percent::decoded;

/// The parts of `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`, decoded, in the spelling that the type wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purl {
    /// Such as `npm`, in small letters.
    pub kind: String,
    /// Such as `@angular`; empty where there is none.
    pub namespace: String,
    /// The package's name.
    pub name: String,
    /// Its version; empty where there is none.
    pub version: String,
    /// Such as `arch`.
    pub qualifiers: BTreeMap<String, String>,
    /// A part of the package; empty where there is none.
    pub subpath: String,
}

impl Purl {
    /// The parts of a package URL; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_at_checked(4)?;
        if !scheme.eq_ignore_ascii_case("pkg:") {
            return None;
        }
        let (rest, subpath) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, path) = rest.trim_start_matches('/').split_once('/')?;
        let path = path.trim_matches('/');
        let (path, version) = split_version(path);
        let path = path.trim_end_matches('/');
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let kind = kind.to_ascii_lowercase();
        let spelled = |text: &str| spelled_name(&kind, decoded(text).into_owned());
        let pairs = qualifiers.split('&').filter_map(|pair| pair.split_once('='));
        let purl = Self {
            namespace: spelled(namespace),
            name: spelled(name),
            version: decoded(version).into_owned(),
            qualifiers: pairs
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_ascii_lowercase(), decoded(value).into_owned()))
                .collect(),
            subpath: decoded(subpath.trim_matches('/')).into_owned(),
            kind,
        };
        (!purl.kind.is_empty() && !purl.name.is_empty()).then_some(purl)
    }

    /// Whether this package is what `wanted` names: type, namespace and name agree, and so does all else that
    /// `wanted` gives.
    pub fn is(&self, wanted: &Self) -> bool {
        let says = |mine: &str, theirs: &str| theirs.is_empty() || mine == theirs;
        self.kind == wanted.kind
            && self.namespace == wanted.namespace
            && self.name == wanted.name
            && says(&self.version, &wanted.version)
            && says(&self.subpath, &wanted.subpath)
            && wanted.qualifiers.iter().all(|(key, value)| self.qualifiers.get(key) == Some(value))
    }

    /// Namespace and name.
    pub fn full_name(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// The source package that a system's package was built from, where the URL says it.
    pub fn source(&self) -> Option<&str> {
        let source = self.qualifiers.get("upstream").or_else(|| self.qualifiers.get("source"))?;
        // `upstream=openssl@1.1.1`
        let name = source.split('@').next().unwrap_or(source);
        (!name.is_empty()).then_some(name)
    }

    /// The digest of an image, where the package is one and is named by it.
    pub fn digest(&self) -> Option<&str> {
        let image = matches!(self.kind.as_str(), "oci" | "docker");
        Some(self.version.as_str()).filter(|version| image && version.starts_with("sha256:"))
    }
}

/// Splits the version from the path of a package URL. An `@` at the start of a segment belongs to a name, as in
/// `@scope/name`; what follows another one is the version, which may be an address (`git+https://…`).
pub fn split_version(path: &str) -> (&str, &str) {
    let inside = |at: usize| {
        path.get(..at).is_some_and(|before| {
            !before.is_empty() && !before.ends_with('/') && !before.to_ascii_lowercase().ends_with("%2f")
        })
    };
    // No name has this sign inside, also where somebody escaped it.
    for sign in ["@", "%40"] {
        let first = path.match_indices(sign).map(|(at, _)| at).find(|at| inside(*at));
        if let Some((path, version)) = first.and_then(|at| path.split_at_checked(at)) {
            return (path, version.strip_prefix(sign).unwrap_or(version));
        }
    }
    match path.rsplit_once('@') {
        Some((path, version)) if !path.is_empty() && !version.contains('/') => (path, version),
        _ => (path, ""),
    }
}

/// Names in the spelling that their ecosystem takes for the same (purl specification, known types).
pub fn spelled_name(kind: &str, name: String) -> String {
    match kind {
        // PEP 503: runs of these signs are one.
        "pypi" => {
            let mut out = String::with_capacity(name.len());
            for c in name.chars().flat_map(char::to_lowercase) {
                let c = if matches!(c, '_' | '.') { '-' } else { c };
                if c != '-' || !out.ends_with('-') {
                    out.push(c);
                }
            }
            out
        }
        // The registry takes no second name that differs by these.
        "cargo" => name.to_lowercase().replace('_', "-"),
        "alpm" | "apk" | "bitbucket" | "composer" | "conan" | "conda" | "deb" | "docker" | "github"
        | "gitlab" | "golang" | "hex" | "luarocks" | "npm" | "nuget" | "oci" | "pub" | "vscode-extension" => {
            name.to_lowercase()
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purl(text: &str) -> Purl {
        Purl::parse(text).unwrap()
    }

    #[test]
    fn parts_are_decoded_and_spelled_as_their_type_wants() {
        let npm = purl("pkg:npm/%40Angular/core@12.3.1");
        assert_eq!(
            (npm.namespace.as_str(), npm.name.as_str(), npm.version.as_str()),
            ("@angular", "core", "12.3.1")
        );
        assert_eq!(purl("pkg:npm/@angular/core").version, "");
        assert_eq!(purl("PKG:PyPI/Jinja_2@3.1").name, "jinja-2");
        assert_eq!(purl("pkg:maven/org.X/Y@1?type=jar").qualifiers["type"], "jar");
        assert_eq!(purl("pkg:golang/github.com/a/b@v1#sub/dir").subpath, "sub/dir");
        assert_eq!(purl("pkg:oci/app@sha256%3Aab?tag=1").digest(), Some("sha256:ab"));
        assert_eq!(purl("pkg:oci/app@1.2").digest(), None);
        for (text, name, version) in [
            ("pkg:npm/lodash@git+https://github.com/x/y", "lodash", "git+https://github.com/x/y"),
            ("pkg:npm/lodash@file:../x", "lodash", "file:../x"),
            ("pkg:npm/lodash@4.17.11/x", "lodash", "4.17.11/x"),
            ("pkg:npm/@a/b@npm:@c/d@1", "@a/b", "npm:@c/d@1"),
            ("pkg:npm/a@git+ssh://git@x/y", "a", "git+ssh://git@x/y"),
            ("pkg:npm/a/@1", "a", "1"),
            ("pkg:npm/%40a%2Fb%401", "@a/b", "1"),
        ] {
            assert_eq!((purl(text).full_name().as_str(), purl(text).version.as_str()), (name, version));
        }
        for odd in ["", "pkg:", "pkg:npm", "pkg:npm/", "product-ABC", "https://x/y", "pkg:/x"] {
            assert_eq!(Purl::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn all_that_is_said_must_agree() {
        let found = purl("pkg:apk/alpine/musl@1.1.22-r3?arch=x86_64&distro=3.10.9");
        for (wanted, is) in [
            ("pkg:apk/alpine/musl@1.1.22-r3?arch=x86_64&distro=3.10.9", true),
            ("pkg:apk/alpine/musl@1.1.22-r3", true),
            ("pkg:apk/alpine/musl", true),
            ("pkg:apk/alpine/musl@1.1.22-r4", false),
            ("pkg:apk/alpine/musl@1.1.22-r3?arch=aarch64", false),
            ("pkg:apk/alpine/musl@1.1.22-r3?epoch=1", false),
            ("pkg:apk/wolfi/musl@1.1.22-r3", false),
            ("pkg:deb/alpine/musl@1.1.22-r3", false),
            ("pkg:apk/alpine/musl@1.1.22-r3#lib", false),
        ] {
            assert_eq!(found.is(&purl(wanted)), is, "{wanted}");
        }
    }
}

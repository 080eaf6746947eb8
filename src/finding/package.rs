//! The package a vulnerability or licence is about, and how names of packages compare.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::purl::spelled_name;
use super::{Finding, Purl, Text};

/// A package in the version that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Package {
    /// Name as the scanner writes it.
    pub name: Text,
    /// Installed version as the scanner writes it; empty where it says none.
    pub version: Text,
    /// Package URL (purl specification), where the report holds one.
    pub purl: Option<Text>,
    /// Versions that hold the fix, in the report's order.
    pub fixed: Vec<Text>,
    /// Its ecosystem by its type in package URLs, where the report names it and holds no package URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
}

impl Package {
    /// Its package URL, where the report holds one that can be read.
    pub fn url(&self) -> Option<Purl> {
        Purl::parse(self.purl.as_ref()?.real())
    }

    /// Ecosystem and whole name as one text, `pkg:npm/@angular/core`; `None` where the report does not tell the ecosystem,
    /// or where part of it is not told.
    pub fn named(&self) -> Option<String> {
        if self.purl.iter().chain([&self.name]).any(Text::is_masked) {
            return None;
        }
        let PackageName { ecosystem, name } = PackageName::new(self, None);
        ecosystem.filter(|_| !name.is_empty()).map(|kind| format!("pkg:{kind}/{name}"))
    }
}

/// A name of a package as its ecosystem compares it. Two packages of equal names are the same, whichever tool says so.
///
/// Where nothing tells the ecosystem, a name is the same only as itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    /// The ecosystem by its type in package URLs, such as `npm`; `None` where it is not known.
    pub ecosystem: Option<String>,
    /// The whole name, with `/` behind a namespace.
    pub name: String,
}

impl PackageName {
    /// The name of a package that was found in a file at `path`.
    pub fn new(package: &Package, path: Option<&str>) -> Self {
        if let Some(url) = package.url() {
            let name = url.full_name();
            return Self { ecosystem: Some(url.kind), name };
        }
        let of_file = || path.and_then(ecosystem_of_file).map(str::to_owned);
        let ecosystem = package.ecosystem.clone().or_else(of_file);
        let name = match &ecosystem {
            Some(kind) => canonical(kind, package.name.real()),
            None => package.name.to_string(),
        };
        Self { ecosystem, name }
    }
}

impl Finding {
    /// The name of its package as the ecosystem compares it.
    pub fn package_name(&self) -> Option<PackageName> {
        self.package.as_ref().map(|package| PackageName::new(package, self.path()))
    }

    /// Whether its package is the one that somebody calls so: by its name in any spelling that its ecosystem takes for
    /// the same, or by a package URL. `None` where only the letters agree and nothing tells the ecosystem.
    pub fn is_of_package(&self, wanted: &str) -> Option<bool> {
        let Some(package) = &self.package else { return Some(false) };
        if package.name.real() == wanted {
            return Some(true);
        }
        let url = package.url();
        if let Some(wanted) = Purl::parse(wanted) {
            return Some(if let Some(mut url) = url {
                if url.version.is_empty() {
                    url.version = package.version.to_string();
                }
                url.is(&wanted)
            } else {
                let name = PackageName::new(package, self.path());
                name.ecosystem.as_ref() == Some(&wanted.kind)
                    && name.name == wanted.full_name()
                    && (wanted.version.is_empty() || wanted.version == package.version.real())
            });
        }
        let own = PackageName::new(package, self.path());
        let Some(kind) = &own.ecosystem else {
            return if loose(package.name.real()) == loose(wanted) { None } else { Some(false) };
        };
        let wanted = canonical(kind, wanted);
        // The namespace of a system's package is its vendor, and nobody writes it as part of the name.
        let bare = url.filter(|url| is_of_system(&url.kind)).is_some_and(|url| url.name == wanted);
        Some(bare || own.name == wanted || canonical(kind, package.name.real()) == wanted)
    }
}

/// Types of packages that a system's own database lists.
pub fn is_of_system(kind: &str) -> bool {
    matches!(kind, "deb" | "rpm" | "apk" | "alpm")
}

/// A whole name in the spelling that its ecosystem takes for the same.
pub fn canonical(kind: &str, name: &str) -> String {
    let name = name.trim();
    // `group:artifact`, of which a package URL makes namespace and name.
    let name = if kind == "maven" { Cow::Owned(name.replace(':', "/")) } else { Cow::Borrowed(name) };
    spelled_name(kind, name.into_owned())
}

/// A name without what any ecosystem lets go: only for showing what may be the same.
pub fn loose(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// A version in the spelling that its ecosystem takes for the same.
pub fn canonical_version<'v>(ecosystem: Option<&str>, version: &'v str) -> &'v str {
    match ecosystem {
        Some("golang") => version.strip_prefix('v').unwrap_or(version),
        Some("rpm" | "deb") => version.strip_prefix("0:").unwrap_or(version),
        _ => version,
    }
}

/// The type in package URLs of an ecosystem that a scanner or a database calls so, where the word means no other.
pub fn ecosystem_by_name(word: &str) -> Option<&'static str> {
    // `Debian:12`, `Maven:https://…`
    let word = word.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "npm" | "node" | "nodejs" | "node-pkg" | "nodepkg" | "yarn" | "pnpm" | "javascript" => "npm",
        "pypi" | "pip" | "python" | "python-pkg" | "pythonpkg" | "pipenv" | "poetry" | "uv" => "pypi",
        "maven" | "java" | "java-archive" | "jar" | "pom" | "gradle" => "maven",
        "golang" | "go" | "go-module" | "gomod" | "gomodule" | "gobinary" => "golang",
        "gem" | "rubygems" | "ruby" | "bundler" | "gemspec" => "gem",
        "cargo" | "crates.io" | "rust" | "rust-crate" | "rustbinary" | "rust-binary" => "cargo",
        "composer" | "packagist" | "php" | "php-composer" | "composer-vendor" => "composer",
        "nuget" | "dotnet" | "dotnet-core" | "dotnet-deps" => "nuget",
        "hex" | "erlang" | "elixir" => "hex",
        "pub" | "dart" | "dart-pub" => "pub",
        "cocoapods" => "cocoapods",
        "conan" => "conan",
        "cran" => "cran",
        "hackage" => "hackage",
        "conda" | "conda-pkg" => "conda",
        "deb" | "debian" | "ubuntu" => "deb",
        "apk" | "alpine" | "wolfi" | "chainguard" => "apk",
        "rpm" | "red hat" | "redhat" | "rocky linux" | "almalinux" | "suse" | "opensuse" => "rpm",
        _ => return None,
    })
}

/// The ecosystem of the packages that a manifest or lock file names, by the file's name.
fn ecosystem_of_file(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    Some(match name.as_str() {
        "package-lock.json"
        | "package.json"
        | "npm-shrinkwrap.json"
        | "yarn.lock"
        | "pnpm-lock.yaml"
        | "bun.lock"
        | "bun.lockb" => "npm",
        "poetry.lock" | "pipfile" | "pipfile.lock" | "pyproject.toml" | "setup.py" | "setup.cfg"
        | "uv.lock" | "pdm.lock" | "pylock.toml" => "pypi",
        "pom.xml"
        | "gradle.lockfile"
        | "buildscript-gradle.lockfile"
        | "build.gradle"
        | "build.gradle.kts" => "maven",
        "go.mod" | "go.sum" => "golang",
        "gemfile" | "gemfile.lock" | "gems.locked" => "gem",
        "composer.lock" | "composer.json" => "composer",
        "cargo.lock" | "cargo.toml" => "cargo",
        "packages.lock.json" | "packages.config" | "project.assets.json" | "directory.packages.props" => {
            "nuget"
        }
        "pubspec.lock" | "pubspec.yaml" => "pub",
        "mix.lock" => "hex",
        "podfile.lock" => "cocoapods",
        "package.resolved" => "swift",
        "conan.lock" => "conan",
        _ if name.starts_with("requirements") && ends(".txt") => "pypi",
        _ if ends(".csproj") || ends(".fsproj") || ends(".vbproj") || ends(".deps.json") => "nuget",
        _ if ends(".jar") || ends(".war") || ends(".ear") => "maven",
        _ if ends(".gemspec") => "gem",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Location, Severity};
    use proptest::prelude::*;

    fn finding(name: &str, purl: Option<&str>, path: Option<&str>) -> Finding {
        let mut finding = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", Severity::High);
        finding.location = path.and_then(|path| Location::new(path, None, None, &[]));
        finding.package = Some(Package {
            name: Text::line(name),
            version: Text::line("1.0"),
            purl: purl.map(Text::line),
            ..Package::default()
        });
        finding
    }

    #[test]
    fn a_name_is_told_in_every_spelling_of_its_ecosystem() {
        for (name, purl, wanted, is) in [
            ("PyYAML", "pkg:pypi/pyyaml@5.3", "pyyaml", true),
            ("zope.interface", "pkg:pypi/zope.interface@5", "Zope--Interface", true),
            ("pyyaml", "pkg:pypi/pyyaml@5.3", "pyaml", false),
            ("@Angular/core", "pkg:npm/%40angular/core@12", "@angular/core", true),
            ("core", "pkg:npm/%40angular/core@12", "@angular/core", true),
            (
                "log4j-core",
                "pkg:maven/org.apache.logging.log4j/log4j-core@2",
                "org.apache.logging.log4j:log4j-core",
                true,
            ),
            ("log4j-core", "pkg:maven/org.apache.logging.log4j/log4j-core@2", "log4j-core", true),
            ("log4j-core", "pkg:maven/org.apache.logging.log4j/log4j-core@2", "org.other:log4j-core", false),
            ("log4j-core", "pkg:maven/org.apache.logging.log4j/log4j-core@2", "Log4j-core", false),
            (
                "github.com/Sirupsen/logrus",
                "pkg:golang/github.com/sirupsen/logrus@1",
                "github.com/sirupsen/logrus",
                true,
            ),
            ("libssl3", "pkg:deb/debian/libssl3@3", "libssl3", true),
            ("Newtonsoft.Json", "pkg:nuget/Newtonsoft.Json@9", "newtonsoft.json", true),
            ("Newtonsoft.Json", "pkg:nuget/Newtonsoft.Json@9", "newtonsoft-json", false),
            ("symfony/http-kernel", "pkg:composer/symfony/http-kernel@5", "Symfony/Http-Kernel", true),
            ("serde_json", "pkg:cargo/serde_json@1", "serde-json", true),
            ("RedCloth", "pkg:gem/RedCloth@4", "redcloth", false),
            ("lodash", "pkg:npm/lodash@4", "pkg:npm/lodash", true),
            ("lodash", "pkg:npm/lodash@4", "pkg:npm/lodash@3", false),
        ] {
            assert_eq!(finding(name, Some(purl), None).is_of_package(wanted), Some(is), "{purl} {wanted}");
        }
    }

    #[test]
    fn the_file_tells_the_ecosystem_where_the_report_does_not() {
        assert_eq!(
            finding("PyYAML", None, Some("api/requirements-dev.txt")).is_of_package("pyyaml"),
            Some(true)
        );
        assert_eq!(finding("a:b", None, Some("pom.xml")).is_of_package("pkg:maven/a/b"), Some(true));
        assert_eq!(finding("a:b", None, Some("pom.xml")).is_of_package("pkg:maven/a/b@2"), Some(false));
        // Nothing tells it: it may be the same.
        assert_eq!(finding("PyYAML", None, None).is_of_package("pyyaml"), None);
        assert_eq!(finding("PyYAML", None, None).is_of_package("PyYAML"), Some(true));
        assert_eq!(finding("PyYAML", None, None).is_of_package("yaml"), Some(false));
    }

    proptest! {
        /// Equality of names is an equivalence by construction; it must not depend on how a name is spelled where
        /// the ecosystem says so, and never join two ecosystems.
        #[test]
        fn names_of_one_ecosystem_compare_as_their_canonical_spelling(
            kind in "(pypi|npm|maven|golang|nuget|cargo|gem|composer|deb)",
            a in "[aB][-_.]{0,2}[cD]", b in "[aB][-_.]{0,2}[cD]",
        ) {
            let of = |name: &str| finding(name, Some(&format!("pkg:{kind}/{name}@1")), None);
            let same = of(&a).package_name() == of(&b).package_name();
            prop_assert_eq!(same, canonical(&kind, &a) == canonical(&kind, &b));
            prop_assert_eq!(of(&a).is_of_package(&b), Some(same));
            prop_assert_eq!(canonical(&kind, &canonical(&kind, &a)), canonical(&kind, &a));
            prop_assert_ne!(of(&a).package_name(), finding(&a, Some(&format!("pkg:other/{a}@1")), None).package_name());
        }
    }
}

//! Commands that take a step, where a package manager has one.
//!
//! A command is a list of words, never a line for a shell. Names and versions come from reports, so that a word that is not
//! plainly a name or a version makes no command.

use crate::finding::{Finding, Purl};

/// The command that takes a package to a version, by the lock file that names it; `None` where the file is edited by hand
/// (`requirements.txt`), an image is rebuilt, or another package of the project brings it.
pub(super) fn upgrade_command(finding: &Finding, to: &str) -> Option<Vec<String>> {
    let file = finding.path()?.rsplit('/').next()?;
    let name = name(finding)?;
    let direct = finding.direct != Some(false);
    let at = |sign: &str| format!("{name}{sign}{to}");
    let command = match file {
        "package-lock.json" | "npm-shrinkwrap.json" if direct => {
            vec!["npm".into(), "install".into(), at("@")]
        }
        "pnpm-lock.yaml" => vec!["pnpm".into(), "update".into(), at("@")],
        "Cargo.lock" => {
            ["cargo", "update", "--package", &name, "--precise", to].into_iter().map(str::to_owned).collect()
        }
        "go.mod" | "go.sum" => {
            let version = if to.starts_with('v') { at("@") } else { at("@v") };
            vec!["go".into(), "get".into(), version]
        }
        "composer.lock" if direct => vec!["composer".into(), "require".into(), at(":")],
        "Gemfile.lock" => vec!["bundle".into(), "update".into(), "--conservative".into(), name.clone()],
        "uv.lock" => vec!["uv".into(), "lock".into(), "--upgrade-package".into(), at("==")],
        "Pipfile.lock" => vec!["pipenv".into(), "upgrade".into(), at("==")],
        "packages.lock.json" if direct => {
            ["dotnet", "add", "package", &name, "--version", to].into_iter().map(str::to_owned).collect()
        }
        _ => return None,
    };
    (is_plain(&name) && is_plain(to)).then_some(command)
}

/// The package's name as its manager spells it.
fn name(finding: &Finding) -> Option<String> {
    let package = finding.package.as_ref()?;
    let purl = package.purl.as_ref().and_then(|purl| Purl::parse(purl.as_str()));
    Some(match purl {
        Some(Purl { namespace, name, .. }) if !namespace.is_empty() => format!("{namespace}/{name}"),
        Some(Purl { name, .. }) => name,
        None => package.name.as_str().to_owned(),
    })
}

/// A word that no program takes for an option, a path elsewhere or anything but a name or a version.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._+~-".contains(c);
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
        && word.len() <= 200
        && word.chars().all(plain)
        && !word.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Category, Location, Package, Severity, Text};

    fn command(file: &str, name: &str, purl: Option<&str>, to: &str) -> Option<String> {
        let mut finding = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", Severity::High);
        finding.location = Location::new(file, None, None, &[]);
        finding.package =
            Some(Package { name: Text::line(name), purl: purl.map(Text::line), ..Package::default() });
        upgrade_command(&finding, to).map(|words| words.join(" "))
    }

    #[test]
    fn the_lock_file_names_the_manager() {
        let said = |file, name, purl| command(file, name, purl, "4.17.21").unwrap_or_default();
        assert_eq!(said("web/package-lock.json", "lodash", None), "npm install lodash@4.17.21");
        assert_eq!(
            said("package-lock.json", "x", Some("pkg:npm/%40babel/core@7.0.0")),
            "npm install @babel/core@4.17.21"
        );
        assert_eq!(said("Cargo.lock", "time", None), "cargo update --package time --precise 4.17.21");
        assert_eq!(said("go.mod", "golang.org/x/net", None), "go get golang.org/x/net@v4.17.21");
        assert_eq!(said("requirements.txt", "PyYAML", None), "");
        assert_eq!(said("Dockerfile", "openssl", None), "");
    }

    #[test]
    fn a_name_is_never_more_than_a_name() {
        for name in ["--registry=http://x", "a b", "a;b", "$(id)", "../x", "", "`id`", "a\u{202e}b", "-g"] {
            assert_eq!(command("package-lock.json", name, None, "1.0"), None, "{name}");
            assert_eq!(command("package-lock.json", "a", None, name), None, "{name}");
        }
    }
}

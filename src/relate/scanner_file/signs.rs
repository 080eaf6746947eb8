//! Files that no scanner's name tells of: known by what their names and contents say, or by settings that name them.

use super::names::{ENDS, TOOLS};
use super::tree::lines_with;
use super::{ScannerFile, ScannerFileKind};

/// Bytes of a file whose content is looked at.
const LOOKED_AT: usize = 1 << 20;

/// Words in lower case that a list of exceptions of one scanner holds, all of them, whatever the file is called.
const CONTENTS: &[(&[&str], &str)] = &[
    (&["dependency-suppression", "<suppress"], "Dependency-Check"),
    (&["<suppress", "<cve>"], "Dependency-Check"),
    (&["<suppress", "<cpe"], "Dependency-Check"),
    (&["<suppress", "<packageurl"], "Dependency-Check"),
    (&["<findbugsfilter"], "SpotBugs"),
    (&["<smellbaseline"], "detekt"),
    (&["<files psalm-version"], "Psalm"),
    (&["<psalm", "errorlevel"], "Psalm"),
    (&["<ruleset", "phpcs"], "PHP_CodeSniffer"),
    (&["<ruleset", "pmd.sourceforge"], "PMD"),
    (&["mutelist:", "accounts:"], "Prowler"),
    (&["[[ignoredvulns]]"], "OSV-Scanner"),
    (&["\"ignored_warnings\"", "\"fingerprint\""], "Brakeman"),
    (&["\"plugins_used\"", "\"filters_used\""], "detect-secrets"),
    (&["\"failed_checks\"", "\"check_ids\""], "Checkov"),
    (&["ignoreerrors:", "parameters:"], "PHPStan"),
    (&["ignore-vulnerabilities:"], "Safety"),
    (&["ignore:", "- vulnerability:"], "Grype"),
    (&["ignore:", "snyk-"], "Snyk"),
    (&["[allowlist]", "paths"], "gitleaks"),
    (&["[allowlist]", "regexes"], "gitleaks"),
    (&["[[allowlists]]"], "gitleaks"),
    (&["\"allowlist\"", "ghsa-"], "audit-ci"),
    (&["\tignore\t", "\tfail\t"], "ZAP"),
    (&["\tignore\t("], "ZAP"),
    (&["openvex.dev/ns", "\"statements\""], "a scanner that reads OpenVEX"),
    (&["[bandit]"], "Bandit"),
];

/// Parts of a name that say by themselves that something is not to be reported.
const SUPPRESSING: &[&str] =
    &["suppress", "suppressed", "suppression", "suppressions", "mutelist", "falsepositives", "vulnignore"];
/// Parts of a name that lists of other things have as well.
const LEAVING_OUT: &[&str] = &[
    "accepted",
    "allowed",
    "allowlist",
    "baseline",
    "exceptions",
    "exclude",
    "excluded",
    "excludes",
    "exclusion",
    "exclusions",
    "ignore",
    "ignored",
    "ignorelist",
    "ignores",
    "known",
    "positives",
    "skip",
    "skips",
    "whitelist",
];
/// Beginnings, in lower case, of what such a list then has to speak of.
const PROBLEMS: &[&str] =
    &["cve-", "ghsa-", "cwe-", "ckv_", "avd-", "rustsec-", "pysec-", "snyk-", "osv-", "vulnerab", "advisor"];
/// Files `.…ignore` of tools that look for no weakness.
const OTHER_IGNORES: &[&str] = &[
    "",
    "bazel",
    "bun",
    "cf",
    "claude",
    "cursor",
    "docker",
    "earthly",
    "eb",
    "foss",
    "fd",
    "func",
    "gcloud",
    "gemini",
    "git",
    "helm",
    "hg",
    "kube",
    "lint",
    "markdownlint",
    "mocha",
    "npm",
    "now",
    "nx",
    "openapi-generator-",
    "p4",
    "prettier",
    "rg",
    "rsync",
    "slug",
    "stylelint",
    "svn",
    "swagger-codegen-",
    "tern",
    "up",
    "vercel",
    "vscode",
    "watchman",
    "yamllint",
];
/// Words of options by which a scanner is told of a file of exceptions or settings.
const OPTIONS: &[&str] = &[
    "allow",
    "baseline",
    "conf",
    "exception",
    "exclude",
    "filter",
    "ignore",
    "policy",
    "rule",
    "skip",
    "suppress",
    "vex",
    "white",
];
/// Parts of keys by which settings take in other files.
const TAKING_IN: &[&str] = &[
    "baseline",
    "config",
    "extend",
    "filterfile",
    "ignorefile",
    "ignore-file",
    "import",
    "include",
    "policy",
    "ref",
    "ruleset",
    "suppress",
];
/// Files, or ends of their paths, in which scanners are started.
const STARTS: &[&str] = &[
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    "Makefile",
    "Jenkinsfile",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    ".circleci/config.yml",
    "Taskfile.yml",
    "package.json",
];

/// Whether a file's name is one of settings or lists.
fn is_settings(name: &str) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    !matches!(end, "js" | "ts" | "cjs" | "mjs" | "cts")
        && (ENDS.contains(&end) || matches!(end, "tsv" | "csv" | "rules"))
}

impl ScannerFile {
    /// A file that is a list of exceptions by its name and what it holds.
    pub fn from_content(path: &str, text: &[u8]) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let named = name.strip_prefix('.').and_then(|name| name.strip_suffix("ignore"));
        if let Some(tool) = named.filter(|tool| !tool.contains('.')) {
            let kind = ScannerFileKind::Patterns;
            return (!OTHER_IGNORES.contains(&tool)).then_some(Self { tool: "a tool of that name", kind });
        }
        if !is_settings(&name) || path.starts_with(".secgate/") {
            return None;
        }
        let text = String::from_utf8_lossy(text.get(..LOOKED_AT).unwrap_or(text)).to_ascii_lowercase();
        if let Some((_, tool)) =
            CONTENTS.iter().find(|(words, _)| words.iter().all(|word| text.contains(word)))
        {
            return Some(Self { tool, kind: ScannerFileKind::Text });
        }
        let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
        let suppresses = parts.clone().any(|part| SUPPRESSING.contains(&part));
        let leaves_out = parts.any(|part| LEAVING_OUT.contains(&part));
        let speaks = || PROBLEMS.iter().any(|word| text.contains(word));
        let tool = "a scanner, by what it is called";
        (suppresses || leaves_out && speaks()).then_some(Self { tool, kind: ScannerFileKind::Text })
    }

    /// A file that the settings of a scanner name.
    pub const fn named() -> Self {
        Self { tool: "a scanner, whose settings name it", kind: ScannerFileKind::Text }
    }

    /// Whether settings of a scanner, or the start of one, may stand in the file at a path.
    pub fn may_name_others(path: &str) -> bool {
        let ends = |end: &str| {
            path.strip_suffix(end).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        };
        let of_ci =
            path.starts_with(".github/workflows/") || path.starts_with(".gitlab/") && is_pipeline(path);
        of_ci || STARTS.iter().any(|end| ends(end)) || Self::from_path(path).is_some()
    }

    /// The paths of further settings that the text of such a file may name, as it writes them.
    pub fn named_paths(path: &str, text: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        let found = match Self::from_path(path).map(|file| file.kind) {
            Some(ScannerFileKind::Words(words)) if !is_pipeline(path) => {
                paths(&lines_with(words, &text)).collect()
            }
            Some(ScannerFileKind::Lines | ScannerFileKind::Patterns) => Vec::new(),
            Some(ScannerFileKind::Text | ScannerFileKind::Tree(..)) => taken_in(&text),
            Some(ScannerFileKind::Part(..) | ScannerFileKind::Words(_) | ScannerFileKind::Sections(_))
            | None => text.lines().flat_map(told_to_scanner).collect::<Vec<_>>(),
        };
        let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        found.into_iter().filter(|path| is_settings(&name(path))).collect()
    }
}

/// True of a pipeline's own file among those that only some words make a scanner's.
fn is_pipeline(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end == "yml")
}

/// True of what stands between the words of settings.
fn is_between(c: char) -> bool {
    c.is_whitespace() || "\"'`<>=,;()[]{}".contains(c)
}

/// The words of a text that may be paths.
fn paths(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(is_between).map(|word| word.trim_end_matches([':', '.']));
    words.filter(|word| word.contains(['.', '/'])).map(str::to_owned)
}

/// The paths in lines whose key, or that of the list or section that they are in, takes other files in.
fn taken_in(text: &str) -> Vec<String> {
    let takes = |line: &str| {
        let line = line.to_ascii_lowercase();
        TAKING_IN.iter().any(|word| line.contains(word))
    };
    let (mut found, mut above) = (Vec::new(), "");
    for line in text.lines() {
        let said = line.trim();
        if said.starts_with('[') || said.ends_with([':', '[', '{']) {
            above = line;
        }
        if takes(line) || takes(above) {
            found.extend(paths(line));
        }
    }
    found
}

/// The words behind options of exceptions and settings in a line that starts a scanner.
fn told_to_scanner(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(is_between).filter(|word| !word.is_empty()).collect();
    let is_tool = |word: &&str| {
        let name = word.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        TOOLS.contains(&name.as_str())
    };
    let option = |word: &str| {
        let word = word.to_ascii_lowercase();
        word == "-c" || word.starts_with('-') && OPTIONS.iter().any(|part| word.contains(part))
    };
    // A hook's arguments stand in a line of their own.
    if !words.iter().any(is_tool) && !line.trim_start().starts_with("args:") {
        return Vec::new();
    }
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs.filter(|(before, _)| option(before)).map(|(_, word)| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_exceptions_are_known_by_what_they_hold() {
        for (path, text) in [
            (
                "config/owasp.xml",
                "<suppressions xmlns=\"https://jeremylong.github.io/DependencyCheck/dependency-suppression.1.3.xsd\"><suppress/>",
            ),
            ("ci/x.xml", "<FindBugsFilter><Match/></FindBugsFilter>"),
            ("zap/ci.tsv", "10010\tIGNORE\t(Cookie)\n"),
            ("cloud/mutes.yaml", "Mutelist:\n  Accounts:\n"),
            ("qa/findings.neon", "parameters:\n  ignoreErrors:\n"),
            ("ci/accepted-risks.txt", "CVE-2026-1\n"),
            ("known_vulns.json", "{\"a\": \"GHSA-aaaa\"}"),
            ("sec/suppressions.yaml", "a: 1\n"),
            (".vulnignore", "x\n"),
        ] {
            assert!(ScannerFile::from_path(path).is_none(), "{path}");
            assert!(ScannerFile::from_content(path, text.as_bytes()).is_some(), "{path}");
        }
        for (path, text) in [
            (".gitignore", "*.o\n"),
            (".dockerignore", "x\n"),
            ("perf/baseline.json", "{\"ms\": 3}"),
            ("app/allowlist.json", "[\"example.com\"]"),
            ("src/suppression.py", "CVE-2026-1"),
            ("docs/ignored.md", "CVE-2026-1"),
            ("locales/exceptions.en.yml", "a: not found\n"),
            ("advisories.json", "{\"id\": \"CVE-2026-1\"}"),
        ] {
            assert!(ScannerFile::from_content(path, text.as_bytes()).is_none(), "{path}");
        }
    }

    #[test]
    fn settings_name_further_ones() {
        for (path, text, names) in [
            (".gitleaks.toml", "[extend]\npath = \"ci/base.toml\"\n", "ci/base.toml"),
            ("phpstan.neon", "includes:\n  - qa/old.neon\n", "qa/old.neon"),
            ("psalm.xml", "<psalm errorBaseline=\"qa/old.xml\">\n", "qa/old.xml"),
            ("pom.xml", "<suppressionFile>qa/owasp.xml</suppressionFile>\n", "qa/owasp.xml"),
            ("trivy.yaml", "ignorefile: ./ci/risks.txt\n", "./ci/risks.txt"),
            (".gitlab-ci.yml", "  - trivy image --ignorefile ci/risks.txt app\n", "ci/risks.txt"),
            ("Makefile", "\tbandit -r src -c ci/b.yaml\n", "ci/b.yaml"),
            (".pre-commit-config.yaml", "        args: ['--baseline', 'ci/b.json']\n", "ci/b.json"),
        ] {
            assert!(ScannerFile::may_name_others(path), "{path}");
            assert_eq!(ScannerFile::named_paths(path, text.as_bytes()), [names], "{path}");
        }
        for (path, text) in [
            (".checkov.yaml", "skip-path:\n  - k8s/dev.yaml\n"),
            (".semgrep.yml", "rules:\n  - paths:\n      include: [src/app.py]\n"),
            (".gitlab-ci.yml", "  - checkov -f Dockerfile.yaml\n  - cat -c a.yaml\n"),
        ] {
            assert_eq!(ScannerFile::named_paths(path, text.as_bytes()), [""; 0], "{path}");
        }
    }
}
